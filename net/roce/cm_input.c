/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the connection manager coming in. The states are drawn in cm.c. */
#include "net/roce/internal.h"

#include "net/roce/cm_message.h"

static bool qpn_valid(uint32_t qpn)
{
	return qpn > 1 && qpn < 0xffffff;
}

static bool mtu_code_valid(uint8_t code)
{
	return code >= 1 && code <= 5;
}

static void receive_private(struct handshake *handshake, const struct cm_message *message)
{
	assert(message->private_len_bytes <= ROCE_PRIVATE_BYTES_MAX);
	handshake->received_len_bytes = (uint8_t)message->private_len_bytes;
	handshake->private_len_bytes = 0;
	memcpy(handshake->private_data, message->private_data, message->private_len_bytes);
}

/* ---------------------------------------------------------------- REQ */

static void count_refusal(struct roce_counters *counters, uint16_t reason)
{
	counters->connects_rejected++;
	switch (reason) {
	case CM_REJECT_SERVICE_ID:
		counters->refused_service++;
		break;
	case CM_REJECT_TRANSPORT:
		counters->refused_transport++;
		break;
	case CM_REJECT_GID:
		counters->refused_address++;
		break;
	case CM_REJECT_MTU:
		counters->refused_mtu++;
		break;
	case CM_REJECT_NO_RESOURCES:
		counters->refused_resources++;
		break;
	default:
		counters->refused_fields++;
		break;
	}
}

static void refuse_request(struct roce_device *device, uint32_t address, const struct cm_message *req, uint16_t reason)
{
	struct cm_reply reply = {
		.remote_address = address, .attribute = CM_REJ, .transaction = req->transaction,
		.remote_number = req->local_number, .message_concerned = CM_CONCERNS_REQ, .reason = reason,
	};

	if (reason == CM_REJECT_MTU) {		/* the largest that would do */
		reply.info_len_bytes = 1;
		while ((128u << (reply.info[0] + 1)) <= device->config.path_mtu_bytes)
			reply.info[0]++;
	}
	count_refusal(&device->counters, reason);
	roce_cm_reply(device, &reply);
}

/* Is there no service that is open to everybody? Then strangers hear nothing, not even that they are wrong here. */
static bool closed_to_strangers(const struct roce_device *device)
{
	for (uint32_t i = 0; i < device->listeners_count; i++)
		if (!device->listeners[i].guard.check)
			return false;
	return true;
}

/* Services for key holders alone: who belongs to no connection gets no answer. */
static bool is_guarded(const struct roce_device *device)
{
	return device->listeners_count > 0 && closed_to_strangers(device);
}

/* What the listener's guard says, done; true when the request may go on (R7). */
static bool passes_guard(struct roce_device *device, const struct listener *listener, uint32_t address,
			 const struct cm_message *req, uint64_t now_ns)
{
	const struct roce_guard_request request = { .address = address, .port = listener->port,
						    .private_data = req->private_data,
						    .private_len_bytes = req->private_len_bytes };
	struct roce_guard_reply challenge = { 0 };
	struct cm_reply reply = {
		.remote_address = address, .attribute = CM_REJ, .transaction = req->transaction,
		.remote_number = req->local_number, .message_concerned = CM_CONCERNS_REQ, .reason = CM_REJECT_CONSUMER,
	};

	switch (listener->guard.check(listener->guard.context, &request, &challenge, now_ns - device->clock_ahead_ns)) {
	case ROCE_GUARD_ACCEPT:
		return true;
	case ROCE_GUARD_CHALLENGE:
		assert(challenge.private_len_bytes <= ROCE_REJ_PRIVATE_BYTES_MAX);
		device->counters.connects_challenged++;
		reply.private_len_bytes = challenge.private_len_bytes;
		memcpy(reply.private_data, challenge.private_data, challenge.private_len_bytes);
		roce_cm_reply(device, &reply);
		return false;
	case ROCE_GUARD_DROP:
		break;
	}
	device->counters.drop_unauthenticated++;
	return false;
}

static const struct listener *find_listener(const struct roce_device *device, uint64_t service_id)
{
	for (uint32_t i = 0; i < device->listeners_count; i++)
		if ((CM_SERVICE_ID_TCP | device->listeners[i].port) == service_id)
			return &device->listeners[i];
	return NULL;
}

/* 0, or the reason to refuse. */
static uint16_t check_request(const struct roce_device *device, uint32_t address, const struct cm_message *req)
{
	if (!find_listener(device, req->service_id))
		return CM_REJECT_SERVICE_ID;
	if (req->transport != 0 || req->extended)
		return CM_REJECT_TRANSPORT;
	if (req->gid_local != address || req->gid_remote != device->config.address)
		return CM_REJECT_GID;
	if (!mtu_code_valid(req->path_mtu) || (128u << req->path_mtu) > device->config.path_mtu_bytes)
		return CM_REJECT_MTU;
	if (!qpn_valid(req->qpn) || !req->ip_header_valid || req->local_number == 0 ||
	    (req->pkey & ROCE_PKEY_NUMBER_MASK) != (ROCE_PKEY_DEFAULT & ROCE_PKEY_NUMBER_MASK))
		return CM_REJECT_UNSUPPORTED;
	return 0;
}

/* Was this request seen before? Then answer from the state it led to (C1). */
static bool repeated_request(struct roce_device *device, uint32_t address, const struct cm_message *req)
{
	struct roce_connection *connection = *roce_cm_peers(device, address);

	for (; connection; connection = connection->peer_next) {
		if (connection->active || connection->remote_address != address ||
		    connection->remote_number != req->local_number || connection->remote_qpn != req->qpn)
			continue;
		if (connection->state == CM_REP_SENT) {
			roce_cm_owe(device, connection, OWES_REP);
		} else if (connection->state == CM_REQ_RECEIVED && !connection->peer_gave_up) {
			device->counters.connects_delayed++;
			roce_cm_owe(device, connection, OWES_MRA);	/* the application thinks */
		}
		return true;
	}
	return false;
}

/*
 * The peer uses a communication id or queue pair anew: it has lost the connection that had it. What came past a guard
 * is ended only by a request that did, too: no stranger can say this for the peer.
 */
static void end_stale(struct roce_device *device, uint32_t address, const struct cm_message *req, bool guarded,
		      uint64_t now_ns)
{
	struct roce_connection *connection, *next = *roce_cm_peers(device, address);

	while ((connection = next)) {
		next = connection->peer_next;	/* this one may go */
		if (connection->remote_address != address || (connection->guarded && !guarded) ||
		    (connection->remote_number != req->local_number && connection->remote_qpn != req->qpn))
			continue;
		if (connection->state == CM_REQ_RECEIVED) {
			connection->peer_gave_up = true;
		} else if (connection->state == CM_REP_SENT || connection->state == CM_ESTABLISHED ||
			   connection->state == CM_LINGER || connection->state == CM_DREQ_SENT) {
			device->counters.connections_lost++;
			roce_cm_end(device, connection, ROCE_EVENT_DISCONNECTED, -ECONNRESET, 0, now_ns);
		}
	}
}

static void request_input(struct roce_device *device, uint32_t address, const struct cm_message *req, uint64_t now_ns)
{
	const struct listener *listener;
	struct roce_connection *connection;
	uint16_t reason;
	bool guarded;

	device->counters.connects_received++;
	listener = find_listener(device, req->service_id);
	guarded = listener && listener->guard.check;
	if (!listener && closed_to_strangers(device)) {
		device->counters.drop_unauthenticated++;
		return;
	}
	/* Strangers hear nothing of what else may be wrong. A request that is known has passed already. */
	if (guarded && (repeated_request(device, address, req) || !passes_guard(device, listener, address, req, now_ns)))
		return;
	reason = check_request(device, address, req);
	if (reason) {
		refuse_request(device, address, req, reason);
		return;
	}
	if (!guarded && repeated_request(device, address, req))
		return;
	end_stale(device, address, req, guarded, now_ns);
	connection = roce_cm_create(device, listener->queue);
	if (!connection) {
		refuse_request(device, address, req, CM_REJECT_NO_RESOURCES);
		return;
	}
	connection->state = CM_REQ_RECEIVED;
	connection->guarded = guarded;
	connection->cookie = listener->cookie;
	roce_cm_set_peer(device, connection, address);
	connection->remote_number = req->local_number;
	connection->remote_qpn = req->qpn;
	connection->service_port = listener->port;
	connection->transaction = req->transaction;
	connection->handshake->psn_local = req->starting_psn;
	connection->handshake->mtu_code = req->path_mtu;
	connection->handshake->features = req->features;
	connection->handshake->peer_responder_resources = req->responder_resources;
	connection->handshake->peer_initiator_depth = req->initiator_depth;
	receive_private(connection->handshake, req);
	roce_cm_event(device, connection, ROCE_EVENT_CONNECT_REQUEST, 0, 0);
}

/* ---------------------------------------------------------------- REP, RTU, MRA, REJ */

static void reply_input(struct roce_device *device, struct roce_connection *connection, const struct cm_message *rep)
{
	if (connection->state == CM_ESTABLISHED && connection->active && connection->remote_number == rep->local_number) {
		device->counters.duplicates++;
		roce_cm_owe(device, connection, OWES_RTU);	/* ours was lost */
		return;
	}
	if (connection->state != CM_REQ_SENT || rep->transaction != connection->transaction || !qpn_valid(rep->qpn)) {
		device->counters.drop_unexpected++;
		return;
	}
	connection->remote_number = rep->local_number;
	connection->remote_qpn = rep->qpn;
	connection->handshake->psn_local = rep->starting_psn;
	connection->handshake->features &= rep->features;
	connection->handshake->peer_responder_resources = rep->responder_resources;
	receive_private(connection->handshake, rep);
	roce_qp_start(connection->qp, QP_READY_TO_RECEIVE);
	roce_cm_established(device, connection);
	roce_cm_owe(device, connection, OWES_RTU);
}

static void reject_input(struct roce_device *device, struct roce_connection *connection, const struct cm_message *rej,
			 uint64_t now_ns)
{
	/* Once the peer's id is known, it must be there: a late REJ of a REQ that was repeated since has none. */
	if (connection->state != CM_REQ_SENT && connection->remote_number != rej->local_number) {
		device->counters.drop_unexpected++;
		return;
	}
	switch (connection->state) {
	case CM_REQ_SENT:
		if (rej->transaction != connection->transaction)
			break;
		if (rej->reason == CM_REJECT_MTU && mtu_code_valid(rej->info[0]) &&
		    rej->info[0] < connection->handshake->mtu_code) {
			connection->handshake->mtu_code = rej->info[0];
			connection->transaction++;	/* a late REJ of the first try says nothing about this one */
			roce_cm_owe(device, connection, OWES_REQ);
			return;
		}
		receive_private(connection->handshake, rej);
		roce_cm_end(device, connection, ROCE_EVENT_REJECTED, 0, rej->reason, now_ns);
		return;
	case CM_REQ_RECEIVED:
		connection->peer_gave_up = true;
		return;
	case CM_REP_SENT:
	case CM_ESTABLISHED:
		device->counters.connections_lost++;
		roce_cm_end(device, connection, ROCE_EVENT_DISCONNECTED, -ECONNRESET, rej->reason, now_ns);
		return;
	default:
		break;
	}
	device->counters.drop_unexpected++;
}

static void delay_input(struct roce_device *device, struct roce_connection *connection, const struct cm_message *mra,
			uint64_t now_ns)
{
	uint64_t deadline_ns = now_ns + (UINT64_C(4096) << mra->mra_timeout);
	bool awaited = (connection->state == CM_REQ_SENT && mra->message_concerned == CM_CONCERNS_REQ) ||
		       (connection->state == CM_REP_SENT && mra->message_concerned == CM_CONCERNS_REP &&
			mra->local_number == connection->remote_number);

	if (!awaited) {
		device->counters.drop_unexpected++;
		return;
	}
	if (deadline_ns > connection->handshake->give_up_ns)
		deadline_ns = connection->handshake->give_up_ns;
	roce_timer_set(device, &connection->qp->timer, deadline_ns);
}

/* ---------------------------------------------------------------- DREQ, DREP */

static void disconnect_input(struct roce_device *device, struct roce_connection *connection,
			     const struct cm_message *dreq, uint64_t now_ns)
{
	bool ours = connection->qp && connection->qp->qpn == dreq->qpn && connection->remote_number == dreq->local_number;

	if (!ours || connection->state < CM_REP_SENT || connection->state == CM_DEAD) {
		device->counters.drop_unexpected++;
		return;
	}
	if (connection->state == CM_REP_SENT)
		roce_cm_established(device, connection);	/* it had our REP: only its RTU is missing */
	if (connection->state != CM_TIMEWAIT)
		roce_cm_end(device, connection, ROCE_EVENT_DISCONNECTED, 0, 0, now_ns);
	connection->transaction = dreq->transaction;
	roce_cm_owe(device, connection, OWES_DREP);
}

/* A peer that takes its REQ back does not know our id yet: the REQ's own names it. */
static struct roce_connection *find_taken_back(struct roce_device *device, uint32_t address, const struct cm_message *rej)
{
	struct roce_connection *connection = *roce_cm_peers(device, address);

	for (; connection; connection = connection->peer_next) {
		if ((connection->state == CM_REQ_RECEIVED || connection->state == CM_REP_SENT) &&
		    connection->remote_address == address && connection->remote_number == rej->local_number &&
		    connection->transaction == rej->transaction)
			return connection;
	}
	return NULL;
}

/* A message for a connection that is gone: help the peer to forget it too (C4), unless only key holders are served here. */
static void unknown_input(struct roce_device *device, uint32_t address, const struct cm_message *message)
{
	struct cm_reply reply = {
		.remote_address = address, .transaction = message->transaction, .local_number = message->remote_number,
		.remote_number = message->local_number,
	};

	device->counters.drop_unknown_connection++;
	if (is_guarded(device))
		return;
	if (message->attribute == CM_DREQ) {
		reply.attribute = CM_DREP;
		roce_cm_reply(device, &reply);
	} else if (message->attribute == CM_REP) {
		reply.attribute = CM_REJ;
		reply.reason = CM_REJECT_INVALID_ID;
		reply.message_concerned = CM_CONCERNS_REP;
		roce_cm_reply(device, &reply);
	}
}

/* Datagram services (SIDR) are not for us; a peer that asks need not wait. */
static void refuse_datagram_service(struct roce_device *device, uint32_t address, const struct cm_message *request)
{
	struct cm_reply reply = {
		.remote_address = address, .attribute = CM_SIDR_REP, .transaction = request->transaction,
		.local_number = request->local_number, .status = CM_SIDR_UNSUPPORTED,
	};

	device->counters.refused_datagram_service++;
	if (is_guarded(device))
		return;
	roce_cm_reply(device, &reply);
}

/* A message for a connection, from its peer. */
static void connection_input(struct roce_device *device, struct roce_connection *connection, const struct cm_message *message,
			     uint64_t now_ns)
{
	switch (message->attribute) {
	case CM_REP:
		reply_input(device, connection, message);
		break;
	case CM_RTU:
		if (connection->state == CM_REP_SENT && connection->remote_number == message->local_number)
			roce_cm_established(device, connection);
		else
			device->counters.drop_unexpected++;
		break;
	case CM_REJ:
		reject_input(device, connection, message, now_ns);
		break;
	case CM_MRA:
		delay_input(device, connection, message, now_ns);
		break;
	case CM_DREQ:
		disconnect_input(device, connection, message, now_ns);
		break;
	case CM_DREP:
		if (connection->state == CM_DREQ_SENT && connection->remote_number == message->local_number)
			roce_cm_disconnected(device, connection, now_ns);
		else
			device->counters.drop_unexpected++;
		break;
	default:				/* an answer to a SIDR_REQ, which we never send */
		device->counters.drop_unexpected++;
		break;
	}
}

void roce_cm_input(struct roce_device *device, const struct roce_datagram *datagram, const struct roce_packet *packet,
		   uint64_t now_ns)
{
	uint32_t address = datagram->source_address;
	struct roce_connection *connection;
	struct cm_message message;

	/* Management comes from the peer's queue pair 1 and carries the well-known key; others are no business of ours. */
	if (packet->opcode != OPCODE_UD_SEND_ONLY || packet->qkey != CM_QKEY || packet->source_qpn != 1) {
		device->counters.drop_foreign++;
		return;
	}
	if (!cm_message_decode(packet->payload, packet->payload_len_bytes, &message)) {
		device->counters.drop_malformed++;
		return;
	}
	if (message.attribute == CM_REQ) {
		request_input(device, address, &message, now_ns);
		return;
	}
	if (message.attribute == CM_SIDR_REQ) {
		refuse_datagram_service(device, address, &message);
		return;
	}
	if (message.attribute == CM_REJ && message.remote_number == 0)
		connection = find_taken_back(device, address, &message);
	else
		connection = roce_cm_find(device, message.remote_number);
	if (!connection || connection->remote_address != address || connection->state == CM_DEAD) {
		unknown_input(device, address, &message);
		return;
	}
	connection_input(device, connection, &message, now_ns);
}
