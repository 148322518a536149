/* SPDX-License-Identifier: GPL-2.0-only */
/* What a peer asks for again: READs from their addresses, atomics from memory, and how much of it a peer may have. */
#include "net/roce/responder.h"

void roce_responder_earn_replays(struct responder *r, uint32_t packets)
{
	uint32_t room = REPLAY_CREDIT_MAX - r->replay_credit;

	r->replay_credit += (uint16_t)(packets < room ? packets : room);
}

/* May so many packets be sent again? */
static bool spend_replays(struct responder *r, uint64_t packets, uint64_t now_ns)
{
	uint32_t now_ms = (uint32_t)(now_ns / MILLISECOND);

	if (now_ms - r->replay_full_ms >= REPLAY_REFILL_MS) {
		r->replay_credit = REPLAY_CREDIT_MAX;
		r->replay_full_ms = now_ms;
	}
	if (packets > r->replay_credit / REPLAY_PART)
		return false;
	r->replay_credit -= (uint16_t)(packets * REPLAY_PART);
	return true;
}

/* A place for one more repetition, or NULL: the peer will repeat itself once more. */
static struct response *place_for_replay(struct roce_device *device, const struct responder *r)
{
	struct response *place = r->replays.count < REPLAYS_MAX ? roce_pool_take(&device->answers) : NULL;

	device->counters.drop_too_many += !place;
	return place;
}

/*
 * A repeated READ. What is still owed will go out anyway, so only the part that went out before is answered again.
 */
static void read_again(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		       uint64_t sequence, uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	uint64_t owed_from = r->expected, packets = roce_responder_read_packets(qp, packet->dma_len_bytes);
	const struct response *owed = r->owed.count > 0 ? r->owed.first : NULL;
	struct response *replay;

	for (; owed && owed_from == r->expected; owed = owed->next)
		if (owed->kind == RESPONSE_READ)
			owed_from = owed->sequence;
	if (sequence >= owed_from)
		return;
	if (!roce_responder_read_allowed(device, qp, packet))
		return;			/* counted there */
	if (packets > owed_from - sequence)
		packets = owed_from - sequence;
	if (qp->selective && !spend_replays(r, packets, now_ns)) {
		device->counters.drop_repetitions++;
		return;
	}
	replay = place_for_replay(device, r);
	if (!replay)
		return;
	roce_responder_fill_read(replay, r, packet, sequence);
	if (packets * qp->mtu_bytes < replay->remaining_bytes)
		replay->remaining_bytes = (uint32_t)packets * qp->mtu_bytes;
	response_append(&r->replays, replay);
}

static const struct atomic_result *atomic_result(const struct responder *r, uint64_t sequence)
{
	for (uint32_t i = 0; r->atomics && i < ATOMIC_RESULTS_MAX; i++)
		if (r->atomics[i].sequence == sequence)
			return &r->atomics[i];
	return NULL;
}

/* A repeated atomic: what it found is known, or too old for a peer that keeps to what it was given. */
static void atomic_again(struct roce_device *device, struct responder *r, uint64_t sequence)
{
	const struct response *owed = r->owed.count > 0 ? r->owed.first : NULL;
	const struct atomic_result *result = atomic_result(r, sequence);
	struct response *replay;

	for (; owed; owed = owed->next)
		if (owed->kind == RESPONSE_ATOMIC && owed->sequence == sequence)
			return;
	if (!result) {
		device->counters.drop_stale++;
		return;
	}
	replay = place_for_replay(device, r);
	if (!replay)
		return;
	*replay = (struct response){ .kind = RESPONSE_ATOMIC, .sequence = sequence, .original = result->original,
				     .msn = r->msn };
	response_append(&r->replays, replay);
}

void roce_responder_repetition(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		       uint64_t sequence, uint64_t now_ns)
{
	struct responder *r = &qp->responder;

	device->counters.duplicates++;
	if ((packet->properties & (IS_READ_REQUEST | IS_ATOMIC)) && sequence < r->repeatable_from) {
		device->counters.drop_stale++;
		return;
	}
	if (packet->properties & IS_READ_REQUEST)
		read_again(device, qp, packet, sequence, now_ns);
	else if (packet->properties & IS_ATOMIC)
		atomic_again(device, r, sequence);
	else if (r->owed.count == 0 && r->word.kind == WORD_NONE && sequence < r->acknowledge)
		roce_responder_owe_ack(r);	/* else what is owed already acknowledges this packet too */
}
