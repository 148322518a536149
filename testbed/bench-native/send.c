/* SPDX-License-Identifier: GPL-2.0-only */
/* SENDs of 64 bytes one way: the receiver has twice as many receives posted as are under way. */
#include "testbed/bench-native/bench.h"

#define MESSAGE_BYTES 64u
#define RECEIVES (2 * PAIR_DEPTH)

static void post_receive(struct pair *pair, uint32_t slot)
{
	uint8_t *buffers = pair->workload;

	if (roce_post_receive(pair->device[1], pair->qpn[1], slot, buffers + slot * MESSAGE_BYTES, MESSAGE_BYTES))
		bench_fail("cannot post");
}

static void start(struct pair *pair)
{
	pair->workload = bench_buffer((RECEIVES + PAIR_DEPTH) * MESSAGE_BYTES);
	pair_connect(pair);
	for (uint32_t slot = 0; slot < RECEIVES; slot++)
		post_receive(pair, slot);
}

static void post_send(struct pair *pair, uint32_t slot)
{
	const uint8_t *buffers = (const uint8_t *)pair->workload + RECEIVES * MESSAGE_BYTES;

	if (roce_post_send(pair->device[0], pair->qpn[0], slot, buffers + slot * MESSAGE_BYTES, MESSAGE_BYTES, pair->now_ns))
		bench_fail("cannot post");
}

static void run(struct pair *pair, uint64_t operations)
{
	struct roce_event sent, received;
	uint64_t posted = 0;

	for (; posted < PAIR_DEPTH && posted < operations; posted++)
		post_send(pair, (uint32_t)posted);
	for (uint64_t ended = 0; ended < operations; ended++) {
		pair_completion(pair, 0, &sent);
		pair_completion(pair, 1, &received);
		post_receive(pair, (uint32_t)received.cookie);
		if (posted == operations)
			continue;
		post_send(pair, (uint32_t)sent.cookie);
		posted++;
	}
}

const struct workload workload_send = { .name = "64-byte SEND", .start = start, .run = run };
