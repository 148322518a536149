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
#include "net/roce/roce.h"

#define MILLISECOND UINT64_C(1000000)
#define NEVER UINT64_MAX

/* ---------------------------------------------------------------- limits */

#define TABLE_ENTRIES_MAX 65536u		/* of any table of a device: 16 bits of a number index, the rest is random */
#define QUEUE_EVENTS_MAX (1u << 20)
#define SEND_DEPTH_MAX UINT16_MAX

#define WINDOW_PACKETS_MAX 128u			/* per queue pair, rxe's own limit (RXE_MAX_UNACKED_PSNS) */
#define WINDOW_BYTES_MAX (256u << 10)		/* about what a rack's round trip holds; bounds bursts into a peer's ring */
#define WINDOW_BYTES_FIRST (4u << 10)		/* of 32 senders at once, less than a switch port of 256 KiB holds */
#define WINDOW_IDLE_NS (10 * MILLISECOND)	/* after such a pause nothing is known of the path: the first window again */
#define WINDOW_PACKETS_MIN 4u			/* after a loss that was found without a timeout */
#define READ_CHUNK_PACKETS 16u			/* a long READ is requested in pieces: the requester paces the responder */
#define ECN_MASK 3u				/* of the TOS byte */
#define ECN_CAPABLE 2u
#define ECN_CONGESTED 3u
#define ACK_REQUEST_PACKETS 16u			/* ask for an acknowledgement at least this often */
/*
 * Unanswered sequence numbers, from the oldest hole on, overshot by at most a chunk. More than a window, because what has
 * arrived beyond a hole is not under way: so the window stays full while a hole is repaired.
 */
#define SEQUENCE_SPAN_MAX 256u
#define UNANSWERED_MAX (SEQUENCE_SPAN_MAX - READ_CHUNK_PACKETS)

/*
 * A packet counts as lost when one was seen that was sent this many later (as TCP's three duplicates), or the last one that
 * was sent at all: networks reorder by a packet or two.
 */
#define REORDER_PACKETS 3u
/*
 * Losses of one window that say nothing about congestion: one, and one more for each so many packets of it. Rings that
 * overflow lose more at a time.
 */
#define LOSS_TOLERATED_SHARE 16u
#define HELD_REPORT_BITS SEQUENCE_SPAN_MAX	/* how far behind the missing packet requests are kept */

#define READS_PENDING_MAX 64u			/* per queue pair; advertised as responder resources */
#define ANSWERS_MAX_DEFAULT 512u		/* of all queue pairs together, see roce_limits */
#define ATOMIC_QUEUE_PAIRS_MAX_DEFAULT 16u
#define HANDSHAKES_MAX_DEFAULT 128u
#define REPLAYS_MAX READS_PENDING_MAX		/* repeated READs and atomics waiting to be answered: a peer may go back over all */
/*
 * A peer that repairs holes one by one asks again for little more than was lost. So it gets one packet again for each
 * REPLAY_PART new ones, and a whole window each REPLAY_REFILL_MS: who replays its requests cannot make us send much more.
 */
#define REPLAY_PART 8u
#define REPLAY_CREDIT_MAX (REPLAY_PART * SEQUENCE_SPAN_MAX)
#define REPLAY_REFILL_MS 20u
_Static_assert(REPLAY_CREDIT_MAX <= UINT16_MAX, "the credit fits");
#define ATOMIC_RESULTS_MAX READS_PENDING_MAX	/* kept for repetitions: all that a peer may have under way */
#define ATOMIC_BYTES 8u
#define PROTECTION_WINDOW 256u			/* packets that may be overtaken by later ones when they carry MACs */
#define NOTICE_PAUSE_NS UINT64_C(50000)		/* between two notices of congestion, as adapters do it */
#define MESSAGE_BYTES_MAX (1u << 31)		/* of the protocol */

/*
 * Scheduling stalls of a virtual rack's processors are 10 to 50 ms long, so a shorter floor would retransmit without
 * loss. Real machines want 1 ms.
 */
#define RETRANSMIT_FLOOR_NS (20 * MILLISECOND)
#define RETRANSMIT_FIRST_NS (100 * MILLISECOND)	/* before the first round trip was measured */
#define RETRANSMIT_CEILING_NS (500 * MILLISECOND)
/*
 * Tail-loss probe: when nothing was answered for twice a round trip, or for a round trip and four times its variance, the last
 * packet is sent again, long before the retransmission timer; and, as a probe may be lost too, some more times, each after
 * twice as long. The variance keeps it clear of ordinary scheduling delays; the floor is for paths whose round trips hardly
 * vary. A probe that was needless (both it and what it repeats were answered) doubles the time until the next; every round
 * trip that could be measured halves it again. So when round trips become longer, probes do not keep them from being
 * measured for ever.
 */
#define PROBE_FLOOR_NS (MILLISECOND / 50)	/* below it, timers are no good */
#define PROBE_FIRST_NS (4 * MILLISECOND)	/* before the first round trip was measured */
#define PROBE_BACKOFF_MAX 6u
#define PROBES_MAX 3u				/* until something is answered */
#define GIVE_UP_NS (3000 * MILLISECOND)		/* no progress: the peer is gone */
#define RNR_GIVE_UP_NS (30000 * MILLISECOND)	/* the peer answers, but is never ready */
#define RNR_TIMER_CODE 14u			/* 1.28 ms: what we ask a peer to wait */

#define CLOCK_LATE_MAX_NS (100 * MILLISECOND)	/* past the first deadline: more is a jump */
#define CLOCK_BACK_MAX_NS (10 * MILLISECOND)	/* less is two threads that read the clock before they took the lock */

#define CM_RETRY_NS (200 * MILLISECOND)		/* first repetition; doubles */
#define CM_RETRY_CEILING_NS (800 * MILLISECOND)
#define CM_REPLY_GIVE_UP_NS (5000 * MILLISECOND) /* REP without RTU */
#define CM_DISCONNECT_TRIES 4u
#define CM_LINGER_NS (1000 * MILLISECOND)	/* after a fatal NAK of ours: time for the peer to hang up itself */
#define CM_TIMEWAIT_NS (500 * MILLISECOND)	/* a queue pair number is not used again; cut short when a table is full */
#define CM_REPLIES_MAX 32u			/* stateless answers waiting to be sent */
#define CM_EVENTS_PER_CONNECTION 2u		/* CONNECT_REQUEST or ESTABLISHED, and one that ends it */

/* ---------------------------------------------------------------- timers */

/* Re-arming to a later time only notes it: the heap learns when the old time comes (device->timers, timer.c). */
struct roce_timer {
	uint64_t deadline_ns;			/* NEVER when not armed */
	uint64_t key_ns;			/* its time in the heap, at most deadline_ns */
	uint32_t position;			/* in the heap, plus 1; 0 when it is not there */
};

/* ---------------------------------------------------------------- event queues */

/* Of a connection; what else its application is told stands in the connection, without which there is nothing to tell. */
struct stored_event {
	struct stored_event *next;
	uint32_t connection;
	int8_t status;				/* a negative errno */
	uint8_t type;
	union {
		uint16_t reason;		/* of the connection manager */
		struct {			/* COMPLETION */
			uint8_t opcode;
			uint8_t flags;		/* ROCE_EVENT_* */
		};
	};
};

/* The end of posted work: it stands where the work stood, so there is always a place for it (R1). */
struct completion {
	struct stored_event event;
	uint64_t cookie;
	uint32_t qpn;
	uint32_t len_bytes;
	uint32_t remote_address;
	uint32_t extra;				/* RECEIVE: the immediate, or the rkey that was invalidated */
};

struct event_queue {
	struct stored_event *first, *last;	/* places of device->events, works, receives */
	uint32_t works;				/* posted, and events of it that wait to be polled */
	bool used;
};

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

/* ---------------------------------------------------------------- queue pairs */

/*
 * Sequence numbers are PSNs without the wrap: 64 bits, their low 24 are the PSN. They start above 2^24 so that
 * numbers a little lower than the first exist.
 */
static inline uint64_t sequence_start(uint32_t psn)
{
	return (UINT64_C(1) << 24) | psn;
}
static inline uint32_t sequence_psn(uint64_t sequence)
{
	return (uint32_t)sequence & 0xffffff;
}
/* The sequence number nearest to `near` that has this PSN. */
static inline uint64_t sequence_near(uint64_t near, uint32_t psn)
{
	return near + (uint64_t)(int64_t)((int32_t)((psn - (uint32_t)near) << 8) >> 8);
}

/* What a SEND or WRITE carries in its last packet besides payload. */
enum work_extra { WORK_PLAIN, WORK_IMMEDIATE, WORK_INVALIDATE };

struct work_request {
	struct work_request *next;		/* the one posted after it */
	uint64_t cookie;
	uint8_t *local;				/* READ, atomics: landing place; WRITE, SEND: source, never written to */
	uint64_t remote_address;
	uint64_t first;				/* sequence number of its first packet, once started */
	uint64_t operand;			/* immediate, rkey to invalidate; of an atomic: what to swap in or add */
	uint64_t compare;			/* COMPARE_SWAP */
	uint32_t rkey;
	uint32_t len_bytes;
	uint32_t packets;			/* once started */
	uint8_t opcode;				/* enum roce_opcode */
	uint8_t extra;				/* enum work_extra */
};

struct receive_request {
	struct receive_request *next;
	uint64_t cookie;
	uint8_t *local;
	uint32_t len_bytes;
};

/* Places of the pools: first the work, then its completion. */
union work_place {
	struct work_request work;
	struct completion completion;
};
union receive_place {
	struct receive_request receive;
	struct completion completion;
};

enum queue_pair_state {
	QP_FREE,
	QP_INIT,				/* receives may be posted; nothing is sent or taken in */
	QP_READY_TO_RECEIVE,			/* passive side until the peer shows that it knows our QPN */
	QP_READY,
	QP_ERROR,				/* all work flushed; repeats its fatal NAK when asked */
};

enum response_kind { RESPONSE_READ, RESPONSE_ATOMIC };

/* An answer with data that the responder owes its peer. */
struct response {
	struct response *next;
	uint64_t sequence;			/* READ: of the next response packet */
	union {
		uint64_t address;		/* READ: of the next byte */
		uint64_t original;		/* ATOMIC */
	};
	uint32_t remaining_bytes;
	uint32_t rkey;
	uint32_t msn;
	uint8_t kind;				/* enum response_kind */
	bool begun;				/* READ: a packet went out */
};

/* In the order in which they go out; places of device->answers. */
struct response_list {
	struct response *first, *last;
	uint32_t count;
};

enum word_kind { WORD_NONE, WORD_ACK, WORD_NAK };

/*
 * The ACK or NAK that goes out behind all answers with data. There is one: a newer one says at least as much about the
 * packets before, and so does data for a later request.
 */
struct last_word {
	uint64_t sequence;
	uint32_t msn;
	uint8_t kind;				/* enum word_kind */
	uint8_t syndrome;
	bool acknowledged;			/* NAK for a gap: what came before it was acknowledged on its own */
};

/* What an atomic found, for its repetitions. */
struct atomic_result {
	uint64_t sequence;			/* 0: none */
	uint64_t original;
};

struct requester {
	struct work_request *first, *last;	/* unfinished requests, oldest first; places of device->works */
	struct work_request *at;		/* the one that `next` is in, NULL: none is left */

	/* Small ones together: idle queue pairs are many. */
	uint16_t count;				/* posted and unfinished */
	uint16_t cursor;			/* of them, those before `at` */
	uint16_t started;			/* of them, those that have sequence numbers */
	uint16_t window;			/* packets */
	uint16_t window_max;
	uint16_t window_threshold;		/* above it the window grows by one packet a round trip */
	uint16_t window_credit;			/* packets answered towards the next such step */
	uint16_t reads;				/* READ requests and atomics sent and not fully answered */
	uint16_t reads_max;			/* what the peer has resources for */
	uint16_t landed;			/* bits of `received` that are set */
	uint16_t held_count;			/* bits of `held` that say something about packets at or after `acknowledged` */
	uint16_t losses;
	uint8_t packets_without_ack_request;
	uint8_t backoff;			/* timeouts since the last progress */
	uint8_t probes;				/* since `unacknowledged` last moved */
	uint8_t probe_backoff;			/* needless probes lately */
	bool probe_armed;			/* the timer runs for a probe */
	bool probe_due;
	bool waits_for_budget;			/* in the device's line: no new READ is begun */
	bool waiting_not_ready;			/* an RNR timer runs; nothing is sent until it ends */

	uint64_t unacknowledged;		/* oldest sequence number without an answer */
	uint64_t next;				/* to send next */
	uint64_t sent_end;			/* one past the highest sent */
	uint64_t assigned_end;			/* one past the last of the started requests */
	uint64_t acknowledged;			/* the peer executed every request below this */
	uint64_t repair_next, repair_end;	/* READ responses to ask for again, before anything else */
	uint64_t repaired_end;			/* holes below this were asked for already */
	uint64_t received[SEQUENCE_SPAN_MAX / 64];	/* READ and atomic responses at or after `unacknowledged` that have landed */
	uint64_t held_base;			/* the peer misses this packet, and has those of `held` behind it; 0: no report */
	uint64_t held[HELD_REPORT_BITS / 64];	/* bit i: held_base + 1 + i */
	uint64_t guarded;			/* the oldest hole, once it was asked for */
	uint64_t guard_end;			/* when a packet behind this is seen first, its repair was lost */
	uint64_t losses_end;			/* losses are counted by windows: until this is answered */

	uint64_t congestion_end;		/* one reduction for all marks on what was sent below this */
	uint32_t read_bytes;			/* of the device's budget, held by this queue pair */
	uint32_t wanted_bytes;			/* while it waits for the budget */

	uint32_t round_trip_ns;			/* smoothed; 0 before the first sample */
	uint32_t round_trip_variance_ns;
	uint64_t sample_sequence;		/* being timed, when sample_sent_ns is not 0 */
	uint64_t sample_sent_ns;
	uint64_t progress_ns;			/* when `unacknowledged` last moved, or work began */
	uint64_t probe_sequence;		/* what the last probe repeated, until it proves needless; 0: none */
	uint64_t not_ready_since_ns;		/* first RNR NAK since the last progress; 0: none */
};

struct responder {
	struct response_list owed;		/* in sequence order */
	struct response_list replays;
	struct last_word word;
	/* Small ones together: idle queue pairs are many. */
	uint32_t replay_full_ms;		/* when `replay_credit` was full, modulo 2^32 */
	uint16_t replay_credit;			/* READ packets that may be answered again, times REPLAY_PART */
	uint8_t atomics_next;			/* the oldest of `atomics` */
	uint8_t repeatable_count;		/* of READs and atomics, modulo 256 */
	bool echo_congestion;			/* a request came marked: the next answer says so */
	bool notice_due;			/* a request came marked from a peer that wants a notice for that (CNP) */
	bool nak_sent;				/* one NAK per gap; cleared when the expected packet comes */
	bool refused;				/* the expected packet came, and was refused: those behind it are not kept */
	uint8_t fatal_syndrome;			/* not 0: this queue pair ended with this NAK */
	uint8_t message;			/* 0, or IS_SEND / IS_WRITE >> 8 of the message being received */

	struct atomic_result *atomics;		/* ATOMIC_RESULTS_MAX; NULL before the first */
	uint64_t repeatable_from;		/* READs and atomics below this are not repeated any more */
	uint64_t repeatable_next;		/* will be that, when READS_PENDING_MAX more have come */

	uint64_t expected;			/* next sequence number */
	uint64_t acknowledge;			/* last SEND or WRITE packet that was executed, plus 1 */
	uint64_t notice_ns;			/* when the last notice was sent */

	uint32_t msn;
	uint32_t message_offset;		/* bytes so far */
	uint32_t write_len_bytes;
	uint32_t write_rkey;
	uint64_t write_address;

	struct held_packet *held, *held_last;	/* requests beyond `expected`, in order (held.c) */
	uint64_t seen_end;			/* one past the last sequence number that came */
	union {
		uint64_t report_at;		/* a packet at or beyond this shows that the last gap is no reordering; 0: no gap */
		uint64_t fatal_sequence;	/* of the packet that `fatal_syndrome` is for: nothing is kept behind a gap any more */
	};

	struct receive_request *receives, *last_receive; /* oldest first; places of device->receives */
	uint32_t count;				/* of receives */
	uint32_t held_count;
};

/* Nine cache lines; see docs/transport.md, "What an idle connection costs", before adding to them. */
struct queue_pair {
	struct roce_connection *connection;
	struct queue_pair *ready_next;		/* list of those that may have output; a queue pair that ended leaves it when its turn comes */
	struct queue_pair *budget_next;		/* line of those that wait to READ */
	struct roce_protection *protection;	/* NULL: packets carry no MACs */
	uint64_t peer;				/* tag, see roce_memory_config */
	uint32_t qpn;				/* 0: free */
	uint32_t remote_qpn;
	uint32_t remote_address;
	uint32_t mtu_bytes;
	uint8_t state;				/* enum queue_pair_state */
	bool locked;				/* the peer may only SEND (R7) */
	bool selective;				/* agreed with the peer: requests behind a missing one are kept and reported */
	bool ready;				/* it is on the list */
	struct roce_timer timer;		/* retransmission or RNR wait; its connection's in other states (R5) */
	struct requester requester;
	struct responder responder;
};
_Static_assert(sizeof(struct queue_pair) == 9 * 64, "as docs/transport.md says");

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
