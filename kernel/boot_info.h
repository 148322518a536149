/* SPDX-License-Identifier: GPL-2.0-only */
/* What the loader says, in one form, whichever protocol it speaks. Copied before anything can overwrite it. */
#ifndef PLENUM_KERNEL_BOOT_INFO_H
#define PLENUM_KERNEL_BOOT_INFO_H

#include <stdint.h>

#include <kernel/physical.h>

#define BOOT_RANGES_MAX 128
#define BOOT_MODULES_MAX 16
#define COMMAND_LINE_BYTES_MAX 2048

struct boot_range {
	uint64_t base, bytes;
};

struct boot_info {
	const struct physical_memory *memory;		/* where it was read from */
	const char *protocol;				/* for the log */
	struct boot_range usable[BOOT_RANGES_MAX];	/* in the loader's order */
	unsigned usable_count;
	struct boot_range modules[BOOT_MODULES_MAX];
	unsigned module_count;
	uint64_t rsdp;					/* physical; 0: not given, look for it */
	uint8_t rsdp_copy[36];				/* multiboot 2 hands over a copy instead */
	uint32_t rsdp_copy_bytes;
	uint64_t efi_system_table;			/* physical; 0: not given, as by BIOS machines */
	char command_line[COMMAND_LINE_BYTES_MAX];
};

extern struct boot_info boot_info;

/* What the boot page tables reach: the first 4 GiB. start.c has it. */
extern const struct physical_memory boot_memory;

/*
 * Portable. `magic` and `info` are EAX and EBX at entry. Panics when the loader is unknown or its tables are not credible: they
 * lead out of `memory`, do not end, or hold more than boot_info does.
 */
void boot_info_read(uint32_t magic, uint32_t info, const struct physical_memory *memory);

#endif
