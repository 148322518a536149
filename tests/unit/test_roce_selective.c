/* SPDX-License-Identifier: GPL-2.0-only */
/* Selective repeat: only what was lost travels again, whoever the peer is. */
#include "tests/unit/roce_mixture.h"

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
		uint32_t rkey;

		rig_fill(rig, local, sizeof(local));
		memset(remote, 0, sizeof(remote));
		rkey = rig_share(rig, remote, REGION, RIGHTS);
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
	struct loss loss = { .first = 9, .second = 30 };
	uint32_t rkey;

	(void)state;
	config.limits.held_packets_max = 0;
	rig_make_device(rig, 1, &config);
	assert_int_equal(roce_listen(rig->device[1], RIG_PORT, rig->queue[1], 77), 0);
	rig_fill(rig, local, sizeof(local));
	memset(remote, 0, sizeof(remote));
	rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	rig->drop = lose;
	rig->drop_context = &loss;
	post_mixture(rig, rkey);
	expect_mixture(rig);
	assert_int_equal(loss.reports, 0);
	assert_true(roce_counters(rig->device[0])->retransmits > 10);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
