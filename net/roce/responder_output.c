/* SPDX-License-Identifier: GPL-2.0-only */
/* The responder's way out: replays first, then what is owed, in sequence order. */
#include "net/roce/held.h"
#include "net/roce/responder.h"

bool roce_responder_owes(const struct responder *r)
{
	return r->owed.count > 0 || r->replays.count > 0 || r->word.kind != WORD_NONE;
}

static void echo_congestion(struct roce_device *device, struct queue_pair *qp, struct roce_packet *packet)
{
	if (!qp->responder.echo_congestion)
		return;
	packet->congestion = CONGESTION_BECN;
	qp->responder.echo_congestion = false;
	device->counters.congestion_echoes_sent++;
}

static void answer_packet(struct roce_device *device, struct queue_pair *qp, uint8_t opcode, uint64_t sequence,
			  struct roce_packet *packet)
{
	roce_qp_packet(qp, opcode, sequence, packet);
	echo_congestion(device, qp, packet);
}

/*
 * A NAK for a gap acknowledges what came before it. But rdma_rxe counts each as a retry, and pays no heed to the next, until an
 * acknowledgement comes: a message with some losses would end its connection. So stock peers get that first, if anything came.
 */
static bool acknowledges_first(const struct queue_pair *qp)
{
	const struct responder *r = &qp->responder;

	return r->word.kind == WORD_NAK && r->word.syndrome == SYNDROME_SEQUENCE && !qp->selective && !r->word.acknowledged &&
	       r->word.sequence == r->acknowledge && (r->msn || r->message);
}

static struct last_word take_word(struct queue_pair *qp)
{
	struct responder *r = &qp->responder;
	struct last_word word = r->word;

	if (!acknowledges_first(qp)) {
		r->word.kind = WORD_NONE;
		return word;
	}
	r->word.acknowledged = true;
	word.kind = WORD_ACK;
	word.syndrome = SYNDROME_ACK;
	word.sequence--;
	return word;
}

static void send_word(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram, uint64_t now_ns)
{
	uint8_t report[HELD_REPORT_BYTES];
	const struct last_word word = take_word(qp);
	struct roce_packet packet;
	int status;

	answer_packet(device, qp, OPCODE_ACKNOWLEDGE, word.sequence, &packet);
	packet.syndrome = word.syndrome;
	packet.msn = word.msn;
	if (word.syndrome == SYNDROME_SEQUENCE && qp->responder.held && word.sequence == qp->responder.expected) {
		roce_held_report(&qp->responder, report);
		packet.payload = report;
		packet.payload_len_bytes = sizeof(report);
	}
	roce_qp_encode(device, qp, &packet, datagram);
	device->counters.acks_sent += word.kind == WORD_ACK;
	if (word.kind == WORD_NAK && qp->responder.fatal_syndrome && qp->state != QP_ERROR) {
		status = qp->responder.fatal_syndrome == SYNDROME_ACCESS ? -EACCES :
			 qp->responder.fatal_syndrome == SYNDROME_OPERATIONAL ? -EIO : -EPROTO;
		roce_qp_fail(device, qp, UINT32_MAX, status, now_ns);
	}
}

/* The READ cannot go on: drop everything owed and say why. Later requests of the peer are answered when it repeats them. */
static void abandon_read(struct roce_device *device, struct queue_pair *qp, uint8_t syndrome, uint64_t sequence)
{
	responses_drop(device, &qp->responder);
	roce_responder_refuse(device, qp, syndrome, sequence);
}

/* Fetch the next packet of a READ: into its place, unless the owner says where the bytes stand. 0, or the syndrome of a NAK. */
static uint8_t fetch(struct roce_device *device, const struct queue_pair *qp, const struct response *read, uint8_t *place,
		     struct roce_packet *packet)
{
	struct memory_access access = { .address = read->address, .len_bytes = packet->payload_len_bytes, .rkey = read->rkey,
					.right = ROCE_ACCESS_REMOTE_READ, .peer = qp->peer };
	struct memory_region *region;
	int status;

	packet->payload = place;
	if (access.len_bytes == 0)
		return 0;
	region = roce_memory_check(device, &access);
	if (!region)
		return SYNDROME_ACCESS;
	if (region->ops->source) {
		packet->payload = region->ops->source(region->context, access.address, access.len_bytes);
		return 0;
	}
	status = region->ops->read(region->context, access.address, place, access.len_bytes);
	return status ? roce_responder_syndrome(device, status) : 0;
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
	uint8_t *place = datagram->bytes + roce_header_bytes(opcode);
	struct roce_packet packet;

	roce_qp_packet(qp, opcode, read->sequence, &packet);
	packet.payload_len_bytes = len_bytes;
	syndrome = fetch(device, qp, read, place, &packet);
	if (syndrome) {
		abandon_read(device, qp, syndrome, read->sequence);
		return 0;
	}
	echo_congestion(device, qp, &packet);
	packet.syndrome = SYNDROME_ACK;
	packet.msn = read->msn;
	roce_qp_encode(device, qp, &packet, datagram);
	read->begun = true;
	read->sequence++;
	read->address += len_bytes;
	read->remaining_bytes -= len_bytes;
	device->counters.reads_served += last;
	return last ? 2 : 1;
}

static int send_atomic_response(struct roce_device *device, struct queue_pair *qp, const struct response *atomic,
				struct roce_datagram *datagram)
{
	struct roce_packet packet;

	answer_packet(device, qp, OPCODE_ATOMIC_ACKNOWLEDGE, atomic->sequence, &packet);
	packet.syndrome = SYNDROME_ACK;
	packet.msn = atomic->msn;
	packet.original = atomic->original;
	roce_qp_encode(device, qp, &packet, datagram);
	return 2;
}

/* As send_read_response(), for any answer that carries data. 2: sent, and it was the last packet of this answer. */
static int send_data_response(struct roce_device *device, struct queue_pair *qp, struct response *response,
			      struct roce_datagram *datagram)
{
	if (response->kind == RESPONSE_ATOMIC)
		return send_atomic_response(device, qp, response, datagram);
	return send_read_response(device, qp, response, datagram);
}

/* Tell a peer that is not ours, and does not look at BECN in answers, that its requests met congestion. 0: too soon again. */
static int send_notice(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram, uint64_t now_ns)
{
	static const uint8_t reserved[CONGESTION_NOTICE_BYTES];
	struct responder *r = &qp->responder;
	struct roce_packet packet;

	r->notice_due = false;
	if (qp->state == QP_ERROR || now_ns - r->notice_ns < NOTICE_PAUSE_NS)
		return 0;
	r->notice_ns = now_ns;
	roce_qp_packet(qp, OPCODE_CONGESTION_NOTIFICATION, 0, &packet);
	packet.congestion = CONGESTION_BECN;
	packet.payload = reserved;
	packet.payload_len_bytes = sizeof(reserved);
	roce_qp_encode(device, qp, &packet, datagram);
	device->counters.congestion_notices_sent++;
	return 1;
}

int roce_responder_output(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram,
			  uint64_t now_ns)
{
	struct responder *r = &qp->responder;
	struct response_list *lists[2] = { &r->replays, &r->owed };

	if (r->notice_due && send_notice(device, qp, datagram, now_ns))
		return 1;
	if (!roce_responder_owes(r))
		return 0;
	if (qp->state == QP_ERROR) {
		/* Hung up: the only thing left to say is why. */
		responses_drop(device, r);
		if (!r->fatal_syndrome)
			return 0;
		roce_responder_owe_nak(r, r->fatal_syndrome, r->fatal_sequence);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct response_list *list = lists[i];
		int sent;

		if (list->count == 0)
			continue;
		sent = send_data_response(device, qp, list->first, datagram);
		if (sent == 2)
			response_remove_first(device, list);
		if (sent)
			return 1;
	}
	send_word(device, qp, datagram, now_ns);
	return 1;
}
