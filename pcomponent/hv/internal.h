/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the shim share. Nobody outside pcomponent/hv includes this, but its tests. */
#ifndef PLENUM_PCOMPONENT_HV_INTERNAL_H
#define PLENUM_PCOMPONENT_HV_INTERNAL_H

#include "pcomponent/hv/backend.h"
#include "pcomponent/hv/hv.h"

/* Guest RAM ends below this; device memory (IOAPIC, LAPIC) is above. */
#define HV_MEMORY_BYTES_MAX (UINT64_C(3) << 30)
#define HV_EXITS_PER_RUN_MAX 4096u	/* then vcpu_run() returns, so that the caller's own duties are never starved */
#define HV_NO_CPU UINT32_MAX

#define VECTOR_UD 6
#define VECTOR_GP 13

/* Memory type range registers: kept, so that the guest reads what it wrote; the nested tables decide in truth. */
#define MTRR_VARIABLE_COUNT 8u
struct mtrr_state {
	uint64_t default_type;
	uint64_t variable[2 * MTRR_VARIABLE_COUNT];
	uint64_t fixed[11];
};

struct vcpu {
	struct vm *vm;
	uint32_t number;
	struct backend_vcpu *backend;
	struct cache_waiter waiter;	/* for the one page this vCPU waits for */
	uint32_t kicked;		/* atomic: somebody changed something for us since we last looked */
	uint32_t active;		/* atomic: inside vcpu_run() */
	uint32_t guest_cpu;		/* atomic: physical processor that is in the guest for us, or HV_NO_CPU */
	uint32_t last_cpu;		/* where its translations are */
	uint64_t npt_generation_seen;
	bool blocked;			/* cannot go on before its waiter was woken, but can take an interrupt */
	bool halted;			/* executed HLT */
	bool wait_for_sipi;
	uint64_t armed_ns;		/* deadline the caller knows of */
	struct mtrr_state mtrr;
	uint64_t clock_msr;		/* MSR_KVM_SYSTEM_TIME_NEW as written */
	uint64_t wall_msr;

	uint64_t exit_tsc;		/* last #VMEXIT */
	uint64_t miss_tsc;		/* nested fault of the miss under way; 0: none */
	bool null_exit;			/* the last exit was a CPUID: measure it */

	uint64_t run_tsc;		/* ticks in the guest */
	uint64_t exits[EXIT_REASON_COUNT];
	uint64_t exits_mmio, interrupts_injected;
	struct wire_histogram miss, exit;
};

struct vm {
	struct hv *hv;
	uint32_t slot;
	uint64_t id;			/* 0: free */
	char name[VM_NAME_BYTES];
	uint64_t memory_bytes;
	uint32_t vcpus;
	uint32_t state;			/* atomic: enum wire_vm_state */
	int32_t status;
	char reason[WIRE_REASON_BYTES];
	bool reset_wanted;
	uint64_t resets;
	uint64_t start_ns, tsc_offset;	/* the guest's clocks are 0 there */
	struct npt npt;
	struct board board;
	uint32_t board_user;		/* vCPU whose access is being served: it needs no kick */
	struct vcpu vcpu[VCPUS_PER_VM_MAX];
};

struct hv {
	struct hv_config config;
	struct vm vm[VMS_PER_NODE_MAX];
};

/* What an exit handler wants of the run loop; gmem's -EAGAIN becomes HANDLED_WAIT. */
enum handled { HANDLED, HANDLED_WAIT };

static inline uint64_t hv_now_ns(const struct hv *hv)
{
	return hv->config.environment.now_ns(hv->config.environment.context);
}
static inline uint64_t hv_tsc(const struct hv *hv)
{
	return hv->config.environment.tsc(hv->config.environment.context);
}
static inline uint64_t hv_tsc_to_ns(const struct hv *hv, uint64_t ticks)
{
	uint64_t khz = hv->config.tsc_khz;

	return ticks / khz * 1000000 + ticks % khz * 1000000 / khz;
}
static inline void hv_lock(const struct hv *hv)
{
	hv->config.environment.lock(hv->config.environment.context);
}
static inline void hv_unlock(const struct hv *hv)
{
	hv->config.environment.unlock(hv->config.environment.context);
}
static inline enum wire_vm_state vm_state(const struct vm *vm)
{
	return (enum wire_vm_state)__atomic_load_n(&vm->state, __ATOMIC_ACQUIRE);
}
static inline bool vm_is_ram(const struct vm *vm, uint64_t guest_physical)
{
	return guest_physical < vm->memory_bytes;
}

/* vm.c */
struct vm *vm_slot(struct hv *hv, uint32_t slot);
/* Devices and state of the VM, for `user` (HV_NO_CPU: not a vCPU). */
void vm_lock(struct vm *vm, uint32_t user);
void vm_unlock(struct vm *vm);
/* From running to `state` (loading: the guest asked for a reset); nothing happens if something else ended the run before. */
void vm_end_run(struct vm *vm, enum wire_vm_state state, int status, const char *reason);
/* Ask for what a board event or a triple fault means. */
void vm_take_board_event(struct vm *vm, enum board_event event);
/* status.c: the VM cannot go on: one line for the operator, with where it was. */
void vm_fail(struct vcpu *vcpu, const char *what, const uint8_t *bytes, uint32_t len);
/* vcpu.c: for a new VM (counters too); for a start. */
void vcpu_clear(struct vcpu *vcpu);
void vcpu_prepare(struct vcpu *vcpu);

/* npt.c: the frame of a mapped page, marking it dirty when it will be written, or NULL. */
void *npt_frame(struct npt *npt, uint64_t page, bool write);

/*
 * gmem.c: guest memory touched by the shim. 0; -EAGAIN: the page is on its way and vcpu->waiter queued: do the whole exit
 * again when woken (so nothing may have changed yet); -EFAULT: no such memory.
 */
int gmem_read(struct vcpu *vcpu, uint64_t guest_physical, void *bytes, uint32_t len);
int gmem_write(struct vcpu *vcpu, uint64_t guest_physical, const void *bytes, uint32_t len);
/* -ENXIO: the guest's tables do not map it. */
int gmem_translate(struct vcpu *vcpu, const struct vcpu_registers *registers, uint64_t linear, uint64_t *guest_physical);
/* Up to INSTRUCTION_BYTES_MAX bytes at CS:RIP; fewer when the next page is not mapped. */
int gmem_fetch(struct vcpu *vcpu, const struct vcpu_registers *registers, uint8_t *bytes, uint32_t *len);

/*
 * entropy.c: what the entropy device's bell asks for, without the VM's lock. 0: it is done; -EAGAIN: as gmem_read(); -EBUSY: another vCPU
 * is at it: do the exit again.
 */
int entropy_serve(struct vcpu *vcpu);

/* exit.c */
enum handled exit_handle(struct vcpu *vcpu, const struct backend_exit *exit);

/* cpuid.c */
void cpuid_guest(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* msr.c: 0, -EAGAIN, or -EFAULT: the guest gets #GP. */
int msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
int msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);
void msr_reset(struct vcpu *vcpu);

#endif
