/* SPDX-License-Identifier: GPL-2.0-only */
/* OEM strings in a firmware's tables, good ones and bad ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <kernel/smbios.h>

static const uint8_t table[] = {
	0, 6, 0, 0, 1, 2, 'v', 'e', 'n', 0, 'b', 0, 0,			/* BIOS information, two strings */
	2, 4, 1, 0, 0, 0,						/* no strings */
	11, 5, 2, 0, 3, 'a', 0, 'k', '=', '1', '2', 0, 'k', '=', '3', 0, 0,
	127, 4, 3, 0, 0, 0,
	11, 5, 4, 0, 1, 'z', '=', '9', 0, 0,				/* behind the end */
};

static void test_strings(void **state)
{
	const char *found;
	size_t len = 0;

	(void)state;
	found = smbios_oem_string(table, sizeof(table), "k=", &len);
	assert_non_null(found);
	assert_int_equal(len, 2);
	assert_memory_equal(found, "12", 2);
	assert_non_null(smbios_oem_string(table, sizeof(table), "a", &len));
	assert_int_equal(len, 0);
	assert_null(smbios_oem_string(table, sizeof(table), "ven", &len));	/* of another structure */
	assert_null(smbios_oem_string(table, sizeof(table), "z=", &len));
	assert_null(smbios_oem_string(table, 0, "k=", &len));
}

/* However it is cut or damaged: nothing outside of it is read (the sanitizers watch), and what is found is inside. */
static void test_damage(void **state)
{
	uint8_t damaged[sizeof(table)];
	const char *found;
	size_t len;

	(void)state;
	for (size_t bytes = 0; bytes < sizeof(table); bytes++)
		for (unsigned value = 0; value < 256; value += 5)
			for (size_t at = 0; at < bytes; at++) {
				memcpy(damaged, table, bytes);
				damaged[at] = (uint8_t)value;
				found = smbios_oem_string(damaged, bytes, "k=", &len);
				if (found)
					assert_true((const uint8_t *)found + len <= damaged + bytes);
			}
}

static void seal(uint8_t *entry, size_t bytes, size_t at)
{
	uint8_t sum = 0;

	entry[at] = 0;
	for (size_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + entry[i]);
	entry[at] = (uint8_t)-sum;
}

static void test_entry_points(void **state)
{
	uint8_t old[0x1f] = { '_', 'S', 'M', '_', 0, 0x1f, [0x16] = 0x34, 0x12, 0x78, 0x56, 0x0f, 0x00 };
	uint8_t new[0x18] = { '_', 'S', 'M', '3', '_', 0, 0x18, [0x0c] = 0x00, 0x20, 0, 0, 0x00, 0x10, 0x20, 0x30 };
	uint32_t bytes;
	uint64_t address;

	(void)state;
	seal(old, sizeof(old), 4);
	assert_int_equal(smbios_entry(old, sizeof(old), &address, &bytes), 0);
	assert_int_equal(address, 0x0f5678);
	assert_int_equal(bytes, 0x1234);
	assert_int_equal(smbios_entry(old, sizeof(old) - 1, &address, &bytes), -EINVAL);
	old[0x18]++;
	assert_int_equal(smbios_entry(old, sizeof(old), &address, &bytes), -EINVAL);
	seal(new, sizeof(new), 5);
	assert_int_equal(smbios_entry(new, sizeof(new), &address, &bytes), 0);
	assert_int_equal(address, 0x30201000);
	assert_int_equal(bytes, 0x2000);
	new[6]++;
	seal(new, sizeof(new), 5);
	assert_int_equal(smbios_entry(new, sizeof(new), &address, &bytes), -EINVAL);	/* longer than what is there */
	new[6]--;
	new[0x0f] = 0x7f;
	seal(new, sizeof(new), 5);
	assert_int_equal(smbios_entry(new, sizeof(new), &address, &bytes), -EINVAL);	/* a table of 2 GiB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_entry_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
