/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_RANDOM_H
#define PLENUM_KERNEL_RANDOM_H

#include <stdint.h>

/* Before any random_bytes(). */
void random_init(uint64_t entry_tsc);

#endif
