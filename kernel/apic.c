/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC (AMD APM vol 2, chapter 16). With x2APIC the registers are MSRs 0x800 + offset / 16 (16.11), without
 * they are memory at the address in the APIC_BASE MSR. QEMU's TCG has no x2APIC before 9.0 and never a TSC deadline
 * mode, so the timer is the one-shot counter on every machine: one path to test.
 */
#include <kernel/apic.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/x86.h>
#include <plenum/page.h>

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC (1 << 10)
#define APIC_BASE_ENABLE (1 << 11)
#define APIC_BASE_ADDRESS UINT64_C(0x000ffffffffff000)
#define MSR_X2APIC 0x800

#define CPUID_1_ECX_X2APIC (1 << 21)

enum apic_register {
	APIC_ID = 0x20, APIC_TASK_PRIORITY = 0x80, APIC_EOI = 0xb0, APIC_SPURIOUS = 0xf0,
	APIC_COMMAND_LOW = 0x300, APIC_COMMAND_HIGH = 0x310,
	APIC_LOCAL_TIMER = 0x320, APIC_LOCAL_PERFORMANCE = 0x340, APIC_LOCAL_PIN0 = 0x350, APIC_LOCAL_PIN1 = 0x360,
	APIC_LOCAL_ERROR = 0x370,
	APIC_TIMER_INITIAL = 0x380, APIC_TIMER_CURRENT = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};

#define LOCAL_MASKED (1 << 16)
#define SPURIOUS_ENABLE (1 << 8)
#define TIMER_DIVIDE_BY_1 0xb
#define COMMAND_NMI 0x400
#define COMMAND_INIT 0x500
#define COMMAND_STARTUP 0x600
#define COMMAND_PENDING (1 << 12)
#define COMMAND_ASSERT (1 << 14)
#define COMMAND_ALL_OTHERS (3 << 18)
#define COMMAND_WAIT_TURNS_MAX 1000000

static volatile uint8_t *registers;	/* NULL: x2APIC */

static uint32_t apic_read(enum apic_register reg)
{
	if (!registers)
		return (uint32_t)read_msr(MSR_X2APIC + reg / 16);
	return *(volatile uint32_t *)(registers + reg);
}

static void apic_write(enum apic_register reg, uint32_t value)
{
	if (!registers)
		write_msr(MSR_X2APIC + reg / 16, value);
	else
		*(volatile uint32_t *)(registers + reg) = value;
}

void apic_init(void)
{
	uint64_t base = read_msr(MSR_APIC_BASE);

	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_X2APIC) && !(base & APIC_BASE_X2APIC))
		registers = map_device(base & APIC_BASE_ADDRESS, PAGE_BYTES);
	apic_enable();
}

void apic_enable(void)
{
	uint64_t base = read_msr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	write_msr(MSR_APIC_BASE, base);
	if (!registers)
		write_msr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	apic_write(APIC_TASK_PRIORITY, 0);
	apic_write(APIC_LOCAL_PIN0, LOCAL_MASKED);
	apic_write(APIC_LOCAL_PIN1, LOCAL_MASKED);
	apic_write(APIC_LOCAL_PERFORMANCE, LOCAL_MASKED);
	apic_write(APIC_LOCAL_ERROR, LOCAL_MASKED);
	apic_write(APIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	apic_write(APIC_LOCAL_TIMER, VECTOR_TIMER);
}

uint32_t apic_id(void)
{
	return registers ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

void apic_end_of_interrupt(void)
{
	apic_write(APIC_EOI, 0);
}

/* In xAPIC mode the two halves of the command must not be interleaved with those of an interrupt handler. */
static void send_command(uint32_t destination, uint32_t command)
{
	uint64_t flags;

	if (!registers) {
		__asm__ volatile("mfence" : : : "memory"); /* SDM vol 3, 11.12.3: x2APIC writes do not order stores */
		write_msr(MSR_X2APIC + APIC_COMMAND_LOW / 16, (uint64_t)destination << 32 | command);
		return;
	}
	flags = interrupts_save();
	for (unsigned turn = 0; apic_read(APIC_COMMAND_LOW) & COMMAND_PENDING && turn < COMMAND_WAIT_TURNS_MAX; turn++)
		cpu_relax();
	apic_write(APIC_COMMAND_HIGH, destination << 24);
	apic_write(APIC_COMMAND_LOW, command);
	interrupts_restore(flags);
}

void apic_send(uint32_t destination, unsigned vector)
{
	send_command(destination, COMMAND_ASSERT | vector);
}

void apic_send_nmi_to_others(void)
{
	send_command(0, COMMAND_ALL_OTHERS | COMMAND_ASSERT | COMMAND_NMI);
}

void apic_send_init(uint32_t destination)
{
	send_command(destination, COMMAND_ASSERT | COMMAND_INIT);
}

void apic_send_startup(uint32_t destination, uint8_t page)
{
	send_command(destination, COMMAND_ASSERT | COMMAND_STARTUP | page);
}

void apic_timer_start(uint32_t ticks)
{
	apic_write(APIC_TIMER_INITIAL, ticks);
}

uint32_t apic_timer_remaining(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}
