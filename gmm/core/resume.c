// SPDX-License-Identifier: GPL-2.0-only
/* A manager goes on where an earlier one ended: with its operations, and with the kernels it offered to its VMs. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define OFFER_AGAIN_NS UINT64_C(500000000)

/* ---------------------------------------------------------------- operations */

static void resume_regions(struct gmm_core *core, struct gmm_operation *operation)
{
	uint32_t index = gmm_operation_index(core, operation);

	operation->step = GMM_STEP_REGIONS;
	for (uint32_t at = core->vms[operation->vm].region_first; at != GMM_NONE; at = core->regions[at].next) {
		core->regions[at].operation = index;
		operation->pending += core->regions[at].state == GMM_REGION_PLANNED;
	}
	operation->parts = core->vms[operation->vm].region_count;
	if (operation->pending == 0)
		operation->step = GMM_STEP_VM;
}

/* Every request of it that was under way may have happened or not: it is made again (docs/store.md). */
static void resume_operation(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns)
{
	operation->unsure = true;
	if (operation->vm != GMM_NONE)
		memcpy(operation->object, core->vms[operation->vm].spec.name, sizeof(operation->object));
	else if (operation->kind == GMM_OPERATION_BENCH)
		memcpy(operation->object, gmm_core_node(core, operation->process_node)->name, sizeof(operation->object));
	operation->step = GMM_STEP_VM;
	if (operation->kind == GMM_OPERATION_NODE_DRAIN || operation->kind == GMM_OPERATION_BALANCE) {
		const struct gmm_node *node = gmm_core_node(core, operation->from_node);

		/* Both look at what is left, and go on with that. */
		operation->step = GMM_STEP_DRAINING;
		if (operation->parts == 0 && node && node->regions) {
			operation->parts = node->regions;
			gmm_dirty_operation(core, operation);
		}
		memcpy(operation->object, node ? node->name : "memory", node ? sizeof(node->name) : sizeof("memory"));
		return;
	}
	if (operation->kind == GMM_OPERATION_BENCH) {
		gmm_operation_note_failure(core, operation, -ECANCELED, "the manager started again");
		gmm_operation_reclaim(core, operation);
		return;
	}
	if (operation->vm == GMM_NONE) {
		/* Its VM is forgotten; what is left of it waits in the nodes' reclaim lists. */
		gmm_operation_end(core, operation);
		return;
	}
	/* The button is pressed again, for what it led to is not known; but not when the time of grace is over, or there was none. */
	operation->cancel = operation->cancel || operation->kind == GMM_OPERATION_VM_KILL ||
			    (operation->kind == GMM_OPERATION_VM_STOP &&
			     (operation->grace_ns == 0 || (operation->grace_until_ns && operation->grace_until_ns <= now_ns)));
	/* Said again: its component knows the operation, or begins now. */
	if (operation->kind == GMM_OPERATION_VM_RESIZE)
		return;
	if (operation->kind == GMM_OPERATION_VM_CREATE)
		resume_regions(core, operation);
	if (operation->kind == GMM_OPERATION_REGION_MOVE)
		gmm_move_resume(core, operation);
	if (operation->status)
		gmm_operation_unwind(core, operation);
	else if (operation->kind != GMM_OPERATION_REGION_MOVE &&
		 gmm_core_node(core, core->vms[operation->vm].node)->state != GMM_NODE_EXPECTED)
		gmm_operation_process_gone(core, operation, -EHOSTUNREACH, "the process component went down", now_ns);
}

/* ---------------------------------------------------------------- offers */

static bool has_been_started(const struct gmm_core *core, const struct gmm_vm *vm)
{
	bool starting = vm->operation != GMM_NONE && core->operations[vm->operation].kind == GMM_OPERATION_VM_START;

	return vm->phase == GMM_VM_READY && vm->spec.kernel[0] &&
	       (starting || vm->state == WIRE_VM_LOADING || vm->state == WIRE_VM_RUNNING || vm->state == WIRE_VM_PAUSED);
}

void gmm_offer_end(struct gmm_core *core, struct gmm_vm *vm)
{
	if (vm->offer == GMM_OFFER_NONE)
		return;
	assert(core->offers > 0);
	core->offers--;
	vm->offer = GMM_OFFER_NONE;
}

void gmm_offer_begin(struct gmm_core *core, struct gmm_vm *vm)
{
	core->offers += vm->offer == GMM_OFFER_NONE;
	vm->offer = GMM_OFFER_WANTED;
}

int gmm_core_offer_wanted(struct gmm_core *core, struct gmm_vm **vm)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX && core->offers; i++) {
		*vm = &core->vms[i];
		if ((*vm)->phase == GMM_VM_READY && (*vm)->offer == GMM_OFFER_WANTED)
			return 1;
	}
	return 0;
}

void gmm_core_offered(struct gmm_core *core, struct gmm_vm *vm, const struct wire_blob *kernel, const struct wire_blob *initrd,
		      int status, const char *reason, uint64_t now_ns)
{
	assert(vm->offer == GMM_OFFER_WANTED);
	if (status == 0) {
		vm->kernel = *kernel;
		vm->initrd = *initrd;
		vm->offer = GMM_OFFER_READY;
		return;
	}
	gmm_offer_end(core, vm);
	gmm_core_event(core, GMM_EVENT_WARNING, vm->spec.name, reason, now_ns);
	if (vm->operation != GMM_NONE && core->operations[vm->operation].kind == GMM_OPERATION_VM_START)
		gmm_operation_fail(core, &core->operations[vm->operation], status, reason, now_ns);
}

bool gmm_resume_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns)
{
	/* A manager has this to do after its start only; the table of VMs is long. */
	for (uint32_t i = 0; i < GMM_VMS_MAX && core->offers; i++) {
		struct gmm_vm *vm = &core->vms[i];
		struct gmm_node *node = gmm_core_node(core, vm->node);
		struct wire_vm_offer body = { .vm = vm->id, .kernel = vm->kernel, .initrd = vm->initrd };

		/* An operation tells its component itself, or makes an end of what the offer is for. */
		if (vm->phase != GMM_VM_READY || vm->offer != GMM_OFFER_READY || vm->offer_ns > now_ns ||
		    vm->operation != GMM_NONE || node->state != GMM_NODE_UP || node->calls == GMM_CALLS_PER_NODE_MAX)
			continue;
		vm->offer = GMM_OFFER_TOLD;
		gmm_call_start(core, command, GMM_CALL_OFFER, node->id, i, WIRE_VM_OFFER, &body, sizeof(body))->vm = vm->id;
		return true;
	}
	return false;
}

void gmm_resume_told(struct gmm_core *core, const struct gmm_call *call, int status, uint64_t now_ns)
{
	struct gmm_vm *vm = gmm_core_vm(core, call->vm);

	if (!vm || vm->offer != GMM_OFFER_TOLD)
		return;
	if (status != -EAGAIN && status != -ECONNRESET) {
		gmm_offer_end(core, vm);
		return;
	}
	vm->offer = GMM_OFFER_READY;
	vm->offer_ns = now_ns + OFFER_AGAIN_NS;
}

void gmm_resume(struct gmm_core *core, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (has_been_started(core, &core->vms[i]))
			gmm_offer_begin(core, &core->vms[i]);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind != GMM_OPERATION_NONE)
			resume_operation(core, &core->operations[i], now_ns);
}
