/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The global memory manager's decisions as a pure state machine: the directory of nodes, regions and VMs,
 * placement, leases, and the multi-step operations that change them. docs/manager.md explains the design.
 *
 * Nothing here reads a clock, allocates, blocks or does I/O. The caller passes what happened in (a node joined, a call
 * ended, time passed) and takes out what to do: RPC calls to send (gmm_core_output), operations that ended
 * (gmm_core_finished), and events for the operator (gmm_core_event_after).
 *
 * Invariants, asserted where they could break:
 *  M1  A region in the table is in exactly one list: its VM's, an operation's (bench, move), or its node's reclaim list.
 *  M2  A node's pages_reserved is the sum of the pages of all regions in the table that name the node; regions_reserved counts them.
 *  M3  A region leaves the table only when its node has confirmed that it does not exist there, or the node's
 *      incarnation that held it is gone. So nothing leaks on a node that is merely unreachable.
 *  M4  A call is never given up: it ends with the node's answer or with the end of the node's incarnation. A
 *      request that may still take effect is never followed by one that assumes it did not.
 *  M5  At most one operation works on a VM at a time, and beside it at most one moves one of its regions.
 *  M6  At most GMM_CALLS_PER_NODE_MAX calls are under way to one node.
 *  M7  Nothing leaves (a request to a node, the outcome of an operation) while a row that changed is not kept:
 *      whoever takes over after a crash knows all that anybody was told. record.h has the rows.
 *  M8  A region's place changes when the process component has said that the move is done. Until it has said so, or
 *      that the move is abandoned, neither the old nor the new one is destroyed, unless the VM is (gmm/core/move.c).
 *  M9  A node's pages_planned is the sum of the pages of the PLANNED regions among those of M2. Its lines_given and
 *      vcpus_given are the sums over the VMs in the table that name it and are not GONE.
 *  M10 A node's `life` is what its origin, admin, state and boots say (life.c), and changes along the table there only.
 *  M11 A place that may have been told to a process component is never taken back, and one that was not told is taken back only
 *      when nothing can be stored there (gmm/core/promise.c). pages_promised is the sum of the pages of the PROMISED regions, and
 *      places_wanted counts the VMs that wait for a place or for being told of one.
 *
 *  region: PLANNED -> CREATING -> LIVE -> RECLAIM -> RECLAIMING -> (free)
 *             |           |        |         ^------------'  the call failed or the node came back
 *             v (free)    |        v
 *             ^           |      LOST -> (free)              the node came back as a new incarnation
 *             | placed    |
 *          PROMISED <-----'  refused, or gone before anybody was told of it
 *
 *                        CREATING + condemned -> RECLAIM    its operation failed before the answer came
 */
#ifndef PLENUM_GMM_CORE_H
#define PLENUM_GMM_CORE_H

#include "gmm/core/state.h"

/* ---------------------------------------------------------------- the core */

struct gmm_balance;

struct gmm_config {
	uint32_t lease_ms;
	uint32_t grace_ms;		/* after a process component's lease ran out: give up its VMs */
	uint32_t load_timeout_ms;	/* longest wait for a guest's kernel to be loaded */
	struct wire_move_pace move_pace; /* of moves of regions */
	uint64_t vm_id_first;		/* of the first manager; must not repeat over the ones whose store was lost */
	uint64_t wall_offset_ns;	/* what to add to now_ns for the time since 1970 */
	enum gmm_placement placement;
	uint64_t seed;			/* of what policies draw */
	uint32_t address, prefix;	/* of the manager in the nodes' network; 0: no node can be admitted but by the configuration */
	uint32_t address_first, address_last; /* of nodes that are admitted; 0: any in that network */
	uint32_t lent_first, lent_last;	/* addresses that a DHCP server lends to anybody: no node's; 0: none */
	struct gmm_balance *plan;	/* memory for plans of balancing, the caller's; NULL: it is not carried out */
	uint32_t overcommit_percent;	/* of the memory: so much may be promised and reserved together; 0: nothing is promised */
	bool vcpus_limited;		/* refuse vCPUs beyond processors to VMs that do not ask for it */
	bool rebuild_reserve;		/* refuse VMs with which some failure domain could not be rebuilt in the others */
};

/* Rows of all kinds in one numbering (record.h), and those that changed since they were last kept. */
#define GMM_ROWS_MAX (1u + NODES_MAX * (1u + VMS_PER_NODE_MAX) + GMM_VMS_MAX + GMM_REGIONS_MAX + GMM_OPERATIONS_MAX + GMM_ENDED_MAX + \
		      GMM_HEALTH_COUNT)
struct gmm_dirty {
	uint32_t count;
	uint32_t rows[GMM_ROWS_MAX];	/* in the order in which they first changed */
	uint8_t marked[(GMM_ROWS_MAX + 7) / 8];
};

/* What VMs are looked for by, apart from their large records: a look-up reads few cache lines. */
struct gmm_vm_key {
	uint64_t id;			/* 0: the place is free */
	uint64_t name_hash;
};

struct gmm_core {
	struct gmm_config config;
	uint32_t node_count;
	uint64_t vm_id_next;
	uint64_t operation_id_next;
	uint64_t event_sequence;	/* of the last event */
	uint64_t tick_ns;		/* next */
	uint64_t now_ns;		/* as the core was last told it: what ends now ended then */
	uint64_t chance;		/* state of the policies' draws */
	uint32_t placed_last;		/* node that the last region went to */
	uint32_t region_free;		/* list of places that were used before */
	uint32_t region_top;		/* places from here on were never used */
	uint32_t vm_top;		/* likewise */
	uint32_t offers;		/* VMs with an offer to be told or made */
	uint32_t poll_first, poll_last;	/* VMs in the order in which their components are asked for them (poll.c) */
	uint64_t vm_changes;		/* how often a VM entered the table, was made anew, or left it */
	uint32_t regions_used;
	uint32_t places_wanted;		/* VMs that are (M11) */
	uint64_t pages_promised;	/* of PROMISED regions (M11) */
	char refusal[GMM_TEXT_BYTES];	/* why the last request was refused */
	struct gmm_health health;
	struct gmm_machine machines[GMM_MACHINES_MAX];
	uint64_t machine_event_ns;	/* of the last event about a new machine */
	uint32_t rule_count;
	struct gmm_rule rules[GMM_RULES_MAX];
	struct gmm_node nodes[NODES_MAX];
	struct gmm_vm_key vm_keys[GMM_VMS_MAX];	/* same indices as: */
	struct gmm_vm vms[GMM_VMS_MAX];
	struct gmm_operation operations[GMM_OPERATIONS_MAX];
	struct gmm_call calls[GMM_CALLS_MAX];
	struct gmm_event events[GMM_EVENTS_MAX];
	uint64_t ended_count;		/* ever; number n is at n - 1 modulo the ring */
	struct gmm_ended ended[GMM_ENDED_MAX];
	struct gmm_region regions[GMM_REGIONS_MAX];
	struct gmm_dirty dirty;
};

void gmm_core_init(struct gmm_core *core, const struct gmm_config *config);

/*
 * The configuration lets a node of this name join. Returns its id, or -EEXIST, -ENOSPC, -EINVAL (core->refusal says). One that is
 * known from the store, also one that was admitted by name or rule, keeps its id; its address and MAC become these, its role may
 * change when nothing is on it (else -EBUSY).
 */
int gmm_core_node_add(struct gmm_core *core, const char *name, uint32_t role, uint32_t address, const uint8_t mac[6]);

/* The speed of a node's link; 0: not known. */
void gmm_core_node_set_link(struct gmm_core *core, uint32_t node, uint32_t link_mbps);
/* Name what fails together with a node; empty: it fails alone. 0, -ENOENT or -EINVAL (core->refusal says). */
int gmm_core_node_set_domain(struct gmm_core *core, uint32_t node, const char *domain);
/*
 * Change what the operator wants of a node. 0, also when it is so already. -ENOENT: no such node. -EBUSY: not from where it
 * is, or not while it holds what it holds (core->refusal says, with the states that it could go to); nothing was changed.
 */
int gmm_core_node_set_admin(struct gmm_core *core, const char *name, enum gmm_node_admin admin, uint64_t now_ns);
/* The same, asked without doing it. */
int gmm_core_node_set_admin_plan(struct gmm_core *core, const char *name, enum gmm_node_admin admin);

/* A node asks to join from `address`. 0: `joined` is the answer. Else a refusal, which is also an event. */
int gmm_core_join(struct gmm_core *core, const struct wire_node_join *join, uint32_t address,
		  struct wire_node_joined *joined, uint64_t now_ns);
/* -ENOENT: the node must join first. */
int gmm_core_renew(struct gmm_core *core, uint32_t node, const struct wire_node_renew *renew, uint64_t now_ns);
/* The node started again: everything that its last incarnation held is gone. */
void gmm_core_reset(struct gmm_core *core, uint32_t node, uint64_t now_ns);
/* A process component says that a VM changed. -ENOENT: not a VM of that node. */
int gmm_core_vm_event(struct gmm_core *core, uint32_t node, const struct wire_vm_event *event, uint64_t now_ns);
/*
 * A process component needs the place of a region that was promised. 0: it will be told as soon as there is room. -ENOENT: not a VM of
 * that node; -EINVAL: no such region; -EAGAIN: not now, ask again.
 */
int gmm_core_region_wanted(struct gmm_core *core, uint32_t node, const struct wire_vm_region_wanted *wanted, uint64_t now_ns);

/*
 * Requests of the operator. 0: *operation was started, gmm_core_finished() tells the outcome. Else a negative errno
 * and core->refusal: nothing was changed.
 */
int gmm_core_vm_create(struct gmm_core *core, const struct gmm_vm_spec *spec, uint64_t *operation, uint64_t now_ns);
/*
 * What a request would do, asked without doing it: 0, or what the request would return. Nothing is changed but core->refusal.
 * `kind` is that of a VM that exists: start, stop or destroy.
 */
struct gmm_vm_plan {
	uint32_t node;			/* process component */
	uint32_t regions[NODES_MAX];	/* by index of the memory component */
	uint32_t promised;		/* regions that would have no place yet */
};
int gmm_core_vm_create_plan(struct gmm_core *core, const struct gmm_vm_spec *spec, struct gmm_vm_plan *plan);
int gmm_core_vm_check(struct gmm_core *core, const char *name, enum gmm_operation_kind kind);
int gmm_core_vm_start(struct gmm_core *core, const char *name, const struct wire_blob *kernel,
		      const struct wire_blob *initrd, uint64_t *operation, uint64_t now_ns);
/* Press the guest's power button, and end it if it has not switched itself off after the time of grace. */
int gmm_core_vm_stop(struct gmm_core *core, const char *name, uint64_t grace_ms, uint64_t *operation, uint64_t now_ns);
/* End it now. */
int gmm_core_vm_kill(struct gmm_core *core, const char *name, uint64_t *operation, uint64_t now_ns);
int gmm_core_vm_destroy(struct gmm_core *core, const char *name, uint64_t *operation, uint64_t now_ns);
/*
 * Change a VM's cache share while its guest runs (docs/cache.md, Resize). -EINVAL: it may not be so large or small; -ENOSPC: its
 * component has no room; -EALREADY: it is so. The plan says whether it could begin.
 */
int gmm_core_vm_resize(struct gmm_core *core, const char *name, uint64_t cache_bytes, uint64_t *operation, uint64_t now_ns);
int gmm_core_vm_resize_plan(struct gmm_core *core, const char *name, uint64_t cache_bytes);
/*
 * Change a VM's settings, at once and in any state. Another restart policy counts its restarts anew, and ends a crash loop. -ENOENT;
 * -EINVAL: a number out of its range; -ENOSPC: its component's link has not as much left; -EBUSY: its component takes nothing more.
 * The plan says the same and changes nothing.
 */
int gmm_core_vm_set(struct gmm_core *core, const char *name, const struct gmm_vm_settings *settings, uint64_t now_ns);
int gmm_core_vm_set_plan(struct gmm_core *core, const char *name, const struct gmm_vm_settings *settings);
int gmm_core_bench(struct gmm_core *core, const char *process, const char *memory, const struct gmm_bench_spec *spec,
		   uint64_t *operation, uint64_t now_ns);

/*
 * 1: *vm was started by an earlier manager, and its files must be offered again: say by gmm_core_offered() where they are, or a
 * negative errno and a reason why they cannot be.
 */
int gmm_core_offer_wanted(struct gmm_core *core, struct gmm_vm **vm);
void gmm_core_offered(struct gmm_core *core, struct gmm_vm *vm, const struct wire_blob *kernel, const struct wire_blob *initrd,
		      int status, const char *reason, uint64_t now_ns);

/*
 * Move a region of a VM to another memory component while the VM runs on (docs/migration.md). -ENOENT: no such VM, region or
 * node; -EBUSY: it cannot be moved now; -ENOSPC: no room there.
 */
int gmm_core_region_move(struct gmm_core *core, const char *vm, uint32_t index, const char *to, uint64_t *operation,
			 uint64_t now_ns);
/* The same, asked without doing it: *region is the one that would be moved. */
int gmm_core_region_move_plan(struct gmm_core *core, const char *vm, uint32_t index, const char *to, const struct gmm_region **region);
/*
 * Place nothing more on a memory component and move all of its regions to others. -ENOSPC: they do not fit there. Ends when
 * it is empty. It stays as it is then, or when that fails, until gmm_core_node_drain_cancel().
 */
int gmm_core_node_drain(struct gmm_core *core, const char *name, uint64_t *operation, uint64_t now_ns);
/* The component takes regions again; a drain of it ends, its moves are given up. -ENOENT; -EBUSY: it is not being drained. */
int gmm_core_node_drain_cancel(struct gmm_core *core, const char *name, uint64_t now_ns);
/* Both, asked without doing them: what would be moved, and how much room there is elsewhere. A drain that would fail at once is refused. */
struct gmm_drain_plan {
	uint32_t regions, vms;		/* so many regions, of so many VMs */
	uint64_t pages;			/* of them */
	uint64_t pages_free;		/* of components that can take some */
};
int gmm_core_node_drain_plan(struct gmm_core *core, const char *name, struct gmm_drain_plan *plan);
int gmm_core_node_drain_cancel_plan(struct gmm_core *core, const char *name);

/*
 * Move regions until memory components are used evenly (balance.h), a few at a time, planned anew each time. -EBUSY: not now, or
 * under way already; -EALREADY: the rack is even. Ends when it is even, or when nothing that may move would make it so.
 */
int gmm_core_balance(struct gmm_core *core, uint64_t *operation, uint64_t now_ns);
/* It ends, its moves are given up. -ENOENT: there is none. */
int gmm_core_balance_cancel(struct gmm_core *core, uint64_t now_ns);
/* Both, asked without doing them; the first makes the plan in the memory that the configuration names. */
int gmm_core_balance_check(struct gmm_core *core, uint64_t now_ns);
int gmm_core_balance_cancel_check(struct gmm_core *core);

/* 1: `command` is to be sent now. All rows must be kept (M7). */
int gmm_core_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns);
/* A call ended: 0 or a negative errno from the node, -ECONNRESET when its incarnation is gone. */
void gmm_core_result(struct gmm_core *core, uint64_t token, int status, const void *body, uint32_t len_bytes,
		     uint64_t now_ns);
/* 1: an operation ended; from now on it is shown as history. All rows must be kept (M7). */
int gmm_core_finished(struct gmm_core *core, struct gmm_finished *finished);
/* Leases and waits. Call at the deadline at the latest. */
void gmm_core_tick(struct gmm_core *core, uint64_t now_ns);
uint64_t gmm_core_deadline_ns(const struct gmm_core *core);

/* NULL when there is none. */
struct gmm_node *gmm_core_node(struct gmm_core *core, uint32_t id);
struct gmm_node *gmm_core_node_named(struct gmm_core *core, const char *name);
/* How many an earlier manager knew that have neither joined this one yet nor been given up: for them requests may be refused in vain. */
uint32_t gmm_core_nodes_expected(const struct gmm_core *core);
struct gmm_vm *gmm_core_vm(struct gmm_core *core, uint64_t id);
struct gmm_vm *gmm_core_vm_named(struct gmm_core *core, const char *name);
/* Ask its component for its state and counters as soon as it can be asked. */
void gmm_core_vm_poll(struct gmm_core *core, struct gmm_vm *vm);
/* It may be given regions or VMs: it is up, and the operator has it admitted. */
bool gmm_node_eligible(const struct gmm_node *node);
uint64_t gmm_node_pages_free(const struct gmm_node *node);
uint64_t gmm_node_lines_free(const struct gmm_node *node);

/* The oldest kept event with a sequence above `sequence`; NULL when there is none. */
const struct gmm_event *gmm_core_event_after(const struct gmm_core *core, uint64_t sequence);
/* Note something for the operator (the daemon's own refusals). */
void gmm_core_event(struct gmm_core *core, enum gmm_event_kind kind, const char *object, const char *text,
		    uint64_t now_ns);

/* An operation under way, or whose end gmm_core_finished() has not told yet; NULL: there is none of this id. */
struct gmm_operation *gmm_core_operation(struct gmm_core *core, uint64_t id);
/* One that ended and is still kept, by its id, and the oldest with a number above `number`; NULL when there is none. */
const struct gmm_ended *gmm_core_ended(const struct gmm_core *core, uint64_t id);
const struct gmm_ended *gmm_core_ended_after(const struct gmm_core *core, uint64_t number);
/*
 * Note who asked for an operation that was started just now, and which request it came from. It is kept in the transaction
 * that keeps the operation: whoever was told of it finds it by its key, also after a crash. `key`: 1 to GMM_KEY_BYTES - 1 characters.
 */
void gmm_core_asked(struct gmm_core *core, uint64_t id, const char *who);
void gmm_core_mark(struct gmm_core *core, uint64_t id, const char *key, const uint8_t digest[GMM_DIGEST_BYTES]);
/*
 * The latest operation of the request with this key, under way, or ended less than GMM_KEY_HOURS ago and still kept: its id and
 * *mark; 0: there is none.
 */
uint64_t gmm_core_marked(const struct gmm_core *core, const char *key, const struct gmm_mark **mark, uint64_t now_ns);
/* As the operator calls it: "vm.create". */
const char *gmm_operation_kind_name(enum gmm_operation_kind kind);
/* What it does now, as "regions", and how far that is: *done of *total parts, 0 of 0 where there are none to count. */
const char *gmm_operation_progress(const struct gmm_operation *operation, uint32_t *done, uint32_t *total);

/* Check the invariants that span tables; asserts. For tests and the simulator. */
void gmm_core_check(const struct gmm_core *core);

#endif
