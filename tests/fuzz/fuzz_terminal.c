/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's output on the console's terminal. The library behind it is not built with sanitizers, so what may reach it is
 * checked here, too: whole sequences of few and small numbers, no control but those of a printer.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/console/guest_output.h"
#include "gmm/console/ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sequence(const char *piece, size_t len)
{
	unsigned numbers = 1, digits = 0;

	assert(isalpha((unsigned char)piece[len - 1]) || piece[len - 1] == '@');
	assert(!strchr("cnqtxy", piece[len - 1]));
	for (size_t i = 2; i < len - 1; i++) {
		assert(isdigit((unsigned char)piece[i]) || piece[i] == ';' || (i == 2 && piece[i] == '?'));
		numbers += piece[i] == ';';
		digits = isdigit((unsigned char)piece[i]) ? digits + 1 : 0;
		assert(digits <= 4);
	}
	assert(numbers <= GUEST_NUMBERS_MAX);
}

static void check_piece(const char *piece, size_t len)
{
	assert(len <= GUEST_PIECE_BYTES);
	if (len && piece[0] == 0x1b && piece[1] == '[')
		check_sequence(piece, len);
	else if (len && piece[0] == 0x1b)
		assert(len <= 3 && !strchr("P]X^_", piece[1]));
	else if (len && (uint8_t)piece[0] < 0x80)
		assert(len == 1 && piece[0] != 0x7f && (piece[0] >= ' ' || (piece[0] >= 8 && piece[0] < 16)));
}

static void draw(struct terminal *terminal)
{
	static struct screen screen;

	screen_clear(&screen, 80, 24, true);
	terminal_draw(terminal, &screen, 3, 18);
	for (int row = 0; row < screen.height; row++)
		for (int column = 0; column < screen.width; column++) {
			const struct cell *cell = &screen.cells[row][column];

			assert(cell->character >= ' ' && cell->character != 0x7f && !(cell->character >= 0x80 && cell->character < 0xa0));
			assert(cell->foreground <= 8 && cell->background <= 8);
		}
	assert(screen.cursor_row < screen.height && screen.cursor_column < screen.width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct terminal *terminal = terminal_new(24, 80);
	struct guest_output output = { 0 };
	uint8_t bytes[TERMINAL_KEY_BYTES];

	for (size_t i = 0; i < size; i++) {
		char piece[GUEST_PIECE_BYTES];

		check_piece(piece, guest_output_take(&output, data[i], piece));
	}
	terminal_feed(terminal, data, size / 2);
	terminal_feed(terminal, data + size / 2, size - size / 2);
	draw(terminal);
	for (uint32_t key = UI_KEY_UP; key <= UI_KEY_DELETE; key++)
		assert(terminal_key(terminal, key, bytes) <= TERMINAL_KEY_BYTES);
	terminal_free(terminal);
	return 0;
}
