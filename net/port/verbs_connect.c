// SPDX-License-Identifier: GPL-2.0-only
/* What users ask of connections: listen, connect, accept, reject, hang up. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/port/verbs_internal.h"

#define ACCEPT_GIVE_UP_NS UINT64_C(10000000000)	/* as long as a peer may take to answer our acceptance */

static int listen_on(struct roce_device *opaque, uint16_t port, int queue, uint64_t cookie, struct roce_guard guard)
{
	struct verbs_device *device = verbs_of(opaque);
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(device->address) };
	struct verbs_listener *listener = &device->listeners[device->listeners_count];

	if (queue < 0 || (uint32_t)queue >= device->queues_count)
		return -EINVAL;
	if (device->listeners_count == device->limits.listeners_max)
		return -ENOBUFS;
	*listener = (struct verbs_listener){ .port = port, .queue = queue, .cookie = cookie, .guard = guard };
	if (rdma_create_id(device->events, &listener->id, listener, RDMA_PS_TCP) != 0)
		return -errno;
	if (rdma_bind_addr(listener->id, (struct sockaddr *)&local) != 0 ||
	    rdma_listen(listener->id, (int)device->limits.connections_max) != 0) {
		int status = -errno;

		rdma_destroy_id(listener->id);
		return status;
	}
	device->listeners_count++;
	return 0;
}

int verbs_listen(struct roce_device *opaque, uint16_t port, int queue, uint64_t cookie)
{
	return listen_on(opaque, port, queue, cookie, (struct roce_guard){ NULL, NULL });
}

int verbs_listen_guarded(struct roce_device *opaque, uint16_t port, int queue, uint64_t cookie, const struct roce_guard *guard)
{
	assert(guard->check != NULL);
	return listen_on(opaque, port, queue, cookie, *guard);
}

int verbs_authorize(struct roce_device *opaque, uint32_t qpn)
{
	struct verbs_queue_pair *qp = verbs_qp_find(verbs_of(opaque), qpn);

	return qp != NULL ? verbs_qp_unlock(qp) : -ENOENT;
}

int verbs_protect(struct roce_device *opaque, uint32_t qpn, struct roce_protection *protection)
{
	(void)protection;
	return verbs_qp_find(verbs_of(opaque), qpn) != NULL ? -EOPNOTSUPP : -ENOENT;
}

/* None was ever taken. */
void verbs_unprotect(struct roce_device *opaque, uint32_t qpn, const struct roce_protection *protection)
{
	(void)opaque;
	(void)qpn;
	(void)protection;
}

int verbs_connect(struct roce_device *opaque, const struct roce_connect *connect, uint32_t *number, uint64_t now_ns)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_connection *connection;
	struct rdma_cm_id *id;

	if (connect->queue < 0 || (uint32_t)connect->queue >= device->queues_count || connect->remote_address == 0 ||
	    connect->private_len_bytes > ROCE_REQ_PRIVATE_BYTES_MAX || (connect->private_len_bytes > 0 && !connect->private_data))
		return -EINVAL;
	if (rdma_create_id(device->events, &id, NULL, RDMA_PS_TCP) != 0)
		return -ENOBUFS;
	connection = verbs_connection_take(device, id, connect->queue);
	if (connection == NULL) {
		rdma_destroy_id(id);
		return -ENOBUFS;
	}
	connection->state = VERBS_RESOLVING;
	connection->locked = connect->locked;
	connection->cookie = connect->cookie;
	connection->remote_address = connect->remote_address;
	connection->service_port = connect->remote_port;
	connection->give_up_ns = now_ns + connect->timeout_ns;
	connection->private_len_bytes = connect->private_len_bytes;
	if (connect->private_len_bytes > 0)
		memcpy(connection->private_data, connect->private_data, connect->private_len_bytes);
	connection->qp = verbs_qp_create(device, connect->peer, connect->queue, connection->locked);
	if (connection->qp == NULL || verbs_connection_resolve(device, connection) != 0) {
		verbs_connection_release(device, connection);
		return -ENOBUFS;
	}
	connection->qp->connection = connection;
	device->counters.connects_sent++;
	*number = connection->number;
	return 0;
}

int verbs_accept_begin(struct roce_device *opaque, uint32_t number, uint64_t peer, uint32_t *qpn)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_connection *connection = verbs_connection_find(device, number);

	if (connection == NULL)
		return -ENOENT;
	if (connection->state == VERBS_ENDED) {		/* the peer gave up meanwhile */
		verbs_connection_release(device, connection);
		return -ECONNRESET;
	}
	if (connection->state != VERBS_REQUESTED || connection->qp != NULL)
		return -EINVAL;
	connection->qp = verbs_qp_create(device, peer, connection->queue, connection->locked);
	if (connection->qp == NULL)
		return -ENOBUFS;
	connection->qp->connection = connection;
	*qpn = connection->qp->qpn;
	return 0;
}

int verbs_accept_finish(struct roce_device *opaque, uint32_t number, const void *private_data, uint32_t len_bytes,
			uint64_t now_ns)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_connection *connection = verbs_connection_find(device, number);
	struct rdma_conn_param parameters = { .private_data = private_data, .private_data_len = (uint8_t)len_bytes,
					      .rnr_retry_count = 7 };

	if (connection == NULL)
		return -ENOENT;
	if (connection->state == VERBS_REQUESTED && (connection->qp == NULL || len_bytes > ROCE_REP_PRIVATE_BYTES_MAX))
		return -EINVAL;
	if (connection->state != VERBS_REQUESTED && connection->state != VERBS_ENDED)
		return -EINVAL;
	if (connection->state == VERBS_REQUESTED) {
		parameters.qp_num = connection->qp->qpn;
		parameters.responder_resources = connection->responder_resources;
		parameters.initiator_depth = connection->initiator_depth;
		if (verbs_qp_start(connection->qp, connection) == 0 && rdma_accept(connection->id, &parameters) == 0) {
			connection->state = VERBS_ACCEPTED;
			connection->give_up_ns = now_ns + ACCEPT_GIVE_UP_NS;
			return 0;
		}
	}
	/* Gave up meanwhile: the kernel's refusal is the first that we hear of it. */
	verbs_connection_release(device, connection);
	return -ECONNRESET;
}

int verbs_reject(struct roce_device *opaque, uint32_t number, const void *private_data, uint32_t len_bytes, uint64_t now_ns)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_connection *connection = verbs_connection_find(device, number);

	(void)now_ns;
	if (connection == NULL)
		return -ENOENT;
	if ((connection->state != VERBS_REQUESTED && connection->state != VERBS_ENDED) || len_bytes > ROCE_REJ_PRIVATE_BYTES_MAX)
		return -EINVAL;
	device->counters.connects_rejected++;
	rdma_reject(connection->id, private_data, (uint8_t)len_bytes);
	verbs_connection_release(device, connection);
	return 0;
}

void verbs_disconnect(struct roce_device *opaque, uint32_t number, uint64_t now_ns)
{
	struct verbs_connection *connection = verbs_connection_find(verbs_of(opaque), number);

	(void)now_ns;
	if (connection != NULL)
		verbs_connection_release(verbs_of(opaque), connection);
}

uint32_t verbs_connection_qpn(const struct roce_device *opaque, uint32_t number)
{
	const struct verbs_connection *connection = verbs_connection_find(verbs_of(opaque), number);

	return connection != NULL && connection->qp != NULL ? connection->qp->qpn : 0;
}
