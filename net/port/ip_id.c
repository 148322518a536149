/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recovering an IP ID, see ip_id.h.
 *
 * The CRC register is a polynomial modulo P, kept with the coefficient of x^0 in the top bit. Two datagrams that differ
 * only in the ID have ICRCs that differ by ID * x^(8 * bytes) mod P, where `bytes` counts from the ID's own first byte to
 * the end of what is covered. Divided by that power, the difference is the ID in network order, and no more than 16 bits.
 */
#include <stdint.h>

#include "net/port/ip_id.h"
#include "net/roce/packet.h"

#define POLYNOMIAL UINT32_C(0xEDB88320)		/* IEEE 802.3, reflected */
#define ONE UINT32_C(0x80000000)		/* x^0 */
#define BYTES_IN_FRONT 4u			/* of the IP header, before its ID */
#define IP_AND_UDP_BYTES 28u

static uint32_t times_x(uint32_t value)
{
	return value >> 1 ^ (value & 1 ? POLYNOMIAL : 0);
}

/* P has x^0 and x^32: what times_x() reduced shows in the top bit, which a mere shift leaves clear. */
static uint32_t over_x(uint32_t value)
{
	return value & ONE ? (value ^ POLYNOMIAL) << 1 | 1 : value << 1;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = ONE; bit != 0; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = times_x(b);
	}
	return product;
}

/* x^(-8 * bytes) */
static uint32_t inverse_power(size_t bytes)
{
	uint32_t square = ONE, power = ONE;

	for (unsigned i = 0; i < 8; i++)
		square = over_x(square);
	for (; bytes != 0; bytes >>= 1) {
		if (bytes & 1)
			power = multiply(power, square);
		square = multiply(square, square);
	}
	return power;
}

bool ip_id_recover(struct roce_datagram *datagram, const struct crc_implementation *crc)
{
	struct roce_datagram with_zero = *datagram;
	const uint8_t *end = datagram->bytes + datagram->len_bytes - ROCE_ICRC_BYTES;
	uint32_t difference;

	if (datagram->len_bytes < ROCE_BTH_BYTES + ROCE_ICRC_BYTES || datagram->len_bytes > ROCE_DATAGRAM_BYTES_MAX)
		return false;
	with_zero.ip_id = 0;
	difference = roce_icrc(&with_zero, crc, NULL) ^
		     ((uint32_t)end[3] << 24 | (uint32_t)end[2] << 16 | (uint32_t)end[1] << 8 | end[0]);
	difference = multiply(difference, inverse_power(IP_AND_UDP_BYTES + datagram->len_bytes - ROCE_ICRC_BYTES - BYTES_IN_FRONT));
	if (difference > UINT16_MAX)
		return false;
	/* The register takes the first byte, the ID's upper one, at its lower end. */
	datagram->ip_id = (uint16_t)(difference << 8 | difference >> 8);
	return true;
}
