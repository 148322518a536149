// SPDX-License-Identifier: GPL-2.0-only
/* The operator's socket: connections, lines, and who waits for what. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmm/core/text.h"
#include "gmm/daemon/client.h"

/* ---------------------------------------------------------------- answers */

static void append_out(struct client *client, const char *bytes, size_t len)
{
	size_t needed = client->out_len_bytes + len;

	if (client->dead)
		return;
	if (needed > CLIENT_OUT_BYTES_MAX) {
		log_line(LOG_WARNING, "a client of the control socket reads too slowly, cut off");
		client->dead = true;
		return;
	}
	if (needed > client->out_capacity_bytes) {
		size_t capacity = needed < 4096 ? 4096 : needed * 2;
		char *grown = realloc(client->out, capacity);

		if (!grown) {
			client->dead = true;
			return;
		}
		client->out = grown;
		client->out_capacity_bytes = capacity;
	}
	memcpy(client->out + client->out_len_bytes, bytes, len);
	client->out_len_bytes = needed;
}

static void send_object(struct client *client, const char *key, json_t *value)
{
	json_t *object = json_pack("{s:o}", key, value ? value : json_null());
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	if (text) {
		append_out(client, text, strlen(text));
		append_out(client, "\n", 1);
	} else {
		client->dead = true;
	}
	free(text);
	json_decref(object);
}

static void command_over(struct client *client)
{
	client->turn = NULL;
	client->input = NULL;
	client->operation = 0;
	client->deadline_ns = 0;
	free(client->text);
	client->text = NULL;
	client->text_len_bytes = 0;
}

void client_result(struct client *client, json_t *result)
{
	send_object(client, "result", result);
	command_over(client);
}

void client_item(struct client *client, json_t *item)
{
	send_object(client, "item", item);
}

void client_error(struct client *client, int status, const char *format, ...)
{
	char message[CONFIG_ERROR_BYTES + 128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	send_object(client, "error", json_pack("{s:i,s:o}", "status", status, "message", json_text(message)));
	command_over(client);
}

bool client_unpack(struct client *client, json_t *arguments, const char *format, ...)
{
	json_error_t error;
	va_list list;
	int status;

	va_start(list, format);
	status = json_vunpack_ex(arguments, &error, JSON_STRICT, format, list);
	va_end(list);
	if (status)
		client_error(client, -EINVAL, "bad arguments: %s", error.text);
	return status == 0;
}

struct client *client_by_id(struct gmmd *gmmd, uint64_t id)
{
	for (struct client *client = gmmd->clients; client; client = client->next)
		if (client->id == id && !client->dead)
			return client;
	return NULL;
}

json_t *json_text(const char *text)
{
	json_t *value = json_string(text);
	char clean[1024];

	if (value)
		return value;
	text_copy(clean, sizeof(clean), text, strlen(text));
	return json_string(clean);
}

/* ---------------------------------------------------------------- requests */

/* False: it cannot be kept, so it is not done, and the client was told. */
static bool log_command(struct gmmd *gmmd, struct client *client, const json_t *line)
{
	char error[CONFIG_ERROR_BYTES], *what = json_dumps(line, JSON_COMPACT);
	int status = what ? keep_command(gmmd, "control", what, error) : -ENOMEM;

	free(what);
	if (status == -ENOMEM)
		client_error(client, status, "out of memory");
	else if (status)
		client_error(client, status, "nothing was done: %s", error);
	return status == 0;
}

static void run_command(struct gmmd *gmmd, struct client *client, json_t *line)
{
	static const struct client_command_entry *const tables[] = { node_commands, vm_commands, key_commands,
									   store_commands, health_commands, balance_commands };
	json_t *arguments = json_object_get(line, "arguments");
	const char *name = json_string_value(json_object_get(line, "command"));
	json_t *none;

	if (!name) {
		client_error(client, -EINVAL, "the request lacks \"command\"");
		return;
	}
	for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct client_command_entry *entry = tables[t]; entry->name; entry++)
			if (strcmp(entry->name, name) == 0) {
				none = json_object();
				/* A dry run decides nothing; commands that know none refuse it. */
				if (!entry->changes || json_is_true(json_object_get(arguments, "dry_run")) ||
				    log_command(gmmd, client, line))
					entry->run(gmmd, client, arguments ? arguments : none);
				json_decref(none);
				return;
			}
	client_error(client, -EINVAL, "unknown command '%s'", name);
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
		run_command(gmmd, client, line);
	json_decref(line);
}

static void read_lines(struct gmmd *gmmd, struct client *client)
{
	char *start = client->in, *end;
	ssize_t got = recv(client->fd, client->in + client->in_len_bytes, sizeof(client->in) - client->in_len_bytes, MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		client->dead = true;
		return;
	}
	if (got > 0)
		client->in_len_bytes += (size_t)got;
	while (!client->dead && (end = memchr(start, '\n', client->in_len_bytes - (size_t)(start - client->in)))) {
		take_line(gmmd, client, start, (size_t)(end - start));
		start = end + 1;
	}
	client->in_len_bytes -= (size_t)(start - client->in);
	memmove(client->in, start, client->in_len_bytes);
	if (client->in_len_bytes == sizeof(client->in)) {
		client->in_len_bytes = 0;
		client_error(client, -EMSGSIZE, "a line is longer than %u bytes", CLIENT_LINE_BYTES_MAX);
	}
}

/* ---------------------------------------------------------------- connections */

static void flush(struct gmmd *gmmd, struct client *client)
{
	struct epoll_event change = { .data.ptr = client };
	size_t done = 0;

	while (!client->dead && done < client->out_len_bytes) {
		ssize_t sent = send(client->fd, client->out + done, client->out_len_bytes - done, MSG_DONTWAIT | MSG_NOSIGNAL);

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
		memmove(client->out, client->out + done, client->out_len_bytes);
	}
	if (client->dead || client->write_armed == (client->out_len_bytes > 0))
		return;
	client->write_armed = client->out_len_bytes > 0;
	change.events = EPOLLIN | (client->write_armed ? EPOLLOUT : 0u);
	epoll_ctl(gmmd->epoll, EPOLL_CTL_MOD, client->fd, &change);
}

void control_ready(struct gmmd *gmmd, struct client *client, uint32_t events)
{
	if (!client->dead && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_lines(gmmd, client);
}

void control_accept(struct gmmd *gmmd)
{
	int fd = accept4(gmmd->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;
	uint32_t count = 0;

	if (fd < 0)
		return;
	for (client = gmmd->clients; client; client = client->next)
		count++;
	client = count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client || loop_add(gmmd, fd, EPOLLIN, client)) {
		log_line(LOG_WARNING, "refused a client of the control socket: clients=%u", count);
		free(client);
		close(fd);
		return;
	}
	client->fd = fd;
	client->id = ++gmmd->client_id_next;
	client->next = gmmd->clients;
	gmmd->clients = client;
}

static void finish_operations(struct gmmd *gmmd)
{
	struct gmm_finished finished;

	while (keep_turn(gmmd) && gmm_core_finished(gmmd->core, &finished)) {
		struct client *client = gmmd->clients;

		while (client && client->operation != finished.operation)
			client = client->next;
		if (!client)
			continue;
		if (finished.status)
			client_error(client, finished.status, "%s", finished.reason);
		else if (finished.kind == GMM_OPERATION_BENCH)
			client_result(client, json_pack("{s:o,s:I}", "latency", json_histogram(&finished.bench.latency), "elapsed_ns",
							(json_int_t)finished.bench.elapsed_ns));
		else
			client_result(client, json_pack("{s:I}", "operation", (json_int_t)finished.operation));
	}
}

static void free_client(struct client *client)
{
	close(client->fd);
	free(client->out);
	free(client->text);
	free(client);
}

void control_turn(struct gmmd *gmmd)
{
	finish_operations(gmmd);
	for (struct client **link = &gmmd->clients; *link;) {
		struct client *client = *link;

		if (client->turn && !client->dead)
			client->turn(gmmd, client);
		flush(gmmd, client);
		if (client->dead) {
			*link = client->next;
			free_client(client);
		} else {
			link = &client->next;
		}
	}
}

static bool someone_answers(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0;

	if (fd >= 0)
		close(fd);
	return answers;
}

int control_open(struct gmmd *gmmd, char error[CONFIG_ERROR_BYTES])
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat info;

	memcpy(name.sun_path, gmmd->config.socket, sizeof(name.sun_path));
	if (someone_answers(&name)) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: the control socket is in use by another gmmd", name.sun_path);
		return -1;
	}
	/* A socket that nobody answers on was left by a gmmd that ended badly. Anything else there is not ours. */
	if (lstat(name.sun_path, &info) == 0 && S_ISSOCK(info.st_mode))
		unlink(name.sun_path);
	gmmd->control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask = umask(0077);
	int status = bind(gmmd->control, (struct sockaddr *)&name, sizeof(name));

	umask(mask);
	if (status || listen(gmmd->control, 64)) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: cannot open the control socket: %s", name.sun_path, strerror(errno));
		return -1;
	}
	return loop_add(gmmd, gmmd->control, EPOLLIN, &gmmd->control);
}

void control_close(struct gmmd *gmmd)
{
	while (gmmd->clients) {
		struct client *client = gmmd->clients;

		gmmd->clients = client->next;
		free_client(client);
	}
	unlink(gmmd->config.socket);
}
