/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The responder: executes a peer's requests in sequence order and owes it answers.
 *
 * - A request packet with the expected PSN is executed when it comes in, a READ when its answers go out: a packet at a
 *   time, from the region's owner straight into the outgoing datagram.
 * - Answers leave in sequence order (`responses`). Acknowledgements that nothing stands between become one.
 * - A packet beyond the expected one is dropped; the first of a gap is answered by a NAK for a sequence error.
 * - A packet before the expected one is a repetition. SEND and WRITE are acknowledged again, not executed again. A READ
 *   is executed again from its own addresses, which may be any part of the first one (`replays`; they go out first).
 * - A fatal NAK ends the queue pair once it was sent. After that every request is answered by the same NAK, because a
 *   lost NAK would leave the peer to find out by timeout.
 */
#include "net/roce/internal.h"

#define SYNDROME_ACK 0x1fu		/* no credits: flow control is above us */
#define SYNDROME_RNR (0x20u | RNR_TIMER_CODE)
#define SYNDROME_SEQUENCE 0x60u
#define SYNDROME_INVALID 0x61u
#define SYNDROME_ACCESS 0x62u
#define SYNDROME_OPERATIONAL 0x63u

#define MSN_MASK 0xffffffu
#define MESSAGE(property) ((uint8_t)((property) >> 8))

void roce_responder_start(struct queue_pair *qp, uint32_t psn)
{
	qp->responder.expected = qp->responder.acknowledge = sequence_start(psn);
}

/* ---------------------------------------------------------------- owed answers */

static struct response *response_at(struct responder *r, uint32_t i)
{
	uint32_t index = r->responses_head + i;

	return &r->responses[index < RESPONSES_MAX ? index : index - RESPONSES_MAX];
}

static void response_append(struct responder *r, const struct response *response)
{
	assert(r->responses_count < RESPONSES_MAX);
	*response_at(r, r->responses_count++) = *response;
	r->reads += response->kind == RESPONSE_READ;
}

static void response_remove_first(struct responder *r)
{
	assert(r->responses_count > 0);
	r->reads -= response_at(r, 0)->kind == RESPONSE_READ;
	r->responses_head = r->responses_head + 1 < RESPONSES_MAX ? r->responses_head + 1 : 0;
	r->responses_count--;
}

static void responses_drop(struct responder *r)
{
	r->responses_head = r->responses_count = r->reads = 0;
	r->replays_head = r->replays_count = 0;
}

/* The last owed answer, if it is an acknowledgement that can stand for later packets too. */
static struct response *last_ack(struct responder *r)
{
	struct response *last = r->responses_count > 0 ? response_at(r, r->responses_count - 1) : NULL;

	return last && last->kind == RESPONSE_ACK ? last : NULL;
}

static void owe_ack(struct responder *r)
{
	struct response ack = { .kind = RESPONSE_ACK, .syndrome = SYNDROME_ACK, .sequence = r->acknowledge - 1,
				.msn = r->msn };
	struct response *last = last_ack(r);

	if (last)
		*last = ack;
	else
		response_append(r, &ack);
}

/* A NAK replaces a pending acknowledgement: it says the same about the packets before. */
static void owe_nak(struct responder *r, uint8_t syndrome, uint64_t sequence)
{
	struct response nak = { .kind = RESPONSE_NAK, .syndrome = syndrome, .sequence = sequence, .msn = r->msn };
	struct response *last = last_ack(r);

	if (last)
		*last = nak;
	else
		response_append(r, &nak);
}

static void refuse_at(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence)
{
	struct responder *r = &qp->responder;

	if (syndrome == SYNDROME_RNR) {
		device->counters.rnr_naks_sent++;
		owe_nak(r, syndrome, sequence);
		return;
	}
	device->counters.naks_access_sent += syndrome == SYNDROME_ACCESS;
	device->counters.naks_invalid_sent += syndrome == SYNDROME_INVALID;
	device->counters.naks_operational_sent += syndrome == SYNDROME_OPERATIONAL;
	r->fatal_syndrome = syndrome;
	r->fatal_sequence = sequence;
	owe_nak(r, syndrome, sequence);
}

/* Refuse the expected packet. Those behind it are dropped without another NAK. */
static void refuse(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome)
{
	qp->responder.nak_sent = true;
	refuse_at(device, qp, syndrome, qp->responder.expected);
}

static uint8_t syndrome_of(struct roce_device *device, int status)
{
	if (status == -EAGAIN)
		return SYNDROME_RNR;
	device->counters.access_refused_by_owner++;
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
	/* An acknowledgement that has not left yet is simply moved on. */
	if ((packet->ack_byte & ACK_REQUEST) || last_ack(r))
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
	if (packet->payload_len_bytes > 0)
		memcpy(receive->local + r->message_offset, packet->payload, packet->payload_len_bytes);
	r->message = MESSAGE(IS_SEND);
	r->message_offset += packet->payload_len_bytes;
	if (packet->properties & IS_LAST) {
		r->head++;
		r->count--;
		device->counters.sends_received++;
		roce_qp_complete(qp, ROCE_RECEIVE, receive->cookie, 0, r->message_offset);
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
	if (len_bytes > 0) {
		region = write_region(device, qp, first ? r->write_len_bytes : len_bytes);
		if (!region) {
			refuse(device, qp, SYNDROME_ACCESS);
			return;
		}
		status = region->ops->write(region->context, r->write_address + r->message_offset, packet->payload, len_bytes);
		if (status) {
			refuse(device, qp, syndrome_of(device, status));
			return;
		}
	}
	r->message = MESSAGE(IS_WRITE);
	r->message_offset += len_bytes;
	device->counters.writes_served += last;
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

static void read_packet(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	struct responder *r = &qp->responder;
	struct response response;

	/* A peer that keeps to the responder resources we gave it does not see this; another sends it again. */
	if (r->reads == READS_PENDING_MAX || r->responses_count + 2 >= RESPONSES_MAX) {
		device->counters.drop_state++;
		return;
	}
	if (!read_allowed(device, qp, packet)) {
		refuse(device, qp, SYNDROME_ACCESS);
		return;
	}
	r->msn = (r->msn + 1) & MSN_MASK;	/* at acceptance (C9-148) */
	response = read_response(r, packet, r->expected);
	response_append(r, &response);
	r->expected += read_packets(qp, packet->dma_len_bytes);
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

	r->nak_sent = false;
	if (!in_order(r, packet) || !length_valid(qp, packet) || packet->dma_len_bytes > MESSAGE_BYTES_MAX ||
	    (packet->properties & (HAS_IMMEDIATE | HAS_IETH))) {
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
		refuse(device, qp, SYNDROME_INVALID);	/* atomics */
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

static void repetition(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		       uint64_t sequence)
{
	struct responder *r = &qp->responder;

	device->counters.duplicates++;
	if (packet->properties & IS_READ_REQUEST)
		read_again(device, qp, packet, sequence);
	else if (r->responses_count == 0 && sequence < r->acknowledge)
		owe_ack(r);	/* else what is owed already acknowledges this packet too */
}

void roce_responder_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	uint64_t sequence = sequence_near(r->expected, packet->psn);

	if (r->fatal_syndrome) {
		if (qp->state == QP_ERROR && r->responses_count == 0)
			owe_nak(r, r->fatal_syndrome, r->fatal_sequence);
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
	} else if (!r->nak_sent) {
		device->counters.sequence_errors++;
		device->counters.naks_sequence_sent++;
		r->nak_sent = true;
		owe_nak(r, SYNDROME_SEQUENCE, r->expected);
	} else {
		device->counters.sequence_errors++;
	}
}

/* ---------------------------------------------------------------- answers out */

bool roce_responder_has_output(const struct queue_pair *qp)
{
	return qp->responder.responses_count > 0 || qp->responder.replays_count > 0;
}

static void send_answer(struct roce_device *device, struct queue_pair *qp, const struct response *response,
			struct roce_datagram *datagram, uint64_t now_ns)
{
	struct roce_packet packet;
	int status;

	roce_qp_packet(qp, OPCODE_ACKNOWLEDGE, response->sequence, &packet);
	packet.syndrome = response->syndrome;
	packet.msn = response->msn;
	roce_packet_encode(&packet, datagram);
	device->counters.acks_sent += response->kind == RESPONSE_ACK;
	if (response->kind == RESPONSE_NAK && qp->responder.fatal_syndrome && qp->state != QP_ERROR) {
		status = qp->responder.fatal_syndrome == SYNDROME_ACCESS ? -EACCES :
			 qp->responder.fatal_syndrome == SYNDROME_OPERATIONAL ? -EIO : -EPROTO;
		roce_qp_fail(device, qp, UINT32_MAX, status, now_ns);
	}
}

/* The READ cannot go on: drop everything owed and say why. Later requests of the peer are answered when it repeats them. */
static void abandon_read(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence)
{
	responses_drop(&qp->responder);
	refuse_at(device, qp, syndrome, sequence);
}

/* Fetch the next packet of a READ into its place. 0, or the syndrome of a NAK. */
static uint8_t fetch(struct roce_device *device, const struct queue_pair *qp, const struct response *read, uint8_t *place,
		     uint32_t len_bytes)
{
	struct memory_access access = { .address = read->address, .len_bytes = len_bytes, .rkey = read->rkey,
					.right = ROCE_ACCESS_REMOTE_READ, .peer = qp->peer };
	struct memory_region *region;
	int status;

	if (len_bytes == 0)
		return 0;
	region = roce_memory_check(device, &access);
	if (!region)
		return SYNDROME_ACCESS;
	status = region->ops->read(region->context, read->address, place, len_bytes);
	return status ? syndrome_of(device, status) : 0;
}

/* Send one packet of a READ. 1: sent. 0: it became a NAK, which is owed now. */
static int send_read_response(struct roce_device *device, struct queue_pair *qp, struct response *read,
			      struct roce_datagram *datagram)
{
	static const uint8_t opcodes[4] = {	/* by first, last */
		OPCODE_READ_RESPONSE_MIDDLE, OPCODE_READ_RESPONSE_LAST, OPCODE_READ_RESPONSE_FIRST, OPCODE_READ_RESPONSE_ONLY,
	};
	bool last = read->remaining_bytes <= qp->mtu_bytes;
	uint32_t len_bytes = last ? read->remaining_bytes : qp->mtu_bytes;
	uint8_t opcode = opcodes[2 * !read->begun + last], syndrome;
	uint8_t *place = datagram->bytes + roce_header_bytes(roce_opcode_properties(opcode));
	struct roce_packet packet;

	syndrome = fetch(device, qp, read, place, len_bytes);
	if (syndrome) {
		abandon_read(device, qp, syndrome, read->sequence);
		return 0;
	}
	roce_qp_packet(qp, opcode, read->sequence, &packet);
	packet.syndrome = SYNDROME_ACK;
	packet.msn = read->msn;
	packet.payload = place;
	packet.payload_len_bytes = len_bytes;
	roce_packet_encode(&packet, datagram);
	read->begun = true;
	read->sequence++;
	read->address += len_bytes;
	read->remaining_bytes -= len_bytes;
	device->counters.reads_served += last;
	return last ? 2 : 1;
}

int roce_responder_output(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram,
			  uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	struct response *response, answer;
	int sent;

	if (qp->state == QP_ERROR && r->responses_count + r->replays_count > 0) {
		/* Hung up: the only thing left to say is why. */
		responses_drop(r);
		if (!r->fatal_syndrome)
			return 0;
		owe_nak(r, r->fatal_syndrome, r->fatal_sequence);
	}
	if (r->replays_count > 0) {
		sent = send_read_response(device, qp, &r->replays[r->replays_head], datagram);
		if (sent == 2) {
			r->replays_head = (r->replays_head + 1) % REPLAYS_MAX;
			r->replays_count--;
		}
		if (sent)
			return 1;
	}
	response = response_at(r, 0);
	if (response->kind == RESPONSE_READ) {
		sent = send_read_response(device, qp, response, datagram);
		if (sent == 2)
			response_remove_first(r);
		if (sent)
			return 1;
	}
	answer = *response_at(r, 0);
	response_remove_first(r);
	send_answer(device, qp, &answer, datagram, now_ns);
	return 1;
}
