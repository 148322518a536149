// SPDX-License-Identifier: GPL-2.0-only
/* The cache: victims, second chance, clean drops, write-backs, rescues, waiters for a way. */
#include "tests/unit/cache_fixture.h"

static struct fixture f;
static struct cache_victim victims[CONFIG_SWEEP_BATCH];

/* One VM over two sets of eight ways, so that one way of each is kept free; pages are picked by set. */
#define WAYS 8u

static uint64_t pages[2][64];		/* pages that fall into the first and into the second set */

static int setup(void **state)
{
	uint32_t found[2] = { 0 };

	(void)state;
	fixture_init(&f, 2 * WAYS, WAYS);
	assert_int_equal(cache_vm_create(f.cache, 0, 2 * WAYS), 0);
	/* The cache's own function: all that matters to the tests is which pages meet in a set. */
	for (uint64_t page = 0; found[0] < 64 || found[1] < 64; page++) {
		uint32_t set = hash_reduce(hash_pair(f.config.hash_key, 0, page), 2);

		if (found[set] < 64)
			pages[set][found[set]++] = page;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

/* Fill the first set with pages[0][0..count). */
static void fill_set(uint32_t count, bool dirty)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(touch(&f, 0, pages[0][i], false, 0, NULL), CACHE_READY);
		if (dirty)
			guest_write(&f, 0, pages[0][i], (uint8_t)(i + 1));
	}
}

static void sweeps_only_sets_that_are_short(void **state)
{
	(void)state;
	fill_set(WAYS - 1, false);
	assert_false(cache_sweep_wanted(f.cache));
	assert_int_equal(sweep(&f), 0);
	fill_set(WAYS, false);
	assert_true(cache_sweep_wanted(f.cache));
	assert_int_equal(sweep(&f), 1);
	assert_false(cache_sweep_wanted(f.cache));
	assert_int_equal(sweep(&f), 0);
}

static void clean_lines_are_dropped_without_a_message(void **state)
{
	(void)state;
	fill_set(WAYS, false);
	assert_int_equal(sweep(&f), 1);
	assert_int_equal(f.regions.requests_count, 0);
	assert_int_equal(status_of(&f, 0).clean_drops, 1);
	assert_int_equal(status_of(&f, 0).shootdowns, 1);
	assert_int_equal(status_of(&f, 0).lines_used, WAYS - 1);
}

/* Everything was touched, so the order is that of arrival: the newest line is safe. */
static void the_page_just_faulted_on_is_not_the_next_victim(void **state)
{
	(void)state;
	fill_set(WAYS, false);
	for (uint32_t i = WAYS; i < 40; i++) {
		sweep(&f);
		assert_int_equal(touch(&f, 0, pages[0][i], false, 0, NULL), CACHE_READY);
		for (uint32_t recent = 0; recent < WAYS - 1; recent++)
			assert_true(is_mapped(&f, 0, pages[0][i - recent]));
	}
}

/* Also when the backend maps with the accessed bit clear, or the shim uses the page without the processor. */
static void a_touch_through_the_cache_counts_as_an_access(void **state)
{
	(void)state;
	fill_set(WAYS, false);
	sweep(&f);
	for (uint32_t i = 0; i < WAYS; i++) {
		if (is_mapped(&f, 0, pages[0][i]) && i != 5)
			assert_int_equal(touch(&f, 0, pages[0][i], false, 0, NULL), CACHE_READY);
	}
	assert_int_equal(touch(&f, 0, pages[0][WAYS], false, 0, NULL), CACHE_READY);
	f.nested[0][pages[0][WAYS]].accessed = false;
	sweep(&f);
	assert_false(is_mapped(&f, 0, pages[0][5]));
	assert_true(is_mapped(&f, 0, pages[0][WAYS]));
}

static void accessed_lines_get_a_second_chance(void **state)
{
	(void)state;
	fill_set(WAYS, false);
	sweep(&f);	/* clears every accessed bit and drops one */
	for (uint32_t i = 0; i < WAYS; i++) {
		if (i != 3)
			f.nested[0][pages[0][i]].accessed = true;
	}
	assert_int_equal(touch(&f, 0, pages[0][WAYS], false, 0, NULL), CACHE_READY);
	assert_true(is_mapped(&f, 0, pages[0][3]));
	sweep(&f);
	assert_false(is_mapped(&f, 0, pages[0][3]));
}

static void dirty_lines_are_written_back_before_reuse(void **state)
{
	uint64_t page = pages[0][0];
	void *frame;

	(void)state;
	fill_set(WAYS, true);
	assert_int_equal(sweep(&f), 1);
	assert_int_equal(f.regions.requests_count, 1);
	assert_true(f.regions.requests[0].write);
	page = f.regions.requests[0].page;
	assert_int_equal(status_of(&f, 0).lines_used, WAYS);
	assert_int_equal(status_of(&f, 0).lines_dirty, 1);
	assert_int_equal(sweep(&f), 0);	/* the one that leaves counts */
	complete(&f, 0, 0);
	assert_int_equal(status_of(&f, 0).write_backs, 1);
	assert_int_equal(status_of(&f, 0).lines_used, WAYS - 1);
	assert_int_equal(status_of(&f, 0).lines_dirty, 0);
	/* It comes back with what the guest wrote. */
	assert_int_equal(touch(&f, 0, page, false, 0, NULL), CACHE_WAIT);
	complete(&f, 0, 0);
	assert_int_equal(touch(&f, 0, page, false, 0, &frame), CACHE_READY);
	for (uint32_t i = 0; i < WAYS; i++) {
		if (pages[0][i] == page)
			assert_frame(frame, (uint8_t)(i + 1));
	}
}

/* The shim writes through its own pointer: the processor's dirty bit knows nothing of it. */
static void pages_written_by_the_shim_are_dirty(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WAYS; i++)
		assert_int_equal(touch(&f, 0, pages[0][i], true, 0, NULL), CACHE_READY);
	assert_int_equal(status_of(&f, 0).lines_dirty, WAYS);
	for (uint32_t i = 0; i < WAYS; i++)
		f.nested[0][pages[0][i]].dirty = false;
	assert_int_equal(sweep(&f), 1);
	assert_int_equal(f.regions.requests_count, 1);
	complete_all(&f);
}

static void never_dirtied_zero_pages_stay_never_written(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 60; i++) {
		assert_int_equal(touch(&f, 0, pages[0][i], false, 0, NULL), CACHE_READY);
		sweep(&f);
	}
	assert_int_equal(f.regions.writes, 0);
	assert_false(f.regions.written[0][pages[0][0]]);
}

static void an_access_before_finish_joins_and_rescues(void **state)
{
	struct wire_vm_status status;
	uint64_t page = 0;

	(void)state;
	fill_set(WAYS, true);
	assert_int_equal(sweep_begin(&f, victims), 1);
	for (uint32_t i = 0; i < WAYS; i++) {
		if (!is_mapped(&f, 0, pages[0][i]))
			page = pages[0][i];
	}
	assert_int_equal(touch(&f, 0, page, false, 1, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, page, true, 2, NULL), CACHE_WAIT);
	sweep_finish(&f, victims, 1);
	assert_int_equal(f.regions.requests_count, 0);
	assert_int_equal(f.woken_count, 2);
	assert_true(is_mapped(&f, 0, page));
	assert_true(f.nested[0][page].dirty);
	status = status_of(&f, 0);
	assert_int_equal(status.rescues, 1);
	assert_int_equal(status.joins, 2);
	assert_int_equal(status.lines_dirty, 1);	/* taken from the nested entry, not written back yet */
	assert_true(cache_sweep_wanted(f.cache));
}

static void an_access_during_write_back_waits_and_rescues(void **state)
{
	uint64_t page;

	(void)state;
	fill_set(WAYS, true);
	sweep(&f);
	page = f.regions.requests[0].page;
	assert_int_equal(touch(&f, 0, page, true, 1, NULL), CACHE_WAIT);
	assert_false(is_mapped(&f, 0, page));	/* the buffer of a request does not change */
	complete(&f, 0, 0);
	assert_int_equal(f.woken_count, 1);
	assert_true(is_mapped(&f, 0, page));
	assert_false(f.nested[0][page].dirty);
	assert_int_equal(status_of(&f, 0).write_backs, 1);
	assert_int_equal(status_of(&f, 0).rescues, 1);
	assert_int_equal(f.regions.reads, 0);
}

static void waiters_for_a_way_get_it_in_order(void **state)
{
	(void)state;
	fill_set(WAYS, true);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(touch(&f, 0, pages[0][20 + i], false, i, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, pages[0][20], false, 9, NULL), CACHE_WAIT);	/* the same page twice */
	assert_int_equal(status_of(&f, 0).set_full_waits, 5);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(cache_sweep_wanted(f.cache));
		assert_int_equal(sweep(&f), 1);
		assert_int_equal(f.regions.requests_count, 1);
		complete(&f, 0, 0);
		assert_true(is_mapped(&f, 0, pages[0][20 + i]));
		assert_int_equal(f.woken_count, i + 2);	/* with the first came its twin */
	}
	assert_ptr_equal(f.woken[0], &f.waiters[0]);
	assert_ptr_equal(f.woken[1], &f.waiters[9]);
	assert_ptr_equal(f.woken[2], &f.waiters[1]);
}

/* A way that frees goes to the waiter even if its page must be fetched first, and when that fails, to the next one. */
static void a_way_is_handed_on_when_the_fill_fails(void **state)
{
	(void)state;
	store_page(&f, 0, pages[0][20], 7);
	store_page(&f, 0, pages[0][21], 8);
	fill_set(WAYS, false);
	assert_int_equal(touch(&f, 0, pages[0][20], false, 0, NULL), CACHE_WAIT);
	assert_int_equal(touch(&f, 0, pages[0][21], false, 1, NULL), CACHE_WAIT);
	sweep(&f);
	assert_int_equal(f.regions.requests_count, 1);
	complete(&f, 0, -EACCES);
	assert_int_equal(f.woken_count, 1);
	assert_int_equal(f.waiters[0].status, -EACCES);
	assert_int_equal(f.regions.requests_count, 1);
	complete(&f, 0, 0);
	assert_int_equal(f.waiters[1].status, 0);
	assert_frame(f.nested[0][pages[0][21]].frame, 8);
}

/* Other vCPUs rescue every victim in the shootdown's window; the waiter gets its way all the same. */
static void rescues_do_not_starve_a_waiter(void **state)
{
	uint32_t rounds = 0;

	(void)state;
	fill_set(WAYS, true);
	assert_int_equal(touch(&f, 0, pages[0][20], false, 0, NULL), CACHE_WAIT);
	while (!is_mapped(&f, 0, pages[0][20])) {
		uint32_t count = sweep_begin(&f, victims);

		assert_true(rounds++ < 20);
		for (uint32_t i = 0; i < WAYS; i++) {
			if (!is_mapped(&f, 0, pages[0][i]))
				assert_int_equal(touch(&f, 0, pages[0][i], false, 1, NULL), CACHE_WAIT);
		}
		sweep_finish(&f, victims, count);
		complete_all(&f);
	}
	assert_true(status_of(&f, 0).rescues > 0);
	/* Who could not rescue its line stands in the queue now and is served as well. */
	while (f.waiters[1].queued) {
		assert_true(rounds++ < 40);
		sweep(&f);
		complete_all(&f);
	}
}

/* Many vCPUs compete for the few ways that are not pinned; none may lose its page before it has used it. */
static void a_page_stays_until_it_was_used_once(void **state)
{
	uint32_t rests = 0;

	(void)state;
	fill_set(WAYS, false);
	f.absent = true;
	sweep(&f);
	assert_int_equal(touch(&f, 0, pages[0][20], false, 0, NULL), CACHE_READY);	/* by a vCPU that runs later */
	for (uint32_t i = 0; i < WAYS; i++) {
		if (is_mapped(&f, 0, pages[0][i]))
			cache_pin(f.cache, 0, pages[0][i]);
	}
	for (uint32_t i = 21; i < 24; i++) {
		assert_int_equal(touch(&f, 0, pages[0][i], false, i, NULL), CACHE_WAIT);
		assert_int_equal(sweep(&f), 1);		/* what was used before leaves first */
	}
	assert_int_equal(sweep(&f), 0);
	assert_false(cache_sweep_wanted(f.cache));
	for (uint32_t i = 20; i < 24; i++)
		assert_true(is_mapped(&f, 0, pages[0][i]));
	while (is_mapped(&f, 0, pages[0][20])) {	/* but not for ever */
		assert_true(cache_deadline_ns(f.cache) > f.now_ns && rests++ < 1000);
		f.now_ns = cache_deadline_ns(f.cache);
		cache_poll(f.cache, f.now_ns);
		assert_true(cache_sweep_wanted(f.cache));
		sweep(&f);
	}
	assert_true(rests > 10);
}

static void a_page_that_was_used_can_go(void **state)
{
	(void)state;
	fill_set(WAYS, false);
	f.absent = true;
	sweep(&f);
	assert_int_equal(touch(&f, 0, pages[0][20], false, 0, NULL), CACHE_READY);
	for (uint32_t i = 0; i < WAYS - 1; i++)
		f.nested[0][pages[0][i]].accessed = true;
	f.nested[0][pages[0][20]].accessed = true;
	for (uint32_t i = 30; i < 50; i++) {
		assert_int_equal(sweep(&f), 1);
		assert_int_equal(touch(&f, 0, pages[0][i], false, 0, NULL), CACHE_READY);
		f.nested[0][pages[0][i]].accessed = true;
	}
	assert_false(is_mapped(&f, 0, pages[0][20]));
}

static void pinned_lines_stay(void **state)
{
	(void)state;
	fill_set(WAYS, true);
	for (uint32_t i = 0; i < WAYS / 2; i++)
		assert_int_equal(cache_pin(f.cache, 0, pages[0][i]), 0);
	assert_int_equal(cache_pin(f.cache, 0, pages[0][WAYS - 1]), -EBUSY);
	assert_int_equal(cache_pin(f.cache, 0, pages[0][0]), 0);
	for (uint32_t i = WAYS; i < 50; i++) {
		if (touch(&f, 0, pages[0][i], true, 0, NULL) == CACHE_WAIT) {
			while (f.waiters[0].queued) {
				sweep(&f);
				complete_all(&f);
			}
			f.woken_count = 0;
		}
	}
	for (uint32_t i = 0; i < WAYS / 2; i++)
		assert_true(is_mapped(&f, 0, pages[0][i]));
	cache_unpin(f.cache, 0, pages[0][0]);
	cache_unpin(f.cache, 0, pages[0][0]);
	for (uint32_t i = 10; i < 50; i++) {
		if (touch(&f, 0, pages[0][i], false, 0, NULL) == CACHE_WAIT) {
			while (f.waiters[0].queued) {
				sweep(&f);
				complete_all(&f);
			}
			f.woken_count = 0;
		}
	}
	assert_false(is_mapped(&f, 0, pages[0][0]));
	assert_true(is_mapped(&f, 0, pages[0][1]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sweeps_only_sets_that_are_short),
		TEST(clean_lines_are_dropped_without_a_message),
		TEST(the_page_just_faulted_on_is_not_the_next_victim),
		TEST(a_touch_through_the_cache_counts_as_an_access),
		TEST(accessed_lines_get_a_second_chance),
		TEST(dirty_lines_are_written_back_before_reuse),
		TEST(pages_written_by_the_shim_are_dirty),
		TEST(never_dirtied_zero_pages_stay_never_written),
		TEST(an_access_before_finish_joins_and_rescues),
		TEST(an_access_during_write_back_waits_and_rescues),
		TEST(waiters_for_a_way_get_it_in_order),
		TEST(a_way_is_handed_on_when_the_fill_fails),
		TEST(rescues_do_not_starve_a_waiter),
		TEST(a_page_stays_until_it_was_used_once),
		TEST(a_page_that_was_used_can_go),
		TEST(pinned_lines_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
