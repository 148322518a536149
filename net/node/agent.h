/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A component's membership of the rack: it joins the manager, keeps its lease and joins again when the manager has
 * forgotten it. Used by both component kernels.
 *
 *	          agent_start                  session up: WIRE_NODE_JOIN
 *	  (none) ------------> SEEKING --------------------------------> JOINING
 *	                          ^                                      |     |
 *	                          |  session reset (manager restarted)   |     | reply 0: node id, lease
 *	                          +--------------------------------------+     v
 *	                          |                                            JOINED --> WIRE_NODE_RENEW at a third
 *	                          +----------------------------------------------+        of the lease, for ever
 *	                             renewal: -ENOENT or -ESTALE; session reset
 *
 * N1 Nothing depends on the manager being up (I5): the component serves on; only this machine waits.
 * N2 The node id, once given, is kept and told to the manager at every join (it is the RPC layer's source_node).
 * N3 At most one join or renewal is under way.
 *
 * Pure like net/rpc, and under the same lock.
 */
#ifndef PLENUM_NET_NODE_AGENT_H
#define PLENUM_NET_NODE_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/wire.h>

#include "net/rpc/rpc.h"

#define AGENT_JOIN_RETRY_NS UINT64_C(500000000)		/* between joins that the manager refused */
#define AGENT_JOIN_TIMEOUT_NS UINT64_C(5000000000)
#define AGENT_LEASE_MS_MIN 300u				/* a shorter lease is the manager's mistake; this is used */
#define AGENT_LEASE_MS_MAX 3600000u

enum agent_event {
	AGENT_MANAGER_UP,		/* the session to the manager stands */
	AGENT_MANAGER_DOWN,		/* it was lost; it is being opened again */
	AGENT_JOINED,			/* agent->node is our id */
	AGENT_REFUSED,			/* the manager refused the join with `status`; it is tried again */
	AGENT_FORGOTTEN,		/* the manager restarted or dropped our lease; joining again */
};

struct agent_config {
	struct rpc_endpoint *endpoint;
	uint32_t manager_address;
	uint16_t manager_port;		/* WIRE_PORT_RPC */
	/* Sent as it is, except entry_to_join_us: now_ns (kernels count it from their entry) at the first join. */
	struct wire_node_join join;
	/* Fill in a renewal (zeroed). */
	void (*fill)(void *context, struct wire_node_renew *renew, uint64_t now_ns);
	/* Something to log; on AGENT_JOINED also to tell others of our node id. */
	void (*event)(void *context, enum agent_event event, int status, uint64_t now_ns);
	void *context;
};

enum agent_state { AGENT_STATE_SEEKING, AGENT_STATE_JOINING, AGENT_STATE_JOINED };

struct agent {
	struct agent_config config;
	enum agent_state state;
	bool session_up;
	bool call_under_way;		/* N3 */
	uint32_t session;		/* to the manager */
	uint32_t node;			/* our id; 0 until the first join */
	uint32_t lease_ms;
	uint32_t rack_flags;		/* WIRE_RACK_*, of the last join */
	uint32_t serial;		/* of the call under way: replies to older ones are ignored */
	int last_refusal;		/* reported; the same again is not (a log line per change, not per try) */
	uint64_t joined_at_us;		/* entry_to_join_us of the first join that succeeded */
	uint64_t next_ns;		/* of the next join or renewal */
	uint64_t joins, renewals, renewals_failed;
};

/* Open the session to the manager. 0, or rpc_open()'s error. */
int agent_start(struct agent *agent, const struct agent_config *config, uint64_t now_ns);
/* Pass the endpoint's session events here; ignores those of other sessions. */
void agent_session_changed(struct agent *agent, uint32_t session, enum rpc_session_event event, uint64_t now_ns);
/* Call after rpc_poll() and at the deadline. */
void agent_poll(struct agent *agent, uint64_t now_ns);
uint64_t agent_deadline_ns(const struct agent *agent);

#endif
