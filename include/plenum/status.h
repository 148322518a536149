/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Status codes are negative errno values everywhere, on the wire too. Linux numbers them
 * alike on every machine that Plenum runs on; these asserts keep the kernels' own <errno.h> honest.
 */
#ifndef PLENUM_STATUS_H
#define PLENUM_STATUS_H

#include <errno.h>

_Static_assert(EPERM == 1 && ENOENT == 2 && EIO == 5 && EAGAIN == 11 && ENOMEM == 12, "wire status codes");
_Static_assert(EACCES == 13 && EFAULT == 14 && EBUSY == 16 && EEXIST == 17 && EINVAL == 22, "wire status codes");
_Static_assert(ENOSPC == 28 && ERANGE == 34 && EPROTO == 71 && EBADMSG == 74, "wire status codes");
_Static_assert(EMSGSIZE == 90 && EOPNOTSUPP == 95 && ECONNRESET == 104, "wire status codes");
_Static_assert(ENOBUFS == 105 && ETIMEDOUT == 110 && ECONNREFUSED == 111 && EHOSTUNREACH == 113, "wire status codes");
_Static_assert(EALREADY == 114 && ESTALE == 116, "wire status codes");

#endif
