/* SPDX-License-Identifier: GPL-2.0-only */
/* What a lost packet costs, in round trips, wherever it is lost; and that a stall is not taken for a loss again and again. */
#include "tests/unit/roce_rig.h"

#include "net/roce/internal.h"

#define DELAY_NS (MILLISECOND / 2)
#define ROUND_TRIP_NS (2 * DELAY_NS)
#define REGION (256u << 10)
#define RIGHTS (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC)
#define COSTS_MAX 4096u

static _Alignas(8) uint8_t remote[REGION];
static uint8_t local[REGION], inbox[REGION];
static uint64_t found[64];

/* Work posted at once: `count` operations of `bytes` each; MIXED takes turns. */
enum kind { READS, WRITES, SENDS, ATOMICS, MIXED };

struct load {
	enum kind kind;
	uint32_t count, bytes, mtu_bytes;
};

static const struct load loads[] = {
	{ READS, 1, 4096, 4096 }, { READS, 1, 4096, 1024 }, { READS, 1, 64, 4096 }, { READS, 20, 4096, 4096 },
	{ READS, 4, 65536, 1024 }, { READS, 1, 200000, 4096 }, { WRITES, 1, 4096, 4096 }, { WRITES, 1, 4096, 1024 },
	{ WRITES, 20, 4096, 4096 }, { WRITES, 1, 65536, 1024 }, { SENDS, 1, 64, 4096 }, { SENDS, 20, 256, 1024 },
	{ ATOMICS, 1, 8, 1024 }, { ATOMICS, 20, 8, 1024 }, { MIXED, 24, 4096, 1024 },
};

struct loss {
	unsigned number;		/* of the packet to lose */
	unsigned seen;
};

static bool lose(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	struct loss *loss = rig->drop_context;

	(void)datagram;
	(void)to;
	return loss->seen++ == loss->number;
}

static void post_one(struct rig *rig, const struct load *load, uint32_t i, uint32_t rkey)
{
	struct roce_device *device = rig->device[0];
	uint32_t qpn = rig->qpn[0], at = i * load->bytes;
	int status = -1;

	switch (load->kind == MIXED ? (enum kind)(i % 4) : load->kind) {
	case READS:
		status = roce_post_read(device, qpn, i, local + at, load->bytes, at, rkey, rig->now_ns);
		break;
	case WRITES:
		status = roce_post_write(device, qpn, i, local + at, load->bytes, at, rkey, rig->now_ns);
		break;
	case SENDS:
		assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], i, inbox, sizeof(inbox)), 0);
		status = roce_post_send(device, qpn, i, local + at, load->bytes, rig->now_ns);
		break;
	default:
		status = roce_post_fetch_add(device, qpn, i, &found[i], 0, rkey, 1, rig->now_ns);
	}
	assert_int_equal(status, 0);
}

/* How long the load takes when packet `number` is lost; `*packets` were on the wire. */
static uint64_t run(const struct load *load, unsigned number, unsigned *packets)
{
	struct rig *rig = rig_create(1, load->mtu_bytes, load->mtu_bytes);
	struct loss loss = { .number = number };
	struct roce_event event;
	uint64_t start_ns;
	uint32_t rkey;

	rig->delay_ns = DELAY_NS;
	rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local, 64, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, i, 0);
	}
	rig->drop = lose;
	rig->drop_context = &loss;
	start_ns = rig->now_ns;
	for (uint32_t i = 0; i < load->count; i++)
		post_one(rig, load, i, rkey);
	for (uint32_t i = 0; i < load->count; i++) {
		assert_true(rig_wait(rig, 0, &event, 60 * RIG_SECOND));
		assert_int_equal(event.status, 0);
		assert_int_equal(event.cookie, i);
	}
	*packets = loss.seen;
	start_ns = rig->now_ns - start_ns;
	assert_int_equal(roce_counters(rig->device[0])->timeouts, 0);
	assert_true(roce_counters(rig->device[0])->probes_sent <= 1);
	assert_true(number != UINT32_MAX || roce_counters(rig->device[0])->probes_sent == 0);
	rig_destroy(rig);
	return start_ns;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Lose each packet of a load once: the median cost is at most three round trips, the worst a little more. */
static void test_one_lost_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		static uint64_t costs[COSTS_MAX];
		unsigned packets, ignored;
		uint64_t best_ns = run(&loads[i], UINT32_MAX, &packets), median_ns, worst_ns;

		assert_true(packets > 1 && packets < COSTS_MAX);
		for (unsigned number = 0; number < packets; number++) {
			uint64_t took_ns = run(&loads[i], number, &ignored);

			costs[number] = took_ns > best_ns ? took_ns - best_ns : 0;
		}
		qsort(costs, packets, sizeof(*costs), by_size);
		median_ns = costs[packets / 2];
		worst_ns = costs[packets - 1];
		print_message("kind %u, %u of %u bytes, MTU %u: %u packets; a loss costs %.2f round trips at the median, %.2f at worst\n",
			      loads[i].kind, loads[i].count, loads[i].bytes, loads[i].mtu_bytes, packets,
			      (double)median_ns / ROUND_TRIP_NS, (double)worst_ns / ROUND_TRIP_NS);
		assert_true(median_ns <= 3 * ROUND_TRIP_NS);
		assert_true(worst_ns <= 4 * ROUND_TRIP_NS);
	}
}

/* A peer that stands still for a while, as a virtual processor does: a few probes for each standstill, nothing shrinks. */
static void test_stalls_are_not_storms(void **state)
{
	struct rig *rig = rig_create(2, 4096, 4096);
	const struct roce_counters *counters = roce_counters(rig->device[0]);
	struct queue_pair *qp;
	uint32_t rkey, window;

	(void)state;
	rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	qp = roce_qp_find(rig->device[0], rig->qpn[0]);
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local, 4096, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_READ, i, 0);
	}
	window = qp->requester.window;
	for (unsigned stall = 1; stall <= 20; stall++) {
		rig->delay_ns = 15 * MILLISECOND;
		for (uint64_t i = 0; i < 10; i++)
			assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local, 4096, 0, rkey, rig->now_ns), 0);
		rig_run(rig, 14 * MILLISECOND);		/* a probe too arrives behind what it repeats */
		rig->delay_ns = RIG_DELAY_NS;
		for (uint64_t i = 0; i < 10; i++)
			rig_expect(rig, 0, ROCE_READ, i, 0);
		rig_run(rig, 3 * MILLISECOND);
		assert_true(counters->probes_sent <= PROBES_MAX * stall);
		assert_true(qp->requester.window >= window);
	}
	assert_int_equal(counters->timeouts, 0);
	assert_true(counters->probes_needless >= 2);
	rig_destroy(rig);
}

/* Round trips become ten times as long. Each is probed at first, so none is measured: the probes must give way. */
static void test_longer_round_trips_are_learned(void **state)
{
	struct rig *rig = rig_create(4, 4096, 4096);
	const struct roce_counters *counters = roce_counters(rig->device[0]);
	uint32_t rkey;

	(void)state;
	rig->delay_ns = DELAY_NS;
	rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	for (uint64_t i = 0; i < 300; i++) {
		if (i == 100)
			rig->delay_ns = 9 * DELAY_NS;
		if (i == 200)
			assert_in_range(counters->probes_sent, 1, 10);
		if (i % 2)
			assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], i, local, 4096, 0, rkey, rig->now_ns), 0);
		else
			assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], i, local, 4096, 0, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, i % 2 ? ROCE_READ : ROCE_WRITE, i, 0);
	}
	assert_true(counters->probes_sent <= 10);
	assert_int_equal(counters->timeouts, 0);
	assert_true(roce_qp_find(rig->device[0], rig->qpn[0])->requester.round_trip_ns > 8 * MILLISECOND);
	rig_destroy(rig);
}

/* Without any answer there are some probes, then timeouts as ever, each longer than the last. */
static void test_probes_then_timeouts(void **state)
{
	struct rig *rig = rig_create(3, 4096, 4096);
	const struct roce_counters *counters = roce_counters(rig->device[0]);
	uint32_t rkey;

	(void)state;
	rkey = rig_share(rig, remote, REGION, RIGHTS);
	rig_connect(rig, 0, 0);
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, local, 4096, 0, rkey, rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_READ, 1, 0);
	rig->cut[0] = true;
	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 2, local, 4096, 0, rkey, rig->now_ns), 0);
	rig_run(rig, 500 * MILLISECOND);
	assert_int_equal(counters->probes_sent, PROBES_MAX);
	assert_in_range(counters->timeouts, 3, 6);
	rig->cut[0] = false;
	rig_expect(rig, 0, ROCE_READ, 2, 0);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lost_packet),
		cmocka_unit_test(test_stalls_are_not_storms),
		cmocka_unit_test(test_longer_round_trips_are_learned),
		cmocka_unit_test(test_probes_then_timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
