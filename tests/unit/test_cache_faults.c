// SPDX-License-Identifier: GPL-2.0-only
/* The cache: failed write-backs (I3), postponed requests, and a long random run against a model (I1). */
#include "tests/unit/cache_fixture.h"

static struct fixture f;
static struct cache_victim victims[CONFIG_SWEEP_BATCH];

#define LINES 8u

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, LINES, 4);
	assert_int_equal(cache_vm_create(f.cache, 0, LINES), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

/* Touch dirty pages until somebody waits for a way, then sweep: a write-back is under way. Returns its page. */
static uint64_t start_write_back(uint32_t *waiting)
{
	uint64_t page = 0;

	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, (uint8_t)(page + 1));
	*waiting = (uint32_t)page;
	assert_int_equal(sweep(&f), 1);
	return f.regions.requests[0].page;
}

static void failed_write_back_keeps_the_line_and_is_tried_again(void **state)
{
	uint32_t waiting;
	uint64_t page = start_write_back(&waiting), used = status_of(&f, 0).lines_used;

	(void)state;
	assert_int_equal(cache_deadline_ns(f.cache), UINT64_MAX);
	complete(&f, 0, -EHOSTUNREACH);
	assert_int_equal(f.failures, 1);
	assert_int_equal(f.failure_status, -EHOSTUNREACH);
	assert_int_equal(status_of(&f, 0).lines_used, used);
	assert_int_equal(status_of(&f, 0).lines_dirty, 1);
	assert_int_equal(status_of(&f, 0).write_back_errors, 1);
	assert_true(f.waiters[waiting].queued);	/* it still waits: its way did not come */

	assert_true(cache_deadline_ns(f.cache) > f.now_ns);
	cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.regions.requests_count, 0);
	f.now_ns = cache_deadline_ns(f.cache);
	cache_poll(f.cache, f.now_ns);
	cache_check(f.cache);
	assert_int_equal(f.regions.requests_count, 1);
	assert_int_equal(f.regions.requests[0].page, page);
	complete(&f, 0, 0);
	assert_frame(f.regions.stored[0][page], (uint8_t)(page + 1));
	assert_false(f.waiters[waiting].queued);
	assert_int_equal(f.waiters[waiting].status, 0);
}

static void an_access_takes_a_failed_line_back(void **state)
{
	uint32_t waiting;
	uint64_t page = start_write_back(&waiting);
	void *frame;

	(void)state;
	complete(&f, 0, -EHOSTUNREACH);
	assert_int_equal(touch(&f, 0, page, false, 20, &frame), CACHE_READY);
	assert_frame(frame, (uint8_t)(page + 1));
	assert_true(f.nested[0][page].dirty);
	assert_int_equal(status_of(&f, 0).lines_dirty, 1);
	assert_int_equal(cache_deadline_ns(f.cache), UINT64_MAX);
	/* It is still the newest copy: the sweeper writes it back later. */
	while (f.waiters[waiting].queued) {
		sweep(&f);
		complete_all(&f);
	}
}

static void joiners_of_a_failed_write_back_get_the_line(void **state)
{
	uint32_t waiting;
	uint64_t page = start_write_back(&waiting);

	(void)state;
	assert_int_equal(touch(&f, 0, page, false, 20, NULL), CACHE_WAIT);
	complete(&f, 0, -EACCES);
	assert_int_equal(f.failures, 1);
	assert_int_equal(f.waiters[20].status, 0);
	assert_false(f.waiters[20].queued);
	assert_true(is_mapped(&f, 0, page));
	assert_frame(f.nested[0][page].frame, (uint8_t)(page + 1));
	assert_int_equal(status_of(&f, 0).lines_dirty, 1);
}

static void a_full_request_table_postpones_write_backs(void **state)
{
	uint32_t waiting;
	uint64_t page = 0;

	(void)state;
	f.regions.requests_max = 0;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, (uint8_t)(page + 1));
	waiting = (uint32_t)page;
	assert_int_equal(sweep(&f), 1);
	assert_int_equal(f.regions.requests_count, 0);
	assert_false(cache_sweep_wanted(f.cache));
	cache_poll(f.cache, f.now_ns);
	cache_check(f.cache);
	f.regions.requests_max = 4;
	cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.regions.requests_count, 1);
	complete(&f, 0, 0);
	assert_false(f.waiters[waiting].queued);
}

/* Nothing was sent yet, so the page need not leave at all. */
static void an_access_takes_a_postponed_line_back(void **state)
{
	uint64_t page = 0, back;

	(void)state;
	f.regions.requests_max = 0;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, (uint8_t)(page + 1));
	assert_int_equal(sweep(&f), 1);
	for (back = 0; is_mapped(&f, 0, back); back++)
		;
	assert_int_equal(touch(&f, 0, back, true, 30, NULL), CACHE_READY);
	assert_true(f.nested[0][back].dirty);
	assert_true(cache_sweep_wanted(f.cache));
	f.regions.requests_max = 4;
	cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.regions.requests_count, 0);
}

static void destroy_drops_failed_and_postponed_lines(void **state)
{
	uint32_t waiting;

	(void)state;
	start_write_back(&waiting);
	complete(&f, 0, -EHOSTUNREACH);
	f.regions.requests_max = 0;
	sweep(&f);
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
	assert_int_equal(cache_deadline_ns(f.cache), UINT64_MAX);
	assert_int_equal(cache_lines_free(f.cache), LINES);
}

/* ------------------------------------------------------------------ regions that have no place yet */

static void place_is_given(void)
{
	f.regions.no_place[0] = false;
	cache_region_placed(f.cache, 0, f.now_ns);
	cache_check(f.cache);
	cache_poll(f.cache, f.now_ns);
	cache_check(f.cache);
}

/* Nothing is wrong with it: no failure, no deadline; however many lines wait, none takes a request. */
static void a_write_back_without_a_place_waits(void **state)
{
	uint64_t page = 0;
	uint32_t waiting;

	(void)state;
	f.regions.no_place[0] = true;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, (uint8_t)(page + 1));
	waiting = (uint32_t)page;
	while (sweep(&f))
		cache_poll(f.cache, f.now_ns);
	assert_int_equal(f.regions.requests_count, 0);
	assert_int_equal(f.failures, 0);
	assert_int_equal(cache_deadline_ns(f.cache), UINT64_MAX);
	assert_int_equal(status_of(&f, 0).write_back_errors, 0);
	f.now_ns += UINT64_C(100000000000);
	cache_poll(f.cache, f.now_ns);
	assert_true(f.waiters[waiting].queued);
	place_is_given();
	assert_true(f.regions.requests_count > 1);
	complete_all(&f);
	assert_false(f.waiters[waiting].queued);
	for (uint64_t stored = 0; stored < page; stored++)
		if (f.regions.stored[0][stored])
			assert_frame(f.regions.stored[0][stored], (uint8_t)(stored + 1));
}

/* Clean lines of the set leave instead: a set is not blocked by what waits. */
static void clean_lines_leave_while_dirty_ones_wait(void **state)
{
	uint64_t page = 0;
	uint32_t waiting;

	(void)state;
	f.regions.no_place[0] = true;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		if (page % 2)
			guest_write(&f, 0, page, 1);
	waiting = (uint32_t)page;
	for (uint32_t i = 0; i < 8 && f.waiters[waiting].queued; i++)
		sweep(&f);
	assert_false(f.waiters[waiting].queued);
	assert_int_equal(f.regions.requests_count, 0);
}

static void an_access_takes_a_line_without_a_place_back(void **state)
{
	uint64_t page = 0, back;
	void *frame;

	(void)state;
	f.regions.no_place[0] = true;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, (uint8_t)(page + 1));
	assert_int_equal(sweep(&f), 1);
	for (back = 0; is_mapped(&f, 0, back); back++)
		;
	assert_int_equal(touch(&f, 0, back, false, 30, &frame), CACHE_READY);
	assert_frame(frame, (uint8_t)(back + 1));
	place_is_given();
	assert_int_equal(f.regions.requests_count, 0);
	while (f.waiters[page].queued) {
		sweep(&f);
		complete_all(&f);
	}
}

static void destroy_drops_lines_without_a_place(void **state)
{
	uint64_t page = 0;

	(void)state;
	f.regions.no_place[0] = true;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, 1);
	while (sweep(&f))
		;
	assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
	assert_int_equal(f.waiters[page].status, -ECONNRESET);
	assert_int_equal(cache_lines_free(f.cache), LINES);
	assert_int_equal(cache_vm_create(f.cache, 0, LINES), 0);
	place_is_given();
}

/* Who waits for a way, or for a page that is being fetched, need not. */
static void a_wait_can_be_ended(void **state)
{
	uint64_t page = 0;
	uint32_t waiting;

	(void)state;
	f.regions.no_place[0] = true;
	for (; touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY; page++)
		guest_write(&f, 0, page, 1);
	waiting = (uint32_t)page;
	assert_int_equal(touch(&f, 0, page, false, waiting + 1, NULL), CACHE_WAIT);
	f.woken_count = 0;
	cache_wait_end(f.cache, 0, &f.waiters[waiting], -ECANCELED);
	cache_wait_end(f.cache, 0, &f.waiters[waiting], -EIO);		/* it is not queued */
	cache_check(f.cache);
	assert_int_equal(f.waiters[waiting].status, -ECANCELED);
	assert_int_equal(f.woken_count, 0);
	assert_true(f.waiters[waiting + 1].queued);
	while (sweep(&f))
		;
	place_is_given();
	complete_all(&f);
	assert_false(f.waiters[waiting + 1].queued);
	store_page(&f, 0, 100, 7);
	while (touch(&f, 0, 100, false, 40, NULL) == CACHE_WAIT && f.regions.requests_count == 0) {
		cache_wait_end(f.cache, 0, &f.waiters[40], -ECANCELED);
		sweep(&f);
		complete_all(&f);
	}
	cache_wait_end(f.cache, 0, &f.waiters[40], -ECANCELED);
	assert_int_equal(f.waiters[40].status, -ECANCELED);
	complete_all(&f);
	assert_int_equal(touch(&f, 0, 100, false, 40, NULL), CACHE_READY);
}

/* ------------------------------------------------------------------ random run */

#define RUN_PAGES 40u

static uint8_t shadow[RUN_PAGES];

/* What a vCPU does once its page is mapped: check it, maybe change it. */
static void run_touch(struct run_vcpu *vcpu)
{
	struct nested_entry *entry = &f.nested[0][vcpu->page];

	assert_frame(entry->frame, shadow[vcpu->page]);
	entry->accessed = true;
	if (vcpu->write)
		guest_write(&f, 0, vcpu->page, shadow[vcpu->page] = (uint8_t)random_below(256));
}

static void run_vcpu(struct run_vcpu *vcpu, uint32_t number)
{
	if (vcpu->parked && f.waiters[number].queued)
		return;
	if (!vcpu->parked) {
		vcpu->page = random_below(RUN_PAGES);
		vcpu->write = random_below(2) == 0;
	}
	vcpu->parked = false;
	if (is_mapped(&f, 0, vcpu->page)) {
		run_touch(vcpu);
		return;
	}
	switch (touch(&f, 0, vcpu->page, false, number, NULL)) {
	case CACHE_READY:
		run_touch(vcpu);
		break;
	case CACHE_WAIT:
		vcpu->parked = true;
		break;
	default:
		fail();
	}
}

static void run_complete(void)
{
	static const int statuses[] = { 0, 0, 0, 0, 0, 0, -EHOSTUNREACH, -EACCES };

	if (f.regions.requests_count > 0)
		complete(&f, random_below(f.regions.requests_count), statuses[random_below(8)]);
	f.woken_count = 0;
}

static void run_seed(uint64_t seed, uint32_t steps)
{
	struct run_vcpu vcpus[RUN_VCPUS] = { 0 };
	uint32_t victims_count = 0;

	random_state = seed;
	memset(shadow, 0, sizeof(shadow));
	f.regions.requests_max = 1 + random_below(6);
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t vcpu = random_below(RUN_VCPUS);

		f.now_ns += random_below(50000000);
		switch (random_below(4)) {
		case 0:
			run_complete();
			break;
		case 1:
			sweep_finish(&f, victims, victims_count);
			victims_count = sweep_begin(&f, victims);
			break;
		case 2:
			cache_poll(f.cache, f.now_ns);
			break;
		default:
			run_vcpu(&vcpus[vcpu], vcpu);
		}
		/* Regions without a place: now and then, for a while. */
		if (random_below(50) == 0 && !f.regions.no_place[0])
			f.regions.no_place[0] = true;
		else if (random_below(50) == 0 && f.regions.no_place[0])
			place_is_given();
		if (vcpus[vcpu].parked && random_below(20) == 0)
			cache_wait_end(f.cache, 0, &f.waiters[vcpu], -ECANCELED);
		f.woken_count = 0;
		cache_check(f.cache);
	}
	sweep_finish(&f, victims, victims_count);
	place_is_given();
	/* Everything drains: no lost wake-up. */
	for (uint32_t round = 0; round < 200; round++) {
		f.now_ns += UINT64_C(100000000);
		complete_all(&f);
		sweep(&f);
		cache_poll(f.cache, f.now_ns);
		f.woken_count = 0;
	}
	assert_int_equal(f.regions.requests_count, 0);
	for (uint32_t i = 0; i < RUN_VCPUS; i++)
		assert_false(f.waiters[i].queued);
}

static void random_runs_never_lose_a_byte_or_a_waiter(void **state)
{
	static const uint32_t geometries[4][2] = { { 8, 4 }, { 16, 8 }, { 6, 2 }, { 32, 16 } };
	uint64_t rescues = 0, errors = 0, full = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		uint32_t lines = geometries[seed % 4][0];

		fixture_free(&f);
		fixture_init(&f, lines, geometries[seed % 4][1]);
		assert_int_equal(cache_vm_create(f.cache, 0, lines), 0);
		run_seed(seed, 1500);
		rescues += status_of(&f, 0).rescues;
		errors += status_of(&f, 0).write_back_errors;
		full += status_of(&f, 0).set_full_waits;
	}
	assert_true(rescues > 100 && errors > 100 && full > 100);	/* the run goes where it is meant to */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(failed_write_back_keeps_the_line_and_is_tried_again),
		TEST(an_access_takes_a_failed_line_back),
		TEST(joiners_of_a_failed_write_back_get_the_line),
		TEST(a_full_request_table_postpones_write_backs),
		TEST(an_access_takes_a_postponed_line_back),
		TEST(destroy_drops_failed_and_postponed_lines),
		TEST(a_write_back_without_a_place_waits),
		TEST(clean_lines_leave_while_dirty_ones_wait),
		TEST(an_access_takes_a_line_without_a_place_back),
		TEST(destroy_drops_lines_without_a_place),
		TEST(a_wait_can_be_ended),
		TEST(random_runs_never_lose_a_byte_or_a_waiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
