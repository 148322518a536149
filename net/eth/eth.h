/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ethernet, ARP, IPv4, UDP and ICMP echo for the kernels, as a pure state machine over whole frames.
 * Only what a rack fabric needs: no fragments, no options, one address, one subnet (plus an optional gateway).
 */
#ifndef PLENUM_NET_ETH_H
#define PLENUM_NET_ETH_H

#include <stddef.h>
#include <stdint.h>

#include "net/roce/roce.h"

#define ETH_ADDRESS_BYTES 6
/* Ethernet 14 + IPv4 20 + UDP 8: what stands before a datagram's bytes in a frame. */
#define ETH_HEADER_BYTES 42u
#define ETH_FRAME_BYTES_MAX (ETH_HEADER_BYTES + ROCE_DATAGRAM_BYTES_MAX)
#define ETH_ARP_ENTRIES_MAX 256u
#define ETH_HELD_MAX 8u			/* next hops that a datagram may wait for at once */

struct eth_config {
	uint8_t mac[ETH_ADDRESS_BYTES];
	uint32_t address;		/* host byte order */
	uint32_t netmask;
	uint32_t gateway;		/* 0: none */
};

#define ETH_COUNTERS(X) \
	X(frames_received) X(frames_sent) X(drop_short) X(drop_type) X(drop_not_ours) X(drop_ip_header) X(drop_ip_checksum) \
	X(drop_fragment) X(drop_protocol) X(drop_udp_length) X(drop_udp_checksum) X(drop_port) X(drop_unresolved) \
	X(drop_long) X(drop_source) X(drop_arp) X(drop_icmp) X(drop_reply_busy) X(drop_unreachable) \
	X(arp_requests_received) X(arp_replies_received) X(arp_requests_sent) X(arp_evictions) X(arp_conflicts) X(held) \
	X(echo_requests)

struct eth_counters {
#define ETH_COUNTER_FIELD(name) uint64_t name;
	ETH_COUNTERS(ETH_COUNTER_FIELD)
#undef ETH_COUNTER_FIELD
};

struct eth_arp_entry {
	uint32_t address;		/* 0: free */
	uint8_t mac[ETH_ADDRESS_BYTES];
	uint8_t state;			/* see eth.c */
	uint8_t attempts;
	uint64_t time_ns;		/* last request or confirmation */
};

/* The latest datagram for a next hop that is being resolved, whole but for the destination's MAC. */
struct eth_held {
	uint32_t hop;			/* 0: free */
	uint64_t time_ns;		/* since when */
	size_t len_bytes;
	uint8_t frame[ETH_FRAME_BYTES_MAX];
};

/* All state of one interface. Treat as opaque outside net/eth; public so that callers can place it. */
struct eth_interface {
	struct eth_config config;
	struct eth_counters counters;
	struct eth_arp_entry arp[ETH_ARP_ENTRIES_MAX];
	uint8_t reply[ETH_FRAME_BYTES_MAX]; /* one ARP or ICMP answer waiting for eth_output */
	size_t reply_len_bytes;
	struct eth_held held[ETH_HELD_MAX];
	uint32_t held_count;
};

/* An announcement of our address waits for eth_output() when this returns (RFC 5227 section 2.3). */
void eth_init(struct eth_interface *interface, const struct eth_config *config);

/*
 * A frame arrived. 1: it carried a UDP datagram for port 4791, `datagram` now points into `frame`.
 * 0: it was handled or dropped (and counted) here. An answer may be waiting for eth_output().
 */
int eth_input(struct eth_interface *interface, uint8_t *frame, size_t len_bytes, struct roce_datagram *datagram,
	      uint64_t now_ns);

/*
 * Fetch a frame that is waiting to be sent: an ARP or ICMP answer, or a held datagram whose next hop is known now.
 * Returns its length, or 0. `frame`: ETH_FRAME_BYTES_MAX.
 */
size_t eth_output(struct eth_interface *interface, uint8_t *frame, uint64_t now_ns);

/*
 * Wrap a datagram whose bytes already stand at frame + ETH_HEADER_BYTES: write the headers before them
 * (IP ID 0, DF, UDP checksum 0). Returns the frame's length, or -EAGAIN when the next hop's address is being
 * resolved (an ARP request is waiting in eth_output; the latest datagram for each such hop is held for a second and comes
 * out of eth_output when the answer is there; the transport's retransmission makes up for the others), or
 * -EHOSTUNREACH when the address is on no known network.
 */
int eth_wrap(struct eth_interface *interface, uint8_t *frame, const struct roce_datagram *datagram, uint64_t now_ns);

#endif
