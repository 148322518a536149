/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices of a VM that can be chosen (docs/manager.md, Devices): the one table of them. Local APICs, the I/O APIC and the
 * ports for reset and power-off are always there.
 */
#ifndef PLENUM_DEVICE_H
#define PLENUM_DEVICE_H

/* Identifier, bit, name for people, whether a VM has it unless said otherwise, what it is. Bits are never used again. */
#define DEVICES(X) \
	X(SERIAL, 0, "serial", 1, "serial console: a 16550A at I/O port 0x3f8") \
	X(RTC, 1, "rtc", 1, "real-time clock: an MC146818A at I/O port 0x70") \
	X(KVMCLOCK, 2, "kvmclock", 1, "KVM's paravirtual clock") \
	X(BUTTON, 3, "button", 1, "ACPI power button") \
	X(RNG, 4, "rng", 0, "entropy device: virtio over MMIO")

enum device {
#define DEVICE_BIT(id, bit, name, usual, what) DEVICE_##id = 1u << (bit),
	DEVICES(DEVICE_BIT)
#undef DEVICE_BIT
};

#define DEVICE_IN_ALL(id, bit, name, usual, what) | 1u << (bit)
#define DEVICE_IN_USUAL(id, bit, name, usual, what) | (unsigned)(usual) << (bit)
#define DEVICES_ALL (0u DEVICES(DEVICE_IN_ALL))
#define DEVICES_DEFAULT (0u DEVICES(DEVICE_IN_USUAL))
/* What every VM had before they could be chosen. */
#define DEVICES_FIRST (DEVICE_SERIAL | DEVICE_RTC | DEVICE_KVMCLOCK | DEVICE_BUTTON)

#endif
