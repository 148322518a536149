// SPDX-License-Identifier: GPL-2.0-only
/* The table of VMs: their states, and their end. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

const char *gmm_wire_state_name(uint32_t state)
{
	static const char *const names[] = {
		"unknown", "created", "loading", "running", "powered-off", "stopped", "paused", "failed",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

const char *const gmm_vm_states[] = {
	"creating", "created", "loading", "running", "powered-off", "stopped", "paused", "failed", "unreachable", "lost", "destroying", NULL,
};

const char *gmm_vm_state_name(const struct gmm_vm *vm, const struct gmm_node *node)
{
	switch (vm->phase) {
	case GMM_VM_CREATING: return "creating";
	case GMM_VM_DESTROYING: return "destroying";
	case GMM_VM_GONE: return "lost";
	default: return node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED ? gmm_wire_state_name(vm->state) :
											 "unreachable";
	}
}

void gmm_vm_set_state(struct gmm_core *core, struct gmm_vm *vm, uint32_t state, int32_t status, const char *reason,
		      uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	vm->status = status;
	if (vm->state == state && strcmp(vm->reason, reason) == 0)
		return;
	vm->state = state;
	vm->changed_ns = now_ns;
	text_copy(vm->reason, sizeof(vm->reason), reason, WIRE_REASON_BYTES);
	gmm_dirty_vm(core, vm);
	text_string(&text, gmm_wire_state_name(state));
	if (vm->reason[0]) {
		text_string(&text, ": ");
		text_string(&text, vm->reason);
	}
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
}

int gmm_core_vm_event(struct gmm_core *core, uint32_t node, const struct wire_vm_event *event, uint64_t now_ns)
{
	struct gmm_vm *vm = gmm_core_vm(core, event->vm);
	char reason[WIRE_REASON_BYTES];

	core->now_ns = now_ns;
	if (!vm || vm->node != node || vm->phase == GMM_VM_GONE)
		return -ENOENT;
	if (event->state < WIRE_VM_CREATED || event->state > WIRE_VM_FAILED)
		return -EINVAL;
	text_copy(reason, sizeof(reason), event->reason, sizeof(event->reason));
	gmm_vm_set_state(core, vm, event->state, event->status, reason, now_ns);
	gmm_operation_vm_changed(core, vm, now_ns);
	return 0;
}

/* ---------------------------------------------------------------- the end of a VM */

void gmm_vm_condemn_regions(struct gmm_core *core, struct gmm_vm *vm, uint32_t operation)
{
	while (vm->region_first != GMM_NONE) {
		uint32_t at = vm->region_first;

		vm->region_first = core->regions[at].next;
		vm->region_count--;
		gmm_region_condemn(core, at, operation);
	}
	assert(vm->region_count == 0);
	gmm_promise_forget(core, vm);
}

static void leave_node(struct gmm_core *core, struct gmm_vm *vm)
{
	struct gmm_node *node = gmm_core_node(core, vm->node);

	if (vm->phase == GMM_VM_GONE)
		return;
	assert(node->vms > 0 && node->lines_given >= vm->cache_lines && node->vcpus_given >= vm->spec.vcpus &&
	       node->bandwidth_given_mbps >= vm->spec.bandwidth_mbps);
	node->vms--;
	node->lines_given -= vm->cache_lines;
	node->vcpus_given -= vm->spec.vcpus;
	node->bandwidth_given_mbps -= vm->spec.bandwidth_mbps;
}

void gmm_vm_forget(struct gmm_core *core, struct gmm_vm *vm)
{
	assert(vm->region_first == GMM_NONE);
	gmm_move_vm_ends(core, vm);
	gmm_resize_vm_ends(core, vm);
	leave_node(core, vm);
	gmm_offer_end(core, vm);
	vm->phase = GMM_VM_FREE;
	core->vm_keys[gmm_vm_index(core, vm)].id = 0;
	core->vm_changes++;
	gmm_poll_remove(core, vm);
	gmm_dirty_vm(core, vm);
}

void gmm_vm_gone(struct gmm_core *core, struct gmm_vm *vm, const char *reason, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	if (vm->phase != GMM_VM_READY)
		return;
	assert(vm->operation == GMM_NONE);
	gmm_move_vm_ends(core, vm);
	gmm_resize_vm_ends(core, vm);
	leave_node(core, vm);
	gmm_offer_end(core, vm);
	vm->phase = GMM_VM_GONE;
	vm->changed_ns = now_ns;
	vm->status = -EHOSTUNREACH;
	text_copy(vm->reason, sizeof(vm->reason), reason, WIRE_REASON_BYTES);
	gmm_dirty_vm(core, vm);
	gmm_vm_condemn_regions(core, vm, GMM_NONE);
	text_string(&text, "lost: ");
	text_string(&text, reason);
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
}

void gmm_vm_gone_again(struct gmm_core *core, struct gmm_vm *vm, const char *reason)
{
	assert(vm->phase == GMM_VM_CREATING && vm->region_first == GMM_NONE);
	leave_node(core, vm);
	vm->phase = GMM_VM_GONE;
	vm->operation = GMM_NONE;
	vm->restarts++;
	text_copy(vm->reason, sizeof(vm->reason), reason, WIRE_REASON_BYTES);
	gmm_dirty_vm(core, vm);
}

uint32_t gmm_vm_zombie_add(struct gmm_core *core, struct gmm_node *node, uint64_t vm)
{
	uint32_t place = 0;

	while (place < VMS_PER_NODE_MAX && node->zombies[place].vm)
		place++;
	/* Each was one of the node's VMs, and those are at most so many together. */
	assert(place < VMS_PER_NODE_MAX);
	node->zombies[place] = (struct gmm_zombie){ .vm = vm };
	node->zombie_count++;
	node->vms++;
	gmm_dirty_zombie(core, node, place);
	return place;
}

void gmm_vm_zombie_remove(struct gmm_core *core, struct gmm_node *node, uint32_t place)
{
	assert(node->vms > 0 && node->zombie_count > 0 && node->zombies[place].vm);
	node->vms--;
	node->zombie_count--;
	node->zombies[place] = (struct gmm_zombie){ 0 };
	gmm_dirty_zombie(core, node, place);
}
