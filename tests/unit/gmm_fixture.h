/* SPDX-License-Identifier: GPL-2.0-only */
/* A rack of model nodes for the manager's core: what each node holds is compared with what the core believes. */
#ifndef PLENUM_TEST_GMM_FIXTURE_H
#define PLENUM_TEST_GMM_FIXTURE_H

#include "tests/unit/gmm_model.h"

/* ---------------------------------------------------------------- the store */

static inline struct gmm_record *row_find(struct rack *rack, const struct gmm_record *like)
{
	if (like->kind == GMM_RECORD_ENDED)
		return rack->ended[like->slot].kind ? &rack->ended[like->slot] : NULL;
	for (uint32_t i = 0; i < rack->row_count; i++)
		if (rack->rows[i].kind == like->kind && rack->rows[i].slot == like->slot)
			return &rack->rows[i];
	return NULL;
}

static inline void row_apply(struct rack *rack, const struct gmm_record *record)
{
	struct gmm_record *row = row_find(rack, record);

	if (record->kind == GMM_RECORD_ENDED) {
		assert_false(record->gone);
		rack->ended[record->slot] = *record;
	} else if (record->gone && row) {
		*row = rack->rows[--rack->row_count];
	} else if (!record->gone) {
		if (!row)
			row = &rack->rows[rack->row_count++];
		assert_true(rack->row_count <= ROWS_MAX);
		*row = *record;
	}
}

static inline bool rows_equal(const struct gmm_record *one, const struct gmm_record *other)
{
	const struct gmm_record_region *a = &one->region, *b = &other->region;

	switch (one->kind) {
	case GMM_RECORD_META: return memcmp(&one->meta, &other->meta, sizeof(one->meta)) == 0;
	case GMM_RECORD_NODE:
		return strcmp(one->node.name, other->node.name) == 0 && one->node.role == other->node.role &&
		       one->node.address == other->node.address && memcmp(one->node.mac, other->node.mac, 6) == 0 &&
		       one->node.incarnation == other->node.incarnation && one->node.admin == other->node.admin &&
		       one->node.capacity_pages == other->node.capacity_pages && one->node.origin == other->node.origin &&
		       memcmp(one->node.uuid, other->node.uuid, sizeof(one->node.uuid)) == 0 &&
		       strcmp(one->node.domain, other->node.domain) == 0;
	case GMM_RECORD_VM:
		return one->vm.id == other->vm.id && one->vm.phase == other->vm.phase && one->vm.node == other->vm.node &&
		       one->vm.spec.cache_bytes == other->vm.spec.cache_bytes && one->vm.spec.restart == other->vm.spec.restart &&
		       one->vm.spec.restart_max == other->vm.spec.restart_max &&
		       one->vm.spec.restart_window_s == other->vm.spec.restart_window_s &&
		       one->vm.spec.bandwidth_mbps == other->vm.spec.bandwidth_mbps && one->vm.spec.spread == other->vm.spec.spread &&
		       one->vm.cache_wanted_bytes == other->vm.cache_wanted_bytes && one->vm.wanted == other->vm.wanted &&
		       one->vm.looping == other->vm.looping && one->vm.spec.devices == other->vm.spec.devices && one->vm.restarts == other->vm.restarts &&
		       strcmp(one->vm.spec.name, other->vm.spec.name) == 0 && one->vm.state == other->vm.state &&
		       one->vm.status == other->vm.status && strcmp(one->vm.reason, other->vm.reason) == 0 &&
		       one->vm.changed_wall_ns == other->vm.changed_wall_ns;
	case GMM_RECORD_REGION:
		return a->vm == b->vm && a->base == b->base && a->index == b->index && a->epoch == b->epoch &&
		       a->epoch_tried == b->epoch_tried && a->node == b->node &&
		       a->owner == b->owner && a->pages == b->pages && a->rkey == b->rkey && a->state == b->state;
	case GMM_RECORD_ZOMBIE: return one->zombie.vm == other->zombie.vm;
	case GMM_RECORD_OPERATION:
		return one->operation.id == other->operation.id && one->operation.kind == other->operation.kind &&
		       one->operation.vm == other->operation.vm && one->operation.region == other->operation.region &&
		       one->operation.from_node == other->operation.from_node && one->operation.parent == other->operation.parent &&
		       one->operation.status == other->operation.status && one->operation.parts == other->operation.parts &&
		       one->operation.started_wall_ns == other->operation.started_wall_ns &&
		       one->operation.regions_moved == other->operation.regions_moved &&
		       one->operation.moved.bytes == other->operation.moved.bytes &&
		       one->operation.grace_ns == other->operation.grace_ns &&
		       one->operation.grace_until_wall_ns == other->operation.grace_until_wall_ns &&
		       strcmp(one->operation.who, other->operation.who) == 0 &&
		       memcmp(&one->operation.mark, &other->operation.mark, sizeof(one->operation.mark)) == 0;
	case GMM_RECORD_ENDED:
		return one->ended.id == other->ended.id && one->ended.number == other->ended.number &&
		       one->ended.kind == other->ended.kind && one->ended.status == other->ended.status &&
		       one->ended.started_wall_ns == other->ended.started_wall_ns &&
		       one->ended.ended_wall_ns == other->ended.ended_wall_ns && one->ended.bytes == other->ended.bytes &&
		       strcmp(one->ended.object, other->ended.object) == 0 && strcmp(one->ended.reason, other->ended.reason) == 0 &&
		       strcmp(one->ended.who, other->ended.who) == 0 &&
		       memcmp(&one->ended.mark, &other->ended.mark, sizeof(one->ended.mark)) == 0;
	case GMM_RECORD_HEALTH:
		return strcmp(one->health.code, other->health.code) == 0 && one->health.count == other->health.count &&
		       one->health.since_wall_ns == other->health.since_wall_ns && one->health.muted == other->health.muted &&
		       one->health.sticky == other->health.sticky && one->health.muted_count == other->health.muted_count &&
		       one->health.muted_until_wall_ns == other->health.muted_until_wall_ns &&
		       strcmp(one->health.muted_by, other->health.muted_by) == 0;
	case GMM_RECORD_KINDS: break;
	}
	return false;
}

/* Nothing changed that was not marked: the kept rows are the core's tables (S2). */
static inline void rack_compare_rows(struct rack *rack)
{
	uint32_t found = 0;

	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS; kind++) {
		uint32_t slots = gmm_record_slots((enum gmm_record_kind)kind);

		if (kind == GMM_RECORD_REGION)
			slots = rack->core->region_top;
		else if (kind == GMM_RECORD_NODE)
			slots = rack->core->node_count;
		else if (kind == GMM_RECORD_ENDED && rack->core->ended_count < GMM_ENDED_MAX)
			slots = (uint32_t)rack->core->ended_count;
		for (uint32_t slot = 0; slot < slots; slot++) {
			struct gmm_record now = { .kind = (enum gmm_record_kind)kind, .slot = slot };
			const struct gmm_record *row = row_find(rack, &now);

			gmm_core_record(rack->core, &now);
			assert_int_equal(now.gone, row == NULL);
			if (!row)
				continue;
			found += kind != GMM_RECORD_ENDED;
			if (!rows_equal(&now, row))
				fail_msg("a changed row was not marked: %s %u", gmm_record_kind_name(now.kind), slot);
		}
	}
	assert_int_equal(found, rack->row_count);
}

static inline void rack_keep(struct rack *rack)
{
	static struct gmm_record record;

	for (uint32_t i = 0; i < gmm_core_dirty_count(rack->core); i++) {
		gmm_core_dirty(rack->core, i, &record);
		row_apply(rack, &record);
	}
	if (rack->keep)
		rack->keep(rack);
	else
		gmm_core_kept(rack->core);
}

/* ---------------------------------------------------------------- nodes */

static inline void rack_join(struct rack *rack, uint32_t id)
{
	struct model_node *model = model_of(rack, id);
	const struct gmm_node *node = gmm_core_node(rack->core, id);
	struct wire_node_join join = {
		.role = model->role, .page_bytes = PAGE_BYTES, .incarnation = model->incarnation,
		.capacity_pages = model->capacity_pages, .cpus = model->cpus, .region_shift = REGION_SHIFT,
	};
	struct wire_node_joined joined;

	strcpy(join.name, node->name);
	strcpy(join.build_id, "test");
	memcpy(join.mac, node->mac, sizeof(node->mac));
	assert_int_equal(gmm_core_join(rack->core, &join, node->address, &joined, rack->now_ns), 0);
	assert_int_equal(joined.node, id);
	assert_int_equal(joined.lease_ms, LEASE_MS);
	assert_true(node->joined_ns > 0);
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
	memset(model->regions, 0, sizeof(model->regions));
	memset(model->shares, 0, sizeof(model->shares));
	model->incarnation++;
	for (uint32_t i = 0; i < rack->flight_count;)
		if (rack->flights[i].command.node == id)
			rack->flights[i] = rack->flights[--rack->flight_count];
		else
			i++;
	rack_join(rack, id);
}

/* ---------------------------------------------------------------- commands */

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
	rack_keep(rack);
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

/* A process component goes on with its moves whether the manager reaches it or not. */
static inline void model_run(struct model_node *model)
{
	for (uint32_t i = 0; i < MODEL_REGIONS; i++) {
		struct model_region *region = &model->regions[i];

		if (region->state != WIRE_MOVE_COPYING || region->left-- > 0)
			continue;
		region->state = WIRE_MOVE_DONE;
		region->node = region->to;
		region->epoch = region->tried;
	}
}

/* Its guests need these regions: it asks until it is told where they are. */
static inline void model_ask(struct rack *rack, struct model_node *model)
{
	for (uint32_t i = 0; i < MODEL_REGIONS && model->linked; i++) {
		const struct model_region *region = &model->regions[i];
		struct wire_vm_region_wanted wanted = { .vm = region->key >> 16, .index = region->key & 0xffff };

		if (region->wanted && held_find(model, wanted.vm) >= 0)
			gmm_core_region_wanted(rack->core, model->id, &wanted, rack->now_ns);
	}
}

/* A guest writes for the first time to a region that is only promised. False: it has a place. */
static inline bool model_want(struct rack *rack, uint32_t process, uint64_t vm, uint32_t index)
{
	struct model_region *region = model_region(model_of(rack, process), vm, index);

	region->wanted = region->node == 0;
	model_ask(rack, model_of(rack, process));
	gmm_core_check(rack->core);
	return region->wanted;
}

static inline void rack_pass(struct rack *rack, uint64_t ns)
{
	for (uint64_t passed = 0; passed < ns; passed += SECOND / 2) {
		rack->now_ns += SECOND / 2;
		rack_renew(rack);
		for (uint32_t i = 0; i < rack->count; i++)
			model_run(&rack->nodes[i]);
		for (uint32_t i = 0; i < rack->count; i++)
			model_ask(rack, &rack->nodes[i]);
		gmm_core_tick(rack->core, rack->now_ns);
		gmm_core_check(rack->core);
	}
}

/* Time passes, and everything that can be answered is. */
static inline void rack_run(struct rack *rack, uint64_t ns)
{
	for (uint64_t passed = 0; passed < ns; passed += SECOND / 2) {
		rack_settle(rack);
		rack_pass(rack, SECOND / 2);
	}
	rack_settle(rack);
}

static inline int rack_finished(struct rack *rack, uint64_t operation, struct gmm_finished *finished)
{
	rack_keep(rack);
	while (gmm_core_finished(rack->core, finished))
		if (finished->operation == operation)
			return 1;
	return 0;
}

static inline struct gmm_vm_spec vm_spec(const char *name, uint64_t memory_mib, uint64_t cache_mib)
{
	struct gmm_vm_spec spec = { .memory_bytes = memory_mib << 20, .cache_bytes = cache_mib << 20, .vcpus = 1, .devices = DEVICES_DEFAULT };

	strcpy(spec.name, name);
	strcpy(spec.kernel, "/kernel");
	return spec;
}

static inline int rack_create_spec(struct rack *rack, const struct gmm_vm_spec *spec, struct gmm_finished *finished)
{
	uint64_t operation;
	int status = gmm_core_vm_create(rack->core, spec, &operation, rack->now_ns);

	if (status)
		return status;
	rack_settle(rack);
	assert_true(rack_finished(rack, operation, finished));
	return finished->status;
}

static inline int rack_create(struct rack *rack, const char *name, uint64_t memory_mib, struct gmm_finished *finished)
{
	struct gmm_vm_spec spec = vm_spec(name, memory_mib, 1);

	return rack_create_spec(rack, &spec, finished);
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

	for (uint32_t i = 0; i < rack->core->region_top; i++) {
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
		for (uint32_t at = vm->region_first; at != GMM_NONE; at = rack->core->regions[at].next) {
			const struct gmm_region *region = &rack->core->regions[at];

			const struct model_region *there = model_region(model_of(rack, vm->node), vm->id, region->index);

			/* Lost before it was told of, and the next manager takes it for told. */
			if (region->state == GMM_REGION_LOST && there->wanted)
				continue;
			assert_int_equal(there->node, region->node);
		}
	}
	for (uint32_t i = 0; i < rack->count; i++)
		assert_int_equal(rack->nodes[i].held_count,
				 rack->nodes[i].role == WIRE_ROLE_MEMORY ? regions[i] : vms[i]);
}

static struct gmm_balance rack_plan;
static const struct gmm_config rack_config = {
	.lease_ms = LEASE_MS, .grace_ms = GRACE_MS, .load_timeout_ms = 10000, .vm_id_first = 1, .wall_offset_ns = 1000 * SECOND,
	.move_pace = { 1500, 500 }, .plan = &rack_plan, .address = 0x0a4d0001, .prefix = 24, .overcommit_percent = 200,
};

/* The manager is killed. The next one has the rows that were kept; requests under way are carried out, or not, unheard. */
static inline void rack_kill(struct rack *rack)
{
	memset(rack->core, 0, sizeof(*rack->core));
	rack->flight_count = 0;
	gmm_core_init(rack->core, &rack_config);
	for (int kind = GMM_RECORD_META; kind < GMM_RECORD_KINDS; kind++)
		for (uint32_t slot = 0; slot < gmm_record_slots((enum gmm_record_kind)kind); slot++) {
			const struct gmm_record like = { .kind = (enum gmm_record_kind)kind, .slot = slot }, *row = row_find(rack, &like);

			if (row && gmm_core_restore(rack->core, row, rack->now_ns))
				fail_msg("%s", rack->core->refusal);
			if (kind == GMM_RECORD_REGION && slot > ROWS_MAX)
				break;
		}
	if (gmm_core_restored(rack->core, rack->now_ns))
		fail_msg("%s", rack->core->refusal);
	for (uint32_t i = 0; i < rack->count; i++) {
		const struct gmm_node *node = &rack->core->nodes[i];

		/* Those that were admitted, or forgotten, are what their rows say. */
		if (node->origin != GMM_ORIGIN_FILE)
			continue;
		assert_int_equal(gmm_core_node_add(rack->core, node->name, node->role, node->address, node->mac), node->id);
	}
	gmm_core_check(rack->core);
}

/* It may join. */
static inline bool rack_lives(struct rack *rack, const struct model_node *model)
{
	const struct gmm_node *node = gmm_core_node(rack->core, model->id);

	return node->origin != GMM_ORIGIN_FORGOTTEN && node->admin != GMM_ADMIN_RETIRED;
}

/* Those that are reachable join the next manager. */
static inline void rack_return(struct rack *rack)
{
	static const struct wire_blob blob = { .len_bytes = 1 };
	struct gmm_vm *vm;

	for (uint32_t i = 0; i < rack->count; i++)
		if (rack->nodes[i].linked && rack_lives(rack, &rack->nodes[i]))
			rack_join(rack, rack->nodes[i].id);
	while (gmm_core_offer_wanted(rack->core, &vm))
		gmm_core_offered(rack->core, vm, &blob, &blob, 0, "", rack->now_ns);
	gmm_core_check(rack->core);
}

static inline struct rack *rack_new(void)
{
	struct rack *rack = calloc(1, sizeof(*rack));

	rack->core = calloc(1, sizeof(*rack->core));
	rack->now_ns = SECOND;
	gmm_core_init(rack->core, &rack_config);
	return rack;
}

static inline void rack_free(struct rack *rack)
{
	free(rack->core);
	free(rack);
}

#endif
