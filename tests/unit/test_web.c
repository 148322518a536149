// SPDX-License-Identifier: GPL-2.0-only
/* The web console's files: which requests get which, and that the table is what it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <bearssl.h>
#include <cmocka.h>

#include "gmm/daemon/web.h"

static size_t bytes_of(const struct web_file *file)
{
	return (size_t)(file->end - file->bytes);
}

static bool holds(const struct web_file *file, const char *text)
{
	return memmem(file->bytes, bytes_of(file), text, strlen(text)) != NULL;
}

static void test_start_page(void **state)
{
	static const char *const uris[] = { "/", "/?a=b", "/ui", "/ui/", "/ui?x", "/ui/#main", "/ui/index.html",
						"/ui/index.html?x=/ui/main.js" };

	(void)state;
	for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
		assert_true(web_is_for(uris[i]));
		assert_non_null(web_find(uris[i]));
		assert_string_equal(web_find(uris[i])->path, "/ui/index.html");
	}
}

static void test_other_paths(void **state)
{
	static const char *const nowhere[] = {
		"/ui/../etc/passwd", "/ui/..", "/ui/../v1/status", "/ui/%2e%2e/main.js", "/ui/main.js/", "/ui//main.js", "/ui/./main.js",
		"/ui/MAIN.JS", "/ui/main.j",
		"/ui/main.jss", "/ui/%6dain.js", "/ui/views", "/ui/views/", "/ui/main.js%00", "/ui/lib/../main.js", "/ui/main.js;x",
		"/ui/node_modules/uplot/package.json", "/ui/package.json",
	};
	static const char *const elsewhere[] = { "", "*", "ui/main.js", "/v1/status", "/metrics", "/uix", "/UI/main.js", "//ui/main.js",
						     "/favicon.ico", "/%75i/" };

	(void)state;
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		assert_true(web_is_for(nowhere[i]));
		if (web_find(nowhere[i]))
			fail_msg("%s", nowhere[i]);
	}
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (web_is_for(elsewhere[i]))
			fail_msg("%s", elsewhere[i]);
}

/* Each tag is the hash of what is served, so that a changed file has another one; types are those that browsers insist on. */
static void test_table(void **state)
{
	unsigned count = 0;

	(void)state;
	for (const struct web_file *file = web_files; file->path; file++, count++) {
		const char *end = strrchr(file->path, '.');
		uint8_t hash[br_sha256_SIZE];
		char tag[2 * sizeof(hash) + 3] = "\"";
		br_sha256_context context;

		br_sha256_init(&context);
		br_sha256_update(&context, file->bytes, bytes_of(file));
		br_sha256_out(&context, hash);
		for (unsigned i = 0; i < 16; i++)
			snprintf(tag + 1 + 2 * i, 3, "%02x", hash[i]);
		strcat(tag, "\"");
		assert_string_equal(file->tag, tag);
		assert_true(web_find(file->path) == file);
		assert_true(bytes_of(file) > 0);
		if (strcmp(end, ".js") == 0 || strcmp(end, ".mjs") == 0)
			assert_string_equal(file->type, "text/javascript; charset=utf-8");
	}
	assert_true(count > 20);
}

/* What the page needs is in the table, nothing comes from elsewhere, and the licences are complete. */
static void test_contents(void **state)
{
	const struct web_file *page = web_find("/"), *licences = web_find("/ui/licences.txt");
	const char *end = (const char *)page->end;
	unsigned count = 0;
	char path[128];

	(void)state;
	for (const char *at = (const char *)page->bytes; (at = memmem(at, (size_t)(end - at), "=\"/", 3)); at += 3, count++) {
		snprintf(path, sizeof(path), "%.*s", (int)strcspn(at + 2, "\""), at + 2);
		if (!web_find(path))
			fail_msg("%s is not there", path);
	}
	assert_true(count >= 7);
	assert_false(holds(page, "://"));
	assert_false(holds(page, "<script>"));
	assert_true(holds(licences, "Leon Sorokin"));
	assert_true(holds(licences, "The xterm.js authors"));
}

static void test_known(void **state)
{
	const struct web_file *file = web_find("/ui/main.js"), *other = web_find("/ui/api.js");
	char text[256];

	(void)state;
	assert_false(web_is_known(file, NULL));
	assert_false(web_is_known(file, ""));
	assert_false(web_is_known(file, "\"\""));
	assert_false(web_is_known(file, other->tag));
	assert_true(web_is_known(file, file->tag));
	assert_true(web_is_known(file, "*"));
	snprintf(text, sizeof(text), "%s,  W/%s , \"x\"", other->tag, file->tag);
	assert_true(web_is_known(file, text));
	snprintf(text, sizeof(text), "%sx", file->tag);
	assert_false(web_is_known(file, text));
	snprintf(text, sizeof(text), "%.10s", file->tag);
	assert_false(web_is_known(file, text));
	assert_false(web_is_known(file, ",,,"));
	assert_false(web_is_known(file, "W/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_page),
		cmocka_unit_test(test_other_paths),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
