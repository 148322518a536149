// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/route.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- what a request says */

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decode what stands before any character of `ends`; *at moves there. 0, -EINVAL, -ENAMETOOLONG. */
static int decode(const char **at, const char *ends, char text[ROUTE_TEXT_BYTES])
{
	size_t len = 0;

	for (; **at && !strchr(ends, **at); (*at)++) {
		int c = (unsigned char)**at;

		if (c == '%') {
			int high = hex_value((*at)[1]), low = high < 0 ? -1 : hex_value((*at)[2]);

			if (low < 0)
				return -EINVAL;
			c = high << 4 | low;
			*at += 2;
		}
		if (c <= ' ' || c > '~')
			return -EINVAL;
		if (len + 1 == ROUTE_TEXT_BYTES)
			return -ENAMETOOLONG;
		text[len++] = (char)c;
	}
	text[len] = '\0';
	return 0;
}

static int parse_query(const char **at, struct route_target *target, const char **why)
{
	struct route_text *query;
	int status;

	*why = "more parameters than any path takes";
	if (target->query_count == ROUTE_QUERIES_MAX)
		return -EINVAL;
	query = &target->queries[target->query_count];
	*why = "a parameter is not written as name=value of printable ASCII";
	status = decode(at, "=&#", query->name);
	if (status || query->name[0] == '\0' || **at != '=')
		return status ? status : -EINVAL;
	(*at)++;
	status = decode(at, "=&#", query->value);
	if (status)
		return status;
	*why = "a parameter is given twice";
	for (unsigned i = 0; i < target->query_count; i++)
		if (strcmp(target->queries[i].name, query->name) == 0)
			return -EINVAL;
	target->query_count++;
	return 0;
}

int route_parse(const char *uri, struct route_target *target, const char **why)
{
	const char *at = uri;
	int status;

	memset(target, 0, sizeof(*target));
	*why = "the path is too long";
	if (strnlen(uri, ROUTE_URI_BYTES_MAX + 1) > ROUTE_URI_BYTES_MAX)
		return -ENAMETOOLONG;
	while (*at == '/') {
		*why = "there is no such path";
		if (target->segment_count == ROUTE_SEGMENTS_MAX)
			return -ENOENT;
		at++;
		*why = "a part of the path is too long, or not printable ASCII";
		status = decode(&at, "/?#", target->segments[target->segment_count]);
		if (status)
			return status;
		target->segment_count++;
	}
	while (*at == '?' || (*at == '&' && target->query_count)) {
		at++;
		status = parse_query(&at, target, why);
		if (status)
			return status;
	}
	*why = "the path is not written as /part/part?name=value&name=value";
	return *at || target->segment_count == 0 ? -EINVAL : 0;
}

/* ---------------------------------------------------------------- which route it is */

/* The next segment of a pattern; moves on. */
static size_t pattern_segment(const char **pattern, const char **segment)
{
	size_t len;

	*segment = *pattern + 1;
	len = strcspn(*segment, "/");
	*pattern = *segment + len;
	return len;
}

static bool fits(const struct route *route, const struct route_target *target)
{
	const char *pattern = route->pattern, *segment;

	for (unsigned i = 0; i < target->segment_count; i++) {
		size_t len;

		if (*pattern != '/')
			return false;
		len = pattern_segment(&pattern, &segment);
		if (segment[0] == '{' ? target->segments[i][0] == '\0' :
		    strlen(target->segments[i]) != len || memcmp(target->segments[i], segment, len))
			return false;
	}
	return *pattern == '\0';
}

int route_find(const struct route_target *target, const char *method, const struct route **found)
{
	int status = -ENOENT;

	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (const struct route *route = routes; route->method; route++) {
		if (!fits(route, target))
			continue;
		if (strcmp(route->method, method) == 0) {
			*found = route;
			return 0;
		}
		status = -ENOTSUP;
	}
	return status;
}

void route_allowed(const struct route_target *target, char *text, size_t text_bytes)
{
	size_t len = 0;

	text[0] = '\0';
	for (const struct route *route = routes; route->method; route++)
		if (fits(route, target) && len < text_bytes)
			len += (size_t)snprintf(text + len, text_bytes - len, "%s%s%s", len ? ", " : "", route->method,
						strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
}

/* ---------------------------------------------------------------- the command's arguments */

static json_t *parse_number(const char *text)
{
	long long value;
	char *rest;

	errno = 0;
	value = strtoll(text, &rest, 10);
	return text[0] < '0' || text[0] > '9' || *rest || errno ? NULL : json_integer(value);
}

static json_t *parse_seconds(const char *text)
{
	char *rest;
	double value = strtod(text, &rest);

	return text[0] < '0' || text[0] > '9' || *rest || !isfinite(value) ? NULL : json_real(value);
}

static const struct route_query *find_query(const struct route *route, const char *name)
{
	for (unsigned i = 0; i < ROUTE_QUERIES_MAX && route->queries[i].name; i++)
		if (strcmp(route->queries[i].name, name) == 0)
			return &route->queries[i];
	return NULL;
}

static bool set_query(json_t *arguments, const struct route *route, const struct route_text *given, char *error, size_t error_bytes)
{
	const struct route_query *query = find_query(route, given->name);
	json_t *value;

	if (!query) {
		snprintf(error, error_bytes, "%s takes no parameter '%s'", route->pattern, given->name);
		return false;
	}
	value = query->kind == QUERY_NUMBER ? parse_number(given->value) : parse_seconds(given->value);
	if (!value) {
		snprintf(error, error_bytes, "%s=%s: must be a number%s", given->name, given->value,
			 query->kind == QUERY_NUMBER ? "" : " of seconds");
		return false;
	}
	json_object_set_new(arguments, query->argument, value);
	return true;
}

json_t *route_arguments(const struct route *route, const struct route_target *target, char *error, size_t error_bytes)
{
	const char *pattern = route->pattern, *segment;
	json_t *arguments = json_object();
	char name[ROUTE_TEXT_BYTES];

	for (unsigned i = 0; i < target->segment_count && *pattern == '/'; i++) {
		size_t len = pattern_segment(&pattern, &segment);

		if (segment[0] != '{')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len - 2, segment + 1);
		json_object_set_new(arguments, name, json_string(target->segments[i]));
	}
	for (unsigned i = 0; i < target->query_count; i++)
		if (!set_query(arguments, route, &target->queries[i], error, error_bytes)) {
			json_decref(arguments);
			return NULL;
		}
	return arguments;
}
