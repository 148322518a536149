/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that came before one that is missing, towards peers that agreed to selective repeat. They are kept whole in one
 * pool for the whole device, and executed in order when the gap closes. The peer is told which ones are kept (`report`).
 *
 *  H1  The list of a queue pair is ordered by sequence number, and all of it is beyond what the responder expects, but for
 *      moments inside the responder.
 *  H2  What was reported is never dropped while the queue pair lives and its peer's requests are in order.
 *  H3  A queue pair may take a place only while more are free than it has. So one peer with a gap that it never closes
 *      gets half of the pool, two get a third each, and there is always a place for the next.
 */
#include "net/roce/held.h"

void roce_held_init(struct roce_device *device)
{
	uint32_t max = device->config.limits.held_packets_max;

	device->held_free_count = max;
	for (uint32_t i = max; i > 0; i--) {
		struct held_packet *held = (struct held_packet *)(device->held_pool + (i - 1) * roce_held_bytes(&device->config));

		held->next = device->held_free;
		device->held_free = held;
	}
}

/* Where in the list does `sequence` belong? `*again`: a packet that is kept covers it. */
static struct held_packet **place(struct responder *r, uint64_t sequence, bool *again)
{
	struct held_packet **link = &r->held;

	*again = false;
	/* Nearly always at the end. */
	if (r->held && sequence >= r->held_last->sequence + r->held_last->packets)
		return &r->held_last->next;
	while (*link && (*link)->sequence <= sequence) {
		*again |= sequence < (*link)->sequence + (*link)->packets;
		link = &(*link)->next;
	}
	return link;
}

enum held_result roce_held_add(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			       uint64_t sequence, uint32_t packets)
{
	struct responder *r = &qp->responder;
	struct held_packet **link, *held;
	bool again;

	assert(sequence > r->expected && packets > 0);
	link = place(r, sequence, &again);
	if (again)
		return HELD_AGAIN;
	if (packet->payload_len_bytes > qp->mtu_bytes || packets > HELD_REPORT_BITS ||
	    sequence - r->expected > HELD_REPORT_BITS - (packets - 1) || r->held_count >= device->held_free_count) {
		device->counters.requests_not_held++;
		return HELD_NOT;
	}
	held = device->held_free;
	device->held_free = held->next;
	device->held_free_count--;
	held->sequence = sequence;
	held->packets = packets;
	held->packet = *packet;
	held->packet.payload = held->payload;
	memcpy(held->payload, packet->payload, packet->payload_len_bytes);
	held->next = *link;
	*link = held;
	if (!held->next)
		r->held_last = held;
	r->held_count++;
	device->counters.requests_held++;
	return HELD_KEPT;
}

void roce_held_remove_first(struct roce_device *device, struct responder *r)
{
	struct held_packet *held = r->held;

	assert(held && r->held_count > 0);
	r->held = held->next;
	r->held_count--;
	if (!r->held)
		r->held_last = NULL;
	held->next = device->held_free;
	device->held_free = held;
	device->held_free_count++;
}

void roce_held_drop(struct roce_device *device, struct responder *r)
{
	while (r->held)
		roce_held_remove_first(device, r);
	assert(r->held_count == 0);
}

void roce_held_report(const struct responder *r, uint8_t *report)
{
	memset(report, 0, HELD_REPORT_BYTES);
	for (const struct held_packet *held = r->held; held; held = held->next)
		for (uint32_t i = 0; i < held->packets; i++) {
			uint64_t bit = held->sequence + i - r->expected - 1;

			if (bit < HELD_REPORT_BITS)
				report[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
}
