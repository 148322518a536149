/* SPDX-License-Identifier: GPL-2.0-only */
/* Files with secrets on Linux. */
#ifndef PLENUM_NET_PORT_PRIVATE_FILE_H
#define PLENUM_NET_PORT_PRIVATE_FILE_H

#include <stddef.h>
#include <stdio.h>

/*
 * Open a regular file that only its owner can read. `secret`: what is in it, as "the rack's key"; `make`: how to get such a file. The
 * stream is the caller's to close. NULL: *status is a negative errno (-EPERM: others may read it), and `error` one line that says what to do.
 */
FILE *private_file_open(const char *path, const char *secret, const char *make, int *status, char *error, size_t error_bytes);
/* Write the line that says what was wrong; returns `status`. */
__attribute__((format(printf, 4, 5))) int private_file_fail(int status, char *error, size_t error_bytes, const char *format, ...);

#endif
