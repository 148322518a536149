/* SPDX-License-Identifier: GPL-2.0-only */
/* CRC-32 by carry-less multiplication of 256-bit registers, four of them side by side. */
#include "lib/crc_fold.h"

#include "lib/crc.h"

#define TARGET CRC_CLMUL_TARGET ",avx2,vpclmulqdq"
#define INLINE static inline __attribute__((always_inline, target(TARGET)))

#define LANE_BYTES (2 * CRC_BLOCK_BYTES)
#define LANES_BYTES (4 * LANE_BYTES)

INLINE __m256i fold(__m256i state, __m256i factors, __m256i next)
{
	__m256i lower = _mm256_clmulepi64_epi128(state, factors, 0x00), upper = _mm256_clmulepi64_epi128(state, factors, 0x11);

	return _mm256_xor_si256(_mm256_xor_si256(lower, next), upper);
}

INLINE __m256i take(uint8_t *to, const uint8_t *from)
{
	__m256i block = _mm256_loadu_si256((const __m256i *)(const void *)from);

	if (to)
		_mm256_storeu_si256((__m256i *)(void *)to, block);
	return block;
}

/* At least LANES_BYTES. Leaves one block's register. */
INLINE __m128i fold_lanes(__m128i start, uint8_t *to, const uint8_t *from, size_t len)
{
	const __m256i far = _mm256_broadcastsi128_si256(crc_pair(CRC_FOLD_1024));
	const __m256i near = _mm256_broadcastsi128_si256(crc_pair(CRC_FOLD_256));
	__m256i lanes[4];

	for (unsigned i = 0; i < 4; i++)
		lanes[i] = take(to ? to + i * LANE_BYTES : NULL, from + i * LANE_BYTES);
	lanes[0] = _mm256_xor_si256(lanes[0], _mm256_zextsi128_si256(start));
	while ((len -= LANES_BYTES) >= LANES_BYTES) {
		from += LANES_BYTES;
		to = to ? to + LANES_BYTES : NULL;
		for (unsigned i = 0; i < 4; i++)
			lanes[i] = fold(lanes[i], far, take(to ? to + i * LANE_BYTES : NULL, from + i * LANE_BYTES));
	}
	lanes[1] = fold(lanes[0], near, lanes[1]);
	lanes[2] = fold(lanes[1], near, lanes[2]);
	lanes[3] = fold(lanes[2], near, lanes[3]);
	return crc_fold(_mm256_castsi256_si128(lanes[3]), crc_pair(CRC_FOLD_128), _mm256_extracti128_si256(lanes[3], 1));
}

INLINE uint32_t run(uint32_t state, uint8_t *to, const uint8_t *from, size_t len)
{
	const __m128i start = _mm_cvtsi32_si128((int)state);
	size_t done = CRC_BLOCK_BYTES;
	__m128i all;

	if (len < LANES_BYTES) {
		all = _mm_xor_si128(crc_take(to, from), start);
	} else {
		done = len - len % LANES_BYTES;
		all = fold_lanes(start, to, from, len);
	}
	return crc_fold_end(all, to ? to + done : NULL, from + done, len - done);
}

static __attribute__((target(TARGET))) uint32_t vpclmul_update(uint32_t state, const void *bytes, size_t len)
{
	return len < CRC_BLOCK_BYTES ? crc_table.update(state, bytes, len) : run(state, NULL, bytes, len);
}

static __attribute__((target(TARGET))) uint32_t vpclmul_copy(uint32_t state, void *to, const void *from, size_t len)
{
	return len < CRC_BLOCK_BYTES ? crc_table.copy(state, to, from, len) : run(state, to, from, len);
}

const struct crc_implementation crc_vpclmul = { .name = "VPCLMULQDQ", .update = vpclmul_update, .copy = vpclmul_copy };
