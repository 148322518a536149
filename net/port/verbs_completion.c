// SPDX-License-Identifier: GPL-2.0-only
/* What the device says of finished work, as events. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>

#include "net/port/verbs_internal.h"

static bool ring_pop(struct verbs_ring *ring, struct verbs_work *work)
{
	if (ring->count == 0)
		return false;
	*work = ring->works[ring->head];
	ring->count--;
	ring->head = ring->head + 1 < ring->size ? ring->head + 1 : 0;
	return true;
}

static int status_of(enum ibv_wc_status status)
{
	switch (status) {
	case IBV_WC_SUCCESS: return 0;
	case IBV_WC_WR_FLUSH_ERR: return -ECONNRESET;
	case IBV_WC_REM_ACCESS_ERR: return -EACCES;
	case IBV_WC_REM_INV_REQ_ERR: return -EPROTO;
	case IBV_WC_LOC_LEN_ERR: return -EMSGSIZE;
	case IBV_WC_RETRY_EXC_ERR:
	case IBV_WC_RNR_RETRY_EXC_ERR: return -ETIMEDOUT;
	default: return -EIO;
	}
}

static void count(struct roce_counters *counters, enum roce_opcode opcode, int status)
{
	if (status == -ETIMEDOUT)
		counters->retry_exhausted++;
	if (status != 0)
		return;
	switch (opcode) {
	case ROCE_READ: counters->reads_completed++; break;
	case ROCE_WRITE: counters->writes_completed++; break;
	case ROCE_SEND: counters->sends_completed++; break;
	case ROCE_RECEIVE: counters->sends_received++; break;
	case ROCE_COMPARE_SWAP:
	case ROCE_FETCH_ADD: counters->atomics_completed++; break;
	}
}

static void fill_received(struct roce_event *event, const struct ibv_wc *completion)
{
	bool written = completion->opcode == IBV_WC_RECV_RDMA_WITH_IMM;

	event->len_bytes = written ? 0 : completion->byte_len;
	event->written_bytes = written ? completion->byte_len : 0;
	event->flags = written ? ROCE_EVENT_WRITTEN : 0;
	if (completion->wc_flags & IBV_WC_WITH_IMM) {
		event->flags |= ROCE_EVENT_IMMEDIATE;
		event->immediate = ntohl(completion->imm_data);
	}
}

static void fill(struct roce_event *event, const struct verbs_queue_pair *qp, const struct verbs_work *work, int status)
{
	*event = (struct roce_event){ .type = ROCE_EVENT_COMPLETION, .opcode = work->opcode, .status = status, .qpn = qp->qpn,
				      .cookie = work->cookie };
	if (qp->connection == NULL)
		return;
	event->connection = qp->connection->number;
	event->remote_address = qp->connection->remote_address;
}

/* W1: what the device will not tell any more. */
static int poll_destroyed(struct verbs_queue_pair *qp, struct roce_event *event)
{
	struct verbs_work work;

	if (!ring_pop(&qp->receives, &work) && !ring_pop(&qp->sends, &work))
		return 0;
	fill(event, qp, &work, -ECONNRESET);
	return 1;
}

/* A completion with an error has no valid opcode: the work's id tells its ring. */
static void take(struct verbs_device *device, struct verbs_queue_pair *qp, const struct ibv_wc *completion,
		 struct roce_event *event)
{
	struct verbs_work work;
	int status = status_of(completion->status);
	bool known = ring_pop(completion->wr_id == VERBS_WORK_RECEIVE ? &qp->receives : &qp->sends, &work);

	assert(known);
	(void)known;
	fill(event, qp, &work, status);
	if (work.opcode == ROCE_RECEIVE && status == 0)
		fill_received(event, completion);
	count(&device->counters, work.opcode, status);
	if (status == 0)
		return;
	verbs_qp_fail(device, qp);
	if (qp->connection != NULL)
		verbs_connection_end(device, qp->connection, ROCE_EVENT_DISCONNECTED, status, 0);
}

/* 1: an event. 0: nothing more. -EAGAIN: look at the connection's news first (W4). */
static int poll_device(struct verbs_device *device, struct verbs_queue_pair *qp, struct roce_event *event)
{
	if (!qp->holding && ibv_poll_cq(qp->cq, 1, &qp->held) != 1)
		return 0;
	qp->holding = true;
	if (qp->held.status == IBV_WC_SUCCESS && qp->connection != NULL && qp->connection->state == VERBS_ACCEPTED) {
		/* Data before the RTU: the peer has our reply, so the connection stands. The kernel may still wait for it. */
		rdma_notify(qp->connection->id, IBV_EVENT_COMM_EST);
		verbs_connection_established(device, qp->connection);
		return -EAGAIN;
	}
	qp->holding = false;
	take(device, qp, &qp->held, event);
	return 1;
}

int verbs_completion_poll(struct verbs_device *device, struct verbs_queue *queue, struct roce_event *event)
{
	struct verbs_queue_pair *qp;

	while ((qp = queue->first_ready) != NULL) {
		int status = qp->qp != NULL ? poll_device(device, qp, event) : poll_destroyed(qp, event);

		if (status != 0)
			return status;
		queue->first_ready = qp->next_ready;
		qp->ready = false;
		if (qp->qp == NULL)
			qp->used = false;
	}
	return 0;
}
