// SPDX-License-Identifier: GPL-2.0-only
/* The table of regions, their creation on memory components, and their way out (invariants M1 to M3). */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

static uint32_t take_place(struct gmm_core *core)
{
	uint32_t at = core->region_free;

	assert(gmm_region_room(core));
	if (at != GMM_NONE)
		core->region_free = core->regions[at].next;
	else
		at = core->region_top++;
	core->regions_used++;
	return at;
}

uint32_t gmm_region_allocate(struct gmm_core *core, uint64_t vm, uint32_t index, uint32_t pages, uint32_t node_id,
			     uint32_t owner)
{
	struct gmm_node *node = gmm_core_node(core, node_id);
	uint32_t at = take_place(core);

	assert(pages > 0 && pages <= REGION_PAGES);
	assert(node && gmm_node_pages_free(node) >= pages);
	core->regions[at] = (struct gmm_region){
		.vm = vm, .index = index, .epoch = 1, .node = node_id, .owner = owner, .pages = pages,
		.next = GMM_NONE, .operation = GMM_NONE, .state = GMM_REGION_PLANNED,
	};
	node->pages_reserved += pages;
	node->regions_reserved++;
	gmm_dirty_region(core, at);
	node->pages_planned += pages;
	return at;
}

uint32_t gmm_region_promise(struct gmm_core *core, uint64_t vm, uint32_t index, uint32_t pages, uint32_t owner)
{
	uint32_t at = take_place(core);

	assert(pages > 0 && pages <= REGION_PAGES);
	core->regions[at] = (struct gmm_region){
		.vm = vm, .index = index, .epoch = 1, .owner = owner, .pages = pages, .next = GMM_NONE, .operation = GMM_NONE,
		.state = GMM_REGION_PROMISED,
	};
	core->pages_promised += pages;
	gmm_dirty_region(core, at);
	return at;
}

/* Its node has nothing to do with it any more. */
static void leave_node(struct gmm_core *core, const struct gmm_region *region)
{
	struct gmm_node *node = gmm_core_node(core, region->node);

	assert(node->pages_reserved >= region->pages && node->regions_reserved > 0);
	node->pages_reserved -= region->pages;
	node->regions_reserved--;
	if (region->state != GMM_REGION_PLANNED) {
		assert(node->regions > 0);
		node->regions--;
	} else {
		assert(node->pages_planned >= region->pages);
		node->pages_planned -= region->pages;
	}
}

void gmm_region_place(struct gmm_core *core, uint32_t at, struct gmm_node *node)
{
	struct gmm_region *region = &core->regions[at];

	assert(region->state == GMM_REGION_PROMISED && core->pages_promised >= region->pages);
	assert(gmm_node_pages_free(node) >= region->pages);
	core->pages_promised -= region->pages;
	region->node = node->id;
	region->state = GMM_REGION_PLANNED;
	region->untold = true;
	node->pages_reserved += region->pages;
	node->regions_reserved++;
	node->pages_planned += region->pages;
	gmm_dirty_region(core, at);
}

void gmm_region_unplace(struct gmm_core *core, uint32_t at)
{
	struct gmm_region *region = &core->regions[at];

	assert(region->untold && !region->condemned && region->operation == GMM_NONE && region->state < GMM_REGION_RECLAIM);
	leave_node(core, region);
	region->node = region->rkey = 0;
	region->base = 0;
	region->untold = region->unsure = false;
	region->state = GMM_REGION_PROMISED;
	core->pages_promised += region->pages;
	gmm_dirty_region(core, at);
}

static void gmm_region_free(struct gmm_core *core, uint32_t at)
{
	struct gmm_region *region = &core->regions[at];

	assert(region->state != GMM_REGION_FREE && core->regions_used > 0);
	if (region->state == GMM_REGION_PROMISED)
		core->pages_promised -= region->pages;
	else
		leave_node(core, region);
	region->state = GMM_REGION_FREE;
	gmm_dirty_region(core, at);
	region->next = core->region_free;
	core->region_free = at;
	core->regions_used--;
}

void gmm_region_condemn(struct gmm_core *core, uint32_t at, uint32_t operation)
{
	struct gmm_region *region = &core->regions[at];
	struct gmm_node *node = gmm_core_node(core, region->node);

	assert(!region->condemned && (region->state < GMM_REGION_RECLAIM || region->state == GMM_REGION_PROMISED));
	region->operation = GMM_NONE;
	region->wanted = region->untold = false;
	gmm_dirty_region(core, at);
	if (region->state == GMM_REGION_PLANNED && region->unsure) {
		region->state = GMM_REGION_LIVE;
		node->pages_planned -= region->pages;
		node->regions++;
	}
	if (region->state == GMM_REGION_PLANNED || region->state == GMM_REGION_LOST || region->state == GMM_REGION_PROMISED) {
		gmm_region_free(core, at);
		return;
	}
	if (region->state == GMM_REGION_CREATING)
		region->condemned = true;
	else
		region->state = GMM_REGION_RECLAIM;
	region->next = node->reclaim_first;
	node->reclaim_first = at;
	/* An operation waits only for nodes that can answer; the others are cleaned up when they come back. */
	if (operation != GMM_NONE && node->state == GMM_NODE_UP) {
		region->operation = operation;
		core->operations[operation].pending++;
	}
}

/* Out of the node's reclaim list and of the table. */
static void reclaimed(struct gmm_core *core, uint32_t at, uint64_t now_ns)
{
	struct gmm_node *node = gmm_core_node(core, core->regions[at].node);
	uint32_t operation = core->regions[at].operation;
	uint32_t *link = &node->reclaim_first;

	while (*link != at) {
		assert(*link != GMM_NONE);
		link = &core->regions[*link].next;
	}
	*link = core->regions[at].next;
	gmm_region_free(core, at);
	if (operation != GMM_NONE)
		gmm_operation_region_gone(core, operation, now_ns);
}

/* ---------------------------------------------------------------- calls */

bool gmm_region_output_create(struct gmm_core *core, uint32_t at, struct gmm_command *command)
{
	struct gmm_region *region = &core->regions[at];
	struct gmm_node *node = gmm_core_node(core, region->node);
	struct wire_region_create body = {
		.vm = region->vm, .index = region->index, .epoch = region->epoch, .owner_node = region->owner,
		.pages = region->pages,
	};

	assert(region->state == GMM_REGION_PLANNED);
	if (node->state != GMM_NODE_UP || node->calls == GMM_CALLS_PER_NODE_MAX)
		return false;
	gmm_call_start(core, command, GMM_CALL_REGION_CREATE, node->id, at, WIRE_REGION_CREATE, &body, sizeof(body));
	region->state = GMM_REGION_CREATING;
	node->pages_planned -= region->pages;
	node->regions++;
	return true;
}

bool gmm_region_output_reclaim(struct gmm_core *core, struct gmm_node *node, struct gmm_command *command)
{
	if (node->calls == GMM_CALLS_PER_NODE_MAX)
		return false;
	for (uint32_t at = node->reclaim_first; at != GMM_NONE; at = core->regions[at].next) {
		struct gmm_region *region = &core->regions[at];
		struct wire_region_name body = { .vm = region->vm, .index = region->index, .epoch = region->epoch };

		if (region->state != GMM_REGION_RECLAIM)
			continue;
		region->state = GMM_REGION_RECLAIMING;
		gmm_call_start(core, command, GMM_CALL_REGION_DESTROY, node->id, at, WIRE_REGION_DESTROY, &body,
			       sizeof(body));
		return true;
	}
	return false;
}

void gmm_region_created(struct gmm_core *core, uint32_t at, int status, const void *body, uint32_t len_bytes,
			uint64_t now_ns)
{
	struct gmm_region *region = &core->regions[at];
	struct wire_region_created created;

	assert(region->state == GMM_REGION_CREATING);
	gmm_dirty_region(core, at);
	region->unsure = region->unsure && status;
	if (status == 0 && len_bytes < sizeof(created))
		status = -EBADMSG;
	if (status == 0) {
		memcpy(&created, body, sizeof(created));
		region->base = created.base;
		region->rkey = created.rkey;
	}
	if (region->condemned) {
		/* A refusal proves that it does not exist, unless somebody else asked before; anything else is undone. */
		region->condemned = false;
		region->state = GMM_REGION_RECLAIM;
		if (status < 0 && status != -EBADMSG && status != -ECONNRESET && !region->unsure)
			reclaimed(core, at, now_ns);
		return;
	}
	if (region->untold) {
		gmm_promise_created(core, at, status, now_ns);
		return;
	}
	if (status == 0 || status == -EBADMSG || status == -ECONNRESET)
		region->state = GMM_REGION_LIVE;
	if (region->operation != GMM_NONE)
		gmm_operation_region_created(core, region->operation, at, status, now_ns);
}

void gmm_region_destroyed(struct gmm_core *core, uint32_t at, int status, uint64_t now_ns)
{
	struct gmm_region *region = &core->regions[at];

	assert(region->state == GMM_REGION_RECLAIMING);
	if (status == 0 || status == -ENOENT) {
		reclaimed(core, at, now_ns);
		return;
	}
	if (status == -ECONNRESET) {
		region->state = GMM_REGION_RECLAIM;
		return;
	}
	/* The node refuses to let go of it. Asking again at once would ask for ever: it is asked after its next join. */
	struct gmm_node *node = gmm_core_node(core, region->node);
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));
	uint32_t operation = region->operation;

	region->operation = GMM_NONE;
	text_string(&text, "does not destroy region ");
	text_number(&text, region->index);
	text_string(&text, " of VM id ");
	text_number(&text, region->vm);
	text_string(&text, ": ");
	text_status(&text, status);
	gmm_core_event(core, GMM_EVENT_WARNING, node->name, line, now_ns);
	if (operation != GMM_NONE)
		gmm_operation_region_gone(core, operation, now_ns);
}

/* ---------------------------------------------------------------- the node's fate */

static void tell_vm(struct gmm_core *core, const struct gmm_vm *vm, const struct gmm_node *node, uint32_t count,
		    const char *what, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_number(&text, count);
	text_string(&text, " of its ");
	text_count(&text, vm->region_count, "region");
	text_string(&text, " ");
	text_string(&text, what);
	text_string(&text, node->name);
	gmm_core_event(core, GMM_EVENT_WARNING, vm->spec.name, line, now_ns);
}

/* Fail the operations that are creating regions there. */
static void fail_creations(struct gmm_core *core, const struct gmm_node *node, int status, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, "memory component ");
	text_string(&text, node->name);
	text_string(&text, status == -ECONNRESET ? " started again" : " went down");
	for (uint32_t i = 0; i < core->region_top; i++) {
		struct gmm_region *region = &core->regions[i];

		if (region->state == GMM_REGION_FREE || region->node != node->id || region->state >= GMM_REGION_RECLAIM ||
		    region->condemned || region->operation == GMM_NONE)
			continue;
		gmm_operation_fail(core, &core->operations[region->operation], status, line, now_ns);
	}
}

void gmm_region_node_down(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	fail_creations(core, node, -EHOSTUNREACH, now_ns);
	for (uint32_t at = node->reclaim_first; at != GMM_NONE; at = core->regions[at].next) {
		uint32_t operation = core->regions[at].operation;

		core->regions[at].operation = GMM_NONE;
		if (operation != GMM_NONE)
			gmm_operation_region_gone(core, operation, now_ns);
	}
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];
		uint32_t count = 0;

		if (vm->phase == GMM_VM_FREE)
			continue;
		for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
			count += core->regions[at].node == node->id;
		if (count)
			tell_vm(core, vm, node, count, "cannot be reached on ", now_ns);
	}
}

void gmm_region_node_reset(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	fail_creations(core, node, -ECONNRESET, now_ns);
	gmm_move_node_reset(core, node);
	while (node->reclaim_first != GMM_NONE) {
		uint32_t at = node->reclaim_first;

		core->regions[at].condemned = false;
		reclaimed(core, at, now_ns);
	}
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];
		uint32_t count = 0;

		if (vm->phase == GMM_VM_FREE)
			continue;
		for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
			struct gmm_region *region = &core->regions[at];

			if (region->node == node->id && region->untold) {
				gmm_region_unplace(core, at);	/* M11: nobody can have stored anything there */
			} else if (region->node == node->id && region->state == GMM_REGION_LIVE) {
				region->state = GMM_REGION_LOST;
				gmm_dirty_region(core, at);
				count++;
			}
		}
		if (count)
			tell_vm(core, vm, node, count,
				text_plural(count, "is lost with the last incarnation of ", "are lost with the last incarnation of "), now_ns);
	}
}
