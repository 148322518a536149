/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One processor: what it runs, its descriptor tables, its locks. GS points at its own struct cpu from before the first
 * C code that needs it, and always: there is no user mode, so nothing swaps GS. (VMRUN and #VMEXIT leave GS and TR to
 * the guest's values until VMLOAD: the hypervisor must restore them before it calls anything here.)
 */
#ifndef PLENUM_KERNEL_CPU_H
#define PLENUM_KERNEL_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/kernel.h>
#include <kernel/layout.h>

#define LOCKS_HELD_MAX 8
#define DESCRIPTORS 6		/* null, code64, data, code32, and a task state segment that takes two */

/* Interrupt stack table: events that must not trust the stack they find (AMD APM vol 2, 8.9.4). Numbers are 1-based. */
enum interrupt_stack { STACK_DOUBLE_FAULT = 1, STACK_NMI, STACK_MACHINE_CHECK, INTERRUPT_STACKS = 3 };

/* AMD APM vol 2, 12.2.5: 64-bit task state segment. Only the interrupt stacks are used. */
struct task_state {
	uint32_t reserved0;
	uint64_t stack_of_ring[3];
	uint64_t reserved1;
	uint64_t interrupt_stack[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map_offset;
} __attribute__((packed));
_Static_assert(sizeof(struct task_state) == 104, "task state segment");

/* FS points here: the frame protector of libraries compares with FS:0x28 (System V ABI for x86-64). */
struct frame_guard {
	uint64_t unused[5];
	uint64_t value;
};
_Static_assert(offsetof(struct frame_guard, value) == 0x28, "fixed by the ABI");

struct thread;

struct cpu {
	struct cpu *self;		/* GS:0 */
	unsigned index;			/* GS:8; 0 is the boot processor */
	uint32_t apic_id;
	uint64_t recover_from;		/* GS:CPU_RECOVER_FROM; probe.S: when this very instruction faults, ... */
	uint64_t recover_to;		/* GS:CPU_RECOVER_TO: ... go on there; 0: no probe is under way */
	bool online;

	/* locks */
	unsigned locks_held;
	const struct spinlock *held[LOCKS_HELD_MAX];

	/* threads; the queue and the states of this processor's threads are guarded by queue_lock */
	struct spinlock queue_lock;
	struct thread *current;		/* the running thread; while idle, the one that went to sleep last */
	struct thread *queue_first, *queue_last;
	struct thread *threads;		/* all that are pinned here, linked by `next_of_cpu` */
	bool idle;			/* no thread runs */
	bool polling;			/* idle, and looks at the queue by itself: a waker need not interrupt */
	unsigned interrupt_depth;
	uint64_t idle_total_ns, idle_since_ns;

	/* timer */
	uint64_t armed_ns;		/* when the local timer will fire; UINT64_MAX: it will not */

	/* cpu_call_others() */
	void (*call)(void *argument);
	void *call_argument;
	bool call_pending;

	/* vector.c */
	bool vector_active;		/* between vector_begin() and vector_end() */
	uint64_t vector_flags;		/* before vector_begin() */
	void (*vector_save)(void);	/* saves what another has in the vector registers; NULL: nothing */
	struct frame_guard frame_guard;

	struct task_state task_state;
	uint64_t descriptors[DESCRIPTORS];
};
_Static_assert(offsetof(struct cpu, self) == 0 && offsetof(struct cpu, index) == 8, "used by offset");
_Static_assert(offsetof(struct cpu, recover_from) == CPU_RECOVER_FROM && offsetof(struct cpu, recover_to) == CPU_RECOVER_TO,
	       "used by probe.S");

extern struct cpu cpus[CONFIG_CPUS_MAX];

static inline struct cpu *cpu_current(void)
{
	struct cpu *cpu;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* Load GS, the descriptor tables and the task register of the processor that runs this. */
void cpu_load_tables(struct cpu *cpu, unsigned index);
/* The local APIC id to aim device interrupts at. */
uint32_t cpu_apic_id(unsigned cpu);
/* Give the interrupt stack table guarded stacks. */
void cpu_allocate_interrupt_stacks(struct cpu *cpu);

/* How many processors run; smp_start() counts them. */
void cpu_set_count(unsigned count);
/* Start all other processors that ACPI lists; returns when they run. */
void smp_start(void);
/* Copy the real mode start-up code to its place. While the boot page tables are still in use. */
void smp_install_trampoline(void);

/* Panics, naming the lock, when this processor may not give up the processor now. */
void check_may_block(const char *call);

#endif
