// SPDX-License-Identifier: GPL-2.0-only
/* A component joins a rack that has been in use: how much the plan moves to even it out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gmm/core/balance.h"
#include "testbed/bench-place/bench.h"

#define REFUSED_IN_A_ROW 300u
#define LATER_NS (UINT64_C(1000000000) + GMM_BALANCE_COOLDOWN_NS)

/* The least that must move until no share is more than `slack` from the mean: the larger of all excess and all lack. */
static double least_pages(const struct rack *rack, double slack)
{
	double mean = 1 - (double)rack_pages_free(rack) / (double)rack_pages(rack), excess = 0, lack = 0;

	for (uint32_t i = 0; i < rack->core->node_count; i++) {
		const struct gmm_node *node = &rack->core->nodes[i];
		double capacity = (double)node->join.capacity_pages;

		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		excess += fmax(0, (double)node->pages_reserved - (mean + slack) * capacity);
		lack += fmax(0, (mean - slack) * capacity - (double)node->pages_reserved);
	}
	return fmax(excess, lack);
}

struct newcomer_result newcomer_run(double used, uint64_t seed)
{
	struct newcomer_result result = { 0 };
	struct mix mix = { .state = seed };
	struct gmm_balance *plan = malloc(sizeof(*plan));
	uint64_t number = 0, begin_ns, ignored_ns;
	uint32_t refused = 0;
	struct rack rack;

	if (!plan) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	rack_open(&rack, (struct rack_rules){ .placement = GMM_PLACEMENT_LEAST }, seed, MEMORIES - 1, false);
	while ((double)rack_pages_free(&rack) > (1 - used) * (double)rack_pages(&rack)) {
		struct mix_vm vm = mix_draw(&mix, number++);

		/* One that is too large for the cache that is left is passed over. */
		refused = rack_create(&rack, &vm.spec, &ignored_ns) ? refused + 1 : 0;
		if (refused > REFUSED_IN_A_ROW) {
			fprintf(stderr, "the rack should have room: %s\n", rack.core->refusal);
			exit(1);
		}
	}
	result.used = 1 - (double)rack_pages_free(&rack) / (double)rack_pages(&rack);
	rack_add_memory(&rack, MEMORY_REGIONS);
	begin_ns = bench_now_ns();
	gmm_balance_plan(rack.core, plan, LATER_NS);
	result.plan_ns = bench_now_ns() - begin_ns;
	result.moves = plan->move_count;
	result.moved_to_goal = (double)plan->pages / least_pages(&rack, GMM_BALANCE_GOAL / 1e6);
	result.moved_to_even = (double)plan->pages / least_pages(&rack, 0);
	result.distance_before = plan->distance_before / 1e6;
	result.distance_after = plan->distance_after / 1e6;
	free(plan);
	rack_close(&rack);
	return result;
}
