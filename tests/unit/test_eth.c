// SPDX-License-Identifier: GPL-2.0-only
/* Every frame net/eth accepts, and every reason it has to refuse one. Frames are built byte by byte from the RFCs. */
#include "tests/unit/eth_fixture.h"

static void test_announces_itself(void **state)
{
	struct fixture *fixture = *state;
	struct eth_config config = fixture->interface.config;

	eth_init(&fixture->interface, &config);
	assert_int_equal(output(fixture, 0), 60);
	assert_memory_equal(fixture->out, all_mac, 6);
	assert_int_equal(fixture->out[21], 1);
	assert_memory_equal(fixture->out + 22, our_mac, 6);
	assert_int_equal(get32(fixture->out + 28), OURS);
	assert_int_equal(get32(fixture->out + 38), OURS);
	assert_int_equal(output(fixture, 0), 0);
}

static void test_datagram_is_handed_up(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[ETH_FRAME_BYTES_MAX];
	static const size_t sizes[] = { 0, 1, 16, 17, 255, ROCE_DATAGRAM_BYTES_MAX - 1, ROCE_DATAGRAM_BYTES_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int with_checksum = 0; with_checksum < 2; with_checksum++) {
			size_t len = build_udp(frame, sizes[i]);

			put16(frame + 18, 0x1234);
			fix_ip(frame);
			if (with_checksum)
				fix_udp(frame, sizes[i]);
			assert_int_equal(input(fixture, frame, len), 1);
			assert_int_equal(fixture->datagram.source_address, PEER);
			assert_int_equal(fixture->datagram.destination_address, OURS);
			assert_int_equal(fixture->datagram.source_port, 50000);
			assert_int_equal(fixture->datagram.destination_port, 4791);
			assert_int_equal(fixture->datagram.ip_id, 0x1234);
			assert_int_equal(fixture->datagram.ip_flags_fragment, 0x4000);
			assert_int_equal(fixture->datagram.len_bytes, sizes[i]);
			assert_memory_equal(fixture->datagram.bytes, frame + 42, sizes[i]);
		}
	}
}

static void test_padding_is_not_data(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[128];

	build_udp(frame, 4);
	memset(frame + 46, 0xaa, 14);
	assert_int_equal(input(fixture, frame, 60), 1);
	assert_int_equal(fixture->datagram.len_bytes, 4);
}

static void test_ethernet_refusals(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[ETH_FRAME_BYTES_MAX + 1];
	size_t len = build_udp(frame, 64);

	for (size_t cut = 0; cut < 34; cut++)
		assert_dropped(fixture, frame, cut, drop_short);
	memset(frame + len, 0, sizeof(frame) - len);
	assert_dropped(fixture, frame, sizeof(frame), drop_long);
	put16(frame + 12, 0x86dd);
	assert_dropped(fixture, frame, len, drop_type);
	put16(frame + 12, 0x0800);
	memcpy(frame, other_mac, 6);
	assert_dropped(fixture, frame, len, drop_not_ours);
	memcpy(frame, all_mac, 6);			/* IP in a broadcast frame */
	assert_dropped(fixture, frame, len, drop_not_ours);
	frame[0] = 0x01;				/* a group address */
	assert_dropped(fixture, frame, len, drop_not_ours);
}

static void test_ip_refusals(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[256];
	size_t len;

	len = build_udp(frame, 64);
	frame[14] = 0x65;				/* version 6 */
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_ip_header);
	frame[14] = 0x46;				/* options */
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_ip_header);
	len = build_udp(frame, 64);
	put16(frame + 16, 19);
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_ip_header);
	put16(frame + 16, (unsigned)(len - 14 + 1));	/* one byte more than the frame has */
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_ip_header);
	len = build_udp(frame, 64);
	for (size_t bit = 0; bit < 160; bit++) {	/* every flipped bit of the header is noticed */
		uint64_t before = fixture->interface.counters.drop_ip_checksum + fixture->interface.counters.drop_ip_header;

		frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(input(fixture, frame, len), 0);
		frame[14 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(fixture->interface.counters.drop_ip_checksum + fixture->interface.counters.drop_ip_header,
				 before + 1);
	}
	put32(frame + 30, PEER);
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_not_ours);
	put32(frame + 30, 0x0a0000ff);			/* the subnet's broadcast */
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_not_ours);
}

static void test_ip_source_and_fragment_refusals(void **state)
{
	struct fixture *fixture = *state;
	static const uint32_t bad_sources[] = { 0, OURS, 0xe0000001, 0xffffffff };
	static const unsigned fragments[] = { 0x2000, 0x2001, 0x0001, 0x1fff, 0x6000 };
	uint8_t frame[256];
	size_t len = build_udp(frame, 64);

	for (size_t i = 0; i < sizeof(bad_sources) / sizeof(bad_sources[0]); i++) {
		put32(frame + 26, bad_sources[i]);
		fix_ip(frame);
		assert_dropped(fixture, frame, len, drop_source);
	}
	len = build_udp(frame, 64);
	for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
		put16(frame + 20, fragments[i]);
		fix_ip(frame);
		assert_dropped(fixture, frame, len, drop_fragment);
	}
	put16(frame + 20, 0);				/* without DF is fine */
	fix_ip(frame);
	assert_int_equal(input(fixture, frame, len), 1);
	frame[23] = 6;
	fix_ip(frame);
	assert_dropped(fixture, frame, len, drop_protocol);
}

static void test_udp_refusals(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[256];
	size_t len = build_udp(frame, 64);

	put16(frame + 38, 7);
	assert_dropped(fixture, frame, len, drop_udp_length);
	put16(frame + 38, 8 + 65);
	assert_dropped(fixture, frame, len, drop_udp_length);
	for (size_t payload = 0; payload < 8; payload++) {	/* no room for the UDP header itself */
		len = build_ip(frame, 17, payload);
		assert_dropped(fixture, frame, len, drop_udp_length);
	}
	len = build_udp(frame, 64);
	put16(frame + 36, 4790);
	assert_dropped(fixture, frame, len, drop_port);
	len = build_udp(frame, 64);
	fix_udp(frame, 64);
	frame[42 + 63] ^= 1;
	assert_dropped(fixture, frame, len, drop_udp_checksum);
	len = build_udp(frame, 63);				/* odd length */
	fix_udp(frame, 63);
	frame[42 + 62] ^= 0x80;
	assert_dropped(fixture, frame, len, drop_udp_checksum);
	len = build_udp(frame, 64);
	put16(frame + 38, 8 + 60);				/* shorter than the IP packet: the UDP length rules */
	assert_int_equal(input(fixture, frame, len), 1);
	assert_int_equal(fixture->datagram.len_bytes, 60);
}

static void test_echo(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[ETH_FRAME_BYTES_MAX];
	static const size_t sizes[] = { 0, 1, 56, 57, 1472, ETH_FRAME_BYTES_MAX - 42 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = build_echo(frame, sizes[i]), reply = len < 60 ? 60 : len;
		const uint8_t *out = fixture->out;

		assert_int_equal(input(fixture, frame, len), 0);
		assert_int_equal(output(fixture, SECOND), reply);
		assert_memory_equal(out, peer_mac, 6);
		assert_memory_equal(out + 6, our_mac, 6);
		assert_int_equal(get32(out + 26), OURS);
		assert_int_equal(get32(out + 30), PEER);
		assert_int_equal(sum16(0, out + 14, 20), 0xffff);
		assert_int_equal(out[34], 0);
		assert_int_equal(sum16(0, out + 34, 8 + sizes[i]), 0xffff);
		assert_memory_equal(out + 38, frame + 38, 4 + sizes[i]);
		for (size_t pad = len; pad < reply; pad++)	/* no old bytes leak */
			assert_int_equal(out[pad], 0);
	}
}

static void test_icmp_refusals(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[256];
	size_t len = build_echo(frame, 32);

	frame[50] ^= 1;
	assert_dropped(fixture, frame, len, drop_icmp);		/* checksum */
	len = build_echo(frame, 32);
	frame[34] = 0;						/* a reply we never asked for */
	put16(frame + 36, 0);
	put16(frame + 36, (uint16_t)~sum16(0, frame + 34, 40));
	assert_dropped(fixture, frame, len, drop_icmp);
	len = build_ip(frame, 1, 7);
	assert_dropped(fixture, frame, len, drop_icmp);
}

static void test_second_answer_is_counted_not_overwritten(void **state)
{
	struct fixture *fixture = *state;
	uint8_t frame[256];
	size_t len = build_echo(frame, 32);

	assert_int_equal(input(fixture, frame, len), 0);
	frame[41] = 6;
	put16(frame + 36, 0);
	put16(frame + 36, (uint16_t)~sum16(0, frame + 34, 40));
	assert_int_equal(input(fixture, frame, len), 0);
	assert_int_equal(input(fixture, frame, build_arp(frame, 1, peer_mac, PEER, OURS)), 0);
	assert_int_equal(fixture->interface.counters.drop_reply_busy, 2);
	assert_int_equal(output(fixture, SECOND), len);
	assert_int_equal(fixture->out[41], 5);
	assert_int_equal(output(fixture, SECOND), 0);
}

static void test_wrap_writes_the_headers(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t *out = fixture->out;

	learn_peer(fixture, SECOND);
	assert_int_equal(wrap(fixture, PEER, 100, SECOND), 142);
	assert_memory_equal(out, peer_mac, 6);
	assert_memory_equal(out + 6, our_mac, 6);
	assert_int_equal(get32(out + 12), 0x08004500);
	assert_int_equal(get32(out + 16), 128u << 16);		/* total length, ID 0 */
	assert_int_equal(get32(out + 20), 0x40004011);		/* DF, TTL 64, UDP */
	assert_int_equal(sum16(0, out + 14, 20), 0xffff);
	assert_int_equal(get32(out + 26), OURS);
	assert_int_equal(get32(out + 30), PEER);
	assert_int_equal(get32(out + 34), 49999u << 16 | 4791);
	assert_int_equal(get32(out + 38), 108u << 16);		/* length, checksum 0 */
	assert_int_equal(out[42], 0xee);
	assert_int_equal(wrap(fixture, PEER, ROCE_DATAGRAM_BYTES_MAX, SECOND), ETH_FRAME_BYTES_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_announces_itself), TEST(test_datagram_is_handed_up), TEST(test_padding_is_not_data),
		TEST(test_ethernet_refusals), TEST(test_ip_refusals), TEST(test_ip_source_and_fragment_refusals),
		TEST(test_udp_refusals), TEST(test_echo), TEST(test_icmp_refusals),
		TEST(test_second_answer_is_counted_not_overwritten), TEST(test_wrap_writes_the_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
