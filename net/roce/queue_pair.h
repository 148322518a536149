/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to net/roce: what a queue pair is made of, with its timer and the events that its work ends in. */
#ifndef PLENUM_NET_ROCE_QUEUE_PAIR_H
#define PLENUM_NET_ROCE_QUEUE_PAIR_H

#include "net/roce/limits.h"
#include "net/roce/roce.h"

struct roce_connection;
struct held_packet;

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

#endif
