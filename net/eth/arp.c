// SPDX-License-Identifier: GPL-2.0-only
/*
 * ARP (RFC 826) for one interface.
 *
 * Invariants
 *  A1  An entry's address is a neighbour of ours (is_neighbour), and stands in the set its hash names.
 *  A2  Only an ARP packet fills in a MAC; it is never a group address and never ours.
 *  A3  A packet of somebody else's conversation changes entries but makes none: only who talks to us gets one,
 *      so a scan of the subnet cannot push out the peers that matter.
 *  A4  Every request has a reason: a datagram wants to go out. There is no timer; a silent interface is silent.
 *
 *	        arp_resolve                 arp_input
 *	FREE ----------------> RESOLVING ---------------> RESOLVED <--+
 *	  ^                       ^    (asks each              |      | arp_input
 *	  | evicted               |     ARP_RETRY_NS)          | ARP_FRESH_NS old and wanted: arp_resolve
 *	  |                       |                            v      |
 *	  +-- any                 +-------------------- REFRESHING ---+
 *	                             ARP_ATTEMPTS_MAX          (still used; asks each ARP_RETRY_NS)
 *	                             requests unanswered
 *
 * Also FREE -> RESOLVED when a neighbour asks for us: our answer to it needs no request then.
 */
#include <assert.h>

#include "lib/hash.h"
#include "net/eth/internal.h"

enum arp_state { ARP_FREE, ARP_RESOLVING, ARP_RESOLVED, ARP_REFRESHING };

#define ARP_WAYS 8u
#define ARP_SETS (ETH_ARP_ENTRIES_MAX / ARP_WAYS)
#define ARP_FRESH_NS UINT64_C(30000000000)	/* within the 20..60 s RFC 1122 section 2.3.2.1 asks for */
#define ARP_RETRY_NS UINT64_C(200000000)
#define ARP_ATTEMPTS_MAX 10u			/* two seconds of silence: the machine may have a new card */

_Static_assert(ARP_SETS * ARP_WAYS == ETH_ARP_ENTRIES_MAX, "sets are whole");

/* The packet for Ethernet and IPv4, RFC 826 "Packet format", offsets from the frame's start. */
#define ARP_HARDWARE 14u
#define ARP_PROTOCOL 16u
#define ARP_LENGTHS 18u
#define ARP_OPERATION 20u
#define ARP_SENDER_MAC 22u
#define ARP_SENDER_ADDRESS 28u
#define ARP_TARGET_MAC 32u
#define ARP_TARGET_ADDRESS 38u
#define ARP_FRAME_BYTES 42u

#define ARP_REQUEST 1u
#define ARP_REPLY 2u

static const uint8_t broadcast[ETH_ADDRESS_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct eth_arp_entry *arp_set(struct eth_interface *interface, uint32_t address)
{
	return &interface->arp[hash_reduce(hash_mix(address), ARP_SETS) * ARP_WAYS];
}

static struct eth_arp_entry *arp_find(struct eth_interface *interface, uint32_t address)
{
	struct eth_arp_entry *set = arp_set(interface, address);

	for (unsigned way = 0; way < ARP_WAYS; way++)
		if (set[way].address == address)
			return &set[way];
	return NULL;
}

/* A fresh entry for `address`: a free way, else the one that was confirmed or asked for longest ago. */
static struct eth_arp_entry *arp_insert(struct eth_interface *interface, uint32_t address)
{
	struct eth_arp_entry *set = arp_set(interface, address);
	struct eth_arp_entry *victim = &set[0];

	assert(is_neighbour(&interface->config, address));
	for (unsigned way = 0; way < ARP_WAYS; way++) {
		if (set[way].address == 0) {
			victim = &set[way];
			break;
		}
		if (set[way].time_ns < victim->time_ns)
			victim = &set[way];
	}
	if (victim->address != 0)
		interface->counters.arp_evictions++;
	memset(victim, 0, sizeof(*victim));
	victim->address = address;
	return victim;
}

static void arp_write(struct eth_interface *interface, uint16_t operation, const uint8_t *to_mac, const uint8_t *target_mac,
		      uint32_t target_address)
{
	uint8_t *frame = interface->reply;

	assert(interface->reply_len_bytes == 0);
	memset(frame, 0, ETH_FRAME_BYTES_MIN);
	memcpy(frame + ETH_DESTINATION, to_mac, ETH_ADDRESS_BYTES);
	memcpy(frame + ETH_SOURCE, interface->config.mac, ETH_ADDRESS_BYTES);
	store16(frame + ETH_TYPE, ETH_TYPE_ARP);
	store16(frame + ARP_HARDWARE, 1);
	store16(frame + ARP_PROTOCOL, ETH_TYPE_IPV4);
	store16(frame + ARP_LENGTHS, ETH_ADDRESS_BYTES << 8 | 4);
	store16(frame + ARP_OPERATION, operation);
	memcpy(frame + ARP_SENDER_MAC, interface->config.mac, ETH_ADDRESS_BYTES);
	store32(frame + ARP_SENDER_ADDRESS, interface->config.address);
	if (target_mac)
		memcpy(frame + ARP_TARGET_MAC, target_mac, ETH_ADDRESS_BYTES);
	store32(frame + ARP_TARGET_ADDRESS, target_address);
	interface->reply_len_bytes = ETH_FRAME_BYTES_MIN;
}

/* Ask for an entry's MAC, unless another answer is still waiting to go: the next datagram tries again. */
static void arp_ask(struct eth_interface *interface, struct eth_arp_entry *entry, uint64_t now_ns)
{
	if (interface->reply_len_bytes)
		return;
	/* A refresh goes to the one machine that should answer it (RFC 1122 section 2.3.2.1, unicast poll). */
	arp_write(interface, ARP_REQUEST, entry->state == ARP_REFRESHING ? entry->mac : broadcast, NULL, entry->address);
	interface->counters.arp_requests_sent++;
	entry->time_ns = now_ns;
	if (entry->attempts < UINT8_MAX)
		entry->attempts++;
}

void arp_announce(struct eth_interface *interface)
{
	/* RFC 5227 section 2.3: a request for our own address tells switches and neighbours where we are. */
	arp_write(interface, ARP_REQUEST, broadcast, NULL, interface->config.address);
	interface->counters.arp_requests_sent++;
}

const uint8_t *arp_resolve(struct eth_interface *interface, uint32_t address, uint64_t now_ns)
{
	struct eth_arp_entry *entry = arp_find(interface, address);
	uint64_t age_ns;

	if (!entry) {
		entry = arp_insert(interface, address);
		entry->state = ARP_RESOLVING;
		entry->time_ns = now_ns;
	}
	age_ns = now_ns - entry->time_ns;
	switch ((enum arp_state)entry->state) {
	case ARP_RESOLVED:
		if (age_ns < ARP_FRESH_NS)
			return entry->mac;
		entry->state = ARP_REFRESHING;
		entry->attempts = 0;
		arp_ask(interface, entry, now_ns);
		return entry->mac;
	case ARP_REFRESHING:
		if (age_ns < ARP_RETRY_NS)
			return entry->mac;
		if (entry->attempts < ARP_ATTEMPTS_MAX) {
			arp_ask(interface, entry, now_ns);
			return entry->mac;
		}
		entry->state = ARP_RESOLVING;
		entry->attempts = 0;
		break;
	case ARP_RESOLVING:
		break;
	case ARP_FREE:
		assert(!"a found entry is not free");
	}
	if (entry->attempts == 0 || age_ns >= ARP_RETRY_NS)
		arp_ask(interface, entry, now_ns);
	return NULL;
}

const uint8_t *arp_lookup(struct eth_interface *interface, uint32_t address)
{
	const struct eth_arp_entry *entry = arp_find(interface, address);

	return entry && entry->state != ARP_RESOLVING ? entry->mac : NULL;
}

/* RFC 826 "Packet Reception": update what we know of the sender; make an entry only when it speaks to us (A3). */
static void arp_learn(struct eth_interface *interface, const uint8_t *mac, uint32_t address, bool for_us, uint64_t now_ns)
{
	struct eth_arp_entry *entry = arp_find(interface, address);

	if (!entry && for_us)
		entry = arp_insert(interface, address);
	if (!entry)
		return;
	memcpy(entry->mac, mac, ETH_ADDRESS_BYTES);
	entry->state = ARP_RESOLVED;
	entry->attempts = 0;
	entry->time_ns = now_ns;
}

void arp_input(struct eth_interface *interface, const uint8_t *frame, size_t len_bytes, uint64_t now_ns)
{
	struct eth_counters *counters = &interface->counters;
	const uint8_t *sender_mac = frame + ARP_SENDER_MAC;
	uint32_t sender, target;
	uint16_t operation;
	bool for_us;

	if (len_bytes < ARP_FRAME_BYTES) {
		counters->drop_short++;
		return;
	}
	operation = load16(frame + ARP_OPERATION);
	sender = load32(frame + ARP_SENDER_ADDRESS);
	target = load32(frame + ARP_TARGET_ADDRESS);
	if (load16(frame + ARP_HARDWARE) != 1 || load16(frame + ARP_PROTOCOL) != ETH_TYPE_IPV4 ||
	    load16(frame + ARP_LENGTHS) != (ETH_ADDRESS_BYTES << 8 | 4) ||
	    (operation != ARP_REQUEST && operation != ARP_REPLY) || (sender_mac[0] & 1)) {
		counters->drop_arp++;
		return;
	}
	if (memcmp(sender_mac, interface->config.mac, ETH_ADDRESS_BYTES) == 0) {
		counters->drop_source++;	/* our own frame came back, or someone has our MAC */
		return;
	}
	if (sender == interface->config.address) {
		counters->arp_conflicts++;
		return;
	}
	for_us = target == interface->config.address;
	if (is_neighbour(&interface->config, sender)) {
		arp_learn(interface, sender_mac, sender, for_us, now_ns);
	} else if (sender != 0) {		/* 0: a probe, RFC 5227 section 2.1.1; it is answered */
		counters->drop_source++;
		return;
	}
	if (operation == ARP_REPLY) {
		counters->arp_replies_received++;
		return;
	}
	if (!for_us)
		return;
	counters->arp_requests_received++;
	if (interface->reply_len_bytes) {
		counters->drop_reply_busy++;
		return;
	}
	arp_write(interface, ARP_REPLY, sender_mac, sender_mac, sender);
}
