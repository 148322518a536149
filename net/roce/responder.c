/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The responder: executes a peer's requests in sequence order and owes it answers.
 *
 * - A request packet with the expected PSN is executed when it comes in, a READ when its answers go out: a packet at a
 *   time, from the region's owner straight into the outgoing datagram.
 * - Answers with data leave in sequence order (`owed`), behind them one ACK or NAK for all that came (`word`). Data for a
 *   request acknowledges what came before it, so an ACK that has not left when a READ comes is not sent any more.
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

void roce_responder_owe_ack(struct responder *r)
{
	r->word = (struct last_word){ .kind = WORD_ACK, .syndrome = SYNDROME_ACK, .sequence = r->acknowledge - 1, .msn = r->msn };
}

void roce_responder_owe_nak(struct responder *r, uint8_t syndrome, uint64_t sequence)
{
	r->word = (struct last_word){ .kind = WORD_NAK, .syndrome = syndrome, .sequence = sequence, .msn = r->msn };
}

/* An answer with data goes behind those that are owed. */
static void owe_data(struct responder *r, struct response *response)
{
	response_append(&r->owed, response);
	r->word.kind = WORD_NONE;
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
	if ((packet->ack_byte & ACK_REQUEST) || r->word.kind != WORD_NONE)
		roce_responder_owe_ack(r);
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

void roce_responder_append_receive(struct responder *r, struct receive_request *place, const struct receive_request *receive)
{
	*place = *receive;
	place->next = NULL;
	if (r->count++ == 0)
		r->receives = place;
	else
		r->last_receive->next = place;
	r->last_receive = place;
}

struct ended_work roce_responder_use_receive(struct responder *r, uint32_t len_bytes)
{
	struct receive_request *receive = r->receives;

	assert(r->count > 0);
	r->receives = receive->next;
	r->count--;
	return (struct ended_work){ receive, receive->cookie, len_bytes, ROCE_RECEIVE };
}

/* The message that ends with `packet` uses up a receive. */
static void complete_receive(struct queue_pair *qp, const struct roce_packet *packet)
{
	const struct ended_work ended = roce_responder_use_receive(&qp->responder, qp->responder.message_offset);
	struct completion *completion = roce_qp_complete(qp, &ended, 0);

	completion->event.flags = packet->properties & IS_WRITE ? ROCE_EVENT_WRITTEN : 0;
	if (packet->properties & HAS_IMMEDIATE) {
		completion->event.flags |= ROCE_EVENT_IMMEDIATE;
		completion->extra = packet->immediate;
	} else if (packet->properties & HAS_IETH) {
		completion->event.flags |= ROCE_EVENT_INVALIDATED;
		completion->extra = packet->invalidate_rkey;
	}
}

/* A message that is longer than its receive uses it up, too. */
static void spoil_receive(struct queue_pair *qp)
{
	const struct ended_work ended = roce_responder_use_receive(&qp->responder, 0);

	roce_qp_complete(qp, &ended, -EMSGSIZE);
}

static void send_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	const struct receive_request *receive;

	if (r->count == 0) {
		refuse(device, qp, SYNDROME_RNR);
		return;
	}
	receive = r->receives;
	if (packet->properties & IS_FIRST)
		r->message_offset = 0;
	if (packet->payload_len_bytes > receive->len_bytes - r->message_offset) {
		spoil_receive(qp);
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

bool roce_responder_read_allowed(struct roce_device *device, const struct queue_pair *qp, const struct roce_packet *packet)
{
	struct memory_access access = { .address = packet->address, .len_bytes = packet->dma_len_bytes, .rkey = packet->rkey,
					.right = ROCE_ACCESS_REMOTE_READ, .peer = qp->peer };

	return packet->dma_len_bytes == 0 || roce_memory_check(device, &access);
}

uint32_t roce_responder_read_packets(const struct queue_pair *qp, uint32_t len_bytes)
{
	return len_bytes ? (uint32_t)(((uint64_t)len_bytes + qp->mtu_bytes - 1) / qp->mtu_bytes) : 1;
}

void roce_responder_fill_read(struct response *response, const struct responder *r, const struct roce_packet *packet,
		      uint64_t sequence)
{
	*response = (struct response){ .kind = RESPONSE_READ, .sequence = sequence, .address = packet->address,
				       .remaining_bytes = packet->dma_len_bytes, .rkey = packet->rkey, .msn = r->msn };
}

/*
 * A place for one more answer with data, or NULL. A peer that keeps to the responder resources we gave it always gets its
 * answers: when the device's places are all taken, it is asked to come again.
 */
static struct response *place_for_data(struct roce_device *device, struct queue_pair *qp)
{
	struct response *place;

	if (qp->responder.owed.count >= READS_PENDING_MAX) {
		device->counters.drop_too_many++;
		return NULL;
	}
	place = roce_pool_take(&device->answers);
	if (!place) {
		device->counters.answers_delayed++;
		refuse(device, qp, SYNDROME_RNR);
	}
	return place;
}

/*
 * A READ or an atomic begins. Its peer has at most READS_PENDING_MAX of them under way, so it cannot want those again that
 * came before the last so many: whoever repeats them is not it, and would make us send much for little.
 */
static void note_repeatable(struct responder *r)
{
	if (r->repeatable_count++ % READS_PENDING_MAX != 0)
		return;
	r->repeatable_from = r->repeatable_next;
	r->repeatable_next = r->expected;
}

static void read_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	struct response *response = place_for_data(device, qp);

	if (!response)
		return;
	if (!roce_responder_read_allowed(device, qp, packet)) {
		roce_pool_give(&device->answers, response);
		refuse(device, qp, SYNDROME_ACCESS);
		return;
	}
	r->msn = (r->msn + 1) & MSN_MASK;	/* at acceptance (C9-148) */
	note_repeatable(r);
	roce_responder_earn_replays(r, roce_responder_read_packets(qp, packet->dma_len_bytes));
	roce_responder_fill_read(response, r, packet, r->expected);
	owe_data(r, response);
	r->expected += roce_responder_read_packets(qp, packet->dma_len_bytes);
}

/* 0 and what it found, or the syndrome of a NAK. */
static uint8_t execute_atomic(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			      uint64_t *original)
{
	enum roce_opcode operation = packet->opcode == OPCODE_COMPARE_SWAP ? ROCE_COMPARE_SWAP : ROCE_FETCH_ADD;
	struct memory_access access = { .address = packet->address, .len_bytes = ATOMIC_BYTES, .rkey = packet->rkey,
					.right = ROCE_ACCESS_REMOTE_ATOMIC, .peer = qp->peer };
	struct responder *r = &qp->responder;
	struct memory_region *region;
	int status;

	if (packet->address % ATOMIC_BYTES != 0)
		return SYNDROME_INVALID;
	region = roce_memory_check(device, &access);
	if (!region)
		return SYNDROME_ACCESS;
	if (!r->atomics)
		r->atomics = roce_pool_take(&device->atomics);
	if (!r->atomics)
		return roce_responder_syndrome(device, -ENOBUFS);
	status = !region->ops->atomic ? -EOPNOTSUPP :
		 region->ops->atomic(region->context, packet->address, operation, packet->swap_or_add, packet->compare, original);
	return status ? roce_responder_syndrome(device, status) : 0;
}

static void atomic_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	struct response *response = place_for_data(device, qp);
	uint64_t original = 0;
	uint8_t syndrome;

	if (!response)
		return;
	syndrome = execute_atomic(device, qp, packet, &original);
	if (syndrome) {
		roce_pool_give(&device->answers, response);
		refuse(device, qp, syndrome);
		return;
	}
	note_repeatable(r);
	device->counters.atomics_served++;
	r->atomics[r->atomics_next] = (struct atomic_result){ .sequence = r->expected, .original = original };
	r->atomics_next = (r->atomics_next + 1) % ATOMIC_RESULTS_MAX;
	r->msn = (r->msn + 1) & MSN_MASK;
	*response = (struct response){ .kind = RESPONSE_ATOMIC, .sequence = r->expected, .original = original, .msn = r->msn };
	owe_data(r, response);
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
	if (!in_order(r, packet) || !length_valid(qp, packet) ||
	    ((packet->properties & HAS_RETH) && packet->dma_len_bytes > MESSAGE_BYTES_MAX)) {
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

/* ---------------------------------------------------------------- beyond a gap */

/* A packet beyond the expected one. */
static void beyond(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet, uint64_t sequence)
{
	uint32_t packets = packet->properties & IS_READ_REQUEST ? roce_responder_read_packets(qp, packet->dma_len_bytes) : 1;
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

	while (r->held && r->held->sequence <= r->expected && !r->refused) {
		uint64_t before = r->expected;

		if (r->held->sequence == before)
			execute(device, qp, &r->held->packet);
		if (r->held->sequence == r->expected)
			return;
		roce_held_remove_first(device, r);
	}
	if (r->word.kind == WORD_ACK && r->seen_end > r->expected && !r->refused)
		ask_again(device, r);		/* there is another gap */
}

void roce_responder_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	uint64_t sequence = sequence_near(r->expected, packet->psn);

	if (r->fatal_syndrome) {
		if (qp->state == QP_ERROR && !roce_responder_owes(r))
			roce_responder_owe_nak(r, r->fatal_syndrome, r->fatal_sequence);
		return;
	}
	if (qp->state == QP_ERROR) {
		device->counters.drop_not_connected++;
		return;
	}
	if (qp->state == QP_READY_TO_RECEIVE)
		roce_cm_peer_ready(device, qp->connection, now_ns);
	if (sequence < r->expected) {
		roce_responder_repetition(device, qp, packet, sequence, now_ns);
	} else if (sequence == r->expected) {
		execute(device, qp, packet);
	} else {
		device->counters.sequence_errors++;
		beyond(device, qp, packet, sequence);
	}
	if (r->held)
		execute_held(device, qp);
}

void roce_responder_end(struct roce_device *device, struct queue_pair *qp)
{
	struct responder *r = &qp->responder;

	responses_drop(device, r);
	if (r->atomics) {
		/* What the next one finds in it is nobody's result. */
		memset(r->atomics, 0, ATOMIC_RESULTS_MAX * sizeof(*r->atomics));
		roce_pool_give(&device->atomics, r->atomics);
	}
	r->atomics = NULL;
}
