// SPDX-License-Identifier: GPL-2.0-only
/* What happened, the newest first. */
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"

static const struct table_column columns[] = {
	{ "TIME", 12, 0 }, { "KIND", 8, 0 }, { "OBJECT", 12, 0 }, { "WHAT", 20, 0 }, { NULL, 0, 0 },
};
enum { TIME, KIND, OBJECT, WHAT };

/* Events that came after the pause are not among the rows. */
static uint64_t hidden(const struct ui *ui, const struct model *model)
{
	return ui->paused && model->event_count > ui->paused_at ? model->event_count - ui->paused_at : 0;
}

static const struct model_event *event_of(const struct ui *ui, const struct model *model, int row)
{
	return model_event(model, (uint64_t)row + hidden(ui, model));
}

static enum style kind_style(const char *kind)
{
	return strcmp(kind, "warning") == 0 ? STYLE_WARN : strcmp(kind, "refused") == 0 ? STYLE_BAD : STYLE_NORMAL;
}

static enum style cell(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES])
{
	const struct model_event *event = event_of(ui, model, row);
	const char *clock = strchr(event->time, 'T');

	switch (column) {
	case TIME: snprintf(text, TABLE_CELL_BYTES, "%.12s", clock ? clock + 1 : event->time); return STYLE_DIM;
	case KIND: snprintf(text, TABLE_CELL_BYTES, "%s", event->kind); return kind_style(event->kind);
	case OBJECT: snprintf(text, TABLE_CELL_BYTES, "%s", event->object); return STYLE_BOLD;
	case WHAT: snprintf(text, TABLE_CELL_BYTES, "%s", event->text); break;
	}
	return STYLE_NORMAL;
}

static void draw(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns)
{
	static const struct table table = { columns, cell, NULL, "nothing happened yet" };
	struct area rows = { area.row, area.height - 2 };
	int at;

	(void)now_ns;
	table_draw(ui, VIEW_EVENTS, &table, model, screen, rows);
	at = view_selected(ui, model, VIEW_EVENTS);
	if (at >= 0)
		screen_text(screen, area.row + area.height - 1, 0, STYLE_DIM, event_of(ui, model, at)->text);
	if (ui->paused)
		screen_format(screen, area.row, screen->width - 26, STYLE_WARN, "paused; %llu newer ones",
			      (unsigned long long)hidden(ui, model));
}

static int count(const struct ui *ui, const struct model *model)
{
	uint64_t kept = model->event_count < MODEL_EVENTS_MAX ? model->event_count : MODEL_EVENTS_MAX;

	return kept > hidden(ui, model) ? (int)(kept - hidden(ui, model)) : 0;
}

static bool matches(const struct ui *ui, const struct model *model, int row, const char *filter)
{
	const struct model_event *event = event_of(ui, model, row);

	return text_has(event->kind, filter) || text_has(event->object, filter) || text_has(event->text, filter);
}

const struct view_type view_events = {
	.name = "Events", .keys = "p pause", .command = "events --follow",
	.count = count, .matches = matches, .draw = draw,
};
