// SPDX-License-Identifier: GPL-2.0-only
/* Health checks of VMs. */
#include "gmm/core/health_checks.h"
#include "gmm/core/placing.h"

static uint32_t count_vms(const struct gmm_core *core)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		count += core->vms[i].phase != GMM_VM_FREE;
	return count;
}

static uint32_t regions_lost(const struct gmm_core *core, const struct gmm_vm *vm)
{
	uint32_t count = 0;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		count += core->regions[at].state == GMM_REGION_LOST;
	return count;
}

/* The VM's state, for how long, whether the manager sees to it, and why it is so; of a lost one that waits for room: why there is none. */
static void add(const struct gmm_health_view *view, const struct gmm_vm *vm)
{
	struct text text = gmm_health_add(view->found, vm->spec.name);

	text_string(&text, gmm_vm_state_name(vm, gmm_core_node(view->core, vm->node)));
	text_string(&text, " for ");
	gmm_health_time(&text, view->now_ns - vm->changed_ns);
	if (gmm_vm_restarts(vm))
		text_string(&text, vm->phase == GMM_VM_GONE ? ", to be made anew where there is room" : ", to be started again");
	if (vm->reason[0]) {
		text_string(&text, ": ");
		text_string(&text, vm->reason);
	}
}

/* What one of them does, and what many do. */
static void summarize(const struct gmm_health_view *view, const char *one, const char *many)
{
	struct text text = gmm_health_summary(view->found);

	gmm_health_of(&text, view->found->count, count_vms(view->core), "VM", text_plural(view->found->count, one, many));
}

static uint32_t regions_waiting(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t *pages)
{
	uint32_t count = 0;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
		if (core->regions[at].state != GMM_REGION_PROMISED || !core->regions[at].wanted)
			continue;
		*pages += core->regions[at].pages;
		count++;
	}
	return count;
}

void gmm_health_vm_memory_waits(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &view->core->vms[i];
		uint32_t pages = 0, count;
		struct text text;

		if (vm->phase == GMM_VM_FREE || !vm->place_waits)
			continue;
		count = regions_waiting(view->core, vm, &pages);
		text = gmm_health_add(view->found, vm->spec.name);
		text_string(&text, "needs ");
		text_pages(&text, pages);
		text_string(&text, " (");
		gmm_health_of(&text, count, vm->region_count, "region", ") for ");
		gmm_health_time(&text, view->now_ns - vm->place_since_ns);
		text_string(&text, ";");
		gmm_place_free(view->core, NULL, &text);
	}
	summarize(view, " waits for promised memory that finds no room", " wait for promised memory that finds no room");
}

/* A VM that waits for memory which is gone for good, or that finds no room, is told by those checks alone. */
void gmm_health_vm_stalled(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &view->core->vms[i];

		if (vm->phase == GMM_VM_READY && vm->state == WIRE_VM_PAUSED && regions_lost(view->core, vm) == 0 && !vm->place_waits &&
		    gmm_core_node(view->core, vm->node)->state == GMM_NODE_UP)
			add(view, vm);
	}
	summarize(view, " stands still, waiting for memory", " stand still, waiting for memory");
}

void gmm_health_vm_memory_lost(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &view->core->vms[i];
		uint32_t lost = vm->phase == GMM_VM_FREE ? 0 : regions_lost(view->core, vm);
		struct text text;

		if (lost == 0)
			continue;
		text = gmm_health_add(view->found, vm->spec.name);
		gmm_health_of(&text, lost, vm->region_count, "region", " lost");
	}
	summarize(view, " has lost memory for good", " have lost memory for good");
}

void gmm_health_vm_lost(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (view->core->vms[i].phase == GMM_VM_GONE)
			add(view, &view->core->vms[i]);
	summarize(view, " is lost with its process component", " are lost with their process component");
}

void gmm_health_vm_failed(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (view->core->vms[i].phase == GMM_VM_READY && view->core->vms[i].state == WIRE_VM_FAILED)
			add(view, &view->core->vms[i]);
	summarize(view, " failed", " failed");
}

void gmm_health_vm_crash_loop(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (view->core->vms[i].phase != GMM_VM_FREE && view->core->vms[i].looping)
			add(view, &view->core->vms[i]);
	summarize(view, " ended too often and is not started again", " ended too often and are not started again");
}

void gmm_health_placement_violation(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &view->core->vms[i];
		struct gmm_node_set set;
		struct text text;

		if (vm->phase == GMM_VM_FREE || vm->spec.spread == 0)
			continue;
		set = gmm_copyset(view->core, vm, 0);
		if (set.count <= vm->spec.spread)
			continue;
		text = gmm_health_add(view->found, vm->spec.name);
		text_string(&text, "on ");
		text_count(&text, set.count, "memory component");
		text_string(&text, ", its spread is ");
		text_number(&text, vm->spec.spread);
		text_string(&text, ": ");
		gmm_text_set(view->core, &set, &text);
	}
	summarize(view, " is on more memory components than its spread allows", " are on more memory components than their spread allows");
}
