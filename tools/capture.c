/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading captures, see capture.h. Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html */
#include <errno.h>
#include <string.h>

#include "tools/capture.h"

#define MAGIC_MICROSECONDS UINT32_C(0xa1b2c3d4)
#define MAGIC_NANOSECONDS UINT32_C(0xa1b23c4d)
#define FILE_HEADER_BYTES 24u
#define RECORD_HEADER_BYTES 16u
#define LINK_ETHERNET 1u
#define LINK_TYPE_MASK UINT32_C(0x0fffffff)	/* above it: the length of a frame check sequence */

#define ETHERNET_BYTES 14u
#define VLAN_BYTES 4u
#define TYPE_IPV4 0x0800u
#define TYPE_VLAN 0x8100u
#define IP_BYTES 20u
#define UDP_BYTES 8u
#define PROTOCOL_UDP 17u
#define FRAGMENT_MASK 0x3fffu			/* "more follow" and the offset */

static uint32_t big(const uint8_t *bytes, unsigned count)
{
	uint32_t value = 0;

	while (count-- > 0)
		value = value << 8 | *bytes++;
	return value;
}

static uint32_t field(const struct capture *capture, const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return capture->swapped ? __builtin_bswap32(value) : value;
}

static bool is_magic(uint32_t value)
{
	return value == MAGIC_MICROSECONDS || value == MAGIC_NANOSECONDS;
}

int capture_open(struct capture *capture, const char *path, char *error, size_t error_bytes)
{
	uint8_t header[FILE_HEADER_BYTES];
	uint32_t magic;

	capture->swapped = false;
	capture->file = fopen(path, "rb");
	if (capture->file == NULL) {
		snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fread(header, sizeof(header), 1, capture->file) != 1) {
		snprintf(error, error_bytes, "%s: too short for a capture", path);
		goto failed;
	}
	magic = field(capture, header);
	capture->swapped = !is_magic(magic);
	if (!is_magic(field(capture, header))) {
		snprintf(error, error_bytes, "%s: not a pcap capture (pcapng? convert it with 'editcap -F pcap')", path);
		goto failed;
	}
	if ((field(capture, header + 20) & LINK_TYPE_MASK) != LINK_ETHERNET) {
		snprintf(error, error_bytes, "%s: not a capture of Ethernet frames (tcpdump -i any? name an interface)", path);
		goto failed;
	}
	return 0;
failed:
	capture_close(capture);
	return -1;
}

void capture_close(struct capture *capture)
{
	if (capture->file != NULL)
		fclose(capture->file);
	capture->file = NULL;
}

/* `kept` bytes of the IPv4 packet at `ip` are in the capture, at least IP_BYTES. */
static enum capture_result take_ipv4(uint8_t *ip, size_t kept, struct roce_datagram *datagram)
{
	size_t header_bytes = (ip[0] & 0xfu) * 4u, total_bytes = big(ip + 2, 2);
	uint32_t flags_fragment = big(ip + 6, 2), udp_bytes;
	const uint8_t *udp = ip + IP_BYTES;

	/* Only the first fragment has ports, and a header with options puts them elsewhere. */
	if (ip[0] >> 4 != 4 || ip[9] != PROTOCOL_UDP || header_bytes < IP_BYTES || kept < header_bytes + UDP_BYTES ||
	    (flags_fragment & 0x1fff) != 0 || big(ip + header_bytes + 2, 2) != ROCE_UDP_PORT)
		return CAPTURE_OTHER;
	if (header_bytes != IP_BYTES || (flags_fragment & FRAGMENT_MASK) != 0)
		return CAPTURE_MALFORMED;
	udp_bytes = big(udp + 4, 2);
	if (udp_bytes < UDP_BYTES || udp_bytes + IP_BYTES != total_bytes)
		return CAPTURE_MALFORMED;
	if (kept < total_bytes)
		return CAPTURE_CUT;
	*datagram = (struct roce_datagram){
		.source_address = big(ip + 12, 4),
		.destination_address = big(ip + 16, 4),
		.source_port = (uint16_t)big(udp, 2),
		.destination_port = ROCE_UDP_PORT,
		.ip_id = (uint16_t)big(ip + 4, 2),
		.ip_flags_fragment = (uint16_t)flags_fragment,
		.bytes = ip + IP_BYTES + UDP_BYTES,
		.len_bytes = udp_bytes - UDP_BYTES,
	};
	return CAPTURE_ROCE;
}

enum capture_result capture_next(struct capture *capture, struct roce_datagram *datagram)
{
	uint8_t header[RECORD_HEADER_BYTES];
	size_t got = fread(header, 1, sizeof(header), capture->file), at = ETHERNET_BYTES;
	uint32_t kept;

	if (got == 0 && feof(capture->file))
		return CAPTURE_END;
	if (got != sizeof(header))
		return CAPTURE_BROKEN;
	kept = field(capture, header + 8);
	if (kept > CAPTURE_FRAME_BYTES_MAX || fread(capture->frame, 1, kept, capture->file) != kept)
		return CAPTURE_BROKEN;
	if (kept >= ETHERNET_BYTES + VLAN_BYTES && big(capture->frame + at - 2, 2) == TYPE_VLAN)
		at += VLAN_BYTES;
	if (kept < at + IP_BYTES || big(capture->frame + at - 2, 2) != TYPE_IPV4)
		return CAPTURE_OTHER;
	return take_ipv4(capture->frame + at, kept - at, datagram);
}
