// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "gmm/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *bytes, size_t len, char *text)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t word = (uint32_t)bytes[i] << 16;

		word |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
		word |= left > 2 ? bytes[i + 2] : 0;
		*text++ = digits[word >> 18];
		*text++ = digits[word >> 12 & 63];
		*text++ = left > 1 ? digits[word >> 6 & 63] : '=';
		*text++ = left > 2 ? digits[word & 63] : '=';
	}
	*text = '\0';
}

static int digit_value(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

long base64_decode(const char *text, uint8_t *bytes, size_t capacity)
{
	size_t len = strlen(text), count = 0;

	if (len % 4)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		unsigned pad = text[i + 3] == '=' ? text[i + 2] == '=' ? 2 : 1 : 0;
		uint32_t word = 0;

		if (pad && i + 4 != len)
			return -1;
		for (unsigned j = 0; j < 4 - pad; j++) {
			int value = digit_value(text[i + j]);

			if (value < 0)
				return -1;
			word |= (uint32_t)value << (18 - 6 * j);
		}
		for (unsigned j = 0; j < 3 - pad; j++) {
			if (count == capacity)
				return -1;
			bytes[count++] = (uint8_t)(word >> (16 - 8 * j));
		}
	}
	return (long)count;
}
