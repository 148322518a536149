// SPDX-License-Identifier: GPL-2.0-only
/* The bzImage header: any bytes give a refusal with a reason, or a plan whose segments lie in memory and apart. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pcomponent/load/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sizes {
	uint64_t kernel_bytes, initrd_bytes, memory_bytes;
};

static void check(const struct load_plan *plan, const struct sizes *sizes)
{
	const uint64_t source_bytes[] = {
		[LOAD_FROM_KERNEL] = sizes->kernel_bytes, [LOAD_FROM_INITRD] = sizes->initrd_bytes,
		[LOAD_FROM_SMALL] = plan->small_len_bytes,
	};

	assert(plan->small_len_bytes <= LOAD_SMALL_BYTES && plan->segment_count <= LOAD_SEGMENTS_MAX);
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct load_segment *a = &plan->segments[i];

		assert(a->offset_bytes <= source_bytes[a->source] && a->len_bytes <= source_bytes[a->source] - a->offset_bytes);
		assert(a->address <= sizes->memory_bytes && a->len_bytes <= sizes->memory_bytes - a->address);
		for (uint32_t j = 0; j < i; j++) {
			const struct load_segment *b = &plan->segments[j];

			assert(a->address + a->len_bytes <= b->address || b->address + b->len_bytes <= a->address);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct load_plan plan;
	struct load_request request = { .command_line = "console=ttyS0", .vcpus = 1, .tsc_khz = 2000000 };
	struct sizes sizes;
	char reason[80] = "";
	uint8_t *header;
	int status;

	if (size < sizeof(sizes))
		return 0;
	memcpy(&sizes, data, sizeof(sizes));
	size -= sizeof(sizes);
	/* On the heap at its true size, so that the sanitizer sees every read beyond it. */
	header = malloc(size + 1);
	memcpy(header, data + sizeof(sizes), size);
	request.header = header;
	request.devices = (uint32_t)size & DEVICES_ALL;
	request.header_len_bytes = (uint32_t)size;
	request.kernel_len_bytes = sizes.kernel_bytes;
	request.initrd_len_bytes = sizes.initrd_bytes;
	request.memory_bytes = sizes.memory_bytes;
	status = load_linux_plan(&plan, &request, reason, sizeof(reason));
	if (status)
		assert(status < 0 && reason[0]);
	else
		check(&plan, &sizes);
	free(header);
	return 0;
}
