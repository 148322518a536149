// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the manager's store costs: the real core and the real store, filled with a large rack of model nodes that answer at
 * once; then the manager is gone and the next one starts from the file. With a second argument the filled store is left
 * there, for a gmmd of this configuration: testbed/bench-api --large.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gmm/store/store.h"

#define MEMORY_NODES 64u
#define REGIONS 100000u
#define VM_REGIONS (VM_MEMORY_BYTES_MAX / REGION_BYTES)
#define VMS ((REGIONS + VM_REGIONS - 1) / VM_REGIONS)
#define PROCESS_NODES ((VMS + VMS_PER_NODE_MAX - 1) / VMS_PER_NODE_MAX)
#define CACHE_BYTES (UINT64_C(64) << 20)
#define RESTARTS 5u
#define NETWORK 0x7f4d0000u		/* 127.77.0.0/16: node n has the address and the MAC that testbed/plenum_rack/alone.py gives the n-th */
#define FIRST_NUMBER 11u
#define RESTART_MS_MAX 1000u		/* what issue "the manager is an authority" asks for */

static struct {
	struct gmm_core *core;
	struct store *store;
	char directory[64], path[96];
	uint64_t keep_ns[VMS];		/* in the store, of each VM's creation */
	uint64_t place_ns[VMS];		/* deciding where its regions go */
} bench;

static const struct gmm_config config = {
	.lease_ms = 6000, .grace_ms = 10000, .load_timeout_ms = 300000, .vm_id_first = 1, .wall_offset_ns = 1,
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__attribute__((noreturn)) static void die(const char *why)
{
	fprintf(stderr, "bench-store: %s\n", why);
	exit(1);
}

static void add_node(uint32_t number, uint32_t role, uint64_t pages)
{
	uint32_t host = FIRST_NUMBER + number;
	uint8_t mac[6] = { 0x52, 0x54, 0, 0x77, (uint8_t)(host >> 8), (uint8_t)host };
	struct wire_node_join join = { .role = role, .page_bytes = PAGE_BYTES, .incarnation = 1 + number, .capacity_pages = pages,
				       .region_shift = REGION_SHIFT, .build_id = "bench" };
	struct wire_node_joined joined;
	char name[NODE_NAME_BYTES];

	snprintf(name, sizeof(name), "%c%u", role == WIRE_ROLE_MEMORY ? 'm' : 'p', number);
	memcpy(join.name, name, sizeof(join.name));
	memcpy(join.mac, mac, sizeof(mac));
	if (gmm_core_node_add(bench.core, name, role, NETWORK + host, mac) < 0 ||
	    gmm_core_join(bench.core, &join, NETWORK + host, &joined, 1))
		die(bench.core->refusal);
}

/* Keep, send, answer, as the daemon does, until nothing is left to do. The time in the store goes to *kept_ns. */
static void settle(uint64_t *kept_ns)
{
	static struct gmm_command command;
	struct wire_region_created created = { .rkey = 1 };
	struct gmm_finished finished;
	char error[STORE_ERROR_BYTES];
	bool more = true;

	while (more) {
		uint64_t began_ns = now_ns(), tokens[GMM_CALLS_MAX];
		uint16_t types[GMM_CALLS_MAX];
		uint32_t count = 0;

		if (store_keep(bench.store, bench.core, error))
			die(error);
		*kept_ns += now_ns() - began_ns;
		while (count < GMM_CALLS_MAX && gmm_core_output(bench.core, &command, 1)) {
			types[count] = command.type;
			tokens[count++] = command.token;
		}
		for (uint32_t i = 0; i < count; i++)
			gmm_core_result(bench.core, tokens[i], types[i] == WIRE_VM_STATE ? -EAGAIN : 0, &created, sizeof(created), 1);
		more = count > 0 || gmm_core_dirty_count(bench.core);
	}
	while (gmm_core_finished(bench.core, &finished))
		if (finished.status)
			die(finished.reason);
}

static void create_vm(uint32_t number)
{
	struct gmm_vm_spec spec = { .memory_bytes = VM_MEMORY_BYTES_MAX, .cache_bytes = CACHE_BYTES, .vcpus = 1, .devices = DEVICES_DEFAULT,
				    .kernel = "/boot/vmlinuz", .command_line = "console=ttyS0" };
	uint64_t operation, began_ns;

	snprintf(spec.name, sizeof(spec.name), "vm%u", number);
	began_ns = now_ns();
	if (gmm_core_vm_create(bench.core, &spec, &operation, 1))
		die(bench.core->refusal);
	bench.place_ns[number] = now_ns() - began_ns;
	settle(&bench.keep_ns[number]);
}

static struct store *open_store(void)
{
	char error[STORE_ERROR_BYTES];
	int status;
	struct store *store = store_open(bench.path, &status, error);

	if (!store)
		die(error);
	return store;
}

static int compare(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b;
}

static double quantile_us(uint64_t *values, uint32_t count, uint32_t permille)
{
	qsort(values, count, sizeof(*values), compare);
	return (double)values[(uint64_t)(count - 1) * permille / 1000] / 1e3;
}

static void fill(void)
{
	uint64_t began_ns = now_ns(), ignored = 0;

	for (uint32_t i = 0; i < MEMORY_NODES; i++)
		add_node(i, WIRE_ROLE_MEMORY, (REGIONS / MEMORY_NODES + 2 * VM_REGIONS) * (uint64_t)REGION_PAGES);
	for (uint32_t i = 0; i < PROCESS_NODES; i++)
		add_node(MEMORY_NODES + i, WIRE_ROLE_PROCESS, VMS_PER_NODE_MAX * CACHE_BYTES / PAGE_BYTES);
	settle(&ignored);
	for (uint32_t i = 0; i < VMS; i++)
		create_vm(i);
	printf("filled: %u memory and %u process components, %u VMs, %u regions in %.1f s\n", MEMORY_NODES, (unsigned)PROCESS_NODES,
	       (unsigned)VMS, bench.core->regions_used, (double)(now_ns() - began_ns) / 1e9);
	printf("placing %u regions of one VM: p50 %.1f us, p99 %.1f us a region\n", (unsigned)VM_REGIONS,
	       quantile_us(bench.place_ns, VMS, 500) / (double)VM_REGIONS, quantile_us(bench.place_ns, VMS, 990) / (double)VM_REGIONS);
	printf("keeping one VM's creation, all its transactions: p50 %.1f ms, p99 %.1f ms\n",
	       quantile_us(bench.keep_ns, VMS, 500) / 1e3, quantile_us(bench.keep_ns, VMS, 990) / 1e3);
}

static bool restart(void)
{
	uint64_t times_ns[RESTARTS];
	uint32_t before = bench.core->regions_used;
	char error[STORE_ERROR_BYTES];
	double median_ms;

	for (uint32_t i = 0; i < RESTARTS; i++) {
		uint64_t began_ns = now_ns();

		store_close(bench.store);
		memset(bench.core, 0, sizeof(*bench.core));
		gmm_core_init(bench.core, &config);
		bench.store = open_store();
		if (store_load(bench.store, bench.core, 1, error))
			die(error);
		times_ns[i] = now_ns() - began_ns;
		if (bench.core->regions_used != before)
			die("regions were lost");
	}
	median_ms = quantile_us(times_ns, RESTARTS, 500) / 1e3;
	printf("starting from the store, checks included: median of %u: %.0f ms  %s (at most %u ms)\n", RESTARTS, median_ms,
	       median_ms <= RESTART_MS_MAX ? "met" : "NOT met", RESTART_MS_MAX);
	return median_ms <= RESTART_MS_MAX;
}

static void remove_files(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };

	for (unsigned i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", bench.path, suffixes[i]);
		unlink(name);
	}
	rmdir(bench.directory);
}

static void make_directory(const char *base)
{
	if (snprintf(bench.directory, sizeof(bench.directory), "%s/plenum-XXXXXX", base) >= (int)sizeof(bench.directory) ||
	    !mkdtemp(bench.directory))
		die("the directory for the store cannot be made");
}

/* As one file: the next manager's clock and incarnations are its own. */
static void leave(const char *path)
{
	char error[STORE_ERROR_BYTES];

	if (store_backup(bench.store, path, error))
		die(error);
	printf("left in %s\n", path);
}

int main(int argc, char **argv)
{
	bool met;

	if (argc > 3 || (argc >= 2 && argv[1][0] == '-')) {
		fprintf(stderr, "usage: plenum-bench-store [DIRECTORY [FILE]]\nThe store is made in a new directory there (/tmp) and removed; FILE gets a copy.\n");
		return 2;
	}
	make_directory(argc > 1 ? argv[1] : "/tmp");
	snprintf(bench.path, sizeof(bench.path), "%s/gmmd.db", bench.directory);
	/* In the simulator's configuration, which is the one it is built in. */
	assert(MEMORY_NODES + PROCESS_NODES <= NODES_MAX && VMS_PER_NODE_MAX * PROCESS_NODES >= VMS);
	bench.core = calloc(1, sizeof(*bench.core));
	if (!bench.core)
		die("out of memory");
	gmm_core_init(bench.core, &config);
	bench.store = open_store();
	fill();
	met = restart();
	if (argc == 3)
		leave(argv[2]);
	store_close(bench.store);
	free(bench.core);
	remove_files();
	return met || argc == 3 ? 0 : 1;	/* who asks for the file measures something else */
}
