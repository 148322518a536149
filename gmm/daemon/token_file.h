/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may use the HTTP API over TCP: a file with a line "ROLE TOKEN NAME [EXPIRES]" for each, blank lines and lines that begin with # apart.
 *
 *	operator   sha256:9f86d0...  deploy		as `gmmd --new-token` writes it: the file does not give the token away
 *	read-only  Zm9vYmFy...       prometheus		the token itself, at least 32 characters
 *	operator   sha256:60303a...  guest  2027-01-31	until that day begins; or a time of day, as 2027-01-31T18:00:00Z (UTC)
 */
#ifndef PLENUM_GMM_TOKEN_FILE_H
#define PLENUM_GMM_TOKEN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKENS_MAX 64u
#define TOKEN_NAME_BYTES 32u
#define TOKEN_CHARS_MIN 32u		/* 128 bits as hexadecimal digits, the least dense of the usual ways to write them */
#define TOKEN_CHARS_MAX 256u
#define TOKEN_HASH_BYTES 32u
#define TOKEN_TEXT_BYTES 65u		/* of a new one: 256 bits in hexadecimal digits, with the final NUL */

enum role { ROLE_NONE, ROLE_READ_ONLY, ROLE_OPERATOR };	/* each may what those before it may */

struct token {
	enum role role;
	char name[TOKEN_NAME_BYTES];
	uint8_t hash[TOKEN_HASH_BYTES];	/* SHA-256 of the token */
	int64_t expires_s;		/* since 1970: from then on it is nobody's; INT64_MAX: never */
};

struct token_set {
	unsigned count;
	struct token tokens[TOKENS_MAX];
};

/* "read-only" or "operator"; ROLE_NONE: neither. */
enum role role_named(const char *name);
const char *role_name(enum role role);

/* 0; or a negative errno with one line in `error` that says what to do: a file that others can read is refused (-EPERM). */
int token_file_read(const char *path, struct token_set *set, char *error, size_t error_bytes);
/*
 * Make a token for `name`, add it to the file, which is made if there is none, and give it out: it is not to be had again.
 * `expires`: as in the file; NULL: never.
 */
int token_file_add(const char *path, enum role role, const char *name, const char *expires, char token[TOKEN_TEXT_BYTES], char *error,
		   size_t error_bytes);
/* Whose token it is, or was before it expired; NULL: nobody's. Takes the same time for every token that is not in the set. */
const struct token *token_find(const struct token_set *set, const char *text);
/* Is this one of them still, of the same name, and not expired? */
bool token_holds(const struct token_set *set, const struct token *token, int64_t now_s);

#endif
