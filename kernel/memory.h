/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical memory, page tables and stacks; at start only. */
#ifndef PLENUM_KERNEL_MEMORY_H
#define PLENUM_KERNEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kernel/boot_info.h>

#define MEMORY_RANGES_MAX (BOOT_RANGES_MAX + BOOT_MODULES_MAX + 2)

/* From the linker script: the parts of the image, page aligned. */
extern char image_start[], image_end[];
extern char text_start[], text_end[], constants_start[], constants_end[], data_start[], data_end[];
extern char boot_stack_guard[], boot_stack_bottom[], boot_stack_top[];

/* Free memory from the loader's map without the first MiB, the image and the modules. */
void memory_init(const struct boot_info *info);
/* The ranges that the direct map must cover: as they were at first, before any allocation. */
unsigned memory_ranges(const struct boot_range **ranges);
uint64_t memory_total_bytes(void);

/* Build the page tables for good and change to them. */
void paging_init(void);
/* Where a page table of another processor starts. */
extern uint64_t paging_root;

/* A stack with a guard page below it; returns its top. */
void *stack_allocate(size_t bytes);
/* Is this address in the guard page below a stack? */
bool stack_is_guard(uint64_t address);
/* May [address, address + bytes) be read without a fault? For the backtrace, which trusts nothing. */
bool paging_is_mapped(uint64_t address, size_t bytes);

#endif
