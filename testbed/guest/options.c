// SPDX-License-Identifier: GPL-2.0-only
/* Options, from the kernel's command line and from our own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define PREFIX "plenum."
#define WORK_BYTES_MIN (UINT64_C(1) << 20)
#define WORK_BYTES_MAX (UINT64_C(1) << 38)	/* line numbers have 32 bits */

static void fail(const char *what, const char *value)
{
	printf("result=ERROR reason=bad-option option=%s value=%s\n", what, value);
	exit(2);
}

/* A number with an optional K, M or G behind it. */
static uint64_t parse_number(const char *what, const char *text)
{
	char *end;
	unsigned shift = 0;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (end == text || errno || *text == '-')
		fail(what, text);
	switch (*end) {
	case 'K': shift = 10; end++; break;
	case 'M': shift = 20; end++; break;
	case 'G': shift = 30; end++; break;
	default: break;
	}
	if (*end || value > UINT64_MAX >> shift)
		fail(what, text);
	return value << shift;
}

/* True if `word` was one of ours. */
static bool take(struct options *options, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(word, "work")) {
		options->work_bytes = parse_number(word, value);
		if (options->work_bytes < WORK_BYTES_MIN || options->work_bytes > WORK_BYTES_MAX)
			fail(word, value);
	} else if (!strcmp(word, "operations")) {
		options->operations = parse_number(word, value);
	} else if (!strcmp(word, "seed")) {
		options->seed = parse_number(word, value);
	} else if (!strcmp(word, "phases")) {
		if (strlen(value) >= sizeof(options->phases))
			fail(word, value);
		strcpy(options->phases, value);
	} else {
		return false;
	}
	return true;
}

/* Words that begin with the prefix and are not ours belong to /init. */
static void read_kernel_command_line(struct options *options)
{
	char line[4096], *rest = line;
	FILE *file = fopen("/proc/cmdline", "r");

	if (!file)
		return;
	if (fgets(line, sizeof(line), file))
		for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
			if (!strncmp(word, PREFIX, strlen(PREFIX)))
				take(options, word + strlen(PREFIX));
	fclose(file);
}

void options_read(struct options *options, int argc, char **argv)
{
	*options = (struct options){
		.work_bytes = 64 << 20, .operations = 50000, .seed = 1, .phases = "fill,sequential,random,skewed,chase,sort",
	};
	read_kernel_command_line(options);
	for (int i = 1; i < argc; i++)
		if (!take(options, argv[i]))
			fail("unknown", argv[i]);
}
