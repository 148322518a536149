// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement: what components have left, where VMs go, and what refusals say. First the components that can take it at all (filter),
 * then the best of these (score): for a VM the balance of cache and processors. Regions are placing.c's.
 */
#include <assert.h>
#include <string.h>

#include "gmm/core/internal.h"

#define SHARE_SHIFT 20			/* shares are counted in 2^-20 of the whole */

bool gmm_node_eligible(const struct gmm_node *node)
{
	return node->state == GMM_NODE_UP && node->admin == GMM_ADMIN_ADMITTED;
}

const char *gmm_place_obstacle(const struct gmm_node *node)
{
	return node->state == GMM_NODE_UP ? gmm_node_admin_name(node->admin) : gmm_node_state_name(node->state);
}

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

/* ---------------------------------------------------------------- regions */

/* Of the nodes with that many pages free, the one with the largest free share; node_count: none has room. */
static uint32_t roomiest(const struct gmm_core *core, const uint64_t free_pages[NODES_MAX], uint32_t pages)
{
	uint32_t best = core->node_count;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!gmm_takes_regions(node) || free_pages[i] < pages)
			continue;
		assert(node->join.capacity_pages <= GMM_NODE_PAGES_MAX);
		/* free/capacity compared without a division */
		if (best == core->node_count || free_pages[i] * core->nodes[best].join.capacity_pages >
						free_pages[best] * node->join.capacity_pages)
			best = i;
	}
	return best;
}

uint64_t gmm_place_missing(const struct gmm_core *core, const struct gmm_node *node)
{
	uint64_t free_pages[NODES_MAX] = { 0 }, missing = 0;

	for (uint32_t i = 0; i < core->node_count; i++)
		free_pages[i] = &core->nodes[i] == node ? 0 : gmm_node_pages_free(&core->nodes[i]);
	for (uint32_t i = 0; i < core->region_top; i++) {
		const struct gmm_region *region = &core->regions[i];
		uint32_t best;

		if (!gmm_region_is_kept(region) || region->node != node->id)
			continue;
		best = roomiest(core, free_pages, region->pages);
		if (best < core->node_count)
			free_pages[best] -= region->pages;
		else
			missing += region->pages;
	}
	return missing;
}

/* ---------------------------------------------------------------- VMs */

/* How full a process component would be with the VM. */
struct fullness {
	uint64_t most;			/* share of the scarcest of cache, processors and link */
	uint64_t both;			/* sum of the shares */
	uint32_t vms;
};

static uint64_t cpus_of(const struct gmm_node *node)
{
	return node->join.cpus ? node->join.cpus : 1;	/* whoever counts none has the one that it joined with */
}

static uint64_t lines_of(const struct gmm_vm_spec *spec)
{
	return spec->cache_bytes / PAGE_BYTES;
}

static struct fullness fullness_with(const struct gmm_node *node, const struct gmm_vm_spec *spec)
{
	uint64_t cache = ((node->lines_given + lines_of(spec)) << SHARE_SHIFT) / node->join.capacity_pages;
	uint64_t processors = ((uint64_t)(node->vcpus_given + spec->vcpus) << SHARE_SHIFT) / cpus_of(node);
	uint64_t link = node->link_mbps ? ((node->bandwidth_given_mbps + spec->bandwidth_mbps) << SHARE_SHIFT) / node->link_mbps : 0;
	uint64_t most = cache > processors ? cache : processors;

	return (struct fullness){ .most = most > link ? most : link, .both = cache + processors + link, .vms = node->vms };
}

static bool less_full(const struct fullness *left, const struct fullness *right)
{
	if (left->most != right->most)
		return left->most < right->most;
	return left->both != right->both ? left->both < right->both : left->vms < right->vms;
}

static bool lacks_cache(const struct gmm_node *node, const struct gmm_vm_spec *spec)
{
	return gmm_node_lines_free(node) < lines_of(spec);
}

static bool lacks_processors(const struct gmm_core *core, const struct gmm_node *node, const struct gmm_vm_spec *spec)
{
	return core->config.vcpus_limited && !(spec->overcommit & GMM_OVERCOMMIT_VCPUS) && node->vcpus_given + spec->vcpus > cpus_of(node);
}

static bool lacks_bandwidth(const struct gmm_node *node, const struct gmm_vm_spec *spec)
{
	return spec->bandwidth_mbps && node->bandwidth_given_mbps + spec->bandwidth_mbps > node->link_mbps;
}

struct gmm_node *gmm_place_vm(struct gmm_core *core, const struct gmm_vm_spec *spec)
{
	struct gmm_node *best = NULL;
	struct fullness least = { 0 };

	for (uint32_t i = 0; i < core->node_count; i++) {
		struct gmm_node *node = &core->nodes[i];
		struct fullness fullness;

		if (node->role != WIRE_ROLE_PROCESS || !gmm_node_eligible(node) || node->vms >= VMS_PER_NODE_MAX ||
		    lacks_cache(node, spec) || lacks_processors(core, node, spec) || lacks_bandwidth(node, spec))
			continue;
		fullness = fullness_with(node, spec);
		if (best && !less_full(&fullness, &least))
			continue;
		best = node;
		least = fullness;
	}
	return best;
}

/* ---------------------------------------------------------------- refusals */

/* "; p1 has LEFT of ALL WHAT left, the VM asks for ASKED" */
static void text_short(struct text *text, bool first, uint64_t left, uint64_t all, const char *what, uint64_t asked)
{
	text_string(text, first ? " has " : "; ");
	text_number(text, left);
	text_string(text, " of ");
	text_number(text, all);
	text_string(text, what);
	text_string(text, " left, the VM asks for ");
	text_number(text, asked);
}

bool gmm_place_lacks(const struct gmm_core *core, const struct gmm_node *node, const struct gmm_vm_spec *spec, struct text *text)
{
	uint64_t cpus = cpus_of(node), given = node->bandwidth_given_mbps, link = node->link_mbps;
	bool lacks = false;

	text_string(text, node->name);
	if (node->vms >= VMS_PER_NODE_MAX) {
		text_string(text, " has its largest number of VMs");
		return true;
	}
	if (lacks_cache(node, spec)) {
		text_string(text, " has ");
		text_pages(text, gmm_node_lines_free(node));
		text_string(text, " of cache left, the VM asks for ");
		text_pages(text, lines_of(spec));
		lacks = true;
	}
	if (lacks_processors(core, node, spec)) {
		text_short(text, !lacks, cpus > node->vcpus_given ? cpus - node->vcpus_given : 0, cpus,
			   text_plural(cpus, " vCPU", " vCPUs"), spec->vcpus);
		text_string(text, " (it may share processors if it is created with overcommit = vcpus)");
		lacks = true;
	}
	if (lacks_bandwidth(node, spec)) {
		text_short(text, !lacks, link > given ? link - given : 0, link, " Mbit/s", spec->bandwidth_mbps);
		text_string(text, link ? "" : " (link = RATE in its section says how fast it is)");
		lacks = true;
	}
	return lacks;
}

/* One that was forgotten is of no more concern. */
static bool has_role(const struct gmm_node *node, uint32_t role)
{
	return node->role == role && node->origin != GMM_ORIGIN_FORGOTTEN;
}

/* " free: NAME what, NAME what": all nodes of the role but one, with what each has left or why it has nothing. */
static void text_nodes(const struct gmm_core *core, struct text *text, uint32_t role, const struct gmm_node *except,
		       void (*text_left)(struct text *text, const struct gmm_node *node))
{
	uint32_t counted = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node == except || !has_role(node, role))
			continue;
		text_string(text, counted++ ? ", " : " free: ");
		text_string(text, node->name);
		text_string(text, " ");
		if (gmm_node_eligible(node))
			text_left(text, node);
		else
			text_string(text, gmm_place_obstacle(node));
	}
	if (counted)
		return;
	text_string(text, except ? " no other " : " no ");
	text_string(text, gmm_role_name(role));
	text_string(text, " component is configured");
}

static void text_memory_left(struct text *text, const struct gmm_node *node)
{
	text_pages(text, gmm_node_pages_free(node));
	text_string(text, " of ");
	text_pages(text, node->join.capacity_pages);
}

void gmm_place_free(const struct gmm_core *core, const struct gmm_node *except, struct text *text)
{
	text_nodes(core, text, WIRE_ROLE_MEMORY, except, text_memory_left);
}

void gmm_place_full(struct gmm_core *core, struct text *text, uint64_t pages)
{
	text_string(text, "not enough memory in the rack: ");
	text_pages(text, pages);
	text_string(text, " in regions of ");
	text_pages(text, REGION_PAGES);
	text_string(text, " do not fit;");
	gmm_place_free(core, NULL, text);
}

void gmm_place_no_process(struct gmm_core *core, struct text *text, const struct gmm_vm_spec *spec)
{
	uint32_t counted = 0;

	text_string(text, "no process component can take the VM");
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!has_role(node, WIRE_ROLE_PROCESS))
			continue;
		text_string(text, counted++ ? ", " : ": ");
		if (gmm_node_eligible(node)) {
			gmm_place_lacks(core, node, spec, text);
			continue;
		}
		text_string(text, node->name);
		text_string(text, " ");
		text_string(text, gmm_place_obstacle(node));
	}
	if (counted == 0)
		text_string(text, ": none is configured");
}
