/* SPDX-License-Identifier: GPL-2.0-only */
/* The cache's tables, the shares of VMs, and the miss path. */
#include "pcomponent/cache/internal.h"

/* ------------------------------------------------------------------ creation */

#define TABLE_ALIGN 64u

static size_t table_bytes(size_t count, size_t entry_bytes)
{
	return (count * entry_bytes + TABLE_ALIGN - 1) & ~(size_t)(TABLE_ALIGN - 1);
}

static bool config_valid(const struct cache_config *config)
{
	const struct cache_environment *environment = &config->environment;

	return config->lines != NULL && ((uintptr_t)config->lines & PAGE_MASK) == 0 && config->ways >= 2 &&
	       config->ways <= CACHE_WAYS_MAX && config->lines_count >= 2 * config->ways &&
	       config->lines_count < LINE_NONE && config->vms_max >= 1 && config->vms_max <= CACHE_VMS_MAX &&
	       environment->map != NULL && environment->unmap != NULL && environment->test_and_clear_accessed != NULL &&
	       environment->wake != NULL && environment->write_back_failed != NULL;
}

size_t cache_bytes(const struct cache_config *config)
{
	uint32_t sets = config->lines_count / config->ways;

	return table_bytes(1, sizeof(struct cache)) + table_bytes(config->vms_max, sizeof(struct cache_vm)) +
	       table_bytes(sets, sizeof(struct cache_set)) + table_bytes(sets, sizeof(uint32_t)) +
	       table_bytes((size_t)sets * config->ways, sizeof(struct cache_line));
}

struct cache *cache_create(void *memory, const struct cache_config *config)
{
	struct cache *cache = memory;
	uint8_t *next = memory;

	if (!config_valid(config))
		return NULL;
	memset(memory, 0, cache_bytes(config));
	cache->config = *config;
	cache->sets_count = config->lines_count / config->ways;
	cache->config.lines_count = cache->sets_count * config->ways;
	cache->free_target = config->ways / CACHE_FREE_DIVISOR;
	cache->queue = (struct set_list){ SET_NONE, SET_NONE };
	cache->resting = (struct set_list){ SET_NONE, SET_NONE };
	list_init(&cache->postponed_fills);
	list_init(&cache->postponed_writes);
	list_init(&cache->failed);

	next += table_bytes(1, sizeof(struct cache));
	cache->vms = (struct cache_vm *)next;
	next += table_bytes(config->vms_max, sizeof(struct cache_vm));
	cache->sets = (struct cache_set *)next;
	next += table_bytes(cache->sets_count, sizeof(struct cache_set));
	cache->order = (uint32_t *)next;
	next += table_bytes(cache->sets_count, sizeof(uint32_t));
	cache->lines = (struct cache_line *)next;
	for (uint32_t i = 0; i < cache->sets_count; i++) {
		cache->order[i] = i;
		cache->sets[i].vm = VM_NONE;
		cache->sets[i].queue_next = SET_NONE;
	}
	return cache;
}

void cache_attach(struct cache *cache, struct region_client *regions)
{
	cache->regions = regions;
}

/* ------------------------------------------------------------------ shares */

uint32_t cache_lines_free(const struct cache *cache)
{
	return (cache->sets_count - cache->sets_given) * cache->config.ways;
}

void set_open(struct cache *cache, struct cache_set *set, uint32_t vm)
{
	const uint32_t ways = cache->config.ways;

	assert(set->vm == VM_NONE && set->waiters == NULL);
	set->vm = (uint16_t)vm;
	set->free_ways = ways == 64 ? UINT64_MAX : (UINT64_C(1) << ways) - 1;
	set->free_count = (uint8_t)ways;
	set->leaving = 0;
	set->evictable = 0;
	set->pinned = 0;
	set->hand = 0;
	set->rescues = 0;
}

int cache_vm_create(struct cache *cache, uint32_t vm, uint32_t lines)
{
	uint32_t sets = lines / cache->config.ways;
	struct cache_vm *share;

	if (vm >= cache->config.vms_max || sets < 2)
		return -EINVAL;
	share = &cache->vms[vm];
	if (share->active)
		return -EEXIST;
	if (sets > cache->sets_count - cache->sets_given)
		return -ENOSPC;
	memset(share, 0, sizeof(*share));
	list_init(&share->unplaced);
	share->active = true;
	share->order_first = cache->sets_given;
	share_give(cache, vm, sets);
	share->sets_from = share->sets_to = sets;
	return 0;
}

/* Everything but what somebody outside holds (POSTED, UNMAPPED) becomes FREE. */
static void line_drop(struct cache *cache, struct cache_line *line, uint64_t now_ns)
{
	const struct cache_environment *environment = &cache->config.environment;
	struct cache_set *set = line_set(cache, line);
	bool dirty;

	waiters_wake(cache, &line->waiters, -ECONNRESET);
	if (line->state == LINE_VALID) {
		environment->unmap(environment->context, set->vm, line->page, &dirty);
		if (line->pins == 0)
			set->evictable--;
		else
			set->pinned--;
		line->pins = 0;
		line_free(cache, line, now_ns);
	} else if ((line->state == LINE_FILLING || line->state == LINE_WRITING) && !(line->flags & LINE_POSTED)) {
		line_unqueue(cache, line);
		line_free(cache, line, now_ns);
	}
}

int cache_vm_destroy(struct cache *cache, uint32_t vm, uint64_t now_ns)
{
	struct cache_vm *share;

	if (vm >= cache->config.vms_max || !cache->vms[vm].active)
		return 0;
	share = &cache->vms[vm];
	if (!share->dying) {
		share->dying = true;
		for (uint32_t i = 0; i < share->sets; i++)
			waiters_wake(cache, &cache->sets[cache->order[share->order_first + i]].waiters, -ECONNRESET);
		for (uint32_t i = 0; i < share->sets; i++) {
			struct cache_set *set = &cache->sets[cache->order[share->order_first + i]];

			for (uint32_t way = 0; way < cache->config.ways; way++)
				line_drop(cache, set_line(cache, set, way), now_ns);
		}
	}
	if (share->busy > 0)
		return -EAGAIN;
	assert(share->lines_used == 0 && share->lines_dirty == 0);
	cache->resizing -= share->sets_from != share->sets_to;
	share_take(cache, vm, share->sets);
	share->active = false;
	return 0;
}

/* ------------------------------------------------------------------ the miss path */

static struct cache_line *set_find(const struct cache *cache, const struct cache_set *set, uint64_t page)
{
	struct cache_line *line = set_line(cache, set, 0);

	for (uint32_t way = 0; way < cache->config.ways; way++, line++) {
		if (line->page == page && line->state != LINE_FREE)
			return line;
	}
	return NULL;
}

/* The line of a page, or NULL and the set that it is to be filled into. */
static struct cache_line *page_line(const struct cache *cache, uint32_t vm, uint64_t page, struct cache_set **set)
{
	struct cache_set *other, *first = page_set(cache, vm, page, &other);
	struct cache_line *line = set_find(cache, first, page);

	*set = first;
	if (line != NULL || other == NULL || other == first)
		return line;
	*set = other;
	return set_find(cache, other, page);
}

static int wait_on(struct cache_waiter **last, struct cache_waiter *waiter, uint64_t page, uint64_t now_ns)
{
	waiter->queued = true;
	waiter->status = 0;
	waiter->page = page;
	waiter->since_ns = now_ns;
	waiter_enqueue(last, waiter);
	return CACHE_WAIT;
}

static int line_ready(struct cache *cache, struct cache_line *line, bool write, void **frame)
{
	assert(line->state == LINE_VALID);
	line->flags |= LINE_REFERENCED;
	if (write)
		line_set_dirty(cache, line, true);
	*frame = line_frame(cache, line);
	return CACHE_READY;
}

int cache_access(struct cache *cache, uint32_t vm, uint64_t page, bool write, struct cache_waiter *waiter, void **frame,
		 uint64_t now_ns)
{
	struct cache_vm *share;
	struct cache_set *set;
	struct cache_line *line;
	int status;

	assert(waiter != NULL && !waiter->queued && frame != NULL);
	if (vm >= cache->config.vms_max || !cache->vms[vm].active || cache->vms[vm].dying)
		return -EFAULT;
	share = &cache->vms[vm];
	share->touches++;
	line = page_line(cache, vm, page, &set);
	if (line != NULL && line->state == LINE_VALID) {
		share->hits++;
		line->flags &= (uint8_t)~LINE_FRESH;	/* the shim came back for it: that is use */
		return line_ready(cache, line, write, frame);
	}
	if (line != NULL && line->state == LINE_WRITING && !(line->flags & LINE_POSTED)) {
		line_unqueue(cache, line);
		line_revive(cache, line, now_ns);
		return line_ready(cache, line, write, frame);
	}
	if (line != NULL) {
		share->joins++;
		return wait_on(&line->waiters, waiter, page, now_ns);
	}
	if (set->free_count == 0) {
		share->set_full_waits++;
		wait_on(&set->waiters, waiter, page, now_ns);
		set_update(cache, set);
		return CACHE_WAIT;
	}
	status = line_start_fill(cache, set, page, &line, now_ns);
	if (status < 0)
		return status;
	return status > 0 ? line_ready(cache, line, write, frame) : wait_on(&line->waiters, waiter, page, now_ns);
}

static bool ring_remove(struct cache_waiter **last, const struct cache_waiter *waiter)
{
	struct cache_waiter *rest = *last;
	bool found = false;

	*last = NULL;
	while (rest != NULL) {
		struct cache_waiter *next = waiter_dequeue(&rest);

		if (next == waiter)
			found = true;
		else
			waiter_enqueue(last, next);
	}
	return found;
}

void cache_wait_end(struct cache *cache, uint32_t vm, struct cache_waiter *waiter, int status)
{
	struct cache_set *set, *other;
	struct cache_line *line;
	bool found;

	if (!waiter->queued)
		return;
	/* In a ring (C7): of its page's line, or of a set that the page may belong to. */
	set = page_set(cache, vm, waiter->page, &other);
	found = ring_remove(&set->waiters, waiter) || (other != NULL && ring_remove(&other->waiters, waiter));
	line = found ? NULL : page_line(cache, vm, waiter->page, &set);
	found = found || (line != NULL && ring_remove(&line->waiters, waiter));
	assert(found);
	waiter->status = status;
	__atomic_store_n(&waiter->queued, false, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ pins */

static struct cache_line *valid_line(const struct cache *cache, uint32_t vm, uint64_t page)
{
	struct cache_line *line;
	struct cache_set *set;

	if (vm >= cache->config.vms_max || !cache->vms[vm].active || cache->vms[vm].dying)
		return NULL;
	line = page_line(cache, vm, page, &set);
	return line != NULL && line->state == LINE_VALID ? line : NULL;
}

/* At most half of a set's ways may be pinned: the others keep the rest of the guest's pages moving. */
int cache_pin(struct cache *cache, uint32_t vm, uint64_t page)
{
	struct cache_line *line = valid_line(cache, vm, page);
	struct cache_set *set;

	if (line == NULL)
		return -ENOENT;
	set = line_set(cache, line);
	if (line->pins == CACHE_PINS_MAX || (line->pins == 0 && set->pinned >= cache->config.ways / 2))
		return -EBUSY;
	if (line->pins++ == 0) {
		set->pinned++;
		set->evictable--;
	}
	return 0;
}

void cache_unpin(struct cache *cache, uint32_t vm, uint64_t page)
{
	struct cache_line *line = valid_line(cache, vm, page);
	struct cache_set *set;

	if (line == NULL)	/* the VM was destroyed in between, and its pins with it */
		return;
	assert(line->pins > 0);
	set = line_set(cache, line);
	if (--line->pins == 0) {
		set->pinned--;
		set->evictable++;
		set_update(cache, set);
	}
}
