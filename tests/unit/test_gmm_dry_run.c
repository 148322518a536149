// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: what is asked without being done says what doing it says, and changes nothing but the words of a refusal. */
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST
#define M1 (GMM_NODE_FIRST + 1)

/* VM "a" of 3 regions, "b" of 1; m1 and m2 take 8 each. */
static struct rack *with_vms(void)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 512);
	assert_int_equal(rack_create(rack, "a", 192, &finished), 0);
	assert_int_equal(rack_create(rack, "b", 64, &finished), 0);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 512);
	rack_settle(rack);
	return rack;
}

static struct gmm_core before, after;

static void look_at(struct rack *rack)
{
	rack_keep(rack);
	before = *rack->core;
}

/* As it was, apart from the last refusal. */
static void expect_unchanged(struct rack *rack)
{
	after = *rack->core;
	memcpy(after.refusal, before.refusal, sizeof(after.refusal));
	assert_int_equal(gmm_core_dirty_count(rack->core), 0);
	assert_true(memcmp(&before, &after, sizeof(before)) == 0);
}

static void expect_refusal(struct rack *rack, int status, int expected, const char *words)
{
	assert_int_equal(status, expected);
	if (expected && !strstr(rack->core->refusal, words))
		fail_msg("'%s' is not '%s'", rack->core->refusal, words);
	expect_unchanged(rack);
}

static void test_drain(void **state)
{
	struct rack *rack = with_vms();
	struct gmm_drain_plan plan;
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	look_at(rack);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m1", &plan), 0, "");
	assert_int_equal(plan.regions, 4);
	assert_int_equal(plan.vms, 2);
	assert_int_equal(plan.pages, 4 * REGION_PAGES);
	assert_int_equal(plan.pages_free, 512 * MIB_PAGES);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m2", &plan), 0, "");
	assert_int_equal(plan.regions, 0);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "p1", &plan), -EINVAL, "is not a memory component");
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m9", &plan), -ENOENT, "m9");
	expect_refusal(rack, gmm_core_node_drain_cancel_plan(rack->core, "m1"), -EBUSY, "is not being drained");
	expect_refusal(rack, gmm_core_node_drain_cancel_plan(rack->core, "m9"), -ENOENT, "m9");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m2", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	look_at(rack);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m1", &plan), -ENOSPC, "256 MiB do not fit elsewhere");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m2", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_drain(rack->core, "m1", &operation, rack->now_ns), 0);
	look_at(rack);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m1", &plan), -EBUSY, "is being drained already");
	expect_refusal(rack, gmm_core_node_drain_cancel_plan(rack->core, "m1"), 0, "");
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.regions_moved, 4);	/* as was said */
	rack_free(rack);
}

/* A drain that would begin and fail at once is not said to go well. */
static void test_drain_of_lost_regions(void **state)
{
	struct rack *rack = with_vms();
	struct gmm_drain_plan plan;

	(void)state;
	rack_reboot(rack, M1);
	rack_settle(rack);
	look_at(rack);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m1", &plan), -EBUSY, "regions there are lost; destroy their VMs");
	rack_free(rack);
}

static void test_administration(void **state)
{
	static const struct { enum gmm_node_admin to; int status; const char *words; } cases[] = {
		{ GMM_ADMIN_ADMITTED, 0, "" }, { GMM_ADMIN_CORDONED, 0, "" }, { GMM_ADMIN_DRAINING, 0, "" },
		{ GMM_ADMIN_MAINTENANCE, -EBUSY, "cannot become maintenance from admitted" }, { GMM_ADMIN_RETIRED, -EBUSY, "it is up" },
	};
	struct rack *rack = with_vms();

	(void)state;
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		look_at(rack);
		expect_refusal(rack, gmm_core_node_set_admin_plan(rack->core, "m1", cases[i].to), cases[i].status, cases[i].words);
	}
	expect_refusal(rack, gmm_core_node_set_admin_plan(rack->core, "m9", GMM_ADMIN_CORDONED), -ENOENT, "m9");
	expect_refusal(rack, gmm_core_node_forget_check(rack->core, "m1"), -EBUSY, "cannot be forgotten");
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	look_at(rack);
	expect_refusal(rack, gmm_core_node_set_admin_plan(rack->core, "m1", GMM_ADMIN_MAINTENANCE), -EBUSY, "it holds 256 MiB of regions");
	rack_free(rack);
}

static void test_region_move(void **state)
{
	struct rack *rack = with_vms();
	const struct gmm_region *region;
	uint64_t operation;

	(void)state;
	look_at(rack);
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 2, "m2", &region), 0, "");
	assert_int_equal(region->index, 2);
	assert_int_equal(region->node, M1);
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 3, "m2", &region), -ENOENT, "has no region of that index");
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "c", 0, "m2", &region), -ENOENT, "there is no VM named c");
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 0, "m9", &region), -ENOENT, "there is no node named m9");
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 0, "m1", &region), -EEXIST, "is on m1 already");
	assert_int_equal(gmm_core_region_move(rack->core, "a", 2, "m2", &operation, rack->now_ns), 0);
	look_at(rack);
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 1, "m2", &region), -EBUSY, "another region of a is being moved");
	rack_free(rack);
}

static void test_balance(void **state)
{
	struct rack *rack = with_vms();
	uint64_t operation;

	(void)state;
	look_at(rack);
	expect_refusal(rack, gmm_core_balance_cancel_check(rack->core), -ENOENT, "is not being balanced");
	expect_refusal(rack, gmm_core_balance_check(rack->core, rack->now_ns), 0, "");
	assert_int_equal(rack->core->config.plan->move_count, 2);
	assert_int_equal(gmm_core_balance(rack->core, &operation, rack->now_ns), 0);
	look_at(rack);
	expect_refusal(rack, gmm_core_balance_check(rack->core, rack->now_ns), -EBUSY, "is being balanced already");
	expect_refusal(rack, gmm_core_balance_cancel_check(rack->core), 0, "");
	rack_free(rack);
}

/* All of them need a place for an operation. */
static void test_no_room_for_an_operation(void **state)
{
	struct rack *rack = with_vms();
	const struct gmm_region *region;
	struct gmm_drain_plan plan;

	(void)state;
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		rack->core->operations[i].kind = GMM_OPERATION_VM_START;
	look_at(rack);
	expect_refusal(rack, gmm_core_node_drain_plan(rack->core, "m1", &plan), -EAGAIN, "too many operations");
	expect_refusal(rack, gmm_core_region_move_plan(rack->core, "a", 2, "m2", &region), -EAGAIN, "too many operations");
	expect_refusal(rack, gmm_core_balance_check(rack->core, rack->now_ns), -EAGAIN, "too many operations");
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain), cmocka_unit_test(test_drain_of_lost_regions), cmocka_unit_test(test_administration),
		cmocka_unit_test(test_region_move), cmocka_unit_test(test_balance), cmocka_unit_test(test_no_room_for_an_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
