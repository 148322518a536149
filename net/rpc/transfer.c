/* SPDX-License-Identifier: GPL-2.0-only */
/* Between slots and queue pair: posting what is wanted, sorting what arrived. */
#include "net/rpc/internal.h"

static void receive_post(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t buffer)
{
	uint64_t cookie = cookie_make(rpc_session_index(endpoint, session), session->connection_serial, COOKIE_RECEIVE, buffer);

	assert((session->receives_posted >> buffer & 1) == 0 && (session->receives_held >> buffer & 1) == 0);
	/* A queue pair in error takes none; its DISCONNECTED event is on the way. */
	if (roce_post_receive(endpoint->config.device, session->qpn, cookie, session->receives[buffer],
			      RPC_MESSAGE_BYTES_MAX) == 0)
		session->receives_posted |= UINT64_C(1) << buffer;
}

static bool has_connection(const struct rpc_session *session)
{
	return session->state == SESSION_CONNECTING || session->state == SESSION_ACCEPTING || session->state == SESSION_UP;
}

/* A fresh queue pair: give it all buffers but those that a done() has still to see. */
void rpc_transfer_post_receives(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	assert(session->receives_posted == 0);
	for (uint32_t i = 0; i < RPC_RECEIVES; i++)
		if ((session->receives_held >> i & 1) == 0)
			receive_post(endpoint, session, i);
}

void rpc_transfer_release_receive(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t buffer)
{
	session->receives_held &= ~(UINT64_C(1) << buffer);
	if (has_connection(session))
		receive_post(endpoint, session, buffer);
}

/* True when it was posted. */
static bool send(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_outgoing *outgoing,
		 const uint8_t *message, enum cookie_kind kind, uint32_t slot, uint64_t now_ns)
{
	uint64_t cookie = cookie_make(rpc_session_index(endpoint, session), session->connection_serial, kind, slot);

	assert(!outgoing->under_way);
	if (roce_post_send(endpoint->config.device, session->qpn, cookie, message, outgoing->len_bytes, now_ns) != 0)
		return false;
	outgoing->wanted = false;
	outgoing->under_way = true;
	return true;
}

static void send_control(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_outgoing *outgoing,
			 uint8_t *message, enum cookie_kind kind, uint64_t now_ns)
{
	struct rpc_header header;

	if (!outgoing->wanted || outgoing->under_way)
		return;
	rpc_message_header(endpoint, session, &header);
	header.flags = RPC_FLAG_PING;
	if (kind == COOKIE_ECHO) {
		header.flags |= RPC_FLAG_REPLY;
		header.session = session->peer_incarnation;
	}
	rpc_message_seal(message, &header, NULL, 0);
	outgoing->len_bytes = RPC_HEADER_BYTES;
	send(endpoint, session, outgoing, message, kind, 0, now_ns);
}

/* The wanted call that was made first. */
static struct rpc_call_slot *next_call(struct rpc_session *session)
{
	struct rpc_call_slot *first = NULL;

	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_call_slot *call = &session->calls[i];

		if (call->outgoing.wanted && !call->outgoing.under_way && (first == NULL || call->order < first->order))
			first = call;
	}
	return first;
}

void rpc_transfer_pump(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct rpc_call_slot *call;

	if (session->state != SESSION_UP)
		return;
	send_control(endpoint, session, &session->ping, session->ping_message, COOKIE_PING, now_ns);
	send_control(endpoint, session, &session->echo, session->echo_message, COOKIE_ECHO, now_ns);
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_serve_slot *serve = &session->serves[i];

		if (serve->outgoing.wanted && !serve->outgoing.under_way)
			send(endpoint, session, &serve->outgoing, serve->message, COOKIE_REPLY, i, now_ns);
	}
	while ((call = next_call(session)) != NULL) {
		rpc_call_prepare(endpoint, session, call, now_ns);
		if (!send(endpoint, session, &call->outgoing, call->message, COOKIE_CALL, (uint32_t)(call - session->calls),
			  now_ns))
			break;		/* full or in error: the next completion or connection goes on */
		if (call->sent)
			endpoint->counters.resent++;
		else
			endpoint->counters.requests_sent++;
		call->sent = true;
	}
}

/* Count why a message was not understood. */
static void count_refusal(struct rpc_endpoint *endpoint, const struct rpc_header *header, int status)
{
	if (status == -EMSGSIZE)
		endpoint->counters.refused_length++;
	else if (status == -EOPNOTSUPP)
		endpoint->counters.refused_version++;
	else if (header->magic != RPC_MAGIC)
		endpoint->counters.refused_magic++;
	else
		endpoint->counters.refused_checksum++;
}

/* R3: does the message belong to this pair of incarnations and to this node? */
static bool is_ours(const struct rpc_endpoint *endpoint, const struct rpc_session *session, const struct rpc_header *header)
{
	uint64_t caller = header->flags & RPC_FLAG_REPLY ? endpoint->config.incarnation : session->peer_incarnation;

	if (header->session != caller)
		return false;
	return header->destination_node == 0 || endpoint->config.node == 0 ||
	       header->destination_node == endpoint->config.node;
}

static void ping_received(struct rpc_session *session, const struct rpc_header *header)
{
	if (header->flags & RPC_FLAG_REPLY)
		session->ping_open = false;
	else
		session->echo.wanted = true;
}

static void message_received(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t buffer, uint32_t len_bytes,
			     uint64_t now_ns, bool *held)
{
	struct rpc_header header;
	const uint8_t *body;
	int status = rpc_decode(session->receives[buffer], len_bytes, &header, &body);

	if (status != 0) {
		count_refusal(endpoint, &header, status);
		return;
	}
	if (!is_ours(endpoint, session, &header)) {
		endpoint->counters.refused_session++;
		return;
	}
	session->heard_ns = now_ns;
	if (header.source_node != 0)
		session->peer_node = header.source_node;
	if (header.flags & RPC_FLAG_PING) {
		ping_received(session, &header);
		return;
	}
	if (header.slot >= RPC_SLOTS) {
		endpoint->counters.refused_slot++;
		return;
	}
	if (header.flags & RPC_FLAG_REPLY)
		rpc_call_reply(endpoint, session, &header, buffer, held);
	else
		rpc_serve_request(endpoint, session, &header, body, now_ns);
}

static void receive_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t buffer,
			      uint32_t len_bytes, uint64_t now_ns)
{
	bool held = false;

	assert(buffer < RPC_RECEIVES && (session->receives_posted >> buffer & 1) == 1);
	session->receives_posted &= ~(UINT64_C(1) << buffer);
	/* Data before the RTU: the peer has our reply, so the connection stands (docs/rocev2.md section 1.12). */
	if (session->state == SESSION_ACCEPTING)
		rpc_session_established(endpoint, session, now_ns);
	if (session->state == SESSION_UP)
		message_received(endpoint, session, buffer, len_bytes, now_ns, &held);
	if (held)
		session->receives_held |= UINT64_C(1) << buffer;
	else
		receive_post(endpoint, session, buffer);
}

void rpc_transfer_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	uint32_t index = (uint32_t)(event->cookie >> 32), slot = event->cookie & 0xff;
	uint16_t serial = (uint16_t)(event->cookie >> 16);
	struct rpc_session *session;

	assert(index < endpoint->config.sessions_max);
	session = &endpoint->sessions[index];
	/* A queue pair that was given up flushes its work; the buffers have been taken back already. */
	if (!has_connection(session) || session->connection_serial != serial)
		return;
	if (event->status != 0) {
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	switch ((enum cookie_kind)(event->cookie >> 8 & 0xff)) {
	case COOKIE_CALL:
		session->calls[slot].outgoing.under_way = false;
		break;
	case COOKIE_REPLY:
		session->serves[slot].outgoing.under_way = false;
		rpc_serve_ready(endpoint, session, &session->serves[slot]);
		break;
	case COOKIE_PING:
		session->ping.under_way = false;
		break;
	case COOKIE_ECHO:
		session->echo.under_way = false;
		break;
	case COOKIE_RECEIVE:
		receive_completed(endpoint, session, slot, event->len_bytes, now_ns);
		break;
	}
	rpc_transfer_pump(endpoint, session, now_ns);
}
