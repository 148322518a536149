/* SPDX-License-Identifier: GPL-2.0-only */
/* Receives: granting and posting them (R5, R9), and sorting what arrived. */
#include "net/rpc/internal.h"

/* ---------------------------------------------------------------- posting */

static bool receive_post(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t buffer)
{
	uint64_t cookie = cookie_make(rpc_session_index(endpoint, session), session->connection_serial, COOKIE_RECEIVE, buffer);

	/* A queue pair in error takes none; its DISCONNECTED event is on the way. */
	if (roce_post_receive(endpoint->config.device, session->qpn, cookie, endpoint->buffers[buffer].message,
			      RPC_MESSAGE_BYTES_MAX) != 0) {
		rpc_buffer_free(endpoint, buffer);
		return false;
	}
	rpc_list_push(&session->posted, endpoint->buffer_links, buffer);
	return true;
}

static bool receive_post_fresh(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint16_t buffer = rpc_buffer_take(endpoint);

	return buffer != RPC_NONE && receive_post(endpoint, session, buffer);
}

/* What a session needs for the peer's requests and pings, whatever others do. */
static uint32_t grants_sure(const struct rpc_session *session)
{
	return session->opener ? 1 : 2;
}

/* Charge what is beyond that, and what replies leave over or may leave (R12), to the account of all sessions. */
static void charge(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint32_t hold = (uint32_t)session->grants + session->waiting, sure = grants_sure(session);
	uint32_t spare = (hold > sure ? hold - sure : 0) + session->surplus + session->set_aside;

	endpoint->spare_used += spare - session->spare;
	session->spare = (uint8_t)spare;
	assert(endpoint->spare_used <= endpoint->config.limits.receives_max);
}

/* One session may hold as many spare receives as are left for the others. */
static bool may_grant(const struct rpc_endpoint *endpoint, const struct rpc_session *session, bool grow)
{
	uint32_t hold = (uint32_t)session->grants + session->waiting;

	if (hold < grants_sure(session))
		return true;
	return grow && hold < RPC_GRANTS_MAX && session->spare < endpoint->config.limits.receives_max - endpoint->spare_used;
}

void rpc_receive_grant(struct rpc_endpoint *endpoint, struct rpc_session *session, bool grow)
{
	while (may_grant(endpoint, session, grow) && receive_post_fresh(endpoint, session)) {
		session->grants++;
		session->granted++;
		charge(endpoint, session);
	}
}

void rpc_receive_start(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	session->granted = session->sent = 0;
	session->busy = true;
	rpc_receive_grant(endpoint, session, true);
}

bool rpc_receive_expect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t answers)
{
	while (session->expected < session->unanswered + answers) {
		if (!receive_post_fresh(endpoint, session))
			return false;
		session->expected++;
	}
	return true;
}

void rpc_receive_expected(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t answers)
{
	uint32_t reused = answers < session->surplus ? answers : session->surplus;

	session->unanswered += (uint8_t)answers;
	session->surplus -= (uint8_t)reused;
	if (reused > 0)
		charge(endpoint, session);
}

bool rpc_receive_set_aside(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot)
{
	/* Half of the spare receives is for peers' requests. */
	if (2 * endpoint->spare_used >= endpoint->config.limits.receives_max)
		return false;
	if (session->together & rpc_bit(slot))
		return true;
	session->together |= rpc_bit(slot);
	session->set_aside++;
	charge(endpoint, session);
	return true;
}

/* The reply is there. Was a receive set aside for it? */
static bool take_aside(struct rpc_session *session, uint32_t slot)
{
	bool was = session->together & rpc_bit(slot);

	session->together &= (uint16_t)~rpc_bit(slot);
	session->set_aside -= was;
	return was;
}

void rpc_receive_waited(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	assert(session->waiting > 0);
	session->waiting--;
	charge(endpoint, session);
	if (rpc_session_has_connection(session))
		rpc_receive_grant(endpoint, session, true);
}

static void waiting_drop(struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	uint16_t next;

	for (uint16_t buffer = endpoint->waiting.first; buffer != RPC_NONE; buffer = next) {
		next = endpoint->buffer_links[buffer];
		if (endpoint->buffers[buffer].waiting.session != rpc_session_index(endpoint, session))
			continue;
		rpc_list_remove(&endpoint->waiting, endpoint->buffer_links, buffer);
		rpc_buffer_free(endpoint, buffer);
	}
}

void rpc_receive_drop(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	uint16_t buffer;

	while ((buffer = rpc_list_pop(&session->posted, endpoint->buffer_links)) != RPC_NONE)
		rpc_buffer_free(endpoint, buffer);
	/* Requests that waited took no effect: the caller asks again. */
	if (session->waiting > 0)
		waiting_drop(endpoint, session);
	session->grants = session->waiting = session->expected = session->unanswered = session->surplus = session->set_aside = 0;
	session->together = 0;
	charge(endpoint, session);
}

/* ---------------------------------------------------------------- arrivals */

/* Count why a message was not understood. */
static void count_refusal(struct rpc_endpoint *endpoint, int status)
{
	if (status == -EMSGSIZE)
		endpoint->counters.refused_length++;
	else if (status == -EOPNOTSUPP)
		endpoint->counters.refused_version++;
	else
		endpoint->counters.refused_magic++;
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

/* What every message says beside its own matter. */
static void heard(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header, uint64_t now_ns)
{
	session->heard_ns = now_ns;
	if (header->source_node != 0)
		session->peer_node = header->source_node;
	/* Messages of a connection come in order: the number only grows. */
	if ((uint16_t)(header->credits - session->peer_granted) < UINT16_MAX / 2)
		session->peer_granted = header->credits;
	rpc_serve_acknowledged(endpoint, session, header->acknowledged);
}

/* The answer to something we sent; true when its buffer is kept. */
static bool answer_received(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival,
			    bool *expected)
{
	if ((arrival->header.flags & RPC_FLAG_PING) == 0)
		return rpc_call_reply(endpoint, session, arrival, expected);
	*expected = session->opener && session->ping_open && !session->control_wanted;
	if (!*expected) {
		endpoint->counters.refused_sequence++;
		return false;
	}
	session->ping_open = false;
	rpc_timer_lower(endpoint, session, arrival->when_ns + RPC_PING_IDLE_NS);
	return false;
}

/* R12: the replies behind the one that `first` is. */
static void followers_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *first)
{
	struct rpc_arrival arrival = *first;

	arrival.buffer = RPC_NONE;
	for (uint32_t i = 0; i < first->header.followers; i++) {
		bool expected = false;

		rpc_decode_follower(endpoint->buffers[first->buffer].message, &arrival.header, &arrival.body);
		if (arrival.header.slot >= RPC_SLOTS)
			endpoint->counters.refused_slot++;
		else if ((session->together & rpc_bit(arrival.header.slot)) == 0)
			endpoint->counters.refused_sequence++;
		else
			rpc_call_reply(endpoint, session, &arrival, &expected);
		if (!expected)
			continue;
		session->unanswered--;
		session->surplus += take_aside(session, arrival.header.slot);
	}
}

static void answer_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival)
{
	bool expected, kept = answer_received(endpoint, session, arrival, &expected);

	if (!expected) {
		receive_post(endpoint, session, arrival->buffer);
		return;
	}
	session->expected--;
	session->unanswered--;
	take_aside(session, arrival->header.slot);
	followers_completed(endpoint, session, arrival);
	charge(endpoint, session);
	if (!kept)
		rpc_buffer_free(endpoint, arrival->buffer);
}

/* A request or a ping; true when its buffer is kept. */
static bool request_received(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_arrival *arrival)
{
	if (arrival->header.flags & RPC_FLAG_PING) {
		if (session->opener)
			endpoint->counters.refused_sequence++;
		else
			session->control_wanted = true;
		return false;
	}
	session->busy = true;
	switch (rpc_serve_requests(endpoint, session, arrival, arrival->when_ns)) {
	case SERVE_TAKEN:
		return true;
	case SERVE_WAIT:
		session->waiting++;
		rpc_serve_wait(endpoint, session, arrival);
		return true;
	default:
		return false;
	}
}

static void request_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_arrival *arrival)
{
	bool ping = (arrival->header.flags & RPC_FLAG_PING) != 0;

	/* R5: an honest peer leaves the listener's last grant to its ping. */
	if (session->grants < (ping || session->opener ? 1 : 2)) {
		endpoint->counters.refused_credits++;
		receive_post(endpoint, session, arrival->buffer);
		return;
	}
	session->grants--;
	if (!request_received(endpoint, session, arrival))
		rpc_buffer_free(endpoint, arrival->buffer);
	charge(endpoint, session);
	/* A peer that only pings gives back what it was granted beyond its need, one with each ping. */
	rpc_receive_grant(endpoint, session, session->busy);
	if (ping)
		session->busy = false;
}

static void message_received(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_arrival *arrival,
			     uint32_t len_bytes)
{
	const struct rpc_header *header = &arrival->header;
	int status = rpc_decode(endpoint->buffers[arrival->buffer].message, len_bytes, &arrival->header, &arrival->body);

	if (status != 0) {
		count_refusal(endpoint, status);
	} else if (header->flags & RPC_FLAG_HELLO) {
		endpoint->counters.refused_hello++;
	} else if (!is_ours(endpoint, session, header)) {
		endpoint->counters.refused_session++;
	} else if (header->slot >= RPC_SLOTS) {
		endpoint->counters.refused_slot++;
	} else {
		heard(endpoint, session, header, arrival->when_ns);
		if (header->flags & RPC_FLAG_REPLY)
			answer_completed(endpoint, session, arrival);
		else
			request_completed(endpoint, session, arrival);
		return;
	}
	receive_post(endpoint, session, arrival->buffer);
}

void rpc_receive_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t buffer, uint32_t len_bytes,
			   uint64_t now_ns)
{
	uint16_t first = rpc_list_pop(&session->posted, endpoint->buffer_links);
	struct rpc_arrival arrival = { .buffer = buffer, .counter = session->messages_received, .when_ns = now_ns };

	assert(first == buffer);
	if (!rpc_mac_good(endpoint, session, endpoint->buffers[buffer].message, len_bytes)) {
		/* Somebody put it in the place of a message that is lost now. */
		endpoint->counters.refused_mac++;
		rpc_buffer_free(endpoint, buffer);
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	len_bytes -= RPC_TRAILER_BYTES;
	if (session->state == SESSION_GREETING)
		rpc_connect_hello(endpoint, session, buffer, len_bytes, now_ns);
	else
		message_received(endpoint, session, &arrival, len_bytes);
}
