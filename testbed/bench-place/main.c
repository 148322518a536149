// SPDX-License-Identifier: GPL-2.0-only
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "testbed/bench-place/bench.h"

#define YEARS_DEFAULT 10u
#define YEARS_MAX 100u

static const char usage[] =
	"usage: plenum-bench-place [--policy NAME] [--years N] [--seed N] [--reserve]\n"
	"What the manager's policies of placement do to a rack: time of a decision, imbalance, memory that is stranded.\n"
	"  --policy NAME  only this one\n"
	"  --years N      of arrivals and departures (10); 0: none\n"
	"  --seed N       of VMs and draws (1)\n"
	"  --reserve      the manager keeps a rebuild reserve\n";

static void print_decisions(uint64_t seed, int only, bool reserve)
{
	printf("\n%-10s %8s %6s  %10s %10s  %10s %10s  %9s\n", "policy", "regions", "VMs", "VM p50", "VM p99", "region p50",
	       "region p99", "imbalance");
	for (int i = 0; i < GMM_PLACEMENTS; i++) {
		struct decision_result result;

		if (only < GMM_PLACEMENTS && i != only)
			continue;
		result = decision_run((struct rack_rules){ (enum gmm_placement)i, reserve }, seed);
		printf("%-10s %8u %6u  %7.1f us %7.1f us  %7llu ns %7llu ns  %7.2f %%\n", gmm_policies[i].name,
		       result.regions, result.vms, (double)result.vm_p50_ns / 1e3, (double)result.vm_p99_ns / 1e3,
		       (unsigned long long)result.region_p50_ns, (unsigned long long)result.region_p99_ns, 100 * result.imbalance);
		fflush(stdout);
	}
}

static void print_years(uint64_t seed, int only, bool reserve, uint32_t years)
{
	printf("\n%-10s %9s %8s  %7s  %9s  %9s %9s  %13s\n", "policy", "arrivals", "refused", "used", "imbalance", "stranded", "most",
	       "first refusal");
	for (int i = 0; i < GMM_PLACEMENTS; i++) {
		struct decade_result result;

		if (only < GMM_PLACEMENTS && i != only)
			continue;
		result = decade_run((struct rack_rules){ (enum gmm_placement)i, reserve }, seed, years, 0);
		printf("%-10s %9llu %6.2f %%  %5.1f %%  %7.2f %%  %7.2f %% %7.2f %%  %11.2f %%\n", gmm_policies[i].name,
		       (unsigned long long)result.arrivals, 100 * (double)result.refused / (double)result.arrivals, 100 * result.used,
		       100 * result.imbalance, 100 * result.stranded, 100 * result.stranded_most, 100 * result.first_refusal);
		fflush(stdout);
	}
}

#define SPREADS 6u
static const uint32_t spreads[SPREADS] = { 0, 16, 8, 4, 2, 1 };

/* Where an imbalance comes from: how full components of each size are, how often in a VM's set, and what each gets of its regions. */
static void print_sizes(const struct spread_result results[SPREADS])
{
	printf("\nby size of component: used share, share of the VMs' members, regions of a VM on such a member\n%6s", "spread");
	for (uint32_t size = 0; size < MEMORY_SIZES; size++)
		printf("  %5llu GiB: used  members  regions",
		       (1 + size) * MEMORY_REGIONS / 2 * (unsigned long long)REGION_BYTES >> 30);
	for (uint32_t i = 0; i < SPREADS; i++) {
		printf("\n%6u", spreads[i]);
		for (uint32_t size = 0; size < MEMORY_SIZES; size++)
			printf("  %13.1f %%  %5.1f %%  %7.2f", 100 * results[i].used[size], 100 * results[i].members[size],
			       results[i].regions[size]);
	}
	printf("\n");
}

/* Of the default policy: what spreads do to what is lost with a component, and what they cost. */
static void print_spreads(uint64_t seed, struct rack_rules rules, uint32_t years)
{
	struct spread_result results[SPREADS];

	printf("\n%s, VMs of one spread; domains of %u memory components; VMs lost with a component, and with a domain\n",
	       gmm_policies[rules.placement].name, DOMAIN_MEMORIES);
	printf("%6s %10s  %9s %9s  %9s %9s  %9s %8s  %10s %10s  %9s %9s\n", "spread", "components", "mean", "worst", "domain", "worst",
	       "imbalance", "refused", "VM p50", "VM p99", "stranded", "most");
	for (uint32_t i = 0; i < SPREADS; i++) {
		const struct spread_result result = results[i] = spread_run(rules, seed, spreads[i]);
		struct decade_result decade = { 0 };

		if (years)
			decade = decade_run(rules, seed, years, spreads[i]);
		printf("%6u %10.1f  %7.2f %% %7.2f %%  %7.2f %% %7.2f %%  %7.2f %% %8llu  %7.1f us %7.1f us", spreads[i], result.components,
		       100 * result.lost_mean, 100 * result.lost_worst, 100 * result.domain_mean, 100 * result.domain_worst,
		       100 * result.imbalance, (unsigned long long)result.refused, (double)result.vm_p50_ns / 1e3,
		       (double)result.vm_p99_ns / 1e3);
		if (years)
			printf("  %7.2f %% %7.2f %%", 100 * decade.stranded, 100 * decade.stranded_most);
		printf("\n");
		fflush(stdout);
	}
	print_sizes(results);
}

static void print_newcomers(uint64_t seed)
{
	static const double levels[] = { 0.2, 0.5, 0.8, 0.9 };

	printf("\nan empty component joins %u others; moved bytes over the least that would do\n", MEMORIES - 1);
	printf("%7s %6s  %14s %14s  %13s %13s  %8s\n", "used", "moves", "to the goal", "to be even", "furthest", "after", "plan");
	for (unsigned i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct newcomer_result result = newcomer_run(levels[i], seed);

		printf("%5.1f %% %6u  %14.3f %14.3f  %11.1f %% %11.1f %%  %5.1f ms\n", 100 * result.used, result.moves,
		       result.moved_to_goal, result.moved_to_even, 100 * result.distance_before, 100 * result.distance_after,
		       (double)result.plan_ns / 1e6);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "policy", required_argument, NULL, 'p' }, { "years", required_argument, NULL, 'y' },
		{ "seed", required_argument, NULL, 's' }, { "reserve", no_argument, NULL, 'r' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	unsigned long years = YEARS_DEFAULT, seed = 1;
	struct rack_rules rules = { .placement = GMM_PLACEMENT_LEAST };
	int only = GMM_PLACEMENTS, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'p': only = gmm_placement_named(optarg); break;
		case 'y': years = strtoul(optarg, NULL, 10); break;
		case 'r': rules.rebuild_reserve = true; break;
		case 's': seed = strtoul(optarg, NULL, 10); break;
		default: fputs(usage, option == 'h' ? stdout : stderr); return option == 'h' ? 0 : 2;
		}
		if ((option == 'p' && only == GMM_PLACEMENTS) || years > YEARS_MAX) {
			fputs(usage, stderr);
			return 2;
		}
	}
	printf("%u memory components of %llu to %llu GiB, %u process components; regions of %llu MiB\n", MEMORIES,
	       MEMORY_REGIONS / 2 * (unsigned long long)REGION_BYTES >> 30,
	       MEMORY_REGIONS * 3 / 2 * (unsigned long long)REGION_BYTES >> 30, PROCESSES, (unsigned long long)REGION_BYTES >> 20);
	print_decisions(seed, only, rules.rebuild_reserve);
	if (years)
		print_years(seed, only, rules.rebuild_reserve, (uint32_t)years);
	if (only < GMM_PLACEMENTS)
		rules.placement = (enum gmm_placement)only;
	print_spreads(seed, rules, (uint32_t)years);
	print_newcomers(seed);
	return 0;
}
