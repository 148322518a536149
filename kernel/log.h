/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_LOG_H
#define PLENUM_KERNEL_LOG_H

#include <stddef.h>

#define LOG_LINE_BYTES_MAX 512
#define LOG_RING_BYTES 16384		/* a power of two */

void serial_init(void);
void serial_write(const char *text, size_t len);

/* For panic: no lock, no time; text as it is, to the serial line and the ring. */
void log_raw(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
