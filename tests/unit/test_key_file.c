/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys of the rack as text and as a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/port/key_file.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1c1d1e1f"

static char directory[] = "/tmp/plenum-key-XXXXXX";
static char path[64], error[256];

static int set_up(void **state)
{
	(void)state;
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/rack.key", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	return 0;
}

static void write_file(const char *text, mode_t mode)
{
	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_text(void **state)
{
	static const char *const bad[] = { "", ":" HEX, "0:" HEX, "256:" HEX, "1000:" HEX, "1" HEX, "1:" HEX "0", "1:0" HEX,
					   "-1:" HEX, " 1:" HEX, "1:g" HEX, "x:" HEX, "1: " HEX };
	uint8_t key[SECURE_KEY_BYTES], id;
	char text[SECURE_KEY_TEXT_BYTES];

	(void)state;
	assert_int_equal(secure_key_parse("255:" HEX, strlen("255:" HEX), &id, key), 0);
	assert_int_equal(id, 255);
	for (uint8_t i = 0; i < SECURE_KEY_BYTES; i++)
		assert_int_equal(key[i], i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(secure_key_parse(bad[i], strlen(bad[i]), &id, key), -EINVAL);
	for (size_t len = 0; len < strlen("12:" HEX); len++)
		assert_int_equal(secure_key_parse("12:" HEX, len, &id, key), -EINVAL);
	for (unsigned i = 1; i < 256; i++) {
		uint8_t back_id, back[SECURE_KEY_BYTES];

		memset(key, (int)i, sizeof(key));
		secure_key_format((uint8_t)i, key, text);
		assert_int_equal(secure_key_parse(text, strlen(text), &back_id, back), 0);
		assert_int_equal(back_id, i);
		assert_memory_equal(back, key, sizeof(key));
	}
}

static void test_create_and_read(void **state)
{
	struct secure_key_set file, again;
	struct stat info;

	(void)state;
	assert_int_equal(key_file_read(path, &file, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "--new-key"));
	assert_int_equal(key_file_create(path, error, sizeof(error)), 0);
	assert_int_equal(key_file_create(path, error, sizeof(error)), -EEXIST);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(key_file_read(path, &file, error, sizeof(error)), 0);
	assert_int_equal(file.count, 1);
	assert_int_equal(file.ids[0], 1);
	file.count = 2;
	file.ids[1] = 2;
	memset(file.keys[1], 7, sizeof(file.keys[1]));
	assert_int_equal(key_file_write(path, &file, error, sizeof(error)), 0);
	assert_int_equal(key_file_read(path, &again, error, sizeof(error)), 0);
	assert_memory_equal(&file, &again, sizeof(file));
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_bad_files(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} bad[] = {
		{ "# nothing\n\n", "no key" },
		{ "1:" HEX "\n2:" HEX "\n3:" HEX "\n", ":3: at most 2" },
		{ "# one\n1:0011\n", ":2: not a key" },
	};
	struct secure_key_set file;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(bad[i].text, 0600);
		assert_true(key_file_read(path, &file, error, sizeof(error)) < 0);
		assert_non_null(strstr(error, bad[i].says));
	}
	write_file("1:" HEX "\n", 0640);
	assert_int_equal(key_file_read(path, &file, error, sizeof(error)), -EPERM);
	assert_non_null(strstr(error, "chmod 600"));
	write_file("# ours\r\n\n1:" HEX "\r\n", 0400);
	assert_int_equal(key_file_read(path, &file, error, sizeof(error)), 0);
	assert_int_equal(key_file_read(directory, &file, error, sizeof(error)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_create_and_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
