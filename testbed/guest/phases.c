// SPDX-License-Identifier: GPL-2.0-only
/* The orders in which lines are touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define LINES_PER_PAGE 64u

/* Of 16 operations on a line that was verified: so many rewrite it, so many move it, the rest only read. */
#define REWRITES_OF_16 4u
#define MOVES_OF_16 3u

static void fill(struct check *check)
{
	for (uint32_t i = 0; i < check->lines_count; i++) {
		line_create(check, i);
		progress_step(i);
	}
}

static void sequential(struct check *check)
{
	for (uint32_t i = 0; i < check->lines_count; i++) {
		if (line_verify(check, i))
			line_rewrite(check, i);
		progress_step(i);
	}
}

/* Verify one line, and read, rewrite or move it. A line that is wrong stays as it is, for the final pass to find. */
static void operate(struct check *check, uint32_t number, uint32_t other)
{
	uint32_t what = next_random(check) & 15;

	if (!line_verify(check, number))
		return;
	if (what < REWRITES_OF_16)
		line_rewrite(check, number);
	else if (what < REWRITES_OF_16 + MOVES_OF_16 && line_verify(check, other))
		line_swap(check, number, other);
}

static uint32_t random_line(struct check *check)
{
	return (uint32_t)((next_random(check) >> 32) * check->lines_count >> 32);
}

static void random_order(struct check *check)
{
	for (uint64_t i = 0; i < check->operations; i++) {
		operate(check, random_line(check), random_line(check));
		progress_step(i);
	}
}

/*
 * Few pages get most touches: the popularity of the page of rank r falls like a power of r (the cube of a uniform number), and
 * ranks are spread over memory so that popular pages are no neighbours.
 */
static uint32_t skewed_line(struct check *check)
{
	const uint64_t spread = 2654435761; /* a prime above any count of pages: a permutation */
	uint32_t pages = check->lines_count / LINES_PER_PAGE;
	uint64_t uniform = next_random(check) >> 43; /* 21 bits: its cube has 63 */
	uint64_t rank = (uniform * uniform * uniform >> 31) * pages >> 32;

	return (uint32_t)(rank * spread % pages) * LINES_PER_PAGE + (next_random(check) & (LINES_PER_PAGE - 1));
}

static void skewed(struct check *check)
{
	for (uint64_t i = 0; i < check->operations; i++) {
		operate(check, skewed_line(check), skewed_line(check));
		progress_step(i);
	}
}

/* What a line holds says which one is next, so no touch can begin before the one before it has ended. */
static void chase(struct check *check)
{
	uint32_t number = random_line(check);

	for (uint64_t i = 0; i < check->operations; i++) {
		uint64_t next = mix(check->lines[number].content[i % LINE_CONTENT_WORDS] + i);

		operate(check, number, (uint32_t)(next & UINT32_MAX) % check->lines_count);
		number = (uint32_t)((next >> 32) * check->lines_count >> 32);
		progress_step(i);
	}
}

static void sort(struct check *check)
{
	if (sort_run(check))
		return;
	if (check->mismatches++ == 0)
		check->first_mismatch_address = (uint64_t)check->lines_count * LINE_BYTES;
}

/* Every line, and every origin exactly once. The bits of the origins replace nothing: a byte a line would, in a small guest. */
static void final_pass(struct check *check)
{
	uint8_t *seen = calloc(1, check->lines_count / 8 + 1);

	if (!seen) {
		printf("result=ERROR reason=no-memory-for-final-pass\n");
		exit(2);
	}
	for (uint32_t i = 0; i < check->lines_count; i++) {
		uint32_t origin = check->lines[i].origin;

		progress_step(i);
		if (!line_verify(check, i))
			continue;
		if (seen[origin / 8] >> origin % 8 & 1) {
			printf("mismatch address=0x%lx field=duplicate found_origin=%u\n", (unsigned long)i * LINE_BYTES, origin);
			if (check->mismatches++ == 0)
				check->first_mismatch_address = (uint64_t)i * LINE_BYTES;
		}
		seen[origin / 8] |= (uint8_t)(1u << origin % 8);
	}
	free(seen);
}

static const struct phase {
	const char *name;
	void (*run)(struct check *check);
	bool by_lines;				/* else by operations */
} phases[] = {
	{ "fill", fill, true }, { "sequential", sequential, true }, { "random", random_order, false }, { "skewed", skewed, false },
	{ "chase", chase, false }, { "sort", sort, false },
};

static void run(struct check *check, const struct phase *phase, uint64_t total)
{
	uint64_t checked = check->lines_checked, mismatches = check->mismatches;

	progress_begin(phase->name, total);
	phase->run(check);
	progress_end(check->lines_checked - checked, check->mismatches - mismatches);
}

bool phase_run(struct check *check, const char *name)
{
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (strcmp(phases[i].name, name))
			continue;
		run(check, &phases[i], phases[i].by_lines ? check->lines_count : check->operations);
		return true;
	}
	return false;
}

void phase_final(struct check *check)
{
	const struct phase phase = { "final", final_pass, true };

	run(check, &phase, check->lines_count);
}
