/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernels' portable text functions: printf's part that they use, and the command line. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/command_line.h>
#include <kernel/format.h>

static int formatted(char *buffer, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int formatted(char *buffer, size_t bytes, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = format_text(buffer, bytes, format, arguments);
	va_end(arguments);
	return len;
}

/* Ours must say what libc says. */
#define same(...) do { \
	char ours[128], theirs[128]; \
	int our_len = formatted(ours, sizeof(ours), __VA_ARGS__), their_len = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
	assert_string_equal(ours, theirs); \
	assert_int_equal(our_len, their_len); \
} while (0)

static void test_format_integers(void **state)
{
	static const long values[] = { 0, 1, -1, 9, 10, -10, 255, 4096, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long v = values[i];

		same("%d %i %u %x %X %o", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v, (unsigned)v);
		same("%ld %lu %lx %#lx %#lX %#lo", v, (unsigned long)v, (unsigned long)v, (unsigned long)v, (unsigned long)v,
		     (unsigned long)v);
		same("[%5ld] [%-5ld] [%05ld] [%+ld] [% ld] [%.3ld]", v, v, v, v, v, v);
		same("[%22lx] [%-22lx] [%022lx] [%#018lx] [%8.5lu]", (unsigned long)v, (unsigned long)v, (unsigned long)v,
		     (unsigned long)v, (unsigned long)v);
		same("%hhu %hu %hhd %hd", (unsigned char)v, (unsigned short)v, (signed char)v, (short)v);
		same("%zu %zd %jd %td", (size_t)v, (ssize_t)v, (intmax_t)v, (ptrdiff_t)v);
		same("%llu %lld", (unsigned long long)v, (long long)v);
	}
	same("[%*d] [%*d] [%.*d] [%.*d]", 6, 42, -6, 42, 4, 42, -4, 42);
	same("[%02x:%02x]", 0xa, 0xff);
}

static void test_format_text(void **state)
{
	static const char unterminated[3] = { 'a', 'b', 'c' };

	(void)state;
	same("%s|%10s|%-10s|%.2s|%10.2s|%%|%c|%5c", "text", "text", "text", "text", "text", 'x', 'y');
	same("%.*s", 3, unterminated);
	same("%p", (void *)0x1234);
	same("no conversion");
	same("%s", "");
}

static void test_format_truncates(void **state)
{
	char buffer[8] = "zzzzzzz";

	(void)state;
	assert_int_equal(formatted(buffer, 4, "%s", "abcdef"), 6);
	assert_string_equal(buffer, "abc");
	assert_int_equal(buffer[4], 'z');
	assert_int_equal(formatted(buffer, 1, "%d", 12345), 5);
	assert_string_equal(buffer, "");
	assert_int_equal(formatted(NULL, 0, "%d", 12345), 5);
	assert_int_equal(formatted(buffer, sizeof(buffer), "%s", "1234567"), 7);
	assert_string_equal(buffer, "1234567");
}

/* Without the attribute: the compiler would not let such formats pass. */
static int formatted_badly(char *buffer, size_t bytes, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = format_text(buffer, bytes, format, arguments);
	va_end(arguments);
	return len;
}

static void test_format_hostile(void **state)
{
	char buffer[8];

	(void)state;
	assert_int_equal(formatted_badly(buffer, sizeof(buffer), "%99999999999d", 1), 4096);
	assert_string_equal(buffer, "       ");
	assert_int_equal(formatted_badly(buffer, sizeof(buffer), "abc%"), 3);
	assert_string_equal(buffer, "abc");
	assert_int_equal(formatted_badly(buffer, sizeof(buffer), "%y%5"), 1);
	assert_string_equal(buffer, "y");
	assert_int_equal(formatted_badly(buffer, sizeof(buffer), "%s", NULL), 6);
	assert_string_equal(buffer, "(null)");
}

static void test_command_line(void **state)
{
	char line[] = "  image.elf ip=10.0.0.1/24 quiet\tname=a name=b  ip6=x empty=\n";
	size_t bytes = sizeof(line);

	(void)state;
	command_line_split(line, bytes);
	assert_string_equal(command_line_find(line, bytes, "ip"), "10.0.0.1/24");
	assert_string_equal(command_line_find(line, bytes, "name"), "b");
	assert_string_equal(command_line_find(line, bytes, "quiet"), "");
	assert_string_equal(command_line_find(line, bytes, "empty"), "");
	assert_null(command_line_find(line, bytes, "nam"));
	assert_null(command_line_find(line, bytes, "names"));
	assert_null(command_line_find(line, bytes, ""));
	assert_null(command_line_find("", 1, "ip"));
	assert_null(command_line_find("", 0, "ip"));
	/* A word without a NUL is not handed out. */
	assert_null(command_line_find("ip=1", 4, "ip"));
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		int status;
		uint64_t number;
	} cases[] = {
		{ "0", 0, 0 }, { "42", 0, 42 }, { "0x1F", 0, 31 }, { "0Xff", 0, 255 }, { "64M", 0, 64 << 20 }, { "2k", 0, 2048 },
		{ "0x10G", 0, UINT64_C(16) << 30 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 }, { "0x10000000000000000", -ERANGE, 0 }, { "17179869184G", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "12Q", -EINVAL, 0 }, { "1KM", -EINVAL, 0 },
		{ "K", -EINVAL, 0 }, { " 1", -EINVAL, 0 }, { "1 ", -EINVAL, 0 }, { "a", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t number = 0;

		assert_int_equal(parse_number(cases[i].text, &number), cases[i].status);
		assert_int_equal(number, cases[i].number);
	}
}

static void test_ipv4(void **state)
{
	static const char *const bad[] = {
		"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.2.3.1000", "01.2.3.4", "1..3.4", "1.2.3.4/",
		"1.2.3.4/33", "1.2.3.4/024", "1.2.3.4/8x", "a.b.c.d", " 1.2.3.4", "1.2.3.-4", "1.2.3.4 ",
	};
	uint32_t address = 0, prefix_len = 0;

	(void)state;
	assert_int_equal(parse_ipv4("10.77.0.1/24", &address, &prefix_len), 0);
	assert_int_equal(address, 0x0a4d0001);
	assert_int_equal(prefix_len, 24);
	assert_int_equal(parse_ipv4("255.255.255.255", &address, &prefix_len), 0);
	assert_int_equal(address, 0xffffffff);
	assert_int_equal(prefix_len, 32);
	assert_int_equal(parse_ipv4("0.0.0.0", &address, NULL), 0);
	assert_int_equal(address, 0);
	/* Nobody wants the length: then it must not be there. */
	assert_int_equal(parse_ipv4("1.2.3.4/8", &address, NULL), -EINVAL);
	address = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse_ipv4(bad[i], &address, &prefix_len), -EINVAL);
	assert_int_equal(address, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format_integers), cmocka_unit_test(test_format_text),
		cmocka_unit_test(test_format_truncates), cmocka_unit_test(test_format_hostile),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_ipv4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
