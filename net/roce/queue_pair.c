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
	qp->queue = connection->queue;
	connection->qp = qp;
	return 0;
}

void roce_qp_start(struct queue_pair *qp, enum queue_pair_state state)
{
	struct roce_connection *connection = qp->connection;
	uint32_t reads_max = connection->peer_responder_resources;

	assert(qp->state == QP_INIT && (state == QP_READY || state == QP_READY_TO_RECEIVE));
	qp->remote_qpn = connection->remote_qpn;
	qp->remote_address = connection->remote_address;
	qp->mtu_bytes = 128u << connection->mtu_code;
	qp->selective = connection->features & CM_FEATURE_SELECTIVE_REPEAT;
	roce_requester_start(qp, connection->psn_local, reads_max < READS_PENDING_MAX ? reads_max : READS_PENDING_MAX);
	roce_responder_start(qp, connection->psn_remote);
	qp->state = state;
}

static struct stored_event *completion(struct roce_device *device, const struct queue_pair *qp, enum roce_opcode opcode,
				       uint64_t cookie, int status, uint32_t len_bytes)
{
	struct stored_event *event = roce_queue_push(device, qp->queue);

	event->cookie = cookie;
	event->status = status;
	event->qpn = qp->qpn;
	event->connection = qp->connection->number;
	event->len_bytes = len_bytes;
	event->remote_address = qp->remote_address;
	event->extra = 0;
	event->type = ROCE_EVENT_COMPLETION;
	event->opcode = (uint8_t)opcode;
	event->flags = 0;
	return event;
}

void roce_qp_complete_receive(struct roce_device *device, struct queue_pair *qp, uint64_t cookie, uint32_t len_bytes,
			      uint8_t flags, uint32_t extra)
{
	struct stored_event *event = completion(device, qp, ROCE_RECEIVE, cookie, 0, len_bytes);

	event->flags = flags;
	event->extra = extra;
}

void roce_qp_complete(struct roce_device *device, struct queue_pair *qp, enum roce_opcode opcode, uint64_t cookie, int status,
		      uint32_t len_bytes)
{
	completion(device, qp, opcode, cookie, status, len_bytes);
}

static void flush(struct roce_device *device, struct queue_pair *qp, uint32_t failed, int status)
{
	struct requester *requester = &qp->requester;
	struct responder *responder = &qp->responder;

	for (uint32_t i = 0; requester->count > 0; i++) {
		const struct work_request work = *requester->first;

		roce_requester_drop_first(device, requester);
		roce_qp_complete(device, qp, work.opcode, work.cookie, i == failed ? status : -ECONNRESET, 0);
	}
	requester->cursor = requester->started = 0;
	requester->at = NULL;
	roce_budget_end(device, qp);
	roce_held_drop(device, responder);
	while (responder->count > 0)
		roce_qp_complete(device, qp, ROCE_RECEIVE, roce_responder_use_receive(device, responder), -ECONNRESET, 0);
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

static bool is_ready(const struct roce_device *device, const struct queue_pair *qp)
{
	return device->ready_head == qp || qp->ready_previous;
}

static void unlink_ready(struct roce_device *device, struct queue_pair *qp)
{
	*(qp->ready_previous ? &qp->ready_previous->ready_next : &device->ready_head) = qp->ready_next;
	*(qp->ready_next ? &qp->ready_next->ready_previous : &device->ready_tail) = qp->ready_previous;
	qp->ready_next = qp->ready_previous = NULL;
}

void roce_qp_destroy(struct roce_device *device, struct queue_pair *qp)
{
	assert(qp->requester.count == 0 && qp->responder.count == 0 && !qp->responder.held);
	roce_responder_end(device, qp);
	if (is_ready(device, qp))
		unlink_ready(device, qp);
	roce_timer_remove(device, &qp->timer);
	memset(qp, 0, sizeof(*qp));
	qp->timer.deadline_ns = NEVER;
	roce_pool_give(&device->free_queue_pairs, qp);
}

/* ---------------------------------------------------------------- output */

static void link_ready(struct roce_device *device, struct queue_pair *qp)
{
	qp->ready_previous = device->ready_tail;
	qp->ready_next = NULL;
	*(device->ready_tail ? &device->ready_tail->ready_next : &device->ready_head) = qp;
	device->ready_tail = qp;
}

void roce_qp_schedule(struct roce_device *device, struct queue_pair *qp)
{
	if (!is_ready(device, qp) && qp->state != QP_FREE && qp->state != QP_INIT)
		link_ready(device, qp);
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
	if (device->ready_head == qp && (!sent || qp->ready_next)) {
		unlink_ready(device, qp);
		if (sent)
			link_ready(device, qp);
	}
	return sent;
}

/* ---------------------------------------------------------------- posting */

static int post(struct roce_device *device, uint32_t qpn, const struct work_request *work, uint64_t now_ns)
{
	struct queue_pair *qp = roce_qp_find(device, qpn);
	struct requester *requester;

	if (!qp || qp->state == QP_ERROR)
		return -ECONNRESET;
	if (work->len_bytes > MESSAGE_BYTES_MAX || (work->len_bytes > 0 && !work->local))
		return -EINVAL;
	requester = &qp->requester;
	if (requester->count == device->config.limits.send_depth_max || !roce_queue_reserve(device, qp->queue))
		return -ENOBUFS;
	if (requester->count == 0)
		roce_requester_begin(qp, roce_clock(device, now_ns));
	roce_requester_append(device, requester, work);
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
	struct receive_request receive = { .cookie = cookie, .local = local, .len_bytes = len_bytes };
	struct responder *responder;

	if (!qp || qp->state == QP_ERROR)
		return -ECONNRESET;
	if (len_bytes > 0 && !local)
		return -EINVAL;
	responder = &qp->responder;
	if (responder->count == device->config.limits.receive_depth_max || !roce_queue_reserve(device, qp->queue))
		return -ENOBUFS;
	roce_responder_append_receive(device, responder, &receive);
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
