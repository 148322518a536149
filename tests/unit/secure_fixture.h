/* SPDX-License-Identifier: GPL-2.0-only */
/* A node's root of trust for tests on wire_pair.h: all of them know one rack's key. */
#ifndef PLENUM_TESTS_SECURE_FIXTURE_H
#define PLENUM_TESTS_SECURE_FIXTURE_H

#include "net/secure/secure.h"
#include "tests/unit/wire_pair.h"

#define SECURE_FIXTURE_REPLAYS 256u
#define SECURE_FIXTURE_KEY_ID 1

static const uint8_t secure_fixture_key[SECURE_KEY_BYTES] = "the key of the rack in the tests";

/* Of device `number` on the wire; free() it. */
static inline struct secure *secure_fixture(struct wire *wire, unsigned number)
{
	const struct secure_config config = { .address = WIRE_ADDRESS(number), .replays_max = SECURE_FIXTURE_REPLAYS,
					      .environment = { .random = wire_random_bytes, .context = wire } };
	struct secure *secure = secure_create(aligned_alloc(64, secure_bytes(&config)), &config, wire->now_ns);

	assert(secure != NULL && secure_key_add(secure, SECURE_FIXTURE_KEY_ID, secure_fixture_key) == 0);
	return secure;
}

#endif
