// SPDX-License-Identifier: GPL-2.0-only
/* Lines for the operator: counts with their nouns and verbs, sizes, what does not fit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/core/text.h"

static void test_counts(void **state)
{
	static const struct { uint64_t number; const char *region, *verb; } cases[] = {
		{ 0, "0 regions", "move" }, { 1, "1 region", "moves" }, { 2, "2 regions", "move" }, { 11, "11 regions", "move" },
		{ 101, "101 regions", "move" }, { UINT64_MAX, "18446744073709551615 regions", "move" },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		struct text text = text_over(line, sizeof(line));

		text_count(&text, cases[i].number, "region");
		assert_string_equal(line, cases[i].region);
		assert_string_equal(text_plural(cases[i].number, "moves", "move"), cases[i].verb);
	}
}

static void test_what_does_not_fit_is_cut(void **state)
{
	char line[8];
	struct text text = text_over(line, sizeof(line)), nowhere = { 0 };

	(void)state;
	text_count(&text, 12, "region");
	assert_string_equal(line, "12 regi");
	text_count(&text, 12, "region");
	assert_string_equal(line, "12 regi");
	text_count(&nowhere, 12, "region");
}

static void test_sizes_and_statuses(void **state)
{
	char line[64];
	struct text text = text_over(line, sizeof(line));

	(void)state;
	text_pages(&text, 512);
	text_string(&text, ", ");
	text_pages(&text, 3);
	text_string(&text, ", ");
	text_status(&text, -ENOSPC);
	assert_string_equal(line, "2 MiB, 12 KiB, no space left (-28)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts), cmocka_unit_test(test_what_does_not_fit_is_cut), cmocka_unit_test(test_sizes_and_statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
