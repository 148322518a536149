/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <kernel/command_line.h>

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

void command_line_split(char *line, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (is_blank(line[i]))
			line[i] = '\0';
}

const char *command_line_find(const char *line, size_t bytes, const char *name)
{
	size_t name_len = strlen(name), offset = 0;
	const char *found = NULL;

	while (offset < bytes) {
		const char *word = line + offset;
		size_t len = strnlen(word, bytes - offset);

		if (offset + len == bytes)
			break;		/* no NUL at the end: not a word that can be handed out */
		if (len >= name_len && !memcmp(word, name, name_len)) {
			if (word[name_len] == '=')
				found = word + name_len + 1;
			else if (word[name_len] == '\0' && name_len)
				found = word + name_len;
		}
		offset += len + 1;
	}
	return found;
}

static int digit_of(char character, unsigned base)
{
	int digit = character >= '0' && character <= '9' ? character - '0'
		  : character >= 'a' && character <= 'f' ? character - 'a' + 10
		  : character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;

	return digit < (int)base ? digit : -1;
}

static unsigned unit_shift(char character)
{
	switch (character) {
	case 'K':
	case 'k':
		return 10;
	case 'M':
	case 'm':
		return 20;
	case 'G':
	case 'g':
		return 30;
	default:
		return 0;
	}
}

int parse_number(const char *text, uint64_t *number)
{
	unsigned base = 10, shift;
	uint64_t value = 0;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (digit_of(*text, base) < 0)
		return -EINVAL;
	for (int digit; (digit = digit_of(*text, base)) >= 0; text++)
		if (__builtin_mul_overflow(value, base, &value) || __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	shift = unit_shift(*text);
	if (shift)
		text++;
	if (*text)
		return -EINVAL;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*number = value << shift;
	return 0;
}

/* A decimal number of at most three digits, up to `max`, without leading zeros; returns its end or NULL. */
static const char *parse_small(const char *text, uint32_t max, uint32_t *number)
{
	const char *start = text;
	uint32_t value = 0;

	while (text - start < 3 && *text >= '0' && *text <= '9')
		value = value * 10 + (uint32_t)(*text++ - '0');
	if (text == start || value > max || (*start == '0' && text - start > 1))
		return NULL;
	*number = value;
	return text;
}

int parse_ipv4(const char *text, uint32_t *address, uint32_t *prefix_len)
{
	uint32_t value = 0, part, prefix = 32;

	for (unsigned i = 0; i < 4; i++) {
		if (i > 0 && *text++ != '.')
			return -EINVAL;
		text = parse_small(text, 255, &part);
		if (!text)
			return -EINVAL;
		value = value << 8 | part;
	}
	if (*text == '/') {
		text = parse_small(text + 1, 32, &prefix);
		if (!text || !prefix_len)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*address = value;
	if (prefix_len)
		*prefix_len = prefix;
	return 0;
}
