// SPDX-License-Identifier: GPL-2.0-only
/* What stdout can do. A pipe or a file gets neither colours nor cut lines. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gmm/cli/cli.h"

bool terminal_is(void)
{
	return isatty(STDOUT_FILENO);
}

unsigned terminal_columns(void)
{
	struct winsize size;

	if (!terminal_is() || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0)
		return UINT_MAX;
	return size.ws_col;
}

static bool colours(void)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	return terminal_is() && (!none || !none[0]) && term && strcmp(term, "dumb");
}

const char *terminal_colour(const char *word)
{
	static const char *const good[] = { "up", "running", "live", "HEALTH_OK", "in use", "succeeded" };
	static const char *const bad[] = { "down", "failed", "lost", "HEALTH_ERR", "ERR" };
	static const char *const doubtful[] = {
		"absent", "expected", "paused", "unreachable", "HEALTH_WARN", "WARN", "reclaim", "reclaiming", "admitted", "booting", "cordoned",
		"draining", "pending",
	};

	if (!colours())
		return "";
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (strcmp(word, good[i]) == 0)
			return "\033[32m";
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (strcmp(word, bad[i]) == 0)
			return "\033[31m";
	for (unsigned i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++)
		if (strcmp(word, doubtful[i]) == 0)
			return "\033[33m";
	return "";
}

const char *terminal_plain(const char *word)
{
	return terminal_colour(word)[0] ? "\033[0m" : "";
}
