/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A shim over a backend that plays a script of exits and a cache whose pages come when the test says so. Include in one
 * file of a test program.
 */
#ifndef PLENUM_TESTS_HV_FIXTURE_H
#define PLENUM_TESTS_HV_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pcomponent/hv/internal.h"

#define GUEST_BYTES (4u << 20)
#define GUEST_PAGES (GUEST_BYTES / PAGE_BYTES)
#define SCRIPT_MAX 64u
#define POOL_PAGES 64u
#define RFLAGS_IF UINT64_C(0x200)

/* ------------------------------------------------------------------ the backend */

struct backend_vcpu {
	struct vcpu_registers r;
	uint64_t efer, pat;
	bool event, event_is_exception;
	uint8_t event_vector;
	bool window;
	struct backend_exit script[SCRIPT_MAX];
	unsigned script_len, script_at;
	unsigned runs, flushes;
	bool ap_started;
	uint8_t ap_vector;
	void (*in_guest)(struct backend_vcpu *vcpu);
};

static bool fake_held;
static uint32_t fake_cpuid[4] = { ~0u, ~0u, ~0u, ~0u };
static const char *fake_missing;
static unsigned fake_cpu;

size_t backend_vcpu_bytes(void) { return (sizeof(struct backend_vcpu) + PAGE_MASK) & ~(size_t)PAGE_MASK; }
const char *backend_probe(void) { return fake_missing; }
int backend_cpu_enable(unsigned cpu) { (void)cpu; return 0; }
void backend_vcpu_init(struct backend_vcpu *vcpu, void *memory, uint32_t vm, uint32_t number)
{
	(void)vm;
	(void)number;
	assert_ptr_equal(vcpu, memory);
	memset(vcpu, 0, sizeof(*vcpu));
}
void backend_vcpu_reset(struct backend_vcpu *vcpu, const struct load_entry *entry, uint64_t nested_root, uint64_t tsc_offset)
{
	(void)nested_root;
	(void)tsc_offset;
	memset(&vcpu->r, 0, sizeof(vcpu->r));
	vcpu->r.rip = entry->rip;
	vcpu->r.cs_long = true;			/* paging stays off in here: linear is physical */
	vcpu->r.rflags = RFLAGS_IF;
	vcpu->event = false;
}
void backend_vcpu_start_ap(struct backend_vcpu *vcpu, uint8_t vector, uint64_t nested_root, uint64_t tsc_offset)
{
	(void)nested_root;
	(void)tsc_offset;
	vcpu->ap_started = true;
	vcpu->ap_vector = vector;
}
void backend_hold(void) { assert_false(fake_held); fake_held = true; }
void backend_release(void) { assert_true(fake_held); fake_held = false; }
void backend_run(struct backend_vcpu *vcpu, bool flush, struct backend_exit *exit)
{
	assert_true(fake_held);
	fake_held = false;
	vcpu->runs++;
	vcpu->flushes += flush;
	vcpu->event = false;			/* delivered */
	if (vcpu->in_guest)
		vcpu->in_guest(vcpu);
	*exit = (struct backend_exit){ .reason = EXIT_INTERRUPT };
	if (vcpu->script_at < vcpu->script_len)
		*exit = vcpu->script[vcpu->script_at++];
}
void backend_get_registers(struct backend_vcpu *vcpu, struct vcpu_registers *registers) { *registers = vcpu->r; }
void backend_set_registers(struct backend_vcpu *vcpu, const struct vcpu_registers *registers) { vcpu->r = *registers; }
void backend_advance(struct backend_vcpu *vcpu, uint64_t next_rip)
{
	vcpu->r.rip = next_rip;
	vcpu->r.interrupt_shadow = false;
}
bool backend_event_pending(const struct backend_vcpu *vcpu) { return vcpu->event; }
bool backend_can_interrupt(const struct backend_vcpu *vcpu)
{
	return !vcpu->event && vcpu->r.rflags & RFLAGS_IF && !vcpu->r.interrupt_shadow;
}
void backend_inject_interrupt(struct backend_vcpu *vcpu, uint8_t vector)
{
	assert_true(backend_can_interrupt(vcpu));
	vcpu->event = true;
	vcpu->event_is_exception = false;
	vcpu->event_vector = vector;
}
void backend_inject_nmi(struct backend_vcpu *vcpu)
{
	vcpu->event = true;
	vcpu->event_vector = 2;
}
void backend_inject_exception(struct backend_vcpu *vcpu, uint8_t vector, int32_t error_code)
{
	(void)error_code;
	assert_false(vcpu->event);
	vcpu->event = vcpu->event_is_exception = true;
	vcpu->event_vector = vector;
}
void backend_want_window(struct backend_vcpu *vcpu, bool want) { vcpu->window = want; }
int backend_msr_read(struct backend_vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	*value = msr == 0x277 ? vcpu->pat : vcpu->efer;
	return 0;
}
int backend_msr_write(struct backend_vcpu *vcpu, uint32_t msr, uint64_t value)
{
	*(msr == 0x277 ? &vcpu->pat : &vcpu->efer) = value;
	return 0;
}
void backend_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	(void)leaf;
	(void)subleaf;
	memcpy(out, fake_cpuid, sizeof(fake_cpuid));
}
unsigned backend_this_cpu(void) { return fake_cpu; }

/* ------------------------------------------------------------------ the cache */

struct fixture {
	struct hv *hv;
	void *hv_memory, *pool_memory;
	struct npt_pool pool;
	struct cache_environment cache;
	uint8_t *guest;
	bool here[GUEST_PAGES];			/* pages that are local */
	bool refused;				/* the next access is refused: no such page */
	struct cache_waiter *waiter;		/* waits for waiter_page */
	uint64_t waiter_page;
	unsigned accesses, kicks, changes;
	uint8_t randoms;
	bool locked, vm_locked, yield;
	uint64_t now;
	struct vcpu *vcpu;
	struct backend_vcpu *b;
	struct vm *vm;
};
static struct fixture *the;

int cache_access(struct cache *cache, uint32_t vm, uint64_t page, bool write, struct cache_waiter *waiter, void **frame,
		 uint64_t now_ns)
{
	(void)cache;
	(void)now_ns;
	assert_true(the->locked);
	assert_false(waiter->queued);
	assert_true(page < GUEST_PAGES);
	the->accesses++;
	if (the->refused)
		return -EFAULT;
	if (!the->here[page]) {
		waiter->queued = true;
		the->waiter = waiter;
		the->waiter_page = page;
		return CACHE_WAIT;
	}
	*frame = the->guest + page * PAGE_BYTES;
	the->cache.map(the->cache.context, vm, page, *frame, write);
	return CACHE_READY;
}

/* The page that is waited for comes, or fails. */
static inline void page_comes(int status)
{
	struct cache_waiter *waiter = the->waiter;

	assert_non_null(waiter);
	the->waiter = NULL;
	if (!status) {
		the->here[the->waiter_page] = true;
		the->cache.map(the->cache.context, the->vm->slot, the->waiter_page, the->guest + the->waiter_page * PAGE_BYTES,
			       false);
	}
	waiter->status = status;
	waiter->queued = false;
	the->cache.wake(the->cache.context, waiter);
}

/* ------------------------------------------------------------------ the shim's environment */

static void fake_lock(void *context) { (void)context; assert_false(the->locked || the->vm_locked); the->locked = true; }
static void fake_unlock(void *context) { (void)context; assert_true(the->locked); the->locked = false; }
static void fake_lock_vm(void *context, uint32_t vm) { (void)context; (void)vm; assert_false(the->vm_locked); the->vm_locked = true; }
static void fake_unlock_vm(void *context, uint32_t vm) { (void)context; (void)vm; assert_true(the->vm_locked); the->vm_locked = false; }
static uint64_t fake_now(void *context) { (void)context; return the->now; }
static uint64_t fake_tsc(void *context) { (void)context; return the->now * 2; }	/* 2 GHz */
static bool fake_yield(void *context) { (void)context; assert_true(fake_held); return the->yield; }
static void fake_kick(void *context, uint32_t vm, uint32_t vcpu) { (void)context; (void)vm; (void)vcpu; the->kicks++; }
/* Counts up from 1, so that a test can tell which bytes came when. */
static void fake_random(void *context, void *bytes, size_t len)
{
	(void)context;
	assert_false(the->locked || the->vm_locked);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)bytes)[i] = ++the->randoms;
}
static void fake_changed(void *context, uint32_t vm) { (void)context; (void)vm; the->changes++; }
static uint64_t fake_physical(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }
static void *fake_pointer(uint64_t physical) { return (void *)(uintptr_t)physical; }

static void *pages_of(size_t bytes)
{
	void *memory = aligned_alloc(PAGE_BYTES, (bytes + PAGE_MASK) & ~(size_t)PAGE_MASK);

	assert_non_null(memory);
	return memory;
}

static int fixture_open(void **state, uint32_t vcpus)
{
	struct wire_vm_create create = { .vm = 77, .memory_bytes = GUEST_BYTES, .vcpus = vcpus, .name = "guest", .devices = DEVICES_ALL };
	struct load_entry entry = { .rip = 0x1000 };
	struct hv_config config = { .tsc_khz = 2000000, .environment = {
		fake_lock, fake_unlock, fake_lock_vm, fake_unlock_vm, fake_now, fake_tsc, fake_yield, fake_kick, fake_changed, fake_random, NULL } };
	char reason[64];

	the = calloc(1, sizeof(*the));
	assert_non_null(the);
	the->now = 1000;
	fake_held = false;
	fake_cpu = 0;
	fake_missing = NULL;
	memset(fake_cpuid, 0xff, sizeof(fake_cpuid));
	the->guest = pages_of(GUEST_BYTES);
	memset(the->guest, 0, GUEST_BYTES);
	memset(the->here, true, sizeof(the->here));
	the->pool_memory = pages_of(npt_pool_bytes(POOL_PAGES));
	npt_pool_init(&the->pool, the->pool_memory, POOL_PAGES, fake_physical, fake_pointer);
	config.npt_pool = &the->pool;
	the->hv_memory = pages_of(hv_bytes());
	the->hv = hv_create(the->hv_memory, &config, reason, sizeof(reason));
	assert_non_null(the->hv);
	hv_cache_environment(the->hv, &the->cache);
	assert_int_equal(hv_vm_create(the->hv, &create), 0);
	the->vm = &the->hv->vm[0];
	the->vcpu = &the->vm->vcpu[0];
	the->b = the->vcpu->backend;
	hv_vm_start(the->hv, 0, &entry);
	*state = the;
	return 0;
}

static int fixture_close(void **state)
{
	(void)state;
	assert_false(the->locked || the->vm_locked || fake_held);
	free(the->guest);
	free(the->pool_memory);
	free(the->hv_memory);
	free(the);
	the = NULL;
	return 0;
}

static inline enum vcpu_next run_vcpu(void)
{
	uint64_t deadline_ns;

	return vcpu_run(the->hv, 0, 0, &deadline_ns);
}

static inline int open_one(void **state)
{
	return fixture_open(state, 1);
}

static inline int open_two(void **state)
{
	return fixture_open(state, 2);
}

/* ------------------------------------------------------------------ playing */

static inline struct backend_exit *script_add(enum exit_reason reason)
{
	struct backend_exit *exit = &the->b->script[the->b->script_len++];

	assert_true(the->b->script_len <= SCRIPT_MAX);
	*exit = (struct backend_exit){ .reason = reason };
	return exit;
}

/* The guest's code at RIP. */
static inline void code(const char *bytes, size_t len)
{
	memcpy(the->guest + the->b->r.rip, bytes, len);
}
#define CODE(text) code(text, sizeof(text) - 1)

static inline void msr_exit(bool write, uint32_t msr, uint64_t value)
{
	struct backend_exit *exit = script_add(EXIT_MSR);

	if (write)
		CODE("\x0f\x30");
	else
		CODE("\x0f\x32");
	exit->write = write;
	the->b->r.general[REGISTER_RCX] = msr | UINT64_C(0xdead00000000);	/* the upper half does not count */
	the->b->r.general[REGISTER_RAX] = value & UINT32_MAX;
	the->b->r.general[REGISTER_RDX] = value >> 32;
}

#endif
