/* SPDX-License-Identifier: GPL-2.0-only */
/* The handshake between two nodes and what strangers can make of it; message authentication. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/secure/secure.h"

#define ACTIVE UINT32_C(0x0a000001)
#define PASSIVE UINT32_C(0x0a000002)
#define PORT 20556
#define NODE 7
#define KEY_ID 9
#define REPLAYS 8u
#define SECOND UINT64_C(1000000000)

struct pair {
	struct secure *active, *passive;
	uint64_t seed;
	const uint8_t *fixed;			/* what "random" gives, when a test wants to choose */
	uint64_t now_ns;
};

static const uint8_t rack_key[SECURE_KEY_BYTES] = { 0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14, 15,
						    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31 };

static void random_bytes(void *context, void *bytes, size_t len)
{
	struct pair *pair = context;

	if (pair->fixed) {
		memcpy(bytes, pair->fixed, len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		pair->seed = pair->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		((uint8_t *)bytes)[i] = (uint8_t)(pair->seed >> 56);
	}
}

static struct secure *make(struct pair *pair, uint32_t address)
{
	const struct secure_config config = { .address = address, .replays_max = REPLAYS,
					      .environment = { .random = random_bytes, .context = pair } };
	struct secure *secure = aligned_alloc(64, secure_bytes(&config));

	assert_non_null(secure);
	assert_ptr_equal(secure_create(secure, &config, pair->now_ns), secure);
	assert_int_equal(secure_key_current(secure), -ENOENT);
	assert_int_equal(secure_key_add(secure, KEY_ID, rack_key), 0);
	return secure;
}

static int set_up(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	pair->seed = 1;
	pair->now_ns = 1000 * SECOND;
	pair->active = make(pair, ACTIVE);
	pair->passive = make(pair, PASSIVE);
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	free(pair->active);
	free(pair->passive);
	free(pair);
	return 0;
}

static const struct secure_route route = { .address = PASSIVE, .port = PORT, .node = NODE,
					   .features = SECURE_FEATURE_PACKET_MAC };

static struct roce_guard_request arrived(const uint8_t *bytes)
{
	return (struct roce_guard_request){ .address = ACTIVE, .port = PORT, .private_data = bytes,
					    .private_len_bytes = SECURE_REQUEST_BYTES };
}

static enum roce_guard_verdict check(struct pair *pair, const uint8_t *bytes, uint8_t *challenge)
{
	const struct roce_guard_request request = arrived(bytes);
	struct roce_guard_reply reply = { 0 };
	enum roce_guard_verdict verdict = secure_guard_check(pair->passive, &request, &reply, pair->now_ns);

	if (challenge)
		assert_true(secure_challenge(reply.private_data, reply.private_len_bytes, challenge));
	return verdict;
}

/* A request that answers a fresh challenge. */
static void challenged_request(struct pair *pair, struct secure_handshake *handshake, uint8_t request[SECURE_REQUEST_BYTES])
{
	uint8_t challenge[SECURE_CHALLENGE_BYTES];

	assert_int_equal(secure_request(pair->active, handshake, &route, NULL, request), 0);
	assert_int_equal(check(pair, request, challenge), ROCE_GUARD_CHALLENGE);
	assert_int_equal(secure_request(pair->active, handshake, &route, challenge, request), 0);
}

static int answer(struct pair *pair, const uint8_t *bytes, uint8_t reply[SECURE_ANSWER_BYTES], struct secure_keys *keys)
{
	const struct roce_guard_request request = arrived(bytes);

	return secure_answer(pair->passive, &request, SECURE_FEATURE_PACKET_MAC, reply, keys, pair->now_ns);
}

/* ---------------------------------------------------------------- the handshake */

static void test_both_get_the_keys(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake;
	struct secure_keys active, passive;
	uint8_t request[SECURE_REQUEST_BYTES], reply[SECURE_ANSWER_BYTES];

	challenged_request(pair, &handshake, request);
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_ACCEPT);
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_ACCEPT);	/* checking keeps nothing */
	assert_int_equal(answer(pair, request, reply, &passive), 0);
	assert_int_equal(secure_finish(pair->active, &handshake, reply, sizeof(reply), &active), 0);
	assert_memory_equal(active.send, passive.receive, SECURE_KEY_BYTES);
	assert_memory_equal(active.receive, passive.send, SECURE_KEY_BYTES);
	assert_memory_not_equal(active.send, active.receive, SECURE_KEY_BYTES);
	assert_int_equal(passive.node, NODE);
	assert_int_equal(passive.key_id, KEY_ID);
	assert_int_equal(passive.features, SECURE_FEATURE_PACKET_MAC);
	assert_int_equal(active.features, SECURE_FEATURE_PACKET_MAC);
	/* The next one has other keys. */
	challenged_request(pair, &handshake, request);
	assert_int_equal(answer(pair, request, reply, &active), 0);
	assert_memory_not_equal(active.send, passive.send, SECURE_KEY_BYTES);
}

/* Messages of tests/vectors/noise_nnpsk0.py, which shares no code with ours. */
static void test_as_the_specification_says(void **state)
{
	static const uint8_t request_expected[SECURE_REQUEST_BYTES] = {
		0x50, 0x01, 0x09, 0xc1, 0x07, 0x00, 0x00, 0x00, 0x79, 0xa6, 0x31, 0xee, 0xde, 0x1b, 0xf9, 0xc9, 0x8f, 0x12, 0x03,
		0x2c, 0xde, 0xad, 0xd0, 0xe7, 0xa0, 0x79, 0x39, 0x8f, 0xc7, 0x86, 0xb8, 0x8c, 0xc8, 0x46, 0xec, 0x89, 0xaf, 0x85,
		0xa5, 0x1a, 0xd6, 0x7b, 0x39, 0xfc, 0x97, 0xb3, 0x09, 0x32, 0x40, 0x82, 0x4b, 0x5f, 0x29, 0xb3, 0x6e, 0xf6 };
	static const uint8_t reply[SECURE_ANSWER_BYTES] = {
		0x49, 0x3e, 0x82, 0xfc, 0x74, 0x46, 0x4a, 0x59, 0x26, 0x88, 0x17, 0x62, 0x3d, 0x20, 0x53, 0xc5, 0xeb, 0x8e, 0x2c,
		0xc4, 0xa9, 0x88, 0xb4, 0xfe, 0xe1, 0x79, 0xec, 0x6b, 0x01, 0x0d, 0x53, 0x1d, 0x79, 0x8c, 0x36, 0xca, 0x7f, 0x66,
		0x32, 0x87, 0x41, 0x2b, 0x8f, 0xa2, 0x92, 0x5e, 0x5d, 0xf7, 0x59, 0xce, 0x06, 0xfb, 0x84, 0x3e, 0x49, 0xec };
	static const uint8_t sends[SECURE_KEY_BYTES] = {
		0x57, 0x69, 0x16, 0x9c, 0xd4, 0x4b, 0x1f, 0x09, 0xdd, 0x78, 0xfe, 0xb3, 0x3a, 0xc3, 0x73, 0x1b,
		0xcf, 0xa9, 0x07, 0x02, 0x89, 0xbe, 0xcb, 0xbc, 0x00, 0x40, 0x81, 0x30, 0x44, 0xe3, 0xad, 0x14 };
	static const uint8_t receives[SECURE_KEY_BYTES] = {
		0xcc, 0x9b, 0xea, 0x0c, 0xd7, 0xd2, 0x6e, 0xa1, 0xab, 0x7a, 0x45, 0xbe, 0xc6, 0x79, 0xd6, 0x24,
		0x4f, 0xff, 0x84, 0x33, 0x7a, 0x49, 0x21, 0x42, 0xaf, 0x1a, 0xc9, 0xb0, 0x88, 0x32, 0xbf, 0x12 };
	struct pair *pair = *state;
	uint8_t ephemeral[SECURE_KEY_BYTES], challenge[SECURE_CHALLENGE_BYTES], request[SECURE_REQUEST_BYTES];
	struct secure_handshake handshake;
	struct secure_keys keys;

	for (uint8_t i = 0; i < SECURE_KEY_BYTES; i++)
		ephemeral[i] = 64 + i;
	for (uint8_t i = 0; i < SECURE_CHALLENGE_BYTES; i++)
		challenge[i] = 1 + i;
	pair->fixed = ephemeral;
	assert_int_equal(secure_request(pair->active, &handshake, &route, challenge, request), 0);
	assert_memory_equal(request, request_expected, sizeof(request));
	assert_int_equal(secure_finish(pair->active, &handshake, reply, sizeof(reply), &keys), 0);
	assert_memory_equal(keys.send, sends, sizeof(sends));
	assert_memory_equal(keys.receive, receives, sizeof(receives));
}

static void test_every_bit_counts(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake, copy;
	struct secure_keys keys;
	uint8_t request[SECURE_REQUEST_BYTES], reply[SECURE_ANSWER_BYTES];

	challenged_request(pair, &handshake, request);
	for (unsigned bit = 0; bit < 8 * SECURE_REQUEST_BYTES; bit++) {
		request[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
		assert_int_equal(answer(pair, request, reply, &keys), -EBADMSG);
		request[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(answer(pair, request, reply, &keys), 0);
	for (unsigned bit = 0; bit < 8 * SECURE_ANSWER_BYTES; bit++) {
		/* X25519 ignores the highest bit of a key (RFC 7748 section 5), but the hash of the messages does not. */
		copy = handshake;
		reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(secure_finish(pair->active, &copy, reply, sizeof(reply), &keys), -EBADMSG);
		reply[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	copy = handshake;
	assert_int_equal(secure_finish(pair->active, &copy, reply, sizeof(reply) - 1, &keys), -EBADMSG);
	assert_int_equal(secure_finish(pair->active, &handshake, reply, sizeof(reply), &keys), 0);
}

static void test_bound_to_addresses_and_port(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake;
	uint8_t bytes[SECURE_REQUEST_BYTES];
	struct roce_guard_request request;
	struct roce_guard_reply reply;

	challenged_request(pair, &handshake, bytes);
	request = arrived(bytes);
	request.address++;
	assert_int_equal(secure_guard_check(pair->passive, &request, &reply, pair->now_ns), ROCE_GUARD_DROP);
	assert_int_equal(secure_stranger(pair->passive), ACTIVE + 1);
	request = arrived(bytes);
	request.port++;
	assert_int_equal(secure_guard_check(pair->passive, &request, &reply, pair->now_ns), ROCE_GUARD_DROP);
	request = arrived(bytes);
	request.private_len_bytes--;
	assert_int_equal(secure_guard_check(pair->passive, &request, &reply, pair->now_ns), ROCE_GUARD_DROP);
	/* What was meant for the passive node is nothing to another. */
	request = arrived(bytes);
	assert_int_equal(secure_guard_check(pair->active, &request, &reply, pair->now_ns), ROCE_GUARD_DROP);
	assert_int_equal(check(pair, bytes, NULL), ROCE_GUARD_ACCEPT);
	assert_int_equal(secure_counters(pair->passive)->refused_tag, 2);
	assert_int_equal(secure_counters(pair->passive)->refused_form, 1);
}

static void test_strangers_are_counted(void **state)
{
	struct pair *pair = *state;
	static const uint8_t other_key[SECURE_KEY_BYTES] = { 1 };
	struct secure_handshake handshake;
	uint8_t request[SECURE_REQUEST_BYTES];

	assert_int_equal(secure_stranger(pair->passive), 0);
	/* Another key under the same id, then one under an id that nobody knows, then another version. */
	assert_int_equal(secure_key_add(pair->active, KEY_ID + 1, other_key), 0);
	assert_int_equal(secure_key_use(pair->active, KEY_ID + 1), 0);
	assert_int_equal(secure_request(pair->active, &handshake, &route, NULL, request), 0);
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	assert_int_equal(secure_counters(pair->passive)->refused_unknown_key, 1);
	request[2] = KEY_ID;
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	assert_int_equal(secure_counters(pair->passive)->refused_tag, 1);
	request[1]++;
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	assert_int_equal(secure_counters(pair->passive)->refused_version, 1);
	request[0]++;
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	assert_int_equal(secure_counters(pair->passive)->refused_form, 1);
	assert_int_equal(secure_stranger(pair->passive), ACTIVE);
}

/* ---------------------------------------------------------------- replays and time */

static void test_replay(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake;
	struct secure_keys keys;
	uint8_t request[SECURE_REQUEST_BYTES], reply[SECURE_ANSWER_BYTES];

	challenged_request(pair, &handshake, request);
	assert_int_equal(answer(pair, request, reply, &keys), 0);
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	assert_int_equal(answer(pair, request, reply, &keys), -EALREADY);
	for (unsigned i = 0; i < 6; i++) {	/* at no later time either */
		pair->now_ns += SECURE_EPOCH_NS / 2;
		assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	}
	assert_true(secure_counters(pair->passive)->refused_replay >= 2);
}

static void test_challenges_grow_old(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake;
	uint8_t request[SECURE_REQUEST_BYTES];

	pair->now_ns = 100 * SECURE_EPOCH_NS;
	challenged_request(pair, &handshake, request);
	pair->now_ns += 2 * SECURE_EPOCH_NS - 1;
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_ACCEPT);
	pair->now_ns++;
	assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
}

/* A clock that jumps spoils the challenges under way, and nothing else. */
static void test_clock_jumps(void **state)
{
	struct pair *pair = *state;
	static const int64_t jumps_s[] = { 3600, -3600, -1, 15, -15, 86400 * 365, -1000 };
	struct secure_handshake handshake;
	struct secure_keys keys;
	uint8_t request[SECURE_REQUEST_BYTES], reply[SECURE_ANSWER_BYTES];

	for (unsigned i = 0; i < sizeof(jumps_s) / sizeof(jumps_s[0]); i++) {
		challenged_request(pair, &handshake, request);
		pair->now_ns += (uint64_t)(jumps_s[i] * (int64_t)SECOND);
		check(pair, request, NULL);
		challenged_request(pair, &handshake, request);
		assert_int_equal(check(pair, request, NULL), ROCE_GUARD_ACCEPT);
		assert_int_equal(answer(pair, request, reply, &keys), 0);
		assert_int_equal(check(pair, request, NULL), ROCE_GUARD_DROP);
	}
}

static void test_bounded(void **state)
{
	struct pair *pair = *state;
	struct secure_handshake handshake;
	struct secure_keys keys;
	uint8_t request[SECURE_REQUEST_BYTES], reply[SECURE_ANSWER_BYTES];

	for (unsigned i = 0; i < REPLAYS; i++) {
		challenged_request(pair, &handshake, request);
		assert_int_equal(answer(pair, request, reply, &keys), 0);
	}
	challenged_request(pair, &handshake, request);
	assert_int_equal(answer(pair, request, reply, &keys), -ENOBUFS);
	assert_int_equal(secure_counters(pair->passive)->refused_replays_full, 1);
	pair->now_ns += SECURE_EPOCH_NS;
	challenged_request(pair, &handshake, request);
	assert_int_equal(answer(pair, request, reply, &keys), 0);
}

/* ---------------------------------------------------------------- keys of the rack */

static void test_keys_rotate(void **state)
{
	struct pair *pair = *state;
	static const uint8_t next_key[SECURE_KEY_BYTES] = { 42 };
	struct secure_handshake handshake;
	uint8_t old[SECURE_REQUEST_BYTES], fresh[SECURE_REQUEST_BYTES];

	challenged_request(pair, &handshake, old);
	assert_int_equal(secure_key_add(pair->passive, KEY_ID, next_key), -EEXIST);
	assert_int_equal(secure_key_add(pair->passive, KEY_ID + 1, next_key), 0);
	assert_int_equal(secure_key_add(pair->passive, KEY_ID + 1, next_key), 0);
	assert_int_equal(secure_key_add(pair->passive, KEY_ID + 2, next_key), -ENOBUFS);
	assert_int_equal(secure_key_use(pair->active, KEY_ID + 1), -ENOENT);
	assert_int_equal(secure_key_add(pair->active, KEY_ID + 1, next_key), 0);
	assert_int_equal(secure_key_current(pair->active), KEY_ID);
	assert_int_equal(secure_key_use(pair->active, KEY_ID + 1), 0);
	challenged_request(pair, &handshake, fresh);
	assert_int_equal(check(pair, old, NULL), ROCE_GUARD_ACCEPT);
	assert_int_equal(check(pair, fresh, NULL), ROCE_GUARD_ACCEPT);
	assert_int_equal(secure_key_forget(pair->passive, KEY_ID), -EBUSY);
	assert_int_equal(secure_key_use(pair->passive, KEY_ID + 1), 0);
	assert_int_equal(secure_key_forget(pair->passive, KEY_ID), 0);
	assert_int_equal(secure_key_forget(pair->passive, KEY_ID), -ENOENT);
	assert_false(secure_key_known(pair->passive, KEY_ID));
	assert_int_equal(check(pair, old, NULL), ROCE_GUARD_DROP);
	assert_int_equal(check(pair, fresh, NULL), ROCE_GUARD_ACCEPT);
}

/* Which key a request was made with. */
static uint8_t asked_with(struct pair *pair, uint8_t unanswered)
{
	struct secure_route again = route;
	struct secure_handshake handshake;
	uint8_t request[SECURE_REQUEST_BYTES];

	again.unanswered = unanswered;
	assert_int_equal(secure_request(pair->active, &handshake, &again, NULL, request), 0);
	assert_int_equal(request[2], handshake.key_id);
	secure_abandon(&handshake);
	return request[2];
}

static void test_keys_take_turns(void **state)
{
	struct pair *pair = *state;
	static const uint8_t next_key[SECURE_KEY_BYTES] = { 42 };

	for (unsigned unanswered = 0; unanswered < 4; unanswered++)
		assert_int_equal(asked_with(pair, (uint8_t)unanswered), KEY_ID);	/* there is one only */
	assert_int_equal(secure_key_add(pair->active, KEY_ID + 1, next_key), 0);
	for (unsigned unanswered = 0; unanswered < 4; unanswered++)
		assert_int_equal(asked_with(pair, (uint8_t)unanswered), KEY_ID + unanswered % 2);
	assert_int_equal(secure_key_use(pair->active, KEY_ID + 1), 0);
	assert_int_equal(asked_with(pair, 0), KEY_ID + 1);
	assert_int_equal(asked_with(pair, 1), KEY_ID);
	assert_int_equal(secure_key_forget(pair->active, KEY_ID), 0);
	assert_int_equal(asked_with(pair, 1), KEY_ID + 1);
}

/* A peer's key that makes the agreed secret known to everybody. */
static void test_low_order_key(void **state)
{
	struct pair *pair = *state;
	static const uint8_t zero[SECURE_ANSWER_BYTES];
	struct secure_handshake handshake;
	struct secure_keys keys;
	uint8_t request[SECURE_REQUEST_BYTES];

	challenged_request(pair, &handshake, request);
	assert_int_equal(secure_finish(pair->active, &handshake, zero, sizeof(zero), &keys), -EBADMSG);
	assert_int_equal(secure_counters(pair->active)->answers_refused, 1);
}

static void test_config(void **state)
{
	struct pair *pair = *state;
	struct secure_config config = { .address = ACTIVE, .replays_max = 1, .environment = { .random = random_bytes, .context = pair } };

	assert_int_not_equal(secure_bytes(&config), 0);
	config.replays_max = 0;
	assert_int_equal(secure_bytes(&config), 0);
	config.replays_max = SECURE_REPLAYS_MAX + 1;
	assert_int_equal(secure_bytes(&config), 0);
	config.replays_max = 1;
	config.address = 0;
	assert_int_equal(secure_bytes(&config), 0);
}

/* ---------------------------------------------------------------- message authentication */

static void test_mac_is_gmac(void **state)
{
	static const uint8_t iv[12] = { 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	uint8_t key[16], message[300], tag[SECURE_TAG_BYTES], expected[SECURE_TAG_BYTES];
	br_aes_ct64_ctr_keys cipher;
	br_hkdf_context hkdf;
	br_gcm_context gcm;
	struct secure_mac mac;

	(void)state;
	for (unsigned i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	br_hkdf_init(&hkdf, &br_sha256_vtable, NULL, 0);
	br_hkdf_inject(&hkdf, rack_key, sizeof(rack_key));
	br_hkdf_flip(&hkdf);
	br_hkdf_produce(&hkdf, "label", 5, key, sizeof(key));
	br_aes_ct64_ctr_init(&cipher, key, sizeof(key));
	secure_mac_init(&mac, rack_key, "label");
	for (size_t len = 0; len <= sizeof(message) - SECURE_TAG_BYTES; len++) {
		br_gcm_init(&gcm, &cipher.vtable, br_ghash_ctmul64);
		br_gcm_reset(&gcm, iv, sizeof(iv));
		br_gcm_aad_inject(&gcm, message, len);
		br_gcm_flip(&gcm);
		br_gcm_get_tag(&gcm, expected);
		secure_mac_tag(&mac, UINT64_C(0x0102030405060708), message, len, tag);
		assert_memory_equal(tag, expected, sizeof(tag));
		secure_mac_seal(&mac, UINT64_C(0x0102030405060708), message, len);
		assert_memory_equal(message + len, expected, sizeof(expected));
	}
}

static void test_mac_notices(void **state)
{
	uint8_t message[96] = { 1, 2, 3 }, sealed[96 + SECURE_TAG_BYTES], tag[SECURE_TAG_BYTES];
	struct secure_mac mac, other;

	(void)state;
	secure_mac_init(&mac, rack_key, "one");
	secure_mac_init(&other, rack_key, "two");
	for (size_t len = 80; len <= 94; len += 14) {
		secure_mac_tag(&mac, 5, message, len, tag);
		assert_true(secure_mac_verify(&mac, 5, message, len, tag));
		assert_false(secure_mac_verify(&mac, 6, message, len, tag));
		assert_false(secure_mac_verify(&other, 5, message, len, tag));
		assert_false(secure_mac_verify(&mac, 5, message, len + 1, tag));
		for (unsigned bit = 0; bit < 8 * (len + SECURE_TAG_BYTES); bit++) {
			memcpy(sealed, message, len);
			memcpy(sealed + len, tag, sizeof(tag));
			assert_true(secure_mac_open(&mac, 5, sealed, len));
			assert_memory_equal(sealed, message, len);
			sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(secure_mac_verify(&mac, 5, sealed, len, sealed + len));
			assert_false(secure_mac_open(&mac, 5, sealed, len));
		}
	}
}

static void test_seal(void **state)
{
	uint8_t secret[40], clear[40], tag[SECURE_TAG_BYTES];

	(void)state;
	memset(clear, 0x5a, sizeof(clear));
	memcpy(secret, clear, sizeof(secret));
	secure_seal(rack_key, 3, secret, sizeof(secret), tag);
	assert_memory_not_equal(secret, clear, sizeof(secret));
	assert_false(secure_open(rack_key, 4, secret, sizeof(secret), tag));
	secure_seal(rack_key, 4, secret, sizeof(secret), (uint8_t[SECURE_TAG_BYTES]){ 0 });	/* undo the above */
	assert_true(secure_open(rack_key, 3, secret, sizeof(secret), tag));
	assert_memory_equal(secret, clear, sizeof(secret));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define PAIR_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		PAIR_TEST(test_both_get_the_keys),	PAIR_TEST(test_as_the_specification_says),
		PAIR_TEST(test_every_bit_counts),	PAIR_TEST(test_bound_to_addresses_and_port),
		PAIR_TEST(test_strangers_are_counted),	PAIR_TEST(test_replay),
		PAIR_TEST(test_challenges_grow_old),	PAIR_TEST(test_clock_jumps),
		PAIR_TEST(test_bounded),		PAIR_TEST(test_keys_rotate),
		PAIR_TEST(test_keys_take_turns),
		PAIR_TEST(test_low_order_key),		PAIR_TEST(test_config),
		cmocka_unit_test(test_mac_is_gmac),	cmocka_unit_test(test_mac_notices),
		cmocka_unit_test(test_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
