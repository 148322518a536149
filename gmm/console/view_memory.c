// SPDX-License-Identifier: GPL-2.0-only
/* The rack's memory: all of it, then each memory component. */
#include <stdio.h>

#include "gmm/console/views.h"

#define SUMMARY_ROWS 6

static const struct table_column columns[] = {
	{ "NAME", 10, 0 }, { "STATE", 8, 0 }, { "CAPACITY", -9, 0 }, { "RESERVED", -9, 0 }, { "SHARE", -5, 0 },
	{ "WRITTEN", -9, 0 }, { "ZERO", -9, 0 }, { "FOREIGN", -9, 100 }, { "", 13, 0 }, { NULL, 0, 0 },
};
enum { NAME, STATE, CAPACITY, RESERVED, SHARE, WRITTEN, ZERO, FOREIGN, BAR };

static enum style cell(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES])
{
	const struct model_node *node = &model->nodes[row];
	char size[UNITS_BYTES];

	(void)ui;
	switch (column) {
	case NAME: snprintf(text, TABLE_CELL_BYTES, "%s", node->name); return STYLE_BOLD;
	case STATE: snprintf(text, TABLE_CELL_BYTES, "%s", node_word(node)); return state_style(node_word(node));
	case CAPACITY: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_capacity, size)); break;
	case RESERVED: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_reserved, size)); break;
	case SHARE:
		snprintf(text, TABLE_CELL_BYTES, "%s", share_text(share_of(node->pages_reserved, node->pages_capacity), size));
		break;
	case WRITTEN: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_written, size)); break;
	case ZERO: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_zero, size)); break;
	case FOREIGN: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_foreign, size)); break;
	}
	return STYLE_NORMAL;
}

static void draw_summary(const struct model *model, struct screen *screen, int row)
{
	struct model_sums sums = model_sums(model);
	char a[UNITS_BYTES], b[UNITS_BYTES], c[UNITS_BYTES], d[UNITS_BYTES];
	double reserved = share_of(sums.pages_reserved, sums.pages_capacity);

	screen_format(screen, row, 0, STYLE_NORMAL, "memory  %s, reserved %s, written %s, zero %s",
		      pages_text(sums.pages_capacity, a), pages_text(sums.pages_reserved, b),
		      pages_text(sums.pages_written, c), pages_text(sums.pages_zero, d));
	screen_bar(screen, row + 1, 8, screen->width - 16, STYLE_FILL, share_of(sums.pages_written, sums.pages_capacity), reserved);
	screen_format(screen, row + 1, screen->width - 7, STYLE_NORMAL, "%s", share_text(reserved, a));
	screen_format(screen, row + 2, 0, STYLE_NORMAL, "cache   %s, given to VMs %s",
		      pages_text(sums.lines_capacity, a), pages_text(sums.lines_given, b));
	screen_bar(screen, row + 3, 8, screen->width - 16, STYLE_FILL, 0, share_of(sums.lines_given, sums.lines_capacity));
	screen_format(screen, row + 3, screen->width - 7, STYLE_NORMAL, "%s",
		      share_text(share_of(sums.lines_given, sums.lines_capacity), a));
	screen_format(screen, row + 4, 0, STYLE_NORMAL, "imbalance %s", share_text(sums.imbalance, a));
	int column = 20;

	screen_glyph(screen, row + 4, column, STYLE_FILL, GLYPH_FULL);
	screen_glyph(screen, row + 4, column + 11, STYLE_HELD, GLYPH_HALF);
	screen_glyph(screen, row + 4, column + 23, STYLE_REST, GLYPH_EMPTY);
	screen_text(screen, row + 4, column + 2, STYLE_DIM, "written");
	screen_text(screen, row + 4, column + 13, STYLE_DIM, "reserved");
	screen_text(screen, row + 4, column + 25, STYLE_DIM, "free");
	if (model->pages_promised)
		screen_format(screen, row + 4, column + 32,
			      sums.pages_reserved + model->pages_promised > sums.pages_capacity ? STYLE_WARN : STYLE_NORMAL,
			      "promised besides %s", pages_text(model->pages_promised, a));
}

static bool bar(const struct model *model, int row, double *filled, double *held)
{
	const struct model_node *node = &model->nodes[row];

	*filled = share_of(node->pages_written, node->pages_capacity);
	*held = share_of(node->pages_reserved, node->pages_capacity);
	return true;
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	static const struct table table = { columns, cell, bar, "no memory components are configured" };
	struct area rows = { area.row + SUMMARY_ROWS, area.height - SUMMARY_ROWS };

	(void)now_ns;
	draw_summary(model, screen, area.row);
	table_draw(ui, VIEW_MEMORY, &table, model, screen, rows);
}

static int count(const struct ui *ui, const struct model *model)
{
	return view_rack.count(ui, model);
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	return model->nodes[row].memory && view_rack.matches(ui, model, row, filter);
}

const struct view_type view_memory = {
	.name = "Memory", .keys = "d describe|c counters|r refusals", .command = "status",
	.count = count, .matches = matches, .draw = draw,
};
