// SPDX-License-Identifier: GPL-2.0-only
/* Operations of several steps: what each step sends, and how all of them end (diagram in core.h). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define LOAD_REACH_NS UINT64_C(5000000000)	/* a start waits so long for a memory component that is down */

static uint32_t process_of(struct gmm_core *core, const struct gmm_operation *operation)
{
	return operation->vm == GMM_NONE ? operation->process_node : core->vms[operation->vm].node;
}

void gmm_operation_end(struct gmm_core *core, struct gmm_operation *operation)
{
	if (operation->vm != GMM_NONE) {
		struct gmm_vm *vm = &core->vms[operation->vm];

		for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
			core->regions[at].operation = GMM_NONE;
		vm->operation = GMM_NONE;
		operation->vm = GMM_NONE;
	}
	assert(!operation->calling && operation->pending == 0);
	operation->step = GMM_STEP_ENDED;
	gmm_dirty_operation(core, operation);
	gmm_history_add(core, operation);
}

/* Give the operation's regions, and its VM's record, back; wait for the components that can answer. */
void gmm_operation_reclaim(struct gmm_core *core, struct gmm_operation *operation)
{
	uint32_t index = gmm_operation_index(core, operation);

	assert(!operation->calling);
	gmm_dirty_operation(core, operation);
	operation->step = GMM_STEP_RECLAIM;
	operation->pending = 0;
	if (operation->vm != GMM_NONE) {
		struct gmm_vm *vm = &core->vms[operation->vm];

		gmm_vm_condemn_regions(core, vm, index);
		/* One that was lost and is wanted is not given up because it could not be made anew this time. */
		if (vm->phase == GMM_VM_CREATING && vm->wanted)
			gmm_vm_gone_again(core, vm, operation->reason);
		else
			gmm_vm_forget(core, vm);
		operation->vm = GMM_NONE;
	} else if (operation->region != GMM_NONE) {
		gmm_region_condemn(core, operation->region, index);
		operation->region = GMM_NONE;
	}
	operation->parts = operation->pending;
	if (operation->pending == 0)
		gmm_operation_end(core, operation);
}

void gmm_operation_region_gone(struct gmm_core *core, uint32_t index, uint64_t now_ns)
{
	struct gmm_operation *operation = &core->operations[index];

	(void)now_ns;
	assert(operation->step == GMM_STEP_RECLAIM && operation->pending > 0);
	if (--operation->pending == 0)
		gmm_operation_end(core, operation);
}

/* The component does not have the VM, or an earlier manager asked for it and the answer is not known. */
static void reclaim_unmade(struct gmm_core *core, struct gmm_operation *operation)
{
	if (operation->unsure && operation->vm != GMM_NONE) {
		const struct gmm_vm *vm = &core->vms[operation->vm];

		gmm_vm_zombie_add(core, gmm_core_node(core, vm->node), vm->id);
	}
	gmm_operation_reclaim(core, operation);
}

/* Where a failure leads when no answer is awaited. */
void gmm_operation_unwind(struct gmm_core *core, struct gmm_operation *operation)
{
	if (operation->kind == GMM_OPERATION_REGION_MOVE) {
		gmm_move_unwind(core, operation);
		return;
	}
	switch (operation->step) {
	case GMM_STEP_REGIONS:
		reclaim_unmade(core, operation);
		break;
	case GMM_STEP_VM:
		if (operation->kind == GMM_OPERATION_VM_CREATE || operation->kind == GMM_OPERATION_BENCH) {
			reclaim_unmade(core, operation);
			break;
		}
		if (operation->kind == GMM_OPERATION_VM_DESTROY) {
			core->vms[operation->vm].phase = GMM_VM_READY;
			gmm_dirty_vm(core, &core->vms[operation->vm]);
		}
		gmm_operation_end(core, operation);
		break;
	case GMM_STEP_CHUNKS:
		operation->step = GMM_STEP_UNDO_VM;
		break;
	case GMM_STEP_LOADING:
	case GMM_STEP_WAITING:
	case GMM_STEP_DRAINING:
		gmm_operation_end(core, operation);
		break;
	case GMM_STEP_MOVING:
	case GMM_STEP_RESIZING:
	case GMM_STEP_UNDO_VM:
	case GMM_STEP_RECLAIM:
	case GMM_STEP_ENDED:
		break;
	}
}

/* The first one is the one that is told. */
void gmm_operation_note_failure(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason)
{
	if (operation->status)
		return;
	operation->status = status;
	text_copy(operation->reason, sizeof(operation->reason), reason, GMM_TEXT_BYTES);
	gmm_dirty_operation(core, operation);
}

void gmm_operation_fail(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
			uint64_t now_ns)
{
	(void)now_ns;
	assert(status < 0 && operation->kind != GMM_OPERATION_NONE);
	gmm_operation_note_failure(core, operation, status, reason);
	/* With an answer under way the failure is acted upon when it is here (M4). */
	if (!operation->calling)
		gmm_operation_unwind(core, operation);
}

void gmm_operation_refused(struct gmm_core *core, struct gmm_operation *operation, uint32_t node, const char *what, int status,
			   uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, gmm_core_node(core, node)->name);
	text_string(&text, " ");
	text_string(&text, what);
	text_string(&text, ": ");
	text_status(&text, status);
	gmm_operation_fail(core, operation, status, line, now_ns);
}

void gmm_operation_region_created(struct gmm_core *core, uint32_t index, uint32_t region, int status, uint64_t now_ns)
{
	struct gmm_operation *operation = &core->operations[index];
	uint32_t node = core->regions[region].node;

	assert(operation->step == GMM_STEP_REGIONS && operation->pending > 0);
	if (status) {
		/* A refusal proves that nothing was made: nothing is to be destroyed. */
		if (core->regions[region].state == GMM_REGION_CREATING) {
			core->regions[region].state = GMM_REGION_PLANNED;
			gmm_core_node(core, node)->pages_planned += core->regions[region].pages;
			gmm_core_node(core, node)->regions--;
		}
		gmm_operation_refused(core, operation, node, "refused a region", status, now_ns);
		return;
	}
	if (--operation->pending)
		return;
	operation->step = GMM_STEP_VM;
}

/* ---------------------------------------------------------------- sending */

static bool output_regions(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command)
{
	uint32_t at = operation->vm == GMM_NONE ? operation->region : core->vms[operation->vm].region_first;

	for (; at != GMM_NONE; at = core->regions[at].next)
		if (core->regions[at].state == GMM_REGION_PLANNED && gmm_region_output_create(core, at, command))
			return true;
	return false;
}

static bool start_is_due(const struct gmm_core *core, const struct gmm_operation *operation, uint64_t now_ns)
{
	return operation->kind != GMM_OPERATION_VM_START || operation->step != GMM_STEP_VM ||
	       (core->vms[operation->vm].offer != GMM_OFFER_WANTED && now_ns >= operation->deadline_ns);
}

bool gmm_operation_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command,
			  uint64_t now_ns)
{
	struct gmm_vm *vm = operation->vm == GMM_NONE ? NULL : &core->vms[operation->vm];
	struct gmm_node *node;
	struct gmm_call *call;
	struct gmm_step_call body;

	if (operation->kind == GMM_OPERATION_NONE || operation->step >= GMM_STEP_RECLAIM || operation->calling ||
	    operation->step == GMM_STEP_DRAINING)
		return false;
	if (operation->kind == GMM_OPERATION_REGION_MOVE)
		return gmm_move_output(core, operation, command, now_ns);
	if (operation->kind == GMM_OPERATION_VM_RESIZE)
		return gmm_resize_output(core, operation, command, now_ns);
	if (operation->step == GMM_STEP_REGIONS)
		return output_regions(core, operation, command);
	node = gmm_core_node(core, process_of(core, operation));
	if (node->state == GMM_NODE_EXPECTED || !start_is_due(core, operation, now_ns))
		return false;
	assert(node->state == GMM_NODE_UP);
	/* An answer to a poll that is under way would be taken for what came after this call. */
	if (node->calls == GMM_CALLS_PER_NODE_MAX || (vm && vm->polling) || !gmm_step_call(core, operation, &body))
		return false;
	operation->calling = true;
	call = gmm_call_start(core, command, GMM_CALL_STEP, node->id, gmm_operation_index(core, operation), body.type,
			      body.body, body.len_bytes);
	if (body.type == WIRE_VM_CREATE || body.type == WIRE_VM_REGIONS || body.type == WIRE_VM_DESTROY)
		call->vm = vm->id;
	return true;
}

/* ---------------------------------------------------------------- a node is gone, time passes */

void gmm_operation_orphan(struct gmm_core *core, struct gmm_operation *operation)
{
	uint32_t index = gmm_operation_index(core, operation);

	for (uint32_t i = 0; i < GMM_CALLS_MAX; i++) {
		struct gmm_call *call = &core->calls[i];

		if (call->kind != GMM_CALL_STEP || call->orphan || call->object != index)
			continue;
		call->orphan = true;
		/* Its answer says whether the VM is there; a manager that starts before that will ask for its end. */
		if (call->vm) {
			struct gmm_node *node = gmm_core_node(core, call->node);

			call->object = gmm_vm_zombie_add(core, node, call->vm);
			node->zombies[call->object].asked = true;
		}
		operation->calling = false;
		return;
	}
	assert(!"a call under way that is not in the table");
}

void gmm_operation_process_gone(struct gmm_core *core, struct gmm_operation *operation, int status, const char *reason,
			 uint64_t now_ns)
{
	struct gmm_vm *vm = operation->vm == GMM_NONE ? NULL : &core->vms[operation->vm];
	bool held = operation->step == GMM_STEP_CHUNKS || operation->step == GMM_STEP_UNDO_VM ||
		    operation->kind == GMM_OPERATION_VM_DESTROY;

	if (operation->calling)
		gmm_operation_orphan(core, operation);
	else if (held)
		gmm_vm_zombie_add(core, gmm_core_node(core, vm->node), vm->id);
	if (operation->kind == GMM_OPERATION_VM_DESTROY || held) {
		/* The VM is cleaned up there when the node is back; its memory comes free now. */
		if (operation->kind == GMM_OPERATION_VM_CREATE)
			gmm_operation_note_failure(core, operation, status, reason);
		gmm_operation_reclaim(core, operation);
		return;
	}
	gmm_operation_fail(core, operation, status, reason, now_ns);
}

void gmm_operation_node_gone(struct gmm_core *core, struct gmm_node *node, int status, const char *reason,
			     uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *operation = &core->operations[i];

		if (operation->kind == GMM_OPERATION_NONE || operation->step >= GMM_STEP_RECLAIM ||
		    process_of(core, operation) != node->id)
			continue;
		if (operation->kind == GMM_OPERATION_REGION_MOVE)
			gmm_move_node_gone(core, operation, status, reason, now_ns);
		else if (operation->kind == GMM_OPERATION_VM_RESIZE)
			gmm_resize_node_gone(core, operation);
		else
			gmm_operation_process_gone(core, operation, status, reason, now_ns);
	}
}

/* The first of its regions whose pages cannot be had now, or never again; NULL: there is none. */
static const struct gmm_region *out_of_reach(struct gmm_core *core, const struct gmm_vm *vm)
{
	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
		const struct gmm_region *region = &core->regions[at];

		if (region->state == GMM_REGION_LOST ||
		    (region->state == GMM_REGION_LIVE && gmm_core_node(core, region->node)->state == GMM_NODE_DOWN))
			return region;
	}
	return NULL;
}

/* A start that cannot end soon ends with the reason, so that the VM can be killed or destroyed; its component goes on loading. */
static void loading_tick(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns)
{
	const struct gmm_region *region;
	const struct gmm_vm *vm;
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	/* An earlier manager's offer may still be loaded: the component is asked again until it is not. */
	if (operation->step != GMM_STEP_LOADING && !(operation->step == GMM_STEP_VM && operation->unsure))
		return;
	vm = &core->vms[operation->vm];
	if (operation->step == GMM_STEP_LOADING && now_ns >= operation->deadline_ns) {
		gmm_operation_fail(core, operation, -ETIMEDOUT, "the guest is still being loaded", now_ns);
		return;
	}
	if (operation->step == GMM_STEP_LOADING && gmm_promise_waits(vm, now_ns)) {
		gmm_operation_fail(core, operation, -ENOSPC, "it waits for memory that was promised, and is loaded when it has it", now_ns);
		return;
	}
	if (operation->calling || vm->state != WIRE_VM_LOADING || now_ns - operation->started_ns < LOAD_REACH_NS)
		return;
	region = out_of_reach(core, vm);
	if (!region)
		return;
	text_string(&text, "it is still being loaded: ");
	text_string(&text, gmm_core_node(core, region->node)->name);
	text_string(&text, region->state == GMM_REGION_LOST ? " has lost memory of it for good; destroy it and create it again" :
		    ", which has memory of it, is down; it goes on when that is back, vm kill ends it");
	gmm_operation_fail(core, operation, -EHOSTUNREACH, line, now_ns);
}

void gmm_operation_tick(struct gmm_core *core, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *operation = &core->operations[i];

		if (operation->kind == GMM_OPERATION_VM_START)
			loading_tick(core, operation, now_ns);
		if (operation->step == GMM_STEP_WAITING && now_ns >= operation->grace_until_ns) {
			operation->cancel = true;
			operation->step = GMM_STEP_VM;
			operation->told = 0;
		}
		if (operation->kind == GMM_OPERATION_NODE_DRAIN && operation->step == GMM_STEP_DRAINING)
			gmm_drain_tick(core, operation, now_ns);
		else if (operation->kind == GMM_OPERATION_BALANCE && operation->step == GMM_STEP_DRAINING)
			gmm_rebalance_tick(core, operation, now_ns);
	}
}

int gmm_core_finished(struct gmm_core *core, struct gmm_finished *finished)
{
	assert(core->dirty.count == 0);		/* M7 */
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *operation = &core->operations[i];

		if (operation->kind == GMM_OPERATION_NONE || operation->step != GMM_STEP_ENDED)
			continue;
		*finished = (struct gmm_finished){
			.operation = operation->id, .kind = operation->kind, .status = operation->status,
			.bench = operation->bench, .moved = operation->moved, .regions_moved = operation->regions_moved,
		};
		memcpy(finished->reason, operation->reason, sizeof(finished->reason));
		gmm_history_told(core, operation);
		operation->kind = GMM_OPERATION_NONE;
		return 1;
	}
	return 0;
}
