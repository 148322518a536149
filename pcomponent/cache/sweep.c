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

void set_update(struct cache *cache, struct cache_set *set)
{
	uint32_t number = (uint32_t)(set - cache->sets);

	if (set->queued || set->vm == VM_NONE || set->evictable == 0 || set_shortage(cache, set) == 0)
		return;
	set->queued = true;
	set->queue_next = SET_NONE;
	if (cache->queue_tail == SET_NONE)
		cache->queue_head = number;
	else
		cache->sets[cache->queue_tail].queue_next = number;
	cache->queue_tail = number;
}

static struct cache_set *queue_pop(struct cache *cache)
{
	struct cache_set *set = &cache->sets[cache->queue_head];

	cache->queue_head = set->queue_next;
	if (cache->queue_head == SET_NONE)
		cache->queue_tail = SET_NONE;
	set->queued = false;
	return set;
}

static bool line_take_accessed(struct cache *cache, const struct cache_set *set, struct cache_line *line)
{
	const struct cache_environment *environment = &cache->config.environment;
	bool referenced = line->flags & LINE_REFERENCED;

	line->flags &= (uint8_t)~LINE_REFERENCED;
	return environment->test_and_clear_accessed(environment->context, set->vm, line->page) || referenced;
}

static void line_unmap(struct cache *cache, struct cache_set *set, struct cache_line *line, struct cache_victim *victim)
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
 * meanwhile and may set accessed bits as fast as they are cleared, so after two rounds the next line goes anyway.
 */
static uint32_t set_sweep(struct cache *cache, struct cache_set *set, struct cache_victim *victims, uint32_t room)
{
	const uint32_t ways = cache->config.ways;
	uint32_t picked = 0;

	for (uint32_t step = 0; picked < room && set->evictable > 0 && set_shortage(cache, set) > 0; step++) {
		struct cache_line *line = set_line(cache, set, set->hand);

		set->hand = (uint8_t)(set->hand + 1u == ways ? 0 : set->hand + 1u);
		if (line->state != LINE_VALID || line->pins > 0)
			continue;
		if (step < 2 * ways && line_take_accessed(cache, set, line))
			continue;
		line_unmap(cache, set, line, &victims[picked++]);
	}
	return picked;
}

uint32_t cache_sweep_begin(struct cache *cache, struct cache_victim victims[CONFIG_SWEEP_BATCH], uint64_t now_ns)
{
	uint32_t count = 0;

	(void)now_ns;
	cache->sweep++;
	for (uint32_t examined = 0; examined < CONFIG_SWEEP_BATCH && count < CONFIG_SWEEP_BATCH; examined++) {
		struct cache_set *set;

		if (cache->queue_head == SET_NONE)
			break;
		set = queue_pop(cache);
		if (set->vm == VM_NONE)
			continue;
		count += set_sweep(cache, set, &victims[count], CONFIG_SWEEP_BATCH - count);
		set_update(cache, set);
	}
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
	return cache->queue_head != SET_NONE;
}
