// SPDX-License-Identifier: GPL-2.0-only
/* A machine becomes a node, and a node is forgotten. Everything is checked before anything is changed. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

/* ---------------------------------------------------------------- addresses */

static uint32_t host_mask(const struct gmm_core *core)
{
	return UINT32_MAX >> core->config.prefix;
}

static struct gmm_node *node_at(struct gmm_core *core, uint32_t address)
{
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].origin != GMM_ORIGIN_FORGOTTEN && core->nodes[i].address == address)
			return &core->nodes[i];
	return NULL;
}

/* NULL, or why no node may have it. */
static const char *address_obstacle(const struct gmm_core *core, uint32_t address)
{
	uint32_t host = host_mask(core);

	if ((address & ~host) != (core->config.address & ~host))
		return "it is not in the manager's network";
	if (address == core->config.address)
		return "it is the manager's own";
	if ((address & host) == 0 || (address & host) == host)
		return "it is the network's own or its broadcast address";
	if (core->config.lent_first && address >= core->config.lent_first && address <= core->config.lent_last)
		return "the DHCP server lends it to any machine";
	return NULL;
}

static uint32_t next_free(struct gmm_core *core, const struct gmm_admission *admission)
{
	uint32_t host = host_mask(core), network = core->config.address & ~host;
	uint32_t first = admission->address_first ? admission->address_first : core->config.address_first;
	uint32_t last = admission->address_first ? admission->address_last : core->config.address_last;

	if (first == 0) {
		first = network + 1;
		last = network + host - 1;
	}
	for (uint32_t address = first, tried = 0; tried < NODES_MAX + 4 && address >= first && address <= last; address++) {
		/* What is lent is passed at once; of the rest at most NODES_MAX are taken, and the manager's and the network's own. */
		if (core->config.lent_first && address >= core->config.lent_first && address <= core->config.lent_last) {
			address = core->config.lent_last;
			continue;
		}
		if (!address_obstacle(core, address) && !node_at(core, address))
			return address;
		tried++;
	}
	return 0;
}

static int check_address(struct gmm_core *core, const struct gmm_admission *admission, uint32_t *address)
{
	const struct gmm_node *holder;
	const char *obstacle;
	struct text text;

	*address = admission->address ? admission->address : next_free(core, admission);
	text = gmm_refuse(core);
	if (*address == 0) {
		text_string(&text, "no address is left for ");
		text_string(&text, admission->name);
		text_string(&text, "; give one, or a larger range");
		return -ENOSPC;
	}
	obstacle = address_obstacle(core, *address);
	holder = node_at(core, *address);
	if (!obstacle && (!holder || (!holder->configured && strcmp(holder->name, admission->name) == 0)))
		return 0;
	text_address(&text, *address);
	text_string(&text, " cannot be a node's: ");
	text_string(&text, obstacle ? obstacle : holder->name);
	text_string(&text, obstacle ? "" : " has it");
	return obstacle ? -EINVAL : -EEXIST;
}

/* ---------------------------------------------------------------- who it is */

static int check_words(struct gmm_core *core, const struct gmm_admission *admission)
{
	static const uint8_t none[6];

	if (!gmm_node_name_is_good(admission->name))
		return gmm_refuse_words(core, -EINVAL, "a node's name is made of letters, digits, '-', '_' and '.', and is not longer than "
					"its limit", "", "");
	if (admission->domain[0] && !gmm_node_name_is_good(admission->domain))
		return gmm_refuse_words(core, -EINVAL, "a domain's name is made as a node's is", "", "");
	if (admission->role != WIRE_ROLE_PROCESS && admission->role != WIRE_ROLE_MEMORY)
		return gmm_refuse_words(core, -EINVAL, "a node's role is process or memory", "", "");
	if (memcmp(admission->mac, none, sizeof(none)) == 0 || admission->mac[0] & 1)
		return gmm_refuse_words(core, -EINVAL, "the MAC is no machine's: it is zero or a group's", "", "");
	if (core->config.address == 0)
		return gmm_refuse_words(core, -EINVAL, "the manager's own address is not known", "", "");
	return 0;
}

static int check_holders(struct gmm_core *core, const struct gmm_admission *admission)
{
	const struct gmm_node *named = gmm_core_node_named(core, admission->name);
	struct text text;

	if (named && (named->configured || named->admin == GMM_ADMIN_RETIRED)) {
		text = gmm_refuse(core);
		text_string(&text, "there is a node named ");
		text_string(&text, named->name);
		text_string(&text, " already, which is ");
		text_string(&text, gmm_life_name(named->life));
		gmm_life_next(named->life, &text);
		return -EEXIST;
	}
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];

		if (node->origin != GMM_ORIGIN_FORGOTTEN && node->configured &&
		    memcmp(node->mac, admission->mac, sizeof(node->mac)) == 0)
			return gmm_refuse_words(core, -EEXIST, "this MAC is ", node->name, "'s already");
	}
	return 0;
}

int gmm_core_node_admit_check(struct gmm_core *core, const struct gmm_admission *admission, uint32_t *address, uint64_t now_ns)
{
	const struct gmm_machine *machine = gmm_core_machine(core, admission->mac);
	int status = check_words(core, admission);

	*address = 0;
	if (!status)
		status = check_holders(core, admission);
	if (!status)
		status = check_address(core, admission, address);
	if (!status && !gmm_node_has_place(core, admission->name))
		status = gmm_refuse_words(core, -ENOSPC, "the rack has its largest number of nodes; forget retired ones", "", "");
	if (!status && machine && gmm_machine_in_conflict(core, machine, now_ns))
		status = gmm_refuse_words(core, -EBUSY, "another machine claims this MAC or UUID, too: see 'gmm node pending'; ",
					  "take one of them away, reject this one and wait until it asks again", "");
	return status;
}

/* ---------------------------------------------------------------- the change */

static void tell_admitted(struct gmm_core *core, const struct gmm_node *node, const struct gmm_admission *admission, uint64_t now_ns)
{
	char line[GMM_TEXT_BYTES];
	struct text text = text_over(line, sizeof(line));

	text_string(&text, "admitted by ");
	text_string(&text, admission->rule ? "the rule " : "the operator");
	text_string(&text, admission->rule ? admission->rule : "");
	text_string(&text, ": ");
	text_string(&text, gmm_role_name(node->role));
	text_string(&text, " component, MAC ");
	text_mac(&text, node->mac);
	text_string(&text, ", address ");
	text_address(&text, node->address);
	gmm_core_event(core, GMM_EVENT_NODE, node->name, line, now_ns);
}

int gmm_core_node_admit(struct gmm_core *core, const struct gmm_admission *admission, uint64_t now_ns)
{
	struct gmm_machine *machine = gmm_core_machine(core, admission->mac);
	struct gmm_node *node;
	uint32_t address;
	int id = gmm_core_node_admit_check(core, admission, &address, now_ns);

	if (id)
		return id;
	id = gmm_core_node_add(core, admission->name, admission->role, address, admission->mac);
	if (id < 0)
		return id;
	node = gmm_core_node(core, (uint32_t)id);
	node->origin = GMM_ORIGIN_ADMITTED;
	gmm_life_begin(node, now_ns);
	memset(node->uuid, 0, sizeof(node->uuid));
	if (machine) {
		assert(gmm_life_may(machine->life, node->life));
		if (!gmm_uuid_is_anothers(core, machine->inventory.uuid, node, machine, now_ns))
			memcpy(node->uuid, machine->inventory.uuid, sizeof(node->uuid));
		memset(machine, 0, sizeof(*machine));
	}
	gmm_core_node_set_domain(core, node->id, admission->domain);
	gmm_dirty_node(core, node);
	tell_admitted(core, node, admission, now_ns);
	return id;
}

int gmm_core_node_forget_check(struct gmm_core *core, const char *name)
{
	struct gmm_node *node = gmm_core_node_named(core, name);
	struct text text = gmm_refuse(core);

	if (!node)
		return gmm_core_no_node(core, name);
	if (node->configured && node->origin == GMM_ORIGIN_FILE && node->admin == GMM_ADMIN_RETIRED)
		return gmm_refuse_words(core, -EBUSY, node->name, " stands in the configuration file: take its section out and start gmmd "
					"again, then forget it", "");
	text_string(&text, node->name);
	text_string(&text, " cannot be forgotten: ");
	if (node->admin != GMM_ADMIN_RETIRED && (node->configured || !gmm_node_is_gone(core, node, &text))) {
		if (!node->configured)
			return -EBUSY;
		text_string(&text, "it is not retired but ");
		text_string(&text, gmm_life_name(node->life));
		text_string(&text, gmm_life_may(node->life, GMM_LIFE_RETIRED) ? "; gmm node retire " : "; first gmm node cordon ");
		text_string(&text, node->name);
		return -EBUSY;
	}
	return 0;
}

int gmm_core_node_forget(struct gmm_core *core, const char *name, uint64_t now_ns)
{
	int status = gmm_core_node_forget_check(core, name);
	struct gmm_node *node = gmm_core_node_named(core, name);

	if (status)
		return status;
	gmm_core_event(core, GMM_EVENT_NODE, node->name, "forgotten by the operator: its name, MAC and address are free", now_ns);
	gmm_node_leave(core, node, now_ns);
	node->admin = GMM_ADMIN_RETIRED;
	node->configured = false;
	node->origin = GMM_ORIGIN_FORGOTTEN;
	node->address = 0;
	node->domain[0] = '\0';
	memset(node->mac, 0, sizeof(node->mac));
	memset(node->uuid, 0, sizeof(node->uuid));
	gmm_life_settle(node, now_ns);
	gmm_domains_number(core);
	gmm_dirty_node(core, node);
	assert(node->pages_reserved == 0 && node->vms == 0 && node->calls == 0);
	return 0;
}
