/* SPDX-License-Identifier: GPL-2.0-only */
/* UEFI's system table: where it says that SMBIOS is, and tables that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/efi.h>

#define BASE UINT64_C(0x7f000000)
#define TABLE_OFFSET 0x100
#define MEMORY_BYTES 0x200

static const uint8_t smbios3[16] = { 0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94 };
static const uint8_t smbios[16] = { 0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0, 0x90, 0x27, 0x3f, 0xc1, 0x4d };
static uint8_t bytes[MEMORY_BYTES];
static size_t memory_bytes;

static const uint8_t *at(void *context, uint64_t physical, uint64_t len_bytes)
{
	(void)context;
	if (physical < BASE || physical - BASE > memory_bytes || len_bytes > memory_bytes - (physical - BASE))
		return NULL;
	return bytes + (physical - BASE);
}

static const struct physical_memory memory = { at, NULL };

static void put(size_t offset, uint64_t value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

static void put_entry(unsigned number, const uint8_t guid[16], uint64_t address)
{
	memcpy(bytes + TABLE_OFFSET + 24 * number, guid, 16);
	put(TABLE_OFFSET + 24 * number + 16, address);
}

static int set_up(void **state)
{
	static const uint8_t other[16] = { 1, 2, 3 };

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	memory_bytes = sizeof(bytes);
	memcpy(bytes, "IBI SYST", 8);
	bytes[0x0c] = 0x78;
	put(0x68, 3);
	put(0x70, BASE + TABLE_OFFSET);
	put_entry(0, other, 0x1000);
	put_entry(1, smbios, 0x2000);
	put_entry(2, smbios3, 0x3000);
	return 0;
}

static void test_the_newer_one_wins(void **state)
{
	(void)state;
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0x3000);
	put(0x68, 2);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0x2000);
	put(0x68, 1);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	put(0x68, 0);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
}

static void test_what_is_no_table(void **state)
{
	(void)state;
	assert_int_equal(efi_smbios_entry(&memory, 0), 0);
	assert_int_equal(efi_smbios_entry(&memory, BASE + 8), 0);
	bytes[0]++;
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	bytes[0]--;
	bytes[0x0c]--;					/* a shorter header than any */
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	bytes[0x0c]++;
	put(0x70, UINT64_MAX);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	put(0x70, BASE + MEMORY_BYTES - 24 * 3 + 1);	/* its end is outside */
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	put(0x70, BASE + TABLE_OFFSET);
	put(0x68, UINT64_MAX / 24 + 2);			/* times 24 is small again */
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	put(0x68, 3);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0x3000);
}

static void test_cut(void **state)
{
	(void)state;
	for (memory_bytes = 0; memory_bytes < TABLE_OFFSET + 3 * 24; memory_bytes++)
		assert_int_equal(efi_smbios_entry(&memory, BASE), 0);
	assert_int_equal(efi_smbios_entry(&memory, BASE), 0x3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_newer_one_wins, set_up),
		cmocka_unit_test_setup(test_what_is_no_table, set_up),
		cmocka_unit_test_setup(test_cut, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
