/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the local APIC: core (lapic.c), register front ends (lapic_registers.c), timer (lapic_timer.c). */
#ifndef PLENUM_PCOMPONENT_DEV_LAPIC_PRIVATE_H
#define PLENUM_PCOMPONENT_DEV_LAPIC_PRIVATE_H

#include "pcomponent/dev/dev.h"

#define APIC_BASE_BOOTSTRAP (UINT64_C(1) << 8)
#define APIC_BASE_X2APIC (UINT64_C(1) << 10)
#define APIC_BASE_ENABLE (UINT64_C(1) << 11)

#define SVR_ENABLE 0x100u
#define LVT_MASKED 0x10000u
#define LVT_TIMER_MODE 0x60000u
#define LVT_TIMER_ONE_SHOT 0x00000u
#define LVT_TIMER_PERIODIC 0x20000u
#define LVT_TIMER_TSC_DEADLINE 0x40000u

#define LAPIC_BROADCAST UINT32_MAX

/* Errors of the ESR (SDM vol. 3 figure 11-9). */
#define ESR_SEND_ILLEGAL_VECTOR 0x20u
#define ESR_RECEIVED_ILLEGAL_VECTOR 0x40u
#define ESR_ILLEGAL_REGISTER 0x80u

/* Delivery modes of ICR, LVT, IOAPIC and MSI alike. */
enum lapic_mode {
	LAPIC_FIXED = 0, LAPIC_LOWEST_PRIORITY = 1, LAPIC_SMI = 2, LAPIC_NMI = 4, LAPIC_INIT = 5, LAPIC_STARTUP = 6,
	LAPIC_EXTERNAL = 7,
};

static inline bool lapic_is_x2apic(const struct lapic *lapic)
{
	return (lapic->apic_base & (APIC_BASE_ENABLE | APIC_BASE_X2APIC)) == (APIC_BASE_ENABLE | APIC_BASE_X2APIC);
}

static inline bool lapic_is_enabled(const struct lapic *lapic)
{
	return lapic->apic_base & APIC_BASE_ENABLE && lapic->svr & SVR_ENABLE;
}

uint8_t lapic_processor_priority(const struct lapic *lapic);
/* Registers as after INIT or power-on; the APIC base, and with it the mode, stays. */
void lapic_reset_registers(struct lapic *lapic);
void lapic_raise_error(struct lapic_bus *bus, uint32_t vcpu, uint32_t error);
/* Act on one LVT entry: nothing if it is masked. */
void lapic_fire_lvt(struct lapic_bus *bus, uint32_t vcpu, uint32_t lvt);
/* As lapic_deliver(), the destination as 32 bits in which all ones is broadcast; `except`: a vCPU left out, or UINT32_MAX. */
void lapic_send(struct lapic_bus *bus, uint32_t destination, bool logical, uint8_t mode, uint8_t vector, bool level,
		uint32_t except);
void lapic_end_of_interrupt(struct lapic_bus *bus, uint32_t vcpu);

uint32_t lapic_timer_count(const struct lapic *lapic, uint64_t now_ns);
void lapic_timer_set_initial(struct lapic *lapic, uint32_t value, uint64_t now_ns);
void lapic_timer_set_divide(struct lapic *lapic, uint32_t value, uint64_t now_ns);
void lapic_timer_set_lvt(struct lapic *lapic, uint32_t value);
void lapic_timer_set_tsc_deadline(struct lapic_bus *bus, uint32_t vcpu, uint64_t deadline, uint64_t guest_tsc, uint64_t now_ns);

#endif
