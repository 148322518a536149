/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions: who may reach which pages, and the tables that translate them. */
#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "mcomponent/mcomponent.h"

#define ALIGN_BYTES 64u
/* Of so many frames one more table and region may exist: for regions that do not fill their last table. */
#define PAGES_PER_SPARE 4096u
#define SPARES_MIN 4u

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
}

static uint32_t spares_for(uint32_t pages)
{
	return pages / PAGES_PER_SPARE + SPARES_MIN;
}

static uint32_t tables_for(uint32_t pages)
{
	return pages / TABLE_ENTRIES + spares_for(pages);
}

uint32_t region_set_regions_max(uint32_t pages)
{
	uint32_t regions = pages / REGION_PAGES + spares_for(pages);

	return regions < MCOMPONENT_REGIONS_MAX ? regions : MCOMPONENT_REGIONS_MAX;
}

size_t region_set_table_bytes(uint32_t pages)
{
	size_t tables = tables_for(pages);

	return aligned(tables * TABLE_ENTRIES * sizeof(uint64_t)) + aligned(tables * sizeof(uint32_t)) +
	       aligned(pages * sizeof(uint32_t)) + aligned(region_set_regions_max(pages) * sizeof(struct region));
}

uint32_t region_set_pages_for(size_t bytes)
{
	size_t low = 0, high = bytes / PAGE_BYTES;

	if (high > MCOMPONENT_PAGES_MAX)
		high = MCOMPONENT_PAGES_MAX;
	/* The need grows with the pages: halve the interval. */
	while (low < high) {
		size_t middle = high - (high - low) / 2;

		if (middle * PAGE_BYTES + region_set_table_bytes((uint32_t)middle) <= bytes)
			low = middle;
		else
			high = middle - 1;
	}
	return (uint32_t)low;
}

void region_set_init(struct region_set *set, void *tables, void *frames, uint32_t pages, struct roce_device *device)
{
	uint8_t *next = tables;
	uint32_t count = tables_for(pages);

	assert(((uintptr_t)tables & (ALIGN_BYTES - 1)) == 0 && ((uintptr_t)frames & (ALIGN_BYTES - 1)) == 0);
	memset(set, 0, sizeof(*set));
	set->device = device;
	set->tables = (uint64_t (*)[TABLE_ENTRIES])next;
	set->tables_total = count;
	next += aligned((size_t)count * TABLE_ENTRIES * sizeof(uint64_t));
	set->free_tables = (uint32_t *)next;
	next += aligned((size_t)count * sizeof(uint32_t));
	store_init(&set->store, frames, (uint32_t *)next, pages);
	next += aligned((size_t)pages * sizeof(uint32_t));
	set->regions = (struct region *)next;
	set->regions_max = region_set_regions_max(pages);
	next += aligned((size_t)set->regions_max * sizeof(struct region));
	assert(next == (uint8_t *)tables + region_set_table_bytes(pages));
	for (uint32_t i = 0; i < count; i++)
		set->free_tables[set->free_tables_count++] = count - 1 - i;
}

void region_set_make_flat(struct region_set *set)
{
	assert(set->regions_used == 0 && ((uintptr_t)set->store.frames & PAGE_MASK) == 0);
	set->flat = true;
}

struct region *region_set_find(struct region_set *set, uint64_t vm, uint32_t index)
{
	for (uint32_t i = 0; i < set->regions_max; i++) {
		struct region *region = &set->regions[i];

		if (region->epoch != 0 && region->vm == vm && region->index == index)
			return region;
	}
	return NULL;
}

uint64_t region_set_base(const struct region *region)
{
	return (uint64_t)region->index << REGION_SHIFT;
}

static uint32_t region_tables(const struct region *region)
{
	return (region->pages + TABLE_ENTRIES - 1) / TABLE_ENTRIES;
}

static uint64_t *region_entry(const struct region *region, uint64_t page)
{
	assert(page < region->pages);
	return &region->tables[page / TABLE_ENTRIES][page % TABLE_ENTRIES];
}

/* ---------------------------------------------------------------- the memory region's operations */

/* Both are called for a packet, whose bytes may touch two pages. */
static bool region_holds(const struct region *region, uint64_t address, uint32_t len_bytes)
{
	uint64_t base = region_set_base(region), bytes = (uint64_t)region->pages << PAGE_SHIFT;

	return region->epoch != 0 && address >= base && address - base <= bytes && len_bytes <= bytes - (address - base);
}

static uint32_t piece_bytes(uint64_t offset, uint32_t len_bytes)
{
	uint32_t left = PAGE_BYTES - (uint32_t)(offset & PAGE_MASK);

	return len_bytes < left ? len_bytes : left;
}

static int region_memory_read(void *context, uint64_t address, void *bytes, uint32_t len_bytes)
{
	struct region *region = context;
	uint8_t *next = bytes;
	uint64_t offset = address - region_set_base(region);

	if (!region_holds(region, address, len_bytes))
		return -EFAULT;
	while (len_bytes > 0) {
		uint32_t piece = piece_bytes(offset, len_bytes);

		store_read(&region->set->store, region_entry(region, offset >> PAGE_SHIFT), (uint32_t)(offset & PAGE_MASK),
			   next, piece);
		offset += piece;
		next += piece;
		len_bytes -= piece;
	}
	return 0;
}

static int region_memory_write(void *context, uint64_t address, const void *bytes, uint32_t len_bytes)
{
	struct region *region = context;
	const uint8_t *next = bytes;
	uint64_t offset = address - region_set_base(region);

	if (!region_holds(region, address, len_bytes))
		return -EFAULT;
	while (len_bytes > 0) {
		uint32_t piece = piece_bytes(offset, len_bytes);

		store_write(&region->set->store, region_entry(region, offset >> PAGE_SHIFT), (uint32_t)(offset & PAGE_MASK),
			    next, piece);
		offset += piece;
		next += piece;
		len_bytes -= piece;
	}
	return 0;
}

static const struct roce_memory_ops region_memory_ops = { .read = region_memory_read, .write = region_memory_write };

/* ---------------------------------------------------------------- creating and destroying */

/* M6: for the node that owns the region from now on. */
static int region_register(struct region *region, uint32_t owner_node, uint32_t *rkey)
{
	struct roce_memory_config config = {
		.ops = &region_memory_ops,
		.context = region,
		.base = region_set_base(region),
		.len_bytes = (uint64_t)region->pages << PAGE_SHIFT,
		.access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE,
		.peer = owner_node,
	};

	if (region->set->flat) {
		config.ops = &roce_memory_plain_ops;
		config.context = region_flat_bytes(region) - config.base;
	}
	return roce_memory_register(region->set->device, &config, rkey);
}

static void tables_release(struct region *region)
{
	struct region_set *set = region->set;

	for (uint32_t i = 0; i < region_tables(region); i++) {
		for (uint32_t entry = 0; entry < TABLE_ENTRIES; entry++)
			store_forget(&set->store, &region->tables[i][entry]);
		assert(set->free_tables_count < set->tables_total);
		set->free_tables[set->free_tables_count++] =
			(uint32_t)((uint64_t (*)[TABLE_ENTRIES])region->tables[i] - set->tables);
	}
}

/* Asked for again, by a manager that does not know whether it was heard. */
static bool same_region(const struct region *region, const struct wire_region_create *create)
{
	return region->epoch == create->epoch && region->owner_node == create->owner_node && region->pages == create->pages;
}

static int create_check(struct region_set *set, const struct wire_region_create *create)
{
	struct region *region = region_set_find(set, create->vm, create->index);

	if (create->epoch == 0 || create->owner_node == 0 || create->pages == 0 || create->pages > REGION_PAGES)
		return -EINVAL;
	if (region != NULL)
		return create->epoch < region->epoch ? -ESTALE : same_region(region, create) ? 0 : -EEXIST;
	if (create->pages > set->store.frames_total - set->pages_reserved)	/* M1 */
		return -ENOSPC;
	if (set->regions_used == set->regions_max)
		return -ENOSPC;
	if (!set->flat && (create->pages + TABLE_ENTRIES - 1) / TABLE_ENTRIES > set->free_tables_count)
		return -ENOSPC;
	return 0;
}

int region_set_create(struct region_set *set, const struct wire_region_create *create, struct region **created)
{
	struct region *region = region_set_find(set, create->vm, create->index);
	int status = create_check(set, create);

	if (status != 0)
		return status;
	if (region != NULL) {
		*created = region;
		return 0;
	}
	region = set->regions;
	while (region->epoch != 0)
		region++;
	assert(region < set->regions + set->regions_max);
	memset(region, 0, sizeof(*region));
	region->vm = create->vm;
	region->index = create->index;
	region->owner_node = create->owner_node;
	region->pages = create->pages;
	region->set = set;
	if (set->flat && !region_flat_take(region))
		return -ENOSPC;
	status = region_register(region, create->owner_node, &region->rkey);
	if (status != 0)
		return status;

	/* Nothing can fail from here on. */
	region->epoch = create->epoch;
	if (set->flat)
		set->store.free_count -= region->pages;
	for (uint32_t i = 0; !set->flat && i < region_tables(region); i++)
		region->tables[i] = set->tables[set->free_tables[--set->free_tables_count]];
	set->regions_used++;
	set->pages_reserved += region->pages;
	assert(set->pages_reserved <= set->store.frames_total);
	*created = region;
	return 0;
}

int region_set_destroy(struct region_set *set, const struct wire_region_name *name)
{
	struct region *region = region_set_find(set, name->vm, name->index);
	int status;

	if (region == NULL)
		return -ENOENT;
	if (name->epoch < region->epoch)
		return -ESTALE;
	status = roce_memory_deregister(set->device, region->rkey);
	assert(status == 0);
	(void)status;
	if (set->flat)
		set->store.free_count += region->pages;
	else
		tables_release(region);
	assert(set->regions_used > 0 && set->pages_reserved >= region->pages);
	set->regions_used--;
	set->pages_reserved -= region->pages;
	region->epoch = 0;
	return 0;
}

int region_set_raise_epoch(struct region_set *set, const struct wire_region_epoch *raise, struct region **raised)
{
	struct region *region = region_set_find(set, raise->vm, raise->index);
	uint32_t rkey;
	int status;

	if (raise->owner_node == 0)
		return -EINVAL;
	if (region == NULL)
		return -ENOENT;
	if (raise->epoch <= region->epoch)
		return -ESTALE;
	/* The new rkey first: without one the region stays as it is. No packet comes between the two. */
	status = region_register(region, raise->owner_node, &rkey);
	if (status != 0)
		return status;
	status = roce_memory_deregister(set->device, region->rkey);
	assert(status == 0);
	region->rkey = rkey;
	region->epoch = raise->epoch;
	region->owner_node = raise->owner_node;
	*raised = region;
	return 0;
}
