/* SPDX-License-Identifier: GPL-2.0-only */
/* The passive side of the handshake: who is let in, and the answer. */
#include "net/secure/internal.h"

/* ---------------------------------------------------------------- epochs */

static void generation_begin(struct secure *secure, uint64_t epoch)
{
	struct generation *generation = &secure->generations[epoch % GENERATIONS];

	generation->epoch = epoch;
	generation->answered_count = 0;
	memset(generation->answered, 0, ((size_t)secure->slot_mask + 1) * sizeof(uint64_t));
	secure->config.environment.random(secure->config.environment.context, generation->secret, sizeof(generation->secret));
}

void secure_epoch(struct secure *secure, uint64_t now_ns)
{
	uint64_t epoch = now_ns / SECURE_EPOCH_NS + 1;

	/* A clock that went back finds a later epoch: challenges of other epochs are simply not good. */
	for (uint64_t wanted = epoch - 1; wanted <= epoch; wanted++)
		if (secure->generations[wanted % GENERATIONS].epoch != wanted)
			generation_begin(secure, wanted);
}

/* ---------------------------------------------------------------- challenges */

static void challenge_of(const struct generation *generation, uint32_t address, uint8_t challenge[SECURE_CHALLENGE_BYTES])
{
	uint8_t text[4] = { (uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8), (uint8_t)address };
	uint8_t hash[br_sha256_SIZE];
	br_hmac_key_context key;
	br_hmac_context context;

	vector_begin();
	br_hmac_key_init(&key, &br_sha256_vtable, generation->secret, sizeof(generation->secret));
	br_hmac_init(&context, &key, 0);
	br_hmac_update(&context, text, sizeof(text));
	br_hmac_out(&context, hash);
	vector_end();
	memcpy(challenge, hash, SECURE_CHALLENGE_BYTES);
	challenge[0] = (uint8_t)((challenge[0] & ~1u) | (generation->epoch & 1));
	secure_erase(&key, sizeof(key));
	secure_erase(&context, sizeof(context));
}

static void fill_refusal(const struct secure *secure, uint32_t address, uint64_t now_ns, struct roce_guard_reply *reply)
{
	const struct generation *generation = &secure->generations[(now_ns / SECURE_EPOCH_NS + 1) % GENERATIONS];

	memset(reply->private_data, 0, SECURE_REFUSAL_BYTES);
	reply->private_data[0] = SECURE_MAGIC;
	reply->private_data[1] = SECURE_VERSION;
	reply->private_data[2] = REFUSAL_CHALLENGE;
	challenge_of(generation, address, reply->private_data + HEADER_BYTES);
	reply->private_len_bytes = SECURE_REFUSAL_BYTES;
}

/* ---------------------------------------------------------------- requests that were answered */

static uint64_t ephemeral_word(const uint8_t *request)
{
	uint64_t word;

	memcpy(&word, request + HEADER_BYTES, sizeof(word));
	return word == 0 ? 1 : word;
}

/* The set's slot that holds `word`, or a free one where it belongs. At most half of the slots are taken. */
static uint64_t *answered_slot(const struct secure *secure, struct generation *generation, uint64_t word)
{
	/* The word is part of a public key that its maker could choose, but it has proved to hold the rack's key. */
	uint32_t slot = (uint32_t)(word >> 32) & secure->slot_mask;

	while (generation->answered[slot] != 0 && generation->answered[slot] != word)
		slot = (slot + 1) & secure->slot_mask;
	return &generation->answered[slot];
}

/* ---------------------------------------------------------------- checking */

/* The generation that the request's challenge is of; NULL: it answers none. */
static struct generation *generation_of(struct secure *secure, const uint8_t *request)
{
	if (!(request[3] & FLAG_CHALLENGED))
		return NULL;
	return &secure->generations[request[3] & FLAG_EPOCH ? 1 : 0];
}

/* Take in the request's tag; false: its maker has not the key, or has another challenge in mind. */
static bool tag_good(const struct secure *secure, const struct secure_key *key, const struct roce_guard_request *request,
		     const uint8_t *challenge, struct noise *noise)
{
	const uint8_t *public_key = request->private_data + HEADER_BYTES;
	bool good;

	vector_begin();
	secure_noise_begin(noise, key, request->address, secure->config.address, request->port, request->private_data, challenge);
	noise_mix_ephemeral(noise, public_key);
	good = noise_decrypt_and_hash(noise, NULL, 0, public_key + NOISE_KEY_BYTES);
	vector_end();
	return good;
}

static const struct secure_key *form_good(struct secure *secure, const struct roce_guard_request *request)
{
	const uint8_t *header = request->private_data;
	const struct secure_key *key;

	if (request->private_len_bytes < SECURE_REQUEST_BYTES || header[0] != SECURE_MAGIC) {
		secure->counters.refused_form++;
		return NULL;
	}
	if (header[1] != SECURE_VERSION) {
		secure->counters.refused_version++;
		return NULL;
	}
	key = secure_key_find(secure, header[2]);
	if (!key)
		secure->counters.refused_unknown_key++;
	return key;
}

/* Everything but whether it was answered before. On true `noise` is the state after the request. */
static bool request_good(struct secure *secure, const struct roce_guard_request *request, struct noise *noise)
{
	const struct generation *generation;
	uint8_t challenge[SECURE_CHALLENGE_BYTES];
	const struct secure_key *key = form_good(secure, request);

	if (!key) {
		secure->stranger = request->address;
		return false;
	}
	generation = generation_of(secure, request->private_data);
	if (generation)
		challenge_of(generation, request->address, challenge);
	if (tag_good(secure, key, request, generation ? challenge : NULL, noise))
		return true;
	secure->counters.refused_tag++;
	secure->stranger = request->address;
	return false;
}

enum roce_guard_verdict secure_guard_check(void *context, const struct roce_guard_request *request,
					   struct roce_guard_reply *reply, uint64_t now_ns)
{
	struct secure *secure = context;
	struct generation *generation;
	struct noise noise;
	bool good;

	secure_epoch(secure, now_ns);
	good = request_good(secure, request, &noise);
	secure_erase(&noise, sizeof(noise));
	if (!good)
		return ROCE_GUARD_DROP;
	generation = generation_of(secure, request->private_data);
	if (!generation) {
		secure->counters.requests_challenged++;
		fill_refusal(secure, request->address, now_ns, reply);
		return ROCE_GUARD_CHALLENGE;
	}
	if (*answered_slot(secure, generation, ephemeral_word(request->private_data)) != 0) {
		secure->counters.refused_replay++;
		secure->stranger = request->address;
		return ROCE_GUARD_DROP;
	}
	return ROCE_GUARD_ACCEPT;
}

/* ---------------------------------------------------------------- the answer */

/* Remember the request in its challenge's epoch (K2). */
static int remember(struct secure *secure, const uint8_t *request)
{
	struct generation *generation = generation_of(secure, request);
	uint64_t word = ephemeral_word(request), *slot = answered_slot(secure, generation, word);

	if (*slot != 0) {
		secure->counters.refused_replay++;
		return -EALREADY;
	}
	if (generation->answered_count == secure->config.replays_max) {
		secure->counters.refused_replays_full++;
		return -ENOBUFS;
	}
	*slot = word;
	generation->answered_count++;
	return 0;
}

/* The second message of the pattern: "e, ee", with the header as its payload. */
static bool write_answer(struct secure *secure, struct noise *noise, const uint8_t *request, uint8_t *answer,
			 struct secure_keys *keys)
{
	uint8_t ephemeral[NOISE_KEY_BYTES], shared[NOISE_KEY_BYTES], *header = answer + NOISE_KEY_BYTES;
	bool good;

	secure->config.environment.random(secure->config.environment.context, ephemeral, sizeof(ephemeral));
	memset(header, 0, HEADER_BYTES);
	header[0] = SECURE_MAGIC;
	header[1] = SECURE_VERSION;
	header[2] = request[2];
	header[3] = keys->features;
	vector_begin();
	noise_public_key(ephemeral, answer);
	noise_mix_ephemeral(noise, answer);
	good = noise_agree(ephemeral, request + HEADER_BYTES, shared);
	noise_mix_key(noise, shared, sizeof(shared));
	noise_encrypt_and_hash(noise, header, HEADER_BYTES, header + HEADER_BYTES);
	noise_split(noise, keys->receive, keys->send);
	vector_end();
	secure_erase(ephemeral, sizeof(ephemeral));
	secure_erase(shared, sizeof(shared));
	return good;
}

int secure_answer(struct secure *secure, const struct roce_guard_request *request, uint8_t features,
		  uint8_t answer[SECURE_ANSWER_BYTES], struct secure_keys *keys, uint64_t now_ns)
{
	const uint8_t *header = request->private_data;
	struct noise noise;
	int status = 0;

	assert((features & ~FLAG_FEATURES) == 0);
	memset(keys, 0, sizeof(*keys));
	secure_epoch(secure, now_ns);
	if (!request_good(secure, request, &noise) || !generation_of(secure, header))
		status = -EBADMSG;
	if (status == 0)
		status = remember(secure, header);
	if (status == 0) {
		keys->node = (uint32_t)header[4] | (uint32_t)header[5] << 8 | (uint32_t)header[6] << 16 |
			     (uint32_t)header[7] << 24;
		keys->key_id = header[2];
		keys->features = header[3] & FLAG_FEATURES & features;
		if (!write_answer(secure, &noise, header, answer, keys))
			status = -EBADMSG;
	}
	secure_erase(&noise, sizeof(noise));
	if (status != 0)
		secure_erase(keys, sizeof(*keys));
	else
		secure->counters.requests_answered++;
	return status;
}
