/* SPDX-License-Identifier: GPL-2.0-only */
/* The transitions of a line and the requests behind them. The diagram and C1 to C7 stand in internal.h. */
#include "pcomponent/cache/internal.h"

/* ------------------------------------------------------------------ lists of lines without a posted request */

void list_init(struct line_list *list)
{
	list->head = LINE_NONE;
	list->tail = LINE_NONE;
}

static void list_append(struct cache *cache, struct line_list *list, struct cache_line *line)
{
	line->next = LINE_NONE;
	line->prev = list->tail;
	if (list->tail == LINE_NONE)
		list->head = line_number(cache, line);
	else
		cache->lines[list->tail].next = line_number(cache, line);
	list->tail = line_number(cache, line);
}

static void list_remove(struct cache *cache, struct line_list *list, struct cache_line *line)
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
		list_remove(cache, &cache->vms[line_set(cache, line)->vm].unplaced, line);
	else if (line->flags & LINE_FAILED)
		list_remove(cache, &cache->failed, line);
	else if (line->state == LINE_FILLING)
		list_remove(cache, &cache->postponed_fills, line);
	else
		list_remove(cache, &cache->postponed_writes, line);
}

/* ------------------------------------------------------------------ helpers */

static void write_start(struct cache *cache, struct cache_line *line, uint64_t now_ns);

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

static void line_post(struct cache *cache, struct cache_line *line)
{
	line->flags |= LINE_POSTED;
	cache->vms[line_set(cache, line)->vm].busy++;
}

static void line_posted_done(struct cache *cache, struct cache_line *line)
{
	assert(line->flags & LINE_POSTED);
	line->flags &= (uint8_t)~LINE_POSTED;
	assert(cache->vms[line_set(cache, line)->vm].busy > 0);
	cache->vms[line_set(cache, line)->vm].busy--;
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

static void way_release(struct cache *cache, struct cache_line *line)
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
		write_start(cache, line, now_ns);
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
		write_start(cache, line, now_ns);
		return;
	}
	while (line->waiters != NULL)
		waiter_enqueue(&set->waiters, waiter_dequeue(&line->waiters));
	line_free(cache, line, now_ns);
}

/* ------------------------------------------------------------------ fills */

static int line_post_read(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	int status = region_read(cache->regions, line_set(cache, line)->vm, line->page, line_frame(cache, line),
				 line_number(cache, line), now_ns);

	if (status == 0)
		line_post(cache, line);
	return status;
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

int line_start_fill(struct cache *cache, struct cache_set *set, uint64_t page, struct cache_line **started, uint64_t now_ns)
{
	struct cache_line *line = line_take(cache, set, page);
	int status;

	*started = line;
	if (!region_page_written(cache->regions, set->vm, page)) {
		memset(line_frame(cache, line), 0, PAGE_BYTES);
		cache->vms[set->vm].zero_fills++;
		line_validate(cache, line, now_ns);
		return 1;
	}
	status = line_post_read(cache, line, now_ns);
	if (status == -EAGAIN) {
		list_append(cache, &cache->postponed_fills, line);
		status = 0;
	}
	if (status != 0)
		way_release(cache, line);
	set_update(cache, set);
	return status;
}

static void fill_done(struct cache *cache, struct cache_line *line, int status, uint64_t latency_ns, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);
	struct cache_vm *vm = &cache->vms[set->vm];

	if (status == 0 && !vm->dying) {
		vm->fills++;
		histogram_add(&vm->read, latency_ns);
		line_validate(cache, line, now_ns);
		waiters_wake(cache, &line->waiters, 0);
		return;
	}
	if (status != 0)
		vm->fill_errors++;
	waiters_wake(cache, &line->waiters, vm->dying ? -ECONNRESET : status);
	line_free(cache, line, now_ns);
}

/* ------------------------------------------------------------------ write-backs */

static int line_post_write(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	int status = region_write(cache->regions, line_set(cache, line)->vm, line->page, line_frame(cache, line),
				  line_number(cache, line), now_ns);

	if (status == 0)
		line_post(cache, line);
	return status;
}

/* C2: the content stays. Who waits for it can have it right away; it stays dirty and will be swept again. */
static void write_failed(struct cache *cache, struct cache_line *line, int status, uint64_t now_ns)
{
	const struct cache_environment *environment = &cache->config.environment;
	struct cache_set *set = line_set(cache, line);

	cache->vms[set->vm].write_back_errors++;
	if (line->waiters != NULL) {
		line_revive(cache, line, now_ns);
	} else {
		line->flags |= LINE_FAILED;
		line->time_ns = now_ns + CACHE_RETRY_NS;
		set->leaving--;
		list_append(cache, &cache->failed, line);
		set_update(cache, set);
	}
	environment->write_back_failed(environment->context, set->vm, status);
}

/* C9: nothing is wrong with it. Like a line that failed it is not about to leave: others of its set go if a way is needed. */
static void write_unplaced(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	struct cache_set *set = line_set(cache, line);

	if (line->waiters != NULL) {
		line_revive(cache, line, now_ns);
		return;
	}
	line->flags |= LINE_FAILED | LINE_UNPLACED;
	set->leaving--;
	list_append(cache, &cache->vms[set->vm].unplaced, line);
	set_update(cache, set);
}

static void write_refused(struct cache *cache, struct cache_line *line, int status, uint64_t now_ns)
{
	if (status == -ENOSPC)
		write_unplaced(cache, line, now_ns);
	else
		write_failed(cache, line, status, now_ns);
}

static void write_start(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	int status = line_post_write(cache, line, now_ns);

	if (status == -EAGAIN)
		list_append(cache, &cache->postponed_writes, line);
	else if (status != 0)
		write_refused(cache, line, status, now_ns);
}

static void write_done(struct cache *cache, struct cache_line *line, int status, uint64_t now_ns)
{
	struct cache_vm *vm = &cache->vms[line_set(cache, line)->vm];

	if (vm->dying) {
		line_free(cache, line, now_ns);
		return;
	}
	if (status != 0) {
		write_failed(cache, line, status, now_ns);
		return;
	}
	vm->write_backs++;
	line_set_dirty(cache, line, false);
	line_leave(cache, line, now_ns);
}

/* ------------------------------------------------------------------ completions and retries */

void cache_region_done(void *context, uint32_t cookie, bool write, int status, uint64_t latency_ns, uint64_t now_ns)
{
	struct cache *cache = context;
	struct cache_line *line;

	assert(cookie < cache->config.lines_count && status != -EAGAIN);
	line = &cache->lines[cookie];
	assert(line->state == (write ? LINE_WRITING : LINE_FILLING));
	line_posted_done(cache, line);
	if (write)
		write_done(cache, line, status, now_ns);
	else
		fill_done(cache, line, status, latency_ns, now_ns);
}

void cache_region_placed(void *context, uint32_t number, uint64_t now_ns)
{
	struct cache *cache = context;
	struct cache_vm *vm = &cache->vms[number];

	(void)now_ns;
	while (vm->unplaced.head != LINE_NONE) {
		struct cache_line *line = &cache->lines[vm->unplaced.head];

		line_unqueue(cache, line);
		line->flags &= (uint8_t)~(LINE_FAILED | LINE_UNPLACED);
		line_set(cache, line)->leaving++;
		list_append(cache, &cache->postponed_writes, line);
	}
}

/* vCPUs wait for fills, so those go first. */
static bool poll_fills(struct cache *cache, uint64_t now_ns)
{
	while (cache->postponed_fills.head != LINE_NONE) {
		struct cache_line *line = &cache->lines[cache->postponed_fills.head];
		int status = line_post_read(cache, line, now_ns);

		if (status == -EAGAIN)
			return false;
		list_remove(cache, &cache->postponed_fills, line);
		if (status != 0) {
			cache->vms[line_set(cache, line)->vm].fill_errors++;
			waiters_wake(cache, &line->waiters, status);
			line_free(cache, line, now_ns);
		}
	}
	return true;
}

static void poll_writes(struct cache *cache, uint64_t now_ns)
{
	while (cache->postponed_writes.head != LINE_NONE) {
		struct cache_line *line = &cache->lines[cache->postponed_writes.head];
		int status = line_post_write(cache, line, now_ns);

		if (status == -EAGAIN)
			return;
		list_remove(cache, &cache->postponed_writes, line);
		if (status != 0)
			write_refused(cache, line, status, now_ns);
	}
}

void cache_poll(struct cache *cache, uint64_t now_ns)
{
	sweep_poll(cache, now_ns);
	if (cache->resizing > 0 && cache->resize_ns <= now_ns)
		cache->resize_due = true;
	while (cache->failed.head != LINE_NONE && cache->lines[cache->failed.head].time_ns <= now_ns) {
		struct cache_line *line = &cache->lines[cache->failed.head];

		line_unqueue(cache, line);
		line->flags &= (uint8_t)~LINE_FAILED;
		line_set(cache, line)->leaving++;
		list_append(cache, &cache->postponed_writes, line);
	}
	if (poll_fills(cache, now_ns))
		poll_writes(cache, now_ns);
}

uint64_t cache_deadline_ns(const struct cache *cache)
{
	uint64_t deadline_ns = UINT64_MAX;

	if (cache->failed.head != LINE_NONE)
		deadline_ns = cache->lines[cache->failed.head].time_ns;
	if (cache->resting.head != SET_NONE && cache->sets[cache->resting.head].rest_until_ns < deadline_ns)
		deadline_ns = cache->sets[cache->resting.head].rest_until_ns;
	if (cache->resizing > 0 && !cache->resize_due && cache->resize_ns < deadline_ns)
		deadline_ns = cache->resize_ns;
	return deadline_ns;
}
