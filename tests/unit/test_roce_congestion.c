/* SPDX-License-Identifier: GPL-2.0-only */
/* Congestion marks: echoed once, halving the window once a round trip, which then grows slowly; and back to full speed. */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define REGION (1u << 20)

static uint8_t remote[REGION], local[REGION];

struct marker {
	int to;				/* mark what goes there; -1: nothing */
	unsigned marked, echoes;
};

static bool mark(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct marker *marker = rig->drop_context;
	struct roce_datagram again = *datagram;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	assert_int_equal(datagram->ip_tos, packet.destination_qpn == 1 ? 0 : ECN_CAPABLE);
	marker->echoes += packet.congestion == CONGESTION_BECN;
	if (to != marker->to || packet.destination_qpn == 1)
		return false;
	again.ip_tos = ECN_CONGESTED;
	marker->marked++;
	rig_fly(rig, &again, to);
	return true;
}

static struct rig *marked_rig(struct marker *marker, uint32_t *rkey)
{
	struct rig *rig = rig_create(1, 1024, 1024);

	*rkey = rig_share(rig, remote, REGION, ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE);
	rig_connect(rig, 0, 0);
	rig->drop = mark;
	rig->drop_context = marker;
	return rig;
}

static void transfer(struct rig *rig, bool read, uint32_t len, uint32_t rkey)
{
	if (read)
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, local, len, 0, rkey, rig->now_ns), 0);
	else
		assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 1, local, len, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, read ? ROCE_READ : ROCE_WRITE, 1, 0);
}

/* WRITEs are marked on their way out and echoed by the peer; READ answers arrive marked. Both slow us down, not for ever. */
static void test_marks_halve_and_growth_returns(void **state)
{
	(void)state;
	for (int read = 0; read < 2; read++) {
		struct marker marker = { .to = -1 };
		uint32_t rkey, full, window;
		struct rig *rig = marked_rig(&marker, &rkey);
		const struct roce_counters *ours = roce_counters(rig->device[0]), *theirs = roce_counters(rig->device[1]);
		struct requester *r = &roce_qp_find(rig->device[0], rig->qpn[0])->requester;

		for (int i = 0; i < 4; i++)
			transfer(rig, read, REGION, rkey);
		full = r->window;
		assert_int_equal(full, r->window_max);
		assert_int_equal(marker.echoes, 0);
		assert_int_equal(ours->congestion_reductions, 0);

		/* All marks on one burst count once. */
		marker.to = read ? 0 : 1;
		transfer(rig, read, 8 * 1024, rkey);
		marker.to = -1;
		assert_int_equal(ours->congestion_reductions, 1);
		assert_in_range(r->window, full / 2, full / 2 + 1);
		assert_int_equal(read ? ours->congestion_marks_received : theirs->congestion_marks_received, marker.marked);
		assert_true(read ? marker.echoes == 0 : marker.echoes >= 1);
		assert_int_equal(theirs->congestion_echoes_sent, marker.echoes);

		/* One packet for each window that was answered. */
		window = r->window;
		transfer(rig, read, 4 * window * 1024, rkey);
		assert_in_range(r->window, window + 3, window + 5);
		for (int i = 0; i < 16; i++)
			transfer(rig, read, REGION, rkey);
		assert_int_equal(r->window, full);
		rig_destroy(rig);
	}
}

/* Everything marked, always: slow, never stuck, and the data is right. */
static void test_all_marked(void **state)
{
	(void)state;
	for (int read = 0; read < 2; read++) {
		struct marker marker = { .to = read ? 0 : 1 };
		uint32_t rkey;
		struct rig *rig = marked_rig(&marker, &rkey);

		rig_fill(rig, read ? remote : local, REGION);
		transfer(rig, read, REGION, rkey);
		assert_memory_equal(local, remote, REGION);
		/* What was sent before a reduction does not widen the window again. */
		assert_in_range(roce_qp_find(rig->device[0], rig->qpn[0])->requester.window, 1, 2);
		assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
		rig_destroy(rig);
	}
}

/* A new connection begins small. Its window grows by what fills it, and is forgotten in a pause. */
static void test_window_is_what_was_tried(void **state)
{
	struct marker marker = { .to = -1 };
	uint32_t rkey;
	struct rig *rig = marked_rig(&marker, &rkey);
	struct requester *r = &roce_qp_find(rig->device[0], rig->qpn[0])->requester;
	uint32_t first = WINDOW_BYTES_FIRST / 1024;

	(void)state;
	assert_int_equal(r->window, first);
	for (int i = 0; i < 100; i++)
		transfer(rig, false, 1024, rkey);
	assert_in_range(r->window, first, 2 * first);
	transfer(rig, false, REGION, rkey);
	assert_int_equal(r->window, r->window_max);
	rig->now_ns += WINDOW_IDLE_NS / 2;
	transfer(rig, false, 1024, rkey);
	assert_int_equal(r->window, r->window_max);
	rig->now_ns += WINDOW_IDLE_NS + 1;
	transfer(rig, false, 1024, rkey);
	assert_in_range(r->window, first, first + 1);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_marks_halve_and_growth_returns),
		cmocka_unit_test(test_all_marked),
		cmocka_unit_test(test_window_is_what_was_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
