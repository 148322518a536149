/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between the shim and a backend (svm/ on AMD; vmx/ and kvm/ later), resolved at link time: exactly one
 * backend is linked. The backend turns the hardware's formats into these neutral ones. After Jailhouse's idea of one header as
 * the seam.
 */
#ifndef PLENUM_PCOMPONENT_HV_BACKEND_H
#define PLENUM_PCOMPONENT_HV_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcomponent/load/load.h"

enum { REGISTER_RAX, REGISTER_RCX, REGISTER_RDX, REGISTER_RBX, REGISTER_RSP, REGISTER_RBP, REGISTER_RSI, REGISTER_RDI,
       REGISTER_R8, REGISTER_R9, REGISTER_R10, REGISTER_R11, REGISTER_R12, REGISTER_R13, REGISTER_R14, REGISTER_R15,
       REGISTER_COUNT };

enum exit_reason {
	EXIT_NESTED_FAULT,	/* guest_physical, access */
	EXIT_PORT,		/* port, size, write, next_rip valid; string: INS/OUTS (refused) */
	EXIT_MSR,		/* msr in RCX; write */
	EXIT_CPUID, EXIT_HALT, EXIT_INTERRUPT /* the host's */, EXIT_INTERRUPT_WINDOW, EXIT_CR8_READ, EXIT_CR8_WRITE,
	EXIT_SHUTDOWN /* triple fault */,
	EXIT_HYPERCALL, EXIT_INVALIDATE_CACHE /* INVD, WBINVD */, EXIT_XSETBV, EXIT_UNDEFINED /* instruction the guest may not have: #UD */,
	EXIT_FAILED,		/* the hardware refused the guest's state: detail */
	EXIT_REASON_COUNT
};

struct backend_exit {
	enum exit_reason reason;
	uint64_t guest_physical;
	bool write, fetch, page_table_walk;	/* of the faulting access */
	uint16_t port;
	uint8_t size_bytes;
	bool string, repeat;
	uint64_t next_rip;			/* 0: unknown, decode the instruction */
	uint64_t detail;			/* raw exit code, for the log */
};

/* What the shim reads and writes of a vCPU; the backend's own state follows in `struct backend_vcpu`. */
struct vcpu_registers {
	uint64_t general[REGISTER_COUNT];
	uint64_t rip, rflags, cr0, cr2, cr3, cr4, efer;
	uint64_t cs_base, ss_base, ds_base, es_base, fs_base, gs_base;
	uint8_t cpl;
	bool cs_long, cs_default_32;		/* code segment's L and D */
	bool interrupt_shadow;
};

struct backend_vcpu;				/* VMCB, bitmaps, FPU area */
size_t backend_vcpu_bytes(void);

/* Can this processor do it? NULL or what is missing. */
const char *backend_probe(void);
int backend_cpu_enable(unsigned cpu);
void backend_vcpu_init(struct backend_vcpu *vcpu, void *memory, uint32_t vm, uint32_t number);
/* Long mode at `entry`, everything else as after INIT. `nested_root` is the physical address of the nested tables' root. */
void backend_vcpu_reset(struct backend_vcpu *vcpu, const struct load_entry *entry, uint64_t nested_root, uint64_t tsc_offset);
/* Application processor after SIPI: real mode at vector << 12. */
void backend_vcpu_start_ap(struct backend_vcpu *vcpu, uint8_t vector, uint64_t nested_root, uint64_t tsc_offset);

/*
 * Host interrupts off on this processor, so that nobody's kick is missed between the shim's last look and the entry:
 * an interrupt that comes from now on ends the guest's run at once. Ended by backend_run() or backend_release().
 */
void backend_hold(void);
void backend_release(void);
/*
 * Enter the guest and come back with why it left. Events that were being delivered when it left are
 * put back for the next entry by the backend. `flush`: stale translations may exist. Called after
 * backend_hold(); host interrupts are taken (by the host's own handlers) before this returns.
 */
void backend_run(struct backend_vcpu *vcpu, bool flush, struct backend_exit *exit);

/* Registers are loaded lazily: get fills `registers`, set writes back what changed. */
void backend_get_registers(struct backend_vcpu *vcpu, struct vcpu_registers *registers);
void backend_set_registers(struct backend_vcpu *vcpu, const struct vcpu_registers *registers);
/* Move RIP past an emulated instruction: ends the interrupt shadow. */
void backend_advance(struct backend_vcpu *vcpu, uint64_t next_rip);

/* Nothing is being re-delivered, IF set, no shadow: an interrupt may go in at the next entry. */
bool backend_can_interrupt(const struct backend_vcpu *vcpu);
bool backend_event_pending(const struct backend_vcpu *vcpu);
void backend_inject_interrupt(struct backend_vcpu *vcpu, uint8_t vector);
void backend_inject_nmi(struct backend_vcpu *vcpu);
/* error_code < 0: none. */
void backend_inject_exception(struct backend_vcpu *vcpu, uint8_t vector, int32_t error_code);
/* Exit as soon as the guest can take an interrupt. */
void backend_want_window(struct backend_vcpu *vcpu, bool want);

/* MSRs the hardware keeps per guest (EFER, PAT, STAR.., FS/GS base, SYSENTER..): 0, or -ENOENT when not the backend's. */
int backend_msr_read(struct backend_vcpu *vcpu, uint32_t msr, uint64_t *value);
int backend_msr_write(struct backend_vcpu *vcpu, uint32_t msr, uint64_t value);
/* The host's CPUID leaf, before the shim masks it. */
void backend_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
unsigned backend_this_cpu(void);

#endif
