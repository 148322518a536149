/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A peer of an RPC endpoint that says whatever the input says: with the rack's key and right MACs (a hostile node), or with
 * wrong ones (somebody on the wire). It has a device, a queue and handshakes, but no endpoint.
 */
#ifndef PLENUM_TESTS_FUZZ_RPC_LIAR_H
#define PLENUM_TESTS_FUZZ_RPC_LIAR_H

#include <assert.h>
#include <stdlib.h>

#include "tests/fuzz/records.h"
#include "tests/unit/rpc_invariants.h"
#include "tests/unit/secure_fixture.h"

#define PORT 5000
#define RECEIVES 8u

enum { VICTIM = 0, LIAR = 1 };		/* devices on the wire; the liars from LIAR on */

struct liar {
	struct wire *wire;
	unsigned number;
	bool listens;			/* the victim opens the session */
	uint64_t victim_incarnation;
	struct roce_device *device;
	struct secure *secure;
	struct secure_handshake handshake;
	struct secure_mac mac_send, mac_receive;
	uint64_t counter_sent, counter_received;
	int queue;
	uint32_t connection, qpn;
	bool up, challenged, polite;	/* polite: it answers pings */
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	uint8_t receives[RECEIVES][RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(16)));
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(16)));
	uint8_t body[RPC_BODY_BYTES_MAX + 64];
	uint32_t rkey;
	uint64_t incarnation;
	struct rpc_header asked[RPC_SLOTS];	/* the victim's last request of each slot */
	struct rpc_pull pull;		/* the last long body it offered */
	uint32_t sequence[RPC_SLOTS];
};

static inline void liar_run_ms(struct liar *liar, uint64_t ms)
{
	wire_run(liar->wire, NULL, NULL, ms * WIRE_MILLISECOND);
}

/* ---------------------------------------------------------------- what it says */

static inline void liar_posts(struct liar *liar, uint32_t len_bytes, bool good_mac)
{
	rpc_mac_seal_with(&liar->mac_send, liar->counter_sent + !good_mac, liar->message, len_bytes);
	if (roce_post_send(liar->device, liar->qpn, 100, liar->message, len_bytes + RPC_TRAILER_BYTES, liar->wire->now_ns) == 0)
		liar->counter_sent++;
}

static inline struct rpc_header liar_header(const struct liar *liar, uint16_t flags)
{
	return (struct rpc_header){
		.magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES, .flags = flags,
		.source_node = liar->number, .session = flags & RPC_FLAG_REPLY ? liar->victim_incarnation : liar->incarnation,
	};
}

static inline void liar_echoes(struct liar *liar)
{
	struct rpc_header header = liar_header(liar, RPC_FLAG_PING | RPC_FLAG_REPLY);

	header.credits = (uint16_t)(RECEIVES + liar->counter_received);
	rpc_message_seal(liar->message, &header, NULL, 0);
	liar_posts(liar, RPC_HEADER_BYTES, true);
}

/* Change a byte of the message where the input says so, and send it, with a MAC that is right or not. */
static inline void liar_sends(struct liar *liar, struct input *input, uint8_t change, uint32_t len_bytes)
{
	if (change & 1)
		liar->message[take(input) % len_bytes] ^= take(input);
	liar_posts(liar, len_bytes, (change & 0xc0) != 0xc0);
	liar_run_ms(liar, 1);
}

/* What a message in this slot says: `step` chooses the next one, the last one again, or one that cannot be. */
static inline void liar_fills(struct liar *liar, struct rpc_header *header, unsigned slot, uint8_t step, uint8_t last)
{
	const struct rpc_header *asked = &liar->asked[slot % RPC_SLOTS];

	header->slot = (uint16_t)slot;
	if (header->flags & RPC_FLAG_REPLY) {
		header->sequence = asked->sequence + (step == 3);
		header->type = asked->type;
		header->status = (int8_t)last;
		return;
	}
	header->type = 1 + slot % 4;
	header->deadline_us = last * 10000u;
	if (slot < RPC_SLOTS) {
		liar->sequence[slot] += step < 2;
		header->sequence = liar->sequence[slot] + (step == 3 ? 5 : 0);
	}
}

/* A header that is good but for what the input changes, and perhaps messages of other slots behind it. */
static inline void liar_says(struct liar *liar, struct input *input, uint16_t flags, uint32_t len_bytes)
{
	struct rpc_header header = liar_header(liar, flags);
	uint8_t change = take(input), slot = take(input) % (RPC_SLOTS + 1), step = take(input) % 4, seen, last;
	uint32_t followers = change >> 1 & 7;

	header.version_minor = change >> 4 & 1;
	header.credits = (uint16_t)(take(input) << 4);
	seen = take(input);
	header.acknowledged = seen & 1 ? UINT32_MAX : seen * 0x101u;
	last = take(input);
	liar_fills(liar, &header, slot, step, last);
	rpc_message_seal(liar->message, &header, liar->message + RPC_HEADER_BYTES, len_bytes);
	len_bytes += RPC_HEADER_BYTES;
	header.body_len_bytes = last % 8;
	for (uint32_t i = 1; i <= followers && i <= RPC_FOLLOWERS_MAX && rpc_message_has_room(len_bytes, header.body_len_bytes); i++) {
		liar_fills(liar, &header, (slot + i) % (RPC_SLOTS + 1), step, last);
		len_bytes = rpc_message_append(liar->message, len_bytes, &header, liar->body);
	}
	if (followers > 0)
		len_bytes = rpc_message_end(liar->message, len_bytes);
	liar_sends(liar, input, change, len_bytes);
}

/* Who it is, whether it remembers, and (as the listener) whether it wants the victim at all. */
static inline void liar_greets(struct liar *liar, struct input *input)
{
	uint8_t how = take(input), change = take(input);
	struct rpc_hello hello = { .peer_incarnation = how & 1 ? liar->victim_incarnation : how >> 4, .resumed = how >> 1 & 1 };
	struct rpc_header header;

	if (how & 4)
		liar->incarnation++;
	if ((how & 3) != 3)
		memset(liar->sequence, 0, sizeof(liar->sequence));
	header = liar_header(liar, liar->listens ? RPC_FLAG_HELLO | RPC_FLAG_REPLY : RPC_FLAG_HELLO);
	header.session = liar->incarnation;
	header.credits = RECEIVES;
	header.status = how & 8 ? -(how >> 4) : 0;
	rpc_message_seal(liar->message, &header, &hello, sizeof(hello));
	liar_sends(liar, input, change, RPC_HEADER_BYTES + sizeof(hello));
}

/* A long body: really there and sealed, or not. */
static inline void liar_pulls(struct liar *liar, struct input *input)
{
	uint8_t how = take(input);
	struct rpc_pull pull = { .rkey = liar->rkey, .len_bytes = take(input) * 17u };

	if (how & 1)
		pull.rkey ^= take(input);
	if (how & 2)
		pull.address = take(input) * UINT64_C(0x0101010101010101);
	secure_mac_tag(&liar->mac_send, (liar->counter_sent | RPC_BODY_COUNTER) + (how >> 2 & 1), liar->body,
		       pull.len_bytes <= sizeof(liar->body) ? pull.len_bytes : 0, pull.tag);
	memcpy(liar->message + RPC_HEADER_BYTES, &pull, sizeof(pull));
	liar_says(liar, input, how & 8 ? RPC_FLAG_PULL | RPC_FLAG_REPLY : RPC_FLAG_PULL, sizeof(pull) - (how & 16 ? 1 : 0));
}

/* Bytes of no form at all. */
static inline void liar_babbles(struct liar *liar, struct input *input)
{
	uint32_t len_bytes = take(input) % (RPC_MESSAGE_BYTES_MAX + 1);

	for (uint32_t i = 0; i < len_bytes; i++)
		liar->message[i] ^= take(input);
	if (roce_post_send(liar->device, liar->qpn, 100, liar->message, len_bytes, liar->wire->now_ns) == 0)
		liar->counter_sent++;
	liar_run_ms(liar, 1);
}

static inline void liar_reads(struct liar *liar, struct input *input)
{
	static uint8_t into[RPC_BODY_BYTES_MAX + 256];
	uint32_t len_bytes = take(input) & 1 ? liar->pull.len_bytes : take(input) * 17u;

	if (len_bytes <= sizeof(into))
		roce_post_read(liar->device, liar->qpn, 200, into, len_bytes, liar->pull.address + take(input), liar->pull.rkey,
			       liar->wire->now_ns);
	liar_run_ms(liar, 1);
}

/* ---------------------------------------------------------------- its connection */

static inline void liar_receive(struct liar *liar, const struct roce_event *event)
{
	uint8_t *message = liar->receives[event->cookie];
	const uint8_t *body;
	struct rpc_header header;

	/* The victim never lies: right MACs, in order, of messages that are well formed. */
	assert(rpc_mac_good_with(&liar->mac_receive, liar->counter_received++, message, event->len_bytes));
	assert(rpc_decode(message, event->len_bytes - RPC_TRAILER_BYTES, &header, &body) == 0);
	if (header.flags & RPC_FLAG_PULL)
		memcpy(&liar->pull, body, sizeof(liar->pull));
	for (uint32_t i = 0; (header.flags & (RPC_FLAG_REPLY | RPC_FLAG_HELLO | RPC_FLAG_PING)) == 0; i++) {
		liar->asked[header.slot] = header;
		if (i == header.followers)
			break;
		rpc_decode_follower(message, &header, &body);
	}
	roce_post_receive(liar->device, liar->qpn, event->cookie, liar->receives[event->cookie], RPC_MESSAGE_BYTES_MAX);
	if (header.flags == RPC_FLAG_PING && liar->polite)
		liar_echoes(liar);
}

static inline void liar_keys(struct liar *liar, const struct secure_keys *keys)
{
	rpc_mac_init(&liar->mac_send, keys->send);
	rpc_mac_init(&liar->mac_receive, keys->receive);
	liar->counter_sent = liar->counter_received = 0;
}

static inline void liar_receives(struct liar *liar)
{
	for (uint32_t i = 0; i < RECEIVES; i++)
		roce_post_receive(liar->device, liar->qpn, i, liar->receives[i], RPC_MESSAGE_BYTES_MAX);
}

static inline void liar_accept(struct liar *liar, const struct roce_event *event, uint64_t now_ns)
{
	const struct roce_guard_request request = { .address = event->remote_address, .port = event->service_port,
						    .private_data = event->private_data,
						    .private_len_bytes = event->len_bytes };
	uint8_t answer[SECURE_ANSWER_BYTES];
	struct secure_keys keys;

	if (liar->up)
		roce_disconnect(liar->device, liar->connection, now_ns);
	liar->up = false;
	if (secure_answer(liar->secure, &request, 0, answer, &keys, now_ns) != 0 ||
	    roce_accept_begin(liar->device, event->connection, 0, &liar->qpn) != 0) {
		roce_disconnect(liar->device, event->connection, now_ns);
		return;
	}
	liar->connection = event->connection;
	liar_keys(liar, &keys);
	liar_receives(liar);
	liar->up = roce_accept_finish(liar->device, event->connection, answer, sizeof(answer), now_ns) == 0;
}

static inline void liar_event(struct liar *liar, const struct roce_event *event, uint64_t now_ns)
{
	struct secure_keys keys;

	if (event->type == ROCE_EVENT_COMPLETION) {
		if (event->opcode == ROCE_RECEIVE && event->status == 0 && event->qpn == liar->qpn)
			liar_receive(liar, event);
	} else if (event->type == ROCE_EVENT_CONNECT_REQUEST) {
		liar_accept(liar, event, now_ns);
	} else if (event->connection != liar->connection) {
		return;
	} else if (event->type == ROCE_EVENT_ESTABLISHED) {
		if (!liar->listens && secure_finish(liar->secure, &liar->handshake, event->private_data, event->len_bytes, &keys) == 0) {
			liar_keys(liar, &keys);
			liar->up = true;
		}
	} else {
		liar->up = false;
		liar->challenged = event->type == ROCE_EVENT_REJECTED &&
				   secure_challenge(event->private_data, event->len_bytes, liar->challenge);
	}
}

static inline void liar_poll(void *context, uint64_t now_ns)
{
	struct liar *liar = context;
	struct roce_event event;

	while (roce_queue_poll(liar->device, liar->queue, &event))
		liar_event(liar, &event, now_ns);
}

static inline void liar_asks(struct liar *liar, const uint8_t *challenge)
{
	const struct secure_route route = { .address = WIRE_ADDRESS(VICTIM), .port = PORT, .node = liar->number };
	uint8_t private_data[SECURE_REQUEST_BYTES];
	const struct roce_connect connect = {
		.remote_address = WIRE_ADDRESS(VICTIM), .remote_port = PORT, .queue = liar->queue, .private_data = private_data,
		.private_len_bytes = sizeof(private_data), .timeout_ns = WIRE_SECOND,
	};

	assert(secure_request(liar->secure, &liar->handshake, &route, challenge, private_data) == 0);
	if (roce_connect(liar->device, &connect, &liar->connection, liar->wire->now_ns) != 0)
		return;
	liar->qpn = roce_connection_qpn(liar->device, liar->connection);
	liar_receives(liar);
	liar_run_ms(liar, 1);
}

/* Ends what there is. As the opener it connects anew; else the victim does. */
static inline void liar_connects(struct liar *liar)
{
	if (liar->listens) {
		if (liar->up)
			roce_disconnect(liar->device, liar->connection, liar->wire->now_ns);
		liar->up = false;
		liar_run_ms(liar, 200);
		return;
	}
	roce_disconnect(liar->device, liar->connection, liar->wire->now_ns);
	liar->up = liar->challenged = false;
	liar_asks(liar, NULL);
	if (liar->challenged)
		liar_asks(liar, liar->challenge);
}

/* Connect again, and greet, or not; or go away for good. */
static inline void liar_reconnects(struct liar *liar, struct input *input)
{
	uint8_t how = take(input);

	if (how & 2) {
		roce_disconnect(liar->device, liar->connection, liar->wire->now_ns);
		liar->up = false;
		return;
	}
	liar_connects(liar);
	if (how & 1)
		liar_greets(liar, input);
}

static inline void liar_make(struct liar *liar, struct wire *wire, unsigned number, const struct roce_limits *limits)
{
	const struct roce_guard guard = { secure_guard_check, liar->secure = secure_fixture(wire, number) };
	struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .context = liar->body, .len_bytes = sizeof(liar->body),
					     .access = ROCE_ACCESS_REMOTE_READ };

	liar->wire = wire;
	liar->number = number;
	liar->incarnation = 0x777;
	liar_keys(liar, &(struct secure_keys){ 0 });	/* before there is a connection, nothing that it says is good */
	liar->device = wire_add(wire, limits, 4096);
	assert(wire->devices == number + 1);
	liar->queue = roce_queue_create(liar->device);
	assert(roce_listen_guarded(liar->device, PORT, liar->queue, 0, &guard) == 0);
	assert(roce_memory_register(liar->device, &region, &liar->rkey) == 0);
	wire_hook(wire, liar_poll, NULL, liar);
}

#endif
