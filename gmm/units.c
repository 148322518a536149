// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/units.h"

const char *units_size(double bytes, char text[UNITS_BYTES])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes >= 1024 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, UNITS_BYTES, bytes == (double)(long)bytes ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
	return text;
}

const char *units_time(double ns, char text[UNITS_BYTES])
{
	if (ns < 1e3)
		snprintf(text, UNITS_BYTES, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(text, UNITS_BYTES, "%.1f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(text, UNITS_BYTES, "%.2f ms", ns / 1e6);
	else
		snprintf(text, UNITS_BYTES, "%.2f s", ns / 1e9);
	return text;
}

const char *units_ago(double seconds, char text[UNITS_BYTES])
{
	const double minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 120)
		snprintf(text, UNITS_BYTES, "%.1f s", seconds);
	else if (minutes < 120)
		snprintf(text, UNITS_BYTES, "%ld min", (long)minutes);
	else if (hours < 48)
		snprintf(text, UNITS_BYTES, "%ld h %ld min", (long)hours, (long)minutes % 60);
	else
		snprintf(text, UNITS_BYTES, "%ld d %ld h", (long)hours / 24, (long)hours % 24);
	return text;
}

long units_rate_mbps(const char *text)
{
	char *rest;
	long value = strtol(text, &rest, 10), factor = strcmp(rest, "G") == 0 ? 1000 : strcmp(rest, "M") == 0 ? 1 : 0;

	return text[0] < '0' || text[0] > '9' || factor == 0 || value < 1 || value > (long)UNITS_RATE_MBPS_MAX / factor ? -1 : value * factor;
}
