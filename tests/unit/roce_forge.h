/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the connection manager that no peer sent. */
#ifndef TESTS_UNIT_ROCE_FORGE_H
#define TESTS_UNIT_ROCE_FORGE_H

#include "net/roce/cm_message.h"
#include "net/roce/packet.h"
#include "tests/unit/roce_rig.h"

static inline void inject_management(struct rig *rig, int to, uint32_t source, const struct cm_message *message)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX], mad[MAD_BYTES];
	struct roce_datagram datagram = { .source_address = source, .destination_address = rig_address(to),
					  .source_port = 50000, .destination_port = ROCE_UDP_PORT, .bytes = bytes };
	struct roce_packet packet = { .opcode = OPCODE_UD_SEND_ONLY, .pkey = 0xffff, .destination_qpn = 1, .source_qpn = 1,
				      .qkey = CM_QKEY, .payload = mad, .payload_len_bytes = MAD_BYTES };

	cm_message_encode(message, mad);
	roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	roce_input(rig->device[to], &datagram, rig->now_ns);
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
