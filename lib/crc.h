/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CRC-32 (IEEE 802.3, for the ICRC), in as many implementations as processors have ways, and CRC-32C (Castagnoli, for data
 * at rest), table driven.
 *
 * Implementations of CRC-32 agree bit by bit. Which one to use is decided once, by whoever owns what uses it, and handed
 * on as a pointer.
 */
#ifndef PLENUM_LIB_CRC_H
#define PLENUM_LIB_CRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crc_implementation {
	const char *name;
	/* Run the raw register over bytes; start and end inversions are the caller's (ICRC starts at CRC32_ICRC_START). */
	uint32_t (*update)(uint32_t state, const void *bytes, size_t len);
	/* Copy and checksum in one pass; the two places do not overlap. */
	uint32_t (*copy)(uint32_t state, void *to, const void *from, size_t len);
};

/* Register after eight 0xff bytes from the standard start: the masked LRH of RoCEv2 (docs/rocev2.md section 1.5). */
#define CRC32_ICRC_START UINT32_C(0xDEBB20E3)

/* Slice by 8: on every processor, in general registers only. */
extern const struct crc_implementation crc_table;
/* Shifts and sums of words: likewise, with few loads. */
extern const struct crc_implementation crc_sparse;
/* Carry-less multiplication. Only where the processor has it, and where vector registers may be used. */
extern const struct crc_implementation crc_clmul;	/* PCLMULQDQ and SSE4.1 */
extern const struct crc_implementation crc_vpclmul;	/* VPCLMULQDQ and AVX2, enabled by the system */

/* Has this processor (and has its system enabled) what `crc_clmul` or `crc_vpclmul` needs? */
bool crc_has_clmul(void);
bool crc_has_vpclmul(void);
/* The best one that this processor has, for callers that may use vector registers whenever they like. */
const struct crc_implementation *crc_best(void);
/*
 * The one of `count` candidates that is fastest on 4 KiB: an emulated processor has instructions that are slower than
 * what they replace. Takes some hundred microseconds, emulated some milliseconds; `now_ns` is a monotonic clock.
 */
const struct crc_implementation *crc_fastest(const struct crc_implementation *const *candidates, size_t count,
					     uint64_t (*now_ns)(void));

/* CRC-32C of a buffer, continuing from `crc` (0 at first), inversions done here. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
