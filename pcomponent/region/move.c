/* SPDX-License-Identifier: GPL-2.0-only */
/* A region's move from its beginning to its end (diagram and G6 to G10 in move.h). */
#include "pcomponent/region/move.h"

/* ------------------------------------------------------------------ begin */

static struct region_move *move_free(struct region_client *client)
{
	for (uint32_t i = 0; i < client->config.moves_max; i++) {
		if (client->moves[i].state == 0)
			return &client->moves[i];
	}
	return NULL;
}

static struct region_entry *region_known(const struct region_client *client, uint32_t vm, uint32_t index)
{
	if (vm >= client->config.vms_max || client->vms[vm].pages == 0 || index >= REGIONS_PER_VM_MAX ||
	    client->vms[vm].regions[index].epoch == 0)
		return NULL;
	return &client->vms[vm].regions[index];
}

static bool pace_valid(const struct wire_move_pace *pace)
{
	return pace->slowdown_permille >= WIRE_MOVE_SLOWDOWN_PERMILLE_MIN &&
	       pace->slowdown_permille <= WIRE_MOVE_SLOWDOWN_PERMILLE_MAX && pace->pages_per_second_min >= 1 &&
	       pace->pages_per_second_min <= WIRE_MOVE_PACE_MAX;
}

static bool same_place(const struct region_client *client, const struct region_entry *entry,
		       const struct wire_vm_region *region)
{
	return entry->epoch == region->epoch && entry->base == region->base && entry->rkey == region->rkey &&
	       client->nodes[entry->node].node == region->node;
}

/* 1: it is to begin; 0: it was asked for before. */
static int move_check(const struct region_client *client, uint32_t vm, const struct region_entry *entry,
		      const struct wire_vm_region *target)
{
	const struct region_vm *owner = &client->vms[vm];

	if (region_moving(owner, target->index) && owner->move->target.epoch == target->epoch)
		return same_place(client, &owner->move->target, target) ? 0 : -EINVAL;
	if (entry->epoch == target->epoch)
		return same_place(client, entry, target) ? 0 : -EINVAL;
	if (target->epoch < entry->epoch)
		return -ESTALE;
	if (target->epoch <= entry->tried_epoch)
		return target->epoch == entry->tried_epoch ? 0 : -ESTALE;
	if (client->nodes[entry->node].node == target->node)
		return -EINVAL;
	return owner->move != NULL ? -EBUSY : 1;
}

int region_move(struct region_client *client, uint32_t vm, const struct wire_vm_region *target,
		const struct wire_move_pace *pace, uint64_t now_ns)
{
	struct region_entry *entry = region_known(client, vm, target->index);
	struct region_move *move;
	struct region_vm *owner;
	uint64_t left;
	int status, node;

	if (entry == NULL || !region_valid(&client->vms[vm], target) || !pace_valid(pace))
		return -EINVAL;
	status = move_check(client, vm, entry, target);
	if (status <= 0)
		return status;
	move = move_free(client);
	if (move == NULL)
		return -EBUSY;
	node = region_node_open(client, target->node, target->address, now_ns);
	if (node < 0)
		return node;
	client->nodes[node].regions++;
	owner = &client->vms[vm];
	left = owner->pages - (uint64_t)target->index * REGION_PAGES;
	*move = (struct region_move){
		.target = { .base = target->base, .rkey = target->rkey, .epoch = target->epoch, .node = (uint16_t)node },
		.begun_ns = now_ns, .index = target->index, .pages = left < REGION_PAGES ? (uint32_t)left : REGION_PAGES,
		.vm = (uint16_t)vm, .state = WIRE_MOVE_COPYING, .step_wanted = true,
	};
	region_pace_begin(client, move, pace, now_ns);
	entry->tried_epoch = target->epoch;
	owner->move = move;
	client->moves_under_way++;
	owner->moved = (struct wire_vm_region_moved){ .index = target->index, .epoch = target->epoch };
	return 0;
}

/* ------------------------------------------------------------------ cancel, state */

void region_move_abandon(struct region_client *client, struct region_move *move, int status)
{
	assert(move->state == WIRE_MOVE_COPYING && status < 0);
	move->state = WIRE_MOVE_ABANDONING;
	move->step_wanted = true;
	client->vms[move->vm].moved.status = status;
}

int region_move_cancel(struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch)
{
	struct region_entry *entry = region_known(client, vm, index);
	struct region_move *move;

	if (entry == NULL)
		return -EINVAL;
	move = client->vms[vm].move;
	if (move != NULL && move->index == index && move->target.epoch == epoch) {
		if (move->state == WIRE_MOVE_COPYING)
			region_move_abandon(client, move, -ECANCELED);
		return 0;
	}
	/* The request that begins it may still come. */
	if (epoch > entry->tried_epoch)
		entry->tried_epoch = epoch;
	return 0;
}

int region_move_status(const struct region_client *client, uint32_t vm, uint32_t index, uint32_t epoch,
		       struct wire_vm_region_moved *moved, uint64_t now_ns)
{
	const struct region_entry *entry = region_known(client, vm, index);
	const struct region_vm *owner;

	if (entry == NULL)
		return -ENOENT;
	owner = &client->vms[vm];
	if (owner->moved.epoch == epoch && owner->moved.index == index) {
		*moved = owner->moved;
	} else {
		*moved = (struct wire_vm_region_moved){ .index = index, .epoch = epoch };
		if (entry->epoch == epoch) {
			moved->state = WIRE_MOVE_DONE;
		} else if (epoch <= entry->tried_epoch) {
			moved->state = WIRE_MOVE_ABANDONED;
			moved->status = -ECANCELED;
		} else {
			return -ENOENT;
		}
	}
	if (region_moving(owner, index) && owner->move->target.epoch == epoch) {
		moved->state = owner->move->state;
		moved->pages = owner->move->pages;
		moved->pages_passed = owner->move->cursor - owner->move->copies_under_way;
		moved->elapsed_ns = now_ns - owner->move->begun_ns;
		moved->fill_before_ns = owner->move->pace.before_ns;
		moved->fill_ns = client->fill_median_ns;
	}
	return 0;
}

bool region_move_stop(struct region_client *client, uint32_t vm)
{
	struct region_move *move = vm < client->config.vms_max ? client->vms[vm].move : NULL;

	if (move != NULL && move->state == WIRE_MOVE_COPYING)
		region_move_abandon(client, move, -ECANCELED);
	return move == NULL;
}

const struct region_counters *region_counters(const struct region_client *client)
{
	return &client->counters;
}

/* ------------------------------------------------------------------ the switch, the ends */

static void move_end(struct region_client *client, struct region_move *move, enum wire_move_state state, uint64_t now_ns)
{
	struct region_vm *owner = &client->vms[move->vm];
	struct wire_vm_region_moved *moved = &owner->moved;

	assert(move->copies_under_way == 0 && move->at_target == 0);
	move->state = (uint8_t)state;
	region_move_status(client, move->vm, move->index, move->target.epoch, moved, now_ns);
	client->counters.moves_done += state == WIRE_MOVE_DONE;
	client->counters.moves_abandoned += state == WIRE_MOVE_ABANDONED;
	client->counters.pages_moved += moved->pages_moved;
	client->counters.pages_moved_again += moved->pages_moved_again;
	client->counters.write_backs_mirrored += moved->write_backs_mirrored;
	if (state == WIRE_MOVE_ABANDONED)
		client->nodes[move->target.node].regions--;
	owner->move = NULL;
	client->moves_under_way--;
	move->state = 0;
}

/* WRITEs on their second way are where their region is now: they become ordinary requests of the region. */
static void move_switch(struct region_client *client, struct region_move *move, uint64_t now_ns)
{
	struct region_entry *entry = &client->vms[move->vm].regions[move->index];
	struct region_node *from = &client->nodes[entry->node], *to = &client->nodes[move->target.node];

	assert(move->copies_under_way == 0 && from != to);
	from->regions--;
	region_requests_move(client, from, to, move->vm, move->index);
	move->target.tried_epoch = entry->tried_epoch;
	*entry = move->target;
	for (uint32_t i = 0; i < client->config.requests_max; i++) {
		struct region_request *request = &client->requests[i];

		if (request->busy && request->vm == move->vm && request->to_target) {
			request->to_target = false;
			move->at_target--;
		}
	}
	move->state = WIRE_MOVE_SWITCHED;
	region_node_pump(client, to, now_ns);
}

/* G9: requests that were posted before the switch may still be at the old place. */
static bool old_place_is_asked(const struct region_client *client, const struct region_move *move)
{
	for (uint32_t i = 0; i < client->config.requests_max; i++) {
		const struct region_request *request = &client->requests[i];

		if (request->busy && request->posted && request->vm == move->vm &&
		    request->page / REGION_PAGES == move->index && request->epoch != move->target.epoch)
			return true;
	}
	return false;
}

/* The cache's WRITEs must not wait for a target that is gone until the transport or give_up_ns says so. */
static bool target_is_silent(const struct region_move *move, uint64_t now_ns)
{
	return move->at_target > 0 && now_ns - move->heard_ns > REGION_MOVE_PATIENCE_NS;
}

static void move_step(struct region_client *client, struct region_move *move, uint64_t now_ns)
{
	move->step_wanted = false;
	if (move->state == WIRE_MOVE_COPYING && target_is_silent(move, now_ns)) {
		struct region_node *node = &client->nodes[move->target.node];

		region_move_abandon(client, move, -EHOSTUNREACH);
		if (node->state != NODE_DOWN)
			region_node_hang_up(node, now_ns);
	}
	if (move->state == WIRE_MOVE_COPYING && region_copies_run(client, move, now_ns))
		move_switch(client, move, now_ns);
	if (move->state == WIRE_MOVE_SWITCHED && !old_place_is_asked(client, move))
		move_end(client, move, WIRE_MOVE_DONE, now_ns);
	else if (move->state == WIRE_MOVE_ABANDONING && region_copies_withdraw(client, move, now_ns))
		move_end(client, move, WIRE_MOVE_ABANDONED, now_ns);
}

void region_moves_poll(struct region_client *client, uint64_t now_ns)
{
	for (uint32_t i = 0; i < client->config.moves_max; i++) {
		if (client->moves[i].state != 0)
			move_step(client, &client->moves[i], now_ns);
	}
}

uint64_t region_moves_deadline_ns(const struct region_client *client)
{
	uint64_t deadline_ns = NEVER_NS;

	for (uint32_t i = 0; i < client->config.moves_max; i++) {
		const struct region_move *move = &client->moves[i];

		if (move->state == 0)
			continue;
		if (move->step_wanted)
			return 0;
		if (move->state != WIRE_MOVE_COPYING)
			continue;
		if (move->cursor < move->pages && move->copies_under_way < REGION_COPIES_MAX &&
		    move->pace.next_ns < deadline_ns)
			deadline_ns = move->pace.next_ns;
		if (move->at_target > 0 && move->heard_ns + REGION_MOVE_PATIENCE_NS < deadline_ns)
			deadline_ns = move->heard_ns + REGION_MOVE_PATIENCE_NS + 1;
	}
	return deadline_ns;
}
