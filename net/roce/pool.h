/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool of places of one size, shared by all queue pairs of a device: what an idle one does not need. Free places are
 * listed through their first word; the last one given back is the next to be taken, because it is in the cache.
 */
#ifndef PLENUM_NET_ROCE_POOL_H
#define PLENUM_NET_ROCE_POOL_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

struct roce_pool {
	void *free;
};

static inline void roce_pool_give(struct roce_pool *pool, void *place)
{
	*(void **)place = pool->free;
	pool->free = place;
}

/* NULL when none is left. Only the first word was touched since it was given back. */
static inline void *roce_pool_take(struct roce_pool *pool)
{
	void *place = pool->free;

	if (place) {
		pool->free = *(void **)place;
		*(void **)place = NULL;
	}
	return place;
}

/* The first places are the first to be taken. `place_bytes` is a multiple of a pointer's size. */
static inline void roce_pool_init(struct roce_pool *pool, void *memory, uint32_t count, size_t place_bytes)
{
	assert(place_bytes % sizeof(void *) == 0);
	pool->free = NULL;
	while (count-- > 0)
		roce_pool_give(pool, (uint8_t *)memory + count * place_bytes);
}

#endif
