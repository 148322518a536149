/* SPDX-License-Identifier: GPL-2.0-only */
/* Are bytes all zero? */
#ifndef PLENUM_LIB_ZERO_H
#define PLENUM_LIB_ZERO_H

#include <stdbool.h>
#include <stddef.h>

bool bytes_are_zero(const void *bytes, size_t len);

#endif
