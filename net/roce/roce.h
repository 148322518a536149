/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RoCEv2 as a pure state machine: reliable-connected queue pairs (SEND, READ, WRITE, atomics), memory
 * regions, event queues and the connection manager on QP1. docs/transport.md says how it works.
 *
 * Nothing here reads a clock, allocates, blocks or locks. The caller passes packets and time in,
 * takes packets out, and asks when to call again:
 *
 *	roce_input(device, &datagram, now_ns)		a UDP datagram for port 4791 arrived
 *	roce_output(device, &datagram, now_ns)		fetch the next one to send; 0 when none is due
 *	roce_deadline_ns(device)			call roce_tick() no later than this
 *
 * What happened is read from event queues (roce_queue_poll). A device and all that hangs on it
 * belongs to one caller at a time: callers with several processors hold one lock around these calls.
 */
#ifndef PLENUM_NET_ROCE_H
#define PLENUM_NET_ROCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROCE_UDP_PORT 4791
#define ROCE_PAYLOAD_BYTES_MAX 4096u		/* the largest path MTU */
/* Around a full payload: BTH 12 + RETH 16 + ImmDt 4 + trailer 24 + ICRC 4, rounded up. */
#define ROCE_OVERHEAD_BYTES_MAX 64u
#define ROCE_DATAGRAM_BYTES_MAX (ROCE_PAYLOAD_BYTES_MAX + ROCE_OVERHEAD_BYTES_MAX)
#define ROCE_READ_BUDGET_BYTES (192u << 10)
#define ROCE_PRIVATE_BYTES_MAX 224u		/* the longest private data of any CM message (RTU, DREP) */
#define ROCE_REQ_PRIVATE_BYTES_MAX 56u		/* user part of a REQ's private data */
#define ROCE_REP_PRIVATE_BYTES_MAX 196u
#define ROCE_REJ_PRIVATE_BYTES_MAX 148u

struct roce_device;
struct crc_implementation;

/*
 * One UDP datagram with what the ICRC needs of its IPv4 header. Addresses and ports are in host
 * byte order. `bytes` runs from the BTH to the ICRC, both included. Datagrams we send always have
 * IP ID 0, DF set and no options (the ICRC covers the ID; docs/rocev2.md section 1.6).
 */
struct roce_datagram {
	uint32_t source_address;
	uint32_t destination_address;
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t ip_id;			/* as received; 0 when sending or when the port cannot know it */
	uint16_t ip_flags_fragment;	/* as in the header: 0x4000 is DF */
	uint8_t *bytes;			/* output: the caller's buffer of ROCE_DATAGRAM_BYTES_MAX */
	size_t len_bytes;		/* output: filled in */
	uint8_t ip_tos;			/* its low two bits are ECN (RFC 3168); 0 when the port cannot know or set it */
};

/* What a device needs from outside. */
struct roce_environment {
	/* Fill `len` unpredictable bytes: QPNs, PSNs, rkeys, communication ids. */
	void (*random)(void *context, void *bytes, size_t len);
	void *context;
	const struct crc_implementation *crc;	/* for the ICRC, see lib/crc.h; NULL: crc_table */
};

struct roce_limits {
	uint32_t queue_pairs_max;
	uint32_t memory_regions_max;
	uint32_t queues_max;
	uint32_t connections_max;
	uint32_t listeners_max;
	uint32_t queue_events_max;	/* per event queue: posted work and completions of it that wait to be polled */
	uint32_t send_depth_max;	/* work requests under way per queue pair */
	uint32_t receive_depth_max;	/* posted receives per queue pair */
	/*
	 * The same of all queues together: READs, WRITEs, SENDs and atomics; receives. 0: so many that each queue may be full
	 * of either. Less where queues are large because of many queue pairs that post little.
	 */
	uint32_t works_max;
	uint32_t receives_max;
	/*
	 * Requests of peers that agreed to selective repeat, kept while one before them is missing; of all queue pairs
	 * together, each takes a path MTU. 0: none is kept, and all behind a missing one is sent again. 128 keep a whole
	 * window of packets of 4096 bytes.
	 */
	uint32_t held_packets_max;
	/*
	 * What all queue pairs share, so that an idle one is small. 0: a default that suits the limits above.
	 */
	uint32_t answers_max;		/* peers' READs and atomics that wait for their answers; beyond, peers are told to wait (RNR) */
	uint32_t atomic_queue_pairs_max; /* on which peers use atomics; on others they are refused (operational error) */
	uint32_t handshakes_max;	/* connections being made; beyond, roce_connect() returns -ENOBUFS and requests are refused */
};

/* One more event queue, for so much posted work. Whoever brings a queue of its own to a device adds it with this. */
void roce_limits_add_queue(struct roce_limits *limits, uint32_t works, uint32_t receives);

struct roce_config {
	uint32_t address;		/* our IPv4 address, host byte order */
	uint32_t path_mtu_bytes;	/* 256, 512, 1024, 2048 or 4096: the most our link carries */
	uint64_t guid;			/* EUI-64 of the MAC */
	struct roce_limits limits;
	struct roce_environment environment;
	/*
	 * READ data under way towards us, of all queue pairs together; more READs wait. 0: no limit.
	 * ROCE_READ_BUDGET_BYTES suits a switch port of 256 KiB.
	 */
	uint64_t read_budget_bytes;
};

/* Bytes of memory roce_device_create() needs for `config`. */
size_t roce_device_bytes(const struct roce_config *config);

/*
 * Build a device in `memory` (aligned to 64, roce_device_bytes() long; stays the caller's, must
 * outlive the device). Returns NULL and sets nothing when `config` is not valid.
 */
struct roce_device *roce_device_create(void *memory, const struct roce_config *config, uint64_t now_ns);

void roce_input(struct roce_device *device, const struct roce_datagram *datagram, uint64_t now_ns);
/* 1: `datagram` holds a packet to send now. 0: nothing to send. */
int roce_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns);
/* The time of the next timer, UINT64_MAX when none runs. */
uint64_t roce_deadline_ns(const struct roce_device *device);
/* Run the timers that are due. */
void roce_tick(struct roce_device *device, uint64_t now_ns);

/* ------------------------------------------------------------------ event queues */

enum roce_event_type {
	ROCE_EVENT_COMPLETION,		/* a posted work request ended */
	ROCE_EVENT_CONNECT_REQUEST,	/* a peer wants to connect to our listener: accept or reject `connection` */
	ROCE_EVENT_ESTABLISHED,		/* `connection` and its queue pair are ready to send and receive */
	ROCE_EVENT_REJECTED,		/* our connect was refused: `reason` and private data say why */
	ROCE_EVENT_UNREACHABLE,		/* our connect got no answer in time */
	ROCE_EVENT_DISCONNECTED,	/* the peer hung up, or the queue pair failed: `status` says */
};

enum roce_opcode { ROCE_READ, ROCE_WRITE, ROCE_SEND, ROCE_RECEIVE, ROCE_COMPARE_SWAP, ROCE_FETCH_ADD };

/* What a RECEIVE brought besides bytes. */
#define ROCE_EVENT_IMMEDIATE 1u		/* `immediate` is valid */
#define ROCE_EVENT_INVALIDATED 2u	/* the peer has ended our region `invalidated_rkey` */
#define ROCE_EVENT_WRITTEN 4u		/* it was a WRITE: `written_bytes` went to a region, none into the receive's buffer */

struct roce_event {
	enum roce_event_type type;
	enum roce_opcode opcode;	/* COMPLETION */
	/*
	 * COMPLETION, DISCONNECTED: 0, or -EACCES (remote access error: unknown rkey, stale epoch,
	 * address outside the region), -EPROTO (remote invalid request), -EIO (remote operational error),
	 * -ETIMEDOUT (peer gone), -ECONNRESET (flushed: the queue pair failed or was destroyed first),
	 * -EMSGSIZE (a SEND longer than the posted receive).
	 */
	int status;
	uint32_t qpn;			/* the queue pair, when there is one */
	uint32_t connection;		/* CM events; COMPLETION: of the queue pair, when it has one */
	uint32_t len_bytes;		/* RECEIVE: bytes received; CM: bytes of private data */
	uint32_t remote_address;	/* likewise */
	uint16_t service_port;		/* CONNECT_REQUEST: the port that was asked for */
	uint16_t reason;		/* REJECTED: REJ reason (docs/rocev2.md section 1.12) */
	uint64_t cookie;		/* COMPLETION: of the work request; CM: of the connect or the listener */
	uint8_t private_data[ROCE_PRIVATE_BYTES_MAX];
	uint32_t flags;			/* RECEIVE: ROCE_EVENT_* */
	uint32_t immediate;		/* as the peer gave it */
	uint32_t invalidated_rkey;
	uint32_t written_bytes;
};

/* Returns a queue's number >= 0, or -ENOBUFS when all are in use. */
int roce_queue_create(struct roce_device *device);
/* 1: `event` was filled. 0: the queue is empty. Events that find a queue full are a bug: sized by depth, asserted. */
int roce_queue_poll(struct roce_device *device, int queue, struct roce_event *event);

/* ------------------------------------------------------------------ memory regions */

/*
 * Remote accesses come here packet by packet: the owner's own table is the region's translation
 * table. Addresses are the ones on the wire. The responder has already checked rkey, rights, bounds and peer.
 * Return 0, or -EACCES/-EFAULT (NAK remote access error), -EAGAIN (RNR NAK: try again soon), -EIO (NAK remote
 * operational error). A WRITE that returned 0 is stored (I4): its acknowledgement follows.
 *
 * `atomic` may be missing: then, and when it returns -EOPNOTSUPP, atomics are refused as invalid requests. It gets an
 * address that is a multiple of 8, stores what stood there in *original and returns 0, or leaves all as it is. COMPARE_SWAP
 * stores `operand` when the old value equals `compare`; FETCH_ADD adds `operand`. It is called once for each request.
 */
struct roce_memory_ops {
	int (*read)(void *context, uint64_t address, void *bytes, uint32_t len_bytes);
	/*
	 * May be missing: instead of read(), where the bytes stand. They are copied from there into the packet and its checksum
	 * in one pass, before the call that sends returns.
	 */
	const void *(*source)(void *context, uint64_t address, uint32_t len_bytes);
	int (*write)(void *context, uint64_t address, const void *bytes, uint32_t len_bytes);
	int (*atomic)(void *context, uint64_t address, enum roce_opcode operation, uint64_t operand, uint64_t compare,
		      uint64_t *original);
};

#define ROCE_ACCESS_REMOTE_READ 1u
#define ROCE_ACCESS_REMOTE_WRITE 2u
#define ROCE_ACCESS_REMOTE_ATOMIC 4u
/* The region's peer (which must not be ROCE_PEER_ANY) may end it by a SEND with invalidate. */
#define ROCE_ACCESS_REMOTE_INVALIDATE 8u
#define ROCE_PEER_ANY UINT64_C(0)

struct roce_memory_config {
	const struct roce_memory_ops *ops;
	void *context;
	uint64_t base;			/* first address */
	uint64_t len_bytes;
	uint32_t access;		/* ROCE_ACCESS_* */
	uint64_t peer;			/* only queue pairs with this peer tag may touch it; ROCE_PEER_ANY: all */
};

/* On success 0 and an unguessable rkey (never 0) that no earlier registration had lately. -ENOBUFS, -EINVAL. */
int roce_memory_register(struct roce_device *device, const struct roce_memory_config *config, uint32_t *rkey);
/* From now on the rkey is refused with a remote access error. -ENOENT. */
int roce_memory_deregister(struct roce_device *device, uint32_t rkey);
/*
 * A region over plain memory [bytes, bytes+len), wire addresses 0..len-1: context is `bytes`. Atomics on it are atomic
 * among the requests that this device serves, not towards processors.
 */
extern const struct roce_memory_ops roce_memory_plain_ops;

/*
 * Describe such a region so that every kind of device can register it: RDMA devices map pages, so its first wire address
 * stands in a page where `bytes` stands. Sets ops, context, base and len_bytes; the peer must be told the base.
 */
void roce_memory_plain(struct roce_memory_config *config, void *bytes, uint64_t len_bytes);

/*
 * Work requests and receives will use [memory, memory + len): hardware must know it before. The own transport needs no
 * such thing; call it all the same for memory that a device of another kind might have to reach (docs/ports.md). -ENOBUFS;
 * -ENOMEM: more than the process may lock.
 */
int roce_register_local(struct roce_device *device, void *memory, size_t len_bytes);

/* ------------------------------------------------------------------ connections */

/*
 * Accept connections to `port` (an RDMA IP service id, RDMA_PS_TCP). CONNECT_REQUEST events and what follows
 * on accepted connections go to `queue` and carry `cookie`. -EADDRINUSE, -ENOBUFS.
 */
int roce_listen(struct roce_device *device, uint16_t port, int queue, uint64_t cookie);

/*
 * A guard decides about a connect request before anything of it is kept: no connection, no event, and no answer unless
 * it says so. It may be called again for a request that it accepted (the peer repeats itself, or asks for a smaller MTU).
 */
enum roce_guard_verdict {
	ROCE_GUARD_ACCEPT,
	ROCE_GUARD_CHALLENGE,		/* refuse (REJ, consumer) with the reply's private data; nothing is kept */
	ROCE_GUARD_DROP,		/* not a word */
};
struct roce_guard_request {
	uint32_t address;		/* who asks, as far as its packet says */
	uint16_t port;
	const uint8_t *private_data;	/* hostile bytes */
	uint32_t private_len_bytes;
};
struct roce_guard_reply {
	uint32_t private_len_bytes;
	uint8_t private_data[ROCE_REJ_PRIVATE_BYTES_MAX];
};
struct roce_guard {
	enum roce_guard_verdict (*check)(void *context, const struct roce_guard_request *request,
					 struct roce_guard_reply *reply, uint64_t now_ns);
	void *context;
};
/*
 * As roce_listen(), behind a guard (copied). Its connections are locked: until roce_authorize() the peer's READs, WRITEs and
 * atomics are dropped without an answer; only SENDs are taken in.
 */
int roce_listen_guarded(struct roce_device *device, uint16_t port, int queue, uint64_t cookie,
			const struct roce_guard *guard);
/* The peer has shown who it is: unlock the queue pair. -ENOENT. */
int roce_authorize(struct roce_device *device, uint32_t qpn);

/*
 * A MAC on every packet of a queue pair, in both directions; the peer must do the same. What comes without a good one is
 * dropped without an answer. `tag` and `verify` must be a MAC over bytes and counter that is safe when no counter is used
 * twice. Needs the own transport at both ends.
 */
#define ROCE_TAG_BYTES 16u
#define ROCE_TRAILER_BYTES 24u
struct roce_protection {
	void (*tag)(void *context, uint64_t counter, const uint8_t *bytes, size_t len_bytes, uint8_t tag[ROCE_TAG_BYTES]);
	bool (*verify)(void *context, uint64_t counter, const uint8_t *bytes, size_t len_bytes,
		       const uint8_t tag[ROCE_TAG_BYTES]);
	void *context;
	/* The device's; 0 at first. */
	uint64_t sent;			/* counter of the next packet */
	uint64_t expected;		/* one more than the newest that came */
	uint64_t window[4];		/* those before it that came, a bit each by their lowest bits */
};
/*
 * From the next packet on, in or out; so before anything was posted. `protection` stays the caller's and lives as long as the
 * queue pair, or until roce_unprotect(). -ENOENT; -EOPNOTSUPP (RDMA devices).
 */
int roce_protect(struct roce_device *device, uint32_t qpn, struct roce_protection *protection);
/*
 * Take `protection` back after its connection has ended: the queue pair may stand a while longer, but says and hears
 * nothing from now on. No effect when `qpn` is gone, or another connection's by now.
 */
void roce_unprotect(struct roce_device *device, uint32_t qpn, const struct roce_protection *protection);

struct roce_connect {
	uint32_t remote_address;
	uint16_t remote_port;
	int queue;			/* completions and CM events go here */
	uint64_t cookie;		/* in CM events */
	uint64_t peer;			/* the peer tag of the queue pair, see roce_memory_config */
	const void *private_data;	/* at most ROCE_REQ_PRIVATE_BYTES_MAX */
	uint32_t private_len_bytes;
	uint64_t timeout_ns;		/* UNREACHABLE after this */
	bool locked;			/* until roce_authorize() the peer reaches none of our regions, as behind a guard */
};

/* Start to connect. `*connection` names it in events. The queue pair exists from now on (see roce_connection_qpn). */
int roce_connect(struct roce_device *device, const struct roce_connect *connect, uint32_t *connection, uint64_t now_ns);
/* Answer a CONNECT_REQUEST. Receives may be posted on *qpn before calling roce_accept_finish. */
int roce_accept_begin(struct roce_device *device, uint32_t connection, uint64_t peer, uint32_t *qpn);
int roce_accept_finish(struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
		       uint64_t now_ns);
int roce_reject(struct roce_device *device, uint32_t connection, const void *private_data, uint32_t len_bytes,
		uint64_t now_ns);
/* Hang up (DREQ) and free the queue pair; posted work is flushed with -ECONNRESET. The connection number dies. */
void roce_disconnect(struct roce_device *device, uint32_t connection, uint64_t now_ns);
/* The queue pair of a connection, or 0. */
uint32_t roce_connection_qpn(const struct roce_device *device, uint32_t connection);
/* Path MTU that was agreed, in bytes. */
uint32_t roce_path_mtu_bytes(const struct roce_device *device, uint32_t qpn);

/* ------------------------------------------------------------------ work requests */

/*
 * Buffers stay the caller's and must not change until the completion. All return 0, -ENOBUFS (the queue pair has
 * send_depth_max under way, or the device or the queue as much as it may: post again after a completion was polled),
 * -ECONNRESET (queue pair is in error), -EINVAL.
 * Every work request that returned 0 completes exactly once.
 */
int roce_post_read(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
		   uint64_t remote_address, uint32_t rkey, uint64_t now_ns);
int roce_post_write(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		    uint64_t remote_address, uint32_t rkey, uint64_t now_ns);
int roce_post_send(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		   uint64_t now_ns);
/* The peer's receive completes with `immediate`. A WRITE with immediate uses one up, too. */
int roce_post_send_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			     uint32_t len_bytes, uint32_t immediate, uint64_t now_ns);
int roce_post_write_immediate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint64_t remote_address, uint32_t rkey, uint32_t immediate,
			      uint64_t now_ns);
/* The peer's region `rkey` ends when the message has arrived; -EACCES when it is not ours to end. */
int roce_post_send_invalidate(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint32_t rkey, uint64_t now_ns);
/* Eight bytes at `remote_address`, a multiple of 8; *original gets what stood there before, in our byte order. */
int roce_post_compare_swap(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			   uint64_t remote_address, uint32_t rkey, uint64_t compare, uint64_t swap, uint64_t now_ns);
int roce_post_fetch_add(struct roce_device *device, uint32_t qpn, uint64_t cookie, uint64_t *original,
			uint64_t remote_address, uint32_t rkey, uint64_t add, uint64_t now_ns);
int roce_post_receive(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes);

/* ------------------------------------------------------------------ counters */

/* Why packets and requests are refused: a counter for each cause, and what it says to an operator. */
#define ROCE_REFUSALS(X) \
	X(drop_short, "shorter than the headers that its opcode has") \
	X(drop_icrc, "damaged on its way, or made by somebody who cannot compute ICRCs") \
	X(drop_opcode, "no such opcode, or not one for a queue pair of this kind") \
	X(drop_version, "another version of the transport") \
	X(drop_length, "a length that the packet's type cannot have") \
	X(drop_pkey, "another partition") \
	X(drop_not_for_us, "another destination address or port") \
	X(drop_unknown_qp, "no such queue pair: a connection that is gone, or a guess") \
	X(drop_wrong_peer, "not from the queue pair's peer: a stranger, or a second machine with the address") \
	X(drop_not_connected, "for a queue pair that is not connected yet, or has failed") \
	X(drop_answer, "answers nothing that was asked, or not as it can be answered") \
	X(drop_too_many, "more READs or atomics at a time than the peer was given") \
	X(drop_stale, "repeats a READ or an atomic that its peer cannot want any more: a replay") \
	X(drop_repetitions, "repeats READs more often than losses explain: a replay") \
	X(reports_refused, "a report of held packets that cannot be true, or from a peer that agreed to none") \
	X(drop_foreign, "for the connection manager, but not from one: opcode, queue key or queue pair") \
	X(drop_malformed, "for the connection manager, but no message that it knows") \
	X(drop_unknown_connection, "names no connection with that peer: one that is gone, or a guess") \
	X(drop_unexpected, "a message that does not fit the state of its connection") \
	X(drop_flood, "more refusals were owed than are kept: somebody floods the connection manager") \
	X(drop_unauthenticated, "asks for a connection without the rack's key") \
	X(drop_unauthorized, "reads or writes before it has shown who it is") \
	X(drop_mac, "a packet without the MAC that its queue pair asks for, or with a wrong one: forged") \
	X(drop_replay, "a packet with a MAC that came before: recorded and played again") \
	X(refused_service, "a connect request for a port on which nothing listens") \
	X(refused_transport, "a connect request for another kind of transport than reliable connections") \
	X(refused_address, "a connect request whose addresses are not those of its packet, or not IPv4") \
	X(refused_mtu, "a connect request with a path MTU that does not exist, or larger than ours (the peer tries a smaller one)") \
	X(refused_fields, "a connect request with a number, a key or a header that cannot be") \
	X(refused_resources, "a connect request while all connections are in use") \
	X(refused_datagram_service, "a request for a datagram service (SIDR): there is none") \
	X(access_unknown_rkey, "no such rkey: a region that was given up, an epoch that is over, or a guess") \
	X(access_rights, "an access that the region does not allow") \
	X(access_bounds, "an address outside of the region") \
	X(access_wrong_peer, "the region of another peer") \
	X(access_refused_by_owner, "the region's owner refused: it is frozen, damaged or full") \
	X(naks_invalid_sent, "requests that break the protocol: their queue pair was ended")

/* What else happens. */
#define ROCE_COUNTERS(X) \
	X(packets_received) X(packets_sent) X(bytes_received) X(bytes_sent) \
	X(duplicates) X(sequence_errors) X(requests_held) X(requests_not_held) \
	X(acks_sent) X(naks_sequence_sent) X(naks_access_sent) \
	X(naks_operational_sent) X(rnr_naks_sent) X(naks_received) X(rnr_naks_received) \
	X(retransmits) X(probes_sent) X(probes_needless) X(timeouts) X(retry_exhausted) \
	X(reads_served) X(writes_served) X(sends_received) X(reads_completed) X(writes_completed) X(sends_completed) \
	X(reads_delayed) X(answers_delayed) X(atomics_served) X(atomics_completed) X(regions_invalidated) \
	X(congestion_marks_received) X(congestion_echoes_sent) X(congestion_reductions) \
	X(congestion_notices_sent) X(congestion_notices_received) \
	X(connects_received) X(connects_sent) X(connects_rejected) X(connects_challenged) X(connects_delayed) X(connections_lost)

struct roce_counters {
#define ROCE_COUNTER_FIELD(name) uint64_t name;
#define ROCE_REFUSAL_FIELD(name, meaning) uint64_t name;
	ROCE_REFUSALS(ROCE_REFUSAL_FIELD)
	ROCE_COUNTERS(ROCE_COUNTER_FIELD)
#undef ROCE_COUNTER_FIELD
#undef ROCE_REFUSAL_FIELD
};

const struct roce_counters *roce_counters(const struct roce_device *device);
/* The sum of all refusals. */
uint64_t roce_refused(const struct roce_counters *counters);
/* What the counter with this name (of ROCE_REFUSALS, without a prefix) says; NULL when there is none. */
const char *roce_refusal_meaning(const char *counter);
/* The reason of a ROCE_EVENT_REJECTED in words; never NULL. */
const char *roce_reject_reason_name(uint16_t reason);

#endif
