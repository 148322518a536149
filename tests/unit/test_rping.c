/* SPDX-License-Identifier: GPL-2.0-only */
/* rping's protocol and the kernels' service: device 0 is the client, device 1 serves. */
#include <errno.h>

#include "net/rping/service.h"
#include "tests/unit/roce_rig.h"

#define SIZE_MAX_BYTES RPING_SIZE_MAX_BYTES
#define PATH_MTU 1024u

struct fixture {
	struct rig *rig;
	struct rping_service service;
	uint8_t *buffers;
	struct rping client;
	uint8_t text[SIZE_MAX_BYTES], sink[SIZE_MAX_BYTES];
};

static struct fixture *create(uint32_t size_bytes)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct roce_memory_config text = { .ops = &roce_memory_plain_ops, .context = fixture->text, .len_bytes = size_bytes,
					   .access = ROCE_ACCESS_REMOTE_READ };
	struct roce_memory_config sink = { .ops = &roce_memory_plain_ops, .context = fixture->sink, .len_bytes = size_bytes,
					   .access = ROCE_ACCESS_REMOTE_WRITE };

	fixture->rig = rig_create(11, PATH_MTU, PATH_MTU);
	fixture->buffers = malloc(RPING_SERVICE_BYTES);
	assert_int_equal(rping_service_start(&fixture->service, fixture->rig->device[1], fixture->buffers), 0);
	fixture->client = (struct rping){ .device = fixture->rig->device[0], .text = fixture->text, .sink = fixture->sink,
					  .size_bytes = size_bytes, .validate = true };
	assert_int_equal(roce_memory_register(fixture->rig->device[0], &text, &fixture->client.text_rkey), 0);
	assert_int_equal(roce_memory_register(fixture->rig->device[0], &sink, &fixture->client.sink_rkey), 0);
	return fixture;
}

static void destroy(struct fixture *fixture)
{
	rig_destroy(fixture->rig);
	free(fixture->buffers);
	free(fixture);
}

/* One step of the world, and the service's turn after it; false when nothing happens by then. */
static bool step(struct fixture *fixture, uint64_t limit_ns)
{
	uint64_t deadline_ns = rping_service_deadline_ns(&fixture->service);
	bool stepped = rig_step_until(fixture->rig, deadline_ns < limit_ns ? deadline_ns : limit_ns);

	if (!stepped)
		fixture->rig->now_ns = deadline_ns < limit_ns ? deadline_ns : limit_ns;
	rping_service_poll(&fixture->service, fixture->rig->now_ns);
	return stepped || deadline_ns < limit_ns;
}

static bool next_event(struct fixture *fixture, struct roce_event *event)
{
	uint64_t limit_ns = fixture->rig->now_ns + 30 * RIG_SECOND;

	while (!roce_queue_poll(fixture->rig->device[0], fixture->rig->queue[0], event))
		if (!step(fixture, limit_ns))
			return false;
	return true;
}

static enum roce_event_type dial(struct fixture *fixture, uint32_t *connection, uint32_t *qpn)
{
	struct rig *rig = fixture->rig;
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RPING_PORT, .queue = rig->queue[0],
					.timeout_ns = 5 * RIG_SECOND };
	struct roce_event event;

	assert_int_equal(roce_connect(rig->device[0], &connect, connection, rig->now_ns), 0);
	*qpn = roce_connection_qpn(rig->device[0], *connection);
	fixture->client.qpn = *qpn;
	assert_int_equal(rping_prepare(&fixture->client), 0);
	do
		assert_true(next_event(fixture, &event));
	while (event.type == ROCE_EVENT_COMPLETION || event.connection != *connection);
	return event.type;
}

static int play(struct fixture *fixture)
{
	struct roce_event event;
	int status = rping_begin(&fixture->client, fixture->rig->now_ns);

	while (status == 0) {
		if (!next_event(fixture, &event) || event.type != ROCE_EVENT_COMPLETION)
			return -ECONNRESET;
		status = rping_event(&fixture->client, &event, fixture->rig->now_ns);
	}
	return status;
}

/* Nothing of the client's or the service's buffers may be used any more when they are freed. */
static void hang_up(struct fixture *fixture, uint32_t connection)
{
	roce_disconnect(fixture->rig->device[0], connection, fixture->rig->now_ns);
	while (step(fixture, fixture->rig->now_ns + RIG_SECOND))
		;
}

static void rounds_are_equal_at_every_size(void **state)
{
	static const uint32_t sizes[] = { 32, 64, 1000, 1024, 1025, 65535, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fixture *fixture = create(sizes[i]);
		uint32_t connection, qpn;

		assert_int_equal(dial(fixture, &connection, &qpn), ROCE_EVENT_ESTABLISHED);
		for (unsigned round = 0; round < 5; round++)
			assert_int_equal(play(fixture), 1);
		assert_int_equal(fixture->client.rounds, 5);
		hang_up(fixture, connection);
		/* The last round may end at the server with the client's hanging up. */
		assert_in_range(fixture->service.rounds, 4, 5);
		assert_int_equal(fixture->service.clients_failed, 0);
		assert_int_equal(rping_service_deadline_ns(&fixture->service), UINT64_MAX);
		destroy(fixture);
	}
}

static void rounds_are_equal_on_a_bad_wire(void **state)
{
	struct fixture *fixture = create(10000);
	uint32_t connection, qpn;

	(void)state;
	fixture->rig->loss_permille = fixture->rig->repeat_permille = fixture->rig->reorder_permille = 20;
	assert_int_equal(dial(fixture, &connection, &qpn), ROCE_EVENT_ESTABLISHED);
	for (unsigned round = 0; round < 200; round++)
		assert_int_equal(play(fixture), 1);
	hang_up(fixture, connection);
	destroy(fixture);
}

static void one_more_client_is_refused_and_the_idle_are_hung_up_on(void **state)
{
	struct fixture *fixture = create(64);
	uint32_t connections[RPING_CLIENTS_MAX + 1], qpn;

	(void)state;
	for (unsigned i = 0; i < RPING_CLIENTS_MAX; i++)
		assert_int_equal(dial(fixture, &connections[i], &qpn), ROCE_EVENT_ESTABLISHED);
	assert_int_equal(dial(fixture, &connections[RPING_CLIENTS_MAX], &qpn), ROCE_EVENT_REJECTED);
	assert_int_equal(fixture->service.clients_refused, 1);
	while (fixture->service.clients_idle < RPING_CLIENTS_MAX)
		assert_true(step(fixture, fixture->rig->now_ns + 2 * RPING_IDLE_NS));
	assert_int_equal(dial(fixture, &connections[0], &qpn), ROCE_EVENT_ESTABLISHED);
	assert_int_equal(play(fixture), 1);
	hang_up(fixture, connections[0]);
	destroy(fixture);
}

/* What a client may send instead of its text's place; `len_bytes` of `place`. */
static void expect_hung_up_on(uint32_t place_len_bytes, uint32_t message_bytes)
{
	struct fixture *fixture = create(64);
	uint8_t message[32] = { 0 };
	uint32_t connection, qpn;
	struct roce_event event;

	message[14] = (uint8_t)(place_len_bytes >> 8);
	message[13] = (uint8_t)(place_len_bytes >> 16);
	message[15] = (uint8_t)place_len_bytes;
	assert_int_equal(dial(fixture, &connection, &qpn), ROCE_EVENT_ESTABLISHED);
	assert_int_equal(roce_post_send(fixture->rig->device[0], qpn, 0, message, message_bytes, fixture->rig->now_ns), 0);
	do
		assert_true(next_event(fixture, &event));
	while (event.type != ROCE_EVENT_DISCONNECTED);
	assert_int_equal(fixture->service.clients_failed, 1);
	hang_up(fixture, connection);
	destroy(fixture);
}

static void a_client_that_breaks_the_protocol_is_hung_up_on(void **state)
{
	(void)state;
	expect_hung_up_on(0, 16);
	expect_hung_up_on(RPING_SIZE_MAX_BYTES + 1, 16);
	expect_hung_up_on(64, 15);
	expect_hung_up_on(64, 0);
	expect_hung_up_on(64, 32);	/* longer than the receive */
	expect_hung_up_on(64, 16);	/* a key that the client does not have */
}

/* S1: a region of the node's own, for anyone with its owner's tag, under a key that the client knows somehow. */
static void a_client_reaches_no_region_of_the_node(void **state)
{
	struct fixture *fixture = create(64);
	uint8_t secret[64], got[64] = { 0 };
	struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .context = secret, .len_bytes = sizeof(secret),
					     .access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, .peer = 7 };
	uint32_t connection, qpn, rkey;
	struct roce_event event;

	(void)state;
	memset(secret, 0x5a, sizeof(secret));
	assert_int_equal(roce_memory_register(fixture->rig->device[1], &region, &rkey), 0);
	assert_int_equal(dial(fixture, &connection, &qpn), ROCE_EVENT_ESTABLISHED);
	assert_int_equal(roce_post_read(fixture->rig->device[0], qpn, 9, got, sizeof(got), 0, rkey, fixture->rig->now_ns), 0);
	do
		assert_true(next_event(fixture, &event));
	while (event.type != ROCE_EVENT_COMPLETION || event.cookie != 9);
	assert_int_equal(event.status, -EACCES);
	assert_int_equal(got[0], 0);
	assert_int_equal(roce_counters(fixture->rig->device[1])->access_wrong_peer, 1);
	hang_up(fixture, connection);
	destroy(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_are_equal_at_every_size),
		cmocka_unit_test(rounds_are_equal_on_a_bad_wire),
		cmocka_unit_test(one_more_client_is_refused_and_the_idle_are_hung_up_on),
		cmocka_unit_test(a_client_that_breaks_the_protocol_is_hung_up_on),
		cmocka_unit_test(a_client_reaches_no_region_of_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
