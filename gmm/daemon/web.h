/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The web console's files: a table that is built in (tools/embed-web, gmm/web/files.txt), so what can be fetched is what is in it, and
 * no path of a request ever meets a file system. Which requests are for it, and which file they get, is decided here; nothing here
 * allocates or knows of the HTTP library.
 */
#ifndef PLENUM_GMM_WEB_H
#define PLENUM_GMM_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct web_file {
	const char *path;		/* "/ui/main.js" */
	const char *type;		/* header Content-Type */
	const char *tag;		/* header ETag: the contents' hash in quotes */
	const uint8_t *bytes;
	const uint8_t *end;
};

extern const struct web_file web_files[];	/* ends with path NULL */

/* Whether a request's target is the web console's: "/", or under "/ui". Such files are public: they hold no data. */
bool web_is_for(const char *uri);
/* The file of a target, whose parameters do not matter; NULL: there is none. The path is compared as it is: an encoded or a doubled
 * slash, "..", and other spellings are other paths, and so are in no table. */
const struct web_file *web_find(const char *uri);
/* Whether a client that sent this If-None-Match (may be NULL) has the file already. */
bool web_is_known(const struct web_file *file, const char *if_none_match);

#endif
