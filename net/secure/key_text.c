/* SPDX-License-Identifier: GPL-2.0-only */
/* A key of the rack as text: "ID:HEX", ID from 1 to 255, HEX the key's 64 hexadecimal digits. */
#include "net/secure/internal.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int secure_key_parse(const char *text, size_t len_bytes, uint8_t *id, uint8_t key[SECURE_KEY_BYTES])
{
	unsigned number = 0;
	size_t at = 0;

	while (at < len_bytes && at < 3 && text[at] >= '0' && text[at] <= '9')
		number = number * 10 + (unsigned)(text[at++] - '0');
	if (at == 0 || number == 0 || number > UINT8_MAX || len_bytes - at != 1 + 2 * SECURE_KEY_BYTES || text[at] != ':')
		return -EINVAL;
	at++;
	for (unsigned i = 0; i < SECURE_KEY_BYTES; i++) {
		int high = digit(text[at + 2 * i]), low = digit(text[at + 2 * i + 1]);

		if (high < 0 || low < 0) {
			secure_erase(key, SECURE_KEY_BYTES);
			return -EINVAL;
		}
		key[i] = (uint8_t)(high << 4 | low);
	}
	*id = (uint8_t)number;
	return 0;
}

void secure_key_format(uint8_t id, const uint8_t key[SECURE_KEY_BYTES], char text[SECURE_KEY_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *next = text;

	if (id >= 100)
		*next++ = (char)('0' + id / 100);
	if (id >= 10)
		*next++ = (char)('0' + id / 10 % 10);
	*next++ = (char)('0' + id % 10);
	*next++ = ':';
	for (unsigned i = 0; i < SECURE_KEY_BYTES; i++) {
		*next++ = digits[key[i] >> 4];
		*next++ = digits[key[i] & 15];
	}
	*next = '\0';
}
