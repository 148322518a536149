/* SPDX-License-Identifier: GPL-2.0-only */
/* What sessions share: an idle one costs little, a busy one gets more, and an empty pool is waited for. */
#include "tests/unit/rpc_fixture.h"

static uint8_t long_body[RPC_BODY_BYTES_MAX];

static uint32_t list_length(const struct rpc_list *list, const uint16_t *links)
{
	uint32_t length = 0;

	for (uint16_t i = list->first; i != RPC_NONE; i = links[i])
		length++;
	return length;
}

/* Nothing is held but what an idle session needs. */
static void assert_idle(const struct rpc_endpoint *endpoint, uint32_t sessions)
{
	const struct rpc_limits *limits = &endpoint->config.limits;
	uint32_t buffers = list_length(&endpoint->buffers_free, endpoint->buffer_links);

	assert_int_equal(list_length(&endpoint->calls_free, endpoint->call_links), limits->calls_max);
	assert_int_equal(list_length(&endpoint->serves_free, endpoint->serve_links), limits->serves_max);
	assert_int_equal(list_length(&endpoint->call_bodies_free, endpoint->body_links), limits->call_bodies_max);
	assert_int_equal(list_length(&endpoint->serve_bodies_free, endpoint->body_links), limits->serve_bodies_max);
	assert_true(endpoint->buffers_count - buffers <= 2 * sessions);
	assert_int_equal(endpoint->spare_used, 0);
	assert_int_equal(endpoint->waiting.first, RPC_NONE);
	assert_int_equal(endpoint->pulls_waiting.first, RPC_NONE);
}

/* Rebuild both ends with these limits. */
static void pair_limits(struct pair *pair, const struct rpc_limits *limits)
{
	node_rebuild(pair, &pair->client, 0x111, 0, limits);
	node_rebuild(pair, &pair->server, 0x222, TEST_PORT, limits);
}

/* ---------------------------------------------------------------- memory */

static void an_idle_session_is_small(void **state)
{
	struct rpc_config config = { .limits.sessions_max = 1 };
	size_t one = rpc_endpoint_bytes(&config), many;

	(void)state;
	config.limits.sessions_max = 1000;
	many = rpc_endpoint_bytes(&config);
	print_message("one session %zu bytes, each of 1000 %zu bytes more\n", one, (many - one) / 999);
	assert_true((many - one) / 999 <= 900);
}

static void idle_holds_nothing(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcomes[RPC_SLOTS];

	pair_open(pair);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < RPC_SLOTS; i++)
			assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, i % 2 * 8 + i, 0, &outcomes[i]), 0);
		wire_run(&pair->wire, NULL, NULL, 100 * WIRE_MILLISECOND);
		for (unsigned i = 0; i < RPC_SLOTS; i++)
			assert_int_equal(outcomes[i].done, 1);
	}
	/* The replies are still kept: nobody has said that they were seen. */
	assert_true(list_length(&pair->server.endpoint->serves_free, pair->server.endpoint->serve_links) <
		    pair->server.endpoint->config.limits.serves_max);
	wire_run(&pair->wire, NULL, NULL, 1500 * WIRE_MILLISECOND);
	assert_int_equal(list_length(&pair->server.endpoint->serves_free, pair->server.endpoint->serve_links),
			 pair->server.endpoint->config.limits.serves_max);
	/* Grants go back one with each ping. */
	wire_run(&pair->wire, NULL, NULL, (RPC_GRANTS_MAX + 2) * WIRE_SECOND);
	assert_idle(pair->server.endpoint, 1);
	assert_int_equal(pair->client.downs, 0);
}

/* Few receives to start with: they grow while the peer is busy. */
static void grants_grow(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcomes[RPC_SLOTS];
	const struct rpc_session *session;

	pair_open(pair);
	session = &pair->server.endpoint->sessions[pair->server.session & 0xffff];
	wire_run(&pair->wire, NULL, NULL, (RPC_GRANTS_MAX + 2) * WIRE_SECOND);
	assert_int_equal(session->grants, 2);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &outcomes[i]), 0);
	wire_run(&pair->wire, NULL, NULL, 2 * WIRE_MILLISECOND);
	assert_int_equal(pair->server.held, RPC_SLOTS);
	assert_int_equal(session->grants, RPC_GRANTS_MAX);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[i], 0, NULL, 0, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	for (unsigned i = 0; i < RPC_SLOTS; i++)
		assert_int_equal(outcomes[i].done, 1);
	assert_int_equal(pair->client.downs, 0);
}

/* ---------------------------------------------------------------- empty pools */

static void calls_run_out(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .calls_max = 2, .call_bodies_max = 1 };
	struct pair *pair = *state;
	static struct outcome outcomes[3];

	pair_limits(pair, &limits);
	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, sizeof(long_body), 0, &outcomes[0]), 0);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, sizeof(long_body), 0, &outcomes[1]), -ENOBUFS);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, 1, 0, &outcomes[1]), 0);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, 1, 0, &outcomes[2]), -ENOBUFS);
	pair_await(pair, &outcomes[0], WIRE_SECOND);
	pair_await(pair, &outcomes[1], WIRE_SECOND);
	assert_int_equal(outcomes[0].len_bytes, sizeof(long_body));
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, sizeof(long_body), 0, &outcomes[2]), 0);
	pair_await(pair, &outcomes[2], WIRE_SECOND);
}

/* One record and one body at the server, one spare receive: sixteen requests at once still all run, each once. */
static void requests_wait(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .serves_max = 1, .serve_bodies_max = 1,
						  .receives_max = 1, .call_bodies_max = 16, .calls_max = 64 };
	struct pair *pair = *state;
	static struct outcome outcomes[RPC_SLOTS], back[RPC_SLOTS];
	uint8_t body[1000];

	pair_limits(pair, &limits);
	pair_open(pair);
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		memset(body, (int)i, sizeof(body));
		assert_int_equal(node_call(&pair->client, TYPE_ECHO, body, i % 2 == 0 ? 20 : sizeof(body), 0, &outcomes[i]), 0);
		assert_int_equal(node_call(&pair->server, TYPE_COUNT, &i, 4, 0, &back[i]), 0);
	}
	/* A reply is given up with the next message, at the latest the ping a second later. */
	wire_run(&pair->wire, NULL, NULL, 2 * RPC_SLOTS * WIRE_SECOND);
	for (uint32_t i = 0; i < RPC_SLOTS; i++) {
		assert_int_equal(outcomes[i].done, 1);
		assert_int_equal(outcomes[i].status, 0);
		assert_int_equal(outcomes[i].len_bytes, i % 2 == 0 ? 20 : sizeof(body));
		assert_int_equal(outcomes[i].body[19], i);
		assert_int_equal(back[i].done, 1);
		assert_int_equal(pair->client.ran[i], 1);
	}
	assert_true(rpc_counters(pair->server.endpoint)->requests_delayed > 0);
	assert_int_equal(pair->client.downs, 0);
	wire_run(&pair->wire, NULL, NULL, 3 * WIRE_SECOND);
	assert_int_equal(list_length(&pair->server.endpoint->serves_free, pair->server.endpoint->serve_links), 1);
	assert_int_equal(list_length(&pair->client.endpoint->call_bodies_free, pair->client.endpoint->body_links), 16);
}

/* A request that waits for a record is not accepted yet: a lost connection brings it again. */
static void waiting_is_not_accepted(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .serves_max = 1 };
	struct pair *pair = *state;
	static struct outcome held, waiting;
	uint32_t number = 9;

	pair_limits(pair, &limits);
	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &held), 0);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, &number, 4, 0, &waiting), 0);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(rpc_counters(pair->server.endpoint)->requests_delayed, 1);
	pair->wire.ends[0].cut = true;
	wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
	assert_int_equal(pair->server.downs, 1);
	pair->wire.ends[0].cut = false;
	assert_true(wire_run(&pair->wire, both_up, pair, 5 * WIRE_SECOND));
	assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[0], 0, NULL, 0, pair->wire.now_ns), 0);
	pair_await(pair, &held, 5 * WIRE_SECOND);
	pair_await(pair, &waiting, 5 * WIRE_SECOND);
	assert_int_equal(pair->server.ran[number], 1);
}

/* Calls to a dead peer that timed out hold no records, and are told to the server when it is back. */
static void abandoned_calls_hold_nothing(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .calls_max = 4 };
	struct pair *pair = *state;
	static struct outcome outcomes[4], after;

	pair_limits(pair, &limits);
	pair_open(pair);
	pair->wire.ends[1].cut = true;
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(node_call(&pair->client, TYPE_COUNT, &i, 4, WIRE_SECOND, &outcomes[i]), 0);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &after), -ENOBUFS);
	wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
	assert_int_equal(list_length(&pair->client.endpoint->calls_free, pair->client.endpoint->call_links), 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(outcomes[i].status, -ETIMEDOUT);
	pair->wire.ends[1].cut = false;
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_SECOND);
	assert_int_equal(rpc_counters(pair->server.endpoint)->expired, 4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(pair->server.ran[i], 0);
	for (unsigned i = 0; i < 2 * RPC_SLOTS; i++) {
		assert_int_equal(node_call(&pair->client, TYPE_ECHO, NULL, 0, 0, &after), 0);
		pair_await(pair, &after, WIRE_SECOND);
	}
}

/* ---------------------------------------------------------------- long bodies */

/* The cable is out again and again while bodies are on their way: each arrives whole, each request runs once. */
static void long_bodies_over_lost_connections(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcomes[4];

	pair_open(pair);
	pair->wire.loss_permille = 30;
	for (size_t i = 0; i < sizeof(long_body); i++)
		long_body[i] = (uint8_t)(i * 13 + 5);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, RPC_BODY_BYTES_MAX - i, 0, &outcomes[i]), 0);
		/* Somewhere between the request and the end of the reply's READ. */
		for (unsigned steps = 0; steps < 4 + round; steps++)
			wire_step(&pair->wire, UINT64_MAX);
		pair->wire.ends[round % 2].cut = round % 4 < 2;
		wire_run(&pair->wire, NULL, NULL, 6 * WIRE_SECOND);
		pair->wire.ends[round % 2].cut = false;
		for (unsigned i = 0; i < 4; i++) {
			assert_true(wire_run(&pair->wire, outcome_is_there, &outcomes[i], 20 * WIRE_SECOND));
			assert_int_equal(outcomes[i].status, 0);
			assert_int_equal(outcomes[i].len_bytes, RPC_BODY_BYTES_MAX - i);
			assert_memory_equal(outcomes[i].body, long_body, RPC_BODY_BYTES_MAX - i);
		}
	}
	assert_int_equal(rpc_counters(pair->server.endpoint)->requests_received, 160);
	assert_true(rpc_counters(pair->client.endpoint)->resent > 0);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_body, 0);
	pair->wire.loss_permille = 0;
	wire_run(&pair->wire, NULL, NULL, (RPC_GRANTS_MAX + 4) * WIRE_SECOND);
	assert_idle(pair->server.endpoint, 1);
}

/* Timeouts in every phase of a long request and its long reply. */
static void long_bodies_time_out(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;

	pair_open(pair);
	for (uint64_t after_ns = 10000; after_ns < 400000; after_ns += 7000) {
		assert_int_equal(node_call(&pair->client, TYPE_ECHO, long_body, sizeof(long_body), after_ns, &outcome), 0);
		pair_await(pair, &outcome, WIRE_SECOND);
		assert_true(outcome.status == 0 || outcome.status == -ETIMEDOUT);
		wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
		assert_int_equal(outcome.done, 1);
	}
	assert_int_equal(outcome.status, 0);
	assert_true(rpc_counters(pair->client.endpoint)->timeouts > 5);
	assert_int_equal(pair->client.downs, 0);
	wire_run(&pair->wire, NULL, NULL, (RPC_GRANTS_MAX + 4) * WIRE_SECOND);
	assert_idle(pair->server.endpoint, 1);
	assert_int_equal(list_length(&pair->client.endpoint->call_bodies_free, pair->client.endpoint->body_links),
			 RPC_BODIES_DEFAULT);
}

/* ---------------------------------------------------------------- who is away too long */

static void longest_lost_is_forgotten(void **state)
{
	static const struct rpc_limits limits = { .sessions_max = TEST_SESSIONS, .serves_max = 1 };
	struct pair *pair = *state;
	static struct outcome lost, other;
	struct node *third = &pair->third;
	uint32_t number = 4;

	pair_limits(pair, &limits);
	pair_third(pair, 0x777);
	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_COUNT, &number, 4, 0, &lost), 0);
	while (pair->server.ran[number] == 0)
		assert_true(wire_step(&pair->wire, UINT64_MAX));
	pair->wire.ends[0].cut = true;
	/* Its reply is kept, so the other client waits, */
	wire_run(&pair->wire, NULL, NULL, 20 * WIRE_SECOND);
	node_open(pair, third);
	assert_int_equal(node_call(third, TYPE_ECHO, "x", 1, 0, &other), 0);
	wire_run(&pair->wire, NULL, NULL, 5 * WIRE_SECOND);
	assert_int_equal(other.done, 0);
	assert_int_equal(third->downs, 0);
	/* but not for ever. */
	pair_await(pair, &other, 30 * WIRE_SECOND);
	assert_int_equal(other.status, 0);
	assert_int_equal(rpc_counters(pair->server.endpoint)->sessions_forgotten, 1);
	/* The caller hears that nobody knows what became of its request. */
	pair->wire.ends[0].cut = false;
	pair_await(pair, &lost, 10 * WIRE_SECOND);
	assert_int_equal(lost.status, -ECONNRESET);
	assert_int_equal(pair->client.resets, 1);
	assert_int_equal(pair->server.ran[number], 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_session_is_small), T(idle_holds_nothing), T(grants_grow), T(calls_run_out),
		T(requests_wait), T(waiting_is_not_accepted), T(abandoned_calls_hold_nothing),
		T(long_bodies_over_lost_connections), T(long_bodies_time_out), T(longest_lost_is_forgotten),
	};

	return cmocka_run_group_tests_name("rpc_pools", tests, NULL, NULL);
}
