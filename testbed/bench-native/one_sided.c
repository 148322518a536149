/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>

#include "testbed/bench-native/one_sided.h"

void one_sided_start(struct pair *pair)
{
	struct roce_memory_config memory = {
		.ops = &roce_memory_plain_ops, .len_bytes = PAIR_DEPTH * ONE_SIDED_BYTES,
		.access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, .peer = ROCE_PEER_ANY,
	};
	struct one_sided *work = calloc(1, sizeof(*work));

	if (!work)
		bench_fail("out of memory");
	work->local = bench_buffer(PAIR_DEPTH * ONE_SIDED_BYTES);
	work->remote = bench_buffer(PAIR_DEPTH * ONE_SIDED_BYTES);
	memory.context = work->remote;
	if (roce_memory_register(pair->device[1], &memory, &work->rkey))
		bench_fail("no memory region");
	pair->workload = work;
	pair_connect(pair);
}

void one_sided_run(struct pair *pair, uint64_t operations, int (*post)(struct pair *pair, uint32_t slot))
{
	uint64_t posted = 0, ended = 0;
	struct roce_event event;

	for (; posted < PAIR_DEPTH && posted < operations; posted++)
		if (post(pair, (uint32_t)posted))
			bench_fail("cannot post");
	for (; ended < operations; ended++) {
		pair_completion(pair, 0, &event);
		if (posted == operations)
			continue;
		if (post(pair, (uint32_t)event.cookie))
			bench_fail("cannot post");
		posted++;
	}
}
