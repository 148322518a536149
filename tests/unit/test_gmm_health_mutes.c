// SPDX-License-Identifier: GPL-2.0-only
/* What is common to all health checks: details, events, mutes, rows. */
#include "tests/unit/gmm_health_fixture.h"

/* ---------------------------------------------------------------- details, events, mutes */

static void test_more_than_ten_are_counted(void **state)
{
	struct rack *rack = rack_new();
	char name[NODE_NAME_BYTES];

	(void)state;
	memset(&facts, 0, sizeof(facts));
	strcpy(facts.build_id, "newer");
	for (unsigned i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		rack_node(rack, name, WIRE_ROLE_MEMORY, REGION_MIB);
	}
	RAISED(rack, VERSION_SKEW, 15);
	assert_int_equal(rack->core->health.checks[GMM_HEALTH_VERSION_SKEW].finding.details, GMM_HEALTH_DETAILS_MAX);
	rack_free(rack);
}

static void test_changes_are_events(void **state)
{
	RACK;

	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	uint64_t since_ns = rack->core->health.checks[GMM_HEALTH_MNODE_DOWN].since_ns;

	assert_int_equal(events_of(rack, "MNODE_DOWN"), 1);
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 1);
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 2);
	assert_int_equal(rack->core->health.checks[GMM_HEALTH_MNODE_DOWN].since_ns, since_ns);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 2);
	model_of(rack, m1)->linked = model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 3);
	rack_free(rack);
}

#define MUTED(yes) assert_int_equal(check(rack, GMM_HEALTH_VERSION_SKEW)->muted, yes)

static void test_mutes(void **state)
{
	RACK;

	assert_int_equal(gmm_core_health_mute(rack->core, "NO_SUCH", 0, false, "deploy", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_health_unmute(rack->core, "NO_SUCH", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), -EBUSY);
	strcpy(facts.build_id, "newer");
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, VERSION_SKEW, 2);
	/* m2 is down beside it, and not of interest here. */
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 0, true, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	MUTED(true);
	/* More of it: it counts again. */
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	MUTED(false);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_WARN);
	/* For a time. */
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 10 * SECOND, false, "deploy", rack->now_ns), 0);
	rack_pass(rack, 9 * SECOND);
	MUTED(true);
	rack_pass(rack, SECOND);
	MUTED(false);
	/* Cleared: over. */
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	strcpy(facts.build_id, "test");
	MUTED(false);
	/* Less and then as much as before is more, too. */
	strcpy(facts.build_id, "newer");
	RAISED(rack, VERSION_SKEW, 3);
	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, false, "deploy", rack->now_ns), 0);
	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	MUTED(true);
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	MUTED(false);
	rack_free(rack);
}

static void test_sticky_mutes_stay(void **state)
{
	RACK;

	assert_int_equal(gmm_core_health_mute(rack->core, "VERSION_SKEW", 0, true, "deploy", rack->now_ns), 0);
	strcpy(facts.build_id, "newer");
	MUTED(true);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	strcpy(facts.build_id, "test");
	MUTED(true);
	assert_int_equal(gmm_core_health_unmute(rack->core, "VERSION_SKEW", rack->now_ns), 0);
	MUTED(false);
	rack_free(rack);
}

/* A manager is killed: the next one knows what was raised and muted, and does not take nodes that are to come for nodes that are well. */
static void test_mutes_outlive_the_manager(void **state)
{
	uint64_t since_ns, events;
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	since_ns = check(rack, GMM_HEALTH_MNODE_DOWN)->since_ns;
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 3600 * SECOND, false, "deploy", rack->now_ns), 0);
	assert_int_equal(gmm_core_health_mute(rack->core, "STORE_FAILED", 0, true, "control", rack->now_ns), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_pass(rack, SECOND);
	events = rack->core->event_sequence;
	rack_kill(rack);
	rack_return(rack);
	assert_true(rack->core->event_sequence >= events);
	for (uint32_t i = 0; i < 2 * GMM_RETURN_MS / 1000; i++) {
		const struct gmm_health_check *now = check(rack, GMM_HEALTH_MNODE_DOWN);

		assert_int_equal(now->finding.count, 1);
		assert_true(now->finding.summary[0]);
		assert_int_equal(now->since_ns, since_ns);
		assert_true(now->muted && !now->sticky);
		assert_string_equal(now->muted_by, "deploy");
		rack_pass(rack, SECOND);
	}
	/* It was raised all the time: nothing was told anew. */
	SAYS(rack, MNODE_DOWN, "m2: down");
	assert_int_equal(events_of(rack, "MNODE_DOWN"), 0);
	assert_true(check(rack, GMM_HEALTH_STORE_FAILED)->muted && check(rack, GMM_HEALTH_STORE_FAILED)->sticky);
	/* Cleared: as without a start in between. */
	model_of(rack, m2)->linked = true;
	rack_pass(rack, SECOND);
	CLEARED(rack, MNODE_DOWN);
	assert_false(check(rack, GMM_HEALTH_MNODE_DOWN)->muted);
	assert_int_equal(gmm_core_health_unmute(rack->core, "STORE_FAILED", rack->now_ns), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	for (uint32_t i = 0; i < rack->row_count; i++)
		assert_true(rack->rows[i].kind != GMM_RECORD_HEALTH);
	rack_free(rack);
}

/* What was raised about a node that nobody waits for any more is not held for it. */
static void test_a_retired_node_holds_nothing_up(void **state)
{
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	for (enum gmm_node_admin admin = GMM_ADMIN_CORDONED; admin <= GMM_ADMIN_RETIRED; admin++)
		if (admin != GMM_ADMIN_DRAINING)
			assert_int_equal(gmm_core_node_set_admin(rack->core, "m2", admin, rack->now_ns), 0);
	rack_keep(rack);
	rack_kill(rack);
	rack_return(rack);
	rack_pass(rack, (GMM_RETURN_MS / 1000 + 2) * SECOND);
	CLEARED(rack, MNODE_DOWN);
	rack_free(rack);
}

/* The time of a mute is told by the wall clock: it is over while nobody looked. */
static void test_mute_ends_while_there_is_no_manager(void **state)
{
	RACK;

	model_of(rack, m2)->linked = false;
	rack_pass(rack, 5 * SECOND);
	RAISED(rack, MNODE_DOWN, 1);
	assert_int_equal(gmm_core_health_mute(rack->core, "MNODE_DOWN", 60 * SECOND, false, "deploy", rack->now_ns), 0);
	rack_keep(rack);
	rack->now_ns += 61 * SECOND;
	rack_kill(rack);
	rack_return(rack);
	assert_false(check(rack, GMM_HEALTH_MNODE_DOWN)->muted);
	RAISED(rack, MNODE_DOWN, 1);
	rack_free(rack);
}

/* Another version of gmmd has its checks in other places, and some that we do not have. */
static void test_rows_of_other_versions(void **state)
{
	struct gmm_record record = { .kind = GMM_RECORD_HEALTH, .slot = GMM_HEALTH_VM_LOST };
	RACK;

	strcpy(record.health.code, "STORE_FAILED");
	record.health.muted = record.health.sticky = 1;
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), 0);
	assert_true(rack->core->health.checks[GMM_HEALTH_STORE_FAILED].muted);
	assert_false(rack->core->health.checks[GMM_HEALTH_VM_LOST].muted);
	strcpy(record.health.code, "COFFEE_LOW");
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), 0);
	assert_false(rack->core->health.checks[GMM_HEALTH_VM_LOST].muted);
	record.health.muted = 2;
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), -EINVAL);
	assert_non_null(strstr(rack->core->refusal, "the store's health "));
	record.health.muted = 1;
	memset(record.health.code, 'X', sizeof(record.health.code));
	assert_int_equal(gmm_core_restore(rack->core, &record, rack->now_ns), -EINVAL);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_than_ten_are_counted),
		cmocka_unit_test(test_changes_are_events),
		cmocka_unit_test(test_mutes),
		cmocka_unit_test(test_sticky_mutes_stay),
		cmocka_unit_test(test_mutes_outlive_the_manager),
		cmocka_unit_test(test_mute_ends_while_there_is_no_manager),
		cmocka_unit_test(test_a_retired_node_holds_nothing_up),
		cmocka_unit_test(test_rows_of_other_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
