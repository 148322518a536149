/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages of a region on its way: copies, and the cache's WRITEs that go to both places (G6 to G10 in move.h). */
#include "lib/zero.h"
#include "pcomponent/region/move.h"

static struct region_node *target_node(struct region_client *client, const struct region_move *move)
{
	return &client->nodes[move->target.node];
}

static bool page_passed(const struct region_move *move, uint64_t page)
{
	return page / REGION_PAGES == move->index && page % REGION_PAGES < move->cursor;
}

/* To the end of the target's queue. */
static void target_append(struct region_client *client, struct region_move *move, uint32_t number, uint64_t now_ns)
{
	client->requests[number].to_target = true;
	if (move->at_target++ == 0)
		move->heard_ns = now_ns;
	region_queue_append(client, target_node(client, move), number);
	region_node_pump(client, target_node(client, move), now_ns);
}

static void target_left(struct region_move *move)
{
	assert(move->at_target > 0);
	move->at_target--;
}

/* ------------------------------------------------------------------ copies */

/* The waiter's way to the target is free, or it need not go there any more. */
static void copy_end(struct region_client *client, struct region_move *move, struct region_copy *copy, uint64_t now_ns)
{
	struct region_request *request = &client->requests[region_copy_number(client, move, (uint32_t)(copy - move->copies))];
	uint32_t waiter = copy->waiter;

	assert(copy->active && !request->posted && move->copies_under_way > 0);
	if (request->to_target)
		target_left(move);
	copy->active = false;
	move->copies_under_way--;
	if (waiter == REQUEST_NONE)
		return;
	copy->waiter = REQUEST_NONE;
	if (move->state == WIRE_MOVE_COPYING)
		target_append(client, move, waiter, now_ns);
	else
		region_request_settle(client, waiter, now_ns);
}

static void copy_landed(struct region_client *client, struct region_move *move, struct region_copy *copy, uint32_t number,
			uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	struct wire_vm_region_moved *moved = &client->vms[move->vm].moved;

	if (request->to_target) {
		moved->pages_moved++;
		moved->bytes += PAGE_BYTES;
		copy_end(client, move, copy, now_ns);
	} else if (bytes_are_zero(request->frame, PAGE_BYTES)) {
		/* The target's page is: it was empty, and nobody has written it, or the copy were overtaken. */
		moved->pages_moved++;
		moved->pages_zero++;
		copy_end(client, move, copy, now_ns);
	} else {
		request->write = true;
		target_append(client, move, number, now_ns);
	}
}

void region_copy_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	struct region_vm *vm = &client->vms[request->vm];
	struct region_move *move = vm->move;
	struct region_copy *copy = &move->copies[(number - client->config.requests_max) % REGION_COPIES_MAX];

	assert(copy->active);
	if (request->to_target && !status_is_loss(status) && status != -EHOSTUNREACH)
		move->heard_ns = now_ns;
	if (status != 0 && !status_is_loss(status) && move->state == WIRE_MOVE_COPYING)
		region_move_abandon(client, move, status);
	if (copy->overtaken || move->state != WIRE_MOVE_COPYING) {
		if (request->to_target && status == 0) {
			vm->moved.pages_moved_again++;
			vm->moved.bytes += PAGE_BYTES;
		}
		copy_end(client, move, copy, now_ns);
	} else if (status_is_loss(status)) {
		struct region_node *node = &client->nodes[request->node];

		region_queue_return(client, node, number);
		region_node_pump(client, node, now_ns);
	} else {
		copy_landed(client, move, copy, number, now_ns);
	}
}

void region_copy_overtake(struct region_client *client, struct region_move *move, uint64_t page)
{
	for (uint32_t i = 0; i < REGION_COPIES_MAX; i++) {
		if (move->copies[i].active && client->requests[region_copy_number(client, move, i)].page == page)
			move->copies[i].overtaken = true;
	}
}

static bool write_under_way(const struct region_client *client, const struct region_move *move, uint64_t page)
{
	for (uint32_t i = 0; i < client->config.requests_max; i++) {
		const struct region_request *request = &client->requests[i];

		if (request->busy && request->write && request->vm == move->vm && request->page == page)
			return true;
	}
	return false;
}

/* The next page that needs a copy; those before it are passed. */
static bool next_page(const struct region_client *client, struct region_move *move, uint64_t *page)
{
	const uint64_t first = (uint64_t)move->index * REGION_PAGES;
	const uint64_t *written = client->vms[move->vm].written;

	while (move->cursor < move->pages) {
		*page = first + move->cursor;
		if (*page % 64 == 0 && written[*page / 64] == 0) {
			move->cursor += 64;
			continue;
		}
		move->cursor++;
		if (written[*page / 64] >> (*page % 64) & 1 && !write_under_way(client, move, *page))
			return true;
	}
	move->cursor = move->pages;
	return false;
}

static void copy_begin(struct region_client *client, struct region_move *move, uint64_t page, uint64_t now_ns)
{
	const struct region_entry *entry = page_entry(client, move->vm, page);
	uint32_t i = 0, number;

	while (move->copies[i].active)
		i++;
	assert(i < REGION_COPIES_MAX);
	number = region_copy_number(client, move, i);
	move->copies[i] = (struct region_copy){ .waiter = REQUEST_NONE, .active = true };
	move->copies_under_way++;
	client->requests[number] = (struct region_request){
		.page = page, .frame = client->copies + ((size_t)(number - client->config.requests_max) << PAGE_SHIFT),
		.queued_ns = now_ns, .vm = move->vm, .copy = true,
	};
	region_queue_append(client, &client->nodes[entry->node], number);
	region_node_pump(client, &client->nodes[entry->node], now_ns);
}

bool region_copies_run(struct region_client *client, struct region_move *move, uint64_t now_ns)
{
	while (move->cursor < move->pages && move->copies_under_way < REGION_COPIES_MAX &&
	       region_pace_take(client, move, now_ns)) {
		uint64_t page;

		if (next_page(client, move, &page))
			copy_begin(client, move, page, now_ns);
	}
	return move->cursor == move->pages && move->copies_under_way == 0;
}

/* ------------------------------------------------------------------ WRITEs of the cache */

bool region_mirror(struct region_client *client, uint32_t number, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	struct region_move *move = client->vms[request->vm].move;

	if (move == NULL || move->state != WIRE_MOVE_COPYING || !page_passed(move, request->page))
		return false;
	request->stored_epoch = request->epoch;
	for (uint32_t i = 0; i < REGION_COPIES_MAX; i++) {
		const struct region_request *copy = &client->requests[region_copy_number(client, move, i)];

		if (!move->copies[i].active || copy->page != request->page || !copy->to_target)
			continue;
		assert(move->copies[i].overtaken && move->copies[i].waiter == REQUEST_NONE);
		request->to_target = true;
		move->copies[i].waiter = number;
		return true;
	}
	target_append(client, move, number, now_ns);
	return true;
}

void region_mirror_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	struct region_vm *vm = &client->vms[request->vm];
	struct region_move *move = vm->move;

	if (status_is_loss(status) && move->state == WIRE_MOVE_COPYING) {
		region_queue_return(client, target_node(client, move), number);
		region_node_pump(client, target_node(client, move), now_ns);
		return;
	}
	target_left(move);
	if (status == 0) {
		move->heard_ns = now_ns;
		vm->moved.write_backs_mirrored++;
		vm->moved.bytes += PAGE_BYTES;
	} else if (move->state == WIRE_MOVE_COPYING) {
		region_move_abandon(client, move, status);
	}
	region_request_settle(client, number, now_ns);
}

/* ------------------------------------------------------------------ giving up */

bool region_copies_withdraw(struct region_client *client, struct region_move *move, uint64_t now_ns)
{
	for (uint32_t i = 0; i < REGION_COPIES_MAX; i++) {
		struct region_copy *copy = &move->copies[i];
		uint32_t number = region_copy_number(client, move, i), waiter = copy->waiter;

		if (!copy->active)
			continue;
		copy->waiter = REQUEST_NONE;
		if (waiter != REQUEST_NONE)
			region_request_settle(client, waiter, now_ns);
		if (!client->requests[number].posted) {
			region_queue_remove(client, number);
			copy_end(client, move, copy, now_ns);
		}
	}
	for (uint32_t number = 0; move->at_target > 0 && number < client->config.requests_max; number++) {
		const struct region_request *request = &client->requests[number];

		if (!request->busy || request->vm != move->vm || !request->to_target || request->posted)
			continue;
		region_queue_remove(client, number);
		target_left(move);
		region_request_settle(client, number, now_ns);
	}
	return move->copies_under_way == 0 && move->at_target == 0;
}
