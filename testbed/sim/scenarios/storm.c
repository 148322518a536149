// SPDX-License-Identifier: GPL-2.0-only
/* A thousand nodes join one manager at the same instant, and again when it has started again. */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/sim/membership.h"
#include "testbed/sim/scenario.h"

#define NODES 1000u
#define GIGABITS_PER_S 10u
#define BUFFER_BYTES (256u << 10)
#define RECEIVE_NS (5 * MICROSECOND_NS)		/* what a packet costs the manager's processor */
#define RECEIVE_PACKETS 256u			/* less than what comes at once */
#define SETTLE_NS_MAX (10 * SECOND_NS)
#define QUIET_NS (15 * SECOND_NS)		/* more than two leases */
#define DOWN_NS (1 * SECOND_NS)
#define IDLE_BYTES_MAX 2048			/* of the manager's memory, for one of so many idle connections */

struct storm {
	struct world world;
	struct network network;
	struct manager manager;
	struct member members[NODES];
};

static bool settled(const struct storm *storm)
{
	if (manager_nodes_up(&storm->manager) < NODES)
		return false;
	for (uint32_t i = 0; i < NODES; i++) {
		const struct agent *agent = &storm->members[i].agent;

		if (agent->state != AGENT_STATE_JOINED || agent->renewals == 0)
			return false;
	}
	return true;
}

/* Run until all have joined this manager and renewed. Returns how long it took, NEVER_NS when longer than allowed. */
static uint64_t settle(struct storm *storm)
{
	uint64_t begin_ns = storm->world.now_ns;

	while (storm->manager.joins < NODES || !settled(storm)) {
		if (storm->world.now_ns > begin_ns + SETTLE_NS_MAX)
			return NEVER_NS;
		world_run_until(&storm->world, storm->world.now_ns + 10 * MILLISECOND_NS);
	}
	return storm->world.now_ns - begin_ns;
}

/* All settled: then nobody may be forgotten, and every lease is renewed. */
static void stay(struct report *report, struct storm *storm, const char *name)
{
	uint64_t forgotten = 0, before = storm->manager.renewals;

	for (uint32_t i = 0; i < NODES; i++)
		storm->members[i].forgotten = 0;
	world_run_until(&storm->world, storm->world.now_ns + QUIET_NS);
	for (uint32_t i = 0; i < NODES; i++)
		forgotten += storm->members[i].forgotten;
	report_expect(report, manager_nodes_up(&storm->manager) == NODES && forgotten == 0,
		      "%s: all stay joined: %u are up, %llu were forgotten", name, manager_nodes_up(&storm->manager),
		      (unsigned long long)forgotten);
	report_expect(report, storm->manager.renewals - before >= 2 * NODES, "%s: all renew", name);
	gmm_core_check(storm->manager.core);
}

static void start_manager(struct storm *storm)
{
	struct member *members[NODES];

	for (uint32_t i = 0; i < NODES; i++)
		members[i] = &storm->members[i];
	storm->manager.joins = storm->manager.renewals = 0;
	manager_start(&storm->manager, members, NODES);
}

static void print(const char *name, const char *what, const struct storm *storm, uint64_t settled_ns)
{
	const struct network_counters *network = &storm->network.counters;
	const struct roce_counters *roce = roce_counters(storm->manager.node.device);
	const struct rpc_counters *rpc = rpc_counters(storm->manager.endpoint);

	printf("storm %s %-8s settled_s=%.2f packets=%llu lost=%llu overflowed=%llu connects=%llu rejected=%llu "
	       "joins=%llu replayed=%llu timeouts=%llu\n",
	       name, what, settled_ns == NEVER_NS ? -1.0 : (double)settled_ns / 1e9, (unsigned long long)network->sent,
	       (unsigned long long)network->lost, (unsigned long long)network->overflowed,
	       (unsigned long long)roce->connects_received, (unsigned long long)roce->connects_rejected,
	       (unsigned long long)storm->manager.joins, (unsigned long long)rpc->replayed,
	       (unsigned long long)roce->timeouts);
}

static void idle_bytes(struct report *report, const char *name, struct manager *manager)
{
	struct idle_bytes idle = manager_idle_bytes(manager, NODES);

	printf("storm %s an idle connection costs the manager %.0f bytes of its device and %.0f of its endpoint, %.0f in all\n",
	       name, idle.device, idle.endpoint, idle.device + idle.endpoint);
	report_expect(report, idle.device + idle.endpoint <= IDLE_BYTES_MAX, "%s: an idle connection costs at most %d bytes", name,
		      IDLE_BYTES_MAX);
}

static void storm_case(struct report *report, const char *name, double loss, uint64_t seed)
{
	struct network_config config = network_clean(GIGABITS_PER_S, BUFFER_BYTES);
	struct storm *storm = sim_alloc(sizeof(*storm));
	uint64_t settled_ns;

	config.loss = loss;
	config.receive_ns = RECEIVE_NS;
	config.receive_packets = RECEIVE_PACKETS;
	world_create(&storm->world, seed);
	network_create(&storm->network, &storm->world, &config, NODES + 1);
	manager_create(&storm->manager, &storm->network, NODES);
	for (uint32_t i = 0; i < NODES; i++)
		member_create(&storm->members[i], &storm->network);
	idle_bytes(report, name, &storm->manager);
	start_manager(storm);
	for (uint32_t i = 0; i < NODES; i++)
		member_start(&storm->members[i], &storm->manager);
	settled_ns = settle(storm);
	print(name, "joined", storm, settled_ns);
	report_expect(report, settled_ns != NEVER_NS, "%s: settled within %llu s", name,
		      (unsigned long long)(SETTLE_NS_MAX / SECOND_NS));
	stay(report, storm, name);

	manager_stop(&storm->manager);
	world_run_until(&storm->world, storm->world.now_ns + DOWN_NS);
	start_manager(storm);
	settled_ns = settle(storm);
	print(name, "again", storm, settled_ns);
	report_expect(report, settled_ns != NEVER_NS, "%s: settled again within %llu s of the manager's restart", name,
		      (unsigned long long)(SETTLE_NS_MAX / SECOND_NS));
	stay(report, storm, name);

	report_trace(report, storm->world.hash);
	for (uint32_t i = 0; i < NODES; i++)
		member_stop(&storm->members[i]);
	manager_destroy(&storm->manager);
	network_destroy(&storm->network);
	world_destroy(&storm->world);
	free(storm);
}

static void storm_run(struct report *report, const struct options *options)
{
	if (options_want(options, "clean"))
		storm_case(report, "clean", 0, options->seed);
	if (options_want(options, "loss-1%"))
		storm_case(report, "loss-1%", 0.01, options->seed);
}

const struct scenario scenario_storm = {
	"storm", "a thousand nodes join one manager at the same instant, and again after it restarted", storm_run,
};
