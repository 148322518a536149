/* SPDX-License-Identifier: GPL-2.0-only */
/* Immediates, invalidation and atomics: what arrives, what is refused, and that a repetition changes nothing. */
#include <errno.h>

#include "net/roce/internal.h"
#include "tests/unit/roce_forge.h"

#define PEER 42u
#define ALL_RIGHTS (ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE | ROCE_ACCESS_REMOTE_ATOMIC)
#define WORDS 8192u

static uint64_t remote[WORDS];
static uint8_t outbox[20000], inbox[20000];

static uint32_t share_with(struct rig *rig, const struct roce_memory_ops *ops, uint32_t access, uint64_t peer)
{
	struct roce_memory_config config = { .ops = ops, .context = remote, .len_bytes = sizeof(remote), .access = access,
					     .peer = peer };
	uint32_t rkey = 0;

	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), 0);
	return rkey;
}

static struct rig *connected(uint64_t seed, uint32_t mtu)
{
	struct rig *rig = rig_create(seed, mtu, mtu);

	rig_connect(rig, 0, PEER);
	rig_fill(rig, outbox, sizeof(outbox));
	memset(inbox, 0, sizeof(inbox));
	memset(remote, 0, sizeof(remote));
	return rig;
}

static struct roce_event next_event(struct rig *rig, int side)
{
	struct roce_event event;

	assert_true(rig_wait(rig, side, &event, 60 * RIG_SECOND));
	return event;
}

static struct roce_event expect_receive(struct rig *rig, uint64_t cookie, uint32_t flags)
{
	struct roce_event event = next_event(rig, 1);

	assert_int_equal(event.type, ROCE_EVENT_COMPLETION);
	assert_int_equal(event.opcode, ROCE_RECEIVE);
	assert_int_equal(event.status, 0);
	assert_int_equal(event.cookie, cookie);
	assert_int_equal(event.flags, flags);
	return event;
}

static void post_receive(struct rig *rig, uint64_t cookie)
{
	assert_int_equal(roce_post_receive(rig->device[1], rig->qpn[1], cookie, inbox, sizeof(inbox)), 0);
}

/* ---------------------------------------------------------------- immediates */

static const uint32_t sizes[] = { 0, 1, 255, 1024, 1025, 4096, 20000 };

static void test_send_with_immediate(void **state)
{
	(void)state;
	for (uint32_t mtu = 256; mtu <= 4096; mtu *= 4) {
		struct rig *rig = connected(mtu, mtu);

		for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct roce_event event;

			post_receive(rig, i);
			assert_int_equal(roce_post_send_immediate(rig->device[0], rig->qpn[0], i, outbox, sizes[i],
								  0xdeadbe00 + i, rig->now_ns), 0);
			event = expect_receive(rig, i, ROCE_EVENT_IMMEDIATE);
			assert_int_equal(event.immediate, 0xdeadbe00 + i);
			assert_int_equal(event.len_bytes, sizes[i]);
			assert_int_equal(event.written_bytes, 0);
			assert_memory_equal(inbox, outbox, sizes[i]);
			rig_expect(rig, 0, ROCE_SEND, i, 0);
			post_receive(rig, i);
			assert_int_equal(roce_post_send(rig->device[0], rig->qpn[0], i, outbox, sizes[i], rig->now_ns), 0);
			assert_int_equal(expect_receive(rig, i, 0).immediate, 0);
			rig_expect(rig, 0, ROCE_SEND, i, 0);
		}
		rig_destroy(rig);
	}
}

static void test_write_with_immediate(void **state)
{
	(void)state;
	for (uint32_t mtu = 256; mtu <= 4096; mtu *= 4) {
		struct rig *rig = connected(mtu, mtu);
		uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);

		for (uint32_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct roce_event event;

			memset(remote, 0, sizeof(remote));
			post_receive(rig, i);
			assert_int_equal(roce_post_write_immediate(rig->device[0], rig->qpn[0], i, outbox, sizes[i], 8, rkey,
								   i, rig->now_ns), 0);
			event = expect_receive(rig, i, ROCE_EVENT_IMMEDIATE | ROCE_EVENT_WRITTEN);
			assert_int_equal(event.immediate, i);
			assert_int_equal(event.len_bytes, 0);	/* nothing stands in the receive's buffer */
			assert_int_equal(event.written_bytes, sizes[i]);
			assert_memory_equal(remote + 1, outbox, sizes[i]);
			rig_expect(rig, 0, ROCE_WRITE, i, 0);
		}
		assert_int_equal(inbox[0], 0);
		rig_destroy(rig);
	}
}

/* Without a receive it waits like a SEND, and nothing of its last packet is written before. */
static void test_write_with_immediate_needs_a_receive(void **state)
{
	struct rig *rig = connected(5, 1024);
	uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);

	(void)state;
	assert_int_equal(roce_post_write_immediate(rig->device[0], rig->qpn[0], 1, outbox, 2000, 0, rkey, 9, rig->now_ns), 0);
	rig_run(rig, RIG_SECOND / 2);
	assert_true(roce_counters(rig->device[1])->rnr_naks_sent > 10);
	assert_memory_equal(remote, outbox, 1024);
	assert_int_equal(((uint8_t *)remote)[1024], 0);
	post_receive(rig, 7);
	assert_int_equal(expect_receive(rig, 7, ROCE_EVENT_IMMEDIATE | ROCE_EVENT_WRITTEN).immediate, 9);
	rig_expect(rig, 0, ROCE_WRITE, 1, 0);
	assert_memory_equal(remote, outbox, 2000);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- invalidation */

static void test_send_with_invalidate(void **state)
{
	uint64_t original;

	(void)state;
	for (uint32_t len = 10; len <= 5000; len += 4990) {
		struct rig *rig = connected(len, 1024);
		uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS | ROCE_ACCESS_REMOTE_INVALIDATE, PEER);

		post_receive(rig, 3);
		assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 1, &original, 0, rkey, 1, rig->now_ns), 0);
		assert_int_equal(roce_post_send_invalidate(rig->device[0], rig->qpn[0], 2, outbox, len, rkey, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_FETCH_ADD, 1, 0);
		rig_expect(rig, 0, ROCE_SEND, 2, 0);
		assert_int_equal(expect_receive(rig, 3, ROCE_EVENT_INVALIDATED).invalidated_rkey, rkey);
		assert_memory_equal(inbox, outbox, len);
		assert_int_equal(roce_memory_deregister(rig->device[1], rkey), -ENOENT);
		assert_int_equal(roce_counters(rig->device[1])->regions_invalidated, 1);
		assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 4, &original, 0, rkey, 1, rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_FETCH_ADD, 4, -EACCES);
		rig_destroy(rig);
	}
}

/* Another peer's region, everybody's, one that is not for that, none: refused, and nothing ends or is delivered. */
static void test_refused_invalidations(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct rig *rig = connected((uint64_t)i, 1024);
		uint32_t rkeys[4] = {
			share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS | ROCE_ACCESS_REMOTE_INVALIDATE, PEER + 1),
			share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, ROCE_PEER_ANY),
			share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER),
			0x12345678,
		};

		post_receive(rig, 3);
		assert_int_equal(roce_post_send_invalidate(rig->device[0], rig->qpn[0], 2, outbox, 100, rkeys[i], rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_SEND, 2, -EACCES);
		rig_expect(rig, 1, ROCE_RECEIVE, 3, -ECONNRESET);
		assert_int_equal(inbox[0], 0);
		assert_int_equal(roce_counters(rig->device[1])->regions_invalidated, 0);
		assert_int_equal(roce_counters(rig->device[1])->naks_access_sent, 1);
		for (int j = 0; j < 3; j++)
			assert_int_equal(roce_memory_deregister(rig->device[1], rkeys[j]), 0);
		rig_destroy(rig);
	}
}

static void test_invalidation_needs_one_peer(void **state)
{
	struct rig *rig = rig_create(1, 1024, 1024);
	struct roce_memory_config config = { .ops = &roce_memory_plain_ops, .context = remote, .len_bytes = 8,
					     .access = ROCE_ACCESS_REMOTE_INVALIDATE, .peer = ROCE_PEER_ANY };
	uint32_t rkey;

	(void)state;
	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), -EINVAL);
	config.access = 16;
	assert_int_equal(roce_memory_register(rig->device[1], &config, &rkey), -EINVAL);
	rig_destroy(rig);
}

/* ---------------------------------------------------------------- atomics */

static void test_atomics(void **state)
{
	struct rig *rig = connected(11, 4096);
	uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);
	uint64_t found[4] = { 1, 1, 1, 1 };

	(void)state;
	remote[3] = 0x1122334455667788;
	assert_int_equal(roce_post_compare_swap(rig->device[0], rig->qpn[0], 0, &found[0], 24, rkey, 5, 6, rig->now_ns), 0);
	assert_int_equal(roce_post_compare_swap(rig->device[0], rig->qpn[0], 1, &found[1], 24, rkey, 0x1122334455667788,
						UINT64_MAX, rig->now_ns), 0);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 2, &found[2], 24, rkey, 3, rig->now_ns), 0);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 3, &found[3], sizeof(remote) - 8, rkey, 7,
					     rig->now_ns), 0);
	rig_expect(rig, 0, ROCE_COMPARE_SWAP, 0, 0);
	rig_expect(rig, 0, ROCE_COMPARE_SWAP, 1, 0);
	rig_expect(rig, 0, ROCE_FETCH_ADD, 2, 0);
	rig_expect(rig, 0, ROCE_FETCH_ADD, 3, 0);
	assert_true(found[0] == 0x1122334455667788 && found[1] == 0x1122334455667788);
	assert_true(found[2] == UINT64_MAX && remote[3] == 2);
	assert_true(found[3] == 0 && remote[WORDS - 1] == 7);
	assert_int_equal(roce_counters(rig->device[1])->atomics_served, 4);
	assert_int_equal(roce_counters(rig->device[0])->atomics_completed, 4);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 3, &found[3], 4, rkey, 7, rig->now_ns), -EINVAL);
	assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 3, NULL, 8, rkey, 7, rig->now_ns), -EINVAL);
	rig_destroy(rig);
}

struct refusal {
	uint64_t address;
	uint32_t access;
	uint64_t peer;
	bool supported;
	int status;
};

/* On its way, the address of an atomic becomes odd: our own API would not post it. */
static bool misalign(struct rig *rig, const struct roce_datagram *datagram, int to)
{
	uint8_t copy[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram again = *datagram;
	struct roce_packet packet;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	if (packet.opcode != OPCODE_FETCH_ADD)
		return false;
	packet.address |= 4;
	again.bytes = copy;
	roce_packet_encode(&packet, &again, &crc_table, NULL);
	rig_fly(rig, &again, to);
	return true;
}

static void test_refused_atomics(void **state)
{
	static const struct roce_memory_ops without;
	static const struct refusal refusals[] = {
		{ 0, ROCE_ACCESS_REMOTE_ATOMIC, PEER, true, 0 },
		{ 4, ROCE_ACCESS_REMOTE_ATOMIC, PEER, true, -EPROTO },
		{ 0, ROCE_ACCESS_REMOTE_ATOMIC, PEER, false, -EPROTO },
		{ 0, ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, PEER, true, -EACCES },
		{ 0, ROCE_ACCESS_REMOTE_ATOMIC, PEER + 1, true, -EACCES },
		{ sizeof(remote), ROCE_ACCESS_REMOTE_ATOMIC, PEER, true, -EACCES },
		{ UINT64_MAX - 7, ROCE_ACCESS_REMOTE_ATOMIC, PEER, true, -EACCES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *refusal = &refusals[i];
		struct rig *rig = connected(i, 1024);
		uint32_t rkey = share_with(rig, refusal->supported ? &roce_memory_plain_ops : &without, refusal->access,
					   refusal->peer);
		uint64_t original = 0;

		if (refusal->address == 4)
			rig->drop = misalign;
		assert_int_equal(roce_post_fetch_add(rig->device[0], rig->qpn[0], 1, &original, refusal->address & ~7u, rkey, 1,
						     rig->now_ns), 0);
		rig_expect(rig, 0, ROCE_FETCH_ADD, 1, refusal->status);
		assert_int_equal(remote[0], refusal->status ? 0 : 1);
		rig_destroy(rig);
	}
}

/* On any wire, each of many increments happens once, and each finds another value. */
static void test_atomics_happen_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rig *rig = connected(seed, 1024);
		uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);
		static uint64_t found[600];
		static uint8_t back[3000];
		uint64_t posted = 0, done = 0;

		rig->loss_permille = seed % 3 * 50;
		rig->repeat_permille = 100;
		rig->reorder_permille = seed % 4 * 50;
		while (done < 600) {
			struct roce_event event;

			/* READs and WRITEs between them, so that every kind of repair crosses atomics. */
			while (posted < 600 && posted - done < 40) {
				int status;

				if (posted % 7 == 3)
					status = roce_post_read(rig->device[0], rig->qpn[0], posted, back, 3000, 64, rkey, rig->now_ns);
				else if (posted % 11 == 5)
					status = roce_post_write(rig->device[0], rig->qpn[0], posted, outbox, 2500, 64, rkey, rig->now_ns);
				else
					status = roce_post_fetch_add(rig->device[0], rig->qpn[0], posted, &found[posted], 0, rkey, 1,
								     rig->now_ns);
				assert_int_equal(status, 0);
				posted++;
			}
			event = next_event(rig, 0);
			assert_int_equal(event.status, 0);
			assert_int_equal(event.cookie, done);
			done++;
		}
		for (uint64_t i = 0, value = 0; i < 600; i++) {
			if (i % 7 == 3 || i % 11 == 5)
				continue;
			assert_int_equal(found[i], value);
			value++;
			assert_true(i < 599 || remote[0] == value);
		}
		assert_true(remote[0] == roce_counters(rig->device[1])->atomics_served);
		rig_destroy(rig);
	}
}

/* A peer repeats all atomics it may have under way: each gets what it found first. Older ones get nothing. */
static void test_repeated_atomics_find_the_same(void **state)
{
	struct rig *rig = connected(3, 1024);
	uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);
	struct queue_pair *qp = roce_qp_find(rig->device[1], rig->qpn[1]);
	uint32_t first = sequence_psn(qp->responder.expected);
	struct roce_packet packet = { .opcode = OPCODE_FETCH_ADD, .pkey = 0xffff, .destination_qpn = rig->qpn[1], .rkey = rkey,
				      .swap_or_add = 1 }, answer;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };

	(void)state;
	_Static_assert(ATOMIC_RESULTS_MAX >= 16, "what a hardware peer may have under way");
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 2 * ATOMIC_RESULTS_MAX; i++) {
			packet.psn = (first + i) & 0xffffff;
			inject_packet(rig, 1, rig_address(0), &packet);
			assert_int_equal(roce_output(rig->device[1], &datagram, rig->now_ns), round == 0 || i >= ATOMIC_RESULTS_MAX);
			if (round == 1 && i < ATOMIC_RESULTS_MAX)
				continue;
			assert_int_equal(roce_packet_decode(bytes, datagram.len_bytes, &answer), PACKET_OK);
			assert_int_equal(answer.opcode, OPCODE_ATOMIC_ACKNOWLEDGE);
			assert_int_equal(answer.psn, packet.psn);
			assert_int_equal(answer.original, i);
		}
		assert_int_equal(remote[0], 2 * ATOMIC_RESULTS_MAX);
	}
	/* A flood of repetitions that nobody fetches stays within its limit. */
	for (uint32_t i = 0; i < 3 * REPLAYS_MAX; i++)
		inject_packet(rig, 1, rig_address(0), &packet);
	assert_int_equal(qp->responder.replays.count, REPLAYS_MAX);
	assert_int_equal(remote[0], 2 * ATOMIC_RESULTS_MAX);
	rig_destroy(rig);
}

/* More new atomics than answers may be owed: the rest is dropped before it takes effect. */
static void test_flood_of_atomics(void **state)
{
	struct rig *rig = connected(4, 1024);
	uint32_t rkey = share_with(rig, &roce_memory_plain_ops, ALL_RIGHTS, PEER);
	struct queue_pair *qp = roce_qp_find(rig->device[1], rig->qpn[1]);
	struct roce_packet packet = { .opcode = OPCODE_FETCH_ADD, .pkey = 0xffff, .destination_qpn = rig->qpn[1], .rkey = rkey,
				      .swap_or_add = 1 };

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		packet.psn = sequence_psn(qp->responder.expected);
		inject_packet(rig, 1, rig_address(0), &packet);
	}
	assert_int_equal(remote[0], READS_PENDING_MAX);
	assert_int_equal(qp->responder.owed.count, READS_PENDING_MAX);
	assert_int_equal(qp->state, QP_READY);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send_with_immediate),
		cmocka_unit_test(test_write_with_immediate),
		cmocka_unit_test(test_write_with_immediate_needs_a_receive),
		cmocka_unit_test(test_send_with_invalidate),
		cmocka_unit_test(test_refused_invalidations),
		cmocka_unit_test(test_invalidation_needs_one_peer),
		cmocka_unit_test(test_atomics),
		cmocka_unit_test(test_refused_atomics),
		cmocka_unit_test(test_atomics_happen_once),
		cmocka_unit_test(test_repeated_atomics_find_the_same),
		cmocka_unit_test(test_flood_of_atomics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
