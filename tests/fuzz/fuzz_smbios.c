/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is a firmware's table, or an entry point to one. */
#include <assert.h>
#include <stdint.h>

#include <kernel/smbios.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *found;
	uint64_t table;
	uint32_t bytes;
	size_t len;

	smbios_entry(data, size, &table, &bytes);
	found = smbios_oem_string(data, size, "plenum.key=", &len);
	assert(!found || (found >= (const char *)data && found + len <= (const char *)data + size));
	return 0;
}
