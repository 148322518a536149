/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may talk to whom: a rack has a key, and a connection to one of its services begins with a handshake that only
 * holders of the key can make. docs/security.md has the threat model. All cryptography is BearSSL's.
 *
 *	active side                                                   passive side
 *	secure_request()   -- REQ: header, ephemeral, tag ------->    secure_guard_check(): drop, or
 *	secure_challenge() <- REJ: challenge ---------------------    (nothing kept)
 *	secure_request()   -- REQ: the same, challenge mixed in -->   secure_guard_check(): accept
 *	                                                              secure_answer(): keys
 *	secure_finish(): keys <- REP: ephemeral, sealed header ---
 *	first SEND: its hello, with a MAC  ---------------------->    good: it is no replay, the peer has the keys
 *	                                   <----------------------    first SEND: hello, with a MAC; roce_authorize()
 *
 * The handshake is Noise_NNpsk0_25519_ChaChaPoly_SHA256 (Perrin, The Noise Protocol Framework, revision 34) with the rack's
 * key as the pre-shared one and both addresses, the port, the header and the challenge as its prologue.
 *
 * Pure: no clock, no allocation; randomness comes from the configuration. Secrets are erased where they are no longer needed.
 */
#ifndef PLENUM_NET_SECURE_H
#define PLENUM_NET_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bearssl.h>

#include "net/roce/roce.h"

#define SECURE_KEY_BYTES 32u
#define SECURE_KEYS_MAX 2u			/* the rack's key, and the one before or after it */
#define SECURE_REQUEST_BYTES 56u		/* private data of a REQ */
#define SECURE_ANSWER_BYTES 56u			/* at the start of a REP's */
#define SECURE_CHALLENGE_BYTES 16u
#define SECURE_REFUSAL_BYTES 24u		/* private data of the REJ with a challenge */
#define SECURE_TAG_BYTES 16u
#define SECURE_EPOCH_NS UINT64_C(10000000000)	/* a challenge is good for one to two of these */
#define SECURE_REPLAYS_MAX 65536u		/* requests answered in two epochs that are remembered */

_Static_assert(SECURE_REQUEST_BYTES == ROCE_REQ_PRIVATE_BYTES_MAX, "the request fills a REQ's private data");
_Static_assert(SECURE_ANSWER_BYTES <= ROCE_REP_PRIVATE_BYTES_MAX && SECURE_REFUSAL_BYTES <= ROCE_REJ_PRIVATE_BYTES_MAX,
	       "answers fit");

/* What a node offers or wants, in its request's header. */
#define SECURE_FEATURE_PACKET_MAC 1u		/* a MAC on every packet of the connection (docs/security.md) */

/* One per thing that a request can be refused for; the rest are good. */
#define SECURE_COUNTERS(X) \
	X(requests_challenged) X(requests_answered) X(refused_form) X(refused_version) X(refused_unknown_key) X(refused_tag) \
	X(refused_replay) X(refused_replays_full) X(answers_refused) X(handshakes_finished)

struct secure_counters {
#define SECURE_COUNTER_FIELD(name) uint64_t name;
	SECURE_COUNTERS(SECURE_COUNTER_FIELD)
#undef SECURE_COUNTER_FIELD
};

struct secure_config {
	uint32_t address;			/* ours, host byte order */
	uint32_t replays_max;			/* 1 to SECURE_REPLAYS_MAX: handshakes answered in two epochs */
	struct roce_environment environment;	/* its random */
};

struct secure;

/* Bytes of memory secure_create() needs, aligned to 64; 0 when `config` is not valid. */
size_t secure_bytes(const struct secure_config *config);
struct secure *secure_create(void *memory, const struct secure_config *config, uint64_t now_ns);
const struct secure_counters *secure_counters(const struct secure *secure);
/* Address of the latest request without the rack's key, for the operator; 0: there was none. */
uint32_t secure_stranger(const struct secure *secure);

/* ---------------------------------------------------------------- keys of the rack */

/* Accept handshakes with this key from now on, and ask with it when the one in use is not answered. The first one is in use. -ENOBUFS, -EEXIST (another key has this id). */
int secure_key_add(struct secure *secure, uint8_t id, const uint8_t key[SECURE_KEY_BYTES]);
/* Ask with this key from now on. -ENOENT. */
int secure_key_use(struct secure *secure, uint8_t id);
/* No longer accept it. -ENOENT, -EBUSY (it is the one in use). */
int secure_key_forget(struct secure *secure, uint8_t id);
/* The id of the key in use; -ENOENT: there is none, and nobody gets in or out. */
int secure_key_current(const struct secure *secure);
bool secure_key_known(const struct secure *secure, uint8_t id);
/* Another key is known by this id. */
bool secure_key_differs(const struct secure *secure, uint8_t id, const uint8_t key[SECURE_KEY_BYTES]);
/* Counts the changes of what is known and in use. */
uint32_t secure_keys_version(const struct secure *secure);
/* The ids of all that are known; how many. */
unsigned secure_key_ids(const struct secure *secure, uint8_t ids[SECURE_KEYS_MAX]);

/* All keys that a rack has at a moment. */
struct secure_key_set {
	uint32_t count;				/* 1 to SECURE_KEYS_MAX; the first one is in use */
	uint8_t ids[SECURE_KEYS_MAX];		/* different, > 0 */
	uint8_t keys[SECURE_KEYS_MAX][SECURE_KEY_BYTES];
};

/* All that are known, the one in use first. */
void secure_key_export(const struct secure *secure, struct secure_key_set *set);

#define SECURE_KEY_TEXT_BYTES 70u		/* of a key as text, with its NUL */
/* A key as text, "ID:HEX": `len_bytes` hostile characters. -EINVAL. */
int secure_key_parse(const char *text, size_t len_bytes, uint8_t *id, uint8_t key[SECURE_KEY_BYTES]);
void secure_key_format(uint8_t id, const uint8_t key[SECURE_KEY_BYTES], char text[SECURE_KEY_TEXT_BYTES]);

/* ---------------------------------------------------------------- handshake */

/* What both sides know in the end: a key for each direction, and what was agreed. */
struct secure_keys {
	uint8_t send[SECURE_KEY_BYTES];
	uint8_t receive[SECURE_KEY_BYTES];
	uint32_t node;				/* passive side: who asks, as it says; the key holder vouches */
	uint8_t key_id;
	uint8_t features;			/* SECURE_FEATURE_* that both sides want */
};

/* The active side's state between request and answer. Holds secrets: secure_finish() or secure_abandon() erases it. */
struct secure_handshake {
	uint8_t chaining_key[32];
	uint8_t hash[32];
	uint8_t ephemeral[32];
	uint8_t key_id;
	uint8_t features;
};

struct secure_route {
	uint32_t address;			/* of the passive side */
	uint16_t port;
	uint32_t node;				/* who we are; 0: not known yet */
	uint8_t features;
	uint8_t unanswered;			/* times in a row that it was asked without an answer: our keys take turns */
};

/*
 * Begin: fill a REQ's private data. `challenge` is what a REJ brought (secure_challenge()), or NULL at first. -ENOENT: we
 * have no key.
 */
int secure_request(struct secure *secure, struct secure_handshake *handshake, const struct secure_route *route,
		   const uint8_t *challenge, uint8_t request[SECURE_REQUEST_BYTES]);
/* Is a REJ's private data a challenge? Then take it out. */
bool secure_challenge(const uint8_t *private_data, uint32_t len_bytes, uint8_t challenge[SECURE_CHALLENGE_BYTES]);
/* The REP's private data. 0 and the keys, or -EBADMSG: nobody with the rack's key has answered. Erases the handshake. */
int secure_finish(struct secure *secure, struct secure_handshake *handshake, const uint8_t *private_data, uint32_t len_bytes,
		  struct secure_keys *keys);
void secure_abandon(struct secure_handshake *handshake);

/* A roce_guard's check; its context is the struct secure. */
enum roce_guard_verdict secure_guard_check(void *secure, const struct roce_guard_request *request,
					   struct roce_guard_reply *reply, uint64_t now_ns);
/*
 * Answer a request that the guard let through, with what we offer of `features`. 0; -EALREADY: it was answered before, so
 * somebody replays it; -ENOBUFS: too many answers in two epochs; -EBADMSG: not good (any more).
 */
int secure_answer(struct secure *secure, const struct roce_guard_request *request, uint8_t features,
		  uint8_t answer[SECURE_ANSWER_BYTES], struct secure_keys *keys, uint64_t now_ns);

/* Overwrite a secret so that the compiler does not leave it out. */
void secure_erase(void *secret, size_t len_bytes);

/* ---------------------------------------------------------------- message authentication */

/* AES-128-GMAC (NIST SP 800-38D). A counter must never be used twice under one key for different messages. */
struct secure_mac {
	br_aes_gen_ctr_keys aes;
	br_ghash ghash;
	uint8_t subkey[16];
};

/* `key` is a session key, `label` what it is used for: different uses get independent keys. */
void secure_mac_init(struct secure_mac *mac, const uint8_t key[SECURE_KEY_BYTES], const char *label);
void secure_mac_tag(const struct secure_mac *mac, uint64_t counter, const void *message, size_t len_bytes,
		    uint8_t tag[SECURE_TAG_BYTES]);
/* In constant time. */
bool secure_mac_verify(const struct secure_mac *mac, uint64_t counter, const void *message, size_t len_bytes,
		       const uint8_t tag[SECURE_TAG_BYTES]);
/* The same with the tag behind the message, in SECURE_TAG_BYTES that both write to; faster when the length is a multiple of 16. */
void secure_mac_seal(const struct secure_mac *mac, uint64_t counter, uint8_t *message, size_t len_bytes);
bool secure_mac_open(const struct secure_mac *mac, uint64_t counter, uint8_t *message, size_t len_bytes);

/* What roce_protect() wants, from a connection's keys; must not move afterwards. */
struct secure_packets {
	struct roce_protection protection;
	struct secure_mac send, receive;
};
void secure_packets_init(struct secure_packets *packets, const struct secure_keys *keys);

/* Encrypt a secret in place (ChaCha20-Poly1305 under the session key `key`); `counter` as above. */
void secure_seal(const uint8_t key[SECURE_KEY_BYTES], uint64_t counter, void *secret, size_t len_bytes,
		 uint8_t tag[SECURE_TAG_BYTES]);
/* Decrypt in place. False: not sealed so; the bytes are worthless then. */
bool secure_open(const uint8_t key[SECURE_KEY_BYTES], uint64_t counter, void *secret, size_t len_bytes,
		 const uint8_t tag[SECURE_TAG_BYTES]);

#endif
