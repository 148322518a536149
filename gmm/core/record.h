/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What of the core's tables outlives a manager, as plain rows. docs/store.md explains the whole.
 *
 * A row's key is its kind and slot. Writing a row replaces the one of the same key; a row that is `gone` removes it. Applying rows
 * in the order in which they were taken from one core gives the same tables, whoever applies them.
 */
#ifndef PLENUM_GMM_RECORD_H
#define PLENUM_GMM_RECORD_H

#include "gmm/core/core.h"

enum gmm_record_kind {
	GMM_RECORD_META = 1,		/* one row */
	GMM_RECORD_NODE,
	GMM_RECORD_VM,
	GMM_RECORD_REGION,
	GMM_RECORD_ZOMBIE,
	GMM_RECORD_OPERATION,
	GMM_RECORD_ENDED,
	GMM_RECORD_HEALTH,
	GMM_RECORD_KINDS,
};

struct gmm_record_meta {
	uint64_t vm_id_next;
	uint64_t operation_id_next;
	uint64_t event_sequence;
};

struct gmm_record_node {
	char name[NODE_NAME_BYTES];
	uint32_t role;			/* enum wire_role */
	uint32_t address;
	uint8_t mac[6];
	uint64_t incarnation;		/* 0: its state is gone, or it never joined */
	uint64_t capacity_pages;
	uint32_t admin;			/* enum gmm_node_admin */
	uint32_t origin;		/* enum gmm_node_origin */
	uint8_t uuid[GMM_UUID_BYTES];	/* of its machine; all zero: not known */
	char domain[NODE_NAME_BYTES];
};

struct gmm_record_vm {
	uint64_t id;
	uint32_t phase;			/* enum gmm_vm_phase */
	struct gmm_vm_spec spec;
	uint32_t node;
	uint32_t state;			/* enum wire_vm_state */
	int32_t status;
	char reason[WIRE_REASON_BYTES];
	uint64_t created_wall_ns;	/* since 1970 */
	uint64_t changed_wall_ns;
	uint32_t wanted, looping;	/* bool */
	uint32_t restarts;
	uint64_t restart_since_wall_ns;
	uint64_t cache_wanted_bytes;	/* 0: its share is not being resized */
};

struct gmm_record_region {
	uint64_t vm;
	uint64_t base;
	uint32_t index;
	uint32_t epoch;
	uint32_t epoch_tried;
	uint32_t node;
	uint32_t owner;
	uint32_t pages;
	uint32_t rkey;
	uint32_t state;			/* enum gmm_region_state: PLANNED, LIVE, LOST or RECLAIM */
};

struct gmm_record_zombie {
	uint64_t vm;
};

struct gmm_record_operation {		/* one that has not ended */
	uint64_t id;
	uint32_t kind;			/* enum gmm_operation_kind */
	uint32_t vm;			/* slot; GMM_NONE */
	uint32_t region;		/* slot; bench, move: the new one; GMM_NONE */
	uint32_t process_node;		/* bench, move */
	uint32_t from_node;		/* move, drain */
	uint64_t parent;		/* move: id of a drain; 0 */
	int32_t status;			/* < 0: it failed and is being undone */
	char reason[GMM_TEXT_BYTES];
	uint64_t started_wall_ns;	/* since 1970; 0: not known (stores of version 1) */
	uint32_t parts;			/* drain, balance: regions that it began with; 0: not known */
	uint32_t regions_moved;
	struct wire_vm_region_moved moved;	/* drain, balance: of the moves that ended */
	char who[GMM_WHO_BYTES];
	struct gmm_mark mark;
	uint64_t grace_ns;		/* stop */
	uint64_t grace_until_wall_ns;	/* stop: its end, since 1970; 0: the button was not pressed yet */
};

struct gmm_record_ended {		/* slot: number - 1 modulo GMM_ENDED_MAX */
	uint64_t id;
	uint64_t number;
	uint32_t kind;			/* enum gmm_operation_kind */
	int32_t status;
	uint64_t started_wall_ns;
	uint64_t ended_wall_ns;
	uint64_t bytes;
	char object[VM_NAME_BYTES];
	char reason[GMM_TEXT_BYTES];
	char who[GMM_WHO_BYTES];
	struct gmm_mark mark;
};

struct gmm_record_health {		/* slot: of the code, in this version of gmmd */
	char code[GMM_HEALTH_CODE_BYTES];
	uint32_t count;			/* 0: not raised */
	char summary[GMM_HEALTH_TEXT_BYTES];
	uint64_t since_wall_ns;
	uint32_t muted, sticky;		/* 0 or 1 */
	uint32_t muted_count;
	uint64_t muted_wall_ns;
	uint64_t muted_until_wall_ns;	/* 0: without an end */
	char muted_by[GMM_HEALTH_WHO_BYTES];
};

struct gmm_record {
	enum gmm_record_kind kind;
	uint32_t slot;
	bool gone;
	union {
		struct gmm_record_meta meta;
		struct gmm_record_node node;
		struct gmm_record_vm vm;
		struct gmm_record_region region;
		struct gmm_record_zombie zombie;	/* slot: node's index * VMS_PER_NODE_MAX + place */
		struct gmm_record_operation operation;
		struct gmm_record_ended ended;
		struct gmm_record_health health;
	};
};

const char *gmm_record_kind_name(enum gmm_record_kind kind);
/* Slots of this kind are below it. */
uint32_t gmm_record_slots(enum gmm_record_kind kind);

/* ---------------------------------------------------------------- from the core */

/* Rows that changed since gmm_core_kept(): how many, and which is the `at`th of them. */
uint32_t gmm_core_dirty_count(const struct gmm_core *core);
void gmm_core_dirty(const struct gmm_core *core, uint32_t at, struct gmm_record *record);
/* All of them are stored now. */
void gmm_core_kept(struct gmm_core *core);
/* The row of this kind and slot (`kind`, `slot` set by the caller) as it is now. */
void gmm_core_record(const struct gmm_core *core, struct gmm_record *record);

/* ---------------------------------------------------------------- into a core, between gmm_core_init() and its first use */

/*
 * Take one row, in the order of the kinds. 0, or -EINVAL and core->refusal: the row makes no sense (S4), the core is
 * of no use any more.
 */
int gmm_core_restore(struct gmm_core *core, const struct gmm_record *record, uint64_t now_ns);
/* An event of an earlier manager, oldest first. */
void gmm_core_restore_event(struct gmm_core *core, const struct gmm_event *event);
/* All rows are in: rebuild lists and sums, let operations go on. 0, or -EINVAL and core->refusal. */
int gmm_core_restored(struct gmm_core *core, uint64_t now_ns);

#endif
