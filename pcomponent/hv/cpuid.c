/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the guest sees of the processor: per leaf, the host's bits that may pass and the bits that are always set.
 * Everything not named here reads zero. Hidden on purpose:
 *	XSAVE, AVX and all that needs XCR0	(XSETBV does not exit on every processor: guests would share XCR0)
 *	PCID, INVPCID, LA57, PKU, CET		(control register bits that the host may lack)
 *	RDTSCP, RDPID				(TSC_AUX is not switched)
 *	SVM, MONITOR, machine check, performance counters
 */
#include "pcomponent/hv/internal.h"

#define BIT(n) (UINT32_C(1) << (n))

#define LEAF_BASIC_MAX 0xbu
#define LEAF_EXTENDED_MAX 0x80000008u
#define LEAF_KVM 0x40000000u
#define LEAF_KVM_MAX 0x40000010u

/* Leaf 1 ECX: SSE3, PCLMULQDQ, SSSE3, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, RDRAND */
#define LEAF_1_ECX_PASS (BIT(0) | BIT(1) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) | BIT(25) | BIT(30))
/* x2APIC, TSC deadline, hypervisor present: the shim's own work, whatever the host has */
#define LEAF_1_ECX_SET (BIT(21) | BIT(24) | BIT(31))
/* FPU VME DE PSE TSC MSR PAE CX8 APIC SEP MTRR PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2; no MCE, no MCA */
#define LEAF_1_EDX_PASS (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(11) | BIT(13) | BIT(15) | \
			 BIT(16) | BIT(17) | BIT(19) | BIT(23) | BIT(24) | BIT(25) | BIT(26))
#define LEAF_1_EDX_SET (BIT(9) | BIT(12))
#define LEAF_6_EAX_SET BIT(2)		/* ARAT: the APIC timer runs in every sleep state */
/* FSGSBASE, SMEP, ERMS, SMAP, CLFLUSHOPT, CLWB, ADX */
#define LEAF_7_EBX_PASS (BIT(0) | BIT(7) | BIT(9) | BIT(19) | BIT(20) | BIT(23) | BIT(24))
#define LEAF_7_EDX_PASS BIT(4)		/* fast short REP MOVSB */
/* LAHF in long mode, ABM, SSE4A, misaligned SSE, PREFETCH */
#define LEAF_80000001_ECX_PASS (BIT(0) | BIT(5) | BIT(6) | BIT(7) | BIT(8))
/* SYSCALL, NX, MMX extensions, 1 GiB pages, long mode */
#define LEAF_80000001_EDX_PASS (BIT(11) | BIT(20) | BIT(22) | BIT(26) | BIT(29))
/* AMD repeats bits 0-9, 12-17, 23 and 24 of leaf 1 there (APM vol. 3 appendix E.4.2) */
#define LEAF_1_EDX_MIRRORED UINT32_C(0x0183f3ff)
#define LEAF_80000007_EDX_SET BIT(8)	/* the TSC is invariant */

/* KVM's interface (Documentation/virt/kvm/x86/cpuid.rst): clock at the old MSRs and at the new ones, clock is stable */
#define KVM_FEATURES_CLOCK (BIT(0) | BIT(3) | BIT(24))

struct cpuid_leaf {
	uint32_t leaf;
	uint32_t pass[4], set[4];	/* EAX, EBX, ECX, EDX */
};

#define ALL UINT32_MAX
static const struct cpuid_leaf leaves[] = {
	{ .leaf = 0x1, .pass = { ALL, 0x0000ff00, LEAF_1_ECX_PASS, LEAF_1_EDX_PASS },
	  .set = { 0, 0, LEAF_1_ECX_SET, LEAF_1_EDX_SET } },
	{ .leaf = 0x6, .set = { LEAF_6_EAX_SET } },
	{ .leaf = 0x7, .pass = { 0, LEAF_7_EBX_PASS, 0, LEAF_7_EDX_PASS } },
	{ .leaf = 0x80000001, .pass = { ALL, ALL, LEAF_80000001_ECX_PASS, LEAF_80000001_EDX_PASS } },
	{ .leaf = 0x80000002, .pass = { ALL, ALL, ALL, ALL } },	/* brand string */
	{ .leaf = 0x80000003, .pass = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000004, .pass = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000005, .pass = { ALL, ALL, ALL, ALL } },	/* caches and TLBs */
	{ .leaf = 0x80000006, .pass = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000007, .set = { 0, 0, 0, LEAF_80000007_EDX_SET } },
	{ .leaf = 0x80000008, .pass = { 0x0000ffff } },		/* address sizes */
};

static void set(uint32_t out[4], uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	out[0] = eax;
	out[1] = ebx;
	out[2] = ecx;
	out[3] = edx;
}

static void from_table(uint32_t leaf, uint32_t out[4])
{
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		if (leaves[i].leaf != leaf)
			continue;
		backend_cpuid(leaf, 0, out);
		for (unsigned r = 0; r < 4; r++)
			out[r] = (out[r] & leaves[i].pass[r]) | leaves[i].set[r];
		return;
	}
}

static unsigned bits_for(uint32_t count)
{
	unsigned bits = 0;

	while (UINT32_C(1) << bits < count)
		bits++;
	return bits;
}

/* Leaf 0xB: one thread a core, all cores in one package. */
static void topology(const struct vcpu *vcpu, uint32_t subleaf, uint32_t out[4])
{
	uint32_t vcpus = vcpu->vm->vcpus;

	if (subleaf == 0)
		set(out, 0, 1, 1u << 8, vcpu->number);
	else if (subleaf == 1)
		set(out, bits_for(vcpus), vcpus, 2u << 8 | 1, vcpu->number);
	else
		set(out, 0, 0, subleaf & 0xff, vcpu->number);
}

static void kvm(const struct vcpu *vcpu, uint32_t leaf, uint32_t out[4])
{
	if (leaf == LEAF_KVM)
		set(out, LEAF_KVM_MAX, 0x4b4d564b, 0x564b4d56, 0x4d);	/* "KVMKVMKVM" */
	else if (leaf == LEAF_KVM + 1)
		set(out, board_has(&vcpu->vm->board, DEVICE_KVMCLOCK) ? KVM_FEATURES_CLOCK : 0, 0, 0, 0);
	else if (leaf == LEAF_KVM_MAX)
		set(out, (uint32_t)vcpu->vm->hv->config.tsc_khz, (uint32_t)(LAPIC_TIMER_HZ / 1000), 0, 0);
}

void cpuid_guest(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	set(out, 0, 0, 0, 0);
	switch (leaf) {
	case 0:
		backend_cpuid(0, 0, out);
		out[0] = LEAF_BASIC_MAX;
		break;
	case 1:
		from_table(leaf, out);
		out[1] |= vcpu->number << 24 | vcpu->vm->vcpus << 16;
		if (vcpu->vm->vcpus > 1)
			out[3] |= BIT(28);		/* HTT: the count in EBX means something */
		break;
	case 7:
		if (subleaf == 0)
			from_table(leaf, out);
		break;
	case 0xb:
		topology(vcpu, subleaf, out);
		break;
	case 0x80000000:
		backend_cpuid(leaf, 0, out);
		out[0] = LEAF_EXTENDED_MAX;
		break;
	case 0x80000001: {
		uint32_t basic[4] = { 0 };

		from_table(leaf, out);
		from_table(1, basic);
		out[3] |= basic[3] & LEAF_1_EDX_MIRRORED;
		break;
	}
	case LEAF_KVM ... LEAF_KVM_MAX:
		kvm(vcpu, leaf, out);
		break;
	default:
		from_table(leaf, out);
	}
}
