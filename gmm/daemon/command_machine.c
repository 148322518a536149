// SPDX-License-Identifier: GPL-2.0-only
/* The operator's commands about machines that are no nodes yet, and about nodes that come and go by command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/client.h"

/* ---------------------------------------------------------------- values */

json_t *json_uuid(const uint8_t uuid[GMM_UUID_BYTES])
{
	char text[CONFIG_UUID_TEXT_BYTES];

	if (!gmm_uuid_means_something(uuid))
		return json_null();
	config_format_uuid(uuid, text);
	return json_string(text);
}

json_t *json_life_next(enum gmm_life life)
{
	json_t *array = json_array();

	for (const struct gmm_life_step *step = gmm_life_steps; step->from != step->to; step++)
		if (step->from == life && step->command)
			json_array_append_new(array, json_pack("{s:s,s:s}", "to", gmm_life_name(step->to), "command", step->by));
	return array;
}

static json_t *json_mac(const uint8_t mac[6])
{
	char words[GMM_MAC_TEXT_BYTES];
	struct text text = text_over(words, sizeof(words));

	text_mac(&text, mac);
	return json_string(words);
}

static json_t *json_address(uint32_t address)
{
	char text[16];

	config_format_address(address, text);
	return address ? json_string(text) : json_null();
}

static json_t *json_known(enum gmm_known known)
{
	return known == GMM_UNKNOWN ? json_null() : json_boolean(known == GMM_YES);
}

static json_t *number_or_null(uint64_t number)
{
	return number ? json_integer((json_int_t)number) : json_null();
}

static json_t *machine_object(const struct gmmd *gmmd, const struct gmm_machine *machine)
{
	const struct gmm_inventory *inventory = &machine->inventory;
	bool conflict = machine->conflict_ns && gmmd->now_ns - machine->conflict_ns < GMM_MACHINE_AWAY_NS;

	return json_pack("{s:o,s:s,s:o,s:o,s:o,s:i,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"mac", json_mac(inventory->mac), "life", gmm_life_name(machine->life), "life_s_ago", json_seconds_ago(gmmd, machine->life_ns),
		"first_s_ago", json_seconds_ago(gmmd, machine->first_ns), "seen_s_ago", json_seconds_ago(gmmd, machine->seen_ns),
		"asked", (int)machine->asked, "ip", json_address(machine->address), "conflict", conflict, "uuid", json_uuid(inventory->uuid),
		"manufacturer", json_text(inventory->manufacturer), "product", json_text(inventory->product),
		"serial", json_text(inventory->serial), "asset", json_text(inventory->asset), "processor", json_text(inventory->processor),
		"firmware", json_text(inventory->firmware), "card", json_text(inventory->card),
		"processors", number_or_null(inventory->processors), "memory_bytes", number_or_null(inventory->memory_bytes),
		"svm", json_known(inventory->svm), "vmx", json_known(inventory->vmx));
}

uint32_t machines_waiting(const struct gmmd *gmmd)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		count += gmmd->core->machines[i].life != GMM_LIFE_FORGOTTEN && !gmm_machine_is_away(&gmmd->core->machines[i], gmmd->now_ns);
	return count;
}

/* ---------------------------------------------------------------- pending, match */

static void list_machines(struct gmmd *gmmd, struct client *client, json_t *arguments,
			  json_t *(*object)(const struct gmmd *gmmd, const struct gmm_machine *machine))
{
	json_t *array;

	if (!client_unpack(client, arguments, "{}"))
		return;
	array = json_array();
	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		if (gmmd->core->machines[i].life != GMM_LIFE_FORGOTTEN)
			json_array_append_new(array, object(gmmd, &gmmd->core->machines[i]));
	client_result(client, array);
}

static void run_pending(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	list_machines(gmmd, client, arguments, machine_object);
}

/* What the rules would make of one machine: they are asked as they are when it asks. */
static json_t *match_object(const struct gmmd *gmmd, const struct gmm_machine *machine)
{
	const struct gmm_rule *rule = gmm_core_rule_of(gmmd->core, &machine->inventory);
	struct gmm_admission admission = { .name = "" };
	uint32_t address = 0;
	int status = -ENOENT;

	if (rule)
		status = gmm_core_rule_admission(gmmd->core, rule, &machine->inventory, &admission);
	if (rule && !status)
		status = gmm_core_node_admit_check(gmmd->core, &admission, &address, gmmd->now_ns);
	return json_pack("{s:o,s:s,s:o,s:o,s:b,s:o,s:o,s:o,s:s,s:o}", "mac", json_mac(machine->inventory.mac), "life",
		gmm_life_name(machine->life), "product", json_text(machine->inventory.product),
		"rule", rule ? json_text(rule->name) : json_null(), "auto", rule && rule->automatic,
		"name", status ? json_null() : json_text(admission.name),
		"role", rule ? json_string(gmm_role_name(rule->role)) : json_null(), "ip", json_address(address),
		"domain", admission.domain, "reason", status == 0 ? json_string("") : rule ? json_text(gmmd->core->refusal) :
		json_string(machine->inventory.complete ? "no rule fits" : "it has not said what it is"));
}

static void run_match(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	list_machines(gmmd, client, arguments, match_object);
}

/* ---------------------------------------------------------------- admit, reject, forget */

static bool take_word(struct client *client, const char *key, const char *value, char *word, size_t bytes)
{
	if (strlen(value) >= bytes) {
		client_error(client, -EINVAL, "%s is longer than %zu characters", key, bytes - 1);
		return false;
	}
	memcpy(word, value, strlen(value) + 1);
	return true;
}

static bool take_admission(struct client *client, json_t *arguments, struct gmm_admission *admission, int *dry_run)
{
	const char *name, *mac, *role, *ip = NULL, *domain = "";

	*dry_run = 0;
	if (!client_unpack(client, arguments, "{s:s,s:s,s:s,s?s,s?s,s?b}", "name", &name, "mac", &mac, "role", &role, "ip", &ip, "domain",
			   &domain, "dry_run", dry_run))
		return false;
	*admission = (struct gmm_admission){
		.role = strcmp(role, "process") == 0 ? WIRE_ROLE_PROCESS : strcmp(role, "memory") == 0 ? WIRE_ROLE_MEMORY : 0,
	};
	if (config_parse_mac(mac, admission->mac)) {
		client_error(client, -EINVAL, "%s is not a MAC address, as 52:54:00:77:00:01 is", mac);
		return false;
	}
	if (ip && (config_parse_address(ip, &admission->address) || admission->address == 0)) {
		client_error(client, -EINVAL, "%s is not an IPv4 address, as 10.77.0.11 is", ip);
		return false;
	}
	return take_word(client, "name", name, admission->name, sizeof(admission->name)) &&
	       take_word(client, "domain", domain, admission->domain, sizeof(admission->domain));
}

static void run_admit(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	struct gmm_admission admission;
	uint32_t address;
	char ip[16];
	int dry_run, id;

	if (!take_admission(client, arguments, &admission, &dry_run))
		return;
	id = dry_run ? gmm_core_node_admit_check(gmmd->core, &admission, &address, gmmd->now_ns) :
		       gmm_core_node_admit(gmmd->core, &admission, gmmd->now_ns);
	config_format_address(dry_run && !id ? address : 0, ip);
	if (id < 0)
		client_error(client, id, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_result(client, json_pack("{s:b,s:o,s:s,s:o,s:s,s:o,s:s}", "dry_run", true, "would",
			json_sprintf("would admit the machine %s as %s, a %s component at %s", gmm_core_machine(gmmd->core, admission.mac) ?
				     "that waits" : "(not seen yet)", admission.name, gmm_role_name(admission.role), ip),
			"name", admission.name, "mac", json_mac(admission.mac),
			"role", gmm_role_name(admission.role), "ip", json_address(address), "domain", admission.domain));
	else
		client_result(client, json_node(gmmd, gmm_core_node(gmmd->core, (uint32_t)id)));
}

static void run_reject(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *given;
	uint8_t mac[6];
	int status;

	if (!client_unpack(client, arguments, "{s:s}", "mac", &given))
		return;
	if (config_parse_mac(given, mac)) {
		client_error(client, -EINVAL, "%s is not a MAC address, as 52:54:00:77:00:01 is", given);
		return;
	}
	status = gmm_core_machine_reject(gmmd->core, mac, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else
		client_result(client, json_pack("{s:o,s:s}", "mac", json_mac(mac), "life", gmm_life_name(GMM_LIFE_FORGOTTEN)));
}

static void run_forget(struct gmmd *gmmd, struct client *client, json_t *arguments)
{
	const char *name;
	int status, dry_run = 0;

	if (!client_unpack(client, arguments, "{s:s,s?b}", "name", &name, "dry_run", &dry_run))
		return;
	status = dry_run ? gmm_core_node_forget_check(gmmd->core, name) : gmm_core_node_forget(gmmd->core, name, gmmd->now_ns);
	if (status)
		client_error(client, status, "%s", gmmd->core->refusal);
	else if (dry_run)
		client_would(client, json_sprintf("would forget %s: its name, MAC and address would be free", name));
	else
		client_result(client, json_pack("{s:s,s:s}", "name", name, "life", gmm_life_name(GMM_LIFE_FORGOTTEN)));
}

const struct client_command_entry machine_commands[] = {
	{ "node.pending", run_pending, false },
	{ "node.match", run_match, false },
	{ "node.admit", run_admit, true },
	{ "node.reject", run_reject, true },
	{ "node.forget", run_forget, true },
	{ NULL, NULL, false },
};
