// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs are asked for their states and counters once a second. All VMs of the table stand in one list in the order in which they are to be
 * asked: whoever was asked goes to its end, whoever is to be asked at once to its beginning. So a turn of the loop looks at those that
 * are due, and at the one behind them.
 *
 *	L1 Behind the first VM that is not due none is: whoever goes to the end is due later than all others, whoever goes to the beginning is due.
 *	L2 A VM is in the list as long as it is in the table.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define POLL_NS UINT64_C(1000000000)

static void put(struct gmm_core *core, uint32_t at, uint32_t before, uint32_t after)
{
	struct gmm_vm *vm = &core->vms[at];

	vm->poll_before = before;
	vm->poll_after = after;
	*(before == GMM_NONE ? &core->poll_first : &core->vms[before].poll_after) = at;
	*(after == GMM_NONE ? &core->poll_last : &core->vms[after].poll_before) = at;
	vm->poll_listed = true;
}

void gmm_poll_remove(struct gmm_core *core, struct gmm_vm *vm)
{
	assert(vm->poll_listed);
	*(vm->poll_before == GMM_NONE ? &core->poll_first : &core->vms[vm->poll_before].poll_after) = vm->poll_after;
	*(vm->poll_after == GMM_NONE ? &core->poll_last : &core->vms[vm->poll_after].poll_before) = vm->poll_before;
	vm->poll_listed = false;
}

void gmm_core_vm_poll(struct gmm_core *core, struct gmm_vm *vm)
{
	if (vm->poll_listed)
		gmm_poll_remove(core, vm);
	vm->poll_ns = 0;
	put(core, gmm_vm_index(core, vm), GMM_NONE, core->poll_first);
}

static void later(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	gmm_poll_remove(core, vm);
	vm->poll_ns = now_ns + POLL_NS;
	put(core, gmm_vm_index(core, vm), core->poll_last, GMM_NONE);
}

void gmm_poll_check(const struct gmm_core *core)
{
	uint32_t listed = 0, used = 0, before = GMM_NONE;

	for (uint32_t at = core->poll_first; at != GMM_NONE; at = core->vms[at].poll_after) {
		assert(core->vms[at].poll_listed && core->vms[at].poll_before == before && listed < GMM_VMS_MAX);
		before = at;
		listed++;
	}
	assert(core->poll_last == before);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		used += core->vm_keys[i].id != 0;
	assert(listed == used);			/* L2 */
}

bool gmm_vm_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns)
{
	uint32_t at = core->poll_first, after;

	for (; at != GMM_NONE && core->vms[at].poll_ns <= now_ns; at = after) {
		struct gmm_vm *vm = &core->vms[at];
		struct wire_vm_name body = { .vm = vm->id };
		struct gmm_node *node = gmm_core_node(core, vm->node);

		after = vm->poll_after;
		/* No poll while an operation talks to the component: an old answer must not overtake a new state. */
		if (node->calls == GMM_CALLS_PER_NODE_MAX || (vm->operation != GMM_NONE && core->operations[vm->operation].calling))
			continue;
		later(core, vm, now_ns);
		if (vm->phase != GMM_VM_READY || vm->polling || node->state != GMM_NODE_UP)
			continue;
		vm->polling = true;
		gmm_call_start(core, command, GMM_CALL_POLL, node->id, at, WIRE_VM_STATE, &body, sizeof(body))->vm = vm->id;
		return true;
	}
	return false;
}

void gmm_vm_polled(struct gmm_core *core, uint64_t id, int status, const void *body, uint32_t len_bytes,
		   uint64_t now_ns)
{
	struct gmm_vm *vm = gmm_core_vm(core, id);
	char reason[WIRE_REASON_BYTES];

	if (!vm)
		return;
	vm->polling = false;
	if (vm->phase != GMM_VM_READY)
		return;
	if (status == -ENOENT) {
		gmm_vm_set_state(core, vm, WIRE_VM_FAILED, status, "its process component does not know it", now_ns);
		gmm_operation_vm_changed(core, vm, now_ns);
		return;
	}
	if (status || len_bytes < sizeof(vm->counters))
		return;
	memcpy(&vm->counters, body, sizeof(vm->counters));
	vm->counters_ns = now_ns;
	if (vm->counters.state < WIRE_VM_CREATED || vm->counters.state > WIRE_VM_FAILED)
		return;
	text_copy(reason, sizeof(reason), vm->counters.reason, sizeof(vm->counters.reason));
	gmm_vm_set_state(core, vm, vm->counters.state, vm->counters.status, reason, now_ns);
	gmm_operation_vm_changed(core, vm, now_ns);
}
