// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clock that jumps, forward by an hour or backward by a second: of a host in the middle of transfers, of a manager, of a
 * member of its rack. Whoever it is, its peers go on with others as before, and with it after a while.
 */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/sim/membership.h"
#include "testbed/sim/scenario.h"
#include "testbed/sim/traffic.h"

#define GIGABITS_PER_S 10u
#define BUFFER_BYTES (1u << 20)
#define RECOVERY_NS_MAX (10 * SECOND_NS)
#define STEP_NS (10 * MILLISECOND_NS)
#define MEMBERS 16u
#define LOSS 0.01

struct jump {
	const char *name;
	int64_t by_ns;
};

static const struct jump jumps[] = {
	{ "forward-1h", (int64_t)(3600 * SECOND_NS) },
	{ "backward-1s", -(int64_t)SECOND_NS },
};

/* ---------------------------------------------------------------- a host in the middle of transfers */

enum { JUMPER, PEER, OTHER, HOSTS };

#define FLOWS 4u

static void add_flows(struct traffic *traffic)
{
	static const uint32_t ends[FLOWS][2] = { { JUMPER, PEER }, { PEER, JUMPER }, { PEER, OTHER }, { OTHER, PEER } };

	for (uint32_t i = 0; i < FLOWS; i++) {
		const struct flow_config config = { .source = ends[i][0], .target = ends[i][1], .kind = FLOW_MIX,
						    .len_bytes = 16384, .depth = 4 };

		traffic_flow(traffic, &config);
	}
}

/* Let it run until all flows have done something since `before`. */
static uint64_t recovery_ns(struct traffic *traffic, const uint64_t before[FLOWS])
{
	uint64_t begin_ns = traffic->world.now_ns;

	for (uint32_t i = 0; i < FLOWS; i++) {
		/* What was under way when the clock jumped says nothing. */
		while (traffic->flows[i].completed < before[i] + 2 * traffic->flows[i].config.depth) {
			if (traffic->world.now_ns > begin_ns + RECOVERY_NS_MAX)
				return NEVER_NS;
			world_run_until(&traffic->world, traffic->world.now_ns + MILLISECOND_NS);
		}
	}
	return traffic->world.now_ns - begin_ns;
}

static void host_jumps(struct report *report, const struct jump *jump, uint64_t seed)
{
	struct traffic_config config = { .network = network_clean(GIGABITS_PER_S, BUFFER_BYTES), .seed = seed,
					 .hosts = HOSTS, .flows_max = FLOWS, .path_mtu_bytes = 4096,
					 .read_budget_bytes = ROCE_READ_BUDGET_BYTES };
	struct traffic traffic;
	uint64_t before[FLOWS], ns, others;

	config.network.loss = LOSS;		/* so that timers run when the clock jumps */
	traffic_create(&traffic, &config);
	add_flows(&traffic);
	traffic_start(&traffic);
	world_run_until(&traffic.world, 20 * MILLISECOND_NS);
	for (uint32_t i = 0; i < FLOWS; i++)
		before[i] = traffic.flows[i].completed;
	node_clock_jump(&traffic.hosts[JUMPER].node, jump->by_ns);
	ns = recovery_ns(&traffic, before);
	others = traffic.flows[2].reconnects + traffic.flows[3].reconnects;
	printf("clock host-%s recovered_s=%.3f reconnects=%llu errors=%llu, of others: reconnects=%llu\n", jump->name,
	       ns == NEVER_NS ? -1.0 : (double)ns / 1e9,
	       (unsigned long long)(traffic.flows[0].reconnects + traffic.flows[1].reconnects),
	       (unsigned long long)(traffic.flows[0].errors + traffic.flows[1].errors), (unsigned long long)others);
	report_expect(report, ns != NEVER_NS, "host-%s: all flows go on within 10 s", jump->name);
	report_expect(report, others == 0, "host-%s: flows between others are not disturbed", jump->name);
	report_expect(report, traffic_drain(&traffic, traffic.world.now_ns + RECOVERY_NS_MAX), "host-%s: all that was posted ends",
		      jump->name);
	report_trace(report, traffic.world.hash);
	traffic_destroy(&traffic);
}

/* ---------------------------------------------------------------- a manager, a member */

struct rack {
	struct world world;
	struct network network;
	struct manager manager;
	struct member members[MEMBERS];
};

static bool all_renew(const struct rack *rack, const uint64_t before[MEMBERS])
{
	for (uint32_t i = 0; i < MEMBERS; i++)
		if (rack->members[i].agent.state != AGENT_STATE_JOINED || rack->members[i].agent.renewals <= before[i] + 1)
			return false;
	return manager_nodes_up(&rack->manager) == MEMBERS;
}

static uint64_t settle_ns(struct rack *rack)
{
	uint64_t begin_ns = rack->world.now_ns, before[MEMBERS];

	for (uint32_t i = 0; i < MEMBERS; i++)
		before[i] = rack->members[i].agent.renewals;
	while (!all_renew(rack, before)) {
		if (rack->world.now_ns > begin_ns + 2 * RECOVERY_NS_MAX)
			return NEVER_NS;
		world_run_until(&rack->world, rack->world.now_ns + STEP_NS);
	}
	return rack->world.now_ns - begin_ns;
}

static void member_jumps(struct report *report, const struct jump *jump, bool manager, uint64_t seed)
{
	struct network_config config = network_clean(GIGABITS_PER_S, BUFFER_BYTES);
	const char *who = manager ? "manager" : "member";
	struct rack *rack = sim_alloc(sizeof(*rack));
	struct member *members[MEMBERS];
	uint64_t ns, forgotten = 0;

	config.loss = LOSS;
	world_create(&rack->world, seed);
	network_create(&rack->network, &rack->world, &config, MEMBERS + 1);
	manager_create(&rack->manager, &rack->network, MEMBERS);
	for (uint32_t i = 0; i < MEMBERS; i++) {
		members[i] = &rack->members[i];
		member_create(members[i], &rack->network);
	}
	manager_start(&rack->manager, members, MEMBERS);
	for (uint32_t i = 0; i < MEMBERS; i++)
		member_start(members[i], &rack->manager);
	report_expect(report, settle_ns(rack) != NEVER_NS, "%s-%s: all join", who, jump->name);
	node_clock_jump(manager ? &rack->manager.node : &rack->members[0].node, jump->by_ns);
	ns = settle_ns(rack);
	for (uint32_t i = manager ? 0 : 1; i < MEMBERS; i++)
		forgotten += rack->members[i].forgotten;
	printf("clock %s-%s recovered_s=%.2f, of others: forgotten=%llu\n", who, jump->name,
	       ns == NEVER_NS ? -1.0 : (double)ns / 1e9, (unsigned long long)forgotten);
	/* Two renewals of each, two seconds apart, are part of it. */
	report_expect(report, ns <= RECOVERY_NS_MAX, "%s-%s: all are up and renew within 10 s", who, jump->name);
	report_expect(report, forgotten == 0, "%s-%s: no other member is forgotten", who, jump->name);
	gmm_core_check(rack->manager.core);
	report_trace(report, rack->world.hash);
	for (uint32_t i = 0; i < MEMBERS; i++)
		member_stop(members[i]);
	manager_destroy(&rack->manager);
	network_destroy(&rack->network);
	world_destroy(&rack->world);
	free(rack);
}

static void clock_run(struct report *report, const struct options *options)
{
	for (uint32_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		if (!options_want(options, jumps[i].name))
			continue;
		host_jumps(report, &jumps[i], options->seed);
		member_jumps(report, &jumps[i], true, options->seed);
		member_jumps(report, &jumps[i], false, options->seed);
	}
}

const struct scenario scenario_clock = {
	"clock", "a node's clock jumps forward by an hour or backward by a second; everybody recovers", clock_run,
};
