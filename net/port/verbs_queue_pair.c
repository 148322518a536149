// SPDX-License-Identifier: GPL-2.0-only
/* Queue pairs of the device: their life, and posting work to them. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/port/verbs_internal.h"

/*
 * The kernel's own values are made for fabrics of any width: two seconds until the first repetition. 4.096 us * 2^16 is
 * 268 ms; with the repetitions a dead peer is found after about two seconds, as by the own transport. 7 would mean "for ever" to rxe.
 */
#define ACK_TIMEOUT_EXPONENT 16u
#define RETRIES_MAX 6u
#define RECEIVER_NOT_READY_RETRIES 7u		/* this 7 means "for ever": it is the peer's to end */
#define RECEIVER_NOT_READY_CODE 12u		/* ask the peer to wait 0.64 ms; the kernel would say 655 ms */
#define REMOTE_ACCESS_ALL (IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

static struct verbs_queue_pair **bucket_of(const struct verbs_device *device, uint32_t qpn)
{
	return (struct verbs_queue_pair **)&device->buckets[qpn & (VERBS_BUCKETS - 1)];
}

struct verbs_queue_pair *verbs_qp_find(const struct verbs_device *device, uint32_t qpn)
{
	struct verbs_queue_pair *qp = *bucket_of(device, qpn);

	while (qp != NULL && qp->qpn != qpn)
		qp = qp->next_in_bucket;
	return qp;
}

void verbs_qp_ready(struct verbs_device *device, struct verbs_queue_pair *qp)
{
	struct verbs_queue *queue = &device->queues[qp->queue];

	if (qp->ready)
		return;
	qp->ready = true;
	qp->next_ready = NULL;
	if (queue->first_ready == NULL)
		queue->first_ready = qp;
	else
		queue->last_ready->next_ready = qp;
	queue->last_ready = qp;
}

/* ---------------------------------------------------------------- life */

/* So that receives can be posted. */
static int initialize(const struct verbs_device *device, struct ibv_qp *qp, bool locked)
{
	struct ibv_qp_attr attributes = { .qp_state = IBV_QPS_INIT, .port_num = device->port_number,
					  .qp_access_flags = locked ? 0 : REMOTE_ACCESS_ALL };

	return ibv_modify_qp(qp, &attributes, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static bool create_on_device(struct verbs_device *device, struct verbs_queue_pair *qp, bool locked)
{
	struct ibv_qp_init_attr attributes = {
		.qp_context = qp, .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
		.cap = { .max_send_wr = qp->sends.size, .max_recv_wr = qp->receives.size, .max_send_sge = 1, .max_recv_sge = 1 },
	};

	qp->cq = ibv_create_cq(device->context, (int)(qp->sends.size + qp->receives.size), qp, device->completions, 0);
	if (qp->cq == NULL)
		return false;
	attributes.send_cq = attributes.recv_cq = qp->cq;
	qp->qp = ibv_create_qp(qp->domain->pd, &attributes);
	if (qp->qp != NULL && ibv_req_notify_cq(qp->cq, 0) == 0 && initialize(device, qp->qp, locked) == 0)
		return true;
	if (qp->qp != NULL)
		ibv_destroy_qp(qp->qp);
	ibv_destroy_cq(qp->cq);
	return false;
}

struct verbs_queue_pair *verbs_qp_create(struct verbs_device *device, uint64_t peer, int queue, bool locked)
{
	struct verbs_queue_pair *qp = device->queue_pairs, *end = qp + device->limits.queue_pairs_max;
	struct verbs_queue_pair **bucket;

	while (qp < end && qp->used)
		qp++;
	if (qp == end)
		return NULL;
	/* The rings' memory belongs to the place. */
	*qp = (struct verbs_queue_pair){ .queue = queue, .sends = { .works = qp->sends.works, .size = qp->sends.size },
					 .receives = { .works = qp->receives.works, .size = qp->receives.size } };
	qp->domain = verbs_domain_get(device, peer);
	if (qp->domain == NULL)
		return NULL;
	if (!create_on_device(device, qp, locked)) {
		verbs_domain_put(qp->domain);
		return NULL;
	}
	qp->used = true;
	qp->qpn = qp->qp->qp_num;
	bucket = bucket_of(device, qp->qpn);
	qp->next_in_bucket = *bucket;
	*bucket = qp;
	return qp;
}

int verbs_qp_start(struct verbs_queue_pair *qp, const struct verbs_connection *connection)
{
	struct ibv_qp_attr attributes = { .qp_state = IBV_QPS_RTR };
	int mask;

	if (rdma_init_qp_attr(connection->id, &attributes, &mask) != 0)
		return -errno;
	attributes.min_rnr_timer = RECEIVER_NOT_READY_CODE;
	attributes.max_dest_rd_atomic = connection->responder_resources;
	if (ibv_modify_qp(qp->qp, &attributes, mask) != 0)
		return -errno;
	qp->path_mtu_bytes = 128u << attributes.path_mtu;
	attributes = (struct ibv_qp_attr){ .qp_state = IBV_QPS_RTS };
	if (rdma_init_qp_attr(connection->id, &attributes, &mask) != 0)
		return -errno;
	attributes.timeout = ACK_TIMEOUT_EXPONENT;
	attributes.retry_cnt = RETRIES_MAX;
	attributes.rnr_retry = RECEIVER_NOT_READY_RETRIES;
	attributes.max_rd_atomic = connection->initiator_depth;
	return ibv_modify_qp(qp->qp, &attributes, mask) == 0 ? 0 : -errno;
}

int verbs_qp_unlock(struct verbs_queue_pair *qp)
{
	struct ibv_qp_attr attributes = { .qp_access_flags = REMOTE_ACCESS_ALL };

	return ibv_modify_qp(qp->qp, &attributes, IBV_QP_ACCESS_FLAGS) == 0 ? 0 : -errno;
}

void verbs_qp_fail(struct verbs_device *device, struct verbs_queue_pair *qp)
{
	struct ibv_qp_attr attributes = { .qp_state = IBV_QPS_ERR };

	if (qp->failed)
		return;
	qp->failed = true;
	/* One that failed by itself is in this state already. */
	ibv_modify_qp(qp->qp, &attributes, IBV_QP_STATE);
	verbs_qp_ready(device, qp);
}

void verbs_qp_destroy(struct verbs_device *device, struct verbs_queue_pair *qp)
{
	struct verbs_queue_pair **link = bucket_of(device, qp->qpn);

	assert(qp->used && qp->qp != NULL);
	while (*link != qp)
		link = &(*link)->next_in_bucket;
	*link = qp->next_in_bucket;
	/* Events were all acknowledged when they were taken in; neither call can wait or fail. */
	ibv_destroy_qp(qp->qp);
	ibv_destroy_cq(qp->cq);
	verbs_domain_put(qp->domain);
	qp->qp = NULL;
	qp->connection = NULL;
	qp->failed = true;
	/* Its place becomes free when the last of its work was told of. */
	verbs_qp_ready(device, qp);
}

uint32_t verbs_path_mtu_bytes(const struct roce_device *opaque, uint32_t qpn)
{
	const struct verbs_queue_pair *qp = verbs_qp_find(verbs_of(opaque), qpn);

	return qp != NULL ? qp->path_mtu_bytes : 0;
}

/* ---------------------------------------------------------------- posting */

static void ring_push(struct verbs_ring *ring, uint64_t cookie, enum roce_opcode opcode)
{
	uint32_t place = ring->head + ring->count++;

	ring->works[place < ring->size ? place : place - ring->size] = (struct verbs_work){ cookie, opcode };
}

static int find_and_check(struct verbs_device *device, uint32_t qpn, const void *local, uint32_t len_bytes,
			  struct verbs_queue_pair **qp, struct ibv_sge *piece)
{
	*qp = verbs_qp_find(device, qpn);
	if (*qp == NULL || (*qp)->failed)
		return -ECONNRESET;
	*piece = (struct ibv_sge){ .addr = (uintptr_t)local, .length = len_bytes };
	if (len_bytes == 0)
		return 0;
	return local == NULL ? -EINVAL : verbs_local_key(device, (*qp)->domain, local, len_bytes, &piece->lkey);
}

static int post(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, enum roce_opcode opcode, const void *local,
		uint32_t len_bytes, struct ibv_send_wr *work)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_queue_pair *qp;
	struct ibv_send_wr *refused;
	struct ibv_sge piece;
	int status = find_and_check(device, qpn, local, len_bytes, &qp, &piece);

	if (status != 0)
		return status;
	if (qp->sends.count == qp->sends.size)
		return -ENOBUFS;
	work->sg_list = &piece;
	work->num_sge = len_bytes > 0;
	status = ibv_post_send(qp->qp, work, &refused);
	if (status != 0)
		return status == ENOMEM ? -ENOBUFS : -status;
	ring_push(&qp->sends, cookie, opcode);
	return 0;
}

int verbs_post_receive(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes)
{
	struct verbs_device *device = verbs_of(opaque);
	struct verbs_queue_pair *qp;
	struct ibv_recv_wr work = { .wr_id = VERBS_WORK_RECEIVE }, *refused;
	struct ibv_sge piece;
	int status = find_and_check(device, qpn, local, len_bytes, &qp, &piece);

	if (status != 0)
		return status;
	if (qp->receives.count == qp->receives.size)
		return -ENOBUFS;
	work.sg_list = &piece;
	work.num_sge = len_bytes > 0;
	status = ibv_post_recv(qp->qp, &work, &refused);
	if (status != 0)
		return status == ENOMEM ? -ENOBUFS : -status;
	ring_push(&qp->receives, cookie, ROCE_RECEIVE);
	return 0;
}

int verbs_post_read(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, void *local, uint32_t len_bytes,
		    uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_RDMA_READ, .wr.rdma = { remote_address, rkey } };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_READ, local, len_bytes, &work);
}

int verbs_post_write(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		     uint64_t remote_address, uint32_t rkey, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_RDMA_WRITE, .wr.rdma = { remote_address, rkey } };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_WRITE, local, len_bytes, &work);
}

int verbs_post_send(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, const void *local, uint32_t len_bytes,
		    uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_SEND };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_SEND, local, len_bytes, &work);
}

int verbs_post_send_immediate(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, const void *local,
			      uint32_t len_bytes, uint32_t immediate, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_SEND_WITH_IMM, .imm_data = htonl(immediate) };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_SEND, local, len_bytes, &work);
}

int verbs_post_write_immediate(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, const void *local,
			       uint32_t len_bytes, uint64_t remote_address, uint32_t rkey, uint32_t immediate,
			       uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .imm_data = htonl(immediate),
				    .wr.rdma = { remote_address, rkey } };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_WRITE, local, len_bytes, &work);
}

int verbs_post_send_invalidate(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, const void *local,
			       uint32_t len_bytes, uint32_t rkey, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_SEND_WITH_INV, .invalidate_rkey = rkey };

	(void)now_ns;
	return post(opaque, qpn, cookie, ROCE_SEND, local, len_bytes, &work);
}

int verbs_post_compare_swap(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, uint64_t *original,
			    uint64_t remote_address, uint32_t rkey, uint64_t compare, uint64_t swap, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_ATOMIC_CMP_AND_SWP,
				    .wr.atomic = { .remote_addr = remote_address, .rkey = rkey, .compare_add = compare, .swap = swap } };

	(void)now_ns;
	if (remote_address % sizeof(*original) != 0)
		return -EINVAL;
	return post(opaque, qpn, cookie, ROCE_COMPARE_SWAP, original, sizeof(*original), &work);
}

int verbs_post_fetch_add(struct roce_device *opaque, uint32_t qpn, uint64_t cookie, uint64_t *original,
			 uint64_t remote_address, uint32_t rkey, uint64_t add, uint64_t now_ns)
{
	struct ibv_send_wr work = { .opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
				    .wr.atomic = { .remote_addr = remote_address, .rkey = rkey, .compare_add = add } };

	(void)now_ns;
	if (remote_address % sizeof(*original) != 0)
		return -EINVAL;
	return post(opaque, qpn, cookie, ROCE_FETCH_ADD, original, sizeof(*original), &work);
}
