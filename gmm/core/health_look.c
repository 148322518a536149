// SPDX-License-Identifier: GPL-2.0-only
/* What all checks share: which function looks, what is remembered between two looks, and how findings are worded. */
#include <assert.h>
#include <string.h>

#include "gmm/core/health_checks.h"

void gmm_health_look(struct gmm_core *core, enum gmm_health_code code, const struct gmm_health_facts *facts,
		     uint64_t now_ns, struct gmm_health_finding *found)
{
	static gmm_health_test *const tests[GMM_HEALTH_COUNT] = {
		[GMM_HEALTH_MNODE_DOWN] = gmm_health_mnode_down, [GMM_HEALTH_PNODE_DOWN] = gmm_health_pnode_down,
		[GMM_HEALTH_MNODE_NEARFULL] = gmm_health_mnode_nearfull, [GMM_HEALTH_MNODE_FULL] = gmm_health_mnode_full,
		[GMM_HEALTH_RACK_NEARFULL] = gmm_health_rack_nearfull, [GMM_HEALTH_VM_STALLED] = gmm_health_vm_stalled,
		[GMM_HEALTH_RACK_OVERCOMMITTED] = gmm_health_rack_overcommitted,
		[GMM_HEALTH_VM_MEMORY_WAITS] = gmm_health_vm_memory_waits,
		[GMM_HEALTH_VM_MEMORY_LOST] = gmm_health_vm_memory_lost, [GMM_HEALTH_VM_LOST] = gmm_health_vm_lost,
		[GMM_HEALTH_VM_CRASH_LOOP] = gmm_health_vm_crash_loop, [GMM_HEALTH_PLACEMENT_VIOLATION] = gmm_health_placement_violation,
		[GMM_HEALTH_VM_FAILED] = gmm_health_vm_failed, [GMM_HEALTH_NODE_FLAPPING] = gmm_health_flapping,
		[GMM_HEALTH_VERSION_SKEW] = gmm_health_version_skew, [GMM_HEALTH_NODE_IMAGE_MISMATCH] = gmm_health_image_mismatch,
		[GMM_HEALTH_BOOT_FAILED] = gmm_health_boot_failed, [GMM_HEALTH_BOOT_LOOP] = gmm_health_boot_loop,
		[GMM_HEALTH_NODE_ID_CONFLICT] = gmm_health_id_conflict, [GMM_HEALTH_NODE_PENDING] = gmm_health_pending,
		[GMM_HEALTH_NODE_UNENROLLED] = gmm_health_unenrolled_names,
		[GMM_HEALTH_STRANGERS] = gmm_health_strangers, [GMM_HEALTH_NODE_FOREIGN] = gmm_health_foreign,
		[GMM_HEALTH_RECLAIM_STALLED] = gmm_health_reclaim_stalled, [GMM_HEALTH_IMBALANCED] = gmm_health_imbalanced,
		[GMM_HEALTH_EVENTS_LOST] = gmm_health_events_lost, [GMM_HEALTH_STORE_READONLY] = gmm_health_store_readonly,
		[GMM_HEALTH_STORE_DISK_LOW] = gmm_health_store_disk_low, [GMM_HEALTH_STORE_FAILED] = gmm_health_store_failed,
	};
	const struct gmm_health_view view = { core, facts, now_ns, found };

	assert(code < GMM_HEALTH_COUNT && tests[code]);
	tests[code](&view);
}

/* ---------------------------------------------------------------- between two looks */

static void grow(struct gmm_health_recent *recent, uint64_t value, uint64_t now_ns)
{
	if (recent->grown_ns && now_ns - recent->grown_ns >= GMM_HEALTH_RECENT_NS)
		recent->grown_ns = 0;
	if (value > recent->seen) {
		if (recent->grown_ns == 0)
			recent->base = recent->seen;
		recent->grown_ns = now_ns;
	}
	recent->seen = value;
}

/* Regions and VMs that the node is to let go of. */
static uint32_t to_reclaim(const struct gmm_core *core, const struct gmm_node *node)
{
	uint32_t count = 0;

	for (uint32_t at = node->reclaim_first; at != GMM_NONE; at = core->regions[at].next)
		count++;
	for (uint32_t i = 0; i < VMS_PER_NODE_MAX; i++)
		count += node->zombies[i].vm != 0;
	return count;
}

static void remember_node(struct gmm_core *core, uint32_t index, uint64_t now_ns)
{
	const struct gmm_node *node = &core->nodes[index];
	struct gmm_health_node *kept = &core->health.nodes[index];
	uint32_t last = (kept->fall_next + GMM_HEALTH_FALLS_MAX - 1) % GMM_HEALTH_FALLS_MAX;
	/* Of a node that does not answer nothing is expected; its list may be as long as the rack's. */
	uint32_t left = node->state == GMM_NODE_UP ? to_reclaim(core, node) : 0;

	if (kept->first_seen_ns == 0)
		kept->first_seen_ns = now_ns;
	if (node->down_ns && node->down_ns != kept->falls_ns[last]) {
		kept->falls_ns[kept->fall_next] = node->down_ns;
		kept->fall_next = (kept->fall_next + 1) % GMM_HEALTH_FALLS_MAX;
	}
	if (node->foreign == 0)
		kept->foreign_since_ns = 0;
	else if (kept->foreign_since_ns == 0)
		kept->foreign_since_ns = now_ns;
	if (left == 0)
		kept->reclaim_since_ns = 0;
	else if (kept->reclaim_since_ns == 0 || left < kept->reclaim_left)
		kept->reclaim_since_ns = now_ns;
	kept->reclaim_left = left;
}

void gmm_health_remember(struct gmm_core *core, const struct gmm_health_facts *facts, uint64_t now_ns)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		remember_node(core, i, now_ns);
	grow(&core->health.strangers, facts->strangers, now_ns);
	grow(&core->health.events_lost, facts->events_lost, now_ns);
}

void gmm_health_conflict(struct gmm_core *core, uint32_t index, const char *what, uint32_t address, uint64_t now_ns)
{
	assert(index < core->node_count);
	core->health.nodes[index].conflict_ns = now_ns;
	core->health.nodes[index].conflict_what = what;
	core->health.nodes[index].conflict_address = address;
}

void gmm_health_image_refused(struct gmm_core *core, uint32_t index, uint64_t now_ns)
{
	assert(index < core->node_count);
	core->health.nodes[index].image_ns = now_ns;
}

void gmm_health_unenrolled(struct gmm_core *core, const char *name, uint32_t address, uint64_t now_ns)
{
	uint32_t at = 0;

	/* Its own place, else the one that was used longest ago. */
	for (uint32_t i = 0; i < GMM_HEALTH_STRANGERS_MAX; i++) {
		if (core->health.unenrolled[i].asked_ns && strcmp(core->health.unenrolled[i].name, name) == 0) {
			at = i;
			break;
		}
		if (core->health.unenrolled[i].asked_ns < core->health.unenrolled[at].asked_ns)
			at = i;
	}
	text_copy(core->health.unenrolled[at].name, sizeof(core->health.unenrolled[at].name), name, NODE_NAME_BYTES);
	core->health.unenrolled[at].address = address;
	core->health.unenrolled[at].asked_ns = now_ns;
}

/* ---------------------------------------------------------------- words */

struct text gmm_health_add(struct gmm_health_finding *found, const char *object)
{
	struct text text;

	found->count++;
	if (found->details == GMM_HEALTH_DETAILS_MAX)
		return (struct text){ 0 };
	text = text_over(found->detail[found->details++], GMM_HEALTH_TEXT_BYTES);
	text_string(&text, object);
	text_string(&text, ": ");
	return text;
}

struct text gmm_health_summary(struct gmm_health_finding *found)
{
	return text_over(found->summary, sizeof(found->summary));
}

void gmm_health_of(struct text *text, uint64_t part, uint64_t all, const char *noun, const char *rest)
{
	text_number(text, part);
	text_string(text, " of ");
	text_count(text, all, noun);
	text_string(text, rest);
}

uint64_t gmm_health_percent_full(const struct gmm_node *node)
{
	assert(node->join.capacity_pages > 0);
	return (node->pages_reserved + node->pages_foreign) * 100 / node->join.capacity_pages;
}

void gmm_health_time(struct text *text, uint64_t ns)
{
	static const struct { uint64_t seconds; const char *name; } units[] = {
		{ 86400, " d" }, { 3600, " h" }, { 60, " min" }, { 1, " s" },
	};
	uint64_t seconds = ns / 1000000000;
	unsigned i = 0;

	while (i + 1 < sizeof(units) / sizeof(units[0]) && seconds < 2 * units[i].seconds)
		i++;
	text_number(text, seconds / units[i].seconds);
	text_string(text, units[i].name);
}
