/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nettest: card, Ethernet, RoCE and RPC of the kernels without a rack. Two machines on one wire, told apart by their command
 * line: `ip=A/24` alone serves a piece of memory and an echo call; `ip=B/24 peer=A` reads, writes and calls, prints KTAP
 * and leaves by QEMU's isa-debug-exit (status 1: all passed, 3: not). `poll_us=` is how long an idle processor polls.
 * `forever=1` goes on with single READs for whoever wants to look at the wire. tests/rack/test_network.py runs it.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/log.h>
#include <kernel/x86.h>

#include <plenum/page.h>
#include <plenum/wire.h>

#include "net/port/fabric.h"

#define DEBUG_EXIT_PORT 0xf4
#define SERVED_BYTES (1u << 20)
#define ECHO_TYPE 1u
#define PEER_TAG 7u
#define ANSWER_TIMEOUT_NS UINT64_C(5000000000)
#define WINDOW 16u
#define ROUNDS 2000u
#define TEXT_BYTES 16384u

static struct fabric *fabric;
static int queue;
static uint8_t served[SERVED_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint8_t local[SERVED_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct thread *main_thread;
static uint32_t connection, qpn, rkey, session;
static int connect_status;		/* 1: established; else negative, or 0 while it goes on */
static unsigned completions, failures;
static int last_status;
static bool session_up, echoed;
static bool test_failed;
static unsigned test_number, tests_bad;

static uint8_t pattern(uint32_t offset)
{
	return (uint8_t)(offset * 2654435761u >> 24);
}

/* ------------------------------------------------------------------ under the fabric's lock */

static void serve_connection(const struct roce_event *event, uint64_t now)
{
	uint32_t accepted;

	assert(roce_accept_begin(fabric_device(fabric), event->connection, PEER_TAG, &accepted) == 0);
	assert(roce_accept_finish(fabric_device(fabric), event->connection, &rkey, sizeof(rkey), now) == 0);
}

static void take_event(const struct roce_event *event, uint64_t now)
{
	switch (event->type) {
	case ROCE_EVENT_CONNECT_REQUEST:
		serve_connection(event, now);
		return;
	case ROCE_EVENT_ESTABLISHED:
		if (main_thread) {
			memcpy(&rkey, event->private_data, sizeof(rkey));
			connect_status = 1;
		}
		break;
	case ROCE_EVENT_REJECTED:
	case ROCE_EVENT_UNREACHABLE:
		connect_status = -EHOSTUNREACH;
		break;
	case ROCE_EVENT_DISCONNECTED:
		break;
	case ROCE_EVENT_COMPLETION:
		completions++;
		failures += event->status != 0;
		last_status = event->status;
		break;
	}
	if (main_thread)
		thread_wake(main_thread);
}

static void poll(void *context, uint64_t now)
{
	struct roce_event event;

	(void)context;
	while (roce_queue_poll(fabric_device(fabric), queue, &event))
		take_event(&event, now);
}

static void serve_echo(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	(void)context;
	rpc_reply(endpoint, request->token, 0, request->body, request->len_bytes, now);
}

static void echo_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now)
{
	(void)context;
	(void)now;
	echoed = status == 0 && len_bytes == cookie && memcmp(body, local, len_bytes) == 0;
	completions++;
	thread_wake(main_thread);
}

static void session_changed(void *context, uint32_t changed, enum rpc_session_event event, uint64_t now)
{
	(void)context;
	(void)changed;
	(void)now;
	session_up = event == RPC_SESSION_UP;
	if (main_thread)
		thread_wake(main_thread);
}

/* ------------------------------------------------------------------ the asking side */

#define check(condition) check_result((condition), #condition, __LINE__)
static void check_result(bool ok, const char *condition, int line)
{
	if (ok)
		return;
	test_failed = true;
	log_raw("# failed: %s (line %d)", condition, line);
}

static void finish_test(const char *name)
{
	log_raw("%sok %u %s", test_failed ? "not " : "", ++test_number, name);
	tests_bad += test_failed;
	test_failed = false;
}

static bool wait_for(unsigned count)
{
	uint64_t deadline_ns = now_ns() + ANSWER_TIMEOUT_NS;

	while (__atomic_load_n(&completions, __ATOMIC_ACQUIRE) < count && now_ns() < deadline_ns)
		thread_wait(deadline_ns);
	return completions >= count;
}

static void connect_data(uint32_t peer)
{
	struct roce_connect connect = {
		.remote_address = peer, .remote_port = WIRE_PORT_DATA, .queue = queue, .timeout_ns = ANSWER_TIMEOUT_NS,
	};
	uint64_t deadline_ns = now_ns() + 2 * ANSWER_TIMEOUT_NS, begin_ns;

	connect_status = 0;
	begin_ns = now_ns();
	fabric_lock(fabric);
	check(roce_connect(fabric_device(fabric), &connect, &connection, now_ns()) == 0);
	qpn = roce_connection_qpn(fabric_device(fabric), connection);
	fabric_unlock(fabric);
	while (__atomic_load_n(&connect_status, __ATOMIC_ACQUIRE) == 0 && now_ns() < deadline_ns)
		thread_wait(deadline_ns);
	check(connect_status == 1);
	log_raw("# connect_ns=%lu", now_ns() - begin_ns);
}

/* Post one READ or WRITE of the same bytes here and there. */
static int post(bool write, uint32_t offset, uint32_t len_bytes, uint32_t key)
{
	int status;

	fabric_lock(fabric);
	if (write)
		status = roce_post_write(fabric_device(fabric), qpn, offset, local + offset, len_bytes, offset, key,
					 now_ns());
	else
		status = roce_post_read(fabric_device(fabric), qpn, offset, local + offset, len_bytes, offset, key,
					now_ns());
	fabric_unlock(fabric);
	return status;
}

static bool transfer(bool write, uint32_t offset, uint32_t len_bytes)
{
	unsigned before = completions, failed = failures;

	return post(write, offset, len_bytes, rkey) == 0 && wait_for(before + 1) && failures == failed;
}

static void test_reads(void)
{
	static const uint32_t sizes[] = { 1, 3, 64, 4095, 4096, 4097, 65536, SERVED_BYTES };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !test_failed; i++) {
		uint32_t offset = sizes[i] < 65536 ? 4096 * i + i : 0, wrong = 0;

		memset(local, 0, sizeof(local));
		check(transfer(false, offset, sizes[i]));
		for (uint32_t at = offset; at < offset + sizes[i]; at++)
			wrong += local[at] != pattern(at);
		check(wrong == 0);
	}
	finish_test("READs of every size bring the right bytes");
}

static void test_writes(void)
{
	uint32_t wrong = 0;

	for (uint32_t at = 0; at < SERVED_BYTES; at++)
		local[at] = 255 - pattern(at);
	for (uint32_t offset = 0; offset < SERVED_BYTES && !test_failed; offset += PAGE_BYTES)
		check(transfer(true, offset, PAGE_BYTES));
	memset(local, 0, sizeof(local));
	check(transfer(false, 0, SERVED_BYTES));
	for (uint32_t at = 0; at < SERVED_BYTES; at++)
		wrong += local[at] != 255 - pattern(at);
	check(wrong == 0);
	finish_test("WRITEs of pages stay written");
}

static void test_latency(void)
{
	uint64_t least_ns = UINT64_MAX, start_ns = now_ns(), begin_ns;

	for (unsigned i = 0; i < ROUNDS && !test_failed; i++) {
		begin_ns = now_ns();
		check(transfer(false, i % (SERVED_BYTES / PAGE_BYTES) * PAGE_BYTES, PAGE_BYTES));
		if (now_ns() - begin_ns < least_ns)
			least_ns = now_ns() - begin_ns;
	}
	log_raw("# read_page mean_ns=%lu min_ns=%lu", (now_ns() - start_ns) / ROUNDS, least_ns);
	finish_test("single READs of a page");
}

static void test_window(void)
{
	unsigned before = completions, failed = failures;
	uint64_t start_ns = now_ns();

	for (unsigned i = 0; i < ROUNDS && !test_failed; i++) {
		if (i >= WINDOW)
			check(wait_for(before + i - WINDOW + 1));
		check(post(i % 4 == 3, i % (SERVED_BYTES / PAGE_BYTES) * PAGE_BYTES, PAGE_BYTES, rkey) == 0);
	}
	check(wait_for(before + ROUNDS) && failures == failed);
	log_raw("# pages_per_s=%lu", ROUNDS * UINT64_C(1000000000) / (now_ns() - start_ns));
	finish_test("many READs and WRITEs under way");
}

static void test_echo(uint32_t peer)
{
	static const uint32_t sizes[] = { 0, 1, 100, RPC_BODY_BYTES_MAX };
	uint64_t deadline_ns = now_ns() + ANSWER_TIMEOUT_NS;

	fabric_lock(fabric);
	check(rpc_open(fabric_rpc(fabric), peer, WIRE_PORT_RPC, &session, now_ns()) == 0);
	fabric_unlock(fabric);
	while (!__atomic_load_n(&session_up, __ATOMIC_ACQUIRE) && now_ns() < deadline_ns)
		thread_wait(deadline_ns);
	check(session_up);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !test_failed; i++) {
		unsigned before = completions;

		echoed = false;
		fabric_lock(fabric);
		check(rpc_call(fabric_rpc(fabric), session, ECHO_TYPE, local, sizes[i], ANSWER_TIMEOUT_NS, echo_done, NULL, sizes[i],
			       now_ns()) == 0);
		fabric_unlock(fabric);
		check(wait_for(before + 1) && echoed);
	}
	finish_test("calls are answered");
}

static void test_refusal(uint32_t peer)
{
	unsigned before = completions;
	uint32_t good = rkey;

	check(post(false, 0, PAGE_BYTES, good ^ 1) == 0);
	check(wait_for(before + 1) && last_status == -EACCES);
	fabric_lock(fabric);
	roce_disconnect(fabric_device(fabric), connection, now_ns());
	fabric_unlock(fabric);
	connect_data(peer);
	check(transfer(false, 0, PAGE_BYTES));
	finish_test("an unknown rkey is refused, and a new connection serves again");
}

static void test_counters(void)
{
	static const char *const zero[] = { "nic_receive_errors", "nic_transmit_full", "eth_drop_ip_checksum",
					    "eth_drop_udp_length", "roce_drop_icrc", "roce_retry_exhausted" };
	static char text[TEXT_BYTES];
	size_t len = fabric_counters_text(fabric, text, sizeof(text) - 1);

	check(len > 0 && len < sizeof(text) - 1 && text[len - 1] == '\n');
	text[len] = '\0';
	for (const char *line = text; line < text + len;) {
		const char *equals = line, *end;

		while (*equals != '=')
			equals++;
		for (end = equals; *end != '\n'; end++)
			;
		if (end - equals != 2 || equals[1] != '0')
			log_raw("# %.*s", (int)(end - line), line);
		for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
			if (strlen(zero[i]) == (size_t)(equals - line) && memcmp(line, zero[i], strlen(zero[i])) == 0)
				check(end - equals == 2 && equals[1] == '0');
		line = end + 1;
	}
	finish_test("counters tell of no errors");
}

static void ask(const char *peer_text)
{
	uint32_t peer;

	if (parse_ipv4(peer_text, &peer, NULL))
		panic("peer=%s is not an address", peer_text);
	main_thread = thread_this();
	log_raw("KTAP version 1");
	log_raw("1..8");
	connect_data(peer);
	finish_test("the peer is found and accepts");
	test_reads();
	test_writes();
	test_latency();
	test_window();
	test_echo(peer);
	test_refusal(peer);
	test_counters();
	while (command_line_number("forever", 0) && transfer(false, 0, PAGE_BYTES))
		;
	out8(DEBUG_EXIT_PORT, tests_bad ? 1 : 0);
}

/* ------------------------------------------------------------------ start */

static void serve(void)
{
	struct roce_memory_config config = {
		.ops = &roce_memory_plain_ops, .context = served, .len_bytes = sizeof(served),
		.access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, .peer = PEER_TAG,
	};

	for (uint32_t at = 0; at < SERVED_BYTES; at++)
		served[at] = pattern(at);
	assert(roce_memory_register(fabric_device(fabric), &config, &rkey) == 0);
	assert(roce_listen(fabric_device(fabric), WIRE_PORT_DATA, queue, 0) == 0);
}

void component_main(void)
{
	static const struct rpc_type types[] = { { ECHO_TYPE, 0, 0, RPC_BODY_BYTES_MAX, serve_echo, RPC_BODY_BYTES_MAX }, { 0 } };
	const char *ip = command_line_value("ip"), *peer = command_line_value("peer");
	uint32_t address, prefix_len = 24;
	struct fabric_config config = {
		.limits = { .queue_pairs_max = 8, .memory_regions_max = 4, .queues_max = 4, .connections_max = 8, .listeners_max = 4,
			    .queue_events_max = 512, .send_depth_max = 32, .receive_depth_max = 64 },
		.rpc_types = types, .rpc_limits = { .sessions_max = 4 }, .rpc_port = WIRE_PORT_RPC, .session_changed = session_changed, .poll = poll,
	};

	if (!ip || parse_ipv4(ip, &address, &prefix_len) || prefix_len == 0 || prefix_len > 30)
		panic("ip= needs an address with a prefix length, like 10.0.0.1/24");
	config.address = address;
	config.netmask = UINT32_MAX << (32 - prefix_len);
	fabric = fabric_start(&config);
	queue = roce_queue_create(fabric_device(fabric));
	assert(queue >= 0);
	if (!peer)
		serve();
	kernel_seal();
	if (peer)
		ask(peer);
	for (;;)
		thread_wait(UINT64_MAX);
}
