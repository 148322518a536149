// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manager's requests about VMs as a process component takes them: any of its table with any body that the RPC layer lets through, in
 * any order, over the real cache. The shim, the region client and the threads are models; no guest runs.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcomponent/main_vm.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES 256u
#define WAYS 4u
#define REQUESTS_MAX 64u
#define STEPS 16u			/* of the sweeper between two requests */
#define STEP_NS UINT64_C(1000000)

struct process process;

static uint64_t keepers[SLOTS];		/* threads that do not run; threads_run() does what they would */
static enum wire_vm_state states[SLOTS];
static bool pressed[SLOTS], exists[SLOTS];
static uint32_t devices[SLOTS];
static int reply_status;
static unsigned replies;
static struct wire_vm_resized resized;
static void *cache_memory, *lines;

/* ---------------------------------------------------------------- what stands around */

void thread_wake(struct thread *thread) { assert((uint64_t *)thread >= keepers && (uint64_t *)thread < keepers + SLOTS); }
void log_line(enum log_level level, const char *format, ...) { (void)level; (void)format; }
void sweeper_wake_if_wanted(void) { }
/* No loader waits for a page: there is nothing to be loaded. */
void keeper_stop_waiting(struct process_vm *vm) { assert(exists[vm->slot] && !vm->waiter.queued); }
int bench_start(const struct wire_bench_read *request, uint64_t token) { (void)request; (void)token; return -EBUSY; }
struct secure *fabric_secure(struct fabric *fabric) { (void)fabric; return NULL; }

void node_counters_serve(struct node_counters *counters, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	(void)counters;
	rpc_reply(endpoint, request->token, 0, NULL, 0, now);
}

void rack_keys_serve(struct secure *secure, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now)
{
	(void)secure;
	rpc_reply(endpoint, request->token, 0, NULL, 0, now);
}

int rpc_reply(struct rpc_endpoint *endpoint, uint64_t token, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	(void)endpoint;
	(void)token;
	(void)now_ns;
	assert(status <= 0 && len_bytes <= RPC_BODY_BYTES_MAX && (len_bytes == 0 || body));
	reply_status = status;
	replies++;
	if (len_bytes == sizeof(resized))
		memcpy(&resized, body, sizeof(resized));
	return 0;
}

struct process_vm *process_vm_find(uint64_t id)
{
	for (uint32_t slot = 0; slot < SLOTS && id; slot++)
		if (process.vm[slot].id == id)
			return &process.vm[slot];
	return NULL;
}

int region_vm_create(struct region_client *client, uint32_t vm, uint64_t pages)
{
	(void)client;
	(void)vm;
	return pages % 7 == 3 ? -ENOSPC : 0;
}

void region_vm_destroy(struct region_client *client, uint32_t vm) { (void)client; (void)vm; }
bool region_vm_complete(const struct region_client *client, uint32_t vm) { (void)client; return vm % 2 == 0; }

int region_map(struct region_client *client, uint32_t vm, const struct wire_vm_region *region, uint64_t now_ns)
{
	(void)client;
	(void)vm;
	(void)now_ns;
	return region->index < REGIONS_PER_VM_MAX ? 0 : -EINVAL;
}

int region_promise(struct region_client *client, uint32_t vm, const struct wire_vm_region *region)
{
	return region_map(client, vm, region, 0);
}

int region_move(struct region_client *client, uint32_t vm, const struct wire_vm_region *target, const struct wire_move_pace *pace,
		uint64_t now_ns)
{
	(void)pace;
	return region_map(client, vm, target, now_ns);
}

int region_move_cancel(struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch)
{
	(void)client;
	(void)vm;
	return index < REGIONS_PER_VM_MAX && epoch ? 0 : -ENOENT;
}

int region_move_status(const struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch, struct wire_vm_region_moved *moved,
		       uint64_t now_ns)
{
	(void)client;
	(void)vm;
	(void)now_ns;
	*moved = (struct wire_vm_region_moved){ .index = index, .epoch = epoch };
	return 0;
}

/* No guest touches anything. */
bool region_page_written(const struct region_client *client, uint32_t vm, uint64_t page) { (void)client; (void)vm; (void)page; abort(); }
int region_read(struct region_client *client, uint32_t vm, uint64_t page, void *frame, uint32_t cookie, uint64_t now_ns)
{
	(void)client; (void)vm; (void)page; (void)frame; (void)cookie; (void)now_ns;
	abort();
}
int region_write(struct region_client *client, uint32_t vm, uint64_t page, const void *frame, uint32_t cookie, uint64_t now_ns)
{
	(void)client; (void)vm; (void)page; (void)frame; (void)cookie; (void)now_ns;
	abort();
}

/* ---------------------------------------------------------------- the shim */

int hv_vm_create(struct hv *hv, const struct wire_vm_create *create)
{
	(void)hv;
	if (create->vm == 0 || create->vcpus == 0 || create->vcpus > VCPUS_PER_VM_MAX || create->memory_bytes == 0 ||
	    create->memory_bytes % PAGE_BYTES || create->devices & ~DEVICES_ALL ||
	    create->memory_bytes > VM_MEMORY_BYTES_MAX || !memchr(create->name, 0, sizeof(create->name)))
		return -EINVAL;
	for (int slot = 0; slot < (int)SLOTS; slot++)
		if (!exists[slot]) {
			exists[slot] = true;
			devices[slot] = create->devices;
			states[slot] = WIRE_VM_CREATED;
			return slot;
		}
	return -ENOSPC;
}

void hv_vm_destroy(struct hv *hv, uint32_t vm) { (void)hv; assert(exists[vm]); exists[vm] = false; }
uint32_t hv_vm_devices(const struct hv *hv, uint32_t vm) { (void)hv; assert(exists[vm]); return devices[vm]; }
enum wire_vm_state hv_vm_state(const struct hv *hv, uint32_t vm) { (void)hv; assert(exists[vm]); return states[vm]; }

void hv_vm_set_state(struct hv *hv, uint32_t vm, enum wire_vm_state state, int status, const char *reason)
{
	(void)hv; (void)status; (void)reason;
	assert(exists[vm]);
	states[vm] = state;
}

void hv_vm_stop(struct hv *hv, uint32_t vm, enum wire_vm_state state, int status, const char *reason)
{
	hv_vm_set_state(hv, vm, state, status, reason);
}

void hv_vm_status(struct hv *hv, uint32_t vm, struct wire_vm_status *status) { status->state = hv_vm_state(hv, vm); }

/* Only a guest that runs, and has a button, hears it. */
void hv_vm_press_power(struct hv *hv, uint32_t vm)
{
	assert(hv_vm_state(hv, vm) == WIRE_VM_RUNNING && devices[vm] & DEVICE_BUTTON);
	pressed[vm] = true;
}

uint32_t hv_console_type(struct hv *hv, uint32_t vm, const uint8_t *bytes, uint32_t len)
{
	uint32_t sum = 0;

	(void)hv;
	assert(exists[vm] && devices[vm] & DEVICE_SERIAL && len <= WIRE_CONSOLE_BYTES_MAX);
	for (uint32_t i = 0; i < len; i++)
		sum += bytes[i];		/* they can be read */
	return sum % 3 ? len : len / 2;
}

/* ---------------------------------------------------------------- requests */

/* Nothing is ever in the cache. */
static void map(void *context, uint32_t vm, uint64_t page, void *frame, bool dirty)
{
	(void)context; (void)vm; (void)page; (void)frame; (void)dirty;
	abort();
}

static bool unmap(void *context, uint32_t vm, uint64_t page, bool *dirty)
{
	(void)context; (void)vm; (void)page; (void)dirty;
	abort();
}

static bool test_and_clear(void *context, uint32_t vm, uint64_t page)
{
	(void)context; (void)vm; (void)page;
	abort();
}

static void wake(void *context, struct cache_waiter *waiter) { (void)context; (void)waiter; }
static void failed(void *context, uint32_t vm, int status) { (void)context; (void)vm; (void)status; }

static void begin(void)
{
	const struct cache_config config = { .lines = lines, .lines_count = LINES, .ways = WAYS, .vms_max = SLOTS,
					     .environment = { map, unmap, test_and_clear, wake, failed, NULL } };

	memset(&process, 0, sizeof(process));
	memset(exists, 0, sizeof(exists));
	memset(pressed, 0, sizeof(pressed));
	free(cache_memory);
	cache_memory = aligned_alloc(64, (cache_bytes(&config) + 63) & ~(size_t)63);
	assert(lines && cache_memory);
	process.cache = cache_create(cache_memory, &config);
	assert(process.cache);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		process.vm[slot].slot = slot;
		process.vm[slot].keeper = (struct thread *)&keepers[slot];
	}
}

/* What the keeper and the sweeper do between two requests. */
static void threads_run(uint64_t now)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		struct process_vm *vm = &process.vm[slot];

		if (vm->start_wanted) {
			vm->start_wanted = false;
			vm->ran = true;
			states[slot] = WIRE_VM_RUNNING;
		}
		if (!vm->destroy_wanted || cache_vm_destroy(process.cache, slot, now))
			continue;
		hv_vm_destroy(process.hv, slot);
		vm->destroy_wanted = false;
		vm->id = 0;
	}
	/* A resize goes on step by step, of empty sets without victims. */
	for (uint32_t i = 0; i < STEPS; i++) {
		now += STEP_NS;
		cache_poll(process.cache, now);
		if (cache_sweep_wanted(process.cache))
			cache_sweep_finish(process.cache, process.victims, cache_sweep_begin(process.cache, process.victims, now), now);
	}
}

static void check_reply(const struct rpc_type *type, const struct process_vm *vm, uint64_t operation_before, const uint8_t *body)
{
	struct wire_vm_resize asked;

	if (type->type == WIRE_VM_BUTTON && vm) {
		assert(reply_status == (pressed[vm->slot] ? 0 : devices[vm->slot] & DEVICE_BUTTON ? -EBUSY : -EOPNOTSUPP));
		pressed[vm->slot] = false;
	}
	if (type->type != WIRE_VM_RESIZE || !vm || reply_status)
		return;
	memcpy(&asked, body, sizeof(asked));
	assert(asked.operation >= operation_before && resized.operation == asked.operation && resized.vm == vm->id);
	assert(resized.lines <= LINES && resized.lines_wanted <= asked.cache_lines && resized.parts_done <= resized.parts);
}

/* Its bytes in the input: which of the table, the VM's id if it is not 255, how much longer than needed, and how many more. */
static size_t serve(const uint8_t *data, size_t size, uint64_t now)
{
	static uint8_t body[RPC_BODY_BYTES_MAX];
	uint32_t types = 0, given = size > 3 ? data[3] : 0;
	const struct rpc_type *type;
	struct rpc_request request = { .body = body, .token = now };
	const struct process_vm *vm;
	uint64_t id, before;

	while (process_rpc_types[types].handler)
		types++;
	type = &process_rpc_types[data[0] % types];
	request.type = type->type;
	request.len_bytes = type->len_bytes_min + (size > 2 ? data[2] : 0);
	if (request.len_bytes > type->len_bytes_max)
		request.len_bytes = type->len_bytes_max;
	if (size < 4 || given > size - 4)
		given = size > 4 ? (uint32_t)size - 4 : 0;
	memset(body, 0, sizeof(body));
	if (given)
		memcpy(body + 8, data + 4, given);
	id = size > 1 && data[1] != 255 ? data[1] % 10 : UINT64_MAX;
	memcpy(body, &id, sizeof(id));
	vm = process_vm_find(id);
	vm = vm && !vm->destroy_wanted ? vm : NULL;
	before = vm ? vm->resize_operation : 0;
	replies = 0;
	type->handler(NULL, NULL, &request, now);
	assert(replies == (type->type == WIRE_VM_DESTROY && vm ? 0u : 1u));
	check_reply(type, vm, before, body);
	cache_check(process.cache);
	return size < 4 ? size : 4 + given;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!lines)
		lines = aligned_alloc(PAGE_BYTES, LINES * PAGE_BYTES);
	begin();
	for (uint64_t i = 1; size > 0 && i <= REQUESTS_MAX; i++) {
		uint64_t now = i * STEPS * STEP_NS;
		size_t used = serve(data, size, now);

		if (data[0] & 0x80)
			threads_run(now);
		data += used;
		size -= used;
	}
	return 0;
}
