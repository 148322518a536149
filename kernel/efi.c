/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include <kernel/efi.h>

#define SIGNATURE "IBI SYST"
#define HEADER_BYTES_OFFSET 0x0c
#define COUNT_OFFSET 0x68		/* of the configuration table's entries */
#define TABLE_OFFSET 0x70
#define SYSTEM_TABLE_BYTES 0x78
#define ENTRY_BYTES 24u			/* a GUID and an address */
#define GUID_BYTES 16u
#define ENTRIES_MAX 1024u

static const uint8_t smbios3_guid[GUID_BYTES] = {
	0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94,
};
static const uint8_t smbios_guid[GUID_BYTES] = {
	0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d,
};

static uint64_t value(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

uint64_t efi_smbios_entry(const struct physical_memory *memory, uint64_t system_table)
{
	const uint8_t *system = memory->at(memory->context, system_table, SYSTEM_TABLE_BYTES);
	const uint8_t *table;
	uint32_t header_bytes;
	uint64_t count, old = 0;

	if (!system || memcmp(system, SIGNATURE, strlen(SIGNATURE)) != 0)
		return 0;
	memcpy(&header_bytes, system + HEADER_BYTES_OFFSET, sizeof(header_bytes));
	count = value(system + COUNT_OFFSET);
	if (header_bytes < SYSTEM_TABLE_BYTES || count > ENTRIES_MAX)
		return 0;
	table = memory->at(memory->context, value(system + TABLE_OFFSET), count * ENTRY_BYTES);
	for (uint64_t i = 0; table && i < count; i++) {
		const uint8_t *entry = table + i * ENTRY_BYTES;

		if (memcmp(entry, smbios3_guid, GUID_BYTES) == 0)
			return value(entry + GUID_BYTES);
		if (memcmp(entry, smbios_guid, GUID_BYTES) == 0)
			old = value(entry + GUID_BYTES);
	}
	return old;
}
