/* SPDX-License-Identifier: GPL-2.0-only */
/* A session's connection: hellos, loss, return, silence. The diagram is in internal.h. */
#include "net/rpc/internal.h"

static void hello_make(const struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_hello *hello)
{
	*hello = (struct rpc_hello){
		.magic = RPC_MAGIC,
		.version_major = RPC_VERSION_MAJOR,
		.version_minor = RPC_VERSION_MINOR,
		.receives = RPC_RECEIVES,
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
	if (hello->version_major != RPC_VERSION_MAJOR)
		return -EOPNOTSUPP;
	/* Room for a ping, an echo, and one slot's request and reply. */
	return hello->receives < 4 ? -EPROTO : 0;
}

/* R3: nothing of the slots survives; what was under way ends here. The queue pair is gone already. */
void rpc_session_forget_slots(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_call_slot *call = &session->calls[i];
		struct rpc_serve_slot *serve = &session->serves[i];

		assert(!call->outgoing.under_way && !serve->outgoing.under_way);
		if (call->state == CALL_OPEN || call->state == CALL_ABANDONED)
			rpc_call_finish(endpoint, session, call, -ECONNRESET);
		call->sequence = 0;
		serve->state = SERVE_EMPTY;
		serve->sequence = 0;
		serve->outgoing.wanted = false;
	}
}

/* The peer's hello says who it is and whether it remembers us. */
static void session_bind(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_hello *hello,
			 bool resumed)
{
	uint32_t slots = (hello->receives - 2u) / 2u;

	if (session->bound && !resumed) {
		rpc_session_forget_slots(endpoint, session);
		endpoint->counters.sessions_reset++;
		session->reset_due = session->told_once;
	}
	session->bound = true;
	session->peer_incarnation = hello->incarnation;
	session->peer_node = hello->node;
	session->slots = slots < RPC_SLOTS ? slots : RPC_SLOTS;
}

/* Ask for the user's callback; it sees the state of then, not of now. */
static void rpc_session_tell(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	if (!session->event_queued) {
		session->event_queued = true;
		rpc_ready_push(endpoint, session, READY_SESSION, 0);
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
	session->connection = 0;
	session->qpn = 0;
	session->connection_serial++;
	session->receives_posted = 0;
	session->ping_open = false;
	session->ping = session->echo = (struct rpc_outgoing){ 0 };
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		struct rpc_call_slot *call = &session->calls[i];
		struct rpc_serve_slot *serve = &session->serves[i];

		call->outgoing.under_way = false;
		call->outgoing.wanted = call->state == CALL_OPEN || call->state == CALL_ABANDONED;
		serve->outgoing.under_way = false;
		serve->outgoing.wanted = false;
		rpc_serve_ready(endpoint, session, serve);
	}
}

void rpc_session_lost(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	rpc_session_drop_connection(endpoint, session, now_ns);
	if (session->opener) {
		session->state = SESSION_WAITING;
		session->retry_ns = now_ns + session->backoff_ns;
		session->backoff_ns *= 2;
		if (session->backoff_ns > RPC_BACKOFF_MAX_NS)
			session->backoff_ns = RPC_BACKOFF_MAX_NS;
	} else {
		session->state = SESSION_LOST;
	}
	rpc_session_tell(endpoint, session);
}

void rpc_session_established(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	assert(session->state == SESSION_CONNECTING || session->state == SESSION_ACCEPTING);
	session->state = SESSION_UP;
	session->heard_ns = now_ns;
	session->backoff_ns = RPC_BACKOFF_MIN_NS;
	if (session->told_once)
		endpoint->counters.reconnects++;
	rpc_session_tell(endpoint, session);
	rpc_transfer_pump(endpoint, session, now_ns);
}

/* ---------------------------------------------------------------- the opener */

void rpc_session_connect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct rpc_hello hello;
	struct roce_connect connect = {
		.remote_address = session->remote_address,
		.remote_port = session->port,
		.queue = endpoint->queue,
		.peer = RPC_PEER_TAG,
		.private_data = &hello,
		.private_len_bytes = sizeof(hello),
		.timeout_ns = RPC_CONNECT_TIMEOUT_NS,
	};

	assert(session->state == SESSION_WAITING);
	hello_make(endpoint, session, &hello);
	if (roce_connect(endpoint->config.device, &connect, &session->connection, now_ns) != 0) {
		session->retry_ns = now_ns + RPC_BACKOFF_MAX_NS;
		return;
	}
	session->state = SESSION_CONNECTING;
	session->qpn = roce_connection_qpn(endpoint->config.device, session->connection);
	rpc_transfer_post_receives(endpoint, session);
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

static struct rpc_session *session_of_caller(struct rpc_endpoint *endpoint, uint32_t remote_address)
{
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++) {
		struct rpc_session *session = &endpoint->sessions[i];

		/* One that is closing no longer belongs to anybody. */
		if (session->state != SESSION_FREE && session->state != SESSION_CLOSING && !session->opener &&
		    session->remote_address == remote_address)
			return session;
	}
	return NULL;
}

/* Answer with the session's hello. False: the device could not. */
static bool session_accept(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct roce_event *event,
			   bool resumed, uint64_t now_ns)
{
	struct roce_device *device = endpoint->config.device;
	struct rpc_hello hello;

	if (roce_accept_begin(device, event->connection, RPC_PEER_TAG, &session->qpn) != 0)
		return false;
	session->connection = event->connection;
	session->state = SESSION_ACCEPTING;
	session->accepted_ns = now_ns;
	rpc_transfer_post_receives(endpoint, session);
	hello_make(endpoint, session, &hello);
	hello.resumed = resumed;
	return roce_accept_finish(device, event->connection, &hello, sizeof(hello), now_ns) == 0;
}

void rpc_session_connect_request(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_session *session = session_of_caller(endpoint, event->remote_address);
	struct rpc_hello hello;
	bool resumed;
	int status = hello_check(event, &hello);

	if (status == 0 && session == NULL) {
		session = rpc_session_take(endpoint);
		status = session == NULL ? -ENOBUFS : 0;
		if (session != NULL)
			session->remote_address = event->remote_address;
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

static struct rpc_session *session_of_connection(struct rpc_endpoint *endpoint, uint32_t connection)
{
	for (uint32_t i = 0; i < endpoint->config.sessions_max; i++) {
		struct rpc_session *session = &endpoint->sessions[i];

		if ((session->state == SESSION_CONNECTING || session->state == SESSION_ACCEPTING ||
		     session->state == SESSION_UP) && session->connection == connection)
			return session;
	}
	return NULL;
}

void rpc_session_connection_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_session *session = session_of_connection(endpoint, event->connection);

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
	if (session->state == SESSION_WAITING && now_ns >= session->retry_ns)
		rpc_session_connect(endpoint, session, now_ns);
	if (session->state == SESSION_ACCEPTING && now_ns >= session->accepted_ns + RPC_SILENCE_NS)
		rpc_session_lost(endpoint, session, now_ns);
	if (session->state == SESSION_UP && now_ns >= session->heard_ns + RPC_SILENCE_NS)
		rpc_session_lost(endpoint, session, now_ns);
	if (session->state == SESSION_UP && now_ns >= session->heard_ns + RPC_PING_IDLE_NS && !session->ping_open) {
		session->ping_open = true;
		session->ping.wanted = true;
		rpc_transfer_pump(endpoint, session, now_ns);
	}
	rpc_call_timers(endpoint, session, now_ns);
}

uint64_t rpc_session_deadline_ns(const struct rpc_session *session)
{
	uint64_t deadline_ns = UINT64_MAX;

	if (session->state == SESSION_WAITING)
		deadline_ns = session->retry_ns;
	else if (session->state == SESSION_ACCEPTING)
		deadline_ns = session->accepted_ns + RPC_SILENCE_NS;
	else if (session->state == SESSION_UP)
		deadline_ns = session->heard_ns + (session->ping_open ? RPC_SILENCE_NS : RPC_PING_IDLE_NS);
	for (uint32_t i = 0; i < RPC_SLOTS; i++)
		if (session->calls[i].state == CALL_OPEN && session->calls[i].deadline_ns < deadline_ns)
			deadline_ns = session->calls[i].deadline_ns;
	return deadline_ns;
}
