/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs: what the operator asked for, what is known of one, and what can be changed of it. */
#ifndef PLENUM_GMM_VM_H
#define PLENUM_GMM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/device.h>
#include <plenum/wire.h>

#include "gmm/core/limits.h"

struct gmm_core;
struct gmm_node;
struct text;

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
#define GMM_VM_MEMORY_BYTES_MIN (UINT64_C(1) << 20)	/* a kernel is loaded behind it */
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
void gmm_vm_settings_text(const struct gmm_vm *vm, const struct gmm_vm_settings *settings, struct text *text);

/* What the operator sees, from phase, node and state. */
const char *gmm_vm_state_name(const struct gmm_vm *vm, const struct gmm_node *node);
const char *gmm_wire_state_name(uint32_t state);
extern const char *const gmm_vm_states[];	/* all that these can be; ends with NULL */
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

#endif
