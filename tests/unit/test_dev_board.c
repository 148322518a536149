// SPDX-License-Identifier: GPL-2.0-only
/* The board: decoding, clock, power; the paravirtual clock; the ACPI tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pcomponent/dev/dev.h"

#define NS_PER_S UINT64_C(1000000000)
#define LEAP_DAY_S UINT64_C(951827696)			/* 2000-02-29 12:34:56, a Tuesday */

static struct board board;

static int setup(void **state)
{
	(void)state;
	board_init(&board, 2, DEVICES_ALL, 2500000, LEAP_DAY_S - 100);
	return 0;
}

static uint32_t in(uint16_t port, uint32_t size)
{
	return board_port_read(&board, 0, port, size, 100 * NS_PER_S);
}

static void out(uint16_t port, uint32_t size, uint32_t value)
{
	board_port_write(&board, 0, port, size, value, 100 * NS_PER_S);
}

static uint32_t cmos(uint8_t index)
{
	out(0x70, 1, 0x80 | index);
	return in(0x71, 1);
}

static void test_clock(void **state)
{
	static const uint8_t index[] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };
	static const uint8_t bcd[] = { 0x56, 0x34, 0x12, 3, 0x29, 0x02, 0x00, 0x20 };
	static const uint8_t binary[] = { 56, 34, 12, 3, 29, 2, 0, 20 };

	(void)state;
	assert_int_equal(cmos(0x0a) & 0x80, 0);			/* never updating */
	assert_int_equal(cmos(0x0b), 2);
	assert_int_equal(cmos(0x0d), 0x80);
	for (size_t i = 0; i < sizeof(index); i++)
		assert_int_equal(cmos(index[i]), bcd[i]);
	out(0x70, 1, 0x0b);
	out(0x71, 1, 0x76);					/* binary, 24 hours; interrupts refused */
	assert_int_equal(in(0x71, 1), 6);
	for (size_t i = 0; i < sizeof(index); i++)
		assert_int_equal(cmos(index[i]), binary[i]);
	out(0x70, 1, 0x0b);
	out(0x71, 1, 0x04);
	assert_int_equal(cmos(4), 0x80 | 12);			/* noon */
	out(0x70, 1, 0);
	out(0x71, 1, 1);					/* the time is not the guest's to set */
	assert_int_equal(cmos(0), 56);
}

static void check_date(uint64_t time_s, uint32_t year, uint32_t month, uint32_t day, uint32_t hour_12)
{
	board_init(&board, 1, DEVICES_ALL, 2500000, time_s - 100);
	out(0x70, 1, 0x0b);
	out(0x71, 1, 0x04);
	assert_int_equal(cmos(0x32) * 100 + cmos(9), year);
	assert_int_equal(cmos(8), month);
	assert_int_equal(cmos(7), day);
	assert_int_equal(cmos(4), hour_12);
}

static void test_dates(void **state)
{
	(void)state;
	check_date(100, 1970, 1, 1, 12);			/* midnight is 12 AM */
	check_date(UINT64_C(951782400), 2000, 2, 29, 12);
	check_date(UINT64_C(951868800), 2000, 3, 1, 12);
	check_date(UINT64_C(1798761599), 2026, 12, 31, 0x80 | 11);
	check_date(UINT64_C(4107542400), 2100, 3, 1, 12);	/* no leap year */
}

static void test_nothing_there(void **state)
{
	static const uint16_t absent[] = { 0, 0x20, 0x21, 0x40, 0x43, 0x60, 0xa1, 0x2f8, 0x3e8, 0x402, 0x510, 0xcfb, 0x605, 0xffff };

	(void)state;
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		assert_int_equal(in(absent[i], 1), 0xff);
		assert_int_equal(in(absent[i], 2), 0xffff);
		assert_int_equal(in(absent[i], 4), UINT32_MAX);
		out(absent[i], 1, 0);
	}
	assert_int_equal(board.port_unknown, 4 * sizeof(absent) / sizeof(absent[0]));
	assert_int_equal(in(0x3f8, 2), 0xffff);			/* the UART has no wide registers */
	assert_int_equal(board.event, BOARD_NONE);
	assert_true(board_mmio_read(&board, 0, 0xd0000000, 8, 0) == UINT64_MAX);
	assert_true(board_mmio_read(&board, 0, 0xfed00000, 2, 0) == 0xffff);
	board_mmio_write(&board, 0, UINT64_MAX, 1, 0, 0);
	assert_int_equal(board.mmio_unknown, 3);
}

/* A board without a device is as one on which nobody put it: its ports float, what is written there goes nowhere. */
static void test_without(void **state)
{
	static const struct { uint32_t device; uint16_t first, last; } ports[] = {
		{ DEVICE_SERIAL, 0x3f8, 0x3ff }, { DEVICE_RTC, 0x70, 0x71 },
	};
	uint8_t byte;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		board_init(&board, 1, DEVICES_ALL & ~ports[i].device, 2500000, LEAP_DAY_S - 100);
		assert_true(board_has(&board, ports[1 - i].device) && board_has(&board, DEVICE_KVMCLOCK | DEVICE_BUTTON));
		assert_false(board_has(&board, ports[i].device));
		for (uint32_t port = ports[i].first; port <= ports[i].last; port++) {
			out((uint16_t)port, 1, 0x0b);
			assert_int_equal(in((uint16_t)port, 1), 0xff);
		}
		assert_int_equal(board.port_unknown, 2 * (ports[i].last - ports[i].first + 1));
		/* The other one is there. */
		assert_int_equal(i == 0 ? cmos(0x0d) : in(0x3fd, 1), i == 0 ? 0x80 : 0x60);
	}
	board_init(&board, 1, 0, 2500000, 0);
	assert_true(board_has(&board, 0));
	out(0x3f8, 1, 'x');
	assert_int_equal(uart_peek(&board.uart, &byte, 1), 0);
	assert_int_equal(in(0x64, 1), 0);			/* reset and power-off stay */
	out(0x600, 1, 0x20 | 5 << 2);
	assert_int_equal(board.event, BOARD_POWER_OFF);
	board_reset(&board);
	assert_int_equal(board.devices, 0);
}

static void test_pci_is_empty(void **state)
{
	(void)state;
	out(0xcf8, 4, 0x80000000);
	assert_int_equal(in(0xcf8, 4), 0x80000000);
	assert_int_equal(in(0xcfc, 4), UINT32_MAX);
	assert_int_equal(in(0xcfe, 2), 0xffff);
	assert_int_equal(in(0xcf8, 1), 0xff);
	assert_int_equal(board.event, BOARD_NONE);
}

static void test_power(void **state)
{
	static const struct { uint16_t port; uint8_t value; enum board_event event; } writes[] = {
		{ 0x600, 5 << 2, BOARD_NONE }, { 0x600, 0x20 | 3 << 2, BOARD_NONE }, { 0x600, 0x20 | 5 << 2, BOARD_POWER_OFF },
		{ 0x601, 0xff, BOARD_NONE }, { 0x604, 0, BOARD_NONE }, { 0x604, 1, BOARD_RESET }, { 0x64, 0xfe, BOARD_RESET },
		{ 0x64, 0x20, BOARD_NONE }, { 0x92, 2, BOARD_NONE }, { 0x92, 3, BOARD_RESET }, { 0xcf9, 2, BOARD_NONE },
		{ 0xcf9, 6, BOARD_RESET }, { 0x80, 0xaa, BOARD_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		board.event = BOARD_NONE;
		out(writes[i].port, 1, writes[i].value);
		assert_int_equal(board.event, writes[i].event);
	}
	assert_int_equal(board.port_unknown, 0);
	assert_int_equal(in(0x64, 1) & 2, 0);			/* Linux waits for this before 0xfe */
	assert_int_equal(in(0x61, 1) & 0x20, 0x20);
	assert_int_equal(in(0x42, 1), 0);			/* and soon gives up to measure itself by the timer that is not there */
}

static void test_mmio(void **state)
{
	(void)state;
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 1, 0);
	assert_true(board_mmio_read(&board, 0, IOAPIC_BASE + 0x10, 4, 0) == 0x170011);
	/* In x2APIC mode the page is not there. */
	assert_true(board_mmio_read(&board, 1, LAPIC_MMIO_BASE + 0x20, 4, 0) == UINT32_MAX);
	lapic_reset(&board.lapics, 1, false);
	assert_true(board_mmio_read(&board, 1, LAPIC_MMIO_BASE + 0x20, 4, 0) == 1u << 24);
	assert_true(board_mmio_read(&board, 1, LAPIC_MMIO_BASE + 0x20, 8, 0) == UINT64_MAX);
	assert_true(board_mmio_read(&board, 1, LAPIC_MMIO_BASE + 0x22, 4, 0) == UINT32_MAX);
	board_mmio_write(&board, 1, LAPIC_MMIO_BASE + 0x80, 4, 0x30, 0);
	assert_int_equal(board.lapics.lapic[1].tpr, 0x30);
}

/* Edge-triggered: one interrupt a press, to whom the guest has sent it, and none while it is masked. */
static void test_power_button(void **state)
{
	(void)state;
	lapic_reset(&board.lapics, 1, false);
	board_mmio_write(&board, 1, LAPIC_MMIO_BASE + 0xf0, 4, 0x1ff, 0);
	board_press_power(&board);
	assert_int_equal(lapic_pending(&board.lapics.lapic[1]), -1);
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 0x10 + 2 * ACPI_BUTTON_GSI + 1, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE + 0x10, 4, 1u << 24, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 0x10 + 2 * ACPI_BUTTON_GSI, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE + 0x10, 4, 0x41, 0);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(lapic_pending(&board.lapics.lapic[1]), -1);
		board_press_power(&board);
		assert_int_equal(lapic_pending(&board.lapics.lapic[1]), 0x41);
		lapic_accept(&board.lapics.lapic[1], 0x41);
		board_mmio_write(&board, 1, LAPIC_MMIO_BASE + 0xb0, 4, 0, 0);
	}
	assert_int_equal(board.event, BOARD_NONE);
	board.devices &= ~DEVICE_BUTTON;
	board_press_power(&board);
	assert_int_equal(lapic_pending(&board.lapics.lapic[1]), -1);
}

static void on_kick(void *context, uint32_t vcpu)
{
	(void)vcpu;
	++*(int *)context;
}

static void test_reset(void **state)
{
	int kicks = 0;
	uint8_t byte;

	(void)state;
	board.lapics.kick = on_kick;
	board.lapics.context = &kicks;
	out(0x3f8, 1, 'k');
	out(0x3f9, 1, 3);
	out(0x70, 1, 0x0b);
	out(0x71, 1, 4);
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 0x18, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE + 0x10, 4, 0x31, 0);
	board.event = BOARD_RESET;
	board_reset(&board);
	assert_int_equal(board.event, BOARD_NONE);
	assert_int_equal(in(0x3f9, 1), 0);
	assert_int_equal(uart_peek(&board.uart, &byte, 1), 1);
	assert_int_equal(cmos(0x0b), 2);
	assert_true(board.ioapic.entry[4] == 0x10000);
	assert_true(board.lapics.lapic[0].apic_base == 0xfee00d00);
	assert_int_equal(board.lapics.tsc_khz, 2500000);
	/* The wiring is whole: a typed byte becomes vector 0x31 at vCPU 0. */
	assert_int_equal(lapic_msr_write(&board.lapics, 0, 0x80f, 0x1ff, 0, 0), 0);
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 0x18, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE + 0x10, 4, 0x31, 0);
	out(0x3fc, 1, 0x0b);
	out(0x3f9, 1, 1);
	uart_type(&board.uart, (const uint8_t *)"y", 1);
	assert_int_equal(kicks, 1);
	assert_int_equal(lapic_pending(&board.lapics.lapic[0]), 0x31);
}

/* ------------------------------------------------------------------ pvclock */

/* The guest's own arithmetic (pvclock_scale_delta). */
static uint64_t guest_time(const struct pvclock_info *info, uint64_t tsc)
{
	uint64_t delta = tsc - info->tsc_timestamp;

	delta = info->tsc_shift < 0 ? delta >> -info->tsc_shift : delta << info->tsc_shift;
	return info->system_time + (uint64_t)((unsigned __int128)delta * info->tsc_to_system_mul >> 32);
}

static void test_pvclock(void **state)
{
	static const uint64_t khz[] = { 1000, 999999, 1000000, 1000001, 1999999, 2000000, 2000001, 2500000, 3693060, 5700000 };

	(void)state;
	for (size_t i = 0; i < sizeof(khz) / sizeof(khz[0]); i++) {
		struct pvclock_info info = { .version = 7 };
		uint64_t ns;

		pvclock_fill(&info, 123456, 777, khz[i]);
		assert_int_equal(info.version, 8);
		assert_int_equal(info.flags, 1);
		assert_int_equal(guest_time(&info, 123456), 777);
		ns = guest_time(&info, 123456 + khz[i] * 1000 * 60) - 777;	/* one minute, to 1 in 10^8 */
		assert_true(ns <= 60 * NS_PER_S && ns > 60 * NS_PER_S - 600);
		pvclock_fill(&info, 123456, 777, khz[i]);
		assert_int_equal(info.version, 10);
	}
}

static void test_pvclock_wall(void **state)
{
	struct pvclock_wall wall = { 0 };

	(void)state;
	pvclock_wall_fill(&wall, 1000, 2 * NS_PER_S + 5);
	assert_int_equal(wall.version, 2);
	assert_int_equal(wall.sec, 1002);
	assert_int_equal(wall.nsec, 5);
}

/* ------------------------------------------------------------------ ACPI */

static uint64_t get(const uint8_t *bytes, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << i * 8;
	return value;
}

static uint8_t sum(const uint8_t *bytes, uint64_t len)
{
	uint8_t total = 0;

	for (uint64_t i = 0; i < len; i++)
		total += bytes[i];
	return total;
}

#define TABLES_ADDRESS 0xe0000u
static uint8_t tables[ACPI_TABLES_BYTES_MAX];
static uint32_t tables_len;

static const uint8_t *table_at(uint64_t address, const char *signature, uint32_t *len)
{
	const uint8_t *table = tables + (address - TABLES_ADDRESS);

	assert_true(address >= TABLES_ADDRESS && address + 36 <= TABLES_ADDRESS + tables_len);
	*len = (uint32_t)get(table + 4, 4);
	assert_true(*len >= 36 && address + *len <= TABLES_ADDRESS + tables_len);
	assert_memory_equal(table, signature, 4);
	assert_int_equal(sum(table, *len), 0);
	return table;
}

static void test_acpi(void **state)
{
	const uint8_t *xsdt, *fadt, *madt, *dsdt;
	uint32_t len, lapics = 0, ioapics = 0;

	(void)state;
	tables_len = acpi_build(tables, TABLES_ADDRESS, VCPUS_PER_VM_MAX, DEVICES_ALL);
	assert_true(tables_len <= ACPI_TABLES_BYTES_MAX);
	assert_memory_equal(tables, "RSD PTR ", 8);
	assert_int_equal(sum(tables, 20), 0);
	assert_int_equal(sum(tables, 36), 0);
	xsdt = table_at(get(tables + 24, 8), "XSDT", &len);
	assert_int_equal(len, 36 + 2 * 8);
	fadt = table_at(get(xsdt + 36, 8), "FACP", &len);
	assert_int_equal(len, 276);
	assert_int_equal(get(fadt + 109, 2) & 2, 0);		/* no 8042 */
	assert_int_equal(get(fadt + 112, 4) & (1 << 20 | 1 << 10), 1 << 20 | 1 << 10);
	assert_int_equal(get(fadt + 120, 8), ACPI_RESET_PORT);
	assert_int_equal(get(fadt + 128, 1), ACPI_RESET_VALUE);
	assert_int_equal(get(fadt + 248, 8), ACPI_SLEEP_CONTROL_PORT);
	assert_int_equal(get(fadt + 260, 8), ACPI_SLEEP_CONTROL_PORT + 1);
	madt = table_at(get(xsdt + 44, 8), "APIC", &len);
	for (uint32_t at = 44; at < len; at += madt[at + 1]) {
		assert_true(madt[at + 1] >= 2 && at + madt[at + 1] <= len);
		if (madt[at] == 0)
			assert_int_equal(madt[at + 3], lapics++);
		if (madt[at] == 1 && ++ioapics)
			assert_int_equal(get(madt + at + 4, 4), IOAPIC_BASE);
	}
	assert_int_equal(lapics, VCPUS_PER_VM_MAX);
	assert_int_equal(ioapics, 1);
	dsdt = table_at(get(fadt + 140, 8), "DSDT", &len);
	assert_memory_equal(dsdt + 36, "\x08_S5_\x12\x48\x00\x04\x0a\x05\x00\x00\x00", 14);
	assert_int_equal(get(fadt + 40, 4), get(fadt + 140, 8));
	/* The power button, and who speaks for it: the interrupt as extended, edge, and the method that is named after it. */
	assert_non_null(memmem(dsdt, len, "PWRB\x08_HID\x0c\x41\xd0\x0c\x0c", 14));
	assert_non_null(memmem(dsdt, len, "GED_\x08_HID\x0d" "ACPI0013", 19));
	assert_non_null(memmem(dsdt, len, "\x89\x06\x00\x03\x01\x09\x00\x00\x00\x79", 10));
	assert_non_null(memmem(dsdt, len, "_E09\x00\x86\x5c\x2e_SB_PWRB\x0a\x80", 18));
}

/* What the tables say is what the board has: each device in the DSDT, and the flags that speak of one. */
static void test_acpi_says_what_there_is(void **state)
{
	static const struct { uint32_t device; const char *name; size_t len; } nodes[] = {
		{ DEVICE_SERIAL, "COM1\x08_HID", 9 }, { DEVICE_RTC, "RTC_\x08_HID", 9 }, { DEVICE_BUTTON, "PWRB\x08_HID", 9 },
		{ DEVICE_BUTTON, "GED_\x08_HID", 9 }, { DEVICE_RNG, "RNG_\x08_HID\x0d" "LNRO0005", 19 },
		{ DEVICE_RNG, "\x86\x09\x00\x01\x00\x00\xb0\xfe\x00\x02\x00\x00\x89\x06\x00\x01\x01\x10\x00\x00\x00\x79", 22 },
	};
	const uint8_t *fadt, *dsdt;
	uint32_t len;

	(void)state;
	for (uint32_t devices = 0; devices <= DEVICES_ALL; devices++) {
		tables_len = acpi_build(tables, TABLES_ADDRESS, 1, devices);
		fadt = table_at(get(table_at(get(tables + 24, 8), "XSDT", &len) + 36, 8), "FACP", &len);
		assert_int_equal(get(fadt + 109, 2), 1 << 2 | (devices & DEVICE_SERIAL ? 1 : 0) | (devices & DEVICE_RTC ? 0 : 1 << 5));
		assert_int_equal(get(fadt + 112, 4) & 3 << 4, 3 << 4);	/* no fixed buttons, ever */
		dsdt = table_at(get(fadt + 140, 8), "DSDT", &len);
		assert_memory_equal(dsdt + 36, "\x08_S5_", 5);
		for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
			assert_int_equal(memmem(dsdt, len, nodes[i].name, nodes[i].len) != NULL, (devices & nodes[i].device) != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_clock, setup),
		cmocka_unit_test_setup(test_dates, setup),
		cmocka_unit_test_setup(test_nothing_there, setup),
		cmocka_unit_test_setup(test_without, setup),
		cmocka_unit_test_setup(test_pci_is_empty, setup),
		cmocka_unit_test_setup(test_power, setup),
		cmocka_unit_test_setup(test_mmio, setup),
		cmocka_unit_test_setup(test_power_button, setup),
		cmocka_unit_test_setup(test_reset, setup),
		cmocka_unit_test(test_pvclock),
		cmocka_unit_test(test_pvclock_wall),
		cmocka_unit_test(test_acpi),
		cmocka_unit_test(test_acpi_says_what_there_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
