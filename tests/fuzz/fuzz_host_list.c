// SPDX-License-Identifier: GPL-2.0-only
/* The input is a list of node names as an operator, or a script, writes it. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/cli/host_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct host_list list;
	char *text = malloc(size + 1);
	const char *reason = NULL;
	int status;

	memcpy(text, data, size);
	text[size] = '\0';
	status = host_list_parse(text, &list, &reason);
	assert(status == 0 || ((status == -EINVAL || status == -E2BIG) && reason));
	assert(list.count <= HOST_LIST_NAMES_MAX);
	for (unsigned i = 0; status == 0 && i < list.count; i++) {
		size_t len = strnlen(list.names[i], HOST_LIST_NAME_BYTES);

		assert(len > 0 && len < HOST_LIST_NAME_BYTES && !strpbrk(list.names[i], "[],"));
	}
	/* What is no list is one name, itself. */
	if (status == 0 && !host_list_is_list(text))
		assert(list.count == 1 && strcmp(list.names[0], text) == 0);
	free(text);
	return 0;
}
