// SPDX-License-Identifier: GPL-2.0-only
/* Rows of operations into a fresh core (restore.c): each fits the VM, region and nodes that it works on, which are there before it. */
#include <string.h>

#include "gmm/core/internal.h"

static enum gmm_vm_phase phase_under(uint32_t operation)
{
	return operation == GMM_OPERATION_VM_CREATE ? GMM_VM_CREATING :
	       operation == GMM_OPERATION_VM_DESTROY ? GMM_VM_DESTROYING : GMM_VM_READY;
}

bool gmm_region_is_held(const struct gmm_core *core, uint32_t region)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (gmm_operation_holds_region(&core->operations[i]) && core->operations[i].region == region)
			return true;
	return false;
}

/* A move goes on beside what else works on its VM. */
static const char *check_move(const struct gmm_core *core, const struct gmm_record_operation *from)
{
	const struct gmm_vm *vm;

	if (from->vm == GMM_NONE)
		return from->region == GMM_NONE ? NULL : "its VM is not there, but its region is";
	if (from->vm >= GMM_VMS_MAX || from->region >= GMM_REGIONS_MAX)
		return "there is no such VM or region";
	vm = &core->vms[from->vm];
	if ((vm->phase != GMM_VM_READY && vm->phase != GMM_VM_DESTROYING) || vm->move != GMM_NONE)
		return "its VM is in another state, or another region of it moves";
	if (core->regions[from->region].state == GMM_REGION_FREE || core->regions[from->region].state >= GMM_REGION_RECLAIM ||
	    core->regions[from->region].vm != vm->id || from->process_node != vm->node)
		return "its region is not the VM's, or is being given back";
	return NULL;
}

/* As a move, beside what else works on its VM. */
static const char *check_resize(const struct gmm_core *core, const struct gmm_record_operation *from)
{
	const struct gmm_vm *vm;

	if (from->vm == GMM_NONE || from->region != GMM_NONE)
		return from->region == GMM_NONE ? NULL : "a resize has no region";
	if (from->vm >= GMM_VMS_MAX)
		return "there is no such VM";
	vm = &core->vms[from->vm];
	if ((vm->phase != GMM_VM_READY && vm->phase != GMM_VM_DESTROYING) || vm->resize != GMM_NONE || vm->cache_wanted_bytes == 0)
		return "its VM is in another state, or its share is not being resized";
	return NULL;
}

static const char *check_vm_operation(const struct gmm_core *core, const struct gmm_record_operation *from)
{
	bool bench = from->kind == GMM_OPERATION_BENCH;
	const struct gmm_node *node = gmm_core_node((struct gmm_core *)core, from->process_node);

	if (from->vm != GMM_NONE && (bench || from->vm >= GMM_VMS_MAX || core->vms[from->vm].phase == GMM_VM_FREE ||
				     core->vms[from->vm].operation != GMM_NONE))
		return "there is no such VM, or another operation works on it";
	if (from->vm != GMM_NONE && core->vms[from->vm].phase != phase_under(from->kind))
		return "its VM is in another state";
	if (bench && (!node || node->role != WIRE_ROLE_PROCESS))
		return "it is on no process component";
	if (from->region != GMM_NONE && (!bench || from->region >= GMM_REGIONS_MAX ||
					 core->regions[from->region].state == GMM_REGION_FREE))
		return "there is no such region";
	return NULL;
}

static const char *check_operation(const struct gmm_core *core, const struct gmm_record_operation *from)
{
	const struct gmm_node *node = gmm_core_node((struct gmm_core *)core, from->from_node);

	if (from->region != GMM_NONE && gmm_region_is_held(core, from->region))
		return "its region is another operation's";
	if (from->kind == GMM_OPERATION_REGION_MOVE || from->kind == GMM_OPERATION_NODE_DRAIN) {
		if (!node || node->role != WIRE_ROLE_MEMORY)
			return "it is on no memory component";
	}
	if (from->kind == GMM_OPERATION_NODE_DRAIN || from->kind == GMM_OPERATION_BALANCE)
		return from->vm == GMM_NONE && from->region == GMM_NONE ? NULL : "a drain has neither VM nor region";
	if (from->kind == GMM_OPERATION_VM_RESIZE)
		return check_resize(core, from);
	return from->kind == GMM_OPERATION_REGION_MOVE ? check_move(core, from) : check_vm_operation(core, from);
}

/*
 * The time of grace goes on by the wall clock while no manager runs. One that has passed ends now; and whatever was done to the clock
 * meanwhile, a guest is waited for no longer than was asked for.
 */
static uint64_t grace_until_ns(const struct gmm_core *core, const struct gmm_record_operation *from, uint64_t now_ns)
{
	uint64_t now_wall_ns = now_ns + core->config.wall_offset_ns, left_ns;

	if (from->kind != GMM_OPERATION_VM_STOP || from->grace_until_wall_ns == 0)
		return 0;
	left_ns = from->grace_until_wall_ns > now_wall_ns ? from->grace_until_wall_ns - now_wall_ns : 0;
	return now_ns + (left_ns < from->grace_ns ? left_ns : from->grace_ns);
}

const char *gmm_operation_restore(struct gmm_core *core, const struct gmm_record *record, uint64_t now_ns)
{
	struct gmm_operation *operation = &core->operations[record->slot];
	const struct gmm_record_operation *from = &record->operation;
	const char *why;

	if (from->id == 0 || from->id >= core->operation_id_next || from->kind <= GMM_OPERATION_NONE ||
	    from->kind >= GMM_OPERATIONS_KINDS || from->status > 0 || !text_ends(from->reason, sizeof(from->reason)) ||
	    from->parts > GMM_REGIONS_MAX)
		return "its id, kind, status, reason or size is out of range";
	if (from->grace_ns > GMM_STOP_GRACE_MS_MAX * UINT64_C(1000000))
		return "its time of grace is out of range";
	if (!text_ends(from->who, sizeof(from->who)) || !text_ends(from->mark.key, sizeof(from->mark.key)))
		return "the name or key of who asked does not end";
	why = check_operation(core, from);
	if (why)
		return why;
	operation->id = from->id;
	operation->kind = (enum gmm_operation_kind)from->kind;
	operation->vm = from->vm;
	operation->region = from->region;
	operation->process_node = from->process_node;
	operation->from_node = from->from_node;
	operation->parent = from->parent;
	operation->status = from->status;
	/* One whose start nobody wrote down began, as far as this manager knows, with it. */
	operation->started_ns = from->started_wall_ns ? from->started_wall_ns - core->config.wall_offset_ns : now_ns;
	operation->parts = from->parts;
	operation->regions_moved = from->regions_moved;
	operation->moved = from->moved;
	operation->mark = from->mark;
	operation->grace_ns = from->grace_ns;
	operation->grace_until_ns = grace_until_ns(core, from, now_ns);
	memcpy(operation->who, from->who, sizeof(operation->who));
	memcpy(operation->reason, from->reason, sizeof(operation->reason));
	if (from->vm != GMM_NONE && from->kind == GMM_OPERATION_REGION_MOVE)
		core->vms[from->vm].move = record->slot;
	else if (from->vm != GMM_NONE && from->kind == GMM_OPERATION_VM_RESIZE)
		core->vms[from->vm].resize = record->slot;
	else if (from->vm != GMM_NONE)
		core->vms[from->vm].operation = record->slot;
	return NULL;
}
