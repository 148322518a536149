// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan is greedy: from the fullest component to the emptiest, a region at a time, until both are near the rack's
 * share. A region moves at most once, and never to where it would only trade places, so no byte is moved that the goal
 * does not need.
 */
#include <assert.h>
#include <string.h>

#include "gmm/core/balance.h"
#include "gmm/core/internal.h"

#define WHOLE 1000000u

static bool takes_part(const struct gmm_node *node)
{
	return node->role == WIRE_ROLE_MEMORY && gmm_node_eligible(node);
}

/* Page counts are at most GMM_NODE_PAGES_MAX a node, so that this holds for the sum over a rack, too. */
static uint64_t share(uint64_t pages, uint64_t capacity)
{
	_Static_assert(UINT64_MAX / NODES_MAX / WHOLE >= GMM_NODE_PAGES_MAX, "the product fits");
	return pages * WHOLE / capacity;
}

static uint64_t share_of(const struct gmm_core *core, const struct gmm_balance *plan, uint32_t at)
{
	return share(plan->used[at], core->nodes[at].join.capacity_pages);
}

static uint64_t distance(uint64_t left, uint64_t right)
{
	return left > right ? left - right : right - left;
}

/* ---------------------------------------------------------------- may it be now? */

static void stay(struct gmm_balance *plan, const char *first, const char *second)
{
	struct text text = text_over(plan->reason, sizeof(plan->reason));

	text_string(&text, first);
	text_string(&text, second);
}

static bool is_calm(const struct gmm_core *core, struct gmm_balance *plan)
{
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		uint64_t calm_ns = node->changed_ns + GMM_BALANCE_COOLDOWN_NS;

		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		if (node->state != GMM_NODE_UP && node->pages_reserved) {
			stay(plan, "a component with regions is not up: ", node->name);
			return false;
		}
		if (node->admin == GMM_ADMIN_DRAINING) {
			stay(plan, "a component is being drained: ", node->name);
			return false;
		}
		if (node->changed_ns && calm_ns > plan->ready_ns)
			plan->ready_ns = calm_ns;
	}
	for (uint32_t i = 0; i < core->region_top; i++)
		if (core->regions[i].state == GMM_REGION_LOST) {
			stay(plan, "pages were lost with ", core->nodes[core->regions[i].node - GMM_NODE_FIRST].name);
			return false;
		}
	return true;
}

/* ---------------------------------------------------------------- the state of the rack */

/* Regions of VMs that nothing else works on, by node; their list leads through plan->next. */
static void list_movable(const struct gmm_core *core, struct gmm_balance *plan)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		plan->movable[i] = GMM_NONE;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &core->vms[i];

		if (vm->phase != GMM_VM_READY || vm->operation != GMM_NONE || vm->move != GMM_NONE ||
		    core->nodes[vm->node - GMM_NODE_FIRST].state != GMM_NODE_UP)
			continue;
		for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
			uint32_t *first;

			if (core->regions[at].state != GMM_REGION_LIVE || core->regions[at].wanted)
				continue;
			first = &plan->movable[core->regions[at].node - GMM_NODE_FIRST];
			plan->next[at] = *first;
			*first = at;
		}
	}
}

/* The used share of all that take part together; false when fewer than two do. */
static bool rack_share(const struct gmm_core *core, struct gmm_balance *plan, uint64_t *mean)
{
	uint64_t used = 0, capacity = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!takes_part(node))
			continue;
		plan->used[i] = node->join.capacity_pages - gmm_node_pages_free(node);
		used += plan->used[i];
		capacity += node->join.capacity_pages;
		count++;
	}
	if (count < 2)
		return false;
	*mean = share(used, capacity);
	return true;
}

static uint32_t largest_distance(const struct gmm_core *core, const struct gmm_balance *plan, uint64_t mean)
{
	uint64_t largest = 0;

	for (uint32_t i = 0; i < core->node_count; i++)
		if (takes_part(&core->nodes[i]) && distance(share_of(core, plan, i), mean) > largest)
			largest = distance(share_of(core, plan, i), mean);
	return (uint32_t)largest;
}

/* ---------------------------------------------------------------- the moves */

/* The fullest that has something to give, and the emptiest; false when there is no such pair. */
static bool find_pair(const struct gmm_core *core, const struct gmm_balance *plan, uint32_t *from, uint32_t *to)
{
	*from = *to = GMM_NONE;
	for (uint32_t i = 0; i < core->node_count; i++) {
		if (!takes_part(&core->nodes[i]))
			continue;
		if (plan->movable[i] != GMM_NONE && (*from == GMM_NONE || share_of(core, plan, i) > share_of(core, plan, *from)))
			*from = i;
		if (*to == GMM_NONE || share_of(core, plan, i) < share_of(core, plan, *to))
			*to = i;
	}
	return *from != GMM_NONE && *from != *to;
}

/* Add the next move to the plan; false when it is complete. */
static bool plan_move(const struct gmm_core *core, struct gmm_balance *plan, uint64_t mean)
{
	uint32_t from, to, region;
	uint64_t pages, after;

	if (plan->move_count == GMM_BALANCE_MOVES_MAX || !find_pair(core, plan, &from, &to))
		return false;
	if (share_of(core, plan, from) <= mean + GMM_BALANCE_GOAL && share_of(core, plan, to) + GMM_BALANCE_GOAL >= mean)
		return false;
	region = plan->movable[from];
	pages = core->regions[region].pages;
	after = share(plan->used[to] + pages, core->nodes[to].join.capacity_pages);
	if (after > WHOLE || after >= share_of(core, plan, from))
		return false;
	plan->movable[from] = plan->next[region];
	plan->used[from] -= pages;
	plan->used[to] += pages;
	plan->pages += pages;
	plan->moves[plan->move_count] = (struct gmm_move){
		.region = region, .from = core->nodes[from].id, .to = core->nodes[to].id, .pages = (uint32_t)pages,
		.batch = plan->move_count / GMM_BALANCE_BATCH_MOVES,
	};
	plan->move_count++;
	return true;
}

void gmm_balance_plan(const struct gmm_core *core, struct gmm_balance *plan, uint64_t now_ns)
{
	gmm_balance_plan_beyond(core, plan, GMM_BALANCE_START, now_ns);
}

void gmm_balance_plan_beyond(const struct gmm_core *core, struct gmm_balance *plan, uint32_t start, uint64_t now_ns)
{
	uint64_t mean;

	plan->move_count = 0;
	plan->pages = plan->ready_ns = 0;
	plan->distance_before = plan->distance_after = 0;
	plan->reason[0] = '\0';
	if (!rack_share(core, plan, &mean)) {
		stay(plan, "fewer than two memory components are up and admitted", "");
		return;
	}
	plan->distance_before = plan->distance_after = largest_distance(core, plan, mean);
	if (!is_calm(core, plan))
		return;
	if (plan->ready_ns < now_ns)
		plan->ready_ns = now_ns;
	if (plan->distance_before <= start) {
		stay(plan, "the rack is balanced", "");
		return;
	}
	list_movable(core, plan);
	while (plan_move(core, plan, mean))
		;
	plan->distance_after = largest_distance(core, plan, mean);
	if (plan->move_count == 0)
		stay(plan, "no region may move, or none would make it better", "");
}
