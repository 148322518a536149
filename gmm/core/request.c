// SPDX-License-Identifier: GPL-2.0-only
/* The operator's requests: all checks first, then the reservations, then the operation exists. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define BENCH_PAGES 16u

int gmm_refuse_words(struct gmm_core *core, int status, const char *first, const char *second, const char *third)
{
	struct text text = gmm_refuse(core);

	text_string(&text, first);
	text_string(&text, second);
	text_string(&text, third);
	return status;
}

static struct gmm_operation *operation_slot(struct gmm_core *core)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind == GMM_OPERATION_NONE)
			return &core->operations[i];
	gmm_refuse_words(core, 0, "too many operations are under way, try again", "", "");
	return NULL;
}

bool gmm_operation_room(struct gmm_core *core)
{
	return operation_slot(core) != NULL;
}

struct gmm_operation *gmm_operation_start(struct gmm_core *core, enum gmm_operation_kind kind, enum gmm_step step,
					  const char *object, uint64_t now_ns)
{
	struct gmm_operation *operation = operation_slot(core);

	if (!operation)
		return NULL;
	memset(operation, 0, sizeof(*operation));
	operation->kind = kind;
	operation->step = step;
	operation->id = core->operation_id_next++;
	gmm_dirty_meta(core);
	gmm_dirty_operation(core, operation);
	operation->vm = GMM_NONE;
	operation->region = GMM_NONE;
	operation->started_ns = core->now_ns = now_ns;
	text_copy(operation->object, sizeof(operation->object), object, sizeof(operation->object));
	return operation;
}

/* ---------------------------------------------------------------- start, stop, destroy */

/* Which operation works on it; none may, while it is being made or destroyed. */
static int refuse_busy(struct gmm_core *core, const struct gmm_vm *vm)
{
	const struct gmm_operation *operation = vm->operation == GMM_NONE ? NULL : &core->operations[vm->operation];
	struct text text = gmm_refuse(core);

	text_string(&text, "another operation works on VM ");
	text_string(&text, vm->spec.name);
	if (!operation)
		return -EBUSY;
	text_string(&text, ": ");
	text_string(&text, gmm_operation_kind_name(operation->kind));
	text_string(&text, ", number ");
	text_number(&text, operation->id);
	text_string(&text, "; gmm operation show ");
	text_number(&text, operation->id);
	text_string(&text, " --wait 60");
	return -EBUSY;
}

struct gmm_vm *gmm_request_vm(struct gmm_core *core, const char *name, bool running_node, int *status)
{
	struct gmm_vm *vm = gmm_core_vm_named(core, name);
	struct gmm_node *node;

	if (!vm) {
		*status = gmm_refuse_words(core, -ENOENT, "there is no VM named ", name, "");
		return NULL;
	}
	node = gmm_core_node(core, vm->node);
	if (vm->operation != GMM_NONE || vm->phase == GMM_VM_CREATING || vm->phase == GMM_VM_DESTROYING)
		*status = refuse_busy(core, vm);
	else if (running_node && vm->phase == GMM_VM_GONE)
		*status = gmm_refuse_words(core, -EBUSY, "the VM is lost: ", vm->reason, "; destroy it");
	else if (running_node && node->state == GMM_NODE_EXPECTED)
		*status = gmm_refuse_words(core, -EBUSY, "its process component has not joined this manager yet: ", node->name, "; try again");
	else if (running_node && node->state != GMM_NODE_UP)
		*status = gmm_refuse_words(core, -EBUSY, "its process component is down: ", node->name, "");
	else
		return vm;
	return NULL;
}

/* The VM, when this can be done with it now. */
static struct gmm_vm *find_for(struct gmm_core *core, const char *name, enum gmm_operation_kind kind, int *status)
{
	struct gmm_vm *vm = gmm_request_vm(core, name, kind != GMM_OPERATION_VM_DESTROY, status);
	bool runs = vm && (vm->state == WIRE_VM_RUNNING || vm->state == WIRE_VM_LOADING || vm->state == WIRE_VM_PAUSED);

	bool ends = kind == GMM_OPERATION_VM_STOP || kind == GMM_OPERATION_VM_KILL;

	if (vm && kind == GMM_OPERATION_VM_STOP && !(vm->spec.devices & DEVICE_BUTTON)) {
		*status = gmm_refuse_words(core, -EINVAL, name, " has no power button; use vm kill", "");
		return NULL;
	}
	/* One that is to be started again can be stopped: it is not, then. */
	if (!vm || kind == GMM_OPERATION_VM_DESTROY || runs == ends || (ends && (gmm_vm_restarts(vm) || vm->looping)))
		return vm;
	*status = gmm_refuse_words(core, -EBUSY, name, " is ", gmm_wire_state_name(vm->state));
	return NULL;
}

int gmm_core_vm_check(struct gmm_core *core, const char *name, enum gmm_operation_kind kind)
{
	int status = 0;

	if (!find_for(core, name, kind, &status))
		return status;
	return gmm_operation_room(core) ? 0 : -EAGAIN;
}

struct gmm_operation *gmm_vm_operation(struct gmm_core *core, struct gmm_vm *vm, enum gmm_operation_kind kind, uint64_t now_ns)
{
	struct gmm_operation *operation = gmm_operation_start(core, kind, GMM_STEP_VM, vm->spec.name, now_ns);

	if (!operation)
		return NULL;
	operation->vm = gmm_vm_index(core, vm);
	vm->operation = gmm_operation_index(core, operation);
	return operation;
}

int gmm_core_vm_start(struct gmm_core *core, const char *name, const struct wire_blob *kernel,
		      const struct wire_blob *initrd, uint64_t *id, uint64_t now_ns)
{
	struct gmm_operation *operation;
	int status = 0;
	struct gmm_vm *vm = find_for(core, name, GMM_OPERATION_VM_START, &status);

	if (!vm)
		return status;
	operation = gmm_vm_operation(core, vm, GMM_OPERATION_VM_START, now_ns);
	if (!operation)
		return -EAGAIN;
	vm->kernel = *kernel;
	vm->initrd = *initrd;
	gmm_offer_end(core, vm);
	gmm_restart_want(core, vm, true);
	*id = operation->id;
	return 0;
}

static int end_guest(struct gmm_core *core, const char *name, enum gmm_operation_kind kind, uint64_t grace_ms, uint64_t *id,
		     uint64_t now_ns)
{
	struct gmm_operation *operation;
	int status = 0;
	struct gmm_vm *vm = find_for(core, name, kind, &status);

	if (!vm)
		return status;
	operation = gmm_vm_operation(core, vm, kind, now_ns);
	if (!operation)
		return -EAGAIN;
	*id = operation->id;
	operation->grace_ns = grace_ms * UINT64_C(1000000);
	/* Only a guest that runs hears its button. */
	operation->cancel = kind == GMM_OPERATION_VM_KILL || grace_ms == 0 || vm->state != WIRE_VM_RUNNING;
	if (gmm_vm_restarts(vm) || vm->looping)
		gmm_operation_end(core, operation);
	gmm_restart_want(core, vm, false);
	return 0;
}

int gmm_core_vm_stop(struct gmm_core *core, const char *name, uint64_t grace_ms, uint64_t *id, uint64_t now_ns)
{
	if (grace_ms > GMM_STOP_GRACE_MS_MAX)
		return gmm_refuse_words(core, -EINVAL, "a guest is waited for an hour at the most", "", "");
	return end_guest(core, name, GMM_OPERATION_VM_STOP, grace_ms, id, now_ns);
}

int gmm_core_vm_kill(struct gmm_core *core, const char *name, uint64_t *id, uint64_t now_ns)
{
	return end_guest(core, name, GMM_OPERATION_VM_KILL, 0, id, now_ns);
}

int gmm_core_vm_destroy(struct gmm_core *core, const char *name, uint64_t *id, uint64_t now_ns)
{
	struct gmm_operation *operation;
	struct gmm_node *node;
	int status = 0;
	struct gmm_vm *vm = find_for(core, name, GMM_OPERATION_VM_DESTROY, &status);

	if (!vm)
		return status;
	operation = gmm_vm_operation(core, vm, GMM_OPERATION_VM_DESTROY, now_ns);
	if (!operation)
		return -EAGAIN;
	*id = operation->id;
	gmm_restart_want(core, vm, false);
	if (vm->phase == GMM_VM_GONE) {
		gmm_vm_forget(core, vm);
		vm->operation = operation->vm = GMM_NONE;
		gmm_operation_end(core, operation);
		return 0;
	}
	vm->phase = GMM_VM_DESTROYING;
	node = gmm_core_node(core, vm->node);
	if (node->state != GMM_NODE_UP && node->state != GMM_NODE_EXPECTED)
		gmm_operation_node_gone(core, node, -EHOSTUNREACH, "", now_ns);
	return 0;
}

/* ---------------------------------------------------------------- bench */

int gmm_core_bench(struct gmm_core *core, const char *process, const char *memory, const struct gmm_bench_spec *spec,
		   uint64_t *id, uint64_t now_ns)
{
	struct gmm_node *p = gmm_core_node_named(core, process), *m = gmm_core_node_named(core, memory);
	struct gmm_operation *operation;

	if (!p || !m)
		return gmm_refuse_words(core, -ENOENT, "there is no node named ", p ? memory : process, "");
	if (p->role != WIRE_ROLE_PROCESS || m->role != WIRE_ROLE_MEMORY)
		return gmm_refuse_words(core, -EINVAL, "the bench needs a process component and a memory component, in this order", "", "");
	if (!gmm_node_eligible(p) || !gmm_node_eligible(m)) {
		const struct gmm_node *lame = gmm_node_eligible(p) ? m : p;

		return gmm_refuse_words(core, -EBUSY, lame->name, " is ", gmm_place_obstacle(lame));
	}
	if (spec->count == 0 || spec->count > WIRE_BENCH_READS_MAX || spec->len_bytes == 0 || spec->len_bytes > PAGE_BYTES ||
	    spec->outstanding == 0 || spec->outstanding > WIRE_BENCH_OUTSTANDING_MAX)
		return gmm_refuse_words(core, -EINVAL, "the bench makes 1 to 1000000 READs of 1 to 4096 bytes, 1 to 32 at a time", "", "");
	if (gmm_node_pages_free(m) < BENCH_PAGES || !gmm_region_room(core))
		return gmm_refuse_words(core, -ENOSPC, memory, " has no room for the bench's pages", "");
	operation = gmm_operation_start(core, GMM_OPERATION_BENCH, GMM_STEP_REGIONS, p->name, now_ns);
	if (!operation)
		return -EAGAIN;
	operation->process_node = p->id;
	operation->bench_spec = *spec;
	operation->region = gmm_region_allocate(core, core->vm_id_next++, 0, BENCH_PAGES, m->id, p->id);
	core->regions[operation->region].operation = gmm_operation_index(core, operation);
	operation->pending = operation->parts = 1;
	*id = operation->id;
	return 0;
}
