/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to net/rpc: its limits, what travels beside requests and replies, and what an endpoint keeps of them. */
#ifndef PLENUM_NET_RPC_RECORDS_H
#define PLENUM_NET_RPC_RECORDS_H

#include "net/rpc/rpc.h"

#define RPC_LINGER_SHARE 32u			/* one connection more for each so many sessions: of those that linger */
#define RPC_LINGER_MIN 8u
#define RPC_BACKOFF_MIN_MS 100u
#define RPC_BACKOFF_MAX_MS 2000u
#define RPC_CONNECT_TIMEOUT_NS UINT64_C(2000000000)
#define RPC_PING_IDLE_NS UINT64_C(1000000000)
#define RPC_SILENCE_NS UINT64_C(4000000000)
#define RPC_HELLO_NS UINT64_C(2000000000)
#define RPC_FORGET_NS UINT64_C(30000000000)
#define RPC_FORGET_LOOK_NS UINT64_C(1000000000)		/* while requests wait: how often one is looked for */

#define RPC_GRANTS_MAX (RPC_SLOTS + 1u)			/* requests of all slots and a ping */
#define RPC_RECEIVES (RPC_GRANTS_MAX + RPC_SLOTS + 1u)	/* and replies, and an echo */
#define RPC_SENDS (4u * RPC_SLOTS + 1u)			/* requests, replies, a READ for each of both, a ping or echo */
#define RPC_HELD_PACKETS 32u			/* of all sessions: messages kept behind one that was lost */
#define RPC_SESSIONS_MAX 4096u
#define RPC_POOL_MAX 16384u				/* of any rpc_limits */
#define RPC_STATS_MAP 64u				/* types below this find their counters at once */

/* Flags beside RPC_FLAG_REPLY. */
#define RPC_FLAG_PING 2u		/* header only, outside the slots; with REPLY: its echo */
#define RPC_FLAG_ABANDONED 4u		/* nobody waits for this any more: do not start it (R8) */
#define RPC_FLAG_PULL 8u		/* the body is a struct rpc_pull (R10) */
#define RPC_FLAG_HELLO 16u		/* first message of its direction: the body is a struct rpc_hello */
#define RPC_FLAG_TOGETHER 32u		/* of a request: its reply may follow another (R12) */
#define RPC_TOGETHER_MAX (1u + RPC_FOLLOWERS_MAX)

/*
 * The peer tag of a queue pair is a number that no other connection of this endpoint has: so no region is open to any
 * other one. The tags of nodes (small numbers) are out of its reach.
 */
#define RPC_PEER_TAG_BASE (UINT64_C(0xffff) << 48)

/*
 * Body of a hello. Its header's `session` is the sender's incarnation. With RPC_FLAG_REPLY it is the listener's, and
 * `status` says whether there is a session. No version may change any of this, nor the first eight bytes of a header.
 */
struct rpc_hello {
	uint64_t peer_incarnation;		/* 0x00: opener: of the session to go on with, 0: a new one; listener: the opener's */
	uint32_t resumed;			/* 0x08: listener: 1 when the session goes on, 0 when it starts afresh */
	uint32_t reserved;			/* 0x0c */
};
_Static_assert(sizeof(struct rpc_hello) == 16, "rpc hello");

/* Where a long body is to be READ. */
struct rpc_pull {
	uint32_t rkey;				/* 0x00 */
	uint32_t len_bytes;			/* 0x04 */
	uint64_t address;			/* 0x08 */
	uint8_t tag[SECURE_TAG_BYTES];		/* 0x10: of the body, under the message's counter and RPC_BODY_COUNTER */
};
_Static_assert(sizeof(struct rpc_pull) == 32, "rpc pull");
#define RPC_BODY_COUNTER (UINT64_C(1) << 63)

/* A message to send, or one that came in. */
struct rpc_buffer {
	uint8_t message[RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX];
	union {
		uint8_t trailer[RPC_TRAILER_BYTES];
		struct {				/* a checked request that waits for a serve record */
			uint64_t arrived_ns;
			uint64_t session : 16;
			uint64_t counter : 48;		/* of its MAC */
		} waiting;
	};
} __attribute__((aligned(16)));
_Static_assert(sizeof(struct rpc_buffer) == RPC_MESSAGE_BYTES_MAX, "a message and nothing else");

/* A message that came, found good. */
struct rpc_arrival {
	struct rpc_header header;
	const uint8_t *body;
	uint16_t buffer;			/* RPC_NONE: of a follower, whose bytes are to be copied */
	uint64_t counter;			/* of its MAC */
	uint64_t when_ns;
};

#define RPC_NONE UINT16_MAX			/* no buffer, body, record or session */

/* A stack or queue of what stands in an array, linked through a second one. */
struct rpc_list {
	uint16_t first, last;
};

enum call_state { CALL_FREE, CALL_OPEN, CALL_PULLING, CALL_ABANDONED, CALL_DONE, CALL_GONE };

struct rpc_call {
	uint8_t state;				/* enum call_state */
	uint8_t slot;
	bool sent;				/* was ever posted: the server may have it */
	bool queued;				/* in the ready ring */
	bool under_way;				/* its SEND has not completed (R6) */
	bool replied;				/* PULLING, ABANDONED: the reply's head is in; asked again, no body is needed */
	bool reading;				/* the READ of the reply's body has not completed */
	bool answered;				/* DONE: by a reply */
	uint16_t session;
	uint16_t type;
	uint16_t buffer;			/* the request */
	uint16_t reply_buffer;			/* DONE: with the reply */
	uint16_t body;				/* long body of the request, then of the reply */
	uint32_t rkey;				/* of the body, 0: none */
	uint32_t len_bytes;			/* of the request's body */
	uint32_t reply_len_bytes;		/* of the body that was pulled, 0: it is in the reply's buffer */
	int status;				/* for done() */
	uint64_t pull_counter;			/* PULLING: number of the message that told of the reply's body */
	uint8_t pull_tag[SECURE_TAG_BYTES];
	uint64_t made_ns;
	uint64_t order;				/* calls are sent again in the order they were made */
	uint64_t deadline_ns;			/* UINT64_MAX: none */
	rpc_done *done;				/* NULL: was called */
	void *context;
	uint64_t cookie;
};

enum serve_state { SERVE_FREE, SERVE_PULLING, SERVE_RECEIVED, SERVE_RUNNING, SERVE_REPLIED, SERVE_GONE };

struct rpc_serve {
	uint8_t state;				/* enum serve_state */
	uint8_t slot;
	bool queued;				/* in the ready ring */
	bool under_way;				/* the reply's SEND has not completed (R6) */
	bool abandoned;				/* the caller's timeout came first (R8) */
	bool together;				/* the reply may follow another (R12) */
	uint8_t version_minor;			/* the caller's */
	uint16_t session;
	uint16_t type;
	uint16_t asked_serial;			/* connection on which the request came last: the reply goes there only */
	uint16_t header_len_bytes;		/* of the request */
	uint16_t buffer;			/* the request, then the reply */
	uint16_t body;				/* long body of the request, or of the reply */
	uint32_t rkey;				/* of the reply's body, 0: none */
	uint32_t serial;			/* for tokens; 24 bits count */
	uint32_t epoch;
	uint32_t len_bytes;			/* of the body */
	bool long_body;				/* it is in `body` */
	int32_t status;				/* REPLIED */
	uint64_t pull_counter;			/* PULLING: number of the message that told of the body */
	uint8_t pull_tag[SECURE_TAG_BYTES];
	uint64_t arrived_ns;
	uint64_t expires_ns;			/* not started later than this; UINT64_MAX: any time */
};

enum session_state {
	SESSION_FREE, SESSION_WAITING, SESSION_CONNECTING, SESSION_GREETING, SESSION_UP, SESSION_LOST, SESSION_CLOSING
};

/* There are as many as nodes, most of them idle: what only a busy one needs is in the pools. */
struct rpc_session {
	uint8_t state;				/* enum session_state */
	bool opener;
	bool bound;				/* peer_incarnation is known and the slots belong to it */
	bool event_queued;			/* in the ready ring */
	bool told_up;				/* the last of UP and DOWN that the user was told */
	bool told_once;				/* the user has heard of this peer: a RESET means something */
	bool reset_due;
	bool ping_open;				/* no echo yet */
	bool control_wanted;			/* opener: a ping; listener: an echo */
	bool control_under_way;
	bool busy;				/* a request came since the last ping */
	bool asked;				/* opener: for grants, since its last request */
	bool pump_queued;			/* in the ready ring */
	uint16_t generation;			/* of the handle: a closed session's handle finds nothing */
	uint16_t port;				/* opener: to connect to */
	uint16_t connection_serial;		/* stale completions carry an older one */
	uint16_t told_serial;			/* connection_serial then: a quick loss and return is told as both */
	uint32_t remote_address;
	uint32_t peer_node;
	uint32_t connection;			/* CONNECTING, GREETING, UP */
	uint32_t qpn;
	uint32_t tag;				/* low part of the queue pair's peer tag */
	uint16_t handshake;			/* CONNECTING: in the endpoint's table */
	uint16_t mac;				/* its keys made ready, or RPC_NONE */
	uint8_t key_id;				/* of the rack's key that the connection was made with */
	uint8_t tries_failed;			/* opener: requests in a row that no holder of a key answered (R13) */
	uint8_t key_send[SECURE_KEY_BYTES], key_receive[SECURE_KEY_BYTES];
	uint64_t messages_sent, messages_received;	/* on this connection: counters of MACs (R11) */
	uint32_t secrets_sealed;		/* on this connection */
	uint32_t backoff_ms;
	uint64_t peer_incarnation;
	uint64_t since_ns;			/* WAITING: connect then; LOST: since then */
	uint64_t heard_ns;			/* last message from the peer (R7); GREETING: its answer */
	uint64_t timer_ns;			/* to be looked at then: not later than its deadline */
	uint16_t timer_place;			/* in the endpoint's heap */
	uint16_t next_of_address;		/* chain of the table; FREE: the next free one */
	uint16_t next_of_connection;

	/* R5, R9. */
	struct rpc_list posted;			/* buffers, in the order they will be filled */
	uint16_t granted;			/* receives ever granted to the peer on this connection */
	uint16_t peer_granted;			/* the same of the peer's, as heard last */
	uint16_t sent;				/* requests and pings ever sent on this connection */
	uint8_t grants;				/* granted receives that are still empty */
	uint8_t waiting;			/* requests that wait in such receives for a serve record */
	uint8_t spare;				/* receives on the account of all sessions: granted, set aside or left over */
	uint8_t expected;			/* receives posted for replies and echoes */
	uint8_t unanswered;			/* requests and pings that such a receive waits for */
	uint8_t surplus;			/* of those posted, left over by replies that followed others (R12) */
	uint8_t set_aside;			/* bits of `together` that are set */

	/* A bit a slot. */
	uint16_t calls_busy;			/* not to be used for another call */
	uint16_t calls_waiting;			/* the reply has not been seen */
	uint16_t calls_wanted;			/* to be sent when the connection allows it, */
	struct rpc_list wanted;			/* in the order in which they were made */
	uint16_t replies_wanted;
	uint16_t replies_kept;			/* the caller has not said that it saw it */
	uint16_t together;			/* calls whose replies may follow others: a spare receive each */
	uint16_t abandoned;			/* by a call that has no record any more: `calls` has its type */
	uint16_t calls[RPC_SLOTS];		/* record, or RPC_NONE; type, see `abandoned` */
	uint16_t serves[RPC_SLOTS];		/* record, or RPC_NONE */
	uint16_t call_sequence[RPC_SLOTS];	/* modulo 2^16: what comes again is one of the last two */
	uint16_t serve_sequence[RPC_SLOTS];	/* last accepted */
	/* A ping, an echo or a hello: none of them waits for a pool. */
	uint8_t control[RPC_HEADER_BYTES + sizeof(struct rpc_hello) + RPC_TRAILER_BYTES] __attribute__((aligned(8)));
};

/* An opener's handshake under way. */
struct rpc_handshake {
	bool used;
	bool challenged;			/* the peer's challenge is in it: another one is a refusal */
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	struct secure_handshake state;
};

/* A connection that was accepted; its hello is awaited. */
struct rpc_pending {
	bool used;
	bool refused;				/* its answer is being sent; then it ends */
	uint8_t key_id;
	uint16_t serial;			/* stale completions carry an older one */
	uint16_t buffer;			/* posted for the hello; then the refusal */
	uint32_t connection;
	uint32_t qpn;
	uint32_t tag;
	uint32_t remote_address;
	uint64_t until_ns;
	uint8_t key_send[SECURE_KEY_BYTES], key_receive[SECURE_KEY_BYTES];
};

/* A connection's keys, made ready for use: a cache, the most recently used first. */
struct rpc_mac {
	struct secure_mac send, receive;
	uint16_t session;			/* RPC_NONE: of nobody */
	uint16_t before, after;
};

/*
 * What waits for its callback, and sessions that have something to send: what callbacks ask for goes out together. At most one
 * entry for each call, served request, session event, closing session and sending session.
 */
enum ready_kind { READY_SESSION, READY_CLOSE, READY_PUMP, READY_CALL, READY_SERVE };
struct rpc_ready {
	uint16_t index;
	uint16_t kind;
};

struct rpc_endpoint {
	struct rpc_config config;		/* limits: the defaults filled in */
	struct rpc_counters counters;
	int queue;
	bool in_poll;
	bool admit_due;				/* something that others may wait for has become free */
	uint64_t deadline_ns;
	uint64_t call_order;
	uint32_t serve_serial;
	uint32_t ready_first, ready_count, ready_size;
	struct rpc_ready *ready;

	struct rpc_session *sessions;
	uint16_t session_free;			/* through next_of_address */
	uint32_t table_mask;
	uint16_t *of_address, *of_connection;	/* heads of chains */
	uint16_t *timers;			/* heap of the sessions in use, the earliest first */
	uint32_t timers_count;

	uint32_t names_count;
	struct rpc_type_stats *stats;		/* one a name, and one for all other types */
	uint8_t stats_of[RPC_STATS_MAP];	/* by type; larger types are searched for */

	uint32_t buffers_count;
	struct rpc_buffer *buffers;
	uint16_t *buffer_links;
	uint32_t spare_used;			/* of limits.receives_max */
	struct rpc_list buffers_free;
	struct rpc_list waiting;		/* buffers with requests that wait for a serve record or body */
	uint64_t forget_ns;			/* look then whether a session's replies can be given up for them */

	struct rpc_call *calls;
	uint16_t *call_links;
	struct rpc_list calls_free;
	struct rpc_list pulls_waiting;		/* calls whose reply's body waits for a place */
	struct rpc_serve *serves;
	uint16_t *serve_links;
	struct rpc_list serves_free;

	uint32_t tags;				/* of queue pairs, ever given */
	struct rpc_handshake *handshakes;
	struct rpc_pending *pending;
	uint32_t pending_count;
	struct rpc_mac *macs;
	uint16_t mac_first, mac_last;

	uint8_t (*bodies)[RPC_BODY_BYTES_MAX];	/* those of calls, then those of served requests */
	uint16_t *body_links;
	struct rpc_list call_bodies_free, serve_bodies_free;
};

#endif
