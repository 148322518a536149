// SPDX-License-Identifier: GPL-2.0-only
/* The cache: shares that are resized under a running guest (C8), and long random runs of that against a model. */
#include "tests/unit/cache_fixture.h"

static struct fixture f;
static struct cache_victim victims[CONFIG_SWEEP_BATCH];

#define WAYS 4u
#define LINES 64u

static int setup(void **state)
{
	(void)state;
	fixture_init(&f, LINES, WAYS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static struct cache_share share_of(uint32_t vm)
{
	struct cache_share share;

	cache_vm_share(f.cache, vm, &share);
	return share;
}

/* Let the sweeper and the memory component do what they have to do until no share is resized. */
static void settle(uint32_t vm)
{
	for (uint32_t round = 0; share_of(vm).parts; round++) {
		assert_true(round < 1000);
		assert_true(cache_deadline_ns(f.cache) <= f.now_ns || cache_sweep_wanted(f.cache) ||
			    cache_deadline_ns(f.cache) < UINT64_MAX);
		f.now_ns += 1000000;
		cache_poll(f.cache, f.now_ns);
		sweep(&f);
		complete_all(&f);
	}
}

static void refused(void **state)
{
	(void)state;
	assert_int_equal(cache_vm_resize(f.cache, 0, LINES, f.now_ns), -ENOENT);
	assert_int_equal(cache_vm_resize(f.cache, FAKE_VMS, LINES, f.now_ns), -ENOENT);
	assert_int_equal(cache_vm_create(f.cache, 0, 16), 0);
	assert_int_equal(cache_vm_create(f.cache, 1, 16), 0);
	assert_int_equal(cache_vm_resize(f.cache, 0, 2 * WAYS - 1, f.now_ns), -EINVAL);
	assert_int_equal(cache_vm_resize(f.cache, 0, LINES - 16 + WAYS, f.now_ns), -ENOSPC);
	assert_int_equal(cache_vm_resize(f.cache, 0, 16, f.now_ns), 0);
	assert_int_equal(share_of(0).parts, 0);
	assert_int_equal(cache_vm_resize(f.cache, 0, 32, f.now_ns), 0);
	assert_int_equal(cache_vm_resize(f.cache, 0, 24, f.now_ns), -EBUSY);
	assert_int_equal(cache_vm_resize(f.cache, 0, 32, f.now_ns), 0);
	assert_int_equal(cache_lines_free(f.cache), LINES - 48);
	settle(0);
	assert_int_equal(cache_vm_resize(f.cache, 0, 24, f.now_ns), 0);
	assert_int_equal(share_of(0).lines, 32);	/* what it gives up is not free before it is empty */
	settle(0);
	assert_int_equal(share_of(0).lines, 24);
	assert_int_equal(cache_lines_free(f.cache), LINES - 40);
}

/* A guest's pages are there after its share grew, without a READ: they are copied. */
static void a_growing_share_keeps_its_lines(void **state)
{
	uint32_t mapped = 0;

	(void)state;
	assert_int_equal(cache_vm_create(f.cache, 1, 8), 0);
	assert_int_equal(cache_vm_create(f.cache, 0, 8), 0);
	assert_int_equal(cache_vm_create(f.cache, 2, 8), 0);
	assert_int_equal(touch(&f, 2, 7, false, 9, NULL), CACHE_READY);
	guest_write(&f, 2, 7, 77);
	for (uint64_t page = 0; page < 6; page++)
		if (touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY)
			guest_write(&f, 0, page, (uint8_t)(page + 1));
	for (uint64_t page = 0; page < 6; page++)
		mapped += is_mapped(&f, 0, page);
	assert_true(mapped >= 4);
	assert_int_equal(cache_vm_resize(f.cache, 0, 48, f.now_ns), 0);
	settle(0);
	assert_int_equal(share_of(0).lines, 48);
	assert_int_equal(f.regions.reads, 0);
	for (uint64_t page = 0; page < 6; page++) {
		if (!is_mapped(&f, 0, page))
			continue;
		assert_frame(f.nested[0][page].frame, (uint8_t)(page + 1));
		assert_true(f.nested[0][page].dirty);
		mapped--;
	}
	assert_true(mapped <= 1);	/* one that a waiter took the way of */
	assert_frame(f.nested[2][7].frame, 77);
	assert_int_equal(touch(&f, 2, 7, false, 9, NULL), CACHE_READY);
}

static void a_vm_ends_while_its_share_is_resized(void **state)
{
	(void)state;
	for (uint32_t lines = 8; lines <= 48; lines += 40) {
		assert_int_equal(cache_vm_create(f.cache, 0, 56 - lines), 0);
		assert_int_equal(cache_vm_create(f.cache, 1, 8), 0);
		for (uint64_t page = 0; page < 20; page++)
			if (touch(&f, 0, page, false, (uint32_t)page, NULL) == CACHE_READY)
				guest_write(&f, 0, page, 1);
		assert_int_equal(cache_vm_resize(f.cache, 0, lines, f.now_ns), 0);
		sweep(&f);
		assert_int_equal(cache_vm_resize(f.cache, 0, 24, f.now_ns), -EBUSY);
		assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), f.regions.requests_count ? -EAGAIN : 0);
		while (f.regions.requests_count)
			complete(&f, 0, 0);
		assert_int_equal(cache_vm_destroy(f.cache, 0, f.now_ns), 0);
		assert_int_equal(cache_vm_destroy(f.cache, 1, f.now_ns), 0);
		assert_int_equal(cache_lines_free(f.cache), LINES);
		assert_int_equal(cache_deadline_ns(f.cache), UINT64_MAX);
		f.woken_count = 0;
	}
}

/* ------------------------------------------------------------------ random run */

#define RUN_VMS 2u
#define RUN_PAGES 80u

static uint8_t shadow[RUN_VMS][RUN_PAGES];
static uint64_t resizes, failures;

static void run_touch(struct run_vcpu *vcpu, uint32_t vm)
{
	struct nested_entry *entry = &f.nested[vm][vcpu->page];

	assert_frame(entry->frame, shadow[vm][vcpu->page]);
	entry->accessed = true;
	if (vcpu->write)
		guest_write(&f, vm, vcpu->page, shadow[vm][vcpu->page] = (uint8_t)random_below(256));
}

static void run_vcpu(struct run_vcpu *vcpu, uint32_t number)
{
	uint32_t vm = number % RUN_VMS;
	int result;

	if (vcpu->parked && f.waiters[number].queued)
		return;
	if (!vcpu->parked) {
		vcpu->page = random_below(RUN_PAGES);
		vcpu->write = random_below(2) == 0;
	}
	vcpu->parked = false;
	result = is_mapped(&f, vm, vcpu->page) ? CACHE_READY : touch(&f, vm, vcpu->page, false, number, NULL);
	assert_true(result == CACHE_READY || result == CACHE_WAIT);
	if (result == CACHE_READY)
		run_touch(vcpu, vm);
	vcpu->parked = result == CACHE_WAIT;
}

static void run_resize(uint32_t vm)
{
	uint32_t lines = WAYS * (2 + random_below(LINES / WAYS - 3)), sum = cache_lines_free(f.cache) + share_of(vm).lines;
	struct cache_share before = share_of(vm);
	int status = cache_vm_resize(f.cache, vm, lines, f.now_ns);

	if (lines == before.lines_wanted)
		assert_int_equal(status, 0);
	else if (before.parts)
		assert_int_equal(status, -EBUSY);
	else
		assert_int_equal(status, lines > sum ? -ENOSPC : 0);
	resizes += status == 0;
}

/* A third VM comes and goes, so that runs of sets move. */
static void run_neighbour(void)
{
	if (cache_vm_create(f.cache, 2, 2 * WAYS) == -EEXIST)
		assert_int_equal(cache_vm_destroy(f.cache, 2, f.now_ns), 0);
}

static void run_step(struct run_vcpu *vcpus, uint32_t *victims_count, bool failing)
{
	uint32_t vcpu = random_below(RUN_VCPUS);

	switch (random_below(failing ? 10 : 9)) {
	case 0:
	case 9:
		if (f.regions.requests_count == 0)
			break;
		failures += failing && random_below(4) == 0;
		complete(&f, random_below(f.regions.requests_count), failing && random_below(4) == 0 ? -EHOSTUNREACH : 0);
		break;
	case 1:
		sweep_finish(&f, victims, *victims_count);
		*victims_count = sweep_begin(&f, victims);
		break;
	case 2:
		cache_poll(f.cache, f.now_ns);
		break;
	case 3:
		if (random_below(20) == 0)
			run_resize(random_below(RUN_VMS));
		else if (random_below(20) == 0)
			run_neighbour();
		break;
	default:
		run_vcpu(&vcpus[vcpu], vcpu);
	}
	f.woken_count = 0;
	cache_check(f.cache);
}

static void run_seed(uint64_t seed, uint32_t steps)
{
	struct run_vcpu vcpus[RUN_VCPUS] = { 0 };
	uint32_t victims_count = 0;

	random_state = seed;
	memset(shadow, 0, sizeof(shadow));
	f.regions.requests_max = 1 + random_below(8);
	for (uint32_t step = 0; step < steps; step++) {
		f.now_ns += random_below(1000000);
		run_step(vcpus, &victims_count, seed % 2);
	}
	sweep_finish(&f, victims, victims_count);
	/* Everything drains, and every resize ends. */
	for (uint32_t round = 0; round < 400; round++) {
		f.now_ns += UINT64_C(100000000);
		complete_all(&f);
		cache_poll(f.cache, f.now_ns);
		sweep(&f);
		f.woken_count = 0;
	}
	assert_int_equal(f.regions.requests_count, 0);
	for (uint32_t i = 0; i < RUN_VCPUS; i++)
		assert_false(f.waiters[i].queued);
	for (uint32_t vm = 0; vm < RUN_VMS; vm++)
		assert_int_equal(share_of(vm).parts, 0);
}

static void random_runs_never_lose_a_byte_or_a_waiter(void **state)
{
	(void)state;
	resizes = failures = 0;
	for (uint64_t seed = 0; seed < 100; seed++) {
		fixture_free(&f);
		fixture_init(&f, LINES, WAYS);
		for (uint32_t vm = 0; vm < RUN_VMS; vm++)
			assert_int_equal(cache_vm_create(f.cache, vm, 16), 0);
		run_seed(seed, 4000);
	}
	assert_true(resizes > 300 && failures > 100);	/* the run goes where it is meant to */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refused),
		TEST(a_growing_share_keeps_its_lines),
		TEST(a_vm_ends_while_its_share_is_resized),
		TEST(random_runs_never_lose_a_byte_or_a_waiter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
