/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_THREAD_H
#define PLENUM_KERNEL_THREAD_H

#include <stdbool.h>
#include <stdint.h>

#include <kernel/cpu.h>

#define THREADS_PER_CPU_MAX 64

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_WAITING, THREAD_ENDED };

struct thread {
	uint64_t stack_pointer;		/* while it does not run */
	const char *name;
	struct cpu *cpu;
	enum thread_state state;	/* guarded by the processor's queue_lock, as are the next three */
	bool in_wait;			/* inside thread_wait(): a wake now is what it waits for, however many come */
	bool wake_pending;
	uint64_t deadline_ns;		/* while waiting */
	struct thread *next_in_queue;
	struct thread *next_of_cpu;
	uint64_t interrupt_ns;		/* thread_interrupt_at(); only its own processor touches it */
	bool interrupt_taken;		/* for this value of interrupt_ns */
	void (*function)(void *argument);
	void *argument;
};

/* The context that runs this becomes the processor's first thread. */
void thread_init_cpu(struct cpu *cpu, struct thread *thread, const char *name);
/* Sleep for ever: what the first thread of all but the boot processor does. */
void thread_idle_forever(void) __attribute__((noreturn));

/* thread_switch.S: save the callee-saved registers, store the stack pointer at `save`, go on at `stack_pointer`. */
void thread_switch(uint64_t *save, uint64_t stack_pointer);
/* thread_switch.S: where a new thread starts; calls thread_begin(). */
extern char thread_entry[];
void thread_begin(void) __attribute__((noreturn));

#endif
