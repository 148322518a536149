/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to net/roce. One device owns four tables (queue pairs, connections, memory regions, event queues), a heap of
 * timers, and a round-robin list of the queue pairs that have something to send.
 *
 * Invariants, asserted where they could break:
 *  R1  Every posted work request produces exactly one completion event, in the place that the request itself had. Every
 *      connection has reserved its CM events when it came to be. So no event queue overflows.
 *  R2  unacknowledged <= next <= sent_end, and sent_end - unacknowledged <= SEQUENCE_SPAN_MAX.
 *  R3  The request at the front of the send ring contains `unacknowledged` (when any request was started).
 *  R4  A request takes effect on the responder in sequence order, once; only READs are executed again. The result of an
 *      atomic is kept until READS_PENDING_MAX later ones were executed: a repetition gets it.
 *  R5  A queue pair belongs to exactly one connection and lives as long as it. They share a timer: it is the requester's
 *      in CM_ESTABLISHED, which is QP_READY, and the connection manager's in all other states.
 *  R6  READ data asked for and not landed, of all queue pairs together, is at most read_budget_bytes (or one request).
 *  R7  Behind a guard nothing is kept for a peer that the guard has not accepted, and no region is touched for one that
 *      was not authorized.
 *  R8  The device's time never goes backward, and never passes its first deadline by more than CLOCK_LATE_MAX_NS: when the
 *      caller's clock jumps, or the caller stood still, nothing was waited for in between, so nothing is given up for it.
 */
#ifndef PLENUM_NET_ROCE_INTERNAL_H
#define PLENUM_NET_ROCE_INTERNAL_H

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/roce/packet.h"
#include "net/roce/pool.h"
#include "net/roce/queue_pair.h"

/* ---------------------------------------------------------------- memory regions */

struct memory_region {
	uint32_t rkey;				/* 0: free */
	uint32_t rkey_last;			/* never given out twice in a row */
	uint32_t access;
	uint32_t next_free;
	const struct roce_memory_ops *ops;
	void *context;
	uint64_t base;
	uint64_t len_bytes;
	uint64_t peer;
};

/* ---------------------------------------------------------------- connections */

enum connection_state {
	CM_FREE,
	CM_REQ_SENT,
	CM_REQ_RECEIVED,			/* the application has to answer */
	CM_REP_SENT,
	CM_ESTABLISHED,
	CM_LINGER,				/* our queue pair sent a fatal NAK; the peer should hang up */
	CM_DREQ_SENT,
	CM_TIMEWAIT,
	CM_DEAD,				/* kept only until the application has polled its last event */
};

/* Messages a connection owes its peer; built when they are sent. */
enum cm_owed { OWES_REQ = 1, OWES_REP = 2, OWES_RTU = 4, OWES_DREQ = 8, OWES_DREP = 16, OWES_MRA = 32 };

/* What only a connection that is being made needs: from the first message until both sides know. */
struct handshake {
	uint64_t give_up_ns;
	uint32_t psn_local;			/* the first we send */
	uint32_t psn_remote;			/* the first we expect */
	uint8_t mtu_code;			/* asked for or agreed */
	uint8_t features;			/* enum cm_feature, agreed; of a REQ that we send, offered */
	uint8_t peer_responder_resources;	/* READs it takes at a time */
	uint8_t peer_initiator_depth;		/* READs it wants to have under way */
	uint8_t private_len_bytes;		/* to send */
	uint8_t received_len_bytes;
	/* What was received and not yet polled, then what is to be sent; of an active connection the other way round. */
	uint8_t private_data[ROCE_PRIVATE_BYTES_MAX];
};

struct roce_connection {
	struct roce_connection *peer_next;	/* another in its list of device->peers */
	struct roce_connection *owing_next;	/* list of those that may owe something; one that ended leaves it when its turn comes */
	struct event_queue *queue;
	struct queue_pair *qp;
	struct handshake *handshake;		/* of device->handshakes; NULL when it is over */
	uint64_t transaction;			/* of the handshake; in CM_TIMEWAIT of the peer's DREQ */
	uint64_t cookie;
	uint32_t number;			/* also our communication id; 0: free */
	uint32_t remote_number;			/* the peer's communication id */
	uint32_t remote_address;
	uint32_t remote_qpn;
	uint16_t service_port;
	uint8_t state;				/* enum connection_state */
	uint8_t owed;				/* enum cm_owed */
	uint8_t tries;
	uint8_t events_reserved;
	bool listed;				/* it is on the list of device->owing_head */
	bool active;				/* we sent the REQ */
	bool guarded;				/* it passed the listener's guard: only another such REQ replaces it */
	bool released;				/* the application has seen the end: `number` is dead for it */
	bool peer_gave_up;			/* in CM_REQ_RECEIVED */
};

struct listener {
	struct event_queue *queue;
	uint64_t cookie;
	struct roce_guard guard;		/* check: NULL when anybody may ask */
	uint16_t port;
};

/* An answer that needs no connection: REJ, or DREP for one that is gone. */
struct cm_reply {
	uint32_t remote_address;
	uint16_t attribute;
	uint64_t transaction;
	uint32_t local_number, remote_number;
	uint8_t message_concerned;
	uint16_t reason;
	uint8_t status;				/* SIDR_REP */
	uint8_t info_len_bytes;
	uint8_t info[8];
	uint32_t private_len_bytes;
	uint8_t private_data[ROCE_REJ_PRIVATE_BYTES_MAX];
};

/* ---------------------------------------------------------------- the device */

struct roce_device {
	struct roce_config config;
	struct roce_counters counters;
	struct roce_icrc_cache icrc_cache;
	struct roce_pool works;			/* roce_limits.works_max, of union work_place */
	struct roce_pool receives;		/* roce_limits.receives_max, of union receive_place */
	struct roce_pool answers;		/* roce_limits.answers_max */
	struct roce_pool atomics;		/* roce_limits.atomic_queue_pairs_max, of ATOMIC_RESULTS_MAX each */
	struct roce_pool handshakes;		/* roce_limits.handshakes_max */
	struct roce_pool events;		/* of connections: CM_EVENTS_PER_CONNECTION each */
	struct roce_pool free_queue_pairs, free_connections;
	uint32_t connection_events;		/* promised to connections, or waiting to be polled */

	struct queue_pair *queue_pairs;
	uint32_t queue_pair_mask;		/* low bits of a QPN: the index */
	struct queue_pair *ready_head, *ready_tail;
	struct queue_pair *budget_head, *budget_tail;
	uint64_t read_bytes;			/* READ data asked for and not landed */
	uint8_t *held_pool;			/* held_packets_max places (held.c) */
	struct held_packet *held_free;
	uint32_t held_free_count;

	struct roce_connection *connections;
	uint32_t connection_mask;
	struct roce_connection **peers;		/* peer_mask + 1 lists, by hash of the remote address */
	uint32_t peer_mask;
	struct roce_connection *owing_head, *owing_tail;
	struct cm_reply *replies;		/* ring of CM_REPLIES_MAX */
	uint32_t replies_head, replies_count;
	uint32_t management_psn;

	struct listener *listeners;
	uint32_t listeners_count;

	struct memory_region *regions;
	uint32_t region_mask;
	uint32_t region_free_head, region_free_tail; /* first in, first out: an rkey's slot rests before it is used again */

	struct event_queue *queues;
	uint32_t queues_count;

	struct roce_timer **timers;		/* heap; a place for each queue pair */
	uint64_t clock_ns;			/* the device's own time, when it was last called (R8) */
	uint64_t clock_ahead_ns;		/* of the caller's; wraps around where it is behind */
	uint32_t timers_count;
};

uint32_t roce_random32(struct roce_device *device);

/* timer.c */
/* The caller's clock went backward, or forward by much. Returns the device's time. */
uint64_t roce_clock_jump(struct roce_device *device, uint64_t now_ns);

/* R8: the device's time. Every function of roce.h that is told the caller's begins with it. */
static inline uint64_t roce_clock(struct roce_device *device, uint64_t now_ns)
{
	uint64_t time_ns = now_ns + device->clock_ahead_ns;

	if (time_ns - device->clock_ns > CLOCK_LATE_MAX_NS)	/* backward, too */
		time_ns = roce_clock_jump(device, now_ns);
	device->clock_ns = time_ns;
	return time_ns;
}
void roce_timer_set(struct roce_device *device, struct roce_timer *timer, uint64_t deadline_ns);
void roce_timer_cancel(struct roce_timer *timer);
/* Take out a timer that is about to disappear with its owner. */
void roce_timer_remove(struct roce_device *device, struct roce_timer *timer);
/* The next timer that is due, disarmed; NULL when none is. */
struct roce_timer *roce_timer_due(struct roce_device *device, uint64_t now_ns);

/* queue.c */
/* A place of `pool` for work that is being posted, and for its completion. NULL: there is none now. */
void *roce_queue_reserve(const struct roce_device *device, struct event_queue *queue, struct roce_pool *pool);
/* One more event of the queue: every field but `next` is the caller's to set. */
void roce_queue_push(struct event_queue *queue, struct stored_event *event);
struct event_queue *roce_queue_find(struct roce_device *device, int queue);

/* memory.c */
struct memory_access {
	uint64_t address;
	uint32_t len_bytes;
	uint32_t rkey;
	uint32_t right;				/* ROCE_ACCESS_* */
	uint64_t peer;
};
/* The region that allows this access, or NULL; counts why. */
struct memory_region *roce_memory_check(struct roce_device *device, const struct memory_access *access);
/* May `peer` end this region? It must be its alone, and registered for that. Counts why not. */
bool roce_memory_invalidatable(struct roce_device *device, uint32_t rkey, uint64_t peer);
void roce_memory_init(struct roce_device *device);

/* queue_pair.c */
static inline struct queue_pair *roce_qp_find(struct roce_device *device, uint32_t qpn)
{
	uint32_t index = qpn & device->queue_pair_mask;

	if (qpn == 0 || index >= device->config.limits.queue_pairs_max || device->queue_pairs[index].qpn != qpn)
		return NULL;
	return &device->queue_pairs[index];
}
/* Give a connection a queue pair in QP_INIT. 0 or -ENOBUFS. */
int roce_qp_create(struct roce_device *device, struct roce_connection *connection, uint64_t peer);
/* Set the path from the connection and start at its PSNs. */
void roce_qp_start(struct queue_pair *qp, enum queue_pair_state state);
/* End all work: the oldest request with `status`, the rest with -ECONNRESET. No effect in QP_ERROR. */
void roce_qp_flush(struct roce_device *device, struct queue_pair *qp, int status);
/* As flush, and tell the connection manager. `failed` is the request to blame, counted from the oldest. */
void roce_qp_fail(struct roce_device *device, struct queue_pair *qp, uint32_t failed, int status, uint64_t now_ns);
void roce_qp_destroy(struct roce_device *device, struct queue_pair *qp);
/* It may have something to send: it gets a turn. */
void roce_qp_schedule(struct roce_device *device, struct queue_pair *qp);
/* The turn of the first one that waits for it. 1: sent a packet. 0: has nothing to send now, and waits no more. */
int roce_qp_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns);
/* What ended: `place` held the work request, and holds its completion from now on. */
struct ended_work {
	void *place;
	uint64_t cookie;
	uint32_t len_bytes;
	uint8_t opcode;				/* enum roce_opcode */
};
/* The completion may still get `flags` and `extra`. */
struct completion *roce_qp_complete(const struct queue_pair *qp, const struct ended_work *ended, int status);
/* Fields that all packets of a queue pair share; those of headers that the opcode has are the caller's to set. */
void roce_qp_packet(const struct queue_pair *qp, uint8_t opcode, uint64_t sequence, struct roce_packet *packet);
/* Build the datagram, with a MAC where the queue pair has them. */
void roce_qp_encode(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
		    struct roce_datagram *datagram);

/* protect.c */
/* Put the trailer into a packet that was encoded but for its ICRC. */
void roce_protection_seal(struct roce_protection *protection, struct roce_datagram *datagram);
/* Is the packet the peer's, and not a replay? Its ICRC is right. Counts why not. */
bool roce_protection_open(struct roce_device *device, struct roce_protection *protection,
			  const struct roce_datagram *datagram);

/* requester.c */
void roce_requester_start(struct queue_pair *qp, uint32_t psn, uint32_t reads_max);
/* Work comes to a queue pair that had none. */
void roce_requester_begin(struct queue_pair *qp, uint64_t now_ns);
/* A copy of `work` in `place` becomes the last request. */
void roce_requester_append(struct requester *requester, struct work_request *place, const struct work_request *work);
/* The oldest request is over. */
struct ended_work roce_requester_end_first(struct requester *requester);
void roce_requester_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns);
/*
 * Where the payload of a READ response belongs, whose ICRC may be wrong: nothing valid stands there until it is found good.
 * NULL: nowhere.
 */
uint8_t *roce_requester_place(const struct queue_pair *qp, const struct roce_packet *packet);
/* What we sent, or asked for, met congestion on its way. */
void roce_requester_congested(struct roce_device *device, struct queue_pair *qp);
int roce_requester_output(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram,
			  uint64_t now_ns);
void roce_requester_timer(struct roce_device *device, struct queue_pair *qp, uint64_t now_ns);

/* budget.c */
/* May a READ request for `len_bytes` go now? If not, `qp` stands in line. */
bool roce_budget_allows(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes);
void roce_budget_take(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes);
void roce_budget_return(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes);
/* The queue pair's work has ended: it holds nothing and waits no more. */
void roce_budget_end(struct roce_device *device, struct queue_pair *qp);
/* Give the next in line a turn if there is room. */
void roce_budget_wake(struct roce_device *device);

/* responder.c */
void roce_responder_start(struct queue_pair *qp, uint32_t psn);
/* A copy of `receive` in `place` becomes the last one. */
void roce_responder_append_receive(struct responder *responder, struct receive_request *place,
				   const struct receive_request *receive);
/* Take the oldest receive away, `len_bytes` of which a message has filled. */
struct ended_work roce_responder_use_receive(struct responder *responder, uint32_t len_bytes);
/* Give back what it holds. */
void roce_responder_end(struct roce_device *device, struct queue_pair *qp);
void roce_responder_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			  uint64_t now_ns);
/* Is an answer owed, with data or without? */
bool roce_responder_owes(const struct responder *responder);
int roce_responder_output(struct roce_device *device, struct queue_pair *qp, struct roce_datagram *datagram,
			  uint64_t now_ns);

/* cm.c: the states of a connection */
struct roce_connection *roce_cm_find(struct roce_device *device, uint32_t number);
/* One that its application may still name. */
struct roce_connection *roce_cm_find_live(struct roce_device *device, uint32_t number);
/* Messages with private data are over, and what was received was polled: give its place back. */
void roce_cm_end_handshake(struct roce_device *device, struct roce_connection *connection);
/* Say who is at the other end, once. */
void roce_cm_set_peer(struct roce_device *device, struct roce_connection *connection, uint32_t address);
/* The connections of one peer are in this list, among others. */
struct roce_connection **roce_cm_peers(const struct roce_device *device, uint32_t address);
/* A free connection with its events reserved on `queue`, or NULL. */
struct roce_connection *roce_cm_create(struct roce_device *device, struct event_queue *queue);
void roce_cm_event(struct roce_device *device, struct roce_connection *connection, enum roce_event_type type, int status, uint16_t reason);
/* The handshake is over: the queue pair may send. */
void roce_cm_established(struct roce_device *device, struct roce_connection *connection);
/* It is over: flush the work, tell the application with an event of `type` unless it knows. */
void roce_cm_end(struct roce_device *device, struct roce_connection *connection, enum roce_event_type type, int status,
		 uint16_t reason, uint64_t now_ns);
/* The peer agreed to hang up. */
void roce_cm_disconnected(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns);
void roce_cm_timer(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns);
/* Data arrived in QP_READY_TO_RECEIVE: as good as an RTU. */
void roce_cm_peer_ready(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns);
/* The queue pair failed and was flushed. */
void roce_cm_qp_failed(struct roce_device *device, struct roce_connection *connection, int status, uint64_t now_ns);
/* An event of a connection was taken from its queue: true when the application may see it; then `event` is filled. */
bool roce_cm_event_polled(struct roce_device *device, const struct stored_event *stored, struct roce_event *event);

/* A queue pair for it; a connection that waits out its time is given up for that. -ENOBUFS. */
int roce_cm_create_queue_pair(struct roce_device *device, struct roce_connection *connection, uint64_t peer);
void roce_cm_free(struct roce_device *device, struct roce_connection *connection);
/* Send `message` (once more), and set the time for the next try. */
void roce_cm_repeat(struct roce_device *device, struct roce_connection *connection, uint8_t message, uint64_t now_ns);
void roce_cm_hang_up(struct roce_device *device, struct roce_connection *connection, uint64_t now_ns);
/* The application forgets it: its place is free when it is dead. */
void roce_cm_release(struct roce_device *device, struct roce_connection *connection);

/* cm_input.c */
void roce_cm_input(struct roce_device *device, const struct roce_datagram *datagram, const struct roce_packet *packet,
		   uint64_t now_ns);

/* cm_output.c */
int roce_cm_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns);
/* Note that `connection` owes its peer `message` (enum cm_owed). */
void roce_cm_owe(struct roce_device *device, struct roce_connection *connection, uint8_t message);
/* Queue a stateless answer; dropped when too many wait. */
void roce_cm_reply(struct roce_device *device, const struct cm_reply *reply);

#endif
