/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which memory components the regions of one VM go to: filter (up and admitted, room, the rebuild reserve, the VM's copyset), then the
 * score of the policy (policy.c). The components are gathered once a request, into a dense array from which each choice is deducted;
 * nothing of the core changes but what policies draw. A single region, of a move or one that is placed later, goes the same way.
 *
 * A VM's copyset is the set of memory components that its regions are on: with one copy of each page, the loss of any of them is
 * the loss of the VM. It follows from the table of regions, so it is kept nowhere else. `spread` limits its size.
 *
 *  P1  A choice never makes the set larger than its limit. Only gmm_place_away() goes beyond, when nothing within takes the region.
 *  P2  As long as what is to be placed fits in the set's members and the roomiest others that may still join, so does the rest of it
 *      after each choice: a VM that fits in some components within its limit is not refused because others were chosen first. It
 *      holds because regions are alike: in a member each takes the room of one, so only a new member can spoil it, and those that
 *      would are left out.
 *      With a rebuild reserve that takes the reserve in: P4.
 *  P3  A new member comes from a failure domain that the VM depends on already, if one of those may join: what fails together
 *      should hurt few VMs.
 *  P4  After each choice the rebuild reserve holds, if it is asked for. How many whole regions it lets in does not depend on where they
 *      go (B2, reserve.c), so nothing of them has to be looked at one by one. Only when they leave no spare place to some domain must
 *      the last, smaller region go *beside*: on a component that has as many whole places with it as without, in a domain that has a spare
 *      place left. Whole regions never change what is left beside them, so it suffices that the set gets such a member.
 */
#ifndef PLENUM_GMM_PLACING_H
#define PLENUM_GMM_PLACING_H

#include "gmm/core/core.h"

/* Nodes or domains, by the index of the node or the domain's first one. */
struct gmm_node_set {
	uint64_t words[(NODES_MAX + 63) / 64];
	uint32_t count;
};

static inline bool gmm_set_has(const struct gmm_node_set *set, uint32_t id)
{
	return set->words[(id - GMM_NODE_FIRST) / 64] >> (id - GMM_NODE_FIRST) % 64 & 1;
}

static inline void gmm_set_add(struct gmm_node_set *set, uint32_t id)
{
	set->count += !gmm_set_has(set, id);
	set->words[(id - GMM_NODE_FIRST) / 64] |= UINT64_C(1) << (id - GMM_NODE_FIRST) % 64;
}

static inline void gmm_set_remove(struct gmm_node_set *set, uint32_t id)
{
	set->count -= gmm_set_has(set, id);
	set->words[(id - GMM_NODE_FIRST) / 64] &= ~(UINT64_C(1) << (id - GMM_NODE_FIRST) % 64);
}

/* Places for whole regions that may still be taken until some failure domain could not be rebuilt in the others (B1, reserve.c). */
#define GMM_RESERVE_OFF INT64_MAX
struct gmm_reserve {
	int64_t spare;			/* the least of all; GMM_RESERVE_OFF: no reserve is kept */
	int64_t spare_of[NODES_MAX];	/* by the index of the domain's first node */
};

/* As the tables are, but without the region `leaving`; NULL: with all. */
void gmm_reserve_count(const struct gmm_core *core, const struct gmm_region *leaving, struct gmm_reserve *reserve);

/* What a component can take of the regions to come: whole ones, and the smaller last one beside these. */
struct gmm_room {
	uint64_t regions;
	bool tail;			/* if the reserve lets it (P4) */
};

struct gmm_placing {
	struct gmm_core *core;
	uint32_t places_left;		/* so many may still join the set */
	bool limited;			/* else as many as there are */
	struct gmm_node_set set;	/* the VM's, with what was chosen */
	struct gmm_node_set domains;	/* of its members */
	uint64_t regions;		/* whole ones that are still to be placed, */
	uint32_t tail_pages;		/* and a smaller one; 0: none (P2) */
	uint32_t fit_pages;		/* `fits` are those that take so many; 0: they are to be found again */
	uint32_t fit_count;
	struct gmm_reserve reserve;	/* as it was before any was placed, */
	int64_t expected;		/* and so many whole ones were to be */
	uint32_t count;			/* components that may be given regions, in order of their ids */
	const struct gmm_candidate *fits[NODES_MAX];
	struct gmm_candidate candidates[NODES_MAX];
	struct gmm_room rooms[NODES_MAX];
	uint16_t roomiest[NODES_MAX];	/* their indices; in order of room once a limit asks for it */
};

/* The components as they are now, a VM that has nothing yet, and no reserve to be kept. */
void gmm_placing_begin(struct gmm_placing *placing, struct gmm_core *core, uint32_t spread);
/* So much is to be placed; a reserve is set before. False: it does not fit in the rack, or not within limit and reserve (no P2 then). */
bool gmm_placing_expect(struct gmm_placing *placing, uint64_t pages);
/* The component for the next region, its pages deducted; NULL: none may take it. The core's tables are the caller's to change. */
struct gmm_node *gmm_placing_next(struct gmm_placing *placing, uint32_t pages);

/* Memory components that the VM's regions are on, but for the node `without`; 0: all. */
struct gmm_node_set gmm_copyset(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t without);
/* "m1, m2" */
struct text;
void gmm_text_set(const struct gmm_core *core, const struct gmm_node_set *set, struct text *text);
/* How many of its regions are on the node. */
uint32_t gmm_copyset_regions(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t node);

#endif
