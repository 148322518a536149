// SPDX-License-Identifier: GPL-2.0-only
/* Clock, randomness and the queue of events. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/hash.h"
#include "testbed/sim/sim.h"

uint64_t sim_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15);
	return hash_mix(*state);
}

uint32_t sim_below(struct sim *sim, uint32_t count)
{
	return hash_reduce(sim_random(&sim->random), count);
}

bool sim_chance(struct sim *sim, double probability)
{
	return (double)(sim_random(&sim->random) >> 11) < probability * (double)(UINT64_C(1) << 53);
}

uint64_t sim_skewed(struct sim *sim, uint64_t limit_ns)
{
	return (sim_random(&sim->random) % limit_ns) >> sim_below(sim, 12);
}

void sim_trace(struct sim *sim, uint64_t value)
{
	sim->hash = hash_pair(sim->hash, value, 0);
}

void sim_fail(const struct sim *sim, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "seed=%llu time_ns=%llu: ", (unsigned long long)sim->options.seed, (unsigned long long)sim->now_ns);
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

/* ------------------------------------------------------------------ a heap; events of the same time in their order */

static bool before(const struct event *a, const struct event *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

void sim_schedule(struct sim *sim, struct event event)
{
	uint32_t place = sim->heap_count++;

	if (sim->heap_count > sim->heap_size) {
		sim->heap_size = 2 * sim->heap_size + 64;
		sim->heap = realloc(sim->heap, sim->heap_size * sizeof(*sim->heap));
		if (sim->heap == NULL)
			exit(2);
	}
	event.order = sim->order++;
	if (event.time_ns < sim->now_ns)
		event.time_ns = sim->now_ns;
	while (place > 0 && before(&event, &sim->heap[(place - 1) / 2])) {
		sim->heap[place] = sim->heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	sim->heap[place] = event;
}

bool sim_next(struct sim *sim, struct event *event)
{
	struct event last;
	uint32_t place = 0;

	if (sim->heap_count == 0)
		return false;
	*event = sim->heap[0];
	last = sim->heap[--sim->heap_count];
	for (;;) {
		uint32_t child = 2 * place + 1;

		if (child + 1 < sim->heap_count && before(&sim->heap[child + 1], &sim->heap[child]))
			child++;
		if (child >= sim->heap_count || !before(&sim->heap[child], &last))
			break;
		sim->heap[place] = sim->heap[child];
		place = child;
	}
	if (sim->heap_count > 0)
		sim->heap[place] = last;
	sim->now_ns = event->time_ns;
	sim->events_count++;
	sim_trace(sim, sim->now_ns);
	sim_trace(sim, (uint64_t)event->type << 32 | event->node << 16 | event->item);
	return true;
}
