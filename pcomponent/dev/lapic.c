// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APICs: interrupt acceptance and delivery (Intel SDM vol. 3 chapter 11).
 *
 * Invariants
 *  L1 A vector below 16 is never in IRR or ISR (SDM 11.5.2): whoever sends one gets an error instead.
 *  L2 Only lapic_accept() sets a bit of ISR, and only for a vector that lapic_pending() returned.
 *  L3 A LAPIC disabled by software (SVR bit 8) or globally (APIC_BASE bit 11) takes no fixed interrupt; a software-disabled
 *     one still takes NMI, INIT and SIPI (11.4.7.2).
 *
 *	           lapic_send                lapic_accept               lapic_end_of_interrupt
 *	(nothing) ------------> IRR ------------------------> ISR ------------------------------> (nothing; level: bus->eoi)
 */
#include <assert.h>
#include <string.h>

#include "pcomponent/dev/lapic_private.h"

_Static_assert(VCPUS_PER_VM_MAX < 255, "an 8-bit destination must name every vCPU, and 255 is broadcast");

static void set_bit(uint32_t *bits, uint8_t vector)
{
	bits[vector / 32] |= UINT32_C(1) << (vector % 32);
}

static void clear_bit(uint32_t *bits, uint8_t vector)
{
	bits[vector / 32] &= ~(UINT32_C(1) << (vector % 32));
}

static bool test_bit(const uint32_t *bits, uint8_t vector)
{
	return bits[vector / 32] >> (vector % 32) & 1;
}

static int highest_bit(const uint32_t *bits)
{
	for (int word = 7; word >= 0; word--)
		if (bits[word])
			return word * 32 + 31 - __builtin_clz(bits[word]);
	return -1;
}

static void kick(struct lapic_bus *bus, uint32_t vcpu)
{
	if (bus->kick)
		bus->kick(bus->context, vcpu);
}

void lapic_reset_registers(struct lapic *lapic)
{
	uint32_t id = lapic->id;
	uint64_t apic_base = lapic->apic_base;

	memset(lapic, 0, sizeof(*lapic));
	lapic->id = id;
	lapic->apic_base = apic_base;
	lapic->svr = 0xff;
	lapic->dfr = UINT32_MAX;
	lapic->lvt_timer = lapic->lvt_thermal = lapic->lvt_performance = LVT_MASKED;
	lapic->lvt_lint0 = lapic->lvt_lint1 = lapic->lvt_error = LVT_MASKED;
	lapic->timer_deadline_ns = UINT64_MAX;
	/* In x2APIC mode the logical ID follows from the ID (11.12.10.2). */
	if (lapic_is_x2apic(lapic))
		lapic->ldr = (id >> 4) << 16 | UINT32_C(1) << (id & 15);
}

void lapic_bus_init(struct lapic_bus *bus, uint32_t vcpus)
{
	assert(vcpus >= 1 && vcpus <= VCPUS_PER_VM_MAX);
	memset(bus, 0, sizeof(*bus));
	bus->count = vcpus;
	for (uint32_t i = 0; i < vcpus; i++)
		lapic_reset(bus, i, false);
}

void lapic_reset(struct lapic_bus *bus, uint32_t vcpu, bool x2apic)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];

	lapic->id = vcpu;
	lapic->apic_base = LAPIC_MMIO_BASE | APIC_BASE_ENABLE;
	if (vcpu == 0)
		lapic->apic_base |= APIC_BASE_BOOTSTRAP;
	if (x2apic)
		lapic->apic_base |= APIC_BASE_X2APIC;
	lapic_reset_registers(lapic);
}

/* The higher class of TPR and the vector in service (11.8.3.1). */
uint8_t lapic_processor_priority(const struct lapic *lapic)
{
	int in_service = highest_bit(lapic->isr);
	uint8_t service_class = in_service < 0 ? 0 : (uint8_t)in_service & 0xf0;

	return (lapic->tpr & 0xf0) >= service_class ? (uint8_t)lapic->tpr : service_class;
}

int lapic_pending(const struct lapic *lapic)
{
	int vector = highest_bit(lapic->irr);

	if (vector < 0 || !lapic_is_enabled(lapic))
		return -1;
	assert(vector >= 16);
	return (vector & 0xf0) > (lapic_processor_priority(lapic) & 0xf0) ? vector : -1;
}

void lapic_accept(struct lapic *lapic, uint8_t vector)
{
	assert(vector >= 16 && test_bit(lapic->irr, vector));
	clear_bit(lapic->irr, vector);
	set_bit(lapic->isr, vector);
}

void lapic_end_of_interrupt(struct lapic_bus *bus, uint32_t vcpu)
{
	struct lapic *lapic = &bus->lapic[vcpu];
	int vector = highest_bit(lapic->isr);

	if (vector < 0)
		return;
	clear_bit(lapic->isr, (uint8_t)vector);
	if (test_bit(lapic->tmr, (uint8_t)vector) && bus->eoi)
		bus->eoi(bus->context, (uint8_t)vector);
}

uint8_t lapic_cr8(const struct lapic *lapic)
{
	return lapic->tpr >> 4 & 0xf;
}

void lapic_set_cr8(struct lapic *lapic, uint8_t value)
{
	lapic->tpr = (uint32_t)(value & 0xf) << 4;
}

/* Returns whether the vector may go in; reports what 11.5.3 calls a receive illegal vector. */
static void take_fixed(struct lapic_bus *bus, uint32_t vcpu, uint8_t vector, bool level)
{
	struct lapic *lapic = &bus->lapic[vcpu];

	if (!lapic_is_enabled(lapic))
		return;
	if (vector < 16) {
		lapic_raise_error(bus, vcpu, ESR_RECEIVED_ILLEGAL_VECTOR);
		return;
	}
	set_bit(lapic->irr, vector);
	if (level)
		set_bit(lapic->tmr, vector);
	else
		clear_bit(lapic->tmr, vector);
	kick(bus, vcpu);
}

/* INIT keeps ID and mode and drops everything else; the vCPU itself then waits for a SIPI (8.4.3, 11.4.7.3). */
static void take_init(struct lapic *lapic)
{
	lapic_reset_registers(lapic);
	lapic->init_pending = true;
}

static void take(struct lapic_bus *bus, uint32_t vcpu, uint8_t mode, uint8_t vector, bool level)
{
	struct lapic *lapic = &bus->lapic[vcpu];

	if (!(lapic->apic_base & APIC_BASE_ENABLE))
		return;
	switch (mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST_PRIORITY:
		take_fixed(bus, vcpu, vector, level);
		return;
	case LAPIC_NMI:
		lapic->nmi_pending = true;
		break;
	case LAPIC_INIT:
		take_init(lapic);
		break;
	case LAPIC_STARTUP:
		/* The latest wins; a vCPU that does not wait for one ignores it, which the shim knows. */
		lapic->sipi_pending = true;
		lapic->sipi_vector = vector;
		break;
	default:
		/* No SMM, and no PIC that could answer an ExtINT. */
		return;
	}
	kick(bus, vcpu);
}

/* Does a logical destination name this LAPIC? (11.6.2.2, 11.12.10.1) */
static bool matches_logical(const struct lapic *lapic, uint32_t destination)
{
	uint32_t logical_id = lapic->ldr >> 24;

	if (lapic_is_x2apic(lapic))
		return destination >> 16 == lapic->ldr >> 16 && (destination & lapic->ldr & 0xffff) != 0;
	if ((destination & 0xff) == 0xff)
		return true;
	if (lapic->dfr >> 28 == 0xf)
		return (destination & logical_id) != 0;
	/* Cluster model: the high nibble names the cluster, the low nibble its members. */
	return (destination >> 4 & 0xf) == logical_id >> 4 && (destination & logical_id & 0xf) != 0;
}

static bool matches(const struct lapic *lapic, uint32_t destination, bool logical)
{
	if (destination == LAPIC_BROADCAST)
		return true;
	return logical ? matches_logical(lapic, destination) : destination == lapic->id;
}

/* The least busy of those named, the first one among equals; UINT32_MAX: nobody. */
static uint32_t arbitrate(const struct lapic_bus *bus, uint32_t destination, bool logical, uint32_t except)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < bus->count; i++) {
		const struct lapic *lapic = &bus->lapic[i];

		if (i == except || !lapic_is_enabled(lapic) || !matches(lapic, destination, logical))
			continue;
		if (best == UINT32_MAX || lapic_processor_priority(lapic) < lapic_processor_priority(&bus->lapic[best]))
			best = i;
	}
	return best;
}

void lapic_send(struct lapic_bus *bus, uint32_t destination, bool logical, uint8_t mode, uint8_t vector, bool level,
		uint32_t except)
{
	assert(bus->count <= VCPUS_PER_VM_MAX);
	if (mode == LAPIC_LOWEST_PRIORITY) {
		uint32_t vcpu = arbitrate(bus, destination, logical, except);

		if (vcpu != UINT32_MAX)
			take(bus, vcpu, mode, vector, level);
		return;
	}
	for (uint32_t i = 0; i < bus->count; i++)
		if (i != except && matches(&bus->lapic[i], destination, logical))
			take(bus, i, mode, vector, level);
}

void lapic_deliver(struct lapic_bus *bus, uint32_t destination, bool logical, uint8_t mode, uint8_t vector, bool level)
{
	/* MSI and IOAPIC entries carry 8 bits; all of them set is broadcast in physical mode and in the flat model alike. */
	if (destination == 0xff)
		destination = LAPIC_BROADCAST;
	lapic_send(bus, destination, logical, mode, vector, level, UINT32_MAX);
}

void lapic_fire_lvt(struct lapic_bus *bus, uint32_t vcpu, uint32_t lvt)
{
	if (!(lvt & LVT_MASKED))
		take(bus, vcpu, lvt >> 8 & 7, lvt & 0xff, false);
}

void lapic_raise_error(struct lapic_bus *bus, uint32_t vcpu, uint32_t error)
{
	struct lapic *lapic = &bus->lapic[vcpu];
	bool first = !(lapic->esr & error);

	lapic->esr |= error;
	/* An error entry with an illegal vector would be an error again: `first` ends that circle. */
	if (first && !(lapic->lvt_error & LVT_MASKED))
		take_fixed(bus, vcpu, lapic->lvt_error & 0xff, false);
}
