/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI as card drivers need it: find a function, map its registers, aim its message interrupts. Configuration space is
 * reached through the ports of mechanism 1, which every PC has; nothing here needs the extended space behind ECAM.
 */
#ifndef PLENUM_KERNEL_PCI_H
#define PLENUM_KERNEL_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_BARS 6u
#define PCI_CAPABILITY_VENDOR 0x09
#define PCI_CAPABILITY_MSIX 0x11

struct pci_function {
	uint8_t bus, device, function;
	uint16_t vendor_id, device_id;
};

/* Call `visit` for every function, in bus order, until it returns true; returns whether one did. At start only. */
bool pci_scan(bool (*visit)(void *context, const struct pci_function *function), void *context);

uint8_t pci_read8(const struct pci_function *function, unsigned offset);
uint16_t pci_read16(const struct pci_function *function, unsigned offset);
uint32_t pci_read32(const struct pci_function *function, unsigned offset);
void pci_write16(const struct pci_function *function, unsigned offset, uint16_t value);
void pci_write32(const struct pci_function *function, unsigned offset, uint32_t value);

/* The offset of the next capability of kind `id` after `after` (0: the first), or 0. */
unsigned pci_capability(const struct pci_function *function, uint8_t id, unsigned after);

/* Let the card decode its memory and master the bus; its pin interrupt is turned off. */
void pci_enable(const struct pci_function *function);

/*
 * Map bytes [offset, offset + bytes) of a memory BAR. NULL when there is no such BAR, the firmware gave it no address, or
 * it is too short.
 */
volatile void *pci_map_bar(const struct pci_function *function, unsigned bar, uint32_t offset, size_t bytes);

/* Turn on MSI-X with entry 0 going to `vector` on `cpu`, all others masked. False: the card has no usable MSI-X. */
bool pci_msix_enable(const struct pci_function *function, unsigned vector, unsigned cpu);

#endif
