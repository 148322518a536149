/* SPDX-License-Identifier: GPL-2.0-only */
/* The node agent against a manager on the wire: join, renew, refusals, a manager that restarts or forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <plenum/status.h>

#include "net/node/agent.h"
#include "tests/unit/secure_fixture.h"

#define LEASE_MS 3000u

struct fixture {
	struct wire wire;
	struct rpc_endpoint *manager, *endpoint;
	void *manager_memory, *endpoint_memory;
	struct agent agent;
	int join_status, renew_status;
	bool short_reply;
	unsigned joins, renews;
	uint32_t join_source, node_to_give;
	uint64_t renew_ns, uptime_us;
	unsigned events[AGENT_FORGOTTEN + 1];
	int event_status;
	struct secure *secure[2];	/* the manager's, the node's */
};

static void serve_join(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct fixture *fixture = context;
	const struct wire_node_join *join = request->body;
	const struct wire_node_joined joined = { .node = fixture->node_to_give, .lease_ms = LEASE_MS };

	fixture->joins++;
	fixture->join_source = request->node;
	assert_string_equal(join->name, "m1");
	assert_true(join->entry_to_join_us > 0 && join->entry_to_join_us <= now_ns / 1000);
	rpc_reply(endpoint, request->token, fixture->join_status, &joined, fixture->short_reply ? 4 : sizeof(joined), now_ns);
}

static void serve_renew(void *context, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct fixture *fixture = context;
	const struct wire_node_renew *renew = request->body;

	fixture->renews++;
	fixture->renew_ns = now_ns;
	fixture->uptime_us = renew->uptime_us;
	rpc_reply(endpoint, request->token, fixture->renew_status, NULL, 0, now_ns);
}

static const struct rpc_type manager_types[] = {
	{ WIRE_NODE_JOIN, 0, sizeof(struct wire_node_join), 4096, serve_join, 0 },
	{ WIRE_NODE_RENEW, 0, sizeof(struct wire_node_renew), 4096, serve_renew, 0 },
	{ 0 },
};
static const struct rpc_type no_types[] = { { 0 } };

static void on_session(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct fixture *fixture = context;

	agent_session_changed(&fixture->agent, session, event, now_ns);
}

static void fill(void *context, struct wire_node_renew *renew, uint64_t now_ns)
{
	(void)context;
	renew->uptime_us = now_ns / 1000;
}

static void on_event(void *context, enum agent_event event, int status, uint64_t now_ns)
{
	struct fixture *fixture = context;

	(void)now_ns;
	fixture->events[event]++;
	fixture->event_status = status;
}

static void fixture_poll(void *context, uint64_t now_ns)
{
	struct fixture *fixture = context;

	rpc_poll(fixture->manager, now_ns);
	rpc_poll(fixture->endpoint, now_ns);
	agent_poll(&fixture->agent, now_ns);
}

static uint64_t fixture_deadline(void *context)
{
	struct fixture *fixture = context;
	uint64_t deadline_ns = rpc_deadline_ns(fixture->manager);

	if (rpc_deadline_ns(fixture->endpoint) < deadline_ns)
		deadline_ns = rpc_deadline_ns(fixture->endpoint);
	if (agent_deadline_ns(&fixture->agent) < deadline_ns)
		deadline_ns = agent_deadline_ns(&fixture->agent);
	return deadline_ns;
}

static const struct rpc_limits rpc_limits = { .sessions_max = 2 };

static struct rpc_endpoint *endpoint(struct fixture *fixture, struct rpc_config config, void **memory)
{
	struct rpc_endpoint *made;
	unsigned number = config.port == 0;

	free(fixture->secure[number]);
	fixture->secure[number] = config.secure = secure_fixture(&fixture->wire, number);
	config.context = fixture;
	config.limits = rpc_limits;
	free(*memory);
	*memory = aligned_alloc(64, (rpc_endpoint_bytes(&config) + 63) & ~(size_t)63);
	assert_non_null(*memory);
	made = rpc_endpoint_create(*memory, &config, fixture->wire.now_ns);
	assert_non_null(made);
	return made;
}

static void manager_start(struct fixture *fixture, uint64_t incarnation)
{
	fixture->manager = endpoint(fixture, (struct rpc_config){
		.device = fixture->wire.ends[0].device, .node = WIRE_NODE_MANAGER, .incarnation = incarnation,
		.port = WIRE_PORT_RPC, .types = manager_types }, &fixture->manager_memory);
}

static struct roce_limits limits_of_test(void)
{
	struct roce_limits limits = { .memory_regions_max = 1 };

	rpc_device_limits(&rpc_limits, &limits);
	return limits;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const struct roce_limits limits = limits_of_test();
	struct agent_config config = {
		.manager_address = WIRE_ADDRESS(0), .manager_port = WIRE_PORT_RPC, .join = { .name = "m1" },
		.fill = fill, .event = on_event, .context = fixture,
	};

	assert_non_null(fixture);
	wire_init(&fixture->wire, 5);
	wire_add(&fixture->wire, &limits, 4096);
	wire_add(&fixture->wire, &limits, 4096);
	fixture->node_to_give = 7;
	manager_start(fixture, 1);
	fixture->endpoint = endpoint(fixture, (struct rpc_config){
		.device = fixture->wire.ends[1].device, .incarnation = 2, .types = no_types,
		.session_changed = on_session }, &fixture->endpoint_memory);
	config.endpoint = fixture->endpoint;
	assert_int_equal(agent_start(&fixture->agent, &config, fixture->wire.now_ns), 0);
	wire_hook(&fixture->wire, fixture_poll, fixture_deadline, fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	wire_free(&fixture->wire);
	free(fixture->manager_memory);
	free(fixture->endpoint_memory);
	free(fixture->secure[0]);
	free(fixture->secure[1]);
	free(fixture);
	return 0;
}

static void run_ms(struct fixture *fixture, uint64_t ms)
{
	wire_run(&fixture->wire, NULL, NULL, ms * WIRE_MILLISECOND);
}

static void joins_and_renews(void **state)
{
	struct fixture *fixture = *state;

	run_ms(fixture, 100);
	assert_int_equal(fixture->joins, 1);
	assert_int_equal(fixture->join_source, 0);
	assert_int_equal(fixture->agent.node, 7);
	assert_int_equal(fixture->events[AGENT_JOINED], 1);
	assert_int_equal(fixture->renews, 1);		/* at once */
	run_ms(fixture, 60 * 1000);
	assert_int_equal(fixture->joins, 1);
	assert_in_range(fixture->renews, 60, 62);	/* a third of 3 s each */
	assert_true(fixture->uptime_us > 0);
	assert_int_equal(fixture->agent.renewals_failed, 0);
}

static void refused_until_it_is_not(void **state)
{
	struct fixture *fixture = *state;

	fixture->join_status = -EINVAL;
	run_ms(fixture, 5000);
	assert_in_range(fixture->joins, 9, 11);
	assert_int_equal(fixture->events[AGENT_REFUSED], 1);	/* one line, not ten */
	assert_int_equal(fixture->event_status, -EINVAL);
	fixture->join_status = 0;
	fixture->short_reply = true;
	run_ms(fixture, 2000);
	assert_int_equal(fixture->events[AGENT_REFUSED], 2);
	assert_int_equal(fixture->event_status, -EPROTO);
	fixture->short_reply = false;
	fixture->node_to_give = WIRE_NODE_MANAGER;		/* nobody's but the manager's */
	run_ms(fixture, 2000);
	assert_int_equal(fixture->events[AGENT_JOINED], 0);
	fixture->node_to_give = 7;
	run_ms(fixture, 1000);
	assert_int_equal(fixture->events[AGENT_JOINED], 1);
}

static void lease_lost(void **state)
{
	struct fixture *fixture = *state;

	run_ms(fixture, 100);
	fixture->renew_status = -ENOENT;
	run_ms(fixture, 1100);
	fixture->renew_status = 0;
	run_ms(fixture, 1000);
	assert_true(fixture->joins >= 2);
	assert_int_equal(fixture->join_source, 7);	/* N2 */
	assert_true(fixture->events[AGENT_FORGOTTEN] >= 1);
	assert_int_equal(fixture->agent.state, AGENT_STATE_JOINED);
	fixture->renew_status = -ESTALE;
	run_ms(fixture, 1100);
	assert_int_equal(fixture->event_status == -ESTALE || fixture->events[AGENT_FORGOTTEN] >= 2, 1);
	/* Any other refusal is the manager's trouble, and no reason to join again. */
	fixture->renew_status = 0;
	run_ms(fixture, 2000);
	fixture->renew_status = -EIO;
	unsigned joins = fixture->joins;
	run_ms(fixture, 5000);
	assert_int_equal(fixture->joins, joins);
	assert_true(fixture->agent.renewals_failed > 0);
}

static void manager_restarts(void **state)
{
	struct fixture *fixture = *state;
	const struct roce_limits limits = limits_of_test();

	run_ms(fixture, 100);
	wire_replace(&fixture->wire, 0, &limits, 4096);
	manager_start(fixture, 99);
	run_ms(fixture, 8000);
	assert_int_equal(fixture->joins, 2);
	assert_int_equal(fixture->join_source, 7);
	assert_int_equal(fixture->events[AGENT_MANAGER_DOWN], 1);
	assert_int_equal(fixture->events[AGENT_MANAGER_UP], 2);
	assert_int_equal(fixture->events[AGENT_FORGOTTEN], 1);
	assert_int_equal(fixture->events[AGENT_JOINED], 2);
	assert_int_equal(fixture->agent.node, 7);
}

static void manager_away(void **state)
{
	struct fixture *fixture = *state;
	unsigned renews;

	run_ms(fixture, 100);
	fixture->wire.ends[0].cut = true;
	run_ms(fixture, 60 * 1000);
	renews = fixture->renews;
	fixture->wire.ends[0].cut = false;
	run_ms(fixture, 4000);
	/* The same manager: the lease goes on, no join is needed. */
	assert_int_equal(fixture->joins, 1);
	assert_true(fixture->renews > renews);
	assert_int_equal(fixture->events[AGENT_MANAGER_DOWN], 1);
	assert_int_equal(fixture->agent.state, AGENT_STATE_JOINED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(joins_and_renews), T(refused_until_it_is_not), T(lease_lost), T(manager_restarts), T(manager_away),
	};

	return cmocka_run_group_tests_name("node_agent", tests, NULL, NULL);
}
