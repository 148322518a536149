/* SPDX-License-Identifier: GPL-2.0-only */
#include "testbed/bench-native/one_sided.h"

static int post(struct pair *pair, uint32_t slot)
{
	const struct one_sided *work = pair->workload;
	uint64_t offset = (uint64_t)slot * ONE_SIDED_BYTES;

	return roce_post_read(pair->device[0], pair->qpn[0], slot, work->local + offset, ONE_SIDED_BYTES, offset, work->rkey,
			      pair->now_ns);
}

static void run(struct pair *pair, uint64_t operations)
{
	one_sided_run(pair, operations, post);
}

const struct workload workload_read = { .name = "4 KiB READ", .target_per_second = 1e6, .start = one_sided_start, .run = run };
