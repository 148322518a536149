/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device with one accepted and one opened connection (this one with selective repeat), work on both, and a region: fed
 * with packets that get past the ICRC. The device's own asserts watch its state; here it is watched that every request
 * completes once, that nothing outside the region is written, and that everything ends when the connections are given up.
 *
 * Input: a byte of settings, then records of { control, psn distance, length 14 bits little-endian and LENGTH_MARKED,
 * datagram from the BTH }.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/forge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUR_ADDRESS 0x0a000001u
#define PEER_ADDRESS 0x0a000002u
#define PORT 20557
#define REGION_BYTES 16384u
#define GUARD_BYTES 64u
#define WORK_MAX 65536u
#define TIME_STEP_NS UINT64_C(30000000)

/* Control bits of a record. */
#define TARGET_MASK 3u			/* 0: accepted queue pair, 1: opened one, 2: connection manager, 3: as the bytes say */
#define CONTROL_STRANGER 4u		/* from another address */
#define CONTROL_BAD_ICRC 8u
#define CONTROL_TIME 16u		/* time passes first */
#define CONTROL_WORK 32u		/* post more work first; for the connection manager, connect once more */
#define CONTROL_PSN_AS_GIVEN 64u	/* else relative to the last PSN that was asked of us, or that we asked for */
#define CONTROL_NO_OUTPUT 128u		/* our packets wait */

#define LENGTH_MARKED 0x8000u		/* it met congestion on its way */

/* Settings. */
#define SETTING_BUDGET 1u		/* of one READ */
#define SETTING_NOTHING_HELD 2u
#define SETTING_FEW_ANSWERS 4u
#define SETTING_PLAIN 8u		/* the region is plain memory, whose bytes are sent from where they stand */
#define SETTING_LOCKED 16u		/* the opened queue pair stays locked */

struct fuzz {
	struct roce_device *device;
	uint64_t now_ns;
	uint64_t random;
	int queue;
	uint32_t rkey;
	uint32_t connections[2], qpn[2];
	uint32_t connection_last;		/* the youngest of the others */
	uint64_t transaction_last;		/* of the last REQ that we sent */
	uint32_t psn[2][2];			/* by connection: last PSN of requests to us, and of ours */
	uint32_t work_posted, work_done;
	uint8_t done[WORK_MAX / 8];
	uint8_t region[GUARD_BYTES + REGION_BYTES + GUARD_BYTES];
	uint8_t local[32768];
	uint64_t original;
	unsigned turns;
};

static struct fuzz fuzz;
static _Alignas(64) uint8_t device_memory[1u << 20];

/* Every third access is not ready, so that RNR NAKs happen too. */
static int region_read(void *context, uint64_t address, void *bytes, uint32_t len_bytes)
{
	struct fuzz *f = context;

	assert(address < REGION_BYTES && len_bytes <= REGION_BYTES - address);
	if (++f->turns % 3 == 0)
		return -11;			/* -EAGAIN */
	memcpy(bytes, f->region + GUARD_BYTES + address, len_bytes);
	return 0;
}

static int region_write(void *context, uint64_t address, const void *bytes, uint32_t len_bytes)
{
	struct fuzz *f = context;

	assert(address < REGION_BYTES && len_bytes <= REGION_BYTES - address);
	if (++f->turns % 3 == 0)
		return -11;
	memcpy(f->region + GUARD_BYTES + address, bytes, len_bytes);
	return 0;
}

static int region_atomic(void *context, uint64_t address, enum roce_opcode operation, uint64_t operand, uint64_t compare,
			 uint64_t *original)
{
	struct fuzz *f = context;

	assert(address % 8 == 0 && address <= REGION_BYTES - 8);
	assert(operation == ROCE_COMPARE_SWAP || operation == ROCE_FETCH_ADD);
	if (++f->turns % 3 == 0)
		return -11;
	memcpy(original, f->region + GUARD_BYTES + address, 8);
	if (operation == ROCE_FETCH_ADD || *original == compare)
		memcpy(f->region + GUARD_BYTES + address, &operand, 8);
	return 0;
}

static void poll(struct fuzz *f)
{
	struct roce_event event;

	while (roce_queue_poll(f->device, f->queue, &event)) {
		if (event.type == ROCE_EVENT_COMPLETION) {
			uint8_t bit = (uint8_t)(1u << event.cookie % 8);

			assert(event.cookie < f->work_posted && !(f->done[event.cookie / 8] & bit));
			f->done[event.cookie / 8] |= bit;
			f->work_done++;
		} else if (event.type == ROCE_EVENT_CONNECT_REQUEST && f->connections[0]) {
			uint32_t qpn;

			f->connection_last = event.connection;
			/* More connections of the fuzzer's making: accept some, refuse some. */
			if (event.connection & 1 || roce_accept_begin(f->device, event.connection, 1, &qpn) != 0)
				roce_reject(f->device, event.connection, "no", 2, f->now_ns);
			else
				roce_accept_finish(f->device, event.connection, "yes", 3, f->now_ns);
		} else if (event.type == ROCE_EVENT_CONNECT_REQUEST) {
			f->connections[0] = event.connection;
		}
	}
}

static void management_sent(struct fuzz *f, const struct roce_packet *packet)
{
	struct cm_message message;

	assert(cm_message_decode(packet->payload, packet->payload_len_bytes, &message));
	if (message.attribute == CM_REQ)
		f->transaction_last = message.transaction;
}

static void drain(struct fuzz *f)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };

	for (unsigned i = 0; roce_output(f->device, &datagram, f->now_ns); i++) {
		struct roce_packet packet;

		assert(i < 5000);
		assert(roce_icrc_verify(&datagram, &crc_table, NULL));
		assert(roce_packet_decode(bytes, datagram.len_bytes, &packet) == PACKET_OK);
		if (packet.destination_qpn == 1)
			management_sent(f, &packet);
		for (int c = 0; c < 2; c++)
			if (packet.destination_qpn == 0x100u + (uint32_t)c && !(packet.properties & IS_RESPONSE))
				f->psn[c][1] = packet.psn;
	}
}

static void management(struct fuzz *f, const struct cm_message *message)
{
	const struct forge forge = { f->device, PEER_ADDRESS, OUR_ADDRESS, f->now_ns };

	forge_message(&forge, message);
}

/* Our REQ or REP for connection `c` goes out: remember where requests to us start. Returns its transaction. */
static uint64_t sent_message(struct fuzz *f, int c)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };
	struct roce_packet packet;
	struct cm_message message;

	assert(roce_output(f->device, &datagram, f->now_ns));
	assert(roce_packet_decode(bytes, datagram.len_bytes, &packet) == PACKET_OK);
	assert(cm_message_decode(packet.payload, packet.payload_len_bytes, &message));
	assert(message.attribute == CM_REQ || message.attribute == CM_REP);
	f->psn[c][0] = (message.starting_psn - 1) & 0xffffff;
	return message.transaction;
}

static void work(struct fuzz *f)
{
	for (int c = 0; c < 2; c++) {
		uint32_t qpn = f->qpn[c];

		if (f->work_posted + 9 > WORK_MAX)
			return;
		f->work_posted += roce_post_receive(f->device, qpn, f->work_posted, f->local, 3000) == 0;
		f->work_posted += roce_post_send(f->device, qpn, f->work_posted, f->local, 2500, f->now_ns) == 0;
		f->work_posted += roce_post_read(f->device, qpn, f->work_posted, f->local, 20000, 99, 77, f->now_ns) == 0;
		f->work_posted += roce_post_write(f->device, qpn, f->work_posted, f->local, 5000, 99, 77, f->now_ns) == 0;
		f->work_posted += roce_post_read(f->device, qpn, f->work_posted, f->local, 100, 99, 77, f->now_ns) == 0;
		f->work_posted += roce_post_fetch_add(f->device, qpn, f->work_posted, &f->original, 96, 77, 1, f->now_ns) == 0;
		f->work_posted += roce_post_compare_swap(f->device, qpn, f->work_posted, &f->original, 96, 77, 1, 2,
							 f->now_ns) == 0;
		f->work_posted += roce_post_write_immediate(f->device, qpn, f->work_posted, f->local, 1500, 99, 77, 5,
							    f->now_ns) == 0;
		f->work_posted += roce_post_send_invalidate(f->device, qpn, f->work_posted, f->local, 50, 77, f->now_ns) == 0;
	}
}

static void set_up(struct fuzz *f, uint8_t settings)
{
	struct roce_config config = {
		.address = OUR_ADDRESS, .path_mtu_bytes = 1024, .guid = 1,
		.limits = { .queue_pairs_max = 6, .memory_regions_max = 2, .queues_max = 1, .connections_max = 5,
			    .listeners_max = 1, .queue_events_max = 300, .send_depth_max = 20, .receive_depth_max = 10,
			    .held_packets_max = settings & SETTING_NOTHING_HELD ? 0 : 12,
			    .answers_max = settings & SETTING_FEW_ANSWERS ? 1 : 0,
			    .atomic_queue_pairs_max = settings & SETTING_FEW_ANSWERS ? 1 : 0 },
		.read_budget_bytes = settings & SETTING_BUDGET ? 4096 : 0,
		.environment = { .random = forge_random, .context = &f->random },
	};
	static const struct roce_memory_ops ops = { .read = region_read, .write = region_write,
						 .atomic = region_atomic };
	struct roce_memory_config region = { .ops = settings & SETTING_PLAIN ? &roce_memory_plain_ops : &ops,
					     .context = settings & SETTING_PLAIN ? (void *)(f->region + GUARD_BYTES) : f, .len_bytes = REGION_BYTES, .access = 15, .peer = 1 };
	struct roce_connect connect = { .remote_address = PEER_ADDRESS, .remote_port = PORT, .peer = 1,
					.timeout_ns = 1000000000, .locked = settings & SETTING_LOCKED };
	struct cm_message req = { .attribute = CM_REQ, .transaction = 5, .local_number = 0x1000, .qpn = 0x100,
				  .starting_psn = 0xfffff0, .responder_resources = 16, .initiator_depth = 16,
				  .service_id = CM_SERVICE_ID_TCP | PORT, .path_mtu = 3, .gid_local = PEER_ADDRESS,
				  .gid_remote = OUR_ADDRESS };
	struct cm_message rtu = { .attribute = CM_RTU, .local_number = 0x1000 };
	struct cm_message rep = { .attribute = CM_REP, .local_number = 0x1001, .qpn = 0x101, .starting_psn = 3,
				  .responder_resources = 16, .initiator_depth = 16,
				  .features = CM_FEATURE_SELECTIVE_REPEAT };

	memset(f, 0, sizeof(*f));
	memset(f->region, 0x5a, sizeof(f->region));
	f->now_ns = 1000000000;
	f->random = 42;
	assert(roce_device_bytes(&config) <= sizeof(device_memory));
	f->device = roce_device_create(device_memory, &config, f->now_ns);
	assert(f->device);
	f->queue = roce_queue_create(f->device);
	connect.queue = f->queue;
	assert(roce_listen(f->device, PORT, f->queue, 0) == 0);
	assert(roce_memory_register(f->device, &region, &f->rkey) == 0);
	management(f, &req);
	poll(f);
	assert(roce_accept_begin(f->device, f->connections[0], 1, &f->qpn[0]) == 0);
	assert(roce_accept_finish(f->device, f->connections[0], NULL, 0, f->now_ns) == 0);
	sent_message(f, 0);
	rtu.remote_number = f->connections[0];
	management(f, &rtu);
	assert(roce_connect(f->device, &connect, &f->connections[1], f->now_ns) == 0);
	f->qpn[1] = roce_connection_qpn(f->device, f->connections[1]);
	rep.transaction = sent_message(f, 1);
	rep.remote_number = f->connections[1];
	management(f, &rep);
	poll(f);
	work(f);
	drain(f);
}

/*
 * Make a message one of a conversation that exists. `distance` chooses: its low two bits the connection, the third
 * whether the ids are left as they are.
 */
static void aim_management(struct fuzz *f, struct roce_packet *packet, uint8_t distance, uint8_t *mad)
{
	static const uint32_t peer_numbers[4] = { 0x1000, 0x1001, 0x1002, 0 };
	const uint32_t numbers[4] = { f->connections[0], f->connections[1], f->connection_last, 0 };
	struct cm_message message;

	if (!cm_message_decode(packet->payload, packet->payload_len_bytes, &message) ||
	    message.info_len_bytes > sizeof(message.info) || distance & 4)
		return;
	message.remote_number = numbers[distance & 3];
	if (message.attribute == CM_REQ) {
		message.service_id = CM_SERVICE_ID_TCP | PORT;
		message.gid_local = PEER_ADDRESS;
		message.gid_remote = OUR_ADDRESS;
	} else {
		message.local_number = peer_numbers[distance & 3];
		message.transaction = f->transaction_last;
	}
	if (message.attribute == CM_DREQ && (distance & 3) < 2)
		message.qpn = f->qpn[distance & 3];
	if (message.attribute == CM_DREQ && (distance & 3) == 2)
		message.qpn = roce_connection_qpn(f->device, f->connection_last);
	cm_message_encode(&message, mad);
	packet->payload = mad;
	packet->qkey = CM_QKEY;
	packet->source_qpn = 1;
}

/* Aim the packet at what exists, as the record's control says. */
static void aim(struct fuzz *f, struct roce_packet *packet, uint8_t control, uint8_t distance)
{
	unsigned target = control & TARGET_MASK;

	if (target == 2)
		packet->destination_qpn = 1;
	if (target < 2) {
		packet->destination_qpn = f->qpn[target];
		if (!(control & CONTROL_PSN_AS_GIVEN))
			packet->psn = (f->psn[target][packet->properties & IS_RESPONSE ? 1 : 0] + (uint32_t)(int8_t)distance) & 0xffffff;
		if (!(packet->properties & IS_RESPONSE) && !(control & CONTROL_PSN_AS_GIVEN))
			f->psn[target][0] = packet->psn;
	}
	/* An rkey of 0 stands for the one that is right. */
	if (packet->rkey == 0)
		packet->rkey = f->rkey;
	if (packet->invalidate_rkey == 0)
		packet->invalidate_rkey = f->rkey;
	packet->pkey |= 0x7fff;
}

static void record(struct fuzz *f, uint8_t control, uint8_t distance, bool marked, const uint8_t *bytes, size_t len)
{
	uint8_t copy[ROCE_DATAGRAM_BYTES_MAX], mad[MAD_BYTES];
	struct roce_datagram datagram = { .source_address = control & CONTROL_STRANGER ? 0x0a0000ffu : PEER_ADDRESS,
					  .destination_address = OUR_ADDRESS, .source_port = 4791, .destination_port = 4791,
					  .ip_flags_fragment = 0x4000, .ip_tos = marked ? 3 : 0, .bytes = copy };
	struct roce_packet packet;

	if (control & CONTROL_TIME) {
		f->now_ns += TIME_STEP_NS;
		roce_tick(f->device, f->now_ns);
	}
	if (control & CONTROL_WORK && (control & TARGET_MASK) == 2) {
		struct roce_connect connect = { .remote_address = PEER_ADDRESS, .remote_port = PORT, .queue = f->queue,
						.timeout_ns = 300000000 };

		roce_connect(f->device, &connect, &f->connection_last, f->now_ns);
		drain(f);
	} else if (control & CONTROL_WORK) {
		work(f);
	}
	if (roce_packet_decode(bytes, len, &packet) == PACKET_OK) {
		aim(f, &packet, control, distance);
		if (packet.destination_qpn == 1 && packet.opcode == OPCODE_UD_SEND_ONLY)
			aim_management(f, &packet, distance, mad);
		roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	} else {
		memcpy(copy, bytes, len);
		datagram.len_bytes = len;
	}
	if (control & CONTROL_BAD_ICRC && datagram.len_bytes > 0)
		copy[datagram.len_bytes - 1] ^= 1;
	roce_input(f->device, &datagram, f->now_ns);
	if (!(control & CONTROL_NO_OUTPUT))
		drain(f);
	poll(f);
}

static void tear_down(struct fuzz *f)
{
	roce_disconnect(f->device, f->connections[0], f->now_ns);
	roce_disconnect(f->device, f->connections[1], f->now_ns);
	for (unsigned i = 0; roce_deadline_ns(f->device) != UINT64_MAX; i++) {
		assert(i < 2000);
		f->now_ns = roce_deadline_ns(f->device) > f->now_ns ? roce_deadline_ns(f->device) : f->now_ns;
		roce_tick(f->device, f->now_ns);
		drain(f);
		poll(f);
	}
	poll(f);
	assert(f->work_done == f->work_posted);
	for (unsigned i = 0; i < GUARD_BYTES; i++)
		assert(f->region[i] == 0x5a && f->region[GUARD_BYTES + REGION_BYTES + i] == 0x5a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz *f = &fuzz;
	size_t at = 0;

	set_up(f, size > 0 ? data[at++] : 0);
	while (size >= at + 4) {
		size_t word = data[at + 2] | (size_t)data[at + 3] << 8, len = word & 0x3fff;
		uint8_t control = data[at], distance = data[at + 1];

		at += 4;
		if (len > size - at)
			len = size - at;
		if (len > ROCE_DATAGRAM_BYTES_MAX)
			len = ROCE_DATAGRAM_BYTES_MAX;
		record(f, control, distance, word & LENGTH_MARKED, data + at, len);
		at += len;
	}
	tear_down(f);
	return 0;
}
