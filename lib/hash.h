/* SPDX-License-Identifier: GPL-2.0-only */
/* Hashes: a keyed mix of two words for cache sets and tables, and a 64-bit checksum of bytes. Not cryptographic. */
#ifndef PLENUM_LIB_HASH_H
#define PLENUM_LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Every input bit affects every output bit (finalizer of MurmurHash3, by Austin Appleby, public domain). */
static inline uint64_t hash_mix(uint64_t value)
{
	value ^= value >> 33;
	value *= UINT64_C(0xff51afd7ed558ccd);
	value ^= value >> 33;
	value *= UINT64_C(0xc4ceb9fe1a85ec53);
	return value ^ (value >> 33);
}
static inline uint64_t hash_pair(uint64_t key, uint64_t first, uint64_t second)
{
	return hash_mix(hash_mix(first ^ key) + second);
}
/* Map a hash to 0..count-1 evenly, without a division (Lemire, 2016). */
static inline uint32_t hash_reduce(uint64_t hash, uint32_t count)
{
	return (uint32_t)(((hash >> 32) * count) >> 32);
}
/* FNV-1a-style over 8-byte words with mixing; detects corruption and lies, not attackers. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);

#endif
