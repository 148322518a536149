/* SPDX-License-Identifier: GPL-2.0-only */
/* What the images of both components do alike to be a node of the rack: options, join, renewal, what the log says of it. */
#ifndef PLENUM_NET_PORT_NODE_H
#define PLENUM_NET_PORT_NODE_H

#include <stdint.h>

#include <plenum/limits.h>
#include <plenum/wire.h>

#include "net/node/agent.h"
#include "net/port/fabric.h"

struct node_options {
	char name[NODE_NAME_BYTES];		/* empty: none was given */
	uint32_t address, netmask, gateway, manager;	/* host byte order; gateway 0: none */
};

/*
 * From the command line: ip=a.b.c.d/len gmm=a.b.c.d [gw=a.b.c.d] [name=text]. Panics with one line that says which of
 * them is missing or wrong.
 */
void node_options_read(struct node_options *options);
/* What a node of `role` says of itself when it joins, all but capacity_pages and table_bytes; after the last boot_alloc(). */
void node_join_fill(struct fabric *fabric, const struct node_options *options, enum wire_role role,
		    struct wire_node_join *join);
/* The part of a lease renewal that is the network's and the processors'. Under the fabric lock. */
void node_renew_fill(struct fabric *fabric, struct wire_node_renew *renew, uint64_t now_ns);
/* One line of log about what the agent tells. */
void node_event_log(const struct agent *agent, enum agent_event event, int status);

#endif
