// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: restart policies (R1, R2 of gmm/core/restart.c), crash loops, lost components. */
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST
#define P2 (GMM_NODE_FIRST + 1)

static const struct wire_blob blob = { .len_bytes = 1 };

/* What the daemon does every turn. */
static void offer(struct rack *rack)
{
	struct gmm_vm *vm;

	while (gmm_core_offer_wanted(rack->core, &vm))
		gmm_core_offered(rack->core, vm, &blob, &blob, 0, "", rack->now_ns);
}

static struct gmm_vm *vm_a(struct rack *rack)
{
	return gmm_core_vm_named(rack->core, "a");
}

static void run(struct rack *rack, uint64_t ns)
{
	for (uint64_t passed = 0; passed < ns; passed += SECOND / 2) {
		struct gmm_vm *vm = vm_a(rack);

		/* One that was made anew is polled as what it was told. */
		if (model_state_of(model_of(rack, vm->node), vm->id) == WIRE_VM_CREATED)
			model_state(model_of(rack, vm->node), vm->id, WIRE_VM_CREATED);
		offer(rack);
		rack_run(rack, SECOND / 2);
	}
}

static void vm_says(struct rack *rack, uint32_t state, const char *reason)
{
	struct gmm_vm *vm = vm_a(rack);
	struct wire_vm_event event = { .vm = vm->id, .state = state, .status = state == WIRE_VM_FAILED ? -EIO : 0 };

	strcpy(event.reason, reason);
	assert_int_equal(gmm_core_vm_event(rack->core, vm->node, &event, rack->now_ns), 0);
	model_state(model_of(rack, vm->node), vm->id, state);
}

/* A VM that runs, on one of two process components. */
static struct rack *with_vm(uint32_t restart, uint32_t max, uint32_t window_s)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 1);
	struct gmm_finished finished;
	uint64_t operation;

	spec.restart = restart;
	spec.restart_max = max;
	spec.restart_window_s = window_s;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &blob, &blob, &operation, rack->now_ns), 0);
	rack_settle(rack);
	vm_says(rack, WIRE_VM_RUNNING, "");
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	return rack;
}

/* It ends with this state; is it started again? */
static bool comes_back(struct rack *rack, uint32_t state)
{
	uint32_t before = vm_a(rack)->restarts;

	vm_says(rack, state, state == WIRE_VM_FAILED ? "impossible" : "");
	for (uint32_t i = 0; i < 240 && vm_a(rack)->state == state; i++)
		run(rack, SECOND / 2);
	if (vm_a(rack)->state != WIRE_VM_LOADING)
		return false;
	assert_true(vm_a(rack)->restarts == before + 1 || vm_a(rack)->restarts == 1);
	vm_says(rack, WIRE_VM_RUNNING, "");
	run(rack, SECOND);
	return true;
}

static void test_policies(void **state)
{
	static const struct { uint32_t restart; bool failed, powered_off; } cases[] = {
		{ GMM_RESTART_NO, false, false }, { GMM_RESTART_ON_FAILURE, true, false }, { GMM_RESTART_ALWAYS, true, true },
	};

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct rack *rack = with_vm(cases[i].restart, 0, 0);

		assert_int_equal(comes_back(rack, WIRE_VM_FAILED), cases[i].failed);
		assert_int_equal(comes_back(rack, WIRE_VM_POWERED_OFF), cases[i].powered_off);
		rack_compare_rows(rack);
		rack_free(rack);
	}
}

/* R1 */
static void test_a_stop_is_never_undone(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 0, 0);
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	run(rack, 100 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_STOPPED);
	/* Nor is one that comes while it waits for its restart; the state stays what it was. */
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &blob, &blob, &operation, rack->now_ns), 0);
	rack_settle(rack);
	vm_says(rack, WIRE_VM_RUNNING, "");
	run(rack, SECOND);
	vm_says(rack, WIRE_VM_FAILED, "impossible");
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	run(rack, 100 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_FAILED);
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), -EBUSY);
	rack_free(rack);
}

static void test_a_crash_loop_ends(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ON_FAILURE, 3, 600);
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_true(comes_back(rack, WIRE_VM_FAILED));
	assert_false(comes_back(rack, WIRE_VM_FAILED));
	assert_true(vm_a(rack)->looping);
	/* A manager that starts again does not begin anew. */
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	rack_return(rack);
	run(rack, 700 * SECOND);
	assert_true(vm_a(rack)->looping);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_FAILED);
	/* The operator can leave it so, or try again. */
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), 0);
	assert_false(vm_a(rack)->looping);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &blob, &blob, &operation, rack->now_ns), 0);
	rack_settle(rack);
	vm_says(rack, WIRE_VM_RUNNING, "");
	run(rack, SECOND);
	assert_true(comes_back(rack, WIRE_VM_FAILED));
	rack_free(rack);
}

/* Ends that are far apart are no loop. */
static void test_the_window_moves_on(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 2, 60);

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		assert_true(comes_back(rack, WIRE_VM_POWERED_OFF));
		run(rack, 40 * SECOND);
	}
	assert_false(vm_a(rack)->looping);
	rack_free(rack);
}

static void test_a_restart_outlives_the_manager(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 0, 0);

	(void)state;
	vm_says(rack, WIRE_VM_POWERED_OFF, "");
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	rack_return(rack);
	run(rack, 5 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_LOADING);
	rack_free(rack);
}

/* R2: with its component lost for longer than the grace time, it is made anew elsewhere, with another id, and started. */
static void test_a_lost_vm_is_made_anew(void **state)
{
	(void)state;
	for (uint32_t restart = GMM_RESTART_NO; restart < GMM_RESTARTS; restart++) {
		struct rack *rack = with_vm(restart, 0, 0);
		uint32_t node = vm_a(rack)->node;
		uint64_t id = vm_a(rack)->id;

		model_of(rack, node)->linked = false;
		run(rack, 20 * SECOND);
		if (restart != GMM_RESTART_ALWAYS) {
			assert_int_equal(vm_a(rack)->phase, GMM_VM_GONE);
			rack_free(rack);
			continue;
		}
		assert_int_equal(vm_a(rack)->phase, GMM_VM_READY);
		assert_int_equal(vm_a(rack)->node, node == P1 ? P2 : P1);
		assert_true(vm_a(rack)->id != id);
		assert_int_equal(vm_a(rack)->state, WIRE_VM_LOADING);
		for (uint32_t at = vm_a(rack)->region_first; at != GMM_NONE; at = rack->core->regions[at].next)
			assert_int_equal(rack->core->regions[at].vm, vm_a(rack)->id);
		vm_says(rack, WIRE_VM_RUNNING, "");
		/* The one that is out of reach still has the old one. It is destroyed there when it is back. */
		assert_true(held_find(model_of(rack, node), id) >= 0);
		model_of(rack, node)->linked = true;
		run(rack, 5 * SECOND);
		assert_true(held_find(model_of(rack, node), id) < 0);
		rack_compare(rack);
		rack_compare_rows(rack);
		rack_free(rack);
	}
}

/* Without room it waits, and counts no restarts; a failure while it is made leaves it lost, not forgotten. */
static void test_it_waits_for_room(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 0, 0);
	uint32_t node = vm_a(rack)->node, other = node == P1 ? P2 : P1;

	(void)state;
	assert_int_equal(gmm_core_node_set_admin(rack->core, gmm_core_node(rack->core, other)->name, GMM_ADMIN_CORDONED, rack->now_ns), 0);
	model_of(rack, node)->linked = false;
	run(rack, 100 * SECOND);
	assert_int_equal(vm_a(rack)->phase, GMM_VM_GONE);
	assert_int_equal(vm_a(rack)->restarts, 0);
	assert_non_null(strstr(vm_a(rack)->reason, "no process component can take the VM"));
	model_of(rack, other)->refuse_type = WIRE_VM_CREATE;
	model_of(rack, other)->refuse_status = -ENOSPC;
	assert_int_equal(gmm_core_node_set_admin(rack->core, gmm_core_node(rack->core, other)->name, GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	for (uint32_t i = 0; i < 40 && vm_a(rack)->restarts == 0; i++)
		run(rack, SECOND / 2);
	assert_int_equal(vm_a(rack)->phase, GMM_VM_GONE);
	assert_non_null(strstr(vm_a(rack)->reason, "refused the VM"));
	run(rack, 20 * SECOND);
	assert_int_equal(vm_a(rack)->node, other);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_LOADING);
	model_of(rack, node)->linked = true;
	run(rack, 5 * SECOND);
	rack_compare(rack);
	rack_free(rack);
}

/* ---------------------------------------------------------------- stop and kill */

static int stop(struct rack *rack, uint64_t grace_s, uint64_t *operation)
{
	return gmm_core_vm_stop(rack->core, "a", grace_s * 1000, operation, rack->now_ns);
}

static void ended(struct rack *rack, uint64_t operation, uint32_t state)
{
	struct gmm_finished finished;

	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(vm_a(rack)->state, state);
	assert_false(vm_a(rack)->wanted);
}

static void test_a_stop_asks_first(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 0, 0);
	struct gmm_finished finished;
	uint64_t operation;
	uint32_t done, total;

	(void)state;
	assert_int_equal(stop(rack, 3601, &operation), -EINVAL);
	assert_int_equal(stop(rack, 60, &operation), 0);
	run(rack, 20 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_RUNNING);
	assert_string_equal(gmm_operation_progress(gmm_core_operation(rack->core, operation), &done, &total), "guest");
	assert_false(rack_finished(rack, operation, &finished));
	vm_says(rack, WIRE_VM_POWERED_OFF, "");
	rack_settle(rack);
	ended(rack, operation, WIRE_VM_POWERED_OFF);
	run(rack, 100 * SECOND);	/* R1: it always restarts, but for this */
	assert_int_equal(vm_a(rack)->state, WIRE_VM_POWERED_OFF);
	rack_free(rack);
}

static void test_after_the_grace_it_is_ended(void **state)
{
	static const int refusals[] = { 0, -EOPNOTSUPP, -EBUSY };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
		uint64_t operation;

		model_of(rack, vm_a(rack)->node)->refuse_type = refusals[i] ? WIRE_VM_BUTTON : 0;
		model_of(rack, vm_a(rack)->node)->refuse_status = refusals[i];
		assert_int_equal(stop(rack, 10, &operation), 0);
		rack_settle(rack);
		/* One whose component knows of no button is not waited for. */
		assert_int_equal(vm_a(rack)->state, refusals[i] ? WIRE_VM_STOPPED : WIRE_VM_RUNNING);
		run(rack, 12 * SECOND);
		ended(rack, operation, WIRE_VM_STOPPED);
		rack_free(rack);
	}
}

static void test_who_cannot_hear_is_not_asked(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
		uint64_t operation;

		if (i == 0)
			vm_says(rack, WIRE_VM_PAUSED, "m1 does not answer");
		model_of(rack, vm_a(rack)->node)->refuse_type = WIRE_VM_BUTTON;
		model_of(rack, vm_a(rack)->node)->refuse_status = -EIO;
		assert_int_equal(i == 2 ? gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns) : stop(rack, i == 0 ? 60 : 0, &operation), 0);
		rack_settle(rack);
		ended(rack, operation, WIRE_VM_STOPPED);
		rack_free(rack);
	}
}

static struct gmm_record *row_of(struct rack *rack, uint64_t operation)
{
	for (uint32_t i = 0; i < rack->row_count; i++)
		if (rack->rows[i].kind == GMM_RECORD_OPERATION && rack->rows[i].operation.id == operation)
			return &rack->rows[i];
	fail_msg("the operation has no row");
	return NULL;
}

/* No manager for so long, then the next one. */
static void next_manager(struct rack *rack, uint64_t ns)
{
	rack_keep(rack);
	rack_compare_rows(rack);
	rack->now_ns += ns;
	rack_kill(rack);
	rack_return(rack);
}

/* The button is pressed again, and what is left of the time of grace is waited for: by the wall clock, whoever waits. */
static void test_a_stop_outlives_the_manager(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_ALWAYS, 0, 0);
	uint64_t operation;

	(void)state;
	assert_int_equal(stop(rack, 100, &operation), 0);
	run(rack, 20 * SECOND);
	next_manager(rack, 40 * SECOND);
	assert_int_equal(gmm_core_operation(rack->core, operation)->grace_ns, 100 * SECOND);
	run(rack, 35 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_RUNNING);
	next_manager(rack, 0);
	run(rack, 3 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_RUNNING);
	run(rack, 3 * SECOND);
	ended(rack, operation, WIRE_VM_STOPPED);
	rack_free(rack);
}

static void test_a_grace_that_ended_meanwhile(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
	uint64_t operation;

	(void)state;
	assert_int_equal(stop(rack, 100, &operation), 0);
	run(rack, 20 * SECOND);
	/* It is not asked again, but ended. */
	model_of(rack, vm_a(rack)->node)->refuse_type = WIRE_VM_BUTTON;
	model_of(rack, vm_a(rack)->node)->refuse_status = -EIO;
	next_manager(rack, 81 * SECOND);
	rack_settle(rack);
	ended(rack, operation, WIRE_VM_STOPPED);
	rack_free(rack);
}

/* A clock that was set back while no manager ran makes no grace longer; a row that says nonsense is refused. */
static void test_a_grace_is_never_longer(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
	uint64_t operation;

	(void)state;
	assert_int_equal(stop(rack, 10, &operation), 0);
	run(rack, SECOND);
	rack_keep(rack);
	row_of(rack, operation)->operation.grace_until_wall_ns += 1000000 * SECOND;
	rack_kill(rack);
	rack_return(rack);
	run(rack, 12 * SECOND);
	ended(rack, operation, WIRE_VM_STOPPED);
	rack_free(rack);
}

/* Its component was not asked yet: the whole time is before it. */
static void test_a_grace_that_has_not_begun(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
	uint64_t operation;

	(void)state;
	assert_int_equal(stop(rack, 10, &operation), 0);
	next_manager(rack, 20 * SECOND);
	run(rack, 9 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_RUNNING);
	run(rack, 3 * SECOND);
	ended(rack, operation, WIRE_VM_STOPPED);
	rack_free(rack);
}

static void test_a_grace_out_of_range(void **state)
{
	struct rack *rack = with_vm(GMM_RESTART_NO, 0, 0);
	struct gmm_record row;
	uint64_t operation;

	(void)state;
	assert_int_equal(stop(rack, 10, &operation), 0);
	rack_keep(rack);
	row = *row_of(rack, operation);
	row.operation.grace_ns = GMM_STOP_GRACE_MS_MAX * UINT64_C(1000000) + 1;
	assert_int_equal(gmm_core_restore(rack->core, &row, rack->now_ns), -EINVAL);
	assert_non_null(strstr(rack->core->refusal, "time of grace"));
	rack_free(rack);
}

static void test_numbers(void **state)
{
	static const uint32_t bad[][3] = {
		{ GMM_RESTARTS, 1, 1 }, { 1, GMM_RESTART_MAX_LIMIT + 1, 1 }, { 1, 1, GMM_RESTART_WINDOW_S_LIMIT + 1 }, { 1, 1, 0 }, { 1, 0, 1 },
	};
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 1);
	uint64_t operation;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		spec.restart = bad[i][0];
		spec.restart_max = bad[i][1];
		spec.restart_window_s = bad[i][2];
		assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EINVAL);
		assert_string_equal(rack->core->refusal,
				    "a guest is started again 1 to 1000 times in 1 to 604800 seconds; give both numbers or none");
	}
	assert_int_equal(gmm_restart_named("always"), GMM_RESTART_ALWAYS);
	assert_int_equal(gmm_restart_named("sometimes"), GMM_RESTARTS);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_a_stop_is_never_undone),
		cmocka_unit_test(test_a_crash_loop_ends),
		cmocka_unit_test(test_the_window_moves_on),
		cmocka_unit_test(test_a_restart_outlives_the_manager),
		cmocka_unit_test(test_a_lost_vm_is_made_anew),
		cmocka_unit_test(test_it_waits_for_room),
		cmocka_unit_test(test_a_stop_asks_first),
		cmocka_unit_test(test_after_the_grace_it_is_ended),
		cmocka_unit_test(test_who_cannot_hear_is_not_asked),
		cmocka_unit_test(test_a_stop_outlives_the_manager),
		cmocka_unit_test(test_a_grace_that_ended_meanwhile),
		cmocka_unit_test(test_a_grace_is_never_longer),
		cmocka_unit_test(test_a_grace_that_has_not_begun),
		cmocka_unit_test(test_a_grace_out_of_range),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
