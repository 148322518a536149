// SPDX-License-Identifier: GPL-2.0-only
/* The manager's part of moves: regions go to other memory components under the guests, some moves are cancelled. */
#include "testbed/sim/rack/rack.h"

#define MOVE_EVERY_NS (100 * MILLISECOND_NS)
#define POLL_NS (3 * MILLISECOND_NS)
#define CANCEL_CHANCE 0.01			/* at a poll */

static struct region_set *regions_on(struct sim *sim, const struct wire_vm_region *place)
{
	return &sim->memories[place->node - 10]->component.regions;
}

static void destroy(struct sim *sim, const struct sim_vm *vm, const struct wire_vm_region *place)
{
	const struct wire_region_name name = { .vm = vm->number + 1, .index = place->index, .epoch = place->epoch };

	if (region_set_destroy(regions_on(sim, place), &name) != 0)
		world_fail(&sim->world, "region %u was not destroyed", place->index);
}

static void poll(void *object, uint64_t argument)
{
	struct sim_vm *vm = object;
	struct sim *sim = vm->sim;
	struct wire_vm_region *known = &vm->regions[vm->target.index];
	struct wire_vm_region_moved moved;

	(void)argument;
	if (vm->destroyed)
		return;
	if (region_move_status(sim->regions, vm->number, known->index, vm->target.epoch, &moved, process_now_ns(sim)) != 0)
		world_fail(&sim->world, "the move is not known");
	if (moved.state == WIRE_MOVE_DONE) {
		destroy(sim, vm, known);
		*known = vm->target;
		vm->moving = false;
		sim->moves_done++;
		return;
	}
	if (moved.state == WIRE_MOVE_ABANDONED) {
		destroy(sim, vm, &vm->target);
		vm->moving = false;
		sim->moves_abandoned++;
		return;
	}
	if (world_chance(&sim->world, CANCEL_CHANCE)) {
		region_move_cancel(sim->regions, vm->number, known->index, vm->target.epoch);
		node_run(&sim->nodes[0]);
	}
	world_at(&sim->world, sim->world.now_ns + POLL_NS, poll, vm, 0);
}

static void begin_one(struct sim *sim, struct sim_vm *vm)
{
	const struct wire_move_pace pace = { .slowdown_permille = 1500,
					     .pages_per_second_min = 100 + world_below(&sim->world, 20000) };
	struct wire_vm_region *known = &vm->regions[world_below(&sim->world, SIM_REGIONS)];
	uint32_t node = 1 + world_below(&sim->world, sim->nodes_count - 1);
	const struct wire_region_create create = { .vm = vm->number + 1, .index = known->index, .epoch = ++vm->epochs,
						   .owner_node = 2, .pages = REGION_PAGES };
	struct region *region;

	if (known->epoch == 0 || region_vm_waits_ns(sim->regions, vm->number) != 0 || node == known->node - 10)
		return;
	vm->target = *known;
	vm->target.node = 10 + node;
	vm->target.address = sim->nodes[node].address;
	vm->target.epoch = create.epoch;
	if (region_set_create(regions_on(sim, &vm->target), &create, &region) != 0)
		world_fail(&sim->world, "region %u was not created", create.index);
	vm->target.rkey = region->rkey;
	vm->target.base = region_set_base(region);
	if (region_move(sim->regions, vm->number, &vm->target, &pace, process_now_ns(sim)) != 0)
		world_fail(&sim->world, "a move was refused");
	vm->moving = true;
	node_run(&sim->nodes[0]);
	world_at(&sim->world, sim->world.now_ns + POLL_NS, poll, vm, 0);
}

static void begin(void *object, uint64_t argument)
{
	struct sim *sim = object;
	struct sim_vm *vm = &sim->vms[world_below(&sim->world, SIM_VMS)];

	(void)argument;
	if (sim->world.now_ns >= sim->end_ns)
		return;
	if (!vm->moving)
		begin_one(sim, vm);
	world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, MOVE_EVERY_NS), begin, sim, 0);
}

void mover_create(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_VMS; i++)
		sim->vms[i].epochs = 1;
	world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, MOVE_EVERY_NS), begin, sim, 0);
}
