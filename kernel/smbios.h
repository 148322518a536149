/* SPDX-License-Identifier: GPL-2.0-only */
/* Portable: strings that the machine's owner put into its firmware (SMBIOS 3.6, 7.12, OEM strings). Hostile bytes. */
#ifndef PLENUM_KERNEL_SMBIOS_H
#define PLENUM_KERNEL_SMBIOS_H

#include <stddef.h>
#include <stdint.h>

/*
 * In a structure table of `bytes`: the rest of the first OEM string that begins with `prefix`, and its length. NULL: there
 * is none.
 */
const char *smbios_oem_string(const uint8_t *table, size_t bytes, const char *prefix, size_t *len_bytes);
/* The table's address and length from an entry point structure at `entry` with `bytes` behind it. 0 or -EINVAL. */
int smbios_entry(const uint8_t *entry, size_t bytes, uint64_t *table, uint32_t *table_bytes);

#endif
