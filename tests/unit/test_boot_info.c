/* SPDX-License-Identifier: GPL-2.0-only */
/* What loaders say, in each protocol, and that a table which is not credible is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/boot_info.h>
#include <kernel/kernel.h>
#include <kernel/layout.h>

#define BASE 0x10000u

static uint8_t bytes[4096];
static size_t used;
static jmp_buf refused;
static const char *reason;

void panic(const char *format, ...)
{
	reason = format;
	longjmp(refused, 1);
}

static const uint8_t *at(void *context, uint64_t physical, uint64_t len)
{
	(void)context;
	return physical < BASE || physical - BASE > used || len > used - (physical - BASE) ? NULL : bytes + (physical - BASE);
}

static const struct physical_memory memory = { at, NULL };

/* NULL, or the format of the panic. */
static const char *read_as(uint32_t magic)
{
	memset(&boot_info, 0, sizeof(boot_info));
	reason = NULL;
	if (!setjmp(refused))
		boot_info_read(magic, BASE, &memory);
	return reason;
}

static void put(const void *data, size_t len)
{
	assert_true(used + len <= sizeof(bytes));
	memcpy(bytes + used, data, len);
	used += len;
}

static void put32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
	put(&value, sizeof(value));
}

static void poke32(size_t offset, uint32_t value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

static void put_range(uint64_t base, uint64_t len, uint32_t type)
{
	put64(base);
	put64(len);
	put32(type);
	put32(0);
}

static void align(void)
{
	used = (used + 7) & ~(size_t)7;
}

/* ---------------------------------------------------------------- multiboot 2 */

#define COMMAND_LINE_AT 8u
#define MAP_AT 24u

static void multiboot2(void)
{
	memset(bytes, 0, sizeof(bytes));
	used = 8;
	put32(1);			/* command line */
	put32(8 + 4);
	put("a=b", 4);
	align();
	assert_int_equal(used, MAP_AT);
	put32(6);			/* memory map */
	put32(16 + 4 * 24);
	put32(24);
	put32(0);
	put_range(0x100000, 0x700000, 1);
	put_range(0x800000, 0x10000, 1);	/* a neighbour */
	put_range(0x810000, 0xf0000, 4);
	put_range(0x900000, 0x1000000, 1);
	put32(3);			/* module */
	put32(16);
	put32(0x2000000);
	put32(0x2001000);
	put32(12);			/* EFI system table */
	put32(16);
	put64(0x7f9ec018);
	put32(14);			/* ACPI, RSDP of revision 1 */
	put32(8 + 20);
	put("RSD PTR 0123456789ab", 20);
	align();
	put32(99);			/* whatever that is */
	put32(8);
	put32(0);
	put32(8);
	poke32(0, (uint32_t)used);
}

static void test_multiboot2(void **state)
{
	(void)state;
	multiboot2();
	assert_null(read_as(MULTIBOOT2_MAGIC));
	assert_string_equal(boot_info.protocol, "multiboot2");
	assert_string_equal(boot_info.command_line, "a=b");
	assert_int_equal(boot_info.usable_count, 2);
	assert_int_equal(boot_info.usable[0].base, 0x100000);
	assert_int_equal(boot_info.usable[0].bytes, 0x710000);
	assert_int_equal(boot_info.usable[1].base, 0x900000);
	assert_int_equal(boot_info.module_count, 1);
	assert_int_equal(boot_info.modules[0].bytes, 0x1000);
	assert_int_equal(boot_info.efi_system_table, 0x7f9ec018);
	assert_int_equal(boot_info.rsdp_copy_bytes, 20);
	assert_memory_equal(boot_info.rsdp_copy, "RSD PTR ", 8);
}

static void assert_refused(uint32_t magic, const char *words)
{
	const char *said = read_as(magic);

	assert_non_null(said);
	if (!strstr(said, words))
		fail_msg("it says '%s', not '%s'", said, words);
}

static void test_multiboot2_is_not_believed(void **state)
{
	(void)state;
	multiboot2();
	poke32(0, (uint32_t)used + 1);
	assert_refused(MULTIBOOT2_MAGIC, "out of reach");
	multiboot2();
	poke32(COMMAND_LINE_AT + 4, 7);			/* shorter than a tag */
	assert_refused(MULTIBOOT2_MAGIC, "malformed multiboot2 tag");
	multiboot2();
	poke32(COMMAND_LINE_AT + 4, UINT32_MAX);
	assert_refused(MULTIBOOT2_MAGIC, "malformed multiboot2 tag");
	multiboot2();
	poke32(COMMAND_LINE_AT + 4, 8 + 3);		/* without its NUL */
	assert_refused(MULTIBOOT2_MAGIC, "has no end");
	multiboot2();
	poke32(MAP_AT + 8, 0);				/* entries of no size never end */
	assert_refused(MULTIBOOT2_MAGIC, "entry_bytes");
	multiboot2();
	poke32(MAP_AT + 8, UINT32_MAX);			/* no entry at all */
	assert_refused(MULTIBOOT2_MAGIC, "no memory map");
	multiboot2();
	poke32(MAP_AT, 98);
	assert_refused(MULTIBOOT2_MAGIC, "no memory map");
	multiboot2();
	poke32(MAP_AT + 16 + 4 * 24 + 12, 1);		/* the module's end */
	assert_refused(MULTIBOOT2_MAGIC, "ends before it begins");
	multiboot2();
	poke32(MAP_AT + 16 + 4 * 24 + 4, 9);		/* a module's tag without a module; what follows is no tag then */
	assert_refused(MULTIBOOT2_MAGIC, "malformed multiboot2 module");
}

/* Wherever it is cut: read or refused, and nothing outside is looked at (the sanitizers watch). */
static void test_multiboot2_cut(void **state)
{
	(void)state;
	multiboot2();
	for (size_t whole = used; used > 0; used--) {
		poke32(0, (uint32_t)used);
		read_as(MULTIBOOT2_MAGIC);
		poke32(0, (uint32_t)whole);
		if (used < whole)
			assert_refused(MULTIBOOT2_MAGIC, "out of reach");
	}
}

/* ---------------------------------------------------------------- the others */

static void multiboot1(void)
{
	memset(bytes, 0, sizeof(bytes));
	used = 0x100;
	poke32(0x00, 1 << 2 | 1 << 3 | 1 << 6);
	poke32(0x10, BASE + 0x40);
	memcpy(bytes + 0x40, "x=1", 4);
	poke32(0x14, 1);
	poke32(0x18, BASE + 0x50);
	poke32(0x50, 0x3000000);
	poke32(0x54, 0x3000800);
	poke32(0x2c, 24);
	poke32(0x30, BASE + 0x80);
	poke32(0x80, 20);
	poke32(0x84, 0x100000);
	poke32(0x8c, 0x4000000);
	poke32(0x94, 1);
}

static void test_multiboot1(void **state)
{
	(void)state;
	multiboot1();
	assert_null(read_as(MULTIBOOT1_MAGIC));
	assert_string_equal(boot_info.command_line, "x=1");
	assert_int_equal(boot_info.usable_count, 1);
	assert_int_equal(boot_info.usable[0].bytes, 0x4000000);
	assert_int_equal(boot_info.modules[0].bytes, 0x800);
	poke32(0x80, 19);
	assert_refused(MULTIBOOT1_MAGIC, "malformed multiboot memory map");
	poke32(0x80, UINT32_MAX);
	assert_refused(MULTIBOOT1_MAGIC, "malformed multiboot memory map");
	multiboot1();
	poke32(0x14, UINT32_MAX);
	used = sizeof(bytes);
	assert_refused(MULTIBOOT1_MAGIC, "boot modules");
	multiboot1();
	poke32(0x10, UINT32_MAX);
	assert_refused(MULTIBOOT1_MAGIC, "out of reach");
	multiboot1();
	memset(bytes + 0x40, 'x', 0xc0);		/* to the end of memory */
	poke32(0x14, 0);
	assert_refused(MULTIBOOT1_MAGIC, "out of reach");
}

static void test_pvh(void **state)
{
	(void)state;
	memset(bytes, 0, sizeof(bytes));
	used = 0x100;
	poke32(0x00, PVH_MAGIC);
	poke32(0x04, 1);
	poke32(0x20, 0x7ffe0000);
	poke32(0x28, BASE + 0x41);			/* not aligned */
	poke32(0x30, 1);
	poke32(0x41, 0x200000);
	poke32(0x49, 0x100000);
	poke32(0x51, 1);
	assert_null(read_as(PVH_MAGIC));
	assert_int_equal(boot_info.rsdp, 0x7ffe0000);
	assert_int_equal(boot_info.usable[0].base, 0x200000);
	poke32(0x30, UINT32_MAX);
	assert_refused(PVH_MAGIC, "out of reach");
	poke32(0x04, 0);
	assert_refused(PVH_MAGIC, "malformed PVH");
	assert_refused(1, "unknown loader");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiboot2),
		cmocka_unit_test(test_multiboot2_is_not_believed),
		cmocka_unit_test(test_multiboot2_cut),
		cmocka_unit_test(test_multiboot1),
		cmocka_unit_test(test_pvh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
