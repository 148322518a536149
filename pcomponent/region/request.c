/* SPDX-License-Identifier: GPL-2.0-only */
/* Page requests: queued at their node, posted, completed, repeated, given up. */
#include "pcomponent/region/move.h"

/* ------------------------------------------------------------------ a node's queue */

void region_queue_append(struct region_client *client, struct region_node *node, uint32_t number)
{
	client->requests[number].next = REQUEST_NONE;
	client->requests[number].node = (uint16_t)(node - client->nodes);
	if (node->queue_tail == REQUEST_NONE)
		node->queue_head = number;
	else
		client->requests[node->queue_tail].next = number;
	node->queue_tail = number;
}

void region_queue_return(struct region_client *client, struct region_node *node, uint32_t number)
{
	client->requests[number].next = node->queue_head;
	client->requests[number].node = (uint16_t)(node - client->nodes);
	node->queue_head = number;
	if (node->queue_tail == REQUEST_NONE)
		node->queue_tail = number;
}

uint32_t region_queue_pop(struct region_client *client, struct region_node *node)
{
	uint32_t number = node->queue_head;

	node->queue_head = client->requests[number].next;
	if (node->queue_head == REQUEST_NONE)
		node->queue_tail = REQUEST_NONE;
	return number;
}

void region_queue_remove(struct region_client *client, uint32_t number)
{
	struct region_node *node = &client->nodes[client->requests[number].node];
	uint32_t previous = REQUEST_NONE, at = node->queue_head;

	while (at != number) {
		assert(at != REQUEST_NONE);
		previous = at;
		at = client->requests[at].next;
	}
	if (previous == REQUEST_NONE)
		node->queue_head = client->requests[number].next;
	else
		client->requests[previous].next = client->requests[number].next;
	if (node->queue_tail == number)
		node->queue_tail = previous;
}

/* ------------------------------------------------------------------ begin */

static const struct region_entry *request_place(const struct region_client *client, const struct region_request *request)
{
	if (request->to_target)
		return &client->vms[request->vm].move->target;
	return page_entry(client, request->vm, request->page);
}

static int request_post(struct region_client *client, struct region_node *node, uint32_t number, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	const struct region_entry *entry = request_place(client, request);
	uint64_t address = entry->base + ((request->page % REGION_PAGES) << PAGE_SHIFT);
	struct roce_device *device = client->config.device;
	int status;

	if (request->write)
		status = roce_post_write(device, node->link.qpn, number, request->frame, PAGE_BYTES, address, entry->rkey, now_ns);
	else
		status = roce_post_read(device, node->link.qpn, number, request->frame, PAGE_BYTES, address, entry->rkey, now_ns);
	if (status != 0)
		return status;
	request->posted = true;
	request->posted_ns = now_ns;
	request->epoch = entry->epoch;
	node->posted++;
	return 0;
}

void region_node_pump(struct region_client *client, struct region_node *node, uint64_t now_ns)
{
	while (node->state == NODE_UP && node->queue_head != REQUEST_NONE) {
		int status = request_post(client, node, node->queue_head, now_ns);

		if (status != 0) {
			/* Full: a completion comes. Failed: the event that says so is in the queue. */
			assert(status == -ENOBUFS || status == -ECONNRESET);
			return;
		}
		region_queue_pop(client, node);
	}
}

static int request_begin(struct region_client *client, bool write, uint32_t vm, uint64_t page, void *frame,
			 uint32_t cookie, uint64_t now_ns)
{
	const struct region_entry *entry;
	struct region_request *request;
	uint32_t number = client->free_head;

	if (vm >= client->config.vms_max || page >= client->vms[vm].pages)
		return -EFAULT;
	entry = page_entry(client, vm, page);
	if (entry->epoch == 0)
		return entry->promised && write ? region_place_want(client, vm, page, now_ns) : -EFAULT;
	if (number == REQUEST_NONE)
		return -EAGAIN;
	request = &client->requests[number];
	client->free_head = request->next;
	*request = (struct region_request){ .page = page, .frame = frame, .queued_ns = now_ns, .cookie = cookie,
					    .vm = (uint16_t)vm, .busy = true, .write = write };
	client->vms[vm].requests++;
	if (write && client->vms[vm].move != NULL)
		region_copy_overtake(client, client->vms[vm].move, page);
	region_queue_append(client, &client->nodes[entry->node], number);
	region_node_pump(client, &client->nodes[entry->node], now_ns);
	return 0;
}

int region_read(struct region_client *client, uint32_t vm, uint64_t page, void *frame, uint32_t cookie, uint64_t now_ns)
{
	return request_begin(client, false, vm, page, frame, cookie, now_ns);
}

int region_write(struct region_client *client, uint32_t vm, uint64_t page, const void *frame, uint32_t cookie,
		 uint64_t now_ns)
{
	return request_begin(client, true, vm, page, (void *)(uintptr_t)frame, cookie, now_ns);
}

/* ------------------------------------------------------------------ end */

/* G1, G2. The request is free before the cache is told, because the cache may begin another one at once. */
static void request_finish(struct region_client *client, uint32_t number, int status, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	struct region_vm *vm = &client->vms[request->vm];
	uint64_t latency_ns = status == 0 ? now_ns - request->posted_ns : 0;
	uint32_t cookie = request->cookie;
	bool write = request->write;

	assert(!request->posted && !request->to_target && !request->copy && vm->requests > 0);
	if (write && status == 0)
		vm->written[request->page / 64] |= UINT64_C(1) << (request->page % 64);
	else if (status == 0)
		region_pace_fill(client, now_ns - request->queued_ns);
	vm->requests--;
	request->busy = false;
	request->next = client->free_head;
	client->free_head = number;
	client->config.done(client->config.context, cookie, write, status, latency_ns, now_ns);
}

void region_request_settle(struct region_client *client, uint32_t number, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];

	assert(request->stored_epoch == page_entry(client, request->vm, request->page)->epoch);
	request->to_target = false;
	request_finish(client, number, 0, now_ns);
}

/* The answer to a request of the cache at the region's place. */
static void page_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns)
{
	struct region_request *request = &client->requests[number];
	const struct region_entry *entry = page_entry(client, request->vm, request->page);
	struct region_node *node = &client->nodes[entry->node];

	if (status_is_loss(status)) {
		region_queue_return(client, node, number);	/* G4. The region may have moved while this was under way. */
	} else if (entry->epoch != request->epoch && (request->write || status != 0)) {
		region_queue_append(client, node, number);	/* G3 */
	} else {
		if (!request->write || status != 0 || !region_mirror(client, number, now_ns))
			request_finish(client, number, status, now_ns);
		return;
	}
	region_node_pump(client, node, now_ns);
}

/* The answer to a request of a move. */
static void move_answered(struct region_client *client, uint32_t number, int status, uint64_t now_ns)
{
	if (client->requests[number].copy)
		region_copy_answered(client, number, status, now_ns);
	else
		region_mirror_answered(client, number, status, now_ns);
}

void region_request_completed(struct region_client *client, const struct roce_event *event, uint64_t now_ns)
{
	struct region_request *request;
	struct region_node *node;

	assert(event->cookie < client->config.requests_max + (uint64_t)client->config.moves_max * REGION_COPIES_MAX);
	request = &client->requests[event->cookie];
	assert(request->posted && request->write == (event->opcode == ROCE_WRITE));
	node = &client->nodes[request->node];
	request->posted = false;
	assert(node->posted > 0);
	node->posted--;
	if (!status_is_loss(event->status)) {
		node->answered = true;
		node->unreached_since_ns = 0;
	}
	if (request->copy | request->to_target)
		move_answered(client, (uint32_t)event->cookie, event->status, now_ns);
	else
		page_answered(client, (uint32_t)event->cookie, event->status, now_ns);
	region_node_pump(client, node, now_ns);
}

uint64_t region_give_up_ns(const struct region_client *client, const struct region_node *node)
{
	uint64_t since_ns;

	if (node->state == NODE_FREE || node->state == NODE_UP || node->queue_head == REQUEST_NONE)
		return NEVER_NS;
	since_ns = client->requests[node->queue_head].queued_ns;
	if (since_ns < node->unreached_since_ns)
		since_ns = node->unreached_since_ns;
	return since_ns > NEVER_NS - client->config.give_up_ns ? NEVER_NS : since_ns + client->config.give_up_ns;
}

/* Nobody was there to answer it. */
static void answered_late(struct region_client *client, uint32_t number, uint64_t now_ns)
{
	const struct region_request *request = &client->requests[number];

	if (request->copy | request->to_target)
		move_answered(client, number, -EHOSTUNREACH, now_ns);
	else
		request_finish(client, number, -EHOSTUNREACH, now_ns);
}

void region_give_up(struct region_client *client, uint64_t now_ns)
{
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		struct region_node *node = &client->nodes[i];

		while (region_give_up_ns(client, node) <= now_ns)
			answered_late(client, region_queue_pop(client, node), now_ns);
	}
}
