// SPDX-License-Identifier: GPL-2.0-only
/* Machines that ask for a boot script: whose they are, which wait to be admitted, and which contradict what is known. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

/* ---------------------------------------------------------------- identity */

bool gmm_uuid_means_something(const uint8_t uuid[GMM_UUID_BYTES])
{
	/* What boards come with whose maker did not write one: in both orders of their first three fields. */
	static const uint8_t known[][GMM_UUID_BYTES] = {
		{ 0x03, 0x00, 0x02, 0x00, 0x04, 0x00, 0x05, 0x00, 0x00, 0x06, 0x00, 0x07, 0x00, 0x08, 0x00, 0x09 },
		{ 0x00, 0x02, 0x00, 0x03, 0x00, 0x04, 0x00, 0x05, 0x00, 0x06, 0x00, 0x07, 0x00, 0x08, 0x00, 0x09 },
		{ 0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78, 0x90, 0xab, 0xcd, 0xde, 0xef, 0xaa, 0xbb, 0xcc },
		{ 0x78, 0x56, 0x34, 0x12, 0x34, 0x12, 0x78, 0x56, 0x90, 0xab, 0xcd, 0xde, 0xef, 0xaa, 0xbb, 0xcc },
	};
	bool same = true;

	for (uint32_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (memcmp(known[i], uuid, GMM_UUID_BYTES) == 0)
			return false;
	for (uint32_t i = 1; i < GMM_UUID_BYTES; i++)
		same = same && uuid[i] == uuid[0];
	return !same;
}

static bool uuids_meet(const uint8_t one[GMM_UUID_BYTES], const uint8_t other[GMM_UUID_BYTES])
{
	return gmm_uuid_means_something(one) && memcmp(one, other, GMM_UUID_BYTES) == 0;
}

/* Both say who they are, and it is not the same. */
static bool uuids_differ(const uint8_t one[GMM_UUID_BYTES], const uint8_t other[GMM_UUID_BYTES])
{
	return gmm_uuid_means_something(one) && gmm_uuid_means_something(other) && memcmp(one, other, GMM_UUID_BYTES) != 0;
}

bool gmm_machine_is_away(const struct gmm_machine *machine, uint64_t now_ns)
{
	return now_ns - machine->seen_ns >= GMM_MACHINE_AWAY_NS;
}

static struct gmm_node *node_of_mac(struct gmm_core *core, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].configured && memcmp(core->nodes[i].mac, mac, sizeof(core->nodes[i].mac)) == 0)
			return &core->nodes[i];
	return NULL;
}

static struct gmm_node *node_of_uuid(struct gmm_core *core, const uint8_t uuid[GMM_UUID_BYTES], const struct gmm_node *except)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		if (&core->nodes[i] != except && core->nodes[i].configured && uuids_meet(uuid, core->nodes[i].uuid))
			return &core->nodes[i];
	return NULL;
}

static struct gmm_machine *machine_of_uuid(struct gmm_core *core, const uint8_t uuid[GMM_UUID_BYTES],
					   const struct gmm_machine *except, uint64_t now_ns)
{
	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++) {
		struct gmm_machine *machine = &core->machines[i];

		if (machine != except && machine->life != GMM_LIFE_FORGOTTEN && uuids_meet(uuid, machine->inventory.uuid) &&
		    !gmm_machine_is_away(machine, now_ns))
			return machine;
	}
	return NULL;
}

bool gmm_uuid_is_anothers(struct gmm_core *core, const uint8_t uuid[GMM_UUID_BYTES], const struct gmm_node *node,
			  const struct gmm_machine *machine, uint64_t now_ns)
{
	return node_of_uuid(core, uuid, node) || machine_of_uuid(core, uuid, machine, now_ns);
}

bool gmm_machine_in_conflict(struct gmm_core *core, const struct gmm_machine *machine, uint64_t now_ns)
{
	return (machine->conflict_ns && now_ns - machine->conflict_ns < GMM_MACHINE_AWAY_NS) ||
	       gmm_uuid_is_anothers(core, machine->inventory.uuid, NULL, machine, now_ns);
}

/* ---------------------------------------------------------------- a node asks */

static enum gmm_answer refuse_node(struct gmm_core *core, struct gmm_node *node, const char *what, uint32_t address, uint64_t now_ns)
{
	uint32_t index = node->id - GMM_NODE_FIRST;
	bool told = core->health.nodes[index].conflict_ns && now_ns - core->health.nodes[index].conflict_ns < GMM_MACHINE_AWAY_NS;

	gmm_health_conflict(core, index, what, address, now_ns);
	gmm_refuse_words(core, -EACCES, "another machine ", what, "");
	/* It asks every few seconds, and the health check goes on telling. */
	if (!told)
		gmm_core_event(core, GMM_EVENT_REFUSED, node->name, core->refusal, now_ns);
	return GMM_ANSWER_REFUSED;
}

/* A file says who has this MAC: a machine that was replaced keeps its card. A machine that was admitted is admitted anew. */
static bool may_be_replaced(const struct gmm_node *node, uint64_t now_ns)
{
	return node->origin == GMM_ORIGIN_FILE && node->state != GMM_NODE_UP && node->state != GMM_NODE_EXPECTED &&
	       now_ns - node->identity_ns >= GMM_MACHINE_AWAY_NS;
}

static enum gmm_answer node_asks(struct gmm_core *core, struct gmm_node *node, const struct gmm_inventory *inventory, uint32_t address,
				 uint64_t now_ns)
{
	struct gmm_node *other = node_of_uuid(core, inventory->uuid, node);

	if (node->admin == GMM_ADMIN_RETIRED) {
		gmm_refuse_words(core, -EACCES, "this machine was ", node->name, ", which is retired; forget it to use the machine anew");
		return GMM_ANSWER_REFUSED;
	}
	if (uuids_differ(inventory->uuid, node->uuid) && !may_be_replaced(node, now_ns))
		return refuse_node(core, node, "asked to boot with its MAC", address, now_ns);
	if (other) {
		/* Not unique, so it says nothing: the MAC decides. */
		gmm_health_conflict(core, other->id - GMM_NODE_FIRST, "asked to boot with its UUID", address, now_ns);
		return GMM_ANSWER_NODE;
	}
	if (!gmm_uuid_means_something(inventory->uuid))
		return GMM_ANSWER_NODE;
	node->identity_ns = now_ns;
	if (memcmp(node->uuid, inventory->uuid, GMM_UUID_BYTES)) {
		memcpy(node->uuid, inventory->uuid, GMM_UUID_BYTES);
		gmm_dirty_node(core, node);
	}
	return GMM_ANSWER_NODE;
}

/* ---------------------------------------------------------------- a stranger asks */

/* A new one's entry: a free one, else that of the oldest that is away, else of the oldest that is only discovered (E1). */
static struct gmm_machine *machine_place(struct gmm_core *core, uint64_t now_ns)
{
	struct gmm_machine *oldest = NULL;

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++) {
		struct gmm_machine *machine = &core->machines[i];

		if (machine->life == GMM_LIFE_FORGOTTEN)
			return machine;
		if (machine->life == GMM_LIFE_PENDING && !gmm_machine_is_away(machine, now_ns))
			continue;
		if (!oldest || machine->seen_ns < oldest->seen_ns)
			oldest = machine;
	}
	return oldest;
}

static void change_life(struct gmm_machine *machine, enum gmm_life life, uint64_t now_ns)
{
	assert(gmm_life_may(machine->life, life));	/* M10 */
	machine->life = life;
	machine->life_ns = now_ns;
}

/* One a second: more of them are in the table, but they do not push out what else happened. */
static void tell_pending(struct gmm_core *core, const struct gmm_machine *machine, uint64_t now_ns)
{
	const struct gmm_inventory *inventory = &machine->inventory;
	char line[GMM_TEXT_BYTES], mac[GMM_MAC_TEXT_BYTES];
	struct text text = text_over(mac, sizeof(mac));

	if (core->machine_event_ns && now_ns - core->machine_event_ns < GMM_MACHINE_EVENT_NS)
		return;
	core->machine_event_ns = now_ns;
	text_mac(&text, inventory->mac);
	text = text_over(line, sizeof(line));
	text_string(&text, "waits to be admitted: ");
	text_string(&text, inventory->manufacturer[0] ? inventory->manufacturer : "manufacturer unknown");
	text_string(&text, " ");
	text_string(&text, inventory->product);
	text_string(&text, ", serial ");
	text_string(&text, inventory->serial[0] ? inventory->serial : "unknown");
	text_string(&text, ", memory ");
	text_pages(&text, inventory->memory_bytes / PAGE_BYTES);
	text_string(&text, "; gmm node pending");
	gmm_core_event(core, GMM_EVENT_NODE, mac, line, now_ns);
}

static void admit_by_rule(struct gmm_core *core, const struct gmm_machine *machine, uint64_t now_ns)
{
	const struct gmm_rule *rule = gmm_core_rule_of(core, &machine->inventory);
	struct gmm_admission admission;

	if (!rule || !rule->automatic || gmm_core_rule_admission(core, rule, &machine->inventory, &admission))
		return;
	gmm_core_node_admit(core, &admission, now_ns);
}

/* Whom does it claim to be? The entry is its own, new or old; NULL: it contradicts the one there is, or there is no room. */
static struct gmm_machine *machine_for(struct gmm_core *core, const struct gmm_inventory *inventory, uint64_t now_ns)
{
	struct gmm_machine *machine = gmm_core_machine(core, inventory->mac);

	if (machine && uuids_differ(inventory->uuid, machine->inventory.uuid)) {
		if (!gmm_machine_is_away(machine, now_ns)) {
			machine->conflict_ns = now_ns;
			gmm_refuse_words(core, -EACCES, "a machine with another UUID uses this MAC, too", "", "");
			return NULL;
		}
		memset(machine, 0, sizeof(*machine));
	}
	if (!machine) {
		machine = machine_place(core, now_ns);
		if (!machine) {
			gmm_refuse_words(core, -ENOSPC, "too many machines wait to be admitted", "", "");
			return NULL;
		}
		memset(machine, 0, sizeof(*machine));
	}
	return machine;
}

static enum gmm_answer machine_asks(struct gmm_core *core, const struct gmm_inventory *inventory, uint32_t address, uint64_t now_ns)
{
	struct gmm_node *node = node_of_uuid(core, inventory->uuid, NULL);
	struct gmm_machine *machine = machine_for(core, inventory, now_ns);

	if (!machine)
		return GMM_ANSWER_REFUSED;
	if (machine->life == GMM_LIFE_FORGOTTEN) {
		change_life(machine, GMM_LIFE_DISCOVERED, now_ns);
		machine->first_ns = now_ns;
		machine->inventory = *inventory;
	} else if (inventory->complete || !machine->inventory.complete) {
		machine->inventory = *inventory;
	}
	machine->seen_ns = now_ns;
	machine->address = address;
	machine->asked++;
	if (machine->life == GMM_LIFE_DISCOVERED && inventory->complete) {
		change_life(machine, GMM_LIFE_PENDING, now_ns);
		tell_pending(core, machine, now_ns);
	}
	if (node) {
		machine->conflict_ns = now_ns;
		return refuse_node(core, node, "asked to boot with its UUID", address, now_ns);
	}
	if (machine->life == GMM_LIFE_DISCOVERED)
		return GMM_ANSWER_TELL;
	if (!gmm_machine_in_conflict(core, machine, now_ns))
		admit_by_rule(core, machine, now_ns);
	return GMM_ANSWER_WAIT;
}

enum gmm_answer gmm_core_machine_asks(struct gmm_core *core, const struct gmm_inventory *inventory, uint32_t address,
				      struct gmm_node **node, uint64_t now_ns)
{
	*node = node_of_mac(core, inventory->mac);
	return *node ? node_asks(core, *node, inventory, address, now_ns) : machine_asks(core, inventory, address, now_ns);
}

/* ---------------------------------------------------------------- the table */

struct gmm_machine *gmm_core_machine(struct gmm_core *core, const uint8_t mac[6])
{
	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		if (core->machines[i].life != GMM_LIFE_FORGOTTEN &&
		    memcmp(core->machines[i].inventory.mac, mac, sizeof(core->machines[i].inventory.mac)) == 0)
			return &core->machines[i];
	return NULL;
}

void gmm_core_refuse(struct gmm_core *core, const char *why)
{
	gmm_refuse_words(core, -EACCES, why, "", "");
}

/* A machine that waits to become a node has its own steps. */
int gmm_core_no_node(struct gmm_core *core, const char *name)
{
	struct text text = gmm_refuse(core);

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++) {
		const struct gmm_machine *machine = &core->machines[i];
		char mac[GMM_MAC_TEXT_BYTES];
		struct text words = text_over(mac, sizeof(mac));

		text_mac(&words, machine->inventory.mac);
		if (machine->life == GMM_LIFE_FORGOTTEN || strcmp(mac, name))
			continue;
		text_string(&text, name);
		text_string(&text, " is ");
		text_string(&text, gmm_life_name(machine->life));
		text_string(&text, " and not a node yet");
		gmm_life_next(machine->life, &text);
		return -EBUSY;
	}
	text_string(&text, "there is no node named ");
	text_string(&text, name);
	return -ENOENT;
}

int gmm_core_machine_reject(struct gmm_core *core, const uint8_t mac[6], uint64_t now_ns)
{
	struct gmm_machine *machine = gmm_core_machine(core, mac);
	char words[GMM_MAC_TEXT_BYTES];
	struct text text = text_over(words, sizeof(words));

	text_mac(&text, mac);
	if (!machine)
		return gmm_refuse_words(core, -ENOENT, "no machine with MAC ", words, " waits to be admitted");
	change_life(machine, GMM_LIFE_FORGOTTEN, now_ns);
	memset(machine, 0, sizeof(*machine));
	gmm_core_event(core, GMM_EVENT_NODE, words, "rejected by the operator", now_ns);
	return 0;
}

void gmm_core_node_boots(struct gmm_core *core, struct gmm_node *node, uint64_t now_ns)
{
	assert(node >= core->nodes && node < core->nodes + core->node_count && node->configured);
	node->boot_ns = now_ns;
	if (node->boot_attempts < UINT32_MAX)
		node->boot_attempts++;
	gmm_life_settle(node, now_ns);
}
