// SPDX-License-Identifier: GPL-2.0-only
/* The console's cells: what reaches a terminal, and what a guest's terminal makes of its output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/console/guest_output.h"
#include "gmm/console/ui.h"
#include "gmm/console/views.h"

static struct screen *screen_of(int width, int height, bool unicode)
{
	struct screen *screen = malloc(sizeof(*screen));

	screen_clear(screen, width, height, unicode);
	return screen;
}

static void expect_row(const struct screen *screen, int row, const char *wanted)
{
	char text[SCREEN_WIDTH_MAX + 1];

	for (int column = 0; column < screen->width; column++)
		text[column] = screen->cells[row][column].character < 0x7f ? (char)screen->cells[row][column].character : '^';
	text[screen->width] = '\0';
	assert_string_equal(text, wanted);
}

/* Every byte and every character of two bytes: only what does nothing to a terminal gets through. */
static void test_only_harmless_characters(void **state)
{
	struct screen *screen = screen_of(40, 1, true);

	(void)state;
	for (uint32_t character = 0; character < 0x11ffff; character++) {
		uint32_t got;

		screen_put(screen, 0, 0, STYLE_NORMAL, character);
		got = screen->cells[0][0].character;
		assert_true(got == character || got == '?');
		assert_true(got >= ' ' && got != 0x7f && !(got >= 0x80 && got < 0xa0) && got != 0xad);
		/* What combines, turns lines around, is wide, or cannot be written. */
		assert_false((got >= 0x300 && got < 0x370) || (got >= 0x2028 && got <= 0x202e) || got >= 0x2600);
	}
	screen_clear(screen, 40, 1, false);
	for (uint32_t character = 0; character < 0x3000; character++) {
		screen_put(screen, 0, 0, STYLE_NORMAL, character);
		assert_true(screen->cells[0][0].character < 0x7f);
	}
	free(screen);
}

static void test_text(void **state)
{
	struct screen *screen = screen_of(12, 3, true);

	(void)state;
	screen_text(screen, 0, 0, STYLE_NORMAL, "a\033[2Jb\tc\r\nd");
	expect_row(screen, 0, "a?[2Jb?c??d ");
	/* Cut, overlong and impossible UTF-8. */
	screen_text(screen, 1, 0, STYLE_NORMAL, "\303\251\303x\300\200\355\240\200");
	assert_int_equal(screen->cells[1][0].character, 0xe9);
	assert_int_equal(screen->cells[1][1].character, '?');
	assert_int_equal(screen->cells[1][2].character, 'x');
	for (int column = 3; column < 6; column++)
		assert_int_equal(screen->cells[1][column].character, '?');
	assert_int_equal(screen_text(screen, 2, 0, STYLE_NORMAL, "a line that is longer"), 12);
	screen_text(screen, 3, 0, STYLE_NORMAL, "below");
	screen_text(screen, -1, 0, STYLE_NORMAL, "above");
	screen_text(screen, 0, -3, STYLE_NORMAL, "abcdef");
	expect_row(screen, 0, "def2Jb?c??d ");
	free(screen);
}

static void test_fields(void **state)
{
	struct screen *screen = screen_of(12, 1, false);

	(void)state;
	assert_int_equal(screen_field(screen, 0, 0, 5, STYLE_NORMAL, "abc"), 5);
	assert_int_equal(screen_field(screen, 0, 5, -5, STYLE_NORMAL, "abc"), 10);
	expect_row(screen, 0, "abc    abc  ");
	screen_field(screen, 0, 0, 5, STYLE_NORMAL, "abcdef");
	screen_field(screen, 0, 5, -5, STYLE_NORMAL, "abcdef");
	expect_row(screen, 0, "abcd~abcd~  ");
	free(screen);
}

static void test_bars(void **state)
{
	struct screen *screen = screen_of(10, 1, false);

	(void)state;
	screen_bar(screen, 0, 0, 10, STYLE_FILL, 0.3, 0.6);
	expect_row(screen, 0, "###===....");
	screen_bar(screen, 0, 0, 10, STYLE_FILL, 0.001, 0.001);
	expect_row(screen, 0, "#.........");
	screen_bar(screen, 0, 0, 10, STYLE_FILL, 7, 0);
	expect_row(screen, 0, "##########");
	screen_bar(screen, 0, 0, 10, STYLE_FILL, -1, 0.0 / 0.0);
	expect_row(screen, 0, "..........");
	assert_int_equal(screen_level(screen, 0), '0');
	assert_int_equal(screen_level(screen, 1), '9');
	assert_int_equal(screen_level(screen, 99), '9');
	assert_int_equal(screen_height(screen, 0.0 / 0.0), '_');
	free(screen);
}

/* ---------------------------------------------------------------- a guest's terminal */

static void feed(struct terminal *terminal, const char *text)
{
	terminal_feed(terminal, (const uint8_t *)text, strlen(text));
}

static void test_terminal_keys(void **state)
{
	static const struct {
		uint32_t key;
		const char *bytes;
	} keys[] = {
		{ 'a', "a" }, { UI_KEY_ENTER, "\r" }, { UI_KEY_ERASE, "\177" }, { UI_KEY_ESCAPE, "\033" }, { 3, "\003" },
		{ 0x1a, "\032" },
		{ UI_KEY_UP, "\033[A" }, { UI_KEY_LEFT, "\033[D" }, { UI_KEY_PAGE_UP, "\033[5~" }, { 0xe9, "\303\251" },
		{ 0x20ac, "\342\202\254" },
	};
	struct terminal *terminal = terminal_new(0, 0);
	uint8_t bytes[TERMINAL_KEY_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		assert_int_equal(terminal_key(terminal, keys[i].key, bytes), strlen(keys[i].bytes));
		assert_memory_equal(bytes, keys[i].bytes, strlen(keys[i].bytes));
	}
	/* The guest asked for the other form of the arrow keys. */
	feed(terminal, "\033[?1h");
	assert_int_equal(terminal_key(terminal, UI_KEY_UP, bytes), 3);
	assert_memory_equal(bytes, "\033OA", 3);
	/* Answers to its questions (cursor, kind of terminal) never go out with a key. */
	feed(terminal, "\033[6n\033[c\033[>c\033[5n");
	assert_int_equal(terminal_key(terminal, 'x', bytes), 1);
	terminal_free(terminal);
}

static void test_terminal_follows_the_cursor(void **state)
{
	struct screen *screen = screen_of(20, 10, true);
	struct terminal *terminal = terminal_new(5, 20);

	(void)state;
	for (int i = 0; i < 23; i++)
		feed(terminal, "line\r\n");
	feed(terminal, "last");
	terminal_draw(terminal, screen, 2, 5);
	expect_row(screen, 6, "last                ");
	assert_int_equal(screen->cursor_row, 6);
	assert_int_equal(screen->cursor_column, 4);
	feed(terminal, "\033[H\033[?25l");
	screen->cursor_row = -1;
	terminal_draw(terminal, screen, 2, 5);
	expect_row(screen, 2, "line                ");
	assert_int_equal(screen->cursor_row, -1);
	/* A line longer than the screen: the cursor stays on it. */
	feed(terminal, "\033[?25h\033[1;60Hx");
	terminal_draw(terminal, screen, 2, 5);
	assert_int_equal(screen->cursor_column, 19);
	terminal_free(terminal);
	free(screen);
}

static void test_terminal_cells(void **state)
{
	struct screen *screen = screen_of(20, 4, true);
	struct terminal *terminal = terminal_new(24, 80);

	(void)state;
	feed(terminal, "\033[7;44;93mA\033[0m\033[38;2;250;10;10mB\033[0m\344\270\255C");
	terminal_draw(terminal, screen, 0, 4);
	assert_int_equal(screen->cells[0][0].marks, MARK_REVERSE);
	assert_int_equal(screen->cells[0][0].background, 1 + 4);
	assert_int_equal(screen->cells[0][0].foreground, 1 + 3);
	assert_int_equal(screen->cells[0][1].foreground, 1 + 1);
	assert_int_equal(screen->cells[0][1].background, 0);
	/* A wide character is two question marks, so that what follows stands where the guest thinks it does. */
	expect_row(screen, 0, "AB??C               ");
	terminal_free(terminal);
	free(screen);
}

/* What of a guest's output reaches libvterm. */
static void test_guest_output(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain\r\n\ttext\b", "plain\r\n\ttext\b" }, { "\a\005\177x", "?x" },
		{ "\303\251\342\224\200", "\303\251\342\224\200" },
		/* UTF-8: cut off, overlong, a C1 control, a surrogate, beyond Unicode, beyond the basic plane. */
		{ "\303x\300\200\302\233m\355\240\200\364\220\200\200\360\237\230\200", "x??" "?m" "?" "?" "?" }, { "\2331m", "?1m" },
		{ "\033[1;31mred\033[0m", "\033[1;31mred\033[m" }, { "\033[2J\033[H\033[3;4H\033[K", "\033[2J\033[H\033[3;4H\033[K" },
		{ "\033[?25l\033[?1049h\033[?2004h\033[?25;1h", "\033[?25l\033[?1049h\033[?25;1h" },
		{ "\033[38;2;1;2;3;48;2;4;5;6mx", "\033[38;2;1;2;3;48;2;4;5;6mx" },
		/* Too many numbers, too large ones, questions, intermediates, colons. */
		{ "\033[1;2;3;4;5;6;7;8;9;10;11;12mx", "\033[1;2;3;4;5;6;7;8;9;10;11;12mx" },
		{ "\033[1;2;3;4;5;6;7;8;9;10;11;12;13mx", "x" }, { "\033[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;mx", "x" },
		{ "\033[1000Ax\033[99999999999999999999Ax\033[999A", "xx\033[999A" }, { "\033[6n\033[c\033[>c\033[!p\033[4:3m\033[1$x", "" },
		{ "\033]0;title\ax\033]2;t\033\\y\033Pq#1\033\\z\033_a\033[1mb", "xyz\033[1mb" },
		{ "\0337\0338\033M\033c\033(0q\033(B\033#8\033%G\033)1\033Zx", "\0337\0338\033M\033c\033(0q\033(Bx" },
		{ "\033[3\0301mx\033[3\r1mx\033\033[1mx", "1mx\r\033[31mx\033[1mx" },
	};
	char got[200];

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guest_output output = { 0 };
		size_t len = 0;

		for (const char *byte = cases[i].in; *byte; byte++)
			len += guest_output_take(&output, (uint8_t)*byte, got + len);
		got[len] = '\0';
		assert_string_equal(got, cases[i].out);
	}
}

static void test_ages(void **state)
{
	static const struct {
		double age_s;
		const char *text;
	} ages[] = {
		{ -1, "never" }, { 0, "0.0s" }, { 75.34, "75.3s" }, { 8123, "2h15min" }, { 86399, "23h59min" },
	};
	char text[UNITS_BYTES];

	(void)state;
	for (unsigned i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
		assert_string_equal(age_text(ages[i].age_s, text), ages[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_harmless_characters),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bars),
		cmocka_unit_test(test_terminal_keys),
		cmocka_unit_test(test_terminal_follows_the_cursor),
		cmocka_unit_test(test_terminal_cells),
		cmocka_unit_test(test_guest_output),
		cmocka_unit_test(test_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
