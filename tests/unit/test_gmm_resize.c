// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: cache shares that are resized, refusals with their words, failures of either side. */
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST
#define MIB (UINT64_C(1) << 20)

/* A process component with 64 MiB of cache; VM "a" has 16 MiB of it. */
static struct rack *with_vm(void)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 16);
	struct gmm_finished finished;
	uint64_t operation;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	return rack;
}

static const struct gmm_vm *vm_a(struct rack *rack)
{
	return gmm_core_vm_named(rack->core, "a");
}

static uint64_t given(const struct rack *rack)
{
	return rack->core->nodes[0].lines_given / MIB_PAGES;
}

static int resize(struct rack *rack, uint64_t mib, struct gmm_finished *finished)
{
	uint64_t operation;
	int status = gmm_core_vm_resize(rack->core, "a", mib * MIB, &operation, rack->now_ns);

	if (status)
		return status;
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, finished));
	return finished->status;
}

static void test_grows_and_shrinks(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint32_t done, total;
	uint64_t operation;

	(void)state;
	assert_int_equal(resize(rack, 48, &finished), 0);
	assert_int_equal(vm_a(rack)->spec.cache_bytes, 48 * MIB);
	assert_int_equal(given(rack), 48);
	assert_int_equal(model_of(rack, P1)->shares[0].lines, 48 * MIB_PAGES);
	/* What it gives up is reserved until its component says that it is empty, and there is something to see meanwhile. */
	assert_int_equal(gmm_core_vm_resize(rack->core, "a", 8 * MIB, &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_int_equal(given(rack), 48);
	assert_int_equal(vm_a(rack)->cache_wanted_bytes, 8 * MIB);
	assert_string_equal(gmm_operation_progress(gmm_core_operation(rack->core, operation), &done, &total), "sets");
	assert_true(done > 0 && total == MODEL_RESIZE_STEPS);
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(given(rack), 8);
	assert_int_equal(vm_a(rack)->cache_wanted_bytes, 0);
	assert_int_equal(rack_destroy(rack, "a"), 0);
	assert_int_equal(given(rack), 0);
	rack_free(rack);
}

static void test_refusals(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
#define REFUSED(status, words, vm, bytes) do { \
		assert_int_equal(gmm_core_vm_resize_plan(rack->core, vm, bytes), status); \
		assert_int_equal(gmm_core_vm_resize(rack->core, vm, bytes, &operation, rack->now_ns), status); \
		assert_non_null(strstr(rack->core->refusal, words)); \
	} while (0)
	REFUSED(-ENOENT, "no VM named x", "x", MIB);
	REFUSED(-EINVAL, "multiple of 4096", "a", MIB + 1);
	REFUSED(-EINVAL, "too small", "a", (VM_CACHE_LINES_MIN - 1) * PAGE_BYTES);
	REFUSED(-EINVAL, "too small", "a", 0);
	REFUSED(-EALREADY, "as large as that already", "a", 16 * MIB);
	REFUSED(-ENOSPC, "p1 has 48 MiB of cache left, the VM asks for 49 MiB more", "a", 65 * MIB);
	assert_int_equal(gmm_core_vm_resize_plan(rack->core, "a", 64 * MIB), 0);
	assert_int_equal(gmm_core_node_set_admin(rack->core, "p1", GMM_ADMIN_CORDONED, rack->now_ns), 0);
	REFUSED(-EBUSY, "p1 takes nothing more: it is cordoned", "a", 17 * MIB);
	assert_int_equal(gmm_core_vm_resize(rack->core, "a", 8 * MIB, &operation, rack->now_ns), 0);
	REFUSED(-EBUSY, "being resized already", "a", 4 * MIB);
	rack_run(rack, 5 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	model_of(rack, P1)->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	REFUSED(-EBUSY, "down: p1", "a", 4 * MIB);
#undef REFUSED
	rack_free(rack);
}

/* An image of before does not know the message. */
static void test_what_the_component_refuses_is_given_back(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;

	(void)state;
	model_of(rack, P1)->refuse_type = WIRE_VM_RESIZE;
	model_of(rack, P1)->refuse_status = -EOPNOTSUPP;
	assert_int_equal(resize(rack, 32, &finished), -EOPNOTSUPP);
	assert_non_null(strstr(finished.reason, "p1 cannot resize a cache share: start it with an image of this version"));
	assert_int_equal(given(rack), 16);
	assert_int_equal(vm_a(rack)->spec.cache_bytes, 16 * MIB);
	assert_int_equal(resize(rack, 32, &finished), 0);
	assert_int_equal(given(rack), 32);
	rack_free(rack);
}

static void test_the_component_is_away_for_a_moment(void **state)
{
	struct rack *rack = with_vm();
	struct gmm_finished finished;
	uint64_t operation;

	(void)state;
	assert_int_equal(gmm_core_vm_resize(rack->core, "a", 32 * MIB, &operation, rack->now_ns), 0);
	rack_take_output(rack);
	model_of(rack, P1)->linked = false;
	rack_pass(rack, (LEASE_MS + 1000) * SECOND / 1000);
	model_of(rack, P1)->linked = true;
	rack_run(rack, 10 * SECOND);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(finished.status, 0);
	assert_int_equal(vm_a(rack)->spec.cache_bytes, 32 * MIB);
	rack_compare(rack);
	rack_free(rack);
}

static void test_the_vm_ends_meanwhile(void **state)
{
	(void)state;
	for (uint32_t lost = 0; lost < 2; lost++) {
		struct rack *rack = with_vm();
		struct gmm_finished finished;
		uint64_t operation;

		assert_int_equal(gmm_core_vm_resize(rack->core, "a", 32 * MIB, &operation, rack->now_ns), 0);
		rack_settle(rack);
		if (lost)
			rack_reboot(rack, P1);
		else
			assert_int_equal(rack_destroy(rack, "a"), 0);
		rack_run(rack, 2 * SECOND);
		rack_keep(rack);
		if (lost)
			assert_true(rack_finished(rack, operation, &finished) && finished.status == -ENOENT);
		assert_int_equal(given(rack), 0);
		if (lost)
			assert_int_equal(rack_destroy(rack, "a"), 0);
		rack_compare(rack);
		rack_free(rack);
	}
}

/* It goes on in the next manager, with the same number: the component does not begin anew. */
static void test_it_outlives_the_manager(void **state)
{
	(void)state;
	for (uint32_t mib = 8; mib <= 32; mib += 24) {
		struct rack *rack = with_vm();
		struct gmm_finished finished;
		uint64_t operation;

		assert_int_equal(gmm_core_vm_resize(rack->core, "a", mib * MIB, &operation, rack->now_ns), 0);
		rack_settle(rack);
		rack_compare_rows(rack);
		rack_kill(rack);
		assert_int_equal(given(rack), mib > 16 ? mib : 16);
		assert_int_equal(vm_a(rack)->cache_wanted_bytes, mib * MIB);
		rack_return(rack);
		rack_run(rack, 5 * SECOND);
		assert_true(rack_finished(rack, operation, &finished));
		assert_int_equal(finished.status, 0);
		assert_int_equal(model_of(rack, P1)->shares[0].operation, operation);
		assert_int_equal(vm_a(rack)->spec.cache_bytes, mib * MIB);
		assert_int_equal(given(rack), mib);
		rack_compare(rack);
		rack_free(rack);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows_and_shrinks),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_what_the_component_refuses_is_given_back),
		cmocka_unit_test(test_the_component_is_away_for_a_moment),
		cmocka_unit_test(test_the_vm_ends_meanwhile),
		cmocka_unit_test(test_it_outlives_the_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
