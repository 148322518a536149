// SPDX-License-Identifier: GPL-2.0-only
/* The bodies of the calls that the steps of operations make to process components. */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"

uint32_t gmm_step_region(const struct gmm_core *core, uint32_t at, struct wire_vm_region *entry)
{
	const struct gmm_region *region = &core->regions[at];

	if (region->state == GMM_REGION_PROMISED) {
		*entry = (struct wire_vm_region){ .index = region->index, .pages = region->pages };
		return region->next;
	}
	*entry = (struct wire_vm_region){
		.index = region->index, .rkey = region->rkey, .node = region->node,
		.address = core->nodes[region->node - GMM_NODE_FIRST].address, .base = region->base,
		.pages = region->pages, .epoch = region->epoch,
	};
	return region->next;
}

static void put(struct gmm_step_call *call, uint16_t type, const void *body, uint32_t len_bytes)
{
	assert(len_bytes <= sizeof(call->body));
	call->type = type;
	call->len_bytes = len_bytes;
	memcpy(call->body, body, len_bytes);
}

static void put_chunk(const struct gmm_core *core, struct gmm_operation *operation, struct gmm_step_call *call)
{
	struct wire_vm_regions *chunk = (struct wire_vm_regions *)call->body;
	uint32_t at = operation->region, count = 0;

	_Static_assert(sizeof(*chunk) + WIRE_REGIONS_PER_CHUNK * sizeof(chunk->regions[0]) <= GMM_BODY_BYTES_MAX, "fits");
	while (at != GMM_NONE && count < WIRE_REGIONS_PER_CHUNK)
		at = gmm_step_region(core, at, &chunk->regions[count++]);
	assert(count > 0);
	*chunk = (struct wire_vm_regions){ .vm = core->vms[operation->vm].id, .count = count };
	call->type = WIRE_VM_REGIONS;
	call->len_bytes = (uint32_t)(sizeof(*chunk) + count * sizeof(chunk->regions[0]));
	operation->told = count;
}

static void put_vm_create(const struct gmm_vm *vm, struct gmm_step_call *call)
{
	struct wire_vm_create body = {
		.vm = vm->id, .memory_bytes = vm->spec.memory_bytes, .vcpus = vm->spec.vcpus,
		.cache_lines = vm->cache_lines, .devices = vm->spec.devices,
	};

	memcpy(body.name, vm->spec.name, sizeof(body.name));
	put(call, WIRE_VM_CREATE, &body, sizeof(body));
}

static void put_vm_start(const struct gmm_operation *operation, const struct gmm_vm *vm, struct gmm_step_call *call)
{
	struct wire_vm_start body = { .vm = vm->id, .kernel = vm->kernel, .initrd = vm->initrd, .operation = operation->id };

	memcpy(body.command_line, vm->spec.command_line, sizeof(body.command_line));
	put(call, WIRE_VM_START, &body, sizeof(body));
}

static void put_bench(const struct gmm_core *core, const struct gmm_operation *operation, struct gmm_step_call *call)
{
	const struct gmm_bench_spec *spec = &operation->bench_spec;
	struct wire_bench_read body = { .count = spec->count, .len_bytes = spec->len_bytes, .outstanding = spec->outstanding };

	gmm_step_region(core, operation->region, &body.region);
	put(call, WIRE_BENCH_READ, &body, sizeof(body));
}

bool gmm_step_call(const struct gmm_core *core, struct gmm_operation *operation, struct gmm_step_call *call)
{
	const struct gmm_vm *vm = operation->vm == GMM_NONE ? NULL : &core->vms[operation->vm];
	struct wire_vm_name name = { .vm = vm ? vm->id : 0 };

	if (operation->step == GMM_STEP_CHUNKS) {
		put_chunk(core, operation, call);
		return true;
	}
	if (operation->step == GMM_STEP_UNDO_VM) {
		put(call, WIRE_VM_DESTROY, &name, sizeof(name));
		return true;
	}
	if (operation->step != GMM_STEP_VM)
		return false;
	switch (operation->kind) {
	case GMM_OPERATION_VM_CREATE: put_vm_create(vm, call); return true;
	case GMM_OPERATION_VM_START: put_vm_start(operation, vm, call); return true;
	case GMM_OPERATION_VM_STOP:
	case GMM_OPERATION_VM_KILL:
		put(call, operation->cancel ? WIRE_VM_STOP : WIRE_VM_BUTTON, &name, sizeof(name));
		return true;
	case GMM_OPERATION_VM_DESTROY: put(call, WIRE_VM_DESTROY, &name, sizeof(name)); return true;
	case GMM_OPERATION_BENCH: put_bench(core, operation, call); return true;
	default: return false;
	}
}
