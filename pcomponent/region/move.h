/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the region client: a region on its way to another memory component. docs/migration.md tells the story.
 *
 *	region_move -> COPYING --all pages passed--> SWITCHED --the old place has no request left--> DONE
 *	                  |
 *	                  '--cancelled, refused, no answer--> ABANDONING --the target has none left--> ABANDONED
 *
 *	A copy of a page (one of the mover's requests):
 *
 *	READ at the region's place --landed--> WRITE at the target --stored--> free
 *	      |  | all zero, or overtaken: free        | overtaken: free, and the WRITE that waits for it goes on
 *
 *	G6 A page is passed when the cursor is beyond it. A page that was never written needs no copy: the target was empty.
 *	   A page with a WRITE of the cache under way gets none either: that WRITE goes on to the target (G7).
 *	G7 While COPYING, the cache's WRITE of a passed page is told to the cache only after the region's place and then the
 *	   target have stored it. So the place always has everything and the move can be abandoned at any moment (I1), and
 *	   at the switch every page's newest content is on the target, or in a line of the cache that is still dirty.
 *	G8 A WRITE of the cache that begins while a copy of its page is under way makes the copy void: it is not sent any
 *	   more, and if it was, the WRITE goes to the target only when that has ended. So an old copy never lands on a newer
 *	   page.
 *	G9 After the switch nothing begins at the old place, and after ABANDONING nothing at the target. The manager
 *	   destroys a region only in DONE or ABANDONED, so no request is refused.
 *	G10 A request with `to_target` is at the target's node (queued or posted) or waits for one copy; `at_target` counts those.
 */
#ifndef PLENUM_PCOMPONENT_REGION_MOVE_H
#define PLENUM_PCOMPONENT_REGION_MOVE_H

#include "pcomponent/region/internal.h"

#define REGION_COPIES_MAX 8u				/* of one move, under way at the same time */
#define REGION_MOVE_PATIENCE_NS UINT64_C(2000000000)	/* the target is silent for so long: the move is abandoned */
#define PACE_PERIOD_NS UINT64_C(20000000)		/* between two looks at the guests' fills */
#define PACE_FILLS_MIN 8u				/* fills from one change of the rate to the next, or none at all */
#define PACE_GROWTH_DIVISOR 16u				/* of the rate, by which it grows beside its minimum */
#define PACE_BURST_NS UINT64_C(2000000)			/* copies that are late may be made up for, as far back as this */
#define PACE_MEDIAN_SHIFT 5u				/* a fill moves the estimated median by 1/32 */

struct region_copy {
	uint32_t waiter;				/* a WRITE of the page that waits for its end; REQUEST_NONE */
	bool active;
	bool overtaken;					/* by a WRITE of the cache */
};

/* How fast: a rate that grows by steps while the guests do not feel it, and is halved when they do. */
struct region_pace {
	struct wire_move_pace limits;
	uint64_t rate;					/* copies a second */
	uint64_t next_ns;				/* when the next copy may begin */
	uint64_t adjust_ns;				/* when to look again */
	uint64_t fills_seen;
	uint64_t before_ns;				/* the median fill before the move; 0: not known */
};

struct region_move {
	struct region_entry target;
	struct region_pace pace;
	uint64_t begun_ns;
	uint64_t heard_ns;				/* of the target, or since when something is to be heard */
	uint32_t index;
	uint32_t pages;					/* of the region that the VM has */
	uint32_t cursor;				/* pages below are passed (G6) */
	uint32_t copies_under_way;
	uint32_t at_target;				/* requests with to_target, but those that wait for a copy */
	uint16_t vm;
	uint8_t state;					/* enum wire_move_state; 0: free */
	bool step_wanted;				/* region_moves_poll() has something to do */
	struct region_copy copies[REGION_COPIES_MAX];
};

static inline bool status_is_loss(int status)
{
	return status == -ECONNRESET || status == -ETIMEDOUT;
}
static inline bool region_moving(const struct region_vm *vm, uint32_t index)
{
	return vm->move != NULL && vm->move->index == index;
}
static inline uint32_t region_copy_number(const struct region_client *client, const struct region_move *move, uint32_t copy)
{
	return client->config.requests_max + (uint32_t)(move - client->moves) * REGION_COPIES_MAX + copy;
}

/* move.c */
void region_moves_poll(struct region_client *client, uint64_t now_ns);
uint64_t region_moves_deadline_ns(const struct region_client *client);
/* No more requests begin at the target; region_moves_poll() does the rest. */
void region_move_abandon(struct region_client *client, struct region_move *move, int status);

/* copy.c */
/* Begin copies while there is room and time; true when every page is passed and no copy is under way. */
bool region_copies_run(struct region_client *client, struct region_move *move, uint64_t now_ns);
void region_copy_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns);
/* A WRITE of the cache begins (G8). */
void region_copy_overtake(struct region_client *client, struct region_move *move, uint64_t page);
/* The region's place has stored a WRITE of the cache. True: it goes on to the target of a move (G7). */
bool region_mirror(struct region_client *client, uint32_t number, uint64_t now_ns);
void region_mirror_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns);
/* ABANDONING: end what was not posted. True when nothing else is left at the target. */
bool region_copies_withdraw(struct region_client *client, struct region_move *move, uint64_t now_ns);

/* pace.c */
void region_pace_begin(struct region_client *client, struct region_move *move, const struct wire_move_pace *limits,
		       uint64_t now_ns);
/* A fill of a guest took so long. */
void region_pace_fill(struct region_client *client, uint64_t fill_ns);
/* May a copy begin now? Then it counts as begun. */
bool region_pace_take(struct region_client *client, struct region_move *move, uint64_t now_ns);

#endif
