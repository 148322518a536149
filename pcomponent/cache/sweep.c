/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sweeper: second chance by accessed bits, per set, only in sets that are short of free ways. A call costs
 * O(CONFIG_SWEEP_BATCH * ways), whatever the size of the cache.
 */
#include "pcomponent/cache/internal.h"

/* How many more ways of the set should be on their way out. */
uint32_t set_shortage(const struct cache *cache, const struct cache_set *set)
{
	uint32_t wanted = cache->free_target, coming = (uint32_t)set->free_count + set->leaving;

	if (wanted == 0 && set->waiters != NULL)
		wanted = 1;
	return coming < wanted ? wanted - coming : 0;
}

static void list_append(struct cache *cache, struct set_list *list, struct cache_set *set)
{
	uint32_t number = (uint32_t)(set - cache->sets);

	assert(!set->queued);
	set->queued = true;
	set->queue_next = SET_NONE;
	if (list->tail == SET_NONE)
		list->head = number;
	else
		cache->sets[list->tail].queue_next = number;
	list->tail = number;
}

static struct cache_set *list_pop(struct cache *cache, struct set_list *list)
{
	struct cache_set *set = &cache->sets[list->head];

	list->head = set->queue_next;
	if (list->head == SET_NONE)
		list->tail = SET_NONE;
	set->queued = false;
	return set;
}

static void queue_append(struct cache *cache, struct cache_set *set)
{
	list_append(cache, &cache->queue, set);
	cache->queue_length++;
}

static struct cache_set *queue_pop(struct cache *cache)
{
	assert(cache->queue_length > 0);
	cache->queue_length--;
	return list_pop(cache, &cache->queue);
}

static bool set_wants_sweep(const struct cache *cache, const struct cache_set *set)
{
	return set->vm != VM_NONE && set->evictable > 0 && set_shortage(cache, set) > 0;
}

void set_update(struct cache *cache, struct cache_set *set)
{
	if (!set_wants_sweep(cache, set))
		return;
	if (!set->queued)
		queue_append(cache, set);
	if (set->free_count + set->leaving == 0)
		cache->urgent = true;
}

void sweep_poll(struct cache *cache, uint64_t now_ns)
{
	while (cache->resting.head != SET_NONE && cache->sets[cache->resting.head].rest_until_ns <= now_ns)
		set_update(cache, list_pop(cache, &cache->resting));
}

/* Second chance for what was used since the hand last passed, and patience with what was not used yet. */
static bool line_is_spared(struct cache *cache, const struct cache_set *set, struct cache_line *line, bool *fresh,
			   uint64_t now_ns)
{
	const struct cache_environment *environment = &cache->config.environment;
	bool referenced = line->flags & LINE_REFERENCED;
	bool accessed = environment->test_and_clear_accessed(environment->context, set->vm, line->page);

	line->flags &= (uint8_t)~LINE_REFERENCED;
	if (accessed || now_ns - line->time_ns >= CACHE_GRACE_NS)
		line->flags &= (uint8_t)~LINE_FRESH;
	*fresh = line->flags & LINE_FRESH;
	return accessed || referenced;
}

void line_unmap(struct cache *cache, struct cache_set *set, struct cache_line *line, struct cache_victim *victim)
{
	const struct cache_environment *environment = &cache->config.environment;
	struct cache_vm *vm = &cache->vms[set->vm];
	bool mapped;

	victim->line = line_number(cache, line);
	victim->vm = set->vm;
	victim->dirty = false;
	mapped = environment->unmap(environment->context, set->vm, line->page, &victim->dirty);
	assert(mapped);
	(void)mapped;
	line->state = LINE_UNMAPPED;
	line->flags &= (uint8_t)~(LINE_REFERENCED | LINE_FRESH);
	set->evictable--;
	set->leaving++;
	vm->busy++;
	if (vm->sweep != cache->sweep) {
		vm->sweep = cache->sweep;
		vm->shootdowns++;
	}
}

/*
 * The hand goes round: a line that was accessed since it last passed gets its second chance. The guest runs on
 * meanwhile and may set accessed bits as fast as they are cleared, so after two rounds the next line goes anyway,
 * unless it is fresh.
 */
static uint32_t set_sweep(struct cache *cache, struct cache_set *set, struct cache_victim *victims, uint32_t room,
			  uint64_t now_ns)
{
	const uint32_t ways = cache->config.ways;
	uint32_t picked = 0;

	for (uint32_t step = 0; step < 3 * ways && picked < room && set_wants_sweep(cache, set); step++) {
		struct cache_line *line = set_line(cache, set, set->hand);
		bool spared, fresh;

		set->hand = (uint8_t)(set->hand + 1u == ways ? 0 : set->hand + 1u);
		if (line->state != LINE_VALID || line->pins > 0)
			continue;
		spared = line_is_spared(cache, set, line, &fresh, now_ns);
		if (fresh || (spared && step < 2 * ways))
			continue;
		line_unmap(cache, set, line, &victims[picked++]);
	}
	return picked;
}

uint32_t cache_sweep_begin(struct cache *cache, struct cache_victim victims[CONFIG_SWEEP_BATCH], uint64_t now_ns)
{
	uint32_t count;

	cache->sweep++;
	/* Half of the batch at most: sets that are short of ways are not to wait for a resize. */
	count = resize_begin(cache, victims, CONFIG_SWEEP_BATCH / 2u, now_ns);
	for (uint32_t examined = 0; examined < CONFIG_SWEEP_BATCH && count < CONFIG_SWEEP_BATCH; examined++) {
		struct cache_set *set;

		if (cache->queue.head == SET_NONE)
			break;
		set = queue_pop(cache);
		count += set_sweep(cache, set, &victims[count], CONFIG_SWEEP_BATCH - count, now_ns);
		if (count < CONFIG_SWEEP_BATCH && set_wants_sweep(cache, set)) {	/* what is left is fresh */
			set->rest_until_ns = now_ns + CACHE_REST_NS;
			list_append(cache, &cache->resting, set);
		} else {
			set_update(cache, set);
		}
	}
	if (cache->queue_length == 0)
		cache->urgent = false;
	return count;
}

void cache_sweep_finish(struct cache *cache, const struct cache_victim *victims, uint32_t count, uint64_t now_ns)
{
	assert(count <= CONFIG_SWEEP_BATCH);
	for (uint32_t i = 0; i < count; i++) {
		struct cache_line *line = &cache->lines[victims[i].line];
		struct cache_vm *vm = &cache->vms[victims[i].vm];

		assert(victims[i].line < cache->config.lines_count && line->state == LINE_UNMAPPED);
		assert(line_set(cache, line)->vm == victims[i].vm && vm->busy > 0);
		vm->busy--;
		if (vm->dying) {
			line_free(cache, line, now_ns);
			continue;
		}
		if (victims[i].dirty)
			line_set_dirty(cache, line, true);
		if (!(line->flags & LINE_DIRTY) && line->waiters == NULL)
			vm->clean_drops++;
		line_leave(cache, line, now_ns);
	}
}

bool cache_sweep_wanted(const struct cache *cache)
{
	return cache->urgent || cache->resize_due || cache->queue_length >= CACHE_SWEEP_SETS;
}
