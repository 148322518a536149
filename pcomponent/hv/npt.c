/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nested page tables (AMD APM vol. 2 section 15.25): four levels of 512 entries, 4 KiB pages. All table pages of a VM are
 * taken when it is created, so mapping a page is one store and cannot fail.
 *
 * Who changes a leaf entry:
 *	the cache, under its lock:	map (not present -> present: no flush, x86 keeps no translation of what is not
 *					there), unmap (atomic exchange: the dirty bit it takes is final after the shootdown),
 *					test and clear accessed
 *	the processor, at any time:	sets accessed and dirty
 *	the shim:			sets dirty when it writes for the guest
 * The dirty bit is never cleared in a present entry, so no processor can hold a translation that is dirty while the
 * entry is clean.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/hv/internal.h"

#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITABLE (UINT64_C(1) << 1)
#define ENTRY_USER (UINT64_C(1) << 2)		/* every nested access counts as a user access (15.25.5) */
#define ENTRY_ACCESSED (UINT64_C(1) << 5)
#define ENTRY_DIRTY (UINT64_C(1) << 6)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
#define ENTRY_TABLE (ENTRY_PRESENT | ENTRY_WRITABLE | ENTRY_USER)
#define ENTRIES 512u
#define LEVEL_BITS 9u
#define LEVELS 4

size_t npt_pool_bytes(uint32_t pages)
{
	return (size_t)pages * PAGE_BYTES + (((size_t)pages * sizeof(uint32_t) + PAGE_MASK) & ~(size_t)PAGE_MASK);
}

void npt_pool_init(struct npt_pool *pool, void *memory, uint32_t pages, uint64_t (*physical_of)(const void *),
		   void *(*pointer_of)(uint64_t))
{
	assert(((uintptr_t)memory & PAGE_MASK) == 0 && pages > 0);
	pool->pages = memory;
	pool->pages_count = pages;
	pool->free = (uint32_t *)(pool->pages + (size_t)pages * PAGE_BYTES);
	pool->free_count = pages;
	pool->physical_of = physical_of;
	pool->pointer_of = pointer_of;
	for (uint32_t i = 0; i < pages; i++)
		pool->free[i] = pages - 1 - i;
}

static uint64_t *table_take(struct npt *npt)
{
	struct npt_pool *pool = npt->pool;
	uint8_t *page;

	assert(pool->free_count > 0);
	page = pool->pages + (size_t)pool->free[--pool->free_count] * PAGE_BYTES;
	memset(page, 0, PAGE_BYTES);
	npt->pages_used++;
	return (uint64_t *)page;
}

static void table_give(struct npt *npt, uint64_t *table)
{
	struct npt_pool *pool = npt->pool;

	assert(pool->free_count < pool->pages_count && npt->pages_used > 0);
	pool->free[pool->free_count++] = (uint32_t)(((uint8_t *)table - pool->pages) / PAGE_BYTES);
	npt->pages_used--;
}

static uint64_t *table_of(const struct npt *npt, uint64_t entry)
{
	return npt->pool->pointer_of(entry & ENTRY_ADDRESS);
}

static unsigned index_at(uint64_t page, int level)
{
	return (unsigned)(page >> (LEVEL_BITS * (unsigned)level)) & (ENTRIES - 1);
}

/* Tables needed at every level for `pages` leaf entries, the root included. */
static uint64_t tables_needed(uint64_t pages)
{
	uint64_t needed = 0;

	for (int level = 1; level <= LEVELS; level++) {
		pages = (pages + ENTRIES - 1) / ENTRIES;
		needed += pages;
	}
	return needed;
}

int npt_create(struct npt *npt, struct npt_pool *pool, uint64_t memory_bytes)
{
	uint64_t pages = memory_bytes >> PAGE_SHIFT;
	uint64_t *root;

	assert(pages > 0 && pages <= UINT64_C(1) << (LEVEL_BITS * LEVELS));
	if (tables_needed(pages) > pool->free_count)
		return -ENOSPC;
	*npt = (struct npt){ .pool = pool, .generation = 1 };
	root = table_take(npt);
	npt->root_physical = pool->physical_of(root);
	for (uint64_t page = 0; page < pages; page += ENTRIES) {
		uint64_t *table = root;

		for (int level = LEVELS - 1; level > 0; level--) {
			uint64_t *entry = &table[index_at(page, level)];

			if (!(*entry & ENTRY_PRESENT))
				*entry = pool->physical_of(table_take(npt)) | ENTRY_TABLE;
			table = table_of(npt, *entry);
		}
	}
	return 0;
}

static void give_below(struct npt *npt, uint64_t *table, int level)
{
	for (unsigned i = 0; level > 0 && i < ENTRIES; i++)
		if (table[i] & ENTRY_PRESENT)
			give_below(npt, table_of(npt, table[i]), level - 1);
	table_give(npt, table);
}

void npt_destroy(struct npt *npt)
{
	give_below(npt, npt->pool->pointer_of(npt->root_physical), LEVELS - 1);
	assert(npt->pages_used == 0);
	*npt = (struct npt){ 0 };
}

/* The leaf entry of `page`; its tables exist since npt_create(). */
static uint64_t *leaf(const struct npt *npt, uint64_t page)
{
	uint64_t *table = npt->pool->pointer_of(npt->root_physical);

	for (int level = LEVELS - 1; level > 0; level--) {
		uint64_t entry = table[index_at(page, level)];

		assert(entry & ENTRY_PRESENT);
		table = table_of(npt, entry);
	}
	return &table[index_at(page, 0)];
}

void npt_map(struct npt *npt, uint64_t page, uint64_t frame_physical, bool dirty)
{
	uint64_t entry = frame_physical | ENTRY_TABLE | ENTRY_ACCESSED | (dirty ? ENTRY_DIRTY : 0);
	uint64_t *at = leaf(npt, page);
	uint64_t old = __atomic_load_n(at, __ATOMIC_RELAXED);

	assert((frame_physical & ~ENTRY_ADDRESS) == 0);
	if (old & ENTRY_PRESENT) {
		/* there already: another frame would need a shootdown first */
		assert((old & ENTRY_ADDRESS) == frame_physical);
		__atomic_fetch_or(at, entry, __ATOMIC_RELEASE);
	} else {
		__atomic_store_n(at, entry, __ATOMIC_RELEASE);
	}
}

bool npt_unmap(struct npt *npt, uint64_t page, bool *dirty)
{
	uint64_t old = __atomic_exchange_n(leaf(npt, page), 0, __ATOMIC_ACQ_REL);

	*dirty = old & ENTRY_DIRTY;
	return old & ENTRY_PRESENT;
}

bool npt_test_and_clear_accessed(struct npt *npt, uint64_t page)
{
	return __atomic_fetch_and(leaf(npt, page), ~ENTRY_ACCESSED, __ATOMIC_RELAXED) & ENTRY_ACCESSED;
}

void *npt_frame(struct npt *npt, uint64_t page, bool write)
{
	uint64_t *at = leaf(npt, page);
	uint64_t entry = __atomic_load_n(at, __ATOMIC_SEQ_CST);

	if (!(entry & ENTRY_PRESENT))
		return NULL;
	/* as the processor does: dirty goes into an entry that is present, or not at all */
	while (write && !(entry & ENTRY_DIRTY)) {
		uint64_t marked = entry | ENTRY_DIRTY | ENTRY_ACCESSED;

		if (__atomic_compare_exchange_n(at, &entry, marked, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			break;
		if (!(entry & ENTRY_PRESENT))
			return NULL;
	}
	return npt->pool->pointer_of(entry & ENTRY_ADDRESS);
}
