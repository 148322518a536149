// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restart policies: a guest that the operator started and that ended by itself is started again.
 *
 *	ended --plan--> waits (back-off: 1 s, doubled each time, 60 s at most) --start operation--> loading ...
 *	lost  --plan--> waits --create operation, another id--> created --plan--> waits --start operation--> ...
 *	with restart_max restarts in restart_window_s behind it: looping, until the operator starts or stops it
 *
 *	R1 What an operator stopped or destroyed is never started by itself: `wanted` goes with the stop, before it is carried out.
 *	R2 A lost VM is made anew only when its regions have been condemned (gmm_vm_gone()): the new one has regions and an id of its own, so a
 *	   guest that still runs on a component which is merely out of reach can neither touch them nor be taken for the new one.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define SECOND_NS UINT64_C(1000000000)
#define BACK_OFF_DOUBLINGS_MAX 6u
#define BACK_OFF_NS_MAX (60 * SECOND_NS)
#define PLACE_AGAIN_NS (5 * SECOND_NS)		/* a lost VM that no component has room for */

static const char *const names[GMM_RESTARTS] = { "no", "on-failure", "always" };

const char *gmm_restart_name(uint32_t restart)
{
	assert(restart < GMM_RESTARTS);
	return names[restart];
}

enum gmm_restart gmm_restart_named(const char *name)
{
	uint32_t restart = 0;

	while (restart < GMM_RESTARTS && strcmp(name, names[restart]))
		restart++;
	return (enum gmm_restart)restart;
}

bool gmm_restart_is_valid(uint32_t restart, uint32_t max, uint32_t window_s)
{
	return restart < GMM_RESTARTS && max >= 1 && max <= GMM_RESTART_MAX_LIMIT && window_s >= 1 && window_s <= GMM_RESTART_WINDOW_S_LIMIT;
}

int gmm_refuse_restart(struct gmm_core *core, const char *rest)
{
	struct text text = gmm_refuse(core);

	text_string(&text, "a guest is started again 1 to ");
	text_number(&text, GMM_RESTART_MAX_LIMIT);
	text_string(&text, " times in 1 to ");
	text_number(&text, GMM_RESTART_WINDOW_S_LIMIT);
	text_string(&text, " seconds");
	text_string(&text, rest);
	return -EINVAL;
}

void gmm_restart_want(struct gmm_core *core, struct gmm_vm *vm, bool wanted)
{
	vm->wanted = wanted;
	vm->looping = false;
	vm->restarts = 0;
	vm->restart_since_ns = vm->restart_ns = 0;
	gmm_dirty_vm(core, vm);
}

bool gmm_vm_restarts(const struct gmm_vm *vm)
{
	bool always = vm->spec.restart == GMM_RESTART_ALWAYS;

	if (!vm->wanted || vm->looping || vm->spec.restart == GMM_RESTART_NO)
		return false;
	if (vm->phase == GMM_VM_GONE)
		return always;
	/* CREATED: made anew, or the operator's start failed. */
	return vm->phase == GMM_VM_READY && (vm->state == WIRE_VM_FAILED || vm->state == WIRE_VM_CREATED ||
					     (vm->state == WIRE_VM_POWERED_OFF && always));
}

static uint64_t back_off_ns(const struct gmm_vm *vm)
{
	uint64_t delay_ns = SECOND_NS << (vm->restarts < BACK_OFF_DOUBLINGS_MAX ? vm->restarts : BACK_OFF_DOUBLINGS_MAX);

	return delay_ns < BACK_OFF_NS_MAX ? delay_ns : BACK_OFF_NS_MAX;
}

static void give_up(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	vm->looping = true;
	gmm_dirty_vm(core, vm);
	text_string(&text, "not started again: it ended after ");
	text_count(&text, vm->restarts, "restart");
	text_string(&text, " in ");
	text_number(&text, (now_ns - vm->restart_since_ns) / SECOND_NS);
	text_string(&text, " s");
	if (vm->reason[0]) {
		text_string(&text, "; the last time: ");
		text_string(&text, vm->reason);
	}
	gmm_core_event(core, GMM_EVENT_WARNING, vm->spec.name, line, now_ns);
}

static void say(struct gmm_core *core, const struct gmm_vm *vm, const char *what, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, what);
	text_string(&text, ", restart ");
	text_number(&text, vm->restarts);
	text_string(&text, " of ");
	text_number(&text, vm->spec.restart_max);
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
}

static void start(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	struct gmm_operation *operation = gmm_vm_operation(core, vm, GMM_OPERATION_VM_START, now_ns);

	assert(operation);
	gmm_offer_begin(core, vm);
	vm->restarts++;
	vm->restart_ns = 0;
	gmm_dirty_vm(core, vm);
	say(core, vm, "is started again", now_ns);
}

/* What cannot be placed now is no restart; the component may come back, or another one have room. */
static void make_anew(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	if (gmm_vm_create_again(core, vm, now_ns) == 0) {
		vm->restart_ns = 0;
		gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, "is made anew: its process component lost it", now_ns);
		return;
	}
	vm->restart_ns = now_ns + PLACE_AGAIN_NS;
	if (strncmp(vm->reason, core->refusal, sizeof(vm->reason) - 1) == 0)
		return;
	text_copy(vm->reason, sizeof(vm->reason), core->refusal, sizeof(core->refusal));
	gmm_dirty_vm(core, vm);
	gmm_core_event(core, GMM_EVENT_WARNING, vm->spec.name, core->refusal, now_ns);
}

static void look(struct gmm_core *core, struct gmm_vm *vm, uint64_t now_ns)
{
	bool lost = vm->phase == GMM_VM_GONE;

	if (now_ns - vm->restart_since_ns > vm->spec.restart_window_s * SECOND_NS) {
		vm->restart_since_ns = now_ns;
		vm->restarts = 0;
		gmm_dirty_vm(core, vm);
	}
	if (vm->restart_ns == 0)
		vm->restart_ns = now_ns + back_off_ns(vm);
	if (now_ns < vm->restart_ns || !gmm_operation_room(core))
		return;
	if (vm->restarts >= vm->spec.restart_max)
		give_up(core, vm, now_ns);
	else if (lost)
		make_anew(core, vm, now_ns);
	else if (gmm_core_node(core, vm->node)->state == GMM_NODE_UP)
		start(core, vm, now_ns);
}

void gmm_restart_tick(struct gmm_core *core, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];

		if (core->vm_keys[i].id && vm->operation == GMM_NONE && gmm_vm_restarts(vm))
			look(core, vm, now_ns);
	}
}
