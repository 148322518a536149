/* SPDX-License-Identifier: GPL-2.0-only */
/* The threads that run guests, and the one that keeps the cache swept. */
#include <assert.h>

#include "pcomponent/process.h"

#define SLICE_NS UINT64_C(10000000)	/* a guest runs no longer without letting the processor's other threads look */
#define QUANTUM_NS UINT64_C(2000000)	/* when other vCPUs want the processor all the time */

bool vcpu_yield_wanted(void)
{
	return thread_should_yield() && now_ns() >= process.quantum_until_ns[cpu_this()];
}

/* Let others run, and then set up the next stretch. */
static void begin_stretch(uint64_t deadline_ns)
{
	uint64_t now, end_ns;

	if (thread_should_yield())
		thread_yield();
	now = now_ns();
	process.quantum_until_ns[cpu_this()] = thread_should_yield() ? now + QUANTUM_NS : 0;
	end_ns = process.quantum_until_ns[cpu_this()] ? now + QUANTUM_NS : now + SLICE_NS;
	thread_interrupt_at(deadline_ns < end_ns ? deadline_ns : end_ns);
}

/*
 * Run, park, resume. The miss path ends here: vcpu_run() returned WAIT_PAGE with no lock held (thread_wait() panics
 * otherwise), and the cache's wake ends the wait.
 */
static void vcpu_loop(void *argument)
{
	uint32_t slot = (uint32_t)(uintptr_t)argument / VCPUS_PER_VM_MAX;
	uint32_t vcpu = (uint32_t)(uintptr_t)argument % VCPUS_PER_VM_MAX;
	uint64_t deadline_ns = UINT64_MAX;

	if (hv_cpu_enable(process.hv, cpu_this()))
		panic("cpu %u cannot run guests", cpu_this());
	for (;;) {
		enum vcpu_next next = vcpu_run(process.hv, slot, vcpu, &deadline_ns);

		if (next != VCPU_RUN)
			thread_wait(deadline_ns);
		begin_stretch(deadline_ns);
	}
}

void vcpu_threads_create(void)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		for (uint32_t vcpu = 0; vcpu < VCPUS_PER_VM_MAX; vcpu++) {
			struct process_vm *vm = process_vm(slot);

			/* from the last processor down: the first one has the network */
			vm->vcpu_cpu[vcpu] = cpu_count() - 1 - (slot + vcpu) % cpu_count();
			vm->vcpu_thread[vcpu] = thread_create("vcpu", vm->vcpu_cpu[vcpu], vcpu_loop,
							      (void *)(uintptr_t)(slot * VCPUS_PER_VM_MAX + vcpu));
		}
	}
}

/* ------------------------------------------------------------------ sweeper */

void sweeper_wake_if_wanted(void)
{
	if (process.sweeper_runs || !cache_sweep_wanted(process.cache))
		return;
	process.sweeper_runs = true;
	thread_wake(process.sweeper);
}

static void leave_guest(void *argument)
{
	(void)argument;
}

/* One batch. False: nothing could be swept now. */
static bool sweep(void)
{
	struct cache_victim *victims = process.victims;
	uint32_t count;

	fabric_lock(process.fabric);
	count = cache_sweep_wanted(process.cache) ? cache_sweep_begin(process.cache, victims, now_ns()) : 0;
	if (count == 0)
		process.sweeper_runs = false;
	fabric_unlock(process.fabric);
	if (count == 0)
		return false;
	/* being interrupted takes a processor out of its guest; it flushes before it enters again */
	if (hv_shootdown_begin(process.hv, victims, count))
		cpu_call_others(leave_guest, NULL);
	fabric_lock(process.fabric);
	cache_sweep_finish(process.cache, victims, count, now_ns());
	fabric_unlock(process.fabric);
	return true;
}

static void sweeper_loop(void *argument)
{
	(void)argument;
	for (;;) {
		if (sweep())
			thread_yield();
		else
			thread_wait(UINT64_MAX);
	}
}

void sweeper_create(void)
{
	process.sweeper = thread_create("sweeper", 0, sweeper_loop, NULL);
}
