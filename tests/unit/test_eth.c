// SPDX-License-Identifier: GPL-2.0-only
/* Every frame net/eth accepts, and every reason it has to refuse one. Frames are built byte by byte from the RFCs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/eth/eth.h"

#define OURS 0x0a000002u	/* 10.0.0.2/24 */
#define PEER 0x0a000003u
#define GATEWAY 0x0a0000feu
#define FAR_AWAY 0x08080808u
#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

static const uint8_t our_mac[6] = { 0x52, 0x54, 0, 0, 0, 2 };
static const uint8_t peer_mac[6] = { 0x52, 0x54, 0, 0, 0, 3 };
static const uint8_t other_mac[6] = { 0x52, 0x54, 0, 0, 0, 4 };
static const uint8_t all_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct fixture {
	struct eth_interface interface;
	struct roce_datagram datagram;
	uint8_t out[ETH_FRAME_BYTES_MAX];
};

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Word by word, unlike the code under test. */
static uint16_t sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void fix_ip(uint8_t *frame)
{
	put16(frame + 24, 0);
	put16(frame + 24, (uint16_t)~sum16(0, frame + 14, 20));
}

/* An IPv4 frame from PEER to us with `payload` bytes after the IP header, all 0. */
static size_t build_ip(uint8_t *frame, uint8_t protocol, size_t payload)
{
	memset(frame, 0, 34 + payload);
	memcpy(frame, our_mac, 6);
	memcpy(frame + 6, peer_mac, 6);
	put16(frame + 12, 0x0800);
	frame[14] = 0x45;
	put16(frame + 16, (unsigned)(20 + payload));
	put16(frame + 20, 0x4000);
	frame[22] = 64;
	frame[23] = protocol;
	put32(frame + 26, PEER);
	put32(frame + 30, OURS);
	fix_ip(frame);
	return 34 + payload;
}

static size_t build_udp(uint8_t *frame, size_t data)
{
	size_t len = build_ip(frame, 17, 8 + data);

	put16(frame + 34, 50000);
	put16(frame + 36, 4791);
	put16(frame + 38, (unsigned)(8 + data));
	for (size_t i = 0; i < data; i++)
		frame[42 + i] = (uint8_t)(i * 7 + 1);
	return len;
}

static void fix_udp(uint8_t *frame, size_t data)
{
	put16(frame + 40, 0);
	put16(frame + 40, (uint16_t)~sum16((uint32_t)sum16(0, frame + 26, 8) + 17 + 8 + (uint32_t)data, frame + 34, 8 + data));
}

static size_t build_echo(uint8_t *frame, size_t data)
{
	size_t len = build_ip(frame, 1, 8 + data);

	frame[34] = 8;
	put16(frame + 38, 77);
	put16(frame + 40, 5);
	for (size_t i = 0; i < data; i++)
		frame[42 + i] = (uint8_t)i;
	put16(frame + 36, (uint16_t)~sum16(0, frame + 34, 8 + data));
	return len;
}

static size_t build_arp(uint8_t *frame, unsigned operation, const uint8_t *mac, uint32_t sender, uint32_t target)
{
	memset(frame, 0, 60);
	memcpy(frame, operation == 1 ? all_mac : our_mac, 6);
	memcpy(frame + 6, mac, 6);
	put16(frame + 12, 0x0806);
	put16(frame + 14, 1);
	put16(frame + 16, 0x0800);
	put16(frame + 18, 0x0604);
	put16(frame + 20, operation);
	memcpy(frame + 22, mac, 6);
	put32(frame + 28, sender);
	put32(frame + 38, target);
	return 60;
}

/* Hand over a copy of exactly that many bytes, so that a read past the end is seen. */
static int input_at(struct fixture *fixture, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	static uint8_t *last;
	uint8_t *copy = malloc(len ? len : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, frame, len);
	memset(&fixture->datagram, 0, sizeof(fixture->datagram));
	result = eth_input(&fixture->interface, copy, len, &fixture->datagram, now_ns);
	free(last);		/* a datagram points into the newest copy */
	last = copy;
	return result;
}

static int input(struct fixture *fixture, const uint8_t *frame, size_t len)
{
	return input_at(fixture, frame, len, SECOND);
}

static size_t output(struct fixture *fixture, uint64_t now_ns)
{
	return eth_output(&fixture->interface, fixture->out, now_ns);
}

static int wrap(struct fixture *fixture, uint32_t to, size_t len, uint64_t now_ns)
{
	struct roce_datagram datagram = {
		.source_address = OURS, .destination_address = to, .source_port = 49999, .destination_port = 4791,
		.bytes = fixture->out + ETH_HEADER_BYTES, .len_bytes = len,
	};

	memset(fixture->out, 0xee, sizeof(fixture->out));
	return eth_wrap(&fixture->interface, fixture->out, &datagram, now_ns);
}

static void learn_peer(struct fixture *fixture, uint64_t now_ns)
{
	uint8_t frame[60];

	assert_int_equal(input_at(fixture, frame, build_arp(frame, 2, peer_mac, PEER, OURS), now_ns), 0);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct eth_config config = { .address = OURS, .netmask = 0xffffff00, .gateway = GATEWAY };

	assert_non_null(fixture);
	memcpy(config.mac, our_mac, 6);
	eth_init(&fixture->interface, &config);
	assert_int_equal(output(fixture, 0), 60);	/* the announcement, seen in its own test */
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* The frame is refused, for exactly this reason, and nothing waits to be sent. */
#define assert_dropped(fixture, frame, len, counter) do { \
	struct eth_counters before_ = (fixture)->interface.counters, *after_ = &(fixture)->interface.counters; \
	assert_int_equal(input(fixture, frame, len), 0); \
	before_.frames_received++; \
	before_.counter++; \
	assert_memory_equal(&before_, after_, sizeof(before_)); \
	assert_int_equal(output(fixture, SECOND), 0); \
} while (0)

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
		TEST(test_announces_itself), TEST(test_datagram_is_handed_up), TEST(test_padding_is_not_data),
		TEST(test_ethernet_refusals), TEST(test_ip_refusals), TEST(test_ip_source_and_fragment_refusals),
		TEST(test_udp_refusals), TEST(test_echo), TEST(test_icmp_refusals),
		TEST(test_second_answer_is_counted_not_overwritten), TEST(test_arp_request_is_answered),
		TEST(test_arp_refusals), TEST(test_wrap_writes_the_headers), TEST(test_wrap_resolves_first),
		TEST(test_the_latest_datagram_is_held), TEST(test_held_datagrams_are_bounded),
		TEST(test_wrap_goes_by_the_gateway), TEST(test_entries_age), TEST(test_a_moved_peer_is_followed),
		TEST(test_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
