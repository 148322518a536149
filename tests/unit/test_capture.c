/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader of captures: both byte orders, VLAN tags, what is not RoCE, and files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/roce/packet.h"
#include "tools/capture.h"

#define GOLDEN "tests/golden/golden_pp_rping_mtu4096.pcap"
#define GOLDEN_PACKETS 303u
#define FILE_BYTES_MAX (1u << 20)

static uint8_t golden[FILE_BYTES_MAX];
static size_t golden_bytes;
static struct capture capture;

static int load(void **state)
{
	FILE *file = fopen(GOLDEN, "rb");

	(void)state;
	if (file == NULL)
		return -1;
	golden_bytes = fread(golden, 1, sizeof(golden), file);
	fclose(file);
	return golden_bytes > 24 && golden_bytes < sizeof(golden) ? 0 : -1;
}

/* Write `bytes` to a file and open it as a capture; the file is gone from its directory at once. */
static int open_bytes(const uint8_t *bytes, size_t len, char *error, size_t error_bytes)
{
	char path[] = "/tmp/plenum-capture-XXXXXX";
	int fd = mkstemp(path), status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	status = capture_open(&capture, path, error, error_bytes);
	unlink(path);
	return status;
}

static void count(unsigned *results)
{
	struct roce_datagram datagram;
	enum capture_result result;

	memset(results, 0, (CAPTURE_BROKEN + 1) * sizeof(*results));
	do {
		result = capture_next(&capture, &datagram);
		results[result]++;
		if (result == CAPTURE_ROCE)
			assert_true(datagram.len_bytes >= 16 && roce_icrc_verify(&datagram, &crc_table, NULL));
	} while (result != CAPTURE_END && result != CAPTURE_BROKEN);
	capture_close(&capture);
	capture_close(&capture);	/* twice is harmless */
}

static void swap32(uint8_t *bytes)
{
	const uint8_t was[4] = { bytes[0], bytes[1], bytes[2], bytes[3] };

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = was[3 - i];
}

static uint32_t little32(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void both_orders(void **state)
{
	uint8_t *copy = malloc(golden_bytes);
	unsigned results[CAPTURE_BROKEN + 1];
	char error[160];

	(void)state;
	assert_int_equal(open_bytes(golden, golden_bytes, error, sizeof(error)), 0);
	count(results);
	assert_int_equal(results[CAPTURE_ROCE], GOLDEN_PACKETS);
	assert_int_equal(results[CAPTURE_END], 1);
	memcpy(copy, golden, golden_bytes);
	for (size_t at = 24; at + 16 <= golden_bytes;) {
		uint32_t len = little32(copy + at + 8);

		for (unsigned i = 0; i < 16; i += 4)
			swap32(copy + at + i);
		at += 16 + len;
	}
	for (unsigned i = 0; i < 24; i += 4)
		swap32(copy + i);
	assert_int_equal(open_bytes(copy, golden_bytes, error, sizeof(error)), 0);
	count(results);
	assert_int_equal(results[CAPTURE_ROCE], GOLDEN_PACKETS);
	free(copy);
}

static void refused_files(void **state)
{
	uint8_t header[24];
	char error[160] = "";

	(void)state;
	assert_int_equal(capture_open(&capture, "/nonexistent", error, sizeof(error)), -1);
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(open_bytes(golden, 23, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "too short"));
	memcpy(header, golden, sizeof(header));
	header[0] ^= 1;
	assert_int_equal(open_bytes(header, sizeof(header), error, sizeof(error)), -1);
	assert_non_null(strstr(error, "not a pcap"));
	memcpy(header, golden, sizeof(header));
	header[20] = 113;	/* Linux "cooked" */
	assert_int_equal(open_bytes(header, sizeof(header), error, sizeof(error)), -1);
	assert_non_null(strstr(error, "Ethernet"));
	assert_null(capture.file);
}

/* The file header, and one record that says it has `len` bytes of `frame` (which has `have`). */
static enum capture_result one_record(const uint8_t *frame, size_t have, uint32_t len)
{
	static uint8_t file[24 + 16 + 65536 + 8];
	struct roce_datagram datagram;
	enum capture_result result;
	char error[160];

	memcpy(file, golden, 24);
	memset(file + 24, 0, 16);
	memcpy(file + 32, &len, 4);
	memcpy(file + 36, &len, 4);
	memcpy(file + 40, frame, have);
	assert_int_equal(open_bytes(file, 40 + have, error, sizeof(error)), 0);
	result = capture_next(&capture, &datagram);
	capture_close(&capture);
	return result;
}

static void lying_records(void **state)
{
	static uint8_t frame[8192], tagged[8192];
	uint32_t len = 0;
	size_t at = 24;

	(void)state;
	/* The first RoCE packet of the golden capture, whole. */
	do {
		len = little32(golden + at + 8);
		memcpy(frame, golden + at + 16, len);
		at += 16 + len;
	} while (one_record(frame, len, len) != CAPTURE_ROCE);
	assert_int_equal(one_record(frame, len, len + 1), CAPTURE_BROKEN);
	assert_int_equal(one_record(frame, len, UINT32_MAX), CAPTURE_BROKEN);
	assert_int_equal(one_record(frame, len, CAPTURE_FRAME_BYTES_MAX + 1), CAPTURE_BROKEN);
	assert_int_equal(one_record(frame, len - 1, len - 1), CAPTURE_CUT);
	for (uint32_t kept = 0; kept < 42; kept++)
		assert_int_equal(one_record(frame, kept, kept), CAPTURE_OTHER);
	/* Longer than what IP says is only padding. */
	assert_int_equal(one_record(frame, len + 3, len + 3), CAPTURE_ROCE);

	memcpy(tagged, frame, 12);
	memcpy(tagged + 12, "\x81\x00\x00\x07", 4);
	memcpy(tagged + 16, frame + 12, len - 12);
	assert_int_equal(one_record(tagged, len + 4, len + 4), CAPTURE_ROCE);

	frame[20] |= 0x20;	/* more fragments */
	assert_int_equal(one_record(frame, len, len), CAPTURE_MALFORMED);
	frame[20] = 0;
	frame[21] = 1;		/* not the first */
	assert_int_equal(one_record(frame, len, len), CAPTURE_OTHER);
	frame[21] = 0;
	frame[38] ^= 1;		/* the UDP length contradicts IP's */
	assert_int_equal(one_record(frame, len, len), CAPTURE_MALFORMED);
	frame[38] = frame[39] = 0;
	assert_int_equal(one_record(frame, len, len), CAPTURE_MALFORMED);
	frame[14] = 0x44;	/* a header of four words */
	assert_int_equal(one_record(frame, len, len), CAPTURE_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_orders),
		cmocka_unit_test(refused_files),
		cmocka_unit_test(lying_records),
	};

	return cmocka_run_group_tests_name("capture", tests, load, NULL);
}
