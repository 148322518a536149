// SPDX-License-Identifier: GPL-2.0-only
/* A machine: its device, its clock, and when it has to be run. */
#include <stdlib.h>
#include <string.h>

#include "lib/crc.h"
#include "testbed/sim/sim.h"

/* A node looks at its timers this often at most. */
#define TIMER_GRAIN_NS (1 * MICROSECOND_NS)

/* No two machines' clocks show the same, and none has just been set to 0. */
#define CLOCK_FIRST_NS (10 * SECOND_NS)
#define CLOCK_SPREAD_US 1000000000u

void node_create(struct node *node, struct network *network)
{
	memset(node, 0, sizeof(*node));
	node->network = network;
	node->number = network->nodes_count;
	node->address = NETWORK_ADDRESS_FIRST + node->number;
	node->random = sim_random(&network->world->random);
	node->clock_ns = (int64_t)(CLOCK_FIRST_NS + world_below(network->world, CLOCK_SPREAD_US) * MICROSECOND_NS);
	node->timer_ns = NEVER_NS;
	network->nodes[network->nodes_count++] = node;
}

static void device_random(void *context, void *bytes, size_t len)
{
	struct node *node = context;
	uint8_t *next = bytes;

	for (size_t i = 0; i < len; i++)
		next[i] = (uint8_t)sim_random(&node->random);
}

static struct roce_config config_of(struct node *node, const struct roce_limits *limits, uint32_t path_mtu_bytes,
				    uint64_t read_budget_bytes)
{
	return (struct roce_config){
		.address = node->address,
		.path_mtu_bytes = path_mtu_bytes,
		.guid = 0x020000fffe000001 + node->number,
		.limits = *limits,
		.environment = { .random = device_random, .crc = crc_best(), .context = node },
		.read_budget_bytes = read_budget_bytes,
	};
}

size_t node_device_bytes(struct node *node, const struct roce_limits *limits)
{
	struct roce_config config = config_of(node, limits, ROCE_PAYLOAD_BYTES_MAX, 0);

	return roce_device_bytes(&config);
}

struct roce_device *node_start(struct node *node, const struct roce_limits *limits, uint32_t path_mtu_bytes,
			       uint64_t read_budget_bytes)
{
	struct roce_config config = config_of(node, limits, path_mtu_bytes, read_budget_bytes);

	if (node->device != NULL)
		world_fail(node->network->world, "node %u is on already", node->number);
	node->device = roce_device_create(sim_alloc(roce_device_bytes(&config)), &config, node_now_ns(node));
	if (node->device == NULL)
		world_fail(node->network->world, "node %u: the device was not created", node->number);
	return node->device;
}

struct secure *node_secure(struct node *node, uint32_t replays_max)
{
	static const uint8_t key[SECURE_KEY_BYTES] = "the key of the simulated rack...";
	const struct secure_config config = { .address = node->address, .replays_max = replays_max,
					      .environment = { .random = device_random, .context = node } };

	node->secure = secure_create(sim_alloc(secure_bytes(&config)), &config, node_now_ns(node));
	if (node->secure == NULL || secure_key_add(node->secure, 1, key) != 0)
		world_fail(node->network->world, "node %u: no root of trust", node->number);
	return node->secure;
}

void node_stop(struct node *node)
{
	free(node->secure);
	node->secure = NULL;
	free(node->device);
	node->device = NULL;
}

/* ---------------------------------------------------------------- time */

uint64_t node_now_ns(const struct node *node)
{
	return node->network->world->now_ns + (uint64_t)node->clock_ns;
}

static void timer(void *object, uint64_t number)
{
	struct node *node = object;

	(void)number;
	if (node->timer_ns != node->network->world->now_ns)
		return;				/* an earlier one was set since, and did this one's work */
	node->timer_ns = NEVER_NS;
	node_run(node);
}

void node_wake_at(struct node *node, uint64_t deadline_ns)
{
	struct world *world = node->network->world;
	uint64_t now_ns = node_now_ns(node), wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

	if (deadline_ns == NEVER_NS)
		return;
	if (wait_ns < TIMER_GRAIN_NS)
		wait_ns = TIMER_GRAIN_NS;
	if (world->now_ns + wait_ns >= node->timer_ns)
		return;
	node->timer_ns = world->now_ns + wait_ns;
	world_at(world, node->timer_ns, timer, node, node->number);
}

void node_run(struct node *node)
{
	if (node->device == NULL)
		return;
	roce_tick(node->device, node_now_ns(node));
	if (node->run != NULL)
		node->run(node);
	network_send(node->network, node);
	node_wake_at(node, roce_deadline_ns(node->device));
}

void node_clock_jump(struct node *node, int64_t by_ns)
{
	uint64_t now_ns = node_now_ns(node);

	node->clock_ns += by_ns < 0 && (uint64_t)-by_ns > now_ns ? -(int64_t)now_ns : by_ns;
	node_run(node);
}
