/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The codec against captures of Linux rxe (tests/golden): every packet decodes, its ICRC verifies, and encoding it again
 * gives the same bytes. Then hostile packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/roce/cm_message.h"
#include "net/roce/packet.h"

#define CAPTURE_BYTES_MAX (1u << 20)
#define ETHERNET_BYTES 14u
#define IP_BYTES 20u
#define UDP_BYTES 8u

struct capture {
	uint8_t *bytes;
	size_t len, at;
};

static uint32_t little32(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t big(const uint8_t *bytes, int count)
{
	uint32_t value = 0;

	while (count--)
		value = value << 8 | *bytes++;
	return value;
}

static void capture_open(struct capture *capture, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	file = fopen(path, "rb");
	assert_non_null(file);
	capture->bytes = malloc(CAPTURE_BYTES_MAX);
	capture->len = fread(capture->bytes, 1, CAPTURE_BYTES_MAX, file);
	fclose(file);
	assert_true(capture->len > 24 && capture->len < CAPTURE_BYTES_MAX);
	assert_int_equal(little32(capture->bytes), 0xa1b2c3d4);
	assert_int_equal(little32(capture->bytes + 20), 1);	/* Ethernet */
	capture->at = 24;
}

/* The next RoCEv2 datagram of the capture; false at its end. `bytes` point into the capture. */
static bool capture_next(struct capture *capture, struct roce_datagram *datagram)
{
	while (capture->at + 16 <= capture->len) {
		const uint8_t *frame = capture->bytes + capture->at + 16, *ip = frame + ETHERNET_BYTES, *udp = ip + IP_BYTES;
		uint32_t len = little32(capture->bytes + capture->at + 8);

		assert_true(capture->at + 16 + len <= capture->len);
		capture->at += 16 + len;
		if (len < ETHERNET_BYTES + IP_BYTES + UDP_BYTES || big(frame + 12, 2) != 0x0800 || ip[0] != 0x45 || ip[9] != 17 ||
		    big(udp + 2, 2) != ROCE_UDP_PORT)
			continue;
		datagram->ip_id = (uint16_t)big(ip + 4, 2);
		datagram->ip_flags_fragment = (uint16_t)big(ip + 6, 2);
		datagram->source_address = big(ip + 12, 4);
		datagram->destination_address = big(ip + 16, 4);
		datagram->source_port = (uint16_t)big(udp, 2);
		datagram->destination_port = (uint16_t)big(udp + 2, 2);
		datagram->len_bytes = big(udp + 4, 2) - UDP_BYTES;
		datagram->bytes = (uint8_t *)(uintptr_t)udp + UDP_BYTES;
		assert_true(datagram->len_bytes <= len - ETHERNET_BYTES - IP_BYTES - UDP_BYTES);
		return true;
	}
	return false;
}

/* What we agree on between our own nodes stands where Linux sends zeros. */
static void assert_context_is_zero(const uint8_t *mad, uint16_t attribute)
{
	const uint8_t *context = mad + 24 + (attribute == CM_REQ ? 36 : 16);

	if (attribute == CM_REQ || attribute == CM_REP)
		assert_int_equal(context[0] | context[1] | context[2], 0);
}

static void check_management(const struct roce_packet *packet, unsigned *attributes)
{
	struct cm_message message;

	assert_int_equal(packet->qkey, CM_QKEY);
	assert_true(cm_message_decode(packet->payload, packet->payload_len_bytes, &message));
	attributes[message.attribute & 0xf]++;
	assert_context_is_zero(packet->payload, message.attribute);
	assert_int_equal(message.features, 0);
	if (message.attribute == CM_REQ) {
		assert_true(message.ip_header_valid);
		assert_int_equal(message.service_id & ~UINT64_C(0xffff), CM_SERVICE_ID_TCP);
		assert_int_equal(message.transport, 0);
		assert_in_range(message.path_mtu, 1, 5);
		assert_int_not_equal(message.qpn, 0);
	}
}

static unsigned check_capture(const char *name, unsigned *attributes)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_datagram datagram;
	struct capture capture;
	unsigned count = 0;

	capture_open(&capture, name);
	while (capture_next(&capture, &datagram)) {
		struct roce_datagram again = datagram;
		struct roce_packet packet;

		assert_int_equal(roce_packet_decode(datagram.bytes, datagram.len_bytes, &packet), PACKET_OK);
		assert_true(roce_icrc_verify(&datagram, &crc_table, NULL));
		if (packet.opcode == OPCODE_UD_SEND_ONLY)
			check_management(&packet, attributes);
		memset(bytes, 0xa5, sizeof(bytes));
		again.bytes = bytes;
		again.len_bytes = 0;
		roce_packet_encode(&packet, &again, &crc_table, NULL);
		assert_int_equal(again.len_bytes, datagram.len_bytes);
		assert_memory_equal(again.bytes, datagram.bytes, datagram.len_bytes);
		/* Any bit that the ICRC covers makes it wrong. */
		bytes[count % datagram.len_bytes] ^= 0x10;
		assert_int_equal(roce_icrc_verify(&again, &crc_table, NULL), count % datagram.len_bytes == 4);
		count++;
	}
	free(capture.bytes);
	return count;
}

static void test_golden_captures(void **state)
{
	unsigned attributes[16] = { 0 };

	(void)state;
	assert_int_equal(check_capture("golden_pp_rping_mtu4096.pcap", attributes), 303);
	assert_int_equal(check_capture("golden_suite_mtu4096.pcap", attributes), 2062);
	assert_true(check_capture("peer3_partial_read_replay_mtu1024.pcap", attributes) > 50);
	assert_true(attributes[CM_REQ & 0xf] > 0 && attributes[CM_REP & 0xf] > 0 && attributes[CM_RTU & 0xf] > 0 &&
		    attributes[CM_DREQ & 0xf] > 0 && attributes[CM_DREP & 0xf] > 0);
}

static void prepare(struct roce_datagram *datagram, uint8_t *bytes)
{
	*datagram = (struct roce_datagram){ .source_address = 0x0a000001, .destination_address = 0x0a000002,
					    .source_port = 4791, .destination_port = 4791, .ip_flags_fragment = 0x4000,
					    .bytes = bytes };
}

static void test_every_opcode_round_trips(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX], again_bytes[ROCE_DATAGRAM_BYTES_MAX], payload[ROCE_PAYLOAD_BYTES_MAX];
	unsigned known = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + 1);
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		uint16_t properties = roce_opcode_properties((uint8_t)opcode);
		static const uint32_t lengths[] = { 0, 1, 2, 3, 4, 1023, 4095, 4096 };

		known += properties != 0;
		for (size_t i = 0; properties && i < 8 && (i == 0 || properties & HAS_PAYLOAD); i++) {
			struct roce_packet packet = {
				.opcode = (uint8_t)opcode, .solicited = true, .pkey = 0x7fff, .congestion = 0xc1, .ack_byte = 0x81,
				.destination_qpn = 0x123456, .psn = 0xabcdef, .address = 0x1122334455667788, .rkey = 0x99aabbcc,
				.dma_len_bytes = 0xddeeff01, .swap_or_add = 0x0102030405060708, .compare = 0x1112131415161718,
				.original = 0x2122232425262728, .immediate = 0x31323334, .invalidate_rkey = 0x41424344,
				.msn = 0x515253, .syndrome = 0x61, .deth_reserved = 0x71, .qkey = 0x81828384,
				.source_qpn = 0x919293, .payload = payload, .payload_len_bytes = lengths[i],
			};
			struct roce_datagram datagram, again;
			struct roce_packet out;

			prepare(&datagram, bytes);
			roce_packet_encode(&packet, &datagram, &crc_table, NULL);
			assert_true(roce_icrc_verify(&datagram, &crc_table, NULL));
			assert_int_equal(roce_packet_decode(bytes, datagram.len_bytes, &out), PACKET_OK);
			assert_int_equal(out.payload_len_bytes, lengths[i]);
			if (properties & (HAS_RETH | HAS_ATOMIC))
				assert_true(out.address == packet.address && out.rkey == packet.rkey);
			prepare(&again, again_bytes);
			roce_packet_encode(&out, &again, &crc_table, NULL);
			assert_int_equal(again.len_bytes, datagram.len_bytes);
			assert_memory_equal(bytes, again_bytes, datagram.len_bytes);
		}
	}
	assert_int_equal(known, 26);
}

static void test_payload_in_place(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX], other[ROCE_DATAGRAM_BYTES_MAX], payload[100];
	struct roce_packet packet = { .opcode = OPCODE_READ_RESPONSE_ONLY, .payload = payload, .payload_len_bytes = 99 };
	struct roce_datagram datagram, in_place;

	(void)state;
	memset(payload, 0x3c, sizeof(payload));
	memset(other, 0xff, sizeof(other));
	prepare(&datagram, bytes);
	roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	prepare(&in_place, other);
	packet.payload = other + roce_header_bytes(packet.opcode);
	memcpy(other + 16, payload, 99);
	roce_packet_encode(&packet, &in_place, &crc_table, NULL);
	assert_int_equal(in_place.len_bytes, datagram.len_bytes);
	assert_memory_equal(bytes, other, datagram.len_bytes);
}

static void test_hostile_lengths(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX + 8] = { 0 };
	struct roce_packet packet;

	(void)state;
	for (unsigned opcode = 0; opcode < 256; opcode++) {
		uint16_t properties = roce_opcode_properties((uint8_t)opcode);

		bytes[0] = (uint8_t)opcode;
		for (unsigned pad = 0; pad < 4; pad++) {
			bytes[1] = (uint8_t)(pad << 4);
			/* Every length around the headers and around the longest payload. */
			for (size_t len = 0; len <= sizeof(bytes); len += len == 200 ? 3890 : 1) {
				uint8_t *exact = malloc(len ? len : 1);	/* so that a read beyond it is found */
				enum roce_packet_error error;
				size_t least = (properties ? roce_header_bytes((uint8_t)opcode) : ROCE_BTH_BYTES) + ROCE_ICRC_BYTES + pad;

				memcpy(exact, bytes, len);
				error = roce_packet_decode(exact, len, &packet);
				free(exact);
				if (error == PACKET_OK) {
					assert_true(properties && len % 4 == 0 && len >= least);
					assert_int_equal(packet.payload_len_bytes, len - least);
					assert_true(packet.payload_len_bytes <= ROCE_PAYLOAD_BYTES_MAX);
					assert_true((properties & HAS_PAYLOAD) || len == least);
				} else if (properties && len % 4 == 0 && len >= least && (properties & HAS_PAYLOAD)) {
					assert_true(len - least > ROCE_PAYLOAD_BYTES_MAX);
				}
			}
		}
	}
	bytes[0] = OPCODE_ACKNOWLEDGE;
	bytes[1] = 1;
	assert_int_equal(roce_packet_decode(bytes, 20, &packet), PACKET_VERSION);
	bytes[0] = 0x15;
	assert_int_equal(roce_packet_decode(bytes, 20, &packet), PACKET_OPCODE);
}

static void test_icrc_covers_the_right_fields(void **state)
{
	uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX];
	struct roce_packet packet = { .opcode = OPCODE_ACKNOWLEDGE };
	struct roce_datagram datagram, changed;

	(void)state;
	prepare(&datagram, bytes);
	roce_packet_encode(&packet, &datagram, &crc_table, NULL);
	changed = datagram;
	changed.ip_id = 1;
	assert_false(roce_icrc_verify(&changed, &crc_table, NULL));
	changed = datagram;
	changed.source_port++;
	assert_false(roce_icrc_verify(&changed, &crc_table, NULL));
	changed = datagram;
	changed.source_address++;
	assert_false(roce_icrc_verify(&changed, &crc_table, NULL));
	changed = datagram;
	changed.ip_flags_fragment = 0;
	assert_false(roce_icrc_verify(&changed, &crc_table, NULL));
	bytes[4] = 0xff;			/* a switch may mark congestion */
	assert_true(roce_icrc_verify(&datagram, &crc_table, NULL));
}

/* What is remembered of packets must not be taken for another's: whatever differs, the ICRC is that of a fresh computation. */
static void test_icrc_remembered(void **state)
{
	static struct roce_icrc_cache cache;
	static uint8_t bytes[ROCE_DATAGRAM_BYTES_MAX], place[ROCE_PAYLOAD_BYTES_MAX];
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct roce_datagram datagram;
		uint32_t icrc;

		prepare(&datagram, bytes);
		seed = seed * UINT64_C(6364136223846793005) + 1;
		/* Few different values of each field, so that most of it is known and some is not. */
		bytes[0] = OPCODE_READ_RESPONSE_ONLY;
		bytes[4] = (uint8_t)(seed >> 33 & 0xff);
		bytes[7] = (uint8_t)(seed >> 41 & 3);
		datagram.source_address ^= seed >> 43 & 1;
		datagram.destination_address ^= seed >> 44 & 1;
		datagram.source_port ^= seed >> 45 & 1;
		datagram.ip_id ^= seed >> 46 & 1;
		datagram.ip_flags_fragment ^= seed >> 47 & 1;
		datagram.len_bytes = 540 + (seed >> 48 & 7) * 4;
		icrc = roce_icrc(&datagram, &crc_table, NULL);
		assert_int_equal(roce_icrc(&datagram, &crc_table, &cache), icrc);
		roce_icrc_put(bytes + datagram.len_bytes - ROCE_ICRC_BYTES, icrc ^ (seed >> 63));
		assert_int_equal(roce_icrc_verify_copy(&datagram, &crc_table, &cache, bytes + 16, place), !(seed >> 63));
		assert_memory_equal(place, bytes + 16, datagram.len_bytes - 16 - ROCE_ICRC_BYTES);
	}
}

/* Features are only ours when the whole magic is there; what a later version adds is ignored. */
static void test_contexts_that_are_not_ours(void **state)
{
	static const struct { uint8_t context[3], features; } cases[] = {
		{ { 0, 0, 0 }, 0 }, { { 0, 0, 1 }, 0 }, { { 0x00, 0x02, 0xc9 }, 0 }, { { 0x52, 0x51, 1 }, 0 },
		{ { 0x53, 0x50, 1 }, 0 }, { { 0x52, 0x50, 0 }, 0 }, { { 0x52, 0x50, 1 }, 1 }, { { 0x52, 0x50, 0xff }, CM_FEATURES },
	};
	static const uint16_t attributes[] = { CM_REQ, CM_REP };
	static const size_t places[2] = { 36, 16 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t a = 0; a < 2; a++) {
			struct cm_message message = { .attribute = attributes[a] }, out;
			uint8_t mad[MAD_BYTES];

			cm_message_encode(&message, mad);
			for (size_t byte = 0; byte < 3; byte++) {
				assert_int_equal(mad[24 + places[a] + byte], 0);
				mad[24 + places[a] + byte] = cases[i].context[byte];
			}
			assert_true(cm_message_decode(mad, MAD_BYTES, &out));
			assert_int_equal(out.features, cases[i].features);
		}
}

static void test_cm_messages_round_trip(void **state)
{
	static const uint16_t attributes[] = { CM_REQ, CM_MRA, CM_REJ, CM_REP, CM_RTU, CM_DREQ, CM_DREP };
	uint8_t mad[MAD_BYTES], again[MAD_BYTES], private_data[36] = "private";

	(void)state;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++) {
		struct cm_message message = {
			.attribute = attributes[i], .transaction = 0x1234567890abcdef, .local_number = 0x11111111,
			.remote_number = 0x22222222, .qpn = 0x333333, .starting_psn = 0x444444, .guid = 0x5555555555555555,
			.responder_resources = 66, .initiator_depth = 77, .rnr_retries = 7, .service_id = 0x010688aa,
			.path_mtu = 5, .ack_timeout = 14, .retries = 6, .gid_local = 0x0a000001, .gid_remote = 0x0a000002,
			.message_concerned = 1, .reason = 26, .info_len_bytes = 1, .info = { 3 }, .mra_timeout = 19,
			.private_data = private_data, .private_len_bytes = sizeof(private_data),
		};
		struct cm_message out;

		cm_message_encode(&message, mad);
		assert_true(cm_message_decode(mad, sizeof(mad), &out));
		assert_int_equal(out.attribute, attributes[i]);
		assert_memory_equal(out.private_data, private_data, sizeof(private_data));
		assert_int_equal(out.private_data[sizeof(private_data)], 0);
		assert_true(out.private_data + out.private_len_bytes <= mad + MAD_BYTES);
		cm_message_encode(&out, again);
		assert_memory_equal(mad, again, sizeof(mad));
		assert_false(cm_message_decode(mad, MAD_BYTES - 1, &out));
		mad[1] ^= 1;
		assert_false(cm_message_decode(mad, MAD_BYTES, &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_captures),
		cmocka_unit_test(test_contexts_that_are_not_ours),
		cmocka_unit_test(test_every_opcode_round_trips),
		cmocka_unit_test(test_payload_in_place),
		cmocka_unit_test(test_hostile_lengths),
		cmocka_unit_test(test_icrc_covers_the_right_fields),
		cmocka_unit_test(test_icrc_remembered),
		cmocka_unit_test(test_cm_messages_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
