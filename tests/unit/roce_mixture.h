/* SPDX-License-Identifier: GPL-2.0-only */
/* A mixture of operations between two devices, over a wire that loses the requests that a test chooses. Include in one file of a program. */
#ifndef TESTS_UNIT_ROCE_MIXTURE_H
#define TESTS_UNIT_ROCE_MIXTURE_H

#include <errno.h>

#include "net/roce/held.h"
#include "tests/unit/roce_forge.h"

#define REGION (128u << 10)
#define RIGHTS (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC)
#define OPERATIONS 24u
#define BYTES 4096u
#define NOTHING UINT32_MAX

static _Alignas(8) uint8_t remote[REGION];
static uint8_t local[REGION], inboxes[OPERATIONS][BYTES];
static uint64_t found[OPERATIONS];

/* Which requests of device 0 are lost: by number, once each; or all with the PSN of the first while it is `stuck`. */
struct loss {
	uint32_t first, second;
	uint32_t seen;
	bool stuck;
	uint32_t psn;
	uint32_t reports;			/* that went back */
};

static inline bool lose(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct loss *loss = rig->drop_context;
	struct roce_packet packet;
	uint32_t number;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.opcode == OPCODE_ACKNOWLEDGE && packet.payload_len_bytes > 0)
		loss->reports++;
	if (to == 0 || packet.destination_qpn == 1)
		return false;
	number = loss->seen++;
	if (number == loss->first)
		loss->psn = packet.psn;
	return number == loss->first || number == loss->second || (loss->stuck && number > loss->first && packet.psn == loss->psn);
}

/* So that the round trip is known, and the window wide. */
static inline void warm_up(struct rig *rig, uint32_t rkey)
{
	static uint8_t bytes[65536];

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, bytes, sizeof(bytes), 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, i, 0);
	}
}

static inline struct rig *rig_with_loss(struct loss *loss, uint32_t mtu_bytes, uint32_t *rkey)
{
	struct rig *rig = rig_create(5, mtu_bytes, mtu_bytes);

	rig_fill(rig, local, sizeof(local));
	memset(remote, 0, sizeof(remote));
	*rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	warm_up(rig, *rkey);
	rig->drop = lose;
	rig->drop_context = loss;
	return rig;
}

/* Nobody's packets are left in the pool. */
static inline void assert_pool_free(const struct rig *rig)
{
	for (int side = 0; side < 2; side++)
		assert_int_equal(rig->device[side]->held_free_count, rig->device[side]->config.limits.held_packets_max);
}

static const enum roce_opcode turns[] = { ROCE_WRITE, ROCE_SEND, ROCE_FETCH_ADD, ROCE_READ };

static inline void post_mixture(struct rig *rig, uint32_t rkey)
{
	struct roce_device *device = rig->device[0];

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		uint32_t at = i * BYTES, qpn = rig->qpn[0];
		int status = -1;

		switch (turns[i % 4]) {
		case ROCE_WRITE:
			status = roce_post_write(device, qpn, i, local + at, BYTES, at, rkey, rig->now_ns);
			break;
		case ROCE_SEND:
			assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, inboxes[i], BYTES), 0);
			status = roce_post_send(device, qpn, i, local + at, BYTES, rig->now_ns);
			break;
		case ROCE_FETCH_ADD:
			status = roce_post_fetch_add(device, qpn, i, &found[i], REGION - 8, rkey, 1, rig->now_ns);
			break;
		default:	/* what the WRITE before brought: the order holds */
			memset(local + at, 0, BYTES);
			status = roce_post_read(device, qpn, i, local + at, BYTES, at - 3 * BYTES, rkey, rig->now_ns);
		}
		assert_int_equal(status, 0);
	}
}

static inline void expect_mixture(struct rig *rig)
{
	uint64_t count;

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		rig_expect(rig, 0, turns[i % 4], i, 0);
		if (turns[i % 4] == ROCE_FETCH_ADD)
			assert_int_equal(found[i], i / 4);
		else if (turns[i % 4] == ROCE_READ)
			assert_memory_equal(local + i * BYTES, local + (i - 3) * BYTES, BYTES);
		else if (turns[i % 4] == ROCE_SEND)
			rig_expect(rig, 1, ROCE_RECEIVE, i, 0);
	}
	for (uint32_t i = 1; i < OPERATIONS; i += 4)
		assert_memory_equal(inboxes[i], local + i * BYTES, BYTES);
	memcpy(&count, remote + REGION - 8, sizeof(count));
	assert_int_equal(count, OPERATIONS / 4);
}

#endif
