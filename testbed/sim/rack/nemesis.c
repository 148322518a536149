// SPDX-License-Identifier: GPL-2.0-only
/* What goes wrong: memory components drop off the network for a while, and regions change their epoch under way. */
#include "testbed/sim/rack/rack.h"

#define CUT_EVERY_NS (800 * MILLISECOND_NS)
#define CUT_LASTS_NS (8 * SECOND_NS)		/* at most; mostly much less */
#define EPOCH_EVERY_NS (300 * MILLISECOND_NS)
#define EPOCH_TOLD_NS (20 * MILLISECOND_NS)

static void again(struct sim *sim, world_action *action, uint64_t every_ns)
{
	if (sim->world.now_ns < sim->end_ns)
		world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, (uint32_t)every_ns), action, sim, 0);
}

static void cut(void *object, uint64_t argument)
{
	struct sim *sim = object;
	struct node *node = &sim->nodes[world_below(&sim->world, sim->nodes_count)];

	(void)argument;
	if (sim->world.now_ns >= sim->end_ns)
		return;
	node->cut_until_ns = sim->world.now_ns + world_skewed(&sim->world, CUT_LASTS_NS);
	again(sim, cut, CUT_EVERY_NS);
}

static void epoch_told(void *object, uint64_t index)
{
	struct sim_vm *vm = object;
	struct sim *sim = vm->sim;

	if (region_map(sim->regions, vm->number, &vm->regions[index], process_now_ns(sim)) != 0)
		world_fail(&sim->world, "a new epoch was refused");
	node_run(&sim->nodes[0]);
}

/* The memory component refuses the old epoch at once; the process component hears of the new one later. */
static void epoch(void *object, uint64_t argument)
{
	struct sim *sim = object;
	struct sim_vm *vm = &sim->vms[world_below(&sim->world, SIM_VMS)];
	struct wire_vm_region *known = &vm->regions[world_below(&sim->world, SIM_REGIONS)];
	const struct wire_region_epoch raise = {
		.vm = vm->number + 1,
		.index = known->index,
		.epoch = known->epoch + 1,
		.owner_node = 2,
	};
	struct region *region;

	(void)argument;
	if (sim->world.now_ns >= sim->end_ns)
		return;
	if (known->epoch == 0) {
		again(sim, epoch, EPOCH_EVERY_NS);
		return;
	}
	if (region_set_raise_epoch(&sim->memories[known->node - 10]->component.regions, &raise, &region) != 0)
		world_fail(&sim->world, "the epoch was not raised");
	known->epoch = raise.epoch;
	known->rkey = region->rkey;
	world_at(&sim->world, sim->world.now_ns + world_skewed(&sim->world, EPOCH_TOLD_NS), epoch_told, vm, known->index);
	again(sim, epoch, EPOCH_EVERY_NS);
}

void nemesis_create(struct sim *sim)
{
	if (world_chance(&sim->world, 0.5))
		again(sim, cut, CUT_EVERY_NS);
	/* A region that moves has no other change of its epoch. */
	if (world_chance(&sim->world, 0.5))
		again(sim, epoch, EPOCH_EVERY_NS);
	else if (world_chance(&sim->world, 0.7))
		mover_create(sim);
	if (world_chance(&sim->world, 0.5))
		resizer_create(sim);
}
