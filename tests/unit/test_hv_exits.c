/* SPDX-License-Identifier: GPL-2.0-only */
/* The run loop and the exits, on a backend that plays a script. */
#include "tests/unit/hv_fixture.h"

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
		ONE(a_page_without_a_region_fails_the_vm), ONE(halt_waits_for_an_interrupt),
		ONE(halt_with_interrupts_off_stays), ONE(shadow_delays_an_interrupt),
		ONE(a_nearer_timer_is_told_to_the_caller), ONE(others_get_the_processor), ONE(cr8_in_both_encodings),
		ONE(absent_port_reads_all_ones), ONE(power_off_is_told), ONE(reset_by_port_and_by_triple_fault),
		ONE(string_io_and_refused_states_fail_the_vm), ONE(svm_instructions_are_undefined),
		ONE(shootdown_finds_the_processor_and_the_next_entry_flushes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
