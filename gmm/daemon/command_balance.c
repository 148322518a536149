// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands about balance: show the plan, have it carried out. */
#include <errno.h>
#include <stdlib.h>

#include "gmm/core/balance.h"
#include "gmm/core/text.h"
#include "gmm/daemon/client.h"
#include "gmm/units.h"

#define MILLION 1e6

static json_t *move_object(const struct gmmd *gmmd, const struct gmm_move *move)
{
	const struct gmm_region *region = &gmmd->core->regions[move->region];

	return json_pack("{s:s,s:I,s:i,s:s,s:s,s:i,s:i}", "vm", gmm_core_vm(gmmd->core, region->vm)->spec.name,
			 "vm_id", (json_int_t)region->vm, "index", (int)region->index,
			 "from", gmm_core_node(gmmd->core, move->from)->name, "to", gmm_core_node(gmmd->core, move->to)->name,
			 "pages", (int)move->pages, "batch", (int)move->batch);
}

static void run_balance_plan(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_balance *plan;
	uint64_t wait_ns;
	json_t *moves;

	if (!client_unpack(client, arguments, "{}"))
		return;
	plan = malloc(sizeof(*plan));
	if (!plan) {
		client_error(client, -ENOMEM, "no memory for a plan");
		return;
	}
	gmm_balance_plan(gmmd->core, plan, gmmd->now_ns);
	wait_ns = plan->ready_ns > gmmd->now_ns ? plan->ready_ns - gmmd->now_ns : 0;
	moves = json_array();
	for (uint32_t i = 0; i < plan->move_count; i++)
		json_array_append_new(moves, move_object(gmmd, &plan->moves[i]));
	client_result(client, json_pack("{s:f,s:f,s:I,s:f,s:s,s:b,s:o}", "distance_before", plan->distance_before / MILLION,
					"distance_after", plan->distance_after / MILLION, "pages", (json_int_t)plan->pages,
					"ready_in_s", (double)wait_ns / 1e9, "reason", plan->reason,
					"spread_limits", plan->spread_limits, "moves", moves));
	free(plan);
}

/* --dry-run: the moves of the plan as it is now, or why there are none. */
static void plan_apply(struct gmmd *gmmd, struct client *client, bool cancel)
{
	int status = cancel ? gmm_core_balance_cancel_check(gmmd->core) : gmm_core_balance_check(gmmd->core, gmmd->now_ns);
	const struct gmm_balance *plan = gmmd->core->config.plan;
	char bytes[UNITS_BYTES];

	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (cancel)
		client_would(client, json_string("would stop balancing"));
	else
		client_would(client, json_sprintf("would move %u region%s (%s), a few at a time", plan->move_count, text_plural(plan->move_count, "", "s"),
						  units_size((double)plan->pages * PAGE_BYTES, bytes)));
}

static void run_balance_apply(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	int cancel = 0, dry_run = 0, status;

	if (!client_unpack(client, arguments, "{s?b,s?b}", "cancel", &cancel, "dry_run", &dry_run))
		return;
	if (dry_run) {
		plan_apply(gmmd, client, cancel);
		return;
	}
	status = cancel ? gmm_core_balance_cancel(gmmd->core, gmmd->now_ns) :
		 gmm_core_balance(gmmd->core, &client->operation, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (cancel)
		client_result(client, json_null());
}

const struct client_command_entry balance_commands[] = {
	{ "balance.plan", run_balance_plan, false },
	{ "balance.apply", run_balance_apply, true },
	{ NULL, NULL, false },
};
