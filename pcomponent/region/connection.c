/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection a memory component: opened when a region is placed there, opened again whenever it is lost. */
#include "pcomponent/region/internal.h"

/* The backoff grows until the peer answers a request: one that accepts and then fails is no better than none. */
static void node_lost(struct region_node *node, uint64_t now_ns)
{
	node->state = NODE_DOWN;
	if (node->answered) {
		node->backoff_ns = REGION_BACKOFF_FIRST_NS;
		node->retry_ns = now_ns;
	} else {
		node->retry_ns = now_ns + node->backoff_ns;
		node->backoff_ns *= 2;
		if (node->backoff_ns > REGION_BACKOFF_MAX_NS)
			node->backoff_ns = REGION_BACKOFF_MAX_NS;
	}
	if (node->unreached_since_ns == 0)
		node->unreached_since_ns = now_ns;
}

/* Follow what the link has become. */
static void node_follow(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	if (node->link.state == DATA_LINK_CLOSED) {
		node_lost(node, now_ns);
	} else if (node->link.state == DATA_LINK_UP && node->state == NODE_CONNECTING) {
		node->state = NODE_UP;
		region_node_pump(client, node, now_ns);
	}
}

static void node_connect(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	const struct data_link_config config = {
		.device = client->config.device, .secure = client->config.secure, .queue = client->queue,
		.cookie = REGION_COOKIE_LINK | (uint64_t)(node - client->nodes), .node = client->config.node,
		.incarnation = client->config.incarnation, .packet_macs = client->config.packet_macs,
	};

	node->answered = false;
	node->state = NODE_CONNECTING;
	data_link_open(&node->link, &config, node->node, node->address, now_ns);
	node_follow(client, node, now_ns);
}

void region_nodes_connect(struct region_client *client, uint64_t now_ns)
{
	if (client->config.node == 0)
		return;
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *node = &client->nodes[i];

		if (node->state == NODE_DOWN && node->retry_ns <= now_ns)
			node_connect(client, node, now_ns);
	}
}

void region_node_hang_up(struct region_node *node, uint64_t now_ns)
{
	data_link_close(&node->link, now_ns);
	node_lost(node, now_ns);
}

int region_node_open(struct region_client *client, uint32_t node, uint32_t address, uint64_t now_ns)
{
	struct region_node *free_node = NULL;

	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *other = &client->nodes[i];

		if (other->state != NODE_FREE && other->node == node && other->address == address)
			return (int)i;
		if (other->state == NODE_FREE && free_node == NULL)
			free_node = other;
	}
	if (free_node == NULL && client->nodes_count == REGION_NODES_MAX)
		return -ENOBUFS;
	if (free_node == NULL)
		free_node = &client->nodes[client->nodes_count++];
	*free_node = (struct region_node){
		.node = node,
		.address = address,
		.queue_head = REQUEST_NONE,
		.queue_tail = REQUEST_NONE,
		.retry_ns = now_ns,
		.backoff_ns = REGION_BACKOFF_FIRST_NS,
		.unreached_since_ns = now_ns,
		.state = NODE_DOWN,
	};
	region_nodes_connect(client, now_ns);
	return (int)(free_node - client->nodes);
}

void region_node_release(struct region_node *node, uint64_t now_ns)
{
	if (node->regions > 0 || node->kept || node->posted > 0 || node->queue_head != REQUEST_NONE)
		return;
	region_node_hang_up(node, now_ns);
	node->state = NODE_FREE;
}

void region_node_event(struct region_client *client, const struct roce_event *event, uint64_t now_ns)
{
	uint64_t index = event->cookie & ~REGION_COOKIE_LINK;
	struct region_node *node;

	assert(index < client->nodes_count);
	node = &client->nodes[index];
	if (node->state != NODE_CONNECTING && node->state != NODE_UP)
		return;		/* of a connection that was given up meanwhile */
	data_link_event(&node->link, event, now_ns);
	node_follow(client, node, now_ns);
}

void region_nodes_tick(struct region_client *client, uint64_t now_ns)
{
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *node = &client->nodes[i];

		if (node->state != NODE_CONNECTING)
			continue;
		data_link_tick(&node->link, now_ns);
		node_follow(client, node, now_ns);
	}
}

/* Memory components know the connections by what was: open them anew. */
static void open_anew(struct region_client *client)
{
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *open = &client->nodes[i];

		if (open->state == NODE_CONNECTING || open->state == NODE_UP)
			region_node_hang_up(open, 0);
		open->retry_ns = 0;
	}
}

void region_set_node(struct region_client *client, uint32_t node)
{
	bool renamed = client->config.node != 0 && client->config.node != node;

	client->config.node = node;
	if (renamed)
		open_anew(client);
}

void region_set_packet_macs(struct region_client *client, bool on)
{
	bool changed = client->config.packet_macs != on;

	client->config.packet_macs = on;
	if (changed)
		open_anew(client);
}

uint32_t region_node_qpn(struct region_client *client, uint32_t node, uint32_t address, uint64_t now_ns)
{
	int number = region_node_open(client, node, address, now_ns);

	if (number < 0)
		return 0;
	client->nodes[number].kept = true;
	return client->nodes[number].state == NODE_UP ? client->nodes[number].link.qpn : 0;
}
