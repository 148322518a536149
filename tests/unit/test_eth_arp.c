// SPDX-License-Identifier: GPL-2.0-only
/* Whom a datagram goes to: ARP asked and answered, entries that age, and what waits for an answer. */
#include "tests/unit/eth_fixture.h"

static void test_arp_request_is_answered(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[60];

	assert_int_equal(input(fixture, frame, build_arp(frame, 1, peer_mac, PEER, OURS)), 0);
	assert_int_equal(output(fixture, SECOND), 60);
	assert_memory_equal(fixture->out, peer_mac, 6);
	assert_memory_equal(fixture->out + 6, our_mac, 6);
	assert_int_equal(fixture->out[21], 2);
	assert_memory_equal(fixture->out + 22, our_mac, 6);
	assert_int_equal(get32(fixture->out + 28), OURS);
	assert_memory_equal(fixture->out + 32, peer_mac, 6);
	assert_int_equal(get32(fixture->out + 38), PEER);
	assert_int_equal(wrap(fixture, PEER, 64, SECOND), 106);	/* and the asker is known now */
	assert_int_equal(input(fixture, frame, build_arp(frame, 1, peer_mac, 0, OURS)), 0);	/* a probe is answered */
	assert_int_equal(output(fixture, SECOND), 60);
	assert_int_equal(input(fixture, frame, build_arp(frame, 1, other_mac, PEER + 1, PEER)), 0);	/* not for us */
	assert_int_equal(output(fixture, SECOND), 0);
	assert_int_equal(wrap(fixture, PEER + 1, 64, SECOND), -EAGAIN);	/* and nothing was learned from it */
}

static void test_arp_refusals(void **state)
{
	struct fixture *fixture = *state;
	static const unsigned bad[][2] = { { 14, 6 }, { 16, 0x0801 }, { 18, 0x0804 }, { 18, 0x0610 }, { 20, 3 }, { 20, 0 } };
	uint8_t frame[60];
	size_t len;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		len = build_arp(frame, 1, peer_mac, PEER, OURS);
		put16(frame + bad[i][0], bad[i][1]);
		assert_dropped(fixture, frame, len, drop_arp);
	}
	build_arp(frame, 1, peer_mac, PEER, OURS);
	for (len = 14; len < 42; len++)
		assert_dropped(fixture, frame, len, drop_short);
	len = build_arp(frame, 2, all_mac, PEER, OURS);		/* a group address would make us flood */
	assert_dropped(fixture, frame, len, drop_arp);
	len = build_arp(frame, 1, our_mac, PEER, OURS);
	assert_dropped(fixture, frame, len, drop_source);
	len = build_arp(frame, 1, peer_mac, OURS, OURS);	/* someone else claims our address */
	assert_dropped(fixture, frame, len, arp_conflicts);
	len = build_arp(frame, 1, peer_mac, FAR_AWAY, OURS);
	assert_dropped(fixture, frame, len, drop_source);
	len = build_arp(frame, 1, peer_mac, 0x0a0000ff, OURS);
	assert_dropped(fixture, frame, len, drop_source);
	assert_int_equal(wrap(fixture, PEER, 64, SECOND), -EAGAIN);	/* none of it was believed */
}

static void test_wrap_resolves_first(void **state)
{
	struct fixture *fixture = *state;
	uint64_t now = SECOND;

	assert_int_equal(wrap(fixture, PEER, 64, now), -EAGAIN);
	assert_int_equal(output(fixture, now), 60);
	assert_memory_equal(fixture->out, all_mac, 6);
	assert_int_equal(fixture->out[21], 1);
	assert_int_equal(get32(fixture->out + 38), PEER);
	assert_int_equal(wrap(fixture, PEER, 64, now + 199 * MILLISECOND), -EAGAIN);
	assert_int_equal(output(fixture, now), 0);		/* not asked again that soon */
	assert_int_equal(wrap(fixture, PEER, 64, now + 200 * MILLISECOND), -EAGAIN);
	assert_int_equal(output(fixture, now), 60);
	/* Another answer waits: the request is not lost, the next datagram asks. */
	assert_int_equal(wrap(fixture, PEER + 1, 64, now), -EAGAIN);
	assert_int_equal(wrap(fixture, PEER + 2, 64, now), -EAGAIN);
	assert_int_equal(output(fixture, now), 60);
	assert_int_equal(get32(fixture->out + 38), PEER + 1);
	assert_int_equal(wrap(fixture, PEER + 2, 64, now), -EAGAIN);
	assert_int_equal(output(fixture, now), 60);
	assert_int_equal(get32(fixture->out + 38), PEER + 2);
	learn_peer(fixture, now);
	assert_int_equal(wrap(fixture, PEER, 64, now), 106);
}

/* RFC 1122 section 2.3.2.2 */
static void test_the_latest_datagram_is_held(void **state)
{
	struct fixture *fixture = *state;
	struct eth_counters *counters = &fixture->interface.counters;
	const uint8_t *out = fixture->out;
	uint8_t frame[60];

	assert_int_equal(wrap(fixture, PEER, 64, SECOND), -EAGAIN);
	assert_int_equal(wrap(fixture, PEER, 65, SECOND), -EAGAIN);		/* takes the first one's place */
	assert_int_equal(wrap(fixture, PEER + 1, ROCE_DATAGRAM_BYTES_MAX, SECOND), -EAGAIN);
	assert_int_equal(counters->held, 3);
	assert_int_equal(counters->drop_unresolved, 1);
	assert_int_equal(output(fixture, SECOND), 60);				/* the request for PEER */
	assert_int_equal(output(fixture, SECOND), 0);
	learn_peer(fixture, SECOND);
	memset(fixture->out, 0, sizeof(fixture->out));
	assert_int_equal(output(fixture, SECOND), 42 + 65);
	assert_memory_equal(out, peer_mac, 6);
	assert_memory_equal(out + 6, our_mac, 6);
	assert_int_equal(get32(out + 30), PEER);
	assert_int_equal(sum16(0, out + 14, 20), 0xffff);
	assert_int_equal(out[42 + 64], 0xee);
	assert_int_equal(output(fixture, SECOND), 0);				/* and once only */
	input(fixture, frame, build_arp(frame, 2, other_mac, PEER + 1, OURS));
	assert_int_equal(output(fixture, 2 * SECOND - 1), ETH_FRAME_BYTES_MAX);
	assert_memory_equal(out, other_mac, 6);
	assert_int_equal(fixture->interface.held_count, 0);
}

static void test_held_datagrams_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct eth_counters *counters = &fixture->interface.counters;
	unsigned came = 0;
	uint8_t frame[60];

	for (uint32_t i = 0; i < ETH_HELD_MAX + 3; i++) {
		assert_int_equal(wrap(fixture, PEER + i, 64, SECOND + i), -EAGAIN);
		output(fixture, SECOND + i);
	}
	assert_int_equal(fixture->interface.held_count, ETH_HELD_MAX);
	assert_int_equal(counters->drop_unresolved, 3);
	for (uint32_t i = 0; i < ETH_HELD_MAX + 3; i++) {
		input(fixture, frame, build_arp(frame, 2, peer_mac, PEER + i, OURS));
		if (output(fixture, SECOND + MILLISECOND) == 106) {
			assert_int_equal(get32(fixture->out + 30), PEER + i);
			assert_true(i >= 3);					/* the oldest had to go */
			came++;
		}
	}
	assert_int_equal(came, ETH_HELD_MAX);
	assert_int_equal(fixture->interface.held_count, 0);
	assert_int_equal(wrap(fixture, PEER + 100, 64, SECOND), -EAGAIN);
	output(fixture, SECOND);
	assert_int_equal(output(fixture, 2 * SECOND), 0);			/* too old */
	assert_int_equal(counters->drop_unresolved, 4);
	input(fixture, frame, build_arp(frame, 2, peer_mac, PEER + 100, OURS));
	assert_int_equal(output(fixture, 2 * SECOND), 0);
}

static void test_wrap_goes_by_the_gateway(void **state)
{
	struct fixture *fixture = *state;
	static const uint32_t nowhere[] = { 0, OURS, 0x0a000000, 0x0a0000ff, 0xe0000001, 0xffffffff };
	uint8_t frame[60];

	assert_int_equal(wrap(fixture, FAR_AWAY, 64, SECOND), -EAGAIN);
	assert_int_equal(output(fixture, SECOND), 60);
	assert_int_equal(get32(fixture->out + 38), GATEWAY);
	assert_int_equal(input(fixture, frame, build_arp(frame, 2, other_mac, GATEWAY, OURS)), 0);
	assert_int_equal(output(fixture, SECOND), 106);
	assert_int_equal(get32(fixture->out + 30), FAR_AWAY);
	assert_int_equal(wrap(fixture, FAR_AWAY, 64, SECOND), 106);
	assert_memory_equal(fixture->out, other_mac, 6);
	assert_int_equal(get32(fixture->out + 30), FAR_AWAY);
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
		assert_int_equal(wrap(fixture, nowhere[i], 64, SECOND), -EHOSTUNREACH);
	fixture->interface.config.gateway = 0;
	assert_int_equal(wrap(fixture, FAR_AWAY, 64, SECOND), -EHOSTUNREACH);
	fixture->interface.config.gateway = FAR_AWAY + 1;	/* a gateway on no network of ours */
	assert_int_equal(wrap(fixture, FAR_AWAY, 64, SECOND), -EHOSTUNREACH);
	assert_int_equal(output(fixture, SECOND), 0);
}

static void test_entries_age(void **state)
{
	struct fixture *fixture = *state;
	uint64_t now = SECOND;
	unsigned asked = 0;

	learn_peer(fixture, now);
	now += 30 * SECOND;
	assert_int_equal(wrap(fixture, PEER, 64, now), 106);	/* used while it is refreshed */
	assert_int_equal(output(fixture, now), 60);
	assert_memory_equal(fixture->out, peer_mac, 6);		/* asked for by unicast */
	learn_peer(fixture, now);
	assert_int_equal(wrap(fixture, PEER, 64, now + 29 * SECOND), 106);
	assert_int_equal(output(fixture, now), 0);		/* confirmed: fresh again */
	for (now += 31 * SECOND; wrap(fixture, PEER, 64, now) > 0; now += 100 * MILLISECOND)
		asked += output(fixture, now) == 60;
	assert_int_equal(asked, 10);				/* silent for two seconds: start over */
	assert_int_equal(output(fixture, now), 60);
	assert_memory_equal(fixture->out, all_mac, 6);
}

static void test_a_moved_peer_is_followed(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[60];

	learn_peer(fixture, SECOND);
	/* An announcement: to everybody, sender and target its own address. */
	assert_int_equal(input(fixture, frame, build_arp(frame, 1, other_mac, PEER, PEER)), 0);
	assert_int_equal(wrap(fixture, PEER, 64, SECOND), 106);
	assert_memory_equal(fixture->out, other_mac, 6);
}

static void test_table_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	uint64_t now = SECOND;
	unsigned known = 0;
	uint8_t frame[60];

	fixture->interface.config.netmask = 0xffff0000;
	for (uint32_t i = 0; i < 4096; i++, now += MILLISECOND) {
		input_at(fixture, frame, build_arp(frame, 1, peer_mac, 0x0a000100 + i, OURS), now);
		output(fixture, now);
		assert_int_equal(wrap(fixture, 0x0a000100 + i, 64, now), 106);	/* the newest is always kept */
	}
	for (size_t i = 0; i < ETH_ARP_ENTRIES_MAX; i++)
		known += fixture->interface.arp[i].address != 0;
	assert_int_equal(known, ETH_ARP_ENTRIES_MAX);
	assert_int_equal(fixture->interface.counters.arp_evictions, 4096 - ETH_ARP_ENTRIES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_arp_request_is_answered), TEST(test_arp_refusals), TEST(test_wrap_resolves_first),
		TEST(test_the_latest_datagram_is_held), TEST(test_held_datagrams_are_bounded),
		TEST(test_wrap_goes_by_the_gateway), TEST(test_entries_age), TEST(test_a_moved_peer_is_followed),
		TEST(test_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
