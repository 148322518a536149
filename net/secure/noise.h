/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The symmetric state of Noise_NNpsk0_25519_ChaChaPoly_SHA256 and its key agreement: names are those of section 5.2 of
 * the Noise specification. Inside net/secure; the caller is between vector_begin() and vector_end().
 */
#ifndef PLENUM_NET_SECURE_NOISE_H
#define PLENUM_NET_SECURE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_HASH_BYTES 32u
#define NOISE_KEY_BYTES 32u
#define NOISE_TAG_BYTES 16u

struct noise {
	uint8_t chaining_key[NOISE_HASH_BYTES];
	uint8_t hash[NOISE_HASH_BYTES];
	uint8_t key[NOISE_KEY_BYTES];
};

/* InitializeSymmetric with the protocol's name, then MixHash(prologue). */
void noise_begin(struct noise *noise, const uint8_t *prologue, size_t len_bytes);
void noise_mix_hash(struct noise *noise, const uint8_t *bytes, size_t len_bytes);
void noise_mix_key(struct noise *noise, const uint8_t *input, size_t len_bytes);
/* Token "psk". */
void noise_mix_key_and_hash(struct noise *noise, const uint8_t psk[NOISE_KEY_BYTES]);
/* Token "e" in a handshake with a pre-shared key: the public key is mixed into both. */
void noise_mix_ephemeral(struct noise *noise, const uint8_t public_key[NOISE_KEY_BYTES]);
/* In place; the nonce is 0, as for each first message under a fresh key. */
void noise_encrypt_and_hash(struct noise *noise, uint8_t *payload, size_t len_bytes, uint8_t tag[NOISE_TAG_BYTES]);
/* False: not authentic. The state is useless then. */
bool noise_decrypt_and_hash(struct noise *noise, uint8_t *payload, size_t len_bytes, const uint8_t tag[NOISE_TAG_BYTES]);
/* In constant time. */
bool noise_tags_equal(const uint8_t left[NOISE_TAG_BYTES], const uint8_t right[NOISE_TAG_BYTES]);
/* The active side sends with `first`. */
void noise_split(const struct noise *noise, uint8_t first[NOISE_KEY_BYTES], uint8_t second[NOISE_KEY_BYTES]);

/* X25519 (RFC 7748). */
void noise_public_key(const uint8_t secret[NOISE_KEY_BYTES], uint8_t public_key[NOISE_KEY_BYTES]);
/* False: the peer's key is one of the few that give a known result. */
bool noise_agree(const uint8_t secret[NOISE_KEY_BYTES], const uint8_t peer[NOISE_KEY_BYTES], uint8_t shared[NOISE_KEY_BYTES]);

#endif
