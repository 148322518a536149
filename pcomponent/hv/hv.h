/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor shim: VMs, vCPUs and their exits. All of it but the backend folder is portable. A vCPU is driven by
 * a thread of the kernel (pcomponent/main_*.c) that calls vcpu_run() and does what it returns; nothing here waits.
 *
 *	RUN ----exit handled----> RUN
 *	 | page not here           ^
 *	 v                         | woken by the cache
 *	WAIT_PAGE ----------------'
 *	HALT (guest idle) --interrupt or deadline--> RUN
 *	STOPPED (power off, reset, triple fault, failure): see vm->...
 */
#ifndef PLENUM_PCOMPONENT_HV_H
#define PLENUM_PCOMPONENT_HV_H

#include <stdbool.h>
#include <stdint.h>

#include <plenum/device.h>
#include <plenum/limits.h>
#include <plenum/page.h>
#include <plenum/wire.h>

#include "pcomponent/cache/cache.h"
#include "pcomponent/dev/dev.h"
#include "pcomponent/load/load.h"

struct vm;
struct vcpu;

/* ------------------------------------------------------------------ nested page tables (AMD APM vol. 2 section 15.25; Intel EPT later) */

/*
 * Table pages come from one pool, taken at start. Entries are changed with atomic operations: the processor sets
 * accessed and dirty bits by itself.
 */
struct npt_pool {
	uint8_t *pages;				/* pool memory, direct-mapped */
	uint32_t pages_count, free_count;
	uint32_t *free;				/* stack of free page numbers */
	uint64_t (*physical_of)(const void *pointer);
	void *(*pointer_of)(uint64_t physical);
};
size_t npt_pool_bytes(uint32_t pages);		/* of `memory` for npt_pool_init, table pages included */
void npt_pool_init(struct npt_pool *pool, void *memory, uint32_t pages, uint64_t (*physical_of)(const void *),
		   void *(*pointer_of)(uint64_t));
struct npt {
	struct npt_pool *pool;
	uint64_t root_physical;
	uint64_t generation;			/* raised when an entry was removed: translations may be stale */
	uint32_t pages_used;
};
/* All tables for guest addresses below memory_bytes are taken now, so that mapping cannot fail later. -ENOSPC. */
int npt_create(struct npt *npt, struct npt_pool *pool, uint64_t memory_bytes);
void npt_destroy(struct npt *npt);
void npt_map(struct npt *npt, uint64_t page, uint64_t frame_physical, bool dirty);
bool npt_unmap(struct npt *npt, uint64_t page, bool *dirty);
bool npt_test_and_clear_accessed(struct npt *npt, uint64_t page);

/* ------------------------------------------------------------------ VMs */

struct hv;					/* all VMs of this component */

struct hv_environment {
	/* Under the fabric lock in the kernel; the portable shim calls them around every use of the cache. */
	void (*lock)(void *context);
	void (*unlock)(void *context);
	/* Around every use of a VM's devices and state. May be taken inside lock(), never around it; not nested. */
	void (*lock_vm)(void *context, uint32_t vm);
	void (*unlock_vm)(void *context, uint32_t vm);
	uint64_t (*now_ns)(void *context);
	uint64_t (*tsc)(void *context);
	/*
	 * Something else wants this processor: vcpu_run() returns. Asked with the host's interrupts held, because the one
	 * that made it so may have been taken outside the guest, and no other comes.
	 */
	bool (*yield_wanted)(void *context);
	/* Another thread must look at this vCPU: wake its thread, or make its processor leave the guest. */
	void (*kick)(void *context, uint32_t vm, uint32_t vcpu);
	/* The guest's console has output (rate-limited by the receiver), or the VM changed its state: tell the manager. */
	void (*changed)(void *context, uint32_t vm);
	/* Random bytes for a guest's entropy device; called without any lock. */
	void (*random)(void *context, void *bytes, size_t len);
	void *context;
};

struct hv_config {
	struct cache *cache;			/* may follow by hv_set_cache() */
	struct npt_pool *npt_pool;
	uint64_t tsc_khz;
	uint64_t boot_time_s;			/* wall clock at now_ns 0 */
	struct hv_environment environment;
};

size_t hv_bytes(void);
/* Builds the shim in `memory` (hv_bytes(), page-aligned) and switches the backend on. NULL: the processor lacks what
 * the backend needs; `reason` says what. */
struct hv *hv_create(void *memory, const struct hv_config *config, char *reason, uint32_t reason_bytes);
/* The cache is made after the shim, whose callbacks it needs: before the first VM. */
void hv_set_cache(struct hv *hv, struct cache *cache);
/* On every processor that will run vCPUs, before the first vcpu_run(). */
int hv_cpu_enable(struct hv *hv, unsigned cpu);

/* The cache's environment: map, unmap, test_and_clear_accessed, wake, write_back_failed, with context = hv. */
void hv_cache_environment(struct hv *hv, struct cache_environment *environment);

/* Slot (0 to VMS_PER_NODE_MAX-1) for a new VM; cache share and region map are the caller's business. -ENOSPC, -EINVAL. */
int hv_vm_create(struct hv *hv, const struct wire_vm_create *create);
/* The VM must be stopped and its vCPU threads idle. */
void hv_vm_destroy(struct hv *hv, uint32_t vm);
/* Power on: devices reset, vCPU 0 at `entry`. Guest memory was loaded by the caller. */
void hv_vm_start(struct hv *hv, uint32_t vm, const struct load_entry *entry);
/* Ask a VM's vCPUs to leave the guest: state becomes `state` with `reason` (NULL: none). Idempotent. */
void hv_vm_stop(struct hv *hv, uint32_t vm, enum wire_vm_state state, int status, const char *reason);
/* Leave WIRE_VM_PAUSED: run again (memory is back). */
void hv_vm_resume(struct hv *hv, uint32_t vm);
void hv_vm_status(struct hv *hv, uint32_t vm, struct wire_vm_status *status);
void hv_vm_set_state(struct hv *hv, uint32_t vm, enum wire_vm_state state, int status, const char *reason);
int hv_vm_find(const struct hv *hv, uint64_t id);	/* slot, or -ENOENT */
/* The guest's serial console: what uart_type(), uart_peek() and uart_drop() do, under the VM's lock. */
/* Press the guest's power button, if it has one. What it makes of that is its own affair. */
void hv_vm_press_power(struct hv *hv, uint32_t vm);
uint32_t hv_console_type(struct hv *hv, uint32_t vm, const uint8_t *bytes, uint32_t len);
uint32_t hv_console_peek(struct hv *hv, uint32_t vm, uint8_t *bytes, uint32_t len);
void hv_console_drop(struct hv *hv, uint32_t vm, uint32_t len);
/* No vCPU of it is inside vcpu_run(). */
bool hv_vm_idle(const struct hv *hv, uint32_t vm);
enum wire_vm_state hv_vm_state(const struct hv *hv, uint32_t vm);
/* The negative errno behind the state, or 0. */
int hv_vm_state_status(struct hv *hv, uint32_t vm);
uint32_t hv_vm_vcpus(const struct hv *hv, uint32_t vm);
uint32_t hv_vm_devices(const struct hv *hv, uint32_t vm);	/* bits of enum device */
uint64_t hv_vm_memory_bytes(const struct hv *hv, uint32_t vm);
/* The guest asked for a reset: the caller loads it again and calls hv_vm_start(). Reading clears it. */
bool hv_vm_take_reset(struct hv *hv, uint32_t vm);

/* ------------------------------------------------------------------ running */

enum vcpu_next {
	VCPU_RUN,		/* call again at once (after letting others run if they should) */
	VCPU_WAIT_PAGE,		/* park until kicked: the cache wakes it */
	VCPU_HALT,		/* guest idle: park until kicked or *deadline_ns */
	VCPU_STOPPED,		/* nothing to run: park until kicked */
};
/*
 * Run vCPU `vcpu` of slot `vm` on this processor until something needs the caller; always the same processor for one
 * vCPU. *deadline_ns: when the guest's timer is due: the caller has a timer interrupt end the next run then, or sleeps
 * no longer. The call returns whenever that time comes nearer.
 */
enum vcpu_next vcpu_run(struct hv *hv, uint32_t vm, uint32_t vcpu, uint64_t *deadline_ns);

/* After cache_sweep_begin, outside the lock: raise generations; returns a bitmap of physical CPUs (64 at most) that run a
 * vCPU of one of the victims' VMs now and must be kicked out and waited for (cpu_call_others does). */
uint64_t hv_shootdown_begin(struct hv *hv, const struct cache_victim *victims, uint32_t count);

#endif
