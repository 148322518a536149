/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A memory component on the wire: the manager (device 0) creates regions by RPC, owners (devices 2 and 3, nodes 5 and 6)
 * READ and WRITE them with the rkeys it gives out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <plenum/status.h>

#include "mcomponent/mcomponent.h"
#include "net/node/data_link.h"
#include "tests/unit/secure_fixture.h"

#define PAGES 4096u
#define INDEX 3u			/* of the region under test */
#define REGION_TEST_PAGES 1000u
#define BASE ((uint64_t)INDEX << REGION_SHIFT)

#define COOKIE_LINK 2u
#define COOKIE_WORK 1u

struct owner {
	struct roce_device *device;
	struct secure *secure;
	int queue;
	uint32_t node;
	uint64_t incarnation;
	struct data_link links[2], *link;	/* the one in use; the other may still be open */
	unsigned completions;
	int status;
};

struct fixture {
	struct wire wire;
	struct secure *secure, *manager_secure;
	struct mcomponent component;
	struct rpc_endpoint *manager, *endpoint;
	void *manager_memory, *endpoint_memory, *tables, *frames;
	uint32_t manager_session;
	bool manager_up;
	struct owner owners[2];
	unsigned done;
	int status;
	uint32_t reply_len;
	uint8_t reply[RPC_BODY_BYTES_MAX];
};

static const struct rpc_type no_types[] = { { 0 } };

static void manager_session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now_ns)
{
	struct fixture *fixture = context;

	(void)now_ns;
	fixture->manager_session = session;
	fixture->manager_up = event == RPC_SESSION_UP;
}

static void fixture_poll(void *context, uint64_t now_ns)
{
	struct fixture *fixture = context;
	struct roce_event event;

	rpc_poll(fixture->manager, now_ns);
	rpc_poll(fixture->endpoint, now_ns);
	mcomponent_poll(&fixture->component, now_ns);
	for (unsigned i = 0; i < 2; i++) {
		struct owner *owner = &fixture->owners[i];

		while (roce_queue_poll(owner->device, owner->queue, &event)) {
			if (event.type != ROCE_EVENT_COMPLETION || event.cookie == COOKIE_LINK) {
				data_link_event(&owner->links[0], &event, now_ns);
				data_link_event(&owner->links[1], &event, now_ns);
			} else {
				owner->completions++;
				owner->status = event.status;
			}
		}
	}
}

static uint64_t fixture_deadline(void *context)
{
	struct fixture *fixture = context;
	uint64_t first = rpc_deadline_ns(fixture->manager), second = rpc_deadline_ns(fixture->endpoint);

	return first < second ? first : second;
}

static void *zeroed(size_t bytes)
{
	void *memory;

	bytes = (bytes + 63) & ~(size_t)63;
	memory = aligned_alloc(64, bytes);
	assert_non_null(memory);
	memset(memory, 0, bytes);
	return memory;
}

static bool manager_is_up(void *context)
{
	return ((struct fixture *)context)->manager_up;
}

static const struct rpc_limits rpc_limits = { .sessions_max = 2 };

static struct rpc_endpoint *endpoint(struct fixture *fixture, struct rpc_config config, void **memory)
{
	struct rpc_endpoint *made;

	config.limits = rpc_limits;
	*memory = zeroed(rpc_endpoint_bytes(&config));
	made = rpc_endpoint_create(*memory, &config, fixture->wire.now_ns);
	assert_non_null(made);
	return made;
}

static size_t more_counters(void *context, char *text, size_t bytes)
{
	/* Long enough for several pieces. */
	size_t len = 0;
	char name[32];

	(void)context;
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "lower_counter_%u", i);
		node_counters_append(text, bytes, &len, name, i);
	}
	return len;
}

static void build(struct fixture *fixture, uint32_t mtu_bytes, bool flat)
{
	struct roce_limits limits = { 0 };
	struct mcomponent_config config = { .pages = PAGES, .counters_text = more_counters };

	wire_init(&fixture->wire, 11);
	mcomponent_limits(PAGES, &limits);
	rpc_device_limits(&rpc_limits, &limits);
	for (unsigned i = 0; i < 4; i++)
		wire_add(&fixture->wire, &limits, mtu_bytes);
	fixture->manager_secure = secure_fixture(&fixture->wire, 0);
	fixture->secure = secure_fixture(&fixture->wire, 1);
	fixture->manager = endpoint(fixture, (struct rpc_config){
		.secure = fixture->manager_secure,
		.device = fixture->wire.ends[0].device, .node = WIRE_NODE_MANAGER, .incarnation = 1,
		.port = WIRE_PORT_RPC, .types = no_types, .context = fixture,
		.session_changed = manager_session_changed }, &fixture->manager_memory);
	fixture->endpoint = endpoint(fixture, (struct rpc_config){
		.secure = fixture->secure,
		.device = fixture->wire.ends[1].device, .node = 2, .incarnation = 2, .types = mcomponent_rpc_types,
		.context = &fixture->component }, &fixture->endpoint_memory);
	config.device = fixture->wire.ends[1].device;
	config.endpoint = fixture->endpoint;
	config.secure = fixture->secure;
	config.tables = fixture->tables = zeroed(region_set_table_bytes(PAGES));
	config.frames = fixture->frames = aligned_alloc(PAGE_BYTES, (size_t)PAGES * PAGE_BYTES);
	config.flat = flat;
	memset(fixture->frames, 0xee, (size_t)PAGES * PAGE_BYTES);
	assert_int_equal(mcomponent_init(&fixture->component, &config), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct owner *owner = &fixture->owners[i];

		owner->device = fixture->wire.ends[2 + i].device;
		owner->queue = roce_queue_create(owner->device);
		owner->node = 5 + i;
		owner->incarnation = 500 + i;
		owner->secure = secure_fixture(&fixture->wire, 2 + i);
		assert_true(owner->queue >= 0);
	}
	wire_hook(&fixture->wire, fixture_poll, fixture_deadline, fixture);
	uint32_t session;
	assert_int_equal(rpc_open(fixture->endpoint, WIRE_ADDRESS(0), WIRE_PORT_RPC, &session, fixture->wire.now_ns), 0);
	assert_true(wire_run(&fixture->wire, manager_is_up, fixture, WIRE_SECOND));
}

static int setup(void **state)
{
	*state = zeroed(sizeof(struct fixture));
	build(*state, 4096, false);
	return 0;
}

static int setup_mtu_1024(void **state)
{
	*state = zeroed(sizeof(struct fixture));
	build(*state, 1024, false);
	return 0;
}

static int setup_flat(void **state)
{
	*state = zeroed(sizeof(struct fixture));
	build(*state, 4096, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	wire_free(&fixture->wire);
	free(fixture->secure);
	free(fixture->manager_secure);
	for (unsigned i = 0; i < 2; i++)
		free(fixture->owners[i].secure);
	free(fixture->manager_memory);
	free(fixture->endpoint_memory);
	free(fixture->tables);
	free(fixture->frames);
	free(fixture);
	return 0;
}

/* ---------------------------------------------------------------- what the parties do */

static void call_done(void *context, uint64_t cookie, int status, const void *body, uint32_t len_bytes, uint64_t now_ns)
{
	struct fixture *fixture = context;

	(void)cookie;
	(void)now_ns;
	fixture->done++;
	fixture->status = status;
	fixture->reply_len = len_bytes;
	if (len_bytes > 0)
		memcpy(fixture->reply, body, len_bytes);
}

static bool call_is_done(void *context)
{
	return ((struct fixture *)context)->done > 0;
}

static int call(struct fixture *fixture, uint16_t type, const void *body, uint32_t len_bytes)
{
	fixture->done = 0;
	assert_int_equal(rpc_call(fixture->manager, fixture->manager_session, type, body, len_bytes, 0, call_done, fixture, 0,
				  fixture->wire.now_ns), 0);
	assert_true(wire_run(&fixture->wire, call_is_done, fixture, 5 * WIRE_SECOND));
	return fixture->status;
}

static uint32_t create(struct fixture *fixture, uint32_t index, uint32_t pages, uint32_t node)
{
	const struct wire_region_create body = { 1, index, 1, node, pages };
	struct wire_region_created created;

	assert_int_equal(call(fixture, WIRE_REGION_CREATE, &body, sizeof(body)), 0);
	assert_int_equal(fixture->reply_len, sizeof(created));
	memcpy(&created, fixture->reply, sizeof(created));
	assert_true(created.base == (uint64_t)index << REGION_SHIFT);
	return created.rkey;
}

static bool owner_settled(void *context)
{
	enum data_link_state state = ((struct owner *)context)->link->state;

	return state == DATA_LINK_UP || state == DATA_LINK_CLOSED;
}

/* With the other link than before; that one stays as it is. */
static void connect_as(struct fixture *fixture, struct owner *owner, uint32_t node, uint64_t incarnation)
{
	const struct data_link_config config = { .device = owner->device, .secure = owner->secure, .queue = owner->queue,
						 .cookie = COOKIE_LINK, .node = node, .incarnation = incarnation };

	owner->link = owner->link == &owner->links[0] ? &owner->links[1] : &owner->links[0];
	assert_int_equal(data_link_open(owner->link, &config, 2, WIRE_ADDRESS(1), fixture->wire.now_ns), 0);
	assert_true(wire_run(&fixture->wire, owner_settled, owner, 3 * WIRE_SECOND));
}

static void connect_owner(struct fixture *fixture, struct owner *owner)
{
	connect_as(fixture, owner, owner->node, owner->incarnation);
	assert_int_equal(owner->link->state, DATA_LINK_UP);
}

static bool owner_completed(void *context)
{
	return ((struct owner *)context)->completions > 0;
}

static int transfer(struct fixture *fixture, struct owner *owner, bool write, void *bytes, uint32_t len_bytes,
		    uint64_t address, uint32_t rkey)
{
	owner->completions = 0;
	assert_int_equal(write ? roce_post_write(owner->device, owner->link->qpn, COOKIE_WORK, bytes, len_bytes, address, rkey,
						 fixture->wire.now_ns) :
				 roce_post_read(owner->device, owner->link->qpn, COOKIE_WORK, bytes, len_bytes, address, rkey,
						fixture->wire.now_ns), 0);
	assert_true(wire_run(&fixture->wire, owner_completed, owner, 10 * WIRE_SECOND));
	return owner->status;
}

/* It must be refused, and the queue pair is lost with it: connect again. */
static void refused(struct fixture *fixture, struct owner *owner, bool write, uint32_t len_bytes, uint64_t address,
		    uint32_t rkey)
{
	static uint8_t bytes[2 * PAGE_BYTES];

	memset(bytes, 0x42, sizeof(bytes));
	assert_int_equal(transfer(fixture, owner, write, bytes, len_bytes, address, rkey), -EACCES);
	data_link_close(owner->link, fixture->wire.now_ns);
	connect_owner(fixture, owner);
}

/* ---------------------------------------------------------------- tests */

static void pages_come_back(void **state)
{
	struct fixture *fixture = *state;
	struct owner *owner = &fixture->owners[0];
	uint32_t rkey = create(fixture, INDEX, REGION_TEST_PAGES, 5);
	static uint8_t page[PAGE_BYTES], back[PAGE_BYTES], zero[PAGE_BYTES];
	struct wire_node_renew renew = { 0 };

	connect_owner(fixture, owner);
	memset(back, 1, sizeof(back));
	assert_int_equal(transfer(fixture, owner, false, back, PAGE_BYTES, BASE, rkey), 0);
	assert_memory_equal(back, zero, PAGE_BYTES);
	for (unsigned i = 0; i < 50; i++) {
		memset(page, (int)i, PAGE_BYTES);	/* the first is a zero page */
		assert_int_equal(transfer(fixture, owner, true, page, PAGE_BYTES, BASE + i * PAGE_BYTES, rkey), 0);
	}
	for (unsigned i = 0; i < 50; i++) {
		memset(page, (int)i, PAGE_BYTES);
		assert_int_equal(transfer(fixture, owner, false, back, PAGE_BYTES, BASE + i * PAGE_BYTES, rkey), 0);
		assert_memory_equal(back, page, PAGE_BYTES);
	}
	mcomponent_renew(&fixture->component, &renew);
	assert_int_equal(renew.pages_capacity, PAGES);
	assert_int_equal(renew.pages_reserved, REGION_TEST_PAGES);
	assert_int_equal(renew.pages_stored, 49);
	assert_int_equal(renew.pages_zero, 1);
	assert_int_equal(renew.pages_written, 50);
	assert_int_equal(renew.regions, 1);
	assert_int_equal(renew.writes, 50);
	assert_int_equal(renew.reads, 51);
	/* Turned to zero, by the bytes in the middle of two pages last. */
	for (unsigned i = 1; i < 50; i++)
		assert_int_equal(transfer(fixture, owner, true, zero, PAGE_BYTES - 100, BASE + i * PAGE_BYTES + 100, rkey), 0);
	mcomponent_renew(&fixture->component, &renew);
	assert_int_equal(renew.pages_stored, 49);
	for (unsigned i = 1; i < 50; i++)
		assert_int_equal(transfer(fixture, owner, true, zero, 100, BASE + i * PAGE_BYTES, rkey), 0);
	mcomponent_renew(&fixture->component, &renew);
	assert_int_equal(renew.pages_stored, 0);
	assert_int_equal(renew.pages_zero, 50);
	/* A transfer over the border of two pages. */
	memset(page, 0x33, PAGE_BYTES);
	assert_int_equal(transfer(fixture, owner, true, page, PAGE_BYTES, BASE + 1000, rkey), 0);
	assert_int_equal(transfer(fixture, owner, false, back, PAGE_BYTES, BASE + 1000, rkey), 0);
	assert_memory_equal(back, page, PAGE_BYTES);
	mcomponent_renew(&fixture->component, &renew);
	assert_int_equal(renew.pages_stored, 2);
}

static void outside_and_foreign(void **state)
{
	struct fixture *fixture = *state;
	struct owner *owner = &fixture->owners[0], *foreign = &fixture->owners[1];
	uint32_t rkey = create(fixture, INDEX, REGION_TEST_PAGES, 5);
	const uint64_t end = BASE + REGION_TEST_PAGES * PAGE_BYTES;
	static uint8_t page[PAGE_BYTES], back[PAGE_BYTES];

	connect_owner(fixture, owner);
	connect_owner(fixture, foreign);
	memset(page, 0x11, PAGE_BYTES);
	assert_int_equal(transfer(fixture, owner, true, page, PAGE_BYTES, end - PAGE_BYTES, rkey), 0);
	for (unsigned write = 0; write < 2; write++) {
		refused(fixture, owner, write, PAGE_BYTES, end, rkey);
		refused(fixture, owner, write, 8, end - 4, rkey);
		refused(fixture, owner, write, PAGE_BYTES, BASE - PAGE_BYTES, rkey);
		refused(fixture, owner, write, 2 * PAGE_BYTES, end - PAGE_BYTES, rkey);
		refused(fixture, owner, write, PAGE_BYTES, UINT64_MAX - 100, rkey);
		refused(fixture, owner, write, PAGE_BYTES, 0, rkey);
		refused(fixture, owner, write, PAGE_BYTES, BASE, rkey + 1);
		refused(fixture, owner, write, PAGE_BYTES, BASE, rkey ^ 0x80000000u);
		refused(fixture, foreign, write, PAGE_BYTES, BASE, rkey);
	}
	/* Nothing that was refused left a trace but the counters. */
	assert_int_equal(transfer(fixture, owner, false, back, PAGE_BYTES, end - PAGE_BYTES, rkey), 0);
	assert_memory_equal(back, page, PAGE_BYTES);
	assert_int_equal(fixture->component.regions.store.pages_written, 1);
	assert_true(roce_counters(fixture->wire.ends[1].device)->access_wrong_peer >= 2);
	assert_true(roce_counters(fixture->wire.ends[1].device)->access_bounds >= 10);
}

static void epoch_fences(void **state)
{
	struct fixture *fixture = *state;
	struct owner *old = &fixture->owners[0], *new = &fixture->owners[1];
	uint32_t rkey = create(fixture, INDEX, REGION_TEST_PAGES, 5), rkey_new;
	struct wire_region_epoch raise = { 1, INDEX, 2, 6, 0 };
	struct wire_region_name name = { 1, INDEX, 1 };
	struct wire_region_created created;
	static uint8_t page[PAGE_BYTES], back[PAGE_BYTES];

	connect_owner(fixture, old);
	connect_owner(fixture, new);
	memset(page, 0x5a, PAGE_BYTES);
	assert_int_equal(transfer(fixture, old, true, page, PAGE_BYTES, BASE, rkey), 0);
	assert_int_equal(call(fixture, WIRE_REGION_EPOCH, &raise, sizeof(raise)), 0);
	memcpy(&created, fixture->reply, sizeof(created));
	rkey_new = created.rkey;
	refused(fixture, old, true, PAGE_BYTES, BASE, rkey);
	refused(fixture, old, false, PAGE_BYTES, BASE, rkey);
	refused(fixture, old, true, PAGE_BYTES, BASE, rkey_new);
	/* The new owner finds what the old one left. */
	assert_int_equal(transfer(fixture, new, false, back, PAGE_BYTES, BASE, rkey_new), 0);
	assert_memory_equal(back, page, PAGE_BYTES);
	assert_int_equal(call(fixture, WIRE_REGION_EPOCH, &raise, sizeof(raise)), -ESTALE);
	assert_int_equal(call(fixture, WIRE_REGION_DESTROY, &name, sizeof(name)), -ESTALE);
	name.epoch = 2;
	assert_int_equal(call(fixture, WIRE_REGION_DESTROY, &name, sizeof(name)), 0);
	assert_int_equal(call(fixture, WIRE_REGION_DESTROY, &name, sizeof(name)), -ENOENT);
	assert_int_equal(call(fixture, WIRE_REGION_EPOCH, &raise, sizeof(raise)), -ENOENT);
	refused(fixture, new, false, PAGE_BYTES, BASE, rkey_new);
	assert_int_equal(fixture->component.regions.store.free_count, PAGES);
	assert_int_equal(fixture->component.regions.store.pages_written, 0);
}

static void full_store(void **state)
{
	struct fixture *fixture = *state;
	struct owner *owner = &fixture->owners[0];
	struct wire_region_create body = { 1, 9, 1, 5, 1 };
	uint32_t rkey = create(fixture, INDEX, PAGES, 5);
	static uint8_t page[PAGE_BYTES];

	assert_int_equal(call(fixture, WIRE_REGION_CREATE, &body, sizeof(body)), -ENOSPC);
	body.index = INDEX;
	assert_int_equal(call(fixture, WIRE_REGION_CREATE, &body, sizeof(body)), -EEXIST);
	assert_int_equal(fixture->component.region_requests_refused, 2);
	/* M1: every page of it can be stored, all different from zero. */
	connect_owner(fixture, owner);
	for (uint32_t i = 0; i < PAGES; i++) {
		memset(page, 1 + (int)(i % 200), PAGE_BYTES);
		assert_int_equal(transfer(fixture, owner, true, page, PAGE_BYTES, BASE + (uint64_t)i * PAGE_BYTES, rkey), 0);
	}
	assert_int_equal(fixture->component.regions.store.free_count, 0);
}

static void bad_bodies(void **state)
{
	struct fixture *fixture = *state;
	uint8_t body[64] = { 0 };

	assert_int_equal(call(fixture, WIRE_REGION_CREATE, body, sizeof(struct wire_region_create) - 1), -EMSGSIZE);
	assert_int_equal(call(fixture, WIRE_REGION_DESTROY, body, 1), -EMSGSIZE);
	assert_int_equal(call(fixture, WIRE_REGION_EPOCH, NULL, 0), -EMSGSIZE);
	assert_int_equal(call(fixture, WIRE_REGION_CREATE, body, sizeof(body)), -EINVAL);
	assert_int_equal(call(fixture, WIRE_VM_START, body, sizeof(body)), -EOPNOTSUPP);
}

/* What else a hello can lack is tested in test_node_data.c. */
static void bad_hellos(void **state)
{
	struct fixture *fixture = *state;
	struct owner *owner = &fixture->owners[0];

	connect_as(fixture, owner, owner->node, 0);
	assert_int_equal(owner->link->state, DATA_LINK_CLOSED);
	assert_int_equal(fixture->component.door.counters.accepted, 0);
	connect_owner(fixture, owner);
}

static void a_node_has_one_connection(void **state)
{
	struct fixture *fixture = *state;
	const struct data_door_counters *counters = &fixture->component.door.counters;
	struct owner *owner = &fixture->owners[0];
	struct data_link *first;

	connect_owner(fixture, owner);
	first = owner->link;
	assert_int_equal(counters->replaced, 0);
	connect_owner(fixture, owner);
	assert_int_equal(counters->replaced, 1);
	wire_run(&fixture->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(first->state, DATA_LINK_CLOSED);
	assert_int_equal(owner->link->state, DATA_LINK_UP);
	owner->incarnation++;
	connect_owner(fixture, owner);
	assert_int_equal(counters->replaced, 2);
	data_link_close(owner->link, fixture->wire.now_ns);
	wire_run(&fixture->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(counters->lost, 1);
}

/* ---------------------------------------------------------------- the rack's keys */

static const uint8_t next_key[SECURE_KEY_BYTES] = { 7, 7, 7 };

static struct secure_key_set key_set(uint32_t count, uint8_t first, uint8_t second)
{
	struct secure_key_set set = { .count = count, .ids = { first, second } };

	for (uint32_t i = 0; i < count; i++)
		memcpy(set.keys[i], set.ids[i] == SECURE_FIXTURE_KEY_ID ? secure_fixture_key : next_key, SECURE_KEY_BYTES);
	return set;
}

/* The manager tells the component, and goes by it itself. */
static int tell_keys(struct fixture *fixture, const struct secure_key_set *set)
{
	struct wire_rack_keys body;
	int status;

	assert_int_equal(rack_keys_seal(fixture->manager, fixture->manager_session, set, &body), 0);
	for (uint32_t i = 0; i < set->count; i++)
		assert_memory_not_equal(body.keys[i].sealed, set->keys[i], SECURE_KEY_BYTES);
	status = call(fixture, WIRE_RACK_KEYS, &body, sizeof(body));
	assert_int_equal(rack_keys_apply(fixture->manager_secure, set), 0);
	return status;
}

static void keys_rotate(void **state)
{
	struct fixture *fixture = *state;
	struct owner *owner = &fixture->owners[0];
	const uint8_t old = SECURE_FIXTURE_KEY_ID, new = SECURE_FIXTURE_KEY_ID + 1;
	struct secure_key_set both = key_set(2, old, new), turned = key_set(2, new, old), alone = key_set(1, new, 0);
	struct rack_keys_watch watch = { 0 };

	connect_owner(fixture, owner);
	rack_keys_watch(&watch, fixture->manager_secure, fixture->manager, NULL, fixture->wire.now_ns);
	assert_int_equal(tell_keys(fixture, &both), 0);
	assert_int_equal(secure_key_current(fixture->secure), old);
	assert_true(secure_key_known(fixture->secure, new));
	assert_int_equal(tell_keys(fixture, &turned), 0);
	assert_int_equal(tell_keys(fixture, &turned), 0);	/* again changes nothing */
	assert_int_equal(secure_key_current(fixture->secure), new);
	rack_keys_watch(&watch, fixture->manager_secure, fixture->manager, NULL, fixture->wire.now_ns);
	wire_run(&fixture->wire, NULL, NULL, WIRE_SECOND);
	assert_int_equal(owner->link->state, DATA_LINK_UP);
	assert_true(fixture->manager_up);
	/* What was connected with the old key ends with it; the session comes back with the new one, the owner cannot. */
	assert_int_equal(tell_keys(fixture, &alone), 0);
	rack_keys_watch(&watch, fixture->manager_secure, fixture->manager, NULL, fixture->wire.now_ns);
	wire_run(&fixture->wire, NULL, NULL, 10 * WIRE_SECOND);
	assert_int_equal(owner->link->state, DATA_LINK_CLOSED);
	assert_true(fixture->manager_up);
	assert_false(secure_key_known(fixture->secure, old));
	connect_as(fixture, owner, owner->node, owner->incarnation);
	assert_int_equal(owner->link->state, DATA_LINK_CLOSED);
	assert_int_equal(secure_key_add(owner->secure, new, next_key), 0);
	assert_int_equal(secure_key_use(owner->secure, new), 0);
	connect_owner(fixture, owner);
}

static void bad_key_messages(void **state)
{
	struct fixture *fixture = *state;
	const uint8_t old = SECURE_FIXTURE_KEY_ID;
	struct secure_key_set set = key_set(2, old, old + 1);
	struct wire_rack_keys body;

	assert_int_equal(rack_keys_seal(fixture->manager, fixture->manager_session, &set, &body), 0);
	body.keys[1].sealed[3] ^= 1;
	assert_int_equal(call(fixture, WIRE_RACK_KEYS, &body, sizeof(body)), -EBADMSG);
	body.keys[1].sealed[3] ^= 1;
	body.keys[1].counter++;
	assert_int_equal(call(fixture, WIRE_RACK_KEYS, &body, sizeof(body)), -EBADMSG);
	body.count = 3;
	assert_int_equal(call(fixture, WIRE_RACK_KEYS, &body, sizeof(body)), -EINVAL);
	body.count = 0;
	assert_int_equal(call(fixture, WIRE_RACK_KEYS, &body, sizeof(body)), -EINVAL);
	/* No key in common; the same id twice; another key by an id that is known. */
	set = key_set(1, old + 1, 0);
	assert_int_equal(rack_keys_apply(fixture->secure, &set), -ENOBUFS);
	set = key_set(2, old, old);
	assert_int_equal(rack_keys_apply(fixture->secure, &set), -EINVAL);
	set = key_set(1, old, 0);
	set.keys[0][0] ^= 1;
	assert_int_equal(rack_keys_apply(fixture->secure, &set), -EINVAL);
	assert_int_equal(secure_key_current(fixture->secure), old);
	assert_false(secure_key_known(fixture->secure, old + 1));
}

static void counters_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	struct wire_node_counters ask = { 0, 0 };
	static char text[NODE_COUNTERS_BYTES_MAX + 1];

	for (;;) {
		assert_int_equal(call(fixture, WIRE_NODE_COUNTERS, &ask, sizeof(ask)), 0);
		if (fixture->reply_len == 0)
			break;
		assert_true(ask.offset_bytes + fixture->reply_len <= NODE_COUNTERS_BYTES_MAX);
		memcpy(text + ask.offset_bytes, fixture->reply, fixture->reply_len);
		ask.offset_bytes += fixture->reply_len;
	}
	assert_true(ask.offset_bytes > RPC_BODY_BYTES_MAX);
	assert_non_null(strstr(text, "store_pages_capacity=4096\n"));
	assert_non_null(strstr(text, "\nlower_counter_399=399\n"));
	ask.offset_bytes = UINT32_MAX;
	assert_int_equal(call(fixture, WIRE_NODE_COUNTERS, &ask, sizeof(ask)), 0);
	assert_int_equal(fixture->reply_len, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pages_come_back),
		cmocka_unit_test_setup_teardown(pages_come_back, setup_mtu_1024, teardown),
		T(outside_and_foreign), T(epoch_fences),
		cmocka_unit_test_setup_teardown(epoch_fences, setup_flat, teardown),
		T(full_store), T(bad_bodies), T(bad_hellos), T(keys_rotate), T(bad_key_messages),
		T(a_node_has_one_connection), T(counters_in_pieces),
	};

	return cmocka_run_group_tests_name("mcomponent", tests, NULL, NULL);
}
