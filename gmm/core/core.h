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
 *  M2  A node's pages_reserved is the sum of the pages of all regions in the table that name the node.
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
 *  M11 A place that may have been told to a process component is never taken back, and one that was not told is taken back only
 *      when nothing can be stored there (gmm/core/promise.c). pages_promised is the sum of the pages of the PROMISED regions, and
 *      places_wanted counts the VMs that wait for a place or for being told of one.
 *  M10 A node's `life` is what its origin, admin, state and boots say (life.c), and changes along the table there only.
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/device.h>
#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "gmm/core/health.h"
#include "gmm/core/life.h"
#include "gmm/core/machine.h"

#define GMM_NODE_FIRST (WIRE_NODE_MANAGER + 1)	/* node ids count from here, in the order of the configuration */
#define GMM_VMS_MAX (NODES_MAX * VMS_PER_NODE_MAX)
#define GMM_REGIONS_MAX 131072u			/* in the rack: 8 TiB of guests at 64 MiB */
#define GMM_OPERATIONS_MAX 64u			/* under way at once */
#define GMM_CALLS_PER_NODE_MAX 8u		/* of the RPC session's slots; the rest is for console and counters */
#define GMM_CALLS_MAX (NODES_MAX * GMM_CALLS_PER_NODE_MAX)
#define GMM_EVENTS_MAX 1024u			/* kept for the operator */
#define GMM_ENDED_MAX 1024u			/* operations that ended, kept for the operator */
#define GMM_KEY_BYTES 65u			/* of a request, with the final NUL */
#define GMM_KEY_HOURS 24u			/* a request is known by its key for so long after its operation ended */
#define GMM_WHO_BYTES 32u			/* name of who asked, with the final NUL */
#define GMM_DIGEST_BYTES 32u
#define GMM_TEXT_BYTES 256u			/* one line for the operator */
#define GMM_FILE_BYTES 512u			/* path of a guest's kernel or initrd */
#define GMM_RETURN_MS 15000u			/* nodes that an earlier manager knew have so long to join again */
#define GMM_BODY_BYTES_MAX 4096u		/* of a call */
#define GMM_NODE_PAGES_MAX (UINT64_C(1) << 31)	/* 8 TiB: keeps products of two page counts within 64 bits */
#define GMM_TICK_NS UINT64_C(100000000)
#define GMM_NONE UINT32_MAX
#define GMM_DRAIN_MOVES_MAX 4u			/* that one drain has under way, one a VM at the most */
#define GMM_DRAIN_FAILURES_MAX 8u		/* moves in a row that may fail before a drain does */
#define GMM_DRAIN_RETRY_NS UINT64_C(1000000000)	/* after a move that failed */

_Static_assert(GMM_VMS_MAX <= 65536 && GMM_CALLS_MAX <= 65536, "indices fit in 16 bits of a token");

/* ---------------------------------------------------------------- nodes */

enum gmm_node_state {
	GMM_NODE_ABSENT,		/* configured, has not joined since the manager started */
	GMM_NODE_UP,
	GMM_NODE_DOWN,			/* its lease ran out, or it started again and has not joined yet */
	GMM_NODE_EXPECTED,		/* an earlier manager knew it, it has not joined this one yet */
};

/* What the operator wants of a node, whatever its state; the transitions are in admin.c. */
enum gmm_node_admin {
	GMM_ADMIN_ADMITTED,		/* takes new regions or VMs */
	GMM_ADMIN_CORDONED,		/* keeps what it has, takes nothing new */
	GMM_ADMIN_DRAINING,		/* cordoned, and what it has is being moved away */
	GMM_ADMIN_MAINTENANCE,		/* empty: may be switched off at any time */
	GMM_ADMIN_RETIRED,		/* empty, and may not join */
	GMM_ADMIN_STATES,
};

/* Who says that the node may join. The numbers stand in stores. */
enum gmm_node_origin {
	GMM_ORIGIN_FILE,		/* the configuration, if `configured` */
	GMM_ORIGIN_ADMITTED,		/* the operator or a rule: its row */
	GMM_ORIGIN_FORGOTTEN,		/* nobody: there is no such node, its entry keeps its place in the table */
	GMM_ORIGINS,
};

/* A VM that the node may still hold though the directory has forgotten it: destroyed there when the node is back. */
struct gmm_zombie {
	uint64_t vm;			/* 0: unused */
	bool asked;			/* a call is under way, or the node refused: again when it next comes up */
};

struct gmm_node {
	uint32_t id;			/* GMM_NODE_FIRST + index; 0: unused entry */
	uint32_t role;			/* enum wire_role, from the configuration */
	enum gmm_node_state state;
	enum gmm_node_admin admin;
	uint32_t vms;			/* process: in our table, zombies and calls that may create one included */
	uint32_t domain_first;		/* id of the first node in its domain; its own when it fails alone */
	uint32_t link_mbps;		/* process: of its link, from the configuration; 0: not said, none is given away */
	uint32_t vcpus_given;		/* process: to VMs in our table (M9) */
	uint64_t pages_reserved;	/* memory: by regions in our table (M2) */
	uint64_t pages_foreign;		/* memory: reserved there for regions we do not know */
	uint64_t lines_given;		/* process: to VMs in our table (M9) */
	uint64_t bandwidth_given_mbps;	/* process: to VMs in our table (M9) */
	struct wire_node_join join;	/* as received */
	/* What a placement looks at stands above, in few cache lines: it looks at every node. */
	enum gmm_node_origin origin;
	char name[NODE_NAME_BYTES];
	uint32_t address;
	uint8_t mac[6];
	uint8_t uuid[GMM_UUID_BYTES];	/* of the machine that was admitted, or that joined after it booted; all zero: not known */
	uint8_t asked_uuid[GMM_UUID_BYTES]; /* of the one that boots with its MAC; its join, with the rack's key, proves it. All ones: there were two */
	uint64_t identity_ns;		/* when it last asked with this UUID; 0: not this manager */
	char domain[NODE_NAME_BYTES];	/* what fails together with it: board, PDU, switch. Empty: it fails alone */
	enum gmm_life life;		/* what the operator sees of state and admin, and of its boot (M10) */
	uint64_t life_ns;		/* since */
	uint64_t boot_ns;		/* asked for its boot script last; 0: not this manager */
	uint32_t boot_attempts;		/* scripts fetched since it last joined */
	uint64_t changed_ns;		/* of `state` or `admin` */
	bool buried;			/* process: down for longer than the grace time; its VMs were given up */
	bool configured;		/* false: only the store knows it, it may not join */
	uint64_t incarnation;		/* of the last join; 0: its state is gone */
	uint64_t joined_ns;
	uint64_t renewed_ns;		/* last sign of life */
	uint64_t down_ns;
	uint64_t pages_planned;		/* memory: of pages_reserved, by regions that it was not asked for yet (M9) */
	uint32_t regions;		/* memory: in our table, PLANNED ones excluded */
	uint32_t calls;			/* under way (M6) */
	uint32_t reclaim_first;		/* list of regions to destroy there */
	uint64_t foreign;		/* regions or VMs there that we do not know, as of its last renewal */
	bool foreign_reported;		/* the operator was told about foreign regions or VMs since the join */
	uint32_t zombie_count;		/* used entries of: */
	struct gmm_zombie zombies[VMS_PER_NODE_MAX];
	struct wire_node_renew renew;	/* the last one */
};

/* ---------------------------------------------------------------- regions */

enum gmm_region_state {
	GMM_REGION_FREE,
	GMM_REGION_PLANNED,		/* reserved, not asked for yet */
	GMM_REGION_CREATING,
	GMM_REGION_LIVE,
	GMM_REGION_LOST,		/* its node came back without it */
	GMM_REGION_RECLAIM,		/* to be destroyed when the node can be asked */
	GMM_REGION_RECLAIMING,
	GMM_REGION_PROMISED,		/* on no node yet: it gets one when its guest needs it. The numbers stand in stores */
	GMM_REGION_STATES,
};

struct gmm_region {
	uint64_t vm;			/* rack-wide VM id */
	uint64_t base;
	uint32_t index;			/* within the VM */
	uint32_t epoch;
	uint32_t epoch_tried;		/* the highest of a move of it; 0: it was never moved */
	uint32_t node;			/* memory component; 0: PROMISED */
	uint32_t owner;			/* process component */
	uint32_t pages;
	uint32_t rkey;
	uint32_t next;			/* in the one list it is in (M1) */
	uint32_t operation;		/* that waits for it to be created or gone; GMM_NONE */
	enum gmm_region_state state;
	bool condemned;			/* CREATING, already in the reclaim list */
	bool wanted;			/* its process component asked for its place, and was not told yet */
	bool untold;			/* it was PROMISED, and no process component can know where it is now */
	bool telling;			/* WIRE_VM_REGIONS with its place is under way */
	bool unsure;			/* PLANNED, but an earlier manager may have created it: destroyed, not just freed */
};

/* ---------------------------------------------------------------- VMs */

enum gmm_vm_phase {
	GMM_VM_FREE,
	GMM_VM_CREATING,
	GMM_VM_READY,			/* the process component knows it; `state` is what it last said */
	GMM_VM_DESTROYING,
	GMM_VM_GONE,			/* its process component lost it; regions are being reclaimed */
};

/* A kernel that an earlier manager offered must be offered again: the VM's guest may reset. */
enum gmm_offer {
	GMM_OFFER_NONE,
	GMM_OFFER_WANTED,		/* gmm_core_offered() is to say where */
	GMM_OFFER_READY,		/* to be told to the process component */
	GMM_OFFER_TOLD,			/* no answer yet */
};

/* When a guest that the operator started ends by itself (restart.c). */
enum gmm_restart {
	GMM_RESTART_NO,			/* the operator sees to it */
	GMM_RESTART_ON_FAILURE,		/* start it again if it failed, not if it switched itself off */
	GMM_RESTART_ALWAYS,		/* start it again, if its process component is lost on another one */
	GMM_RESTARTS,
};
/* What a VM may be given although it is given to others, too; bits. The numbers stand in stores. */
#define GMM_OVERCOMMIT_VCPUS 1u			/* its vCPUs may share processors with others' */
#define GMM_OVERCOMMIT_MEMORY 2u		/* its regions are promised, and reserved when the guest needs them */
#define GMM_OVERCOMMIT_ALL (GMM_OVERCOMMIT_VCPUS | GMM_OVERCOMMIT_MEMORY)
#define GMM_OVERCOMMIT_PERCENT_DEFAULT 200u	/* of the memory that is there: promised and reserved together */
#define GMM_OVERCOMMIT_PERCENT_MIN 100u
#define GMM_OVERCOMMIT_PERCENT_MAX 10000u
#define GMM_SPREAD_MAX NODES_MAX
#define GMM_STOP_GRACE_MS_DEFAULT 30000u
#define GMM_STOP_GRACE_MS_MAX 3600000u
#define GMM_RESTART_MAX_DEFAULT 5u
#define GMM_RESTART_MAX_LIMIT 1000u
#define GMM_RESTART_WINDOW_S_DEFAULT 600u
#define GMM_RESTART_WINDOW_S_LIMIT 604800u

struct gmm_vm_spec {
	char name[VM_NAME_BYTES];
	uint64_t memory_bytes;
	uint64_t cache_bytes;
	uint32_t vcpus;
	uint32_t on_node;		/* 0: the manager chooses */
	char command_line[VM_COMMAND_LINE_BYTES];
	char kernel[GMM_FILE_BYTES];	/* files on the manager's host; the core only keeps them */
	char initrd[GMM_FILE_BYTES];	/* empty: none */
	uint32_t bandwidth_mbps;	/* of its component's link, reserved; 0: none */
	uint32_t overcommit;		/* GMM_OVERCOMMIT_* */
	uint32_t spread;		/* its regions lie on at most so many memory components; 0: no limit */
	uint32_t restart;		/* enum gmm_restart */
	uint32_t restart_max;		/* so many restarts, */
	uint32_t restart_window_s;	/* in so long, and no more; both 0: the defaults */
	uint32_t devices;		/* bits of enum device */
};

struct gmm_vm {
	uint64_t id;			/* rack-wide, never reused */
	enum gmm_vm_phase phase;
	struct gmm_vm_spec spec;
	bool wanted;			/* the operator wants it to run: started, and not stopped since */
	bool looping;			/* it ended too often, and is not started again */
	uint32_t restarts;		/* since: */
	uint64_t restart_since_ns;	/* begin of the window */
	uint64_t restart_ns;		/* when it is started again; 0: not planned */
	uint64_t cache_wanted_bytes;	/* while its share is resized: what it becomes; else 0 */
	uint32_t cache_lines;		/* of its component: the larger of both */
	uint32_t node;			/* process component */
	uint32_t operation;		/* working on it (M5); GMM_NONE */
	uint32_t move;			/* operation that moves a region of it; GMM_NONE */
	uint32_t resize;		/* operation that changes its cache share; GMM_NONE */
	uint32_t region_first;		/* list in order of index */
	uint32_t region_count;
	bool places_wanted;		/* one of its regions is `wanted` */
	bool place_waits;		/* the operator was told that there is no room */
	uint64_t place_since_ns;	/* since when a region of it waits for room; 0: none does */
	uint64_t place_ns;		/* a component refused: no region is created before */
	uint32_t state;			/* enum wire_vm_state */
	int32_t status;
	char reason[WIRE_REASON_BYTES];
	uint64_t created_ns;
	uint64_t changed_ns;		/* of `state` */
	uint64_t poll_ns;		/* next WIRE_VM_STATE */
	bool polling;
	bool poll_listed;		/* (poll.c) */
	uint32_t poll_before, poll_after; /* indices; GMM_NONE */
	struct wire_blob kernel, initrd; /* where its component READs them */
	enum gmm_offer offer;
	uint64_t offer_ns;		/* not before */
	uint64_t counters_ns;		/* when `counters` came; 0: never */
	struct wire_vm_status counters;
};

/* What can be changed of a VM that exists; the units are those of its spec. */
struct gmm_vm_settings {
	uint32_t restart;		/* enum gmm_restart */
	uint32_t restart_max, restart_window_s;
	uint32_t bandwidth_mbps;
	uint32_t spread;
};
struct gmm_vm_settings gmm_vm_settings(const struct gmm_vm *vm);
/* Which of them are others than the VM's: "restart policy from no to always; bandwidth from 0 to 400 Mbit/s". Nothing: none. */
struct text;
void gmm_vm_settings_text(const struct gmm_vm *vm, const struct gmm_vm_settings *settings, struct text *text);

/* What the operator sees, from phase, node and state. */
const char *gmm_vm_state_name(const struct gmm_vm *vm, const struct gmm_node *node);
const char *gmm_wire_state_name(uint32_t state);
const char *gmm_restart_name(uint32_t restart);
/* "none", "vcpus", "memory", "all" */
const char *gmm_overcommit_name(uint32_t overcommit);
/* UINT32_MAX when there is no such name. */
uint32_t gmm_overcommit_named(const char *name);
/* Regions of the VM that are only promised. */
uint32_t gmm_vm_regions_promised(const struct gmm_core *core, const struct gmm_vm *vm);
/* GMM_RESTARTS when no policy has this name. */
enum gmm_restart gmm_restart_named(const char *name);
/* The table of devices (plenum/device.h); what is said of one goes behind its name. */
struct gmm_device {
	const char *name, *what;
	uint32_t bit;
};
#define GMM_DEVICE_ONE(id, bit, name, usual, what) + 1
#define GMM_DEVICES (0 DEVICES(GMM_DEVICE_ONE))
extern const struct gmm_device gmm_devices[GMM_DEVICES];
/* Its bit; 0: there is none of this name. */
uint32_t gmm_device_named(const char *name);
/* It has ended, and will be started again. */
bool gmm_vm_restarts(const struct gmm_vm *vm);
const char *gmm_node_state_name(enum gmm_node_state state);
const char *gmm_node_admin_name(enum gmm_node_admin admin);
const char *gmm_role_name(uint32_t role);
const char *gmm_region_state_name(enum gmm_region_state state);
const char *gmm_event_kind_name(uint32_t kind);	/* enum gmm_event_kind */

/* ---------------------------------------------------------------- operations */

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

/*
 *  create:  REGIONS -> VM -> CHUNKS -> ended            failure: UNDO_VM -> RECLAIM -> ended
 *  start:   VM -> LOADING -> ended                      kill: VM -> ended
 *  stop:    VM (the power button) -> WAITING -> ended, or after the time of grace VM (as kill) -> ended
 *  destroy: VM -> RECLAIM -> ended                      bench: REGIONS -> VM -> RECLAIM -> ended
 *  move:    REGIONS -> VM -> MOVING -> RECLAIM -> ended (of the old region; if it was abandoned, of the new one)
 *  drain:   DRAINING -> ended                           resize: VM -> RESIZING -> ended
 */
/* READs between two nodes, for measuring; the limits are those of struct wire_bench_read. */
struct gmm_bench_spec {
	uint32_t count, len_bytes, outstanding;
};

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

/* ---------------------------------------------------------------- calls */

enum gmm_call_kind {
	GMM_CALL_NONE,
	GMM_CALL_REGION_CREATE,
	GMM_CALL_REGION_DESTROY,
	GMM_CALL_STEP,			/* of an operation, to a process component */
	GMM_CALL_POLL,			/* WIRE_VM_STATE */
	GMM_CALL_ZOMBIE,
	GMM_CALL_OFFER,			/* WIRE_VM_OFFER */
	GMM_CALL_PLACE,			/* WIRE_VM_REGIONS with the place of one region that was promised */
};

struct gmm_call {
	enum gmm_call_kind kind;
	uint16_t type;			/* enum wire_type */
	uint32_t generation;
	uint32_t node;
	uint32_t object;		/* region, operation or VM index, zombie slot */
	uint64_t vm;			/* rack-wide id. POLL, OFFER: the VM; STEP: the VM that may remain there; 0: none */
	bool orphan;			/* STEP: its operation went on without the answer */
};

/* An RPC to send. Pass its outcome to gmm_core_result() with the token. It must not time out (M4). */
struct gmm_command {
	uint64_t token;
	uint32_t node;
	uint16_t type;
	uint32_t len_bytes;
	_Alignas(8) uint8_t body[GMM_BODY_BYTES_MAX];
};

/* ---------------------------------------------------------------- events */

enum gmm_event_kind {
	GMM_EVENT_NODE = 1, GMM_EVENT_VM, GMM_EVENT_REFUSED, GMM_EVENT_WARNING, GMM_EVENT_HEALTH, GMM_EVENT_KEY
};

struct gmm_event {
	uint64_t sequence;		/* counts from 1 */
	uint64_t time_ns;
	enum gmm_event_kind kind;
	char object[NODE_NAME_BYTES];	/* node, VM or code of a health check */
	char text[GMM_TEXT_BYTES];
};

const char *gmm_event_kind_name(enum gmm_event_kind kind);

/* ---------------------------------------------------------------- placement */

/* How the memory component for a region is chosen among those that can take it (policy.c). */
enum gmm_placement {
	GMM_PLACEMENT_LEAST,
	GMM_PLACEMENT_P2C,
	GMM_PLACEMENT_RANDOM,
	GMM_PLACEMENT_PACK,
	GMM_PLACEMENT_LEGO_RR,
	GMM_PLACEMENT_LEGO_FREE,
	GMM_PLACEMENTS,
};

/* A memory component that may be given regions, as one request sees it: less what it has chosen already (placing.h). */
struct gmm_candidate {
	uint64_t pages_free, pages_capacity;
	uint32_t node;
	uint32_t domain;		/* node's domain_first */
};

struct gmm_core;
struct gmm_policy {
	const char *name;
	const char *help;
	/* One of `count` candidates, count > 0, in order of their ids. Draws from the core's chance, never from elsewhere. */
	const struct gmm_candidate *(*choose)(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count);
};

extern const struct gmm_policy gmm_policies[GMM_PLACEMENTS];
/* GMM_PLACEMENTS when no policy has this name. */
enum gmm_placement gmm_placement_named(const char *name);

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
	bool rebuild_reserve;		/* refuse VMs when the largest failure domain could not be rebuilt in the others */
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
