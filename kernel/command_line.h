/* SPDX-License-Identifier: GPL-2.0-only */
/* Portable: words of a command line, numbers and addresses in it. All input is hostile: it comes from the network. */
#ifndef PLENUM_KERNEL_COMMAND_LINE_H
#define PLENUM_KERNEL_COMMAND_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Replace the blanks between words by NULs, in place. `bytes` is the text's length with its own NUL. */
void command_line_split(char *line, size_t bytes);
/* In a line that was split: the value of the last word `name=value`; the empty string for a bare `name`; NULL: absent. */
const char *command_line_find(const char *line, size_t bytes, const char *name);
/* Decimal or 0x hex, then K, M or G; 0 on success, -EINVAL, -ERANGE. */
int parse_number(const char *text, uint64_t *number);
/* "a.b.c.d" or "a.b.c.d/len" into host byte order; 0 on success, -EINVAL. `prefix_len` may be NULL. */
int parse_ipv4(const char *text, uint32_t *address, uint32_t *prefix_len);

#endif
