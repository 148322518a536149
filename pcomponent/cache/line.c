/* SPDX-License-Identifier: GPL-2.0-only */
/* The transitions of a line; the requests behind them are in transfer.c. The diagram and C1 to C9 stand in internal.h. */
#include "pcomponent/cache/internal.h"

/* ------------------------------------------------------------------ lists of lines without a posted request */

void line_list_init(struct line_list *list)
{
	list->head = LINE_NONE;
	list->tail = LINE_NONE;
}

void line_list_append(struct cache *cache, struct line_list *list, struct cache_line *line)
{
	line->next = LINE_NONE;
	line->prev = list->tail;
	if (list->tail == LINE_NONE)
		list->head = line_number(cache, line);
	else
		cache->lines[list->tail].next = line_number(cache, line);
	list->tail = line_number(cache, line);
}

void line_list_remove(struct cache *cache, struct line_list *list, struct cache_line *line)
{
	if (line->prev == LINE_NONE)
		list->head = line->next;
	else
		cache->lines[line->prev].next = line->next;
	if (line->next == LINE_NONE)
		list->tail = line->prev;
	else
		cache->lines[line->next].prev = line->prev;
}

void line_unqueue(struct cache *cache, struct cache_line *line)
{
	assert((line->state == LINE_FILLING || line->state == LINE_WRITING) && !(line->flags & LINE_POSTED));
	if (line->flags & LINE_UNPLACED)
		line_list_remove(cache, &cache->vms[line_set(cache, line)->vm].unplaced, line);
	else if (line->flags & LINE_FAILED)
		line_list_remove(cache, &cache->failed, line);
	else if (line->state == LINE_FILLING)
		line_list_remove(cache, &cache->postponed_fills, line);
	else
		line_list_remove(cache, &cache->postponed_writes, line);
}

/* ------------------------------------------------------------------ helpers */

void waiters_wake(struct cache *cache, struct cache_waiter **last, int status)
{
	const struct cache_environment *environment = &cache->config.environment;

	while (*last != NULL) {
		struct cache_waiter *waiter = waiter_dequeue(last);

		assert(waiter->queued);
		/* whoever sees it leave the queue sees why, without our lock */
		waiter->status = status;
		__atomic_store_n(&waiter->queued, false, __ATOMIC_RELEASE);
		environment->wake(environment->context, waiter);
	}
}

void line_set_dirty(struct cache *cache, struct cache_line *line, bool dirty)
{
	struct cache_vm *vm = &cache->vms[line_set(cache, line)->vm];

	if (dirty && !(line->flags & LINE_DIRTY)) {
		line->flags |= LINE_DIRTY;
		vm->lines_dirty++;
	} else if (!dirty && (line->flags & LINE_DIRTY)) {
		line->flags &= (uint8_t)~LINE_DIRTY;
		vm->lines_dirty--;
	}
}

static bool line_is_leaving(const struct cache_line *line)
{
	return line->state == LINE_UNMAPPED || (line->state == LINE_WRITING && !(line->flags & LINE_FAILED));
}

/*
 * VALID with a nested entry (C4), and FRESH. Clearing the accessed bit at once makes the guest's first use visible; that
 * needs no flush, because no processor has cached the translation yet (and if one has, the line is not in danger).
 */
void line_validate(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	const struct cache_environment *environment = &cache->config.environment;
	struct cache_set *set = line_set(cache, line);

	line->state = LINE_VALID;
	line->flags |= LINE_REFERENCED | LINE_FRESH;
	line->time_ns = now_ns;
	set->evictable++;
	environment->map(environment->context, set->vm, line->page, line_frame(cache, line), line->flags & LINE_DIRTY);
	environment->test_and_clear_accessed(environment->context, set->vm, line->page);
	set_update(cache, set);
}

void line_revive(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);

	assert(!(line->flags & LINE_POSTED));
	if (line_is_leaving(line))
		set->leaving--;
	line->flags &= (uint8_t)~(LINE_FAILED | LINE_UNPLACED);
	if (set->waiters != NULL && set->rescues < CACHE_RESCUES_MAX)
		set->rescues++;
	cache->vms[set->vm].rescues++;
	line_validate(cache, line, now_ns);
	waiters_wake(cache, &line->waiters, 0);
}

/* ------------------------------------------------------------------ ways */

/*
 * The free way that the sweeper's hand meets first. The ways it has just emptied lie behind it, so this keeps a set's
 * lines in the order of their arrival, and the newest is the last to be looked at: a line that the guest has just
 * faulted on outlives the older ones even if the guest has not come to use it yet.
 */
static uint32_t way_choose(const struct cache_set *set)
{
	uint64_t ahead = set->free_ways & (UINT64_MAX << set->hand);

	return (uint32_t)__builtin_ctzll(ahead != 0 ? ahead : set->free_ways);
}

struct cache_line *line_take(struct cache *cache, struct cache_set *set, uint64_t page)
{
	uint32_t way = way_choose(set);
	struct cache_line *line = set_line(cache, set, way);

	assert(set->free_count > 0 && line->state == LINE_FREE && line->waiters == NULL);
	line->page = page;
	line->state = LINE_FILLING;
	set->free_ways &= ~(UINT64_C(1) << way);
	set->free_count--;
	cache->vms[set->vm].lines_used++;
	return line;
}

void way_release(struct cache *cache, struct cache_line *line)
{
	struct cache_set *set = line_set(cache, line);

	assert(line->waiters == NULL && line->pins == 0 && !(line->flags & LINE_POSTED));
	line_set_dirty(cache, line, false);
	line->state = LINE_FREE;
	line->flags = 0;
	set->free_ways |= UINT64_C(1) << line_way(cache, line);
	set->free_count++;
	cache->vms[set->vm].lines_used--;
}

/* C5: the first in the queue gets the way; others who wait for the same page come along. */
static void set_give_ways(struct cache *cache, struct cache_set *set, uint64_t now_ns)
{
	while (set->free_count > 0 && set->waiters != NULL) {
		struct cache_waiter *rest = set->waiters, *same = NULL;
		uint64_t page = rest->next->page;
		struct cache_line *line;
		int status;

		set->waiters = NULL;
		while (rest != NULL) {
			struct cache_waiter *waiter = waiter_dequeue(&rest);

			waiter_enqueue(waiter->page == page ? &same : &set->waiters, waiter);
		}
		status = line_start_fill(cache, set, page, &line, now_ns);
		if (status == 0)
			line->waiters = same;
		else
			waiters_wake(cache, &same, status < 0 ? status : 0);
	}
	set->rescues = 0;
	set_update(cache, set);
}

void line_free(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);

	if (line_is_leaving(line))
		set->leaving--;
	way_release(cache, line);
	set_give_ways(cache, set, now_ns);
}

/* Joiners come along to the new set, or look there for themselves. */
static void leave_misplaced(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	if (line_relocate(cache, line, now_ns))
		return;
	waiters_wake(cache, &line->waiters, 0);
	if (line->flags & LINE_DIRTY) {
		line->state = LINE_WRITING;
		line_start_write(cache, line, now_ns);
	} else {
		line_free(cache, line, now_ns);
	}
}

/*
 * Joiners normally rescue the line, dirty or not. In a set that others wait for, a run of rescues ends after
 * CACHE_RESCUES_MAX: the joiners then stand in line for a way like everybody else, so nobody starves.
 */
void line_leave(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);
	bool starving = set->waiters != NULL && set->rescues >= CACHE_RESCUES_MAX;

	assert(line_is_leaving(line) && !(line->flags & LINE_POSTED));
	if (line_misplaced(cache, line)) {
		leave_misplaced(cache, line, now_ns);
		return;
	}
	if (line->waiters != NULL && !starving) {
		line_revive(cache, line, now_ns);
		return;
	}
	if (line->flags & LINE_DIRTY) {
		line->state = LINE_WRITING;
		line_start_write(cache, line, now_ns);
		return;
	}
	while (line->waiters != NULL)
		waiter_enqueue(&set->waiters, waiter_dequeue(&line->waiters));
	line_free(cache, line, now_ns);
}
