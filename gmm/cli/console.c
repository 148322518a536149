// SPDX-License-Identifier: GPL-2.0-only
/* A VM's serial line in this terminal. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "gmm/base64.h"
#include "gmm/cli/cli.h"

#define DETACH 0x1d			/* Ctrl-] */
#define PIECE_BYTES 8192
#define TYPED_BYTES 1024
#define QUIET_MS 500			/* the last output may come after the news that the guest is off */

struct console {
	struct cli *cli;
	const char *until;		/* state; NULL: none */
	bool reached;
	bool over;
	int status;
};

static struct termios terminal_before;
static bool terminal_raw;

static void restore_terminal(void)
{
	if (terminal_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_before);
	terminal_raw = false;
}

/* Whoever ends us by a signal wants his terminal back, too. tcsetattr() may be called here. */
static void end_by_signal(int number)
{
	if (terminal_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	signal(number, SIG_DFL);
	raise(number);
}

static void restore_at_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_handler = end_by_signal };

	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
}

static void make_raw(bool history)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal_before))
		return;
	raw = terminal_before;
	cfmakeraw(&raw);
	restore_at_signals();
	terminal_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
	atexit(restore_terminal);
	if (terminal_raw)
		fprintf(stderr, "attached; Ctrl-] detaches%s\r\n", history ? "" : ", --history shows what was written before");
}

static void write_all(const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t written = write(STDOUT_FILENO, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			exit(EXIT_FAILED);
		bytes += written;
		len -= (size_t)written;
	}
}

/* ---------------------------------------------------------------- from gmmd */

static void take_state(struct console *console, const char *state, const char *reason)
{
	bool dead = strcmp(state, "failed") == 0 || strcmp(state, "lost") == 0;

	if (console->until && strcmp(state, console->until) == 0) {
		console->reached = true;
	} else if (console->until && dead) {
		fprintf(stderr, "gmm: the VM is %s: %s\n", state, reason);
		console->status = EXIT_FAILED;
		console->reached = true;
	} else if (terminal_raw) {
		fprintf(stderr, "[%s%s%s]\r\n", state, reason[0] ? ": " : "", reason);
	}
}

static void take_line(struct console *console, json_t *line)
{
	json_t *item = json_object_get(line, "item");
	const char *output = json_string_value(json_object_get(item, "output"));
	const char *state = json_string_value(json_object_get(item, "state"));
	const char *reason = json_string_value(json_object_get(item, "reason"));
	uint8_t bytes[PIECE_BYTES];
	long len = output ? base64_decode(output, bytes, sizeof(bytes)) : 0;

	if (len > 0)
		write_all(bytes, (size_t)len);
	if (state)
		take_state(console, state, reason ? reason : "");
	if (!item) {
		restore_terminal();
		console->status = client_error_of(line);
		console->over = true;
	}
}

/* ---------------------------------------------------------------- from the keyboard */

static int send_bytes(struct cli *cli, const uint8_t *bytes, size_t len)
{
	char text[BASE64_CHARS(TYPED_BYTES) + 1];
	json_t *line;
	int status;

	base64_encode(bytes, len, text);
	line = json_pack("{s:s}", "input", text);
	status = client_send(cli, line);
	json_decref(line);
	return status;
}

/* False: the operator detached, or input ended. */
static bool take_keys(struct console *console)
{
	uint8_t bytes[TYPED_BYTES];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
	uint8_t *detach = got > 0 && terminal_raw ? memchr(bytes, DETACH, (size_t)got) : NULL;

	if (got <= 0)
		return false;
	if (detach)
		got = detach - bytes;
	if (got > 0 && send_bytes(console->cli, bytes, (size_t)got))
		console->over = true;
	if (detach) {
		restore_terminal();
		fprintf(stderr, "\ndetached\n");
		console->over = true;
	}
	return !detach;
}

int run_console(struct cli *cli)
{
	struct console console = { .cli = cli, .until = json_string_value(json_object_get(cli->own, "until-state")) };
	bool input = !json_object_get(cli->own, "no-input") && !json_is_false(json_object_get(cli->arguments, "follow"));
	struct pollfd ends[2] = { { .fd = cli->fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	int status = client_request(cli);

	if (status)
		return status;
	if (input)
		make_raw(json_object_get(cli->arguments, "history"));
	while (!console.over) {
		json_t *line;
		int ready;

		ends[1].fd = input ? STDIN_FILENO : -1;
		ready = poll(ends, 2, console.reached ? QUIET_MS : -1);
		if (ready == 0)
			break;
		if (ready < 0)
			continue;
		if (ends[1].revents)
			input = take_keys(&console);
		if (!ends[0].revents)
			continue;
		if ((status = client_fill(cli)))
			return status;
		while (!console.over && (line = client_buffered(cli))) {
			take_line(&console, line);
			json_decref(line);
		}
	}
	restore_terminal();
	return console.status;
}

/* ---------------------------------------------------------------- vm type */

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Length, or -1 when an escape is not known or the text is too long. */
static long unescape(const char *text, uint8_t *bytes, size_t capacity)
{
	static const char names[] = "nrte\\", values[] = "\n\r\t\033\\";
	size_t len = 0;

	for (; *text; text++) {
		const char *known;

		if (len == capacity)
			return -1;
		if (*text != '\\') {
			bytes[len++] = (uint8_t)*text;
			continue;
		}
		text++;
		if (*text == 'x' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
			bytes[len++] = (uint8_t)(hex(text[1]) << 4 | hex(text[2]));
			text += 2;
			continue;
		}
		known = *text ? strchr(names, *text) : NULL;
		if (!known)
			return -1;
		bytes[len++] = (uint8_t)values[known - names];
	}
	return (long)len;
}

int run_type(struct cli *cli)
{
	uint8_t bytes[TYPED_BYTES];
	char text[BASE64_CHARS(TYPED_BYTES) + 1];
	long len = unescape(json_string_value(json_object_get(cli->arguments, "text")), bytes, sizeof(bytes));
	json_t *line = NULL;
	int status;

	if (len < 0) {
		fprintf(stderr, "gmm: the text has an unknown escape or is longer than %d bytes\n", TYPED_BYTES);
		return EXIT_USAGE;
	}
	base64_encode(bytes, (size_t)len, text);
	json_object_del(cli->arguments, "text");
	json_object_set_new(cli->arguments, "data", json_string(text));
	status = client_request(cli);
	if (!status)
		status = client_receive(cli, &line);
	if (!status)
		status = client_error_of(line);
	json_decref(line);
	return status;
}
