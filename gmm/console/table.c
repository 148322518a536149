// SPDX-License-Identifier: GPL-2.0-only
/* Rows: filtered, selected, drawn as a table. And other pieces that views share. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"

#define PAGE_BYTES 4096.0

const char *pages_text(uint64_t pages, char text[UNITS_BYTES])
{
	return units_size((double)pages * PAGE_BYTES, text);
}

const char *share_text(double share, char text[UNITS_BYTES])
{
	if (share < 0)
		snprintf(text, UNITS_BYTES, "-");
	else
		snprintf(text, UNITS_BYTES, share < 0.1 ? "%.1f%%" : "%.0f%%", share * 100);
	return text;
}

double share_of(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

enum style state_style(const char *state)
{
	static const struct {
		const char *state;
		enum style style;
	} styles[] = {
		{ "up", STYLE_GOOD }, { "running", STYLE_GOOD }, { "succeeded", STYLE_GOOD },
		{ "down", STYLE_BAD }, { "failed", STYLE_BAD }, { "lost", STYLE_BAD }, { "unreachable", STYLE_BAD },
		{ "draining", STYLE_WARN }, { "cordoned", STYLE_WARN },
		{ "paused", STYLE_WARN }, { "creating", STYLE_WARN }, { "loading", STYLE_WARN }, { "expected", STYLE_WARN },
		{ "absent", STYLE_DIM }, { "stopped", STYLE_DIM }, { "powered-off", STYLE_DIM }, { "created", STYLE_DIM },
	};

	for (unsigned i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (strcmp(state, styles[i].state) == 0)
			return styles[i].style;
	return STYLE_NORMAL;
}

const char *node_word(const struct model_node *node)
{
	return node->life[0] && strcmp(node->state, "up") == 0 ? node->life : node->state;
}

const char *age_text(double age_s, char text[UNITS_BYTES])
{
	size_t len = 0;

	if (age_s < 0)
		return "never";
	units_ago(age_s, text);
	for (size_t i = 0; text[i]; i++)
		if (text[i] != ' ')
			text[len++] = text[i];
	text[len] = '\0';
	return text;
}

double draw_history(struct screen *screen, int row, int column, int width, const struct history *history)
{
	int shown = history->count < width ? history->count : width;
	const double *values = history->values + history->count - shown;
	double most = 0;

	for (int i = 0; i < shown; i++)
		most = values[i] > most ? values[i] : most;
	for (int i = 0; i < shown; i++)
		screen_put(screen, row, column + width - shown + i, STYLE_FILL,
			   screen_height(screen, most > 0 ? values[i] / most : 0));
	return most;
}

/* ---------------------------------------------------------------- rows */

bool text_has(const char *text, const char *filter)
{
	size_t len = strlen(filter);

	for (; strlen(text) >= len; text++) {
		size_t i = 0;

		while (i < len && tolower((unsigned char)text[i]) == tolower((unsigned char)filter[i]))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

int view_rows(const struct ui *ui, const struct model *model, enum view view, int rows[UI_ROWS_MAX])
{
	const struct view_type *type = view_type(view);
	int all = type->count ? type->count(ui, model) : 0, count = 0;

	for (int row = 0; row < all && count < UI_ROWS_MAX; row++)
		if (type->matches(ui, model, row, ui->filter[view]))
			rows[count++] = row;
	return count;
}

int view_selected(const struct ui *ui, const struct model *model, enum view view)
{
	int rows[UI_ROWS_MAX], count = view_rows(ui, model, view, rows);

	return ui->selected[view] < count ? rows[ui->selected[view]] : -1;
}

int view_top(struct ui *ui, enum view view, int count, int height)
{
	if (ui->selected[view] >= count)
		ui->selected[view] = count ? count - 1 : 0;
	ui->page_rows = height > 1 ? height - 1 : 1;
	/* Whole pages, so that rows stand still while the selection moves among them. */
	return height > 0 ? ui->selected[view] / height * height : 0;
}

/* ---------------------------------------------------------------- tables */

/* Widths on this screen, 0 for a column that is not shown. */
static int column_widths(const struct table *table, const struct screen *screen, int widths[TABLE_COLUMNS_MAX])
{
	int count = 0, used = 0, last = 0;

	memset(widths, 0, sizeof(*widths) * TABLE_COLUMNS_MAX);
	for (; table->columns[count].title && count < TABLE_COLUMNS_MAX; count++) {
		widths[count] = screen->width >= table->columns[count].from_width ? table->columns[count].width : 0;
		if (!widths[count])
			continue;
		used += (used > 0) + (widths[count] < 0 ? -widths[count] : widths[count]);
		last = count;
	}
	if (widths[last] > 0 && used < screen->width)
		widths[last] += screen->width - used;
	return count;
}

static void draw_row(const struct ui *ui, const struct table *table, const struct model *model, struct screen *screen, int at,
		     int row, const int widths[TABLE_COLUMNS_MAX], int count)
{
	char text[TABLE_CELL_BYTES];
	double filled, held;
	int column = 0;

	for (int i = 0; i < count; i++) {
		enum style style;

		if (!widths[i])
			continue;
		if (row >= 0 && i == count - 1 && table->bar && table->bar(model, row, &filled, &held)) {
			screen_bar(screen, at, column, widths[i], STYLE_FILL, filled, held);
			continue;
		}
		text[0] = '\0';
		style = row < 0 ? STYLE_TITLE : table->cell(ui, model, row, i, text);
		column = screen_field(screen, at, column, widths[i], style, row < 0 ? table->columns[i].title : text) + 1;
	}
}

void table_draw(struct ui *ui, enum view view, const struct table *table, const struct model *model, struct screen *screen,
		struct area area)
{
	int rows[UI_ROWS_MAX], count = view_rows(ui, model, view, rows), widths[TABLE_COLUMNS_MAX], top;
	int columns = column_widths(table, screen, widths), height = area.height - 1;

	draw_row(ui, table, model, screen, area.row, -1, widths, columns);
	top = view_top(ui, view, count, height);
	for (int i = 0; i < height && top + i < count; i++) {
		draw_row(ui, table, model, screen, area.row + 1 + i, rows[top + i], widths, columns);
		if (top + i == ui->selected[view])
			screen_restyle(screen, area.row + 1 + i, 0, screen->width, STYLE_SELECTED);
	}
	if (count == 0)
		screen_text(screen, area.row + 1, 0, STYLE_DIM, ui->filter[view][0] ? "nothing passes the filter; Esc clears it" :
			    table->empty);
}

/* ---------------------------------------------------------------- pages of text */

static int line_count(const char *text, size_t len)
{
	int lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n' || i + 1 == len;
	return lines;
}

static void draw_line(struct screen *screen, int row, const char *text, size_t len, int left)
{
	char line[SCREEN_WIDTH_MAX * 4 + 1];
	size_t to = 0;

	for (size_t i = 0; i < len && to + 8 < sizeof(line); i++) {
		/* Tables of commands are made of spaces; counters may hold tabs. */
		for (int pad = text[i] == '\t' ? 8 - (int)(to % 8) : 0; pad > 0; pad--)
			line[to++] = ' ';
		if (text[i] != '\t' && text[i] != '\r')
			line[to++] = text[i];
	}
	line[to] = '\0';
	screen_field(screen, row, 0, screen->width, STYLE_NORMAL, (size_t)left < to ? line + left : "");
}

int draw_pages(struct screen *screen, struct area area, const char *text, size_t len, int top, int left)
{
	int lines = line_count(text, len), row = 0;

	if (top > lines - area.height)
		top = lines > area.height ? lines - area.height : 0;
	for (size_t start = 0; start < len && row < top + area.height; row++) {
		const char *end = memchr(text + start, '\n', len - start);
		size_t line_len = end ? (size_t)(end - text) - start : len - start;

		if (row >= top)
			draw_line(screen, area.row + row - top, text + start, line_len, left);
		start += line_len + 1;
	}
	return top;
}
