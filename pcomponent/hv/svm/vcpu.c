// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's state in its VMCB: how it starts, its registers, and the MSRs that are kept there. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kernel/kernel.h"
#include "pcomponent/hv/svm/svm.h"

#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_LME (UINT64_C(1) << 8)
#define EFER_NXE (UINT64_C(1) << 11)
#define EFER_GUEST_BITS (UINT64_C(1) | EFER_LME | EFER_LMA | EFER_NXE)	/* SCE and these */
#define MSR_PAT 0x277u
#define PAT_RESET UINT64_C(0x0007040600070406)
#define RFLAGS_RESERVED_1 UINT64_C(2)
/*
 * ASID 0 is the host's. All vCPUs share one and the processor's translations are flushed when another vCPU runs on it:
 * processors have as few as 16, and threads of vCPUs are pinned, so that a switch is rare.
 */
#define GUEST_ASID 1u

/* Descriptor attributes: type, S, DPL, P in bits 7:0, AVL, L, D/B, G in 11:8. */
#define ATTRIBUTES_CODE_64 0xa9b
#define ATTRIBUTES_DATA 0xc93
#define ATTRIBUTES_CODE_16 0x09b
#define ATTRIBUTES_DATA_16 0x093
#define ATTRIBUTES_TSS 0x08b
#define ATTRIBUTES_LDT 0x082

size_t backend_vcpu_bytes(void)
{
	return (sizeof(struct backend_vcpu) + PAGE_MASK) & ~(size_t)PAGE_MASK;
}

static void set_segment(struct vmcb_segment *segment, uint16_t selector, uint16_t attributes, uint32_t limit, uint64_t base)
{
	*segment = (struct vmcb_segment){ .selector = selector, .attributes = attributes, .limit = limit, .base = base };
}

/* Intercepts that isolation or correctness depend on; nothing in the shim can take them away. */
static void set_controls(struct vmcb *vmcb)
{
	vmcb->intercept_cr_read = 1u << 8;
	vmcb->intercept_cr_write = 1u << 8;
	vmcb->intercept_1 = VMCB_INTERCEPT1_INTR | VMCB_INTERCEPT1_NMI | VMCB_INTERCEPT1_SMI | VMCB_INTERCEPT1_INIT |
		VMCB_INTERCEPT1_RDPMC | VMCB_INTERCEPT1_CPUID | VMCB_INTERCEPT1_RSM | VMCB_INTERCEPT1_INVD |
		VMCB_INTERCEPT1_HLT | VMCB_INTERCEPT1_INVLPGA | VMCB_INTERCEPT1_IOIO | VMCB_INTERCEPT1_MSR |
		VMCB_INTERCEPT1_SHUTDOWN;
	vmcb->intercept_2 = VMCB_INTERCEPT2_VMRUN | VMCB_INTERCEPT2_VMMCALL | VMCB_INTERCEPT2_VMLOAD |
		VMCB_INTERCEPT2_VMSAVE | VMCB_INTERCEPT2_STGI | VMCB_INTERCEPT2_CLGI | VMCB_INTERCEPT2_SKINIT |
		VMCB_INTERCEPT2_RDTSCP | VMCB_INTERCEPT2_WBINVD | VMCB_INTERCEPT2_MONITOR | VMCB_INTERCEPT2_MWAIT |
		VMCB_INTERCEPT2_MWAIT_ARMED | VMCB_INTERCEPT2_XSETBV;
	vmcb->iopm_base = physical_of(svm_io_map);
	vmcb->msrpm_base = physical_of(svm_msr_map);
	vmcb->virtual_interrupt = VMCB_V_INTR_MASKING;
	vmcb->nested_control = 1;
}

void backend_vcpu_init(struct backend_vcpu *vcpu, void *memory, uint32_t vm, uint32_t number)
{
	assert((void *)vcpu == memory && ((uintptr_t)memory & PAGE_MASK) == 0);
	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->physical = physical_of(vcpu);
	(void)vm;
	(void)number;
}

/* Everything as after INIT (APM vol. 2 table 14-1); the caller sets where it starts. */
static void reset_common(struct backend_vcpu *vcpu, uint64_t nested_root, uint64_t tsc_offset)
{
	struct vmcb *vmcb = &vcpu->vmcb;

	memset(vmcb, 0, sizeof(*vmcb));
	vmcb->asid = GUEST_ASID;
	set_controls(vmcb);
	vmcb->nested_cr3 = nested_root;
	vmcb->tsc_offset = tsc_offset;
	vmcb->efer = EFER_SVME;
	vmcb->pat = PAT_RESET;
	vmcb->dr6 = 0xffff0ff0;
	vmcb->dr7 = 0x400;
	vmcb->rflags = RFLAGS_RESERVED_1;
	set_segment(&vmcb->ldtr, 0, ATTRIBUTES_LDT, 0xffff, 0);
	set_segment(&vmcb->tr, 0, ATTRIBUTES_TSS, 0xffff, 0);
	memset(vcpu->general, 0, sizeof(vcpu->general));
	vcpu->state_is_new = true;
}

void backend_vcpu_reset(struct backend_vcpu *vcpu, const struct load_entry *entry, uint64_t nested_root, uint64_t tsc_offset)
{
	struct vmcb *vmcb = &vcpu->vmcb;

	reset_common(vcpu, nested_root, tsc_offset);
	vmcb->cr0 = 0x80000033;			/* PG, NE, ET, MP, PE */
	vmcb->cr4 = 0x20;			/* PAE */
	vmcb->cr3 = entry->cr3;
	vmcb->efer |= EFER_LME | EFER_LMA;
	set_segment(&vmcb->cs, entry->code_selector, ATTRIBUTES_CODE_64, 0xffffffff, 0);
	struct vmcb_segment *data[] = { &vmcb->es, &vmcb->ss, &vmcb->ds, &vmcb->fs, &vmcb->gs };
	for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		set_segment(data[i], entry->data_selector, ATTRIBUTES_DATA, 0xffffffff, 0);
	set_segment(&vmcb->gdtr, 0, 0, entry->gdt_limit, entry->gdt_base);
	vmcb->rip = entry->rip;
	vcpu->general[REGISTER_RSP] = entry->rsp;
	vcpu->general[REGISTER_RSI] = entry->rsi;
}

void backend_vcpu_start_ap(struct backend_vcpu *vcpu, uint8_t vector, uint64_t nested_root, uint64_t tsc_offset)
{
	struct vmcb *vmcb = &vcpu->vmcb;

	reset_common(vcpu, nested_root, tsc_offset);
	vmcb->cr0 = 0x60000010;
	set_segment(&vmcb->cs, (uint16_t)(vector << 8), ATTRIBUTES_CODE_16, 0xffff, (uint64_t)vector << 12);
	struct vmcb_segment *data[] = { &vmcb->es, &vmcb->ss, &vmcb->ds, &vmcb->fs, &vmcb->gs };
	for (unsigned i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		set_segment(data[i], 0, ATTRIBUTES_DATA_16, 0xffff, 0);
	vmcb->gdtr.limit = 0xffff;
	vmcb->idtr.limit = 0xffff;
}

void backend_get_registers(struct backend_vcpu *vcpu, struct vcpu_registers *registers)
{
	const struct vmcb *vmcb = &vcpu->vmcb;

	memcpy(registers->general, vcpu->general, sizeof(vcpu->general));
	registers->rip = vmcb->rip;
	registers->rflags = vmcb->rflags;
	registers->cr0 = vmcb->cr0;
	registers->cr2 = vmcb->cr2;
	registers->cr3 = vmcb->cr3;
	registers->cr4 = vmcb->cr4;
	registers->efer = vmcb->efer & ~EFER_SVME;
	registers->cs_base = vmcb->cs.base;
	registers->ss_base = vmcb->ss.base;
	registers->ds_base = vmcb->ds.base;
	registers->es_base = vmcb->es.base;
	registers->fs_base = vmcb->fs.base;
	registers->gs_base = vmcb->gs.base;
	registers->cpl = (vmcb->ss.attributes >> 5) & 3;	/* QEMU leaves vmcb.cpl alone; SS.DPL is right everywhere */
	registers->cs_long = (vmcb->cs.attributes & 0x200) && (vmcb->efer & EFER_LMA);
	registers->cs_default_32 = vmcb->cs.attributes & 0x400;
	registers->interrupt_shadow = vmcb->interrupt_shadow & 1;
}

void backend_set_registers(struct backend_vcpu *vcpu, const struct vcpu_registers *registers)
{
	memcpy(vcpu->general, registers->general, sizeof(vcpu->general));
	vcpu->vmcb.rip = registers->rip;
	vcpu->vmcb.rflags = registers->rflags | RFLAGS_RESERVED_1;
	vcpu->vmcb.cr2 = registers->cr2;
}

void backend_advance(struct backend_vcpu *vcpu, uint64_t next_rip)
{
	vcpu->vmcb.rip = next_rip;
	vcpu->vmcb.interrupt_shadow &= ~UINT64_C(1);
}

/* ------------------------------------------------------------------ MSRs in the VMCB */

int backend_msr_read(struct backend_vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = vcpu->vmcb.efer & ~EFER_SVME;
		return 0;
	case MSR_PAT:
		*value = vcpu->vmcb.pat;
		return 0;
	default:
		return -ENOENT;
	}
}

static bool pat_valid(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		uint8_t type = (uint8_t)(value >> (8 * i));

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

int backend_msr_write(struct backend_vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct vmcb *vmcb = &vcpu->vmcb;

	switch (msr) {
	case MSR_EFER:
		/* LME cannot change while paging is on, LMA is the processor's (APM vol. 2 section 3.1.7) */
		if (value & ~EFER_GUEST_BITS || ((value ^ vmcb->efer) & EFER_LME && vmcb->cr0 >> 31 & 1))
			return -EFAULT;
		vmcb->efer = (value & ~EFER_LMA) | (vmcb->efer & EFER_LMA) | EFER_SVME;
		return 0;
	case MSR_PAT:
		if (!pat_valid(value))
			return -EFAULT;
		vmcb->pat = value;
		return 0;
	default:
		return -ENOENT;
	}
}
