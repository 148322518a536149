// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: a start that cannot end because memory of the VM is out of reach. */
#include "tests/unit/gmm_trouble.h"

#define REGION_MIB (REGION_BYTES >> 20)
#define WAIT_NS (6 * SECOND)		/* a start gives memory that is down 5 s; a rack's step is half of one */

struct starting {
	struct rack *rack;
	struct gmm_vm *vm;		/* "a", a region on each of m1 and m2 */
	uint32_t p1, m2;
	uint64_t operation;
};

static struct starting with_memory_down(void)
{
	struct starting s = { .rack = rack_new() };
	struct gmm_finished finished;

	s.p1 = rack_node(s.rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(s.rack, "m1", WIRE_ROLE_MEMORY, 1024);
	s.m2 = rack_node(s.rack, "m2", WIRE_ROLE_MEMORY, 1024);
	assert_int_equal(rack_create(s.rack, "a", 2 * REGION_MIB, &finished), 0);
	s.vm = gmm_core_vm_named(s.rack->core, "a");
	model_state(model_of(s.rack, s.p1), s.vm->id, WIRE_VM_CREATED);
	model_of(s.rack, s.m2)->linked = false;
	rack_run(s.rack, 2 * LEASE_MS * UINT64_C(1000000));
	assert_int_equal(gmm_core_node(s.rack->core, s.m2)->state, GMM_NODE_DOWN);
	return s;
}

static void start(struct starting *s)
{
	const struct wire_blob none = { 0 };

	assert_int_equal(gmm_core_vm_start(s->rack->core, "a", &none, &none, &s->operation, s->rack->now_ns), 0);
	rack_run(s->rack, SECOND);
	assert_int_equal(s->vm->state, WIRE_VM_LOADING);
}

static void ends_with(struct starting *s, const char *reason)
{
	struct gmm_finished finished;

	assert_true(rack_finished(s->rack, s->operation, &finished));
	assert_int_equal(finished.status, -EHOSTUNREACH);
	assert_non_null(strstr(finished.reason, reason));
}

/* It says which component it is, and the VM can be ended then. */
static void test_memory_that_is_down(void **state)
{
	struct starting s = with_memory_down();
	struct gmm_finished finished;
	char busy[64];

	(void)state;
	start(&s);
	assert_int_equal(gmm_core_vm_kill(s.rack->core, "a", &s.operation, s.rack->now_ns), -EBUSY);
	snprintf(busy, sizeof(busy), "vm.start, number %u; gmm operation show %u", (unsigned)s.operation, (unsigned)s.operation);
	assert_non_null(strstr(s.rack->core->refusal, busy));
	assert_false(rack_finished(s.rack, s.operation, &finished));
	rack_run(s.rack, WAIT_NS);
	ends_with(&s, "m2, which has memory of it, is down");
	assert_int_equal(s.vm->state, WIRE_VM_LOADING);
	assert_int_equal(gmm_core_vm_kill(s.rack->core, "a", &s.operation, s.rack->now_ns), 0);
	rack_run(s.rack, SECOND);
	assert_int_equal(s.vm->state, WIRE_VM_STOPPED);
	rack_free(s.rack);
}

/* A component that is back within the time has the start go on. */
static void test_memory_that_comes_back(void **state)
{
	struct starting s = with_memory_down();
	struct gmm_finished finished;

	(void)state;
	start(&s);
	model_of(s.rack, s.m2)->linked = true;
	rack_run(s.rack, WAIT_NS);
	assert_false(rack_finished(s.rack, s.operation, &finished));
	model_state(model_of(s.rack, s.p1), s.vm->id, WIRE_VM_RUNNING);
	rack_run(s.rack, 2 * SECOND);
	assert_true(rack_finished(s.rack, s.operation, &finished));
	assert_int_equal(finished.status, 0);
	rack_free(s.rack);
}

/* One that started again has lost it: there is nothing to wait for. */
static void test_memory_that_is_lost(void **state)
{
	struct starting s = with_memory_down();

	(void)state;
	model_of(s.rack, s.m2)->linked = true;
	rack_reboot(s.rack, s.m2);
	start(&s);
	rack_run(s.rack, WAIT_NS);
	ends_with(&s, "m2 has lost memory of it for good");
	rack_free(s.rack);
}

/* The next manager asks a component that loads, in vain, what an earlier one offered: not for ever. */
static void test_the_next_manager(void **state)
{
	struct starting s = with_memory_down();
	struct gmm_finished finished;

	(void)state;
	start(&s);
	rack_keep(s.rack);
	rack_kill(s.rack);
	rack_return(s.rack);
	s.vm = gmm_core_vm_named(s.rack->core, "a");
	/* It is expected for a while before it counts as down. */
	for (uint64_t passed = 0; passed < GMM_RETURN_MS * UINT64_C(1000000) + WAIT_NS; passed += SECOND / 2) {
		model_of(s.rack, s.p1)->refuse_type = WIRE_VM_START;
		model_of(s.rack, s.p1)->refuse_status = -EAGAIN;
		rack_settle(s.rack);
		rack_pass(s.rack, SECOND / 2);
	}
	ends_with(&s, "m2, which has memory of it, is down");
	assert_int_equal(gmm_core_vm_kill(s.rack->core, "a", &s.operation, s.rack->now_ns), 0);
	model_of(s.rack, s.p1)->refuse_type = 0;
	rack_run(s.rack, SECOND);
	assert_true(rack_finished(s.rack, s.operation, &finished));
	assert_int_equal(finished.status, 0);
	rack_free(s.rack);
}

/* What is short is told of the components that there are. */
static void test_forgotten_components_are_not_named(void **state)
{
	struct starting s = with_memory_down();
	const struct gmm_admission made = { .role = WIRE_ROLE_MEMORY, .name = "m3", .mac = { 2, 0, 0, 0, 0, 9 } };
	struct gmm_finished finished;

	(void)state;
	assert_true(gmm_core_node_admit(s.rack->core, &made, s.rack->now_ns) > 0);
	assert_int_equal(rack_create(s.rack, "b", 2048, &finished), -ENOSPC);
	assert_non_null(strstr(s.rack->core->refusal, "m2 down, m3 absent"));
	assert_int_equal(gmm_core_node_set_admin(s.rack->core, "m3", GMM_ADMIN_RETIRED, s.rack->now_ns), 0);
	assert_int_equal(gmm_core_node_forget(s.rack->core, "m3", s.rack->now_ns), 0);
	assert_int_equal(rack_create(s.rack, "b", 2048, &finished), -ENOSPC);
	assert_non_null(strstr(s.rack->core->refusal, "m2 down"));
	assert_null(strstr(s.rack->core->refusal, "m3"));
	rack_free(s.rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_that_is_down),
		cmocka_unit_test(test_memory_that_comes_back),
		cmocka_unit_test(test_memory_that_is_lost),
		cmocka_unit_test(test_the_next_manager),
		cmocka_unit_test(test_forgotten_components_are_not_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
