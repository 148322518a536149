/* SPDX-License-Identifier: GPL-2.0-only */
/* What the requester knows to be missing at its peer, or of its peer's answers, and what of it is sent again. */
#include "net/roce/requester.h"

void roce_requester_go_back(struct requester *r, uint64_t sequence)
{
	if (sequence < r->unacknowledged)
		sequence = r->unacknowledged;
	if (sequence >= r->next)
		return;
	r->next = sequence;
	cursor_set(r, request_index(r, sequence));
	r->sample_sent_ns = 0;
}

/* What the peer holds is told in bits at and after `acknowledged`; those below are executed. */
static void count_held(struct requester *r)
{
	uint64_t executed = r->acknowledged > r->held_base + 1 ? r->acknowledged - r->held_base - 1 : 0;

	r->held_count = 0;
	for (uint64_t i = executed; i < HELD_REPORT_BITS; i++)
		r->held_count += r->held[i / 64] >> (i % 64) & 1;
}

void roce_requester_forget_held(struct requester *r)
{
	r->held_base = 0;
	r->held_count = 0;
}

/* The peer has executed everything below `end`. */
void roce_requester_acknowledge(struct requester *r, uint64_t end)
{
	if (r->acknowledged >= end)
		return;
	r->acknowledged = end;
	if (r->held_count > 0)
		count_held(r);
}

/* A packet was seen to have arrived. Those below the result that were not are lost. */
static uint64_t lost_end(const struct requester *r, uint64_t seen)
{
	return seen + 1 == r->sent_end ? r->sent_end : seen - (REORDER_PACKETS - 1);
}

/*
 * `seen` has arrived, and here is proof: its answer, or a report. What is missing before it is sent again, once; and once
 * more when a packet was seen that was sent after the repair of the oldest hole. Else the probe and the timer find out.
 */
void roce_requester_repair(struct requester *r, uint64_t seen)
{
	uint64_t from = r->unacknowledged, end = lost_end(r, seen);

	if (from >= end || r->waiting_not_ready)
		return;
	if (r->guarded != from) {
		r->guarded = from;
		r->guard_end = r->sent_end;
	} else if (end > r->guard_end) {
		r->guard_end = r->sent_end;
		r->repair_next = r->repair_end = r->repaired_end = 0;
	}
	if (from < r->repaired_end)
		from = r->repaired_end;
	if (r->repair_next >= r->repair_end)
		r->repair_next = from;
	else if (from < r->repair_end)
		from = r->repair_end;
	if (from >= end)
		return;
	r->repair_end = end;
	r->sample_sent_ns = 0;
}

/*
 * The report of a peer that misses `base`: what it holds behind it. False when it says nothing, or more than can be true.
 * Reports overtake each other, and what a peer once held it keeps: so they are joined.
 */
bool roce_requester_note_report(struct roce_device *device, struct queue_pair *qp, uint64_t base, const struct roce_packet *packet,
			uint64_t *last)
{
	struct requester *r = &qp->requester;
	uint64_t held[HELD_REPORT_BITS / 64] = { 0 };

	if (packet->payload_len_bytes == 0)
		return false;
	*last = base;
	for (uint64_t i = 0; i < HELD_REPORT_BITS; i++)
		if (packet->payload[i / 8] >> (i % 8) & 1) {
			held[i / 64] |= UINT64_C(1) << (i % 64);
			*last = base + 1 + i;
		}
	if (*last == base || *last >= r->sent_end) {
		device->counters.reports_refused++;
		return false;
	}
	for (unsigned i = 0; i < HELD_REPORT_BITS / 64; i++)
		r->held[i] = base == r->held_base ? r->held[i] | held[i] : held[i];
	r->held_base = base;
	count_held(r);
	return true;
}

