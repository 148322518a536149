// SPDX-License-Identifier: GPL-2.0-only
/* Lists as tables for people. */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "gmm/cli/cli.h"
#include "gmm/units.h"

#define PAGE_BYTES 4096.0
#define COLUMNS_MAX 12
#define CELL_BYTES 256
#define WIDTH_MIN 8u			/* of a text that is cut */
#define GAP 2u				/* between columns */

_Static_assert(CELL_BYTES >= UNITS_BYTES, "a number with its unit fits");

static void cell_text(json_t *row, const struct column *column, char text[CELL_BYTES])
{
	json_t *value = json_object_get(row, column->key);
	double number = json_number_value(value);
	const char *string = json_string_value(value);

	if (!value || json_is_null(value)) {
		strcpy(text, "-");
		return;
	}
	if (json_is_boolean(value)) {
		strcpy(text, json_is_true(value) ? "yes" : "no");
		return;
	}
	switch (column->cell) {
	case CELL_STRING: snprintf(text, CELL_BYTES, "%s", string && string[0] ? string : "-"); break;
	case CELL_NUMBER: snprintf(text, CELL_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
	case CELL_PAGES: units_size(number * PAGE_BYTES, text); break;
	case CELL_BYTES_SIZE: units_size(number, text); break;
	case CELL_AGO: units_ago(number, text); break;
	case CELL_MICROSECONDS:
		if (number > 0)
			units_time(number * 1e3, text);
		else	/* not measured yet */
			strcpy(text, "-");
		break;
	}
}

/* Take from the widest text column until the line fits, or nothing is left to be taken. */
static void fit(const struct column *columns, size_t *widths)
{
	size_t limit = terminal_columns();

	for (;;) {
		size_t total = 0, widest = COLUMNS_MAX;

		for (size_t i = 0; columns[i].title; i++) {
			total += widths[i] + (i ? GAP : 0);
			if (columns[i].cell == CELL_STRING && widths[i] > WIDTH_MIN && widths[i] > strlen(columns[i].title) &&
			    (widest == COLUMNS_MAX || widths[i] >= widths[widest]))
				widest = i;
		}
		if (total <= limit || widest == COLUMNS_MAX)
			return;
		widths[widest]--;
	}
}

static void print_cell(const struct column *column, const char *text, size_t width, bool coloured)
{
	bool left = column->cell == CELL_STRING, last = column[1].title == NULL;
	size_t len = strlen(text), shown = len > width ? width - 3 : len;
	const char *dots = len > width ? "..." : "";
	int pad = (int)(width - shown - strlen(dots));

	printf("%*s%s%.*s%s%s", left ? 0 : pad, "", coloured ? terminal_colour(text) : "", (int)shown, text, dots,
	       coloured ? terminal_plain(text) : "");
	if (last)
		putchar('\n');
	else
		printf("%*s", (left ? pad : 0) + (int)GAP, "");
}

void print_table(json_t *rows, const struct column *columns)
{
	size_t widths[COLUMNS_MAX] = { 0 }, index;
	char text[CELL_BYTES];
	json_t *row;

	for (int i = 0; columns[i].title; i++) {
		assert(i < COLUMNS_MAX);
		widths[i] = strlen(columns[i].title);
		json_array_foreach(rows, index, row) {
			cell_text(row, &columns[i], text);
			if (strlen(text) > widths[i])
				widths[i] = strlen(text);
		}
	}
	fit(columns, widths);
	for (int i = 0; columns[i].title; i++)
		print_cell(&columns[i], columns[i].title, widths[i], false);
	json_array_foreach(rows, index, row)
		for (int i = 0; columns[i].title; i++) {
			cell_text(row, &columns[i], text);
			print_cell(&columns[i], text, widths[i], true);
		}
}
