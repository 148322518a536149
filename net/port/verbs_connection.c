// SPDX-License-Identifier: GPL-2.0-only
/* Connections by the kernel's connection manager; the states are in verbs_internal.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/port/verbs_internal.h"

#define NS_PER_MS 1000000u
/*
 * When the peer's link address is not known yet, the kernel misses the ARP answer (seen with Linux 6.1) and looks again only at the
 * end of the time it is given. So it is given a little, again and again.
 */
#define RESOLVE_MS 100
#define CONNECT_RETRIES 6u			/* of the queue pair, told to the peer; 7 would mean "for ever" to rxe */

/* ---------------------------------------------------------------- the table */

struct verbs_connection *verbs_connection_find(const struct verbs_device *device, uint32_t number)
{
	uint32_t place = (number & 0xffff) - 1;

	/* 0 is no connection's number. */
	if (place >= device->connections_count || device->connections[place].number != number ||
	    device->connections[place].state == VERBS_FREE)
		return NULL;
	return &device->connections[place];
}

struct verbs_connection *verbs_connection_take(struct verbs_device *device, struct rdma_cm_id *id, int queue)
{
	struct verbs_connection *connection = device->connections;
	uint32_t place = 0;

	while (place < device->connections_count && connection[place].state != VERBS_FREE)
		place++;
	if (place == device->limits.connections_max)
		return NULL;
	if (place == device->connections_count)
		device->connections_count++;
	connection += place;
	device->generation++;
	*connection = (struct verbs_connection){ .number = (uint32_t)device->generation << 16 | (place + 1), .queue = queue,
						 .id = id, .give_up_ns = UINT64_MAX };
	id->context = connection;
	return connection;
}

static void news(struct verbs_device *device, struct verbs_connection *connection, unsigned which)
{
	if (connection->news == 0)
		device->queues[connection->queue].news++;
	connection->news |= which;
}

static void forget_news(struct verbs_device *device, struct verbs_connection *connection, unsigned which)
{
	if (connection->news == 0)
		return;
	connection->news &= ~which;
	if (connection->news == 0)
		device->queues[connection->queue].news--;
}

void verbs_connection_release(struct verbs_device *device, struct verbs_connection *connection)
{
	bool had_queue_pair = connection->qp != NULL;

	forget_news(device, connection, ~0u);
	if (had_queue_pair)
		verbs_qp_destroy(device, connection->qp);
	/* Asks the peer to hang up, or answers that it did; fails when there is no connection, and need not be told why. */
	if (had_queue_pair)
		rdma_disconnect(connection->id);
	/* The kernel refuses what was not answered and repeats nothing after this. */
	rdma_destroy_id(connection->id);
	connection->id = NULL;
	connection->qp = NULL;
	connection->state = VERBS_FREE;
}

void verbs_connection_established(struct verbs_device *device, struct verbs_connection *connection)
{
	connection->state = VERBS_ESTABLISHED;
	connection->give_up_ns = UINT64_MAX;
	news(device, connection, VERBS_NEWS_ESTABLISHED);
}

void verbs_connection_end(struct verbs_device *device, struct verbs_connection *connection, enum roce_event_type type,
			  int status, uint16_t reason)
{
	bool told = connection->state != VERBS_REQUESTED;	/* of a request the answer tells (-ECONNRESET) */

	if (connection->state == VERBS_ENDED)
		return;
	if (connection->state == VERBS_ESTABLISHED && status != 0)
		device->counters.connections_lost++;
	connection->state = VERBS_ENDED;
	connection->give_up_ns = UINT64_MAX;
	connection->end_type = type;
	connection->end_status = status;
	connection->end_reason = reason;
	if (connection->qp != NULL)
		verbs_qp_fail(device, connection->qp);
	if (told)
		news(device, connection, VERBS_NEWS_END);
}

/* ---------------------------------------------------------------- news for the user */

static void fill(struct verbs_connection *connection, enum roce_event_type type, struct roce_event *event)
{
	*event = (struct roce_event){
		.type = type, .connection = connection->number, .qpn = connection->qp != NULL ? connection->qp->qpn : 0,
		.remote_address = connection->remote_address, .service_port = connection->service_port, .cookie = connection->cookie,
	};
	if (type == ROCE_EVENT_DISCONNECTED || type == ROCE_EVENT_UNREACHABLE)
		return;
	event->len_bytes = connection->private_len_bytes;
	memcpy(event->private_data, connection->private_data, connection->private_len_bytes);
	connection->private_len_bytes = 0;
}

int verbs_connection_poll(struct verbs_device *device, int queue, unsigned which, struct roce_event *event)
{
	if (device->queues[queue].news == 0)
		return 0;
	for (uint32_t i = 0; i < device->connections_count; i++) {
		struct verbs_connection *connection = &device->connections[i];
		unsigned ready = connection->news & which;

		if (ready == 0 || connection->queue != queue)
			continue;
		if (ready & VERBS_NEWS_REQUEST) {
			forget_news(device, connection, VERBS_NEWS_REQUEST);
			fill(connection, ROCE_EVENT_CONNECT_REQUEST, event);
		} else if (ready & VERBS_NEWS_ESTABLISHED) {
			forget_news(device, connection, VERBS_NEWS_ESTABLISHED);
			fill(connection, ROCE_EVENT_ESTABLISHED, event);
		} else {
			fill(connection, connection->end_type, event);
			event->status = connection->end_status;
			event->reason = connection->end_reason;
			verbs_connection_release(device, connection);
		}
		return 1;
	}
	return 0;
}

/* ---------------------------------------------------------------- what the kernel tells */

static void keep_private(struct verbs_connection *connection, const struct rdma_conn_param *parameters)
{
	connection->private_len_bytes = 0;
	if (parameters->private_data == NULL)
		return;
	connection->private_len_bytes = parameters->private_data_len;
	if (connection->private_len_bytes > sizeof(connection->private_data))
		connection->private_len_bytes = sizeof(connection->private_data);
	memcpy(connection->private_data, parameters->private_data, connection->private_len_bytes);
}

static uint8_t at_most(uint8_t value, uint8_t limit)
{
	return value < limit ? value : limit;
}

static uint32_t address_of(const struct sockaddr *address)
{
	return address->sa_family == AF_INET ? ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) : 0;
}

/* What the listener's guard says, done; true when the request may go on. */
static bool passes_guard(struct verbs_device *device, const struct verbs_listener *listener, const struct rdma_cm_event *event,
			 uint64_t now_ns)
{
	const struct roce_guard_request request = {
		.address = address_of(rdma_get_peer_addr(event->id)), .port = listener->port,
		.private_data = event->param.conn.private_data, .private_len_bytes = event->param.conn.private_data_len,
	};
	struct roce_guard_reply challenge = { 0 };

	if (listener->guard.check == NULL)
		return true;
	switch (listener->guard.check(listener->guard.context, &request, &challenge, now_ns)) {
	case ROCE_GUARD_ACCEPT:
		return true;
	case ROCE_GUARD_CHALLENGE:
		assert(challenge.private_len_bytes <= sizeof(challenge.private_data));
		device->counters.connects_challenged++;
		rdma_reject(event->id, challenge.private_data, (uint8_t)challenge.private_len_bytes);
		return false;
	default:
		device->counters.drop_unauthenticated++;
		return false;
	}
}

static void connect_request(struct verbs_device *device, const struct rdma_cm_event *event, uint64_t now_ns)
{
	const struct verbs_listener *listener = event->listen_id->context;
	struct verbs_connection *connection;

	/* The kernel's manager has state of the request already; it ends, with a refusal if there was none, when the id does. */
	if (!passes_guard(device, listener, event, now_ns)) {
		rdma_destroy_id(event->id);
		return;
	}
	device->counters.connects_received++;
	connection = verbs_connection_take(device, event->id, listener->queue);
	if (connection == NULL) {
		device->counters.connects_rejected++;
		rdma_destroy_id(event->id);
		return;
	}
	connection->state = VERBS_REQUESTED;
	connection->locked = listener->guard.check != NULL;
	connection->cookie = listener->cookie;
	connection->service_port = listener->port;
	connection->remote_address = address_of(rdma_get_peer_addr(event->id));
	connection->responder_resources = at_most(event->param.conn.responder_resources, device->reads_max);
	connection->initiator_depth = at_most(event->param.conn.initiator_depth, device->reads_max);
	keep_private(connection, &event->param.conn);
	news(device, connection, VERBS_NEWS_REQUEST);
}

static void unreachable(struct verbs_device *device, struct verbs_connection *connection)
{
	/* What we accepted exists for the peer already: for the user it ends, instead of having never been. */
	bool accepted = connection->state == VERBS_ACCEPTED || connection->state == VERBS_ESTABLISHED;

	verbs_connection_end(device, connection, accepted ? ROCE_EVENT_DISCONNECTED : ROCE_EVENT_UNREACHABLE, -ETIMEDOUT, 0);
}

static uint32_t left_ms(const struct verbs_connection *connection, uint64_t now_ns)
{
	return connection->give_up_ns > now_ns ? (uint32_t)((connection->give_up_ns - now_ns) / NS_PER_MS) + 1 : 1;
}

int verbs_connection_resolve(const struct verbs_device *device, const struct verbs_connection *connection)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(device->address) };
	struct sockaddr_in remote = { .sin_family = AF_INET, .sin_port = htons(connection->service_port),
				      .sin_addr.s_addr = htonl(connection->remote_address) };

	return rdma_resolve_addr(connection->id, (struct sockaddr *)&local, (struct sockaddr *)&remote, RESOLVE_MS);
}

static void route_resolved(struct verbs_device *device, struct verbs_connection *connection)
{
	struct rdma_conn_param parameters = {
		.private_data = connection->private_data, .private_data_len = (uint8_t)connection->private_len_bytes,
		.responder_resources = device->reads_max, .initiator_depth = device->reads_max,
		.retry_count = CONNECT_RETRIES, .rnr_retry_count = 7, .qp_num = connection->qp->qpn,
	};

	connection->state = VERBS_CONNECTING;
	if (rdma_connect(connection->id, &parameters) != 0)
		unreachable(device, connection);
}

static void connect_response(struct verbs_device *device, struct verbs_connection *connection, const struct rdma_cm_event *event)
{
	connection->responder_resources = at_most(event->param.conn.responder_resources, device->reads_max);
	connection->initiator_depth = at_most(event->param.conn.initiator_depth, device->reads_max);
	keep_private(connection, &event->param.conn);
	if (verbs_qp_start(connection->qp, connection) != 0 || rdma_establish(connection->id) != 0)
		unreachable(device, connection);
	else
		verbs_connection_established(device, connection);
}

static void rejected(struct verbs_device *device, struct verbs_connection *connection, const struct rdma_cm_event *event)
{
	bool ours = connection->state == VERBS_CONNECTING;

	if (ours)
		keep_private(connection, &event->param.conn);
	verbs_connection_end(device, connection, ours ? ROCE_EVENT_REJECTED : ROCE_EVENT_DISCONNECTED, ours ? 0 : -ECONNRESET,
			     (uint16_t)event->status);
}

static void connection_event(struct verbs_device *device, const struct rdma_cm_event *event, uint64_t now_ns)
{
	struct verbs_connection *connection = event->id->context;

	if (connection->state == VERBS_ENDED)
		return;
	switch (event->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
		if (rdma_resolve_route(connection->id, (int)left_ms(connection, now_ns)) != 0)
			unreachable(device, connection);
		break;
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
		route_resolved(device, connection);
		break;
	case RDMA_CM_EVENT_CONNECT_RESPONSE:
		connect_response(device, connection, event);
		break;
	case RDMA_CM_EVENT_ESTABLISHED:
		if (connection->state == VERBS_ACCEPTED)
			verbs_connection_established(device, connection);
		break;
	case RDMA_CM_EVENT_REJECTED:
		rejected(device, connection, event);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
		verbs_connection_end(device, connection, ROCE_EVENT_DISCONNECTED, 0, 0);
		break;
	case RDMA_CM_EVENT_ADDR_ERROR:		/* the connection's time is watched by verbs_tick() */
		if (verbs_connection_resolve(device, connection) != 0)
			unreachable(device, connection);
		break;
	case RDMA_CM_EVENT_ROUTE_ERROR:
	case RDMA_CM_EVENT_CONNECT_ERROR:
	case RDMA_CM_EVENT_UNREACHABLE:
		unreachable(device, connection);
		break;
	case RDMA_CM_EVENT_DEVICE_REMOVAL:
		verbs_connection_end(device, connection, ROCE_EVENT_DISCONNECTED, -ENODEV, 0);
		break;
	default:
		break;		/* an address or a time wait that nobody here waits for */
	}
}

static bool is_listener(const struct verbs_device *device, const struct rdma_cm_id *id)
{
	for (uint32_t i = 0; i < device->listeners_count; i++)
		if (device->listeners[i].id == id)
			return true;
	return false;
}

void verbs_connection_event(struct verbs_device *device, struct rdma_cm_event *event, uint64_t now_ns)
{
	if (event->event == RDMA_CM_EVENT_CONNECT_REQUEST)
		connect_request(device, event, now_ns);
	else if (event->id != device->bound && !is_listener(device, event->id))
		connection_event(device, event, now_ns);
}

/* ---------------------------------------------------------------- timers */

uint64_t verbs_deadline_ns(const struct roce_device *opaque)
{
	const struct verbs_device *device = verbs_of(opaque);
	uint64_t deadline_ns = UINT64_MAX;

	for (uint32_t i = 0; i < device->connections_count; i++)
		if (device->connections[i].state != VERBS_FREE && device->connections[i].give_up_ns < deadline_ns)
			deadline_ns = device->connections[i].give_up_ns;
	return deadline_ns;
}

void verbs_tick(struct roce_device *opaque, uint64_t now_ns)
{
	struct verbs_device *device = verbs_of(opaque);

	for (uint32_t i = 0; i < device->connections_count; i++)
		if (device->connections[i].state != VERBS_FREE && device->connections[i].give_up_ns <= now_ns)
			unreachable(device, &device->connections[i]);
}
