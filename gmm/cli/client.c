// SPDX-License-Identifier: GPL-2.0-only
/* The connection to gmmd. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gmm/cli/cli.h"

#define READ_BYTES 65536u

int client_connect(struct cli *cli)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	if (strlen(cli->socket) >= sizeof(name.sun_path)) {
		fprintf(stderr, "gmm: %s: the socket's path is too long\n", cli->socket);
		return EXIT_USAGE;
	}
	memcpy(name.sun_path, cli->socket, strlen(cli->socket) + 1);
	cli->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cli->fd >= 0 && connect(cli->fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return EXIT_OK;
	fprintf(stderr, "gmm: cannot reach gmmd at %s: %s%s\n", cli->socket, strerror(errno),
		errno == ENOENT ? " (is it running? --socket or PLENUM_SOCKET names its socket)" : "");
	return EXIT_UNREACHABLE;
}

static int hung_up(void)
{
	fprintf(stderr, "gmm: gmmd hung up\n");
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

int client_fill(struct cli *cli)
{
	ssize_t got;

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
	case EINVAL: return EXIT_USAGE;
	case EBUSY: case EEXIST: case ENOSPC: case EHOSTUNREACH: case EALREADY: return EXIT_CONFLICT;
	case ETIMEDOUT: return EXIT_TIMED_OUT;
	default: return EXIT_FAILED;
	}
}
