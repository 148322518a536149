/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_TIME_H
#define PLENUM_KERNEL_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* `entry_tsc` was read by the image's first instruction: time counts from there. */
void time_early(uint64_t entry_tsc);
/* Measure the time stamp counter and the local timer. */
void time_init(void);
/* Busy, for device and start-up delays only. */
void time_delay_us(uint64_t delay_us);
/* Make the local timer fire at `deadline_ns`, or a little later. */
void time_arm(uint64_t deadline_ns);

#endif
