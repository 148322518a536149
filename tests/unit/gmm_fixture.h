/* SPDX-License-Identifier: GPL-2.0-only */
/* A rack of model nodes for the manager's core: what each node holds is compared with what the core believes. */
#ifndef PLENUM_TEST_GMM_FIXTURE_H
#define PLENUM_TEST_GMM_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gmm/core/core.h"

#define SECOND UINT64_C(1000000000)
#define MIB_PAGES 256u
#define LEASE_MS 3000u
#define GRACE_MS 5000u
#define HELD_MAX 512
#define FLIGHT_MAX 64

struct model_node {
	uint32_t id;
	uint32_t role;
	uint64_t incarnation;
	bool linked;			/* renews, takes commands, answers */
	uint64_t capacity_pages;
	uint64_t held[HELD_MAX];	/* memory: vm << 16 | index; process: vm */
	uint32_t held_count;
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
	node->held[node->held_count++] = key;
	return 0;
}

static inline int held_remove(struct model_node *node, uint64_t key)
{
	int at = held_find(node, key);

	if (at < 0)
		return -ENOENT;
	node->held[at] = node->held[--node->held_count];
	return 0;
}

static inline uint64_t pages_held(const struct model_node *node)
{
	return (uint64_t)node->held_count * REGION_PAGES;
}

/* ---------------------------------------------------------------- nodes */

static inline void rack_join(struct rack *rack, uint32_t id)
{
	struct model_node *model = model_of(rack, id);
	const struct gmm_node *node = gmm_core_node(rack->core, id);
	struct wire_node_join join = {
		.role = model->role, .page_bytes = PAGE_BYTES, .incarnation = model->incarnation,
		.capacity_pages = model->capacity_pages, .region_shift = REGION_SHIFT,
	};
	struct wire_node_joined joined;

	strcpy(join.name, node->name);
	strcpy(join.build_id, "test");
	memcpy(join.mac, node->mac, sizeof(node->mac));
	assert_int_equal(gmm_core_join(rack->core, &join, node->address, &joined, rack->now_ns), 0);
	assert_int_equal(joined.node, id);
	assert_int_equal(joined.lease_ms, LEASE_MS);
	model->linked = true;
}

static inline uint32_t rack_node(struct rack *rack, const char *name, uint32_t role, uint64_t mib)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)(rack->count + 1) };
	int id = gmm_core_node_add(rack->core, name, role, 0x0a4d000b + rack->count, mac);

	assert_true(id >= (int)GMM_NODE_FIRST);
	rack->nodes[rack->count++] = (struct model_node){
		.id = (uint32_t)id, .role = role, .incarnation = 100 + (uint64_t)id, .capacity_pages = mib * MIB_PAGES,
	};
	rack_join(rack, (uint32_t)id);
	return (uint32_t)id;
}

static inline void rack_renew(struct rack *rack)
{
	for (uint32_t i = 0; i < rack->count; i++) {
		struct model_node *model = &rack->nodes[i];
		struct wire_node_renew renew = { .uptime_us = rack->now_ns / 1000 };

		if (!model->linked)
			continue;
		if (model->role == WIRE_ROLE_MEMORY) {
			renew.regions = model->held_count;
			renew.pages_reserved = pages_held(model);
		} else {
			renew.vms = model->held_count;
		}
		gmm_core_renew(rack->core, model->id, &renew, rack->now_ns);
	}
}

/* The machine loses everything and comes back as a new incarnation. */
static inline void rack_reboot(struct rack *rack, uint32_t id)
{
	struct model_node *model = model_of(rack, id);

	model->held_count = 0;
	model->incarnation++;
	for (uint32_t i = 0; i < rack->flight_count;)
		if (rack->flights[i].command.node == id)
			rack->flights[i] = rack->flights[--rack->flight_count];
		else
			i++;
	rack_join(rack, id);
}

/* ---------------------------------------------------------------- commands */

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
	switch (flight->command.type) {
	case WIRE_REGION_CREATE: {
		const struct wire_region_create *create = body;
		struct wire_region_created created = { .base = (uint64_t)create->index << REGION_SHIFT, .rkey = 77 + create->index };

		assert_int_equal(model->role, WIRE_ROLE_MEMORY);
		flight->status = held_add(model, create->vm << 16 | create->index);
		memcpy(flight->reply, &created, sizeof(created));
		flight->reply_len_bytes = sizeof(created);
		break;
	}
	case WIRE_REGION_DESTROY: {
		const struct wire_region_name *name = body;

		flight->status = held_remove(model, name->vm << 16 | name->index);
		break;
	}
	case WIRE_VM_CREATE:
		assert_int_equal(model->role, WIRE_ROLE_PROCESS);
		flight->status = held_add(model, vm->vm);
		break;
	case WIRE_VM_DESTROY:
		flight->status = held_remove(model, vm->vm);
		break;
	case WIRE_VM_STATE: {
		struct wire_vm_status status = { .vm = vm->vm, .state = WIRE_VM_CREATED };

		flight->status = held_find(model, vm->vm) < 0 ? -ENOENT : 0;
		memcpy(flight->reply, &status, sizeof(status));
		flight->reply_len_bytes = sizeof(status);
		break;
	}
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

static inline void deliver(struct rack *rack, uint32_t at)
{
	static struct flight flight;

	flight = rack->flights[at];
	rack->flights[at] = rack->flights[--rack->flight_count];
	gmm_core_result(rack->core, flight.command.token, flight.status, flight.reply, flight.reply_len_bytes, rack->now_ns);
	gmm_core_check(rack->core);
}

static inline void rack_take_output(struct rack *rack)
{
	while (rack->flight_count < FLIGHT_MAX &&
	       gmm_core_output(rack->core, &rack->flights[rack->flight_count].command, rack->now_ns)) {
		struct flight *flight = &rack->flights[rack->flight_count++];

		flight->executed = false;
		flight->status = 0;
		flight->reply_len_bytes = 0;
		rack->commands_seen += flight->command.type != WIRE_VM_STATE;
	}
	gmm_core_check(rack->core);
}

/* Execute and answer everything that reachable nodes can, until the core has nothing more to send. */
static inline void rack_settle(struct rack *rack)
{
	bool moved = true;

	while (moved) {
		moved = false;
		rack_take_output(rack);
		for (uint32_t i = 0; i < rack->flight_count; i++) {
			if (!model_of(rack, rack->flights[i].command.node)->linked)
				continue;
			if (!rack->flights[i].executed)
				execute(rack, &rack->flights[i]);
			deliver(rack, i);
			moved = true;
			break;
		}
	}
}

static inline void rack_pass(struct rack *rack, uint64_t ns)
{
	for (uint64_t passed = 0; passed < ns; passed += SECOND / 2) {
		rack->now_ns += SECOND / 2;
		rack_renew(rack);
		gmm_core_tick(rack->core, rack->now_ns);
		gmm_core_check(rack->core);
	}
}

static inline int rack_finished(struct rack *rack, uint64_t operation, struct gmm_finished *finished)
{
	while (gmm_core_finished(rack->core, finished))
		if (finished->operation == operation)
			return 1;
	return 0;
}

static inline struct gmm_vm_spec vm_spec(const char *name, uint64_t memory_mib, uint64_t cache_mib)
{
	struct gmm_vm_spec spec = { .memory_bytes = memory_mib << 20, .cache_bytes = cache_mib << 20, .vcpus = 1 };

	strcpy(spec.name, name);
	return spec;
}

static inline int rack_create(struct rack *rack, const char *name, uint64_t memory_mib, struct gmm_finished *finished)
{
	struct gmm_vm_spec spec = vm_spec(name, memory_mib, 1);
	uint64_t operation;
	int status = gmm_core_vm_create(rack->core, &spec, &operation, rack->now_ns);

	if (status)
		return status;
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, finished));
	return finished->status;
}

static inline int rack_destroy(struct rack *rack, const char *name)
{
	struct gmm_finished finished;
	uint64_t operation;
	int status = gmm_core_vm_destroy(rack->core, name, &operation, rack->now_ns);

	if (status)
		return status;
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, &finished));
	return finished.status;
}

/* What the core believes of reachable, settled nodes is what they hold. */
static inline void rack_compare(struct rack *rack)
{
	uint32_t regions[NODES_MAX] = { 0 }, vms[NODES_MAX] = { 0 };

	for (uint32_t i = 0; i < GMM_REGIONS_MAX; i++) {
		const struct gmm_region *region = &rack->core->regions[i];

		if (region->state != GMM_REGION_LIVE)
			continue;
		assert_true(held_find(model_of(rack, region->node), region->vm << 16 | region->index) >= 0);
		regions[region->node - GMM_NODE_FIRST]++;
	}
	for (uint32_t i = 0; i < GMM_VMS_MAX; i++) {
		const struct gmm_vm *vm = &rack->core->vms[i];

		if (vm->phase != GMM_VM_READY)
			continue;
		assert_true(held_find(model_of(rack, vm->node), vm->id) >= 0);
		vms[vm->node - GMM_NODE_FIRST]++;
	}
	for (uint32_t i = 0; i < rack->count; i++)
		assert_int_equal(rack->nodes[i].held_count,
				 rack->nodes[i].role == WIRE_ROLE_MEMORY ? regions[i] : vms[i]);
}

static inline struct rack *rack_new(void)
{
	struct gmm_config config = { .lease_ms = LEASE_MS, .grace_ms = GRACE_MS, .load_timeout_ms = 10000, .vm_id_first = 1 };
	struct rack *rack = calloc(1, sizeof(*rack));

	rack->core = calloc(1, sizeof(*rack->core));
	rack->now_ns = SECOND;
	gmm_core_init(rack->core, &config);
	return rack;
}

static inline void rack_free(struct rack *rack)
{
	free(rack->core);
	free(rack);
}

#endif
