/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC: end of interrupt, interrupts between processors, the one-shot timer. */
#ifndef PLENUM_KERNEL_APIC_H
#define PLENUM_KERNEL_APIC_H

#include <stdbool.h>
#include <stdint.h>

/* Finds the mode (x2APIC where there is one) and maps the registers; on the boot processor, once. */
void apic_init(void);
/* Enable this processor's. */
void apic_enable(void);
uint32_t apic_id(void);
void apic_end_of_interrupt(void);

void apic_send(uint32_t apic_id, unsigned vector);
void apic_send_nmi_to_others(void);
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);

/* Counter ticks of the timer; the timer fires once, `ticks` from now. */
void apic_timer_start(uint32_t ticks);
uint32_t apic_timer_remaining(void);

#endif
