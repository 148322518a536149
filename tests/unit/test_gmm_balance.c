// SPDX-License-Identifier: GPL-2.0-only
/* Plans that even memory out: when there is one, how little it moves, and what it leaves alone. */
#include "gmm/core/balance.h"
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define LATER_NS (GMM_BALANCE_COOLDOWN_NS + 10 * SECOND)

static struct gmm_balance plan;

static struct rack *rack_of(uint32_t memories, uint32_t regions_each)
{
	struct rack *rack = rack_new();
	char name[16];

	for (uint32_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		rack_node(rack, name, WIRE_ROLE_PROCESS, 64);
	}
	for (uint32_t i = 0; i < memories; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		rack_node(rack, name, WIRE_ROLE_MEMORY, regions_each * REGION_MIB);
	}
	return rack;
}

static void make_vms(struct rack *rack, uint32_t count, uint32_t regions_each)
{
	struct gmm_finished finished;
	char name[16];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "vm%u", i);
		assert_int_equal(rack_create(rack, name, regions_each * REGION_MIB, &finished), 0);
	}
}

static void make_plan(struct rack *rack)
{
	gmm_balance_plan(rack->core, &plan, rack->now_ns);
	assert_int_equal(plan.move_count == 0, plan.reason[0] != '\0');
}

/* Carry the plan out on paper: what each memory component would use. */
static void used_after(const struct rack *rack, uint64_t used[NODES_MAX])
{
	static uint8_t moved[GMM_REGIONS_MAX];
	uint64_t pages = 0;

	memset(moved, 0, sizeof(moved));
	for (uint32_t i = 0; i < rack->count; i++)
		used[i] = rack->core->nodes[i].pages_reserved;
	for (uint32_t i = 0; i < plan.move_count; i++) {
		const struct gmm_move *move = &plan.moves[i];
		const struct gmm_region *region = &rack->core->regions[move->region];

		assert_int_equal(region->state, GMM_REGION_LIVE);
		assert_int_equal(region->node, move->from);
		assert_int_equal(region->pages, move->pages);
		assert_int_equal(move->batch, i / GMM_BALANCE_BATCH_MOVES);
		assert_int_not_equal(move->from, move->to);
		assert_false(moved[move->region]++);
		used[move->from - GMM_NODE_FIRST] -= move->pages;
		used[move->to - GMM_NODE_FIRST] += move->pages;
		assert_true(used[move->to - GMM_NODE_FIRST] <= rack->core->nodes[move->to - GMM_NODE_FIRST].join.capacity_pages);
		pages += move->pages;
	}
	assert_int_equal(pages, plan.pages);
}

static void test_even_racks_stay(void **state)
{
	struct rack *rack = rack_of(4, 64);

	(void)state;
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_string_equal(plan.reason, "the rack is balanced");
	make_vms(rack, 4, 40);
	make_plan(rack);
	assert_string_equal(plan.reason, "the rack is balanced");
	assert_int_equal(plan.distance_before, 0);
	rack_free(rack);
}

/* The newcomer is filled to the goal, with no byte more than that takes. */
static void test_a_newcomer_is_filled(void **state)
{
	struct rack *rack = rack_of(7, 64);
	uint64_t used[NODES_MAX], mean, lack;
	uint32_t newcomer;

	(void)state;
	make_vms(rack, 7, 48);		/* 3/4 each */
	newcomer = rack_node(rack, "new", WIRE_ROLE_MEMORY, 64 * REGION_MIB) - GMM_NODE_FIRST;
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_true(plan.move_count > 0);
	used_after(rack, used);
	mean = UINT64_C(7) * 48 * REGION_PAGES / 8;
	lack = mean - UINT64_C(64) * REGION_PAGES * GMM_BALANCE_GOAL / 1000000;
	assert_true(used[newcomer] >= lack);
	assert_true(plan.pages < lack + REGION_PAGES);
	assert_in_range(plan.distance_after, 0, GMM_BALANCE_GOAL);
	assert_in_range(plan.distance_before, 600000, 700000);
	rack_free(rack);
}

static void test_large_components_count_by_share(void **state)
{
	struct rack *rack = rack_of(2, 32);
	uint64_t used[NODES_MAX];
	uint32_t large;

	(void)state;
	make_vms(rack, 1, 32);		/* half of both */
	large = rack_node(rack, "large", WIRE_ROLE_MEMORY, 96 * REGION_MIB) - GMM_NODE_FIRST;
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	used_after(rack, used);
	/* 32 of 160 regions: 1/5 of each, 19.2 of the large one, which may lack 2.4. */
	assert_in_range(used[large], 17 * REGION_PAGES, 19 * REGION_PAGES);
	rack_free(rack);
}

static void test_moves_that_only_trade_places(void **state)
{
	struct rack *rack = rack_of(2, 8);
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(rack_create(rack, "a", 3 * REGION_MIB, &finished), 0);	/* 2 and 1 of 8: 6 % from the mean */
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_true(plan.distance_before > GMM_BALANCE_START);
	assert_string_equal(plan.reason, "no region may move, or none would make it better");
	rack_free(rack);
}

static void test_only_idle_vms_regions_move(void **state)
{
	struct rack *rack = rack_of(1, 64);
	struct wire_blob none = { 0 };
	uint64_t operation;

	(void)state;
	make_vms(rack, 2, 16);
	rack_node(rack, "new", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	rack_pass(rack, LATER_NS);
	assert_int_equal(gmm_core_vm_start(rack->core, "vm1", &none, &none, &operation, rack->now_ns), 0);
	make_plan(rack);
	assert_true(plan.move_count > 0);
	for (uint32_t i = 0; i < plan.move_count; i++)
		assert_int_equal(rack->core->regions[plan.moves[i].region].vm, gmm_core_vm_named(rack->core, "vm0")->id);
	rack_free(rack);
}

static void test_only_admitted_components_take_part(void **state)
{
	struct rack *rack = rack_of(2, 64);

	(void)state;
	make_vms(rack, 4, 16);
	rack_node(rack, "new", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	rack_node(rack, "newer", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "new", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m0", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_true(plan.move_count > 0);
	for (uint32_t i = 0; i < plan.move_count; i++) {
		assert_string_equal(gmm_core_node(rack->core, plan.moves[i].from)->name, "m1");
		assert_string_equal(gmm_core_node(rack->core, plan.moves[i].to)->name, "newer");
	}
	assert_int_equal(gmm_core_node_set_admin(rack->core, "newer", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	make_plan(rack);
	assert_string_equal(plan.reason, "fewer than two memory components are up and admitted");
	rack_free(rack);
}

static void test_never_while_degraded(void **state)
{
	struct rack *rack = rack_of(3, 64);
	uint32_t m0 = gmm_core_node_named(rack->core, "m0")->id;

	(void)state;
	make_vms(rack, 3, 16);
	rack_node(rack, "new", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_true(plan.move_count > 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_DRAINING, rack->now_ns), 0);
	make_plan(rack);
	assert_string_equal(plan.reason, "a component is being drained: m1");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	model_of(rack, m0)->linked = false;
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_string_equal(plan.reason, "a component with regions is not up: m0");
	rack_reboot(rack, m0);
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_string_equal(plan.reason, "pages were lost with m0");
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rack_destroy(rack, (const char *[]){ "vm0", "vm1", "vm2" }[i]), 0);
	make_plan(rack);
	assert_string_equal(plan.reason, "the rack is balanced");
	rack_free(rack);
}

static void test_cool_down(void **state)
{
	struct rack *rack = rack_of(3, 64);
	uint64_t joined_ns;

	(void)state;
	make_vms(rack, 3, 16);
	rack_pass(rack, LATER_NS);
	joined_ns = rack->now_ns;
	rack_node(rack, "new", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	make_plan(rack);
	assert_int_equal(plan.ready_ns, joined_ns + GMM_BALANCE_COOLDOWN_NS);
	/* It renews and joins again: nothing has changed. */
	rack_pass(rack, SECOND);
	rack_join(rack, gmm_core_node_named(rack->core, "new")->id);
	make_plan(rack);
	assert_int_equal(plan.ready_ns, joined_ns + GMM_BALANCE_COOLDOWN_NS);
	rack_pass(rack, LATER_NS);
	make_plan(rack);
	assert_int_equal(plan.ready_ns, rack->now_ns);
	rack_free(rack);
}

/* ---------------------------------------------------------------- carried out */

/* Three components that are half full, and an empty one; the rack has been calm since. */
static struct rack *uneven_rack(void)
{
	struct rack *rack = rack_of(3, 40);

	make_vms(rack, 20, 3);
	rack_node(rack, "new", WIRE_ROLE_MEMORY, 40 * REGION_MIB);
	rack_run(rack, LATER_NS);
	return rack;
}

static void expect_even(struct rack *rack)
{
	gmm_balance_plan_beyond(rack->core, &plan, GMM_BALANCE_GOAL, rack->now_ns);
	assert_int_equal(plan.move_count, 0);
	assert_true(plan.distance_before <= GMM_BALANCE_GOAL);
	rack_compare(rack);
}

static void test_what_was_planned_is_done(void **state)
{
	struct rack *rack = uneven_rack();
	struct gmm_finished finished;
	uint64_t operation, other;
	uint32_t planned;

	(void)state;
	make_plan(rack);
	planned = plan.move_count;
	assert_true(planned > 0);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	assert_int_equal(gmm_core_balance(rack->core, &other, rack->now_ns), -EBUSY);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(finished.kind, GMM_OPERATION_BALANCE);
	/* Planned anew after each few moves, and still not one more than the first plan said. */
	assert_int_equal(finished.regions_moved, planned);
	expect_even(rack);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), -EALREADY);
	rack_free(rack);
}

static void test_not_while_something_is_wrong(void **state)
{
	struct rack *rack = uneven_rack();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_DRAINING, rack->now_ns), 0);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "drained"));
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	/* It has just changed: begun now, it waits. */
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	rack_run(rack, 5 * SECOND);
	assert_int_equal(gmm_core_node_named(rack->core, "new")->regions, 0);
	assert_int_equal(gmm_core_balance_cancel(rack->core, rack->now_ns), 0);
	rack_run(rack, SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, -ECANCELED);
	assert_int_equal(gmm_core_balance_cancel(rack->core, rack->now_ns), -ENOENT);
	rack_free(rack);
}

/* A rack that degrades in the middle is left alone, whatever was planned. */
static void test_a_component_that_dies_ends_it(void **state)
{
	struct rack *rack = uneven_rack();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	rack_run(rack, SECOND);
	model_of(rack, gmm_core_node_named(rack->core, "m2")->id)->linked = false;
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_true(finished.regions_moved > 0);
	assert_int_equal(finished.status, -EBUSY);
	assert_non_null(strstr(finished.reason, "m2"));
	assert_true(gmm_core_node_named(rack->core, "m2")->regions > 0);
	rack_free(rack);
}

static void test_a_later_manager_goes_on(void **state)
{
	struct rack *rack = uneven_rack();
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	rack_run(rack, SECOND);
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	rack_return(rack);
	rack_run(rack, LATER_NS + 60 * SECOND);
	expect_even(rack);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		assert_true(rack->core->operations[i].kind == GMM_OPERATION_NONE || rack->core->operations[i].step == GMM_STEP_ENDED);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even_racks_stay),
		cmocka_unit_test(test_a_newcomer_is_filled),
		cmocka_unit_test(test_large_components_count_by_share),
		cmocka_unit_test(test_moves_that_only_trade_places),
		cmocka_unit_test(test_only_idle_vms_regions_move),
		cmocka_unit_test(test_only_admitted_components_take_part),
		cmocka_unit_test(test_never_while_degraded),
		cmocka_unit_test(test_cool_down),
		cmocka_unit_test(test_what_was_planned_is_done),
		cmocka_unit_test(test_not_while_something_is_wrong),
		cmocka_unit_test(test_a_component_that_dies_ends_it),
		cmocka_unit_test(test_a_later_manager_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
