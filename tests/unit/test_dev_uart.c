// SPDX-License-Identifier: GPL-2.0-only
/* IOAPIC and UART: pins, remote IRR, the probe sequence of Linux's 8250 driver, and that no byte of output is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pcomponent/dev/dev.h"

#define VECTOR 0x31

static struct lapic_bus bus;
static struct ioapic ioapic;
static struct uart uart;
static uint32_t kicks;

static void on_kick(void *context, uint32_t vcpu)
{
	(void)context;
	(void)vcpu;
	kicks++;
}

static void on_eoi(void *context, uint8_t vector)
{
	(void)context;
	ioapic_eoi(&ioapic, vector);
}

static void write_entry(uint32_t pin, uint64_t entry)
{
	ioapic_write(&ioapic, 0, 0x10 + pin * 2 + 1);
	ioapic_write(&ioapic, 0x10, (uint32_t)(entry >> 32));
	ioapic_write(&ioapic, 0, 0x10 + pin * 2);
	ioapic_write(&ioapic, 0x10, (uint32_t)entry);
}

static uint32_t read_entry_low(uint32_t pin)
{
	ioapic_write(&ioapic, 0, 0x10 + pin * 2);
	return ioapic_read(&ioapic, 0x10);
}

static int setup(void **state)
{
	(void)state;
	lapic_bus_init(&bus, 2);
	bus.kick = on_kick;
	bus.eoi = on_eoi;
	for (uint32_t i = 0; i < 2; i++) {
		lapic_reset(&bus, i, true);
		assert_int_equal(lapic_msr_write(&bus, i, 0x80f, 0x1ff, 0, 0), 0);
	}
	ioapic_init(&ioapic, &bus);
	uart_init(&uart, &ioapic);
	kicks = 0;
	return 0;
}

static void end_of_interrupt(uint32_t vcpu)
{
	assert_int_equal(lapic_msr_write(&bus, vcpu, 0x80b, 0, 0, 0), 0);
}

/* ------------------------------------------------------------------ IOAPIC */

static void test_ioapic_registers(void **state)
{
	(void)state;
	ioapic_write(&ioapic, 0, 0);
	assert_int_equal(ioapic_read(&ioapic, 0x10), 2u << 24);
	ioapic_write(&ioapic, 0, 1);
	assert_int_equal(ioapic_read(&ioapic, 0x10), 0x170011);
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
		assert_int_equal(read_entry_low(pin), 0x10000);
	write_entry(5, UINT64_MAX);
	assert_int_equal(read_entry_low(5), 0x1afff);		/* status and remote IRR are read-only */
	for (uint32_t number = 0; number < 0x200; number++) {
		ioapic_write(&ioapic, 0, number);
		(void)ioapic_read(&ioapic, 0x10);
		ioapic_write(&ioapic, 0x10, 0x10000);
	}
	assert_int_equal(ioapic_read(&ioapic, 0x20), UINT32_MAX);
}

static void test_edge(void **state)
{
	(void)state;
	ioapic_set_pin(&ioapic, 4, true);			/* masked: lost */
	write_entry(4, UINT64_C(1) << 56 | VECTOR);
	assert_int_equal(kicks, 0);
	ioapic_set_pin(&ioapic, 4, false);
	ioapic_set_pin(&ioapic, 4, true);
	ioapic_set_pin(&ioapic, 4, true);
	assert_int_equal(kicks, 1);
	assert_int_equal(lapic_pending(&bus.lapic[1]), VECTOR);
	assert_int_equal(lapic_pending(&bus.lapic[0]), -1);
}

static void test_level(void **state)
{
	(void)state;
	ioapic_set_pin(&ioapic, 9, true);
	write_entry(9, 0x8000 | VECTOR);			/* high when unmasked: sent now */
	assert_int_equal(kicks, 1);
	assert_int_equal(read_entry_low(9), 0xc000 | VECTOR);
	ioapic_set_pin(&ioapic, 9, false);
	ioapic_set_pin(&ioapic, 9, true);
	assert_int_equal(kicks, 1);				/* remote IRR holds it */
	lapic_accept(&bus.lapic[0], VECTOR);
	end_of_interrupt(0);
	assert_int_equal(kicks, 2);				/* still high: again */
	lapic_accept(&bus.lapic[0], VECTOR);
	ioapic_set_pin(&ioapic, 9, false);
	end_of_interrupt(0);
	assert_int_equal(kicks, 2);
	assert_int_equal(read_entry_low(9), 0x8000 | VECTOR);
	ioapic_set_pin(&ioapic, 9, true);
	write_entry(9, 0x10000 | VECTOR);			/* through edge mode: remote IRR goes */
	assert_int_equal(read_entry_low(9), 0x10000 | VECTOR);
}

/* ------------------------------------------------------------------ UART */

static void connect_interrupt(void)
{
	write_entry(4, VECTOR);
	uart_write(&uart, 4, 0x0b);				/* DTR, RTS, OUT2 */
}

static bool take_interrupt(void)
{
	if (lapic_pending(&bus.lapic[0]) != VECTOR)
		return false;
	lapic_accept(&bus.lapic[0], VECTOR);
	end_of_interrupt(0);
	return true;
}

/* What drivers/tty/serial/8250 looks at to call it a 16550A. */
static void test_linux_probe(void **state)
{
	(void)state;
	uart_write(&uart, 1, 0);
	assert_int_equal(uart_read(&uart, 1) & 0x0f, 0);
	uart_write(&uart, 1, 0x0f);
	assert_int_equal(uart_read(&uart, 1) & 0x0f, 0x0f);
	uart_write(&uart, 1, 0);
	uart_write(&uart, 4, 0x10 | 0x0a);
	assert_int_equal(uart_read(&uart, 6) & 0xf0, 0x90);
	uart_write(&uart, 4, 0);
	assert_int_equal(uart_read(&uart, 6), 0xb0);
	uart_write(&uart, 2, 1);
	assert_int_equal(uart_read(&uart, 2) >> 6, 3);
	uart_write(&uart, 3, 0x80);
	assert_int_not_equal(uart_read(&uart, 2), 0);		/* no EFR: not a 16650 */
	uart_write(&uart, 0, 0x34);
	uart_write(&uart, 1, 0x12);
	assert_int_equal(uart_read(&uart, 0), 0x34);
	assert_int_equal(uart_read(&uart, 1), 0x12);
	uart_write(&uart, 3, 3);
	uart_write(&uart, 2, 0x21);				/* 16750's 64-byte FIFO: not there */
	assert_int_equal(uart_read(&uart, 2) >> 5, 6);
	uart_write(&uart, 1, 0x40);				/* XScale's unit enable: not there */
	assert_int_equal(uart_read(&uart, 1), 0);
	uart_write(&uart, 7, 0x5a);
	assert_int_equal(uart_read(&uart, 7), 0x5a);
	assert_int_equal(uart_read(&uart, 5), 0x60);
	uart_write(&uart, 2, 0);
	assert_int_equal(uart_read(&uart, 2), 0x01);
}

static void test_thre_interrupt(void **state)
{
	(void)state;
	connect_interrupt();
	uart_write(&uart, 2, 1);
	uart_write(&uart, 1, 2);
	assert_true(take_interrupt());
	assert_int_equal(uart_read(&uart, 2), 0xc2);
	assert_int_equal(uart_read(&uart, 2), 0xc1);		/* reading ended it */
	uart_write(&uart, 1, 0);
	uart_write(&uart, 1, 2);				/* Linux tests exactly this */
	assert_true(take_interrupt());
	assert_int_equal(uart_read(&uart, 2), 0xc2);
	uart_write(&uart, 0, 'a');
	assert_true(take_interrupt());
	uart_write(&uart, 0, 'b');				/* without reading IIR: a new edge all the same */
	assert_true(take_interrupt());
	uart_write(&uart, 4, 0x03);				/* OUT2 off: not connected */
	uart_write(&uart, 0, 'c');
	assert_false(take_interrupt());
}

static void test_receive(void **state)
{
	const char typed[] = "hello";
	char got[sizeof(typed)];

	(void)state;
	connect_interrupt();
	uart_write(&uart, 2, 1);
	uart_write(&uart, 1, 1);
	assert_int_equal(uart_type(&uart, (const uint8_t *)typed, sizeof(typed)), sizeof(typed));
	assert_true(take_interrupt());
	assert_int_equal(uart_read(&uart, 2), 0xc4);
	for (uint32_t i = 0; i < sizeof(typed); i++) {
		assert_int_equal(uart_read(&uart, 5) & 1, 1);
		got[i] = (char)uart_read(&uart, 0);
	}
	assert_string_equal(got, typed);
	assert_int_equal(uart_read(&uart, 5) & 1, 0);
	assert_int_equal(uart_read(&uart, 2), 0xc1);
	assert_int_equal(uart_read(&uart, 0), 0);
	uart_type(&uart, (const uint8_t *)"x", 1);
	assert_true(take_interrupt());
}

static void test_type_limit(void **state)
{
	uint8_t bytes[UART_INPUT_BYTES + 100] = { 0 };

	(void)state;
	assert_int_equal(uart_type(&uart, bytes, sizeof(bytes)), UART_INPUT_BYTES);
	assert_int_equal(uart_type(&uart, bytes, 1), 0);
	uart_read(&uart, 0);
	assert_int_equal(uart_type(&uart, bytes, 10), 1);
	uart_write(&uart, 2, 3);				/* clears the receiver */
	assert_int_equal(uart_type(&uart, bytes, 10), 10);
}

/* A driver that writes 16 bytes at each THRE, against a reader that takes odd amounts: all arrives, in order. */
static void test_no_byte_lost(void **state)
{
	uint8_t taken[1000];
	uint32_t written = 0, read = 0;

	(void)state;
	/* Start near the wrap of the free-running indices. */
	uart.output_head = uart.output_tail = UINT32_MAX - 1000;
	for (uint32_t round = 0; read < 3 * UART_OUTPUT_BYTES; round++) {
		while (uart_read(&uart, 5) & 0x20)
			for (uint32_t i = 0; i < 16; i++)
				uart_write(&uart, 0, (uint8_t)(written++ * 7));
		assert_true(written - read <= UART_OUTPUT_BYTES && written - read > UART_OUTPUT_BYTES - 16);
		uint32_t len = uart_peek(&uart, taken, 1 + round * 37 % sizeof(taken));

		uart_write(&uart, 2, 0x07);			/* a FIFO reset takes nothing away */
		for (uint32_t i = 0; i < len; i++)
			assert_int_equal(taken[i], (uint8_t)(read++ * 7));
		uart_drop(&uart, len);
	}
}

static void test_full_then_room(void **state)
{
	(void)state;
	connect_interrupt();
	uart_write(&uart, 1, 2);
	while (uart_read(&uart, 5) & 0x20)
		uart_write(&uart, 0, 'x');
	assert_int_equal(uart_read(&uart, 5) & 0x60, 0);
	take_interrupt();
	assert_int_equal(uart_read(&uart, 2) & 0x0f, 1);	/* no THRE event while it is full */
	uart_drop(&uart, 1);
	assert_true(take_interrupt());
	assert_int_equal(uart_read(&uart, 5) & 0x60, 0x60);
	assert_int_equal(uart_read(&uart, 2) & 0x0f, 2);
}

static void test_loopback(void **state)
{
	uint8_t byte;

	(void)state;
	uart_write(&uart, 4, 0x10);
	uart_write(&uart, 0, 'q');
	assert_int_equal(uart_peek(&uart, &byte, 1), 0);
	assert_int_equal(uart_read(&uart, 5) & 1, 1);
	assert_int_equal(uart_read(&uart, 0), 'q');
}

static void test_reset_keeps_output(void **state)
{
	uint8_t byte;

	(void)state;
	connect_interrupt();
	uart_write(&uart, 1, 3);
	uart_write(&uart, 0, 'z');
	uart_reset(&uart);
	assert_int_equal(uart_read(&uart, 1), 0);
	assert_int_equal(uart_peek(&uart, &byte, 1), 1);
	assert_int_equal(byte, 'z');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_ioapic_registers, setup),
		cmocka_unit_test_setup(test_edge, setup),
		cmocka_unit_test_setup(test_level, setup),
		cmocka_unit_test_setup(test_linux_probe, setup),
		cmocka_unit_test_setup(test_thre_interrupt, setup),
		cmocka_unit_test_setup(test_receive, setup),
		cmocka_unit_test_setup(test_type_limit, setup),
		cmocka_unit_test_setup(test_no_byte_lost, setup),
		cmocka_unit_test_setup(test_full_then_room, setup),
		cmocka_unit_test_setup(test_loopback, setup),
		cmocka_unit_test_setup(test_reset_keeps_output, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
