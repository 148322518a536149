/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the operator sees and does: which view, what is selected, what is being typed. Keys go in, actions come out (ui_key);
 * drawing reads the model and this, and fills a screen (ui_draw). Neither has a clock, I/O or allocation.
 */
#ifndef PLENUM_GMM_CONSOLE_UI_H
#define PLENUM_GMM_CONSOLE_UI_H

#include <stddef.h>

#include "gmm/console/commands.h"
#include "gmm/console/model.h"
#include "gmm/console/screen.h"
#include "gmm/console/terminal.h"

#define UI_HEIGHT_MIN 10
#define UI_WIDTH_MIN 40
#define UI_AROUND_ROWS 6		/* around a guest's terminal: header, its title, footer */
#define UI_OUTPUT_BYTES_MAX (256u << 10)	/* of a command; the rest is counted */
#define UI_RUNS_MAX 32			/* commands of this console that are remembered */
/* Every list fits, also those of a rack with more nodes than most. */
#define UI_ROWS_MAX ((int)(MODEL_VMS_MAX > MODEL_EVENTS_MAX ? MODEL_VMS_MAX : MODEL_EVENTS_MAX))

enum view { VIEW_RACK, VIEW_NODES, VIEW_MEMORY, VIEW_VMS, VIEW_OPERATIONS, VIEW_EVENTS, VIEW_CONSOLE, VIEW_COUNT };

/* Keys that are not characters; characters are their Unicode number. */
enum ui_key {
	UI_KEY_ENTER = '\r', UI_KEY_ESCAPE = 0x1b, UI_KEY_BACK = 0x1d /* Ctrl-] */, UI_KEY_ERASE = 0x7f, UI_KEY_TAB = '\t',
	UI_KEY_UP = 0x110000, UI_KEY_DOWN, UI_KEY_LEFT, UI_KEY_RIGHT, UI_KEY_HOME, UI_KEY_END, UI_KEY_PAGE_UP, UI_KEY_PAGE_DOWN,
	UI_KEY_INSERT, UI_KEY_DELETE,
};

/* Over the view: */
enum mode {
	MODE_VIEW,			/* nothing */
	MODE_OUTPUT,			/* what a command printed */
	MODE_HELP,
	MODE_COMMAND,			/* : is being typed */
	MODE_FILTER,			/* / is being typed */
	MODE_CHECK,			/* gmmd is asked what a command would do; a confirmation follows */
	MODE_CONFIRM,			/* y or n */
	MODE_CONFIRM_NAME,		/* the object's name is being typed */
};

enum action_kind {
	ACTION_NONE,
	ACTION_QUIT,
	ACTION_RUN,			/* gmm `words`; its output goes to ui->output */
	ACTION_CANCEL,			/* end the command that runs */
	ACTION_ATTACH,			/* ui->console_vm's console */
	ACTION_DETACH,
	ACTION_TYPE,			/* `key` to that console */
	ACTION_REFRESH,			/* ask gmmd now */
};

struct action {
	enum action_kind kind;
	uint32_t key;
	char words[COMMAND_BYTES];
};

struct ui_run {
	char words[COMMAND_BYTES];
	bool over;
	int status;			/* exit status */
	uint64_t started_ns, ended_ns;
};

struct ui {
	bool readonly;
	enum view view;
	enum mode mode, mode_below;	/* below: what comes back after typing */
	int selected[VIEW_COUNT];	/* among the rows that pass the filter */
	char filter[VIEW_COUNT][COMMAND_BYTES];
	char entry[COMMAND_BYTES];	/* being typed */
	char pending[COMMAND_BYTES];	/* the command that waits for a confirmation */
	char name[COMMAND_BYTES];	/* what must be typed for it; "": nothing, y will do */
	char would[2 * MODEL_TEXT_BYTES];	/* what gmmd says that it would do; "": nothing was said */
	char message[2 * MODEL_TEXT_BYTES];	/* for the operator, until the next key */
	bool message_bad;
	bool paused;			/* events: the list stands still */
	uint64_t paused_at;		/* model's event_count then */
	/* Output of the last command: */
	char output[UI_OUTPUT_BYTES_MAX];
	size_t output_len_bytes, output_lost_bytes;
	int output_top, help_top;	/* first line shown */
	int output_left;		/* characters of each line that are out of sight */
	int page_rows;			/* of the last drawing */
	int across;			/* boxes beside each other in the rack's last drawing */
	struct ui_run runs[UI_RUNS_MAX];	/* a ring */
	unsigned run_count;		/* ever */
	/* The VM console: */
	char console_vm[MODEL_WORD_BYTES];	/* "": none */
	bool console_attached;
	char console_state[MODEL_TEXT_BYTES];	/* what gmmd last said of it */
	struct terminal *terminal;	/* not owned; NULL: none */
};

/* One key; what is to be done, its words valid until the next call. */
struct action ui_key(struct ui *ui, struct model *model, uint32_t key);
/* The whole screen; it was cleared with its size before. Sets ui->page_rows and corrects selections. */
void ui_draw(struct ui *ui, const struct model *model, struct screen *screen, uint64_t now_ns);

__attribute__((format(printf, 3, 4))) void ui_message(struct ui *ui, bool bad, const char *format, ...);
/* A command begins: its output is empty. */
void ui_run_begins(struct ui *ui, const char *words, uint64_t now_ns);
void ui_run_prints(struct ui *ui, const char *bytes, size_t len);
/* In MODE_CHECK it was a dry run: what follows is the confirmation, or the reason why there is none. */
void ui_run_ends(struct ui *ui, int status, uint64_t now_ns);
/* The newest one; NULL: none was. */
const struct ui_run *ui_last_run(const struct ui *ui);

#endif
