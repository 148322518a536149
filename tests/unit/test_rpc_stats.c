/* SPDX-License-Identifier: GPL-2.0-only */
/* What is counted a type of message, and how it reads. */
#include <stdio.h>

#include "lib/histogram.h"
#include "net/node/counters.h"
#include "tests/unit/rpc_fixture.h"

static const struct rpc_type_stats *stats_named(const struct node *node, const char *wanted)
{
	const struct rpc_type_stats *stats;
	const char *name;

	for (uint32_t i = 0; (stats = rpc_type_stats(node->endpoint, i, &name)) != NULL; i++)
		if (strcmp(name, wanted) == 0)
			return stats;
	fail_msg("no counters for %s", wanted);
	return NULL;
}

static void both_ends_count(void **state)
{
	struct pair *pair = *state;
	static struct outcome outcome;
	static uint8_t body[1000];
	const struct rpc_type_stats *stats;
	uint32_t number = 1;

	pair_open(pair);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(node_call(&pair->client, TYPE_ECHO, body, sizeof(body), 0, &outcome), 0);
		pair_await(pair, &outcome, WIRE_SECOND);
		assert_int_equal(node_call(&pair->client, TYPE_COUNT, &number, 4, 0, &outcome), 0);	/* -1 */
		pair_await(pair, &outcome, WIRE_SECOND);
	}
	assert_int_equal(node_call(&pair->client, TYPE_UNKNOWN, body, 3, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);

	stats = stats_named(&pair->client, "ECHO");
	assert_int_equal(stats->calls, 10);
	assert_int_equal(stats->errors, 0);
	assert_int_equal(stats->call_bytes, 20000);
	assert_int_equal(stats->call.count, 10);
	/* A round trip on the wire, and one more for each READ of a long body. */
	assert_in_range(histogram_quantile_ns(&stats->call, 500), 6 * pair->wire.delay_ns, 8 * pair->wire.delay_ns);
	assert_int_equal(stats->served, 0);
	stats = stats_named(&pair->server, "ECHO");
	assert_int_equal(stats->served, 10);
	assert_int_equal(stats->serve_bytes, 20000);
	assert_in_range(histogram_quantile_ns(&stats->serve, 500), 2 * pair->wire.delay_ns, 3 * pair->wire.delay_ns);
	assert_int_equal(stats->calls, 0);
	stats = stats_named(&pair->client, "COUNT");
	assert_int_equal(stats->calls, 10);
	assert_int_equal(stats->errors, 10);
	assert_int_equal(stats_named(&pair->server, "COUNT")->refusals, 10);
	assert_int_equal(stats_named(&pair->client, "other")->calls, 1);
	assert_int_equal(stats_named(&pair->server, "other")->refusals, 1);
}

static void time_of_a_handler(void **state)
{
	struct pair *pair = *state;
	static struct outcome held, timed_out;
	const struct rpc_type_stats *stats;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 0, &held), 0);
	assert_int_equal(node_call(&pair->client, TYPE_HOLD, NULL, 0, 100 * WIRE_MILLISECOND, &timed_out), 0);
	wire_run(&pair->wire, NULL, NULL, 300 * WIRE_MILLISECOND);
	assert_int_equal(rpc_reply(pair->server.endpoint, pair->server.held_token[0], 0, NULL, 0, pair->wire.now_ns), 0);
	pair_await(pair, &held, WIRE_SECOND);
	stats = stats_named(&pair->client, "HOLD");
	assert_int_equal(stats->calls, 2);
	assert_int_equal(stats->calls_failed, 1);
	assert_int_equal(stats->call.count, 1);
	assert_in_range(stats->call.max_ns, 300 * WIRE_MILLISECOND, 301 * WIRE_MILLISECOND);
	assert_in_range(stats_named(&pair->server, "HOLD")->serve.max_ns, 299 * WIRE_MILLISECOND, 300 * WIRE_MILLISECOND);
}

static void as_text(void **state)
{
	struct pair *pair = *state;
	static char text[NODE_COUNTERS_BYTES_MAX];
	static struct outcome outcome;
	size_t len = 0;

	pair_open(pair);
	assert_int_equal(node_call(&pair->client, TYPE_ECHO, "x", 1, 0, &outcome), 0);
	pair_await(pair, &outcome, WIRE_SECOND);
	node_counters_append_rpc(text, sizeof(text) - 1, &len, pair->client.endpoint);
	text[len] = '\0';
	assert_non_null(strstr(text, "rpc_requests_sent=1\n"));
	assert_non_null(strstr(text, "rpc_type_ECHO_calls=1\nrpc_type_ECHO_calls_failed=0\nrpc_type_ECHO_errors=0\n"
				     "rpc_type_ECHO_call_bytes=2\nrpc_type_ECHO_call_p50_us=40\nrpc_type_ECHO_call_p99_us=40\n"));
	assert_null(strstr(text, "rpc_type_COUNT"));
	/* All of the wire's types have names, short enough for their counters'. */
	for (const struct rpc_type_name *name = node_type_names; name->type != 0; name++)
		assert_in_range(strlen(name->name), 1, 40);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pair_setup, pair_teardown)
	const struct CMUnitTest tests[] = { T(both_ends_count), T(time_of_a_handler), T(as_text) };

	return cmocka_run_group_tests_name("rpc_stats", tests, NULL, NULL);
}
