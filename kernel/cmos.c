/* SPDX-License-Identifier: GPL-2.0-only */
/* Wall clock from the MC146818 real-time clock (its data sheet, "time, calendar and alarm locations"), taken as UTC. */
#include <kernel/kernel.h>
#include <kernel/x86.h>

#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define STATUS_A_UPDATING 0x80
#define STATUS_B_BINARY 0x04
#define STATUS_B_24_HOURS 0x02
#define HOUR_PM 0x80
#define READ_TRIES 10
#define UPDATE_TURNS_MAX 100000		/* an update takes 2 ms at most */

enum cmos_register { CMOS_SECOND = 0, CMOS_MINUTE = 2, CMOS_HOUR = 4, CMOS_DAY = 7, CMOS_MONTH = 8, CMOS_YEAR = 9,
		     CMOS_STATUS_A = 10, CMOS_STATUS_B = 11 };

struct clock {
	uint8_t second, minute, hour, day, month, year;
};

static uint8_t cmos_read(enum cmos_register reg)
{
	out8(CMOS_INDEX, (uint8_t)reg);
	return in8(CMOS_DATA);
}

static struct clock clock_read(void)
{
	for (unsigned turn = 0; turn < UPDATE_TURNS_MAX && cmos_read(CMOS_STATUS_A) & STATUS_A_UPDATING; turn++)
		;
	return (struct clock){ cmos_read(CMOS_SECOND), cmos_read(CMOS_MINUTE), cmos_read(CMOS_HOUR),
			       cmos_read(CMOS_DAY), cmos_read(CMOS_MONTH), cmos_read(CMOS_YEAR) };
}

static uint8_t from_bcd(uint8_t value, uint8_t status)
{
	return status & STATUS_B_BINARY ? value : (uint8_t)((value >> 4) * 10 + (value & 15));
}

static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	uint64_t days = 0;

	for (unsigned y = 1970; y < year; y++)
		days += y % 4 == 0 ? 366 : 365;	/* right from 1970 to 2099, which is all that two digits say */
	return days + days_before[month - 1] + (month > 2 && year % 4 == 0) + day - 1;
}

uint64_t boot_time_s(void)
{
	static uint64_t read_at_s, uptime_s;
	struct clock clock, again;
	uint8_t status = cmos_read(CMOS_STATUS_B), hour;
	unsigned month, day;

	if (read_at_s)
		return read_at_s - uptime_s;
	/* Twice the same, so that no update came in between. */
	for (unsigned try = 0; try < READ_TRIES; try++) {
		clock = clock_read();
		again = clock_read();
		if (!__builtin_memcmp(&clock, &again, sizeof(clock)))
			break;
	}
	hour = from_bcd(clock.hour & (uint8_t)~HOUR_PM, status);
	if (!(status & STATUS_B_24_HOURS))
		hour = (uint8_t)(hour % 12 + (clock.hour & HOUR_PM ? 12 : 0));
	month = from_bcd(clock.month, status);
	day = from_bcd(clock.day, status);
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return 0;		/* no clock here */
	uptime_s = now_ns() / 1000000000;
	read_at_s = days_since_1970(2000u + from_bcd(clock.year, status), month, day) * 86400 + hour * 3600u +
		    from_bcd(clock.minute, status) * 60u + from_bcd(clock.second, status);
	return read_at_s - uptime_s;
}
