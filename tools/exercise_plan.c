/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "tools/exercise_plan.h"

#define LEN_BITS_MAX 18u		/* 2^18 is EXERCISE_DATA_BYTES_MAX */
#define INVALIDATE_ONE_IN 8u		/* SENDs with invalidate make both sides wait: fewer of them */

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014). */
static uint64_t draw(uint64_t *state)
{
	uint64_t value = *state += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

static uint32_t below(struct exercise_plan *plan, uint32_t limit)
{
	return (uint32_t)(draw(&plan->state) % limit);
}

static void fill(uint64_t *state, uint8_t *bytes, uint32_t len_bytes)
{
	while (len_bytes > 0) {
		uint64_t value = draw(state);
		uint32_t part = len_bytes < sizeof(value) ? len_bytes : (uint32_t)sizeof(value);

		memcpy(bytes, &value, part);
		bytes += part;
		len_bytes -= part;
	}
}

void exercise_plan_start(struct exercise_plan *plan, uint64_t seed)
{
	plan->state = seed;
	fill(&plan->state, plan->model, sizeof(plan->model));
}

/* All magnitudes alike: empty ones and the longest are no rarity. */
static uint32_t draw_len(struct exercise_plan *plan)
{
	uint32_t ceiling = 1u << below(plan, LEN_BITS_MAX + 1);

	return below(plan, 4) == 0 ? ceiling : below(plan, ceiling + 1);
}

static void draw_atomic(struct exercise_plan *plan, struct exercise_operation *operation, uint8_t *bytes)
{
	uint64_t original;

	operation->len_bytes = sizeof(original);
	operation->offset = below(plan, EXERCISE_REGION_BYTES / sizeof(original)) * (uint32_t)sizeof(original);
	operation->operand = draw(&plan->state);
	memcpy(&original, plan->model + operation->offset, sizeof(original));
	memcpy(bytes, &original, sizeof(original));
	if (operation->kind == EXERCISE_FETCH_ADD) {
		original += operation->operand;
	} else {
		operation->compare = below(plan, 2) ? original : original + 1;
		if (operation->compare == original)
			original = operation->operand;
	}
	memcpy(plan->model + operation->offset, &original, sizeof(original));
}

static enum exercise_kind draw_kind(struct exercise_plan *plan)
{
	enum exercise_kind kind;

	do
		kind = (enum exercise_kind)below(plan, EXERCISE_KINDS);
	while (kind == EXERCISE_SEND_INVALIDATE && below(plan, INVALIDATE_ONE_IN) != 0);
	return kind;
}

void exercise_plan_next(struct exercise_plan *plan, struct exercise_operation *operation, uint8_t *bytes)
{
	memset(operation, 0, sizeof(*operation));
	operation->kind = draw_kind(plan);
	operation->immediate = (uint32_t)draw(&plan->state);
	if (operation->kind == EXERCISE_COMPARE_SWAP || operation->kind == EXERCISE_FETCH_ADD) {
		draw_atomic(plan, operation, bytes);
		return;
	}
	operation->len_bytes = draw_len(plan);
	operation->offset = below(plan, EXERCISE_REGION_BYTES - operation->len_bytes + 1);
	if (operation->kind == EXERCISE_READ) {
		memcpy(bytes, plan->model + operation->offset, operation->len_bytes);
		return;
	}
	fill(&plan->state, bytes, operation->len_bytes);
	if (operation->kind == EXERCISE_WRITE || operation->kind == EXERCISE_WRITE_IMMEDIATE)
		memcpy(plan->model + operation->offset, bytes, operation->len_bytes);
}

bool exercise_fills_receive(enum exercise_kind kind)
{
	return kind == EXERCISE_WRITE_IMMEDIATE || kind == EXERCISE_SEND || kind == EXERCISE_SEND_IMMEDIATE ||
	       kind == EXERCISE_SEND_INVALIDATE;
}

const char *exercise_kind_name(enum exercise_kind kind)
{
	static const char *const names[EXERCISE_KINDS] = {
		"WRITE", "WRITE with immediate", "READ", "SEND", "SEND with immediate", "SEND with invalidate", "COMPARE_SWAP", "FETCH_ADD",
	};

	return names[kind];
}
