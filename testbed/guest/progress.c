// SPDX-License-Identifier: GPL-2.0-only
/* What the reader of the console sees: in a phase that takes long, a line at each tenth of it; one line at its end. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "check.h"

#define STEPS 10u
#define QUIET_SECONDS 2.0			/* a phase that is faster than this says only its end */

static const char *name;
static uint64_t total_steps, next_report;
static uint32_t reports;
static double last_report;
static struct timespec begun;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

void progress_begin(const char *phase, uint64_t total)
{
	name = phase;
	total_steps = total;
	reports = 1;
	last_report = 0;
	next_report = total / STEPS;
	clock_gettime(CLOCK_MONOTONIC, &begun);
}

void progress_step(uint64_t done)
{
	if (done < next_report || reports >= STEPS || next_report == 0)
		return;
	if (seconds() - last_report >= QUIET_SECONDS) {
		last_report = seconds();
		printf("progress phase=%s percent=%u seconds=%.3f\n", name, reports * 100 / STEPS, last_report);
	}
	reports++;
	next_report = total_steps / STEPS * reports;
}

void progress_end(uint64_t checked, uint64_t mismatches)
{
	printf("phase=%s lines=%" PRIu64 " mismatches=%" PRIu64 " seconds=%.3f\n", name, checked, mismatches, seconds());
}
