/* SPDX-License-Identifier: GPL-2.0-only */
/* What eth.c and arp.c share. Frames are byte arrays at odd addresses: fields are read and written by these alone. */
#ifndef PLENUM_NET_ETH_INTERNAL_H
#define PLENUM_NET_ETH_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "net/eth/eth.h"

/* IEEE 802.3 section 3.1.1: destination, source, type; frames shorter than this are padded (without FCS). */
#define ETH_DESTINATION 0u
#define ETH_SOURCE 6u
#define ETH_TYPE 12u
#define ETH_MAC_HEADER_BYTES 14u
#define ETH_FRAME_BYTES_MIN 60u

#define ETH_TYPE_IPV4 0x0800u
#define ETH_TYPE_ARP 0x0806u

static inline uint16_t load16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void store16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static inline void store32(uint8_t *bytes, uint32_t value)
{
	store16(bytes, (uint16_t)(value >> 16));
	store16(bytes + 2, (uint16_t)value);
}

static inline bool is_multicast_or_broadcast(uint32_t address)
{
	return address >= UINT32_C(0xe0000000);	/* 224.0.0.0/4 and above: RFC 1112 section 4, RFC 1122 section 3.2.1.3 */
}

/* An address a neighbour of ours may have: on our subnet, and neither ours, the network's, nor its broadcast. */
static inline bool is_neighbour(const struct eth_config *config, uint32_t address)
{
	uint32_t host = address & ~config->netmask;

	if (address == 0 || address == config->address || is_multicast_or_broadcast(address))
		return false;
	if ((address ^ config->address) & config->netmask)
		return false;
	/* RFC 3021: in a /31 both addresses are hosts; a /32 has no neighbours but was refused above. */
	return ~config->netmask <= 1 || (host != 0 && host != ~config->netmask);
}

/* arp.c */
void arp_announce(struct eth_interface *interface);
void arp_input(struct eth_interface *interface, const uint8_t *frame, size_t len_bytes, uint64_t now_ns);
/* The next hop's MAC, or NULL while it is being resolved (a request waits in `reply` unless that was taken). */
const uint8_t *arp_resolve(struct eth_interface *interface, uint32_t address, uint64_t now_ns);
/* The same without asking. */
const uint8_t *arp_lookup(struct eth_interface *interface, uint32_t address);

#endif
