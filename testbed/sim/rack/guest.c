// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest: vCPUs that read and write pages of a working set through nested page tables and cached translations as a
 * processor does it, and compare every byte they see with a shadow of the memory.
 */
#include <string.h>
#include <stdlib.h>

#include "testbed/sim/rack/rack.h"

#define RETRY_NS (50 * MILLISECOND_NS)		/* after a page could not be had */
#define HOT_PART 4u				/* a quarter of the pages gets most of the touches */
#define WRITE_BYTES_MAX 256u
#define CLOCK_BYTES 64u				/* what the shim writes into a pinned page, like a paravirtual clock */

static uint32_t page_index(const struct sim_vm *vm, uint64_t page)
{
	for (uint32_t i = 0; i < vm->working_set; i++)
		if (vm->pages[i] == page)
			return i;
	return UINT32_MAX;
}

struct nested_entry *guest_nested(struct sim_vm *vm, uint64_t page)
{
	return &vm->nested[page_index(vm, page)];
}

static void guest_run(struct sim *sim, struct sim_vm *vm, uint32_t number);

static void guest_event(void *object, uint64_t vcpu)
{
	struct sim_vm *vm = object;

	guest_run(vm->sim, vm, (uint32_t)vcpu);
	node_run(&vm->sim->nodes[0]);
}

static void schedule(struct sim *sim, struct sim_vm *vm, uint32_t vcpu, uint64_t delay_ns)
{
	vm->vcpus[vcpu].state = VCPU_THINKS;
	world_at(&sim->world, sim->world.now_ns + delay_ns, guest_event, vm, vcpu);
}

void guest_create(struct sim *sim, struct sim_vm *vm)
{
	vm->working_set = 64 + world_below(&sim->world, SIM_WORKING_SET_MAX - 64);
	for (uint32_t i = 0; i < vm->working_set; i++) {
		uint64_t page;

		do
			page = world_below(&sim->world, SIM_REGIONS * REGION_PAGES);
		while (page_index(vm, page) < i);
		vm->pages[i] = page;
	}
	vm->shadow = sim_alloc((size_t)vm->working_set * PAGE_BYTES);
	memset(vm->shadow, 0, (size_t)vm->working_set * PAGE_BYTES);
	for (uint32_t i = 0; i < SIM_VCPUS; i++)
		schedule(sim, vm, i, i);
}

/* ------------------------------------------------------------------ memory as a processor sees it */

/*
 * The frame, through a cached translation or a walk that sets accessed and dirty bits; NULL: a nested page fault.
 * A translation cached for reading is walked again to set the dirty bit before the first write.
 */
static uint8_t *translate(struct sim_vm *vm, struct sim_vcpu *vcpu, bool write)
{
	struct tlb_entry *tlb = &vcpu->tlb[vcpu->index];
	struct nested_entry *entry = &vm->nested[vcpu->index];

	if (tlb->frame == NULL || (write && !tlb->dirty)) {
		if (entry->frame == NULL)
			return NULL;
		entry->accessed = true;
		entry->dirty |= write;
		*tlb = (struct tlb_entry){ .frame = entry->frame, .dirty = write };
	}
	return tlb->frame;
}

static void compare(struct sim *sim, struct sim_vm *vm, uint32_t index, const uint8_t *frame)
{
	const uint8_t *shadow = vm->shadow + (size_t)index * PAGE_BYTES;

	if (memcmp(frame, shadow, PAGE_BYTES) == 0)
		return;
	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		if (frame[i] != shadow[i])
			world_fail(&sim->world, "vm %u page %llu byte %u: %02x instead of %02x", vm->number,
				 (unsigned long long)vm->pages[index], i, frame[i], shadow[i]);
}

static void change(struct sim *sim, struct sim_vm *vm, uint32_t index, uint8_t *frame, uint32_t offset, uint32_t len)
{
	uint8_t *shadow = vm->shadow + (size_t)index * PAGE_BYTES;

	for (uint32_t i = offset; i < offset + len; i++)
		frame[i] = shadow[i] = (uint8_t)sim_random(&sim->world.random);
}

static void operate(struct sim *sim, struct sim_vm *vm, struct sim_vcpu *vcpu, uint8_t *frame)
{
	uint32_t len = 1 + world_below(&sim->world, WRITE_BYTES_MAX);

	compare(sim, vm, vcpu->index, frame);
	if (vcpu->operation != OPERATION_READ)
		change(sim, vm, vcpu->index, frame, world_below(&sim->world, PAGE_BYTES - len), len);
	if (vm->pinned_frame != NULL)
		change(sim, vm, 0, vm->pinned_frame, PAGE_BYTES - CLOCK_BYTES, CLOCK_BYTES);
	vm->operations++;
	world_trace(&sim->world, (uint64_t)vcpu->index << 32 | frame[0]);
}

/* ------------------------------------------------------------------ vCPUs */

static bool choose(struct sim *sim, struct sim_vm *vm, struct sim_vcpu *vcpu)
{
	if (sim->world.now_ns >= sim->end_ns) {	/* the last pass: one vCPU reads all there is */
		vcpu->index = vcpu->verify_next++;
		vcpu->operation = OPERATION_READ;
		return vcpu == &vm->vcpus[0] && vcpu->index < vm->working_set;
	}
	vcpu->index = world_below(&sim->world, world_chance(&sim->world, 0.8) ? vm->working_set / HOT_PART : vm->working_set);
	vcpu->operation = world_chance(&sim->world, 0.5) ? OPERATION_READ :
			  world_chance(&sim->world, 0.9) ? OPERATION_WRITE : OPERATION_SHIM_WRITE;
	return true;
}

/* One page of the guest is pinned now and then, as that of a paravirtual clock. */
static void pin(struct sim *sim, struct sim_vm *vm, const struct sim_vcpu *vcpu, uint8_t *frame)
{
	if (vm->pinned_frame != NULL && world_chance(&sim->world, 0.002)) {
		cache_unpin(sim->cache, vm->number, vm->pages[0]);
		vm->pinned_frame = NULL;
	} else if (vm->pinned_frame == NULL && vcpu->index == 0 && vcpu->operation == OPERATION_SHIM_WRITE &&
		   cache_pin(sim->cache, vm->number, vm->pages[0]) == 0) {
		vm->pinned_frame = frame;
	}
}

static void stop(struct sim *sim, struct sim_vm *vm, struct sim_vcpu *vcpu)
{
	if (vm->pinned_frame != NULL)
		cache_unpin(sim->cache, vm->number, vm->pages[0]);
	vm->pinned_frame = NULL;
	vcpu->state = VCPU_STOPPED;
}

static void guest_run(struct sim *sim, struct sim_vm *vm, uint32_t number)
{
	struct sim_vcpu *vcpu = &vm->vcpus[number];
	uint8_t *frame = NULL;
	void *accessed;
	int status;

	if (!vcpu->pending && !choose(sim, vm, vcpu)) {
		stop(sim, vm, vcpu);
		return;
	}
	vcpu->pending = true;
	if (vcpu->operation != OPERATION_SHIM_WRITE)
		frame = translate(vm, vcpu, vcpu->operation == OPERATION_WRITE);
	if (frame == NULL) {
		status = cache_access(sim->cache, vm->number, vm->pages[vcpu->index],
				      vcpu->operation == OPERATION_SHIM_WRITE, &vcpu->waiter, &accessed, process_now_ns(sim));
		if (status == CACHE_WAIT) {
			vcpu->state = VCPU_WAITS;
			vcpu->waiter.owner = vcpu;
			return;
		}
		if (status != CACHE_READY)
			world_fail(&sim->world, "an access was refused: %d", status);
		frame = accessed;
		if (vcpu->operation != OPERATION_SHIM_WRITE)
			frame = translate(vm, vcpu, vcpu->operation == OPERATION_WRITE);
		if (frame == NULL)
			world_fail(&sim->world, "a page that is ready is not mapped");
	}
	operate(sim, vm, vcpu, frame);
	pin(sim, vm, vcpu, frame);
	vcpu->pending = false;
	schedule(sim, vm, number, 1 + world_skewed(&sim->world, sim->think_ns));
}

void guest_woken(struct sim *sim, struct cache_waiter *waiter)
{
	struct sim_vcpu *vcpu = waiter->owner;

	for (uint32_t i = 0; i < SIM_VMS; i++) {
		struct sim_vm *vm = &sim->vms[i];

		if (vcpu < vm->vcpus || vcpu >= vm->vcpus + SIM_VCPUS)
			continue;
		if (vcpu->state != VCPU_WAITS)
			world_fail(&sim->world, "a vCPU was woken that does not wait");
		vm->errors += waiter->status != 0;
		schedule(sim, vm, (uint32_t)(vcpu - vm->vcpus), waiter->status != 0 ? RETRY_NS : world_below(&sim->world, 5000));
	}
}

bool guest_done(const struct sim_vm *vm)
{
	for (uint32_t i = 0; i < SIM_VCPUS; i++)
		if (vm->vcpus[i].state != VCPU_STOPPED)
			return false;
	return true;
}
