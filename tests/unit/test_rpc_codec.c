/* SPDX-License-Identifier: GPL-2.0-only */
/* rpc_decode() against every lie a message can tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/rpc/internal.h"

static uint8_t message[RPC_MESSAGE_BYTES_MAX + 8] __attribute__((aligned(8)));

static size_t build(struct rpc_header *header, uint32_t len_bytes)
{
	*header = (struct rpc_header){
		.magic = RPC_MAGIC,
		.version_major = RPC_VERSION_MAJOR,
		.version_minor = RPC_VERSION_MINOR,
		.header_len_bytes = RPC_HEADER_BYTES,
		.type = 7,
		.sequence = 9,
		.session = 0x1122334455667788,
	};
	for (uint32_t i = 0; i < len_bytes; i++)
		message[RPC_HEADER_BYTES + i] = (uint8_t)(i * 7);
	rpc_message_seal(message, header, message + RPC_HEADER_BYTES, len_bytes);
	return RPC_HEADER_BYTES + len_bytes;
}

/* Decode a copy of exactly `len` bytes, so that the sanitizer sees every read past the end. */
static int decode(size_t len, struct rpc_header *header, const uint8_t **body, uint8_t **copy)
{
	int status;

	*copy = malloc(len > 0 ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, message, len);
	status = rpc_decode(*copy, len, header, body);
	if (status != 0) {
		free(*copy);
		*copy = NULL;
	}
	return status;
}

static int decode_status(size_t len)
{
	struct rpc_header header;
	const uint8_t *body;
	uint8_t *copy;
	int status = decode(len, &header, &body, &copy);

	free(copy);
	return status;
}

static void rewrite(const struct rpc_header *header)
{
	memcpy(message, header, sizeof(*header));
}

static void round_trip(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 7, 8, 100, RPC_INLINE_BYTES_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct rpc_header sent, header;
		const uint8_t *body;
		uint8_t *copy;
		size_t len = build(&sent, lengths[i]);

		assert_int_equal(decode(len, &header, &body, &copy), 0);
		assert_memory_equal(&header, &sent, sizeof(header));
		assert_int_equal(header.body_len_bytes, lengths[i]);
		assert_memory_equal(body, message + RPC_HEADER_BYTES, lengths[i]);
		free(copy);
	}
}

static void header_layout(void **state)
{
	(void)state;
	assert_int_equal(offsetof(struct rpc_header, type), 0x08);
	assert_int_equal(offsetof(struct rpc_header, session), 0x18);
	assert_int_equal(offsetof(struct rpc_header, slot), 0x20);
	assert_int_equal(offsetof(struct rpc_header, deadline_us), 0x2c);
	/* "PLMP" in the order of the wire. */
	struct rpc_header header;
	build(&header, 0);
	assert_memory_equal(message, "PLMP", 4);
}

static void truncated(void **state)
{
	struct rpc_header header;
	size_t len = build(&header, 40);

	(void)state;
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(decode_status(cut), -EMSGSIZE);
	assert_int_equal(decode_status(len), 0);
	assert_int_equal(decode_status(len + 1), -EMSGSIZE);
}

/* Of a copy: the check writes to what it checks. */
static bool good_copy(const struct secure_mac *mac, uint64_t counter, uint32_t len_bytes)
{
	uint8_t copy[sizeof(message)] __attribute__((aligned(8)));

	memcpy(copy, message, sizeof(copy));
	return rpc_mac_good_with(mac, counter, copy, len_bytes);
}

/* Nothing of a message can be changed without its key, nor its place among others. */
static void every_bit_matters(void **state)
{
	static const uint8_t key[SECURE_KEY_BYTES] = "a key", other_key[SECURE_KEY_BYTES] = "another key";
	struct secure_mac mac, other;
	struct rpc_header header;
	uint32_t len = (uint32_t)build(&header, 24);

	(void)state;
	rpc_mac_init(&mac, key);
	rpc_mac_init(&other, other_key);
	rpc_mac_seal_with(&mac, 7, message, len);
	len += RPC_TRAILER_BYTES;
	for (uint32_t bit = 0; bit < len * 8; bit++) {
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(good_copy(&mac, 7, len));
		message[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_false(good_copy(&mac, 6, len));
	assert_false(good_copy(&mac, 8, len));
	assert_false(good_copy(&other, 7, len));
	for (uint32_t cut = 0; cut < len; cut++)
		assert_false(good_copy(&mac, 7, cut));
	assert_false(good_copy(&mac, 7, UINT32_MAX));
	assert_true(good_copy(&mac, 7, len));
}

static void lying_lengths(void **state)
{
	struct rpc_header header;
	size_t len = build(&header, 64);

	(void)state;
	header.body_len_bytes = UINT32_MAX;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	header.body_len_bytes = 63;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	header.body_len_bytes = 64;
	header.header_len_bytes = 63;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	header.header_len_bytes = UINT16_MAX;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	header.header_len_bytes = 0;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	header.header_len_bytes = 68;		/* would leave the body unaligned */
	header.body_len_bytes = 60;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
	len = build(&header, RPC_INLINE_BYTES_MAX) + 8;
	header.body_len_bytes = RPC_INLINE_BYTES_MAX + 8;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EMSGSIZE);
}

static void longer_header(void **state)
{
	struct rpc_header header, seen;
	const uint8_t *body;
	uint8_t *copy;
	size_t len = build(&header, 64);

	(void)state;
	header.header_len_bytes = 72;		/* a later version's field */
	header.body_len_bytes = 56;
	rewrite(&header);
	assert_int_equal(decode(len, &seen, &body, &copy), 0);
	assert_ptr_equal(body, copy + 72);
	free(copy);
}

static void versions(void **state)
{
	struct rpc_header header;
	size_t len = build(&header, 0);

	(void)state;
	header.version_major = RPC_VERSION_MAJOR + 1;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EOPNOTSUPP);
	header.version_major = RPC_VERSION_MAJOR;
	header.version_minor = 200;
	rewrite(&header);
	assert_int_equal(decode_status(len), 0);
	header.magic = 0;
	rewrite(&header);
	assert_int_equal(decode_status(len), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(header_layout),
		cmocka_unit_test(truncated),
		cmocka_unit_test(every_bit_matters),
		cmocka_unit_test(lying_lengths),
		cmocka_unit_test(longer_header),
		cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests_name("rpc_codec", tests, NULL, NULL);
}
