/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A data connection, active side: from the handshake to the moment when READs and WRITEs may be posted.
 *
 *	CLOSED --open--> CONNECTING --ESTABLISHED, good answer: hello goes--> GREETING --welcome--> UP
 *	  ^               |  ^  REJ with a challenge: once more, at once |        |                 |
 *	  |               |  '-------------------------------------------'        |                 |
 *	  '---- refused, unreachable, answer not a key holder's ----- time, refused, lost ----------'
 *
 * L1 UP only after the peer's welcome with a good MAC: what is posted then is served by a holder of the rack's key.
 * L2 A challenge is answered once for each opening: a peer that only ever challenges is refused like any other.
 * L3 With packet_macs no packet goes out, or is taken in, without one: a peer that has not agreed to it is refused.
 * L4 Nothing of a connection that was given up is taken for the present one (its number tells).
 * L5 A node that knows two keys of the rack opens with the one in use, and with the other when it had no answer: it may have
 *    been away when the peer forgot the first.
 *
 * Pure; the buffers that it lends to the device are inside it, so it must not move while it is open.
 */
#ifndef PLENUM_NET_NODE_DATA_LINK_H
#define PLENUM_NET_NODE_DATA_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/wire.h>

#include "net/roce/roce.h"
#include "net/secure/secure.h"

#define DATA_LINK_CONNECT_NS UINT64_C(1000000000)	/* for a connect request, and then for the welcome */
#define DATA_LINK_LABEL "plenum data hello"
#define DATA_LINK_COUNTER 0u	/* of both: each is the first and only message of its direction under this label */

enum data_link_state { DATA_LINK_CLOSED, DATA_LINK_CONNECTING, DATA_LINK_GREETING, DATA_LINK_UP };

struct data_link_config {
	struct roce_device *device;
	struct secure *secure;
	int queue;			/* of the device; its events of this link go to data_link_event() */
	uint64_t cookie;		/* of all those events */
	uint32_t node;			/* ours, > 0 */
	uint64_t incarnation;		/* ours */
	bool packet_macs;		/* only with a MAC on every packet */
};

/* A hello or a welcome as it travels. */
struct data_greeting {
	union {
		struct wire_data_hello hello;
		struct wire_data_welcome welcome;
	};
	uint8_t tag[SECURE_TAG_BYTES];
};
_Static_assert(sizeof(struct data_greeting) == 32, "wire");

struct data_link {
	struct data_link_config config;
	enum data_link_state state;
	uint32_t peer_node, address;
	uint32_t connection;		/* unless CLOSED */
	uint32_t qpn;			/* UP */
	int refusal;			/* CLOSED: the negative errno that the peer gave, or 0 */
	bool challenged;		/* L2 */
	uint8_t unanswered;		/* times in a row that it was opened without an answer of a key holder (L5) */
	uint64_t deadline_ns;		/* UINT64_MAX: none */
	struct secure_handshake handshake;
	struct secure_keys keys;
	struct secure_packets packets;	/* when packet_macs */
	struct data_greeting out, in;
};

/*
 * Open a CLOSED (or zeroed) link to the data service of `peer_node`. 0, or why not: then it is CLOSED. The queue pair's peer
 * tag is `peer_node`.
 */
int data_link_open(struct data_link *link, const struct data_link_config *config, uint32_t peer_node, uint32_t address,
		   uint64_t now_ns);
/* One of the link's events; look at `state` afterwards. */
void data_link_event(struct data_link *link, const struct roce_event *event, uint64_t now_ns);
/* At the deadline. */
void data_link_tick(struct data_link *link, uint64_t now_ns);
/* Hang up; all work posted on the queue pair completes. No effect when CLOSED. */
void data_link_close(struct data_link *link, uint64_t now_ns);

#endif
