// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's payload. Prints `phase=...` lines and ends with
 *	result=ok lines_checked=N mismatches=0
 *	result=MISMATCH address=0x... mismatches=N lines_checked=N
 *	result=ERROR reason=...
 * and the exit status 0, 1 or 2.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"

#define SORT_SHARE 8u				/* this part of the work memory is for the sort */
#define PAGE_BYTES 4096u

static void fail(const char *reason)
{
	printf("result=ERROR reason=%s\n", reason);
	exit(2);
}

static void *take_memory(uint64_t len_bytes)
{
	void *memory = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap-failed");
	return memory;
}

/* More than is there would end in the kernel's out-of-memory killer, which tells nobody why. */
static void check_available(uint64_t needed_bytes)
{
	char line[128];
	unsigned long available_kib = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %lu kB", &available_kib) == 1)
			break;
	fclose(file);
	if (available_kib && needed_bytes / 1024 > available_kib) {
		printf("result=ERROR reason=not-enough-memory needed_kib=%" PRIu64 " available_kib=%lu\n", needed_bytes / 1024,
		       available_kib);
		exit(2);
	}
}

/* Divide the work memory into lines, the table of their generations, and the numbers to sort. */
static void prepare(struct check *check, const struct options *options)
{
	uint64_t numbers_bytes = strstr(options->phases, "sort") ? options->work_bytes / SORT_SHARE & ~(uint64_t)(PAGE_BYTES - 1) : 0;
	uint64_t lines_bytes = options->work_bytes - numbers_bytes;

	lines_bytes = lines_bytes * LINE_BYTES / (LINE_BYTES + sizeof(uint32_t)) & ~(uint64_t)(PAGE_BYTES - 1);
	*check = (struct check){
		.lines_count = (uint32_t)(lines_bytes / LINE_BYTES), .numbers_count = numbers_bytes / sizeof(uint64_t),
		.seed = mix(options->seed), .random_state = options->seed, .operations = options->operations,
	};
	check_available(options->work_bytes + check->lines_count / 8);
	check->lines = take_memory(lines_bytes);
	check->generations = take_memory((uint64_t)check->lines_count * sizeof(uint32_t));
	if (numbers_bytes)
		check->numbers = take_memory(numbers_bytes);
}

static void run_phases(struct check *check, const struct options *options)
{
	char names[sizeof(options->phases)], *rest;

	/* Every other phase stands on the fill. */
	if (strncmp(options->phases, "fill", 4))
		fail("first-phase-must-be-fill");
	strcpy(names, options->phases);
	for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		if (!phase_run(check, name)) {
			printf("result=ERROR reason=unknown-phase phase=%s\n", name);
			exit(2);
		}
	phase_final(check);
}

int main(int argc, char **argv)
{
	struct options options;
	struct check check;

	setvbuf(stdout, NULL, _IOLBF, 0);
	options_read(&options, argc, argv);
	printf("check work=%" PRIu64 " operations=%" PRIu64 " seed=%" PRIu64 " phases=%s\n", options.work_bytes, options.operations,
	       options.seed, options.phases);
	prepare(&check, &options);
	run_phases(&check, &options);
	if (check.mismatches) {
		printf("result=MISMATCH address=0x%" PRIx64 " mismatches=%" PRIu64 " lines_checked=%" PRIu64 "\n",
		       check.first_mismatch_address, check.mismatches, check.lines_checked);
		return 1;
	}
	printf("result=ok lines_checked=%" PRIu64 " mismatches=0\n", check.lines_checked);
	return 0;
}
