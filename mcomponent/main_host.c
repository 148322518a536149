/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mcomponentd: the memory component as a Linux process, so that an ordinary server lends memory to the rack.
 *
 * The same state machines as in the image (mcomponent.h, net/node/agent.h), over a UDP socket or an RDMA device
 * instead of a network card,
 * and in one thread instead of under a lock. What it lends is mapped, touched and locked at the start: a rack must not
 * hear of a promise that the server cannot keep.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <generated/build_id.h>

#include "lib/crc.h"
#include "mcomponent/host_options.h"
#include "mcomponent/mcomponent.h"
#include "net/node/agent.h"
#include "net/port/link.h"

#define SESSIONS_MAX 1u			/* to the manager, which calls back over it */
#define HANDSHAKES_MAX 1024u		/* answered in two epochs */
#define POLL_CEILING_MS 1000
#define MEMORY_ALIGNMENT 64u
#define CLOCK_FIRST_NS 1u		/* a time of 0 means "never" to some */
#define NS_PER_S UINT64_C(1000000000)

_Static_assert(sizeof(BUILD_ID) <= BUILD_ID_BYTES, "fits the join message");

static struct {
	struct host_options options;
	struct link link;
	struct host_port port;
	struct roce_device *device;	/* the port's */
	struct secure *secure;
	uint32_t keys_version;		/* as the key file has them */
	struct rpc_endpoint *rpc;
	struct mcomponent component;
	struct agent agent;
	size_t own_bytes;		/* what this program keeps for itself */
	size_t table_bytes;
	uint64_t start_ns;
} host;

/* Time as the state machines see it: since the start, as in a component kernel; the manager is told how long a join took. */
static uint64_t now_since_start_ns(void)
{
	return udp_port_now_ns() - host.start_ns;
}

__attribute__((format(printf, 1, 2))) static void log_line(const char *format, ...)
{
	struct timespec now;
	va_list arguments;

	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(stderr, "time=%lld.%03ld ", (long long)now.tv_sec, now.tv_nsec / 1000000);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

/* ---------------------------------------------------------------- called by the state machines */

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	(void)context;
	agent_session_changed(&host.agent, session, event, now_ns);
}

static void peer_refused(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now_ns)
{
	struct in_addr peer = { htonl(address) };

	(void)context;
	(void)now_ns;
	log_line("event=peer_refused address=%s status=%d reason=\"%s\" its_version=%u our_version=%u", inet_ntoa(peer), status,
		 rpc_refusal_reason(status), version_major, RPC_VERSION_MAJOR);
}

static void renew_fill(void *context, struct wire_node_renew *renew, uint64_t now_ns)
{
	const struct roce_counters *roce = roce_counters(host.device);
	struct timespec busy;

	(void)context;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &busy);
	renew->uptime_us = now_ns / 1000;
	renew->busy_ns = (uint64_t)busy.tv_sec * NS_PER_S + (uint64_t)busy.tv_nsec;
	renew->packets_received = roce->packets_received;
	renew->packets_sent = roce->packets_sent;
	renew->packets_refused = roce_refused(roce);
	renew->retransmits = roce->retransmits;
	mcomponent_renew(&host.component, renew);
}

static void agent_said(void *context, enum agent_event event, int status, uint64_t now_ns)
{
	(void)context;
	(void)now_ns;
	switch (event) {
	case AGENT_MANAGER_UP:
		log_line("event=manager state=up");
		break;
	case AGENT_MANAGER_DOWN:
		log_line("event=manager state=down");
		break;
	case AGENT_JOINED:
		mcomponent_set_rack(&host.component, host.agent.rack_flags);
		log_line("event=joined node=%u lease_ms=%u", host.agent.node, host.agent.lease_ms);
		break;
	case AGENT_REFUSED:
		log_line("event=join_refused status=%d reason=\"%s\"; the manager's log says more", status, strerror(-status));
		break;
	case AGENT_FORGOTTEN:
		log_line("event=forgotten status=%d", status);
		break;
	}
}

static size_t counters_text(void *context, char *text, size_t bytes)
{
	const struct roce_counters *roce = roce_counters(host.device);
	const struct secure_counters *secure = secure_counters(host.secure);
	size_t len = 0;

	(void)context;
#define APPEND_OF(prefix, from) (node_counters_append(text, bytes, &len, prefix, (from)));
#define APPEND_PORT(name) APPEND_OF("udp_" #name, host.port.udp->counters.name)
#define APPEND_ROCE(name) APPEND_OF("roce_" #name, roce->name)
#define APPEND_REFUSAL(name, meaning) APPEND_ROCE(name)
#define APPEND_SECURE(name) APPEND_OF("secure_" #name, secure->name)
	APPEND_OF("kernel_bytes", host.own_bytes)
	APPEND_OF("agent_joins", host.agent.joins)
	APPEND_OF("agent_renewals", host.agent.renewals)
	APPEND_OF("agent_renewals_failed", host.agent.renewals_failed)
	if (host.port.udp != NULL) {
		UDP_PORT_COUNTERS(APPEND_PORT)
	}
	ROCE_REFUSALS(APPEND_REFUSAL)
	ROCE_COUNTERS(APPEND_ROCE)
	node_counters_append_rpc(text, bytes, &len, host.rpc);
	SECURE_COUNTERS(APPEND_SECURE)
	return len;
}

/* ---------------------------------------------------------------- start */

static void *own_memory(size_t bytes, const char *what)
{
	void *memory = aligned_alloc(MEMORY_ALIGNMENT, (bytes + MEMORY_ALIGNMENT - 1) & ~(size_t)(MEMORY_ALIGNMENT - 1));

	if (bytes == 0 || memory == NULL)
		host_die("not enough memory for %s", what);
	host.own_bytes += bytes;
	return memory;
}

static void start_network(uint32_t pages)
{
	struct roce_config roce = { .address = host.options.address,
				    .environment = { .random = udp_port_random, .crc = crc_best() } };
	struct rpc_config rpc = { .limits.sessions_max = SESSIONS_MAX, .types = mcomponent_rpc_types, .names = node_type_names,
				  .context = &host.component, .session_changed = session_changed, .peer_refused = peer_refused };
	struct secure_config secure = { .replays_max = HANDSHAKES_MAX, .environment = { .random = udp_port_random } };
	char error[200];
	void *memory;

	for (unsigned i = 0; i < LINK_MAC_BYTES; i++)
		roce.guid = roce.guid << 8 | host.options.mac[i];
	mcomponent_limits(pages, &roce.limits);
	rpc_device_limits(&rpc.limits, &roce.limits);
	if (host_port_open(&host.port, host.options.port, &roce, host.options.foreign_peers, now_since_start_ns(), error, sizeof(error)) != 0)
		host_die("%s", error);
	host.device = host.port.device;
	host.own_bytes += host.port.device_bytes;
	log_line("event=port port=%s path_mtu_bytes=%u reason=\"%s\"", host_port_name(&host.port), host.port.path_mtu_bytes,
		 host.port.reason);
	secure.address = host.options.address;
	host.secure = secure_create(own_memory(secure_bytes(&secure), "the rack's key"), &secure, now_since_start_ns());
	if (host.secure == NULL || key_file_use(&host.options.keys, host.secure) != 0)
		host_die("the rack's key could not be set up");
	secure_erase(&host.options.keys, sizeof(host.options.keys));
	host.keys_version = secure_keys_version(host.secure);
	rpc.device = host.device;
	rpc.secure = host.secure;
	while (rpc.incarnation == 0)
		udp_port_random(NULL, &rpc.incarnation, sizeof(rpc.incarnation));
	memory = own_memory(rpc_endpoint_bytes(&rpc), "the RPC endpoint");
	host.rpc = rpc_endpoint_create(memory, &rpc, now_since_start_ns());
	assert(host.rpc != NULL);
	if (roce_register_local(host.device, memory, rpc_endpoint_bytes(&rpc)) != 0)
		host_die("the RDMA device cannot have the program's memory; allow more locked memory (ulimit -l, LimitMEMLOCK=)");
}

/* Map what is lent: frames with their tables behind them, all there from now on. */
static void start_store(uint32_t pages)
{
	struct mcomponent_config config = { .device = host.device, .endpoint = host.rpc, .secure = host.secure, .pages = pages,
					    .flat = host.port.udp == NULL, .counters_text = counters_text };
	size_t frames_bytes = (size_t)pages << PAGE_SHIFT, bytes;
	uint8_t *run;
	int status;

	host.table_bytes = region_set_table_bytes(pages);
	bytes = frames_bytes + host.table_bytes;
	run = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (run == MAP_FAILED)
		host_die("cannot get %zu bytes to lend: %s", bytes, strerror(errno));
	if (mlock(run, bytes) != 0)
		log_line("event=not_locked reason=\"%s\": what is lent may be swapped out; allow it with ulimit -l or LimitMEMLOCK=",
			 strerror(errno));
	config.frames = run;
	config.tables = run + frames_bytes;
	status = mcomponent_init(&host.component, &config);
	if (status != 0)
		host_die("the memory service cannot start: %s", strerror(-status));
	log_line("event=store pages=%u table_bytes=%zu own_bytes=%zu flat=%d", pages, host.table_bytes, host.own_bytes, config.flat);
}

static void start_agent(uint32_t pages)
{
	struct agent_config config = { .endpoint = host.rpc, .manager_address = host.options.manager, .manager_port = WIRE_PORT_RPC,
				       .fill = renew_fill, .event = agent_said };
	struct wire_node_join *join = &config.join;

	join->role = WIRE_ROLE_MEMORY;
	join->page_bytes = PAGE_BYTES;
	join->incarnation = rpc_incarnation(host.rpc);
	join->capacity_pages = pages;
	join->kernel_bytes = host.own_bytes + sizeof(host);
	join->table_bytes = host.table_bytes;
	join->cpus = 1;
	join->region_shift = REGION_SHIFT;
	memcpy(join->mac, host.options.mac, LINK_MAC_BYTES);
	memcpy(join->name, host.options.name, sizeof(join->name));
	snprintf(join->build_id, sizeof(join->build_id), "%s", BUILD_ID);
	if (agent_start(&host.agent, &config, now_since_start_ns()) != 0)
		host_die("cannot open a session to the manager");
}

/* ---------------------------------------------------------------- the loop */

/* The manager has changed the rack's keys: the next start must find them. */
static void keep_keys(void)
{
	struct secure_key_set set;
	char error[300];

	if (host.keys_version == secure_keys_version(host.secure))
		return;
	host.keys_version = secure_keys_version(host.secure);
	secure_key_export(host.secure, &set);
	if (key_file_write(host.options.key_file, &set, error, sizeof(error)) != 0)
		log_line("event=keys_not_kept reason=\"%s\": copy the manager's key file here before the next start", error);
	else
		log_line("event=keys_kept in_use=%u count=%u", set.ids[0], set.count);
	secure_erase(&set, sizeof(set));
}

/* One pass over everything; returns when the next is due. */
static uint64_t turn(void)
{
	uint64_t now_ns = now_since_start_ns(), deadline_ns;

	host_port_receive(&host.port, now_ns);
	rpc_poll(host.rpc, now_ns);
	mcomponent_poll(&host.component, now_ns);
	keep_keys();
	agent_poll(&host.agent, now_ns);
	host_port_send(&host.port, now_ns);
	deadline_ns = roce_deadline_ns(host.device);
	if (rpc_deadline_ns(host.rpc) < deadline_ns)
		deadline_ns = rpc_deadline_ns(host.rpc);
	if (agent_deadline_ns(&host.agent) < deadline_ns)
		deadline_ns = agent_deadline_ns(&host.agent);
	return deadline_ns;
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		host_die("signals could not be set up: %s", strerror(errno));
	return fd;
}

static void serve(int signals)
{
	struct pollfd fds[2] = { { .fd = host.port.fd }, { .fd = signals, .events = POLLIN } };

	while ((fds[1].revents & POLLIN) == 0) {
		uint64_t deadline_ns = turn();

		fds[0].events = host_port_blocked(&host.port) ? POLLIN | POLLOUT : POLLIN;
		fds[1].revents = 0;
		/* Interrupted or failed: the next turn looks at everything either way. */
		poll(fds, 2, udp_port_timeout_ms(deadline_ns, now_since_start_ns(), POLL_CEILING_MS));
	}
}

int main(int count, char **words)
{
	int signals;
	uint32_t pages;

	host_options_parse(&host.options, count, words);
	host.start_ns = udp_port_now_ns() - CLOCK_FIRST_NS;
	if (host.options.address == host.options.manager)
		host_die("--ip and --gmm are the same machine's: the manager has that address's UDP port");
	if (!link_of_address(host.options.address, &host.link))
		host_die("--ip: no network card of this machine has this address");
	if (!host.options.mac_given)
		memcpy(host.options.mac, host.link.mac, LINK_MAC_BYTES);
	pages = region_set_pages_for(host.options.memory_bytes);
	if (pages < MCOMPONENT_PAGES_MIN)
		host_die("--memory: too little: %u pages of 4 KiB, and a node needs %u", pages, MCOMPONENT_PAGES_MIN);
	signals = open_signals();
	start_network(pages);
	start_store(pages);
	start_agent(pages);
	serve(signals);
	log_line("event=end; what was lent is gone");
	host_port_close(&host.port);
	return 0;
}
