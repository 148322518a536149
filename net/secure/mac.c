/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GMAC as GCM without plaintext (SP 800-38D sections 5.2.1 and 6.4): the tag is GHASH over the message and its length,
 * plus the cipher's block for the counter. The 96-bit IV is the 64-bit counter behind 32 zero bits.
 */
#include <assert.h>
#include <string.h>

#include "lib/vector.h"
#include "net/roce/bytes.h"
#include "net/secure/noise.h"
#include "net/secure/secure.h"

#define BLOCK_BYTES 16u
#define IV_BYTES 12u
#define MAC_KEY_BYTES 16u
#define LENGTHS_BLOCK_MAX (1u << 28)	/* bits of a message fit 32 bits */

static void derive(const uint8_t key[SECURE_KEY_BYTES], const char *label, uint8_t *output, size_t len_bytes)
{
	br_hkdf_context context;

	br_hkdf_init(&context, &br_sha256_vtable, NULL, 0);
	br_hkdf_inject(&context, key, SECURE_KEY_BYTES);
	br_hkdf_flip(&context);
	br_hkdf_produce(&context, label, strlen(label), output, len_bytes);
	secure_erase(&context, sizeof(context));
}

void secure_mac_init(struct secure_mac *mac, const uint8_t key[SECURE_KEY_BYTES], const char *label)
{
	static const uint8_t zero_iv[IV_BYTES];
	const br_block_ctr_class *cipher;
	uint8_t mac_key[MAC_KEY_BYTES];

	vector_begin();
	cipher = br_aes_x86ni_ctr_get_vtable();
	if (!cipher)
		cipher = &br_aes_ct64_ctr_vtable;
	mac->ghash = br_ghash_pclmul_get();
	if (!mac->ghash)
		mac->ghash = br_ghash_ctmul64;
	derive(key, label, mac_key, sizeof(mac_key));
	cipher->init(&mac->aes.vtable, mac_key, sizeof(mac_key));
	secure_erase(mac_key, sizeof(mac_key));
	/* The hash subkey is the encryption of the zero block: IV and block counter 0. */
	memset(mac->subkey, 0, sizeof(mac->subkey));
	mac->aes.vtable->run(&mac->aes.vtable, zero_iv, 0, mac->subkey, sizeof(mac->subkey));
	vector_end();
}

static void put_lengths(uint8_t block[BLOCK_BYTES], size_t len_bytes)
{
	memset(block, 0, BLOCK_BYTES);
	put_be32(block + 4, (uint32_t)len_bytes * 8);
}

/* The last step: the cipher's block for the counter on top of the hash. */
static void cover(const struct secure_mac *mac, uint64_t counter, uint8_t tag[SECURE_TAG_BYTES])
{
	uint8_t iv[IV_BYTES] = { 0 };

	put_be64(iv + 4, counter);
	mac->aes.vtable->run(&mac->aes.vtable, iv, 1, tag, SECURE_TAG_BYTES);
}

void secure_mac_tag(const struct secure_mac *mac, uint64_t counter, const void *message, size_t len_bytes,
		    uint8_t tag[SECURE_TAG_BYTES])
{
	uint8_t lengths[BLOCK_BYTES];

	assert(len_bytes < LENGTHS_BLOCK_MAX);
	put_lengths(lengths, len_bytes);
	memset(tag, 0, SECURE_TAG_BYTES);
	vector_begin();
	mac->ghash(tag, mac->subkey, message, len_bytes);
	mac->ghash(tag, mac->subkey, lengths, sizeof(lengths));
	cover(mac, counter, tag);
	vector_end();
}

void secure_mac_seal(const struct secure_mac *mac, uint64_t counter, uint8_t *message, size_t len_bytes)
{
	uint8_t tag[SECURE_TAG_BYTES] = { 0 };

	assert(len_bytes < LENGTHS_BLOCK_MAX);
	if (len_bytes % BLOCK_BYTES != 0) {
		secure_mac_tag(mac, counter, message, len_bytes, message + len_bytes);
		return;
	}
	/* The lengths stand where the tag is going to be: one range, and each call of the hash costs as much as a message. */
	put_lengths(message + len_bytes, len_bytes);
	vector_begin();
	mac->ghash(tag, mac->subkey, message, len_bytes + BLOCK_BYTES);
	cover(mac, counter, tag);
	vector_end();
	memcpy(message + len_bytes, tag, sizeof(tag));
}

static bool tags_equal(const uint8_t *first, const uint8_t *second)
{
	uint64_t a[2], b[2];

	memcpy(a, first, sizeof(a));
	memcpy(b, second, sizeof(b));
	return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
}

bool secure_mac_open(const struct secure_mac *mac, uint64_t counter, uint8_t *message, size_t len_bytes)
{
	uint8_t given[SECURE_TAG_BYTES];

	memcpy(given, message + len_bytes, sizeof(given));
	secure_mac_seal(mac, counter, message, len_bytes);
	return tags_equal(given, message + len_bytes);
}

bool secure_mac_verify(const struct secure_mac *mac, uint64_t counter, const void *message, size_t len_bytes,
		       const uint8_t tag[SECURE_TAG_BYTES])
{
	uint8_t expected[SECURE_TAG_BYTES];

	secure_mac_tag(mac, counter, message, len_bytes, expected);
	return tags_equal(expected, tag);
}

/* ---------------------------------------------------------------- packets */

static void packet_tag(void *context, uint64_t counter, const uint8_t *bytes, size_t len_bytes, uint8_t tag[ROCE_TAG_BYTES])
{
	const struct secure_packets *packets = context;

	secure_mac_tag(&packets->send, counter, bytes, len_bytes, tag);
}

static bool packet_verify(void *context, uint64_t counter, const uint8_t *bytes, size_t len_bytes,
			  const uint8_t tag[ROCE_TAG_BYTES])
{
	const struct secure_packets *packets = context;

	return secure_mac_verify(&packets->receive, counter, bytes, len_bytes, tag);
}

void secure_packets_init(struct secure_packets *packets, const struct secure_keys *keys)
{
	_Static_assert(ROCE_TAG_BYTES == SECURE_TAG_BYTES, "one kind of tag");

	packets->protection = (struct roce_protection){ .tag = packet_tag, .verify = packet_verify, .context = packets };
	secure_mac_init(&packets->send, keys->send, "plenum packets");
	secure_mac_init(&packets->receive, keys->receive, "plenum packets");
}

/* ---------------------------------------------------------------- secrets on their way */

static void seal(const uint8_t key[SECURE_KEY_BYTES], uint64_t counter, void *secret, size_t len_bytes,
		 uint8_t tag[SECURE_TAG_BYTES], bool encrypt)
{
	uint8_t seal_key[SECURE_KEY_BYTES], iv[IV_BYTES] = { 0 };

	put_be64(iv + 4, counter);
	vector_begin();
	derive(key, "plenum secret", seal_key, sizeof(seal_key));
	br_poly1305_ctmul_run(seal_key, iv, secret, len_bytes, NULL, 0, tag, br_chacha20_ct_run, encrypt);
	vector_end();
	secure_erase(seal_key, sizeof(seal_key));
}

void secure_seal(const uint8_t key[SECURE_KEY_BYTES], uint64_t counter, void *secret, size_t len_bytes,
		 uint8_t tag[SECURE_TAG_BYTES])
{
	seal(key, counter, secret, len_bytes, tag, true);
}

bool secure_open(const uint8_t key[SECURE_KEY_BYTES], uint64_t counter, void *secret, size_t len_bytes,
		 const uint8_t tag[SECURE_TAG_BYTES])
{
	uint8_t expected[SECURE_TAG_BYTES];

	seal(key, counter, secret, len_bytes, expected, false);
	return noise_tags_equal(expected, tag);
}

void secure_erase(void *secret, size_t len_bytes)
{
	memset(secret, 0, len_bytes);
	/* The bytes may be read behind the compiler's back, so it must write them. */
	__asm__ volatile("" : : "r"(secret) : "memory");
}
