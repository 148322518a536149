/* SPDX-License-Identifier: GPL-2.0-only */
/* Between slots and queue pair: posting what is wanted, and what became of it. */
#include "net/rpc/internal.h"

bool rpc_transfer_send(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes,
		       enum cookie_kind kind, uint32_t index, uint64_t now_ns)
{
	uint64_t cookie = cookie_make(rpc_session_index(endpoint, session), session->connection_serial, kind, index);

	rpc_mac_seal(endpoint, session, message, len_bytes);
	if (roce_post_send(endpoint->config.device, session->qpn, cookie, message, len_bytes + RPC_TRAILER_BYTES, now_ns) != 0)
		return false;
	session->messages_sent++;
	return true;
}

/* R5: requests and pings that the peer has a receive for. The opener's last one is for its ping. */
static bool has_credit(const struct rpc_session *session, bool ping)
{
	uint16_t left = (uint16_t)(session->peer_granted - session->sent);

	return left >= (session->opener && !ping ? 2 : 1) && left <= UINT16_MAX / 2;
}

static void send_control(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct rpc_header header;

	if (session->control_under_way ||
	    (session->opener && (!has_credit(session, true) || !rpc_receive_expect(endpoint, session))))
		return;
	rpc_message_header(endpoint, session, &header);
	header.flags = RPC_FLAG_PING;
	if (!session->opener) {
		header.flags |= RPC_FLAG_REPLY;
		header.session = session->peer_incarnation;
	}
	rpc_message_seal(session->control, &header, NULL, 0);
	if (!rpc_transfer_send(endpoint, session, session->control, RPC_HEADER_BYTES, COOKIE_CONTROL, 0, now_ns))
		return;
	session->control_wanted = false;
	session->control_under_way = true;
	if (session->opener) {
		session->sent++;
		session->unanswered++;
	}
}

/* False: the queue pair takes no more. */
static bool send_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve, uint64_t now_ns)
{
	uint32_t len_bytes;

	/* Still on its way from the last time it was asked for. */
	if (serve->under_way)
		return true;
	if (!rpc_serve_prepare(endpoint, session, serve, &len_bytes) ||
	    !rpc_transfer_send(endpoint, session, endpoint->buffers[serve->buffer].message, len_bytes, COOKIE_REPLY,
		  (uint32_t)(serve - endpoint->serves), now_ns))
		return false;
	serve->under_way = true;
	session->replies_wanted &= (uint16_t)~rpc_bit(serve->slot);
	return true;
}

/* The wanted call that was made first. */
static struct rpc_call *next_call(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	struct rpc_call *first = NULL;

	for (uint32_t slots = session->calls_wanted; slots != 0; slots &= slots - 1) {
		struct rpc_call *call = &endpoint->calls[session->calls[__builtin_ctz(slots)]];

		if (first == NULL || call->order < first->order)
			first = call;
	}
	return first;
}

static bool send_call(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, uint64_t now_ns)
{
	uint32_t len_bytes;

	assert(!call->under_way);
	if (!has_credit(session, false) || !rpc_receive_expect(endpoint, session) ||
	    !rpc_call_prepare(endpoint, session, call, &len_bytes, now_ns))
		return false;
	if (!rpc_transfer_send(endpoint, session, endpoint->buffers[call->buffer].message, len_bytes, COOKIE_CALL,
		  (uint32_t)(call - endpoint->calls), now_ns)) {
		rpc_pull_withdraw(endpoint, &call->rkey);
		return false;
	}
	session->calls_wanted &= (uint16_t)~rpc_bit(call->slot);
	session->sent++;
	session->unanswered++;
	session->asked = false;
	call->under_way = true;
	if (call->sent)
		endpoint->counters.resent++;
	else
		endpoint->counters.requests_sent++;
	call->sent = true;
	return true;
}

/* An idle peer grants little: a ping's echo brings what it grants to one that has more to ask. */
static void ask_for_grants(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	if (!session->opener || session->asked || session->ping_open || has_credit(session, false))
		return;
	session->asked = session->ping_open = session->control_wanted = true;
	send_control(endpoint, session, now_ns);
}

/* What cannot go now goes after the next completion, message or connection. */
void rpc_transfer_pump(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct rpc_call *call;

	if (session->state != SESSION_UP)
		return;
	if (session->control_wanted)
		send_control(endpoint, session, now_ns);
	for (uint32_t slots = session->replies_wanted; slots != 0; slots &= slots - 1)
		if (!send_reply(endpoint, session, &endpoint->serves[session->serves[__builtin_ctz(slots)]], now_ns))
			return;
	if (session->calls_waiting == 0)
		return;
	rpc_call_revive(endpoint, session);
	while ((call = next_call(endpoint, session)) != NULL)
		if (!send_call(endpoint, session, call, now_ns)) {
			ask_for_grants(endpoint, session, now_ns);
			return;
		}
}

void rpc_transfer_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	uint32_t index = (uint32_t)(event->cookie >> 48);
	uint16_t serial = (uint16_t)(event->cookie >> 32), which = (uint16_t)event->cookie;
	struct rpc_session *session;

	if (index == RPC_NONE) {
		rpc_accept_completion(endpoint, event, now_ns);
		return;
	}
	assert(index < endpoint->config.limits.sessions_max);
	session = &endpoint->sessions[index];
	/* A queue pair that was given up flushes its work; the buffers have been taken back already. */
	if (!rpc_session_has_connection(session) || session->connection_serial != serial)
		return;
	if (event->status != 0) {
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	switch ((enum cookie_kind)(event->cookie >> 16 & 0xffff)) {
	case COOKIE_CALL:
		rpc_call_sent(endpoint, &endpoint->calls[which]);
		break;
	case COOKIE_CALL_PULL:
		rpc_call_pulled(endpoint, session, &endpoint->calls[which], now_ns);
		break;
	case COOKIE_REPLY:
		rpc_serve_sent(endpoint, &endpoint->serves[which]);
		break;
	case COOKIE_SERVE_PULL:
		rpc_serve_pulled(endpoint, session, &endpoint->serves[which], now_ns);
		break;
	case COOKIE_CONTROL:
		session->control_under_way = false;
		break;
	case COOKIE_RECEIVE:
		rpc_receive_completed(endpoint, session, which, event->len_bytes, now_ns);
		break;
	default:
		assert(false);
	}
	rpc_transfer_pump(endpoint, session, now_ns);
}
