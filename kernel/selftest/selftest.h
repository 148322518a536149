/* SPDX-License-Identifier: GPL-2.0-only */
/* The self test of the kernel base: prints KTAP and leaves by QEMU's isa-debug-exit (status 1: all passed, 3: not). */
#ifndef PLENUM_KERNEL_SELFTEST_H
#define PLENUM_KERNEL_SELFTEST_H

#include <stdbool.h>

#include <kernel/kernel.h>

/* A failed check is printed, marks the running test as failed, and lets it go on. */
#define check(condition) check_result((condition), #condition, __FILE__, __LINE__)
void check_result(bool ok, const char *condition, const char *file, int line);

struct selftest {
	const char *name;
	void (*run)(void);
	unsigned cpus_min;		/* skipped on a machine with fewer */
};

extern const struct selftest memory_tests[], thread_tests[], smp_tests[], vector_tests[];
extern const unsigned memory_test_count, thread_test_count, smp_test_count, vector_test_count;

/*
 * Run `function` as a thread on each other processor, with its index as the argument, and `here`, if there is one, on this;
 * wait until each of the threads has called on_others_finish(). [blocks]
 */
void on_others(const char *name, void (*function)(void *argument), void (*here)(void));
void on_others_finish(void);

/* Modes that end in a panic, chosen by test=NAME; returns when there is no such mode. */
void run_panic_mode(const char *name);

#endif
