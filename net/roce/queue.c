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

bool roce_queue_reserve(const struct roce_device *device, struct event_queue *queue)
{
	if (queue->works == device->config.limits.queue_events_max)
		return false;
	queue->works++;
	return true;
}

struct stored_event *roce_queue_push(struct roce_device *device, struct event_queue *queue)
{
	struct stored_event *stored = roce_pool_take(&device->events);

	assert(stored);
	stored->next = NULL;
	if (queue->first)
		queue->last->next = stored;
	else
		queue->first = stored;
	queue->last = stored;
	return stored;
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
	struct stored_event *stored;
	bool seen;

	assert(queue);
	while ((stored = queue->first)) {
		queue->first = stored->next;
		if (stored->type == ROCE_EVENT_COMPLETION) {
			assert(queue->works > 0);
			queue->works--;
			seen = true;
		} else {
			assert(device->connection_events > 0);
			device->connection_events--;
			seen = roce_cm_event_polled(device, stored, event->private_data);
		}
		if (seen)
			unpack(stored, event);
		roce_pool_give(&device->events, stored);
		if (seen)
			return 1;
	}
	return 0;
}
