// SPDX-License-Identifier: GPL-2.0-only
/* Words of the configuration that stand for a value, wherever they are written. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gmm/daemon/config_value.h"

int config_parse_address(const char *text, uint32_t *address)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return -1;
	*address = ntohl(parsed.s_addr);
	return 0;
}

void config_format_address(uint32_t address, char text[16])
{
	snprintf(text, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int parse_mac_bytes(const char *text, uint8_t mac[6], uint32_t *bytes)
{
	char separator = '\0';

	for (*bytes = 0; *bytes < 6; (*bytes)++) {
		if (*bytes > 0 && *text == '\0')
			return 0;
		if (*bytes == 1 && (*text == ':' || *text == '-'))
			separator = *text;
		if (*bytes > 0 && separator && *text++ != separator)
			return -1;
		if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
			return -1;
		mac[*bytes] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	return *text ? -1 : 0;
}

int config_parse_mac(const char *text, uint8_t mac[6])
{
	uint32_t bytes;

	return parse_mac_bytes(text, mac, &bytes) == 0 && bytes == 6 ? 0 : -1;
}

int config_parse_mac_prefix(const char *text, uint8_t mac[6], uint32_t *bytes)
{
	return parse_mac_bytes(text, mac, bytes);
}

int config_parse_uuid(const char *text, uint8_t uuid[GMM_UUID_BYTES])
{
	for (uint32_t i = 0; i < GMM_UUID_BYTES; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text == '-')
			text++;
		if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
			return -1;
		uuid[i] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
		text += 2;
	}
	return *text ? -1 : 0;
}

void config_format_uuid(const uint8_t uuid[GMM_UUID_BYTES], char text[CONFIG_UUID_TEXT_BYTES])
{
	size_t len = 0;

	for (uint32_t i = 0; i < GMM_UUID_BYTES; i++)
		len += (size_t)snprintf(text + len, CONFIG_UUID_TEXT_BYTES - len, "%s%02x",
					i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

int config_parse_addresses(const char *text, uint32_t *first, uint32_t *last)
{
	char words[40];
	char *dash;

	if (strlen(text) >= sizeof(words))
		return -1;
	memcpy(words, text, strlen(text) + 1);
	dash = strchr(words, '-');
	if (!dash)
		return -1;
	*dash++ = '\0';
	while (*dash == ' ')
		dash++;
	words[strcspn(words, " ")] = '\0';
	return config_parse_address(words, first) || config_parse_address(dash, last) || *first == 0 || *last < *first ? -1 : 0;
}

int config_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift = 0;
	char *rest;

	if (text[0] < '0' || text[0] > '9')
		return -1;
	*bytes = strtoull(text, &rest, 10);
	if (*rest) {
		unit = strchr(units, *rest);
		if (!unit || rest[1])
			return -1;
		shift = 10u * (unsigned)(unit - units + 1);
	}
	if (*bytes > UINT64_MAX >> shift || strlen(text) > 19)
		return -1;
	*bytes <<= shift;
	return 0;
}
