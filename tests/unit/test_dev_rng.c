// SPDX-License-Identifier: GPL-2.0-only
/* The entropy device: what a driver does with it, what a page that is away costs, and what a hostile guest gets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rng_memory.h"

#define DESCRIPTORS 0x1000u
#define AVAILABLE 0x1100u
#define USED 0x1200u
#define BUFFER 0x2000u

static uint8_t counter;

static void on_random(void *context, void *bytes, uint32_t len)
{
	(void)context;
	memset(bytes, ++counter, len);
}

static const struct rng_environment environment = { on_read, on_write, on_random, NULL };

static uint32_t in(uint32_t offset)
{
	return (uint32_t)board_mmio_read(&board, 0, RNG_MMIO_BASE + offset, 4, 0);
}

static void out(uint32_t offset, uint32_t value)
{
	board_mmio_write(&board, 0, RNG_MMIO_BASE + offset, 4, value, 0);
}

/* As the shim does it; the last outcome. */
static int ring_the_bell(void)
{
	struct rng_work work;
	int status = 1;

	if (!rng_begin(&board.rng, &work))
		return -ENODEV;
	for (uint32_t i = 0; i < RNG_QUEUE_SIZE_MAX && status == 1; i++)
		status = rng_serve(&work, &environment);
	rng_end(&board.rng, &work, status);
	return status;
}

static void put(uint32_t address, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		memory[address + i] = (uint8_t)(value >> i * 8);
}

static uint64_t get(uint32_t address, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)memory[address + i] << i * 8;
	return value;
}

static void describe(uint32_t number, uint64_t address, uint32_t len, uint16_t flags)
{
	put(DESCRIPTORS + 16 * number, address, 8);
	put(DESCRIPTORS + 16 * number + 8, len, 4);
	put(DESCRIPTORS + 16 * number + 12, flags, 2);
	put(DESCRIPTORS + 16 * number + 14, number, 2);		/* a chain that follows this would never end */
}

static void offer(uint16_t number)
{
	uint16_t index = (uint16_t)get(AVAILABLE + 2, 2);

	put(AVAILABLE + 4 + 2 * (index % 8), number, 2);
	put(AVAILABLE + 2, index + 1u, 2);
}

/* 3.1.1 and 4.2.3.1, as a driver goes about it. */
static void drive(uint64_t descriptors, uint64_t available, uint64_t used, uint32_t size)
{
	out(0x70, 0);
	out(0x70, 1);
	out(0x70, 3);
	out(0x14, 1);
	out(0x24, 1);
	out(0x20, in(0x10));
	out(0x24, 0);
	out(0x20, 0);
	out(0x70, 0xb);
	out(0x30, 0);
	out(0x38, size);
	out(0x80, (uint32_t)descriptors);
	out(0x84, (uint32_t)(descriptors >> 32));
	out(0x90, (uint32_t)available);
	out(0x94, (uint32_t)(available >> 32));
	out(0xa0, (uint32_t)used);
	out(0xa4, (uint32_t)(used >> 32));
	out(0x44, 1);
	out(0x70, 0xf);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	away = accesses = 0;
	counter = 0;
	board_init(&board, 1, DEVICES_ALL, 2500000, 0);
	/* Pin 16 is vector 0x51 of vCPU 0, level. */
	assert_int_equal(lapic_msr_write(&board.lapics, 0, 0x80f, 0x1ff, 0, 0), 0);
	board_mmio_write(&board, 0, IOAPIC_BASE, 4, 0x10 + 2 * RNG_GSI, 0);
	board_mmio_write(&board, 0, IOAPIC_BASE + 0x10, 4, 0x8051, 0);
	return 0;
}

static void drive_well(void)
{
	drive(DESCRIPTORS, AVAILABLE, USED, 8);
	assert_int_equal(in(0x70), 0xf);
	assert_int_equal(in(0x44), 1);
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(in(0), 0x74726976);
	assert_int_equal(in(4), 2);
	assert_int_equal(in(8), 4);
	assert_int_equal(in(0x10), 0);
	out(0x14, 1);
	assert_int_equal(in(0x10), 1);				/* VERSION_1 */
	out(0x14, 2);
	assert_int_equal(in(0x10), 0);
	assert_int_equal(in(0x34), 8);
	out(0x30, 1);						/* there is one queue */
	assert_int_equal(in(0x34), 0);
	out(0x44, 1);
	assert_int_equal(in(0x44), 0);
	assert_int_equal(in(0xb0), UINT32_MAX);
	assert_int_equal(in(0xfc), 0);
	assert_int_equal(in(0x1fc), 0);
	/* Wide, narrow, unaligned and beyond: nothing is there. */
	assert_int_equal(board_mmio_read(&board, 0, RNG_MMIO_BASE, 2, 0), 0xffff);
	assert_true(board_mmio_read(&board, 0, RNG_MMIO_BASE, 8, 0) == UINT64_MAX);
	assert_int_equal(board_mmio_read(&board, 0, RNG_MMIO_BASE + 2, 4, 0), UINT32_MAX);
	assert_int_equal(board_mmio_read(&board, 0, RNG_MMIO_BASE + RNG_MMIO_BYTES, 4, 0), UINT32_MAX);
	board.devices &= ~DEVICE_RNG;
	assert_int_equal(in(0), UINT32_MAX);
}

static void test_features_must_be_agreed(void **state)
{
	(void)state;
	out(0x70, 0xb);
	assert_int_equal(in(0x70), 3);				/* not without VERSION_1 */
	out(0x24, 1);
	out(0x20, 3);
	out(0x70, 0xb);
	assert_int_equal(in(0x70), 3);				/* nor with what was not offered */
	out(0x20, 1);
	out(0x24, 7);
	out(0x20, UINT32_MAX);					/* no such word */
	out(0x70, 0xb);
	assert_int_equal(in(0x70), 0xb);
	out(0x24, 0);
	out(0x20, 5);						/* too late */
	out(0x70, 0xf);
	assert_int_equal(in(0x70), 0xf);
}

static void test_bytes_come(void **state)
{
	(void)state;
	drive_well();
	assert_int_equal(ring_the_bell(), 0);
	assert_int_equal(in(0x60), 0);
	for (uint32_t i = 0; i < 20; i++) {
		describe(i % 8, BUFFER + 64 * i, 32, 2);
		offer((uint16_t)(i % 8));
		assert_int_equal(ring_the_bell(), 0);
		assert_int_equal(get(USED + 2, 2), i + 1);
		assert_int_equal(get(USED + 4 + 8 * (i % 8), 4), i % 8);
		assert_int_equal(get(USED + 8 + 8 * (i % 8), 4), 32);
		assert_int_equal(memory[BUFFER + 64 * i], i + 1);
		assert_int_equal(memory[BUFFER + 64 * i + 31], i + 1);
		assert_int_equal(memory[BUFFER + 64 * i + 32], 0);
		assert_int_equal(in(0x60), 1);
		assert_int_equal(lapic_pending(&board.lapics.lapic[0]), 0x51);
		lapic_accept(&board.lapics.lapic[0], 0x51);
		out(0x64, 1);
		assert_int_equal(in(0x60), 0);
		assert_int_equal(lapic_msr_write(&board.lapics, 0, 0x80b, 0, 0, 0), 0);
		ioapic_eoi(&board.ioapic, 0x51);
		assert_int_equal(lapic_pending(&board.lapics.lapic[0]), -1);
	}
}

static void test_several_and_long_ones(void **state)
{
	(void)state;
	drive_well();
	for (uint16_t i = 0; i < 8; i++) {
		describe(i, BUFFER + 0xfc0 + i, UINT32_MAX, 2 | 1);	/* at the end of a page, and "chained" to itself */
		offer(i);
	}
	assert_int_equal(ring_the_bell(), 1);			/* eight is what one bell can be about */
	assert_int_equal(get(USED + 2, 2), 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(get(USED + 8 + 8 * i, 4), 64 - i);
	assert_int_equal(memory[BUFFER + 0x1000], 0);
	put(AVAILABLE, 1, 2);					/* no interrupt, please */
	out(0x64, 1);
	offer(0);
	assert_int_equal(ring_the_bell(), 0);
	assert_int_equal(get(USED + 2, 2), 9);
	assert_int_equal(in(0x60), 0);
}

/* V2: whichever page is away, the same bell rung again does the rest, once. */
static void test_pages_may_be_away(void **state)
{
	(void)state;
	for (unsigned first = 1; first <= 12; first++) {
		setup(state);
		drive_well();
		describe(3, BUFFER, 16, 2);
		describe(4, BUFFER + 64, 16, 2);
		offer(3);
		offer(4);
		away = first;
		assert_int_equal(ring_the_bell(), -EAGAIN);
		assert_false(board.rng.busy);
		/* Two served by 12 accesses; what is complete is told at once. */
		assert_int_equal(get(USED + 2, 2), (first - 1) / 6);
		assert_int_equal(in(0x60), (first - 1) / 6);
		assert_int_equal(ring_the_bell(), 0);
		assert_int_equal(get(USED + 2, 2), 2);
		assert_int_equal(in(0x60), 1);
		assert_int_equal(get(USED + 4, 4), 3);
		assert_int_equal(get(USED + 12, 4), 4);
		assert_true(memory[BUFFER] && memory[BUFFER + 64]);
	}
}

/* V4, and it is told by the status and by an interrupt; a reset makes it good. */
static void is_broken(int status)
{
	assert_int_equal(ring_the_bell(), status);
	assert_int_equal(in(0x70) & 0x40, 0x40);
	assert_int_equal(in(0x60) & 2, 2);
	assert_int_equal(ring_the_bell(), -ENODEV);
	out(0x70, 0xf);						/* a driver cannot say that all is well */
	assert_int_equal(in(0x70), 0x4f);
	out(0x70, 0);
	assert_int_equal(in(0x70) | in(0x60) | in(0x44), 0);
	memset(memory, 0, sizeof(memory));
	drive_well();
	describe(0, BUFFER, 8, 2);
	offer(0);
	assert_int_equal(ring_the_bell(), 0);
	assert_int_equal(get(USED + 2, 2), 1);
}

static void test_hostile_queues(void **state)
{
	static const struct { uint64_t descriptors, available, used; uint32_t size; } bad[] = {
		{ DESCRIPTORS, AVAILABLE, USED, 0 }, { DESCRIPTORS, AVAILABLE, USED, 3 }, { DESCRIPTORS, AVAILABLE, USED, 16 },
		{ DESCRIPTORS, AVAILABLE, USED, UINT32_MAX }, { DESCRIPTORS + 8, AVAILABLE, USED, 8 }, { DESCRIPTORS, AVAILABLE + 1, USED, 8 },
		{ DESCRIPTORS, AVAILABLE, USED + 2, 8 }, { UINT64_MAX - 15, AVAILABLE, USED, 8 }, { DESCRIPTORS, UINT64_MAX - 1, USED, 8 },
		{ DESCRIPTORS, AVAILABLE, UINT64_MAX - 3, 8 },
	};
	/* Good to look at, but outside memory. */
	static const uint64_t outside[] = { MEMORY_BYTES, UINT64_C(1) << 40, UINT64_MAX - 0xfff };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		drive(bad[i].descriptors, bad[i].available, bad[i].used, bad[i].size);
		is_broken(-ENODEV);
		assert_int_equal(accesses, 7);			/* of the good one only */
	}
	for (size_t i = 0; i < 9; i++) {
		uint64_t at = outside[i / 3];

		setup(state);
		describe(0, BUFFER, 8, 2);
		offer(0);
		drive(i % 3 == 0 ? at : DESCRIPTORS, i % 3 == 1 ? at : AVAILABLE, i % 3 == 2 ? at : USED, 8);
		is_broken(-EFAULT);
	}
}

static void test_hostile_buffers(void **state)
{
	static const struct { uint64_t address; uint32_t len; uint16_t flags, number, ahead; } bad[] = {
		{ MEMORY_BYTES, 8, 2, 0, 1 }, { UINT64_MAX, 8, 2, 0, 1 }, { UINT64_MAX - 7, UINT32_MAX, 2, 0, 1 },
		{ BUFFER, 0, 2, 0, 1 }, { BUFFER, 8, 0, 0, 1 }, { BUFFER, 8, 1, 0, 1 }, { BUFFER, 8, 2 | 4, 0, 1 },
		{ BUFFER, 8, 2, 8, 1 }, { BUFFER, 8, 2, 0xffff, 1 }, { BUFFER, 8, 2, 0, 9 }, { BUFFER, 8, 2, 0, 0xffff },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(state);
		drive_well();
		describe(0, bad[i].address, bad[i].len, bad[i].flags);
		put(AVAILABLE + 4, bad[i].number, 2);
		put(AVAILABLE + 2, bad[i].ahead, 2);
		is_broken(-EFAULT);
	}
}

static void test_not_before_it_is_ready(void **state)
{
	(void)state;
	assert_int_equal(ring_the_bell(), -ENODEV);
	drive_well();
	out(0x80, 0xdead0000);					/* not while the queue is ready */
	out(0x38, 1);
	describe(0, BUFFER, 8, 2);
	offer(0);
	assert_int_equal(ring_the_bell(), 0);
	assert_int_equal(get(USED + 2, 2), 1);
	out(0x44, 0);
	assert_int_equal(ring_the_bell(), -ENODEV);
	out(0x44, 1);						/* begins anew: the rings, too, would */
	put(AVAILABLE + 2, 0, 2);
	offer(0);
	assert_int_equal(ring_the_bell(), 0);
	board_reset(&board);
	assert_int_equal(in(0x70), 0);
	assert_int_equal(ring_the_bell(), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_features_must_be_agreed, setup),
		cmocka_unit_test_setup(test_bytes_come, setup),
		cmocka_unit_test_setup(test_several_and_long_ones, setup),
		cmocka_unit_test_setup(test_pages_may_be_away, setup),
		cmocka_unit_test_setup(test_hostile_queues, setup),
		cmocka_unit_test_setup(test_hostile_buffers, setup),
		cmocka_unit_test_setup(test_not_before_it_is_ready, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
