// SPDX-License-Identifier: GPL-2.0-only
/* What a component answers to a step of an operation, and where that leads (diagram in core.h). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define START_AGAIN_NS UINT64_C(500000000)

/* Nobody waits for this answer any more; it only says whether the component still holds the VM. */
static void orphan_result(struct gmm_core *core, const struct gmm_call *call, int status)
{
	struct gmm_node *node = gmm_core_node(core, call->node);
	bool refused = status < 0 && status != -ECONNRESET;

	if (call->vm == 0)
		return;
	if (call->type == WIRE_VM_DESTROY ? status == 0 || status == -ENOENT : call->type == WIRE_VM_CREATE && refused)
		gmm_vm_zombie_remove(core, node, call->object);
	else
		node->zombies[call->object].asked = false;
}

static void create_result(struct gmm_core *core, struct gmm_operation *operation, int status, uint64_t now_ns)
{
	struct gmm_vm *vm = &core->vms[operation->vm];

	/* An id is never used twice: what is there was made by an earlier manager, for this operation. */
	if (status == -EEXIST && operation->unsure && operation->step == GMM_STEP_VM)
		status = 0;
	operation->unsure = operation->unsure && status;
	if (operation->step == GMM_STEP_UNDO_VM) {
		if (status && status != -ENOENT)
			gmm_vm_zombie_add(core, gmm_core_node(core, vm->node), vm->id);
		gmm_operation_reclaim(core, operation);
		return;
	}
	if (status) {
		gmm_operation_refused(core, operation, vm->node, "refused the VM", status, now_ns);
		return;
	}
	if (operation->step == GMM_STEP_VM) {
		operation->step = GMM_STEP_CHUNKS;
		operation->region = vm->region_first;
	} else {
		while (operation->told--)
			operation->region = core->regions[operation->region].next;
	}
	if (operation->status) {
		gmm_operation_unwind(core, operation);
		return;
	}
	if (operation->region != GMM_NONE)
		return;
	vm->phase = GMM_VM_READY;
	gmm_dirty_vm(core, vm);
	gmm_core_vm_poll(core, vm);
	gmm_vm_set_state(core, vm, WIRE_VM_CREATED, 0, "", now_ns);
	gmm_operation_end(core, operation);
}

/* LOADING ends when the component says what became of it. */
static void loading_check(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns)
{
	const struct gmm_vm *vm = &core->vms[operation->vm];

	if (vm->state == WIRE_VM_LOADING)
		return;
	if (vm->state == WIRE_VM_FAILED)
		gmm_operation_fail(core, operation, vm->status < 0 ? vm->status : -EIO, vm->reason, now_ns);
	else
		gmm_operation_end(core, operation);
}

/* WAITING ends when the guest does. */
static void waiting_check(struct gmm_core *core, struct gmm_operation *operation)
{
	uint32_t state = core->vms[operation->vm].state;

	if (state != WIRE_VM_RUNNING && state != WIRE_VM_PAUSED && state != WIRE_VM_LOADING)
		gmm_operation_end(core, operation);
}

static void start_result(struct gmm_core *core, struct gmm_operation *operation, int status, uint64_t now_ns)
{
	struct gmm_vm *vm = &core->vms[operation->vm];

	/* What an earlier manager offered it is still being loaded, in vain: this one's offer is for when that has failed. */
	if (status == -EAGAIN && operation->unsure) {
		operation->deadline_ns = now_ns + START_AGAIN_NS;
		return;
	}
	if (status) {
		gmm_operation_refused(core, operation, vm->node, "refused to start the VM", status, now_ns);
		return;
	}
	operation->step = GMM_STEP_LOADING;
	operation->deadline_ns = now_ns + core->config.load_timeout_ms * UINT64_C(1000000);
	/* `told`: the component's event came before its answer. */
	if (operation->told == 0)
		gmm_vm_set_state(core, vm, WIRE_VM_LOADING, 0, "", now_ns);
	loading_check(core, operation, now_ns);
}

/* The button was pressed. One that does not run any more, or whose component knows of no button, is ended. */
static void button_result(struct gmm_core *core, struct gmm_operation *operation, int status, uint64_t now_ns)
{
	if (status == -EBUSY || status == -EOPNOTSUPP) {
		operation->cancel = true;
		return;
	}
	if (status) {
		gmm_operation_refused(core, operation, core->vms[operation->vm].node, "refused to press the power button", status, now_ns);
		return;
	}
	operation->step = GMM_STEP_WAITING;
	/* Pressed again by a manager that started meanwhile, it has the rest of its time. */
	if (operation->grace_until_ns == 0) {
		operation->grace_until_ns = now_ns + operation->grace_ns;
		gmm_dirty_operation(core, operation);
	}
	waiting_check(core, operation);
}

static void stop_result(struct gmm_core *core, struct gmm_operation *operation, int status, uint64_t now_ns)
{
	struct gmm_vm *vm = &core->vms[operation->vm];

	if (status) {
		gmm_operation_refused(core, operation, vm->node, "refused to stop the VM", status, now_ns);
		return;
	}
	if (operation->told == 0)
		gmm_vm_set_state(core, vm, WIRE_VM_STOPPED, 0, "stopped by the operator", now_ns);
	gmm_operation_end(core, operation);
}

static void destroy_result(struct gmm_core *core, struct gmm_operation *operation, int status, uint64_t now_ns)
{
	if (status && status != -ENOENT)
		gmm_operation_refused(core, operation, core->vms[operation->vm].node, "refused to destroy the VM", status, now_ns);
	else
		gmm_operation_reclaim(core, operation);
}

static void bench_result(struct gmm_core *core, struct gmm_operation *operation, int status, const void *body,
			 uint32_t len_bytes, uint64_t now_ns)
{
	if (status == 0 && len_bytes < sizeof(operation->bench))
		status = -EBADMSG;
	if (status) {
		gmm_operation_refused(core, operation, operation->process_node, "could not measure", status, now_ns);
		return;
	}
	memcpy(&operation->bench, body, sizeof(operation->bench));
	gmm_operation_reclaim(core, operation);
}

void gmm_operation_result(struct gmm_core *core, struct gmm_call *call, int status, const void *body,
			  uint32_t len_bytes, uint64_t now_ns)
{
	struct gmm_operation *operation = &core->operations[call->object];

	if (call->orphan) {
		orphan_result(core, call, status);
		return;
	}
	assert(operation->calling);
	operation->calling = false;
	switch (operation->kind) {
	case GMM_OPERATION_VM_CREATE: create_result(core, operation, status, now_ns); break;
	case GMM_OPERATION_VM_START: start_result(core, operation, status, now_ns); break;
	case GMM_OPERATION_VM_STOP:
	case GMM_OPERATION_VM_KILL:
		(operation->cancel ? stop_result : button_result)(core, operation, status, now_ns);
		break;
	case GMM_OPERATION_VM_DESTROY: destroy_result(core, operation, status, now_ns); break;
	case GMM_OPERATION_BENCH: bench_result(core, operation, status, body, len_bytes, now_ns); break;
	case GMM_OPERATION_REGION_MOVE: gmm_move_result(core, operation, status, body, len_bytes, now_ns); break;
	case GMM_OPERATION_VM_RESIZE: gmm_resize_result(core, operation, status, body, len_bytes, now_ns); break;
	case GMM_OPERATION_NODE_DRAIN:
	case GMM_OPERATION_BALANCE:
	case GMM_OPERATIONS_KINDS:
	case GMM_OPERATION_NONE: assert(!"the operation ended with a call under way");
	}
}

void gmm_operation_vm_changed(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	struct gmm_operation *operation;

	if (vm->operation == GMM_NONE)
		return;
	operation = &core->operations[vm->operation];
	if (operation->calling && (operation->kind == GMM_OPERATION_VM_START || operation->kind == GMM_OPERATION_VM_STOP ||
				   operation->kind == GMM_OPERATION_VM_KILL))
		operation->told = 1;
	if (operation->step == GMM_STEP_LOADING)
		loading_check(core, operation, now_ns);
	else if (operation->step == GMM_STEP_WAITING)
		waiting_check(core, operation);
}
