// SPDX-License-Identifier: GPL-2.0-only
/* How long a decision takes in a large, well-filled rack, and how evenly it fills. */
#include <stdio.h>
#include <stdlib.h>

#include "gmm/core/internal.h"
#include "testbed/bench-place/bench.h"

#define REQUESTS 20000u

static uint64_t samples_ns[REQUESTS];

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

void quantiles(uint64_t *samples, uint32_t count, uint64_t *p50_ns, uint64_t *p99_ns)
{
	qsort(samples, count, sizeof(samples[0]), compare);
	*p50_ns = samples[count / 2];
	*p99_ns = samples[count / 100 * 99];
}

void destroy_any(struct rack *rack, struct mix *mix)
{
	uint32_t at = mix_below(mix, GMM_VMS_MAX);

	while (rack->core->vms[at].phase == GMM_VM_FREE)
		at = (at + 1) % GMM_VMS_MAX;
	rack_destroy(rack, rack->core->vms[at].spec.name);
}

static void create(struct rack *rack, struct mix *mix, uint64_t number, uint64_t *decision_ns)
{
	struct mix_vm vm = mix_draw(mix, number);

	if (rack_create(rack, &vm.spec, decision_ns)) {
		fprintf(stderr, "the rack should have room: %s\n", rack->core->refusal);
		exit(1);
	}
}

struct decision_result decision_run(struct rack_rules rules, uint64_t seed)
{
	struct decision_result result = { 0 };
	struct mix mix = { .state = seed };
	const struct gmm_vm vm = { .spec = { .memory_bytes = REGION_BYTES }, .region_first = GMM_NONE, .move = GMM_NONE };
	uint64_t number = 0, ignored_ns;
	struct rack rack;

	rack_open(&rack, rules, seed, MEMORIES, true);
	while (rack.core->regions_used < REGIONS_WANTED)
		create(&rack, &mix, number++, &ignored_ns);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		while (rack.core->regions_used > REGIONS_WANTED)
			destroy_any(&rack, &mix);
		create(&rack, &mix, number++, &samples_ns[i]);
	}
	quantiles(samples_ns, REQUESTS, &result.vm_p50_ns, &result.vm_p99_ns);
	result.imbalance = rack_imbalance(&rack);
	result.regions = rack.core->regions_used;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		result.vms += rack.core->vms[i].phase != GMM_VM_FREE;
	for (uint32_t i = 0; i < REQUESTS; i++) {
		uint64_t begin_ns = bench_now_ns();

		gmm_place_region(rack.core, &vm, REGION_PAGES);
		samples_ns[i] = bench_now_ns() - begin_ns;
	}
	quantiles(samples_ns, REQUESTS, &result.region_p50_ns, &result.region_p99_ns);
	rack_close(&rack);
	return result;
}
