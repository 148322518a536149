// SPDX-License-Identifier: GPL-2.0-only
/* What the console's keys do: which command runs, and what must be answered before it does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gmm/console/ui.h"
#include "tests/unit/console_fixture.h"

struct scene {
	struct model *model;
	struct ui ui;
};

static int make(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->model = fixture_model();
	scene->ui.page_rows = 10;
	scene->ui.across = 4;
	*state = scene;
	return 0;
}

static int drop(void **state)
{
	struct scene *scene = *state;

	free(scene->model);
	free(scene);
	return 0;
}

/* The last key's action. */
static struct action press(struct scene *scene, const char *typed)
{
	struct action action = { .kind = ACTION_NONE };

	for (; *typed; typed++)
		action = ui_key(&scene->ui, scene->model, (unsigned char)*typed);
	return action;
}

static void expect(struct scene *scene, const char *typed, enum action_kind kind, const char *words)
{
	struct action action = press(scene, typed);

	assert_int_equal(action.kind, kind);
	if (words)
		assert_string_equal(action.words, words);
}

static void test_views(void **state)
{
	struct scene *scene = *state;

	for (int view = 0; view < VIEW_COUNT; view++) {
		expect(scene, (char[]){ (char)('1' + view), 0 }, ACTION_NONE, NULL);
		assert_int_equal(scene->ui.view, view);
	}
	expect(scene, "\t", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.view, VIEW_RACK);
	expect(scene, ":events\r", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.view, VIEW_EVENTS);
	expect(scene, "q", ACTION_QUIT, NULL);
	expect(scene, ":q\r", ACTION_QUIT, NULL);
	expect(scene, "\003", ACTION_QUIT, NULL);
}

static void test_describe(void **state)
{
	struct scene *scene = *state;

	expect(scene, "h", ACTION_RUN, "health detail");
	expect(scene, "\0331jd", ACTION_RUN, "node show m2");
	expect(scene, "2\r", ACTION_RUN, "node show p1");
	expect(scene, "\0333jd", ACTION_RUN, "node show m2");
	expect(scene, "\0334jd", ACTION_RUN, "vm show db");
	expect(scene, "\033\r", ACTION_RUN, "vm stats db");
	expect(scene, "\033s", ACTION_RUN, "vm start db");
}

/* The dry run that the console asked for ends. */
static void told(struct scene *scene, int status, const char *text)
{
	ui_run_begins(&scene->ui, "--dry-run", 1);
	ui_run_prints(&scene->ui, text, strlen(text));
	ui_run_ends(&scene->ui, status, 2);
}

static void test_destructive_verbs_ask(void **state)
{
	static const char would[] = "would stop web on p1\n";
	struct scene *scene = *state;

	expect(scene, "4x", ACTION_RUN, "--dry-run vm stop web");
	told(scene, 0, would);
	assert_int_equal(scene->ui.mode, MODE_CONFIRM);
	assert_string_equal(scene->ui.would, "would stop web on p1");
	expect(scene, "n", ACTION_NONE, NULL);
	press(scene, "x");
	told(scene, 0, would);
	expect(scene, "\r", ACTION_NONE, NULL);
	press(scene, "x");
	told(scene, 0, would);
	expect(scene, "y", ACTION_RUN, "vm stop web");
	expect(scene, "\033K", ACTION_RUN, "--dry-run vm kill web");
	told(scene, 0, would);
	expect(scene, "y", ACTION_RUN, "vm kill web");
	expect(scene, "\033D", ACTION_RUN, "--dry-run vm destroy web");
	told(scene, 0, would);
	expect(scene, "we\r", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "not the name: nothing was done");
	press(scene, "D");
	told(scene, 0, would);
	expect(scene, "web\033", ACTION_NONE, NULL);
	press(scene, "Dy\r");		/* typed before the answer: it counts, but Enter does not */
	told(scene, 0, would);
	assert_string_equal(scene->ui.entry, "y");
	expect(scene, "\025web\r", ACTION_RUN, "vm destroy web");
	/* Typed commands, too, and those that this console knows nothing of. */
	press(scene, "\033:vm destroy web\r");
	told(scene, 0, would);
	expect(scene, "y", ACTION_NONE, NULL);
	expect(scene, "\033:node drain m1\r", ACTION_RUN, "--dry-run node drain m1");
	told(scene, 0, "would move 3 regions");
	expect(scene, "y", ACTION_RUN, "node drain m1");
	expect(scene, "\033:key rotate\r", ACTION_NONE, NULL);	/* it has no dry run */
	assert_string_equal(scene->ui.would, "");
	expect(scene, "y", ACTION_RUN, "key rotate");
	expect(scene, "\033:-o json vm destroy web\r", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.mode, MODE_CONFIRM);
}

/* What gmmd would refuse is not asked for; what comes before its answer does nothing. */
static void test_dry_run(void **state)
{
	struct scene *scene = *state;
	char line[COMMAND_BYTES];

	press(scene, "4x");
	told(scene, 5, "gmm: web has no power button; use vm kill\n");
	assert_int_equal(scene->ui.mode, MODE_VIEW);
	assert_string_equal(scene->ui.message, "web has no power button; use vm kill");
	expect(scene, "y", ACTION_NONE, NULL);
	press(scene, "x");
	told(scene, 1, "\n");
	assert_string_equal(scene->ui.message, "gmm --dry-run vm stop web: exit status 1");
	expect(scene, "xy", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.mode, MODE_CHECK);
	expect(scene, "n", ACTION_CANCEL, NULL);
	assert_string_equal(scene->ui.message, "nothing was done");
	told(scene, 143, "");		/* as it ends: nothing follows */
	assert_int_equal(scene->ui.mode, MODE_VIEW);
	expect(scene, "D\003", ACTION_CANCEL, NULL);
	told(scene, 0, "would destroy web on p1");
	assert_int_equal(scene->ui.mode, MODE_VIEW);
	/* More than there is room for is asked without it. */
	memset(line, 'x', sizeof(line));
	memcpy(line, ":vm stop ", 9);
	line[sizeof(line) - 2] = '\0';
	press(scene, line);
	expect(scene, "\r", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.mode, MODE_CONFIRM);
	/* Who types --dry-run is not asked, and may where the console only reads; as a value it is none. */
	scene->ui.readonly = true;
	expect(scene, "n:vm destroy web --dry-run\r", ACTION_RUN, "vm destroy web --dry-run");
	expect(scene, "\033:node admit a --domain --dry-run\r", ACTION_NONE, NULL);
	expect(scene, ":vm destroy -- --dry-run\r", ACTION_NONE, NULL);
	expect(scene, ":key rotate now --dry-run\r", ACTION_NONE, NULL);
}

static void test_readonly(void **state)
{
	struct scene *scene = *state;

	scene->ui.readonly = true;
	expect(scene, "4s", ACTION_NONE, NULL);
	expect(scene, "x", ACTION_NONE, NULL);
	expect(scene, "y", ACTION_NONE, NULL);
	expect(scene, "D", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.mode, MODE_VIEW);
	expect(scene, ":vm create a --memory 1G\r", ACTION_NONE, NULL);
	expect(scene, ":vm type web x\r", ACTION_NONE, NULL);
	expect(scene, ":node drain m1\r", ACTION_NONE, NULL);
	expect(scene, ":node list\r", ACTION_RUN, "node list");
	/* A console may be looked at. */
	expect(scene, "\033c", ACTION_ATTACH, NULL);
	scene->ui.console_attached = true;
	expect(scene, "a", ACTION_NONE, NULL);
	expect(scene, "\r", ACTION_NONE, NULL);
	expect(scene, "\035", ACTION_DETACH, NULL);
}

static void test_console(void **state)
{
	struct scene *scene = *state;

	expect(scene, "4jc", ACTION_ATTACH, NULL);
	assert_string_equal(scene->ui.console_vm, "db");
	assert_int_equal(scene->ui.view, VIEW_CONSOLE);
	scene->ui.console_attached = true;
	for (const char *key = "1q:/?\033\003\t"; *key; key++) {
		struct action action = ui_key(&scene->ui, scene->model, (unsigned char)*key);

		assert_int_equal(action.kind, ACTION_TYPE);
		assert_int_equal(action.key, (unsigned char)*key);
	}
	expect(scene, "\035", ACTION_DETACH, NULL);
	scene->ui.console_attached = false;
	assert_int_equal(scene->ui.view, VIEW_VMS);
	expect(scene, ":vm console mail --history\r", ACTION_ATTACH, NULL);
	assert_string_equal(scene->ui.console_vm, "mail");
	expect(scene, "4:vm console\r", ACTION_NONE, NULL);
	expect(scene, ":console --readonly\r", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "this is the console already");
	/* A VM without a serial line: said where it is asked for. */
	strcpy(scene->ui.console_vm, "");
	expect(scene, "4gjjjc", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "batch has no console: it was created without the device 'serial'");
	assert_int_equal(scene->ui.view, VIEW_VMS);
	expect(scene, ":vm console batch\r", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.console_vm, "");
}

static void test_filter(void **state)
{
	struct scene *scene = *state;

	expect(scene, "4/MAI", ACTION_NONE, NULL);
	expect(scene, "\rd", ACTION_RUN, "vm show mail");
	expect(scene, "\033", ACTION_NONE, NULL);	/* back from the output: the filter stays */
	expect(scene, "d", ACTION_RUN, "vm show mail");
	expect(scene, "\033\033d", ACTION_RUN, "vm show web");
	expect(scene, "\033/nothing\rd", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "nothing is selected");
	expect(scene, "/\177d", ACTION_RUN, "vm show web");
}

static void test_output(void **state)
{
	struct scene *scene = *state;

	expect(scene, "4d", ACTION_RUN, "vm show web");
	ui_run_begins(&scene->ui, "vm show web", 1);
	expect(scene, "\033", ACTION_CANCEL, NULL);
	expect(scene, "d", ACTION_RUN, NULL);
	ui_run_ends(&scene->ui, 0, 2);
	expect(scene, "j", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.output_top, 1);
	expect(scene, "c", ACTION_ATTACH, NULL);
	/* What is printed beyond the limit is counted, not kept. */
	for (unsigned i = 0; i < UI_OUTPUT_BYTES_MAX / 8 + 2; i++)
		ui_run_prints(&scene->ui, "12345678", 8);
	assert_int_equal(scene->ui.output_len_bytes, UI_OUTPUT_BYTES_MAX);
	assert_int_equal(scene->ui.output_lost_bytes, 16);
	expect(scene, "5d", ACTION_NONE, NULL);
	assert_int_equal(scene->ui.mode, MODE_OUTPUT);
}

/* Names that came from the wire never become options or two words of a command. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = { "--all", "a b", "a'b", "a\"b", "" };
	struct scene *scene = *state;

	press(scene, "4");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(scene->model->vms[0].name, names[i]);
		expect(scene, "d", ACTION_NONE, NULL);
		expect(scene, "D", ACTION_NONE, NULL);
		assert_int_equal(scene->ui.mode, MODE_VIEW);
	}
}

static void test_long_lines(void **state)
{
	struct scene *scene = *state;

	press(scene, ":");
	for (int i = 0; i < 2 * COMMAND_BYTES; i++)
		press(scene, "x");
	assert_int_equal(strlen(scene->ui.entry), COMMAND_BYTES - 1);
	press(scene, "\r\033:");
	for (int i = 0; i < COMMAND_WORDS_MAX + 1; i++)
		press(scene, "x ");
	expect(scene, "\r", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "that is too long");
	expect(scene, ":vm create 'a\r", ACTION_NONE, NULL);
	assert_string_equal(scene->ui.message, "a quote is still open");
	expect(scene, ":   \r", ACTION_NONE, NULL);
}

static void test_split(void **state)
{
	struct command_words words;

	(void)state;
	assert_int_equal(command_split("  vm create web --command-line \"a  'b'\" --x='c d'\"e\" '' ", &words), 0);
	assert_int_equal(words.count, 7);
	assert_string_equal(words.words[0], "vm");
	assert_string_equal(words.words[4], "a  'b'");
	assert_string_equal(words.words[5], "--x=c de");
	assert_string_equal(words.words[6], "");
	assert_null(words.words[7]);
	assert_string_equal(command_object(&words), "web");
	assert_int_equal(command_split("a 'b", &words), -EINVAL);
	assert_int_equal(command_split("", &words), 0);
	assert_int_equal(words.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_views, make, drop),
		cmocka_unit_test_setup_teardown(test_describe, make, drop),
		cmocka_unit_test_setup_teardown(test_destructive_verbs_ask, make, drop),
		cmocka_unit_test_setup_teardown(test_dry_run, make, drop),
		cmocka_unit_test_setup_teardown(test_readonly, make, drop),
		cmocka_unit_test_setup_teardown(test_console, make, drop),
		cmocka_unit_test_setup_teardown(test_filter, make, drop),
		cmocka_unit_test_setup_teardown(test_output, make, drop),
		cmocka_unit_test_setup_teardown(test_hostile_names, make, drop),
		cmocka_unit_test_setup_teardown(test_long_lines, make, drop),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
