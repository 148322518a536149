/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests kept behind a gap, see held.c, and the report about them: the payload of a NAK for a sequence error towards a peer
 * that agreed to selective repeat. Bit i % 8 of byte i / 8 says that the packet with the NAK's PSN + 1 + i is kept.
 */
#ifndef PLENUM_NET_ROCE_HELD_H
#define PLENUM_NET_ROCE_HELD_H

#include "net/roce/internal.h"

#define HELD_REPORT_BYTES (HELD_REPORT_BITS / 8)

struct held_packet {
	struct held_packet *next;		/* of the queue pair, or of the free ones */
	uint64_t sequence;
	uint32_t packets;			/* sequence numbers that it takes: a READ request its answers' */
	struct roce_packet packet;
	uint8_t payload[];			/* a path MTU of the device */
};

enum held_result { HELD_KEPT, HELD_AGAIN, HELD_NOT };

/* Bytes of one place in the pool. */
static inline size_t roce_held_bytes(const struct roce_config *config)
{
	return sizeof(struct held_packet) + config->path_mtu_bytes;
}

void roce_held_init(struct roce_device *device);
/* Keep a copy of `packet`. HELD_AGAIN: it is there already. HELD_NOT: there is no room for it. */
enum held_result roce_held_add(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet,
			       uint64_t sequence, uint32_t packets);
void roce_held_remove_first(struct roce_device *device, struct responder *responder);
void roce_held_drop(struct roce_device *device, struct responder *responder);
/* Fill HELD_REPORT_BYTES. */
void roce_held_report(const struct responder *responder, uint8_t *report);

#endif
