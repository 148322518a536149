// SPDX-License-Identifier: GPL-2.0-only
/* The core in a rack of model nodes that answer at once. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gmm/core/record.h"
#include "testbed/bench-place/bench.h"

/* The core's clock stands still: no lease runs out, and no VM is polled twice. */
#define NOW_NS UINT64_C(1000000000)
#define ADDRESS_FIRST 0x0a4d0001u

static uint64_t now_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return now_of(CLOCK_MONOTONIC);
}

/* ---------------------------------------------------------------- nodes */

static void add_node(struct rack *rack, const char *kind, uint32_t role, uint64_t capacity_pages, uint32_t cpus)
{
	uint32_t index = rack->core->node_count;
	uint8_t mac[6] = { 2, 0, 0, 0, (uint8_t)(index >> 8), (uint8_t)index };
	struct wire_node_join join = {
		.role = role, .page_bytes = PAGE_BYTES, .incarnation = 1, .capacity_pages = capacity_pages, .cpus = cpus,
		.region_shift = REGION_SHIFT,
	};
	struct wire_node_joined joined;

	snprintf(join.name, sizeof(join.name), "%s%u", kind, index);
	memcpy(join.mac, mac, sizeof(mac));
	if (gmm_core_node_add(rack->core, join.name, role, ADDRESS_FIRST + index, mac) < 0 ||
	    gmm_core_join(rack->core, &join, ADDRESS_FIRST + index, &joined, NOW_NS)) {
		fprintf(stderr, "node %s: %s\n", join.name, rack->core->refusal);
		exit(1);
	}
}

void rack_add_memory(struct rack *rack, uint32_t regions)
{
	char domain[NODE_NAME_BYTES];

	add_node(rack, "m", WIRE_ROLE_MEMORY, (uint64_t)regions * REGION_PAGES, 2);
	snprintf(domain, sizeof(domain), "d%u", rack->memories / DOMAIN_MEMORIES);
	if (gmm_core_node_set_domain(rack->core, GMM_NODE_FIRST + rack->core->node_count - 1, domain)) {
		fprintf(stderr, "domain %s: %s\n", domain, rack->core->refusal);
		exit(1);
	}
	rack->memories++;
}

void rack_open(struct rack *rack, struct rack_rules rules, uint64_t seed, uint32_t memories, bool mixed_sizes)
{
	struct gmm_config config = {
		.lease_ms = 6000, .grace_ms = 10000, .load_timeout_ms = 10000, .vm_id_first = 1, .placement = rules.placement, .seed = seed,
		.rebuild_reserve = rules.rebuild_reserve,
	};

	*rack = (struct rack){ .core = malloc(sizeof(*rack->core)) };
	if (!rack->core) {
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	gmm_core_init(rack->core, &config);
	for (uint32_t i = 0; i < memories; i++)
		rack_add_memory(rack, mixed_sizes ? (1 + i % 3) * MEMORY_REGIONS / 2 : MEMORY_REGIONS);
	for (uint32_t i = 0; i < PROCESSES; i++)
		add_node(rack, "p", WIRE_ROLE_PROCESS, PROCESS_CACHE_BYTES / PAGE_BYTES, PROCESS_CPUS);
}

void rack_close(struct rack *rack)
{
	gmm_core_check(rack->core);
	free(rack->core);
	rack->core = NULL;
}

/* ---------------------------------------------------------------- commands */

static void answer(struct gmm_core *core, const struct gmm_command *command)
{
	struct wire_region_created created = { 0 };
	struct wire_vm_status status = { .state = WIRE_VM_CREATED };

	switch (command->type) {
	case WIRE_REGION_CREATE:
		gmm_core_result(core, command->token, 0, &created, sizeof(created), NOW_NS);
		break;
	case WIRE_VM_STATE:
		gmm_core_result(core, command->token, 0, &status, sizeof(status), NOW_NS);
		break;
	default:
		gmm_core_result(core, command->token, 0, NULL, 0, NOW_NS);
	}
}

static void settle(struct gmm_core *core)
{
	struct gmm_command command;
	struct gmm_finished finished;

	/* Nothing is kept: no other manager takes over here. */
	gmm_core_kept(core);
	while (gmm_core_output(core, &command, NOW_NS)) {
		answer(core, &command);
		gmm_core_kept(core);
	}
	while (gmm_core_finished(core, &finished))
		assert(finished.status == 0);
}

int rack_create(struct rack *rack, const struct gmm_vm_spec *spec, uint64_t *decision_ns)
{
	uint64_t begin_ns = now_of(CLOCK_THREAD_CPUTIME_ID), operation;
	int status = gmm_core_vm_create(rack->core, spec, &operation, NOW_NS);

	*decision_ns = now_of(CLOCK_THREAD_CPUTIME_ID) - begin_ns;
	if (status == 0)
		settle(rack->core);
	return status;
}

void rack_destroy(struct rack *rack, const char *name)
{
	uint64_t operation;

	if (gmm_core_vm_destroy(rack->core, name, &operation, NOW_NS)) {
		fprintf(stderr, "VM %s: %s\n", name, rack->core->refusal);
		exit(1);
	}
	settle(rack->core);
}

/* ---------------------------------------------------------------- sums */

double rack_imbalance(const struct rack *rack)
{
	double sum = 0, squares = 0, mean;

	for (uint32_t i = 0; i < rack->core->node_count; i++) {
		const struct gmm_node *node = &rack->core->nodes[i];
		double share = (double)node->pages_reserved / (double)node->join.capacity_pages;

		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		sum += share;
		squares += share * share;
	}
	mean = sum / rack->memories;
	return sqrt(fmax(0, squares / rack->memories - mean * mean)) / mean;
}

uint64_t rack_pages(const struct rack *rack)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < rack->core->node_count; i++)
		if (rack->core->nodes[i].role == WIRE_ROLE_MEMORY)
			pages += rack->core->nodes[i].join.capacity_pages;
	return pages;
}

uint64_t rack_pages_free(const struct rack *rack)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < rack->core->node_count; i++)
		if (rack->core->nodes[i].role == WIRE_ROLE_MEMORY)
			pages += gmm_node_pages_free(&rack->core->nodes[i]);
	return pages;
}
