// SPDX-License-Identifier: GPL-2.0-only
/* Machines that were admitted: who is who, what the next manager knows of them, how they end. */
#include "tests/unit/gmm_machine_fixture.h"

/* ---------------------------------------------------------------- who is who */

static const char *conflict(void)
{
	static const struct gmm_health_facts nothing;

	gmm_core_health_update(core, &nothing, rack->now_ns);
	return core->health.checks[GMM_HEALTH_NODE_ID_CONFLICT].finding.count ?
	       core->health.checks[GMM_HEALTH_NODE_ID_CONFLICT].finding.detail[0] : "";
}

static void test_two_machines_with_one_mac(void **state)
{
	struct gmm_inventory first = machine(7, true), second = machine(7, true);

	(void)state;
	begin();
	memset(second.uuid, 0x11, 8);
	assert_int_equal(appears(7), GMM_ANSWER_WAIT);
	assert_string_equal(conflict(), "");
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_string_equal(core->refusal, "a machine with another UUID uses this MAC, too");
	assert_non_null(strstr(conflict(), "52:54:00:00:00:07: not admitted yet, and its MAC or UUID is another machine's, too"));
	assert_int_equal(admit("m7", 7), -EBUSY);
	/* When the other one has been silent for long, it is as if it had never been. */
	rack_pass(rack, GMM_MACHINE_AWAY_NS);
	assert_int_equal(asks(&first), GMM_ANSWER_WAIT);
	assert_string_equal(conflict(), "");
	assert_true(admit("m7", 7) > 0);
	/* Now that it is a node, whoever is not this machine is refused. */
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_non_null(strstr(conflict(), "m7: another machine asked to boot with its MAC"));
	assert_int_equal(last_event()->kind, GMM_EVENT_HEALTH);
	rack_pass(rack, 10 * GMM_MACHINE_AWAY_NS);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_int_equal(asks(&first), GMM_ANSWER_NODE);
	end();
}

static void test_two_machines_with_one_uuid(void **state)
{
	struct gmm_inventory first = machine(7, true), second = machine(8, true);

	(void)state;
	begin();
	strcpy(second.manufacturer, "acme");
	second.memory_bytes = UINT64_C(64) << 30;
	memcpy(second.uuid, first.uuid, GMM_UUID_BYTES);
	assert_int_equal(appears(7), GMM_ANSWER_WAIT);
	/* A rule admits neither. */
	assert_int_equal(asks(&second), GMM_ANSWER_WAIT);
	assert_null(gmm_core_node_named(core, "m01"));
	assert_non_null(strstr(conflict(), "52:54:00:00:00:07"));
	assert_int_equal(admit("m8", 8), -EBUSY);
	assert_int_equal(gmm_core_machine_reject(core, second.mac, rack->now_ns), 0);
	assert_true(admit("m7", 7) > 0);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_non_null(strstr(conflict(), "m7: another machine asked to boot with its UUID"));
	assert_int_equal(admit("m8", 8), -EBUSY);
	assert_null(gmm_core_node_named(core, "m8"));
	end();
}

/* What many boards have is nobody's name. */
static void test_uuids_that_mean_nothing(void **state)
{
	struct gmm_inventory first = machine(7, true), second = machine(8, true);

	(void)state;
	begin();
	memset(first.uuid, 0xff, GMM_UUID_BYTES);
	memset(second.uuid, 0xff, GMM_UUID_BYTES);
	asks(&first);
	asks(&second);
	assert_string_equal(conflict(), "");
	assert_true(admit("m7", 7) > 0 && admit("m8", 8) > 0);
	assert_int_equal(asks(&first), GMM_ANSWER_NODE);
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	assert_string_equal(conflict(), "");
	end();
}

/* Nodes of the file are known by their MAC; which machine that is, is learnt. */
static void test_nodes_of_the_file(void **state)
{
	struct gmm_inventory first = machine(7, false), second = machine(8, false);
	struct gmm_node *m1;

	(void)state;
	begin();
	m1 = gmm_core_node_named(core, "m1");
	memcpy(first.mac, m1->mac, 6);
	memcpy(second.mac, m1->mac, 6);
	assert_int_equal(asks(&first), GMM_ANSWER_NODE);
	assert_false(gmm_uuid_means_something(m1->uuid));
	/* As long as none of them has joined, neither can shut the other one out. */
	gmm_core_node_boots(core, m1, rack->now_ns);
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	assert_non_null(strstr(conflict(), "m1: another machine asked to boot with its MAC"));
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	rack_reboot(rack, m1->id);
	assert_false(gmm_uuid_means_something(m1->uuid));
	/* A join without a boot from here proves nothing of who asked. */
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	rack_reboot(rack, m1->id);
	assert_false(gmm_uuid_means_something(m1->uuid));
	/* Nor does one of a loader that has not said who it is. */
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	assert_int_equal(asks(&(struct gmm_inventory){ .mac = { 2, 0, 0, 0, 0, 2 } }), GMM_ANSWER_NODE);
	gmm_core_node_boots(core, m1, rack->now_ns);
	rack_reboot(rack, m1->id);
	assert_false(gmm_uuid_means_something(m1->uuid));
	assert_int_equal(asks(&first), GMM_ANSWER_NODE);
	gmm_core_node_boots(core, m1, rack->now_ns);
	rack_join(rack, m1->id);
	assert_false(gmm_uuid_means_something(m1->uuid));
	assert_int_equal(asks(&first), GMM_ANSWER_NODE);
	gmm_core_node_boots(core, m1, rack->now_ns);
	rack_reboot(rack, m1->id);
	assert_memory_equal(m1->uuid, first.uuid, GMM_UUID_BYTES);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_non_null(strstr(conflict(), "m1: another machine asked to boot with its MAC"));
	model_of(rack, m1->id)->linked = false;
	rack_pass(rack, GMM_MACHINE_AWAY_NS - SECOND);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	/* Its board was replaced, its card was kept. */
	rack_pass(rack, SECOND);
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	assert_memory_equal(m1->uuid, first.uuid, GMM_UUID_BYTES);
	gmm_core_node_boots(core, m1, rack->now_ns);
	rack_reboot(rack, m1->id);
	assert_memory_equal(m1->uuid, second.uuid, GMM_UUID_BYTES);
	/* A node with another one's UUID is known by its MAC. */
	memcpy(second.mac, gmm_core_node_named(core, "p1")->mac, 6);
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
	assert_true(core->health.nodes[m1->id - GMM_NODE_FIRST].conflict_ns == rack->now_ns);
	end();
}

/* ---------------------------------------------------------------- restarts and ends */

static void next_manager(void)
{
	rack_take_output(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	configure();
}

static void test_admissions_outlive_the_manager(void **state)
{
	struct gmm_inventory inventory = machine(7, true);
	struct gmm_admission made = admission("m7", 7);
	struct gmm_node *node;

	(void)state;
	begin();
	assert_int_equal(appears(7), GMM_ANSWER_WAIT);
	strcpy(made.domain, "pdu-b");
	assert_true(gmm_core_node_admit(core, &made, rack->now_ns) > 0);
	next_manager();
	node = gmm_core_node_named(core, "m7");
	assert_non_null(node);
	assert_true(node->configured);
	assert_int_equal(node->life, GMM_LIFE_ADMITTED);
	assert_int_equal(node->origin, GMM_ORIGIN_ADMITTED);
	assert_int_equal(node->address, NETWORK + 2);
	assert_string_equal(node->domain, "pdu-b");
	assert_int_equal(asks(&inventory), GMM_ANSWER_NODE);
	inventory.uuid[0] ^= 1;
	assert_int_equal(asks(&inventory), GMM_ANSWER_REFUSED);
	end();
}

/* The file and the store name one node each: who wins, and what does not fit. */
static void test_the_file_goes_first(void **state)
{
	uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, 7 }, other[6] = { 0x52, 0x54, 0, 0, 0, 9 };
	struct gmm_node *node;
	int id;

	(void)state;
	begin();
	id = admit("m7", 7);
	assert_true(id > 0);
	assert_int_equal(gmm_core_node_add(core, "m8", WIRE_ROLE_MEMORY, NETWORK + 30, mac), -EEXIST);
	assert_string_equal(core->refusal, "name, address or MAC is node m7's already, which was admitted: take the section out, or retire and "
					   "forget that one");
	assert_int_equal(gmm_core_node_add(core, "m8", WIRE_ROLE_MEMORY, NETWORK + 2, other), -EEXIST);
	assert_int_equal(gmm_core_node_add(core, "m7", WIRE_ROLE_MEMORY, NETWORK + 30, other), id);
	node = gmm_core_node(core, (uint32_t)id);
	assert_int_equal(node->origin, GMM_ORIGIN_FILE);
	assert_int_equal(node->address, NETWORK + 30);
	assert_memory_equal(node->mac, other, 6);
	assert_int_equal(gmm_core_node_add(core, "m7", WIRE_ROLE_MEMORY, NETWORK + 31, other), -EEXIST);
	/* It is the file's now, and gone when its section is. */
	rack_take_output(rack);
	rack_kill(rack);
	configure();
	assert_false(gmm_core_node_named(core, "m7")->configured);
	assert_int_equal(gmm_core_node_named(core, "m7")->life, GMM_LIFE_DOWN);
	assert_int_equal(gmm_core_node_forget(core, "m7", rack->now_ns), 0);
	assert_null(gmm_core_node_named(core, "m7"));
	end();
}

static void test_retired_and_forgotten(void **state)
{
	struct gmm_inventory inventory = machine(7, true);

	(void)state;
	begin();
	assert_true(admit("m7", 7) > 0);
	assert_int_equal(gmm_core_node_forget(core, "m9", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_node_forget(core, "m7", rack->now_ns), -EBUSY);
	assert_string_equal(core->refusal, "m7 cannot be forgotten: it is not retired but admitted; gmm node retire m7");
	assert_int_equal(gmm_core_node_set_admin(core, "m7", GMM_ADMIN_RETIRED, rack->now_ns), 0);
	assert_int_equal(asks(&inventory), GMM_ANSWER_REFUSED);
	assert_non_null(strstr(core->refusal, "this machine was m7, which is retired"));
	assert_int_equal(admit("m7", 8), -EEXIST);
	assert_int_equal(admit("m8", 7), -EEXIST);
	next_manager();
	assert_int_equal(gmm_core_node_named(core, "m7")->life, GMM_LIFE_RETIRED);
	assert_int_equal(gmm_core_node_forget(core, "m7", rack->now_ns), 0);
	assert_int_equal(asks(&inventory), GMM_ANSWER_WAIT);
	next_manager();
	assert_null(gmm_core_node_named(core, "m7"));
	assert_int_equal(core->nodes[2].life, GMM_LIFE_FORGOTTEN);
	/* Name, MAC and address are free, for the same machine or another. */
	assert_int_equal(admit("m7", 7), GMM_NODE_FIRST + 3);
	assert_int_equal(gmm_core_node_named(core, "m7")->address, NETWORK + 2);
	next_manager();
	assert_int_equal(gmm_core_node_named(core, "m7")->id, GMM_NODE_FIRST + 3);
	/* One of the file can be forgotten when the file has let go of it. */
	assert_int_equal(gmm_core_node_set_admin(core, "m1", GMM_ADMIN_RETIRED, rack->now_ns), -EBUSY);
	end();
}

static void test_nodes_of_the_file_are_not_forgotten(void **state)
{
	(void)state;
	begin();
	gmm_core_node_set_admin(core, "m1", GMM_ADMIN_CORDONED, rack->now_ns);
	gmm_core_node_set_admin(core, "m1", GMM_ADMIN_MAINTENANCE, rack->now_ns);
	assert_int_equal(gmm_core_node_set_admin(core, "m1", GMM_ADMIN_RETIRED, rack->now_ns), 0);
	assert_int_equal(gmm_core_node_forget(core, "m1", rack->now_ns), -EBUSY);
	assert_string_equal(core->refusal, "m1 stands in the configuration file: take its section out and start gmmd again, then forget it");
	end();
}

/* Rows that no manager writes. */
static void test_rows_that_make_no_sense(void **state)
{
	struct gmm_record record = { .kind = GMM_RECORD_NODE, .slot = 0, .node = { .name = "m1", .role = WIRE_ROLE_MEMORY,
				     .address = NETWORK + 9, .mac = { 2, 1 }, .origin = GMM_ORIGIN_ADMITTED } };
	struct gmm_record other = record;

	(void)state;
	rack = rack_new();
	core = rack->core;
	other.node.origin = GMM_ORIGINS;
	assert_int_equal(gmm_core_restore(core, &other, 1), -EINVAL);
	other.node.origin = GMM_ORIGIN_FORGOTTEN;
	assert_int_equal(gmm_core_restore(core, &other, 1), -EINVAL);
	memset(other.node.domain, 'x', sizeof(other.node.domain));
	other.node.origin = GMM_ORIGIN_ADMITTED;
	assert_int_equal(gmm_core_restore(core, &other, 1), -EINVAL);
	assert_int_equal(gmm_core_restore(core, &record, 1), 0);
	record.slot = 1;
	strcpy(record.node.name, "m2");
	assert_int_equal(gmm_core_restore(core, &record, 1), -EINVAL);
	record.node.mac[1] = 2;
	assert_int_equal(gmm_core_restore(core, &record, 1), -EINVAL);
	record.node.address++;
	assert_int_equal(gmm_core_restore(core, &record, 1), 0);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_machines_with_one_mac),
		cmocka_unit_test(test_two_machines_with_one_uuid),
		cmocka_unit_test(test_uuids_that_mean_nothing),
		cmocka_unit_test(test_nodes_of_the_file),
		cmocka_unit_test(test_admissions_outlive_the_manager),
		cmocka_unit_test(test_the_file_goes_first),
		cmocka_unit_test(test_retired_and_forgotten),
		cmocka_unit_test(test_nodes_of_the_file_are_not_forgotten),
		cmocka_unit_test(test_rows_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
