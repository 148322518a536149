// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"

#define DETAIL_ROWS 3		/* below the table: a blank one and what the selected node does */

static const struct table_column columns[] = {
	{ "NAME", 15, 0 }, { "ROLE", 7, 0 }, { "STATE", 11, 0 }, { "CAPACITY", -9, 0 }, { "RESERVED", -9, 0 }, { "IN USE", -9, 0 },
	{ "BUSY", -5, 0 }, { "PAGES/S", -7, 88 }, { "SEEN", -8, 0 }, { "ADDRESS", 15, 104 }, { "BUILD", 14, 120 }, { NULL, 0, 0 },
};
enum { NAME, ROLE, STATE, CAPACITY, RESERVED, IN_USE, BUSY, PAGES, SEEN, ADDRESS, BUILD };

static enum style cell(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES])
{
	const struct model_node *node = &model->nodes[row];
	char size[64];

	(void)ui;
	switch (column) {
	case NAME: snprintf(text, TABLE_CELL_BYTES, "%s", node->name); return STYLE_BOLD;
	case ROLE: snprintf(text, TABLE_CELL_BYTES, "%s", node->memory ? "memory" : "process"); break;
	case STATE: snprintf(text, TABLE_CELL_BYTES, "%s", node_word(node)); return state_style(node_word(node));
	case ADDRESS: snprintf(text, TABLE_CELL_BYTES, "%s", node->ip); break;
	case CAPACITY: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_capacity, size)); break;
	case RESERVED: snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->pages_reserved, size)); break;
	case BUSY: snprintf(text, TABLE_CELL_BYTES, "%s", share_text(node->busy_share, size)); break;
	case PAGES: snprintf(text, TABLE_CELL_BYTES, "%.0f", node->reads_per_s + node->writes_per_s); break;
	case SEEN:
		snprintf(text, TABLE_CELL_BYTES, "%s", age_text(node->renewed_s_ago, size));
		return node->renewed_s_ago > 6 ? STYLE_WARN : STYLE_NORMAL;
	case IN_USE:
		snprintf(text, TABLE_CELL_BYTES, "%s", pages_text(node->memory ? node->pages_written : node->pages_stored, size));
		break;
	case BUILD: snprintf(text, TABLE_CELL_BYTES, "%s", node->build); break;
	}
	return STYLE_NORMAL;
}

static void draw_selected(const struct ui *ui, const struct model *model, struct screen *screen, int row)
{
	int at = view_selected(ui, model, VIEW_NODES), column;
	const struct model_node *node = at >= 0 ? &model->nodes[at] : NULL;

	if (!node)
		return;
	column = screen_format(screen, row, 0, STYLE_BOLD, "%s", node->name);
	if (node->life[0] && strcmp(node->life, node->state))
		column = screen_format(screen, row, column + 1, STYLE_NORMAL, "%s", node->life);
	screen_format(screen, row, column + 2, STYLE_NORMAL, "READs %.0f/s, WRITEs %.0f/s, resent %llu, refused %llu, build %s",
		      node->reads_per_s, node->writes_per_s, (unsigned long long)node->retransmits,
		      (unsigned long long)node->packets_refused, node->build);
	screen_text(screen, row + 1, 0, STYLE_DIM, "pages/s");
	screen_format(screen, row + 1, 10 + HISTORY_WIDTH, STYLE_DIM, "max %.0f",
		      draw_history(screen, row + 1, 9, HISTORY_WIDTH, &node->traffic));
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	static const struct table table = { columns, cell, NULL, "no nodes are configured" };
	struct area rows = { area.row, area.height - DETAIL_ROWS };

	(void)now_ns;
	table_draw(ui, VIEW_NODES, &table, model, screen, rows);
	draw_selected(ui, model, screen, area.row + rows.height + 1);
}

static int count(const struct ui *ui, const struct model *model)
{
	return view_rack.count(ui, model);
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	return view_rack.matches(ui, model, row, filter) || text_has(model->nodes[row].ip, filter);
}

const struct view_type view_nodes = {
	.name = "Nodes", .keys = "d describe|c counters|r refusals", .command = "node list",
	.count = count, .matches = matches, .draw = draw,
};
