/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crc.h"
#include "lib/hash.h"

#define IEEE UINT32_C(0xEDB88320)
#define CASTAGNOLI UINT32_C(0x82F63B78)
#define SAMPLE_BYTES 4300u
#define GUARD 0x55
#define IMPLEMENTATIONS_MAX 4

static uint8_t sample[SAMPLE_BYTES], copied[SAMPLE_BYTES];

static uint32_t bit_by_bit(uint32_t polynomial, uint32_t state, const uint8_t *bytes, size_t len)
{
	while (len--) {
		state ^= *bytes++;
		for (int i = 0; i < 8; i++)
			state = state >> 1 ^ (state & 1 ? polynomial : 0);
	}
	return state;
}

/* Those that this processor has: a test for one that it has not is no test. */
static size_t implementations(const struct crc_implementation *all[IMPLEMENTATIONS_MAX])
{
	size_t count = 0;

	all[count++] = &crc_sparse;
	all[count++] = &crc_table;
	if (crc_has_clmul())
		all[count++] = &crc_clmul;
	if (crc_has_vpclmul())
		all[count++] = &crc_vpclmul;
	return count;
}

static int fill_sample(void **state)
{
	uint64_t value = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(sample); i++) {
		value = hash_mix(value + i);
		sample[i] = (uint8_t)value;
	}
	return 0;
}

static void test_known_values(void **state)
{
	static const uint8_t ones[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct crc_implementation *all[IMPLEMENTATIONS_MAX];
	size_t count = implementations(all);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(~all[i]->update(~0u, "123456789", 9), 0xcbf43926);
		assert_int_equal(all[i]->update(~0u, ones, sizeof(ones)), CRC32_ICRC_START);
		assert_int_equal(all[i]->update(5, ones, 0), 5);
	}
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

/* Every length and every alignment of short ones; of long ones the lengths around what the loops take at a time. */
static void test_equals_bit_by_bit(void **state)
{
	const struct crc_implementation *all[IMPLEMENTATIONS_MAX];
	size_t count = implementations(all);

	(void)state;
	for (size_t offset = 0; offset < 33; offset++)
		for (size_t len = 0; len <= 300; len++) {
			uint32_t expected = bit_by_bit(IEEE, 0x12345678, sample + offset, len);

			for (size_t i = 0; i < count; i++)
				assert_int_equal(all[i]->update(0x12345678, sample + offset, len), expected);
		}
	for (size_t len = 301; len <= SAMPLE_BYTES - 5; len += len % 16 ? 1 : 113) {
		uint32_t expected = bit_by_bit(IEEE, 7, sample + len % 5, len);

		for (size_t i = 0; i < count; i++)
			assert_int_equal(all[i]->update(7, sample + len % 5, len), expected);
	}
}

static void test_pieces(void **state)
{
	const struct crc_implementation *all[IMPLEMENTATIONS_MAX];
	size_t count = implementations(all);
	uint32_t whole = crc_table.update(~0u, sample, 4100);

	(void)state;
	for (size_t cut = 0; cut <= 4100; cut += cut < 300 ? 1 : 61)
		for (size_t i = 0; i < count; i++)
			assert_int_equal(all[i]->update(all[i]->update(~0u, sample, cut), sample + cut, 4100 - cut), whole);
}

static void test_copy(void **state)
{
	const struct crc_implementation *all[IMPLEMENTATIONS_MAX];
	size_t count = implementations(all);

	(void)state;
	for (size_t i = 0; i < count; i++)
		for (size_t len = 0; len <= 4200; len += len < 300 ? 1 : 61) {
			memset(copied, GUARD, sizeof(copied));
			assert_int_equal(all[i]->copy(~0u, copied + 1, sample + 3, len), crc_table.update(~0u, sample + 3, len));
			assert_memory_equal(copied + 1, sample + 3, len);
			assert_int_equal(copied[0], GUARD);
			assert_int_equal(copied[len + 1], GUARD);
		}
}

static void test_castagnoli(void **state)
{
	(void)state;
	for (size_t offset = 0; offset < 9; offset++)
		for (size_t len = 0; len <= 300; len++)
			assert_int_equal(crc32c(9, sample + offset, len), ~bit_by_bit(CASTAGNOLI, ~9u, sample + offset, len));
	assert_int_equal(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

/* ---------------------------------------------------------------- the choice */

static uint64_t clock_ns, slow_costs_ns, quick_costs_ns;

static uint64_t fake_now_ns(void)
{
	return clock_ns;
}

static uint32_t slow_update(uint32_t state, const void *bytes, size_t len)
{
	clock_ns += slow_costs_ns;
	return crc_table.update(state, bytes, len);
}

static uint32_t quick_update(uint32_t state, const void *bytes, size_t len)
{
	clock_ns += quick_costs_ns;
	return crc_table.update(state, bytes, len);
}

static void test_best_is_what_the_processor_has(void **state)
{
	const struct crc_implementation *all[IMPLEMENTATIONS_MAX];
	size_t count = implementations(all);

	(void)state;
	assert_ptr_equal(crc_best(), all[count - 1]);
}

static void test_fastest_is_measured(void **state)
{
	static const struct crc_implementation slow = { .update = slow_update }, quick = { .update = quick_update };
	const struct crc_implementation *const candidates[2] = { &slow, &quick };

	(void)state;
	slow_costs_ns = 500;
	quick_costs_ns = 400;
	assert_ptr_equal(crc_fastest(candidates, 2, fake_now_ns), &quick);
	slow_costs_ns = 300;
	assert_ptr_equal(crc_fastest(candidates, 2, fake_now_ns), &slow);
	assert_ptr_equal(crc_fastest(candidates, 1, fake_now_ns), &slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_equals_bit_by_bit),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_castagnoli),
		cmocka_unit_test(test_best_is_what_the_processor_has),
		cmocka_unit_test(test_fastest_is_measured),
	};

	return cmocka_run_group_tests(tests, fill_sample, NULL);
}
