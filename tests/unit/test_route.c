// SPDX-License-Identifier: GPL-2.0-only
/* The API's routes: what a request's path and parameters become, and that docs/openapi.yaml describes the same routes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/daemon/http_status.h"
#include "gmm/daemon/route.h"

#define OPENAPI "docs/openapi.yaml"	/* tests run in the project's top directory */

static struct route_target target;
static const char *why;

static int find(const char *method, const char *uri, const struct route **route)
{
	int status = route_parse(uri, &target, &why);

	return status ? status : route_find(&target, method, route);
}

static json_t *arguments_of(const char *method, const char *uri)
{
	const struct route *route;
	char error[256];

	assert_int_equal(find(method, uri, &route), 0);
	return route_arguments(route, &target, error, sizeof(error));
}

static void test_paths(void **state)
{
	static const struct { const char *method, *uri, *command; } cases[] = {
		{ "GET", "/v1/status", "status" }, { "HEAD", "/v1/status", "status" }, { "GET", "/v1/nodes", "node.list" },
		{ "GET", "/v1/nodes/m1", "node.show" }, { "GET", "/v1/nodes/m1/counters", "node.counters" },
		{ "GET", "/v1/vms", "vm.list" }, { "POST", "/v1/vms", "vm.create" }, { "GET", "/v1/vms/a", "vm.show" },
		{ "POST", "/v1/nodes/m1/drain", "node.drain" }, { "POST", "/v1/vms/a/regions/3/move", "region.move" },
		{ "GET", "/v1/vms/a/console?offset=7", "vm.output" }, { "POST", "/v1/vms/a/console", "vm.type" },
		{ "GET", "/v1/health", "health" }, { "GET", "/v1/balance/plan", "balance.plan" },
		{ "DELETE", "/v1/vms/a", "vm.destroy" }, { "POST", "/v1/vms/start/start", "vm.start" },
		{ "GET", "/v1/vms/%61%2e_", "vm.show" }, { "GET", "/v1/operations/7?wait=1.5", "operation.show" },
		{ "GET", "/v1/events?after=1&limit=2", "events" }, { "GET", "/metrics", "metrics" },
	};
	const struct route *route;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(find(cases[i].method, cases[i].uri, &route), 0);
		assert_string_equal(route->command, cases[i].command);
	}
}

static void test_what_is_no_path(void **state)
{
	static const struct { const char *uri; int status; } cases[] = {
		{ "", -EINVAL }, { "*", -EINVAL }, { "v1/vms", -EINVAL }, { "/", -ENOENT }, { "/v1", -ENOENT }, { "/v1/", -ENOENT },
		{ "/v1/vms/", -ENOENT }, { "//v1/vms", -ENOENT }, { "/v1//vms", -ENOENT }, { "/v1/vmss", -ENOENT }, { "/v1/vm", -ENOENT },
		{ "/v1/vms/a/b/c", -ENOENT }, { "/1/2/3/4/5/6/7/8/9", -ENOENT }, { "/v1/vms/{name}x/y", -ENOENT },
		{ "/v1/vms/%", -EINVAL }, { "/v1/vms/%4", -EINVAL }, { "/v1/vms/%zz", -EINVAL }, { "/v1/vms/a%00b", -EINVAL },
		{ "/v1/vms/a%0ab", -EINVAL }, { "/v1/vms/a%ffb", -EINVAL }, { "/v1/vms/a b", -EINVAL }, { "/v1/vms#a", -EINVAL },
		{ "/v1/events?", -EINVAL }, { "/v1/events?after", -EINVAL }, { "/v1/events?=1", -EINVAL }, { "/v1/events?after=1&", -EINVAL },
		{ "/v1/events?after=1&after=2", -EINVAL }, { "/v1/events?a=1&b=1&c=1&d=1&e=1", -EINVAL }, { "/v1/events?a=1=2", -EINVAL },
		{ "/v1/events&after=1", -ENOENT },
	};
	char uri[ROUTE_URI_BYTES_MAX + 2];
	const struct route *route;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (find("GET", cases[i].uri, &route) != cases[i].status)
			fail_msg("%s", cases[i].uri);
	memset(uri, 'a', sizeof(uri));
	uri[0] = '/';
	uri[sizeof(uri) - 1] = '\0';
	assert_int_equal(find("GET", uri, &route), -ENAMETOOLONG);
	uri[ROUTE_TEXT_BYTES + 1] = '\0';
	assert_int_equal(find("GET", uri, &route), -ENAMETOOLONG);
	uri[ROUTE_TEXT_BYTES] = '\0';
	assert_int_equal(find("GET", uri, &route), -ENOENT);
	/* An encoded slash is part of a name, not of the path. */
	assert_int_equal(find("GET", "/v1/vms/a%2fstats", &route), 0);
	assert_string_equal(target.segments[2], "a/stats");
}

static void test_methods(void **state)
{
	const struct route *route;
	char text[64];

	(void)state;
	assert_int_equal(find("PUT", "/v1/vms", &route), -ENOTSUP);
	route_allowed(&target, text, sizeof(text));
	assert_string_equal(text, "GET, HEAD, POST");
	assert_int_equal(find("get", "/v1/vms/a", &route), -ENOTSUP);
	route_allowed(&target, text, sizeof(text));
	assert_string_equal(text, "GET, HEAD, PATCH, DELETE");
	assert_int_equal(find("HEAD", "/v1/vms/a/start", &route), -ENOTSUP);
}

static void test_arguments(void **state)
{
	json_t *arguments = arguments_of("GET", "/v1/vms/we%62/stats");

	(void)state;
	assert_int_equal(json_object_size(arguments), 1);
	assert_string_equal(json_string_value(json_object_get(arguments, "name")), "web");
	json_decref(arguments);
	arguments = arguments_of("GET", "/v1/operations/12?wait=2.5");
	assert_string_equal(json_string_value(json_object_get(arguments, "id")), "12");
	assert_true(json_real_value(json_object_get(arguments, "wait_s")) == 2.5);
	json_decref(arguments);
	arguments = arguments_of("POST", "/v1/vms/web/regions/3/move");
	assert_string_equal(json_string_value(json_object_get(arguments, "vm")), "web");
	assert_string_equal(json_string_value(json_object_get(arguments, "index")), "3");
	json_decref(arguments);
	arguments = arguments_of("GET", "/v1/events?limit=3");
	assert_int_equal(json_object_size(arguments), 1);
	assert_int_equal(json_integer_value(json_object_get(arguments, "limit")), 3);
	json_decref(arguments);
	assert_null(arguments_of("GET", "/v1/events?limit=x"));
	assert_null(arguments_of("GET", "/v1/events?limit=-1"));
	assert_null(arguments_of("GET", "/v1/events?limit=99999999999999999999"));
	assert_null(arguments_of("GET", "/v1/events?follow=1"));
	assert_null(arguments_of("GET", "/v1/operations/1?wait=inf"));
	assert_null(arguments_of("GET", "/v1/operations/1?wait=1e999"));
	assert_null(arguments_of("GET", "/v1/operations/1?wait="));
}

static void test_errors_have_codes(void **state)
{
	(void)state;
	assert_int_equal(http_error_of_status(-EINVAL)->http, 400);
	assert_int_equal(http_error_of_status(-ENOENT)->http, 404);
	assert_int_equal(http_error_of_status(-EBUSY)->http, 409);
	assert_int_equal(http_error_of_status(-EEXIST)->http, 409);
	assert_int_equal(http_error_of_status(-ETIMEDOUT)->http, 504);
	assert_int_equal(http_error_of_status(-EAGAIN)->http, 503);
	assert_int_equal(http_error_of_status(-12345)->http, 500);
	assert_string_equal(http_error_of_status(-12345)->code, "internal");
	assert_string_equal(http_error_of_code(400)->code, "invalid-argument");
	assert_string_equal(http_error_of_code(401)->code, "unauthenticated");
}

/* ---------------------------------------------------------------- the description */

/* What follows `key` at this place of a line, without its end; NULL: the line is another one. */
static const char *after(char *line, const char *key)
{
	line[strcspn(line, "\n")] = '\0';
	return strncmp(line, key, strlen(key)) ? NULL : line + strlen(key);
}

static const struct route *described(const char *path, const char *method)
{
	for (const struct route *route = routes; route->method; route++)
		if (strcmp(route->pattern, path) == 0 && strcasecmp(route->method, method) == 0)
			return route;
	fail_msg(OPENAPI ": %s %s is no route", method, path);
	return NULL;
}

/* The file's layout is fixed: paths two blanks from the left, methods four, their keys six. */
static void test_description(void **state)
{
	const struct route *route = NULL;
	unsigned found = 0, count = 0;
	FILE *file = fopen(OPENAPI, "re");
	char line[512], path[256] = "";
	bool inside = false;
	const char *rest;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != ' ')
			inside = strcmp(line, "paths:\n") == 0;
		if (!inside)
			continue;
		if (after(line, "  /")) {
			snprintf(path, sizeof(path), "%.*s", (int)strlen(line) - 3, line + 2);
		} else if ((rest = after(line, "    ")) && rest[0] != ' ' && strchr(rest, ':')) {
			line[strlen(line) - 1] = '\0';
			route = described(path, rest);
			found++;
		} else if ((rest = after(line, "      operationId: "))) {
			assert_string_equal(rest, route->command);
		} else if ((rest = after(line, "      x-role: "))) {
			assert_string_equal(rest, role_name(route->role));
		} else if ((rest = after(line, "      summary: "))) {
			assert_string_equal(rest, route->summary);
		}
	}
	fclose(file);
	for (route = routes; route->method; route++)
		count++;
	assert_int_equal(found, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_what_is_no_path),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_errors_have_codes),
		cmocka_unit_test(test_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
