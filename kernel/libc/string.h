/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_LIBC_STRING_H
#define PLENUM_LIBC_STRING_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t len);
void *memmove(void *destination, const void *source, size_t len);
void *memset(void *destination, int value, size_t len);
int memcmp(const void *left, const void *right, size_t len);
void *memchr(const void *bytes, int value, size_t len);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t len_max);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t len_max);
char *strchr(const char *text, int character);
char *strncpy(char *restrict destination, const char *restrict source, size_t len);

#endif
