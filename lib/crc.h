/* SPDX-License-Identifier: GPL-2.0-only */
/* CRC-32 (IEEE 802.3, for the ICRC) and CRC-32C (Castagnoli, for data at rest), table driven, slice by 8. */
#ifndef PLENUM_LIB_CRC_H
#define PLENUM_LIB_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Run the raw register over bytes; start and end inversions are the caller's (ICRC starts at CRC32_ICRC_START). */
uint32_t crc32_update(uint32_t state, const void *bytes, size_t len);
/* Register after eight 0xff bytes from the standard start: the masked LRH of RoCEv2 (docs/rocev2.md section 1.5). */
#define CRC32_ICRC_START UINT32_C(0xDEBB20E3)
/* Copy and checksum in one pass. */
uint32_t crc32_copy(uint32_t state, void *to, const void *from, size_t len);
/* CRC-32C of a buffer, continuing from `crc` (0 at first), inversions done here. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

#endif
