// SPDX-License-Identifier: GPL-2.0-only
/* The region client: tables, placement, requests over a connection that works. */
#include "tests/unit/region_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
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
	struct region_config config = f.config;

	(void)state;
	config.requests_max = 0;
	assert_null(region_client_create(f.memory, &config, 0));
	config = f.config;
	config.done = NULL;
	assert_null(region_client_create(f.memory, &config, 0));
	config = f.config;
	config.give_up_ns = 0;
	assert_null(region_client_create(f.memory, &config, 0));
}

static void vms_have_limits(void **state)
{
	(void)state;
	assert_int_equal(region_vm_create(f.client, 0, 100), 0);
	assert_int_equal(region_vm_create(f.client, 0, 100), -EEXIST);
	assert_int_equal(region_vm_create(f.client, TEST_VMS, 100), -EINVAL);
	assert_int_equal(region_vm_create(f.client, 1, 0), -EINVAL);
	assert_int_equal(region_vm_create(f.client, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(region_vm_create(f.client, 1, TEST_PAGES + 1000), -ENOSPC);
	assert_int_equal(region_vm_create(f.client, 1, TEST_PAGES - 100), 0);
}

static void regions_are_checked(void **state)
{
	struct wire_vm_region good = region_at(0, 1, 1), bad;

	(void)state;
	assert_int_equal(region_vm_create(f.client, 0, REGION_PAGES + 10), 0);
#define REFUSED(field, value) \
	do { \
		bad = good; \
		bad.field = (value); \
		assert_int_equal(region_map(f.client, 0, &bad, f.now_ns), -EINVAL); \
	} while (0)
	REFUSED(index, 2);
	REFUSED(index, UINT32_MAX);
	REFUSED(pages, REGION_PAGES - 1);
	REFUSED(pages, REGION_PAGES + 1);
	REFUSED(epoch, 0);
	REFUSED(rkey, 0);
	REFUSED(node, 0);
	REFUSED(address, 0);
	REFUSED(base, UINT64_MAX - 4096);
#undef REFUSED
	assert_int_equal(region_map(f.client, 1, &good, f.now_ns), -EINVAL);
	assert_int_equal(region_map(f.client, 99, &good, f.now_ns), -EINVAL);
	assert_int_equal(f.roce.connects, 0);

	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), 0);
	assert_false(region_vm_complete(f.client, 0));
	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), 0);
	bad = good;
	bad.rkey++;
	assert_int_equal(region_map(f.client, 0, &bad, f.now_ns), -EINVAL);
	good = region_at(1, 2, 1);
	good.pages = 10;
	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), 0);
	assert_true(region_vm_complete(f.client, 0));
	assert_int_equal(f.roce.connects, 2);
	good.epoch = 5;
	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), 0);
	good.epoch = 4;
	assert_int_equal(region_map(f.client, 0, &good, f.now_ns), -ESTALE);
	assert_true(region_vm_complete(f.client, 0));
}

static void connects_with_its_name(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	assert_int_equal(f.roce.connects, 1);
	assert_int_equal(f.roce.connections[0].remote_address, address_of(7));
	assert_int_equal(f.roce.connections[0].node, 42);
	assert_int_equal(f.roce.connections[0].incarnation, 99);
}

static void waits_with_connecting_until_it_has_a_name(void **state)
{
	(void)state;
	fixture_free(&f);
	fixture_init_as(&f, 0);
	start_vm(&f, 0, 10, 7);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.connects, 0);
	assert_int_equal(region_deadline_ns(f.client), UINT64_MAX);
	region_set_node(f.client, 5);
	assert_true(region_deadline_ns(f.client) <= f.now_ns);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.connects, 1);
}

static void a_page_goes_to_its_address(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	established(&f, 0);
	assert_false(region_page_written(f.client, 0, 3));
	assert_int_equal(region_write(f.client, 0, 3, f.frames[0], 11, f.now_ns), 0);
	assert_int_equal(f.roce.works_count, 1);
	assert_int_equal(f.roce.works[0].address, BASE + 3 * PAGE_BYTES);
	assert_int_equal(f.roce.works[0].rkey, rkey_of(0, 1));
	assert_int_equal(f.roce.works[0].len_bytes, PAGE_BYTES);
	assert_ptr_equal(f.roce.works[0].local, f.frames[0]);
	assert_int_equal(f.roce.works[0].opcode, ROCE_WRITE);
	assert_false(region_page_written(f.client, 0, 3));
	f.now_ns += 7000;
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 1);
	assert_int_equal(f.done[0].cookie, 11);
	assert_true(f.done[0].write);
	assert_int_equal(f.done[0].status, 0);
	assert_int_equal(f.done[0].latency_ns, 7000);
	assert_true(region_page_written(f.client, 0, 3));
	assert_false(region_page_written(f.client, 0, 2));

	assert_int_equal(region_read(f.client, 0, 3, f.frames[1], 12, f.now_ns), 0);
	assert_int_equal(f.roce.works[0].opcode, ROCE_READ);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[1].cookie, 12);
	assert_false(f.done[1].write);
}

static void refuses_pages_that_are_not_there(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	assert_int_equal(region_read(f.client, 0, 10, f.frames[0], 1, f.now_ns), -EFAULT);
	assert_int_equal(region_read(f.client, 0, UINT64_MAX, f.frames[0], 1, f.now_ns), -EFAULT);
	assert_int_equal(region_write(f.client, 1, 0, f.frames[0], 1, f.now_ns), -EFAULT);
	assert_int_equal(region_write(f.client, UINT32_MAX, 0, f.frames[0], 1, f.now_ns), -EFAULT);
	assert_true(region_page_written(f.client, 0, 10));
	assert_true(region_page_written(f.client, 1, 0));
	assert_int_equal(region_vm_create(f.client, 1, 10), 0);	/* but its region is not known yet */
	assert_int_equal(region_read(f.client, 1, 0, f.frames[0], 1, f.now_ns), -EFAULT);
}

static void the_table_of_requests_is_bounded(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	established(&f, 0);
	for (uint32_t i = 0; i < TEST_REQUESTS; i++)
		assert_int_equal(region_read(f.client, 0, i % 10, f.frames[i], i, f.now_ns), 0);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 77, f.now_ns), -EAGAIN);
	assert_int_equal(f.roce.works_count, TEST_DEPTH);	/* the queue pair is full, the rest waits in order */
	for (uint32_t i = 0; i < TEST_REQUESTS; i++)
		work_done(&f, 0, 0);
	assert_int_equal(f.done_count, TEST_REQUESTS);
	for (uint32_t i = 0; i < TEST_REQUESTS; i++)
		assert_int_equal(f.done[i].cookie, i);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 77, f.now_ns), 0);
}

/* The cache begins the next request from within `done`. */
static void done_may_begin_another_request(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	established(&f, 0);
	for (uint32_t i = 0; i < TEST_REQUESTS; i++)
		assert_int_equal(region_read(f.client, 0, i % 10, f.frames[i], i, f.now_ns), 0);
	f.again = 5;
	for (uint32_t i = 0; i < TEST_REQUESTS + 5; i++)
		work_done(&f, 0, 0);
	assert_int_equal(f.done_count, TEST_REQUESTS + 5);
	assert_int_equal(f.roce.works_count, 0);
}

static void written_bits_follow_their_vm(void **state)
{
	(void)state;
	for (uint32_t vm = 0; vm < 3; vm++) {
		start_vm(&f, vm, 100, 7);
		if (vm == 0)
			established(&f, 0);
		assert_int_equal(region_write(f.client, vm, vm, f.frames[0], vm, f.now_ns), 0);
		work_done(&f, 0, 0);
	}
	region_vm_destroy(f.client, 0);
	region_vm_destroy(f.client, 0);
	for (uint64_t page = 0; page < 100; page++) {
		assert_int_equal(region_page_written(f.client, 1, page), page == 1);
		assert_int_equal(region_page_written(f.client, 2, page), page == 2);
	}
	start_vm(&f, 0, 100, 7);
	for (uint64_t page = 0; page < 100; page++)
		assert_false(region_page_written(f.client, 0, page));
	/* The freed bits can be had in one piece. */
	region_vm_destroy(f.client, 1);
	assert_int_equal(region_vm_create(f.client, 1, TEST_PAGES - 200), 0);
	assert_true(region_page_written(f.client, 2, 2));
}

static void hangs_up_on_nodes_that_nobody_needs(void **state)
{
	(void)state;
	start_vm(&f, 0, 10, 7);
	established(&f, 0);
	region_vm_destroy(f.client, 0);
	assert_int_equal(f.roce.disconnects, 0);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.disconnects, 1);
	assert_int_equal(region_deadline_ns(f.client), UINT64_MAX);
	start_vm(&f, 0, 10, 7);
	assert_int_equal(f.roce.connects, 2);
}

static void the_table_of_nodes_is_bounded(void **state)
{
	struct wire_vm_region region;

	(void)state;
	assert_int_equal(region_vm_create(f.client, 0, 10), 0);
	for (uint32_t node = 1; node <= NODES_MAX; node++)
		assert_int_equal(region_node_qpn(f.client, node, address_of(node), f.now_ns), 0);
	region = region_at(0, NODES_MAX + 1, 1);
	region.pages = 10;
	assert_int_equal(region_map(f.client, 0, &region, f.now_ns), -ENOBUFS);
	assert_false(region_vm_complete(f.client, 0));
	region = region_at(0, 3, 1);
	region.pages = 10;
	assert_int_equal(region_map(f.client, 0, &region, f.now_ns), 0);
}

static void others_may_use_the_connection(void **state)
{
	uint32_t qpn;

	(void)state;
	assert_int_equal(region_node_qpn(f.client, 7, address_of(7), f.now_ns), 0);
	assert_int_equal(f.roce.connects, 1);
	established(&f, 0);
	qpn = region_node_qpn(f.client, 7, address_of(7), f.now_ns);
	assert_int_not_equal(qpn, 0);
	assert_int_equal(roce_post_read(&f.roce, qpn, REGION_COOKIE_OTHER | 5, f.frames[0], 64, BASE, 1, f.now_ns), 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.others, 1);
	assert_int_equal(f.done_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_configurations),
		TEST(vms_have_limits),
		TEST(regions_are_checked),
		TEST(connects_with_its_name),
		TEST(waits_with_connecting_until_it_has_a_name),
		TEST(a_page_goes_to_its_address),
		TEST(refuses_pages_that_are_not_there),
		TEST(the_table_of_requests_is_bounded),
		TEST(done_may_begin_another_request),
		TEST(written_bits_follow_their_vm),
		TEST(hangs_up_on_nodes_that_nobody_needs),
		TEST(the_table_of_nodes_is_bounded),
		TEST(others_may_use_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
