// SPDX-License-Identifier: GPL-2.0-only
/* The core's tables as metrics. A family's samples stand together, so each family goes once through its table. */
#include <stdio.h>

#include "gmm/daemon/metrics.h"

enum unit { UNIT_COUNT, UNIT_PAGES, UNIT_MICROSECONDS, UNIT_NANOSECONDS };

static void put_in_unit(struct metrics *metrics, const struct metrics_label *labels, enum unit unit, uint64_t value)
{
	switch (unit) {
	case UNIT_COUNT: metrics_count(metrics, labels, value); break;
	case UNIT_PAGES: metrics_count(metrics, labels, value * PAGE_BYTES); break;
	case UNIT_MICROSECONDS: metrics_time(metrics, labels, value * 1000); break;
	case UNIT_NANOSECONDS: metrics_time(metrics, labels, value); break;
	}
}

/* ---------------------------------------------------------------- nodes */

/* A number of a node that has joined this manager. */
struct node_family {
	const char *name;
	enum metrics_type type;
	enum unit unit;
	uint32_t role;			/* 0: of both */
	uint64_t (*value)(const struct gmm_node *node);
	const char *help;
};

#define NODE_VALUE(name, expression) \
	static uint64_t node_##name(const struct gmm_node *node) { return (expression); }
NODE_VALUE(capacity, node->join.capacity_pages)
NODE_VALUE(reserved, node->pages_reserved + node->pages_foreign)
NODE_VALUE(foreign, node->pages_foreign)
NODE_VALUE(given, node->lines_given)
NODE_VALUE(stored, node->renew.pages_stored)
NODE_VALUE(written, node->renew.pages_written)
NODE_VALUE(regions, node->regions)
NODE_VALUE(vms, node->vms)
NODE_VALUE(reads, node->renew.reads)
NODE_VALUE(writes, node->renew.writes)
NODE_VALUE(uptime, node->renew.uptime_us)
NODE_VALUE(boot, node->join.entry_to_join_us)
NODE_VALUE(kernel, node->join.kernel_bytes)
NODE_VALUE(tables, node->join.table_bytes)
NODE_VALUE(received, node->renew.packets_received)
NODE_VALUE(sent, node->renew.packets_sent)
NODE_VALUE(refused, node->renew.packets_refused)
NODE_VALUE(retransmits, node->renew.retransmits)
NODE_VALUE(busy, node->renew.busy_ns)

static const struct node_family node_families[] = {
	{ "plenum_node_memory_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_MEMORY, node_capacity, "Memory that a memory component lends." },
	{ "plenum_node_memory_reserved_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_MEMORY, node_reserved, "Of it, promised to regions." },
	{ "plenum_node_memory_foreign_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_MEMORY, node_foreign,
		"Of that, for regions that this manager does not know." },
	{ "plenum_node_memory_stored_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_MEMORY, node_stored, "Pages that take a frame." },
	{ "plenum_node_memory_written_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_MEMORY, node_written, "Pages that were written, zero ones too." },
	{ "plenum_node_regions", METRICS_GAUGE, UNIT_COUNT, WIRE_ROLE_MEMORY, node_regions, "Regions on a memory component." },
	{ "plenum_node_cache_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_PROCESS, node_capacity, "Cache of a process component." },
	{ "plenum_node_cache_given_bytes", METRICS_GAUGE, UNIT_PAGES, WIRE_ROLE_PROCESS, node_given, "Of it, given to VMs." },
	{ "plenum_node_vms", METRICS_GAUGE, UNIT_COUNT, WIRE_ROLE_PROCESS, node_vms, "VMs on a process component." },
	{ "plenum_node_reads_total", METRICS_COUNTER, UNIT_COUNT, 0, node_reads, "READs served, or fills of a cache." },
	{ "plenum_node_writes_total", METRICS_COUNTER, UNIT_COUNT, 0, node_writes, "WRITEs served, or write-backs of a cache." },
	{ "plenum_node_uptime_seconds", METRICS_GAUGE, UNIT_MICROSECONDS, 0, node_uptime, "Since the node started." },
	{ "plenum_node_boot_seconds", METRICS_GAUGE, UNIT_MICROSECONDS, 0, node_boot, "From the image's first instruction to the join." },
	{ "plenum_node_kernel_bytes", METRICS_GAUGE, UNIT_COUNT, 0, node_kernel, "Kernel with its fixed tables." },
	{ "plenum_node_table_bytes", METRICS_GAUGE, UNIT_COUNT, 0, node_tables, "Tables that grow with frames or lines." },
	{ "plenum_node_packets_received_total", METRICS_COUNTER, UNIT_COUNT, 0, node_received, "Packets of the transport received." },
	{ "plenum_node_packets_sent_total", METRICS_COUNTER, UNIT_COUNT, 0, node_sent, "Packets of the transport sent." },
	{ "plenum_node_packets_refused_total", METRICS_COUNTER, UNIT_COUNT, 0, node_refused, "Packets refused; gmm node refusals says why." },
	{ "plenum_node_retransmits_total", METRICS_COUNTER, UNIT_COUNT, 0, node_retransmits, "Packets sent again." },
	{ "plenum_node_busy_seconds_total", METRICS_COUNTER, UNIT_NANOSECONDS, 0, node_busy, "Processor time that was not idle." },
};

static void put_lives(struct metrics *metrics, const struct gmm_core *core)
{
	uint32_t counts[GMM_LIFE_STATES] = { 0 };

	for (uint32_t i = 0; i < core->node_count; i++)
		counts[core->nodes[i].life]++;
	for (uint32_t i = 0; i < GMM_MACHINES_MAX; i++)
		counts[core->machines[i].life]++;
	metrics_family(metrics, "plenum_nodes", METRICS_GAUGE, "Nodes, and machines that are none yet, by state of life.");
	for (enum gmm_life life = GMM_LIFE_DISCOVERED; life < GMM_LIFE_STATES; life++)
		metrics_count(metrics, (struct metrics_label[]){ { "state", gmm_life_name(life) }, { 0 } }, counts[life]);
}

static void put_nodes(struct metrics *metrics, const struct gmm_core *core, uint64_t now_ns)
{
	char address[16];

	metrics_family(metrics, "plenum_node_info", METRICS_GAUGE, "Nodes of the configuration.");
	for (uint32_t i = 0; i < core->node_count; i++) {
		const struct gmm_node *node = &core->nodes[i];
		const struct metrics_label labels[] = { { "node", node->name }, { "role", gmm_role_name(node->role) }, { "ip", address },
							{ "build", node->join.build_id }, { 0 } };

		if (node->life == GMM_LIFE_FORGOTTEN)
			continue;
		snprintf(address, sizeof(address), "%u.%u.%u.%u", node->address >> 24, node->address >> 16 & 255, node->address >> 8 & 255,
			 node->address & 255);
		metrics_count(metrics, labels, 1);
	}
	metrics_family(metrics, "plenum_node_up", METRICS_GAUGE, "1: it has joined and its lease runs.");
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].life != GMM_LIFE_FORGOTTEN)
			metrics_count(metrics, (struct metrics_label[]){ { "node", core->nodes[i].name }, { 0 } }, core->nodes[i].state == GMM_NODE_UP);
	metrics_family(metrics, "plenum_node_silent_seconds", METRICS_GAUGE, "Since its last sign of life.");
	for (uint32_t i = 0; i < core->node_count; i++)
		if (core->nodes[i].joined_ns)
			metrics_time(metrics, (struct metrics_label[]){ { "node", core->nodes[i].name }, { 0 } }, now_ns - core->nodes[i].renewed_ns);
	for (size_t f = 0; f < sizeof(node_families) / sizeof(node_families[0]); f++) {
		const struct node_family *family = &node_families[f];

		metrics_family(metrics, family->name, family->type, family->help);
		for (uint32_t i = 0; i < core->node_count; i++) {
			const struct gmm_node *node = &core->nodes[i];

			if (node->joined_ns && (!family->role || family->role == node->role))
				put_in_unit(metrics, (struct metrics_label[]){ { "node", node->name }, { 0 } }, family->unit, family->value(node));
		}
	}
}

/* ---------------------------------------------------------------- VMs */

struct vm_family {
	const char *name;
	enum metrics_type type;
	enum unit unit;
	bool counted;			/* of its component, which may not have said it yet */
	uint64_t (*value)(const struct gmm_vm *vm);
	const char *help;
};

static uint64_t vm_memory(const struct gmm_vm *vm) { return vm->spec.memory_bytes; }
static uint64_t vm_cache(const struct gmm_vm *vm) { return vm->spec.cache_bytes; }
static uint64_t vm_vcpus(const struct gmm_vm *vm) { return vm->spec.vcpus; }
static uint64_t vm_run(const struct gmm_vm *vm) { return vm->counters.run_ns; }
#define VM_VALUE(name) static uint64_t vm_##name(const struct gmm_vm *vm) { return vm->counters.name; }
WIRE_VM_COUNTERS(VM_VALUE)

#define VM_EVENTS(name, help) { "plenum_vm_" #name "_total", METRICS_COUNTER, UNIT_COUNT, true, vm_##name, help }
static const struct vm_family vm_families[] = {
	{ "plenum_vm_memory_bytes", METRICS_GAUGE, UNIT_COUNT, false, vm_memory, "Guest memory." },
	{ "plenum_vm_cache_bytes", METRICS_GAUGE, UNIT_COUNT, false, vm_cache, "Its share of its process component's cache." },
	{ "plenum_vm_vcpus", METRICS_GAUGE, UNIT_COUNT, false, vm_vcpus, "Virtual processors." },
	{ "plenum_vm_run_seconds_total", METRICS_COUNTER, UNIT_NANOSECONDS, true, vm_run, "Time in the guest." },
	{ "plenum_vm_cache_used_bytes", METRICS_GAUGE, UNIT_PAGES, true, vm_lines_used, "Lines of the share that hold a page." },
	{ "plenum_vm_cache_dirty_bytes", METRICS_GAUGE, UNIT_PAGES, true, vm_lines_dirty, "Lines that are to be written back." },
	VM_EVENTS(touches, "Touches that asked the cache; the hit ratio is hits by touches."),
	VM_EVENTS(hits, "Touches that found their page in the cache."),
	VM_EVENTS(joins, "Touches that joined a fill under way."),
	VM_EVENTS(zero_fills, "Pages that were never written, zeroed without a message."),
	VM_EVENTS(fills, "Misses that fetched a page."),
	VM_EVENTS(fill_errors, "Fills that failed."),
	VM_EVENTS(write_backs, "Pages written back."),
	VM_EVENTS(write_back_errors, "Write-backs that failed."),
	VM_EVENTS(clean_drops, "Clean pages dropped from the cache."),
	VM_EVENTS(rescues, "Pages touched again while they were on their way out."),
	VM_EVENTS(set_full_waits, "Touches that waited for a way of their set."),
	VM_EVENTS(shootdowns, "Shootdowns of mappings."),
	VM_EVENTS(exits, "Exits of the guest."),
	VM_EVENTS(interrupts_injected, "Interrupts given to the guest."),
	VM_EVENTS(resets, "Times that the guest was reset."),
};

static const struct gmm_vm *next_vm(const struct gmm_core *core, uint32_t *at)
{
	while (*at < GMM_VMS_MAX)
		if (core->vms[(*at)++].phase != GMM_VM_FREE)
			return &core->vms[*at - 1];
	return NULL;
}

static void put_vm_states(struct metrics *metrics, struct gmm_core *core)
{
	const struct gmm_vm *vm;

	metrics_family(metrics, "plenum_vm_info", METRICS_GAUGE, "VMs, where they run, and their state.");
	for (uint32_t at = 0; (vm = next_vm(core, &at));) {
		const struct gmm_node *node = gmm_core_node(core, vm->node);

		metrics_count(metrics, (struct metrics_label[]){ { "vm", vm->spec.name }, { "node", node->name },
								 { "state", gmm_vm_state_name(vm, node) }, { 0 } }, 1);
	}
}

static void put_vm_exits(struct metrics *metrics, const struct gmm_core *core)
{
	static const struct { const char *reason; uint64_t (*value)(const struct gmm_vm *vm); } reasons[] = {
		{ "nested-fault", vm_exit_nested_fault }, { "io", vm_exit_io }, { "mmio", vm_exit_mmio }, { "msr", vm_exit_msr },
		{ "cpuid", vm_exit_cpuid }, { "halt", vm_exit_halt }, { "interrupt", vm_exit_interrupt }, { "other", vm_exit_other },
	};
	const struct gmm_vm *vm;

	metrics_family(metrics, "plenum_vm_exits_by_reason_total", METRICS_COUNTER, "Exits of the guest by what they were for.");
	for (uint32_t at = 0; (vm = next_vm(core, &at));)
		for (size_t i = 0; vm->counters_ns && i < sizeof(reasons) / sizeof(reasons[0]); i++)
			metrics_count(metrics, (struct metrics_label[]){ { "vm", vm->spec.name }, { "reason", reasons[i].reason }, { 0 } },
				      reasons[i].value(vm));
}

static void put_vm_times(struct metrics *metrics, const struct gmm_core *core)
{
	const struct gmm_vm *vm;

	metrics_family(metrics, "plenum_vm_miss_seconds", METRICS_HISTOGRAM, "From a fault that needed the wire to the resumed guest.");
	for (uint32_t at = 0; (vm = next_vm(core, &at));)
		if (vm->counters_ns)
			metrics_histogram(metrics, (struct metrics_label[]){ { "vm", vm->spec.name }, { 0 } }, &vm->counters.miss);
	metrics_family(metrics, "plenum_vm_read_seconds", METRICS_HISTOGRAM, "The READ inside these misses.");
	for (uint32_t at = 0; (vm = next_vm(core, &at));)
		if (vm->counters_ns)
			metrics_histogram(metrics, (struct metrics_label[]){ { "vm", vm->spec.name }, { 0 } }, &vm->counters.read);
}

static void put_vms(struct metrics *metrics, struct gmm_core *core)
{
	const struct gmm_vm *vm;

	put_vm_states(metrics, core);
	for (size_t f = 0; f < sizeof(vm_families) / sizeof(vm_families[0]); f++) {
		const struct vm_family *family = &vm_families[f];

		metrics_family(metrics, family->name, family->type, family->help);
		for (uint32_t at = 0; (vm = next_vm(core, &at));)
			if (!family->counted || vm->counters_ns)
				put_in_unit(metrics, (struct metrics_label[]){ { "vm", vm->spec.name }, { 0 } }, family->unit, family->value(vm));
	}
	put_vm_exits(metrics, core);
	put_vm_times(metrics, core);
}

/* ---------------------------------------------------------------- the rack */

static void put_regions(struct metrics *metrics, const struct gmm_core *core)
{
	uint32_t counts[GMM_REGION_STATES] = { 0 };

	for (uint32_t i = 0; i < core->region_top; i++)
		counts[core->regions[i].state]++;
	metrics_family(metrics, "plenum_regions", METRICS_GAUGE, "Regions by state.");
	for (uint32_t state = GMM_REGION_FREE + 1; state < GMM_REGION_STATES; state++)
		metrics_count(metrics, (struct metrics_label[]){ { "state", gmm_region_state_name(state) }, { 0 } }, counts[state]);
}

void metrics_rack(struct metrics *metrics, struct gmm_core *core, uint64_t now_ns)
{
	uint32_t running = 0;

	put_lives(metrics, core);
	put_nodes(metrics, core, now_ns);
	put_vms(metrics, core);
	put_regions(metrics, core);
	metrics_family(metrics, "plenum_memory_promised_bytes", METRICS_GAUGE, "Promised to VMs, and not reserved yet.");
	put_in_unit(metrics, NULL, UNIT_PAGES, core->pages_promised);
	for (uint32_t i = 0; i < GMM_OPERATIONS_MAX; i++)
		running += core->operations[i].kind != GMM_OPERATION_NONE;
	metrics_family(metrics, "plenum_operations_running", METRICS_GAUGE, "Operations under way.");
	metrics_count(metrics, NULL, running);
	metrics_family(metrics, "plenum_operations_ended_total", METRICS_COUNTER, "Operations that ended.");
	metrics_count(metrics, NULL, core->ended_count);
	metrics_family(metrics, "plenum_events_total", METRICS_COUNTER, "Events for the operator.");
	metrics_count(metrics, NULL, core->event_sequence);
}
