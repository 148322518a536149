// SPDX-License-Identifier: GPL-2.0-only
/* What is lost with a memory component, or a failure domain, when VMs may be on so many components only. There is one copy: with any. */
#include <stdio.h>
#include <stdlib.h>

#include "gmm/core/placing.h"
#include "testbed/bench-place/bench.h"

#define REQUESTS 10000u
#define REFUSED_IN_A_ROW 300u

static uint64_t samples_ns[REQUESTS];

/* Refusals are counted; a rack that refuses hundreds in a row is full. */
static void create(struct rack *rack, struct mix *mix, uint64_t *number, uint64_t *decision_ns, struct spread_result *result)
{
	for (uint32_t refused = 0; refused < REFUSED_IN_A_ROW; refused++) {
		struct mix_vm vm = mix_draw(mix, (*number)++);

		if (rack_create(rack, &vm.spec, decision_ns) == 0)
			return;
		result->refused++;
	}
	fprintf(stderr, "the rack should have room: %s\n", rack->core->refusal);
	exit(1);
}

static void count_losses(const struct rack *rack, struct spread_result *result)
{
	uint32_t vms = 0, with[NODES_MAX] = { 0 }, with_domain[NODES_MAX] = { 0 }, domains = 0;
	const struct gmm_core *core = rack->core;

	for (uint32_t v = 0; v < GMM_VMS_MAX; v++) {
		struct gmm_node_set set, lost = { 0 };

		if (core->vms[v].phase == GMM_VM_FREE)
			continue;
		set = gmm_copyset(core, &core->vms[v], 0);
		vms++;
		result->components += set.count;
		for (uint32_t i = 0; i < core->node_count; i++) {
			if (!gmm_set_has(&set, core->nodes[i].id))
				continue;
			with[i]++;
			with_domain[core->nodes[i].domain_first - GMM_NODE_FIRST] += !gmm_set_has(&lost, core->nodes[i].domain_first);
			gmm_set_add(&lost, core->nodes[i].domain_first);
		}
	}
	result->components /= vms;
	for (uint32_t i = 0; i < core->node_count; i++) {
		if (core->nodes[i].role != WIRE_ROLE_MEMORY)
			continue;
		result->lost_mean += (double)with[i] / vms / rack->memories;
		if ((double)with[i] / vms > result->lost_worst)
			result->lost_worst = (double)with[i] / vms;
		if (core->nodes[i].domain_first != core->nodes[i].id)
			continue;
		domains++;
		result->domain_mean += (double)with_domain[i] / vms;
		if ((double)with_domain[i] / vms > result->domain_worst)
			result->domain_worst = (double)with_domain[i] / vms;
	}
	result->domain_mean /= domains;
}

static uint32_t size_of(const struct gmm_node *node)
{
	return (uint32_t)(2 * node->join.capacity_pages / REGION_PAGES / MEMORY_REGIONS) - 1;
}

/* Which sizes the VMs' sets are made of, and what each gets. */
static void count_sizes(const struct rack *rack, struct spread_result *result)
{
	const struct gmm_core *core = rack->core;
	uint32_t nodes[MEMORY_SIZES] = { 0 }, members[MEMORY_SIZES] = { 0 }, regions[MEMORY_SIZES] = { 0 }, all = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		nodes[size_of(node)]++;
		regions[size_of(node)] += node->regions;
		result->used[size_of(node)] += (double)node->pages_reserved / (double)node->join.capacity_pages;
	}
	for (uint32_t v = 0; v < GMM_VMS_MAX; v++) {
		struct gmm_node_set set = { 0 };

		if (core->vms[v].phase != GMM_VM_FREE)
			set = gmm_copyset(core, &core->vms[v], 0);
		all += set.count;
		for (uint32_t i = 0; i < core->node_count; i++)
			if (gmm_set_has(&set, core->nodes[i].id))
				members[size_of(&core->nodes[i])]++;
	}
	for (uint32_t size = 0; size < MEMORY_SIZES; size++) {
		result->used[size] /= nodes[size];
		result->members[size] = (double)members[size] / all;
		result->regions[size] = (double)regions[size] / members[size];
	}
}

struct spread_result spread_run(struct rack_rules rules, uint64_t seed, uint32_t spread)
{
	struct spread_result result = { 0 };
	struct mix mix = { .state = seed, .spread = spread };
	uint64_t number = 0, ignored_ns;
	struct rack rack;

	rack_open(&rack, rules, seed, MEMORIES, true);
	while (rack.core->regions_used < REGIONS_WANTED)
		create(&rack, &mix, &number, &ignored_ns, &result);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		while (rack.core->regions_used > REGIONS_WANTED)
			destroy_any(&rack, &mix);
		create(&rack, &mix, &number, &samples_ns[i], &result);
	}
	quantiles(samples_ns, REQUESTS, &result.vm_p50_ns, &result.vm_p99_ns);
	result.imbalance = rack_imbalance(&rack);
	count_losses(&rack, &result);
	count_sizes(&rack, &result);
	rack_close(&rack);
	return result;
}
