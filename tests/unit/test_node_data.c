/* SPDX-License-Identifier: GPL-2.0-only */
/* Data connections: how they come up, and who gets none. Device 0 has the door, devices 1 and 2 knock. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/node/data_door.h"
#include "tests/unit/secure_fixture.h"

#define KNOCKERS 2u
#define PLACES 3u
#define NODE(i) (5u + (i))

struct knocker {
	struct roce_device *device;
	struct secure *secure;
	int queue;
	struct data_link link;
	unsigned reads;			/* completions of our own READs */
	int read_status;
};

struct fixture {
	struct wire wire;
	struct secure *secure;
	struct data_door door;
	struct data_place places[PLACES];
	struct knocker knockers[KNOCKERS];
	int admit_status;
	bool packet_macs;		/* of links that are opened */
	uint8_t memory[64], landing[64];
	uint32_t rkey;
};

#define COOKIE_LINK 1u
#define COOKIE_READ 2u

static int admit(void *context, const struct wire_data_hello *hello, uint32_t address)
{
	struct fixture *fixture = context;

	assert_int_equal(address, WIRE_ADDRESS(1 + hello->node - NODE(0)));
	assert_true(hello->incarnation > 0);
	return fixture->admit_status;
}

static void poll_all(void *context, uint64_t now_ns)
{
	struct fixture *fixture = context;
	struct roce_event event;

	data_door_poll(&fixture->door, now_ns);
	for (unsigned i = 0; i < KNOCKERS; i++) {
		struct knocker *knocker = &fixture->knockers[i];

		while (roce_queue_poll(knocker->device, knocker->queue, &event)) {
			if (event.type != ROCE_EVENT_COMPLETION || event.cookie == COOKIE_LINK) {
				data_link_event(&knocker->link, &event, now_ns);
			} else {
				knocker->reads++;
				knocker->read_status = event.status;
			}
		}
		data_link_tick(&knocker->link, now_ns);
	}
}

static uint64_t deadline(void *context)
{
	struct fixture *fixture = context;
	uint64_t first_ns = UINT64_MAX;

	for (unsigned i = 0; i < KNOCKERS; i++)
		if (fixture->knockers[i].link.state != DATA_LINK_CLOSED && fixture->knockers[i].link.deadline_ns < first_ns)
			first_ns = fixture->knockers[i].link.deadline_ns;
	return first_ns;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct roce_limits limits = { .memory_regions_max = 4 };
	struct roce_memory_config memory = { .ops = &roce_memory_plain_ops, .context = f->memory,
					     .len_bytes = sizeof(f->memory), .access = ROCE_ACCESS_REMOTE_READ, .peer = NODE(0) };
	struct data_door_config config = { .places = f->places, .places_max = PLACES, .admit = admit, .context = f };

	wire_init(&f->wire, 3);
	data_door_limits(PLACES + 2, &limits);
	limits.send_depth_max = 4;
	for (unsigned i = 0; i < 1 + KNOCKERS; i++)
		wire_add(&f->wire, &limits, 4096);
	config.device = f->wire.ends[0].device;
	config.secure = f->secure = secure_fixture(&f->wire, 0);
	assert_int_equal(data_door_open(&f->door, &config), 0);
	assert_int_equal(roce_memory_register(config.device, &memory, &f->rkey), 0);
	for (unsigned i = 0; i < KNOCKERS; i++) {
		f->knockers[i].device = f->wire.ends[1 + i].device;
		f->knockers[i].queue = roce_queue_create(f->knockers[i].device);
		f->knockers[i].secure = secure_fixture(&f->wire, 1 + i);
	}
	memset(f->memory, 0xab, sizeof(f->memory));
	wire_hook(&f->wire, poll_all, deadline, f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	wire_free(&f->wire);
	free(f->secure);
	for (unsigned i = 0; i < KNOCKERS; i++)
		free(f->knockers[i].secure);
	free(f);
	return 0;
}

static int open_as(struct fixture *f, unsigned i, uint32_t node)
{
	struct knocker *knocker = &f->knockers[i];
	const struct data_link_config config = { .device = knocker->device, .secure = knocker->secure, .queue = knocker->queue,
						 .cookie = COOKIE_LINK, .node = node, .incarnation = 77,
						 .packet_macs = f->packet_macs };

	return data_link_open(&knocker->link, &config, WIRE_NODE_MANAGER, WIRE_ADDRESS(0), f->wire.now_ns);
}

static bool never(void *context)
{
	(void)context;
	return false;
}

static bool first_is_up(void *context)
{
	return ((struct fixture *)context)->knockers[0].link.state == DATA_LINK_UP;
}

static bool first_is_closed(void *context)
{
	return ((struct fixture *)context)->knockers[0].link.state == DATA_LINK_CLOSED;
}

static bool first_is_challenged(void *context)
{
	return ((struct fixture *)context)->knockers[0].link.challenged;
}

static void come_up(struct fixture *f)
{
	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_up, f, 20 * WIRE_SECOND));
}

static bool first_has_read(void *context)
{
	return ((struct fixture *)context)->knockers[0].reads > 0;
}

static int read_first(struct fixture *f)
{
	struct knocker *knocker = &f->knockers[0];

	knocker->reads = 0;
	memset(f->landing, 0, sizeof(f->landing));
	assert_int_equal(roce_post_read(knocker->device, knocker->link.qpn, COOKIE_READ, f->landing, sizeof(f->landing), 0, f->rkey,
					f->wire.now_ns), 0);
	assert_true(wire_run(&f->wire, first_has_read, f, 20 * WIRE_SECOND));
	return knocker->read_status;
}

/* ---------------------------------------------------------------- holders of the key */

static void test_up_and_read(void **state)
{
	struct fixture *f = *state;

	come_up(f);
	assert_int_equal(f->door.counters.accepted, 1);
	assert_int_equal(f->places[0].state, DATA_PLACE_ADMITTED);
	assert_int_equal(f->places[0].node, NODE(0));
	assert_int_equal(read_first(f), 0);
	assert_memory_equal(f->landing, f->memory, sizeof(f->memory));
	data_link_close(&f->knockers[0].link, f->wire.now_ns);
	assert_false(wire_run(&f->wire, never, f, WIRE_SECOND));
	assert_int_equal(f->places[0].state, DATA_PLACE_FREE);
	assert_int_equal(f->door.counters.lost, 1);
}

static void test_up_on_a_bad_wire(void **state)
{
	struct fixture *f = *state;

	f->wire.loss_permille = f->wire.duplicate_permille = f->wire.reorder_permille = 100;
	for (unsigned i = 0; i < 20; i++) {
		if (f->knockers[0].link.state == DATA_LINK_CLOSED)
			assert_int_equal(open_as(f, 0, NODE(0)), 0);
		if (wire_run(&f->wire, first_is_up, f, 3 * WIRE_SECOND))
			break;
	}
	assert_int_equal(f->knockers[0].link.state, DATA_LINK_UP);
	assert_int_equal(read_first(f), 0);
}

static void test_newer_connection_replaces(void **state)
{
	struct fixture *f = *state;

	come_up(f);
	/* The same node again, from another machine: the first one's link ends, and not before the second is admitted. */
	f->knockers[1].link = (struct data_link){ 0 };
	assert_int_equal(open_as(f, 1, NODE(1)), 0);
	assert_false(wire_run(&f->wire, first_is_closed, f, WIRE_SECOND));
	assert_int_equal(f->knockers[1].link.state, DATA_LINK_UP);
	assert_int_equal(f->door.counters.replaced, 0);
	data_link_close(&f->knockers[0].link, f->wire.now_ns);
	f->wire.ends[1].cut = true;		/* the door does not hear of it */
	assert_false(wire_run(&f->wire, never, f, WIRE_SECOND));
	f->wire.ends[1].cut = false;
	come_up(f);
	assert_int_equal(f->door.counters.replaced + f->door.counters.lost, 1);
	assert_int_equal(f->door.counters.accepted, 3);
	assert_int_equal(read_first(f), 0);
}

static void test_not_admitted(void **state)
{
	struct fixture *f = *state;

	f->admit_status = -EACCES;
	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_closed, f, 20 * WIRE_SECOND));
	assert_int_equal(f->knockers[0].link.refusal, -EACCES);
	assert_int_equal(f->door.counters.refused, 1);
	assert_int_equal(f->door.counters.accepted, 0);
	assert_false(wire_run(&f->wire, never, f, WIRE_SECOND));
	for (unsigned i = 0; i < PLACES; i++)
		assert_int_equal(f->places[i].state, DATA_PLACE_FREE);
}

static void test_packet_macs(void **state)
{
	struct fixture *f = *state;
	struct data_link *link = &f->knockers[0].link;

	f->packet_macs = true;
	come_up(f);
	assert_int_equal(read_first(f), 0);
	assert_true(link->packets.protection.sent > 1 && link->packets.protection.expected > 1);
	assert_int_equal(f->places[0].packets.protection.expected, link->packets.protection.sent);
	f->wire.loss_permille = f->wire.reorder_permille = f->wire.corrupt_permille = 50;
	f->wire.duplicate_permille = 200;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(read_first(f), 0);
	assert_true(roce_counters(f->knockers[0].device)->drop_replay > 0);
}

static void test_packet_macs_demanded(void **state)
{
	struct fixture *f = *state;

	f->door.config.packet_macs = true;
	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_closed, f, 20 * WIRE_SECOND));
	assert_int_equal(f->knockers[0].link.refusal, -EOPNOTSUPP);
	f->packet_macs = true;
	come_up(f);
	assert_int_equal(read_first(f), 0);
}

/* ---------------------------------------------------------------- others */

static void test_no_key(void **state)
{
	struct fixture *f = *state;
	struct knocker *knocker = &f->knockers[0];
	static const uint8_t wrong[SECURE_KEY_BYTES] = { 1 };
	uint64_t sent = roce_counters(f->wire.ends[0].device)->packets_sent;

	assert_int_equal(secure_key_add(knocker->secure, 9, wrong), 0);
	assert_int_equal(secure_key_use(knocker->secure, 9), 0);
	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_closed, f, 20 * WIRE_SECOND));
	assert_int_equal(roce_counters(f->wire.ends[0].device)->packets_sent, sent);
	assert_true(secure_counters(f->secure)->refused_unknown_key > 0);
	assert_int_equal(secure_stranger(f->secure), WIRE_ADDRESS(1));
}

/* The door has gone on to the next key while this node was away: it knows that key, too, and asks with it next. */
static void test_second_key(void **state)
{
	struct fixture *f = *state;
	struct data_link *link = &f->knockers[0].link;
	static const uint8_t next[SECURE_KEY_BYTES] = { 1 };

	assert_int_equal(secure_key_add(f->knockers[0].secure, SECURE_FIXTURE_KEY_ID + 1, next), 0);
	assert_int_equal(secure_key_add(f->secure, SECURE_FIXTURE_KEY_ID + 1, next), 0);
	assert_int_equal(secure_key_use(f->secure, SECURE_FIXTURE_KEY_ID + 1), 0);
	assert_int_equal(secure_key_forget(f->secure, SECURE_FIXTURE_KEY_ID), 0);
	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_closed, f, 20 * WIRE_SECOND));
	come_up(f);
	assert_int_equal(read_first(f), 0);
	data_link_close(link, f->wire.now_ns);
	assert_int_equal(link->unanswered, 0);		/* it begins with the key in use again */
}

/* A key holder that answers the handshake but is not let on by its hello: another node's name in it. */
static void test_hello_of_another_node(void **state)
{
	struct fixture *f = *state;
	struct knocker *knocker = &f->knockers[0];

	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	assert_true(wire_run(&f->wire, first_is_challenged, f, WIRE_SECOND));
	knocker->link.config.node = NODE(1);	/* the last request is made; the hello is not yet */
	assert_true(wire_run(&f->wire, first_is_closed, f, 20 * WIRE_SECOND));
	assert_int_equal(f->door.counters.accepted, 0);
	assert_int_equal(f->door.counters.macs_refused, 1);
}

/* Who has been answered but never greets gives its place to the next, and ends nobody's connection. */
static void test_silent_ones_make_room(void **state)
{
	struct fixture *f = *state;
	struct knocker *knocker = &f->knockers[1];
	uint8_t challenge[SECURE_CHALLENGE_BYTES], request[SECURE_REQUEST_BYTES];
	const struct secure_route route = { .address = WIRE_ADDRESS(0), .port = WIRE_PORT_DATA, .node = NODE(0) };
	struct secure_handshake handshake;
	struct roce_guard_request asked = { .address = WIRE_ADDRESS(2), .port = WIRE_PORT_DATA, .private_data = request,
					    .private_len_bytes = sizeof(request) };
	struct roce_guard_reply reply;
	uint32_t connection;

	come_up(f);
	assert_int_equal(secure_request(knocker->secure, &handshake, &route, NULL, request), 0);
	assert_int_equal(secure_guard_check(f->secure, &asked, &reply, f->wire.now_ns), ROCE_GUARD_CHALLENGE);
	assert_true(secure_challenge(reply.private_data, reply.private_len_bytes, challenge));
	for (unsigned i = 0; i < PLACES + 1; i++) {
		struct roce_connect connect = { .remote_address = WIRE_ADDRESS(0), .remote_port = WIRE_PORT_DATA,
						.queue = knocker->queue, .cookie = COOKIE_LINK, .private_data = request,
						.private_len_bytes = sizeof(request), .timeout_ns = WIRE_SECOND };

		/* It claims to be the first node. */
		assert_int_equal(secure_request(knocker->secure, &handshake, &route, challenge, request), 0);
		assert_int_equal(roce_connect(knocker->device, &connect, &connection, f->wire.now_ns), 0);
		assert_false(wire_run(&f->wire, never, f, WIRE_SECOND / 10));
	}
	assert_true(f->door.counters.evicted >= 2);
	assert_int_equal(f->knockers[0].link.state, DATA_LINK_UP);
	assert_int_equal(read_first(f), 0);
	assert_int_equal(f->door.counters.accepted, 1);
	/* The last request again is a replay, whatever queue pair it names now. */
	{
		struct roce_connect connect = { .remote_address = WIRE_ADDRESS(0), .remote_port = WIRE_PORT_DATA,
						.queue = knocker->queue, .cookie = COOKIE_LINK, .private_data = request,
						.private_len_bytes = sizeof(request), .timeout_ns = WIRE_SECOND };

		assert_int_equal(roce_connect(knocker->device, &connect, &connection, f->wire.now_ns), 0);
		assert_false(wire_run(&f->wire, never, f, WIRE_SECOND / 10));
		assert_true(secure_counters(f->secure)->refused_replay > 0);
	}
}

/* The peer takes the connection and never welcomes us. */
static void test_silent_door(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(open_as(f, 0, NODE(0)), 0);
	while (f->knockers[0].link.state == DATA_LINK_CONNECTING)
		wire_run(&f->wire, never, f, 1000);
	assert_int_equal(f->knockers[0].link.state, DATA_LINK_GREETING);
	f->wire.ends[0].cut = true;
	assert_true(wire_run(&f->wire, first_is_closed, f, 2 * WIRE_SECOND));
	assert_int_equal(f->knockers[0].link.refusal, -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define DATA_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		DATA_TEST(test_up_and_read),	 DATA_TEST(test_up_on_a_bad_wire),
		DATA_TEST(test_newer_connection_replaces), DATA_TEST(test_not_admitted),
		DATA_TEST(test_packet_macs),	 DATA_TEST(test_packet_macs_demanded),
		DATA_TEST(test_second_key),
		DATA_TEST(test_no_key),		 DATA_TEST(test_hello_of_another_node),
		DATA_TEST(test_silent_ones_make_room), DATA_TEST(test_silent_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
