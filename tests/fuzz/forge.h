/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that no device made, and randomness that is the same in each run. */
#ifndef PLENUM_TESTS_FUZZ_FORGE_H
#define PLENUM_TESTS_FUZZ_FORGE_H

#include "net/roce/cm_message.h"
#include "net/roce/packet.h"

/* For a roce_environment; `context` is the state, a uint64_t. */
static inline void forge_random(void *context, void *bytes, size_t len)
{
	uint64_t *state = context;

	for (size_t i = 0; i < len; i++) {
		*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
		((uint8_t *)bytes)[i] = (uint8_t)(*state >> 33);
	}
}

/* Where a packet claims to come from, and whom it reaches. */
struct forge {
	struct roce_device *device;
	uint32_t source, destination;
	uint64_t now_ns;
};

static inline void forge_packet(const struct forge *forge, const struct roce_packet *packet)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .source_address = forge->source, .destination_address = forge->destination,
					  .source_port = 4791, .destination_port = ROCE_UDP_PORT, .ip_flags_fragment = 0x4000,
					  .bytes = bytes };

	roce_packet_encode(packet, &datagram, &crc_table, NULL);
	roce_input(forge->device, &datagram, forge->now_ns);
}

static inline void forge_message(const struct forge *forge, const struct cm_message *message)
{
	uint8_t mad[MAD_BYTES];
	struct roce_packet packet = { .opcode = OPCODE_UD_SEND_ONLY, .pkey = ROCE_PKEY_DEFAULT, .destination_qpn = 1, .source_qpn = 1,
				      .qkey = CM_QKEY, .payload = mad, .payload_len_bytes = MAD_BYTES };

	cm_message_encode(message, mad);
	forge_packet(forge, &packet);
}

#endif
