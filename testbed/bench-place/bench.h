/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plenum-bench-place: what the manager's policies of placement do to a rack. The core is the real one; the nodes are
 * models that do at once what they are asked to. Time is the rack's own, except where a decision is timed.
 *
 * The racks are as large as 100,000 regions need: a process component takes VMS_PER_NODE_MAX VMs of at most
 * VM_MEMORY_BYTES_MAX, so there are far more of these than memory components: an eighth more slots and cache than VMs of
 * the mix need that fill the memory. The configuration is the simulator's.
 */
#ifndef PLENUM_BENCH_PLACE_H
#define PLENUM_BENCH_PLACE_H

#include <stdint.h>

#include "gmm/core/core.h"

#define MEMORIES 64u
#define PROCESSES 576u
#define REGIONS_WANTED 100000u
#define MEMORY_REGIONS 2048u		/* of a component: 128 GiB; mixed sizes are this, half and one and a half of it */
#define MEMORY_SIZES 3u
#define DOMAIN_MEMORIES 8u		/* memory components that fail together */
#define PROCESS_CACHE_BYTES (UINT64_C(9) << 29)	/* 4.5 GiB */
#define PROCESS_CPUS 16u

/* ---------------------------------------------------------------- rack.c */

struct rack {
	struct gmm_core *core;
	uint32_t memories;
};

/* What the manager is configured with. */
struct rack_rules {
	enum gmm_placement placement;
	bool rebuild_reserve;
};

/* Release with rack_close(). Exits when there is no memory, as every function here does. */
void rack_open(struct rack *rack, struct rack_rules rules, uint64_t seed, uint32_t memories, bool mixed_sizes);
void rack_close(struct rack *rack);
/* One more memory component joins. */
void rack_add_memory(struct rack *rack, uint32_t regions);
/* 0, or what the core refused it with. *decision_ns: processor time of the decision, without what others had of it. */
int rack_create(struct rack *rack, const struct gmm_vm_spec *spec, uint64_t *decision_ns);
void rack_destroy(struct rack *rack, const char *name);
/* Standard deviation over mean of the memory components' used shares. */
double rack_imbalance(const struct rack *rack);
uint64_t rack_pages_free(const struct rack *rack);
uint64_t rack_pages(const struct rack *rack);
uint64_t bench_now_ns(void);

/* ---------------------------------------------------------------- mix.c: which VMs come, when, and for how long */

/*
 * Memory: lognormal, median 2 GiB, sigma 0.6 of its logarithm; 256 MiB to what a VM may have, in steps of 16 MiB.
 * Cache: an eighth (1 of 4), a quarter (2 of 4) or half (1 of 4) of the memory. vCPUs: 1 (5 of 10), 2 (3), 4 (2).
 * Lifetime: Weibull, shape 0.6, mean 120 days: many are gone in a week, some stay for years.
 * Arrivals: Poisson. The rate follows the day, 0.4 at 2:00 to 1.6 at 14:00, and is halved on days 6 and 7 of the week.
 */
#define MIX_LIFETIME_MEAN_S (120.0 * 86400)

struct mix {
	uint64_t state;
	uint32_t spread;			/* of all VMs; 0: no limit */
};

struct mix_vm {
	struct gmm_vm_spec spec;
	double lifetime_s;
};

/* The next VM; its name is v and `number`. */
struct mix_vm mix_draw(struct mix *mix, uint64_t number);
uint32_t mix_below(struct mix *mix, uint32_t bound);
/* When the next one comes, after `now_s`, at `per_s` on the average. */
double mix_next_arrival_s(struct mix *mix, double now_s, double per_s);
/* Mean pages of a VM, drawn from the mix itself. */
double mix_mean_pages(void);

/* ---------------------------------------------------------------- what is measured */

/* decision.c: a rack of mixed sizes, filled to REGIONS_WANTED, and VMs that go and come there. */
struct decision_result {
	uint32_t regions, vms;
	uint64_t vm_p50_ns, vm_p99_ns;		/* a whole request: all regions of a VM and its process component */
	uint64_t region_p50_ns, region_p99_ns;	/* one region's component */
	double imbalance;
};
struct decision_result decision_run(struct rack_rules rules, uint64_t seed);

/* decade.c: years of arrivals and departures at 95 % of the memory on the average. */
struct decade_result {
	uint64_t arrivals, refused;
	double used;				/* mean share of the memory */
	double imbalance;			/* mean over the samples */
	double stranded, stranded_most;		/* mean and largest over the samples, of the memory */
	double first_refusal;			/* mean of what is free when the first VM is refused, of the memory */
};
struct decade_result decade_run(struct rack_rules rules, uint64_t seed, uint32_t years, uint32_t spread);

/*
 * spread.c: a rack filled to REGIONS_WANTED by VMs of one spread, of which some thousands go and come: what the loss of a memory
 * component, and of a failure domain of DOMAIN_MEMORIES, takes with it, of the VMs there are.
 */
struct spread_result {
	double components;			/* mean of a VM */
	double lost_mean, lost_worst;		/* with a component */
	double domain_mean, domain_worst;	/* with a domain */
	double imbalance;
	double used[MEMORY_SIZES];		/* of components of each size, the smallest first: the mean of their used shares; */
	double members[MEMORY_SIZES];		/* of a VM's components, the share that is of this size; */
	double regions[MEMORY_SIZES];		/* how many of a VM's regions one of these has */
	uint64_t vm_p50_ns, vm_p99_ns;		/* of a request, as in decision.c */
	uint64_t refused;
};
struct spread_result spread_run(struct rack_rules rules, uint64_t seed, uint32_t spread);
/* decision.c: a VM that is there, drawn, goes. */
void destroy_any(struct rack *rack, struct mix *mix);
void quantiles(uint64_t *samples_ns, uint32_t count, uint64_t *p50_ns, uint64_t *p99_ns);

/* newcomer.c: an empty component joins 63 that are `used` full; what is planned then. */
struct newcomer_result {
	double used;
	uint32_t moves;
	double moved_to_goal;			/* bytes moved over the least that reaches the goal */
	double moved_to_even;			/* over the least that makes all of them even */
	double distance_before, distance_after;
	uint64_t plan_ns;
};
struct newcomer_result newcomer_run(double used, uint64_t seed);

#endif
