// SPDX-License-Identifier: GPL-2.0-only
/* Peers of the connection manager that flood, lie, lost their state or are slow. */
#include "tests/unit/roce_cm_fixture.h"

/* ---------------------------------------------------------------- requests that flood or lie */

static void test_request_flood(void **state)
{
	struct rig *rig = rig_create(15, 4096, 4096);
	const struct roce_counters *counters = roce_counters(rig->device[1]);
	struct roce_event event;
	uint32_t source = 0x0a0000f0, qpn;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		struct cm_message req = forged_request(source + i % 5, i, 0x100 + i);

		inject_management(rig, 1, source + i % 5, &req);
	}
	assert_int_equal(counters->connects_received, 1000);
	assert_int_equal(counters->connects_rejected, 1000 - CONNECTIONS_MAX);
	/* At most CM_REPLIES_MAX refusals are worth keeping. */
	assert_int_equal(counters->drop_flood, 1000 - CONNECTIONS_MAX - CM_REPLIES_MAX);
	rig->device[1]->replies_count = 0;	/* they would go to addresses that the rig has not */
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
		assert_int_equal(event.type, ROCE_EVENT_CONNECT_REQUEST);
		assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
		assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	}
	/* Nobody answers the REPs; after their time there is room again. */
	for (int i = 0; i < 100; i++) {
		struct roce_datagram datagram = { .bytes = buffer };

		rig->now_ns += RIG_SECOND / 10;
		roce_tick(rig->device[1], rig->now_ns);
		while (roce_output(rig->device[1], &datagram, rig->now_ns))
			;
	}
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		expect_event(rig, 1, ROCE_EVENT_DISCONNECTED, &event);
		assert_int_equal(event.status, -ETIMEDOUT);
	}
	rig_connect(rig, 0, 0);
	expect_works(rig);
	rig_destroy(rig);
}

static void expect_rejected(struct rig *rig, struct cm_message req, uint16_t reason)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct cm_message rej;

	inject_management(rig, 1, rig_address(0), &req);
	rej = sent_management(rig, 1, bytes);
	assert_int_equal(rej.attribute, CM_REJ);
	assert_int_equal(rej.reason, reason);
	assert_int_equal(rej.transaction, req.transaction);
	assert_int_equal(rej.remote_number, req.local_number);
	assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), 0);
}

static void test_invalid_requests(void **state)
{
	struct rig *rig = rig_create(16, 4096, 1024);
	struct cm_message good = forged_request(rig_address(0), 1, 0x100), bad;
	struct roce_event event;

	(void)state;
	good.path_mtu = 3;
	bad = good, bad.service_id = CM_SERVICE_ID_TCP | 4;
	expect_rejected(rig, bad, CM_REJECT_SERVICE_ID);
	bad = good, bad.service_id |= UINT64_C(1) << 40;
	expect_rejected(rig, bad, CM_REJECT_SERVICE_ID);
	bad = good, bad.transport = 1;
	expect_rejected(rig, bad, CM_REJECT_TRANSPORT);
	bad = good, bad.gid_local++;
	expect_rejected(rig, bad, CM_REJECT_GID);
	bad = good, bad.gid_remote++;
	expect_rejected(rig, bad, CM_REJECT_GID);
	for (bad = good, bad.path_mtu = 0; bad.path_mtu < 16; bad.path_mtu++)
		if (bad.path_mtu < 1 || bad.path_mtu > 3)
			expect_rejected(rig, bad, CM_REJECT_MTU);
	bad = good, bad.qpn = 1;
	expect_rejected(rig, bad, CM_REJECT_UNSUPPORTED);
	bad = good, bad.qpn = 0xffffff;
	expect_rejected(rig, bad, CM_REJECT_UNSUPPORTED);
	bad = good, bad.local_number = 0;
	expect_rejected(rig, bad, CM_REJECT_UNSUPPORTED);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 0);
	inject_management(rig, 1, rig_address(0), &good);
	inject_management(rig, 1, rig_address(0), &good);	/* a repeated one is one */
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 0);
	rig_destroy(rig);
}

/* A request that comes again after it was accepted gets the REP again, at once. */
static void test_repeated_request_is_answered_again(void **state)
{
	struct rig *rig = rig_create(21, 4096, 4096);
	struct cm_message req = forged_request(rig_address(0), 1, 0x100), rep;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct roce_event event;
	uint32_t qpn;

	(void)state;
	inject_management(rig, 1, rig_address(0), &req);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, "yes", 3, rig->now_ns), 0);
	for (int i = 0; i < 3; i++) {
		rep = sent_management(rig, 1, bytes);
		assert_int_equal(rep.attribute, CM_REP);
		assert_int_equal(rep.transaction, 1);
		assert_int_equal(rep.remote_number, 1);
		assert_int_equal(rep.qpn, qpn);
		assert_int_equal(rep.responder_resources, 1);	/* no more than was asked for */
		assert_int_equal(rep.initiator_depth, 1);
		assert_memory_equal(rep.private_data, "yes", 4);
		assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), 0);
		inject_management(rig, 1, rig_address(0), &req);
	}
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 0);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- peers that lost their state */

static void test_peer_restarts(void **state)
{
	struct rig *rig = rig_create(17, 4096, 4096);
	struct roce_config config;
	uint32_t old_qpn, old_connection;

	(void)state;
	rig_connect(rig, 0, 0);
	expect_works(rig);
	old_qpn = rig->qpn[1];
	old_connection = rig->connection[1];
	config = rig_config(rig, 0, 4096);
	rig_make_device(rig, 0, &config);
	rig_connect(rig, 0, 0);			/* the restarted peer gets a new one */
	expect_works(rig);
	assert_int_not_equal(rig->qpn[1], old_qpn);
	/* The old one ends when it is used. */
	rig->qpn[1] = old_qpn;
	rig->connection[1] = old_connection;
	assert_int_equal(roce_post_send(rig->device[1], old_qpn, 1, "x", 1, rig->now_ns), 0);
	rig_expect(rig, 1, ROCE_SEND, 1, -ETIMEDOUT);
	rig_expect_disconnected(rig, 1, -ETIMEDOUT);
	rig_destroy(rig);
}

/* A REQ that names a communication id or queue pair of a live connection shows that the peer lost that connection. */
static void test_stale_connection(void **state)
{
	(void)state;
	for (int same_number = 0; same_number < 2; same_number++) {
		struct rig *rig = rig_create(18, 4096, 4096);
		struct cm_message req;
		struct roce_event event;

		rig_connect(rig, 0, 0);
		req = same_number ? forged_request(rig_address(0), rig->connection[0], 0x777) :
				    forged_request(rig_address(0), 0x777, rig->qpn[0]);
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 1, buffer, 10), 0);
		inject_management(rig, 1, rig_address(0), &req);
		rig_expect(rig, 1, ROCE_RECEIVE, 1, -ECONNRESET);
		rig_expect_disconnected(rig, 1, -ECONNRESET);
		expect_event(rig, 1, ROCE_EVENT_CONNECT_REQUEST, &event);
		assert_int_not_equal(event.connection, rig->connection[1]);
		rig_destroy(rig);
	}
}

/* Messages from the wrong address, for the wrong ids, in the wrong state. */
static void test_forged_messages(void **state)
{
	static const uint16_t attributes[] = { CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP };
	struct rig *rig = rig_create(19, 4096, 4096);

	(void)state;
	rig_connect(rig, 0, 0);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		struct cm_message message = { .attribute = attributes[i], .local_number = rig->connection[0],
					      .remote_number = rig->connection[1], .qpn = rig->qpn[1] };

		inject_management(rig, 1, 0x0a0000ee, &message);	/* not the peer's address */
		rig->device[1]->replies_count = 0;
		message.remote_number ^= 0x10000;
		inject_management(rig, 1, rig_address(0), &message);
		message.remote_number ^= 0x10000;
		message.local_number++;
		inject_management(rig, 1, rig_address(0), &message);
	}
	rig_run(rig, RIG_SECOND);
	expect_works(rig);
	rig_destroy(rig);
}

/* A peer that is slow to accept says so, and is not asked again meanwhile. */
static void test_delay_is_honoured(void **state)
{
	struct rig *rig = rig_create(20, 4096, 4096);
	struct cm_message mra = { .attribute = CM_MRA, .mra_timeout = 19 };	/* 2.1 s */
	uint64_t sent;

	(void)state;
	mra.remote_number = start_connect(rig, RIG_PORT, 10 * RIG_SECOND);
	rig_run(rig, RIG_SECOND / 100);
	inject_management(rig, 0, rig_address(1), &mra);
	sent = roce_counters(rig->device[0])->packets_sent;
	rig_run(rig, 2 * RIG_SECOND);
	assert_int_equal(roce_counters(rig->device[0])->packets_sent, sent);
	rig_run(rig, RIG_SECOND / 2);
	assert_int_equal(roce_counters(rig->device[0])->packets_sent, sent + 1);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_flood),
		cmocka_unit_test(test_invalid_requests),
		cmocka_unit_test(test_repeated_request_is_answered_again),
		cmocka_unit_test(test_peer_restarts),
		cmocka_unit_test(test_stale_connection),
		cmocka_unit_test(test_forged_messages),
		cmocka_unit_test(test_delay_is_honoured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
