/* SPDX-License-Identifier: GPL-2.0-only */
/* Nested page tables, the guest's own tables as the shim walks them, and what CPUID tells the guest. */
#include "tests/unit/hv_fixture.h"

static int open_four(void **state)
{
	return fixture_open(state, 4);
}

#define LARGE_POOL 600u

static struct npt_pool pool;
static void *pool_memory;

static int open_pool(void **state)
{
	(void)state;
	pool_memory = pages_of(npt_pool_bytes(LARGE_POOL));
	memset(pool_memory, 0xee, npt_pool_bytes(LARGE_POOL));		/* table pages are cleared when they are taken */
	npt_pool_init(&pool, pool_memory, LARGE_POOL, fake_physical, fake_pointer);
	return 0;
}

static int close_pool(void **state)
{
	(void)state;
	free(pool_memory);
	return 0;
}

static void all_tables_are_taken_at_creation(void **state)
{
	struct npt npt, more;

	(void)state;
	assert_int_equal(npt_create(&npt, &pool, UINT64_C(1) << 30), 0);
	assert_int_equal(npt.pages_used, 512 + 1 + 1 + 1);
	assert_int_equal(pool.free_count, LARGE_POOL - npt.pages_used);
	assert_int_equal(npt_create(&more, &pool, UINT64_C(1) << 30), -ENOSPC);
	assert_int_equal(pool.free_count, LARGE_POOL - npt.pages_used);
	assert_int_equal(npt_create(&more, &pool, UINT64_C(3) << 20), 0);
	npt_destroy(&more);
	npt_destroy(&npt);
	assert_int_equal(pool.free_count, LARGE_POOL);
}

static void a_page_comes_and_goes(void **state)
{
	uint8_t *frame = pages_of(PAGE_BYTES);
	bool dirty = true;
	struct npt npt;

	(void)state;
	assert_int_equal(npt_create(&npt, &pool, UINT64_C(8) << 20), 0);
	assert_false(npt_unmap(&npt, 1027, &dirty));
	assert_false(dirty);
	assert_null(npt_frame(&npt, 1027, false));
	npt_map(&npt, 1027, fake_physical(frame), false);
	assert_null(npt_frame(&npt, 1026, false));
	assert_ptr_equal(npt_frame(&npt, 1027, false), frame);
	assert_true(npt_test_and_clear_accessed(&npt, 1027));
	assert_false(npt_test_and_clear_accessed(&npt, 1027));
	assert_true(npt_unmap(&npt, 1027, &dirty));
	assert_false(dirty);
	/* written by the shim, and mapped dirty */
	npt_map(&npt, 1027, fake_physical(frame), false);
	npt_frame(&npt, 1027, true);
	assert_true(npt_unmap(&npt, 1027, &dirty));
	assert_true(dirty);
	npt_map(&npt, 1027, fake_physical(frame), false);
	npt_map(&npt, 1027, fake_physical(frame), true);
	npt_unmap(&npt, 1027, &dirty);
	assert_true(dirty);
	npt_destroy(&npt);
	free(frame);
}

/* ------------------------------------------------------------------ the guest's tables */

static void put_entry(uint64_t table, uint64_t index, uint64_t entry, unsigned bytes)
{
	memcpy(the->guest + table + index * bytes, &entry, bytes);
}

static struct vcpu_registers long_mode(void)
{
	struct vcpu_registers r = { .cr0 = 0x80000001, .cr4 = 0x20, .efer = 0x500, .cr3 = 0x10000, .cs_long = true };

	return r;
}

static void long_mode_walks_four_levels(void **state)
{
	struct vcpu_registers r = long_mode();
	uint64_t at = 0;

	(void)state;
	put_entry(0x10000, 511, 0x11003, 8);
	put_entry(0x11000, 510, 0x12003, 8);
	put_entry(0x12000, 1, 0x13003, 8);
	put_entry(0x12000, 2, UINT64_C(0x8000000000200083), 8);		/* 2 MiB, no execute */
	put_entry(0x11000, 509, 0x83, 8);				/* 1 GiB */
	put_entry(0x13000, 5, 0x77003, 8);
	assert_int_equal(gmem_translate(the->vcpu, &r, UINT64_C(0xffffffff80205abc), &at), 0);
	assert_int_equal(at, 0x77abc);
	assert_int_equal(gmem_translate(the->vcpu, &r, UINT64_C(0xffffffff80412345), &at), 0);
	assert_int_equal(at, 0x212345);
	assert_int_equal(gmem_translate(the->vcpu, &r, UINT64_C(0xffffffff40300000), &at), 0);
	assert_int_equal(at, 0x300000);
	assert_int_equal(gmem_translate(the->vcpu, &r, UINT64_C(0xffffffff80206000), &at), -ENXIO);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0, &at), -ENXIO);
}

static void a_walk_restarts_at_a_remote_table(void **state)
{
	struct vcpu_registers r = long_mode();
	uint64_t at = 0;

	(void)state;
	put_entry(0x10000, 0, 0x11003, 8);
	put_entry(0x11000, 0, 0x12003, 8);
	put_entry(0x12000, 0, 0x13003, 8);
	put_entry(0x13000, 4, 0x20003, 8);
	the->here[0x12] = the->here[0x13] = false;
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x4010, &at), -EAGAIN);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x4010, &at), -EAGAIN);
	page_comes(0);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x4010, &at), -EAGAIN);
	assert_int_equal(the->waiter_page, 0x13);
	page_comes(0);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x4010, &at), 0);
	assert_int_equal(at, 0x20010);
}

static void tables_outside_memory_are_no_mapping(void **state)
{
	struct vcpu_registers r = long_mode();
	uint64_t at;

	(void)state;
	r.cr3 = UINT64_C(0x000ffffffffff000);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0, &at), -ENXIO);
	r.cr3 = 0x10000;
	put_entry(0x10000, 0, GUEST_BYTES | 3, 8);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0, &at), -ENXIO);
}

static void older_modes(void **state)
{
	struct vcpu_registers r = { .cr0 = 0x80000001, .cr3 = 0x10000, .cr4 = 0x10 };
	uint64_t at = 0;

	(void)state;
	put_entry(0x10000, 1, 0x11003, 4);
	put_entry(0x11000, 3, 0x55003, 4);
	put_entry(0x10000, 2, 0x00000083, 4);				/* 4 MiB */
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x403123, &at), 0);
	assert_int_equal(at, 0x55123);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x801234, &at), 0);
	assert_int_equal(at, 0x1234);
	r.cr4 = 0x20;							/* PAE */
	r.cr3 = 0x14020;
	put_entry(0x14020, 3, 0x15001, 8);
	put_entry(0x15000, 0, 0x16003, 8);
	put_entry(0x16000, 0, 0x66003, 8);
	assert_int_equal(gmem_translate(the->vcpu, &r, 0xc0000042, &at), 0);
	assert_int_equal(at, 0x66042);
	r.cr0 = 1;
	assert_int_equal(gmem_translate(the->vcpu, &r, 0x1234, &at), 0);
	assert_int_equal(at, 0x1234);
}

static void memory_ends_where_it_ends(void **state)
{
	uint8_t bytes[64] = { 1 };

	(void)state;
	assert_int_equal(gmem_read(the->vcpu, GUEST_BYTES - 64, bytes, 64), 0);
	assert_int_equal(gmem_read(the->vcpu, GUEST_BYTES - 63, bytes, 64), -EFAULT);
	assert_int_equal(gmem_write(the->vcpu, UINT64_MAX - 3, bytes, 64), -EFAULT);
	assert_int_equal(gmem_write(the->vcpu, 0xfff0, bytes, 64), 0);
	assert_int_equal(the->guest[0xfff0], bytes[0]);
}

/* ------------------------------------------------------------------ CPUID */

static void what_the_host_lacks_or_we_do_is_hidden(void **state)
{
	uint32_t out[4];

	(void)state;
	cpuid_guest(the->vcpu, 1, 0, out);
	assert_int_equal(out[2] & (1u << 3 | 1u << 12 | 1u << 17 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 29), 0);
	assert_int_equal(out[2] & (1u << 21 | 1u << 24 | 1u << 31), 1u << 21 | 1u << 24 | 1u << 31);
	assert_int_equal(out[3] & (1u << 7 | 1u << 14), 0);
	cpuid_guest(the->vcpu, 7, 0, out);
	assert_int_equal(out[1] & (1u << 5 | 1u << 10 | 1u << 16), 0);
	assert_int_equal(out[2], 0);
	cpuid_guest(the->vcpu, 0xd, 0, out);
	assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
	cpuid_guest(the->vcpu, 0x80000001, 0, out);
	assert_int_equal(out[2] & (1u << 2 | 1u << 4 | 1u << 11 | 1u << 12 | 1u << 16 | 1u << 22), 0);
	assert_int_equal(out[3] & (1u << 27 | 1u << 7 | 1u << 14), 0);
	assert_int_equal(out[3] & (1u << 29 | 1u << 20 | 1u << 6), 1u << 29 | 1u << 20 | 1u << 6);
	cpuid_guest(the->vcpu, 0x80000000, 0, out);
	assert_int_equal(out[0], 0x80000008);
	/* a bit that the host lacks stays away */
	memset(fake_cpuid, 0, sizeof(fake_cpuid));
	cpuid_guest(the->vcpu, 7, 0, out);
	assert_int_equal(out[1], 0);
	cpuid_guest(the->vcpu, 1, 0, out);
	assert_int_equal(out[2], 1u << 21 | 1u << 24 | 1u << 31);
}

static void kvm_is_found_at_once_and_nobody_else(void **state)
{
	uint32_t out[4];

	(void)state;
	cpuid_guest(the->vcpu, 0x40000001, 0, out);
	assert_int_equal(out[0], 1u << 0 | 1u << 3 | 1u << 24);
	the->vm->board.devices = DEVICES_ALL & ~DEVICE_KVMCLOCK;
	cpuid_guest(the->vcpu, 0x40000001, 0, out);
	assert_int_equal(out[0], 0);
	cpuid_guest(the->vcpu, 0x40000010, 0, out);
	assert_int_equal(out[0], 2000000);
	assert_int_equal(out[1], 1000000);
	for (uint32_t leaf = 0x40000100; leaf < 0x40010000; leaf += 0x100) {
		cpuid_guest(the->vcpu, leaf, 0, out);
		assert_int_equal(out[0] | out[1] | out[2] | out[3], 0);
	}
}

static void topology_tells_four_processors_apart(void **state)
{
	uint32_t out[4];

	(void)state;
	cpuid_guest(&the->vm->vcpu[2], 1, 0, out);
	assert_int_equal(out[1] >> 24, 2);
	assert_int_equal(out[1] >> 16 & 0xff, 4);
	assert_true(out[3] & 1u << 28);
	cpuid_guest(&the->vm->vcpu[2], 0xb, 0, out);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[2], 0x100);
	assert_int_equal(out[3], 2);
	cpuid_guest(&the->vm->vcpu[2], 0xb, 1, out);
	assert_int_equal(out[0], 2);
	assert_int_equal(out[1], 4);
	assert_int_equal(out[2], 0x201);
	cpuid_guest(&the->vm->vcpu[2], 0xb, 2, out);
	assert_int_equal(out[1], 0);
	assert_int_equal(out[2], 2);
}

int main(void)
{
#define POOL(test) cmocka_unit_test_setup_teardown(test, open_pool, close_pool)
#define ONE(test) cmocka_unit_test_setup_teardown(test, open_one, fixture_close)
	const struct CMUnitTest tests[] = {
		POOL(all_tables_are_taken_at_creation), POOL(a_page_comes_and_goes), ONE(long_mode_walks_four_levels),
		ONE(a_walk_restarts_at_a_remote_table), ONE(tables_outside_memory_are_no_mapping), ONE(older_modes),
		ONE(memory_ends_where_it_ends), ONE(what_the_host_lacks_or_we_do_is_hidden),
		ONE(kvm_is_found_at_once_and_nobody_else),
		cmocka_unit_test_setup_teardown(topology_tells_four_processors_apart, open_four, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
