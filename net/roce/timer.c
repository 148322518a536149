/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A binary heap of timers, ordered by key_ns. A retransmission timer moves to a later time with every answer; that is
 * one store here. The heap finds out when the old time comes, and sorts the timer in anew.
 */
#include "net/roce/internal.h"

static void place(struct roce_device *device, struct roce_timer *timer, uint32_t index)
{
	device->timers[index] = timer;
	timer->position = index + 1;
}

static void sift_up(struct roce_device *device, struct roce_timer *timer, uint32_t index)
{
	while (index > 0) {
		uint32_t parent = (index - 1) / 2;

		if (device->timers[parent]->key_ns <= timer->key_ns)
			break;
		place(device, device->timers[parent], index);
		index = parent;
	}
	place(device, timer, index);
}

static void sift_down(struct roce_device *device, struct roce_timer *timer, uint32_t index)
{
	for (;;) {
		uint32_t child = 2 * index + 1;

		if (child >= device->timers_count)
			break;
		if (child + 1 < device->timers_count && device->timers[child + 1]->key_ns < device->timers[child]->key_ns)
			child++;
		if (timer->key_ns <= device->timers[child]->key_ns)
			break;
		place(device, device->timers[child], index);
		index = child;
	}
	place(device, timer, index);
}

void roce_timer_set(struct roce_device *device, struct roce_timer *timer, uint64_t deadline_ns)
{
	timer->deadline_ns = deadline_ns;
	if (timer->position == 0) {
		assert(device->timers_count < device->config.limits.queue_pairs_max);
		timer->key_ns = deadline_ns;
		sift_up(device, timer, device->timers_count++);
	} else if (deadline_ns < timer->key_ns) {
		timer->key_ns = deadline_ns;
		sift_up(device, timer, timer->position - 1);
	}
}

void roce_timer_cancel(struct roce_timer *timer)
{
	timer->deadline_ns = NEVER;
}

void roce_timer_remove(struct roce_device *device, struct roce_timer *timer)
{
	uint32_t index = timer->position - 1;
	struct roce_timer *last;

	timer->deadline_ns = NEVER;
	if (timer->position == 0)
		return;
	timer->position = 0;
	last = device->timers[--device->timers_count];
	if (last == timer)
		return;
	if (index > 0 && device->timers[(index - 1) / 2]->key_ns > last->key_ns)
		sift_up(device, last, index);
	else
		sift_down(device, last, index);
}

struct roce_timer *roce_timer_due(struct roce_device *device, uint64_t now_ns)
{
	while (device->timers_count > 0 && device->timers[0]->key_ns <= now_ns) {
		struct roce_timer *timer = device->timers[0];
		uint64_t deadline_ns = timer->deadline_ns;

		if (deadline_ns <= now_ns || deadline_ns == NEVER) {
			roce_timer_remove(device, timer);
			if (deadline_ns <= now_ns)
				return timer;
		} else {
			timer->key_ns = deadline_ns;
			sift_down(device, timer, 0);
		}
	}
	return NULL;
}

/* ---------------------------------------------------------------- the clock */

uint64_t roce_clock_jump(struct roce_device *device, uint64_t now_ns)
{
	uint64_t time_ns = now_ns + device->clock_ahead_ns, latest_ns;

	if (device->clock_ns - time_ns <= CLOCK_BACK_MAX_NS)
		return device->clock_ns;
	if ((int64_t)(time_ns - device->clock_ns) < 0) {
		time_ns = device->clock_ns;
	} else if (device->timers_count > 0) {
		latest_ns = device->timers[0]->key_ns > device->clock_ns ? device->timers[0]->key_ns : device->clock_ns;
		latest_ns += CLOCK_LATE_MAX_NS;
		if (time_ns > latest_ns)
			time_ns = latest_ns;
	}
	device->clock_ahead_ns = time_ns - now_ns;
	return time_ns;
}

/* On the caller's clock. */
uint64_t roce_deadline_ns(const struct roce_device *device)
{
	uint64_t first_ns;

	if (device->timers_count == 0)
		return NEVER;
	first_ns = device->timers[0]->key_ns;
	return (first_ns > device->clock_ns ? first_ns : device->clock_ns) - device->clock_ahead_ns;
}
