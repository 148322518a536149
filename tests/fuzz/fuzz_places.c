// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bodies about promised regions, as a stranger would make them: WIRE_VM_REGIONS to the region client of a process component, which also
 * stores pages meanwhile, and WIRE_VM_REGION_WANTED to the manager's core. Nothing may break, and what has a place keeps it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/core/record.h"
#include "net/roce/roce.h"
#include "pcomponent/region/region.h"
#include "tests/fuzz/forge.h"
#include "tests/fuzz/records.h"

#define PAGES (2 * REGION_PAGES + 10)

static void done(void *context, uint32_t cookie, bool write, int status, uint64_t latency_ns, uint64_t now_ns)
{
	(void)context, (void)cookie, (void)write, (void)status, (void)latency_ns, (void)now_ns;
}

static void placed(void *context, uint32_t vm, uint64_t now_ns)
{
	(void)now_ns;
	assert(vm == 0);
	++*(uint32_t *)context;
}

/* ---------------------------------------------------------------- the process component */

static void take_region(struct input *record, struct wire_vm_region *region)
{
	uint8_t *bytes = (uint8_t *)region;

	memset(region, 0, sizeof(*region));
	region->index = take(record) % 5;
	region->pages = take(record) & 1 ? REGION_PAGES : take(record);
	if (take(record) & 1)
		return;			/* a promise */
	region->epoch = take(record) % 4;
	region->rkey = take(record) % 3;
	region->node = take(record) % 3;
	region->address = take(record) % 3;
	if (take(record) % 4 == 0)
		bytes[take(record) % sizeof(*region)] ^= take(record);
}

static void run_client(struct region_client *client, struct input *record, uint64_t *now_ns)
{
	static uint8_t frame[PAGE_BYTES];
	struct wire_vm_region region;
	uint32_t index;

	*now_ns += (uint64_t)take(record) << 24;
	switch (take(record) % 4) {
	case 0:
	case 1:
		take_region(record, &region);
		if (region.epoch)
			region_map(client, 0, &region, *now_ns);
		else
			region_promise(client, 0, &region);
		break;
	case 2:
		region_write(client, 0, (uint64_t)take(record) * REGION_PAGES / 64, frame, 1, *now_ns);
		break;
	default:
		while (region_place_wanted(client, 0, &index, *now_ns)) {
			assert(index < 3);
			if (take(record) & 1) {
				region_place_not_asked(client, 0, index);
				break;
			}
		}
	}
	assert((region_vm_waits_ns(client, 0) == 0) == (region_place_deadline_ns(client, 0) == UINT64_MAX));
	region_poll(client, *now_ns);
}

static void fuzz_client(struct input input)
{
	const struct roce_limits limits = { .queue_pairs_max = 8, .memory_regions_max = 1, .queues_max = 1, .connections_max = 8,
					    .listeners_max = 1, .queue_events_max = 64, .send_depth_max = 4, .receive_depth_max = 1 };
	uint64_t seed = 1;
	const struct roce_config roce = { .address = 0x0a000001, .path_mtu_bytes = 1024, .guid = 1, .limits = limits,
					  .environment = { .random = forge_random, .context = &seed } };
	void *device = aligned_alloc(64, (roce_device_bytes(&roce) + 63) & ~(size_t)63);
	uint32_t count = 0;
	/* Without a name it connects to nobody. */
	struct region_config config = { .secure = (struct secure *)&count, .incarnation = 1, .vms_max = 1, .requests_max = 4,
					.pages_written_max = PAGES, .give_up_ns = UINT64_MAX / 2, .moves_max = 0, .done = done,
					.placed = placed, .context = &count };
	struct region_client *client;
	uint64_t now_ns = 1000;
	struct input record;
	void *memory;

	config.device = roce_device_create(device, &roce, 0);
	memory = aligned_alloc(64, (region_client_bytes(&config) + 63) & ~(size_t)63);
	client = region_client_create(memory, &config, now_ns);
	assert(client && region_vm_create(client, 0, PAGES) == 0);
	for (uint32_t i = 0; i < RECORDS_MAX && take_record(&input, &record); i++)
		run_client(client, &record, &now_ns);
	free(memory);
	free(device);
}

/* ---------------------------------------------------------------- the manager */

static struct gmm_core *core;

static void join(const char *name, uint32_t role, uint8_t number)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, number };
	struct wire_node_join body = { .role = role, .page_bytes = PAGE_BYTES, .incarnation = number, .region_shift = REGION_SHIFT,
				       .capacity_pages = 3 * REGION_PAGES, .cpus = 4 };
	struct wire_node_joined joined;

	assert(gmm_core_node_add(core, name, role, 0x0a000000u + number, mac) > 0);
	strcpy(body.name, name);
	memcpy(body.mac, mac, sizeof(mac));
	assert(gmm_core_join(core, &body, 0x0a000000u + number, &joined, 1000) == 0);
}

/* Answer what it sends, now and then with a refusal. */
static void answer(struct input *record)
{
	static struct gmm_command command;
	struct wire_region_created created = { .base = 4096, .rkey = 1 };

	gmm_core_kept(core);
	while (gmm_core_output(core, &command, core->now_ns)) {
		int status = record && take(record) % 8 == 1 ? -(int)ENOSPC : 0;

		gmm_core_result(core, command.token, status, &created, command.type == WIRE_REGION_CREATE ? sizeof(created) : 0,
				core->now_ns);
		gmm_core_kept(core);
	}
}

static void fuzz_manager(struct input input)
{
	static const struct gmm_config config = { .lease_ms = 3600000, .grace_ms = 1000, .load_timeout_ms = 1000, .vm_id_first = 1,
						  .overcommit_percent = 1000 };
	struct gmm_vm_spec spec = { .name = "a", .memory_bytes = 4 * REGION_BYTES, .cache_bytes = 1 << 20, .vcpus = 1,
				    .overcommit = GMM_OVERCOMMIT_ALL };
	struct input record;
	uint64_t operation, now_ns = 2000;

	if (!core)
		core = malloc(sizeof(*core));
	gmm_core_init(core, &config);
	join("p1", WIRE_ROLE_PROCESS, 1);
	join("m1", WIRE_ROLE_MEMORY, 2);
	assert(gmm_core_vm_create(core, &spec, &operation, now_ns) == 0);
	answer(NULL);
	for (uint32_t i = 0; i < RECORDS_MAX && take_record(&input, &record); i++) {
		struct wire_vm_region_wanted wanted = { .vm = 1, .index = take(&record) % 5 };
		uint32_t node = GMM_NODE_FIRST + (take(&record) % 8 == 1);

		if (take(&record) % 4 == 1)
			((uint8_t *)&wanted)[take(&record) % sizeof(wanted)] ^= take(&record);
		gmm_core_region_wanted(core, node, &wanted, now_ns);
		if (take(&record) & 1)
			answer(&record);
		now_ns += (uint64_t)take(&record) << 22;
		gmm_core_kept(core);
		gmm_core_tick(core, now_ns);
		gmm_core_check(core);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size }, first;

	if (!take_record(&input, &first))
		return 0;
	if (take(&first) & 1)
		fuzz_manager(input);
	else
		fuzz_client(input);
	return 0;
}
