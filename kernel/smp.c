/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting the other processors (INIT and start-up messages: AMD APM vol 2, 15.27.8 and 16.5; Intel SDM vol 3, 8.4.4),
 * one after the other, and calls across processors.
 */
#include <string.h>

#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/features.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/memory.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/vector.h>
#include <kernel/x86.h>

#define INIT_DELAY_US 10000
#define STARTUP_WAIT_US 1000		/* then a second start-up message, as the manuals want */
#define ONLINE_WAIT_US 200000

extern const char trampoline_start[], trampoline_end[];

void smp_processor_main(struct cpu *cpu) __attribute__((noreturn));

/* For the processor that is being started; read by smp_entry. */
void *smp_stack_top;
struct cpu *smp_cpu;

void smp_install_trampoline(void)
{
	memcpy((void *)(DIRECT_BASE + TRAMPOLINE_PHYSICAL), trampoline_start, (size_t)(trampoline_end - trampoline_start));
}

/* ------------------------------------------------------------------ calls across processors */

static bool calling;			/* one caller at a time */
static uint32_t calls_unfinished;

static void run_call(struct cpu *cpu)
{
	if (!__atomic_exchange_n(&cpu->call_pending, false, __ATOMIC_ACQUIRE))
		return;
	cpu->call(cpu->call_argument);
	__atomic_fetch_sub(&calls_unfinished, 1, __ATOMIC_RELEASE);
}

static void call_interrupt(void *unused)
{
	(void)unused;
	run_call(cpu_current());
}

/*
 * Two processors may call at the same time, with interrupts off even: who waits, for its turn or for the answers, runs
 * what the other asks of it meanwhile.
 */
void cpu_call_others(void (*function)(void *argument), void *argument)
{
	uint64_t flags;
	struct cpu *self;

	if (locks_held())
		check_may_block("cpu_call_others");
	flags = interrupts_save();
	self = cpu_current();
	while (__atomic_exchange_n(&calling, true, __ATOMIC_ACQUIRE)) {
		run_call(self);
		cpu_relax();
	}
	__atomic_store_n(&calls_unfinished, cpu_count() - 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < cpu_count(); i++) {
		struct cpu *cpu = &cpus[i];

		if (cpu == self)
			continue;
		cpu->call = function;
		cpu->call_argument = argument;
		__atomic_store_n(&cpu->call_pending, true, __ATOMIC_RELEASE);
		apic_send(cpu->apic_id, VECTOR_CALL);
	}
	while (__atomic_load_n(&calls_unfinished, __ATOMIC_ACQUIRE))
		cpu_relax();
	__atomic_store_n(&calling, false, __ATOMIC_RELEASE);
	interrupts_restore(flags);
}

/* ------------------------------------------------------------------ start-up */

void smp_processor_main(struct cpu *cpu)
{
	static struct thread idle_threads[CONFIG_CPUS_MAX];

	cpu_load_tables(cpu, cpu->index);
	features_enable();
	vector_init_cpu();
	apic_enable();
	thread_init_cpu(cpu, &idle_threads[cpu->index], "idle");
	__atomic_store_n(&cpu->online, true, __ATOMIC_RELEASE);
	interrupts_enable();
	thread_idle_forever();
}

static bool wait_online(struct cpu *cpu, uint64_t wait_us)
{
	uint64_t end = now_ns() + wait_us * 1000;

	while (!__atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE)) {
		if (now_ns() >= end)
			return false;
		cpu_relax();
	}
	return true;
}

static bool start_processor(struct cpu *cpu)
{
	cpu_allocate_interrupt_stacks(cpu);
	smp_stack_top = stack_allocate(STACK_BYTES);
	smp_cpu = cpu;
	apic_send_init(cpu->apic_id);
	time_delay_us(INIT_DELAY_US);
	apic_send_startup(cpu->apic_id, TRAMPOLINE_PHYSICAL >> 12);
	if (wait_online(cpu, STARTUP_WAIT_US))
		return true;
	apic_send_startup(cpu->apic_id, TRAMPOLINE_PHYSICAL >> 12);
	return wait_online(cpu, ONLINE_WAIT_US);
}

void smp_start(void)
{
	unsigned count = 1;

	interrupt_register(VECTOR_CALL, call_interrupt, NULL);
	for (unsigned i = 0; i < acpi_processors.count && count < CONFIG_CPUS_MAX; i++) {
		struct cpu *cpu = &cpus[count];

		if (acpi_processors.apic_ids[i] == cpus[0].apic_id)
			continue;
		cpu->index = count;
		cpu->apic_id = acpi_processors.apic_ids[i];
		if (start_processor(cpu))
			cpu_set_count(++count);
		else
			panic("processor with apic_id=%u does not start", cpu->apic_id);
	}
	if (acpi_processors.ignored)
		log_line(LOG_WARNING, "event=cpus ignored=%u configured_max=%d", acpi_processors.ignored, CONFIG_CPUS_MAX);
	log_line(LOG_INFO, "event=cpus count=%u", count);
}
