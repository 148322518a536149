/* SPDX-License-Identifier: GPL-2.0-only */
/* The clock of the CMOS RAM (MC146818A): time of day, to be read. */
#ifndef PLENUM_PCOMPONENT_DEV_RTC_H
#define PLENUM_PCOMPONENT_DEV_RTC_H

#include <stdint.h>

#define RTC_STATUS_B 0x0bu
#define RTC_STATUS_B_24_HOURS 0x02u
#define RTC_STATUS_B_BINARY 0x04u

/* Register `index` when the wall clock stands at `time_s` (Unix time) and status register B holds `status_b`. */
uint8_t rtc_read(uint8_t index, uint8_t status_b, uint64_t time_s);

#endif
