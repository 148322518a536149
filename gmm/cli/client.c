// SPDX-License-Identifier: GPL-2.0-only
/* The connection to gmmd. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "gmm/cli/cli.h"

#define READ_BYTES 65536u

static volatile sig_atomic_t interrupted;	/* by Ctrl-C: a handler has nothing but this */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int client_connect(struct cli *cli)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	if (strlen(cli->socket) >= sizeof(name.sun_path)) {
		fprintf(stderr, "gmm: %s: the socket's path is too long\n", cli->socket);
		return EXIT_USAGE;
	}
	memcpy(name.sun_path, cli->socket, strlen(cli->socket) + 1);
	cli->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cli->timeout_s > 0)
		cli->deadline_ns = now_ns() + (uint64_t)(cli->timeout_s * 1e9);
	if (cli->fd >= 0 && connect(cli->fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return EXIT_OK;
	int reason = errno;

	const bool permitted = reason != EACCES && reason != EPERM;

	fprintf(stderr, "gmm: cannot reach gmmd at %s: %s (%s)\n", cli->socket, strerror(reason), !permitted ?
		"it is for the user that gmmd runs as: run gmm as root, or use the HTTP API with a token" :
		"is it running? --socket or PLENUM_SOCKET names its socket");
	return permitted ? EXIT_UNREACHABLE : EXIT_NOT_PERMITTED;
}

static int hung_up(void)
{
	fprintf(stderr, "gmm: gmmd hung up: it ended or was restarted; 'gmm operation list' says what became of what was begun\n");
	return EXIT_UNREACHABLE;
}

int client_send(struct cli *cli, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t len, done = 0;

	if (!text) {
		fprintf(stderr, "gmm: the request is not valid UTF-8\n");
		return EXIT_USAGE;
	}
	len = strlen(text);
	text[len++] = '\n';		/* in place of the NUL */
	while (done < len) {
		ssize_t sent = send(cli->fd, text + done, len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			free(text);
			return hung_up();
		}
		done += (size_t)sent;
	}
	free(text);
	return EXIT_OK;
}

int client_request(struct cli *cli)
{
	json_t *line = json_pack("{s:s,s:O}", "command", cli->command->request, "arguments", cli->arguments);
	int status = client_send(cli, line);

	json_decref(line);
	return status;
}

static void note_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void client_mind_interrupts(void)
{
	/* Without SA_RESTART: poll() is to return. */
	const struct sigaction action = { .sa_handler = note_interrupt };

	sigaction(SIGINT, &action, NULL);
}

static void end_interrupted(void)
{
	fprintf(stderr, "\ngmm: not waiting any longer; what was begun goes on in gmmd, 'gmm events' says how it ends\n");
	signal(SIGINT, SIG_DFL);
	raise(SIGINT);
}

/* Wait until gmmd has said something. */
static int await(struct cli *cli)
{
	struct pollfd end = { .fd = cli->fd, .events = POLLIN };
	int ready = 0;

	while (ready <= 0) {
		uint64_t now = now_ns();
		int timeout_ms = -1;

		if (cli->deadline_ns && now >= cli->deadline_ns) {
			fprintf(stderr, "gmm: gmmd did not answer within %g s%s\n", cli->timeout_s,
				cli->command->changes ? "; what was begun goes on, 'gmm events' says how it ends" : "");
			return EXIT_TIMED_OUT;
		}
		if (cli->deadline_ns)
			timeout_ms = (int)((cli->deadline_ns - now) / 1000000 < INT_MAX ? (cli->deadline_ns - now) / 1000000 + 1 : INT_MAX);
		if (interrupted)
			end_interrupted();
		ready = poll(&end, 1, timeout_ms);
		if (ready < 0 && errno != EINTR)
			return hung_up();
	}
	return EXIT_OK;
}

int client_fill(struct cli *cli)
{
	int status = await(cli);
	ssize_t got;

	if (status)
		return status;
	if (cli->in_capacity_bytes - cli->in_len_bytes < READ_BYTES) {
		cli->in_capacity_bytes = cli->in_len_bytes + 2 * READ_BYTES;
		cli->in = realloc(cli->in, cli->in_capacity_bytes);
		if (!cli->in) {
			fprintf(stderr, "gmm: out of memory\n");
			exit(EXIT_FAILED);
		}
	}
	got = recv(cli->fd, cli->in + cli->in_len_bytes, READ_BYTES, 0);
	if (got < 0 && errno == EINTR)
		return EXIT_OK;
	if (got <= 0)
		return hung_up();
	cli->in_len_bytes += (size_t)got;
	return EXIT_OK;
}

json_t *client_buffered(struct cli *cli)
{
	char *end = cli->in_len_bytes ? memchr(cli->in, '\n', cli->in_len_bytes) : NULL;
	json_error_t error;
	json_t *line;

	if (!end)
		return NULL;
	line = json_loadb(cli->in, (size_t)(end - cli->in), 0, &error);
	cli->in_len_bytes -= (size_t)(end + 1 - cli->in);
	memmove(cli->in, end + 1, cli->in_len_bytes);
	return line ? line : json_pack("{s:{s:i,s:s}}", "error", "status", -EPROTO, "message", "gmmd's answer is not JSON");
}

int client_receive(struct cli *cli, json_t **line)
{
	while (!(*line = client_buffered(cli))) {
		int status = client_fill(cli);

		if (status)
			return status;
	}
	return EXIT_OK;
}

int client_error_of(json_t *line)
{
	json_t *error = json_object_get(line, "error");
	const char *message = json_string_value(json_object_get(error, "message"));

	if (!error)
		return EXIT_OK;
	fprintf(stderr, "gmm: %s\n", message ? message : "gmmd reports an error without a message");
	switch (-(int)json_integer_value(json_object_get(error, "status"))) {
	case ENOENT: return EXIT_NOT_FOUND;
	case EPERM: case EACCES: return EXIT_NOT_PERMITTED;
	case EINVAL: return EXIT_USAGE;
	case EBUSY: case EEXIST: case ENOSPC: case EHOSTUNREACH: case EALREADY: return EXIT_CONFLICT;
	case ETIMEDOUT: return EXIT_TIMED_OUT;
	default: return EXIT_FAILED;
	}
}
