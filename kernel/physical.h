/* SPDX-License-Identifier: GPL-2.0-only */
/* Physical memory as those see it who read what a loader or firmware left there: portable, and never more than there is. */
#ifndef PLENUM_KERNEL_PHYSICAL_H
#define PLENUM_KERNEL_PHYSICAL_H

#include <stdint.h>

struct physical_memory {
	/* `bytes` from `physical` on, or NULL: not all of that can be looked at. */
	const uint8_t *(*at)(void *context, uint64_t physical, uint64_t bytes);
	void *context;
};

#endif
