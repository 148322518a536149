/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <kernel/smbios.h>

#define HEADER_BYTES 4u
#define TYPE_OEM_STRINGS 11u
#define TYPE_END 127u
#define ENTRY_21_BYTES 0x1fu		/* SMBIOS 3.6, 5.2.1 */
#define ENTRY_30_BYTES 0x18u		/* 5.2.2 */
#define TABLE_BYTES_MAX 0x100000u

static bool sum_is_zero(const uint8_t *bytes, size_t count)
{
	uint8_t sum = 0;

	while (count-- > 0)
		sum = (uint8_t)(sum + *bytes++);
	return sum == 0;
}

static uint64_t little_endian(const uint8_t *bytes, unsigned count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 8 | bytes[count];
	return value;
}

int smbios_entry(const uint8_t *entry, size_t bytes, uint64_t *table, uint32_t *table_bytes)
{
	if (bytes >= ENTRY_30_BYTES && memcmp(entry, "_SM3_", 5) == 0 && entry[6] >= ENTRY_30_BYTES && entry[6] <= bytes &&
	    sum_is_zero(entry, entry[6])) {
		*table = little_endian(entry + 0x10, 8);
		*table_bytes = (uint32_t)little_endian(entry + 0x0c, 4);
	} else if (bytes >= ENTRY_21_BYTES && memcmp(entry, "_SM_", 4) == 0 && entry[5] >= ENTRY_21_BYTES - 1 &&
		   entry[5] <= bytes && sum_is_zero(entry, entry[5])) {
		*table = little_endian(entry + 0x18, 4);
		*table_bytes = (uint32_t)little_endian(entry + 0x16, 2);
	} else {
		return -EINVAL;
	}
	return *table == 0 || *table_bytes == 0 || *table_bytes > TABLE_BYTES_MAX ? -EINVAL : 0;
}

/* The end of the strings that begin at `at`: behind the empty string that closes them. 0: they never end. */
static size_t strings_end(const uint8_t *table, size_t bytes, size_t at)
{
	for (; at + 2 <= bytes; at++)
		if (table[at] == 0 && table[at + 1] == 0)
			return at + 2;
	return 0;
}

static const char *string_with(const uint8_t *strings, size_t bytes, const char *prefix, size_t *len_bytes)
{
	size_t prefix_len = strlen(prefix);

	for (size_t at = 0; at < bytes && strings[at] != 0;) {
		const char *text = (const char *)strings + at;
		size_t len = 0;

		while (at + len < bytes && text[len] != '\0')
			len++;
		if (len >= prefix_len && memcmp(text, prefix, prefix_len) == 0) {
			*len_bytes = len - prefix_len;
			return text + prefix_len;
		}
		at += len + 1;
	}
	return NULL;
}

const char *smbios_oem_string(const uint8_t *table, size_t bytes, const char *prefix, size_t *len_bytes)
{
	size_t at = 0;

	while (at + HEADER_BYTES <= bytes) {
		uint8_t type = table[at], formatted = table[at + 1];
		const char *found;
		size_t end;

		if (type == TYPE_END || formatted < HEADER_BYTES || formatted > bytes - at)
			break;
		end = strings_end(table, bytes, at + formatted);
		if (end == 0)
			break;
		found = type == TYPE_OEM_STRINGS ?
			string_with(table + at + formatted, end - at - formatted, prefix, len_bytes) : NULL;
		if (found)
			return found;
		at = end;
	}
	return NULL;
}
