/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ticket locks. The holder's processor and its interrupt flag live in saved_flags: the flags in the low half, the
 * processor's index plus one in the high half (0: nobody).
 */
#include <kernel/cpu.h>
#include <kernel/kernel.h>
#include <kernel/x86.h>

#define HOLDER_SHIFT 32

static uint64_t holder_of(const struct spinlock *lock)
{
	return __atomic_load_n(&lock->saved_flags, __ATOMIC_RELAXED) >> HOLDER_SHIFT;
}

bool spin_held(const struct spinlock *lock)
{
	uint64_t flags = interrupts_save();
	bool held = holder_of(lock) == cpu_current()->index + 1;

	interrupts_restore(flags);
	return held;
}

void spin_lock(struct spinlock *lock)
{
	uint64_t flags = interrupts_save();
	struct cpu *cpu = cpu_current();
	uint32_t ticket;

	if (holder_of(lock) == cpu->index + 1)
		panic("lock %s taken twice by cpu=%u", lock->name, cpu->index);
	if (cpu->locks_held == LOCKS_HELD_MAX)
		panic("more than %d locks held at lock=%s cpu=%u", LOCKS_HELD_MAX, lock->name, cpu->index);
	ticket = __atomic_fetch_add(&lock->ticket_next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&lock->ticket_serving, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
	__atomic_store_n(&lock->saved_flags, (flags & UINT32_MAX) | (uint64_t)(cpu->index + 1) << HOLDER_SHIFT, __ATOMIC_RELAXED);
	cpu->held[cpu->locks_held++] = lock;
}

static void forget(struct cpu *cpu, const struct spinlock *lock)
{
	for (unsigned i = cpu->locks_held; i-- > 0;) {
		if (cpu->held[i] != lock)
			continue;
		cpu->locks_held--;
		for (; i < cpu->locks_held; i++)
			cpu->held[i] = cpu->held[i + 1];
		return;
	}
	panic("cpu=%u does not hold lock %s", cpu->index, lock->name);
}

void spin_unlock(struct spinlock *lock)
{
	uint64_t flags = lock->saved_flags & UINT32_MAX;

	forget(cpu_current(), lock);
	__atomic_store_n(&lock->saved_flags, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&lock->ticket_serving, lock->ticket_serving + 1, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

unsigned locks_held(void)
{
	uint64_t flags = interrupts_save();
	unsigned held = cpu_current()->locks_held;

	interrupts_restore(flags);
	return held;
}

void check_may_block(const char *call)
{
	uint64_t flags = interrupts_save();
	struct cpu *cpu = cpu_current();

	if (cpu->locks_held)
		panic("%s with lock %s held (%u in all): nothing may block while it holds a lock", call,
		      cpu->held[cpu->locks_held - 1]->name, cpu->locks_held);
	if (cpu->vector_active)
		panic("%s between vector_begin and vector_end", call);
	if (cpu->interrupt_depth)
		panic("%s in an interrupt handler", call);
	if (cpu->idle)
		panic("%s in the idle poll", call);
	interrupts_restore(flags);
}
