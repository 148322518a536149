/* SPDX-License-Identifier: GPL-2.0-only */
#include "lib/histogram.h"

#include <assert.h>

#define BUCKETS_PER_POWER 4u

unsigned histogram_bucket(uint64_t value_ns)
{
	unsigned power, quarter, bucket;

	if (value_ns < 2)
		return 0;
	power = 63 - (unsigned)__builtin_clzll(value_ns);
	/* The two bits below the leading one; a value of 2 or 3 has only one. */
	quarter = (power >= 2 ? value_ns >> (power - 2) : value_ns << 1) & 3;
	bucket = power * BUCKETS_PER_POWER + quarter;
	return bucket < WIRE_HISTOGRAM_BUCKETS ? bucket : WIRE_HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_bucket_floor_ns(unsigned bucket)
{
	unsigned power = bucket / BUCKETS_PER_POWER;
	uint64_t quarters = BUCKETS_PER_POWER + bucket % BUCKETS_PER_POWER;

	assert(bucket < WIRE_HISTOGRAM_BUCKETS);
	if (bucket == 0)
		return 0;
	/* Below 4 the bounds are fractions: the first whole number that lies in or after the bucket. */
	if (power < 2)
		return ((quarters << power) + BUCKETS_PER_POWER - 1) / BUCKETS_PER_POWER;
	return quarters << (power - 2);
}

void histogram_add(struct wire_histogram *histogram, uint64_t value_ns)
{
	if (histogram->count == 0 || value_ns < histogram->min_ns)
		histogram->min_ns = value_ns;
	if (histogram->count == 0 || value_ns > histogram->max_ns)
		histogram->max_ns = value_ns;
	histogram->count++;
	histogram->sum_ns += value_ns;
	histogram->buckets[histogram_bucket(value_ns)]++;
}

void histogram_merge(struct wire_histogram *into, const struct wire_histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (into->count == 0 || from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	into->count += from->count;
	into->sum_ns += from->sum_ns;
	for (unsigned i = 0; i < WIRE_HISTOGRAM_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* width * part / whole, part <= whole; neither overflows for any width, which may come from a peer. */
static uint64_t share(uint64_t width_ns, uint64_t part, uint64_t whole)
{
	return width_ns >> 31 ? width_ns / whole * part : width_ns * part / whole;
}

uint64_t histogram_quantile_ns(const struct wire_histogram *histogram, unsigned permille)
{
	uint64_t rank, before = 0;

	assert(permille <= 1000);
	if (histogram->count == 0)
		return 0;
	/* Rounded up, so that 1000 means the last value. */
	rank = (histogram->count / 1000) * permille + ((histogram->count % 1000) * permille + 999) / 1000;
	if (rank == 0)
		return histogram->min_ns;
	for (unsigned i = 0; i < WIRE_HISTOGRAM_BUCKETS; i++) {
		uint64_t inside = histogram->buckets[i], floor_ns, width_ns;

		if (before + inside < rank) {
			before += inside;
			continue;
		}
		floor_ns = histogram_bucket_floor_ns(i);
		width_ns = (i + 1 < WIRE_HISTOGRAM_BUCKETS ? histogram_bucket_floor_ns(i + 1) : histogram->max_ns) - floor_ns;
		return clamp(floor_ns + share(width_ns, rank - before, inside), histogram->min_ns, histogram->max_ns);
	}
	return histogram->max_ns;
}
