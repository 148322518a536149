// SPDX-License-Identifier: GPL-2.0-only
/* Health checks of single nodes. */
#include <assert.h>
#include <string.h>

#include "gmm/core/health_checks.h"
#include "gmm/core/internal.h"

#define ANY_ROLE UINT32_MAX

/* Places of forgotten nodes are no nodes. */
static uint32_t count_role(const struct gmm_core *core, uint32_t role)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < core->node_count; i++)
		count += core->nodes[i].origin != GMM_ORIGIN_FORGOTTEN && (role == ANY_ROLE || core->nodes[i].role == role);
	return count;
}

/* ---------------------------------------------------------------- down */

bool gmm_health_awaited(const struct gmm_node *node)
{
	if (node->admin == GMM_ADMIN_MAINTENANCE || node->admin == GMM_ADMIN_RETIRED)
		return false;
	return node->configured || node->regions || node->vms;
}

static void down(const struct gmm_health_view *view, uint32_t role, const char *noun)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->role != role || node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED || !gmm_health_awaited(node))
			continue;
		/* A machine that was never seen may still be starting. */
		if (node->state == GMM_NODE_ABSENT && view->now_ns - core->health.nodes[i].first_seen_ns < GMM_LIFE_BOOT_NS)
			continue;
		text = gmm_health_add(view->found, node->name);
		if (node->state == GMM_NODE_ABSENT) {
			text_string(&text, "has not joined since the manager started");
			continue;
		}
		text_string(&text, "down for ");
		gmm_health_time(&text, view->now_ns - node->down_ns);
		text_string(&text, ", ");
		text_count(&text, role == WIRE_ROLE_MEMORY ? node->regions : node->vms, role == WIRE_ROLE_MEMORY ? "region" : "VM");
		text_string(&text, " there");
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, role), noun, " down");
}

void gmm_health_mnode_down(const struct gmm_health_view *view)
{
	down(view, WIRE_ROLE_MEMORY, "memory component");
}

void gmm_health_pnode_down(const struct gmm_health_view *view)
{
	down(view, WIRE_ROLE_PROCESS, "process component");
}

void gmm_health_flapping(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_health_node *kept = &core->health.nodes[i];
		uint64_t oldest_ns = kept->falls_ns[kept->fall_next];

		if (oldest_ns == 0 || view->now_ns - oldest_ns >= GMM_HEALTH_RECENT_NS)
			continue;
		text = gmm_health_add(view->found, core->nodes[i].name);
		text_string(&text, "went down ");
		text_number(&text, GMM_HEALTH_FALLS_MAX);
		text_string(&text, " times in the last ");
		gmm_health_time(&text, view->now_ns - oldest_ns);
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, ANY_ROLE), "node",
		      text_plural(view->found->count, " goes down and up again and again", " go down and up again and again"));
}

/* ---------------------------------------------------------------- full */

static bool has_capacity(const struct gmm_node *node)
{
	return node->role == WIRE_ROLE_MEMORY && node->state == GMM_NODE_UP && node->join.capacity_pages > 0;
}

static void full(const struct gmm_health_view *view, uint64_t from_percent, uint64_t below_percent)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (!has_capacity(node) || gmm_health_percent_full(node) < from_percent ||
		    gmm_health_percent_full(node) >= below_percent)
			continue;
		text = gmm_health_add(view->found, node->name);
		text_number(&text, gmm_health_percent_full(node));
		text_string(&text, " % reserved, ");
		text_pages(&text, gmm_node_pages_free(node));
		text_string(&text, " left of ");
		text_pages(&text, node->join.capacity_pages);
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, WIRE_ROLE_MEMORY), "memory component",
		      text_plural(view->found->count, " is reserved to at least ", " are reserved to at least "));
	text_number(&text, from_percent);
	text_string(&text, " %");
}

void gmm_health_mnode_nearfull(const struct gmm_health_view *view)
{
	full(view, GMM_HEALTH_NEARFULL_PERCENT, GMM_HEALTH_FULL_PERCENT);
}

void gmm_health_mnode_full(const struct gmm_health_view *view)
{
	full(view, GMM_HEALTH_FULL_PERCENT, UINT64_MAX);
}

/* ---------------------------------------------------------------- what they run */

void gmm_health_version_skew(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	uint32_t up = 0;
	struct text text;

	if (view->facts->build_id[0] == '\0')
		return;
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->state != GMM_NODE_UP)
			continue;
		up++;
		if (strcmp(node->join.build_id, view->facts->build_id) == 0)
			continue;
		text = gmm_health_add(view->found, node->name);
		text_string(&text, "build ");
		text_string(&text, node->join.build_id);
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, up, "node",
		      text_plural(view->found->count, " runs another build than the manager's ", " run another build than the manager's "));
	text_string(&text, view->facts->build_id);
}

void gmm_health_image_mismatch(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		uint64_t refused_ns = core->health.nodes[i].image_ns;

		/* It has joined since, and renews: the right image runs now. */
		if (refused_ns == 0 || (node->state == GMM_NODE_UP && node->renewed_ns > refused_ns))
			continue;
		text = gmm_health_add(view->found, node->name);
		text_string(&text, "its image was refused ");
		gmm_health_time(&text, view->now_ns - refused_ns);
		text_string(&text, " ago, see 'gmm events' for the reason");
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, ANY_ROLE), "node",
		      text_plural(view->found->count, " runs an image that does not fit this rack", " run an image that does not fit this rack"));
}

/* ---------------------------------------------------------------- booting */

static void boots(const struct gmm_health_view *view, bool loop)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		uint64_t script_ns = core->nodes[i].boot_ns;
		uint32_t attempts = core->nodes[i].boot_attempts;

		/* Whoever fetches the script of a node that is up is not that node. */
		if (attempts == 0 || core->nodes[i].state == GMM_NODE_UP)
			continue;
		if ((attempts >= GMM_LIFE_BOOTS_MAX) != loop)
			continue;
		if (!loop && view->now_ns - script_ns < GMM_LIFE_BOOT_NS)
			continue;
		text = gmm_health_add(view->found, core->nodes[i].name);
		text_count(&text, attempts, "boot script");
		text_string(&text, " fetched, the last one ");
		gmm_health_time(&text, view->now_ns - script_ns);
		text_string(&text, " ago, and not joined");
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, ANY_ROLE), "node",
		      !loop ? " began to boot and did not join" : text_plural(view->found->count, " boots in circles", " boot in circles"));
}

void gmm_health_boot_failed(const struct gmm_health_view *view)
{
	boots(view, false);
}

void gmm_health_boot_loop(const struct gmm_health_view *view)
{
	boots(view, true);
}

/* ---------------------------------------------------------------- whose they are */

/* Machines that are no nodes: one MAC or UUID for two of them. */
static void machines_in_conflict(const struct gmm_health_view *view)
{
	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++) {
		const struct gmm_machine *machine = &view->core->machines[i];
		char mac[GMM_MAC_TEXT_BYTES];
		struct text text = text_over(mac, sizeof(mac));

		if (machine->life == GMM_LIFE_FORGOTTEN || !gmm_machine_in_conflict(view->core, machine, view->now_ns))
			continue;
		text_mac(&text, machine->inventory.mac);
		text = gmm_health_add(view->found, mac);
		text_string(&text, "not admitted yet, and its MAC or UUID is another machine's, too; it asks from ");
		text_address(&text, machine->address);
	}
}

void gmm_health_id_conflict(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_health_node *kept = &core->health.nodes[i];

		if (kept->conflict_ns == 0 || view->now_ns - kept->conflict_ns >= GMM_HEALTH_RECENT_NS)
			continue;
		text = gmm_health_add(view->found, core->nodes[i].name);
		text_string(&text, "another machine ");
		text_string(&text, kept->conflict_what);
		text_string(&text, " ");
		gmm_health_time(&text, view->now_ns - kept->conflict_ns);
		text_string(&text, " ago, from ");
		text_address(&text, kept->conflict_address);
	}
	machines_in_conflict(view);
	text = gmm_health_summary(view->found);
	text_number(&text, view->found->count);
	text_string(&text, text_plural(view->found->count, " name, MAC or UUID is claimed by two machines",
				       " names, MACs or UUIDs are claimed by two machines"));
}

void gmm_health_foreign(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		uint64_t since_ns = core->health.nodes[i].foreign_since_ns;

		/* A renewal that was on its way while something was destroyed tells of it for the last time. */
		if (node->state != GMM_NODE_UP || since_ns == 0 ||
		    view->now_ns - since_ns < core->config.lease_ms * UINT64_C(1000000))
			continue;
		text = gmm_health_add(view->found, node->name);
		text_count(&text, node->foreign, node->role == WIRE_ROLE_MEMORY ? "region" : "VM");
		if (node->role == WIRE_ROLE_MEMORY) {
			text_string(&text, ", ");
			text_pages(&text, node->pages_foreign);
		}
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, ANY_ROLE), "node",
		      text_plural(view->found->count, " holds regions or VMs that this manager does not know",
				  " hold regions or VMs that this manager does not know"));
}

/* Of these, what the node was asked to let go of and refused: no call is under way for it. */
static uint32_t refused(const struct gmm_core *core, const struct gmm_node *node)
{
	const struct gmm_call *calls = &core->calls[(node->id - GMM_NODE_FIRST) * GMM_CALLS_PER_NODE_MAX];
	uint32_t asked = 0, under_way = 0;

	for (uint32_t at = node->reclaim_first; at != GMM_NONE; at = core->regions[at].next)
		asked += core->regions[at].state == GMM_REGION_RECLAIMING;
	for (uint32_t i = 0; i < VMS_PER_NODE_MAX; i++)
		asked += node->zombies[i].vm && node->zombies[i].asked;
	for (uint32_t i = 0; i < GMM_CALLS_PER_NODE_MAX; i++)
		under_way += calls[i].kind == GMM_CALL_REGION_DESTROY || calls[i].kind == GMM_CALL_ZOMBIE;
	return asked > under_way ? asked - under_way : 0;
}

void gmm_health_reclaim_stalled(const struct gmm_health_view *view)
{
	const struct gmm_core *core = view->core;
	struct text text;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		const struct gmm_health_node *kept = &core->health.nodes[i];
		uint32_t denied = kept->reclaim_since_ns ? refused(core, node) : 0;

		if (kept->reclaim_since_ns == 0 ||
		    (denied == 0 && view->now_ns - kept->reclaim_since_ns < GMM_HEALTH_RECLAIM_NS))
			continue;
		text = gmm_health_add(view->found, node->name);
		text_count(&text, kept->reclaim_left, node->role == WIRE_ROLE_MEMORY ? "region" : "VM");
		text_string(&text, " to be destroyed, ");
		text_number(&text, denied);
		text_string(&text, " refused");
	}
	text = gmm_health_summary(view->found);
	gmm_health_of(&text, view->found->count, count_role(core, ANY_ROLE), "node",
		      text_plural(view->found->count, " does not let go of what was destroyed", " do not let go of what was destroyed"));
}
