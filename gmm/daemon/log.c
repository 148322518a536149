// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "gmm/daemon/daemon.h"

void log_line(enum log_level level, const char *format, ...)
{
	static const char *const names[] = { [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info" };
	struct timespec now;
	struct tm parts;
	char stamp[32];
	va_list arguments;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%FT%T", &parts);
	fprintf(stderr, "time=%s.%03ldZ level=%s ", stamp, now.tv_nsec / 1000000, names[level]);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void log_events(struct gmmd *gmmd)
{
	const struct gmm_event *event;

	while ((event = gmm_core_event_after(gmmd->core, gmmd->events_logged))) {
		health_events_given(gmmd, gmmd->events_logged, event->sequence);
		gmmd->events_logged = event->sequence;
		log_line(event->kind == GMM_EVENT_NODE || event->kind == GMM_EVENT_VM || event->kind == GMM_EVENT_KEY ? LOG_INFO : LOG_WARNING,
			 "event=%s object=%s text=\"%s\"",
			 gmm_event_kind_name(event->kind), event->object, event->text);
	}
}

void log_warning(const char *line)
{
	log_line(LOG_WARNING, "%s", line);
}
