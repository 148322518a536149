/* SPDX-License-Identifier: GPL-2.0-only */
/* The region client's tables: VMs, where their regions are, which pages were written. */
#include "pcomponent/region/move.h"

#define TABLE_ALIGN 64u

static size_t table_bytes(uint64_t count, size_t entry_bytes)
{
	return ((size_t)count * entry_bytes + TABLE_ALIGN - 1) & ~(size_t)(TABLE_ALIGN - 1);
}

/* Every VM may waste part of its last word. */
static uint64_t words_max(const struct region_config *config)
{
	return region_words(config->pages_written_max) + config->vms_max;
}

/* The cache's, and those of the mover behind them. */
static uint64_t requests_total(const struct region_config *config)
{
	return config->requests_max + (uint64_t)config->moves_max * REGION_COPIES_MAX;
}

static bool config_valid(const struct region_config *config)
{
	return config->device != NULL && config->secure != NULL && config->vms_max >= 1 && config->vms_max < UINT16_MAX &&
	       config->requests_max >= 1 && config->requests_max < REQUEST_NONE / 2 && config->moves_max <= config->vms_max &&
	       config->give_up_ns > 0 && config->incarnation != 0 && config->done != NULL;
}

size_t region_client_bytes(const struct region_config *config)
{
	return table_bytes(1, sizeof(struct region_client)) + table_bytes(config->vms_max, sizeof(struct region_vm)) +
	       table_bytes(requests_total(config), sizeof(struct region_request)) +
	       table_bytes(config->moves_max, sizeof(struct region_move)) +
	       table_bytes((uint64_t)config->moves_max * REGION_COPIES_MAX, PAGE_BYTES) +
	       table_bytes(words_max(config), sizeof(uint64_t));
}

struct region_client *region_client_create(void *memory, const struct region_config *config, uint64_t now_ns)
{
	struct region_client *client = memory;
	uint8_t *next = memory;

	(void)now_ns;
	if (!config_valid(config))
		return NULL;
	memset(memory, 0, region_client_bytes(config));
	client->config = *config;
	client->words_max = words_max(config);
	client->queue = roce_queue_create(config->device);
	if (client->queue < 0)
		return NULL;
	next += table_bytes(1, sizeof(struct region_client));
	client->vms = (struct region_vm *)next;
	next += table_bytes(config->vms_max, sizeof(struct region_vm));
	client->requests = (struct region_request *)next;
	next += table_bytes(requests_total(config), sizeof(struct region_request));
	client->moves = (struct region_move *)next;
	next += table_bytes(config->moves_max, sizeof(struct region_move));
	client->copies = next;
	next += table_bytes((uint64_t)config->moves_max * REGION_COPIES_MAX, PAGE_BYTES);
	client->words = (uint64_t *)next;
	for (uint32_t i = 0; i < config->requests_max; i++)
		client->requests[i].next = i + 1 < config->requests_max ? i + 1 : REQUEST_NONE;
	return client;
}

/* ------------------------------------------------------------------ VMs */

static bool vm_known(const struct region_client *client, uint32_t vm)
{
	return vm < client->config.vms_max && client->vms[vm].pages > 0;
}

int region_vm_create(struct region_client *client, uint32_t vm, uint64_t pages)
{
	struct region_vm *new_vm;

	if (vm >= client->config.vms_max || pages == 0 || pages > (uint64_t)REGIONS_PER_VM_MAX * REGION_PAGES)
		return -EINVAL;
	new_vm = &client->vms[vm];
	if (new_vm->pages > 0)
		return -EEXIST;
	if (region_words(pages) > client->words_max - client->words_used)
		return -ENOSPC;
	memset(new_vm, 0, sizeof(*new_vm));
	new_vm->pages = pages;
	new_vm->written = &client->words[client->words_used];
	memset(new_vm->written, 0, region_words(pages) * sizeof(uint64_t));
	client->words_used += region_words(pages);
	return 0;
}

/* The bits of later VMs move down: the free words stay one run. */
static void words_release(struct region_client *client, const struct region_vm *vm)
{
	uint64_t *begin = vm->written, *end = begin + region_words(vm->pages);

	memmove(begin, end, (size_t)(client->words + client->words_used - end) * sizeof(uint64_t));
	client->words_used -= region_words(vm->pages);
	for (uint32_t i = 0; i < client->config.vms_max; i++) {
		if (client->vms[i].pages > 0 && client->vms[i].written > begin)
			client->vms[i].written -= region_words(vm->pages);
	}
}

void region_vm_destroy(struct region_client *client, uint32_t vm)
{
	struct region_vm *old_vm;

	if (!vm_known(client, vm))
		return;
	old_vm = &client->vms[vm];
	assert(old_vm->requests == 0 && old_vm->move == NULL);
	words_release(client, old_vm);
	for (uint32_t i = 0; i < REGIONS_PER_VM_MAX; i++) {
		if (old_vm->regions[i].epoch > 0)
			client->nodes[old_vm->regions[i].node].regions--;
	}
	old_vm->pages = 0;
}

/* ------------------------------------------------------------------ regions */

bool region_valid(const struct region_vm *vm, const struct wire_vm_region *region)
{
	uint64_t first = (uint64_t)region->index * REGION_PAGES, needed;

	if (region->index >= REGIONS_PER_VM_MAX || first >= vm->pages)
		return false;
	needed = vm->pages - first < REGION_PAGES ? vm->pages - first : REGION_PAGES;
	return region->pages >= needed && region->pages <= REGION_PAGES && region->epoch > 0 && region->rkey != 0 &&
	       region->node != 0 && region->address != 0 && region->base <= UINT64_MAX - REGION_BYTES;
}

void region_requests_move(struct region_client *client, struct region_node *from, struct region_node *to, uint32_t vm,
			  uint32_t index)
{
	uint32_t number, last = from->queue_tail;

	if (from == to)
		return;
	while (last != REQUEST_NONE) {
		const struct region_request *request;
		bool moves;

		number = region_queue_pop(client, from);
		request = &client->requests[number];
		moves = request->vm == vm && request->page / REGION_PAGES == index && !request->copy && !request->to_target;
		region_queue_append(client, moves ? to : from, number);
		if (number == last)
			break;
	}
}

int region_map(struct region_client *client, uint32_t vm, const struct wire_vm_region *region, uint64_t now_ns)
{
	struct region_node *old_node = NULL, *new_node;
	struct region_entry *entry;
	bool was_wanted = false;
	int node;

	if (!vm_known(client, vm) || !region_valid(&client->vms[vm], region))
		return -EINVAL;
	entry = &client->vms[vm].regions[region->index];
	if (region->epoch < entry->epoch)
		return -ESTALE;
	if (region_moving(&client->vms[vm], region->index))
		return -EBUSY;
	if (region->epoch == entry->epoch)	/* said twice; a different answer for one epoch is no answer */
		return entry->base == region->base && entry->rkey == region->rkey &&
		       client->nodes[entry->node].node == region->node ? 0 : -EINVAL;
	node = region_node_open(client, region->node, region->address, now_ns);
	if (node < 0)
		return node;
	new_node = &client->nodes[node];
	new_node->regions++;
	if (entry->epoch > 0) {
		old_node = &client->nodes[entry->node];
		old_node->regions--;
		region_requests_move(client, old_node, new_node, vm, region->index);
	} else if (entry->promised) {
		was_wanted = region_place_given(client, vm, entry);
	} else {
		client->vms[vm].regions_known++;
	}
	*entry = (struct region_entry){ .base = region->base, .rkey = region->rkey, .epoch = region->epoch,
					.tried_epoch = entry->tried_epoch, .node = (uint16_t)node };
	if (old_node != NULL)
		region_node_release(old_node, now_ns);
	region_node_pump(client, new_node, now_ns);
	if (was_wanted && client->config.placed != NULL)
		client->config.placed(client->config.context, vm, now_ns);
	return 0;
}

bool region_vm_complete(const struct region_client *client, uint32_t vm)
{
	uint64_t pages;

	if (!vm_known(client, vm))
		return false;
	pages = client->vms[vm].pages;
	return client->vms[vm].regions_known == pages / REGION_PAGES + (pages % REGION_PAGES != 0);
}

bool region_vm_reachable(const struct region_client *client, uint32_t vm)
{
	if (!vm_known(client, vm) || client->vms[vm].wanted > 0)
		return false;
	for (uint32_t i = 0; i < REGIONS_PER_VM_MAX; i++) {
		const struct region_entry *entry = &client->vms[vm].regions[i];

		if (entry->epoch > 0 && client->nodes[entry->node].state != NODE_UP)
			return false;
	}
	return true;
}

bool region_page_written(const struct region_client *client, uint32_t vm, uint64_t page)
{
	if (!vm_known(client, vm) || page >= client->vms[vm].pages)
		return true;
	return client->vms[vm].written[page / 64] >> (page % 64) & 1;
}

/* ------------------------------------------------------------------ time */

void region_poll(struct region_client *client, uint64_t now_ns)
{
	struct roce_event event;

	while (roce_queue_poll(client->config.device, client->queue, &event)) {
		if (event.type != ROCE_EVENT_COMPLETION || event.cookie >> 62 == REGION_COOKIE_LINK >> 62)
			region_node_event(client, &event, now_ns);
		else if (!(event.cookie & REGION_COOKIE_OTHER))
			region_request_completed(client, &event, now_ns);
		else if (client->config.other != NULL)
			client->config.other(client->config.other_context, &event, now_ns);
	}
	for (uint32_t i = 0; i < client->nodes_count; i++) {
		if (client->nodes[i].state != NODE_FREE)
			region_node_release(&client->nodes[i], now_ns);
	}
	region_nodes_tick(client, now_ns);
	region_nodes_connect(client, now_ns);
	region_give_up(client, now_ns);
	if (client->moves_under_way > 0)
		region_moves_poll(client, now_ns);
}

uint64_t region_deadline_ns(const struct region_client *client)
{
	uint64_t deadline_ns = client->moves_under_way > 0 ? region_moves_deadline_ns(client) : NEVER_NS;

	for (uint32_t i = 0; i < client->nodes_count; i++) {
		const struct region_node *node = &client->nodes[i];
		uint64_t give_up_ns = region_give_up_ns(client, node);

		if (node->state == NODE_DOWN && client->config.node != 0 && node->retry_ns < deadline_ns)
			deadline_ns = node->retry_ns;
		if (node->state == NODE_CONNECTING && node->link.deadline_ns < deadline_ns)
			deadline_ns = node->link.deadline_ns;
		if (give_up_ns < deadline_ns)
			deadline_ns = give_up_ns;
	}
	return deadline_ns;
}
