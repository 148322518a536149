// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC's timer (Intel SDM vol. 3 section 11.5.4): one-shot and periodic counts at LAPIC_TIMER_HZ, which is one
 * tick a nanosecond before the divider, and TSC-deadline.
 */
#include <assert.h>

#include "pcomponent/dev/lapic_private.h"

_Static_assert(LAPIC_TIMER_HZ == 1000000000, "a tick is a nanosecond here");

static uint32_t timer_mode(const struct lapic *lapic)
{
	return lapic->lvt_timer & LVT_TIMER_MODE;
}

/* Divide configuration, bits 3, 1, 0: 000 divides by 2, ... 110 by 128, 111 by 1 (figure 11-10). */
static uint32_t divide_shift(const struct lapic *lapic)
{
	uint32_t value = (lapic->timer_divide & 3) | (lapic->timer_divide & 8) >> 1;

	return (value + 1) & 7;
}

static uint64_t period_ns(const struct lapic *lapic)
{
	return (uint64_t)lapic->timer_initial << divide_shift(lapic);
}

static void lapic_timer_stop(struct lapic *lapic)
{
	lapic->timer_initial = 0;
	lapic->timer_start_ns = 0;
	lapic->timer_deadline_ns = UINT64_MAX;
	lapic->tsc_deadline = 0;
}

uint32_t lapic_timer_count(const struct lapic *lapic, uint64_t now_ns)
{
	uint64_t period = period_ns(lapic), elapsed = now_ns - lapic->timer_start_ns;

	if (!period || timer_mode(lapic) == LVT_TIMER_TSC_DEADLINE)
		return 0;
	if (elapsed >= period) {
		if (timer_mode(lapic) == LVT_TIMER_ONE_SHOT)
			return 0;
		elapsed %= period;
	}
	return lapic->timer_initial - (uint32_t)(elapsed >> divide_shift(lapic));
}

void lapic_timer_set_initial(struct lapic *lapic, uint32_t value, uint64_t now_ns)
{
	/* In TSC-deadline mode a write to the initial count is ignored (11.5.4.1). */
	if (timer_mode(lapic) == LVT_TIMER_TSC_DEADLINE)
		return;
	lapic_timer_stop(lapic);
	if (!value)
		return;
	lapic->timer_initial = value;
	lapic->timer_start_ns = now_ns;
	lapic->timer_deadline_ns = now_ns + period_ns(lapic);
}

/* The count goes on from where it is, at the new pace. */
void lapic_timer_set_divide(struct lapic *lapic, uint32_t value, uint64_t now_ns)
{
	uint32_t count = lapic_timer_count(lapic, now_ns);
	bool running = lapic->timer_initial && lapic->timer_deadline_ns != UINT64_MAX;

	lapic->timer_divide = value & 0xb;
	if (!running || timer_mode(lapic) == LVT_TIMER_TSC_DEADLINE)
		return;
	/* The start may lie before time zero: all arithmetic on it is modulo 2^64. */
	lapic->timer_start_ns = now_ns - ((uint64_t)(lapic->timer_initial - count) << divide_shift(lapic));
	lapic->timer_deadline_ns = lapic->timer_start_ns + period_ns(lapic);
}

void lapic_timer_set_lvt(struct lapic *lapic, uint32_t value)
{
	bool was_deadline = timer_mode(lapic) == LVT_TIMER_TSC_DEADLINE;
	bool is_deadline = (value & LVT_TIMER_MODE) == LVT_TIMER_TSC_DEADLINE;

	/* A change to or from TSC-deadline mode disarms the timer (11.5.4.1). */
	if (was_deadline != is_deadline)
		lapic_timer_stop(lapic);
	lapic->lvt_timer = value;
}

/* Nanoseconds in `ticks` of the guest's TSC, rounded up so that the guest is never woken early; saturates. */
static uint64_t tsc_to_ns(uint64_t ticks, uint64_t tsc_khz)
{
	const uint64_t ns_per_ms = 1000000;
	uint64_t whole_ms = ticks / tsc_khz, rest = ticks % tsc_khz;

	if (whole_ms >= UINT64_MAX / ns_per_ms / 2)
		return UINT64_MAX / 2;
	return whole_ms * ns_per_ms + (rest * ns_per_ms + tsc_khz - 1) / tsc_khz;
}

void lapic_timer_set_tsc_deadline(struct lapic_bus *bus, uint32_t vcpu, uint64_t deadline, uint64_t guest_tsc, uint64_t now_ns)
{
	struct lapic *lapic = &bus->lapic[vcpu];

	if (timer_mode(lapic) != LVT_TIMER_TSC_DEADLINE)
		return;
	assert(bus->tsc_khz != 0);
	lapic->tsc_deadline = deadline;
	lapic->timer_deadline_ns = UINT64_MAX;
	if (!deadline)
		return;
	lapic->timer_deadline_ns = now_ns + (deadline > guest_tsc ? tsc_to_ns(deadline - guest_tsc, bus->tsc_khz) : 0);
	if (deadline <= guest_tsc)
		lapic_tick(bus, vcpu, now_ns);
}

uint64_t lapic_deadline_ns(const struct lapic *lapic)
{
	return lapic->timer_deadline_ns;
}

void lapic_tick(struct lapic_bus *bus, uint32_t vcpu, uint64_t now_ns)
{
	assert(vcpu < bus->count);
	struct lapic *lapic = &bus->lapic[vcpu];

	if (now_ns < lapic->timer_deadline_ns)
		return;
	if (timer_mode(lapic) == LVT_TIMER_PERIODIC && lapic->timer_initial) {
		/* Periods that nobody could see are one: a guest that was parked for a second must not get a thousand ticks. */
		uint64_t period = period_ns(lapic);

		lapic->timer_deadline_ns += period * ((now_ns - lapic->timer_deadline_ns) / period + 1);
	} else {
		lapic->timer_deadline_ns = UINT64_MAX;
		lapic->tsc_deadline = 0;
	}
	/* The timer's entry has no delivery mode of its own: it is always fixed. */
	lapic_fire_lvt(bus, vcpu, lapic->lvt_timer & (LVT_MASKED | 0xff));
}
