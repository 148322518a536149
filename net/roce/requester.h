/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the requester: requester.c takes answers in, requester_output.c sends requests. */
#ifndef PLENUM_NET_ROCE_REQUESTER_H
#define PLENUM_NET_ROCE_REQUESTER_H

#include "net/roce/internal.h"

/* The i-th unfinished request. */
static inline struct work_request *request(struct requester *r, uint32_t i)
{
	assert(i < r->count);
	return &r->ring[(r->head + i) & r->ring_mask];
}

static inline uint64_t request_end(const struct work_request *work)
{
	return work->first + work->packets;
}

/* Which started request contains `sequence`? It must be in [unacknowledged, assigned_end). */
static inline uint32_t request_index(struct requester *r, uint64_t sequence)
{
	uint32_t i = 0;

	while (request_end(request(r, i)) <= sequence)
		i++;
	assert(i < r->started);
	return i;
}

static inline bool received_test(const struct requester *r, uint64_t sequence)
{
	return r->received[sequence % RECEIVED_BITS / 64] >> (sequence % 64) & 1;
}

static inline void received_set(struct requester *r, uint64_t sequence, bool value)
{
	uint64_t bit = UINT64_C(1) << (sequence % 64);
	uint64_t *word = &r->received[sequence % RECEIVED_BITS / 64];

	*word = value ? *word | bit : *word & ~bit;
}

/* READs and atomics are answered by their own data, in any order; others by an acknowledgement of any later packet. */
static inline bool answered_by_data(const struct work_request *work)
{
	return work->opcode == ROCE_READ || work->opcode == ROCE_COMPARE_SWAP || work->opcode == ROCE_FETCH_ADD;
}

/* Start the retransmission timer. */
void roce_requester_arm(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns);

#endif
