// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

#include "gmm/console/guest_output.h"
#include "gmm/console/terminal.h"
#include "gmm/console/ui.h"

#define FEED_BYTES 1024			/* at once, to libvterm */

struct terminal {
	VTerm *vterm;
	struct guest_output output;
	VTermScreen *cells;		/* vterm's */
	int rows, columns;
	int cursor_row, cursor_column;
	bool cursor_hidden;
	bool typing;			/* what vterm says now comes from a key */
	uint8_t typed[TERMINAL_KEY_BYTES];
	size_t typed_len_bytes;
};

/*
 * vterm speaks when a key was typed. It would also answer questions of the guest (as where the cursor is), which are not let
 * through: the output shown at first is of the past, and answers to it would be typed into whatever runs now.
 */
static void take_typed(const char *bytes, size_t len, void *user)
{
	struct terminal *terminal = user;

	if (!terminal->typing || len > sizeof(terminal->typed) - terminal->typed_len_bytes)
		return;
	memcpy(terminal->typed + terminal->typed_len_bytes, bytes, len);
	terminal->typed_len_bytes += len;
}

static int move_cursor(VTermPos now, VTermPos before, int visible, void *user)
{
	struct terminal *terminal = user;

	(void)before;
	(void)visible;
	terminal->cursor_row = now.row;
	terminal->cursor_column = now.col;
	return 1;
}

static int set_property(VTermProp property, VTermValue *value, void *user)
{
	struct terminal *terminal = user;

	if (property == VTERM_PROP_CURSORVISIBLE)
		terminal->cursor_hidden = !value->boolean;
	return 1;
}

static int at_least(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

struct terminal *terminal_new(int rows, int columns)
{
	static const VTermScreenCallbacks callbacks = { .movecursor = move_cursor, .settermprop = set_property };
	struct terminal *terminal = calloc(1, sizeof(*terminal));

	if (!terminal)
		return NULL;
	terminal->rows = at_least(rows, TERMINAL_ROWS_MIN, SCREEN_HEIGHT_MAX);
	terminal->columns = at_least(columns, TERMINAL_COLUMNS_MIN, SCREEN_WIDTH_MAX);
	terminal->vterm = vterm_new(terminal->rows, terminal->columns);
	if (!terminal->vterm) {
		free(terminal);
		return NULL;
	}
	vterm_set_utf8(terminal->vterm, 1);
	vterm_output_set_callback(terminal->vterm, take_typed, terminal);
	terminal->cells = vterm_obtain_screen(terminal->vterm);
	vterm_screen_set_callbacks(terminal->cells, &callbacks, terminal);
	vterm_screen_enable_altscreen(terminal->cells, 1);
	vterm_screen_reset(terminal->cells, 1);
	return terminal;
}

void terminal_free(struct terminal *terminal)
{
	if (terminal)
		vterm_free(terminal->vterm);
	free(terminal);
}

void terminal_feed(struct terminal *terminal, const uint8_t *bytes, size_t len)
{
	char text[FEED_BYTES + GUEST_PIECE_BYTES];
	size_t text_len = 0;

	for (size_t i = 0; i < len; i++) {
		text_len += guest_output_take(&terminal->output, bytes[i], text + text_len);
		if (text_len >= FEED_BYTES || i + 1 == len) {
			vterm_input_write(terminal->vterm, text, text_len);
			text_len = 0;
		}
	}
}

/* 0 as by default, else 1 + the nearest of the eight ANSI colours. */
static uint8_t colour_of(const struct terminal *terminal, VTermColor colour, bool foreground)
{
	if (foreground ? VTERM_COLOR_IS_DEFAULT_FG(&colour) : VTERM_COLOR_IS_DEFAULT_BG(&colour))
		return 0;
	if (VTERM_COLOR_IS_INDEXED(&colour) && colour.indexed.idx < 16)
		return (uint8_t)(1 + colour.indexed.idx % 8);
	vterm_screen_convert_color_to_rgb(terminal->cells, &colour);
	return (uint8_t)(1 + (colour.rgb.red > 127) + 2 * (colour.rgb.green > 127) + 4 * (colour.rgb.blue > 127));
}

static void draw_cell(struct terminal *terminal, struct screen *screen, int row, VTermPos from)
{
	VTermScreenCell cell;
	uint32_t character;
	struct cell *to;

	if (!vterm_screen_get_cell(terminal->cells, from, &cell))
		return;
	/* Wide characters, and the right halves of them ((uint32_t)-1), become '?'. */
	character = cell.chars[0] == 0 ? ' ' : cell.width == 1 ? cell.chars[0] : '?';
	screen_put(screen, row, from.col, STYLE_NORMAL, character);
	to = &screen->cells[row][from.col];
	to->marks = (uint8_t)((cell.attrs.bold ? MARK_BOLD : 0) | (cell.attrs.underline ? MARK_UNDERLINE : 0) |
			      (cell.attrs.reverse ? MARK_REVERSE : 0));
	to->foreground = colour_of(terminal, cell.fg, true);
	to->background = colour_of(terminal, cell.bg, false);
}

void terminal_draw(struct terminal *terminal, struct screen *screen, int row, int height)
{
	int top = terminal->cursor_row - height + 1;

	if (top < 0)
		top = 0;
	for (int i = 0; i < height && top + i < terminal->rows && row + i < screen->height; i++)
		for (int column = 0; column < terminal->columns && column < screen->width; column++)
			draw_cell(terminal, screen, row + i, (VTermPos){ .row = top + i, .col = column });
	if (terminal->cursor_hidden)
		return;
	screen->cursor_row = row + terminal->cursor_row - top;
	screen->cursor_column = terminal->cursor_column < screen->width ? terminal->cursor_column : screen->width - 1;
}

size_t terminal_key(struct terminal *terminal, uint32_t key, uint8_t bytes[TERMINAL_KEY_BYTES])
{
	static const struct {
		uint32_t key;
		VTermKey vterm;
	} keys[] = {
		{ UI_KEY_ENTER, VTERM_KEY_ENTER }, { UI_KEY_ERASE, VTERM_KEY_BACKSPACE }, { UI_KEY_TAB, VTERM_KEY_TAB },
		{ UI_KEY_ESCAPE, VTERM_KEY_ESCAPE }, { UI_KEY_UP, VTERM_KEY_UP }, { UI_KEY_DOWN, VTERM_KEY_DOWN },
		{ UI_KEY_LEFT, VTERM_KEY_LEFT }, { UI_KEY_RIGHT, VTERM_KEY_RIGHT }, { UI_KEY_HOME, VTERM_KEY_HOME },
		{ UI_KEY_END, VTERM_KEY_END }, { UI_KEY_PAGE_UP, VTERM_KEY_PAGEUP }, { UI_KEY_PAGE_DOWN, VTERM_KEY_PAGEDOWN },
		{ UI_KEY_INSERT, VTERM_KEY_INS }, { UI_KEY_DELETE, VTERM_KEY_DEL },
	};
	unsigned known = 0;

	terminal->typing = true;
	terminal->typed_len_bytes = 0;
	while (known < sizeof(keys) / sizeof(keys[0]) && keys[known].key != key)
		known++;
	if (known < sizeof(keys) / sizeof(keys[0]))
		vterm_keyboard_key(terminal->vterm, keys[known].vterm, VTERM_MOD_NONE);
	else if (key < ' ')
		take_typed(&(char){ (char)key }, 1, terminal);
	else if (key < UI_KEY_UP)
		vterm_keyboard_unichar(terminal->vterm, key, VTERM_MOD_NONE);
	terminal->typing = false;
	memcpy(bytes, terminal->typed, terminal->typed_len_bytes);
	return terminal->typed_len_bytes;
}
