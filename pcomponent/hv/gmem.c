/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory touched by the shim: instruction fetch, walks of the guest's own page tables, paravirtual clock pages.
 * Any of it may be on another machine. A page that is mapped costs a walk of the nested table and no lock; one that is not goes
 * the way of every miss, and the caller gets -EAGAIN with the vCPU's waiter queued.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/hv/decode.h"
#include "pcomponent/hv/internal.h"

#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PSE (UINT64_C(1) << 4)
#define CR4_PAE (UINT64_C(1) << 5)
#define EFER_LMA (UINT64_C(1) << 10)
#define ENTRY_PRESENT UINT64_C(1)
#define ENTRY_LARGE (UINT64_C(1) << 7)

static void copy(void *frame, uint64_t guest_physical, void *bytes, uint32_t len, bool write)
{
	uint8_t *at = (uint8_t *)frame + (guest_physical & PAGE_MASK);

	if (write)
		memcpy(at, bytes, len);
	else
		memcpy(bytes, at, len);
}

/*
 * A page that is mapped, touched as the guest itself would touch it: while guest_cpu is set and interrupts are held, a
 * shootdown waits for this processor, so that a page unmapped meanwhile is neither written back nor given away before
 * we are done (rule 4 of vcpu.c). No lock, and nothing to send afterwards.
 */
static bool touch_mapped(struct vcpu *vcpu, uint64_t guest_physical, void *bytes, uint32_t len, bool write)
{
	void *frame;

	backend_hold();
	__atomic_store_n(&vcpu->guest_cpu, backend_this_cpu(), __ATOMIC_SEQ_CST);
	frame = npt_frame(&vcpu->vm->npt, guest_physical >> PAGE_SHIFT, write);
	if (frame)
		copy(frame, guest_physical, bytes, len, write);
	__atomic_store_n(&vcpu->guest_cpu, HV_NO_CPU, __ATOMIC_RELEASE);
	backend_release();
	return frame;
}

/* A page that is not: found and copied under the cache's lock, so that the sweeper cannot take it away meanwhile. */
static int touch(struct vcpu *vcpu, uint64_t guest_physical, void *bytes, uint32_t len, bool write)
{
	struct vm *vm = vcpu->vm;
	struct hv *hv = vm->hv;
	int result = CACHE_WAIT;
	void *frame;

	assert((guest_physical & PAGE_MASK) + len <= PAGE_BYTES);
	if (!vm_is_ram(vm, guest_physical))
		return -EFAULT;
	if (touch_mapped(vcpu, guest_physical, bytes, len, write))
		return 0;
	hv_lock(hv);
	/* a waiter waits for one page at a time; its wake brings us back here */
	if (!vcpu->waiter.queued)
		result = cache_access(hv->config.cache, vm->slot, guest_physical >> PAGE_SHIFT, write, &vcpu->waiter, &frame,
				      hv_now_ns(hv));
	if (result == CACHE_READY)
		copy(frame, guest_physical, bytes, len, write);
	hv_unlock(hv);
	if (result == CACHE_WAIT)
		return -EAGAIN;
	return result == CACHE_READY ? 0 : -EFAULT;
}

static int touch_all(struct vcpu *vcpu, uint64_t guest_physical, uint8_t *bytes, uint32_t len, bool write)
{
	while (len > 0) {
		uint32_t room = PAGE_BYTES - (uint32_t)(guest_physical & PAGE_MASK);
		uint32_t piece = len < room ? len : room;
		int status = touch(vcpu, guest_physical, bytes, piece, write);

		if (status)
			return status;
		guest_physical += piece;
		bytes += piece;
		len -= piece;
	}
	return 0;
}

int gmem_read(struct vcpu *vcpu, uint64_t guest_physical, void *bytes, uint32_t len)
{
	return touch_all(vcpu, guest_physical, bytes, len, false);
}

int gmem_write(struct vcpu *vcpu, uint64_t guest_physical, const void *bytes, uint32_t len)
{
	return touch_all(vcpu, guest_physical, (uint8_t *)(uintptr_t)bytes, len, true);
}

/* ------------------------------------------------------------------ the guest's page tables (APM vol. 2 chapter 5) */

/* One paging mode: how many levels, bits of index a level, bytes of an entry. */
struct walk_mode {
	unsigned levels, index_bits, entry_bytes;
	uint64_t address_mask;		/* of the next table or page in an entry */
	uint64_t root_mask;
	unsigned large_levels;		/* entries up to this level (counting from 1 at the bottom) may be large pages */
};

static const struct walk_mode walk_long = { 4, 9, 8, UINT64_C(0x000ffffffffff000), UINT64_C(0x000ffffffffff000), 3 };
static const struct walk_mode walk_pae = { 3, 9, 8, UINT64_C(0x000ffffffffff000), UINT64_C(0xffffffe0), 2 };
static const struct walk_mode walk_legacy = { 2, 10, 4, UINT64_C(0xfffff000), UINT64_C(0xfffff000), 2 };

static int walk(struct vcpu *vcpu, const struct walk_mode *mode, bool large_ok, uint64_t root, uint64_t linear,
		uint64_t *guest_physical)
{
	uint64_t table = root & mode->root_mask;

	for (unsigned level = mode->levels; level > 0; level--) {
		unsigned shift = PAGE_SHIFT + (level - 1) * mode->index_bits;
		uint64_t index = (linear >> shift) & ((UINT64_C(1) << mode->index_bits) - 1);
		uint64_t entry = 0;
		int status = gmem_read(vcpu, table + index * mode->entry_bytes, &entry, mode->entry_bytes);

		if (status)
			return status == -EAGAIN ? status : -ENXIO;
		if (!(entry & ENTRY_PRESENT))
			return -ENXIO;
		if (level == 1 || (level <= mode->large_levels && large_ok && entry & ENTRY_LARGE)) {
			uint64_t offset_mask = (UINT64_C(1) << shift) - 1;

			*guest_physical = (entry & mode->address_mask & ~offset_mask) | (linear & offset_mask);
			return 0;
		}
		table = entry & mode->address_mask;
	}
	return -ENXIO;
}

int gmem_translate(struct vcpu *vcpu, const struct vcpu_registers *registers, uint64_t linear, uint64_t *guest_physical)
{
	if (!(registers->cr0 & CR0_PG)) {
		*guest_physical = linear;
		return 0;
	}
	if (registers->efer & EFER_LMA)
		return walk(vcpu, &walk_long, true, registers->cr3, linear, guest_physical);
	if (registers->cr4 & CR4_PAE)
		return walk(vcpu, &walk_pae, true, registers->cr3, linear & UINT32_MAX, guest_physical);
	return walk(vcpu, &walk_legacy, registers->cr4 & CR4_PSE, registers->cr3, linear & UINT32_MAX, guest_physical);
}

int gmem_fetch(struct vcpu *vcpu, const struct vcpu_registers *registers, uint8_t *bytes, uint32_t *len)
{
	uint64_t linear = registers->cs_long ? registers->rip : (registers->cs_base + registers->rip) & UINT32_MAX;
	uint32_t room = PAGE_BYTES - (uint32_t)(linear & PAGE_MASK);
	uint32_t first = room < INSTRUCTION_BYTES_MAX ? room : INSTRUCTION_BYTES_MAX;
	uint64_t guest_physical;
	int status;

	*len = 0;
	status = gmem_translate(vcpu, registers, linear, &guest_physical);
	if (!status)
		status = gmem_read(vcpu, guest_physical, bytes, first);
	if (status)
		return status;
	*len = first;
	if (first == INSTRUCTION_BYTES_MAX)
		return 0;
	/* The instruction may end before the next page, so that this one need not be mapped. */
	status = gmem_translate(vcpu, registers, linear + first, &guest_physical);
	if (!status)
		status = gmem_read(vcpu, guest_physical, bytes + first, INSTRUCTION_BYTES_MAX - first);
	if (status == -EAGAIN)
		return status;
	if (!status)
		*len = INSTRUCTION_BYTES_MAX;
	return 0;
}
