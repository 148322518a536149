/* SPDX-License-Identifier: GPL-2.0-only */
/* Event queues. A place is reserved before the event can happen, so a push always finds one (R1). */
#include "net/roce/internal.h"

int roce_queue_create(struct roce_device *device)
{
	struct event_queue *queue;

	if (device->queues_count == device->config.limits.queues_max)
		return -ENOBUFS;
	queue = &device->queues[device->queues_count];
	queue->used = true;
	return (int)device->queues_count++;
}

struct event_queue *roce_queue_find(struct roce_device *device, int queue)
{
	if (queue < 0 || (uint32_t)queue >= device->queues_count)
		return NULL;
	return &device->queues[queue];
}

bool roce_queue_reserve(struct event_queue *queue, uint32_t events)
{
	if (queue->capacity - queue->count - queue->reserved < events)
		return false;
	queue->reserved += events;
	return true;
}

void roce_queue_unreserve(struct event_queue *queue, uint32_t events)
{
	assert(queue->reserved >= events);
	queue->reserved -= events;
}

void roce_queue_push(struct event_queue *queue, const struct stored_event *event)
{
	uint32_t index;

	assert(queue->reserved > 0 && queue->count < queue->capacity);
	queue->reserved--;
	index = queue->head + queue->count++;
	queue->events[index < queue->capacity ? index : index - queue->capacity] = *event;
}

static void unpack(const struct stored_event *stored, struct roce_event *event)
{
	event->type = (enum roce_event_type)stored->type;
	event->opcode = (enum roce_opcode)stored->opcode;
	event->status = stored->status;
	event->qpn = stored->qpn;
	event->connection = stored->connection;
	event->len_bytes = stored->len_bytes;
	event->remote_address = stored->remote_address;
	event->service_port = stored->service_port;
	event->reason = stored->reason;
	event->cookie = stored->cookie;
	event->flags = stored->flags;
	event->immediate = stored->flags & ROCE_EVENT_IMMEDIATE ? stored->extra : 0;
	event->invalidated_rkey = stored->flags & ROCE_EVENT_INVALIDATED ? stored->extra : 0;
	event->written_bytes = 0;
	if (stored->flags & ROCE_EVENT_WRITTEN) {
		event->written_bytes = stored->len_bytes;
		event->len_bytes = 0;
	}
}

int roce_queue_poll(struct roce_device *device, int number, struct roce_event *event)
{
	struct event_queue *queue = roce_queue_find(device, number);

	assert(queue);
	while (queue->count > 0) {
		struct stored_event *stored = &queue->events[queue->head];

		queue->head = queue->head + 1 < queue->capacity ? queue->head + 1 : 0;
		queue->count--;
		if (stored->type != ROCE_EVENT_COMPLETION && !roce_cm_event_polled(device, stored, event->private_data))
			continue;
		unpack(stored, event);
		return 1;
	}
	return 0;
}
