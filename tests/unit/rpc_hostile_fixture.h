/* SPDX-License-Identifier: GPL-2.0-only */
/* A peer with the rack's key that says what a test tells it to, through a raw RoCE connection. Include in one file of a test program. */
#ifndef PLENUM_TESTS_RPC_HOSTILE_FIXTURE_H
#define PLENUM_TESTS_RPC_HOSTILE_FIXTURE_H

#include "tests/unit/rpc_fixture.h"

struct liar {
	struct roce_device *device;
	struct secure *secure;
	struct secure_handshake handshake;
	struct secure_mac mac_send, mac_receive;
	uint64_t counter_sent, counter_received;
	int queue;
	uint32_t connection, qpn;
	bool up, ended, challenged;	/* up: past the handshake */
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	unsigned sent, received;
	uint8_t receives[8][RPC_MESSAGE_BYTES_MAX];
	uint8_t message[RPC_MESSAGE_BYTES_MAX] __attribute__((aligned(8)));
	struct rpc_header answer;	/* the last message that came */
	struct rpc_hello hello;
};

static inline void liar_receives(struct liar *liar, const struct roce_event *event)
{
	uint8_t *message = liar->receives[event->cookie];

	liar->received++;
	assert_true(rpc_mac_good_with(&liar->mac_receive, liar->counter_received++, message, event->len_bytes));
	memcpy(&liar->answer, message, sizeof(liar->answer));
	if (liar->answer.flags & RPC_FLAG_HELLO)
		memcpy(&liar->hello, message + RPC_HEADER_BYTES, sizeof(liar->hello));
}

static inline void liar_established(struct liar *liar, const struct roce_event *event)
{
	struct secure_keys keys;

	assert_int_equal(secure_finish(liar->secure, &liar->handshake, event->private_data, event->len_bytes, &keys), 0);
	rpc_mac_init(&liar->mac_send, keys.send);
	rpc_mac_init(&liar->mac_receive, keys.receive);
	liar->counter_sent = liar->counter_received = 0;
	liar->up = true;
}

static inline void liar_event(struct liar *liar, const struct roce_event *event)
{
	if (event->type == ROCE_EVENT_COMPLETION) {
		liar->sent += event->opcode == ROCE_SEND && event->status == 0;
		if (event->opcode == ROCE_RECEIVE && event->status == 0)
			liar_receives(liar, event);
	} else if (event->connection == liar->connection && event->type == ROCE_EVENT_ESTABLISHED) {
		liar_established(liar, event);
	} else if (event->connection == liar->connection) {
		liar->up = false;
		liar->ended = true;
		liar->challenged = event->type == ROCE_EVENT_REJECTED &&
				   secure_challenge(event->private_data, event->len_bytes, liar->challenge);
	}
}

static inline void liar_poll(void *context, uint64_t now_ns)
{
	struct liar *liar = context;
	struct roce_event event;

	(void)now_ns;
	while (roce_queue_poll(liar->device, liar->queue, &event))
		liar_event(liar, &event);
}

static inline uint64_t liar_deadline(void *context)
{
	(void)context;
	return UINT64_MAX;
}

static inline void liar_make(struct pair *pair, struct liar *liar)
{
	const struct roce_limits limits = test_limits();

	memset(liar, 0, sizeof(*liar));
	liar->secure = secure_fixture(&pair->wire, pair->wire.devices);
	liar->device = wire_add(&pair->wire, &limits, 4096);
	liar->queue = roce_queue_create(liar->device);
	assert_true(liar->queue >= 0);
	wire_hook(&pair->wire, liar_poll, liar_deadline, liar);
}

static inline bool liar_settled(void *context)
{
	struct liar *liar = context;

	return liar->up || liar->ended;
}

static inline void liar_asks(struct pair *pair, struct liar *liar, const uint8_t *challenge)
{
	const struct secure_route route = { .address = WIRE_ADDRESS(1), .port = TEST_PORT, .node = 66 };
	uint8_t private_data[SECURE_REQUEST_BYTES];
	struct roce_connect connect = {
		.remote_address = WIRE_ADDRESS(1), .remote_port = TEST_PORT, .queue = liar->queue,
		.private_data = private_data, .private_len_bytes = sizeof(private_data), .timeout_ns = WIRE_SECOND,
	};

	liar->up = liar->ended = false;
	assert_int_equal(secure_request(liar->secure, &liar->handshake, &route, challenge, private_data), 0);
	assert_int_equal(roce_connect(liar->device, &connect, &liar->connection, pair->wire.now_ns), 0);
	liar->qpn = roce_connection_qpn(liar->device, liar->connection);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(roce_post_receive(liar->device, liar->qpn, i, liar->receives[i], RPC_MESSAGE_BYTES_MAX), 0);
	assert_true(wire_run(&pair->wire, liar_settled, liar, 3 * WIRE_SECOND));
}

/* Through the handshake, like anybody who holds the rack's key. */
static inline void liar_connect(struct pair *pair, struct liar *liar)
{
	liar_asks(pair, liar, NULL);
	assert_true(liar->ended && liar->challenged);
	liar_asks(pair, liar, liar->challenge);
}

/* `len_bytes` of liar->message, with a right MAC behind them. */
static inline void liar_send(struct pair *pair, struct liar *liar, uint32_t len_bytes)
{
	unsigned before = liar->sent;

	rpc_mac_seal_with(&liar->mac_send, liar->counter_sent++, liar->message, len_bytes);
	assert_int_equal(roce_post_send(liar->device, liar->qpn, 1, liar->message, len_bytes + RPC_TRAILER_BYTES,
					pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_true(liar->sent == before + 1 || liar->ended);	/* the server may have hung up before it acknowledged */
}

static inline struct rpc_header good_hello(uint64_t incarnation)
{
	return (struct rpc_header){ .magic = RPC_MAGIC, .version_major = RPC_VERSION_MAJOR, .header_len_bytes = RPC_HEADER_BYTES,
				    .flags = RPC_FLAG_HELLO, .source_node = 66, .session = incarnation, .credits = 8 };
}

static inline void liar_greets(struct pair *pair, struct liar *liar, struct rpc_header header, const struct rpc_hello *hello,
			uint32_t len_bytes)
{
	memset(liar->message, 0, sizeof(liar->message));
	memset(&liar->answer, 0, sizeof(liar->answer));
	rpc_message_seal(liar->message, &header, hello, len_bytes);
	liar_send(pair, liar, RPC_HEADER_BYTES + len_bytes);
}

/* Up with a session. */
static inline void liar_opens(struct pair *pair, struct liar *liar, uint64_t incarnation)
{
	const struct rpc_hello hello = { 0 };

	liar_connect(pair, liar);
	assert_true(liar->up);
	liar_greets(pair, liar, good_hello(incarnation), &hello, sizeof(hello));
	assert_int_equal(liar->answer.flags, RPC_FLAG_HELLO | RPC_FLAG_REPLY);
	liar->received = 0;
}

static inline void honest_is_served(struct pair *pair)
{
	static struct outcome outcome;

	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "honest", 6, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, 0);
	assert_memory_equal(outcome.body, "honest", 6);
	assert_int_equal(pair->client.downs, 0);
}

#endif
