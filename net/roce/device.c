/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/roce/internal.h"

#include "net/roce/held.h"

#include "lib/crc.h"

#define ALIGNMENT 64u

uint32_t roce_random32(struct roce_device *device)
{
	uint32_t value;

	device->config.environment.random(device->config.environment.context, &value, sizeof(value));
	return value;
}

/* ---------------------------------------------------------------- memory layout */

static uint32_t round_up_power(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power <<= 1;
	return power;
}

static bool mtu_valid(uint32_t mtu_bytes)
{
	return mtu_bytes >= 256 && mtu_bytes <= ROCE_PAYLOAD_BYTES_MAX && (mtu_bytes & (mtu_bytes - 1)) == 0;
}

static bool limit_valid(uint32_t value, uint32_t min)
{
	return value >= min && value <= TABLE_ENTRIES_MAX;
}

static bool config_valid(const struct roce_config *config)
{
	const struct roce_limits *limits = &config->limits;

	return config->address != 0 && mtu_valid(config->path_mtu_bytes) && config->environment.random &&
	       limit_valid(limits->queue_pairs_max, 1) && limit_valid(limits->connections_max, 1) &&
	       limit_valid(limits->memory_regions_max, 0) && limit_valid(limits->queues_max, 1) &&
	       limit_valid(limits->listeners_max, 0) && limits->queue_events_max >= 1 &&
	       limits->queue_events_max <= QUEUE_EVENTS_MAX &&
	       limits->works_max <= QUEUE_EVENTS_MAX && limits->receives_max <= QUEUE_EVENTS_MAX &&
	       limits->send_depth_max >= 1 && limits->send_depth_max <= SEND_DEPTH_MAX && limit_valid(limits->receive_depth_max, 1) &&
	       limit_valid(limits->held_packets_max, 0) &&
	       limit_valid(limits->answers_max, 0) && limit_valid(limits->atomic_queue_pairs_max, 0) &&
	       limit_valid(limits->handshakes_max, 0);
}

/* Cut `count` entries off the memory; with no memory, only count bytes. */
static void *carve(uint8_t *memory, size_t *used_bytes, size_t count, size_t entry_bytes)
{
	void *place = memory ? memory + *used_bytes : NULL;

	*used_bytes += (count * entry_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	return place;
}

static uint32_t smaller(uint64_t first, uint32_t second)
{
	return first < second ? (uint32_t)first : second;
}

/* Each event queue may be full of either. */
static void fill_in_works(struct roce_limits *limits)
{
	uint32_t works = limits->queues_max * limits->queue_events_max;

	if (limits->works_max == 0)
		limits->works_max = works;
	if (limits->receives_max == 0)
		limits->receives_max = works;
}

void roce_limits_add_queue(struct roce_limits *limits, uint32_t works, uint32_t receives)
{
	fill_in_works(limits);
	limits->queues_max += 1;
	limits->works_max += works;
	limits->receives_max += receives;
	if (limits->queue_events_max < works + receives)
		limits->queue_events_max = works + receives;
}

/* The limits with their defaults. */
static struct roce_limits filled_in(const struct roce_limits *limits)
{
	struct roce_limits filled = *limits;

	fill_in_works(&filled);
	if (filled.answers_max == 0)
		filled.answers_max = smaller((uint64_t)limits->queue_pairs_max * READS_PENDING_MAX, ANSWERS_MAX_DEFAULT);
	if (filled.atomic_queue_pairs_max == 0)
		filled.atomic_queue_pairs_max = smaller(limits->queue_pairs_max, ATOMIC_QUEUE_PAIRS_MAX_DEFAULT);
	if (filled.handshakes_max == 0)
		filled.handshakes_max = smaller(limits->connections_max, HANDSHAKES_MAX_DEFAULT);
	return filled;
}

/* Lay `count` places out, and list them as free when there is memory for them. */
static void *carve_pool(uint8_t *memory, size_t *used_bytes, struct roce_pool *pool, size_t count, size_t place_bytes)
{
	void *places = carve(memory, used_bytes, count, place_bytes);

	if (memory)
		roce_pool_init(pool, places, (uint32_t)count, place_bytes);
	return places;
}

/* A connection or two a list, when all are in use. */
static uint32_t peer_lists(const struct roce_limits *limits)
{
	return round_up_power((limits->connections_max + 1) / 2);
}

/* Lay everything out; `memory` is NULL when only the size is wanted. `config` has its defaults filled in. */
static size_t layout(const struct roce_config *config, uint8_t *memory, struct roce_device *device)
{
	const struct roce_limits *limits = &config->limits;
	size_t connections = limits->connections_max, used = 0;

	carve(memory, &used, 1, sizeof(struct roce_device));
	device->queue_pairs = carve_pool(memory, &used, &device->free_queue_pairs, limits->queue_pairs_max,
					 sizeof(*device->queue_pairs));
	device->connections = carve_pool(memory, &used, &device->free_connections, connections, sizeof(*device->connections));
	device->peers = carve(memory, &used, peer_lists(limits), sizeof(*device->peers));
	device->replies = carve(memory, &used, CM_REPLIES_MAX, sizeof(*device->replies));
	device->listeners = carve(memory, &used, limits->listeners_max, sizeof(*device->listeners));
	device->regions = carve(memory, &used, limits->memory_regions_max, sizeof(*device->regions));
	device->queues = carve(memory, &used, limits->queues_max, sizeof(*device->queues));
	device->held_pool = carve(memory, &used, limits->held_packets_max, roce_held_bytes(config));
	device->timers = carve(memory, &used, limits->queue_pairs_max, sizeof(*device->timers));
	carve_pool(memory, &used, &device->works, limits->works_max, sizeof(union work_place));
	carve_pool(memory, &used, &device->receives, limits->receives_max, sizeof(union receive_place));
	carve_pool(memory, &used, &device->events, connections * CM_EVENTS_PER_CONNECTION, sizeof(struct stored_event));
	carve_pool(memory, &used, &device->answers, limits->answers_max, sizeof(struct response));
	carve_pool(memory, &used, &device->atomics, limits->atomic_queue_pairs_max,
		   ATOMIC_RESULTS_MAX * sizeof(struct atomic_result));
	carve_pool(memory, &used, &device->handshakes, limits->handshakes_max, sizeof(struct handshake));
	return used;
}

static size_t bytes_wanted(const struct roce_config *config)
{
	struct roce_config filled = *config;
	struct roce_device scratch;

	filled.limits = filled_in(&config->limits);
	return layout(&filled, NULL, &scratch);
}

size_t roce_device_bytes(const struct roce_config *config)
{
	return config_valid(config) ? bytes_wanted(config) : 0;
}

struct roce_device *roce_device_create(void *memory, const struct roce_config *config, uint64_t now_ns)
{
	struct roce_device *device = memory;
	const struct roce_limits *limits = &config->limits;

	if (!memory || ((uintptr_t)memory & (ALIGNMENT - 1)) || !config_valid(config))
		return NULL;
	memset(memory, 0, bytes_wanted(config));
	device->config = *config;
	device->clock_ns = now_ns;
	if (!config->environment.crc)
		device->config.environment.crc = &crc_table;
	device->config.limits = filled_in(limits);
	layout(&device->config, memory, device);
	device->queue_pair_mask = round_up_power(limits->queue_pairs_max) - 1;
	device->connection_mask = round_up_power(limits->connections_max) - 1;
	device->peer_mask = peer_lists(limits) - 1;
	device->region_mask = round_up_power(limits->memory_regions_max) - 1;
	for (uint32_t i = 0; i < limits->queue_pairs_max; i++)
		device->queue_pairs[i].timer.deadline_ns = NEVER;
	device->management_psn = roce_random32(device) & 0xffffff;
	roce_memory_init(device);
	roce_held_init(device);
	return device;
}

const struct roce_counters *roce_counters(const struct roce_device *device)
{
	return &device->counters;
}

/* ---------------------------------------------------------------- packets in */

static bool icrc_good(struct roce_device *device, const struct roce_datagram *datagram)
{
	bool good = roce_icrc_verify(datagram, device->config.environment.crc, &device->icrc_cache);

	device->counters.drop_icrc += !good;
	return good;
}

/*
 * The same, in one pass with copying READ data to its place, `packet->payload` then. What stands there when the ICRC is wrong
 * does no harm: the READ is not complete before the right bytes have come over it.
 */
static bool icrc_good_landing(struct roce_device *device, const struct queue_pair *qp, const struct roce_datagram *datagram,
			      struct roce_packet *packet)
{
	uint8_t *place = NULL;
	bool good;

	if (qp && (packet->properties & IS_RESPONSE) && packet->payload_len_bytes >= ROCE_COPY_BYTES_MIN && packet->pad_bytes == 0 &&
	    packet->opcode != OPCODE_ACKNOWLEDGE && datagram->source_address == qp->remote_address)
		place = roce_requester_place(qp, packet);
	if (!place)
		return icrc_good(device, datagram);
	good = roce_icrc_verify_copy(datagram, device->config.environment.crc, &device->icrc_cache, packet->payload, place);
	device->counters.drop_icrc += !good;
	packet->payload = place;
	return good;
}

/* `qp` is what the packet is for, NULL: no queue pair. */
static bool decode(struct roce_device *device, const struct roce_datagram *datagram, const struct queue_pair *qp,
		   struct roce_packet *packet)
{
	struct roce_protection *protection = qp ? qp->protection : NULL;
	struct roce_counters *counters = &device->counters;
	size_t len_bytes = datagram->len_bytes;

	if (protection) {
		if (!icrc_good(device, datagram) || !roce_protection_open(device, protection, datagram))
			return false;
		len_bytes -= ROCE_TRAILER_BYTES;
	}
	switch (roce_packet_decode(datagram->bytes, len_bytes, packet)) {
	case PACKET_OK:
		break;
	case PACKET_SHORT:
		counters->drop_short++;
		return false;
	case PACKET_OPCODE:
		counters->drop_opcode++;
		return false;
	case PACKET_VERSION:
		counters->drop_version++;
		return false;
	case PACKET_LENGTH:
		counters->drop_length++;
		return false;
	}
	if (!protection && !icrc_good_landing(device, qp, datagram, packet))
		return false;
	/* We are a full member of the default partition: both kinds of members may talk to us. */
	if ((packet->pkey & ROCE_PKEY_NUMBER_MASK) != (ROCE_PKEY_DEFAULT & ROCE_PKEY_NUMBER_MASK)) {
		counters->drop_pkey++;
		return false;
	}
	return true;
}

/* A notice of congestion (CNP): what we send met some, as with a mark of our own. */
static void notice_input(struct roce_device *device, struct queue_pair *qp, const struct roce_packet *packet)
{
	if (packet->payload_len_bytes != CONGESTION_NOTICE_BYTES) {
		device->counters.drop_length++;
		return;
	}
	device->counters.congestion_notices_received++;
	roce_requester_congested(device, qp);
}

static void queue_pair_input(struct roce_device *device, struct queue_pair *qp, const struct roce_datagram *datagram,
			     const struct roce_packet *packet, uint64_t now_ns)
{
	bool marked;

	if (qp->state == QP_INIT) {
		device->counters.drop_not_connected++;
		return;
	}
	if (datagram->source_address != qp->remote_address) {
		device->counters.drop_wrong_peer++;
		return;
	}
	if (packet->opcode == OPCODE_CONGESTION_NOTIFICATION) {
		notice_input(device, qp, packet);
		return;
	}
	if (packet->opcode >= OPCODE_UD_SEND_ONLY) {	/* not of the reliable connected transport */
		device->counters.drop_opcode++;
		return;
	}
	marked = (datagram->ip_tos & ECN_MASK) == ECN_CONGESTED;
	device->counters.congestion_marks_received += marked;
	if (packet->properties & IS_RESPONSE) {
		roce_requester_input(device, qp, packet, now_ns);
		if (marked || (packet->congestion & CONGESTION_BECN))
			roce_requester_congested(device, qp);
	} else {
		qp->responder.echo_congestion |= marked && qp->selective;
		qp->responder.notice_due |= marked && !qp->selective;
		roce_responder_input(device, qp, packet, now_ns);
	}
	roce_qp_schedule(device, qp);
}

void roce_input(struct roce_device *device, const struct roce_datagram *datagram, uint64_t now_ns)
{
	struct roce_packet packet;
	struct queue_pair *qp = NULL;

	now_ns = roce_clock(device, now_ns);
	device->counters.packets_received++;
	device->counters.bytes_received += datagram->len_bytes;
	if (datagram->destination_address != device->config.address || datagram->destination_port != ROCE_UDP_PORT) {
		device->counters.drop_not_for_us++;
		return;
	}
	if (datagram->len_bytes >= ROCE_BTH_BYTES + ROCE_ICRC_BYTES)
		qp = roce_qp_find(device, roce_packet_destination(datagram->bytes));
	if (!decode(device, datagram, qp, &packet))
		return;
	if (qp)
		queue_pair_input(device, qp, datagram, &packet, now_ns);
	else if (packet.destination_qpn == 1)
		roce_cm_input(device, datagram, &packet, now_ns);
	else
		device->counters.drop_unknown_qp++;
}

/* ---------------------------------------------------------------- packets out */

int roce_output(struct roce_device *device, struct roce_datagram *datagram, uint64_t now_ns)
{
	int sent = 0;

	now_ns = roce_clock(device, now_ns);
	datagram->source_address = device->config.address;
	/*
	 * The ICRC covers the source port. It is always this one, so that a socket bound to the RoCE port, which
	 * cannot choose another, can send for us. On one switch there is nothing to spread packets over.
	 */
	datagram->source_port = ROCE_UDP_PORT;
	datagram->destination_port = ROCE_UDP_PORT;
	datagram->ip_id = 0;
	datagram->ip_flags_fragment = 0x4000;
	datagram->ip_tos = 0;
	if (device->owing_head || device->replies_count > 0)
		sent = roce_cm_output(device, datagram, now_ns);
	while (!sent && device->ready_head) {
		sent = roce_qp_output(device, datagram, now_ns);
		if (device->budget_head)
			roce_budget_wake(device);
	}
	if (sent) {
		device->counters.packets_sent++;
		device->counters.bytes_sent += datagram->len_bytes;
	}
	return sent;
}

/* ---------------------------------------------------------------- time */

#define CONTAINER(pointer, type, member) ((type *)((uint8_t *)(pointer) - offsetof(type, member)))

void roce_tick(struct roce_device *device, uint64_t now_ns)
{
	struct roce_timer *timer;

	now_ns = roce_clock(device, now_ns);
	while ((timer = roce_timer_due(device, now_ns))) {
		struct queue_pair *qp = CONTAINER(timer, struct queue_pair, timer);

		if (qp->connection->state == CM_ESTABLISHED) {
			roce_requester_timer(device, qp, now_ns);
			roce_qp_schedule(device, qp);
		} else {
			roce_cm_timer(device, qp->connection, now_ns);
		}
	}
}
