/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions for RDMA hardware, which maps memory and asks nobody: each is a run of frames, one behind the other, all zero at first.
 *
 * F1 Runs of different regions do not meet; all lie within the frames.
 * F2 A run is zeroed before it is registered (M4 of mcomponent.h): no region ever reads what another one held.
 *
 * Full regions are looked for from the first frame up, smaller ones (the last of a VM) from the last frame down, so that
 * the small ones do not cut the room for the full ones to pieces.
 */
#include <assert.h>
#include <string.h>

#include "mcomponent/mcomponent.h"

/* One of the regions that stand in [first, first + pages); NULL: none does. */
static const struct region *overlapping(const struct region_set *set, uint64_t first, uint64_t pages)
{
	for (uint32_t i = 0; i < set->regions_max; i++) {
		const struct region *region = &set->regions[i];

		if (region->epoch != 0 && region->first_frame < first + pages && first < (uint64_t)region->first_frame + region->pages)
			return region;
	}
	return NULL;
}

static bool find_up(const struct region_set *set, uint32_t pages, uint64_t *first)
{
	const struct region *region;

	for (*first = 0; *first + pages <= set->store.frames_total; *first = (uint64_t)region->first_frame + region->pages) {
		region = overlapping(set, *first, pages);
		if (region == NULL)
			return true;
	}
	return false;
}

static bool find_down(const struct region_set *set, uint32_t pages, uint64_t *first)
{
	const struct region *region;
	uint64_t end = set->store.frames_total;

	for (; end >= pages; end = region->first_frame) {
		*first = end - pages;
		region = overlapping(set, *first, pages);
		if (region == NULL)
			return true;
	}
	return false;
}

bool region_flat_take(struct region *region)
{
	struct region_set *set = region->set;
	uint64_t first;

	assert(region->epoch == 0 && region->pages > 0 && region->pages <= set->store.frames_total);
	if (!(region->pages == REGION_PAGES ? find_up(set, region->pages, &first) : find_down(set, region->pages, &first)))
		return false;
	region->first_frame = (uint32_t)first;
	memset(region_flat_bytes(region), 0, (size_t)region->pages << PAGE_SHIFT);
	return true;
}

uint8_t *region_flat_bytes(const struct region *region)
{
	return region->set->store.frames + ((size_t)region->first_frame << PAGE_SHIFT);
}
