// SPDX-License-Identifier: GPL-2.0-only
/* The core's frame: calls under way, what to send next, events, and the checks that span tables. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"
#include "lib/hash.h"

void gmm_core_init(struct gmm_core *core, const struct gmm_config *config)
{
	assert(config->lease_ms > 0 && config->vm_id_first > 0 && config->placement < GMM_PLACEMENTS);
	memset(core, 0, sizeof(*core));
	core->config = *config;
	core->vm_id_next = config->vm_id_first;
	core->operation_id_next = 1;
	core->chance = config->seed;
	core->region_free = GMM_NONE;
	core->poll_first = core->poll_last = GMM_NONE;
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		core->operations[i].vm = GMM_NONE;
}

struct text gmm_refuse(struct gmm_core *core)
{
	return text_over(core->refusal, sizeof(core->refusal));
}

/* ---------------------------------------------------------------- look-ups */

struct gmm_node *gmm_core_node(struct gmm_core *core, uint32_t id)
{
	if (id < GMM_NODE_FIRST || id - GMM_NODE_FIRST >= core->node_count)
		return NULL;
	return &core->nodes[id - GMM_NODE_FIRST];
}

struct gmm_node *gmm_core_node_named(struct gmm_core *core, const char *name)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].origin != GMM_ORIGIN_FORGOTTEN && strcmp(core->nodes[i].name, name) == 0)
			return &core->nodes[i];
	return NULL;
}

uint32_t gmm_core_nodes_expected(const struct gmm_core *core)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < core->node_count; i++)
		count += core->nodes[i].state == GMM_NODE_EXPECTED;
	return count;
}

struct gmm_vm *gmm_core_vm(struct gmm_core *core, uint64_t id)
{
	for (uint32_t i = 0; i < core->vm_top && id; i++)
		if (core->vm_keys[i].id == id)
			return &core->vms[i];
	return NULL;
}

/* Names that collide are told apart by the names themselves. */
static uint64_t name_hash(const char *name)
{
	return hash_bytes(0, name, strlen(name));
}

struct gmm_vm *gmm_core_vm_named(struct gmm_core *core, const char *name)
{
	uint64_t hash = name_hash(name);

	for (uint32_t i = 0; i < core->vm_top; i++)
		if (core->vm_keys[i].id && core->vm_keys[i].name_hash == hash && strcmp(core->vms[i].spec.name, name) == 0)
			return &core->vms[i];
	return NULL;
}

void gmm_vm_enter(struct gmm_core *core, struct gmm_vm *vm, enum gmm_vm_phase phase)
{
	assert(vm->id && phase != GMM_VM_FREE);
	vm->phase = phase;
	if (gmm_vm_index(core, vm) >= core->vm_top)
		core->vm_top = gmm_vm_index(core, vm) + 1;
	core->vm_keys[gmm_vm_index(core, vm)] = (struct gmm_vm_key){ .id = vm->id, .name_hash = name_hash(vm->spec.name) };
	core->vm_changes++;
	gmm_core_vm_poll(core, vm);
}

/* ---------------------------------------------------------------- calls */

static struct gmm_call *calls_of(struct gmm_core *core, const struct gmm_node *node)
{
	return &core->calls[(node->id - GMM_NODE_FIRST) * GMM_CALLS_PER_NODE_MAX];
}

struct gmm_call *gmm_call_start(struct gmm_core *core, struct gmm_command *command, enum gmm_call_kind kind,
				uint32_t node_id, uint32_t object, uint16_t type, const void *body, uint32_t len_bytes)
{
	struct gmm_node *node = gmm_core_node(core, node_id);
	struct gmm_call *call;

	assert(node && node->state == GMM_NODE_UP);
	call = calls_of(core, node);
	assert(node->calls < GMM_CALLS_PER_NODE_MAX && len_bytes <= sizeof(command->body));
	while (call->kind != GMM_CALL_NONE)
		call++;
	assert(call < calls_of(core, node) + GMM_CALLS_PER_NODE_MAX);
	*call = (struct gmm_call){
		.kind = kind, .type = type, .generation = call->generation + 1, .node = node_id, .object = object,
	};
	node->calls++;
	command->token = (uint64_t)call->generation << 16 | (uint64_t)(call - core->calls);
	command->node = node_id;
	command->type = type;
	command->len_bytes = len_bytes;
	memcpy(command->body, body, len_bytes);
	return call;
}

void gmm_call_end(struct gmm_core *core, struct gmm_call *call)
{
	struct gmm_node *node = gmm_core_node(core, call->node);

	assert(call->kind != GMM_CALL_NONE && node->calls > 0);
	call->kind = GMM_CALL_NONE;
	node->calls--;
}

static void zombie_ended(struct gmm_core *core, const struct gmm_call *call, int status)
{
	struct gmm_node *node = gmm_core_node(core, call->node);
	struct gmm_zombie *zombie = &node->zombies[call->object];

	if (status == -ECONNRESET)
		zombie->asked = false;
	if (status == 0 || status == -ENOENT)
		gmm_vm_zombie_remove(core, node, call->object);
}

void gmm_core_result(struct gmm_core *core, uint64_t token, int status, const void *body, uint32_t len_bytes,
		     uint64_t now_ns)
{
	uint64_t index = token & 0xffff;
	struct gmm_call call;

	core->now_ns = now_ns;
	/* A call of an incarnation that has ended meanwhile was closed by gmm_core_reset(): its answer means nothing. */
	if (index >= GMM_CALLS_MAX || core->calls[index].kind == GMM_CALL_NONE ||
	    core->calls[index].generation != token >> 16)
		return;
	call = core->calls[index];
	gmm_call_end(core, &core->calls[index]);
	switch (call.kind) {
	case GMM_CALL_REGION_CREATE:
		gmm_region_created(core, call.object, status, body, len_bytes, now_ns);
		break;
	case GMM_CALL_REGION_DESTROY:
		gmm_region_destroyed(core, call.object, status, now_ns);
		break;
	case GMM_CALL_STEP:
		gmm_operation_result(core, &call, status, body, len_bytes, now_ns);
		break;
	case GMM_CALL_POLL:
		gmm_vm_polled(core, call.vm, status, body, len_bytes, now_ns);
		break;
	case GMM_CALL_ZOMBIE:
		zombie_ended(core, &call, status);
		break;
	case GMM_CALL_OFFER:
		gmm_resume_told(core, &call, status, now_ns);
		break;
	case GMM_CALL_PLACE:
		gmm_promise_told(core, &call);
		break;
	case GMM_CALL_NONE:
		assert(!"a call without a kind");
	}
}

static bool zombie_output(struct gmm_core *core, struct gmm_node *node, struct gmm_command *command)
{
	if (node->zombie_count == 0 || node->calls == GMM_CALLS_PER_NODE_MAX)
		return false;
	for (uint32_t i = 0; i < VMS_PER_NODE_MAX; i++) {
		struct gmm_zombie *zombie = &node->zombies[i];
		struct wire_vm_name body = { .vm = zombie->vm };

		if (zombie->vm == 0 || zombie->asked)
			continue;
		zombie->asked = true;
		gmm_call_start(core, command, GMM_CALL_ZOMBIE, node->id, i, WIRE_VM_DESTROY, &body, sizeof(body));
		return true;
	}
	return false;
}

int gmm_core_output(struct gmm_core *core, struct gmm_command *command, uint64_t now_ns)
{
	assert(core->dirty.count == 0);		/* M7 */
	for (uint32_t i = 0; i < core->node_count; i++) {
		struct gmm_node *node = &core->nodes[i];

		if (node->state != GMM_NODE_UP)
			continue;
		if (gmm_region_output_reclaim(core, node, command) || zombie_output(core, node, command))
			return 1;
	}
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (gmm_operation_output(core, &core->operations[i], command, now_ns))
			return 1;
	return gmm_promise_output(core, command, now_ns) || gmm_resume_output(core, command, now_ns) || gmm_vm_output(core, command, now_ns);
}

/* ---------------------------------------------------------------- events */

void gmm_core_event(struct gmm_core *core, enum gmm_event_kind kind, const char *object, const char *words,
		    uint64_t now_ns)
{
	struct gmm_event *event = &core->events[core->event_sequence % GMM_EVENTS_MAX];

	event->sequence = ++core->event_sequence;
	gmm_dirty_meta(core);
	event->time_ns = now_ns;
	event->kind = kind;
	text_copy(event->object, sizeof(event->object), object, sizeof(event->object));
	text_copy(event->text, sizeof(event->text), words, sizeof(event->text));
}

const struct gmm_event *gmm_core_event_after(const struct gmm_core *core, uint64_t sequence)
{
	uint64_t oldest = core->event_sequence < GMM_EVENTS_MAX ? 0 : core->event_sequence - GMM_EVENTS_MAX;

	if (sequence < oldest)
		sequence = oldest;
	/* A store that was put back from a backup skips numbers: their places are empty, or hold what is older. */
	for (; sequence < core->event_sequence; sequence++)
		if (core->events[sequence % GMM_EVENTS_MAX].sequence == sequence + 1)
			return &core->events[sequence % GMM_EVENTS_MAX];
	return NULL;
}

/* ---------------------------------------------------------------- names and checks */

const char *gmm_node_state_name(enum gmm_node_state state)
{
	static const char *const names[] = { "absent", "up", "down", "expected" };

	assert(state <= GMM_NODE_EXPECTED);
	return names[state];
}

const char *gmm_node_admin_name(enum gmm_node_admin admin)
{
	static const char *const names[GMM_ADMIN_STATES] = { "admitted", "cordoned", "draining", "maintenance", "retired" };

	assert(admin < GMM_ADMIN_STATES);
	return names[admin];
}

const char *gmm_role_name(uint32_t role)
{
	return role == WIRE_ROLE_PROCESS ? "process" : role == WIRE_ROLE_MEMORY ? "memory" : "unknown";
}

const char *gmm_region_state_name(enum gmm_region_state state)
{
	static const char *const names[] = {
		"free", "planned", "creating", "live", "lost", "reclaim", "reclaiming", "promised",
	};

	assert(state < GMM_REGION_STATES);
	return names[state];
}

const char *gmm_event_kind_name(enum gmm_event_kind kind)
{
	static const char *const names[] = {
		[GMM_EVENT_NODE] = "node", [GMM_EVENT_VM] = "vm", [GMM_EVENT_REFUSED] = "refused",
		[GMM_EVENT_WARNING] = "warning", [GMM_EVENT_HEALTH] = "health",
		[GMM_EVENT_KEY] = "key",
	};

	assert(kind >= GMM_EVENT_NODE && kind <= GMM_EVENT_KEY);
	return names[kind];
}

static uint32_t list_length(const struct gmm_core *core, uint32_t first, uint8_t *seen)
{
	uint32_t length = 0;

	for (uint32_t at = first; at != GMM_NONE; at = core->regions[at].next) {
		assert(at < core->region_top && !(seen[at / 8] & 1u << at % 8));
		seen[at / 8] |= (uint8_t)(1u << at % 8);
		length++;
	}
	return length;
}

/* What the nodes' counters must say, counted anew in one pass over each table. */
struct totals {
	uint64_t pages, pages_planned, lines, bandwidth;
	uint32_t regions, regions_reserved, vcpus, calls;
};

static void check_nodes(const struct gmm_core *core)
{
	struct totals totals[NODES_MAX] = { 0 };
	uint64_t promised = 0;

	for (uint32_t i = 0; i < core->region_top; i++) {
		const struct gmm_region *region = &core->regions[i];
		struct totals *of;

		if (region->state == GMM_REGION_FREE)
			continue;
		assert((region->state == GMM_REGION_PROMISED) == (region->node == 0));
		if (region->node == 0) {
			promised += region->pages;
			continue;
		}
		of = &totals[region->node - GMM_NODE_FIRST];
		of->pages += region->pages;
		of->regions_reserved++;
		of->pages_planned += region->state == GMM_REGION_PLANNED ? region->pages : 0;
		of->regions += region->state != GMM_REGION_PLANNED;
	}
	assert(promised == core->pages_promised);
	for (uint32_t i = 0; i < GMM_CALLS_MAX; i++)
		if (core->calls[i].kind != GMM_CALL_NONE)
			totals[core->calls[i].node - GMM_NODE_FIRST].calls++;
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++)
		if (core->vms[i].phase != GMM_VM_FREE && core->vms[i].phase != GMM_VM_GONE) {
			totals[core->vms[i].node - GMM_NODE_FIRST].lines += core->vms[i].cache_lines;
			totals[core->vms[i].node - GMM_NODE_FIRST].vcpus += core->vms[i].spec.vcpus;
			totals[core->vms[i].node - GMM_NODE_FIRST].bandwidth += core->vms[i].spec.bandwidth_mbps;
		}
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		uint32_t zombies = 0;

		for (uint32_t z = 0; z < VMS_PER_NODE_MAX; z++)
			zombies += node->zombies[z].vm != 0;
		assert(node->zombie_count == zombies);
		assert(node->pages_reserved == totals[i].pages && node->pages_planned == totals[i].pages_planned);
		assert(node->regions_reserved == totals[i].regions_reserved && node->regions == totals[i].regions);
		assert(node->calls == totals[i].calls);
		assert(node->lines_given == totals[i].lines && node->vcpus_given == totals[i].vcpus);
		assert(node->bandwidth_given_mbps == totals[i].bandwidth);
	}
}

void gmm_core_check(const struct gmm_core *core)
{
	uint8_t seen[GMM_REGIONS_MAX / 8] = { 0 };
	uint32_t used = 0, places_wanted = 0;

	check_nodes(core);
	gmm_poll_check(core);
	for (uint32_t i = 0; i < core->node_count; i++)
		used += list_length(core, core->nodes[i].reclaim_first, seen);
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &core->vms[i];
		uint32_t length;

		assert(i < core->vm_top || vm->phase == GMM_VM_FREE);
		assert(core->vm_keys[i].id == (vm->phase == GMM_VM_FREE ? 0 : vm->id));
		if (vm->phase == GMM_VM_FREE)
			continue;
		assert(core->vm_keys[i].name_hash == name_hash(vm->spec.name));
		length = list_length(core, vm->region_first, seen);
		assert(length == vm->region_count);
		used += length;
		assert(vm->operation == GMM_NONE || core->operations[vm->operation].vm == i);
		assert(vm->resize == GMM_NONE || core->operations[vm->resize].vm == i);
		assert((vm->resize == GMM_NONE) == (vm->cache_wanted_bytes == 0));
		assert(vm->move == GMM_NONE || core->operations[vm->move].vm == i);
		places_wanted += vm->places_wanted;
	}
	assert(places_wanted == core->places_wanted);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		if (gmm_operation_holds_region(&core->operations[i]) && core->operations[i].region != GMM_NONE)
			used += list_length(core, core->operations[i].region, seen);
	assert(used == core->regions_used);
	list_length(core, core->region_free, seen);
	for (uint32_t i = 0; i < core->region_top; i++)
		assert(seen[i / 8] & 1u << i % 8);
}
