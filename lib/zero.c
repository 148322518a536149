/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages of zeros need neither a frame nor a place on the wire. */
#include <stdint.h>
#include <string.h>

#include "lib/zero.h"

bool bytes_are_zero(const void *bytes, size_t len)
{
	const uint8_t *next = bytes;
	uint64_t words[8];

	/* 64 bytes a step: data is decided by the first of them, and a zero page costs 64 steps. */
	for (; len >= sizeof(words); len -= sizeof(words), next += sizeof(words)) {
		memcpy(words, next, sizeof(words));
		if ((words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7]) != 0)
			return false;
	}
	for (; len > 0; len--)
		if (*next++ != 0)
			return false;
	return true;
}
