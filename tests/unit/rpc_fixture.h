/* SPDX-License-Identifier: GPL-2.0-only */
/* Two nodes with RPC endpoints on a wire: `client` opens a session to `server`; both serve the same types. */
#ifndef PLENUM_TESTS_RPC_FIXTURE_H
#define PLENUM_TESTS_RPC_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/rpc/internal.h"
#include "tests/unit/secure_fixture.h"

#define TEST_PORT 5000
#define TEST_SESSIONS 3
#define TEST_POSTED 64			/* by a test itself, on a queue of its own */
#define NUMBERS_MAX 4096

enum { TYPE_ECHO = 1, TYPE_COUNT = 2, TYPE_HOLD = 3, TYPE_NEW = 4, TYPE_UNKNOWN = 99 };

struct node {
	struct wire *wire;
	unsigned number;
	struct roce_device *device;
	struct secure *secure;
	struct rpc_endpoint *endpoint;
	void *memory;
	uint32_t session;		/* the last that came up */
	unsigned ups, downs, resets;
	uint64_t down_ns;
	uint32_t ran[NUMBERS_MAX];	/* how often TYPE_COUNT ran for a number */
	uint64_t held_token[RPC_SLOTS];
	unsigned held;
	uint32_t last_node;
	unsigned refused;		/* peers */
	int refusal;
	uint8_t refused_version;
	uint32_t refused_address;
};

struct outcome {
	unsigned done;
	int status;
	uint32_t len_bytes;
	uint8_t body[RPC_BODY_BYTES_MAX];
	uint64_t when_ns;
};

static inline void serve_echo(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct node *node = context;

	node->last_node = request->node;
	assert_int_equal(rpc_reply(endpoint, request->token, 0, request->body, request->len_bytes, now_ns), 0);
}

static inline void serve_count(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct node *node = context;
	uint32_t number;

	memcpy(&number, request->body, sizeof(number));
	assert_true(number < NUMBERS_MAX);
	node->ran[number]++;
	assert_int_equal(rpc_reply(endpoint, request->token, -(int)(number % 3), request->body, 4, now_ns), 0);
}

/* Answered later by the test. */
static inline void serve_hold(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct node *node = context;

	(void)endpoint;
	(void)now_ns;
	assert_true(node->held < RPC_SLOTS);
	node->held_token[node->held++] = request->token;
}

static const struct rpc_type test_types[] = {
	{ TYPE_ECHO, 0, 0, RPC_BODY_BYTES_MAX, serve_echo, RPC_BODY_BYTES_MAX },
	{ TYPE_COUNT, 0, 4, 64, serve_count, 0 },
	{ TYPE_HOLD, 0, 0, 8, serve_hold, 0 },
	{ TYPE_NEW, RPC_VERSION_MINOR + 1, 0, 8, serve_echo, 0 },
	{ 0 },
};

static const struct rpc_type_name test_names[] = { { TYPE_ECHO, "ECHO" }, { TYPE_COUNT, "COUNT" }, { TYPE_HOLD, "HOLD" }, { 0 } };

static inline void on_session(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct node *node = context;

	if (event == RPC_SESSION_UP) {
		node->ups++;
		node->session = session;
	} else if (event == RPC_SESSION_DOWN) {
		node->downs++;
		node->down_ns = now_ns;
	} else {
		node->resets++;
	}
}

static inline void on_refused(void *context, uint32_t address, int status, uint8_t version_major, uint64_t now_ns)
{
	struct node *node = context;

	(void)now_ns;
	node->refused++;
	node->refusal = status;
	node->refused_version = version_major;
	node->refused_address = address;
}

static inline void on_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct outcome *outcome = context;

	(void)cookie;
	outcome->done++;
	outcome->status = status;
	outcome->len_bytes = len_bytes;
	outcome->when_ns = now_ns;
	if (len_bytes > 0)
		memcpy(outcome->body, body, len_bytes);
}

static inline void node_poll(void *context, uint64_t now_ns)
{
	struct node *node = context;

	rpc_poll(node->endpoint, now_ns);
}

static inline uint64_t node_deadline(void *context)
{
	struct node *node = context;

	return rpc_deadline_ns(node->endpoint);
}

static const struct rpc_limits test_rpc_limits = { .sessions_max = TEST_SESSIONS };

static inline struct roce_limits device_limits(const struct rpc_limits *rpc_limits)
{
	struct roce_limits limits = { .memory_regions_max = 1 };

	rpc_device_limits(rpc_limits, &limits);
	limits.queue_pairs_max += 4;
	limits.connections_max += 4;
	roce_limits_add_queue(&limits, TEST_POSTED, TEST_POSTED);
	return limits;
}

static inline struct roce_limits test_limits(void)
{
	return device_limits(&test_rpc_limits);
}

/* Build or, after a reboot, rebuild the endpoint of a node on its device. */
static inline void node_endpoint(struct node *node, uint64_t incarnation, uint16_t port, const struct rpc_limits *limits)
{
	struct rpc_config config = {
		.device = node->device,
		.node = 10 + node->number,
		.incarnation = incarnation,
		.port = port,
		.limits = *limits,
		.types = test_types,
		.names = test_names,
		.context = node,
		.session_changed = on_session,
		.peer_refused = on_refused,
	};

	free(node->memory);
	free(node->secure);
	node->secure = config.secure = secure_fixture(node->wire, node->number);
	node->memory = aligned_alloc(64, (rpc_endpoint_bytes(&config) + 63) & ~(size_t)63);
	assert_non_null(node->memory);
	node->endpoint = rpc_endpoint_create(node->memory, &config, node->wire->now_ns);
	assert_non_null(node->endpoint);
}

struct pair {
	struct wire wire;
	struct node client, server, third;
};

/* A fresh device and endpoint for a node. */
static inline void node_rebuild(struct pair *pair, struct node *node, uint64_t incarnation, uint16_t port,
				const struct rpc_limits *limits)
{
	const struct roce_limits roce = device_limits(limits);

	node->device = wire_replace(&pair->wire, node->number, &roce, 4096);
	node_endpoint(node, incarnation, port, limits);
}

static inline void pair_reboot(struct pair *pair, struct node *node, uint64_t incarnation, uint16_t port)
{
	node_rebuild(pair, node, incarnation, port, &test_rpc_limits);
}

static inline int pair_setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	const struct roce_limits limits = test_limits();

	assert_non_null(pair);
	wire_init(&pair->wire, 42);
	pair->client.wire = pair->server.wire = &pair->wire;
	pair->server.number = 1;
	pair->client.device = wire_add(&pair->wire, &limits, 4096);
	pair->server.device = wire_add(&pair->wire, &limits, 4096);
	node_endpoint(&pair->client, 0x111, 0, &test_rpc_limits);
	node_endpoint(&pair->server, 0x222, TEST_PORT, &test_rpc_limits);
	wire_hook(&pair->wire, node_poll, node_deadline, &pair->client);
	wire_hook(&pair->wire, node_poll, node_deadline, &pair->server);
	*state = pair;
	return 0;
}

static inline int pair_teardown(void **state)
{
	struct pair *pair = *state;

	/* R5: whatever the test did, no receive was ever missing. */
	assert_int_equal(roce_counters(pair->client.device)->rnr_naks_sent, 0);
	assert_int_equal(roce_counters(pair->server.device)->rnr_naks_sent, 0);
	wire_free(&pair->wire);
	free(pair->client.memory);
	free(pair->server.memory);
	free(pair->third.memory);
	free(pair->client.secure);
	free(pair->server.secure);
	free(pair->third.secure);
	free(pair);
	return 0;
}

static inline bool both_up(void *context)
{
	struct pair *pair = context;

	return pair->client.ups > pair->client.downs && pair->server.ups > pair->server.downs;
}

static inline bool is_up(void *context)
{
	const struct node *node = context;

	return node->ups > node->downs;
}

/* A third node, which may open a session to the server, too. */
static inline void pair_third(struct pair *pair, uint64_t incarnation)
{
	const struct roce_limits limits = test_limits();

	pair->third.wire = &pair->wire;
	pair->third.number = 2;
	pair->third.device = wire_add(&pair->wire, &limits, 4096);
	node_endpoint(&pair->third, incarnation, 0, &test_rpc_limits);
	wire_hook(&pair->wire, node_poll, node_deadline, &pair->third);
}

static inline void node_open(struct pair *pair, struct node *node)
{
	assert_int_equal(rpc_open(node->endpoint, WIRE_ADDRESS(1), TEST_PORT, &node->session, pair->wire.now_ns), 0);
	assert_true(wire_run(&pair->wire, is_up, node, 5 * WIRE_SECOND));
}

/* Open and wait until both ends say UP. */
static inline void pair_open(struct pair *pair)
{
	uint32_t session;

	assert_int_equal(rpc_open(pair->client.endpoint, WIRE_ADDRESS(1), TEST_PORT, &session, pair->wire.now_ns), 0);
	pair->client.session = session;
	assert_true(wire_run(&pair->wire, both_up, pair, 5 * WIRE_SECOND));
	assert_int_equal(pair->client.session, session);
}

static inline int node_call(struct node *node, uint16_t type, const void *body, uint32_t len_bytes, uint64_t timeout_ns,
			    struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	return rpc_call(node->endpoint, node->session, type, body, len_bytes, timeout_ns, on_done, outcome, 1,
			node->wire->now_ns);
}

static inline bool outcome_is_there(void *context)
{
	return ((struct outcome *)context)->done > 0;
}

static inline void pair_await(struct pair *pair, struct outcome *outcome, uint64_t for_ns)
{
	assert_true(wire_run(&pair->wire, outcome_is_there, outcome, for_ns));
	assert_int_equal(outcome->done, 1);
}

#endif
