// SPDX-License-Identifier: GPL-2.0-only
#define NCURSES_WIDECHAR 1
#include <errno.h>
#include <curses.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/console/curses.h"
#include "gmm/console/ui.h"

#define ESCAPE_DELAY_MS 25		/* a key's sequence arrives at once; Esc alone should not feel slow */
#define GUEST_COLOURS 9			/* default and the eight */

static const struct look {
	short foreground, background;	/* -1: the terminal's own */
	attr_t with_colours, without;
} looks[STYLE_COUNT] = {
	[STYLE_NORMAL] = { -1, -1, A_NORMAL, A_NORMAL },
	[STYLE_DIM] = { -1, -1, A_DIM, A_DIM },
	[STYLE_BOLD] = { -1, -1, A_BOLD, A_BOLD },
	[STYLE_TITLE] = { -1, -1, A_BOLD | A_UNDERLINE, A_BOLD | A_UNDERLINE },
	[STYLE_HEADER] = { COLOR_CYAN, -1, A_BOLD, A_BOLD },
	[STYLE_TAB] = { COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE },
	[STYLE_KEY] = { COLOR_CYAN, -1, A_NORMAL, A_BOLD },
	[STYLE_SELECTED] = { COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE },
	[STYLE_GOOD] = { COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
	[STYLE_WARN] = { COLOR_YELLOW, -1, A_BOLD, A_BOLD },
	[STYLE_BAD] = { COLOR_RED, -1, A_BOLD, A_BOLD },
	[STYLE_FILL] = { COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
	[STYLE_HELD] = { COLOR_BLUE, -1, A_NORMAL, A_NORMAL },
	[STYLE_REST] = { -1, -1, A_DIM, A_DIM },
};

/* Pairs 1 to STYLE_COUNT are the styles'; then one for each two colours of a guest. */
static short guest_pair(int foreground, int background)
{
	int pair = 1 + STYLE_COUNT + foreground * GUEST_COLOURS + background;

	return foreground + background == 0 || pair >= COLOR_PAIRS ? 0 : (short)pair;
}

static void make_pairs(void)
{
	for (int style = 0; style < STYLE_COUNT; style++)
		init_pair((short)(1 + style), looks[style].foreground, looks[style].background);
	for (int foreground = 0; foreground < GUEST_COLOURS; foreground++)
		for (int background = 0; background < GUEST_COLOURS; background++)
			if (guest_pair(foreground, background))
				init_pair(guest_pair(foreground, background), (short)(foreground - 1), (short)(background - 1));
}

/* What today's terminals send, whatever TERM says: else PgDn would be Esc and a view's number where that is vt100. */
static void define_keys(void)
{
	static const struct {
		const char *sequence;
		int key;
	} more[] = {
		{ "\033[5~", KEY_PPAGE }, { "\033[6~", KEY_NPAGE }, { "\033[2~", KEY_IC }, { "\033[3~", KEY_DC },
		{ "\033[1~", KEY_HOME }, { "\033[4~", KEY_END }, { "\033[H", KEY_HOME }, { "\033[F", KEY_END },
		{ "\033OH", KEY_HOME }, { "\033OF", KEY_END },
		{ "\033[A", KEY_UP }, { "\033[B", KEY_DOWN }, { "\033[C", KEY_RIGHT }, { "\033[D", KEY_LEFT },
	};

	for (unsigned i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (key_defined(more[i].sequence) == 0)
			define_key(more[i].sequence, more[i].key);
}

int curses_begin(struct curses *curses)
{
	const char *no_colour = getenv("NO_COLOR");
	bool can;

	if (!newterm(NULL, stdout, stdin))
		return -ENOTSUP;
	can = has_colors() && start_color() == OK && COLORS >= 8 && use_default_colors() == OK;
	curses->colours = can && !(no_colour && no_colour[0]);
	/* Terminals that are old enough to lack colours lack the characters, too, whatever the locale says. */
	curses->unicode = can && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	if (curses->colours)
		make_pairs();
	raw();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	define_keys();
	set_escdelay(ESCAPE_DELAY_MS);
	return 0;
}

void curses_end(void)
{
	/* Terminals without a second screen keep what is shown. */
	erase();
	refresh();
	endwin();
}

void curses_size(int *width, int *height)
{
	getmaxyx(stdscr, *height, *width);
}

static void show_cell(const struct curses *curses, int row, int column, const struct cell *cell)
{
	const struct look *look = &looks[cell->style];
	attr_t attributes = curses->colours ? look->with_colours : look->without;
	short pair = curses->colours ? (short)(1 + cell->style) : 0;
	wchar_t text[2] = { (wchar_t)cell->character, 0 };
	cchar_t character;

	if (cell->marks || cell->foreground || cell->background) {
		attributes = (cell->marks & MARK_BOLD ? A_BOLD : 0) | (cell->marks & MARK_UNDERLINE ? A_UNDERLINE : 0) |
			     (cell->marks & MARK_REVERSE ? A_REVERSE : 0);
		pair = curses->colours ? guest_pair(cell->foreground, cell->background) : 0;
	}
	setcchar(&character, text, attributes, pair, NULL);
	mvadd_wch(row, column, &character);
}

void curses_show(const struct curses *curses, const struct screen *screen)
{
	erase();
	for (int row = 0; row < screen->height; row++)
		for (int column = 0; column < screen->width; column++)
			show_cell(curses, row, column, &screen->cells[row][column]);
	curs_set(screen->cursor_row >= 0);
	if (screen->cursor_row >= 0)
		move(screen->cursor_row, screen->cursor_column);
	refresh();
}

uint32_t curses_key(void)
{
	static const struct {
		wint_t curses;
		uint32_t ui;
	} keys[] = {
		{ KEY_UP, UI_KEY_UP }, { KEY_DOWN, UI_KEY_DOWN }, { KEY_LEFT, UI_KEY_LEFT }, { KEY_RIGHT, UI_KEY_RIGHT },
		{ KEY_HOME, UI_KEY_HOME }, { KEY_END, UI_KEY_END }, { KEY_PPAGE, UI_KEY_PAGE_UP }, { KEY_NPAGE, UI_KEY_PAGE_DOWN },
		{ KEY_IC, UI_KEY_INSERT }, { KEY_DC, UI_KEY_DELETE }, { KEY_ENTER, UI_KEY_ENTER }, { KEY_BACKSPACE, UI_KEY_ERASE },
	};
	wint_t key;
	int kind;

	while ((kind = get_wch(&key)) != ERR) {
		if (kind == KEY_CODE_YES) {
			for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
				if (keys[i].curses == key)
					return keys[i].ui;
			if (key == KEY_RESIZE)
				return 0;
			continue;
		}
		if (key == 0x0c)	/* Ctrl-L */
			clearok(curscr, TRUE);
		if (key)
			return key == '\b' ? UI_KEY_ERASE : key == '\n' ? UI_KEY_ENTER : (uint32_t)key;
	}
	return 0;
}
