/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame store against a plain array: content, frames, zero pages and counters, for pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/zero.h"
#include "mcomponent/mcomponent.h"

#define PAGES 8u

struct fixture {
	struct store store;
	uint32_t free_frames[PAGES];
	uint64_t entries[PAGES];
	uint8_t *frames;
	uint8_t model[PAGES][PAGE_BYTES];
	bool written[PAGES];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->frames = malloc(PAGES * PAGE_BYTES);
	assert_non_null(fixture->frames);
	/* Frames come with other people's bytes in them. */
	memset(fixture->frames, 0xa5, PAGES * PAGE_BYTES);
	store_init(&fixture->store, fixture->frames, fixture->free_frames, PAGES);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->frames);
	free(fixture);
	return 0;
}

/* Every counter and every byte agrees with the model. */
static void check(struct fixture *fixture)
{
	uint8_t page[PAGE_BYTES];
	uint32_t stored = 0, zero = 0, written = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		bool is_zero = bytes_are_zero(fixture->model[i], PAGE_BYTES);

		store_read(&fixture->store, &fixture->entries[i], 0, page, PAGE_BYTES);
		assert_memory_equal(page, fixture->model[i], PAGE_BYTES);
		written += fixture->written[i];
		zero += fixture->written[i] && is_zero;
		stored += !is_zero;
		assert_int_equal(fixture->entries[i] & ENTRY_KIND_MASK,
				 !fixture->written[i] ? ENTRY_NEVER : is_zero ? ENTRY_ZERO : ENTRY_STORED);
	}
	assert_int_equal(fixture->store.pages_written, written);
	assert_int_equal(fixture->store.pages_zero, zero);
	assert_int_equal(fixture->store.frames_total - fixture->store.free_count, stored);
}

static void write_piece(struct fixture *fixture, unsigned page, uint32_t offset, const uint8_t *bytes, uint32_t len_bytes)
{
	store_write(&fixture->store, &fixture->entries[page], offset, bytes, len_bytes);
	memcpy(fixture->model[page] + offset, bytes, len_bytes);
	fixture->written[page] = true;
}

static void never_written_reads_zero(void **state)
{
	struct fixture *fixture = *state;
	uint8_t byte = 1;

	check(fixture);
	store_read(&fixture->store, &fixture->entries[3], 4095, &byte, 1);
	assert_int_equal(byte, 0);
	assert_int_equal(fixture->store.free_count, PAGES);
}

static void zero_page_has_no_frame(void **state)
{
	struct fixture *fixture = *state;
	uint8_t page[PAGE_BYTES] = { 0 };

	write_piece(fixture, 0, 0, page, PAGE_BYTES);
	check(fixture);
	assert_int_equal(fixture->store.free_count, PAGES);
	page[4095] = 1;
	write_piece(fixture, 0, 0, page, PAGE_BYTES);
	check(fixture);
	assert_int_equal(fixture->store.free_count, PAGES - 1);
	page[4095] = 0;
	write_piece(fixture, 0, 0, page, PAGE_BYTES);
	check(fixture);
	assert_int_equal(fixture->store.free_count, PAGES);
	assert_int_equal(fixture->store.frames_released, 1);
}

/* Path MTU 1024: a page arrives in four pieces, and becomes zero in four pieces, the last of which frees the frame. */
static void pieces_of_a_page(void **state)
{
	struct fixture *fixture = *state;
	uint8_t piece[1024];

	for (uint32_t i = 0; i < 4; i++) {
		memset(piece, (int)i, sizeof(piece));	/* the first piece is zero */
		write_piece(fixture, 2, i * 1024, piece, sizeof(piece));
		check(fixture);
		assert_int_equal(fixture->store.free_count, i == 0 ? PAGES : PAGES - 1);
	}
	memset(piece, 0, sizeof(piece));
	for (uint32_t i = 0; i < 4; i++) {
		write_piece(fixture, 2, (3 - i) * 1024, piece, sizeof(piece));
		check(fixture);
		/* After pieces 3, 2 and 1 nothing but zero is left: piece 0 was zero all along. */
		assert_int_equal(fixture->store.free_count, i >= 2 ? PAGES : PAGES - 1);
	}
	assert_int_equal(fixture->store.frames_released, 1);
}

/* A recycled frame must not show its former page through a partial first write (M4). */
static void recycled_frame_is_clean(void **state)
{
	struct fixture *fixture = *state;
	uint8_t page[PAGE_BYTES];

	memset(page, 0x77, sizeof(page));
	write_piece(fixture, 0, 0, page, PAGE_BYTES);
	store_forget(&fixture->store, &fixture->entries[0]);
	memset(fixture->model[0], 0, PAGE_BYTES);
	fixture->written[0] = false;
	check(fixture);
	write_piece(fixture, 1, 100, page, 7);
	check(fixture);
}

static void all_frames_in_use(void **state)
{
	struct fixture *fixture = *state;
	uint8_t page[PAGE_BYTES];

	for (unsigned i = 0; i < PAGES; i++) {
		memset(page, (int)i + 1, sizeof(page));
		write_piece(fixture, i, 0, page, PAGE_BYTES);
	}
	assert_int_equal(fixture->store.free_count, 0);
	/* Full is no obstacle to writing what has its frame. */
	memset(page, 0x99, sizeof(page));
	write_piece(fixture, 5, 8, page, 100);
	check(fixture);
	for (unsigned i = 0; i < PAGES; i++) {
		store_forget(&fixture->store, &fixture->entries[i]);
		memset(fixture->model[i], 0, PAGE_BYTES);
		fixture->written[i] = false;
	}
	check(fixture);
	assert_int_equal(fixture->store.free_count, PAGES);
}

static void random_pieces(void **state)
{
	struct fixture *fixture = *state;
	uint8_t bytes[PAGE_BYTES];

	srand(7);
	for (unsigned round = 0; round < 4000; round++) {
		unsigned page = (unsigned)rand() % PAGES;
		uint32_t offset = (uint32_t)rand() % PAGE_BYTES, len = 1 + (uint32_t)rand() % (PAGE_BYTES - offset);

		if (rand() % 3 == 0) {
			offset = 0;
			len = PAGE_BYTES;
		}
		memset(bytes, rand() % 2 ? rand() : 0, len);
		write_piece(fixture, page, offset, bytes, len);
		if (rand() % 50 == 0) {
			store_forget(&fixture->store, &fixture->entries[page]);
			memset(fixture->model[page], 0, PAGE_BYTES);
			fixture->written[page] = false;
		}
		check(fixture);
	}
}

static void zero_detection(void **state)
{
	uint8_t bytes[200] = { 0 };

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		assert_true(bytes_are_zero(bytes, len));
		for (size_t at = 0; at < len; at += 13) {
			bytes[at] = 0x80;
			assert_false(bytes_are_zero(bytes, len));
			bytes[at] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(never_written_reads_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(zero_page_has_no_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces_of_a_page, setup, teardown),
		cmocka_unit_test_setup_teardown(recycled_frame_is_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(all_frames_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(random_pieces, setup, teardown),
		cmocka_unit_test(zero_detection),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
