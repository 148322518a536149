// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network: every node has a link to one switch, and the switch has a port with a finite queue towards every node.
 *
 *	device -> transmit ring -> link -> | switch: tap, troubles | -> port (queue, marks, overflow) -> receive ring -> device
 *
 * Queues are not lists of packets but times: a link or port of a known rate that is free at T holds what it sends until T.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "testbed/sim/sim.h"

#define FRAME_OVERHEAD_BYTES 66u		/* Ethernet with preamble and gap, IPv4, UDP */
#define ECN_MASK 3u
#define ECN_CONGESTED 3u
#define DO_NOT_FRAGMENT 0x4000u

void network_create(struct network *network, struct world *world, const struct network_config *config, uint32_t nodes_max)
{
	memset(network, 0, sizeof(*network));
	network->world = world;
	network->config = *config;
	network->nodes = calloc(nodes_max, sizeof(*network->nodes));
	if (network->nodes == NULL)
		exit(2);
}

struct network_config network_clean(uint32_t gigabits_per_s, uint32_t buffer_bytes)
{
	return (struct network_config){
		.delay_ns = 5 * MICROSECOND_NS,
		.jitter_ns = 1 * MICROSECOND_NS,
		.reorder_ns = 50 * MICROSECOND_NS,
		.bytes_per_us = gigabits_per_s * UINT64_C(125),
		.buffer_bytes = buffer_bytes,
		.mark_bytes = buffer_bytes / 8,
		.transmit_bytes = 256u << 10,
	};
}

void network_destroy(struct network *network)
{
	while (network->allocated_packets != NULL) {
		struct packet *packet = network->allocated_packets;

		network->allocated_packets = packet->next_allocated;
		free(packet);
	}
	free(network->nodes);
}

/* ---------------------------------------------------------------- packets */

static struct packet *packet_get(struct network *network)
{
	struct packet *packet = network->free_packets;

	if (packet != NULL) {
		network->free_packets = packet->next;
		return packet;
	}
	packet = sim_alloc(sizeof(*packet));
	packet->network = network;
	packet->next_allocated = network->allocated_packets;
	network->allocated_packets = packet;
	return packet;
}

static void packet_put(struct packet *packet)
{
	packet->next = packet->network->free_packets;
	packet->network->free_packets = packet;
}

static struct packet *packet_copy(const struct packet *packet)
{
	struct packet *copy = packet_get(packet->network);

	copy->from = packet->from;
	copy->to = packet->to;
	copy->datagram = packet->datagram;
	copy->datagram.bytes = copy->bytes;
	memcpy(copy->bytes, packet->bytes, packet->datagram.len_bytes);
	return copy;
}

static uint64_t wire_ns(const struct network *network, size_t len_bytes)
{
	return (len_bytes + FRAME_OVERHEAD_BYTES) * 1000 / network->config.bytes_per_us;
}

/* What a link or port holds that is free at `free_ns`. */
static uint64_t queued_bytes(const struct network *network, uint64_t free_ns)
{
	uint64_t now_ns = network->world->now_ns;

	return free_ns > now_ns ? (free_ns - now_ns) * network->config.bytes_per_us / 1000 : 0;
}

/* ---------------------------------------------------------------- arrival at a node */

static void take_in(void *object, uint64_t number)
{
	struct packet *packet = object;
	struct network *network = packet->network;
	struct node *node = network->nodes[number];

	if (node->device != NULL) {
		network->counters.delivered++;
		packet->datagram.ip_flags_fragment = DO_NOT_FRAGMENT;
		roce_input(node->device, &packet->datagram, node_now_ns(node));
	}
	packet_put(packet);
	node_run(node);
}

static bool is_cut(const struct network *network, uint32_t node)
{
	return network->nodes[node]->cut_until_ns > network->world->now_ns;
}

static void arrive(void *object, uint64_t number)
{
	struct packet *packet = object;
	struct network *network = packet->network;
	const struct network_config *config = &network->config;
	struct node *node = network->nodes[number];

	world_trace(network->world, hash_bytes(0, packet->bytes, packet->datagram.len_bytes));
	if (is_cut(network, packet->to)) {
		network->counters.cut++;
		packet_put(packet);
		return;
	}
	if (config->receive_ns == 0) {
		take_in(packet, number);
		return;
	}
	if (node->received_ns < network->world->now_ns)
		node->received_ns = network->world->now_ns;
	if (node->received_ns - network->world->now_ns >= config->receive_packets * config->receive_ns) {
		network->counters.overflowed++;
		packet_put(packet);
		return;
	}
	node->received_ns += config->receive_ns;
	world_at(network->world, node->received_ns, take_in, packet, number);
}

/* ---------------------------------------------------------------- the switch */

/* When a packet that leaves its port now comes to its node. */
static uint64_t arrival_ns(struct network *network, struct node *node)
{
	const struct network_config *config = &network->config;
	uint64_t time_ns = node->port_ns + config->delay_ns - config->delay_ns / 2;

	if (config->jitter_ns > 0)
		time_ns += world_below(network->world, (uint32_t)config->jitter_ns);
	if (time_ns < node->arrival_ns)
		time_ns = node->arrival_ns;	/* W4 */
	node->arrival_ns = time_ns;
	return time_ns;
}

/* Never below mark_bytes, always from four times that on, and between them the likelier the more there is. */
static double mark_probability(const struct network_config *config, uint64_t queued)
{
	return queued <= config->mark_bytes ? 0 : (double)(queued - config->mark_bytes) / (3.0 * config->mark_bytes);
}

/* Put into the port towards its node (W5). */
static void forward(struct packet *packet, uint64_t late_ns)
{
	struct network *network = packet->network;
	const struct network_config *config = &network->config;
	struct node *node = network->nodes[packet->to];
	uint64_t queued = queued_bytes(network, node->port_ns), len_bytes = packet->datagram.len_bytes + FRAME_OVERHEAD_BYTES;

	if (queued + len_bytes > config->buffer_bytes) {
		network->counters.overflowed++;
		packet_put(packet);
		return;
	}
	if (queued + len_bytes > node->port_bytes_max)
		node->port_bytes_max = queued + len_bytes;
	if (config->mark_bytes > 0 && (packet->datagram.ip_tos & ECN_MASK) != 0 &&
	    world_chance(network->world, mark_probability(config, queued))) {
		network->counters.marked++;
		packet->datagram.ip_tos |= ECN_CONGESTED;
	}
	if (node->port_ns < network->world->now_ns)
		node->port_ns = network->world->now_ns;
	node->port_ns += wire_ns(network, packet->datagram.len_bytes);
	world_at(network->world, arrival_ns(network, node) + late_ns, arrive, packet, packet->to);
}

/* A packet has come to the switch whole. */
static void pass_switch(void *object, uint64_t from)
{
	struct packet *packet = object;
	struct network *network = packet->network;
	const struct network_config *config = &network->config;

	if (is_cut(network, (uint32_t)from) || (network->tap != NULL && !network->tap(network->tap_context, packet))) {
		network->counters.cut++;
		packet_put(packet);
		return;
	}
	if (world_chance(network->world, config->loss)) {
		network->counters.lost++;
		packet_put(packet);
		return;
	}
	if (world_chance(network->world, config->duplication)) {
		network->counters.duplicated++;
		forward(packet_copy(packet), world_below(network->world, (uint32_t)config->reorder_ns));
	}
	if (world_chance(network->world, config->corruption)) {
		network->counters.corrupted++;
		packet->bytes[world_below(network->world, (uint32_t)packet->datagram.len_bytes)] ^=
			(uint8_t)(1u << world_below(network->world, 8));
	}
	if (world_chance(network->world, config->reordering)) {
		network->counters.reordered++;
		forward(packet, world_below(network->world, (uint32_t)config->reorder_ns));
	} else {
		forward(packet, 0);
	}
}

/* ---------------------------------------------------------------- sending */

/* Put on the node's link. */
static void transmit(struct node *node, struct packet *packet)
{
	struct network *network = node->network;
	uint32_t to = packet->datagram.destination_address - NETWORK_ADDRESS_FIRST;

	network->counters.sent++;
	if (node->sent_ns < network->world->now_ns)
		node->sent_ns = network->world->now_ns;
	node->sent_ns += wire_ns(network, packet->datagram.len_bytes);
	if (to >= network->nodes_count) {
		network->counters.unaddressed++;
		packet_put(packet);
		return;
	}
	packet->from = node->number;
	packet->to = to;
	world_at(network->world, node->sent_ns + network->config.delay_ns / 2, pass_switch, packet, node->number);
}

void network_send(struct network *network, struct node *node)
{
	uint64_t ring_ns = network->config.transmit_bytes * UINT64_C(1000) / network->config.bytes_per_us;

	while (queued_bytes(network, node->sent_ns) < network->config.transmit_bytes) {
		struct packet *packet = packet_get(network);

		memset(&packet->datagram, 0, sizeof(packet->datagram));
		packet->datagram.bytes = packet->bytes;
		if (roce_output(node->device, &packet->datagram, node_now_ns(node)) == 0) {
			packet_put(packet);
			return;
		}
		transmit(node, packet);
	}
	/* Full: go on when half of the ring is free. */
	node_wake_at(node, node->sent_ns - ring_ns / 2 + (uint64_t)node->clock_ns);
}

void network_inject(struct network *network, uint32_t from, const struct roce_datagram *datagram)
{
	struct packet *packet = packet_get(network);

	packet->datagram = *datagram;
	packet->datagram.bytes = packet->bytes;
	memcpy(packet->bytes, datagram->bytes, datagram->len_bytes);
	transmit(network->nodes[from], packet);
}
