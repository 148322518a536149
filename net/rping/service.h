/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rping's server as a service that anybody may use: a node shows that it speaks to a foreign RDMA stack. Pure like net/roce,
 * under the same lock.
 *
 *  S1  A client reaches no memory of the node: the service READs and WRITEs the client's, from a buffer that is its own, and
 *      its queue pairs carry a peer tag that no region has.
 *  S2  At most RPING_CLIENTS_MAX clients, each with one buffer; one more is rejected. A client that does nothing for
 *      RPING_IDLE_NS, or breaks the protocol, is hung up on, so strangers cannot keep the others out.
 */
#ifndef PLENUM_NET_RPING_SERVICE_H
#define PLENUM_NET_RPING_SERVICE_H

#include "net/rping/rping.h"

#define RPING_CLIENTS_MAX 4u
#define RPING_IDLE_NS UINT64_C(10000000000)
#define RPING_SERVICE_BYTES (RPING_CLIENTS_MAX * RPING_SIZE_MAX_BYTES)

#define RPING_SERVICE_COUNTERS(X) X(clients_accepted) X(clients_refused) X(clients_failed) X(clients_idle) X(rounds)

struct rping_client {
	uint32_t connection;		/* 0: free */
	uint64_t deadline_ns;
	struct rping rping;
};

struct rping_service {
	struct roce_device *device;
	int queue;
	uint8_t *buffers;		/* RPING_SERVICE_BYTES */
	struct rping_client clients[RPING_CLIENTS_MAX];
#define RPING_SERVICE_FIELD(name) uint64_t name;
	RPING_SERVICE_COUNTERS(RPING_SERVICE_FIELD)
#undef RPING_SERVICE_FIELD
};

/* Add what the service needs of a device. */
void rping_service_limits(struct roce_limits *limits);
/* Listen at RPING_PORT. `buffers` (RPING_SERVICE_BYTES) are lent for ever. 0, -ENOBUFS, -EADDRINUSE. */
int rping_service_start(struct rping_service *service, struct roce_device *device, uint8_t *buffers);
/* After roce_input() and roce_tick(), and at the deadline. */
void rping_service_poll(struct rping_service *service, uint64_t now_ns);
uint64_t rping_service_deadline_ns(const struct rping_service *service);

#endif
