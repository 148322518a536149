// SPDX-License-Identifier: GPL-2.0-only
/* Device memory: what a guest's loads and stores there do, on a backend that plays a script. */
#include "tests/unit/hv_fixture.h"

static void mmio(const char *bytes, size_t len, uint64_t address)
{
	code(bytes, len);
	script_add(EXIT_NESTED_FAULT)->guest_physical = address;
	run_vcpu();
}
#define MMIO(text, address) mmio(text, sizeof(text) - 1, address)

static void ioapic_through_device_memory(void **state)
{
	(void)state;
	MMIO("\xc7\x03\x01\x00\x00\x00", IOAPIC_BASE);			/* movl $1, (%rbx): select the version */
	assert_int_equal(the->b->r.rip, 0x1006);
	MMIO("\x8b\x43\x10", IOAPIC_BASE + 0x10);			/* mov 0x10(%rbx), %eax */
	assert_int_equal(the->b->r.rip, 0x1009);
	assert_int_equal(the->b->r.general[REGISTER_RAX] >> 16 & 0xff, IOAPIC_PINS - 1);
	assert_int_equal(the->vcpu->exits_mmio, 2);
}

static void nothing_there_reads_all_ones(void **state)
{
	(void)state;
	MMIO("\x48\x8b\x03", 0xd0000000);
	assert_true(the->b->r.general[REGISTER_RAX] == UINT64_MAX);
	MMIO("\x0f\xb6\x03", 0xd0000001);				/* movzbl (%rbx), %eax */
	assert_int_equal(the->b->r.general[REGISTER_RAX], 0xff);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_RUNNING);
}

static void an_unknown_instruction_fails_this_vm_with_its_bytes(void **state)
{
	struct wire_vm_status status = { 0 };

	(void)state;
	MMIO("\x0f\x6f\x03", 0xd0000000);				/* movq (%rbx), %mm0 */
	hv_vm_status(the->hv, 0, &status);
	assert_int_equal(status.state, WIRE_VM_FAILED);
	assert_non_null(strstr(status.reason, "cannot be emulated rip=0x0000000000001000 bytes=0f6f03"));
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
}

static void tables_in_device_memory_fail_the_vm(void **state)
{
	struct backend_exit *exit;

	(void)state;
	exit = script_add(EXIT_NESTED_FAULT);
	exit->guest_physical = 0xd0000000;
	exit->page_table_walk = true;
	run_vcpu();
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_FAILED);
}

/* ------------------------------------------------------------------ the entropy device */

/* mov %eax, (%rdi) to a register of the entropy device. */
static enum vcpu_next write_rng(uint32_t offset, uint32_t value)
{
	struct backend_exit *exit;

	the->b->r.rip = 0x1000;
	CODE("\x89\x07");
	the->b->r.general[REGISTER_RAX] = value;
	exit = script_add(EXIT_NESTED_FAULT);
	exit->guest_physical = RNG_MMIO_BASE + offset;
	exit->write = true;
	return run_vcpu();
}

static void set_up_rng(void)
{
	static const struct { uint32_t offset, value; } writes[] = {
		{ 0x70, 3 }, { 0x24, 1 }, { 0x20, 1 }, { 0x70, 0xb }, { 0x38, 8 }, { 0x80, 0x4000 }, { 0x90, 0x5000 }, { 0xa0, 0x6000 },
		{ 0x44, 1 }, { 0x70, 0xf },
	};
	/* One buffer of 8 bytes, at the end of a page; it is available. */
	static const uint8_t descriptor[] = { 0xf8, 0x7f, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0 };

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		write_rng(writes[i].offset, writes[i].value);
		assert_int_equal(the->b->r.rip, 0x1002);
	}
	memcpy(the->guest + 0x4000, descriptor, sizeof(descriptor));
	the->guest[0x5002] = 1;
}

/* The store to the bell happens again for each page that is not here, changes nothing before, and is done once. */
static void entropy_waits_for_its_pages(void **state)
{
	(void)state;
	set_up_rng();
	for (unsigned page = 4; page <= 7; page++)
		the->here[page] = false;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(write_rng(RNG_NOTIFY, 0), VCPU_WAIT_PAGE);
		assert_int_equal(the->b->r.rip, 0x1000);
		assert_int_equal(the->guest[0x6002], 0);
		assert_int_equal(the->vm->board.rng.interrupt_status, 0);
		assert_false(the->vm->board.rng.busy);
		page_comes(0);
	}
	assert_int_equal(write_rng(RNG_NOTIFY, 0), VCPU_RUN);
	assert_int_equal(the->b->r.rip, 0x1002);
	assert_int_equal(the->guest[0x6002], 1);
	assert_int_equal(the->guest[0x6008], 8);
	assert_int_equal(the->guest[0x7ff8] + 7, the->guest[0x7fff]);
	assert_int_equal(the->guest[0x7fff], the->randoms);
	assert_int_equal(the->vm->board.rng.interrupt_status, 1);
}

/* While another vCPU serves the queue no register changes, and the guest comes back with its store. */
static void entropy_is_served_by_one(void **state)
{
	(void)state;
	set_up_rng();
	the->vm->board.rng.busy = true;
	for (unsigned i = 0; i < 2; i++) {
		write_rng(i ? RNG_NOTIFY : 0x70, 0);
		assert_int_equal(the->b->r.rip, 0x1000);
		assert_int_equal(the->vm->board.rng.status, 0xf);
		assert_int_equal(the->guest[0x6002], 0);
	}
	the->vm->board.rng.busy = false;
	write_rng(RNG_NOTIFY, 0);
	assert_int_equal(the->guest[0x6002], 1);
	/* Without the device its bell is as any place where nothing is. */
	the->vm->board.devices &= ~DEVICE_RNG;
	the->guest[0x5002] = 2;
	write_rng(RNG_NOTIFY, 0);
	assert_int_equal(the->b->r.rip, 0x1002);
	assert_int_equal(the->guest[0x6002], 1);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_one, fixture_close)
	const struct CMUnitTest tests[] = {
		ONE(ioapic_through_device_memory), ONE(nothing_there_reads_all_ones),
		ONE(an_unknown_instruction_fails_this_vm_with_its_bytes), ONE(tables_in_device_memory_fail_the_vm),
		ONE(entropy_waits_for_its_pages), ONE(entropy_is_served_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
