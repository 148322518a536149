/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process component's cache: its DRAM holds pages of guests, set-associative, indexed by hash(vm, page).
 * Every VM has its own run of sets (its share), so VMs cannot push each other out.
 *
 * Pure state machine. A line's states and who moves it (cache.c opens with the diagram and invariants I1, I3):
 *
 *	FREE -> FILLING -> VALID -> UNMAPPED -> WRITING -> FREE
 *	          zero fill ^  ^-------'rescue'-----'
 *
 * The miss path is cache_access(): no allocation, no lock of its own, never waits. The caller parks the vCPU whose
 * waiter was queued; the waiter is woken exactly once.
 */
#ifndef PLENUM_PCOMPONENT_CACHE_H
#define PLENUM_PCOMPONENT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "pcomponent/region/region.h"

struct cache;

/* One who waits for a page; embedded in a vCPU or a loader. Zero it before its first use. */
struct cache_waiter {
	struct cache_waiter *next;
	int status;			/* set before wake: 0 (look again), -EHOSTUNREACH or -EACCES (memory unreachable, lost) */
	bool queued;
	uint64_t since_ns;
	uint64_t page;			/* the cache's: what a waiter for a way wants, so that the way is given to it */
	void *owner;			/* the caller's */
};

/* What the cache asks of the shim; called from cache calls, must not call back into the cache. */
struct cache_environment {
	/* Make the nested entry of (vm, page) point to `frame`, writable, accessed and dirty as told. */
	void (*map)(void *context, uint32_t vm, uint64_t page, void *frame, bool dirty);
	/*
	 * Remove the nested entry, atomically taking its dirty bit: *dirty is final once the shootdown that follows
	 * (before cache_sweep_finish) is done. False when it was not mapped.
	 */
	bool (*unmap)(void *context, uint32_t vm, uint64_t page, bool *dirty);
	/* Read and clear the accessed bit, without a flush. */
	bool (*test_and_clear_accessed)(void *context, uint32_t vm, uint64_t page);
	/* The waiter's page is there, or failed (waiter->status). */
	void (*wake)(void *context, struct cache_waiter *waiter);
	/* A write-back failed for good: the line is kept (I3); pause the VM and tell the operator. */
	void (*write_back_failed)(void *context, uint32_t vm, int status);
	void *context;
};

struct cache_config {
	void *lines;			/* page-aligned memory of the lines */
	uint32_t lines_count;
	uint32_t ways;			/* 2 to 64 */
	uint32_t vms_max;
	uint64_t hash_key;		/* random, so that no guest can aim at one set */
	struct cache_environment environment;
};

/* Metadata bytes: at most 64 a line plus a constant. */
size_t cache_bytes(const struct cache_config *config);
struct cache *cache_create(void *memory, const struct cache_config *config);
/* The region client to use (it needs the cache's cache_region_done as its `done`, hence two steps). */
void cache_attach(struct cache *cache, struct region_client *regions);
/* The region client's `done`, with the cache as context. */
void cache_region_done(void *cache, uint32_t cookie, bool write, int status, uint64_t latency_ns, uint64_t now_ns);
/* And its `placed`: the write-backs of the VM that waited for a place are tried again, by the next cache_poll(). */
void cache_region_placed(void *cache, uint32_t vm, uint64_t now_ns);

/* Give VM slot `vm` a share of `lines` (rounded down to whole sets). -ENOSPC, -EEXIST, -EINVAL. */
int cache_vm_create(struct cache *cache, uint32_t vm, uint32_t lines);
/*
 * Drop all lines of a VM without writing them back (the VM is gone or starts anew). -EAGAIN while requests of it are
 * under way: call again after they completed. Wakes its waiters with -ECONNRESET. 0: the share is free again.
 */
int cache_vm_destroy(struct cache *cache, uint32_t vm, uint64_t now_ns);
/*
 * Change a VM's share to `lines` (rounded down to whole sets) while its guest runs; the sweeper does it step by step. 0: it is so,
 * or becomes so. -ENOENT; -EINVAL: too few; -ENOSPC; -EBUSY: it is being changed to another size.
 */
int cache_vm_resize(struct cache *cache, uint32_t vm, uint32_t lines, uint64_t now_ns);
struct cache_share {
	uint32_t lines;			/* that the VM holds: while it shrinks, those of before */
	uint32_t lines_wanted;		/* differs while the share is resized */
	uint32_t parts, parts_done;	/* of the resize under way; 0: there is none */
};
/* Of a VM that exists. */
void cache_vm_share(const struct cache *cache, uint32_t vm, struct cache_share *share);
uint32_t cache_lines_free(const struct cache *cache);	/* not given to any VM */

enum cache_result {
	CACHE_READY,			/* mapped; *frame is its memory, valid until the next sweep unless pinned */
	CACHE_WAIT,			/* `waiter` is queued and will be woken */
};

/*
 * A vCPU (or the shim on its behalf) touches a page; the answer is CACHE_READY, CACHE_WAIT or a negative errno:
 * -EFAULT (no such page). With `write`, the caller is going to modify *frame itself: the line counts as dirty.
 */
int cache_access(struct cache *cache, uint32_t vm, uint64_t page, bool write, struct cache_waiter *waiter, void **frame,
		 uint64_t now_ns);
/* Wait no longer: the waiter, if it is queued, leaves its queue with `status`, and is not woken. */
void cache_wait_end(struct cache *cache, uint32_t vm, struct cache_waiter *waiter, int status);
/* Keep the line of a READY page where it is until unpinned (kvmclock pages). -EBUSY when too many in its set are. */
int cache_pin(struct cache *cache, uint32_t vm, uint64_t page);
void cache_unpin(struct cache *cache, uint32_t vm, uint64_t page);

/*
 * The sweeper, in three steps so that no lock is held during the shootdown:
 *   n = cache_sweep_begin(cache, victims)	ages lines, picks and unmaps up to CONFIG_SWEEP_BATCH of them; 0: nothing to do
 *   (the caller shoots down the translations of each victim's VM)
 *   cache_sweep_finish(cache, victims, n)	frees clean lines, starts write-back of dirty ones
 */
struct cache_victim {
	uint32_t line;
	uint32_t vm;
	bool dirty;
};
uint32_t cache_sweep_begin(struct cache *cache, struct cache_victim victims[CONFIG_SWEEP_BATCH], uint64_t now_ns);
void cache_sweep_finish(struct cache *cache, const struct cache_victim *victims, uint32_t count, uint64_t now_ns);
/*
 * The sweeper should run: a set has no way free or leaving, or so many sets are below their low-water mark that one
 * shootdown serves a whole batch.
 */
bool cache_sweep_wanted(const struct cache *cache);

/*
 * Try failed and postponed requests again (after a completion freed room; call from the poll). The next time it
 * must be called is cache_deadline_ns().
 */
void cache_poll(struct cache *cache, uint64_t now_ns);
uint64_t cache_deadline_ns(const struct cache *cache);

/* Fills the cache's fields and the `read` histogram of `status`; the shim fills the others. */
void cache_vm_status(const struct cache *cache, uint32_t vm, struct wire_vm_status *status);
/* Check every invariant of every line; for tests and the simulator. Aborts when one is broken. */
void cache_check(const struct cache *cache);

#endif
