/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted a type: how many, how long, how much. */
#include "lib/histogram.h"
#include "net/rpc/internal.h"

uint32_t rpc_stats_count(const struct rpc_config *config)
{
	uint32_t count = 0;

	while (config->names != NULL && config->names[count].type != 0)
		count++;
	assert(count <= RPC_TYPE_NAMES_MAX);
	return count;
}

void rpc_stats_start(struct rpc_endpoint *endpoint)
{
	const struct rpc_type_name *names = endpoint->config.names;

	memset(endpoint->stats_of, (int)endpoint->names_count, sizeof(endpoint->stats_of));
	for (uint32_t i = 0; i < endpoint->names_count; i++)
		if (names[i].type < RPC_STATS_MAP)
			endpoint->stats_of[names[i].type] = (uint8_t)i;
}

static struct rpc_type_stats *stats_of(const struct rpc_endpoint *endpoint, uint16_t type)
{
	uint32_t index = 0;

	if (type < RPC_STATS_MAP)
		return &endpoint->stats[endpoint->stats_of[type]];
	while (index < endpoint->names_count && endpoint->config.names[index].type != type)
		index++;
	return &endpoint->stats[index];
}

void rpc_stats_call(struct rpc_endpoint *endpoint, const struct rpc_call *call, uint32_t reply_bytes, uint64_t now_ns)
{
	struct rpc_type_stats *stats = stats_of(endpoint, call->type);

	stats->calls++;
	stats->call_bytes += call->len_bytes + reply_bytes;
	if (!call->answered) {
		stats->calls_failed++;
		return;
	}
	stats->errors += call->status < 0;
	histogram_add(&stats->call, now_ns - call->made_ns);
}

void rpc_stats_serve(struct rpc_endpoint *endpoint, const struct rpc_serve *serve, uint32_t request_bytes, int status, uint64_t now_ns)
{
	struct rpc_type_stats *stats = stats_of(endpoint, serve->type);

	stats->served++;
	stats->refusals += status < 0;
	stats->serve_bytes += request_bytes + serve->len_bytes;
	histogram_add(&stats->serve, now_ns > serve->arrived_ns ? now_ns - serve->arrived_ns : 0);
}

const struct rpc_type_stats *rpc_type_stats(const struct rpc_endpoint *endpoint, uint32_t index, const char **name)
{
	if (index > endpoint->names_count)
		return NULL;
	*name = index < endpoint->names_count ? endpoint->config.names[index].name : "other";
	return &endpoint->stats[index];
}
