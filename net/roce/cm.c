/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The connection manager: states of a connection.
 *
 *   active   FREE --roce_connect--> REQ_SENT --REP--> ESTABLISHED
 *                                      |--REJ, time, roce_disconnect--> DEAD
 *   passive  FREE --REQ--> REQ_RECEIVED --roce_accept_finish--> REP_SENT --RTU, data--> ESTABLISHED
 *                             |--roce_reject--> FREE               |--REJ, time--> DEAD
 *   both     ESTABLISHED --DREQ--> TIMEWAIT
 *            ESTABLISHED --roce_disconnect, queue pair failed--> DREQ_SENT --DREP, tries--> TIMEWAIT
 *            ESTABLISHED --our fatal NAK--> LINGER --time--> DREQ_SENT,   LINGER --DREQ--> TIMEWAIT
 *            TIMEWAIT --time--> DEAD,   DEAD --last event polled or roce_disconnect--> FREE
 *
 *  C1  A peer's repeated message has the effect of one: REQ, REP and DREQ are answered again from the state they led to.
 *  C2  The application sees one event that ends a connection, unless it ended it itself; nothing about it after that.
 *  C3  A slot, its queue pair and the event places it reserved are freed together.
 *  C4  Messages for no connection change nothing and are answered by at most one message.
 */
#include "net/roce/internal.h"

#include "lib/hash.h"
#include "net/roce/cm_message.h"

#define NUMBER_TRIES_MAX 64u

struct roce_connection *roce_cm_find(struct roce_device *device, uint32_t number)
{
	uint32_t index = number & device->connection_mask;

	if (number == 0 || index >= device->config.limits.connections_max || device->connections[index].number != number)
		return NULL;
	return &device->connections[index];
}

struct roce_connection *roce_cm_find_live(struct roce_device *device, uint32_t number)
{
	struct roce_connection *connection = roce_cm_find(device, number);

	return connection && !connection->released ? connection : NULL;
}

/* ---------------------------------------------------------------- birth and death */

struct roce_connection **roce_cm_peers(const struct roce_device *device, uint32_t address)
{
	return &device->peers[hash_mix(address) & device->peer_mask];
}

void roce_cm_set_peer(struct roce_device *device, struct roce_connection *connection, uint32_t address)
{
	struct roce_connection **peers = roce_cm_peers(device, address);

	assert(connection->remote_address == 0 && address != 0);
	connection->remote_address = address;
	connection->peer_next = *peers;
	*peers = connection;
}

static void forget_peer(struct roce_device *device, struct roce_connection *connection)
{
	struct roce_connection **place = roce_cm_peers(device, connection->remote_address);

	if (connection->remote_address == 0)
		return;
	while (*place != connection)
		place = &(*place)->peer_next;
	*place = connection->peer_next;
}

/* Messages with private data are over, and what was received was polled. */
void roce_cm_end_handshake(struct roce_device *device, struct roce_connection *connection)
{
	if (connection->handshake)
		roce_pool_give(&device->handshakes, connection->handshake);
	connection->handshake = NULL;
}

void roce_cm_free(struct roce_device *device, struct roce_connection *connection)
{
	roce_cm_end_handshake(device, connection);
	forget_peer(device, connection);
	if (connection->qp)
		roce_qp_destroy(device, connection->qp);
	assert(device->connection_events >= connection->events_reserved);
	device->connection_events -= connection->events_reserved;
	*connection = (struct roce_connection){ .listed = connection->listed, .owing_next = connection->owing_next };
	roce_pool_give(&device->free_connections, connection);
}

/* Cut the TIMEWAIT short that has lasted longest. Numbers are random, so old packets still find nobody. */
static bool reclaim(struct roce_device *device)
{
	struct roce_connection *oldest = NULL;

	for (uint32_t i = 0; i < device->config.limits.connections_max; i++) {
		struct roce_connection *connection = &device->connections[i];

		if (connection->state != CM_TIMEWAIT || !connection->released || connection->owed)
			continue;
		if (!oldest || connection->qp->timer.deadline_ns < oldest->qp->timer.deadline_ns)
			oldest = connection;
	}
	if (oldest)
		roce_cm_free(device, oldest);
	return oldest != NULL;
}

static uint32_t draw_number(struct roce_device *device, uint32_t index)
{
	for (unsigned i = 0; i < NUMBER_TRIES_MAX; i++) {
		uint32_t number = (roce_random32(device) & ~device->connection_mask) | index;

		if (number != 0)
			return number;
	}
	return 0;
}

/* Places for a connection's events, unless too many of others that are gone wait to be polled. */
static bool reserve_events(struct roce_device *device)
{
	if (device->connection_events + CM_EVENTS_PER_CONNECTION > device->config.limits.connections_max * CM_EVENTS_PER_CONNECTION)
		return false;
	device->connection_events += CM_EVENTS_PER_CONNECTION;
	return true;
}

struct roce_connection *roce_cm_create(struct roce_device *device, struct event_queue *queue)
{
	struct roce_connection *connection;
	struct handshake *handshake;
	uint32_t number;

	if (!device->free_connections.free && !reclaim(device))
		return NULL;
	connection = roce_pool_take(&device->free_connections);
	assert(connection->state == CM_FREE);
	number = draw_number(device, (uint32_t)(connection - device->connections));
	if (number == 0 || !reserve_events(device)) {
		roce_pool_give(&device->free_connections, connection);
		return NULL;
	}
	connection->number = number;
	connection->queue = queue;
	connection->events_reserved = CM_EVENTS_PER_CONNECTION;
	connection->transaction = (uint64_t)roce_random32(device) << 32 | roce_random32(device);
	handshake = roce_pool_take(&device->handshakes);
	if (!handshake) {
		roce_cm_free(device, connection);
		return NULL;
	}
	*handshake = (struct handshake){ .psn_remote = roce_random32(device) & 0xffffff };
	connection->handshake = handshake;
	return connection;
}

int roce_cm_create_queue_pair(struct roce_device *device, struct roce_connection *connection, uint64_t peer)
{
	int status = roce_qp_create(device, connection, peer);

	if (status == -ENOBUFS && reclaim(device))
		status = roce_qp_create(device, connection, peer);
	return status;
}

void roce_cm_event(struct roce_device *device, struct roce_connection *connection, enum roce_event_type type, int status,
		   uint16_t reason)
{
	struct stored_event *event;

	if (connection->released)
		return;
	assert(connection->events_reserved > 0);
	connection->events_reserved--;
	event = roce_pool_take(&device->events);
	assert(event && status >= INT8_MIN && status <= 0);
	event->type = (uint8_t)type;
	event->status = (int8_t)status;
	event->reason = reason;
	event->connection = connection->number;
	roce_queue_push(connection->queue, event);
}

void roce_cm_release(struct roce_device *device, struct roce_connection *connection)
{
	connection->released = true;
	if (connection->state == CM_DEAD)
		roce_cm_free(device, connection);
}

static void die(struct roce_device *device, struct roce_connection *connection)
{
	connection->state = CM_DEAD;
	if (connection->qp)
		roce_timer_cancel(&connection->qp->timer);
	/* A message owed here is of the handshake that just ended; answers after the end are stateless. */
	connection->owed = 0;
	if (connection->released)
		roce_cm_free(device, connection);
}

static void enter_timewait(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns)
{
	connection->state = CM_TIMEWAIT;
	connection->owed &= OWES_DREP;
	roce_timer_set(device, &connection->qp->timer, now_ns + CM_TIMEWAIT_NS);
}

void roce_cm_hang_up(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns)
{
	connection->state = CM_DREQ_SENT;
	connection->tries = 1;
	roce_cm_owe(device, connection, OWES_DREQ);
	roce_timer_set(device, &connection->qp->timer, now_ns + CM_RETRY_NS);
}

void roce_cm_end(struct roce_device *device, struct roce_connection *connection, enum roce_event_type type, int status,
		 uint16_t reason, uint64_t now_ns)
{
	bool connected = connection->state == CM_ESTABLISHED || connection->state == CM_LINGER ||
			 connection->state == CM_DREQ_SENT;
	bool known = connection->state == CM_LINGER || connection->state == CM_DREQ_SENT;

	if (connection->qp)
		roce_qp_flush(device, connection->qp, -ECONNRESET);
	if (!known)
		roce_cm_event(device, connection, type, status, reason);
	if (connected)
		enter_timewait(device, connection, now_ns);
	else
		die(device, connection);
}

static void unpack(const struct roce_connection *connection, const struct stored_event *stored, struct roce_event *event)
{
	event->type = (enum roce_event_type)stored->type;
	event->opcode = 0;
	event->status = stored->status;
	event->qpn = connection->qp ? connection->qp->qpn : 0;
	event->connection = connection->number;
	event->len_bytes = 0;
	event->remote_address = connection->remote_address;
	event->service_port = connection->service_port;
	event->reason = stored->reason;
	event->cookie = connection->cookie;
	event->flags = event->immediate = event->invalidated_rkey = event->written_bytes = 0;
}

static void take_private(struct handshake *handshake, struct roce_event *event)
{
	event->len_bytes = handshake->received_len_bytes;
	memcpy(event->private_data, handshake->private_data, handshake->received_len_bytes);
	handshake->received_len_bytes = 0;
}

bool roce_cm_event_polled(struct roce_device *device, const struct stored_event *stored, struct roce_event *event)
{
	struct roce_connection *connection = roce_cm_find_live(device, stored->connection);

	if (!connection)
		return false;
	unpack(connection, stored, event);
	if (event->type == ROCE_EVENT_CONNECT_REQUEST || event->type == ROCE_EVENT_REJECTED ||
	    event->type == ROCE_EVENT_ESTABLISHED)
		take_private(connection->handshake, event);
	if (event->type == ROCE_EVENT_ESTABLISHED)
		roce_cm_end_handshake(device, connection);
	if (event->type == ROCE_EVENT_CONNECT_REQUEST) {	/* its place is wanted again: for what comes of the request */
		connection->events_reserved++;
		device->connection_events++;
	}
	if (event->type == ROCE_EVENT_REJECTED || event->type == ROCE_EVENT_UNREACHABLE ||
	    event->type == ROCE_EVENT_DISCONNECTED)
		roce_cm_release(device, connection);
	return true;
}

/* ---------------------------------------------------------------- what queue pairs report */

void roce_cm_established(struct roce_device *device, struct roce_connection *connection)
{
	connection->state = CM_ESTABLISHED;
	roce_timer_cancel(&connection->qp->timer);
	connection->owed &= (uint8_t)~(OWES_REQ | OWES_REP);
	connection->qp->state = QP_READY;
	roce_qp_schedule(device, connection->qp);
	roce_cm_event(device, connection, ROCE_EVENT_ESTABLISHED, 0, 0);
}

void roce_cm_peer_ready(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns)
{
	(void)now_ns;
	assert(connection->state == CM_REP_SENT);
	roce_cm_established(device, connection);
}

void roce_cm_qp_failed(struct roce_device *device, struct roce_connection *connection, int status, uint64_t now_ns)
{
	assert(connection->state == CM_ESTABLISHED);
	device->counters.connections_lost++;
	roce_cm_event(device, connection, ROCE_EVENT_DISCONNECTED, status, 0);
	if (connection->qp->responder.fatal_syndrome) {
		connection->state = CM_LINGER;
		roce_timer_set(device, &connection->qp->timer, now_ns + CM_LINGER_NS);
	} else {
		roce_cm_hang_up(device, connection, now_ns);
	}
}

void roce_cm_disconnected(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns)
{
	assert(connection->state == CM_DREQ_SENT);
	enter_timewait(device, connection, now_ns);
}

/* ---------------------------------------------------------------- timers */

static uint64_t retry_ns(const struct roce_connection *connection)
{
	uint64_t wait_ns = CM_RETRY_NS;

	for (unsigned i = 1; i < connection->tries && wait_ns < CM_RETRY_CEILING_NS; i++)
		wait_ns *= 2;
	return wait_ns;
}

void roce_cm_repeat(struct roce_device *device, struct roce_connection *connection, uint8_t message, uint64_t now_ns)
{
	uint64_t deadline_ns;

	if (connection->tries < UINT8_MAX)
		connection->tries++;
	roce_cm_owe(device, connection, message);
	deadline_ns = now_ns + retry_ns(connection);
	if (message != OWES_DREQ && deadline_ns > connection->handshake->give_up_ns)
		deadline_ns = connection->handshake->give_up_ns;
	roce_timer_set(device, &connection->qp->timer, deadline_ns);
}

void roce_cm_timer(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns)
{
	switch (connection->state) {
	case CM_REQ_SENT:
		if (now_ns >= connection->handshake->give_up_ns)
			roce_cm_end(device, connection, ROCE_EVENT_UNREACHABLE, -ETIMEDOUT, 0, now_ns);
		else
			roce_cm_repeat(device, connection, OWES_REQ, now_ns);
		break;
	case CM_REP_SENT:
		if (now_ns >= connection->handshake->give_up_ns) {
			device->counters.connections_lost++;
			roce_cm_end(device, connection, ROCE_EVENT_DISCONNECTED, -ETIMEDOUT, 0, now_ns);
		} else {
			roce_cm_repeat(device, connection, OWES_REP, now_ns);
		}
		break;
	case CM_LINGER:
		roce_cm_hang_up(device, connection, now_ns);
		break;
	case CM_DREQ_SENT:
		if (connection->tries >= CM_DISCONNECT_TRIES)
			enter_timewait(device, connection, now_ns);
		else
			roce_cm_repeat(device, connection, OWES_DREQ, now_ns);
		break;
	case CM_TIMEWAIT:
		die(device, connection);
		break;
	default:
		assert(!"a timer in a state without one");
	}
}
