/* SPDX-License-Identifier: GPL-2.0-only */
/* A rack with rules, and machines that are no nodes of it and ask for boot scripts. */
#ifndef PLENUM_TEST_GMM_MACHINE_FIXTURE_H
#define PLENUM_TEST_GMM_MACHINE_FIXTURE_H

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

static inline void configure(void)
{
	core = rack->core;
	core->config.address = NETWORK + 1;
	core->config.prefix = 24;
	core->config.address_first = core->config.address_last = 0;
	gmm_core_set_rules(core, rules, 3);
}

static inline void begin(void)
{
	rack = rack_new();
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	configure();
}

static inline void end(void)
{
	gmm_core_check(core);
	rack_free(rack);
}

static inline struct gmm_inventory machine(uint8_t number, bool complete)
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

static inline enum gmm_answer asks(const struct gmm_inventory *inventory)
{
	struct gmm_node *node;
	enum gmm_answer answer = gmm_core_machine_asks(core, inventory, FROM, &node, rack->now_ns);

	assert_int_equal(answer == GMM_ANSWER_NODE, node != NULL && answer != GMM_ANSWER_REFUSED);
	return answer;
}

static inline enum gmm_answer appears(uint8_t number)
{
	struct gmm_inventory inventory = machine(number, false);

	if (asks(&inventory) != GMM_ANSWER_TELL)
		return GMM_ANSWER_REFUSED;
	inventory = machine(number, true);
	return asks(&inventory);
}

static inline struct gmm_admission admission(const char *name, uint8_t number)
{
	struct gmm_admission made = { .role = WIRE_ROLE_MEMORY, .mac = { 0x52, 0x54, 0, 0, 0, number } };

	text_copy(made.name, sizeof(made.name), name, sizeof(made.name));
	return made;
}

static inline int admit(const char *name, uint8_t number)
{
	struct gmm_admission made = admission(name, number);

	return gmm_core_node_admit(core, &made, rack->now_ns);
}

static inline const struct gmm_event *last_event(void)
{
	return gmm_core_event_after(core, core->event_sequence - 1);
}

static inline uint32_t waiting(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		count += core->machines[i].life != GMM_LIFE_FORGOTTEN;
	return count;
}

#endif
