/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rack's health: a finite table of checks, each with a code that never changes its meaning, and what is to be
 * said of those that are raised now. WARN: somebody should act before it comes to harm. ERR: guests stand still or
 * lost what they had, or the manager cannot keep what it decides.
 *
 * gmm_core_health_update() looks at the core's tables and at what the daemon knows beside them, and compares with
 * what it found before: a check that is raised, gets a new count or is cleared is an event. docs/health/CODE.md
 * explains each.
 *
 *	cleared --found--> raised --muted by the operator--> raised and muted
 *	   ^                 | ^                                 | its time is over, or (not sticky) more of it
 *	   |   not found     | '---------------------------------'
 *	   '-----------------'   a sticky mute outlives this; any other ends here
 *
 * What is raised, since when, and mutes outlive the manager. While the next one still expects nodes, what it does not find
 * again is neither cleared nor unmuted.
 */
#ifndef PLENUM_GMM_HEALTH_H
#define PLENUM_GMM_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/limits.h>

#define GMM_HEALTH_TEXT_BYTES 256u
#define GMM_HEALTH_CODE_BYTES 32u
#define GMM_HEALTH_WHO_BYTES 32u		/* name of who muted, with the final NUL */
#define GMM_HEALTH_DETAILS_MAX 10u		/* lines; more are only counted */
#define GMM_HEALTH_REMEDIES_MAX 4u
#define GMM_HEALTH_FALLS_MAX 3u			/* within GMM_HEALTH_RECENT_NS: a node that flaps */
#define GMM_HEALTH_NEARFULL_PERCENT 85u
#define GMM_HEALTH_FULL_PERCENT 95u
#define GMM_HEALTH_IMBALANCED_PERCENT 70u	/* the fullest memory component, while */
#define GMM_HEALTH_IMBALANCED_GAP_PERCENT 40u	/* the emptiest has this much less */
#define GMM_HEALTH_DISK_LOW_PERCENT 5u
#define GMM_HEALTH_DISK_LOW_BYTES (UINT64_C(64) << 20)
#define GMM_HEALTH_RECENT_NS UINT64_C(600000000000) /* what happened at one moment is raised for so long */
#define GMM_HEALTH_RECLAIM_NS UINT64_C(60000000000) /* a component that is up gives regions back sooner */
#define GMM_HEALTH_STRANGERS_MAX 10u		/* names remembered that asked to join and are not configured */

#define GMM_HEALTH_CODES(X) \
	X(MNODE_DOWN) X(PNODE_DOWN) X(MNODE_NEARFULL) X(MNODE_FULL) X(RACK_NEARFULL) X(RACK_OVERCOMMITTED) \
	X(VM_STALLED) X(VM_MEMORY_WAITS) X(VM_MEMORY_LOST) X(VM_LOST) X(VM_FAILED) X(VM_CRASH_LOOP) X(PLACEMENT_VIOLATION) \
	X(NODE_FLAPPING) X(VERSION_SKEW) X(NODE_IMAGE_MISMATCH) X(BOOT_FAILED) \
	X(BOOT_LOOP) \
	X(NODE_ID_CONFLICT) X(NODE_PENDING) X(NODE_UNENROLLED) X(STRANGERS) X(NODE_FOREIGN) X(RECLAIM_STALLED) X(IMBALANCED) X(EVENTS_LOST) \
	X(STORE_READONLY) X(STORE_DISK_LOW) X(STORE_FAILED)

enum gmm_health_code {
#define GMM_HEALTH_ENUM(code) GMM_HEALTH_##code,
	GMM_HEALTH_CODES(GMM_HEALTH_ENUM)
#undef GMM_HEALTH_ENUM
	GMM_HEALTH_COUNT
};

enum gmm_health_severity { GMM_HEALTH_OK, GMM_HEALTH_WARN, GMM_HEALTH_ERR };

/* What is always true of a check. */
struct gmm_health_kind {
	const char *code;
	enum gmm_health_severity severity;
	const char *title;		/* one line */
	const char *meaning;		/* sentences: what it is, and what it does to guests */
	const char *remedies[GMM_HEALTH_REMEDIES_MAX + 1]; /* commands; words in capitals are to be replaced */
};
extern const struct gmm_health_kind gmm_health_kinds[GMM_HEALTH_COUNT];

/* What the daemon knows and the core does not. All zero: nothing to say. */
struct gmm_health_facts {
	char build_id[BUILD_ID_BYTES];	/* of the manager; empty: not known */
	uint64_t strangers;		/* connect requests without the rack's key, ever */
	uint32_t stranger_address;	/* of the latest */
	uint64_t events_lost;		/* that a follower or the log should have had, ever */
	bool store_readonly;		/* the manager's store cannot be written, so nothing can be changed */
	int store_status;		/* of the last write to it: 0 or a negative errno */
	uint64_t store_total_bytes;	/* of its file system; 0: not known */
	uint64_t store_free_bytes;
	const char *store_path;		/* the caller's; NULL: not known */
};

/* What one look found. */
struct gmm_health_finding {
	uint32_t count;			/* of nodes, VMs, ... concerned; 0: all is well */
	uint32_t details;		/* lines, at most GMM_HEALTH_DETAILS_MAX; `count` above that says how many more there are */
	char summary[GMM_HEALTH_TEXT_BYTES];
	char detail[GMM_HEALTH_DETAILS_MAX][GMM_HEALTH_TEXT_BYTES];
};

struct gmm_health_check {
	struct gmm_health_finding finding; /* count > 0: raised */
	uint64_t since_ns;
	bool held;			/* an earlier manager's, and not all that it was about is here yet */
	bool muted, sticky;
	uint32_t muted_count;		/* more than this ends a mute that is not sticky */
	uint64_t muted_ns;		/* since when */
	uint64_t muted_until_ns;	/* 0: without an end */
	char muted_by[GMM_HEALTH_WHO_BYTES];
};

/* What must be remembered of a node between two looks. */
struct gmm_health_node {
	uint64_t first_seen_ns;		/* 0: not yet */
	uint64_t falls_ns[GMM_HEALTH_FALLS_MAX]; /* the last times that it went down, in a ring; 0: none */
	uint32_t fall_next;
	uint64_t foreign_since_ns;	/* 0: holds nothing that we do not know */
	uint64_t reclaim_since_ns;	/* no region came back since; 0: none is awaited */
	uint32_t reclaim_left;
	uint64_t conflict_ns;		/* another machine used what is its own; 0: never */
	const char *conflict_what;	/* a constant: "asked to join in its name" */
	uint32_t conflict_address;
	uint64_t image_ns;		/* it asked to join with an image that does not fit; 0: never */
};

/* A number that only grows, and counts for GMM_HEALTH_RECENT_NS after it did. */
struct gmm_health_recent {
	uint64_t seen;			/* its last value */
	uint64_t base;			/* its value when it began to grow */
	uint64_t grown_ns;		/* 0: not recently */
};

struct gmm_health {
	struct gmm_health_check checks[GMM_HEALTH_COUNT];
	struct gmm_health_node nodes[NODES_MAX];
	struct gmm_health_recent strangers, events_lost;
	struct {
		char name[NODE_NAME_BYTES];
		uint32_t address;
		uint64_t asked_ns;	/* 0: unused */
	} unenrolled[GMM_HEALTH_STRANGERS_MAX];
};

struct gmm_core;

/*
 * Look at everything. Raised, changed and cleared checks become events. Times as everywhere in the core: ns,
 * monotonic.
 */
void gmm_core_health_update(struct gmm_core *core, const struct gmm_health_facts *facts, uint64_t now_ns);
/* The worst severity of the checks that are raised and not muted. */
enum gmm_health_severity gmm_core_health_status(const struct gmm_core *core);
/* "HEALTH_OK", "HEALTH_WARN" or "HEALTH_ERR" */
const char *gmm_health_severity_name(enum gmm_health_severity severity);
/* The check with this code, or GMM_HEALTH_COUNT. */
enum gmm_health_code gmm_health_code_named(const char *name);
/*
 * Do not count a check for the rack's status, for `for_ns` (0: until it is unmuted); `who` wants it so, at most
 * GMM_HEALTH_WHO_BYTES - 1 characters. -ENOENT: no such code; -EBUSY: it is not raised, and only a sticky mute can wait for it.
 * core->refusal says which.
 */
int gmm_core_health_mute(struct gmm_core *core, const char *code, uint64_t for_ns, bool sticky, const char *who, uint64_t now_ns);
/* 0, also when it was not muted; -ENOENT: no such code. */
int gmm_core_health_unmute(struct gmm_core *core, const char *code, uint64_t now_ns);

/* For node.c and machine.c: another machine did `what` (a constant) with the name, MAC or UUID of the node with this index. */
void gmm_health_conflict(struct gmm_core *core, uint32_t node_index, const char *what, uint32_t address, uint64_t now_ns);
/* For node.c: its image does not fit. */
void gmm_health_image_refused(struct gmm_core *core, uint32_t node_index, uint64_t now_ns);
/* For node.c: somebody asked to join with a name that is not configured. */
void gmm_health_unenrolled(struct gmm_core *core, const char *name, uint32_t address, uint64_t now_ns);

#endif
