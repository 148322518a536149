// SPDX-License-Identifier: GPL-2.0-only
/*
 * Years of a rack's life: VMs come as the mix says and go when their time is over. Who is refused does not come back.
 *
 * Stranded memory, at one moment: VMs drawn from the mix are added to a copy of the rack, where none ends, until
 * REFUSED_IN_A_ROW are refused one after another. What is free then is stranded: no VM of the mix can use it, for want
 * of a process component or because it lies in pieces. What was free when the first of them was refused is told, too: the
 * smaller ones that still find room flatter the first number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/bench-place/bench.h"

#define LOAD 0.95
#define SAMPLES_A_YEAR 4
#define REFUSED_IN_A_ROW 300u
#define YEAR_S (365 * 86400.0)
#define WARM_UP_YEARS 1			/* until the long-lived have gathered; not counted */

struct departure {
	double time_s;
	uint64_t number;
};

/* A heap: the earliest first. No more VMs than the core holds. */
struct departures {
	uint32_t count;
	struct departure heap[GMM_VMS_MAX];
};

static void swap(struct departure *left, struct departure *right)
{
	struct departure kept = *left;

	*left = *right;
	*right = kept;
}

static void departures_add(struct departures *departures, double time_s, uint64_t number)
{
	uint32_t at = departures->count++;

	departures->heap[at] = (struct departure){ time_s, number };
	for (; at && departures->heap[(at - 1) / 2].time_s > departures->heap[at].time_s; at = (at - 1) / 2)
		swap(&departures->heap[at], &departures->heap[(at - 1) / 2]);
}

static struct departure departures_take(struct departures *departures)
{
	struct departure first = departures->heap[0];
	uint32_t at = 0;

	departures->heap[0] = departures->heap[--departures->count];
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < departures->count && departures->heap[child + 1].time_s < departures->heap[child].time_s)
			child++;
		if (child >= departures->count || departures->heap[at].time_s <= departures->heap[child].time_s)
			return first;
		swap(&departures->heap[at], &departures->heap[child]);
		at = child;
	}
}

static double free_share(const struct rack *rack)
{
	return (double)rack_pages_free(rack) / (double)rack_pages(rack);
}

/* Of the memory; *first_refusal: free when the first VM was refused. */
static double stranded_share(const struct rack *rack, uint64_t seed, uint32_t spread, double *first_refusal)
{
	struct gmm_core *copy = malloc(sizeof(*copy));
	struct rack full = *rack;
	struct mix mix = { .state = seed, .spread = spread };
	uint64_t number = 0, ignored_ns;
	double share;

	*first_refusal = 0;
	if (!copy) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	memcpy(copy, rack->core, sizeof(*copy));
	full.core = copy;
	for (uint32_t refused = 0; refused < REFUSED_IN_A_ROW;) {
		struct mix_vm vm = mix_draw(&mix, number++);

		vm.spec.name[0] = 's';	/* the copy has the rack's own */
		refused = rack_create(&full, &vm.spec, &ignored_ns) ? refused + 1 : 0;
		if (refused && *first_refusal == 0)
			*first_refusal = free_share(&full);
	}
	share = free_share(&full);
	free(copy);
	return share;
}

static void sample(const struct rack *rack, uint32_t samples, uint32_t spread, struct decade_result *result)
{
	double first_refusal, stranded = stranded_share(rack, samples, spread, &first_refusal);

	result->used += 1 - free_share(rack);
	result->first_refusal += first_refusal;
	result->imbalance += rack_imbalance(rack);
	result->stranded += stranded;
	if (stranded > result->stranded_most)
		result->stranded_most = stranded;
}

static void depart(struct rack *rack, struct departures *departures)
{
	char name[VM_NAME_BYTES];

	snprintf(name, sizeof(name), "v%llu", (unsigned long long)departures_take(departures).number);
	rack_destroy(rack, name);
}

struct decade_result decade_run(struct rack_rules rules, uint64_t seed, uint32_t years, uint32_t spread)
{
	static struct departures departures;
	struct decade_result result = { 0 };
	struct mix mix = { .state = seed, .spread = spread };
	double now_s = 0, sample_s = WARM_UP_YEARS * YEAR_S, per_s;
	uint32_t samples = 0;
	struct rack rack;

	rack_open(&rack, rules, seed, MEMORIES, true);
	departures.count = 0;
	per_s = LOAD * (double)rack_pages(&rack) / mix_mean_pages() / MIX_LIFETIME_MEAN_S;
	for (uint64_t number = 0; samples < years * SAMPLES_A_YEAR; number++) {
		struct mix_vm vm = mix_draw(&mix, number);
		uint64_t ignored_ns;
		bool refused;

		now_s = mix_next_arrival_s(&mix, now_s, per_s);
		while (departures.count && departures.heap[0].time_s <= now_s)
			depart(&rack, &departures);
		if (now_s >= sample_s) {
			sample(&rack, samples++, spread, &result);
			sample_s += YEAR_S / SAMPLES_A_YEAR;
		}
		refused = rack_create(&rack, &vm.spec, &ignored_ns) != 0;
		if (!refused)
			departures_add(&departures, now_s + vm.lifetime_s, number);
		if (now_s < WARM_UP_YEARS * YEAR_S)
			continue;
		result.arrivals++;
		result.refused += refused;
	}
	rack_close(&rack);
	result.used /= samples;
	result.imbalance /= samples;
	result.stranded /= samples;
	result.first_refusal /= samples;
	return result;
}
