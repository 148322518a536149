// SPDX-License-Identifier: GPL-2.0-only
/* Tokens for the API: what the file may say, who may read it, and whose a token is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gmm/daemon/token_file.h"

#define PLAIN "0123456789abcdef0123456789abcdef"	/* 128 bits */

static char path[] = "/tmp/test_token_file_XXXXXX";
static struct token_set set;
static char error[512];

static int read_text(const char *text)
{
	FILE *file = fopen(path, "we");
	int status;

	fputs(text, file);
	fclose(file);
	error[0] = '\0';
	status = token_file_read(path, &set, error, sizeof(error));
	assert_true(!status == !error[0]);
	return status;
}

static void test_good(void **state)
{
	const struct token *token;

	(void)state;
	assert_int_equal(read_text("# who\n\noperator " PLAIN " web\n"
				   "read-only\tsha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  short\n"), 0);
	assert_int_equal(set.count, 2);
	token = token_find(&set, PLAIN);
	assert_non_null(token);
	assert_string_equal(token->name, "web");
	assert_int_equal(token->role, ROLE_OPERATOR);
	/* SHA-256 of "abc", FIPS 180-2. */
	token = token_find(&set, "abc");
	assert_non_null(token);
	assert_int_equal(token->role, ROLE_READ_ONLY);
	assert_null(token_find(&set, ""));
	assert_null(token_find(&set, PLAIN "0"));
	assert_int_equal(read_text(""), 0);
	assert_null(token_find(&set, PLAIN));
}

static void test_mistakes(void **state)
{
	static const struct { const char *text, *words; } cases[] = {
		{ "operator " PLAIN "\n", ":1: a line is ROLE TOKEN NAME" },
		{ "operator " PLAIN " a b\n", ":1: the time it expires is" },
		{ "operator " PLAIN " a 2027-02-30\n", ":1: the time it expires is" },
		{ "operator " PLAIN " a 2027-02-28T25:00:00Z\n", ":1: the time it expires is" },
		{ "operator " PLAIN " a 2027-02-28T12:00:00\n", ":1: the time it expires is" },
		{ "operator " PLAIN " a 2027-02-28 b\n", ":1: a line is ROLE TOKEN NAME" },
		{ "\nroot " PLAIN " a\n", ":2: the role is" },
		{ "operator 0123456789abcdef0123456789abcde a\n", ":1: the token is" },
		{ "operator " PLAIN "! a\n", ":1: the token is" },
		{ "operator sha256:ba78 a\n", ":1: the token is" },
		{ "operator sha256:zz7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad a\n", ":1: the token is" },
		{ "operator " PLAIN " a\"b\n", ":1: the name is" },
		{ "operator " PLAIN " 01234567890123456789012345678901\n", ":1: the name is" },
		{ "operator " PLAIN " a\noperator " PLAIN " a\n", ":2: the name stands twice" },
	};
	char text[TOKENS_MAX * 64 + 64] = "", line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(read_text(cases[i].text), -EINVAL);
		if (!strstr(error, cases[i].words))
			fail_msg("%s, not: %s", error, cases[i].words);
		assert_int_equal(set.count, 0);
	}
	for (unsigned i = 0; i <= TOKENS_MAX; i++) {
		snprintf(line, sizeof(line), "operator " PLAIN " n%u\n", i);
		strcat(text, line);
	}
	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(error, "too many tokens"));
	memset(text, 'a', 600);
	text[600] = '\0';
	assert_int_equal(read_text(text), -EINVAL);
	assert_non_null(strstr(error, "too long"));
}

static void test_expiry(void **state)
{
	struct token gone, there;

	(void)state;
	assert_int_equal(read_text("operator " PLAIN " day 1970-01-02\nread-only " PLAIN "1 second 1970-01-02T00:00:01Z\n"
				   "read-only " PLAIN "2 never\n"), 0);
	assert_int_equal(set.tokens[0].expires_s, 86400);
	assert_int_equal(set.tokens[1].expires_s, 86401);
	assert_true(token_holds(&set, &set.tokens[0], 86399));
	assert_false(token_holds(&set, &set.tokens[0], 86400));
	assert_true(token_holds(&set, &set.tokens[1], 86400));
	assert_true(token_holds(&set, &set.tokens[2], INT64_MAX - 1));
	/* One whose line is gone, or who has another token now. */
	gone = set.tokens[1];
	there = set.tokens[2];
	assert_int_equal(read_text("read-only " PLAIN "3 second\nread-only " PLAIN "2 never\n"), 0);
	assert_false(token_holds(&set, &gone, 0));
	assert_true(token_holds(&set, &there, 0));
}

static void test_others_may_not_read_it(void **state)
{
	(void)state;
	assert_int_equal(read_text("operator " PLAIN " a\n"), 0);
	chmod(path, 0640);
	assert_int_equal(token_file_read(path, &set, error, sizeof(error)), -EPERM);
	assert_non_null(strstr(error, "chmod 600"));
	assert_int_equal(set.count, 0);
	chmod(path, 0600);
	assert_int_equal(token_file_read("/", &set, error, sizeof(error)), -EINVAL);
	assert_int_equal(token_file_read("/nowhere/tokens", &set, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "--new-token"));
}

static void test_new_tokens(void **state)
{
	char first[TOKEN_TEXT_BYTES], second[TOKEN_TEXT_BYTES];
	struct stat info;

	(void)state;
	unlink(path);
	assert_int_equal(token_file_add(path, ROLE_OPERATOR, "a", NULL, first, error, sizeof(error)), 0);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* An editor may leave the last line without an end. */
	assert_int_equal(truncate(path, info.st_size - 1), 0);
	assert_int_equal(token_file_add(path, ROLE_READ_ONLY, "b", "2222-01-31", second, error, sizeof(error)), 0);
	assert_int_equal(token_file_add(path, ROLE_OPERATOR, "a", NULL, second, error, sizeof(error)), -EEXIST);
	assert_int_equal(token_file_add(path, ROLE_OPERATOR, "a b", NULL, second, error, sizeof(error)), -EINVAL);
	assert_int_equal(token_file_add(path, ROLE_OPERATOR, "c", "tomorrow", second, error, sizeof(error)), -EINVAL);
	assert_int_equal(token_file_add(path, ROLE_OPERATOR, "c", "2001-01-01", second, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "over already"));
	assert_int_equal(token_file_read(path, &set, error, sizeof(error)), 0);
	assert_int_equal(set.count, 2);
	assert_int_equal(strlen(first), TOKEN_TEXT_BYTES - 1);
	assert_string_equal(token_find(&set, first)->name, "a");
	assert_int_equal(token_find(&set, first)->role, ROLE_OPERATOR);
	assert_true(token_find(&set, first)->expires_s == INT64_MAX);
	assert_int_equal(set.tokens[1].expires_s, 7954934400);
	assert_string_not_equal(first, second);
}

static int make_file(void **state)
{
	(void)state;
	close(mkstemp(path));
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_others_may_not_read_it),
		cmocka_unit_test(test_new_tokens),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
