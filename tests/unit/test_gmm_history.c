// SPDX-License-Identifier: GPL-2.0-only
/* Operations as the operator sees them: under way, ended, forgotten, and found again by the key of their request. */
#include "tests/unit/gmm_fixture.h"

static const uint8_t digest[GMM_DIGEST_BYTES] = { 1, 2, 3 };

static struct rack *small_rack(void)
{
	struct rack *rack = rack_new();

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	return rack;
}

static void test_under_way_then_ended(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_vm_spec spec = vm_spec("web", 256, 1);
	struct gmm_finished finished;
	const struct gmm_operation *operation;
	const struct gmm_ended *ended;
	uint32_t done, total;
	uint64_t id;

	(void)state;
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &id, rack->now_ns), 0);
	operation = gmm_core_operation(rack->core, id);
	assert_non_null(operation);
	assert_null(gmm_core_ended(rack->core, id));
	assert_string_equal(gmm_operation_kind_name(operation->kind), "vm.create");
	assert_string_equal(operation->object, "web");
	assert_int_equal(operation->started_ns, rack->now_ns);
	assert_string_equal(gmm_operation_progress(operation, &done, &total), "regions");
	assert_int_equal(done, 0);
	assert_int_equal(total, 4);
	/* One region is made: the rest of the way is shorter. */
	rack_take_output(rack);
	execute(rack, &rack->flights[0]);
	deliver(rack, 0);
	gmm_operation_progress(operation, &done, &total);
	assert_int_equal(done, 1);
	rack->now_ns += SECOND;
	rack_settle(rack);
	/* Nobody is told of its end before that is kept. */
	assert_null(gmm_core_ended(rack->core, id));
	assert_null(gmm_core_ended_after(rack->core, 0));
	assert_string_equal(gmm_operation_progress(operation, &done, &total), "ended");
	rack->now_ns += SECOND;
	assert_true(rack_finished(rack, id, &finished));
	assert_null(gmm_core_operation(rack->core, id));
	ended = gmm_core_ended(rack->core, id);
	assert_non_null(ended);
	assert_int_equal(ended->status, 0);
	assert_int_equal(ended->ended_ns - ended->started_ns, SECOND);
	assert_string_equal(ended->object, "web");
	assert_ptr_equal(gmm_core_ended_after(rack->core, 0), ended);
	assert_null(gmm_core_ended_after(rack->core, ended->number));
	assert_null(gmm_core_ended(rack->core, id + 1));
	rack_free(rack);
}

static void test_failure_keeps_its_reason(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	const struct gmm_ended *ended;

	(void)state;
	model_of(rack, GMM_NODE_FIRST)->refuse_type = WIRE_VM_CREATE;
	model_of(rack, GMM_NODE_FIRST)->refuse_status = -ENOMEM;
	assert_int_equal(rack_create(rack, "web", 64, &finished), -ENOMEM);
	ended = gmm_core_ended(rack->core, finished.operation);
	assert_int_equal(ended->status, -ENOMEM);
	assert_string_equal(ended->reason, finished.reason);
	assert_true(ended->reason[0]);
	rack_free(rack);
}

static void test_found_by_its_key(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_vm_spec spec = vm_spec("web", 64, 1);
	const struct gmm_mark *mark;
	struct gmm_finished finished;
	char key[GMM_KEY_BYTES];
	uint64_t id;

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns), 0);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &id, rack->now_ns), 0);
	gmm_core_mark(rack->core, id, key, digest);
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns), id);
	assert_memory_equal(mark->digest, digest, sizeof(digest));
	rack_settle(rack);
	assert_true(rack_finished(rack, id, &finished));
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns), id);
	assert_memory_equal(mark->digest, digest, sizeof(digest));
	/* For a day after its end. */
	rack->now_ns += GMM_KEY_HOURS * 3600 * SECOND - 1;
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns), id);
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns + 1), 0);
	/* A clock that was put back makes no end that is long ago. */
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, 0), id);
	key[0] = 'x';
	assert_int_equal(gmm_core_marked(rack->core, key, &mark, rack->now_ns), 0);
	rack_free(rack);
}

/* An operation that ends in the request itself has who asked, and the key, in its history. */
static void test_ended_at_once(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	const struct gmm_mark *mark;
	const struct gmm_ended *ended;
	uint64_t id;

	(void)state;
	assert_int_equal(rack_create(rack, "web", 64, &finished), 0);
	rack->nodes[0].linked = false;
	rack_run(rack, (LEASE_MS + GRACE_MS + 2000) * SECOND / 1000);
	assert_int_equal(gmm_core_vm_named(rack->core, "web")->phase, GMM_VM_GONE);
	assert_int_equal(gmm_core_vm_destroy(rack->core, "web", &id, rack->now_ns), 0);
	gmm_core_asked(rack->core, id, "deploy");
	gmm_core_mark(rack->core, id, "once", digest);
	rack_keep(rack);
	rack_compare_rows(rack);
	/* It goes into the store as what it is: the next manager knows it. */
	rack_kill(rack);
	ended = gmm_core_ended(rack->core, id);
	assert_non_null(ended);
	assert_string_equal(ended->who, "deploy");
	assert_int_equal(ended->ended_ns, rack->now_ns);
	assert_int_equal(gmm_core_marked(rack->core, "once", &mark, rack->now_ns), id);
	rack_free(rack);
}

/* What a manager that is killed leaves behind: history, and operations that go on from where they were, since when they were. */
static void test_lasts(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_vm_spec spec = vm_spec("half", 256, 1);
	const struct gmm_operation *operation;
	const struct gmm_mark *mark;
	struct gmm_finished finished;
	uint64_t id, began_ns = rack->now_ns;
	uint32_t done, total;

	(void)state;
	assert_int_equal(rack_create(rack, "web", 64, &finished), 0);
	assert_int_equal(gmm_core_vm_create(rack->core, &spec, &id, rack->now_ns), 0);
	gmm_core_asked(rack->core, id, "deploy");
	gmm_core_mark(rack->core, id, "twice", digest);
	rack_take_output(rack);
	execute(rack, &rack->flights[0]);
	deliver(rack, 0);
	rack_keep(rack);
	rack->now_ns += 5 * SECOND;
	rack_kill(rack);
	assert_int_equal(gmm_core_ended(rack->core, finished.operation)->status, 0);
	operation = gmm_core_operation(rack->core, id);
	assert_int_equal(operation->started_ns, began_ns);
	assert_string_equal(operation->who, "deploy");
	gmm_operation_progress(operation, &done, &total);
	assert_int_equal(done, 1);
	assert_int_equal(total, 4);
	assert_int_equal(gmm_core_marked(rack->core, "twice", &mark, rack->now_ns), id);
	assert_memory_equal(mark->digest, digest, sizeof(digest));
	rack_return(rack);
	rack_settle(rack);
	assert_true(rack_finished(rack, id, &finished));
	assert_int_equal(gmm_core_ended(rack->core, id)->started_ns, began_ns);
	assert_int_equal(gmm_core_marked(rack->core, "twice", &mark, rack->now_ns), id);
	rack_free(rack);
}

/* The ring goes on where it was, and its numbers with it. */
static void test_ring_over_managers(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	uint64_t number = 0;

	(void)state;
	for (uint32_t i = 0; i < 5; i++) {
		const struct gmm_ended *ended;

		assert_int_equal(rack_create(rack, "web", 64, &finished), 0);
		assert_int_equal(rack_destroy(rack, "web"), 0);
		rack_keep(rack);
		rack_kill(rack);
		rack_return(rack);
		number = 0;
		for (ended = gmm_core_ended_after(rack->core, 0); ended; ended = gmm_core_ended_after(rack->core, ended->number))
			assert_int_equal(ended->number, ++number);
		assert_int_equal(number, 2 * (i + 1));
	}
	rack_free(rack);
}

static void test_ring_forgets_the_oldest(void **state)
{
	struct rack *rack = small_rack();
	struct gmm_finished finished;
	const struct gmm_ended *ended;
	uint64_t first = 0, last = 0;
	uint32_t kept = 0;

	(void)state;
	for (uint32_t i = 0; i < GMM_ENDED_MAX / 2 + 1; i++) {
		assert_int_equal(rack_create(rack, "web", 64, &finished), 0);
		first = first ? first : finished.operation;
		assert_int_equal(rack_destroy(rack, "web"), 0);
	}
	for (ended = gmm_core_ended_after(rack->core, 0); ended; ended = gmm_core_ended_after(rack->core, ended->number)) {
		assert_true(ended->id > last);
		last = ended->id;
		kept++;
	}
	assert_int_equal(kept, GMM_ENDED_MAX);
	assert_null(gmm_core_ended(rack->core, first));
	assert_non_null(gmm_core_ended(rack->core, last));
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_under_way_then_ended),
		cmocka_unit_test(test_failure_keeps_its_reason),
		cmocka_unit_test(test_found_by_its_key),
		cmocka_unit_test(test_ended_at_once),
		cmocka_unit_test(test_lasts),
		cmocka_unit_test(test_ring_over_managers),
		cmocka_unit_test(test_ring_forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
