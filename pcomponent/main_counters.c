/* SPDX-License-Identifier: GPL-2.0-only */
/* What the node tells of itself: with each renewal of its lease, and all counters as text. Under the fabric lock. */
#include <string.h>

#include "pcomponent/process.h"

static const struct wire_vm_status *vm_status(uint32_t slot)
{
	static struct wire_vm_status status;

	memset(&status, 0, sizeof(status));
	cache_vm_status(process.cache, slot, &status);
	hv_vm_status(process.hv, slot, &status);
	return &status;
}

void renew_fill(void *context, struct wire_node_renew *renew, uint64_t now)
{
	(void)context;
	node_renew_fill(process.fabric, renew, now);
	renew->pages_capacity = process.lines_count;
	renew->pages_reserved = process.lines_count - cache_lines_free(process.cache);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct wire_vm_status *status;

		if (!process.vm[slot].id)
			continue;
		status = vm_status(slot);
		renew->vms++;
		renew->pages_stored += status->lines_used;
		renew->reads += status->fills;
		renew->writes += status->write_backs;
	}
}

size_t counters_fill(void *context, char *text, size_t bytes)
{
	size_t len = fabric_counters_text(process.fabric, text, bytes);

	(void)context;
	node_counters_append(text, bytes, &len, "kernel_bytes", kernel_bytes_used());
	node_counters_append(text, bytes, &len, "cache_lines", process.lines_count);
	node_counters_append(text, bytes, &len, "cache_lines_free", cache_lines_free(process.cache));
	node_counters_append(text, bytes, &len, "cache_table_bytes", process.cache_table_bytes);
	node_counters_append(text, bytes, &len, "npt_pages", process.npt_pool.pages_count);
	node_counters_append(text, bytes, &len, "npt_pages_free", process.npt_pool.free_count);
#define APPEND(counter) node_counters_append(text, bytes, &len, "region_" #counter, region_counters(process.regions)->counter);
	REGION_COUNTERS(APPEND)
#undef APPEND
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct wire_vm_status *status;
		char name[64];

		if (!process.vm[slot].id)
			continue;
		status = vm_status(slot);
#define APPEND(counter) \
		snprintf(name, sizeof(name), "vm_%lu_" #counter, process.vm[slot].id); \
		node_counters_append(text, bytes, &len, name, status->counter);
		WIRE_VM_COUNTERS(APPEND)
#undef APPEND
	}
	return len;
}
