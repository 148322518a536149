/* SPDX-License-Identifier: GPL-2.0-only */
/* The run loop and the exits, on a backend that plays a script. */
#include "tests/unit/hv_fixture.h"

/* ------------------------------------------------------------------ playing */

static struct backend_exit *script_add(enum exit_reason reason)
{
	struct backend_exit *exit = &the->b->script[the->b->script_len++];

	assert_true(the->b->script_len <= SCRIPT_MAX);
	*exit = (struct backend_exit){ .reason = reason };
	return exit;
}

/* The guest's code at RIP. */
static void code(const char *bytes, size_t len)
{
	memcpy(the->guest + the->b->r.rip, bytes, len);
}
#define CODE(text) code(text, sizeof(text) - 1)

/* ------------------------------------------------------------------ lengths, registers */

static void cpuid_with_prefixes_is_stepped_over(void **state)
{
	(void)state;
	CODE("\x66\x2e\x0f\xa2");
	the->b->r.general[REGISTER_RAX] = 0x40000000;
	script_add(EXIT_CPUID);
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->b->r.rip, 0x1004);
	assert_int_equal(the->b->r.general[REGISTER_RBX], 0x4b4d564b);
	assert_int_equal(the->b->r.general[REGISTER_RAX], 0x40000010);
}

static void a_told_length_needs_no_decoding(void **state)
{
	(void)state;
	CODE("\xff\xff\xff");
	the->here[1] = false;
	script_add(EXIT_CPUID)->next_rip = 0x1002;
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->b->r.rip, 0x1002);
	assert_int_equal(the->accesses, 0);
}

static void a_shadow_ends_with_the_instruction(void **state)
{
	(void)state;
	CODE("\x0f\xa2");
	the->b->r.interrupt_shadow = true;
	script_add(EXIT_CPUID);
	run_vcpu();
	assert_false(the->b->r.interrupt_shadow);
}

/* ------------------------------------------------------------------ remote pages */

static void fetch_of_a_remote_page_changes_nothing(void **state)
{
	(void)state;
	CODE("\x0f\xa2");
	the->here[1] = false;
	the->b->r.general[REGISTER_RAX] = 0x40000000;
	script_add(EXIT_CPUID);
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->b->r.rip, 0x1000);
	assert_int_equal(the->b->r.general[REGISTER_RAX], 0x40000000);
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->accesses, 1);
	page_comes(0);
	assert_true(the->kicks > 0);
	script_add(EXIT_CPUID);
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->b->r.rip, 0x1002);
}

static void instruction_across_a_page_border(void **state)
{
	(void)state;
	the->b->r.rip = 0x1fff;
	CODE("\x0f\xa2");
	the->here[2] = false;
	script_add(EXIT_CPUID);
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->waiter_page, 2);
	page_comes(0);
	script_add(EXIT_CPUID);
	run_vcpu();
	assert_int_equal(the->b->r.rip, 0x2001);
}

static void miss_waits_and_resumes(void **state)
{
	struct backend_exit *exit;

	(void)state;
	the->here[5] = false;
	exit = script_add(EXIT_NESTED_FAULT);
	exit->guest_physical = 0x5123;
	exit->write = true;
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->waiter_page, 5);
	the->now += 100000;
	page_comes(0);
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->vcpu->miss.count, 1);
	assert_int_equal(the->vcpu->miss.sum_ns, 100000);
}

static void a_local_page_is_no_miss(void **state)
{
	(void)state;
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x5123;
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->vcpu->miss.count, 0);
	assert_non_null(npt_frame(&the->vm->npt, 5, false));
}

static void interrupt_reaches_a_waiting_vcpu(void **state)
{
	unsigned runs;

	(void)state;
	the->here[5] = the->here[6] = false;
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x5000;
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	runs = the->b->runs;
	the->vm->board.lapics.lapic[0].svr |= 0x100;
	lapic_deliver(&the->vm->board.lapics, 0, false, 0, 0x41, false);
	/* its handler misses too: one waiter is enough, the second page is asked for when the first came */
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x6000;
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->b->runs, runs + 1);
	assert_int_equal(the->b->event_vector, 0x41);
	assert_int_equal(the->waiter_page, 5);
	page_comes(0);
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x6000;
	assert_int_equal(run_vcpu(), VCPU_WAIT_PAGE);
	assert_int_equal(the->waiter_page, 6);
	page_comes(0);
	assert_int_equal(run_vcpu(), VCPU_RUN);
}

static void unreachable_memory_pauses_and_resumes(void **state)
{
	struct wire_vm_status status = { 0 };

	(void)state;
	the->here[5] = false;
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x5000;
	run_vcpu();
	page_comes(-EHOSTUNREACH);
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
	hv_vm_status(the->hv, 0, &status);
	assert_int_equal(status.state, WIRE_VM_PAUSED);
	assert_int_equal(status.status, -EHOSTUNREACH);
	assert_string_equal(status.reason, "memory component unreachable");
	hv_vm_resume(the->hv, 0);
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_RUNNING);
}

static void a_page_without_a_region_fails_the_vm(void **state)
{
	(void)state;
	the->refused = true;
	script_add(EXIT_NESTED_FAULT)->guest_physical = 0x5000;
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_FAILED);
}

/* ------------------------------------------------------------------ device memory */

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

/* ------------------------------------------------------------------ MSRs */

static void msr_exit(bool write, uint32_t msr, uint64_t value)
{
	struct backend_exit *exit = script_add(EXIT_MSR);

	if (write)
		CODE("\x0f\x30");
	else
		CODE("\x0f\x32");
	exit->write = write;
	the->b->r.general[REGISTER_RCX] = msr | UINT64_C(0xdead00000000);	/* the upper half does not count */
	the->b->r.general[REGISTER_RAX] = value & UINT32_MAX;
	the->b->r.general[REGISTER_RDX] = value >> 32;
}

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

/* ------------------------------------------------------------------ idling, timers, giving way */

static void halt_waits_for_an_interrupt(void **state)
{
	(void)state;
	CODE("\xf4");
	script_add(EXIT_HALT);
	assert_int_equal(run_vcpu(), VCPU_HALT);
	assert_int_equal(the->b->r.rip, 0x1001);
	the->vm->board.lapics.lapic[0].svr |= 0x100;
	lapic_deliver(&the->vm->board.lapics, 0, false, 0, 0x55, false);
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->b->event_vector, 0x55);
	assert_int_equal(the->vcpu->interrupts_injected, 1);
}

static void halt_with_interrupts_off_stays(void **state)
{
	(void)state;
	CODE("\xf4");
	the->b->r.rflags = 0;
	script_add(EXIT_HALT);
	run_vcpu();
	the->vm->board.lapics.lapic[0].svr |= 0x100;
	lapic_deliver(&the->vm->board.lapics, 0, false, 0, 0x55, false);
	assert_int_equal(run_vcpu(), VCPU_HALT);
	assert_true(the->b->window);
}

static void shadow_delays_an_interrupt(void **state)
{
	(void)state;
	the->b->r.interrupt_shadow = true;
	the->vm->board.lapics.lapic[0].svr |= 0x100;
	lapic_deliver(&the->vm->board.lapics, 0, false, 0, 0x55, false);
	run_vcpu();
	assert_int_equal(the->vcpu->interrupts_injected, 0);
	assert_true(the->b->window);
	the->b->r.interrupt_shadow = false;
	script_add(EXIT_INTERRUPT_WINDOW);
	run_vcpu();
	assert_int_equal(the->vcpu->interrupts_injected, 1);
	assert_false(the->b->window);
}

static void a_nearer_timer_is_told_to_the_caller(void **state)
{
	uint64_t deadline_ns = 0;
	unsigned runs;

	(void)state;
	assert_int_equal(vcpu_run(the->hv, 0, 0, &deadline_ns), VCPU_RUN);
	assert_true(deadline_ns == UINT64_MAX);
	the->vm->board.lapics.lapic[0].svr |= 0x100;
	msr_exit(true, 0x832, 0x40040);					/* LVT timer: TSC deadline, vector 0x40 */
	run_vcpu();
	the->b->r.rip = 0x1000;
	msr_exit(true, 0x6e0, 2 * 500000);				/* guest TSC, 2 GHz, from the start */
	runs = the->b->runs;
	assert_int_equal(vcpu_run(the->hv, 0, 0, &deadline_ns), VCPU_RUN);
	assert_int_equal(the->b->runs, runs + 1);			/* not entered again before the caller knows */
	assert_in_range(deadline_ns, 500000, 502000);
	/* it is due: the guest is not entered with a timer that has passed */
	the->now = deadline_ns + 1;
	assert_int_equal(vcpu_run(the->hv, 0, 0, &deadline_ns), VCPU_RUN);
	assert_true(deadline_ns == UINT64_MAX);
	assert_int_equal(vcpu_run(the->hv, 0, 0, &deadline_ns), VCPU_RUN);
	assert_int_equal(the->b->event_vector, 0x40);
}

static void others_get_the_processor(void **state)
{
	unsigned runs = the->b->runs;

	(void)state;
	the->yield = true;
	assert_int_equal(run_vcpu(), VCPU_RUN);
	assert_int_equal(the->b->runs, runs);
}

static void cr8_in_both_encodings(void **state)
{
	struct backend_exit *exit;

	(void)state;
	CODE("\x44\x0f\x22\xc3");					/* mov %rbx, %cr8 */
	the->b->r.general[REGISTER_RBX] = 9;
	exit = script_add(EXIT_CR8_WRITE);
	exit->write = true;
	run_vcpu();
	assert_int_equal(the->b->r.rip, 0x1004);
	assert_int_equal(lapic_cr8(&the->vm->board.lapics.lapic[0]), 9);
	CODE("\xf0\x0f\x20\xc1");					/* lock mov %cr0, %rcx: CR8 */
	script_add(EXIT_CR8_READ);
	run_vcpu();
	assert_int_equal(the->b->r.general[REGISTER_RCX], 9);
	CODE("\xf0\x0f\x22\xc3");
	the->b->r.general[REGISTER_RBX] = 16;
	exit = script_add(EXIT_CR8_WRITE);
	exit->write = true;
	run_vcpu();
	assert_int_equal(the->b->event_vector, VECTOR_GP);
	assert_int_equal(the->b->r.rip, 0x1008);
}

/* ------------------------------------------------------------------ ports and the VM's end */

static void port_exit(bool write, uint16_t port, uint8_t size, uint32_t value)
{
	struct backend_exit *exit = script_add(EXIT_PORT);

	exit->port = port;
	exit->size_bytes = size;
	exit->write = write;
	exit->next_rip = the->b->r.rip + 1;
	the->b->r.general[REGISTER_RAX] = value;
	run_vcpu();
}

static void absent_port_reads_all_ones(void **state)
{
	(void)state;
	port_exit(false, 0x2f8, 1, 0x1200);
	assert_int_equal(the->b->r.general[REGISTER_RAX], 0x12ff);
	the->b->r.general[REGISTER_RAX] = 0;
	port_exit(false, 0x1234, 4, 0);
	assert_true(the->b->r.general[REGISTER_RAX] == UINT32_MAX);
}

static void power_off_is_told(void **state)
{
	(void)state;
	port_exit(true, ACPI_SLEEP_CONTROL_PORT, 1, 0x20 | 5 << 2);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_POWERED_OFF);
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
	assert_false(hv_vm_take_reset(the->hv, 0));
}

static void reset_by_port_and_by_triple_fault(void **state)
{
	struct load_entry entry = { .rip = 0x1000 };

	(void)state;
	port_exit(true, ACPI_RESET_PORT, 1, ACPI_RESET_VALUE);
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_LOADING);
	assert_true(hv_vm_take_reset(the->hv, 0));
	assert_false(hv_vm_take_reset(the->hv, 0));
	hv_vm_start(the->hv, 0, &entry);
	script_add(EXIT_SHUTDOWN);
	assert_int_equal(run_vcpu(), VCPU_STOPPED);
	assert_true(hv_vm_take_reset(the->hv, 0));
	assert_int_equal(the->vm->resets, 2);
}

static void string_io_and_refused_states_fail_the_vm(void **state)
{
	struct load_entry entry = { .rip = 0x1000 };
	struct wire_vm_status status = { 0 };
	struct backend_exit *exit;

	(void)state;
	exit = script_add(EXIT_PORT);
	exit->string = true;
	exit->size_bytes = 1;
	exit->next_rip = 0x1001;
	run_vcpu();
	assert_int_equal(hv_vm_state(the->hv, 0), WIRE_VM_FAILED);
	hv_vm_start(the->hv, 0, &entry);
	script_add(EXIT_FAILED)->detail = 0xffffffff;
	run_vcpu();
	hv_vm_status(the->hv, 0, &status);
	assert_non_null(strstr(status.reason, "bytes=ffffffff"));
}

static void svm_instructions_are_undefined(void **state)
{
	(void)state;
	script_add(EXIT_UNDEFINED);
	run_vcpu();
	assert_int_equal(the->b->event_vector, VECTOR_UD);
	script_add(EXIT_XSETBV);
	run_vcpu();
	assert_int_equal(the->b->event_vector, VECTOR_UD);
}

/* ------------------------------------------------------------------ translations */

static uint64_t shot;

static void shoot_down(struct backend_vcpu *vcpu)
{
	struct cache_victim victim = { .vm = 0 };

	(void)vcpu;
	shot = hv_shootdown_begin(the->hv, &victim, 1);
}

static void shootdown_finds_the_processor_and_the_next_entry_flushes(void **state)
{
	struct cache_victim victims[2] = { { .vm = 0 }, { .vm = 0 } };
	unsigned flushes;

	(void)state;
	fake_cpu = 3;
	run_vcpu();
	assert_int_equal(the->b->flushes, 1);				/* first time here */
	run_vcpu();
	assert_int_equal(the->b->flushes, 1);
	the->b->in_guest = shoot_down;
	run_vcpu();
	assert_int_equal(shot, 1u << 3);
	the->b->in_guest = NULL;
	run_vcpu();
	assert_int_equal(the->b->flushes, 2);
	/* outside the guest nobody is kicked, and still it flushes */
	flushes = the->b->flushes;
	assert_int_equal(hv_shootdown_begin(the->hv, victims, 2), 0);
	run_vcpu();
	assert_int_equal(the->b->flushes, flushes + 1);
	fake_cpu = 4;
	run_vcpu();
	assert_int_equal(the->b->flushes, flushes + 2);
}

int main(void)
{
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_one, fixture_close)
	const struct CMUnitTest tests[] = {
		ONE(cpuid_with_prefixes_is_stepped_over), ONE(a_told_length_needs_no_decoding),
		ONE(a_shadow_ends_with_the_instruction), ONE(fetch_of_a_remote_page_changes_nothing),
		ONE(instruction_across_a_page_border), ONE(miss_waits_and_resumes), ONE(a_local_page_is_no_miss),
		ONE(interrupt_reaches_a_waiting_vcpu), ONE(unreachable_memory_pauses_and_resumes),
		ONE(a_page_without_a_region_fails_the_vm), ONE(ioapic_through_device_memory),
		ONE(nothing_there_reads_all_ones), ONE(an_unknown_instruction_fails_this_vm_with_its_bytes),
		ONE(tables_in_device_memory_fail_the_vm), ONE(unknown_msrs_fault), ONE(clock_page_may_be_remote),
		ONE(clock_page_outside_memory_faults), ONE(mtrrs_keep_what_is_written), ONE(halt_waits_for_an_interrupt),
		ONE(entropy_waits_for_its_pages), ONE(entropy_is_served_by_one), ONE(without_the_clock_its_registers_fault),
		ONE(halt_with_interrupts_off_stays), ONE(shadow_delays_an_interrupt),
		ONE(a_nearer_timer_is_told_to_the_caller), ONE(others_get_the_processor), ONE(cr8_in_both_encodings),
		ONE(absent_port_reads_all_ones), ONE(power_off_is_told), ONE(reset_by_port_and_by_triple_fault),
		ONE(string_io_and_refused_states_fail_the_vm), ONE(svm_instructions_are_undefined),
		ONE(shootdown_finds_the_processor_and_the_next_entry_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
