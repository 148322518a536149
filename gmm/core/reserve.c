// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failure domains, and the rebuild reserve: whichever domain fails, what its memory components hold must fit in the free
 * memory of the others, in whole regions. A component without a domain fails alone.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

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

static void refuse(const struct gmm_node *first, uint64_t lost, uint64_t room, struct text *text)
{
	text_string(text, "the rebuild reserve does not allow it: if ");
	text_string(text, first->domain[0] ? "domain " : "");
	text_string(text, first->domain[0] ? first->domain : first->name);
	text_string(text, " failed, ");
	text_pages(text, lost);
	text_string(text, " would have to be rebuilt, and the others have room for ");
	text_pages(text, room);
	text_string(text, " in whole regions; add memory, destroy VMs, or set rebuild_reserve = no");
}

bool gmm_reserve_holds(struct gmm_core *core, struct text *text)
{
	uint64_t lost[NODES_MAX] = { 0 }, room[NODES_MAX] = { 0 }, room_total = 0, worst_lack = 0;
	uint32_t worst = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		uint32_t domain = node->domain_first - GMM_NODE_FIRST;
		uint64_t whole = gmm_node_pages_free(node) / REGION_PAGES * REGION_PAGES;

		if (node->role != WIRE_ROLE_MEMORY)
			continue;
		lost[domain] += node->pages_reserved;
		if (!gmm_node_eligible(node))
			continue;
		room[domain] += whole;
		room_total += whole;
	}
	for (uint32_t i = 0; i < core->node_count; i++) {
		uint64_t elsewhere = room_total - room[i];

		if (lost[i] <= elsewhere || lost[i] - elsewhere <= worst_lack)
			continue;
		worst = i;
		worst_lack = lost[i] - elsewhere;
	}
	if (worst_lack)
		refuse(&core->nodes[worst], lost[worst], room_total - room[worst], text);
	return worst_lack == 0;
}
