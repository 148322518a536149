// SPDX-License-Identifier: GPL-2.0-only
/* Memory overcommit in the manager's core: promised regions, who gets room, and what goes wrong on the way to a place. */
#include "gmm/core/internal.h"
#include "tests/unit/gmm_trouble.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define P1 GMM_NODE_FIRST
#define M1 (GMM_NODE_FIRST + 1)
#define M2 (GMM_NODE_FIRST + 2)

static struct rack *rack_of(uint64_t regions_each)
{
	struct rack *rack = rack_new();

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, regions_each * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, regions_each * REGION_MIB);
	return rack;
}

static int create_promised(struct rack *rack, const char *name, uint64_t regions)
{
	struct gmm_vm_spec spec = vm_spec(name, regions * REGION_MIB, 1);
	struct gmm_finished finished;

	spec.overcommit = GMM_OVERCOMMIT_MEMORY;
	return rack_create_spec(rack, &spec, &finished);
}

static const struct gmm_vm *vm_named(struct rack *rack, const char *name)
{
	return gmm_core_vm_named(rack->core, name);
}

static void want(struct rack *rack, const char *name, uint32_t index)
{
	assert_true(model_want(rack, P1, vm_named(rack, name)->id, index));
}

static const struct model_region *at_component(struct rack *rack, const char *name, uint32_t index)
{
	return model_region(model_of(rack, P1), vm_named(rack, name)->id, index);
}

static uint64_t reserved(const struct rack *rack)
{
	uint64_t capacity, pages;

	gmm_promise_sums(rack->core, &capacity, &pages);
	return pages / REGION_PAGES;
}

static uint32_t count_of(struct rack *rack, enum gmm_health_code code)
{
	static const struct gmm_health_facts nothing;

	gmm_core_health_update(rack->core, &nothing, rack->now_ns);
	return rack->core->health.checks[code].finding.count;
}

/* ---------------------------------------------------------------- creation */

static void test_creation_reserves_nothing(void **state)
{
	struct rack *rack = rack_of(4);
	const struct gmm_vm *vm;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 3), 0);
	vm = vm_named(rack, "a");
	assert_int_equal(vm->phase, GMM_VM_READY);
	assert_int_equal(gmm_vm_regions_promised(rack->core, vm), 3);
	assert_int_equal(rack->core->pages_promised, 3 * REGION_PAGES);
	assert_int_equal(reserved(rack), 0);
	assert_int_equal(model_of(rack, M1)->held_count + model_of(rack, M2)->held_count, 0);
	rack_compare(rack);
	rack_compare_rows(rack);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(rack->core->pages_promised, 0);
	assert_int_equal(rack->core->regions_used, 0);
	rack_free(rack);
}

/* 8 regions there are, 200 % of it may be promised and reserved. */
static void test_limit_at_creation(void **state)
{
	struct rack *rack = rack_of(4);
	struct gmm_vm_spec spec = vm_spec("d", 5 * REGION_MIB, 1);
	struct gmm_finished finished;
	struct gmm_vm_plan plan;

	(void)state;
	spec.overcommit = GMM_OVERCOMMIT_ALL;
	assert_int_equal(rack_create(rack, "a", 2 * REGION_MIB, &finished), 0);
	assert_int_equal(create_promised(rack, "b", 10), 0);
	assert_int_equal(create_promised(rack, "c", 5), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "have 512 MiB, 128 MiB of it reserved, 640 MiB promised, the VM asks for 320 MiB"));
	assert_non_null(strstr(rack->core->refusal, "memory_overcommit = 200 allows 1024 MiB"));
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), -ENOSPC);
	spec.memory_bytes = 4 * REGION_BYTES;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), 0);
	assert_int_equal(plan.promised, 4);
	assert_int_equal(create_promised(rack, "c", 4), 0);
	/* More is promised than there is, but what is not reserved can still be reserved. */
	assert_int_equal(count_of(rack, GMM_HEALTH_RACK_OVERCOMMITTED), 1);
	assert_int_equal(rack_create(rack, "e", 6 * REGION_MIB, &finished), 0);
	assert_int_equal(rack_create(rack, "f", 1 * REGION_MIB, &finished), -ENOSPC);
	spec.overcommit = GMM_OVERCOMMIT_ALL + 1;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), -EINVAL);
	rack_free(rack);
}

/* ---------------------------------------------------------------- a region gets its place */

static void test_a_region_is_reserved_when_it_is_needed(void **state)
{
	struct rack *rack = rack_of(4);

	(void)state;
	assert_int_equal(create_promised(rack, "a", 3), 0);
	want(rack, "a", 1);
	assert_int_equal(reserved(rack), 1);
	want(rack, "a", 1);	/* asked again before it was told */
	assert_int_equal(reserved(rack), 1);
	rack_settle(rack);
	assert_int_not_equal(at_component(rack, "a", 1)->node, 0);
	assert_int_equal(gmm_vm_regions_promised(rack->core, vm_named(rack, "a")), 2);
	rack_pass(rack, SECOND);
	assert_int_equal(rack->core->places_wanted, 0);
	assert_false(model_want(rack, P1, vm_named(rack, "a")->id, 1));
	rack_compare(rack);
	rack_compare_rows(rack);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(reserved(rack), 0);
	assert_int_equal(model_of(rack, M1)->held_count + model_of(rack, M2)->held_count, 0);
	rack_free(rack);
}

/* A late request of a component that has its place by now: it is told once more, and nothing else. */
static void test_asked_for_again_when_it_is_there(void **state)
{
	struct rack *rack = rack_of(4);
	struct wire_vm_region_wanted wanted = { .index = 0 };

	(void)state;
	assert_int_equal(create_promised(rack, "a", 2), 0);
	want(rack, "a", 0);
	rack_settle(rack);
	wanted.vm = vm_named(rack, "a")->id;
	assert_int_equal(gmm_core_region_wanted(rack->core, P1, &wanted, rack->now_ns), 0);
	rack_settle(rack);
	rack_pass(rack, SECOND);
	assert_int_equal(reserved(rack), 1);
	assert_int_equal(rack->core->places_wanted, 0);
	rack_compare(rack);
	rack_free(rack);
}

static void test_requests_that_make_no_sense(void **state)
{
	struct rack *rack = rack_of(4);
	struct wire_vm_region_wanted wanted = { .index = 2 };
	uint64_t operation;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 2), 0);
	wanted.vm = vm_named(rack, "a")->id;
	assert_int_equal(gmm_core_region_wanted(rack->core, P1, &wanted, rack->now_ns), -EINVAL);
	wanted.index = UINT32_MAX;
	assert_int_equal(gmm_core_region_wanted(rack->core, P1, &wanted, rack->now_ns), -EINVAL);
	wanted.index = 0;
	assert_int_equal(gmm_core_region_wanted(rack->core, M1, &wanted, rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_region_wanted(rack->core, 99, &wanted, rack->now_ns), -ENOENT);
	wanted.vm++;
	assert_int_equal(gmm_core_region_wanted(rack->core, P1, &wanted, rack->now_ns), -ENOENT);
	wanted.vm--;
	assert_int_equal(gmm_core_vm_destroy(rack->core, "a", &operation, rack->now_ns), 0);
	assert_int_equal(gmm_core_region_wanted(rack->core, P1, &wanted, rack->now_ns), -EAGAIN);
	assert_int_equal(reserved(rack), 0);
	gmm_core_check(rack->core);
	rack_settle(rack);
	assert_int_equal(rack->core->regions_used, 0);
	rack_free(rack);
}

/* ---------------------------------------------------------------- no room */

static void test_waits_for_room(void **state)
{
	struct rack *rack = rack_of(2);
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 4), 0);
	assert_int_equal(rack_create(rack, "b", 3 * REGION_MIB, &finished), 0);
	want(rack, "a", 0);
	rack_run(rack, SECOND);
	assert_int_equal(reserved(rack), 4);
	want(rack, "a", 1);
	want(rack, "a", 3);
	rack_run(rack, 60 * SECOND);
	assert_int_equal(at_component(rack, "a", 1)->node, 0);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_WAITS), 1);
	assert_non_null(strstr(rack->core->health.checks[GMM_HEALTH_VM_MEMORY_WAITS].finding.detail[0],
			       "a: needs 128 MiB (2 of 4 regions) for"));
	/* What is reserved for another VM stays reserved. */
	assert_int_equal(reserved(rack), 4);
	rack_compare(rack);
	assert_int_equal(rack_destroy(rack, "b"), 0);
	rack_run(rack, SECOND);
	assert_int_not_equal(at_component(rack, "a", 1)->node, 0);
	assert_int_not_equal(at_component(rack, "a", 3)->node, 0);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_WAITS), 0);
	assert_int_equal(rack->core->places_wanted, 0);
	rack_compare(rack);
	rack_free(rack);
}

static void test_who_waits_longest_gets_room_first(void **state)
{
	struct rack *rack = rack_of(1);
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 1), 0);
	assert_int_equal(create_promised(rack, "b", 1), 0);
	assert_int_equal(rack_create(rack, "c", REGION_MIB, &finished), 0);
	assert_int_equal(rack_create(rack, "d", REGION_MIB, &finished), 0);
	want(rack, "b", 0);
	rack_run(rack, SECOND);
	want(rack, "a", 0);
	rack_run(rack, SECOND);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_WAITS), 2);
	assert_int_equal(rack_destroy(rack, "d"), 0);
	rack_run(rack, SECOND);
	assert_int_not_equal(at_component(rack, "b", 0)->node, 0);
	assert_int_equal(at_component(rack, "a", 0)->node, 0);
	assert_int_equal(rack_destroy(rack, "c"), 0);
	rack_run(rack, SECOND);
	assert_int_not_equal(at_component(rack, "a", 0)->node, 0);
	rack_free(rack);
}

static void test_a_vm_that_waits_can_be_destroyed(void **state)
{
	struct rack *rack = rack_of(1);
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 1), 0);
	assert_int_equal(rack_create(rack, "c", 2 * REGION_MIB, &finished), 0);
	want(rack, "a", 0);
	rack_run(rack, SECOND);
	assert_int_equal(rack->core->places_wanted, 1);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(rack->core->places_wanted, 0);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_WAITS), 0);
	rack_compare(rack);
	rack_free(rack);
}

/* The start of a guest that waits while it is loaded ends, so that it can be killed; it is loaded all the same when there is room. */
static void test_a_start_that_waits_ends(void **state)
{
	struct rack *rack = rack_of(1);
	struct wire_blob kernel = { .len_bytes = 1 }, none = { 0 };
	struct gmm_finished finished;
	uint64_t operation, id;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 1), 0);
	assert_int_equal(rack_create(rack, "c", 2 * REGION_MIB, &finished), 0);
	id = vm_named(rack, "a")->id;
	model_state(model_of(rack, P1), id, WIRE_VM_CREATED);
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &kernel, &none, &operation, rack->now_ns), 0);
	rack_settle(rack);
	want(rack, "a", 0);
	rack_run(rack, 2 * SECOND);
	assert_false(rack_finished(rack, operation, &finished));
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, -ENOSPC);
	assert_int_equal(vm_named(rack, "a")->state, WIRE_VM_LOADING);
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_int_equal(vm_named(rack, "a")->state, WIRE_VM_STOPPED);
	rack_free(rack);
}

/* Room that is kept for a rebuild is not given away. */
static void test_rebuild_reserve_is_kept(void **state)
{
	struct rack *rack = rack_of(2);
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 4), 0);
	assert_int_equal(rack_create(rack, "b", 2 * REGION_MIB, &finished), 0);
	rack->core->config.rebuild_reserve = true;
	want(rack, "a", 0);
	rack_run(rack, SECOND);
	assert_int_equal(reserved(rack), 2);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_WAITS), 1);
	rack->core->config.rebuild_reserve = false;
	rack_run(rack, SECOND);
	assert_int_equal(reserved(rack), 3);
	rack_compare(rack);
	rack_free(rack);
}

/* ---------------------------------------------------------------- trouble */

static void test_a_memory_component_refuses(void **state)
{
	struct rack *rack = rack_of(2);

	(void)state;
	assert_int_equal(create_promised(rack, "a", 2), 0);
	for (uint32_t id = M1; id <= M2; id++) {
		model_of(rack, id)->refuse_type = WIRE_REGION_CREATE;
		model_of(rack, id)->refuse_status = id == M1 ? -ENOSPC : -EBADMSG;
	}
	want(rack, "a", 0);
	rack_settle(rack);
	assert_int_equal(at_component(rack, "a", 0)->node, 0);
	rack_run(rack, 5 * SECOND);
	assert_int_not_equal(at_component(rack, "a", 0)->node, 0);
	assert_int_equal(reserved(rack), 1);
	rack_compare(rack);
	rack_free(rack);
}

/* At every step of the way to a place: a node goes, comes back with or without what it had, or the manager is killed. */
static void test_trouble_at_every_step(void **state)
{
	(void)state;
	for (uint32_t node = P1; node <= M2; node++)
		for (int trouble = 0; trouble < TROUBLES; trouble++)
			for (uint32_t step = 0; step < 4; step++) {
				struct rack *rack = rack_of(4);

				assert_int_equal(create_promised(rack, "a", 3), 0);
				want(rack, "a", 0);
				run_some(rack, step);
				make_trouble(rack, node, (enum trouble)trouble);
				rack_run(rack, 10 * SECOND);
				rack_keep(rack);
				rack_compare_rows(rack);
				rack_compare(rack);
				if (vm_named(rack, "a")->phase == GMM_VM_READY && at_component(rack, "a", 0)->node == 0)
					assert_int_equal(rack->core->regions[vm_named(rack, "a")->region_first].state, GMM_REGION_LOST);
				assert_int_equal(rack_destroy(rack, "a"), 0);
				rack_run(rack, SECOND);
				assert_int_equal(rack->core->regions_used, 0);
				assert_int_equal(rack->core->pages_promised, 0);
				assert_int_equal(rack->core->places_wanted, 0);
				assert_int_equal(model_of(rack, M1)->held_count + model_of(rack, M2)->held_count, 0);
				rack_free(rack);
			}
}

/* What was told is kept where it is, lost or not (M11). */
static void test_a_told_place_is_final(void **state)
{
	struct rack *rack = rack_of(4);
	uint32_t node;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 1), 0);
	want(rack, "a", 0);
	rack_settle(rack);
	node = at_component(rack, "a", 0)->node;
	rack_reboot(rack, node);
	rack_run(rack, 5 * SECOND);
	assert_int_equal(rack->core->regions[vm_named(rack, "a")->region_first].state, GMM_REGION_LOST);
	assert_int_equal(count_of(rack, GMM_HEALTH_VM_MEMORY_LOST), 1);
	rack_free(rack);
}

/* The place is not told yet when its component goes away for long: another one takes the region. */
static void test_placed_elsewhere_when_its_component_stays_away(void **state)
{
	for (uint32_t step = 0; step < 2; step++) {
		struct rack *rack = rack_of(4);
		uint32_t node, other;

		(void)state;
		assert_int_equal(create_promised(rack, "a", 1), 0);
		want(rack, "a", 0);
		node = rack->core->regions[vm_named(rack, "a")->region_first].node;
		other = node == M1 ? M2 : M1;
		if (step == 1) {
			rack_take_output(rack);
			assert_int_equal(rack->flight_count, 1);
			execute(rack, &rack->flights[0]);	/* it is made there, and nobody hears of it */
		}
		model_of(rack, node)->linked = false;
		rack_run(rack, 10 * SECOND);
		assert_int_equal(at_component(rack, "a", 0)->node, other);
		model_of(rack, node)->linked = true;
		rack_run(rack, 5 * SECOND);
		assert_int_equal(model_of(rack, node)->held_count, 0);
		rack_compare(rack);
		rack_free(rack);
	}
}

/* A region that is on its way to its first place is not moved; afterwards it is like any other. */
static void test_moves_and_drains(void **state)
{
	struct rack *rack = rack_of(4);
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(create_promised(rack, "a", 3), 0);
	assert_int_equal(gmm_core_region_move(rack->core, "a", 0, "m1", &operation, rack->now_ns), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "promised"));
	want(rack, "a", 0);
	rack_run(rack, SECOND);
	want(rack, "a", 1);
	rack_run(rack, SECOND);
	assert_int_equal(gmm_core_node_drain(rack->core, "m1", &operation, rack->now_ns), 0);
	rack_run(rack, 10 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(at_component(rack, "a", 0)->node, M2);
	assert_int_equal(at_component(rack, "a", 1)->node, M2);
	rack_compare(rack);
	rack_free(rack);
}

/* ---------------------------------------------------------------- the store */

static void test_rows_that_make_no_sense(void **state)
{
	struct rack *rack = rack_of(4);
	struct gmm_core *fresh = calloc(1, sizeof(*fresh));

	(void)state;
	assert_int_equal(create_promised(rack, "a", 2), 0);
	want(rack, "a", 0);
	rack_settle(rack);
	rack_keep(rack);
	for (int broken = 0; broken < 4; broken++) {
		bool refused = false;

		gmm_core_init(fresh, &rack_config);
		for (int kind = GMM_RECORD_META; kind <= GMM_RECORD_REGION; kind++)
			for (uint32_t slot = 0; slot < 8; slot++) {
				const struct gmm_record like = { .kind = (enum gmm_record_kind)kind, .slot = slot }, *row = NULL;
				struct gmm_record record;

				if (slot < gmm_record_slots((enum gmm_record_kind)kind))
					row = row_find(rack, &like);
				if (!row)
					continue;
				record = *row;
				if (kind == GMM_RECORD_REGION && broken == 0 && record.region.state == GMM_REGION_PROMISED)
					record.region.node = M1;
				if (kind == GMM_RECORD_REGION && broken == 1)
					record.region.node = 0;
				if (kind == GMM_RECORD_REGION && broken == 2)
					record.region.state = GMM_REGION_PROMISED + 1;
				if (kind == GMM_RECORD_VM && broken == 3)
					record.vm.spec.overcommit = GMM_OVERCOMMIT_ALL + 1;
				refused = refused || gmm_core_restore(fresh, &record, rack->now_ns) == -EINVAL;
			}
		assert_true(refused);
	}
	free(fresh);
	rack_free(rack);
}

static void test_names(void **state)
{
	(void)state;
	for (uint32_t overcommit = 0; overcommit <= GMM_OVERCOMMIT_ALL; overcommit++)
		assert_int_equal(gmm_overcommit_named(gmm_overcommit_name(overcommit)), overcommit);
	assert_int_equal(gmm_overcommit_named("memory"), GMM_OVERCOMMIT_MEMORY);
	assert_int_equal(gmm_overcommit_named("everything"), UINT32_MAX);
	assert_int_equal(gmm_overcommit_named(""), UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_creation_reserves_nothing),
		cmocka_unit_test(test_limit_at_creation),
		cmocka_unit_test(test_a_region_is_reserved_when_it_is_needed),
		cmocka_unit_test(test_asked_for_again_when_it_is_there),
		cmocka_unit_test(test_requests_that_make_no_sense),
		cmocka_unit_test(test_waits_for_room),
		cmocka_unit_test(test_who_waits_longest_gets_room_first),
		cmocka_unit_test(test_a_vm_that_waits_can_be_destroyed),
		cmocka_unit_test(test_a_start_that_waits_ends),
		cmocka_unit_test(test_rebuild_reserve_is_kept),
		cmocka_unit_test(test_a_memory_component_refuses),
		cmocka_unit_test(test_trouble_at_every_step),
		cmocka_unit_test(test_a_told_place_is_final),
		cmocka_unit_test(test_placed_elsewhere_when_its_component_stays_away),
		cmocka_unit_test(test_moves_and_drains),
		cmocka_unit_test(test_rows_that_make_no_sense),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
