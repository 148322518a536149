/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time from the time stamp counter, whose rate is told by CPUID or measured against channel 2 of the 8254 timer. The
 * local APIC's timer is measured at the same time; it makes the interrupts.
 */
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/kernel.h>
#include <kernel/time.h>
#include <kernel/x86.h>

/* Intel 8254 data sheet. Channel 0 needs no port 0x61 to run, so it is there on machines that lack a speaker, too. */
#define PIT_CHANNEL0 0x40
#define PIT_COMMAND 0x43
#define PIT_CHANNEL0_RATE 0x34		/* low and high byte, mode 2: counts down from 65536, again and again */
#define PIT_CHANNEL0_LATCH 0x00
#define PIT_HZ 1193182
#define PIT_TICKS 17898			/* measure for 15 ms */
#define PIT_TURNS_MAX 1000000
#define SAMPLE_TRIES 8
#define MEASURE_TRIES 5

#define CPUID_TSC 0x15
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_HYPERVISOR_TSC 0x40000010	/* EAX: TSC kHz; VMware's, also shown by KVM */

#define NS_SHIFT 32			/* ns = ticks * ns_factor >> NS_SHIFT */
#define TSC_KHZ_MIN 1000
#define TIMER_TICKS_MAX UINT32_MAX
#define LATENESS_SHIFT 12		/* aim late by 1/4096: waking early would cost a second interrupt */

static uint64_t start_tsc;
static uint64_t khz;
static uint64_t ns_factor;
static uint64_t timer_factor;		/* timer ticks = ns * timer_factor >> NS_SHIFT */

static uint64_t scaled(uint64_t value, uint64_t factor)
{
	return (uint64_t)((unsigned __int128)value * factor >> NS_SHIFT);
}

static void set_tsc_khz(uint64_t value)
{
	khz = value;
	ns_factor = (UINT64_C(1000000) << NS_SHIFT) / value;
}

void time_early(uint64_t entry_tsc)
{
	start_tsc = entry_tsc;
	set_tsc_khz(2000000);		/* a guess, for the time stamps of a panic before time_init() */
}

uint64_t now_ns(void)
{
	return scaled(read_tsc() - start_tsc, ns_factor);
}

uint64_t tsc_khz(void)
{
	return khz;
}

/* 0: CPUID does not say. */
static uint64_t tsc_khz_from_cpuid(void)
{
	struct cpuid_result result;

	if (cpuid(0, 0).eax >= CPUID_TSC) {
		result = cpuid(CPUID_TSC, 0);
		if (result.eax && result.ebx && result.ecx)
			return (uint64_t)result.ecx * result.ebx / result.eax / 1000;
	}
	if (cpuid(1, 0).ecx & UINT32_C(1) << 31 && cpuid(CPUID_HYPERVISOR, 0).eax >= CPUID_HYPERVISOR_TSC)
		return cpuid(CPUID_HYPERVISOR_TSC, 0).eax;
	return 0;
}

/* The counters at one time, and how long it took to read them: the host may stop a virtual processor in between. */
struct sample {
	uint64_t tsc, tsc_spent;
	uint32_t timer;
	uint16_t pit;
};

static struct sample sample_take(void)
{
	struct sample sample;
	uint8_t low;

	sample.tsc = read_tsc();
	out8(PIT_COMMAND, PIT_CHANNEL0_LATCH);
	sample.timer = apic_timer_remaining();
	sample.tsc_spent = read_tsc() - sample.tsc;
	low = in8(PIT_CHANNEL0);
	sample.pit = (uint16_t)(in8(PIT_CHANNEL0) << 8 | low);
	return sample;
}

static struct sample sample_best(void)
{
	struct sample best = sample_take();

	for (unsigned try = 1; try < SAMPLE_TRIES; try++) {
		struct sample sample = sample_take();

		if (sample.tsc_spent < best.tsc_spent)
			best = sample;
	}
	return best;
}

struct measurement {
	uint64_t khz, timer_khz;	/* 0: there is no such timer */
};

/* See how far the two counters go while the 8254 counts 15 ms. */
static struct measurement measure_by_pit(void)
{
	struct sample first, last;
	uint64_t pit_ticks;
	unsigned turn;

	out8(PIT_COMMAND, PIT_CHANNEL0_RATE);
	out8(PIT_CHANNEL0, 0);
	out8(PIT_CHANNEL0, 0);
	apic_timer_start(TIMER_TICKS_MAX);
	first = sample_best();
	for (turn = 0; turn < PIT_TURNS_MAX; turn++)
		if ((uint16_t)(first.pit - sample_take().pit) >= PIT_TICKS)
			break;
	last = sample_best();
	apic_timer_start(0);
	/* Longer than one period of the 8254 (55 ms) would count wrong; only a host that stalls makes it so. */
	pit_ticks = (uint16_t)(first.pit - last.pit);
	if (turn == 0 || turn == PIT_TURNS_MAX || pit_ticks == 0)
		return (struct measurement){ 0, 0 };
	return (struct measurement){
		.khz = (last.tsc - first.tsc) * PIT_HZ / pit_ticks / 1000,
		.timer_khz = (uint64_t)(first.timer - last.timer) * PIT_HZ / pit_ticks / 1000,
	};
}

/*
 * A stall of the host spoils a measurement by far more than the clocks differ: take two that agree to 1/512, and the
 * last one if none do.
 */
static struct measurement measure_until_steady(void)
{
	struct measurement last = measure_by_pit();

	for (unsigned try = 1; try < MEASURE_TRIES; try++) {
		struct measurement next = measure_by_pit();
		uint64_t difference = next.khz > last.khz ? next.khz - last.khz : last.khz - next.khz;

		last = next;
		if (difference <= next.khz >> 9)
			break;
	}
	if (last.khz < TSC_KHZ_MIN)
		panic("no clock: neither CPUID nor an 8254 timer tells the rate of the time stamp counter");
	return last;
}

/* With the TSC known only the timer is left to measure. */
static uint64_t timer_khz_by_tsc(void)
{
	uint64_t start, ticks;

	apic_timer_start(TIMER_TICKS_MAX);
	start = read_tsc();
	while (read_tsc() - start < khz * 10)
		cpu_relax();
	ticks = TIMER_TICKS_MAX - apic_timer_remaining();
	ticks = ticks * khz / (read_tsc() - start);
	apic_timer_start(0);
	return ticks;
}

void time_init(void)
{
	uint64_t timer_khz, told_khz = tsc_khz_from_cpuid();

	if (told_khz >= TSC_KHZ_MIN) {
		set_tsc_khz(told_khz);
		timer_khz = timer_khz_by_tsc();
	} else {
		struct measurement measurement = measure_until_steady();

		set_tsc_khz(measurement.khz);
		timer_khz = measurement.timer_khz;
	}
	if (timer_khz == 0)
		panic("the local APIC's timer does not count");
	timer_factor = (timer_khz << NS_SHIFT) / 1000000;
	log_line(LOG_INFO, "event=clock tsc_khz=%lu apic_timer_khz=%lu source=%s", khz, timer_khz,
		 told_khz >= TSC_KHZ_MIN ? "cpuid" : "pit");
}

void time_delay_us(uint64_t delay_us)
{
	uint64_t end = now_ns() + delay_us * 1000;

	while (now_ns() < end)
		cpu_relax();
}

void time_arm(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), delay_ns = deadline_ns > now ? deadline_ns - now : 0;
	uint64_t ticks;

	if (delay_ns > UINT64_C(1000000000))
		delay_ns = UINT64_C(1000000000);	/* the counter has 32 bits; the handler arms again */
	ticks = scaled(delay_ns + (delay_ns >> LATENESS_SHIFT), timer_factor) + 1;
	apic_timer_start(ticks < TIMER_TICKS_MAX ? (uint32_t)ticks : TIMER_TICKS_MAX);
}
