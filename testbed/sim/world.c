// SPDX-License-Identifier: GPL-2.0-only
/* Clock, randomness and the queue of events. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <plenum/page.h>

#include "lib/hash.h"
#include "testbed/sim/sim.h"

void world_create(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->seed = world->random = seed;
}

void world_destroy(struct world *world)
{
	free(world->heap);
	world->heap = NULL;
}

uint64_t sim_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(*state);
}

uint32_t world_below(struct world *world, uint32_t count)
{
	return hash_reduce(sim_random(&world->random), count);
}

bool world_chance(struct world *world, double probability)
{
	return (double)(sim_random(&world->random) >> 11) < probability * (double)(UINT64_C(1) << 53);
}

uint64_t world_skewed(struct world *world, uint64_t limit_ns)
{
	return (sim_random(&world->random) % limit_ns) >> world_below(world, 12);
}

void world_trace(struct world *world, uint64_t value)
{
	world->hash = hash_pair(world->hash, value, 0);
}

void world_fail(const struct world *world, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "seed=%llu time_ns=%llu: ", (unsigned long long)world->seed, (unsigned long long)world->now_ns);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

void *sim_alloc(size_t bytes)
{
	void *memory = NULL;

	if (posix_memalign(&memory, PAGE_BYTES, bytes) != 0) {
		perror("plenum-sim");
		exit(2);
	}
	return memory;
}

/* ---------------------------------------------------------------- a heap; events of the same time in their order */

static bool before(const struct event *a, const struct event *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

void world_at(struct world *world, uint64_t time_ns, world_action *action, void *object, uint64_t argument)
{
	struct event event = { .time_ns = time_ns, .order = world->order++, .action = action, .object = object,
			       .argument = argument };
	uint32_t place = world->heap_count++;

	if (world->heap_count > world->heap_size) {
		world->heap_size = 2 * world->heap_size + 64;
		world->heap = realloc(world->heap, world->heap_size * sizeof(*world->heap));
		if (world->heap == NULL)
			exit(2);
	}
	if (event.time_ns < world->now_ns)
		event.time_ns = world->now_ns;
	while (place > 0 && before(&event, &world->heap[(place - 1) / 2])) {
		world->heap[place] = world->heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	world->heap[place] = event;
}

static struct event take_first(struct world *world)
{
	struct event first = world->heap[0], last = world->heap[--world->heap_count];
	uint32_t place = 0;

	for (;;) {
		uint32_t child = 2 * place + 1;

		if (child + 1 < world->heap_count && before(&world->heap[child + 1], &world->heap[child]))
			child++;
		if (child >= world->heap_count || !before(&world->heap[child], &last))
			break;
		world->heap[place] = world->heap[child];
		place = child;
	}
	if (world->heap_count > 0)
		world->heap[place] = last;
	return first;
}

bool world_step(struct world *world)
{
	struct event event;

	if (world->heap_count == 0)
		return false;
	event = take_first(world);
	world->now_ns = event.time_ns;
	world->events_count++;
	world_trace(world, event.time_ns);
	world_trace(world, event.argument);
	event.action(event.object, event.argument);
	return true;
}

void world_run_until(struct world *world, uint64_t time_ns)
{
	while (world->heap_count > 0 && world->heap[0].time_ns <= time_ns)
		world_step(world);
	if (world->now_ns < time_ns)
		world->now_ns = time_ns;
}
