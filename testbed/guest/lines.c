// SPDX-License-Identifier: GPL-2.0-only
/* Lines: made, verified, rewritten, moved. */
#include <inttypes.h>
#include <stdio.h>

#include "check.h"

/* Finalizer of a 64-bit hash: every bit of the input reaches every bit of the output. */
uint64_t mix(uint64_t value)
{
	value ^= value >> 32;
	value *= UINT64_C(0xd6e8feb86659fd93);
	value ^= value >> 32;
	value *= UINT64_C(0xd6e8feb86659fd93);
	return value ^ value >> 32;
}

uint64_t next_random(struct check *check)
{
	check->random_state += UINT64_C(0x9e3779b97f4a7c15);
	return mix(check->random_state);
}

static uint64_t content_word(uint64_t seed, uint32_t origin, uint32_t word)
{
	return mix(seed ^ ((uint64_t)origin << 3 | word));
}

static uint64_t checksum(const struct line *line)
{
	uint64_t sum = line->address ^ line->seed;

	sum = mix(sum ^ ((uint64_t)line->generation << 32 | line->origin));
	for (uint32_t i = 0; i < LINE_CONTENT_WORDS; i++)
		sum = (sum << 7 | sum >> 57) * UINT64_C(0x9e3779b97f4a7c15) + line->content[i];
	return mix(sum);
}

static void seal(struct check *check, uint32_t number)
{
	struct line *line = &check->lines[number];

	line->address = (uint64_t)number * LINE_BYTES;
	line->generation = check->generations[number];
	line->checksum = checksum(line);
}

void line_create(struct check *check, uint32_t number)
{
	struct line *line = &check->lines[number];

	check->generations[number] = 0;
	line->origin = number;
	line->seed = check->seed;
	for (uint32_t i = 0; i < LINE_CONTENT_WORDS; i++)
		line->content[i] = content_word(check->seed, number, i);
	seal(check, number);
}

/* Which field is wrong, the most telling first; NULL: none. */
static const char *wrong_field(const struct check *check, uint32_t number)
{
	const struct line *line = &check->lines[number];

	if (line->address != (uint64_t)number * LINE_BYTES)
		return "address";
	if (line->seed != check->seed)
		return "seed";
	if (line->generation != check->generations[number])
		return "generation";
	if (line->checksum != checksum(line))
		return "checksum";
	if (line->origin >= check->lines_count)
		return "origin";
	for (uint32_t i = 0; i < LINE_CONTENT_WORDS; i++)
		if (line->content[i] != content_word(check->seed, line->origin, i))
			return "content";
	return NULL;
}

bool line_verify(struct check *check, uint32_t number)
{
	const struct line *line = &check->lines[number];
	const char *wrong = wrong_field(check, number);

	check->lines_checked++;
	if (!wrong)
		return true;
	if (check->mismatches++ == 0)
		check->first_mismatch_address = (uint64_t)number * LINE_BYTES;
	if (check->mismatches <= MISMATCHES_SHOWN_MAX)
		printf("mismatch address=0x%" PRIx64 " field=%s found_address=0x%" PRIx64 " generation=%u found_generation=%u "
		       "found_origin=%u found_checksum=0x%" PRIx64 "\n", (uint64_t)number * LINE_BYTES, wrong, line->address,
		       check->generations[number], line->generation, line->origin, line->checksum);
	return false;
}

void line_rewrite(struct check *check, uint32_t number)
{
	check->generations[number]++;
	seal(check, number);
}

void line_swap(struct check *check, uint32_t a, uint32_t b)
{
	struct line moved = check->lines[a];

	check->lines[a] = check->lines[b];
	check->lines[b] = moved;
	line_rewrite(check, a);
	if (a != b)
		line_rewrite(check, b);
}
