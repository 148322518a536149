/* SPDX-License-Identifier: GPL-2.0-only */
#include "lib/hash.h"

#define HASH_PRIME UINT64_C(0x00000100000001b3)	/* FNV-1a, 64 bits */

static inline uint64_t absorb(uint64_t state, uint64_t word)
{
	state = (state ^ word) * HASH_PRIME;
	/* A product carries upwards only: without this, high bits of a word would never reach the low half. */
	return state ^ (state >> 32);
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint64_t state = hash_mix(seed ^ UINT64_C(0xcbf29ce484222325));
	size_t left = len;

	for (; left >= 8; left -= 8, byte += 8) {
		uint64_t word;

		__builtin_memcpy(&word, byte, sizeof(word));
		state = absorb(state, word);
	}
	if (left > 0) {
		uint64_t word = 0;

		for (size_t i = 0; i < left; i++)
			word |= (uint64_t)byte[i] << (8 * i);
		state = absorb(state, word);
	}
	/* The length keeps a tail of zero bytes apart from no tail. */
	return hash_mix(absorb(state, len));
}
