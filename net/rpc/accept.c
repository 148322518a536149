/* SPDX-License-Identifier: GPL-2.0-only */
/* The listener's way to a connection: what came past the guard waits here until its hello says whose it is (R11). */
#include "net/rpc/internal.h"

/* ---------------------------------------------------------------- the table */

static struct rpc_pending *pending_take(struct rpc_endpoint *endpoint)
{
	for (uint32_t i = 0; i < endpoint->config.limits.pending_max; i++) {
		struct rpc_pending *pending = &endpoint->pending[i];

		if (pending->used)
			continue;
		*pending = (struct rpc_pending){ .used = true, .serial = pending->serial, .buffer = rpc_buffer_take(endpoint) };
		assert(pending->buffer != RPC_NONE);	/* R9 */
		endpoint->pending_count++;
		return pending;
	}
	return NULL;
}

/* Its queue pair is gone, or a session's now. */
static void pending_free(struct rpc_endpoint *endpoint, struct rpc_pending *pending)
{
	rpc_buffer_free(endpoint, pending->buffer);
	secure_erase(pending->key_send, sizeof(pending->key_send));
	secure_erase(pending->key_receive, sizeof(pending->key_receive));
	pending->used = false;
	pending->serial++;
	endpoint->pending_count--;
}

static void pending_end(struct rpc_endpoint *endpoint, struct rpc_pending *pending, uint64_t now_ns)
{
	roce_disconnect(endpoint->config.device, pending->connection, now_ns);
	pending_free(endpoint, pending);
}

static uint64_t pending_cookie(const struct rpc_endpoint *endpoint, const struct rpc_pending *pending, enum cookie_kind kind)
{
	return cookie_make(RPC_NONE, pending->serial, kind, (uint32_t)(pending - endpoint->pending));
}

/* ---------------------------------------------------------------- requests */

/* The first half of an acceptance: keys, queue pair and a receive for the hello. */
static bool prepare(struct rpc_endpoint *endpoint, struct rpc_pending *pending, const struct roce_event *event,
		    uint8_t answer[SECURE_ANSWER_BYTES], uint64_t now_ns)
{
	struct roce_device *device = endpoint->config.device;
	const struct roce_guard_request request = { .address = event->remote_address, .port = event->service_port,
						    .private_data = event->private_data,
						    .private_len_bytes = event->len_bytes };
	struct secure_keys keys;

	if (secure_answer(endpoint->config.secure, &request, 0, answer, &keys, now_ns) != 0)
		return false;
	pending->connection = event->connection;
	pending->remote_address = event->remote_address;
	pending->key_id = keys.key_id;
	memcpy(pending->key_send, keys.send, sizeof(keys.send));
	memcpy(pending->key_receive, keys.receive, sizeof(keys.receive));
	secure_erase(&keys, sizeof(keys));
	pending->tag = endpoint->tags++;
	pending->until_ns = now_ns + RPC_HELLO_NS;
	return roce_accept_begin(device, event->connection, rpc_peer_tag(pending->tag), &pending->qpn) == 0 &&
	       roce_post_receive(device, pending->qpn, pending_cookie(endpoint, pending, COOKIE_PENDING_RECEIVE),
				 endpoint->buffers[pending->buffer].message, RPC_MESSAGE_BYTES_MAX) == 0;
}

void rpc_accept_request(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_pending *pending = pending_take(endpoint);
	uint8_t answer[SECURE_ANSWER_BYTES];

	if (pending == NULL) {
		endpoint->counters.pending_full++;
		roce_reject(endpoint->config.device, event->connection, NULL, 0, now_ns);
		return;
	}
	if (!prepare(endpoint, pending, event, answer, now_ns) ||
	    roce_accept_finish(endpoint->config.device, event->connection, answer, sizeof(answer), now_ns) != 0) {
		endpoint->counters.refused_hello++;
		roce_disconnect(endpoint->config.device, event->connection, now_ns);
		pending_free(endpoint, pending);
	}
	rpc_deadline_lower(endpoint, now_ns + RPC_HELLO_NS);
}

/* ---------------------------------------------------------------- hellos */

/* The connection is the session's now. */
static bool attach(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_pending *pending, bool resumed,
		   uint64_t now_ns)
{
	rpc_session_set_connection(endpoint, session, pending->connection);
	session->qpn = pending->qpn;
	session->tag = pending->tag;
	session->key_id = pending->key_id;
	session->state = SESSION_GREETING;
	rpc_mac_start(session, pending->key_send, pending->key_receive);
	session->messages_received = 1;
	pending_free(endpoint, pending);
	rpc_receive_start(endpoint, session);
	return roce_authorize(endpoint->config.device, session->qpn) == 0 &&
	       rpc_hello_send(endpoint, session, resumed, now_ns);
}

static void hello_good(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_pending *pending,
		       const struct rpc_header *header, const struct rpc_hello *hello, uint64_t now_ns)
{
	bool resumed = session->bound && session->peer_incarnation == header->session &&
		       hello->peer_incarnation == endpoint->config.incarnation;

	/* The opener has given its old connection up, or would not connect again. */
	if (rpc_session_has_connection(session))
		rpc_session_lost(endpoint, session, now_ns);
	rpc_session_bind(endpoint, session, header, resumed);
	if (attach(endpoint, session, pending, resumed, now_ns))
		rpc_session_established(endpoint, session, now_ns);
	else
		rpc_session_lost(endpoint, session, now_ns);
}

/* Say why, and end it when that was sent. */
static void refuse(struct rpc_endpoint *endpoint, struct rpc_pending *pending, int status, uint8_t version_major, uint64_t now_ns)
{
	uint8_t *message = endpoint->buffers[pending->buffer].message;
	uint32_t len_bytes = rpc_hello_refuse(endpoint, message, status);
	struct secure_mac mac;

	rpc_hello_refused(endpoint, pending->remote_address, status, version_major, now_ns);
	rpc_mac_init(&mac, pending->key_send);
	rpc_mac_seal_with(&mac, 0, message, len_bytes);
	secure_erase(&mac, sizeof(mac));
	pending->refused = true;
	if (roce_post_send(endpoint->config.device, pending->qpn, pending_cookie(endpoint, pending, COOKIE_PENDING_SEND), message,
			   len_bytes + RPC_TRAILER_BYTES, now_ns) != 0)
		pending_end(endpoint, pending, now_ns);
}

static void hello_received(struct rpc_endpoint *endpoint, struct rpc_pending *pending, uint32_t len_bytes, uint64_t now_ns)
{
	uint8_t *message = endpoint->buffers[pending->buffer].message;
	struct rpc_session *session = NULL;
	struct rpc_header header;
	struct rpc_hello hello;
	struct secure_mac mac;
	bool good;
	int status;

	rpc_mac_init(&mac, pending->key_receive);
	good = rpc_mac_good_with(&mac, 0, message, len_bytes);
	secure_erase(&mac, sizeof(mac));
	if (!good) {
		endpoint->counters.refused_mac++;
		pending_end(endpoint, pending, now_ns);
		return;
	}
	status = rpc_hello_parse(endpoint, message, len_bytes - RPC_TRAILER_BYTES, 0, &header, &hello);
	if (status == 0) {
		session = rpc_session_of_address(endpoint, pending->remote_address, false, 0);
		if (session == NULL)
			session = rpc_session_take(endpoint, pending->remote_address);
		status = session == NULL ? -ENOBUFS : 0;
	}
	if (status != 0)
		refuse(endpoint, pending, status, header.version_major, now_ns);
	else
		hello_good(endpoint, session, pending, &header, &hello, now_ns);
}

void rpc_accept_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	struct rpc_pending *pending = &endpoint->pending[(uint16_t)event->cookie];

	if (!pending->used || pending->serial != (uint16_t)(event->cookie >> 32))
		return;
	if (event->status != 0 || pending->refused)
		pending_end(endpoint, pending, now_ns);
	else
		hello_received(endpoint, pending, event->len_bytes, now_ns);
}

/* ---------------------------------------------------------------- the end of waiting */

void rpc_accept_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns)
{
	if (event->type == ROCE_EVENT_ESTABLISHED)
		return;
	for (uint32_t i = 0; i < endpoint->config.limits.pending_max; i++)
		if (endpoint->pending[i].used && endpoint->pending[i].connection == event->connection)
			pending_end(endpoint, &endpoint->pending[i], now_ns);
}

void rpc_accept_timers(struct rpc_endpoint *endpoint, uint64_t now_ns)
{
	for (uint32_t i = 0; i < endpoint->config.limits.pending_max && endpoint->pending_count > 0; i++) {
		if (!endpoint->pending[i].used || endpoint->pending[i].until_ns > now_ns)
			continue;
		endpoint->counters.pending_expired++;
		pending_end(endpoint, &endpoint->pending[i], now_ns);
	}
}

uint64_t rpc_accept_deadline_ns(const struct rpc_endpoint *endpoint)
{
	uint64_t deadline_ns = UINT64_MAX;

	for (uint32_t i = 0; i < endpoint->config.limits.pending_max && endpoint->pending_count > 0; i++)
		if (endpoint->pending[i].used && endpoint->pending[i].until_ns < deadline_ns)
			deadline_ns = endpoint->pending[i].until_ns;
	return deadline_ns;
}

void rpc_accept_key_forgotten(struct rpc_endpoint *endpoint, uint8_t key_id, uint64_t now_ns)
{
	for (uint32_t i = 0; i < endpoint->config.limits.pending_max; i++)
		if (endpoint->pending[i].used && endpoint->pending[i].key_id == key_id)
			pending_end(endpoint, &endpoint->pending[i], now_ns);
}
