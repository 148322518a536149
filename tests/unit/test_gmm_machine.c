// SPDX-License-Identifier: GPL-2.0-only
/* Machines that are no nodes: how they are seen, and admitted by name or rule. */
#include "tests/unit/gmm_machine_fixture.h"

/* ---------------------------------------------------------------- seen */

static void test_discovered_then_pending(void **state)
{
	struct gmm_inventory inventory = machine(7, false);
	const struct gmm_machine *found;

	(void)state;
	begin();
	assert_int_equal(asks(&inventory), GMM_ANSWER_TELL);
	found = gmm_core_machine(core, inventory.mac);
	assert_int_equal(found->life, GMM_LIFE_DISCOVERED);
	assert_int_equal(found->address, FROM);
	assert_int_equal(asks(&inventory), GMM_ANSWER_TELL);
	inventory = machine(7, true);
	assert_int_equal(asks(&inventory), GMM_ANSWER_WAIT);
	assert_int_equal(found->life, GMM_LIFE_PENDING);
	assert_string_equal(found->inventory.serial, "S1");
	assert_string_equal(last_event()->object, "52:54:00:00:00:07");
	assert_string_equal(last_event()->text, "waits to be admitted: Other P1, serial S1, memory 8192 MiB; gmm node pending");
	/* Asking again without its inventory, it is still known. */
	inventory = machine(7, false);
	assert_int_equal(asks(&inventory), GMM_ANSWER_WAIT);
	assert_string_equal(found->inventory.serial, "S1");
	assert_int_equal(found->asked, 4);
	/* No words for a node are words for it. */
	assert_int_equal(gmm_core_node_set_admin(core, "52:54:00:00:00:07", GMM_ADMIN_CORDONED, rack->now_ns), -EBUSY);
	assert_string_equal(core->refusal, "52:54:00:00:00:07 is pending and not a node yet; from there: admitted (gmm node admit), "
					   "forgotten (gmm node reject)");
	assert_int_equal(gmm_core_machine_reject(core, inventory.mac, rack->now_ns), 0);
	assert_int_equal(gmm_core_machine_reject(core, inventory.mac, rack->now_ns), -ENOENT);
	assert_int_equal(waiting(), 0);
	end();
}

/* However many strangers come: nodes stay, those that wait stay, and the table is as large as it is. */
static void test_a_flood(void **state)
{
	struct gmm_inventory inventory;
	uint64_t events;

	(void)state;
	begin();
	assert_int_equal(appears(1), GMM_ANSWER_WAIT);
	events = core->event_sequence;
	for (uint32_t i = 0; i < 20 * GMM_MACHINES_MAX; i++) {
		inventory = (struct gmm_inventory){ .mac = { 0x52, 0x55, 0, 1, (uint8_t)(i >> 8), (uint8_t)i } };
		rack->now_ns++;
		assert_int_equal(asks(&inventory), GMM_ANSWER_TELL);
	}
	assert_int_equal(core->event_sequence, events);
	assert_int_equal(waiting(), GMM_MACHINES_MAX);
	inventory = machine(1, false);
	assert_int_equal(gmm_core_machine(core, inventory.mac)->life, GMM_LIFE_PENDING);
	/* With inventories, too: then the next one is turned away, until one has not been heard of for long. */
	for (uint32_t i = 0; i < 20 * GMM_MACHINES_MAX; i++) {
		inventory = (struct gmm_inventory){ .mac = { 0x52, 0x55, 0, 2, (uint8_t)(i >> 8), (uint8_t)i }, .complete = true };
		asks(&inventory);
	}
	assert_true(core->event_sequence <= events + 1);
	assert_int_equal(asks(&inventory), GMM_ANSWER_REFUSED);
	assert_string_equal(core->refusal, "too many machines wait to be admitted");
	inventory = machine(1, false);
	assert_int_equal(gmm_core_machine(core, inventory.mac)->life, GMM_LIFE_PENDING);
	assert_int_equal(gmm_core_node_named(core, "m1")->life, GMM_LIFE_UP);
	rack->now_ns += GMM_MACHINE_AWAY_NS;
	inventory.mac[3] = 3;
	assert_int_equal(asks(&inventory), GMM_ANSWER_TELL);
	assert_int_equal(core->node_count, 2);
	end();
}

/* ---------------------------------------------------------------- admitted by name */

static void test_admitted_by_name(void **state)
{
	struct gmm_inventory inventory = machine(7, true);
	struct gmm_node *node;
	uint32_t address;
	int id;

	(void)state;
	begin();
	assert_int_equal(appears(7), GMM_ANSWER_WAIT);
	assert_int_equal(gmm_core_node_admit_check(core, &(struct gmm_admission){ .name = "m7", .role = WIRE_ROLE_MEMORY,
			 .mac = { 0x52, 0x54, 0, 0, 0, 7 } }, &address, rack->now_ns), 0);
	assert_int_equal(address, NETWORK + 2);
	assert_int_equal(core->node_count, 2);
	id = admit("m7", 7);
	assert_int_equal(id, GMM_NODE_FIRST + 2);
	node = gmm_core_node(core, (uint32_t)id);
	assert_int_equal(node->life, GMM_LIFE_ADMITTED);
	assert_int_equal(node->address, NETWORK + 2);
	assert_memory_equal(node->uuid, inventory.uuid, GMM_UUID_BYTES);
	assert_int_equal(waiting(), 0);
	assert_string_equal(last_event()->text, "admitted by the operator: memory component, MAC 52:54:00:00:00:07, address 10.77.0.2");
	assert_int_equal(asks(&inventory), GMM_ANSWER_NODE);
	end();
}

static void test_what_cannot_be_admitted(void **state)
{
	static const struct { const char *name; uint8_t mac5; uint32_t address; int status; const char *why; } cases[] = {
		{ "", 9, 0, -EINVAL, "a node's name" }, { "a b", 9, 0, -EINVAL, "a node's name" }, { "..", 9, 0, -EINVAL, "a node's name" },
		{ "m1", 9, 0, -EEXIST, "there is a node named m1 already, which is up; from there: cordoned (gmm node cordon)" },
		{ "m9", 9, NETWORK, -EINVAL, "the network's own" }, { "m9", 9, NETWORK + 255, -EINVAL, "broadcast" },
		{ "m9", 9, NETWORK + 1, -EINVAL, "10.77.0.1 cannot be a node's: it is the manager's own" },
		{ "m9", 9, 0x0a4d0109, -EINVAL, "not in the manager's network" }, { "m9", 9, NETWORK + 11, -EEXIST, "p1 has it" },
	};
	struct gmm_admission made;
	uint32_t address;

	(void)state;
	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		made = admission(cases[i].name, cases[i].mac5);
		made.address = cases[i].address;
		assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), cases[i].status);
		if (!strstr(core->refusal, cases[i].why))
			fail_msg("'%s' is not '%s'", core->refusal, cases[i].why);
	}
	made = admission("m9", 9);
	memcpy(made.mac, gmm_core_node_named(core, "m1")->mac, 6);
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EEXIST);
	assert_string_equal(core->refusal, "this MAC is m1's already");
	memset(made.mac, 0, 6);
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EINVAL);
	made.mac[0] = 1;
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EINVAL);
	made = admission("m9", 9);
	made.role = 0;
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EINVAL);
	made = admission("m9", 9);
	strcpy(made.domain, "a b");
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EINVAL);
	/* What DHCP lends is no node's, and passed when one is looked for. */
	core->config.lent_first = NETWORK + 2;
	core->config.lent_last = NETWORK + 10;
	made = admission("m9", 9);
	made.address = NETWORK + 10;
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -EINVAL);
	assert_string_equal(core->refusal, "10.77.0.10 cannot be a node's: the DHCP server lends it to any machine");
	made.address = 0;
	assert_int_equal(gmm_core_node_admit_check(core, &made, &address, rack->now_ns), 0);
	assert_int_equal(address, NETWORK + 13);
	core->config.lent_last = NETWORK + 255;
	assert_int_equal(gmm_core_node_admit_check(core, &made, &address, rack->now_ns), -ENOSPC);
	core->config.lent_first = 0;
	/* A range that is used up. */
	made = admission("m9", 9);
	made.address_first = NETWORK + 11;
	made.address_last = NETWORK + 12;
	assert_int_equal(gmm_core_node_admit(core, &made, rack->now_ns), -ENOSPC);
	assert_int_equal(core->node_count, 2);
	end();
}

static void test_as_many_nodes_as_there_can_be(void **state)
{
	char name[8];

	(void)state;
	begin();
	for (uint32_t i = 2; i < NODES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(admit(name, (uint8_t)i) > 0);
	}
	assert_int_equal(admit("more", 200), -ENOSPC);
	assert_int_equal(gmm_core_node_set_admin(core, "n5", GMM_ADMIN_RETIRED, rack->now_ns), 0);
	assert_int_equal(admit("more", 200), -ENOSPC);
	assert_int_equal(gmm_core_node_forget(core, "n5", rack->now_ns), 0);
	assert_int_equal(admit("more", 200), GMM_NODE_FIRST + 5);
	assert_null(gmm_core_node_named(core, "n5"));
	end();
}

/* ---------------------------------------------------------------- admitted by rule */

static void test_admitted_by_rule(void **state)
{
	struct gmm_inventory inventory = machine(7, true);
	struct gmm_node *node;

	(void)state;
	begin();
	strcpy(inventory.manufacturer, "ACME Corp");
	inventory.memory_bytes = UINT64_C(128) << 30;
	inventory.complete = false;
	assert_int_equal(asks(&inventory), GMM_ANSWER_TELL);
	assert_null(gmm_core_rule_of(core, &inventory));
	inventory.complete = true;
	/* The answer is to wait: the script comes when the row is kept. */
	assert_int_equal(asks(&inventory), GMM_ANSWER_WAIT);
	node = gmm_core_node_named(core, "m01");
	assert_non_null(node);
	assert_int_equal(node->role, WIRE_ROLE_MEMORY);
	assert_int_equal(node->address, NETWORK + 40);
	assert_string_equal(node->domain, "pdu-a");
	assert_non_null(strstr(last_event()->text, "admitted by the rule big: "));
	assert_int_equal(asks(&inventory), GMM_ANSWER_NODE);
	/* The names and addresses go on, until there are none. */
	for (uint8_t i = 8; i < 11; i++) {
		inventory.mac[5] = inventory.uuid[15] = i;
		assert_int_equal(asks(&inventory), GMM_ANSWER_WAIT);
	}
	assert_int_equal(gmm_core_node_named(core, "m03")->address, NETWORK + 42);
	assert_null(gmm_core_node_named(core, "m04"));
	assert_int_equal(gmm_core_machine(core, inventory.mac)->life, GMM_LIFE_PENDING);
	end();
}

static void test_rules_ask_for_what_is_known(void **state)
{
	struct gmm_inventory inventory = machine(7, true);

	(void)state;
	begin();
	assert_null(gmm_core_rule_of(core, &inventory));
	inventory.mac[2] = 1;
	assert_null(gmm_core_rule_of(core, &inventory));		/* it has not said whether it has SVM */
	inventory.svm = GMM_NO;
	assert_null(gmm_core_rule_of(core, &inventory));
	inventory.svm = GMM_YES;
	assert_string_equal(gmm_core_rule_of(core, &inventory)->name, "hosts");
	strcpy(inventory.manufacturer, "Acme");
	assert_string_equal(gmm_core_rule_of(core, &inventory)->name, "hosts");
	inventory.memory_bytes = UINT64_C(64) << 30;
	assert_string_equal(gmm_core_rule_of(core, &inventory)->name, "big");	/* the first that fits */
	inventory = machine(7, true);
	strcpy(inventory.product, "Q5");
	assert_string_equal(gmm_core_rule_of(core, &inventory)->name, "shown");
	asks(&inventory);
	assert_null(gmm_core_node_named(core, "q1"));			/* it only shows */
	assert_int_equal(gmm_core_machine(core, inventory.mac)->life, GMM_LIFE_PENDING);
	end();
}

static void test_globs_and_patterns(void **state)
{
	char name[NODE_NAME_BYTES];

	(void)state;
	assert_true(gmm_glob("*", "") && gmm_glob("a*b*c", "aXXbYYc") && gmm_glob("A?c", "abC") && gmm_glob("*c", "abcabc") && gmm_glob("", ""));
	assert_false(gmm_glob("a*b", "a") || gmm_glob("?", "") || gmm_glob("abc", "abcd") || gmm_glob("", "a") || gmm_glob("a*c?", "abc"));
	assert_true(gmm_pattern_name("m%02d", 7, name));
	assert_string_equal(name, "m07");
	assert_true(gmm_pattern_name("m%02d", 123, name));
	assert_string_equal(name, "m123");
	assert_true(gmm_pattern_name("a-%d.b", 45, name));
	assert_string_equal(name, "a-45.b");
	assert_true(gmm_pattern_name("%09d", 999, name));
	assert_string_equal(name, "000000999");
	assert_false(gmm_pattern_is_good("m") || gmm_pattern_is_good("m%d%d") || gmm_pattern_is_good("m%") || gmm_pattern_is_good("%s"));
	assert_false(gmm_pattern_is_good("a234567890123456789012345678-%d"));
	assert_true(gmm_pattern_is_good("a23456789012345678901234567-%d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_discovered_then_pending),
		cmocka_unit_test(test_a_flood),
		cmocka_unit_test(test_admitted_by_name),
		cmocka_unit_test(test_what_cannot_be_admitted),
		cmocka_unit_test(test_as_many_nodes_as_there_can_be),
		cmocka_unit_test(test_admitted_by_rule),
		cmocka_unit_test(test_rules_ask_for_what_is_known),
		cmocka_unit_test(test_globs_and_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
