/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands around the region client in its unit tests: a RoCE device and data links that do what the test says (they
 * replace net/roce and net/node/data_link.c at link time), and a list of what was told to the cache.
 */
#ifndef PLENUM_TESTS_REGION_FIXTURE_H
#define PLENUM_TESTS_REGION_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/node/data_link.h"
#include "pcomponent/region/region.h"

#define TEST_VMS 4u
#define TEST_REQUESTS 12u
#define TEST_DEPTH 8u
#define TEST_MOVES 2u
#define TEST_PAGES 40000u
#define TEST_GIVE_UP_NS UINT64_C(5000000000)
#define BASE UINT64_C(0x40000000)

#define FAKE_CONNECTIONS 256u
#define FAKE_EVENTS 512u

struct fake_connection {
	uint32_t remote_address;
	uint64_t cookie;
	uint32_t node;
	uint64_t incarnation;
	bool alive;
};

struct fake_work {
	uint32_t qpn;
	uint64_t cookie;
	enum roce_opcode opcode;
	const void *local;
	uint32_t len_bytes;
	uint64_t address;
	uint32_t rkey;
};

struct roce_device {
	struct fake_connection connections[FAKE_CONNECTIONS];	/* number and qpn: index + 1, index + 1001 */
	uint32_t connects, disconnects;
	struct fake_work works[64];
	uint32_t works_count;
	struct roce_event events[FAKE_EVENTS];
	uint32_t events_count;
	bool connect_fails;
};

struct fake_done {
	uint32_t cookie;
	bool write;
	int status;
	uint64_t latency_ns;
};

struct fixture {
	struct roce_device roce;
	struct region_config config;
	struct region_client *client;
	void *memory;
	uint8_t frames[64][PAGE_BYTES];
	struct fake_done done[256];
	uint32_t done_count;
	uint32_t again;		/* requests that `done` still begins */
	uint32_t others;
	uint64_t now_ns;
};

/* ------------------------------------------------------------------ the device */

int roce_queue_create(struct roce_device *device)
{
	(void)device;
	return 0;
}

int roce_queue_poll(struct roce_device *device, int queue, struct roce_event *event)
{
	assert_int_equal(queue, 0);
	if (device->events_count == 0)
		return 0;
	*event = device->events[0];
	memmove(device->events, device->events + 1, --device->events_count * sizeof(device->events[0]));
	return 1;
}

static inline void push_event(struct roce_device *device, const struct roce_event *event)
{
	assert_true(device->events_count < FAKE_EVENTS);
	device->events[device->events_count++] = *event;
}

/* All work of the connection ends: the first with `status`, the others flushed. */
static inline void flush(struct roce_device *device, uint32_t connection, int status)
{
	uint32_t kept = 0;

	device->connections[connection - 1].alive = false;
	for (uint32_t i = 0; i < device->works_count; i++) {
		struct fake_work work = device->works[i];
		struct roce_event event = { .type = ROCE_EVENT_COMPLETION, .opcode = work.opcode, .status = status,
					    .qpn = work.qpn, .cookie = work.cookie };

		if (work.qpn != connection + 1000) {
			device->works[kept++] = work;
			continue;
		}
		push_event(device, &event);
		status = -ECONNRESET;
	}
	device->works_count = kept;
}

static int fake_post(struct roce_device *device, struct fake_work work)
{
	uint32_t depth = 0;

	if (!device->connections[work.qpn - 1001].alive)
		return -ECONNRESET;
	for (uint32_t i = 0; i < device->works_count; i++)
		depth += device->works[i].qpn == work.qpn;
	if (depth >= TEST_DEPTH)
		return -ENOBUFS;
	assert_true(device->works_count < 64);
	device->works[device->works_count++] = work;
	return 0;
}

int roce_post_read(struct roce_device *device, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
		   uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	(void)now_ns;
	return fake_post(device, (struct fake_work){ qpn, cookie, ROCE_READ, local, len_bytes, remote_address, rkey });
}

int roce_post_write(struct roce_device *device, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		    uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	(void)now_ns;
	return fake_post(device, (struct fake_work){ qpn, cookie, ROCE_WRITE, local, len_bytes, remote_address, rkey });
}

/* ------------------------------------------------------------------ links: up as soon as they are established */

int data_link_open(struct data_link *link, const struct data_link_config *config, uint32_t peer_node, uint32_t address,
		   uint64_t now_ns)
{
	struct roce_device *device = config->device;

	(void)now_ns;
	assert_int_equal(link->state, DATA_LINK_CLOSED);
	*link = (struct data_link){ .config = *config, .peer_node = peer_node, .address = address, .deadline_ns = UINT64_MAX };
	if (device->connect_fails)
		return -ENOBUFS;
	assert_true(device->connects < FAKE_CONNECTIONS);
	device->connections[device->connects] = (struct fake_connection){
		.remote_address = address, .cookie = config->cookie, .node = config->node, .incarnation = config->incarnation,
		.alive = true };
	link->connection = ++device->connects;
	link->state = DATA_LINK_CONNECTING;
	return 0;
}

void data_link_close(struct data_link *link, uint64_t now_ns)
{
	(void)now_ns;
	if (link->state == DATA_LINK_CLOSED)
		return;
	assert_true(link->config.device->connections[link->connection - 1].alive);
	link->config.device->disconnects++;
	flush(link->config.device, link->connection, -ECONNRESET);
	link->state = DATA_LINK_CLOSED;
}

void data_link_event(struct data_link *link, const struct roce_event *event, uint64_t now_ns)
{
	(void)now_ns;
	if (link->state == DATA_LINK_CLOSED || event->connection != link->connection)
		return;
	if (event->type == ROCE_EVENT_ESTABLISHED) {
		link->state = DATA_LINK_UP;
		link->qpn = link->connection + 1000;
	} else {
		link->state = DATA_LINK_CLOSED;
	}
}

void data_link_tick(struct data_link *link, uint64_t now_ns)
{
	assert_true(link->deadline_ns > now_ns);
}

/* ------------------------------------------------------------------ what tests say */

static inline void fake_done(void *context, uint32_t cookie, bool write, int status, uint64_t latency_ns, uint64_t now_ns)
{
	struct fixture *f = context;

	assert_true(f->done_count < 256);
	f->done[f->done_count++] = (struct fake_done){ cookie, write, status, latency_ns };
	if (f->again > 0) {
		f->again--;
		assert_int_equal(region_read(f->client, 0, 1, f->frames[0], 1000, now_ns), 0);
	}
}

static inline void fake_other(void *context, const struct roce_event *event, uint64_t now_ns)
{
	struct fixture *f = context;

	(void)now_ns;
	assert_int_equal(event->cookie, REGION_COOKIE_OTHER | 5);
	f->others++;
}

static inline void fixture_init_as(struct fixture *f, uint32_t node)
{
	memset(f, 0, sizeof(*f));
	f->now_ns = 1000;
	f->config = (struct region_config){
		.device = &f->roce,
		.secure = (struct secure *)f,	/* nobody looks: the links are fakes */
		.node = node,
		.incarnation = 99,
		.vms_max = TEST_VMS,
		.requests_max = TEST_REQUESTS,
		.pages_written_max = TEST_PAGES,
		.give_up_ns = TEST_GIVE_UP_NS,
		.moves_max = TEST_MOVES,
		.done = fake_done,
		.context = f,
		.other = fake_other,
		.other_context = f,
	};
	f->memory = aligned_alloc(64, region_client_bytes(&f->config));
	f->client = region_client_create(f->memory, &f->config, f->now_ns);
	assert_non_null(f->client);
}

static inline void fixture_init(struct fixture *f)
{
	fixture_init_as(f, 42);
}

static inline void fixture_free(struct fixture *f)
{
	free(f->memory);
}

static inline uint32_t address_of(uint32_t node)
{
	return 0x0a000000 + node;
}

static inline uint32_t rkey_of(uint32_t index, uint32_t epoch)
{
	return 0x1000 + index * 0x100 + epoch;
}

static inline struct wire_vm_region region_at(uint32_t index, uint32_t node, uint32_t epoch)
{
	return (struct wire_vm_region){ .index = index, .rkey = rkey_of(index, epoch), .node = node,
					.address = address_of(node), .base = BASE, .pages = REGION_PAGES, .epoch = epoch };
}

/* A VM of one region. */
static inline void start_vm(struct fixture *f, uint32_t vm, uint32_t pages, uint32_t node)
{
	struct wire_vm_region region = region_at(0, node, 1);

	region.pages = pages;
	assert_int_equal(region_vm_create(f->client, vm, pages), 0);
	assert_int_equal(region_map(f->client, vm, &region, f->now_ns), 0);
}

/* Connection number `index` (in the order of connecting) ... */
static inline void connection_event(struct fixture *f, uint32_t index, enum roce_event_type type)
{
	struct roce_event event = { .type = type, .connection = index + 1, .cookie = f->roce.connections[index].cookie };

	push_event(&f->roce, &event);
	region_poll(f->client, f->now_ns);
}

static inline void established(struct fixture *f, uint32_t index)
{
	connection_event(f, index, ROCE_EVENT_ESTABLISHED);
}

/* The queue pair fails: its oldest work request with `status`. */
static inline void connection_fails(struct fixture *f, uint32_t index, int status)
{
	flush(&f->roce, index + 1, status);
	connection_event(f, index, ROCE_EVENT_DISCONNECTED);
}

static inline void work_done(struct fixture *f, uint32_t index, int status)
{
	struct fake_work work = f->roce.works[index];
	struct roce_event event = { .type = ROCE_EVENT_COMPLETION, .opcode = work.opcode, .status = status,
				    .qpn = work.qpn, .cookie = work.cookie };

	assert_true(index < f->roce.works_count);
	memmove(&f->roce.works[index], &f->roce.works[index + 1],
		(--f->roce.works_count - index) * sizeof(f->roce.works[0]));
	push_event(&f->roce, &event);
	region_poll(f->client, f->now_ns);
}

#endif
