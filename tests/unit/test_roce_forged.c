// SPDX-License-Identifier: GPL-2.0-only
/* Packets that no peer sent, or that were changed on their way. */
#include <errno.h>

#include "net/roce/internal.h"
#include "tests/unit/roce_forge.h"

#define REGION 65536u
#define READ_WRITE (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE)

static uint8_t remote[REGION], local[4096];

/* On its way to device 1, change the first data packet as `drop_context` says. */
static bool rewrite(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct roce_packet packet;
	struct roce_datagram again = *datagram;
	uint8_t *opcode = rig->drop_context, copy[ROCE_DATAGRAM_BYTES_MAX];

	memcpy(copy, datagram->bytes, datagram->len_bytes);
	assert_int_equal(roce_packet_decode(copy, datagram->len_bytes, &packet), PACKET_OK);
	if (to != 1 || packet.destination_qpn == 1 || packet.opcode != OPCODE_SEND_ONLY)
		return false;
	packet.opcode = *opcode;
	if (!(roce_opcode_properties(*opcode) & HAS_PAYLOAD))
		packet.payload_len_bytes = 0;
	roce_packet_encode(&packet, &again, &crc_table, NULL);
	rig_fly(rig, &again, to);
	return true;
}

static void test_misplaced_requests(void **state)
{
	static uint8_t opcodes[] = {
		OPCODE_SEND_MIDDLE, OPCODE_SEND_LAST, OPCODE_SEND_FIRST, OPCODE_SEND_LAST_IMMEDIATE, OPCODE_WRITE_MIDDLE,
		OPCODE_WRITE_LAST, OPCODE_WRITE_LAST_IMMEDIATE, OPCODE_WRITE_ONLY_IMMEDIATE, OPCODE_SEND_LAST_INVALIDATE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		struct rig *rig = rig_create(i, 1024, 1024);

		rig_connect(rig, 0, 0);
		rig->drop = rewrite;
		rig->drop_context = &opcodes[i];
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 2, local, 64), 0);
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], 1, local, 16, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_SEND, 1, -EPROTO);
		rig_expect_disconnected(rig, 0, -EPROTO);
		rig_expect(rig, 1, ROCE_RECEIVE, 2, -ECONNRESET);
		rig_expect_disconnected(rig, 1, -EPROTO);
		assert_int_equal(roce_counters(rig->device[1])->naks_invalid_sent, 1);
		rig_destroy(rig);
	}
}

static void test_foreign_packets_are_dropped(void **state)
{
	struct rig *rig = rig_create(13, 1024, 1024);
	const struct roce_counters *counters = roce_counters(rig->device[1]);
	struct roce_packet packet = { .opcode = OPCODE_SEND_ONLY, .pkey = 0xffff };
	struct roce_event event;
	uint64_t sent;

	(void)state;
	rig_connect(rig, 0, 0);
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], 2, local, 64), 0);
	rig_run(rig, RIG_SECOND);
	sent = counters->packets_sent;
	packet.destination_qpn = rig->qpn[1];
	inject_packet(rig, 1, 0x0a0000ff, &packet);
	assert_int_equal(counters->drop_wrong_peer, 1);
	packet.destination_qpn ^= 0x100000;
	inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(counters->drop_unknown_qp, 1);
	packet.destination_qpn = 0;
	inject_packet(rig, 1, rig_address(0), &packet);
	packet.destination_qpn = 0xffffff;
	inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(counters->drop_unknown_qp, 3);
	packet.destination_qpn = rig->qpn[1];
	packet.pkey = 0x1234;
	inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(counters->drop_pkey, 1);
	packet.pkey = 0xffff;
	packet.opcode = OPCODE_UD_SEND_ONLY;
	inject_packet(rig, 1, rig_address(0), &packet);
	packet.opcode = OPCODE_CONGESTION_NOTIFICATION;
	inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(counters->drop_opcode, 1);
	assert_int_equal(counters->drop_length, 1);		/* a notice of congestion has 16 bytes */
	packet.opcode = OPCODE_UD_SEND_ONLY;
	packet.destination_qpn = 1;
	inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(counters->drop_foreign, 1);
	rig_run(rig, RIG_SECOND);
	assert_int_equal(counters->packets_sent, sent);
	assert_false(rig_wait(rig, 1, &event, RIG_SECOND));
	rig_destroy(rig);
}

/* A peer that sends and never listens: what we owe it stays bounded. */
static void test_flood_without_output(void **state)
{
	struct rig *rig = rig_create(15, 1024, 1024);
	struct roce_packet packet = { .opcode = OPCODE_SEND_ONLY, .pkey = 0xffff, .payload = local, .payload_len_bytes = 4 };
	struct queue_pair *qp;
	uint32_t rkey = rig_share(rig, remote, REGION, READ_WRITE);

	(void)state;
	rig_connect(rig, 0, 0);
	qp = roce_qp_find(rig->device[1], rig->qpn[1]);
	packet.destination_qpn = rig->qpn[1];
	for (int i = 0; i < 3000; i++) {
		uint32_t expected = sequence_psn(qp->responder.expected);

		packet.ack_byte = (uint8_t)(rig_random(rig) & 0x80);
		packet.psn = expected + (rig_chance(rig, 300) ? 5 : 0) - (rig_chance(rig, 200) ? 3 : 0);
		packet.opcode = OPCODE_SEND_ONLY;		/* not ready */
		packet.dma_len_bytes = 0;
		if (rig_chance(rig, 500)) {
			packet.opcode = rig_chance(rig, 500) ? OPCODE_WRITE_ONLY : OPCODE_READ_REQUEST;
			packet.dma_len_bytes = 4;
		}
		packet.payload_len_bytes = packet.opcode == OPCODE_READ_REQUEST ? 0 : 4;
		packet.address = 0;
		packet.rkey = rkey;
		packet.psn &= 0xffffff;
		inject_packet(rig, 1, rig_address(0), &packet);
	}
	assert_int_equal(qp->state, QP_READY);
	assert_int_equal(qp->responder.owed.count, READS_PENDING_MAX);
	assert_true(qp->responder.replays.count < 5);	/* READs that are still owed are not repeated */
	rig_destroy(rig);
}

/* Answers to nothing that was asked change nothing. */
static void test_forged_answers(void **state)
{
	struct rig *rig = rig_create(14, 1024, 1024);
	struct roce_packet packet = { .pkey = 0xffff };
	struct roce_event event;
	uint32_t rkey = rig_share(rig, remote, REGION, READ_WRITE);

	(void)state;
	rig_connect(rig, 0, 0);
	packet.destination_qpn = rig->qpn[0];
	packet.payload = local;
	for (unsigned opcode = OPCODE_READ_RESPONSE_FIRST; opcode <= OPCODE_ATOMIC_ACKNOWLEDGE; opcode++) {
		for (unsigned i = 0; i < 4096; i++) {
			packet.opcode = (uint8_t)opcode;
			packet.psn = rig_random(rig) & 0xffffff;
			packet.syndrome = (uint8_t)rig_random(rig);
			packet.payload_len_bytes = opcode < OPCODE_ACKNOWLEDGE ? 1024 : 0;
			inject_packet(rig, 0, rig_address(1), &packet);
		}
	}
	assert_false(rig_wait(rig, 0, &event, RIG_SECOND));
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, local, 4096, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_READ, 1, 0);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misplaced_requests),
		cmocka_unit_test(test_foreign_packets_are_dropped),
		cmocka_unit_test(test_flood_without_output),
		cmocka_unit_test(test_forged_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
