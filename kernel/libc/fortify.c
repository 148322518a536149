/* SPDX-License-Identifier: GPL-2.0-only */
/* What the distribution's libraries call in place of memcpy() and its like: the same, with the destination's size checked. */
#include <stddef.h>
#include <string.h>

#include <kernel/kernel.h>

void *__memcpy_chk(void *to, const void *from, size_t len, size_t to_bytes);
void *__memmove_chk(void *to, const void *from, size_t len, size_t to_bytes);
void *__memset_chk(void *to, int byte, size_t len, size_t to_bytes);

static void check_fits(const char *call, size_t len, size_t to_bytes)
{
	if (len > to_bytes)
		panic("%s of %zu bytes into %zu", call, len, to_bytes);
}

void *__memcpy_chk(void *to, const void *from, size_t len, size_t to_bytes)
{
	check_fits("memcpy", len, to_bytes);
	return memcpy(to, from, len);
}

void *__memmove_chk(void *to, const void *from, size_t len, size_t to_bytes)
{
	check_fits("memmove", len, to_bytes);
	return memmove(to, from, len);
}

void *__memset_chk(void *to, int byte, size_t len, size_t to_bytes)
{
	check_fits("memset", len, to_bytes);
	return memset(to, byte, len);
}
