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

static struct process_bench *const bench = &process.bench;

int bench_start(const struct wire_bench_read *request, uint64_t token)
{
	if (bench->job_wanted)
		return -EBUSY;
	if (request->count == 0 || request->count > READS_MAX || request->len_bytes == 0 || request->len_bytes > PAGE_BYTES ||
	    request->region.pages == 0 || request->region.pages > REGION_PAGES)
		return -EINVAL;
	bench->job = *request;
	bench->job_token = token;
	bench->job_wanted = true;
	thread_wake(bench->thread);
	return 0;
}

void bench_completed(int status)
{
	bench->transfer_status = status;
	__atomic_store_n(&bench->transfer, PIECE_DONE, __ATOMIC_RELEASE);
	thread_wake(bench->thread);
}

/* Under the fabric lock. */
static int post(uint64_t number, bool write)
{
	const struct wire_vm_region *region = &bench->job.region;
	uint64_t cookie = REGION_COOKIE_OTHER | (uint64_t)COOKIE_USER_BENCH << COOKIE_USER_SHIFT;
	uint64_t address = region->base + number % region->pages * PAGE_BYTES;
	uint32_t qpn = region_node_qpn(process.regions, region->node, region->address, now_ns());
	struct roce_device *device = fabric_device(process.fabric);

	if (!qpn)
		return -ENOTCONN;
	bench->transfer = PIECE_POSTED;
	return write ? roce_post_write(device, qpn, cookie, bench->page, PAGE_BYTES, address, region->rkey, now_ns()) :
		       roce_post_read(device, qpn, cookie, bench->page, bench->job.len_bytes, address, region->rkey,
				      now_ns());
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
	while (__atomic_load_n(&bench->transfer, __ATOMIC_ACQUIRE) != PIECE_DONE)
		thread_wait(UINT64_MAX);
	*latency_ns = now_ns() - posted_ns;
	return bench->transfer_status;
}

static int measure(void)
{
	uint64_t latency_ns;
	int status = 0;

	memset(&bench->result, 0, sizeof(bench->result));
	/* not zero, so that every page has a frame behind it */
	memset(bench->page, 0x5a, sizeof(bench->page));
	for (uint32_t i = 0; i < bench->job.region.pages && !status; i++)
		status = transfer_one(i, true, &latency_ns);
	for (uint32_t i = 0; i < bench->job.count && !status; i++) {
		status = transfer_one(i, false, &latency_ns);
		if (!status)
			histogram_add(&bench->result.latency, latency_ns);
	}
	return status;
}

static void bench_loop(void *argument)
{
	(void)argument;
	for (;;) {
		int status;

		while (!__atomic_load_n(&bench->job_wanted, __ATOMIC_ACQUIRE))
			thread_wait(UINT64_MAX);
		status = measure();
		fabric_lock(process.fabric);
		rpc_reply(fabric_rpc(process.fabric), bench->job_token, status, &bench->result,
			  status ? 0 : sizeof(bench->result), now_ns());
		bench->job_wanted = false;
		fabric_unlock(process.fabric);
	}
}

void bench_create(void)
{
	bench->thread = thread_create("bench", cpu_count() - 1, bench_loop, NULL);
}
