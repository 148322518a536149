// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include <plenum/wire.h>

#include "gmm/daemon/config_rule.h"
#include "gmm/daemon/config_value.h"

enum rule_key { MANUFACTURER, PRODUCT, MAC, MEMORY_MIN, SVM, ROLE, NAME, ADDRESSES, DOMAIN, AUTO };

const char *const config_rule_keys[] = {
	[MANUFACTURER] = "manufacturer", [PRODUCT] = "product", [MAC] = "mac", [MEMORY_MIN] = "memory_min", [SVM] = "svm",
	[ROLE] = "role", [NAME] = "name", [ADDRESSES] = "addresses", [DOMAIN] = "domain", [AUTO] = "auto", NULL,
};

static const char *const expected[] = {
	[MANUFACTURER] = "1 to 47 characters, in which * and ? stand for any", [PRODUCT] = "1 to 47 characters, in which * and ? stand for any",
	[MAC] = "a MAC address or the first bytes of one, as in 52:54:00", [MEMORY_MIN] = "a size, as in 64G", [SVM] = "yes or no",
	[ROLE] = "process or memory", [NAME] = "a node's name with one %d or %02d in it, as in m%02d",
	[ADDRESSES] = "a range, as in 10.77.0.20-10.77.0.60", [DOMAIN] = "a name as a node's", [AUTO] = "yes or no",
};

_Static_assert(GMM_INVENTORY_TEXT_BYTES - 1 == 47, "`expected` says so");

static bool take_text(const char *value, char *text, size_t bytes)
{
	if (value[0] == '\0' || strlen(value) >= bytes)
		return false;
	memcpy(text, value, strlen(value) + 1);
	return true;
}

static bool yes_or_no(const char *value, bool *yes)
{
	*yes = strcmp(value, "yes") == 0;
	return *yes || strcmp(value, "no") == 0;
}

static bool take(struct gmm_rule *rule, enum rule_key key, const char *value)
{
	bool yes;

	switch (key) {
	case MANUFACTURER: return take_text(value, rule->manufacturer, sizeof(rule->manufacturer));
	case PRODUCT: return take_text(value, rule->product, sizeof(rule->product));
	case MAC: return config_parse_mac_prefix(value, rule->mac, &rule->mac_bytes) == 0;
	case MEMORY_MIN: return config_parse_size(value, &rule->memory_bytes_min) == 0;
	case SVM:
		if (!yes_or_no(value, &yes))
			return false;
		rule->svm = yes ? GMM_YES : GMM_NO;
		return true;
	case ROLE:
		rule->role = strcmp(value, "process") == 0 ? WIRE_ROLE_PROCESS : strcmp(value, "memory") == 0 ? WIRE_ROLE_MEMORY : 0;
		return rule->role != 0;
	case NAME: return take_text(value, rule->pattern, sizeof(rule->pattern)) && gmm_pattern_is_good(rule->pattern);
	case ADDRESSES: return config_parse_addresses(value, &rule->address_first, &rule->address_last) == 0;
	case DOMAIN: return take_text(value, rule->domain, sizeof(rule->domain)) && gmm_node_name_is_good(rule->domain);
	case AUTO: return yes_or_no(value, &rule->automatic);
	}
	return false;
}

bool config_rule_set(struct gmm_rule *rule, int key, const char *value, char *error, size_t error_bytes)
{
	if (take(rule, (enum rule_key)key, value))
		return true;
	snprintf(error, error_bytes, "%s = %s: must be %s", config_rule_keys[key], value, expected[key]);
	return false;
}

bool config_rule_is_whole(const struct gmm_rule *rule, char *error, size_t error_bytes)
{
	const char *missing = rule->role == 0 ? "role" : rule->pattern[0] == '\0' ? "name" : NULL;

	if (missing)
		snprintf(error, error_bytes, "[rule %s] lacks '%s'", rule->name, missing);
	return !missing;
}
