// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOAPIC (82093AA datasheet, section 3). Pins count as asserted when high whatever their entry's polarity bit says: the board
 * drives a pin by meaning, not by voltage, as other hypervisors do.
 *
 *  I1 A level-triggered entry with remote IRR set sends nothing until the EOI of its vector.
 *  I2 An edge that comes while its entry is masked is gone (section 3.4.2 of the datasheet).
 */
#include <assert.h>
#include <string.h>

#include "pcomponent/dev/dev.h"

#define OFFSET_SELECT 0x00u
#define OFFSET_WINDOW 0x10u

#define REGISTER_ID 0x00u
#define REGISTER_VERSION 0x01u
#define REGISTER_ARBITRATION 0x02u
#define REGISTER_ENTRIES 0x10u

#define VERSION 0x11u

#define ENTRY_LOGICAL (UINT64_C(1) << 11)
#define ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define ENTRY_LEVEL (UINT64_C(1) << 15)
#define ENTRY_MASKED (UINT64_C(1) << 16)
#define ENTRY_WRITABLE (UINT64_C(0xff0000000001afff))

void ioapic_init(struct ioapic *ioapic, struct lapic_bus *lapics)
{
	memset(ioapic, 0, sizeof(*ioapic));
	ioapic->lapics = lapics;
	/* The MADT gives it the number after the last LAPIC's; the register has four bits (section 3.2.1). */
	ioapic->id = lapics->count & 0xf;
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
		ioapic->entry[pin] = ENTRY_MASKED;
}

static void send(struct ioapic *ioapic, uint32_t pin)
{
	uint64_t entry = ioapic->entry[pin];

	lapic_deliver(ioapic->lapics, (uint32_t)(entry >> 56), entry & ENTRY_LOGICAL, entry >> 8 & 7, entry & 0xff,
		      entry & ENTRY_LEVEL);
}

/* A level-triggered pin is high or was unmasked or ended: send once. */
static void service_level(struct ioapic *ioapic, uint32_t pin)
{
	uint64_t entry = ioapic->entry[pin];

	if (!(entry & ENTRY_LEVEL) || entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR) || !(ioapic->level >> pin & 1))
		return;
	ioapic->entry[pin] |= ENTRY_REMOTE_IRR;
	send(ioapic, pin);
}

void ioapic_set_pin(struct ioapic *ioapic, uint32_t pin, bool high)
{
	assert(pin < IOAPIC_PINS);
	bool was_high = ioapic->level >> pin & 1;

	if (high == was_high)
		return;
	ioapic->level ^= UINT32_C(1) << pin;
	if (!high)
		return;
	if (ioapic->entry[pin] & ENTRY_LEVEL)
		service_level(ioapic, pin);
	else if (!(ioapic->entry[pin] & ENTRY_MASKED))
		send(ioapic, pin);
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector)
{
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t entry = ioapic->entry[pin];

		if (!(entry & ENTRY_LEVEL) || !(entry & ENTRY_REMOTE_IRR) || (entry & 0xff) != vector)
			continue;
		ioapic->entry[pin] &= ~ENTRY_REMOTE_IRR;
		service_level(ioapic, pin);
	}
}

static uint32_t read_window(const struct ioapic *ioapic)
{
	uint32_t number = ioapic->select;

	switch (number) {
	case REGISTER_ID:
	case REGISTER_ARBITRATION:
		return ioapic->id << 24;
	case REGISTER_VERSION:
		return VERSION | (IOAPIC_PINS - 1) << 16;
	default:
		if (number < REGISTER_ENTRIES || number >= REGISTER_ENTRIES + 2 * IOAPIC_PINS)
			return 0;
		number -= REGISTER_ENTRIES;
		return (uint32_t)(ioapic->entry[number / 2] >> (number % 2 * 32));
	}
}

static void write_window(struct ioapic *ioapic, uint32_t value)
{
	uint32_t number = ioapic->select, pin, shift;
	uint64_t entry;

	if (number == REGISTER_ID) {
		ioapic->id = value >> 24 & 0xf;
		return;
	}
	if (number < REGISTER_ENTRIES || number >= REGISTER_ENTRIES + 2 * IOAPIC_PINS)
		return;
	pin = (number - REGISTER_ENTRIES) / 2;
	shift = (number - REGISTER_ENTRIES) % 2 * 32;
	entry = ioapic->entry[pin];
	entry = (entry & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
	entry = (entry & ENTRY_WRITABLE) | (ioapic->entry[pin] & ENTRY_REMOTE_IRR);
	/* Linux clears a stuck remote IRR by a detour through edge mode: so the bit goes with the mode. */
	if (!(entry & ENTRY_LEVEL))
		entry &= ~ENTRY_REMOTE_IRR;
	ioapic->entry[pin] = entry;
	service_level(ioapic, pin);
}

uint32_t ioapic_read(struct ioapic *ioapic, uint32_t offset)
{
	switch (offset) {
	case OFFSET_SELECT: return ioapic->select;
	case OFFSET_WINDOW: return read_window(ioapic);
	default: return UINT32_MAX;
	}
}

void ioapic_write(struct ioapic *ioapic, uint32_t offset, uint32_t value)
{
	if (offset == OFFSET_SELECT)
		ioapic->select = value & 0xff;
	else if (offset == OFFSET_WINDOW)
		write_window(ioapic, value);
}
