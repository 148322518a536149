// SPDX-License-Identifier: GPL-2.0-only
/* What of the health checks outlives a manager: that they are raised, since when, and who muted them. */
#include <assert.h>
#include <string.h>

#include "gmm/core/health_checks.h"
#include "gmm/core/internal.h"

void gmm_health_record(const struct gmm_core *core, struct gmm_record *record)
{
	const struct gmm_health_check *check = &core->health.checks[record->slot];
	uint64_t offset_ns = core->config.wall_offset_ns;

	record->gone = check->finding.count == 0 && !check->muted;
	record->health = (struct gmm_record_health){
		.count = check->finding.count, .since_wall_ns = check->since_ns + offset_ns, .muted = check->muted,
		.sticky = check->sticky, .muted_count = check->muted_count, .muted_wall_ns = check->muted_ns + offset_ns,
		.muted_until_wall_ns = check->muted_until_ns ? check->muted_until_ns + offset_ns : 0,
	};
	text_copy(record->health.code, sizeof(record->health.code), gmm_health_kinds[record->slot].code, GMM_HEALTH_CODE_BYTES);
	memcpy(record->health.summary, check->finding.summary, sizeof(check->finding.summary));
	memcpy(record->health.muted_by, check->muted_by, sizeof(check->muted_by));
}

const char *gmm_health_restore(struct gmm_core *core, const struct gmm_record *record)
{
	const struct gmm_record_health *from = &record->health;
	uint64_t offset_ns = core->config.wall_offset_ns;
	struct gmm_health_check *check;
	enum gmm_health_code code;

	if (!text_ends(from->code, sizeof(from->code)) || !text_ends(from->summary, sizeof(from->summary)) ||
	    !text_ends(from->muted_by, sizeof(from->muted_by)))
		return "one of its texts does not end";
	if (from->muted > 1 || from->sticky > 1 || (from->count && !from->summary[0]))
		return "it is neither muted nor not, or raised without a word";
	/* Another version of gmmd has it in another place, or has checks that we do not: what those are about, we do not see. */
	code = gmm_health_code_named(from->code);
	if (code != record->slot)
		gmm_dirty_health(core, record->slot);
	if (code == GMM_HEALTH_COUNT)
		return NULL;
	if (code != record->slot)
		gmm_dirty_health(core, code);
	check = &core->health.checks[code];
	*check = (struct gmm_health_check){
		.finding.count = from->count, .since_ns = from->since_wall_ns - offset_ns, .held = true, .muted = from->muted,
		.sticky = from->sticky, .muted_count = from->muted_count, .muted_ns = from->muted_wall_ns - offset_ns,
		.muted_until_ns = from->muted_until_wall_ns ? from->muted_until_wall_ns - offset_ns : 0,
	};
	memcpy(check->finding.summary, from->summary, sizeof(check->finding.summary));
	memcpy(check->muted_by, from->muted_by, sizeof(check->muted_by));
	return NULL;
}

/* Nodes that an earlier manager knew are still to come: what is found without them is not all. */
static bool incomplete(const struct gmm_core *core, enum gmm_health_code code, uint64_t now_ns)
{
	bool down = code == GMM_HEALTH_MNODE_DOWN || code == GMM_HEALTH_PNODE_DOWN;

	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->state == GMM_NODE_EXPECTED)
			return true;
		if (down && node->state == GMM_NODE_ABSENT && gmm_health_awaited(node) &&
		    now_ns - core->health.nodes[i].first_seen_ns < GMM_LIFE_BOOT_NS)
			return true;
	}
	return false;
}

bool gmm_health_held(struct gmm_core *core, enum gmm_health_code code, uint32_t found, uint64_t now_ns)
{
	struct gmm_health_check *check = &core->health.checks[code];

	if (found >= check->finding.count || !incomplete(core, code, now_ns))
		check->held = false;
	return check->held;
}
