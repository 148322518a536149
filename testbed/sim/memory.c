// SPDX-License-Identifier: GPL-2.0-only
/* A memory component: the portable part of the real one, on a simulated network. */
#include <stdlib.h>
#include <string.h>

#include "testbed/sim/sim.h"

/* Room for every region of every VM: frames that are never touched cost nothing here. */
#define MEMORY_PAGES (SIM_VMS * SIM_REGIONS * REGION_PAGES)

void memory_create(struct sim *sim, uint32_t number)
{
	struct sim_node *node = &sim->nodes[number];
	struct roce_limits limits = { .send_depth_max = 1, .receive_depth_max = 1 };
	struct mcomponent_config config = { .pages = MEMORY_PAGES };

	mcomponent_limits(MEMORY_PAGES, &limits);
	node->memory = sim_alloc(sizeof(*node->memory));
	node->tables = sim_alloc(region_set_table_bytes(MEMORY_PAGES));
	memset(node->tables, 0, region_set_table_bytes(MEMORY_PAGES));
	node->frames = sim_alloc((size_t)MEMORY_PAGES * PAGE_BYTES);
	config.device = network_device(sim, number, &limits);
	config.frames = node->frames;
	config.tables = node->tables;
	if (mcomponent_init(node->memory, &config) != 0)
		sim_fail(sim, "node %u: the memory component did not start", number);
}

void memory_run(struct sim *sim, uint32_t number)
{
	struct sim_node *node = &sim->nodes[number];

	roce_tick(node->device, sim->now_ns);
	mcomponent_poll(node->memory, sim->now_ns);
	network_send(sim, number);
	network_timer(sim, number, roce_deadline_ns(node->device));
}

void memory_destroy(struct sim *sim, uint32_t number)
{
	struct sim_node *node = &sim->nodes[number];

	free(node->memory);
	free(node->tables);
	free(node->frames);
	free(node->device);
}
