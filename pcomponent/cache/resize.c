/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The size of a share is changed under a running guest (docs/cache.md, Resize).
 *
 * A page's set follows from its hash and the number of sets, so another number means another set for most pages. Both are known
 * while the change is under way: the old sets are passed in their order, a window of a few at a time, and a page goes by the new number
 * as soon as its old set is passed.
 *
 *	old index		0 .. moved	moved .. moving		moving .. sets_from
 *	its pages' set		new		old if they are there,	old
 *					else new
 *
 * Lines in the window that belong into another set by the new number are *misplaced*. They are unmapped as the sweeper's victims are,
 * and copied to their new set if that has a way free, or else leave as any line does. Nothing is filled into an old set of the window for
 * a page that belongs elsewhere, so a window empties.
 */
#include "pcomponent/cache/internal.h"

bool line_misplaced(const struct cache *cache, const struct cache_line *line)
{
	const struct cache_set *set = line_set(cache, line);
	const struct cache_vm *share = &cache->vms[set->vm];
	uint64_t hash;
	uint32_t index;

	if (share->moving == share->moved)
		return false;
	hash = hash_pair(cache->config.hash_key, set->vm, line->page);
	index = hash_reduce(hash, share->sets_from);
	return index >= share->moved && index < share->moving && share_set(cache, share, index) == set &&
	       share_set(cache, share, hash_reduce(hash, share->sets_to)) != set;
}

/* ------------------------------------------------------------------ begin and end */

static void order_reverse(uint32_t *order, uint32_t first, uint32_t end)
{
	while (first + 1 < end) {
		uint32_t swap = order[first];

		order[first++] = order[--end];
		order[end] = swap;
	}
}

/* Exchange two runs that follow each other: the sets of [first, middle) come behind those of [middle, end). */
static void order_rotate(uint32_t *order, uint32_t first, uint32_t middle, uint32_t end)
{
	order_reverse(order, first, middle);
	order_reverse(order, middle, end);
	order_reverse(order, first, end);
}

void share_give(struct cache *cache, uint32_t vm, uint32_t count)
{
	struct cache_vm *share = &cache->vms[vm];
	uint32_t end = share->order_first + share->sets;

	assert(count <= cache->sets_count - cache->sets_given);
	order_rotate(cache->order, end, cache->sets_given, cache->sets_given + count);
	for (uint32_t other = 0; other < cache->config.vms_max; other++) {
		if (cache->vms[other].active && other != vm && cache->vms[other].order_first >= end)
			cache->vms[other].order_first += count;
	}
	for (uint32_t i = end; i < end + count; i++)
		set_open(cache, &cache->sets[cache->order[i]], vm);
	share->sets += count;
	cache->sets_given += count;
}

void share_take(struct cache *cache, uint32_t vm, uint32_t count)
{
	struct cache_vm *share = &cache->vms[vm];
	uint32_t end = share->order_first + share->sets, first = end - count;

	assert(count <= share->sets);
	for (uint32_t i = first; i < end; i++) {
		struct cache_set *set = &cache->sets[cache->order[i]];

		assert(set->free_count == cache->config.ways && set->waiters == NULL);
		set->vm = VM_NONE;
	}
	order_rotate(cache->order, first, end, cache->sets_given);
	for (uint32_t other = 0; other < cache->config.vms_max; other++) {
		if (cache->vms[other].active && other != vm && cache->vms[other].order_first >= end)
			cache->vms[other].order_first -= count;
	}
	share->sets -= count;
	cache->sets_given -= count;
}

int cache_vm_resize(struct cache *cache, uint32_t vm, uint32_t lines, uint64_t now_ns)
{
	uint32_t sets = lines / cache->config.ways;
	struct cache_vm *share;

	if (vm >= cache->config.vms_max || !cache->vms[vm].active || cache->vms[vm].dying)
		return -ENOENT;
	share = &cache->vms[vm];
	if (sets < 2)
		return -EINVAL;
	if (sets == share->sets_to)
		return 0;
	if (share->sets_to != share->sets_from)
		return -EBUSY;
	if (sets > share->sets && sets - share->sets > cache->sets_count - cache->sets_given)
		return -ENOSPC;
	if (sets > share->sets)
		share_give(cache, vm, sets - share->sets);
	share->sets_to = sets;
	share->moved = share->moving = 0;
	cache->resizing++;
	cache->resize_ns = now_ns;
	cache->resize_due = true;
	return 0;
}

static void resize_end(struct cache *cache, uint32_t vm)
{
	struct cache_vm *share = &cache->vms[vm];

	if (share->sets_to < share->sets)
		share_take(cache, vm, share->sets - share->sets_to);
	share->sets_from = share->sets_to;
	share->moved = share->moving = 0;
	cache->resizing--;
}

void cache_vm_share(const struct cache *cache, uint32_t vm, struct cache_share *answer)
{
	const struct cache_vm *share = &cache->vms[vm];

	assert(vm < cache->config.vms_max && share->active);
	*answer = (struct cache_share){
		.lines = share->sets * cache->config.ways, .lines_wanted = share->sets_to * cache->config.ways,
		.parts = share->sets_from == share->sets_to ? 0 : share->sets_from, .parts_done = share->moved,
	};
}

/* ------------------------------------------------------------------ the steps between */

/* Who waits for a way of an old set looks again: its page may belong elsewhere now. */
static void window_extend(struct cache *cache, struct cache_vm *share)
{
	while (share->moving < share->sets_from && share->moving - share->moved < CACHE_RESIZE_WINDOW) {
		struct cache_set *set = share_set(cache, share, share->moving++);

		waiters_wake(cache, &set->waiters, 0);
	}
}

/* Unmap misplaced lines of a set. False: it has some still, in whatever state. */
static bool window_empty(struct cache *cache, struct cache_set *set, struct cache_victim *victims, uint32_t *count, uint32_t room)
{
	bool empty = true;

	for (uint32_t way = 0; way < cache->config.ways; way++) {
		struct cache_line *line = set_line(cache, set, way);

		if (line->state == LINE_FREE || !line_misplaced(cache, line))
			continue;
		empty = false;
		if (line->state == LINE_VALID && line->pins == 0 && *count < room)
			line_unmap(cache, set, line, &victims[(*count)++]);
	}
	return empty;
}

static void resize_step(struct cache *cache, uint32_t vm, struct cache_victim *victims, uint32_t *count, uint32_t room)
{
	struct cache_vm *share = &cache->vms[vm];
	bool passed = true;

	window_extend(cache, share);
	for (uint32_t index = share->moved; index < share->moving; index++) {
		passed = window_empty(cache, share_set(cache, share, index), victims, count, room) && passed;
		if (passed)
			share->moved = index + 1;
	}
	if (share->moved == share->sets_from)
		resize_end(cache, vm);
}

uint32_t resize_begin(struct cache *cache, struct cache_victim *victims, uint32_t room, uint64_t now_ns)
{
	uint32_t count = 0;

	if (!cache->resize_due)
		return 0;
	cache->resize_due = false;
	cache->resize_ns = now_ns + CACHE_RESIZE_STEP_NS;
	for (uint32_t vm = 0; vm < cache->config.vms_max; vm++) {
		const struct cache_vm *share = &cache->vms[vm];

		if (share->active && !share->dying && share->sets_from != share->sets_to)
			resize_step(cache, vm, victims, &count, room);
	}
	return count;
}

bool line_relocate(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);
	const struct cache_vm *share = &cache->vms[set->vm];
	uint64_t hash = hash_pair(cache->config.hash_key, set->vm, line->page);
	struct cache_set *target = share_set(cache, share, hash_reduce(hash, share->sets_to));
	bool dirty = line->flags & LINE_DIRTY;
	struct cache_line *copy;

	assert(target != set && !(line->flags & LINE_POSTED) && (line->state == LINE_UNMAPPED || line->state == LINE_WRITING));
	if (target->free_count == 0)
		return false;
	copy = line_take(cache, target, line->page);
	memcpy(line_frame(cache, copy), line_frame(cache, line), PAGE_BYTES);
	copy->waiters = line->waiters;
	line->waiters = NULL;
	line_free(cache, line, now_ns);
	line_set_dirty(cache, copy, dirty);
	line_validate(cache, copy, now_ns);
	waiters_wake(cache, &copy->waiters, 0);
	return true;
}
