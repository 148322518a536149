// SPDX-License-Identifier: GPL-2.0-only
/* The loop: one thread, one poll over the keyboard, the connections and a command's output. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "gmm/console/child.h"
#include "gmm/console/console.h"
#include "gmm/console/curses.h"
#include "gmm/console/feed.h"

#define CHILD_READ_BYTES 16384

struct console {
	const struct console_options *options;
	struct curses curses;
	struct model model;
	struct ui ui;
	struct feed feed;
	struct screen screen;
	struct child child;
	int ends;			/* signalfd: signals that end a program */
	bool over;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---------------------------------------------------------------- commands */

static void run_command(struct console *console, const char *line, uint64_t now_ns)
{
	struct command_words words;
	int status;

	if (console->child.pid) {
		if (console->ui.mode == MODE_CHECK)
			console->ui.mode = console->ui.mode_below;
		ui_message(&console->ui, true, "a command still runs; Esc stops waiting for it");
		return;
	}
	status = command_split(line, &words);
	ui_run_begins(&console->ui, line, now_ns);
	if (!status)
		status = child_start(&console->child, console->options->socket, &words);
	if (status) {
		ui_run_ends(&console->ui, 1, now_ns);
		ui_message(&console->ui, true, "cannot start it: %s", strerror(-status));
	}
}

static void read_command(struct console *console, uint64_t now_ns)
{
	char text[CHILD_READ_BYTES];
	int status;
	ssize_t got = child_read(&console->child, text, sizeof(text), &status);

	if (got > 0)
		ui_run_prints(&console->ui, text, (size_t)got);
	if (got == 0) {
		ui_run_ends(&console->ui, status, now_ns);
		feed_refresh(&console->feed);	/* it may have changed what is shown */
	}
}

/* ---------------------------------------------------------------- the guest's console */

static void detach(struct console *console)
{
	feed_detach(&console->feed);
	terminal_free(console->ui.terminal);
	console->ui.terminal = NULL;
	console->ui.console_vm[0] = '\0';
}

static void attach(struct console *console, uint64_t now_ns)
{
	int rows, columns;

	curses_size(&columns, &rows);
	terminal_free(console->ui.terminal);
	console->ui.terminal = terminal_new(rows - UI_AROUND_ROWS, columns);
	feed_attach(&console->feed, now_ns);
}

/* ---------------------------------------------------------------- the loop */

static void do_action(struct console *console, const struct action *action, uint64_t now_ns)
{
	switch (action->kind) {
	case ACTION_NONE: break;
	case ACTION_QUIT: console->over = true; break;
	case ACTION_RUN: run_command(console, action->words, now_ns); break;
	case ACTION_CANCEL: child_stop(&console->child); break;
	case ACTION_ATTACH: attach(console, now_ns); break;
	case ACTION_DETACH: detach(console); break;
	case ACTION_TYPE: feed_type(&console->feed, action->key); break;
	case ACTION_REFRESH: feed_refresh(&console->feed); break;
	}
}

static void take_keys(struct console *console, uint64_t now_ns)
{
	uint32_t key;

	while (!console->over && (key = curses_key())) {
		struct action action = ui_key(&console->ui, &console->model, key);

		do_action(console, &action, now_ns);
	}
}

static void draw(struct console *console, uint64_t now_ns)
{
	int width, height;

	curses_size(&width, &height);
	screen_clear(&console->screen, width, height, console->curses.unicode);
	ui_draw(&console->ui, &console->model, &console->screen, now_ns);
	curses_show(&console->curses, &console->screen);
}

/* After those of the connections: */
enum { FD_KEYS = FEED_LINKS, FD_CHILD, FD_ENDS, FDS };

/* ncurses hears of a change of size in ppoll() only: so none falls between two looks at it. */
static void turn(struct console *console, const sigset_t *in_poll)
{
	struct pollfd fds[FDS];
	int wait_ms = feed_turn(&console->feed, clock_ns());
	struct timespec wait = { wait_ms / 1000, wait_ms % 1000 * 1000000 };
	uint64_t now_ns;

	feed_poll(&console->feed, fds);
	fds[FD_KEYS] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	fds[FD_CHILD] = (struct pollfd){ .fd = console->child.fd, .events = POLLIN };
	fds[FD_ENDS] = (struct pollfd){ .fd = console->ends, .events = POLLIN };
	if (ppoll(fds, FDS, &wait, in_poll) < 0)
		memset(fds, 0, sizeof(fds));	/* a signal: nothing is ready, but the size may have changed */
	now_ns = clock_ns();
	if (fds[FD_ENDS].revents || (fds[FD_KEYS].revents & (POLLHUP | POLLERR | POLLNVAL)))
		console->over = true;	/* the latter: the terminal is gone */
	feed_ready(&console->feed, fds, now_ns);
	if (fds[FD_CHILD].revents)
		read_command(console, now_ns);
	take_keys(console, now_ns);
	if (!console->over)
		draw(console, now_ns);
}

static void loop(struct console *console)
{
	sigset_t ends, size, in_poll;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	console->ends = signalfd(-1, &ends, SFD_CLOEXEC);
	sigemptyset(&size);
	sigaddset(&size, SIGWINCH);
	sigprocmask(SIG_BLOCK, &size, &in_poll);
	draw(console, clock_ns());
	while (!console->over)
		turn(console, &in_poll);
	close(console->ends);
	/* A signal that ended the loop has done its work; the mask stays, for ncurses' own handlers would end the program. */
}

int console_run(const struct console_options *options)
{
	struct console *console;
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	console = calloc(1, sizeof(*console));
	if (!console)
		return -ENOMEM;
	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C");
	console->options = options;
	console->child.fd = -1;
	console->ui.readonly = options->readonly;
	feed_init(&console->feed, options->socket, options->interval_s, &console->model, &console->ui);
	status = curses_begin(&console->curses);
	if (!status) {
		loop(console);
		curses_end();
	}
	child_stop(&console->child);
	detach(console);
	feed_close(&console->feed);
	free(console);
	return status;
}
