// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <plenum/page.h>

#include "gmm/core/text.h"

struct text text_over(char *bytes, size_t capacity_bytes)
{
	assert(capacity_bytes > 0);
	bytes[0] = '\0';
	return (struct text){ .bytes = bytes, .capacity_bytes = capacity_bytes };
}

void text_string(struct text *text, const char *string)
{
	if (text->capacity_bytes == 0)
		return;
	while (*string && text->len_bytes + 1 < text->capacity_bytes)
		text->bytes[text->len_bytes++] = *string++;
	text->bytes[text->len_bytes] = '\0';
}

void text_number(struct text *text, uint64_t number)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_string(text, digits + at);
}

const char *text_plural(uint64_t number, const char *one, const char *many)
{
	return number == 1 ? one : many;
}

void text_count(struct text *text, uint64_t number, const char *noun)
{
	text_number(text, number);
	text_string(text, " ");
	text_string(text, noun);
	text_string(text, text_plural(number, "", "s"));
}

void text_pages(struct text *text, uint64_t pages)
{
	const uint64_t pages_per_mib = (1u << 20) >> PAGE_SHIFT;

	if (pages % pages_per_mib == 0) {
		text_number(text, pages / pages_per_mib);
		text_string(text, " MiB");
	} else {
		text_number(text, pages * (PAGE_BYTES >> 10));
		text_string(text, " KiB");
	}
}

void text_address(struct text *text, uint32_t address)
{
	for (unsigned shift = 32; shift; shift -= 8) {
		text_number(text, address >> (shift - 8) & 0xff);
		text_string(text, shift > 8 ? "." : "");
	}
}

void text_mac(struct text *text, const uint8_t mac[6])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 6; i++)
		text_string(text, (const char[]){ digits[mac[i] >> 4], digits[mac[i] & 15], i < 5 ? ':' : '\0', '\0' });
}

static const char *status_words(int status)
{
	switch (-status) {
	case EPERM: return "not permitted";
	case ENOENT: return "not found";
	case EIO: return "input/output error";
	case EAGAIN: return "try again";
	case ENOMEM: return "out of memory";
	case EACCES: return "access refused";
	case EFAULT: return "bad address";
	case EBUSY: return "busy";
	case EEXIST: return "exists already";
	case EINVAL: return "invalid argument";
	case ENOSPC: return "no space left";
	case ERANGE: return "out of range";
	case EPROTO: return "protocol error";
	case EBADMSG: return "malformed message";
	case EMSGSIZE: return "wrong message length";
	case EOPNOTSUPP: return "not supported";
	case ECONNRESET: return "the node started again";
	case ENOBUFS: return "no buffers left";
	case ETIMEDOUT: return "timed out";
	case ECONNREFUSED: return "connection refused";
	case EHOSTUNREACH: return "unreachable";
	case EALREADY: return "already under way";
	case ESTALE: return "stale epoch";
	default: return "error";
	}
}

void text_status(struct text *text, int status)
{
	text_string(text, status_words(status));
	text_string(text, " (");
	if (status < 0)
		text_string(text, "-");
	text_number(text, status < 0 ? (uint64_t)-(int64_t)status : (uint64_t)status);
	text_string(text, ")");
}

bool text_ends(const char *string, size_t bytes)
{
	return memchr(string, 0, bytes) != NULL;
}

void text_copy(char *to, size_t to_bytes, const char *from, size_t from_bytes)
{
	size_t at = 0;

	assert(to_bytes > 0);
	for (; at + 1 < to_bytes && at < from_bytes && from[at]; at++)
		to[at] = from[at] >= ' ' && from[at] <= '~' ? from[at] : '?';
	to[at] = '\0';
}
