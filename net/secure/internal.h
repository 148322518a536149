/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside net/secure.
 *
 *  K1  A request costs no memory before its tag was found good and its challenge fresh, and no key agreement either.
 *  K2  A request is answered once: its ephemeral key is remembered as long as its challenge would be good.
 *  K3  A challenge is good for its address only, and for one to two epochs; its secret never leaves this node.
 *  K4  Nothing that authenticates anybody is derived from a key that was forgotten.
 */
#ifndef PLENUM_NET_SECURE_INTERNAL_H
#define PLENUM_NET_SECURE_INTERNAL_H

#include <assert.h>
#include <string.h>

#include <plenum/status.h>

#include "lib/vector.h"
#include "net/secure/noise.h"
#include "net/secure/secure.h"

#define SECURE_MAGIC 0x50u			/* "P" */
#define SECURE_VERSION 1u
#define HEADER_BYTES 8u
/* The header's flags: features below. */
#define FLAG_FEATURES 0x0fu
#define FLAG_CHALLENGED 0x40u
#define FLAG_EPOCH 0x80u			/* the lowest bit of the challenge's epoch */
#define REFUSAL_CHALLENGE 1u
#define GENERATIONS 2u				/* of challenges and of remembered requests: this epoch and the one before */
#define SLOTS_PER_REPLAY 2u			/* of a table: half full at most */

_Static_assert(SECURE_REQUEST_BYTES == HEADER_BYTES + NOISE_KEY_BYTES + NOISE_TAG_BYTES, "request");
_Static_assert(SECURE_ANSWER_BYTES == NOISE_KEY_BYTES + HEADER_BYTES + NOISE_TAG_BYTES, "answer");
_Static_assert(SECURE_REFUSAL_BYTES == HEADER_BYTES + SECURE_CHALLENGE_BYTES, "refusal");

struct secure_key {
	bool used;
	uint8_t id;
	uint8_t key[SECURE_KEY_BYTES];
};

/* What belongs to one epoch; the generations take turns, by the epoch's lowest bit. */
struct generation {
	uint64_t epoch;				/* NO_EPOCH: none yet */
	uint8_t secret[SECURE_KEY_BYTES];	/* of its challenges */
	uint64_t *answered;			/* open-addressed set of ephemeral keys' first words; 0: free */
	uint32_t answered_count;
};

struct secure {
	struct secure_config config;
	struct secure_counters counters;
	struct secure_key keys[SECURE_KEYS_MAX];
	int current;				/* index of the key in use; -1: none */
	uint32_t keys_version;
	uint32_t stranger;			/* latest address without the rack's key */
	uint32_t slot_mask;			/* of a generation's set */
	struct generation generations[GENERATIONS];
};

/* guard.c */
/* Bring the generations up to `now_ns`. */
void secure_epoch(struct secure *secure, uint64_t now_ns);
/* handshake.c */
const struct secure_key *secure_key_find(const struct secure *secure, uint8_t id);
/* The state after a request's clear parts; `challenge` NULL: none. Between vector_begin() and vector_end(). */
void secure_noise_begin(struct noise *noise, const struct secure_key *key, uint32_t active_address, uint32_t passive_address,
			uint16_t port, const uint8_t header[HEADER_BYTES], const uint8_t *challenge);

#endif
