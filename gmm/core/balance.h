/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which regions to move so that memory components are used evenly. This only plans; rebalance.c has the moves made. A plan is
 * made when the used share of a component is further than GMM_BALANCE_START from the rack's, and ends when all are within
 * GMM_BALANCE_GOAL: the distance between the two keeps small changes from starting it again. Whatever the distance, VMs that are
 * on more components than their spread allows are taken off some first, onto the others that they are on; and no move makes a VM's
 * set larger than its spread: within the set, or from where its only region is.
 */
#ifndef PLENUM_GMM_BALANCE_H
#define PLENUM_GMM_BALANCE_H

#include "gmm/core/core.h"

/* Distances of used shares, in millionths of a component's capacity. */
#define GMM_BALANCE_START 50000u
#define GMM_BALANCE_GOAL 25000u
#define GMM_BALANCE_MOVES_MAX 4096u		/* of one plan; what remains is planned again */
#define GMM_BALANCE_BATCH_MOVES 64u		/* to be carried out together; then look whether the plan still holds */
/* A rack that has just changed may change again: components that start one after another, one that comes and goes. */
#define GMM_BALANCE_COOLDOWN_NS UINT64_C(60000000000)

struct gmm_move {
	uint32_t region;			/* index in the core's table */
	uint32_t from, to;			/* nodes */
	uint32_t pages;
	uint32_t batch;				/* counts from 0 */
};

#define GMM_BALANCE_NOWHERE UINT16_MAX		/* of a region that is only promised */

struct gmm_balance {
	uint32_t move_count;
	struct gmm_move moves[GMM_BALANCE_MOVES_MAX];
	uint64_t pages;				/* of all moves */
	uint64_t ready_ns;			/* the moves are not to be made before: cool-down */
	uint32_t distance_before, distance_after; /* the largest, in millionths */
	char reason[GMM_TEXT_BYTES];		/* why there are no moves; empty: there are */
	bool spread_limits;			/* what keeps it from the goal is that VMs may be on so many components only */
	/* Scratch of the planner. */
	uint64_t used[NODES_MAX];
	uint32_t movable[NODES_MAX];		/* first of the node's regions that may move */
	uint32_t next[GMM_REGIONS_MAX];
	uint16_t place[GMM_REGIONS_MAX];	/* index of the node that it is on after the moves, or GMM_BALANCE_NOWHERE */
	uint16_t vm[GMM_REGIONS_MAX];		/* index of its VM */
};

/*
 * Plan from the tables as they are; the core is only read. No moves while a component with regions is not up, pages are lost
 * or a component is drained: then memory and links belong to what repairs. Only components that are up and admitted give
 * and take.
 */
void gmm_balance_plan(const struct gmm_core *core, struct gmm_balance *plan, uint64_t now_ns);
/* The same, begun as soon as the distance is above `start` (millionths): what has begun goes on to the goal. */
void gmm_balance_plan_beyond(const struct gmm_core *core, struct gmm_balance *plan, uint32_t start, uint64_t now_ns);

#endif
