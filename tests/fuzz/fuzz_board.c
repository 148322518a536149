// SPDX-License-Identifier: GPL-2.0-only
/* A hostile guest at its devices: any sequence of port, memory and MSR accesses, with time, typing and interrupts between. */
#include <stdint.h>
#include <string.h>

#include "pcomponent/dev/dev.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VCPUS 2u

struct operation {
	uint8_t kind, vcpu, size_shift, spare;
	uint16_t port, time_step;
	uint64_t value;
};

static struct board board;

static void on_eoi(void *context, uint8_t vector)
{
	ioapic_eoi(context, vector);
}

/* Half of the accesses go where devices are, so that the fuzzer need not find them. */
static uint16_t port_of(const struct operation *operation)
{
	static const uint16_t ports[] = { 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x61, 0x64, 0x70, 0x71, 0x92, 0xcf8, 0xcf9, 0xcfc,
					  ACPI_SLEEP_CONTROL_PORT, ACPI_RESET_PORT };

	return operation->spare & 1 ? ports[operation->port % (sizeof(ports) / sizeof(ports[0]))] : operation->port;
}

static uint64_t address_of(const struct operation *operation)
{
	return (operation->spare & 1 ? IOAPIC_BASE : LAPIC_MMIO_BASE) + operation->port % 4096;
}

static void step(const struct operation *operation, uint64_t now_ns)
{
	uint32_t vcpu = operation->vcpu % VCPUS, bytes = 1u << operation->size_shift % 3, wide = 1u << operation->size_shift % 4;
	struct lapic *lapic = &board.lapics.lapic[vcpu];
	uint32_t msr = operation->spare & 1 ? LAPIC_MSR_FIRST + (operation->port & 0xff) : operation->spare & 2 ? 0x1b : 0x6e0;
	uint8_t text[64] = { 0 };
	uint64_t value;
	int vector;

	switch (operation->kind % 10) {
	case 0: board_port_read(&board, vcpu, port_of(operation), bytes, now_ns); break;
	case 1: board_port_write(&board, vcpu, port_of(operation), bytes, (uint32_t)operation->value, now_ns); break;
	case 2: board_mmio_read(&board, vcpu, address_of(operation), wide, now_ns); break;
	case 3: board_mmio_write(&board, vcpu, address_of(operation), wide, operation->value, now_ns); break;
	case 4: lapic_msr_read(&board.lapics, vcpu, msr, &value, now_ns); break;
	case 5: lapic_msr_write(&board.lapics, vcpu, msr, operation->value, now_ns * 2, now_ns); break;
	case 6: uart_type(&board.uart, text, operation->port % sizeof(text)); break;
	case 7: uart_drop(&board.uart, uart_peek(&board.uart, text, operation->port % sizeof(text))); break;
	case 8: ioapic_set_pin(&board.ioapic, operation->port % IOAPIC_PINS, operation->spare & 1); break;
	default:
		lapic_tick(&board.lapics, vcpu, now_ns);
		vector = lapic_pending(lapic);
		if (vector >= 0)
			lapic_accept(lapic, (uint8_t)vector);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now_ns = 0;
	/* A byte behind the last operation says which devices there are; without one all are. */
	uint32_t devices = size % sizeof(struct operation) ? data[size - 1] & DEVICES_ALL : DEVICES_ALL;

	board_init(&board, VCPUS, devices, 2000000, 1000000000);
	board.lapics.eoi = on_eoi;
	board.lapics.context = &board.ioapic;
	for (; size >= sizeof(struct operation); data += sizeof(struct operation), size -= sizeof(struct operation)) {
		struct operation operation;

		memcpy(&operation, data, sizeof(operation));
		now_ns += operation.time_step;
		step(&operation, now_ns);
	}
	return 0;
}
