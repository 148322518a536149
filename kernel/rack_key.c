/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdbool.h>
#include <string.h>

#include <kernel/kernel.h>
#include <kernel/layout.h>
#include <kernel/rack_key.h>
#include <kernel/smbios.h>

#define BIOS_START 0xf0000u		/* SMBIOS 3.6, 5.2: where entry points are, at multiples of 16 */
#define BIOS_END 0x100000u
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

static const uint8_t *at_physical(uint64_t physical)
{
	return (const uint8_t *)(DIRECT_BASE + physical);
}

static void take_from_firmware(void)
{
	for (uint32_t at = BIOS_START; at < BIOS_END; at += 16) {
		uint32_t table_bytes;
		const char *text;
		uint64_t table;
		size_t len;

		/* Tables beyond the reach of the boot page tables are as good as none. */
		if (smbios_entry(at_physical(at), BIOS_END - at, &table, &table_bytes) || table > UINT32_MAX - table_bytes)
			continue;
		text = smbios_oem_string(at_physical(table), table_bytes, OEM_PREFIX, &len);
		if (text) {
			keep(text, len);
			return;
		}
	}
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
