/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verbs_peer: the exercise (tools/exercise_run.h) over rdma-core, for a guest with Linux's own RDMA stack: the other side of
 * plenum-exercise, with the same options. The key that a peer may end is a memory window of type 2, the only kind that
 * Linux lets a SEND with invalidate end for a program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>

#include "tools/exercise_run.h"

#define QUEUE_DEPTH 32u
#define READS_MAX 16u			/* READs and atomics under way, each way */
#define RETRIES 7u			/* rdma_rxe takes it for "for ever" */
#define BIND_COOKIE UINT64_MAX
/* rdma_rxe hands programs the kernel's own number of this flag, which is another flag's for them. */
#define WITH_INVALIDATE (IBV_WC_WITH_INV | IBV_WC_IP_CSUM_OK)

struct options {
	const char *server;		/* NULL: we are it */
	const char *port;
	uint32_t operations, receives;
	uint8_t ack_timeout;		/* 4.096 us * 2^n; 0: as librdmacm chooses */
	bool serve, witness;
	uint64_t seed;
};

static struct rdma_cm_id *id;
static struct ibv_mr *local_mr, *region_mr;
static struct ibv_mw *spare;
static struct exercise_memory memory;

static int fail(const char *what)
{
	fprintf(stderr, "verbs_peer: %s: %s\n", what, strerror(errno));
	return -1;
}

/* ---------------------------------------------------------------- Linux's stack, for the exercise */

static int post(const struct exercise_operation *operation, uint32_t slot, void *local, uint64_t address, uint32_t rkey)
{
	static const enum ibv_wr_opcode opcodes[EXERCISE_KINDS] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ, IBV_WR_SEND, IBV_WR_SEND_WITH_IMM,
		IBV_WR_SEND_WITH_INV, IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD,
	};
	struct ibv_sge piece = { (uintptr_t)local, operation->len_bytes, local_mr->lkey };
	struct ibv_send_wr work = { .wr_id = slot, .sg_list = &piece, .num_sge = 1, .opcode = opcodes[operation->kind],
				    .send_flags = IBV_SEND_SIGNALED }, *bad;

	if (operation->kind == EXERCISE_SEND_INVALIDATE)
		work.invalidate_rkey = rkey;
	else
		work.imm_data = htonl(operation->immediate);
	if (operation->kind == EXERCISE_COMPARE_SWAP || operation->kind == EXERCISE_FETCH_ADD) {
		work.wr.atomic.remote_addr = address;
		work.wr.atomic.rkey = rkey;
		work.wr.atomic.compare_add = operation->kind == EXERCISE_FETCH_ADD ? operation->operand : operation->compare;
		work.wr.atomic.swap = operation->operand;
	} else {
		work.wr.rdma.remote_addr = address;
		work.wr.rdma.rkey = rkey;
	}
	return -ibv_post_send(id->qp, &work, &bad);
}

static int post_receive(uint32_t slot, void *local, uint32_t len_bytes)
{
	struct ibv_sge piece = { (uintptr_t)local, len_bytes, local_mr->lkey };
	struct ibv_recv_wr work = { .wr_id = slot, .sg_list = &piece, .num_sge = 1 }, *bad;

	return -ibv_post_recv(id->qp, &work, &bad);
}

static void describe(const struct ibv_wc *from, struct exercise_event *event)
{
	*event = (struct exercise_event){
		.status = from->status ? -EIO : 0,
		.is_receive = from->opcode & IBV_WC_RECV,
		.slot = (uint32_t)from->wr_id,
		.written = from->opcode == IBV_WC_RECV_RDMA_WITH_IMM,
		.has_immediate = from->wc_flags & IBV_WC_WITH_IMM,
		.invalidated = from->wc_flags & WITH_INVALIDATE,
		.len_bytes = from->byte_len,
	};
	if (event->has_immediate)
		event->immediate = ntohl(from->imm_data);
	if (event->invalidated)
		event->invalidated_rkey = from->invalidated_rkey;
	if (from->status)
		fprintf(stderr, "verbs_peer: %s\n", ibv_wc_status_str(from->status));
}

static bool peer_hung_up(void)
{
	struct pollfd fd = { .fd = id->channel->fd, .events = POLLIN };
	struct rdma_cm_event *event;
	bool ended;

	if (poll(&fd, 1, 0) <= 0 || rdma_get_cm_event(id->channel, &event) != 0)
		return false;
	ended = event->event == RDMA_CM_EVENT_DISCONNECTED;
	rdma_ack_cm_event(event);
	return ended;
}

static bool completion(struct ibv_wc *wc)
{
	return ibv_poll_cq(id->recv_cq, 1, wc) > 0 || ibv_poll_cq(id->send_cq, 1, wc) > 0;
}

static int wait_event(struct exercise_event *event)
{
	time_t deadline_s = time(NULL) + EXERCISE_STEP_S;
	struct ibv_wc wc;

	for (;;) {
		/* What came before the end is there when the end is seen. */
		bool ended = peer_hung_up(), found = completion(&wc);

		if (found && wc.status != IBV_WC_WR_FLUSH_ERR) {
			describe(&wc, event);
			return 0;
		}
		if (found || ended) {
			*event = (struct exercise_event){ .ended = true };
			return 0;
		}
		if (time(NULL) > deadline_s)
			return -ETIMEDOUT;
	}
}

/* Binding is work of the queue pair, and makes a new key each time. */
static int renew_spare(uint32_t *rkey)
{
	struct ibv_send_wr work = { .wr_id = BIND_COOKIE, .opcode = IBV_WR_BIND_MW, .send_flags = IBV_SEND_SIGNALED }, *bad;
	struct ibv_wc wc;
	int status;

	work.bind_mw.mw = spare;
	work.bind_mw.rkey = ibv_inc_rkey(spare->rkey);
	work.bind_mw.bind_info = (struct ibv_mw_bind_info){ .mr = region_mr, .addr = (uintptr_t)memory.region, .length = 8,
							    .mw_access_flags = IBV_ACCESS_REMOTE_READ };
	status = -ibv_post_send(id->qp, &work, &bad);
	if (status)
		return status;
	while (ibv_poll_cq(id->send_cq, 1, &wc) == 0)
		continue;
	if (wc.status || wc.wr_id != BIND_COOKIE)
		return -EIO;
	spare->rkey = work.bind_mw.rkey;
	*rkey = spare->rkey;
	return 0;
}

static const struct exercise_stack stack = { post, post_receive, wait_event, renew_spare };

/* ---------------------------------------------------------------- the two ends */

static int register_memory(void)
{
	local_mr = ibv_reg_mr(id->pd, &memory, sizeof(memory), IBV_ACCESS_LOCAL_WRITE);
	region_mr = ibv_reg_mr(id->pd, memory.region, sizeof(memory.region), IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
			       IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND);
	spare = ibv_alloc_mw(id->pd, IBV_MW_TYPE_2);
	return local_mr && region_mr && spare ? 0 : fail("cannot register memory");
}

/* An id with its queue pair, as client or listening. */
static struct rdma_cm_id *create(const struct options *options)
{
	struct rdma_addrinfo hints = { .ai_port_space = RDMA_PS_TCP, .ai_flags = options->server ? 0 : RAI_PASSIVE }, *info;
	struct ibv_qp_init_attr attributes = { .cap = { .max_send_wr = QUEUE_DEPTH, .max_recv_wr = QUEUE_DEPTH, .max_send_sge = 1,
							.max_recv_sge = 1 }, .qp_type = IBV_QPT_RC };
	struct rdma_cm_id *created;

	if (rdma_getaddrinfo(options->server, options->port, &hints, &info) != 0 ||
	    rdma_create_ep(&created, info, NULL, &attributes) != 0)
		return NULL;
	rdma_freeaddrinfo(info);
	return created;
}

static struct rdma_conn_param parameters(const void *private_data, size_t private_len_bytes)
{
	return (struct rdma_conn_param){ .private_data = private_data, .private_data_len = (uint8_t)private_len_bytes,
					 .responder_resources = READS_MAX, .initiator_depth = READS_MAX, .retry_count = RETRIES,
					 .rnr_retry_count = RETRIES };
}

static int be_target(const struct options *options, struct exercise *exercise)
{
	struct rdma_cm_id *listener = create(options);
	struct rdma_conn_param answer = parameters(&exercise->welcome, sizeof(exercise->welcome));

	if (listener == NULL || rdma_listen(listener, 1) != 0 || rdma_get_request(listener, &id) != 0)
		return fail("cannot listen");
	memcpy(&exercise->hello, id->event->param.conn.private_data, sizeof(exercise->hello));
	if (register_memory() != 0 || exercise_prepare(exercise, options->witness ? options->receives : EXERCISE_RECEIVES) != 0)
		return -1;
	exercise->welcome.address = (uintptr_t)memory.region;
	exercise->welcome.rkey = region_mr->rkey;
	if (rdma_accept(id, &answer) != 0)
		return fail("cannot accept");
	return options->witness ? exercise_witness(exercise) : exercise_serve(exercise);
}

static int be_actor(const struct options *options, struct exercise *exercise)
{
	struct rdma_conn_param request = parameters(&exercise->hello, sizeof(exercise->hello));
	uint8_t ack_timeout = options->ack_timeout;

	exercise->hello = (struct exercise_hello){ .seed = options->seed, .operations = options->operations };
	id = create(options);
	if (id == NULL)
		return fail("cannot reach the target");
	if (ack_timeout && rdma_set_option(id, RDMA_OPTION_ID, RDMA_OPTION_ID_ACK_TIMEOUT, &ack_timeout, sizeof(ack_timeout)) != 0)
		return fail("cannot set the timeout");
	if (register_memory() != 0 || exercise_prepare(exercise, EXERCISE_RECEIVES) != 0)
		return -1;
	if (rdma_connect(id, &request) != 0)
		return fail("cannot connect");
	memcpy(&exercise->welcome, id->event->param.conn.private_data, sizeof(exercise->welcome));
	return exercise_act(exercise);
}

/* ---------------------------------------------------------------- command line */

static bool parse(struct options *options, int count, char **words)
{
	int letter;

	while ((letter = getopt(count, words, "sc:n:r:w:p:t:")) != -1) {
		switch (letter) {
		case 's': options->serve = true; break;
		case 'c': options->server = optarg; break;
		case 'n': options->operations = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'r': options->seed = strtoull(optarg, NULL, 10); break;
		case 'w':
			options->witness = true;
			options->receives = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'p': options->port = optarg; break;
		case 't': options->ack_timeout = (uint8_t)strtoul(optarg, NULL, 10); break;
		default: return false;
		}
	}
	return optind == count && options->serve != (options->server != NULL) && options->receives <= EXERCISE_RECEIVES;
}

int main(int count, char **words)
{
	static struct exercise exercise = { .stack = &stack, .memory = &memory };
	struct options options = { .port = "7475", .operations = 200, .seed = 1 };
	struct ibv_qp_attr attributes;
	struct ibv_qp_init_attr initial;
	int status;

	if (!parse(&options, count, words)) {
		fputs("usage: verbs_peer -s [-w RECEIVES] [-p PORT]\n"
		      "       verbs_peer -c TARGET [-n OPERATIONS] [-r SEED] [-p PORT] [-t TIMEOUT]\n", stderr);
		return 2;
	}
	status = options.server ? be_actor(&options, &exercise) : be_target(&options, &exercise);
	if (status == 0 && !options.witness && ibv_query_qp(id->qp, &attributes, IBV_QP_PATH_MTU, &initial) == 0)
		exercise_print(&exercise, options.server ? "actor" : "target", 128u << attributes.path_mtu);
	if (id)
		rdma_disconnect(id);
	return status == 0 ? 0 : 1;
}
