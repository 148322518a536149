/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Both ends of the exercise (exercise_plan.h) over any RDMA stack, which each program brings as a `struct exercise_stack`:
 * plenum-exercise ours, tests/interop/verbs_peer.c Linux's. So the protocol below exists once.
 *
 *	actor connects, its private data an exercise_hello	target answers with an exercise_welcome
 *	target SENDs a first credit, of nothing, with a key that may be ended
 *	actor does the plan's operations to the target's region, and SENDs; compares what comes back
 *	target compares what its receives bring; after EXERCISE_CREDIT of them, and after each invalidation, it SENDs an
 *	exercise_credit; the actor has at most EXERCISE_RECEIVES under way that nobody has credited: none finds no receive
 *	actor SENDs one empty message					target compares its region, answers with a last credit
 *
 * While a READ is under way nothing that changes memory is: the target may read later than it got the request.
 */
#ifndef PLENUM_TOOLS_EXERCISE_RUN_H
#define PLENUM_TOOLS_EXERCISE_RUN_H

#include "tools/exercise_plan.h"

#define EXERCISE_SLOTS 8u		/* of the actor: operations under way */
#define EXERCISE_RECEIVES 8u
#define EXERCISE_CREDIT 4u
#define EXERCISE_CONTROL_SLOT EXERCISE_SLOTS	/* of the message buffer */
#define EXERCISE_PORT 7475u
#define EXERCISE_STEP_S 60u		/* the most that may pass without an event, however much is lost */

/* Both ends are x86: little-endian on the wire. */
struct exercise_hello {
	uint64_t seed;
	uint32_t operations;
	uint32_t unused;
};

struct exercise_welcome {
	uint64_t address;		/* of the region */
	uint32_t rkey;
	uint32_t unused;
};

struct exercise_credit {
	uint32_t receives;
	uint32_t spare_rkey;		/* may be ended now, by a SEND with invalidate */
};

/* All that the stack moves data to and from. */
struct exercise_memory {
	uint8_t region[EXERCISE_REGION_BYTES];
	uint8_t local[EXERCISE_SLOTS][EXERCISE_DATA_BYTES_MAX];
	uint8_t receive[EXERCISE_RECEIVES][EXERCISE_DATA_BYTES_MAX];
	struct exercise_credit control;
};

struct exercise_event {
	bool ended;			/* the connection; nothing else is valid */
	int status;			/* not 0: the work failed */
	bool is_receive;
	uint32_t slot;
	/* Of a receive: */
	bool written, has_immediate, invalidated;
	uint32_t len_bytes, immediate, invalidated_rkey;
};

struct exercise_stack {
	/* 0, or a negative errno; all of them. */
	int (*post)(const struct exercise_operation *operation, uint32_t slot, void *local, uint64_t address, uint32_t rkey);
	int (*post_receive)(uint32_t slot, void *local, uint32_t len_bytes);
	/* The next thing that happened; -ETIMEDOUT after EXERCISE_STEP_S. */
	int (*wait)(struct exercise_event *event);
	/* A key that the peer may end, anew; nothing that was posted is under way. */
	int (*renew_spare)(uint32_t *rkey);
};

struct exercise {
	const struct exercise_stack *stack;
	struct exercise_memory *memory;
	struct exercise_hello hello;
	struct exercise_welcome welcome;
	struct exercise_plan plan;
	uint32_t spare_rkey;
	uint32_t done[EXERCISE_KINDS];
	bool control_busy;
	/* The target's receives that came while it waited for something else. */
	struct exercise_event early[EXERCISE_RECEIVES];
	uint32_t early_first, early_count;
};

/* Fill the region and post receives, before connecting or accepting. 0, or -1 having said why on stderr; all of them. */
int exercise_prepare(struct exercise *exercise, uint32_t receives);
int exercise_act(struct exercise *exercise);
int exercise_serve(struct exercise *exercise);
/*
 * Only look on, for a peer that speaks packet by packet: until the connection ends, say what receives brought, then what the
 * region's bytes are, one line each.
 */
int exercise_witness(struct exercise *exercise);
/* How many operations of each kind there were, in one line. */
void exercise_print(const struct exercise *exercise, const char *role, uint32_t path_mtu_bytes);

#endif
