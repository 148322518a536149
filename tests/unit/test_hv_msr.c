// SPDX-License-Identifier: GPL-2.0-only
/* MSRs, and the clock that a guest reads through them, on a backend that plays a script. */
#include "tests/unit/hv_fixture.h"

static void protection_fault(struct backend_vcpu *b)
{
	assert_true(b->r.rip == 0x1000);
}

static void unknown_msrs_fault(void **state)
{
	static const uint32_t unknown[] = { 0x3b, 0x179, 0x48, 0xc0000103, 0xc0010114, 0xc0010117, 0xffffffff };

	(void)state;
	the->b->in_guest = protection_fault;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		msr_exit(i & 1, unknown[i], 0);
		run_vcpu();
		assert_int_equal(the->b->event_vector, VECTOR_GP);
		assert_true(the->b->event_is_exception);
		the->b->event_vector = 0;
	}
}

static void clock_page_may_be_remote(void **state)
{
	struct pvclock_info info;

	(void)state;
	the->here[7] = false;
	msr_exit(true, 0x4b564d01, 0x7041);
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->b->r.rip, 0x1000);
	page_comes(0);
	msr_exit(true, 0x4b564d01, 0x7041);
	run_vcpu();
	assert_int_equal(the->b->r.rip, 0x1002);
	memcpy(&info, the->guest + 0x7040, sizeof(info));
	assert_int_equal(info.version % 2, 0);
	assert_int_equal(info.flags, 1);
	assert_int_equal(the->vcpu->clock_msr, 0x7041);
}

/* What CPUID does not offer is not there either. */
static void without_the_clock_its_registers_fault(void **state)
{
	static const uint32_t clocks[] = { 0x11, 0x12, 0x4b564d00, 0x4b564d01 };

	(void)state;
	the->vm->board.devices = DEVICES_ALL & ~DEVICE_KVMCLOCK;
	for (size_t i = 0; i < 2 * sizeof(clocks) / sizeof(clocks[0]); i++) {
		the->b->event_vector = 0;
		msr_exit(i % 2, clocks[i / 2], 0x7041);
		run_vcpu();
		assert_int_equal(the->b->event_vector, VECTOR_GP);
	}
	assert_int_equal(the->vcpu->clock_msr, 0);
	assert_int_equal(the->vcpu->wall_msr, 0);
}

static void clock_page_outside_memory_faults(void **state)
{
	static const uint64_t bad[] = { GUEST_BYTES | 1, (GUEST_BYTES - 16) | 1, UINT64_MAX, 0x7003 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		the->b->event_vector = 0;
		msr_exit(true, 0x4b564d01, bad[i]);
		run_vcpu();
		assert_int_equal(the->b->event_vector, VECTOR_GP);
	}
	assert_int_equal(the->vcpu->clock_msr, 0);
}

static void mtrrs_keep_what_is_written(void **state)
{
	(void)state;
	msr_exit(true, 0x268, UINT64_C(0x0102030405060708));
	run_vcpu();
	the->b->r.rip = 0x1000;
	msr_exit(false, 0x268, 0);
	run_vcpu();
	assert_int_equal(the->b->r.general[REGISTER_RAX], 0x05060708);
	assert_int_equal(the->b->r.general[REGISTER_RDX], 0x01020304);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_one, fixture_close)
	const struct CMUnitTest tests[] = {
		ONE(unknown_msrs_fault), ONE(clock_page_may_be_remote), ONE(clock_page_outside_memory_faults),
		ONE(mtrrs_keep_what_is_written), ONE(without_the_clock_its_registers_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
