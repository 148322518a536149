// SPDX-License-Identifier: GPL-2.0-only
/* What is around the views: header, footer, what is being typed. */
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"
#include "gmm/core/text.h"

#define SAID_ROWS_MAX 4			/* of what is told to the operator; the rest is cut */

const struct view_type *view_type(enum view view)
{
	static const struct view_type *const types[VIEW_COUNT] = {
		&view_rack, &view_nodes, &view_memory, &view_vms, &view_operations, &view_events, &view_console,
	};

	return types[view];
}

/* ---------------------------------------------------------------- header */

static void draw_health(const struct model *model, struct screen *screen, int column)
{
	static const struct {
		const char *word;
		enum style style;
	} healths[] = {
		[HEALTH_UNKNOWN] = { "?", STYLE_DIM }, [HEALTH_OK] = { "OK", STYLE_GOOD },
		[HEALTH_WARN] = { "WARN", STYLE_WARN }, [HEALTH_ERROR] = { "ERROR", STYLE_BAD },
	};
	enum style style = healths[model->health].style;

	column = screen_text(screen, 0, column, style, healths[model->health].word) + 1;
	screen_field(screen, 0, column, screen->width - column, style, model->health_text);
}

/* One character a node: how full it is, or what is wrong with it. */
static int draw_map(const struct model *model, struct screen *screen, int row, int column, bool memory)
{
	for (int i = 0; i < model->node_count; i++) {
		const struct model_node *node = &model->nodes[i];
		double share = share_of(node->pages_reserved, node->pages_capacity);

		if (node->memory != memory)
			continue;
		if (strcmp(node->state, "up") == 0)
			screen_put(screen, row, column++, STYLE_FILL, screen_level(screen, share));
		else
			screen_put(screen, row, column++, state_style(node->state), strcmp(node->state, "down") ? '-' : '!');
	}
	return column;
}

static void draw_sums(const struct model *model, struct screen *screen, int column)
{
	struct model_sums sums = model_sums(model);
	char reserved[UNITS_BYTES], capacity[UNITS_BYTES], given[UNITS_BYTES], lines[UNITS_BYTES];

	screen_format(screen, 1, column, STYLE_NORMAL, "memory %s of %s  cache %s of %s  VMs %d of %d run",
		      share_text(share_of(sums.pages_reserved, sums.pages_capacity), reserved),
		      pages_text(sums.pages_capacity, capacity), share_text(share_of(sums.lines_given, sums.lines_capacity), given),
		      pages_text(sums.lines_capacity, lines), sums.running_vms, model->vm_count);
}

static void draw_header(const struct ui *ui, const struct model *model, struct screen *screen, uint64_t now_ns)
{
	char left[2 * MODEL_WORD_BYTES], age[UNITS_BYTES];
	int column;

	snprintf(left, sizeof(left), " Plenum  %s%s ", model->known ? model->manager : "", ui->readonly ? "  read only" : "");
	screen_fill_row(screen, 0, STYLE_HEADER);
	column = screen_text(screen, 0, 0, STYLE_HEADER, left);
	if (model->connected && model->known) {
		column = screen_format(screen, 0, column, STYLE_HEADER, " %d of %d node%s up ", (int)model->nodes_up,
				       model->node_count, text_plural((uint64_t)model->node_count, "", "s"));
		if (model->machines_pending)
			column = screen_format(screen, 0, column, STYLE_HEADER, "%d pending ", (int)model->machines_pending);
		column++;
		draw_health(model, screen, column);
	} else if (model->known) {
		snprintf(age, sizeof(age), "%.0f s", (double)(now_ns - model->taken_ns) / 1e9);
		screen_format(screen, 0, column + 1, STYLE_BAD, "NO gmmd: this is %s old (%s)", age, model->trouble);
	} else {
		screen_format(screen, 0, column + 1, STYLE_BAD, "%s%s", model->trouble[0] ? "NO gmmd: " : "connecting ...",
			      model->trouble);
	}
	if (!model->known)
		return;
	column = draw_map(model, screen, 1, screen_text(screen, 1, 1, STYLE_DIM, "p "), false);
	column = draw_map(model, screen, 1, screen_text(screen, 1, column + 1, STYLE_DIM, "m "), true);
	draw_sums(model, screen, column + 2);
}

static void draw_tabs(const struct ui *ui, const struct model *model, struct screen *screen)
{
	int column = 1;

	for (int view = 0; view < VIEW_COUNT; view++) {
		enum style style = view == (int)ui->view ? STYLE_TAB : STYLE_NORMAL;

		column = screen_format(screen, 2, column, view == (int)ui->view ? STYLE_TAB : STYLE_KEY, " %d", view + 1);
		column = screen_format(screen, 2, column, style, " %s ", view_type((enum view)view)->name);
	}
	if (model->left_out)
		screen_format(screen, 2, column, STYLE_WARN, " +%u", model->left_out);
}

/* ---------------------------------------------------------------- footer */

/* "d describe  s start": the first word of each pair is a key. */
static int draw_keys(struct screen *screen, int row, int column, const char *keys)
{
	while (*keys && column < screen->width) {
		size_t key = strcspn(keys, " "), whole = key + strcspn(keys + key, "|");

		column = screen_format(screen, row, column, STYLE_KEY, "%.*s", (int)key, keys);
		column = screen_format(screen, row, column, STYLE_NORMAL, "%.*s  ", (int)(whole - key), keys + key);
		keys += whole + (keys[whole] == '|');
	}
	return column;
}

static void draw_entry(const struct ui *ui, struct screen *screen, int row, const char *prompt)
{
	int column = screen_text(screen, row, 0, STYLE_BOLD, prompt);
	size_t len = strlen(ui->entry), room = screen->width > column + 1 ? (size_t)(screen->width - column - 1) : 0;

	column = screen_text(screen, row, column, STYLE_NORMAL, ui->entry + (len > room ? len - room : 0));
	screen->cursor_row = row;
	screen->cursor_column = column;
}

/* As many rows as the text takes, broken between words, the last of them `row`; what is behind it is covered. */
static void draw_said(struct screen *screen, int row, enum style style, const char *text)
{
	const char *lines[SAID_ROWS_MAX];
	int lens[SAID_ROWS_MAX], count = 0;

	while (*text && count < SAID_ROWS_MAX) {
		int len = (int)strcspn(text, "\n"), whole = len;

		if (len > screen->width) {
			for (len = screen->width; len > 0 && text[len] != ' '; len--)
				;
			len = len ? len : screen->width;
		}
		lines[count] = text;
		lens[count++] = len;
		text += len;
		text += len == whole ? *text == '\n' : *text == ' ';
	}
	for (int i = 0; i < count; i++) {
		screen_fill_row(screen, row - count + 1 + i, STYLE_NORMAL);
		screen_format(screen, row - count + 1 + i, 0, style, "%.*s", lens[i], lines[i]);
	}
}

static void draw_line_above(const struct ui *ui, struct screen *screen, int row)
{
	const struct ui_run *last = ui_last_run(ui);
	const char *words = ui->mode == MODE_OUTPUT && last ? last->words : view_type(ui->view)->command;
	char prompt[2 * COMMAND_BYTES + 80];
	int column;

	switch (ui->mode) {
	case MODE_COMMAND: draw_entry(ui, screen, row, ":"); return;
	case MODE_FILTER: draw_entry(ui, screen, row, "/"); return;
	case MODE_CHECK:
		screen_format(screen, row, 0, STYLE_DIM, "gmm %s: asking what it would do ...", ui->pending);
		return;
	case MODE_CONFIRM:
		draw_said(screen, row - 1, STYLE_BOLD, ui->would);
		screen_format(screen, row, 0, STYLE_WARN, "gmm %s: really? (y or n)", ui->pending);
		return;
	case MODE_CONFIRM_NAME:
		draw_said(screen, row - 1, STYLE_BOLD, ui->would);
		snprintf(prompt, sizeof(prompt), "gmm %s: type %s to do it: ", ui->pending, ui->name);
		draw_entry(ui, screen, row, prompt);
		return;
	default: break;
	}
	if (ui->message[0]) {
		draw_said(screen, row, ui->message_bad ? STYLE_BAD : STYLE_BOLD, ui->message);
		return;
	}
	if (ui->view == VIEW_CONSOLE && ui->console_vm[0])
		column = screen_format(screen, row, 0, STYLE_DIM, "$ gmm vm console %s --history", ui->console_vm);
	else
		column = screen_format(screen, row, 0, STYLE_DIM, "$ gmm %s", words);
	if (ui->mode == MODE_VIEW && ui->filter[ui->view][0])
		screen_format(screen, row, column + 3, STYLE_WARN, "filter: %s", ui->filter[ui->view]);
}

static void draw_footer(const struct ui *ui, struct screen *screen)
{
	const char *general = view_type(ui->view)->count ? "/ filter|: command|? help|q quit" : ": command|? help|q quit";
	int row = screen->height - 1, column;

	draw_line_above(ui, screen, row - 1);
	switch (ui->mode) {
	case MODE_COMMAND: draw_keys(screen, row, 0, "Enter run|Esc back|Ctrl-U clear"); return;
	case MODE_FILTER: draw_keys(screen, row, 0, "Enter keep|Esc clear"); return;
	case MODE_CHECK: draw_keys(screen, row, 0, "Esc back"); return;
	case MODE_CONFIRM: draw_keys(screen, row, 0, "y yes|n no"); return;
	case MODE_CONFIRM_NAME: draw_keys(screen, row, 0, "Enter do it|Esc back"); return;
	case MODE_HELP: draw_keys(screen, row, 0, "Esc back|Up,Down,PgUp,PgDn move"); return;
	case MODE_OUTPUT:
		draw_keys(screen, row, 0, ui->view == VIEW_VMS ? "Esc back|Arrows,PgUp,PgDn move|c console|: command|? help" :
			  "Esc back|Arrows,PgUp,PgDn move|: command|? help");
		return;
	case MODE_VIEW: break;
	}
	if (ui->view == VIEW_CONSOLE && ui->console_attached) {
		column = draw_keys(screen, row, 0, "Ctrl-] back");
		screen_text(screen, row, column, STYLE_DIM, ui->readonly ? "nothing is typed at the guest (--readonly)" :
			    "all other keys go to the guest");
		return;
	}
	column = draw_keys(screen, row, 0, view_type(ui->view)->keys);
	/* Each key comes with a space more between it and the next than it has here. */
	draw_keys(screen, row, column, column + (int)strlen(general) + 4 <= screen->width ? general : "? help");
}

/* ---------------------------------------------------------------- all of it */

void ui_draw(struct ui *ui, const struct model *model, struct screen *screen, uint64_t now_ns)
{
	struct area area = { UI_HEADER_ROWS, screen->height - UI_HEADER_ROWS - UI_FOOTER_ROWS };
	enum mode what = ui->mode == MODE_HELP || ui->mode == MODE_OUTPUT ? ui->mode : ui->mode_below;

	if (screen->height < UI_HEIGHT_MIN || screen->width < UI_WIDTH_MIN) {
		screen_format(screen, 0, 0, STYLE_BAD, "too small: %dx%d is needed", UI_WIDTH_MIN, UI_HEIGHT_MIN);
		return;
	}
	if (what == MODE_HELP)
		draw_help(ui, screen, area);
	else if (what == MODE_OUTPUT)
		draw_output(ui, screen, area, now_ns);
	else if (model->known || ui->view == VIEW_CONSOLE)
		view_type(ui->view)->draw(ui, model, screen, area, now_ns);
	if (what == MODE_VIEW && ui->view != VIEW_CONSOLE && !model->connected)
		for (int row = area.row; row < area.row + area.height; row++)
			screen_restyle(screen, row, 0, screen->width, STYLE_DIM);
	draw_header(ui, model, screen, now_ns);
	draw_tabs(ui, model, screen);
	draw_footer(ui, screen);
}
