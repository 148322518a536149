/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs: slots, life, and what the cache and the devices call back. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/hv/internal.h"

_Static_assert(VCPUS_PER_VM_MAX <= 64, "hv_shootdown_begin() and APIC ids count on few vCPUs");
_Static_assert(CONFIG_CPUS_MAX <= 64, "hv_shootdown_begin() returns a bitmap of processors");

static size_t round_page(size_t bytes)
{
	return (bytes + PAGE_MASK) & ~(size_t)PAGE_MASK;
}

size_t hv_bytes(void)
{
	return round_page(sizeof(struct hv)) + VMS_PER_NODE_MAX * VCPUS_PER_VM_MAX * backend_vcpu_bytes();
}

static void copy_text(char *to, size_t bytes, const char *from)
{
	size_t len = 0;

	while (from && from[len] && len + 1 < bytes)
		len++;
	if (len)
		memcpy(to, from, len);
	to[len] = 0;
}

struct hv *hv_create(void *memory, const struct hv_config *config, char *reason, uint32_t reason_bytes)
{
	struct hv *hv = memory;
	uint8_t *backends = (uint8_t *)memory + round_page(sizeof(*hv));
	const char *missing = backend_probe();

	assert(((uintptr_t)memory & PAGE_MASK) == 0 && config->tsc_khz > 0);
	if (missing) {
		copy_text(reason, reason_bytes, missing);
		return NULL;
	}
	memset(hv, 0, sizeof(*hv));
	hv->config = *config;
	for (uint32_t slot = 0; slot < VMS_PER_NODE_MAX; slot++) {
		struct vm *vm = &hv->vm[slot];

		vm->hv = hv;
		vm->slot = slot;
		for (uint32_t i = 0; i < VCPUS_PER_VM_MAX; i++) {
			struct vcpu *vcpu = &vm->vcpu[i];

			vcpu->vm = vm;
			vcpu->number = i;
			vcpu->backend = (struct backend_vcpu *)backends;
			vcpu->waiter.owner = vcpu;
			vcpu->guest_cpu = HV_NO_CPU;
			backend_vcpu_init(vcpu->backend, backends, slot, i);
			backends += backend_vcpu_bytes();
		}
	}
	return hv;
}

void hv_set_cache(struct hv *hv, struct cache *cache)
{
	hv->config.cache = cache;
}

int hv_cpu_enable(struct hv *hv, unsigned cpu)
{
	(void)hv;
	return backend_cpu_enable(cpu);
}

struct vm *vm_slot(struct hv *hv, uint32_t slot)
{
	assert(slot < VMS_PER_NODE_MAX);
	return &hv->vm[slot];
}

void vm_lock(struct vm *vm, uint32_t user)
{
	vm->hv->config.environment.lock_vm(vm->hv->config.environment.context, vm->slot);
	vm->board_user = user;
}

void vm_unlock(struct vm *vm)
{
	vm->board_user = HV_NO_CPU;
	vm->hv->config.environment.unlock_vm(vm->hv->config.environment.context, vm->slot);
}

/* ------------------------------------------------------------------ called back */

static void vm_kick(struct vm *vm, uint32_t vcpu)
{
	__atomic_store_n(&vm->vcpu[vcpu].kicked, 1, __ATOMIC_SEQ_CST);
	vm->hv->config.environment.kick(vm->hv->config.environment.context, vm->slot, vcpu);
}

/* A device has something for a vCPU; under the VM's lock. Who caused it looks anyway before it enters the guest again. */
static void board_kick(void *context, uint32_t vcpu)
{
	struct vm *vm = context;

	if (vcpu != vm->board_user)
		vm_kick(vm, vcpu);
}

static void board_eoi(void *context, uint8_t vector)
{
	struct vm *vm = context;

	ioapic_eoi(&vm->board.ioapic, vector);
}

static void map(void *context, uint32_t slot, uint64_t page, void *frame, bool dirty)
{
	struct hv *hv = context;

	npt_map(&vm_slot(hv, slot)->npt, page, hv->config.npt_pool->physical_of(frame), dirty);
}

static bool unmap(void *context, uint32_t slot, uint64_t page, bool *dirty)
{
	struct vm *vm = vm_slot(context, slot);

	*dirty = false;
	return vm->npt.pool && npt_unmap(&vm->npt, page, dirty);
}

static bool test_and_clear_accessed(void *context, uint32_t slot, uint64_t page)
{
	return npt_test_and_clear_accessed(&vm_slot(context, slot)->npt, page);
}

/* The loader's waiters have their own owners: main_*.c wakes those, so the shim's wake serves vCPUs only. */
static void wake(void *context, struct cache_waiter *waiter)
{
	struct vcpu *vcpu = waiter->owner;

	(void)context;
	vm_kick(vcpu->vm, vcpu->number);
}

static void write_back_failed(void *context, uint32_t slot, int status)
{
	hv_vm_stop(context, slot, WIRE_VM_PAUSED, status, "memory component does not take write-backs");
}

void hv_cache_environment(struct hv *hv, struct cache_environment *environment)
{
	*environment = (struct cache_environment){
		.map = map, .unmap = unmap, .test_and_clear_accessed = test_and_clear_accessed, .wake = wake,
		.write_back_failed = write_back_failed, .context = hv,
	};
}

/* ------------------------------------------------------------------ life */

int hv_vm_find(const struct hv *hv, uint64_t id)
{
	for (uint32_t slot = 0; id && slot < VMS_PER_NODE_MAX; slot++)
		if (hv->vm[slot].id == id)
			return (int)slot;
	return -ENOENT;
}

static bool create_valid(const struct wire_vm_create *create)
{
	return create->vm && create->memory_bytes && !(create->memory_bytes & PAGE_MASK) &&
	       create->memory_bytes <= HV_MEMORY_BYTES_MAX && create->vcpus && create->vcpus <= VCPUS_PER_VM_MAX &&
	       !(create->devices & ~DEVICES_ALL) && memchr(create->name, 0, sizeof(create->name));
}

int hv_vm_create(struct hv *hv, const struct wire_vm_create *create)
{
	uint32_t slot = 0;
	struct vm *vm;
	int status;

	if (!create_valid(create))
		return -EINVAL;
	if (hv_vm_find(hv, create->vm) >= 0)
		return -EEXIST;
	while (slot < VMS_PER_NODE_MAX && hv->vm[slot].id)
		slot++;
	if (slot == VMS_PER_NODE_MAX)
		return -ENOSPC;
	vm = vm_slot(hv, slot);
	status = npt_create(&vm->npt, hv->config.npt_pool, create->memory_bytes);
	if (status)
		return status;
	vm_lock(vm, HV_NO_CPU);
	copy_text(vm->name, sizeof(vm->name), create->name);
	vm->memory_bytes = create->memory_bytes;
	vm->vcpus = create->vcpus;
	vm->status = 0;
	vm->reason[0] = 0;
	vm->reset_wanted = false;
	vm->resets = 0;
	board_init(&vm->board, vm->vcpus, create->devices, hv->config.tsc_khz, hv->config.boot_time_s);
	vm->board.lapics.kick = board_kick;
	vm->board.lapics.eoi = board_eoi;
	vm->board.lapics.context = vm;
	for (uint32_t i = 0; i < VCPUS_PER_VM_MAX; i++)
		vcpu_clear(&vm->vcpu[i]);
	__atomic_store_n(&vm->state, WIRE_VM_CREATED, __ATOMIC_RELEASE);
	vm->id = create->vm;
	vm_unlock(vm);
	return (int)slot;
}

bool hv_vm_idle(const struct hv *hv, uint32_t slot)
{
	for (uint32_t i = 0; i < VCPUS_PER_VM_MAX; i++)
		if (__atomic_load_n(&hv->vm[slot].vcpu[i].active, __ATOMIC_SEQ_CST))
			return false;
	return true;
}

void hv_vm_destroy(struct hv *hv, uint32_t slot)
{
	struct vm *vm = vm_slot(hv, slot);

	assert(vm->id && vm_state(vm) != WIRE_VM_RUNNING && hv_vm_idle(hv, slot));
	vm_lock(vm, HV_NO_CPU);
	vm->id = 0;
	vm->memory_bytes = 0;
	__atomic_store_n(&vm->state, 0, __ATOMIC_RELEASE);
	vm_unlock(vm);
	npt_destroy(&vm->npt);
}

/* ------------------------------------------------------------------ states */

/* Under the VM's lock. */
static void state_store(struct vm *vm, enum wire_vm_state state, int status, const char *reason)
{
	vm->status = status;
	copy_text(vm->reason, sizeof(vm->reason), reason);
	__atomic_store_n(&vm->state, (uint32_t)state, __ATOMIC_SEQ_CST);
}

static void state_changed(struct vm *vm)
{
	struct hv *hv = vm->hv;

	for (uint32_t i = 0; i < vm->vcpus; i++)
		vm_kick(vm, i);
	hv->config.environment.changed(hv->config.environment.context, vm->slot);
}

static void set_state(struct vm *vm, enum wire_vm_state state, int status, const char *reason)
{
	vm_lock(vm, HV_NO_CPU);
	state_store(vm, state, status, reason);
	vm_unlock(vm);
	state_changed(vm);
}

/* Looked at and changed under one lock: of two reasons to stop that come at once, the first one counts. */
static void change_state(struct vm *vm, enum wire_vm_state from, enum wire_vm_state to, int status, const char *reason)
{
	bool changed;

	vm_lock(vm, HV_NO_CPU);
	changed = vm_state(vm) == from;
	if (changed && from == WIRE_VM_RUNNING && to == WIRE_VM_LOADING) {
		vm->reset_wanted = true;
		vm->resets++;
	}
	if (changed)
		state_store(vm, to, status, reason);
	vm_unlock(vm);
	if (changed)
		state_changed(vm);
}

void vm_end_run(struct vm *vm, enum wire_vm_state state, int status, const char *reason)
{
	change_state(vm, WIRE_VM_RUNNING, state, status, reason);
}

void hv_vm_set_state(struct hv *hv, uint32_t slot, enum wire_vm_state state, int status, const char *reason)
{
	set_state(vm_slot(hv, slot), state, status, reason);
}

void hv_vm_stop(struct hv *hv, uint32_t slot, enum wire_vm_state state, int status, const char *reason)
{
	struct vm *vm = vm_slot(hv, slot);
	enum wire_vm_state now = vm_state(vm);

	assert(state != WIRE_VM_RUNNING && state != WIRE_VM_LOADING);
	/* only a running VM can be paused; what has ended stays as it ended */
	if (state == WIRE_VM_PAUSED)
		vm_end_run(vm, state, status, reason);
	else if (vm->id && now != state)
		set_state(vm, state, status, reason);
}

void hv_vm_resume(struct hv *hv, uint32_t slot)
{
	change_state(vm_slot(hv, slot), WIRE_VM_PAUSED, WIRE_VM_RUNNING, 0, NULL);
}

void hv_vm_start(struct hv *hv, uint32_t slot, const struct load_entry *entry)
{
	struct vm *vm = vm_slot(hv, slot);

	assert(vm->id && vm_state(vm) != WIRE_VM_RUNNING && hv_vm_idle(hv, slot));
	vm_lock(vm, HV_NO_CPU);
	board_reset(&vm->board);
	vm->start_ns = hv_now_ns(hv);
	vm->tsc_offset = -hv_tsc(hv);
	vm->reset_wanted = false;
	for (uint32_t i = 0; i < vm->vcpus; i++) {
		struct vcpu *vcpu = &vm->vcpu[i];

		/* firmware would hand over with every LAPIC in x2APIC mode */
		lapic_reset(&vm->board.lapics, i, true);
		vcpu_prepare(vcpu);
		backend_vcpu_reset(vcpu->backend, entry, vm->npt.root_physical, vm->tsc_offset);
		vcpu->wait_for_sipi = i > 0;
	}
	vm_unlock(vm);
	set_state(vm, WIRE_VM_RUNNING, 0, NULL);
}

bool hv_vm_take_reset(struct hv *hv, uint32_t slot)
{
	struct vm *vm = vm_slot(hv, slot);
	bool wanted;

	vm_lock(vm, HV_NO_CPU);
	wanted = vm->reset_wanted;
	vm->reset_wanted = false;
	vm_unlock(vm);
	return wanted;
}

void vm_take_board_event(struct vm *vm, enum board_event event)
{
	if (event == BOARD_NONE)
		return;
	if (event == BOARD_POWER_OFF)
		vm_end_run(vm, WIRE_VM_POWERED_OFF, 0, "guest powered off");
	else	/* the keeper takes the reset: it loads the guest again and starts it */
		vm_end_run(vm, WIRE_VM_LOADING, 0, "guest reset");
}

/* ------------------------------------------------------------------ console */

uint32_t hv_console_type(struct hv *hv, uint32_t slot, const uint8_t *bytes, uint32_t len)
{
	struct vm *vm = vm_slot(hv, slot);
	uint32_t taken;

	vm_lock(vm, HV_NO_CPU);
	taken = uart_type(&vm->board.uart, bytes, len);
	vm_unlock(vm);
	return taken;
}

void hv_vm_press_power(struct hv *hv, uint32_t slot)
{
	struct vm *vm = vm_slot(hv, slot);

	vm_lock(vm, HV_NO_CPU);
	board_press_power(&vm->board);
	vm_unlock(vm);
}

uint32_t hv_console_peek(struct hv *hv, uint32_t slot, uint8_t *bytes, uint32_t len)
{
	struct vm *vm = vm_slot(hv, slot);

	vm_lock(vm, HV_NO_CPU);
	len = uart_peek(&vm->board.uart, bytes, len);
	vm_unlock(vm);
	return len;
}

void hv_console_drop(struct hv *hv, uint32_t slot, uint32_t len)
{
	struct vm *vm = vm_slot(hv, slot);

	vm_lock(vm, HV_NO_CPU);
	uart_drop(&vm->board.uart, len);
	vm_unlock(vm);
}
