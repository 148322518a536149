/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/log.h>

#include <kernel/selftest/selftest.h>

#define MS UINT64_C(1000000)
#define ROUNDS 1000
#define LATE_MS_MAX 200			/* the host may be busy */

static struct thread *main_thread, *peer;
static volatile unsigned turns;

static void test_time(void)
{
	uint64_t before = now_ns();

	while (now_ns() == before)
		;
	check(now_ns() > before);
	check(tsc_khz() > 100000);
	check(boot_time_s() > UINT64_C(1700000000) && boot_time_s() < UINT64_C(4102444800));
}

static void test_deadline(void)
{
	for (uint64_t ms = 1; ms <= 8; ms *= 2) {
		uint64_t deadline = now_ns() + ms * MS, after;

		thread_wait(deadline);
		after = now_ns();
		check(after >= deadline);
		check(after < deadline + LATE_MS_MAX * MS);
	}
	thread_wait(0);			/* a time that has passed: no sleep at all */
}

static void test_wake_before_wait(void)
{
	thread_wake(thread_this());
	thread_wait(UINT64_MAX);
	thread_wake(thread_this());
	thread_wake(thread_this());
	thread_wait(UINT64_MAX);
}

static unsigned returns;

static void count_returns(void *unused)
{
	(void)unused;
	for (;;) {
		thread_wait(UINT64_MAX);
		returns++;
	}
}

/* However often a sleeping thread is woken before it runs, that is one reason to look. */
static void test_wakes_of_one_sleep_are_one(void)
{
	struct thread *sleeper = thread_create("count_returns", 0, count_returns, NULL);

	thread_yield();			/* it sleeps now */
	check(returns == 0);
	thread_wake(sleeper);
	thread_wake(sleeper);
	thread_yield();
	check(returns == 1);
	thread_wake(sleeper);
	thread_yield();
	check(returns == 2);
}

static void ping_pong(void *unused)
{
	(void)unused;
	for (unsigned round = 0; round < ROUNDS; round++) {
		while (turns != 2 * round + 1)
			thread_wait(UINT64_MAX);
		turns++;
		thread_wake(main_thread);
	}
}

static void test_ping_pong(void)
{
	uint64_t start;

	turns = 0;
	main_thread = thread_this();
	peer = thread_create("ping_pong", 0, ping_pong, NULL);
	start = now_ns();
	for (unsigned round = 0; round < ROUNDS; round++) {
		turns++;
		thread_wake(peer);
		while (turns != 2 * round + 2)
			thread_wait(UINT64_MAX);
	}
	log_raw("# wake to run on one processor: %lu ns", (now_ns() - start) / (2 * ROUNDS));
	check(turns == 2 * ROUNDS);
}

static void count_turns(void *argument)
{
	unsigned *count = argument;

	for (unsigned i = 0; i < ROUNDS; i++) {
		++*count;
		thread_yield();
	}
	thread_wake(main_thread);
}

static void test_yield(void)
{
	static unsigned counts[3];

	main_thread = thread_this();
	for (unsigned i = 0; i < 3; i++)
		thread_create("count", 0, count_turns, &counts[i]);
	check(thread_should_yield());
	for (unsigned i = 0; i < 10; i++)
		thread_yield();
	/* Each got a turn in each round. */
	check(counts[0] == 10 && counts[1] == 10 && counts[2] == 10);
	while (counts[0] + counts[1] + counts[2] < 3 * ROUNDS)
		thread_wait(UINT64_MAX);
	thread_yield();
	check(!thread_should_yield());
}

/* Interrupts are off until the halt: one that came before it would not end it. */
static void halt(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* A timer interrupt must end a halt of the running thread, as it ends a guest's run. */
static void test_interrupt_at(void)
{
	uint64_t deadline = now_ns() + 3 * MS;

	interrupts_disable();
	thread_interrupt_at(deadline);
	while (now_ns() < deadline)
		halt();
	check(now_ns() < deadline + LATE_MS_MAX * MS);
	/* One that is due already comes at once, also after a sleep in which it did not count. */
	thread_interrupt_at(now_ns() + MS);
	thread_wait(now_ns() + 3 * MS);
	halt();
	thread_interrupt_at(UINT64_MAX);
	interrupts_enable();
}

static volatile unsigned interrupts;

static void on_interrupt(void *argument)
{
	interrupts++;
	thread_wake(argument);
}

static void test_interrupt(void)
{
	unsigned vector = interrupt_allocate(on_interrupt, thread_this());

	for (unsigned i = 1; i <= 10; i++) {
		apic_send(cpu_apic_id(0), vector);
		thread_wait(now_ns() + LATE_MS_MAX * MS);
		check(interrupts == i);
	}
}

static volatile unsigned polls;

static bool poll_and_wake(void)
{
	if (cpu_this() != 0)
		return false;
	if (++polls % 10)
		return false;
	thread_wake(main_thread);
	return true;
}

static void test_idle_poll(void)
{
	uint64_t idle = idle_ns(0);

	main_thread = thread_this();
	polls = 0;
	idle_set_poll(poll_and_wake, 100 * MS);
	for (unsigned i = 1; i <= 10; i++) {
		thread_wait(UINT64_MAX);
		check(polls == 10 * i);
	}
	idle_set_poll(NULL, 0);
	check(idle_ns(0) > idle);
}

static void test_locks(void)
{
	static struct spinlock a = SPINLOCK("a"), b = SPINLOCK("b");

	check(!spin_held(&a));
	spin_lock(&a);
	spin_lock(&b);
	check(locks_held() == 2 && spin_held(&a) && spin_held(&b));
	thread_wake(thread_this());	/* allowed with locks held */
	spin_unlock(&a);
	check(locks_held() == 1 && !spin_held(&a));
	spin_unlock(&b);
	check(locks_held() == 0);
	thread_wait(UINT64_MAX);
}

const struct selftest thread_tests[] = {
	{ "time", test_time, 1 },
	{ "locks", test_locks, 1 },
	{ "deadline", test_deadline, 1 },
	{ "wake_before_wait", test_wake_before_wait, 1 },
	{ "wakes_of_one_sleep_are_one", test_wakes_of_one_sleep_are_one, 1 },
	{ "ping_pong", test_ping_pong, 1 },
	{ "yield", test_yield, 1 },
	{ "interrupt_at", test_interrupt_at, 1 },
	{ "interrupt", test_interrupt, 1 },
	{ "idle_poll", test_idle_poll, 1 },
};
const unsigned thread_test_count = sizeof(thread_tests) / sizeof(thread_tests[0]);
