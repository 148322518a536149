// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/web.h"

#include <string.h>

#define START_PAGE "/ui/index.html"
#define PREFIX "/ui"

static size_t path_len(const char *uri)
{
	return strcspn(uri, "?#");
}

static bool is_path(const char *uri, const char *path)
{
	size_t len = path_len(uri);

	return strlen(path) == len && memcmp(uri, path, len) == 0;
}

bool web_is_for(const char *uri)
{
	size_t prefix = strlen(PREFIX);

	return is_path(uri, "/") || (strncmp(uri, PREFIX, prefix) == 0 && (uri[prefix] == '/' || path_len(uri) == prefix));
}

const struct web_file *web_find(const char *uri)
{
	if (is_path(uri, "/") || is_path(uri, PREFIX) || is_path(uri, PREFIX "/"))
		uri = START_PAGE;
	for (const struct web_file *file = web_files; file->path; file++)
		if (is_path(uri, file->path))
			return file;
	return NULL;
}

/* A list of tags, each perhaps with W/ before it, or "*" (RFC 9110, section 13.1.2: the comparison is the weak one). */
bool web_is_known(const struct web_file *file, const char *if_none_match)
{
	size_t len = strlen(file->tag);

	if (!if_none_match)
		return false;
	while (*if_none_match) {
		size_t item = strcspn(if_none_match, ",");

		while (item && strchr(" \t", *if_none_match)) {
			if_none_match++;
			item--;
		}
		if (*if_none_match == '*' && item >= 1)
			return true;
		if (item > 2 && strncmp(if_none_match, "W/", 2) == 0) {
			if_none_match += 2;
			item -= 2;
		}
		if (item >= len && memcmp(if_none_match, file->tag, len) == 0 && strspn(if_none_match + len, " \t") == item - len)
			return true;
		if_none_match += item;
		if_none_match += *if_none_match == ',';
	}
	return false;
}
