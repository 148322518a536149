/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is a method and a request's target: take it apart, find its route, make the command's arguments. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
	assert(strnlen(text, ROUTE_TEXT_BYTES) < ROUTE_TEXT_BYTES);
	for (; *text; text++)
		assert(*text > ' ' && *text <= '~');
}

static void check_arguments(const struct route *route, const struct route_target *target)
{
	char error[256];
	json_t *arguments = route_arguments(route, target, error, sizeof(error));

	if (arguments)
		assert(json_object_size(arguments) <= target->segment_count + target->query_count);
	else
		assert(error[0] && strlen(error) < sizeof(error));
	json_decref(arguments);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "HEAD", "POST", "DELETE", "PUT" };
	const struct route *route = NULL;
	struct route_target target;
	const char *why = NULL;
	char allowed[64], *uri;

	if (size == 0)
		return 0;
	uri = malloc(size);
	memcpy(uri, data + 1, size - 1);
	uri[size - 1] = '\0';
	if (route_parse(uri, &target, &why)) {
		assert(why && why[0]);
	} else {
		assert(target.segment_count <= ROUTE_SEGMENTS_MAX && target.query_count <= ROUTE_QUERIES_MAX);
		for (unsigned i = 0; i < target.segment_count; i++)
			check_text(target.segments[i]);
		for (unsigned i = 0; i < target.query_count; i++) {
			check_text(target.queries[i].name);
			check_text(target.queries[i].value);
		}
		if (route_find(&target, methods[data[0] % (sizeof(methods) / sizeof(methods[0]))], &route) == 0)
			check_arguments(route, &target);
		route_allowed(&target, allowed, sizeof(allowed));
		assert(!route || allowed[0]);
	}
	free(uri);
	return 0;
}
