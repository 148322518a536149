// SPDX-License-Identifier: GPL-2.0-only
/* Hosts and flows; the states of a flow are in traffic.h. */
#include <stdlib.h>
#include <string.h>

#include "testbed/sim/traffic.h"

#define HELD_PACKETS 256u			/* as a memory component has */
#define READ_AREA_BYTES (1u << 20)
#define CONNECT_TIMEOUT_NS (2 * SECOND_NS)
#define CONNECT_AGAIN_NS (100 * MILLISECOND_NS)
#define CONNECTIONS_PER_FLOW 4u			/* those that end beside the one that begins */
#define COOKIE_RECEIVE (UINT64_C(1) << 63)
#define COOKIE_LISTENER UINT64_MAX

const char *flow_kind_name(enum flow_kind kind)
{
	static const char *const names[] = { "READ", "WRITE", "SEND", "mix" };

	return names[kind];
}

/* ---------------------------------------------------------------- contents */

/* The first word of each 64 bytes says all: where it belongs, and which time it was written. */
static void fill_pattern(uint8_t *bytes, uint32_t len_bytes, uint64_t *random)
{
	uint64_t word = sim_random(random);
	uint32_t i = 0;

	for (; i + sizeof(word) <= len_bytes; i += sizeof(word)) {
		memcpy(bytes + i, &word, sizeof(word));
		word = word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	}
	memcpy(bytes + i, &word, len_bytes - i);
}

static struct host *host_of(const struct flow *flow, uint32_t number)
{
	return &flow->traffic->hosts[number];
}

static void check_bytes(const struct flow *flow, const struct flow_slot *slot, const uint8_t *bytes)
{
	if (memcmp(bytes, slot->local, flow->config.len_bytes) != 0)
		world_fail(&flow->traffic->world, "flow %u: what %s number %llu moved is not what it should be", flow->number,
			   flow_kind_name(slot->opcode), (unsigned long long)flow->completed);
}

/* ---------------------------------------------------------------- the source */

static uint32_t choose_opcode(struct flow *flow)
{
	static const uint32_t mix[] = { ROCE_READ, ROCE_WRITE, ROCE_SEND };

	return flow->config.kind == FLOW_MIX ? mix[sim_random(&flow->random) % 3] : mix[flow->config.kind];
}

static int post(struct flow *flow, struct flow_slot *slot, uint32_t index)
{
	struct host *source = host_of(flow, flow->config.source);
	uint64_t cookie = (uint64_t)flow->number << 16 | index, now_ns = node_now_ns(&source->node);
	uint32_t len_bytes = flow->config.len_bytes, reads = READ_AREA_BYTES / len_bytes;

	slot->opcode = choose_opcode(flow);
	if (slot->opcode == ROCE_READ) {
		memset(slot->local, 0, len_bytes);
		slot->remote_address = sim_random(&flow->random) % reads * len_bytes;
		return roce_post_read(source->node.device, flow->qpn, cookie, slot->local, len_bytes, slot->remote_address,
				      flow->rkey, now_ns);
	}
	fill_pattern(slot->local, len_bytes, &flow->random);
	if (slot->opcode == ROCE_WRITE) {
		slot->remote_address = flow->write_address + (uint64_t)index * len_bytes;
		return roce_post_write(source->node.device, flow->qpn, cookie, slot->local, len_bytes, slot->remote_address,
				       flow->rkey, now_ns);
	}
	slot->sequence = flow->sends_posted;
	return roce_post_send(source->node.device, flow->qpn, cookie, slot->local, len_bytes, now_ns);
}

static void fill(struct flow *flow)
{
	for (uint32_t i = 0; i < flow->config.depth; i++) {
		struct flow_slot *slot = &flow->slots[i];

		if (flow->state != FLOW_UP || flow->held || slot->busy ||
		    (flow->config.operations_max > 0 && flow->posted == flow->config.operations_max))
			continue;
		if (post(flow, slot, i) != 0)
			return;			/* the connection is ending: its event comes */
		slot->busy = true;
		slot->posted_ns = flow->traffic->world.now_ns;
		flow->posted++;
		flow->sends_posted += slot->opcode == ROCE_SEND;
	}
}

static void connect_flow(void *object, uint64_t number)
{
	struct flow *flow = object;
	struct host *source = host_of(flow, flow->config.source);
	uint32_t hello = (uint32_t)number;
	const struct roce_connect connect = {
		.remote_address = host_of(flow, flow->config.target)->node.address,
		.remote_port = TRAFFIC_PORT,
		.queue = source->queue,
		.cookie = number,
		.private_data = &hello,
		.private_len_bytes = sizeof(hello),
		.timeout_ns = CONNECT_TIMEOUT_NS,
	};

	if (roce_connect(source->node.device, &connect, &flow->connection, node_now_ns(&source->node)) == 0)
		flow->state = FLOW_CONNECTING;
	else
		world_at(&flow->traffic->world, flow->traffic->world.now_ns + CONNECT_AGAIN_NS, connect_flow, flow, number);
	node_run(&source->node);
}

static void source_lost(struct flow *flow)
{
	struct world *world = &flow->traffic->world;

	flow->reconnects += flow->state == FLOW_UP;
	flow->state = FLOW_DOWN;
	flow->connection = 0;
	world_at(world, world->now_ns + CONNECT_AGAIN_NS, connect_flow, flow, flow->number);
}

static void source_event(struct flow *flow, const struct roce_event *event)
{
	if (event->connection != flow->connection)
		return;
	if (event->type != ROCE_EVENT_ESTABLISHED) {
		source_lost(flow);
		return;
	}
	memcpy(&flow->rkey, event->private_data, sizeof(flow->rkey));
	flow->qpn = event->qpn;
	flow->sends_posted = 0;
	flow->state = FLOW_UP;
	fill(flow);
}

static void source_completion(struct flow *flow, uint32_t index, int status)
{
	struct flow_slot *slot = &flow->slots[index];
	uint64_t waited_ns = flow->traffic->world.now_ns - slot->posted_ns;

	slot->busy = false;
	if (status != 0) {
		flow->errors++;
		flow->posted--;			/* to be done again */
		return;
	}
	if (slot->opcode != ROCE_SEND)
		check_bytes(flow, slot, host_of(flow, flow->config.target)->memory + slot->remote_address);
	flow->completed++;
	flow->completed_bytes += flow->config.len_bytes;
	if (waited_ns > flow->wait_max_ns)
		flow->wait_max_ns = waited_ns;
	if (flow->completed == flow->config.operations_max)
		flow->done_ns = flow->traffic->world.now_ns;
	fill(flow);
}

/* ---------------------------------------------------------------- the target */

static void post_receive(struct flow *flow, uint32_t index)
{
	struct host *target = host_of(flow, flow->config.target);

	roce_post_receive(target->node.device, flow->target_qpn, COOKIE_RECEIVE | (uint64_t)flow->number << 16 | index,
			  flow->receives + (size_t)index * flow->config.len_bytes, flow->config.len_bytes);
}

static void target_accept(struct host *host, const struct roce_event *event)
{
	uint64_t now_ns = node_now_ns(&host->node);
	struct flow *flow;
	uint32_t number;

	memcpy(&number, event->private_data, sizeof(number));
	if (event->len_bytes < sizeof(number) || number >= host->traffic->flows_count ||
	    host->traffic->flows[number].config.target != host->node.number) {
		roce_reject(host->node.device, event->connection, NULL, 0, now_ns);
		return;
	}
	flow = &host->traffic->flows[number];
	if (roce_accept_begin(host->node.device, event->connection, ROCE_PEER_ANY, &flow->target_qpn) != 0)
		return;
	flow->sends_received = 0;
	for (uint32_t i = 0; i < flow->config.depth; i++)
		post_receive(flow, i);
	roce_accept_finish(host->node.device, event->connection, &host->rkey, sizeof(host->rkey), now_ns);
}

static void target_received(struct flow *flow, uint32_t index, const struct roce_event *event)
{
	const struct flow_slot *sent = NULL;

	/* Flushed with its connection; or the source has given up that one, and its buffers are in use again. */
	if (event->status != 0 || event->qpn != flow->target_qpn || flow->state != FLOW_UP)
		return;
	for (uint32_t i = 0; i < flow->config.depth && sent == NULL; i++)
		if (flow->slots[i].busy && flow->slots[i].opcode == ROCE_SEND &&
		    flow->slots[i].sequence == flow->sends_received)
			sent = &flow->slots[i];
	if (sent == NULL || event->len_bytes != flow->config.len_bytes)
		world_fail(&flow->traffic->world, "flow %u: message %llu came again, or out of order, or not whole",
			   flow->number, (unsigned long long)flow->sends_received);
	check_bytes(flow, sent, flow->receives + (size_t)index * flow->config.len_bytes);
	flow->sends_received++;
	post_receive(flow, index);
}

/* ---------------------------------------------------------------- hosts */

static void handle(struct host *host, const struct roce_event *event)
{
	struct traffic *traffic = host->traffic;

	if (event->type == ROCE_EVENT_COMPLETION) {
		struct flow *flow = &traffic->flows[(event->cookie & ~COOKIE_RECEIVE) >> 16];
		uint32_t index = event->cookie & 0xffff;

		if (event->cookie & COOKIE_RECEIVE)
			target_received(flow, index, event);
		else
			source_completion(flow, index, event->status);
	} else if (event->type == ROCE_EVENT_CONNECT_REQUEST) {
		target_accept(host, event);
	} else if (event->cookie != COOKIE_LISTENER) {
		source_event(&traffic->flows[event->cookie], event);
	}
}

static void host_run(struct node *node)
{
	struct host *host = node->context;
	struct roce_event event;

	while (roce_queue_poll(node->device, host->queue, &event) != 0)
		handle(host, &event);
}

static void host_start(struct traffic *traffic, uint32_t number)
{
	const struct traffic_config *config = &traffic->config;
	struct host *host = &traffic->hosts[number];
	uint32_t connections = CONNECTIONS_PER_FLOW * (host->flows_count + 1);
	const struct roce_limits limits = {
		.queue_pairs_max = connections, .connections_max = connections, .memory_regions_max = 1,
		.queues_max = 1, .listeners_max = 1, .queue_events_max = connections * 2 * FLOW_DEPTH_MAX,
		.send_depth_max = FLOW_DEPTH_MAX, .receive_depth_max = FLOW_DEPTH_MAX, .held_packets_max = HELD_PACKETS,
	};
	struct roce_memory_config memory = {
		.ops = &roce_memory_plain_ops,
		.access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE,
		.peer = ROCE_PEER_ANY,
	};

	host->traffic = traffic;
	host->memory_bytes = READ_AREA_BYTES + host->write_bytes;
	host->memory = sim_alloc(host->memory_bytes);
	fill_pattern(host->memory, READ_AREA_BYTES, &traffic->world.random);
	node_start(&host->node, &limits, config->path_mtu_bytes, config->read_budget_bytes);
	host->node.context = host;
	host->node.run = host_run;
	host->queue = roce_queue_create(host->node.device);
	memory.context = host->memory;
	memory.len_bytes = host->memory_bytes;
	if (host->queue < 0 || roce_memory_register(host->node.device, &memory, &host->rkey) != 0 ||
	    roce_listen(host->node.device, TRAFFIC_PORT, host->queue, COOKIE_LISTENER) != 0)
		world_fail(&traffic->world, "host %u was not set up", number);
}

/* ---------------------------------------------------------------- outside */

void traffic_create(struct traffic *traffic, const struct traffic_config *config)
{
	memset(traffic, 0, sizeof(*traffic));
	traffic->config = *config;
	world_create(&traffic->world, config->seed);
	network_create(&traffic->network, &traffic->world, &config->network, config->hosts + config->extra_nodes);
	traffic->hosts = calloc(config->hosts, sizeof(*traffic->hosts));
	traffic->flows = calloc(config->flows_max, sizeof(*traffic->flows));
	if (traffic->hosts == NULL || traffic->flows == NULL)
		exit(2);
	for (uint32_t i = 0; i < config->hosts; i++)
		node_create(&traffic->hosts[i].node, &traffic->network);
}

void traffic_destroy(struct traffic *traffic)
{
	for (uint32_t i = 0; i < traffic->flows_count; i++) {
		free(traffic->flows[i].receives);
		free(traffic->flows[i].buffers);
	}
	for (uint32_t i = 0; i < traffic->config.hosts; i++) {
		node_stop(&traffic->hosts[i].node);
		free(traffic->hosts[i].memory);
	}
	free(traffic->flows);
	free(traffic->hosts);
	network_destroy(&traffic->network);
	world_destroy(&traffic->world);
}

struct flow *traffic_flow(struct traffic *traffic, const struct flow_config *config)
{
	struct flow *flow = &traffic->flows[traffic->flows_count];
	struct host *target = &traffic->hosts[config->target];
	size_t bytes = (size_t)config->depth * config->len_bytes;

	if (traffic->flows_count == traffic->config.flows_max || config->depth > FLOW_DEPTH_MAX ||
	    config->len_bytes > READ_AREA_BYTES)
		world_fail(&traffic->world, "a flow that does not fit");
	flow->config = *config;
	flow->traffic = traffic;
	flow->number = traffic->flows_count++;
	flow->random = sim_random(&traffic->world.random);
	flow->receives = sim_alloc(bytes);
	flow->buffers = sim_alloc(bytes);
	for (uint32_t i = 0; i < config->depth; i++)
		flow->slots[i].local = flow->buffers + (size_t)i * config->len_bytes;
	flow->write_address = READ_AREA_BYTES + target->write_bytes;
	target->write_bytes += bytes;
	target->flows_count++;
	traffic->hosts[config->source].flows_count++;
	return flow;
}

void traffic_start(struct traffic *traffic)
{
	for (uint32_t i = 0; i < traffic->config.hosts; i++)
		host_start(traffic, i);
	for (uint32_t i = 0; i < traffic->flows_count; i++)
		world_at(&traffic->world, traffic->flows[i].config.start_ns, connect_flow, &traffic->flows[i], i);
}

void traffic_hold(struct flow *flow, bool hold)
{
	flow->held = hold;
	fill(flow);
	node_run(&host_of(flow, flow->config.source)->node);
}

static bool all_done(const struct traffic *traffic)
{
	for (uint32_t i = 0; i < traffic->flows_count; i++) {
		const struct flow *flow = &traffic->flows[i];

		if (flow->held ? flow->posted != flow->completed :
				 flow->config.operations_max == 0 || flow->completed < flow->config.operations_max)
			return false;
	}
	return true;
}

bool traffic_run_to_end(struct traffic *traffic, uint64_t time_ns)
{
	struct world *world = &traffic->world;

	while (!all_done(traffic) && world->heap_count > 0 && world->heap[0].time_ns <= time_ns)
		world_step(world);
	return all_done(traffic);
}

bool traffic_drain(struct traffic *traffic, uint64_t time_ns)
{
	for (uint32_t i = 0; i < traffic->flows_count; i++)
		traffic->flows[i].held = true;
	return traffic_run_to_end(traffic, time_ns);
}

uint64_t traffic_bytes(const struct traffic *traffic)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < traffic->flows_count; i++)
		bytes += traffic->flows[i].completed_bytes;
	return bytes;
}

uint64_t traffic_counter(const struct traffic *traffic, size_t offset)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < traffic->config.hosts; i++) {
		const uint8_t *counters = (const uint8_t *)roce_counters(traffic->hosts[i].node.device);
		uint64_t value;

		memcpy(&value, counters + offset, sizeof(value));
		sum += value;
	}
	return sum;
}
