/* SPDX-License-Identifier: GPL-2.0-only */
/* What the memory component does for others: the manager's requests, and the owners' data connections. */
#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "mcomponent/mcomponent.h"

/* A data connection completes nothing here (its peer does the work); a connection event and one loss, twice for haste. */
#define EVENTS_PER_CONNECTION 4u

void mcomponent_limits(uint32_t pages, struct roce_limits *limits)
{
	/* One more, for the moment in which a region has its old and its new rkey. */
	limits->memory_regions_max += region_set_regions_max(pages) + 1;
	limits->queue_pairs_max += DATA_CONNECTIONS_MAX;
	limits->connections_max += DATA_CONNECTIONS_MAX;
	limits->queues_max += 1;
	limits->listeners_max += 1;
	if (limits->queue_events_max < EVENTS_PER_CONNECTION * DATA_CONNECTIONS_MAX)
		limits->queue_events_max = EVENTS_PER_CONNECTION * DATA_CONNECTIONS_MAX;
	if (limits->send_depth_max < 1)
		limits->send_depth_max = 1;
	if (limits->receive_depth_max < 1)
		limits->receive_depth_max = 1;
}

static size_t counters_fill(void *context, char *text, size_t bytes)
{
	struct mcomponent *component = context;
	const struct region_set *regions = &component->regions;
	const struct store *store = &regions->store;
	size_t len = 0;

	node_counters_append(text, bytes, &len, "store_pages_capacity", store->frames_total);
	node_counters_append(text, bytes, &len, "store_pages_reserved", regions->pages_reserved);
	node_counters_append(text, bytes, &len, "store_pages_stored", store->frames_total - store->free_count);
	node_counters_append(text, bytes, &len, "store_pages_zero", store->pages_zero);
	node_counters_append(text, bytes, &len, "store_pages_written", store->pages_written);
	node_counters_append(text, bytes, &len, "store_reads", store->reads);
	node_counters_append(text, bytes, &len, "store_writes", store->writes);
	node_counters_append(text, bytes, &len, "store_frames_released", store->frames_released);
	node_counters_append(text, bytes, &len, "regions", regions->regions_used);
	node_counters_append(text, bytes, &len, "regions_max", regions->regions_max);
	node_counters_append(text, bytes, &len, "region_requests_refused", component->region_requests_refused);
	node_counters_append(text, bytes, &len, "data_accepted", component->data_accepted);
	node_counters_append(text, bytes, &len, "data_refused", component->data_refused);
	node_counters_append(text, bytes, &len, "data_lost", component->data_lost);
	node_counters_append(text, bytes, &len, "data_replaced", component->data_replaced);
	if (component->config.counters_text != NULL)
		len += component->config.counters_text(component->config.context, text + len, bytes - len);
	return len;
}

int mcomponent_init(struct mcomponent *component, const struct mcomponent_config *config)
{
	memset(component, 0, sizeof(*component));
	component->config = *config;
	component->counters.fill = counters_fill;
	component->counters.context = component;
	region_set_init(&component->regions, config->tables, config->frames, config->pages, config->device);
	component->queue = roce_queue_create(config->device);
	if (component->queue < 0)
		return component->queue;
	return roce_listen(config->device, WIRE_PORT_DATA, component->queue, 0);
}

void mcomponent_renew(const struct mcomponent *component, struct wire_node_renew *renew)
{
	const struct store *store = &component->regions.store;

	renew->pages_capacity = store->frames_total;
	renew->pages_reserved = component->regions.pages_reserved;
	renew->pages_stored = store->frames_total - store->free_count;
	renew->pages_zero = store->pages_zero;
	renew->pages_written = store->pages_written;
	renew->reads = roce_counters(component->config.device)->reads_served;
	renew->writes = roce_counters(component->config.device)->writes_served;
	renew->regions = component->regions.regions_used;
}

/* ---------------------------------------------------------------- the manager's requests */

static void region_answer(struct mcomponent *component, struct rpc_endpoint *endpoint, const struct rpc_request *request,
			  int status, const struct region *region, uint64_t now_ns)
{
	struct wire_region_created created = { 0 };

	if (status != 0) {
		component->region_requests_refused++;
		rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
		return;
	}
	created.base = region_set_base(region);
	created.rkey = region->rkey;
	rpc_reply(endpoint, request->token, 0, &created, sizeof(created), now_ns);
}

static void serve_region_create(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request,
				uint64_t now_ns)
{
	struct mcomponent *component = context;
	struct wire_region_create create;
	struct region *region = NULL;
	int status;

	memcpy(&create, request->body, sizeof(create));
	status = region_set_create(&component->regions, &create, &region);
	region_answer(component, endpoint, request, status, region, now_ns);
}

static void serve_region_destroy(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request,
				 uint64_t now_ns)
{
	struct mcomponent *component = context;
	struct wire_region_name name;
	int status;

	memcpy(&name, request->body, sizeof(name));
	status = region_set_destroy(&component->regions, &name);
	if (status != 0)
		component->region_requests_refused++;
	rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
}

static void serve_region_epoch(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request,
			       uint64_t now_ns)
{
	struct mcomponent *component = context;
	struct wire_region_epoch raise;
	struct region *region = NULL;
	int status;

	memcpy(&raise, request->body, sizeof(raise));
	status = region_set_raise_epoch(&component->regions, &raise, &region);
	region_answer(component, endpoint, request, status, region, now_ns);
}

static void serve_counters(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct mcomponent *component = context;

	node_counters_serve(&component->counters, endpoint, request, now_ns);
}

/* Bodies may grow at their end: a newer manager's longer one is fine, its new fields are not known here. */
const struct rpc_type mcomponent_rpc_types[] = {
	{ WIRE_NODE_COUNTERS, 0, sizeof(struct wire_node_counters), RPC_BODY_BYTES_MAX, serve_counters, RPC_BODY_BYTES_MAX },
	{ WIRE_REGION_CREATE, 0, sizeof(struct wire_region_create), RPC_BODY_BYTES_MAX, serve_region_create, 0 },
	{ WIRE_REGION_DESTROY, 0, sizeof(struct wire_region_name), RPC_BODY_BYTES_MAX, serve_region_destroy, 0 },
	{ WIRE_REGION_EPOCH, 0, sizeof(struct wire_region_epoch), RPC_BODY_BYTES_MAX, serve_region_epoch, 0 },
	{ 0 },
};

/* ---------------------------------------------------------------- data connections */

static void data_refuse(struct mcomponent *component, uint32_t connection, int status, uint64_t now_ns)
{
	struct wire_data_refusal refusal = { WIRE_DATA_MAGIC, status };

	component->data_refused++;
	roce_reject(component->config.device, connection, &refusal, sizeof(refusal), now_ns);
}

static void data_drop(struct mcomponent *component, struct data_connection *data, uint64_t now_ns)
{
	assert(data->used);
	roce_disconnect(component->config.device, data->connection, now_ns);
	data->used = false;
}

/*
 * A node has one data connection. A WRITE that still travels on an older one could undo a newer WRITE, so the older one
 * ends before the new one serves.
 */
static void data_drop_older(struct mcomponent *component, uint32_t node, uint64_t now_ns)
{
	for (uint32_t i = 0; i < DATA_CONNECTIONS_MAX; i++) {
		struct data_connection *data = &component->connections[i];

		if (!data->used || data->node != node)
			continue;
		data_drop(component, data, now_ns);
		component->data_replaced++;
	}
}

static struct data_connection *data_free(struct mcomponent *component)
{
	for (uint32_t i = 0; i < DATA_CONNECTIONS_MAX; i++)
		if (!component->connections[i].used)
			return &component->connections[i];
	return NULL;
}

static void data_connect_request(struct mcomponent *component, const struct roce_event *event, uint64_t now_ns)
{
	struct data_connection *data;
	struct wire_data_hello hello;
	uint32_t qpn;

	if (event->len_bytes < sizeof(hello)) {
		data_refuse(component, event->connection, -EINVAL, now_ns);
		return;
	}
	memcpy(&hello, event->private_data, sizeof(hello));
	if (hello.magic != WIRE_DATA_MAGIC || hello.node == 0 || hello.incarnation == 0) {
		data_refuse(component, event->connection, -EINVAL, now_ns);
		return;
	}
	data_drop_older(component, hello.node, now_ns);
	data = data_free(component);
	if (data == NULL || roce_accept_begin(component->config.device, event->connection, hello.node, &qpn) != 0) {
		data_refuse(component, event->connection, -ENOBUFS, now_ns);
		return;
	}
	*data = (struct data_connection){ true, event->connection, hello.node };
	if (roce_accept_finish(component->config.device, event->connection, NULL, 0, now_ns) != 0) {
		data_drop(component, data, now_ns);
		return;
	}
	component->data_accepted++;
}

static void data_ended(struct mcomponent *component, uint32_t connection, uint64_t now_ns)
{
	for (uint32_t i = 0; i < DATA_CONNECTIONS_MAX; i++) {
		struct data_connection *data = &component->connections[i];

		if (data->used && data->connection == connection) {
			data_drop(component, data, now_ns);
			component->data_lost++;
			return;
		}
	}
}

void mcomponent_poll(struct mcomponent *component, uint64_t now_ns)
{
	struct roce_event event;

	while (roce_queue_poll(component->config.device, component->queue, &event) != 0) {
		if (event.type == ROCE_EVENT_CONNECT_REQUEST)
			data_connect_request(component, &event, now_ns);
		else if (event.type == ROCE_EVENT_DISCONNECTED || event.type == ROCE_EVENT_UNREACHABLE)
			data_ended(component, event.connection, now_ns);
	}
}
