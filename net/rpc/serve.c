/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests served: each accepted one runs once, and its reply is kept until the caller has said that it saw it. */
#include "net/rpc/internal.h"

#define TOKEN_SERIAL_MASK UINT32_C(0xffffff)

static uint64_t token_make(uint32_t handle, uint32_t slot, uint32_t serial)
{
	return (uint64_t)handle << 32 | (uint64_t)(serial & TOKEN_SERIAL_MASK) << 8 | slot;
}

static struct rpc_serve *serve_of(const struct rpc_endpoint *endpoint, const struct rpc_session *session, uint32_t slot)
{
	return session->serves[slot] == RPC_NONE ? NULL : &endpoint->serves[session->serves[slot]];
}

/* ---------------------------------------------------------------- the end of a record */

/* It is free as soon as neither the device nor the ready ring holds it. */
static void settle(struct rpc_endpoint *endpoint, struct rpc_serve *serve)
{
	serve->state = SERVE_GONE;
	if (!serve->under_way && !serve->queued)
		rpc_serve_free(endpoint, serve);
}

static void release(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve)
{
	session->serves[serve->slot] = RPC_NONE;
	session->replies_wanted &= (uint16_t)~rpc_bit(serve->slot);
	session->replies_kept &= (uint16_t)~rpc_bit(serve->slot);
	rpc_pull_withdraw(endpoint, &serve->rkey);
	settle(endpoint, serve);
}

void rpc_serve_acknowledged(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slots)
{
	/* What still waits to be sent cannot have been seen. */
	slots &= session->replies_kept & ~(uint32_t)session->replies_wanted;
	for (; slots != 0; slots &= slots - 1)
		release(endpoint, session, serve_of(endpoint, session, (uint32_t)__builtin_ctz(slots)));
}

void rpc_serve_forget(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		if (session->serves[i] != RPC_NONE)
			release(endpoint, session, serve_of(endpoint, session, i));
		session->serve_sequence[i] = 0;
	}
}

void rpc_serve_sent(struct rpc_endpoint *endpoint, struct rpc_serve *serve)
{
	assert(serve->under_way);
	serve->under_way = false;
	if (serve->state == SERVE_GONE)
		settle(endpoint, serve);
}

void rpc_serve_disconnected(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint32_t index = rpc_session_index(endpoint, session);

	session->replies_wanted = 0;
	for (uint32_t i = 0; i < endpoint->config.limits.serves_max; i++) {
		struct rpc_serve *serve = &endpoint->serves[i];

		if (serve->state == SERVE_FREE || serve->session != index)
			continue;
		serve->under_way = false;
		rpc_pull_withdraw(endpoint, &serve->rkey);
		if (serve->state == SERVE_PULLING) {
			/* Nothing has come of it: it comes again as a new one. */
			session->serve_sequence[serve->slot]--;
			release(endpoint, session, serve);
		} else if (serve->state == SERVE_GONE) {
			settle(endpoint, serve);
		}
	}
}

/* ---------------------------------------------------------------- arrivals */

static void received(struct rpc_endpoint *endpoint, struct rpc_serve *serve)
{
	endpoint->counters.requests_received++;		/* whole: one whose body was lost comes again */
	serve->state = SERVE_RECEIVED;
	serve->queued = true;
	rpc_ready_push(endpoint, READY_SERVE, (uint32_t)(serve - endpoint->serves));
}

/* The request that this slot accepted last, once more: the connection it came on was lost. */
static void serve_again(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve,
			const struct rpc_header *header)
{
	if (header->type != serve->type) {
		endpoint->counters.refused_sequence++;
		return;
	}
	serve->asked_serial = session->connection_serial;
	if (serve->state == SERVE_RECEIVED && (header->flags & RPC_FLAG_ABANDONED) != 0)
		serve->abandoned = true;
	if (serve->state == SERVE_REPLIED && !serve->under_way && (session->replies_wanted & rpc_bit(serve->slot)) == 0) {
		session->replies_wanted |= rpc_bit(serve->slot);
		endpoint->counters.replayed++;
	}
}

/* What a request is going to need, and where its body is. */
struct matter {
	const struct rpc_type *type;
	struct rpc_pull pull;
	uint32_t len_bytes;
	bool pulls, needs_body;
};

/* False: a long body that nobody can have. */
static bool matter_of(const struct rpc_endpoint *endpoint, const struct rpc_header *header, const uint8_t *body,
		      struct matter *matter)
{
	*matter = (struct matter){ .type = rpc_type_find(endpoint, header->type), .len_bytes = header->body_len_bytes };
	if (header->flags & RPC_FLAG_PULL) {
		if (!rpc_pull_parse(header, body, &matter->pull))
			return false;
		matter->len_bytes = matter->pull.len_bytes;
		/* What is refused anyway is not worth a READ. */
		matter->pulls = matter->type != NULL && matter->len_bytes <= matter->type->len_bytes_max;
	}
	matter->needs_body = matter->pulls || (matter->type != NULL && matter->type->reply_len_bytes_max > RPC_INLINE_BYTES_MAX);
	return true;
}

static struct rpc_serve *accept(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival,
				const struct matter *matter)
{
	const struct rpc_header *header = &arrival->header;
	struct rpc_serve *serve = rpc_serve_take(endpoint);

	serve->slot = (uint8_t)header->slot;
	serve->abandoned = (header->flags & RPC_FLAG_ABANDONED) != 0;
	serve->version_minor = header->version_minor;
	serve->session = (uint16_t)rpc_session_index(endpoint, session);
	serve->type = header->type;
	serve->asked_serial = session->connection_serial;
	serve->header_len_bytes = arrival->buffer != RPC_NONE ? header->header_len_bytes : RPC_HEADER_BYTES;
	serve->together = (header->flags & RPC_FLAG_TOGETHER) != 0;
	serve->buffer = arrival->buffer != RPC_NONE ? arrival->buffer : rpc_buffer_copy(endpoint, arrival);
	serve->body = matter->needs_body ? rpc_body_take(endpoint, &endpoint->serve_bodies_free) : RPC_NONE;
	serve->serial = endpoint->serve_serial++;
	serve->epoch = header->epoch;
	serve->len_bytes = matter->len_bytes;
	serve->long_body = matter->pulls;
	serve->pull_counter = arrival->counter;
	memcpy(serve->pull_tag, matter->pull.tag, sizeof(serve->pull_tag));
	serve->arrived_ns = arrival->when_ns;
	serve->expires_ns = header->deadline_us == 0 ? UINT64_MAX : arrival->when_ns + (uint64_t)header->deadline_us * 1000;
	session->serves[header->slot] = (uint16_t)(serve - endpoint->serves);
	session->serve_sequence[header->slot] = (uint16_t)header->sequence;
	return serve;
}

enum serve_verdict rpc_serve_request(struct rpc_endpoint *endpoint, struct rpc_session *session,
				     const struct rpc_arrival *arrival, uint64_t now_ns)
{
	const struct rpc_header *header = &arrival->header;
	struct rpc_serve *serve = serve_of(endpoint, session, header->slot);
	struct matter matter;

	if (serve != NULL && header->sequence == session->serve_sequence[header->slot]) {
		serve_again(endpoint, session, serve, header);
		return SERVE_DROPPED;
	}
	/* R2: only the next one, and only when the caller can have seen the reply to the last (R1). */
	if (header->sequence != (uint16_t)(session->serve_sequence[header->slot] + 1u) || (serve != NULL && serve->state != SERVE_REPLIED)) {
		endpoint->counters.refused_sequence++;
		return SERVE_DROPPED;
	}
	if (!matter_of(endpoint, header, arrival->body, &matter)) {
		endpoint->counters.refused_body++;
		return SERVE_DROPPED;
	}
	if (serve != NULL)
		release(endpoint, session, serve);
	if (endpoint->serves_free.first == RPC_NONE ||
	    (matter.needs_body && endpoint->serve_bodies_free.first == RPC_NONE))
		return SERVE_WAIT;

	serve = accept(endpoint, session, arrival, &matter);
	if (!matter.pulls) {
		received(endpoint, serve);
		return SERVE_TAKEN;
	}
	serve->state = SERVE_PULLING;
	/* A queue pair that takes no more is in error: its end takes the record back. */
	rpc_pull_start(endpoint, session, &matter.pull, serve->body, COOKIE_SERVE_PULL, (uint32_t)(serve - endpoint->serves),
		       now_ns);
	return SERVE_TAKEN;
}

enum serve_verdict rpc_serve_requests(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_arrival *arrival,
				      uint64_t now_ns)
{
	uint16_t buffer = arrival->buffer;
	uint8_t *message = endpoint->buffers[buffer].message;

	if (arrival->header.followers == 0)
		return rpc_serve_request(endpoint, session, arrival, now_ns);
	arrival->buffer = RPC_NONE;
	for (uint32_t left = arrival->header.followers + 1u; left > 0; left--) {
		if (arrival->header.slot >= RPC_SLOTS) {
			endpoint->counters.refused_slot++;
		} else if (rpc_serve_request(endpoint, session, arrival, now_ns) == SERVE_WAIT) {
			rpc_message_keep(message, &arrival->header, arrival->body, left - 1);
			arrival->buffer = buffer;
			return SERVE_WAIT;
		}
		if (left > 1)
			rpc_decode_follower(message, &arrival->header, &arrival->body);
	}
	arrival->buffer = buffer;
	return SERVE_DROPPED;
}

void rpc_serve_pulled(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve, uint64_t now_ns)
{
	assert(serve->state == SERVE_PULLING);
	if (!rpc_mac_body_good(endpoint, session, serve->pull_counter, endpoint->bodies[serve->body], serve->len_bytes,
			       serve->pull_tag)) {
		/* Not what the peer sealed: it sends it again over another connection. */
		endpoint->counters.refused_body++;
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	endpoint->counters.bodies_read++;
	received(endpoint, serve);
}

/* ---------------------------------------------------------------- waiting for a record */

void rpc_serve_wait(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival)
{
	struct rpc_buffer *buffer = &endpoint->buffers[arrival->buffer];

	endpoint->counters.requests_delayed++;
	buffer->waiting.arrived_ns = arrival->when_ns;
	buffer->waiting.session = rpc_session_index(endpoint, session) & UINT16_MAX;
	buffer->waiting.counter = arrival->counter & ((UINT64_C(1) << 48) - 1);
	rpc_list_push(&endpoint->waiting, endpoint->buffer_links, arrival->buffer);
}

void rpc_serve_admit(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	uint16_t first;

	while ((first = endpoint->waiting.first) != RPC_NONE) {
		const struct rpc_buffer *buffer = &endpoint->buffers[first];
		struct rpc_session *session = &endpoint->sessions[buffer->waiting.session];
		struct rpc_arrival arrival = { .buffer = first, .counter = buffer->waiting.counter,
					       .when_ns = buffer->waiting.arrived_ns };
		enum serve_verdict verdict;

		memcpy(&arrival.header, buffer->message, sizeof(arrival.header));
		arrival.body = buffer->message + arrival.header.header_len_bytes;
		verdict = rpc_serve_requests(endpoint, session, &arrival, now_ns);
		if (verdict == SERVE_WAIT)
			return;
		rpc_list_pop(&endpoint->waiting, endpoint->buffer_links);
		if (verdict == SERVE_DROPPED)
			rpc_buffer_free(endpoint, first);
		rpc_receive_waited(endpoint, session);
		rpc_transfer_pump(endpoint, session, now_ns);
	}
}

/* ---------------------------------------------------------------- running */

/* 0: the handler may run. Otherwise the status of the refusal. */
static int serve_check(struct rpc_endpoint *endpoint, const struct rpc_serve *serve, const struct rpc_type *type,
		       uint64_t now_ns)
{
	if (serve->abandoned || now_ns > serve->expires_ns) {
		endpoint->counters.expired++;
		return -ETIMEDOUT;
	}
	if (type == NULL) {
		endpoint->counters.refused_type++;
		return -EOPNOTSUPP;
	}
	if (serve->version_minor < type->version_minor_min) {
		endpoint->counters.refused_version++;
		return -EOPNOTSUPP;
	}
	if (serve->len_bytes < type->len_bytes_min || serve->len_bytes > type->len_bytes_max) {
		endpoint->counters.refused_length++;
		return -EMSGSIZE;
	}
	return 0;
}

void rpc_serve_run(struct rpc_endpoint *endpoint, struct rpc_serve *serve, uint64_t now_ns)
{
	const struct rpc_session *session = &endpoint->sessions[serve->session];
	const struct rpc_type *type = rpc_type_find(endpoint, serve->type);
	struct rpc_request request = { 0 };
	int status;

	serve->queued = false;
	if (serve->state != SERVE_RECEIVED) {	/* the session was reset meanwhile */
		settle(endpoint, serve);
		return;
	}
	status = serve_check(endpoint, serve, type, now_ns);
	serve->state = SERVE_RUNNING;
	request.session = rpc_session_handle(endpoint, session);
	request.node = session->peer_node;
	request.remote_address = session->remote_address;
	request.type = serve->type;
	request.epoch = serve->epoch;
	request.body = serve->long_body ? endpoint->bodies[serve->body] :
					  endpoint->buffers[serve->buffer].message + serve->header_len_bytes;
	request.len_bytes = serve->len_bytes;
	request.token = token_make(request.session, serve->slot, serve->serial);
	if (status != 0)
		rpc_reply(endpoint, request.token, status, NULL, 0, now_ns);
	else
		type->handler(endpoint->config.context, endpoint, &request, now_ns);
}

/* ---------------------------------------------------------------- replies */

/* The reply takes the request's place; it may have been made in it. */
static void body_keep(struct rpc_endpoint *endpoint, struct rpc_serve *serve, const void *body, uint32_t len_bytes)
{
	uint8_t *place = endpoint->buffers[serve->buffer].message + RPC_HEADER_BYTES;

	serve->len_bytes = len_bytes;
	serve->long_body = len_bytes > RPC_INLINE_BYTES_MAX;
	assert(!serve->long_body || serve->body != RPC_NONE);	/* its type says how long its replies are */
	if (serve->long_body)
		place = endpoint->bodies[serve->body];
	if (len_bytes > 0)
		memmove(place, body, len_bytes);
	if (!serve->long_body)
		rpc_serve_body_free(endpoint, serve);
}

int rpc_reply(struct rpc_endpoint *endpoint, uint64_t token, int status, const void *body, uint32_t len_bytes,
	      uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, (uint32_t)(token >> 32));
	uint32_t slot = token & 0xff, request_bytes;
	struct rpc_serve *serve;

	assert(slot < RPC_SLOTS && len_bytes <= RPC_BODY_BYTES_MAX && status <= 0);
	serve = session == NULL ? NULL : serve_of(endpoint, session, slot);
	if (serve == NULL || serve->state != SERVE_RUNNING ||
	    token_make((uint32_t)(token >> 32), slot, serve->serial) != token)
		return -ENOENT;
	request_bytes = serve->len_bytes;
	body_keep(endpoint, serve, body, len_bytes);
	rpc_stats_serve(endpoint, serve, request_bytes, status, now_ns);
	serve->status = status;
	serve->state = SERVE_REPLIED;
	session->replies_kept |= rpc_bit(slot);
	endpoint->counters.replies_sent++;
	/* After a reconnection the caller asks again, and gets its one reply then (R5). */
	if (session->state == SESSION_UP && serve->asked_serial == session->connection_serial)
		session->replies_wanted |= rpc_bit(slot);
	rpc_transfer_pump(endpoint, session, now_ns);
	return 0;
}

static void put_reply(const struct rpc_session *session, const struct rpc_serve *serve, struct rpc_header *header)
{
	assert(serve->state == SERVE_REPLIED);
	header->type = serve->type;
	header->flags = RPC_FLAG_REPLY;
	header->session = session->peer_incarnation;
	header->slot = serve->slot;
	header->body_len_bytes = serve->len_bytes;
	header->sequence = session->serve_sequence[serve->slot];
	header->epoch = serve->epoch;
	header->status = serve->status;
}

bool rpc_serve_may_follow(const struct rpc_serve *serve, uint32_t message_bytes)
{
	return serve->together && !serve->under_way && !serve->long_body && rpc_message_has_room(message_bytes, serve->len_bytes);
}

uint32_t rpc_serve_append(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_serve *serve,
			  uint8_t *message, uint32_t message_bytes)
{
	struct rpc_header header = { 0 };

	put_reply(session, serve, &header);
	return rpc_message_append(message, message_bytes, &header, endpoint->buffers[serve->buffer].message + RPC_HEADER_BYTES);
}

bool rpc_serve_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve, uint32_t *len_bytes)
{
	uint8_t *message = endpoint->buffers[serve->buffer].message;
	struct rpc_header header;
	struct rpc_pull pull;
	uint32_t inline_bytes = serve->len_bytes;

	rpc_message_header(endpoint, session, &header);
	put_reply(session, serve, &header);
	if (serve->long_body) {
		rpc_pull_withdraw(endpoint, &serve->rkey);
		if (!rpc_pull_offer(endpoint, session, serve->body, serve->len_bytes, &serve->rkey, &pull))
			return false;
		header.flags |= RPC_FLAG_PULL;
		inline_bytes = sizeof(pull);
		memcpy(message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	}
	rpc_message_seal(message, &header, message + RPC_HEADER_BYTES, inline_bytes);
	*len_bytes = RPC_HEADER_BYTES + inline_bytes;
	return true;
}
