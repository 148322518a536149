// SPDX-License-Identifier: GPL-2.0-only
/* The connection manager as its application calls it. The states are drawn in cm.c. */
#include "net/roce/internal.h"

#include "net/roce/cm_message.h"

static int listen_on(struct roce_device *device, uint16_t port, int queue, uint64_t cookie, struct roce_guard guard)
{
	struct event_queue *events = roce_queue_find(device, queue);

	if (!events)
		return -EINVAL;
	for (uint32_t i = 0; i < device->listeners_count; i++)
		if (device->listeners[i].port == port)
			return -EADDRINUSE;
	if (device->listeners_count == device->config.limits.listeners_max)
		return -ENOBUFS;
	device->listeners[device->listeners_count++] =
		(struct listener){ .port = port, .queue = events, .cookie = cookie, .guard = guard };
	return 0;
}

int roce_listen(struct roce_device *device, uint16_t port, int queue, uint64_t cookie)
{
	return listen_on(device, port, queue, cookie, (struct roce_guard){ NULL, NULL });
}

int roce_listen_guarded(struct roce_device *device, uint16_t port, int queue, uint64_t cookie,
			const struct roce_guard *guard)
{
	assert(guard->check);
	return listen_on(device, port, queue, cookie, *guard);
}

static uint8_t mtu_code(uint32_t mtu_bytes)
{
	uint8_t code = 1;

	while ((128u << code) < mtu_bytes)
		code++;
	return code;
}

static void set_private(struct handshake *handshake, const void *bytes, uint32_t len_bytes)
{
	assert(handshake->received_len_bytes == 0);
	handshake->private_len_bytes = (uint8_t)len_bytes;
	if (len_bytes > 0)
		memcpy(handshake->private_data, bytes, len_bytes);
}

int roce_connect(struct roce_device *device, const struct roce_connect *connect, uint32_t *number, uint64_t now_ns)
{
	struct event_queue *queue = roce_queue_find(device, connect->queue);
	struct roce_connection *connection;

	now_ns = roce_clock(device, now_ns);
	if (!queue || connect->private_len_bytes > ROCE_REQ_PRIVATE_BYTES_MAX || connect->remote_address == 0 ||
	    (connect->private_len_bytes > 0 && !connect->private_data))
		return -EINVAL;
	connection = roce_cm_create(device, queue);
	if (!connection)
		return -ENOBUFS;
	connection->state = CM_REQ_SENT;
	if (roce_cm_create_queue_pair(device, connection, connect->peer)) {
		roce_cm_free(device, connection);
		return -ENOBUFS;
	}
	connection->active = true;
	connection->qp->locked = connect->locked;
	connection->cookie = connect->cookie;
	roce_cm_set_peer(device, connection, connect->remote_address);
	connection->service_port = connect->remote_port;
	connection->handshake->mtu_code = mtu_code(device->config.path_mtu_bytes);
	connection->handshake->features = CM_FEATURES;
	connection->handshake->give_up_ns = now_ns + connect->timeout_ns;
	set_private(connection->handshake, connect->private_data, connect->private_len_bytes);
	device->counters.connects_sent++;
	roce_cm_repeat(device, connection, OWES_REQ, now_ns);
	*number = connection->number;
	return 0;
}

int roce_accept_begin(struct roce_device *device, uint32_t number, uint64_t peer, uint32_t *qpn)
{
	struct roce_connection *connection = roce_cm_find_live(device, number);

	if (!connection)
		return -ENOENT;
	if (connection->state != CM_REQ_RECEIVED || connection->qp)
		return -EINVAL;
	if (connection->peer_gave_up) {
		roce_cm_free(device, connection);
		return -ECONNRESET;
	}
	if (roce_cm_create_queue_pair(device, connection, peer))
		return -ENOBUFS;
	connection->qp->locked = connection->guarded;
	*qpn = connection->qp->qpn;
	return 0;
}

int roce_accept_finish(struct roce_device *device, uint32_t number, const void *private_data, uint32_t len_bytes,
		       uint64_t now_ns)
{
	struct roce_connection *connection = roce_cm_find_live(device, number);

	now_ns = roce_clock(device, now_ns);
	if (!connection)
		return -ENOENT;
	if (connection->state != CM_REQ_RECEIVED || !connection->qp || len_bytes > ROCE_REP_PRIVATE_BYTES_MAX)
		return -EINVAL;
	if (connection->peer_gave_up) {
		roce_qp_flush(device, connection->qp, -ECONNRESET);
		roce_cm_free(device, connection);
		return -ECONNRESET;
	}
	set_private(connection->handshake, private_data, len_bytes);
	roce_qp_start(connection->qp, QP_READY_TO_RECEIVE);
	connection->state = CM_REP_SENT;
	connection->owed &= (uint8_t)~OWES_MRA;
	connection->handshake->give_up_ns = now_ns + CM_REPLY_GIVE_UP_NS;
	roce_cm_repeat(device, connection, OWES_REP, now_ns);
	return 0;
}

/* Refuse a request, or take ours back, and forget the connection. */
static void reject(struct roce_device *device, struct roce_connection *connection, uint16_t reason,
		   const void *private_data, uint32_t len_bytes)
{
	struct cm_reply reply = {
		.remote_address = connection->remote_address, .attribute = CM_REJ, .transaction = connection->transaction,
		.local_number = connection->number, .remote_number = connection->remote_number, .reason = reason,
		.message_concerned = connection->active ? CM_CONCERNS_OTHER : CM_CONCERNS_REQ,
		.private_len_bytes = len_bytes,
	};

	if (len_bytes > 0)
		memcpy(reply.private_data, private_data, len_bytes);
	if (reason == CM_REJECT_TIMEOUT) {	/* Linux finds its connection by our GUID (cm_acquire_rejected_id) */
		reply.info_len_bytes = sizeof(reply.info);
		for (unsigned i = 0; i < sizeof(reply.info); i++)
			reply.info[i] = (uint8_t)(device->config.guid >> (56 - 8 * i));
	}
	if (!connection->peer_gave_up)
		roce_cm_reply(device, &reply);
	if (connection->qp)
		roce_qp_flush(device, connection->qp, -ECONNRESET);
	roce_cm_free(device, connection);
}

int roce_reject(struct roce_device *device, uint32_t number, const void *private_data, uint32_t len_bytes,
		uint64_t now_ns)
{
	struct roce_connection *connection = roce_cm_find_live(device, number);

	(void)now_ns;
	if (!connection)
		return -ENOENT;
	if (connection->state != CM_REQ_RECEIVED || len_bytes > ROCE_REJ_PRIVATE_BYTES_MAX)
		return -EINVAL;
	device->counters.connects_rejected++;
	reject(device, connection, CM_REJECT_CONSUMER, private_data, len_bytes);
	return 0;
}

void roce_disconnect(struct roce_device *device, uint32_t number, uint64_t now_ns)
{
	struct roce_connection *connection = roce_cm_find_live(device, number);

	now_ns = roce_clock(device, now_ns);
	if (!connection)
		return;
	switch (connection->state) {
	case CM_REQ_SENT:
		reject(device, connection, CM_REJECT_TIMEOUT, NULL, 0);
		break;
	case CM_REQ_RECEIVED:
		device->counters.connects_rejected++;
		reject(device, connection, CM_REJECT_CONSUMER, NULL, 0);
		break;
	case CM_REP_SENT:
	case CM_ESTABLISHED:
	case CM_LINGER:
		connection->released = true;
		roce_qp_flush(device, connection->qp, -ECONNRESET);
		roce_cm_hang_up(device, connection, now_ns);
		break;
	default:
		roce_cm_release(device, connection);
		break;
	}
}

uint32_t roce_connection_qpn(const struct roce_device *device, uint32_t number)
{
	const struct roce_connection *connection = roce_cm_find_live((struct roce_device *)(uintptr_t)device, number);

	return connection && connection->qp ? connection->qp->qpn : 0;
}
