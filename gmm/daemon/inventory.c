// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "gmm/core/text.h"
#include "gmm/daemon/config_value.h"
#include "gmm/daemon/inventory.h"

#define DIMM_DIGITS 4u			/* DSP0134 7.18: size, offset 0x0c */
#define WIDE_DIGITS 8u			/* extended size, offset 0x1c */
#define THREAD_DIGITS 2u		/* 7.5: thread count, offset 0x25; in decimal also the second one, offset 0x2e */
#define THREADS_MAX UINT16_MAX
#define TRAITS_UNKNOWN (1u << 1)	/* 7.5.9: processor characteristics */
#define TRAITS_VIRTUALIZATION (1u << 6)
#define DIMM_WIDE 0x7fffu		/* the size stands in the extended one */
#define DIMM_UNKNOWN 0xffffu
#define DIMM_IN_KIB 0x8000u
#define WIDE_MASK 0x7fffffffu

const char *const inventory_names[] = {
	"uuid", "manufacturer", "product", "serial", "asset", "processor", "firmware", "card", "dimms", "wide", "threads", "svm", "vmx",
	"svm_traits", "vmx_traits", "told", NULL,
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

/* The digits up to the next dot, and no more than `max`. */
static bool decimal(const char *value, uint32_t max, uint32_t *number)
{
	uint64_t sum = 0;

	if (*value < '0' || *value > '9')
		return false;
	for (; *value >= '0' && *value <= '9' && sum <= max; value++)
		sum = 10 * sum + (uint64_t)(*value - '0');
	*number = (uint32_t)sum;
	return *value == '.' && sum <= max;
}

/* `digits` hex digits, of bytes in little-endian order. */
static bool hex(const char *value, uint32_t digits, uint32_t *number)
{
	*number = 0;
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

/* A list of numbers, and in which way they are written. */
struct list {
	const char *at;
	bool decimal;
};

static struct list list_over(const char *value)
{
	return (struct list){ value, strchr(value, '.') };
}

/* False: there is no further one. */
static bool next_number(struct list *list, uint32_t digits, uint32_t decimal_max, uint32_t *number)
{
	if (list->decimal ? !decimal(list->at, decimal_max, number) : !hex(list->at, digits, number))
		return false;
	list->at = list->decimal ? strchr(list->at, '.') + 1 : list->at + digits;
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
	struct list list = list_over(value);
	uint32_t size;

	inventory->memory_bytes = 0;
	for (uint32_t i = 0; i < INVENTORY_DIMMS_MAX && next_number(&list, DIMM_DIGITS, UINT16_MAX, &size); i++)
		inventory->memory_bytes += dimm_bytes(size);
}

/* Extended sizes are told of all devices or of those that have one: each of these was counted with the largest short one before. */
static void take_wide(struct gmm_inventory *inventory, const char *value)
{
	struct list list = list_over(value);
	uint32_t size;

	for (uint32_t i = 0; i < INVENTORY_DIMMS_MAX && next_number(&list, WIDE_DIGITS, UINT32_MAX, &size); i++)
		if ((size & WIDE_MASK) >= DIMM_WIDE && inventory->memory_bytes >= dimm_bytes(DIMM_WIDE))
			inventory->memory_bytes += ((uint64_t)(size & WIDE_MASK) << 20) - dimm_bytes(DIMM_WIDE);
}

static void take_threads(struct gmm_inventory *inventory, const char *value)
{
	struct list list = list_over(value);
	uint32_t count;

	inventory->processors = 0;
	for (uint32_t i = 0; i < INVENTORY_SOCKETS_MAX && next_number(&list, THREAD_DIGITS, THREADS_MAX, &count); i++)
		inventory->processors += count;
}

static enum gmm_known known(const char *value)
{
	return strcmp(value, "yes") == 0 ? GMM_YES : strcmp(value, "no") == 0 ? GMM_NO : GMM_UNKNOWN;
}

/*
 * It has one kind of virtualization and not the other. Firmware that does not say that it has any may only have it switched off, and
 * the processor itself, where it was asked, knows better.
 */
static void take_traits(enum gmm_known *one, enum gmm_known *other, const char *value)
{
	uint32_t traits;

	if (*one != GMM_UNKNOWN || *other != GMM_UNKNOWN || !decimal(value, UINT16_MAX, &traits) || traits & TRAITS_UNKNOWN ||
	    !(traits & TRAITS_VIRTUALIZATION))
		return;
	*one = GMM_YES;
	*other = GMM_NO;
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
	else if (strcmp(name, "svm_traits") == 0)
		take_traits(&inventory->svm, &inventory->vmx, value);
	else if (strcmp(name, "vmx_traits") == 0)
		take_traits(&inventory->vmx, &inventory->svm, value);
	else if (strcmp(name, "told") == 0)
		inventory->complete = strcmp(value, "1") == 0;
}
