// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: frames into net/eth. The input is a run of records: a length (2 bytes, little-endian), a flag byte, then
 * the frame. Flag bit 0 repairs the checksums so that mutations get behind them; bits 1 to 7 move the clock.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/eth/eth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t sum16(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void repair(uint8_t *frame, size_t len)
{
	if (len < 42 || frame[12] != 8 || frame[13] != 0)
		return;
	put16(frame + 24, 0);
	put16(frame + 24, sum16(frame + 14, 20));
	if (frame[23] == 1) {
		put16(frame + 36, 0);
		put16(frame + 36, sum16(frame + 34, len - 34));
	} else {
		put16(frame + 40, 0);
	}
}

static void require(int fact)
{
	if (!fact)
		abort();
}

static void drain(struct eth_interface *interface, uint64_t now_ns)
{
	static uint8_t out[ETH_FRAME_BYTES_MAX];
	unsigned frames = 0;
	size_t len;

	while ((len = eth_output(interface, out, now_ns)) != 0) {
		require(len >= ETH_HEADER_BYTES && len <= sizeof(out));
		require(++frames <= 1 + ETH_HELD_MAX);
	}
	require(interface->reply_len_bytes == 0);
}

static void one_frame(struct eth_interface *interface, uint8_t *frame, size_t len, uint64_t now_ns)
{
	static uint8_t out[ETH_FRAME_BYTES_MAX];
	struct roce_datagram datagram;

	if (eth_input(interface, frame, len, &datagram, now_ns) == 1) {
		require(datagram.bytes == frame + ETH_HEADER_BYTES && datagram.len_bytes <= len - ETH_HEADER_BYTES);
		require(datagram.destination_port == ROCE_UDP_PORT && datagram.destination_address == interface->config.address);
		/* Answer it, as the transport would. */
		datagram.destination_address = datagram.source_address;
		datagram.bytes = out + ETH_HEADER_BYTES;
		require(eth_wrap(interface, out, &datagram, now_ns) <= (int)ETH_FRAME_BYTES_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct eth_interface interface;
	const struct eth_config config = {
		.mac = { 0x52, 0x54, 0, 0, 0, 2 }, .address = 0x0a000002, .netmask = 0xffffff00, .gateway = 0x0a0000fe,
	};
	uint64_t now_ns = 0;

	eth_init(&interface, &config);
	while (size >= 3) {
		size_t len = (size_t)(data[0] | data[1] << 8);
		uint8_t flags = data[2], *frame;

		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		frame = malloc(len ? len : 1);	/* exactly as long: reads past the end are seen */
		if (!frame)
			return 0;
		memcpy(frame, data, len);
		data += len;
		size -= len;
		now_ns += (uint64_t)(flags >> 1) * 300000000;
		if (flags & 1)
			repair(frame, len);
		one_frame(&interface, frame, len, now_ns);
		drain(&interface, now_ns);
		free(frame);
	}
	return 0;
}
