/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Data connections, passive side: who may READ and WRITE. One place for each connection:
 *
 *	FREE --connect request that the guard let in--> ANSWERED --hello, MAC good, admitted: welcome goes--> ADMITTED
 *	  ^                                              |                                                 |
 *	  '-- refused, lost, another needs the place ----'---- lost, the node's next connection -----------'
 *
 * D1 A connection reaches regions (roce_authorize) only when ADMITTED: its hello had a good MAC under the connection's own
 *    keys and named the node that the handshake named.
 * D2 A node has one ADMITTED connection: the older one ends before the newer one is let in, so that a WRITE which still
 *    travels on it cannot undo a newer WRITE. Nothing that was not admitted ends anything.
 * D3 With packet_macs nobody is admitted whose packets carry none.
 * D4 Who was answered but did not show the keys holds a place only as long as nobody else needs it.
 */
#ifndef PLENUM_NET_NODE_DATA_DOOR_H
#define PLENUM_NET_NODE_DATA_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "net/node/data_link.h"

#define DATA_DOOR_POSTED_PER_PLACE 2u	/* hellos and welcomes: its own, and the flushed one of the connection before */

enum data_place_state { DATA_PLACE_FREE, DATA_PLACE_ANSWERED, DATA_PLACE_ADMITTED };

struct data_place {
	enum data_place_state state;
	uint32_t connection, qpn;
	uint32_t node;			/* as the handshake names it; D1 makes it true */
	uint64_t incarnation;		/* ADMITTED */
	uint64_t order;			/* of the request */
	uint8_t key_id;			/* the rack's key that the handshake was made with */
	struct secure_keys keys;	/* ANSWERED */
	struct secure_packets packets;	/* when both sides want MACs on packets */
	struct data_greeting in, out;
};

#define DATA_DOOR_COUNTERS(X) X(accepted) X(refused) X(lost) X(replaced) X(replays) X(macs_refused) X(evicted)
struct data_door_counters {
#define DATA_DOOR_COUNTER_FIELD(name) uint64_t name;
	DATA_DOOR_COUNTERS(DATA_DOOR_COUNTER_FIELD)
#undef DATA_DOOR_COUNTER_FIELD
};

struct data_door_config {
	struct roce_device *device;
	struct secure *secure;
	struct data_place *places;	/* zeroed; must not move */
	uint32_t places_max;
	/* May this node have a data connection? 0, or the negative errno that it is told. NULL: every one may. */
	int (*admit)(void *context, const struct wire_data_hello *hello, uint32_t address);
	void *context;
	bool packet_macs;		/* may be changed later; holds for who connects from then on */
};

struct data_door {
	struct data_door_config config;
	int queue;
	uint64_t order;
	struct data_door_counters counters;
};

/* Add what a door of `places_max` needs of the device to `limits`. */
void data_door_limits(uint32_t places_max, struct roce_limits *limits);
/* Listens on WIRE_PORT_DATA. 0, or what the device lacks. */
int data_door_open(struct data_door *door, const struct data_door_config *config);
/* A key of the rack was forgotten: connections that were made with it end. */
void data_door_key_forgotten(struct data_door *door, uint8_t key_id, uint64_t now_ns);
/* Take the door's events; after roce_input(). */
void data_door_poll(struct data_door *door, uint64_t now_ns);

#endif
