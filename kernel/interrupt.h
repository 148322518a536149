/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_INTERRUPT_H
#define PLENUM_KERNEL_INTERRUPT_H

#include <stddef.h>
#include <stdint.h>

/* Vectors above the 32 of the processor; the legacy PIC is moved to 0x20..0x2f and masked. */
enum vector {
	VECTOR_DEBUG = 1, VECTOR_NMI = 2, VECTOR_BREAKPOINT = 3, VECTOR_DOUBLE_FAULT = 8, VECTOR_PAGE_FAULT = 14,
	VECTOR_MACHINE_CHECK = 18,
	VECTOR_PIC = 0x20,
	VECTOR_DEVICE_FIRST = 0x30, VECTOR_DEVICE_LAST = 0x6f,
	VECTOR_CALL = 0xf0, VECTOR_KICK = 0xf1, VECTOR_TIMER = 0xf2,
	VECTOR_SPURIOUS = 0xff,
};

/* What interrupt_entry.S leaves on the stack. */
struct interrupt_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error_code;
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct interrupt_frame) == 22 * 8, "matches interrupt_entry.S");

/* Fill the interrupt descriptor table; then load it on every processor. */
void interrupt_init(void);
void interrupt_load_table(void);
/* Take `vector` for `handler`, for the kernel's own fixed vectors. */
void interrupt_register(unsigned vector, void (*handler)(void *argument), void *argument);
/* From interrupt_entry.S. */
void interrupt_dispatch(struct interrupt_frame *frame);

#endif
