/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A manager and members of its rack, for scenarios about joining: the real net/rpc and net/node agent on every member, the
 * real gmm/core behind net/rpc on the manager, tied together as gmm/daemon does it.
 */
#ifndef PLENUM_TESTBED_SIM_MEMBERSHIP_H
#define PLENUM_TESTBED_SIM_MEMBERSHIP_H

#include "gmm/core/core.h"
#include "net/node/agent.h"
#include "net/rpc/rpc.h"
#include "testbed/sim/sim.h"

#define MANAGER_LEASE_MS 6000u		/* the daemon's default */

struct manager {
	struct node node;
	struct secure *secure;
	struct rpc_endpoint *endpoint;
	struct gmm_core *core;
	uint32_t members_max;
	uint32_t *sessions;		/* of the member with this index; MANAGER_NO_SESSION */
	uint32_t *closing, closing_count;
	uint64_t joins, renewals;
};
#define MANAGER_NO_SESSION UINT32_MAX

struct member {
	struct node node;
	struct secure *secure;
	struct rpc_endpoint *endpoint;
	struct agent agent;
	uint64_t incarnation;
	uint64_t joined_ns;		/* world time of the last join */
	uint64_t forgotten;		/* times that the manager did not know it */
};

/* A manager for `members_max` members, on the network and off. */
void manager_create(struct manager *manager, struct network *network, uint32_t members_max);
/* Turn it on: a new incarnation that knows nothing but the members' names, addresses and MACs. */
void manager_start(struct manager *manager, struct member *const *members, uint32_t count);
void manager_stop(struct manager *manager);
/* Off, and its memory given back. */
void manager_destroy(struct manager *manager);
/* Nodes that the manager calls up. */
uint32_t manager_nodes_up(const struct manager *manager);

void member_create(struct member *member, struct network *network);
/* Turn it on: a new incarnation, which begins to join at once. */
void member_start(struct member *member, const struct manager *manager);
void member_stop(struct member *member);

/* What one more idle session costs a manager, in bytes, as the average of `sessions` more. */
struct idle_bytes {
	double device, endpoint;
};
struct idle_bytes manager_idle_bytes(struct manager *manager, uint32_t sessions);

#endif
