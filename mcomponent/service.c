/* SPDX-License-Identifier: GPL-2.0-only */
/* What the memory component does for others: the manager's requests, and the door for the owners' data connections. */
#include <string.h>

#include <plenum/status.h>

#include "mcomponent/mcomponent.h"

/* With those of the RPC endpoint 256: the window of two owners at a time that lose packets. */
#define HELD_PACKETS 224u

void mcomponent_limits(uint32_t pages, struct roce_limits *limits)
{
	/* One more, for the moment in which a region has its old and its new rkey. */
	limits->memory_regions_max += region_set_regions_max(pages) + 1;
	data_door_limits(DATA_CONNECTIONS_MAX, limits);
	limits->held_packets_max += HELD_PACKETS;
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
#define APPEND_DOOR(name) node_counters_append(text, bytes, &len, "data_" #name, component->door.counters.name);
	DATA_DOOR_COUNTERS(APPEND_DOOR)
#undef APPEND_DOOR
	if (component->config.counters_text != NULL)
		len += component->config.counters_text(component->config.context, text + len, bytes - len);
	return len;
}

int mcomponent_init(struct mcomponent *component, const struct mcomponent_config *config)
{
	const struct data_door_config door = { .device = config->device, .secure = config->secure, .places = component->places,
					       .places_max = DATA_CONNECTIONS_MAX };

	memset(component, 0, sizeof(*component));
	component->config = *config;
	component->counters.fill = counters_fill;
	component->counters.context = component;
	region_set_init(&component->regions, config->tables, config->frames, config->pages, config->device);
	if (config->flat)
		region_set_make_flat(&component->regions);
	return data_door_open(&component->door, &door);
}

void mcomponent_set_rack(struct mcomponent *component, uint32_t flags)
{
	component->door.config.packet_macs = flags & WIRE_RACK_PACKET_MACS;
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

static void serve_rack_keys(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct mcomponent *component = context;

	rack_keys_serve(component->config.secure, endpoint, request, now_ns);
}

/* Bodies may grow at their end: a newer manager's longer one is fine, its new fields are not known here. */
const struct rpc_type mcomponent_rpc_types[] = {
	{ WIRE_NODE_COUNTERS, 0, sizeof(struct wire_node_counters), RPC_BODY_BYTES_MAX, serve_counters, RPC_BODY_BYTES_MAX },
	{ WIRE_RACK_KEYS, 0, sizeof(struct wire_rack_keys), RPC_BODY_BYTES_MAX, serve_rack_keys, 0 },
	{ WIRE_REGION_CREATE, 0, sizeof(struct wire_region_create), RPC_BODY_BYTES_MAX, serve_region_create, 0 },
	{ WIRE_REGION_DESTROY, 0, sizeof(struct wire_region_name), RPC_BODY_BYTES_MAX, serve_region_destroy, 0 },
	{ WIRE_REGION_EPOCH, 0, sizeof(struct wire_region_epoch), RPC_BODY_BYTES_MAX, serve_region_epoch, 0 },
	{ 0 },
};

void mcomponent_poll(struct mcomponent *component, uint64_t now_ns)
{
	data_door_poll(&component->door, now_ns);
	rack_keys_watch(&component->keys, component->config.secure, component->config.endpoint, &component->door, now_ns);
}
