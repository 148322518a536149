/* SPDX-License-Identifier: GPL-2.0-only */
/* RFC 4648 base64, for console bytes inside JSON. */
#ifndef PLENUM_GMM_BASE64_H
#define PLENUM_GMM_BASE64_H

#include <stddef.h>
#include <stdint.h>

#define BASE64_CHARS(bytes) (((bytes) + 2) / 3 * 4)

/* `text` has room for BASE64_CHARS(len) + 1. */
void base64_encode(const uint8_t *bytes, size_t len, char *text);
/* Returns the number of bytes, at most `capacity`, or -1 when the text is not base64 or is too long. */
long base64_decode(const char *text, uint8_t *bytes, size_t capacity);

#endif
