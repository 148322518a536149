/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/port/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/port/private_file.h"
#include "net/port/udp.h"

#define LINE_BYTES_MAX 256
#define FIRST_ID 1u

static int parse_line(char *line, struct secure_key_set *set)
{
	size_t len = strcspn(line, "\r\n");

	if (len == 0 || line[0] == '#')
		return 0;
	if (set->count == SECURE_KEYS_MAX)
		return -ENOBUFS;
	if (secure_key_parse(line, len, &set->ids[set->count], set->keys[set->count]))
		return -EINVAL;
	set->count++;
	return 0;
}

static int parse(FILE *stream, const char *path, struct secure_key_set *set, char *error, size_t error_bytes)
{
	char line[LINE_BYTES_MAX];
	unsigned number = 0;
	int status = 0;

	while (status == 0 && fgets(line, sizeof(line), stream)) {
		number++;
		status = parse_line(line, set);
	}
	secure_erase(line, sizeof(line));
	if (status == -ENOBUFS)
		return private_file_fail(status, error, error_bytes, "%s:%u: at most %u keys: the one in use and the one before or after it",
					 path, number, SECURE_KEYS_MAX);
	if (status)
		return private_file_fail(status, error, error_bytes, "%s:%u: not a key: a line is ID:HEX, ID from 1 to 255,"
					 " HEX 64 hexadecimal digits", path, number);
	if (set->count == 0)
		return private_file_fail(-EINVAL, error, error_bytes, "%s: there is no key in it; 'gmmd --new-key FILE' makes such a file",
					 path);
	return 0;
}

int key_file_read(const char *path, struct secure_key_set *set, char *error, size_t error_bytes)
{
	int status;
	FILE *stream = private_file_open(path, "the rack's key", "'gmmd --new-key FILE' makes a key for a new rack", &status, error,
					 error_bytes);

	memset(set, 0, sizeof(*set));
	if (!stream)
		return status;
	status = parse(stream, path, set, error, error_bytes);
	fclose(stream);
	if (status)
		secure_erase(set, sizeof(*set));
	return status;
}

static bool write_keys(int fd, const struct secure_key_set *set)
{
	char text[SECURE_KEY_TEXT_BYTES + 1];
	bool good = true;

	for (unsigned i = 0; i < set->count && good; i++) {
		size_t len;

		secure_key_format(set->ids[i], set->keys[i], text);
		len = strlen(text);
		text[len] = '\n';
		good = write(fd, text, len + 1) == (ssize_t)len + 1;
	}
	secure_erase(text, sizeof(text));
	return good && fsync(fd) == 0;
}

int key_file_write(const char *path, const struct secure_key_set *set, char *error, size_t error_bytes)
{
	char fresh[PATH_MAX];
	int fd, number;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return private_file_fail(-ENAMETOOLONG, error, error_bytes, "%s: the path is too long", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && write_keys(fd, set) && rename(fresh, path) == 0) {
		close(fd);
		return 0;
	}
	number = errno;
	if (fd >= 0) {
		close(fd);
		unlink(fresh);
	}
	return private_file_fail(-number, error, error_bytes, "%s: %s", fresh, strerror(number));
}

int key_file_create(const char *path, char *error, size_t error_bytes)
{
	struct secure_key_set set = { .count = 1, .ids = { FIRST_ID } };
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), number;

	if (fd < 0)
		return private_file_fail(-errno, error, error_bytes, "%s: %s", path, strerror(errno));
	udp_port_random(NULL, set.keys[0], sizeof(set.keys[0]));
	if (!write_keys(fd, &set)) {
		number = errno;
		close(fd);
		unlink(path);
		return private_file_fail(-number, error, error_bytes, "%s: %s", path, strerror(number));
	}
	close(fd);
	secure_erase(&set, sizeof(set));
	return 0;
}

int key_file_use(const struct secure_key_set *set, struct secure *secure)
{
	int status = 0;

	for (unsigned i = 0; i < set->count && status == 0; i++)
		status = secure_key_add(secure, set->ids[i], set->keys[i]);
	return status;
}
