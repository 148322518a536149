// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network: a link a node with its bandwidth and queue, then a switch that delays, loses, repeats, reorders and
 * damages packets as the seed wants.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "testbed/sim/sim.h"

#define FRAME_OVERHEAD_BYTES 66u		/* Ethernet with preamble and gap, IPv4, UDP */
#define LINK_QUEUE_NS (5 * MILLISECOND_NS)	/* what does not fit behind this is dropped */
#define REORDER_NS (300 * MICROSECOND_NS)
/* A node looks at its timers this often at most. */
#define TIMER_GRAIN_NS (1 * MICROSECOND_NS)

static double pick(struct sim *sim, const double *values, uint32_t count)
{
	return values[sim_below(sim, count)];
}

void network_create(struct sim *sim)
{
	static const double losses[] = { 0, 0, 0.001, 0.01, 0.05, 0.1 };
	static const double rares[] = { 0, 0, 0.001, 0.02 };
	static const uint64_t rates[] = { 125, 1250, 12500 };	/* 1, 10, 100 Gbit/s */

	sim->loss = sim->options.loss >= 0 ? sim->options.loss : pick(sim, losses, 6);
	sim->duplication = pick(sim, rares, 4);
	sim->reordering = pick(sim, rares, 4);
	sim->corruption = pick(sim, rares, 4) / 10;
	sim->delay_ns = 500 + sim_below(sim, 20000);
	sim->jitter_ns = 1 + sim_below(sim, 5000);
	sim->bytes_per_us = rates[sim_below(sim, 3)];
}

/* ------------------------------------------------------------------ devices */

static void device_random(void *context, void *bytes, size_t len)
{
	struct sim_node *node = context;
	uint8_t *next = bytes;

	for (size_t i = 0; i < len; i++)
		next[i] = (uint8_t)sim_random(&node->random);
}

struct roce_device *network_device(struct sim *sim, uint32_t number, const struct roce_limits *limits)
{
	struct sim_node *node = &sim->nodes[number];
	static const uint32_t mtus[] = { 4096, 4096, 1024 };
	struct roce_config config = {
		.address = 0x0a000001 + number,
		.path_mtu_bytes = mtus[sim_below(sim, 3)],
		.guid = 0x020000fffe000001 + number,
		.limits = *limits,
		.environment = { .random = device_random, .context = node },
	};

	node->address = config.address;
	node->random = sim_random(&sim->random);
	node->timer_ns = NEVER_NS;
	node->device = roce_device_create(sim_alloc(roce_device_bytes(&config)), &config, sim->now_ns);
	if (node->device == NULL)
		sim_fail(sim, "node %u: the device was not created", number);
	return node->device;
}

void network_timer(struct sim *sim, uint32_t number, uint64_t deadline_ns)
{
	struct sim_node *node = &sim->nodes[number];

	if (deadline_ns == NEVER_NS)
		return;
	if (deadline_ns < sim->now_ns + TIMER_GRAIN_NS)
		deadline_ns = sim->now_ns + TIMER_GRAIN_NS;
	if (deadline_ns >= node->timer_ns)
		return;
	node->timer_ns = deadline_ns;
	sim_schedule(sim, (struct event){ .time_ns = deadline_ns, .type = EVENT_TIMER, .node = number });
}

/* ------------------------------------------------------------------ packets */

static struct packet *packet_get(struct sim *sim)
{
	struct packet *packet = sim->free_packets;

	if (packet == NULL)
		return sim_alloc(sizeof(*packet));
	sim->free_packets = packet->next;
	return packet;
}

void network_free(struct sim *sim, struct packet *packet)
{
	packet->next = sim->free_packets;
	sim->free_packets = packet;
}

static int node_at(const struct sim *sim, uint32_t address)
{
	for (uint32_t i = 0; i < sim->nodes_count; i++)
		if (sim->nodes[i].address == address)
			return (int)i;
	return -1;
}

static bool is_cut(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].cut_until_ns > sim->now_ns;
}

static void travel(struct sim *sim, uint32_t to, const struct packet *packet, uint64_t sent_ns)
{
	struct packet *copy = packet_get(sim);
	uint64_t time_ns = sent_ns + sim->delay_ns + sim_below(sim, (uint32_t)sim->jitter_ns);

	if (sim_chance(sim, sim->reordering))
		time_ns += sim_below(sim, REORDER_NS);
	copy->datagram = packet->datagram;
	copy->datagram.bytes = copy->bytes;
	memcpy(copy->bytes, packet->bytes, packet->datagram.len_bytes);
	if (sim_chance(sim, sim->corruption))
		copy->bytes[sim_below(sim, (uint32_t)copy->datagram.len_bytes)] ^= (uint8_t)(1u << sim_below(sim, 8));
	sim_schedule(sim, (struct event){ .time_ns = time_ns, .type = EVENT_PACKET, .node = to, .packet = copy });
}

static void send_one(struct sim *sim, uint32_t from, const struct packet *packet)
{
	struct sim_node *node = &sim->nodes[from];
	uint64_t wire_ns = (packet->datagram.len_bytes + FRAME_OVERHEAD_BYTES) * 1000 / sim->bytes_per_us;
	int to = node_at(sim, packet->datagram.destination_address);

	sim->packets_sent++;
	if (node->link_free_ns < sim->now_ns)
		node->link_free_ns = sim->now_ns;
	if (to < 0 || is_cut(sim, from) || is_cut(sim, (uint32_t)to) || sim_chance(sim, sim->loss) ||
	    node->link_free_ns - sim->now_ns > LINK_QUEUE_NS) {
		sim->packets_lost++;
		return;
	}
	node->link_free_ns += wire_ns;
	travel(sim, (uint32_t)to, packet, node->link_free_ns);
	if (sim_chance(sim, sim->duplication))
		travel(sim, (uint32_t)to, packet, node->link_free_ns + sim_below(sim, REORDER_NS));
}

void network_send(struct sim *sim, uint32_t node)
{
	struct packet *packet = packet_get(sim);

	for (;;) {
		memset(&packet->datagram, 0, sizeof(packet->datagram));
		packet->datagram.bytes = packet->bytes;
		if (roce_output(sim->nodes[node].device, &packet->datagram, sim->now_ns) == 0)
			break;
		send_one(sim, node, packet);
	}
	network_free(sim, packet);
}

void network_deliver(struct sim *sim, uint32_t node, struct packet *packet)
{
	sim_trace(sim, hash_bytes(0, packet->bytes, packet->datagram.len_bytes));
	if (!is_cut(sim, node)) {
		packet->datagram.ip_flags_fragment = 0x4000;	/* DF */
		roce_input(sim->nodes[node].device, &packet->datagram, sim->now_ns);
	}
	network_free(sim, packet);
}
