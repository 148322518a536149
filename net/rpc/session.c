/* SPDX-License-Identifier: GPL-2.0-only */
/* A session: whose it is, what its user is told, loss, silence. The diagram is in internal.h. */
#include "net/rpc/internal.h"

/* R3: nothing of the slots survives; what was under way ends here. The queue pair is gone already. */
void rpc_session_forget_slots(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	rpc_call_forget(endpoint, session);
	rpc_serve_forget(endpoint, session);
}

void rpc_session_bind(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header, bool resumed)
{
	if (session->bound && !resumed) {
		rpc_session_forget_slots(endpoint, session);
		endpoint->counters.sessions_reset++;
		session->reset_due = session->told_once;
	}
	session->bound = true;
	session->peer_incarnation = header->session;
	session->peer_node = header->source_node;
	session->peer_granted = header->credits;
}

/* Ask for the user's callback; it sees the state of then, not of now. */
static void rpc_session_tell(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	if (!session->event_queued) {
		session->event_queued = true;
		rpc_ready_push(endpoint, READY_SESSION, rpc_session_index(endpoint, session));
	}
}

static void tell(struct rpc_endpoint *endpoint, struct rpc_session *session, enum rpc_session_event event, uint64_t now_ns)
{
	if (session->state != SESSION_CLOSING && endpoint->config.session_changed != NULL)
		endpoint->config.session_changed(endpoint->config.context, rpc_session_handle(endpoint, session), event, now_ns);
}

void rpc_session_tell_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	bool up = session->state == SESSION_UP;

	session->event_queued = false;
	if (session->told_up && (!up || session->reset_due || session->told_serial != session->connection_serial)) {
		session->told_up = false;
		tell(endpoint, session, RPC_SESSION_DOWN, now_ns);
	}
	if (session->reset_due) {
		session->reset_due = false;
		tell(endpoint, session, RPC_SESSION_RESET, now_ns);
	}
	if (up && session->state == SESSION_UP && !session->told_up) {
		session->told_up = true;
		session->told_once = true;
		session->told_serial = session->connection_serial;
		tell(endpoint, session, RPC_SESSION_UP, now_ns);
	}
}

/* Hang up and take all buffers back. Requests without a reply are wanted again; replies wait to be asked for again. */
void rpc_session_drop_connection(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	roce_disconnect(endpoint->config.device, session->connection, now_ns);
	rpc_session_clear_connection(endpoint, session);
	rpc_connect_ended(endpoint, session);
	rpc_mac_end(endpoint, session);
	session->connection_serial++;
	session->ping_open = session->control_wanted = session->control_under_way = false;
	rpc_receive_drop(endpoint, session);
	rpc_call_disconnected(endpoint, session);
	rpc_serve_disconnected(endpoint, session);
}

void rpc_session_lost(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	rpc_session_drop_connection(endpoint, session, now_ns);
	if (session->opener) {
		session->state = SESSION_WAITING;
		session->since_ns = now_ns + session->backoff_ms * UINT64_C(1000000);
		session->backoff_ms *= 2;
		if (session->backoff_ms > RPC_BACKOFF_MAX_MS)
			session->backoff_ms = RPC_BACKOFF_MAX_MS;
		rpc_timer_lower(endpoint, session, session->since_ns);
	} else {
		session->state = SESSION_LOST;
		session->since_ns = now_ns;
	}
	rpc_session_tell(endpoint, session);
}

void rpc_session_forget_one(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	struct rpc_session *longest = NULL;

	endpoint->forget_ns = now_ns + RPC_FORGET_LOOK_NS;
	for (uint32_t i = 0; i < endpoint->config.limits.serves_max; i++) {
		struct rpc_session *session = &endpoint->sessions[endpoint->serves[i].session];

		if (endpoint->serves[i].state == SERVE_REPLIED && session->state == SESSION_LOST &&
		    now_ns - session->since_ns >= RPC_FORGET_NS && (longest == NULL || session->since_ns < longest->since_ns))
			longest = session;
	}
	if (longest == NULL)
		return;
	endpoint->counters.sessions_forgotten++;
	rpc_session_forget_slots(endpoint, longest);
	longest->bound = false;
	longest->reset_due = longest->told_once;
	rpc_session_tell(endpoint, longest);
}

void rpc_session_established(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	assert(session->state == SESSION_GREETING && session->bound);
	session->state = SESSION_UP;
	session->heard_ns = now_ns;
	session->backoff_ms = RPC_BACKOFF_MIN_MS;
	rpc_timer_lower(endpoint, session, now_ns + RPC_PING_IDLE_NS);
	if (session->told_once)
		endpoint->counters.reconnects++;
	rpc_session_tell(endpoint, session);
	rpc_transfer_pump(endpoint, session, now_ns);
}

void rpc_key_forgotten(struct rpc_endpoint *endpoint, uint8_t key_id, uint64_t now_ns)
{
	for (uint32_t i = 0; i < endpoint->config.limits.sessions_max; i++) {
		struct rpc_session *session = &endpoint->sessions[i];

		if ((session->state == SESSION_GREETING || session->state == SESSION_UP) && session->key_id == key_id)
			rpc_session_lost(endpoint, session, now_ns);
	}
	rpc_accept_key_forgotten(endpoint, key_id, now_ns);
}

/* ---------------------------------------------------------------- time */

void rpc_session_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	if (session->state == SESSION_WAITING && now_ns >= session->since_ns)
		rpc_connect(endpoint, session, now_ns);
	if (session->state == SESSION_GREETING && now_ns >= session->heard_ns + RPC_HELLO_NS)
		rpc_session_lost(endpoint, session, now_ns);
	if (session->state == SESSION_UP && now_ns >= session->heard_ns + RPC_SILENCE_NS)
		rpc_session_lost(endpoint, session, now_ns);
	if (session->state == SESSION_UP && session->opener && now_ns >= session->heard_ns + RPC_PING_IDLE_NS &&
	    !session->ping_open) {
		session->ping_open = session->control_wanted = true;
		rpc_transfer_pump(endpoint, session, now_ns);
	}
	rpc_call_timers(endpoint, session, now_ns);
}

uint64_t rpc_session_deadline_ns(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	uint64_t deadline_ns = UINT64_MAX;

	if (session->state == SESSION_WAITING)
		deadline_ns = session->since_ns;
	else if (session->state == SESSION_GREETING)
		deadline_ns = session->heard_ns + RPC_HELLO_NS;
	else if (session->state == SESSION_UP)
		deadline_ns = session->heard_ns +
			      (session->ping_open || !session->opener ? RPC_SILENCE_NS : RPC_PING_IDLE_NS);
	for (uint32_t slots = session->calls_waiting; slots != 0; slots &= slots - 1) {
		const struct rpc_call *call = rpc_call_of(endpoint, session, (uint32_t)__builtin_ctz(slots));

		if (call != NULL && call->deadline_ns < deadline_ns)
			deadline_ns = call->deadline_ns;
	}
	return deadline_ns;
}
