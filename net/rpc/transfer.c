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
	    (session->opener && (!has_credit(session, true) || !rpc_receive_expect(endpoint, session, 1))))
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
		rpc_receive_expected(endpoint, session, 1);
	}
}

/* Append replies that may follow, out of `slots`. `serves[0]` is the first one; returns their number. */
static uint32_t gather_replies(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve **serves,
			       uint32_t slots, uint32_t *len_bytes)
{
	uint8_t *message = endpoint->buffers[serves[0]->buffer].message;
	uint32_t count = 1;

	for (; slots != 0 && count < RPC_TOGETHER_MAX; slots &= slots - 1) {
		struct rpc_serve *serve = &endpoint->serves[session->serves[__builtin_ctz(slots)]];

		if (!rpc_serve_may_follow(serve, *len_bytes))
			continue;
		*len_bytes = rpc_serve_append(endpoint, session, serve, message, *len_bytes);
		serves[count++] = serve;
	}
	if (count > 1)
		*len_bytes = rpc_message_end(message, *len_bytes);
	return count;
}

/* Send the reply of the lowest of `slots`, and others that may follow it. False: the queue pair takes no more. */
static bool send_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slots, uint64_t now_ns)
{
	struct rpc_serve *serves[RPC_TOGETHER_MAX], *first = &endpoint->serves[session->serves[__builtin_ctz(slots)]];
	uint32_t len_bytes, count = 1;

	/* Still on its way from the last time it was asked for. */
	if (first->under_way)
		return true;
	if (!rpc_serve_prepare(endpoint, session, first, &len_bytes))
		return false;
	serves[0] = first;
	if (!first->long_body)
		count = gather_replies(endpoint, session, serves, slots & (slots - 1), &len_bytes);
	if (!rpc_transfer_send(endpoint, session, endpoint->buffers[first->buffer].message, len_bytes, COOKIE_REPLY,
			       (uint32_t)(first - endpoint->serves), now_ns))
		return false;
	first->under_way = true;
	endpoint->counters.followers_sent += count - 1;
	while (count-- > 0)
		session->replies_wanted &= (uint16_t)~rpc_bit(serves[count]->slot);
	return true;
}

/* Append calls that may follow, in the order in which they were made; `calls[0]` is the first one. Returns their number. */
static uint32_t gather_calls(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call **calls,
			     uint32_t *len_bytes, uint64_t now_ns)
{
	uint8_t *message = endpoint->buffers[calls[0]->buffer].message;
	uint16_t next = endpoint->call_links[session->wanted.first];
	uint32_t count = 1;

	for (; next != RPC_NONE && count < RPC_TOGETHER_MAX; next = endpoint->call_links[next]) {
		struct rpc_call *call = &endpoint->calls[next];

		if (!rpc_call_may_follow(call, *len_bytes) || !rpc_receive_expect(endpoint, session, count + 1))
			break;
		assert(!call->under_way);
		*len_bytes = rpc_call_append(endpoint, session, call, message, *len_bytes, now_ns);
		calls[count++] = call;
	}
	if (count > 1)
		*len_bytes = rpc_message_end(message, *len_bytes);
	return count;
}

/* Send the oldest of the wanted calls, and others that may follow it. False: it cannot go now. */
static bool send_call(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct rpc_call *calls[RPC_TOGETHER_MAX], *first = &endpoint->calls[session->wanted.first];
	uint32_t len_bytes, count = 1;

	assert(!first->under_way);
	if (!has_credit(session, false) || !rpc_receive_expect(endpoint, session, 1) ||
	    !rpc_call_prepare(endpoint, session, first, &len_bytes, now_ns))
		return false;
	calls[0] = first;
	if (first->rkey == 0)
		count = gather_calls(endpoint, session, calls, &len_bytes, now_ns);
	if (!rpc_transfer_send(endpoint, session, endpoint->buffers[first->buffer].message, len_bytes, COOKIE_CALL,
			       (uint32_t)(first - endpoint->calls), now_ns)) {
		rpc_pull_withdraw(endpoint, &first->rkey);
		return false;
	}
	first->under_way = true;
	session->sent++;
	session->asked = false;
	rpc_receive_expected(endpoint, session, count);
	endpoint->counters.followers_sent += count - 1;
	for (uint32_t i = 0; i < count; i++)
		rpc_call_went(endpoint, session, calls[i]);
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
void rpc_transfer_pump_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	session->pump_queued = false;
	if (session->state != SESSION_UP)
		return;
	if (session->control_wanted)
		send_control(endpoint, session, now_ns);
	/* Each once, without those that followed another. */
	for (uint32_t slots = session->replies_wanted; slots != 0; slots &= (slots - 1) & session->replies_wanted)
		if (!send_reply(endpoint, session, slots, now_ns))
			return;
	if (session->abandoned != 0)
		rpc_call_revive(endpoint, session);
	while (session->wanted.first != RPC_NONE)
		if (!send_call(endpoint, session, now_ns)) {
			ask_for_grants(endpoint, session, now_ns);
			return;
		}
}

void rpc_transfer_pump(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	if (session->pump_queued || session->state != SESSION_UP ||
	    (!session->control_wanted && (session->replies_wanted | session->calls_wanted | session->abandoned) == 0))
		return;
	if (!endpoint->in_poll) {
		rpc_transfer_pump_run(endpoint, session, now_ns);
		return;
	}
	session->pump_queued = true;
	rpc_ready_push(endpoint, READY_PUMP, rpc_session_index(endpoint, session));
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
