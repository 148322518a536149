// SPDX-License-Identifier: GPL-2.0-only
/* Rules by which machines become nodes: which one fits, and what it makes of a machine. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gmm/core/internal.h"

/* ---------------------------------------------------------------- texts */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Goes back to the last '*' only: no text makes it slow. */
bool gmm_glob(const char *glob, const char *text)
{
	const char *star = NULL, *kept = NULL;

	while (*text) {
		if (*glob == '*') {
			star = ++glob;
			kept = text;
		} else if (*glob == '?' || (*glob && lower(*glob) == lower(*text))) {
			glob++;
			text++;
		} else if (star) {
			glob = star;
			text = ++kept;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}

static bool of_a_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool gmm_node_name_is_good(const char *name)
{
	size_t len = strnlen(name, NODE_NAME_BYTES);
	bool dots = true;

	if (len == 0 || len == NODE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!of_a_name(name[i]))
			return false;
		dots = dots && name[i] == '.';
	}
	return !dots;
}

/* "%02d" at `at`: its length, and the number's; 0: there is none. */
static size_t place_of_number(const char *at, uint32_t *digits)
{
	*digits = 1;
	if (at[0] == '%' && at[1] == 'd')
		return 2;
	if (at[0] != '%' || at[1] != '0' || at[2] < '1' || at[2] > '9' || at[3] != 'd')
		return 0;
	*digits = (uint32_t)(at[2] - '0');
	return 4;
}

bool gmm_pattern_is_good(const char *pattern)
{
	uint32_t numbers = 0, digits;
	char name[NODE_NAME_BYTES];

	for (const char *at = pattern; *at;) {
		size_t len = place_of_number(at, &digits);

		if (len == 0 && !of_a_name(*at))
			return false;
		numbers += len > 0;
		at += len ? len : 1;
	}
	return numbers == 1 && gmm_pattern_name(pattern, GMM_RULE_NUMBER_MAX, name);
}

bool gmm_pattern_name(const char *pattern, uint32_t number, char name[NODE_NAME_BYTES])
{
	struct text text = text_over(name, NODE_NAME_BYTES);
	size_t needed = 0;

	while (*pattern) {
		char one[2] = { *pattern, '\0' };
		uint32_t digits, limit = 10;
		size_t len = place_of_number(pattern, &digits);

		if (len == 0) {
			text_string(&text, one);
			needed++;
			pattern++;
			continue;
		}
		for (uint32_t place = 1; place < digits && place < 9; place++, limit *= 10)
			;
		for (limit /= 10; limit > 1 && number < limit; limit /= 10, needed++)
			text_string(&text, "0");
		needed += number > 99 ? 3 : number > 9 ? 2 : 1;
		text_number(&text, number);
		pattern += len;
	}
	return needed < NODE_NAME_BYTES;
}

/* ---------------------------------------------------------------- rules */

void gmm_core_set_rules(struct gmm_core *core, const struct gmm_rule *rules, uint32_t count)
{
	assert(count <= GMM_RULES_MAX);
	memcpy(core->rules, rules, count * sizeof(*rules));
	core->rule_count = count;
}

/* What a machine did not tell fits no demand. */
static bool fits(const struct gmm_rule *rule, const struct gmm_inventory *inventory)
{
	return (rule->manufacturer[0] == '\0' || gmm_glob(rule->manufacturer, inventory->manufacturer)) &&
	       (rule->product[0] == '\0' || gmm_glob(rule->product, inventory->product)) &&
	       memcmp(rule->mac, inventory->mac, rule->mac_bytes) == 0 && inventory->memory_bytes >= rule->memory_bytes_min &&
	       (rule->svm == GMM_UNKNOWN || rule->svm == inventory->svm);
}

const struct gmm_rule *gmm_core_rule_of(const struct gmm_core *core, const struct gmm_inventory *inventory)
{
	for (uint32_t i = 0; i < core->rule_count && inventory->complete; i++)
		if (fits(&core->rules[i], inventory))
			return &core->rules[i];
	return NULL;
}

int gmm_core_rule_admission(struct gmm_core *core, const struct gmm_rule *rule, const struct gmm_inventory *inventory,
			    struct gmm_admission *admission)
{
	*admission = (struct gmm_admission){
		.role = rule->role, .address_first = rule->address_first, .address_last = rule->address_last, .rule = rule->name,
	};
	memcpy(admission->mac, inventory->mac, sizeof(admission->mac));
	memcpy(admission->domain, rule->domain, sizeof(admission->domain));
	for (uint32_t number = 1; number <= GMM_RULE_NUMBER_MAX; number++)
		if (gmm_pattern_name(rule->pattern, number, admission->name) && !gmm_core_node_named(core, admission->name))
			return 0;
	return gmm_refuse_words(core, -ENOSPC, "all names of the rule ", rule->name, " are taken");
}
