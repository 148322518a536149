/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to lib: CRC-32 by carry-less multiplication (Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ", Intel, 2009), what its two implementations share.
 *
 * Bits are reflected: a register's lowest bit is the highest power of x. A register of 128 bits stands for all bytes so
 * far; it is moved over the next D bits by multiplying its halves by x^(D+32) and x^(D-32) modulo P ("folding"), so that
 * its value modulo P stays what the CRC of those bytes is. At the end it is reduced to 32 bits by Barrett's method.
 */
#ifndef PLENUM_LIB_CRC_FOLD_H
#define PLENUM_LIB_CRC_FOLD_H

/* The intrinsics' allocator wants a C library, which kernels have not. */
#define _MM_MALLOC_H_INCLUDED
#include <immintrin.h>

#include <stddef.h>
#include <stdint.h>

#define CRC_CLMUL_TARGET "pclmul,sse4.1"
#define CRC_FOLD_INLINE static inline __attribute__((always_inline, target(CRC_CLMUL_TARGET)))

/* For the lower half and the upper half, reflected: x^(D+32) and x^(D-32) modulo P. */
#define CRC_FOLD_128 0x1751997d0, 0x0ccaa009e
#define CRC_FOLD_256 0x0f1da05aa, 0x15a546366
#define CRC_FOLD_512 0x154442bd4, 0x1c6e41596
#define CRC_FOLD_1024 0x1e88ef372, 0x14a7fe880
#define CRC_FOLD_X64 0x163cd6124		/* x^64 modulo P */
#define CRC_POLYNOMIAL 0x1db710641
#define CRC_BARRETT 0x1f7011641			/* x^64 divided by P */

#define CRC_BLOCK_BYTES 16u

CRC_FOLD_INLINE __m128i crc_pair(uint64_t lower, uint64_t upper)
{
	return _mm_set_epi64x((long long)upper, (long long)lower);
}

CRC_FOLD_INLINE __m128i crc_fold(__m128i state, __m128i factors, __m128i next)
{
	__m128i lower = _mm_clmulepi64_si128(state, factors, 0x00), upper = _mm_clmulepi64_si128(state, factors, 0x11);

	return _mm_xor_si128(_mm_xor_si128(lower, next), upper);
}

/* Fetch a block, and leave a copy of it at `to` unless that is NULL. */
CRC_FOLD_INLINE __m128i crc_take(uint8_t *to, const uint8_t *from)
{
	__m128i block = _mm_loadu_si128((const __m128i *)(const void *)from);

	if (to)
		_mm_storeu_si128((__m128i *)(void *)to, block);
	return block;
}

CRC_FOLD_INLINE uint32_t crc_reduce(__m128i state)
{
	const __m128i low = crc_pair(UINT32_MAX, 0), factors = crc_pair(0x0ccaa009e, CRC_FOLD_X64);
	const __m128i barrett = crc_pair(CRC_POLYNOMIAL, CRC_BARRETT);
	__m128i quotient;

	state = _mm_xor_si128(_mm_clmulepi64_si128(state, factors, 0x00), _mm_srli_si128(state, 8));
	state = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(state, low), factors, 0x10), _mm_srli_si128(state, 4));
	quotient = _mm_and_si128(_mm_clmulepi64_si128(_mm_and_si128(state, low), barrett, 0x10), low);
	state = _mm_xor_si128(state, _mm_clmulepi64_si128(quotient, barrett, 0x00));
	return (uint32_t)_mm_extract_epi32(state, 1);
}

/* Bytes 16 to 31 shift a register up by as many bytes as one starts before them, zeros coming in; 0x80 is a zero. */
static const uint8_t crc_shifts[48] = {
	0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
};

/*
 * The last `len` bytes, fewer than a block; at least a block stands before them. The register's first bytes and the rest
 * with the tail behind it become two blocks.
 */
CRC_FOLD_INLINE __m128i crc_fold_tail(__m128i state, uint8_t *to, const uint8_t *from, size_t len)
{
	__m128i up = _mm_loadu_si128((const __m128i *)(const void *)(crc_shifts + len));
	__m128i down = _mm_loadu_si128((const __m128i *)(const void *)(crc_shifts + CRC_BLOCK_BYTES + len));
	__m128i last = crc_take(to ? to + len - CRC_BLOCK_BYTES : NULL, from + len - CRC_BLOCK_BYTES);
	__m128i first = _mm_shuffle_epi8(state, up);

	last = _mm_blendv_epi8(_mm_shuffle_epi8(state, down), last, down);
	return crc_fold(first, crc_pair(CRC_FOLD_128), last);
}

/* Everything from here to the end, with the register of at least one block before it. */
CRC_FOLD_INLINE uint32_t crc_fold_end(__m128i state, uint8_t *to, const uint8_t *from, size_t len)
{
	const __m128i factors = crc_pair(CRC_FOLD_128);

	for (; len >= CRC_BLOCK_BYTES; len -= CRC_BLOCK_BYTES, from += CRC_BLOCK_BYTES) {
		state = crc_fold(state, factors, crc_take(to, from));
		to = to ? to + CRC_BLOCK_BYTES : NULL;
	}
	if (len > 0)
		state = crc_fold_tail(state, to, from, len);
	return crc_reduce(state);
}

#endif
