// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement. Policy `least`: the memory component with the largest free share of its capacity takes the region, the
 * lowest node id on a tie. LegoOS filled one component and failed with the second idle; here every region looks anew.
 */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"

uint64_t gmm_node_pages_free(const struct gmm_node *node)
{
	uint64_t taken = node->pages_reserved + node->pages_foreign;
	uint64_t capacity = node->join.capacity_pages;

	return taken < capacity ? capacity - taken : 0;
}

uint64_t gmm_node_lines_free(const struct gmm_node *node)
{
	uint64_t capacity = node->join.capacity_pages;

	return node->lines_given < capacity ? capacity - node->lines_given : 0;
}

static bool takes_regions(const struct gmm_node *node)
{
	return node->role == WIRE_ROLE_MEMORY && node->state == GMM_NODE_UP && !node->draining;
}

/* Of the nodes with that many pages free, the one with the largest free share; node_count: none has room. */
static uint32_t choose(const struct gmm_core *core, const uint64_t free_pages[NODES_MAX], uint32_t pages)
{
	uint32_t best = core->node_count;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!takes_regions(node) || free_pages[i] < pages)
			continue;
		assert(node->join.capacity_pages <= GMM_NODE_PAGES_MAX);
		/* free/capacity compared without a division */
		if (best == core->node_count || free_pages[i] * core->nodes[best].join.capacity_pages >
						free_pages[best] * node->join.capacity_pages)
			best = i;
	}
	return best;
}

static void count_free(const struct gmm_core *core, uint64_t free_pages[NODES_MAX])
{
	for (uint32_t i = 0; i < core->node_count; i++)
		free_pages[i] = gmm_node_pages_free(&core->nodes[i]);
}

struct gmm_node *gmm_place_region(struct gmm_core *core, uint32_t pages)
{
	uint64_t free_pages[NODES_MAX] = { 0 };
	uint32_t best;

	count_free(core, free_pages);
	best = choose(core, free_pages, pages);
	return best < core->node_count ? &core->nodes[best] : NULL;
}

uint64_t gmm_place_missing(const struct gmm_core *core, const struct gmm_node *node)
{
	uint64_t free_pages[NODES_MAX] = { 0 }, missing = 0;

	count_free(core, free_pages);
	free_pages[node->id - GMM_NODE_FIRST] = 0;
	for (uint32_t i = 0; i < core->region_top; i++) {
		const struct gmm_region *region = &core->regions[i];
		uint32_t best;

		/* What is being given back leaves by itself. */
		if (region->state == GMM_REGION_FREE || region->state >= GMM_REGION_RECLAIM || region->condemned ||
		    region->node != node->id)
			continue;
		best = choose(core, free_pages, region->pages);
		if (best < core->node_count)
			free_pages[best] -= region->pages;
		else
			missing += region->pages;
	}
	return missing;
}

struct gmm_node *gmm_place_vm(struct gmm_core *core, uint32_t cache_lines)
{
	struct gmm_node *best = NULL;

	for (uint32_t i = 0; i < core->node_count; i++) {
		struct gmm_node *node = &core->nodes[i];

		if (node->role != WIRE_ROLE_PROCESS || node->state != GMM_NODE_UP || node->vms >= VMS_PER_NODE_MAX ||
		    gmm_node_lines_free(node) < cache_lines)
			continue;
		if (!best || gmm_node_lines_free(node) > gmm_node_lines_free(best))
			best = node;
	}
	return best;
}

/* " free: NAME what, NAME what": all nodes of the role, with what each has left or why it has nothing. */
static void text_nodes(const struct gmm_core *core, struct text *text, uint32_t role,
		       void (*text_left)(struct text *text, const struct gmm_node *node))
{
	uint32_t counted = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->role != role)
			continue;
		text_string(text, counted++ ? ", " : " free: ");
		text_string(text, node->name);
		text_string(text, " ");
		if (node->draining)
			text_string(text, "is being drained");
		else if (node->state == GMM_NODE_UP)
			text_left(text, node);
		else
			text_string(text, gmm_node_state_name(node->state));
	}
	if (counted)
		return;
	text_string(text, " no ");
	text_string(text, gmm_role_name(role));
	text_string(text, " component is configured");
}

static void text_memory_left(struct text *text, const struct gmm_node *node)
{
	text_pages(text, gmm_node_pages_free(node));
	text_string(text, " of ");
	text_pages(text, node->join.capacity_pages);
}

void gmm_place_free(const struct gmm_core *core, struct text *text)
{
	text_nodes(core, text, WIRE_ROLE_MEMORY, text_memory_left);
}

void gmm_place_full(struct gmm_core *core, struct text *text, uint64_t pages)
{
	text_string(text, "not enough memory in the rack: ");
	text_pages(text, pages);
	text_string(text, " in regions of ");
	text_pages(text, REGION_PAGES);
	text_string(text, " do not fit;");
	gmm_place_free(core, text);
}

static void text_process_left(struct text *text, const struct gmm_node *node)
{
	text_pages(text, gmm_node_lines_free(node));
	text_string(text, " and ");
	text_number(text, node->vms < VMS_PER_NODE_MAX ? VMS_PER_NODE_MAX - node->vms : 0);
	text_string(text, " VMs");
}

void gmm_place_no_process(struct gmm_core *core, struct text *text, uint32_t cache_lines)
{
	text_string(text, "no process component can take a cache share of ");
	text_pages(text, cache_lines);
	text_string(text, ";");
	text_nodes(core, text, WIRE_ROLE_PROCESS, text_process_left);
}
