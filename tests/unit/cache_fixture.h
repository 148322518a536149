/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands around the cache in its unit tests: a memory component that answers when it is told to (it replaces
 * pcomponent/region at link time), nested page tables as arrays, and a list of the waiters that were woken.
 */
#ifndef PLENUM_TESTS_CACHE_FIXTURE_H
#define PLENUM_TESTS_CACHE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash.h"
#include "pcomponent/cache/cache.h"

#define FAKE_VMS 4u
#define FAKE_PAGES 4096u
#define FAKE_REQUESTS 64u

struct fake_request {
	bool write;
	uint32_t vm;
	uint64_t page;
	void *frame;
	uint32_t cookie;
};

struct region_client {
	bool written[FAKE_VMS][FAKE_PAGES];
	uint8_t *stored[FAKE_VMS][FAKE_PAGES];
	struct fake_request requests[FAKE_REQUESTS];
	uint32_t requests_max, requests_count;
	uint32_t reads, writes;
	bool no_place[FAKE_VMS];	/* write-backs find none */
};

struct nested_entry {
	void *frame;
	bool accessed, dirty;
};

#define WAITERS_MAX 64u

struct fixture {
	struct cache *cache;
	struct cache_config config;
	void *memory;
	struct region_client regions;
	struct nested_entry nested[FAKE_VMS][FAKE_PAGES];
	struct cache_waiter waiters[WAITERS_MAX];
	struct cache_waiter *woken[WAITERS_MAX];
	uint32_t woken_count;
	bool absent;		/* vCPUs do not use their pages once they have them */
	uint32_t failures;
	int failure_status;
	uint64_t now_ns;
};

bool region_page_written(const struct region_client *client, uint32_t vm, uint64_t page)
{
	return page >= FAKE_PAGES || client->written[vm][page];
}

static int fake_request(struct region_client *client, bool write, uint32_t vm, uint64_t page, void *frame, uint32_t cookie)
{
	if (page >= FAKE_PAGES)
		return -EFAULT;
	if (client->requests_count == client->requests_max)
		return -EAGAIN;
	client->requests[client->requests_count++] = (struct fake_request){ write, vm, page, frame, cookie };
	*(write ? &client->writes : &client->reads) += 1;
	return 0;
}

int region_read(struct region_client *client, uint32_t vm, uint64_t page, void *frame, uint32_t cookie, uint64_t now_ns)
{
	(void)now_ns;
	assert_true(page >= FAKE_PAGES || client->written[vm][page]);
	return fake_request(client, false, vm, page, frame, cookie);
}

int region_write(struct region_client *client, uint32_t vm, uint64_t page, const void *frame, uint32_t cookie,
		 uint64_t now_ns)
{
	(void)now_ns;
	if (vm < FAKE_VMS && page < FAKE_PAGES && client->no_place[vm])
		return -ENOSPC;
	return fake_request(client, true, vm, page, (void *)(uintptr_t)frame, cookie);
}

static void fake_map(void *context, uint32_t vm, uint64_t page, void *frame, bool dirty)
{
	struct fixture *f = context;

	assert_null(f->nested[vm][page].frame);
	f->nested[vm][page] = (struct nested_entry){ .frame = frame, .accessed = true, .dirty = dirty };
}

static bool fake_unmap(void *context, uint32_t vm, uint64_t page, bool *dirty)
{
	struct fixture *f = context;
	bool mapped = f->nested[vm][page].frame != NULL;

	*dirty = f->nested[vm][page].dirty;
	f->nested[vm][page].frame = NULL;
	return mapped;
}

static bool fake_test_and_clear_accessed(void *context, uint32_t vm, uint64_t page)
{
	struct fixture *f = context;
	bool accessed = f->nested[vm][page].accessed;

	assert_non_null(f->nested[vm][page].frame);
	f->nested[vm][page].accessed = false;
	return accessed;
}

static void fake_wake(void *context, struct cache_waiter *waiter)
{
	struct fixture *f = context;

	assert_false(waiter->queued);
	assert_true(f->woken_count < WAITERS_MAX);
	f->woken[f->woken_count++] = waiter;
	if (!f->absent && f->nested[0][waiter->page].frame != NULL)
		f->nested[0][waiter->page].accessed = true;
}

static void fake_write_back_failed(void *context, uint32_t vm, int status)
{
	struct fixture *f = context;

	(void)vm;
	f->failures++;
	f->failure_status = status;
}

/* ------------------------------------------------------------------ what tests say */

static inline void fixture_init(struct fixture *f, uint32_t lines, uint32_t ways)
{
	memset(f, 0, sizeof(*f));
	f->now_ns = 1000;
	f->regions.requests_max = FAKE_REQUESTS;
	f->config = (struct cache_config){
		.lines = aligned_alloc(PAGE_BYTES, (size_t)lines * PAGE_BYTES),
		.lines_count = lines,
		.ways = ways,
		.vms_max = FAKE_VMS,
		.hash_key = 0x1234567,
		.environment = { fake_map, fake_unmap, fake_test_and_clear_accessed, fake_wake, fake_write_back_failed, f },
	};
	memset(f->config.lines, 0xa5, (size_t)lines * PAGE_BYTES);
	f->memory = aligned_alloc(64, (cache_bytes(&f->config) + 63) & ~(size_t)63);
	f->cache = cache_create(f->memory, &f->config);
	assert_non_null(f->cache);
	cache_attach(f->cache, &f->regions);
}

static inline void fixture_free(struct fixture *f)
{
	cache_check(f->cache);
	for (uint32_t vm = 0; vm < FAKE_VMS; vm++) {
		for (uint32_t page = 0; page < FAKE_PAGES; page++)
			free(f->regions.stored[vm][page]);
	}
	free(f->memory);
	free(f->config.lines);
}

/* Answer request number `index` with `status`. */
static inline void complete(struct fixture *f, uint32_t index, int status)
{
	struct region_client *client = &f->regions;
	struct fake_request request = client->requests[index];
	uint8_t **stored = &client->stored[request.vm][request.page];

	assert_true(index < client->requests_count);
	memmove(&client->requests[index], &client->requests[index + 1],
		(client->requests_count - index - 1) * sizeof(client->requests[0]));
	client->requests_count--;
	if (status == 0 && request.write) {
		if (*stored == NULL)
			*stored = malloc(PAGE_BYTES);
		memcpy(*stored, request.frame, PAGE_BYTES);
		client->written[request.vm][request.page] = true;
	} else if (status == 0) {
		memcpy(request.frame, *stored, PAGE_BYTES);
	}
	cache_region_done(f->cache, request.cookie, request.write, status, 5000, f->now_ns);
	cache_check(f->cache);
}

static inline void complete_all(struct fixture *f)
{
	while (f->regions.requests_count > 0) {
		complete(f, 0, 0);
		cache_poll(f->cache, f->now_ns);
	}
}

/* Page content as if written back earlier. */
static inline void store_page(struct fixture *f, uint32_t vm, uint64_t page, uint8_t value)
{
	f->regions.stored[vm][page] = malloc(PAGE_BYTES);
	memset(f->regions.stored[vm][page], value, PAGE_BYTES);
	f->regions.written[vm][page] = true;
}

/* vCPU `waiter` touches a page; the cache's answer. */
static inline int touch(struct fixture *f, uint32_t vm, uint64_t page, bool write, uint32_t waiter, void **frame)
{
	void *ignored;
	int result = cache_access(f->cache, vm, page, write, &f->waiters[waiter], frame ? frame : &ignored, f->now_ns);

	if (result == CACHE_READY && !f->absent)
		f->nested[vm][page].accessed = true;
	cache_check(f->cache);
	return result;
}

/* The guest writes through its nested entry, as the processor does it. */
static inline void guest_write(struct fixture *f, uint32_t vm, uint64_t page, uint8_t value)
{
	struct nested_entry *entry = &f->nested[vm][page];

	assert_non_null(entry->frame);
	memset(entry->frame, value, PAGE_BYTES);
	entry->accessed = true;
	entry->dirty = true;
}

static inline bool is_mapped(const struct fixture *f, uint32_t vm, uint64_t page)
{
	return f->nested[vm][page].frame != NULL;
}

static inline uint32_t sweep_begin(struct fixture *f, struct cache_victim *victims)
{
	uint32_t count = cache_sweep_begin(f->cache, victims, f->now_ns);

	cache_check(f->cache);
	return count;
}

static inline void sweep_finish(struct fixture *f, const struct cache_victim *victims, uint32_t count)
{
	cache_sweep_finish(f->cache, victims, count, f->now_ns);
	cache_check(f->cache);
}

static inline uint32_t sweep(struct fixture *f)
{
	struct cache_victim victims[CONFIG_SWEEP_BATCH];
	uint32_t count = sweep_begin(f, victims);

	sweep_finish(f, victims, count);
	return count;
}

static inline struct wire_vm_status status_of(const struct fixture *f, uint32_t vm)
{
	struct wire_vm_status status = { 0 };

	cache_vm_status(f->cache, vm, &status);
	return status;
}

/* All bytes of the frame are `value`. */
static inline void assert_frame(const void *frame, uint8_t value)
{
	const uint8_t *bytes = frame;

	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		assert_int_equal(bytes[i], value);
}

/* ---------------------------------------------------------------- random runs against a model */

#define RUN_VCPUS 6u

static uint64_t random_state __attribute__((unused));

static inline uint32_t random_below(uint32_t count)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % count);
}

struct run_vcpu {
	bool parked, write;
	uint64_t page;
};

#endif
