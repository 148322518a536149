/* SPDX-License-Identifier: GPL-2.0-only */
/* The opener's way to a connection: handshake, perhaps a challenge, hello. */
#include "net/rpc/internal.h"

static bool handshake_take(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	for (uint32_t i = 0; i < endpoint->config.limits.handshakes_max; i++) {
		if (endpoint->handshakes[i].used)
			continue;
		endpoint->handshakes[i].used = true;
		endpoint->handshakes[i].challenged = false;
		session->handshake = (uint16_t)i;
		return true;
	}
	return false;
}

void rpc_connect_ended(struct rpc_endpoint *endpoint, struct rpc_session *session)
{
	if (session->handshake == RPC_NONE)
		return;
	secure_abandon(&endpoint->handshakes[session->handshake].state);
	endpoint->handshakes[session->handshake].used = false;
	session->handshake = RPC_NONE;
}

/* Send the connect request of the handshake. False: not now. */
static bool request(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	struct roce_device *device = endpoint->config.device;
	struct rpc_handshake *handshake = &endpoint->handshakes[session->handshake];
	struct secure_route route = { .address = session->remote_address, .port = session->port, .node = endpoint->config.node,
				      .unanswered = session->tries_failed };
	uint8_t private_data[SECURE_REQUEST_BYTES];
	struct roce_connect connect = {
		.remote_address = session->remote_address,
		.remote_port = session->port,
		.queue = endpoint->queue,
		.peer = rpc_peer_tag(endpoint->tags),
		.private_data = private_data,
		.private_len_bytes = sizeof(private_data),
		.timeout_ns = RPC_CONNECT_TIMEOUT_NS,
	};
	uint32_t connection;

	if (secure_request(endpoint->config.secure, &handshake->state, &route,
			   handshake->challenged ? handshake->challenge : NULL, private_data) != 0 ||
	    roce_connect(device, &connect, &connection, now_ns) != 0)
		return false;
	session->tag = endpoint->tags++;
	session->state = SESSION_CONNECTING;
	session->qpn = roce_connection_qpn(device, connection);
	rpc_session_set_connection(endpoint, session, connection);
	return true;
}

void rpc_connect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	assert(session->state == SESSION_WAITING && session->handshake == RPC_NONE);
	if (handshake_take(endpoint, session) && request(endpoint, session, now_ns))
		return;
	/* Others are connecting, or the device has no place now. */
	rpc_connect_ended(endpoint, session);
	session->since_ns = now_ns + RPC_BACKOFF_MIN_MS * UINT64_C(1000000);
	rpc_timer_lower(endpoint, session, session->since_ns);
}

/* No answer, or none of somebody with the rack's key. */
static void try_failed(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns)
{
	session->tries_failed++;
	rpc_session_lost(endpoint, session, now_ns);
}

/* The listener wants to see that we are where we say: ask once more, with what it gave us. */
static void challenged(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct roce_event *event,
		       uint64_t now_ns)
{
	struct rpc_handshake *handshake = &endpoint->handshakes[session->handshake];
	uint16_t index = session->handshake;

	if (handshake->challenged || !secure_challenge(event->private_data, event->len_bytes, handshake->challenge)) {
		try_failed(endpoint, session, now_ns);
		return;
	}
	handshake->challenged = true;
	session->handshake = RPC_NONE;		/* it outlives the connection */
	rpc_session_drop_connection(endpoint, session, now_ns);
	session->state = SESSION_WAITING;
	session->handshake = index;
	if (!request(endpoint, session, now_ns)) {
		rpc_connect_ended(endpoint, session);
		session->since_ns = now_ns + RPC_BACKOFF_MIN_MS * UINT64_C(1000000);
		rpc_timer_lower(endpoint, session, session->since_ns);
	}
}

/* The listener's answer is here: it holds the rack's key, and from here on only messages with MACs count. */
static void answered(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct roce_event *event, uint64_t now_ns)
{
	struct secure_keys keys;

	if (secure_finish(endpoint->config.secure, &endpoint->handshakes[session->handshake].state, event->private_data,
			  event->len_bytes, &keys) != 0) {
		endpoint->counters.refused_hello++;
		try_failed(endpoint, session, now_ns);
		return;
	}
	session->tries_failed = 0;
	rpc_connect_ended(endpoint, session);
	rpc_mac_start(session, keys.send, keys.receive);
	session->key_id = keys.key_id;
	secure_erase(&keys, sizeof(keys));
	session->state = SESSION_GREETING;
	session->heard_ns = now_ns;
	rpc_timer_lower(endpoint, session, now_ns + RPC_HELLO_NS);
	rpc_receive_start(endpoint, session);
	if (!rpc_receive_expect(endpoint, session, 1) || !rpc_hello_send(endpoint, session, false, now_ns))
		rpc_session_lost(endpoint, session, now_ns);
}

void rpc_connect_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_session *session = rpc_session_of_connection(endpoint, event->connection);

	if (session == NULL)
		rpc_accept_event(endpoint, event, now_ns);
	else if (event->type == ROCE_EVENT_REJECTED && session->state == SESSION_CONNECTING)
		challenged(endpoint, session, event, now_ns);
	else if (event->type == ROCE_EVENT_UNREACHABLE)
		try_failed(endpoint, session, now_ns);
	else if (event->type != ROCE_EVENT_ESTABLISHED)
		rpc_session_lost(endpoint, session, now_ns);
	else if (session->state == SESSION_CONNECTING)
		answered(endpoint, session, event, now_ns);
}

void rpc_connect_hello(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t buffer, uint32_t len_bytes,
		       uint64_t now_ns)
{
	struct rpc_header header;
	struct rpc_hello hello;
	int status = rpc_hello_parse(endpoint, endpoint->buffers[buffer].message, len_bytes, RPC_FLAG_REPLY, &header, &hello);
	bool resumed = false;

	rpc_buffer_free(endpoint, buffer);
	session->expected--;
	if (status == 0 && header.status != 0) {
		status = header.status;
	} else if (status == 0) {
		/* An answer that claims to go on with a session we never had is as broken as one that is no hello. */
		resumed = hello.resumed != 0;
		if (resumed && (!session->bound || header.session != session->peer_incarnation))
			status = -EPROTO;
	}
	if (status != 0) {
		rpc_hello_refused(endpoint, session->remote_address, status, header.version_major, now_ns);
		session->backoff_ms = RPC_BACKOFF_MAX_MS;
		rpc_session_lost(endpoint, session, now_ns);
		return;
	}
	rpc_session_bind(endpoint, session, &header, resumed);
	rpc_session_established(endpoint, session, now_ns);
}
