/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the manager keeps: nodes, regions, calls and events, and in headers of their own VMs (vm.h) and operations (operation.h),
 * as records, and the names of what they are in. Only the core changes them (core.h, with the invariants); all others read.
 */
#ifndef PLENUM_GMM_STATE_H
#define PLENUM_GMM_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "gmm/core/health.h"
#include "gmm/core/life.h"
#include "gmm/core/limits.h"
#include "gmm/core/machine.h"
#include "gmm/core/operation.h"
#include "gmm/core/vm.h"

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
	uint64_t pages_reserved;	/* memory: by regions in our table (M2), */
	uint32_t regions_reserved;	/* and how many these are */
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

const char *gmm_node_state_name(enum gmm_node_state state);
const char *gmm_node_admin_name(enum gmm_node_admin admin);
const char *gmm_role_name(uint32_t role);

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

const char *gmm_region_state_name(enum gmm_region_state state);

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

const char *gmm_event_kind_name(uint32_t kind);	/* enum gmm_event_kind */

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
