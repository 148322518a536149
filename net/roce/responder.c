/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The responder: executes a peer's requests in sequence order and owes it answers.
 *
 * - A request packet with the expected PSN is executed when it comes in, a READ when its answers go out: a packet at a
 *   time, from the region's owner straight into the outgoing datagram.
 * - Answers leave in sequence order (`responses`). Acknowledgements that nothing stands between become one.
 * - A packet beyond the expected one is dropped; the first of a gap is answered by a NAK for a sequence error. When the peer
 *   agreed to selective repeat, it is kept and executed when the gap has closed (held.c); the NAK then comes with a report
 *   of what is kept, when a gap is no mere reordering, and whenever the peer asks for an acknowledgement.
 * - A packet before the expected one is a repetition. SEND and WRITE are acknowledged again, not executed again. A READ
 *   is executed again from its own addresses, which may be any part of the first one (`replays`; they go out first). An
 *   atomic is answered with what it found the first time (`atomics`).
 * - A fatal NAK ends the queue pair once it was sent. After that every request is answered by the same NAK, because a
 *   lost NAK would leave the peer to find out by timeout.
 */
#include "net/roce/held.h"
#include "net/roce/responder.h"

#define MSN_MASK 0xffffffu
#define MESSAGE(property) ((uint8_t)((property) >> 8))

void roce_responder_start(struct queue_pair *qp, uint32_t psn)
{
	qp->responder.expected = qp->responder.acknowledge = sequence_start(psn);
}

/* ---------------------------------------------------------------- owed answers */

/*
 * The last owed answer if it is an ACK or NAK: a newer one replaces it, because it says at least as much about the
 * packets before. So never do two of them stand side by side, and the ring holds whatever a peer sends.
 */
static struct response *last_word(struct responder *r)
{
	struct response *last = r->responses_count > 0 ? response_at(r, r->responses_count - 1) : NULL;

	return last && !response_is_data(last) ? last : NULL;
}

static void owe(struct responder *r, const struct response *answer)
{
	struct response *last = last_word(r);

	if (last)
		*last = *answer;
	else
		response_append(r, answer);
}

static void owe_ack(struct responder *r)
{
	struct response ack = { .kind = RESPONSE_ACK, .syndrome = SYNDROME_ACK, .sequence = r->acknowledge - 1,
				.msn = r->msn };

	owe(r, &ack);
}

void roce_responder_owe_nak(struct responder *r, uint8_t syndrome, uint64_t sequence)
{
	struct response nak = { .kind = RESPONSE_NAK, .syndrome = syndrome, .sequence = sequence, .msn = r->msn };

	owe(r, &nak);
}

void roce_responder_refuse(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence)
{
	struct responder *r = &qp->responder;

	if (syndrome == SYNDROME_RNR) {
		device->counters.rnr_naks_sent++;
		roce_responder_owe_nak(r, syndrome, sequence);
		return;
	}
	device->counters.naks_access_sent += syndrome == SYNDROME_ACCESS;
	device->counters.naks_invalid_sent += syndrome == SYNDROME_INVALID;
	device->counters.naks_operational_sent += syndrome == SYNDROME_OPERATIONAL;
	r->fatal_syndrome = syndrome;
	r->fatal_sequence = sequence;
	roce_responder_owe_nak(r, syndrome, sequence);
}

/* The packet that the last word asked for has come, and will be answered by data: that says as much. */
static void settle_sequence_nak(struct responder *r)
{
	const struct response *last = last_word(r);

	if (last && last->kind == RESPONSE_NAK && last->syndrome == SYNDROME_SEQUENCE)
		r->responses_count--;
}

/* Ask for the expected packet. With selective repeat, what is kept behind it is reported along. */
static void ask_again(struct roce_device *device, struct responder *r)
{
	device->counters.naks_sequence_sent++;
	r->nak_sent = true;
	r->report_at = 0;
	roce_responder_owe_nak(r, SYNDROME_SEQUENCE, r->expected);
}

/* Refuse the expected packet. Those behind it are dropped without another NAK. */
static void refuse(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome)
{
	qp->responder.nak_sent = qp->responder.refused = true;
	roce_responder_refuse(device, qp, syndrome, qp->responder.expected);
}

uint8_t roce_responder_syndrome(struct roce_device *device, int status)
{
	if (status == -EAGAIN)
		return SYNDROME_RNR;
	device->counters.access_refused_by_owner++;
	if (status == -EOPNOTSUPP)
		return SYNDROME_INVALID;
	return status == -EACCES || status == -EFAULT ? SYNDROME_ACCESS : SYNDROME_OPERATIONAL;
}

/* The expected packet was executed. */
static void executed(struct responder *r, const struct roce_packet *packet)
{
	r->acknowledge = ++r->expected;
	if (packet->properties & IS_LAST) {
		r->msn = (r->msn + 1) & MSN_MASK;
		r->message = 0;
	}
	/* An acknowledgement that has not left yet is simply moved on; a NAK that asked for this packet is settled. */
	if ((packet->ack_byte & ACK_REQUEST) || last_word(r))
		owe_ack(r);
}

/* ---------------------------------------------------------------- requests in order */

/* All packets but the last of a message are full, the last is not empty, a message of one packet may be. */
static bool length_valid(const struct queue_pair *qp, const struct roce_packet *packet)
{
	if (!(packet->properties & IS_LAST))
		return packet->payload_len_bytes == qp->mtu_bytes;
	return packet->payload_len_bytes <= qp->mtu_bytes &&
	       (packet->payload_len_bytes > 0 || (packet->properties & IS_FIRST));
}

/* The message that ends with `packet` uses up a receive. */
static void complete_receive(struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	uint64_t cookie = r->ring[r->head & r->ring_mask].cookie;
	uint8_t flags = packet->properties & IS_WRITE ? ROCE_EVENT_WRITTEN : 0;
	uint32_t extra = 0;

	assert(r->count > 0);
	if (packet->properties & HAS_IMMEDIATE) {
		flags |= ROCE_EVENT_IMMEDIATE;
		extra = packet->immediate;
	} else if (packet->properties & HAS_IETH) {
		flags |= ROCE_EVENT_INVALIDATED;
		extra = packet->invalidate_rkey;
	}
	r->head++;
	r->count--;
	roce_qp_complete_receive(qp, cookie, r->message_offset, flags, extra);
}

static void send_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	const struct receive_request *receive;

	if (r->count == 0) {
		refuse(device, qp, SYNDROME_RNR);
		return;
	}
	receive = &r->ring[r->head & r->ring_mask];
	if (packet->properties & IS_FIRST)
		r->message_offset = 0;
	if (packet->payload_len_bytes > receive->len_bytes - r->message_offset) {
		r->head++;
		r->count--;
		roce_qp_complete(qp, ROCE_RECEIVE, receive->cookie, -EMSGSIZE, 0);
		refuse(device, qp, SYNDROME_INVALID);
		return;
	}
	if ((packet->properties & HAS_IETH) && !roce_memory_invalidatable(device, packet->invalidate_rkey, qp->peer)) {
		refuse(device, qp, SYNDROME_ACCESS);
		return;
	}
	if (packet->payload_len_bytes > 0)
		memcpy(receive->local + r->message_offset, packet->payload, packet->payload_len_bytes);
	r->message = MESSAGE(IS_SEND);
	r->message_offset += packet->payload_len_bytes;
	if (packet->properties & HAS_IETH) {
		roce_memory_deregister(device, packet->invalidate_rkey);
		device->counters.regions_invalidated++;
	}
	if (packet->properties & IS_LAST) {
		device->counters.sends_received++;
		complete_receive(qp, packet);
	}
	executed(r, packet);
}

/* The region that a WRITE packet goes to; for the first packet, checked for the whole message. */
static struct memory_region *write_region(struct roce_device *device, const struct queue_pair *qp, uint32_t len_bytes)
{
	struct memory_access access = {
		.address = qp->responder.write_address + qp->responder.message_offset, .len_bytes = len_bytes,
		.rkey = qp->responder.write_rkey, .right = ROCE_ACCESS_REMOTE_WRITE, .peer = qp->peer,
	};

	return roce_memory_check(device, &access);
}

static void write_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	uint32_t len_bytes = packet->payload_len_bytes;
	bool first = packet->properties & IS_FIRST, last = packet->properties & IS_LAST;
	struct memory_region *region;
	int status;

	if (first) {
		r->message_offset = 0;
		r->write_address = packet->address;
		r->write_len_bytes = packet->dma_len_bytes;
		r->write_rkey = packet->rkey;
	}
	if (last ? len_bytes != r->write_len_bytes - r->message_offset : len_bytes >= r->write_len_bytes - r->message_offset) {
		refuse(device, qp, SYNDROME_INVALID);
		return;
	}
	if ((packet->properties & HAS_IMMEDIATE) && r->count == 0) {
		refuse(device, qp, SYNDROME_RNR);
		return;
	}
	if (len_bytes > 0) {
		region = write_region(device, qp, first ? r->write_len_bytes : len_bytes);
		if (!region) {
			refuse(device, qp, SYNDROME_ACCESS);
			return;
		}
		status = region->ops->write(region->context, r->write_address + r->message_offset, packet->payload, len_bytes);
		if (status) {
			refuse(device, qp, roce_responder_syndrome(device, status));
			return;
		}
	}
	r->message = MESSAGE(IS_WRITE);
	r->message_offset += len_bytes;
	device->counters.writes_served += last;
	if (packet->properties & HAS_IMMEDIATE)
		complete_receive(qp, packet);
	executed(r, packet);
}

static bool read_allowed(struct roce_device *device, const struct queue_pair *qp, const struct roce_packet *packet)
{
	struct memory_access access = { .address = packet->address, .len_bytes = packet->dma_len_bytes, .rkey = packet->rkey,
					.right = ROCE_ACCESS_REMOTE_READ, .peer = qp->peer };

	return packet->dma_len_bytes == 0 || roce_memory_check(device, &access);
}

static uint32_t read_packets(const struct queue_pair *qp, uint32_t len_bytes)
{
	return len_bytes ? (uint32_t)(((uint64_t)len_bytes + qp->mtu_bytes - 1) / qp->mtu_bytes) : 1;
}

static struct response read_response(const struct responder *r, const struct roce_packet *packet, uint64_t sequence)
{
	return (struct response){ .kind = RESPONSE_READ, .sequence = sequence, .address = packet->address,
				  .remaining_bytes = packet->dma_len_bytes, .rkey = packet->rkey, .msn = r->msn };
}

/* Can one more answer with data be owed? A peer that keeps to the responder resources we gave it always finds room. */
static bool room_for_data(struct roce_device *device, const struct responder *r)
{
	if (r->reads < READS_PENDING_MAX && r->responses_count + 2 < RESPONSES_MAX)
		return true;
	device->counters.drop_state++;
	return false;
}

/*
 * A READ or an atomic begins. Its peer has at most READS_PENDING_MAX of them under way, or twice as many when it repaired
 * some in pieces. So it cannot want those again that came before the last so many: whoever repeats them is not it, and would
 * make us send much for little.
 */
static void note_repeatable(struct responder *r)
{
	if (r->repeatable_count++ % (2 * READS_PENDING_MAX) != 0)
		return;
	r->repeatable_from = r->repeatable_next;
	r->repeatable_next = r->expected;
}

static void read_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	struct response response;

	if (!room_for_data(device, r))
		return;
	if (!read_allowed(device, qp, packet)) {
		refuse(device, qp, SYNDROME_ACCESS);
		return;
	}
	settle_sequence_nak(r);
	r->msn = (r->msn + 1) & MSN_MASK;	/* at acceptance (C9-148) */
	note_repeatable(r);
	response = read_response(r, packet, r->expected);
	response_append(r, &response);
	r->expected += read_packets(qp, packet->dma_len_bytes);
}

static void atomic_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	enum roce_opcode operation = packet->opcode == OPCODE_COMPARE_SWAP ? ROCE_COMPARE_SWAP : ROCE_FETCH_ADD;
	struct memory_access access = { .address = packet->address, .len_bytes = ATOMIC_BYTES, .rkey = packet->rkey,
					.right = ROCE_ACCESS_REMOTE_ATOMIC, .peer = qp->peer };
	struct responder *r = &qp->responder;
	struct response response = { .kind = RESPONSE_ATOMIC, .sequence = r->expected };
	struct memory_region *region;
	int status;

	if (!room_for_data(device, r))
		return;
	if (packet->address % ATOMIC_BYTES != 0) {
		refuse(device, qp, SYNDROME_INVALID);
		return;
	}
	region = roce_memory_check(device, &access);
	if (!region) {
		refuse(device, qp, SYNDROME_ACCESS);
		return;
	}
	status = !region->ops->atomic ? -EOPNOTSUPP :
		 region->ops->atomic(region->context, packet->address, operation, packet->swap_or_add, packet->compare,
				     &response.original);
	if (status) {
		refuse(device, qp, roce_responder_syndrome(device, status));
		return;
	}
	note_repeatable(r);
	device->counters.atomics_served++;
	r->atomics[r->atomics_next] = (struct atomic_result){ .sequence = r->expected, .original = response.original };
	r->atomics_next = (r->atomics_next + 1) % ATOMIC_RESULTS_MAX;
	settle_sequence_nak(r);
	r->msn = response.msn = (r->msn + 1) & MSN_MASK;
	response_append(r, &response);
	r->expected++;
}

/* Is the packet what may come after the ones before? */
static bool in_order(const struct responder *r, const struct roce_packet *packet)
{
	uint8_t kind = MESSAGE(packet->properties & (IS_SEND | IS_WRITE));

	return packet->properties & IS_FIRST ? r->message == 0 : kind != 0 && r->message == kind;
}

static void execute(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;

	if (qp->locked && !(packet->properties & IS_SEND)) {	/* R7; the peer repeats it until it is let in */
		device->counters.drop_unauthorized++;
		return;
	}
	r->nak_sent = r->refused = false;
	if (!in_order(r, packet) || !length_valid(qp, packet) || packet->dma_len_bytes > MESSAGE_BYTES_MAX) {
		refuse(device, qp, SYNDROME_INVALID);
		return;
	}
	if (packet->properties & IS_SEND)
		send_packet(device, qp, packet);
	else if (packet->properties & IS_WRITE)
		write_packet(device, qp, packet);
	else if (packet->properties & IS_READ_REQUEST)
		read_packet(device, qp, packet);
	else
		atomic_packet(device, qp, packet);
}

/* ---------------------------------------------------------------- repetitions */

/*
 * A repeated READ. What is still owed will go out anyway, so only the part that went out before is answered again.
 */
static void read_again(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		       uint64_t sequence)
{
	struct responder *r = &qp->responder;
	struct response replay = read_response(r, packet, sequence);
	uint64_t owed_from = r->expected, packets = read_packets(qp, packet->dma_len_bytes), len_bytes;
	uint32_t index;

	for (uint32_t i = 0; i < r->responses_count && owed_from == r->expected; i++)
		if (response_at(r, i)->kind == RESPONSE_READ)
			owed_from = response_at(r, i)->sequence;
	if (sequence >= owed_from)
		return;
	if (packets > owed_from - sequence) {
		len_bytes = (owed_from - sequence) * qp->mtu_bytes;
		replay.remaining_bytes = (uint32_t)len_bytes;
	}
	if (r->replays_count == REPLAYS_MAX || !read_allowed(device, qp, packet)) {
		device->counters.drop_state++;
		return;
	}
	index = r->replays_head + r->replays_count++;
	r->replays[index % REPLAYS_MAX] = replay;
}

/* A repeated atomic: what it found is known, or too old for a peer that keeps to what it was given. */
static void atomic_again(struct roce_device *device, struct responder *r, uint64_t sequence)
{
	struct response replay = { .kind = RESPONSE_ATOMIC, .sequence = sequence, .msn = r->msn };

	for (uint32_t i = 0; i < r->responses_count; i++)
		if (response_at(r, i)->kind == RESPONSE_ATOMIC && response_at(r, i)->sequence == sequence)
			return;
	for (uint32_t i = 0; i < ATOMIC_RESULTS_MAX && r->replays_count < REPLAYS_MAX; i++) {
		if (r->atomics[i].sequence != sequence)
			continue;
		replay.original = r->atomics[i].original;
		r->replays[(r->replays_head + r->replays_count++) % REPLAYS_MAX] = replay;
		return;
	}
	device->counters.drop_state++;
}

static void repetition(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		       uint64_t sequence)
{
	struct responder *r = &qp->responder;

	device->counters.duplicates++;
	if ((packet->properties & (IS_READ_REQUEST | IS_ATOMIC)) && sequence < r->repeatable_from) {
		device->counters.drop_stale++;
		return;
	}
	if (packet->properties & IS_READ_REQUEST)
		read_again(device, qp, packet, sequence);
	else if (packet->properties & IS_ATOMIC)
		atomic_again(device, r, sequence);
	else if (r->responses_count == 0 && sequence < r->acknowledge)
		owe_ack(r);	/* else what is owed already acknowledges this packet too */
}

/* ---------------------------------------------------------------- beyond a gap */

/* A packet beyond the expected one. */
static void beyond(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet, uint64_t sequence)
{
	uint32_t packets = packet->properties & IS_READ_REQUEST ? read_packets(qp, packet->dma_len_bytes) : 1;
	struct responder *r = &qp->responder;
	enum held_result result;

	result = qp->selective && !qp->locked && !r->refused ? roce_held_add(device, qp, packet, sequence, packets) : HELD_NOT;
	if (result == HELD_KEPT && sequence > r->seen_end)	/* another gap before it */
		r->report_at = sequence + REORDER_PACKETS - 1;
	if (result == HELD_AGAIN)
		device->counters.duplicates++;
	if (r->seen_end < sequence + packets)
		r->seen_end = sequence + packets;
	if (result == HELD_NOT ? !r->nak_sent :
	    (packet->ack_byte & ACK_REQUEST) || (r->report_at && sequence + packets > r->report_at))
		ask_again(device, r);
}

/*
 * Execute what was kept, up to the next gap. A request that cannot be executed now stays: when the peer was told so it
 * repeats it, and one that found no room for its answer is tried again with the next packet.
 */
static void execute_held(struct roce_device *device, struct queue_pair *qp)
{
	struct responder *r = &qp->responder;
	const struct response *last;

	while (r->held && r->held->sequence <= r->expected && !r->refused) {
		uint64_t before = r->expected;

		if (r->held->sequence == before)
			execute(device, qp, &r->held->packet);
		if (r->held->sequence == r->expected)
			return;
		roce_held_remove_first(device, r);
	}
	last = last_word(r);
	if (last && last->kind == RESPONSE_ACK && r->seen_end > r->expected && !r->refused)
		ask_again(device, r);		/* there is another gap */
}

void roce_responder_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	uint64_t sequence = sequence_near(r->expected, packet->psn);

	if (r->fatal_syndrome) {
		if (qp->state == QP_ERROR && r->responses_count == 0)
			roce_responder_owe_nak(r, r->fatal_syndrome, r->fatal_sequence);
		return;
	}
	if (qp->state == QP_ERROR) {
		device->counters.drop_state++;
		return;
	}
	if (qp->state == QP_READY_TO_RECEIVE)
		roce_cm_peer_ready(device, qp->connection, now_ns);
	if (sequence < r->expected) {
		repetition(device, qp, packet, sequence);
	} else if (sequence == r->expected) {
		execute(device, qp, packet);
	} else {
		device->counters.sequence_errors++;
		beyond(device, qp, packet, sequence);
	}
	if (r->held)
		execute_held(device, qp);
}
