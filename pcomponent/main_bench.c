/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The built-in benchmark: raw READs of one page, one at a time, from posting to the moment when a parked thread has seen the
 * completion. The thread parks and wakes as a vCPU does in a miss, on the processor where vCPUs run.
 */
#include <errno.h>
#include <string.h>

#include "lib/histogram.h"
#include "pcomponent/process.h"

#define READS_MAX 1000000u
#define PATIENCE_NS UINT64_C(5000000000)
#define RETRY_NS UINT64_C(10000000)

static struct thread *thread;
static struct wire_bench_read job;
static uint64_t job_token;
static bool job_wanted;				/* under the fabric lock; set until it is answered */
static enum piece_state transfer;		/* under the fabric lock */
static int transfer_status;
static uint8_t page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static struct wire_bench_result result;

int bench_start(const struct wire_bench_read *request, uint64_t token)
{
	if (job_wanted)
		return -EBUSY;
	if (request->count == 0 || request->count > READS_MAX || request->len_bytes == 0 || request->len_bytes > PAGE_BYTES ||
	    request->region.pages == 0 || request->region.pages > REGION_PAGES)
		return -EINVAL;
	job = *request;
	job_token = token;
	job_wanted = true;
	thread_wake(thread);
	return 0;
}

void bench_completed(int status)
{
	transfer_status = status;
	__atomic_store_n(&transfer, PIECE_DONE, __ATOMIC_RELEASE);
	thread_wake(thread);
}

/* Under the fabric lock. */
static int post(uint64_t number, bool write)
{
	const struct wire_vm_region *region = &job.region;
	uint64_t cookie = REGION_COOKIE_OTHER | (uint64_t)COOKIE_USER_BENCH << COOKIE_USER_SHIFT;
	uint64_t address = region->base + number % region->pages * PAGE_BYTES;
	uint32_t qpn = region_node_qpn(process.regions, region->node, region->address, now_ns());
	struct roce_device *device = fabric_device(process.fabric);

	if (!qpn)
		return -ENOTCONN;
	transfer = PIECE_POSTED;
	return write ? roce_post_write(device, qpn, cookie, page, PAGE_BYTES, address, region->rkey, now_ns()) :
		       roce_post_read(device, qpn, cookie, page, job.len_bytes, address, region->rkey, now_ns());
}

/* One transfer; its time in *latency_ns. */
static int transfer_one(uint64_t number, bool write, uint64_t *latency_ns)
{
	uint64_t begin_ns = now_ns(), posted_ns;
	int status;

	for (;;) {
		fabric_lock(process.fabric);
		posted_ns = now_ns();
		status = post(number, write);
		fabric_unlock(process.fabric);
		if (!status)
			break;
		/* the connection is being made */
		if (posted_ns - begin_ns > PATIENCE_NS)
			return status;
		thread_wait(posted_ns + RETRY_NS);
	}
	while (__atomic_load_n(&transfer, __ATOMIC_ACQUIRE) != PIECE_DONE)
		thread_wait(UINT64_MAX);
	*latency_ns = now_ns() - posted_ns;
	return transfer_status;
}

static int measure(void)
{
	uint64_t latency_ns;
	int status = 0;

	memset(&result, 0, sizeof(result));
	/* not zero, so that every page has a frame behind it */
	memset(page, 0x5a, sizeof(page));
	for (uint32_t i = 0; i < job.region.pages && !status; i++)
		status = transfer_one(i, true, &latency_ns);
	for (uint32_t i = 0; i < job.count && !status; i++) {
		status = transfer_one(i, false, &latency_ns);
		if (!status)
			histogram_add(&result.latency, latency_ns);
	}
	return status;
}

static void bench_loop(void *argument)
{
	(void)argument;
	for (;;) {
		int status;

		while (!__atomic_load_n(&job_wanted, __ATOMIC_ACQUIRE))
			thread_wait(UINT64_MAX);
		status = measure();
		fabric_lock(process.fabric);
		rpc_reply(fabric_rpc(process.fabric), job_token, status, &result, status ? 0 : sizeof(result), now_ns());
		job_wanted = false;
		fabric_unlock(process.fabric);
	}
}

void bench_create(void)
{
	thread = thread_create("bench", cpu_count() - 1, bench_loop, NULL);
}
