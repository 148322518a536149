/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HTTP API as a table: which method and path runs which command, who may, and which parameters it takes. A new command needs a
 * row in route_table.c and a path in docs/openapi.yaml; a unit test compares the two.
 *
 * Also what a request line says, taken apart strictly: a path of non-empty segments, percent-encoding of printable ASCII only,
 * each parameter once. Nothing here allocates or knows of the HTTP library.
 */
#ifndef PLENUM_GMM_ROUTE_H
#define PLENUM_GMM_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "gmm/daemon/token_file.h"

#define ROUTE_URI_BYTES_MAX 2048u
#define ROUTE_SEGMENTS_MAX 8u
#define ROUTE_QUERIES_MAX 4u
#define ROUTE_TEXT_BYTES 128u		/* of a segment, or of a parameter's name or value, with the final NUL */

enum route_kind {
	ROUTE_COMMAND,			/* its result is the answer */
	ROUTE_EVENTS,			/* its items are, as a list, or as a stream for who accepts one */
	ROUTE_CONSOLE,			/* its result is, or a stream for who accepts one */
	ROUTE_METRICS,			/* no command: text for Prometheus */
	ROUTE_TOKEN,			/* no command: the token's name and role */
};

enum query_kind { QUERY_NUMBER, QUERY_SECONDS };

struct route_query {
	const char *name;		/* in the request; NULL: end */
	const char *argument;		/* of the command */
	enum query_kind kind;
};

struct route {
	const char *method;
	const char *pattern;		/* "/v1/vms/{name}": the segment in braces becomes the argument of that name */
	const char *command;
	enum role role;			/* the least that may */
	const char *summary;
	enum route_kind kind;
	struct route_query queries[ROUTE_QUERIES_MAX];
};

extern const struct route routes[];	/* ends with method NULL; the first that fits is taken */

struct route_text {
	char name[ROUTE_TEXT_BYTES];
	char value[ROUTE_TEXT_BYTES];
};

/* A request's path and parameters. */
struct route_target {
	unsigned segment_count;
	char segments[ROUTE_SEGMENTS_MAX][ROUTE_TEXT_BYTES];
	unsigned query_count;
	struct route_text queries[ROUTE_QUERIES_MAX];
};

/* Take a request's target apart. 0, or -EINVAL, -ENAMETOOLONG, -ENOENT (deeper than any route), and *why. */
int route_parse(const char *uri, struct route_target *target, const char **why);
/* 0 and *found; -ENOENT: no such path; -ENOTSUP: not with this method. HEAD is taken as GET. */
int route_find(const struct route_target *target, const char *method, const struct route **found);
/* The methods of a path, as the header Allow lists them. */
void route_allowed(const struct route_target *target, char *text, size_t text_bytes);
/* The command's arguments from path and parameters, new; NULL and one line in `error`: a parameter is not right. */
json_t *route_arguments(const struct route *route, const struct route_target *target, char *error, size_t error_bytes);

#endif
