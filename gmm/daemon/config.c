// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <plenum/wire.h>

#include "gmm/daemon/config.h"
#include "gmm/daemon/config_rule.h"
#include "gmm/suggest.h"
#include "lib/hash.h"
#include "gmm/units.h"

#define LINE_BYTES_MAX 190		/* inih cuts longer ones silently into two */
#define API_KEY_FIRST 24		/* in `seen`, after those of manager_keys */
#define KEYS_MAX 48			/* of a section */
#define SECTION_BYTES (NODE_NAME_BYTES + 8)

struct loading {
	struct config *config;
	const char *path;
	FILE *file;
	int line;
	char section[SECTION_BYTES];	/* of the keys in `seen` */
	unsigned seen;			/* bit i: key i of the section's table was given */
	char *error;			/* first one wins; empty: none */
};

__attribute__((format(printf, 2, 3)))
static int fail(struct loading *loading, const char *format, ...)
{
	va_list arguments;
	int len;

	if (loading->error[0])
		return 0;
	/* What is missing is in no line. */
	if (loading->line)
		len = snprintf(loading->error, CONFIG_ERROR_BYTES, "%s:%d: ", loading->path, loading->line);
	else
		len = snprintf(loading->error, CONFIG_ERROR_BYTES, "%s: ", loading->path);
	va_start(arguments, format);
	vsnprintf(loading->error + len, CONFIG_ERROR_BYTES - (size_t)len, format, arguments);
	va_end(arguments);
	return 0;
}

/* ---------------------------------------------------------------- values */

static int number(struct loading *loading, const char *key, const char *value, uint32_t low, uint32_t high, uint32_t *out)
{
	char *rest;
	unsigned long parsed;

	errno = 0;
	parsed = strtoul(value, &rest, 10);
	if (value[0] < '0' || value[0] > '9' || *rest || errno || parsed < low || parsed > high)
		return fail(loading, "%s = %s: must be a number from %u to %u", key, value, low, high);
	*out = (uint32_t)parsed;
	return 1;
}

static int string(struct loading *loading, const char *key, const char *value, char *out, size_t bytes)
{
	if (!value[0] || strlen(value) >= bytes)
		return fail(loading, "%s = %s: must have 1 to %zu characters", key, value, bytes - 1);
	memcpy(out, value, strlen(value) + 1);
	return 1;
}

static int yes_or_no(struct loading *loading, const char *key, const char *value, bool *out)
{
	if (strcmp(value, "yes") && strcmp(value, "no"))
		return fail(loading, "%s = %s: must be yes or no", key, value);
	*out = value[0] == 'y';
	return 1;
}

static int placement(struct loading *loading, const char *key, const char *value, enum gmm_placement *out)
{
	char known[128] = "";

	*out = gmm_placement_named(value);
	if (*out < GMM_PLACEMENTS)
		return 1;
	for (int i = 0; i < GMM_PLACEMENTS; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "", gmm_policies[i].name);
	return fail(loading, "%s = %s: must be one of %s", key, value, known);
}

static int address(struct loading *loading, const char *key, const char *value, uint32_t *out)
{
	if (config_parse_address(value, out) || *out == 0)
		return fail(loading, "%s = %s: must be an IPv4 address, as in 10.77.0.1", key, value);
	return 1;
}

/* ---------------------------------------------------------------- sections */

static int key_number(const char *const *keys, const char *name)
{
	for (int i = 0; keys[i]; i++)
		if (strcmp(keys[i], name) == 0)
			return i;
	return -1;
}

static const char *const manager_keys[] = {
	"address", "prefix", "http_port", "socket", "images", "history_kib", "lease_ms", "grace_ms", "key_file",
	"boot_key", "packet_macs", "port", "foreign_peers", "store",
	"move_slowdown_percent", "move_pages_min", "placement", "rebuild_reserve", "node_addresses", "vcpu_overcommit", "spread",
	"memory_overcommit", NULL,
};
static const char *const api_keys[] = {
	"api_port", "api_address", "api_socket", "api_clear", "token_file", "tls_certificate", "tls_key", NULL,
};
_Static_assert(sizeof(manager_keys) / sizeof(manager_keys[0]) - 1 <= API_KEY_FIRST, "keys have a bit each");

static int unknown_key(struct loading *loading, const char *section, const char *name, const char *const *keys)
{
	const char *names[KEYS_MAX], *meant;
	char known[512] = "";
	unsigned count = 0;

	for (int i = 0; keys[i] && count < KEYS_MAX; i++)
		names[count++] = keys[i];
	for (int i = 0; keys == manager_keys && api_keys[i] && count < KEYS_MAX; i++)
		names[count++] = api_keys[i];
	for (unsigned i = 0; i < count; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "", names[i]);
	meant = suggest(name, names, count);
	return fail(loading, meant ? "unknown key '%s' in [%s]; did you mean '%s'? Known are %s" : "unknown key '%s' in [%s]; known are %s", name,
		    section, meant ? meant : known, known);
}

static int manager_key(struct loading *loading, int key, const char *name, const char *value)
{
	struct config *config = loading->config;
	uint32_t parsed = 0;

	switch (key) {
	case 0: return address(loading, name, value, &config->address);
	case 1: return number(loading, name, value, 8, 30, &config->prefix);
	case 2:
		if (!number(loading, name, value, 1, 65535, &parsed))
			return 0;
		config->http_port = (uint16_t)parsed;
		return 1;
	case 3: return string(loading, name, value, config->socket, sizeof(config->socket));
	case 4: return string(loading, name, value, config->images, sizeof(config->images));
	case 5:
		if (!number(loading, name, value, 4, 65536, &parsed))
			return 0;
		config->history_bytes = parsed << 10;
		return 1;
	case 6: return number(loading, name, value, 300, 3600000, &config->lease_ms);
	case 7: return number(loading, name, value, 0, 3600000, &config->grace_ms);
	case 8: return string(loading, name, value, config->key_file, sizeof(config->key_file));
	case 9: return yes_or_no(loading, name, value, &config->boot_key);
	case 10: return yes_or_no(loading, name, value, &config->packet_macs);
	case 11:
		return host_port_parse(value, &config->port) ? 1 : fail(loading, "%s = %s: must be %s", name, value, HOST_PORT_KINDS);
	case 12: return yes_or_no(loading, name, value, &config->foreign_peers);
	case 13: return string(loading, name, value, config->store, sizeof(config->store));
	case 14: return number(loading, name, value, 100, 10000, &config->move_slowdown_percent);
	case 15: return number(loading, name, value, 1, WIRE_MOVE_PACE_MAX, &config->move_pages_min);
	case 16: return placement(loading, name, value, &config->placement);
	case 17: return yes_or_no(loading, name, value, &config->rebuild_reserve);
	case 19: return yes_or_no(loading, name, value, &config->vcpu_overcommit);
	case 20: return number(loading, name, value, 0, GMM_SPREAD_MAX, &config->spread);
	case 21:
		return number(loading, name, value, GMM_OVERCOMMIT_PERCENT_MIN, GMM_OVERCOMMIT_PERCENT_MAX,
			      &config->memory_overcommit_percent);
	default:
		return config_parse_addresses(value, &config->address_first, &config->address_last) == 0 ? 1 :
		       fail(loading, "%s = %s: must be a range, as in 10.77.0.11-10.77.0.99", name, value);
	}
}

static int api_key(struct loading *loading, int key, const char *name, const char *value)
{
	struct config_api *api = &loading->config->api;
	uint32_t parsed = 0;

	switch (key) {
	case 0:
		if (!number(loading, name, value, 1, 65535, &parsed))
			return 0;
		api->port = (uint16_t)parsed;
		return 1;
	case 1: return address(loading, name, value, &api->address);
	case 2: return string(loading, name, value, api->socket, sizeof(api->socket));
	case 3: return yes_or_no(loading, name, value, &api->clear);
	case 4: return string(loading, name, value, api->token_file, sizeof(api->token_file));
	case 5: return string(loading, name, value, api->tls_certificate, sizeof(api->tls_certificate));
	default: return string(loading, name, value, api->tls_key, sizeof(api->tls_key));
	}
}

static const char *const node_keys[] = { "role", "mac", "ip", "args", "domain", "link", NULL };

static int node_duplicate(struct loading *loading, const struct config_node *node, int key, const char *value)
{
	for (uint32_t i = 0; i < loading->config->node_count; i++) {
		const struct config_node *other = &loading->config->nodes[i];

		if (other == node)
			continue;
		if (key == 1 && other->has_mac && memcmp(other->mac, node->mac, sizeof(node->mac)) == 0)
			return fail(loading, "mac = %s: node '%s' has this MAC already", value, other->name);
		if (key == 2 && other->address == node->address)
			return fail(loading, "ip = %s: node '%s' has this address already", value, other->name);
	}
	return 1;
}

static int node_key(struct loading *loading, struct config_node *node, int key, const char *name, const char *value)
{
	switch (key) {
	case 0:
		node->role = strcmp(value, "process") == 0 ? WIRE_ROLE_PROCESS : strcmp(value, "memory") == 0 ? WIRE_ROLE_MEMORY : 0;
		return node->role ? 1 : fail(loading, "role = %s: must be process or memory", value);
	case 1:
		if (config_parse_mac(value, node->mac))
			return fail(loading, "mac = %s: must be a MAC address, as in 52:54:00:77:00:01", value);
		node->has_mac = true;
		return node_duplicate(loading, node, key, value);
	case 2:
		return address(loading, name, value, &node->address) && node_duplicate(loading, node, key, value);
	case 3:
		return string(loading, name, value, node->args, sizeof(node->args));
	case 4:
		return string(loading, name, value, node->domain, sizeof(node->domain));
	default:
		if (units_rate_mbps(value) < 0)
			return fail(loading, "%s = %s: must be bits a second, as in 25G or 400M", name, value);
		node->link_mbps = (uint32_t)units_rate_mbps(value);
		return 1;
	}
}

struct config_node *config_node_named(struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->node_count; i++)
		if (strcmp(config->nodes[i].name, name) == 0)
			return &config->nodes[i];
	return NULL;
}

static struct config_node *node_section(struct loading *loading, const char *name)
{
	struct config *config = loading->config;
	struct config_node *node;

	node = config_node_named(config, name);
	if (node)
		return node;
	if (name[0] == '\0' || strlen(name) >= NODE_NAME_BYTES) {
		fail(loading, "[node %s]: a node's name has 1 to %d characters", name, NODE_NAME_BYTES - 1);
		return NULL;
	}
	if (!gmm_node_name_is_good(name)) {
		fail(loading, "[node %s]: a node's name is made of letters, digits, '-', '_' and '.'", name);
		return NULL;
	}
	if (config->node_count == NODES_MAX) {
		fail(loading, "[node %s]: at most %d nodes", name, NODES_MAX);
		return NULL;
	}
	node = &config->nodes[config->node_count++];
	memcpy(node->name, name, strlen(name) + 1);
	node->line = loading->line;
	return node;
}

static struct gmm_rule *rule_named(struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->rule_count; i++)
		if (strcmp(config->rules[i].name, name) == 0)
			return &config->rules[i];
	return NULL;
}

static int rule_key(struct loading *loading, const char *name, int key, const char *value)
{
	struct config *config = loading->config;
	struct gmm_rule *rule = rule_named(config, name);
	char why[CONFIG_ERROR_BYTES / 2];

	if (!rule && !gmm_node_name_is_good(name))
		return fail(loading, "[rule %s]: a rule's name is made as a node's is, of 1 to %d characters", name, NODE_NAME_BYTES - 1);
	if (!rule && config->rule_count == GMM_RULES_MAX)
		return fail(loading, "[rule %s]: at most %u rules", name, GMM_RULES_MAX);
	if (!rule) {
		config->rule_lines[config->rule_count] = loading->line;
		rule = &config->rules[config->rule_count++];
		memcpy(rule->name, name, strlen(name) + 1);
	}
	return config_rule_set(rule, key, value, why, sizeof(why)) ? 1 : fail(loading, "%s", why);
}

static int enter_section(struct loading *loading, const char *section)
{
	const struct config_node *twice = NULL;

	if (strcmp(loading->section, section) == 0)
		return 1;
	if (strlen(section) >= sizeof(loading->section))
		return fail(loading, "[%s]: the section's name is too long", section);
	if (strncmp(section, "node ", 5) == 0)
		twice = config_node_named(loading->config, section + 5);
	if (twice)
		return fail(loading, "[%s] stands twice, first at line %d", section, twice->line);
	if (strncmp(section, "rule ", 5) == 0 && rule_named(loading->config, section + 5))
		return fail(loading, "[%s] stands twice", section);
	memcpy(loading->section, section, strlen(section) + 1);
	loading->seen = 0;
	return 1;
}

static int netboot_key(struct loading *loading, int key, const char *name, const char *value)
{
	struct config_netboot *netboot = &loading->config->netboot;
	char reason[CONFIG_ERROR_BYTES / 2];

	if (!netboot->given)
		netboot->line = loading->line;
	netboot->given = true;
	if (config_netboot_key(netboot, key, value, reason, sizeof(reason)))
		return fail(loading, "%s = %s: %s", name, value, reason);
	return 1;
}

static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct loading *loading = user;
	bool manager = strcmp(section, "manager") == 0, netboot = strcmp(section, "netboot") == 0;
	bool rule = strncmp(section, "rule ", 5) == 0;
	const char *const *keys = manager ? manager_keys : netboot ? config_netboot_keys : rule ? config_rule_keys : node_keys;
	struct config_node *node = NULL;
	int key;

	if (!manager && !netboot && !rule && strncmp(section, "node ", 5))
		return fail(loading, "unknown section [%s]; write [manager], [netboot], [node NAME] or [rule NAME]", section);
	if (!enter_section(loading, section))
		return 0;
	if (!manager && !netboot && !rule && !(node = node_section(loading, section + 5)))
		return 0;
	key = key_number(keys, name);
	if (key < 0 && manager) {
		key = key_number(api_keys, name);
		key += key < 0 ? 0 : API_KEY_FIRST;
	}
	if (key < 0)
		return unknown_key(loading, section, name, keys);
	if (loading->seen & 1u << key)
		return fail(loading, "'%s' is given twice in [%s]", name, section);
	loading->seen |= 1u << key;
	if (key >= API_KEY_FIRST)
		return api_key(loading, key - API_KEY_FIRST, name, value);
	if (rule)
		return rule_key(loading, section + 5, key, value);
	if (netboot)
		return netboot_key(loading, key, name, value);
	if (manager)
		loading->config->manager_hash += hash_bytes(hash_bytes(0, name, strlen(name)), value, strlen(value));
	return manager ? manager_key(loading, key, name, value) : node_key(loading, node, key, name, value);
}

/* ---------------------------------------------------------------- the file */

static char *read_line(char *buffer, int bytes, void *stream)
{
	struct loading *loading = stream;
	char *line = fgets(buffer, bytes, loading->file);

	loading->line++;
	if (line && !strchr(line, '\n') && strlen(line) > LINE_BYTES_MAX)
		fail(loading, "the line is longer than %d characters", LINE_BYTES_MAX);
	return line;
}

static int check_whole(struct loading *loading)
{
	char reason[CONFIG_ERROR_BYTES];

	loading->line = 0;
	return config_check(loading->config, &loading->line, reason, sizeof(reason)) ? fail(loading, "%s", reason) : 1;
}

int config_load(struct config *config, const char *path, char error[CONFIG_ERROR_BYTES])
{
	struct loading loading = { .config = config, .path = path, .error = error };
	int status;

	error[0] = '\0';
	memset(config, 0, sizeof(*config));
	config->prefix = 24;
	config->http_port = 80;
	config->history_bytes = CONFIG_HISTORY_BYTES_DEFAULT;
	config->api.address = INADDR_LOOPBACK;
	config->lease_ms = CONFIG_LEASE_MS_DEFAULT;
	config->grace_ms = CONFIG_GRACE_MS_DEFAULT;
	config->move_slowdown_percent = CONFIG_MOVE_SLOWDOWN_PERCENT_DEFAULT;
	config->move_pages_min = CONFIG_MOVE_PAGES_MIN_DEFAULT;
	config->memory_overcommit_percent = GMM_OVERCOMMIT_PERCENT_DEFAULT;
	memcpy(config->store, CONFIG_STORE_DEFAULT, sizeof(CONFIG_STORE_DEFAULT));
	loading.file = fopen(path, "re");
	if (!loading.file) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: %s", path, strerror(errno));
		return -1;
	}
	status = ini_parse_stream(read_line, &loading, handle, &loading);
	fclose(loading.file);
	if (status && !error[0]) {
		loading.line = status;
		fail(&loading, "neither [section] nor key = value");
	}
	if (!error[0])
		check_whole(&loading);
	return error[0] ? -1 : 0;
}
