/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the cache: its tables and the transitions of a line. docs/cache.md tells the story.
 *
 *	         zero fill: line_start_fill
 *	      ,------------------------------.
 *	      |                              v
 *	FREE -+-> FILLING ---------------> VALID ----------> UNMAPPED ----------> WRITING
 *	  ^         |      fill_done       ^ ^ ^  sweep_begin   |   sweep_finish    |
 *	  |         | fill_done, failed    | | '----line_revive-'   (dirty)         |
 *	  '---------'                      | '------------line_revive---------------'
 *	  '---------------- sweep_finish (clean), write_done (stored), nobody waiting
 *
 *	C1 (I1) A dirty line is freed only when its write-back was acknowledged (or the VM is destroyed).
 *	C2 (I3) A failed write-back leaves the line WRITING+FAILED, content intact; cache_poll() tries again.
 *	C3 A page is in one line at most, in the set that its hash names.
 *	C4 VALID is the only state with a nested entry. The content of a line whose request is POSTED does not change.
 *	C5 A set has waiters for a way only while no way of it is free; ways are given in the order of asking.
 *	C6 A set that is short of free ways and has a line to evict is in the sweep queue, or rests for CACHE_REST_NS.
 *	C7 A waiter is in one queue, and leaves it by being woken or by moving to its page's line.
 *	C8 While a share is resized, a page whose old set is in the window may be in its old set or in its new one, never in both, and is
 *	   filled into the new one only. Passed sets hold no misplaced line (resize.c).
 *	C9 A dirty line whose region has no place yet is WRITING+FAILED+UNPLACED, in its VM's list; cache_region_placed() tries again.
 */
#ifndef PLENUM_PCOMPONENT_CACHE_INTERNAL_H
#define PLENUM_PCOMPONENT_CACHE_INTERNAL_H

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "lib/hash.h"
#include "lib/histogram.h"
#include "pcomponent/cache/cache.h"

#define LINE_NONE UINT32_MAX
#define SET_NONE UINT32_MAX
#define VM_NONE UINT16_MAX

#define CACHE_WAYS_MAX 64u			/* one word of free ways */
#define CACHE_VMS_MAX 4096u			/* fits line_set.vm */
#define CACHE_RETRY_NS UINT64_C(1000000000)	/* from a failed write-back to its next try */
#define CACHE_RESCUES_MAX 4u			/* lines rescued in a row from a set that others wait for */
#define CACHE_PINS_MAX 255u			/* pins of one line */
/*
 * A line that was mapped for a guest stays until the guest has used it once, so that vCPUs that compete for a set
 * cannot take pages from each other before anybody has got on. A vCPU that does not come loses its claim after this.
 */
#define CACHE_GRACE_NS UINT64_C(5000000)
#define CACHE_REST_NS UINT64_C(50000)		/* before a set whose lines are all so protected is looked at again */
/* A resize: old sets under way at a time, and from one step to the next (half a batch of victims at most). */
#define CACHE_RESIZE_WINDOW 8u
#define CACHE_RESIZE_STEP_NS UINT64_C(500000)
/* One in this many ways is kept free ahead of demand: 2 of 16. Fewer ways than this: eviction on demand only. */
#define CACHE_FREE_DIVISOR 8u

/* So many sets wait for the sweeper before it runs, unless one has nothing left: a shootdown then serves a batch. */
#define CACHE_SWEEP_SETS (CONFIG_SWEEP_BATCH / 2u)

enum line_state { LINE_FREE, LINE_FILLING, LINE_VALID, LINE_UNMAPPED, LINE_WRITING };

#define LINE_DIRTY 0x1u				/* newer than the memory component's copy, whatever the nested entry says */
#define LINE_REFERENCED 0x2u			/* touched through the cache since the sweeper last passed */
#define LINE_POSTED 0x4u			/* FILLING, WRITING: the region client has the request */
#define LINE_FAILED 0x8u			/* WRITING: the last try failed; in `failed` until time_ns */
#define LINE_UNPLACED 0x20u			/* and FAILED: its region has no place; in the VM's `unplaced`, not in `failed` */
#define LINE_FRESH 0x10u			/* VALID: the guest has not used it since it was mapped at time_ns */

struct cache_line {
	uint64_t page;
	struct cache_waiter *waiters;		/* the last of a ring; joiners of FILLING, UNMAPPED, WRITING+POSTED */
	uint64_t time_ns;			/* FAILED: when to try again; FRESH: since when */
	uint32_t next, prev;			/* in one of the cache's line lists, while not POSTED */
	uint8_t state;				/* enum line_state */
	uint8_t flags;				/* LINE_* */
	uint16_t pins;
};

struct cache_set {
	struct cache_waiter *waiters;		/* the last of a ring; waiters for a way */
	uint64_t free_ways;			/* bit per way */
	uint64_t rest_until_ns;			/* while resting */
	uint32_t queue_next;			/* in the sweep queue or among the resting */
	uint16_t vm;				/* VM_NONE: given to none */
	uint8_t free_count;
	uint8_t leaving;			/* lines UNMAPPED, or WRITING and not FAILED: free soon */
	uint8_t evictable;			/* lines VALID and not pinned */
	uint8_t pinned;				/* lines with pins */
	uint8_t hand;				/* where the sweeper goes on */
	uint8_t rescues;			/* in a row, with waiters for a way */
	bool queued;				/* in the sweep queue, or resting */
};

/* A set is at least two lines; `order` takes 4 bytes a set. */
_Static_assert(sizeof(struct cache_line) + (sizeof(struct cache_set) + sizeof(uint32_t)) / 2 <= 64, "metadata of a line");

/* The counters of WIRE_VM_COUNTERS that are the cache's. */
#define CACHE_COUNTERS(X) \
	X(touches) X(hits) X(joins) X(zero_fills) X(fills) X(fill_errors) X(write_backs) X(write_back_errors) \
	X(clean_drops) X(rescues) X(set_full_waits) X(shootdowns) X(lines_used) X(lines_dirty)

struct line_list {
	uint32_t head, tail;
};

struct cache_vm {
	bool active;
	bool dying;				/* cache_vm_destroy() has begun */
	uint32_t order_first;			/* its run of cache.order */
	uint32_t sets;				/* of the run */
	uint32_t sets_from, sets_to;		/* of these, in use: the first so many. Differ while the share is resized */
	uint32_t moved, moving;			/* old sets passed, and the window's end (resize.c) */
	uint32_t busy;				/* lines POSTED or UNMAPPED: someone outside holds them */
	uint64_t sweep;				/* the last sweep that unmapped a line of it, to count shootdowns */
#define CACHE_COUNTER_FIELD(name) uint64_t name;
	CACHE_COUNTERS(CACHE_COUNTER_FIELD)
#undef CACHE_COUNTER_FIELD
	struct wire_histogram read;
	struct line_list unplaced;		/* lines that wait for a place (C9) */
};

struct set_list {
	uint32_t head, tail;
};

struct cache {
	struct cache_config config;
	struct region_client *regions;
	uint32_t sets_count;
	uint32_t sets_given;			/* order[0..sets_given) belongs to VMs, in runs without gaps */
	uint32_t free_target;			/* ways of a set to keep free */
	uint64_t sweep;				/* number of the current sweep */
	struct set_list queue;			/* sets to sweep (C6) */
	uint32_t queue_length;
	bool urgent;				/* some of them may have no way free or leaving */
	uint32_t resizing;			/* shares that are */
	bool resize_due;			/* the next step of theirs is */
	uint64_t resize_ns;			/* when it will be */
	struct set_list resting;		/* sets to put back there, by rest_until_ns */
	struct line_list postponed_fills;	/* the region client was full; tried again by cache_poll() */
	struct line_list postponed_writes;
	struct line_list failed;		/* by time_ns, which is in order because the delay is constant */
	struct cache_vm *vms;
	struct cache_set *sets;
	uint32_t *order;			/* set numbers; a VM's run can move here without moving its lines */
	struct cache_line *lines;
};

static inline uint32_t line_number(const struct cache *cache, const struct cache_line *line)
{
	return (uint32_t)(line - cache->lines);
}
static inline struct cache_set *line_set(const struct cache *cache, const struct cache_line *line)
{
	return &cache->sets[line_number(cache, line) / cache->config.ways];
}
static inline uint32_t line_way(const struct cache *cache, const struct cache_line *line)
{
	return line_number(cache, line) % cache->config.ways;
}
static inline struct cache_line *set_line(const struct cache *cache, const struct cache_set *set, uint32_t way)
{
	return &cache->lines[(uint32_t)(set - cache->sets) * cache->config.ways + way];
}
static inline void *line_frame(const struct cache *cache, const struct cache_line *line)
{
	return (uint8_t *)cache->config.lines + ((size_t)line_number(cache, line) << PAGE_SHIFT);
}
static inline struct cache_set *share_set(const struct cache *cache, const struct cache_vm *share, uint32_t index)
{
	return &cache->sets[cache->order[share->order_first + index]];
}
/* The set of a page; in the window of a resize, its old one, and *other its new one. */
static inline struct cache_set *page_set(const struct cache *cache, uint32_t vm, uint64_t page, struct cache_set **other)
{
	const struct cache_vm *share = &cache->vms[vm];
	uint64_t hash = hash_pair(cache->config.hash_key, vm, page);
	uint32_t index = hash_reduce(hash, share->sets_from);

	*other = NULL;
	if (index < share->moved)
		index = hash_reduce(hash, share->sets_to);
	else if (index < share->moving)
		*other = share_set(cache, share, hash_reduce(hash, share->sets_to));
	return share_set(cache, share, index);
}

static inline void waiter_enqueue(struct cache_waiter **last, struct cache_waiter *waiter)
{
	if (*last == NULL) {
		waiter->next = waiter;
	} else {
		waiter->next = (*last)->next;
		(*last)->next = waiter;
	}
	*last = waiter;
}
static inline struct cache_waiter *waiter_dequeue(struct cache_waiter **last)
{
	struct cache_waiter *first = (*last)->next;

	if (first == *last)
		*last = NULL;
	else
		(*last)->next = first->next;
	first->next = NULL;
	return first;
}

/* line.c */
void list_init(struct line_list *list);
/*
 * Take a free way of `set` for `page`. 1: it was zero-filled and is VALID; 0: the fill is under way; else the
 * errno, and the way is free again.
 */
int line_start_fill(struct cache *cache, struct cache_set *set, uint64_t page, struct cache_line **line, uint64_t now_ns);
/* Back to VALID with a nested entry; wakes who waits for it. */
void line_revive(struct cache *cache, struct cache_line *line, uint64_t now_ns);
/* A line that left the nested tables, or whose write-back is stored: revive it for its joiners, write it or free it. */
void line_leave(struct cache *cache, struct cache_line *line, uint64_t now_ns);
/* The line's way is free; whoever waits for a way of the set gets it. */
void line_free(struct cache *cache, struct cache_line *line, uint64_t now_ns);
void line_unqueue(struct cache *cache, struct cache_line *line);
/* A free way of the set, for the page: FILLING, and in no list. */
struct cache_line *line_take(struct cache *cache, struct cache_set *set, uint64_t page);
/* VALID, with a nested entry (C4), and FRESH. */
void line_validate(struct cache *cache, struct cache_line *line, uint64_t now_ns);
void line_set_dirty(struct cache *cache, struct cache_line *line, bool dirty);
void waiters_wake(struct cache *cache, struct cache_waiter **last, int status);

/* sweep.c: keep C6 after a change of the set's counts. */
void set_update(struct cache *cache, struct cache_set *set);
/* Put the sets that have rested back into the sweep queue. */
void sweep_poll(struct cache *cache, uint64_t now_ns);
uint32_t set_shortage(const struct cache *cache, const struct cache_set *set);
void line_unmap(struct cache *cache, struct cache_set *set, struct cache_line *line, struct cache_victim *victim);

/* cache.c: the set is a VM's from now on, and empty. */
void set_open(struct cache *cache, struct cache_set *set, uint32_t vm);

/* resize.c */
/* More sets at the end of a VM's run; the runs behind it move on. */
void share_give(struct cache *cache, uint32_t vm, uint32_t count);
/* Fewer: the last `count` are empty, and become free. */
void share_take(struct cache *cache, uint32_t vm, uint32_t count);
/* The page belongs into another set, by the number of sets that its share is getting. */
bool line_misplaced(const struct cache *cache, const struct cache_line *line);
/* An unmapped, misplaced line goes to its new set. False: there is no way free, it is where it was. */
bool line_relocate(struct cache *cache, struct cache_line *line, uint64_t now_ns);
/* Victims of the step that is due. */
uint32_t resize_begin(struct cache *cache, struct cache_victim *victims, uint32_t room, uint64_t now_ns);

#endif
