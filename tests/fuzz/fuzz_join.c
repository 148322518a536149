/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The input is a machine on the path between a node that opens a data connection and the door that it knocks at: it drops,
 * repeats, damages, delays and invents packets, and makes connect requests of its own without the rack's key.
 *
 * What must hold whatever it does: only the node's own connection is admitted; with MACs on packets, the region holds what the
 * node wrote and nothing else; what leaves the door for the stranger's address is at most an answer of the connection manager.
 *
 * Input: a record of settings, then one for each operate(). What a record has left after its operation says which of the
 * packets that follow are lost.
 */
#include <assert.h>
#include <stdlib.h>

#include "net/node/data_door.h"
#include "tests/fuzz/forge.h"
#include "tests/fuzz/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NODE_ADDRESS 0x0a000001u
#define DOOR_ADDRESS 0x0a000002u
#define STRANGER_ADDRESS 0x0a000063u
#define NODE 5u
#define PLACES 2u
#define KEPT 16u			/* packets that can be repeated or changed */
#define STEP_NS UINT64_C(50000000)
#define PATTERN 0x5a

struct kept {
	bool used, to_door;
	struct roce_datagram datagram;
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
};

struct join {
	struct roce_device *node, *door_device;
	struct secure *node_secure, *door_secure;
	struct data_link link;
	struct data_door door;
	struct data_place places[PLACES];
	int queue;
	uint64_t now_ns, seed;
	uint32_t rkey;
	int refusal;			/* of who may have a connection */
	uint8_t memory[64], written[64];
	bool write_posted, packet_macs;
	bool bare;			/* there was a connection without MACs on packets: the path may write */
	struct kept kept[KEPT];
	uint32_t next;
	struct input record;
};

static struct roce_device *make_device(struct join *j, uint32_t address)
{
	struct roce_config config = {
		.address = address, .path_mtu_bytes = 4096, .guid = address,
		.limits = { .memory_regions_max = 2, .queues_max = 1, .queue_pairs_max = 2, .connections_max = 2, .queue_events_max = 64,
			    .send_depth_max = 4, .receive_depth_max = 2 },
		.environment = { .random = forge_random, .context = &j->seed },
	};
	void *memory;

	data_door_limits(PLACES, &config.limits);
	memory = aligned_alloc(64, (roce_device_bytes(&config) + 63) & ~(size_t)63);
	return roce_device_create(memory, &config, j->now_ns);
}

static const uint8_t keys[3][SECURE_KEY_BYTES] = { { 1 }, { 2 }, { 3 } };	/* the rack's two, and the stranger's guess */

static struct secure *make_secure(struct join *j, uint32_t address)
{
	const struct secure_config config = { .address = address, .replays_max = 32, .environment = { .random = forge_random, .context = &j->seed } };

	return secure_create(aligned_alloc(64, secure_bytes(&config)), &config, j->now_ns);
}

static struct secure *make_member(struct join *j, uint32_t address)
{
	struct secure *secure = make_secure(j, address);

	for (uint8_t id = 0; id < 2; id++)
		assert(secure_key_add(secure, id + 1, keys[id]) == 0);
	return secure;
}

static void open_link(struct join *j)
{
	const struct data_link_config config = { .device = j->node, .secure = j->node_secure, .queue = j->queue, .cookie = 1,
						 .node = NODE, .incarnation = 9, .packet_macs = j->packet_macs };

	if (j->link.state != DATA_LINK_CLOSED)
		return;
	j->bare |= !j->packet_macs;
	data_link_open(&j->link, &config, WIRE_NODE_MANAGER, DOOR_ADDRESS, j->now_ns);
}

static void keep(struct join *j, const struct roce_datagram *datagram, bool to_door)
{
	struct kept *kept = &j->kept[j->next++ % KEPT];

	*kept = (struct kept){ .used = true, .to_door = to_door, .datagram = *datagram };
	memcpy(kept->bytes, datagram->bytes, datagram->len_bytes);
	kept->datagram.bytes = kept->bytes;
}

/* What a device sends: kept for the stranger, and passed on unless the input says not. */
static void carry(struct join *j, struct roce_device *from, struct roce_device *to, bool to_door)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram = { .bytes = bytes };

	while (roce_output(from, &datagram, j->now_ns)) {
		if (datagram.destination_address == STRANGER_ADDRESS) {
			assert(roce_packet_destination(bytes) == 1);
			continue;
		}
		keep(j, &datagram, to_door);
		if (take(&j->record) % 8 != 7)
			roce_input(to, &datagram, j->now_ns);
	}
}

static void poll_node(struct join *j)
{
	struct roce_event event;

	while (roce_queue_poll(j->node, j->queue, &event))
		if (event.type != ROCE_EVENT_COMPLETION || event.cookie == 1)
			data_link_event(&j->link, &event, j->now_ns);
	if (j->link.state != DATA_LINK_CLOSED)
		data_link_tick(&j->link, j->now_ns);
}

static void check(const struct join *j)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (j->places[i].state == DATA_PLACE_ADMITTED)
			assert(j->places[i].node == NODE && j->places[i].incarnation == 9);
	for (unsigned i = 0; i < sizeof(j->memory) && !j->bare; i++)
		assert(j->memory[i] == 0 || (j->write_posted && j->memory[i] == PATTERN));
}

static void settle(struct join *j)
{
	for (unsigned i = 0; i < 4; i++) {
		carry(j, j->node, j->door_device, true);
		data_door_poll(&j->door, j->now_ns);
		carry(j, j->door_device, j->node, false);
		poll_node(j);
	}
	check(j);
}

/* One of the packets that went by, changed or as it was, with its ICRC right or not. */
static void repeat(struct join *j)
{
	struct kept *kept = &j->kept[take(&j->record) % KEPT];
	uint8_t changes = take(&j->record) % 4;

	if (!kept->used)
		return;
	for (unsigned i = 0; i < changes; i++)
		kept->bytes[(take(&j->record) | (size_t)take(&j->record) << 8) % kept->datagram.len_bytes] ^= take(&j->record);
	if (changes > 0 && take(&j->record) % 8 != 0)
		roce_icrc_seal(&kept->datagram, &crc_table, NULL);
	roce_input(kept->to_door ? j->door_device : j->node, &kept->datagram, j->now_ns);
}

/* A connect request of the stranger's own: random, or a real one under a wrong key. */
static void knock(struct join *j)
{
	const struct secure_route route = { .address = DOOR_ADDRESS, .port = WIRE_PORT_DATA, .node = NODE };
	uint32_t source = take(&j->record) & 1 ? STRANGER_ADDRESS : NODE_ADDRESS;
	struct secure *secure = make_secure(j, source);
	const struct forge forge = { j->door_device, source, DOOR_ADDRESS, j->now_ns };
	uint8_t private_data[SECURE_REQUEST_BYTES], challenge[SECURE_CHALLENGE_BYTES] = { 0 };
	struct secure_handshake handshake;
	struct cm_message req = {
		.attribute = CM_REQ, .transaction = take(&j->record), .local_number = 1u + take(&j->record), .qpn = 0x100u + take(&j->record),
		.responder_resources = 1, .initiator_depth = 1, .service_id = CM_SERVICE_ID_TCP | WIRE_PORT_DATA, .path_mtu = take(&j->record) & 7,
		.gid_local = source, .gid_remote = DOOR_ADDRESS, .private_data = private_data, .private_len_bytes = sizeof(private_data),
	};

	assert(secure_key_add(secure, 1 + (take(&j->record) & 3), keys[2]) == 0);
	secure_request(secure, &handshake, &route, take(&j->record) & 1 ? challenge : NULL, private_data);
	for (unsigned i = take(&j->record) % 4; i > 0; i--)
		private_data[take(&j->record) % sizeof(private_data)] ^= take(&j->record);
	forge_message(&forge, &req);
	free(secure);
}

static void write_memory(struct join *j)
{
	if (j->link.state != DATA_LINK_UP)
		return;
	memset(j->written, PATTERN, sizeof(j->written));
	j->write_posted |= roce_post_write(j->node, j->link.qpn, 2, j->written, 1 + take(&j->record) % sizeof(j->written), 0, j->rkey,
					   j->now_ns) == 0;
}

/* The operator's part: keys change, and what nodes are let in for. */
static void change(struct join *j)
{
	uint8_t id = 1 + (take(&j->record) & 1);

	switch (take(&j->record) % 6) {
	case 0:
		secure_key_use(j->node_secure, id);
		break;
	case 1:
		secure_key_use(j->door_secure, id);
		break;
	case 2:
		if (secure_key_forget(j->door_secure, id) == 0)
			data_door_key_forgotten(&j->door, id, j->now_ns);
		break;
	case 3:
		secure_key_add(j->door_secure, id, keys[id - 1]);
		break;
	case 4:
		j->refusal = -(int)id;
		break;
	default:
		j->refusal = 0;
		break;
	}
}

static int admit(void *context, const struct wire_data_hello *hello, uint32_t address)
{
	const struct join *j = context;

	assert(hello->node == NODE && address == NODE_ADDRESS);
	return j->refusal;
}

static void operate(struct join *j)
{
	switch (take(&j->record) % 10) {
	case 0:
		open_link(j);
		break;
	case 1:
		data_link_close(&j->link, j->now_ns);
		break;
	case 2:
	case 3:
		repeat(j);
		break;
	case 4:
		knock(j);
		break;
	case 5:
		write_memory(j);
		break;
	case 6:
		j->now_ns += STEP_NS * take(&j->record);
		break;
	case 7:
		j->door.config.packet_macs = take(&j->record) & 1;
		break;
	case 8:
		change(j);
		break;
	default:
		j->packet_macs = take(&j->record) & 1;
		break;
	}
	roce_tick(j->node, j->now_ns);
	roce_tick(j->door_device, j->now_ns);
	settle(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct join *j = calloc(1, sizeof(*j));
	struct input input = { data, size };
	struct data_door_config config = { .places = j->places, .places_max = PLACES, .admit = admit, .context = j };
	struct roce_memory_config memory = { .ops = &roce_memory_plain_ops, .context = j->memory, .len_bytes = sizeof(j->memory),
					     .access = ROCE_ACCESS_REMOTE_READ | ROCE_ACCESS_REMOTE_WRITE, .peer = NODE };

	j->now_ns = UINT64_C(1000000000);
	take_record(&input, &j->record);
	j->seed = take(&j->record);
	j->packet_macs = take(&j->record) & 1;
	j->node = make_device(j, NODE_ADDRESS);
	j->door_device = make_device(j, DOOR_ADDRESS);
	j->node_secure = make_member(j, NODE_ADDRESS);
	j->door_secure = make_member(j, DOOR_ADDRESS);
	j->queue = roce_queue_create(j->node);
	config.device = j->door_device;
	config.secure = j->door_secure;
	assert(data_door_open(&j->door, &config) == 0);
	assert(roce_memory_register(j->door_device, &memory, &j->rkey) == 0);
	open_link(j);
	settle(j);
	for (unsigned i = 0; i < RECORDS_MAX && take_record(&input, &j->record); i++)
		operate(j);
	free(j->node);
	free(j->door_device);
	free(j->node_secure);
	free(j->door_secure);
	free(j);
	return 0;
}
