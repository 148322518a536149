// SPDX-License-Identifier: GPL-2.0-only
/* A region's move, step by step: what is copied, what goes to both places, and how fast. */
#include "tests/unit/region_move_fixture.h"

/* ------------------------------------------------------------------ what is copied */

static void copies_what_was_written_and_switches(void **state)
{
	(void)state;
	write_pages(3);
	begin();
	assert_int_equal(f.roce.works_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(at(i, ROCE_READ, 1, i));
	landed(0);
	assert_true(at(2, ROCE_WRITE, 2, 0));
	assert_int_equal(moved().state, WIRE_MOVE_COPYING);
	assert_int_equal(moved().pages, PAGES);
	finish();
	assert_int_equal(moved().pages_moved, 3);
	assert_int_equal(moved().pages_moved_again, 0);
	assert_int_equal(moved().bytes, 3 * PAGE_BYTES);
	assert_int_equal(f.done_count, 0);
	assert_int_equal(region_counters(f.client)->pages_moved, 3);
	assert_int_equal(region_counters(f.client)->moves_done, 1);
	/* Fills and write-backs are the new place's; the old node's connection is not needed any more. */
	assert_int_equal(f.roce.disconnects, 1);
	assert_int_equal(region_read(f.client, 0, 1, f.frames[0], 40, f.now_ns), 0);
	assert_int_equal(region_write(f.client, 0, 2, f.frames[1], 41, f.now_ns), 0);
	assert_true(at(0, ROCE_READ, 2, 1) && at(1, ROCE_WRITE, 2, 2));
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(told(40) + told(41), 2);
}

static void nothing_written_is_moved_at_once(void **state)
{
	(void)state;
	begin();
	assert_int_equal(f.roce.works_count, 0);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
}

static void zeros_are_not_sent(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	memset((void *)(uintptr_t)f.roce.works[0].local, 0, PAGE_BYTES);
	work_done(&f, 0, 0);
	assert_int_equal(f.roce.works_count, 0);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
	assert_int_equal(moved().pages_zero, 1);
	assert_int_equal(moved().bytes, 0);
}

static void copies_are_bounded(void **state)
{
	(void)state;
	write_pages(PAGES);
	begin();
	assert_int_equal(f.roce.works_count, 8);
	landed(0);
	assert_int_equal(f.roce.works_count, 8);	/* its WRITE takes its place */
	finish();
	assert_int_equal(moved().pages_moved, PAGES);
}

static void asking_again_changes_nothing(void **state)
{
	struct wire_vm_region target = place(NEW, 2);

	(void)state;
	write_pages(2);
	begin();
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	assert_int_equal(f.roce.works_count, 2);
	target.rkey++;
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), -EINVAL);
	target.rkey--;
	finish();
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
	assert_int_equal(f.roce.works_count, 0);
}

static void refusals(void **state)
{
	struct wire_vm_region target = place(NEW, 2), map = place(OLD, 9);
	struct wire_move_pace pace = fast;
	struct wire_vm_region_moved answer;

	(void)state;
	for (uint32_t vm = 1; vm < 4; vm++)
		start_vm(&f, vm, PAGES, OLD);
	assert_int_equal(region_move(f.client, 99, &target, &fast, f.now_ns), -EINVAL);
	assert_int_equal(region_move_status(f.client, 0, 0, 2, &answer, f.now_ns), -ENOENT);
	assert_int_equal(region_move_status(f.client, 0, UINT32_MAX, 2, &answer, f.now_ns), -ENOENT);
	pace.pages_per_second_min = 0;
	assert_int_equal(region_move(f.client, 0, &target, &pace, f.now_ns), -EINVAL);
	pace = fast;
	pace.slowdown_permille = 999;
	assert_int_equal(region_move(f.client, 0, &target, &pace, f.now_ns), -EINVAL);
	target.epoch = 1;
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), -EINVAL);
	target = place(OLD, 2);
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), -EINVAL);
	target = place(NEW, 2);
	target.index = 5;
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), -EINVAL);
	target = place(NEW, 2);
	write_pages(1);
	for (uint32_t vm = 0; vm < TEST_MOVES; vm++)
		assert_int_equal(region_move(f.client, vm, &target, &fast, f.now_ns), 0);
	assert_int_equal(region_move(f.client, 2, &target, &fast, f.now_ns), -EBUSY);
	assert_int_equal(region_map(f.client, 0, &map, f.now_ns), -EBUSY);
	target.epoch = 3;
	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), -EBUSY);
}

/* ------------------------------------------------------------------ write-backs meanwhile */

static void a_passed_page_is_stored_on_both_before_it_is_told(void **state)
{
	(void)state;
	write_pages(2);
	begin();
	landed(0);
	work_done(&f, 1, 0);			/* page 0 is on the target, page 1 is being read */
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	assert_true(at(1, ROCE_WRITE, 1, 0));
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 0);
	assert_true(at(1, ROCE_WRITE, 2, 0));
	assert_ptr_equal(f.roce.works[1].local, f.frames[20]);
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 1);
	assert_int_equal(moved().write_backs_mirrored, 1);
	finish();
}

static void a_page_that_is_not_passed_is_stored_on_the_old_place_only(void **state)
{
	const struct wire_move_pace slow = { .slowdown_permille = 1500, .pages_per_second_min = 1 };
	struct wire_vm_region target = place(NEW, 2);

	(void)state;
	write_pages(PAGES);
	assert_int_equal(region_move(f.client, 0, &target, &slow, f.now_ns), 0);
	established(&f, 1);
	assert_int_equal(f.roce.works_count, 1);	/* page 0 is copied, the others are to come */
	assert_int_equal(region_write(f.client, 0, 9, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 1);
	while (moved().pages_passed < PAGES) {
		while (f.roce.works_count > 0)
			landed(0);
		poll_after(1000000000);
	}
	finish();
	assert_int_equal(moved().write_backs_mirrored, 0);
	assert_int_equal(moved().pages_moved, PAGES);
}

static void a_write_overtakes_a_copy_that_is_being_read(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	landed(0);				/* may be old or new, or both: it is not sent */
	assert_int_equal(f.roce.works_count, 1);
	assert_true(at(0, ROCE_WRITE, 1, 0));
	assert_int_equal(moved().state, WIRE_MOVE_SWITCHED);	/* the WRITE goes to the new place in any case */
	work_done(&f, 0, 0);
	assert_int_equal(told(50), 0);
	assert_true(at(0, ROCE_WRITE, 2, 0));
	assert_ptr_equal(f.roce.works[0].local, f.frames[20]);
	work_done(&f, 0, 0);
	assert_int_equal(told(50), 1);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
	assert_int_equal(moved().pages_moved, 0);
}

static void a_write_waits_for_a_copy_that_is_being_sent(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	landed(0);
	assert_true(at(0, ROCE_WRITE, 2, 0));
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 0);
	assert_int_equal(f.roce.works_count, 1);	/* the copy only */
	work_done(&f, 0, 0);
	assert_int_equal(f.roce.works_count, 1);
	assert_true(at(0, ROCE_WRITE, 2, 0));
	assert_ptr_equal(f.roce.works[0].local, f.frames[20]);
	work_done(&f, 0, 0);
	assert_int_equal(told(50), 1);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
	assert_int_equal(moved().pages_moved_again, 1);
}

/* An overtaken copy is not repeated when its connection is lost: it would land on the newer page. */
static void an_overtaken_copy_is_not_repeated(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	landed(0);
	assert_int_equal(region_write(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	connection_fails(&f, 1, -ETIMEDOUT);
	poll_after(100000000);
	established(&f, 2);
	assert_int_equal(f.roce.works_count, 1);
	assert_ptr_equal(f.roce.works[0].local, f.frames[20]);
	work_done(&f, 0, 0);
	assert_int_equal(told(50), 1);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
}

static void a_first_write_behind_the_cursor_is_stored_on_both(void **state)
{
	(void)state;
	write_pages(1);
	begin();				/* pages 1 to 9 were never written, and are passed */
	assert_int_equal(region_write(f.client, 0, 4, f.frames[20], 50, f.now_ns), 0);
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 0);
	assert_true(at(1, ROCE_WRITE, 2, 4));
	work_done(&f, 1, 0);
	assert_int_equal(told(50), 1);
	finish();
	assert_int_equal(moved().write_backs_mirrored, 1);
}

static void writes_that_were_under_way_at_the_begin_are_stored_on_both(void **state)
{
	(void)state;
	write_pages(3);
	assert_int_equal(region_write(f.client, 0, 2, f.frames[20], 50, f.now_ns), 0);
	assert_int_equal(region_write(f.client, 0, 6, f.frames[21], 51, f.now_ns), 0);	/* its first */
	begin();
	assert_int_equal(f.roce.works_count, 4);	/* pages 0 and 1 are copied */
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(f.done_count, 0);
	finish();
	assert_int_equal(told(50) + told(51), 2);
	assert_int_equal(moved().pages_moved, 2);
	assert_int_equal(moved().write_backs_mirrored, 2);
}

/* ------------------------------------------------------------------ the switch */

static void the_old_place_is_given_back_when_nobody_asks_it(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	assert_int_equal(region_read(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	landed(0);
	work_done(&f, 1, 0);
	assert_int_equal(moved().state, WIRE_MOVE_SWITCHED);
	assert_int_equal(region_move_cancel(f.client, 0, 0, 2), 0);	/* too late */
	work_done(&f, 0, 0);
	assert_int_equal(f.done[0].status, 0);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
}

static void requests_that_wait_go_to_the_new_place(void **state)
{
	(void)state;
	write_pages(1);
	begin();
	landed(0);
	connection_fails(&f, 0, -ETIMEDOUT);
	assert_int_equal(region_read(f.client, 0, 0, f.frames[20], 50, f.now_ns), 0);
	assert_int_equal(region_write(f.client, 0, 3, f.frames[21], 51, f.now_ns), 0);
	assert_int_equal(f.roce.works_count, 1);
	work_done(&f, 0, 0);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
	assert_true(at(0, ROCE_READ, 2, 0) && at(1, ROCE_WRITE, 2, 3));
	work_done(&f, 0, 0);
	work_done(&f, 0, 0);
	assert_int_equal(told(50) + told(51), 2);
}

/* ------------------------------------------------------------------ pace */

/* Fills of `ns` each, one a millisecond, for 200 ms; how many copies went out? */
static uint32_t copies_while_fills_take(uint64_t ns)
{
	uint32_t copies = 0;

	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(region_read(f.client, 1, 0, f.frames[40], 99, f.now_ns), 0);
		f.now_ns += ns;
		for (bool filled = false; !filled || f.roce.works_count > 0;) {
			filled |= f.roce.works[0].local == f.frames[40];
			copies += f.roce.works[0].opcode == ROCE_WRITE;
			if (f.roce.works[0].local == f.frames[40])
				work_done(&f, 0, 0);
			else if (f.roce.works[0].opcode == ROCE_READ)
				landed(0);
			else
				work_done(&f, 0, 0);
		}
		f.done_count = 0;
		poll_after(1000000 - ns);
	}
	return copies;
}

static void the_pace_follows_the_guests_fills(void **state)
{
	const struct wire_move_pace gentle = { .slowdown_permille = 1500, .pages_per_second_min = 100 };
	struct wire_vm_region target = region_at(0, NEW, 2);
	uint32_t quick, slow;

	(void)state;
	start_vm(&f, 1, PAGES, OLD);
	assert_int_equal(region_vm_create(f.client, 2, REGION_PAGES), 0);
	target.epoch = 1;
	target.node = OLD;
	target.address = address_of(OLD);
	assert_int_equal(region_map(f.client, 2, &target, f.now_ns), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(region_write(f.client, 2, i, f.frames[1], 1, f.now_ns), 0);
		work_done(&f, 0, 0);
		f.done_count = 0;
	}
	copies_while_fills_take(20000);
	target = region_at(0, NEW, 2);
	assert_int_equal(region_move(f.client, 2, &target, &gentle, f.now_ns), 0);
	established(&f, 1);
	quick = copies_while_fills_take(25000);		/* within 1.5 of before: the rate grows by 100 each 20 ms */
	assert_in_range(quick, 80, 140);
	copies_while_fills_take(60000);
	slow = copies_while_fills_take(60000);
	assert_in_range(slow, 15, 25);			/* the minimum: 100 a second */
	assert_in_range(copies_while_fills_take(25000), 30, 140);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(copies_what_was_written_and_switches),
		TEST(nothing_written_is_moved_at_once),
		TEST(zeros_are_not_sent),
		TEST(copies_are_bounded),
		TEST(asking_again_changes_nothing),
		TEST(refusals),
		TEST(a_passed_page_is_stored_on_both_before_it_is_told),
		TEST(a_page_that_is_not_passed_is_stored_on_the_old_place_only),
		TEST(a_write_overtakes_a_copy_that_is_being_read),
		TEST(a_write_waits_for_a_copy_that_is_being_sent),
		TEST(an_overtaken_copy_is_not_repeated),
		TEST(a_first_write_behind_the_cursor_is_stored_on_both),
		TEST(writes_that_were_under_way_at_the_begin_are_stored_on_both),
		TEST(the_old_place_is_given_back_when_nobody_asks_it),
		TEST(requests_that_wait_go_to_the_new_place),
		TEST(the_pace_follows_the_guests_fills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
