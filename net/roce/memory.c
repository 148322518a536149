/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory regions. An rkey is a table index in its low bits and random bits above: looked up at once, not to be
 * guessed, and refused after its slot was given to another region.
 */
#include <plenum/page.h>

#include "net/roce/internal.h"

#define SLOT_NONE UINT32_MAX
#define RKEY_TRIES_MAX 64u		/* a good source of randomness needs one */

void roce_memory_init(struct roce_device *device)
{
	uint32_t slots = device->config.limits.memory_regions_max;

	for (uint32_t i = 0; i < slots; i++)
		device->regions[i].next_free = i + 1 < slots ? i + 1 : SLOT_NONE;
	device->region_free_head = slots > 0 ? 0 : SLOT_NONE;
	device->region_free_tail = slots > 0 ? slots - 1 : SLOT_NONE;
}

static struct memory_region *find(struct roce_device *device, uint32_t rkey)
{
	uint32_t slot = rkey & device->region_mask;

	if (rkey == 0 || slot >= device->config.limits.memory_regions_max || device->regions[slot].rkey != rkey)
		return NULL;
	return &device->regions[slot];
}

static uint32_t draw_rkey(struct roce_device *device, uint32_t slot)
{
	for (unsigned i = 0; i < RKEY_TRIES_MAX; i++) {
		uint32_t rkey = (roce_random32(device) & ~device->region_mask) | slot;

		if ((rkey & ~device->region_mask) != 0 && rkey != device->regions[slot].rkey_last)
			return rkey;
	}
	return 0;
}

static bool config_valid(const struct roce_memory_config *config)
{
	if (!config->ops || config->len_bytes == 0 || config->base + (config->len_bytes - 1) < config->base)
		return false;
	if (config->access & ~(ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC |
			       ROCE_ACCESS_REMOTE_INVALIDATE))
		return false;
	if ((config->access & ROCE_ACCESS_REMOTE_INVALIDATE) && config->peer == ROCE_PEER_ANY)
		return false;
	return (config->ops->read || !(config->access & ROCE_ACCESS_REMOTE_READ)) &&
	       (config->ops->write || !(config->access & ROCE_ACCESS_REMOTE_WRITE));
}

int roce_memory_register(struct roce_device *device, const struct roce_memory_config *config, uint32_t *rkey)
{
	uint32_t slot = device->region_free_head;
	struct memory_region *region;

	if (!config_valid(config))
		return -EINVAL;
	if (slot == SLOT_NONE)
		return -ENOBUFS;
	*rkey = draw_rkey(device, slot);
	if (*rkey == 0)
		return -ENOBUFS;
	region = &device->regions[slot];
	device->region_free_head = region->next_free;
	if (region->next_free == SLOT_NONE)
		device->region_free_tail = SLOT_NONE;
	region->rkey = region->rkey_last = *rkey;
	region->access = config->access;
	region->ops = config->ops;
	region->context = config->context;
	region->base = config->base;
	region->len_bytes = config->len_bytes;
	region->peer = config->peer;
	return 0;
}

int roce_memory_deregister(struct roce_device *device, uint32_t rkey)
{
	struct memory_region *region = find(device, rkey);
	uint32_t slot;

	if (!region)
		return -ENOENT;
	slot = (uint32_t)(region - device->regions);
	region->rkey = 0;
	region->next_free = SLOT_NONE;
	if (device->region_free_tail == SLOT_NONE)
		device->region_free_head = slot;
	else
		device->regions[device->region_free_tail].next_free = slot;
	device->region_free_tail = slot;
	return 0;
}

void roce_memory_plain(struct roce_memory_config *config, void *bytes, uint64_t len_bytes)
{
	config->ops = &roce_memory_plain_ops;
	config->base = (uintptr_t)bytes & PAGE_MASK;
	config->context = (uint8_t *)bytes - config->base;
	config->len_bytes = len_bytes;
}

int roce_register_local(struct roce_device *device, void *memory, size_t len_bytes)
{
	(void)device;
	(void)memory;
	(void)len_bytes;
	return 0;
}

struct memory_region *roce_memory_check(struct roce_device *device, const struct memory_access *access)
{
	struct memory_region *region = find(device, access->rkey);
	uint64_t offset;

	if (!region) {
		device->counters.access_unknown_rkey++;
		return NULL;
	}
	if (region->peer != ROCE_PEER_ANY && region->peer != access->peer) {
		device->counters.access_wrong_peer++;
		return NULL;
	}
	if (!(region->access & access->right)) {
		device->counters.access_rights++;
		return NULL;
	}
	offset = access->address - region->base;
	if (access->address < region->base || access->len_bytes > region->len_bytes ||
	    offset > region->len_bytes - access->len_bytes) {
		device->counters.access_bounds++;
		return NULL;
	}
	return region;
}

bool roce_memory_invalidatable(struct roce_device *device, uint32_t rkey, uint64_t peer)
{
	const struct memory_region *region = find(device, rkey);

	if (!region) {
		device->counters.access_unknown_rkey++;
		return false;
	}
	if (region->peer != peer) {
		device->counters.access_wrong_peer++;
		return false;
	}
	if (!(region->access & ROCE_ACCESS_REMOTE_INVALIDATE)) {
		device->counters.access_rights++;
		return false;
	}
	assert(peer != ROCE_PEER_ANY);
	return true;
}

static int plain_read(void *context, uint64_t address, void *bytes, uint32_t len_bytes)
{
	memcpy(bytes, (const uint8_t *)context + address, len_bytes);
	return 0;
}

static const void *plain_source(void *context, uint64_t address, uint32_t len_bytes)
{
	(void)len_bytes;
	return (const uint8_t *)context + address;
}

static int plain_write(void *context, uint64_t address, const void *bytes, uint32_t len_bytes)
{
	memcpy((uint8_t *)context + address, bytes, len_bytes);
	return 0;
}

static int plain_atomic(void *context, uint64_t address, enum roce_opcode operation, uint64_t operand, uint64_t compare,
			uint64_t *original)
{
	uint8_t *place = (uint8_t *)context + address;
	uint64_t value;

	memcpy(original, place, sizeof(*original));
	value = operation == ROCE_FETCH_ADD ? *original + operand : *original == compare ? operand : *original;
	memcpy(place, &value, sizeof(value));
	return 0;
}

const struct roce_memory_ops roce_memory_plain_ops = { .read = plain_read, .source = plain_source, .write = plain_write,
						       .atomic = plain_atomic };
