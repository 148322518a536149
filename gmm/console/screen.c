// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gmm/console/screen.h"

#define FORMAT_BYTES 1024

static int clamp(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

void screen_clear(struct screen *screen, int width, int height, bool unicode)
{
	screen->width = clamp(width, 1, SCREEN_WIDTH_MAX);
	screen->height = clamp(height, 1, SCREEN_HEIGHT_MAX);
	screen->unicode = unicode;
	screen->cursor_row = -1;
	screen->cursor_column = 0;
	for (int row = 0; row < screen->height; row++)
		for (int column = 0; column < screen->width; column++)
			screen->cells[row][column] = (struct cell){ .character = ' ' };
}

/* ---------------------------------------------------------------- characters */

/* One column wide everywhere and without any effect: no controls, nothing that combines, joins or turns the line around. */
static bool harmless(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x180 && c != 0xad) || (c >= 0x391 && c <= 0x3c9 && c != 0x3a2) ||
	       (c >= 0x410 && c <= 0x44f) || (c >= 0x2018 && c <= 0x201d) || c == 0x2013 || c == 0x2014 || c == 0x2026 ||
	       (c >= 0x2190 && c <= 0x2193) || (c >= 0x2500 && c <= 0x259f);
}

static uint32_t as_ascii(uint32_t c)
{
	if (c < 0x7f)
		return c;
	if (c == 0x2500 || c == 0x2501 || c == 0x2550 || c == 0x2013 || c == 0x2014)
		return '-';
	if (c == 0x2502 || c == 0x2503 || c == 0x2551)
		return '|';
	if (c >= 0x2500 && c < 0x2580)
		return '+';
	return c >= 0x2580 && c <= 0x259f ? '#' : '?';
}

void screen_put(struct screen *screen, int row, int column, enum style style, uint32_t character)
{
	if (row < 0 || row >= screen->height || column < 0 || column >= screen->width)
		return;
	if (!harmless(character))
		character = '?';
	screen->cells[row][column] = (struct cell){
		.character = screen->unicode ? character : as_ascii(character), .style = (uint8_t)style,
	};
}

void screen_glyph(struct screen *screen, int row, int column, enum style style, enum glyph glyph)
{
	static const struct {
		uint16_t unicode;
		char ascii;
	} glyphs[] = {
		[GLYPH_HORIZONTAL] = { 0x2500, '-' }, [GLYPH_VERTICAL] = { 0x2502, '|' },
		[GLYPH_TOP_LEFT] = { 0x250c, '+' }, [GLYPH_TOP_RIGHT] = { 0x2510, '+' },
		[GLYPH_BOTTOM_LEFT] = { 0x2514, '+' }, [GLYPH_BOTTOM_RIGHT] = { 0x2518, '+' },
		/* Not as high as the row, so that bars in neighbouring rows stay apart; told apart without colours, too. */
		[GLYPH_FULL] = { 0x2586, '#' }, [GLYPH_HALF] = { 0x2583, '=' }, [GLYPH_EMPTY] = { 0x2581, '.' },
		[GLYPH_CUT] = { 0x2026, '~' },
	};

	screen_put(screen, row, column, style, screen->unicode ? glyphs[glyph].unicode :
		   (uint32_t)glyphs[glyph].ascii);
}

/* Takes one character off the text; 0 at its end. What is not UTF-8 gives '?', a byte at a time. */
static uint32_t next_character(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	int more = at[0] < 0x80 ? 0 : at[0] >= 0xc2 && at[0] < 0xe0 ? 1 : at[0] >= 0xe0 && at[0] < 0xf0 ? 2 :
		   at[0] >= 0xf0 && at[0] < 0xf5 ? 3 : -1;
	uint32_t character = more <= 0 ? at[0] : at[0] & (0x3fu >> more);

	if (at[0] == 0)
		return 0;
	for (int i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			more = -1;
			break;
		}
		character = character << 6 | (at[i] & 0x3f);
	}
	*text += more < 0 ? 1 : more + 1;
	return more < 0 ? '?' : character;
}

/* ---------------------------------------------------------------- text */

int screen_text(struct screen *screen, int row, int column, enum style style, const char *text)
{
	uint32_t character;

	while ((character = next_character(&text)) && column < screen->width)
		screen_put(screen, row, column++, style, character);
	return column;
}

int screen_format(struct screen *screen, int row, int column, enum style style, const char *format, ...)
{
	char text[FORMAT_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return screen_text(screen, row, column, style, text);
}

static int columns_of(const char *text)
{
	int columns = 0;

	while (next_character(&text))
		columns++;
	return columns;
}

int screen_field(struct screen *screen, int row, int column, int width, enum style style, const char *text)
{
	int room = width < 0 ? -width : width, needed = columns_of(text), end = column + room;
	int pad = width < 0 && needed < room ? room - needed : 0;

	for (; pad > 0; pad--)
		screen_put(screen, row, column++, style, ' ');
	while (column < end) {
		uint32_t character = next_character(&text);

		if (character && needed > room && column == end - 1)
			screen_glyph(screen, row, column++, style, GLYPH_CUT);
		else
			screen_put(screen, row, column++, style, character ? character : ' ');
	}
	return column;
}

void screen_fill_row(struct screen *screen, int row, enum style style)
{
	for (int column = 0; column < screen->width; column++)
		screen_put(screen, row, column, style, ' ');
}

void screen_restyle(struct screen *screen, int row, int column, int width, enum style style)
{
	if (row < 0 || row >= screen->height)
		return;
	for (int at = column < 0 ? 0 : column; at < column + width && at < screen->width; at++)
		screen->cells[row][at].style = (uint8_t)style;
}

/* ---------------------------------------------------------------- shapes */

void screen_box(struct screen *screen, int row, int column, int width, int height, enum style style)
{
	int right = column + width - 1, bottom = row + height - 1;

	for (int at = column + 1; at < right; at++) {
		screen_glyph(screen, row, at, style, GLYPH_HORIZONTAL);
		screen_glyph(screen, bottom, at, style, GLYPH_HORIZONTAL);
	}
	for (int at = row + 1; at < bottom; at++) {
		screen_glyph(screen, at, column, style, GLYPH_VERTICAL);
		screen_glyph(screen, at, right, style, GLYPH_VERTICAL);
	}
	screen_glyph(screen, row, column, style, GLYPH_TOP_LEFT);
	screen_glyph(screen, row, right, style, GLYPH_TOP_RIGHT);
	screen_glyph(screen, bottom, column, style, GLYPH_BOTTOM_LEFT);
	screen_glyph(screen, bottom, right, style, GLYPH_BOTTOM_RIGHT);
}

static int cells_of(double share, int width)
{
	int cells;

	if (!(share > 0))
		return 0;
	cells = (int)((share > 1 ? 1 : share) * width + 0.5);
	return cells ? cells : 1;
}

void screen_bar(struct screen *screen, int row, int column, int width, enum style style, double filled, double held)
{
	int full = cells_of(filled, width), half = cells_of(held, width);

	for (int i = 0; i < width; i++)
		screen_glyph(screen, row, column + i, i < full ? style : i < half ? STYLE_HELD : STYLE_REST,
			     i < full ? GLYPH_FULL : i < half ? GLYPH_HALF : GLYPH_EMPTY);
}

static unsigned level_of(double share, unsigned levels)
{
	unsigned level = share > 0 ? (unsigned)((share > 1 ? 1 : share) * levels) : 0;

	return level < levels ? level : levels - 1;
}

uint32_t screen_level(const struct screen *screen, double share)
{
	return screen->unicode ? 0x2581 + level_of(share, 8) : '0' + level_of(share, 10);
}

uint32_t screen_height(const struct screen *screen, double share)
{
	static const char heights[] = "_.:-=+*#";

	return screen->unicode ? 0x2581 + level_of(share, 8) : (uint32_t)heights[level_of(share, sizeof(heights) - 1)];
}
