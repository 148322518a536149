// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a node.
 *
 *           join            lease ran out
 *  ABSENT --------> UP ---------------------> DOWN
 *                   ^ ^---- renew, join --------' |
 *                   |     (same incarnation)      | a new incarnation joins: reset, then up
 *                   '-----------------------------'
 *  EXPECTED --join--> UP        known from the store when the manager started; one that does not join in time: DOWN
 *
 * A process component that stays DOWN for the grace time is buried: its VMs are given up and their regions reclaimed.
 * Until then they may well be running, for no VM depends on the manager (I5, docs/architecture.md).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

/* The configuration names a node that the store knows. */
static int node_configure(struct gmm_core *core, struct gmm_node *node, uint32_t role, uint32_t address, const uint8_t mac[6])
{
	bool same = node->role == role && node->address == address && memcmp(node->mac, mac, sizeof(node->mac)) == 0;
	bool changed = !same || node->origin != GMM_ORIGIN_FILE, begins = !node->configured;
	struct text text = gmm_refuse(core);

	if (node->role != role && (node->pages_reserved || node->vms)) {
		text_string(&text, "node ");
		text_string(&text, node->name);
		text_string(&text, " cannot change its role: regions or VMs are on it");
		return -EBUSY;
	}
	if (node->state == GMM_NODE_UP && !same) {
		text_string(&text, "node ");
		text_string(&text, node->name);
		text_string(&text, " was admitted with another role, address or MAC and is up: retire and forget it first, or write what it is");
		return -EBUSY;
	}
	node->configured = true;
	node->origin = GMM_ORIGIN_FILE;
	if (begins)
		gmm_life_begin(node, 0);
	if (!changed)
		return (int)node->id;
	/* Another card is another machine. */
	if (!same)
		memset(node->uuid, 0, sizeof(node->uuid));
	node->role = role;
	node->address = address;
	memcpy(node->mac, mac, sizeof(node->mac));
	gmm_dirty_node(core, node);
	return (int)node->id;
}

/* Nobody needs it any more. */
static bool is_free(const struct gmm_node *node)
{
	return !node->configured && node->pages_reserved == 0 && node->vms == 0 && node->calls == 0;
}

/* A place for a new node: at the end, so that ids stay; when there is none, that of one nobody needs any more. */
static struct gmm_node *node_place(struct gmm_core *core)
{
	if (core->node_count < NODES_MAX)
		return &core->nodes[core->node_count++];
	for (uint32_t i = 0; i < NODES_MAX; i++) {
		struct gmm_node *node = &core->nodes[i];

		if (is_free(node))
			return node;
	}
	return NULL;
}

bool gmm_node_has_place(struct gmm_core *core, const char *name)
{
	bool room = core->node_count < NODES_MAX || gmm_core_node_named(core, name);

	for (uint32_t i = 0; i < core->node_count && !room; i++)
		room = is_free(&core->nodes[i]);
	return room;
}

int gmm_core_node_add(struct gmm_core *core, const char *name, uint32_t role, uint32_t address, const uint8_t mac[6])
{
	struct text text = gmm_refuse(core);
	struct gmm_node *node, *known = NULL;

	if (name[0] == '\0' || strlen(name) >= NODE_NAME_BYTES || (role != WIRE_ROLE_PROCESS && role != WIRE_ROLE_MEMORY)) {
		text_string(&text, "a node needs a name shorter than its limit and the role process or memory");
		return -EINVAL;
	}
	for (uint32_t i = 0; i < core->node_count; i++) {
		node = &core->nodes[i];
		if (node->origin == GMM_ORIGIN_FORGOTTEN)
			continue;
		if ((!node->configured || node->origin == GMM_ORIGIN_ADMITTED) && strcmp(node->name, name) == 0)
			known = node;
		if (!node->configured || known == node ||
		    (strcmp(node->name, name) && node->address != address && memcmp(node->mac, mac, sizeof(node->mac))))
			continue;
		text_string(&text, "name, address or MAC is node ");
		text_string(&text, node->name);
		text_string(&text, node->origin == GMM_ORIGIN_ADMITTED ?
				   "'s already, which was admitted: take the section out, or retire and forget that one" : "'s already");
		return -EEXIST;
	}
	if (known)
		return node_configure(core, known, role, address, mac);
	node = node_place(core);
	if (!node) {
		text_string(&text, "the rack has its largest number of nodes: ");
		text_number(&text, NODES_MAX);
		return -ENOSPC;
	}
	memset(node, 0, sizeof(*node));
	memset(&core->health.nodes[node - core->nodes], 0, sizeof(core->health.nodes[0]));
	node->id = GMM_NODE_FIRST + (uint32_t)(node - core->nodes);
	node->configured = true;
	node->role = role;
	node->address = address;
	node->state = GMM_NODE_ABSENT;
	node->reclaim_first = GMM_NONE;
	memcpy(node->mac, mac, sizeof(node->mac));
	memcpy(node->name, name, strlen(name) + 1);
	gmm_domains_number(core);
	gmm_life_begin(node, 0);
	gmm_dirty_node(core, node);
	return (int)node->id;
}

/* ---------------------------------------------------------------- up and down */

static bool call_under_way(const struct gmm_core *core, const struct gmm_node *node, enum gmm_call_kind kind,
			   uint32_t object)
{
	for (uint32_t i = 0; i < GMM_CALLS_MAX; i++)
		if (core->calls[i].kind == kind && core->calls[i].node == node->id && core->calls[i].object == object)
			return true;
	return false;
}

/* Is somebody's answer awaited that says what becomes of it: its own destruction, or a call that nobody waits for? */
static bool zombie_asked(const struct gmm_core *core, const struct gmm_node *node, uint32_t place)
{
	for (uint32_t i = 0; i < GMM_CALLS_MAX; i++)
		if (core->calls[i].kind == GMM_CALL_STEP && core->calls[i].orphan && core->calls[i].vm &&
		    core->calls[i].node == node->id && core->calls[i].object == place)
			return true;
	return call_under_way(core, node, GMM_CALL_ZOMBIE, place);
}

static void node_up(struct gmm_core *core, struct gmm_node *node, const char *how, uint64_t now_ns)
{
	/* What the node refused to destroy is tried again; calls still under way end on their own (M4). */
	for (uint32_t at = node->reclaim_first; at != GMM_NONE; at = core->regions[at].next)
		if (core->regions[at].state == GMM_REGION_RECLAIMING &&
		    !call_under_way(core, node, GMM_CALL_REGION_DESTROY, at))
			core->regions[at].state = GMM_REGION_RECLAIM;
	for (uint32_t i = 0; i < VMS_PER_NODE_MAX; i++)
		node->zombies[i].asked = zombie_asked(core, node, i);
	if (node->state != GMM_NODE_UP)
		node->changed_ns = now_ns;
	node->state = GMM_NODE_UP;
	node->buried = false;
	node->renewed_ns = now_ns;
	gmm_core_event(core, GMM_EVENT_NODE, node->name, how, now_ns);
}

static void node_down(struct gmm_core *core, struct gmm_node *node, const char *why, uint64_t now_ns)
{
	assert(node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED);
	node->state = GMM_NODE_DOWN;
	node->down_ns = node->changed_ns = now_ns;
	gmm_core_event(core, GMM_EVENT_NODE, node->name, why, now_ns);
	if (node->role == WIRE_ROLE_MEMORY)
		gmm_region_node_down(core, node, now_ns);
	else
		gmm_operation_node_gone(core, node, -EHOSTUNREACH, "the process component went down", now_ns);
}

/* End all calls to an incarnation that is gone; what they were about is settled by the callers. */
static void drop_calls(struct gmm_core *core, struct gmm_node *node)
{
	for (uint32_t i = 0; i < GMM_CALLS_MAX; i++) {
		struct gmm_call *call = &core->calls[i];

		if (call->kind == GMM_CALL_NONE || call->node != node->id)
			continue;
		if (call->kind == GMM_CALL_POLL) {
			struct gmm_vm *vm = gmm_core_vm(core, call->vm);

			if (vm)
				vm->polling = false;
		}
		gmm_call_end(core, call);
	}
}

void gmm_core_reset(struct gmm_core *core, uint32_t id, uint64_t now_ns)
{
	struct gmm_node *node = gmm_core_node(core, id);

	if (!node || node->incarnation == 0)
		return;
	if (node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED)
		node_down(core, node, "started again: what its last incarnation held is gone", now_ns);
	drop_calls(core, node);
	node->incarnation = 0;
	gmm_dirty_node(core, node);
	for (uint32_t i = 0; i < VMS_PER_NODE_MAX; i++)
		if (node->zombies[i].vm)
			gmm_vm_zombie_remove(core, node, i);
	if (node->role == WIRE_ROLE_MEMORY)
		gmm_region_node_reset(core, node, now_ns);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (core->vms[i].phase != GMM_VM_FREE && core->vms[i].node == id)
			gmm_vm_gone(core, &core->vms[i], "its process component started again", now_ns);
	node->pages_foreign = node->foreign = 0;
	memset(&node->renew, 0, sizeof(node->renew));
	gmm_life_settle(node, now_ns);
}

void gmm_node_leave(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	if (node->state == GMM_NODE_UP || node->state == GMM_NODE_EXPECTED)
		node_down(core, node, "is no longer asked for its lease", now_ns);
	gmm_core_reset(core, node->id, now_ns);
	node->state = GMM_NODE_ABSENT;
}

/* ---------------------------------------------------------------- join and renew */

static int refuse_join(struct gmm_core *core, const char *name, const char *why, int status, uint64_t now_ns)
{
	struct text text = gmm_refuse(core);

	text_string(&text, "may not join: ");
	text_string(&text, why);
	gmm_core_event(core, GMM_EVENT_REFUSED, name, core->refusal, now_ns);
	return status;
}

static int check_join(struct gmm_core *core, const struct gmm_node *node, const char *name,
		      const struct wire_node_join *join, uint32_t address, uint64_t now_ns)
{
	uint32_t index = node ? node->id - GMM_NODE_FIRST : GMM_NONE;

	if (!node || !node->configured) {
		gmm_health_unenrolled(core, name, address, now_ns);
		return refuse_join(core, name, "no node of this name is configured", -EACCES, now_ns);
	}
	if (node->admin == GMM_ADMIN_RETIRED)
		return refuse_join(core, name, "it is retired, and this is final for its name", -EACCES, now_ns);
	if (address != node->address || memcmp(join->mac, node->mac, sizeof(node->mac)))
		gmm_health_conflict(core, index, "asked to join in its name", address, now_ns);
	else if (join->role != node->role || join->page_bytes != PAGE_BYTES || join->region_shift != REGION_SHIFT)
		gmm_health_image_refused(core, index, now_ns);
	if (join->role != node->role)
		return refuse_join(core, name, "it booted the image of the other role", -EACCES, now_ns);
	if (address != node->address)
		return refuse_join(core, name, "it asks from an address that is not its own", -EACCES, now_ns);
	if (memcmp(join->mac, node->mac, sizeof(node->mac)))
		return refuse_join(core, name, "its MAC is not the configured one", -EACCES, now_ns);
	if (join->page_bytes != PAGE_BYTES || join->region_shift != REGION_SHIFT)
		return refuse_join(core, name, "its image was built with another page or region size", -EPROTO, now_ns);
	if (join->incarnation == 0 || join->capacity_pages == 0 || join->capacity_pages > GMM_NODE_PAGES_MAX)
		return refuse_join(core, name, "its incarnation or capacity is out of range", -EINVAL, now_ns);
	return 0;
}

static void joined_text(struct gmm_core *core, struct gmm_node *node, bool same, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, same ? "joined again, same incarnation, " : "joined, ");
	text_pages(&text, node->join.capacity_pages);
	text_string(&text, node->role == WIRE_ROLE_MEMORY ? " to lend, build " : " of cache, build ");
	text_string(&text, node->join.build_id);
	text_string(&text, ", ");
	text_number(&text, node->join.entry_to_join_us / 1000);
	text_string(&text, " ms after its entry");
	node_up(core, node, line, now_ns);
}

int gmm_core_join(struct gmm_core *core, const struct wire_node_join *join, uint32_t address,
		  struct wire_node_joined *joined, uint64_t now_ns)
{
	char name[NODE_NAME_BYTES];
	struct gmm_node *node;
	bool same;
	int status;

	text_copy(name, sizeof(name), join->name, sizeof(join->name));
	node = gmm_core_node_named(core, name);
	status = check_join(core, node, name, join, address, now_ns);
	if (status)
		return status;
	same = node->incarnation == join->incarnation;
	if (!same)
		gmm_core_reset(core, node->id, now_ns);
	node->join = *join;
	text_copy(node->join.name, sizeof(node->join.name), join->name, sizeof(join->name));
	text_copy(node->join.build_id, sizeof(node->join.build_id), join->build_id, sizeof(join->build_id));
	node->incarnation = join->incarnation;
	gmm_dirty_node(core, node);
	node->foreign_reported = same && node->foreign_reported;
	/* One that an earlier manager knew has joined this one now. */
	if (!same || node->joined_ns == 0)
		node->joined_ns = now_ns;
	if (!same)
		gmm_machine_proved(core, node, now_ns);
	node->boot_attempts = 0;
	joined_text(core, node, same, now_ns);
	gmm_life_settle(node, now_ns);
	*joined = (struct wire_node_joined){ .node = node->id, .lease_ms = core->config.lease_ms };
	return 0;
}

/* Regions or VMs that this manager does not know, as after its own restart: kept, counted, told once. */
static void report_foreign(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	bool memory = node->role == WIRE_ROLE_MEMORY;
	uint64_t known = memory ? node->regions : node->vms;
	uint64_t has = memory ? node->renew.regions : node->renew.vms;
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	node->foreign = has > known ? has - known : 0;
	if (has <= known || node->foreign_reported)
		return;
	node->foreign_reported = true;
	text_string(&text, "holds ");
	text_count(&text, has - known, memory ? "region" : "VM");
	text_string(&text, text_plural(has - known, " that this manager does not know; it goes on until the node starts again",
				       " that this manager does not know; they go on until the node starts again"));
	gmm_core_event(core, GMM_EVENT_WARNING, node->name, line, now_ns);
}

int gmm_core_renew(struct gmm_core *core, uint32_t id, const struct wire_node_renew *renew, uint64_t now_ns)
{
	struct gmm_node *node = gmm_core_node(core, id);

	if (!node || node->incarnation == 0 || node->state == GMM_NODE_ABSENT || node->state == GMM_NODE_EXPECTED)
		return -ENOENT;
	node->renew = *renew;
	node->renewed_ns = now_ns;
	if (node->state == GMM_NODE_DOWN)
		node_up(core, node, "is back: it renewed its lease late", now_ns);
	if (node->role == WIRE_ROLE_MEMORY) {
		uint64_t ours = node->pages_reserved - node->pages_planned;

		node->pages_foreign = renew->pages_reserved > ours ? renew->pages_reserved - ours : 0;
	}
	report_foreign(core, node, now_ns);
	gmm_life_settle(node, now_ns);
	return 0;
}

/* ---------------------------------------------------------------- time */

static void bury(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	node->buried = true;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		struct gmm_vm *vm = &core->vms[i];

		if (vm->phase != GMM_VM_READY || vm->node != node->id)
			continue;
		gmm_vm_zombie_add(core, node, vm->id);
		gmm_vm_gone(core, vm, "its process component is down", now_ns);
	}
}

void gmm_core_tick(struct gmm_core *core, uint64_t now_ns)
{
	core->now_ns = now_ns;
	for (uint32_t i = 0; i < core->node_count; i++) {
		struct gmm_node *node = &core->nodes[i];

		if (node->state == GMM_NODE_UP && now_ns - node->renewed_ns > core->config.lease_ms * UINT64_C(1000000))
			node_down(core, node, "is down: its lease ran out", now_ns);
		if (node->state == GMM_NODE_EXPECTED && now_ns - node->renewed_ns > GMM_RETURN_MS * UINT64_C(1000000))
			node_down(core, node, "is down: it did not join again after the manager started", now_ns);
		if (node->state == GMM_NODE_DOWN && node->role == WIRE_ROLE_PROCESS && !node->buried &&
		    now_ns - node->down_ns > core->config.grace_ms * UINT64_C(1000000))
			bury(core, node, now_ns);
		gmm_life_settle(node, now_ns);
	}
	gmm_operation_tick(core, now_ns);
	gmm_restart_tick(core, now_ns);
	gmm_promise_tick(core, now_ns);
	core->tick_ns = now_ns + GMM_TICK_NS;
}

uint64_t gmm_core_deadline_ns(const struct gmm_core *core)
{
	return core->tick_ns;
}
