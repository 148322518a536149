/* SPDX-License-Identifier: GPL-2.0-only */
/* A rack that is healthy, and what is asked of its checks. */
#ifndef PLENUM_TEST_GMM_HEALTH_FIXTURE_H
#define PLENUM_TEST_GMM_HEALTH_FIXTURE_H

#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)

static struct gmm_health_facts facts;

static inline const struct gmm_health_check *check(struct rack *rack, enum gmm_health_code code)
{
	gmm_core_health_update(rack->core, &facts, rack->now_ns);
	return &rack->core->health.checks[code];
}

#define RAISED(rack, code, number) assert_int_equal(check(rack, GMM_HEALTH_##code)->finding.count, number)
#define CLEARED(rack, code) RAISED(rack, code, 0)
/* In the first detail line, or in the summary. */
#define FOUND(rack, code) (&rack->core->health.checks[GMM_HEALTH_##code].finding)
#define SAYS(rack, code, words) assert_non_null(strstr(FOUND(rack, code)->detail[0], words))
#define SUMS_UP(rack, code, words) assert_non_null(strstr(FOUND(rack, code)->summary, words))

static inline struct rack *rack_of(uint32_t *p1, uint32_t *m1, uint32_t *m2)
{
	struct rack *rack = rack_new();

	memset(&facts, 0, sizeof(facts));
	*p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	*m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 20 * REGION_MIB);
	*m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 20 * REGION_MIB);
	gmm_core_health_update(rack->core, &facts, rack->now_ns);
	assert_int_equal(gmm_core_health_status(rack->core), GMM_HEALTH_OK);
	return rack;
}

#define RACK uint32_t p1, m1, m2; struct rack *rack = rack_of(&p1, &m1, &m2); (void)state; (void)p1; (void)m1; (void)m2

static inline uint64_t events_of(const struct rack *rack, const char *code)
{
	const struct gmm_event *event;
	uint64_t count = 0;

	for (uint64_t at = 0; (event = gmm_core_event_after(rack->core, at)); at = event->sequence)
		count += event->kind == GMM_EVENT_HEALTH && strcmp(event->object, code) == 0;
	return count;
}

static inline void vm_says(struct rack *rack, const char *name, uint32_t vm_state, const char *reason)
{
	const struct gmm_vm *vm = gmm_core_vm_named(rack->core, name);
	struct wire_vm_event event = { .vm = vm->id, .state = vm_state };

	strcpy(event.reason, reason);
	assert_int_equal(gmm_core_vm_event(rack->core, vm->node, &event, rack->now_ns), 0);
}

static inline void join_as(struct rack *rack, uint32_t id, void (*change)(struct wire_node_join *join, uint32_t *address))
{
	const struct gmm_node *node = gmm_core_node(rack->core, id);
	struct wire_node_join join = node->join;
	struct wire_node_joined joined;
	uint32_t address = node->address;

	change(&join, &address);
	assert_true(gmm_core_join(rack->core, &join, address, &joined, rack->now_ns) < 0);
}

#endif
