/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_PANIC_H
#define PLENUM_KERNEL_PANIC_H

#include <kernel/interrupt.h>

/* An exception that nothing expects. */
void panic_exception(const struct interrupt_frame *frame) __attribute__((noreturn));
/* In the NMI handler: does not return when another processor has panicked. */
void panic_stop_if_panicking(void);

/* Name and start of the function at `address`; NULL when it is not in the text. */
const char *symbol_find(uint64_t address, uint64_t *start);

#endif
