/* SPDX-License-Identifier: GPL-2.0-only */
/* What READ and WRITE of pages share: PAIR_DEPTH of them under way on one queue pair, the oldest posted anew as it ends. */
#ifndef PLENUM_BENCH_NATIVE_ONE_SIDED_H
#define PLENUM_BENCH_NATIVE_ONE_SIDED_H

#include "testbed/bench-native/bench.h"

#define ONE_SIDED_BYTES 4096u

struct one_sided {
	uint8_t *local, *remote;	/* PAIR_DEPTH pages each */
	uint32_t rkey;
};

/* Connect and register `remote`, on side 1. */
void one_sided_start(struct pair *pair);
/* `post` starts the operation on page `slot`; its completion carries that as cookie. */
void one_sided_run(struct pair *pair, uint64_t operations, int (*post)(struct pair *pair, uint32_t slot));

#endif
