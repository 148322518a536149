/* SPDX-License-Identifier: GPL-2.0-only */
/* The input is lines of "name value" that a machine says of itself, then what rules and globs make of it. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/config_rule.h"
#include "gmm/daemon/inventory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char text[GMM_INVENTORY_TEXT_BYTES])
{
	assert(strnlen(text, GMM_INVENTORY_TEXT_BYTES) < GMM_INVENTORY_TEXT_BYTES);
	for (; *text; text++)
		assert(*text >= ' ' && *text <= '~');
}

static void check(const struct gmm_inventory *inventory)
{
	static const uint8_t none[GMM_UUID_BYTES];

	check_text(inventory->manufacturer);
	check_text(inventory->product);
	check_text(inventory->serial);
	check_text(inventory->asset);
	check_text(inventory->processor);
	check_text(inventory->firmware);
	check_text(inventory->card);
	assert(gmm_uuid_means_something(inventory->uuid) || memcmp(inventory->uuid, none, sizeof(none)) == 0);
	assert(inventory->processors <= INVENTORY_SOCKETS_MAX * UINT16_MAX);
	assert(inventory->memory_bytes <= INVENTORY_DIMMS_MAX * (UINT64_C(1) << 51));
}

static void check_rule(const char *name, const char *value)
{
	struct gmm_rule rule = { 0 };
	char made[NODE_NAME_BYTES], error[2048];

	for (int key = 0; config_rule_keys[key]; key++) {
		if (strcmp(config_rule_keys[key], name) || strlen(value) > 512)
			continue;
		if (!config_rule_set(&rule, key, value, error, sizeof(error)))
			assert(error[0]);
		else if (rule.pattern[0])
			assert(gmm_pattern_name(rule.pattern, 1, made) && gmm_node_name_is_good(made));
	}
}

/* A request's parameters are taken once each. */
static void take_once(struct gmm_inventory *inventory, uint32_t *taken, const char *name, const char *value)
{
	for (uint32_t i = 0; inventory_names[i]; i++)
		if (strcmp(name, inventory_names[i]) == 0 && *taken & 1u << i)
			return;
		else if (strcmp(name, inventory_names[i]) == 0)
			*taken |= 1u << i;
	inventory_take(inventory, name, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t taken = 0;
	struct gmm_inventory inventory = { 0 };
	char *text = malloc(size + 1), *rest = text, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *value = strchr(line, ' ');

		if (!value)
			continue;
		*value++ = '\0';
		take_once(&inventory, &taken, line, value);
		check_rule(line, value);
		gmm_glob(line, value);
	}
	check(&inventory);
	free(text);
	return 0;
}
