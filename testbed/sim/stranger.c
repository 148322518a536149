// SPDX-License-Identifier: GPL-2.0-only
/* What a stranger sends, and how it listens. */
#include <stdlib.h>
#include <string.h>

#include "lib/crc.h"
#include "net/roce/cm_message.h"
#include "net/roce/packet.h"
#include "testbed/sim/stranger.h"

#define RECORDED_MAX 4096u
#define FRAME_BYTES 66u
#define RANDOM_BYTES_MAX 512u
#define SHORT_BYTES 64u
#define PICK_TRIES_MAX 10000u
#define MANAGEMENT_QPN 1u

struct recorded {
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

uint32_t stranger_below(struct stranger *stranger, uint32_t count)
{
	return (uint32_t)(sim_random(&stranger->node.random) % count);
}

static void random_fill(struct stranger *stranger, uint8_t *bytes, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = (uint8_t)sim_random(&stranger->node.random);
}

/* As from one host to another; whose addresses it knows. */
static void pretend(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint32_t from = stranger_below(stranger, stranger->hosts);
	uint32_t to = (from + 1 + stranger_below(stranger, stranger->hosts - 1)) % stranger->hosts;

	datagram->source_address = NETWORK_ADDRESS_FIRST + from;
	datagram->destination_address = NETWORK_ADDRESS_FIRST + to;
	datagram->source_port = datagram->destination_port = ROCE_UDP_PORT;
	datagram->ip_flags_fragment = 0x4000;
}

/* ---------------------------------------------------------------- what it recorded */

static uint32_t destination_qpn(const struct recorded *recorded)
{
	return (uint32_t)recorded->bytes[5] << 16 | (uint32_t)recorded->bytes[6] << 8 | recorded->bytes[7];
}

static bool is_short(const struct recorded *recorded)
{
	return recorded->datagram.len_bytes <= SHORT_BYTES;
}

static bool is_read_request(const struct recorded *recorded)
{
	return recorded->bytes[0] == OPCODE_READ_REQUEST;
}

static bool is_management(const struct recorded *recorded)
{
	return destination_qpn(recorded) == MANAGEMENT_QPN;
}

/* Something that it recorded and that is `wanted`, if it finds such. */
static void replay(struct stranger *stranger, bool (*wanted)(const struct recorded *), struct roce_datagram *datagram)
{
	const struct recorded *recorded = NULL;
	uint8_t *bytes = datagram->bytes;

	for (uint32_t i = 0; i < PICK_TRIES_MAX; i++) {
		recorded = &stranger->recorded[stranger_below(stranger, stranger->recorded_count)];
		if (wanted == NULL || wanted(recorded))
			break;
	}
	*datagram = recorded->datagram;
	datagram->bytes = bytes;
	memcpy(bytes, recorded->bytes, recorded->datagram.len_bytes);
}

void attack_replay(struct stranger *stranger, struct roce_datagram *datagram)
{
	replay(stranger, NULL, datagram);
}

void attack_replay_short(struct stranger *stranger, struct roce_datagram *datagram)
{
	replay(stranger, is_short, datagram);
}

void attack_replay_reads(struct stranger *stranger, struct roce_datagram *datagram)
{
	replay(stranger, is_read_request, datagram);
}

void attack_replay_connect(struct stranger *stranger, struct roce_datagram *datagram)
{
	replay(stranger, is_management, datagram);
}

void attack_mutate(struct stranger *stranger, struct roce_datagram *datagram)
{
	attack_replay(stranger, datagram);
	for (uint32_t i = 0; i <= stranger_below(stranger, 4); i++) {
		uint32_t at = stranger_below(stranger, (uint32_t)datagram->len_bytes);

		datagram->bytes[at] ^= (uint8_t)(1u << stranger_below(stranger, 8));
	}
	if (stranger_below(stranger, 4) == 0)
		datagram->len_bytes = stranger_below(stranger, (uint32_t)datagram->len_bytes + 1);
}

void attack_random(struct stranger *stranger, struct roce_datagram *datagram)
{
	pretend(stranger, datagram);
	datagram->len_bytes = stranger_below(stranger, RANDOM_BYTES_MAX);
	random_fill(stranger, datagram->bytes, datagram->len_bytes);
	if (stranger_below(stranger, 2) == 0)
		datagram->source_address = (uint32_t)sim_random(&stranger->node.random);
}

/* ---------------------------------------------------------------- what it makes up */

void attack_guess(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint8_t payload[RANDOM_BYTES_MAX];
	struct roce_packet packet = {
		.pkey = 0xffff,
		.destination_qpn = (uint32_t)sim_random(&stranger->node.random) & 0xffffff,
		.psn = (uint32_t)sim_random(&stranger->node.random) & 0xffffff,
		.ack_byte = ACK_REQUEST,
		.address = sim_random(&stranger->node.random) & 0xfffff,
		.rkey = (uint32_t)sim_random(&stranger->node.random),
		.dma_len_bytes = stranger_below(stranger, 1u << 20),
		.msn = stranger_below(stranger, 1u << 24),
		.syndrome = (uint8_t)stranger_below(stranger, 256),
		.payload = payload,
	};

	pretend(stranger, datagram);
	do
		packet.opcode = (uint8_t)stranger_below(stranger, 256);
	while (roce_opcode_properties(packet.opcode) == 0);
	if ((roce_opcode_properties(packet.opcode) & HAS_PAYLOAD) && stranger_below(stranger, 2) == 0) {
		packet.payload_len_bytes = 4 * stranger_below(stranger, RANDOM_BYTES_MAX / 4);
		random_fill(stranger, payload, packet.payload_len_bytes);
	}
	roce_packet_encode(&packet, datagram, &crc_table, NULL);
}

static void management(struct stranger *stranger, const struct cm_message *message, struct roce_datagram *datagram)
{
	uint8_t mad[MAD_BYTES];
	const struct roce_packet packet = {
		.opcode = OPCODE_UD_SEND_ONLY, .pkey = 0xffff, .destination_qpn = 1, .psn = stranger_below(stranger, 1u << 24),
		.qkey = CM_QKEY, .source_qpn = 1, .payload = mad, .payload_len_bytes = MAD_BYTES,
	};

	cm_message_encode(message, mad);
	roce_packet_encode(&packet, datagram, &crc_table, NULL);
}

void stranger_connect_request(struct stranger *stranger, const uint8_t *private_data, uint32_t len_bytes,
			      struct roce_datagram *datagram)
{
	const struct cm_message req = {
		.attribute = CM_REQ, .transaction = sim_random(&stranger->node.random),
		.local_number = 1 + stranger_below(stranger, UINT32_MAX), .qpn = 2 + stranger_below(stranger, 0xfffff0),
		.starting_psn = stranger_below(stranger, 1u << 24), .guid = sim_random(&stranger->node.random),
		.responder_resources = 16, .initiator_depth = 16, .service_id = CM_SERVICE_ID_TCP | stranger->port,
		.path_mtu = 5, .ack_timeout = 14, .retries = 6, .ip_header_valid = true, .ip_source_port = 1,
		.gid_local = datagram->source_address, .gid_remote = datagram->destination_address,
		.private_data = private_data, .private_len_bytes = len_bytes,
	};

	management(stranger, &req, datagram);
}

void attack_flood(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint8_t private_data[ROCE_REQ_PRIVATE_BYTES_MAX];

	pretend(stranger, datagram);
	if (stranger_below(stranger, 2) == 0)
		datagram->source_address = (uint32_t)sim_random(&stranger->node.random);
	random_fill(stranger, private_data, sizeof(private_data));
	stranger_connect_request(stranger, private_data, sizeof(private_data), datagram);
}

void attack_hang_up(struct stranger *stranger, struct roce_datagram *datagram)
{
	static const uint16_t attributes[] = { CM_REP, CM_RTU, CM_REJ, CM_MRA, CM_DREQ, CM_DREP };
	const struct cm_message message = {
		.attribute = attributes[stranger_below(stranger, 6)], .transaction = sim_random(&stranger->node.random),
		.local_number = stranger_below(stranger, UINT32_MAX), .remote_number = stranger_below(stranger, UINT32_MAX),
		.qpn = stranger_below(stranger, 1u << 24), .reason = (uint16_t)stranger_below(stranger, 40),
		.mra_timeout = (uint8_t)stranger_below(stranger, 32), .message_concerned = (uint8_t)stranger_below(stranger, 3),
	};

	pretend(stranger, datagram);
	if (stranger_below(stranger, 2) == 0)
		datagram->source_address = stranger->node.address;
	management(stranger, &message, datagram);
}

/* ---------------------------------------------------------------- listening, and sending */

static bool listen_in(void *context, struct packet *packet)
{
	struct stranger *stranger = context;
	struct recorded *recorded = &stranger->recorded[stranger->recorded_count];
	uint64_t now_ns = stranger->network->world->now_ns;

	stranger->heard += packet->to == stranger->node.number && packet->from == stranger->listened_to;
	if (packet->from == stranger->node.number || now_ns < stranger->record_from_ns || now_ns > stranger->record_until_ns ||
	    stranger->recorded_count == RECORDED_MAX)
		return true;
	recorded->datagram = packet->datagram;
	memcpy(recorded->bytes, packet->bytes, packet->datagram.len_bytes);
	stranger->recorded_count++;
	return true;
}

static void send_next(void *object, uint64_t number)
{
	struct stranger *stranger = object;
	struct world *world = stranger->network->world;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	double bytes_per_ns = (double)stranger->network->config.bytes_per_us * stranger->link_part / 1000;

	if (world->now_ns >= stranger->attack_until_ns)
		return;
	stranger->attack(stranger, &datagram);
	network_inject(stranger->network, stranger->node.number, &datagram);
	stranger->sent++;
	world_at(world, world->now_ns + (uint64_t)((double)(datagram.len_bytes + FRAME_BYTES) / bytes_per_ns), send_next,
		 stranger, number + 1);
}

void stranger_create(struct stranger *stranger, struct network *network, uint32_t hosts, uint16_t port)
{
	memset(stranger, 0, sizeof(*stranger));
	stranger->network = network;
	stranger->hosts = hosts;
	stranger->port = port;
	node_create(&stranger->node, network);
	stranger->recorded = sim_alloc(RECORDED_MAX * sizeof(*stranger->recorded));
	network->tap = listen_in;
	network->tap_context = stranger;
}

void stranger_destroy(struct stranger *stranger)
{
	free(stranger->recorded);
}

void stranger_record(struct stranger *stranger, uint64_t from_ns, uint64_t until_ns)
{
	stranger->record_from_ns = from_ns;
	stranger->record_until_ns = until_ns;
}

void stranger_attack_from(struct stranger *stranger, stranger_attack *attack, double link_part, uint64_t from_ns,
			  uint64_t until_ns)
{
	stranger->attack = attack;
	stranger->link_part = link_part;
	stranger->attack_until_ns = until_ns;
	world_at(stranger->network->world, from_ns, send_next, stranger, 0);
}

uint64_t stranger_trial(struct stranger *stranger, stranger_attack *attack, uint64_t (*moved)(const void *context),
			const void *context)
{
	struct world *world = stranger->network->world;
	uint64_t end_ns = world->now_ns + STRANGER_ATTACK_NS, before = moved(context);

	if (attack != NULL)
		stranger_attack_from(stranger, attack, STRANGER_PART, world->now_ns, end_ns);
	world_run_until(world, end_ns);
	return moved(context) - before;
}

uint64_t stranger_refused(const struct roce_counters *c)
{
	return roce_refused(c) + c->duplicates + c->sequence_errors + c->connects_received;
}
