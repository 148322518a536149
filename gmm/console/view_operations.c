// SPDX-License-Identifier: GPL-2.0-only
/* gmmd's operations, then the commands of this console. */
#include <stdio.h>

#include "gmm/console/views.h"

static const struct table_column columns[] = {
	{ "ID", 6, 0 }, { "KIND", 13, 0 }, { "OBJECT", 12, 0 }, { "STATUS", 9, 0 }, { "DONE", -4, 0 }, { "", 31, 0 },
	{ NULL, 0, 0 },
};
enum { ID, KIND, OBJECT, STATUS, SHARE, NOTE };

static enum style cell(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES])
{
	const struct model_operation *operation = &model->operations[row];

	(void)ui;
	switch (column) {
	case ID: snprintf(text, TABLE_CELL_BYTES, "%s", operation->id); return STYLE_BOLD;
	case KIND: snprintf(text, TABLE_CELL_BYTES, "%s", operation->kind); break;
	case OBJECT: snprintf(text, TABLE_CELL_BYTES, "%s", operation->object); break;
	case STATUS: snprintf(text, TABLE_CELL_BYTES, "%s", operation->status); return state_style(operation->status);
	case SHARE:
		if (operation->share >= 0)
			snprintf(text, TABLE_CELL_BYTES, "%.0f%%", operation->share * 100);
		break;
	case NOTE: snprintf(text, TABLE_CELL_BYTES, "%s", operation->note); break;
	}
	return STYLE_NORMAL;
}

static bool bar(const struct model *model, int row, double *filled, double *held)
{
	*filled = *held = model->operations[row].share;
	return *filled >= 0;
}

static void draw_runs(const struct ui *ui, struct screen *screen, struct area area, uint64_t now_ns)
{
	screen_text(screen, area.row, 0, STYLE_TITLE, "commands of this console, the newest first");
	for (int i = 0; i < area.height - 1 && i < (int)ui->run_count && i < UI_RUNS_MAX; i++) {
		const struct ui_run *run = &ui->runs[(ui->run_count - 1 - (unsigned)i) % UI_RUNS_MAX];
		uint64_t end_ns = run->over ? run->ended_ns : now_ns;
		enum style style = !run->over ? STYLE_WARN : run->status ? STYLE_BAD : STYLE_GOOD;
		char state[40];

		snprintf(state, sizeof(state), !run->over ? "running" : run->status ? "exit %d" : "done", run->status);
		screen_field(screen, area.row + 1 + i, 0, 10, style, state);
		screen_format(screen, area.row + 1 + i, 11, STYLE_NORMAL, "%6.1f s  gmm %s",
			      (double)(end_ns - run->started_ns) / 1e9, run->words);
	}
	if (!ui->run_count)
		screen_text(screen, area.row + 1, 0, STYLE_DIM, "none yet");
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	static const struct table table = { columns, cell, bar, "nothing was under way yet" };
	struct area above = { area.row, area.height / 2 }, below = { area.row + above.height, area.height - above.height };

	if (model->operations_listed) {
		table_draw(ui, VIEW_OPERATIONS, &table, model, screen, above);
	} else {
		screen_text(screen, area.row, 0, STYLE_DIM, "this gmmd does not list its operations");
		below = (struct area){ area.row + 2, area.height - 2 };
	}
	draw_runs(ui, screen, below, now_ns);
}

static int count(const struct ui *ui, const struct model *model)
{
	(void)ui;
	return model->operation_count;
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	const struct model_operation *operation = &model->operations[row];

	(void)ui;
	return text_has(operation->id, filter) || text_has(operation->kind, filter) || text_has(operation->object, filter) ||
	       text_has(operation->status, filter);
}

const struct view_type view_operations = {
	.name = "Operations", .keys = "Enter last command's output", .command = "operation list",
	.count = count, .matches = matches, .draw = draw,
};
