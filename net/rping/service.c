/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/rping/service.h"

#include <string.h>

#define NEVER UINT64_MAX
/* S1: RPC sessions have UINT64_MAX, regions of VMs the owner's node id. */
#define RPING_PEER_TAG (UINT64_MAX - 1)

void rping_service_limits(struct roce_limits *limits)
{
	limits->queue_pairs_max += RPING_CLIENTS_MAX;
	limits->connections_max += RPING_CLIENTS_MAX;
	limits->listeners_max += 1;
	/* Twice: a client's, and the flushed ones of the client before. */
	roce_limits_add_queue(limits, 2 * RPING_CLIENTS_MAX * RPING_SENDS, 2 * RPING_CLIENTS_MAX * RPING_RECEIVES);
	if (limits->send_depth_max < RPING_SENDS)
		limits->send_depth_max = RPING_SENDS;
	if (limits->receive_depth_max < RPING_RECEIVES)
		limits->receive_depth_max = RPING_RECEIVES;
}

int rping_service_start(struct rping_service *service, struct roce_device *device, uint8_t *buffers)
{
	memset(service, 0, sizeof(*service));
	service->device = device;
	service->buffers = buffers;
	service->queue = roce_queue_create(device);
	if (service->queue < 0)
		return service->queue;
	return roce_listen(device, RPING_PORT, service->queue, 0);
}

static struct rping_client *find_connection(struct rping_service *service, uint32_t connection)
{
	for (uint32_t i = 0; i < RPING_CLIENTS_MAX; i++)
		if (service->clients[i].connection == connection)
			return &service->clients[i];
	return NULL;
}

static struct rping_client *find_queue_pair(struct rping_service *service, uint32_t qpn)
{
	for (uint32_t i = 0; i < RPING_CLIENTS_MAX; i++)
		if (service->clients[i].connection != 0 && service->clients[i].rping.qpn == qpn)
			return &service->clients[i];
	return NULL;
}

static void hang_up(struct rping_service *service, struct rping_client *client, uint64_t now_ns)
{
	roce_disconnect(service->device, client->connection, now_ns);
	client->connection = 0;
}

static void accept(struct rping_service *service, uint32_t connection, uint64_t now_ns)
{
	struct rping_client *client = find_connection(service, 0);
	uint32_t qpn;

	if (!client || roce_accept_begin(service->device, connection, RPING_PEER_TAG, &qpn) != 0) {
		service->clients_refused++;
		roce_reject(service->device, connection, NULL, 0, now_ns);
		return;
	}
	memset(client, 0, sizeof(*client));
	client->connection = connection;
	client->deadline_ns = now_ns + RPING_IDLE_NS;
	client->rping.device = service->device;
	client->rping.qpn = qpn;
	client->rping.text = service->buffers + (size_t)(client - service->clients) * RPING_SIZE_MAX_BYTES;
	if (rping_prepare(&client->rping) != 0 || roce_accept_finish(service->device, connection, NULL, 0, now_ns) != 0) {
		service->clients_failed++;
		hang_up(service, client, now_ns);
		return;
	}
	service->clients_accepted++;
}

static void take_completion(struct rping_service *service, const struct roce_event *event, uint64_t now_ns)
{
	struct rping_client *client = find_queue_pair(service, event->qpn);
	int status;

	if (!client)
		return;
	status = rping_event(&client->rping, event, now_ns);
	if (status == 1)
		service->rounds++;
	if (status >= 0) {
		client->deadline_ns = now_ns + RPING_IDLE_NS;
		return;
	}
	service->clients_failed++;
	hang_up(service, client, now_ns);
}

static void take_event(struct rping_service *service, const struct roce_event *event, uint64_t now_ns)
{
	struct rping_client *client;

	switch (event->type) {
	case ROCE_EVENT_COMPLETION:
		take_completion(service, event, now_ns);
		break;
	case ROCE_EVENT_CONNECT_REQUEST:
		accept(service, event->connection, now_ns);
		break;
	case ROCE_EVENT_DISCONNECTED:
		client = find_connection(service, event->connection);
		if (!client)
			break;
		if (event->status)
			service->clients_failed++;
		client->connection = 0;
		break;
	default:
		break;
	}
}

void rping_service_poll(struct rping_service *service, uint64_t now_ns)
{
	struct roce_event event;

	while (roce_queue_poll(service->device, service->queue, &event))
		take_event(service, &event, now_ns);
	for (uint32_t i = 0; i < RPING_CLIENTS_MAX; i++) {
		struct rping_client *client = &service->clients[i];

		if (client->connection == 0 || now_ns < client->deadline_ns)
			continue;
		service->clients_idle++;
		hang_up(service, client, now_ns);
	}
}

uint64_t rping_service_deadline_ns(const struct rping_service *service)
{
	uint64_t deadline_ns = NEVER;

	for (uint32_t i = 0; i < RPING_CLIENTS_MAX; i++)
		if (service->clients[i].connection != 0 && service->clients[i].deadline_ns < deadline_ns)
			deadline_ns = service->clients[i].deadline_ns;
	return deadline_ns;
}
