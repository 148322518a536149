/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions while the rack's key changes: who knows a key that the other side accepts gets in, whichever is in use. */
#include "tests/unit/rpc_fixture.h"

#define NEXT_KEY_ID (SECURE_FIXTURE_KEY_ID + 1)

static const uint8_t next_key[SECURE_KEY_BYTES] = "the key that comes after it";

/* The server knows the next key alone. */
static void server_goes_on(struct pair *pair)
{
	assert_int_equal(secure_key_add(pair->server.secure, NEXT_KEY_ID, next_key), 0);
	assert_int_equal(secure_key_use(pair->server.secure, NEXT_KEY_ID), 0);
	assert_int_equal(secure_key_forget(pair->server.secure, SECURE_FIXTURE_KEY_ID), 0);
	rpc_key_forgotten(pair->server.endpoint, SECURE_FIXTURE_KEY_ID, pair->wire.now_ns);
}

static uint32_t client_opens(struct pair *pair)
{
	uint32_t session;

	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &session, pair->wire.now_ns), 0);
	return session;
}

static void expect_served(struct pair *pair, uint32_t session)
{
	static struct outcome outcome;

	memset(&outcome, 0, sizeof(outcome));
	assert_int_equal(rpc_call(pair->client.endpoint, session, TYPE_ECHO, "x", 1, 0, on_done, &outcome, 0, pair->wire.now_ns), 0);
	wire_run(&pair->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(outcome.done, 1);
	assert_int_equal(outcome.status, 0);
}

/* It was away when the key changed: the one that it begins with opens nothing any more. */
static void comes_in_with_the_second_key(void **state)
{
	struct pair *pair = *state;
	uint32_t session;

	assert_int_equal(secure_key_add(pair->client.secure, NEXT_KEY_ID, next_key), 0);
	server_goes_on(pair);
	session = client_opens(pair);
	assert_true(wire_run(&pair->wire, both_up, pair, 10 * WIRE_SECOND));
	assert_int_equal(secure_key_current(pair->client.secure), SECURE_FIXTURE_KEY_ID);	/* until it is told */
	expect_served(pair, session);
	assert_true(secure_counters(pair->server.secure)->refused_unknown_key > 0);
}

/* The connection that stood ends with its key; the session does not. */
static void goes_on_with_the_second_key(void **state)
{
	struct pair *pair = *state;
	uint32_t session;

	assert_int_equal(secure_key_add(pair->client.secure, NEXT_KEY_ID, next_key), 0);
	session = client_opens(pair);
	assert_true(wire_run(&pair->wire, both_up, pair, 10 * WIRE_SECOND));
	server_goes_on(pair);
	wire_run(&pair->wire, NULL, NULL, 10 * WIRE_SECOND);
	assert_true(both_up(pair));
	assert_int_equal(pair->client.resets + pair->server.resets, 0);
	expect_served(pair, session);
}

/* Who knows neither stays outside, however often it asks. */
static void two_wrong_keys(void **state)
{
	static const uint8_t wrong_key[SECURE_KEY_BYTES] = "something else";
	struct pair *pair = *state;

	assert_int_equal(secure_key_add(pair->client.secure, NEXT_KEY_ID, wrong_key), 0);
	server_goes_on(pair);
	client_opens(pair);
	wire_run(&pair->wire, NULL, NULL, 30 * WIRE_SECOND);
	assert_int_equal(pair->client.ups + pair->server.ups, 0);
	assert_true(secure_counters(pair->server.secure)->refused_unknown_key > 0);
	assert_true(secure_counters(pair->server.secure)->refused_tag > 0);
	assert_int_equal(roce_counters(pair->server.device)->packets_sent, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(comes_in_with_the_second_key), T(goes_on_with_the_second_key), T(two_wrong_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
