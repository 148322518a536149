// SPDX-License-Identifier: GPL-2.0-only
/* What a responder holds behind a gap, and what a requester is told of it: bounded, given back, whatever the peer says. */
#include "tests/unit/roce_mixture.h"

/* ---------------------------------------------------------------- the pool */

/* A gap that is never closed takes half of the pool at most; and nothing of it stays when the connection ends. */
static void test_pool_is_shared_and_returned(void **state)
{
	for (unsigned way = 0; way < 3; way++) {
		struct loss loss = { .first = 0, .second = NOTHING, .stuck = true };
		uint32_t rkey, last = 0;
		struct rig *rig = rig_with_loss(&loss, 256, &rkey);
		struct queue_pair *qp = roce_qp_find(rig->device[1], rig->qpn[1]);

		(void)state;
		for (uint32_t i = 0; i < 6; i++)
			assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], i, local, 65536, 0, rkey, rig->now_ns), 0);
		for (unsigned i = 0; i < 50; i++) {
			rig_run(rig, MILLISECOND);
			assert_true(qp->responder.held_count >= last);	/* what was reported stays */
			last = qp->responder.held_count;
		}
		assert_int_equal(last, RIG_HELD_MAX / 2);
		assert_true(roce_counters(rig->device[1])->requests_not_held > 0);
		if (way == 0) {
			loss.stuck = false;
			for (uint32_t i = 0; i < 6; i++)
				rig_expect(rig, 0, ROCE_WRITE, i, 0);
			assert_memory_equal(remote, local, 65536);
		} else if (way == 1) {
			roce_disconnect(rig->device[1], rig->connection[1], rig->now_ns);
		} else {
			roce_disconnect(rig->device[0], rig->connection[0], rig->now_ns);
			rig_run(rig, RIG_SECOND);
		}
		assert_pool_free(rig);
		rig_destroy(rig);
	}
}

/* A packet from the peer that it never sent. */
static void forge(struct rig *rig, int to, struct roce_packet *packet)
{
	packet->pkey = ROCE_PKEY_DEFAULT;
	packet->destination_qpn = rig->qpn[to];
	inject_packet(rig, to, rig_address(1 - to), packet);
}

/* What is held is bounded in every direction, whatever the peer sends. */
static void test_hostile_requests(void **state)
{
	static const uint8_t payload[1024];
	uint32_t rkey;
	struct rig *rig = rig_with_loss(NULL, 256, &rkey);
	struct responder *r = &roce_qp_find(rig->device[1], rig->qpn[1])->responder;
	struct roce_packet packet = { .opcode = OPCODE_READ_REQUEST, .rkey = rkey };

	(void)state;
	rig->drop = NULL;
	/* READs that reach behind the report, or start there. */
	packet.psn = sequence_psn(r->expected + 1);
	packet.dma_len_bytes = UINT32_MAX;
	forge(rig, 1, &packet);
	packet.dma_len_bytes = HELD_REPORT_BITS * 256 + 1;
	forge(rig, 1, &packet);
	packet.psn = sequence_psn(r->expected + HELD_REPORT_BITS + 1);
	packet.dma_len_bytes = 256;
	forge(rig, 1, &packet);
	packet.psn = sequence_psn(r->expected + 0x7fffff);
	forge(rig, 1, &packet);
	assert_int_equal(r->held_count, 0);
	packet.psn = sequence_psn(r->expected + HELD_REPORT_BITS);
	forge(rig, 1, &packet);
	assert_int_equal(r->held_count, 1);
	packet.psn = sequence_psn(r->expected + 1);
	packet.dma_len_bytes = HELD_REPORT_BITS / 2 * 256;
	forge(rig, 1, &packet);
	assert_int_equal(r->held_count, 2);
	/* Longer than a path MTU; inside of what is held; before it, and into it. */
	packet = (struct roce_packet){ .opcode = OPCODE_SEND_ONLY, .payload = payload, .payload_len_bytes = 257,
				       .psn = sequence_psn(r->expected + HELD_REPORT_BITS - 1) };
	forge(rig, 1, &packet);
	packet.payload_len_bytes = 4;
	packet.psn = sequence_psn(r->expected + HELD_REPORT_BITS / 2);
	forge(rig, 1, &packet);
	assert_int_equal(r->held_count, 2);
	assert_int_equal(roce_counters(rig->device[1])->requests_not_held, 5);
	assert_int_equal(roce_counters(rig->device[1])->duplicates, 1);
	/* The gap closes: the READ is executed; what it overlaps is not. */
	packet = (struct roce_packet){ .opcode = OPCODE_READ_REQUEST, .rkey = rkey, .dma_len_bytes = 3 * 256,
				       .psn = sequence_psn(r->expected) };
	forge(rig, 1, &packet);
	assert_int_equal(r->held_count, 1);
	assert_int_equal(r->owed.count, 1);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- reports that lie */

static void forge_report(struct rig *rig, uint64_t base, uint8_t syndrome, const uint8_t *report, uint32_t len_bytes)
{
	struct roce_packet packet = { .opcode = OPCODE_ACKNOWLEDGE, .syndrome = syndrome, .psn = sequence_psn(base),
				      .payload = report, .payload_len_bytes = len_bytes };

	forge(rig, 0, &packet);
}

static void test_hostile_reports(void **state)
{
	static const uint8_t nothing[HELD_REPORT_BYTES], first[HELD_REPORT_BYTES] = { 1 };
	uint8_t everything[ROCE_PAYLOAD_BYTES_MAX], some[HELD_REPORT_BYTES] = { 0xff, 0x0f };
	uint32_t rkey;
	struct loss loss = { .first = NOTHING, .second = NOTHING };
	struct rig *rig = rig_with_loss(&loss, 1024, &rkey);
	struct requester *r = &roce_qp_find(rig->device[0], rig->qpn[0])->requester;
	const struct roce_counters *counters = roce_counters(rig->device[0]);
	uint64_t base, refused = 0;

	(void)state;
	memset(everything, 0xff, sizeof(everything));
	rig->cut[1] = true;
	post_mixture(rig, rkey);
	rig_send(rig);
	base = r->unacknowledged;
	assert_true(r->sent_end - base > 12 && r->sent_end - base < HELD_REPORT_BITS);
	/* Lengths and syndromes that no report has, and contents that cannot be. */
	for (uint32_t len = 1; len <= 64; len++)
		if (len != HELD_REPORT_BYTES) {
			forge_report(rig, base, 0x60, everything, len);
			assert_int_equal(counters->reports_refused, ++refused);
		}
	forge_report(rig, base, 0x1f, first, HELD_REPORT_BYTES);
	forge_report(rig, base, 0x20, first, HELD_REPORT_BYTES);
	forge_report(rig, base, 0x61, first, HELD_REPORT_BYTES);
	forge_report(rig, base, 0x60, everything, HELD_REPORT_BYTES);
	forge_report(rig, base, 0x60, nothing, HELD_REPORT_BYTES);
	assert_int_equal(counters->reports_refused, refused + 5);
	assert_int_equal(r->held_count, 0);
	/* And one that could be, but is a lie: the peer has none of it. Only its own work has to wait. */
	forge_report(rig, base, 0x60, some, HELD_REPORT_BYTES);
	assert_int_equal(r->held_count, 12);
	rig_send(rig);
	rig->cut[1] = false;
	expect_mixture(rig);
	assert_int_equal(r->held_count + r->landed, 0);
	rig_destroy(rig);
}

/* Reports that overtake each other, or come twice, take nothing back. */
static void test_late_reports(void **state)
{
	static const uint8_t older[HELD_REPORT_BYTES] = { 1 }, newer[HELD_REPORT_BYTES] = { 7 };
	uint32_t rkey;
	struct loss loss = { .first = NOTHING, .second = NOTHING };
	struct rig *rig = rig_with_loss(&loss, 1024, &rkey);
	struct requester *r = &roce_qp_find(rig->device[0], rig->qpn[0])->requester;
	uint64_t base;

	(void)state;
	rig->cut[1] = true;
	post_mixture(rig, rkey);
	rig_send(rig);
	base = r->unacknowledged;
	forge_report(rig, base + 1, 0x60, newer, HELD_REPORT_BYTES);
	forge_report(rig, base + 1, 0x60, older, HELD_REPORT_BYTES);
	assert_int_equal(r->held_count, 3);
	assert_int_equal(r->unacknowledged, base + 1);
	forge_report(rig, base, 0x60, older, HELD_REPORT_BYTES);
	assert_int_equal(r->held_count, 3);
	assert_int_equal(r->held_base, base + 1);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- what is held, and cannot be executed */

/* The SEND before is lost; of those held behind it one finds no receive. */
static void test_held_and_not_ready(void **state)
{
	struct loss loss = { .first = 0, .second = NOTHING };
	uint32_t rkey;
	struct rig *rig = rig_with_loss(&loss, 1024, &rkey);

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], i, local + i * BYTES, 1000, rig->now_ns), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, inboxes[i], BYTES), 0);
	for (uint32_t i = 0; i < 3; i++)
		rig_expect(rig, 1, ROCE_RECEIVE, i, 0);
	rig_run(rig, 10 * MILLISECOND);
	assert_true(roce_counters(rig->device[1])->rnr_naks_sent > 0);
	for (uint32_t i = 3; i < 8; i++)
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, inboxes[i], BYTES), 0);
	for (uint32_t i = 0; i < 8; i++) {
		rig_expect(rig, 0, ROCE_SEND, i, 0);
		if (i >= 3)
			assert_int_equal(rig_expect(rig, 1, ROCE_RECEIVE, i, 0), 1000);
		assert_memory_equal(inboxes[i], local + i * BYTES, 1000);
	}
	assert_int_equal(roce_counters(rig->device[1])->sends_received, 8);
	assert_pool_free(rig);
	rig_destroy(rig);
}

/* One of those held is refused for good. */
static void test_held_and_refused(void **state)
{
	struct loss loss = { .first = 0, .second = NOTHING };
	uint32_t rkey;
	struct rig *rig = rig_with_loss(&loss, 1024, &rkey);

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], i, local, 1000, i * 1000, i == 4 ? ~rkey : rkey,
						 rig->now_ns), 0);
	for (uint32_t i = 0; i < 8; i++)
		rig_expect(rig, 0, ROCE_WRITE, i, i < 4 ? 0 : i == 4 ? -EACCES : -ECONNRESET);
	rig_expect_disconnected(rig, 0, -EACCES);
	rig_expect_disconnected(rig, 1, -EACCES);
	assert_memory_equal(remote + 3000, local, 1000);
	assert_int_equal(remote[4000], 0);
	assert_pool_free(rig);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool_is_shared_and_returned),
		cmocka_unit_test(test_hostile_requests),
		cmocka_unit_test(test_hostile_reports),
		cmocka_unit_test(test_late_reports),
		cmocka_unit_test(test_held_and_not_ready),
		cmocka_unit_test(test_held_and_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
