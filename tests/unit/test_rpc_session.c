/* SPDX-License-Identifier: GPL-2.0-only */
/* RPC over real RoCE devices: calls both ways, exactly once over lost connections, resets, timeouts, the typed table. */
#include "tests/unit/rpc_fixture.h"

static void call_and_reply(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 63, 1024, RPC_BODY_BYTES_MAX };
	struct pair *pair = *state;
	static struct outcome outcome;
	static uint8_t body[RPC_BODY_BYTES_MAX];

	pair_open(pair);
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 31 + 7);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(node_call(&pair->client, TYPE_ECHO, body, lengths[i], 0, &outcome), 0);
		pair_await(pair, &outcome, WIRE_SECOND);
		assert_int_equal(outcome.status, 0);
		assert_int_equal(outcome.len_bytes, lengths[i]);
		assert_memory_equal(outcome.body, body, lengths[i]);
		assert_int_equal(pair->server.last_node, 10);
		/* The listening side calls over the same connection. */
		assert_int_equal(node_call(&pair->server, TYPE_ECHO, body, lengths[i], 0, &outcome), 0);
		pair_await(pair, &outcome, WIRE_SECOND);
		assert_int_equal(outcome.status, 0);
		assert_int_equal(outcome.len_bytes, lengths[i]);
		assert_int_equal(pair->client.last_node, 11);
	}
	assert_int_equal(roce_counters(pair->server.device)->connects_received, 2);	/* the first one was challenged */
}

static void calls_before_the_connection(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;

	pair->wire.ends[1].cut = true;
	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &pair->client.session,
				  pair->wire.now_ns), 0);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "early", 5, 0, &outcome), 0);
	wire_run(&pair->wire, NULL, NULL, 9 * WIRE_SECOND);
	assert_int_equal(outcome.done, 0);
	pair->wire.ends[1].cut = false;
	pair_await(pair, &outcome, 5 * WIRE_SECOND);	/* the backoff is at most 2 s */
	assert_int_equal(outcome.status, 0);
	assert_memory_equal(outcome.body, "early", 5);
}

static void refusals(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;
	static uint8_t body[RPC_BODY_BYTES_MAX + 1];

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, body, RPC_BODY_BYTES_MAX + 1, 0, &outcome), -EMSGSIZE);
	assert_int_equal(rpc_call(pair->client.endpoint, 12345, TYPE_ECHO, NULL, 0, 0, on_done, &outcome, 0, 0), -ENOENT);
	assert_int_equal(node_call(&pair->client, TYPE_UNKNOWN, body, 5, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, -EOPNOTSUPP);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_type, 1);
	assert_int_equal(node_call(&pair->client, TYPE_NEW, body, 5, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, -EOPNOTSUPP);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_version, 1);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, body, 3, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, -EMSGSIZE);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, body, 65, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, -EMSGSIZE);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_length, 2);
	/* The session is as good as before. */
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, body, 5, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	assert_int_equal(outcome.status, 0);
}

static void slots_run_out(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcomes[RPC_SLOTS + 1];

	pair_open(pair);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcomes[i]), 0);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcomes[RPC_SLOTS]), -ENOBUFS);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(pair->server.held, RPC_SLOTS);
	/* Answered in the opposite order, each finds its caller. */
	for (unsigned i = RPC_SLOTS; i-- > 0;) {
		assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[i], -(int)i - 1, &i, sizeof(i),
					   pair->wire.now_ns), 0);
		assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[i], 0, NULL, 0,
					   pair->wire.now_ns), -ENOENT);
	}
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	for (unsigned i = 0; i < RPC_SLOTS; i++) {
		assert_int_equal(outcomes[i].done, 1);
		assert_int_equal(outcomes[i].status, -(int)i - 1);
	}
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &outcomes[0]), 0);
	pair_await(pair, &outcomes[0], WIRE_SECOND);
}

/* Slots' numbers have 16 bits: the one after the last is the first again, also over a new connection. */
static void numbers_wrap(void **state)
{
	struct pair *pair = *state;
	struct outcome outcome;

	pair_open(pair);
	pair->client.endpoint->sessions[pair->client.session & 0xffff].call_sequence[0] = UINT16_MAX - 3;
	pair->server.endpoint->sessions[pair->server.session & 0xffff].serve_sequence[0] = UINT16_MAX - 3;
	for (uint32_t number = 0; number < 8; number++) {
		assert_int_equal(node_call(&pair->client, TYPE_COUNT, &number, 4, 0, &outcome), 0);
		if (number % 2 == 1) {		/* answered, and the answer is lost */
			while (pair->server.ran[number] == 0)
				assert_true(wire_step(&pair->wire, UINT64_MAX));
			pair->wire.ends[0].cut = true;
			wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
			pair->wire.ends[0].cut = false;
		}
		pair_await(pair, &outcome, 10 * WIRE_SECOND);
		assert_int_equal(outcome.status, -(int)(number % 3));
		assert_int_equal(pair->server.ran[number], 1);
	}
	assert_true(rpc_counters(pair->server.endpoint)->replayed > 0);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_sequence, 0);
}

/* ---------------------------------------------------------------- lost connections */

struct stream {
	struct node *node;
	uint32_t next, end, done;
	uint32_t wrong;
};

static void stream_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct stream *stream = context;
	uint32_t number = (uint32_t)cookie, echoed = 0;

	(void)now_ns;
	if (len_bytes == 4)
		memcpy(&echoed, body, 4);
	stream->done++;
	stream->wrong += status != -(int)(number % 3) || echoed != number;
}

static void stream_push(struct stream *stream, uint64_t now_ns)
{
	while (stream->next < stream->end &&
	       rpc_call(stream->node->endpoint, stream->node->session, TYPE_COUNT, &stream->next, 4, 0, stream_done, stream,
			stream->next, now_ns) == 0)
		stream->next++;
}

static bool streams_ended(void *context)
{
	struct stream *stream = context;

	stream_push(&stream[0], stream[0].node->wire->now_ns);
	stream_push(&stream[1], stream[1].node->wire->now_ns);
	return stream[0].done == stream[0].end && stream[1].done == stream[1].end;
}

static void check_streams(struct pair *pair, struct stream *streams, unsigned count)
{
	for (unsigned i = 0; i < 2; i++) {
		struct node *server = streams[i].node == &pair->client ? &pair->server : &pair->client;

		assert_int_equal(streams[i].done, count);
		assert_int_equal(streams[i].wrong, 0);
		for (unsigned number = 0; number < count; number++)
			assert_int_equal(server->ran[number], 1);
	}
}

/* Loss, duplication, reordering and flipped bits below, and every few hundred milliseconds the cable is out for a while. */
static void exactly_once(void **state)
{
	struct pair *pair = *state;
	const unsigned count = 2000;
	struct stream streams[2] = { { &pair->client, 0, count, 0, 0 }, { &pair->server, 0, count, 0, 0 } };

	pair_open(pair);
	pair->wire.loss_permille = 20;
	pair->wire.duplicate_permille = 20;
	pair->wire.reorder_permille = 50;
	pair->wire.corrupt_permille = 10;
	for (unsigned round = 0; round < 12 && !streams_ended(streams); round++) {
		wire_run(&pair->wire, streams_ended, streams, (1 + round % 5) * 3 * WIRE_MILLISECOND);
		pair->wire.ends[round % 2].cut = true;
		/* Some outages end before anybody notices. */
		wire_run(&pair->wire, streams_ended, streams, (1 + round % 3) * 2500 * WIRE_MILLISECOND);
		pair->wire.ends[round % 2].cut = false;
		assert_true(wire_run(&pair->wire, both_up, pair, 20 * WIRE_SECOND));
	}
	assert_true(wire_run(&pair->wire, streams_ended, streams, 300 * WIRE_SECOND));
	check_streams(pair, streams, count);
	assert_true(rpc_counters(pair->client.endpoint)->reconnects > 3);
	assert_true(rpc_counters(pair->client.endpoint)->resent > 0);
	assert_int_equal(pair->client.resets + pair->server.resets, 0);
}

/* The server has run the request, then the cable goes: the reply comes from its memory, the handler runs no more. */
static void reply_is_replayed(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;
	uint32_t number = 5;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, &number, 4, 0, &outcome), 0);
	while (pair->server.ran[number] == 0)
		assert_true(wire_step(&pair->wire, UINT64_MAX));
	pair->wire.ends[1].cut = true;
	wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
	assert_int_equal(outcome.done, 0);
	assert_int_equal(pair->client.downs, 1);
	pair->wire.ends[1].cut = false;
	pair_await(pair, &outcome, 10 * WIRE_SECOND);
	assert_int_equal(outcome.status, -2);
	assert_int_equal(pair->server.ran[number], 1);
	assert_int_equal(rpc_counters(pair->server.endpoint)->replayed, 1);
}

/* A reply that is made while the connection is down waits for the caller to ask again. */
static void reply_while_down(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcome), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	pair->wire.ends[0].cut = true;
	wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
	assert_int_equal(pair->server.downs, 1);
	assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[0], 0, "late", 4, pair->wire.now_ns), 0);
	pair->wire.ends[0].cut = false;
	pair_await(pair, &outcome, 10 * WIRE_SECOND);
	assert_int_equal(outcome.status, 0);
	assert_memory_equal(outcome.body, "late", 4);
	assert_int_equal(pair->server.held, 1);
}

static void silence_is_seen(void **state)
{
	struct pair *pair = *state;
	uint64_t cut_ns;

	pair_open(pair);
	wire_run(&pair->wire, NULL, NULL, 60 * WIRE_SECOND);
	assert_int_equal(pair->client.downs + pair->server.downs, 0);
	cut_ns = pair->wire.now_ns;
	pair->wire.ends[1].cut = true;
	wire_run(&pair->wire, NULL, NULL, 5 * WIRE_SECOND);
	assert_int_equal(pair->client.downs, 1);
	assert_int_equal(pair->server.downs, 1);
	assert_true(pair->client.down_ns - cut_ns <= 4100 * WIRE_MILLISECOND);
	assert_true(pair->server.down_ns - cut_ns <= 4100 * WIRE_MILLISECOND);
	pair->wire.ends[1].cut = false;
	assert_true(wire_run(&pair->wire, both_up, pair, 5 * WIRE_SECOND));
	assert_int_equal(pair->client.resets + pair->server.resets, 0);
}

/* ---------------------------------------------------------------- ends of sessions */

static void server_reboots(void **state)
{
	struct pair *pair = *state;
	static struct outcome held, open, after;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &held), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	pair_reboot(pair, &pair->server, 0x333, TEST_PORT);
	pair->server.ups = pair->server.downs = 0;
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &open), 0);
	pair_await(pair, &held, 10 * WIRE_SECOND);
	assert_int_equal(held.status, -ECONNRESET);
	pair_await(pair, &open, WIRE_SECOND);
	assert_int_equal(open.status, -ECONNRESET);
	wire_run(&pair->wire, both_up, pair, WIRE_SECOND);
	assert_int_equal(pair->client.resets, 1);
	assert_int_equal(pair->client.downs, 1);
	assert_int_equal(pair->client.ups, 2);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "x", 1, 0, &after), 0);
	pair_await(pair, &after, WIRE_SECOND);
	assert_int_equal(after.status, 0);
}

static void client_reboots(void **state)
{
	struct pair *pair = *state;
	static struct outcome open, held, after;
	uint32_t session;

	pair_open(pair);
	session = pair->server.session;
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &held), 0);
	assert_int_equal(node_call(&pair->server, TYPE_HOLD, NULL, 0, 0, &open), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	pair_reboot(pair, &pair->client, 0x444, 0);
	pair->client.ups = pair->client.downs = 0;
	pair_open(pair);
	pair_await(pair, &open, WIRE_SECOND);
	assert_int_equal(open.status, -ECONNRESET);
	assert_int_equal(pair->server.resets, 1);
	assert_int_equal(pair->server.session, session);
	/* The request of the former life is no longer wanted. */
	assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[0], 0, NULL, 0, pair->wire.now_ns), -ENOENT);
	assert_int_equal(node_call(&pair->server, TYPE_ECHO, "x", 1, 0, &after), 0);
	pair_await(pair, &after, WIRE_SECOND);
	assert_int_equal(after.status, 0);
}

static void close_and_open(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome, after;
	uint32_t old;

	pair_open(pair);
	old = pair->client.session;
	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &old, pair->wire.now_ns), -EEXIST);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcome), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	rpc_close(pair->client.endpoint, old, pair->wire.now_ns);
	assert_int_equal(outcome.done, 0);	/* only rpc_poll() calls back */
	pair_await(pair, &outcome, WIRE_MILLISECOND);
	assert_int_equal(outcome.status, -ECONNRESET);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &after), -ENOENT);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(pair->server.downs, 1);	/* it was told, no timeout */
	pair->client.ups = pair->client.downs = 0;
	pair_open(pair);
	assert_int_not_equal(pair->client.session, old);
	assert_int_equal(pair->server.resets, 1);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "x", 1, 0, &after), 0);
	pair_await(pair, &after, WIRE_SECOND);
	assert_int_equal(after.status, 0);
}

/* The listener forgets the session; the opener has not rebooted, but must hear that its requests are lost. */
static void listener_closes(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome, after;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcome), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	pair_await(pair, &outcome, 5 * WIRE_SECOND);
	assert_int_equal(outcome.status, -ECONNRESET);
	wire_run(&pair->wire, both_up, pair, WIRE_SECOND);
	assert_int_equal(pair->client.resets, 1);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "x", 1, 0, &after), 0);
	pair_await(pair, &after, WIRE_SECOND);
	assert_int_equal(after.status, 0);
}

/* ---------------------------------------------------------------- time */

static void late_reply(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcomes[RPC_SLOTS], after;

	pair_open(pair);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 50 * WIRE_MILLISECOND, &outcomes[i]), 0);
	pair_await(pair, &outcomes[0], 60 * WIRE_MILLISECOND);
	assert_int_equal(outcomes[0].status, -ETIMEDOUT);
	assert_int_equal(rpc_counters(pair->client.endpoint)->timeouts, RPC_SLOTS);
	/* R8: the slots come back with the replies. */
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &after), -ENOBUFS);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[i], 0, NULL, 0,
					   pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &after), 0);
	pair_await(pair, &after, WIRE_SECOND);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(outcomes[i].done, 1);
}

static void abandoned_request_is_not_run(void **state)
{
	struct pair *pair = *state;
	static struct outcome never_sent, sent, after;
	uint32_t first = 1, second = 2, third = 3;

	pair_open(pair);
	pair->wire.ends[1].cut = true;
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, &first, 4, WIRE_SECOND, &sent), 0);
	wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
	assert_int_equal(sent.status, -ETIMEDOUT);
	assert_int_equal(pair->client.downs, 1);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, &second, 4, WIRE_SECOND, &never_sent), 0);
	pair_await(pair, &never_sent, 1001 * WIRE_MILLISECOND);
	assert_int_equal(never_sent.status, -ETIMEDOUT);
	pair->wire.ends[1].cut = false;
	assert_true(wire_run(&pair->wire, both_up, pair, 10 * WIRE_SECOND));
	for (unsigned i = 0; i < 2 * RPC_SLOTS; i++) {
		assert_int_equal(node_call(&pair->client, TYPE_COUNT, &third, 4, 0, &after), 0);
		pair_await(pair, &after, WIRE_SECOND);
	}
	assert_int_equal(pair->server.ran[first], 0);
	assert_int_equal(pair->server.ran[second], 0);
	assert_int_equal(pair->server.ran[third], 2 * RPC_SLOTS);
	assert_int_equal(rpc_counters(pair->server.endpoint)->expired, 1);
	assert_int_equal(sent.done, 1);
	assert_int_equal(never_sent.done, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(call_and_reply), T(calls_before_the_connection), T(refusals), T(slots_run_out), T(numbers_wrap), T(exactly_once),
		T(reply_is_replayed), T(reply_while_down), T(silence_is_seen), T(server_reboots), T(client_reboots),
		T(close_and_open), T(listener_closes), T(late_reply), T(abandoned_request_is_not_run),
	};

	return cmocka_run_group_tests_name("rpc_session", tests, NULL, NULL);
}
