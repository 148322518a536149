// SPDX-License-Identifier: GPL-2.0-only
/* Commands that this console ran, and what the last one printed; help. */
#include <stdio.h>
#include <string.h>

#include "gmm/console/views.h"

#define PREFIX "gmm: "			/* of what commands refuse */

/* ---------------------------------------------------------------- runs */

const struct ui_run *ui_last_run(const struct ui *ui)
{
	return ui->run_count ? &ui->runs[(ui->run_count - 1) % UI_RUNS_MAX] : NULL;
}

void ui_run_begins(struct ui *ui, const char *words, uint64_t now_ns)
{
	struct ui_run *run = &ui->runs[ui->run_count++ % UI_RUNS_MAX];

	*run = (struct ui_run){ .started_ns = now_ns };
	snprintf(run->words, sizeof(run->words), "%s", words);
	ui->output_len_bytes = 0;
	ui->output_lost_bytes = 0;
	ui->output_top = 0;
	ui->output_left = 0;
}

void ui_run_prints(struct ui *ui, const char *bytes, size_t len)
{
	size_t room = sizeof(ui->output) - ui->output_len_bytes, taken = len < room ? len : room;

	memcpy(ui->output + ui->output_len_bytes, bytes, taken);
	ui->output_len_bytes += taken;
	ui->output_lost_bytes += len - taken;
}

/* The dry run has told what would be done, or why it cannot be. */
static void end_check(struct ui *ui, int status)
{
	const char *text = ui->output;
	size_t len = ui->output_len_bytes;

	while (len && text[len - 1] == '\n')
		len--;
	if (status == 0) {
		snprintf(ui->would, sizeof(ui->would), "%.*s", (int)len, text);
		ui->mode = ui->name[0] ? MODE_CONFIRM_NAME : MODE_CONFIRM;
		return;
	}
	if (len > strlen(PREFIX) && strncmp(text, PREFIX, strlen(PREFIX)) == 0) {
		text += strlen(PREFIX);
		len -= strlen(PREFIX);
	}
	ui->mode = ui->mode_below;
	if (len)
		ui_message(ui, true, "%.*s", (int)len, text);
	else
		ui_message(ui, true, "gmm --dry-run %s: exit status %d", ui->pending, status);
}

void ui_run_ends(struct ui *ui, int status, uint64_t now_ns)
{
	struct ui_run *run = &ui->runs[(ui->run_count - 1) % UI_RUNS_MAX];

	if (ui->mode == MODE_CHECK)
		end_check(ui, status);
	run->over = true;
	run->status = status;
	run->ended_ns = now_ns;
}

void draw_output(struct ui *ui, struct screen *screen, struct area area, uint64_t now_ns)
{
	const struct ui_run *run = ui_last_run(ui);
	struct area text = { area.row + 1, area.height - 1 };

	if (!run)
		return;
	ui->page_rows = text.height > 1 ? text.height - 1 : 1;
	ui->output_top = draw_pages(screen, text, ui->output, ui->output_len_bytes, ui->output_top, ui->output_left);
	if (!run->over)
		screen_format(screen, area.row, 0, STYLE_WARN, "gmm %s: running for %.0f s; Esc stops waiting for it", run->words,
			      (double)(now_ns - run->started_ns) / 1e9);
	else if (run->status)
		screen_format(screen, area.row, 0, STYLE_BAD, "gmm %s: exit status %d", run->words, run->status);
	else
		screen_format(screen, area.row, 0, STYLE_GOOD, "gmm %s: done%s", run->words,
			      ui->output_lost_bytes ? "; it printed more than is kept here" : "");
}

/* ---------------------------------------------------------------- help */

static const char help[] =
	"Views\n"
	"  1 Rack        every node: its state, how much of it is reserved\n"
	"  2 Nodes       the same as a table, with their load\n"
	"  3 Memory      what the rack has, has promised and holds; imbalance: standard\n"
	"                deviation of the reserved shares over their mean\n"
	"  4 VMs         HIT: touches that needed no page from the wire; MISS/S: pages\n"
	"                read a second; P50, P99: fault to resumed guest, of all misses\n"
	"  5 Operations  what is under way, and commands of this console\n"
	"  6 Events      the newest first\n"
	"  7 Console     a VM's serial line; Ctrl-] goes back\n"
	"\n"
	"Keys everywhere\n"
	"  Tab           next view\n"
	"  Up, Down, k, j, PgUp, PgDn, Home, End    move\n"
	"  Enter, d      open, describe what is selected\n"
	"  /             show only rows with this text; Esc clears it\n"
	"  :             a command, as after gmm on a command line; or a view's name\n"
	"  h             the rack's health in detail\n"
	"  Ctrl-R        ask gmmd now;  Ctrl-L  draw again\n"
	"  Esc           back;  q  quit\n"
	"\n"
	"Nodes:   d  everything about it;  c  its counters;  r  what it refused\n"
	"VMs:     Enter  counters and latencies;  d  everything about it;  c  its console\n"
	"         s  start;  x  stop and  K  kill: ask;  D  destroy: asks for its name\n"
	"         placed: the memory components that its pages depend on, and its spread\n"
	"Events:  p  stop the list, and go on\n"
	"\n"
	"What asks says first what it would do (--dry-run), or why it cannot be done.\n"
	"The line above the keys is the command that shows the same on a command line.\n";

void draw_help(struct ui *ui, struct screen *screen, struct area area)
{
	ui->page_rows = area.height > 1 ? area.height - 1 : 1;
	ui->help_top = draw_pages(screen, area, help, sizeof(help) - 1, ui->help_top, 0);
}
