// SPDX-License-Identifier: GPL-2.0-only
/* Creating, starting, stopping and destroying, on a backend that plays a script. */
#include "tests/unit/hv_fixture.h"

static void second_vcpu_waits_for_its_start(void **state)
{
	uint64_t deadline_ns;

	(void)state;
	assert_int_equal(vcpu_run(the->hv, 0, 1, &deadline_ns), VCPU_HALT);
	lapic_deliver(&the->vm->board.lapics, 1, false, 5, 0, false);	/* INIT, and SIPI before it looks */
	lapic_deliver(&the->vm->board.lapics, 1, false, 6, 0x9a, false);
	assert_true(the->kicks >= 2);
	assert_int_equal(vcpu_run(the->hv, 0, 1, &deadline_ns), VCPU_RUN);
	assert_true(the->vm->vcpu[1].backend->ap_started);
	assert_int_equal(the->vm->vcpu[1].backend->ap_vector, 0x9a);
	assert_false(the->b->ap_started);
}

static void stop_and_destroy_give_everything_back(void **state)
{
	struct wire_vm_create create = { .vm = 78, .memory_bytes = GUEST_BYTES, .vcpus = 1, .name = "next" };

	(void)state;
	hv_vm_stop(the->hv, 0, WIRE_VM_STOPPED, 0, "test");
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
	hv_vm_stop(the->hv, 0, WIRE_VM_PAUSED, -EIO, "too late");
	vm_take_board_event(the->vm, BOARD_RESET);
	vm_take_board_event(the->vm, BOARD_POWER_OFF);
	vm_fail(the->vcpu, "too late", NULL, 0);
	hv_vm_resume(the->hv, 0);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_STOPPED);
	assert_false(hv_vm_take_reset(the->hv, 0));
	hv_vm_destroy(the->hv, 0);
	assert_int_equal(the->pool.free_count, POOL_PAGES);
	assert_int_equal(hv_vm_find(the->hv, 77), -ENOENT);
	assert_int_equal(hv_vm_create(the->hv, &create), 0);
	/* Those of the one before are gone. */
	assert_int_equal(hv_vm_devices(the->hv, 0), 0);
}

static void hostile_creates_are_refused(void **state)
{
	struct wire_vm_create good = { .vm = 78, .memory_bytes = GUEST_BYTES, .vcpus = 1, .name = "x" }, bad;
	uint32_t free_count = the->pool.free_count;

	(void)state;
#define REFUSED(field, value, status) \
	bad = good; \
	bad.field = (value); \
	assert_int_equal(hv_vm_create(the->hv, &bad), status)
	REFUSED(vm, 0, -EINVAL);
	REFUSED(vm, 77, -EEXIST);
	REFUSED(memory_bytes, 0, -EINVAL);
	REFUSED(memory_bytes, GUEST_BYTES + 1, -EINVAL);
	REFUSED(memory_bytes, UINT64_MAX & ~PAGE_MASK, -EINVAL);
	REFUSED(memory_bytes, HV_MEMORY_BYTES_MAX, -ENOSPC);
	REFUSED(vcpus, 0, -EINVAL);
	REFUSED(vcpus, VCPUS_PER_VM_MAX + 1, -EINVAL);
	REFUSED(devices, DEVICES_ALL + 1, -EINVAL);
	REFUSED(devices, UINT32_MAX, -EINVAL);
	bad = good;
	memset(bad.name, 'x', sizeof(bad.name));
	assert_int_equal(hv_vm_create(the->hv, &bad), -EINVAL);
	assert_int_equal(the->pool.free_count, free_count);
}

static void a_processor_without_svm_is_named(void **state)
{
	struct hv_config config = the->hv->config;
	void *memory = pages_of(hv_bytes());
	char reason[16];

	(void)state;
	fake_missing = "no such thing as nested paging";
	assert_null(hv_create(memory, &config, reason, sizeof(reason)));
	assert_string_equal(reason, "no such thing a");
	free(memory);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_one, fixture_close)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(second_vcpu_waits_for_its_start, open_two, fixture_close),
		ONE(stop_and_destroy_give_everything_back), ONE(hostile_creates_are_refused), ONE(a_processor_without_svm_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
