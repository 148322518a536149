// SPDX-License-Identifier: GPL-2.0-only
/* What each key does. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gmm/console/views.h"

#define SIDEWAYS 16			/* columns that an arrow moves a command's output */
#define INTERRUPT 3			/* Ctrl-C */

void ui_message(struct ui *ui, bool bad, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ui->message, sizeof(ui->message), format, arguments);
	va_end(arguments);
	ui->message_bad = bad;
}

static struct action action(enum action_kind kind)
{
	return (struct action){ .kind = kind };
}

static struct action show(struct ui *ui, enum view view)
{
	ui->view = view;
	ui->mode = ui->mode_below = MODE_VIEW;
	return action(ACTION_NONE);
}

/* ---------------------------------------------------------------- commands */

static struct action run(struct ui *ui, const char *words)
{
	struct action result = action(ACTION_RUN);

	snprintf(result.words, sizeof(result.words), "%s", words);
	ui->mode = ui->mode_below = MODE_OUTPUT;
	return result;
}

static struct action attach(struct ui *ui, struct model *model, const char *vm)
{
	const struct model_vm *known = model_vm_named(model, vm);

	if (!vm[0]) {
		ui_message(ui, true, "which VM's console?");
		return action(ACTION_NONE);
	}
	if (known && known->no_console) {
		ui_message(ui, true, "%s has no console: it was created without the device 'serial'", vm);
		return action(ACTION_NONE);
	}
	snprintf(ui->console_vm, sizeof(ui->console_vm), "%s", vm);
	ui->view = VIEW_CONSOLE;
	ui->mode = ui->mode_below = MODE_VIEW;
	return action(ACTION_ATTACH);
}

/* `name`: what must be typed; "": y will do. First gmmd is asked what it would do, if the command can be asked that. */
static struct action ask(struct ui *ui, const char *line, const char *name, bool tells)
{
	struct action result = action(ACTION_RUN);

	snprintf(ui->pending, sizeof(ui->pending), "%s", line);
	snprintf(ui->name, sizeof(ui->name), "%s", name);
	ui->entry[0] = '\0';
	ui->would[0] = '\0';
	/* In front of the command, where no word of the operator's makes it mean something else. */
	if (!tells || snprintf(result.words, sizeof(result.words), "--dry-run %s", line) >= (int)sizeof(result.words)) {
		ui->mode = name[0] ? MODE_CONFIRM_NAME : MODE_CONFIRM;
		return action(ACTION_NONE);
	}
	ui->mode = MODE_CHECK;
	return result;
}

/* A command line, typed or made of a key. */
static struct action command(struct ui *ui, struct model *model, const char *line)
{
	struct command_words words;
	int status = command_split(line, &words);
	enum risk risk;

	ui->mode = ui->mode_below;
	if (status) {
		ui_message(ui, true, "%s", status == -EINVAL ? "a quote is still open" : "that is too long");
		return action(ACTION_NONE);
	}
	if (words.count == 0)
		return action(ACTION_NONE);
	if (words.count == 1 && (strcmp(words.words[0], "q") == 0 || strcmp(words.words[0], "quit") == 0))
		return action(ACTION_QUIT);
	for (int view = 0; view < VIEW_COUNT && words.count == 1; view++)
		if (strcasecmp(words.words[0], view_type((enum view)view)->name) == 0)
			return show(ui, (enum view)view);
	risk = command_risk(&words);
	if (ui->readonly && risk != RISK_READS && risk != RISK_CONSOLE) {
		ui_message(ui, true, "this console only reads (--readonly): gmm %s is not run", words.words[0]);
		return action(ACTION_NONE);
	}
	switch (risk) {
	case RISK_CONSOLE: return attach(ui, model, command_object(&words));
	case RISK_ASK: return ask(ui, line, "", command_tells(&words));
	case RISK_NAME: return ask(ui, line, command_object(&words), command_tells(&words));
	case RISK_NEVER:
		ui_message(ui, true, "this is the console already");
		return action(ACTION_NONE);
	case RISK_READS: case RISK_CHANGES: break;
	}
	return run(ui, line);
}

/* `words` about the object that is selected. Names that would be taken apart or for an option are left to the command line. */
static struct action about(struct ui *ui, struct model *model, const char *words, const char *name)
{
	char line[COMMAND_BYTES];

	if (!name[0] || name[0] == '-' || strpbrk(name, " '\"")) {
		ui_message(ui, true, "nothing is selected");
		return action(ACTION_NONE);
	}
	snprintf(line, sizeof(line), "%s %s", words, name);
	return command(ui, model, line);
}

/* ---------------------------------------------------------------- typing a line */

static struct action end_entry(struct ui *ui, struct model *model)
{
	char line[COMMAND_BYTES];

	snprintf(line, sizeof(line), "%s", ui->entry);
	switch (ui->mode) {
	case MODE_COMMAND: return command(ui, model, line);
	case MODE_CONFIRM_NAME:
		ui->mode = ui->mode_below;
		if (strcmp(line, ui->name) == 0)
			return run(ui, ui->pending);
		ui_message(ui, true, "not the name: nothing was done");
		break;
	default:			/* the filter is in force already */
		ui->mode = ui->mode_below;
		break;
	}
	return action(ACTION_NONE);
}

static void append_character(char *text, uint32_t key)
{
	size_t len = strlen(text);

	/* Names and options are ASCII; anything else would only have to be escaped again. */
	if (key >= ' ' && key < 0x7f && len + 1 < COMMAND_BYTES) {
		text[len] = (char)key;
		text[len + 1] = '\0';
	}
}

static struct action entry_key(struct ui *ui, struct model *model, uint32_t key)
{
	size_t len = strlen(ui->entry);

	if (key == UI_KEY_ENTER)
		return end_entry(ui, model);
	if (key == UI_KEY_ESCAPE || (key == UI_KEY_ERASE && len == 0)) {
		if (ui->mode == MODE_FILTER)
			ui->filter[ui->view][0] = '\0';
		else if (ui->mode == MODE_CONFIRM_NAME)
			ui_message(ui, false, "nothing was done");
		ui->mode = ui->mode_below;
		return action(ACTION_NONE);
	}
	if (key == UI_KEY_ERASE)
		ui->entry[len - 1] = '\0';
	else if (key == 0x15)		/* Ctrl-U */
		ui->entry[0] = '\0';
	else
		append_character(ui->entry, key);
	if (ui->mode == MODE_FILTER) {
		memcpy(ui->filter[ui->view], ui->entry, sizeof(ui->entry));
		ui->selected[ui->view] = 0;
	}
	return action(ACTION_NONE);
}

/* A name may be typed while gmmd is still being asked; nothing else is taken then, so that no early y does what was not read. */
static struct action check_key(struct ui *ui, uint32_t key)
{
	if (key == UI_KEY_ESCAPE || (!ui->name[0] && (key == 'n' || key == 'q'))) {
		ui->mode = ui->mode_below;
		ui_message(ui, false, "nothing was done");
		return action(ACTION_CANCEL);
	}
	if (ui->name[0] && key != UI_KEY_ENTER)
		append_character(ui->entry, key);
	return action(ACTION_NONE);
}

static struct action confirm_key(struct ui *ui, uint32_t key)
{
	ui->mode = ui->mode_below;
	if (key == 'y' || key == 'Y')
		return run(ui, ui->pending);
	ui_message(ui, false, "nothing was done");
	return action(ACTION_NONE);
}

/* ---------------------------------------------------------------- moving */

/* How far a key moves; false: it does not. */
static bool movement(uint32_t key, int page, int *by)
{
	switch (key) {
	case UI_KEY_UP: case 'k': *by = -1; return true;
	case UI_KEY_DOWN: case 'j': *by = 1; return true;
	case UI_KEY_PAGE_UP: *by = -page; return true;
	case UI_KEY_PAGE_DOWN: case ' ': *by = page; return true;
	case UI_KEY_HOME: case 'g': *by = -1000000; return true;
	case UI_KEY_END: case 'G': *by = 1000000; return true;
	default: return false;
	}
}

/* Drawing corrects what is too far down. */
static int moved(int from, int by)
{
	return from + by < 0 ? 0 : from + by;
}

static struct action page_key(struct ui *ui, uint32_t key, int *top)
{
	int by;

	if (movement(key, ui->page_rows, &by))
		*top = moved(*top, by);
	return action(ACTION_NONE);
}

/* ---------------------------------------------------------------- views */

static struct action node_key(struct ui *ui, struct model *model, uint32_t key)
{
	int at = view_selected(ui, model, ui->view);
	const char *name = at >= 0 ? model->nodes[at].name : "";

	switch (key) {
	case 'd': case UI_KEY_ENTER: return about(ui, model, "node show", name);
	case 'c': return about(ui, model, "node counters", name);
	case 'r': return about(ui, model, "node refusals", name);
	default: return action(ACTION_NONE);
	}
}

static struct action vm_key(struct ui *ui, struct model *model, uint32_t key)
{
	int at = view_selected(ui, model, VIEW_VMS);
	const char *name = at >= 0 ? model->vms[at].name : "";

	switch (key) {
	case UI_KEY_ENTER: return about(ui, model, "vm stats", name);
	case 'd': return about(ui, model, "vm show", name);
	case 'c': return about(ui, model, "vm console", name);
	case 's': return about(ui, model, "vm start", name);
	case 'x': return about(ui, model, "vm stop", name);
	case 'K': return about(ui, model, "vm kill", name);
	case 'D': return about(ui, model, "vm destroy", name);
	default: return action(ACTION_NONE);
	}
}

static struct action other_key(struct ui *ui, struct model *model, uint32_t key)
{
	switch (ui->view) {
	case VIEW_RACK: case VIEW_NODES: case VIEW_MEMORY: return node_key(ui, model, key);
	case VIEW_VMS: return vm_key(ui, model, key);
	case VIEW_OPERATIONS:
		if ((key == 'd' || key == UI_KEY_ENTER) && ui->run_count)
			ui->mode = ui->mode_below = MODE_OUTPUT;
		break;
	case VIEW_EVENTS:
		if (key == 'p') {
			ui->paused = !ui->paused;
			ui->paused_at = model->event_count;
		}
		break;
	default: break;
	}
	return action(ACTION_NONE);
}

static struct action general_key(struct ui *ui, struct model *model, uint32_t key)
{
	int by;

	if (key >= '1' && key < '1' + VIEW_COUNT)
		return show(ui, (enum view)(key - '1'));
	switch (key) {
	case 'q': return action(ACTION_QUIT);
	case '?':
		ui->mode = MODE_HELP;
		ui->help_top = 0;
		return action(ACTION_NONE);
	case ':': case '/':
		if (key == '/' && (ui->mode != MODE_VIEW || !view_type(ui->view)->count))
			return action(ACTION_NONE);
		ui->mode_below = ui->mode;
		ui->mode = key == ':' ? MODE_COMMAND : MODE_FILTER;
		ui->entry[0] = '\0';
		return action(ACTION_NONE);
	case UI_KEY_ESCAPE:
		ui->filter[ui->view][0] = '\0';
		return action(ACTION_NONE);
	case 'h': return command(ui, model, "health detail");
	case UI_KEY_TAB: return show(ui, (enum view)((ui->view + 1) % VIEW_COUNT));
	case 0x12:			/* Ctrl-R */
		return action(ACTION_REFRESH);
	default: break;
	}
	if (ui->view == VIEW_RACK && (key == UI_KEY_LEFT || key == UI_KEY_RIGHT))
		by = key == UI_KEY_LEFT ? -1 : 1;
	else if (!movement(key, ui->page_rows, &by))
		return other_key(ui, model, key);
	else if (ui->view == VIEW_RACK && (by == 1 || by == -1))
		by *= ui->across;
	ui->selected[ui->view] = moved(ui->selected[ui->view], by);
	return action(ACTION_NONE);
}

static struct action output_key(struct ui *ui, struct model *model, uint32_t key)
{
	const struct ui_run *last = ui_last_run(ui);
	int by;

	if (movement(key, ui->page_rows, &by))
		return page_key(ui, key, &ui->output_top);
	if (key == UI_KEY_LEFT || key == UI_KEY_RIGHT)
		ui->output_left = key == UI_KEY_LEFT ? moved(ui->output_left, -SIDEWAYS) : moved(ui->output_left, SIDEWAYS);
	if (key == UI_KEY_ESCAPE || key == 'q') {
		ui->mode = ui->mode_below = MODE_VIEW;
		return action(last && !last->over ? ACTION_CANCEL : ACTION_NONE);
	}
	/* What can be done with the object that the output is about. */
	if (key == 'c' && ui->view == VIEW_VMS)
		return vm_key(ui, model, key);
	return (key >= '1' && key < '1' + VIEW_COUNT) || key == ':' || key == '?' ?
		general_key(ui, model, key) : action(ACTION_NONE);
}

static struct action console_key(struct ui *ui, uint32_t key)
{
	struct action result = action(ACTION_TYPE);

	if (key == UI_KEY_BACK) {
		ui->view = VIEW_VMS;
		return action(ACTION_DETACH);
	}
	if (ui->readonly) {
		ui_message(ui, true, "this console only reads (--readonly): Ctrl-] goes back");
		return action(ACTION_NONE);
	}
	result.key = key;
	return result;
}

struct action ui_key(struct ui *ui, struct model *model, uint32_t key)
{
	ui->message[0] = '\0';
	if (key == INTERRUPT && ui->mode == MODE_VIEW && ui->view == VIEW_CONSOLE && ui->console_attached)
		return console_key(ui, key);
	if (key == INTERRUPT && ui->mode <= MODE_HELP)
		return action(ACTION_QUIT);
	if (key == INTERRUPT)
		key = UI_KEY_ESCAPE;
	switch (ui->mode) {
	case MODE_COMMAND: case MODE_FILTER: case MODE_CONFIRM_NAME: return entry_key(ui, model, key);
	case MODE_CHECK: return check_key(ui, key);
	case MODE_CONFIRM: return confirm_key(ui, key);
	case MODE_OUTPUT: return output_key(ui, model, key);
	case MODE_HELP:
		if (key != UI_KEY_ESCAPE && key != 'q' && key != '?')
			return page_key(ui, key, &ui->help_top);
		ui->mode = ui->mode_below;
		return action(ACTION_NONE);
	case MODE_VIEW: break;
	}
	if (ui->view == VIEW_CONSOLE && ui->console_attached)
		return console_key(ui, key);
	return general_key(ui, model, key);
}
