/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ICRC: a CRC-32 over the IPv4 and UDP headers and the packet, in which the fields that routers may change count as ones
 * (docs/rocev2.md section 1.5).
 *
 * Its first part, up to the BTH's eighth byte, is the same for all packets of one kind, length and queue pair. So the
 * register after it is remembered, and a packet costs the bytes from there on.
 */
#ifndef PLENUM_NET_ROCE_ICRC_H
#define PLENUM_NET_ROCE_ICRC_H

#include "lib/crc.h"
#include "net/roce/roce.h"

#define ROCE_ICRC_BYTES 4u
#define ROCE_ICRC_BEGINNING_BYTES 8u		/* of the BTH; its congestion byte counts as ones */
#define ROCE_COPY_BYTES_MIN 512u		/* a payload from here on is copied and checksummed in one pass */
#define ROCE_ICRC_BEGINNINGS 256u		/* remembered; two packets that share a place cost each other time, no more */

/* What the first part is made of, and the register after it. All zero: nothing. */
struct roce_icrc_beginning {
	uint64_t transport;			/* the BTH's first bytes */
	uint64_t addresses;
	uint64_t lengths;			/* with the ports and the IP ID */
	uint32_t ip_flags_fragment;
	uint32_t state;
};

struct roce_icrc_cache {
	struct roce_icrc_beginning beginnings[ROCE_ICRC_BEGINNINGS];
};

/*
 * The register after the first part of a datagram whose length is set and whose first eight bytes stand. `cache` may be
 * NULL. The rest goes from `bytes + ROCE_ICRC_BEGINNING_BYTES` to the ICRC, which is the register's complement.
 */
uint32_t roce_icrc_begin(const struct roce_datagram *datagram, const struct crc_implementation *crc,
			 struct roce_icrc_cache *cache);
/* The ICRC of a datagram of at least 16 bytes, over everything but its last four bytes. */
uint32_t roce_icrc(const struct roce_datagram *datagram, const struct crc_implementation *crc,
		   struct roce_icrc_cache *cache);
/* Put it there. */
void roce_icrc_seal(struct roce_datagram *datagram, const struct crc_implementation *crc, struct roce_icrc_cache *cache);
/* Does the datagram's ICRC match? */
bool roce_icrc_verify(const struct roce_datagram *datagram, const struct crc_implementation *crc,
		      struct roce_icrc_cache *cache);
/* The same, while the payload, which ends where the ICRC begins, is copied to `place`; in any case. */
bool roce_icrc_verify_copy(const struct roce_datagram *datagram, const struct crc_implementation *crc,
			   struct roce_icrc_cache *cache, const uint8_t *payload, uint8_t *place);
/* The four bytes at `place`. */
void roce_icrc_put(uint8_t *place, uint32_t icrc);

#endif
