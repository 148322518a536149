/* SPDX-License-Identifier: GPL-2.0-only */
/* The node's root of trust: its memory, and the rack's keys that it knows. */
#include "net/secure/internal.h"

#define ALIGNMENT 64u

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static uint32_t slots(const struct secure_config *config)
{
	uint32_t power = 1;

	while (power < SLOTS_PER_REPLAY * config->replays_max)
		power <<= 1;
	return power;
}

size_t secure_bytes(const struct secure_config *config)
{
	if (config->replays_max == 0 || config->replays_max > SECURE_REPLAYS_MAX || config->address == 0 ||
	    !config->environment.random)
		return 0;
	return aligned(sizeof(struct secure)) + GENERATIONS * aligned(slots(config) * sizeof(uint64_t));
}

struct secure *secure_create(void *memory, const struct secure_config *config, uint64_t now_ns)
{
	size_t bytes = secure_bytes(config), used = aligned(sizeof(struct secure));
	struct secure *secure = memory;

	if (bytes == 0 || !memory || ((uintptr_t)memory & (ALIGNMENT - 1)))
		return NULL;
	memset(memory, 0, bytes);
	secure->config = *config;
	secure->current = -1;
	secure->slot_mask = slots(config) - 1;
	for (unsigned i = 0; i < GENERATIONS; i++) {
		secure->generations[i].answered = (uint64_t *)((uint8_t *)memory + used);
		secure->generations[i].epoch = UINT64_MAX;
		used += aligned(slots(config) * sizeof(uint64_t));
	}
	secure_epoch(secure, now_ns);
	return secure;
}

const struct secure_counters *secure_counters(const struct secure *secure)
{
	return &secure->counters;
}

uint32_t secure_stranger(const struct secure *secure)
{
	return secure->stranger;
}

/* ---------------------------------------------------------------- keys */

const struct secure_key *secure_key_find(const struct secure *secure, uint8_t id)
{
	for (unsigned i = 0; i < SECURE_KEYS_MAX; i++)
		if (secure->keys[i].used && secure->keys[i].id == id)
			return &secure->keys[i];
	return NULL;
}

int secure_key_add(struct secure *secure, uint8_t id, const uint8_t key[SECURE_KEY_BYTES])
{
	if (secure_key_known(secure, id))
		return secure_key_differs(secure, id, key) ? -EEXIST : 0;
	for (unsigned i = 0; i < SECURE_KEYS_MAX; i++) {
		struct secure_key *free_key = &secure->keys[i];

		if (free_key->used)
			continue;
		*free_key = (struct secure_key){ .used = true, .id = id };
		secure->keys_version++;
		memcpy(free_key->key, key, SECURE_KEY_BYTES);
		if (secure->current < 0)
			secure->current = (int)i;
		return 0;
	}
	return -ENOBUFS;
}

int secure_key_use(struct secure *secure, uint8_t id)
{
	const struct secure_key *key = secure_key_find(secure, id);

	if (!key)
		return -ENOENT;
	secure->keys_version += secure->current != (int)(key - secure->keys);
	secure->current = (int)(key - secure->keys);
	return 0;
}

int secure_key_forget(struct secure *secure, uint8_t id)
{
	const struct secure_key *key = secure_key_find(secure, id);

	if (!key)
		return -ENOENT;
	if (key == &secure->keys[secure->current])
		return -EBUSY;
	secure_erase(&secure->keys[key - secure->keys], sizeof(*key));
	secure->keys_version++;
	return 0;
}

int secure_key_current(const struct secure *secure)
{
	return secure->current < 0 ? -ENOENT : secure->keys[secure->current].id;
}

bool secure_key_known(const struct secure *secure, uint8_t id)
{
	return secure_key_find(secure, id) != NULL;
}

bool secure_key_differs(const struct secure *secure, uint8_t id, const uint8_t key[SECURE_KEY_BYTES])
{
	const struct secure_key *known = secure_key_find(secure, id);

	return known && memcmp(known->key, key, SECURE_KEY_BYTES) != 0;
}

unsigned secure_key_ids(const struct secure *secure, uint8_t ids[SECURE_KEYS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < SECURE_KEYS_MAX; i++)
		if (secure->keys[i].used)
			ids[count++] = secure->keys[i].id;
	return count;
}

uint32_t secure_keys_version(const struct secure *secure)
{
	return secure->keys_version;
}

void secure_key_export(const struct secure *secure, struct secure_key_set *set)
{
	memset(set, 0, sizeof(*set));
	for (unsigned i = 0; i < SECURE_KEYS_MAX; i++) {
		const struct secure_key *key = &secure->keys[((unsigned)(secure->current < 0 ? 0 : secure->current) + i) % SECURE_KEYS_MAX];

		if (!key->used)
			continue;
		set->ids[set->count] = key->id;
		memcpy(set->keys[set->count++], key->key, SECURE_KEY_BYTES);
	}
}
