/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slice by 8 (Kounavis and Berry, 2005): eight table look-ups advance the register by eight bytes.
 *
 * The tables are linear over GF(2): an entry is the sum of the entries of its index's bits. So eight numbers describe a
 * table, and the compiler works out the rest. tests/unit/test_lib.c compares with a bit-by-bit register.
 */
#include "lib/crc.h"

#define BIT(index, bit, entry) (((index) >> (bit) & 1) ? (entry) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h) \
	(BIT(i, 0, a) ^ BIT(i, 1, b) ^ BIT(i, 2, c) ^ BIT(i, 3, d) ^ BIT(i, 4, e) ^ BIT(i, 5, f) ^ BIT(i, 6, g) ^ BIT(i, 7, h))
#define ENTRIES_4(i, ...) \
	ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...) \
	ENTRIES_4(i, __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__), ENTRIES_4((i) + 8, __VA_ARGS__), \
	ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...) \
	ENTRIES_16(i, __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__), ENTRIES_16((i) + 32, __VA_ARGS__), \
	ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE(...) \
	{ ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__), ENTRIES_64(192, __VA_ARGS__) }

/* Entries of index 1, 2, 4 ... 128 of each table. */
static const uint32_t ieee[8][256] = {
	TABLE(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
	TABLE(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
	TABLE(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
	TABLE(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
	TABLE(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
	TABLE(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
	TABLE(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
	TABLE(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
};
/* Entries of index 1, 2, 4 ... 128 of each table. */
static const uint32_t castagnoli[8][256] = {
	TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
	TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
	TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
	TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
	TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
	TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
	TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
	TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

/* The register after LANE_BYTES zero bytes, by the four bytes of the register before. */
#define LANE_BYTES 256u
static const uint32_t ieee_lane[4][256] = {
	TABLE(0xce3371cb, 0x4717e5d7, 0x8e2fcbae, 0xc72e911d, 0x552c247b, 0xaa5848f6, 0x8fc197ad, 0xc4f2291b),
	TABLE(0x52955477, 0xa52aa8ee, 0x9124579d, 0xf939a97b, 0x290254b7, 0x5204a96e, 0xa40952dc, 0x9363a3f9),
	TABLE(0xfdb641b3, 0x201d8527, 0x403b0a4e, 0x8076149c, 0xdb9d2f79, 0x6c4b58b3, 0xd896b166, 0x6a5c648d),
	TABLE(0xd4b8c91a, 0x72009475, 0xe40128ea, 0x13735795, 0x26e6af2a, 0x4dcd5e54, 0x9b9abca8, 0xec447f11),
};

static inline uint32_t step_byte(const uint32_t table[8][256], uint32_t state, uint8_t byte)
{
	return (state >> 8) ^ table[0][(state ^ byte) & 0xff];
}

static inline uint32_t step_word(const uint32_t table[8][256], uint32_t state, uint64_t word)
{
	word ^= state;
	return table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^ table[5][word >> 16 & 0xff] ^
	       table[4][word >> 24 & 0xff] ^ table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff] ^
	       table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
}

/* The builtin, so that it is one load also where the compiler may not assume a library's memcpy. */
static inline uint64_t load_word(const uint8_t *bytes)
{
	uint64_t word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Advance the register over a lane of zero bytes. */
static inline uint32_t pass_lane(uint32_t state)
{
	return ieee_lane[0][state & 0xff] ^ ieee_lane[1][state >> 8 & 0xff] ^ ieee_lane[2][state >> 16 & 0xff] ^
	       ieee_lane[3][state >> 24];
}

static inline uint32_t take_word(uint32_t state, uint8_t *to, const uint8_t *from)
{
	uint64_t word = load_word(from);

	if (to)
		__builtin_memcpy(to, &word, sizeof(word));
	return step_word(ieee, state, word);
}

/*
 * Each step waits for the one before, so one register leaves the processor half idle: four lanes of a block run side by
 * side, and are added up. The register is linear: over A and then B it is pass(over A) + (over B, started at 0).
 */
static inline __attribute__((always_inline)) uint32_t ieee_run(uint32_t state, uint8_t *to, const uint8_t *from, size_t len)
{
	for (; len >= 4 * LANE_BYTES; len -= 4 * LANE_BYTES, from += 4 * LANE_BYTES) {
		uint32_t second = 0, third = 0, fourth = 0;

		for (size_t i = 0; i < LANE_BYTES; i += 8) {
			state = take_word(state, to ? to + i : NULL, from + i);
			second = take_word(second, to ? to + i + LANE_BYTES : NULL, from + i + LANE_BYTES);
			third = take_word(third, to ? to + i + 2 * LANE_BYTES : NULL, from + i + 2 * LANE_BYTES);
			fourth = take_word(fourth, to ? to + i + 3 * LANE_BYTES : NULL, from + i + 3 * LANE_BYTES);
		}
		state = pass_lane(pass_lane(pass_lane(state) ^ second) ^ third) ^ fourth;
		if (to)
			to += 4 * LANE_BYTES;
	}
	for (; len >= 8; len -= 8, from += 8) {
		state = take_word(state, to, from);
		if (to)
			to += 8;
	}
	for (; len > 0; len--, from++) {
		state = step_byte(ieee, state, *from);
		if (to)
			*to++ = *from;
	}
	return state;
}

static uint32_t table_update(uint32_t state, const void *bytes, size_t len)
{
	return ieee_run(state, NULL, bytes, len);
}

static uint32_t table_copy(uint32_t state, void *to, const void *from, size_t len)
{
	return ieee_run(state, to, from, len);
}

const struct crc_implementation crc_table = { .name = "tables", .update = table_update, .copy = table_copy };

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint32_t state = ~crc;

	for (; len >= 8; len -= 8, byte += 8)
		state = step_word(castagnoli, state, load_word(byte));
	for (; len > 0; len--, byte++)
		state = step_byte(castagnoli, state, *byte);
	return ~state;
}
