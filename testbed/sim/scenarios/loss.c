// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss, duplication and reordering on everything that two hosts send each other: every transfer must be right (traffic.c
 * compares every byte), and goodput must not suffer much. And: what does one lost packet cost? Every packet of a load is
 * lost once, each in a run of its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "testbed/sim/scenario.h"
#include "testbed/sim/traffic.h"

#define PAGE 4096u
#define FLOWS 4u				/* two in each direction */
#define DEPTH 16u
#define GIGABITS_PER_S 10u
#define BUFFER_BYTES (1u << 20)
#define CONNECT_NS (10 * SECOND_NS)		/* with REQs that are lost; nothing is posted before all are up */
#define GIVE_UP_NS (60 * SECOND_NS)
#define FLOW_BYTES (8u << 20)
#define GOODPUT_AT_1_PERCENT_MIN 0.80
#define COST_MEDIAN_MAX 3.0			/* round trips */
#define COST_OPERATIONS 64u

struct trouble {
	const char *name;
	double loss, duplication, reordering;
};

/* ---------------------------------------------------------------- the matrix */

static void add_flows(struct traffic *traffic, enum flow_kind kind, uint32_t len_bytes)
{
	for (uint32_t i = 0; i < FLOWS; i++) {
		const struct flow_config config = { .source = i % 2, .target = 1 - i % 2, .kind = kind, .len_bytes = len_bytes,
						    .depth = DEPTH, .operations_max = FLOW_BYTES / len_bytes };

		traffic_flow(traffic, &config)->held = true;
	}
}

static bool all_up(const struct traffic *traffic)
{
	for (uint32_t i = 0; i < traffic->flows_count; i++)
		if (traffic->flows[i].state != FLOW_UP)
			return false;
	return true;
}

/* Bytes a second, of all flows together, from the first that is posted to the last that is answered. */
static double goodput(struct report *report, enum flow_kind kind, uint32_t len_bytes, const struct trouble *trouble,
		      uint64_t seed, struct roce_counters *counters)
{
	struct traffic_config config = { .network = network_clean(GIGABITS_PER_S, BUFFER_BYTES), .seed = seed, .hosts = 2,
					 .flows_max = FLOWS, .path_mtu_bytes = 4096,
					 .read_budget_bytes = ROCE_READ_BUDGET_BYTES };
	struct traffic traffic;
	uint64_t begin_ns, ns;

	config.network.loss = trouble->loss;
	config.network.duplication = trouble->duplication;
	config.network.reordering = trouble->reordering;
	traffic_create(&traffic, &config);
	add_flows(&traffic, kind, len_bytes);
	traffic_start(&traffic);
	while (!all_up(&traffic) && traffic.world.now_ns < CONNECT_NS && world_step(&traffic.world))
		;
	begin_ns = traffic.world.now_ns;
	for (uint32_t i = 0; i < FLOWS; i++)
		traffic_hold(&traffic.flows[i], false);
	report_expect(report, traffic_run_to_end(&traffic, begin_ns + GIVE_UP_NS), "all operations end");
	for (uint32_t i = 0; i < FLOWS; i++)
		report_expect(report, traffic.flows[i].errors == 0, "no operation fails");
	ns = traffic.world.now_ns - begin_ns;
	counters->retransmits = TRAFFIC_COUNTER(&traffic, retransmits);
	counters->timeouts = TRAFFIC_COUNTER(&traffic, timeouts);
	counters->probes_sent = TRAFFIC_COUNTER(&traffic, probes_sent);
	report_trace(report, traffic.world.hash);
	traffic_destroy(&traffic);
	return (double)FLOWS * FLOW_BYTES * 1e9 / (double)ns;
}

static void matrix(struct report *report, const struct options *options)
{
	static const struct trouble troubles[] = {
		{ "loss-0.1%", 0.001, 0, 0 },	  { "loss-1%", 0.01, 0, 0 },	 { "loss-5%", 0.05, 0, 0 },
		{ "repeat-0.1%", 0, 0.001, 0 },	  { "repeat-1%", 0, 0.01, 0 },	 { "repeat-5%", 0, 0.05, 0 },
		{ "reorder-0.1%", 0, 0, 0.001 },  { "reorder-1%", 0, 0, 0.01 },	 { "reorder-5%", 0, 0, 0.05 },
		{ "all-0.1%", 0.001, 0.001, 0.001 }, { "all-1%", 0.01, 0.01, 0.01 }, { "all-5%", 0.05, 0.05, 0.05 },
	};
	static const struct trouble none = { "none", 0, 0, 0 };

	for (uint32_t kind = FLOW_READ; kind <= FLOW_MIX; kind++) {
		for (uint32_t len_bytes = PAGE; len_bytes <= 16 * PAGE; len_bytes *= 16) {
			struct roce_counters counters = { 0 };
			double clean = 0;

			for (uint32_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
				double part;
				char name[64];

				snprintf(name, sizeof(name), "%s-%uK-%s", flow_kind_name(kind), len_bytes >> 10,
					 troubles[i].name);
				if (!options_want(options, name))
					continue;
				if (clean == 0)
					clean = goodput(report, kind, len_bytes, &none, options->seed, &counters);
				part = goodput(report, kind, len_bytes, &troubles[i], options->seed, &counters) / clean;
				printf("loss %-22s goodput=%.3f of %.2f GB/s retransmits=%llu probes=%llu timeouts=%llu\n", name,
				       part, clean / 1e9, (unsigned long long)counters.retransmits,
				       (unsigned long long)counters.probes_sent, (unsigned long long)counters.timeouts);
				if (troubles[i].loss == 0.01)
					report_expect(report, part >= GOODPUT_AT_1_PERCENT_MIN,
						      "%s: goodput at least %.2f of loss-free", name, GOODPUT_AT_1_PERCENT_MIN);
			}
		}
	}
}

/* ---------------------------------------------------------------- what one lost packet costs */

struct load {
	const char *name;
	enum flow_kind kind;
	uint32_t len_bytes, depth;
	uint64_t delay_ns;
	double median_max;		/* round trips; 0: only to be seen */
};

struct victim {
	uint64_t passed;		/* packets of queue pairs, so far */
	uint64_t lose;			/* this one, counted from 1; 0: none */
};

static bool lose_one(void *context, struct packet *packet)
{
	struct victim *victim = context;
	bool management = packet->bytes[5] == 0 && packet->bytes[6] == 0 && packet->bytes[7] == 1;

	return management || ++victim->passed != victim->lose;
}

/* How long the load takes when its packet number `lose` is lost. */
static uint64_t duration_ns(struct report *report, const struct load *load, uint64_t seed, uint64_t lose, uint64_t *packets)
{
	struct traffic_config config = { .network = network_clean(GIGABITS_PER_S, BUFFER_BYTES), .seed = seed, .hosts = 2,
					 .flows_max = 1, .path_mtu_bytes = 4096,
					 .read_budget_bytes = ROCE_READ_BUDGET_BYTES };
	const struct flow_config flow = { .source = 0, .target = 1, .kind = load->kind, .len_bytes = load->len_bytes,
					  .depth = load->depth, .operations_max = COST_OPERATIONS };
	struct victim victim = { .lose = lose };
	struct traffic traffic;
	uint64_t ns;

	config.network.delay_ns = load->delay_ns;
	config.network.jitter_ns = 0;
	traffic_create(&traffic, &config);
	traffic.network.tap = lose_one;
	traffic.network.tap_context = &victim;
	traffic_flow(&traffic, &flow);
	traffic_start(&traffic);
	report_expect(report, traffic_run_to_end(&traffic, GIVE_UP_NS), "all operations end");
	ns = traffic.flows[0].done_ns;
	*packets = victim.passed;
	report_trace(report, traffic.world.hash);
	traffic_destroy(&traffic);
	return ns;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void cost(struct report *report, const struct options *options)
{
	static const struct load loads[] = {
		{ "READ-4K-depth-16", FLOW_READ, PAGE, 16, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "READ-64K-depth-4", FLOW_READ, 16 * PAGE, 4, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "WRITE-4K-depth-16", FLOW_WRITE, PAGE, 16, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "WRITE-64K-depth-4", FLOW_WRITE, 16 * PAGE, 4, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "SEND-4K-depth-16", FLOW_SEND, PAGE, 16, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "SEND-64K-depth-4", FLOW_SEND, 16 * PAGE, 4, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "mix-16K-depth-8", FLOW_MIX, 4 * PAGE, 8, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "READ-4K-depth-1", FLOW_READ, PAGE, 1, 500 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "WRITE-4K-depth-1", FLOW_WRITE, PAGE, 1, 500 * MICROSECOND_NS, COST_MEDIAN_MAX },
		{ "SEND-4K-depth-1", FLOW_SEND, PAGE, 1, 500 * MICROSECOND_NS, COST_MEDIAN_MAX },
		/* Nothing follows that tells of the loss: the probe's floor counts. */
		{ "READ-4K-depth-1-short", FLOW_READ, PAGE, 1, 5 * MICROSECOND_NS, COST_MEDIAN_MAX },
	};

	for (uint32_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		const struct load *load = &loads[i];
		uint64_t packets, unused, clean_ns;
		double *costs, round_trip_ns = 2 * load->delay_ns + 4244 * 1000 / (GIGABITS_PER_S * 125.0);
		char name[64];

		snprintf(name, sizeof(name), "cost-%s", load->name);
		if (!options_want(options, name))
			continue;
		clean_ns = duration_ns(report, load, options->seed, 0, &packets);
		costs = calloc(packets, sizeof(*costs));
		if (costs == NULL)
			exit(2);
		for (uint64_t n = 0; n < packets; n++) {
			uint64_t ns = duration_ns(report, load, options->seed, n + 1, &unused);

			costs[n] = ns > clean_ns ? (double)(ns - clean_ns) / round_trip_ns : 0;
		}
		qsort(costs, packets, sizeof(*costs), compare);
		printf("loss %-27s a lost packet costs, in round trips of %.0f us: median=%.2f p90=%.2f max=%.2f, "
		       "packets=%llu\n", name, round_trip_ns / 1000, costs[packets / 2], costs[packets * 9 / 10], costs[packets - 1],
		       (unsigned long long)packets);
		report_expect(report, costs[packets / 2] <= load->median_max,
			      "%s: at most %.0f round trips at the median", name, load->median_max);
		free(costs);
	}
}

static void loss_run(struct report *report, const struct options *options)
{
	matrix(report, options);
	cost(report, options);
}

const struct scenario scenario_loss = {
	"loss", "loss, repetition and reordering between two hosts: contents, goodput, what a lost packet costs", loss_run,
};
