// SPDX-License-Identifier: GPL-2.0-only
/*
 * UART 16550A (PC16550D datasheet, section 8). The line is as fast as its reader: a byte written is in the output ring at once.
 *
 *  U1 LSR.THRE is high only while a whole FIFO (16 bytes) fits into the output ring, because a driver that has seen THRE
 *     writes that many without looking again. So a driver that honours THRE never loses a byte.
 *  U2 The THRE interrupt is an event: it rises when the transmitter becomes empty or the guest enables it while empty, and
 *     falls when IIR reports it or the guest writes a byte (section 8.6.2).
 *  U3 Nothing but uart_drop() takes a byte out of the output ring, not even a FIFO reset.
 */
#include <assert.h>
#include <string.h>

#include "pcomponent/dev/dev.h"

#define UART_PIN 4u
#define FIFO_BYTES 16u

enum { OFFSET_DATA, OFFSET_IER, OFFSET_IIR_FCR, OFFSET_LCR, OFFSET_MCR, OFFSET_LSR, OFFSET_MSR, OFFSET_SCR };

#define IER_RECEIVED 0x01u
#define IER_THRE 0x02u
#define IER_BITS 0x0fu
#define IIR_NONE 0x01u
#define IIR_THRE 0x02u
#define IIR_RECEIVED 0x04u
#define IIR_FIFOS 0xc0u
#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RECEIVER 0x02u
#define LCR_DLAB 0x80u
#define MCR_DTR 0x01u
#define MCR_RTS 0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_BITS 0x1fu
#define LSR_DATA_READY 0x01u
#define LSR_THRE 0x20u
#define LSR_TEMT 0x40u
#define MSR_CTS 0x10u
#define MSR_DSR 0x20u
#define MSR_RI 0x40u
#define MSR_DCD 0x80u

_Static_assert((UART_OUTPUT_BYTES & (UART_OUTPUT_BYTES - 1)) == 0 && (UART_INPUT_BYTES & (UART_INPUT_BYTES - 1)) == 0,
	       "free-running indices need rings of a power of two");

static uint32_t output_used(const struct uart *uart)
{
	assert(uart->output_head - uart->output_tail <= UART_OUTPUT_BYTES);
	return uart->output_head - uart->output_tail;
}

static uint32_t input_used(const struct uart *uart)
{
	assert(uart->input_head - uart->input_tail <= UART_INPUT_BYTES);
	return uart->input_head - uart->input_tail;
}

static bool transmitter_empty(const struct uart *uart)
{
	return UART_OUTPUT_BYTES - output_used(uart) >= FIFO_BYTES;
}

/* The interrupt that IIR shows; received data comes before the transmitter (table 8-3). */
static uint8_t pending(const struct uart *uart)
{
	if (uart->ier & IER_RECEIVED && input_used(uart))
		return IIR_RECEIVED;
	if (uart->ier & IER_THRE && uart->thr_interrupt)
		return IIR_THRE;
	return IIR_NONE;
}

/* On a PC, OUT2 connects the UART to the interrupt line; in loopback it does not reach its pin. */
static void update_interrupt(struct uart *uart)
{
	bool connected = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool high = connected && pending(uart) != IIR_NONE;

	if (high == uart->interrupt_high)
		return;
	uart->interrupt_high = high;
	ioapic_set_pin(uart->ioapic, UART_PIN, high);
}

void uart_init(struct uart *uart, struct ioapic *ioapic)
{
	memset(uart, 0, sizeof(*uart));
	uart->ioapic = ioapic;
	uart_reset(uart);
}

void uart_reset(struct uart *uart)
{
	uart->ier = uart->mcr = uart->scr = uart->dlm = uart->fcr = 0;
	uart->dll = 1; /* 115200 baud, should a guest ask what its firmware set */
	uart->lcr = 0x03;
	uart->thr_interrupt = false;
	update_interrupt(uart);
}

static uint8_t read_data(struct uart *uart)
{
	uint8_t byte;

	if (!input_used(uart))
		return 0;
	byte = uart->input[uart->input_tail++ % UART_INPUT_BYTES];
	update_interrupt(uart);
	return byte;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t cause = pending(uart);

	if (cause == IIR_THRE) {
		uart->thr_interrupt = false;
		update_interrupt(uart);
	}
	return cause | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(const struct uart *uart)
{
	return (input_used(uart) ? LSR_DATA_READY : 0) | (transmitter_empty(uart) ? LSR_THRE | LSR_TEMT : 0);
}

/* Loopback wires the modem outputs to the modem inputs (section 8.7); else a terminal is there and ready. */
static uint8_t read_msr(const struct uart *uart)
{
	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (uart->mcr & MCR_RTS ? MSR_CTS : 0) | (uart->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (uart->mcr & MCR_OUT1 ? MSR_RI : 0) | (uart->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

uint8_t uart_read(struct uart *uart, uint32_t offset)
{
	switch (offset) {
	case OFFSET_DATA: return uart->lcr & LCR_DLAB ? uart->dll : read_data(uart);
	case OFFSET_IER: return uart->lcr & LCR_DLAB ? uart->dlm : uart->ier;
	case OFFSET_IIR_FCR: return read_iir(uart);
	case OFFSET_LCR: return uart->lcr;
	case OFFSET_MCR: return uart->mcr;
	case OFFSET_LSR: return read_lsr(uart);
	case OFFSET_MSR: return read_msr(uart);
	case OFFSET_SCR: return uart->scr;
	default: return 0xff;
	}
}

static void write_data(struct uart *uart, uint8_t value)
{
	if (uart->mcr & MCR_LOOP) {
		if (input_used(uart) < UART_INPUT_BYTES)
			uart->input[uart->input_head++ % UART_INPUT_BYTES] = value;
	} else if (output_used(uart) < UART_OUTPUT_BYTES) {
		uart->output[uart->output_head++ % UART_OUTPUT_BYTES] = value;
	}
	/* The line falls and rises again, so that an edge-triggered pin sees each emptying (U2). */
	uart->thr_interrupt = false;
	update_interrupt(uart);
	uart->thr_interrupt = transmitter_empty(uart);
	update_interrupt(uart);
}

static void write_ier(struct uart *uart, uint8_t value)
{
	bool enabled = value & IER_THRE && !(uart->ier & IER_THRE);

	uart->ier = value & IER_BITS;
	if (enabled)
		uart->thr_interrupt = transmitter_empty(uart);
	update_interrupt(uart);
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	/* Switching the FIFOs on or off empties them as well. */
	if (value & FCR_CLEAR_RECEIVER || (value ^ uart->fcr) & FCR_ENABLE)
		uart->input_tail = uart->input_head;
	uart->fcr = value;
	update_interrupt(uart);
}

void uart_write(struct uart *uart, uint32_t offset, uint8_t value)
{
	switch (offset) {
	case OFFSET_DATA:
		if (uart->lcr & LCR_DLAB)
			uart->dll = value;
		else
			write_data(uart, value);
		break;
	case OFFSET_IER:
		if (uart->lcr & LCR_DLAB)
			uart->dlm = value;
		else
			write_ier(uart, value);
		break;
	case OFFSET_IIR_FCR: write_fcr(uart, value); break;
	case OFFSET_LCR: uart->lcr = value; break;
	case OFFSET_MCR:
		uart->mcr = value & MCR_BITS;
		update_interrupt(uart);
		break;
	case OFFSET_SCR: uart->scr = value; break;
	default: break;
	}
}

uint32_t uart_type(struct uart *uart, const uint8_t *bytes, uint32_t len)
{
	uint32_t space = UART_INPUT_BYTES - input_used(uart);

	if (len > space)
		len = space;
	for (uint32_t i = 0; i < len; i++)
		uart->input[uart->input_head++ % UART_INPUT_BYTES] = bytes[i];
	update_interrupt(uart);
	return len;
}

uint32_t uart_peek(const struct uart *uart, uint8_t *bytes, uint32_t len)
{
	if (len > output_used(uart))
		len = output_used(uart);
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = uart->output[(uart->output_tail + i) % UART_OUTPUT_BYTES];
	return len;
}

void uart_drop(struct uart *uart, uint32_t len)
{
	bool was_empty = transmitter_empty(uart);

	assert(len <= output_used(uart));
	uart->output_tail += len;
	if (!was_empty && transmitter_empty(uart)) {
		uart->thr_interrupt = true;
		update_interrupt(uart);
	}
}
