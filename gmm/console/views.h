/* SPDX-License-Identifier: GPL-2.0-only */
/* What each view is made of, and what they share. */
#ifndef PLENUM_GMM_CONSOLE_VIEWS_H
#define PLENUM_GMM_CONSOLE_VIEWS_H

#include "gmm/console/ui.h"
#include "gmm/units.h"

#define UI_HEADER_ROWS 3
#define UI_FOOTER_ROWS 2
#define HISTORY_WIDTH 58		/* so that its largest value fits behind it on 80 columns */

/* Rows of the screen that a view may use; its columns are all of the screen's. */
struct area {
	int row, height;
};

struct view_type {
	const char *name;
	const char *keys;		/* for the footer: "d describe  s start" */
	const char *command;		/* of gmm, that shows the same */
	/* A view with rows that can be selected and filtered; else NULL: */
	int (*count)(const struct ui *ui, const struct model *model);
	bool (*matches)(const struct ui *ui, const struct model *model, int row, const char *filter);	/* "" too */
	void (*draw)(struct ui *ui, const struct model *model, struct screen *screen, struct area area, uint64_t now_ns);
};

extern const struct view_type view_rack, view_nodes, view_memory, view_vms, view_operations, view_events, view_console;
const struct view_type *view_type(enum view view);

/* The rows that pass the view's filter; how many. */
int view_rows(const struct ui *ui, const struct model *model, enum view view, int rows[UI_ROWS_MAX]);
/* The selected one of them; -1: there is none. */
int view_selected(const struct ui *ui, const struct model *model, enum view view);
/* Is `filter` in the text? Letters in either case; an empty one is in every text. */
bool text_has(const char *text, const char *filter);
/* Selection within 0..count-1, and the first row to show so that `height` rows hold it. */
int view_top(struct ui *ui, enum view view, int count, int height);

/* ---------------------------------------------------------------- tables */

#define TABLE_COLUMNS_MAX 16
#define TABLE_CELL_BYTES MODEL_TEXT_BYTES

struct table_column {
	const char *title;
	int width;			/* negative: flush right; the last column that is shown takes what is left, if positive */
	int from_width;			/* shown on screens at least this wide */
};

struct table {
	const struct table_column *columns;	/* ends with title NULL */
	/* Text and style of one cell; `row` as in view_rows(). */
	enum style (*cell)(const struct ui *ui, const struct model *model, int row, int column, char text[TABLE_CELL_BYTES]);
	/* If not NULL, the last column is a bar; false: this row has none, but a cell. Shares as of screen_bar(). */
	bool (*bar)(const struct model *model, int row, double *filled, double *held);
	const char *empty;		/* said when there are no rows */
};
void table_draw(struct ui *ui, enum view view, const struct table *table, const struct model *model, struct screen *screen,
		struct area area);

/* ---------------------------------------------------------------- pieces */

enum style state_style(const char *state);
/* A node's state; of one that is up its life, where the operator made it another: cordoned, draining. */
const char *node_word(const struct model_node *node);
/* As units_ago(), without its spaces, for columns: 8 characters up to a day. "never" for a negative age. */
const char *age_text(double age_s, char text[UNITS_BYTES]);
/* Text that takes a page: help, output. Its first `left` characters are out of sight. Returns the first line shown, corrected. */
int draw_pages(struct screen *screen, struct area area, const char *text, size_t len, int top, int left);
void draw_help(struct ui *ui, struct screen *screen, struct area area);
void draw_output(struct ui *ui, struct screen *screen, struct area area, uint64_t now_ns);
/* Values as levels, scaled to the largest that is shown, which is returned; the newest at the right end. */
double draw_history(struct screen *screen, int row, int column, int width, const struct history *history);
/* In pages of 4096 bytes. */
const char *pages_text(uint64_t pages, char text[UNITS_BYTES]);
/* 0 of nothing. */
double share_of(uint64_t part, uint64_t whole);
/* "-" for a negative share, else percents. */
const char *share_text(double share, char text[UNITS_BYTES]);

#endif
