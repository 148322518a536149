/* SPDX-License-Identifier: GPL-2.0-only */
/* Two RoCE devices and a wire between them that loses, repeats, reorders and corrupts datagrams, all from one seed. */
#ifndef TESTS_UNIT_ROCE_RIG_H
#define TESTS_UNIT_ROCE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/roce/roce.h"

#define RIG_FLYING_MAX 1024
#define RIG_DELAY_NS UINT64_C(10000)
#define RIG_PORT 20557
#define RIG_FRAME_BYTES 66		/* around a datagram on an Ethernet: preamble, headers, checksum, gap */
#define RIG_HELD_MAX 256

struct rig_flying {
	bool used;
	int to;
	uint64_t arrives_ns;
	uint64_t order;
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

struct rig {
	struct roce_device *device[2];
	void *memory[2];
	int queue[2];
	uint32_t connection[2];
	uint32_t qpn[2];
	uint64_t now_ns;
	uint64_t ahead_ns[2];		/* this device's clock, of now_ns; it may jump, and wraps around as backward */
	uint64_t seed;
	uint64_t delay_ns;		/* one way */
	uint64_t bytes_per_us;		/* of each direction of the wire; 0: no limit */
	uint64_t busy_until_ns[2];	/* the direction towards this device */
	unsigned loss_permille, repeat_permille, reorder_permille, corrupt_permille;
	bool cut[2];			/* nothing arrives at this device */
	uint64_t carried;
	struct rig_flying *flying;
	bool (*drop)(struct rig *rig, const struct roce_datagram *datagram, int to);	/* a test's own choice */
	void *drop_context;
	void (*stranger)(struct rig *rig, const struct roce_datagram *datagram);	/* gets what device 1 would */
	void *stranger_context;
};

static inline uint32_t rig_random(struct rig *rig)
{
	rig->seed ^= rig->seed << 13;
	rig->seed ^= rig->seed >> 7;
	rig->seed ^= rig->seed << 17;
	return (uint32_t)(rig->seed >> 16);
}

static inline bool rig_chance(struct rig *rig, unsigned permille)
{
	return permille && rig_random(rig) % 1000 < permille;
}

static inline void rig_random_bytes(void *context, void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = (uint8_t)(rig_random(context) >> 8);
}

static inline uint32_t rig_address(int side)
{
	return 0x0a000001u + (uint32_t)side;
}

static inline struct roce_config rig_config(struct rig *rig, int side, uint32_t mtu_bytes)
{
	return (struct roce_config){
		.address = rig_address(side),
		.path_mtu_bytes = mtu_bytes,
		.guid = 0x5254000000000000u + (uint64_t)side,
		.limits = { .queue_pairs_max = 12, .memory_regions_max = 9, .queues_max = 3, .connections_max = 12,
			    .listeners_max = 2, .queue_events_max = 1024, .send_depth_max = 48, .receive_depth_max = 40,
			    .held_packets_max = RIG_HELD_MAX },
		.environment = { .random = rig_random_bytes, .context = rig },
	};
}

static inline void rig_make_device(struct rig *rig, int side, const struct roce_config *config)
{
	size_t bytes = roce_device_bytes(config);

	assert_true(bytes > 0);
	free(rig->memory[side]);
	rig->memory[side] = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	rig->device[side] = roce_device_create(rig->memory[side], config, rig->now_ns);
	assert_non_null(rig->device[side]);
	rig->queue[side] = roce_queue_create(rig->device[side]);
	assert_true(rig->queue[side] >= 0);
}

static inline struct rig *rig_create(uint64_t seed, uint32_t mtu0_bytes, uint32_t mtu1_bytes)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig->seed = seed * 0x9e3779b97f4a7c15u + 1;
	rig->now_ns = 1000000000;
	rig->delay_ns = RIG_DELAY_NS;
	rig->flying = calloc(RIG_FLYING_MAX, sizeof(*rig->flying));
	for (int side = 0; side < 2; side++) {
		struct roce_config config = rig_config(rig, side, side ? mtu1_bytes : mtu0_bytes);

		rig_make_device(rig, side, &config);
	}
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
	return rig;
}

static inline void rig_destroy(struct rig *rig)
{
	free(rig->memory[0]);
	free(rig->memory[1]);
	free(rig->flying);
	free(rig);
}

/* When the last byte of a datagram that leaves now is on the wire. */
static inline uint64_t rig_sent_ns(struct rig *rig, size_t len_bytes, int to)
{
	if (rig->bytes_per_us == 0)
		return rig->now_ns;
	if (rig->busy_until_ns[to] < rig->now_ns)
		rig->busy_until_ns[to] = rig->now_ns;
	return rig->busy_until_ns[to] += (len_bytes + RIG_FRAME_BYTES) * 1000 / rig->bytes_per_us;
}

static inline void rig_fly(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	for (int i = 0; i < RIG_FLYING_MAX; i++) {
		struct rig_flying *flying = &rig->flying[i];

		if (flying->used)
			continue;
		flying->used = true;
		flying->to = to;
		flying->datagram = *datagram;
		memcpy(flying->bytes, datagram->bytes, datagram->len_bytes);
		flying->datagram.bytes = flying->bytes;
		flying->arrives_ns = rig_sent_ns(rig, datagram->len_bytes, to) + rig->delay_ns;
		flying->order = rig->carried++;
		if (rig_chance(rig, rig->reorder_permille))
			flying->arrives_ns += rig_random(rig) % (20 * rig->delay_ns);
		if (rig_chance(rig, rig->corrupt_permille))
			flying->bytes[rig_random(rig) % datagram->len_bytes] ^= (uint8_t)(1u << rig_random(rig) % 8);
		return;
	}
	fail_msg("the wire is full");
}

static inline uint64_t rig_clock(const struct rig *rig, int side)
{
	return rig->now_ns + rig->ahead_ns[side];
}

static inline uint64_t rig_deadline_ns(const struct rig *rig, int side)
{
	uint64_t deadline_ns = roce_deadline_ns(rig->device[side]);

	return deadline_ns == UINT64_MAX ? UINT64_MAX : deadline_ns <= rig_clock(rig, side) ? 0 : deadline_ns - rig->ahead_ns[side];
}

/* A datagram that a device or a stranger has sent meets its fate. */
static inline void rig_carry(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	assert_int_equal(datagram->destination_address, rig_address(to));
	assert_true(datagram->len_bytes <= ROCE_DATAGRAM_BYTES_MAX);
	if (rig->cut[to] || rig_chance(rig, rig->loss_permille) || (rig->drop && rig->drop(rig, datagram, to)))
		return;
	rig_fly(rig, datagram, to);
	if (rig_chance(rig, rig->repeat_permille))
		rig_fly(rig, datagram, to);
}

/* Put everything that the devices want to send on the wire. */
static inline void rig_send(struct rig *rig)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];

	for (int side = 0; side < 2; side++) {
		struct roce_datagram datagram = { .bytes = bytes };

		while (roce_output(rig->device[side], &datagram, rig_clock(rig, side)))
			rig_carry(rig, &datagram, 1 - side);
	}
}

static inline bool rig_before(const struct rig_flying *a, const struct rig_flying *b)
{
	return a->arrives_ns != b->arrives_ns ? a->arrives_ns < b->arrives_ns : a->order < b->order;
}

/* Go to the next moment when something happens, and let it. False: nothing will until `limit_ns`. */
static inline bool rig_step_until(struct rig *rig, uint64_t limit_ns)
{
	struct rig_flying *first = NULL;
	uint64_t next_ns = UINT64_MAX;

	rig_send(rig);
	for (int i = 0; i < RIG_FLYING_MAX; i++)
		if (rig->flying[i].used && (!first || rig_before(&rig->flying[i], first)))
			first = &rig->flying[i];
	for (int side = 0; side < 2; side++)
		if (rig_deadline_ns(rig, side) < next_ns)
			next_ns = rig_deadline_ns(rig, side);
	if (first && first->arrives_ns <= next_ns)
		next_ns = first->arrives_ns;
	if (next_ns == UINT64_MAX || next_ns > limit_ns)
		return false;
	if (next_ns > rig->now_ns)
		rig->now_ns = next_ns;
	if (first && first->arrives_ns <= rig->now_ns) {
		first->used = false;
		if (first->to == 1 && rig->stranger)
			rig->stranger(rig, &first->datagram);
		else
			roce_input(rig->device[first->to], &first->datagram, rig_clock(rig, first->to));
	}
	for (int side = 0; side < 2; side++)
		if (rig_deadline_ns(rig, side) <= rig->now_ns)
			roce_tick(rig->device[side], rig_clock(rig, side));
	return true;
}

static inline bool rig_step(struct rig *rig)
{
	return rig_step_until(rig, UINT64_MAX);
}

static inline void rig_run(struct rig *rig, uint64_t time_ns)
{
	uint64_t end_ns = rig->now_ns + time_ns;

	while (rig_step_until(rig, end_ns))
		;
	rig->now_ns = end_ns;
}

/* Run until `side` has an event, at most `timeout_ns`. */
static inline bool rig_wait(struct rig *rig, int side, struct roce_event *event, uint64_t timeout_ns)
{
	uint64_t end_ns = rig->now_ns + timeout_ns;

	memset(event, 0, sizeof(*event));
	while (!roce_queue_poll(rig->device[side], rig->queue[side], event))
		if (!rig_step_until(rig, end_ns))
			return false;
	return true;
}

#define RIG_SECOND UINT64_C(1000000000)

/* Connect device 0 to device 1; `receives` are posted on the passive side before it accepts. */
static inline void rig_connect(struct rig *rig, uint64_t peer0, uint64_t peer1)
{
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
					.cookie = 5, .peer = peer0, .private_data = "hello", .private_len_bytes = 5,
					.timeout_ns = 20 * RIG_SECOND };
	struct roce_event event;

	assert_int_equal(roce_connect(rig->device[0], &connect, &rig->connection[0], rig->now_ns), 0);
	rig->qpn[0] = roce_connection_qpn(rig->device[0], rig->connection[0]);
	assert_int_not_equal(rig->qpn[0], 0);
	assert_true(rig_wait(rig, 1, &event, 20 * RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_CONNECT_REQUEST);
	assert_int_equal(event.cookie, 77);
	assert_int_equal(event.service_port, RIG_PORT);
	assert_int_equal(event.remote_address, rig_address(0));
	assert_int_equal(event.len_bytes, ROCE_REQ_PRIVATE_BYTES_MAX);
	assert_memory_equal(event.private_data, "hello\0", 6);
	rig->connection[1] = event.connection;
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, peer1, &rig->qpn[1]), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, "welcome", 7, rig->now_ns), 0);
	assert_true(rig_wait(rig, 0, &event, 20 * RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_ESTABLISHED);
	assert_int_equal(event.connection, rig->connection[0]);
	assert_int_equal(event.cookie, 5);
	assert_memory_equal(event.private_data, "welcome\0", 8);
	assert_true(rig_wait(rig, 1, &event, 20 * RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_ESTABLISHED);
	assert_int_equal(event.connection, rig->connection[1]);
}

/* The next event of `side` must be this completion. */
static inline uint32_t rig_expect(struct rig *rig, int side, enum roce_opcode opcode, uint64_t cookie, int status)
{
	struct roce_event event;

	assert_true(rig_wait(rig, side, &event, 60 * RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_COMPLETION);
	assert_int_equal(event.cookie, cookie);
	assert_int_equal(event.opcode, opcode);
	assert_int_equal(event.status, status);
	assert_int_equal(event.qpn, rig->qpn[side]);
	return event.len_bytes;
}

static inline void rig_expect_disconnected(struct rig *rig, int side, int status)
{
	struct roce_event event;

	assert_true(rig_wait(rig, side, &event, 60 * RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_DISCONNECTED);
	assert_int_equal(event.connection, rig->connection[side]);
	assert_int_equal(event.status, status);
}

/* Side 1 lends memory to peers with tag 0, from address 0 on. Returns the rkey. */
static inline uint32_t rig_share(struct rig *rig, void *memory, size_t len_bytes, uint32_t access)
{
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = memory, .len_bytes = len_bytes, .access = access };
	uint32_t rkey = 0;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	return rkey;
}

static inline void rig_fill(struct rig *rig, void *bytes, size_t len)
{
	rig_random_bytes(rig, bytes, len);
}

#endif
