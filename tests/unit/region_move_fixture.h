/* SPDX-License-Identifier: GPL-2.0-only */
/* A region that moves, step by step, between two memory components. Include in one file of a test program. */
#ifndef PLENUM_TESTS_REGION_MOVE_FIXTURE_H
#define PLENUM_TESTS_REGION_MOVE_FIXTURE_H

#include "tests/unit/region_fixture.h"

#define PAGES 10u
#define OLD 7u
#define NEW 8u
#define DEAD_NS UINT64_C(3000000000)

static struct fixture f;
static const struct wire_move_pace fast = { .slowdown_permille = 1500, .pages_per_second_min = WIRE_MOVE_PACE_MAX };

static inline uint32_t told(uint32_t cookie)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < f.done_count; i++)
		count += f.done[i].cookie == cookie;
	return count;
}

/* Page 0 to `count` - 1 have been written back. */
static inline void write_pages(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(region_write(f.client, 0, i, f.frames[i], i, f.now_ns), 0);
		work_done(&f, 0, 0);
	}
	f.done_count = 0;
}

static inline int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	start_vm(&f, 0, PAGES, OLD);
	established(&f, 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

static inline struct wire_vm_region place(uint32_t node, uint32_t epoch)
{
	struct wire_vm_region region = region_at(0, node, epoch);

	region.pages = PAGES;
	return region;
}

static inline void poll_after(uint64_t ns)
{
	f.now_ns += ns;
	region_poll(f.client, f.now_ns);
}

/* To node NEW, epoch 2; its connection is the second one and up. */
static inline void begin(void)
{
	struct wire_vm_region target = place(NEW, 2);

	assert_int_equal(region_move(f.client, 0, &target, &fast, f.now_ns), 0);
	assert_int_equal(region_deadline_ns(f.client), 0);
	established(&f, 1);
	poll_after(2000000);
}

static inline struct wire_vm_region_moved moved(void)
{
	struct wire_vm_region_moved answer;

	assert_int_equal(region_move_status(f.client, 0, 0, 2, &answer, f.now_ns), 0);
	return answer;
}

static inline bool at(uint32_t index, enum roce_opcode opcode, uint32_t epoch, uint64_t page)
{
	const struct fake_work *work = &f.roce.works[index];

	assert_true(index < f.roce.works_count);
	return work->opcode == opcode && work->rkey == rkey_of(0, epoch) && work->address == BASE + page * PAGE_BYTES;
}

/* A copy's READ has landed, with something in it. */
static inline void landed(uint32_t index)
{
	memset((void *)(uintptr_t)f.roce.works[index].local, 0x5a, PAGE_BYTES);
	work_done(&f, index, 0);
}

static inline void finish(void)
{
	while (f.roce.works_count > 0) {
		if (f.roce.works[0].opcode == ROCE_READ)
			landed(0);
		else
			work_done(&f, 0, 0);
	}
	poll_after(1);
	assert_int_equal(moved().state, WIRE_MOVE_DONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
