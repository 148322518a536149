// SPDX-License-Identifier: GPL-2.0-only
/* The table of node life (drawing in life.h), and what a node's state is now. */
#include <assert.h>

#include "gmm/core/internal.h"

#define BY(words) words, true		/* a command */
#define ON(words) words, false		/* something happens */

const struct gmm_life_step gmm_life_steps[] = {
	{ GMM_LIFE_FORGOTTEN, GMM_LIFE_DISCOVERED, ON("it asks for a boot script") },
	{ GMM_LIFE_FORGOTTEN, GMM_LIFE_ADMITTED, BY("node admit") },
	{ GMM_LIFE_DISCOVERED, GMM_LIFE_PENDING, ON("it says what it is") },
	{ GMM_LIFE_DISCOVERED, GMM_LIFE_ADMITTED, BY("node admit") },
	{ GMM_LIFE_DISCOVERED, GMM_LIFE_FORGOTTEN, BY("node reject") },
	{ GMM_LIFE_PENDING, GMM_LIFE_ADMITTED, BY("node admit") },
	{ GMM_LIFE_PENDING, GMM_LIFE_FORGOTTEN, BY("node reject") },
	{ GMM_LIFE_ADMITTED, GMM_LIFE_BOOTING, ON("it fetches its boot script") },
	{ GMM_LIFE_ADMITTED, GMM_LIFE_UP, ON("it joins") },
	{ GMM_LIFE_ADMITTED, GMM_LIFE_CORDONED, BY("node cordon") },
	{ GMM_LIFE_ADMITTED, GMM_LIFE_DRAINING, BY("node drain") },
	{ GMM_LIFE_ADMITTED, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_UP, ON("it joins") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_CORDONED, ON("it joins") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_DRAINING, ON("it joins") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_FAILED, ON("five scripts, or two minutes, and no join") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_BOOTING, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_UP, GMM_LIFE_CORDONED, BY("node cordon") },
	{ GMM_LIFE_UP, GMM_LIFE_DRAINING, BY("node drain") },
	{ GMM_LIFE_UP, GMM_LIFE_DOWN, ON("its lease runs out") },
	{ GMM_LIFE_UP, GMM_LIFE_BOOTING, ON("its lease runs out, it boots again") },
	{ GMM_LIFE_UP, GMM_LIFE_FAILED, ON("its lease runs out, its boots failed") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_UP, BY("node uncordon") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_ADMITTED, BY("node uncordon") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_DRAINING, BY("node drain") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_BOOTING, ON("it fetches its boot script") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_DOWN, ON("its lease runs out") },
	{ GMM_LIFE_CORDONED, GMM_LIFE_FAILED, ON("its lease runs out, its boots failed") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_CORDONED, BY("node cordon") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_BOOTING, ON("it fetches its boot script") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_DOWN, ON("its lease runs out") },
	{ GMM_LIFE_DRAINING, GMM_LIFE_FAILED, ON("its lease runs out, its boots failed") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_UP, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_ADMITTED, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_BOOTING, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_EXPECTED, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_DOWN, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_FAILED, BY("node restore") },
	{ GMM_LIFE_MAINTENANCE, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_UP, ON("it joins") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_CORDONED, ON("it joins") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_DRAINING, ON("it joins") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_BOOTING, ON("it fetches its boot script") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_DOWN, ON("it has not joined in time") },
	{ GMM_LIFE_EXPECTED, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_DOWN, GMM_LIFE_UP, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_DOWN, GMM_LIFE_CORDONED, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_DOWN, GMM_LIFE_DRAINING, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_DOWN, GMM_LIFE_BOOTING, ON("it fetches its boot script") },
	{ GMM_LIFE_DOWN, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_DOWN, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_DOWN, GMM_LIFE_FORGOTTEN, BY("node forget") },
	{ GMM_LIFE_FAILED, GMM_LIFE_UP, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_FAILED, GMM_LIFE_CORDONED, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_FAILED, GMM_LIFE_DRAINING, ON("it joins, or renews its lease late") },
	{ GMM_LIFE_FAILED, GMM_LIFE_BOOTING, ON("it fetches its boot script, not yet the fifth") },
	{ GMM_LIFE_FAILED, GMM_LIFE_MAINTENANCE, BY("node maintenance") },
	{ GMM_LIFE_FAILED, GMM_LIFE_RETIRED, BY("node retire") },
	{ GMM_LIFE_RETIRED, GMM_LIFE_FORGOTTEN, BY("node forget") },
	{ 0, 0, NULL, false },
};

const char *gmm_life_name(enum gmm_life life)
{
	static const char *const names[GMM_LIFE_STATES] = {
		"forgotten", "discovered", "pending", "admitted", "booting", "up", "cordoned", "draining", "maintenance", "expected",
		"down", "failed", "retired",
	};

	assert(life < GMM_LIFE_STATES);
	return names[life];
}

bool gmm_life_may(enum gmm_life from, enum gmm_life to)
{
	for (const struct gmm_life_step *step = gmm_life_steps; step->from != step->to; step++)
		if (step->from == from && step->to == to)
			return true;
	return false;
}

void gmm_life_next(enum gmm_life from, struct text *text)
{
	uint32_t counted = 0;

	for (const struct gmm_life_step *step = gmm_life_steps; step->from != step->to; step++) {
		if (step->from != from || !step->command)
			continue;
		text_string(text, counted++ ? ", " : "; from there: ");
		text_string(text, gmm_life_name(step->to));
		text_string(text, " (gmm ");
		text_string(text, step->by);
		text_string(text, ")");
	}
}

/* ---------------------------------------------------------------- a node's state now */

static bool boots_in_vain(const struct gmm_node *node, uint64_t now_ns)
{
	return node->boot_attempts >= GMM_LIFE_BOOTS_MAX || now_ns - node->boot_ns >= GMM_LIFE_BOOT_NS;
}

static enum gmm_life life_of(const struct gmm_node *node, uint64_t now_ns)
{
	bool cordoned = node->admin == GMM_ADMIN_CORDONED, draining = node->admin == GMM_ADMIN_DRAINING;

	if (node->origin == GMM_ORIGIN_FORGOTTEN)
		return GMM_LIFE_FORGOTTEN;
	if (node->admin == GMM_ADMIN_RETIRED)
		return GMM_LIFE_RETIRED;
	if (node->admin == GMM_ADMIN_MAINTENANCE)
		return GMM_LIFE_MAINTENANCE;
	if (node->state == GMM_NODE_UP)
		return cordoned ? GMM_LIFE_CORDONED : draining ? GMM_LIFE_DRAINING : GMM_LIFE_UP;
	if (node->boot_attempts)
		return boots_in_vain(node, now_ns) ? GMM_LIFE_FAILED : GMM_LIFE_BOOTING;
	if (node->state == GMM_NODE_EXPECTED)
		return GMM_LIFE_EXPECTED;
	/* One that is not configured any more may not join, whether it was ever there or not. */
	if (node->state == GMM_NODE_DOWN || !node->configured)
		return GMM_LIFE_DOWN;
	return cordoned ? GMM_LIFE_CORDONED : draining ? GMM_LIFE_DRAINING : GMM_LIFE_ADMITTED;
}

void gmm_life_begin(struct gmm_node *node, uint64_t now_ns)
{
	node->life = life_of(node, now_ns);
	node->life_ns = now_ns;
}

void gmm_life_settle(struct gmm_node *node, uint64_t now_ns)
{
	enum gmm_life life = life_of(node, now_ns);

	if (node->life_ns == 0)
		node->life_ns = now_ns;
	if (life == node->life)
		return;
	assert(gmm_life_may(node->life, life));	/* M10 */
	node->life = life;
	node->life_ns = now_ns;
}
