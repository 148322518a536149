// SPDX-License-Identifier: GPL-2.0-only
/* Operations for the operator: those under way, and a ring of those that ended. */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"

void gmm_history_add(struct gmm_core *core, const struct gmm_operation *operation, uint64_t now_ns)
{
	struct gmm_ended *ended = &core->ended[core->ended_count % GMM_ENDED_MAX];

	assert(operation->kind != GMM_OPERATION_NONE && operation->step == GMM_STEP_ENDED);
	*ended = (struct gmm_ended){
		.id = operation->id, .started_ns = operation->started_ns, .ended_ns = now_ns, .kind = operation->kind,
		.status = operation->status, .mark = operation->mark,
	};
	memcpy(ended->object, operation->object, sizeof(ended->object));
	memcpy(ended->reason, operation->reason, sizeof(ended->reason));
	core->ended_count++;
}

struct gmm_operation *gmm_core_operation(struct gmm_core *core, uint64_t id)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind != GMM_OPERATION_NONE && core->operations[i].id == id)
			return &core->operations[i];
	return NULL;
}

static uint32_t kept(const struct gmm_core *core)
{
	return core->ended_count < GMM_ENDED_MAX ? (uint32_t)core->ended_count : GMM_ENDED_MAX;
}

const struct gmm_ended *gmm_core_ended_at(const struct gmm_core *core, uint32_t place)
{
	uint64_t oldest = core->ended_count - kept(core);

	return place < kept(core) ? &core->ended[(oldest + place) % GMM_ENDED_MAX] : NULL;
}

const struct gmm_ended *gmm_core_ended(const struct gmm_core *core, uint64_t id)
{
	for (uint32_t i = 0; i < kept(core); i++)
		if (core->ended[i].id == id)
			return &core->ended[i];
	return NULL;
}

void gmm_core_mark(struct gmm_core *core, uint64_t id, const char *key, const uint8_t digest[GMM_DIGEST_BYTES])
{
	struct gmm_operation *operation = gmm_core_operation(core, id);

	assert(operation && key[0] && strlen(key) < GMM_KEY_BYTES);
	memcpy(operation->mark.key, key, strlen(key) + 1);
	memcpy(operation->mark.digest, digest, GMM_DIGEST_BYTES);
}

uint64_t gmm_core_marked(const struct gmm_core *core, const char *key, const struct gmm_mark **mark)
{
	uint64_t id = 0;

	assert(key[0]);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		const struct gmm_operation *operation = &core->operations[i];

		if (operation->kind != GMM_OPERATION_NONE && operation->id > id && strcmp(operation->mark.key, key) == 0) {
			id = operation->id;
			*mark = &operation->mark;
		}
	}
	for (uint32_t i = 0; i < kept(core); i++) {
		const struct gmm_ended *ended = &core->ended[i];

		if (ended->id > id && strcmp(ended->mark.key, key) == 0) {
			id = ended->id;
			*mark = &ended->mark;
		}
	}
	return id;
}

const char *gmm_operation_kind_name(enum gmm_operation_kind kind)
{
	static const char *const names[] = {
		[GMM_OPERATION_VM_CREATE] = "vm.create", [GMM_OPERATION_VM_START] = "vm.start",
		[GMM_OPERATION_VM_STOP] = "vm.stop", [GMM_OPERATION_VM_DESTROY] = "vm.destroy",
		[GMM_OPERATION_BENCH] = "bench.read", [GMM_OPERATION_REGION_MOVE] = "region.move",
		[GMM_OPERATION_VM_RESIZE] = "vm.resize", [GMM_OPERATION_VM_KILL] = "vm.kill", [GMM_OPERATION_NODE_DRAIN] = "node.drain", [GMM_OPERATION_BALANCE] = "balance.apply",
	};

	assert(kind != GMM_OPERATION_NONE && kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}

const char *gmm_operation_progress(const struct gmm_operation *operation, uint32_t *done, uint32_t *total)
{
	bool counts = operation->step == GMM_STEP_REGIONS || operation->step == GMM_STEP_RECLAIM ||
		      operation->step == GMM_STEP_RESIZING;

	*total = counts ? operation->parts : 0;
	*done = counts ? operation->parts - operation->pending : 0;
	if (operation->step == GMM_STEP_MOVING) {
		*total = operation->moved.pages;
		*done = operation->moved.pages_passed;
	} else if (operation->step == GMM_STEP_DRAINING) {
		*total = operation->parts;
		*done = operation->regions_moved < operation->parts ? operation->regions_moved : operation->parts;
	}
	switch (operation->step) {
	case GMM_STEP_REGIONS: return "regions";
	case GMM_STEP_VM: return "vm";
	case GMM_STEP_CHUNKS: return "places";
	case GMM_STEP_LOADING: return "loading";
	case GMM_STEP_MOVING: return "pages";
	case GMM_STEP_WAITING: return "guest";
	case GMM_STEP_RESIZING: return "sets";
	case GMM_STEP_DRAINING: return "moves";
	case GMM_STEP_UNDO_VM: return "undo";
	case GMM_STEP_RECLAIM: return "reclaim";
	case GMM_STEP_ENDED: break;
	}
	return "ended";
}
