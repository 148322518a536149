// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every view, drawn of the recorded rack, compared with a committed screen (tests/unit/console/). With UPDATE_SCREENS=1
 * in the environment the screens are written instead: look at the difference before you commit it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gmm/console/ui.h"
#include "tests/unit/console_fixture.h"

#define SCREENS "tests/unit/console/"
#define PICTURE_BYTES (2 * SCREEN_HEIGHT_MAX * (SCREEN_WIDTH_MAX * 3 + 1))

struct scene {
	struct model *model;
	struct ui ui;
	struct screen screen;
	char picture[PICTURE_BYTES], wanted[PICTURE_BYTES];
};

static int make(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->model = fixture_model();
	*state = scene;
	return 0;
}

static int drop(void **state)
{
	struct scene *scene = *state;

	terminal_free(scene->ui.terminal);
	free(scene->model);
	free(scene);
	return 0;
}

/* ---------------------------------------------------------------- a screen as text */

static size_t add_utf8(char *to, uint32_t character)
{
	if (character < 0x80) {
		to[0] = (char)character;
		return 1;
	}
	if (character < 0x800) {
		to[0] = (char)(0xc0 | character >> 6);
		to[1] = (char)(0x80 | (character & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | character >> 12);
	to[1] = (char)(0x80 | (character >> 6 & 0x3f));
	to[2] = (char)(0x80 | (character & 0x3f));
	return 3;
}

static size_t end_line(char *picture, size_t len, size_t start)
{
	while (len > start && picture[len - 1] == ' ')
		len--;
	picture[len] = '\n';
	return len + 1;
}

/* The characters; then, if asked for, a letter for the style of each cell. */
static void picture_of(const struct screen *screen, bool styles, char *picture)
{
	static const char letters[STYLE_COUNT + 1] = " dbtHTksGWBfhr";
	size_t len = 0;

	for (int row = 0; row < screen->height; row++) {
		size_t start = len;

		for (int column = 0; column < screen->width; column++)
			len += add_utf8(picture + len, screen->cells[row][column].character);
		len = end_line(picture, len, start);
	}
	for (int row = 0; row < screen->height && styles; row++) {
		size_t start = len;

		for (int column = 0; column < screen->width; column++)
			picture[len++] = letters[screen->cells[row][column].style];
		len = end_line(picture, len, start);
	}
	picture[len] = '\0';
}

static void compare(struct scene *scene, const char *name, bool styles)
{
	char path[200];
	size_t len;
	FILE *file;

	picture_of(&scene->screen, styles, scene->picture);
	snprintf(path, sizeof(path), SCREENS "%s.txt", name);
	if (getenv("UPDATE_SCREENS")) {
		file = fopen(path, "w");
		assert_non_null(file);
		fputs(scene->picture, file);
		fclose(file);
		return;
	}
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing; UPDATE_SCREENS=1 writes it", path);
	len = fread(scene->wanted, 1, sizeof(scene->wanted) - 1, file);
	fclose(file);
	scene->wanted[len] = '\0';
	if (strcmp(scene->wanted, scene->picture))
		fail_msg("%s: wanted\n%s\nbut it is\n%s", path, scene->wanted, scene->picture);
}

static void draw(struct scene *scene, int width, int height, bool unicode)
{
	screen_clear(&scene->screen, width, height, unicode);
	ui_draw(&scene->ui, scene->model, &scene->screen, FIXTURE_NOW_NS + 500000000);
}

static void keys(struct scene *scene, const char *typed)
{
	for (; *typed; typed++)
		ui_key(&scene->ui, scene->model, (unsigned char)*typed);
}

/* Draw once before, as the program does: keys move by what was drawn. */
static void expect(struct scene *scene, const char *typed, const char *name)
{
	draw(scene, 80, 24, false);
	keys(scene, typed);
	draw(scene, 80, 24, false);
	compare(scene, name, false);
}

/* ---------------------------------------------------------------- views */

static void test_rack(void **state)
{
	expect(*state, "1", "rack");
}

static void test_rack_wide(void **state)
{
	struct scene *scene = *state;

	draw(scene, 132, 40, true);
	keys(scene, "jj");
	draw(scene, 132, 40, true);
	compare(scene, "rack_wide", true);
}

static void test_rack_of_many(void **state)
{
	struct scene *scene = *state;

	for (int i = 9; i < NODES_MAX; i++) {
		scene->model->nodes[i] = scene->model->nodes[i % 2 ? 8 : 7];
		snprintf(scene->model->nodes[i].name, MODEL_WORD_BYTES, "m%d", i - 2);
	}
	scene->model->node_count = NODES_MAX;
	draw(scene, 132, 50, false);
	compare(scene, "rack_many", false);
	expect(scene, "GG", "rack_many_small");
}

static void test_nodes(void **state)
{
	expect(*state, "2jjj", "nodes");
}

/* A node's life is said where it is more than whether it is up, and machines that wait are counted. */
static void test_nodes_and_machines_that_wait(void **state)
{
	struct scene *scene = *state;

	scene->model->machines_pending = 2;
	strcpy(scene->model->nodes[3].life, "cordoned");
	expect(scene, "2jjj", "nodes_pending");
	strcpy(scene->model->nodes[3].life, scene->model->nodes[3].state);
	scene->model->machines_pending = 0;
	expect(scene, "", "nodes");
}

static void test_memory(void **state)
{
	expect(*state, "3", "memory");
}

static void test_vms(void **state)
{
	struct scene *scene = *state;

	expect(scene, "4j", "vms");
	draw(scene, 140, 24, true);
	compare(scene, "vms_wide", true);
	strcpy(scene->model->vms[4].state, "running");
	scene->model->vms[4].waits_for_memory = true;
	scene->model->vms[4].spread = 2;	/* of which it is on more */
	expect(scene, "G", "vms_waiting");
}

static void test_vms_filtered(void **state)
{
	expect(*state, "4/PAUS\r", "vms_filtered");
}

static void test_operations(void **state)
{
	struct scene *scene = *state;

	ui_run_begins(&scene->ui, "vm start web", FIXTURE_NOW_NS - 5000000000);
	ui_run_ends(&scene->ui, 5, FIXTURE_NOW_NS - 4000000000);
	ui_run_begins(&scene->ui, "vm stop mail", FIXTURE_NOW_NS - 1000000000);
	expect(scene, "5", "operations");
	scene->model->operations_listed = false;
	expect(scene, "5", "operations_not_listed");
}

static void test_events(void **state)
{
	struct scene *scene = *state;
	json_t *event = json_pack("{s:s,s:s}", "time", "2026-11-26T09:59:00.000Z", "text", "after the pause");

	expect(scene, "6", "events");
	keys(scene, "p");
	model_take_event(scene->model, event);
	json_decref(event);
	expect(scene, "/batch\r", "events_paused");
}

static void test_console(void **state)
{
	static const char output[] = "\033[2J\033[H\033[1;31mred\033[0m plain\r\n"
		"\033[4munder\033[0m \033]0;title\007\303\251\r\nlogin: ";
	struct scene *scene = *state;

	strcpy(scene->ui.console_vm, "web");
	strcpy(scene->ui.console_state, "running");
	scene->ui.console_attached = true;
	scene->ui.terminal = terminal_new(18, 80);
	terminal_feed(scene->ui.terminal, (const uint8_t *)output, sizeof(output) - 1);
	expect(scene, "7", "console");
	assert_int_equal(scene->screen.cursor_row, 6);
	assert_int_equal(scene->screen.cursor_column, 7);
	assert_int_equal(scene->screen.cells[4][0].foreground, 2);
	assert_int_equal(scene->screen.cells[4][0].marks, MARK_BOLD);
}

static void test_console_closed(void **state)
{
	expect(*state, "7", "console_closed");
}

/* ---------------------------------------------------------------- over and around the views */

static void test_help(void **state)
{
	expect(*state, "?", "help");
	assert_null(strchr(((struct scene *)*state)->picture, '~'));	/* nothing is cut */
	expect(*state, "G", "help_end");
	assert_null(strchr(((struct scene *)*state)->picture, '~'));
}

static void test_output(void **state)
{
	struct scene *scene = *state;

	keys(scene, "4d");
	ui_run_begins(&scene->ui, "vm show web", FIXTURE_NOW_NS);
	ui_run_prints(&scene->ui, "name   web\nevil\033[2J\007\n", 19);
	expect(scene, "", "output_running");
	for (int i = 0; i < 100; i++)
		ui_run_prints(&scene->ui, "one more line\n", 14);
	ui_run_ends(&scene->ui, 3, FIXTURE_NOW_NS);
	expect(scene, "G", "output_failed");
}

static void test_typing(void **state)
{
	expect(*state, "4:vm create web2 --memory 1G", "typing");
}

static void told(struct scene *scene, int status, const char *text)
{
	ui_run_begins(&scene->ui, "--dry-run", FIXTURE_NOW_NS);
	ui_run_prints(&scene->ui, text, strlen(text));
	ui_run_ends(&scene->ui, status, FIXTURE_NOW_NS);
}

static void test_confirm(void **state)
{
	struct scene *scene = *state;

	expect(scene, "4x", "confirm_asking");
	told(scene, 0, "would stop web on p1\n");
	expect(scene, "", "confirm");
	expect(scene, "n", "confirm_refused");
	keys(scene, "D");
	told(scene, 0, "would destroy web on p1\n");
	expect(scene, "we", "confirm_name");
	keys(scene, "\033:node drain m1\r");
	told(scene, 0, "would move 13 regions (832 MiB) of 3 VMs away from m1; the others have room, 1.2 GiB are free there\n");
	expect(scene, "", "confirm_long");
	keys(scene, "n:vm stop batch\r");
	told(scene, 5, "gmm: batch has no power button; use vm kill\n");
	expect(scene, "", "confirm_cannot");
}

/* Reasons of any length: broken between words, or anywhere; never outside, and the footer stays. */
static void test_long_reasons(void **state)
{
	static const char *const reasons[] = { "gmm: ", "x", "word ", "averyverylongword", "\n", " ", "e\314\201" };
	struct scene *scene = *state;
	char text[4096];

	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		text[0] = '\0';
		while (strlen(text) + strlen(reasons[i]) < sizeof(text) - 1)
			strcat(text, reasons[i]);
		for (int status = 0; status < 2; status++) {
			keys(scene, "4x");
			told(scene, status, text);
			for (int size = 0; size < 40; size++)
				draw(scene, size * 4, size, true);
			keys(scene, "n");
		}
	}
	keys(scene, "x");
	told(scene, 1, "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen");
	draw(scene, 40, 12, false);
	picture_of(&scene->screen, false, scene->picture);
	assert_non_null(strstr(scene->picture, "\none two three four five six seven eight\nnine ten eleven twelve thirteen fourteen\nfifteen\n"));
}

/* gmmd is gone: what is shown is marked as old, everywhere. */
static void test_stale(void **state)
{
	struct scene *scene = *state;

	model_lost(scene->model, "Connection refused");
	keys(scene, "4");
	screen_clear(&scene->screen, 80, 24, false);
	ui_draw(&scene->ui, scene->model, &scene->screen, FIXTURE_NOW_NS + 42000000000);
	compare(scene, "stale", true);
}

static void test_nothing_known(void **state)
{
	struct scene *scene = *state;

	memset(scene->model, 0, sizeof(*scene->model));
	expect(scene, "", "connecting");
	model_lost(scene->model, "No such file or directory");
	expect(scene, "", "no_gmmd");
}

/* Every view at every size from nothing on: nothing is drawn outside, nothing asserts. The sanitizers look on. */
static void test_sizes(void **state)
{
	struct scene *scene = *state;
	static const char *const scenes[] = { "1", "2", "3", "4", "5", "6", "7", "?", "\033:abc", "\033" "4D", "\033" "4d" };

	ui_run_begins(&scene->ui, "vm show web", FIXTURE_NOW_NS);
	ui_run_prints(&scene->ui, "a\nb\n", 4);
	for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		keys(scene, scenes[i]);
		for (int size = 0; size < 60; size++) {
			draw(scene, size * 3, size, true);
			draw(scene, 200 - size * 3, size + 8, false);
		}
		keys(scene, "\033");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rack, make, drop),
		cmocka_unit_test_setup_teardown(test_rack_wide, make, drop),
		cmocka_unit_test_setup_teardown(test_rack_of_many, make, drop),
		cmocka_unit_test_setup_teardown(test_nodes, make, drop),
		cmocka_unit_test_setup_teardown(test_nodes_and_machines_that_wait, make, drop),
		cmocka_unit_test_setup_teardown(test_memory, make, drop),
		cmocka_unit_test_setup_teardown(test_vms, make, drop),
		cmocka_unit_test_setup_teardown(test_vms_filtered, make, drop),
		cmocka_unit_test_setup_teardown(test_operations, make, drop),
		cmocka_unit_test_setup_teardown(test_events, make, drop),
		cmocka_unit_test_setup_teardown(test_console, make, drop),
		cmocka_unit_test_setup_teardown(test_console_closed, make, drop),
		cmocka_unit_test_setup_teardown(test_help, make, drop),
		cmocka_unit_test_setup_teardown(test_output, make, drop),
		cmocka_unit_test_setup_teardown(test_typing, make, drop),
		cmocka_unit_test_setup_teardown(test_confirm, make, drop),
		cmocka_unit_test_setup_teardown(test_long_reasons, make, drop),
		cmocka_unit_test_setup_teardown(test_stale, make, drop),
		cmocka_unit_test_setup_teardown(test_nothing_known, make, drop),
		cmocka_unit_test_setup_teardown(test_sizes, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
