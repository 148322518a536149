/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical memory: a sorted list of free ranges that only shrinks. boot_alloc() takes from the lowest range that is
 * long enough, so small things fill the odd corners and the big runs stay whole for boot_take_pages(). Nothing is ever
 * given back, and after kernel_seal() nothing is taken.
 */
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/layout.h>
#include <kernel/memory.h>
#include <plenum/page.h>

#define FIRST_MIB 0x100000
#define PHYSICAL_MAX (UINT64_C(1) << 46)	/* what the direct map's part of the address space can hold */

static struct boot_range free_ranges[MEMORY_RANGES_MAX];
static struct boot_range mapped_ranges[MEMORY_RANGES_MAX];
static unsigned free_count, mapped_count;
static size_t allocated_bytes;
static uint64_t total_bytes;
static bool sealed;

static void insert_range(uint64_t base, uint64_t end)
{
	unsigned at = free_count;

	if (free_count == MEMORY_RANGES_MAX)
		panic("memory is in more than %d pieces", MEMORY_RANGES_MAX);
	for (; at > 0 && free_ranges[at - 1].base > base; at--)
		free_ranges[at] = free_ranges[at - 1];
	free_ranges[at] = (struct boot_range){ base, end - base };
	free_count++;
}

static void remove_range(unsigned at)
{
	free_count--;
	memmove(&free_ranges[at], &free_ranges[at + 1], (free_count - at) * sizeof(free_ranges[0]));
}

/* Take [base, end) out of the free ranges. */
static void reserve(uint64_t base, uint64_t end)
{
	base &= ~PAGE_MASK;
	end = (end + PAGE_MASK) & ~PAGE_MASK;
	for (unsigned i = 0; i < free_count;) {
		uint64_t range_base = free_ranges[i].base, range_end = range_base + free_ranges[i].bytes;

		if (base >= range_end || end <= range_base) {
			i++;
			continue;
		}
		remove_range(i);
		if (base > range_base)
			insert_range(range_base, base);
		if (end < range_end)
			insert_range(end, range_end);
		i = 0;
	}
}

void memory_init(const struct boot_info *info)
{
	for (unsigned i = 0; i < info->usable_count; i++) {
		uint64_t base = info->usable[i].base, bytes = info->usable[i].bytes;
		uint64_t end = bytes > PHYSICAL_MAX - base || base >= PHYSICAL_MAX ? PHYSICAL_MAX : base + bytes;

		base = (base + PAGE_MASK) & ~PAGE_MASK;
		end &= ~PAGE_MASK;
		if (base >= end)
			continue;
		reserve(base, end);	/* ranges that overlap count once */
		insert_range(base, end);
	}
	reserve(0, FIRST_MIB);
	reserve(IMAGE_PHYSICAL, (uint64_t)image_end - IMAGE_BASE);
	for (unsigned i = 0; i < info->module_count; i++)
		reserve(info->modules[i].base, info->modules[i].base + info->modules[i].bytes);
	for (unsigned i = 0; i < free_count; i++)
		total_bytes += free_ranges[i].bytes;
	memcpy(mapped_ranges, free_ranges, sizeof(mapped_ranges));
	mapped_count = free_count;
}

unsigned memory_ranges(const struct boot_range **ranges)
{
	*ranges = mapped_ranges;
	return mapped_count;
}

uint64_t memory_total_bytes(void)
{
	return total_bytes;
}

static void panic_if_sealed(const char *call)
{
	if (sealed)
		panic("%s after kernel_seal(): nothing may allocate once the component runs", call);
}

void *boot_alloc(size_t bytes, size_t align)
{
	panic_if_sealed("boot_alloc");
	if (bytes == 0 || align == 0 || (align & (align - 1)))
		panic("boot_alloc: bad request: bytes=%zu align=%zu", bytes, align);
	for (unsigned i = 0; i < free_count; i++) {
		struct boot_range *range = &free_ranges[i];
		uint64_t base = (range->base + align - 1) & ~(uint64_t)(align - 1);
		uint64_t lost = base - range->base;
		void *memory;

		if (lost > range->bytes || bytes > range->bytes - lost)
			continue;
		range->base = base + bytes;
		range->bytes -= lost + bytes;
		allocated_bytes += lost + bytes;
		memory = (void *)(DIRECT_BASE + base);
		memset(memory, 0, bytes);
		return memory;
	}
	panic("out of memory at start: bytes=%zu align=%zu used_bytes=%zu total_bytes=%lu", bytes, align,
	      kernel_bytes_used(), total_bytes);
}

static unsigned longest_range(unsigned except)
{
	unsigned longest = except == 0 && free_count > 1 ? 1 : 0;

	for (unsigned i = 0; i < free_count; i++)
		if (i != except && free_ranges[i].bytes > free_ranges[longest].bytes)
			longest = i;
	return longest;
}

void *boot_take_pages(size_t keep_bytes, size_t *pages)
{
	unsigned longest = longest_range(MEMORY_RANGES_MAX), second = longest_range(longest);
	struct boot_range *range = &free_ranges[longest];
	uint64_t start, end;

	panic_if_sealed("boot_take_pages");
	if (free_count == 0)
		panic("boot_take_pages: no memory is left");
	start = range->base;
	end = (range->base + range->bytes) & ~PAGE_MASK;
	/* What boot_alloc still needs must be in one piece: the next longest range if that is enough, else the start of this. */
	if (second == longest || free_ranges[second].bytes < keep_bytes) {
		if (keep_bytes > range->bytes)
			panic("boot_take_pages: keep_bytes=%zu but longest_free_bytes=%lu", keep_bytes, range->bytes);
		start += keep_bytes;
	}
	start = (start + PAGE_MASK) & ~PAGE_MASK;
	if (start >= end)
		panic("boot_take_pages: not one page is left: keep_bytes=%zu free_bytes=%lu", keep_bytes, range->bytes);
	range->bytes = start - range->base;
	*pages = (end - start) >> PAGE_SHIFT;
	return (void *)(DIRECT_BASE + start);
}

void kernel_seal(void)
{
	sealed = true;
}

bool kernel_is_sealed(void)
{
	return sealed;
}

size_t kernel_bytes_used(void)
{
	return (size_t)(image_end - image_start) + allocated_bytes;
}
