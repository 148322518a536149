// SPDX-License-Identifier: GPL-2.0-only
/* A region's move that goes wrong: places that are silent, refuse or are gone; and moves that are taken back. */
#include "tests/unit/region_move_fixture.h"

static void expect_abandoned(int status)
{
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONED);
	assert_int_equal(moved().status, status);
	assert_int_equal(region_counters(f.client)->moves_abandoned, 1);
	/* The old place serves as if nothing had been. */
	f.done_count = 0;
	assert_int_equal(region_write(f.client, 0, 0, f.frames[30], 60, f.now_ns), 0);
	assert_true(at(f.roce.works_count - 1, ROCE_WRITE, 1, 0));
	work_done(&f, f.roce.works_count - 1, 0);
	assert_int_equal(told(60), 1);
	assert_int_equal(f.done[0].status, 0);
}

static void a_silent_target_is_given_up(void **state)
{
	(void)state;
	write_pages(2);
	begin();
	landed(0);
	work_done(&f, 1, 0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	landed(0);
	assert_int_equal(f.roce.works_count, 2);	/* a write-back and a copy, both at the target */
	assert_true(region_deadline_ns(f.client) <= f.now_ns + DEAD_NS);
	poll_after(DEAD_NS);
	poll_after(1);
	assert_int_equal(told(50), 1);
	assert_int_equal(f.done[0].status, 0);	/* the old place has it */
	expect_abandoned(-EHOSTUNREACH);
}

static void a_target_that_never_answers_is_given_up(void **state)
{
	struct wire_vm_region target = place(NEW, 2);

	(void)state;
	write_pages(2);
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	poll_after(2000000);
	poll_after(1);
	landed(0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 0);
	poll_after(DEAD_NS);
	poll_after(1);
	assert_int_equal(told(50), 1);
	landed(0);
	expect_abandoned(-EHOSTUNREACH);
}

static void a_target_that_refuses_is_given_up(void **state)
{
	(void)state;
	write_pages(2);
	begin();
	landed(0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 2, 0);
	connection_fails(&f, 1, -EACCES);
	poll_after(1);
	assert_int_equal(told(50), 1);
	landed(0);
	poll_after(1);
	expect_abandoned(-EACCES);
}

static void a_target_that_refuses_a_write_back_is_given_up(void **state)
{
	(void)state;
	write_pages(2);
	begin();
	landed(0);
	work_done(&f, 1, 0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	connection_fails(&f, 1, -EIO);
	assert_int_equal(told(50), 1);
	assert_int_equal(f.done[0].status, 0);
	landed(0);
	poll_after(1);
	expect_abandoned(-EIO);
}

static void an_old_place_that_refuses_ends_the_move(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	connection_fails(&f, 0, -EACCES);
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONED);
	assert_int_equal(moved().status, -EACCES);
}

static void an_old_place_that_is_gone_fails_as_without_a_move(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	connection_fails(&f, 0, -ETIMEDOUT);
	assert_int_equal(region_write(f.client, 0, 3, f.frames[20], 50, f.now_ns), 0);
	poll_after(TEST_GIVE_UP_NS);
	poll_after(TEST_GIVE_UP_NS);
	assert_int_equal(told(50), 1);
	assert_int_equal(f.done[0].status, -EHOSTUNREACH);
	poll_after(1);
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONED);
	assert_int_equal(moved().status, -EHOSTUNREACH);
}

static void lost_connections_are_repeated(void **state)
{
	(void)state;
	write_pages(2);
	begin();
	landed(0);
	connection_fails(&f, 0, -ETIMEDOUT);
	connection_fails(&f, 1, -ETIMEDOUT);
	poll_after(100000000);
	assert_int_equal(f.roce.works_count, 0);
	established(&f, 2);
	established(&f, 3);
	assert_int_equal(f.roce.works_count, 2);
	finish();
	assert_int_equal(moved().pages_moved, 2);
}

static void cancelled_moves_end(void **state)
{
	struct wire_vm_region target = place(NEW, 2), next = place(NEW, 3);

	(void)state;
	write_pages(2);
	begin();
	landed(0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 2, 0);			/* waits for the copy */
	assert_int_equal(region_move_cancel(f.client, 0, 0, 2), 0);
	assert_int_equal(region_deadline_ns(f.client), 0);
	assert_int_equal(told(50), 0);		/* nothing is told but from region_poll() */
	poll_after(1);
	assert_int_equal(told(50), 1);
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONING);
	work_done(&f, 1, 0);
	work_done(&f, 0, 0);
	expect_abandoned(-ECANCELED);
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONED);
	assert_int_equal(region_move(f.client, 0, &next, &fast, f.now_ns), 0);
	target.epoch = 1;
	assert_int_equal(region_move_cancel(f.client, 0, 0, 3), 0);
}

static void a_move_that_was_cancelled_before_it_came_never_begins(void **state)
{
	struct wire_vm_region target = place(NEW, 2);

	(void)state;
	write_pages(1);
	assert_int_equal(region_move_cancel(f.client, 0, 3, 2), -EINVAL);
	assert_int_equal(region_move_cancel(f.client, 0, 0, 2), 0);
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	poll_after(2000000);
	assert_int_equal(f.roce.works_count, 0);
	assert_int_equal(moved().state, WIRE_MOVE_ABANDONED);
}

static void a_vm_can_be_forgotten_when_its_move_has_ended(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	assert_false(region_move_stop(f.client, 0));
	poll_after(1);
	assert_false(region_move_stop(f.client, 0));
	work_done(&f, 0, 0);
	assert_true(region_move_stop(f.client, 0));
	region_vm_destroy(f.client, 0);
	region_poll(f.client, f.now_ns);
	assert_int_equal(f.roce.disconnects, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_silent_target_is_given_up),
		TEST(a_target_that_never_answers_is_given_up),
		TEST(a_target_that_refuses_is_given_up),
		TEST(a_target_that_refuses_a_write_back_is_given_up),
		TEST(an_old_place_that_refuses_ends_the_move),
		TEST(an_old_place_that_is_gone_fails_as_without_a_move),
		TEST(lost_connections_are_repeated),
		TEST(cancelled_moves_end),
		TEST(a_move_that_was_cancelled_before_it_came_never_begins),
		TEST(a_vm_can_be_forgotten_when_its_move_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
