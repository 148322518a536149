/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a loader says, in all three protocols. The first byte says which, the rest is physical memory from BASE on, with the
 * loader's structure at its start. Either it is refused by a panic or what was read keeps its limits.
 */
#include <assert.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <kernel/boot_info.h>
#include <kernel/kernel.h>
#include <kernel/layout.h>

#define BASE 0x10000u

struct input {
	const uint8_t *data;
	size_t size;
};

static jmp_buf refused;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void panic(const char *format, ...)
{
	(void)format;
	longjmp(refused, 1);
}

static const uint8_t *at(void *context, uint64_t physical, uint64_t bytes)
{
	const struct input *input = context;

	if (physical < BASE || physical - BASE > input->size || bytes > input->size - (physical - BASE))
		return NULL;
	return input->data + (physical - BASE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t magics[] = { MULTIBOOT1_MAGIC, MULTIBOOT2_MAGIC, PVH_MAGIC, 0 };
	struct input input;
	const struct physical_memory memory = { at, &input };

	if (size == 0)
		return 0;
	input = (struct input){ data + 1, size - 1 };
	memset(&boot_info, 0, sizeof(boot_info));
	if (setjmp(refused))
		return 0;
	boot_info_read(magics[data[0] & 3], BASE, &memory);
	assert(boot_info.usable_count > 0 && boot_info.usable_count <= BOOT_RANGES_MAX);
	assert(boot_info.module_count <= BOOT_MODULES_MAX);
	assert(memchr(boot_info.command_line, 0, sizeof(boot_info.command_line)));
	assert(boot_info.rsdp_copy_bytes <= sizeof(boot_info.rsdp_copy));
	for (unsigned i = 0; i < boot_info.module_count; i++)
		assert(boot_info.modules[i].base + boot_info.modules[i].bytes >= boot_info.modules[i].base);
	return 0;
}
