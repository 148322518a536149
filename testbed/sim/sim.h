/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The deterministic rack: one process component and some memory components in one Linux process, on a clock and a
 * network of its own. All that happens follows from one seed. The components are the very objects of the images'
 * portable parts; only what touches a machine is replaced: the network card, nested page tables, the guest.
 *
 * What is checked:
 *  S1  The guest never sees a byte that it did not write last (a shadow of its memory is compared on every touch).
 *  S2  cache_check() holds all the time.
 *  S3  When the network is whole again, everything drains: all vCPUs go on, every page can be read, no request is
 *	left, and the VM can be destroyed.
 *  S4  The same seed gives the same trace, up to the last packet.
 */
#ifndef PLENUM_TESTBED_SIM_H
#define PLENUM_TESTBED_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/page.h>

#include "mcomponent/mcomponent.h"
#include "net/roce/roce.h"
#include "pcomponent/cache/cache.h"

#define MICROSECOND_NS UINT64_C(1000)
#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)
#define NEVER_NS UINT64_MAX

#define SIM_NODES_MAX 9u		/* node 0 is the process component */
#define SIM_VMS 2u
#define SIM_VCPUS 4u			/* of each VM */
#define SIM_REGIONS 3u			/* of each VM */
#define SIM_WORKING_SET_MAX 512u	/* pages of a VM that its guest uses, spread over its regions */
#define SIM_DRAIN_NS (120 * SECOND_NS)	/* S3: virtual time until everything must be done */

struct sim_options {
	uint64_t seed;
	double seconds;			/* of virtual time until the network heals and the guests stop */
	double loss;			/* of packets, 0 to 1; negative: chosen by the seed */
	uint32_t nodes;			/* memory components */
};

enum event_type { EVENT_PACKET, EVENT_TIMER, EVENT_GUEST, EVENT_SWEPT, EVENT_CUT, EVENT_EPOCH, EVENT_EPOCH_TOLD };

struct event {
	uint64_t time_ns, order;
	enum event_type type;
	uint32_t node;			/* PACKET, TIMER: whose; GUEST: VM; EPOCH: VM */
	uint32_t item;			/* GUEST: vCPU; EPOCH_TOLD: region */
	struct packet *packet;
};

struct packet {
	struct packet *next;		/* free list */
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

struct sim_node {
	uint32_t address;
	struct roce_device *device;
	uint64_t timer_ns;		/* of its earliest EVENT_TIMER */
	uint64_t link_free_ns;		/* when its link has sent all that it was given */
	uint64_t cut_until_ns;		/* no packet reaches or leaves it */
	uint64_t random;
	struct mcomponent *memory;	/* memory components */
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
	uint32_t number;
	uint32_t working_set;		/* pages */
	uint64_t pages[SIM_WORKING_SET_MAX];
	struct nested_entry nested[SIM_WORKING_SET_MAX];
	uint8_t *shadow;
	struct sim_vcpu vcpus[SIM_VCPUS];
	struct wire_vm_region regions[SIM_REGIONS];	/* as the manager knows them */
	uint8_t *pinned_frame;		/* of pages[0], NULL: not pinned */
	bool destroyed;
	uint64_t operations, errors;
};

struct sim {
	struct sim_options options;
	uint64_t now_ns, random, hash, events_count;
	uint64_t end_ns;		/* when the network heals and the guests stop */

	struct event *heap;
	uint32_t heap_count, heap_size;
	uint64_t order;
	struct packet *free_packets;

	uint32_t nodes_count;
	struct sim_node nodes[SIM_NODES_MAX];
	/* What the network does, by seed. */
	double loss, duplication, reordering, corruption;
	uint64_t delay_ns, jitter_ns, bytes_per_us;
	uint64_t packets_sent, packets_lost;

	/* The process component. */
	struct cache *cache;
	struct region_client *regions;
	void *lines, *cache_memory, *regions_memory;
	struct cache_victim victims[CONFIG_SWEEP_BATCH];
	uint32_t victims_count;
	uint64_t write_back_failures;
	uint64_t think_ns;
	struct sim_vm vms[SIM_VMS];
};

/* world.c: clock, randomness, events */
uint64_t sim_random(uint64_t *state);
uint32_t sim_below(struct sim *sim, uint32_t count);
bool sim_chance(struct sim *sim, double probability);
/* Something between 0 and `limit_ns`, small values being more likely the smaller they are. */
uint64_t sim_skewed(struct sim *sim, uint64_t limit_ns);
void sim_trace(struct sim *sim, uint64_t value);
void sim_schedule(struct sim *sim, struct event event);
bool sim_next(struct sim *sim, struct event *event);
/* Report and abort. */
void sim_fail(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void *sim_alloc(size_t bytes);

/* network.c */
void network_create(struct sim *sim);
/* Take what the node's device has to send. */
void network_send(struct sim *sim, uint32_t node);
void network_deliver(struct sim *sim, uint32_t node, struct packet *packet);
void network_free(struct sim *sim, struct packet *packet);
struct roce_device *network_device(struct sim *sim, uint32_t node, const struct roce_limits *limits);
/* Call the node again no later than `deadline_ns`. */
void network_timer(struct sim *sim, uint32_t node, uint64_t deadline_ns);

/* memory.c */
void memory_create(struct sim *sim, uint32_t node);
void memory_run(struct sim *sim, uint32_t node);
void memory_destroy(struct sim *sim, uint32_t node);

/* process.c */
void process_create(struct sim *sim);
/* Poll everything, start to sweep, send. */
void process_run(struct sim *sim);
void process_swept(struct sim *sim);
void process_destroy(struct sim *sim);

/* guest.c */
void guest_create(struct sim *sim, struct sim_vm *vm);
void guest_run(struct sim *sim, struct sim_vm *vm, uint32_t vcpu);
void guest_woken(struct sim *sim, struct cache_waiter *waiter);
/* All vCPUs have stopped, and the last pass over memory is done. */
bool guest_done(const struct sim_vm *vm);
struct nested_entry *guest_nested(struct sim_vm *vm, uint64_t page);

/* nemesis.c: what goes wrong besides packets */
void nemesis_create(struct sim *sim);
void nemesis_cut(struct sim *sim);
void nemesis_epoch(struct sim *sim);
void nemesis_epoch_told(struct sim *sim, uint32_t vm, uint32_t index);

#endif
