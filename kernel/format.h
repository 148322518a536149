/* SPDX-License-Identifier: GPL-2.0-only */
/* Portable: the part of printf that the kernels use. */
#ifndef PLENUM_KERNEL_FORMAT_H
#define PLENUM_KERNEL_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Like vsnprintf: writes at most `bytes` with the final NUL and returns the length of the whole text. Knows
 * d i u x X o c s p %, the flags 0 - + # and space, width and precision (also *), and hh h l ll z t j.
 */
int format_text(char *buffer, size_t bytes, const char *format, va_list arguments);

#endif
