/* SPDX-License-Identifier: GPL-2.0-only */
/* One connection a memory component: opened when a region is placed there, opened again whenever it is lost. */
#include "pcomponent/region/internal.h"

/* The backoff grows until the peer answers a request: one that accepts and then fails is no better than none. */
static void node_lost(struct region_node *node, uint64_t now_ns)
{
	node->state = NODE_DOWN;
	node->connection = 0;
	node->qpn = 0;
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

static void node_connect(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	const struct wire_data_hello hello = { .magic = WIRE_DATA_MAGIC, .node = client->config.node,
					       .incarnation = client->config.incarnation };
	const struct roce_connect connect = {
		.remote_address = node->address,
		.remote_port = WIRE_PORT_DATA,
		.queue = client->queue,
		.cookie = (uint64_t)(node - client->nodes),
		.peer = node->node,
		.private_data = &hello,
		.private_len_bytes = sizeof(hello),
		.timeout_ns = REGION_CONNECT_TIMEOUT_NS,
	};

	node->answered = false;
	if (roce_connect(client->config.device, &connect, &node->connection, now_ns) == 0)
		node->state = NODE_CONNECTING;
	else
		node_lost(node, now_ns);
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

static void node_hang_up(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	if (node->state == NODE_CONNECTING || node->state == NODE_UP)
		roce_disconnect(client->config.device, node->connection, now_ns);
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

void region_node_release(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	if (node->regions > 0 || node->kept || node->posted > 0 || node->queue_head != REQUEST_NONE)
		return;
	node_hang_up(client, node, now_ns);
	node->state = NODE_FREE;
}

void region_node_event(struct region_client *client, const struct roce_event *event, uint64_t now_ns)
{
	struct region_node *node;

	assert(event->cookie < client->nodes_count);
	node = &client->nodes[event->cookie];
	if (node->connection != event->connection || (node->state != NODE_CONNECTING && node->state != NODE_UP))
		return;		/* of a connection that was given up meanwhile */
	switch (event->type) {
	case ROCE_EVENT_ESTABLISHED:
		node->state = NODE_UP;
		node->qpn = roce_connection_qpn(client->config.device, node->connection);
		region_node_pump(client, node, now_ns);
		break;
	case ROCE_EVENT_REJECTED:
	case ROCE_EVENT_UNREACHABLE:
	case ROCE_EVENT_DISCONNECTED:
		node_lost(node, now_ns);
		break;
	default:
		assert(!"an event that only listeners get");
	}
}

void region_set_node(struct region_client *client, uint32_t node)
{
	bool renamed = client->config.node != 0 && client->config.node != node;

	client->config.node = node;
	if (!renamed)
		return;
	/* Memory components know the connections by the old name: open them anew. */
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *open = &client->nodes[i];

		if (open->state == NODE_CONNECTING || open->state == NODE_UP)
			node_hang_up(client, open, 0);
		open->retry_ns = 0;
	}
}

uint32_t region_node_qpn(struct region_client *client, uint32_t node, uint32_t address, uint64_t now_ns)
{
	int number = region_node_open(client, node, address, now_ns);

	if (number < 0)
		return 0;
	client->nodes[number].kept = true;
	return client->nodes[number].state == NODE_UP ? client->nodes[number].qpn : 0;
}
