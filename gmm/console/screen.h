/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A screen of cells. Views draw here, knowing nothing of a terminal; curses.c copies the cells to one, tests compare
 * them with text.
 *
 * Every character goes through screen_put(), which lets only characters through that take one column and do nothing else.
 * So no text from the wire, whatever it holds, can reach the operator's terminal as a control sequence.
 */
#ifndef PLENUM_GMM_CONSOLE_SCREEN_H
#define PLENUM_GMM_CONSOLE_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#define SCREEN_WIDTH_MAX 400		/* columns; a larger terminal is used in part */
#define SCREEN_HEIGHT_MAX 160

/* What a cell means; curses.c says how each looks with and without colours. */
enum style {
	STYLE_NORMAL,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_TITLE,			/* column titles, names of sections */
	STYLE_HEADER,			/* the first line */
	STYLE_TAB,			/* the view that is shown */
	STYLE_KEY,			/* a key in the footer */
	STYLE_SELECTED,
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_FILL,			/* bars: what holds data */
	STYLE_HELD,			/* bars: what is promised, but empty */
	STYLE_REST,			/* bars: what is free */
	STYLE_COUNT,
};

/* Of a guest's terminal only; 0 elsewhere. */
enum mark { MARK_BOLD = 1, MARK_UNDERLINE = 2, MARK_REVERSE = 4 };

struct cell {
	uint32_t character;		/* Unicode, one column wide */
	uint8_t style;			/* enum style */
	uint8_t marks;			/* enum mark */
	uint8_t foreground;		/* guest's terminal: 0 as by default, else 1 + ANSI colour (0 to 7) */
	uint8_t background;
};

struct screen {
	int width, height;		/* columns, rows */
	bool unicode;			/* false: ASCII only */
	int cursor_row, cursor_column;	/* row -1: no cursor */
	struct cell cells[SCREEN_HEIGHT_MAX][SCREEN_WIDTH_MAX];
};

/* Characters that have a form in ASCII. */
enum glyph {
	GLYPH_HORIZONTAL, GLYPH_VERTICAL, GLYPH_TOP_LEFT, GLYPH_TOP_RIGHT, GLYPH_BOTTOM_LEFT, GLYPH_BOTTOM_RIGHT,
	GLYPH_FULL, GLYPH_HALF, GLYPH_EMPTY, GLYPH_CUT,
};

/* All blank. Sizes are cut to 1..SCREEN_WIDTH_MAX and 1..SCREEN_HEIGHT_MAX. */
void screen_clear(struct screen *screen, int width, int height, bool unicode);
/* Anything outside the screen is dropped; a character that is not for a terminal becomes '?'. */
void screen_put(struct screen *screen, int row, int column, enum style style, uint32_t character);
void screen_glyph(struct screen *screen, int row, int column, enum style style, enum glyph glyph);
/* These return the column behind the text. UTF-8; control characters become '?'. */
int screen_text(struct screen *screen, int row, int column, enum style style, const char *text);
__attribute__((format(printf, 5, 6)))
int screen_format(struct screen *screen, int row, int column, enum style style, const char *format, ...);
/* In exactly `width` columns, padded; what does not fit is cut, with a mark. A negative width: flush right. */
int screen_field(struct screen *screen, int row, int column, int width, enum style style, const char *text);
void screen_fill_row(struct screen *screen, int row, enum style style);
/* Give a run of cells a style, whatever they show. */
void screen_restyle(struct screen *screen, int row, int column, int width, enum style style);
void screen_box(struct screen *screen, int row, int column, int width, int height, enum style style);
/* filled and held are shares of the whole, 0 to 1; held includes filled. What is not 0 shows, however little it is. */
void screen_bar(struct screen *screen, int row, int column, int width, enum style style, double filled, double held);
/* The character for a share, 0 to 1: an eighth of a block, or a digit 0 to 9. */
uint32_t screen_level(const struct screen *screen, double share);
/* For many beside each other, as a curve: an eighth of a block, or a character that is more or less dark. */
uint32_t screen_height(const struct screen *screen, double share);

#endif
