// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's registers: one table of meanings behind two front ends, the xAPIC page (Intel SDM vol. 3 table 11-1) and
 * the x2APIC MSRs (table 11-6). Register n stands at page offset n * 16 and at MSR 0x800 + n.
 */
#include <assert.h>
#include <errno.h>

#include "pcomponent/dev/lapic_private.h"

#define MSR_APIC_BASE 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u

enum {
	REGISTER_ID = 0x02, REGISTER_VERSION = 0x03, REGISTER_TPR = 0x08, REGISTER_PPR = 0x0a, REGISTER_EOI = 0x0b,
	REGISTER_LDR = 0x0d, REGISTER_DFR = 0x0e, REGISTER_SVR = 0x0f, REGISTER_ISR = 0x10, REGISTER_TMR = 0x18,
	REGISTER_IRR = 0x20, REGISTER_ESR = 0x28, REGISTER_ICR = 0x30, REGISTER_ICR_HIGH = 0x31, REGISTER_LVT_TIMER = 0x32,
	REGISTER_LVT_THERMAL = 0x33, REGISTER_LVT_PERFORMANCE = 0x34, REGISTER_LVT_LINT0 = 0x35, REGISTER_LVT_LINT1 = 0x36,
	REGISTER_LVT_ERROR = 0x37, REGISTER_TIMER_INITIAL = 0x38, REGISTER_TIMER_COUNT = 0x39, REGISTER_TIMER_DIVIDE = 0x3e,
	REGISTER_SELF_IPI = 0x3f,
};

/* Version 0x14, six LVT entries (highest is 5), no suppression of EOI broadcast. */
#define VERSION 0x00050014u

/* Writable bits; what is outside is reserved: #GP by MSR, ignored by memory. */
#define SVR_BITS 0x1ffu
#define ICR_LOW_BITS 0x000ccfffu
#define LVT_TIMER_BITS 0x700ffu
#define LVT_BITS 0x107ffu
#define LVT_LINT_BITS 0x1a7ffu
#define LVT_ERROR_BITS 0x100ffu

static uint32_t *lvt_of(struct lapic *lapic, uint32_t number, uint32_t *bits)
{
	switch (number) {
	case REGISTER_LVT_TIMER: *bits = LVT_TIMER_BITS; return &lapic->lvt_timer;
	case REGISTER_LVT_THERMAL: *bits = LVT_BITS; return &lapic->lvt_thermal;
	case REGISTER_LVT_PERFORMANCE: *bits = LVT_BITS; return &lapic->lvt_performance;
	case REGISTER_LVT_LINT0: *bits = LVT_LINT_BITS; return &lapic->lvt_lint0;
	case REGISTER_LVT_LINT1: *bits = LVT_LINT_BITS; return &lapic->lvt_lint1;
	case REGISTER_LVT_ERROR: *bits = LVT_ERROR_BITS; return &lapic->lvt_error;
	default: return NULL;
	}
}

static bool read_register(struct lapic *lapic, uint32_t number, uint32_t *value, uint64_t now_ns)
{
	uint32_t bits;
	const uint32_t *lvt = lvt_of(lapic, number, &bits);

	if (lvt) {
		*value = *lvt;
		return true;
	}
	switch (number) {
	case REGISTER_ID: *value = lapic_is_x2apic(lapic) ? lapic->id : lapic->id << 24; return true;
	case REGISTER_VERSION: *value = VERSION; return true;
	case REGISTER_TPR: *value = lapic->tpr; return true;
	case REGISTER_PPR: *value = lapic_processor_priority(lapic); return true;
	case REGISTER_LDR: *value = lapic->ldr; return true;
	case REGISTER_SVR: *value = lapic->svr; return true;
	case REGISTER_ISR ... REGISTER_ISR + 7: *value = lapic->isr[number - REGISTER_ISR]; return true;
	case REGISTER_TMR ... REGISTER_TMR + 7: *value = lapic->tmr[number - REGISTER_TMR]; return true;
	case REGISTER_IRR ... REGISTER_IRR + 7: *value = lapic->irr[number - REGISTER_IRR]; return true;
	case REGISTER_ESR: *value = lapic->esr_latched; return true;
	case REGISTER_TIMER_INITIAL: *value = lapic->timer_initial; return true;
	case REGISTER_TIMER_COUNT: *value = lapic_timer_count(lapic, now_ns); return true;
	case REGISTER_TIMER_DIVIDE: *value = lapic->timer_divide; return true;
	default: return false;
	}
}

/* Software-disabled: every LVT entry is masked and stays so (11.4.7.2). */
static void write_svr(struct lapic *lapic, uint32_t value)
{
	uint32_t bits;

	lapic->svr = value;
	if (value & SVR_ENABLE)
		return;
	for (uint32_t number = REGISTER_LVT_TIMER; number <= REGISTER_LVT_ERROR; number++)
		*lvt_of(lapic, number, &bits) |= LVT_MASKED;
}

static void write_lvt(struct lapic *lapic, uint32_t number, uint32_t value)
{
	uint32_t bits, *lvt = lvt_of(lapic, number, &bits);

	assert((value & ~bits) == 0);
	if (!(lapic->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (number == REGISTER_LVT_TIMER)
		lapic_timer_set_lvt(lapic, value);
	else
		*lvt = value;
}

static void write_icr(struct lapic_bus *bus, uint32_t vcpu, uint64_t value)
{
	struct lapic *lapic = &bus->lapic[vcpu];
	uint32_t low = (uint32_t)value, destination = (uint32_t)(value >> 32), shorthand = low >> 18 & 3;
	uint8_t mode = low >> 8 & 7, vector = low & 0xff;
	bool logical = low & 0x800;

	lapic->icr = value;
	if ((mode == LAPIC_FIXED || mode == LAPIC_LOWEST_PRIORITY) && vector < 16) {
		lapic_raise_error(bus, vcpu, ESR_SEND_ILLEGAL_VECTOR);
		return;
	}
	/* INIT level de-assert does nothing since the Pentium 4 (11.6.1). */
	if (mode == LAPIC_INIT && (low & 0xc000) == 0x8000)
		return;
	if (!lapic_is_x2apic(lapic)) {
		destination >>= 24;
		if (destination == 0xff)
			destination = LAPIC_BROADCAST;
	}
	/* An IPI is always edge-triggered at its receiver. */
	switch (shorthand) {
	case 0: lapic_send(bus, destination, logical, mode, vector, false, UINT32_MAX); break;
	case 1: lapic_send(bus, vcpu, false, mode, vector, false, UINT32_MAX); break;
	case 2: lapic_send(bus, LAPIC_BROADCAST, false, mode, vector, false, UINT32_MAX); break;
	default: lapic_send(bus, LAPIC_BROADCAST, false, mode, vector, false, vcpu); break;
	}
}

/* Registers that mean the same in both front ends, `value` free of reserved bits. False: no such register to write. */
static bool write_register(struct lapic_bus *bus, uint32_t vcpu, uint32_t number, uint32_t value, uint64_t now_ns)
{
	struct lapic *lapic = &bus->lapic[vcpu];

	switch (number) {
	case REGISTER_TPR: lapic->tpr = value; return true;
	case REGISTER_EOI: lapic_end_of_interrupt(bus, vcpu); return true;
	case REGISTER_SVR: write_svr(lapic, value); return true;
	case REGISTER_ESR:
		lapic->esr_latched = lapic->esr;
		lapic->esr = 0;
		return true;
	case REGISTER_LVT_TIMER ... REGISTER_LVT_ERROR: write_lvt(lapic, number, value); return true;
	case REGISTER_TIMER_INITIAL: lapic_timer_set_initial(lapic, value, now_ns); return true;
	case REGISTER_TIMER_DIVIDE: lapic_timer_set_divide(lapic, value, now_ns); return true;
	default: return false;
	}
}

/* What may be written to a register of both front ends; 0 for those that take only zero. */
static uint32_t writable_bits(struct lapic *lapic, uint32_t number)
{
	uint32_t bits;

	if (lvt_of(lapic, number, &bits))
		return bits;
	switch (number) {
	case REGISTER_TPR: return 0xff;
	case REGISTER_SVR: return SVR_BITS;
	case REGISTER_TIMER_INITIAL: return UINT32_MAX;
	case REGISTER_TIMER_DIVIDE: return 0xb;
	default: return 0;
	}
}

/* ------------------------------------------------------------------ MSRs */

/* Which changes of mode exist: table 11-5 and figure 11-20. */
static int write_apic_base(struct lapic *lapic, uint64_t value)
{
	const uint64_t mode = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
	uint64_t before = lapic->apic_base & mode, after = value & mode;

	/* The page does not move: the board decodes it at its reset address only, and no guest moves it. */
	if ((value & ~(mode | APIC_BASE_BOOTSTRAP)) != LAPIC_MMIO_BASE)
		return -EFAULT;
	if (after == APIC_BASE_X2APIC)
		return -EFAULT;
	if ((before == mode && after == APIC_BASE_ENABLE) || (before == 0 && after == mode))
		return -EFAULT;
	lapic->apic_base = (lapic->apic_base & APIC_BASE_BOOTSTRAP) | LAPIC_MMIO_BASE | after;
	if (!(after & APIC_BASE_ENABLE))
		lapic_reset_registers(lapic);
	else if (before != after && after == mode)
		lapic->ldr = (lapic->id >> 4) << 16 | UINT32_C(1) << (lapic->id & 15);
	return 0;
}

int lapic_msr_read(struct lapic_bus *bus, uint32_t vcpu, uint32_t msr, uint64_t *value, uint64_t now_ns)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];
	uint32_t number = msr - LAPIC_MSR_FIRST, low;

	if (msr == MSR_APIC_BASE) {
		*value = lapic->apic_base;
		return 0;
	}
	if (msr == MSR_TSC_DEADLINE) {
		*value = lapic->tsc_deadline;
		return 0;
	}
	if (msr < LAPIC_MSR_FIRST || msr > LAPIC_MSR_LAST || !lapic_is_x2apic(lapic))
		return -EFAULT;
	if (number == REGISTER_ICR) {
		*value = lapic->icr;
		return 0;
	}
	if (!read_register(lapic, number, &low, now_ns))
		return -EFAULT;
	*value = low;
	return 0;
}

int lapic_msr_write(struct lapic_bus *bus, uint32_t vcpu, uint32_t msr, uint64_t value, uint64_t guest_tsc, uint64_t now_ns)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];
	uint32_t number = msr - LAPIC_MSR_FIRST;

	if (msr == MSR_APIC_BASE)
		return write_apic_base(lapic, value);
	if (msr == MSR_TSC_DEADLINE) {
		lapic_timer_set_tsc_deadline(bus, vcpu, value, guest_tsc, now_ns);
		return 0;
	}
	if (msr < LAPIC_MSR_FIRST || msr > LAPIC_MSR_LAST || !lapic_is_x2apic(lapic))
		return -EFAULT;
	if (number == REGISTER_ICR) {
		if ((uint32_t)value & ~ICR_LOW_BITS)
			return -EFAULT;
		write_icr(bus, vcpu, value);
		return 0;
	}
	if (number == REGISTER_SELF_IPI) {
		if (value & ~UINT64_C(0xff))
			return -EFAULT;
		write_icr(bus, vcpu, 1u << 18 | value);
		return 0;
	}
	if (value & ~(uint64_t)writable_bits(lapic, number))
		return -EFAULT;
	return write_register(bus, vcpu, number, (uint32_t)value, now_ns) ? 0 : -EFAULT;
}

/* ------------------------------------------------------------------ the page */

uint32_t lapic_mmio_read(struct lapic_bus *bus, uint32_t vcpu, uint32_t offset, uint64_t now_ns)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];
	uint32_t number = offset >> 4, value;

	if (offset & 0xf)
		return 0;
	if (number == REGISTER_ICR)
		return (uint32_t)lapic->icr;
	if (number == REGISTER_ICR_HIGH)
		return (uint32_t)(lapic->icr >> 32);
	if (number == REGISTER_DFR)
		return lapic->dfr;
	if (read_register(lapic, number, &value, now_ns))
		return value;
	lapic_raise_error(bus, vcpu, ESR_ILLEGAL_REGISTER);
	return 0;
}

void lapic_mmio_write(struct lapic_bus *bus, uint32_t vcpu, uint32_t offset, uint32_t value, uint64_t now_ns)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];
	uint32_t number = offset >> 4;

	if (offset & 0xf)
		return;
	switch (number) {
	case REGISTER_ID: return; /* read-only since the Xeon (11.4.6) */
	case REGISTER_LDR: lapic->ldr = value & 0xff000000; return;
	case REGISTER_DFR: lapic->dfr = value | 0x0fffffff; return;
	case REGISTER_ICR_HIGH: lapic->icr = (lapic->icr & UINT32_MAX) | (uint64_t)(value & 0xff000000) << 32; return;
	case REGISTER_ICR:
		write_icr(bus, vcpu, (lapic->icr & ~(uint64_t)UINT32_MAX) | (value & ICR_LOW_BITS));
		return;
	default:
		if (!write_register(bus, vcpu, number, value & writable_bits(lapic, number), now_ns))
			lapic_raise_error(bus, vcpu, ESR_ILLEGAL_REGISTER);
	}
}
