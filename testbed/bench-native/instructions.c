/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions in user mode: from the processor's own counter, or where that cannot be had (most virtual machines) by
 * letting a copy of this process go step by step.
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "testbed/bench-native/bench.h"

#define WARM_OPERATIONS 1000u		/* until the window is open */
#define STEPPED_OPERATIONS 96u		/* at most: a step costs microseconds */

static int open_counter(void)
{
	struct perf_event_attr attributes = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attributes), .config = PERF_COUNT_HW_INSTRUCTIONS, .disabled = 1,
		.exclude_kernel = 1, .exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
}

static bool count_by_processor(const struct workload *workload, struct pair *pair, uint64_t operations, uint64_t *instructions)
{
	int fd = open_counter();
	bool counted;

	if (fd < 0)
		return false;
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	workload->run(pair, operations);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	counted = read(fd, instructions, sizeof(*instructions)) == sizeof(*instructions) && *instructions > 0;
	close(fd);
	return counted;
}

static void wait_stopped(pid_t child, int *status)
{
	if (waitpid(child, status, 0) != child || !WIFSTOPPED(*status))
		bench_fail("the copy that is stepped through ended early");
}

/* Stops itself before and after the work: what lies between is counted. */
static _Noreturn void be_stepped(const struct workload *workload, struct pair *pair, uint64_t operations)
{
	pair->frozen = true;
	workload->run(pair, WARM_OPERATIONS);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	raise(SIGUSR1);
	workload->run(pair, operations);
	raise(SIGUSR1);
	_exit(0);
}

static uint64_t count_by_steps(const struct workload *workload, struct pair *pair, uint64_t operations)
{
	uint64_t instructions = 0, place = 0;
	struct user_regs_struct registers;
	pid_t child = fork();
	int status;

	if (child < 0)
		bench_fail("cannot fork");
	if (child == 0)
		be_stepped(workload, pair, operations);
	wait_stopped(child, &status);
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
			bench_fail("cannot step through a copy of this process");
		wait_stopped(child, &status);
		if (WSTOPSIG(status) == SIGUSR1)
			break;
		if (WSTOPSIG(status) != SIGTRAP || ptrace(PTRACE_GETREGS, child, NULL, &registers) != 0)
			bench_fail("the copy that is stepped through got signal %d", WSTOPSIG(status));
		/* A repeated string instruction stops after every turn: it is one. */
		instructions += registers.rip != place;
		place = registers.rip;
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return instructions;
}

const char *count_instructions(const struct workload *workload, struct pair *pair, uint64_t operations, uint64_t *instructions,
			       uint64_t *packets)
{
	uint64_t packets_before = pair_packets(pair);

	if (count_by_processor(workload, pair, operations, instructions)) {
		*packets = pair_packets(pair) - packets_before;
		return "by the processor's counter";
	}
	if (operations > STEPPED_OPERATIONS)
		operations = STEPPED_OPERATIONS;
	*instructions = count_by_steps(workload, pair, operations);
	/* The copy's packets stayed in the copy: the same work again, here. */
	workload->run(pair, WARM_OPERATIONS);
	packets_before = pair_packets(pair);
	workload->run(pair, operations);
	*packets = pair_packets(pair) - packets_before;
	return "by single steps (perf_event_open cannot count instructions here)";
}
