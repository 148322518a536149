/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/port/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

FILE *private_file_open(const char *path, const char *secret, const char *make, int *status, char *error, size_t error_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;
	FILE *stream;

	if (fd < 0) {
		*status = -errno;
		snprintf(error, error_bytes, "%s: %s%s%s", path, strerror(errno), errno == ENOENT ? "; " : "", errno == ENOENT ? make : "");
		return NULL;
	}
	if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		*status = -EINVAL;
		snprintf(error, error_bytes, "%s: not a regular file", path);
	} else if (info.st_mode & 077) {
		*status = -EPERM;
		snprintf(error, error_bytes, "%s: others may read %s; run 'chmod 600 %s'", path, secret, path);
	} else if ((stream = fdopen(fd, "r"))) {
		*status = 0;
		return stream;
	} else {
		*status = -ENOMEM;
		snprintf(error, error_bytes, "%s: out of memory", path);
	}
	close(fd);
	return NULL;
}

int private_file_fail(int status, char *error, size_t error_bytes, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, error_bytes, format, arguments);
	va_end(arguments);
	return status;
}
