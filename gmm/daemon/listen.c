// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that others come to. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gmm/daemon/daemon.h"

static bool someone_answers(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof(*name)) == 0;

	if (fd >= 0)
		close(fd);
	return answers;
}

int private_socket(const char *path, const char *what, char error[CONFIG_ERROR_BYTES])
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	struct stat info;
	int fd, status;
	mode_t mask;

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	if (someone_answers(&name)) {
		snprintf(error, CONFIG_ERROR_BYTES, "%s: %s is in use by another gmmd", path, what);
		return -1;
	}
	/* A socket that nobody answers on was left by a gmmd that ended badly. Anything else there is not ours. */
	if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);
	status = fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) || listen(fd, SOMAXCONN);
	umask(mask);
	if (status == 0)
		return fd;
	snprintf(error, CONFIG_ERROR_BYTES, "%s: cannot open %s: %s", path, what, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int tcp_socket(uint32_t address, uint16_t port, const char *what, const char *key, char error[CONFIG_ERROR_BYTES])
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	char text[16];

	config_format_address(address, text);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	snprintf(error, CONFIG_ERROR_BYTES, "cannot serve %s on %s port %u: %s%s%s%s", what, text, port, strerror(errno),
		 errno == EADDRINUSE ? " (by another gmmd or a web server? set " : "", errno == EADDRINUSE ? key : "",
		 errno == EADDRINUSE ? ")" : "");
	if (fd >= 0)
		close(fd);
	return -1;
}
