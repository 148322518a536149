/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside net/rpc: sessions, slots and what travels beside requests and replies.
 *
 * R1 One request a slot. A caller's slot holds one request from rpc_call() until its reply has come and its SEND has
 *    completed; the slot's sequence number goes up by one for every request that was ever sent.
 * R2 Exactly once (I6). The server's slot remembers the last sequence it accepted and the reply to it. The same
 *    sequence again is answered from there; the next one replaces it; any other is refused. A connection's end
 *    changes nothing in any slot.
 * R3 A session is a pair of incarnations. Messages of another pair are refused, and only a peer's new incarnation, a
 *    peer that has no memory of the session, or rpc_close() ends it. All its slots start afresh then.
 * R4 `done` is called exactly once for every call, from rpc_poll().
 * R5 No receiver-not-ready. The receives posted for a peer are what it may send at once: one request and one reply a
 *    slot, one ping and one echo. A request goes out only when the last reply of its slot was taken in, a reply only
 *    to a request, a ping only after the echo of the last; and a buffer is posted again before the message that
 *    lets the peer send the next is emitted. These are the credits of a session; the peer's number arrives in its hello.
 * R6 A buffer given to the device is not touched until its completion, or until its queue pair is gone.
 * R7 A dead peer is seen: RPC_SILENCE_NS without any message (a ping goes after RPC_PING_IDLE_NS) ends the connection.
 * R8 An abandoned request (its call timed out) is not run by a server that gets it later, but the slot stays in use until the
 *    server has said so: the caller cannot know otherwise, and R2 needs the answer.
 *
 * The connection of a session; the left column is the opener's, the right one the listener's:
 *
 *	rpc_open                                    connect request with a good hello
 *	   |                                                 (session_accept)
 *	   v          retry time                                    v
 *	WAITING ------------------> CONNECTING                  ACCEPTING <-----------+
 *	   ^   (rpc_session_connect)  |    |                     |      |             |
 *	   |  rejected, unreachable   |    | established         |      | lost        | connect request
 *	   +--------------------------+    v                     v      |             | (replaces the connection)
 *	   |  lost, silence               UP                    UP      v             |
 *	   +-------------------------------+                     +---> LOST ----------+
 *	      (rpc_session_lost; backoff)                     lost, silence
 *
 *	any state -- rpc_close --> CLOSING -- callbacks done (endpoint.c) --> FREE
 *
 * A caller's slot (call.c):  FREE -- rpc_call --> OPEN -- reply, timeout, reset --> DONE -- done() --> FREE
 *	A timed-out request that was sent goes on as ABANDONED, without its `done`, until the reply or a reset.
 * A server's slot (serve.c): EMPTY -- request --> RECEIVED -- handler --> RUNNING -- rpc_reply --> REPLIED -- next request -->
 *	RECEIVED
 */
#ifndef PLENUM_NET_RPC_INTERNAL_H
#define PLENUM_NET_RPC_INTERNAL_H

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "net/rpc/rpc.h"

#define RPC_BACKOFF_MIN_NS UINT64_C(100000000)
#define RPC_BACKOFF_MAX_NS UINT64_C(2000000000)
#define RPC_CONNECT_TIMEOUT_NS UINT64_C(2000000000)
#define RPC_PING_IDLE_NS UINT64_C(1000000000)
#define RPC_SILENCE_NS UINT64_C(4000000000)

#define RPC_RECEIVES (2u * RPC_SLOTS + 2u)		/* R5 */
#define RPC_SENDS (2u * RPC_SLOTS + 2u)
/* A queue pair that failed flushes its receives and sends while those of its successor may complete already. */
#define RPC_EVENTS_PER_SESSION (2u * (RPC_RECEIVES + RPC_SENDS) + 8u)
#define RPC_SESSIONS_MAX 4096u
_Static_assert(RPC_RECEIVES <= 64, "receive states are bits of a word");

/* Flags beside RPC_FLAG_REPLY. */
#define RPC_FLAG_PING 2u		/* header only, outside the slots; with REPLY: its echo */
#define RPC_FLAG_ABANDONED 4u		/* nobody waits for this any more: do not start it (R8) */

/*
 * The queue pairs of RPC carry SENDs only: no memory region is registered for this peer, so one that is meant
 * for a node is out of their reach. (Regions for ROCE_PEER_ANY are open to them, as to everybody.)
 */
#define RPC_PEER_TAG UINT64_MAX

/* Private data of the connect request and of its answer. */
struct rpc_hello {
	uint32_t magic;				/* 0x00: RPC_MAGIC */
	uint8_t version_major;			/* 0x04 */
	uint8_t version_minor;			/* 0x05 */
	uint16_t receives;			/* 0x06: posted by the sender */
	uint32_t node;				/* 0x08: 0: not yet known */
	uint32_t resumed;			/* 0x0c: answer: 1 when the session goes on, 0 when it starts afresh */
	uint64_t incarnation;			/* 0x10: the sender's */
	uint64_t peer_incarnation;		/* 0x18: request: of the session to go on with, 0: a new one */
};
_Static_assert(sizeof(struct rpc_hello) == 32, "rpc hello");

struct rpc_refusal {				/* private data of a rejection */
	uint32_t magic;
	int32_t status;
};

/* A message that waits to be sent, or was given to the device. */
struct rpc_outgoing {
	bool wanted;				/* to be posted when the connection allows it */
	bool under_way;				/* posted, not completed (R6) */
	uint32_t len_bytes;
};

enum call_state { CALL_FREE, CALL_OPEN, CALL_ABANDONED, CALL_DONE };

struct rpc_call_slot {
	enum call_state state;
	bool sent;				/* was ever posted: the server may have it */
	bool queued;				/* in the ready ring */
	int status;				/* DONE: for done() */
	uint32_t sequence;
	uint16_t type;
	int reply_buffer;			/* DONE: receive buffer with the reply, -1: none */
	uint64_t order;				/* calls are sent again in the order they were made */
	uint64_t deadline_ns;			/* UINT64_MAX: none */
	rpc_done *done;
	void *context;
	uint64_t cookie;
	struct rpc_outgoing outgoing;
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(8)));
};

enum serve_state { SERVE_EMPTY, SERVE_RECEIVED, SERVE_RUNNING, SERVE_REPLIED };

struct rpc_serve_slot {
	enum serve_state state;
	bool queued;				/* in the ready ring */
	bool abandoned;				/* the caller's timeout came first (R8) */
	uint16_t type;
	uint16_t asked_serial;			/* connection on which the request came last: the reply goes there only */
	uint8_t version_minor;			/* the caller's */
	uint32_t sequence;			/* last accepted */
	uint32_t serial;			/* of requests accepted here, for tokens; 24 bits count */
	uint32_t epoch;
	uint64_t expires_ns;			/* not started later than this; UINT64_MAX: any time */
	uint32_t len_bytes;
	struct rpc_outgoing outgoing;
	uint8_t body[RPC_BODY_BYTES_MAX] __attribute__((aligned(8)));
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(8)));	/* the reply */
};

enum session_state {
	SESSION_FREE, SESSION_WAITING, SESSION_CONNECTING, SESSION_ACCEPTING, SESSION_UP, SESSION_LOST, SESSION_CLOSING
};

struct rpc_session {
	enum session_state state;
	bool opener;
	bool bound;				/* peer_incarnation is known and the slots belong to it */
	uint16_t generation;			/* of the handle: a closed session's handle finds nothing */
	uint16_t port;				/* opener: to connect to */
	uint32_t remote_address;
	uint32_t peer_node;
	uint64_t peer_incarnation;
	uint32_t slots;				/* that we may call on, by the peer's receives */

	uint32_t connection;			/* CONNECTING, ACCEPTING, UP */
	uint32_t qpn;
	uint16_t connection_serial;		/* stale completions carry an older one */
	uint64_t retry_ns;			/* WAITING: connect then */
	uint64_t backoff_ns;
	uint64_t accepted_ns;			/* ACCEPTING since */
	uint64_t heard_ns;			/* last message from the peer (R7) */
	bool ping_open;				/* no echo yet */

	bool event_queued;			/* in the ready ring */
	bool told_up;				/* the last of UP and DOWN that the user was told */
	bool told_once;				/* the user has heard of this peer: a RESET means something */
	bool reset_due;
	uint16_t told_serial;			/* connection_serial then: a quick loss and return is told as both */

	uint64_t receives_posted;		/* a bit a buffer */
	uint64_t receives_held;			/* a reply in it waits for its done() */
	struct rpc_outgoing ping, echo;
	uint8_t ping_message[RPC_HEADER_BYTES] __attribute__((aligned(8)));
	uint8_t echo_message[RPC_HEADER_BYTES] __attribute__((aligned(8)));
	struct rpc_call_slot calls[RPC_SLOTS];
	struct rpc_serve_slot serves[RPC_SLOTS];
	uint8_t receives[RPC_RECEIVES][RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(64)));
};

/* What waits for its callback. At most one entry for each call slot, serve slot and session. */
enum ready_kind { READY_SESSION, READY_CALL, READY_SERVE };
struct rpc_ready {
	uint16_t session;
	uint8_t kind;
	uint8_t slot;
};
#define RPC_READY_PER_SESSION (2u * RPC_SLOTS + 1u)

struct rpc_endpoint {
	struct rpc_config config;
	struct rpc_counters counters;
	int queue;
	bool in_poll;
	uint64_t deadline_ns;
	uint64_t call_order;
	uint32_t ready_first, ready_count, ready_size;
	struct rpc_ready *ready;
	struct rpc_session *sessions;
};

/* Completion cookies: session index, connection serial, kind, slot or buffer. */
enum cookie_kind { COOKIE_CALL, COOKIE_REPLY, COOKIE_PING, COOKIE_ECHO, COOKIE_RECEIVE };

static inline uint64_t cookie_make(uint32_t index, uint16_t serial, enum cookie_kind kind, uint32_t slot)
{
	return (uint64_t)index << 32 | (uint64_t)serial << 16 | (uint64_t)kind << 8 | slot;
}

/* endpoint.c */
uint32_t rpc_session_index(const struct rpc_endpoint *endpoint, const struct rpc_session *session);
uint32_t rpc_session_handle(const struct rpc_endpoint *endpoint, const struct rpc_session *session);
struct rpc_session *rpc_session_of_handle(struct rpc_endpoint *endpoint, uint32_t handle);
struct rpc_session *rpc_session_take(struct rpc_endpoint *endpoint);
void rpc_ready_push(struct rpc_endpoint *endpoint, const struct rpc_session *session, enum ready_kind kind, uint32_t slot);
void rpc_deadline_lower(struct rpc_endpoint *endpoint, uint64_t deadline_ns);
const struct rpc_type *rpc_type_find(const struct rpc_endpoint *endpoint, uint16_t type);

/* session.c */
void rpc_session_connect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_connect_request(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_session_connection_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_session_lost(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_established(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_forget_slots(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_session_drop_connection(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_tell_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
uint64_t rpc_session_deadline_ns(const struct rpc_session *session);

/* transfer.c */
void rpc_transfer_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_transfer_post_receives(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_transfer_release_receive(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t buffer);
/* Post all that is wanted and can go. */
void rpc_transfer_pump(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);

/* message.c */
void rpc_message_seal(uint8_t *message, struct rpc_header *header, const void *body, uint32_t len_bytes);
void rpc_message_header(const struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_header *header);

/* call.c */
void rpc_call_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header, uint32_t buffer,
		bool *held);
void rpc_call_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call, uint64_t now_ns);
void rpc_call_finish(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call_slot *call, int status);
void rpc_call_run_done(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot, uint64_t now_ns);
void rpc_call_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);

/* serve.c */
void rpc_serve_request(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header,
		   const uint8_t *body, uint64_t now_ns);
void rpc_serve_ready(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve_slot *serve);
void rpc_serve_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot, uint64_t now_ns);

#endif
