// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows into a fresh core. They come from a file that may have been damaged or edited: each is checked as if a stranger had
 * sent it, and the first that makes no sense is named (S4, docs/store.md).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"
#include "gmm/core/record.h"

static int refuse_row(struct gmm_core *core, enum gmm_record_kind kind, uint32_t slot, const char *why)
{
	struct text text = gmm_refuse(core);

	text_string(&text, "the store's ");
	text_string(&text, gmm_record_kind_name(kind));
	text_string(&text, " ");
	text_number(&text, slot);
	text_string(&text, " makes no sense: ");
	text_string(&text, why);
	return -EINVAL;
}

/* ---------------------------------------------------------------- single rows */

static const char *take_meta(struct gmm_core *core, const struct gmm_record_meta *meta)
{
	if (meta->vm_id_next == 0 || meta->operation_id_next == 0)
		return "an id that counts from 0";
	if (meta->vm_id_next > core->vm_id_next)
		core->vm_id_next = meta->vm_id_next;
	core->operation_id_next = meta->operation_id_next;
	core->event_sequence = meta->event_sequence;
	return NULL;
}

/* Whoever is admitted was checked against all others. */
static bool admitted_like(const struct gmm_core *core, const struct gmm_record_node *from)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].origin == GMM_ORIGIN_ADMITTED &&
		    (core->nodes[i].address == from->address || memcmp(core->nodes[i].mac, from->mac, sizeof(from->mac)) == 0))
			return true;
	return false;
}

static const char *take_node(struct gmm_core *core, uint32_t slot, const struct gmm_record_node *from, uint64_t now_ns)
{
	struct gmm_node *node = &core->nodes[slot];

	if (slot != core->node_count)
		return "nodes before it are missing";
	if (from->origin >= GMM_ORIGINS)
		return "it comes from nowhere";
	if (!text_ends(from->name, sizeof(from->name)) || from->name[0] == '\0' ||
	    (from->origin != GMM_ORIGIN_FORGOTTEN && gmm_core_node_named(core, from->name)))
		return "its name is empty, too long or another node's";
	if (!text_ends(from->domain, sizeof(from->domain)))
		return "its domain does not end";
	if (from->origin == GMM_ORIGIN_FORGOTTEN && (from->incarnation || from->admin != GMM_ADMIN_RETIRED))
		return "it is forgotten and not retired";
	if (from->origin == GMM_ORIGIN_ADMITTED && admitted_like(core, from))
		return "its MAC or address is another node's that was admitted";
	if (from->role != WIRE_ROLE_PROCESS && from->role != WIRE_ROLE_MEMORY)
		return "its role is neither process nor memory";
	if (from->capacity_pages > GMM_NODE_PAGES_MAX)
		return "its capacity is out of range";
	if (from->admin >= GMM_ADMIN_STATES)
		return "there is no such state of administration";
	core->node_count++;
	node->id = GMM_NODE_FIRST + slot;
	node->role = from->role;
	node->address = from->address;
	node->incarnation = from->incarnation;
	node->admin = (enum gmm_node_admin)from->admin;
	node->domain_first = node->id;
	node->join.capacity_pages = from->capacity_pages;
	node->state = from->incarnation ? GMM_NODE_EXPECTED : GMM_NODE_ABSENT;
	node->renewed_ns = now_ns;
	node->reclaim_first = GMM_NONE;
	memcpy(node->mac, from->mac, sizeof(node->mac));
	memcpy(node->name, from->name, sizeof(node->name));
	node->origin = (enum gmm_node_origin)from->origin;
	node->configured = from->origin == GMM_ORIGIN_ADMITTED;
	memcpy(node->uuid, from->uuid, sizeof(node->uuid));
	if (from->origin == GMM_ORIGIN_ADMITTED)
		memcpy(node->domain, from->domain, sizeof(node->domain));
	gmm_life_begin(node, now_ns);
	return NULL;
}

static const char *take_vm(struct gmm_core *core, uint32_t slot, const struct gmm_record_vm *from)
{
	const struct gmm_node *node = gmm_core_node(core, from->node);
	const struct gmm_vm_spec *spec = &from->spec;
	struct gmm_vm *vm = &core->vms[slot];

	if (!text_ends(spec->name, sizeof(spec->name)) || !text_ends(spec->command_line, sizeof(spec->command_line)) ||
	    !text_ends(spec->kernel, sizeof(spec->kernel)) || !text_ends(spec->initrd, sizeof(spec->initrd)) ||
	    !text_ends(from->reason, sizeof(from->reason)))
		return "one of its texts does not end";
	if (from->id == 0 || from->id >= core->vm_id_next || gmm_core_vm(core, from->id) || gmm_core_vm_named(core, spec->name))
		return "its id or name is out of range or another VM's";
	if (from->phase <= GMM_VM_FREE || from->phase > GMM_VM_GONE || from->state > WIRE_VM_FAILED)
		return "there is no such state";
	if (!node || node->role != WIRE_ROLE_PROCESS)
		return "it is on no process component";
	if (spec->memory_bytes == 0 || spec->memory_bytes % PAGE_BYTES || spec->memory_bytes > VM_MEMORY_BYTES_MAX ||
	    spec->cache_bytes / PAGE_BYTES > UINT32_MAX || from->cache_wanted_bytes / PAGE_BYTES > UINT32_MAX ||
	    spec->vcpus == 0 || spec->vcpus > VCPUS_PER_VM_MAX)
		return "its size is out of range";
	if (!gmm_restart_is_valid(spec->restart, spec->restart_max, spec->restart_window_s) || from->wanted > 1 ||
	    spec->overcommit > GMM_OVERCOMMIT_ALL || spec->spread > GMM_SPREAD_MAX || from->looping > 1)
		return "its restart policy, overcommit or spread is out of range";
	if (spec->devices & ~DEVICES_ALL)
		return "it has devices that this manager does not know";
	vm->id = from->id;
	vm->spec = *spec;
	gmm_vm_enter(core, vm, (enum gmm_vm_phase)from->phase);
	vm->cache_wanted_bytes = from->cache_wanted_bytes;
	vm->cache_lines = (uint32_t)((spec->cache_bytes > vm->cache_wanted_bytes ? spec->cache_bytes : vm->cache_wanted_bytes) / PAGE_BYTES);
	vm->node = from->node;
	vm->state = from->state;
	vm->status = from->status;
	memcpy(vm->reason, from->reason, sizeof(vm->reason));
	/* Times before this machine's clock began wrap around, and so do the differences that are made of them. */
	vm->created_ns = from->created_wall_ns - core->config.wall_offset_ns;
	vm->changed_ns = from->changed_wall_ns - core->config.wall_offset_ns;
	vm->wanted = from->wanted;
	vm->looping = from->looping;
	vm->restarts = from->restarts;
	vm->restart_since_ns = from->restart_since_wall_ns - core->config.wall_offset_ns;
	vm->operation = vm->move = vm->resize = GMM_NONE;
	vm->region_first = GMM_NONE;
	return NULL;
}

static const char *take_region(struct gmm_core *core, uint32_t slot, const struct gmm_record_region *from)
{
	const struct gmm_node *node = gmm_core_node(core, from->node);

	if (from->state == GMM_REGION_PROMISED ? from->node != 0 : !node || node->role != WIRE_ROLE_MEMORY)
		return "it is on no memory component, or promised and on one";
	if (from->vm == 0 || from->vm >= core->vm_id_next || from->index >= REGIONS_PER_VM_MAX || from->epoch == 0 ||
	    from->pages == 0 || from->pages > REGION_PAGES || !gmm_core_node(core, from->owner))
		return "its VM, index, epoch, size or owner is out of range";
	if (from->state != GMM_REGION_PLANNED && from->state != GMM_REGION_LIVE && from->state != GMM_REGION_LOST &&
	    from->state != GMM_REGION_RECLAIM && from->state != GMM_REGION_PROMISED)
		return "there is no such state";
	if (slot >= core->region_top)
		core->region_top = slot + 1;
	core->regions[slot] = (struct gmm_region){
		.vm = from->vm, .base = from->base, .index = from->index, .epoch = from->epoch,
		.epoch_tried = from->epoch_tried, .node = from->node,
		.owner = from->owner, .pages = from->pages, .rkey = from->rkey, .next = GMM_NONE, .operation = GMM_NONE,
		.state = (enum gmm_region_state)from->state, .unsure = from->state == GMM_REGION_PLANNED,
	};
	return NULL;
}

static const char *take_zombie(struct gmm_core *core, uint32_t slot, const struct gmm_record_zombie *from)
{
	struct gmm_node *node = gmm_core_node(core, GMM_NODE_FIRST + slot / VMS_PER_NODE_MAX);

	if (!node || from->vm == 0)
		return "it is of no node or no VM";
	node->zombies[slot % VMS_PER_NODE_MAX].vm = from->vm;
	node->zombie_count++;
	node->vms++;
	return NULL;
}

int gmm_core_restore(struct gmm_core *core, const struct gmm_record *record, uint64_t now_ns)
{
	const char *why = "there is no such kind";

	assert(!record->gone);
	if (record->kind >= GMM_RECORD_META && record->kind < GMM_RECORD_KINDS && record->slot >= gmm_record_slots(record->kind))
		return refuse_row(core, record->kind, record->slot, "there is no such place");
	switch (record->kind) {
	case GMM_RECORD_META: why = take_meta(core, &record->meta); break;
	case GMM_RECORD_NODE: why = take_node(core, record->slot, &record->node, now_ns); break;
	case GMM_RECORD_VM: why = take_vm(core, record->slot, &record->vm); break;
	case GMM_RECORD_REGION: why = take_region(core, record->slot, &record->region); break;
	case GMM_RECORD_ZOMBIE: why = take_zombie(core, record->slot, &record->zombie); break;
	case GMM_RECORD_OPERATION: why = gmm_operation_restore(core, record, now_ns); break;
	case GMM_RECORD_ENDED: why = gmm_history_restore(core, record); break;
	case GMM_RECORD_HEALTH: why = gmm_health_restore(core, record); break;
	case GMM_RECORD_KINDS: break;
	}
	return why ? refuse_row(core, record->kind, record->slot, why) : 0;
}

void gmm_core_restore_event(struct gmm_core *core, const struct gmm_event *event)
{
	if (event->sequence == 0 || event->sequence > core->event_sequence)
		return;
	core->events[(event->sequence - 1) % GMM_EVENTS_MAX] = *event;
}

/* ---------------------------------------------------------------- lists and sums */

/* Chains may only be walked once they are known to be right: all links are made here, none are stored. */
static const char *link_region(struct gmm_core *core, uint32_t slot, struct gmm_vm **last)
{
	struct gmm_region *region = &core->regions[slot];
	struct gmm_node *node = gmm_core_node(core, region->node);

	if (node) {
		node->pages_reserved += region->pages;
		node->regions_reserved++;
		node->regions += region->state != GMM_REGION_PLANNED;
		node->pages_planned += region->state == GMM_REGION_PLANNED ? region->pages : 0;
		if (node->pages_reserved > GMM_NODE_PAGES_MAX)
			return "its node is fuller than nodes can be";
	} else {
		core->pages_promised += region->pages;
	}
	if (region->state == GMM_REGION_RECLAIM) {
		region->next = node->reclaim_first;
		node->reclaim_first = slot;
		return NULL;
	}
	if (gmm_region_is_held(core, slot))
		return NULL;
	/* Regions of one VM stand together, as they were made. */
	if (!*last || (*last)->id != region->vm)
		*last = gmm_core_vm(core, region->vm);
	if (!*last)
		return "its VM is not there";
	if ((*last)->phase == GMM_VM_GONE)
		return "its VM is lost, but it is not being reclaimed";
	/* Who is told of a region first keeps it as LIVE (promise.c). */
	region->untold = region->state == GMM_REGION_PLANNED && (*last)->phase == GMM_VM_READY;
	region->next = (*last)->region_first;
	(*last)->region_first = slot;
	(*last)->region_count++;
	return NULL;
}

/* A VM's regions in the order of their index, all there but never one twice. */
static const char *sort_regions(struct gmm_core *core, struct gmm_vm *vm)
{
	uint32_t places[REGIONS_PER_VM_MAX];
	uint64_t pages = 0;
	uint32_t *link = &vm->region_first;

	for (uint32_t i = 0; i < REGIONS_PER_VM_MAX; i++)
		places[i] = GMM_NONE;
	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
		if (places[core->regions[at].index] != GMM_NONE)
			return "it has two regions for one place";
		places[core->regions[at].index] = at;
		pages += core->regions[at].pages;
	}
	for (uint32_t i = 0; i < vm->region_count; i++) {
		if (places[i] == GMM_NONE)
			return "one of its regions is missing";
		*link = places[i];
		link = &core->regions[places[i]].next;
	}
	*link = GMM_NONE;
	if (vm->phase != GMM_VM_GONE && pages * PAGE_BYTES != vm->spec.memory_bytes)
		return "its regions are not all of its memory";
	return NULL;
}

static const char *settle_vm(struct gmm_core *core, struct gmm_vm *vm)
{
	struct gmm_node *node = gmm_core_node(core, vm->node);

	if ((vm->phase == GMM_VM_CREATING || vm->phase == GMM_VM_DESTROYING) && vm->operation == GMM_NONE)
		return "it is being made or destroyed by no operation";
	if (vm->cache_wanted_bytes && vm->resize == GMM_NONE)
		return "its share is being resized by no operation";
	if (vm->phase == GMM_VM_GONE && vm->operation != GMM_NONE)
		return "it is lost and an operation works on it";
	if (vm->phase != GMM_VM_GONE) {
		node->vms++;
		node->lines_given += vm->cache_lines;
		node->vcpus_given += vm->spec.vcpus;
		node->bandwidth_given_mbps += vm->spec.bandwidth_mbps;
	}
	return sort_regions(core, vm);
}

static void free_list(struct gmm_core *core)
{
	uint32_t *link = &core->region_free;

	core->regions_used = 0;
	for (uint32_t i = 0; i < core->region_top; i++) {
		if (core->regions[i].state != GMM_REGION_FREE) {
			core->regions_used++;
			continue;
		}
		*link = i;
		link = &core->regions[i].next;
	}
	*link = GMM_NONE;
}

int gmm_core_restored(struct gmm_core *core, uint64_t now_ns)
{
	struct gmm_vm *last = NULL;
	const char *why;

	core->now_ns = now_ns;
	free_list(core);
	for (uint32_t i = 0; i < core->region_top; i++) {
		why = core->regions[i].state == GMM_REGION_FREE ? NULL : link_region(core, i, &last);
		if (why)
			return refuse_row(core, GMM_RECORD_REGION, i, why);
	}
	gmm_domains_number(core);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		why = core->vms[i].phase == GMM_VM_FREE ? NULL : settle_vm(core, &core->vms[i]);
		if (why)
			return refuse_row(core, GMM_RECORD_VM, i, why);
	}
	gmm_core_check(core);
	gmm_resume(core, now_ns);
	return 0;
}
