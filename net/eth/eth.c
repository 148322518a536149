// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ethernet II, IPv4 (RFC 791), UDP (RFC 768) and ICMP echo (RFC 792), as little of each as a rack fabric needs.
 *
 * Invariants
 *  E1  Every frame that comes in is counted once in frames_received and, unless it was a datagram, a sound ARP packet
 *      or an echo request that is answered, once in exactly one drop_ counter (arp_conflicts is one of these).
 *  E2  A datagram handed up lies wholly inside its frame, came to our MAC and address from a unicast address that is
 *      not ours, was whole (no fragment, no option), and passed each checksum it carried.
 *  E3  At most one frame waits in `reply`. A new answer never overwrites it: it is dropped and counted instead.
 *  E4  A held datagram leaves once: sent when its hop is known, or dropped and counted when a later one for the same hop
 *      takes its place, when it is ETH_HELD_NS old, or when all places are taken and it is the oldest.
 *
 *	frame --eth_input--> ARP ------------------------> arp_input ---+--> reply --eth_output--> frame
 *	                 --> IPv4 --> ICMP echo request -- echo_input --+
 *	                          --> UDP port 4791 ------> datagram for roce_input
 *	datagram --eth_wrap--> arp_resolve --> frame, or -EAGAIN: an ARP request in reply, the datagram in held
 *	held --(hop resolved) eth_output--> frame
 */
#include <assert.h>
#include <errno.h>

#include "net/eth/internal.h"

/* RFC 791 section 3.1; offsets from the frame's start. */
#define IP_VERSION_IHL 14u
#define IP_TOS 15u
#define IP_TOTAL_LENGTH 16u
#define IP_ID 18u
#define IP_FLAGS_FRAGMENT 20u
#define IP_TTL 22u
#define IP_PROTOCOL 23u
#define IP_CHECKSUM 24u
#define IP_SOURCE 26u
#define IP_DESTINATION 30u
#define IP_HEADER_BYTES 20u
#define IP_PAYLOAD 34u

#define IP_VERSION_4_IHL_5 0x45u
#define IP_DONT_FRAGMENT 0x4000u
#define IP_MORE_OR_OFFSET 0x3fffu
#define IP_TTL_SENT 64u
#define IP_PROTOCOL_ICMP 1u
#define IP_PROTOCOL_UDP 17u

/* RFC 768; offsets from the frame's start. */
#define UDP_SOURCE 34u
#define UDP_DESTINATION 36u
#define UDP_LENGTH 38u
#define UDP_CHECKSUM 40u
#define UDP_HEADER_BYTES 8u

/* RFC 792 "Echo or Echo Reply Message"; offsets from the frame's start. */
#define ICMP_TYPE 34u
#define ICMP_CODE 35u
#define ICMP_CHECKSUM 36u
#define ICMP_HEADER_BYTES 8u
#define ICMP_ECHO_REPLY 0u
#define ICMP_ECHO_REQUEST 8u

#define ETH_HELD_NS UINT64_C(1000000000)	/* the transport has sent it again by then */

_Static_assert(ETH_MAC_HEADER_BYTES + IP_HEADER_BYTES + UDP_HEADER_BYTES == ETH_HEADER_BYTES, "headers before a datagram");

/* RFC 1071: the ones' complement sum of big-endian words, continued from `sum`, folded to 16 bits. */
static uint16_t checksum_add(uint32_t sum, const uint8_t *bytes, size_t len_bytes)
{
	uint64_t wide = sum;
	size_t offset = 0;

	for (; offset + 4 <= len_bytes; offset += 4)
		wide += load32(bytes + offset);
	if (offset + 2 <= len_bytes) {
		wide += load16(bytes + offset);
		offset += 2;
	}
	if (offset < len_bytes)
		wide += (uint64_t)bytes[offset] << 8;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint16_t)wide;
}

void eth_init(struct eth_interface *interface, const struct eth_config *config)
{
	memset(interface, 0, sizeof(*interface));
	interface->config = *config;
	arp_announce(interface);
}

/* Answer a ping in place of the request: same bytes, addresses swapped, type 0 (RFC 792). */
static void echo_input(struct eth_interface *interface, const uint8_t *frame, size_t payload_bytes)
{
	struct eth_counters *counters = &interface->counters;
	uint8_t *reply = interface->reply;
	size_t len_bytes = IP_PAYLOAD + payload_bytes;

	if (payload_bytes < ICMP_HEADER_BYTES || checksum_add(0, frame + ICMP_TYPE, payload_bytes) != 0xffff ||
	    frame[ICMP_TYPE] != ICMP_ECHO_REQUEST || frame[ICMP_CODE] != 0) {
		counters->drop_icmp++;
		return;
	}
	counters->echo_requests++;
	if (interface->reply_len_bytes) {
		counters->drop_reply_busy++;
		return;
	}
	assert(len_bytes <= sizeof(interface->reply));
	memcpy(reply, frame, len_bytes);
	memcpy(reply + ETH_DESTINATION, frame + ETH_SOURCE, ETH_ADDRESS_BYTES);
	memcpy(reply + ETH_SOURCE, interface->config.mac, ETH_ADDRESS_BYTES);
	memcpy(reply + IP_SOURCE, frame + IP_DESTINATION, 4);
	memcpy(reply + IP_DESTINATION, frame + IP_SOURCE, 4);
	reply[IP_TTL] = IP_TTL_SENT;
	store16(reply + IP_CHECKSUM, 0);
	store16(reply + IP_CHECKSUM, (uint16_t)~checksum_add(0, reply + IP_VERSION_IHL, IP_HEADER_BYTES));
	reply[ICMP_TYPE] = ICMP_ECHO_REPLY;
	store16(reply + ICMP_CHECKSUM, 0);
	store16(reply + ICMP_CHECKSUM, (uint16_t)~checksum_add(0, reply + ICMP_TYPE, payload_bytes));
	if (len_bytes < ETH_FRAME_BYTES_MIN) {
		memset(reply + len_bytes, 0, ETH_FRAME_BYTES_MIN - len_bytes);
		len_bytes = ETH_FRAME_BYTES_MIN;
	}
	interface->reply_len_bytes = len_bytes;
}

/* RFC 768: the checksum covers a pseudo header of addresses, protocol and length; 0 on the wire means none. */
static bool udp_checksum_fits(const uint8_t *frame, size_t udp_bytes)
{
	uint32_t pseudo = checksum_add(0, frame + IP_SOURCE, 8);

	if (load16(frame + UDP_CHECKSUM) == 0)
		return true;
	return checksum_add(pseudo + IP_PROTOCOL_UDP + (uint32_t)udp_bytes, frame + UDP_SOURCE, udp_bytes) == 0xffff;
}

static int udp_input(struct eth_interface *interface, uint8_t *frame, size_t payload_bytes, struct roce_datagram *datagram)
{
	struct eth_counters *counters = &interface->counters;
	size_t udp_bytes;

	udp_bytes = payload_bytes < UDP_HEADER_BYTES ? 0 : load16(frame + UDP_LENGTH);
	if (udp_bytes < UDP_HEADER_BYTES || udp_bytes > payload_bytes) {
		counters->drop_udp_length++;
		return 0;
	}
	if (load16(frame + UDP_DESTINATION) != ROCE_UDP_PORT) {
		counters->drop_port++;
		return 0;
	}
	if (!udp_checksum_fits(frame, udp_bytes)) {
		counters->drop_udp_checksum++;
		return 0;
	}
	datagram->source_address = load32(frame + IP_SOURCE);
	datagram->destination_address = load32(frame + IP_DESTINATION);
	datagram->source_port = load16(frame + UDP_SOURCE);
	datagram->destination_port = ROCE_UDP_PORT;
	datagram->ip_id = load16(frame + IP_ID);
	datagram->ip_tos = frame[IP_TOS];
	datagram->ip_flags_fragment = load16(frame + IP_FLAGS_FRAGMENT);
	datagram->bytes = frame + ETH_HEADER_BYTES;
	datagram->len_bytes = udp_bytes - UDP_HEADER_BYTES;
	return 1;
}

/* The IP header's checks; returns the bytes of its payload, or -1 when the packet was dropped and counted. */
static int ip_check(struct eth_interface *interface, const uint8_t *frame, size_t len_bytes)
{
	struct eth_counters *counters = &interface->counters;
	size_t total_bytes;
	uint32_t source;

	if (len_bytes < ETH_MAC_HEADER_BYTES + IP_HEADER_BYTES) {
		counters->drop_short++;
		return -1;
	}
	total_bytes = load16(frame + IP_TOTAL_LENGTH);
	if (frame[IP_VERSION_IHL] != IP_VERSION_4_IHL_5 || total_bytes < IP_HEADER_BYTES ||
	    total_bytes > len_bytes - ETH_MAC_HEADER_BYTES) {
		counters->drop_ip_header++;
		return -1;
	}
	if (checksum_add(0, frame + IP_VERSION_IHL, IP_HEADER_BYTES) != 0xffff) {
		counters->drop_ip_checksum++;
		return -1;
	}
	if (load32(frame + IP_DESTINATION) != interface->config.address) {
		counters->drop_not_ours++;
		return -1;
	}
	source = load32(frame + IP_SOURCE);
	if (source == 0 || source == interface->config.address || is_multicast_or_broadcast(source)) {
		counters->drop_source++;
		return -1;
	}
	if (load16(frame + IP_FLAGS_FRAGMENT) & IP_MORE_OR_OFFSET) {
		counters->drop_fragment++;
		return -1;
	}
	return (int)(total_bytes - IP_HEADER_BYTES);
}

static int ip_input(struct eth_interface *interface, uint8_t *frame, size_t len_bytes, struct roce_datagram *datagram)
{
	int payload_bytes = ip_check(interface, frame, len_bytes);

	if (payload_bytes < 0)
		return 0;
	if (frame[IP_PROTOCOL] == IP_PROTOCOL_UDP)
		return udp_input(interface, frame, (size_t)payload_bytes, datagram);
	if (frame[IP_PROTOCOL] == IP_PROTOCOL_ICMP)
		echo_input(interface, frame, (size_t)payload_bytes);
	else
		interface->counters.drop_protocol++;
	return 0;
}

int eth_input(struct eth_interface *interface, uint8_t *frame, size_t len_bytes, struct roce_datagram *datagram,
	      uint64_t now_ns)
{
	static const uint8_t broadcast[ETH_ADDRESS_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct eth_counters *counters = &interface->counters;
	bool to_us;
	uint16_t type;

	counters->frames_received++;
	if (len_bytes < ETH_MAC_HEADER_BYTES) {
		counters->drop_short++;
		return 0;
	}
	if (len_bytes > ETH_FRAME_BYTES_MAX) {
		counters->drop_long++;
		return 0;
	}
	to_us = memcmp(frame + ETH_DESTINATION, interface->config.mac, ETH_ADDRESS_BYTES) == 0;
	type = load16(frame + ETH_TYPE);
	/* RFC 1122 section 3.3.6: a unicast IP packet has no business in a broadcast frame. */
	if (!to_us && !(type == ETH_TYPE_ARP && memcmp(frame, broadcast, ETH_ADDRESS_BYTES) == 0)) {
		counters->drop_not_ours++;
		return 0;
	}
	if (type == ETH_TYPE_IPV4)
		return ip_input(interface, frame, len_bytes, datagram);
	if (type == ETH_TYPE_ARP)
		arp_input(interface, frame, len_bytes, now_ns);
	else
		counters->drop_type++;
	return 0;
}

/* RFC 1122 section 2.3.2.2: the latest packet for an unresolved address is kept. */
static void hold(struct eth_interface *interface, uint32_t hop, const uint8_t *frame, size_t len_bytes, uint64_t now_ns)
{
	struct eth_held *place = &interface->held[0];

	for (unsigned i = 0; i < ETH_HELD_MAX; i++) {
		struct eth_held *held = &interface->held[i];

		if (held->hop == hop || (held->hop == 0 && place->hop != 0))
			place = held;
		if (held->hop == hop)
			break;
		if (held->hop != 0 && place->hop != 0 && held->time_ns < place->time_ns)
			place = held;
	}
	if (place->hop != 0)
		interface->counters.drop_unresolved++;
	else
		interface->held_count++;
	interface->counters.held++;
	place->hop = hop;
	place->time_ns = now_ns;
	place->len_bytes = len_bytes;
	memcpy(place->frame, frame, len_bytes);
}

/* A held datagram whose hop is known by now; those that waited too long are dropped. */
static size_t release(struct eth_interface *interface, uint8_t *frame, uint64_t now_ns)
{
	for (unsigned i = 0; i < ETH_HELD_MAX; i++) {
		struct eth_held *held = &interface->held[i];
		const uint8_t *mac;

		if (held->hop == 0)
			continue;
		mac = arp_lookup(interface, held->hop);
		if (!mac && now_ns - held->time_ns < ETH_HELD_NS)
			continue;
		held->hop = 0;
		interface->held_count--;
		if (!mac) {
			interface->counters.drop_unresolved++;
			continue;
		}
		memcpy(frame, held->frame, held->len_bytes);
		memcpy(frame + ETH_DESTINATION, mac, ETH_ADDRESS_BYTES);
		interface->counters.frames_sent++;
		return held->len_bytes;
	}
	return 0;
}

size_t eth_output(struct eth_interface *interface, uint8_t *frame, uint64_t now_ns)
{
	size_t len_bytes = interface->reply_len_bytes;

	assert(len_bytes <= sizeof(interface->reply) && interface->held_count <= ETH_HELD_MAX);
	if (len_bytes == 0)
		return interface->held_count ? release(interface, frame, now_ns) : 0;
	memcpy(frame, interface->reply, len_bytes);
	interface->reply_len_bytes = 0;
	interface->counters.frames_sent++;
	return len_bytes;
}

/* Whom to hand a packet for `address` to: the neighbour itself, the gateway, or 0 for nobody. */
static uint32_t next_hop(const struct eth_config *config, uint32_t address)
{
	if (is_neighbour(config, address))
		return address;
	if (((address ^ config->address) & config->netmask) == 0 || address == 0 || is_multicast_or_broadcast(address))
		return 0;
	return is_neighbour(config, config->gateway) ? config->gateway : 0;
}

static void write_headers(const struct eth_interface *interface, uint8_t *frame, const struct roce_datagram *datagram)
{
	memcpy(frame + ETH_SOURCE, interface->config.mac, ETH_ADDRESS_BYTES);
	store16(frame + ETH_TYPE, ETH_TYPE_IPV4);
	frame[IP_VERSION_IHL] = IP_VERSION_4_IHL_5;
	frame[IP_TOS] = datagram->ip_tos;
	store16(frame + IP_TOTAL_LENGTH, (uint16_t)(IP_HEADER_BYTES + UDP_HEADER_BYTES + datagram->len_bytes));
	store16(frame + IP_ID, 0);
	store16(frame + IP_FLAGS_FRAGMENT, IP_DONT_FRAGMENT);
	frame[IP_TTL] = IP_TTL_SENT;
	frame[IP_PROTOCOL] = IP_PROTOCOL_UDP;
	store16(frame + IP_CHECKSUM, 0);
	store32(frame + IP_SOURCE, interface->config.address);
	store32(frame + IP_DESTINATION, datagram->destination_address);
	store16(frame + IP_CHECKSUM, (uint16_t)~checksum_add(0, frame + IP_VERSION_IHL, IP_HEADER_BYTES));
	store16(frame + UDP_SOURCE, datagram->source_port);
	store16(frame + UDP_DESTINATION, datagram->destination_port);
	store16(frame + UDP_LENGTH, (uint16_t)(UDP_HEADER_BYTES + datagram->len_bytes));
	/* 0: none. The packet carries a CRC of its own that covers these headers. */
	store16(frame + UDP_CHECKSUM, 0);
}

int eth_wrap(struct eth_interface *interface, uint8_t *frame, const struct roce_datagram *datagram, uint64_t now_ns)
{
	uint32_t hop = next_hop(&interface->config, datagram->destination_address);
	size_t len_bytes = ETH_HEADER_BYTES + datagram->len_bytes;
	const uint8_t *mac;

	assert(datagram->len_bytes <= ROCE_DATAGRAM_BYTES_MAX && datagram->bytes == frame + ETH_HEADER_BYTES);
	if (hop == 0) {
		interface->counters.drop_unreachable++;
		return -EHOSTUNREACH;
	}
	mac = arp_resolve(interface, hop, now_ns);
	write_headers(interface, frame, datagram);
	if (!mac) {
		hold(interface, hop, frame, len_bytes, now_ns);
		return -EAGAIN;
	}
	memcpy(frame + ETH_DESTINATION, mac, ETH_ADDRESS_BYTES);
	interface->counters.frames_sent++;
	return (int)len_bytes;
}
