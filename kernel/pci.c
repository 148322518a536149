// SPDX-License-Identifier: GPL-2.0-only
/* PCI Local Bus specification 3.0 ("PCI"), and PCI-to-PCI Bridge Architecture 1.2 ("bridge") for the bus numbers. */
#include <assert.h>

#include <kernel/cpu.h>
#include <kernel/kernel.h>
#include <kernel/pci.h>
#include <kernel/x86.h>

/* PCI 3.2.2.3.2: configuration mechanism 1. */
#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE (UINT32_C(1) << 31)

/* PCI 6.1: the configuration space header. */
#define HEADER_VENDOR 0x00
#define HEADER_DEVICE 0x02
#define HEADER_COMMAND 0x04
#define HEADER_STATUS 0x06
#define HEADER_TYPE 0x0e
#define HEADER_BAR 0x10
#define HEADER_SECONDARY_BUS 0x19	/* bridge 3.2.5.4 */
#define HEADER_CAPABILITIES 0x34

#define COMMAND_MEMORY (1u << 1)
#define COMMAND_MASTER (1u << 2)
#define COMMAND_NO_PIN_INTERRUPT (1u << 10)
#define STATUS_CAPABILITIES (1u << 4)
#define TYPE_MULTI_FUNCTION 0x80
#define TYPE_MASK 0x7f
#define TYPE_BRIDGE 1

#define BUSES 256u
#define DEVICES 32u
#define FUNCTIONS 8u
#define CAPABILITIES_MAX 48u		/* (256 - 64) / 4: a longer chain is a loop */
#define VENDOR_NONE 0xffff

/* PCI 6.2.5.1: base address registers. */
#define BAR_IO 1u
#define BAR_TYPE_MASK 6u
#define BAR_TYPE_64 4u
#define BAR_FLAGS UINT64_C(0xf)

/* PCI 6.8.2: the MSI-X capability and its table. */
#define MSIX_CONTROL 2
#define MSIX_TABLE 4
#define MSIX_CONTROL_ENABLE (1u << 15)
#define MSIX_CONTROL_MASK_ALL (1u << 14)
#define MSIX_CONTROL_SIZE_MASK 0x7ffu
#define MSIX_BAR_MASK 7u
#define MSIX_ENTRY_MASKED 1u

struct msix_entry {
	uint32_t address_low;		/* 0x0 */
	uint32_t address_high;		/* 0x4 */
	uint32_t data;			/* 0x8 */
	uint32_t control;		/* 0xc */
};
_Static_assert(sizeof(struct msix_entry) == 16, "PCI 6.8.2.6");

/* Intel SDM vol 3, 11.11.1: a message interrupt is a write here; bits 19:12 name the processor. Edge, fixed delivery. */
#define MESSAGE_ADDRESS UINT32_C(0xfee00000)
#define MESSAGE_PROCESSOR_SHIFT 12
#define MESSAGE_PROCESSOR_MAX 0xffu

static void select(const struct pci_function *function, unsigned offset)
{
	assert(offset < 256);
	out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)function->bus << 16 | (uint32_t)function->device << 11 |
	      (uint32_t)function->function << 8 | (offset & ~3u));
}

uint8_t pci_read8(const struct pci_function *function, unsigned offset)
{
	select(function, offset);
	return in8((uint16_t)(PORT_DATA + (offset & 3)));
}

uint16_t pci_read16(const struct pci_function *function, unsigned offset)
{
	assert(offset % 2 == 0);
	select(function, offset);
	return in16((uint16_t)(PORT_DATA + (offset & 2)));
}

uint32_t pci_read32(const struct pci_function *function, unsigned offset)
{
	assert(offset % 4 == 0);
	select(function, offset);
	return in32(PORT_DATA);
}

void pci_write16(const struct pci_function *function, unsigned offset, uint16_t value)
{
	assert(offset % 2 == 0);
	select(function, offset);
	out16((uint16_t)(PORT_DATA + (offset & 2)), value);
}

void pci_write32(const struct pci_function *function, unsigned offset, uint32_t value)
{
	assert(offset % 4 == 0);
	select(function, offset);
	out32(PORT_DATA, value);
}

/* One function that is there: note the bus behind it when it is a bridge, then let the caller see it. */
static bool scan_function(struct pci_function *function, uint8_t *buses,
			  bool (*visit)(void *context, const struct pci_function *function), void *context)
{
	if ((pci_read8(function, HEADER_TYPE) & TYPE_MASK) == TYPE_BRIDGE) {
		uint8_t secondary = pci_read8(function, HEADER_SECONDARY_BUS);

		/* Firmware numbers buses depth first, so a bus behind a bridge has the higher number; 0: not set up. */
		if (secondary > function->bus)
			buses[secondary / 8] |= (uint8_t)(1u << secondary % 8);
	}
	function->device_id = pci_read16(function, HEADER_DEVICE);
	return visit(context, function);
}

static bool scan_device(uint8_t bus, uint8_t device, uint8_t *buses,
			bool (*visit)(void *context, const struct pci_function *function), void *context)
{
	struct pci_function function = { .bus = bus, .device = device };
	unsigned functions = 1;

	for (unsigned number = 0; number < functions; number++) {
		function.function = (uint8_t)number;
		function.vendor_id = pci_read16(&function, HEADER_VENDOR);
		if (function.vendor_id == VENDOR_NONE)
			continue;
		if (number == 0 && (pci_read8(&function, HEADER_TYPE) & TYPE_MULTI_FUNCTION))
			functions = FUNCTIONS;
		if (scan_function(&function, buses, visit, context))
			return true;
	}
	return false;
}

bool pci_scan(bool (*visit)(void *context, const struct pci_function *function), void *context)
{
	uint8_t buses[BUSES / 8] = { 1 };

	for (unsigned bus = 0; bus < BUSES; bus++) {
		if (!(buses[bus / 8] & 1u << bus % 8))
			continue;
		for (unsigned device = 0; device < DEVICES; device++)
			if (scan_device((uint8_t)bus, (uint8_t)device, buses, visit, context))
				return true;
	}
	return false;
}

unsigned pci_capability(const struct pci_function *function, uint8_t id, unsigned after)
{
	unsigned offset, steps;

	if (!(pci_read16(function, HEADER_STATUS) & STATUS_CAPABILITIES))
		return 0;
	offset = after ? pci_read8(function, after + 1) : pci_read8(function, HEADER_CAPABILITIES);
	for (steps = 0; steps < CAPABILITIES_MAX; steps++) {
		offset &= ~3u;
		if (offset < 0x40)
			return 0;
		if (pci_read8(function, offset) == id)
			return offset;
		offset = pci_read8(function, offset + 1);
	}
	return 0;
}

void pci_enable(const struct pci_function *function)
{
	uint16_t command = pci_read16(function, HEADER_COMMAND);

	pci_write16(function, HEADER_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_PIN_INTERRUPT);
}

/* PCI 6.2.5.1, "Address Maps": write ones, read which stick. The card must not decode meanwhile. */
static uint64_t bar_size(const struct pci_function *function, unsigned offset, bool wide)
{
	uint16_t command = pci_read16(function, HEADER_COMMAND);
	uint32_t low = pci_read32(function, offset), high = wide ? pci_read32(function, offset + 4) : 0;
	uint64_t mask = UINT64_C(0xffffffff00000000);

	pci_write16(function, HEADER_COMMAND, (uint16_t)(command & ~COMMAND_MEMORY));
	pci_write32(function, offset, UINT32_MAX);
	if (wide) {
		pci_write32(function, offset + 4, UINT32_MAX);
		mask = (uint64_t)pci_read32(function, offset + 4) << 32;
	}
	mask |= pci_read32(function, offset);
	pci_write32(function, offset, low);
	if (wide)
		pci_write32(function, offset + 4, high);
	pci_write16(function, HEADER_COMMAND, command);
	return ~(mask & ~BAR_FLAGS) + 1;
}

volatile void *pci_map_bar(const struct pci_function *function, unsigned bar, uint32_t offset, size_t bytes)
{
	unsigned at = HEADER_BAR + bar * 4;
	uint64_t address, size;
	uint32_t low;
	bool wide;

	if (bar >= PCI_BARS)
		return NULL;
	low = pci_read32(function, at);
	wide = (low & BAR_TYPE_MASK) == BAR_TYPE_64;
	if ((low & BAR_IO) || (wide && bar + 1 >= PCI_BARS))
		return NULL;
	address = low & ~BAR_FLAGS;
	if (wide)
		address |= (uint64_t)pci_read32(function, at + 4) << 32;
	size = bar_size(function, at, wide);
	if (address == 0 || offset > size || bytes > size - offset)
		return NULL;
	return map_device(address + offset, bytes);
}

bool pci_msix_enable(const struct pci_function *function, unsigned vector, unsigned cpu)
{
	unsigned offset = pci_capability(function, PCI_CAPABILITY_MSIX, 0);
	volatile struct msix_entry *table;
	unsigned entries;
	uint16_t control;
	uint32_t where;

	if (offset == 0)
		return false;
	assert(cpu_apic_id(cpu) <= MESSAGE_PROCESSOR_MAX);	/* more needs interrupt remapping */
	control = pci_read16(function, offset + MSIX_CONTROL);
	entries = (control & MSIX_CONTROL_SIZE_MASK) + 1;
	where = pci_read32(function, offset + MSIX_TABLE);
	table = pci_map_bar(function, where & MSIX_BAR_MASK, where & ~MSIX_BAR_MASK, entries * sizeof(*table));
	if (!table)
		return false;
	control |= MSIX_CONTROL_ENABLE | MSIX_CONTROL_MASK_ALL;
	pci_write16(function, offset + MSIX_CONTROL, control);
	for (unsigned entry = 0; entry < entries; entry++)
		table[entry].control = MSIX_ENTRY_MASKED;
	table[0].address_low = MESSAGE_ADDRESS | cpu_apic_id(cpu) << MESSAGE_PROCESSOR_SHIFT;
	table[0].address_high = 0;
	table[0].data = vector;
	table[0].control = 0;
	pci_write16(function, offset + MSIX_CONTROL, (uint16_t)(control & ~MSIX_CONTROL_MASK_ALL));
	return true;
}
