/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * WIRE_NODE_COUNTERS for both component kernels: "name=value\n" text, served in pieces. The text is taken when
 * offset 0 is asked for, and later pieces come from that snapshot, so that pieces fit together.
 */
#ifndef PLENUM_NET_NODE_COUNTERS_H
#define PLENUM_NET_NODE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "net/rpc/rpc.h"

#define NODE_COUNTERS_BYTES_MAX 32768u

struct node_counters {
	/* Write the text into text[0..bytes); returns its length. */
	size_t (*fill)(void *context, char *text, size_t bytes);
	void *context;
	size_t len_bytes;			/* of the snapshot */
	char text[NODE_COUNTERS_BYTES_MAX];
};

/* Answer a WIRE_NODE_COUNTERS request (whose body the RPC table has checked to be a struct wire_node_counters). */
void node_counters_serve(struct node_counters *counters, struct rpc_endpoint *endpoint, const struct rpc_request *request,
			 uint64_t now_ns);
/* Append "name=value\n" at *len when it fits whole. */
void node_counters_append(char *text, size_t bytes, size_t *len, const char *name, uint64_t value);

/* Append "rpc_name=value\n" for all counters of the RPC endpoint, and those of each type of message that was used. */
void node_counters_append_rpc(char *text, size_t bytes, size_t *len, const struct rpc_endpoint *endpoint);
/* Names of the types in <plenum/wire.h>, for rpc_config. */
extern const struct rpc_type_name node_type_names[];

#endif
