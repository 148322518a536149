/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's page tables: four levels (AMD APM vol 2, 5.3), built once at start from the memory map. No page is
 * writable and executable; the image's text is not in the direct map, so it has no writable alias either.
 */
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/layout.h>
#include <kernel/memory.h>
#include <kernel/x86.h>
#include <plenum/page.h>

#define ENTRY_PRESENT UINT64_C(0x001)
#define ENTRY_WRITE UINT64_C(0x002)
#define ENTRY_UNCACHED UINT64_C(0x018)	/* PCD and PWT: strong uncacheable with the reset value of the PAT */
#define ENTRY_USED UINT64_C(0x060)	/* accessed and dirty: the processor need not write the entry */
#define ENTRY_LARGE UINT64_C(0x080)
#define ENTRY_GLOBAL UINT64_C(0x100)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)

#define LEVELS 4
#define DIRECT_BYTES (UINT64_C(1) << 46)
#define DEVICE_BYTES_MAX (UINT64_C(1) << 30)
#define STACKS_BYTES_MAX (UINT64_C(1) << 26)

uint64_t paging_root;

static uint64_t *root_table;
static uint64_t device_next = DEVICE_BASE;
static uint64_t stacks_next = STACKS_BASE;

static unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + 9 * level;
}

/* Where `address` has its entry at `level` (0: 4 KiB), making tables on the way. */
static uint64_t *entry_make(uint64_t address, unsigned level)
{
	uint64_t *table = root_table;

	for (unsigned at = LEVELS - 1; at > level; at--) {
		uint64_t *entry = &table[address >> level_shift(at) & 511];

		if (!(*entry & ENTRY_PRESENT))
			*entry = physical_of(boot_alloc(PAGE_BYTES, PAGE_BYTES)) | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USED;
		else if (*entry & ENTRY_LARGE)
			panic("mapping %#lx inside a large page", address);
		table = pointer_of(*entry & ENTRY_ADDRESS);
	}
	return &table[address >> level_shift(level) & 511];
}

static void map_one(uint64_t address, uint64_t physical, uint64_t flags, unsigned level)
{
	uint64_t *entry = entry_make(address, level);

	if (*entry & ENTRY_PRESENT)
		panic("mapping %#lx twice", address);
	*entry = physical | flags | ENTRY_PRESENT | ENTRY_USED | ENTRY_GLOBAL | (level ? ENTRY_LARGE : 0);
}

/* Map [physical, physical + bytes) with the largest pages up to `level_max` that fit. */
static void map_range(uint64_t address, uint64_t physical, uint64_t bytes, uint64_t flags, unsigned level_max)
{
	while (bytes) {
		unsigned level = level_max;
		uint64_t step;

		while (level && (((address | physical) & ((UINT64_C(1) << level_shift(level)) - 1)) ||
				 bytes < UINT64_C(1) << level_shift(level)))
			level--;
		step = UINT64_C(1) << level_shift(level);
		map_one(address, physical, flags, level);
		address += step;
		physical += step;
		bytes -= step;
	}
}

static void map_image_part(const char *start, const char *end, uint64_t flags)
{
	map_range((uint64_t)start, (uint64_t)start - IMAGE_BASE, (uint64_t)(end - start), flags, 0);
}

void paging_init(void)
{
	const struct boot_range *ranges;
	unsigned count = memory_ranges(&ranges);
	/* AMD APM vol 3, CPUID Fn8000_0001 EDX bit 26: pages of 1 GiB */
	unsigned level_max = cpuid(0x80000001, 0).edx & (1 << 26) ? 2 : 1;

	root_table = boot_alloc(PAGE_BYTES, PAGE_BYTES);
	map_image_part(text_start, text_end, 0);
	map_image_part(constants_start, constants_end, ENTRY_NO_EXECUTE);
	map_image_part(data_start, boot_stack_guard, ENTRY_WRITE | ENTRY_NO_EXECUTE);
	map_image_part(boot_stack_bottom, data_end, ENTRY_WRITE | ENTRY_NO_EXECUTE);
	for (unsigned i = 0; i < count; i++)
		map_range(DIRECT_BASE + ranges[i].base, ranges[i].base, ranges[i].bytes, ENTRY_WRITE | ENTRY_NO_EXECUTE, level_max);
	paging_root = physical_of(root_table);
	write_cr3(paging_root);
	write_cr4(read_cr4() | CR4_PGE);
}

/* The entry that maps `address` and its level, or NULL. */
static const uint64_t *entry_find(uint64_t address, unsigned *level)
{
	const uint64_t *table = root_table;

	if (!table)
		return NULL;
	for (unsigned at = LEVELS; at-- > 0;) {
		const uint64_t *entry = &table[address >> level_shift(at) & 511];

		if (!(*entry & ENTRY_PRESENT))
			return NULL;
		if (at == 0 || *entry & ENTRY_LARGE) {
			*level = at;
			return entry;
		}
		table = pointer_of(*entry & ENTRY_ADDRESS);
	}
	return NULL;
}

uint64_t physical_of(const void *pointer)
{
	uint64_t address = (uint64_t)pointer, page_mask;
	const uint64_t *entry;
	unsigned level;

	if (address - DIRECT_BASE < DIRECT_BYTES)
		return address - DIRECT_BASE;
	if (address >= (uint64_t)image_start && address < (uint64_t)image_end)
		return address - IMAGE_BASE;
	entry = entry_find(address, &level);
	if (!entry)
		panic("physical_of(%p): not mapped", pointer);
	page_mask = (UINT64_C(1) << level_shift(level)) - 1;
	return (*entry & ENTRY_ADDRESS & ~page_mask) | (address & page_mask);
}

void *pointer_of(uint64_t physical)
{
	if (physical >= (uint64_t)data_start - IMAGE_BASE && physical < (uint64_t)image_end - IMAGE_BASE)
		return (void *)(physical + IMAGE_BASE);
	if (physical >= DIRECT_BYTES)
		panic("pointer_of(%#lx): no such memory", physical);
	return (void *)(physical + DIRECT_BASE);
}

volatile void *map_device(uint64_t physical, size_t bytes)
{
	uint64_t offset = physical & PAGE_MASK;
	uint64_t span = (offset + bytes + PAGE_MASK) & ~PAGE_MASK;
	uint64_t address = device_next;

	if (kernel_is_sealed())
		panic("map_device after kernel_seal(): physical=%#lx", physical);
	if (bytes == 0 || span > DEVICE_BASE + DEVICE_BYTES_MAX - device_next)
		panic("map_device: no room: physical=%#lx bytes=%zu", physical, bytes);
	device_next += span;
	map_range(address, physical - offset, span, ENTRY_WRITE | ENTRY_NO_EXECUTE | ENTRY_UNCACHED, 0);
	return (volatile void *)(address + offset);
}

void *stack_allocate(size_t bytes)
{
	uint64_t physical = physical_of(boot_alloc(bytes, PAGE_BYTES));
	uint64_t bottom = stacks_next + PAGE_BYTES;

	if (bytes & PAGE_MASK || bottom + bytes > STACKS_BASE + STACKS_BYTES_MAX)
		panic("stack_allocate: no room: bytes=%zu", bytes);
	map_range(bottom, physical, bytes, ENTRY_WRITE | ENTRY_NO_EXECUTE, 0);
	stacks_next = bottom + bytes;
	return (void *)stacks_next;
}

bool stack_is_guard(uint64_t address)
{
	unsigned level;

	if (address - (uint64_t)boot_stack_guard < PAGE_BYTES)
		return true;
	return address >= STACKS_BASE && address < stacks_next && !entry_find(address, &level);
}

bool paging_is_mapped(uint64_t address, size_t bytes)
{
	unsigned level;

	for (uint64_t page = address & ~PAGE_MASK; page < address + bytes; page += PAGE_BYTES)
		if (!entry_find(page, &level))
			return false;
	return true;
}
