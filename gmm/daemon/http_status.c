// SPDX-License-Identifier: GPL-2.0-only
#include "gmm/daemon/http_status.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

static const struct http_error errors[] = {
	/* What commands end with. */
	{ 400, -EINVAL, "invalid-argument" },
	{ 404, -ENOENT, "not-found" },
	{ 409, -EBUSY, "busy" },
	{ 409, -EEXIST, "exists" },
	{ 409, -EALREADY, "already-under-way" },
	{ 409, -ENOSPC, "no-space" },
	{ 503, -EAGAIN, "try-again" },
	{ 503, -ENOBUFS, "no-buffers" },
	{ 503, -ENOMEM, "out-of-memory" },
	{ 503, -EHOSTUNREACH, "unreachable" },
	{ 503, -ECONNRESET, "node-restarted" },
	{ 504, -ETIMEDOUT, "timeout" },
	{ 502, -EPROTO, "node-misbehaves" },
	{ 502, -EBADMSG, "node-misbehaves" },
	{ 502, -EMSGSIZE, "node-misbehaves" },
	{ 403, -EPERM, "forbidden" },
	/* What HTTP refuses before there is a command. */
	{ 401, -EACCES, "unauthenticated" },
	{ 405, -ENOTSUP, "method-not-allowed" },
	{ 413, -EFBIG, "body-too-large" },
	{ 414, -ENAMETOOLONG, "path-too-long" },
	{ 415, -EPROTONOSUPPORT, "not-json" },
	{ 422, -ENOTUNIQ, "key-reused" },
	{ 500, -EIO, "internal" },
};

const struct http_error *http_error_of_status(int status)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].status == status)
			return &errors[i];
	return http_error_of_code(500);
}

const struct http_error *http_error_of_code(unsigned http)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].http == http)
			return &errors[i];
	assert(!"a status code that is not in the table");
	return NULL;
}
