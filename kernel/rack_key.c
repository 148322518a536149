/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdbool.h>
#include <string.h>

#include <kernel/boot_info.h>
#include <kernel/efi.h>
#include <kernel/kernel.h>
#include <kernel/rack_key.h>
#include <kernel/smbios.h>

#define BIOS_START 0xf0000u		/* SMBIOS 3.6, 5.2: where entry points are, at multiples of 16 */
#define BIOS_END 0x100000u
#define SMBIOS_ENTRY_BYTES 0x20u		/* the longer of the two kinds and padding; a kind says its own length */
#define WORD "key="
#define OEM_PREFIX "plenum.key="

static char key_text[RACK_KEY_TEXT_BYTES];

static void keep(const char *text, size_t len)
{
	if (len >= sizeof(key_text))
		panic("the rack's key has %zu characters: it is written ID:HEX, HEX 64 hexadecimal digits", len);
	memcpy(key_text, text, len);
	key_text[len] = '\0';
}

static bool take_from_command_line(char *line)
{
	for (char *at = line; *at != '\0'; at++) {
		size_t len = 0;

		if ((at != line && at[-1] != ' ') || strncmp(at, WORD, strlen(WORD)) != 0)
			continue;
		at += strlen(WORD);
		while (at[len] != '\0' && at[len] != ' ')
			len++;
		keep(at, len);
		memset(at, '*', len);
		return true;
	}
	return false;
}

/* From the entry point at `entry`, which may be none at all. Tables out of reach are as good as none. */
static bool take_from_table(const uint8_t *entry, size_t bytes)
{
	const uint8_t *structures;
	uint32_t table_bytes;
	const char *text;
	uint64_t table;
	size_t len;

	if (smbios_entry(entry, bytes, &table, &table_bytes))
		return false;
	structures = boot_memory.at(NULL, table, table_bytes);
	text = structures ? smbios_oem_string(structures, table_bytes, OEM_PREFIX, &len) : NULL;
	if (text)
		keep(text, len);
	return text != NULL;
}

/* UEFI says where its tables are, and has none where BIOS has them. */
static void take_from_firmware(void)
{
	uint64_t entry = boot_info.efi_system_table ? efi_smbios_entry(&boot_memory, boot_info.efi_system_table) : 0;
	const uint8_t *found = entry ? boot_memory.at(NULL, entry, SMBIOS_ENTRY_BYTES) : NULL;

	if (found && take_from_table(found, SMBIOS_ENTRY_BYTES))
		return;
	for (uint32_t at = BIOS_START; at < BIOS_END; at += 16)
		if (take_from_table(boot_memory.at(NULL, at, BIOS_END - at), BIOS_END - at))
			return;
}

void rack_key_read(char *command_line)
{
	if (!take_from_command_line(command_line))
		take_from_firmware();
}

void rack_key_take(char text[RACK_KEY_TEXT_BYTES])
{
	memcpy(text, key_text, sizeof(key_text));
	memset(key_text, 0, sizeof(key_text));
}
