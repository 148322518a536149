/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory-check: fills memory with lines that say where they belong and what they should hold, works on them in several
 * orders, and verifies every line it touches. The whole run follows from one seed.
 *
 * A line is 64 bytes, so that a page holds 64 of them and a wrong byte, line, page or version shows:
 *  - a line in the wrong place carries another address,
 *  - a line from an earlier time carries another generation than the table of generations says,
 *  - a torn or altered line fails its checksum,
 *  - moving exchanges the contents of two lines; each content knows its origin, so the final pass must meet every origin once.
 */
#ifndef PLENUM_GUEST_CHECK_H
#define PLENUM_GUEST_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#define LINE_BYTES 64u
#define LINE_CONTENT_WORDS 4u
#define MISMATCHES_SHOWN_MAX 8u

struct line {
	uint64_t address;			/* from the start of the lines, in bytes */
	uint32_t generation;			/* times written since the fill */
	uint32_t origin;			/* number of the line where the content was created */
	uint64_t seed;
	uint64_t content[LINE_CONTENT_WORDS];	/* follows from seed and origin */
	uint64_t checksum;			/* of all of the above */
};
_Static_assert(sizeof(struct line) == LINE_BYTES, "a line is a cache line");

struct options {
	uint64_t work_bytes, operations, seed;
	char phases[128];
};

struct check {
	struct line *lines;
	uint32_t *generations;			/* what each line must carry */
	uint32_t lines_count;
	uint64_t *numbers;			/* for the sort */
	uint64_t numbers_count;
	uint64_t seed, operations, random_state;
	uint64_t lines_checked, mismatches;
	uint64_t first_mismatch_address;
};

/* options.c: defaults, then /proc/cmdline (`plenum.work=160M`), then the arguments (`work=160M`). Exits when one is wrong. */
void options_read(struct options *options, int argc, char **argv);

/* lines.c */
uint64_t mix(uint64_t value);
uint64_t next_random(struct check *check);
void line_create(struct check *check, uint32_t number);
/* Counts and reports what is wrong. */
bool line_verify(struct check *check, uint32_t number);
void line_rewrite(struct check *check, uint32_t number);
void line_swap(struct check *check, uint32_t a, uint32_t b);

/* phases.c: run one by name; false: no such phase. */
bool phase_run(struct check *check, const char *name);
/* The last pass over all lines. Always run. */
void phase_final(struct check *check);

/* sort.c: true if the numbers came out ordered and are the same numbers. */
bool sort_run(struct check *check);

/* progress.c */
void progress_begin(const char *phase, uint64_t total);
void progress_step(uint64_t done);
/* Prints the phase's line; `checked` and `mismatches` are its own. */
void progress_end(uint64_t checked, uint64_t mismatches);

#endif
