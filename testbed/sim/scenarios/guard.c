// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stranger before a service that asks for the rack's key: the door of memory components (net/node/data_door) and its
 * clients (net/node/data_link). It gets no answer but a challenge that is bound to its address, no place, no connection;
 * whoever has the key comes in at any time and works on as if it was alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <plenum/page.h>

#include "net/node/data_door.h"
#include "net/node/data_link.h"
#include "testbed/sim/scenario.h"
#include "testbed/sim/stranger.h"

#define CLIENTS 4u			/* the last one comes only when the stranger is at work */
#define DOOR 0u				/* node */
#define PLACES 16u
#define REPLAYS 1024u
#define DEPTH 8u
#define MEMORY_BYTES (1u << 20)
#define RECORD_UNTIL_NS (5 * MILLISECOND_NS)
#define ATTACK_FROM_NS (10 * MILLISECOND_NS)
#define LATE_NS (15 * MILLISECOND_NS)

struct client {
	struct guard *guard;
	struct node node;
	struct data_link link;
	int queue;
	uint64_t opened_ns, up_ns;	/* world time; 0: not yet */
	uint64_t read_bytes, lost;
	uint8_t *pages;			/* DEPTH of them */
	uint32_t offsets[DEPTH];
};

struct guard {
	struct world world;
	struct network network;
	struct node door_node;
	struct data_door door;
	struct data_place places[PLACES];
	uint8_t *memory;
	uint32_t rkey;
	struct client clients[CLIENTS];
	struct stranger stranger;
	struct secure *strangers_own;	/* with a key that is not the rack's */
};

/* ---------------------------------------------------------------- the door */

static void door_run(struct node *node)
{
	struct guard *guard = node->context;

	data_door_poll(&guard->door, node_now_ns(node));
}

static void door_start(struct guard *guard)
{
	struct roce_limits limits = { .memory_regions_max = 1 };
	struct data_door_config config = { .places = guard->places, .places_max = PLACES };
	struct roce_memory_config memory = { .ops = &roce_memory_plain_ops, .access = ROCE_ACCESS_REMOTE_READ,
					     .len_bytes = MEMORY_BYTES };

	data_door_limits(PLACES, &limits);
	config.device = node_start(&guard->door_node, &limits, 4096, 0);
	config.secure = node_secure(&guard->door_node, REPLAYS);
	guard->memory = sim_alloc(MEMORY_BYTES);
	for (uint32_t i = 0; i < MEMORY_BYTES; i++)
		guard->memory[i] = (uint8_t)sim_random(&guard->world.random);
	memory.context = guard->memory;
	if (data_door_open(&guard->door, &config) != 0 || roce_memory_register(config.device, &memory, &guard->rkey) != 0)
		world_fail(&guard->world, "the door does not open");
	guard->door_node.context = guard;
	guard->door_node.run = door_run;
}

/* ---------------------------------------------------------------- clients */

static void client_open(void *object, uint64_t number)
{
	struct client *client = object;
	const struct data_link_config config = { .device = client->node.device, .secure = client->node.secure,
						 .queue = client->queue, .cookie = DEPTH, .node = (uint32_t)number + 1,
						 .incarnation = 1 };

	client->opened_ns = client->guard->world.now_ns;
	if (data_link_open(&client->link, &config, DOOR + 1, client->guard->door_node.address, node_now_ns(&client->node)) != 0)
		world_fail(&client->guard->world, "client %llu cannot ask", (unsigned long long)number);
	node_run(&client->node);
}

static void client_read(struct client *client, uint32_t slot)
{
	uint8_t *page = client->pages + (size_t)slot * PAGE_BYTES;

	client->offsets[slot] = (uint32_t)(sim_random(&client->node.random) % (MEMORY_BYTES / PAGE_BYTES)) * PAGE_BYTES;
	memset(page, 0, PAGE_BYTES);
	roce_post_read(client->node.device, client->link.qpn, slot, page, PAGE_BYTES, client->offsets[slot],
		       client->guard->rkey, node_now_ns(&client->node));
}

static void client_read_done(struct client *client, uint32_t slot, int status)
{
	struct guard *guard = client->guard;

	if (status != 0)
		return;				/* the link is lost, which is counted */
	if (memcmp(client->pages + (size_t)slot * PAGE_BYTES, guard->memory + client->offsets[slot], PAGE_BYTES) != 0)
		world_fail(&guard->world, "a page is not what it should be");
	client->read_bytes += PAGE_BYTES;
	client_read(client, slot);
}

static void client_run(struct node *node)
{
	struct client *client = node->context;
	struct roce_event event;

	while (roce_queue_poll(node->device, client->queue, &event) != 0) {
		bool was_up = client->link.state == DATA_LINK_UP;

		if (event.type == ROCE_EVENT_COMPLETION && event.cookie < DEPTH) {
			client_read_done(client, (uint32_t)event.cookie, event.status);
			continue;
		}
		data_link_event(&client->link, &event, node_now_ns(node));
		client->lost += client->link.state == DATA_LINK_CLOSED;
		if (was_up || client->link.state != DATA_LINK_UP)
			continue;
		client->up_ns = client->guard->world.now_ns;
		for (uint32_t slot = 0; slot < DEPTH; slot++)
			client_read(client, slot);
	}
	data_link_tick(&client->link, node_now_ns(node));
	if (client->link.state != DATA_LINK_CLOSED)
		node_wake_at(node, client->link.deadline_ns);
}

static void client_start(struct guard *guard, uint32_t number, uint64_t open_ns)
{
	const struct roce_limits limits = { .queue_pairs_max = 4, .memory_regions_max = 1, .queues_max = 1, .connections_max = 4,
					    .listeners_max = 1, .queue_events_max = 64, .send_depth_max = DEPTH + 1,
					    .receive_depth_max = 1 };
	struct client *client = &guard->clients[number];

	client->guard = guard;
	client->pages = sim_alloc(DEPTH * PAGE_BYTES);
	client->queue = roce_queue_create(node_start(&client->node, &limits, 4096, ROCE_READ_BUDGET_BYTES));
	node_secure(&client->node, 1);
	client->node.context = client;
	client->node.run = client_run;
	world_at(&guard->world, open_ns, client_open, client, number);
}

/* ---------------------------------------------------------------- what is special about this stranger */

static void own_random(void *context, void *bytes, size_t len)
{
	struct stranger *stranger = context;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = (uint8_t)stranger_below(stranger, 256);
}

/* A handshake as it should be, from its own address, but for the key. */
static void attack_wrong_key(struct stranger *stranger, struct roce_datagram *datagram)
{
	struct guard *guard = stranger->context;
	const struct secure_route route = { .address = guard->door_node.address, .port = WIRE_PORT_DATA, .node = 2 };
	uint8_t request[SECURE_REQUEST_BYTES];
	struct secure_handshake handshake;

	datagram->source_address = stranger->node.address;
	datagram->destination_address = route.address;
	datagram->source_port = datagram->destination_port = ROCE_UDP_PORT;
	datagram->ip_flags_fragment = 0x4000;
	if (secure_request(guard->strangers_own, &handshake, &route, NULL, request) != 0)
		world_fail(&guard->world, "the stranger has no key");
	stranger_connect_request(stranger, request, sizeof(request), datagram);
}

static void stranger_key(struct guard *guard)
{
	static const uint8_t key[SECURE_KEY_BYTES] = "a key, but not that of the rack";
	const struct secure_config config = { .address = guard->stranger.node.address, .replays_max = 1,
					      .environment = { .random = own_random, .context = &guard->stranger } };

	guard->strangers_own = secure_create(sim_alloc(secure_bytes(&config)), &config, 0);
	if (guard->strangers_own == NULL || secure_key_add(guard->strangers_own, 1, key) != 0)
		world_fail(&guard->world, "the stranger has no key");
	guard->stranger.context = guard;
}

/* ---------------------------------------------------------------- a run */

struct result {
	uint64_t bytes, sent, refused, heard, unaddressed, lost, accepted, evicted, door_macs, door_replays;
	uint64_t late_ns;		/* that the late client took to come in; NEVER_NS: it did not */
	uint32_t places;
};

static uint64_t refused(const struct guard *guard)
{
	uint64_t sum = stranger_refused(roce_counters(guard->door_node.device));

	for (uint32_t i = 0; i < CLIENTS; i++)
		sum += stranger_refused(roce_counters(guard->clients[i].node.device));
	return sum;
}

static uint64_t read_bytes(const void *context)
{
	const struct guard *guard = context;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CLIENTS; i++)
		sum += guard->clients[i].read_bytes;
	return sum;
}

static void guard_create(struct guard *guard, uint64_t seed)
{
	const struct network_config config = network_clean(STRANGER_GIGABITS_PER_S, STRANGER_BUFFER_BYTES);

	memset(guard, 0, sizeof(*guard));
	world_create(&guard->world, seed);
	network_create(&guard->network, &guard->world, &config, CLIENTS + 2);
	node_create(&guard->door_node, &guard->network);
	for (uint32_t i = 0; i < CLIENTS; i++)
		node_create(&guard->clients[i].node, &guard->network);
	stranger_create(&guard->stranger, &guard->network, CLIENTS + 1, WIRE_PORT_DATA);
	guard->stranger.listened_to = DOOR;
	stranger_record(&guard->stranger, 0, RECORD_UNTIL_NS);
	stranger_key(guard);
	door_start(guard);
	for (uint32_t i = 0; i < CLIENTS; i++)
		client_start(guard, i, i + 1 < CLIENTS ? i * MILLISECOND_NS / 10 : LATE_NS);
}

static void guard_destroy(struct guard *guard)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		node_stop(&guard->clients[i].node);
		free(guard->clients[i].pages);
	}
	node_stop(&guard->door_node);
	free(guard->memory);
	free(guard->strangers_own);
	stranger_destroy(&guard->stranger);
	network_destroy(&guard->network);
	world_destroy(&guard->world);
}

static struct result run(struct report *report, stranger_attack *attack, uint64_t seed)
{
	struct guard *guard = sim_alloc(sizeof(*guard));
	const struct client *late = &guard->clients[CLIENTS - 1];
	struct result result = { 0 };

	guard_create(guard, seed);
	world_run_until(&guard->world, ATTACK_FROM_NS);
	result.refused = refused(guard);
	result.bytes = stranger_trial(&guard->stranger, attack, read_bytes, guard);
	world_run_until(&guard->world, guard->world.now_ns + MILLISECOND_NS);
	result.refused = refused(guard) - result.refused;
	result.sent = guard->stranger.sent;
	result.heard = guard->stranger.heard;
	result.unaddressed = guard->network.counters.unaddressed;
	result.accepted = guard->door.counters.accepted;
	result.evicted = guard->door.counters.evicted;
	result.late_ns = late->up_ns > 0 ? late->up_ns - late->opened_ns : NEVER_NS;
	for (uint32_t i = 0; i < PLACES; i++)
		result.places += guard->places[i].state != DATA_PLACE_FREE;
	for (uint32_t i = 0; i < CLIENTS; i++)
		result.lost += guard->clients[i].lost;
	report_trace(report, guard->world.hash);
	guard_destroy(guard);
	free(guard);
	return result;
}

static void expect(struct report *report, const char *name, const struct result *result, const struct result *alone)
{
	double part = (double)result->bytes / (double)alone->bytes;

	printf("guard %-14s sent=%llu refused=%llu answers=%llu places=%u accepted=%llu goodput=%.3f late_client_us=%llu\n", name,
	       (unsigned long long)result->sent, (unsigned long long)(result->refused - alone->refused),
	       (unsigned long long)(result->heard + result->unaddressed), result->places,
	       (unsigned long long)result->accepted, part, (unsigned long long)(result->late_ns / MICROSECOND_NS));
	report_expect(report, result->heard + result->unaddressed == 0, "%s: not a word to the stranger", name);
	report_expect(report, result->places == CLIENTS && result->accepted == CLIENTS, "%s: nobody but the clients is in", name);
	report_expect(report, result->lost == 0, "%s: no client loses its connection", name);
	report_expect(report, result->late_ns != NEVER_NS && result->late_ns <= 2 * alone->late_ns + MILLISECOND_NS,
		      "%s: who has the key comes in at once", name);
	report_expect(report, part >= STRANGER_GOODPUT_MIN, "%s: goodput at least %.2f of what it is without", name, STRANGER_GOODPUT_MIN);
	report_expect(report, result->refused - alone->refused >= result->sent, "%s: every packet is counted", name);
}

static void guard_run(struct report *report, const struct options *options)
{
	static const struct stranger_case cases[] = {
		STRANGER_CASES,
		{ "replay-connect", attack_replay_connect },
		{ "wrong-key", attack_wrong_key },
	};
	const struct result alone = run(report, NULL, options->seed);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct result result;

		if (!options_want(options, cases[i].name))
			continue;
		result = run(report, cases[i].attack, options->seed);
		expect(report, cases[i].name, &result, &alone);
	}
}

const struct scenario scenario_guard = {
	"guard", "a stranger before a service that asks for the rack's key, while key holders come and work", guard_run,
};
