// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/token_file.h"

#include <bearssl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/port/private_file.h"
#include "net/port/udp.h"
#include "net/secure/secure.h"

#define LINE_BYTES 512
#define HASH_PREFIX "sha256:"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define BAD_TIME "the time it expires is a day, as 2027-01-31, or a second of it, as 2027-01-31T18:00:00Z (UTC)"
#define TOKEN_CHARACTERS NAME_CHARACTERS "~+/="	/* RFC 6750 */

enum role role_named(const char *name)
{
	return strcmp(name, "operator") == 0 ? ROLE_OPERATOR : strcmp(name, "read-only") == 0 ? ROLE_READ_ONLY : ROLE_NONE;
}

const char *role_name(enum role role)
{
	return role == ROLE_OPERATOR ? "operator" : role == ROLE_READ_ONLY ? "read-only" : "none";
}

static void hash_of(const char *text, uint8_t hash[TOKEN_HASH_BYTES])
{
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, text, strlen(text));
	br_sha256_out(&context, hash);
}

static void format_hex(const uint8_t *bytes, size_t len, char *text)
{
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < TOKEN_NAME_BYTES && strspn(name, NAME_CHARACTERS) == len;
}

/* ---------------------------------------------------------------- reading */

/* A token, or its hash. */
static bool parse_secret(const char *text, uint8_t hash[TOKEN_HASH_BYTES])
{
	size_t len = strlen(text);

	if (strncmp(text, HASH_PREFIX, strlen(HASH_PREFIX))) {
		hash_of(text, hash);
		return len >= TOKEN_CHARS_MIN && len <= TOKEN_CHARS_MAX && strspn(text, TOKEN_CHARACTERS) == len;
	}
	text += strlen(HASH_PREFIX);
	if (strlen(text) != 2 * TOKEN_HASH_BYTES || strspn(text, "0123456789abcdefABCDEF") != 2 * TOKEN_HASH_BYTES)
		return false;
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
		unsigned byte;

		sscanf(text + 2 * i, "%2x", &byte);
		hash[i] = (uint8_t)byte;
	}
	return true;
}

/* A day, or a second of it, of UTC. */
static bool parse_time(const char *text, int64_t *seconds)
{
	struct tm day = { 0 }, same;
	const char *rest = strptime(text, "%Y-%m-%d", &day);
	time_t time;

	if (rest && *rest)
		rest = strptime(rest, "T%H:%M:%SZ", &day);
	if (!rest || *rest)
		return false;
	same = day;
	time = timegm(&same);
	*seconds = time;
	/* There is no 31st of June. */
	return time > 0 && same.tm_mday == day.tm_mday && same.tm_sec == day.tm_sec;
}

/* NULL, or what is wrong with the line. */
static const char *parse_line(char *line, struct token_set *set)
{
	struct token *token = &set->tokens[set->count];
	char *rest = NULL, *role = strtok_r(line, " \t\r\n", &rest), *secret, *name, *expires;

	if (!role || role[0] == '#')
		return NULL;
	if (set->count == TOKENS_MAX)
		return "too many tokens";
	secret = strtok_r(NULL, " \t\r\n", &rest);
	name = strtok_r(NULL, " \t\r\n", &rest);
	expires = strtok_r(NULL, " \t\r\n", &rest);
	if (!name || (expires && strtok_r(NULL, " \t\r\n", &rest)))
		return "a line is ROLE TOKEN NAME, or ROLE TOKEN NAME EXPIRES";
	token->expires_s = INT64_MAX;
	if (expires && !parse_time(expires, &token->expires_s))
		return BAD_TIME;
	token->role = role_named(role);
	if (token->role == ROLE_NONE)
		return "the role is operator or read-only";
	if (!parse_secret(secret, token->hash))
		return "the token is " HASH_PREFIX " and 64 hexadecimal digits, or itself: 32 to 256 of A-Z a-z 0-9 - . _ ~ + / =";
	if (!name_is_good(name))
		return "the name is 1 to 31 of a-z A-Z 0-9 . _ -";
	for (unsigned i = 0; i < set->count; i++)
		if (strcmp(set->tokens[i].name, name) == 0)
			return "the name stands twice";
	memcpy(token->name, name, strlen(name) + 1);
	set->count++;
	return NULL;
}

static int parse(FILE *stream, const char *path, struct token_set *set, char *error, size_t error_bytes)
{
	const char *wrong = NULL;
	char line[LINE_BYTES];
	unsigned number = 0;

	while (!wrong && fgets(line, sizeof(line), stream)) {
		number++;
		wrong = strlen(line) == sizeof(line) - 1 ? "the line is too long" : parse_line(line, set);
	}
	secure_erase(line, sizeof(line));
	return wrong ? private_file_fail(-EINVAL, error, error_bytes, "%s:%u: %s", path, number, wrong) : 0;
}

int token_file_read(const char *path, struct token_set *set, char *error, size_t error_bytes)
{
	int status;
	FILE *stream = private_file_open(path, "the tokens", "'gmmd --new-token FILE ROLE NAME' makes one", &status, error, error_bytes);

	memset(set, 0, sizeof(*set));
	if (!stream)
		return status;
	status = parse(stream, path, set, error, error_bytes);
	fclose(stream);
	if (status)
		secure_erase(set, sizeof(*set));
	return status;
}

/* ---------------------------------------------------------------- adding */

static int append_line(const char *path, const char *line, char *error, size_t error_bytes)
{
	size_t len = strlen(line);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600), status = 0;
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char last = '\n';

	/* What an editor left without an end of its last line must not swallow ours. */
	if (fd < 0 || (end > 0 && pread(fd, &last, 1, end - 1) != 1) || (last != '\n' && write(fd, "\n", 1) != 1) ||
	    write(fd, line, len) != (ssize_t)len || fsync(fd))
		status = private_file_fail(-errno, error, error_bytes, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return status;
}

int token_file_add(const char *path, enum role role, const char *name, const char *expires, char token[TOKEN_TEXT_BYTES], char *error,
		   size_t error_bytes)
{
	uint8_t random[(TOKEN_TEXT_BYTES - 1) / 2], hash[TOKEN_HASH_BYTES];
	char line[LINE_BYTES], hex[2 * TOKEN_HASH_BYTES + 1];
	struct token_set set;
	int64_t expires_s;
	int status = token_file_read(path, &set, error, error_bytes);

	if (status && status != -ENOENT)
		return status;
	if (expires && !parse_time(expires, &expires_s))
		return private_file_fail(-EINVAL, error, error_bytes, "%s: " BAD_TIME, expires);
	if (expires && expires_s <= time(NULL))
		return private_file_fail(-EINVAL, error, error_bytes, "%s: is over already", expires);
	if (!name_is_good(name))
		return private_file_fail(-EINVAL, error, error_bytes, "%s: a token's name is 1 to 31 of a-z A-Z 0-9 . _ -", name);
	for (unsigned i = 0; i < set.count; i++)
		if (strcmp(set.tokens[i].name, name) == 0)
			return private_file_fail(-EEXIST, error, error_bytes, "%s: there is a token named %s already; remove its line first",
						 path, name);
	if (set.count == TOKENS_MAX)
		return private_file_fail(-ENOSPC, error, error_bytes, "%s: at most %u tokens", path, TOKENS_MAX);
	udp_port_random(NULL, random, sizeof(random));
	format_hex(random, sizeof(random), token);
	secure_erase(random, sizeof(random));
	hash_of(token, hash);
	format_hex(hash, sizeof(hash), hex);
	snprintf(line, sizeof(line), "%s " HASH_PREFIX "%s %s%s%s\n", role_name(role), hex, name, expires ? " " : "", expires ? expires : "");
	return append_line(path, line, error, error_bytes);
}

/* ---------------------------------------------------------------- finding */

const struct token *token_find(const struct token_set *set, const char *text)
{
	const struct token *found = NULL;
	uint8_t hash[TOKEN_HASH_BYTES];

	hash_of(text, hash);
	for (unsigned i = 0; i < set->count; i++) {
		volatile uint8_t differs = 0;

		for (size_t at = 0; at < TOKEN_HASH_BYTES; at++)
			differs |= hash[at] ^ set->tokens[i].hash[at];
		if (!differs)
			found = &set->tokens[i];
	}
	return found;
}

bool token_holds(const struct token_set *set, const struct token *token, int64_t now_s)
{
	for (unsigned i = 0; i < set->count; i++)
		if (memcmp(set->tokens[i].hash, token->hash, sizeof(token->hash)) == 0 && strcmp(set->tokens[i].name, token->name) == 0)
			return now_s < set->tokens[i].expires_s;
	return false;
}
