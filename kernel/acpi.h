/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_ACPI_H
#define PLENUM_KERNEL_ACPI_H

#include <stdint.h>

#include <kernel/kernel.h>

struct acpi_processors {
	unsigned count;				/* 0: no table; then there is the boot processor only */
	unsigned ignored;			/* listed beyond CONFIG_CPUS_MAX */
	uint32_t apic_ids[CONFIG_CPUS_MAX];
};

extern struct acpi_processors acpi_processors;

/* Find the processors. While the boot page tables with their identity map are still in use. */
void acpi_read(void);

#endif
