/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The built-in benchmark: raw READs from a memory component, in one of two ways.
 *
 * One at a time: from posting to the moment when a parked thread has seen the completion. The thread parks and wakes as a
 * vCPU does in a miss, on the processor where vCPUs run.
 *
 * Several under way: each completion posts the next READ at once, under the fabric lock where it is found, and each READ
 * takes from its posting to its completion. The thread wakes when the last is done.
 */
#include <errno.h>
#include <string.h>

#include "lib/histogram.h"
#include "pcomponent/process.h"

#define PATIENCE_NS UINT64_C(5000000000)
#define RETRY_NS UINT64_C(10000000)

static struct process_bench *const bench = &process.bench;

int bench_start(const struct wire_bench_read *request, uint64_t token)
{
	if (bench->job_wanted)
		return -EBUSY;
	if (request->count == 0 || request->count > WIRE_BENCH_READS_MAX || request->len_bytes == 0 ||
	    request->len_bytes > PAGE_BYTES || request->outstanding == 0 || request->outstanding > WIRE_BENCH_OUTSTANDING_MAX ||
	    request->region.pages == 0 || request->region.pages > REGION_PAGES)
		return -EINVAL;
	bench->job = *request;
	bench->job_token = token;
	bench->job_wanted = true;
	thread_wake(bench->thread);
	return 0;
}

/* ------------------------------------------------------------------ under the fabric lock */

/* The next transfer into or out of a place that has none. */
static int post(uint32_t place, bool write)
{
	const struct wire_vm_region *region = &bench->job.region;
	struct bench_place *with = &bench->places[place];
	uint64_t cookie = REGION_COOKIE_OTHER | (uint64_t)COOKIE_USER_BENCH << COOKIE_USER_SHIFT | place;
	uint64_t address = region->base + bench->posted % region->pages * PAGE_BYTES;
	uint32_t qpn = region_node_qpn(process.regions, region->node, region->address, now_ns());
	struct roce_device *device = fabric_device(process.fabric);
	int status;

	if (!qpn)
		return -ENOTCONN;
	with->posted_ns = now_ns();
	status = write ? roce_post_write(device, qpn, cookie, with->page, PAGE_BYTES, address, region->rkey, with->posted_ns) :
			 roce_post_read(device, qpn, cookie, with->page, bench->job.len_bytes, address, region->rkey,
					with->posted_ns);
	if (!status) {
		bench->posted++;
		bench->under_way++;
	}
	return status;
}

static void stream_next(uint32_t place)
{
	if (!bench->status && bench->posted < bench->job.count)
		bench->status = post(place, false);
}

void bench_completed(uint32_t place, int status)
{
	uint64_t latency_ns = now_ns() - bench->places[place].posted_ns;
	uint32_t under_way = bench->under_way - 1;

	if (status && !bench->status)
		bench->status = status;
	if (bench->streaming) {
		if (!status)
			histogram_add(&bench->result.latency, latency_ns);
		bench->under_way = under_way;
		stream_next(place);
		under_way = bench->under_way;
		bench->streaming = under_way > 0;
	}
	__atomic_store_n(&bench->under_way, under_way, __ATOMIC_RELEASE);
	if (!under_way)
		thread_wake(bench->thread);
}

/* ------------------------------------------------------------------ the thread */

static void wait_for_all(void)
{
	while (__atomic_load_n(&bench->under_way, __ATOMIC_ACQUIRE))
		thread_wait(UINT64_MAX);
}

/* One transfer; its time in *latency_ns. */
static int transfer_one(bool write, uint64_t *latency_ns)
{
	uint64_t begin_ns = now_ns();
	int status;

	for (;;) {
		fabric_lock(process.fabric);
		status = post(0, write);
		fabric_unlock(process.fabric);
		if (!status)
			break;
		/* the connection is being made */
		if (now_ns() - begin_ns > PATIENCE_NS)
			return status;
		thread_wait(now_ns() + RETRY_NS);
	}
	wait_for_all();
	*latency_ns = now_ns() - bench->places[0].posted_ns;
	return bench->status;
}

/* So that every page has a frame behind it. */
static int write_pages(void)
{
	uint64_t latency_ns;
	int status = 0;

	memset(bench->places[0].page, 0x5a, PAGE_BYTES);
	for (uint32_t i = 0; i < bench->job.region.pages && !status; i++)
		status = transfer_one(true, &latency_ns);
	return status;
}

static int read_one_by_one(void)
{
	uint64_t latency_ns;
	int status = 0;

	for (uint32_t i = 0; i < bench->job.count && !status; i++) {
		status = transfer_one(false, &latency_ns);
		if (!status)
			histogram_add(&bench->result.latency, latency_ns);
	}
	return status;
}

static int read_many(void)
{
	fabric_lock(process.fabric);
	bench->posted = 0;
	bench->streaming = true;
	for (uint32_t place = 0; place < bench->job.outstanding; place++)
		stream_next(place);
	fabric_unlock(process.fabric);
	wait_for_all();
	return bench->status;
}

static int measure(void)
{
	uint64_t begin_ns;
	int status;

	memset(&bench->result, 0, sizeof(bench->result));
	bench->posted = 0;
	bench->streaming = false;
	bench->status = 0;
	status = write_pages();
	if (status)
		return status;
	begin_ns = now_ns();
	status = bench->job.outstanding == 1 ? read_one_by_one() : read_many();
	bench->result.elapsed_ns = now_ns() - begin_ns;
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
