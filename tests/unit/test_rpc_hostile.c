/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An RPC endpoint against peers that connect or greet with lies: each is counted under its name, changes nothing, and leaves the
 * honest client served.
 */
#include "tests/unit/rpc_hostile_fixture.h"

static void refused_hello(struct pair *pair, struct liar *liar, struct rpc_header header, uint32_t len_bytes, int status)
{
	const struct rpc_hello hello = { 0 };
	unsigned before = pair->server.refused;

	liar_connect(pair, liar);
	assert_true(liar->up);
	liar_greets(pair, liar, header, &hello, len_bytes);
	assert_int_equal(liar->answer.flags, RPC_FLAG_HELLO | RPC_FLAG_REPLY);
	assert_int_equal(liar->answer.status, status);
	assert_true(liar->ended);		/* and hung up */
	assert_int_equal(pair->server.refused, before + 1);
	assert_int_equal(pair->server.refusal, status);
	assert_int_equal(pair->server.refused_version, header.version_major);
	assert_int_equal(pair->server.refused_address, WIRE_ADDRESS(2));
}

static void bad_hellos(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	struct rpc_hello resume = { .peer_incarnation = 0x222 };
	struct rpc_header header;

	pair_open(pair);
	liar_make(pair, &liar);
	header = good_hello(7);
	header.magic++;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	refused_hello(pair, &liar, good_hello(0), sizeof(struct rpc_hello), -EPROTO);
	refused_hello(pair, &liar, good_hello(7), sizeof(struct rpc_hello) - 1, -EPROTO);
	header = good_hello(7);
	header.flags = 0;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	header = good_hello(7);
	header.flags |= RPC_FLAG_REPLY;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EPROTO);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_hello, 5);
	/* Another major version is told apart. */
	header = good_hello(7);
	header.version_major = RPC_VERSION_MAJOR + 1;
	refused_hello(pair, &liar, header, sizeof(struct rpc_hello), -EOPNOTSUPP);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_version, 1);
	assert_int_equal(rpc_counters(pair->server.endpoint)->refused_peer, 6);
	assert_int_equal(pair->server.ups, 1);
	honest_is_served(pair);
	/* One that speaks of a session that nobody remembers is answered so. */
	liar_connect(pair, &liar);
	liar_greets(pair, &liar, good_hello(7), &resume, sizeof(resume));
	assert_int_equal(liar.answer.status, 0);
	assert_int_equal(liar.hello.resumed, 0);
	assert_int_equal(pair->server.ups, 2);
	free(liar.secure);
}

/* Past the handshake, but then: nothing, or a message with a bad MAC, or too short for one. No session hears of it. */
static void no_good_hello(void **state)
{
	struct pair *pair = *state;
	static struct liar liar;
	const struct rpc_hello hello = { 0 };
	const struct rpc_counters *counters = rpc_counters(pair->server.endpoint);

	pair_open(pair);
	liar_make(pair, &liar);
	liar_connect(pair, &liar);
	assert_true(liar.up);
	assert_int_equal(pair->server.endpoint->pending_count, 1);
	wire_run(&pair->wire, NULL, NULL, 3 * WIRE_SECOND);
	assert_true(liar.ended);
	assert_int_equal(counters->pending_expired, 1);
	assert_int_equal(pair->server.endpoint->pending_count, 0);

	liar_connect(pair, &liar);
	liar.counter_sent = 5;
	liar_greets(pair, &liar, good_hello(7), &hello, sizeof(hello));
	assert_true(liar.ended);
	assert_int_equal(counters->refused_mac, 1);

	liar_connect(pair, &liar);
	assert_int_equal(roce_post_send(liar.device, liar.qpn, 1, liar.message, RPC_HEADER_BYTES, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_MILLISECOND);
	assert_true(liar.ended);
	assert_int_equal(counters->refused_mac, 2);
	assert_int_equal(liar.received, 0);
	assert_int_equal(pair->server.ups, 1);
	assert_int_equal(pair->server.refused, 0);
	honest_is_served(pair);
	free(liar.secure);
}

/* Who does not hold the rack's key gets no answer and no state. */
static void stranger(void **state)
{
	static const uint8_t wrong_key[SECURE_KEY_BYTES] = "what a stranger may have guessed";
	struct pair *pair = *state;
	static struct liar liar;

	pair_open(pair);
	liar_make(pair, &liar);
	assert_int_equal(secure_key_add(liar.secure, SECURE_FIXTURE_KEY_ID + 1, wrong_key), 0);
	assert_int_equal(secure_key_use(liar.secure, SECURE_FIXTURE_KEY_ID + 1), 0);
	liar_asks(pair, &liar, NULL);
	assert_true(liar.ended && !liar.challenged && !liar.up);	/* unreachable */
	assert_true(secure_counters(pair->server.secure)->refused_unknown_key > 0);
	assert_int_equal(pair->server.endpoint->pending_count, 0);
	honest_is_served(pair);
	free(liar.secure);
}

static void too_many_peers(void **state)
{
	struct pair *pair = *state;
	static struct liar liars[TEST_SESSIONS];
	const struct rpc_hello hello = { 0 };

	pair_open(pair);
	for (unsigned i = 0; i < TEST_SESSIONS; i++) {
		liar_make(pair, &liars[i]);
		liar_connect(pair, &liars[i]);
		liar_greets(pair, &liars[i], good_hello(100 + i), &hello, sizeof(hello));
		assert_int_equal(liars[i].up, i < TEST_SESSIONS - 1);
	}
	assert_int_equal(liars[TEST_SESSIONS - 1].answer.status, -ENOBUFS);
	honest_is_served(pair);
	/* A place becomes free when the user closes a session. */
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	liar_opens(pair, &liars[TEST_SESSIONS - 1], 200);
	for (unsigned i = 0; i < TEST_SESSIONS; i++)
		free(liars[i].secure);
}

/* The honest client meets a listener of another version: it is told so, and goes on asking, slowly. */
static void opener_is_refused(void **state)
{
	struct pair *pair = *state;
	static struct liar liars[TEST_SESSIONS];
	uint32_t session;

	for (unsigned i = 0; i < TEST_SESSIONS; i++) {
		liar_make(pair, &liars[i]);
		liar_opens(pair, &liars[i], 100 + i);
	}
	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &session, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, 9 * WIRE_SECOND);
	assert_in_range(pair->client.refused, 4, 6);
	assert_int_equal(pair->client.refusal, -ENOBUFS);
	assert_int_equal(pair->client.refused_version, RPC_VERSION_MAJOR);
	assert_int_equal(pair->client.refused_address, WIRE_ADDRESS(1));
	assert_int_equal(pair->client.ups, 0);
	rpc_close(pair->server.endpoint, pair->server.session, pair->wire.now_ns);
	assert_true(wire_run(&pair->wire, is_up, &pair->client, 5 * WIRE_SECOND));
	for (unsigned i = 0; i < TEST_SESSIONS; i++)
		free(liars[i].secure);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = {
		T(bad_hellos), T(no_good_hello), T(stranger), T(too_many_peers), T(opener_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
