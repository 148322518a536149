/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clock that jumps, forward or backward, by little or by an hour, at any moment of a connection's life: no work is lost, no
 * connection ends, nothing waits for the old time to come again, and there is no flood.
 */
#include "tests/unit/roce_rig.h"

#include <errno.h>

#include "net/roce/internal.h"

#define HOUR (3600 * RIG_SECOND)
#define BYTES 20000u

static const int64_t jumps[] = { 30000, -30000, 2000000, -2000000, RIG_SECOND, -(int64_t)RIG_SECOND, HOUR, -(int64_t)HOUR };
#define JUMPS (sizeof(jumps) / sizeof(*jumps))

static uint8_t store[BYTES], source[BYTES], buffer[BYTES];

static struct rig *clock_rig(uint64_t seed)
{
	struct rig *rig = rig_create(seed, 1024, 1024);

	rig->now_ns += 2 * HOUR;		/* there is a past to jump to */
	return rig;
}

static uint32_t give_memory(struct rig *rig)
{
	uint32_t rkey;

	rkey = rig_share(rig, store, sizeof(store), ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE);
	rig_fill(rig, source, sizeof(source));
	rig_fill(rig, store, sizeof(store));
	return rkey;
}

static uint64_t sent(const struct rig *rig)
{
	return roce_counters(rig->device[0])->packets_sent + roce_counters(rig->device[1])->packets_sent;
}

static void jump(struct rig *rig, int side, int64_t by_ns)
{
	rig->ahead_ns[side] += (uint64_t)by_ns;
}

/* A READ and a WRITE, and a jump when so many packets were on the wire. Returns how long they took. */
static uint64_t transfer(struct rig *rig, uint32_t rkey, int side, int64_t by_ns, unsigned after)
{
	uint64_t begin_ns = rig->now_ns, carried = rig->carried;

	assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, buffer, BYTES, 0, rkey, rig_clock(rig, 0)), 0);
	assert_int_equal(roce_post_write(rig->device[0], rig->qpn[0], 2, source, BYTES, 0, rkey, rig_clock(rig, 0)), 0);
	while (rig->carried < carried + after)
		assert_true(rig_step(rig));
	jump(rig, side, by_ns);
	rig_expect(rig, 0, ROCE_READ, 1, 0);
	rig_expect(rig, 0, ROCE_WRITE, 2, 0);
	assert_memory_equal(store, source, BYTES);
	return rig->now_ns - begin_ns;
}

/* At every moment of a transfer, on a wire that loses: it is repeated as ever, soon. */
static void test_transfers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * JUMPS; i++) {
		struct rig *rig = clock_rig(i + 1);
		uint32_t rkey = give_memory(rig);
		uint64_t before;

		rig_connect(rig, 0, 0);
		rig->loss_permille = 50;
		before = sent(rig);
		for (unsigned after = 1; after < 40; after += 3)
			assert_true(transfer(rig, rkey, (int)(i & 1), jumps[i / 2], after) < 2 * RIG_SECOND);
		assert_true(sent(rig) - before < 13 * 400);
		rig_destroy(rig);
	}
}

/* What was measured of round trips is still worth something: a lost packet afterwards costs no seconds. */
static void test_estimate(void **state)
{
	(void)state;
	for (unsigned i = 0; i < JUMPS; i++) {
		struct rig *rig = clock_rig(7);
		uint32_t rkey = give_memory(rig);

		rig_connect(rig, 0, 0);
		for (unsigned round = 0; round < 20; round++)
			transfer(rig, rkey, 0, 0, 1);
		transfer(rig, rkey, 0, jumps[i], 10);
		rig->loss_permille = 1000;
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 3, buffer, 100, 0, rkey, rig_clock(rig, 0)), 0);
		rig_run(rig, 1000);
		rig->loss_permille = 0;
		{
			uint64_t begin_ns = rig->now_ns;

			rig_expect(rig, 0, ROCE_READ, 3, 0);
			assert_true(rig->now_ns - begin_ns < RIG_SECOND / 2);
		}
		rig_destroy(rig);
	}
}

/* Connecting and hanging up, with messages lost. */
static void test_connections(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * JUMPS; i++) {
		struct rig *rig = clock_rig(i + 31);
		struct roce_connect connect = { .remote_address = rig_address(1), .remote_port = RIG_PORT, .queue = rig->queue[0],
						.timeout_ns = 10 * RIG_SECOND };
		struct roce_event event;
		uint64_t before = sent(rig), begin_ns = rig->now_ns;
		int side = (int)(i & 1);

		rig->loss_permille = 300;
		assert_int_equal(roce_connect(rig->device[0], &connect, &rig->connection[0], rig_clock(rig, 0)), 0);
		jump(rig, side, jumps[i / 2]);
		assert_true(rig_wait(rig, 1, &event, 10 * RIG_SECOND));
		assert_int_equal(event.type, ROCE_EVENT_CONNECT_REQUEST);
		rig->connection[1] = event.connection;
		assert_int_equal(roce_accept_begin(rig->device[1], event.connection, 0, &rig->qpn[1]), 0);
		assert_int_equal(roce_accept_finish(rig->device[1], event.connection, NULL, 0, rig_clock(rig, 1)), 0);
		jump(rig, side, jumps[i / 2]);
		for (int end = 0; end < 2; end++) {
			assert_true(rig_wait(rig, end, &event, 10 * RIG_SECOND));
			assert_int_equal(event.type, ROCE_EVENT_ESTABLISHED);
		}
		roce_disconnect(rig->device[0], rig->connection[0], rig_clock(rig, 0));
		jump(rig, side, jumps[i / 2]);
		assert_true(rig_wait(rig, 1, &event, 10 * RIG_SECOND));
		assert_int_equal(event.type, ROCE_EVENT_DISCONNECTED);
		rig_run(rig, 10 * RIG_SECOND);
		assert_true(rig_deadline_ns(rig, 0) == UINT64_MAX && rig_deadline_ns(rig, 1) == UINT64_MAX);
		assert_true(sent(rig) - before < 60 && rig->now_ns - begin_ns < 30 * RIG_SECOND);
		rig_destroy(rig);
	}
}

/* A peer that is gone is still given up, and not much later than else. */
static void test_dead_peer(void **state)
{
	(void)state;
	for (unsigned i = 0; i < JUMPS; i++) {
		struct rig *rig = clock_rig(5);
		uint32_t rkey = give_memory(rig);
		uint64_t begin_ns;

		rig_connect(rig, 0, 0);
		rig->cut[0] = rig->cut[1] = true;
		begin_ns = rig->now_ns;
		assert_int_equal(roce_post_read(rig->device[0], rig->qpn[0], 1, buffer, 100, 0, rkey, rig_clock(rig, 0)), 0);
		rig_run(rig, RIG_SECOND);
		jump(rig, 0, jumps[i]);
		rig_expect(rig, 0, ROCE_READ, 1, -ETIMEDOUT);
		assert_in_range(rig->now_ns - begin_ns, GIVE_UP_NS / 2, 2 * GIVE_UP_NS);
		rig_destroy(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_estimate),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_dead_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
