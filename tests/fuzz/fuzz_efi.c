/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is physical memory, with a system table at its start. Only what is inside may be read: the sanitizers watch. */
#include <stddef.h>
#include <stdint.h>

#include <kernel/efi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static const uint8_t *at(void *context, uint64_t physical, uint64_t bytes)
{
	const struct input *input = context;

	return physical > input->size || bytes > input->size - physical ? NULL : input->data + physical;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	const struct physical_memory memory = { at, &input };

	efi_smbios_entry(&memory, 0);
	return 0;
}
