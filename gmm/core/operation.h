/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations: what takes more than one message, step by step, and what is kept of it when it has ended. */
#ifndef PLENUM_GMM_OPERATION_H
#define PLENUM_GMM_OPERATION_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/wire.h>

#include "gmm/core/limits.h"

enum gmm_operation_kind {
	GMM_OPERATION_NONE,
	GMM_OPERATION_VM_CREATE,
	GMM_OPERATION_VM_START,
	GMM_OPERATION_VM_STOP,
	GMM_OPERATION_VM_DESTROY,
	GMM_OPERATION_BENCH,
	GMM_OPERATION_REGION_MOVE,
	GMM_OPERATION_NODE_DRAIN,
	GMM_OPERATION_BALANCE,
	GMM_OPERATION_VM_RESIZE,
	GMM_OPERATION_VM_KILL,
	GMM_OPERATIONS_KINDS,
};

/* READs between two nodes, for measuring; the limits are those of struct wire_bench_read. */
struct gmm_bench_spec {
	uint32_t count, len_bytes, outstanding;
};

/*
 *  create:  REGIONS -> VM -> CHUNKS -> ended            failure: UNDO_VM -> RECLAIM -> ended
 *  start:   VM -> LOADING -> ended                      kill: VM -> ended
 *  stop:    VM (the power button) -> WAITING -> ended, or after the time of grace VM (as kill) -> ended
 *  destroy: VM -> RECLAIM -> ended                      bench: REGIONS -> VM -> RECLAIM -> ended
 *  move:    REGIONS -> VM -> MOVING -> RECLAIM -> ended (of the old region; if it was abandoned, of the new one)
 *  drain:   DRAINING -> ended                           resize: VM -> RESIZING -> ended
 */
enum gmm_step {
	GMM_STEP_REGIONS,		/* create regions */
	GMM_STEP_VM,			/* the kind's own call to the process component */
	GMM_STEP_CHUNKS,		/* tell it where the regions are */
	GMM_STEP_LOADING,		/* it loads the guest: wait for the outcome */
	GMM_STEP_WAITING,		/* the guest's power button was pressed: wait for it to switch itself off */
	GMM_STEP_MOVING,		/* the process component copies: ask it how far it is */
	GMM_STEP_RESIZING,		/* the process component empties sets: ask it how far it is */
	GMM_STEP_DRAINING,		/* drain, balance: moves are under way, or wait for their turn */
	GMM_STEP_UNDO_VM,		/* destroy there what VM or CHUNKS made */
	GMM_STEP_RECLAIM,		/* wait until the regions are gone */
	GMM_STEP_ENDED,			/* result not fetched yet */
};

/* The request that an operation came from, if whoever made it named it: sent again it must not start a second operation. */
struct gmm_mark {
	char key[GMM_KEY_BYTES];	/* empty: not named */
	uint8_t digest[GMM_DIGEST_BYTES]; /* of what was asked for */
};

struct gmm_operation {
	enum gmm_operation_kind kind;
	enum gmm_step step;
	uint64_t id;			/* counts from 1 */
	uint32_t vm;			/* index; GMM_NONE */
	uint32_t region;		/* bench, move: its region; chunks: next region to tell */
	uint32_t told;			/* regions in the chunk under way, then all told */
	uint32_t process_node;		/* bench, move */
	uint32_t index;			/* move: of the region within its VM */
	uint32_t from_node, to_node;	/* move: memory components; drain: the one that is emptied, 0 */
	uint64_t parent;		/* move: id of the drain that wants it; 0: the operator */
	uint32_t failures;		/* drain: moves that failed in a row */
	uint32_t regions_moved;		/* drain */
	bool sent;			/* move: the process component may know of it */
	bool cancel;			/* move: it is to be given up; stop: the guest is not asked any more, but ended */
	uint64_t grace_ns;		/* stop: how long it is waited for, */
	uint64_t grace_until_ns;	/* from when the button was pressed until then; 0: it was not */
	uint64_t poll_ns;		/* move, resize: when to ask; drain: when to look again */
	struct wire_vm_region_moved moved; /* move: as last heard; drain: the sum of its moves, and the last one's fills */
	uint32_t pending;		/* regions it waits for, */
	uint32_t parts;			/* of so many that it began to wait for */
	bool calling;			/* the step's call to the process component is under way */
	bool unsure;			/* an earlier manager may have made any of its calls */
	int status;			/* first failure */
	uint64_t deadline_ns;		/* LOADING: give up waiting; start: ask not before */
	char reason[GMM_TEXT_BYTES];
	struct gmm_bench_spec bench_spec;
	struct wire_bench_result bench;
	uint64_t started_ns;
	char object[VM_NAME_BYTES];	/* VM, or the bench's process component */
	char who[GMM_WHO_BYTES];	/* asked for it; empty: another operation */
	struct gmm_mark mark;
	uint64_t ended_number;		/* ENDED: its number in the history */
};

/* An operation that ended. */
struct gmm_finished {
	uint64_t operation;
	enum gmm_operation_kind kind;
	int status;
	char reason[GMM_TEXT_BYTES];
	struct wire_bench_result bench;
	uint32_t regions_moved;		/* move: 1; drain */
	struct wire_vm_region_moved moved;
};

/* What is kept of it (history.c). A plain record: no pointer, no index of another table. */
struct gmm_ended {
	uint64_t id;
	uint64_t number;		/* counts operations as they end, from 1 */
	uint64_t started_ns, ended_ns;
	uint64_t bytes;			/* moved from one memory component to another */
	enum gmm_operation_kind kind;
	int32_t status;			/* 0 or a negative errno */
	bool told;			/* gmm_core_finished() gave it out, so it is kept: from then on it is shown */
	char object[VM_NAME_BYTES];
	char reason[GMM_TEXT_BYTES];
	char who[GMM_WHO_BYTES];
	struct gmm_mark mark;
};

#endif
