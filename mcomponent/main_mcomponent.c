/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory component's image. Command line:
 *
 *	ip=a.b.c.d/len		its address and network
 *	gmm=a.b.c.d		the manager's address
 *	gw=a.b.c.d		the gateway, when the manager is on another network
 *	name=text		how the operator calls it; by default the network card's address
 *	poll_us=n		how long an idle processor polls the network before it halts
 *
 * Everything happens under the fabric's lock in the network's thread; the first thread only starts it all.
 */
#include <assert.h>
#include <string.h>

#include <kernel/kernel.h>

#include "mcomponent/mcomponent.h"
#include "net/node/agent.h"
#include "net/port/fabric.h"

#define SESSIONS_MAX 1u			/* to the manager, which calls back over it */
#define TABLES_ALIGN_BYTES 64u

struct options {
	char name[NODE_NAME_BYTES];
	uint32_t address, netmask, gateway, manager;
};

static struct fabric *fabric;
static struct mcomponent component;
static struct agent agent;

/* ------------------------------------------------------------------ command line */

static uint32_t address_option(const char *name, const char *text, uint32_t *prefix_len)
{
	uint32_t address;

	if (parse_ipv4(text, &address, prefix_len) != 0 || address == 0)
		panic("command line: %s=%s is not an IPv4 address%s", name, text, prefix_len ? " with prefix length" : "");
	return address;
}

static void read_options(struct options *options)
{
	const char *ip = command_line_value("ip"), *manager = command_line_value("gmm");
	const char *gateway = command_line_value("gw"), *name = command_line_value("name");
	uint32_t prefix_len;

	if (ip == NULL)
		panic("command line: ip= is missing: the node's address, like ip=10.77.0.11/24");
	if (manager == NULL)
		panic("command line: gmm= is missing: the manager's address, like gmm=10.77.0.1");
	memset(options, 0, sizeof(*options));
	options->address = address_option("ip", ip, &prefix_len);
	if (prefix_len == 0 || prefix_len > 30)
		panic("command line: ip=%s needs a prefix length of 1 to 30, like ip=10.77.0.11/24", ip);
	options->netmask = UINT32_MAX << (32 - prefix_len);
	options->manager = address_option("gmm", manager, NULL);
	if (gateway != NULL)
		options->gateway = address_option("gw", gateway, NULL);
	else if (((options->address ^ options->manager) & options->netmask) != 0)
		panic("command line: gmm=%s is not on the network of ip=%s, and gw= is missing", manager, ip);
	if (options->address == options->manager)
		panic("command line: ip=%s and gmm=%s are the same machine", ip, manager);
	if (name != NULL && (name[0] == '\0' || strlen(name) >= sizeof(options->name)))
		panic("command line: name=%s must have 1 to %u characters", name, (unsigned)sizeof(options->name) - 1);
	if (name != NULL)
		memcpy(options->name, name, strlen(name));
}

/* ------------------------------------------------------------------ called under the lock */

static void session_changed(void *context, uint32_t session, enum rpc_session_event event, uint64_t now)
{
	(void)context;
	agent_session_changed(&agent, session, event, now);
}

static void machines_poll(void *context, uint64_t now)
{
	(void)context;
	mcomponent_poll(&component, now);
	agent_poll(&agent, now);
}

static uint64_t machines_deadline_ns(void *context)
{
	(void)context;
	return agent_deadline_ns(&agent);
}

static void renew_fill(void *context, struct wire_node_renew *renew, uint64_t now)
{
	const struct roce_counters *roce = roce_counters(fabric_device(fabric));
	uint64_t idle = 0;

	(void)context;
	mcomponent_renew(&component, renew);
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		idle += idle_ns(cpu);
	renew->uptime_us = now / 1000;
	renew->busy_ns = now * cpu_count() > idle ? now * cpu_count() - idle : 0;
	renew->packets_received = roce->packets_received;
	renew->packets_sent = roce->packets_sent;
	renew->packets_refused = roce->drop_short + roce->drop_icrc + roce->drop_opcode + roce->drop_version +
				 roce->drop_pkey + roce->drop_unknown_qp + roce->drop_wrong_peer + roce->drop_state +
				 roce->drop_length + roce->drop_management + roce->naks_access_sent +
				 roce->naks_invalid_sent + roce->naks_operational_sent;
	renew->retransmits = roce->retransmits;
}

static void agent_said(void *context, enum agent_event event, int status, uint64_t now)
{
	(void)context;
	(void)now;
	switch (event) {
	case AGENT_MANAGER_UP:
		log_line(LOG_INFO, "event=manager_up");
		break;
	case AGENT_MANAGER_DOWN:
		log_line(LOG_WARNING, "event=manager_down");
		break;
	case AGENT_JOINED:
		log_line(LOG_INFO, "event=joined node=%u entry_to_join_us=%lu lease_ms=%u", agent.node, agent.joined_at_us,
			 agent.lease_ms);
		break;
	case AGENT_REFUSED:
		log_line(LOG_ERROR, "event=join_refused status=%d", status);
		break;
	case AGENT_FORGOTTEN:
		log_line(LOG_WARNING, "event=forgotten status=%d", status);
		break;
	}
}

static size_t counters_text(void *context, char *text, size_t bytes)
{
	size_t len = 0;

	(void)context;
	node_counters_append(text, bytes, &len, "kernel_bytes", kernel_bytes_used());
	node_counters_append(text, bytes, &len, "agent_joins", agent.joins);
	node_counters_append(text, bytes, &len, "agent_renewals", agent.renewals);
	node_counters_append(text, bytes, &len, "agent_renewals_failed", agent.renewals_failed);
	return len + fabric_counters_text(fabric, text + len, bytes - len);
}

/* ------------------------------------------------------------------ start */

static void start_fabric(const struct options *options)
{
	struct fabric_config config = {
		.address = options->address,
		.netmask = options->netmask,
		.gateway = options->gateway,
		.rpc_types = mcomponent_rpc_types,
		.rpc_sessions_max = SESSIONS_MAX,
		.session_changed = session_changed,
		.rpc_context = &component,
		.poll = machines_poll,
		.deadline_ns = machines_deadline_ns,
	};

	/* The network takes its memory before the store takes all that is left, so it is sized for any machine. */
	mcomponent_limits(MCOMPONENT_PAGES_MAX, &config.limits);
	rpc_device_limits(SESSIONS_MAX, &config.limits);
	fabric = fabric_start(&config);
}

/* All remaining memory becomes frames, with their tables behind them. Returns the tables' bytes. */
static size_t start_store(void)
{
	struct mcomponent_config config = { .device = fabric_device(fabric), .endpoint = fabric_rpc(fabric),
					    .counters_text = counters_text };
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
	status = mcomponent_init(&component, &config);
	if (status != 0)
		panic("the memory service cannot start: status=%d", status);
	log_line(LOG_INFO, "event=store pages=%u table_bytes=%lu kernel_bytes=%lu", config.pages, table_bytes,
		 kernel_bytes_used());
	return table_bytes;
}

static void start_agent(const struct options *options, size_t table_bytes)
{
	struct agent_config config = {
		.endpoint = fabric_rpc(fabric),
		.manager_address = options->manager,
		.manager_port = WIRE_PORT_RPC,
		.join = {
			.role = WIRE_ROLE_MEMORY,
			.page_bytes = PAGE_BYTES,
			.incarnation = rpc_incarnation(fabric_rpc(fabric)),
			.capacity_pages = component.config.pages,
			.kernel_bytes = kernel_bytes_used(),
			.table_bytes = table_bytes,
			.cpus = cpu_count(),
			.region_shift = REGION_SHIFT,
		},
		.fill = renew_fill,
		.event = agent_said,
	};
	const uint8_t *mac = fabric_mac(fabric);
	int status;

	memcpy(config.join.mac, mac, 6);
	memcpy(config.join.name, options->name, sizeof(config.join.name));
	if (options->name[0] == '\0')
		snprintf(config.join.name, sizeof(config.join.name), "m-%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2],
			 mac[3], mac[4], mac[5]);
	snprintf(config.join.build_id, sizeof(config.join.build_id), "%s", kernel_build_id);
	fabric_lock(fabric);
	status = agent_start(&agent, &config, now_ns());
	fabric_unlock(fabric);
	assert(status == 0);
}

void component_main(void)
{
	struct options options;
	size_t table_bytes;

	read_options(&options);
	start_fabric(&options);
	table_bytes = start_store();
	start_agent(&options, table_bytes);
	kernel_seal();
	for (;;)
		thread_wait(UINT64_MAX);
}
