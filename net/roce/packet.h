/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packets of RoCEv2: what stands between a UDP header and the end of the datagram (docs/rocev2.md section 1.1 to 1.5).
 *
 *	BTH 12 | RETH 16, AtomicETH 28, DETH 8 | AETH 4 | AtomicAckETH 8 | ImmDt 4, IETH 4 | payload | pad 0..3 | ICRC 4
 *
 * Which extension headers stand there is decided by the opcode alone. All fields are big-endian; the ICRC is
 * little-endian. Decoding keeps reserved bits so that an encoded packet is the received one, bit by bit.
 */
#ifndef PLENUM_NET_ROCE_PACKET_H
#define PLENUM_NET_ROCE_PACKET_H

#include "net/roce/icrc.h"

#define ROCE_BTH_BYTES 12u
#define ROCE_PKEY_DEFAULT 0xffffu
#define ROCE_PKEY_NUMBER_MASK 0x7fffu		/* without the full-member bit */

enum roce_wire_opcode {
	OPCODE_SEND_FIRST = 0x00,
	OPCODE_SEND_MIDDLE = 0x01,
	OPCODE_SEND_LAST = 0x02,
	OPCODE_SEND_LAST_IMMEDIATE = 0x03,
	OPCODE_SEND_ONLY = 0x04,
	OPCODE_SEND_ONLY_IMMEDIATE = 0x05,
	OPCODE_WRITE_FIRST = 0x06,
	OPCODE_WRITE_MIDDLE = 0x07,
	OPCODE_WRITE_LAST = 0x08,
	OPCODE_WRITE_LAST_IMMEDIATE = 0x09,
	OPCODE_WRITE_ONLY = 0x0a,
	OPCODE_WRITE_ONLY_IMMEDIATE = 0x0b,
	OPCODE_READ_REQUEST = 0x0c,
	OPCODE_READ_RESPONSE_FIRST = 0x0d,
	OPCODE_READ_RESPONSE_MIDDLE = 0x0e,
	OPCODE_READ_RESPONSE_LAST = 0x0f,
	OPCODE_READ_RESPONSE_ONLY = 0x10,
	OPCODE_ACKNOWLEDGE = 0x11,
	OPCODE_ATOMIC_ACKNOWLEDGE = 0x12,
	OPCODE_COMPARE_SWAP = 0x13,
	OPCODE_FETCH_ADD = 0x14,
	OPCODE_SEND_LAST_INVALIDATE = 0x16,
	OPCODE_SEND_ONLY_INVALIDATE = 0x17,
	OPCODE_UD_SEND_ONLY = 0x64,
	OPCODE_UD_SEND_ONLY_IMMEDIATE = 0x65,
	OPCODE_CONGESTION_NOTIFICATION = 0x81,
};

/* Properties of an opcode: its extension headers, its place in a message, what it is for. */
enum roce_opcode_properties {
	HAS_RETH = 1u << 0,
	HAS_ATOMIC = 1u << 1,
	HAS_DETH = 1u << 2,
	HAS_AETH = 1u << 3,
	HAS_ATOMIC_ACK = 1u << 4,
	HAS_IMMEDIATE = 1u << 5,
	HAS_IETH = 1u << 6,
	HAS_PAYLOAD = 1u << 7,
	IS_FIRST = 1u << 8,		/* starts a message; ONLY is FIRST and LAST */
	IS_LAST = 1u << 9,
	IS_SEND = 1u << 10,
	IS_WRITE = 1u << 11,
	IS_READ_REQUEST = 1u << 12,
	IS_RESPONSE = 1u << 13,		/* to a requester: READ responses and acknowledgements */
	IS_ATOMIC = 1u << 14,
	IS_KNOWN = 1u << 15,		/* set for every opcode that exists */
};

/* Fields of headers that its opcode does not have are anything. */
struct roce_packet {
	uint16_t properties;		/* roce_opcode_properties of the opcode */
	uint8_t opcode;
	bool solicited;
	bool migration;
	uint8_t pad_bytes;
	uint8_t congestion;		/* FECN, BECN and six reserved bits */
	uint8_t ack_byte;		/* AckReq in bit 7, seven reserved bits */
	uint16_t pkey;
	uint32_t destination_qpn;
	uint32_t psn;

	uint64_t address;		/* RETH, AtomicETH */
	uint32_t rkey;			/* RETH, AtomicETH */
	uint32_t dma_len_bytes;		/* RETH */
	uint64_t swap_or_add;		/* AtomicETH */
	uint64_t compare;		/* AtomicETH */
	uint64_t original;		/* AtomicAckETH */
	uint32_t immediate;		/* ImmDt */
	uint32_t invalidate_rkey;	/* IETH */
	uint32_t msn;			/* AETH */
	uint8_t syndrome;		/* AETH */
	uint8_t deth_reserved;		/* DETH */
	uint32_t qkey;			/* DETH */
	uint32_t source_qpn;		/* DETH */

	const uint8_t *payload;
	uint32_t payload_len_bytes;
};

#define ACK_REQUEST 0x80u
#define CONGESTION_BECN 0x40u
#define CONGESTION_NOTICE_BYTES 16u		/* reserved bytes behind the BTH of a notice of congestion (CNP) */

/* Why a datagram is no packet. */
enum roce_packet_error {
	PACKET_OK = 0,
	PACKET_SHORT = -1,		/* too short for its headers */
	PACKET_OPCODE = -2,		/* no such opcode */
	PACKET_VERSION = -3,		/* transport header version is not 0 */
	PACKET_LENGTH = -4,		/* not a multiple of 4, too long, wrong pad, payload where none belongs */
};

/* 0 for opcodes that do not exist. */
uint16_t roce_opcode_properties(uint8_t opcode);
/* BTH and extension headers of an opcode that exists. */
uint32_t roce_header_bytes(uint8_t opcode);

/*
 * Take `len_bytes` hostile bytes apart, ICRC included in the length but not verified. `payload` points into `bytes`. Only
 * the fields of headers that the packet has are set.
 */
enum roce_packet_error roce_packet_decode(const uint8_t *bytes, size_t len_bytes, struct roce_packet *packet);

/*
 * Build a whole datagram in `datagram->bytes`: headers, payload, pad and ICRC; sets len_bytes. Addresses, ports and
 * IP fields of `datagram` must be set: the ICRC covers them. The pad is computed. When `packet->payload` already
 * stands in its place in `datagram->bytes`, it is not copied. `cache` may be NULL.
 */
void roce_packet_encode(const struct roce_packet *packet, struct roce_datagram *datagram,
			const struct crc_implementation *crc, struct roce_icrc_cache *cache);
/* The same but for the ICRC, whose four bytes are counted. */
void roce_packet_encode_unsealed(const struct roce_packet *packet, struct roce_datagram *datagram);

/* The queue pair that a datagram of at least 12 bytes is for. */
uint32_t roce_packet_destination(const uint8_t *bytes);

#endif
