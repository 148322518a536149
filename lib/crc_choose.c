/* SPDX-License-Identifier: GPL-2.0-only */
#include <cpuid.h>

#include "lib/crc.h"

#define SAVED_VECTOR_STATE 6u			/* XCR0: the system saves SSE and AVX registers */
#define SAMPLE_BYTES 4096u
#define TURNS 8u				/* the best of some counts: what interrupts one is no property of the code */
#define RUNS_A_TURN 8u

bool crc_has_clmul(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_PCLMUL) && (c & bit_SSE4_1);
}

static bool system_saves_vectors(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return false;
	__asm__ volatile ("xgetbv" : "=a" (a), "=d" (d) : "c" (0));
	return (a & SAVED_VECTOR_STATE) == SAVED_VECTOR_STATE;
}

bool crc_has_vpclmul(void)
{
	uint32_t a, b, c, d;

	return crc_has_clmul() && system_saves_vectors() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX2) &&
	       (c & bit_VPCLMULQDQ);
}

const struct crc_implementation *crc_best(void)
{
	return crc_has_vpclmul() ? &crc_vpclmul : crc_has_clmul() ? &crc_clmul : &crc_table;
}

static uint64_t fastest_turn_ns(const struct crc_implementation *candidate, const uint8_t *sample, uint64_t (*now_ns)(void))
{
	uint64_t best_ns = UINT64_MAX;

	for (unsigned turn = 0; turn < TURNS; turn++) {
		uint64_t begin_ns = now_ns(), took_ns;

		for (unsigned i = 0; i < RUNS_A_TURN; i++)
			candidate->update(i, sample, SAMPLE_BYTES);
		took_ns = now_ns() - begin_ns;
		if (took_ns < best_ns)
			best_ns = took_ns;
	}
	return best_ns;
}

const struct crc_implementation *crc_fastest(const struct crc_implementation *const *candidates, size_t count,
					     uint64_t (*now_ns)(void))
{
	static const uint8_t sample[SAMPLE_BYTES];
	const struct crc_implementation *best = NULL;
	uint64_t best_ns = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t took_ns = fastest_turn_ns(candidates[i], sample, now_ns);

		if (!best || took_ns < best_ns) {
			best = candidates[i];
			best_ns = took_ns;
		}
	}
	return best;
}
