// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real-time clock (MC146818A datasheet). It follows the host's wall clock; what a guest writes to the time is ignored. It never
 * shows "update in progress", so a reader never waits.
 */
#include "pcomponent/dev/rtc.h"

enum {
	INDEX_SECONDS = 0x00, INDEX_MINUTES = 0x02, INDEX_HOURS = 0x04, INDEX_WEEKDAY = 0x06, INDEX_DAY = 0x07, INDEX_MONTH = 0x08,
	INDEX_YEAR = 0x09, INDEX_STATUS_A = 0x0a, INDEX_STATUS_D = 0x0d, INDEX_CENTURY = 0x32,
};

#define STATUS_A_32768_HZ 0x26u		/* the divider that every PC sets */
#define STATUS_D_VALID 0x80u		/* battery good */
#define DAY_S 86400u
#define DAYS_400_YEARS 146097u

struct date {
	uint32_t year, month, day;
};

/* Civil date of a day counted from 1970-01-01; years are counted from March so that the leap day comes last. */
static struct date date_of(uint64_t days)
{
	struct date date;
	uint64_t shifted = days + 719468; /* from 0000-03-01 */
	uint64_t era = shifted / DAYS_400_YEARS;
	uint32_t day_of_era = (uint32_t)(shifted % DAYS_400_YEARS);
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month_from_march = (5 * day_of_year + 2) / 153;

	date.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
	date.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	date.year = (uint32_t)(era * 400 + year_of_era) + (date.month <= 2);
	return date;
}

static uint8_t encode(uint32_t value, uint8_t status_b)
{
	return status_b & RTC_STATUS_B_BINARY ? (uint8_t)value : (uint8_t)(value / 10 << 4 | value % 10);
}

static uint8_t hours(uint32_t hour, uint8_t status_b)
{
	if (status_b & RTC_STATUS_B_24_HOURS)
		return encode(hour, status_b);
	return encode((hour + 11) % 12 + 1, status_b) | (hour >= 12 ? 0x80 : 0);
}

uint8_t rtc_read(uint8_t index, uint8_t status_b, uint64_t time_s)
{
	uint64_t days = time_s / DAY_S;
	uint32_t second = (uint32_t)(time_s % DAY_S);
	struct date date = date_of(days);

	switch (index) {
	case INDEX_SECONDS: return encode(second % 60, status_b);
	case INDEX_MINUTES: return encode(second / 60 % 60, status_b);
	case INDEX_HOURS: return hours(second / 3600, status_b);
	case INDEX_WEEKDAY: return encode((uint32_t)((days + 4) % 7 + 1), status_b); /* 1970-01-01 was a Thursday; Sunday is 1 */
	case INDEX_DAY: return encode(date.day, status_b);
	case INDEX_MONTH: return encode(date.month, status_b);
	case INDEX_YEAR: return encode(date.year % 100, status_b);
	case INDEX_CENTURY: return encode(date.year / 100 % 100, status_b);
	case INDEX_STATUS_A: return STATUS_A_32768_HZ;
	case RTC_STATUS_B: return status_b;
	case INDEX_STATUS_D: return STATUS_D_VALID;
	default: return 0; /* alarm, status C (no interrupt), and RAM that nobody wrote */
	}
}
