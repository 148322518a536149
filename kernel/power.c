/* SPDX-License-Identifier: GPL-2.0-only */
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/x86.h>

#define RESET_PORT 0xcf9		/* PC chipsets' reset control register */
#define RESET_HARD 0x02
#define RESET_NOW 0x04
#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_PULSE_RESET 0xfe
#define RESET_WAIT_TURNS 100000

/* By the chipset, then by the keyboard controller, and where there is neither by a triple fault. */
void machine_reboot(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_table = { 0, 0 };

	interrupts_disable();
	out8(RESET_PORT, RESET_HARD);
	out8(RESET_PORT, RESET_HARD | RESET_NOW);
	for (unsigned turn = 0; turn < RESET_WAIT_TURNS; turn++)
		cpu_relax();
	out8(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
	for (unsigned turn = 0; turn < RESET_WAIT_TURNS; turn++)
		cpu_relax();
	__asm__ volatile("lidt %0; int3" : : "m"(no_table));
	__builtin_unreachable();
}
