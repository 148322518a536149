// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stranger on the network: a machine without the rack's key that sends what it likes, from whatever address it likes.
 * It has recorded what legitimate hosts said for a while. They must not notice: every byte right (traffic.c compares), no
 * connection lost, their goodput nearly that of a network without it; and every packet of it is counted under some name.
 *
 * What it cannot do here is listen and send at the same time: whoever sees the sequence numbers of a session as they pass
 * can join in. That is what the data path's MAC is for (docs/security.md).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crc.h"
#include "net/roce/cm_message.h"
#include "net/roce/packet.h"
#include "testbed/sim/scenario.h"
#include "testbed/sim/traffic.h"

#define HOSTS 3u
#define FLOWS 4u
#define GIGABITS_PER_S 10u
#define BUFFER_BYTES (1u << 20)
#define RECORD_FROM_NS (1 * MILLISECOND_NS)
#define ATTACK_FROM_NS (5 * MILLISECOND_NS)
#define ATTACK_NS (40 * MILLISECOND_NS)
#define RECORDED_MAX 4096u
#define GOODPUT_MIN 0.90
/* Of the link: what it sends takes its part of it whatever the hosts do. */
#define STRANGER_PART 0.03
#define FRAME_BYTES 66u
#define RANDOM_BYTES_MAX 512u
#define SHORT_BYTES 64u

struct recorded {
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

struct stranger {
	struct traffic *traffic;
	struct node node;
	struct recorded *recorded;
	uint32_t recorded_count;
	uint64_t sent;
	void (*attack)(struct stranger *stranger, struct roce_datagram *datagram);
};

static uint32_t below(struct stranger *stranger, uint32_t count)
{
	return (uint32_t)(sim_random(&stranger->node.random) % count);
}

static void random_fill(struct stranger *stranger, uint8_t *bytes, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		bytes[i] = (uint8_t)sim_random(&stranger->node.random);
}

/* ---------------------------------------------------------------- what it sends */

/* As from one host to another; whose addresses it knows. */
static void pretend(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint32_t from = below(stranger, HOSTS);

	datagram->source_address = NETWORK_ADDRESS_FIRST + from;
	datagram->destination_address = NETWORK_ADDRESS_FIRST + (from + 1 + below(stranger, HOSTS - 1)) % HOSTS;
	datagram->source_port = datagram->destination_port = ROCE_UDP_PORT;
	datagram->ip_flags_fragment = 0x4000;
}

static void attack_replay(struct stranger *stranger, struct roce_datagram *datagram)
{
	const struct recorded *recorded = &stranger->recorded[below(stranger, stranger->recorded_count)];
	uint8_t *bytes = datagram->bytes;

	*datagram = recorded->datagram;
	datagram->bytes = bytes;
	memcpy(bytes, recorded->bytes, recorded->datagram.len_bytes);
}

/* Only what is short: requests to READ, which make a host send much, and acknowledgements. */
static void attack_replay_short(struct stranger *stranger, struct roce_datagram *datagram)
{
	do
		attack_replay(stranger, datagram);
	while (datagram->len_bytes > SHORT_BYTES);
}

/* What it recorded with some bits changed, cut off or longer; it cannot tell which change an ICRC would show. */
static void attack_mutate(struct stranger *stranger, struct roce_datagram *datagram)
{
	attack_replay(stranger, datagram);
	for (uint32_t i = 0; i <= below(stranger, 4); i++)
		datagram->bytes[below(stranger, (uint32_t)datagram->len_bytes)] ^= (uint8_t)(1u << below(stranger, 8));
	if (below(stranger, 4) == 0)
		datagram->len_bytes = below(stranger, (uint32_t)datagram->len_bytes + 1);
}

static void attack_random(struct stranger *stranger, struct roce_datagram *datagram)
{
	pretend(stranger, datagram);
	datagram->len_bytes = below(stranger, RANDOM_BYTES_MAX);
	random_fill(stranger, datagram->bytes, datagram->len_bytes);
	if (below(stranger, 2) == 0)
		datagram->source_address = (uint32_t)sim_random(&stranger->node.random);
}

/* Well-formed packets of every kind with guessed queue pairs, sequence numbers and keys. */
static void attack_guess(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint8_t payload[RANDOM_BYTES_MAX];
	struct roce_packet packet = {
		.pkey = 0xffff,
		.destination_qpn = (uint32_t)sim_random(&stranger->node.random) & 0xffffff,
		.psn = (uint32_t)sim_random(&stranger->node.random) & 0xffffff,
		.ack_byte = ACK_REQUEST,
		.address = sim_random(&stranger->node.random) & 0xfffff,
		.rkey = (uint32_t)sim_random(&stranger->node.random),
		.dma_len_bytes = below(stranger, 1u << 20),
		.msn = below(stranger, 1u << 24),
		.syndrome = (uint8_t)below(stranger, 256),
		.payload = payload,
	};

	pretend(stranger, datagram);
	do
		packet.opcode = (uint8_t)below(stranger, 256);
	while (roce_opcode_properties(packet.opcode) == 0);
	if ((roce_opcode_properties(packet.opcode) & HAS_PAYLOAD) && below(stranger, 2) == 0) {
		packet.payload_len_bytes = 4 * below(stranger, RANDOM_BYTES_MAX / 4);
		random_fill(stranger, payload, packet.payload_len_bytes);
	}
	roce_packet_encode(&packet, datagram, &crc_table);
}

static void management(struct stranger *stranger, const struct cm_message *message, struct roce_datagram *datagram)
{
	uint8_t mad[MAD_BYTES];
	const struct roce_packet packet = {
		.opcode = OPCODE_UD_SEND_ONLY, .pkey = 0xffff, .destination_qpn = 1, .psn = below(stranger, 1u << 24),
		.qkey = CM_QKEY, .source_qpn = 1, .payload = mad, .payload_len_bytes = MAD_BYTES,
	};

	cm_message_encode(message, mad);
	roce_packet_encode(&packet, datagram, &crc_table);
}

/* Connect requests from everywhere, each a new one. */
static void attack_flood(struct stranger *stranger, struct roce_datagram *datagram)
{
	uint8_t private_data[ROCE_REQ_PRIVATE_BYTES_MAX];
	struct cm_message req = {
		.attribute = CM_REQ, .transaction = sim_random(&stranger->node.random),
		.local_number = 1 + below(stranger, UINT32_MAX), .qpn = 2 + below(stranger, 0xfffff0),
		.starting_psn = below(stranger, 1u << 24), .guid = sim_random(&stranger->node.random),
		.responder_resources = 16, .initiator_depth = 16, .service_id = CM_SERVICE_ID_TCP | TRAFFIC_PORT, .path_mtu = 5,
		.ack_timeout = 14, .retries = 6, .ip_header_valid = true, .ip_source_port = 1,
		.private_data = private_data, .private_len_bytes = sizeof(private_data),
	};

	pretend(stranger, datagram);
	if (below(stranger, 2) == 0)
		datagram->source_address = (uint32_t)sim_random(&stranger->node.random);
	random_fill(stranger, private_data, sizeof(private_data));
	req.gid_local = datagram->source_address;
	req.gid_remote = datagram->destination_address;
	management(stranger, &req, datagram);
}

/* Messages that would end connections or answer requests, if the numbers were right. */
static void attack_hang_up(struct stranger *stranger, struct roce_datagram *datagram)
{
	static const uint16_t attributes[] = { CM_REP, CM_RTU, CM_REJ, CM_MRA, CM_DREQ, CM_DREP };
	const struct cm_message message = {
		.attribute = attributes[below(stranger, 6)], .transaction = sim_random(&stranger->node.random),
		.local_number = below(stranger, UINT32_MAX), .remote_number = below(stranger, UINT32_MAX),
		.qpn = below(stranger, 1u << 24), .reason = (uint16_t)below(stranger, 40),
		.mra_timeout = (uint8_t)below(stranger, 32), .message_rejected = (uint8_t)below(stranger, 3),
	};

	pretend(stranger, datagram);
	management(stranger, &message, datagram);
}

/* ---------------------------------------------------------------- listening, and sending */

static bool record(void *context, struct packet *packet)
{
	struct stranger *stranger = context;
	struct recorded *recorded = &stranger->recorded[stranger->recorded_count];
	uint64_t now_ns = stranger->traffic->world.now_ns;

	if (now_ns < RECORD_FROM_NS || now_ns > ATTACK_FROM_NS || stranger->recorded_count == RECORDED_MAX)
		return true;
	recorded->datagram = packet->datagram;
	memcpy(recorded->bytes, packet->bytes, packet->datagram.len_bytes);
	stranger->recorded_count++;
	return true;
}

static void send_next(void *object, uint64_t number)
{
	struct stranger *stranger = object;
	struct network *network = stranger->node.network;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	uint64_t pause_ns;

	stranger->attack(stranger, &datagram);
	network_inject(network, stranger->node.number, &datagram);
	stranger->sent++;
	pause_ns = (uint64_t)((double)(datagram.len_bytes + FRAME_BYTES) * 1000 /
			      ((double)network->config.bytes_per_us * STRANGER_PART));
	if (network->world->now_ns + pause_ns < ATTACK_FROM_NS + ATTACK_NS)
		world_at(network->world, network->world->now_ns + pause_ns, send_next, stranger, number + 1);
}

/* ---------------------------------------------------------------- a run */

struct result {
	uint64_t bytes, sent, refused, reconnects, errors, timeouts;
};

/* Everything that a packet can be counted as which is not what it was meant for. */
static uint64_t refused(const struct traffic *traffic)
{
	static const size_t offsets[] = {
#define OFFSET(name) offsetof(struct roce_counters, name)
		OFFSET(drop_short), OFFSET(drop_icrc), OFFSET(drop_opcode), OFFSET(drop_version), OFFSET(drop_pkey),
		OFFSET(drop_unknown_qp), OFFSET(drop_wrong_peer), OFFSET(drop_state), OFFSET(drop_stale), OFFSET(drop_length),
		OFFSET(drop_management), OFFSET(drop_unauthenticated), OFFSET(drop_unauthorized), OFFSET(duplicates),
		OFFSET(sequence_errors), OFFSET(connects_received),
#undef OFFSET
	};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		sum += traffic_counter(traffic, offsets[i]);
	return sum;
}

static struct result run(struct report *report, void (*attack)(struct stranger *, struct roce_datagram *), uint64_t seed)
{
	static const uint32_t ends[FLOWS][2] = { { 0, 1 }, { 1, 0 }, { 2, 0 }, { 1, 2 } };
	const struct traffic_config config = { .network = network_clean(GIGABITS_PER_S, BUFFER_BYTES), .seed = seed,
					       .hosts = HOSTS, .flows_max = FLOWS, .extra_nodes = 1, .path_mtu_bytes = 4096,
					       .read_budget_bytes = ROCE_READ_BUDGET_BYTES };
	struct traffic traffic;
	struct stranger stranger = { .traffic = &traffic, .attack = attack,
				     .recorded = sim_alloc(RECORDED_MAX * sizeof(struct recorded)) };
	struct result result = { 0 };

	traffic_create(&traffic, &config);
	node_create(&stranger.node, &traffic.network);
	traffic.network.tap = record;
	traffic.network.tap_context = &stranger;
	for (uint32_t i = 0; i < FLOWS; i++) {
		const struct flow_config flow = { .source = ends[i][0], .target = ends[i][1], .kind = FLOW_MIX,
						  .len_bytes = i < 2 ? 16384 : 4096, .depth = 8 };

		traffic_flow(&traffic, &flow);
	}
	traffic_start(&traffic);
	if (attack != NULL)
		world_at(&traffic.world, ATTACK_FROM_NS, send_next, &stranger, 0);
	world_run_until(&traffic.world, ATTACK_FROM_NS);
	result.bytes = traffic_bytes(&traffic);
	result.refused = refused(&traffic);
	world_run_until(&traffic.world, ATTACK_FROM_NS + ATTACK_NS);
	result.bytes = traffic_bytes(&traffic) - result.bytes;
	report_expect(report, traffic_drain(&traffic, traffic.world.now_ns + SECOND_NS), "all that was posted ends");
	result.refused = refused(&traffic) - result.refused;
	result.sent = stranger.sent;
	result.timeouts = TRAFFIC_COUNTER(&traffic, timeouts);
	for (uint32_t i = 0; i < FLOWS; i++) {
		result.reconnects += traffic.flows[i].reconnects;
		result.errors += traffic.flows[i].errors;
	}
	report_trace(report, traffic.world.hash);
	free(stranger.recorded);
	traffic_destroy(&traffic);
	return result;
}

static void stranger_run(struct report *report, const struct options *options)
{
	static const struct {
		const char *name;
		void (*attack)(struct stranger *stranger, struct roce_datagram *datagram);
	} cases[] = {
		{ "replay", attack_replay },   { "replay-short", attack_replay_short }, { "mutate", attack_mutate },
		{ "random", attack_random },   { "guess", attack_guess },		 { "flood", attack_flood },
		{ "hang-up", attack_hang_up },
	};
	const struct result alone = run(report, NULL, options->seed);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;
		struct result result;
		double part;

		if (!options_want(options, name))
			continue;
		result = run(report, cases[i].attack, options->seed);
		part = (double)result.bytes / (double)alone.bytes;
		printf("stranger %-12s sent=%llu refused=%llu (%llu without it) goodput=%.3f reconnects=%llu errors=%llu "
		       "timeouts=%llu\n", name, (unsigned long long)result.sent, (unsigned long long)result.refused,
		       (unsigned long long)alone.refused, part, (unsigned long long)result.reconnects,
		       (unsigned long long)result.errors, (unsigned long long)result.timeouts);
		report_expect(report, part >= GOODPUT_MIN, "%s: goodput at least %.2f of what it is without", name, GOODPUT_MIN);
		report_expect(report, result.reconnects == 0 && result.errors == 0, "%s: nothing of the hosts' fails", name);
		report_expect(report, result.refused >= result.sent, "%s: every packet is counted", name);
	}
}

const struct scenario scenario_stranger = {
	"stranger", "a machine that replays, spoofs, floods and guesses, while legitimate hosts work", stranger_run,
};
