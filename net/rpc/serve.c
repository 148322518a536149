/* SPDX-License-Identifier: GPL-2.0-only */
/* The server's slots: every accepted request runs once, and its reply is kept for as long as the caller may ask again. */
#include "net/rpc/internal.h"

#define TOKEN_SERIAL_MASK UINT32_C(0xffffff)

static uint64_t token_make(uint32_t handle, uint32_t slot, uint32_t serial)
{
	return (uint64_t)handle << 32 | (uint64_t)(serial & TOKEN_SERIAL_MASK) << 8 | slot;
}

/* Let a received request run, unless the reply before it is still being sent from the same buffer (R6). */
void rpc_serve_ready(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve_slot *serve)
{
	if (serve->state == SERVE_RECEIVED && !serve->outgoing.under_way && !serve->queued) {
		serve->queued = true;
		rpc_ready_push(endpoint, session, READY_SERVE, (uint32_t)(serve - session->serves));
	}
}

/* The request that this slot accepted last, once more: the connection it came on was lost. */
static void serve_again(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve_slot *serve,
			const struct rpc_header *header)
{
	if (header->type != serve->type) {
		endpoint->counters.refused_sequence++;
		return;
	}
	serve->asked_serial = session->connection_serial;
	if (serve->state == SERVE_RECEIVED && (header->flags & RPC_FLAG_ABANDONED) != 0)
		serve->abandoned = true;
	if (serve->state == SERVE_REPLIED && !serve->outgoing.under_way && !serve->outgoing.wanted) {
		serve->outgoing.wanted = true;
		endpoint->counters.replayed++;
	}
}

void rpc_serve_request(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header,
		   const uint8_t *body, uint64_t now_ns)
{
	struct rpc_serve_slot *serve = &session->serves[header->slot];

	if (serve->state != SERVE_EMPTY && header->sequence == serve->sequence) {
		serve_again(endpoint, session, serve, header);
		return;
	}
	/* R2: only the next one, and only when the caller can have seen the reply to the last (R1). */
	if (header->sequence != serve->sequence + 1 || (serve->state != SERVE_EMPTY && serve->state != SERVE_REPLIED)) {
		endpoint->counters.refused_sequence++;
		return;
	}
	endpoint->counters.requests_received++;
	serve->state = SERVE_RECEIVED;
	serve->abandoned = (header->flags & RPC_FLAG_ABANDONED) != 0;
	serve->type = header->type;
	serve->asked_serial = session->connection_serial;
	serve->version_minor = header->version_minor;
	serve->sequence = header->sequence;
	serve->serial++;
	serve->epoch = header->epoch;
	serve->expires_ns = header->deadline_us == 0 ? UINT64_MAX : now_ns + (uint64_t)header->deadline_us * 1000;
	serve->len_bytes = header->body_len_bytes;
	serve->outgoing.wanted = false;
	memcpy(serve->body, body, header->body_len_bytes);
	rpc_serve_ready(endpoint, session, serve);
}

/* 0: the handler may run. Otherwise the status of the refusal. */
static int serve_check(struct rpc_endpoint *endpoint, const struct rpc_serve_slot *serve, const struct rpc_type *type,
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

void rpc_serve_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot, uint64_t now_ns)
{
	struct rpc_serve_slot *serve = &session->serves[slot];
	const struct rpc_type *type = rpc_type_find(endpoint, serve->type);
	struct rpc_request request = { 0 };
	int status;

	serve->queued = false;
	if (serve->state != SERVE_RECEIVED)	/* the session was reset meanwhile */
		return;
	assert(!serve->outgoing.under_way);
	status = serve_check(endpoint, serve, type, now_ns);
	serve->state = SERVE_RUNNING;
	request.session = rpc_session_handle(endpoint, session);
	request.node = session->peer_node;
	request.remote_address = session->remote_address;
	request.type = serve->type;
	request.epoch = serve->epoch;
	request.body = serve->body;
	request.len_bytes = serve->len_bytes;
	request.token = token_make(request.session, slot, serve->serial);
	if (status != 0)
		rpc_reply(endpoint, request.token, status, NULL, 0, now_ns);
	else
		type->handler(endpoint->config.context, endpoint, &request, now_ns);
}

int rpc_reply(struct rpc_endpoint *endpoint, uint64_t token, int status, const void *body, uint32_t len_bytes,
	      uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_handle(endpoint, (uint32_t)(token >> 32));
	uint32_t slot = token & 0xff;
	struct rpc_serve_slot *serve;
	struct rpc_header header;

	assert(slot < RPC_SLOTS && len_bytes <= RPC_BODY_BYTES_MAX && status <= 0);
	if (session == NULL)
		return -ENOENT;
	serve = &session->serves[slot];
	if (serve->state != SERVE_RUNNING || token_make((uint32_t)(token >> 32), slot, serve->serial) != token)
		return -ENOENT;
	assert(!serve->outgoing.under_way);

	rpc_message_header(endpoint, session, &header);
	header.type = serve->type;
	header.flags = RPC_FLAG_REPLY;
	header.session = session->peer_incarnation;
	header.slot = (uint16_t)slot;
	header.sequence = serve->sequence;
	header.acknowledged = serve->sequence;
	header.epoch = serve->epoch;
	header.status = status;
	rpc_message_seal(serve->message, &header, body, len_bytes);
	serve->outgoing.len_bytes = RPC_HEADER_BYTES + len_bytes;
	serve->state = SERVE_REPLIED;
	endpoint->counters.replies_sent++;
	/* After a reconnection the caller asks again, and gets its one reply then (R5). */
	serve->outgoing.wanted = session->state == SESSION_UP && serve->asked_serial == session->connection_serial;
	rpc_transfer_pump(endpoint, session, now_ns);
	return 0;
}
