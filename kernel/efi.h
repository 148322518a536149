/* SPDX-License-Identifier: GPL-2.0-only */
/* Portable: what UEFI firmware leaves behind for a kernel, UEFI 2.10, 4.3 and 4.6. Hostile bytes. */
#ifndef PLENUM_KERNEL_EFI_H
#define PLENUM_KERNEL_EFI_H

#include <stdint.h>

#include <kernel/physical.h>

/*
 * The address of the SMBIOS entry point that the system table at `system_table` tells of: the 64-bit one, else the 32-bit
 * one. 0: it tells of none, or is no system table.
 */
uint64_t efi_smbios_entry(const struct physical_memory *memory, uint64_t system_table);

#endif
