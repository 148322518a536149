// SPDX-License-Identifier: GPL-2.0-only
/* The guest's payload must find every kind of damage: a check that cannot fail proves nothing about the rack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Not a part of the library: the payload is a program of the guest. */
#include "testbed/guest/lines.c"
#include "testbed/guest/phases.c"
#include "testbed/guest/sort.c"

#define LINES 4096u
#define NUMBERS 5000u

static uint64_t reported_mismatches, reported_checked;

void progress_begin(const char *phase, uint64_t total)
{
	(void)phase;
	(void)total;
}

void progress_step(uint64_t done)
{
	(void)done;
}

void progress_end(uint64_t checked, uint64_t mismatches)
{
	reported_checked = checked;
	reported_mismatches = mismatches;
}

static int setup(void **state)
{
	struct check *check = calloc(1, sizeof(*check));

	check->lines = calloc(LINES, sizeof(*check->lines));
	check->generations = calloc(LINES, sizeof(*check->generations));
	check->numbers = calloc(NUMBERS, sizeof(*check->numbers));
	check->lines_count = LINES;
	check->numbers_count = NUMBERS;
	check->seed = mix(42);
	check->random_state = 42;
	check->operations = 20000;
	assert_true(phase_run(check, "fill"));
	*state = check;
	return 0;
}

static int teardown(void **state)
{
	struct check *check = *state;

	free(check->lines);
	free(check->generations);
	free(check->numbers);
	free(check);
	return 0;
}

static void test_clean_run(void **state)
{
	struct check *check = *state;
	static const char *const names[] = { "sequential", "random", "skewed", "chase", "sort" };
	uint32_t moved = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(phase_run(check, names[i]));
		assert_int_equal(reported_mismatches, 0);
		assert_true(reported_checked > 0);
	}
	phase_final(check);
	assert_int_equal(check->mismatches, 0);
	assert_int_equal(reported_checked, LINES);
	for (uint32_t i = 0; i < LINES; i++)
		moved += check->lines[i].origin != i;
	assert_true(moved > LINES / 4);
	assert_false(phase_run(check, "nonsense"));
}

static void test_every_bit_counts(void **state)
{
	struct check *check = *state;
	uint8_t *bytes = (uint8_t *)&check->lines[77];

	for (uint32_t bit = 0; bit < LINE_BYTES * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(line_verify(check, 77));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(line_verify(check, 77));
	assert_int_equal(check->mismatches, LINE_BYTES * 8);
	assert_int_equal(check->first_mismatch_address, 77 * LINE_BYTES);
}

/* A page that came back as it was before its last write-back. */
static void test_stale_page(void **state)
{
	struct check *check = *state;
	struct line before[64];

	memcpy(before, check->lines + 128, sizeof(before));
	assert_true(phase_run(check, "sequential"));
	memcpy(check->lines + 128, before, sizeof(before));
	phase_final(check);
	assert_int_equal(reported_mismatches, 64);
	assert_int_equal(check->first_mismatch_address, 128 * LINE_BYTES);
}

static void test_pages_exchanged_or_zeroed(void **state)
{
	struct check *check = *state;
	struct line page[64];

	memcpy(page, check->lines, sizeof(page));
	memcpy(check->lines, check->lines + 64, sizeof(page));
	memcpy(check->lines + 64, page, sizeof(page));
	memset(check->lines + 256, 0, sizeof(page));
	phase_final(check);
	assert_int_equal(reported_mismatches, 3 * 64);
}

/* Sound by itself, and still not what must be there: one content twice, another one lost. */
static void test_duplicate_content(void **state)
{
	struct check *check = *state;

	check->lines[9] = check->lines[8];
	line_rewrite(check, 9);
	assert_true(line_verify(check, 9));
	phase_final(check);
	assert_int_equal(reported_mismatches, 1);
	assert_int_equal(check->first_mismatch_address, 9 * LINE_BYTES);
}

static void test_deterministic(void **state)
{
	struct check *check = *state;
	void *other_state;

	setup(&other_state);
	struct check *other = other_state;

	assert_true(phase_run(check, "chase") && phase_run(other, "chase"));
	assert_memory_equal(check->lines, other->lines, LINES * LINE_BYTES);
	assert_true(phase_run(check, "random"));
	assert_memory_not_equal(check->lines, other->lines, LINES * LINE_BYTES);
	teardown(&other_state);
}

static void test_quicksort(void **state)
{
	struct check *check = *state;

	for (uint64_t spread = 1; spread <= 1000; spread *= 10)
		for (uint64_t count = 0; count <= NUMBERS; count = count * 3 / 2 + 1) {
			/* Random, then ordered, then reversed. */
			for (uint64_t i = 0; i < count; i++)
				check->numbers[i] = next_random(check) % spread;
			quicksort(check->numbers, count);
			quicksort(check->numbers, count);
			for (uint64_t i = 1; i < count; i++)
				assert_true(check->numbers[i - 1] <= check->numbers[i]);
			for (uint64_t i = 0; i < count; i++)
				check->numbers[i] = count - i;
			quicksort(check->numbers, count);
			for (uint64_t i = 0; i < count; i++)
				assert_int_equal(check->numbers[i], i + 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clean_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages_exchanged_or_zeroed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deterministic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quicksort, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
