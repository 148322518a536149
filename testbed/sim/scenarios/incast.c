// SPDX-License-Identifier: GPL-2.0-only
/*
 * Incast: 32 nodes send to one through one switch port. READs are the receiver's own doing, so its READ budget must bound
 * them; WRITEs and SENDs are bounded by each sender's window, which learns of the queue from congestion marks.
 */
#include <math.h>
#include <stdio.h>

#include "testbed/sim/scenario.h"
#include "testbed/sim/traffic.h"

#define SENDERS 32u
#define DEPTH 16u
#define PAGE 4096u
#define GOODPUT_MIN 0.90
#define UNFAIRNESS_MAX 1.20
#define CONNECT_NS (1 * MILLISECOND_NS)		/* all are connected, nothing has been posted */
/* As long as the links take for so many bytes: fairness is a matter of many round trips. */
#define MEASURE_BYTES (200u << 20)
#define ALONE_BYTES (1u << 20)
#define PAUSE_NS (20 * MILLISECOND_NS)

struct incast_case {
	enum flow_kind kind;
	uint32_t len_bytes;
	uint32_t gigabits_per_s;
	uint32_t buffer_bytes;
	uint64_t pause_ns;		/* each sender had the link for itself first, and then nothing to do for so long; 0: no */
};

struct result {
	double goodput, unfairness;
	uint64_t timeouts, probes, retransmits, overflowed, marked, port_bytes_max;
};

static void create(struct traffic *traffic, const struct incast_case *incast, uint64_t seed)
{
	const struct traffic_config config = {
		.network = network_clean(incast->gigabits_per_s, incast->buffer_bytes), .seed = seed, .hosts = SENDERS + 1,
		.flows_max = SENDERS, .path_mtu_bytes = 4096, .read_budget_bytes = ROCE_READ_BUDGET_BYTES,
	};

	traffic_create(traffic, &config);
	for (uint32_t i = 1; i <= SENDERS; i++) {
		bool read = incast->kind == FLOW_READ;
		const struct flow_config flow = { .source = read ? 0 : i, .target = read ? i : 0, .kind = incast->kind,
						  .len_bytes = incast->len_bytes, .depth = DEPTH };

		traffic_flow(traffic, &flow)->held = true;
	}
	traffic_start(traffic);
	world_run_until(&traffic->world, CONNECT_NS);
}

static uint64_t link_ns(const struct traffic *traffic, uint64_t bytes)
{
	return bytes * 1000 / traffic->network.config.bytes_per_us;
}

/* Every sender alone for a while, so that its window grows to what it can be; then nothing for a while. */
static void each_alone(struct traffic *traffic, uint64_t pause_ns)
{
	for (uint32_t i = 0; i < SENDERS; i++) {
		traffic_hold(&traffic->flows[i], false);
		world_run_until(&traffic->world, traffic->world.now_ns + link_ns(traffic, ALONE_BYTES));
		traffic_hold(&traffic->flows[i], true);
	}
	world_run_until(&traffic->world, traffic->world.now_ns + pause_ns);
	traffic->hosts[0].node.port_bytes_max = 0;
}

/* All at once. The very beginning counts, too. */
static void all_at_once(struct traffic *traffic, struct result *result)
{
	uint64_t before[SENDERS], least = UINT64_MAX, most = 0, sum = 0;

	for (uint32_t i = 0; i < SENDERS; i++)
		before[i] = traffic->flows[i].completed_bytes;
	for (uint32_t i = 0; i < SENDERS; i++)
		traffic_hold(&traffic->flows[i], false);
	world_run_until(&traffic->world, traffic->world.now_ns + link_ns(traffic, MEASURE_BYTES));
	for (uint32_t i = 0; i < SENDERS; i++) {
		uint64_t bytes = traffic->flows[i].completed_bytes - before[i];

		sum += bytes;
		least = bytes < least ? bytes : least;
		most = bytes > most ? bytes : most;
	}
	result->goodput = (double)sum / MEASURE_BYTES;
	result->unfairness = least > 0 ? (double)most / (double)least : INFINITY;
}

static struct result measure(struct report *report, const struct incast_case *incast, uint64_t seed)
{
	struct traffic traffic;
	struct result result;

	create(&traffic, incast, seed);
	if (incast->pause_ns > 0)
		each_alone(&traffic, incast->pause_ns);
	all_at_once(&traffic, &result);
	result.timeouts = TRAFFIC_COUNTER(&traffic, timeouts);
	result.probes = TRAFFIC_COUNTER(&traffic, probes_sent);
	result.retransmits = TRAFFIC_COUNTER(&traffic, retransmits);
	result.overflowed = traffic.network.counters.overflowed;
	result.marked = traffic.network.counters.marked;
	result.port_bytes_max = traffic.hosts[0].node.port_bytes_max;
	report_trace(report, traffic.world.hash);
	traffic_destroy(&traffic);
	return result;
}

static void incast_run(struct report *report, const struct options *options)
{
	static const struct incast_case cases[] = {
		{ FLOW_READ, PAGE, 10, 256u << 10, 0 },	      { FLOW_READ, PAGE, 100, 256u << 10, 0 },
		{ FLOW_READ, 16 * PAGE, 10, 256u << 10, 0 },  { FLOW_READ, 16 * PAGE, 100, 1u << 20, 0 },
		{ FLOW_READ, PAGE, 100, 256u << 10, PAUSE_NS },
		{ FLOW_WRITE, PAGE, 10, 256u << 10, 0 },      { FLOW_WRITE, PAGE, 100, 1u << 20, 0 },
		{ FLOW_WRITE, 16 * PAGE, 10, 256u << 10, 0 }, { FLOW_WRITE, 16 * PAGE, 100, 256u << 10, 0 },
		{ FLOW_WRITE, 16 * PAGE, 10, 256u << 10, PAUSE_NS },
		{ FLOW_SEND, PAGE, 10, 256u << 10, 0 },	      { FLOW_SEND, PAGE, 100, 256u << 10, 0 },
		{ FLOW_SEND, 16 * PAGE, 10, 1u << 20, 0 },    { FLOW_SEND, 16 * PAGE, 100, 1u << 20, 0 },
		{ FLOW_SEND, PAGE, 10, 256u << 10, PAUSE_NS },
	};

	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct incast_case *incast = &cases[i];
		struct result result;
		char name[64];

		snprintf(name, sizeof(name), "%s-%uK-%uG-%uK%s", flow_kind_name(incast->kind), incast->len_bytes >> 10,
			 incast->gigabits_per_s, incast->buffer_bytes >> 10, incast->pause_ns > 0 ? "-pause" : "");
		if (!options_want(options, name))
			continue;
		result = measure(report, incast, options->seed);
		printf("incast %-24s goodput=%.3f unfairness=%.3f timeouts=%llu probes=%llu retransmits=%llu overflowed=%llu "
		       "marked=%llu port_max=%lluK\n",
		       name, result.goodput, result.unfairness, (unsigned long long)result.timeouts,
		       (unsigned long long)result.probes, (unsigned long long)result.retransmits,
		       (unsigned long long)result.overflowed, (unsigned long long)result.marked,
		       (unsigned long long)result.port_bytes_max >> 10);
		report_expect(report, result.goodput >= GOODPUT_MIN, "%s: goodput at least %.2f of the link", name, GOODPUT_MIN);
		report_expect(report, result.unfairness <= UNFAIRNESS_MAX, "%s: the largest share at most %.2f times the least",
			      name, UNFAIRNESS_MAX);
		report_expect(report, result.timeouts == 0, "%s: no timeouts", name);
	}
}

const struct scenario scenario_incast = {
	"incast", "32 nodes send to one through one switch port: goodput, fairness, timeouts", incast_run,
};
