// SPDX-License-Identifier: GPL-2.0-only
/* The core's tables as rows, and which of them changed. */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"
#include "gmm/core/record.h"

#define ZOMBIES (NODES_MAX * VMS_PER_NODE_MAX)

uint32_t gmm_record_slots(enum gmm_record_kind kind)
{
	static const uint32_t slots[GMM_RECORD_KINDS] = {
		[GMM_RECORD_META] = 1, [GMM_RECORD_NODE] = NODES_MAX, [GMM_RECORD_VM] = GMM_VMS_MAX,
		[GMM_RECORD_REGION] = GMM_REGIONS_MAX, [GMM_RECORD_ZOMBIE] = ZOMBIES,
		[GMM_RECORD_OPERATION] = GMM_OPERATIONS_MAX, [GMM_RECORD_ENDED] = GMM_ENDED_MAX,
		[GMM_RECORD_HEALTH] = GMM_HEALTH_COUNT,
	};

	_Static_assert(1 + NODES_MAX + GMM_VMS_MAX + GMM_REGIONS_MAX + ZOMBIES + GMM_OPERATIONS_MAX + GMM_ENDED_MAX + GMM_HEALTH_COUNT ==
		       GMM_ROWS_MAX, "all kinds");
	assert(kind >= GMM_RECORD_META && kind < GMM_RECORD_KINDS);
	return slots[kind];
}

const char *gmm_record_kind_name(enum gmm_record_kind kind)
{
	static const char *const names[GMM_RECORD_KINDS] = {
		[GMM_RECORD_META] = "meta", [GMM_RECORD_NODE] = "node", [GMM_RECORD_VM] = "vm", [GMM_RECORD_REGION] = "region",
		[GMM_RECORD_ZOMBIE] = "zombie", [GMM_RECORD_OPERATION] = "operation",
		[GMM_RECORD_ENDED] = "ended", [GMM_RECORD_HEALTH] = "health",
	};

	assert(kind >= GMM_RECORD_META && kind < GMM_RECORD_KINDS);
	return names[kind];
}

/* ---------------------------------------------------------------- what changed */

/* Rows are numbered through: all of the first kind, then all of the next. */
static uint32_t row_first(enum gmm_record_kind kind)
{
	uint32_t row = 0;

	for (int before = GMM_RECORD_META; before < (int)kind; before++)
		row += gmm_record_slots((enum gmm_record_kind)before);
	return row;
}

static void mark(struct gmm_core *core, enum gmm_record_kind kind, uint32_t slot)
{
	struct gmm_dirty *dirty = &core->dirty;
	uint32_t row = row_first(kind) + slot;

	assert(slot < gmm_record_slots(kind));
	if (dirty->marked[row / 8] & 1u << row % 8)
		return;
	dirty->marked[row / 8] |= (uint8_t)(1u << row % 8);
	dirty->rows[dirty->count++] = row;
}

void gmm_dirty_meta(struct gmm_core *core)
{
	mark(core, GMM_RECORD_META, 0);
}

void gmm_dirty_node(struct gmm_core *core, const struct gmm_node *node)
{
	mark(core, GMM_RECORD_NODE, (uint32_t)(node - core->nodes));
}

void gmm_dirty_vm(struct gmm_core *core, const struct gmm_vm *vm)
{
	mark(core, GMM_RECORD_VM, gmm_vm_index(core, vm));
}

void gmm_dirty_region(struct gmm_core *core, uint32_t region)
{
	mark(core, GMM_RECORD_REGION, region);
}

void gmm_dirty_zombie(struct gmm_core *core, const struct gmm_node *node, uint32_t place)
{
	mark(core, GMM_RECORD_ZOMBIE, (uint32_t)(node - core->nodes) * VMS_PER_NODE_MAX + place);
}

void gmm_dirty_operation(struct gmm_core *core, const struct gmm_operation *operation)
{
	mark(core, GMM_RECORD_OPERATION, gmm_operation_index(core, operation));
}

void gmm_dirty_ended(struct gmm_core *core, uint64_t number)
{
	assert(number > 0);
	mark(core, GMM_RECORD_ENDED, (uint32_t)((number - 1) % GMM_ENDED_MAX));
}

void gmm_dirty_health(struct gmm_core *core, uint32_t code)
{
	mark(core, GMM_RECORD_HEALTH, code);
}

uint32_t gmm_core_dirty_count(const struct gmm_core *core)
{
	return core->dirty.count;
}

void gmm_core_dirty(const struct gmm_core *core, uint32_t at, struct gmm_record *record)
{
	uint32_t row;
	int kind = GMM_RECORD_META;

	assert(at < core->dirty.count);
	row = core->dirty.rows[at];
	for (; row >= gmm_record_slots((enum gmm_record_kind)kind); kind++)
		row -= gmm_record_slots((enum gmm_record_kind)kind);
	record->kind = (enum gmm_record_kind)kind;
	record->slot = row;
	gmm_core_record(core, record);
}

void gmm_core_kept(struct gmm_core *core)
{
	struct gmm_dirty *dirty = &core->dirty;

	for (uint32_t i = 0; i < dirty->count; i++)
		dirty->marked[dirty->rows[i] / 8] = 0;
	dirty->count = 0;
}

/* ---------------------------------------------------------------- what the rows are */

static void record_node(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_node *node = &core->nodes[record->slot];

	record->gone = record->slot >= core->node_count;
	record->node = (struct gmm_record_node){
		.role = node->role, .address = node->address, .incarnation = node->incarnation,
		.capacity_pages = node->join.capacity_pages, .admin = node->admin, .origin = node->origin,
	};
	memcpy(record->node.name, node->name, sizeof(node->name));
	memcpy(record->node.uuid, node->uuid, sizeof(node->uuid));
	memcpy(record->node.domain, node->domain, sizeof(node->domain));
	memcpy(record->node.mac, node->mac, sizeof(node->mac));
}

static void record_vm(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_vm *vm = &core->vms[record->slot];

	record->gone = vm->phase == GMM_VM_FREE;
	record->vm = (struct gmm_record_vm){
		.id = vm->id, .phase = vm->phase, .spec = vm->spec, .node = vm->node, .state = vm->state, .status = vm->status,
		.created_wall_ns = vm->created_ns + core->config.wall_offset_ns,
		.changed_wall_ns = vm->changed_ns + core->config.wall_offset_ns,
		.cache_wanted_bytes = vm->cache_wanted_bytes, .wanted = vm->wanted, .looping = vm->looping, .restarts = vm->restarts,
		.restart_since_wall_ns = vm->restart_since_ns + core->config.wall_offset_ns,
	};
	memcpy(record->vm.reason, vm->reason, sizeof(vm->reason));
}

/* A request that is under way may have to be made again: what lasts is what it is for. */
static enum gmm_region_state lasting_state(const struct gmm_region *region)
{
	if (region->condemned || region->state == GMM_REGION_RECLAIMING)
		return GMM_REGION_RECLAIM;
	return region->state == GMM_REGION_CREATING ? GMM_REGION_PLANNED : region->state;
}

static void record_region(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_region *region = &core->regions[record->slot];

	record->gone = region->state == GMM_REGION_FREE;
	record->region = (struct gmm_record_region){
		.vm = region->vm, .base = region->base, .index = region->index, .epoch = region->epoch,
		.epoch_tried = region->epoch_tried, .node = region->node,
		.owner = region->owner, .pages = region->pages, .rkey = region->rkey, .state = lasting_state(region),
	};
}

static void record_operation(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_operation *operation = &core->operations[record->slot];

	record->gone = operation->kind == GMM_OPERATION_NONE || operation->step == GMM_STEP_ENDED;
	record->operation = (struct gmm_record_operation){
		.id = operation->id, .kind = operation->kind, .vm = operation->vm,
		.region = gmm_operation_holds_region(operation) ? operation->region : GMM_NONE,
		.process_node = operation->process_node, .from_node = operation->from_node, .parent = operation->parent,
		.status = operation->status, .started_wall_ns = operation->started_ns + core->config.wall_offset_ns,
		.mark = operation->mark,
	};
	/* How far a move is, its process component knows; and the regions of a VM that is being made know it themselves. */
	if (operation->kind == GMM_OPERATION_NODE_DRAIN || operation->kind == GMM_OPERATION_BALANCE) {
		record->operation.parts = operation->parts;
		record->operation.regions_moved = operation->regions_moved;
		record->operation.moved = operation->moved;
	}
	if (operation->kind == GMM_OPERATION_VM_STOP) {
		record->operation.grace_ns = operation->grace_ns;
		record->operation.grace_until_wall_ns = operation->grace_until_ns ? operation->grace_until_ns + core->config.wall_offset_ns : 0;
	}
	memcpy(record->operation.who, operation->who, sizeof(operation->who));
	memcpy(record->operation.reason, operation->reason, sizeof(operation->reason));
}

void gmm_core_record(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_zombie *zombie;

	assert(record->slot < gmm_record_slots(record->kind));
	switch (record->kind) {
	case GMM_RECORD_META:
		record->gone = false;
		record->meta = (struct gmm_record_meta){ core->vm_id_next, core->operation_id_next, core->event_sequence };
		break;
	case GMM_RECORD_NODE: record_node(core, record); break;
	case GMM_RECORD_VM: record_vm(core, record); break;
	case GMM_RECORD_REGION: record_region(core, record); break;
	case GMM_RECORD_ZOMBIE:
		zombie = &core->nodes[record->slot / VMS_PER_NODE_MAX].zombies[record->slot % VMS_PER_NODE_MAX];
		record->gone = zombie->vm == 0;
		record->zombie = (struct gmm_record_zombie){ zombie->vm };
		break;
	case GMM_RECORD_OPERATION: record_operation(core, record); break;
	case GMM_RECORD_ENDED: gmm_history_record(core, record); break;
	case GMM_RECORD_HEALTH: gmm_health_record(core, record); break;
	case GMM_RECORD_KINDS: assert(!"a kind of row that there is not");
	}
}
