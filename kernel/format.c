/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <kernel/format.h>

#define WIDTH_MAX 4096			/* a larger width or precision counts as this */
#define DIGITS_MAX 24			/* 2^64 in octal takes 22 */

struct output {
	char *buffer;
	size_t bytes, len;		/* len grows beyond bytes: it is what the whole text needs */
	va_list arguments;
};

struct conversion {
	bool zero, left, plus, space, alternate;
	unsigned width;
	bool has_precision;
	unsigned precision;
	unsigned size_bytes;		/* of an integer argument */
	char type;
};

static void put(struct output *output, char character)
{
	if (output->len + 1 < output->bytes)
		output->buffer[output->len] = character;
	output->len++;
}

static void put_many(struct output *output, char character, unsigned count)
{
	while (count--)
		put(output, character);
}

static void put_text(struct output *output, const struct conversion *conversion, const char *text, size_t len)
{
	unsigned padding = conversion->width > len ? conversion->width - (unsigned)len : 0;

	if (!conversion->left)
		put_many(output, ' ', padding);
	for (size_t i = 0; i < len; i++)
		put(output, text[i]);
	if (conversion->left)
		put_many(output, ' ', padding);
}

/* Digits of `value` backwards from the end of `digits`; returns how many. */
static unsigned to_digits(char digits[DIGITS_MAX], uint64_t value, unsigned base, bool upper)
{
	const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned count = 0;

	while (value) {
		digits[DIGITS_MAX - ++count] = alphabet[value % base];
		value /= base;
	}
	return count;
}

static void put_integer(struct output *output, const struct conversion *conversion, uint64_t value, const char *prefix,
			unsigned base)
{
	char digits[DIGITS_MAX];
	unsigned count = to_digits(digits, value, base, conversion->type == 'X');
	unsigned prefix_len = (unsigned)strlen(prefix);
	unsigned digits_min = conversion->has_precision ? conversion->precision : 1;
	unsigned zeros = digits_min > count ? digits_min - count : 0;
	unsigned len = prefix_len + zeros + count;

	if (conversion->zero && !conversion->left && !conversion->has_precision && conversion->width > len) {
		zeros += conversion->width - len;
		len = conversion->width;
	}
	if (!conversion->left && conversion->width > len)
		put_many(output, ' ', conversion->width - len);
	for (; *prefix; prefix++)
		put(output, *prefix);
	put_many(output, '0', zeros);
	for (unsigned i = 0; i < count; i++)
		put(output, digits[DIGITS_MAX - count + i]);
	if (conversion->left && conversion->width > len)
		put_many(output, ' ', conversion->width - len);
}

static unsigned read_number(const char **format)
{
	unsigned number = 0;

	for (; **format >= '0' && **format <= '9'; (*format)++)
		if (number < WIDTH_MAX)
			number = number * 10 + (unsigned)(**format - '0');
	return number < WIDTH_MAX ? number : WIDTH_MAX;
}

static void read_flags_of(const char **format, struct conversion *conversion)
{
	for (;; (*format)++) {
		switch (**format) {
		case '0':
			conversion->zero = true;
			break;
		case '-':
			conversion->left = true;
			break;
		case '+':
			conversion->plus = true;
			break;
		case ' ':
			conversion->space = true;
			break;
		case '#':
			conversion->alternate = true;
			break;
		default:
			return;
		}
	}
}

static unsigned read_size(const char **format)
{
	unsigned size_bytes = sizeof(int);

	for (;; (*format)++) {
		switch (**format) {
		case 'h':
			size_bytes /= 2;
			break;
		case 'l':
		case 'z':
		case 't':
		case 'j':
			size_bytes = sizeof(long);
			break;
		default:
			return size_bytes ? size_bytes : 1;
		}
	}
}

static uint64_t sign_extended(uint64_t value, unsigned size_bytes)
{
	unsigned shift = 64 - 8 * size_bytes;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static void put_number(struct output *output, const struct conversion *conversion, uint64_t value)
{
	unsigned shift = 64 - 8 * conversion->size_bytes;
	uint64_t plain = value << shift >> shift;
	int64_t number = (int64_t)sign_extended(value, conversion->size_bytes);

	switch (conversion->type) {
	case 'd':
	case 'i':
		put_integer(output, conversion, number < 0 ? -(uint64_t)number : (uint64_t)number,
			    number < 0 ? "-" : conversion->plus ? "+" : conversion->space ? " " : "", 10);
		break;
	case 'u':
		put_integer(output, conversion, plain, "", 10);
		break;
	case 'o':
		put_integer(output, conversion, plain, conversion->alternate && plain ? "0" : "", 8);
		break;
	default:
		put_integer(output, conversion, plain, !conversion->alternate || !plain ? "" : conversion->type == 'X' ? "0X" : "0x",
			    16);
		break;
	}
}

static void put_string(struct output *output, const struct conversion *conversion, const char *text)
{
	if (!text)
		text = "(null)";
	put_text(output, conversion, text, conversion->has_precision ? strnlen(text, conversion->precision) : strlen(text));
}

/* A width or precision given as `*`: negative means left-justified, or no precision. */
static unsigned magnitude(int argument)
{
	unsigned value = argument < 0 ? -(unsigned)argument : (unsigned)argument;

	return value < WIDTH_MAX ? value : WIDTH_MAX;
}

/* All between the '%' and the type. */
static struct conversion read_conversion(struct output *output, const char **format)
{
	struct conversion conversion = { 0 };

	read_flags_of(format, &conversion);
	if (**format == '*') {
		int width = va_arg(output->arguments, int);

		conversion.left |= width < 0;
		conversion.width = magnitude(width);
		(*format)++;
	} else {
		conversion.width = read_number(format);
	}
	if (**format == '.') {
		(*format)++;
		conversion.has_precision = true;
		if (**format == '*') {
			int precision = va_arg(output->arguments, int);

			conversion.has_precision = precision >= 0;
			conversion.precision = magnitude(precision);
			(*format)++;
		} else {
			conversion.precision = read_number(format);
		}
	}
	conversion.size_bytes = read_size(format);
	conversion.type = **format;
	return conversion;
}

static void put_conversion(struct output *output, struct conversion *conversion)
{
	char character;

	switch (conversion->type) {
	case 'd':
	case 'i':
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		put_number(output, conversion, conversion->size_bytes == sizeof(long) ? va_arg(output->arguments, uint64_t) :
										      va_arg(output->arguments, unsigned));
		break;
	case 'p':
		conversion->size_bytes = sizeof(void *);
		conversion->alternate = true;
		put_number(output, conversion, (uint64_t)(uintptr_t)va_arg(output->arguments, void *));
		break;
	case 'c':
		character = (char)va_arg(output->arguments, int);
		put_text(output, conversion, &character, 1);
		break;
	case 's':
		put_string(output, conversion, va_arg(output->arguments, const char *));
		break;
	default:
		put(output, conversion->type);
		break;
	}
}

int format_text(char *buffer, size_t bytes, const char *format, va_list arguments)
{
	struct output output = { .buffer = buffer, .bytes = bytes };

	va_copy(output.arguments, arguments);
	while (*format) {
		struct conversion conversion;

		if (*format != '%') {
			put(&output, *format++);
			continue;
		}
		format++;
		conversion = read_conversion(&output, &format);
		if (!*format)
			break;
		put_conversion(&output, &conversion);
		format++;
	}
	va_end(output.arguments);
	if (bytes)
		buffer[output.len < bytes ? output.len : bytes - 1] = '\0';
	return (int)output.len;
}
