/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/roce/icrc.h"

#include <assert.h>
#include <string.h>

#include "net/roce/bytes.h"

#define IP_AND_UDP_BYTES 28u			/* IPv4 20, UDP 8 */
#define CONGESTION_BYTE 4u			/* of the BTH */
#define BEGINNING_BYTES (IP_AND_UDP_BYTES + ROCE_ICRC_BEGINNING_BYTES)
#define BTH_BYTES 12u
#define PLACE_MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)	/* 2^64 over the golden ratio: Fibonacci hashing */

/* The headers as the ICRC sees them. TOS, TTL, both checksums and the congestion byte count as ones. */
static void put_beginning(const struct roce_datagram *datagram, uint8_t masked[BEGINNING_BYTES])
{
	uint32_t len_bytes = (uint32_t)datagram->len_bytes;

	masked[0] = 0x45;			/* version 4, header of five words: no options */
	masked[1] = 0xff;
	put_be16(masked + 2, len_bytes + IP_AND_UDP_BYTES);
	put_be16(masked + 4, datagram->ip_id);
	put_be16(masked + 6, datagram->ip_flags_fragment);
	masked[8] = 0xff;
	masked[9] = 17;				/* UDP */
	put_be16(masked + 10, 0xffff);
	put_be32(masked + 12, datagram->source_address);
	put_be32(masked + 16, datagram->destination_address);
	put_be16(masked + 20, datagram->source_port);
	put_be16(masked + 22, datagram->destination_port);
	put_be16(masked + 24, len_bytes + 8);
	put_be16(masked + 26, 0xffff);
	memcpy(masked + IP_AND_UDP_BYTES, datagram->bytes, ROCE_ICRC_BEGINNING_BYTES);
	masked[IP_AND_UDP_BYTES + CONGESTION_BYTE] = 0xff;
}

static uint32_t begin(const struct roce_datagram *datagram, const struct crc_implementation *crc)
{
	uint8_t masked[BEGINNING_BYTES];

	put_beginning(datagram, masked);
	return crc->update(CRC32_ICRC_START, masked, sizeof(masked));
}

uint32_t roce_icrc_begin(const struct roce_datagram *datagram, const struct crc_implementation *crc,
			 struct roce_icrc_cache *cache)
{
	uint64_t transport, addresses, lengths;
	struct roce_icrc_beginning *place;

	if (!cache)
		return begin(datagram, crc);
	memcpy(&transport, datagram->bytes, sizeof(transport));
	((uint8_t *)&transport)[CONGESTION_BYTE] = 0xff;
	addresses = (uint64_t)datagram->source_address << 32 | datagram->destination_address;
	lengths = (uint64_t)datagram->len_bytes << 48 | (uint64_t)datagram->ip_id << 32 |
		  (uint64_t)datagram->source_port << 16 | datagram->destination_port;
	place = &cache->beginnings[(transport ^ lengths >> 32) * PLACE_MULTIPLIER >> 56];
	_Static_assert(ROCE_ICRC_BEGINNINGS == 256, "the hash has eight bits");
	if (place->transport != transport || place->addresses != addresses || place->lengths != lengths ||
	    place->ip_flags_fragment != datagram->ip_flags_fragment)
		*place = (struct roce_icrc_beginning){ .transport = transport, .addresses = addresses, .lengths = lengths,
						       .ip_flags_fragment = datagram->ip_flags_fragment,
						       .state = begin(datagram, crc) };
	return place->state;
}

uint32_t roce_icrc(const struct roce_datagram *datagram, const struct crc_implementation *crc,
		   struct roce_icrc_cache *cache)
{
	uint32_t state;

	assert(datagram->len_bytes >= BTH_BYTES + ROCE_ICRC_BYTES && datagram->len_bytes <= UINT16_MAX);
	state = roce_icrc_begin(datagram, crc, cache);
	return ~crc->update(state, datagram->bytes + ROCE_ICRC_BEGINNING_BYTES,
			    datagram->len_bytes - ROCE_ICRC_BEGINNING_BYTES - ROCE_ICRC_BYTES);
}

void roce_icrc_put(uint8_t *place, uint32_t icrc)
{
	place[0] = (uint8_t)icrc;
	place[1] = (uint8_t)(icrc >> 8);
	place[2] = (uint8_t)(icrc >> 16);
	place[3] = (uint8_t)(icrc >> 24);
}

void roce_icrc_seal(struct roce_datagram *datagram, const struct crc_implementation *crc, struct roce_icrc_cache *cache)
{
	roce_icrc_put(datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES, roce_icrc(datagram, crc, cache));
}

static uint32_t received(const struct roce_datagram *datagram)
{
	const uint8_t *end = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES;

	return (uint32_t)end[3] << 24 | (uint32_t)end[2] << 16 | (uint32_t)end[1] << 8 | end[0];
}

bool roce_icrc_verify(const struct roce_datagram *datagram, const struct crc_implementation *crc,
		      struct roce_icrc_cache *cache)
{
	return roce_icrc(datagram, crc, cache) == received(datagram);
}

bool roce_icrc_verify_copy(const struct roce_datagram *datagram, const struct crc_implementation *crc,
			   struct roce_icrc_cache *cache, const uint8_t *payload, uint8_t *place)
{
	const uint8_t *rest = datagram->bytes + ROCE_ICRC_BEGINNING_BYTES;
	const uint8_t *end = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES;
	uint32_t state = roce_icrc_begin(datagram, crc, cache);

	assert(payload >= rest && payload <= end);
	state = crc->update(state, rest, (size_t)(payload - rest));
	return ~crc->copy(state, place, payload, (size_t)(end - payload)) == received(datagram);
}
