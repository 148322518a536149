// SPDX-License-Identifier: GPL-2.0-only
/* The manager's core: devices of VMs by name, what their components are told, what a VM without one cannot, and that they last. */
#include "tests/unit/gmm_trouble.h"

#define P1 GMM_NODE_FIRST

static struct gmm_vm *vm_a(struct rack *rack)
{
	return gmm_core_vm_named(rack->core, "a");
}

static struct rack *with_vm(uint32_t devices)
{
	struct rack *rack = rack_new();
	struct gmm_vm_spec spec = vm_spec("a", 64, 1);
	struct gmm_finished finished;

	rack_node(rack, "p1", WIRE_ROLE_PROCESS, 64);
	rack_node(rack, "m1", WIRE_ROLE_MEMORY, 1024);
	spec.devices = devices;
	assert_int_equal(rack_create_spec(rack, &spec, &finished), 0);
	return rack;
}

static void test_names(void **state)
{
	uint32_t all = 0;

	(void)state;
	for (uint32_t i = 0; i < GMM_DEVICES; i++) {
		const struct gmm_device *device = &gmm_devices[i];

		assert_true(device->name[0] && device->what[0]);
		assert_true(device->bit && !(device->bit & (device->bit - 1)) && !(all & device->bit));
		assert_int_equal(gmm_device_named(device->name), device->bit);
		all |= device->bit;
	}
	assert_int_equal(all, DEVICES_ALL);
	assert_int_equal(DEVICES_DEFAULT & ~DEVICES_ALL, 0);
	assert_int_equal(DEVICES_DEFAULT & DEVICES_FIRST, DEVICES_FIRST);
	assert_int_equal(gmm_device_named(""), 0);
	assert_int_equal(gmm_device_named("none"), 0);
	assert_int_equal(gmm_device_named("Serial"), 0);
	assert_int_equal(gmm_device_named("serial "), 0);
}

static void test_its_component_is_told(void **state)
{
	static const uint32_t devices[] = { 0, DEVICE_SERIAL, DEVICES_ALL };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct rack *rack = with_vm(devices[i]);

		/* Sent with VM_CREATE (gmm_fixture.h notes it), kept in the rows. */
		assert_int_equal(model_of(rack, P1)->created_devices, devices[i]);
		assert_int_equal(vm_a(rack)->spec.devices, devices[i]);
		rack_compare(rack);
		rack_free(rack);
	}
}

static void test_unknown_ones_are_refused(void **state)
{
	struct rack *rack = with_vm(DEVICES_ALL);
	struct gmm_vm_spec spec = vm_spec("b", 64, 1);
	struct gmm_record row = { .kind = GMM_RECORD_VM };
	uint64_t operation;

	(void)state;
	for (uint32_t bit = 0; bit < 32; bit++) {
		if (DEVICES_ALL >> bit & 1)
			continue;
		spec.devices = 1u << bit;
		assert_int_equal(gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns), -EINVAL);
		assert_non_null(strstr(rack->core->refusal, "devices"));
	}
	/* Of a row, too: a store of a later manager. */
	row.slot = (uint32_t)(vm_a(rack) - rack->core->vms);
	gmm_core_record(rack->core, &row);
	row.vm.spec.devices = DEVICES_ALL + 1;
	assert_int_equal(gmm_core_restore(rack->core, &row, rack->now_ns), -EINVAL);
	rack_free(rack);
}

static void test_a_stop_needs_a_button(void **state)
{
	struct rack *rack = with_vm(DEVICES_ALL & ~DEVICE_BUTTON);
	struct wire_vm_event event = { .state = WIRE_VM_RUNNING };
	struct gmm_finished finished;
	uint64_t operation, number;

	(void)state;
	for (uint32_t runs = 0; runs < 2; runs++) {
		if (runs) {
			assert_int_equal(gmm_core_vm_start(rack->core, "a", &(struct wire_blob){ .len_bytes = 1 }, &(struct wire_blob){ 0 },
							   &operation, rack->now_ns), 0);
			rack_settle(rack);
			event.vm = vm_a(rack)->id;
			assert_int_equal(gmm_core_vm_event(rack->core, P1, &event, rack->now_ns), 0);
			rack_settle(rack);
			assert_true(rack_finished(rack, operation, &finished));
			assert_int_equal(vm_a(rack)->state, WIRE_VM_RUNNING);
		}
		number = rack->core->operation_id_next;
		assert_int_equal(gmm_core_vm_check(rack->core, "a", GMM_OPERATION_VM_STOP), -EINVAL);
		assert_string_equal(rack->core->refusal, "a has no power button; use vm kill");
		assert_int_equal(gmm_core_vm_stop(rack->core, "a", 1000, &operation, rack->now_ns), -EINVAL);
		assert_string_equal(rack->core->refusal, "a has no power button; use vm kill");
		/* Nothing was begun, nothing is sent. */
		assert_int_equal(rack->core->operation_id_next, number);
		assert_int_equal(vm_a(rack)->operation, GMM_NONE);
	}
	assert_int_equal(gmm_core_vm_kill(rack->core, "a", &operation, rack->now_ns), 0);
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	assert_int_equal(vm_a(rack)->state, WIRE_VM_STOPPED);
	rack_free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_its_component_is_told),
		cmocka_unit_test(test_unknown_ones_are_refused),
		cmocka_unit_test(test_a_stop_needs_a_button),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
