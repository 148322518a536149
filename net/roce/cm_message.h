/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the connection manager: management datagrams of 256 bytes, carried by UD SENDs between the queue pairs 1
 * (docs/rocev2.md section 1.12).
 *
 * The starting PSN in a REQ or REP is the one that its receiver has to start sending with: the sender's expected PSN.
 */
#ifndef PLENUM_NET_ROCE_CM_MESSAGE_H
#define PLENUM_NET_ROCE_CM_MESSAGE_H

#include "net/roce/roce.h"

#define MAD_BYTES 256u
#define CM_QKEY UINT32_C(0x80010000)
#define CM_SERVICE_ID_TCP UINT64_C(0x0000000001060000)	/* RDMA_PS_TCP; the port stands in the low 16 bits */
#define CM_IP_HEADER_BYTES 36u			/* in front of a REQ's private data */
#define CM_SIDR_UNSUPPORTED 1u
#define CM_INFO_BYTES_MAX 72u			/* REJ: additional reject information */
/*
 * The local EE context number of a REQ or REP between our own nodes: these 16 bits, then what the sender can do besides the
 * standard. Reliable connections have no EE context, so others send 0 there and never look. The vendor id would not do:
 * librdmacm hands it to its adapter, which may refuse it, and rdma_rxe's comes back in the REP as if it had agreed.
 */
#define CM_FEATURES_MAGIC 0x5250u

enum cm_attribute {
	CM_REQ = 0x10,
	CM_MRA = 0x11,
	CM_REJ = 0x12,
	CM_REP = 0x13,
	CM_RTU = 0x14,
	CM_DREQ = 0x15,
	CM_DREP = 0x16,
	CM_SIDR_REQ = 0x17,			/* asks for a datagram service */
	CM_SIDR_REP = 0x18,
};

enum cm_reject_reason {
	CM_REJECT_NO_RESOURCES = 3,
	CM_REJECT_TIMEOUT = 4,
	CM_REJECT_UNSUPPORTED = 5,
	CM_REJECT_INVALID_ID = 6,
	CM_REJECT_SERVICE_ID = 8,
	CM_REJECT_TRANSPORT = 9,
	CM_REJECT_STALE = 10,
	CM_REJECT_GID = 12,
	CM_REJECT_MTU = 26,
	CM_REJECT_CONSUMER = 28,
};

enum cm_feature {
	CM_FEATURE_SELECTIVE_REPEAT = 1,	/* understands reports of what is held behind a gap, and makes them (held.h) */
};
#define CM_FEATURES CM_FEATURE_SELECTIVE_REPEAT	/* all that we know */

/* The message that a REJ or an MRA is about. */
enum cm_concerned { CM_CONCERNS_REQ = 0, CM_CONCERNS_REP = 1, CM_CONCERNS_OTHER = 2 };

struct cm_message {
	uint16_t attribute;			/* enum cm_attribute */
	uint64_t transaction;
	uint32_t local_number;			/* communication ids, of the sender */
	uint32_t remote_number;			/* all but REQ */

	/* REQ and REP */
	uint32_t qpn;				/* DREQ: the receiver's */
	uint32_t starting_psn;
	uint64_t guid;
	uint8_t responder_resources;
	uint8_t initiator_depth;
	uint8_t rnr_retries;
	uint8_t features;			/* enum cm_feature; 0 from peers that are not ours */

	/* REQ */
	uint64_t service_id;
	uint8_t transport;			/* 0: reliable connected */
	uint8_t path_mtu;			/* code: 1 is 256 bytes, 5 is 4096 */
	uint8_t ack_timeout;			/* 4.096 us * 2^n */
	uint8_t retries;
	uint32_t gid_local, gid_remote;		/* the IPv4 addresses in the GIDs; 0 when a GID is none */
	bool ip_header_valid;			/* version 0, IPv4, its addresses agree with the GIDs */
	uint16_t ip_source_port;

	uint16_t pkey;				/* decoded only */
	bool extended;				/* a reliable datagram channel or an extended transport is asked for; decoded only */

	uint8_t message_concerned;		/* REJ, MRA: enum cm_concerned */

	/* REJ */
	uint16_t reason;
	uint8_t info_len_bytes;			/* at most 8 when encoded */
	uint8_t info[8];			/* the first bytes of the additional information */

	uint8_t mra_timeout;			/* MRA: service timeout code */
	uint8_t status;				/* SIDR_REP: CM_SIDR_UNSUPPORTED */

	const uint8_t *private_data;		/* of the user: after the IP header in a REQ; points into the datagram */
	uint32_t private_len_bytes;
};

/* Hostile bytes; false when this is no message of the connection manager that we know. */
bool cm_message_decode(const uint8_t *mad, uint32_t len_bytes, struct cm_message *message);
/* Fill all MAD_BYTES. */
void cm_message_encode(const struct cm_message *message, uint8_t *mad);

#endif
