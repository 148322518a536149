// SPDX-License-Identifier: GPL-2.0-only
/* The process component: the real cache and region client; nested page tables and shootdowns are modelled. */
#include <stdlib.h>
#include <string.h>

#include "testbed/sim/rack/rack.h"

#define PROCESS_NODE_ID 2u
#define CONNECTIONS_MAX (8 * SIM_NODES_MAX)	/* those that linger after their end included */
#define SEND_DEPTH 16u
#define SHOOTDOWN_NS (40 * MICROSECOND_NS)
#define THINK_NS (200 * MICROSECOND_NS)		/* at least the longest pause between two touches of a vCPU */
#define CHECK_EVENTS 8u				/* cache_check() takes longer than all the rest */

uint64_t process_now_ns(const struct sim *sim)
{
	return node_now_ns(&sim->nodes[0]);
}

static void process_map(void *context, uint32_t vm, uint64_t page, void *frame, bool dirty)
{
	struct sim *sim = context;
	struct nested_entry *entry = guest_nested(&sim->vms[vm], page);

	if (entry->frame != NULL)
		world_fail(&sim->world, "page %llu is mapped twice", (unsigned long long)page);
	*entry = (struct nested_entry){ .frame = frame, .accessed = true, .dirty = dirty };
}

static bool process_unmap(void *context, uint32_t vm, uint64_t page, bool *dirty)
{
	struct sim *sim = context;
	struct nested_entry *entry = guest_nested(&sim->vms[vm], page);
	bool mapped = entry->frame != NULL;

	*dirty = entry->dirty;
	*entry = (struct nested_entry){ 0 };
	return mapped;
}

static bool process_test_and_clear_accessed(void *context, uint32_t vm, uint64_t page)
{
	struct sim *sim = context;
	struct nested_entry *entry = guest_nested(&sim->vms[vm], page);
	bool accessed = entry->accessed;

	entry->accessed = false;
	return accessed;
}

static void process_wake(void *context, struct cache_waiter *waiter)
{
	guest_woken(context, waiter);
}

static void process_write_back_failed(void *context, uint32_t vm, int status)
{
	struct sim *sim = context;

	(void)vm;
	(void)status;
	sim->write_back_failures++;
}

/* ------------------------------------------------------------------ running */

/* Only now may the processors' cached translations of the victims be trusted to be gone. */
static void swept(void *object, uint64_t argument)
{
	struct sim *sim = object;
	uint32_t count = sim->victims_count;

	(void)argument;
	for (uint32_t i = 0; i < count; i++) {
		struct sim_vm *vm = &sim->vms[sim->victims[i].vm];

		for (uint32_t vcpu = 0; vcpu < SIM_VCPUS; vcpu++)
			memset(vm->vcpus[vcpu].tlb, 0, sizeof(vm->vcpus[vcpu].tlb));
	}
	sim->victims_count = 0;
	cache_sweep_finish(sim->cache, sim->victims, count, process_now_ns(sim));
	node_run(&sim->nodes[0]);
}

static void sweep(struct sim *sim)
{
	if (sim->victims_count > 0 || !cache_sweep_wanted(sim->cache))
		return;
	sim->victims_count = cache_sweep_begin(sim->cache, sim->victims, process_now_ns(sim));
	if (sim->victims_count > 0)
		world_at(&sim->world, sim->world.now_ns + world_skewed(&sim->world, SHOOTDOWN_NS), swept, sim, 0);
}

static void process_run(struct node *node)
{
	struct sim *sim = node->context;

	region_poll(sim->regions, process_now_ns(sim));
	cache_poll(sim->cache, process_now_ns(sim));
	sweep(sim);
	if (sim->world.events_count % CHECK_EVENTS == 0)
		cache_check(sim->cache);
	placer_run(sim, node);
	node_wake_at(node, region_deadline_ns(sim->regions));
	node_wake_at(node, cache_deadline_ns(sim->cache));
}

/* ------------------------------------------------------------------ creation */

void rack_place_region(struct sim *sim, struct sim_vm *vm, uint32_t index)
{
	uint32_t node = 1 + (vm->number * SIM_REGIONS + index) % (sim->nodes_count - 1);
	const struct wire_region_create create = {
		.vm = vm->number + 1,
		.index = index,
		.epoch = 1,
		.owner_node = PROCESS_NODE_ID,
		.pages = REGION_PAGES,
	};
	struct region *region;

	if (region_set_create(&sim->memories[node]->component.regions, &create, &region) != 0)
		world_fail(&sim->world, "region %u was not created", index);
	vm->regions[index] = (struct wire_vm_region){
		.index = index,
		.rkey = region->rkey,
		.node = 10 + node,
		.address = sim->nodes[node].address,
		.base = region_set_base(region),
		.pages = REGION_PAGES,
		.epoch = 1,
	};
}

static void give_region(struct sim *sim, struct sim_vm *vm, uint32_t index, bool promised)
{
	vm->regions[index] = (struct wire_vm_region){ .index = index, .pages = REGION_PAGES };
	if (!promised)
		rack_place_region(sim, vm, index);
	if ((promised ? region_promise(sim->regions, vm->number, &vm->regions[index]) :
			region_map(sim->regions, vm->number, &vm->regions[index], process_now_ns(sim))) != 0)
		world_fail(&sim->world, "region %u was not mapped", index);
}

static void create_cache(struct sim *sim, uint32_t lines)
{
	static const uint32_t ways[] = { 2, 4, 8, 16, 16 };
	const struct cache_config config = {
		.lines = sim_alloc((size_t)lines * PAGE_BYTES),
		.lines_count = lines,
		.ways = ways[world_below(&sim->world, 5)],
		.vms_max = SIM_VMS,
		.hash_key = sim_random(&sim->world.random),
		.environment = { process_map, process_unmap, process_test_and_clear_accessed, process_wake,
				 process_write_back_failed, sim },
	};

	sim->lines = config.lines;
	sim->cache_memory = sim_alloc(cache_bytes(&config));
	sim->cache = cache_create(sim->cache_memory, &config);
	cache_attach(sim->cache, sim->regions);
}

void process_create(struct sim *sim)
{
	uint32_t share = 32 + world_below(&sim->world, 12) * 16;
	const struct roce_limits limits = { .queue_pairs_max = CONNECTIONS_MAX, .memory_regions_max = 1, .queues_max = 1,
					    .connections_max = CONNECTIONS_MAX, .listeners_max = 1,
					    .queue_events_max = CONNECTIONS_MAX * (SEND_DEPTH + 6),
					    .send_depth_max = SEND_DEPTH, .receive_depth_max = 1 };
	struct region_config config = {
		.device = rack_device(sim, 0, &limits),
		.secure = node_secure(&sim->nodes[0], SIM_HANDSHAKES),
		.node = PROCESS_NODE_ID,
		.incarnation = 1,
		.vms_max = SIM_VMS,
		.requests_max = 4 + world_below(&sim->world, 60),
		.pages_written_max = (uint64_t)SIM_VMS * SIM_REGIONS * REGION_PAGES,
		.give_up_ns = SECOND_NS,
		.moves_max = SIM_VMS,
		.done = cache_region_done,
		.placed = cache_region_placed,
	};

	bool promised;

	/* Each needs the other: the cache comes into being first, in memory that the client's context names. */
	sim->regions_memory = sim_alloc(region_client_bytes(&config));
	create_cache(sim, 2 * share);
	config.context = sim->cache;
	sim->regions = region_client_create(sim->regions_memory, &config, process_now_ns(sim));
	if (sim->regions == NULL)
		world_fail(&sim->world, "the region client was not created");
	cache_attach(sim->cache, sim->regions);
	sim->think_ns = THINK_NS + world_skewed(&sim->world, 5 * MILLISECOND_NS);
	sim->nodes[0].context = sim;
	sim->nodes[0].run = process_run;
	promised = placer_create(sim);
	for (uint32_t i = 0; i < SIM_VMS; i++) {
		struct sim_vm *vm = &sim->vms[i];

		vm->sim = sim;
		vm->number = i;
		if (region_vm_create(sim->regions, i, (uint64_t)SIM_REGIONS * REGION_PAGES) != 0 ||
		    cache_vm_create(sim->cache, i, i == 0 ? share : cache_lines_free(sim->cache)) != 0)
			world_fail(&sim->world, "VM %u was not created", i);
		for (uint32_t index = 0; index < SIM_REGIONS; index++)
			give_region(sim, vm, index, promised);
		guest_create(sim, vm);
	}
}

void process_destroy(struct sim *sim)
{
	free(sim->lines);
	free(sim->cache_memory);
	free(sim->regions_memory);
	node_stop(&sim->nodes[0]);
	for (uint32_t i = 0; i < SIM_VMS; i++)
		free(sim->vms[i].shadow);
}
