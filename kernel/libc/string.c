/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory and string functions of the kernels. Whole pages are copied on the miss path, so the bulk moves 64 bytes a
 * turn by 8-byte words: under QEMU TCG that is several times quicker than `rep movsb`, which it runs byte by byte,
 * and on hardware it keeps up with one load and one store a cycle. There is no SSE here: its registers are the guest's.
 */
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

#define WORD_BYTES sizeof(word)
#define BULK_BYTES 64

/* Keeps the compiler from turning a loop in here into a call of the very function that it is in. */
#define NOT_AN_IDIOM() __asm__ volatile("")

static void copy_64_bytes(uint8_t *to, const uint8_t *from)
{
	const word *source = (const word *)from;
	word *destination = (word *)to;
	uint64_t a = source[0], b = source[1], c = source[2], d = source[3];
	uint64_t e = source[4], f = source[5], g = source[6], h = source[7];

	destination[0] = a;
	destination[1] = b;
	destination[2] = c;
	destination[3] = d;
	destination[4] = e;
	destination[5] = f;
	destination[6] = g;
	destination[7] = h;
}

/* Without `restrict`: memmove() uses it too, so no load may be moved behind the stores that follow it. */
static void copy_forward(uint8_t *to, const uint8_t *from, size_t len)
{
	for (; len >= BULK_BYTES; len -= BULK_BYTES, to += BULK_BYTES, from += BULK_BYTES)
		copy_64_bytes(to, from);
	for (; len >= WORD_BYTES; len -= WORD_BYTES, to += WORD_BYTES, from += WORD_BYTES) {
		NOT_AN_IDIOM();
		*(word *)to = *(const word *)from;
	}
	while (len--) {
		NOT_AN_IDIOM();
		*to++ = *from++;
	}
}

void *memcpy(void *restrict destination, const void *restrict source, size_t len)
{
	copy_forward(destination, source, len);
	return destination;
}

void *memmove(void *destination, const void *source, size_t len)
{
	const uint8_t *from = (const uint8_t *)source + len;
	uint8_t *to = (uint8_t *)destination + len;

	/* Forwards is safe unless the destination starts inside the source: each bulk is loaded before it is stored. */
	if ((uintptr_t)destination - (uintptr_t)source >= len) {
		copy_forward(destination, source, len);
		return destination;
	}
	for (; len >= WORD_BYTES; len -= WORD_BYTES) {
		NOT_AN_IDIOM();
		to -= WORD_BYTES;
		from -= WORD_BYTES;
		*(word *)to = *(const word *)from;
	}
	while (len--) {
		NOT_AN_IDIOM();
		*--to = *--from;
	}
	return destination;
}

void *memset(void *destination, int value, size_t len)
{
	uint64_t pattern = (uint8_t)value * UINT64_C(0x0101010101010101);
	uint8_t *to = destination;

	for (; len >= BULK_BYTES; len -= BULK_BYTES, to += BULK_BYTES) {
		word *words = (word *)to;

		NOT_AN_IDIOM();
		words[0] = pattern;
		words[1] = pattern;
		words[2] = pattern;
		words[3] = pattern;
		words[4] = pattern;
		words[5] = pattern;
		words[6] = pattern;
		words[7] = pattern;
	}
	for (; len >= WORD_BYTES; len -= WORD_BYTES, to += WORD_BYTES) {
		NOT_AN_IDIOM();
		*(word *)to = pattern;
	}
	while (len--) {
		NOT_AN_IDIOM();
		*to++ = (uint8_t)value;
	}
	return destination;
}

int memcmp(const void *left, const void *right, size_t len)
{
	const uint8_t *a = left, *b = right;

	for (; len >= WORD_BYTES && *(const word *)a == *(const word *)b; len -= WORD_BYTES) {
		a += WORD_BYTES;
		b += WORD_BYTES;
	}
	for (; len; len--, a++, b++)
		if (*a != *b)
			return *a - *b;
	return 0;
}

void *memchr(const void *bytes, int value, size_t len)
{
	const uint8_t *at = bytes;

	for (; len; len--, at++)
		if (*at == (uint8_t)value)
			return (void *)(uintptr_t)at;
	return NULL;
}

size_t strlen(const char *text)
{
	const char *end = text;

	while (*end) {
		NOT_AN_IDIOM();
		end++;
	}
	return (size_t)(end - text);
}

size_t strnlen(const char *text, size_t len_max)
{
	size_t len = 0;

	while (len < len_max && text[len])
		len++;
	return len;
}

int strcmp(const char *left, const char *right)
{
	while (*left && *left == *right) {
		left++;
		right++;
	}
	return (uint8_t)*left - (uint8_t)*right;
}

int strncmp(const char *left, const char *right, size_t len_max)
{
	for (; len_max; len_max--, left++, right++) {
		if (*left != *right)
			return (uint8_t)*left - (uint8_t)*right;
		if (!*left)
			break;
	}
	return 0;
}

char *strchr(const char *text, int character)
{
	for (; *text != (char)character; text++)
		if (!*text)
			return NULL;
	return (char *)(uintptr_t)text;
}

char *strncpy(char *restrict destination, const char *restrict source, size_t len)
{
	size_t copied = strnlen(source, len);

	memcpy(destination, source, copied);
	memset(destination + copied, 0, len - copied);
	return destination;
}

