/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linux's rdma_rxe as a responder, in place of the rig's device 1, as far as requesters can tell (6.1, rxe_resp.c). What it
 * does otherwise than ours:
 *
 * - A gap is told once, by one NAK. Until the missing packet comes everything behind it is dropped without a word.
 * - A repeated packet of a SEND or WRITE is acknowledged up to the last packet of these that was done, asked for or not. Packets
 *   of READs do not count there.
 * - A READ leaves a record: PSNs, address, length. A part is read again only from an address at or above that of the record, and
 *   becomes the address of the record. So what lies below the latest repetition is gone. All else is dropped without a word.
 * - There are as many records as READs and atomics were granted; the oldest is used again.
 * - Answers to a repetition begin with MIDDLE, or LAST, unless it begins with the READ's first packet.
 */
#ifndef TESTS_UNIT_ROCE_RXE_H
#define TESTS_UNIT_ROCE_RXE_H

#include "net/roce/manual.h"
#include "net/roce/packet.h"
#include "tests/unit/roce_rig.h"

#define RXE_READS_MAX 16u
#define RXE_QPN 0x16u
#define RXE_RKEY 0x1234u
#define RXE_INBOX_BYTES (1u << 20)

struct rxe_record {
	bool used, read;
	uint32_t first_psn, last_psn;
	uint64_t address;		/* READ */
	uint32_t len_bytes;		/* READ */
	uint64_t original;		/* atomic */
};

struct rxe {
	struct roce_manual peer;
	uint32_t mtu_bytes;
	uint8_t *memory;		/* remote address 0 is its first byte */
	uint32_t psn;			/* expected */
	uint32_t acknowledged_psn;	/* one past the last packet of a SEND or WRITE, or atomic */
	uint32_t msn;
	bool nak_sent;
	struct rxe_record records[RXE_READS_MAX];
	uint32_t head;
	uint64_t write_address;		/* of the next packet of a WRITE */
	uint8_t inbox[RXE_INBOX_BYTES];	/* all SENDs, one behind the other */
	uint32_t inbox_bytes;
};

static inline int rxe_compare(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8);
}

static inline void rxe_send(struct rig *rig, struct roce_packet *packet)
{
	const struct rxe *rxe = rig->stranger_context;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .source_address = rig_address(1), .destination_address = rig_address(0),
					  .source_port = 0xc001, .destination_port = ROCE_UDP_PORT, .bytes = bytes };

	packet->destination_qpn = rxe->peer.qpn;
	packet->pkey = ROCE_PKEY_DEFAULT;
	packet->msn = rxe->msn;
	packet->psn &= 0xffffff;
	roce_packet_encode(packet, &datagram, &crc_table, NULL);
	rig_carry(rig, &datagram, 0);
}

static inline void rxe_acknowledge(struct rig *rig, uint32_t psn, uint8_t syndrome)
{
	struct roce_packet packet = { .opcode = OPCODE_ACKNOWLEDGE, .psn = psn, .syndrome = syndrome };

	rxe_send(rig, &packet);
}

static inline void rxe_answer_atomic(struct rig *rig, const struct rxe_record *record)
{
	struct roce_packet packet = { .opcode = OPCODE_ATOMIC_ACKNOWLEDGE, .psn = record->first_psn, .syndrome = 0x1f,
				      .original = record->original };

	rxe_send(rig, &packet);
}

static inline void rxe_answer_read(struct rig *rig, const struct roce_packet *request, bool first)
{
	const struct rxe *rxe = rig->stranger_context;
	uint32_t left = request->dma_len_bytes, psn = request->psn;
	const uint8_t *from = rxe->memory + request->address;

	do {
		uint32_t now = left < rxe->mtu_bytes ? left : rxe->mtu_bytes;
		bool last = now == left;
		struct roce_packet packet = { .psn = psn++, .syndrome = 0x1f, .payload = now ? from : NULL, .payload_len_bytes = now };

		packet.opcode = first ? last ? OPCODE_READ_RESPONSE_ONLY : OPCODE_READ_RESPONSE_FIRST :
				last ? OPCODE_READ_RESPONSE_LAST : OPCODE_READ_RESPONSE_MIDDLE;
		rxe_send(rig, &packet);
		first = false;
		from += now;
		left -= now;
	} while (left > 0);
}

static inline struct rxe_record *rxe_find(struct rxe *rxe, uint32_t psn)
{
	for (uint32_t i = 0; i < RXE_READS_MAX; i++) {
		struct rxe_record *record = &rxe->records[i];

		if (record->used && rxe_compare(psn, record->first_psn) >= 0 && rxe_compare(psn, record->last_psn) <= 0)
			return record;
	}
	return NULL;
}

static inline void rxe_repeat(struct rig *rig, const struct roce_packet *packet)
{
	struct rxe *rxe = rig->stranger_context;
	struct rxe_record *record = rxe_find(rxe, packet->psn);

	if (packet->properties & (IS_SEND | IS_WRITE)) {
		rxe_acknowledge(rig, rxe->acknowledged_psn - 1, 0x1f);
	} else if (record && !(packet->properties & IS_READ_REQUEST)) {
		rxe_answer_atomic(rig, record);
	} else if (record && packet->address >= record->address && packet->dma_len_bytes <= record->len_bytes &&
		   packet->address + packet->dma_len_bytes <= record->address + record->len_bytes) {
		record->address = packet->address;
		rxe_answer_read(rig, packet, packet->psn == record->first_psn);
	}
}

static inline struct rxe_record *rxe_new_record(struct rxe *rxe, uint32_t psn, uint32_t packets)
{
	struct rxe_record *record = &rxe->records[rxe->head++ % RXE_READS_MAX];

	*record = (struct rxe_record){ .used = true, .first_psn = psn, .last_psn = psn + packets - 1 };
	return record;
}

static inline void rxe_execute_read(struct rig *rig, const struct roce_packet *packet)
{
	struct rxe *rxe = rig->stranger_context;
	uint32_t packets = packet->dma_len_bytes ? (packet->dma_len_bytes + rxe->mtu_bytes - 1) / rxe->mtu_bytes : 1;
	struct rxe_record *record = rxe_new_record(rxe, packet->psn, packets);

	record->read = true;
	record->address = packet->address;
	record->len_bytes = packet->dma_len_bytes;
	rxe->msn++;
	rxe->psn = packet->psn + packets;
	rxe_answer_read(rig, packet, true);
}

static inline void rxe_execute_atomic(struct rig *rig, const struct roce_packet *packet)
{
	struct rxe *rxe = rig->stranger_context;
	struct rxe_record *record = rxe_new_record(rxe, packet->psn, 1);
	uint64_t *at = (uint64_t *)(rxe->memory + packet->address);

	assert_int_equal(packet->opcode, OPCODE_FETCH_ADD);
	record->original = *at;
	*at += packet->swap_or_add;
	rxe->msn++;
	rxe->acknowledged_psn = rxe->psn = packet->psn + 1;
	rxe_answer_atomic(rig, record);
}

static inline void rxe_execute_data(struct rig *rig, const struct roce_packet *packet)
{
	struct rxe *rxe = rig->stranger_context;

	if (packet->properties & IS_WRITE) {
		if (packet->properties & IS_FIRST)
			rxe->write_address = packet->address;
		memcpy(rxe->memory + rxe->write_address, packet->payload, packet->payload_len_bytes);
		rxe->write_address += packet->payload_len_bytes;
	} else {
		assert_true(rxe->inbox_bytes + packet->payload_len_bytes <= RXE_INBOX_BYTES);
		memcpy(rxe->inbox + rxe->inbox_bytes, packet->payload, packet->payload_len_bytes);
		rxe->inbox_bytes += packet->payload_len_bytes;
	}
	rxe->msn += packet->properties & IS_LAST ? 1 : 0;
	rxe->acknowledged_psn = rxe->psn = packet->psn + 1;
	if (packet->ack_byte & ACK_REQUEST)
		rxe_acknowledge(rig, packet->psn, 0x1f);
}

static inline void rxe_input(struct rig *rig, const struct roce_datagram *datagram)
{
	struct rxe *rxe = rig->stranger_context;
	struct roce_packet packet;
	int ahead;

	assert_int_equal(roce_packet_decode(datagram->bytes, datagram->len_bytes, &packet), PACKET_OK);
	assert_int_equal(packet.destination_qpn, RXE_QPN);
	ahead = rxe_compare(packet.psn, rxe->psn);
	if (ahead > 0) {
		if (!rxe->nak_sent)
			rxe_acknowledge(rig, rxe->psn, 0x60);
		rxe->nak_sent = true;
	} else if (ahead < 0) {
		rxe_repeat(rig, &packet);
	} else {
		rxe->nak_sent = false;
		if (packet.properties & IS_READ_REQUEST)
			rxe_execute_read(rig, &packet);
		else if (packet.properties & IS_ATOMIC)
			rxe_execute_atomic(rig, &packet);
		else
			rxe_execute_data(rig, &packet);
	}
}

/* Connect the rig's device 0 to an rxe with `memory`. */
static inline void rxe_connect(struct rig *rig, struct rxe *rxe, uint8_t *memory, uint32_t mtu_bytes)
{
	struct roce_manual_peer peer = { .address = rig_address(1), .qpn = RXE_QPN, .psn = 1, .path_mtu_bytes = mtu_bytes,
					 .reads_max = RXE_READS_MAX };

	memset(rxe, 0, sizeof(*rxe));
	rxe->memory = memory;
	rxe->mtu_bytes = mtu_bytes;
	assert_int_equal(roce_manual_create(rig->device[0], rig->queue[0], &rxe->peer), 0);
	assert_int_equal(roce_manual_start(rig->device[0], &rxe->peer, &peer), 0);
	rig->qpn[0] = rxe->peer.qpn;
	rxe->psn = rxe->acknowledged_psn = rxe->peer.psn;
	rig->stranger = rxe_input;
	rig->stranger_context = rxe;
}

#endif
