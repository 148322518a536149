// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: moves of regions and drains, refusals with their words, failures at every step. */
#include "tests/unit/gmm_trouble.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define P1 GMM_NODE_FIRST
#define M1 (GMM_NODE_FIRST + 1)
#define M2 (GMM_NODE_FIRST + 2)
#define M3 (GMM_NODE_FIRST + 3)

/* One process component, three memory components; VM "a" with two regions on m1 and m2. */
static struct rack *with_vm(void)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_node(rack, "m3", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	assert_int_equal(rack_create(rack, "a", 2 * REGION_MIB, &finished), 0);
	return rack;
}

static const struct gmm_region *region_of(struct rack *rack, const char *vm, uint32_t index)
{
	uint32_t at = gmm_core_vm_named(rack->core, vm)->region_first;

	while (rack->core->regions[at].index != index)
		at = rack->core->regions[at].next;
	return &rack->core->regions[at];
}

static int move(struct rack *rack, const char *vm, uint32_t index, const char *to, struct gmm_finished *finished)
{
	uint64_t operation;
	int status = gmm_core_region_move(rack->core, vm, index, to, &operation, rack->now_ns);

	if (status)
		return status;
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, finished));
	return finished->status;
}

static uint32_t regions_on(const struct rack *rack, uint32_t node)
{
	return rack->core->nodes[node - GMM_NODE_FIRST].regions;
}

static void test_a_region_moves(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(move(rack, "a", 0, "m3", &finished), 0);
	assert_int_equal(finished.kind, GMM_OPERATION_REGION_MOVE);
	assert_int_equal(finished.moved.pages_moved, 10);
	assert_int_equal(region_of(rack, "a", 0)->node, M3);
	assert_int_equal(region_of(rack, "a", 0)->epoch, 2);
	assert_int_equal(region_of(rack, "a", 1)->node, M2);
	assert_int_equal(regions_on(rack, M1), 0);
	rack_compare(rack);
	/* and back, in an epoch of its own; then it is destroyed where it is */
	assert_int_equal(move(rack, "a", 0, "m1", &finished), 0);
	assert_int_equal(region_of(rack, "a", 0)->epoch, 3);
	rack_compare(rack);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	rack_compare(rack);
	assert_int_equal(rack->core->regions_used, 0);
	rack_free(rack);
}

static void test_refusals(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
#define REFUSED(status, words, vm, index, to) do { \
		assert_int_equal(gmm_core_region_move(rack->core, vm, index, to, &operation, rack->now_ns), status); \
		assert_non_null(strstr(rack->core->refusal, words)); \
	} while (0)
	REFUSED(-ENOENT, "no VM named x", "x", 0, "m3");
	REFUSED(-ENOENT, "no node named x", "a", 0, "x");
	REFUSED(-ENOENT, "a has no region", "a", 2, "m3");
	REFUSED(-EINVAL, "p1 is not a memory component", "a", 0, "p1");
	REFUSED(-EEXIST, "on m1 already", "a", 0, "m1");
	assert_int_equal(gmm_core_region_move(rack->core, "a", 0, "m3", &operation, rack->now_ns), 0);
	REFUSED(-EBUSY, "another region of a", "a", 1, "m3");
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(rack_create(rack, "big", 46 * REGION_MIB, &finished), 0);
	REFUSED(-ENOSPC, "m3 has ", "a", 1, "m3");
	assert_int_equal(rack_destroy(rack, "big"), 0);
	model_of(rack, M3)->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	REFUSED(-EBUSY, "m3 is down", "a", 1, "m3");
	REFUSED(-EBUSY, "p1", "a", 1, (model_of(rack, P1)->linked = false, rack_pass(rack, 4 * SECOND), "m1"));
#undef REFUSED
	rack_free(rack);
}

static void test_what_the_component_refuses_is_given_back(void **state)
{
	static const int types[] = { WIRE_REGION_CREATE, WIRE_VM_REGION_MOVE };

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		struct rack *rack = with_vm();
		struct gmm_finished finished;

		model_of(rack, i ? P1 : M3)->refuse_type = types[i];
		model_of(rack, i ? P1 : M3)->refuse_status = -ENOBUFS;
		assert_int_equal(move(rack, "a", 0, "m3", &finished), -ENOBUFS);
		assert_non_null(strstr(finished.reason, i ? "p1 refused" : "m3 refused"));
		assert_int_equal(region_of(rack, "a", 0)->node, M1);
		assert_int_equal(regions_on(rack, M3), 0);
		rack_compare(rack);
		assert_int_equal(move(rack, "a", 0, "m3", &finished), 0);
		rack_compare(rack);
		rack_free(rack);
	}
}

static void test_an_abandoned_move_changes_nothing(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;

	(void)state;
	model_of(rack, P1)->moves_fail = true;
	assert_int_equal(move(rack, "a", 0, "m3", &finished), -EHOSTUNREACH);
	assert_non_null(strstr(finished.reason, "p1 gave the move up"));
	assert_int_equal(region_of(rack, "a", 0)->node, M1);
	rack_compare(rack);
	model_of(rack, P1)->moves_fail = false;
	assert_int_equal(move(rack, "a", 0, "m3", &finished), 0);
	assert_int_equal(region_of(rack, "a", 0)->epoch, 3);
	rack_free(rack);
}

/* The VM can be started, stopped and destroyed while a region of it moves. */
static void test_a_vm_that_is_destroyed_ends_its_move(void **state)
{
	(void)state;
	for (uint32_t halves = 0; halves < 6; halves++) {
		struct rack *rack = with_vm();
		struct gmm_finished finished;
		uint64_t operation;

		assert_int_equal(gmm_core_region_move(rack->core, "a", 0, "m3", &operation, rack->now_ns), 0);
		rack_run(rack, halves * SECOND / 2);
		assert_int_equal(rack_destroy(rack, "a"), 0);
		rack_run(rack, 2 * SECOND);
		rack_keep(rack);
		while (gmm_core_finished(rack->core, &finished))
			;
		rack_compare(rack);
		assert_int_equal(rack->core->regions_used, 0);
		rack_free(rack);
	}
}

/* ---------------------------------------------------------------- drain */

static int drain(struct rack *rack, const char *name, uint64_t *operation)
{
	return gmm_core_node_drain(rack->core, name, operation, rack->now_ns);
}

static void test_a_drained_node_is_empty_and_takes_nothing(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(rack_create(rack, "b", 7 * REGION_MIB, &finished), 0);
	assert_true(regions_on(rack, M1) >= 3);
	assert_int_equal(drain(rack, "m1", &operation), 0);
	assert_int_equal(rack_create(rack, "c", 3 * REGION_MIB, &finished), 0);
	rack_run(rack, 20 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_true(finished.regions_moved >= 3);
	assert_int_equal(finished.moved.pages_moved, 10 * finished.regions_moved);
	assert_int_equal(regions_on(rack, M1), 0);
	assert_int_equal(model_of(rack, M1)->held_count, 0);
	rack_compare(rack);
	assert_int_equal(rack_create(rack, "d", 3 * REGION_MIB, &finished), 0);
	assert_int_equal(regions_on(rack, M1), 0);
	assert_int_equal(gmm_core_node_drain_cancel(rack->core, "m1", rack->now_ns), 0);
	assert_int_equal(rack_create(rack, "e", 3 * REGION_MIB, &finished), 0);
	assert_true(regions_on(rack, M1) > 0);
	rack_free(rack);
}

static void test_drain_refusals(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(drain(rack, "x", &operation), -ENOENT);
	assert_int_equal(drain(rack, "p1", &operation), -EINVAL);
	assert_int_equal(gmm_core_node_drain_cancel(rack->core, "x", rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_node_drain_cancel(rack->core, "m1", rack->now_ns), -EBUSY);
	assert_int_equal(rack_create(rack, "big", 36 * REGION_MIB, &finished), 0);
	assert_int_equal(drain(rack, "m1", &operation), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "do not fit elsewhere"));
	assert_non_null(strstr(rack->core->refusal, "free: m2 "));
	assert_null(strstr(rack->core->refusal, "m1 1"));	/* what it has left itself is of no use */
	assert_int_equal(gmm_core_node(rack->core, M1)->admin, GMM_ADMIN_ADMITTED);
	assert_int_equal(rack_destroy(rack, "big"), 0);
	assert_int_equal(drain(rack, "m1", &operation), 0);
	assert_int_equal(drain(rack, "m1", &operation), -EBUSY);
	assert_int_equal(gmm_core_region_move(rack->core, "a", 1, "m1", &operation, rack->now_ns), -EBUSY);
	rack_free(rack);
}

/* However often its manager is killed, a drain goes on counting where it was, and says in the end what all of it moved. */
static void test_drain_counts_over_managers(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation, began_ns;
	uint32_t before = 0, kills = 0, total_before;
	const struct gmm_ended *ended;

	(void)state;
	assert_int_equal(rack_create(rack, "b", 18 * REGION_MIB, &finished), 0);
	total_before = regions_on(rack, M1);
	assert_true(total_before > 4);
	assert_int_equal(drain(rack, "m1", &operation), 0);
	began_ns = rack->now_ns;
	while (!gmm_core_ended(rack->core, operation) && kills < 200) {
		const struct gmm_operation *drain = gmm_core_operation(rack->core, operation);
		uint32_t done, total;

		if (drain && drain->step == GMM_STEP_DRAINING) {
			gmm_operation_progress(drain, &done, &total);
			assert_int_equal(total, total_before);
			assert_true(done >= before);
			before = done;
			assert_int_equal(drain->started_ns, began_ns);
		}
		rack_run(rack, 3 * SECOND);
		while (gmm_core_finished(rack->core, &finished))
			;
		rack_keep(rack);
		rack_compare_rows(rack);
		rack_kill(rack);
		rack_return(rack);
		kills++;
	}
	ended = gmm_core_ended(rack->core, operation);
	assert_non_null(ended);
	assert_true(before > 0 && kills > 2);
	assert_int_equal(ended->status, 0);
	assert_int_equal(ended->started_ns, began_ns);
	assert_int_equal(ended->bytes, 40960 * total_before);
	rack_free(rack);
}

static void test_a_cancelled_drain_gives_its_moves_up(void **state)
{
	(void)state;
	for (uint32_t halves = 0; halves < 5; halves++) {
		struct rack *rack = with_vm();
		struct gmm_finished finished;
		uint64_t operation;

		assert_int_equal(drain(rack, "m1", &operation), 0);
		rack_run(rack, halves * SECOND / 2);
		assert_int_equal(gmm_core_node_drain_cancel(rack->core, "m1", rack->now_ns), 0);
		rack_run(rack, 5 * SECOND);
		assert_true(rack_finished(rack, operation, &finished));
		if (halves < 2)
			assert_int_equal(finished.status, -ECANCELED);
		rack_keep(rack);
		while (gmm_core_finished(rack->core, &finished))
			;
		assert_int_equal(gmm_core_vm_named(rack->core, "a")->move, GMM_NONE);
		rack_compare(rack);
		rack_free(rack);
	}
}

static void test_a_drain_tries_again_and_gives_up(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	model_of(rack, P1)->moves_fail = true;
	assert_int_equal(drain(rack, "m1", &operation), 0);
	rack_run(rack, 3 * SECOND);
	model_of(rack, P1)->moves_fail = false;
	rack_run(rack, 10 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	rack_compare(rack);
	model_of(rack, P1)->moves_fail = true;
	assert_int_equal(drain(rack, "m2", &operation), 0);
	rack_run(rack, 60 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, -EIO);
	assert_non_null(strstr(finished.reason, "gave the move up"));
	rack_compare(rack);
	rack_free(rack);
}

static void test_a_drain_of_a_node_that_dies_fails(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(drain(rack, "m1", &operation), 0);
	rack_run(rack, SECOND / 2);
	rack_reboot(rack, M1);
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_true(finished.status < 0);
	rack_free(rack);
}

/* ---------------------------------------------------------------- trouble at every step */

static void trouble_while(bool draining)
{
	for (uint32_t node = P1; node <= M3; node++)
		for (int trouble = 0; trouble < TROUBLES; trouble++)
			for (uint32_t step = 0; step < 9; step++) {
				struct rack *rack = with_vm();
				struct gmm_finished finished;
				uint64_t operation;

				if (draining)
					assert_int_equal(drain(rack, "m1", &operation), 0);
				else
					assert_int_equal(gmm_core_region_move(rack->core, "a", 0, "m3", &operation, rack->now_ns), 0);
				run_some(rack, step);
				make_trouble(rack, node, (enum trouble)trouble);
				rack_run(rack, 14 * SECOND);
				rack_keep(rack);
				rack_compare_rows(rack);
				while (gmm_core_finished(rack->core, &finished))
					;
				for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
					assert_int_equal(rack->core->operations[i].kind, GMM_OPERATION_NONE);
				rack_compare(rack);
				assert_int_equal(rack_destroy(rack, "a"), 0);
				rack_compare(rack);
				assert_int_equal(rack->core->regions_used, 0);
				for (uint32_t i = 0; i < rack->count; i++)
					assert_int_equal(rack->nodes[i].held_count + rack->core->nodes[i].calls, 0);
				rack_free(rack);
			}
}

static void test_trouble_while_moving(void **state)
{
	(void)state;
	trouble_while(false);
}

static void test_trouble_while_draining(void **state)
{
	(void)state;
	trouble_while(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_region_moves),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_what_the_component_refuses_is_given_back),
		cmocka_unit_test(test_an_abandoned_move_changes_nothing),
		cmocka_unit_test(test_a_vm_that_is_destroyed_ends_its_move),
		cmocka_unit_test(test_a_drained_node_is_empty_and_takes_nothing),
		cmocka_unit_test(test_drain_refusals),
		cmocka_unit_test(test_drain_counts_over_managers),
		cmocka_unit_test(test_a_cancelled_drain_gives_its_moves_up),
		cmocka_unit_test(test_a_drain_tries_again_and_gives_up),
		cmocka_unit_test(test_a_drain_of_a_node_that_dies_fails),
		cmocka_unit_test(test_trouble_while_moving),
		cmocka_unit_test(test_trouble_while_draining),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
