/* SPDX-License-Identifier: GPL-2.0-only */
/* Each mode breaks one rule; a test on the outside reads the panic that must follow. */
#include <assert.h>
#include <string.h>

#include <kernel/memory.h>
#include <kernel/selftest/selftest.h>
#include <kernel/vector.h>

static struct spinlock mode_lock = SPINLOCK("mode_lock");

static __attribute__((noinline)) void selftest_inner(const char *name)
{
	panic("asked for by the command line: test=%s", name);
}

static __attribute__((noinline)) void selftest_outer(const char *name)
{
	selftest_inner(name);
}

static void mode_panic(void)
{
	selftest_outer(command_line_value("test"));
}

static void mode_assert(void)
{
	const unsigned one = cpu_count();

	assert(one == 0);
}

static __attribute__((noinline)) unsigned overflow(volatile unsigned *from)
{
	volatile unsigned local[64];

	local[0] = *from + 1;
	if (local[0] == 0)
		return 0;
	return overflow(local) + local[0];
}

static void overflow_thread(void *unused)
{
	volatile unsigned zero = 0;

	(void)unused;
	overflow(&zero);
}

static void mode_overflow(void)
{
	thread_create("overflow", 0, overflow_thread, NULL);
	thread_wait(UINT64_MAX);
}

static void mode_lock_over_wait(void)
{
	spin_lock(&mode_lock);
	thread_wait(UINT64_MAX);
}

static void mode_sealed(void)
{
	kernel_seal();
	boot_alloc(1, 1);
}

static void mode_write_text(void)
{
	*(volatile char *)text_start = 0;
}

static void mode_smash(void)
{
	volatile char local[16];
	volatile char *at = local;

	for (unsigned i = 0; i < 64; i++)
		at[i] = 'x';
}

static void mode_vector_wait(void)
{
	vector_begin();
	thread_wait(UINT64_MAX);
}

static void mode_vector_nested(void)
{
	vector_begin();
	vector_begin();
}

/* Gives back within what was taken outside: that turns interrupts on. */
static void mode_vector_unlock(void)
{
	spin_lock(&mode_lock);
	vector_begin();
	spin_unlock(&mode_lock);
	vector_end();
}

static void mode_number(void)
{
	command_line_number("number", 0);
}

void run_panic_mode(const char *name)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "panic", mode_panic }, { "assert", mode_assert }, { "overflow", mode_overflow },
		{ "lock", mode_lock_over_wait }, { "sealed", mode_sealed }, { "write-text", mode_write_text },
		{ "smash", mode_smash }, { "number", mode_number },
		{ "vector-wait", mode_vector_wait }, { "vector-nested", mode_vector_nested },
		{ "vector-unlock", mode_vector_unlock },
	};

	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, name))
			modes[i].run();
}
