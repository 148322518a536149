/* SPDX-License-Identifier: GPL-2.0-only */
/* Words that stand for a value, in the configuration and elsewhere. Parsers return 0 or -1, and take nothing that is only like one. */
#ifndef PLENUM_GMM_CONFIG_VALUE_H
#define PLENUM_GMM_CONFIG_VALUE_H

#include <stdint.h>

#include "gmm/core/machine.h"

#define CONFIG_UUID_TEXT_BYTES 37u		/* with the final NUL */

/* "a.b.c.d", in host byte order. */
int config_parse_address(const char *text, uint32_t *address);
void config_format_address(uint32_t address, char text[16]);
/* "a.b.c.d-a.b.c.e": the first is not 0, the last not before it. */
int config_parse_addresses(const char *text, uint32_t *first, uint32_t *last);
/* "aa:bb:cc:dd:ee:ff", with : or - or without. */
int config_parse_mac(const char *text, uint8_t mac[6]);
/* The same, or only its first bytes, at least one. */
int config_parse_mac_prefix(const char *text, uint8_t mac[6], uint32_t *bytes);
/* Eight digits, then four times four, then twelve; with - between or without. */
int config_parse_uuid(const char *text, uint8_t uuid[GMM_UUID_BYTES]);
void config_format_uuid(const uint8_t uuid[GMM_UUID_BYTES], char text[CONFIG_UUID_TEXT_BYTES]);
/* "4096", "64K", "16M", "64G", "1T" */
int config_parse_size(const char *text, uint64_t *bytes);

#endif
