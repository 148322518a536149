/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The deterministic simulator: any number of nodes on a clock and a network of their own, in one Linux process. What runs
 * on the nodes is the code of the real ones' portable parts. docs/simulator.md says what is real and what is not.
 *
 *  W1  Everything that happens follows from the seed: no clock, no address of memory and no order of a hash table of the
 *	machine has any influence. world->hash says so: the same seed gives the same one.
 *  W2  Time only moves from event to event; an event never lies in the past.
 *  W3  A node is only run when something touched it: a packet arrived, its earliest deadline came, or its scenario did.
 *  W4  Packets to a node arrive in the order in which its switch port got them, but for those that are reordered or repeated.
 *  W5  A switch port holds at most buffer_bytes; what does not fit is dropped and counted.
 */
#ifndef PLENUM_TESTBED_SIM_H
#define PLENUM_TESTBED_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/roce/roce.h"
#include "net/secure/secure.h"

#define MICROSECOND_NS UINT64_C(1000)
#define MILLISECOND_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)
#define NEVER_NS UINT64_MAX

/* ---------------------------------------------------------------- world.c: clock, randomness, events */

/* What an event does. `argument` goes into the trace: a number, never something made of a pointer. */
typedef void world_action(void *object, uint64_t argument);

struct event {
	uint64_t time_ns, order;
	world_action *action;
	void *object;
	uint64_t argument;
};

struct world {
	uint64_t seed;
	uint64_t now_ns, random, hash, events_count;
	struct event *heap;		/* by time, then by order */
	uint32_t heap_count, heap_size;
	uint64_t order;
};

void world_create(struct world *world, uint64_t seed);
void world_destroy(struct world *world);
/* The next number of a stream of its own; *state is its seed. */
uint64_t sim_random(uint64_t *state);
/* 0 to count - 1. */
uint32_t world_below(struct world *world, uint32_t count);
bool world_chance(struct world *world, double probability);
/* Something between 0 and `limit_ns`, small values being more likely the smaller they are. */
uint64_t world_skewed(struct world *world, uint64_t limit_ns);
void world_trace(struct world *world, uint64_t value);
/* Let `action` happen then, or now if that is past. */
void world_at(struct world *world, uint64_t time_ns, world_action *action, void *object, uint64_t argument);
/* Take the next event out and let it happen; false when there is none. */
bool world_step(struct world *world);
/* Let everything happen up to and including `time_ns`. */
void world_run_until(struct world *world, uint64_t time_ns);
/* Report and abort. */
void world_fail(const struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* Memory for the simulated machines, aligned to a page; free() takes it back. Exits when there is none. */
void *sim_alloc(size_t bytes);

/* ---------------------------------------------------------------- network.c: links, a switch, what goes wrong there */

#define NETWORK_ADDRESS_FIRST UINT32_C(0x0a000001)	/* of node 0; node n has the n-th after it */

struct network_config {
	/* Of packets, 0 to 1. */
	double loss, duplication, reordering, corruption;
	uint64_t delay_ns;		/* from node to node, without what queues and wires take */
	uint64_t jitter_ns;		/* at most so much more, each packet for itself; 0: none */
	uint64_t reorder_ns;		/* a packet that is reordered or repeated comes up to this much later */
	uint64_t bytes_per_us;		/* of every link: 1250 is 10 Gbit/s */
	uint32_t buffer_bytes;		/* of every switch port */
	uint32_t mark_bytes;		/* a packet that finds more in its port may be marked (ECN CE); 0: never */
	uint32_t transmit_bytes;	/* of a card's transmit ring: a node's device is asked for no more than fits */
	uint64_t receive_ns;		/* a node's processor takes so long for a packet; 0: no time */
	uint32_t receive_packets;	/* that a card's receive ring holds, when receive_ns is not 0 */
};

struct network_counters {
	uint64_t sent, delivered, lost, overflowed, marked, cut, duplicated, reordered, corrupted, unaddressed;
};

struct packet {
	struct packet *next;		/* free list */
	struct packet *next_allocated;
	struct network *network;
	uint32_t from;			/* node that sent it, whatever its source address says */
	uint32_t to;
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

struct network {
	struct world *world;
	struct network_config config;
	struct network_counters counters;
	struct node **nodes;
	uint32_t nodes_count;
	struct packet *free_packets, *allocated_packets;
	/*
	 * When not NULL, sees every packet as it comes to the switch and may change it; false: it goes no further, and is
	 * counted as cut. For partitions, for losses that a test chooses, and for recording.
	 */
	bool (*tap)(void *context, struct packet *packet);
	void *tap_context;
};

/* `nodes_max` nodes may come to be on it. The configuration may be changed while it runs. */
void network_create(struct network *network, struct world *world, const struct network_config *config, uint32_t nodes_max);
/* Nodes must be stopped, and the world must not run any more. */
void network_destroy(struct network *network);
/* Links of `gigabits_per_s`; switch ports of `buffer_bytes` that mark from an eighth of it on; nothing goes wrong. */
struct network_config network_clean(uint32_t gigabits_per_s, uint32_t buffer_bytes);
/* Send `datagram` as it is from node `from`, whatever its addresses say: what a hostile machine can do. */
void network_inject(struct network *network, uint32_t from, const struct roce_datagram *datagram);

/* ---------------------------------------------------------------- node.c: a machine */

struct node {
	struct network *network;
	uint32_t number, address;
	struct roce_device *device;	/* NULL: it is off */
	struct secure *secure;		/* NULL: it has no key */
	void (*run)(struct node *node);	/* something touched it: poll what runs here; may be NULL */
	void *context;			/* of whoever set `run` */
	uint64_t random;		/* what its environment draws from */
	int64_t clock_ns;		/* its clock is so much ahead of the world's */
	uint64_t timer_ns;		/* of its earliest event, in world time */
	uint64_t sent_ns;		/* when its link has sent all that it was given */
	uint64_t port_ns;		/* when the switch port towards it is empty */
	uint64_t arrival_ns;		/* of the last packet that came through it */
	uint64_t received_ns;		/* when its processor has done with all that arrived */
	uint64_t cut_until_ns;		/* no packet reaches or leaves it */
	uint64_t port_bytes_max;	/* most that stood in its port */
};

/* Put a machine that is off on the network. Its number is its place there. */
void node_create(struct node *node, struct network *network);
/* Turn it on with a device of these limits. `read_budget_bytes` as in struct roce_config. */
struct roce_device *node_start(struct node *node, const struct roce_limits *limits, uint32_t path_mtu_bytes,
			       uint64_t read_budget_bytes);
/* Give a node that is on the key that all of the simulated rack have; `replays_max` as in struct secure_config. */
struct secure *node_secure(struct node *node, uint32_t replays_max);
/* Memory that a device of these limits takes. */
size_t node_device_bytes(struct node *node, const struct roce_limits *limits);
/* Turn it off: what its device knew is gone. What hung on the device must not be used again. */
void node_stop(struct node *node);
/* By its own clock. */
uint64_t node_now_ns(const struct node *node);
/* Timers, what runs on it, and its output. To be called after anything was posted from outside its own `run`. */
void node_run(struct node *node);
/* From `run`: run again no later than `deadline_ns` of its own clock. */
void node_wake_at(struct node *node, uint64_t deadline_ns);
/* Let its clock jump; negative: backward, not below 0. */
void node_clock_jump(struct node *node, int64_t by_ns);

/* network.c, for node.c: take what the node's device has to send, as far as its ring has room. */
void network_send(struct network *network, struct node *node);

#endif
