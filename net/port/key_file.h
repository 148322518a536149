/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file with the rack's keys on Linux: a line "ID:HEX" for each, blank lines and lines that begin with # apart. The first
 * key is the one in use; a second one is accepted besides (while keys rotate).
 */
#ifndef PLENUM_NET_PORT_KEY_FILE_H
#define PLENUM_NET_PORT_KEY_FILE_H

#include <stddef.h>

#include "net/secure/secure.h"

/* 0; or a negative errno with one line in `error` that says what to do: a file that others can read is refused (-EPERM). */
int key_file_read(const char *path, struct secure_key_set *set, char *error, size_t error_bytes);
/* Write it anew, whole or not at all, readable by its owner only. */
int key_file_write(const char *path, const struct secure_key_set *set, char *error, size_t error_bytes);
/* Make a file with one new random key. -EEXIST when there is a file already. */
int key_file_create(const char *path, char *error, size_t error_bytes);
/* Give `secure` the file's keys. */
int key_file_use(const struct secure_key_set *set, struct secure *secure);

#endif
