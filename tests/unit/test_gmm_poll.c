// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: whose turn it is to be asked for its state (L1, L2 of gmm/core/poll.c). */
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST
#define VMS 3

static struct rack *with_vms(void)
{
	static const char *const names[VMS] = { "a", "b", "c" };
	struct rack *rack = rack_new();
	struct gmm_finished finished;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	for (uint32_t i = 0; i < VMS; i++)
		assert_int_equal(rack_create(rack, names[i], 64, &finished), 0);
	rack_settle(rack);
	return rack;
}

static struct gmm_vm *vm(struct rack *rack, const char *name)
{
	return gmm_core_vm_named(rack->core, name);
}

/* Each is asked once a second, and so has counters that are not older. */
static void test_each_once_a_second(void **state)
{
	struct rack *rack = with_vms();

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		rack_run(rack, SECOND / 2);
		for (const char *name = "a\0b\0c\0"; *name; name += 2)
			assert_true(rack->now_ns - vm(rack, name)->counters_ns <= SECOND);
	}
	rack_free(rack);
}

static uint32_t polls(struct rack *rack, uint64_t *first)
{
	static struct gmm_command command;
	uint32_t count = 0;

	rack_keep(rack);
	while (gmm_core_output(rack->core, &command, rack->now_ns)) {
		struct wire_vm_status status = { .state = WIRE_VM_CREATED };

		assert_int_equal(command.type, WIRE_VM_STATE);
		if (count++ == 0)
			memcpy(first, command.body, sizeof(*first));
		gmm_core_result(rack->core, command.token, 0, &status, sizeof(status), rack->now_ns);
		rack_keep(rack);
	}
	gmm_core_check(rack->core);
	return count;
}

/* Nobody is due; then one is wanted, at once and alone. */
static void test_one_at_once(void **state)
{
	struct rack *rack = with_vms();
	uint64_t first = 0;

	(void)state;
	polls(rack, &first);
	assert_int_equal(polls(rack, &first), 0);
	gmm_core_vm_poll(rack->core, vm(rack, "b"));
	gmm_core_check(rack->core);
	assert_int_equal(polls(rack, &first), 1);
	assert_true(first == vm(rack, "b")->id);
	/* The first, the last, twice. */
	gmm_core_vm_poll(rack->core, vm(rack, "b"));
	gmm_core_vm_poll(rack->core, vm(rack, "a"));
	gmm_core_vm_poll(rack->core, vm(rack, "a"));
	assert_int_equal(polls(rack, &first), 2);
	assert_true(first == vm(rack, "a")->id);
	rack->now_ns += SECOND;
	rack_renew(rack);
	assert_int_equal(polls(rack, &first), VMS);
	rack_free(rack);
}

/* Who cannot be asked now does not keep others from it, and has its turn when it can be. */
static void test_who_cannot_be_asked(void **state)
{
	struct rack *rack = with_vms();
	struct gmm_finished finished;
	uint64_t first, operation;

	(void)state;
	rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64);
	assert_int_equal(rack_create(rack, "d", 64, &finished), 0);
	assert_int_equal(vm(rack, "d")->node, P1 + 2);
	polls(rack, &first);
	model_of(rack, P1)->linked = false;
	rack_run(rack, 4 * SECOND);
	assert_int_equal(gmm_core_node(rack->core, P1)->state, GMM_NODE_DOWN);
	gmm_core_vm_poll(rack->core, vm(rack, "d"));
	gmm_core_vm_poll(rack->core, vm(rack, "a"));
	assert_int_equal(polls(rack, &first), 1);
	assert_true(first == vm(rack, "d")->id);
	model_of(rack, P1)->linked = true;
	rack_run(rack, 3 * SECOND);
	assert_true(rack->now_ns - vm(rack, "a")->counters_ns <= SECOND);
	/* L2: those that are no more are not asked for, and their places can be used again. */
	assert_int_equal(gmm_core_vm_destroy(rack->core, "b", &operation, rack->now_ns), 0);
	rack_run(rack, SECOND);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(rack_create(rack, "e", 64, &finished), 0);
	rack_run(rack, 2 * SECOND);
	assert_true(rack->now_ns - vm(rack, "e")->counters_ns <= SECOND);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once_a_second), cmocka_unit_test(test_one_at_once), cmocka_unit_test(test_who_cannot_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
