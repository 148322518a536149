/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pace of a move: what the guests' fills take says how fast pages may be copied. The rate grows by a part of itself
 * and its minimum each period, and is halved when the median fill has grown beyond the limit; it never falls below its
 * minimum, so that a move ends.
 */
#include "pcomponent/region/move.h"

/* The median as a running estimate: each fill pulls it a little to its own side. No table, no division, no branch. */
void region_pace_fill(struct region_client *client, uint64_t fill_ns)
{
	uint64_t median_ns = client->fill_median_ns, step_ns = (median_ns >> PACE_MEDIAN_SHIFT) + 1;

	client->fills++;
	if (median_ns == 0)
		client->fill_median_ns = fill_ns;
	else
		client->fill_median_ns = median_ns + (fill_ns > median_ns ? step_ns : -step_ns);
}

void region_pace_begin(struct region_client *client, struct region_move *move, const struct wire_move_pace *limits,
		       uint64_t now_ns)
{
	move->pace = (struct region_pace){ .limits = *limits, .rate = limits->pages_per_second_min, .next_ns = now_ns,
					   .adjust_ns = now_ns + PACE_PERIOD_NS, .fills_seen = client->fills,
					   .before_ns = client->fill_median_ns };
}

static void pace_adjust(const struct region_client *client, struct region_pace *pace, uint64_t now_ns)
{
	uint64_t fills = client->fills - pace->fills_seen;

	pace->adjust_ns = now_ns + PACE_PERIOD_NS;
	if (pace->before_ns == 0)
		pace->before_ns = client->fill_median_ns;
	/* Guests that miss now and then are given time to say enough; those that do not miss have nothing to suffer from. */
	if (fills > 0 && fills < PACE_FILLS_MIN)
		return;
	pace->fills_seen = client->fills;
	if (fills > 0 && client->fill_median_ns * 1000 > pace->before_ns * pace->limits.slowdown_permille)
		pace->rate /= 2;
	else
		pace->rate += pace->limits.pages_per_second_min + pace->rate / PACE_GROWTH_DIVISOR;
	if (pace->rate < pace->limits.pages_per_second_min)
		pace->rate = pace->limits.pages_per_second_min;
	if (pace->rate > WIRE_MOVE_PACE_MAX)
		pace->rate = WIRE_MOVE_PACE_MAX;
}

bool region_pace_take(struct region_client *client, struct region_move *move, uint64_t now_ns)
{
	struct region_pace *pace = &move->pace;

	if (now_ns >= pace->adjust_ns)
		pace_adjust(client, pace, now_ns);
	if (now_ns < pace->next_ns)
		return false;
	if (now_ns - pace->next_ns > PACE_BURST_NS)
		pace->next_ns = now_ns - PACE_BURST_NS;
	pace->next_ns += UINT64_C(1000000000) / pace->rate;
	return true;
}
