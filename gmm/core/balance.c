// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan is greedy: from the fullest component to the emptiest, a region at a time, until both are near the rack's
 * share. A region moves at most once, and never to where it would only trade places, so no byte is moved that the goal
 * does not need. Where the spread of its VM does not let a region go to the emptiest, another one is looked for, and another place.
 * With a rebuild reserve only whole regions move: that takes nothing of it (B2, reserve.c).
 */
#include <assert.h>
#include <string.h>

#include "gmm/core/balance.h"
#include "gmm/core/internal.h"
#include "gmm/core/placing.h"

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

static void add_move(const struct gmm_core *core, struct gmm_balance *plan, uint32_t region, uint32_t to)
{
	uint32_t from = plan->place[region], pages = core->regions[region].pages;

	plan->place[region] = (uint16_t)to;
	plan->used[from] -= pages;
	plan->used[to] += pages;
	plan->pages += pages;
	plan->moves[plan->move_count] = (struct gmm_move){
		.region = region, .from = core->nodes[from].id, .to = core->nodes[to].id, .pages = pages,
		.batch = plan->move_count / GMM_BALANCE_BATCH_MOVES,
	};
	plan->move_count++;
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

/* ---------------------------------------------------------------- what VMs' spreads allow */

static struct gmm_node_set planned_set(const struct gmm_core *core, const struct gmm_balance *plan, const struct gmm_vm *vm)
{
	struct gmm_node_set set = { 0 };

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		if (plan->place[at] != GMM_BALANCE_NOWHERE)
			gmm_set_add(&set, core->nodes[plan->place[at]].id);
	return set;
}

static uint32_t planned_regions(const struct gmm_core *core, const struct gmm_balance *plan, const struct gmm_vm *vm, uint32_t node)
{
	uint32_t count = 0;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		count += plan->place[at] == node;
	return count;
}

/* Move all of the VM's regions from a component of its set to the emptiest others of it. False: they may not move, or do not fit. */
static bool vacate(const struct gmm_core *core, struct gmm_balance *plan, const struct gmm_vm *vm, const struct gmm_node_set *set,
		   uint32_t from)
{
	uint32_t targets[REGIONS_PER_VM_MAX], regions[REGIONS_PER_VM_MAX], count = 0;
	uint64_t used[NODES_MAX];

	memcpy(used, plan->used, sizeof(used));
	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
		uint32_t best = GMM_NONE, pages = core->regions[at].pages;

		if (plan->place[at] != from)
			continue;
		if (core->regions[at].state != GMM_REGION_LIVE || core->regions[at].wanted ||
		    core->nodes[from].id != core->regions[at].node || !gmm_reserve_is_neutral(core, &core->regions[at]))
			return false;
		for (uint32_t i = 0; i < core->node_count; i++) {
			uint64_t capacity = core->nodes[i].join.capacity_pages;

			if (i != from && gmm_set_has(set, core->nodes[i].id) && takes_part(&core->nodes[i]) &&
			    used[i] + pages <= capacity &&
			    (best == GMM_NONE || share(used[i], capacity) < share(used[best], core->nodes[best].join.capacity_pages)))
				best = i;
		}
		if (best == GMM_NONE)
			return false;
		used[best] += pages;
		regions[count] = at;
		targets[count++] = best;
	}
	if (count > GMM_BALANCE_MOVES_MAX - plan->move_count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		add_move(core, plan, regions[i], targets[i]);
	return true;
}

/* A VM that is on more components than its spread allows leaves the one with the fewest of its regions. False: it stays so. */
static bool repair(const struct gmm_core *core, struct gmm_balance *plan, const struct gmm_vm *vm)
{
	struct gmm_node_set set = planned_set(core, plan, vm), left = set;

	for (uint32_t tried = 0; set.count > vm->spec.spread && tried < set.count; tried++) {
		uint32_t fewest = GMM_NONE, regions = 0;

		for (uint32_t i = 0; i < core->node_count; i++) {
			uint32_t count = gmm_set_has(&left, core->nodes[i].id) ? planned_regions(core, plan, vm, i) : 0;

			if (count && (fewest == GMM_NONE || count < regions)) {
				fewest = i;
				regions = count;
			}
		}
		/* What is not up and admitted gives nothing. */
		if (takes_part(&core->nodes[fewest]) && vacate(core, plan, vm, &set, fewest))
			return true;
		gmm_set_remove(&left, core->nodes[fewest].id);
	}
	return false;
}

/* ---------------------------------------------------------------- the state of the rack */

/* Regions of VMs that nothing else works on, by node; their list leads through plan->next. Those that a repair moves stay there. */
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
			plan->place[at] = core->regions[at].node ? (uint16_t)(core->regions[at].node - GMM_NODE_FIRST) : GMM_BALANCE_NOWHERE;
			plan->vm[at] = (uint16_t)i;
		}
		while (vm->spec.spread && repair(core, plan, vm))
			;
		for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next) {
			uint32_t *first;

			if (core->regions[at].state != GMM_REGION_LIVE || core->regions[at].wanted ||
			    core->nodes[plan->place[at]].id != core->regions[at].node || !gmm_reserve_is_neutral(core, &core->regions[at]))
				continue;
			first = &plan->movable[plan->place[at]];
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

/* The emptiest component that the VM's regions on `from` may go to by its spread; GMM_NONE. */
static uint32_t target_of(const struct gmm_core *core, const struct gmm_balance *plan, const struct gmm_vm *vm, uint32_t from,
			  uint32_t emptiest)
{
	struct gmm_node_set set = planned_set(core, plan, vm);
	uint32_t best = GMM_NONE;

	/* One more, or one instead of the one that its last region leaves. */
	if (gmm_set_has(&set, core->nodes[emptiest].id) ||
	    set.count - (planned_regions(core, plan, vm, from) == 1) < vm->spec.spread)
		return emptiest;
	for (uint32_t i = 0; i < core->node_count; i++)
		if (i != from && gmm_set_has(&set, core->nodes[i].id) && takes_part(&core->nodes[i]) &&
		    (best == GMM_NONE || share_of(core, plan, i) < share_of(core, plan, best)))
			best = i;
	return best;
}

/* Would the move bring one of both nearer to the goal, and not only trade places? */
static bool gains(const struct gmm_core *core, const struct gmm_balance *plan, uint64_t mean, uint32_t region, uint32_t from, uint32_t to)
{
	uint64_t after = share(plan->used[to] + core->regions[region].pages, core->nodes[to].join.capacity_pages);

	return (share_of(core, plan, from) > mean + GMM_BALANCE_GOAL || share_of(core, plan, to) + GMM_BALANCE_GOAL < mean) &&
	       after <= WHOLE && after < share_of(core, plan, from);
}

/*
 * The link to the region of `from` that is to move, and *to: the emptiest, for the first region whose VM may be there; else the
 * emptiest that any may go to. NULL: none that would gain anything may move.
 */
static uint32_t *find_region(const struct gmm_core *core, struct gmm_balance *plan, uint64_t mean, uint32_t from, uint32_t *to)
{
	uint32_t emptiest = *to, *best = NULL, target = emptiest;
	const struct gmm_vm *last = NULL;

	for (uint32_t *link = &plan->movable[from]; *link != GMM_NONE; link = &plan->next[*link]) {
		const struct gmm_vm *vm = &core->vms[plan->vm[*link]];

		/* Its regions stand together. */
		if (vm != last)
			target = vm->spec.spread ? target_of(core, plan, vm, from, emptiest) : emptiest;
		last = vm;
		if (target == GMM_NONE || !gains(core, plan, mean, *link, from, target) ||
		    (best && share_of(core, plan, target) >= share_of(core, plan, *to)))
			continue;
		best = link;
		*to = target;
		if (target == emptiest)
			break;
	}
	return best;
}

/* Add the next move to the plan; false when it is complete. */
static bool plan_move(const struct gmm_core *core, struct gmm_balance *plan, uint64_t mean)
{
	uint32_t from, to, region, *link;

	while (plan->move_count < GMM_BALANCE_MOVES_MAX && find_pair(core, plan, &from, &to)) {
		/* Between the fullest and the emptiest there is nothing to gain, so nowhere. */
		if (!gains(core, plan, mean, plan->movable[from], from, to))
			return false;
		link = find_region(core, plan, mean, from, &to);
		if (link) {
			region = *link;
			*link = plan->next[region];
			add_move(core, plan, region, to);
			return true;
		}
		plan->movable[from] = GMM_NONE;
		plan->spread_limits = true;
	}
	return false;
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
	plan->spread_limits = false;
	if (!rack_share(core, plan, &mean)) {
		stay(plan, "fewer than two memory components are up and admitted", "");
		return;
	}
	plan->distance_before = plan->distance_after = largest_distance(core, plan, mean);
	if (!is_calm(core, plan))
		return;
	if (plan->ready_ns < now_ns)
		plan->ready_ns = now_ns;
	list_movable(core, plan);
	while (plan->distance_before > start && plan_move(core, plan, mean))
		;
	plan->distance_after = largest_distance(core, plan, mean);
	plan->spread_limits = plan->spread_limits && plan->distance_after > GMM_BALANCE_GOAL;
	if (plan->move_count)
		return;
	if (plan->distance_before <= start)
		stay(plan, "the rack is balanced", "");
	else if (plan->spread_limits)
		stay(plan, "the spread of VMs keeps their regions on the components that they are on", "");
	else
		stay(plan, "no region may move, or none would make it better", "");
}
