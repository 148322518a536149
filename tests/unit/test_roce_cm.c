/* SPDX-License-Identifier: GPL-2.0-only */
/* Connecting, refusing, hanging up; and all of it when messages are lost or repeated. */
#include "tests/unit/roce_cm_fixture.h"

static void expect_nothing(struct rig *rig, int side)
{
	struct roce_event event;

	assert_false(rig_wait(rig, side, &event, 10 * RIG_SECOND));
}

/* All slots, queue pairs and event places are free again. */
static void expect_clean(struct rig *rig)
{
	rig_run(rig, 20 * RIG_SECOND);
	for (int side = 0; side < 2; side++) {
		struct roce_device *device = rig->device[side];

		expect_nothing(rig, side);
		for (uint32_t i = 0; i < device->config.limits.connections_max; i++)
			assert_int_equal(device->connections[i].state, CM_FREE);
		for (uint32_t i = 0; i < device->config.limits.queue_pairs_max; i++)
			assert_int_equal(device->queue_pairs[i].state, QP_FREE);
		for (uint32_t i = 0; i < device->queues_count; i++)
			assert_int_equal(device->queues[i].works, 0);
		assert_int_equal(device->connection_events, 0);
		assert_int_equal(device->timers_count, 0);
		assert_null(device->ready_head);
		assert_null(device->owing_head);
	}
}

/* ---------------------------------------------------------------- endings */

static void test_disconnect(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		struct rig *rig = rig_create(1, 4096, 4096);

		rig_connect(rig, 0, 0);
		expect_works(rig);
		assert_int_equal(roce_post_receive(rig->device[side], rig->qpn[side], 1, buffer, 10), 0);
		assert_int_equal(roce_post_receive(rig->device[1 - side], rig->qpn[1 - side], 2, buffer, 10), 0);
		roce_disconnect(rig->device[side], rig->connection[side], rig->now_ns);
		assert_int_equal(roce_connection_qpn(rig->device[side], rig->connection[side]), 0);
		rig_expect(rig, side, ROCE_RECEIVE, 1, -ECONNRESET);
		rig_expect(rig, 1 - side, ROCE_RECEIVE, 2, -ECONNRESET);
		rig_expect_disconnected(rig, 1 - side, 0);
		roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);	/* once more is harmless */
		roce_disconnect(rig->device[1], rig->connection[1], rig->now_ns);
		expect_clean(rig);
		rig_destroy(rig);
	}
}

static void test_both_disconnect(void **state)
{
	struct rig *rig = rig_create(2, 4096, 4096);

	(void)state;
	rig_connect(rig, 0, 0);
	roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
	roce_disconnect(rig->device[1], rig->connection[1], rig->now_ns);
	expect_clean(rig);
	rig_destroy(rig);
}

/* Events about a connection that the application gave up do not reach it. */
static void test_disconnect_before_polling(void **state)
{
	struct rig *rig = rig_create(3, 4096, 4096);
	struct roce_event event;
	uint32_t qpn;

	(void)state;
	start_connect(rig, RIG_PORT, RIG_SECOND);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	rig_run(rig, RIG_SECOND / 10);		/* ESTABLISHED waits in both queues */
	roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
	expect_nothing(rig, 0);
	expect_event(rig, 1, ROCE_EVENT_ESTABLISHED, &event);
	expect_event(rig, 1, ROCE_EVENT_DISCONNECTED, &event);
	assert_int_equal(event.status, 0);
	expect_clean(rig);
	rig_destroy(rig);
}

static void test_refused_no_listener(void **state)
{
	struct rig *rig = rig_create(4, 4096, 4096);
	struct roce_event event;

	(void)state;
	start_connect(rig, 99, RIG_SECOND);
	assert_int_equal(roce_post_receive(rig->device[0], rig->qpn[0], 1, buffer, 10), 0);
	rig_expect(rig, 0, ROCE_RECEIVE, 1, -ECONNRESET);
	expect_event(rig, 0, ROCE_EVENT_REJECTED, &event);
	assert_int_equal(event.reason, CM_REJECT_SERVICE_ID);
	assert_int_equal(event.connection, rig->connection[0]);
	assert_int_equal(event.cookie, 5);
	assert_int_equal(roce_connection_qpn(rig->device[0], rig->connection[0]), 0);
	expect_clean(rig);
	rig_destroy(rig);
}

static void test_refused_by_application(void **state)
{
	struct rig *rig = rig_create(5, 4096, 4096);
	struct roce_event event;

	(void)state;
	for (int round = 0; round < 100; round++) {
		start_connect(rig, RIG_PORT, RIG_SECOND);
		expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
		assert_int_equal(roce_reject(rig->device[1], event.connection, "go away", 7, rig->now_ns), 0);
		assert_int_equal(roce_reject(rig->device[1], event.connection, "go away", 7, rig->now_ns), -ENOENT);
		expect_event(rig, 0, ROCE_EVENT_REJECTED, &event);
		assert_int_equal(event.reason, CM_REJECT_CONSUMER);
		assert_int_equal(event.len_bytes, ROCE_REJ_PRIVATE_BYTES_MAX);
		assert_memory_equal(event.private_data, "go away\0", 8);
	}
	expect_clean(rig);
	rig_destroy(rig);
}

static void test_unreachable(void **state)
{
	struct rig *rig = rig_create(6, 4096, 4096);
	struct roce_event event;
	uint64_t start_ns = rig->now_ns;

	(void)state;
	rig->cut[1] = true;
	start_connect(rig, RIG_PORT, 5 * RIG_SECOND);
	expect_event(rig, 0, ROCE_EVENT_UNREACHABLE, &event);
	assert_int_equal(event.connection, rig->connection[0]);
	assert_int_equal(rig->now_ns, start_ns + 5 * RIG_SECOND);
	assert_in_range(roce_counters(rig->device[0])->packets_sent, 4, 8);
	expect_clean(rig);
	rig_destroy(rig);
}

static void test_taken_back(void **state)
{
	struct rig *rig = rig_create(7, 4096, 4096);
	struct roce_event event;
	uint32_t qpn;

	(void)state;
	start_connect(rig, RIG_PORT, 5 * RIG_SECOND);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), -ECONNRESET);
	expect_clean(rig);
	/* The same, but the REJ that takes it back is lost: the REP finds nobody. */
	start_connect(rig, RIG_PORT, 5 * RIG_SECOND);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	rig->connection[1] = event.connection;
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &rig->qpn[1]), 0);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 1, buffer, 10), 0);
	rig->cut[1] = true;
	roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
	rig_run(rig, RIG_SECOND);
	rig->cut[1] = false;
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	rig_expect(rig, 1, ROCE_RECEIVE, 1, -ECONNRESET);
	rig_expect_disconnected(rig, 1, -ECONNRESET);
	expect_clean(rig);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- lost messages */

/* Lose the first message of this kind (CM attribute), either way. */
struct lose {
	uint16_t attribute;
	unsigned times;
	unsigned seen;
};

static bool lose(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct lose *what = rig->drop_context;
	struct roce_packet packet;
	struct cm_message message;

	(void)to;
	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.destination_qpn != 1)
		return false;
	assert_true(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
	return message.attribute == what->attribute && what->seen++ < what->times;
}

static void test_lost_messages(void **state)
{
	static const uint16_t attributes[] = { CM_REQ, CM_REP, CM_RTU, CM_DREQ, CM_DREP };

	(void)state;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		for (unsigned times = 1; times <= 3; times++) {
			struct rig *rig = rig_create(8, 4096, 4096);
			struct lose what = { .attribute = attributes[i], .times = times };

			rig->drop = lose;
			rig->drop_context = &what;
			rig_connect(rig, 0, 0);
			expect_works(rig);
			roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
			rig_expect_disconnected(rig, 1, 0);
			expect_clean(rig);
			assert_true(what.seen > times);
			rig_destroy(rig);
		}
	}
}

/* Without an RTU at all, data makes the passive side ready. */
static void test_data_stands_for_rtu(void **state)
{
	struct rig *rig = rig_create(9, 4096, 4096);
	struct lose what = { .attribute = CM_RTU, .times = 1000 };
	struct roce_event event;

	(void)state;
	rig->drop = lose;
	rig->drop_context = &what;
	start_connect(rig, RIG_PORT, 5 * RIG_SECOND);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	rig->connection[1] = event.connection;
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &rig->qpn[1]), 0);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 1, buffer, 10), 0);
	/* Posted early: goes out when the connection is there. */
	assert_int_equal(roce_post_send(rig->device[1], rig->qpn[1], 2, "early", 5, rig->now_ns), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	assert_int_equal(roce_post_receive(rig->device[0], rig->qpn[0], 3, buffer, 10), 0);
	expect_event(rig, 0, ROCE_EVENT_ESTABLISHED, &event);
	assert_false(rig_wait(rig, 1, &event, RIG_SECOND));
	assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 4, "data", 4, rig->now_ns), 0);
	expect_event(rig, 1, ROCE_EVENT_ESTABLISHED, &event);
	rig_expect(rig, 1, ROCE_RECEIVE, 1, 0);
	rig_expect(rig, 1, ROCE_SEND, 2, 0);
	rig_destroy(rig);
}

/* Handshakes and farewells over a wire that does everything wrong. */
static void test_bad_wire(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rig *rig = rig_create(seed, 4096, 1024);
		struct roce_event event;
		int side = (int)seed % 2;

		rig->loss_permille = 200;
		rig->repeat_permille = 300;
		rig->reorder_permille = 300;
		rig->corrupt_permille = 50;
		rig_connect(rig, 0, 0);
		expect_works(rig);
		roce_disconnect(rig->device[side], rig->connection[side], rig->now_ns);
		rig_run(rig, 5 * RIG_SECOND);
		/* Every DREQ may have been lost: then the other side finds out when it has something to say. */
		if (!roce_queue_poll(rig->device[1 - side], rig->queue[1 - side], &event)) {
			assert_int_equal(roce_post_send(rig->device[1 - side], rig->qpn[1 - side], 1, "x", 1, rig->now_ns), 0);
			rig_expect(rig, 1 - side, ROCE_SEND, 1, -ETIMEDOUT);
			rig_expect_disconnected(rig, 1 - side, -ETIMEDOUT);
		} else {
			assert_int_equal(event.type, ROCE_EVENT_DISCONNECTED);
		}
		expect_clean(rig);
		rig_destroy(rig);
	}
}

static void test_peer_vanishes_in_handshake(void **state)
{
	struct rig *rig = rig_create(11, 4096, 4096);
	struct roce_event event;

	(void)state;
	start_connect(rig, RIG_PORT, 2 * RIG_SECOND);
	expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
	rig->connection[1] = event.connection;
	rig->cut[0] = true;
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &rig->qpn[1]), 0);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 1, buffer, 10), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	expect_event(rig, 0, ROCE_EVENT_UNREACHABLE, &event);
	rig_expect(rig, 1, ROCE_RECEIVE, 1, -ECONNRESET);
	rig_expect_disconnected(rig, 1, -ETIMEDOUT);
	expect_clean(rig);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- path MTU */

static void test_mtu_is_the_smaller_one(void **state)
{
	static const uint32_t mtus[] = { 256, 512, 1024, 2048, 4096 };

	(void)state;
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 5; j++) {
			struct rig *rig = rig_create(12, mtus[i], mtus[j]);
			uint32_t smaller = mtus[i] < mtus[j] ? mtus[i] : mtus[j];

			rig_connect(rig, 0, 0);
			assert_int_equal(roce_path_mtu_bytes(rig->device[0], rig->qpn[0]), smaller);
			assert_int_equal(roce_path_mtu_bytes(rig->device[1], rig->qpn[1]), smaller);
			expect_works(rig);
			roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
			rig_expect_disconnected(rig, 1, 0);
			expect_clean(rig);
			rig_destroy(rig);
		}
	}
}

/* ---------------------------------------------------------------- limits */

static void test_connections_come_and_go(void **state)
{
	struct rig *rig = rig_create(13, 4096, 4096);

	(void)state;
	/* Without a pause: TIMEWAIT gives way when slots run out. */
	for (int round = 0; round < 300; round++) {
		rig_connect(rig, 0, 0);
		expect_works(rig);
		roce_disconnect(rig->device[round % 2], rig->connection[round % 2], rig->now_ns);
		rig_expect_disconnected(rig, 1 - round % 2, 0);
	}
	expect_clean(rig);
	rig_destroy(rig);
}

static void test_connection_limits(void **state)
{
	struct rig *rig = rig_create(14, 4096, 4096);
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
					.timeout_ns = RIG_SECOND };
	struct roce_event event;
	uint32_t number;

	(void)state;
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), 0);
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), -ENOBUFS);
	connect.queue = 2;
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), -EINVAL);
	connect.queue = rig->queue[0];
	connect.private_len_bytes = ROCE_REQ_PRIVATE_BYTES_MAX + 1;
	connect.private_data = buffer;
	assert_int_equal(roce_connect(rig->device[0], &connect, &number, rig->now_ns), -EINVAL);
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 0), -EADDRINUSE);
	assert_int_equal(roce_listen(rig->device[1], 1, rig->queue[1], 0), 0);
	assert_int_equal(roce_listen(rig->device[1], 2, rig->queue[1], 0), -ENOBUFS);
	assert_int_equal(roce_listen(rig->device[1], 2, 77, 0), -EINVAL);
	/* The passive side's application never answers: the active side gives up, and takes its requests back. */
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		expect_event(rig, 0, ROCE_EVENT_UNREACHABLE, &event);
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
		assert_int_equal(roce_reject(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	}
	expect_clean(rig);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disconnect),
		cmocka_unit_test(test_both_disconnect),
		cmocka_unit_test(test_disconnect_before_polling),
		cmocka_unit_test(test_refused_no_listener),
		cmocka_unit_test(test_refused_by_application),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_lost_messages),
		cmocka_unit_test(test_data_stands_for_rtu),
		cmocka_unit_test(test_bad_wire),
		cmocka_unit_test(test_peer_vanishes_in_handshake),
		cmocka_unit_test(test_mtu_is_the_smaller_one),
		cmocka_unit_test(test_connections_come_and_go),
		cmocka_unit_test(test_connection_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
