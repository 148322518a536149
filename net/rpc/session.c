/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's connection: hellos, loss, return, silence. The diagram is in internal.h. */
#include "net/rpc/internal.h"

static void hello_make(const struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_hello *hello)
{
	*hello = (struct rpc_hello){
		.magic = RPC_MAGIC,
		.version_major = RPC_VERSION_MAJOR,
		.version_minor = RPC_VERSION_MINOR,
		/* The opener has no queue pair yet; what it grants beyond the one that is sure, it says later. */
		.credits = session->opener ? 1 : session->granted,
		.node = endpoint->config.node,
		.incarnation = endpoint->config.incarnation,
		.peer_incarnation = session->bound ? session->peer_incarnation : 0,
	};
}

/* 0, or why these bytes are no hello that we can live with. */
static int hello_check(const struct roce_event *event, struct rpc_hello *hello)
{
	if (event->len_bytes < sizeof(*hello))
		return -EMSGSIZE;
	memcpy(hello, event->private_data, sizeof(*hello));
	if (hello->magic != RPC_MAGIC || hello->incarnation == 0)
		return -EBADMSG;
	return hello->version_major != RPC_VERSION_MAJOR ? -EOPNOTSUPP : 0;
}

/* R3: nothing of the slots survives; what was under way ends here. The queue pair is gone already. */
void rpc_session_forget_slots(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	rpc_call_forget(endpoint, session);
	rpc_serve_forget(endpoint, session);
}

/* The peer's hello says who it is and whether it remembers us. */
static void session_bind(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_hello *hello,
			 bool resumed)
{
	if (session->bound && !resumed) {
		rpc_session_forget_slots(endpoint, session);
		endpoint->counters.sessions_reset++;
		session->reset_due = session->told_once;
	}
	session->bound = true;
	session->peer_incarnation = hello->incarnation;
	session->peer_node = hello->node;
	session->peer_granted = hello->credits;
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
	assert(session->state == SESSION_CONNECTING || session->state == SESSION_ACCEPTING);
	session->state = SESSION_UP;
	session->heard_ns = now_ns;
	session->backoff_ms = RPC_BACKOFF_MIN_MS;
	rpc_timer_lower(endpoint, session, now_ns + RPC_PING_IDLE_NS);
	if (session->told_once)
		endpoint->counters.reconnects++;
	rpc_session_tell(endpoint, session);
	rpc_transfer_pump(endpoint, session, now_ns);
}

/* ---------------------------------------------------------------- the opener */

/* A fresh queue pair, and the receives that the peer may use at once. */
static void session_attach(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t connection, uint32_t qpn)
{
	rpc_session_set_connection(endpoint, session, connection);
	session->qpn = qpn;
	session->granted = session->sent = 0;
	session->busy = true;
	rpc_receive_grant(endpoint, session, true);
}

void rpc_session_connect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct roce_device *device = endpoint->config.device;
	struct rpc_hello hello;
	struct roce_connect connect = {
		.remote_address = session->remote_address,
		.remote_port = session->port,
		.queue = endpoint->queue,
		.peer = rpc_peer_tag(endpoint, session),
		.private_data = &hello,
		.private_len_bytes = sizeof(hello),
		.timeout_ns = RPC_CONNECT_TIMEOUT_NS,
	};
	uint32_t connection;

	assert(session->state == SESSION_WAITING);
	hello_make(endpoint, session, &hello);
	if (roce_connect(device, &connect, &connection, now_ns) != 0) {
		session->since_ns = now_ns + RPC_BACKOFF_MAX_MS * UINT64_C(1000000);
		rpc_timer_lower(endpoint, session, session->since_ns);
		return;
	}
	session->state = SESSION_CONNECTING;
	session_attach(endpoint, session, connection, roce_connection_qpn(device, connection));
}

static void connected(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct roce_event *event,
		      uint64_t now_ns)
{
	struct rpc_hello hello;

	/* An answer that claims to go on with a session we never had is as broken as one that is no hello. */
	if (hello_check(event, &hello) != 0 || (hello.resumed != 0 && !session->bound)) {
		endpoint->counters.refused_session++;
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	session_bind(endpoint, session, &hello, hello.resumed != 0 && hello.incarnation == session->peer_incarnation);
	rpc_session_established(endpoint, session, now_ns);
}

/* ---------------------------------------------------------------- the listener */

static void refuse(struct rpc_endpoint *endpoint, const struct roce_event *event, int status, uint64_t now_ns)
{
	struct rpc_refusal refusal = { RPC_MAGIC, status };

	endpoint->counters.refused_session++;
	roce_reject(endpoint->config.device, event->connection, &refusal, sizeof(refusal), now_ns);
}

/* Answer with the session's hello. False: the device could not. */
static bool session_accept(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct roce_event *event,
			   bool resumed, uint64_t now_ns)
{
	struct roce_device *device = endpoint->config.device;
	struct rpc_hello hello;
	uint32_t qpn;

	if (roce_accept_begin(device, event->connection, rpc_peer_tag(endpoint, session), &qpn) != 0)
		return false;
	session->state = SESSION_ACCEPTING;
	session->since_ns = now_ns;
	rpc_timer_lower(endpoint, session, now_ns + RPC_SILENCE_NS);
	session_attach(endpoint, session, event->connection, qpn);
	hello_make(endpoint, session, &hello);
	hello.resumed = resumed;
	return roce_accept_finish(device, event->connection, &hello, sizeof(hello), now_ns) == 0;
}

void rpc_session_connect_request(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_address(endpoint, event->remote_address, false, 0);
	struct rpc_hello hello;
	bool resumed;
	int status = hello_check(event, &hello);

	if (status == 0 && session == NULL) {
		session = rpc_session_take(endpoint, event->remote_address);
		status = session == NULL ? -ENOBUFS : 0;
	}
	if (status != 0) {
		refuse(endpoint, event, status, now_ns);
		return;
	}
	/* The caller has given its old connection up, or would not connect again. */
	if (session->state == SESSION_ACCEPTING || session->state == SESSION_UP)
		rpc_session_lost(endpoint, session, now_ns);
	resumed = session->bound && session->peer_incarnation == hello.incarnation &&
		  hello.peer_incarnation == endpoint->config.incarnation;
	session_bind(endpoint, session, &hello, resumed);
	session->state = SESSION_LOST;
	session->since_ns = now_ns;
	if (session->reset_due)
		rpc_session_tell(endpoint, session);
	if (!session_accept(endpoint, session, event, resumed, now_ns)) {
		if (session->state == SESSION_ACCEPTING)
			rpc_session_lost(endpoint, session, now_ns);
		else
			refuse(endpoint, event, -ENOBUFS, now_ns);
	}
}

/* ---------------------------------------------------------------- both */

void rpc_session_connection_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_connection(endpoint, event->connection);

	if (session == NULL)		/* of a connection that was given up */
		return;
	if (event->type != ROCE_EVENT_ESTABLISHED)
		rpc_session_lost(endpoint, session, now_ns);
	else if (session->state == SESSION_CONNECTING)
		connected(endpoint, session, event, now_ns);
	else if (session->state == SESSION_ACCEPTING)
		rpc_session_established(endpoint, session, now_ns);
}

void rpc_session_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	if (session->state == SESSION_WAITING && now_ns >= session->since_ns)
		rpc_session_connect(endpoint, session, now_ns);
	if (session->state == SESSION_ACCEPTING && now_ns >= session->since_ns + RPC_SILENCE_NS)
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
	else if (session->state == SESSION_ACCEPTING)
		deadline_ns = session->since_ns + RPC_SILENCE_NS;
	else if (session->state == SESSION_UP)
		deadline_ns = session->heard_ns +
			      (session->ping_open || !session->opener ? RPC_SILENCE_NS : RPC_PING_IDLE_NS);
	for (uint32_t slots = session->calls_waiting; slots != 0; slots &= slots - 1) {
		uint16_t call = session->calls[__builtin_ctz(slots)];

		if (call != RPC_NONE && endpoint->calls[call].deadline_ns < deadline_ns)
			deadline_ns = endpoint->calls[call].deadline_ns;
	}
	return deadline_ns;
}
