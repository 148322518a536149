/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside net/rpc: sessions, slots and what travels beside requests and replies.
 *
 * R1 One request a slot. A slot carries one request from rpc_call() until its reply has come; the slot's sequence number
 *    goes up by one for every request that was ever sent.
 * R2 Exactly once (I6). The server remembers of each slot the last sequence it accepted, and the reply to it until the
 *    caller has said that it saw it (`acknowledged` of any later message, or the slot's next request). The same sequence
 *    again is answered from there; the next one replaces it; any other is refused. A connection's end changes nothing in
 *    any slot.
 * R3 A session is a pair of incarnations. Messages of another pair are refused, and only a peer's new incarnation, a
 *    peer that has no memory of the session, or rpc_close() ends it. All its slots start afresh then. A listener forgets
 *    a session by itself only when its peer has been away for RPC_FORGET_NS and others wait for what its replies hold.
 * R4 `done` is called exactly once for every call, from rpc_poll().
 * R5 No receiver-not-ready. Every SEND has a receive waiting for it:
 *    - a reply or an echo the one that was posted before its request or ping was sent;
 *    - a request or a ping one of those granted to its sender: `credits` counts all that were ever granted on the connection,
 *      and the sender's count of what it sent never passes it. The opener keeps the last one for its ping, so that a
 *      session whose requests wait is not taken for dead.
 *    A granted receive is never taken back: a peer's grants shrink by not being renewed.
 * R6 A buffer given to the device is not touched until its completion, or until its queue pair is gone.
 * R7 A dead peer is seen: RPC_SILENCE_NS without any message ends the connection. The opener pings after RPC_PING_IDLE_NS.
 * R8 An abandoned request (its call timed out) is not run by a server that gets it later, but the slot stays in use until the
 *    server has said so: the caller cannot know otherwise, and R2 needs the answer.
 * R9 Nothing runs dry. Every buffer in use is on somebody's account, and the accounts together are the pool: two a session
 *    (a listener's: one granted for a request, one for a ping; an opener's: one granted, one for the echo), one for the
 *    message and one for the reply of every call, one a served request, one a connection that waits for its hello, `receives_max` spare ones for busy peers. What is
 *    out of pools waits: a call is refused with -ENOBUFS, a request stays in its receive and the credit with it.
 * R10 Long bodies are pulled. A body above RPC_INLINE_BYTES_MAX stays at its sender, in a region for this connection only;
 *    the receiver READs it when it has a place for it, and the message counts as received when the whole body is there.
 *
 * R12 Messages share SENDs. What is wanted at the same moment goes together, up to what fits a receive: a message with a whole
 *    header, and followers with what is their own; all are requests, or all are replies. What is pulled, a ping and a hello
 *    go alone. A SEND uses up one receive, so a reply may follow another only when its request said so (RPC_FLAG_TOGETHER):
 *    the receive that was posted for it stays posted, and for that its caller has set aside one of the spare ones (R9).
 *
 * R11 Nothing unauthenticated (I8). Every SEND has a MAC under its connection's keys, with the number of the SEND as
 *    its counter; it is checked before anything else. One that is not good ends the connection, as what it stood in for is lost.
 *    A connection that was accepted is no session's before its first message, the hello, was found good: it waits in a
 *    bounded table, for RPC_HELLO_NS.
 * R13 No lockout. An opener that knows two keys of the rack asks with the one in use, and with the other when it had no
 *    answer: it may have been away when the listener forgot the first. The session tells it of the keys, once it is in.
 *
 * The connection of a session; the left column is the opener's (connect.c), the right one the listener's (accept.c):
 *
 *	rpc_open                                             connect request, past the guard
 *	   |                                                       | (answer)
 *	   v          retry time                                   v
 *	WAITING ---------------------> CONNECTING              pending: no session ---- bad MAC, RPC_HELLO_NS: gone
 *	   ^    (rpc_connect)           ^  |    |                  |
 *	   |                  challenge +--+    | answered,        | good hello: answered (hello_good)
 *	   |  rejected, unreachable             | hello sent       v
 *	   +<------ CONNECTING                  v                 UP <---------- good hello on another connection,
 *	   |  lost, refused, silence        GREETING               |             which replaces this one
 *	   +<--------------------------------+  | hello            | lost, silence
 *	   |  lost, silence                     v                  v
 *	   +<--------------------------------- UP                 LOST ---- good hello: UP
 *	      (rpc_session_lost; backoff)
 *
 *	any state -- rpc_close --> CLOSING -- callbacks done (endpoint.c) --> FREE
 *
 * A call (call.c):  FREE -- rpc_call --> OPEN -- reply, timeout, reset --> DONE -- done() --> FREE
 *	A reply with a long body makes it PULLING first. A timed-out call that was sent goes on as ABANDONED until the reply or
 *	a reset; without a connection the session keeps its type only. One whose SEND has still to complete is GONE.
 * A served request (serve.c): FREE -- request --> [PULLING -->] RECEIVED -- handler --> RUNNING -- rpc_reply --> REPLIED
 *	-- acknowledged, next request --> [GONE until the reply's SEND has completed -->] FREE
 */
#ifndef PLENUM_NET_RPC_INTERNAL_H
#define PLENUM_NET_RPC_INTERNAL_H

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "net/rpc/records.h"

/* Completion cookies: session, connection serial, kind; call, serve record or buffer. */
enum cookie_kind {
	COOKIE_CALL, COOKIE_CALL_PULL, COOKIE_REPLY, COOKIE_SERVE_PULL, COOKIE_CONTROL, COOKIE_RECEIVE,
	COOKIE_PENDING_RECEIVE, COOKIE_PENDING_SEND,	/* of no session yet: `serial` is the pending entry's */
};

static inline uint64_t cookie_make(uint32_t session, uint16_t serial, enum cookie_kind kind, uint32_t index)
{
	return (uint64_t)session << 48 | (uint64_t)serial << 32 | (uint64_t)kind << 16 | index;
}

static inline uint32_t rpc_session_index(const struct rpc_endpoint *endpoint, const struct rpc_session *session)
{
	return (uint32_t)(session - endpoint->sessions);
}

static inline uint64_t rpc_peer_tag(uint32_t tag)
{
	return RPC_PEER_TAG_BASE | tag;
}

static inline bool rpc_session_has_connection(const struct rpc_session *session)
{
	return session->state == SESSION_CONNECTING || session->state == SESSION_GREETING || session->state == SESSION_UP;
}

static inline uint16_t rpc_bit(uint32_t slot)
{
	return (uint16_t)(1u << slot);
}

/* The call in a slot, or NULL. */
static inline struct rpc_call *rpc_call_of(const struct rpc_endpoint *endpoint, const struct rpc_session *session, uint32_t slot)
{
	if (session->calls[slot] == RPC_NONE || (session->abandoned & rpc_bit(slot)))
		return NULL;
	return &endpoint->calls[session->calls[slot]];
}

/* Lists are linked through an array beside what they hold. Popping from an empty one gives RPC_NONE. */
static inline void rpc_list_push(struct rpc_list *list, uint16_t *links, uint16_t index)
{
	links[index] = RPC_NONE;
	if (list->first == RPC_NONE)
		list->first = index;
	else
		links[list->last] = index;
	list->last = index;
}

static inline uint16_t rpc_list_pop(struct rpc_list *list, const uint16_t *links)
{
	uint16_t index = list->first;

	if (index != RPC_NONE)
		list->first = links[index];
	return index;
}

/* A stack: the buffer that was used last is the warmest. */
static inline uint16_t rpc_buffer_take(struct rpc_endpoint *endpoint)
{
	return rpc_list_pop(&endpoint->buffers_free, endpoint->buffer_links);
}

static inline void rpc_buffer_free(struct rpc_endpoint *endpoint, uint16_t buffer)
{
	assert(buffer < endpoint->buffers_count);
	endpoint->buffer_links[buffer] = endpoint->buffers_free.first;
	endpoint->buffers_free.first = buffer;
}

/* endpoint.c */
void rpc_ready_push(struct rpc_endpoint *endpoint, enum ready_kind kind, uint32_t index);
void rpc_deadline_lower(struct rpc_endpoint *endpoint, uint64_t deadline_ns);
const struct rpc_type *rpc_type_find(const struct rpc_endpoint *endpoint, uint16_t type);

/* stats.c */
uint32_t rpc_stats_count(const struct rpc_config *config);
void rpc_stats_start(struct rpc_endpoint *endpoint);
void rpc_stats_call(struct rpc_endpoint *endpoint, const struct rpc_call *call, uint32_t reply_bytes, uint64_t now_ns);
void rpc_stats_serve(struct rpc_endpoint *endpoint, const struct rpc_serve *serve, uint32_t request_bytes, int status, uint64_t now_ns);

/* pool.c: what is taken is NULL or RPC_NONE when there is none. */
void rpc_list_fill(struct rpc_list *list, uint16_t *links, uint32_t first, uint32_t count);
/* `index` is in the list. */
void rpc_list_remove(struct rpc_list *list, uint16_t *links, uint16_t index);
/* What shares its message with others needs a buffer of its own, for as long as it is wanted. */
uint16_t rpc_buffer_copy(struct rpc_endpoint *endpoint, const struct rpc_arrival *arrival);
struct rpc_call *rpc_call_take(struct rpc_endpoint *endpoint);
void rpc_call_free(struct rpc_endpoint *endpoint, struct rpc_call *call);
struct rpc_serve *rpc_serve_take(struct rpc_endpoint *endpoint);
void rpc_serve_free(struct rpc_endpoint *endpoint, struct rpc_serve *serve);
void rpc_serve_body_free(struct rpc_endpoint *endpoint, struct rpc_serve *serve);
uint16_t rpc_body_take(struct rpc_endpoint *endpoint, struct rpc_list *free);

/* table.c: finding sessions, and the one that has to be looked at next. */
uint32_t rpc_session_handle(const struct rpc_endpoint *endpoint, const struct rpc_session *session);
struct rpc_session *rpc_session_of_handle(struct rpc_endpoint *endpoint, uint32_t handle);
struct rpc_session *rpc_session_of_address(struct rpc_endpoint *endpoint, uint32_t address, bool opener, uint16_t port);
struct rpc_session *rpc_session_of_connection(struct rpc_endpoint *endpoint, uint32_t connection);
struct rpc_session *rpc_session_take(struct rpc_endpoint *endpoint, uint32_t address);
void rpc_session_unlink_address(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_session_free(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_session_set_connection(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t connection);
void rpc_session_clear_connection(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_timer_lower(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t timer_ns);
/* Look at the session's deadline again (it may be later now). */
void rpc_timer_set(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t timer_ns);
struct rpc_session *rpc_timer_first(struct rpc_endpoint *endpoint);

/* session.c */
void rpc_session_lost(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
/* The peer's good hello has come: who it is, and whether it remembers us. */
void rpc_session_bind(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_header *header, bool resumed);
void rpc_session_established(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_forget_slots(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_session_drop_connection(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
/* Requests wait: the LOST session that has been away longest, and long enough, makes a place for them (R3). */
void rpc_session_forget_one(struct rpc_endpoint *endpoint, uint64_t now_ns);
void rpc_session_tell_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_session_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
uint64_t rpc_session_deadline_ns(const struct rpc_endpoint *endpoint, const struct rpc_session *session);

/* hello.c */
/* Send ours, first of all messages. False: the queue pair is in error. */
bool rpc_hello_send(struct rpc_endpoint *endpoint, struct rpc_session *session, bool resumed, uint64_t now_ns);
/* Write a refusal into `message`. Returns its length without the MAC. */
uint32_t rpc_hello_refuse(const struct rpc_endpoint *endpoint, uint8_t *message, int status);
/* Is this a hello that we can live with? 0 or the status of the refusal. */
int rpc_hello_parse(struct rpc_endpoint *endpoint, const uint8_t *message, uint32_t len_bytes, uint16_t flags,
		    struct rpc_header *header, struct rpc_hello *hello);
void rpc_hello_refused(struct rpc_endpoint *endpoint, uint32_t address, int status, uint8_t version_major, uint64_t now_ns);

/* connect.c: the opener. */
void rpc_connect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
void rpc_connect_ended(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_connect_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_connect_hello(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t buffer, uint32_t len_bytes,
		       uint64_t now_ns);

/* accept.c: the listener. */
void rpc_accept_request(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
/* Something happened to a connection that is no session's: perhaps it is a pending one. */
void rpc_accept_event(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_accept_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
void rpc_accept_timers(struct rpc_endpoint *endpoint, uint64_t now_ns);
uint64_t rpc_accept_deadline_ns(const struct rpc_endpoint *endpoint);
void rpc_accept_key_forgotten(struct rpc_endpoint *endpoint, uint8_t key_id, uint64_t now_ns);

/* mac.c */
void rpc_mac_pool(struct rpc_endpoint *endpoint);
void rpc_mac_init(struct secure_mac *mac, const uint8_t key[SECURE_KEY_BYTES]);
void rpc_mac_seal_with(const struct secure_mac *mac, uint64_t counter, uint8_t *message, uint32_t len_bytes);
bool rpc_mac_good_with(const struct secure_mac *mac, uint64_t counter, uint8_t *message, uint32_t len_bytes);
/* A fresh connection with these keys, which are copied. */
void rpc_mac_start(struct rpc_session *session, const uint8_t *send, const uint8_t *receive);
void rpc_mac_end(struct rpc_endpoint *endpoint, struct rpc_session *session);
/* Write the next message's trailer. */
void rpc_mac_seal(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes);
/* Check an arrived message, trailer included. Every message that arrived is checked once. */
bool rpc_mac_good(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes);
void rpc_mac_body(struct rpc_endpoint *endpoint, struct rpc_session *session, const uint8_t *body, uint32_t len_bytes,
		  uint8_t tag[SECURE_TAG_BYTES]);
bool rpc_mac_body_good(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t counter, const uint8_t *body,
		       uint32_t len_bytes, const uint8_t tag[SECURE_TAG_BYTES]);

/* receive.c: posting receives, sorting what arrived. */
/* A fresh connection: grant the peer what it may use at once. */
void rpc_receive_start(struct rpc_endpoint *endpoint, struct rpc_session *session);
/* Before so many requests or a ping are sent: is there a receive for each answer? */
bool rpc_receive_expect(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t answers);
/* They were sent. */
void rpc_receive_expected(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t answers);
/* May the reply to a call follow another? Sets a spare receive aside for it. */
bool rpc_receive_set_aside(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slot);
/* Grant the peer receives: what it needs, and with `grow` what it can use. */
void rpc_receive_grant(struct rpc_endpoint *endpoint, struct rpc_session *session, bool grow);
/* A request has left the receive in which it waited. */
void rpc_receive_waited(struct rpc_endpoint *endpoint, struct rpc_session *session);
/* The queue pair is gone: all its receives come back. */
void rpc_receive_drop(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_receive_completed(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t buffer, uint32_t len_bytes,
			   uint64_t now_ns);

/* transfer.c */
/* Give a message its MAC and to the device. `len_bytes` without the MAC. False: the queue pair is in error. */
bool rpc_transfer_send(struct rpc_endpoint *endpoint, struct rpc_session *session, uint8_t *message, uint32_t len_bytes,
		       enum cookie_kind kind, uint32_t index, uint64_t now_ns);
void rpc_transfer_completion(struct rpc_endpoint *endpoint, const struct roce_event *event, uint64_t now_ns);
/* Post all that is wanted and can go; at the end of rpc_poll(), when it runs. */
void rpc_transfer_pump(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);

void rpc_transfer_pump_run(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);

/* pull.c: long bodies (R10). */
/* Open `body` to the peer and write the rpc_pull of the message that is sent next. False: no region is free. */
bool rpc_pull_offer(struct rpc_endpoint *endpoint, struct rpc_session *session, uint16_t body, uint32_t len_bytes,
		    uint32_t *rkey, struct rpc_pull *pull);
void rpc_pull_withdraw(struct rpc_endpoint *endpoint, uint32_t *rkey);
/* Where a received message's body is; false when that is nowhere a body can be. */
bool rpc_pull_parse(const struct rpc_header *header, const uint8_t *body, struct rpc_pull *pull);
/* READ a long body into `body`; false when the queue pair takes no more. */
bool rpc_pull_start(struct rpc_endpoint *endpoint, const struct rpc_session *session, const struct rpc_pull *pull, uint16_t body,
		    enum cookie_kind kind, uint32_t index, uint64_t now_ns);

/* message.c */
void rpc_message_seal(uint8_t *message, struct rpc_header *header, const void *body, uint32_t len_bytes);
void rpc_message_header(const struct rpc_endpoint *endpoint, const struct rpc_session *session, struct rpc_header *header);
/* May a follower with such a body be appended to a message of `message_bytes`? */
bool rpc_message_has_room(uint32_t message_bytes, uint32_t len_bytes);
/* Append what `header` says and its body. Returns the message's new length. */
uint32_t rpc_message_append(uint8_t *message, uint32_t message_bytes, const struct rpc_header *header, const void *body);
/* The last follower was appended. Returns the message's length. */
uint32_t rpc_message_end(uint8_t *message, uint32_t message_bytes);
/* Drop what stands before the part that `header` and `body` are of; `followers` stand behind it. */
void rpc_message_keep(uint8_t *message, const struct rpc_header *header, const uint8_t *body, uint32_t followers);

/* call.c */
/* A reply arrived; true when its buffer is kept. `expected`: whether it answers a call. */
bool rpc_call_reply(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival, bool *expected);
void rpc_call_pulled(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, uint64_t now_ns);
/* Write the message as of now. False: it cannot go yet. */
bool rpc_call_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call, uint32_t *len_bytes,
		      uint64_t now_ns);
/* Can it follow another, in a message of `message_bytes`? */
bool rpc_call_may_follow(const struct rpc_call *call, uint32_t message_bytes);
/* Append it. Returns the message's new length. */
uint32_t rpc_call_append(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_call *call, uint8_t *message,
			 uint32_t message_bytes, uint64_t now_ns);
/* It was sent. */
void rpc_call_went(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_call *call);
/* Calls that were abandoned while there was no connection: send word of them. */
void rpc_call_revive(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_call_sent(struct rpc_endpoint *endpoint, struct rpc_call *call);
void rpc_call_disconnected(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_call_forget(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_call_run_done(struct rpc_endpoint *endpoint, struct rpc_call *call, uint64_t now_ns);
void rpc_call_timers(struct rpc_endpoint *endpoint, struct rpc_session *session, uint64_t now_ns);
/* Start the READs of replies that found no place for their body. */
void rpc_call_pulls(struct rpc_endpoint *endpoint, uint64_t now_ns);

/* serve.c */
enum serve_verdict { SERVE_TAKEN, SERVE_WAIT, SERVE_DROPPED };
/* TAKEN: so is the buffer. WAIT: try again when something has become free. */
enum serve_verdict rpc_serve_request(struct rpc_endpoint *endpoint, struct rpc_session *session,
				     const struct rpc_arrival *arrival, uint64_t now_ns);
/* The same for all requests of a SEND. WAIT: those that are left stand in the buffer. */
enum serve_verdict rpc_serve_requests(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_arrival *arrival,
				      uint64_t now_ns);
void rpc_serve_wait(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_arrival *arrival);
void rpc_serve_pulled(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve, uint64_t now_ns);
/* Write the message as of now. False: it cannot go yet. */
bool rpc_serve_prepare(struct rpc_endpoint *endpoint, struct rpc_session *session, struct rpc_serve *serve, uint32_t *len_bytes);
bool rpc_serve_may_follow(const struct rpc_serve *serve, uint32_t message_bytes);
uint32_t rpc_serve_append(struct rpc_endpoint *endpoint, struct rpc_session *session, const struct rpc_serve *serve,
			  uint8_t *message, uint32_t message_bytes);
void rpc_serve_sent(struct rpc_endpoint *endpoint, struct rpc_serve *serve);
void rpc_serve_acknowledged(struct rpc_endpoint *endpoint, struct rpc_session *session, uint32_t slots);
void rpc_serve_disconnected(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_serve_forget(struct rpc_endpoint *endpoint, struct rpc_session *session);
void rpc_serve_run(struct rpc_endpoint *endpoint, struct rpc_serve *serve, uint64_t now_ns);
/* Take in requests that waited. */
void rpc_serve_admit(struct rpc_endpoint *endpoint, uint64_t now_ns);

#endif
