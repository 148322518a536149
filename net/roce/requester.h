/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of the requester: requester.c takes answers in, requester_holes.c keeps what is missing,
 * requester_timer.c waits, requester_output.c sends requests.
 */
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

/* requester_timer.c */
/* Start the retransmission timer. */
void roce_requester_arm(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns);
/* An answer that came before comes again: was the probe needless? */
void roce_requester_duplicate(struct roce_device *device, struct requester *r, uint64_t sequence);
/* `unacknowledged` has moved: did it pass the packet whose round trip is measured? */
void roce_requester_sampled(struct requester *r, uint64_t now_ns);
/* The oldest hole is still open, but the peer is heard: the repair may be on its way among its answers. */
void roce_requester_put_probe_off(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns);

/* requester_holes.c */
/* Send everything from `sequence` on again. */
void roce_requester_go_back(struct requester *r, uint64_t sequence);
void roce_requester_forget_held(struct requester *r);
/* The peer has executed everything below `end`. */
void roce_requester_acknowledge(struct requester *r, uint64_t end);
/* `seen` has arrived, and here is proof: its answer, or a report. */
void roce_requester_repair(struct requester *r, uint64_t seen);
/*
 * The report of a peer that misses `base`: what it holds behind it, `*last` at the end. False when it says nothing, or more
 * than can be true.
 */
bool roce_requester_note_report(struct roce_device *device, struct queue_pair *qp, uint64_t base,
				const struct roce_packet *packet, uint64_t *last);

#endif
