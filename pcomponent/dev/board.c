// SPDX-License-Identifier: GPL-2.0-only
/*
 * The board: which port and which address belongs to which device. The set is what a stock Linux needs for a direct boot and
 * no more; the rest floats: reads give all ones, writes vanish, both are counted.
 */
#include <assert.h>
#include <string.h>

#include "pcomponent/dev/dev.h"
#include "pcomponent/dev/lapic_private.h"
#include "pcomponent/dev/rtc.h"

#define NS_PER_S UINT64_C(1000000000)
#define MMIO_PAGE_BYTES 4096u

#define PORT_TIMER2 0x42u
#define PORT_SPEAKER 0x61u
#define PORT_KEYBOARD 0x64u
#define PORT_CMOS_INDEX 0x70u
#define PORT_CMOS_DATA 0x71u
#define PORT_POST_CODE 0x80u
#define PORT_SYSTEM_A 0x92u
#define PORT_DELAY 0xedu			/* Linux's other choice for an I/O delay */
#define PORT_UART 0x3f8u
#define PORT_PCI_ADDRESS 0xcf8u
#define PORT_RESET 0xcf9u
#define PORT_PCI_DATA 0xcfcu

#define KEYBOARD_PULSE_RESET 0xfeu
#define SYSTEM_A_RESET 0x01u
#define SYSTEM_A_A20 0x02u
#define RESET_NOW 0x04u
#define SPEAKER_WRITABLE 0x03u
#define SPEAKER_REFRESH 0x10u
#define SPEAKER_TIMER2_OUTPUT 0x20u
#define REFRESH_PERIOD_NS 15085u

/* ACPI 6.4 table 4.18: sleep control register. */
#define SLEEP_ENABLE 0x20u
#define SLEEP_TYPE(value) ((value) >> 2 & 7)

static uint32_t all_ones(uint32_t size)
{
	return size == 4 ? UINT32_MAX : (UINT32_C(1) << size * 8) - 1;
}

static void reset_devices(struct board *board)
{
	ioapic_init(&board->ioapic, &board->lapics);
	for (uint32_t i = 0; i < board->lapics.count; i++)
		lapic_reset(&board->lapics, i, true);
	board->cmos_index = 0;
	board->cmos_status_b = RTC_STATUS_B_24_HOURS;
	board->pci_address = 0;
	board->port61 = 0;
	board->port92 = SYSTEM_A_A20;
	board->event = BOARD_NONE;
}

void board_init(struct board *board, uint32_t vcpus, uint32_t devices, uint64_t tsc_khz, uint64_t boot_time_s)
{
	assert(!(devices & ~DEVICES_ALL));
	memset(board, 0, sizeof(*board));
	board->devices = devices;
	lapic_bus_init(&board->lapics, vcpus);
	board->lapics.tsc_khz = tsc_khz;
	board->boot_time_s = boot_time_s;
	uart_init(&board->uart, &board->ioapic);
	rng_init(&board->rng, &board->ioapic);
	reset_devices(board);
}

void board_reset(struct board *board)
{
	reset_devices(board);
	uart_reset(&board->uart);
	rng_reset(&board->rng);
}

bool board_has(const struct board *board, uint32_t devices)
{
	return (board->devices & devices) == devices;
}

void board_press_power(struct board *board)
{
	if (!board_has(board, DEVICE_BUTTON))
		return;
	ioapic_set_pin(&board->ioapic, ACPI_BUTTON_GSI, true);
	ioapic_set_pin(&board->ioapic, ACPI_BUTTON_GSI, false);
}

static bool is_uart(const struct board *board, uint16_t port)
{
	return board_has(board, DEVICE_SERIAL) && port >= PORT_UART && port < PORT_UART + 8;
}

static bool is_rtc(const struct board *board, uint16_t port)
{
	return board_has(board, DEVICE_RTC) && (port == PORT_CMOS_INDEX || port == PORT_CMOS_DATA);
}

static uint32_t read_speaker(const struct board *board, uint64_t now_ns)
{
	/* There is no PIT. Its second output reads as expired, so that a guest that times itself by it gives up at once. */
	return board->port61 | SPEAKER_TIMER2_OUTPUT | (now_ns / REFRESH_PERIOD_NS & 1 ? SPEAKER_REFRESH : 0);
}

static bool read_byte(struct board *board, uint16_t port, uint8_t *value, uint64_t now_ns)
{
	if (is_uart(board, port)) {
		*value = uart_read(&board->uart, port - PORT_UART);
		return true;
	}
	if (is_rtc(board, port)) {
		*value = port == PORT_CMOS_INDEX ? 0xff :
			 rtc_read(board->cmos_index, board->cmos_status_b, board->boot_time_s + now_ns / NS_PER_S);
		return true;
	}
	switch (port) {
	case PORT_SPEAKER: *value = (uint8_t)read_speaker(board, now_ns); return true;
	case PORT_SYSTEM_A: *value = board->port92; return true;
	/* No keyboard controller, but "input buffer empty": else Linux waits here before it resets by 0xfe. */
	case PORT_KEYBOARD:
	case PORT_RESET:
	case ACPI_SLEEP_CONTROL_PORT:
	case ACPI_SLEEP_CONTROL_PORT + 1:
	case ACPI_RESET_PORT:
	/* There is no PIT: to Linux a counter that stands at 0xff is about to begin, and it looks for long. */
	case PORT_TIMER2: *value = 0; return true;
	case PORT_POST_CODE:
	case PORT_DELAY: *value = 0xff; return true;
	default: return false;
	}
}

static bool is_pci_data(uint16_t port)
{
	return port >= PORT_PCI_DATA && port < PORT_PCI_DATA + 4;
}

uint32_t board_port_read(struct board *board, uint32_t vcpu, uint16_t port, uint32_t size, uint64_t now_ns)
{
	assert(vcpu < board->lapics.count && (size == 1 || size == 2 || size == 4));
	uint8_t byte;

	if (port == PORT_PCI_ADDRESS && size == 4)
		return board->pci_address;
	/* Configuration space without a device in it. */
	if (is_pci_data(port))
		return all_ones(size);
	if (size == 1 && read_byte(board, port, &byte, now_ns))
		return byte;
	board->port_unknown++;
	return all_ones(size);
}

static void write_sleep_control(struct board *board, uint8_t value)
{
	if (value & SLEEP_ENABLE && SLEEP_TYPE(value) == ACPI_SLEEP_TYPE_S5)
		board->event = BOARD_POWER_OFF;
}

static void reset_if(struct board *board, bool asked)
{
	if (asked)
		board->event = BOARD_RESET;
}

/* Only the format can be chosen: there is no alarm, and the time is the host's. */
static void write_rtc(struct board *board, uint16_t port, uint8_t value)
{
	if (port == PORT_CMOS_INDEX)
		board->cmos_index = value & 0x7f; /* bit 7 masks NMI */
	else if (board->cmos_index == RTC_STATUS_B)
		board->cmos_status_b = value & (RTC_STATUS_B_24_HOURS | RTC_STATUS_B_BINARY);
}

static bool write_byte(struct board *board, uint16_t port, uint8_t value)
{
	if (is_uart(board, port)) {
		uart_write(&board->uart, port - PORT_UART, value);
		return true;
	}
	if (is_rtc(board, port)) {
		write_rtc(board, port, value);
		return true;
	}
	switch (port) {
	case PORT_SPEAKER: board->port61 = value & SPEAKER_WRITABLE; return true;
	case PORT_SYSTEM_A:
		board->port92 = value & SYSTEM_A_A20;
		reset_if(board, value & SYSTEM_A_RESET);
		return true;
	case PORT_KEYBOARD: reset_if(board, value == KEYBOARD_PULSE_RESET); return true;
	case PORT_RESET: reset_if(board, value & RESET_NOW); return true;
	case ACPI_SLEEP_CONTROL_PORT: write_sleep_control(board, value); return true;
	case ACPI_RESET_PORT: reset_if(board, value == ACPI_RESET_VALUE); return true;
	case ACPI_SLEEP_CONTROL_PORT + 1:
	case PORT_POST_CODE:
	case PORT_DELAY: return true;
	default: return false;
	}
}

void board_port_write(struct board *board, uint32_t vcpu, uint16_t port, uint32_t size, uint32_t value, uint64_t now_ns)
{
	(void)now_ns;
	assert(vcpu < board->lapics.count && (size == 1 || size == 2 || size == 4));
	if (port == PORT_PCI_ADDRESS && size == 4) {
		board->pci_address = value & 0x80fffffc;
		return;
	}
	if (is_pci_data(port))
		return;
	if (size == 1 && write_byte(board, port, (uint8_t)value))
		return;
	board->port_unknown++;
}

/* The page answers in xAPIC mode only (SDM vol. 3 table 11-5), and only to what registers are: 32 bits, aligned to 16 bytes. */
static bool is_lapic(const struct board *board, uint32_t vcpu, uint64_t address, uint32_t size)
{
	const struct lapic *lapic = &board->lapics.lapic[vcpu];

	return address >= LAPIC_MMIO_BASE && address < LAPIC_MMIO_BASE + MMIO_PAGE_BYTES && size == 4 && (address & 0xf) == 0 &&
	       lapic->apic_base & APIC_BASE_ENABLE && !lapic_is_x2apic(lapic);
}

static bool is_ioapic(uint64_t address, uint32_t size)
{
	return address >= IOAPIC_BASE && address < IOAPIC_BASE + MMIO_PAGE_BYTES && size == 4;
}

/* Its registers are 32 bits wide and aligned (virtio 1.2 section 4.2.2.2). */
bool board_is_rng(const struct board *board, uint64_t address, uint32_t size)
{
	return board_has(board, DEVICE_RNG) && address >= RNG_MMIO_BASE && address < RNG_MMIO_BASE + RNG_MMIO_BYTES && size == 4 &&
	       address % 4 == 0;
}

uint64_t board_mmio_read(struct board *board, uint32_t vcpu, uint64_t address, uint32_t size, uint64_t now_ns)
{
	assert(vcpu < board->lapics.count && (size == 1 || size == 2 || size == 4 || size == 8));
	if (is_lapic(board, vcpu, address, size))
		return lapic_mmio_read(&board->lapics, vcpu, (uint32_t)(address - LAPIC_MMIO_BASE), now_ns);
	if (is_ioapic(address, size))
		return ioapic_read(&board->ioapic, (uint32_t)(address - IOAPIC_BASE));
	if (board_is_rng(board, address, size))
		return rng_read(&board->rng, (uint32_t)(address - RNG_MMIO_BASE));
	board->mmio_unknown++;
	return size == 8 ? UINT64_MAX : all_ones(size);
}

void board_mmio_write(struct board *board, uint32_t vcpu, uint64_t address, uint32_t size, uint64_t value, uint64_t now_ns)
{
	assert(vcpu < board->lapics.count && (size == 1 || size == 2 || size == 4 || size == 8));
	if (is_lapic(board, vcpu, address, size))
		lapic_mmio_write(&board->lapics, vcpu, (uint32_t)(address - LAPIC_MMIO_BASE), (uint32_t)value, now_ns);
	else if (is_ioapic(address, size))
		ioapic_write(&board->ioapic, (uint32_t)(address - IOAPIC_BASE), (uint32_t)value);
	else if (board_is_rng(board, address, size))
		rng_write(&board->rng, (uint32_t)(address - RNG_MMIO_BASE), (uint32_t)value);
	else
		board->mmio_unknown++;
}
