/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue pairs: birth, posting, failure.
 *
 *	FREE --qp_create--> INIT --qp_start--> READY_TO_RECEIVE --cm: RTU or data--> READY
 *	                      |                        |                              |
 *	                      +--qp_start (active)-----|------------------------------+
 *	                                               +---------qp_flush, qp_fail--> ERROR --qp_destroy--> FREE
 */
#include "net/roce/cm_message.h"
#include "net/roce/held.h"

#define QPN_TRIES_MAX 64u
#define QPN_MASK 0xffffffu

static uint32_t draw_qpn(struct roce_device *device, uint32_t index)
{
	for (unsigned i = 0; i < QPN_TRIES_MAX; i++) {
		uint32_t qpn = ((roce_random32(device) & ~device->queue_pair_mask) | index) & QPN_MASK;

		/* 0 is nobody, 1 the connection manager, all ones multicast. */
		if (qpn > 1 && qpn != QPN_MASK)
			return qpn;
	}
	return 0;
}

int roce_qp_create(struct roce_device *device, struct roce_connection *connection, uint64_t peer)
{
	struct queue_pair *qp = roce_pool_take(&device->free_queue_pairs);
	uint32_t qpn;

	if (!qp)
		return -ENOBUFS;
	qpn = draw_qpn(device, (uint32_t)(qp - device->queue_pairs));
	if (qpn == 0) {
		roce_pool_give(&device->free_queue_pairs, qp);
		return -ENOBUFS;
	}
	assert(qp->state == QP_FREE);
	qp->qpn = qpn;
	qp->state = QP_INIT;
	qp->peer = peer;
	qp->connection = connection;
	connection->qp = qp;
	return 0;
}

void roce_qp_start(struct queue_pair *qp, enum queue_pair_state state)
{
	const struct roce_connection *connection = qp->connection;
	const struct handshake *handshake = connection->handshake;
	uint32_t reads_max = handshake->peer_responder_resources;

	assert(qp->state == QP_INIT && (state == QP_READY || state == QP_READY_TO_RECEIVE));
	qp->remote_qpn = connection->remote_qpn;
	qp->remote_address = connection->remote_address;
	qp->mtu_bytes = 128u << handshake->mtu_code;
	qp->selective = handshake->features & CM_FEATURE_SELECTIVE_REPEAT;
	roce_requester_start(qp, handshake->psn_local, reads_max < READS_PENDING_MAX ? reads_max : READS_PENDING_MAX);
	roce_responder_start(qp, handshake->psn_remote);
	qp->state = state;
}

struct completion *roce_qp_complete(const struct queue_pair *qp, const struct ended_work *ended, int status)
{
	struct completion *completion = ended->place;

	completion->event.connection = qp->connection->number;
	completion->event.status = (int8_t)status;
	completion->event.type = ROCE_EVENT_COMPLETION;
	completion->event.opcode = ended->opcode;
	completion->event.flags = 0;
	completion->cookie = ended->cookie;
	completion->qpn = qp->qpn;
	completion->len_bytes = status ? 0 : ended->len_bytes;
	completion->remote_address = qp->remote_address;
	completion->extra = 0;
	assert(completion->event.status == status);
	roce_queue_push(qp->connection->queue, &completion->event);
	return completion;
}

static void flush(struct roce_device *device, struct queue_pair *qp, uint32_t failed, int status)
{
	struct requester *requester = &qp->requester;
	struct responder *responder = &qp->responder;
	struct ended_work ended;

	for (uint32_t i = 0; requester->count > 0; i++) {
		ended = roce_requester_end_first(requester);
		roce_qp_complete(qp, &ended, i == failed ? status : -ECONNRESET);
	}
	requester->cursor = requester->started = 0;
	requester->at = NULL;
	roce_budget_end(device, qp);
	roce_held_drop(device, responder);
	while (responder->count > 0) {
		ended = roce_responder_use_receive(responder, 0);
		roce_qp_complete(qp, &ended, -ECONNRESET);
	}
}

void roce_qp_flush(struct roce_device *device, struct queue_pair *qp, int status)
{
	if (qp->state == QP_ERROR)
		return;
	flush(device, qp, 0, status);
	roce_timer_cancel(&qp->timer);
	qp->state = QP_ERROR;
}

void roce_qp_fail(struct roce_device *device, struct queue_pair *qp, uint32_t failed, int status, uint64_t now_ns)
{
	if (qp->state == QP_ERROR)
		return;
	flush(device, qp, failed, status);
	roce_timer_cancel(&qp->timer);
	qp->state = QP_ERROR;
	roce_cm_qp_failed(device, qp->connection, status, now_ns);
}

void roce_qp_destroy(struct roce_device *device, struct queue_pair *qp)
{
	assert(qp->requester.count == 0 && qp->responder.count == 0 && !qp->responder.held);
	roce_responder_end(device, qp);
	roce_timer_remove(device, &qp->timer);
	*qp = (struct queue_pair){ .ready = qp->ready, .ready_next = qp->ready_next, .timer.deadline_ns = NEVER };
	roce_pool_give(&device->free_queue_pairs, qp);
}

/* ---------------------------------------------------------------- output */

static void append_ready(struct roce_device *device, struct queue_pair *qp)
{
	qp->ready_next = NULL;
	*(device->ready_head ? &device->ready_tail->ready_next : &device->ready_head) = qp;
	device->ready_tail = qp;
}

void roce_qp_schedule(struct roce_device *device, struct queue_pair *qp)
{
	if (qp->ready || qp->state == QP_FREE || qp->state == QP_INIT)
		return;
	qp->ready = true;
	append_ready(device, qp);
}

void roce_qp_packet(const struct queue_pair *qp, uint8_t opcode, uint64_t sequence, struct roce_packet *packet)
{
	packet->opcode = opcode;
	packet->solicited = false;
	packet->migration = true;		/* as hardware does; rxe takes both (docs/rocev2.md section 2, pitfall 18) */
	packet->congestion = 0;
	packet->ack_byte = 0;
	packet->pkey = ROCE_PKEY_DEFAULT;
	packet->payload = NULL;
	packet->payload_len_bytes = 0;
	packet->destination_qpn = qp->remote_qpn;
	packet->psn = sequence_psn(sequence);
}

void roce_qp_encode(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		    struct roce_datagram *datagram)
{
	const struct crc_implementation *crc = device->config.environment.crc;

	if (!qp->protection) {
		roce_packet_encode(packet, datagram, crc, &device->icrc_cache);
		return;
	}
	roce_packet_encode_unsealed(packet, datagram);
	roce_protection_seal(qp->protection, datagram);
	roce_icrc_seal(datagram, crc, &device->icrc_cache);
}

int roce_qp_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns)
{
	struct queue_pair *qp = device->ready_head;
	int sent;

	datagram->destination_address = qp->remote_address;
	datagram->ip_tos = ECN_CAPABLE;
	/* Answers first: they free the peer's window, and cost ours nothing. */
	sent = roce_responder_output(device, qp, datagram, now_ns);
	if (!sent && qp->state == QP_READY)
		sent = roce_requester_output(device, qp, datagram, now_ns);
	/* One that has sent goes behind the others, and finds out when its turn comes whether there is more. */
	if (!sent || qp->ready_next) {
		device->ready_head = qp->ready_next;
		qp->ready = sent;
		if (sent)
			append_ready(device, qp);
	}
	return sent;
}

/* ---------------------------------------------------------------- posting */

static int post(struct roce_device *device, uint32_t qpn, const struct work_request *work, uint64_t now_ns)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);
	struct work_request *place = NULL;
	struct requester *requester;

	if (!qp || qp->state == QP_ERROR)
		return -ECONNRESET;
	if (work->len_bytes > MESSAGE_BYTES_MAX || (work->len_bytes > 0 && !work->local))
		return -EINVAL;
	requester = &qp->requester;
	if (requester->count < device->config.limits.send_depth_max)
		place = roce_queue_reserve(device, qp->connection->queue, &device->works);
	if (!place)
		return -ENOBUFS;
	if (requester->count == 0)
		roce_requester_begin(qp, roce_clock(device, now_ns));
	roce_requester_append(requester, place, work);
	roce_qp_schedule(device, qp);
	return 0;
}

int roce_post_read(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
		   uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_READ, .cookie = cookie, .local = local, .len_bytes = len_bytes,
				     .remote_address = remote_address, .rkey = rkey };

	return post(device, qpn, &work, now_ns);
}

int roce_post_write(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		    uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_WRITE, .cookie = cookie, .local = (uint8_t *)(uintptr_t)local,
				     .len_bytes = len_bytes, .remote_address = remote_address, .rkey = rkey };

	return post(device, qpn, &work, now_ns);
}

int roce_post_send(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		   uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_SEND, .cookie = cookie, .local = (uint8_t *)(uintptr_t)local,
				     .len_bytes = len_bytes };

	return post(device, qpn, &work, now_ns);
}

int roce_post_send_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			     uint32_t len_bytes, uint32_t immediate, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_SEND, .cookie = cookie, .local = (uint8_t *)(uintptr_t)local,
				     .len_bytes = len_bytes, .extra = WORK_IMMEDIATE, .operand = immediate };

	return post(device, qpn, &work, now_ns);
}

int roce_post_write_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint64_t remote_address, uint32_t rkey, uint32_t immediate,
			      uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_WRITE, .cookie = cookie, .local = (uint8_t *)(uintptr_t)local,
				     .len_bytes = len_bytes, .remote_address = remote_address, .rkey = rkey,
				     .extra = WORK_IMMEDIATE, .operand = immediate };

	return post(device, qpn, &work, now_ns);
}

int roce_post_send_invalidate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint32_t rkey, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_SEND, .cookie = cookie, .local = (uint8_t *)(uintptr_t)local,
				     .len_bytes = len_bytes, .extra = WORK_INVALIDATE, .operand = rkey };

	return post(device, qpn, &work, now_ns);
}

static int post_atomic(struct roce_device *device, uint32_t qpn, struct work_request *work, uint64_t *original,
		       uint64_t now_ns)
{
	if (work->remote_address % ATOMIC_BYTES != 0)
		return -EINVAL;
	work->local = (uint8_t *)original;
	work->len_bytes = ATOMIC_BYTES;
	return post(device, qpn, work, now_ns);
}

int roce_post_compare_swap(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			   uint64_t remote_address, uint32_t rkey, uint64_t compare, uint64_t swap, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_COMPARE_SWAP, .cookie = cookie, .remote_address = remote_address,
				     .rkey = rkey, .operand = swap, .compare = compare };

	return post_atomic(device, qpn, &work, original, now_ns);
}

int roce_post_fetch_add(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			uint64_t remote_address, uint32_t rkey, uint64_t add, uint64_t now_ns)
{
	struct work_request work = { .opcode = ROCE_FETCH_ADD, .cookie = cookie, .remote_address = remote_address,
				     .rkey = rkey, .operand = add };

	return post_atomic(device, qpn, &work, original, now_ns);
}

int roce_post_receive(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);
	struct receive_request receive = { .cookie = cookie, .local = local, .len_bytes = len_bytes }, *place = NULL;
	struct responder *responder;

	if (!qp || qp->state == QP_ERROR)
		return -ECONNRESET;
	if (len_bytes > 0 && !local)
		return -EINVAL;
	responder = &qp->responder;
	if (responder->count < device->config.limits.receive_depth_max)
		place = roce_queue_reserve(device, qp->connection->queue, &device->receives);
	if (!place)
		return -ENOBUFS;
	roce_responder_append_receive(responder, place, &receive);
	return 0;
}

int roce_authorize(struct roce_device *device, uint32_t qpn)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);

	if (!qp)
		return -ENOENT;
	qp->locked = false;
	return 0;
}

uint32_t roce_path_mtu_bytes(const struct roce_device *device, uint32_t qpn)
{
	const struct queue_pair *qp = roce_qp_find((struct roce_device *)(uintptr_t)device, qpn);

	return qp ? qp->mtu_bytes : 0;
}
