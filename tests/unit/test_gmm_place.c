// SPDX-License-Identifier: GPL-2.0-only
/* Placement: the policies, which components are left out, the rebuild reserve, and where VMs go. */
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define MEMORIES 4u

static uint32_t regions_on(const struct rack *rack, uint32_t node)
{
	return rack->core->nodes[node - GMM_NODE_FIRST].regions;
}

static struct rack *rack_with(enum gmm_placement placement, uint64_t seed)
{
	struct rack *rack = rack_new();
	struct gmm_config config = rack->core->config;

	config.placement = placement;
	config.seed = seed;
	gmm_core_init(rack->core, &config);
	return rack;
}

/* Components of 16, 32, 48 and 64 regions, and 64 regions of VMs: 2/5 of the whole. */
static void fill(enum gmm_placement placement, uint64_t seed, uint32_t regions[MEMORIES])
{
	struct rack *rack = rack_with(placement, seed);
	struct gmm_finished finished;
	uint32_t nodes[MEMORIES];
	char name[16];

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	for (uint32_t i = 0; i < MEMORIES; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		nodes[i] = rack_node(rack, name, WIRE_ROLE_MEMORY, (i + 1) * 16 * REGION_MIB);
	}
	for (uint32_t i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(rack_create(rack, name, 8 * REGION_MIB, &finished), 0);
	}
	for (uint32_t i = 0; i < MEMORIES; i++)
		regions[i] = regions_on(rack, nodes[i]);
	assert_int_equal(regions[0] + regions[1] + regions[2] + regions[3], 64);
	rack_free(rack);
}

static void test_least_fills_in_proportion(void **state)
{
	uint32_t regions[MEMORIES];

	(void)state;
	fill(GMM_PLACEMENT_LEAST, 0, regions);
	for (uint32_t i = 0; i < MEMORIES; i++)
		assert_in_range(10 * regions[i], 64 * (i + 1) - 10, 64 * (i + 1) + 10);
}

static void test_lego_free_levels_what_is_left(void **state)
{
	uint32_t regions[MEMORIES];

	(void)state;
	/* 96 are left: 16 + 26 2/3 thrice, so the smallest stays empty. */
	fill(GMM_PLACEMENT_LEGO_FREE, 0, regions);
	assert_int_equal(regions[0], 0);
	assert_in_range(32 - regions[1], 26, 27);
	assert_in_range(48 - regions[2], 26, 27);
	assert_in_range(64 - regions[3], 26, 27);
}

static void test_lego_rr_takes_turns_until_one_is_full(void **state)
{
	uint32_t regions[MEMORIES];

	(void)state;
	fill(GMM_PLACEMENT_LEGO_RR, 0, regions);
	for (uint32_t i = 0; i < MEMORIES; i++)
		assert_int_equal(regions[i], 16);
}

static void test_pack_leaves_components_empty(void **state)
{
	static const uint32_t expected[MEMORIES] = { 16, 32, 16, 0 };
	uint32_t regions[MEMORIES];

	(void)state;
	fill(GMM_PLACEMENT_PACK, 0, regions);
	assert_memory_equal(regions, expected, sizeof(expected));
}

/* Drawn from the seed alone: the same one repeats, others differ, and every component gets some. */
static void test_random_policies_repeat(void **state)
{
	static const enum gmm_placement policies[] = { GMM_PLACEMENT_RANDOM, GMM_PLACEMENT_P2C };

	(void)state;
	for (uint32_t p = 0; p < 2; p++) {
		uint32_t first[MEMORIES], again[MEMORIES], other[MEMORIES], differ = 0;

		fill(policies[p], 0, first);
		fill(policies[p], 0, again);
		assert_memory_equal(first, again, sizeof(first));
		for (uint64_t seed = 1; seed < 6; seed++) {
			fill(policies[p], seed, other);
			differ += memcmp(first, other, sizeof(first)) != 0;
			for (uint32_t i = 0; i < MEMORIES; i++)
				assert_in_range(other[i], 1, 16 * (i + 1));
		}
		assert_true(differ > 0);
	}
}

/* Two looks: of two components p2c always takes the emptier, of one the only one. */
static void test_p2c_compares(void **state)
{
	struct rack *rack = rack_with(GMM_PLACEMENT_P2C, 7);
	struct gmm_finished finished;
	uint32_t m1, m2;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	assert_int_equal(rack_create(rack, "one", 4 * REGION_MIB, &finished), 0);
	m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	assert_int_equal(rack_create(rack, "two", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(regions_on(rack, m1), 4);
	assert_int_equal(regions_on(rack, m2), 4);
	rack_free(rack);
}

static void test_policies_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < GMM_PLACEMENTS; i++) {
		assert_int_equal(gmm_placement_named(gmm_policies[i].name), i);
		assert_true(gmm_policies[i].help[0]);
	}
	assert_int_equal(gmm_placement_named("best"), GMM_PLACEMENTS);
	assert_int_equal(gmm_placement_named(""), GMM_PLACEMENTS);
}

/* ---------------------------------------------------------------- the tables' counters */

static void test_planned_pages_are_not_foreign(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 12 * REGION_MIB, 1);
	const struct gmm_node *node;
	uint64_t operation;
	uint32_t m1;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	node = gmm_core_node(rack->core, m1);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	assert_int_equal(node->pages_planned, 12 * REGION_PAGES);
	rack_take_output(rack);
	assert_int_equal(node->pages_planned, (12 - GMM_CALLS_PER_NODE_MAX) * REGION_PAGES);
	/* The node has made those that it was asked for, and two that nobody here knows. */
	for (uint32_t i = 0; i < rack->flight_count; i++)
		execute(rack, &rack->flights[i]);
	held_add(model_of(rack, m1), 1);
	held_add(model_of(rack, m1), 2);
	rack_renew(rack);
	assert_int_equal(node->pages_foreign, 2 * REGION_PAGES);
	rack_settle(rack);
	assert_int_equal(node->pages_planned, 0);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	rack_free(rack);
}

static void test_table_of_regions_can_fill_and_empty(void **state)
{
	struct gmm_vm_spec spec = vm_spec("a", 3 * REGION_MIB, 1);
	struct rack *rack = rack_new();
	uint64_t operation;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	/* As in a rack that uses all but two. */
	rack->core->region_top = rack->core->regions_used = GMM_REGIONS_MAX - 2;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "table of regions is full"));
	assert_int_equal(rack->core->regions_used, GMM_REGIONS_MAX - 2);
	assert_int_equal(rack->core->region_top, GMM_REGIONS_MAX - 2);
	spec.memory_bytes = 2 * REGION_BYTES;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	assert_int_equal(rack->core->regions_used, GMM_REGIONS_MAX);
	rack_free(rack);
}

/* ---------------------------------------------------------------- the rebuild reserve */

static struct rack *rack_with_reserve(void)
{
	struct rack *rack = rack_new();

	rack->core->config.rebuild_reserve = true;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	return rack;
}

static void test_reserve_for_the_largest(void **state)
{
	struct rack *rack = rack_with_reserve();
	struct gmm_finished finished;

	(void)state;
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 8 * REGION_MIB);
	assert_int_equal(rack_create(rack, "alone", REGION_MIB, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "m1 holds 0 regions, the others have places for 0: so 0 more could be rebuilt if it failed, and the VM has 1"));
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 8 * REGION_MIB);
	rack_node(rack, "m3", WIRE_ROLE_MEMORY, 8 * REGION_MIB);
	/* 3 of 8 regions each: what one loses fits twice; with 16, 5.33 each, it no longer would. */
	assert_int_equal(rack_create(rack, "a", 15 * REGION_MIB, &finished), 0);
	assert_int_equal(rack_create(rack, "b", 2 * REGION_MIB, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "m1 holds 5 regions, the others have places for 6: so 1 more could be rebuilt if it failed, and the VM has 2"));
	assert_int_equal(rack->core->regions_used, 15);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	rack->core->config.rebuild_reserve = false;
	assert_int_equal(rack_create(rack, "c", 8 * REGION_MIB, &finished), 0);
	rack_free(rack);
}

static void test_reserve_counts_domains(void **state)
{
	struct rack *rack = rack_with_reserve();
	struct gmm_finished finished;
	uint32_t nodes[4];

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		nodes[i] = rack_node(rack, (const char *[]){ "m1", "m2", "m3", "m4" }[i], WIRE_ROLE_MEMORY, 4 * REGION_MIB);
	assert_int_equal(gmm_core_node_set_domain(rack->core, nodes[1], "pdu-a"), 0);
	assert_int_equal(gmm_core_node_set_domain(rack->core, nodes[2], "pdu-a"), 0);
	assert_int_equal(gmm_core_node_set_domain(rack->core, nodes[3], "pdu-a"), 0);
	assert_int_equal(gmm_core_node(rack->core, nodes[3])->domain_first, nodes[1]);
	/* One region each: the domain's three fit in the three that m1 has free. Of 5, m1's two leave room for two only. */
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "domain pdu-a holds 3 regions, the others have places for 3: so 0 more could be rebuilt"));
	/* Each for itself again. */
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(gmm_core_node_set_domain(rack->core, nodes[i], ""), 0);
	assert_int_equal(gmm_core_node(rack->core, nodes[3])->domain_first, nodes[3]);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_node_set_domain(rack->core, 999, "x"), -ENOENT);
	assert_int_equal(gmm_core_node_set_domain(rack->core, nodes[0], "a-name-of-thirty-two-characters-"), -EINVAL);
	rack_free(rack);
}

static void test_reserve_counts_only_room_that_can_be_used(void **state)
{
	struct rack *rack = rack_with_reserve();
	struct gmm_finished finished;

	(void)state;
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 2 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 2 * REGION_MIB + REGION_MIB / 2);
	assert_int_equal(rack_create(rack, "a", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(rack_create(rack, "b", 1, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "m2 holds "));
	assert_non_null(strstr(rack->core->refusal, "the others have places for 0: so 0 more"));
	rack_free(rack);
	/* Half a region fits in what is left of m1, but room is counted in whole ones. */
	rack = rack_with_reserve();
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, REGION_MIB + REGION_MIB / 2);
	assert_int_equal(rack_create(rack, "a", REGION_MIB / 2, &finished), 0);
	assert_int_equal(rack_create(rack, "b", REGION_MIB / 2, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "the VM has 1"));
	rack_free(rack);
}

static void test_reserve_names_the_worst(void **state)
{
	struct rack *rack = rack_with_reserve();
	struct gmm_finished finished;

	(void)state;
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 4 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	assert_int_equal(rack_create(rack, "a", 19 * REGION_MIB, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "m2 holds 0 regions, the others have places for 4: so 4 more could be rebuilt if it failed, and the VM has 19"));
	rack_free(rack);
}

/* ---------------------------------------------------------------- VMs */

static uint32_t with_cpus(struct rack *rack, uint32_t id, uint32_t cpus)
{
	gmm_core_node(rack->core, id)->join.cpus = cpus;
	return id;
}

static uint32_t node_of_new(struct rack *rack, const char *name, uint64_t cache_mib, uint32_t vcpus)
{
	struct gmm_vm_spec spec = vm_spec(name, 1, cache_mib);
	uint64_t operation;

	spec.vcpus = vcpus;
	if (gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns))
		return 0;
	rack_settle(rack);
	return gmm_core_vm_named(rack->core, name)->node;
}

static void test_vms_balance_cache_and_processors(void **state)
{
	struct rack *rack = rack_new();
	uint32_t p1, p2;

	(void)state;
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	p1 = with_cpus(rack, rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64), 8);
	p2 = with_cpus(rack, rack_node(rack, "p2", WIRE_ROLE_PROCESS, 128), 4);
	/* Cache is scarce to this one, and p2 has more of it; processors to the next, and p1 has more of these. */
	assert_int_equal(node_of_new(rack, "cache", 40, 1), p2);
	assert_int_equal(node_of_new(rack, "vcpus", 1, 4), p1);
	assert_int_equal(gmm_core_node(rack->core, p1)->vcpus_given, 4);
	/* p1 would be at 5/8 of its processors, p2 at 2/4 of its own. */
	assert_int_equal(node_of_new(rack, "third", 1, 1), p2);
	/* 60 MiB of cache fit in both: 61/64 of p1, 101/128 of p2. */
	assert_int_equal(node_of_new(rack, "fourth", 60, 1), p2);
	/* 30 MiB no longer fit in p2. */
	assert_int_equal(node_of_new(rack, "fifth", 30, 1), p1);
	assert_int_equal(node_of_new(rack, "sixth", 60, 1), 0);
	assert_int_equal(rack_destroy(rack, "vcpus"), 0);
	assert_int_equal(gmm_core_node(rack->core, p1)->vcpus_given, 1);
	rack_free(rack);
}

static void test_vms_go_by_count_when_all_else_is_equal(void **state)
{
	struct rack *rack = rack_new();
	uint32_t p1, p2;
	char name[16];

	(void)state;
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	p1 = with_cpus(rack, rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64), 64);
	p2 = with_cpus(rack, rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64), 64);
	for (uint32_t i = 0; i < 2 * VMS_PER_NODE_MAX; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(node_of_new(rack, name, 1, 1), i % 2 ? p2 : p1);
	}
	assert_int_equal(node_of_new(rack, "more", 1, 1), 0);
	assert_non_null(strstr(rack->core->refusal, "p1 has its largest number of VMs"));
	rack_free(rack);
	/* One large VM on p2 takes as much as two small ones on p1. */
	rack = rack_new();
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	p1 = with_cpus(rack, rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64), 64);
	p2 = with_cpus(rack, rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64), 64);
	assert_int_equal(node_of_new(rack, "small", 1, 1), p1);
	assert_int_equal(node_of_new(rack, "large", 2, 2), p2);
	assert_int_equal(node_of_new(rack, "small2", 1, 1), p1);
	assert_int_equal(node_of_new(rack, "small3", 1, 1), p2);
	rack_free(rack);
}

/* Of three resources the scarcest decides, and a refusal says of each component what is short. */
static void test_vcpus_and_bandwidth(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 8);
	struct gmm_finished finished;
	uint64_t operation;
	uint32_t p1, p2;

	(void)state;
	rack->core->config.vcpus_limited = true;
	p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	p2 = rack_node(rack, "p2", WIRE_ROLE_PROCESS, 32);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 4096);
	gmm_core_node(rack->core, p1)->join.cpus = 4;
	gmm_core_node(rack->core, p2)->join.cpus = 4;
	gmm_core_node_set_link(rack->core, p1, 10000);
#define CREATE(vm_name) (strcpy(spec.name, vm_name), gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns))
#define PLACED(vm_name, on) do { \
		assert_int_equal(CREATE(vm_name), 0); \
		rack_settle(rack); \
		assert_true(rack_finished(rack, operation, &finished)); \
		assert_int_equal(gmm_core_vm_named(rack->core, vm_name)->node, on); \
	} while (0)
	spec.vcpus = 3;
	spec.bandwidth_mbps = 6000;
	PLACED("a", p1);		/* p2 has no link that could be promised */
	assert_int_equal(gmm_core_node(rack->core, p1)->bandwidth_given_mbps, 6000);
	assert_int_equal(CREATE("b"), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "no process component can take the VM: p1 has 1 of 4 vCPUs left, the VM asks for 3 "));
	assert_non_null(strstr(rack->core->refusal, "; 4000 of 10000 Mbit/s left, the VM asks for 6000, p2 has 0 of 0 Mbit/s left, "
						    "the VM asks for 6000 "));
	gmm_core_node_set_link(rack->core, p2, 8000);
	PLACED("b", p2);
	/* Overcommit only on request, and never of bandwidth. */
	spec.vcpus = 2;
	spec.bandwidth_mbps = 0;
	spec.on_node = p1;
	assert_int_equal(CREATE("c"), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "p1 has 1 of 4 vCPUs left, the VM asks for 2 (it may share processors"));
	spec.overcommit = GMM_OVERCOMMIT_MEMORY;
	assert_int_equal(CREATE("c"), -EBUSY);	/* of something else only */
	spec.overcommit = GMM_OVERCOMMIT_VCPUS;
	PLACED("c", p1);
	spec.bandwidth_mbps = 4001;
	assert_int_equal(CREATE("d"), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "p1 has 4000 of 10000 Mbit/s left, the VM asks for 4001"));
	/* What it had is free again with it, and is kept over managers. */
	rack_keep(rack);
	rack_kill(rack);
	rack_return(rack);
	gmm_core_node_set_link(rack->core, p1, 10000);
	assert_int_equal(gmm_core_node(rack->core, p1)->bandwidth_given_mbps, 6000);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(gmm_core_node(rack->core, p1)->bandwidth_given_mbps, 0);
	PLACED("d", p1);
#undef PLACED
#undef CREATE
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_fills_in_proportion),
		cmocka_unit_test(test_lego_free_levels_what_is_left),
		cmocka_unit_test(test_lego_rr_takes_turns_until_one_is_full),
		cmocka_unit_test(test_pack_leaves_components_empty),
		cmocka_unit_test(test_random_policies_repeat),
		cmocka_unit_test(test_p2c_compares),
		cmocka_unit_test(test_policies_have_names),
		cmocka_unit_test(test_planned_pages_are_not_foreign),
		cmocka_unit_test(test_table_of_regions_can_fill_and_empty),
		cmocka_unit_test(test_reserve_for_the_largest),
		cmocka_unit_test(test_reserve_counts_domains),
		cmocka_unit_test(test_reserve_counts_only_room_that_can_be_used),
		cmocka_unit_test(test_reserve_names_the_worst),
		cmocka_unit_test(test_vms_balance_cache_and_processors),
		cmocka_unit_test(test_vms_go_by_count_when_all_else_is_equal),
		cmocka_unit_test(test_vcpus_and_bandwidth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
