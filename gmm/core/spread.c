// SPDX-License-Identifier: GPL-2.0-only
/* The set of memory components that a VM depends on, and the limit that its spread is to that. Who becomes a member: placing.c. */
#include "gmm/core/internal.h"
#include "gmm/core/placing.h"

struct gmm_node_set gmm_copyset(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t without)
{
	struct gmm_node_set set = { 0 };

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		if (core->regions[at].node && core->regions[at].node != without)
			gmm_set_add(&set, core->regions[at].node);
	return set;
}

uint32_t gmm_copyset_regions(const struct gmm_core *core, const struct gmm_vm *vm, uint32_t node)
{
	uint32_t count = 0;

	for (uint32_t at = vm->region_first; at != GMM_NONE; at = core->regions[at].next)
		count += core->regions[at].node == node;
	return count;
}

void gmm_text_set(const struct gmm_core *core, const struct gmm_node_set *set, struct text *text)
{
	uint32_t named = 0;

	for (uint32_t i = 0; i < core->node_count; i++) {
		if (!gmm_set_has(set, core->nodes[i].id))
			continue;
		text_string(text, named++ ? ", " : "");
		text_string(text, core->nodes[i].name);
	}
}

bool gmm_spread_allows(struct gmm_core *core, const struct gmm_vm *vm, uint32_t region, const struct gmm_node *to)
{
	uint32_t from = core->regions[region].node;
	bool last = gmm_copyset_regions(core, vm, from) == 1;
	struct gmm_node_set others = gmm_copyset(core, vm, last ? from : 0);
	struct text text;

	/* What is no memory component is refused for that. */
	if (vm->spec.spread == 0 || to->role != WIRE_ROLE_MEMORY || gmm_set_has(&others, to->id) || others.count < vm->spec.spread)
		return true;
	text = gmm_refuse(core);
	text_string(&text, "on ");
	text_string(&text, to->name);
	text_string(&text, ", ");
	text_string(&text, vm->spec.name);
	text_string(&text, " would be on ");
	text_count(&text, others.count + 1, "memory component");
	text_string(&text, ", and its spread is ");
	text_number(&text, vm->spec.spread);
	text_string(&text, "; from there: one that it is on already (");
	gmm_text_set(core, &others, &text);
	text_string(&text, "), or a larger spread (gmm vm set --spread)");
	return false;
}
