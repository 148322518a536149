/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Vector registers (XMM). The kernel is compiled without them; code that is compiled with them, libraries of the
 * distribution and our own carry-less multiplication, runs between vector_begin() and vector_end(). In between
 *
 *  - interrupts are off: such code may keep values below its stack pointer (the red zone), where an interrupt's frame goes;
 *  - nothing may block (it panics, as with a lock held), no guest may run, and another vector_begin() panics;
 *  - locks are taken and given back in pairs: one that was taken before stays held.
 *
 * Nothing is kept in vector registers from one use to the next.
 */
#ifndef PLENUM_KERNEL_VECTOR_H
#define PLENUM_KERNEL_VECTOR_H

/*
 * vector_begin() and vector_end(): any thread, also in the idle poll; not in interrupt handlers. They cost a few
 * instructions when no other's values are live.
 */
#include "lib/vector.h"

/*
 * From now on the vector and x87 registers of this processor hold someone else's values (a guest's). `save` is called
 * once, on this processor with interrupts off, before the kernel uses them; after that they are nobody's. NULL: they are
 * nobody's now. Not between vector_begin() and vector_end().
 */
void vector_set_owner(void (*save)(void));

/*
 * Once on each processor: FS points at a block whose word at offset 0x28 is random, where the distribution's compiler
 * looks for the guard of its frame protector. (The kernel's own code has a global one.)
 */
void vector_init_cpu(void);

#endif
