// SPDX-License-Identifier: GPL-2.0-only
/* The manager's part of resizes: cache shares grow and shrink under the guests, and what is asked for is asked again. */
#include <errno.h>

#include "testbed/sim/rack/rack.h"

#define RESIZE_EVERY_NS (60 * MILLISECOND_NS)
#define LINES_MIN 64u				/* of a share */
#define LINES_MAX 384u

static void again(struct sim *sim, world_action *action)
{
	world_at(&sim->world, sim->world.now_ns + world_below(&sim->world, (uint32_t)RESIZE_EVERY_NS), action, sim, 0);
}

static void resize(void *object, uint64_t argument)
{
	struct sim *sim = object;
	struct sim_vm *vm = &sim->vms[world_below(&sim->world, SIM_VMS)];
	uint32_t lines = LINES_MIN + world_below(&sim->world, LINES_MAX - LINES_MIN);
	struct cache_share share;
	int status;

	(void)argument;
	if (sim->world.now_ns >= sim->end_ns)
		return;
	cache_vm_share(sim->cache, vm->number, &share);
	status = cache_vm_resize(sim->cache, vm->number, lines, process_now_ns(sim));
	/* Refused for want of room, or since it becomes another size already: then it goes on as it was. */
	if (status != 0 && status != -ENOSPC && status != -EBUSY)
		world_fail(&sim->world, "a resize was refused: %d", status);
	if (status == -EBUSY && share.parts == 0)
		world_fail(&sim->world, "a resize is busy with nothing");
	sim->resizes_begun += status == 0;
	node_run(&sim->nodes[0]);
	again(sim, resize);
}

void resizer_create(struct sim *sim)
{
	again(sim, resize);
}

bool resizer_done(const struct sim *sim, const struct sim_vm *vm)
{
	struct cache_share share;

	cache_vm_share(sim->cache, vm->number, &share);
	return share.parts == 0 && share.lines == share.lines_wanted;
}
