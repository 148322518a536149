// SPDX-License-Identifier: GPL-2.0-only
/* The region client: lost connections, refusals, moved regions, giving up. */
#include "tests/unit/region_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	start_vm(&f, 0, 10, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static void reconnects_with_growing_patience(void **state)
{
	uint64_t wait_ns[7], last_ns;

	(void)state;
	for (uint32_t i = 0; i < 7; i++) {
		connection_event(&f, i, i % 2 ? ROCE_EVENT_REJECTED : ROCE_EVENT_UNREACHABLE);
		last_ns = f.now_ns;
		assert_int_equal(f.roce.connects, i + 1);
		f.now_ns = region_deadline_ns(f.client);
		region_poll(f.client, f.now_ns - 1);
		assert_int_equal(f.roce.connects, i + 1);
		region_poll(f.client, f.now_ns);
		assert_int_equal(f.roce.connects, i + 2);
		wait_ns[i] = f.now_ns - last_ns;
	}
	assert_int_equal(wait_ns[0], 50000000);
	assert_int_equal(wait_ns[1], 100000000);
	assert_int_equal(wait_ns[5], 1000000000);
	assert_int_equal(wait_ns[6], 1000000000);
}

static void survives_a_device_without_free_connections(void **state)
{
	(void)state;
	f.roce.connect_fails = true;
	connection_event(&f, 0, ROCE_EVENT_UNREACHABLE);
	f.now_ns = region_deadline_ns(f.client);
	region_poll(f.client, f.now_ns);
	assert_true(region_deadline_ns(f.client) > f.now_ns);
	f.roce.connect_fails = false;
	f.now_ns = region_deadline_ns(f.client);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.connects, 2);
}

static void requests_wait_for_the_connection(void **state)
{
	(void)state;
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	assert_int_equal(region_write(f.client, 0, 2, f.frames[1], 2, f.now_ns), 0);
	assert_int_equal(f.roce.works_count, 0);
	f.now_ns += 500;
	established(&f, 0);
	assert_int_equal(f.roce.works_count, 2);
	f.now_ns += 100;
	work_done(&f, 0, 0);
	assert_int_equal(f.done[0].latency_ns, 100);	/* posted to completed, without the wait */
}

static void requests_of_a_lost_connection_are_repeated(void **state)
{
	(void)state;
	established(&f, 0);
	for (uint32_t i = 0; i < TEST_REQUESTS; i++)
		assert_int_equal(region_write(f.client, 0, i % 10, f.frames[i], i, f.now_ns), 0);
	work_done(&f, 0, 0);	/* it answers, so it is asked again at once when it is lost */
	connection_fails(&f, 0, -ETIMEDOUT);
	assert_int_equal(f.done_count, 1);
	assert_int_equal(f.roce.connects, 2);
	established(&f, 1);
	assert_int_equal(f.roce.works_count, TEST_DEPTH);
	while (f.roce.works_count > 0)
		work_done(&f, 0, 0);
	assert_int_equal(f.done_count, TEST_REQUESTS);
	for (uint32_t i = 0; i < f.done_count; i++)
		assert_int_equal(f.done[i].status, 0);
}

static void a_refusal_is_told_and_the_others_go_on(void **state)
{
	(void)state;
	established(&f, 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(region_read(f.client, 0, i, f.frames[i], i, f.now_ns), 0);
	connection_fails(&f, 0, -EACCES);
	assert_int_equal(f.done_count, 1);
	assert_int_equal(f.done[0].cookie, 0);
	assert_int_equal(f.done[0].status, -EACCES);
	assert_int_equal(f.roce.connects, 2);
	established(&f, 1);
	assert_int_equal(f.roce.works_count, 2);
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 3);
	assert_int_equal(f.done[1].status, 0);
	assert_int_equal(f.done[2].status, 0);
}

static void a_refused_write_is_not_written(void **state)
{
	(void)state;
	established(&f, 0);
	assert_int_equal(region_write(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	connection_fails(&f, 0, -EACCES);
	assert_int_equal(f.done[0].status, -EACCES);
	assert_false(region_page_written(f.client, 0, 1));
}

/* G3: refused by the old replica because the new one serves already. */
static void a_refusal_of_an_old_epoch_moves_on(void **state)
{
	struct wire_vm_region moved = region_at(0, 8, 2);

	(void)state;
	established(&f, 0);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	assert_int_equal(region_write(f.client, 0, 2, f.frames[1], 2, f.now_ns), 0);
	moved.pages = 10;
	assert_int_equal(region_map(f.client, 0, &moved, f.now_ns), 0);
	assert_int_equal(f.roce.connections[1].remote_address, address_of(8));
	connection_fails(&f, 0, -EACCES);
	established(&f, 1);
	assert_int_equal(f.done_count, 0);
	assert_int_equal(f.roce.works_count, 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(f.roce.works[i].rkey, rkey_of(0, 2));
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[0].status, 0);
	assert_int_equal(f.done[1].status, 0);
	region_poll(f.client, f.now_ns);	/* nobody needs the old node any more, and it is not asked again */
	f.now_ns += 10000000000u;
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.connects, 2);
}

/* G3 (I1): stored where the region no longer is does not count; READ there does. */
static void a_write_that_an_old_epoch_took_is_repeated(void **state)
{
	struct wire_vm_region moved = region_at(0, 8, 2);

	(void)state;
	established(&f, 0);
	assert_int_equal(region_write(f.client, 0, 2, f.frames[1], 2, f.now_ns), 0);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	moved.pages = 10;
	assert_int_equal(region_map(f.client, 0, &moved, f.now_ns), 0);
	work_done(&f, 1, 0);
	assert_int_equal(f.done_count, 1);
	assert_int_equal(f.done[0].cookie, 1);
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 1);
	assert_false(region_page_written(f.client, 0, 2));
	established(&f, 1);
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 2);
	assert_true(region_page_written(f.client, 0, 2));
}

static void waiting_requests_follow_a_moved_region(void **state)
{
	struct wire_vm_region moved = region_at(0, 8, 2);

	(void)state;
	start_vm(&f, 1, 10, 7);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	assert_int_equal(region_read(f.client, 1, 1, f.frames[1], 2, f.now_ns), 0);
	assert_int_equal(region_read(f.client, 0, 2, f.frames[2], 3, f.now_ns), 0);
	moved.pages = 10;
	assert_int_equal(region_map(f.client, 0, &moved, f.now_ns), 0);
	established(&f, 1);
	assert_int_equal(f.roce.works_count, 2);
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[0].cookie, 1);
	assert_int_equal(f.done[1].cookie, 3);
	established(&f, 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[2].cookie, 2);
}

static void gives_up_on_an_unreachable_node(void **state)
{
	uint64_t begin_ns;
	uint32_t attempts = 0;

	(void)state;
	f.now_ns += 20000000000u;	/* unreachable for long, but the request is new */
	connection_event(&f, 0, ROCE_EVENT_UNREACHABLE);
	begin_ns = f.now_ns;
	assert_int_equal(region_write(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	while (f.done_count == 0) {
		f.now_ns = region_deadline_ns(f.client);
		assert_true(f.now_ns <= begin_ns + TEST_GIVE_UP_NS);
		region_poll(f.client, f.now_ns);
		if (f.done_count == 0)
			connection_event(&f, ++attempts, ROCE_EVENT_UNREACHABLE);
	}
	assert_int_equal(f.now_ns, begin_ns + TEST_GIVE_UP_NS);
	assert_int_equal(f.done[0].status, -EHOSTUNREACH);
	assert_int_equal(f.done[0].cookie, 1);
	assert_false(region_page_written(f.client, 0, 1));
	/* It goes on trying to connect, and a later request is served. */
	assert_true(region_deadline_ns(f.client) < UINT64_MAX);
	f.now_ns = region_deadline_ns(f.client);
	region_poll(f.client, f.now_ns);
	assert_int_equal(region_write(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	established(&f, f.roce.connects - 1);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[1].status, 0);
}

/* Accepting connections is not serving: a peer that never answers a request is given up on as well. */
static void gives_up_on_a_node_that_only_accepts(void **state)
{
	uint64_t begin_ns = f.now_ns;

	(void)state;
	assert_int_equal(region_write(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	for (uint32_t i = 0; i < 50 && f.done_count == 0; i++) {
		established(&f, f.roce.connects - 1);
		assert_int_equal(f.roce.works_count, 1);
		f.now_ns += 3000000000u;
		connection_fails(&f, f.roce.connects - 1, -ETIMEDOUT);
		if (f.done_count > 0)
			break;
		f.now_ns = region_deadline_ns(f.client);
		region_poll(f.client, f.now_ns);
	}
	assert_int_equal(f.done_count, 1);
	assert_int_equal(f.done[0].status, -EHOSTUNREACH);
	assert_true(f.now_ns >= begin_ns + TEST_GIVE_UP_NS);
}

/* A new name: connections are opened anew, nothing is lost. */
static void a_new_name_reconnects(void **state)
{
	(void)state;
	established(&f, 0);
	assert_int_equal(region_write(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	region_set_node(f.client, 42);
	assert_int_equal(f.roce.disconnects, 0);
	region_set_node(f.client, 43);
	assert_int_equal(f.roce.disconnects, 1);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.connects, 2);
	assert_int_equal(f.roce.connections[1].node, 43);
	established(&f, 1);
	work_done(&f, 0, 0);
	assert_int_equal(f.done[0].status, 0);
}

static void events_of_old_connections_are_ignored(void **state)
{
	(void)state;
	established(&f, 0);
	region_set_node(f.client, 43);
	region_poll(f.client, f.now_ns);
	connection_event(&f, 0, ROCE_EVENT_DISCONNECTED);
	connection_event(&f, 0, ROCE_EVENT_ESTABLISHED);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 1, f.now_ns), 0);
	assert_int_equal(f.roce.works_count, 0);
	established(&f, 1);
	assert_int_equal(f.roce.works_count, 1);
	work_done(&f, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reconnects_with_growing_patience),
		TEST(survives_a_device_without_free_connections),
		TEST(requests_wait_for_the_connection),
		TEST(requests_of_a_lost_connection_are_repeated),
		TEST(a_refusal_is_told_and_the_others_go_on),
		TEST(a_refused_write_is_not_written),
		TEST(a_refusal_of_an_old_epoch_moves_on),
		TEST(a_write_that_an_old_epoch_took_is_repeated),
		TEST(waiting_requests_follow_a_moved_region),
		TEST(gives_up_on_an_unreachable_node),
		TEST(gives_up_on_a_node_that_only_accepts),
		TEST(a_new_name_reconnects),
		TEST(events_of_old_connections_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
