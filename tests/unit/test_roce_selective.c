/* SPDX-License-Identifier: GPL-2.0-only */
/* Selective repeat: only what was lost travels again, whoever the peer is, and however it lies. */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/cm_message.h"
#include "net/roce/held.h"

#define REGION (128u << 10)
#define RIGHTS (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC)
#define OPERATIONS 24u
#define BYTES 4096u
#define NOTHING UINT32_MAX

static _Alignas(8) uint8_t remote[REGION];
static uint8_t local[REGION], inboxes[OPERATIONS][BYTES];
static uint64_t found[OPERATIONS];

/* Which requests of device 0 are lost: by number, once each; or all with the PSN of the first while it is `stuck`. */
struct loss {
	uint32_t first, second;
	uint32_t seen;
	bool stuck;
	uint32_t psn;
	uint32_t reports;			/* that went back */
};

static bool lose(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct loss *loss = rig->drop_context;
	struct roce_packet packet;
	uint32_t number;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.opcode == OPCODE_ACKNOWLEDGE && packet.payload_len_bytes > 0)
		loss->reports++;
	if (to == 0 || packet.destination_qpn == 1)
		return false;
	number = loss->seen++;
	if (number == loss->first)
		loss->psn = packet.psn;
	return number == loss->first || number == loss->second || (loss->stuck && number > loss->first && packet.psn == loss->psn);
}

/* So that the round trip is known, and the window wide. */
static void warm_up(struct rig *rig, uint32_t rkey)
{
	static uint8_t bytes[65536];

	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, bytes, sizeof(bytes), 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, i, 0);
	}
}

static struct rig *rig_with_loss(struct loss *loss, uint32_t mtu_bytes, uint32_t *rkey)
{
	struct rig *rig = rig_create(5, mtu_bytes, mtu_bytes);
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = remote, .len_bytes = REGION,
					     .access = RIGHTS };

	rig_fill(rig, local, sizeof(local));
	memset(remote, 0, sizeof(remote));
	assert_int_equal(roce_memory_register(rig->device[1], &config, rkey), 0);
	rig_connect(rig, 0, 0);
	warm_up(rig, *rkey);
	rig->drop = lose;
	rig->drop_context = loss;
	return rig;
}

/* Nobody's packets are left in the pool. */
static void assert_pool_free(const struct rig *rig)
{
	for (int side = 0; side < 2; side++)
		assert_int_equal(rig->device[side]->held_free_count, rig->device[side]->config.limits.held_packets_max);
}

static const enum roce_opcode turns[] = { ROCE_WRITE, ROCE_SEND, ROCE_FETCH_ADD, ROCE_READ };

static void post_mixture(struct rig *rig, uint32_t rkey)
{
	struct roce_device *device = rig->device[0];

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		uint32_t at = i * BYTES, qpn = rig->qpn[0];
		int status = -1;

		switch (turns[i % 4]) {
		case ROCE_WRITE:
			status = roce_post_write(device, qpn, i, local + at, BYTES, at, rkey, rig->now_ns);
			break;
		case ROCE_SEND:
			assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, inboxes[i], BYTES), 0);
			status = roce_post_send(device, qpn, i, local + at, BYTES, rig->now_ns);
			break;
		case ROCE_FETCH_ADD:
			status = roce_post_fetch_add(device, qpn, i, &found[i], REGION - 8, rkey, 1, rig->now_ns);
			break;
		default:	/* what the WRITE before brought: the order holds */
			memset(local + at, 0, BYTES);
			status = roce_post_read(device, qpn, i, local + at, BYTES, at - 3 * BYTES, rkey, rig->now_ns);
		}
		assert_int_equal(status, 0);
	}
}

static void expect_mixture(struct rig *rig)
{
	uint64_t count;

	for (uint32_t i = 0; i < OPERATIONS; i++) {
		rig_expect(rig, 0, turns[i % 4], i, 0);
		if (turns[i % 4] == ROCE_FETCH_ADD)
			assert_int_equal(found[i], i / 4);
		else if (turns[i % 4] == ROCE_READ)
			assert_memory_equal(local + i * BYTES, local + (i - 3) * BYTES, BYTES);
		else if (turns[i % 4] == ROCE_SEND)
			rig_expect(rig, 1, ROCE_RECEIVE, i, 0);
	}
	for (uint32_t i = 1; i < OPERATIONS; i += 4)
		assert_memory_equal(inboxes[i], local + i * BYTES, BYTES);
	memcpy(&count, remote + REGION - 8, sizeof(count));
	assert_int_equal(count, OPERATIONS / 4);
}

/* Every request of a mixture is lost once, alone and with one that follows soon: nothing else is repeated. */
static void test_only_the_lost_are_repeated(void **state)
{
	static const uint32_t distances[] = { 0, 1, 2, 5, 17 };
	uint32_t requests = NOTHING;

	(void)state;
	for (size_t d = 0; d < sizeof(distances) / sizeof(*distances); d++)
		for (uint32_t first = 0; requests == NOTHING || first + distances[d] < requests; first++) {
			struct loss loss = { .first = first, .second = distances[d] ? first + distances[d] : NOTHING };
			uint32_t rkey, lost = 1 + (distances[d] > 0);
			struct rig *rig = rig_with_loss(&loss, 1024, &rkey);

			post_mixture(rig, rkey);
			expect_mixture(rig);
			if (requests == NOTHING)
				requests = loss.seen - lost;
			assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
			assert_int_equal(roce_counters(rig->device[0])->retransmits, lost);
			assert_int_equal(roce_counters(rig->device[1])->duplicates, 0);
			assert_pool_free(rig);
			rig_destroy(rig);
		}
	assert_int_equal(requests, OPERATIONS / 4 * (4 + 4 + 1 + 1));
}

/* A network that lets a packet be overtaken by two is no network that loses. */
struct swap {
	uint32_t every;
	uint32_t seen;
	uint32_t behind;			/* packets until the one that waits goes */
	bool waits;
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

static bool overtake(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct swap *swap = rig->drop_context;

	if (to == 0)
		return false;
	if (swap->waits && swap->behind-- == 0) {
		swap->waits = false;
		rig_fly(rig, datagram, to);
		rig_fly(rig, &swap->datagram, to);
		return true;
	}
	if (swap->waits || ++swap->seen % swap->every != 0)
		return false;
	swap->waits = true;
	swap->behind = 1;
	swap->datagram = *datagram;
	memcpy(swap->bytes, datagram->bytes, datagram->len_bytes);
	swap->datagram.bytes = swap->bytes;
	return true;
}

static void test_mild_reordering_costs_nothing(void **state)
{
	struct swap swap = { .every = 7 };
	uint32_t rkey, window;
	struct rig *rig = rig_with_loss(NULL, 1024, &rkey);

	(void)state;
	rig->drop = overtake;
	rig->drop_context = &swap;
	window = roce_qp_find(rig->device[0], rig->qpn[0])->requester.window;
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], i, local, 65536, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_WRITE, i, 0);
		assert_memory_equal(remote, local, 65536);
	}
	assert_true(swap.seen > 500);
	assert_true(roce_counters(rig->device[1])->requests_held > 100);
	/* Only before the very last packet nothing can be waited for. */
	assert_true(roce_counters(rig->device[0])->retransmits <= 20 / 4);
	assert_true(roce_qp_find(rig->device[0], rig->qpn[0])->requester.window >= window);
	assert_pool_free(rig);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- peers that do not know it */

/* A message of the connection manager on its way, changed. */
static void fly_message(struct rig *rig, const struct roce_datagram *datagram, struct roce_packet *packet, const uint8_t *mad, int to)
{
	struct roce_datagram again = *datagram;
	uint8_t copy[ROCE_DATAGRAM_BYTES_MAX];

	packet->payload = mad;
	again.bytes = copy;
	roce_packet_encode(packet, &again, &crc_table, NULL);
	rig_fly(rig, &again, to);
}

/* Linux does not look at what a REQ says about features, and says nothing itself. */
static bool be_stock(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	uint8_t mad[MAD_BYTES];
	struct cm_message message;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.destination_qpn != 1) {
		assert_true(packet.opcode != OPCODE_ACKNOWLEDGE || packet.payload_len_bytes == 0);
		return lose(rig, datagram, to);
	}
	assert_true(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
	assert_int_equal(message.features, message.attribute == CM_REQ ? CM_FEATURE_SELECTIVE_REPEAT : 0);
	if (message.attribute != CM_REQ)
		return false;
	message.features = 0;
	cm_message_encode(&message, mad);
	fly_message(rig, datagram, &packet, mad, to);
	return true;
}

/* librdmacm's rdma_accept() puts the vendor id of a REQ into the REP: "enhanced connection establishment". */
static bool echo_vendor(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	static uint8_t vendor[3];
	uint8_t mad[MAD_BYTES], *data = mad + 24;
	struct cm_message message;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.destination_qpn != 1)
		return false;
	assert_true(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
	if (message.attribute == CM_REQ)
		memcpy(vendor, packet.payload + 24 + 5, sizeof(vendor));
	if (message.attribute != CM_REQ && message.attribute != CM_REP)
		return false;
	message.features = 0;
	cm_message_encode(&message, mad);
	if (message.attribute == CM_REP) {
		data[15] = vendor[0];
		data[19] = vendor[1];
		data[23] = vendor[2];
	}
	fly_message(rig, datagram, &packet, mad, to);
	return true;
}

static void test_an_echo_is_no_agreement(void **state)
{
	struct rig *rig = rig_create(6, 1024, 1024);

	(void)state;
	rig->drop = echo_vendor;
	rig_connect(rig, 0, 0);
	assert_false(roce_qp_find(rig->device[0], rig->qpn[0])->selective);
	rig_destroy(rig);
}

static void test_stock_peers_get_go_back_n(void **state)
{
	(void)state;
	for (uint32_t first = 0; first < 50; first += 5) {
		struct loss loss = { .first = NOTHING, .second = NOTHING };
		struct rig *rig = rig_create(6, 1024, 1024);
		struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = remote, .len_bytes = REGION,
						     .access = RIGHTS };
		uint32_t rkey;

		rig_fill(rig, local, sizeof(local));
		memset(remote, 0, sizeof(remote));
		assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
		rig->drop = be_stock;
		rig->drop_context = &loss;
		rig_connect(rig, 0, 0);
		assert_false(roce_qp_find(rig->device[0], rig->qpn[0])->selective);
		assert_false(roce_qp_find(rig->device[1], rig->qpn[1])->selective);
		warm_up(rig, rkey);
		loss.seen = 0;
		loss.first = first;
		post_mixture(rig, rkey);
		expect_mixture(rig);
		assert_int_equal(loss.reports, 0);
		assert_int_equal(roce_counters(rig->device[1])->requests_held, 0);
		assert_true(roce_counters(rig->device[0])->retransmits > 5);
		rig_destroy(rig);
	}
}

/* A peer of ours that agreed, and then keeps nothing because it has no pool. */
static void test_without_a_pool(void **state)
{
	struct rig *rig = rig_create(7, 1024, 1024);
	struct roce_config config = rig_config(rig, 1, 1024);
	struct roce_memory_config region = { .ops = &roce_memory_plain_ops, .context = remote, .len_bytes = REGION,
					     .access = RIGHTS };
	struct loss loss = { .first = 9, .second = 30 };
	uint32_t rkey;

	(void)state;
	config.limits.held_packets_max = 0;
	rig_make_device(rig, 1, &config);
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
	rig_fill(rig, local, sizeof(local));
	memset(remote, 0, sizeof(remote));
	assert_int_equal(roce_memory_register(rig->device[1], &region, &rkey), 0);
	rig_connect(rig, 0, 0);
	rig->drop = lose;
	rig->drop_context = &loss;
	post_mixture(rig, rkey);
	expect_mixture(rig);
	assert_int_equal(loss.reports, 0);
	assert_true(roce_counters(rig->device[0])->retransmits > 10);
	rig_destroy(rig);
}

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
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .source_address = rig_address(1 - to), .destination_address = rig_address(to),
					  .source_port = ROCE_UDP_PORT, .destination_port = ROCE_UDP_PORT, .bytes = bytes };

	packet->pkey = ROCE_PKEY_DEFAULT;
	packet->destination_qpn = rig->qpn[to];
	roce_packet_encode(packet, &datagram, &crc_table, NULL);
	roce_input(rig->device[to], &datagram, rig->now_ns);
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
		cmocka_unit_test(test_only_the_lost_are_repeated),
		cmocka_unit_test(test_mild_reordering_costs_nothing),
		cmocka_unit_test(test_stock_peers_get_go_back_n),
		cmocka_unit_test(test_an_echo_is_no_agreement),
		cmocka_unit_test(test_without_a_pool),
		cmocka_unit_test(test_pool_is_shared_and_returned),
		cmocka_unit_test(test_hostile_requests),
		cmocka_unit_test(test_hostile_reports),
		cmocka_unit_test(test_late_reports),
		cmocka_unit_test(test_held_and_not_ready),
		cmocka_unit_test(test_held_and_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
