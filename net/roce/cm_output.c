/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the connection manager on their way out: built from a connection's state at the moment they are sent. */
#include "net/roce/internal.h"

#include "net/roce/cm_message.h"

#define ACK_TIMEOUT_CODE 14u		/* 67 ms: what a standard peer uses towards us */
#define RETRIES 6u			/* not 7: rxe takes that for "for ever" (docs/rocev2.md section 2, pitfall 5) */
#define PATIENCE_CODE 18u		/* 1.07 s: what a peer waits before it repeats a REQ that the application thinks about */
#define RNR_RETRIES 7u			/* for ever: we are not ready only while memory is being made free */

void roce_cm_owe(struct roce_device *device, struct roce_connection *connection, uint8_t message)
{
	connection->owed |= message;
	if (connection->listed)
		return;
	connection->listed = true;
	connection->owing_next = NULL;
	*(device->owing_head ? &device->owing_tail->owing_next : &device->owing_head) = connection;
	device->owing_tail = connection;
}

static void leave_list(struct roce_device *device, struct roce_connection *first)
{
	device->owing_head = first->owing_next;
	first->owing_next = NULL;
	first->listed = false;
}

void roce_cm_reply(struct roce_device *device, const struct cm_reply *reply)
{
	if (device->replies_count == CM_REPLIES_MAX) {
		device->counters.drop_flood++;
		return;
	}
	device->replies[(device->replies_head + device->replies_count++) % CM_REPLIES_MAX] = *reply;
}

static void send_message(struct roce_device *device, const struct cm_message *message, uint32_t remote_address,
			 struct roce_datagram *datagram)
{
	struct roce_packet packet = {
		.opcode = OPCODE_UD_SEND_ONLY, .migration = true, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = 1,
		.psn = device->management_psn, .qkey = CM_QKEY, .source_qpn = 1, .payload_len_bytes = MAD_BYTES,
	};
	uint8_t *mad = datagram->bytes + roce_header_bytes(OPCODE_UD_SEND_ONLY);

	device->management_psn = (device->management_psn + 1) & 0xffffff;
	cm_message_encode(message, mad);
	packet.payload = mad;
	datagram->destination_address = remote_address;
	roce_packet_encode(&packet, datagram, device->config.environment.crc, NULL);
}

static void send_reply(struct roce_device *device, struct roce_datagram *datagram)
{
	struct cm_reply *reply = &device->replies[device->replies_head];
	struct cm_message message = {
		.attribute = reply->attribute, .transaction = reply->transaction, .local_number = reply->local_number,
		.remote_number = reply->remote_number, .message_concerned = reply->message_concerned,
		.reason = reply->reason, .status = reply->status, .info_len_bytes = reply->info_len_bytes,
		.private_data = reply->private_data, .private_len_bytes = reply->private_len_bytes,
	};

	memcpy(message.info, reply->info, sizeof(message.info));
	send_message(device, &message, reply->remote_address, datagram);
	device->replies_head = (device->replies_head + 1) % CM_REPLIES_MAX;
	device->replies_count--;
}

/* What REQ and REP both say of our end. */
static void build_offer(const struct roce_device *device, const struct roce_connection *connection, struct cm_message *message)
{
	message->features = connection->handshake->features;
	message->qpn = connection->qp->qpn;
	message->starting_psn = connection->handshake->psn_remote;
	message->guid = device->config.guid;
	message->responder_resources = READS_PENDING_MAX;
	message->initiator_depth = READS_PENDING_MAX;
}

static void build_req(const struct roce_device *device, const struct roce_connection *connection,
		      struct cm_message *message)
{
	const struct handshake *handshake = connection->handshake;

	message->attribute = CM_REQ;
	build_offer(device, connection, message);
	message->rnr_retries = RNR_RETRIES;
	message->service_id = CM_SERVICE_ID_TCP | connection->service_port;
	message->path_mtu = handshake->mtu_code;
	message->ack_timeout = ACK_TIMEOUT_CODE;
	message->retries = RETRIES;
	message->gid_local = device->config.address;
	message->gid_remote = connection->remote_address;
	message->private_data = handshake->private_data;
	message->private_len_bytes = handshake->private_len_bytes;
}

static void build_rep(const struct roce_device *device, const struct roce_connection *connection,
		      struct cm_message *message)
{
	const struct handshake *handshake = connection->handshake;

	message->attribute = CM_REP;
	build_offer(device, connection, message);
	/* Neither side may ask for more than the other offered. */
	if (message->responder_resources > handshake->peer_initiator_depth)
		message->responder_resources = handshake->peer_initiator_depth;
	if (message->initiator_depth > handshake->peer_responder_resources)
		message->initiator_depth = handshake->peer_responder_resources;
	message->rnr_retries = RNR_RETRIES;
	message->private_data = handshake->private_data;
	message->private_len_bytes = handshake->private_len_bytes;
}

/* Take the most urgent message off `owed` and build it. */
static void build_owed(const struct roce_device *device, struct roce_connection *connection, struct cm_message *message)
{
	uint8_t bit = connection->owed & -connection->owed;

	memset(message, 0, sizeof(*message));
	message->transaction = connection->transaction;
	message->local_number = connection->number;
	message->remote_number = connection->remote_number;
	connection->owed &= (uint8_t)~bit;
	switch (bit) {
	case OWES_REQ:
		build_req(device, connection, message);
		break;
	case OWES_REP:
		build_rep(device, connection, message);
		break;
	case OWES_RTU:
		message->attribute = CM_RTU;
		break;
	case OWES_DREQ:
		message->attribute = CM_DREQ;
		message->transaction = (uint64_t)connection->number << 32 | connection->remote_number;	/* like no other of ours */
		message->qpn = connection->remote_qpn;
		break;
	case OWES_MRA:
		message->attribute = CM_MRA;
		message->message_concerned = CM_CONCERNS_REQ;
		message->mra_timeout = PATIENCE_CODE;
		break;
	case OWES_DREP:
		message->attribute = CM_DREP;
		break;
	default:
		assert(!"unknown message");
	}
}

int roce_cm_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns)
{
	struct cm_message message;

	(void)now_ns;
	if (device->replies_count > 0) {
		send_reply(device, datagram);
		return 1;
	}
	while (device->owing_head) {
		struct roce_connection *connection = device->owing_head;

		if (!connection->owed) {
			leave_list(device, connection);
			continue;
		}
		build_owed(device, connection, &message);
		send_message(device, &message, connection->remote_address, datagram);
		if (!connection->owed)
			leave_list(device, connection);
		return 1;
	}
	return 0;
}
