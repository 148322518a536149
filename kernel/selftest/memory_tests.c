/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include <kernel/interrupt.h>
#include <kernel/layout.h>
#include <kernel/memory.h>
#include <kernel/probe.h>
#include <plenum/page.h>

#include <kernel/selftest/selftest.h>

#define KEEP_BYTES 0x400000

static void test_boot_alloc(void)
{
	size_t used = kernel_bytes_used();
	uint8_t *small = boot_alloc(24, 8), *page = boot_alloc(PAGE_BYTES, PAGE_BYTES);
	unsigned sum = 0;

	for (unsigned i = 0; i < PAGE_BYTES; i++)
		sum += page[i];
	check(sum == 0);
	check(((uintptr_t)page & PAGE_MASK) == 0);
	check(((uintptr_t)small & 7) == 0);
	check(kernel_bytes_used() >= used + 24 + PAGE_BYTES);
	check(kernel_bytes_used() < 32 << 20);
}

static void test_take_pages(void)
{
	size_t pages, more_pages;
	uint8_t *run = boot_take_pages(KEEP_BYTES, &pages);
	uint8_t *kept;

	check(((uintptr_t)run & PAGE_MASK) == 0);
	check(pages * PAGE_BYTES > memory_total_bytes() / 4);
	check(physical_of(run + (pages - 1) * PAGE_BYTES) == physical_of(run) + (pages - 1) * PAGE_BYTES);
	run[0] = 1;
	run[pages * PAGE_BYTES - 1] = 2;
	/* What was kept is still there for both calls, and none of it is in the run. */
	kept = boot_alloc(KEEP_BYTES / 2, 16);
	check(kept + KEEP_BYTES / 2 <= run || kept >= run + pages * PAGE_BYTES);
	check(run[0] == 1);
	boot_take_pages(KEEP_BYTES / 4, &more_pages);	/* the stacks of the tests that follow */
	check(more_pages > 0 && more_pages <= pages);
}

static void test_addresses(void)
{
	static int in_image;
	int on_stack = 0;
	void *page = boot_alloc(PAGE_BYTES, PAGE_BYTES);

	check(pointer_of(physical_of(page)) == page);
	check(pointer_of(physical_of(&in_image)) == &in_image);
	*(int *)pointer_of(physical_of(&on_stack)) = 7;	/* the stack's other mapping, if it is not the boot stack */
	check(*(volatile int *)&on_stack == 7);
}

static void test_write_xor_execute(void)
{
	static uint8_t data = 0xc3;
	static const uint8_t constant = 0xc3;
	uint8_t on_stack = 0xc3;
	uint8_t *page = boot_alloc(PAGE_BYTES, PAGE_BYTES);

	page[0] = 0xc3;			/* a return, if it were executed */
	check(probe_store(text_start) == VECTOR_PAGE_FAULT);
	check(probe_store((void *)(uintptr_t)&constant) == VECTOR_PAGE_FAULT);
	check(probe_execute(&constant) == VECTOR_PAGE_FAULT);
	check(probe_store(&data) == PROBE_OK);
	check(probe_execute(&data) == VECTOR_PAGE_FAULT);
	check(probe_execute(&on_stack) == VECTOR_PAGE_FAULT);
	check(probe_store(page) == PROBE_OK);
	check(probe_execute(page) == VECTOR_PAGE_FAULT);
	/* Neither low memory nor a second way to the text is mapped. */
	check(probe_load(NULL) == VECTOR_PAGE_FAULT);
	check(probe_load((void *)(uintptr_t)IMAGE_PHYSICAL) == VECTOR_PAGE_FAULT);
	check(probe_load((void *)(DIRECT_BASE + IMAGE_PHYSICAL)) == VECTOR_PAGE_FAULT);
}

static void test_guard_pages(void)
{
	uint8_t *top = stack_allocate(STACK_BYTES);

	check(probe_load(boot_stack_guard) == VECTOR_PAGE_FAULT);
	check(probe_store(boot_stack_guard + PAGE_BYTES - 1) == VECTOR_PAGE_FAULT);
	check(probe_load(boot_stack_bottom) == PROBE_OK);
	check(probe_store(top - 1) == PROBE_OK);
	check(probe_store(top - STACK_BYTES) == PROBE_OK);
	check(probe_store(top - STACK_BYTES - 1) == VECTOR_PAGE_FAULT);
	check(stack_is_guard((uint64_t)top - STACK_BYTES - 1) && !stack_is_guard((uint64_t)top - 1));
}

static void test_copies(void)
{
	static uint8_t bytes[512], copy[512];

	for (unsigned len = 0; len < 200; len++)
		for (unsigned shift = 0; shift < 9; shift++) {
			for (unsigned i = 0; i < sizeof(bytes); i++)
				bytes[i] = (uint8_t)(i * 7 + len);
			memset(copy, 0xaa, sizeof(copy));
			memcpy(copy + shift, bytes + 1, len);
			check(copy[shift + len] == 0xaa && !memcmp(copy + shift, bytes + 1, len));
			memmove(bytes + 1 + shift, bytes + 1, len);
			check(!memcmp(bytes + 1 + shift, copy + shift, len));
			memmove(bytes + 1, bytes + 1 + shift, len);
			check(!memcmp(bytes + 1, copy + shift, len));
		}
	check(memcmp("abcdefgh1", "abcdefgh2", 9) < 0 && memcmp("b", "a", 1) > 0);
}

static void test_random(void)
{
	uint64_t first[4], second[4];

	random_bytes(NULL, first, sizeof(first));
	random_bytes(NULL, second, sizeof(second));
	check(memcmp(first, second, sizeof(first)) != 0);
	check(first[0] != first[1] && first[2] != first[3]);
}

const struct selftest memory_tests[] = {
	{ "boot_alloc", test_boot_alloc, 1 },
	{ "addresses", test_addresses, 1 },
	{ "write_xor_execute", test_write_xor_execute, 1 },
	{ "guard_pages", test_guard_pages, 1 },
	{ "copies", test_copies, 1 },
	{ "random", test_random, 1 },
	{ "boot_take_pages", test_take_pages, 1 },
};
const unsigned memory_test_count = sizeof(memory_tests) / sizeof(memory_tests[0]);
