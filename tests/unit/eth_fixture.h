/* SPDX-License-Identifier: GPL-2.0-only */
/* An interface, and frames of each kind for it. Include in one file of a test program. */
#ifndef PLENUM_TESTS_ETH_FIXTURE_H
#define PLENUM_TESTS_ETH_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static inline void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Word by word, unlike the code under test. */
static inline uint16_t sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static inline void fix_ip(uint8_t *frame)
{
	put16(frame + 24, 0);
	put16(frame + 24, (uint16_t)~sum16(0, frame + 14, 20));
}

/* An IPv4 frame from PEER to us with `payload` bytes after the IP header, all 0. */
static inline size_t build_ip(uint8_t *frame, uint8_t protocol, size_t payload)
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

static inline size_t build_udp(uint8_t *frame, size_t data)
{
	size_t len = build_ip(frame, 17, 8 + data);

	put16(frame + 34, 50000);
	put16(frame + 36, 4791);
	put16(frame + 38, (unsigned)(8 + data));
	for (size_t i = 0; i < data; i++)
		frame[42 + i] = (uint8_t)(i * 7 + 1);
	return len;
}

static inline void fix_udp(uint8_t *frame, size_t data)
{
	put16(frame + 40, 0);
	put16(frame + 40, (uint16_t)~sum16((uint32_t)sum16(0, frame + 26, 8) + 17 + 8 + (uint32_t)data, frame + 34, 8 + data));
}

static inline size_t build_echo(uint8_t *frame, size_t data)
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

static inline size_t build_arp(uint8_t *frame, unsigned operation, const uint8_t *mac, uint32_t sender, uint32_t target)
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
static inline int input_at(struct fixture *fixture, const uint8_t *frame, size_t len, uint64_t now_ns)
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

static inline int input(struct fixture *fixture, const uint8_t *frame, size_t len)
{
	return input_at(fixture, frame, len, SECOND);
}

static inline size_t output(struct fixture *fixture, uint64_t now_ns)
{
	return eth_output(&fixture->interface, fixture->out, now_ns);
}

static inline int wrap(struct fixture *fixture, uint32_t to, size_t len, uint64_t now_ns)
{
	struct roce_datagram datagram = {
		.source_address = OURS, .destination_address = to, .source_port = 49999, .destination_port = 4791,
		.bytes = fixture->out + ETH_HEADER_BYTES, .len_bytes = len,
	};

	memset(fixture->out, 0xee, sizeof(fixture->out));
	return eth_wrap(&fixture->interface, fixture->out, &datagram, now_ns);
}

static inline void learn_peer(struct fixture *fixture, uint64_t now_ns)
{
	uint8_t frame[60];

	assert_int_equal(input_at(fixture, frame, build_arp(frame, 2, peer_mac, PEER, OURS), now_ns), 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

#endif
