/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists of node names as operators write them:
 *
 *	list  = name { "," name }
 *	name  = { text | "[" range { "," range } "]" }
 *	range = number [ "-" number ]
 *
 * "m[1-3,7],p1" is m1 m2 m3 m7 p1. Numbers keep the width of the first one: "m[08-10]" is m08 m09 m10. Several
 * brackets in one name give all combinations.
 */
#ifndef PLENUM_GMM_HOST_LIST_H
#define PLENUM_GMM_HOST_LIST_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_LIST_NAMES_MAX 1024u	/* in one list, all brackets taken apart */
#define HOST_LIST_NAME_BYTES 64u	/* of one of them, with the final NUL */

struct host_list {
	unsigned count;
	char names[HOST_LIST_NAMES_MAX][HOST_LIST_NAME_BYTES];
};

/* Is it more than one plain name, that is, does it have a comma or a bracket? */
bool host_list_is_list(const char *text);
/*
 * Take a list apart, in the order in which it is written; a name that stands there twice is taken once. 0, or a
 * negative errno and in *reason what is wrong: -EINVAL: not a list; -E2BIG: too many or too long names.
 */
int host_list_parse(const char *text, struct host_list *list, const char **reason);

#endif
