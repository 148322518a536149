/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scenario "rack": one process component and some memory components, with everything going wrong that can. The
 * components are the very objects of the images' portable parts; only what touches a machine is replaced: the network
 * card, nested page tables, the guest.
 *
 * What is checked:
 *  S1  The guest never sees a byte that it did not write last (a shadow of its memory is compared on every touch).
 *  S2  cache_check() holds all the time.
 *  S3  When the network is whole again, everything drains: all vCPUs go on, every page can be read, no request is
 *	left, a share that was resized has its new size, and the VM can be destroyed.
 *  S4  The same seed gives the same trace, up to the last packet.
 */
#ifndef PLENUM_TESTBED_SIM_RACK_H
#define PLENUM_TESTBED_SIM_RACK_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/page.h>

#include "mcomponent/mcomponent.h"
#include "pcomponent/cache/cache.h"
#include "testbed/sim/scenario.h"
#include "testbed/sim/sim.h"

#define SIM_NODES_MAX 9u		/* node 0 is the process component */
#define SIM_HANDSHAKES 4096u		/* answered in two epochs; the nemesis makes many */
#define SIM_VMS 2u
#define SIM_VCPUS 4u			/* of each VM */
#define SIM_REGIONS 3u			/* of each VM */
#define SIM_WORKING_SET_MAX 512u	/* pages of a VM that its guest uses, spread over its regions */
#define SIM_DRAIN_NS (120 * SECOND_NS)	/* S3: virtual time until everything must be done */

struct sim;

struct sim_memory {			/* a memory component */
	struct mcomponent component;
	void *tables, *frames;
};

struct nested_entry {
	void *frame;
	bool accessed, dirty;
};

/* A vCPU's cached translation: lives until a shootdown. */
struct tlb_entry {
	void *frame;
	bool dirty;			/* a write needs no walk */
};

enum operation { OPERATION_READ, OPERATION_WRITE, OPERATION_SHIM_WRITE };

struct sim_vcpu {
	struct cache_waiter waiter;
	enum { VCPU_THINKS, VCPU_WAITS, VCPU_STOPPED } state;
	bool pending;			/* an operation was begun and waits for its page */
	enum operation operation;
	uint32_t index;			/* its page, in the working set */
	uint32_t verify_next;		/* in the final pass */
	struct tlb_entry tlb[SIM_WORKING_SET_MAX];
};

struct sim_vm {
	struct sim *sim;
	uint32_t number;
	uint32_t working_set;		/* pages */
	uint64_t pages[SIM_WORKING_SET_MAX];
	struct nested_entry nested[SIM_WORKING_SET_MAX];
	uint8_t *shadow;
	struct sim_vcpu vcpus[SIM_VCPUS];
	struct wire_vm_region regions[SIM_REGIONS];	/* as the manager knows them */
	struct wire_vm_region target;	/* of the move under way */
	bool moving;
	bool asked[SIM_REGIONS];	/* the manager knows that it is to be given a place */
	uint32_t epochs;		/* the last one of a move */
	uint8_t *pinned_frame;		/* of pages[0], NULL: not pinned */
	bool destroyed;
	uint64_t operations, errors;
};

struct sim {
	struct world world;
	struct network network;
	uint64_t end_ns;		/* when the network heals and the guests stop */
	uint32_t nodes_count;
	struct node nodes[SIM_NODES_MAX];
	struct sim_memory *memories[SIM_NODES_MAX];

	/* The process component. */
	struct cache *cache;
	struct region_client *regions;
	void *lines, *cache_memory, *regions_memory;
	struct cache_victim victims[CONFIG_SWEEP_BATCH];
	uint32_t victims_count;
	uint64_t write_back_failures;
	uint64_t moves_done, moves_abandoned;
	uint32_t room;			/* regions that may still be given a place, of promised ones */
	uint64_t places_given, places_refused;
	uint64_t resizes_begun;
	uint64_t think_ns;
	struct sim_vm vms[SIM_VMS];
};

/* rack.c */
/* A device of these limits, of a path MTU that the seed chooses. */
struct roce_device *rack_device(struct sim *sim, uint32_t node, const struct roce_limits *limits);

/* memory.c */
void memory_create(struct sim *sim, uint32_t node);
void memory_destroy(struct sim *sim, uint32_t node);

/* process.c */
/* By the process component's clock. */
uint64_t process_now_ns(const struct sim *sim);
/* Make a region on a memory component; vm->regions[index] says where. The process component is not told. */
void rack_place_region(struct sim *sim, struct sim_vm *vm, uint32_t index);
void process_create(struct sim *sim);
void process_destroy(struct sim *sim);

/* guest.c */
void guest_create(struct sim *sim, struct sim_vm *vm);
void guest_woken(struct sim *sim, struct cache_waiter *waiter);
/* All vCPUs have stopped, and the last pass over memory is done. */
bool guest_done(const struct sim_vm *vm);
struct nested_entry *guest_nested(struct sim_vm *vm, uint64_t page);

/* mover.c: regions move from one memory component to another */
void mover_create(struct sim *sim);

/* placer.c: regions that are promised get their places */
/* Are they? Else all have places from the beginning. */
bool placer_create(struct sim *sim);
/* The process component asks. */
void placer_run(struct sim *sim, struct node *node);
/* resizer.c: cache shares are resized */
void resizer_create(struct sim *sim);
/* The VM's share is as large as it was to be, and nothing of it is under way. */
bool resizer_done(const struct sim *sim, const struct sim_vm *vm);

/* nemesis.c: what goes wrong besides packets */
void nemesis_create(struct sim *sim);

#endif
