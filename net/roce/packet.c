/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/roce/packet.h"

#include <assert.h>
#include <string.h>

#include "net/roce/bytes.h"

#define SEND_FLAGS (IS_KNOWN | IS_SEND | HAS_PAYLOAD)
#define WRITE_FLAGS (IS_KNOWN | IS_WRITE | HAS_PAYLOAD)
#define RESPONSE_FLAGS (IS_KNOWN | IS_RESPONSE)
#define ONLY (IS_FIRST | IS_LAST)

#define HEADER_BYTES(properties) \
	(ROCE_BTH_BYTES + ((properties) & HAS_RETH ? 16 : 0) + ((properties) & HAS_ATOMIC ? 28 : 0) + \
	 ((properties) & HAS_DETH ? 8 : 0) + ((properties) & HAS_AETH ? 4 : 0) + ((properties) & HAS_ATOMIC_ACK ? 8 : 0) + \
	 ((properties) & HAS_IMMEDIATE ? 4 : 0) + ((properties) & HAS_IETH ? 4 : 0))
#define OPCODE(properties) { (properties), HEADER_BYTES(properties) }

static const struct {
	uint16_t properties;
	uint8_t header_bytes;
} opcode_table[256] = {
	[OPCODE_SEND_FIRST] = OPCODE(SEND_FLAGS | IS_FIRST),
	[OPCODE_SEND_MIDDLE] = OPCODE(SEND_FLAGS),
	[OPCODE_SEND_LAST] = OPCODE(SEND_FLAGS | IS_LAST),
	[OPCODE_SEND_LAST_IMMEDIATE] = OPCODE(SEND_FLAGS | IS_LAST | HAS_IMMEDIATE),
	[OPCODE_SEND_ONLY] = OPCODE(SEND_FLAGS | ONLY),
	[OPCODE_SEND_ONLY_IMMEDIATE] = OPCODE(SEND_FLAGS | ONLY | HAS_IMMEDIATE),
	[OPCODE_SEND_LAST_INVALIDATE] = OPCODE(SEND_FLAGS | IS_LAST | HAS_IETH),
	[OPCODE_SEND_ONLY_INVALIDATE] = OPCODE(SEND_FLAGS | ONLY | HAS_IETH),
	[OPCODE_WRITE_FIRST] = OPCODE(WRITE_FLAGS | IS_FIRST | HAS_RETH),
	[OPCODE_WRITE_MIDDLE] = OPCODE(WRITE_FLAGS),
	[OPCODE_WRITE_LAST] = OPCODE(WRITE_FLAGS | IS_LAST),
	[OPCODE_WRITE_LAST_IMMEDIATE] = OPCODE(WRITE_FLAGS | IS_LAST | HAS_IMMEDIATE),
	[OPCODE_WRITE_ONLY] = OPCODE(WRITE_FLAGS | ONLY | HAS_RETH),
	[OPCODE_WRITE_ONLY_IMMEDIATE] = OPCODE(WRITE_FLAGS | ONLY | HAS_RETH | HAS_IMMEDIATE),
	[OPCODE_READ_REQUEST] = OPCODE(IS_KNOWN | IS_READ_REQUEST | ONLY | HAS_RETH),
	[OPCODE_READ_RESPONSE_FIRST] = OPCODE(RESPONSE_FLAGS | HAS_AETH | HAS_PAYLOAD | IS_FIRST),
	[OPCODE_READ_RESPONSE_MIDDLE] = OPCODE(RESPONSE_FLAGS | HAS_PAYLOAD),
	[OPCODE_READ_RESPONSE_LAST] = OPCODE(RESPONSE_FLAGS | HAS_AETH | HAS_PAYLOAD | IS_LAST),
	[OPCODE_READ_RESPONSE_ONLY] = OPCODE(RESPONSE_FLAGS | HAS_AETH | HAS_PAYLOAD | ONLY),
	/* Its payload, if any, is the report of a peer that agreed to selective repeat (held.h). */
	[OPCODE_ACKNOWLEDGE] = OPCODE(RESPONSE_FLAGS | HAS_AETH | HAS_PAYLOAD | ONLY),
	[OPCODE_ATOMIC_ACKNOWLEDGE] = OPCODE(RESPONSE_FLAGS | HAS_AETH | HAS_ATOMIC_ACK | ONLY),
	[OPCODE_COMPARE_SWAP] = OPCODE(IS_KNOWN | IS_ATOMIC | HAS_ATOMIC | ONLY),
	[OPCODE_FETCH_ADD] = OPCODE(IS_KNOWN | IS_ATOMIC | HAS_ATOMIC | ONLY),
	[OPCODE_UD_SEND_ONLY] = OPCODE(SEND_FLAGS | ONLY | HAS_DETH),
	[OPCODE_UD_SEND_ONLY_IMMEDIATE] = OPCODE(SEND_FLAGS | ONLY | HAS_DETH | HAS_IMMEDIATE),
	/* Its 16 reserved bytes are carried as payload. */
	[OPCODE_CONGESTION_NOTIFICATION] = OPCODE(IS_KNOWN | HAS_PAYLOAD | ONLY),
};

uint16_t roce_opcode_properties(uint8_t opcode)
{
	return opcode_table[opcode].properties;
}

uint32_t roce_header_bytes(uint8_t opcode)
{
	assert(opcode_table[opcode].properties);
	return opcode_table[opcode].header_bytes;
}

uint32_t roce_packet_destination(const uint8_t *bytes)
{
	return get_be24(bytes + 5);
}

static void decode_bth(const uint8_t *bytes, struct roce_packet *packet)
{
	packet->opcode = bytes[0];
	packet->solicited = bytes[1] & 0x80;
	packet->migration = bytes[1] & 0x40;
	packet->pad_bytes = bytes[1] >> 4 & 3;
	packet->pkey = get_be16(bytes + 2);
	packet->congestion = bytes[4];
	packet->destination_qpn = roce_packet_destination(bytes);
	packet->ack_byte = bytes[8];
	packet->psn = get_be24(bytes + 9);
}

static const uint8_t *decode_address_headers(const uint8_t *bytes, struct roce_packet *packet)
{
	if (packet->properties & HAS_RETH) {
		packet->address = get_be64(bytes);
		packet->rkey = get_be32(bytes + 8);
		packet->dma_len_bytes = get_be32(bytes + 12);
		bytes += 16;
	}
	if (packet->properties & HAS_ATOMIC) {
		packet->address = get_be64(bytes);
		packet->rkey = get_be32(bytes + 8);
		packet->swap_or_add = get_be64(bytes + 12);
		packet->compare = get_be64(bytes + 20);
		bytes += 28;
	}
	if (packet->properties & HAS_DETH) {
		packet->qkey = get_be32(bytes);
		packet->deth_reserved = bytes[4];
		packet->source_qpn = get_be24(bytes + 5);
		bytes += 8;
	}
	return bytes;
}

static void decode_other_headers(const uint8_t *bytes, struct roce_packet *packet)
{
	if (packet->properties & HAS_AETH) {
		packet->syndrome = bytes[0];
		packet->msn = get_be24(bytes + 1);
		bytes += 4;
	}
	if (packet->properties & HAS_ATOMIC_ACK) {
		packet->original = get_be64(bytes);
		bytes += 8;
	}
	if (packet->properties & HAS_IMMEDIATE) {
		packet->immediate = get_be32(bytes);
		bytes += 4;
	}
	if (packet->properties & HAS_IETH)
		packet->invalidate_rkey = get_be32(bytes);
}

enum roce_packet_error roce_packet_decode(const uint8_t *bytes, size_t len_bytes, struct roce_packet *packet)
{
	uint32_t header_bytes, pad_bytes, rest_bytes;
	uint16_t properties;

	if (len_bytes < ROCE_BTH_BYTES + ROCE_ICRC_BYTES)
		return PACKET_SHORT;
	if (len_bytes > ROCE_DATAGRAM_BYTES_MAX || len_bytes % 4 != 0)
		return PACKET_LENGTH;
	properties = opcode_table[bytes[0]].properties;
	if (!properties)
		return PACKET_OPCODE;
	if (bytes[1] & 0x0f)
		return PACKET_VERSION;
	header_bytes = opcode_table[bytes[0]].header_bytes;
	pad_bytes = bytes[1] >> 4 & 3;
	if (len_bytes < header_bytes + pad_bytes + ROCE_ICRC_BYTES)
		return PACKET_SHORT;
	rest_bytes = (uint32_t)len_bytes - header_bytes - pad_bytes - ROCE_ICRC_BYTES;
	if (rest_bytes > ROCE_PAYLOAD_BYTES_MAX || (!(properties & HAS_PAYLOAD) && rest_bytes + pad_bytes > 0))
		return PACKET_LENGTH;
	packet->properties = properties;
	decode_bth(bytes, packet);
	decode_other_headers(decode_address_headers(bytes + ROCE_BTH_BYTES, packet), packet);
	packet->payload = bytes + header_bytes;
	packet->payload_len_bytes = rest_bytes;
	return PACKET_OK;
}

static void encode_bth(const struct roce_packet *packet, uint8_t *bytes)
{
	uint32_t pad_bytes = -packet->payload_len_bytes & 3;

	bytes[0] = packet->opcode;
	bytes[1] = (uint8_t)((packet->solicited ? 0x80 : 0) | (packet->migration ? 0x40 : 0) | pad_bytes << 4);
	put_be16(bytes + 2, packet->pkey);
	bytes[4] = packet->congestion;
	put_be24(bytes + 5, packet->destination_qpn);
	bytes[8] = packet->ack_byte;
	put_be24(bytes + 9, packet->psn);
}

static uint8_t *encode_address_headers(const struct roce_packet *packet, uint16_t properties, uint8_t *bytes)
{
	if (properties & HAS_RETH) {
		put_be64(bytes, packet->address);
		put_be32(bytes + 8, packet->rkey);
		put_be32(bytes + 12, packet->dma_len_bytes);
		bytes += 16;
	}
	if (properties & HAS_ATOMIC) {
		put_be64(bytes, packet->address);
		put_be32(bytes + 8, packet->rkey);
		put_be64(bytes + 12, packet->swap_or_add);
		put_be64(bytes + 20, packet->compare);
		bytes += 28;
	}
	if (properties & HAS_DETH) {
		put_be32(bytes, packet->qkey);
		bytes[4] = packet->deth_reserved;
		put_be24(bytes + 5, packet->source_qpn);
		bytes += 8;
	}
	return bytes;
}

static uint8_t *encode_other_headers(const struct roce_packet *packet, uint16_t properties, uint8_t *bytes)
{
	if (properties & HAS_AETH) {
		bytes[0] = packet->syndrome;
		put_be24(bytes + 1, packet->msn);
		bytes += 4;
	}
	if (properties & HAS_ATOMIC_ACK) {
		put_be64(bytes, packet->original);
		bytes += 8;
	}
	if (properties & HAS_IMMEDIATE) {
		put_be32(bytes, packet->immediate);
		bytes += 4;
	}
	if (properties & HAS_IETH) {
		put_be32(bytes, packet->invalidate_rkey);
		bytes += 4;
	}
	return bytes;
}

/* Headers and length; returns where the payload belongs. */
static uint8_t *encode_headers(const struct roce_packet *packet, struct roce_datagram *datagram)
{
	uint16_t properties = opcode_table[packet->opcode].properties;
	uint32_t len_bytes = packet->payload_len_bytes;
	uint8_t *place;

	assert(properties & IS_KNOWN);
	assert(len_bytes <= ROCE_PAYLOAD_BYTES_MAX);
	assert(len_bytes == 0 || (properties & HAS_PAYLOAD));
	encode_bth(packet, datagram->bytes);
	place = encode_address_headers(packet, properties, datagram->bytes + ROCE_BTH_BYTES);
	place = encode_other_headers(packet, properties, place);
	datagram->len_bytes = (size_t)(place - datagram->bytes) + len_bytes + (-len_bytes & 3) + ROCE_ICRC_BYTES;
	return place;
}

/* Payload and pad. */
static void encode_payload(const struct roce_packet *packet, uint8_t *place)
{
	uint32_t len_bytes = packet->payload_len_bytes;

	if (packet->payload != place && len_bytes > 0)
		memcpy(place, packet->payload, len_bytes);
	memset(place + len_bytes, 0, -len_bytes & 3);
}

void roce_packet_encode_unsealed(const struct roce_packet *packet, struct roce_datagram *datagram)
{
	encode_payload(packet, encode_headers(packet, datagram));
}

void roce_packet_encode(const struct roce_packet *packet, struct roce_datagram *datagram,
			const struct crc_implementation *crc, struct roce_icrc_cache *cache)
{
	uint8_t *place = encode_headers(packet, datagram), *rest = datagram->bytes + ROCE_ICRC_BEGINNING_BYTES;
	uint8_t *end = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES;
	uint32_t len_bytes = packet->payload_len_bytes, state = roce_icrc_begin(datagram, crc, cache);

	if (packet->payload != place && len_bytes >= ROCE_COPY_BYTES_MIN && len_bytes % 4 == 0) {
		state = crc->update(state, rest, (size_t)(place - rest));
		state = crc->copy(state, place, packet->payload, len_bytes);
	} else {
		encode_payload(packet, place);
		state = crc->update(state, rest, (size_t)(end - rest));
	}
	roce_icrc_put(end, ~state);
}
