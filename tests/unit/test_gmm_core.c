// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: who may join, where things are placed, what is refused and with which words. */
#include "tests/unit/gmm_fixture.h"

#define REGION_MIB (REGION_BYTES >> 20)

static const struct gmm_event *last_event(const struct rack *rack)
{
	return gmm_core_event_after(rack->core, rack->core->event_sequence - 1);
}

static uint32_t regions_on(const struct rack *rack, uint32_t node)
{
	return rack->core->nodes[node - GMM_NODE_FIRST].regions;
}

/* ---------------------------------------------------------------- joining */

static void test_join_refusals(void **state)
{
	struct rack *rack = rack_new();
	uint32_t m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64);
	const struct gmm_node *node = gmm_core_node(rack->core, m1);
	struct wire_node_join good = node->join, join;
	struct wire_node_joined joined;

	(void)state;
#define REFUSED(change, words, address_change) do { \
		join = good; \
		change; \
		assert_int_equal(gmm_core_join(rack->core, &join, node->address + (address_change), &joined, rack->now_ns), words); \
		assert_int_equal(last_event(rack)->kind, GMM_EVENT_REFUSED); \
	} while (0)
	REFUSED(strcpy(join.name, "m2"), -EACCES, 0);
	REFUSED(memset(join.name, 'm', sizeof(join.name)), -EACCES, 0);
	REFUSED(join.role = WIRE_ROLE_PROCESS, -EACCES, 0);
	REFUSED((void)join, -EACCES, 1);
	REFUSED(join.mac[5] ^= 1, -EACCES, 0);
	REFUSED(join.page_bytes = 8192, -EPROTO, 0);
	REFUSED(join.region_shift = REGION_SHIFT + 1, -EPROTO, 0);
	REFUSED(join.incarnation = 0, -EINVAL, 0);
	REFUSED(join.capacity_pages = 0, -EINVAL, 0);
	REFUSED(join.capacity_pages = UINT64_MAX, -EINVAL, 0);
#undef REFUSED
	assert_int_equal(node->state, GMM_NODE_UP);
	assert_int_equal(node->incarnation, good.incarnation);
	assert_int_equal(gmm_core_join(rack->core, &good, node->address, &joined, rack->now_ns), 0);
	rack_free(rack);
}

static void test_hostile_text_is_made_printable(void **state)
{
	struct rack *rack = rack_new();
	struct wire_node_join join = { .role = WIRE_ROLE_MEMORY, .name = "\033[2Jevil\n" };
	struct wire_node_joined joined;

	(void)state;
	assert_int_equal(gmm_core_join(rack->core, &join, 1, &joined, rack->now_ns), -EACCES);
	assert_string_equal(last_event(rack)->object, "?[2Jevil?");
	rack_free(rack);
}

static void test_nodes_are_unique(void **state)
{
	struct rack *rack = rack_new();
	uint8_t mac[6] = { 2, 9, 9, 9, 9, 9 }, other[6] = { 2, 9, 9, 9, 9, 8 };

	(void)state;
	assert_int_equal(gmm_core_node_add(rack->core, "a", WIRE_ROLE_MEMORY, 1, mac), GMM_NODE_FIRST);
	assert_int_equal(gmm_core_node_add(rack->core, "a", WIRE_ROLE_MEMORY, 2, other), -EEXIST);
	assert_int_equal(gmm_core_node_add(rack->core, "b", WIRE_ROLE_MEMORY, 1, other), -EEXIST);
	assert_int_equal(gmm_core_node_add(rack->core, "b", WIRE_ROLE_MEMORY, 2, mac), -EEXIST);
	assert_int_equal(gmm_core_node_add(rack->core, "", WIRE_ROLE_MEMORY, 2, other), -EINVAL);
	assert_int_equal(gmm_core_node_add(rack->core, "b", WIRE_ROLE_MANAGER, 2, other), -EINVAL);
	assert_int_equal(gmm_core_node_add(rack->core, "b", WIRE_ROLE_PROCESS, 2, other), GMM_NODE_FIRST + 1);
	rack_free(rack);
}

static void test_lease(void **state)
{
	struct rack *rack = rack_new();
	uint32_t m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64);
	struct wire_node_renew renew = { 0 };

	(void)state;
	rack_pass(rack, 10 * SECOND);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_UP);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, (LEASE_MS - 500) * SECOND / 1000);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_UP);
	rack_pass(rack, SECOND);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_DOWN);
	assert_int_equal(gmm_core_renew(rack->core, m1, &renew, rack->now_ns), 0);
	assert_int_equal(gmm_core_node(rack->core, m1)->state, GMM_NODE_UP);
	gmm_core_reset(rack->core, m1, rack->now_ns);
	assert_int_equal(gmm_core_renew(rack->core, m1, &renew, rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_renew(rack->core, 999, &renew, rack->now_ns), -ENOENT);
	rack_free(rack);
}

/* ---------------------------------------------------------------- placement */

static void test_regions_spread_by_free_share(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	uint32_t m1, m2, m3;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	assert_int_equal(rack_create(rack, "even", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(regions_on(rack, m1), 2);
	assert_int_equal(regions_on(rack, m2), 2);
	/* A newcomer takes the next ones until it is as full as the others: 14/16 free. */
	m3 = rack_node(rack, "m3", WIRE_ROLE_MEMORY, 32 * REGION_MIB);
	assert_int_equal(rack_create(rack, "new", 8 * REGION_MIB, &finished), 0);
	assert_int_equal(regions_on(rack, m3), 6);
	assert_int_equal(regions_on(rack, m1), 3);
	assert_int_equal(regions_on(rack, m2), 3);
	rack_compare(rack);
	rack_free(rack);
}

static void test_no_region_on_a_node_that_is_down(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	uint32_t m1, m2;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 16 * REGION_MIB);
	model_of(rack, m1)->linked = false;
	rack_pass(rack, 5 * SECOND);
	assert_int_equal(rack_create(rack, "a", 3 * REGION_MIB, &finished), 0);
	assert_int_equal(regions_on(rack, m1), 0);
	assert_int_equal(regions_on(rack, m2), 3);
	rack_free(rack);
}

static void test_full_rack_is_refused_with_numbers(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 2 * REGION_MIB);
	rack_node(rack, "m2", WIRE_ROLE_MEMORY, 2 * REGION_MIB);
	assert_int_equal(rack_create(rack, "big", 5 * REGION_MIB, &finished), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "not enough memory in the rack: 320 MiB"));
	assert_non_null(strstr(rack->core->refusal, "m1 128 MiB of 128 MiB, m2 128 MiB of 128 MiB"));
	assert_int_equal(rack->core->regions_used, 0);
	assert_null(gmm_core_vm_named(rack->core, "big"));
	assert_int_equal(rack_create(rack, "fits", 4 * REGION_MIB, &finished), 0);
	assert_int_equal(rack_create(rack, "more", 1, &finished), -ENOSPC);
	assert_int_equal(rack_destroy(rack, "fits"), 0);
	assert_int_equal(rack_create(rack, "more", 1, &finished), 0);
	rack_free(rack);
}

static void test_memory_of_an_earlier_manager_is_respected(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	uint32_t m1;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 2 * REGION_MIB);
	held_add(model_of(rack, m1), 12345);
	rack_renew(rack);
	assert_int_equal(last_event(rack)->kind, GMM_EVENT_WARNING);
	assert_int_equal(rack_create(rack, "big", 2 * REGION_MIB, &finished), -ENOSPC);
	assert_int_equal(rack_create(rack, "fits", REGION_MIB, &finished), 0);
	rack_free(rack);
}

static void test_vm_goes_where_most_cache_is_free(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("c", REGION_MIB, 40);
	struct gmm_finished finished;
	uint64_t operation;
	uint32_t p1, p2;

	(void)state;
	p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	p2 = rack_node(rack, "p2", WIRE_ROLE_PROCESS, 65);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	assert_int_equal(rack_create(rack, "a", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_vm_named(rack->core, "a")->node, p2);
	assert_int_equal(rack_create(rack, "b", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_vm_named(rack->core, "b")->node, p1);
	spec.on_node = p1;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_int_equal(gmm_core_vm_named(rack->core, "c")->node, p1);
	spec = vm_spec("d", REGION_MIB, 30);
	spec.on_node = p1;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EBUSY);
	assert_non_null(strstr(rack->core->refusal, "p1 has 23 MiB of cache left, the VM asks for 30 MiB"));
	spec = vm_spec("d", REGION_MIB, 100);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -ENOSPC);
	assert_non_null(strstr(rack->core->refusal, "cache"));
	rack_free(rack);
}

/* ---------------------------------------------------------------- requests */

static void test_specs_that_are_refused(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec good = vm_spec("a", REGION_MIB, 1), spec;
	uint64_t operation;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
#define REFUSED(change) do { \
		spec = good; \
		change; \
		assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EINVAL); \
		assert_true(rack->core->refusal[0]); \
	} while (0)
	REFUSED(spec.name[0] = '\0');
	REFUSED(strcpy(spec.name, "a b"));
	REFUSED(strcpy(spec.name, "-a"));
	REFUSED(memset(spec.name, 'a', sizeof(spec.name)));
	REFUSED(memset(spec.command_line, 'a', sizeof(spec.command_line)));
	REFUSED(spec.memory_bytes = 0);
	REFUSED(spec.memory_bytes += 1);
	REFUSED(spec.memory_bytes = (REGIONS_PER_VM_MAX + 1) * REGION_BYTES);
	REFUSED(spec.memory_bytes = UINT64_MAX - 4095);
	REFUSED(spec.cache_bytes = 0);
	REFUSED(spec.cache_bytes = (VM_CACHE_LINES_MIN - 1) * PAGE_BYTES);
	REFUSED(spec.memory_bytes = VM_MEMORY_BYTES_MAX + PAGE_BYTES);
	REFUSED(spec.cache_bytes = UINT64_MAX - 4095);
	REFUSED(spec.vcpus = 0);
	REFUSED(spec.vcpus = VCPUS_PER_VM_MAX + 1);
	REFUSED(spec.devices = DEVICES_ALL + 1);
#undef REFUSED
	assert_int_equal(gmm_core_vm_create(rack->core, &good, &operation, rack->now_ns), 0);
	assert_int_equal(gmm_core_vm_create(rack->core, &good, &operation, rack->now_ns), -EEXIST);
	assert_int_equal(gmm_core_vm_destroy(rack->core, "a", &operation, rack->now_ns), -EBUSY);
	assert_int_equal(gmm_core_vm_kill(rack->core, "b", &operation, rack->now_ns), -ENOENT);
	rack_free(rack);
}

static void test_refusals_of_nodes_are_undone(void **state)
{
	static const struct { int type; const char *words; } cases[] = {
		{ WIRE_REGION_CREATE, "refused a region: no space left (-28)" },
		{ WIRE_VM_CREATE, "p1 refused the VM: no space left (-28)" },
		{ WIRE_VM_REGIONS, "p1 refused the VM: no space left (-28)" },
	};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rack *rack = rack_new();
		struct gmm_finished finished;

		rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
		rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
		for (uint32_t n = 0; n < 2; n++) {
			rack->nodes[n].refuse_type = cases[i].type;
			rack->nodes[n].refuse_status = -ENOSPC;
		}
		assert_int_equal(rack_create(rack, "a", 3 * REGION_MIB, &finished), -ENOSPC);
		assert_non_null(strstr(finished.reason, cases[i].words));
		assert_null(gmm_core_vm_named(rack->core, "a"));
		assert_int_equal(rack->nodes[0].held_count + rack->nodes[1].held_count, 0);
		rack_free(rack);
	}
}

static void test_start_waits_for_the_outcome(void **state)
{
	struct rack *rack = rack_new();
	struct wire_vm_event event = { .state = WIRE_VM_LOADING };
	struct wire_blob none = { 0 };
	struct gmm_finished finished;
	uint64_t operation;
	uint32_t p1;

	(void)state;
	p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 64 * REGION_MIB);
	assert_int_equal(rack_create(rack, "a", REGION_MIB, &finished), 0);
	assert_int_equal(gmm_core_vm_start(rack->core, "a", &none, &none, &operation, rack->now_ns), 0);
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), -EBUSY);
	rack_take_output(rack);
	event.vm = gmm_core_vm_named(rack->core, "a")->id;
	assert_int_equal(gmm_core_vm_event(rack->core, p1, &event, rack->now_ns), 0);
	execute(rack, &rack->flights[0]);
	deliver(rack, 0);
	assert_false(rack_finished(rack, operation, &finished));
	event.state = WIRE_VM_FAILED;
	strcpy(event.reason, "not a bzImage");
	assert_int_equal(gmm_core_vm_event(rack->core, p1, &event, rack->now_ns), 0);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, -EIO);
	assert_string_equal(finished.reason, "not a bzImage");
	event.state = WIRE_VM_FAILED + 1;
	assert_int_equal(gmm_core_vm_event(rack->core, p1, &event, rack->now_ns), -EINVAL);
	assert_int_equal(gmm_core_vm_event(rack->core, p1 + 1, &event, rack->now_ns), -ENOENT);
	rack_free(rack);
}

static void test_bench_leaves_nothing(void **state)
{
	static const struct gmm_bench_spec good = { 5, 4096, 1 }, bad[] = {
		{ 0, 4096, 1 }, { WIRE_BENCH_READS_MAX + 1, 4096, 1 }, { 5, 0, 1 }, { 5, 4097, 1 }, { 5, 4096, 0 },
		{ 5, 4096, WIRE_BENCH_OUTSTANDING_MAX + 1 },
	};
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, REGION_MIB);
	assert_int_equal(gmm_core_bench(rack->core, "p1", "m9", &good, &operation, rack->now_ns), -ENOENT);
	assert_int_equal(gmm_core_bench(rack->core, "m1", "p1", &good, &operation, rack->now_ns), -EINVAL);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(gmm_core_bench(rack->core, "p1", "m1", &bad[i], &operation, rack->now_ns), -EINVAL);
	assert_int_equal(gmm_core_bench(rack->core, "p1", "m1", &good, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(finished.bench.latency.count, 5);
	assert_int_equal(rack->core->regions_used, 0);
	assert_int_equal(rack->nodes[1].held_count, 0);
	rack_free(rack);
}

static void test_dead_process_component(void **state)
{
	struct rack *rack = rack_new();
	struct gmm_finished finished;
	const struct gmm_vm *vm;
	uint32_t p1, m1;

	(void)state;
	p1 = rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 8 * REGION_MIB);
	assert_int_equal(rack_create(rack, "a", 2 * REGION_MIB, &finished), 0);
	vm = gmm_core_vm_named(rack->core, "a");
	model_of(rack, p1)->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	rack_settle(rack);
	assert_string_equal(gmm_vm_state_name(vm, gmm_core_node(rack->core, p1)), "unreachable");
	assert_int_equal(model_of(rack, m1)->held_count, 2);
	rack_pass(rack, (GRACE_MS + 1000) * SECOND / 1000);
	rack_settle(rack);
	assert_string_equal(gmm_vm_state_name(vm, gmm_core_node(rack->core, p1)), "lost");
	assert_int_equal(model_of(rack, m1)->held_count, 0);
	/* It was only cut off: when it is back, its VM is destroyed there, for its memory is gone. */
	model_of(rack, p1)->linked = true;
	rack_pass(rack, SECOND);
	rack_settle(rack);
	assert_int_equal(model_of(rack, p1)->held_count, 0);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_null(gmm_core_vm_named(rack->core, "a"));
	rack_free(rack);
}

static void test_results_that_nobody_awaits(void **state)
{
	struct rack *rack = rack_new();

	(void)state;
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	for (uint64_t token = 0; token < 200000; token += 77)
		gmm_core_result(rack->core, token, 0, NULL, 0, rack->now_ns);
	gmm_core_result(rack->core, UINT64_MAX, 0, NULL, 0, rack->now_ns);
	gmm_core_check(rack->core);
	rack_free(rack);
}

static void test_events_are_a_ring(void **state)
{
	struct rack *rack = rack_new();

	(void)state;
	assert_null(gmm_core_event_after(rack->core, 0));
	for (unsigned i = 0; i < GMM_EVENTS_MAX + 10; i++)
		gmm_core_event(rack->core, GMM_EVENT_WARNING, "x", "y", i);
	assert_int_equal(gmm_core_event_after(rack->core, 0)->sequence, 11);
	assert_int_equal(gmm_core_event_after(rack->core, 500)->sequence, 501);
	assert_null(gmm_core_event_after(rack->core, GMM_EVENTS_MAX + 10));
	rack_free(rack);
}

/* ---------------------------------------------------------------- asked without being done */

static void test_plans_are_what_is_done(void **state)
{
	struct gmm_finished finished;
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 7 * REGION_MIB + 4, 1);
	struct gmm_vm_plan plan;
	uint64_t events;

	(void)state;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), -ENOSPC);
	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	uint32_t m1 = rack_node(rack, "m1", WIRE_ROLE_MEMORY, 8 * REGION_MIB);
	uint32_t m2 = rack_node(rack, "m2", WIRE_ROLE_MEMORY, 4 * REGION_MIB);

	events = rack->core->event_sequence;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), 0);
	assert_int_equal(gmm_core_node(rack->core, m1)->pages_reserved, 0);
	assert_int_equal(gmm_core_node(rack->core, m2)->pages_reserved, 0);
	assert_int_equal(rack->core->event_sequence, events);
	assert_null(gmm_core_vm_named(rack->core, "a"));
	gmm_core_check(rack->core);
	spec.memory_bytes = 13 * REGION_BYTES;
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &(struct gmm_vm_plan){ 0 }), -ENOSPC);
	assert_int_equal(gmm_core_node(rack->core, m1)->pages_reserved, 0);
	assert_int_equal(rack_create(rack, "a", 7 * REGION_MIB + 4, &finished), 0);
	assert_int_equal(plan.regions[m1 - GMM_NODE_FIRST], regions_on(rack, m1));
	assert_int_equal(plan.regions[m2 - GMM_NODE_FIRST], regions_on(rack, m2));
	assert_int_equal(plan.node, gmm_core_vm_named(rack->core, "a")->node);
	strcpy(spec.name, "a");
	assert_int_equal(gmm_core_vm_create_plan(rack->core, &spec, &plan), -EEXIST);
	assert_int_equal(gmm_core_vm_check(rack->core, "a", GMM_OPERATION_VM_START), 0);
	assert_int_equal(gmm_core_vm_check(rack->core, "a", GMM_OPERATION_VM_STOP), -EBUSY);
	assert_int_equal(gmm_core_vm_check(rack->core, "a", GMM_OPERATION_VM_DESTROY), 0);
	assert_int_equal(gmm_core_vm_check(rack->core, "b", GMM_OPERATION_VM_DESTROY), -ENOENT);
	rack_compare(rack);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans_are_what_is_done),
		cmocka_unit_test(test_join_refusals),
		cmocka_unit_test(test_hostile_text_is_made_printable),
		cmocka_unit_test(test_nodes_are_unique),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_regions_spread_by_free_share),
		cmocka_unit_test(test_no_region_on_a_node_that_is_down),
		cmocka_unit_test(test_full_rack_is_refused_with_numbers),
		cmocka_unit_test(test_memory_of_an_earlier_manager_is_respected),
		cmocka_unit_test(test_vm_goes_where_most_cache_is_free),
		cmocka_unit_test(test_specs_that_are_refused),
		cmocka_unit_test(test_refusals_of_nodes_are_undone),
		cmocka_unit_test(test_start_waits_for_the_outcome),
		cmocka_unit_test(test_bench_leaves_nothing),
		cmocka_unit_test(test_dead_process_component),
		cmocka_unit_test(test_results_that_nobody_awaits),
		cmocka_unit_test(test_events_are_a_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
