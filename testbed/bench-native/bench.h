/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-bench-transport: what the transport costs a processor, without a network. Two devices in one thread, joined by a
 * wire in memory: so a number holds the work of both ends, ICRC made and verified included.
 *
 * A workload is one file. It gets a fresh pair of devices, connects what it wants and does operations when it is told to.
 */
#ifndef PLENUM_BENCH_NATIVE_BENCH_H
#define PLENUM_BENCH_NATIVE_BENCH_H

#include <stdint.h>

#include "net/roce/roce.h"

#define PAIR_SIDES 2
#define PAIR_ADDRESS UINT32_C(0x0a000001)	/* of side 0; the other's is one more */
#define PAIR_BURST_PACKETS 32u		/* carried at a time, as a driver takes them from a ring */
#define PAIR_DEPTH 32u			/* work requests under way */

struct pair {
	struct roce_device *device[PAIR_SIDES];
	int queue[PAIR_SIDES];
	uint32_t qpn[PAIR_SIDES];	/* after pair_connect() */
	uint64_t now_ns;		/* the pair's own time, when packets were last moved */
	uint64_t clock_ns;		/* the machine's clock then */
	bool frozen;			/* time stands still: it is not to run out while every step takes microseconds */
	uint8_t *frames;		/* of PAIR_BURST_PACKETS packets */
	void *workload;			/* the workload's own */
};

struct workload {
	const char *name;
	double target_per_second;	/* 0: none */
	void (*limits)(struct roce_limits *limits);	/* add what it needs of a device; NULL: nothing more */
	void (*start)(struct pair *pair);
	/* Do `operations` and see their ends. */
	void (*run)(struct pair *pair, uint64_t operations);
};

extern const struct workload workload_read, workload_write, workload_send, workload_rpc;

/* The same numbers in every run: nobody attacks here. */
void pair_random(void *context, void *bytes, size_t len);
/* Addresses and limits as the benchmark has them; the caller may change `config` before pair_open(). */
void pair_config(struct roce_config config[PAIR_SIDES]);
void pair_open(struct pair *pair, const struct roce_config config[PAIR_SIDES]);
/* Connect one queue pair of side 0 with one of side 1. */
void pair_connect(struct pair *pair);
/* Carry packets both ways until no side has one to send. */
void pair_move(struct pair *pair);
/* The next completion of `side`; none is coming or one failed: ends the program. */
void pair_completion(struct pair *pair, int side, struct roce_event *event);
uint64_t pair_packets(const struct pair *pair);

/* A page-aligned buffer with something in it. */
uint8_t *bench_buffer(size_t len_bytes);
uint64_t bench_now_ns(void);
/* Say why and end the program. */
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Count the instructions that `workload` takes for `operations` on `pair`. Returns how they were counted; `pair` is not
 * to be used afterwards.
 */
const char *count_instructions(const struct workload *workload, struct pair *pair, uint64_t operations, uint64_t *instructions,
			       uint64_t *packets);

#endif
