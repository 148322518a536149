/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the verbs port.
 *
 * W1 Every work request that was taken completes exactly once. A queue pair's rings hold what is under way, in the order in
 *    which the device completes it; what is left when the queue pair is destroyed completes with -ECONNRESET.
 * W2 No completion finds its queue full: a queue pair has a completion queue of its own, as deep as its rings, and
 *    verbs_queue_poll() takes from there. Only what is ready is looked at.
 * W3 After verbs_disconnect() the device touches no buffer of that connection: its queue pair is destroyed within the call.
 * W4 A connection's ESTABLISHED event comes before its first completion, its end after its last that the device made.
 * W5 One protection domain a peer tag. So the device itself refuses an rkey on the queue pair of another peer.
 * W6 A connection behind a guard, or one that asked for it, gives its peer no access to memory before
 *    verbs_authorize().
 *
 *	connect                         CONNECT_REQUEST of the kernel, past the guard
 *	   |                                      |
 *	   v                                      v
 *	RESOLVING (address, then route)       REQUESTED --accept_finish--> ACCEPTED
 *	   |                                      |                           |  RTU, or the first data
 *	   v            connect response          |                           v
 *	CONNECTING ---------------------------------------------------> ESTABLISHED
 *	   |  rejected, unreachable, too late     |  gave up                  |  hung up, failed
 *	   +--------------------------------------+---------------------------+---> ENDED --its event was polled--> FREE
 *	any state -- disconnect, reject --> FREE
 */
#ifndef PLENUM_NET_PORT_VERBS_INTERNAL_H
#define PLENUM_NET_PORT_VERBS_INTERNAL_H

#include <infiniband/verbs.h>
#include <rdma/rdma_cma.h>

#include "net/port/verbs.h"

#define VERBS_QUEUES_MAX 8u
#define VERBS_LOCAL_RANGES_MAX 8u
#define VERBS_BUCKETS 1024u			/* of queue pairs by number; a power of two */
#define VERBS_CONNECTIONS_MAX 65535u		/* the low half of a connection's number */
#define VERBS_READS_MAX 16u			/* READs and atomics under way on a queue pair, each way */

#define VERBS_WORK_RECEIVE 1u			/* wr_id of receives; that of all other work is 0 */

/* Work requests under way, oldest first. */
struct verbs_work {
	uint64_t cookie;
	enum roce_opcode opcode;
};
struct verbs_ring {
	struct verbs_work *works;
	uint32_t size, head, count;
};

struct verbs_domain {
	uint64_t peer;
	uint32_t users;				/* queue pairs and regions; 0: free */
	struct ibv_pd *pd;
	struct ibv_mr *local[VERBS_LOCAL_RANGES_MAX];	/* of the device's range with this index; NULL: not needed yet */
};

struct verbs_range {
	uint8_t *first;
	size_t len_bytes;
};

struct verbs_region {
	struct ibv_mr *mr;			/* NULL: free */
	struct verbs_domain *domain;
};

struct verbs_connection;

struct verbs_queue_pair {
	bool used;
	bool ready;				/* in its queue's list */
	bool failed;				/* takes no more work */
	bool holding;				/* `held` was taken from the device and not yet given on */
	struct ibv_qp *qp;			/* NULL: destroyed, the rest of the rings is to be told */
	struct ibv_cq *cq;
	uint32_t qpn;
	uint32_t path_mtu_bytes;		/* 0: not agreed yet */
	int queue;
	struct verbs_domain *domain;
	struct verbs_connection *connection;	/* NULL: hung up */
	struct verbs_queue_pair *next_ready, *next_in_bucket;
	struct verbs_ring sends, receives;
	struct ibv_wc held;
};

enum verbs_connection_state {
	VERBS_FREE, VERBS_RESOLVING, VERBS_CONNECTING, VERBS_REQUESTED, VERBS_ACCEPTED, VERBS_ESTABLISHED, VERBS_ENDED
};

/* What the user has still to be told of a connection. */
#define VERBS_NEWS_REQUEST 1u
#define VERBS_NEWS_ESTABLISHED 2u
#define VERBS_NEWS_END 4u

struct verbs_connection {
	enum verbs_connection_state state;
	uint32_t number;			/* generation and index: an old one finds nothing */
	bool locked;				/* W6 */
	uint8_t responder_resources, initiator_depth;	/* of a request, as the kernel reports them */
	uint16_t service_port;
	int queue;
	uint32_t remote_address;
	uint64_t cookie;
	uint64_t give_up_ns;			/* UINT64_MAX: no hurry */
	struct rdma_cm_id *id;
	struct verbs_queue_pair *qp;
	unsigned news;
	enum roce_event_type end_type;
	int end_status;
	uint16_t end_reason;
	uint8_t private_data[ROCE_PRIVATE_BYTES_MAX];	/* to send until CONNECTING, received after */
	uint32_t private_len_bytes;
};

struct verbs_listener {
	struct rdma_cm_id *id;
	uint16_t port;
	int queue;
	uint64_t cookie;
	struct roce_guard guard;		/* check NULL: none */
};

struct verbs_queue {
	struct verbs_queue_pair *first_ready, *last_ready;
	uint32_t news;				/* connections with any */
};

struct verbs_device {
	struct roce_limits limits;
	uint32_t address;
	int epoll;				/* the three below it in one */
	struct rdma_event_channel *events;
	struct rdma_cm_id *bound;		/* holds the device by our address */
	struct ibv_context *context;
	struct ibv_comp_channel *completions;
	uint8_t port_number;
	uint8_t reads_max;			/* VERBS_READS_MAX, or what the device has */
	uint32_t path_mtu_bytes;
	uint32_t queues_count, listeners_count, ranges_count, domains_count;
	struct verbs_queue queues[VERBS_QUEUES_MAX];
	struct verbs_range ranges[VERBS_LOCAL_RANGES_MAX];
	struct verbs_queue_pair *buckets[VERBS_BUCKETS];
	/* limits' many of each */
	struct verbs_listener *listeners;
	struct verbs_connection *connections;
	struct verbs_queue_pair *queue_pairs;
	struct verbs_domain *domains;
	struct verbs_region *regions;
	uint16_t generation;
	uint32_t connections_count;		/* places ever used */
	struct roce_counters counters;
};

/* roce_device is another name for ours here. */
static inline struct verbs_device *verbs_of(const struct roce_device *device)
{
	return (struct verbs_device *)(uintptr_t)device;
}

/* verbs_memory.c: the domain of a peer, made when it is the first; NULL: too many, or the device has no more. */
struct verbs_domain *verbs_domain_get(struct verbs_device *device, uint64_t peer);
void verbs_domain_put(struct verbs_domain *domain);
/* The key for our own use of [bytes, bytes + len). -EINVAL: not registered by verbs_register_local(); -ENOMEM. */
int verbs_local_key(struct verbs_device *device, struct verbs_domain *domain, const void *bytes, uint32_t len_bytes,
		    uint32_t *key);

/* verbs_queue_pair.c */
struct verbs_queue_pair *verbs_qp_create(struct verbs_device *device, uint64_t peer, int queue, bool locked);
/* 0 or a negative errno. From now on the peer may send, and we too. */
int verbs_qp_start(struct verbs_queue_pair *qp, const struct verbs_connection *connection);
int verbs_qp_unlock(struct verbs_queue_pair *qp);
/* No more work: the device gives back what it has. */
void verbs_qp_fail(struct verbs_device *device, struct verbs_queue_pair *qp);
void verbs_qp_destroy(struct verbs_device *device, struct verbs_queue_pair *qp);
struct verbs_queue_pair *verbs_qp_find(const struct verbs_device *device, uint32_t qpn);
void verbs_qp_ready(struct verbs_device *device, struct verbs_queue_pair *qp);

/* verbs_completion.c: the next completion of a queue's queue pairs. 1: `event` was filled. */
int verbs_completion_poll(struct verbs_device *device, struct verbs_queue *queue, struct roce_event *event);

/* verbs_connection.c */
struct verbs_connection *verbs_connection_find(const struct verbs_device *device, uint32_t number);
/* A place for a connection of `id`; NULL: all are in use. */
struct verbs_connection *verbs_connection_take(struct verbs_device *device, struct rdma_cm_id *id, int queue);
/* Start to look for the peer's link. 0 or -1. */
int verbs_connection_resolve(const struct verbs_device *device, const struct verbs_connection *connection);
void verbs_connection_event(struct verbs_device *device, struct rdma_cm_event *event, uint64_t now_ns);
void verbs_connection_established(struct verbs_device *device, struct verbs_connection *connection);
void verbs_connection_end(struct verbs_device *device, struct verbs_connection *connection, enum roce_event_type type,
			  int status, uint16_t reason);
/* What `which` of the connections' news comes next on a queue. 1: `event` was filled. */
int verbs_connection_poll(struct verbs_device *device, int queue, unsigned which, struct roce_event *event);
void verbs_connection_release(struct verbs_device *device, struct verbs_connection *connection);

#endif
