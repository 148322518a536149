// SPDX-License-Identifier: GPL-2.0-only
/* Operations for the operator: those under way, and a ring of those that ended. */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"

#define KEY_NS (GMM_KEY_HOURS * UINT64_C(3600000000000))

static struct gmm_ended *place_of(struct gmm_core *core, uint64_t number)
{
	assert(number > 0);
	return &core->ended[(number - 1) % GMM_ENDED_MAX];
}

void gmm_history_add(struct gmm_core *core, struct gmm_operation *operation)
{
	struct gmm_ended *ended = place_of(core, ++core->ended_count);

	assert(operation->kind != GMM_OPERATION_NONE && operation->step == GMM_STEP_ENDED);
	operation->ended_number = core->ended_count;
	*ended = (struct gmm_ended){
		.id = operation->id, .number = core->ended_count, .started_ns = operation->started_ns, .ended_ns = core->now_ns,
		.bytes = operation->moved.bytes, .kind = operation->kind, .status = operation->status, .mark = operation->mark,
	};
	memcpy(ended->object, operation->object, sizeof(ended->object));
	memcpy(ended->reason, operation->reason, sizeof(ended->reason));
	memcpy(ended->who, operation->who, sizeof(ended->who));
	gmm_dirty_ended(core, ended->number);
}

void gmm_history_told(struct gmm_core *core, const struct gmm_operation *operation)
{
	struct gmm_ended *ended = place_of(core, operation->ended_number);

	/* Fewer end untold than the ring has places. */
	_Static_assert(GMM_OPERATIONS_MAX <= GMM_ENDED_MAX, "those that are not told yet are all in the ring");
	assert(ended->id == operation->id);
	ended->told = true;
}

/* ---------------------------------------------------------------- rows */

void gmm_history_record(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_ended *ended = &core->ended[record->slot];

	record->gone = ended->number == 0;
	record->ended = (struct gmm_record_ended){
		.id = ended->id, .number = ended->number, .kind = ended->kind, .status = ended->status, .bytes = ended->bytes,
		.started_wall_ns = ended->started_ns + core->config.wall_offset_ns,
		.ended_wall_ns = ended->ended_ns + core->config.wall_offset_ns, .mark = ended->mark,
	};
	memcpy(record->ended.object, ended->object, sizeof(ended->object));
	memcpy(record->ended.reason, ended->reason, sizeof(ended->reason));
	memcpy(record->ended.who, ended->who, sizeof(ended->who));
}

const char *gmm_history_restore(struct gmm_core *core, const struct gmm_record *record)
{
	const struct gmm_record_ended *from = &record->ended;
	struct gmm_ended *ended = &core->ended[record->slot];

	if (from->id == 0 || from->id >= core->operation_id_next || from->kind <= GMM_OPERATION_NONE || from->kind >= GMM_OPERATIONS_KINDS ||
	    from->status > 0)
		return "its id, kind or status is out of range";
	if (from->number == 0 || (from->number - 1) % GMM_ENDED_MAX != record->slot)
		return "its number belongs to another place";
	if (!text_ends(from->object, sizeof(from->object)) || !text_ends(from->reason, sizeof(from->reason)) ||
	    !text_ends(from->who, sizeof(from->who)) || !text_ends(from->mark.key, sizeof(from->mark.key)))
		return "one of its texts does not end";
	*ended = (struct gmm_ended){
		.id = from->id, .number = from->number, .started_ns = from->started_wall_ns - core->config.wall_offset_ns,
		.ended_ns = from->ended_wall_ns - core->config.wall_offset_ns, .bytes = from->bytes,
		.kind = (enum gmm_operation_kind)from->kind, .status = from->status, .told = true, .mark = from->mark,
	};
	memcpy(ended->object, from->object, sizeof(ended->object));
	memcpy(ended->reason, from->reason, sizeof(ended->reason));
	memcpy(ended->who, from->who, sizeof(ended->who));
	if (from->number > core->ended_count)
		core->ended_count = from->number;
	return NULL;
}

/* ---------------------------------------------------------------- finding */

struct gmm_operation *gmm_core_operation(struct gmm_core *core, uint64_t id)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind != GMM_OPERATION_NONE && core->operations[i].id == id)
			return &core->operations[i];
	return NULL;
}

/* The ring from its oldest on; an edited store may have left places out. NULL: the end. */
static const struct gmm_ended *next_ended(const struct gmm_core *core, uint64_t *number)
{
	while (++*number <= core->ended_count) {
		const struct gmm_ended *ended = &core->ended[(*number - 1) % GMM_ENDED_MAX];

		if (ended->number == *number && ended->told)
			return ended;
	}
	return NULL;
}

static uint64_t before_oldest(const struct gmm_core *core)
{
	return core->ended_count > GMM_ENDED_MAX ? core->ended_count - GMM_ENDED_MAX : 0;
}

const struct gmm_ended *gmm_core_ended_after(const struct gmm_core *core, uint64_t number)
{
	if (number < before_oldest(core))
		number = before_oldest(core);
	return next_ended(core, &number);
}

const struct gmm_ended *gmm_core_ended(const struct gmm_core *core, uint64_t id)
{
	const struct gmm_ended *ended = gmm_core_ended_after(core, 0);

	while (ended && ended->id != id)
		ended = gmm_core_ended_after(core, ended->number);
	return ended;
}

/* ---------------------------------------------------------------- who asked */

/* It may have ended at once. */
static void note(struct gmm_core *core, const struct gmm_operation *operation)
{
	struct gmm_ended *ended;

	gmm_dirty_operation(core, operation);
	if (operation->step != GMM_STEP_ENDED)
		return;
	ended = place_of(core, operation->ended_number);
	ended->mark = operation->mark;
	memcpy(ended->who, operation->who, sizeof(ended->who));
	gmm_dirty_ended(core, ended->number);
}

void gmm_core_asked(struct gmm_core *core, uint64_t id, const char *who)
{
	struct gmm_operation *operation = gmm_core_operation(core, id);

	assert(operation && strlen(who) < GMM_WHO_BYTES);
	memcpy(operation->who, who, strlen(who) + 1);
	note(core, operation);
}

void gmm_core_mark(struct gmm_core *core, uint64_t id, const char *key, const uint8_t digest[GMM_DIGEST_BYTES])
{
	struct gmm_operation *operation = gmm_core_operation(core, id);

	assert(operation && key[0] && strlen(key) < GMM_KEY_BYTES);
	memcpy(operation->mark.key, key, strlen(key) + 1);
	memcpy(operation->mark.digest, digest, GMM_DIGEST_BYTES);
	note(core, operation);
}

uint64_t gmm_core_marked(const struct gmm_core *core, const char *key, const struct gmm_mark **mark, uint64_t now_ns)
{
	const struct gmm_ended *ended;
	uint64_t id = 0;

	assert(key[0]);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		const struct gmm_operation *operation = &core->operations[i];

		if (operation->kind != GMM_OPERATION_NONE && operation->id > id && strcmp(operation->mark.key, key) == 0) {
			id = operation->id;
			*mark = &operation->mark;
		}
	}
	for (ended = gmm_core_ended_after(core, 0); ended; ended = gmm_core_ended_after(core, ended->number)) {
		/* A clock that was put back makes an end that is to come: that is not long ago either. */
		if ((int64_t)(now_ns - ended->ended_ns) >= (int64_t)KEY_NS || ended->id <= id || strcmp(ended->mark.key, key) != 0)
			continue;
		id = ended->id;
		*mark = &ended->mark;
	}
	return id;
}

/* ---------------------------------------------------------------- words */

const char *gmm_operation_kind_name(enum gmm_operation_kind kind)
{
	static const char *const names[] = {
		[GMM_OPERATION_VM_CREATE] = "vm.create", [GMM_OPERATION_VM_START] = "vm.start",
		[GMM_OPERATION_VM_STOP] = "vm.stop", [GMM_OPERATION_VM_DESTROY] = "vm.destroy",
		[GMM_OPERATION_BENCH] = "bench.read", [GMM_OPERATION_REGION_MOVE] = "region.move",
		[GMM_OPERATION_VM_RESIZE] = "vm.resize", [GMM_OPERATION_VM_KILL] = "vm.kill",
		[GMM_OPERATION_NODE_DRAIN] = "node.drain", [GMM_OPERATION_BALANCE] = "balance.apply",
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
