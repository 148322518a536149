/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names of functions for the backtrace. The table is made by kernel/tools/symbols.sh from a first link and put in by
 * the second (kernel/image.mk); in the first it is empty.
 */
#include <stddef.h>

#include <kernel/memory.h>
#include <kernel/panic.h>

struct symbol {
	uint32_t offset;		/* from text_start */
	uint32_t name;			/* offset in symbol_names */
};

extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

const char *symbol_find(uint64_t address, uint64_t *start)
{
	uint32_t low = 0, high = symbol_count, offset;

	if (address < (uint64_t)text_start || address >= (uint64_t)text_end)
		return NULL;
	offset = (uint32_t)(address - (uint64_t)text_start);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (symbol_table[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	*start = (uint64_t)text_start + symbol_table[low - 1].offset;
	return symbol_names + symbol_table[low - 1].name;
}
