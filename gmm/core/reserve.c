// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failure domains, and the rebuild reserve: whichever domain fails, the others have a place for each region that its memory components
 * hold. A component without a domain fails alone. A place takes a whole region, and so any: sums of pages would say that two of them take
 * three regions of 60 %.
 *
 *  B1  The reserve holds when no domain has fewer spare places than 0: places of the others, less its own regions.
 *  B2  A whole region takes one spare place from every domain, wherever it goes: its own domain has one region more, and the others have
 *      one place less to go to. So how many may still be placed does not depend on where. One that moves between components that are up
 *      and admitted takes none.
 *  B3  A smaller region takes one from its own domain, and one from all when its component has one place less with it.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"
#include "gmm/core/placing.h"

void gmm_domains_number(struct gmm_core *core)
{
	for (uint32_t i = 0; i < core->node_count; i++) {
		uint32_t first = i;

		for (uint32_t j = 0; j < i && core->nodes[i].domain[0] && first == i; j++)
			if (strcmp(core->nodes[j].domain, core->nodes[i].domain) == 0)
				first = j;
		core->nodes[i].domain_first = GMM_NODE_FIRST + first;
	}
}

int gmm_core_node_set_domain(struct gmm_core *core, uint32_t id, const char *domain)
{
	struct gmm_node *node = gmm_core_node(core, id);
	struct text text = gmm_refuse(core);

	if (!node || strlen(domain) >= sizeof(node->domain)) {
		text_string(&text, node ? "a domain's name is longer than its limit" : "there is no such node");
		return node ? -EINVAL : -ENOENT;
	}
	if (strcmp(node->domain, domain))
		gmm_dirty_node(core, node);
	memcpy(node->domain, domain, strlen(domain) + 1);
	gmm_domains_number(core);
	return 0;
}

void gmm_core_node_set_link(struct gmm_core *core, uint32_t id, uint32_t link_mbps)
{
	struct gmm_node *node = gmm_core_node(core, id);

	assert(node);
	node->link_mbps = link_mbps;
}

/* ---------------------------------------------------------------- the reserve */

struct domain {
	int64_t regions;		/* that its components hold, up or not */
	int64_t places;			/* in those of them that may be given regions */
};

/* By the index of the domain's first node; the places of all of them are returned. */
static int64_t count(const struct gmm_core *core, const struct gmm_region *leaving, struct domain domains[NODES_MAX])
{
	int64_t places_all = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		struct domain *domain = &domains[node->domain_first - GMM_NODE_FIRST];
		bool leaves = leaving && leaving->node == node->id;
		int64_t places;

		/* Nobody of a domain comes before its first one, whatever that is. */
		if (node->domain_first == node->id)
			*domain = (struct domain){ 0 };
		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		domain->regions += (int64_t)node->regions_reserved - leaves;
		if (!gmm_node_eligible(node))
			continue;
		places = (int64_t)((gmm_node_pages_free(node) + (leaves ? leaving->pages : 0)) / REGION_PAGES);
		domain->places += places;
		places_all += places;
	}
	return places_all;
}

void gmm_reserve_count(const struct gmm_core *core, const struct gmm_region *leaving, struct gmm_reserve *reserve)
{
	struct domain domains[NODES_MAX];
	int64_t places = count(core, leaving, domains);

	reserve->spare = GMM_RESERVE_OFF;
	for (uint32_t i = 0; i < core->node_count; i++) {
		uint32_t at = core->nodes[i].domain_first - GMM_NODE_FIRST;

		if (core->nodes[i].role != WIRE_ROLE_MEMORY)
			continue;
		reserve->spare_of[at] = places - domains[at].places - domains[at].regions;
		if (reserve->spare_of[at] < reserve->spare)
			reserve->spare = reserve->spare_of[at];
	}
}

bool gmm_reserve_holds(const struct gmm_core *core)
{
	struct gmm_reserve reserve;

	gmm_reserve_count(core, NULL, &reserve);
	return reserve.spare >= 0;
}

void gmm_reserve_text(const struct gmm_core *core, uint32_t regions, struct text *text)
{
	struct domain domains[NODES_MAX];
	int64_t places = count(core, NULL, domains), least = GMM_RESERVE_OFF;
	const struct gmm_node *worst = &core->nodes[0];
	const struct domain *domain;

	for (uint32_t i = 0; i < core->node_count; i++) {
		domain = &domains[core->nodes[i].domain_first - GMM_NODE_FIRST];
		if (core->nodes[i].role != WIRE_ROLE_MEMORY || places - domain->places - domain->regions >= least)
			continue;
		least = places - domain->places - domain->regions;
		worst = &core->nodes[i];
	}
	domain = &domains[worst->domain_first - GMM_NODE_FIRST];
	text_string(text, "the rebuild reserve does not allow it: ");
	text_string(text, worst->domain[0] ? "domain " : "");
	text_string(text, worst->domain[0] ? worst->domain : worst->name);
	text_string(text, " holds ");
	text_count(text, (uint64_t)domain->regions, "region");
	text_string(text, ", the others have places for ");
	text_number(text, (uint64_t)(places - domain->places));
	text_string(text, ": so ");
	text_number(text, least > 0 ? (uint64_t)least : 0);
	text_string(text, " more could be rebuilt if it failed, and the VM has ");
	text_number(text, regions);
	text_string(text, "; add memory, destroy VMs, or set rebuild_reserve = no");
}

bool gmm_reserve_allows_move(struct gmm_core *core, const struct gmm_region *region, const struct gmm_node *to)
{
	const struct gmm_node *from = gmm_core_node(core, region->node);
	struct gmm_reserve reserve;
	struct text text;

	/* What cannot move at all, or not there, is refused for that. */
	if (!from || from == to || !gmm_takes_regions(to) || gmm_reserve_is_neutral(core, region) || !gmm_node_eligible(from) ||
	    !gmm_reserve_holds(core))
		return true;
	gmm_reserve_count(core, region, &reserve);
	if (reserve.spare > 0 ||
	    (gmm_node_pages_free(to) % REGION_PAGES >= region->pages && reserve.spare_of[to->domain_first - GMM_NODE_FIRST] > 0))
		return true;
	text = gmm_refuse(core);
	text_string(&text, "on ");
	text_string(&text, to->name);
	text_string(&text, " the region would take a place that the rebuild reserve needs; to a component where it fits beside whole regions, ");
	text_string(&text, "or with rebuild_reserve = no");
	return false;
}
