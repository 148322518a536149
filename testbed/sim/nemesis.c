// SPDX-License-Identifier: GPL-2.0-only
/* What goes wrong: memory components drop off the network for a while, and regions change their epoch under way. */
#include "testbed/sim/sim.h"

#define CUT_EVERY_NS (800 * MILLISECOND_NS)
#define CUT_LASTS_NS (8 * SECOND_NS)		/* at most; mostly much less */
#define EPOCH_EVERY_NS (300 * MILLISECOND_NS)
#define EPOCH_TOLD_NS (20 * MILLISECOND_NS)

static void again(struct sim *sim, enum event_type type, uint64_t every_ns)
{
	if (sim->now_ns < sim->end_ns)
		sim_schedule(sim, (struct event){ .time_ns = sim->now_ns + sim_below(sim, (uint32_t)every_ns),
						  .type = type });
}

void nemesis_create(struct sim *sim)
{
	if (sim_chance(sim, 0.5))
		again(sim, EVENT_CUT, CUT_EVERY_NS);
	if (sim_chance(sim, 0.5))
		again(sim, EVENT_EPOCH, EPOCH_EVERY_NS);
}

void nemesis_cut(struct sim *sim)
{
	struct sim_node *node = &sim->nodes[sim_below(sim, sim->nodes_count)];

	if (sim->now_ns >= sim->end_ns)
		return;
	node->cut_until_ns = sim->now_ns + sim_skewed(sim, CUT_LASTS_NS);
	again(sim, EVENT_CUT, CUT_EVERY_NS);
}

/* The memory component refuses the old epoch at once; the process component hears of the new one later. */
void nemesis_epoch(struct sim *sim)
{
	struct sim_vm *vm = &sim->vms[sim_below(sim, SIM_VMS)];
	struct wire_vm_region *known = &vm->regions[sim_below(sim, SIM_REGIONS)];
	const struct wire_region_epoch raise = {
		.vm = vm->number + 1,
		.index = known->index,
		.epoch = known->epoch + 1,
		.owner_node = 2,
	};
	struct region *region;

	if (sim->now_ns >= sim->end_ns)
		return;
	if (region_set_raise_epoch(&sim->nodes[known->node - 10].memory->regions, &raise, &region) != 0)
		sim_fail(sim, "the epoch was not raised");
	known->epoch = raise.epoch;
	known->rkey = region->rkey;
	sim_schedule(sim, (struct event){ .time_ns = sim->now_ns + sim_skewed(sim, EPOCH_TOLD_NS),
					  .type = EVENT_EPOCH_TOLD, .node = vm->number, .item = known->index });
	again(sim, EVENT_EPOCH, EPOCH_EVERY_NS);
}

void nemesis_epoch_told(struct sim *sim, uint32_t vm, uint32_t index)
{
	if (region_map(sim->regions, vm, &sim->vms[vm].regions[index], sim->now_ns) != 0)
		sim_fail(sim, "a new epoch was refused");
}
