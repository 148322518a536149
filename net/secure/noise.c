/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/secure/noise.h"

#include <string.h>

#include <bearssl.h>

#include "net/secure/secure.h"

static const char protocol_name[] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";

static void hash_two(const uint8_t *first, size_t first_len_bytes, const uint8_t *second, size_t second_len_bytes,
		     uint8_t hash[NOISE_HASH_BYTES])
{
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, first, first_len_bytes);
	br_sha256_update(&context, second, second_len_bytes);
	br_sha256_out(&context, hash);
}

void noise_begin(struct noise *noise, const uint8_t *prologue, size_t len_bytes)
{
	/* The name is longer than a hash, so its hash stands for it. */
	_Static_assert(sizeof(protocol_name) - 1 > NOISE_HASH_BYTES, "section 5.2, InitializeSymmetric");

	memset(noise, 0, sizeof(*noise));
	hash_two((const uint8_t *)protocol_name, sizeof(protocol_name) - 1, NULL, 0, noise->hash);
	memcpy(noise->chaining_key, noise->hash, sizeof(noise->hash));
	noise_mix_hash(noise, prologue, len_bytes);
}

void noise_mix_hash(struct noise *noise, const uint8_t *bytes, size_t len_bytes)
{
	hash_two(noise->hash, sizeof(noise->hash), bytes, len_bytes, noise->hash);
}

/* Noise's HKDF is that of RFC 5869 with the chaining key as salt and no info. */
static void hkdf(const uint8_t chaining_key[NOISE_HASH_BYTES], const uint8_t *input, size_t len_bytes, uint8_t *output,
		 size_t output_len_bytes)
{
	br_hkdf_context context;

	br_hkdf_init(&context, &br_sha256_vtable, chaining_key, NOISE_HASH_BYTES);
	br_hkdf_inject(&context, input, len_bytes);
	br_hkdf_flip(&context);
	br_hkdf_produce(&context, NULL, 0, output, output_len_bytes);
	secure_erase(&context, sizeof(context));
}

void noise_mix_key(struct noise *noise, const uint8_t *input, size_t len_bytes)
{
	uint8_t output[2 * NOISE_HASH_BYTES];

	hkdf(noise->chaining_key, input, len_bytes, output, sizeof(output));
	memcpy(noise->chaining_key, output, NOISE_HASH_BYTES);
	memcpy(noise->key, output + NOISE_HASH_BYTES, NOISE_KEY_BYTES);
	secure_erase(output, sizeof(output));
}

void noise_mix_key_and_hash(struct noise *noise, const uint8_t psk[NOISE_KEY_BYTES])
{
	uint8_t output[3 * NOISE_HASH_BYTES];

	hkdf(noise->chaining_key, psk, NOISE_KEY_BYTES, output, sizeof(output));
	memcpy(noise->chaining_key, output, NOISE_HASH_BYTES);
	noise_mix_hash(noise, output + NOISE_HASH_BYTES, NOISE_HASH_BYTES);
	memcpy(noise->key, output + 2 * NOISE_HASH_BYTES, NOISE_KEY_BYTES);
	secure_erase(output, sizeof(output));
}

void noise_mix_ephemeral(struct noise *noise, const uint8_t public_key[NOISE_KEY_BYTES])
{
	noise_mix_hash(noise, public_key, NOISE_KEY_BYTES);
	noise_mix_key(noise, public_key, NOISE_KEY_BYTES);
}

static void aead(const struct noise *noise, uint8_t *payload, size_t len_bytes, uint8_t tag[NOISE_TAG_BYTES], bool encrypt)
{
	static const uint8_t nonce[12];

	br_poly1305_ctmul_run(noise->key, nonce, payload, len_bytes, noise->hash, sizeof(noise->hash), tag, br_chacha20_ct_run,
			      encrypt);
}

/* What is mixed in is the ciphertext with its tag. */
static void mix_sealed(struct noise *noise, const uint8_t *payload, size_t len_bytes, const uint8_t tag[NOISE_TAG_BYTES])
{
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, noise->hash, sizeof(noise->hash));
	br_sha256_update(&context, payload, len_bytes);
	br_sha256_update(&context, tag, NOISE_TAG_BYTES);
	br_sha256_out(&context, noise->hash);
}

void noise_encrypt_and_hash(struct noise *noise, uint8_t *payload, size_t len_bytes, uint8_t tag[NOISE_TAG_BYTES])
{
	aead(noise, payload, len_bytes, tag, true);
	mix_sealed(noise, payload, len_bytes, tag);
}

bool noise_tags_equal(const uint8_t left[NOISE_TAG_BYTES], const uint8_t right[NOISE_TAG_BYTES])
{
	uint8_t difference = 0;

	for (unsigned i = 0; i < NOISE_TAG_BYTES; i++)
		difference |= left[i] ^ right[i];
	return difference == 0;
}

bool noise_decrypt_and_hash(struct noise *noise, uint8_t *payload, size_t len_bytes, const uint8_t tag[NOISE_TAG_BYTES])
{
	uint8_t expected[NOISE_TAG_BYTES];
	struct noise before = *noise;

	mix_sealed(noise, payload, len_bytes, tag);
	aead(&before, payload, len_bytes, expected, false);
	secure_erase(&before, sizeof(before));
	return noise_tags_equal(expected, tag);
}

void noise_split(const struct noise *noise, uint8_t first[NOISE_KEY_BYTES], uint8_t second[NOISE_KEY_BYTES])
{
	uint8_t output[2 * NOISE_HASH_BYTES];

	hkdf(noise->chaining_key, NULL, 0, output, sizeof(output));
	memcpy(first, output, NOISE_KEY_BYTES);
	memcpy(second, output + NOISE_KEY_BYTES, NOISE_KEY_BYTES);
	secure_erase(output, sizeof(output));
}

/* ---------------------------------------------------------------- X25519 */

void noise_public_key(const uint8_t secret[NOISE_KEY_BYTES], uint8_t public_key[NOISE_KEY_BYTES])
{
	br_ec_c25519_m31.mulgen(public_key, secret, NOISE_KEY_BYTES, BR_EC_curve25519);
}

bool noise_agree(const uint8_t secret[NOISE_KEY_BYTES], const uint8_t peer[NOISE_KEY_BYTES], uint8_t shared[NOISE_KEY_BYTES])
{
	uint8_t any = 0;

	memcpy(shared, peer, NOISE_KEY_BYTES);
	br_ec_c25519_m31.mul(shared, NOISE_KEY_BYTES, secret, NOISE_KEY_BYTES, BR_EC_curve25519);
	for (unsigned i = 0; i < NOISE_KEY_BYTES; i++)
		any |= shared[i];
	return any != 0;
}
