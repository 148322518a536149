/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers in the text format 0.0.4 of Prometheus. Names begin with plenum_ and carry base units (_bytes, _seconds); counters end with _total.
 * The samples of a family follow it directly.
 */
#ifndef PLENUM_GMM_METRICS_H
#define PLENUM_GMM_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gmm/core/core.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics {
	char *text;			/* malloc'd, the caller's to free; NUL-terminated once something was written */
	size_t len_bytes, capacity_bytes;
	bool failed;			/* memory was short: the text is useless */
	const char *family;		/* of the samples that come */
};

/* Any bytes as value. An array of them ends with name NULL. */
struct metrics_label {
	const char *name, *value;
};

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

/* `name` must outlive its samples. */
void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type, const char *help);
void metrics_count(struct metrics *metrics, const struct metrics_label *labels, uint64_t value);
/* Nanoseconds, as seconds. */
void metrics_time(struct metrics *metrics, const struct metrics_label *labels, uint64_t value_ns);
/* In fixed buckets: powers of two from 1024 ns to 1.07 s. A value of exactly a bound counts above it. */
void metrics_histogram(struct metrics *metrics, const struct metrics_label *labels, const struct wire_histogram *histogram);

/* Everything that the core knows: nodes, memory, VMs, operations, events. */
void metrics_rack(struct metrics *metrics, struct gmm_core *core, uint64_t now_ns);

#endif
