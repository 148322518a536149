/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the two halves of the requester: requester.c takes answers in, requester_output.c sends requests. */
#ifndef PLENUM_NET_ROCE_REQUESTER_H
#define PLENUM_NET_ROCE_REQUESTER_H

#include "net/roce/internal.h"

/* The cursor goes to the i-th request, or behind the last. */
static inline void cursor_set(struct requester *r, uint32_t i)
{
	struct work_request *at = r->count > 0 ? r->first : NULL;

	assert(i <= r->count);
	r->cursor = i;
	while (i-- > 0)
		at = at->next;
	r->at = at;
}

static inline void cursor_step(struct requester *r)
{
	assert(r->cursor < r->count);
	r->cursor++;
	r->at = r->at->next;
}

static inline uint64_t request_end(const struct work_request *work)
{
	return work->first + work->packets;
}

/* The started request that contains `sequence`, which must be in [unacknowledged, assigned_end). */
static inline struct work_request *request_of(const struct requester *r, uint64_t sequence)
{
	struct work_request *work = r->first;

	while (request_end(work) <= sequence)
		work = work->next;
	return work;
}

/* Which one is that, counted from the oldest? */
static inline uint32_t request_index(const struct requester *r, uint64_t sequence)
{
	const struct work_request *work = r->first;
	uint32_t i = 0;

	for (; request_end(work) <= sequence; work = work->next)
		i++;
	assert(i < r->started);
	return i;
}

static inline bool received_test(const struct requester *r, uint64_t sequence)
{
	return r->received[sequence % SEQUENCE_SPAN_MAX / 64] >> (sequence % 64) & 1;
}

static inline void received_set(struct requester *r, uint64_t sequence, bool value)
{
	uint64_t bit = UINT64_C(1) << (sequence % 64);
	uint64_t *word = &r->received[sequence % SEQUENCE_SPAN_MAX / 64];

	assert(received_test(r, sequence) != value);
	*word = value ? *word | bit : *word & ~bit;
	r->landed = value ? r->landed + 1 : r->landed - 1;
}

/* Did the peer say that it keeps this packet, and not yet that it has executed it? */
static inline bool held_test(const struct requester *r, uint64_t sequence)
{
	uint64_t bit = sequence - r->held_base - 1;

	return r->held_base && sequence >= r->acknowledged && sequence > r->held_base && bit < HELD_REPORT_BITS &&
	       (r->held[bit / 64] >> (bit % 64) & 1);
}

/* Packets on their way: sent, not answered, and not known to have arrived. */
static inline uint64_t under_way(const struct requester *r)
{
	uint64_t span = r->next - r->unacknowledged;

	if (r->next < r->sent_end)
		return span;
	assert(r->landed + r->held_count <= span);
	return span - r->landed - r->held_count;
}

/* READs and atomics are answered by their own data, in any order; others by an acknowledgement of any later packet. */
static inline bool answered_by_data(const struct work_request *work)
{
	return work->opcode == ROCE_READ || work->opcode == ROCE_COMPARE_SWAP || work->opcode == ROCE_FETCH_ADD;
}

static inline bool answered(const struct requester *r, const struct work_request *work, uint64_t sequence)
{
	return answered_by_data(work) ? received_test(r, sequence) : sequence < r->acknowledged;
}

/* Fewer packets under way, for a loss that was found without a timeout. */
void roce_requester_shrink(struct requester *r);
/* Start the retransmission timer. */
void roce_requester_arm(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns);

#endif
