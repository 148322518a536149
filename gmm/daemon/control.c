// SPDX-License-Identifier: GPL-2.0-only
/* The operator's socket: connections and lines of JSON. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmm/daemon/client.h"

#define LINE_BYTES_MAX 65536u
/* A list of all regions fits. A slower reader is cut off, never silently skipped. */
#define OUT_BYTES_MAX (32u << 20)
#define CONNECTIONS_MAX 256u

struct connection {
	struct client client;		/* first: the loop and the commands know it by this */
	int fd;
	bool write_armed;
	size_t in_len_bytes;
	size_t out_capacity_bytes;
	char *out;			/* client.out_len_bytes of it */
	char in[LINE_BYTES_MAX];
};

/* ---------------------------------------------------------------- answers */

static void append_out(struct connection *connection, const char *bytes, size_t len)
{
	struct client *client = &connection->client;
	size_t needed = client->out_len_bytes + len;

	if (client->dead)
		return;
	if (needed > OUT_BYTES_MAX) {
		log_line(LOG_WARNING, "a client of the control socket reads too slowly, cut off");
		client->dead = true;
		return;
	}
	if (needed > connection->out_capacity_bytes) {
		size_t capacity = needed < 4096 ? 4096 : needed * 2;
		char *grown = realloc(connection->out, capacity);

		if (!grown) {
			client->dead = true;
			return;
		}
		connection->out = grown;
		connection->out_capacity_bytes = capacity;
	}
	memcpy(connection->out + client->out_len_bytes, bytes, len);
	client->out_len_bytes = needed;
}

static void answer(struct client *client, const char *key, json_t *value)
{
	json_t *object = json_pack("{s:o}", key, value ? value : json_null());
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	if (text) {
		append_out((struct connection *)client, text, strlen(text));
		append_out((struct connection *)client, "\n", 1);
	} else {
		client->dead = true;
	}
	free(text);
	json_decref(object);
}

/* ---------------------------------------------------------------- requests */

static void run_line(struct gmmd *gmmd, struct client *client, json_t *line)
{
	const char *command = json_string_value(json_object_get(line, "command"));
	json_t *arguments = json_object_get(line, "arguments"), *none = json_object();

	if (!command)
		client_error(client, -EINVAL, "the request lacks \"command\"");
	else
		client_run(gmmd, client, command, arguments ? arguments : none);
	json_decref(none);
}

static void take_line(struct gmmd *gmmd, struct client *client, const char *text, size_t len)
{
	json_error_t error;
	json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);

	if (!line)
		client_error(client, -EINVAL, "not a JSON object on one line: %s", error.text);
	else if (json_object_get(line, "input") && client->input)
		client->input(gmmd, client, line);
	else if (client->turn || client->operation)
		client_error(client, -EBUSY, "the last command of this connection is still under way");
	else
		run_line(gmmd, client, line);
	json_decref(line);
}

static void read_lines(struct gmmd *gmmd, struct connection *connection)
{
	struct client *client = &connection->client;
	char *start = connection->in, *end;
	ssize_t got = recv(connection->fd, connection->in + connection->in_len_bytes, sizeof(connection->in) - connection->in_len_bytes,
			   MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		client->dead = true;
		return;
	}
	if (got > 0)
		connection->in_len_bytes += (size_t)got;
	while (!client->dead && (end = memchr(start, '\n', connection->in_len_bytes - (size_t)(start - connection->in)))) {
		take_line(gmmd, client, start, (size_t)(end - start));
		start = end + 1;
	}
	connection->in_len_bytes -= (size_t)(start - connection->in);
	memmove(connection->in, start, connection->in_len_bytes);
	if (connection->in_len_bytes == sizeof(connection->in)) {
		connection->in_len_bytes = 0;
		client_error(client, -EMSGSIZE, "a line is longer than %u bytes", LINE_BYTES_MAX);
	}
}

/* ---------------------------------------------------------------- connections */

static void flush(struct gmmd *gmmd, struct client *client)
{
	struct connection *connection = (struct connection *)client;
	struct epoll_event change = { .data.ptr = client };
	size_t done = 0;

	while (!client->dead && done < client->out_len_bytes) {
		ssize_t sent = send(connection->fd, connection->out + done, client->out_len_bytes - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			done += (size_t)sent;
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		client->dead = errno != EAGAIN;
		break;
	}
	if (done) {
		client->out_len_bytes -= done;
		memmove(connection->out, connection->out + done, client->out_len_bytes);
	}
	if (client->dead || connection->write_armed == (client->out_len_bytes > 0))
		return;
	connection->write_armed = client->out_len_bytes > 0;
	change.events = EPOLLIN | (connection->write_armed ? EPOLLOUT : 0u);
	epoll_ctl(gmmd->epoll, EPOLL_CTL_MOD, connection->fd, &change);
}

static void gone(struct client *client)
{
	struct connection *connection = (struct connection *)client;

	close(connection->fd);
	free(connection->out);
	free(connection);
}

static const struct client_kind kind = { .answer = answer, .flush = flush, .gone = gone, .waits = true };

void control_ready(struct gmmd *gmmd, struct client *client, uint32_t events)
{
	if (!client->dead && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_lines(gmmd, (struct connection *)client);
}

static uint32_t count_connections(const struct gmmd *gmmd)
{
	uint32_t count = 0;

	for (const struct client *client = gmmd->clients; client; client = client->next)
		count += client->kind == &kind;
	return count;
}

void control_accept(struct gmmd *gmmd)
{
	int fd = accept4(gmmd->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	uint32_t count = count_connections(gmmd);
	struct connection *connection;

	if (fd < 0)
		return;
	connection = count < CONNECTIONS_MAX ? calloc(1, sizeof(*connection)) : NULL;
	if (!connection || loop_add(gmmd, fd, EPOLLIN, connection)) {
		log_line(LOG_WARNING, "refused a client of the control socket: clients=%u", count);
		free(connection);
		close(fd);
		return;
	}
	connection->fd = fd;
	connection->client.who = "control";
	client_add(gmmd, &connection->client, &kind);
}

int control_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	gmmd->control = private_socket(gmmd->config.socket, "the control socket", error);
	return gmmd->control < 0 ? -1 : loop_add(gmmd, gmmd->control, EPOLLIN, &gmmd->control);
}

void control_close(struct gmmd *gmmd)
{
	while (gmmd->clients) {
		struct client *client = gmmd->clients;

		client_remove(gmmd, client);
		client->kind->gone(client);
	}
	unlink(gmmd->config.socket);
}
