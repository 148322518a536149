// SPDX-License-Identifier: GPL-2.0-only
/* Machines that are no nodes: how they are seen, how they become nodes and end, and that nobody takes another one's place. */
#include "gmm/core/text.h"
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define NETWORK 0x0a4d0000u		/* 10.77.0.0/24 */
#define FROM (NETWORK + 150)

static struct rack *rack;
static struct gmm_core *core;

static const struct gmm_rule rules[] = {
	{ .name = "big", .manufacturer = "acme*", .memory_bytes_min = UINT64_C(64) << 30, .role = WIRE_ROLE_MEMORY, .pattern = "m%02d",
	  .address_first = NETWORK + 40, .address_last = NETWORK + 42, .domain = "pdu-a", .automatic = true },
	{ .name = "hosts", .mac = { 0x52, 0x54, 0x01 }, .mac_bytes = 3, .svm = GMM_YES, .role = WIRE_ROLE_PROCESS, .pattern = "p%d",
	  .automatic = true },
	{ .name = "shown", .product = "Q?", .role = WIRE_ROLE_MEMORY, .pattern = "q%d" },
};

static void configure(void)
{
	core = rack->core;
	core->config.address = NETWORK + 1;
	core->config.prefix = 24;
	core->config.address_first = core->config.address_last = 0;
	gmm_core_set_rules(core, rules, 3);
}

static void begin(void)
{
	rack = rack_new();
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	configure();
}

static void end(void)
{
	gmm_core_check(core);
	rack_free(rack);
}

static struct gmm_inventory machine(uint8_t number, bool complete)
{
	struct gmm_inventory inventory = { .mac = { 0x52, 0x54, 0, 0, 0, number }, .complete = complete };

	memset(inventory.uuid, 0x77, sizeof(inventory.uuid));
	inventory.uuid[15] = number;
	if (complete) {
		strcpy(inventory.manufacturer, "Other");
		strcpy(inventory.product, "P1");
		strcpy(inventory.serial, "S1");
		inventory.memory_bytes = UINT64_C(8) << 30;
	}
	return inventory;
}

static enum gmm_answer asks(const struct gmm_inventory *inventory)
{
	struct gmm_node *node;
	enum gmm_answer answer = gmm_core_machine_asks(core, inventory, FROM, &node, rack->now_ns);

	assert_int_equal(answer == GMM_ANSWER_NODE, node != NULL && answer != GMM_ANSWER_REFUSED);
	return answer;
}

static enum gmm_answer appears(uint8_t number)
{
	struct gmm_inventory inventory = machine(number, false);

	if (asks(&inventory) != GMM_ANSWER_TELL)
		return GMM_ANSWER_REFUSED;
	inventory = machine(number, true);
	return asks(&inventory);
}

static struct gmm_admission admission(const char *name, uint8_t number)
{
	struct gmm_admission made = { .role = WIRE_ROLE_MEMORY, .mac = { 0x52, 0x54, 0, 0, 0, number } };

	text_copy(made.name, sizeof(made.name), name, sizeof(made.name));
	return made;
}

static int admit(const char *name, uint8_t number)
{
	struct gmm_admission made = admission(name, number);

	return gmm_core_node_admit(core, &made, rack->now_ns);
}

static const struct gmm_event *last_event(void)
{
	return gmm_core_event_after(core, core->event_sequence - 1);
}

static uint32_t waiting(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		count += core->machines[i].life != GMM_LIFE_FORGOTTEN;
	return count;
}

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
	assert_memory_equal(m1->uuid, first.uuid, GMM_UUID_BYTES);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	assert_non_null(strstr(conflict(), "m1: another machine asked to boot with its MAC"));
	model_of(rack, m1->id)->linked = false;
	rack_pass(rack, GMM_MACHINE_AWAY_NS - SECOND);
	assert_int_equal(asks(&second), GMM_ANSWER_REFUSED);
	/* Its board was replaced, its card was kept. */
	rack_pass(rack, SECOND);
	assert_int_equal(asks(&second), GMM_ANSWER_NODE);
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
	assert_string_equal(core->refusal, "m7 cannot be forgotten: it is admitted; from there: cordoned (gmm node cordon), "
					   "draining (gmm node drain), retired (gmm node retire)");
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
		cmocka_unit_test(test_discovered_then_pending),
		cmocka_unit_test(test_a_flood),
		cmocka_unit_test(test_admitted_by_name),
		cmocka_unit_test(test_what_cannot_be_admitted),
		cmocka_unit_test(test_as_many_nodes_as_there_can_be),
		cmocka_unit_test(test_admitted_by_rule),
		cmocka_unit_test(test_rules_ask_for_what_is_known),
		cmocka_unit_test(test_globs_and_patterns),
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
