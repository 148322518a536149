/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manager's requests about VMs. Handlers run under the fabric lock and wait for nothing: what takes long is left to the
 * VM's keeper, and answered when it is done.
 */
#include <errno.h>
#include <string.h>

#include "pcomponent/process.h"

static void answer(struct rpc_endpoint *endpoint, const struct rpc_request *request, int status, uint64_t now)
{
	rpc_reply(endpoint, request->token, status, NULL, 0, now);
}

/* The VM that a request names in its first eight bytes, unless it is being taken apart. */
static struct process_vm *named(const struct rpc_request *request)
{
	struct process_vm *vm;
	uint64_t id;

	memcpy(&id, request->body, sizeof(id));
	vm = process_vm_find(id);
	return vm && !vm->destroy_wanted ? vm : NULL;
}

/* ------------------------------------------------------------------ create, regions */

static int create(const struct wire_vm_create *body)
{
	struct process_vm *vm;
	int slot, status;

	if (process_vm_find(body->vm))
		return -EEXIST;
	slot = hv_vm_create(process.hv, body);
	if (slot < 0)
		return slot;
	status = region_vm_create(process.regions, (uint32_t)slot, body->memory_bytes >> PAGE_SHIFT);
	if (!status) {
		status = cache_vm_create(process.cache, (uint32_t)slot, body->cache_lines);
		if (status)
			region_vm_destroy(process.regions, (uint32_t)slot);
	}
	if (status) {
		hv_vm_destroy(process.hv, (uint32_t)slot);
		return status;
	}
	vm = process_vm((uint32_t)slot);
	vm->id = body->vm;
	vm->start_wanted = vm->abort = vm->ran = false;
	vm->resize_operation = 0;
	memset(&vm->start, 0, sizeof(vm->start));
	vm->output_offset = vm->input_offset = 0;
	vm->output_under_way = 0;
	vm->event_retry_ns = 0;
	vm->wanted_retry_ns = 0;
	__atomic_store_n(&vm->changed, false, __ATOMIC_RELEASE);
	log_line(LOG_INFO, "event=vm_create vm=%lu slot=%d name=%s memory_bytes=%lu vcpus=%u cache_lines=%u devices=%x", body->vm,
		 slot, body->name, body->memory_bytes, body->vcpus, body->cache_lines, body->devices);
	return 0;
}

static void serve_create(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct wire_vm_create body = { .devices = DEVICES_FIRST };

	(void)context;
	/* All of the new fields or none. */
	memcpy(&body, request->body, request->len_bytes < sizeof(body) ? WIRE_VM_CREATE_BYTES_MIN : sizeof(body));
	answer(endpoint, request, create(&body), now);
}

static void serve_regions(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_vm_regions head;
	int status = 0;

	(void)context;
	memcpy(&head, request->body, sizeof(head));
	if (!vm)
		status = -ENOENT;
	else if (head.count == 0 || head.count > WIRE_REGIONS_PER_CHUNK ||
		 request->len_bytes < sizeof(head) + head.count * sizeof(struct wire_vm_region))
		status = -EMSGSIZE;
	for (uint32_t i = 0; i < head.count && !status; i++) {
		struct wire_vm_region region;

		memcpy(&region, (const uint8_t *)request->body + sizeof(head) + i * sizeof(region), sizeof(region));
		status = region.epoch ? region_map(process.regions, vm->slot, &region, now) :
					region_promise(process.regions, vm->slot, &region);
	}
	answer(endpoint, request, status, now);
}

/* ------------------------------------------------------------------ moves of regions */

static void answer_moved(struct rpc_endpoint *endpoint, const struct rpc_request *request, const struct process_vm *vm,
			 const struct wire_region_name *name, uint64_t now)
{
	struct wire_vm_region_moved moved;
	int status = region_move_status(process.regions, vm->slot, name->index, name->epoch, &moved, now);

	moved.vm = name->vm;
	rpc_reply(endpoint, request->token, status, &moved, status ? 0 : sizeof(moved), now);
}

static void serve_move(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_vm_region_move body;
	struct wire_region_name name;
	int status = -ENOENT;

	(void)context;
	memcpy(&body, request->body, sizeof(body));
	name = (struct wire_region_name){ .vm = body.vm, .index = body.region.index, .epoch = body.region.epoch };
	if (vm)
		status = region_move(process.regions, vm->slot, &body.region, &body.pace, now);
	if (status) {
		answer(endpoint, request, status, now);
		return;
	}
	log_line(LOG_INFO, "event=region_move vm=%lu index=%u node=%u epoch=%u", body.vm, body.region.index, body.region.node,
		 body.region.epoch);
	answer_moved(endpoint, request, vm, &name, now);
}

static void serve_move_state(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_region_name name;

	(void)context;
	memcpy(&name, request->body, sizeof(name));
	if (vm)
		answer_moved(endpoint, request, vm, &name, now);
	else
		answer(endpoint, request, -ENOENT, now);
}

static void serve_move_cancel(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_region_name name;
	int status = -ENOENT;

	(void)context;
	memcpy(&name, request->body, sizeof(name));
	if (vm)
		status = region_move_cancel(process.regions, vm->slot, name.index, name.epoch);
	if (status)
		answer(endpoint, request, status, now);
	else
		answer_moved(endpoint, request, vm, &name, now);
}

/* ------------------------------------------------------------------ resize */

/* An older operation's request has been overtaken: it must not undo what a newer one has asked for. */
static int resize(struct process_vm *vm, const struct wire_vm_resize *body, uint64_t now)
{
	int status;

	if (body->operation == 0)
		return -EINVAL;
	if (body->operation < vm->resize_operation)
		return -ESTALE;
	status = cache_vm_resize(process.cache, vm->slot, body->cache_lines, now);
	if (status == 0 && body->operation != vm->resize_operation) {
		vm->resize_operation = body->operation;
		log_line(LOG_INFO, "event=vm_resize vm=%lu cache_lines=%u operation=%lu", vm->id, body->cache_lines, body->operation);
	}
	return status;
}

static void serve_resize(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_vm_resized resized;
	struct wire_vm_resize body;
	struct cache_share share;
	int status;

	(void)context;
	memcpy(&body, request->body, sizeof(body));
	status = vm ? resize(vm, &body, now) : -ENOENT;
	if (status) {
		answer(endpoint, request, status, now);
		return;
	}
	cache_vm_share(process.cache, vm->slot, &share);
	resized = (struct wire_vm_resized){
		.vm = vm->id, .operation = vm->resize_operation, .lines = share.lines, .lines_wanted = share.lines_wanted,
		.parts = share.parts, .parts_done = share.parts_done,
	};
	rpc_reply(endpoint, request->token, 0, &resized, sizeof(resized), now);
	sweeper_wake_if_wanted();
}

/* ------------------------------------------------------------------ start, stop, destroy */

/* Can its pieces be counted and addressed? Whether it fits the guest is for load_linux_plan() to say, with a reason. */
static bool blob_valid(const struct wire_blob *blob)
{
	return blob->len_bytes <= VM_MEMORY_BYTES_MAX && blob->address <= UINT64_MAX - VM_MEMORY_BYTES_MAX;
}

static int start(struct process_vm *vm, const struct wire_vm_start *body)
{
	enum wire_vm_state state = hv_vm_state(process.hv, vm->slot);
	bool same = body->operation && body->operation == vm->start.operation;

	/* Said again by a manager that does not know whether it was heard: once it ran, it has been started. */
	if (same && vm->ran)
		return 0;
	if (same && (vm->start_wanted || vm->loading))
		return -EAGAIN;
	if (state == WIRE_VM_RUNNING || state == WIRE_VM_LOADING || state == WIRE_VM_PAUSED || vm->start_wanted || vm->loading)
		return -EBUSY;
	if (!memchr(body->command_line, 0, sizeof(body->command_line)) || body->kernel.len_bytes == 0 ||
	    !blob_valid(&body->kernel) || !blob_valid(&body->initrd))
		return -EINVAL;
	if (!region_vm_complete(process.regions, vm->slot))
		return -EFAULT;
	vm->start = *body;
	vm->abort = vm->ran = false;
	vm->start_wanted = true;
	hv_vm_set_state(process.hv, vm->slot, WIRE_VM_LOADING, 0, NULL);
	thread_wake(vm->keeper);
	return 0;
}

static void serve_start(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	static struct wire_vm_start body;		/* handlers run one at a time */
	struct process_vm *vm = named(request);

	(void)context;
	memset(&body, 0, sizeof(body));
	memcpy(&body, request->body, request->len_bytes < sizeof(body) ? request->len_bytes : sizeof(body));
	answer(endpoint, request, vm ? start(vm, &body) : -ENOENT, now);
}

static void serve_offer(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_vm_offer body;
	int status = 0;

	(void)context;
	memcpy(&body, request->body, sizeof(body));
	if (!vm)
		status = -ENOENT;
	else if (vm->start_wanted || vm->loading)
		status = -EAGAIN;
	else if (body.kernel.len_bytes == 0 || !blob_valid(&body.kernel) || !blob_valid(&body.initrd))
		status = -EINVAL;
	if (!status) {
		vm->start.kernel = body.kernel;
		vm->start.initrd = body.initrd;
	}
	answer(endpoint, request, status, now);
}

static void serve_button(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	int status = 0;

	(void)context;
	if (!vm)
		status = -ENOENT;
	else if (!(hv_vm_devices(process.hv, vm->slot) & DEVICE_BUTTON))
		status = -EOPNOTSUPP;
	else if (hv_vm_state(process.hv, vm->slot) != WIRE_VM_RUNNING)
		status = -EBUSY;
	else
		hv_vm_press_power(process.hv, vm->slot);
	answer(endpoint, request, status, now);
}

static void serve_stop(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);

	(void)context;
	if (vm) {
		vm->abort = true;
		hv_vm_stop(process.hv, vm->slot, WIRE_VM_STOPPED, 0, "stopped by the operator");
		keeper_stop_waiting(vm);
	}
	answer(endpoint, request, vm ? 0 : -ENOENT, now);
}

static void serve_destroy(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);

	(void)context;
	if (!vm) {
		answer(endpoint, request, -ENOENT, now);
		return;
	}
	vm->abort = true;
	vm->destroy_wanted = true;
	vm->destroy_token = request->token;	/* the keeper answers */
	hv_vm_stop(process.hv, vm->slot, WIRE_VM_STOPPED, 0, "destroyed");
	keeper_stop_waiting(vm);
	thread_wake(vm->keeper);
}

/* ------------------------------------------------------------------ state, console, counters, bench */

static void serve_state(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	static struct wire_vm_status status;
	struct process_vm *vm = named(request);

	_Static_assert(sizeof(status) <= RPC_BODY_BYTES_MAX, "a status fits in a reply");
	(void)context;
	if (!vm) {
		answer(endpoint, request, -ENOENT, now);
		return;
	}
	memset(&status, 0, sizeof(status));
	cache_vm_status(process.cache, vm->slot, &status);
	hv_vm_status(process.hv, vm->slot, &status);
	rpc_reply(endpoint, request->token, 0, &status, sizeof(status), now);
}

/*
 * Typed bytes count by their place in the stream, so that what was taken of a piece before is not typed again. -EAGAIN: not
 * all fitted; send the same again.
 */
static int type(struct process_vm *vm, const struct wire_vm_console *head, const uint8_t *bytes)
{
	uint64_t skip = vm->input_offset > head->offset ? vm->input_offset - head->offset : 0;
	uint32_t taken;

	if (skip >= head->len_bytes)
		return 0;
	taken = hv_console_type(process.hv, vm->slot, bytes + skip, head->len_bytes - (uint32_t)skip);
	vm->input_offset = head->offset + skip + taken;
	return skip + taken == head->len_bytes ? 0 : -EAGAIN;
}

static void serve_input(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct process_vm *vm = named(request);
	struct wire_vm_console head;
	int status;

	(void)context;
	memcpy(&head, request->body, sizeof(head));
	if (!vm)
		status = -ENOENT;
	else if (!(hv_vm_devices(process.hv, vm->slot) & DEVICE_SERIAL))
		status = -EOPNOTSUPP;
	else if (head.len_bytes == 0 || head.len_bytes > WIRE_CONSOLE_BYTES_MAX ||
		 request->len_bytes < sizeof(head) + head.len_bytes)
		status = -EMSGSIZE;
	else
		status = type(vm, &head, (const uint8_t *)request->body + sizeof(head));
	answer(endpoint, request, status, now);
}

static void serve_counters(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	(void)context;
	node_counters_serve(&process.counters, endpoint, request, now);
}

static void serve_rack_keys(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	(void)context;
	rack_keys_serve(fabric_secure(process.fabric), endpoint, request, now);
}

static void serve_bench(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	struct wire_bench_read body;
	int status;

	(void)context;
	memcpy(&body, request->body, sizeof(body));
	status = bench_start(&body, request->token);
	if (status)
		answer(endpoint, request, status, now);
}

const struct rpc_type process_rpc_types[] = {
	{ WIRE_NODE_COUNTERS, 0, sizeof(struct wire_node_counters), RPC_BODY_BYTES_MAX, serve_counters, RPC_BODY_BYTES_MAX },
	{ WIRE_RACK_KEYS, 0, sizeof(struct wire_rack_keys), RPC_BODY_BYTES_MAX, serve_rack_keys, 0 },
	{ WIRE_VM_CREATE, 0, WIRE_VM_CREATE_BYTES_MIN, RPC_BODY_BYTES_MAX, serve_create, 0 },
	{ WIRE_VM_REGIONS, 0, sizeof(struct wire_vm_regions), RPC_BODY_BYTES_MAX, serve_regions, 0 },
	{ WIRE_VM_REGION_MOVE, 0, sizeof(struct wire_vm_region_move), RPC_BODY_BYTES_MAX, serve_move,
	  sizeof(struct wire_vm_region_moved) },
	{ WIRE_VM_REGION_MOVE_STATE, 0, sizeof(struct wire_region_name), RPC_BODY_BYTES_MAX, serve_move_state,
	  sizeof(struct wire_vm_region_moved) },
	{ WIRE_VM_REGION_MOVE_CANCEL, 0, sizeof(struct wire_region_name), RPC_BODY_BYTES_MAX, serve_move_cancel,
	  sizeof(struct wire_vm_region_moved) },
	{ WIRE_VM_RESIZE, 0, sizeof(struct wire_vm_resize), RPC_BODY_BYTES_MAX, serve_resize, sizeof(struct wire_vm_resized) },
	{ WIRE_VM_START, 0, WIRE_VM_START_BYTES_MIN, RPC_BODY_BYTES_MAX, serve_start, 0 },
	{ WIRE_VM_OFFER, 0, sizeof(struct wire_vm_offer), RPC_BODY_BYTES_MAX, serve_offer, 0 },
	{ WIRE_VM_BUTTON, 0, sizeof(struct wire_vm_name), RPC_BODY_BYTES_MAX, serve_button, 0 },
	{ WIRE_VM_STOP, 0, sizeof(struct wire_vm_name), RPC_BODY_BYTES_MAX, serve_stop, 0 },
	{ WIRE_VM_DESTROY, 0, sizeof(struct wire_vm_name), RPC_BODY_BYTES_MAX, serve_destroy, 0 },
	{ WIRE_VM_STATE, 0, sizeof(struct wire_vm_name), RPC_BODY_BYTES_MAX, serve_state, sizeof(struct wire_vm_status) },
	{ WIRE_VM_CONSOLE_INPUT, 0, sizeof(struct wire_vm_console), RPC_BODY_BYTES_MAX, serve_input, 0 },
	{ WIRE_BENCH_READ, 0, sizeof(struct wire_bench_read), RPC_BODY_BYTES_MAX, serve_bench, sizeof(struct wire_bench_result) },
	{ 0 },
};
