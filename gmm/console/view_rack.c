// SPDX-License-Identifier: GPL-2.0-only
/* Every node as a box; as a line when there are too many for boxes. */
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"
#include "gmm/core/text.h"

#define BOX_WIDTH 20
#define BOX_HEIGHT 5
#define LINE_WIDTH 40

/* Memory: pages with content; process: lines in use. */
static uint64_t in_use(const struct model_node *node)
{
	return node->memory ? node->pages_written : node->pages_stored;
}

static const char *why_not(const char *state)
{
	return strcmp(state, "down") == 0 ? "does not answer" : strcmp(state, "expected") == 0 ? "not yet again" : "has not joined";
}

static void draw_fill(const struct model_node *node, struct screen *screen, int row, int column, int width, bool selected)
{
	char share[64];
	double reserved = share_of(node->pages_reserved, node->pages_capacity);

	if (strcmp(node->state, "up")) {
		screen_field(screen, row, column, width, STYLE_DIM, why_not(node->state));
		return;
	}
	screen_bar(screen, row, column, width - 5, STYLE_FILL, share_of(in_use(node), node->pages_capacity), reserved);
	screen_field(screen, row, column + width - 5, -5, selected ? STYLE_SELECTED : STYLE_NORMAL, share_text(reserved, share));
}

static void draw_box(const struct model_node *node, struct screen *screen, int row, int column, bool selected)
{
	const char *word = node_word(node);
	enum style style = selected ? STYLE_HEADER : state_style(word) == STYLE_GOOD ? STYLE_NORMAL : state_style(word);
	char capacity[64], load[80];
	int inside = column + 2, width = BOX_WIDTH - 5;

	screen_box(screen, row, column, BOX_WIDTH - 1, BOX_HEIGHT, style);
	screen_format(screen, row, inside, selected ? STYLE_SELECTED : STYLE_BOLD, " %.*s ", width - 2, node->name);
	screen_field(screen, row + 1, inside, width, state_style(node->state), node->state);
	if (strcmp(word, "up") == 0)
		screen_field(screen, row + 1, inside + 4, -(width - 4), STYLE_NORMAL,
			     pages_text(node->pages_capacity, capacity));
	else if (word != node->state)
		screen_field(screen, row + 1, inside + 4, -(width - 4), state_style(word), word);
	draw_fill(node, screen, row + 2, inside, width, false);
	if (node->memory)
		snprintf(load, sizeof(load), "%llu region%s", (unsigned long long)node->regions, text_plural(node->regions, "", "s"));
	else
		snprintf(load, sizeof(load), "%llu VM%s", (unsigned long long)node->vms, text_plural(node->vms, "", "s"));
	screen_field(screen, row + 3, inside, width, STYLE_NORMAL, load);
}

static void draw_short(const struct model_node *node, struct screen *screen, int row, int column, bool selected)
{
	enum style style = selected ? STYLE_SELECTED : STYLE_NORMAL;

	screen_field(screen, row, column, 11, style, node->name);
	screen_field(screen, row, column + 11, 9, selected ? STYLE_SELECTED : state_style(node_word(node)), node_word(node));
	if (strcmp(node->state, "up") == 0)
		draw_fill(node, screen, row, column + 20, LINE_WIDTH - 22, selected);
}

/* ---------------------------------------------------------------- layout */

/* How the nodes are laid out: each role has a title and then rows of boxes, or of lines. */
struct layout {
	const int *rows;		/* nodes, as of view_rows() */
	int count;
	int width, height;		/* of one node */
	int across;			/* nodes beside each other */
	int top;			/* lines that are out of sight above */
};

static int role_count(const struct model *model, const struct layout *layout, bool memory)
{
	int of_role = 0;

	for (int i = 0; i < layout->count; i++)
		of_role += model->nodes[layout->rows[i]].memory == memory;
	return of_role;
}

static int role_height(const struct model *model, const struct layout *layout, bool memory)
{
	int of_role = role_count(model, layout, memory);

	return of_role ? 1 + (of_role + layout->across - 1) / layout->across * layout->height : 0;
}

/* Line and column of a node, counted from the first line of the layout. */
static void place_of(const struct model *model, const struct layout *layout, int at, int *line, int *column)
{
	bool memory = model->nodes[layout->rows[at]].memory;
	int before = 0;

	for (int i = 0; i < at; i++)
		before += model->nodes[layout->rows[i]].memory == memory;
	*line = (memory ? role_height(model, layout, false) : 0) + 1 + before / layout->across * layout->height;
	*column = before % layout->across * layout->width;
}

static void choose_layout(struct ui *ui, const struct model *model, const struct screen *screen, struct area area,
			  struct layout *layout)
{
	int line, column;

	layout->width = BOX_WIDTH;
	layout->height = BOX_HEIGHT;
	layout->across = screen->width / BOX_WIDTH;
	if (role_height(model, layout, false) + role_height(model, layout, true) > area.height) {
		layout->width = LINE_WIDTH;
		layout->height = 1;
		layout->across = screen->width / LINE_WIDTH;
	}
	ui->across = layout->across;
	layout->top = 0;
	if (!layout->count)
		return;
	place_of(model, layout, ui->selected[VIEW_RACK], &line, &column);
	if (line + layout->height > area.height)
		layout->top = line + layout->height - area.height;
}

static void draw_title(const struct model *model, struct screen *screen, struct area area, const struct layout *layout,
		       bool memory)
{
	int line = memory ? role_height(model, layout, false) : 0;

	if (role_count(model, layout, memory) && line >= layout->top && line - layout->top < area.height)
		screen_text(screen, area.row + line - layout->top, 0, STYLE_TITLE,
			    memory ? "memory components" : "process components");
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	int rows[UI_ROWS_MAX];
	struct layout layout = { .rows = rows, .count = view_rows(ui, model, VIEW_RACK, rows) };

	(void)now_ns;
	view_top(ui, VIEW_RACK, layout.count, area.height);
	choose_layout(ui, model, screen, area, &layout);
	draw_title(model, screen, area, &layout, false);
	draw_title(model, screen, area, &layout, true);
	for (int i = 0; i < layout.count; i++) {
		int line, column;

		place_of(model, &layout, i, &line, &column);
		line -= layout.top;
		if (line >= 0 && line + layout.height <= area.height)
			(layout.height > 1 ? draw_box : draw_short)(&model->nodes[rows[i]], screen, area.row + line, column,
								    i == ui->selected[VIEW_RACK]);
	}
	if (layout.count == 0)
		screen_text(screen, area.row, 0, STYLE_DIM, ui->filter[VIEW_RACK][0] ? "nothing passes the filter; Esc clears it" :
			    "no nodes are configured");
}

static int count_nodes(const struct ui *ui, const struct model *model)
{
	(void)ui;
	return model->node_count;
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	const struct model_node *node = &model->nodes[row];

	(void)ui;
	return text_has(node->name, filter) || text_has(node->state, filter) || text_has(node_word(node), filter) ||
	       text_has(node->memory ? "memory" : "process", filter);
}

const struct view_type view_rack = {
	.name = "Rack", .keys = "d describe|c counters|r refusals", .command = "status",
	.count = count_nodes, .matches = matches, .draw = draw,
};
