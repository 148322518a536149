/* SPDX-License-Identifier: GPL-2.0-only */
#include "net/node/rack_keys.h"

#include <string.h>

#include <plenum/status.h>

_Static_assert(SECURE_KEYS_MAX == WIRE_RACK_KEYS_MAX && SECURE_KEY_BYTES == sizeof(((struct wire_rack_key *)0)->sealed) &&
	       SECURE_TAG_BYTES == sizeof(((struct wire_rack_key *)0)->tag), "wire");

int rack_keys_seal(struct rpc_endpoint *endpoint, uint32_t session, const struct secure_key_set *keys, struct wire_rack_keys *body)
{
	memset(body, 0, sizeof(*body));
	body->count = keys->count;
	for (uint32_t i = 0; i < keys->count; i++) {
		struct wire_rack_key *entry = &body->keys[i];
		int status;

		entry->id = keys->ids[i];
		memcpy(entry->sealed, keys->keys[i], sizeof(entry->sealed));
		status = rpc_secret_seal(endpoint, session, entry->sealed, sizeof(entry->sealed), &entry->counter, entry->tag);
		if (status != 0) {
			secure_erase(body, sizeof(*body));
			return status;
		}
	}
	return 0;
}

static bool wanted(const struct secure_key_set *keys, uint8_t id)
{
	for (uint32_t i = 0; i < keys->count; i++)
		if (keys->ids[i] == id)
			return true;
	return false;
}

static bool valid(const struct secure *secure, const struct secure_key_set *keys)
{
	if (keys->count == 0 || keys->count > SECURE_KEYS_MAX)
		return false;
	for (uint32_t i = 0; i < keys->count; i++)
		if (keys->ids[i] == 0 || (i > 0 && keys->ids[i] == keys->ids[0]) ||
		    secure_key_differs(secure, keys->ids[i], keys->keys[i]))
			return false;
	return true;
}

int rack_keys_apply(struct secure *secure, const struct secure_key_set *keys)
{
	uint8_t known[SECURE_KEYS_MAX];
	unsigned known_count = secure_key_ids(secure, known), common = 0;

	if (!valid(secure, keys))
		return -EINVAL;
	for (unsigned i = 0; i < known_count; i++)
		common += wanted(keys, known[i]);
	if (common == 0)
		return -ENOBUFS;
	/* One that stays is in use while the others go: there is always one. */
	for (unsigned i = 0; i < known_count; i++)
		if (wanted(keys, known[i]))
			secure_key_use(secure, known[i]);
	for (unsigned i = 0; i < known_count; i++)
		if (!wanted(keys, known[i]))
			secure_key_forget(secure, known[i]);
	for (uint32_t i = 0; i < keys->count; i++)
		secure_key_add(secure, keys->ids[i], keys->keys[i]);
	secure_key_use(secure, keys->ids[0]);
	return 0;
}

/* Open every key of the message. 0, -EINVAL or -EBADMSG. */
static int open_all(struct rpc_endpoint *endpoint, const struct rpc_request *request, struct secure_key_set *keys)
{
	struct wire_rack_keys body;
	bool good = true;

	memcpy(&body, request->body, sizeof(body));
	if (body.count == 0 || body.count > SECURE_KEYS_MAX)
		return -EINVAL;
	keys->count = body.count;
	for (uint32_t i = 0; i < body.count; i++) {
		struct wire_rack_key *entry = &body.keys[i];

		good &= rpc_secret_open(endpoint, request->session, entry->counter, entry->sealed, sizeof(entry->sealed), entry->tag);
		keys->ids[i] = entry->id;
		memcpy(keys->keys[i], entry->sealed, sizeof(entry->sealed));
	}
	secure_erase(&body, sizeof(body));
	return good ? 0 : -EBADMSG;
}

void rack_keys_serve(struct secure *secure, struct rpc_endpoint *endpoint, const struct rpc_request *request, uint64_t now_ns)
{
	struct secure_key_set keys;
	int status;

	memset(&keys, 0, sizeof(keys));
	status = open_all(endpoint, request, &keys);
	if (status == 0)
		status = rack_keys_apply(secure, &keys);
	secure_erase(&keys, sizeof(keys));
	rpc_reply(endpoint, request->token, status, NULL, 0, now_ns);
}

void rack_keys_watch(struct rack_keys_watch *watch, const struct secure *secure, struct rpc_endpoint *endpoint,
		     struct data_door *door, uint64_t now_ns)
{
	if (watch->version == secure_keys_version(secure))
		return;
	for (unsigned i = 0; i < watch->count; i++) {
		if (secure_key_known(secure, watch->ids[i]))
			continue;
		rpc_key_forgotten(endpoint, watch->ids[i], now_ns);
		if (door)
			data_door_key_forgotten(door, watch->ids[i], now_ns);
	}
	watch->version = secure_keys_version(secure);
	watch->count = secure_key_ids(secure, watch->ids);
}
