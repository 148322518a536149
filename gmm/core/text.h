/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Build one line for the operator in a fixed buffer: always terminated, cut when it does not fit. A text that is all zero
 * takes everything and keeps nothing.
 */
#ifndef PLENUM_GMM_TEXT_H
#define PLENUM_GMM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;
	size_t capacity_bytes;
	size_t len_bytes;
};

struct text text_over(char *bytes, size_t capacity_bytes);
void text_string(struct text *text, const char *string);
void text_number(struct text *text, uint64_t number);
/* "1 region", "2 regions": a noun whose plural has an s. */
void text_count(struct text *text, uint64_t number, const char *noun);
/* `one` of 1, else `many`: for verbs, other nouns and printf. */
const char *text_plural(uint64_t number, const char *one, const char *many);
/* Pages as a size: "64 MiB" when whole, else "12 KiB". */
void text_pages(struct text *text, uint64_t pages);
/* "10.77.0.1", from host byte order. */
void text_address(struct text *text, uint32_t address);
#define GMM_MAC_TEXT_BYTES 18u			/* with the final NUL */
/* "52:54:00:77:00:01" */
void text_mac(struct text *text, const uint8_t mac[6]);
/* A status as words and the errno's number: "no space left (-28)". */
void text_status(struct text *text, int status);
/* A string that somebody else wrote ends within its bytes. */
bool text_ends(const char *string, size_t bytes);
/* Copy a string that a node sent: at most `bytes`, terminated or not; what is not printable becomes '?'. */
void text_copy(char *to, size_t to_bytes, const char *from, size_t from_bytes);

#endif
