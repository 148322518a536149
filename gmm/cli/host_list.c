// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/cli/host_list.h"

#define NUMBER_MAX 99999u
#define DIGITS_MAX 5u			/* of NUMBER_MAX */

struct parser {
	struct host_list *list;
	const char **reason;
	unsigned tried;			/* names, those that stand there twice included: they take time, too */
};

bool host_list_is_list(const char *text)
{
	return strpbrk(text, ",[]") != NULL;
}

static int fail(const struct parser *parser, int status, const char *reason)
{
	*parser->reason = reason;
	return status;
}

static int add(struct parser *parser, const char *name, size_t len)
{
	struct host_list *list = parser->list;

	if (len == 0)
		return fail(parser, -EINVAL, "a name is empty");
	if (parser->tried++ == HOST_LIST_NAMES_MAX)
		return fail(parser, -E2BIG, "these are more than 1024 names");
	for (unsigned i = 0; i < list->count; i++)
		if (strlen(list->names[i]) == len && memcmp(list->names[i], name, len) == 0)
			return 0;
	memcpy(list->names[list->count], name, len);
	list->names[list->count++][len] = '\0';
	return 0;
}

/* A number at *text, which moves behind it; *width: how many digits. -1: there is none. */
static long take_number(const char **text, unsigned *width)
{
	long value = 0;

	for (*width = 0; **text >= '0' && **text <= '9' && *width <= DIGITS_MAX; ++*text, ++*width)
		value = value * 10 + (**text - '0');
	return *width == 0 || *width > DIGITS_MAX ? -1 : value;
}

static int expand(struct parser *parser, const char *rest, const char *end, char *name, size_t len);

/* All numbers of one range, each followed by what comes behind the bracket. */
static int expand_range(struct parser *parser, const char **text, const char *behind, const char *end, char *name,
			size_t len)
{
	unsigned width, last_width;
	long first = take_number(text, &width), last = first;
	int status = 0;

	if (first >= 0 && **text == '-') {
		++*text;
		last = take_number(text, &last_width);
	}
	if (first < 0 || last < 0)
		return fail(parser, -EINVAL, "in brackets stand numbers of at most 5 digits and ranges of them, as in m[1-4,7]");
	if (last < first)
		return fail(parser, -EINVAL, "a range ends before it begins");
	for (long number = first; number <= last && !status; number++) {
		char digits[DIGITS_MAX + 8];
		size_t digits_len = (size_t)snprintf(digits, sizeof(digits), "%0*ld", (int)width, number);

		if (len + digits_len >= HOST_LIST_NAME_BYTES)
			return fail(parser, -E2BIG, "a name is longer than 63 characters");
		memcpy(name + len, digits, digits_len);
		status = expand(parser, behind, end, name, len + digits_len);
	}
	return status;
}

/*
 * The first `len` bytes of `name` are settled, [rest, end) is still to be taken apart. Depth: one call for each
 * bracket.
 */
static int expand(struct parser *parser, const char *rest, const char *end, char *name, size_t len)
{
	const char *close;
	int status;

	for (; rest < end && *rest != '['; rest++) {
		if (*rest == ']')
			return fail(parser, -EINVAL, "a bracket is closed that was not opened");
		if (len + 1 >= HOST_LIST_NAME_BYTES)
			return fail(parser, -E2BIG, "a name is longer than 63 characters");
		name[len++] = *rest;
	}
	if (rest == end)
		return add(parser, name, len);
	close = memchr(rest, ']', (size_t)(end - rest));
	if (!close)
		return fail(parser, -EINVAL, "a bracket is not closed");
	do {
		rest++;
		status = expand_range(parser, &rest, close + 1, end, name, len);
	} while (status == 0 && *rest == ',');
	if (status == 0 && rest != close)
		return fail(parser, -EINVAL, "in brackets stand numbers of at most 5 digits and ranges of them, as in m[1-4,7]");
	return status;
}

/* Where the name that begins at `text` ends: at a comma outside of brackets, or with the text. */
static const char *end_of_name(const char *text)
{
	bool inside = false;

	for (; *text && (inside || *text != ','); text++)
		inside = *text == '[' || (inside && *text != ']');
	return text;
}

int host_list_parse(const char *text, struct host_list *list, const char **reason)
{
	struct parser parser = { list, reason, 0 };
	char name[HOST_LIST_NAME_BYTES];

	list->count = 0;
	for (;;) {
		const char *end = end_of_name(text);
		int status = expand(&parser, text, end, name, 0);

		if (status || *end == '\0')
			return status;
		text = end + 1;
	}
}
