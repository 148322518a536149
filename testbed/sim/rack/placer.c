// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manager's part of promised regions: it is asked for their places, has no room for a while, hears nothing while it starts
 * again, forgets what it was asked, and tells places late or twice.
 */
#include <string.h>

#include <plenum/status.h>

#include "testbed/sim/rack/rack.h"

#define ROOM_EVERY_NS (150 * MILLISECOND_NS)	/* a region becomes free */
#define ASKED_NS (2 * MILLISECOND_NS)		/* a request's way, and a place's */
#define RESTART_CHANCE 0.1			/* each time that a region becomes free */
#define TWICE_CHANCE 0.2

static void tell(void *object, uint64_t index)
{
	struct sim_vm *vm = object;
	struct sim *sim = vm->sim;
	const struct wire_vm_region *known = &vm->regions[index];
	int status;

	if (vm->destroyed)
		return;
	status = region_map(sim->regions, vm->number, known, process_now_ns(sim));
	if (status != 0 && status != -EBUSY && status != -ESTALE)
		world_fail(&sim->world, "a place was refused: %d", status);
	node_run(&sim->nodes[0]);
}

/* Everything that was asked for and has room now. A place that is there already is told again. */
static void place(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_VMS * SIM_REGIONS; i++) {
		struct sim_vm *vm = &sim->vms[i % SIM_VMS];
		uint32_t index = i / SIM_VMS;

		if (vm->destroyed || !vm->asked[index])
			continue;
		if (vm->regions[index].epoch == 0 && sim->room == 0) {
			sim->places_refused++;
			continue;
		}
		vm->asked[index] = false;
		if (vm->regions[index].epoch == 0) {
			sim->room--;
			sim->places_given++;
			rack_place_region(sim, vm, index);
		}
		world_at(&sim->world, sim->world.now_ns + world_skewed(&sim->world, ASKED_NS), tell, vm, index);
		if (world_chance(&sim->world, TWICE_CHANCE))
			world_at(&sim->world, sim->world.now_ns + world_skewed(&sim->world, 10 * ASKED_NS), tell, vm, index);
	}
}

static void asked(void *object, uint64_t index)
{
	struct sim_vm *vm = object;

	vm->asked[index] = true;
	place(vm->sim);
}

void placer_run(struct sim *sim, struct node *node)
{
	uint64_t now_ns = process_now_ns(sim);

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		struct sim_vm *vm = &sim->vms[i];
		uint32_t index;

		if (vm->destroyed)
			continue;
		while (region_place_wanted(sim->regions, i, &index, now_ns)) {
			if (vm->regions[index].epoch != 0 && vm->moving)
				world_fail(&sim->world, "a region without a place is being moved");
			world_at(&sim->world, sim->world.now_ns + world_skewed(&sim->world, ASKED_NS), asked, vm, index);
		}
		node_wake_at(node, region_place_deadline_ns(sim->regions, i));
	}
}

static void room(void *object, uint64_t argument)
{
	struct sim *sim = object;

	(void)argument;
	sim->room += sim->world.now_ns < sim->end_ns ? 1 : SIM_VMS * SIM_REGIONS;
	/* It starts again now and then, and what it was asked for is forgotten. */
	if (world_chance(&sim->world, RESTART_CHANCE))
		for (uint32_t i = 0; i < SIM_VMS; i++)
			memset(sim->vms[i].asked, 0, sizeof(sim->vms[i].asked));
	place(sim);
	if (sim->world.now_ns < sim->end_ns)
		world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, ROOM_EVERY_NS), room, sim, 0);
}

bool placer_create(struct sim *sim)
{
	if (!world_chance(&sim->world, 0.5))
		return false;
	sim->room = world_below(&sim->world, 3);
	world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, ROOM_EVERY_NS), room, sim, 0);
	return true;
}
