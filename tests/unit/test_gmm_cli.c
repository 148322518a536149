// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the command line takes apart and puts together: lists of nodes, comma-separated values, what was probably
 * meant.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/cli/csv.h"
#include "gmm/cli/host_list.h"
#include "gmm/suggest.h"
#include "gmm/units.h"

/* ---------------------------------------------------------------- lists of nodes */

static struct host_list list;

static void is_list(const char *text, const char *expected)
{
	char joined[1024] = "";
	const char *reason = NULL;

	assert_int_equal(host_list_parse(text, &list, &reason), 0);
	for (unsigned i = 0; i < list.count; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, list.names[i]);
	}
	assert_string_equal(joined, expected);
}

static void is_refused(const char *text, int status)
{
	const char *reason = NULL;

	assert_int_equal(host_list_parse(text, &list, &reason), status);
	assert_non_null(reason);
}

static void test_lists(void **state)
{
	(void)state;
	assert_false(host_list_is_list("m1"));
	assert_true(host_list_is_list("m1,m2"));
	assert_true(host_list_is_list("m[1]"));
	is_list("m1", "m1");
	is_list("m1,p1", "m1 p1");
	is_list("m[1-4,7]", "m1 m2 m3 m4 m7");
	is_list("m[1-2],p[1-2],x", "m1 m2 p1 p2 x");
	is_list("r[1-2]m[1-2]", "r1m1 r1m2 r2m1 r2m2");
	is_list("m[08-11]", "m08 m09 m10 m11");
	is_list("m[1,1-2],m2", "m1 m2");
	is_list("[3-4]", "3 4");
	is_list("a[0]b", "a0b");
}

static void test_what_is_no_list(void **state)
{
	char longer[200], many[64];

	(void)state;
	is_refused("", -EINVAL);
	is_refused(",", -EINVAL);
	is_refused("m1,", -EINVAL);
	is_refused("m[", -EINVAL);
	is_refused("m]", -EINVAL);
	is_refused("m[]", -EINVAL);
	is_refused("m[1-]", -EINVAL);
	is_refused("m[-1]", -EINVAL);
	is_refused("m[2-1]", -EINVAL);
	is_refused("m[1,]", -EINVAL);
	is_refused("m[1 2]", -EINVAL);
	is_refused("m[[1]]", -EINVAL);
	is_refused("m[a]", -EINVAL);
	is_refused("m[123456]", -EINVAL);
	is_refused("m[1-2000]", -E2BIG);
	is_refused("m[1-50][1-50]", -E2BIG);
	/* The same name again and again takes as long as different ones. */
	is_refused("m[1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1][1,1]", -E2BIG);
	memset(longer, 'm', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	is_refused(longer, -E2BIG);
	memset(many, 'm', 62);
	strcpy(many + 61, "");
	snprintf(longer, sizeof(longer), "%s[10-11]", many);
	is_list(longer, "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm10 "
			"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm11");
	snprintf(longer, sizeof(longer), "%s[100]", many);
	is_refused(longer, -E2BIG);
}

static void test_the_longest_list(void **state)
{
	const char *reason;

	(void)state;
	assert_int_equal(host_list_parse("m[1-1024]", &list, &reason), 0);
	assert_int_equal(list.count, HOST_LIST_NAMES_MAX);
	assert_string_equal(list.names[1023], "m1024");
	is_refused("m[1-1025]", -E2BIG);
}

/* ---------------------------------------------------------------- comma-separated values */

static char *csv_of(const char *json, const char *fields, const char *before)
{
	json_t *rows = json_loads(json, JSON_DECODE_ANY, NULL), *first = before ? json_loads(before, 0, NULL) : NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_true(rows && out && (first || !before));
	csv_header(out, rows, fields, first);
	csv_rows(out, rows, fields, first);
	fclose(out);
	json_decref(rows);
	json_decref(first);
	return text;
}

static void is_csv(const char *json, const char *fields, const char *before, const char *expected)
{
	char *text = csv_of(json, fields, before);

	assert_string_equal(text, expected);
	free(text);
}

static void test_csv(void **state)
{
	(void)state;
	is_csv("[{\"a\": 1, \"b\": \"x\"}, {\"a\": 2.5, \"b\": \"y\"}]", NULL, NULL, "a,b\n1,x\n2.5,y\n");
	is_csv("[]", "a,b", NULL, "a,b\n");
	is_csv("[{\"a\": 1}]", "b,a", NULL, "b,a\n,1\n");
	is_csv("{\"a\": {\"b\": 1, \"c\": {\"d\": true}}, \"e\": null, \"f\": [{\"g\": 1}]}", NULL, NULL,
	       "a.b,a.c.d,e\n1,true,\n");
	is_csv("{\"a\": {\"b\": 1, \"c\": {\"d\": true}}}", "a.c.d,a.x,y.z", NULL, "a.c.d,a.x,y.z\ntrue,,\n");
	is_csv("{\"a\": [\"x\", \"y\"], \"b\": []}", NULL, NULL, "a,b\n\"x y\",\n");
	is_csv("[{\"a\": 1}]", NULL, "{\"node\": \"m1\"}", "node,a\nm1,1\n");
	is_csv("[{\"a\": 1}]", "a", "{\"node\": \"m1\"}", "node,a\nm1,1\n");
}

static void test_csv_quotes(void **state)
{
	(void)state;
	is_csv("{\"a\": \"x,y\"}", NULL, NULL, "a\n\"x,y\"\n");
	is_csv("{\"a\": \"say \\\"no\\\"\"}", NULL, NULL, "a\n\"say \"\"no\"\"\"\n");
	is_csv("{\"a\": \"two\\nlines\"}", NULL, NULL, "a\n\"two\nlines\"\n");
	is_csv("{\"a\": \"\\r\"}", NULL, NULL, "a\n\"\r\"\n");
	is_csv("{\"a\": \" x\", \"b\": \"y \", \"c\": \"p q\"}", NULL, NULL, "a,b,c\n\" x\",\"y \",p q\n");
	is_csv("{\"a,b\": 1}", NULL, NULL, "\"a,b\"\n1\n");
	is_csv("{\"a\": [\"x\\\"y\"]}", NULL, NULL, "a\n\"x\"\"y\"\n");
}

static void test_csv_of_counters(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *names = json_pack("{s:s}", "node", "m1");

	(void)state;
	csv_lines(out, "a=1\nb=x=2, and more\nnothing\n", names);
	csv_lines(out, "last=3", NULL);
	fclose(out);
	json_decref(names);
	assert_string_equal(text, "m1,a,1\nm1,b,\"x=2, and more\"\nm1,nothing,\nlast,3\n");
	free(text);
}

/* ---------------------------------------------------------------- what was meant */

static void test_suggestions(void **state)
{
	static const char *const known[] = { "vm list", "vm show", "node list", "health", "events", "status" };
#define SUGGEST(word) suggest(word, known, sizeof(known) / sizeof(known[0]))

	(void)state;
	assert_string_equal(SUGGEST("vm lsit"), "vm list");
	assert_string_equal(SUGGEST("nod list"), "node list");
	assert_string_equal(SUGGEST("stats"), "status");
	assert_string_equal(SUGGEST("heatlh"), "health");
	assert_string_equal(SUGGEST("vm list"), "vm list");
	assert_null(SUGGEST("frobnicate"));
	assert_null(SUGGEST(""));
	assert_null(SUGGEST("a word that is much longer than any command is"));
#undef SUGGEST
}

/* ---------------------------------------------------------------- units */

static void test_how_long_ago(void **state)
{
	static const struct { double seconds; const char *text; } cases[] = {
		{ 0, "0.0 s" }, { 12.34, "12.3 s" }, { 119.9, "119.9 s" }, { 120, "2 min" }, { 7199, "119 min" }, { 7200, "2 h 0 min" },
		{ 100000, "27 h 46 min" }, { 172800, "2 d 0 h" }, { 31536000 + 3600, "365 d 1 h" },
	};
	char text[UNITS_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(units_ago(cases[i].seconds, text), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_what_is_no_list),
		cmocka_unit_test(test_the_longest_list),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_csv_quotes),
		cmocka_unit_test(test_csv_of_counters),
		cmocka_unit_test(test_suggestions),
		cmocka_unit_test(test_how_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
