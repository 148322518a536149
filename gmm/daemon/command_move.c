// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands that move memory: single regions, and all of a component's. */
#include <errno.h>
#include <stdlib.h>

#include "gmm/core/text.h"
#include "gmm/daemon/client.h"
#include "gmm/units.h"

#define PROGRESS_NS UINT64_C(1000000000)

static const char *move_state(const struct gmm_operation *move)
{
	static const char *const names[] = { "beginning", "copying", "switched", "done", "giving up", "given up" };

	return move->moved.state < sizeof(names) / sizeof(names[0]) ? names[move->moved.state] : names[0];
}

json_t *json_moved(const struct wire_vm_region_moved *moved, uint32_t regions_moved)
{
	return json_pack("{s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "regions_moved", (int)regions_moved,
			 "pages_moved", (json_int_t)moved->pages_moved, "pages_zero", (json_int_t)moved->pages_zero,
			 "pages_moved_again", (json_int_t)moved->pages_moved_again,
			 "write_backs_mirrored", (json_int_t)moved->write_backs_mirrored, "bytes", (json_int_t)moved->bytes,
			 "elapsed_ns", (json_int_t)moved->elapsed_ns, "fill_before_ns", (json_int_t)moved->fill_before_ns,
			 "fill_ns", (json_int_t)moved->fill_ns);
}

json_t *json_moves_of(const struct gmmd *gmmd, const struct gmm_node *node)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++) {
		const struct gmm_operation *move = &gmmd->core->operations[i];
		json_t *object;

		if (move->kind != GMM_OPERATION_REGION_MOVE || move->vm == GMM_NONE ||
		    (move->from_node != node->id && move->to_node != node->id))
			continue;
		object = json_pack("{s:s,s:i,s:s,s:s,s:s,s:i,s:i}", "vm", gmmd->core->vms[move->vm].spec.name, "index", (int)move->index,
				   "from", gmm_core_node(gmmd->core, move->from_node)->name,
				   "to", gmm_core_node(gmmd->core, move->to_node)->name, "state", move_state(move),
				   "pages", (int)move->moved.pages, "pages_passed", (int)move->moved.pages_passed);
		json_object_update_new(object, json_moved(&move->moved, 0));
		json_array_append_new(array, object);
	}
	return array;
}

static void run_region_move(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *vm, *index, *to;
	const struct gmm_region *region;
	int status, dry_run = 0;
	char *rest, bytes[UNITS_BYTES];
	unsigned long number;

	if (!client_unpack(client, arguments, "{s:s,s:s,s:s,s?b}", "vm", &vm, "index", &index, "to", &to, "dry_run", &dry_run))
		return;
	number = strtoul(index, &rest, 10);
	if (index[0] < '0' || index[0] > '9' || *rest || number >= REGIONS_PER_VM_MAX) {
		client_error(client, -EINVAL, "the region's index must be 0 to %u", REGIONS_PER_VM_MAX - 1);
		return;
	}
	status = dry_run ? gmm_core_region_move_plan(gmmd->core, vm, (uint32_t)number, to, &region) :
			   gmm_core_region_move(gmmd->core, vm, (uint32_t)number, to, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_would(client, json_sprintf("would move region %lu of %s (%s) from %s to %s", number, vm,
						  units_size((double)region->pages * PAGE_BYTES, bytes),
						  gmm_core_node(gmmd->core, region->node)->name, to));
}

/* The end of the operation answers; until then, say each second how far it is. */
static void drain_turn(struct gmmd *gmmd, struct client *client)
{
	const struct gmm_node *node = gmm_core_node(gmmd->core, client->node);

	if (gmmd->now_ns < client->deadline_ns)
		return;
	client->deadline_ns = gmmd->now_ns + PROGRESS_NS;
	client_item(client, json_pack("{s:s,s:i,s:o}", "name", node->name, "regions", (int)node->regions, "moves",
				      json_moves_of(gmmd, node)));
}

/* --dry-run: what would move, and whether there is room for it. */
static void plan_drain(struct gmmd *gmmd, struct client *client, const char *name, bool cancel)
{
	char bytes[UNITS_BYTES], room[UNITS_BYTES];
	struct gmm_drain_plan plan;
	int status = cancel ? gmm_core_node_drain_cancel_plan(gmmd->core, name) : gmm_core_node_drain_plan(gmmd->core, name, &plan);

	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (cancel)
		client_would(client, json_sprintf("would give the drain of %s up; what was moved stays where it is", name));
	else
		client_result(client, json_pack("{s:b,s:o,s:i,s:i,s:I,s:I}", "dry_run", 1, "would",
			json_sprintf("would move %u region%s (%s) of %u VM%s away from %s; the others have room, %s are free there", plan.regions,
				     text_plural(plan.regions, "", "s"), units_size((double)plan.pages * PAGE_BYTES, bytes), plan.vms,
				     text_plural(plan.vms, "", "s"), name,
				     units_size((double)plan.pages_free * PAGE_BYTES, room)),
			"regions", (int)plan.regions, "vms", (int)plan.vms, "pages", (json_int_t)plan.pages,
			"pages_free_elsewhere", (json_int_t)plan.pages_free));
}

static void run_node_drain(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name;
	int cancel = 0, dry_run = 0, status;

	if (!client_unpack(client, arguments, "{s:s,s?b,s?b}", "name", &name, "cancel", &cancel, "dry_run", &dry_run))
		return;
	if (dry_run) {
		plan_drain(gmmd, client, name, cancel);
		return;
	}
	status = cancel ? gmm_core_node_drain_cancel(gmmd->core, name, gmmd->now_ns) :
		 gmm_core_node_drain(gmmd->core, name, &client->operation, gmmd->now_ns);
	if (status) {
		client_error(client, status, "%s", gmmd->core->refusal);
	} else if (cancel) {
		client_result(client, json_null());
	} else {
		client->node = gmm_core_node_named(gmmd->core, name)->id;
		client->deadline_ns = gmmd->now_ns;
		client->turn = drain_turn;
	}
}

const struct client_command_entry move_commands[] = {
	{ "region.move", run_region_move, true },
	{ "node.drain", run_node_drain, true },
	{ NULL, NULL, false },
};
