/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keepers: one thread a VM slot. A keeper loads the guest (at start and at each reset), lets it run on when its memory is
 * back, and takes the VM apart.
 *
 * Loading: kernel and initrd are READ from the manager, LOAD_WINDOW pieces of 4 KiB under way, in order into guest memory
 * through the cache as a guest's own stores would go, with their checksum on the way. The plan comes from the first piece.
 *
 *	piece: FREE --post--> POSTED --completion--> DONE or FAILED --taken by the keeper--> FREE, or posted again
 */
#include <errno.h>
#include <string.h>

#include "lib/crc.h"
#include "pcomponent/process.h"

#define PATIENCE_NS UINT64_C(10000000000)	/* without any progress: loading fails */
#define RETRY_NS UINT64_C(20000000)
#define PAUSED_LOOK_NS UINT64_C(500000000)
#define TAKE_APART_RETRY_NS UINT64_C(2000000)

/* Loading one blob. */
struct stream {
	struct process_vm *vm;
	const struct wire_blob *blob;
	enum load_source source;
	uint32_t crc;
	uint64_t posted, taken;		/* pieces */
	uint64_t pieces;
	uint64_t progress_ns;		/* the last piece came */
	int status;			/* of the last failed piece */
};

/* ------------------------------------------------------------------ called back, under the fabric lock */

void load_piece_completed(uint32_t slot, uint32_t number, int status)
{
	struct process_vm *vm = process_vm(slot);
	struct piece *piece = &vm->pieces[number % LOAD_WINDOW];

	if (piece->state != PIECE_POSTED)
		panic("a READ for the loader completed twice");
	__atomic_store_n(&piece->state, status ? PIECE_FAILED : PIECE_DONE, __ATOMIC_RELEASE);
	thread_wake(vm->keeper);
}

bool keeper_wake(struct cache_waiter *waiter)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (waiter != &process.vm[slot].waiter)
			continue;
		thread_wake(process.vm[slot].keeper);
		return true;
	}
	return false;
}

void keeper_stop_waiting(struct process_vm *vm)
{
	cache_wait_end(process.cache, vm->slot, &vm->waiter, -ECANCELED);
	thread_wake(vm->keeper);
}

/* ------------------------------------------------------------------ guest memory */

static int store_page(struct process_vm *vm, uint64_t address, const uint8_t *bytes, uint32_t len)
{
	struct cache_waiter *waiter = &vm->waiter;

	for (;;) {
		void *frame;
		int result;

		fabric_lock(process.fabric);
		waiter->status = 0;
		result = cache_access(process.cache, vm->slot, address >> PAGE_SHIFT, true, waiter, &frame, now_ns());
		if (result == CACHE_WAIT && vm->abort)
			cache_wait_end(process.cache, vm->slot, waiter, -ECANCELED);
		if (result == CACHE_READY)
			memcpy((uint8_t *)frame + (address & PAGE_MASK), bytes, len);
		sweeper_wake_if_wanted();
		fabric_unlock(process.fabric);
		if (result != CACHE_WAIT)
			return result == CACHE_READY ? 0 : result;
		while (__atomic_load_n(&waiter->queued, __ATOMIC_ACQUIRE))
			thread_wait(UINT64_MAX);
		if (waiter->status)
			return waiter->status;
	}
}

static int store(struct process_vm *vm, uint64_t address, const uint8_t *bytes, uint64_t len)
{
	while (len > 0) {
		uint32_t room = PAGE_BYTES - (uint32_t)(address & PAGE_MASK);
		uint32_t piece = len < room ? (uint32_t)len : room;
		int status = store_page(vm, address, bytes, piece);

		if (status)
			return status;
		address += piece;
		bytes += piece;
		len -= piece;
	}
	return 0;
}

/* What the plan wants of source bytes [offset, offset + len). */
static int store_segments(struct process_vm *vm, enum load_source source, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
	for (uint32_t i = 0; i < vm->plan.segment_count; i++) {
		const struct load_segment *segment = &vm->plan.segments[i];
		uint64_t first = segment->offset_bytes > offset ? segment->offset_bytes : offset;
		uint64_t segment_end = segment->offset_bytes + segment->len_bytes;
		uint64_t end = segment_end < offset + len ? segment_end : offset + len;
		int status;

		if (segment->source != source || first >= end)
			continue;
		status = store(vm, segment->address + (first - segment->offset_bytes), bytes + (first - offset), end - first);
		if (status)
			return status;
	}
	return 0;
}

/* ------------------------------------------------------------------ READs from the manager */

static uint32_t piece_bytes(const struct stream *stream, uint64_t number)
{
	uint64_t left = stream->blob->len_bytes - number * PAGE_BYTES;

	return left < PAGE_BYTES ? (uint32_t)left : PAGE_BYTES;
}

/* Under the fabric lock. */
static int post(struct stream *stream, uint64_t number)
{
	struct process_vm *vm = stream->vm;
	struct piece *piece = &vm->pieces[number % LOAD_WINDOW];
	uint64_t cookie = REGION_COOKIE_OTHER | (uint64_t)vm->slot << COOKIE_USER_SHIFT | (uint32_t)number;
	uint32_t qpn = region_node_qpn(process.regions, WIRE_NODE_MANAGER, process.manager_address, now_ns());
	int status = -ENOTCONN;

	if (qpn)
		status = roce_post_read(fabric_device(process.fabric), qpn, cookie, piece->bytes, piece_bytes(stream, number),
					stream->blob->address + number * PAGE_BYTES, stream->blob->rkey, now_ns());
	if (!status)
		piece->state = PIECE_POSTED;
	return status;
}

/* Keep the window full. Pieces that failed are read again: a lost connection is not an outcome. */
static void post_window(struct stream *stream)
{
	struct process_vm *vm = stream->vm;
	int status = 0;

	fabric_lock(process.fabric);
	for (uint64_t number = stream->taken; number < stream->posted && !status; number++)
		if (vm->pieces[number % LOAD_WINDOW].state == PIECE_FAILED)
			status = post(stream, number);
	while (!status && stream->posted < stream->pieces && stream->posted - stream->taken < LOAD_WINDOW) {
		status = post(stream, stream->posted);
		if (!status)
			stream->posted++;
	}
	fabric_unlock(process.fabric);
	if (status)
		stream->status = status;
}

/* The bytes of the next piece in order, or NULL: nothing more comes (stream->status), or the VM is being stopped. */
static const struct piece *next_piece(struct stream *stream)
{
	struct piece *piece = &stream->vm->pieces[stream->taken % LOAD_WINDOW];

	for (;;) {
		uint64_t now = now_ns();

		post_window(stream);
		if (stream->taken < stream->posted && __atomic_load_n(&piece->state, __ATOMIC_ACQUIRE) == PIECE_DONE) {
			stream->progress_ns = now;
			return piece;
		}
		if (stream->vm->abort || now - stream->progress_ns > PATIENCE_NS)
			return NULL;
		thread_wait(now + RETRY_NS);
	}
}

/* Buffers are the queue pair's while POSTED. */
static void drain(struct process_vm *vm)
{
	for (uint32_t i = 0; i < LOAD_WINDOW; i++) {
		while (__atomic_load_n(&vm->pieces[i].state, __ATOMIC_ACQUIRE) == PIECE_POSTED)
			thread_wait(now_ns() + RETRY_NS);
		vm->pieces[i].state = PIECE_FREE;
	}
}

/* ------------------------------------------------------------------ loading */

static void fail(struct process_vm *vm, int status, const char *reason)
{
	log_line(LOG_WARNING, "event=load_failed vm=%lu status=%d reason=\"%s\"", vm->id, status, reason);
	/* under the lock, so that a stop that comes now has the last word */
	fabric_lock(process.fabric);
	if (!vm->abort)
		hv_vm_set_state(process.hv, vm->slot, WIRE_VM_FAILED, status, reason);
	fabric_unlock(process.fabric);
}

static void fail_store(struct process_vm *vm, int status)
{
	fail(vm, status, status == -EACCES ? "loading: memory component refused the page" :
	     "loading: memory component unreachable");
}

static int plan(struct process_vm *vm, const struct piece *first, uint32_t len, uint64_t memory_bytes)
{
	struct load_request request = {
		.header = first->bytes, .header_len_bytes = len, .kernel_len_bytes = vm->start.kernel.len_bytes,
		.initrd_len_bytes = vm->start.initrd.len_bytes, .command_line = vm->start.command_line,
		.memory_bytes = memory_bytes, .vcpus = hv_vm_vcpus(process.hv, vm->slot), .devices = hv_vm_devices(process.hv, vm->slot),
		.tsc_khz = tsc_khz(),
	};
	char reason[WIRE_REASON_BYTES] = "";
	int status = load_linux_plan(&vm->plan, &request, reason, sizeof(reason));

	if (status)
		fail(vm, status, reason);
	return status;
}

/* All of a blob into guest memory. False: the VM has failed or is being stopped. */
static bool load_blob(struct process_vm *vm, const struct wire_blob *blob, enum load_source source)
{
	struct stream stream = { .vm = vm, .blob = blob, .source = source, .pieces = (blob->len_bytes + PAGE_BYTES - 1) / PAGE_BYTES,
				 .progress_ns = now_ns() };

	while (stream.taken < stream.pieces) {
		const struct piece *piece = next_piece(&stream);
		uint32_t len = piece_bytes(&stream, stream.taken);
		int status;

		if (!piece) {
			fail(vm, stream.status ? stream.status : -ETIMEDOUT, source == LOAD_FROM_KERNEL ?
			     "cannot read the kernel from the manager" : "cannot read the initrd from the manager");
			return false;
		}
		if (source == LOAD_FROM_KERNEL && stream.taken == 0 &&
		    plan(vm, piece, len, hv_vm_memory_bytes(process.hv, vm->slot)))
			return false;
		stream.crc = crc32c(stream.crc, piece->bytes, len);
		status = store_segments(vm, source, stream.taken * PAGE_BYTES, piece->bytes, len);
		if (status) {
			fail_store(vm, status);
			return false;
		}
		vm->pieces[stream.taken % LOAD_WINDOW].state = PIECE_FREE;
		stream.taken++;
	}
	if (stream.crc == blob->crc32c)
		return true;
	fail(vm, -EBADMSG, source == LOAD_FROM_KERNEL ? "kernel is corrupt: its checksum is not the manager's" :
	     "initrd is corrupt: its checksum is not the manager's");
	return false;
}

static void load(struct process_vm *vm)
{
	uint64_t begin_ns = now_ns();
	bool loaded;
	int status;

	while (!hv_vm_idle(process.hv, vm->slot))
		thread_wait(now_ns() + TAKE_APART_RETRY_NS);
	loaded = load_blob(vm, &vm->start.kernel, LOAD_FROM_KERNEL);
	drain(vm);
	if (loaded && vm->start.initrd.len_bytes) {
		loaded = load_blob(vm, &vm->start.initrd, LOAD_FROM_INITRD);
		drain(vm);
	}
	if (!loaded)
		return;
	status = store_segments(vm, LOAD_FROM_SMALL, 0, vm->plan.small, vm->plan.small_len_bytes);
	if (status) {
		fail_store(vm, status);
		return;
	}
	log_line(LOG_INFO, "event=loaded vm=%lu bytes=%lu took_us=%lu", vm->id,
		 vm->start.kernel.len_bytes + vm->start.initrd.len_bytes, (now_ns() - begin_ns) / 1000);
	/* under the lock, so that a stop that comes now finds it running, or keeps it from running */
	fabric_lock(process.fabric);
	if (!vm->abort) {
		vm->ran = true;
		hv_vm_start(process.hv, vm->slot, &vm->plan.entry);
	}
	fabric_unlock(process.fabric);
}

/* ------------------------------------------------------------------ pause */

/* A VM that paused because its memory was out of reach, or had no place, runs on when all of it answers again. */
static void resume_if_reachable(struct process_vm *vm)
{
	int status = hv_vm_state_status(process.hv, vm->slot);

	if (status != -EHOSTUNREACH && status != -ETIMEDOUT && status != -ENOSPC)
		return;
	fabric_lock(process.fabric);
	if (region_vm_reachable(process.regions, vm->slot) && !vm->abort)
		hv_vm_resume(process.hv, vm->slot);
	fabric_unlock(process.fabric);
}

/* ------------------------------------------------------------------ the end */

static void take_apart(struct process_vm *vm)
{
	int status = -EAGAIN;

	while (!hv_vm_idle(process.hv, vm->slot))
		thread_wait(now_ns() + TAKE_APART_RETRY_NS);
	while (status == -EAGAIN) {
		fabric_lock(process.fabric);
		status = vm->output_under_way || vm->event_under_way || vm->wanted_under_way ||
			 !region_move_stop(process.regions, vm->slot) ? -EAGAIN :
			cache_vm_destroy(process.cache, vm->slot, now_ns());
		if (status == 0) {
			region_vm_destroy(process.regions, vm->slot);
			hv_vm_destroy(process.hv, vm->slot);
			log_line(LOG_INFO, "event=vm_destroy vm=%lu slot=%u", vm->id, vm->slot);
			vm->id = 0;
			vm->destroy_wanted = false;
			rpc_reply(fabric_rpc(process.fabric), vm->destroy_token, 0, NULL, 0, now_ns());
		}
		fabric_unlock(process.fabric);
		if (status == -EAGAIN)
			thread_wait(now_ns() + TAKE_APART_RETRY_NS);
	}
	if (status)
		panic("cache_vm_destroy: %d", status);
}

static void keeper_loop(void *argument)
{
	struct process_vm *vm = process_vm((uint32_t)(uintptr_t)argument);

	for (;;) {
		bool destroy;

		fabric_lock(process.fabric);
		destroy = vm->destroy_wanted;
		vm->loading = vm->id && (vm->start_wanted || hv_vm_take_reset(process.hv, vm->slot)) && !vm->abort;
		vm->start_wanted = false;
		fabric_unlock(process.fabric);
		if (destroy) {
			take_apart(vm);
		} else if (vm->loading) {
			load(vm);
		} else if (vm->id && hv_vm_state(process.hv, vm->slot) == WIRE_VM_PAUSED) {
			thread_wait(now_ns() + PAUSED_LOOK_NS);
			resume_if_reachable(vm);
		} else {
			thread_wait(UINT64_MAX);
		}
	}
}

void keepers_create(void)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		process.vm[slot].keeper = thread_create("keeper", 0, keeper_loop, (void *)(uintptr_t)slot);
}
