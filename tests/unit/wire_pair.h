/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A wire in memory for unit tests: RoCE devices with addresses 10.0.0.1, 10.0.0.2, ... in simulated time, with knobs
 * for loss, duplication, reordering and cut cables. One seed gives one run.
 *
 *	struct wire wire;
 *	wire_init(&wire, seed);
 *	struct roce_device *a = wire_add(&wire, &limits, 4096), *b = wire_add(&wire, &limits, 4096);
 *	wire_hook(&wire, poll, deadline, context);	what is polled after packets came in, and at its deadline
 *	assert_true(wire_run(&wire, condition, context, 5 * WIRE_SECOND));
 *	wire_free(&wire);
 */
#ifndef PLENUM_TESTS_WIRE_PAIR_H
#define PLENUM_TESTS_WIRE_PAIR_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/roce/roce.h"

#define WIRE_DEVICES_MAX 6u
#define WIRE_HOOKS_MAX 8u
#define WIRE_PACKETS_MAX 4096u
#define WIRE_IDLE_STEPS_MAX 100000u
#define WIRE_SECOND UINT64_C(1000000000)
#define WIRE_MILLISECOND UINT64_C(1000000)
#define WIRE_ADDRESS(number) (UINT32_C(0x0a000001) + (uint32_t)(number))

struct wire_packet {
	uint64_t due_ns;
	uint64_t order;
	struct roce_datagram datagram;
	uint8_t *bytes;
};

struct wire_end {
	struct roce_device *device;
	void *memory;
	bool cut;			/* the cable is out: nothing leaves, nothing arrives */
};

struct wire {
	uint64_t now_ns;
	uint64_t random_state;
	uint64_t delay_ns;
	unsigned loss_permille;
	unsigned duplicate_permille;
	unsigned reorder_permille;	/* delayed by up to ten times the usual */
	unsigned corrupt_permille;	/* a flipped bit: the ICRC must refuse it */
	unsigned devices;
	struct wire_end ends[WIRE_DEVICES_MAX];
	unsigned hooks;
	struct {
		void (*poll)(void *context, uint64_t now_ns);
		uint64_t (*deadline_ns)(void *context);
		void *context;
	} hook[WIRE_HOOKS_MAX];
	uint64_t packets_sent, packets_lost, orders;
	unsigned idle_steps;		/* steps in which time stood still: many mean a deadline that nobody serves */
	unsigned flying;
	struct wire_packet packets[WIRE_PACKETS_MAX];
};

/* xorshift64*: reproducible, good enough to decide fates. */
static inline uint64_t wire_random(struct wire *wire)
{
	wire->random_state ^= wire->random_state >> 12;
	wire->random_state ^= wire->random_state << 25;
	wire->random_state ^= wire->random_state >> 27;
	return wire->random_state * UINT64_C(2685821657736338717);
}

static inline void wire_random_bytes(void *context, void *bytes, size_t len)
{
	uint8_t *next = (uint8_t *)bytes;

	while (len-- > 0)
		*next++ = (uint8_t)(wire_random((struct wire *)context) >> 32);
}

static inline bool wire_chance(struct wire *wire, unsigned permille)
{
	return permille > 0 && wire_random(wire) % 1000 < permille;
}

static inline void wire_init(struct wire *wire, uint64_t seed)
{
	memset(wire, 0, sizeof(*wire));
	wire->random_state = seed * 2 + 1;
	wire->now_ns = WIRE_SECOND;
	wire->delay_ns = 20000;
}

static inline void wire_place(struct wire *wire, unsigned number, const struct roce_limits *limits, uint32_t mtu_bytes)
{
	struct wire_end *end = &wire->ends[number];
	struct roce_config config = {
		.address = WIRE_ADDRESS(number),
		.path_mtu_bytes = mtu_bytes,
		.guid = UINT64_C(0x0200000000000000) + number,
		.limits = *limits,
		.environment = { .random = wire_random_bytes, .context = wire },
	};
	size_t bytes = (roce_device_bytes(&config) + 63) & ~(size_t)63;

	free(end->memory);
	end->memory = aligned_alloc(64, bytes);
	assert(end->memory != NULL);
	end->device = roce_device_create(end->memory, &config, wire->now_ns);
	assert(end->device != NULL);
}

static inline struct roce_device *wire_add(struct wire *wire, const struct roce_limits *limits, uint32_t mtu_bytes)
{
	assert(wire->devices < WIRE_DEVICES_MAX);
	wire_place(wire, wire->devices, limits, mtu_bytes);
	return wire->ends[wire->devices++].device;
}

/* The machine rebooted: a fresh device at the same address. What hung on the old one must be rebuilt by the caller. */
static inline struct roce_device *wire_replace(struct wire *wire, unsigned number, const struct roce_limits *limits,
					       uint32_t mtu_bytes)
{
	wire_place(wire, number, limits, mtu_bytes);
	return wire->ends[number].device;
}

static inline unsigned wire_hook(struct wire *wire, void (*poll)(void *, uint64_t), uint64_t (*deadline_ns)(void *),
				 void *context)
{
	assert(wire->hooks < WIRE_HOOKS_MAX);
	wire->hook[wire->hooks].poll = poll;
	wire->hook[wire->hooks].deadline_ns = deadline_ns;
	wire->hook[wire->hooks].context = context;
	return wire->hooks++;
}

static inline void wire_free(struct wire *wire)
{
	for (unsigned i = 0; i < wire->flying; i++)
		free(wire->packets[i].bytes);
	for (unsigned i = 0; i < wire->devices; i++)
		free(wire->ends[i].memory);
}

static inline void wire_launch(struct wire *wire, const struct roce_datagram *datagram)
{
	struct wire_packet *packet = &wire->packets[wire->flying];

	assert(wire->flying < WIRE_PACKETS_MAX);
	wire->flying++;
	packet->datagram = *datagram;
	packet->bytes = (uint8_t *)malloc(datagram->len_bytes);
	assert(packet->bytes != NULL);
	memcpy(packet->bytes, datagram->bytes, datagram->len_bytes);
	packet->datagram.bytes = packet->bytes;
	packet->order = wire->orders++;
	packet->due_ns = wire->now_ns + wire->delay_ns;
	if (wire_chance(wire, wire->reorder_permille))
		packet->due_ns += wire_random(wire) % (10 * wire->delay_ns);
	if (wire_chance(wire, wire->corrupt_permille))
		packet->bytes[wire_random(wire) % datagram->len_bytes] ^= (uint8_t)(1u << wire_random(wire) % 8);
}

/* Take what the devices want to send. */
static inline void wire_collect(struct wire *wire)
{
	static uint8_t buffer[ROCE_DATAGRAM_BYTES_MAX];

	for (unsigned i = 0; i < wire->devices; i++) {
		for (;;) {
			struct roce_datagram datagram = { .bytes = buffer };

			if (roce_output(wire->ends[i].device, &datagram, wire->now_ns) == 0)
				break;
			assert(datagram.len_bytes <= ROCE_DATAGRAM_BYTES_MAX);
			wire->packets_sent++;
			if (wire->ends[i].cut || wire_chance(wire, wire->loss_permille)) {
				wire->packets_lost++;
				continue;
			}
			wire_launch(wire, &datagram);
			if (wire_chance(wire, wire->duplicate_permille))
				wire_launch(wire, &datagram);
		}
	}
}

/* Deliver the packets that are due, in order of time. */
static inline void wire_deliver(struct wire *wire)
{
	for (;;) {
		unsigned first = wire->flying;
		struct wire_packet packet;
		unsigned number;

		for (unsigned i = 0; i < wire->flying; i++)
			if (wire->packets[i].due_ns <= wire->now_ns &&
			    (first == wire->flying || wire->packets[i].due_ns < wire->packets[first].due_ns ||
			     (wire->packets[i].due_ns == wire->packets[first].due_ns &&
			      wire->packets[i].order < wire->packets[first].order)))
				first = i;
		if (first == wire->flying)
			return;
		packet = wire->packets[first];
		wire->packets[first] = wire->packets[--wire->flying];
		number = packet.datagram.destination_address - WIRE_ADDRESS(0);
		if (number < wire->devices && !wire->ends[number].cut)
			roce_input(wire->ends[number].device, &packet.datagram, wire->now_ns);
		free(packet.bytes);
	}
}

static inline uint64_t wire_next_ns(const struct wire *wire)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned i = 0; i < wire->flying; i++)
		if (wire->packets[i].due_ns < next_ns)
			next_ns = wire->packets[i].due_ns;
	for (unsigned i = 0; i < wire->devices; i++)
		if (roce_deadline_ns(wire->ends[i].device) < next_ns)
			next_ns = roce_deadline_ns(wire->ends[i].device);
	for (unsigned i = 0; i < wire->hooks; i++) {
		uint64_t hook_ns = wire->hook[i].poll != NULL && wire->hook[i].deadline_ns != NULL ?
				   wire->hook[i].deadline_ns(wire->hook[i].context) : UINT64_MAX;

		if (hook_ns < next_ns)
			next_ns = hook_ns;
	}
	return next_ns;
}

/* One step: to the next thing that happens. False when nothing will before `limit_ns`. */
static inline bool wire_step(struct wire *wire, uint64_t limit_ns)
{
	uint64_t next_ns;

	wire_collect(wire);
	next_ns = wire_next_ns(wire);
	if (next_ns > limit_ns) {
		wire->now_ns = limit_ns;
		return false;
	}
	wire->idle_steps = next_ns > wire->now_ns ? 0 : wire->idle_steps + 1;
	assert(wire->idle_steps < WIRE_IDLE_STEPS_MAX);
	if (next_ns > wire->now_ns)
		wire->now_ns = next_ns;
	wire_deliver(wire);
	for (unsigned i = 0; i < wire->devices; i++)
		if (roce_deadline_ns(wire->ends[i].device) <= wire->now_ns)
			roce_tick(wire->ends[i].device, wire->now_ns);
	for (unsigned i = 0; i < wire->hooks; i++)
		if (wire->hook[i].poll != NULL)
			wire->hook[i].poll(wire->hook[i].context, wire->now_ns);
	return true;
}

/* Run until `condition` holds (NULL: never) or `for_ns` have passed. Returns whether it held. */
static inline bool wire_run(struct wire *wire, bool (*condition)(void *context), void *context, uint64_t for_ns)
{
	uint64_t limit_ns = wire->now_ns + for_ns;

	for (;;) {
		if (condition != NULL && condition(context))
			return true;
		if (!wire_step(wire, limit_ns))
			return condition != NULL && condition(context);
	}
}

#endif
