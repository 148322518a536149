// SPDX-License-Identifier: GPL-2.0-only
/* What the operator wants of a node: every transition, what it needs, and what a node in each state is given. */
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)

static int set_admin(struct rack *rack, const char *name, enum gmm_node_admin admin)
{
	int status = gmm_core_node_set_admin(rack->core, name, admin, rack->now_ns);

	gmm_core_check(rack->core);
	return status;
}

static const struct gmm_event *last_event(const struct rack *rack)
{
	return gmm_core_event_after(rack->core, rack->core->event_sequence - 1);
}

/* As if it had come there by itself. */
static void put_into(struct gmm_node *node, enum gmm_node_admin admin)
{
	static const enum gmm_life lives[GMM_ADMIN_STATES] = {
		GMM_LIFE_UP, GMM_LIFE_CORDONED, GMM_LIFE_DRAINING, GMM_LIFE_MAINTENANCE, GMM_LIFE_RETIRED,
	};

	node->admin = admin;
	node->life = lives[admin];
}

static struct rack *small_rack(void)
{
	struct rack *rack = rack_new();

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "p2", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	return rack;
}

static uint32_t id_of(struct rack *rack, const char *name)
{
	return gmm_core_node_named(rack->core, name)->id;
}

static void cut_off(struct rack *rack, const char *name)
{
	model_of(rack, id_of(rack, name))->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	rack_settle(rack);
	assert_int_equal(gmm_core_node_named(rack->core, name)->state, GMM_NODE_DOWN);
}

static int try_join(struct rack *rack, const char *name)
{
	const struct gmm_node *node = gmm_core_node_named(rack->core, name);
	struct wire_node_join join = node->join;
	struct wire_node_joined joined;

	return gmm_core_join(rack->core, &join, node->address, &joined, rack->now_ns);
}

/* Every pair, on an empty memory component that is up. */
static void test_every_transition(void **state)
{
	static const char legal[GMM_ADMIN_STATES][GMM_ADMIN_STATES + 1] = {
		/* to A, C, D, M, R */
		[GMM_ADMIN_ADMITTED] = ".yy-n",		/* n: in the table, but it is up */
		[GMM_ADMIN_CORDONED] = "y.yyn",
		[GMM_ADMIN_DRAINING] = "-y.yn",
		[GMM_ADMIN_MAINTENANCE] = "y--.y",
		[GMM_ADMIN_RETIRED] = "----.",
	};

	(void)state;
	for (int from = 0; from < GMM_ADMIN_STATES; from++)
		for (int to = 0; to < GMM_ADMIN_STATES; to++) {
			struct rack *rack = small_rack();
			struct gmm_node *node = gmm_core_node_named(rack->core, "m1");
			uint64_t events = rack->core->event_sequence;
			bool may = legal[from][to] == 'y' || legal[from][to] == '.';

			put_into(node, (enum gmm_node_admin)from);
			assert_int_equal(set_admin(rack, "m1", (enum gmm_node_admin)to), may ? 0 : -EBUSY);
			assert_int_equal(node->admin, may ? to : from);
			if (legal[from][to] != 'y')
				assert_int_equal(rack->core->event_sequence, events);
			if (legal[from][to] == '-')
				assert_non_null(strstr(rack->core->refusal, from == GMM_ADMIN_RETIRED ? "final" : "; from there: "));
			rack_free(rack);
		}
}

static void test_refusals_say_what_would_do(void **state)
{
	struct rack *rack = small_rack();

	(void)state;
	assert_int_equal(set_admin(rack, "m9", GMM_ADMIN_CORDONED), -ENOENT);
	assert_string_equal(rack->core->refusal, "there is no node named m9");
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_string_equal(rack->core->refusal, "m1 cannot become maintenance from admitted; from there: cordoned, draining, "
						 "retired (when absent or down)");
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_RETIRED), -EBUSY);
	assert_string_equal(rack->core->refusal, "m1 cannot become retired: it is up; put it into maintenance first");
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_string_equal(last_event(rack)->text, "is cordoned by the operator, was admitted");
	assert_string_equal(last_event(rack)->object, "m1");
	rack_free(rack);
}

static void test_only_admitted_nodes_are_given_anything(void **state)
{
	static const struct gmm_bench_spec bench = { 5, 4096, 1 };

	(void)state;
	for (int admin = GMM_ADMIN_CORDONED; admin < GMM_ADMIN_RETIRED; admin++) {
		struct rack *rack = small_rack();
		struct gmm_vm_spec spec = vm_spec("on", REGION_MIB, 1);
		struct gmm_finished finished;
		uint64_t operation;

		put_into(gmm_core_node_named(rack->core, "p1"), (enum gmm_node_admin)admin);
		put_into(gmm_core_node_named(rack->core, "m1"), (enum gmm_node_admin)admin);
		assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
		assert_int_equal(gmm_core_vm_named(rack->core, "a")->node, id_of(rack, "p2"));
		assert_int_equal(gmm_core_node_named(rack->core, "m1")->regions, 0);
		assert_int_equal(gmm_core_node_named(rack->core, "m2")->regions, 4);
		spec.on_node = id_of(rack, "p1");
		assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EBUSY);
		assert_non_null(strstr(rack->core->refusal, gmm_node_admin_name((enum gmm_node_admin)admin)));
		assert_int_equal(gmm_core_bench(rack->core, "p2", "m1", &bench, &operation, rack->now_ns), -EBUSY);
		assert_int_equal(gmm_core_bench(rack->core, "p1", "m2", &bench, &operation, rack->now_ns), -EBUSY);
		assert_int_equal(rack_create(rack, "big", 17 * REGION_MIB, &finished), -ENOSPC);
		assert_non_null(strstr(rack->core->refusal, gmm_node_admin_name((enum gmm_node_admin)admin)));
		rack_free(rack);
	}
}

/* A cordoned node keeps what it has, through a restart of its own, too. */
static void test_cordoned_keeps_what_it_has(void **state)
{
	struct rack *rack = small_rack();
	struct wire_blob none = { 0 };
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(set_admin(rack, (const char *[]){ "p1", "p2", "m1", "m2" }[i], GMM_ADMIN_CORDONED), 0);
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &none, &none, &operation, rack->now_ns), 0);
	rack_settle(rack);
	cut_off(rack, "m1");
	model_of(rack, id_of(rack, "m1"))->linked = true;
	rack_pass(rack, SECOND);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->state, GMM_NODE_UP);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->admin, GMM_ADMIN_CORDONED);
	rack_compare(rack);
	rack_reboot(rack, id_of(rack, "m1"));
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->admin, GMM_ADMIN_CORDONED);
	rack_free(rack);
}

static void test_maintenance_needs_an_empty_node(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	const char *process;

	(void)state;
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	process = gmm_core_node(rack->core, gmm_core_vm_named(rack->core, "a")->node)->name;
	assert_int_equal(set_admin(rack, process, GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, process, GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "cannot become maintenance: it has 1 VM"));
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "it holds 128 MiB of regions"));
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(set_admin(rack, process, GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_ADMITTED), 0);
	assert_int_equal(rack_create(rack, "b", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->regions, 2);
	rack_free(rack);
}

static void test_foreign_contents_hold_it_back(void **state)
{
	struct rack *rack = small_rack();

	(void)state;
	held_add(model_of(rack, id_of(rack, "m1")), 1);
	held_add(model_of(rack, id_of(rack, "p1")), 1);
	rack_renew(rack);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "it holds 64 MiB of regions that this manager does not know"));
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "it has 1 VM that this manager does not know"));
	rack_reboot(rack, id_of(rack, "m1"));
	rack_reboot(rack, id_of(rack, "p1"));
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_MAINTENANCE), 0);
	rack_free(rack);
}

/* A bench has no VM, and between two of its calls none is under way. */
static void test_a_bench_under_way_holds_it_back(void **state)
{
	static const struct gmm_bench_spec bench = { 5, 4096, 1 };
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_bench(rack->core, "p1", "m1", &bench, &operation, rack->now_ns), 0);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "a request to it is under way"));
	rack_settle(rack);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_MAINTENANCE), 0);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	rack_free(rack);
}

static void test_a_retired_node_is_out(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_node *node = gmm_core_node_named(rack->core, "m1");
	struct wire_node_renew renew = { 0 };

	(void)state;
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_RETIRED), 0);
	assert_int_equal(node->state, GMM_NODE_ABSENT);
	assert_int_equal(gmm_core_renew(rack->core, node->id, &renew, rack->now_ns), -ENOENT);
	assert_int_equal(try_join(rack, "m1"), -EACCES);
	assert_int_equal(last_event(rack)->kind, GMM_EVENT_REFUSED);
	assert_non_null(strstr(last_event(rack)->text, "it is retired"));
	assert_int_equal(node->state, GMM_NODE_ABSENT);
	rack_free(rack);
}

static void test_a_node_that_never_came_can_be_retired(void **state)
{
	struct rack *rack = small_rack();
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 };

	(void)state;
	assert_true(gmm_core_node_add(rack->core, "m3", WIRE_ROLE_MEMORY, 77, mac) > 0);
	assert_int_equal(set_admin(rack, "m3", GMM_ADMIN_RETIRED), 0);
	rack_free(rack);
}

/* A dead memory component: as long as a VM counts on it, no; then with all that only waits to be destroyed there. */
static void test_a_dead_memory_component_is_retired(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	cut_off(rack, "m1");
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_RETIRED), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "2 regions there are in use; destroy the VMs first"));
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->regions, 2);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_MAINTENANCE), -EBUSY);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_RETIRED), 0);
	assert_int_equal(rack->core->regions_used, 0);
	/* The machine was only cut off: it finds the door closed. */
	model_of(rack, id_of(rack, "m1"))->linked = true;
	rack_pass(rack, 2 * SECOND);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->state, GMM_NODE_ABSENT);
	assert_int_equal(try_join(rack, "m1"), -EACCES);
	rack_free(rack);
}

/* It dies with requests under way to make regions, which nobody wants any more. */
static void test_a_component_that_dies_while_creating_is_retired(void **state)
{
	struct gmm_vm_spec spec = vm_spec("a", 4 * REGION_MIB, 1);
	struct rack *rack = small_rack();
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_take_output(rack);
	cut_off(rack, "m1");
	assert_true(gmm_core_node_named(rack->core, "m1")->calls > 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_RETIRED), 0);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->pages_reserved, 0);
	rack_free(rack);
}

static void test_a_dead_process_component_is_retired(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(set_admin(rack, "p2", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	rack_pass(rack, 2 * SECOND);
	rack_take_output(rack);		/* a poll, which the dead machine never answers */
	cut_off(rack, "p1");
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_RETIRED), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "1 VM there is not given up yet"));
	rack_pass(rack, (GRACE_MS + 1000) * SECOND / 1000);
	rack_settle(rack);
	assert_true(gmm_core_node_named(rack->core, "p1")->calls > 0);
	assert_int_equal(set_admin(rack, "p1", GMM_ADMIN_RETIRED), 0);
	assert_int_equal(gmm_core_node_named(rack->core, "p1")->vms, 0);
	assert_int_equal(gmm_core_node_named(rack->core, "p1")->calls, 0);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	rack_free(rack);
}

/* The next manager knows what the last one was told. */
static void test_it_outlives_the_manager(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;

	(void)state;
	assert_int_equal(rack_create(rack, "a", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(set_admin(rack, "m1", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "p2", GMM_ADMIN_CORDONED), 0);
	assert_int_equal(set_admin(rack, "p2", GMM_ADMIN_MAINTENANCE), 0);
	assert_int_equal(set_admin(rack, "p2", GMM_ADMIN_RETIRED), 0);
	rack_take_output(rack);
	rack_compare_rows(rack);
	rack_kill(rack);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->admin, GMM_ADMIN_CORDONED);
	assert_int_equal(set_admin(rack, "m2", GMM_ADMIN_RETIRED), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "it is expected back"));
	assert_int_equal(try_join(rack, "p2"), -EACCES);
	assert_int_equal(gmm_core_node_named(rack->core, "p2")->state, GMM_NODE_ABSENT);
	model_of(rack, id_of(rack, "p2"))->linked = false;
	rack_return(rack);
	assert_int_equal(gmm_core_node_named(rack->core, "p1")->vcpus_given, 1);
	assert_int_equal(rack_create(rack, "b", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_node_named(rack->core, "m1")->regions, 2);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_transition),
		cmocka_unit_test(test_refusals_say_what_would_do),
		cmocka_unit_test(test_only_admitted_nodes_are_given_anything),
		cmocka_unit_test(test_cordoned_keeps_what_it_has),
		cmocka_unit_test(test_maintenance_needs_an_empty_node),
		cmocka_unit_test(test_foreign_contents_hold_it_back),
		cmocka_unit_test(test_a_bench_under_way_holds_it_back),
		cmocka_unit_test(test_a_retired_node_is_out),
		cmocka_unit_test(test_a_node_that_never_came_can_be_retired),
		cmocka_unit_test(test_a_dead_memory_component_is_retired),
		cmocka_unit_test(test_a_component_that_dies_while_creating_is_retired),
		cmocka_unit_test(test_a_dead_process_component_is_retired),
		cmocka_unit_test(test_it_outlives_the_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
