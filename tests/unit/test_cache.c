// SPDX-License-Identifier: GPL-2.0-only
/* The cache: shares, the miss path, fills, joins, pins. */
#include "tests/unit/cache_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, 64, 4);
	assert_int_equal(cache_vm_create(f.cache, 0, 16), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static void refuses_bad_configurations(void **state)
{
	struct cache_config config = f.config;

	(void)state;
	config.ways = 1;
	assert_null(cache_create(f.memory, &config));
	config = f.config;
	config.ways = 65;
	assert_null(cache_create(f.memory, &config));
	config = f.config;
	config.lines = (uint8_t *)config.lines + 8;
	assert_null(cache_create(f.memory, &config));
	config = f.config;
	config.lines_count = 2 * config.ways - 1;
	assert_null(cache_create(f.memory, &config));
	config = f.config;
	config.environment.map = NULL;
	assert_null(cache_create(f.memory, &config));
	cache_create(f.memory, &f.config);
	cache_attach(f.cache, &f.regions);
}

static void metadata_is_at_most_64_bytes_a_line(void **state)
{
	struct cache_config small = f.config, large = f.config;

	(void)state;
	for (uint32_t ways = 2; ways <= 64; ways++) {
		small.ways = large.ways = ways;
		small.lines_count = 64 * 128;
		large.lines_count = 64 * 128 + 100000;
		assert_true(cache_bytes(&large) - cache_bytes(&small) <= 64 * 100000 + 256);
	}
}

static void shares_have_limits(void **state)
{
	(void)state;
	assert_int_equal(cache_lines_free(f.cache), 48);
	assert_int_equal(cache_vm_create(f.cache, 0, 16), -EEXIST);
	assert_int_equal(cache_vm_create(f.cache, FAKE_VMS, 16), -EINVAL);
	assert_int_equal(cache_vm_create(f.cache, 1, 7), -EINVAL);
	assert_int_equal(cache_vm_create(f.cache, 1, 0), -EINVAL);
	assert_int_equal(cache_vm_create(f.cache, 1, 52), -ENOSPC);
	assert_int_equal(cache_vm_create(f.cache, 1, UINT32_MAX), -ENOSPC);
	assert_int_equal(cache_vm_create(f.cache, 1, 51), 0);
	assert_int_equal(cache_lines_free(f.cache), 0);
}

/* Freed shares in the middle are whole again: no fragmentation. */
static void shares_do_not_fragment(void **state)
{
	void *frame;

	(void)state;
	assert_int_equal(cache_vm_create(f.cache, 1, 16), 0);
	assert_int_equal(cache_vm_create(f.cache, 2, 16), 0);
	assert_int_equal(cache_vm_create(f.cache, 3, 16), 0);
	assert_int_equal(touch(&f, 3, 7, true, 0, &frame), CACHE_READY);
	memset(frame, 0x33, PAGE_BYTES);
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
	assert_int_equal(cache_vm_destroy(f.cache, 2, f.now_ns), 0);
	cache_check(f.cache);
	assert_int_equal(cache_lines_free(f.cache), 32);
	assert_int_equal(cache_vm_create(f.cache, 2, 32), 0);
	cache_check(f.cache);
	/* VM 3's run moved, its lines did not. */
	assert_int_equal(touch(&f, 3, 7, false, 0, &frame), CACHE_READY);
	assert_frame(frame, 0x33);
	assert_int_equal(status_of(&f, 3).hits, 1);
}

static void refuses_unknown_vms_and_pages(void **state)
{
	(void)state;
	assert_int_equal(touch(&f, 1, 0, false, 0, NULL), -EFAULT);
	assert_int_equal(touch(&f, FAKE_VMS, 0, false, 0, NULL), -EFAULT);
	assert_int_equal(touch(&f, 0, FAKE_PAGES, false, 0, NULL), -EFAULT);
	assert_int_equal(touch(&f, 0, UINT64_MAX, true, 0, NULL), -EFAULT);
	assert_int_equal(status_of(&f, 0).lines_used, 0);
}

static void never_written_pages_are_zeroed_without_a_message(void **state)
{
	void *frame, *again;

	(void)state;
	assert_int_equal(touch(&f, 0, 5, false, 0, &frame), CACHE_READY);
	assert_frame(frame, 0);
	assert_ptr_equal(f.nested[0][5].frame, frame);
	assert_false(f.nested[0][5].dirty);
	assert_int_equal(f.regions.reads, 0);
	assert_int_equal(touch(&f, 0, 5, false, 0, &again), CACHE_READY);
	assert_ptr_equal(again, frame);
	assert_int_equal(status_of(&f, 0).zero_fills, 1);
	assert_int_equal(status_of(&f, 0).hits, 1);
	assert_int_equal(status_of(&f, 0).touches, 2);
}

static void miss_fetches_once_and_wakes_everybody_once(void **state)
{
	void *frame;

	(void)state;
	store_page(&f, 0, 9, 0x42);
	assert_int_equal(touch(&f, 0, 9, false, 0, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, 9, true, 1, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, 9, false, 2, NULL), CACHE_WAIT);
	assert_int_equal(f.regions.requests_count, 1);
	assert_true(f.waiters[1].queued);
	assert_false(is_mapped(&f, 0, 9));
	complete(&f, 0, 0);
	assert_int_equal(f.woken_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_ptr_equal(f.woken[i], &f.waiters[i]);
		assert_int_equal(f.waiters[i].status, 0);
	}
	assert_int_equal(touch(&f, 0, 9, false, 0, &frame), CACHE_READY);
	assert_frame(frame, 0x42);
	assert_int_equal(status_of(&f, 0).joins, 2);
	assert_int_equal(status_of(&f, 0).fills, 1);
	assert_int_equal(status_of(&f, 0).read.count, 1);
	assert_int_equal(status_of(&f, 0).read.max_ns, 5000);
}

static void failed_fill_tells_the_waiters_and_frees_the_line(void **state)
{
	(void)state;
	store_page(&f, 0, 9, 0x42);
	touch(&f, 0, 9, false, 0, NULL);
	touch(&f, 0, 9, false, 1, NULL);
	complete(&f, 0, -EHOSTUNREACH);
	assert_int_equal(f.woken_count, 2);
	assert_int_equal(f.waiters[0].status, -EHOSTUNREACH);
	assert_int_equal(f.waiters[1].status, -EHOSTUNREACH);
	assert_int_equal(status_of(&f, 0).fill_errors, 1);
	assert_int_equal(status_of(&f, 0).lines_used, 0);
	assert_false(is_mapped(&f, 0, 9));
	/* It can be tried again. */
	assert_int_equal(touch(&f, 0, 9, false, 0, NULL), CACHE_WAIT);
	complete(&f, 0, 0);
	assert_int_equal(f.waiters[0].status, 0);
	assert_true(is_mapped(&f, 0, 9));
}

static void full_request_table_postpones_fills(void **state)
{
	(void)state;
	f.regions.requests_max = 1;
	for (uint32_t page = 0; page < 3; page++) {
		store_page(&f, 0, page, (uint8_t)(page + 1));
		assert_int_equal(touch(&f, 0, page, false, page, NULL), CACHE_WAIT);
	}
	assert_int_equal(f.regions.requests_count, 1);
	cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.woken_count, 0);
	complete_all(&f);
	assert_int_equal(f.woken_count, 3);
	for (uint32_t page = 0; page < 3; page++)
		assert_frame(f.nested[0][page].frame, (uint8_t)(page + 1));
}

static void a_postponed_fill_can_fail_too(void **state)
{
	(void)state;
	f.regions.requests_max = 0;
	store_page(&f, 0, 1, 1);
	assert_int_equal(touch(&f, 0, 1, false, 0, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, 1, false, 1, NULL), CACHE_WAIT);
	f.regions.requests_max = 1;
	cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.regions.requests_count, 1);
	complete(&f, 0, -EACCES);
	assert_int_equal(f.woken_count, 2);
	assert_int_equal(f.waiters[1].status, -EACCES);
}

static void vms_do_not_share_pages(void **state)
{
	void *first, *second;

	(void)state;
	assert_int_equal(cache_vm_create(f.cache, 1, 16), 0);
	assert_int_equal(touch(&f, 0, 3, true, 0, &first), CACHE_READY);
	memset(first, 0x77, PAGE_BYTES);
	assert_int_equal(touch(&f, 1, 3, true, 0, &second), CACHE_READY);
	assert_ptr_not_equal(first, second);
	assert_frame(second, 0);
}

static void pins_are_counted_and_limited(void **state)
{
	uint32_t pinned = 0;

	(void)state;
	assert_int_equal(cache_pin(f.cache, 0, 1), -ENOENT);
	assert_int_equal(cache_pin(f.cache, 3, 1), -ENOENT);
	for (uint64_t page = 0; page < 200 && pinned < 8; page++) {
		int status = touch(&f, 0, page, true, 0, NULL);

		if (status == CACHE_WAIT) {
			while (!is_mapped(&f, 0, page)) {
				sweep(&f);
				complete_all(&f);
			}
		}
		status = cache_pin(f.cache, 0, page);
		assert_true(status == 0 || status == -EBUSY);
		pinned += status == 0;
		cache_check(f.cache);
	}
	assert_int_equal(pinned, 8);	/* half of 16 lines */
	cache_unpin(f.cache, 0, 4000);	/* not there: nothing happens */
	cache_check(f.cache);
}

static void destroy_waits_for_requests_and_wakes_waiters(void **state)
{
	struct cache_victim victims[CONFIG_SWEEP_BATCH];
	uint32_t count;

	(void)state;
	for (uint64_t page = 0; page < 40; page++) {	/* more than 16 lines: some wait for a way */
		if (touch(&f, 0, page, true, (uint32_t)page, NULL) == CACHE_READY)
			guest_write(&f, 0, page, 1);
	}
	store_page(&f, 0, 100, 1);
	touch(&f, 0, 100, false, 41, NULL);
	count = sweep_begin(&f, victims);
	assert_true(count > 0);
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), -EAGAIN);
	cache_check(f.cache);
	assert_true(f.woken_count > 0);
	for (uint32_t i = 0; i < f.woken_count; i++)
		assert_int_equal(f.woken[i]->status, -ECONNRESET);
	for (uint32_t i = 0; i < 42; i++)
		assert_false(f.waiters[i].queued);
	assert_int_equal(touch(&f, 0, 1, false, 0, NULL), -EFAULT);
	sweep_finish(&f, victims, count);
	while (f.regions.requests_count > 0) {
		assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), -EAGAIN);
		complete(&f, 0, 0);
	}
	for (uint64_t page = 0; page < FAKE_PAGES; page++)
		assert_false(is_mapped(&f, 0, page));
	assert_int_equal(f.regions.writes, 0);
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
	assert_int_equal(cache_lines_free(f.cache), 64);
	assert_int_equal(cache_vm_create(f.cache, 0, 64), 0);
	assert_int_equal(status_of(&f, 0).touches, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_configurations),
		TEST(metadata_is_at_most_64_bytes_a_line),
		TEST(shares_have_limits),
		TEST(shares_do_not_fragment),
		TEST(refuses_unknown_vms_and_pages),
		TEST(never_written_pages_are_zeroed_without_a_message),
		TEST(miss_fetches_once_and_wakes_everybody_once),
		TEST(failed_fill_tells_the_waiters_and_frees_the_line),
		TEST(full_request_table_postpones_fills),
		TEST(a_postponed_fill_can_fail_too),
		TEST(vms_do_not_share_pages),
		TEST(pins_are_counted_and_limited),
		TEST(destroy_waits_for_requests_and_wakes_waiters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
