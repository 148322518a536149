/* SPDX-License-Identifier: GPL-2.0-only */
/* The virtual machine control block: AMD APM vol. 2 (rev. 3.42) appendix B, tables B-1 and B-2. */
#ifndef PLENUM_PCOMPONENT_HV_SVM_VMCB_H
#define PLENUM_PCOMPONENT_HV_SVM_VMCB_H

#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
	uint16_t selector;
	uint16_t attributes;		/* descriptor bits 55:52 and 47:40, packed */
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* control area */
	uint16_t intercept_cr_read;	/* 0x000 */
	uint16_t intercept_cr_write;	/* 0x002 */
	uint16_t intercept_dr_read;	/* 0x004 */
	uint16_t intercept_dr_write;	/* 0x006 */
	uint32_t intercept_exceptions;	/* 0x008 */
	uint32_t intercept_1;		/* 0x00c: VMCB_INTERCEPT1_* */
	uint32_t intercept_2;		/* 0x010: VMCB_INTERCEPT2_* */
	uint32_t intercept_3;		/* 0x014 */
	uint8_t reserved_018[0x40 - 0x18];
	uint64_t iopm_base;		/* 0x040 */
	uint64_t msrpm_base;		/* 0x048 */
	uint64_t tsc_offset;		/* 0x050 */
	uint32_t asid;			/* 0x058 */
	uint8_t tlb_control;		/* 0x05c */
	uint8_t reserved_05d[3];
	uint64_t virtual_interrupt;	/* 0x060: VMCB_V_* */
	uint64_t interrupt_shadow;	/* 0x068: bit 0; bit 1 is the guest's interrupt mask, for SEV-ES */
	uint64_t exit_code;		/* 0x070 */
	uint64_t exit_info_1;		/* 0x078 */
	uint64_t exit_info_2;		/* 0x080 */
	uint64_t exit_interrupt_info;	/* 0x088 */
	uint64_t nested_control;	/* 0x090: bit 0 enables nested paging */
	uint64_t reserved_098[2];
	uint64_t event_injection;	/* 0x0a8 */
	uint64_t nested_cr3;		/* 0x0b0 */
	uint64_t lbr_control;		/* 0x0b8 */
	uint64_t clean_bits;		/* 0x0c0 */
	uint64_t next_rip;		/* 0x0c8 */
	uint8_t reserved_0d0[0x400 - 0xd0];

	/* state save area; offsets in the manual count from 0x400 */
	struct vmcb_segment es;		/* 0x400 */
	struct vmcb_segment cs;		/* 0x410 */
	struct vmcb_segment ss;		/* 0x420 */
	struct vmcb_segment ds;		/* 0x430 */
	struct vmcb_segment fs;		/* 0x440 */
	struct vmcb_segment gs;		/* 0x450 */
	struct vmcb_segment gdtr;	/* 0x460 */
	struct vmcb_segment ldtr;	/* 0x470 */
	struct vmcb_segment idtr;	/* 0x480 */
	struct vmcb_segment tr;		/* 0x490 */
	uint8_t reserved_4a0[0x4cb - 0x4a0];
	uint8_t cpl;			/* 0x4cb */
	uint32_t reserved_4cc;
	uint64_t efer;			/* 0x4d0 */
	uint8_t reserved_4d8[0x548 - 0x4d8];
	uint64_t cr4;			/* 0x548 */
	uint64_t cr3;			/* 0x550 */
	uint64_t cr0;			/* 0x558 */
	uint64_t dr7;			/* 0x560 */
	uint64_t dr6;			/* 0x568 */
	uint64_t rflags;		/* 0x570 */
	uint64_t rip;			/* 0x578 */
	uint8_t reserved_580[0x5d8 - 0x580];
	uint64_t rsp;			/* 0x5d8 */
	uint8_t reserved_5e0[0x5f8 - 0x5e0];
	uint64_t rax;			/* 0x5f8 */
	uint64_t star;			/* 0x600 */
	uint64_t lstar;			/* 0x608 */
	uint64_t cstar;			/* 0x610 */
	uint64_t sfmask;		/* 0x618 */
	uint64_t kernel_gs_base;	/* 0x620 */
	uint64_t sysenter_cs;		/* 0x628 */
	uint64_t sysenter_esp;		/* 0x630 */
	uint64_t sysenter_eip;		/* 0x638 */
	uint64_t cr2;			/* 0x640 */
	uint8_t reserved_648[0x668 - 0x648];
	uint64_t pat;			/* 0x668 */
	uint64_t debug_control;		/* 0x670 */
	uint8_t reserved_678[0x1000 - 0x678];
};

#define VMCB_AT(field, offset) _Static_assert(offsetof(struct vmcb, field) == (offset), "VMCB layout: " #field)
VMCB_AT(intercept_1, 0x00c);
VMCB_AT(iopm_base, 0x040);
VMCB_AT(msrpm_base, 0x048);
VMCB_AT(tsc_offset, 0x050);
VMCB_AT(asid, 0x058);
VMCB_AT(tlb_control, 0x05c);
VMCB_AT(virtual_interrupt, 0x060);
VMCB_AT(exit_code, 0x070);
VMCB_AT(exit_interrupt_info, 0x088);
VMCB_AT(nested_control, 0x090);
VMCB_AT(event_injection, 0x0a8);
VMCB_AT(nested_cr3, 0x0b0);
VMCB_AT(next_rip, 0x0c8);
VMCB_AT(es, 0x400);
VMCB_AT(tr, 0x490);
VMCB_AT(cpl, 0x4cb);
VMCB_AT(efer, 0x4d0);
VMCB_AT(cr4, 0x548);
VMCB_AT(cr0, 0x558);
VMCB_AT(rflags, 0x570);
VMCB_AT(rip, 0x578);
VMCB_AT(rsp, 0x5d8);
VMCB_AT(rax, 0x5f8);
VMCB_AT(star, 0x600);
VMCB_AT(kernel_gs_base, 0x620);
VMCB_AT(cr2, 0x640);
VMCB_AT(pat, 0x668);
_Static_assert(sizeof(struct vmcb) == 4096, "a VMCB is one page");

/* intercept_1 */
#define VMCB_INTERCEPT1_INTR (1u << 0)
#define VMCB_INTERCEPT1_NMI (1u << 1)
#define VMCB_INTERCEPT1_SMI (1u << 2)
#define VMCB_INTERCEPT1_INIT (1u << 3)
#define VMCB_INTERCEPT1_VINTR (1u << 4)
#define VMCB_INTERCEPT1_RDPMC (1u << 15)
#define VMCB_INTERCEPT1_CPUID (1u << 18)
#define VMCB_INTERCEPT1_RSM (1u << 19)
#define VMCB_INTERCEPT1_INVD (1u << 22)
#define VMCB_INTERCEPT1_HLT (1u << 24)
#define VMCB_INTERCEPT1_INVLPGA (1u << 26)
#define VMCB_INTERCEPT1_IOIO (1u << 27)
#define VMCB_INTERCEPT1_MSR (1u << 28)
#define VMCB_INTERCEPT1_SHUTDOWN (1u << 31)
/* intercept_2 */
#define VMCB_INTERCEPT2_VMRUN (1u << 0)
#define VMCB_INTERCEPT2_VMMCALL (1u << 1)
#define VMCB_INTERCEPT2_VMLOAD (1u << 2)
#define VMCB_INTERCEPT2_VMSAVE (1u << 3)
#define VMCB_INTERCEPT2_STGI (1u << 4)
#define VMCB_INTERCEPT2_CLGI (1u << 5)
#define VMCB_INTERCEPT2_SKINIT (1u << 6)
#define VMCB_INTERCEPT2_RDTSCP (1u << 7)
#define VMCB_INTERCEPT2_WBINVD (1u << 9)
#define VMCB_INTERCEPT2_MONITOR (1u << 10)
#define VMCB_INTERCEPT2_MWAIT (1u << 11)
#define VMCB_INTERCEPT2_MWAIT_ARMED (1u << 12)
#define VMCB_INTERCEPT2_XSETBV (1u << 13)

/* virtual_interrupt */
#define VMCB_V_IRQ (UINT64_C(1) << 8)
#define VMCB_V_PRIORITY_SHIFT 16
#define VMCB_V_IGNORE_TPR (UINT64_C(1) << 20)
#define VMCB_V_INTR_MASKING (UINT64_C(1) << 24)

/* event_injection and exit_interrupt_info (section 15.20) */
#define VMCB_EVENT_VALID (UINT64_C(1) << 31)
#define VMCB_EVENT_ERROR_VALID (UINT64_C(1) << 11)
#define VMCB_EVENT_TYPE(event) (((event) >> 8) & 7)
#define VMCB_EVENT_TYPE_MASK (UINT64_C(7) << 8)
#define VMCB_EVENT_INTR (UINT64_C(0) << 8)
#define VMCB_EVENT_NMI (UINT64_C(2) << 8)
#define VMCB_EVENT_EXCEPTION (UINT64_C(3) << 8)
enum { VMCB_TYPE_INTR = 0, VMCB_TYPE_NMI = 2, VMCB_TYPE_EXCEPTION = 3, VMCB_TYPE_SOFTWARE = 4 };

#define VMCB_TLB_FLUSH_ALL 1u
#define VMCB_TLB_FLUSH_ASID 3u

/* exit codes, appendix C; compare the low 32 bits only: QEMU stores VMEXIT_INVALID as 0x00000000ffffffff */
#define VMEXIT_CR8_READ 0x008u
#define VMEXIT_CR8_WRITE 0x018u
#define VMEXIT_INTR 0x060u
#define VMEXIT_NMI 0x061u
#define VMEXIT_SMI 0x062u
#define VMEXIT_INIT 0x063u
#define VMEXIT_VINTR 0x064u
#define VMEXIT_RDPMC 0x06fu
#define VMEXIT_CPUID 0x072u
#define VMEXIT_RSM 0x073u
#define VMEXIT_INVD 0x076u
#define VMEXIT_HLT 0x078u
#define VMEXIT_INVLPGA 0x07au
#define VMEXIT_IOIO 0x07bu
#define VMEXIT_MSR 0x07cu
#define VMEXIT_SHUTDOWN 0x07fu
#define VMEXIT_VMRUN 0x080u
#define VMEXIT_VMMCALL 0x081u
#define VMEXIT_VMLOAD 0x082u
#define VMEXIT_VMSAVE 0x083u
#define VMEXIT_STGI 0x084u
#define VMEXIT_CLGI 0x085u
#define VMEXIT_SKINIT 0x086u
#define VMEXIT_RDTSCP 0x087u
#define VMEXIT_WBINVD 0x089u
#define VMEXIT_MONITOR 0x08au
#define VMEXIT_MWAIT 0x08bu
#define VMEXIT_MWAIT_ARMED 0x08cu
#define VMEXIT_XSETBV 0x08du
#define VMEXIT_NESTED_FAULT 0x400u
#define VMEXIT_INVALID 0xffffffffu

/* exit_info_1 of a nested page fault (section 15.25.6) */
#define VMCB_FAULT_WRITE (UINT64_C(1) << 1)
#define VMCB_FAULT_FETCH (UINT64_C(1) << 4)
#define VMCB_FAULT_TABLE_WALK (UINT64_C(1) << 33)

/* exit_info_1 of IN and OUT (section 15.10.2) */
#define VMCB_IO_IN (1u << 0)
#define VMCB_IO_STRING (1u << 2)
#define VMCB_IO_REPEAT (1u << 3)
#define VMCB_IO_SIZE(info) (((info) >> 4) & 7)	/* one bit a size: 1, 2 or 4 bytes */
#define VMCB_IO_PORT(info) ((uint16_t)((info) >> 16))

#endif
