/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes: decoding stays inside them, and a decoded packet encodes to the same bytes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/roce/cm_message.h"
#include "net/roce/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct roce_packet *packet)
{
	struct cm_message message, again;
	uint8_t mad[MAD_BYTES];

	if (!cm_message_decode(packet->payload, packet->payload_len_bytes, &message))
		return;
	assert(message.private_data >= packet->payload);
	assert(message.private_data + message.private_len_bytes <= packet->payload + packet->payload_len_bytes);
	if (message.info_len_bytes > sizeof(message.info))
		return;
	cm_message_encode(&message, mad);
	assert(cm_message_decode(mad, sizeof(mad), &again));
	assert(again.attribute == message.attribute && again.local_number == message.local_number);
	assert(again.qpn == message.qpn && again.starting_psn == message.starting_psn);
	assert(memcmp(again.private_data, message.private_data, message.private_len_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct roce_packet packet;

	if (roce_packet_decode(data, size, &packet) != PACKET_OK)
		return 0;
	assert(packet.payload >= data && packet.payload + packet.payload_len_bytes + ROCE_ICRC_BYTES <= data + size);
	check_message(&packet);
	/* The pad is computed when encoding: a stranger's may differ from it in length. */
	if (packet.pad_bytes != (-packet.payload_len_bytes & 3))
		return 0;
	roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	assert(datagram.len_bytes == size);
	assert(memcmp(bytes, data, size - ROCE_ICRC_BYTES - packet.pad_bytes) == 0);
	assert(roce_icrc_verify(&datagram, &crc_table, NULL));
	return 0;
}
