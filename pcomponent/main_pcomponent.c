/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process component: start. Command line:
 *
 *	[name=NAME] ip=A.B.C.D/LEN gmm=A.B.C.D [gw=A.B.C.D] [cache=BYTES] [nptpages=N] [rping=on]
 *
 * `cache` limits the cache (all memory that is left, otherwise). `nptpages` limits the nested tables: 514 pages a GiB of all
 * guests' memory together.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/process.h"

#define NPT_PAGES_DEFAULT 2112u			/* 4 GiB of guests */
#define NPT_PAGE_COVERS 512u			/* guest pages per table page, at the least */
#define REQUESTS_MAX 256u			/* page READs and WRITEs under way or queued */
#define SEND_DEPTH 64u
#define CLIENT_EVENTS 1024u
#define GIVE_UP_NS UINT64_C(10000000000)	/* a memory component silent for this long: its VMs pause */
#define SESSIONS_MAX 4u				/* the manager's, and its next incarnation's */
#define KEEP_BYTES (2u << 20)			/* for what is allocated after the lines: thread stacks excluded */

struct process process;

struct process_vm *process_vm_find(uint64_t id)
{
	for (uint32_t slot = 0; id && slot < SLOTS; slot++)
		if (process.vm[slot].id == id)
			return &process.vm[slot];
	return NULL;
}

/* ------------------------------------------------------------------ what the portable parts call */

static void environment_lock(void *context)
{
	(void)context;
	fabric_lock(process.fabric);
}

static void environment_unlock(void *context)
{
	(void)context;
	sweeper_wake_if_wanted();
	fabric_unlock(process.fabric);
}

static void environment_lock_vm(void *context, uint32_t slot)
{
	(void)context;
	spin_lock(&process.vm[slot].lock);
}

static void environment_unlock_vm(void *context, uint32_t slot)
{
	(void)context;
	spin_unlock(&process.vm[slot].lock);
}

static uint64_t environment_now_ns(void *context)
{
	(void)context;
	return now_ns();
}

static uint64_t environment_tsc(void *context)
{
	(void)context;
	return __builtin_ia32_rdtsc();
}

static bool environment_yield_wanted(void *context)
{
	(void)context;
	return vcpu_yield_wanted();
}

static void environment_kick(void *context, uint32_t slot, uint32_t vcpu)
{
	struct process_vm *vm = process_vm(slot);

	(void)context;
	thread_wake(vm->vcpu_thread[vcpu]);
	/* on this processor the guest is out of it already: we run */
	if (vm->vcpu_cpu[vcpu] != cpu_this())
		cpu_kick(vm->vcpu_cpu[vcpu]);
}

static void environment_changed(void *context, uint32_t slot)
{
	(void)context;
	report_changed(slot);
	thread_wake(process.vm[slot].keeper);
}

static void wake(void *context, struct cache_waiter *waiter)
{
	if (!keeper_wake(waiter))
		process.shim.wake(context, waiter);
}

/* Who asks the manager for a place is the reporter. */
static void place_wanted(void *context, uint32_t slot)
{
	(void)context;
	(void)slot;
	thread_wake(process.reporter);
}

/* A VM that was paused for want of a place may go on. */
static void placed(void *context, uint32_t slot, uint64_t now)
{
	cache_region_placed(context, slot, now);
	thread_wake(process_vm(slot)->keeper);
}

static void other_completed(void *context, const struct roce_event *event, uint64_t now)
{
	uint64_t cookie = event->cookie & ~REGION_COOKIE_OTHER;
	uint32_t user = (uint32_t)(cookie >> COOKIE_USER_SHIFT);

	(void)context;
	(void)now;
	if (user == COOKIE_USER_BENCH)
		bench_completed((uint32_t)cookie, event->status);
	else
		load_piece_completed(user, (uint32_t)cookie, event->status);
}

static void poll(void *context, uint64_t now)
{
	(void)context;
	region_poll(process.regions, now);
	rack_keys_watch(&process.keys, fabric_secure(process.fabric), fabric_rpc(process.fabric), NULL, now);
	cache_poll(process.cache, now);
	agent_poll(&process.agent, now);
	sweeper_wake_if_wanted();
}

static uint64_t earlier(uint64_t first_ns, uint64_t second_ns)
{
	return first_ns < second_ns ? first_ns : second_ns;
}

static uint64_t deadline_ns(void *context)
{
	(void)context;
	return earlier(region_deadline_ns(process.regions),
		       earlier(cache_deadline_ns(process.cache), agent_deadline_ns(&process.agent)));
}

/* ------------------------------------------------------------------ membership */

static void agent_event(void *context, enum agent_event event, int status, uint64_t now)
{
	(void)context;
	(void)now;
	if (event == AGENT_JOINED) {
		region_set_packet_macs(process.regions, process.agent.rack_flags & WIRE_RACK_PACKET_MACS);
		region_set_node(process.regions, process.agent.node);
	}
	node_event_log(&process.agent, event, status);
}

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now)
{
	(void)context;
	agent_session_changed(&process.agent, session, event, now);
}

static void join_rack(const struct node_options *options)
{
	struct agent_config config = { .endpoint = fabric_rpc(process.fabric), .manager_address = options->manager,
				       .manager_port = WIRE_PORT_RPC, .fill = renew_fill, .event = agent_event };
	int status;

	node_join_fill(process.fabric, options, WIRE_ROLE_PROCESS, &config.join);
	config.join.capacity_pages = process.lines_count;
	config.join.table_bytes = process.cache_table_bytes;
	fabric_lock(process.fabric);
	status = agent_start(&process.agent, &config, now_ns());
	fabric_unlock(process.fabric);
	if (status)
		panic("cannot open a session to the manager: %d", status);
}

/* ------------------------------------------------------------------ start */

static void start_network(const struct node_options *options)
{
	struct fabric_config config = {
		.address = options->address, .netmask = options->netmask, .gateway = options->gateway,
		.rpc_types = process_rpc_types, .rpc_limits = { .sessions_max = SESSIONS_MAX }, .session_changed = session_changed,
		.poll = poll, .deadline_ns = deadline_ns,
	};

	process.manager_address = options->manager;
	config.limits = (struct roce_limits){
		.queue_pairs_max = 2 * NODES_MAX, .connections_max = 2 * NODES_MAX, .queues_max = 1,
		.queue_events_max = CLIENT_EVENTS, .send_depth_max = SEND_DEPTH, .receive_depth_max = 1,
	};
	rpc_device_limits(&config.rpc_limits, &config.limits);
	process.fabric = fabric_start(&config);
}

static void start_shim(void)
{
	uint32_t pages = (uint32_t)command_line_number("nptpages", NPT_PAGES_DEFAULT);
	struct hv_config config = {
		.npt_pool = &process.npt_pool, .cache = process.cache, .tsc_khz = tsc_khz(), .boot_time_s = boot_time_s(),
		.environment = {
			.lock = environment_lock, .unlock = environment_unlock, .lock_vm = environment_lock_vm,
			.unlock_vm = environment_unlock_vm, .now_ns = environment_now_ns, .tsc = environment_tsc,
			.yield_wanted = environment_yield_wanted, .kick = environment_kick,
			.changed = environment_changed, .random = random_bytes,
		},
	};
	char reason[WIRE_REASON_BYTES];

	if (pages == 0)
		panic("command line: nptpages=0 leaves no room for a guest");
	npt_pool_init(&process.npt_pool, boot_alloc(npt_pool_bytes(pages), PAGE_BYTES), pages, physical_of, pointer_of);
	process.hv = hv_create(boot_alloc(hv_bytes(), PAGE_BYTES), &config, reason, sizeof(reason));
	if (!process.hv)
		panic("this processor cannot run guests: %s", reason);
}

static void start_regions(void)
{
	struct region_config config = {
		.device = fabric_device(process.fabric), .secure = fabric_secure(process.fabric),
		.incarnation = rpc_incarnation(fabric_rpc(process.fabric)),
		.vms_max = SLOTS, .requests_max = REQUESTS_MAX,
		.pages_written_max = (uint64_t)process.npt_pool.pages_count * NPT_PAGE_COVERS, .give_up_ns = GIVE_UP_NS,
		.moves_max = SLOTS < REGION_MOVES_PER_NODE_MAX ? SLOTS : REGION_MOVES_PER_NODE_MAX,
		.done = cache_region_done, .placed = placed, .context = process.cache, .wanted = place_wanted,
		.other = other_completed,
	};

	process.regions = region_client_create(boot_alloc(region_client_bytes(&config), 64), &config, now_ns());
	if (!process.regions)
		panic("the region client's limits are not valid");
	cache_attach(process.cache, process.regions);
}

static uint32_t lines_for(size_t pages, size_t bytes_max, struct cache_config *config)
{
	size_t total = pages * PAGE_BYTES;

	config->lines_count = (uint32_t)(pages < UINT32_MAX ? pages : UINT32_MAX);
	if (config->lines_count > bytes_max / PAGE_BYTES)
		config->lines_count = (uint32_t)(bytes_max / PAGE_BYTES);
	config->lines_count -= config->lines_count % config->ways;
	while (config->lines_count && (uint64_t)config->lines_count * PAGE_BYTES + cache_bytes(config) > total)
		config->lines_count -= config->ways;
	return config->lines_count;
}

/* All memory that is left becomes lines, with the cache's own tables behind them. The last thing to be allocated. */
static void start_cache(void)
{
	struct cache_config config = { .ways = CONFIG_CACHE_WAYS, .vms_max = SLOTS };
	uint64_t limit = command_line_number("cache", UINT64_MAX);
	size_t pages;
	uint8_t *memory = boot_take_pages(KEEP_BYTES, &pages);

	if (!lines_for(pages, limit, &config))
		panic("no memory for the cache: %zu pages are left, limit %lu bytes", pages, limit);
	config.lines = memory;
	random_bytes(NULL, &config.hash_key, sizeof(config.hash_key));
	hv_cache_environment(process.hv, &process.shim);
	config.environment = process.shim;
	config.environment.wake = wake;
	process.lines_count = config.lines_count;
	process.cache_table_bytes = cache_bytes(&config);
	process.cache = cache_create(memory + (size_t)config.lines_count * PAGE_BYTES, &config);
	hv_set_cache(process.hv, process.cache);
	log_line(LOG_INFO, "event=cache lines=%u ways=%u table_bytes=%zu kernel_bytes=%zu", config.lines_count, config.ways,
		 process.cache_table_bytes, kernel_bytes_used());
}

void component_main(void)
{
	struct node_options options;

	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		process.vm[slot].slot = slot;
		process.vm[slot].lock.name = "vm";
	}
	process.counters.fill = counters_fill;
	node_options_read(&options);
	start_network(&options);
	start_shim();
	keepers_create();
	reporter_create();
	bench_create();
	vcpu_threads_create();
	sweeper_create();
	start_cache();
	start_regions();
	kernel_seal();
	join_rack(&options);
	for (;;)
		thread_wait(UINT64_MAX);
}
