// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory overcommit: regions that are only promised when their VM is created, and get a place when its guest first needs one
 * (docs/overcommit.md).
 *
 *	PROMISED --asked for and placed--> PLANNED --> CREATING --> LIVE, untold --told--> LIVE
 *	    ^                                 |           |             |
 *	    '------ refused, its node lost everything or went down -----'
 *
 * Each step can be made again: the process component asks until it has its place, whatever became of the manager meanwhile. What it
 * asks for is kept in memory only; where a region goes is kept in its row before its memory component hears of it (M7).
 *
 *	O1 A VM that waits longest gets room first, and nobody who asks later overtakes it.
 *	O2 A region is placed with a reservation like any other: room that is reserved for a region is never given to another one.
 *	O3 (M11) Once WIRE_VM_REGIONS has named a place, it is that region's for good: only a move changes it. A manager that does not
 *	   know whether it was named takes it for named.
 *	O4 What may have been created on a component that cannot be asked is destroyed when it can (M3), and takes no other place's name:
 *	   the region that is placed elsewhere is another one, with a higher epoch.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define WAITS_LONG_NS UINT64_C(5000000000)
#define REFUSED_WAIT_NS UINT64_C(1000000000)	/* after a memory component refused a region, or answered nonsense */

/* ---------------------------------------------------------------- names and sums */

static const char *const names[GMM_OVERCOMMIT_ALL + 1] = {
	[0] = "none", [GMM_OVERCOMMIT_VCPUS] = "vcpus", [GMM_OVERCOMMIT_MEMORY] = "memory", [GMM_OVERCOMMIT_ALL] = "all",
};

const char *gmm_overcommit_name(uint32_t overcommit)
{
	assert(overcommit <= GMM_OVERCOMMIT_ALL);
	return names[overcommit];
}

uint32_t gmm_overcommit_named(const char *name)
{
	for (uint32_t overcommit = 0; overcommit <= GMM_OVERCOMMIT_ALL; overcommit++)
		if (strcmp(name, names[overcommit]) == 0)
			return overcommit;
	return UINT32_MAX;
}

uint32_t gmm_vm_regions_promised(const struct gmm_core *core, const struct gmm_vm *vm)
{
	uint32_t count = 0;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		count += core->regions[at].state == GMM_REGION_PROMISED;
	return count;
}

void gmm_promise_sums(const struct gmm_core *core, uint64_t *capacity, uint64_t *reserved)
{
	*capacity = *reserved = 0;
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->role != WIRE_ROLE_MEMORY || node->state != GMM_NODE_UP)
			continue;
		*capacity += node->join.capacity_pages;
		*reserved += node->pages_reserved + node->pages_foreign;
	}
}

bool gmm_promise_allowed(const struct gmm_core *core, uint64_t pages, struct text *text)
{
	uint64_t capacity, reserved, limit;

	gmm_promise_sums(core, &capacity, &reserved);
	limit = capacity / 100 * core->config.overcommit_percent + capacity % 100 * core->config.overcommit_percent / 100;
	if (reserved + core->pages_promised + pages <= limit)
		return true;
	text_string(text, "too much memory would be promised: the components that are up have ");
	text_pages(text, capacity);
	text_string(text, ", ");
	text_pages(text, reserved);
	text_string(text, " of it reserved, ");
	text_pages(text, core->pages_promised);
	text_string(text, " promised, the VM asks for ");
	text_pages(text, pages);
	text_string(text, "; memory_overcommit = ");
	text_number(text, core->config.overcommit_percent);
	text_string(text, " allows ");
	text_pages(text, limit);
	return false;
}

/* ---------------------------------------------------------------- who waits */

static void want(struct gmm_core *core, struct gmm_vm *vm, struct gmm_region *region)
{
	region->wanted = true;
	if (vm->places_wanted)
		return;
	vm->places_wanted = true;
	core->places_wanted++;
}

void gmm_promise_forget(struct gmm_core *core, struct gmm_vm *vm)
{
	assert(!vm->places_wanted || core->places_wanted > 0);
	core->places_wanted -= vm->places_wanted;
	vm->places_wanted = vm->place_waits = false;
	vm->place_since_ns = vm->place_ns = 0;
}

bool gmm_promise_waits(const struct gmm_vm *vm, uint64_t now_ns)
{
	return vm->place_waits && now_ns - vm->place_since_ns >= WAITS_LONG_NS;
}

/* Its component runs it, and can be told. */
static bool can_be_told(struct gmm_core *core, const struct gmm_vm *vm)
{
	return vm->phase == GMM_VM_READY && gmm_core_node(core, vm->node)->state == GMM_NODE_UP;
}

static uint32_t first_to_place(const struct gmm_core *core, const struct gmm_vm *vm)
{
	uint32_t at = vm->region_first;

	while (at != GMM_NONE && !(core->regions[at].wanted && core->regions[at].state == GMM_REGION_PROMISED))
		at = core->regions[at].next;
	return at;
}

/* O1. NULL: nobody waits for room. */
static struct gmm_vm *waits_longest(struct gmm_core *core, uint64_t now_ns)
{
	struct gmm_vm *longest = NULL;

	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];

		if (core->vm_keys[i].id == 0 || vm->place_since_ns == 0 || now_ns < vm->place_ns || !can_be_told(core, vm))
			continue;
		if (!longest || vm->place_since_ns < longest->place_since_ns)
			longest = vm;
	}
	return longest;
}

/* ---------------------------------------------------------------- placing */

/* Nobody gets room before the one who has waited longest, so all who wait are told. */
static void tell_waiting(struct gmm_core *core, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];
		char line[GMM_TEXT_BYTES];
		struct text text = text_over(line, sizeof(line));

		if (core->vm_keys[i].id == 0 || vm->place_since_ns == 0 || vm->place_waits)
			continue;
		vm->place_waits = true;
		text_string(&text, "waits for memory: a region that was promised finds no room;");
		gmm_place_free(core, NULL, &text);
		gmm_core_event(core, GMM_EVENT_WARNING, vm->spec.name, line, now_ns);
	}
}

/* What is to be destroyed there has its name still (O4). */
static bool left_over(const struct gmm_core *core, const struct gmm_region *region, const struct gmm_node *node)
{
	uint32_t at = node->reclaim_first;

	while (at != GMM_NONE && (core->regions[at].vm != region->vm || core->regions[at].index != region->index))
		at = core->regions[at].next;
	return at != GMM_NONE;
}

/* False: there is no room for it. */
static bool place(struct gmm_core *core, const struct gmm_vm *vm, uint32_t at)
{
	struct gmm_region *region = &core->regions[at];
	struct gmm_node *node = gmm_place_region(core, vm, region->pages);

	if (!node || left_over(core, region, node))
		return false;
	gmm_region_place(core, at, node);
	assert(!core->config.rebuild_reserve || gmm_reserve_holds(core));
	return true;
}

/* Who still waits for another region queues behind the others. */
static void settle(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	if (first_to_place(core, vm) != GMM_NONE) {
		vm->place_since_ns = now_ns;
		return;
	}
	vm->place_since_ns = 0;
	if (vm->place_waits)
		gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, "waits for memory no longer: its region has a place", now_ns);
	vm->place_waits = false;
}

static void place_all_that_fit(struct gmm_core *core, uint64_t now_ns)
{
	struct gmm_vm *vm;

	while ((vm = waits_longest(core, now_ns)) != NULL) {
		uint32_t at = first_to_place(core, vm);

		if (at != GMM_NONE && !place(core, vm, at)) {
			tell_waiting(core, now_ns);
			return;
		}
		settle(core, vm, now_ns);
	}
}

int gmm_core_region_wanted(struct gmm_core *core, uint32_t node, const struct wire_vm_region_wanted *wanted, uint64_t now_ns)
{
	struct gmm_vm *vm = gmm_core_vm(core, wanted->vm);
	uint32_t at;

	core->now_ns = now_ns;
	if (!vm || vm->node != node || vm->phase == GMM_VM_GONE)
		return -ENOENT;
	if (!can_be_told(core, vm))
		return -EAGAIN;
	at = vm->region_first;
	while (at != GMM_NONE && core->regions[at].index != wanted->index)
		at = core->regions[at].next;
	if (at == GMM_NONE)
		return -EINVAL;
	want(core, vm, &core->regions[at]);
	if (core->regions[at].state == GMM_REGION_PROMISED && vm->place_since_ns == 0)
		vm->place_since_ns = now_ns;
	place_all_that_fit(core, now_ns);
	return 0;
}

/* ---------------------------------------------------------------- what goes wrong */

/* O4: another region, without a place, instead of one that may be on a component which cannot be asked. */
static uint32_t replace(struct gmm_core *core, struct gmm_vm *vm, uint32_t *link)
{
	uint32_t old = *link, fresh;

	if (!gmm_region_room(core))
		return old;
	fresh = gmm_region_promise(core, vm->id, core->regions[old].index, core->regions[old].pages, vm->node);
	core->regions[fresh].epoch = core->regions[old].epoch + 1;
	core->regions[fresh].wanted = true;
	core->regions[fresh].next = core->regions[old].next;
	core->regions[old].next = GMM_NONE;
	*link = fresh;
	gmm_region_condemn(core, old, GMM_NONE);
	return fresh;
}

/* Regions whose component went away before anybody was told of them go elsewhere. */
static void look_after(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	bool wanted = false, waits = false;

	for (uint32_t *link = &vm->region_first; *link != GMM_NONE; link = &core->regions[*link].next) {
		struct gmm_region *region = &core->regions[*link];

		/* What is lost was told, as far as this manager knows (O3): nothing can be done for it. */
		if (region->state == GMM_REGION_LOST)
			region->wanted = false;
		if (!region->wanted)
			continue;
		wanted = true;
		if (region->untold && gmm_core_node(core, region->node)->state == GMM_NODE_DOWN) {
			if (region->state == GMM_REGION_PLANNED && !region->unsure)
				gmm_region_unplace(core, *link);
			else
				region = &core->regions[replace(core, vm, link)];
		}
		waits = waits || region->state == GMM_REGION_PROMISED;
	}
	if (waits && vm->place_since_ns == 0)
		vm->place_since_ns = now_ns;
	if (!wanted)
		gmm_promise_forget(core, vm);
}

void gmm_promise_tick(struct gmm_core *core, uint64_t now_ns)
{
	if (core->places_wanted == 0)
		return;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (core->vm_keys[i].id && core->vms[i].places_wanted)
			look_after(core, &core->vms[i], now_ns);
	place_all_that_fit(core, now_ns);
}

/* ---------------------------------------------------------------- calls */

void gmm_promise_created(struct gmm_core *core, uint32_t at, int status, uint64_t now_ns)
{
	struct gmm_region *region = &core->regions[at];
	struct gmm_node *node = gmm_core_node(core, region->node);
	struct gmm_vm *vm = gmm_core_vm(core, region->vm);
	uint32_t index = region->index;
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	assert(vm && region->untold && region->state == GMM_REGION_CREATING);
	if (status == 0) {
		region->state = GMM_REGION_LIVE;
		return;
	}
	vm->place_ns = now_ns + REFUSED_WAIT_NS;
	if (status == -EBADMSG || (region->unsure && status != -ECONNRESET)) {
		uint32_t *link = &vm->region_first;

		/* It may be there. */
		region->unsure = true;
		region->state = GMM_REGION_PLANNED;
		node->pages_planned += region->pages;
		node->regions--;
		while (*link != at)
			link = &core->regions[*link].next;
		replace(core, vm, link);
	} else {
		gmm_region_unplace(core, at);
	}
	vm->place_since_ns = vm->place_since_ns ? vm->place_since_ns : now_ns;
	text_string(&text, "refused region ");
	text_number(&text, index);
	text_string(&text, " of ");
	text_string(&text, vm->spec.name);
	text_string(&text, ": ");
	text_status(&text, status);
	gmm_core_event(core, GMM_EVENT_WARNING, node->name, line, now_ns);
}

static bool output_place(struct gmm_core *core, struct gmm_vm *vm, uint32_t at, struct gmm_command *command)
{
	struct gmm_region *region = &core->regions[at];
	struct gmm_node *process = gmm_core_node(core, vm->node);
	const struct wire_vm_regions head = { .vm = vm->id, .count = 1 };
	struct wire_vm_region entry;
	uint8_t body[sizeof(head) + sizeof(entry)];

	if (process->calls == GMM_CALLS_PER_NODE_MAX)
		return false;
	gmm_step_region(core, at, &entry);
	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), &entry, sizeof(entry));
	region->telling = true;
	region->untold = false;
	gmm_call_start(core, command, GMM_CALL_PLACE, process->id, at, WIRE_VM_REGIONS, body, sizeof(body))->vm = vm->id;
	return true;
}

static bool output_of(struct gmm_core *core, struct gmm_vm *vm, struct gmm_command *command, uint64_t now_ns)
{
	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
		const struct gmm_region *region = &core->regions[at];

		if (!region->wanted)
			continue;
		if (region->state == GMM_REGION_PLANNED && now_ns >= vm->place_ns && gmm_region_output_create(core, at, command))
			return true;
		if (region->state == GMM_REGION_LIVE && !region->telling && output_place(core, vm, at, command))
			return true;
	}
	return false;
}

bool gmm_promise_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX && core->places_wanted; i++) {
		struct gmm_vm *vm = &core->vms[i];

		if (core->vm_keys[i].id && vm->places_wanted && can_be_told(core, vm) && output_of(core, vm, command, now_ns))
			return true;
	}
	return false;
}

/* Whatever it answered: if it still has no place, it asks again. */
void gmm_promise_told(struct gmm_core *core, const struct gmm_call *call)
{
	struct gmm_region *region = &core->regions[call->object];

	/* Its place in the table may be another region's by now. */
	if (region->state == GMM_REGION_FREE || region->vm != call->vm || !region->telling)
		return;
	region->telling = region->wanted = false;
}
