/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/node/data_door.h"

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

void data_door_limits(uint32_t places_max, struct roce_limits *limits)
{
	limits->queue_pairs_max += places_max;
	limits->connections_max += places_max;
	limits->listeners_max += 1;
	roce_limits_add_queue(limits, DATA_DOOR_POSTED_PER_PLACE * places_max, DATA_DOOR_POSTED_PER_PLACE * places_max);
	if (limits->send_depth_max < 1)
		limits->send_depth_max = 1;
	if (limits->receive_depth_max < 1)
		limits->receive_depth_max = 1;
}

int data_door_open(struct data_door *door, const struct data_door_config *config)
{
	const struct roce_guard guard = { secure_guard_check, config->secure };
	int status;

	assert(config->places_max > 0 && config->secure);
	memset(door, 0, sizeof(*door));
	door->config = *config;
	door->queue = roce_queue_create(config->device);
	if (door->queue < 0)
		return door->queue;
	/* The greetings travel from and to the places. */
	status = roce_register_local(config->device, config->places, config->places_max * sizeof(*config->places));
	if (status)
		return status;
	return roce_listen_guarded(config->device, WIRE_PORT_DATA, door->queue, 0, &guard);
}

/* ---------------------------------------------------------------- places */

static struct data_place *place_of(struct data_door *door, uint32_t connection)
{
	for (uint32_t i = 0; i < door->config.places_max; i++)
		if (door->config.places[i].state != DATA_PLACE_FREE && door->config.places[i].connection == connection)
			return &door->config.places[i];
	return NULL;
}

static void drop(struct data_door *door, struct data_place *place, uint64_t now_ns)
{
	assert(place->state != DATA_PLACE_FREE);
	roce_disconnect(door->config.device, place->connection, now_ns);
	place->state = DATA_PLACE_FREE;
	secure_erase(&place->keys, sizeof(place->keys));
}

/* A free place, or that of who has been waiting longest to show its keys (D4). */
static struct data_place *choose_place(struct data_door *door, uint64_t now_ns)
{
	struct data_place *oldest = NULL;

	for (uint32_t i = 0; i < door->config.places_max; i++) {
		struct data_place *place = &door->config.places[i];

		if (place->state == DATA_PLACE_FREE)
			return place;
		if (place->state == DATA_PLACE_ANSWERED && (!oldest || place->order < oldest->order))
			oldest = place;
	}
	if (oldest) {
		door->counters.evicted++;
		drop(door, oldest, now_ns);
	}
	return oldest;
}

/* The queue pair of the connection before may still say why it ended, until the place has another one. */
static struct data_place *take_place(struct data_door *door, uint64_t now_ns)
{
	struct data_place *place = choose_place(door, now_ns);

	if (place)
		roce_unprotect(door->config.device, place->qpn, &place->packets.protection);
	return place;
}

/* ---------------------------------------------------------------- a connect request */

static void refuse(struct data_door *door, const struct roce_event *event, int status, uint64_t now_ns)
{
	const struct wire_data_refusal refusal = { .magic = WIRE_DATA_MAGIC, .status = status };

	door->counters.refused++;
	roce_reject(door->config.device, event->connection, &refusal, sizeof(refusal), now_ns);
}

static int protect(struct data_door *door, struct data_place *place)
{
	if (!(place->keys.features & SECURE_FEATURE_PACKET_MAC))
		return 0;
	secure_packets_init(&place->packets, &place->keys);
	return roce_protect(door->config.device, place->qpn, &place->packets.protection);
}

static void connect_request(struct data_door *door, const struct roce_event *event, uint64_t now_ns)
{
	const struct roce_guard_request request = { .address = event->remote_address, .port = event->service_port,
						    .private_data = event->private_data,
						    .private_len_bytes = event->len_bytes };
	struct roce_device *device = door->config.device;
	uint8_t answer[SECURE_ANSWER_BYTES];
	struct secure_keys keys;
	struct data_place *place;
	int status = secure_answer(door->config.secure, &request, SECURE_FEATURE_PACKET_MAC, answer, &keys, now_ns);

	if (status == 0 && keys.node == 0)
		status = -EINVAL;
	if (status == 0 && door->config.packet_macs && !(keys.features & SECURE_FEATURE_PACKET_MAC))
		status = -EOPNOTSUPP;		/* D3 */
	if (status != 0) {
		door->counters.replays += status == -EALREADY;
		refuse(door, event, status, now_ns);
		return;
	}
	place = take_place(door, now_ns);
	if (!place || roce_accept_begin(device, event->connection, keys.node, &place->qpn)) {
		secure_erase(&keys, sizeof(keys));
		refuse(door, event, -ENOBUFS, now_ns);
		return;
	}
	*place = (struct data_place){ .state = DATA_PLACE_ANSWERED, .connection = event->connection, .qpn = place->qpn,
				      .node = keys.node, .order = door->order++, .key_id = keys.key_id, .keys = keys };
	secure_erase(&keys, sizeof(keys));
	if (protect(door, place) || roce_post_receive(device, place->qpn, 0, &place->in, sizeof(place->in)) ||
	    roce_accept_finish(device, place->connection, answer, sizeof(answer), now_ns))
		drop(door, place, now_ns);
}

/* ---------------------------------------------------------------- the hello */

/* D1: is it from who the handshake was with? */
static bool hello_good(const struct data_place *place, const struct roce_event *event)
{
	const struct wire_data_hello *hello = &place->in.hello;
	struct secure_mac mac;
	bool good = event->len_bytes == sizeof(place->in);

	secure_mac_init(&mac, place->keys.receive, DATA_LINK_LABEL);
	good = good && secure_mac_verify(&mac, DATA_LINK_COUNTER, hello, sizeof(*hello), place->in.tag);
	secure_erase(&mac, sizeof(mac));
	return good && hello->magic == WIRE_DATA_MAGIC && hello->node == place->node && hello->incarnation != 0;
}

static void drop_older(struct data_door *door, const struct data_place *newer, uint64_t now_ns)
{
	for (uint32_t i = 0; i < door->config.places_max; i++) {
		struct data_place *place = &door->config.places[i];

		if (place == newer || place->state != DATA_PLACE_ADMITTED || place->node != newer->node)
			continue;
		drop(door, place, now_ns);
		door->counters.replaced++;
	}
}

static int welcome(struct data_door *door, struct data_place *place, int status, uint64_t now_ns)
{
	struct secure_mac mac;

	place->out.welcome = (struct wire_data_welcome){ .magic = WIRE_DATA_MAGIC, .status = status };
	secure_mac_init(&mac, place->keys.send, DATA_LINK_LABEL);
	secure_mac_tag(&mac, DATA_LINK_COUNTER, &place->out.welcome, sizeof(place->out.welcome), place->out.tag);
	secure_erase(&mac, sizeof(mac));
	secure_erase(&place->keys, sizeof(place->keys));
	return roce_post_send(door->config.device, place->qpn, 0, &place->out, sizeof(place->out), now_ns);
}

static void hello(struct data_door *door, struct data_place *place, const struct roce_event *event, uint64_t now_ns)
{
	int status;

	if (!hello_good(place, event)) {
		door->counters.macs_refused++;
		drop(door, place, now_ns);
		return;
	}
	status = door->config.admit ? door->config.admit(door->config.context, &place->in.hello, event->remote_address) : 0;
	if (status == 0) {
		drop_older(door, place, now_ns);
		place->state = DATA_PLACE_ADMITTED;
		place->incarnation = place->in.hello.incarnation;
		door->counters.accepted++;
		roce_authorize(door->config.device, place->qpn);
	} else {
		/* It stays ANSWERED and locked until the peer hangs up on the welcome that says no. */
		door->counters.refused++;
	}
	if (welcome(door, place, status, now_ns))
		drop(door, place, now_ns);
}

void data_door_key_forgotten(struct data_door *door, uint8_t key_id, uint64_t now_ns)
{
	for (uint32_t i = 0; i < door->config.places_max; i++)
		if (door->config.places[i].state != DATA_PLACE_FREE && door->config.places[i].key_id == key_id)
			drop(door, &door->config.places[i], now_ns);
}

void data_door_poll(struct data_door *door, uint64_t now_ns)
{
	struct data_place *place;
	struct roce_event event;

	while (roce_queue_poll(door->config.device, door->queue, &event)) {
		if (event.type == ROCE_EVENT_CONNECT_REQUEST) {
			connect_request(door, &event, now_ns);
			continue;
		}
		place = place_of(door, event.connection);
		if (!place)		/* of one that was dropped */
			continue;
		if (event.type == ROCE_EVENT_DISCONNECTED || event.type == ROCE_EVENT_UNREACHABLE) {
			door->counters.lost += place->state == DATA_PLACE_ADMITTED;
			drop(door, place, now_ns);
		} else if (event.type == ROCE_EVENT_COMPLETION && event.opcode == ROCE_RECEIVE && event.status == 0 &&
			   place->state == DATA_PLACE_ANSWERED) {
			hello(door, place, &event, now_ns);
		}
	}
}
