// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/config_value.h"
#include "gmm/daemon/inventory.h"

#define DIMM_DIGITS 4u			/* DSP0134 7.18: size, offset 0x0c */
#define WIDE_DIGITS 8u			/* extended size, offset 0x1c */
#define DIMM_WIDE 0x7fffu		/* the size stands in the extended one */
#define DIMM_UNKNOWN 0xffffu
#define DIMM_IN_KIB 0x8000u
#define WIDE_MASK 0x7fffffffu

const char *const inventory_names[] = {
	"uuid", "manufacturer", "product", "serial", "asset", "processor", "firmware", "card", "dimms", "wide", "threads", "svm", "vmx",
	"told", NULL,
};

static const struct { const char *name; size_t offset; } texts[] = {
	{ "manufacturer", offsetof(struct gmm_inventory, manufacturer) }, { "product", offsetof(struct gmm_inventory, product) },
	{ "serial", offsetof(struct gmm_inventory, serial) }, { "asset", offsetof(struct gmm_inventory, asset) },
	{ "processor", offsetof(struct gmm_inventory, processor) }, { "firmware", offsetof(struct gmm_inventory, firmware) },
	{ "card", offsetof(struct gmm_inventory, card) },
};

/* Without blanks at its ends, as makers like to pad. */
static void take_text(const char *value, char text[GMM_INVENTORY_TEXT_BYTES])
{
	size_t len;

	while (*value == ' ')
		value++;
	text_copy(text, GMM_INVENTORY_TEXT_BYTES, value, strlen(value));
	for (len = strlen(text); len && text[len - 1] == ' '; len--)
		text[len - 1] = '\0';
}

/* The `at`th group of hex digits, of bytes in little-endian order. False: there is none. */
static bool group(const char *value, uint32_t at, uint32_t digits, uint32_t *number)
{
	size_t len = strlen(value);

	*number = 0;
	if ((size_t)(at + 1) * digits > len)
		return false;
	value += (size_t)at * digits;
	for (uint32_t i = 0; i < digits; i++) {
		char c = value[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) :
				 c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10) : 16;

		if (digit == 16)
			return false;
		*number |= digit << (8 * (i / 2) + (i % 2 ? 0 : 4));
	}
	return true;
}

static uint64_t dimm_bytes(uint32_t size)
{
	if (size == DIMM_UNKNOWN)
		return 0;
	return size & DIMM_IN_KIB ? (uint64_t)(size & ~DIMM_IN_KIB) << 10 : (uint64_t)size << 20;
}

static void take_dimms(struct gmm_inventory *inventory, const char *value)
{
	uint32_t size;

	inventory->memory_bytes = 0;
	for (uint32_t i = 0; i < INVENTORY_DIMMS_MAX && group(value, i, DIMM_DIGITS, &size); i++)
		inventory->memory_bytes += dimm_bytes(size);
}

/* Extended sizes are told of all devices or of none: each that has one was counted with the largest short one before. */
static void take_wide(struct gmm_inventory *inventory, const char *value)
{
	uint32_t size;

	for (uint32_t i = 0; i < INVENTORY_DIMMS_MAX && group(value, i, WIDE_DIGITS, &size); i++)
		if ((size & WIDE_MASK) >= DIMM_WIDE && inventory->memory_bytes >= dimm_bytes(DIMM_WIDE))
			inventory->memory_bytes += ((uint64_t)(size & WIDE_MASK) << 20) - dimm_bytes(DIMM_WIDE);
}

static void take_threads(struct gmm_inventory *inventory, const char *value)
{
	uint32_t count;

	inventory->processors = 0;
	for (uint32_t i = 0; i < INVENTORY_SOCKETS_MAX && group(value, i, 2, &count); i++)
		inventory->processors += count;
}

static enum gmm_known known(const char *value)
{
	return strcmp(value, "yes") == 0 ? GMM_YES : strcmp(value, "no") == 0 ? GMM_NO : GMM_UNKNOWN;
}

void inventory_take(struct gmm_inventory *inventory, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(name, texts[i].name) == 0)
			take_text(value, (char *)inventory + texts[i].offset);
	if (strcmp(name, "uuid") == 0 && (config_parse_uuid(value, inventory->uuid) || !gmm_uuid_means_something(inventory->uuid)))
		memset(inventory->uuid, 0, sizeof(inventory->uuid));
	else if (strcmp(name, "dimms") == 0)
		take_dimms(inventory, value);
	else if (strcmp(name, "wide") == 0)
		take_wide(inventory, value);
	else if (strcmp(name, "threads") == 0)
		take_threads(inventory, value);
	else if (strcmp(name, "svm") == 0)
		inventory->svm = known(value);
	else if (strcmp(name, "vmx") == 0)
		inventory->vmx = known(value);
	else if (strcmp(name, "told") == 0)
		inventory->complete = strcmp(value, "1") == 0;
}
