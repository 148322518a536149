/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include <kernel/log.h>
#include <kernel/x86.h>

#include <kernel/selftest/selftest.h>

#define DEBUG_EXIT_PORT 0xf4
#define EXIT_PASSED 0
#define EXIT_FAILED 1

static bool failed;

void check_result(bool ok, const char *condition, const char *file, int line)
{
	if (ok)
		return;
	failed = true;
	log_raw("# failed: %s (%s:%d)", condition, file, line);
}

/* Returns whether the test passed. */
static bool run_one(const struct selftest *test, unsigned number)
{
	if (cpu_count() < test->cpus_min) {
		log_raw("ok %u %s # SKIP needs %u processors", number, test->name, test->cpus_min);
		return true;
	}
	failed = false;
	test->run();
	check(locks_held() == 0);
	log_raw("%sok %u %s", failed ? "not " : "", number, test->name);
	return !failed;
}

void component_main(void)
{
	const struct {
		const struct selftest *tests;
		unsigned count;
	} suites[] = {
		{ memory_tests, memory_test_count }, { thread_tests, thread_test_count }, { smp_tests, smp_test_count },
		{ vector_tests, vector_test_count },
	};
	const char *mode = command_line_value("test");
	unsigned number = 0, bad = 0;

	if (mode)
		run_panic_mode(mode);
	log_raw("KTAP version 1");
	log_raw("1..%u", memory_test_count + thread_test_count + smp_test_count + vector_test_count);
	for (unsigned suite = 0; suite < sizeof(suites) / sizeof(suites[0]); suite++)
		for (unsigned i = 0; i < suites[suite].count; i++)
			bad += !run_one(&suites[suite].tests[i], ++number);
	log_raw("# passed=%u failed=%u cpus=%u uptime_ms=%lu", number - bad, bad, cpu_count(), now_ns() / 1000000);
	out8(DEBUG_EXIT_PORT, bad ? EXIT_FAILED : EXIT_PASSED);
	for (;;)
		thread_wait(UINT64_MAX);
}
