// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels' network, from the card to the state machines.
 *
 * Invariants
 *  F1  Card, Ethernet, RoCE and RPC state, and what hangs on them, change only under fabric->lock. Looking whether the
 *      card has frames (pending) is the one exception: it may be wrong for a moment and costs no lock.
 *  F2  Nothing that is queued when the lock is dropped stays behind: it was sent, or the network thread was woken for it.
 *  F3  The thread sleeps no longer than the earliest deadline of all machines: who makes one earlier wakes it.
 *  F4  When nobody runs fabric code, the card's interrupt is armed, or the thread has been woken: no frame waits unseen.
 *  F5  Work under one hold of the lock is bounded by the two budgets below.
 *
 *	card --poll--> receive_frame --> eth_input --> roce_input          } take_in()
 *	               roce_tick, rpc_poll, config.poll (callbacks, wakes) }
 *	roce_output --> eth_wrap --> card buffer; eth_output --> card buffer; one doorbell: give_out()
 *
 * Three ways in: the network thread (interrupts and deadlines), an idle processor's poll (the fast answer to a miss), and
 * fabric_unlock() of anyone who posted work, which only sends.
 */
#include <assert.h>
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/rack_key.h>
#include <kernel/x86.h>

#include "net/eth/eth.h"
#include "net/node/counters.h"
#include "net/port/fabric.h"
#include "net/port/icrc.h"
#include "net/rping/service.h"

#define RECEIVE_BUDGET 64u		/* frames taken in under one hold of the lock */
#define TRANSMIT_BUDGET 128u		/* frames sent under one hold */
#define FABRIC_CPU 0u
#define IDLE_POLL_US_HARDWARE 20u
#define CPUID_1_ECX_HYPERVISOR (UINT32_C(1) << 31)
#define HANDSHAKES_MAX 256u		/* answered in two epochs: nodes connect once each, and again when they were lost */
#define MEMORY_ALIGN 64u		/* roce.h and rpc.h ask for it */

/* IPv4 and UDP headers and the longest RoCE headers must fit beside the payload in one packet of the link. */
#define PACKET_OVERHEAD_BYTES (20u + 8u + ROCE_OVERHEAD_BYTES_MAX)
#define PATH_MTU_MIN 256u

#define FABRIC_COUNTERS(X) \
	X(interrupts) X(interrupts_idle) X(thread_passes) X(idle_poll_passes) X(deadline_wakes) X(budget_spent) X(unsent)

struct fabric {
	struct fabric_config config;
	struct spinlock lock;
	struct nic *nic;
	struct roce_device *device;
	struct secure *secure;
	struct rpc_endpoint *rpc;
	struct rping_service *rping;	/* NULL: rping=off */
	struct thread *thread;
	uint64_t sleep_until_ns;	/* F3: the thread is awake by then; 0: it runs */
	bool idle_busy;			/* an idle processor is inside the poll: the others need not queue for the lock */
#define FABRIC_COUNTER_FIELD(name) uint64_t name;
	FABRIC_COUNTERS(FABRIC_COUNTER_FIELD)
#undef FABRIC_COUNTER_FIELD
	struct eth_interface eth;
};

/* The component's one network: the idle poll has no argument. */
static struct fabric *the_fabric;

static uint64_t earlier(uint64_t first_ns, uint64_t second_ns)
{
	return first_ns < second_ns ? first_ns : second_ns;
}

static uint64_t next_deadline_ns(const struct fabric *fabric)
{
	uint64_t deadline_ns = earlier(roce_deadline_ns(fabric->device), rpc_deadline_ns(fabric->rpc));

	if (fabric->rping)
		deadline_ns = earlier(deadline_ns, rping_service_deadline_ns(fabric->rping));
	if (fabric->config.deadline_ns)
		deadline_ns = earlier(deadline_ns, fabric->config.deadline_ns(fabric->config.poll_context));
	return deadline_ns;
}

/* ------------------------------------------------------------------ sending; under the lock */

/*
 * The next frame into `frame`: what net/eth has waiting first, then the transport's packets. Its length; 0 when there is
 * none; a negative status when a packet had no way there (yet): the ARP request for it is what comes next.
 */
static int next_frame(struct fabric *fabric, uint8_t *frame, uint64_t now)
{
	struct roce_datagram datagram = { .bytes = frame + ETH_HEADER_BYTES };
	size_t len_bytes = eth_output(&fabric->eth, frame, now);

	if (len_bytes)
		return (int)len_bytes;
	if (!roce_output(fabric->device, &datagram, now))
		return 0;
	return eth_wrap(&fabric->eth, frame, &datagram, now);
}

/* Send what is queued; true when some had to stay. */
static bool give_out(struct fabric *fabric, uint64_t now)
{
	const struct nic_operations *card = fabric->nic->operations;
	bool more = true;

	for (unsigned tries = 0; tries < TRANSMIT_BUDGET && more; tries++) {
		uint8_t *frame = card->transmit_buffer(fabric->nic);
		int len_bytes;

		if (!frame)
			break;
		len_bytes = next_frame(fabric, frame, now);
		if (len_bytes > 0)
			card->transmit(fabric->nic, (size_t)len_bytes);
		else if (len_bytes < 0)
			fabric->unsent++;
		else
			more = false;
	}
	card->transmit_flush(fabric->nic);
	return more;
}

/* F2 and F3, for everyone but the thread itself: send, and wake it for what it has to do sooner than it thinks. */
static void settle(struct fabric *fabric, uint64_t now)
{
	bool more = give_out(fabric, now);
	uint64_t deadline_ns = more ? 0 : next_deadline_ns(fabric);

	if (deadline_ns >= fabric->sleep_until_ns)
		return;
	fabric->sleep_until_ns = deadline_ns;
	fabric->deadline_wakes++;
	thread_wake(fabric->thread);
}

/* ------------------------------------------------------------------ receiving; under the lock */

struct receive_pass {
	struct fabric *fabric;
	uint64_t now;
};

static void receive_frame(void *context, uint8_t *frame, size_t len_bytes)
{
	struct receive_pass *pass = context;
	struct fabric *fabric = pass->fabric;
	struct roce_datagram datagram;
	uint8_t *answer;

	if (eth_input(&fabric->eth, frame, len_bytes, &datagram, pass->now) == 1)
		roce_input(fabric->device, &datagram, pass->now);
	if (!fabric->eth.reply_len_bytes)
		return;
	/* There is room for one answer: into the card with it, before the next frame wants one. */
	answer = fabric->nic->operations->transmit_buffer(fabric->nic);
	if (answer)
		fabric->nic->operations->transmit(fabric->nic, eth_output(&fabric->eth, answer, pass->now));
}

/* One pass over everything that can have happened; true when the budget was spent and frames may be left. */
static bool take_in(struct fabric *fabric, uint64_t now)
{
	struct receive_pass pass = { fabric, now };
	unsigned frames = fabric->nic->operations->poll(fabric->nic, receive_frame, &pass, RECEIVE_BUDGET);

	if (roce_deadline_ns(fabric->device) <= now)
		roce_tick(fabric->device, now);
	rpc_poll(fabric->rpc, now);
	if (fabric->rping)
		rping_service_poll(fabric->rping, now);
	if (fabric->config.poll)
		fabric->config.poll(fabric->config.poll_context, now);
	if (frames < RECEIVE_BUDGET)
		return false;
	fabric->budget_spent++;
	return true;
}

/* ------------------------------------------------------------------ the three ways in */

static bool idle_poll(void)
{
	struct fabric *fabric = the_fabric;
	uint64_t now;

	if (!fabric->nic->operations->pending(fabric->nic))
		return false;
	if (__atomic_exchange_n(&fabric->idle_busy, true, __ATOMIC_ACQUIRE))
		return false;
	spin_lock(&fabric->lock);
	fabric->idle_poll_passes++;
	now = now_ns();
	take_in(fabric, now);
	settle(fabric, now);
	/* What is left when the budget was spent is found by pending() next time, by whoever polls or is interrupted. */
	if (fabric->nic->operations->interrupt_arm(fabric->nic)) {
		fabric->sleep_until_ns = 0;
		thread_wake(fabric->thread);
	}
	spin_unlock(&fabric->lock);
	__atomic_store_n(&fabric->idle_busy, false, __ATOMIC_RELEASE);
	return true;
}

static bool in_virtual_machine(void)
{
	return cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR;
}

static void network_thread(void *argument)
{
	struct fabric *fabric = argument;
	/* Not before: until the starting thread first waits, the component may not be ready to be polled. */
	uint64_t idle_poll_ns = command_line_number("poll_us", in_virtual_machine() ? 0 : IDLE_POLL_US_HARDWARE) * 1000;

	if (idle_poll_ns)
		idle_set_poll(idle_poll, idle_poll_ns);
	for (;;) {
		uint64_t now, deadline_ns = 0;
		bool more;

		spin_lock(&fabric->lock);
		fabric->thread_passes++;
		fabric->sleep_until_ns = 0;
		now = now_ns();
		more = take_in(fabric, now);
		more |= give_out(fabric, now);
		if (!more)
			more = fabric->nic->operations->interrupt_arm(fabric->nic);
		if (!more)
			deadline_ns = next_deadline_ns(fabric);
		fabric->sleep_until_ns = deadline_ns;
		spin_unlock(&fabric->lock);
		if (more)
			thread_yield();
		else
			thread_wait(deadline_ns);
	}
}

/* On FABRIC_CPU. When an idle processor was quicker there is nothing to do, and the interrupt was armed again already. */
static void network_interrupt(void *argument)
{
	struct fabric *fabric = argument;

	fabric->interrupts++;
	if (!fabric->thread)
		return;
	if (!fabric->nic->operations->pending(fabric->nic)) {
		fabric->interrupts_idle++;
		return;
	}
	fabric->nic->operations->interrupt_disarm(fabric->nic);
	thread_wake(fabric->thread);
}

void fabric_lock(struct fabric *fabric)
{
	spin_lock(&fabric->lock);
}

void fabric_unlock(struct fabric *fabric)
{
	assert(spin_held(&fabric->lock));
	settle(fabric, now_ns());
	spin_unlock(&fabric->lock);
}

/* ------------------------------------------------------------------ start */

/* The largest path MTU (a power of two) whose packets the link carries. */
static uint32_t path_mtu_of(uint32_t link_mtu_bytes)
{
	uint32_t path_mtu_bytes = ROCE_PAYLOAD_BYTES_MAX;

	while (path_mtu_bytes >= PATH_MTU_MIN && path_mtu_bytes + PACKET_OVERHEAD_BYTES > link_mtu_bytes)
		path_mtu_bytes /= 2;
	if (path_mtu_bytes < PATH_MTU_MIN)
		panic("the network's MTU of %u bytes is too small", link_mtu_bytes);
	return path_mtu_bytes;
}

/* EUI-64 of a MAC: RFC 4291 appendix A. */
static uint64_t guid_of(const uint8_t *mac)
{
	uint64_t high = (uint64_t)(mac[0] ^ 2) << 16 | (uint64_t)mac[1] << 8 | mac[2];
	uint64_t low = (uint64_t)mac[3] << 16 | (uint64_t)mac[4] << 8 | mac[5];

	return high << 40 | UINT64_C(0xfffe) << 24 | low;
}

static void start_ethernet(struct fabric *fabric)
{
	struct eth_config config = {
		.address = fabric->config.address, .netmask = fabric->config.netmask, .gateway = fabric->config.gateway,
	};

	memcpy(config.mac, fabric->nic->mac, sizeof(config.mac));
	eth_init(&fabric->eth, &config);
}

static void start_roce(struct fabric *fabric)
{
	struct roce_config config = {
		.address = fabric->config.address,
		.path_mtu_bytes = path_mtu_of(fabric->nic->mtu_bytes),
		.guid = guid_of(fabric->nic->mac),
		.limits = fabric->config.limits,
		.environment = { .random = random_bytes, .crc = icrc_choose() },
		.read_budget_bytes = ROCE_READ_BUDGET_BYTES,
	};
	uint32_t address = config.address;

	fabric->device = roce_device_create(boot_alloc(roce_device_bytes(&config), MEMORY_ALIGN), &config, now_ns());
	if (!fabric->device)
		panic("the RoCE device's limits are not valid");
	log_line(LOG_INFO, "event=network address=%u.%u.%u.%u nic=%s link_mtu_bytes=%u path_mtu_bytes=%u icrc=%s",
		 address >> 24, address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff, fabric->nic->operations->name,
		 fabric->nic->mtu_bytes, config.path_mtu_bytes, config.environment.crc->name);
}

static void start_secure(struct fabric *fabric)
{
	const struct secure_config config = { .address = fabric->config.address, .replays_max = HANDSHAKES_MAX,
					      .environment = { .random = random_bytes } };
	char text[RACK_KEY_TEXT_BYTES];
	uint8_t key[SECURE_KEY_BYTES], id;

	rack_key_take(text);
	if (text[0] == '\0')
		panic("no rack key: put plenum.key=ID:HEX into the firmware's OEM strings, or key=ID:HEX on the command line");
	if (secure_key_parse(text, strlen(text), &id, key))
		panic("the rack's key is not ID:HEX with ID from 1 to 255 and 64 hexadecimal digits");
	fabric->secure = secure_create(boot_alloc(secure_bytes(&config), MEMORY_ALIGN), &config, now_ns());
	if (!fabric->secure || secure_key_add(fabric->secure, id, key))
		panic("the rack's key could not be set up");
	secure_erase(text, sizeof(text));
	secure_erase(key, sizeof(key));
	log_line(LOG_INFO, "event=rack_key id=%u", id);
}

/* rping=on: a service for anybody, so it is off unless the operator says so. Before the device is made. */
static void want_rping(struct fabric *fabric)
{
	const char *word = command_line_value("rping");

	if (!word || strcmp(word, "off") == 0)
		return;
	if (strcmp(word, "on") != 0)
		panic("command line: rping=%s is neither on nor off", word);
	fabric->rping = boot_alloc(sizeof(*fabric->rping), MEMORY_ALIGN);
	rping_service_limits(&fabric->config.limits);
}

static void start_rping(struct fabric *fabric)
{
	if (!fabric->rping)
		return;
	if (rping_service_start(fabric->rping, fabric->device, boot_alloc(RPING_SERVICE_BYTES, MEMORY_ALIGN)) != 0)
		panic("the rping service cannot start");
	log_line(LOG_INFO, "event=rping port=%u", RPING_PORT);
}

static void peer_refused(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now)
{
	(void)context;
	(void)now;
	log_line(LOG_WARNING, "event=peer_refused address=%u.%u.%u.%u status=%d reason=\"%s\" its_version=%u our_version=%u",
		 address >> 24, address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff, status, rpc_refusal_reason(status),
		 version_major, RPC_VERSION_MAJOR);
}

static void start_rpc(struct fabric *fabric)
{
	struct rpc_config config = {
		.device = fabric->device,
		.secure = fabric->secure,
		.port = fabric->config.rpc_port,
		.limits = fabric->config.rpc_limits,
		.types = fabric->config.rpc_types,
		.names = node_type_names,
		.context = fabric->config.rpc_context,
		.session_changed = fabric->config.session_changed,
		.peer_refused = peer_refused,
	};

	while (config.incarnation == 0)
		random_bytes(NULL, &config.incarnation, sizeof(config.incarnation));
	fabric->rpc = rpc_endpoint_create(boot_alloc(rpc_endpoint_bytes(&config), MEMORY_ALIGN), &config, now_ns());
	if (!fabric->rpc)
		panic("the RPC endpoint's limits are not valid");
}

struct fabric *fabric_start(const struct fabric_config *config)
{
	struct fabric *fabric = boot_alloc(sizeof(*fabric), MEMORY_ALIGN);

	assert(!the_fabric);
	fabric->config = *config;
	fabric->lock.name = "fabric";
	fabric->nic = nic_probe(network_interrupt, fabric, FABRIC_CPU);
	if (!fabric->nic)
		panic("no network card: needs a virtio-net (modern) or Intel 82574 (e1000e) with MSI-X");
	start_ethernet(fabric);
	want_rping(fabric);
	start_roce(fabric);
	start_secure(fabric);
	start_rpc(fabric);
	start_rping(fabric);
	the_fabric = fabric;
	fabric->thread = thread_create("network", FABRIC_CPU, network_thread, fabric);
	return fabric;
}

struct roce_device *fabric_device(struct fabric *fabric)
{
	return fabric->device;
}

struct rpc_endpoint *fabric_rpc(struct fabric *fabric)
{
	return fabric->rpc;
}

struct secure *fabric_secure(struct fabric *fabric)
{
	return fabric->secure;
}

const uint8_t *fabric_mac(const struct fabric *fabric)
{
	return fabric->nic->mac;
}

size_t fabric_counters_text(struct fabric *fabric, char *text, size_t bytes)
{
	const struct eth_counters *eth = &fabric->eth.counters;
	const struct roce_counters *roce = roce_counters(fabric->device);
	const struct secure_counters *secure = secure_counters(fabric->secure);
	size_t len = 0;

#define APPEND_OF(prefix, from) (node_counters_append(text, bytes, &len, prefix, (from)));
#define APPEND_NIC(name) APPEND_OF("nic_" #name, fabric->nic->name)
#define APPEND_FABRIC(name) APPEND_OF("fabric_" #name, fabric->name)
#define APPEND_ETH(name) APPEND_OF("eth_" #name, eth->name)
#define APPEND_ROCE(name) APPEND_OF("roce_" #name, roce->name)
#define APPEND_REFUSAL(name, meaning) APPEND_ROCE(name)
#define APPEND_SECURE(name) APPEND_OF("secure_" #name, secure->name)
#define APPEND_RPING(name) APPEND_OF("rping_" #name, fabric->rping->name)
	APPEND_NIC(frames_received) APPEND_NIC(frames_sent) APPEND_NIC(transmit_full) APPEND_NIC(receive_errors)
	FABRIC_COUNTERS(APPEND_FABRIC)
	ETH_COUNTERS(APPEND_ETH)
	ROCE_REFUSALS(APPEND_REFUSAL)
	ROCE_COUNTERS(APPEND_ROCE)
	SECURE_COUNTERS(APPEND_SECURE)
	if (fabric->rping) {
		RPING_SERVICE_COUNTERS(APPEND_RPING)
	}
	node_counters_append_rpc(text, bytes, &len, fabric->rpc);
	return len;
}
