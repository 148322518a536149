/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process component's image: what its files share. Threads, all pinned:
 *
 *	network		processor 0: packets, RPC handlers, the cache's and the region client's polls (net/port/fabric.c)
 *	vcpu S/N	one per slot and vCPU: runs the guest (main_vcpu.c)
 *	sweeper		keeps free ways in the cache (main_vcpu.c)
 *	keeper S	one per slot: loads the guest, resets it, takes it apart (main_load.c)
 *	reporter	console output and state changes to the manager (main_report.c)
 *	bench		raw READs (main_bench.c)
 *
 * Locks, outer first: fabric (cache, region client, RPC, everything here), then one per VM (its devices and state).
 */
#ifndef PLENUM_PCOMPONENT_PROCESS_H
#define PLENUM_PCOMPONENT_PROCESS_H

#include <kernel/kernel.h>

#include "net/node/counters.h"
#include "net/node/rack_keys.h"
#include "net/port/node.h"
#include "pcomponent/cache/cache.h"
#include "pcomponent/hv/hv.h"
#include "pcomponent/region/region.h"

#define LOAD_WINDOW 16u			/* READs of a kernel or initrd under way */
#define SLOTS VMS_PER_NODE_MAX

/* Cookies of READs that are not the cache's: REGION_COOKIE_OTHER | user << 32 | number. */
#define COOKIE_USER_SHIFT 32
#define COOKIE_USER_BENCH SLOTS		/* users below are slots */

enum piece_state { PIECE_FREE, PIECE_POSTED, PIECE_DONE, PIECE_FAILED };

/* One READ of a blob. */
struct piece {
	uint8_t bytes[PAGE_BYTES];
	enum piece_state state;		/* under the fabric lock */
};

/* A VM as the image sees it. Under the fabric lock unless told otherwise. */
struct process_vm {
	uint32_t slot;
	uint64_t id;			/* 0: free */
	struct thread *keeper;
	struct thread *vcpu_thread[VCPUS_PER_VM_MAX];
	unsigned vcpu_cpu[VCPUS_PER_VM_MAX];
	struct spinlock lock;		/* the VM's own: devices and state */

	/* wishes, taken by the keeper */
	bool start_wanted, destroy_wanted;
	uint64_t destroy_token;
	bool loading;			/* the keeper is at it */
	bool abort;			/* loading must end: stop or destroy */
	uint64_t resize_operation;	/* of the manager, the last that asked for another share; 0: none */
	bool ran;			/* what `start` says was loaded once */
	struct wire_vm_start start;

	/* loading; the keeper's, but piece states */
	struct piece pieces[LOAD_WINDOW];
	struct cache_waiter waiter;
	struct load_plan plan;

	/* console and events to the manager (main_report.c) */
	uint64_t output_offset, input_offset;
	uint32_t output_under_way;	/* bytes of the call that has not ended */
	bool changed;			/* atomic: the state changed since it was told */
	bool event_under_way;
	uint64_t event_retry_ns;
	bool wanted_under_way;		/* a call that asks for a region's place */
	uint64_t wanted_retry_ns;	/* none before */
};

/* One place for a transfer of the benchmark; its page is the queue pair's while the transfer is under way. */
struct bench_place {
	uint8_t page[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
	uint64_t posted_ns;
};

/* The benchmark (main_bench.c). Under the fabric lock unless told otherwise. */
struct process_bench {
	struct thread *thread;
	struct wire_bench_read job;
	uint64_t job_token;
	bool job_wanted;			/* set until it is answered */
	bool streaming;				/* a completion posts the next READ, and takes the time */
	uint32_t posted, under_way;		/* transfers; `under_way` is read without the lock */
	int status;				/* first failure */
	struct wire_bench_result result;
	struct bench_place places[WIRE_BENCH_OUTSTANDING_MAX];
};

struct process {
	struct fabric *fabric;
	struct hv *hv;
	struct cache *cache;
	struct region_client *regions;
	struct agent agent;
	struct rack_keys_watch keys;
	struct npt_pool npt_pool;
	struct node_counters counters;
	uint32_t lines_count;
	size_t cache_table_bytes;
	uint32_t manager_address;
	struct cache_environment shim;	/* the shim's half of the cache's environment */
	struct thread *sweeper, *reporter;
	bool sweeper_runs;			/* under the fabric lock: it will look again before it sleeps */
	struct cache_victim victims[CONFIG_SWEEP_BATCH];	/* the sweeper's */
	/*
	 * Until when the vCPU on a processor gives way to nobody: 0, unless others were ready already when it began. Otherwise
	 * two vCPUs would give way to each other for ever and neither would get on. Only its own processor touches it.
	 */
	uint64_t quantum_until_ns[CONFIG_CPUS_MAX];
	struct process_bench bench;
	struct process_vm vm[SLOTS];
};
extern struct process process;

static inline struct process_vm *process_vm(uint32_t slot)
{
	return &process.vm[slot];
}
/* The slot of a VM id, or NULL. */
struct process_vm *process_vm_find(uint64_t id);

/* main_vcpu.c */
void vcpu_threads_create(void);
/* The vCPU that runs on this processor should give way. */
bool vcpu_yield_wanted(void);
void sweeper_create(void);
/* Wake the sweeper if the cache needs it; under the fabric lock. */
void sweeper_wake_if_wanted(void);

/* main_vm.c: the requests of the manager */
extern const struct rpc_type process_rpc_types[];

/* main_load.c */
void keepers_create(void);
void load_piece_completed(uint32_t slot, uint32_t number, int status);
/* The VM is being stopped: a page that its loader waits for need not come. Under the fabric lock. */
void keeper_stop_waiting(struct process_vm *vm);
/* Is this waiter a keeper's? Then wake it. */
bool keeper_wake(struct cache_waiter *waiter);

/* main_report.c */
void reporter_create(void);
/* The VM's state changed, or it has something to say. Any thread, any lock. */
void report_changed(uint32_t slot);

/* main_bench.c */
void bench_create(void);
int bench_start(const struct wire_bench_read *request, uint64_t token);
/* Under the fabric lock. */
void bench_completed(uint32_t place, int status);

/* main_counters.c */
void renew_fill(void *context, struct wire_node_renew *renew, uint64_t now);
size_t counters_fill(void *context, char *text, size_t bytes);

#endif
