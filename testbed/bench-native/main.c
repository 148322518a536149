/* SPDX-License-Identifier: GPL-2.0-only */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "testbed/bench-native/bench.h"

#define ROUNDS_DEFAULT 71u
#define ROUNDS_MAX 1001u
#define ROUND_NS UINT64_C(20000000)
#define WARM_UP_OPERATIONS 20000u
#define COUNTED_OPERATIONS 20000u

static const struct workload *const workloads[] = { &workload_read, &workload_write, &workload_send, &workload_rpc };
#define WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

struct result {
	struct pair pair;
	uint64_t operations;		/* a round */
	double per_second[ROUNDS_MAX];
	double per_processor_second[ROUNDS_MAX];	/* without the time in which others had the processor */
};

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static uint64_t processor_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * UINT64_C(1000000000) + (uint64_t)used.tv_nsec;
}

/* Operations a second; `*per_processor_second` counts only the seconds in which the processor was ours. */
static double measure(const struct workload *workload, struct result *result, double *per_processor_second)
{
	uint64_t begin_ns = bench_now_ns(), begin_processor_ns = processor_ns();
	double operations = (double)result->operations;

	workload->run(&result->pair, result->operations);
	*per_processor_second = operations * 1e9 / (double)(processor_ns() - begin_processor_ns);
	return operations * 1e9 / (double)(bench_now_ns() - begin_ns);
}

/* The second measurement decides how many operations fill a round: by then caches and predictors are warm. */
static void warm_up(const struct workload *workload, struct result *result)
{
	struct roce_config config[PAIR_SIDES];
	double ignored;

	pair_config(config);
	for (unsigned side = 0; side < PAIR_SIDES && workload->limits; side++)
		workload->limits(&config[side].limits);
	pair_open(&result->pair, config);
	workload->start(&result->pair);
	result->operations = WARM_UP_OPERATIONS;
	measure(workload, result, &ignored);
	result->operations = (uint64_t)(measure(workload, result, &ignored) * (double)ROUND_NS / 1e9) + 1;
}

static void report(const struct workload *workload, struct result *result, unsigned rounds)
{
	uint64_t instructions, packets;
	const char *how;
	double median;

	qsort(result->per_second, rounds, sizeof(result->per_second[0]), compare);
	qsort(result->per_processor_second, rounds, sizeof(result->per_processor_second[0]), compare);
	median = result->per_processor_second[rounds / 2];
	printf("%-32s %10.0f/s  %7.1f ns  (%.0f to %.0f); by the clock %.0f/s", workload->name, median, 1e9 / median,
	       result->per_processor_second[0], result->per_processor_second[rounds - 1], result->per_second[rounds / 2]);
	if (workload->target_per_second > 0)
		printf("  target %.0f/s: %s", workload->target_per_second,
		       median >= workload->target_per_second ? "met" : "NOT met");
	how = count_instructions(workload, &result->pair, COUNTED_OPERATIONS, &instructions, &packets);
	printf("\n%-32s %10.0f instructions a packet, both ends, %s\n", "", (double)instructions / (double)packets, how);
}

/* One processor for all of it. */
static void stay_on_one_processor(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		bench_fail("cannot stay on one processor");
}

static bool chosen(const struct workload *workload, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (strstr(workload->name, names[i]))
			return true;
	return count == 0;
}

static void bench(unsigned rounds, int names_count, char **names)
{
	static struct result results[WORKLOADS];

	for (size_t i = 0; i < WORKLOADS; i++)
		if (chosen(workloads[i], names_count, names))
			warm_up(workloads[i], &results[i]);
	/* Round by round, so that what else the machine does meets all of them. */
	for (unsigned round = 0; round < rounds; round++)
		for (size_t i = 0; i < WORKLOADS; i++)
			if (chosen(workloads[i], names_count, names))
				results[i].per_second[round] =
					measure(workloads[i], &results[i], &results[i].per_processor_second[round]);
	printf("one thread, both ends, ICRC made and verified; medians of %u rounds,\noperations a second of processor time\n", rounds);
	for (size_t i = 0; i < WORKLOADS; i++)
		if (chosen(workloads[i], names_count, names))
			report(workloads[i], &results[i], rounds);
}

int main(int argc, char **argv)
{
	unsigned long rounds = ROUNDS_DEFAULT;
	int option;

	while ((option = getopt(argc, argv, "n:h")) != -1) {
		if (option == 'n')
			rounds = strtoul(optarg, NULL, 10);
		if (option != 'n' || rounds < 1 || rounds > ROUNDS_MAX) {
			fprintf(stderr, "usage: %s [-n ROUNDS] [WORKLOAD...]\n"
				"Measures the workloads whose names contain one of the words: READ, WRITE, SEND, RPC.\n", argv[0]);
			return option == 'h' ? 0 : 2;
		}
	}
	stay_on_one_processor();
	bench((unsigned)rounds, argc - optind, argv + optind);
	return 0;
}
