/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/crc.h"
#include "testbed/bench-native/bench.h"

#define ALIGNMENT 64u
#define PAGE_BYTES 4096u
#define FRAME_BYTES ((ROCE_DATAGRAM_BYTES_MAX + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1))
#define PORT 20557
#define STEP_NS_MAX UINT64_C(1000000)
#define CONNECT_TIMEOUT_NS UINT64_C(1000000000)

void bench_fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("plenum-bench-transport: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint8_t *bench_buffer(size_t len_bytes)
{
	uint8_t *buffer = aligned_alloc(PAGE_BYTES, (len_bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1));

	if (!buffer)
		bench_fail("out of memory");
	for (size_t i = 0; i < len_bytes; i++)
		buffer[i] = (uint8_t)(i * 31 + (i >> 8));
	return buffer;
}

void pair_random(void *context, void *bytes, size_t len)
{
	static uint64_t state = 1;

	(void)context;
	for (size_t i = 0; i < len; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		((uint8_t *)bytes)[i] = (uint8_t)(state >> 56);
	}
}

void pair_config(struct roce_config config[PAIR_SIDES])
{
	for (unsigned side = 0; side < PAIR_SIDES; side++)
		config[side] = (struct roce_config){
			.address = PAIR_ADDRESS + side, .path_mtu_bytes = 4096, .guid = 1 + side,
			.read_budget_bytes = ROCE_READ_BUDGET_BYTES, .environment = { .random = pair_random, .crc = crc_best() },
			.limits = { .queue_pairs_max = 4, .memory_regions_max = 4, .queues_max = 2, .connections_max = 4,
				    .listeners_max = 2, .queue_events_max = 8 * PAIR_DEPTH, .send_depth_max = PAIR_DEPTH,
				    .receive_depth_max = 2 * PAIR_DEPTH },
		};
}

void pair_open(struct pair *pair, const struct roce_config config[PAIR_SIDES])
{
	uint64_t now_ns = bench_now_ns();

	*pair = (struct pair){ .now_ns = now_ns, .clock_ns = now_ns, .frames = bench_buffer(PAIR_BURST_PACKETS * FRAME_BYTES) };
	for (unsigned side = 0; side < PAIR_SIDES; side++) {
		void *memory = bench_buffer(roce_device_bytes(&config[side]));

		pair->device[side] = roce_device_create(memory, &config[side], pair->now_ns);
		if (!pair->device[side])
			bench_fail("the device's configuration is not valid");
		pair->queue[side] = roce_queue_create(pair->device[side]);
	}
}

static bool carry(struct pair *pair, unsigned from)
{
	struct roce_datagram burst[PAIR_BURST_PACKETS];
	unsigned count = 0;

	while (count < PAIR_BURST_PACKETS) {
		burst[count].bytes = pair->frames + count * FRAME_BYTES;
		if (!roce_output(pair->device[from], &burst[count], pair->now_ns))
			break;
		count++;
	}
	for (unsigned i = 0; i < count; i++)
		roce_input(pair->device[1 - from], &burst[i], pair->now_ns);
	return count > 0;
}

/* Between two turns the pair's clock advances by little: while another pair was measured, nothing of this one ran out. */
static void advance_clock(struct pair *pair)
{
	uint64_t clock_ns = bench_now_ns(), passed_ns = clock_ns - pair->clock_ns;

	pair->clock_ns = clock_ns;
	pair->now_ns += passed_ns < STEP_NS_MAX ? passed_ns : STEP_NS_MAX;
}

void pair_move(struct pair *pair)
{
	bool moved;

	do {
		if (!pair->frozen)
			advance_clock(pair);
		moved = carry(pair, 0);
		moved |= carry(pair, 1);
		for (unsigned side = 0; side < PAIR_SIDES; side++)
			if (roce_deadline_ns(pair->device[side]) <= pair->now_ns)
				roce_tick(pair->device[side], pair->now_ns);
	} while (moved);
}

static void expect(struct pair *pair, int side, enum roce_event_type type, struct roce_event *event)
{
	pair_move(pair);
	if (!roce_queue_poll(pair->device[side], pair->queue[side], event) || event->type != type)
		bench_fail("the devices do not connect");
}

void pair_connect(struct pair *pair)
{
	struct roce_connect connect = { .remote_address = PAIR_ADDRESS + 1, .remote_port = PORT, .queue = pair->queue[0],
					.timeout_ns = CONNECT_TIMEOUT_NS };
	struct roce_event event;
	uint32_t connection;

	if (roce_listen(pair->device[1], PORT, pair->queue[1], 0) ||
	    roce_connect(pair->device[0], &connect, &connection, pair->now_ns))
		bench_fail("the devices do not connect");
	expect(pair, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	if (roce_accept_begin(pair->device[1], event.connection, ROCE_PEER_ANY, &pair->qpn[1]) ||
	    roce_accept_finish(pair->device[1], event.connection, NULL, 0, pair->now_ns))
		bench_fail("the devices do not connect");
	expect(pair, 0, ROCE_EVENT_ESTABLISHED, &event);
	expect(pair, 1, ROCE_EVENT_ESTABLISHED, &event);
	pair->qpn[0] = roce_connection_qpn(pair->device[0], connection);
}

void pair_completion(struct pair *pair, int side, struct roce_event *event)
{
	if (!roce_queue_poll(pair->device[side], pair->queue[side], event)) {
		pair_move(pair);
		if (!roce_queue_poll(pair->device[side], pair->queue[side], event))
			bench_fail("an operation did not end");
	}
	if (event->type != ROCE_EVENT_COMPLETION || event->status != 0)
		bench_fail("an operation ended with status %d", event->status);
}

uint64_t pair_packets(const struct pair *pair)
{
	return roce_counters(pair->device[0])->packets_sent + roce_counters(pair->device[1])->packets_sent;
}
