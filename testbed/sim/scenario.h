/* SPDX-License-Identifier: GPL-2.0-only */
/* What plenum-sim can run. One file each; the table is in main.c. */
#ifndef PLENUM_TESTBED_SIM_SCENARIO_H
#define PLENUM_TESTBED_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	uint64_t seed;
	double seconds;			/* 0: as the scenario wants */
	double loss;			/* of packets, 0 to 1; negative: as the scenario or the seed wants */
	uint32_t nodes;			/* 0: as the scenario wants */
	const char *only;		/* run those of the scenario's cases whose name contains this; NULL: all */
};

struct report {
	uint64_t hash;			/* of everything that happened: W1 in sim.h */
	uint32_t failures;
};

struct scenario {
	const char *name, *summary;
	/* Prints its numbers. What must hold, and does not, it says with report_expect(). */
	void (*run)(struct report *report, const struct options *options);
};

/* Is this case to be run? */
bool options_want(const struct options *options, const char *name);
/* When `holds` is false: print what was expected, and let the program fail in the end. */
void report_expect(struct report *report, bool holds, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Add the trace of one of several worlds. */
void report_trace(struct report *report, uint64_t hash);

extern const struct scenario scenario_rack, scenario_incast, scenario_loss, scenario_storm, scenario_stranger,
	scenario_clock, scenario_guard;

#endif
