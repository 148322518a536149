// SPDX-License-Identifier: GPL-2.0-only
/*
 * Emptying a memory component: nothing is placed there any more, and its regions are moved away, one a VM at a time.
 * Each move looks for its own place; one that failed is tried again. The drain ends when nothing of ours is left there.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

#define LOST "regions there are lost; destroy their VMs"

static struct gmm_operation *drain_of(struct gmm_core *core, const struct gmm_node *node)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *operation = &core->operations[i];

		if (operation->kind == GMM_OPERATION_NODE_DRAIN && operation->step == GMM_STEP_DRAINING &&
		    operation->from_node == node->id)
			return operation;
	}
	return NULL;
}

static bool holds_lost_regions(const struct gmm_core *core, const struct gmm_node *node)
{
	for (uint32_t i = 0; i < core->region_top; i++)
		if (core->regions[i].state == GMM_REGION_LOST && core->regions[i].node == node->id)
			return true;
	return false;
}

static void tell(struct gmm_core *core, const struct gmm_node *node, const char *before, uint64_t regions, const char *after,
		 uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, before);
	text_count(&text, regions, "region");
	text_string(&text, after);
	gmm_core_event(core, GMM_EVENT_NODE, node->name, line, now_ns);
}

/* ---------------------------------------------------------------- requests */

static int check(struct gmm_core *core, const struct gmm_node *node)
{
	uint64_t missing;
	struct text text;

	if (node->role != WIRE_ROLE_MEMORY)
		return gmm_refuse_words(core, -EINVAL, node->name, " is not a memory component", "");
	if (drain_of(core, node))
		return gmm_refuse_words(core, -EBUSY, node->name, " is being drained already", "");
	if (node->state != GMM_NODE_UP)
		return gmm_refuse_words(core, -EBUSY, node->name, " is ", gmm_node_state_name(node->state));
	missing = gmm_place_missing(core, node);
	if (missing == 0)
		return 0;
	text = gmm_refuse(core);
	text_string(&text, node->name);
	text_string(&text, " cannot be drained: of its ");
	text_pages(&text, node->pages_reserved);
	text_string(&text, " ");
	text_pages(&text, missing);
	text_string(&text, " do not fit elsewhere;");
	gmm_place_free(core, node, &text);
	return -ENOSPC;
}

static int may_drain(struct gmm_core *core, const char *name)
{
	struct gmm_node *node = gmm_core_node_named(core, name);
	int status = node ? check(core, node) : gmm_refuse_words(core, -ENOENT, "there is no node named ", name, "");

	if (!status)
		status = gmm_core_node_set_admin_plan(core, name, GMM_ADMIN_DRAINING);
	return status ? status : gmm_operation_room(core) ? 0 : -EAGAIN;
}

int gmm_core_node_drain_plan(struct gmm_core *core, const char *name, struct gmm_drain_plan *plan)
{
	int status = may_drain(core, name);
	const struct gmm_node *node = gmm_core_node_named(core, name);

	memset(plan, 0, sizeof(*plan));
	if (status)
		return status;
	if (holds_lost_regions(core, node))
		return gmm_refuse_words(core, -EBUSY, name, " would not become empty: ", LOST);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		uint32_t before = plan->regions;

		for (uint32_t at = core->vm_keys[i].id ? core->vms[i].region_first : GMM_NONE; at != GMM_NONE; at = core->regions[at].next)
			if (core->regions[at].node == node->id) {
				plan->regions++;
				plan->pages += core->regions[at].pages;
			}
		plan->vms += plan->regions > before;
	}
	for (uint32_t i = 0; i < core->node_count; i++)
		if (&core->nodes[i] != node && core->nodes[i].role == WIRE_ROLE_MEMORY && gmm_node_eligible(&core->nodes[i]))
			plan->pages_free += gmm_node_pages_free(&core->nodes[i]);
	return 0;
}

int gmm_core_node_drain(struct gmm_core *core, const char *name, uint64_t *id, uint64_t now_ns)
{
	struct gmm_node *node = gmm_core_node_named(core, name);
	struct gmm_operation *operation;
	int status = may_drain(core, name);

	if (status)
		return status;
	operation = gmm_operation_start(core, GMM_OPERATION_NODE_DRAIN, GMM_STEP_DRAINING, node->name, now_ns);
	assert(operation);
	operation->from_node = node->id;
	operation->parts = node->regions;
	status = gmm_core_node_set_admin(core, name, GMM_ADMIN_DRAINING, now_ns);
	assert(status == 0);
	gmm_dirty_operation(core, operation);
	*id = operation->id;
	tell(core, node, "is being drained of ", node->regions, "", now_ns);
	return 0;
}

int gmm_core_node_drain_cancel_plan(struct gmm_core *core, const char *name)
{
	const struct gmm_node *node = gmm_core_node_named(core, name);

	if (!node)
		return gmm_refuse_words(core, -ENOENT, "there is no node named ", name, "");
	if (node->admin != GMM_ADMIN_DRAINING)
		return gmm_refuse_words(core, -EBUSY, name, " is not being drained", "");
	return 0;
}

int gmm_core_node_drain_cancel(struct gmm_core *core, const char *name, uint64_t now_ns)
{
	int status = gmm_core_node_drain_cancel_plan(core, name);

	if (status)
		return status;
	/* The table of states knows no shorter way. */
	status = gmm_core_node_set_admin(core, name, GMM_ADMIN_CORDONED, now_ns);
	return status ? status : gmm_core_node_set_admin(core, name, GMM_ADMIN_ADMITTED, now_ns);
}

void gmm_drain_given_up(struct gmm_core *core, const struct gmm_node *node, uint64_t now_ns)
{
	struct gmm_operation *drain = drain_of(core, node);

	if (drain)
		gmm_drain_cancel(core, drain, "the drain was cancelled", now_ns);
}

void gmm_drain_cancel(struct gmm_core *core, struct gmm_operation *drain, const char *reason, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *move = &core->operations[i];

		if (move->kind == GMM_OPERATION_REGION_MOVE && move->parent == drain->id && move->step < GMM_STEP_RECLAIM)
			gmm_operation_fail(core, move, -ECANCELED, reason, now_ns);
	}
	gmm_operation_fail(core, drain, -ECANCELED, reason, now_ns);
}

/* ---------------------------------------------------------------- moves */

void gmm_drain_move_ended(struct gmm_core *core, const struct gmm_operation *move)
{
	for (uint32_t i = 0; move->parent && i < GMM_OPERATIONS_MAX; i++) {
		struct gmm_operation *drain = &core->operations[i];

		if (drain->id != move->parent || drain->step != GMM_STEP_DRAINING)
			continue;
		drain->moved.pages_moved += move->moved.pages_moved;
		drain->moved.pages_zero += move->moved.pages_zero;
		drain->moved.pages_moved_again += move->moved.pages_moved_again;
		drain->moved.write_backs_mirrored += move->moved.write_backs_mirrored;
		drain->moved.bytes += move->moved.bytes;
		drain->moved.elapsed_ns += move->moved.elapsed_ns;
		drain->moved.fill_before_ns = move->moved.fill_before_ns;
		drain->moved.fill_ns = move->moved.fill_ns;
		drain->regions_moved += move->regions_moved;
		gmm_dirty_operation(core, drain);
		if (move->status == 0) {
			drain->failures = 0;
			return;
		}
		drain->failures++;
		memcpy(drain->reason, move->reason, sizeof(drain->reason));
	}
}

uint32_t gmm_drain_moves(const struct gmm_core *core, const struct gmm_operation *drain)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		count += core->operations[i].kind == GMM_OPERATION_REGION_MOVE && core->operations[i].parent == drain->id &&
			 core->operations[i].step < GMM_STEP_RECLAIM;
	return count;
}

static uint32_t region_on(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t node)
{
	uint32_t at = vm->region_first;

	while (at != GMM_NONE && core->regions[at].node != node)
		at = core->regions[at].next;
	return at;
}

/* What stands in a move's way (its VM is being set up, its process component is away) may be over at the next look. */
static void start_moves(struct gmm_core *core, struct gmm_operation *drain, uint64_t now_ns)
{
	uint32_t under_way = gmm_drain_moves(core, drain);

	for (uint32_t i = 0; i < GMM_VMS_MAX && under_way < GMM_DRAIN_MOVES_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];
		struct gmm_operation *move;
		struct gmm_node *to;
		uint32_t at;

		if (vm->phase != GMM_VM_READY || vm->move != GMM_NONE)
			continue;
		at = region_on(core, vm, drain->from_node);
		if (at == GMM_NONE)
			continue;
		to = gmm_place_away(core, vm, at);
		under_way += to && gmm_move_start(core, vm, at, to, drain->id, &move, now_ns) == 0;
	}
}

void gmm_drain_tick(struct gmm_core *core, struct gmm_operation *drain, uint64_t now_ns)
{
	const struct gmm_node *node = gmm_core_node(core, drain->from_node);
	char reason[GMM_TEXT_BYTES];

	if (node->pages_reserved == 0) {
		tell(core, node, "is empty; ", drain->regions_moved,
		     text_plural(drain->regions_moved, " was moved", " were moved"), now_ns);
		drain->reason[0] = '\0';
		gmm_operation_end(core, drain);
	} else if (node->state == GMM_NODE_EXPECTED) {
		return;
	} else if (node->state != GMM_NODE_UP) {
		gmm_operation_fail(core, drain, -EHOSTUNREACH, "the memory component went down", now_ns);
	} else if (holds_lost_regions(core, node)) {
		gmm_operation_fail(core, drain, -EBUSY, LOST, now_ns);
	} else if (drain->failures > GMM_DRAIN_FAILURES_MAX) {
		memcpy(reason, drain->reason, sizeof(reason));
		gmm_operation_fail(core, drain, -EIO, reason, now_ns);
	} else if (now_ns >= drain->poll_ns) {
		drain->poll_ns = drain->failures ? now_ns + GMM_DRAIN_RETRY_NS : now_ns;
		start_moves(core, drain, now_ns);
	}
}
