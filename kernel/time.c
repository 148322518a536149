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

/* Intel 8254 data sheet; channel 2 is gated and read back through port 0x61 of the PC. */
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_CHANNEL2_MODE0 0xb0		/* low and high byte, interrupt on terminal count */
#define PIT_HZ 1193182
#define PIT_TICKS 11932			/* 10 ms */
#define PORT_B 0x61
#define PORT_B_GATE 0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUTPUT 0x20
#define PIT_TURNS_MAX 10000000

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

struct measurement {
	uint64_t tsc_ticks, timer_ticks;
	bool valid;
};

/* Let channel 2 count down 10 ms and see how far the two counters go. */
static struct measurement measure_by_pit(void)
{
	uint8_t port_b = (uint8_t)(in8(PORT_B) & ~(PORT_B_SPEAKER | PORT_B_GATE));
	struct measurement measurement = { 0 };
	uint64_t tsc;
	unsigned turn;

	out8(PORT_B, port_b);
	out8(PIT_COMMAND, PIT_CHANNEL2_MODE0);
	out8(PIT_CHANNEL2, PIT_TICKS & 0xff);
	out8(PIT_CHANNEL2, PIT_TICKS >> 8);
	apic_timer_start(TIMER_TICKS_MAX);
	out8(PORT_B, port_b | PORT_B_GATE);
	tsc = read_tsc();
	for (turn = 0; !(in8(PORT_B) & PORT_B_OUTPUT) && turn < PIT_TURNS_MAX; turn++)
		;
	measurement.tsc_ticks = read_tsc() - tsc;
	measurement.timer_ticks = TIMER_TICKS_MAX - apic_timer_remaining();
	apic_timer_start(0);
	out8(PORT_B, port_b);
	/* A machine without a PIT shows the output high at once, or never. */
	measurement.valid = turn > 0 && turn < PIT_TURNS_MAX && measurement.tsc_ticks > TSC_KHZ_MIN * 10;
	return measurement;
}

/* With the TSC known only the timer is left to measure. */
static uint64_t measure_timer_by_tsc(void)
{
	uint64_t end;

	apic_timer_start(TIMER_TICKS_MAX);
	end = read_tsc() + khz * 10;
	while (read_tsc() < end)
		cpu_relax();
	end = TIMER_TICKS_MAX - apic_timer_remaining();
	apic_timer_start(0);
	return end;
}

void time_init(void)
{
	uint64_t timer_ticks, told_khz = tsc_khz_from_cpuid();

	if (told_khz >= TSC_KHZ_MIN) {
		set_tsc_khz(told_khz);
		timer_ticks = measure_timer_by_tsc();
	} else {
		struct measurement measurement = measure_by_pit();

		if (!measurement.valid)
			panic("no clock: neither CPUID nor an 8254 timer tells the rate of the time stamp counter");
		set_tsc_khz(measurement.tsc_ticks * PIT_HZ / PIT_TICKS / 1000);
		timer_ticks = measurement.timer_ticks;
	}
	if (timer_ticks == 0)
		panic("the local APIC's timer does not count");
	timer_factor = (timer_ticks << NS_SHIFT) / 10000000;
	log_line(LOG_INFO, "event=clock tsc_khz=%lu apic_timer_khz=%lu source=%s", khz, timer_ticks / 10,
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
