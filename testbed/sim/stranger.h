/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A stranger on the network: a machine without the rack's key that sends what it likes, from whatever address it likes.
 * It has recorded for a while what the hosts said to each other. What it cannot do here is listen and send at the same
 * time: whoever sees the sequence numbers of a session as they pass can join in.
 */
#ifndef PLENUM_TESTBED_SIM_STRANGER_H
#define PLENUM_TESTBED_SIM_STRANGER_H

#include "testbed/sim/sim.h"

struct stranger;
/* Make a datagram in datagram->bytes, which has ROCE_DATAGRAM_BYTES_MAX. */
typedef void stranger_attack(struct stranger *stranger, struct roce_datagram *datagram);

struct stranger {
	struct network *network;
	struct node node;		/* never on: it has no device */
	uint32_t hosts;			/* nodes 0 to hosts - 1 are whom it pretends to be, and attacks */
	uint16_t port;			/* that it asks for connections */
	struct recorded *recorded;
	uint32_t recorded_count;
	uint64_t record_from_ns, record_until_ns;
	stranger_attack *attack;
	void *context;			/* of `attack`, if it is the scenario's own */
	uint64_t attack_until_ns;
	double link_part;		/* of its link that it uses */
	uint64_t sent;
	uint32_t listened_to;		/* the node whose answers to it are counted */
	uint64_t heard;
};

/* Takes the network's tap. Nothing else may be on the network as a node beyond `hosts`. */
void stranger_create(struct stranger *stranger, struct network *network, uint32_t hosts, uint16_t port);
void stranger_destroy(struct stranger *stranger);
void stranger_record(struct stranger *stranger, uint64_t from_ns, uint64_t until_ns);
/* World times. */
void stranger_attack_from(struct stranger *stranger, stranger_attack *attack, double link_part, uint64_t from_ns,
			  uint64_t until_ns);

/* What scenarios have in common: the network, what the stranger does of it, and what is left to others all the same. */
#define STRANGER_GIGABITS_PER_S 10u
#define STRANGER_BUFFER_BYTES (1u << 20)
#define STRANGER_PART 0.03		/* of its link: what it sends takes its part of it whatever the hosts do */
#define STRANGER_ATTACK_NS (40 * MILLISECOND_NS)
#define STRANGER_GOODPUT_MIN 0.90

struct stranger_case {
	const char *name;
	stranger_attack *attack;
};
/* That every scenario has. */
#define STRANGER_CASES \
	{ "replay", attack_replay }, { "replay-short", attack_replay_short }, { "replay-reads", attack_replay_reads }, \
	{ "mutate", attack_mutate }, { "random", attack_random }, { "guess", attack_guess }, { "flood", attack_flood }, \
	{ "hang-up", attack_hang_up }

/*
 * From now on, attack for STRANGER_ATTACK_NS (NULL: the same without it). Returns by how much `moved` of `context`, the bytes of
 * those who work there, grew meanwhile.
 */
uint64_t stranger_trial(struct stranger *stranger, stranger_attack *attack, uint64_t (*moved)(const void *context),
			const void *context);

uint32_t stranger_below(struct stranger *stranger, uint32_t count);
/* A connect request with this private data, addressed as the datagram says. */
void stranger_connect_request(struct stranger *stranger, const uint8_t *private_data, uint32_t len_bytes,
			      struct roce_datagram *datagram);

stranger_attack attack_replay;		/* what it recorded, as it was */
stranger_attack attack_replay_short;	/* only what is short: requests to READ, acknowledgements */
stranger_attack attack_replay_reads;	/* only requests to READ, each of which makes a host send much */
stranger_attack attack_replay_connect;	/* only connect requests and their answers */
stranger_attack attack_mutate;		/* with bits changed, cut off */
stranger_attack attack_random;		/* random bytes */
stranger_attack attack_guess;		/* well-formed packets with guessed queue pairs, sequence numbers, keys */
stranger_attack attack_flood;		/* connect requests from everywhere, each a new one */
stranger_attack attack_hang_up;		/* messages that would end connections or answer requests */

/* Everything that a packet can be counted as which is not what it was meant for. */
uint64_t stranger_refused(const struct roce_counters *counters);

#endif
