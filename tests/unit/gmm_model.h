/* SPDX-License-Identifier: GPL-2.0-only */
/* Components as the manager's core sees them: what they hold and do, without a cache, frames or a network. */
#ifndef PLENUM_TEST_GMM_MODEL_H
#define PLENUM_TEST_GMM_MODEL_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/core/balance.h"
#include "gmm/core/core.h"
#include "gmm/core/record.h"

#define SECOND UINT64_C(1000000000)
#define MIB_PAGES 256u
#define LEASE_MS 3000u
#define GRACE_MS 5000u
#define HELD_MAX 512
#define FLIGHT_MAX 64
#define ROWS_MAX 512

/* Where a process component reads and writes a region, and its last move. */
struct model_region {
	uint64_t key;			/* vm << 16 | index; 0: unused */
	uint32_t node;
	uint32_t epoch;
	uint32_t tried;			/* highest epoch of a move or a cancel */
	uint32_t to;
	uint32_t state;			/* enum wire_move_state of `tried`; 0: no move */
	uint32_t left;			/* half seconds until it is done */
	bool wanted;			/* it has no place, and its component asks for one */
};
#define MODEL_REGIONS 256
#define MODEL_MOVE_STEPS 2
#define MODEL_SHARES 64
#define MODEL_STATES 8
#define MODEL_RESIZE_STEPS 3

struct model_node {
	uint32_t id;
	uint32_t role;
	uint64_t incarnation;
	bool linked;			/* renews, takes commands, answers */
	uint64_t capacity_pages;
	uint32_t cpus;			/* 0: not said when it joins */
	uint64_t held[HELD_MAX];	/* memory: vm << 16 | index; process: vm */
	uint32_t held_pages[HELD_MAX];	/* memory */
	uint32_t held_count;
	struct model_region regions[MODEL_REGIONS];	/* process */
	struct {			/* process: what VM_RESIZE made of a VM's share */
		uint64_t vm, operation;
		uint32_t lines, wanted, left;
	} shares[MODEL_SHARES];
	struct {			/* process: what a VM's polls are answered; others are as created */
		uint64_t vm;
		uint32_t state;
	} states[MODEL_STATES];
	bool moves_fail;		/* the target of a move does not answer it */
	uint32_t created_devices;	/* process: of the last VM_CREATE */
	int refuse_type;		/* answer the next command of this type with refuse_status */
	int refuse_status;
};

struct flight {
	struct gmm_command command;
	bool executed;
	int status;
	uint8_t reply[sizeof(struct wire_vm_status)];
	uint32_t reply_len_bytes;
};

struct rack {
	struct gmm_core *core;
	uint64_t now_ns;
	uint32_t count;
	struct model_node nodes[NODES_MAX];
	struct flight flights[FLIGHT_MAX];
	uint32_t flight_count;
	uint32_t commands_seen;		/* polls not counted */
	struct gmm_record rows[ROWS_MAX];	/* what a store would have */
	uint32_t row_count;
	struct gmm_record ended[GMM_ENDED_MAX];	/* rows of that kind, by their slot; kind 0: none */
	void (*keep)(struct rack *rack);	/* into a real store, too; NULL */
	void *store;
};

static inline struct model_node *model_of(struct rack *rack, uint32_t id)
{
	return &rack->nodes[id - GMM_NODE_FIRST];
}

static inline int held_find(const struct model_node *node, uint64_t key)
{
	for (uint32_t i = 0; i < node->held_count; i++)
		if (node->held[i] == key)
			return (int)i;
	return -1;
}

static inline int held_add(struct model_node *node, uint64_t key)
{
	if (held_find(node, key) >= 0)
		return -EEXIST;
	assert_true(node->held_count < HELD_MAX);
	node->held_pages[node->held_count] = REGION_PAGES;
	node->held[node->held_count++] = key;
	return 0;
}

static inline int held_remove(struct model_node *node, uint64_t key)
{
	int at = held_find(node, key);

	if (at < 0)
		return -ENOENT;
	node->held[at] = node->held[--node->held_count];
	node->held_pages[at] = node->held_pages[node->held_count];
	return 0;
}

static inline uint64_t pages_held(const struct model_node *node)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < node->held_count; i++)
		pages += node->held_pages[i];
	return pages;
}

/* ---------------------------------------------------------------- commands */

static inline struct model_region *model_region(struct model_node *model, uint64_t vm, uint32_t index)
{
	struct model_region *unused = NULL;

	for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
		struct model_region *region = &model->regions[i];

		if (region->key == (vm << 16 | index))
			return region;
		/* those of VMs that were destroyed can be had again */
		if (!unused && held_find(model, region->key >> 16) < 0)
			unused = region;
	}
	assert_non_null(unused);
	*unused = (struct model_region){ .key = vm << 16 | index };
	return unused;
}

static inline void model_map(struct model_node *model, const struct wire_vm_regions *chunk)
{
	for (uint32_t i = 0; i < chunk->count; i++) {
		struct model_region *region = model_region(model, chunk->vm, chunk->regions[i].index);

		/* M11: what was told once is changed by moves only. */
		assert_true(region->epoch == 0 || chunk->regions[i].epoch > 0);
		assert_true(region->epoch != chunk->regions[i].epoch || region->node == chunk->regions[i].node);
		if (chunk->regions[i].epoch < region->epoch)
			continue;
		assert_true(region->epoch == 0 || region->epoch == chunk->regions[i].epoch);
		region->node = chunk->regions[i].node;
		region->epoch = chunk->regions[i].epoch;
		region->wanted = region->wanted && region->node == 0;
	}
}

/* From now on the VM is polled as this. */
static inline void model_state(struct model_node *model, uint64_t vm, uint32_t state)
{
	uint32_t at = 0;

	while (model->states[at].vm && model->states[at].vm != vm)
		assert_true(++at < MODEL_STATES);
	model->states[at].vm = vm;
	model->states[at].state = state;
}

static inline uint32_t model_state_of(const struct model_node *model, uint64_t vm)
{
	for (uint32_t i = 0; i < MODEL_STATES; i++)
		if (model->states[i].vm == vm)
			return model->states[i].state;
	return WIRE_VM_CREATED;
}

/* Begin or ask; idempotent by operation, as the component is. */
static inline int model_resize(struct model_node *model, const void *body, struct wire_vm_resized *resized)
{
	const struct wire_vm_resize *asked = body;
	uint32_t at = 0;

	if (held_find(model, asked->vm) < 0)
		return -ENOENT;
	while (at < MODEL_SHARES && model->shares[at].vm != asked->vm)
		at++;
	/* the place of a VM that is no more */
	for (uint32_t i = 0; i < MODEL_SHARES && at == MODEL_SHARES; i++)
		if (held_find(model, model->shares[i].vm) < 0) {
			memset(&model->shares[i], 0, sizeof(model->shares[i]));
			at = i;
		}
	assert_true(at < MODEL_SHARES);
	if (asked->operation < model->shares[at].operation)
		return -ESTALE;
	if (asked->cache_lines != model->shares[at].wanted && model->shares[at].left)
		return -EBUSY;
	if (asked->cache_lines != model->shares[at].wanted)
		model->shares[at].left = MODEL_RESIZE_STEPS;
	model->shares[at].vm = asked->vm;
	model->shares[at].operation = asked->operation;
	model->shares[at].wanted = asked->cache_lines;
	if (model->shares[at].left && --model->shares[at].left == 0)
		model->shares[at].lines = asked->cache_lines;
	*resized = (struct wire_vm_resized){
		.vm = asked->vm, .operation = asked->operation, .lines = model->shares[at].lines, .lines_wanted = asked->cache_lines,
		.parts = model->shares[at].left ? MODEL_RESIZE_STEPS : 0,
		.parts_done = model->shares[at].left ? MODEL_RESIZE_STEPS - model->shares[at].left : 0,
	};
	return 0;
}

/* Begin, ask or cancel; idempotent by epoch, as the region client is. */
static inline int model_move(struct model_node *model, uint16_t type, const void *body, struct wire_vm_region_moved *moved)
{
	const struct wire_vm_region_move *begin = body;
	const struct wire_region_name *name = body;
	uint32_t index = type == WIRE_VM_REGION_MOVE ? begin->region.index : name->index;
	uint32_t epoch = type == WIRE_VM_REGION_MOVE ? begin->region.epoch : name->epoch;
	struct model_region *region;

	if (held_find(model, name->vm) < 0)
		return -ENOENT;
	region = model_region(model, name->vm, index);
	if (region->node == 0)
		return -EINVAL;
	if (type == WIRE_VM_REGION_MOVE && epoch > region->tried) {
		assert_true(epoch > region->epoch && begin->region.node != region->node);
		region->tried = epoch;
		region->to = begin->region.node;
		region->state = WIRE_MOVE_COPYING;
		region->left = MODEL_MOVE_STEPS;
	} else if (type == WIRE_VM_REGION_MOVE_CANCEL && epoch > region->tried) {
		region->tried = epoch;
		region->state = WIRE_MOVE_ABANDONED;
	} else if (epoch != region->tried) {
		return epoch < region->tried ? -ESTALE : -ENOENT;
	} else if (region->state == WIRE_MOVE_COPYING && (model->moves_fail || type == WIRE_VM_REGION_MOVE_CANCEL)) {
		region->state = WIRE_MOVE_ABANDONED;
	}
	*moved = (struct wire_vm_region_moved){ .vm = name->vm, .index = index, .epoch = epoch, .state = region->state,
						.pages_moved = 10, .bytes = 40960 };
	if (region->state == WIRE_MOVE_ABANDONED)
		moved->status = -EHOSTUNREACH;
	return 0;
}

/* M8: no region that a VM of ours uses, or may begin to use, is destroyed. */
static inline void model_check_destroy(struct rack *rack, uint32_t node, const struct wire_region_name *name)
{
	const struct gmm_vm *vm = gmm_core_vm(rack->core, name->vm);

	if (!vm || vm->phase != GMM_VM_READY)
		return;
	for (uint32_t i = 0; i < rack->count; i++) {
		const struct model_region *region;

		if (rack->nodes[i].role != WIRE_ROLE_PROCESS || held_find(&rack->nodes[i], name->vm) < 0)
			continue;
		region = model_region(&rack->nodes[i], name->vm, name->index);
		assert_false(region->node == node && region->epoch == name->epoch);
		assert_false(region->to == node && region->tried == name->epoch && region->state == WIRE_MOVE_COPYING);
	}
}

static inline void model_region_create(struct model_node *model, const struct wire_region_create *create, struct flight *flight)
{
	struct wire_region_created created = { .base = (uint64_t)create->index << REGION_SHIFT, .rkey = 77 + create->index };

	assert_int_equal(model->role, WIRE_ROLE_MEMORY);
	/* Asked again, it is the one that there is. */
	held_add(model, create->vm << 16 | create->index);
	model->held_pages[held_find(model, create->vm << 16 | create->index)] = create->pages;
	memcpy(flight->reply, &created, sizeof(created));
	flight->reply_len_bytes = sizeof(created);
}

/* What is about a region, be it of a memory component or of one that moves it. False: it is something else. */
static inline bool execute_region(struct rack *rack, struct model_node *model, struct flight *flight)
{
	const void *body = flight->command.body;
	const struct wire_region_name *name = body;
	struct wire_vm_region_moved moved;

	switch (flight->command.type) {
	case WIRE_REGION_CREATE:
		model_region_create(model, body, flight);
		return true;
	case WIRE_REGION_DESTROY:
		model_check_destroy(rack, model->id, name);
		flight->status = held_remove(model, name->vm << 16 | name->index);
		return true;
	case WIRE_VM_REGIONS:
		flight->status = held_find(model, name->vm) < 0 ? -ENOENT : 0;
		if (flight->status == 0)
			model_map(model, body);
		return true;
	case WIRE_VM_REGION_MOVE:
	case WIRE_VM_REGION_MOVE_STATE:
	case WIRE_VM_REGION_MOVE_CANCEL:
		flight->status = model_move(model, flight->command.type, body, &moved);
		memcpy(flight->reply, &moved, sizeof(moved));
		flight->reply_len_bytes = flight->status ? 0 : sizeof(moved);
		return true;
	default:
		return false;
	}
}

static inline void execute(struct rack *rack, struct flight *flight)
{
	struct model_node *model = model_of(rack, flight->command.node);
	const void *body = flight->command.body;
	const struct wire_vm_name *vm = body;

	flight->executed = true;
	if (model->refuse_type == flight->command.type) {
		flight->status = model->refuse_status;
		model->refuse_type = 0;
		return;
	}
	if (execute_region(rack, model, flight))
		return;
	switch (flight->command.type) {
	case WIRE_VM_CREATE:
		assert_int_equal(model->role, WIRE_ROLE_PROCESS);
		assert_int_equal(flight->command.len_bytes, sizeof(struct wire_vm_create));
		model->created_devices = ((const struct wire_vm_create *)body)->devices;
		flight->status = held_add(model, vm->vm);
		break;
	case WIRE_VM_DESTROY:
		flight->status = held_remove(model, vm->vm);
		break;
	case WIRE_VM_STATE: {
		struct wire_vm_status status = { .vm = vm->vm, .state = model_state_of(model, vm->vm) };

		flight->status = held_find(model, vm->vm) < 0 ? -ENOENT : 0;
		memcpy(flight->reply, &status, sizeof(status));
		flight->reply_len_bytes = sizeof(status);
		break;
	}
	case WIRE_VM_RESIZE: {
		struct wire_vm_resized resized;

		flight->status = model_resize(model, body, &resized);
		memcpy(flight->reply, &resized, sizeof(resized));
		flight->reply_len_bytes = flight->status ? 0 : sizeof(resized);
		break;
	}
	case WIRE_VM_START:
	case WIRE_VM_STOP:
		flight->status = held_find(model, vm->vm) < 0 ? -ENOENT : 0;
		for (uint32_t i = 0; i < MODEL_STATES; i++)
			if (model->states[i].vm == vm->vm)
				model->states[i].state = flight->command.type == WIRE_VM_START ? WIRE_VM_LOADING : WIRE_VM_STOPPED;
		break;
	case WIRE_BENCH_READ: {
		struct wire_bench_result result = { .latency = { .count = 5 } };

		memcpy(flight->reply, &result, sizeof(result));
		flight->reply_len_bytes = sizeof(result);
		break;
	}
	default:
		flight->status = held_find(model, vm->vm) < 0 ? -ENOENT : 0;
	}
}

#endif
