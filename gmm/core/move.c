// SPDX-License-Identifier: GPL-2.0-only
/*
 * A region's move, as the manager sees it. The process component copies and switches by itself; the manager makes the new
 * region, tells it, asks how far it is, and destroys the one that is left over.
 *
 *	REGIONS --created--> VM --told--> MOVING --done--> RECLAIM (the old one) -> ended
 *	   | failed           | failed       '----abandoned--> RECLAIM (the new one) -> ended
 *	   '------------------'--> RECLAIM (the new one), if the component was never told; else MOVING with `cancel`
 *
 * Once told, only the process component knows which region serves (M8). It may be out of reach and go on: so a failure
 * of anything else makes the manager ask it to cancel, and its answer decides. Telling it again changes nothing, and
 * after a cancel it never begins in that epoch, however late a request arrives. A manager that takes over from one that
 * was killed does the same: it tells the component again, or has it cancelled.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define MOVE_POLL_NS UINT64_C(200000000)

/* The link in the VM's list that leads to the region. */
static uint32_t *link_of(struct gmm_core *core, struct gmm_vm *vm, uint32_t index)
{
	uint32_t *link = &vm->region_first;

	while (*link != GMM_NONE && core->regions[*link].index != index)
		link = &core->regions[*link].next;
	return link;
}

/* ---------------------------------------------------------------- begin */

static uint32_t moves_of(const struct gmm_core *core, uint32_t process_node)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		count += core->operations[i].kind == GMM_OPERATION_REGION_MOVE && core->operations[i].step < GMM_STEP_RECLAIM &&
			 core->operations[i].process_node == process_node;
	return count;
}

/* From an earlier move, being given back. */
static bool left_over(const struct gmm_core *core, const struct gmm_region *region, const struct gmm_node *node)
{
	for (uint32_t i = 0; i < core->region_top; i++) {
		const struct gmm_region *other = &core->regions[i];

		if (other->state != GMM_REGION_FREE && other->vm == region->vm && other->index == region->index &&
		    other->node == node->id)
			return true;
	}
	return false;
}

static int check_target(struct gmm_core *core, const struct gmm_region *region, const struct gmm_node *to)
{
	struct text text;

	if (to->role != WIRE_ROLE_MEMORY)
		return gmm_refuse_words(core, -EINVAL, to->name, " is not a memory component", "");
	if (to->id == region->node)
		return gmm_refuse_words(core, -EEXIST, "the region is on ", to->name, " already");
	if (!gmm_node_eligible(to))
		return gmm_refuse_words(core, -EBUSY, to->name, " is ", gmm_place_obstacle(to));
	if (left_over(core, region, to))
		return gmm_refuse_words(core, -EBUSY, to->name, " still gives back what an earlier move left there", "");
	if (!gmm_region_room(core))
		return gmm_refuse_words(core, -ENOSPC, "the manager's table of regions is full", "", "");
	if (gmm_node_pages_free(to) >= region->pages)
		return 0;
	text = gmm_refuse(core);
	text_string(&text, to->name);
	text_string(&text, " has ");
	text_pages(&text, gmm_node_pages_free(to));
	text_string(&text, " left, the region needs ");
	text_pages(&text, region->pages);
	return -ENOSPC;
}

static int check_vm(struct gmm_core *core, const struct gmm_vm *vm, const struct gmm_region *region)
{
	const struct gmm_node *owner = gmm_core_node(core, vm->node);

	if (vm->phase != GMM_VM_READY)
		return gmm_refuse_words(core, -EBUSY, vm->spec.name, " is ", gmm_vm_state_name(vm, owner));
	if (vm->move != GMM_NONE)
		return gmm_refuse_words(core, -EBUSY, "another region of ", vm->spec.name, " is being moved");
	if (region->state != GMM_REGION_LIVE)
		return gmm_refuse_words(core, -EBUSY, "the region is ", gmm_region_state_name(region->state), "");
	if (region->wanted)
		return gmm_refuse_words(core, -EBUSY, "the region is just getting its first place", "", "");
	if (owner->state != GMM_NODE_UP)
		return gmm_refuse_words(core, -EBUSY, "its process component is down: ", owner->name, "");
	if (moves_of(core, owner->id) >= REGION_MOVES_PER_NODE_MAX)
		return gmm_refuse_words(core, -EBUSY, owner->name, " moves its largest number of regions at a time", "");
	return 0;
}

static int check(struct gmm_core *core, const struct gmm_vm *vm, const struct gmm_region *region, const struct gmm_node *to)
{
	int status = check_vm(core, vm, region);

	return status ? status : check_target(core, region, to);
}

int gmm_move_start(struct gmm_core *core, struct gmm_vm *vm, uint32_t at, struct gmm_node *to, uint64_t parent,
		   struct gmm_operation **started, uint64_t now_ns)
{
	struct gmm_region *region = &core->regions[at], *target;
	struct gmm_operation *operation;
	int status = check(core, vm, region, to);

	if (status)
		return status;
	operation = gmm_operation_start(core, GMM_OPERATION_REGION_MOVE, GMM_STEP_REGIONS, vm->spec.name, now_ns);
	if (!operation)
		return -EAGAIN;
	operation->vm = gmm_vm_index(core, vm);
	operation->process_node = vm->node;
	operation->index = region->index;
	operation->from_node = region->node;
	operation->to_node = to->id;
	operation->parent = parent;
	operation->region = gmm_region_allocate(core, vm->id, region->index, region->pages, to->id, vm->node);
	operation->pending = operation->parts = 1;
	target = &core->regions[operation->region];
	target->operation = gmm_operation_index(core, operation);
	/* Above all that were tried: what is left of an earlier move can never be taken for this one. */
	target->epoch = (region->epoch_tried > region->epoch ? region->epoch_tried : region->epoch) + 1;
	region->epoch_tried = target->epoch;
	vm->move = gmm_operation_index(core, operation);
	gmm_dirty_region(core, at);
	gmm_dirty_operation(core, operation);
	*started = operation;
	return 0;
}

/* What the operator named: all three, and within the VM's spread and the reserve; or refused. */
static int find_move(struct gmm_core *core, const char *name, uint32_t index, const char *to_name, struct gmm_vm **vm, uint32_t *at,
		     struct gmm_node **to)
{
	*vm = gmm_core_vm_named(core, name);
	*to = gmm_core_node_named(core, to_name);
	if (!*vm)
		return gmm_refuse_words(core, -ENOENT, "there is no VM named ", name, "");
	if (!*to)
		return gmm_refuse_words(core, -ENOENT, "there is no node named ", to_name, "");
	*at = *link_of(core, *vm, index);
	if (*at == GMM_NONE)
		return gmm_refuse_words(core, -ENOENT, name, " has no region of that index", "");
	return gmm_spread_allows(core, *vm, *at, *to) && gmm_reserve_allows_move(core, &core->regions[*at], *to) ? 0 : -EBUSY;
}

int gmm_core_region_move_plan(struct gmm_core *core, const char *name, uint32_t index, const char *to_name, const struct gmm_region **region)
{
	struct gmm_node *to;
	struct gmm_vm *vm;
	uint32_t at;
	int status = find_move(core, name, index, to_name, &vm, &at, &to);

	if (status)
		return status;
	*region = &core->regions[at];
	status = check(core, vm, *region, to);
	return status ? status : gmm_operation_room(core) ? 0 : -EAGAIN;
}

int gmm_core_region_move(struct gmm_core *core, const char *name, uint32_t index, const char *to_name, uint64_t *id,
			 uint64_t now_ns)
{
	struct gmm_operation *operation;
	struct gmm_node *to;
	struct gmm_vm *vm;
	uint32_t at;
	int status = find_move(core, name, index, to_name, &vm, &at, &to);

	if (!status)
		status = gmm_move_start(core, vm, at, to, 0, &operation, now_ns);
	if (!status)
		*id = operation->id;
	return status;
}

/* ---------------------------------------------------------------- ends */

/* Give a region back, the old or the new one; the move ends when it is gone. */
static void reclaim(struct gmm_core *core, struct gmm_operation *operation, uint32_t region)
{
	assert(!operation->calling);
	if (operation->vm != GMM_NONE)
		core->vms[operation->vm].move = GMM_NONE;
	operation->vm = operation->region = GMM_NONE;
	operation->step = GMM_STEP_RECLAIM;
	operation->pending = 0;
	gmm_dirty_operation(core, operation);
	gmm_region_condemn(core, region, gmm_operation_index(core, operation));
	if (operation->pending == 0)
		gmm_operation_end(core, operation);
	gmm_drain_move_ended(core, operation);
}

/* M8: the new region takes the old one's place in the VM's list. */
static void switch_region(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns)
{
	struct gmm_vm *vm = &core->vms[operation->vm];
	uint32_t *link = link_of(core, vm, operation->index), old = *link;
	struct gmm_region *target = &core->regions[operation->region];
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	assert(old != GMM_NONE && core->regions[old].epoch < target->epoch);
	target->next = core->regions[old].next;
	target->operation = GMM_NONE;
	*link = operation->region;
	core->regions[old].next = GMM_NONE;
	operation->regions_moved = 1;
	operation->status = 0;		/* what made us cancel came too late */
	operation->reason[0] = '\0';
	text_string(&text, "region ");
	text_number(&text, operation->index);
	text_string(&text, " moved from ");
	text_string(&text, gmm_core_node(core, operation->from_node)->name);
	text_string(&text, " to ");
	text_string(&text, gmm_core_node(core, operation->to_node)->name);
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
	reclaim(core, operation, old);
}

void gmm_move_unwind(struct gmm_core *core, struct gmm_operation *operation)
{
	if (operation->step >= GMM_STEP_RECLAIM)
		return;
	if (!operation->sent) {
		reclaim(core, operation, operation->region);
		return;
	}
	operation->step = GMM_STEP_MOVING;
	operation->cancel = true;
}

void gmm_move_node_gone(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
			uint64_t now_ns)
{
	if (operation->calling)
		gmm_operation_orphan(core, operation);
	if (!operation->sent)
		gmm_operation_fail(core, operation, status, reason, now_ns);
}

void gmm_move_node_reset(struct gmm_core *core, const struct gmm_node *node)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		const struct gmm_operation *operation = &core->operations[i];

		if (operation->kind != GMM_OPERATION_REGION_MOVE || operation->region == GMM_NONE ||
		    core->regions[operation->region].node != node->id ||
		    core->regions[operation->region].state != GMM_REGION_LIVE)
			continue;
		core->regions[operation->region].state = GMM_REGION_LOST;
		gmm_dirty_region(core, operation->region);
	}
}

void gmm_move_vm_ends(struct gmm_core *core, struct gmm_vm *vm)
{
	struct gmm_operation *operation;

	if (vm->move == GMM_NONE)
		return;
	operation = &core->operations[vm->move];
	if (operation->calling)
		gmm_operation_orphan(core, operation);
	gmm_operation_note_failure(core, operation, -ENOENT, "the VM is no more");
	reclaim(core, operation, operation->region);
}

void gmm_move_resume(struct gmm_core *core, struct gmm_operation *operation)
{
	struct gmm_region *target = &core->regions[operation->region];

	operation->index = target->index;
	operation->to_node = target->node;
	operation->cancel = operation->status != 0;
	target->operation = gmm_operation_index(core, operation);
	if (target->state == GMM_REGION_PLANNED) {
		operation->step = GMM_STEP_REGIONS;
		operation->pending = operation->parts = 1;
		return;
	}
	/* It was kept as created before anybody was told of it: the component may know of the move. */
	operation->sent = true;
}

/* ---------------------------------------------------------------- calls */

static void call(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command, uint16_t type,
		 const void *body, uint32_t len_bytes)
{
	operation->calling = true;
	gmm_call_start(core, command, GMM_CALL_STEP, operation->process_node, gmm_operation_index(core, operation), type, body,
		       len_bytes);
}

bool gmm_move_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command, uint64_t now_ns)
{
	const struct gmm_region *target = &core->regions[operation->region];
	const struct wire_region_name name = { .vm = target->vm, .index = target->index, .epoch = target->epoch };
	const struct gmm_node *process = gmm_core_node(core, operation->process_node);
	struct wire_vm_region_move begin = { .vm = target->vm, .pace = core->config.move_pace };

	if (operation->step == GMM_STEP_REGIONS)
		return target->state == GMM_REGION_PLANNED && gmm_region_output_create(core, operation->region, command);
	if (process->state != GMM_NODE_UP || process->calls == GMM_CALLS_PER_NODE_MAX || now_ns < operation->poll_ns)
		return false;
	operation->poll_ns = now_ns + MOVE_POLL_NS;
	if (operation->step == GMM_STEP_VM && !operation->cancel) {
		gmm_step_region(core, operation->region, &begin.region);
		operation->sent = true;
		call(core, operation, command, WIRE_VM_REGION_MOVE, &begin, sizeof(begin));
	} else {
		call(core, operation, command, operation->cancel ? WIRE_VM_REGION_MOVE_CANCEL : WIRE_VM_REGION_MOVE_STATE, &name,
		     sizeof(name));
	}
	return true;
}

static void refused(struct gmm_core *core, struct gmm_operation *operation, int status)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, gmm_core_node(core, operation->process_node)->name);
	text_string(&text, " refused to move the region: ");
	text_status(&text, status);
	gmm_operation_note_failure(core, operation, status, line);
	/* It holds no such VM, or has answered to the cancel itself: nothing of it can touch the new region any more. */
	if (status == -ENOENT || operation->cancel)
		reclaim(core, operation, operation->region);
	else
		gmm_move_unwind(core, operation);
}

static void abandoned(struct gmm_core *core, struct gmm_operation *operation)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));
	int status = operation->moved.status < 0 ? operation->moved.status : -EIO;

	text_string(&text, gmm_core_node(core, operation->process_node)->name);
	text_string(&text, " gave the move up: ");
	text_status(&text, status);
	gmm_operation_note_failure(core, operation, status, line);
	reclaim(core, operation, operation->region);
}

void gmm_move_result(struct gmm_core *core, struct gmm_operation *operation, int status, const void *body,
		     uint32_t len_bytes, uint64_t now_ns)
{
	const struct gmm_region *target = &core->regions[operation->region];
	struct wire_vm_region_moved moved;

	if (status == -ECONNRESET)
		return;			/* asked again, unless the VM went with the component's incarnation */
	if (status) {
		refused(core, operation, status);
		return;
	}
	operation->step = GMM_STEP_MOVING;
	if (len_bytes >= sizeof(moved)) {
		memcpy(&moved, body, sizeof(moved));
		if (moved.vm == target->vm && moved.index == target->index && moved.epoch == target->epoch)
			operation->moved = moved;
	}
	if (operation->moved.state == WIRE_MOVE_DONE)
		switch_region(core, operation, now_ns);
	else if (operation->moved.state == WIRE_MOVE_ABANDONED)
		abandoned(core, operation);
	else if (operation->status)
		operation->cancel = true;
}
