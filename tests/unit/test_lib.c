/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "lib/histogram.h"

/* ---------------------------------------------------------------- hash */

static void test_hash_bytes(void **state)
{
	uint8_t bytes[40] = { 0 };
	uint64_t seen[41 + 320];
	size_t count = 0;

	(void)state;
	for (size_t len = 0; len <= 40; len++)		/* zero tails count */
		seen[count++] = hash_bytes(1, bytes, len);
	for (size_t bit = 0; bit < 320; bit++) {	/* every bit counts */
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		seen[count++] = hash_bytes(1, bytes, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t i = 0; i < count; i++)
		for (size_t j = i + 1; j < count; j++)
			assert_true(seen[i] != seen[j]);
	assert_true(hash_bytes(1, bytes, 8) != hash_bytes(2, bytes, 8));
	assert_true(hash_bytes(1, bytes, 8) == hash_bytes(1, bytes, 8));
}

static void test_hash_order_of_words(void **state)
{
	uint64_t ab[2] = { 1, 2 }, ba[2] = { 2, 1 };

	(void)state;
	assert_true(hash_bytes(0, ab, 16) != hash_bytes(0, ba, 16));
}

static void test_hash_spreads_evenly(void **state)
{
	unsigned counts[64] = { 0 };

	(void)state;
	for (uint64_t page = 0; page < 64000; page++)
		counts[hash_reduce(hash_pair(99, 3, page), 64)]++;
	for (int i = 0; i < 64; i++)
		assert_in_range(counts[i], 850, 1150);
}

/* ---------------------------------------------------------------- histogram */

static void test_histogram_bounds(void **state)
{
	(void)state;
	for (unsigned i = 8; i < WIRE_HISTOGRAM_BUCKETS; i++) {
		uint64_t floor_ns = histogram_bucket_floor_ns(i);

		assert_int_equal(histogram_bucket(floor_ns), i);
		assert_int_equal(histogram_bucket(floor_ns - 1), i - 1 == 7 ? 6 : i - 1);
		if (i + 1 < WIRE_HISTOGRAM_BUCKETS)
			assert_true((histogram_bucket_floor_ns(i + 1) - floor_ns) * 4 <= floor_ns);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(1), 0);
	assert_int_equal(histogram_bucket(2), 4);
	assert_int_equal(histogram_bucket(3), 6);
	assert_int_equal(histogram_bucket_floor_ns(0), 0);
	assert_int_equal(histogram_bucket_floor_ns(4), 2);
	assert_int_equal(histogram_bucket_floor_ns(6), 3);
	assert_int_equal(histogram_bucket(UINT64_MAX), WIRE_HISTOGRAM_BUCKETS - 1);
	assert_int_equal(histogram_bucket_floor_ns(8), 4);
}

static void test_histogram_quantiles(void **state)
{
	struct wire_histogram histogram = { 0 };

	(void)state;
	assert_int_equal(histogram_quantile_ns(&histogram, 500), 0);
	for (uint64_t value = 1; value <= 100000; value++)
		histogram_add(&histogram, value);
	assert_int_equal(histogram.count, 100000);
	assert_int_equal(histogram.sum_ns, UINT64_C(5000050000));
	assert_int_equal(histogram.min_ns, 1);
	assert_int_equal(histogram.max_ns, 100000);
	assert_in_range(histogram_quantile_ns(&histogram, 500), 49000, 51000);
	assert_in_range(histogram_quantile_ns(&histogram, 990), 97000, 100000);
	assert_int_equal(histogram_quantile_ns(&histogram, 1000), 100000);
	assert_int_equal(histogram_quantile_ns(&histogram, 0), 1);
}

static void test_histogram_one_value(void **state)
{
	static const uint64_t values[] = { 0, 1, 7, 12345, UINT64_C(1) << 39, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct wire_histogram histogram = { 0 };

		histogram_add(&histogram, values[i]);
		for (unsigned permille = 0; permille <= 1000; permille += 100)
			assert_true(histogram_quantile_ns(&histogram, permille) == values[i]);
	}
}

static void test_histogram_merge(void **state)
{
	struct wire_histogram low = { 0 }, high = { 0 }, both = { 0 };

	(void)state;
	for (uint64_t value = 100; value < 200; value++) {
		histogram_add(&low, value);
		histogram_add(&both, value);
		histogram_add(&high, value * 1000);
		histogram_add(&both, value * 1000);
	}
	histogram_merge(&low, &high);
	assert_memory_equal(&low, &both, sizeof(both));
	histogram_merge(&low, &(struct wire_histogram){ 0 });
	assert_memory_equal(&low, &both, sizeof(both));
	memset(&low, 0, sizeof(low));
	histogram_merge(&low, &high);
	assert_memory_equal(&low, &high, sizeof(high));
}

/* Histograms come from peers: any content must be safe to look at. */
static void test_histogram_hostile(void **state)
{
	struct wire_histogram histogram;
	uint64_t value = 5;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(histogram); i++)
			((uint8_t *)&histogram)[i] = (uint8_t)(value = hash_mix(value + 1));
		if (round % 2)
			memset(histogram.buckets, 0, sizeof(histogram.buckets));
		for (unsigned permille = 0; permille <= 1000; permille += 250)
			histogram_quantile_ns(&histogram, permille);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_bytes),
		cmocka_unit_test(test_hash_order_of_words),
		cmocka_unit_test(test_hash_spreads_evenly),
		cmocka_unit_test(test_histogram_bounds),
		cmocka_unit_test(test_histogram_quantiles),
		cmocka_unit_test(test_histogram_one_value),
		cmocka_unit_test(test_histogram_merge),
		cmocka_unit_test(test_histogram_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
