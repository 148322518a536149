// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policies of placement: which of the memory components that can take a region gets it. `least` keeps the rack even
 * and looks at all of them; `p2c` comes close to it with two looks; `pack` leaves components empty, to be switched off.
 * `random` and LegoOS's two are there to be compared with (docs/manager.md, "Placement").
 */
#include <string.h>

#include "gmm/core/internal.h"
#include "lib/hash.h"

/* Steps of the golden ratio, mixed as SplitMix64 does: every seed is good, 0 included. */
static uint32_t draw_below(struct gmm_core *core, uint32_t bound)
{
	return hash_reduce(hash_mix(core->chance += UINT64_C(0x9e3779b97f4a7c15)), bound);
}

/* Free/capacity compared without a division; both are at most GMM_NODE_PAGES_MAX. */
static bool more_share_free(const struct gmm_candidate *left, const struct gmm_candidate *right)
{
	return left->pages_free * right->pages_capacity > right->pages_free * left->pages_capacity;
}

static const struct gmm_candidate *choose_least(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	const struct gmm_candidate *best = candidates[0];

	(void)core;
	for (uint32_t i = 1; i < count; i++)
		if (more_share_free(candidates[i], best))
			best = candidates[i];
	return best;
}

static const struct gmm_candidate *choose_p2c(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	uint32_t first = draw_below(core, count), second;

	if (count == 1)
		return candidates[0];
	second = draw_below(core, count - 1);
	second += second >= first;
	return candidates[more_share_free(candidates[second], candidates[first]) ? second : first];
}

static const struct gmm_candidate *choose_random(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	return candidates[draw_below(core, count)];
}

static const struct gmm_candidate *choose_pack(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	const struct gmm_candidate *best = candidates[0];

	(void)core;
	for (uint32_t i = 1; i < count; i++)
		if (more_share_free(best, candidates[i]))
			best = candidates[i];
	return best;
}

static const struct gmm_candidate *choose_lego_rr(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (candidates[i]->node > core->placed_last)
			return candidates[i];
	return candidates[0];
}

static const struct gmm_candidate *choose_lego_free(struct gmm_core *core, const struct gmm_candidate *const candidates[], uint32_t count)
{
	const struct gmm_candidate *best = candidates[0];

	(void)core;
	for (uint32_t i = 1; i < count; i++)
		if (candidates[i]->pages_free > best->pages_free)
			best = candidates[i];
	return best;
}

const struct gmm_policy gmm_policies[GMM_PLACEMENTS] = {
	[GMM_PLACEMENT_LEAST] = { "least", "largest free share of its capacity, lowest id on a tie", choose_least },
	[GMM_PLACEMENT_P2C] = { "p2c", "the one of two drawn at random that has the larger free share", choose_p2c },
	[GMM_PLACEMENT_RANDOM] = { "random", "drawn at random", choose_random },
	[GMM_PLACEMENT_PACK] = { "pack", "smallest free share that still fits", choose_pack },
	[GMM_PLACEMENT_LEGO_RR] = { "lego-rr", "LegoOS: each in turn, whatever it has", choose_lego_rr },
	[GMM_PLACEMENT_LEGO_FREE] = { "lego-free", "LegoOS: most free memory, whatever its capacity", choose_lego_free },
};

enum gmm_placement gmm_placement_named(const char *name)
{
	uint32_t at = 0;

	while (at < GMM_PLACEMENTS && strcmp(gmm_policies[at].name, name))
		at++;
	return (enum gmm_placement)at;
}
