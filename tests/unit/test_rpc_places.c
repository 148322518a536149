/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions of a full listener are all replaced before it polls what their last connections have left: places suffice. */
#include "tests/unit/rpc_fixture.h"

#include "net/roce/internal.h"

#define CLIENTS 4u
#define LEAST { .sessions_max = CLIENTS, .calls_max = 1, .serves_max = 1, .receives_max = 1, .call_bodies_max = 1, \
		.serve_bodies_max = 1, .handshakes_max = 1, .pending_max = CLIENTS, .macs_max = 1 }

static const struct rpc_limits least = LEAST;

struct rack {
	struct wire wire;
	struct node server, clients[CLIENTS];
	unsigned server_hook;
};

static void client_start(struct rack *rack, struct node *client, uint64_t incarnation)
{
	client->ups = client->downs = 0;
	node_endpoint(client, incarnation, 0, &least);
	assert_int_equal(rpc_open(client->endpoint, WIRE_ADDRESS(0), TEST_PORT, &client->session, rack->wire.now_ns), 0);
}

static bool all_up(void *context)
{
	const struct rack *rack = context;

	for (uint32_t i = 0; i < CLIENTS; i++)
		if (rack->clients[i].ups == 0)
			return false;
	return true;
}

static bool all_pending(void *context)
{
	const struct rack *rack = context;

	return rack->server.endpoint->pending_count == CLIENTS;
}

static void rack_open(struct rack *rack)
{
	struct roce_limits limits = { .memory_regions_max = 0 };

	rpc_device_limits(&least, &limits);
	wire_init(&rack->wire, 9);
	rack->server.wire = &rack->wire;
	rack->server.device = wire_add(&rack->wire, &limits, 4096);
	node_endpoint(&rack->server, 0x222, TEST_PORT, &least);
	rack->server_hook = wire_hook(&rack->wire, node_poll, node_deadline, &rack->server);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		struct node *client = &rack->clients[i];

		client->wire = &rack->wire;
		client->number = i + 1;
		client->device = wire_add(&rack->wire, &limits, 4096);
		client_start(rack, client, 0x100 + i);
		wire_hook(&rack->wire, node_poll, node_deadline, client);
	}
	assert_true(wire_run(&rack->wire, all_up, rack, 5 * WIRE_SECOND));
}

/* All machines but the server's start again, and connect. */
static void restart_clients(struct rack *rack)
{
	struct roce_limits limits = { .memory_regions_max = 0 };

	rpc_device_limits(&least, &limits);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		rack->clients[i].device = wire_replace(&rack->wire, i + 1, &limits, 4096);
		client_start(rack, &rack->clients[i], 0x200 + i);
	}
	assert_true(wire_run(&rack->wire, all_pending, rack, 5 * WIRE_SECOND));
}

/* Every connected queue pair of the server has what its session cannot do without. */
static void assert_receives(const struct roce_device *device)
{
	uint32_t connected = 0;

	for (uint32_t i = 0; i < device->config.limits.queue_pairs_max; i++) {
		const struct queue_pair *qp = &device->queue_pairs[i];

		if (qp->state != QP_READY)
			continue;
		connected++;
		assert_true(qp->responder.count >= 2);
	}
	assert_int_equal(connected, CLIENTS);
}

static void all_replaced_in_one_poll(void **state)
{
	struct rack *rack = calloc(1, sizeof(*rack));
	const struct roce_device *device;

	(void)state;
	assert_non_null(rack);
	rack_open(rack);
	device = rack->server.device;
	restart_clients(rack);
	rack->wire.hook[rack->server_hook].poll = NULL;
	wire_run(&rack->wire, NULL, NULL, WIRE_SECOND / 100);
	/* The hellos wait, behind them will be what is flushed. */
	assert_int_equal(rack->server.endpoint->pending_count, CLIENTS);
	rpc_poll(rack->server.endpoint, rack->wire.now_ns);
	assert_int_equal(rack->server.endpoint->pending_count, 0);
	assert_receives(device);
	rack->wire.hook[rack->server_hook].poll = node_poll;
	assert_true(wire_run(&rack->wire, all_up, rack, WIRE_SECOND));
	assert_int_equal(roce_counters(device)->rnr_naks_sent, 0);
	wire_free(&rack->wire);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		free(rack->clients[i].memory);
		free(rack->clients[i].secure);
	}
	free(rack->server.memory);
	free(rack->server.secure);
	free(rack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_replaced_in_one_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
