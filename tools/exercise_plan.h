/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A random sequence of RDMA operations that both ends can compute from a seed: what the actor does to the target's region
 * and what it sends, and what every operation must return. The target's memory is modelled beside it, so both know at any
 * point what has to stand there. Plain C without any RDMA stack.
 */
#ifndef PLENUM_TOOLS_EXERCISE_PLAN_H
#define PLENUM_TOOLS_EXERCISE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define EXERCISE_REGION_BYTES (1u << 20)
#define EXERCISE_DATA_BYTES_MAX (256u << 10)

enum exercise_kind {
	EXERCISE_WRITE, EXERCISE_WRITE_IMMEDIATE, EXERCISE_READ, EXERCISE_SEND, EXERCISE_SEND_IMMEDIATE, EXERCISE_SEND_INVALIDATE,
	EXERCISE_COMPARE_SWAP, EXERCISE_FETCH_ADD,
};
#define EXERCISE_KINDS 8u

struct exercise_operation {
	enum exercise_kind kind;
	uint32_t offset;		/* in the target's region: all but SENDs */
	uint32_t len_bytes;		/* of data; atomics: 8 */
	uint32_t immediate;
	uint64_t operand, compare;	/* atomics: what to add or to put, and what must stand there for it */
};

struct exercise_plan {
	uint64_t state;			/* of the random numbers */
	uint8_t model[EXERCISE_REGION_BYTES];
};

/* The plan's beginning, with the model as the region has to be filled. */
void exercise_plan_start(struct exercise_plan *plan, uint64_t seed);
/*
 * The next operation, done to the model. `bytes` (EXERCISE_DATA_BYTES_MAX) gets the data: what a SEND or WRITE carries, what a
 * READ or an atomic has to return.
 */
void exercise_plan_next(struct exercise_plan *plan, struct exercise_operation *operation, uint8_t *bytes);
/* Does it use up one of the target's receives? */
bool exercise_fills_receive(enum exercise_kind kind);
const char *exercise_kind_name(enum exercise_kind kind);

#endif
