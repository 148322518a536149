// SPDX-License-Identifier: GPL-2.0-only
/*
 * Evening memory out: a plan is made (balance.c), its first moves are made, and when they have ended the next plan is made from
 * what is there then. So nothing is moved by a plan that no longer holds, and a rack that degrades meanwhile is left alone.
 *
 *  plan --moves--> up to GMM_DRAIN_MOVES_MAX moves --all ended--> plan
 *   |  `--cool-down--> wait
 *   |--even, or nothing more to gain--> ended
 *   '--degraded, or too many moves failed--> failed
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/balance.h"
#include "gmm/core/internal.h"

static struct gmm_operation *balance_of(struct gmm_core *core)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind == GMM_OPERATION_BALANCE && core->operations[i].step == GMM_STEP_DRAINING)
			return &core->operations[i];
	return NULL;
}

int gmm_core_balance_check(struct gmm_core *core, uint64_t now_ns)
{
	struct gmm_balance *plan = core->config.plan;

	assert(plan);
	if (balance_of(core))
		return gmm_refuse_words(core, -EBUSY, "the rack is being balanced already", "", "");
	gmm_balance_plan(core, plan, now_ns);
	if (plan->move_count == 0)
		return gmm_refuse_words(core, plan->distance_before <= GMM_BALANCE_START ? -EALREADY : -EBUSY, plan->reason, "", "");
	return gmm_operation_room(core) ? 0 : -EAGAIN;
}

int gmm_core_balance(struct gmm_core *core, uint64_t *id, uint64_t now_ns)
{
	struct gmm_operation *operation;
	int status = gmm_core_balance_check(core, now_ns);

	if (status)
		return status;
	operation = gmm_operation_start(core, GMM_OPERATION_BALANCE, GMM_STEP_DRAINING, "memory", now_ns);
	assert(operation);
	operation->parts = core->config.plan->move_count;
	*id = operation->id;
	return 0;
}

int gmm_core_balance_cancel_check(struct gmm_core *core)
{
	return balance_of(core) ? 0 : gmm_refuse_words(core, -ENOENT, "the rack is not being balanced", "", "");
}

int gmm_core_balance_cancel(struct gmm_core *core, uint64_t now_ns)
{
	int status = gmm_core_balance_cancel_check(core);

	if (!status)
		gmm_drain_cancel(core, balance_of(core), "the balancing was cancelled", now_ns);
	return status;
}

static void start_moves(struct gmm_core *core, struct gmm_operation *operation, const struct gmm_balance *plan, uint64_t now_ns)
{
	uint32_t under_way = 0;

	for (uint32_t i = 0; i < plan->move_count && under_way < GMM_DRAIN_MOVES_MAX; i++) {
		const struct gmm_move *wanted = &plan->moves[i];
		struct gmm_vm *vm = gmm_core_vm(core, core->regions[wanted->region].vm);
		struct gmm_operation *move;

		/* One a VM at a time: the plan's next one of it waits for the next plan. And not before one that it counts on. */
		under_way += gmm_spread_allows(core, vm, wanted->region, gmm_core_node(core, wanted->to)) &&
			     gmm_move_start(core, vm, wanted->region, gmm_core_node(core, wanted->to), operation->id, &move,
					    now_ns) == 0;
	}
	if (under_way == 0)
		operation->failures++;
}

void gmm_rebalance_tick(struct gmm_core *core, struct gmm_operation *operation, uint64_t now_ns)
{
	struct gmm_balance *plan = core->config.plan;
	char reason[GMM_TEXT_BYTES];

	if (gmm_drain_moves(core, operation) || now_ns < operation->poll_ns)
		return;
	if (operation->failures > GMM_DRAIN_FAILURES_MAX) {
		memcpy(reason, operation->reason[0] ? operation->reason : core->refusal, sizeof(reason));
		gmm_operation_fail(core, operation, -EIO, reason, now_ns);
		return;
	}
	gmm_balance_plan_beyond(core, plan, GMM_BALANCE_GOAL, now_ns);
	/*
	 * Short of the goal, and still so uneven that it would have been begun: something is in the way, also after some moves. What
	 * the VMs' spreads forbid is none: all that may move has.
	 */
	if (plan->move_count == 0 && plan->distance_before > GMM_BALANCE_START && !plan->spread_limits) {
		gmm_operation_fail(core, operation, -EBUSY, plan->reason, now_ns);
	} else if (plan->move_count == 0) {
		operation->reason[0] = '\0';
		gmm_operation_end(core, operation);
	} else if (plan->ready_ns > now_ns) {
		operation->poll_ns = plan->ready_ns;
	} else {
		operation->poll_ns = operation->failures ? now_ns + GMM_DRAIN_RETRY_NS : now_ns;
		start_moves(core, operation, plan, now_ns);
	}
}
