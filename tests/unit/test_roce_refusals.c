/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is not standard about a peer, and how it is told or counted: applications that think for long, fields that no connect
 * request may have, every syndrome, notices of congestion. Every cause has a counter with a name.
 */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/internal.h"
#include "net/roce/manual.h"
#include "tests/unit/roce_forge.h"

#define REGION (256u << 10)

static uint8_t remote[REGION], local[REGION];

/* ---------------------------------------------------------------- names */

static void test_names(void **state)
{
	struct roce_counters counters = { 0 };
	uint64_t causes = 0;

	(void)state;
	for (uint32_t reason = 0; reason <= UINT16_MAX; reason++) {
		const char *name = roce_reject_reason_name((uint16_t)reason);

		assert_true(name && name[0]);
		assert_int_equal(strcmp(name, "unknown reason") == 0, reason == 0 || reason == 34 || reason > 35);
		for (uint32_t other = 1; reason <= 35 && reason != 34 && other < reason; other++)
			assert_string_not_equal(name, roce_reject_reason_name((uint16_t)other));
	}
#define CHECK(name, meaning_of_it) \
	counters.name = ++causes; \
	assert_string_equal(roce_refusal_meaning(#name), meaning_of_it);
	ROCE_REFUSALS(CHECK)
	assert_int_equal(roce_refused(&counters), causes * (causes + 1) / 2);
	assert_null(roce_refusal_meaning("packets_received"));
	assert_null(roce_refusal_meaning(""));
}

/* ---------------------------------------------------------------- an application that thinks */

static void test_repeated_request_while_it_thinks(void **state)
{
	struct rig *rig = rig_create(31, 4096, 4096);
	struct cm_message req = forged_request(rig_address(0), 1, 0x100), message;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct roce_event event;
	uint32_t qpn;

	(void)state;
	inject_management(rig, 1, rig_address(0), &req);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), 0);
	for (unsigned i = 1; i <= 3; i++) {
		inject_management(rig, 1, rig_address(0), &req);
		message = sent_management(rig, 1, bytes);
		assert_int_equal(message.attribute, CM_MRA);
		assert_int_equal(message.message_concerned, CM_CONCERNS_REQ);
		assert_int_equal(message.transaction, req.transaction);
		assert_int_equal(message.remote_number, req.local_number);
		assert_int_equal(message.local_number, event.connection);
		assert_true(message.mra_timeout > 0);
		assert_int_equal(roce_counters(rig->device[1])->connects_delayed, i);
		assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), 0);
	}
	/* An MRA that has not left yet does not follow the answer. */
	inject_management(rig, 1, rig_address(0), &req);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	assert_int_equal(sent_management(rig, 1, bytes).attribute, CM_REP);
	assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), 0);
	rig_destroy(rig);
}

/* Both ends ours: five seconds of thought cost a REQ a second, and the connection comes about. */
static void test_long_thought(void **state)
{
	struct rig *rig = rig_create(32, 4096, 4096);
	struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
					.timeout_ns = 20 * RIG_SECOND };
	struct roce_event event;
	uint32_t qpn;

	(void)state;
	assert_int_equal(roce_connect(rig->device[0], &connect, &rig->connection[0], rig->now_ns), 0);
	assert_true(rig_wait(rig, 1, &event, RIG_SECOND));
	rig_run(rig, 5 * RIG_SECOND);
	assert_in_range(roce_counters(rig->device[1])->connects_received, 4, 8);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	assert_true(rig_wait(rig, 0, &event, RIG_SECOND));
	assert_int_equal(event.type, ROCE_EVENT_ESTABLISHED);
	rig_destroy(rig);
}

/* A peer that takes its time with our REP: it is not repeated meanwhile. MRAs about other messages change nothing. */
static void test_patience_with_a_reply(void **state)
{
	struct rig *rig = rig_create(33, 4096, 4096);
	struct cm_message req = forged_request(rig_address(0), 1, 0x100);
	struct cm_message mra = { .attribute = CM_MRA, .local_number = 1, .mra_timeout = 18, .message_concerned = CM_CONCERNS_REP };
	const struct roce_counters *counters = roce_counters(rig->device[1]);
	struct roce_event event;
	uint64_t sent;
	uint32_t qpn;

	(void)state;
	inject_management(rig, 1, rig_address(0), &req);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &qpn), 0);
	assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig->now_ns), 0);
	rig->cut[0] = true;
	rig_run(rig, RIG_SECOND / 10);
	mra.remote_number = event.connection;
	inject_management(rig, 1, rig_address(0), &mra);
	sent = counters->packets_sent;
	rig_run(rig, RIG_SECOND);
	assert_int_equal(counters->packets_sent, sent);
	rig_run(rig, RIG_SECOND / 5);
	assert_int_equal(counters->packets_sent, sent + 1);
	mra.message_concerned = CM_CONCERNS_REQ;
	inject_management(rig, 1, rig_address(0), &mra);
	mra.message_concerned = CM_CONCERNS_REP;
	mra.local_number = 2;
	inject_management(rig, 1, rig_address(0), &mra);
	assert_int_equal(counters->drop_unexpected, 2);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- requests that cannot be */

/* One byte of a good request changed: the reason and the counter. */
static void test_fields_of_a_request(void **state)
{
	static const struct {
		uint8_t offset, value;		/* in the 232 bytes of data */
		uint16_t reason;
		size_t counter;
	} cases[] = {
#define COUNTER(name) offsetof(struct roce_counters, name)
		{ 9, 0x55, CM_REJECT_SERVICE_ID, COUNTER(refused_service) },
		{ 15, 0x55, CM_REJECT_SERVICE_ID, COUNTER(refused_service) },
		{ 43, 2, CM_REJECT_TRANSPORT, COUNTER(refused_transport) },	/* unreliable connection */
		{ 43, 6, CM_REJECT_TRANSPORT, COUNTER(refused_transport) },	/* extended */
		{ 50, 0x58, CM_REJECT_TRANSPORT, COUNTER(refused_transport) },	/* a reliable datagram channel */
		{ 51, 0xf1, CM_REJECT_TRANSPORT, COUNTER(refused_transport) },
		{ 56, 0xfe, CM_REJECT_GID, COUNTER(refused_address) },
		{ 71, 0x55, CM_REJECT_GID, COUNTER(refused_address) },
		{ 87, 0x55, CM_REJECT_GID, COUNTER(refused_address) },
		{ 50, 0x00, CM_REJECT_MTU, COUNTER(refused_mtu) },
		{ 50, 0x60, CM_REJECT_MTU, COUNTER(refused_mtu) },
		{ 49, 0x55, CM_REJECT_UNSUPPORTED, COUNTER(refused_fields) },	/* partition key */
		{ 140, 0x55, CM_REJECT_UNSUPPORTED, COUNTER(refused_fields) },	/* version of the header in the private data */
		{ 141, 0x60, CM_REJECT_UNSUPPORTED, COUNTER(refused_fields) },	/* IPv6 */
		{ 159, 0x55, CM_REJECT_UNSUPPORTED, COUNTER(refused_fields) },	/* its addresses are not those of the GIDs */
		{ 175, 0x55, CM_REJECT_UNSUPPORTED, COUNTER(refused_fields) },
#undef COUNTER
	};
	struct rig *rig = rig_create(34, 4096, 4096);
	struct cm_message req = forged_request(rig_address(0), 1, 0x100), answer;
	uint8_t mad[MAD_BYTES], bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_event event;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const uint64_t *counter = (const uint64_t *)((const uint8_t *)roce_counters(rig->device[1]) + cases[i].counter);
		uint64_t before = *counter, refused = roce_refused(roce_counters(rig->device[1]));

		cm_message_encode(&req, mad);
		assert_int_not_equal(mad[24 + cases[i].offset], cases[i].value);
		mad[24 + cases[i].offset] = cases[i].value;
		inject_bytes(rig, 1, rig_address(0), mad);
		answer = sent_management(rig, 1, bytes);
		assert_int_equal(answer.attribute, CM_REJ);
		assert_int_equal(answer.reason, cases[i].reason);
		assert_int_equal(*counter, before + 1);
		assert_int_equal(roce_refused(roce_counters(rig->device[1])), refused + 1);
	}
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 0);
	cm_message_encode(&req, mad);		/* and the good one is good */
	inject_bytes(rig, 1, rig_address(0), mad);
	assert_int_equal(roce_queue_poll(rig->device[1], rig->queue[1], &event), 1);
	rig_destroy(rig);
}

static void test_datagram_services_are_refused(void **state)
{
	struct rig *rig = rig_create(35, 4096, 4096);
	uint8_t mad[MAD_BYTES], bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct cm_message message = { .attribute = CM_RTU, .transaction = 9, .local_number = 0x12345678 };
	struct cm_message answer;

	(void)state;
	cm_message_encode(&message, mad);
	mad[17] = CM_SIDR_REQ;
	inject_bytes(rig, 1, rig_address(0), mad);
	answer = sent_management(rig, 1, bytes);
	assert_int_equal(answer.attribute, CM_SIDR_REP);
	assert_int_equal(answer.transaction, 9);
	assert_int_equal(answer.local_number, 0x12345678);
	assert_int_equal(bytes[20 + 24 + 4], CM_SIDR_UNSUPPORTED);
	assert_int_equal(roce_counters(rig->device[1])->refused_datagram_service, 1);
	mad[17] = CM_SIDR_REP;
	inject_bytes(rig, 1, rig_address(0), mad);
	mad[17] = 0x19;				/* LAP: no alternate paths */
	inject_bytes(rig, 1, rig_address(0), mad);
	assert_int_equal(roce_counters(rig->device[1])->drop_malformed, 1);
	assert_int_equal(roce_counters(rig->device[1])->drop_unknown_connection, 1);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- every syndrome */

/* ACKs with any credit count are ACKs; RNR NAKs wait as long as they say; what is reserved changes nothing or ends it. */
static void test_every_syndrome(void **state)
{
	static const uint16_t rnr_10us[] = { 65535, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768,
					     1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152 };

	(void)state;
	for (unsigned syndrome = 0; syndrome < 0x80; syndrome++) {
		struct rig *rig = rig_create(36, 4096, 4096);
		const struct roce_counters *counters = roce_counters(rig->device[0]);
		struct queue_pair *qp;
		struct roce_packet packet = { .opcode = OPCODE_ACKNOWLEDGE, .syndrome = (uint8_t)syndrome, .pkey = 0xffff };
		uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
		struct roce_datagram datagram = { .source_address = rig_address(1), .destination_address = rig_address(0),
						  .source_port = ROCE_UDP_PORT, .destination_port = ROCE_UDP_PORT, .bytes = bytes };
		struct roce_event event;

		rig_connect(rig, 0, 0);
		qp = roce_qp_find(rig->device[0], rig->qpn[0]);
		rig->cut[1] = true;
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, 100, rig->now_ns), 0);
		rig_send(rig);
		packet.destination_qpn = rig->qpn[0];
		packet.psn = sequence_psn(qp->requester.unacknowledged);
		roce_packet_encode(&packet, &datagram, &crc_table, NULL);
		roce_input(rig->device[0], &datagram, rig->now_ns);
		if (syndrome < 0x20) {
			assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
			assert_int_equal(event.status, 0);
		} else if (syndrome < 0x40) {
			assert_int_equal(counters->rnr_naks_received, 1);
			assert_true(qp->requester.waiting_not_ready);
			assert_int_equal(qp->timer.deadline_ns - rig->now_ns, rnr_10us[syndrome - 0x20] * UINT64_C(10000));
		} else if (syndrome < 0x60) {
			assert_int_equal(counters->drop_answer, 1);
			assert_int_equal(qp->requester.count, 1);
		} else if (syndrome == 0x60) {
			assert_int_equal(counters->naks_received, 1);
			assert_int_equal(qp->requester.next, qp->requester.unacknowledged);
		} else {
			int status = syndrome == 0x62 ? -EACCES : syndrome == 0x63 ? -EIO : -EPROTO;

			assert_int_equal(roce_queue_poll(rig->device[0], rig->queue[0], &event), 1);
			assert_int_equal(event.status, status);
		}
		rig_destroy(rig);
	}
}

/* ---------------------------------------------------------------- notices of congestion */

static void forge_notice(struct rig *rig, int to, uint32_t len_bytes)
{
	static const uint8_t reserved[64];
	struct roce_packet packet = { .opcode = OPCODE_CONGESTION_NOTIFICATION, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = rig->qpn[to],
				      .congestion = CONGESTION_BECN, .payload = reserved, .payload_len_bytes = len_bytes };

	inject_packet(rig, to, rig_address(1 - to), &packet);
}

static void test_notices_slow_us_down(void **state)
{
	struct rig *rig = rig_create(37, 1024, 1024);
	const struct roce_counters *counters = roce_counters(rig->device[0]);
	struct requester *r;
	uint32_t rkey, window;

	(void)state;
	rkey = rig_share(rig, remote, REGION, ROCE_ACCESS_REMOTE_WRITE);
	rig_connect(rig, 0, 0);
	r = &roce_qp_find(rig->device[0], rig->qpn[0])->requester;
	assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 1, local, REGION, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_WRITE, 1, 0);
	assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 2, local, REGION, 0, rkey, rig->now_ns), 0);
	rig_send(rig);
	window = r->window;
	for (uint32_t len = 0; len <= 64; len += 4)
		if (len != CONGESTION_NOTICE_BYTES)
			forge_notice(rig, 0, len);
	assert_int_equal(counters->drop_length, 16);
	assert_int_equal(r->window, window);
	for (unsigned i = 0; i < 5; i++)
		forge_notice(rig, 0, CONGESTION_NOTICE_BYTES);
	assert_int_equal(counters->congestion_notices_received, 5);
	assert_int_equal(counters->congestion_reductions, 1);
	assert_int_equal(r->window, window / 2);
	rig_expect(rig, 0, ROCE_WRITE, 2, 0);
	rig_destroy(rig);
}

/* Marks requests on their way to device 1, and looks at what comes back. */
struct notices {
	uint64_t first_ns, last_ns;
	unsigned count, echoes;
};

static bool mark(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct notices *notices = rig->drop_context;
	struct roce_datagram again = *datagram;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.opcode == OPCODE_CONGESTION_NOTIFICATION) {
		assert_int_equal(to, 0);
		assert_int_equal(packet.payload_len_bytes, CONGESTION_NOTICE_BYTES);
		assert_int_equal(packet.congestion, CONGESTION_BECN);
		assert_true(notices->count == 0 || rig->now_ns - notices->last_ns >= NOTICE_PAUSE_NS);
		notices->last_ns = rig->now_ns;
		notices->count++;
	} else {
		notices->echoes += packet.congestion == CONGESTION_BECN;
	}
	if (to == 0)
		return false;
	again.ip_tos = ECN_CONGESTED;
	rig_fly(rig, &again, to);
	return true;
}

/* A peer that is not ours gets notices, not more often than every 50 us, and no BECN in answers. */
static void test_strangers_get_notices(void **state)
{
	struct rig *rig = rig_create(38, 1024, 1024);
	struct roce_manual manual[2];
	struct notices notices = { 0 };
	uint32_t rkey;

	(void)state;
	rkey = rig_share(rig, remote, REGION, ROCE_ACCESS_REMOTE_WRITE);
	for (int side = 0; side < 2; side++)
		assert_int_equal(roce_manual_create(rig->device[side], rig->queue[side], &manual[side]), 0);
	for (int side = 0; side < 2; side++) {
		struct roce_manual_peer peer = { .address = rig_address(1 - side), .qpn = manual[1 - side].qpn,
						 .psn = manual[1 - side].psn, .path_mtu_bytes = 1024, .reads_max = 4 };

		assert_int_equal(roce_manual_start(rig->device[side], &manual[side], &peer), 0);
		rig->qpn[side] = manual[side].qpn;
	}
	rig->drop = mark;
	rig->drop_context = &notices;
	rig_fill(rig, local, sizeof(local));
	assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 1, local, REGION, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_WRITE, 1, 0);
	assert_memory_equal(local, remote, REGION);
	assert_true(notices.count > 1);
	assert_int_equal(notices.echoes, 0);
	assert_int_equal(roce_counters(rig->device[1])->congestion_notices_sent, notices.count);
	assert_true(roce_counters(rig->device[0])->congestion_reductions > 0);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_repeated_request_while_it_thinks),
		cmocka_unit_test(test_long_thought),
		cmocka_unit_test(test_patience_with_a_reply),
		cmocka_unit_test(test_fields_of_a_request),
		cmocka_unit_test(test_datagram_services_are_refused),
		cmocka_unit_test(test_every_syndrome),
		cmocka_unit_test(test_notices_slow_us_down),
		cmocka_unit_test(test_strangers_get_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
