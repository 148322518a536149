/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log-linear histogram of nanoseconds: four buckets a power of two (relative error at most 25 %), fixed size,
 * mergeable. The layout travels as struct wire_histogram. After HdrHistogram's idea.
 */
#ifndef PLENUM_LIB_HISTOGRAM_H
#define PLENUM_LIB_HISTOGRAM_H

#include <stdint.h>

#include <plenum/wire.h>

void histogram_add(struct wire_histogram *histogram, uint64_t value_ns);
void histogram_merge(struct wire_histogram *into, const struct wire_histogram *from);
/* The value below which `permille` of 1000 values lie (interpolated within the bucket); 0 when empty. */
uint64_t histogram_quantile_ns(const struct wire_histogram *histogram, unsigned permille);
/* Bucket of a value, and a bucket's inclusive lower bound; exact inverses on bucket bounds. */
unsigned histogram_bucket(uint64_t value_ns);
uint64_t histogram_bucket_floor_ns(unsigned bucket);

#endif
