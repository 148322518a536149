/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue pairs connected by hand, see manual.h. A queue pair belongs to a connection (R5 of internal.h), so there is one.
 * Until it is started it is in the state of a request whose peer gave up: nothing is sent for it, and ending it frees it.
 */
#include "net/roce/internal.h"

#include "net/roce/manual.h"

#define PSN_MASK 0xffffffu

int roce_manual_create(struct roce_device *device, int queue, struct roce_manual *manual)
{
	struct event_queue *events = roce_queue_find(device, queue);
	struct roce_connection *connection;

	if (!events)
		return -EINVAL;
	connection = roce_cm_create(device, events);
	if (!connection)
		return -ENOBUFS;
	connection->state = CM_REQ_RECEIVED;
	connection->peer_gave_up = true;
	if (roce_qp_create(device, connection, ROCE_PEER_ANY)) {
		roce_disconnect(device, connection->number, 0);
		return -ENOBUFS;
	}
	connection->handshake->psn_local = roce_random32(device) & PSN_MASK;
	*manual = (struct roce_manual){ .connection = connection->number, .qpn = connection->qp->qpn,
					.psn = connection->handshake->psn_local };
	return 0;
}

static uint8_t mtu_code(uint32_t mtu_bytes)
{
	uint8_t code = 1;

	while (code < 5 && 128u << code != mtu_bytes)
		code++;
	return code;
}

int roce_manual_start(struct roce_device *device, const struct roce_manual *manual, const struct roce_manual_peer *peer)
{
	struct roce_connection *connection = roce_cm_find(device, manual->connection);
	uint8_t code = mtu_code(peer->path_mtu_bytes);

	if (!connection || connection->released)
		return -ENOENT;
	if (connection->state != CM_REQ_RECEIVED || !connection->peer_gave_up || !connection->qp || connection->remote_address != 0)
		return -EINVAL;
	if (peer->address == 0 || peer->qpn <= 1 || peer->qpn >= PSN_MASK || peer->psn > PSN_MASK || peer->reads_max > UINT8_MAX ||
	    128u << code != peer->path_mtu_bytes || peer->path_mtu_bytes > device->config.path_mtu_bytes)
		return -EINVAL;
	roce_cm_set_peer(device, connection, peer->address);
	connection->remote_qpn = peer->qpn;
	connection->handshake->psn_remote = peer->psn;
	connection->handshake->mtu_code = code;
	connection->handshake->peer_responder_resources = (uint8_t)peer->reads_max;
	connection->peer_gave_up = false;
	roce_qp_start(connection->qp, QP_READY);
	roce_cm_end_handshake(device, connection);
	connection->state = CM_ESTABLISHED;
	return 0;
}
