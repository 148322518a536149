/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions that are only promised: they get a place on a memory component when the cache first has something to store there
 * (docs/overcommit.md).
 *
 *	promised --region_write--> wanted --region_map--> known
 *
 *	G11 Nothing of a promised region was ever written back, so its pages are zeros or in lines of the cache: no READ of it is begun.
 *	G12 A WRITE to it is not accepted (-ENOSPC), so it takes up no request: its line stays with the cache, dirty (I1).
 *	G13 A wanted region is asked for again and again until it has its place: neither a lost answer nor a new manager ends that.
 *	G14 A region that has a place is never promised again.
 */
#include "pcomponent/region/internal.h"

#define REGION_ASK_NS UINT64_C(1000000000)	/* from one round of asking to the next */

int region_promise(struct region_client *client, uint32_t vm, const struct wire_vm_region *region)
{
	struct region_vm *of;
	struct region_entry *entry;

	if (vm >= client->config.vms_max || client->vms[vm].pages == 0 || region->epoch != 0 ||
	    region->index >= REGIONS_PER_VM_MAX || (uint64_t)region->index * REGION_PAGES >= client->vms[vm].pages ||
	    (region->rkey | region->node | region->address) != 0 || region->base != 0)
		return -EINVAL;
	of = &client->vms[vm];
	entry = &of->regions[region->index];
	if (entry->epoch > 0)
		return -ESTALE;
	if (!entry->promised)
		of->regions_known++;
	entry->promised = true;
	return 0;
}

int region_place_want(struct region_client *client, uint32_t vm, uint64_t page, uint64_t now_ns)
{
	struct region_vm *of = &client->vms[vm];
	struct region_entry *entry = page_entry(client, vm, page);
	uint32_t index = (uint32_t)(page / REGION_PAGES);

	assert(entry->promised && entry->epoch == 0 && !region_page_written(client, vm, page));
	if (entry->wanted)
		return -ENOSPC;
	entry->wanted = true;
	if (of->wanted++ == 0) {
		of->waits_ns = now_ns;
		of->ask_next = index;
		of->ask_ns = now_ns + REGION_ASK_NS;
	} else if (index < of->ask_next) {
		of->ask_next = index;
	}
	if (client->config.wanted != NULL)
		client->config.wanted(client->config.other_context, vm);
	return -ENOSPC;
}

bool region_place_given(struct region_client *client, uint32_t vm, struct region_entry *entry)
{
	struct region_vm *of = &client->vms[vm];

	assert(entry->promised && entry->epoch == 0);
	if (!entry->wanted)
		return false;
	assert(of->wanted > 0);
	if (--of->wanted == 0)
		of->waits_ns = 0;
	return true;
}

static uint32_t next_wanted(const struct region_vm *of)
{
	uint32_t index = of->ask_next;

	while (index < REGIONS_PER_VM_MAX && !of->regions[index].wanted)
		index++;
	return index;
}

bool region_place_wanted(struct region_client *client, uint32_t vm, uint32_t *index, uint64_t now_ns)
{
	struct region_vm *of = &client->vms[vm];

	assert(vm < client->config.vms_max);
	if (of->pages == 0 || of->wanted == 0)
		return false;
	*index = next_wanted(of);
	if (*index == REGIONS_PER_VM_MAX && now_ns >= of->ask_ns) {
		of->ask_next = 0;
		of->ask_ns = now_ns + REGION_ASK_NS;
		*index = next_wanted(of);
	}
	of->ask_next = *index < REGIONS_PER_VM_MAX ? *index + 1 : *index;
	return *index < REGIONS_PER_VM_MAX;
}

void region_place_not_asked(struct region_client *client, uint32_t vm, uint32_t index)
{
	struct region_vm *of = &client->vms[vm];

	assert(vm < client->config.vms_max && index < REGIONS_PER_VM_MAX);
	if (index < of->ask_next)
		of->ask_next = index;
}

uint64_t region_place_deadline_ns(const struct region_client *client, uint32_t vm)
{
	const struct region_vm *of = &client->vms[vm];

	assert(vm < client->config.vms_max);
	if (of->pages == 0 || of->wanted == 0)
		return NEVER_NS;
	return next_wanted(of) < REGIONS_PER_VM_MAX ? 0 : of->ask_ns;
}

uint64_t region_vm_waits_ns(const struct region_client *client, uint32_t vm)
{
	assert(vm < client->config.vms_max);
	return client->vms[vm].pages > 0 ? client->vms[vm].waits_ns : 0;
}
