/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * COM1, a 16550 (National Semiconductor PC16550D data sheet, table II): 115200 8N1, output by polling. The whole FIFO is
 * filled each time the holding register runs empty, as every port access is an exit under emulation.
 */
#include <kernel/log.h>
#include <kernel/x86.h>

#define COM1 0x3f8
#define FIFO_BYTES 16
#define WAIT_TURNS_MAX 1000000		/* one FIFO takes 1.4 ms on the line; a port access can take 10 ns under emulation */

enum uart_register { UART_DATA = 0, UART_INTERRUPTS = 1, UART_FIFO = 2, UART_LINE = 3, UART_MODEM = 4, UART_STATUS = 5 };

#define LINE_8N1 0x03
#define LINE_DIVISOR_ACCESS 0x80
#define FIFO_ENABLE_AND_CLEAR 0x07
#define MODEM_READY 0x03		/* DTR and RTS */
#define STATUS_TRANSMIT_EMPTY 0x20

void serial_init(void)
{
	out8(COM1 + UART_INTERRUPTS, 0);
	out8(COM1 + UART_LINE, LINE_DIVISOR_ACCESS | LINE_8N1);
	out8(COM1 + UART_DATA, 1);	/* divisor 1: 115200 */
	out8(COM1 + UART_INTERRUPTS, 0);
	out8(COM1 + UART_LINE, LINE_8N1);
	out8(COM1 + UART_FIFO, FIFO_ENABLE_AND_CLEAR);
	out8(COM1 + UART_MODEM, MODEM_READY);
}

/* A UART that does not get on is waited for once: losing its output is better than losing the time again and again. */
static void wait_until_empty(void)
{
	static bool stuck;

	for (unsigned turn = 0; turn < (stuck ? 1 : WAIT_TURNS_MAX); turn++)
		if (in8(COM1 + UART_STATUS) & STATUS_TRANSMIT_EMPTY) {
			stuck = false;
			return;
		}
	stuck = true;
}

void serial_write(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i % FIFO_BYTES == 0)
			wait_until_empty();
		out8(COM1 + UART_DATA, (uint8_t)text[i]);
	}
}
