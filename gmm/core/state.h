/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the manager keeps: its limits, nodes, regions, VMs, operations, calls and events, as records, and the names of what they
 * are in. Only the core changes them (core.h, with the invariants); all others read.
 */
#ifndef PLENUM_GMM_STATE_H
#define PLENUM_GMM_STATE_H

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

#endif
