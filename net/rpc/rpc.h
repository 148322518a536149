/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed, versioned, exactly-once requests over RC SEND (invariant I6).
 *
 * An endpoint is one node's end of all its sessions. A session is a pair of nodes; either side may call
 * the other. A session has RPC_SLOTS slots a direction; a slot carries one request at a time and its
 * sequence number makes a repeated request replay the stored reply instead of running again. A reply is stored until
 * the caller has said that it saw it; an idle session holds two small receives and nothing else. A session
 * outlives its connection: when the queue pair is lost, the connecting side connects again and every request
 * without a reply is sent again. Only a new incarnation of the peer (it rebooted) ends a session; its open calls
 * then end with -ECONNRESET.
 *
 * Connections begin with net/secure's handshake, and every message on them carries a MAC: who does not hold the rack's key
 * cannot say anything here.
 *
 * Pure: no clock, no allocation after creation, no lock. Callbacks run inside rpc_poll() only, last in it, and may
 * call rpc_call() and rpc_reply() but not rpc_poll().
 */
#ifndef PLENUM_NET_RPC_H
#define PLENUM_NET_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <plenum/wire.h>

#include "net/roce/roce.h"
#include "net/secure/secure.h"

#define RPC_VERSION_MAJOR 3
#define RPC_VERSION_MINOR 0
#define RPC_HEADER_BYTES 64u
#define RPC_TRAILER_BYTES 16u
#define RPC_INLINE_BYTES_MAX 128u		/* a longer body stays where it is until the receiver READs it */
#define RPC_BODY_BYTES_MAX 4096u
#define RPC_MESSAGE_BYTES_MAX (RPC_HEADER_BYTES + RPC_INLINE_BYTES_MAX + RPC_TRAILER_BYTES)
#define RPC_SLOTS 16u				/* requests under way in one direction of a session */

/*
 * On the wire, little-endian, naturally aligned: a header and its body, then the followers with their bodies, each at the next
 * multiple of RPC_ALIGNMENT, zeros up to a multiple of RPC_TRAILER_BYTES, and a MAC of that length over all. Without followers
 * the MAC stands right behind the body.
 */
struct rpc_header {
	uint32_t magic;				/* 0x00 */
	uint8_t version_major;			/* 0x04 */
	uint8_t version_minor;			/* 0x05 */
	uint16_t header_len_bytes;		/* 0x06: fields may be appended, never changed */
	uint16_t type;				/* 0x08: enum wire_type */
	uint16_t flags;				/* 0x0a: RPC_FLAG_* */
	uint32_t body_len_bytes;		/* 0x0c */
	uint32_t source_node;			/* 0x10 */
	uint32_t destination_node;		/* 0x14: 0 when not yet known (join) */
	uint64_t session;			/* 0x18: the caller's incarnation */
	uint16_t slot;				/* 0x20 */
	uint16_t credits;			/* 0x22: requests and pings we may have sent on this connection, in all (mod 2^16) */
	uint32_t sequence;			/* 0x24: of the slot, counts from 1, modulo 2^16 */
	uint32_t acknowledged;			/* 0x28: a bit a slot: the sender has seen the reply to all it sent there */
	uint32_t deadline_us;			/* 0x2c: time left for the request when sent; 0: none */
	uint32_t epoch;				/* 0x30 */
	int32_t status;				/* 0x34: replies: 0 or a negative errno */
	uint16_t followers;			/* 0x38: messages behind this one */
	uint16_t reserved[3];			/* 0x3a: 0 */
};
_Static_assert(sizeof(struct rpc_header) == RPC_HEADER_BYTES, "rpc header is 64 bytes");

/* Another message of the same kind (request or reply), session and moment as the one whose header comes first. */
#define RPC_ALIGNMENT 8u
#define RPC_FOLLOWER_BYTES 24u
#define RPC_FOLLOWERS_MAX 5u			/* as many as there is room for */
struct rpc_follower {
	uint16_t type;				/* 0x00 */
	uint16_t flags;				/* 0x02 */
	uint16_t slot;				/* 0x04 */
	uint16_t body_len_bytes;		/* 0x06 */
	uint32_t sequence;			/* 0x08 */
	uint32_t deadline_us;			/* 0x0c */
	uint32_t epoch;				/* 0x10 */
	int32_t status;				/* 0x14 */
};
_Static_assert(sizeof(struct rpc_follower) == RPC_FOLLOWER_BYTES, "rpc follower is 24 bytes");
_Static_assert(RPC_FOLLOWERS_MAX == RPC_INLINE_BYTES_MAX / RPC_FOLLOWER_BYTES, "as many as there is room for");

#define RPC_MAGIC UINT32_C(0x504d4c50)		/* "PLMP" */
#define RPC_FLAG_REPLY 1u

struct rpc_endpoint;

/* A request being served; valid until rpc_reply(). */
struct rpc_request {
	uint32_t session;			/* ours, as in rpc_call() */
	uint32_t node;				/* who asks */
	uint32_t remote_address;
	uint16_t type;
	uint32_t epoch;
	const void *body;
	uint32_t len_bytes;			/* within the table's min and max */
	uint64_t token;				/* for rpc_reply() */
};

/*
 * Serve a request. Either call rpc_reply() before returning, or keep request->token and reply later.
 */
typedef void rpc_handler(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns);

struct rpc_type {
	uint16_t type;
	uint8_t version_minor_min;		/* refuse callers older than this with -EOPNOTSUPP */
	uint32_t len_bytes_min;			/* refuse other body lengths with -EMSGSIZE */
	uint32_t len_bytes_max;
	rpc_handler *handler;
	uint32_t reply_len_bytes_max;		/* 0: up to RPC_INLINE_BYTES_MAX; a longer one needs a body reserved for it */
};

/* A type's name, for whoever reads counters. What no name is given for is counted together. */
struct rpc_type_name {
	uint16_t type;
	const char *name;
};
#define RPC_TYPE_NAMES_MAX 64u

/* The outcome of a call: a status from the handler or from the layer, and the reply's body (valid during the call). */
typedef void rpc_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns);

enum rpc_session_event { RPC_SESSION_UP, RPC_SESSION_DOWN, RPC_SESSION_RESET };
/*
 * UP: (re)connected. DOWN: connection lost, reconnecting or waiting for the peer to. RESET: the peer is a new incarnation,
 * or has no memory of this session.
 */
typedef void rpc_session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns);

/*
 * A peer with the rack's key and we cannot work together, at each attempt: -EOPNOTSUPP (its major version, which is
 * given), -ENOBUFS (we, or it, have no place for another session), -EPROTO (its hello makes no sense). Called from
 * rpc_poll(), must not call back into the endpoint.
 */
typedef void rpc_peer_refused(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now_ns);
/* The same in words, for a log. */
const char *rpc_refusal_reason(int status);

/*
 * What all sessions share. A session that finds a pool empty waits, but for receives: it always has those that it
 * cannot do without. 0: the default.
 */
struct rpc_limits {
	uint32_t sessions_max;			/* no default */
	uint32_t calls_max;			/* calls between rpc_call() and done() */
	uint32_t serves_max;			/* requests taken in whose reply the caller has not said to have seen */
	uint32_t receives_max;			/* receives beyond the two of each session: for peers that are busy */
	uint32_t call_bodies_max;		/* RPC_BODY_BYTES_MAX each: long requests made, long replies got */
	uint32_t serve_bodies_max;		/* the same: long requests taken in, long replies kept */
	uint32_t handshakes_max;		/* connections being opened at once */
	uint32_t pending_max;			/* connections accepted whose first message has not come yet */
	uint32_t macs_max;			/* connections whose keys are kept ready for use (700 bytes each) */
};
#define RPC_CALLS_DEFAULT 32u
#define RPC_SERVES_DEFAULT 32u
#define RPC_RECEIVES_DEFAULT 128u
#define RPC_BODIES_DEFAULT 8u
#define RPC_HANDSHAKES_DEFAULT 4u
#define RPC_PENDING_DEFAULT 16u
#define RPC_MACS_DEFAULT 8u

struct rpc_config {
	struct roce_device *device;
	struct secure *secure;			/* with the rack's keys; may be shared */
	uint32_t node;				/* our node id; may be set later with rpc_set_node() */
	uint64_t incarnation;			/* random, new at every start, never 0 */
	uint16_t port;				/* listen here when not 0 */
	struct rpc_limits limits;
	const struct rpc_type *types;		/* what we serve, ends with type 0 */
	const struct rpc_type_name *names;	/* what is counted a type, ends with type 0; at most RPC_TYPE_NAMES_MAX */
	void *context;				/* for handlers and session_changed */
	rpc_session_changed *session_changed;	/* may be NULL */
	rpc_peer_refused *peer_refused;		/* may be NULL */
};

/* Add what an endpoint with these limits needs of its device to `device` (depths are raised where too low). */
void rpc_device_limits(const struct rpc_limits *limits, struct roce_limits *device);
size_t rpc_endpoint_bytes(const struct rpc_config *config);
struct rpc_endpoint *rpc_endpoint_create(void *memory, const struct rpc_config *config, uint64_t now_ns);
void rpc_set_node(struct rpc_endpoint *endpoint, uint32_t node);
uint64_t rpc_incarnation(const struct rpc_endpoint *endpoint);

/* Open a session to a listening endpoint; connects, and connects again whenever it is lost, until rpc_close(). */
int rpc_open(struct rpc_endpoint *endpoint, uint32_t address, uint16_t port, uint32_t *session, uint64_t now_ns);
void rpc_close(struct rpc_endpoint *endpoint, uint32_t session, uint64_t now_ns);
/* A key of the rack was forgotten: end the connections that were made with it. Sessions connect again with another. */
void rpc_key_forgotten(struct rpc_endpoint *endpoint, uint8_t key_id, uint64_t now_ns);
/*
 * Encrypt a secret in place for the peer of a session that is connected now, and put counter and tag beside it in a message.
 * -ENOTCONN. A message that is sent again on a later connection cannot be opened there: the caller seals anew.
 */
int rpc_secret_seal(struct rpc_endpoint *endpoint, uint32_t session, void *secret, uint32_t len_bytes, uint64_t *counter,
		    uint8_t tag[SECURE_TAG_BYTES]);
/* Decrypt it in place. False: it was not sealed for this connection. */
bool rpc_secret_open(struct rpc_endpoint *endpoint, uint32_t session, uint64_t counter, void *secret, uint32_t len_bytes,
		     const uint8_t tag[SECURE_TAG_BYTES]);

/*
 * Send a request. `body` is copied. `done` is called exactly once: with the reply, with -ETIMEDOUT when
 * `timeout_ns` passes first (0: never; the request may still take effect), with -ECONNRESET when the peer is a new
 * incarnation or the session is closed. Returns 0, -ENOBUFS when all slots of the session or all calls of the endpoint
 * are in use, -EMSGSIZE, -ENOENT.
 */
int rpc_call(struct rpc_endpoint *endpoint, uint32_t session, uint16_t type, const void *body, uint32_t len_bytes,
	     uint64_t timeout_ns, rpc_done *done, void *context, uint64_t cookie, uint64_t now_ns);
/*
 * Answer a request; `body` is copied and may be (part of) the request's. -ENOENT when it is no longer wanted (the session
 * was reset), which callers may ignore.
 */
int rpc_reply(struct rpc_endpoint *endpoint, uint64_t token, int status, const void *body, uint32_t len_bytes,
	      uint64_t now_ns);

/* Take events from the device, run timers and callbacks. Call after roce_input() and at the deadline. */
void rpc_poll(struct rpc_endpoint *endpoint, uint64_t now_ns);
uint64_t rpc_deadline_ns(const struct rpc_endpoint *endpoint);

#define RPC_COUNTERS(X) \
	X(requests_sent) X(requests_received) X(replies_sent) X(replies_received) X(replayed) X(resent) X(timeouts) \
	X(refused_magic) X(refused_version) X(refused_length) X(refused_mac) X(refused_type) X(refused_slot) \
	X(refused_sequence) X(refused_session) X(refused_credits) X(refused_body) X(refused_hello) X(refused_peer) X(pending_full) X(pending_expired) X(expired) X(sessions_reset) \
	X(sessions_forgotten) X(requests_delayed) X(followers_sent) X(bodies_read) X(reconnects)

struct rpc_counters {
#define RPC_COUNTER_FIELD(name) uint64_t name;
	RPC_COUNTERS(RPC_COUNTER_FIELD)
#undef RPC_COUNTER_FIELD
};
const struct rpc_counters *rpc_counters(const struct rpc_endpoint *endpoint);

/* What became of the messages of one type. Bytes are bodies', both ways. */
struct rpc_type_stats {
	uint64_t calls;				/* that ended */
	uint64_t calls_failed;			/* of them without a reply: timeouts, resets */
	uint64_t errors;			/* of them with a reply that is a negative errno */
	uint64_t call_bytes;
	uint64_t served;			/* requests of others that were answered */
	uint64_t refusals;			/* of them with a negative errno */
	uint64_t serve_bytes;
	struct wire_histogram call;		/* from rpc_call() to the reply */
	struct wire_histogram serve;		/* from a request's arrival to rpc_reply() */
};
/* Of the names[index] of the configuration; the one after the last is for all other types ("other"). NULL: there are no more. */
const struct rpc_type_stats *rpc_type_stats(const struct rpc_endpoint *endpoint, uint32_t index, const char **name);

/*
 * Check a received message without its MAC (hostile bytes) and give its header and body. 0, or -EBADMSG (magic),
 * -EOPNOTSUPP (major version), -EMSGSIZE (lengths that lie). Also the fuzz target's entry.
 */
int rpc_decode(const uint8_t *message, size_t len_bytes, struct rpc_header *header, const uint8_t **body);
/*
 * In a message that rpc_decode() found good, step from the part that `header` and `*body` are of to the follower behind it:
 * both become the follower's, with what it shares with the first.
 */
void rpc_decode_follower(const uint8_t *message, struct rpc_header *header, const uint8_t **body);

#endif
