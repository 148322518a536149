/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's READ budget. Who READs is the receiver: the answers to all its queue pairs meet in one receive ring. So the
 * bytes asked for and not yet landed are bounded for the whole device (R6), and queue pairs beyond wait in one line.
 *
 * A queue pair is woken when there is room for its READ, in the order in which they came. It stands in the line again, at its end, when
 * its READ does not fit after all. When it does, or when it has nothing to READ any more, its turn wakes the next: so room
 * is never left unused while somebody waits. A READ that is larger than the budget goes when nothing else is under way.
 */
#include "net/roce/internal.h"

static bool room(const struct roce_device *device, uint64_t len_bytes)
{
	uint64_t budget_bytes = device->config.read_budget_bytes;

	return budget_bytes == 0 || device->read_bytes == 0 || device->read_bytes + len_bytes <= budget_bytes;
}

static void leave_line(struct roce_device *device, struct queue_pair *qp)
{
	struct queue_pair **place = &device->budget_head, *before = NULL;

	assert(qp->requester.waits_for_budget);
	/* Nearly always the first: others leave only when their connection ends. */
	while (*place != qp) {
		before = *place;
		place = &before->budget_next;
	}
	*place = qp->budget_next;
	if (device->budget_tail == qp)
		device->budget_tail = before;
	qp->budget_next = NULL;
	qp->requester.waits_for_budget = false;
}

void roce_budget_wake(struct roce_device *device)
{
	bool woken = false;

	while (!woken && device->budget_head && room(device, device->budget_head->requester.wanted_bytes)) {
		struct queue_pair *qp = device->budget_head;

		leave_line(device, qp);
		roce_qp_schedule(device, qp);
		woken = true;
	}
}

bool roce_budget_allows(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes)
{
	if (room(device, len_bytes))
		return true;
	assert(!qp->requester.waits_for_budget);
	*(device->budget_tail ? &device->budget_tail->budget_next : &device->budget_head) = qp;
	device->budget_tail = qp;
	qp->requester.waits_for_budget = true;
	qp->requester.wanted_bytes = (uint32_t)len_bytes;
	device->counters.reads_delayed++;
	return false;
}

void roce_budget_take(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes)
{
	device->read_bytes += len_bytes;
	qp->requester.read_bytes += (uint32_t)len_bytes;
}

void roce_budget_return(struct roce_device *device, struct queue_pair *qp, uint64_t len_bytes)
{
	assert(qp->requester.read_bytes >= len_bytes && device->read_bytes >= len_bytes);
	qp->requester.read_bytes -= (uint32_t)len_bytes;
	device->read_bytes -= len_bytes;
	roce_budget_wake(device);
}

void roce_budget_end(struct roce_device *device, struct queue_pair *qp)
{
	if (qp->requester.waits_for_budget)
		leave_line(device, qp);
	roce_budget_return(device, qp, qp->requester.read_bytes);
}
