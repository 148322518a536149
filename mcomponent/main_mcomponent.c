/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory component's image. Command line:
 *
 *	ip=a.b.c.d/len		its address and network
 *	gmm=a.b.c.d		the manager's address
 *	gw=a.b.c.d		the gateway, when the manager is on another network
 *	name=text		how the operator calls it; by default the network card's address
 *	poll_us=n		how long an idle processor polls the network before it halts
 *	rping=on		serve rping to anybody (net/rping/service.h); off by default
 *
 * Everything happens under the fabric's lock in the network's thread; the first thread only starts it all.
 */
#include <assert.h>
#include <string.h>

#include <kernel/kernel.h>

#include "mcomponent/mcomponent.h"
#include "net/port/node.h"

#define SESSIONS_MAX 1u			/* to the manager, which calls back over it */

/* The image's state; under the fabric's lock once the network runs. */
static struct {
	struct fabric *fabric;
	struct mcomponent component;
	struct agent agent;
} memory;

/* ------------------------------------------------------------------ called under the lock */

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now)
{
	(void)context;
	agent_session_changed(&memory.agent, session, event, now);
}

static void machines_poll(void *context, uint64_t now)
{
	(void)context;
	mcomponent_poll(&memory.component, now);
	agent_poll(&memory.agent, now);
}

static uint64_t machines_deadline_ns(void *context)
{
	(void)context;
	return agent_deadline_ns(&memory.agent);
}

static void renew_fill(void *context, struct wire_node_renew *renew, uint64_t now)
{
	(void)context;
	node_renew_fill(memory.fabric, renew, now);
	mcomponent_renew(&memory.component, renew);
}

static void agent_said(void *context, enum agent_event event, int status, uint64_t now)
{
	(void)context;
	(void)now;
	if (event == AGENT_JOINED)
		mcomponent_set_rack(&memory.component, memory.agent.rack_flags);
	node_event_log(&memory.agent, event, status);
}

static size_t counters_text(void *context, char *text, size_t bytes)
{
	size_t len = 0;

	(void)context;
	node_counters_append(text, bytes, &len, "kernel_bytes", kernel_bytes_used());
	node_counters_append(text, bytes, &len, "agent_joins", memory.agent.joins);
	node_counters_append(text, bytes, &len, "agent_renewals", memory.agent.renewals);
	node_counters_append(text, bytes, &len, "agent_renewals_failed", memory.agent.renewals_failed);
	return len + fabric_counters_text(memory.fabric, text + len, bytes - len);
}

/* ------------------------------------------------------------------ start */

static void start_fabric(const struct node_options *options)
{
	struct fabric_config config = {
		.address = options->address,
		.netmask = options->netmask,
		.gateway = options->gateway,
		.rpc_types = mcomponent_rpc_types,
		.rpc_limits = { .sessions_max = SESSIONS_MAX },
		.session_changed = session_changed,
		.rpc_context = &memory.component,
		.poll = machines_poll,
		.deadline_ns = machines_deadline_ns,
	};

	/* The network takes its memory before the store takes all that is left, so it is sized for any machine. */
	mcomponent_limits(MCOMPONENT_PAGES_MAX, &config.limits);
	rpc_device_limits(&config.rpc_limits, &config.limits);
	memory.fabric = fabric_start(&config);
}

/* All remaining memory becomes frames, with their tables behind them. Returns the tables' bytes. */
static size_t start_store(void)
{
	struct mcomponent_config config = { .device = fabric_device(memory.fabric), .endpoint = fabric_rpc(memory.fabric),
					    .secure = fabric_secure(memory.fabric), .counters_text = counters_text };
	size_t run_pages, table_bytes;
	uint8_t *run = boot_take_pages(0, &run_pages);
	int status;

	config.pages = region_set_pages_for(run_pages << PAGE_SHIFT);
	if (config.pages < MCOMPONENT_PAGES_MIN)
		panic("too little memory: pages=%u needed_pages=%u", config.pages, MCOMPONENT_PAGES_MIN);
	table_bytes = region_set_table_bytes(config.pages);
	assert(table_bytes <= (size_t)config.pages * MCOMPONENT_BYTES_PER_PAGE_MAX);
	config.frames = run;
	config.tables = run + ((size_t)config.pages << PAGE_SHIFT);
	memset(config.tables, 0, table_bytes);
	status = mcomponent_init(&memory.component, &config);
	if (status != 0)
		panic("the memory service cannot start: status=%d", status);
	log_line(LOG_INFO, "event=store pages=%u table_bytes=%lu kernel_bytes=%lu", config.pages, table_bytes,
		 kernel_bytes_used());
	return table_bytes;
}

static void start_agent(const struct node_options *options, size_t table_bytes)
{
	struct agent_config config = {
		.endpoint = fabric_rpc(memory.fabric),
		.manager_address = options->manager,
		.manager_port = WIRE_PORT_RPC,
		.fill = renew_fill,
		.event = agent_said,
	};
	int status;

	node_join_fill(memory.fabric, options, WIRE_ROLE_MEMORY, &config.join);
	config.join.capacity_pages = memory.component.config.pages;
	config.join.table_bytes = table_bytes;
	fabric_lock(memory.fabric);
	status = agent_start(&memory.agent, &config, now_ns());
	fabric_unlock(memory.fabric);
	assert(status == 0);
}

void component_main(void)
{
	struct node_options options;
	size_t table_bytes;

	node_options_read(&options);
	start_fabric(&options);
	table_bytes = start_store();
	start_agent(&options, table_bytes);
	kernel_seal();
	for (;;)
		thread_wait(UINT64_MAX);
}
