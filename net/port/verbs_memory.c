// SPDX-License-Identifier: GPL-2.0-only
/* Protection domains, regions that peers may reach, and the memory that our own work requests use. */
#include <assert.h>
#include <errno.h>

#include "net/port/verbs_internal.h"

/* ---------------------------------------------------------------- domains */

struct verbs_domain *verbs_domain_get(struct verbs_device *device, uint64_t peer)
{
	struct verbs_domain *place = &device->domains[device->domains_count];

	for (uint32_t i = 0; i < device->domains_count; i++) {
		struct verbs_domain *domain = &device->domains[i];

		if (domain->users > 0 && domain->peer == peer) {
			domain->users++;
			return domain;
		}
		if (domain->users == 0)
			place = domain;
	}
	/* Each is used by a queue pair or a region at least, and has a place. */
	assert(place < device->domains + device->limits.queue_pairs_max + device->limits.memory_regions_max);
	*place = (struct verbs_domain){ .peer = peer, .pd = ibv_alloc_pd(device->context) };
	if (place->pd == NULL)
		return NULL;
	place->users = 1;
	if (place == &device->domains[device->domains_count])
		device->domains_count++;
	return place;
}

void verbs_domain_put(struct verbs_domain *domain)
{
	assert(domain->users > 0);
	if (--domain->users > 0)
		return;
	for (uint32_t i = 0; i < VERBS_LOCAL_RANGES_MAX; i++)
		if (domain->local[i] != NULL)
			ibv_dereg_mr(domain->local[i]);
	ibv_dealloc_pd(domain->pd);
	*domain = (struct verbs_domain){ 0 };
}

/* ---------------------------------------------------------------- our own memory */

/* Can it be registered at all? Later, when a connection needs it, nobody could be told. */
static int try_to_register(const struct verbs_device *device, void *memory, size_t len_bytes)
{
	struct ibv_pd *pd = ibv_alloc_pd(device->context);
	struct ibv_mr *mr = pd != NULL ? ibv_reg_mr(pd, memory, len_bytes, IBV_ACCESS_LOCAL_WRITE) : NULL;
	int status = mr != NULL ? 0 : -errno;

	if (mr != NULL)
		ibv_dereg_mr(mr);
	if (pd != NULL)
		ibv_dealloc_pd(pd);
	return status;
}

int verbs_register_local(struct roce_device *opaque, void *memory, size_t len_bytes)
{
	struct verbs_device *device = verbs_of(opaque);
	int status;

	assert(memory != NULL && len_bytes > 0);
	if (device->ranges_count == VERBS_LOCAL_RANGES_MAX)
		return -ENOBUFS;
	status = try_to_register(device, memory, len_bytes);
	if (status != 0)
		return status;
	device->ranges[device->ranges_count++] = (struct verbs_range){ memory, len_bytes };
	return 0;
}

int verbs_local_key(struct verbs_device *device, struct verbs_domain *domain, const void *bytes, uint32_t len_bytes,
		    uint32_t *key)
{
	uintptr_t at = (uintptr_t)bytes;

	for (uint32_t i = 0; i < device->ranges_count; i++) {
		const struct verbs_range *range = &device->ranges[i];
		uintptr_t first = (uintptr_t)range->first;

		if (at < first || at - first > range->len_bytes || len_bytes > range->len_bytes - (at - first))
			continue;
		/* Registration pins: each domain gets only what its queue pairs use. */
		if (domain->local[i] == NULL)
			domain->local[i] = ibv_reg_mr(domain->pd, range->first, range->len_bytes, IBV_ACCESS_LOCAL_WRITE);
		if (domain->local[i] == NULL)
			return -ENOMEM;
		*key = domain->local[i]->lkey;
		return 0;
	}
	return -EINVAL;
}

/* ---------------------------------------------------------------- regions */

static unsigned access_flags(uint32_t access)
{
	unsigned flags = 0;

	if (access & ROCE_ACCESS_REMOTE_READ)
		flags |= IBV_ACCESS_REMOTE_READ;
	/* A peer may only write where we might. */
	if (access & ROCE_ACCESS_REMOTE_WRITE)
		flags |= IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_LOCAL_WRITE;
	if (access & ROCE_ACCESS_REMOTE_ATOMIC)
		flags |= IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_LOCAL_WRITE;
	return flags;
}

int verbs_memory_register(struct roce_device *opaque, const struct roce_memory_config *config, uint32_t *rkey)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_region *region = device->regions, *end = region + device->limits.memory_regions_max;
	struct verbs_domain *domain;
	struct ibv_mr *mr;

	if (config->len_bytes == 0 || config->access == 0 || config->base > UINT64_MAX - config->len_bytes)
		return -EINVAL;
	if (config->ops != &roce_memory_plain_ops || (config->access & ROCE_ACCESS_REMOTE_INVALIDATE) != 0)
		return -EOPNOTSUPP;
	while (region < end && region->mr != NULL)
		region++;
	if (region == end)
		return -ENOBUFS;
	domain = verbs_domain_get(device, config->peer);
	if (domain == NULL)
		return -ENOBUFS;
	/* Plain memory's context is where the wire's address 0 would be. */
	mr = ibv_reg_mr_iova(domain->pd, (uint8_t *)config->context + config->base, config->len_bytes, config->base,
			     access_flags(config->access));
	if (mr == NULL) {
		int status = -errno;

		verbs_domain_put(domain);
		return status == -ENOMEM ? -ENOBUFS : status;
	}
	*region = (struct verbs_region){ mr, domain };
	*rkey = mr->rkey;
	return 0;
}

int verbs_memory_deregister(struct roce_device *opaque, uint32_t rkey)
{
	struct verbs_device *device = verbs_of(opaque);

	for (uint32_t i = 0; i < device->limits.memory_regions_max; i++) {
		struct verbs_region *region = &device->regions[i];

		if (region->mr == NULL || region->mr->rkey != rkey)
			continue;
		ibv_dereg_mr(region->mr);
		region->mr = NULL;
		verbs_domain_put(region->domain);
		return 0;
	}
	return -ENOENT;
}
