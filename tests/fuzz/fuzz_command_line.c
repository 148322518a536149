/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is a command line as the network delivers it: find every name that a kernel asks for, and parse it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <kernel/command_line.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "ip", "gmm", "panic", "name", "" };
	char *line = malloc(size + 1);

	memcpy(line, data, size);
	line[size] = '\0';
	command_line_split(line, size + 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = command_line_find(line, size + 1, names[i]);
		uint32_t address, prefix_len = 0;
		uint64_t number;

		if (!value)
			continue;
		assert(value >= line && value + strlen(value) <= line + size);
		assert(!strpbrk(value, " \t\r\n"));
		parse_number(value, &number);
		if (!parse_ipv4(value, &address, &prefix_len))
			assert(prefix_len <= 32);
	}
	free(line);
	return 0;
}
