/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets and messages of the connection manager that no peer sent. */
#ifndef TESTS_UNIT_ROCE_FORGE_H
#define TESTS_UNIT_ROCE_FORGE_H

#include "net/roce/cm_message.h"
#include "net/roce/packet.h"
#include "tests/unit/roce_rig.h"

static inline void inject_packet(struct rig *rig, int to, uint32_t source, const struct roce_packet *packet)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .source_address = source, .destination_address = rig_address(to),
					  .source_port = 50000, .destination_port = ROCE_UDP_PORT,
					  .ip_id = 7, .ip_flags_fragment = 0x4000, .bytes = bytes };

	roce_packet_encode(packet, &datagram, &crc_table, NULL);
	roce_input(rig->device[to], &datagram, rig->now_ns);
}

static inline void inject_bytes(struct rig *rig, int to, uint32_t source, const uint8_t mad[MAD_BYTES])
{
	struct roce_packet packet = { .opcode = OPCODE_UD_SEND_ONLY, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = 1, .source_qpn = 1,
				      .qkey = CM_QKEY, .payload = mad, .payload_len_bytes = MAD_BYTES };

	inject_packet(rig, to, source, &packet);
}

static inline void inject_management(struct rig *rig, int to, uint32_t source, const struct cm_message *message)
{
	uint8_t mad[MAD_BYTES];

	cm_message_encode(message, mad);
	inject_bytes(rig, to, source, mad);
}

/* The next message that `side` sends, which must be one of the connection manager's; its private data stays in `bytes`. */
static inline struct cm_message sent_management(struct rig *rig, int side, uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX])
{
	struct roce_datagram datagram = { .bytes = bytes };
	struct roce_packet packet;
	struct cm_message message;

	assert_int_equal(roce_output(rig->device[side], &datagram, rig->now_ns), 1);
	assert_true(roce_icrc_verify(&datagram, &crc_table, NULL));
	assert_int_equal(roce_packet_decode(bytes, datagram.len_bytes, &packet), PACKET_OK);
	assert_true(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
	return message;
}

static inline struct cm_message forged_request(uint32_t source, uint32_t number, uint32_t qpn)
{
	return (struct cm_message){
		.attribute = CM_REQ, .transaction = number, .local_number = number, .qpn = qpn, .starting_psn = 77,
		.responder_resources = 1, .initiator_depth = 1, .service_id = CM_SERVICE_ID_TCP | RIG_PORT, .path_mtu = 5,
		.gid_local = source, .gid_remote = rig_address(1),
	};
}

#endif
