// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the operator wants of a node. It is kept apart from whether the node is up: a cordoned node may go down and come
 * back.
 *
 *             cordon                   maintenance (empty)
 *  ADMITTED ----------> CORDONED -------------------------> MAINTENANCE ----> RETIRED
 *   ^ |  ^-- uncordon --'  |  ^                               ^  |              ^
 *   | |                    v  | stop draining      (empty)    |  |              |
 *   | '------ drain ---> DRAINING ----------------------------'  |              |
 *   '------------------------ restore ---------------------------'              |
 *  ADMITTED, CORDONED, when it is absent or down and no VM needs it ------------'
 *
 * A transition that is not in the table is refused with those that are.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

enum condition {
	ALWAYS,
	EMPTY,				/* it holds nothing, not even what is still to be destroyed there */
	GONE,				/* it is absent or down, and no VM needs what it holds */
};

struct transition {
	enum gmm_node_admin from, to;
	enum condition condition;
};

static const struct transition transitions[] = {
	{ GMM_ADMIN_ADMITTED, GMM_ADMIN_CORDONED, ALWAYS },
	{ GMM_ADMIN_ADMITTED, GMM_ADMIN_DRAINING, ALWAYS },
	{ GMM_ADMIN_ADMITTED, GMM_ADMIN_RETIRED, GONE },
	{ GMM_ADMIN_CORDONED, GMM_ADMIN_ADMITTED, ALWAYS },
	{ GMM_ADMIN_CORDONED, GMM_ADMIN_DRAINING, ALWAYS },
	{ GMM_ADMIN_CORDONED, GMM_ADMIN_MAINTENANCE, EMPTY },
	{ GMM_ADMIN_CORDONED, GMM_ADMIN_RETIRED, GONE },
	{ GMM_ADMIN_DRAINING, GMM_ADMIN_CORDONED, ALWAYS },
	{ GMM_ADMIN_DRAINING, GMM_ADMIN_MAINTENANCE, EMPTY },
	{ GMM_ADMIN_DRAINING, GMM_ADMIN_RETIRED, GONE },
	{ GMM_ADMIN_MAINTENANCE, GMM_ADMIN_ADMITTED, ALWAYS },
	{ GMM_ADMIN_MAINTENANCE, GMM_ADMIN_RETIRED, ALWAYS },
};
#define TRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

static const struct transition *transition_of(enum gmm_node_admin from, enum gmm_node_admin to)
{
	for (uint32_t i = 0; i < TRANSITIONS; i++)
		if (transitions[i].from == from && transitions[i].to == to)
			return &transitions[i];
	return NULL;
}

/* ---------------------------------------------------------------- what it still holds */

static bool operation_works_there(const struct gmm_core *core, const struct gmm_node *node)
{
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (core->operations[i].kind == GMM_OPERATION_BENCH && core->operations[i].step != GMM_STEP_ENDED &&
		    core->operations[i].process_node == node->id)
			return true;
	return node->calls > 0;
}

static bool is_empty(const struct gmm_core *core, const struct gmm_node *node, struct text *text)
{
	if (node->pages_reserved) {
		text_string(text, "it holds ");
		text_pages(text, node->pages_reserved);
		text_string(text, " of regions");
	} else if (node->pages_foreign) {
		text_string(text, "it holds ");
		text_pages(text, node->pages_foreign);
		text_string(text, " of regions that this manager does not know");
	} else if (node->vms || node->foreign) {
		text_string(text, "it has ");
		text_count(text, node->vms ? node->vms : node->foreign, "VM");
		text_string(text, node->vms ? "" : " that this manager does not know");
	} else if (operation_works_there(core, node)) {
		text_string(text, "a request to it is under way");
	} else {
		return true;
	}
	return false;
}

/* What only waits to be destroyed on a dead machine may go with it; what a VM still counts on may not. */
bool gmm_node_is_gone(const struct gmm_core *core, const struct gmm_node *node, struct text *text)
{
	uint32_t needed = 0;

	if (node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED) {
		text_string(text, node->state == GMM_NODE_UP ? "it is up; put it into maintenance first" :
							       "it is expected back; wait until it is up or down");
		return false;
	}
	for (uint32_t i = 0; i < core->region_top; i++)
		needed += core->regions[i].node == node->id && gmm_region_is_kept(&core->regions[i]);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		needed += core->vms[i].phase != GMM_VM_FREE && core->vms[i].phase != GMM_VM_GONE && core->vms[i].node == node->id;
	if (needed == 0)
		return true;
	text_count(text, needed, node->role == WIRE_ROLE_MEMORY ? "region" : "VM");
	text_string(text, text_plural(needed, " there is ", " there are "));
	text_string(text, node->role == WIRE_ROLE_MEMORY ? "in use" : "not given up yet");
	text_string(text, "; destroy the VMs first");
	return false;
}

/* ---------------------------------------------------------------- the change */

/* "m1 cannot become retired from admitted; from there: cordoned, draining". */
static void refuse_transition(const struct gmm_node *node, enum gmm_node_admin to, struct text *text)
{
	uint32_t counted = 0;

	text_string(text, node->name);
	text_string(text, " cannot become ");
	text_string(text, gmm_node_admin_name(to));
	text_string(text, " from ");
	text_string(text, gmm_node_admin_name(node->admin));
	for (uint32_t i = 0; i < TRANSITIONS; i++) {
		if (transitions[i].from != node->admin)
			continue;
		text_string(text, counted++ ? ", " : "; from there: ");
		text_string(text, gmm_node_admin_name(transitions[i].to));
		text_string(text, transitions[i].condition == EMPTY ? " (when empty)" :
				  transitions[i].condition == GONE ? " (when absent or down)" : "");
	}
	if (counted == 0)
		text_string(text, ", which is final");
}

static bool condition_holds(const struct gmm_core *core, const struct gmm_node *node,
			    const struct transition *transition, struct text *text)
{
	text_string(text, node->name);
	text_string(text, " cannot become ");
	text_string(text, gmm_node_admin_name(transition->to));
	text_string(text, ": ");
	switch (transition->condition) {
	case EMPTY: return is_empty(core, node, text);
	case GONE: return gmm_node_is_gone(core, node, text);
	default: return true;
	}
}

static void tell(struct gmm_core *core, const struct gmm_node *node, enum gmm_node_admin from, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, "is ");
	text_string(&text, gmm_node_admin_name(node->admin));
	text_string(&text, " by the operator, was ");
	text_string(&text, gmm_node_admin_name(from));
	gmm_core_event(core, GMM_EVENT_NODE, node->name, line, now_ns);
}

int gmm_core_node_set_admin_plan(struct gmm_core *core, const char *name, enum gmm_node_admin admin)
{
	struct gmm_node *node = gmm_core_node_named(core, name);
	struct text text = gmm_refuse(core);
	const struct transition *transition;

	assert(admin < GMM_ADMIN_STATES);
	if (!node)
		return gmm_core_no_node(core, name);
	if (node->admin == admin)
		return 0;
	transition = transition_of(node->admin, admin);
	if (!transition) {
		refuse_transition(node, admin, &text);
		return -EBUSY;
	}
	return condition_holds(core, node, transition, &text) ? 0 : -EBUSY;
}

int gmm_core_node_set_admin(struct gmm_core *core, const char *name, enum gmm_node_admin admin, uint64_t now_ns)
{
	int status = gmm_core_node_set_admin_plan(core, name, admin);
	struct gmm_node *node = gmm_core_node_named(core, name);
	enum gmm_node_admin from;

	if (status || node->admin == admin)
		return status;
	from = node->admin;
	node->admin = admin;
	node->changed_ns = now_ns;
	gmm_dirty_node(core, node);
	if (from == GMM_ADMIN_DRAINING)
		gmm_drain_given_up(core, node, now_ns);
	if (admin == GMM_ADMIN_RETIRED)
		gmm_node_leave(core, node, now_ns);
	gmm_life_settle(node, now_ns);
	tell(core, node, from, now_ns);
	return 0;
}
