/* SPDX-License-Identifier: GPL-2.0-only */
/* Fills and write-backs: the requests to the region client, how they end, and when they are tried again. */
#include "pcomponent/cache/internal.h"

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

/* ------------------------------------------------------------------ fills */

static int line_post_read(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	int status = region_read(cache->regions, line_set(cache, line)->vm, line->page, line_frame(cache, line),
				 line_number(cache, line), now_ns);

	if (status == 0)
		line_post(cache, line);
	return status;
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
		line_list_append(cache, &cache->postponed_fills, line);
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
		line_list_append(cache, &cache->failed, line);
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
	line_list_append(cache, &cache->vms[set->vm].unplaced, line);
	set_update(cache, set);
}

static void write_refused(struct cache *cache, struct cache_line *line, int status, uint64_t now_ns)
{
	if (status == -ENOSPC)
		write_unplaced(cache, line, now_ns);
	else
		write_failed(cache, line, status, now_ns);
}

void line_start_write(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	int status = line_post_write(cache, line, now_ns);

	if (status == -EAGAIN)
		line_list_append(cache, &cache->postponed_writes, line);
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
		line_list_append(cache, &cache->postponed_writes, line);
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
		line_list_remove(cache, &cache->postponed_fills, line);
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
		line_list_remove(cache, &cache->postponed_writes, line);
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
		line_list_append(cache, &cache->postponed_writes, line);
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
