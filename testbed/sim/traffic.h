/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hosts that move data between each other over net/roce and check every byte of it, for scenarios about the transport.
 *
 * A flow is a connection on which its source keeps `depth` operations under way towards its target. What a READ brings is
 * compared with the target's memory, what a WRITE left there with the source's buffer, and a SEND, which must come once
 * and in order, with the source's buffer too. A flow whose connection fails connects again.
 *
 *	DOWN --connect--> CONNECTING --established--> UP --all done--> (stays UP, idle)
 *	  ^                   |                       |
 *	  +----- 100 ms ------+------ lost -----------+
 */
#ifndef PLENUM_TESTBED_SIM_TRAFFIC_H
#define PLENUM_TESTBED_SIM_TRAFFIC_H

#include "testbed/sim/sim.h"

#define TRAFFIC_PORT 4000u
#define FLOW_DEPTH_MAX 64u

enum flow_kind { FLOW_READ, FLOW_WRITE, FLOW_SEND, FLOW_MIX };
const char *flow_kind_name(enum flow_kind kind);

struct flow_config {
	uint32_t source, target;	/* hosts */
	enum flow_kind kind;
	uint32_t len_bytes;		/* of each operation */
	uint32_t depth;
	uint64_t operations_max;	/* then it is done; 0: goes on until it is stopped */
	uint64_t start_ns;		/* world time of its connect; it posts from then on */
};

struct flow_slot {
	uint8_t *local;
	uint64_t remote_address;
	uint64_t sequence;		/* SEND: of the messages of this connection */
	uint64_t posted_ns;
	uint32_t opcode;		/* enum roce_opcode */
	bool busy;
};

enum flow_state { FLOW_DOWN, FLOW_CONNECTING, FLOW_UP };

struct flow {
	struct flow_config config;
	struct traffic *traffic;
	uint32_t number;
	enum flow_state state;
	uint64_t random;
	uint32_t connection, qpn;	/* at the source */
	uint32_t target_qpn;
	uint32_t rkey;			/* of the target's memory */
	bool held;			/* posts nothing new */
	uint64_t posted, completed, completed_bytes, errors, reconnects;
	uint64_t done_ns;		/* when the last of operations_max completed */
	uint64_t wait_max_ns;		/* longest that an operation took */
	uint64_t sends_posted, sends_received;	/* of this connection */
	struct flow_slot slots[FLOW_DEPTH_MAX];
	uint8_t *buffers;		/* of the slots */
	uint8_t *receives;		/* at the target: depth of them */
	uint64_t write_address;		/* of its own part of the target's memory */
};

struct host {
	struct traffic *traffic;
	struct node node;
	int queue;
	uint8_t *memory;
	uint32_t rkey;
	uint64_t memory_bytes, write_bytes;	/* the rest is for READs */
	uint32_t flows_count;		/* that it is source or target of */
};

struct traffic_config {
	struct network_config network;
	uint64_t seed;
	uint32_t hosts, flows_max;
	uint32_t extra_nodes;		/* places on the network that the scenario fills itself */
	uint32_t path_mtu_bytes;
	uint64_t read_budget_bytes;
};

struct traffic {
	struct traffic_config config;
	struct world world;
	struct network network;
	struct host *hosts;
	struct flow *flows;
	uint32_t flows_count;
};

void traffic_create(struct traffic *traffic, const struct traffic_config *config);
void traffic_destroy(struct traffic *traffic);
/* Before traffic_start(): the hosts' memory is laid out then. */
struct flow *traffic_flow(struct traffic *traffic, const struct flow_config *config);
void traffic_start(struct traffic *traffic);
/* From now on the flow posts nothing new, or posts again. */
void traffic_hold(struct flow *flow, bool hold);
/* Run until all flows with operations_max are done, or `time_ns`. Returns whether they are. */
bool traffic_run_to_end(struct traffic *traffic, uint64_t time_ns);
/* Hold all flows, and run until nothing is under way, or `time_ns`. Returns whether nothing is. */
bool traffic_drain(struct traffic *traffic, uint64_t time_ns);
/* Payload of all flows so far. */
uint64_t traffic_bytes(const struct traffic *traffic);
/* One of struct roce_counters, of all hosts: `offset` is its offsetof(). */
uint64_t traffic_counter(const struct traffic *traffic, size_t offset);
#define TRAFFIC_COUNTER(traffic, name) traffic_counter(traffic, offsetof(struct roce_counters, name))

#endif
