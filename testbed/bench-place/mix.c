// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>
#include <stdio.h>

#include "lib/hash.h"
#include "testbed/bench-place/bench.h"

#define MIB (UINT64_C(1) << 20)
#define MEMORY_MEDIAN_BYTES 2147483648.0
#define MEMORY_SIGMA 0.6
#define MEMORY_BYTES_MIN (256 * MIB)
#define MEMORY_STEP_BYTES (16 * MIB)
#define LIFETIME_SHAPE 0.6
#define DAY_S 86400.0
#define SWING 0.6			/* of the rate over a day */
#define PEAK_S (14 * 3600.0)
#define WEEKEND 0.5
#define MEAN_DRAWS 100000u

static uint64_t draw(struct mix *mix)
{
	return hash_mix(mix->state += UINT64_C(0x9e3779b97f4a7c15));
}

uint32_t mix_below(struct mix *mix, uint32_t bound)
{
	return hash_reduce(draw(mix), bound);
}

/* Above 0, at most 1. */
static double uniform(struct mix *mix)
{
	return ((double)(draw(mix) >> 11) + 1) / 9007199254740992.0;
}

static double normal(struct mix *mix)
{
	double radius = sqrt(-2 * log(uniform(mix)));

	return radius * cos(2 * M_PI * uniform(mix));
}

static uint64_t draw_memory_bytes(struct mix *mix)
{
	double bytes = MEMORY_MEDIAN_BYTES * exp(MEMORY_SIGMA * normal(mix));

	if (bytes <= (double)MEMORY_BYTES_MIN)
		return MEMORY_BYTES_MIN;
	if (bytes >= (double)VM_MEMORY_BYTES_MAX)
		return VM_MEMORY_BYTES_MAX;
	return (uint64_t)ceil(bytes / (double)MEMORY_STEP_BYTES) * MEMORY_STEP_BYTES;
}

static double draw_lifetime_s(struct mix *mix)
{
	double scale_s = MIX_LIFETIME_MEAN_S / tgamma(1 + 1 / LIFETIME_SHAPE);

	return scale_s * pow(-log(uniform(mix)), 1 / LIFETIME_SHAPE);
}

struct mix_vm mix_draw(struct mix *mix, uint64_t number)
{
	static const uint32_t cache_shifts[] = { 3, 2, 2, 1 }, vcpus[] = { 1, 1, 1, 1, 1, 2, 2, 2, 4, 4 };
	struct mix_vm vm = { .spec = { .memory_bytes = draw_memory_bytes(mix), .spread = mix->spread } };

	snprintf(vm.spec.name, sizeof(vm.spec.name), "v%llu", (unsigned long long)number);
	vm.spec.cache_bytes = vm.spec.memory_bytes >> cache_shifts[mix_below(mix, 4)];
	vm.spec.vcpus = vcpus[mix_below(mix, 10)];
	vm.lifetime_s = draw_lifetime_s(mix);
	return vm;
}

/* The mean over a week is 1. */
static double rate_at(double now_s)
{
	double day = fmod(now_s / DAY_S, 7), week = (5 + 2 * WEEKEND) / 7;
	double rate = 1 + SWING * cos(2 * M_PI * (fmod(now_s, DAY_S) - PEAK_S) / DAY_S);

	return rate * (day >= 5 ? WEEKEND : 1) / week;
}

double mix_next_arrival_s(struct mix *mix, double now_s, double per_s)
{
	double most = (1 + SWING) * 7 / (5 + 2 * WEEKEND);

	/* Thinning: candidates at the highest rate, each kept with the share that the rate then is of it. */
	do
		now_s += -log(uniform(mix)) / (per_s * most);
	while (uniform(mix) * most > rate_at(now_s));
	return now_s;
}

double mix_mean_pages(void)
{
	struct mix mix = { .state = 1 };
	double sum = 0;

	for (uint32_t i = 0; i < MEAN_DRAWS; i++)
		sum += (double)(draw_memory_bytes(&mix) / PAGE_BYTES);
	return sum / MEAN_DRAWS;
}
