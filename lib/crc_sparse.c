/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32 by shifts and sums of words alone, after Russell, "Chorba: A novel CRC32 implementation" (2024).
 *
 * x^300 + x^155 + x^117 + x^89 + 1 is a multiple of the CRC's polynomial. So a one bit of the message may be taken away when
 * the bits that stand 145, 183, 211 and 300 places behind it are turned over: the register at the end is the same. A
 * word at a time is taken away so, until only the last few are left, and those go through the tables.
 *
 * No table in the bulk means one load a word instead of nine: where a load is dear, as on an emulated processor, this is
 * the fastest way in general registers.
 */
#include "lib/crc.h"

#define WORD_BYTES 8u
#define GROUP_WORDS 4u
#define GROUP_BYTES (GROUP_WORDS * WORD_BYTES)
#define REACH_WORDS 5u			/* how far behind a word those are that change in its place */
#define REACH_BYTES (REACH_WORDS * WORD_BYTES)

/* What a word changes two, three, four and five words behind it: 145 = 2 * 64 + 17 and so on, each in two words. */
static inline uint64_t behind_2(uint64_t word)
{
	return word << 17 ^ word << 55;
}

static inline uint64_t behind_3(uint64_t word)
{
	return word >> 47 ^ word >> 9 ^ word << 19;
}

static inline uint64_t behind_4(uint64_t word)
{
	return word >> 45 ^ word << 44;
}

static inline uint64_t behind_5(uint64_t word)
{
	return word >> 20;
}

/* The builtin, so that it is one load also where the compiler may not assume a library's memcpy. */
static inline uint64_t take_word(uint8_t *to, const uint8_t *from)
{
	uint64_t word;

	__builtin_memcpy(&word, from, sizeof(word));
	if (to)
		__builtin_memcpy(to, &word, sizeof(word));
	return word;
}

/* The last bytes, with what the words before them changed. */
static uint32_t run_rest(const uint64_t changes[REACH_WORDS], uint8_t *to, const uint8_t *from, size_t len)
{
	uint8_t rest[REACH_BYTES + GROUP_BYTES];
	size_t i;

	for (i = 0; i + WORD_BYTES <= len; i += WORD_BYTES) {
		uint64_t word = take_word(to ? to + i : NULL, from + i);

		if (i < REACH_BYTES)
			word ^= changes[i / WORD_BYTES];
		__builtin_memcpy(rest + i, &word, sizeof(word));
	}
	for (; i < len; i++) {
		rest[i] = from[i];
		if (to)
			to[i] = from[i];
	}
	return crc_table.update(0, rest, len);
}

static inline __attribute__((always_inline)) uint32_t run(uint32_t state, uint8_t *to, const uint8_t *from, size_t len)
{
	uint64_t next[REACH_WORDS] = { state };

	if (len < REACH_BYTES + GROUP_BYTES)
		return to ? crc_table.copy(state, to, from, len) : crc_table.update(state, from, len);
	for (; len >= REACH_BYTES + GROUP_BYTES; len -= GROUP_BYTES, from += GROUP_BYTES) {
		uint64_t a = next[0] ^ take_word(to, from);
		uint64_t b = next[1] ^ take_word(to ? to + WORD_BYTES : NULL, from + WORD_BYTES);
		uint64_t c = next[2] ^ take_word(to ? to + 2 * WORD_BYTES : NULL, from + 2 * WORD_BYTES) ^ behind_2(a);
		uint64_t d = next[3] ^ take_word(to ? to + 3 * WORD_BYTES : NULL, from + 3 * WORD_BYTES) ^ behind_3(a) ^ behind_2(b);

		next[0] = next[4] ^ behind_4(a) ^ behind_3(b) ^ behind_2(c);
		next[1] = behind_5(a) ^ behind_4(b) ^ behind_3(c) ^ behind_2(d);
		next[2] = behind_5(b) ^ behind_4(c) ^ behind_3(d);
		next[3] = behind_5(c) ^ behind_4(d);
		next[4] = behind_5(d);
		if (to)
			to += GROUP_BYTES;
	}
	return run_rest(next, to, from, len);
}

static uint32_t sparse_update(uint32_t state, const void *bytes, size_t len)
{
	return run(state, NULL, bytes, len);
}

static uint32_t sparse_copy(uint32_t state, void *to, const void *from, size_t len)
{
	return run(state, to, from, len);
}

const struct crc_implementation crc_sparse = { .name = "shifts", .update = sparse_update, .copy = sparse_copy };
