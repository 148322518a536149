// SPDX-License-Identifier: GPL-2.0-only
/* Section [netboot] of gmmd's configuration. What it says goes into a file for dnsmasq: only what cannot break out of it. */
#include <stdio.h>
#include <string.h>

#include "gmm/daemon/config.h"

const char *const config_netboot_keys[] = { "interface", "mode", "range", "directory", NULL };

static bool made_of(const char *text, const char *others)
{
	for (; *text; text++)
		if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9') ||
		      strchr(others, *text)))
			return false;
	return true;
}

static int take_interface(struct config_netboot *netboot, const char *value, char *reason, size_t bytes)
{
	if (!value[0] || strlen(value) >= sizeof(netboot->interface) || !made_of(value, "-_.@"))
		return config_refuse(reason, bytes, "must be the name of a network card, as in eth1");
	memcpy(netboot->interface, value, strlen(value) + 1);
	return 0;
}

static int take_mode(struct config_netboot *netboot, const char *value, char *reason, size_t bytes)
{
	netboot->proxy = strcmp(value, "proxy") == 0;
	if (!netboot->proxy && strcmp(value, "authoritative"))
		return config_refuse(reason, bytes, "must be authoritative (dnsmasq gives the addresses) or proxy (another DHCP server does)");
	return 0;
}

static int take_range(struct config_netboot *netboot, const char *value, char *reason, size_t bytes)
{
	const char *dash = strchr(value, '-');
	char first[16] = "";

	if (dash && (size_t)(dash - value) < sizeof(first))
		memcpy(first, value, (size_t)(dash - value));
	if (!dash || config_parse_address(first, &netboot->range_first) || config_parse_address(dash + 1, &netboot->range_last) ||
	    netboot->range_first == 0)
		return config_refuse(reason, bytes, "must be two IPv4 addresses, as in 10.77.0.100-10.77.0.200");
	if (netboot->range_first > netboot->range_last)
		return config_refuse(reason, bytes, "its first address is above its last one");
	return 0;
}

static int take_directory(struct config_netboot *netboot, const char *value, char *reason, size_t bytes)
{
	if (value[0] != '/' || strlen(value) >= sizeof(netboot->directory) || !made_of(value, "/-_."))
		return config_refuse(reason, bytes, "must be the absolute path of a directory, of letters, digits, '/', '-', '_' and '.'");
	memcpy(netboot->directory, value, strlen(value) + 1);
	return 0;
}

int config_netboot_key(struct config_netboot *netboot, int key, const char *value, char *reason, size_t bytes)
{
	switch (key) {
	case 0: return take_interface(netboot, value, reason, bytes);
	case 1: return take_mode(netboot, value, reason, bytes);
	case 2: return take_range(netboot, value, reason, bytes);
	default: return take_directory(netboot, value, reason, bytes);
	}
}

/* ---------------------------------------------------------------- the whole */

/* 0: no range. */
static bool overlaps(const struct config_netboot *netboot, uint32_t first, uint32_t last)
{
	return first && first <= netboot->range_last && last >= netboot->range_first;
}

static int check_range(const struct config *config, int *line, char *reason, size_t bytes)
{
	const struct config_netboot *netboot = &config->netboot;
	uint32_t mask = UINT32_MAX << (32 - config->prefix), network = config->address & mask;
	char first[16], last[16], own[16];

	config_format_address(netboot->range_first, first);
	config_format_address(netboot->range_last, last);
	config_format_address(network, own);
	/* Neither the network's own address nor its broadcast address. */
	if (netboot->range_first <= network || netboot->range_last >= (network | ~mask))
		return config_refuse(reason, bytes, "[netboot]: range %s-%s is not inside the manager's network %s/%u", first, last, own,
			      config->prefix);
	if (config->address >= netboot->range_first && config->address <= netboot->range_last)
		return config_refuse(reason, bytes, "[netboot]: the manager's own address lies in range %s-%s", first, last);
	if (overlaps(netboot, config->address_first, config->address_last))
		return config_refuse(reason, bytes, "[netboot]: range %s-%s and node_addresses overlap: a node's address is nobody else's", first, last);
	for (uint32_t i = 0; i < config->rule_count; i++) {
		*line = config->rule_lines[i];
		if (overlaps(netboot, config->rules[i].address_first, config->rules[i].address_last))
			return config_refuse(reason, bytes, "[rule %s]: its addresses and [netboot]'s range %s-%s overlap", config->rules[i].name,
				      first, last);
	}
	for (uint32_t i = 0; i < config->node_count; i++) {
		const struct config_node *node = &config->nodes[i];

		if (node->address < netboot->range_first || node->address > netboot->range_last)
			continue;
		*line = node->line;
		return config_refuse(reason, bytes, "[node %s]: its ip lies in [netboot]'s range %s-%s, which is for machines that are not "
			      "configured", node->name, first, last);
	}
	return 0;
}

int config_netboot_check(const struct config *config, int *line, char *reason, size_t bytes)
{
	const struct config_netboot *netboot = &config->netboot;

	if (!netboot->given)
		return 0;
	*line = netboot->line;
	if (!netboot->directory[0])
		return config_refuse(reason, bytes, "[netboot] lacks 'directory', for what gmmd writes, as in /var/lib/plenum/netboot");
	if (!netboot->interface[0])
		return config_refuse(reason, bytes, "[netboot] lacks 'interface', the card of the rack's network");
	if (netboot->proxy && netboot->range_first)
		return config_refuse(reason, bytes, "[netboot]: with mode = proxy the other DHCP server has the addresses: remove 'range'");
	if (netboot->proxy)
		return 0;
	if (!netboot->range_first)
		return config_refuse(reason, bytes, "[netboot] lacks 'range', addresses for machines that are not configured, as in "
			      "10.77.0.100-10.77.0.200");
	return check_range(config, line, reason, bytes);
}
