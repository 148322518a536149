/* SPDX-License-Identifier: GPL-2.0-only */
/* What the operator sees of a VM's cache, and the check of C1 to C9 for tests and the simulator. */
#include "pcomponent/cache/internal.h"

void cache_vm_status(const struct cache *cache, uint32_t vm, struct wire_vm_status *status)
{
	const struct cache_vm *share;

	assert(vm < cache->config.vms_max);
	share = &cache->vms[vm];
#define CACHE_COUNTER_COPY(name) status->name = share->name;
	CACHE_COUNTERS(CACHE_COUNTER_COPY)
#undef CACHE_COUNTER_COPY
	status->read = share->read;
}

/* ------------------------------------------------------------------ invariants */

/* What a walk over a VM's sets must add up to. */
struct tally {
	uint64_t used, dirty, busy;
};

static uint32_t check_waiters(const struct cache_waiter *last, uint64_t page, bool any_page)
{
	const struct cache_waiter *waiter = last;
	uint32_t count = 0;

	if (last == NULL)
		return 0;
	do {
		assert(waiter->queued && (any_page || waiter->page == page));
		assert(++count < UINT16_MAX);
		waiter = waiter->next;
	} while (waiter != last);
	return count;
}

/* C3, C8 */
static void check_place(const struct cache *cache, const struct cache_set *set, const struct cache_line *line)
{
	struct cache_set *other, *first = page_set(cache, set->vm, line->page, &other);
	uint32_t found = 0;

	assert(first == set || other == set);
	if (other == NULL || other == first)
		return;
	for (uint32_t way = 0; way < cache->config.ways; way++) {
		const struct cache_line *old = set_line(cache, first, way), *fresh = set_line(cache, other, way);

		found += old->state != LINE_FREE && old->page == line->page;
		found += fresh->state != LINE_FREE && fresh->page == line->page;
	}
	assert(found == 1);
}

static void check_line(const struct cache *cache, const struct cache_set *set, const struct cache_line *line,
		       struct tally *tally)
{
	bool posted = line->flags & LINE_POSTED, failed = line->flags & LINE_FAILED;

	assert(!(line->flags & LINE_UNPLACED) || failed);

	if (line->state == LINE_FREE) {
		assert(line->flags == 0 && line->waiters == NULL && line->pins == 0);
		return;
	}
	check_place(cache, set, line);
	assert(!(line->flags & LINE_FRESH) || line->state == LINE_VALID);
	for (const struct cache_line *other = line + 1; other < set_line(cache, set, cache->config.ways); other++)
		assert(other->state == LINE_FREE || other->page != line->page);
	check_waiters(line->waiters, line->page, false);
	tally->used++;
	tally->dirty += (line->flags & LINE_DIRTY) != 0;
	tally->busy += posted || line->state == LINE_UNMAPPED;
	switch (line->state) {
	case LINE_FILLING:
		assert(!(line->flags & LINE_DIRTY) && !failed && line->pins == 0);
		break;
	case LINE_VALID:
		assert(!posted && !failed && line->waiters == NULL);
		break;
	case LINE_UNMAPPED:
		assert(!posted && !failed && line->pins == 0);
		break;
	default:
		assert(line->state == LINE_WRITING && line->pins == 0);
		assert((line->flags & LINE_DIRTY) && !(posted && failed) && (posted || line->waiters == NULL));
	}
}

static void check_set(const struct cache *cache, const struct cache_set *set, struct tally *tally)
{
	uint32_t free_count = 0, leaving = 0, evictable = 0, pinned = 0;
	uint64_t free_ways = 0;

	for (uint32_t way = 0; way < cache->config.ways; way++) {
		const struct cache_line *line = set_line(cache, set, way);

		check_line(cache, set, line, tally);
		if (line->state == LINE_FREE) {
			free_ways |= UINT64_C(1) << way;
			free_count++;
		}
		leaving += line->state == LINE_UNMAPPED || (line->state == LINE_WRITING && !(line->flags & LINE_FAILED));
		evictable += line->state == LINE_VALID && line->pins == 0;
		pinned += line->pins > 0;
	}
	assert(free_ways == set->free_ways && free_count == set->free_count && leaving == set->leaving);
	assert(evictable == set->evictable && pinned == set->pinned && set->hand < cache->config.ways);
	check_waiters(set->waiters, 0, true);
	assert(set->waiters == NULL || free_count == 0);
	assert(set->queued || evictable == 0 || set_shortage(cache, set) == 0);
}

static uint32_t check_list(const struct cache *cache, const struct line_list *list, uint8_t state, uint8_t failed)
{
	uint32_t count = 0, previous = LINE_NONE;

	for (uint32_t number = list->head; number != LINE_NONE; number = cache->lines[number].next) {
		const struct cache_line *line = &cache->lines[number];

		assert(line->prev == previous && line->state == state && !(line->flags & LINE_POSTED));
		assert(failed == (line->flags & (LINE_FAILED | LINE_UNPLACED)));
		assert(++count <= cache->config.lines_count);
		previous = number;
	}
	assert(list->tail == previous);
	return count;
}

static uint32_t check_set_list(const struct cache *cache, const struct set_list *list)
{
	uint32_t count = 0, last = SET_NONE;

	for (uint32_t i = list->head; i != SET_NONE; i = cache->sets[i].queue_next) {
		assert(cache->sets[i].queued && ++count <= cache->sets_count);
		last = i;
	}
	assert(list->tail == last);
	return count;
}

static void check_queues(const struct cache *cache)
{
	uint32_t queued = 0;

	for (uint32_t i = 0; i < cache->sets_count; i++)
		queued += cache->sets[i].queued;
	assert(cache->queue_length == check_set_list(cache, &cache->queue));
	assert(queued == cache->queue_length + check_set_list(cache, &cache->resting));
}

void cache_check(const struct cache *cache)
{
	uint32_t sets = 0, unposted = 0, unplaced = 0, resizing = 0;

	for (uint32_t vm = 0; vm < cache->config.vms_max; vm++) {
		const struct cache_vm *share = &cache->vms[vm];
		struct tally tally = { 0 };

		if (!share->active)
			continue;
		for (uint32_t i = 0; i < share->sets; i++) {
			const struct cache_set *set = &cache->sets[cache->order[share->order_first + i]];

			assert(set->vm == vm);
			check_set(cache, set, &tally);
		}
		assert(tally.used == share->lines_used && tally.dirty == share->lines_dirty && tally.busy == share->busy);
		unplaced += check_list(cache, &share->unplaced, LINE_WRITING, LINE_FAILED | LINE_UNPLACED);
		sets += share->sets;
		resizing += share->sets_from != share->sets_to;
		assert(share->sets == (share->sets_from > share->sets_to ? share->sets_from : share->sets_to));
		assert(share->moved <= share->moving && share->moving <= share->sets_from);
		assert(share->moving == 0 || share->sets_from != share->sets_to);
	}
	assert(sets == cache->sets_given && resizing == cache->resizing);
	for (uint32_t i = cache->sets_given; i < cache->sets_count; i++)
		assert(cache->sets[cache->order[i]].vm == VM_NONE);
	unposted = unplaced + check_list(cache, &cache->postponed_fills, LINE_FILLING, 0) +
		   check_list(cache, &cache->postponed_writes, LINE_WRITING, 0) +
		   check_list(cache, &cache->failed, LINE_WRITING, LINE_FAILED);
	for (uint32_t i = 0; i < cache->config.lines_count; i++) {
		const struct cache_line *line = &cache->lines[i];

		if (!(line->flags & LINE_POSTED) && (line->state == LINE_FILLING || line->state == LINE_WRITING))
			unposted--;
	}
	assert(unposted == 0);
	check_queues(cache);
}
