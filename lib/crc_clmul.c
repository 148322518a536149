/* SPDX-License-Identifier: GPL-2.0-only */
/* CRC-32 by carry-less multiplication of 128-bit registers, four of them side by side. */
#include "lib/crc_fold.h"

#include "lib/crc.h"

#define LANES_BYTES (4 * CRC_BLOCK_BYTES)

CRC_FOLD_INLINE uint32_t run(uint32_t state, uint8_t *to, const uint8_t *from, size_t len)
{
	const __m128i start = _mm_cvtsi32_si128((int)state), far = crc_pair(CRC_FOLD_512), near = crc_pair(CRC_FOLD_128);
	__m128i lanes[4];

	lanes[0] = _mm_xor_si128(crc_take(to, from), start);
	if (len < LANES_BYTES)
		return crc_fold_end(lanes[0], to ? to + CRC_BLOCK_BYTES : NULL, from + CRC_BLOCK_BYTES, len - CRC_BLOCK_BYTES);
	for (unsigned i = 1; i < 4; i++)
		lanes[i] = crc_take(to ? to + i * CRC_BLOCK_BYTES : NULL, from + i * CRC_BLOCK_BYTES);
	for (;;) {
		len -= LANES_BYTES;
		from += LANES_BYTES;
		to = to ? to + LANES_BYTES : NULL;
		if (len < LANES_BYTES)
			break;
		for (unsigned i = 0; i < 4; i++)
			lanes[i] = crc_fold(lanes[i], far,
					    crc_take(to ? to + i * CRC_BLOCK_BYTES : NULL, from + i * CRC_BLOCK_BYTES));
	}
	lanes[1] = crc_fold(lanes[0], near, lanes[1]);
	lanes[2] = crc_fold(lanes[1], near, lanes[2]);
	lanes[3] = crc_fold(lanes[2], near, lanes[3]);
	return crc_fold_end(lanes[3], to, from, len);
}

static __attribute__((target(CRC_CLMUL_TARGET))) uint32_t clmul_update(uint32_t state, const void *bytes, size_t len)
{
	return len < CRC_BLOCK_BYTES ? crc_table.update(state, bytes, len) : run(state, NULL, bytes, len);
}

static __attribute__((target(CRC_CLMUL_TARGET))) uint32_t clmul_copy(uint32_t state, void *to, const void *from, size_t len)
{
	return len < CRC_BLOCK_BYTES ? crc_table.copy(state, to, from, len) : run(state, to, from, len);
}

const struct crc_implementation crc_clmul = { .name = "PCLMULQDQ", .update = clmul_update, .copy = clmul_copy };
