// SPDX-License-Identifier: GPL-2.0-only
/* A memory component: the portable part of the real one, on a simulated network. */
#include <stdlib.h>
#include <string.h>

#include "testbed/sim/rack/rack.h"

/* Room for every region of every VM: frames that are never touched cost nothing here. */
#define MEMORY_PAGES (SIM_VMS * SIM_REGIONS * REGION_PAGES)

static void memory_run(struct node *node)
{
	struct sim_memory *memory = node->context;

	mcomponent_poll(&memory->component, node_now_ns(node));
}

void memory_create(struct sim *sim, uint32_t number)
{
	struct sim_memory *memory = sim_alloc(sizeof(*memory));
	struct roce_limits limits = { .send_depth_max = 1, .receive_depth_max = 1 };
	struct mcomponent_config config = { .pages = MEMORY_PAGES };

	sim->memories[number] = memory;
	mcomponent_limits(MEMORY_PAGES, &limits);
	memory->tables = sim_alloc(region_set_table_bytes(MEMORY_PAGES));
	memset(memory->tables, 0, region_set_table_bytes(MEMORY_PAGES));
	memory->frames = sim_alloc((size_t)MEMORY_PAGES * PAGE_BYTES);
	config.device = rack_device(sim, number, &limits);
	config.secure = node_secure(&sim->nodes[number], SIM_HANDSHAKES);
	config.frames = memory->frames;
	config.tables = memory->tables;
	if (mcomponent_init(&memory->component, &config) != 0)
		world_fail(&sim->world, "node %u: the memory component did not start", number);
	sim->nodes[number].context = memory;
	sim->nodes[number].run = memory_run;
}

void memory_destroy(struct sim *sim, uint32_t number)
{
	struct sim_memory *memory = sim->memories[number];

	node_stop(&sim->nodes[number]);
	free(memory->tables);
	free(memory->frames);
	free(memory);
}
