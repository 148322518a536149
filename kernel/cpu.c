/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptor tables and per-processor data. */
#include <kernel/cpu.h>
#include <kernel/interrupt.h>
#include <kernel/memory.h>
#include <kernel/x86.h>

#define MSR_GS_BASE 0xc0000101
#define CODE64_DESCRIPTOR UINT64_C(0x00af9b000000ffff)
#define DATA_DESCRIPTOR UINT64_C(0x00cf93000000ffff)
#define CODE32_DESCRIPTOR UINT64_C(0x00cf9b000000ffff)
#define TSS_AVAILABLE UINT64_C(0x0000890000000000)

struct cpu cpus[CONFIG_CPUS_MAX];

static unsigned online_count = 1;

/* Before the guarded stacks exist: an exception this early still gets a panic instead of a reset. */
static uint8_t early_interrupt_stack[4096] __attribute__((aligned(16)));

struct descriptor_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static void fill_descriptors(struct cpu *cpu)
{
	uint64_t base = (uint64_t)&cpu->task_state, limit = sizeof(cpu->task_state) - 1;

	cpu->descriptors[SELECTOR_CODE64 / 8] = CODE64_DESCRIPTOR;
	cpu->descriptors[SELECTOR_DATA / 8] = DATA_DESCRIPTOR;
	cpu->descriptors[SELECTOR_CODE32 / 8] = CODE32_DESCRIPTOR;
	/* AMD APM vol 2, 4.8.3: a system descriptor of 16 bytes */
	cpu->descriptors[SELECTOR_TSS / 8] = TSS_AVAILABLE | limit | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	cpu->descriptors[SELECTOR_TSS / 8 + 1] = base >> 32;
}

void cpu_load_tables(struct cpu *cpu, unsigned index)
{
	struct descriptor_pointer pointer = { sizeof(cpu->descriptors) - 1, (uint64_t)cpu->descriptors };

	cpu->self = cpu;
	cpu->index = index;
	cpu->armed_ns = UINT64_MAX;
	cpu->queue_lock.name = "run queue";
	cpu->task_state.io_map_offset = sizeof(cpu->task_state);
	if (!cpu->task_state.interrupt_stack[0])
		for (unsigned i = 0; i < INTERRUPT_STACKS; i++)
			cpu->task_state.interrupt_stack[i] = (uint64_t)(early_interrupt_stack + sizeof(early_interrupt_stack));
	fill_descriptors(cpu);
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %2, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "movl %%eax, %%ss\n\t"
			 "xorl %%eax, %%eax\n\t"
			 "movl %%eax, %%fs\n\t"
			 "movl %%eax, %%gs\n\t"
			 "movl %3, %%eax\n\t"
			 "ltr %%ax"
			 :
			 : "m"(pointer), "i"(SELECTOR_CODE64), "i"(SELECTOR_DATA), "i"(SELECTOR_TSS)
			 : "rax", "memory");
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	interrupt_load_table();
}

void cpu_allocate_interrupt_stacks(struct cpu *cpu)
{
	for (unsigned i = 0; i < INTERRUPT_STACKS; i++)
		cpu->task_state.interrupt_stack[i] = (uint64_t)stack_allocate(INTERRUPT_STACK_BYTES);
}

unsigned cpu_this(void)
{
	unsigned index;

	__asm__ volatile("movl %%gs:8, %0" : "=r"(index));
	return index;
}

unsigned cpu_count(void)
{
	return __atomic_load_n(&online_count, __ATOMIC_ACQUIRE);
}

void cpu_set_count(unsigned count)
{
	__atomic_store_n(&online_count, count, __ATOMIC_RELEASE);
}

uint32_t cpu_apic_id(unsigned cpu)
{
	if (cpu >= cpu_count())
		panic("no such processor: cpu=%u count=%u", cpu, cpu_count());
	return cpus[cpu].apic_id;
}
