// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: settings of VMs that exist, what they change at once, what is refused, and that they last. */
#include "gmm/core/text.h"
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST

static const struct wire_blob blob = { .len_bytes = 1 };

static struct gmm_vm *vm_a(struct rack *rack)
{
	return gmm_core_vm_named(rack->core, "a");
}

static uint64_t given_mbps(struct rack *rack)
{
	return gmm_core_node(rack->core, P1)->bandwidth_given_mbps;
}

/* VM "a" on a component with a link of 1000 Mbit/s. */
static struct rack *with_vm(uint32_t bandwidth_mbps)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 1);
	struct gmm_finished finished;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	gmm_core_node_set_link(rack->core, P1, 1000);
	spec.bandwidth_mbps = bandwidth_mbps;
	assert_int_equal(rack_create_spec(rack, &spec, &finished), 0);
	return rack;
}

static int set(struct rack *rack, const struct gmm_vm_settings *settings)
{
	int planned = gmm_core_vm_set_plan(rack->core, "a", settings), status;

	status = gmm_core_vm_set(rack->core, "a", settings, rack->now_ns);
	assert_int_equal(planned, status);
	gmm_core_check(rack->core);
	return status;
}

static void expect_event(struct rack *rack, const char *words)
{
	const struct gmm_event *event = gmm_core_event_after(rack->core, rack->core->event_sequence - 1);

	assert_non_null(event);
	assert_string_equal(event->object, "a");
	assert_string_equal(event->text, words);
}

static void test_bandwidth(void **state)
{
	struct rack *rack = with_vm(300);
	struct gmm_vm_settings settings = gmm_vm_settings(vm_a(rack));
	uint64_t events;

	(void)state;
	assert_int_equal(settings.bandwidth_mbps, 300);
	settings.bandwidth_mbps = 1000;
	assert_int_equal(set(rack, &settings), 0);
	expect_event(rack, "changed: bandwidth from 300 to 1000 Mbit/s");
	assert_int_equal(given_mbps(rack), 1000);
	settings.bandwidth_mbps = 1001;
	assert_int_equal(set(rack, &settings), -ENOSPC);
	assert_string_equal(rack->core->refusal, "p1 has 0 of 1000 Mbit/s left, the VM asks for 1 more");
	assert_int_equal(given_mbps(rack), 1000);
	settings.bandwidth_mbps = 0;
	assert_int_equal(set(rack, &settings), 0);
	assert_int_equal(given_mbps(rack), 0);
	/* What is so already is no change. */
	events = rack->core->event_sequence;
	assert_int_equal(set(rack, &settings), 0);
	assert_true(rack->core->event_sequence == events);
	/* A cordoned component takes nothing more, and gives back. */
	settings.bandwidth_mbps = 100;
	assert_int_equal(set(rack, &settings), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "p1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	settings.bandwidth_mbps = 200;
	assert_int_equal(set(rack, &settings), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "p1 takes nothing more: it is cordoned"));
	settings.bandwidth_mbps = 50;
	assert_int_equal(set(rack, &settings), 0);
	assert_int_equal(given_mbps(rack), 50);
	gmm_core_node_set_link(rack->core, P1, 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "p1", GMM_ADMIN_ADMITTED, rack->now_ns), 0);
	settings.bandwidth_mbps = 51;
	assert_int_equal(set(rack, &settings), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "link = RATE"));
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(given_mbps(rack), 0);
	rack_free(rack);
}

static void test_a_lost_vm_has_no_link(void **state)
{
	struct rack *rack = with_vm(300);
	struct gmm_vm_settings settings = gmm_vm_settings(vm_a(rack));

	(void)state;
	rack_reboot(rack, P1);
	rack_settle(rack);
	assert_int_equal(vm_a(rack)->phase, GMM_VM_GONE);
	assert_int_equal(given_mbps(rack), 0);
	settings.bandwidth_mbps = 5000;
	assert_int_equal(set(rack, &settings), 0);
	assert_int_equal(given_mbps(rack), 0);
	assert_int_equal(vm_a(rack)->spec.bandwidth_mbps, 5000);
	rack_free(rack);
}

static void test_numbers(void **state)
{
	static const struct gmm_vm_settings bad[] = {
		{ GMM_RESTARTS, 1, 1, 0, 0 }, { GMM_RESTART_ALWAYS, 0, 1, 0, 0 }, { GMM_RESTART_ALWAYS, 1, 0, 0, 0 },
		{ GMM_RESTART_ALWAYS, GMM_RESTART_MAX_LIMIT + 1, 1, 0, 0 }, { GMM_RESTART_ALWAYS, 1, GMM_RESTART_WINDOW_S_LIMIT + 1, 0, 0 },
		{ GMM_RESTART_ALWAYS, 1, 1, 0, GMM_SPREAD_MAX + 1 },
	};
	struct rack *rack = with_vm(0);
	struct gmm_vm_settings settings = gmm_vm_settings(vm_a(rack));

	(void)state;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set(rack, &bad[i]), -EINVAL);
	assert_int_equal(gmm_core_vm_set(rack->core, "b", &settings, rack->now_ns), -ENOENT);
	assert_int_equal(vm_a(rack)->spec.restart, GMM_RESTART_NO);
	rack_free(rack);
}

static void vm_says(struct rack *rack, uint32_t state)
{
	struct wire_vm_event event = { .vm = vm_a(rack)->id, .state = state };

	assert_int_equal(gmm_core_vm_event(rack->core, P1, &event, rack->now_ns), 0);
	model_state(model_of(rack, P1), event.vm, state);
}

/* What the daemon does every turn. */
static void run(struct rack *rack, uint64_t ns)
{
	struct gmm_vm *vm;

	for (uint64_t passed = 0; passed < ns; passed += SECOND / 2) {
		while (gmm_core_offer_wanted(rack->core, &vm))
			gmm_core_offered(rack->core, vm, &blob, &blob, 0, "", rack->now_ns);
		rack_run(rack, SECOND / 2);
	}
}

/* A guest that has switched itself off is started by the new policy; a crash loop ends with it, and what is counted begins anew. */
static void test_a_policy_holds_at_once(void **state)
{
	struct rack *rack = with_vm(0);
	struct gmm_vm_settings settings;
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &blob, &blob, &operation, rack->now_ns), 0);
	rack_settle(rack);
	vm_says(rack, WIRE_VM_RUNNING);
	assert_true(rack_finished(rack, operation, &finished));
	vm_says(rack, WIRE_VM_POWERED_OFF);
	run(rack, 20 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_POWERED_OFF);
	settings = gmm_vm_settings(vm_a(rack));
	settings.restart = GMM_RESTART_ALWAYS;
	settings.restart_max = 1;
	assert_int_equal(set(rack, &settings), 0);
	expect_event(rack, "changed: restart policy from no to always; restarts at most from 5 to 1");
	run(rack, 3 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_LOADING);
	vm_says(rack, WIRE_VM_RUNNING);
	run(rack, SECOND);
	vm_says(rack, WIRE_VM_POWERED_OFF);
	run(rack, 20 * SECOND);
	assert_true(vm_a(rack)->looping);
	/* Another bandwidth is no other policy. */
	settings.bandwidth_mbps = 10;
	assert_int_equal(set(rack, &settings), 0);
	assert_true(vm_a(rack)->looping);
	settings.restart_window_s = 60;
	assert_int_equal(set(rack, &settings), 0);
	expect_event(rack, "changed: their window from 600 to 60 s");
	assert_false(vm_a(rack)->looping);
	assert_int_equal(vm_a(rack)->restarts, 0);
	run(rack, 3 * SECOND);
	assert_int_equal(vm_a(rack)->state, WIRE_VM_LOADING);
	rack_free(rack);
}

static void test_they_last(void **state)
{
	struct rack *rack = with_vm(0);
	struct gmm_vm_settings settings = { GMM_RESTART_ON_FAILURE, 7, 70, 700, 3 };

	(void)state;
	assert_int_equal(set(rack, &settings), 0);
	rack_keep(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	rack_return(rack);
	settings = gmm_vm_settings(vm_a(rack));
	assert_int_equal(settings.restart, GMM_RESTART_ON_FAILURE);
	assert_int_equal(settings.restart_max, 7);
	assert_int_equal(settings.restart_window_s, 70);
	assert_int_equal(settings.bandwidth_mbps, 700);
	assert_int_equal(settings.spread, 3);
	assert_int_equal(given_mbps(rack), 700);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bandwidth), cmocka_unit_test(test_a_lost_vm_has_no_link), cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_a_policy_holds_at_once), cmocka_unit_test(test_they_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
