// SPDX-License-Identifier: GPL-2.0-only
/* The scenario "rack": builds it, lets it run, heals it, and waits until it has drained. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed/sim/rack/rack.h"

#define RACK_SECONDS 1.0		/* unless the command line says otherwise */
#define RACK_MEMORIES 2u

static double pick(struct world *world, const double *values, uint32_t count)
{
	return values[world_below(world, count)];
}

static struct network_config choose_network(struct world *world, double loss)
{
	static const double losses[] = { 0, 0, 0.001, 0.01, 0.05, 0.1 };
	static const double rares[] = { 0, 0, 0.001, 0.02 };
	static const double reorderings[] = { 0, 0.001, 0.02, 0.3 };
	static const uint64_t rates[] = { 125, 1250, 12500 };	/* 1, 10, 100 Gbit/s */
	static const uint32_t buffers[] = { 64u << 10, 256u << 10, 4u << 20 };
	struct network_config config = {
		.loss = loss >= 0 ? loss : pick(world, losses, 6),
		.duplication = pick(world, rares, 4),
		.reordering = pick(world, reorderings, 4),
		.corruption = pick(world, rares, 4) / 10,
		.delay_ns = 500 + world_below(world, 20000),
		.jitter_ns = 1 + world_below(world, 5000),
		.reorder_ns = 300 * MICROSECOND_NS,
		.bytes_per_us = rates[world_below(world, 3)],
		.buffer_bytes = buffers[world_below(world, 3)],
		.transmit_bytes = 256u << 10,
	};

	config.mark_bytes = world_chance(world, 0.5) ? config.buffer_bytes / 4 : 0;
	return config;
}

struct roce_device *rack_device(struct sim *sim, uint32_t number, const struct roce_limits *limits)
{
	static const uint32_t mtus[] = { 4096, 4096, 1024 };

	return node_start(&sim->nodes[number], limits, mtus[world_below(&sim->world, 3)],
			  world_chance(&sim->world, 0.5) ? ROCE_READ_BUDGET_BYTES : 0);
}

/* S3: once its guest is done, nothing of a VM may be left under way. */
static bool drained(struct sim *sim)
{
	bool all = true;

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		struct sim_vm *vm = &sim->vms[i];

		if (!vm->destroyed && guest_done(vm) && resizer_done(sim, vm) && sim->victims_count == 0 && region_move_stop(sim->regions, i) &&
		    cache_vm_destroy(sim->cache, i, process_now_ns(sim)) == 0) {
			region_vm_destroy(sim->regions, i);
			vm->destroyed = true;
		}
		all = all && vm->destroyed;
	}
	return all;
}

static void print(const struct sim *sim, const struct wire_vm_status *status)
{
	const struct network_counters *network = &sim->network.counters;
	uint64_t operations = 0, errors = 0;

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		operations += sim->vms[i].operations;
		errors += sim->vms[i].errors;
	}
	printf("seed=%llu hash=%016llx events=%llu packets=%llu lost=%llu operations=%llu fills=%llu write_backs=%llu "
	       "rescues=%llu fill_errors=%llu write_back_errors=%llu guest_errors=%llu moves=%llu moves_abandoned=%llu "
	       "resizes=%llu places=%llu places_refused=%llu\n",
	       (unsigned long long)sim->world.seed, (unsigned long long)sim->world.hash,
	       (unsigned long long)sim->world.events_count, (unsigned long long)network->sent,
	       (unsigned long long)(network->lost + network->overflowed + network->cut), (unsigned long long)operations,
	       (unsigned long long)status->fills, (unsigned long long)status->write_backs,
	       (unsigned long long)status->rescues, (unsigned long long)status->fill_errors,
	       (unsigned long long)status->write_back_errors, (unsigned long long)errors,
	       (unsigned long long)sim->moves_done, (unsigned long long)sim->moves_abandoned,
	       (unsigned long long)sim->resizes_begun,
	       (unsigned long long)sim->places_given, (unsigned long long)sim->places_refused);
}

static void run_rack(struct sim *sim)
{
	struct wire_vm_status status = { 0 };

	while (world_step(&sim->world)) {
		if (sim->world.now_ns > sim->end_ns + SIM_DRAIN_NS)
			world_fail(&sim->world, "the rack does not drain");
		if (sim->world.now_ns < sim->end_ns)
			continue;
		for (uint32_t i = 0; i < sim->nodes_count; i++)
			sim->nodes[i].cut_until_ns = 0;
		if (!sim->vms[0].destroyed)
			cache_vm_status(sim->cache, 0, &status);
		if (drained(sim))
			break;
	}
	if (!drained(sim))
		world_fail(&sim->world, "nothing happens any more, but not everything is done");
	cache_check(sim->cache);
	print(sim, &status);
}

static void rack(struct report *report, const struct options *options)
{
	struct sim *sim = sim_alloc(sizeof(*sim));
	struct network_config config;

	memset(sim, 0, sizeof(*sim));
	world_create(&sim->world, options->seed);
	sim->end_ns = (uint64_t)((options->seconds > 0 ? options->seconds : RACK_SECONDS) * (double)SECOND_NS);
	sim->nodes_count = 1 + (options->nodes > 0 ? options->nodes : RACK_MEMORIES);
	if (sim->nodes_count > SIM_NODES_MAX)
		world_fail(&sim->world, "at most %u memory components", SIM_NODES_MAX - 1);
	config = choose_network(&sim->world, options->loss);
	network_create(&sim->network, &sim->world, &config, sim->nodes_count);
	for (uint32_t i = 0; i < sim->nodes_count; i++)
		node_create(&sim->nodes[i], &sim->network);
	for (uint32_t i = 1; i < sim->nodes_count; i++)
		memory_create(sim, i);
	process_create(sim);
	nemesis_create(sim);
	run_rack(sim);
	report->hash = sim->world.hash;

	for (uint32_t i = 1; i < sim->nodes_count; i++)
		memory_destroy(sim, i);
	process_destroy(sim);
	network_destroy(&sim->network);
	world_destroy(&sim->world);
	free(sim);
}

const struct scenario scenario_rack = {
	"rack", "guests over cache, region client and memory components, with everything going wrong", rack,
};
