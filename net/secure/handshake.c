/* SPDX-License-Identifier: GPL-2.0-only */
/* The active side of the handshake, and what both sides mix in alike. */
#include "net/roce/bytes.h"
#include "net/secure/internal.h"

#define PURPOSE "plenum rdma 1"

void secure_noise_begin(struct noise *noise, const struct secure_key *key, uint32_t active_address, uint32_t passive_address,
			uint16_t port, const uint8_t header[HEADER_BYTES], const uint8_t *challenge)
{
	struct {
		uint8_t purpose[sizeof(PURPOSE) - 1];
		uint8_t active[4], passive[4];
		uint8_t port[2];
		uint8_t header[HEADER_BYTES];
		uint8_t challenge[SECURE_CHALLENGE_BYTES];	/* zeros: none */
	} prologue = { 0 };

	memcpy(prologue.purpose, PURPOSE, sizeof(prologue.purpose));
	put_be32(prologue.active, active_address);
	put_be32(prologue.passive, passive_address);
	prologue.port[0] = (uint8_t)(port >> 8);
	prologue.port[1] = (uint8_t)port;
	memcpy(prologue.header, header, HEADER_BYTES);
	if (challenge)
		memcpy(prologue.challenge, challenge, SECURE_CHALLENGE_BYTES);
	noise_begin(noise, (const uint8_t *)&prologue, sizeof(prologue));
	noise_mix_key_and_hash(noise, key->key);
}

/* The key in use; another one in turn when it was not answered: a peer that has forgotten ours says nothing. */
static const struct secure_key *key_to_ask_with(const struct secure *secure, uint8_t unanswered)
{
	const struct secure_key *other = &secure->keys[((unsigned)secure->current + unanswered) % SECURE_KEYS_MAX];

	return other->used ? other : &secure->keys[secure->current];
}

int secure_request(struct secure *secure, struct secure_handshake *handshake, const struct secure_route *route,
		   const uint8_t *challenge, uint8_t request[SECURE_REQUEST_BYTES])
{
	uint8_t *header = request, *public_key = request + HEADER_BYTES, *tag = public_key + NOISE_KEY_BYTES;
	const struct secure_key *key;
	struct noise noise;

	assert((route->features & ~FLAG_FEATURES) == 0);
	if (secure->current < 0)
		return -ENOENT;
	key = key_to_ask_with(secure, route->unanswered);
	header[0] = SECURE_MAGIC;
	header[1] = SECURE_VERSION;
	header[2] = key->id;
	header[3] = route->features;
	if (challenge)
		header[3] |= FLAG_CHALLENGED | (challenge[0] & 1 ? FLAG_EPOCH : 0);
	for (unsigned i = 0; i < 4; i++)
		header[4 + i] = (uint8_t)(route->node >> 8 * i);
	secure->config.environment.random(secure->config.environment.context, handshake->ephemeral, NOISE_KEY_BYTES);
	vector_begin();
	noise_public_key(handshake->ephemeral, public_key);
	secure_noise_begin(&noise, key, secure->config.address, route->address, route->port, header, challenge);
	noise_mix_ephemeral(&noise, public_key);
	noise_encrypt_and_hash(&noise, NULL, 0, tag);
	vector_end();
	memcpy(handshake->chaining_key, noise.chaining_key, sizeof(handshake->chaining_key));
	memcpy(handshake->hash, noise.hash, sizeof(handshake->hash));
	handshake->key_id = key->id;
	handshake->features = route->features;
	secure_erase(&noise, sizeof(noise));
	return 0;
}

bool secure_challenge(const uint8_t *private_data, uint32_t len_bytes, uint8_t challenge[SECURE_CHALLENGE_BYTES])
{
	if (len_bytes < SECURE_REFUSAL_BYTES || private_data[0] != SECURE_MAGIC || private_data[1] != SECURE_VERSION ||
	    private_data[2] != REFUSAL_CHALLENGE)
		return false;
	memcpy(challenge, private_data + HEADER_BYTES, SECURE_CHALLENGE_BYTES);
	return true;
}

void secure_abandon(struct secure_handshake *handshake)
{
	secure_erase(handshake, sizeof(*handshake));
}

/* Read the answer; false when no holder of the rack's key wrote it. */
static bool read_answer(struct secure_handshake *handshake, const uint8_t *answer, struct secure_keys *keys)
{
	uint8_t shared[NOISE_KEY_BYTES], header[HEADER_BYTES];
	struct noise noise;
	bool good;

	memcpy(noise.chaining_key, handshake->chaining_key, sizeof(noise.chaining_key));
	memcpy(noise.hash, handshake->hash, sizeof(noise.hash));
	memcpy(header, answer + NOISE_KEY_BYTES, HEADER_BYTES);
	vector_begin();
	noise_mix_ephemeral(&noise, answer);
	good = noise_agree(handshake->ephemeral, answer, shared);
	noise_mix_key(&noise, shared, sizeof(shared));
	good &= noise_decrypt_and_hash(&noise, header, HEADER_BYTES, answer + NOISE_KEY_BYTES + HEADER_BYTES);
	noise_split(&noise, keys->send, keys->receive);
	vector_end();
	secure_erase(shared, sizeof(shared));
	secure_erase(&noise, sizeof(noise));
	if (!good || header[0] != SECURE_MAGIC || header[1] != SECURE_VERSION || header[2] != handshake->key_id)
		return false;
	keys->node = 0;
	keys->key_id = handshake->key_id;
	keys->features = header[3] & handshake->features;
	return true;
}

int secure_finish(struct secure *secure, struct secure_handshake *handshake, const uint8_t *private_data, uint32_t len_bytes,
		  struct secure_keys *keys)
{
	bool good = len_bytes >= SECURE_ANSWER_BYTES && secure_key_known(secure, handshake->key_id) &&
		    read_answer(handshake, private_data, keys);

	secure_abandon(handshake);
	if (!good) {
		secure_erase(keys, sizeof(*keys));
		secure->counters.answers_refused++;
		return -EBADMSG;
	}
	secure->counters.handshakes_finished++;
	return 0;
}
