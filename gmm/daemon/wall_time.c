// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <time.h>

#include "gmm/daemon/wall_time.h"

void wall_time_text(const struct gmm_core *core, uint64_t time_ns, char text[WALL_TIME_BYTES])
{
	uint64_t wall_ns = time_ns + core->config.wall_offset_ns;
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm parts;
	size_t len;

	gmtime_r(&seconds, &parts);
	len = strftime(text, WALL_TIME_BYTES, "%FT%T", &parts);
	snprintf(text + len, WALL_TIME_BYTES - len, ".%03uZ", (unsigned)(wall_ns / 1000000 % 1000));
}
