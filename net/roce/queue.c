/* SPDX-License-Identifier: GPL-2.0-only */
/* Event queues. An event's place is there before it can happen: posted work's is its own, a connection's is reserved (R1). */
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

void *roce_queue_reserve(const struct roce_device *device, struct event_queue *queue, struct roce_pool *pool)
{
	void *place = queue->works < device->config.limits.queue_events_max ? roce_pool_take(pool) : NULL;

	queue->works += place != NULL;
	return place;
}

void roce_queue_push(struct event_queue *queue, struct stored_event *event)
{
	event->next = NULL;
	if (queue->first)
		queue->last->next = event;
	else
		queue->first = event;
	queue->last = event;
}

static void unpack(const struct completion *completion, struct roce_event *event)
{
	uint8_t flags = completion->event.flags;

	event->type = ROCE_EVENT_COMPLETION;
	event->opcode = (enum roce_opcode)completion->event.opcode;
	event->status = completion->event.status;
	event->qpn = completion->qpn;
	event->connection = completion->event.connection;
	event->len_bytes = flags & ROCE_EVENT_WRITTEN ? 0 : completion->len_bytes;
	event->remote_address = completion->remote_address;
	event->service_port = event->reason = 0;
	event->cookie = completion->cookie;
	event->flags = flags;
	event->immediate = flags & ROCE_EVENT_IMMEDIATE ? completion->extra : 0;
	event->invalidated_rkey = flags & ROCE_EVENT_INVALIDATED ? completion->extra : 0;
	event->written_bytes = flags & ROCE_EVENT_WRITTEN ? completion->len_bytes : 0;
}

static void completion_polled(struct roce_device *device, struct event_queue *queue, struct completion *completion,
			      struct roce_event *event)
{
	assert(queue->works > 0);
	queue->works--;
	unpack(completion, event);
	roce_pool_give(event->opcode == ROCE_RECEIVE ? &device->receives : &device->works, completion);
}

int roce_queue_poll(struct roce_device *device, int number, struct roce_event *event)
{
	struct event_queue *queue = roce_queue_find(device, number);
	struct stored_event *stored;
	bool seen = false;

	assert(queue);
	while (!seen && (stored = queue->first)) {
		queue->first = stored->next;
		if (stored->type == ROCE_EVENT_COMPLETION) {
			completion_polled(device, queue, (struct completion *)stored, event);
			return 1;
		}
		assert(device->connection_events > 0);
		device->connection_events--;
		seen = roce_cm_event_polled(device, stored, event);
		roce_pool_give(&device->events, stored);
	}
	return seen;
}
