// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stranger among hosts whose services are open to everybody. They must not notice it: every byte right (traffic.c
 * compares), no connection lost, their goodput nearly that of a network without it; and every packet of it is counted
 * under some name. The scenario "guard" has the services that ask for the rack's key.
 */
#include <stdio.h>

#include "testbed/sim/scenario.h"
#include "testbed/sim/stranger.h"
#include "testbed/sim/traffic.h"

#define HOSTS 3u
#define FLOWS 4u
#define RECORD_FROM_NS (1 * MILLISECOND_NS)
#define ATTACK_FROM_NS (5 * MILLISECOND_NS)

struct result {
	uint64_t bytes, sent, refused, reconnects, errors, timeouts;
};

static uint64_t refused(const struct traffic *traffic)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < HOSTS; i++)
		sum += stranger_refused(roce_counters(traffic->hosts[i].node.device));
	return sum;
}

static uint64_t moved(const void *context)
{
	return traffic_bytes(context);
}

static void add_flows(struct traffic *traffic)
{
	static const uint32_t ends[FLOWS][2] = { { 0, 1 }, { 1, 0 }, { 2, 0 }, { 1, 2 } };

	for (uint32_t i = 0; i < FLOWS; i++) {
		const struct flow_config flow = { .source = ends[i][0], .target = ends[i][1], .kind = FLOW_MIX,
						  .len_bytes = i < 2 ? 16384 : 4096, .depth = 8 };

		traffic_flow(traffic, &flow);
	}
}

static struct result run(struct report *report, stranger_attack *attack, uint64_t seed)
{
	const struct traffic_config config = { .network = network_clean(STRANGER_GIGABITS_PER_S, STRANGER_BUFFER_BYTES), .seed = seed,
					       .hosts = HOSTS, .flows_max = FLOWS, .extra_nodes = 1, .path_mtu_bytes = 4096,
					       .read_budget_bytes = ROCE_READ_BUDGET_BYTES };
	struct result result = { 0 };
	struct stranger stranger;
	struct traffic traffic;

	traffic_create(&traffic, &config);
	stranger_create(&stranger, &traffic.network, HOSTS, TRAFFIC_PORT);
	stranger_record(&stranger, RECORD_FROM_NS, ATTACK_FROM_NS);
	add_flows(&traffic);
	traffic_start(&traffic);
	world_run_until(&traffic.world, ATTACK_FROM_NS);
	result.refused = refused(&traffic);
	result.bytes = stranger_trial(&stranger, attack, moved, &traffic);
	report_expect(report, traffic_drain(&traffic, traffic.world.now_ns + SECOND_NS), "all that was posted ends");
	result.refused = refused(&traffic) - result.refused;
	result.sent = stranger.sent;
	result.timeouts = TRAFFIC_COUNTER(&traffic, timeouts);
	for (uint32_t i = 0; i < FLOWS; i++) {
		result.reconnects += traffic.flows[i].reconnects;
		result.errors += traffic.flows[i].errors;
	}
	report_trace(report, traffic.world.hash);
	stranger_destroy(&stranger);
	traffic_destroy(&traffic);
	return result;
}

static void stranger_run(struct report *report, const struct options *options)
{
	static const struct stranger_case cases[] = { STRANGER_CASES };
	const struct result alone = run(report, NULL, options->seed);

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;
		struct result result;
		double part;

		if (!options_want(options, name))
			continue;
		result = run(report, cases[i].attack, options->seed);
		part = (double)result.bytes / (double)alone.bytes;
		printf("stranger %-12s sent=%llu refused=%llu (%llu without it) goodput=%.3f reconnects=%llu errors=%llu "
		       "timeouts=%llu\n", name, (unsigned long long)result.sent, (unsigned long long)result.refused,
		       (unsigned long long)alone.refused, part, (unsigned long long)result.reconnects,
		       (unsigned long long)result.errors, (unsigned long long)result.timeouts);
		report_expect(report, part >= STRANGER_GOODPUT_MIN, "%s: goodput at least %.2f of what it is without", name,
			      STRANGER_GOODPUT_MIN);
		report_expect(report, result.reconnects == 0 && result.errors == 0, "%s: nothing of the hosts' fails", name);
		report_expect(report, result.refused >= result.sent, "%s: every packet is counted", name);
	}
}

const struct scenario scenario_stranger = {
	"stranger", "a machine that replays, spoofs, floods and guesses, while legitimate hosts work", stranger_run,
};
