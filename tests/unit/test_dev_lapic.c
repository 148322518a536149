// SPDX-License-Identifier: GPL-2.0-only
/* Local APICs: registers through both front ends, delivery, priorities, IPIs and the timer's three modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

#include "pcomponent/dev/dev.h"

#define TSC_KHZ 2500000u

#define X2_TPR 0x808u
#define X2_EOI 0x80bu
#define X2_LDR 0x80du
#define X2_SVR 0x80fu
#define X2_ESR 0x828u
#define X2_ICR 0x830u
#define X2_LVT_TIMER 0x832u
#define X2_LVT_LINT0 0x835u
#define X2_LVT_ERROR 0x837u
#define X2_INITIAL 0x838u
#define X2_COUNT 0x839u
#define X2_DIVIDE 0x83eu
#define X2_SELF 0x83fu
#define APIC_BASE 0x1bu
#define TSC_DEADLINE 0x6e0u

static struct lapic_bus bus;
static uint32_t kicks[VCPUS_PER_VM_MAX];
static int last_eoi;

static void on_kick(void *context, uint32_t vcpu)
{
	assert_ptr_equal(context, &bus);
	kicks[vcpu]++;
}

static void on_eoi(void *context, uint8_t vector)
{
	assert_ptr_equal(context, &bus);
	last_eoi = vector;
}

static int write_msr(uint32_t vcpu, uint32_t msr, uint64_t value)
{
	return lapic_msr_write(&bus, vcpu, msr, value, 0, 0);
}

static uint64_t read_msr(uint32_t vcpu, uint32_t msr, uint64_t now_ns)
{
	uint64_t value;

	assert_int_equal(lapic_msr_read(&bus, vcpu, msr, &value, now_ns), 0);
	return value;
}

static void setup_bus(bool x2apic)
{
	lapic_bus_init(&bus, 4);
	bus.kick = on_kick;
	bus.eoi = on_eoi;
	bus.context = &bus;
	bus.tsc_khz = TSC_KHZ;
	last_eoi = -1;
	for (uint32_t i = 0; i < 4; i++) {
		kicks[i] = 0;
		lapic_reset(&bus, i, x2apic);
		if (x2apic)
			assert_int_equal(write_msr(i, X2_SVR, 0x1ff), 0);
		else
			lapic_mmio_write(&bus, i, 0xf0, 0x1ff, 0);
	}
}

static int setup(void **state)
{
	(void)state;
	setup_bus(true);
	return 0;
}

static int setup_xapic(void **state)
{
	(void)state;
	setup_bus(false);
	return 0;
}

static void test_reset_state(void **state)
{
	(void)state;
	lapic_reset(&bus, 0, false);
	assert_int_equal(read_msr(0, APIC_BASE, 0), 0xfee00900);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0xf0, 0), 0xff);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0x350, 0), 0x10000);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0x30, 0), 0x50014);
	assert_int_equal(lapic_deadline_ns(&bus.lapic[0]), UINT64_MAX);
	lapic_reset(&bus, 3, true);
	assert_int_equal(read_msr(3, APIC_BASE, 0), 0xfee00c00);
	assert_int_equal(read_msr(3, 0x802, 0), 3);
	assert_int_equal(read_msr(3, X2_LDR, 0), 8);
}

static void test_base_transitions(void **state)
{
	const uint64_t base = 0xfee00000, off = base, on = base | 0x800, x2 = base | 0xc00;

	(void)state;
	lapic_reset(&bus, 1, false);
	assert_int_equal(write_msr(1, APIC_BASE, base | 0x400), -EFAULT);	/* x2APIC without enable */
	assert_int_equal(write_msr(1, APIC_BASE, on | 0x1000), -EFAULT);	/* moved */
	assert_int_equal(write_msr(1, APIC_BASE, on | 1), -EFAULT);		/* reserved */
	assert_int_equal(write_msr(1, X2_TPR, 0), -EFAULT);			/* not in x2APIC mode yet */
	assert_int_equal(write_msr(1, APIC_BASE, x2), 0);
	assert_int_equal(read_msr(1, X2_LDR, 0), 2);
	assert_int_equal(write_msr(1, APIC_BASE, on), -EFAULT);
	assert_int_equal(write_msr(1, APIC_BASE, off), 0);
	assert_int_equal(write_msr(1, APIC_BASE, x2), -EFAULT);
	assert_int_equal(write_msr(1, APIC_BASE, on), 0);
	assert_int_equal(lapic_mmio_read(&bus, 1, 0x20, 0), 1u << 24);
}

static void test_msr_faults(void **state)
{
	static const struct { uint32_t msr; uint64_t value; } bad[] = {
		{ 0x802, 0 }, { 0x803, 0 }, { X2_TPR, 0x100 }, { X2_TPR, UINT64_C(1) << 32 }, { X2_EOI, 1 }, { X2_LDR, 0 }, { 0x80e, 0 },
		{ X2_SVR, 0x1000 }, { 0x810, 0 }, { X2_ESR, 1 }, { X2_ICR, 0x1000 }, { 0x831, 0 }, { X2_LVT_TIMER, 0x80000 },
		{ X2_COUNT, 0 }, { X2_DIVIDE, 4 }, { X2_SELF, 0x100 }, { 0x840, 0 }, { 0x8ff, 0 }, { 0x82f, 0 }, { 0x900, 0 },
	};
	static const uint32_t unreadable[] = { 0x800, X2_EOI, 0x80e, 0x831, X2_SELF, 0x8ff, 0x900, 0x7ff };
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(write_msr(0, bad[i].msr, bad[i].value), -EFAULT);
	for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++)
		assert_int_equal(lapic_msr_read(&bus, 0, unreadable[i], &value, 0), -EFAULT);
}

static void test_priorities(void **state)
{
	struct lapic *lapic = &bus.lapic[0];

	(void)state;
	lapic_deliver(&bus, 0, false, 0, 0x31, false);
	lapic_deliver(&bus, 0, false, 0, 0x35, false);
	lapic_deliver(&bus, 0, false, 0, 0x80, false);
	assert_int_equal(kicks[0], 3);
	assert_int_equal(lapic_pending(lapic), 0x80);
	lapic_set_cr8(lapic, 8);
	assert_int_equal(read_msr(0, X2_TPR, 0), 0x80);
	assert_int_equal(lapic_pending(lapic), -1);
	lapic_set_cr8(lapic, 0);
	lapic_accept(lapic, 0x80);
	assert_int_equal(read_msr(0, 0x80a, 0), 0x80);			/* PPR */
	assert_int_equal(lapic_pending(lapic), -1);
	assert_int_equal(write_msr(0, X2_EOI, 0), 0);
	assert_int_equal(lapic_pending(lapic), 0x35);
	lapic_accept(lapic, 0x35);
	assert_int_equal(lapic_pending(lapic), -1);			/* same class waits */
	assert_int_equal(read_msr(0, 0x811, 0), 1u << 0x15);		/* ISR of 0x20 to 0x3f */
	write_msr(0, X2_EOI, 0);
	assert_int_equal(lapic_pending(lapic), 0x31);
	assert_int_equal(last_eoi, -1);
}

static void test_level_eoi(void **state)
{
	(void)state;
	lapic_deliver(&bus, 2, false, 0, 0x41, true);
	lapic_accept(&bus.lapic[2], 0x41);
	write_msr(2, X2_EOI, 0);
	assert_int_equal(last_eoi, 0x41);
	write_msr(2, X2_EOI, 0);					/* nothing in service: nothing happens */
	last_eoi = -1;
	lapic_deliver(&bus, 2, false, 0, 0x41, false);			/* as edge this time */
	lapic_accept(&bus.lapic[2], 0x41);
	write_msr(2, X2_EOI, 0);
	assert_int_equal(last_eoi, -1);
}

static void test_destinations(void **state)
{
	(void)state;
	lapic_deliver(&bus, 0xff, false, 0, 0x50, false);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(kicks[i], 1);
	lapic_deliver(&bus, 0x6, true, 0, 0x51, false);			/* cluster 0, members 1 and 2 */
	assert_int_equal(kicks[0] + kicks[3], 2);
	assert_int_equal(kicks[1] + kicks[2], 4);
	lapic_deliver(&bus, 9, false, 0, 0x52, false);			/* nobody */
	lapic_deliver(&bus, 0x10001, true, 0, 0x52, false);		/* cluster 1: nobody */
	assert_int_equal(kicks[0] + kicks[1] + kicks[2] + kicks[3], 6);
	/* Lowest priority: exactly one, and not the busy one. */
	lapic_set_cr8(&bus.lapic[1], 9);
	lapic_deliver(&bus, 0x6, true, 1, 0x53, false);
	assert_int_equal(kicks[2], 3);
	assert_int_equal(kicks[1], 2);
}

static void test_xapic_logical(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		lapic_mmio_write(&bus, i, 0xd0, 1u << (24 + i), 0);
	lapic_deliver(&bus, 0x5, true, 0, 0x50, false);
	assert_int_equal(kicks[0] + kicks[2], 2);
	assert_int_equal(kicks[1] + kicks[3], 0);
	/* Cluster model: vCPU 3 alone in cluster 2. */
	for (uint32_t i = 0; i < 4; i++)
		lapic_mmio_write(&bus, i, 0xe0, 0, 0);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0xe0, 0), 0x0fffffff);
	lapic_mmio_write(&bus, 3, 0xd0, 0x21u << 24, 0);
	lapic_deliver(&bus, 0x23, true, 0, 0x50, false);
	assert_int_equal(kicks[3], 1);
	assert_int_equal(kicks[0] + kicks[1] + kicks[2], 2);
}

static void test_ipis(void **state)
{
	(void)state;
	write_msr(0, X2_ICR, UINT64_C(2) << 32 | 0x60);
	assert_int_equal(lapic_pending(&bus.lapic[2]), 0x60);
	write_msr(0, X2_ICR, 0xc0061);					/* all but self */
	assert_int_equal(lapic_pending(&bus.lapic[0]), -1);
	assert_int_equal(lapic_pending(&bus.lapic[3]), 0x61);
	write_msr(0, X2_SELF, 0x62);
	assert_int_equal(lapic_pending(&bus.lapic[0]), 0x62);
	write_msr(0, X2_ICR, UINT64_C(1) << 32 | 0x400);		/* NMI */
	assert_true(bus.lapic[1].nmi_pending);
	write_msr(0, X2_ICR, UINT64_C(3) << 32 | 0x4608);
	assert_true(bus.lapic[3].sipi_pending);
	assert_int_equal(bus.lapic[3].sipi_vector, 8);
	write_msr(0, X2_ICR, UINT64_C(3) << 32 | 0xc500);		/* INIT */
	assert_true(bus.lapic[3].init_pending);
	assert_false(bus.lapic[3].sipi_pending);
	assert_int_equal(lapic_pending(&bus.lapic[3]), -1);
	assert_int_equal(read_msr(3, X2_SVR, 0), 0xff);
	assert_int_equal(read_msr(3, 0x802, 0), 3);
	write_msr(0, X2_ICR, UINT64_C(1) << 32 | 0x8500);		/* de-assert: nothing */
	assert_false(bus.lapic[1].init_pending);
	assert_int_equal(read_msr(0, X2_ICR, 0), UINT64_C(1) << 32 | 0x8500);
}

static void test_xapic_icr(void **state)
{
	(void)state;
	lapic_mmio_write(&bus, 0, 0x310, 2u << 24, 0);
	lapic_mmio_write(&bus, 0, 0x300, 0x70, 0);
	assert_int_equal(lapic_pending(&bus.lapic[2]), 0x70);
	assert_int_equal(kicks[0] + kicks[1] + kicks[3], 0);
	lapic_mmio_write(&bus, 0, 0x310, 0xffu << 24, 0);
	lapic_mmio_write(&bus, 0, 0x300, 0x71, 0);
	assert_int_equal(lapic_pending(&bus.lapic[0]), 0x71);
	assert_int_equal(lapic_pending(&bus.lapic[3]), 0x71);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0x300, 0), 0x71);
	assert_int_equal(lapic_mmio_read(&bus, 0, 0x310, 0), 0xffu << 24);
}

static void test_disabled(void **state)
{
	(void)state;
	write_msr(0, X2_LVT_LINT0, 0x700);
	write_msr(0, X2_SVR, 0xff);
	assert_int_equal(read_msr(0, X2_LVT_LINT0, 0), 0x10700);
	write_msr(0, X2_LVT_LINT0, 0x700);
	assert_int_equal(read_msr(0, X2_LVT_LINT0, 0), 0x10700);
	lapic_deliver(&bus, 0, false, 0, 0x50, false);
	assert_int_equal(kicks[0], 0);
	lapic_deliver(&bus, 0, false, 4, 0, false);
	assert_true(bus.lapic[0].nmi_pending);
	write_msr(1, APIC_BASE, 0xfee00000);
	lapic_deliver(&bus, 1, false, 4, 0, false);
	assert_false(bus.lapic[1].nmi_pending);
}

static void test_errors(void **state)
{
	(void)state;
	write_msr(0, X2_LVT_ERROR, 0xfe);
	write_msr(0, X2_ICR, UINT64_C(1) << 32 | 0x05);
	assert_int_equal(kicks[1], 0);
	assert_int_equal(lapic_pending(&bus.lapic[0]), 0xfe);
	assert_int_equal(read_msr(0, X2_ESR, 0), 0);			/* not before it is written */
	write_msr(0, X2_ESR, 0);
	assert_int_equal(read_msr(0, X2_ESR, 0), 0x20);
	/* An error entry with an illegal vector ends in an error, not in a circle. */
	write_msr(1, X2_LVT_ERROR, 0x02);
	lapic_deliver(&bus, 1, false, 0, 3, false);
	write_msr(1, X2_ESR, 0);
	assert_int_equal(read_msr(1, X2_ESR, 0), 0x40);
	assert_int_equal(lapic_pending(&bus.lapic[1]), -1);
}

static void test_one_shot(void **state)
{
	struct lapic *lapic = &bus.lapic[0];

	(void)state;
	write_msr(0, X2_LVT_TIMER, 0xec);
	write_msr(0, X2_DIVIDE, 3);					/* by 16 */
	assert_int_equal(lapic_msr_write(&bus, 0, X2_INITIAL, 1000, 0, 5000), 0);
	assert_int_equal(lapic_deadline_ns(lapic), 5000 + 16000);
	assert_int_equal(read_msr(0, X2_COUNT, 5000), 1000);
	assert_int_equal(read_msr(0, X2_COUNT, 5000 + 8000), 500);
	assert_int_equal(lapic_msr_write(&bus, 0, X2_DIVIDE, 0xb, 0, 13000), 0); /* by 1, halfway */
	assert_int_equal(lapic_deadline_ns(lapic), 13500);
	lapic_tick(&bus, 0, 13499);
	assert_int_equal(lapic_pending(lapic), -1);
	lapic_tick(&bus, 0, 13500);
	assert_int_equal(lapic_pending(lapic), 0xec);
	assert_int_equal(lapic_deadline_ns(lapic), UINT64_MAX);
	assert_int_equal(read_msr(0, X2_COUNT, 14000), 0);
	write_msr(0, X2_INITIAL, 10);
	write_msr(0, X2_INITIAL, 0);
	assert_int_equal(lapic_deadline_ns(lapic), UINT64_MAX);
}

static void test_divide_before_time_zero(void **state)
{
	(void)state;
	write_msr(0, X2_DIVIDE, 0xb);
	assert_int_equal(lapic_msr_write(&bus, 0, X2_INITIAL, 100, 0, 10), 0);
	assert_int_equal(lapic_msr_write(&bus, 0, X2_DIVIDE, 0xa, 0, 60), 0);	/* by 128; the start is now before zero */
	assert_int_equal(read_msr(0, X2_COUNT, 60), 50);
	assert_int_equal(lapic_deadline_ns(&bus.lapic[0]), 60 + 50 * 128);
}

static void test_periodic(void **state)
{
	struct lapic *lapic = &bus.lapic[0];

	(void)state;
	write_msr(0, X2_LVT_TIMER, 0x20000 | 0xec);
	write_msr(0, X2_DIVIDE, 0xb);
	write_msr(0, X2_INITIAL, 1000);
	lapic_tick(&bus, 0, 1000);
	assert_int_equal(lapic_pending(lapic), 0xec);
	assert_int_equal(lapic_deadline_ns(lapic), 2000);
	assert_int_equal(read_msr(0, X2_COUNT, 1250), 750);
	lapic_tick(&bus, 0, 10500);					/* missed periods are one */
	assert_int_equal(lapic_deadline_ns(lapic), 11000);
	write_msr(0, X2_LVT_TIMER, 0x30000 | 0xec);			/* masked: goes on, silently */
	lapic_accept(lapic, 0xec);
	write_msr(0, X2_EOI, 0);
	lapic_tick(&bus, 0, 11000);
	assert_int_equal(lapic_pending(lapic), -1);
	assert_int_equal(lapic_deadline_ns(lapic), 12000);
}

static void test_tsc_deadline(void **state)
{
	struct lapic *lapic = &bus.lapic[0];

	(void)state;
	assert_int_equal(lapic_msr_write(&bus, 0, TSC_DEADLINE, 500, 0, 0), 0);
	assert_int_equal(read_msr(0, TSC_DEADLINE, 0), 0);		/* ignored in another mode */
	write_msr(0, X2_INITIAL, 1000);
	write_msr(0, X2_LVT_TIMER, 0x40000 | 0xec);
	assert_int_equal(lapic_deadline_ns(lapic), UINT64_MAX);		/* the change of mode disarmed it */
	lapic_msr_write(&bus, 0, TSC_DEADLINE, 1000000 + 2501, 1000000, 7000);
	assert_int_equal(lapic_deadline_ns(lapic), 7000 + 1001);	/* rounded up */
	assert_int_equal(read_msr(0, TSC_DEADLINE, 0), 1000000 + 2501);
	assert_int_equal(read_msr(0, X2_COUNT, 7001), 0);
	lapic_tick(&bus, 0, 8001);
	assert_int_equal(lapic_pending(lapic), 0xec);
	assert_int_equal(read_msr(0, TSC_DEADLINE, 0), 0);
	lapic_accept(lapic, 0xec);
	write_msr(0, X2_EOI, 0);
	lapic_msr_write(&bus, 0, TSC_DEADLINE, 999, 1000000, 9000);	/* past: at once */
	assert_int_equal(lapic_pending(lapic), 0xec);
	lapic_msr_write(&bus, 0, TSC_DEADLINE, UINT64_MAX, 0, 9000);	/* far: no overflow */
	assert_true(lapic_deadline_ns(lapic) > UINT64_MAX / 4);
	lapic_msr_write(&bus, 0, TSC_DEADLINE, 0, 0, 9000);
	assert_int_equal(lapic_deadline_ns(lapic), UINT64_MAX);
}

static void test_mmio_holes(void **state)
{
	(void)state;
	for (uint32_t offset = 0; offset < 4096; offset++) {
		(void)lapic_mmio_read(&bus, 1, offset, 0);
		if (offset != 0x300)
			lapic_mmio_write(&bus, 1, offset, UINT32_MAX, 0);
	}
	assert_int_equal(lapic_mmio_read(&bus, 1, 0x81, 0), 0);
	assert_int_equal(lapic_mmio_read(&bus, 1, 0x80, 0), 0xff);
	assert_int_equal(lapic_mmio_read(&bus, 1, 0x20, 0), 1u << 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reset_state, setup),
		cmocka_unit_test_setup(test_base_transitions, setup),
		cmocka_unit_test_setup(test_msr_faults, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_level_eoi, setup),
		cmocka_unit_test_setup(test_destinations, setup),
		cmocka_unit_test_setup(test_xapic_logical, setup_xapic),
		cmocka_unit_test_setup(test_ipis, setup),
		cmocka_unit_test_setup(test_xapic_icr, setup_xapic),
		cmocka_unit_test_setup(test_disabled, setup),
		cmocka_unit_test_setup(test_errors, setup),
		cmocka_unit_test_setup(test_one_shot, setup),
		cmocka_unit_test_setup(test_divide_before_time_zero, setup),
		cmocka_unit_test_setup(test_periodic, setup),
		cmocka_unit_test_setup(test_tsc_deadline, setup),
		cmocka_unit_test_setup(test_mmio_holes, setup_xapic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
