// SPDX-License-Identifier: GPL-2.0-only
/* The manager's health checks of nodes: each is raised by what it is about, says so, and is cleared when that is over. */
#include "tests/unit/gmm_health_fixture.h"

/* ---------------------------------------------------------------- nodes */

static void test_nodes_down(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	model_of(rack, p1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	SAYS(rack, MNODE_DOWN, "m1: down for ");
	SUMS_UP(rack, MNODE_DOWN, "1 of 2 memory components");
	RAISED(rack, PNODE_DOWN, 1);
	SAYS(rack, PNODE_DOWN, "p1: down for ");
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	model_of(rack, m1)->linked = true;
	model_of(rack, p1)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	CLEARED(rack, PNODE_DOWN);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	rack_free(rack);
}

/* Nobody is to act on a machine that the operator has set aside. */
static void test_a_node_in_maintenance_may_be_off(void **state)
{
	RACK;

	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_MAINTENANCE, rack->now_ns), 0);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_DOWN);
	CLEARED(rack, MNODE_DOWN);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "m1", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	rack_pass(rack, SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	rack_free(rack);
}

static void test_a_node_that_never_came_has_time_to_start(void **state)
{
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	RACK;

	assert_true(gmm_core_node_add(rack->core, "m9", WIRE_ROLE_MEMORY, 9, mac) > 0);
	CLEARED(rack, MNODE_DOWN);
	rack_pass(rack, GMM_LIFE_BOOT_NS - SECOND);
	CLEARED(rack, MNODE_DOWN);
	rack_pass(rack, SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	SAYS(rack, MNODE_DOWN, "m9: has not joined");
	rack_free(rack);
}

static void test_full(void **state)
{
	struct gmm_finished finished;
	RACK;

	/* 20 regions each: 34 of 40 are 85 % of each and of the rack, 38 are 95 %. */
	assert_int_equal(rack_create(rack, "a", 33 * REGION_MIB, &finished), 0);
	RAISED(rack, MNODE_NEARFULL, 1);
	CLEARED(rack, RACK_NEARFULL);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	RAISED(rack, MNODE_NEARFULL, 2);
	SAYS(rack, MNODE_NEARFULL, "m1: 85 % reserved, 192 MiB left of 1280 MiB");
	RAISED(rack, RACK_NEARFULL, 1);
	SUMS_UP(rack, RACK_NEARFULL, "reserved to 85 %, 384 MiB are left");
	CLEARED(rack, MNODE_FULL);
	assert_int_equal(rack_create(rack, "c", 4 * REGION_MIB, &finished), 0);
	CLEARED(rack, MNODE_NEARFULL);
	RAISED(rack, MNODE_FULL, 2);
	rack_settle(rack);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	CLEARED(rack, MNODE_FULL);
	CLEARED(rack, MNODE_NEARFULL);
	CLEARED(rack, RACK_NEARFULL);
	rack_free(rack);
}

static void test_imbalanced(void **state)
{
	struct gmm_finished finished;
	RACK;

	/* m2 is away while the VM is placed, and comes back empty. */
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	assert_int_equal(rack_create(rack, "a", 14 * REGION_MIB, &finished), 0);
	CLEARED(rack, IMBALANCED);
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	RAISED(rack, IMBALANCED, 1);
	SUMS_UP(rack, IMBALANCED, "m1 is reserved to 70 %, m2 only to 0 %");
	assert_int_equal(rack_create(rack, "b", 7 * REGION_MIB, &finished), 0);
	CLEARED(rack, IMBALANCED);
	rack_free(rack);
}

static void test_flapping(void **state)
{
	RACK;

	for (unsigned i = 0; i < GMM_HEALTH_FALLS_MAX; i++) {
		CLEARED(rack, NODE_FLAPPING);
		rack_pass(rack, SECOND);
		rack_reboot(rack, m1);
	}
	RAISED(rack, NODE_FLAPPING, 1);
	SAYS(rack, NODE_FLAPPING, "m1: went down 3 times");
	rack_pass(rack, GMM_HEALTH_RECENT_NS);
	CLEARED(rack, NODE_FLAPPING);
	rack_free(rack);
}

static void test_version_skew(void **state)
{
	RACK;

	strcpy(facts.build_id, "test");
	CLEARED(rack, VERSION_SKEW);
	strcpy(facts.build_id, "newer");
	RAISED(rack, VERSION_SKEW, 3);
	SAYS(rack, VERSION_SKEW, "p1: build test");
	rack_free(rack);
}

static void other_role(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->role = WIRE_ROLE_PROCESS;
}

static void other_page(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->page_bytes = 8192;
}

static void test_image_mismatch(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	join_as(rack, m1, other_role);
	join_as(rack, m2, other_page);
	RAISED(rack, NODE_IMAGE_MISMATCH, 2);
	SAYS(rack, NODE_IMAGE_MISMATCH, "m1: its image was refused");
	rack_pass(rack, SECOND);
	RAISED(rack, NODE_IMAGE_MISMATCH, 1);
	rack_reboot(rack, m1);
	CLEARED(rack, NODE_IMAGE_MISMATCH);
	rack_free(rack);
}

static void other_address(struct wire_node_join *join, uint32_t *address)
{
	(void)join;
	*address = 0x0a000007;
}

static void other_mac(struct wire_node_join *join, uint32_t *address)
{
	(void)address;
	join->mac[5] ^= 1;
}

static void test_id_conflict(void **state)
{
	RACK;

	join_as(rack, m1, other_address);
	join_as(rack, m2, other_mac);
	RAISED(rack, NODE_ID_CONFLICT, 2);
	SAYS(rack, NODE_ID_CONFLICT, "m1: another machine");
	SAYS(rack, NODE_ID_CONFLICT, "10.0.0.7");
	CLEARED(rack, NODE_IMAGE_MISMATCH);
	rack_pass(rack, GMM_HEALTH_RECENT_NS);
	CLEARED(rack, NODE_ID_CONFLICT);
	rack_free(rack);
}

static void unknown_name(struct wire_node_join *join, uint32_t *address)
{
	static unsigned number;

	*address = 0x0a000008;
	snprintf(join->name, sizeof(join->name), "new%u", number++);
}

static void test_unenrolled(void **state)
{
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };
	RACK;

	for (unsigned i = 0; i < 3; i++)
		join_as(rack, m1, unknown_name);
	RAISED(rack, NODE_UNENROLLED, 3);
	SAYS(rack, NODE_UNENROLLED, "new0: asked to join 0 s ago, from 10.0.0.8");
	assert_true(gmm_core_node_add(rack->core, "new0", WIRE_ROLE_MEMORY, 9, mac) > 0);
	RAISED(rack, NODE_UNENROLLED, 2);
	for (unsigned i = 0; i < 3 * GMM_HEALTH_STRANGERS_MAX; i++, rack->now_ns++)
		join_as(rack, m1, unknown_name);
	RAISED(rack, NODE_UNENROLLED, GMM_HEALTH_STRANGERS_MAX);
	rack_pass(rack, GMM_HEALTH_RECENT_NS + SECOND);
	CLEARED(rack, NODE_UNENROLLED);
	rack_free(rack);
}

static void test_boots(void **state)
{
	RACK;

	gmm_core_node_boots(rack->core, gmm_core_node(rack->core, m1), rack->now_ns);
	rack_pass(rack, GMM_LIFE_BOOT_NS);
	CLEARED(rack, BOOT_FAILED);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, BOOT_FAILED, 1);
	SAYS(rack, BOOT_FAILED, "m1: 1 boot script fetched, the last one 2 min ago");
	for (uint32_t i = 1; i < GMM_LIFE_BOOTS_MAX; i++)
		gmm_core_node_boots(rack->core, gmm_core_node(rack->core, m1), rack->now_ns);
	RAISED(rack, BOOT_LOOP, 1);
	SAYS(rack, BOOT_LOOP, "m1: 5 boot scripts");
	CLEARED(rack, BOOT_FAILED);
	rack_reboot(rack, m1);
	CLEARED(rack, BOOT_LOOP);
	rack_free(rack);
}

static void test_foreign(void **state)
{
	RACK;

	held_add(model_of(rack, m1), 999);
	held_add(model_of(rack, p1), 999);
	rack_pass(rack, SECOND);
	CLEARED(rack, NODE_FOREIGN);
	rack_pass(rack, LEASE_MS * SECOND / 1000);
	RAISED(rack, NODE_FOREIGN, 2);
	SAYS(rack, NODE_FOREIGN, "p1: 1 VM");
	assert_non_null(strstr(rack->core->health.checks[GMM_HEALTH_NODE_FOREIGN].finding.detail[1], "m1: 1 region, 64 MiB"));
	rack_reboot(rack, m1);
	rack_reboot(rack, p1);
	CLEARED(rack, NODE_FOREIGN);
	rack_free(rack);
}

static void test_reclaim_stalled(void **state)
{
	struct gmm_finished finished;
	uint64_t operation;
	RACK;

	assert_int_equal(rack_create(rack, "a", 2 * REGION_MIB, &finished), 0);
	model_of(rack, m1)->refuse_type = WIRE_REGION_DESTROY;
	model_of(rack, m1)->refuse_status = -EIO;
	assert_int_equal(rack_destroy(rack, "a"), 0);
	RAISED(rack, RECLAIM_STALLED, 1);
	SAYS(rack, RECLAIM_STALLED, "m1: 1 region to be destroyed, 1 refused");
	rack_reboot(rack, m1);
	CLEARED(rack, RECLAIM_STALLED);

	/* One that renews its lease and does not answer. */
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_vm_destroy(rack->core, "b", &operation, rack->now_ns), 0);
	for (unsigned i = 0; i < 2; i++) {
		rack_take_output(rack);
		if (i == 0) {
			execute(rack, &rack->flights[0]);
			deliver(rack, 0);
		}
	}
	CLEARED(rack, RECLAIM_STALLED);
	rack_pass(rack, GMM_HEALTH_RECLAIM_NS);
	RAISED(rack, RECLAIM_STALLED, 1);
	SAYS(rack, RECLAIM_STALLED, "0 refused");
	rack_settle(rack);
	CLEARED(rack, RECLAIM_STALLED);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_down),
		cmocka_unit_test(test_a_node_in_maintenance_may_be_off),
		cmocka_unit_test(test_a_node_that_never_came_has_time_to_start),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_imbalanced),
		cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_version_skew),
		cmocka_unit_test(test_image_mismatch),
		cmocka_unit_test(test_id_conflict),
		cmocka_unit_test(test_unenrolled),
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_reclaim_stalled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
