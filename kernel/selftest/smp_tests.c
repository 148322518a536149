/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/log.h>
#include <kernel/x86.h>

#include <kernel/selftest/selftest.h>

#define MS UINT64_C(1000000)
#define ROUNDS 100			/* few: a host with less processors lets the spinners wait for each other */
#define WAIT_MS_MAX 20000

static struct thread *main_thread;
static unsigned finished;

void on_others_finish(void)
{
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
	thread_wake(main_thread);
}

void on_others(const char *name, void (*function)(void *argument), void (*here)(void))
{
	uint64_t deadline = now_ns() + WAIT_MS_MAX * MS;

	main_thread = thread_this();
	finished = 0;
	for (unsigned cpu = 1; cpu < cpu_count(); cpu++)
		thread_create(name, cpu, function, (void *)(uintptr_t)cpu);
	if (here)
		here();
	while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < cpu_count() - 1 && now_ns() < deadline)
		thread_wait(deadline);
	check(__atomic_load_n(&finished, __ATOMIC_SEQ_CST) == cpu_count() - 1);
}

static void check_processor(void *argument)
{
	check(cpu_this() == (uintptr_t)argument);
	on_others_finish();
}

static void test_processors(void)
{
	check(cpu_this() == 0);
	on_others("check", check_processor, NULL);
}

/* ------------------------------------------------------------------ wakes across processors */

static struct thread *far_thread;
static unsigned turns;

static void far_pong(void *argument)
{
	if ((uintptr_t)argument == 1)
		for (unsigned round = 0; round < ROUNDS; round++) {
			while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) != 2 * round + 1)
				thread_wait(UINT64_MAX);
			__atomic_store_n(&turns, 2 * round + 2, __ATOMIC_RELEASE);
			thread_wake(main_thread);
		}
	on_others_finish();
}

static void test_far_ping_pong(void)
{
	uint64_t start = now_ns(), deadline = start + WAIT_MS_MAX * MS;

	main_thread = thread_this();
	turns = 0;
	finished = 0;
	far_thread = thread_create("far_pong", 1, far_pong, (void *)1);
	for (unsigned round = 0; round < ROUNDS && now_ns() < deadline; round++) {
		__atomic_store_n(&turns, 2 * round + 1, __ATOMIC_RELEASE);
		thread_wake(far_thread);
		while (__atomic_load_n(&turns, __ATOMIC_ACQUIRE) != 2 * round + 2 && now_ns() < deadline)
			thread_wait(deadline);
	}
	log_raw("# wake to run across processors: %lu ns", (now_ns() - start) / (2 * ROUNDS));
	check(turns == 2 * ROUNDS);
}

/* ------------------------------------------------------------------ kicks and calls */

static unsigned kicks_seen;

static void halt_until_kicked(void *argument)
{
	if ((uintptr_t)argument == 1)
		for (unsigned i = 0; i < 20; i++) {
			__atomic_store_n(&turns, i + 1, __ATOMIC_SEQ_CST);
			__asm__ volatile("hlt");
			kicks_seen++;
		}
	on_others_finish();
}

static void kick_loop(void)
{
	uint64_t deadline = now_ns() + WAIT_MS_MAX * MS;

	while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) < cpu_count() - 1 && now_ns() < deadline) {
		cpu_kick(1);
		thread_wait(now_ns() + MS / 4);
	}
}

static void test_kick(void)
{
	kicks_seen = 0;
	on_others("halt", halt_until_kicked, kick_loop);
	check(kicks_seen == 20);
}

static unsigned calls_taken;

static void take_call(void *argument)
{
	__atomic_fetch_add((unsigned *)argument, 1, __ATOMIC_SEQ_CST);
}

static void call_loop(void)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		cpu_call_others(take_call, &calls_taken);
}

static void call_loop_thread(void *unused)
{
	(void)unused;
	call_loop();
	on_others_finish();
}

/* All processors call all others at the same time. */
static void test_calls(void)
{
	uint64_t start = now_ns();
	unsigned before;

	calls_taken = 0;
	before = calls_taken;
	cpu_call_others(take_call, &calls_taken);
	check(calls_taken == before + cpu_count() - 1);
	on_others("call", call_loop_thread, call_loop);
	check(calls_taken == (ROUNDS * cpu_count() + 1) * (cpu_count() - 1));
	log_raw("# call of others: %lu ns", (now_ns() - start) / (ROUNDS * cpu_count()));
}

/* ------------------------------------------------------------------ locks */

static struct spinlock counter_lock = SPINLOCK("counter");
static volatile unsigned counter;

static void count_loop(void)
{
	for (unsigned i = 0; i < 10 * ROUNDS; i++) {
		spin_lock(&counter_lock);
		counter++;
		spin_unlock(&counter_lock);
	}
}

static void count_loop_thread(void *unused)
{
	(void)unused;
	count_loop();
	on_others_finish();
}

static void test_contended_lock(void)
{
	counter = 0;
	on_others("count", count_loop_thread, count_loop);
	check(counter == 10 * ROUNDS * cpu_count());
}

/* The clocks of two processors that look at one shared maximum must never see it ahead of them. */
static uint64_t latest_ns;
static unsigned clock_errors;

static void clock_loop(void)
{
	for (unsigned i = 0; i < 10 * ROUNDS; i++) {
		spin_lock(&counter_lock);
		if (now_ns() < latest_ns)
			clock_errors++;
		latest_ns = now_ns();
		spin_unlock(&counter_lock);
	}
}

static void clock_loop_thread(void *unused)
{
	(void)unused;
	clock_loop();
	on_others_finish();
}

static void test_one_clock(void)
{
	on_others("clock", clock_loop_thread, clock_loop);
	check(clock_errors == 0);
}

const struct selftest smp_tests[] = {
	{ "processors", test_processors, 2 },
	{ "far_ping_pong", test_far_ping_pong, 2 },
	{ "kick", test_kick, 2 },
	{ "calls", test_calls, 2 },
	{ "contended_lock", test_contended_lock, 2 },
	{ "one_clock", test_one_clock, 2 },
};
const unsigned smp_test_count = sizeof(smp_tests) / sizeof(smp_tests[0]);
