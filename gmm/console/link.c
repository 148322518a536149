// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gmm/console/link.h"

#define READ_BYTES 65536u

void link_init(struct link *link)
{
	*link = (struct link){ .fd = -1 };
}

int link_open(struct link *link, const char *socket_path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	link_close(link);
	if (strlen(socket_path) >= sizeof(name.sun_path))
		return -ENAMETOOLONG;
	memcpy(name.sun_path, socket_path, strlen(socket_path) + 1);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0)
		return -errno;
	if (connect(link->fd, (struct sockaddr *)&name, sizeof(name))) {
		int status = -errno;

		link_close(link);
		return status;
	}
	return 0;
}

void link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->in);
	link_init(link);
}

/* ---------------------------------------------------------------- out */

static int flush(struct link *link)
{
	size_t done = 0;

	while (done < link->out_len_bytes) {
		ssize_t sent = send(link->fd, link->out + done, link->out_len_bytes - done, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent <= 0)
			return sent ? -errno : -EPIPE;
		done += (size_t)sent;
	}
	link->out_len_bytes -= done;
	memmove(link->out, link->out + done, link->out_len_bytes);
	return 0;
}

int link_send(struct link *link, json_t *line)
{
	size_t room = sizeof(link->out) - link->out_len_bytes, len = json_dumpb(line, NULL, 0, JSON_COMPACT);

	if (link->fd < 0 || len == 0 || len + 1 > room) {
		json_decref(line);
		return link->fd < 0 ? -ENOTCONN : len ? -ENOBUFS : -EINVAL;
	}
	json_dumpb(line, link->out + link->out_len_bytes, room, JSON_COMPACT);
	json_decref(line);
	link->out_len_bytes += len;
	link->out[link->out_len_bytes++] = '\n';
	return flush(link);
}

/* ---------------------------------------------------------------- in */

static int fill(struct link *link)
{
	ssize_t got;

	if (link->in_len_bytes > LINK_LINE_BYTES_MAX)
		return -EMSGSIZE;
	if (link->in_capacity_bytes - link->in_len_bytes < READ_BYTES) {
		size_t capacity = link->in_len_bytes * 2 + READ_BYTES;
		char *grown = realloc(link->in, capacity);

		if (!grown)
			return -ENOMEM;
		link->in = grown;
		link->in_capacity_bytes = capacity;
	}
	got = recv(link->fd, link->in + link->in_len_bytes, READ_BYTES, 0);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (got == 0)
		return -ECONNRESET;
	link->in_len_bytes += (size_t)got;
	return 0;
}

int link_ready(struct link *link, short events)
{
	int status = 0;

	if (events & POLLOUT)
		status = flush(link);
	return status || !(events & (POLLIN | POLLHUP | POLLERR)) ? status : fill(link);
}

short link_wants(const struct link *link)
{
	return (short)(POLLIN | (link->out_len_bytes ? POLLOUT : 0));
}

json_t *link_line(struct link *link)
{
	size_t unsearched = link->in_len_bytes - link->searched_bytes;
	char *end = unsearched ? memchr(link->in + link->searched_bytes, '\n', unsearched) : NULL;
	json_error_t error;
	json_t *line;

	if (!end) {
		link->searched_bytes = link->in_len_bytes;
		return NULL;
	}
	line = json_loadb(link->in, (size_t)(end - link->in), 0, &error);
	link->in_len_bytes -= (size_t)(end + 1 - link->in);
	memmove(link->in, end + 1, link->in_len_bytes);
	link->searched_bytes = 0;
	return line ? line : json_pack("{s:{s:i,s:s}}", "error", "status", -EPROTO, "message", "gmmd's answer is not JSON");
}
