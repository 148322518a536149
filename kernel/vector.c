/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/cpu.h>
#include <kernel/kernel.h>
#include <kernel/vector.h>
#include <kernel/x86.h>

#define MSR_FS_BASE 0xc0000100
#define MXCSR_RESET 0x1f80

static void clear_control_word(void)
{
	uint32_t mxcsr = MXCSR_RESET;

	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
}

void vector_begin(void)
{
	uint64_t flags = interrupts_save();
	struct cpu *cpu = cpu_current();

	if (cpu->vector_active)
		panic("vector_begin between vector_begin and vector_end");
	if (cpu->interrupt_depth)
		panic("vector_begin in an interrupt handler");
	cpu->vector_active = true;
	cpu->vector_flags = flags;
	if (cpu->vector_save) {
		cpu->vector_save();
		cpu->vector_save = NULL;
		clear_control_word();
	}
}

void vector_end(void)
{
	struct cpu *cpu = cpu_current();

	if (!cpu->vector_active)
		panic("vector_end without vector_begin");
	if (read_flags() & RFLAGS_IF)
		panic("vector_end with interrupts on: a lock that was taken before vector_begin was given back");
	cpu->vector_active = false;
	interrupts_restore(cpu->vector_flags);
}

void vector_set_owner(void (*save)(void))
{
	uint64_t flags = interrupts_save();
	struct cpu *cpu = cpu_current();

	if (cpu->vector_active)
		panic("vector_set_owner between vector_begin and vector_end");
	cpu->vector_save = save;
	interrupts_restore(flags);
}

void vector_init_cpu(void)
{
	struct frame_guard *guard = &cpu_current()->frame_guard;

	random_bytes(NULL, &guard->value, sizeof(guard->value));
	guard->value &= ~UINT64_C(0xff);	/* a NUL at the start stops string functions */
	write_msr(MSR_FS_BASE, (uint64_t)guard);
}
