/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls: from rpc_call() to done(). */
#include "net/rpc/internal.h"

/* It is to be sent, behind all that were made before. */
static void want(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_call *call)
{
	session->calls_wanted |= rpc_bit(call->slot);
	rpc_list_push(&session->wanted, endpoint->call_links, (uint16_t)(call - endpoint->calls));
}

static void unwant(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_call *call)
{
	if ((session->calls_wanted & rpc_bit(call->slot)) == 0)
		return;
	session->calls_wanted &= (uint16_t)~rpc_bit(call->slot);
	rpc_list_remove(&session->wanted, endpoint->call_links, (uint16_t)(call - endpoint->calls));
}

static struct rpc_session *session_of(const struct rpc_endpoint *endpoint, const struct rpc_call *call)
{
	return &endpoint->sessions[call->session];
}

/* Take what the caller gives; false when there is no place for a long body. */
static bool body_copy(struct rpc_endpoint *endpoint, struct rpc_call *call, const void *body, uint32_t len_bytes)
{
	uint8_t *place = endpoint->buffers[call->buffer].message + RPC_HEADER_BYTES;

	call->len_bytes = len_bytes;
	if (len_bytes > RPC_INLINE_BYTES_MAX) {
		call->body = rpc_body_take(endpoint, &endpoint->call_bodies_free);
		if (call->body == RPC_NONE)
			return false;
		place = endpoint->bodies[call->body];
	}
	if (len_bytes > 0)
		memcpy(place, body, len_bytes);
	return true;
}

int rpc_call(struct rpc_endpoint *endpoint, uint32_t handle, uint16_t type, const void *body, uint32_t len_bytes,
	     uint64_t timeout_ns, rpc_done *done, void *context, uint64_t cookie, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, handle);
	struct rpc_call *call;

	assert(type != 0 && done != NULL);
	if (session == NULL)
		return -ENOENT;
	if (len_bytes > RPC_BODY_BYTES_MAX)
		return -EMSGSIZE;
	call = session->calls_busy == UINT16_MAX ? NULL : rpc_call_take(endpoint);
	if (call == NULL)
		return -ENOBUFS;
	if (!body_copy(endpoint, call, body, len_bytes)) {
		rpc_call_free(endpoint, call);
		return -ENOBUFS;
	}
	call->state = CALL_OPEN;
	call->slot = (uint8_t)__builtin_ctz(~(uint32_t)session->calls_busy);
	call->session = (uint16_t)rpc_session_index(endpoint, session);
	call->type = type;
	call->made_ns = now_ns;
	call->order = endpoint->call_order++;
	call->deadline_ns = timeout_ns == 0 || timeout_ns > UINT64_MAX - 1 - now_ns ? UINT64_MAX : now_ns + timeout_ns;
	call->done = done;
	call->context = context;
	call->cookie = cookie;
	session->calls[call->slot] = (uint16_t)(call - endpoint->calls);
	session->call_sequence[call->slot]++;
	session->calls_busy |= rpc_bit(call->slot);
	session->calls_waiting |= rpc_bit(call->slot);
	want(endpoint, session, call);
	rpc_timer_lower(endpoint, session, call->deadline_ns);
	rpc_transfer_pump(endpoint, session, now_ns);
	return 0;
}

/* ---------------------------------------------------------------- sending */

static uint32_t left_us(const struct rpc_call *call, uint64_t now_ns)
{
	uint64_t left = call->deadline_ns > now_ns ? (call->deadline_ns - now_ns) / 1000 : 0;

	if (call->deadline_ns == UINT64_MAX)
		return 0;
	/* 0 would mean no deadline; one too long for the field is as good as none. */
	return left == 0 ? 1 : left > UINT32_MAX ? 0 : (uint32_t)left;
}

/* Of what is not to be run any more, or has run, the name says enough. */
static uint32_t body_bytes(const struct rpc_call *call)
{
	return call->state == CALL_ABANDONED || call->replied ? 0 : call->len_bytes;
}

static void put_call(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_call *call,
		     struct rpc_header *header, uint64_t now_ns)
{
	assert(call->state == CALL_OPEN || call->state == CALL_ABANDONED);
	header->type = call->type;
	header->slot = call->slot;
	header->body_len_bytes = body_bytes(call);
	header->sequence = session->call_sequence[call->slot];
	if (call->state == CALL_ABANDONED)
		header->flags = RPC_FLAG_ABANDONED;
	else
		header->deadline_us = left_us(call, now_ns);
	if (rpc_receive_set_aside(endpoint, session, call->slot))
		header->flags |= RPC_FLAG_TOGETHER;
}

bool rpc_call_may_follow(const struct rpc_call *call, uint32_t message_bytes)
{
	return rpc_message_has_room(message_bytes, body_bytes(call));
}

uint32_t rpc_call_append(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_call *call, uint8_t *message,
			 uint32_t message_bytes, uint64_t now_ns)
{
	struct rpc_header header = { 0 };

	put_call(endpoint, session, call, &header, now_ns);
	return rpc_message_append(message, message_bytes, &header, endpoint->buffers[call->buffer].message + RPC_HEADER_BYTES);
}

void rpc_call_went(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call)
{
	unwant(endpoint, session, call);
	if (call->sent)
		endpoint->counters.resent++;
	else
		endpoint->counters.requests_sent++;
	call->sent = true;
}

bool rpc_call_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, uint32_t *len_bytes,
		      uint64_t now_ns)
{
	uint8_t *message = endpoint->buffers[call->buffer].message;
	struct rpc_header header;
	struct rpc_pull pull;
	uint32_t inline_bytes = body_bytes(call);

	rpc_message_header(endpoint, session, &header);
	put_call(endpoint, session, call, &header, now_ns);
	if (inline_bytes > RPC_INLINE_BYTES_MAX) {
		if (!rpc_pull_offer(endpoint, session, call->body, call->len_bytes, &call->rkey, &pull))
			return false;
		header.flags |= RPC_FLAG_PULL;
		inline_bytes = sizeof(pull);
		memcpy(message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	}
	rpc_message_seal(message, &header, message + RPC_HEADER_BYTES, inline_bytes);
	*len_bytes = RPC_HEADER_BYTES + inline_bytes;
	return true;
}

/* ---------------------------------------------------------------- the end of a call */

/* The record is free as soon as the device lets go of its buffers. */
static void settle(struct rpc_endpoint *endpoint, struct rpc_call *call)
{
	assert(!call->queued && !call->reading);
	if (call->under_way)
		call->state = CALL_GONE;
	else
		rpc_call_free(endpoint, call);
}

static void detach(struct rpc_session *session, const struct rpc_call *call)
{
	session->calls[call->slot] = RPC_NONE;
	session->calls_busy &= (uint16_t)~rpc_bit(call->slot);
}

void rpc_call_sent(struct rpc_endpoint *endpoint, struct rpc_call *call)
{
	assert(call->under_way);
	call->under_way = false;
	if (call->state == CALL_GONE)
		rpc_call_free(endpoint, call);
}

static void call_queue(struct rpc_endpoint *endpoint, struct rpc_call *call)
{
	if (!call->queued)
		rpc_ready_push(endpoint, READY_CALL, (uint32_t)(call - endpoint->calls));
	call->queued = true;
}

/* The call has its outcome; an abandoned one has told its own already, or will. */
static void finish(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, int status)
{
	assert(call->state == CALL_OPEN || call->state == CALL_PULLING || call->state == CALL_ABANDONED);
	unwant(endpoint, session, call);
	session->calls_waiting &= (uint16_t)~rpc_bit(call->slot);
	rpc_pull_withdraw(endpoint, &call->rkey);
	if (call->state != CALL_ABANDONED)
		call->status = status;
	if (call->done == NULL) {
		detach(session, call);
		settle(endpoint, call);
		return;
	}
	call->state = CALL_DONE;
	call_queue(endpoint, call);
}

void rpc_call_forget(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_call *call = rpc_call_of(endpoint, session, i);

		if (session->abandoned & rpc_bit(i)) {
			session->calls_busy &= (uint16_t)~rpc_bit(i);
			session->calls[i] = RPC_NONE;
		}
		session->call_sequence[i] = 0;
		if (call != NULL && call->state != CALL_DONE)
			finish(endpoint, session, call, -ECONNRESET);
	}
	session->calls_waiting = session->calls_wanted = session->abandoned = 0;
}

static const uint8_t *reply_body(const struct rpc_endpoint *endpoint, const struct rpc_call *call, uint32_t *len_bytes)
{
	const uint8_t *message;
	struct rpc_header header;

	*len_bytes = call->reply_len_bytes;
	if (call->reply_len_bytes > 0)
		return endpoint->bodies[call->body];
	if (call->reply_buffer == RPC_NONE)
		return NULL;
	/* Checked when it came in; the header's length tells where the body stands. */
	message = endpoint->buffers[call->reply_buffer].message;
	memcpy(&header, message, sizeof(header));
	*len_bytes = header.body_len_bytes;
	return message + header.header_len_bytes;
}

/* Nobody waits for it, and there is no connection to say so: its type is all that has to be kept (R8). */
static void compact(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call)
{
	unwant(endpoint, session, call);
	session->calls[call->slot] = call->type;
	session->abandoned |= rpc_bit(call->slot);
	settle(endpoint, call);
}

void rpc_call_run_done(struct rpc_endpoint *endpoint, struct rpc_call *call, uint64_t now_ns)
{
	struct rpc_session *session = session_of(endpoint, call);
	rpc_done *done = call->done;
	void *context = call->context;
	uint64_t cookie = call->cookie;
	int status = call->status;
	uint32_t len_bytes;
	const uint8_t *body;

	call->queued = false;
	call->done = NULL;		/* R4 */
	assert((call->state == CALL_DONE || call->state == CALL_ABANDONED) && done != NULL);
	if (call->state == CALL_ABANDONED) {
		rpc_stats_call(endpoint, call, 0, now_ns);
		if (!rpc_session_has_connection(session))
			compact(endpoint, session, call);
		done(context, cookie, status, NULL, 0, now_ns);
		return;
	}
	/* The slot may be used again by done() itself. */
	detach(session, call);
	body = reply_body(endpoint, call, &len_bytes);
	rpc_stats_call(endpoint, call, len_bytes, now_ns);
	done(context, cookie, status, body, len_bytes, now_ns);
	settle(endpoint, call);
}

/* ---------------------------------------------------------------- replies */

/* READ the reply's body, or wait for a place to put it. */
static void pull(struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_call *call, uint64_t now_ns)
{
	uint16_t index = (uint16_t)(call - endpoint->calls);
	struct rpc_header header;
	struct rpc_pull pull;
	const uint8_t *message = endpoint->buffers[call->reply_buffer].message;

	if (call->body == RPC_NONE)
		call->body = rpc_body_take(endpoint, &endpoint->call_bodies_free);
	if (call->body == RPC_NONE) {
		rpc_list_push(&endpoint->pulls_waiting, endpoint->call_links, index);
		return;
	}
	memcpy(&header, message, sizeof(header));
	memcpy(&pull, message + header.header_len_bytes, sizeof(pull));
	memcpy(call->pull_tag, pull.tag, sizeof(pull.tag));
	call->reply_len_bytes = pull.len_bytes;
	/* A queue pair that takes no more is in error: its end puts the call back. */
	call->reading = rpc_pull_start(endpoint, session, &pull, call->body, COOKIE_CALL_PULL, index, now_ns);
}

void rpc_call_pulls(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	while (endpoint->pulls_waiting.first != RPC_NONE && endpoint->call_bodies_free.first != RPC_NONE) {
		struct rpc_call *call = &endpoint->calls[rpc_list_pop(&endpoint->pulls_waiting, endpoint->call_links)];

		pull(endpoint, session_of(endpoint, call), call, now_ns);
	}
}

/* A reply to what was never sent, or not on this connection, can only be a lie. */
static bool is_answer(const struct rpc_session *session, const struct rpc_call *call, const struct rpc_header *header)
{
	return (call->state == CALL_OPEN || (call->state == CALL_ABANDONED && !call->reading)) && call->sent &&
	       (session->calls_wanted & rpc_bit(call->slot)) == 0 &&
	       header->sequence == session->call_sequence[call->slot] && header->type == call->type;
}

/* The buffer with the reply's body. One that shares its message with others gets its own, if it has a body. */
static uint16_t reply_buffer(struct rpc_endpoint *endpoint, const struct rpc_arrival *arrival)
{
	if (arrival->buffer != RPC_NONE || arrival->header.body_len_bytes == 0)
		return arrival->buffer;
	return rpc_buffer_copy(endpoint, arrival);
}

bool rpc_call_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival, bool *expected)
{
	const struct rpc_header *header = &arrival->header;
	struct rpc_call *call = rpc_call_of(endpoint, session, header->slot);
	struct rpc_pull where;

	*expected = call != NULL && is_answer(session, call, header);
	if (!*expected) {
		endpoint->counters.refused_sequence++;
		return false;
	}
	endpoint->counters.replies_received++;
	rpc_pull_withdraw(endpoint, &call->rkey);
	if (call->state == CALL_ABANDONED) {
		finish(endpoint, session, call, 0);
		return false;
	}
	call->status = header->status > 0 ? -EPROTO : header->status;
	if ((header->flags & RPC_FLAG_PULL) == 0) {
		call->reply_buffer = reply_buffer(endpoint, arrival);
		call->answered = true;
		finish(endpoint, session, call, call->status);
		return true;
	}
	if (!rpc_pull_parse(header, arrival->body, &where)) {
		endpoint->counters.refused_body++;
		finish(endpoint, session, call, -EPROTO);
		return false;
	}
	call->reply_buffer = arrival->buffer;
	call->pull_counter = arrival->counter;
	call->replied = true;
	call->state = CALL_PULLING;
	pull(endpoint, session, call, arrival->when_ns);
	return true;
}

void rpc_call_pulled(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, uint64_t now_ns)
{
	assert(call->reading && (call->state == CALL_PULLING || call->state == CALL_ABANDONED));
	call->reading = false;
	if (call->state == CALL_PULLING &&
	    !rpc_mac_body_good(endpoint, session, call->pull_counter, endpoint->bodies[call->body], call->reply_len_bytes,
			       call->pull_tag)) {
		/* Not what the peer sealed: ask again over another connection. */
		endpoint->counters.refused_body++;
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	endpoint->counters.bodies_read++;
	call->answered = call->state == CALL_PULLING;
	finish(endpoint, session, call, call->status);
}

/* ---------------------------------------------------------------- time and lost connections */

static void call_expire(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call)
{
	endpoint->counters.timeouts++;
	call->deadline_ns = UINT64_MAX;
	if (!call->sent) {
		/* The server never heard of it: its sequence number is free again, and so is the slot. */
		session->call_sequence[call->slot]--;
		finish(endpoint, session, call, -ETIMEDOUT);
		return;
	}
	call->status = -ETIMEDOUT;
	call->reply_len_bytes = 0;
	if (call->state == CALL_PULLING && !call->reading) {
		rpc_list_remove(&endpoint->pulls_waiting, endpoint->call_links, (uint16_t)(call - endpoint->calls));
		rpc_buffer_free(endpoint, call->reply_buffer);
		call->reply_buffer = RPC_NONE;
		finish(endpoint, session, call, -ETIMEDOUT);
		return;
	}
	call->state = CALL_ABANDONED;
	call_queue(endpoint, call);
}

void rpc_call_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	for (uint32_t slots = session->calls_waiting; slots != 0; slots &= slots - 1) {
		struct rpc_call *call = rpc_call_of(endpoint, session, (uint32_t)__builtin_ctz(slots));

		if (call != NULL && now_ns >= call->deadline_ns)
			call_expire(endpoint, session, call);
	}
}

void rpc_call_revive(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	while (session->abandoned != 0) {
		uint32_t i = (uint32_t)__builtin_ctz(session->abandoned);
		struct rpc_call *call = rpc_call_take(endpoint);

		if (call == NULL)
			return;			/* later: the slot can wait, a new call cannot come into it */
		call->state = CALL_ABANDONED;
		call->sent = true;
		call->slot = (uint8_t)i;
		call->session = (uint16_t)rpc_session_index(endpoint, session);
		call->type = session->calls[i];
		call->deadline_ns = UINT64_MAX;
		call->order = endpoint->call_order++;
		session->abandoned &= (uint16_t)~rpc_bit(i);
		session->calls[i] = (uint16_t)(call - endpoint->calls);
		want(endpoint, session, call);
	}
}

static void call_disconnected(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call)
{
	call->under_way = false;
	rpc_pull_withdraw(endpoint, &call->rkey);
	if (call->state == CALL_GONE) {
		rpc_call_free(endpoint, call);
		return;
	}
	if (call->state == CALL_DONE)
		return;
	if (call->state == CALL_PULLING) {
		if (call->body == RPC_NONE)
			rpc_list_remove(&endpoint->pulls_waiting, endpoint->call_links, (uint16_t)(call - endpoint->calls));
		rpc_buffer_free(endpoint, call->reply_buffer);
		call->reply_buffer = RPC_NONE;
		call->reply_len_bytes = 0;
		call->state = CALL_OPEN;
	}
	call->reading = false;
	if (call->state == CALL_ABANDONED && call->done == NULL)
		compact(endpoint, session, call);
}

/* Every call without a reply is to be sent again, in the order in which they were made. */
static void want_again(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	struct rpc_call *next;

	session->calls_wanted = 0;
	session->wanted.first = RPC_NONE;
	do {
		next = NULL;
		for (uint32_t i = 0; i < RPC_SLOTS; i++) {
			struct rpc_call *call = rpc_call_of(endpoint, session, i);

			if (call != NULL && call->state != CALL_DONE && (session->calls_wanted & rpc_bit(i)) == 0 &&
			    (next == NULL || call->order < next->order))
				next = call;
		}
		if (next != NULL)
			want(endpoint, session, next);
	} while (next != NULL);
}

void rpc_call_disconnected(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint32_t index = rpc_session_index(endpoint, session);

	for (uint32_t i = 0; i < endpoint->config.limits.calls_max; i++)
		if (endpoint->calls[i].state != CALL_FREE && endpoint->calls[i].session == index)
			call_disconnected(endpoint, session, &endpoint->calls[i]);
	want_again(endpoint, session);
}
