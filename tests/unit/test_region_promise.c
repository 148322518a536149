// SPDX-License-Identifier: GPL-2.0-only
/* The region client: regions that are only promised. */
#include "tests/unit/region_fixture.h"

#define ASK_NS UINT64_C(1000000000)

static struct fixture f;
static uint32_t wanted_calls, placed_calls;

static void wanted(void *context, uint32_t vm)
{
	assert_ptr_equal(context, &f);
	assert_int_equal(vm, 0);
	wanted_calls++;
}

static void placed(void *context, uint32_t vm, uint64_t now_ns)
{
	assert_ptr_equal(context, &f);
	assert_int_equal(vm, 0);
	assert_int_equal(now_ns, f.now_ns);
	placed_calls++;
}

static struct wire_vm_region promise(uint32_t index)
{
	return (struct wire_vm_region){ .index = index, .pages = REGION_PAGES };
}

/* A VM of two regions, the last one with 10 pages, both promised. */
static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	fixture_free(&f);
	f.config.wanted = wanted;
	f.config.placed = placed;
	f.memory = aligned_alloc(64, region_client_bytes(&f.config));
	f.client = region_client_create(f.memory, &f.config, f.now_ns);
	wanted_calls = placed_calls = 0;
	assert_int_equal(region_vm_create(f.client, 0, REGION_PAGES + 10), 0);
	for (uint32_t index = 0; index < 2; index++) {
		struct wire_vm_region region = promise(index);

		assert_false(region_vm_complete(f.client, 0));
		assert_int_equal(region_promise(f.client, 0, &region), 0);
		assert_int_equal(region_promise(f.client, 0, &region), 0);
	}
	assert_true(region_vm_complete(f.client, 0));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static int store(uint64_t page)
{
	return region_write(f.client, 0, page, f.frames[0], 7, f.now_ns);
}

static void promises_are_checked(void **state)
{
	struct wire_vm_region good = promise(1), bad;

	(void)state;
#define REFUSED(field, value) \
	do { \
		bad = good; \
		bad.field = (value); \
		assert_int_equal(region_promise(f.client, 0, &bad), -EINVAL); \
	} while (0)
	REFUSED(index, 2);
	REFUSED(index, UINT32_MAX);
	REFUSED(epoch, 1);
	REFUSED(rkey, 1);
	REFUSED(node, 7);
	REFUSED(address, 1);
	REFUSED(base, 4096);
#undef REFUSED
	assert_int_equal(region_promise(f.client, 1, &good), -EINVAL);
	assert_int_equal(region_promise(f.client, UINT32_MAX, &good), -EINVAL);
	/* And as a place it is none. */
	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), -EINVAL);
}

/* Nobody asks before something is to be stored; a READ of it cannot be. */
static void nothing_happens_before_the_first_write_back(void **state)
{
	uint32_t index;

	(void)state;
	assert_false(region_page_written(f.client, 0, 3));
	assert_int_equal(region_read(f.client, 0, 3, f.frames[0], 7, f.now_ns), -EFAULT);
	assert_false(region_place_wanted(f.client, 0, &index, f.now_ns + 10 * ASK_NS));
	assert_int_equal(region_place_deadline_ns(f.client, 0), UINT64_MAX);
	assert_int_equal(region_vm_waits_ns(f.client, 0), 0);
	assert_true(region_vm_reachable(f.client, 0));
	assert_int_equal(f.roce.connects, 0);
}

static void a_write_waits_for_its_place(void **state)
{
	struct wire_vm_region place = region_at(1, 7, 1);
	uint32_t index;

	(void)state;
	place.pages = 10;
	/* No request is taken, however many are tried: another VM's go on. */
	for (uint32_t i = 0; i < 4 * TEST_REQUESTS; i++)
		assert_int_equal(store(REGION_PAGES + i % 10), -ENOSPC);
	assert_int_equal(wanted_calls, 1);
	assert_int_equal(region_vm_waits_ns(f.client, 0), f.now_ns);
	assert_false(region_vm_reachable(f.client, 0));
	assert_int_equal(region_place_deadline_ns(f.client, 0), 0);
	assert_true(region_place_wanted(f.client, 0, &index, f.now_ns));
	assert_int_equal(index, 1);
	start_vm(&f, 1, 10, 7);
	established(&f, 0);
	assert_int_equal(region_write(f.client, 1, 0, f.frames[1], 8, f.now_ns), 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 1);

	assert_int_equal(placed_calls, 0);
	assert_int_equal(region_map(f.client, 0, &place, f.now_ns), 0);
	assert_int_equal(placed_calls, 1);
	assert_int_equal(region_map(f.client, 0, &place, f.now_ns), 0);	/* told twice */
	assert_int_equal(placed_calls, 1);
	assert_int_equal(region_vm_waits_ns(f.client, 0), 0);
	assert_true(region_vm_reachable(f.client, 0));
	assert_true(region_vm_complete(f.client, 0));
	assert_false(region_place_wanted(f.client, 0, &index, f.now_ns + 10 * ASK_NS));
	assert_int_equal(store(REGION_PAGES + 1), 0);
	assert_int_equal(f.roce.works[0].rkey, rkey_of(1, 1));
	work_done(&f, 0, 0);
	assert_true(region_page_written(f.client, 0, REGION_PAGES + 1));
	/* The other one is promised as before, this one cannot be any more. */
	assert_int_equal(store(0), -ENOSPC);
	place = promise(1);
	assert_int_equal(region_promise(f.client, 0, &place), -ESTALE);
}

/* Named once, and again each second, whatever becomes of the question; both in one round. */
static void it_is_asked_for_again(void **state)
{
	uint32_t index;

	(void)state;
	assert_int_equal(store(REGION_PAGES), -ENOSPC);
	assert_true(region_place_wanted(f.client, 0, &index, f.now_ns));
	assert_int_equal(index, 1);
	assert_false(region_place_wanted(f.client, 0, &index, f.now_ns));
	assert_int_equal(region_place_deadline_ns(f.client, 0), f.now_ns + ASK_NS);
	f.now_ns += ASK_NS / 2;
	assert_int_equal(store(0), -ENOSPC);
	assert_int_equal(wanted_calls, 2);
	assert_true(region_place_wanted(f.client, 0, &index, f.now_ns));
	assert_int_equal(index, 0);
	/* It could not be sent. */
	region_place_not_asked(f.client, 0, 0);
	assert_int_equal(region_place_deadline_ns(f.client, 0), 0);
	assert_true(region_place_wanted(f.client, 0, &index, f.now_ns));
	assert_int_equal(index, 0);
	f.now_ns += 2 * ASK_NS;
	for (uint32_t round = 0; round < 3; round++) {
		uint32_t seen = 0;

		while (region_place_wanted(f.client, 0, &index, f.now_ns))
			seen |= 1u << index;
		assert_int_equal(seen, 3);
		assert_int_equal(region_place_deadline_ns(f.client, 0), f.now_ns + ASK_NS);
		f.now_ns += ASK_NS;
	}
}

static void a_vm_that_waits_ends(void **state)
{
	uint32_t index;

	(void)state;
	assert_int_equal(store(0), -ENOSPC);
	region_vm_destroy(f.client, 0);
	assert_false(region_place_wanted(f.client, 0, &index, f.now_ns + 2 * ASK_NS));
	assert_int_equal(region_vm_waits_ns(f.client, 0), 0);
	assert_int_equal(region_place_deadline_ns(f.client, 0), UINT64_MAX);
	/* The next VM on the slot knows nothing of it. */
	assert_int_equal(region_vm_create(f.client, 0, 10), 0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[0], 7, f.now_ns), -EFAULT);
	assert_int_equal(region_vm_waits_ns(f.client, 0), 0);
}

static void a_promised_region_is_not_moved(void **state)
{
	const struct wire_move_pace pace = { .slowdown_permille = 1500, .pages_per_second_min = 500 };
	struct wire_vm_region target = region_at(0, 7, 2);

	(void)state;
	assert_int_equal(region_move(f.client, 0, &target, &pace, f.now_ns), -EINVAL);
	assert_int_equal(region_move_cancel(f.client, 0, 0, 2), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(promises_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_happens_before_the_first_write_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_write_waits_for_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_asked_for_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_vm_that_waits_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_promised_region_is_not_moved, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
