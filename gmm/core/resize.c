// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache share of a VM is changed while its guest runs. The operation goes on beside what else works on the VM, as a move does: it
 * is said to the process component until that has answered that it is done. What both sizes need is reserved meanwhile.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define RESIZE_POLL_NS UINT64_C(200000000)

static uint32_t lines_of(uint64_t bytes)
{
	return (uint32_t)(bytes / PAGE_BYTES);
}

/* Reserve more of the component's cache, or give some back. */
static void reserve(struct gmm_core *core, struct gmm_vm *vm, uint32_t lines)
{
	struct gmm_node *node = gmm_core_node(core, vm->node);

	assert(node->lines_given >= vm->cache_lines);
	node->lines_given += lines;
	node->lines_given -= vm->cache_lines;
	vm->cache_lines = lines;
	gmm_dirty_vm(core, vm);
}

/* ---------------------------------------------------------------- requests */

static int refuse_room(struct gmm_core *core, const struct gmm_node *node, uint64_t more_lines)
{
	struct text text = gmm_refuse(core);

	text_string(&text, node->name);
	text_string(&text, " has ");
	text_pages(&text, gmm_node_lines_free(node));
	text_string(&text, " of cache left, the VM asks for ");
	text_pages(&text, more_lines);
	text_string(&text, " more");
	return -ENOSPC;
}

static int check(struct gmm_core *core, const char *name, uint64_t cache_bytes, struct gmm_vm **found)
{
	int status = 0;
	struct gmm_vm *vm = gmm_request_vm(core, name, true, &status);
	const struct gmm_node *node = vm ? gmm_core_node(core, vm->node) : NULL;

	if (!vm)
		return status;
	status = gmm_check_cache(core, cache_bytes);
	if (status)
		return status;
	if (vm->resize != GMM_NONE)
		return gmm_refuse_words(core, -EBUSY, "the cache share of ", name, " is being resized already; wait for that operation");
	if (cache_bytes == vm->spec.cache_bytes)
		return gmm_refuse_words(core, -EALREADY, "the cache share of ", name, " is as large as that already");
	if (cache_bytes > vm->spec.cache_bytes && !gmm_node_eligible(node))
		return gmm_refuse_words(core, -EBUSY, node->name, " takes nothing more: it is ", gmm_place_obstacle(node));
	if (cache_bytes > vm->spec.cache_bytes && lines_of(cache_bytes) - vm->cache_lines > gmm_node_lines_free(node))
		return refuse_room(core, node, lines_of(cache_bytes) - vm->cache_lines);
	*found = vm;
	return 0;
}

int gmm_core_vm_resize_plan(struct gmm_core *core, const char *name, uint64_t cache_bytes)
{
	struct gmm_vm *vm;
	int status = check(core, name, cache_bytes, &vm);

	return status ? status : gmm_operation_room(core) ? 0 : -EAGAIN;
}

int gmm_core_vm_resize(struct gmm_core *core, const char *name, uint64_t cache_bytes, uint64_t *id, uint64_t now_ns)
{
	struct gmm_operation *operation;
	struct gmm_vm *vm;
	int status = check(core, name, cache_bytes, &vm);

	if (status)
		return status;
	operation = gmm_operation_start(core, GMM_OPERATION_VM_RESIZE, GMM_STEP_VM, vm->spec.name, now_ns);
	if (!operation)
		return -EAGAIN;
	operation->vm = gmm_vm_index(core, vm);
	vm->resize = gmm_operation_index(core, operation);
	vm->cache_wanted_bytes = cache_bytes;
	if (cache_bytes > vm->spec.cache_bytes)
		reserve(core, vm, lines_of(cache_bytes));
	gmm_dirty_vm(core, vm);
	*id = operation->id;
	return 0;
}

/* ---------------------------------------------------------------- ends */

static void end(struct gmm_core *core, struct gmm_operation *operation, struct gmm_vm *vm)
{
	assert(!operation->calling && vm->resize == gmm_operation_index(core, operation));
	vm->resize = GMM_NONE;
	vm->cache_wanted_bytes = 0;
	gmm_dirty_vm(core, vm);
	operation->vm = GMM_NONE;
	operation->pending = 0;
	gmm_operation_end(core, operation);
}

static void done(struct gmm_core *core, struct gmm_operation *operation, struct gmm_vm *vm, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, "cache share resized from ");
	text_pages(&text, lines_of(vm->spec.cache_bytes));
	text_string(&text, " to ");
	text_pages(&text, lines_of(vm->cache_wanted_bytes));
	vm->spec.cache_bytes = vm->cache_wanted_bytes;
	reserve(core, vm, lines_of(vm->spec.cache_bytes));
	gmm_core_event(core, GMM_EVENT_VM, vm->spec.name, line, now_ns);
	end(core, operation, vm);
}

static void refused(struct gmm_core *core, struct gmm_operation *operation, struct gmm_vm *vm, int status)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, gmm_core_node(core, vm->node)->name);
	text_string(&text, status == -EOPNOTSUPP ? " cannot resize a cache share: start it with an image of this version; " :
						   " refused to resize the cache share: ");
	text_status(&text, status);
	gmm_operation_note_failure(core, operation, status, line);
	reserve(core, vm, lines_of(vm->spec.cache_bytes));
	end(core, operation, vm);
}

void gmm_resize_vm_ends(struct gmm_core *core, struct gmm_vm *vm)
{
	struct gmm_operation *operation;

	if (vm->resize == GMM_NONE)
		return;
	operation = &core->operations[vm->resize];
	if (operation->calling)
		gmm_operation_orphan(core, operation);
	gmm_operation_note_failure(core, operation, -ENOENT, "the VM is no more");
	end(core, operation, vm);
}

/* ---------------------------------------------------------------- calls */

bool gmm_resize_output(struct gmm_core *core, struct gmm_operation *operation, struct gmm_command *command, uint64_t now_ns)
{
	const struct gmm_vm *vm = &core->vms[operation->vm];
	const struct gmm_node *node = gmm_core_node(core, vm->node);
	struct wire_vm_resize body = { .vm = vm->id, .operation = operation->id, .cache_lines = lines_of(vm->cache_wanted_bytes) };

	if (node->state != GMM_NODE_UP || node->calls == GMM_CALLS_PER_NODE_MAX || now_ns < operation->poll_ns)
		return false;
	operation->poll_ns = now_ns + RESIZE_POLL_NS;
	operation->calling = true;
	gmm_call_start(core, command, GMM_CALL_STEP, node->id, gmm_operation_index(core, operation), WIRE_VM_RESIZE, &body, sizeof(body));
	return true;
}

void gmm_resize_result(struct gmm_core *core, struct gmm_operation *operation, int status, const void *body, uint32_t len_bytes,
		       uint64_t now_ns)
{
	struct gmm_vm *vm = &core->vms[operation->vm];
	struct wire_vm_resized resized;

	if (status == -ECONNRESET)
		return;			/* asked again, unless the VM went with the component's incarnation */
	if (status == 0 && len_bytes < sizeof(resized))
		status = -EBADMSG;
	if (status) {
		refused(core, operation, vm, status);
		return;
	}
	memcpy(&resized, body, sizeof(resized));
	if (resized.vm != vm->id || resized.operation != operation->id || resized.parts_done > resized.parts)
		return;
	operation->step = GMM_STEP_RESIZING;
	operation->parts = resized.parts;
	operation->pending = resized.parts - resized.parts_done;
	if (resized.parts == 0)
		done(core, operation, vm, now_ns);
}

void gmm_resize_node_gone(struct gmm_core *core, struct gmm_operation *operation)
{
	if (operation->calling)
		gmm_operation_orphan(core, operation);
}
