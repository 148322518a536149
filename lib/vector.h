/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Around code that uses vector registers: libraries of the distribution and our own carry-less multiplication. In a
 * kernel they may hold a guest's values; there kernel/vector.h says what may not happen in between. Linux
 * programs need nothing. Not nested.
 */
#ifndef PLENUM_LIB_VECTOR_H
#define PLENUM_LIB_VECTOR_H

void vector_begin(void);
void vector_end(void);

#endif
