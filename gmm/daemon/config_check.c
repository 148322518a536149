// SPDX-License-Identifier: GPL-2.0-only
/* What must hold of gmmd's configuration when all of it has been read: nothing is missing, and nothing is at odds with the rest. */
#include <stdarg.h>
#include <stdio.h>

#include <plenum/wire.h>

#include "gmm/daemon/config.h"
#include "gmm/daemon/config_rule.h"

#define LOOPBACK_NET 127u

int config_refuse(char *reason, size_t bytes, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, bytes, format, arguments);
	va_end(arguments);
	return -1;
}

/* Nobody without a token, and no token where others can read along, unless told so. */
static int check_api(const struct config *config, char *reason, size_t bytes)
{
	const struct config_api *api = &config->api;
	bool tls = api->tls_certificate[0];

	if (!api->tls_certificate[0] != !api->tls_key[0])
		return config_refuse(reason, bytes, "[manager] lacks '%s': TLS needs both files", tls ? "tls_key" : "tls_certificate");
	if (!api->port && !api->token_file[0] && !tls)
		return 0;
	if (!api->port)
		return config_refuse(reason, bytes, "[manager] lacks 'api_port', which token_file and tls_certificate are for");
	if (!api->token_file[0])
		return config_refuse(reason, bytes,
				     "[manager] lacks 'token_file', for who may use api_port; 'gmmd --new-token FILE ROLE NAME' makes one");
	if (api->address >> 24 != LOOPBACK_NET && !tls && !api->clear)
		return config_refuse(reason, bytes, "tokens would cross the network in clear: set tls_certificate and tls_key, or api_clear = yes");
	return 0;
}

static bool in_network(const struct config *config, uint32_t address)
{
	uint32_t mask = UINT32_MAX << (32 - config->prefix);

	return (address & mask) == (config->address & mask);
}

static int check_rules(const struct config *config, int *line, char *reason, size_t bytes)
{
	if (config->address_first && !(in_network(config, config->address_first) && in_network(config, config->address_last)))
		return config_refuse(reason, bytes, "node_addresses is not in the manager's network");
	for (uint32_t i = 0; i < config->rule_count; i++) {
		const struct gmm_rule *rule = &config->rules[i];

		*line = config->rule_lines[i];
		if (!config_rule_is_whole(rule, reason, bytes))
			return -1;
		if (rule->address_first && !(in_network(config, rule->address_first) && in_network(config, rule->address_last)))
			return config_refuse(reason, bytes, "[rule %s]: its addresses are not in the manager's network", rule->name);
	}
	return 0;
}

static int check_nodes(const struct config *config, int *line, char *reason, size_t bytes)
{
	for (uint32_t i = 0; i < config->node_count; i++) {
		const struct config_node *node = &config->nodes[i];

		*line = node->line;
		if (node->role == 0)
			return config_refuse(reason, bytes, "[node %s] lacks 'role'; write role = process or role = memory", node->name);
		if (!node->has_mac)
			return config_refuse(reason, bytes, "[node %s] lacks 'mac'", node->name);
		if (node->address == 0)
			return config_refuse(reason, bytes, "[node %s] lacks 'ip'", node->name);
		if (node->address == config->address)
			return config_refuse(reason, bytes, "[node %s]: its ip is the manager's own address", node->name);
		if (!in_network(config, node->address))
			return config_refuse(reason, bytes, "[node %s]: its ip is not in the manager's network", node->name);
	}
	return 0;
}

int config_check(const struct config *config, int *line, char *reason, size_t bytes)
{
	*line = 0;
	if (config->address == 0)
		return config_refuse(reason, bytes, "[manager] lacks 'address'");
	if (config->socket[0] == '\0')
		return config_refuse(reason, bytes, "[manager] lacks 'socket'");
	if (config->images[0] == '\0')
		return config_refuse(reason, bytes, "[manager] lacks 'images'");
	if (config->key_file[0] == '\0')
		return config_refuse(reason, bytes, "[manager] lacks 'key_file', the rack's key; 'gmmd --new-key FILE' makes one");
	if (check_api(config, reason, bytes) || check_nodes(config, line, reason, bytes) || check_rules(config, line, reason, bytes))
		return -1;
	return config_netboot_check(config, line, reason, bytes);
}
