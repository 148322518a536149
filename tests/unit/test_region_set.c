/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions: names, epochs, accounting, tables; their content is tested over the wire in test_mcomponent.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <plenum/status.h>

#include "lib/zero.h"
#include "mcomponent/mcomponent.h"
#include "tests/unit/wire_pair.h"

#define PAGES 4096u

struct fixture {
	struct wire wire;
	struct region_set set;
	void *tables, *frames;
};

static void *zeroed(size_t bytes)
{
	void *memory;

	bytes = (bytes + 63) & ~(size_t)63;
	memory = aligned_alloc(64, bytes);
	assert_non_null(memory);
	memset(memory, 0, bytes);
	return memory;
}

static int setup(void **state)
{
	struct fixture *fixture = zeroed(sizeof(*fixture));
	struct roce_limits limits = { 0 };

	wire_init(&fixture->wire, 3);
	mcomponent_limits(PAGES, &limits);
	wire_add(&fixture->wire, &limits, 4096);
	fixture->tables = zeroed(region_set_table_bytes(PAGES));
	fixture->frames = aligned_alloc(PAGE_BYTES, (size_t)PAGES * PAGE_BYTES);
	assert_non_null(fixture->frames);
	memset(fixture->frames, 0xee, (size_t)PAGES * PAGE_BYTES);
	region_set_init(&fixture->set, fixture->tables, fixture->frames, PAGES, fixture->wire.ends[0].device);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	wire_free(&fixture->wire);
	free(fixture->tables);
	free(fixture->frames);
	free(fixture);
	return 0;
}

static int create(struct fixture *fixture, uint64_t vm, uint32_t index, uint32_t epoch, uint32_t pages)
{
	const struct wire_region_create body = { vm, index, epoch, 5, pages };
	struct region *region = NULL;
	int status = region_set_create(&fixture->set, &body, &region);

	assert_true((status == 0) == (region != NULL));
	if (status == 0) {
		assert_ptr_equal(region, region_set_find(&fixture->set, vm, index));
		assert_int_not_equal(region->rkey, 0);
	}
	return status;
}

static int destroy(struct fixture *fixture, uint64_t vm, uint32_t index, uint32_t epoch)
{
	const struct wire_region_name name = { vm, index, epoch };

	return region_set_destroy(&fixture->set, &name);
}

static void names_and_epochs(void **state)
{
	struct fixture *fixture = *state;
	struct wire_region_epoch raise = { 1, 2, 8, 6, 0 };
	struct region *region = NULL;
	uint32_t rkey;

	assert_int_equal(create(fixture, 1, 2, 7, 10), 0);
	rkey = region_set_find(&fixture->set, 1, 2)->rkey;
	/* The same said again is answered with what there is; anything else of that name is another region. */
	assert_int_equal(create(fixture, 1, 2, 7, 10), 0);
	assert_int_equal(region_set_find(&fixture->set, 1, 2)->rkey, rkey);
	assert_int_equal(fixture->set.regions_used, 1);
	assert_int_equal(create(fixture, 1, 2, 7, 11), -EEXIST);
	assert_int_equal(create(fixture, 1, 2, 6, 10), -ESTALE);
	assert_int_equal(create(fixture, 1, 2, 9, 10), -EEXIST);
	assert_int_equal(create(fixture, 1, 3, 1, 10), 0);
	assert_int_equal(create(fixture, 2, 2, 1, 10), 0);
	rkey = region_set_find(&fixture->set, 1, 2)->rkey;

	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), 0);
	assert_int_equal(region->epoch, 8);
	assert_int_equal(region->owner_node, 6);
	assert_int_not_equal(region->rkey, rkey);
	rkey = region->rkey;
	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), -ESTALE);
	raise.epoch = 3;
	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), -ESTALE);
	raise.epoch = 20;
	raise.owner_node = 0;
	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), -EINVAL);
	raise.owner_node = 6;
	raise.index = 77;
	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), -ENOENT);
	assert_int_equal(region->rkey, rkey);
	assert_int_equal(region->epoch, 8);

	assert_int_equal(destroy(fixture, 1, 2, 7), -ESTALE);
	assert_int_equal(destroy(fixture, 1, 77, 7), -ENOENT);
	assert_int_equal(destroy(fixture, 1, 2, 8), 0);
	assert_int_equal(destroy(fixture, 1, 2, 8), -ENOENT);
	assert_int_equal(fixture->set.regions_used, 2);
	assert_int_equal(fixture->set.pages_reserved, 20);
	/* Gone is gone: the name may come again, with any epoch. */
	assert_int_equal(create(fixture, 1, 2, 1, 10), 0);
}

static void bad_requests(void **state)
{
	struct fixture *fixture = *state;
	const struct wire_region_create no_owner = { 1, 1, 1, 0, 1 };
	struct region *region = NULL;

	assert_int_equal(create(fixture, 1, 1, 0, 10), -EINVAL);
	assert_int_equal(create(fixture, 1, 1, 1, 0), -EINVAL);
	assert_int_equal(create(fixture, 1, 1, 1, REGION_PAGES + 1), -EINVAL);
	assert_int_equal(create(fixture, 1, 1, 1, UINT32_MAX), -EINVAL);
	assert_int_equal(region_set_create(&fixture->set, &no_owner, &region), -EINVAL);
	assert_int_equal(fixture->set.pages_reserved, 0);
	assert_int_equal(fixture->set.regions_used, 0);
	/* The highest index: its base does not wrap. */
	assert_int_equal(create(fixture, 1, UINT32_MAX, 1, 1), 0);
	assert_true(region_set_base(region_set_find(&fixture->set, 1, UINT32_MAX)) == (uint64_t)UINT32_MAX << REGION_SHIFT);
}

static void full(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(create(fixture, 1, 0, 1, PAGES - 1), 0);
	assert_int_equal(create(fixture, 1, 1, 1, 2), -ENOSPC);
	assert_int_equal(create(fixture, 1, 1, 1, 1), 0);
	assert_int_equal(fixture->set.pages_reserved, PAGES);
	assert_int_equal(create(fixture, 1, 2, 1, 1), -ENOSPC);
	assert_int_equal(destroy(fixture, 1, 1, 1), 0);
	assert_int_equal(create(fixture, 1, 2, 1, 1), 0);
}

/* Tiny regions use a table each: they run out of tables or descriptors before pages, and are refused, not asserted. */
static void many_tiny_regions(void **state)
{
	struct fixture *fixture = *state;
	uint32_t made = 0;

	for (unsigned round = 0; round < 3; round++) {
		for (made = 0; create(fixture, 1, made, 1, 1) == 0; made++)
			;
		assert_true(made > 0 && made <= fixture->set.regions_max);
		assert_int_equal(create(fixture, 1, made, 1, 1), -ENOSPC);
		for (uint32_t i = 0; i < made; i++)
			assert_int_equal(destroy(fixture, 1, i, 1), 0);
		assert_int_equal(fixture->set.free_tables_count, fixture->set.tables_total);
		assert_int_equal(fixture->set.pages_reserved, 0);
	}
}

static uint32_t first_of(struct fixture *fixture, uint64_t vm)
{
	return region_set_find(&fixture->set, vm, 0)->first_frame;
}

/* Flat: runs of zeroed frames that do not meet; small ones from the end down. */
static void flat_runs(void **state)
{
	struct fixture *fixture = *state;
	struct wire_region_epoch raise = { 3, 0, 2, 6, 0 };
	struct region *region;

	region_set_make_flat(&fixture->set);
	for (uint64_t vm = 1; vm <= 4; vm++)
		assert_int_equal(create(fixture, vm, 0, 1, 1000), 0);
	assert_int_equal(first_of(fixture, 1), PAGES - 1000);
	assert_int_equal(first_of(fixture, 4), PAGES - 4000);
	region = region_set_find(&fixture->set, 3, 0);
	assert_ptr_equal(region_flat_bytes(region), (uint8_t *)fixture->frames + (size_t)(PAGES - 3000) * PAGE_BYTES);
	assert_true(bytes_are_zero(region_flat_bytes(region), 1000 * PAGE_BYTES));
	assert_int_equal(fixture->set.store.free_count, PAGES - 4000);
	/* What was written stays over a raised epoch, and is gone for the next region there. */
	memset(region_flat_bytes(region), 0x5a, 1000 * PAGE_BYTES);
	assert_int_equal(region_set_raise_epoch(&fixture->set, &raise, &region), 0);
	assert_int_equal(first_of(fixture, 3), PAGES - 3000);
	assert_int_equal(region_flat_bytes(region)[999 * PAGE_BYTES], 0x5a);
	assert_int_equal(destroy(fixture, 3, 0, 2), 0);
	assert_int_equal(create(fixture, 5, 0, 1, 500), 0);
	assert_int_equal(first_of(fixture, 5), PAGES - 2500);
	assert_true(bytes_are_zero(region_flat_bytes(region_set_find(&fixture->set, 5, 0)), 500 * PAGE_BYTES));
	/* 596 frames are free, 500 of them in one piece. */
	assert_int_equal(create(fixture, 6, 0, 1, 501), -ENOSPC);
	assert_int_equal(create(fixture, 6, 0, 1, 500), 0);
	assert_int_equal(first_of(fixture, 6), PAGES - 3000);
	assert_int_equal(fixture->set.store.free_count, 96);
}

static void cost_per_page(void **state)
{
	static const uint32_t sizes[] = { MCOMPONENT_PAGES_MIN, 50000, 131072, 1u << 20, 1u << 26 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t pages = sizes[i];
		size_t bytes = (size_t)pages * PAGE_BYTES + region_set_table_bytes(pages);

		assert_true(region_set_table_bytes(pages) <= (size_t)pages * MCOMPONENT_BYTES_PER_PAGE_MAX);
		/* All of it can be promised as full regions, up to the limit, and the sizing is its own inverse. */
		assert_true(region_set_regions_max(pages) > pages / REGION_PAGES ||
			    region_set_regions_max(pages) == MCOMPONENT_REGIONS_MAX);
		assert_int_equal(region_set_pages_for(bytes), pages);
		assert_int_equal(region_set_pages_for(bytes - 1), pages - 1);
	}
	assert_int_equal(region_set_pages_for(0), 0);
	assert_int_equal(region_set_pages_for(PAGE_BYTES), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_epochs, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
		cmocka_unit_test_setup_teardown(many_tiny_regions, setup, teardown),
		cmocka_unit_test_setup_teardown(flat_runs, setup, teardown),
		cmocka_unit_test(cost_per_page),
	};

	return cmocka_run_group_tests_name("region_set", tests, NULL, NULL);
}
