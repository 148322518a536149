/* SPDX-License-Identifier: GPL-2.0-only */
/* The caller's slots: from rpc_call() to done(). */
#include "net/rpc/internal.h"

int rpc_call(struct rpc_endpoint *endpoint, uint32_t handle, uint16_t type, const void *body, uint32_t len_bytes,
	     uint64_t timeout_ns, rpc_done *done, void *context, uint64_t cookie, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, handle);
	struct rpc_call_slot *call = NULL;

	assert(type != 0 && done != NULL);
	if (session == NULL)
		return -ENOENT;
	if (len_bytes > RPC_BODY_BYTES_MAX)
		return -EMSGSIZE;
	for (uint32_t i = 0; i < session->slots && call == NULL; i++)
		if (session->calls[i].state == CALL_FREE && !session->calls[i].outgoing.under_way)
			call = &session->calls[i];
	if (call == NULL)
		return -ENOBUFS;

	assert(!call->queued);
	call->state = CALL_OPEN;
	call->sent = false;
	call->status = 0;
	call->sequence++;
	call->type = type;
	call->reply_buffer = -1;
	call->order = endpoint->call_order++;
	call->deadline_ns = timeout_ns == 0 || timeout_ns > UINT64_MAX - 1 - now_ns ? UINT64_MAX : now_ns + timeout_ns;
	call->done = done;
	call->context = context;
	call->cookie = cookie;
	call->outgoing.len_bytes = RPC_HEADER_BYTES + len_bytes;
	call->outgoing.wanted = true;
	if (len_bytes > 0)
		memcpy(call->message + RPC_HEADER_BYTES, body, len_bytes);
	rpc_deadline_lower(endpoint, call->deadline_ns);
	rpc_transfer_pump(endpoint, session, now_ns);
	return 0;
}

/* Write the header as of now, just before the message is given to the device. */
void rpc_call_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call, uint64_t now_ns)
{
	struct rpc_header header;

	assert(call->state == CALL_OPEN || call->state == CALL_ABANDONED);
	rpc_message_header(endpoint, session, &header);
	header.type = call->type;
	header.slot = (uint16_t)(call - session->calls);
	header.sequence = call->sequence;
	header.acknowledged = call->sequence - 1;
	if (call->state == CALL_ABANDONED) {
		header.flags = RPC_FLAG_ABANDONED;
	} else if (call->deadline_ns != UINT64_MAX) {
		uint64_t left_us = call->deadline_ns > now_ns ? (call->deadline_ns - now_ns) / 1000 : 0;

		/* 0 would mean no deadline; one too long for the field is as good as none. */
		header.deadline_us = left_us == 0 ? 1 : left_us > UINT32_MAX ? 0 : (uint32_t)left_us;
	}
	rpc_message_seal(call->message, &header, call->message + RPC_HEADER_BYTES, call->outgoing.len_bytes - RPC_HEADER_BYTES);
}

static void call_queue(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call)
{
	if (!call->queued) {
		call->queued = true;
		rpc_ready_push(endpoint, session, READY_CALL, (uint32_t)(call - session->calls));
	}
}

/* The call has its outcome; an abandoned one has told its own already. */
void rpc_call_finish(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call, int status)
{
	assert(call->state == CALL_OPEN || call->state == CALL_ABANDONED);
	call->outgoing.wanted = false;
	if (call->state == CALL_OPEN) {
		call->status = status;
	} else if (call->done == NULL) {
		call->state = CALL_FREE;
		return;
	}
	call->state = CALL_DONE;
	call_queue(endpoint, session, call);
}

/* A reply arrived in `buffer`. `held`: the buffer must stay as it is until done() has seen it. */
void rpc_call_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header, uint32_t buffer,
		bool *held)
{
	struct rpc_call_slot *call = &session->calls[header->slot];

	/* A reply to what was never sent can only be a lie. */
	if ((call->state != CALL_OPEN && call->state != CALL_ABANDONED) || !call->sent || header->sequence != call->sequence ||
	    header->type != call->type) {
		endpoint->counters.refused_sequence++;
		return;
	}
	endpoint->counters.replies_received++;
	if (call->state == CALL_OPEN) {
		call->reply_buffer = (int)buffer;
		*held = true;
	}
	rpc_call_finish(endpoint, session, call, header->status > 0 ? -EPROTO : header->status);
}

void rpc_call_run_done(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot, uint64_t now_ns)
{
	struct rpc_call_slot *call = &session->calls[slot];
	rpc_done *done = call->done;
	void *context = call->context;
	uint64_t cookie = call->cookie;
	int status = call->status, buffer = call->reply_buffer;
	const uint8_t *body = NULL;
	struct rpc_header header = { 0 };

	call->queued = false;
	assert((call->state == CALL_DONE || call->state == CALL_ABANDONED) && done != NULL);
	call->done = NULL;		/* R4 */
	call->reply_buffer = -1;
	if (call->state == CALL_DONE)
		call->state = CALL_FREE;
	if (buffer >= 0) {
		/* Checked when it came in; the header's length tells where the body stands. */
		memcpy(&header, session->receives[buffer], sizeof(header));
		body = session->receives[buffer] + header.header_len_bytes;
	}
	done(context, cookie, status, body, header.body_len_bytes, now_ns);
	if (buffer >= 0)
		rpc_transfer_release_receive(endpoint, session, (uint32_t)buffer);
}

static void call_expire(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call)
{
	endpoint->counters.timeouts++;
	if (!call->sent) {
		/* The server never heard of it: its sequence number is free again, and so is the slot. */
		call->sequence--;
		rpc_call_finish(endpoint, session, call, -ETIMEDOUT);
		return;
	}
	call->state = CALL_ABANDONED;
	call->status = -ETIMEDOUT;
	call->deadline_ns = UINT64_MAX;
	call_queue(endpoint, session, call);
}

void rpc_call_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_call_slot *call = &session->calls[i];

		if (call->state == CALL_OPEN && now_ns >= call->deadline_ns)
			call_expire(endpoint, session, call);
	}
}
