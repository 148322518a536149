/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backend on AMD SVM with nested paging (AMD APM vol. 2 chapter 15). Rules that the code below depends on, several
 * of them learnt from QEMU's emulation and true on silicon as well:
 *
 *  1. Events go in by EVENTINJ only. V_IRQ is set solely together with the VINTR intercept, as a window: it is taken
 *     as soon as the guest could take an interrupt, and it is never delivered.
 *  2. CR8 accesses always exit: an un-intercepted write while V_IRQ is set aborts QEMU, and the TPR lives in the LAPIC.
 *  3. EXITINTINFO is normalised (a vector above 31 is no exception) and re-injected, except software events, which the
 *     instruction raises again by itself.
 *  4. Exit codes are compared as 32 bits.
 *  5. The interrupt shadow is honoured by software: it is saved at #VMEXIT but not loaded by every VMRUN.
 *  6. x87/SSE state and DR0-3 are not in the VMCB: switched when another vCPU ran on the processor since. The kernel
 *     has its own use of the SSE registers now and then (kernel/vector.h) and gets them saved before; it never touches the
 *     debug registers. XSAVE is hidden from guests, so there is no other extended state.
 */
#include "pcomponent/hv/backend.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <plenum/limits.h>
#include <plenum/page.h>

#include "kernel/kernel.h"
#include "kernel/vector.h"
#include "pcomponent/hv/svm/svm.h"

void svm_enter(uint64_t vmcb_physical, uint64_t *general, uint64_t host_physical);

#define MSR_VM_CR 0xc0010114u
#define VM_CR_SVMDIS (UINT64_C(1) << 4)
#define MSR_VM_HSAVE_PA 0xc0010117u
#define RFLAGS_IF (UINT64_C(1) << 9)
#define CR4_OSFXSR (UINT64_C(1) << 9)
#define CR0_EM_TS (UINT64_C(0xc))

/* What a processor needs to run guests. */
struct svm_cpu {
	uint8_t host_save[PAGE_BYTES];		/* VM_HSAVE_PA: for the processor's use */
	uint8_t host_vmcb[PAGE_BYTES];		/* VMSAVE area of the host's segments and MSRs */
	struct backend_vcpu *last;		/* ran here last: its debug registers are loaded, its translations may be there */
	bool fpu_loaded;			/* and its FPU registers are loaded, too, not in its `fpu` */
	uint64_t host_vmcb_physical;
	bool enabled;
} __attribute__((aligned(PAGE_BYTES)));

static struct svm_cpu svm_cpus[CONFIG_CPUS_MAX];
uint8_t svm_msr_map[MSR_MAP_BYTES] __attribute__((aligned(PAGE_BYTES)));
uint8_t svm_io_map[SVM_IO_MAP_BYTES] __attribute__((aligned(PAGE_BYTES)));

static struct {
	bool next_rip;				/* CPUID 8000000A EDX bit 3: VMCB.next_rip is filled */
	bool flush_by_asid;			/* bit 6 */
} svm_features;

static uint64_t read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

void backend_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__asm__ volatile("cpuid" : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3]) : "0"(leaf), "2"(subleaf));
}

unsigned backend_this_cpu(void)
{
	return cpu_this();
}

/* ------------------------------------------------------------------ start */

const char *backend_probe(void)
{
	uint32_t out[4];

	backend_cpuid(0x80000000, 0, out);
	if (out[0] < 0x8000000a)
		return "no AMD SVM (no CPUID leaf 8000000A)";
	backend_cpuid(0x80000001, 0, out);
	if (!(out[2] & 1u << 2))
		return "no AMD SVM (CPUID 80000001 ECX bit 2)";
	if (read_msr(MSR_VM_CR) & VM_CR_SVMDIS)
		return "SVM is switched off by the firmware (VM_CR.SVMDIS)";
	backend_cpuid(0x8000000a, 0, out);
	if (!(out[3] & 1))
		return "no nested paging (CPUID 8000000A EDX bit 0)";
	svm_features.next_rip = out[3] & 1u << 3;
	svm_features.flush_by_asid = out[3] & 1u << 6;
	return NULL;
}

int backend_cpu_enable(unsigned cpu)
{
	struct svm_cpu *self = &svm_cpus[cpu];
	uint64_t cr0, cr4;

	assert(cpu < CONFIG_CPUS_MAX && cpu == cpu_this());
	if (self->enabled)
		return 0;
	memset(svm_io_map, 0xff, sizeof(svm_io_map));
	msr_map_fill(svm_msr_map);
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SVME);
	write_msr(MSR_VM_HSAVE_PA, physical_of(self->host_save));
	/* FXSAVE and FXRSTOR of guests' state need these. */
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~CR0_EM_TS));
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSFXSR));
	self->host_vmcb_physical = physical_of(self->host_vmcb);
	self->enabled = true;
	return 0;
}

/* ------------------------------------------------------------------ events */

bool backend_event_pending(const struct backend_vcpu *vcpu)
{
	return vcpu->vmcb.event_injection & VMCB_EVENT_VALID;
}

bool backend_can_interrupt(const struct backend_vcpu *vcpu)
{
	return !backend_event_pending(vcpu) && (vcpu->vmcb.rflags & RFLAGS_IF) && !(vcpu->vmcb.interrupt_shadow & 1);
}

void backend_inject_interrupt(struct backend_vcpu *vcpu, uint8_t vector)
{
	assert(backend_can_interrupt(vcpu));
	vcpu->vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_INTR | vector;
}

void backend_inject_nmi(struct backend_vcpu *vcpu)
{
	assert(!backend_event_pending(vcpu));
	vcpu->vmcb.event_injection = VMCB_EVENT_VALID | VMCB_EVENT_NMI | 2;
}

void backend_inject_exception(struct backend_vcpu *vcpu, uint8_t vector, int32_t error_code)
{
	uint64_t event = VMCB_EVENT_VALID | VMCB_EVENT_EXCEPTION | vector;

	assert(!backend_event_pending(vcpu) && vector < 32);
	if (error_code >= 0)
		event |= VMCB_EVENT_ERROR_VALID | (uint64_t)(uint32_t)error_code << 32;
	vcpu->vmcb.event_injection = event;
}

void backend_want_window(struct backend_vcpu *vcpu, bool want)
{
	struct vmcb *vmcb = &vcpu->vmcb;

	if (want) {
		vmcb->intercept_1 |= VMCB_INTERCEPT1_VINTR;
		vmcb->virtual_interrupt = VMCB_V_INTR_MASKING | VMCB_V_IRQ | VMCB_V_IGNORE_TPR |
			UINT64_C(0xf) << VMCB_V_PRIORITY_SHIFT;
	} else {
		vmcb->intercept_1 &= ~VMCB_INTERCEPT1_VINTR;
		vmcb->virtual_interrupt = VMCB_V_INTR_MASKING;
	}
}

/* An event was being delivered when the guest left: put it back (section 15.7.2). */
static void restore_event(struct vmcb *vmcb)
{
	uint64_t event = vmcb->exit_interrupt_info;
	uint8_t vector = (uint8_t)event;

	vmcb->event_injection = 0;
	if (!(event & VMCB_EVENT_VALID))
		return;
	/* QEMU calls an interrupt an exception here; no exception has such a vector. */
	if (VMCB_EVENT_TYPE(event) == VMCB_TYPE_EXCEPTION && vector >= 32)
		event = VMCB_EVENT_VALID | VMCB_EVENT_INTR | vector;
	switch (VMCB_EVENT_TYPE(event)) {
	case VMCB_TYPE_EXCEPTION:
		if (vector == 3 || vector == 4)
			return;		/* #BP and #OF: RIP is still at the instruction, it will raise them again */
		break;
	case VMCB_TYPE_INTR:
	case VMCB_TYPE_NMI:
		break;
	default:
		return;			/* software interrupt: the same */
	}
	vmcb->event_injection = event;
}

/* ------------------------------------------------------------------ running */

void backend_hold(void)
{
	interrupts_disable();
}

void backend_release(void)
{
	interrupts_enable();
}

static void reset_state(struct backend_vcpu *vcpu)
{
	uint32_t mxcsr = 0x1f80;

	memset(vcpu->debug, 0, sizeof(vcpu->debug));
	memset(vcpu->fpu, 0, sizeof(vcpu->fpu));
	vcpu->fpu[0] = 0x7f;			/* FCW 0x037f; tags empty; MXCSR at offset 24 */
	vcpu->fpu[1] = 0x03;
	memcpy(vcpu->fpu + 24, &mxcsr, sizeof(mxcsr));
	vcpu->state_is_new = false;
}

/* The kernel wants the registers, or another vCPU. Interrupts are off. */
static void save_fpu(void)
{
	struct svm_cpu *cpu = &svm_cpus[cpu_this()];

	assert(cpu->last && cpu->fpu_loaded);
	__asm__ volatile("fxsave64 %0" : "=m"(cpu->last->fpu));
	cpu->fpu_loaded = false;
}

static void load_fpu(struct svm_cpu *cpu)
{
	__asm__ volatile("fxrstor64 %0" : : "m"(cpu->last->fpu));
	cpu->fpu_loaded = true;
	vector_set_owner(save_fpu);
}

static void save_debug(struct backend_vcpu *vcpu)
{
	__asm__ volatile("mov %%db0, %0" : "=r"(vcpu->debug[0]));
	__asm__ volatile("mov %%db1, %0" : "=r"(vcpu->debug[1]));
	__asm__ volatile("mov %%db2, %0" : "=r"(vcpu->debug[2]));
	__asm__ volatile("mov %%db3, %0" : "=r"(vcpu->debug[3]));
}

static void load_debug(const struct backend_vcpu *vcpu)
{
	__asm__ volatile("mov %0, %%db0" : : "r"(vcpu->debug[0]));
	__asm__ volatile("mov %0, %%db1" : : "r"(vcpu->debug[1]));
	__asm__ volatile("mov %0, %%db2" : : "r"(vcpu->debug[2]));
	__asm__ volatile("mov %0, %%db3" : : "r"(vcpu->debug[3]));
}

/*
 * Rule 6. Interrupts are off. True: another vCPU was here, or another life of this one, so that translations of its may be,
 * too. A vCPU may be reset by another processor, so that only takes note: the registers and who was last are this one's.
 */
static bool load_state(struct svm_cpu *cpu, struct backend_vcpu *vcpu)
{
	if (cpu->last == vcpu && !vcpu->state_is_new) {
		if (!cpu->fpu_loaded)
			load_fpu(cpu);
		return false;
	}
	if (cpu->last) {
		if (cpu->fpu_loaded)
			save_fpu();
		save_debug(cpu->last);
	}
	if (vcpu->state_is_new)
		reset_state(vcpu);
	cpu->last = vcpu;
	load_fpu(cpu);
	load_debug(vcpu);
	return true;
}

static void decode_nested_fault(const struct vmcb *vmcb, struct backend_exit *exit)
{
	exit->reason = EXIT_NESTED_FAULT;
	exit->guest_physical = vmcb->exit_info_2;
	exit->write = vmcb->exit_info_1 & VMCB_FAULT_WRITE;
	exit->fetch = vmcb->exit_info_1 & VMCB_FAULT_FETCH;
	exit->page_table_walk = vmcb->exit_info_1 & VMCB_FAULT_TABLE_WALK;
}

static void decode_port(const struct vmcb *vmcb, struct backend_exit *exit)
{
	uint32_t info = (uint32_t)vmcb->exit_info_1;

	exit->reason = EXIT_PORT;
	exit->port = VMCB_IO_PORT(info);
	exit->size_bytes = (uint8_t)VMCB_IO_SIZE(info);
	exit->write = !(info & VMCB_IO_IN);
	exit->string = info & VMCB_IO_STRING;
	exit->repeat = info & VMCB_IO_REPEAT;
	exit->next_rip = vmcb->exit_info_2;
}

/* Exits whose meaning is in the code alone. */
static enum exit_reason simple_reason(uint32_t code)
{
	switch (code) {
	case VMEXIT_CR8_READ: return EXIT_CR8_READ;
	case VMEXIT_CR8_WRITE: return EXIT_CR8_WRITE;
	case VMEXIT_INTR: case VMEXIT_NMI: case VMEXIT_SMI: return EXIT_INTERRUPT;
	case VMEXIT_VINTR: return EXIT_INTERRUPT_WINDOW;
	case VMEXIT_CPUID: return EXIT_CPUID;
	case VMEXIT_INVD: case VMEXIT_WBINVD: return EXIT_INVALIDATE_CACHE;
	case VMEXIT_HLT: return EXIT_HALT;
	case VMEXIT_SHUTDOWN: return EXIT_SHUTDOWN;
	case VMEXIT_VMMCALL: return EXIT_HYPERCALL;
	case VMEXIT_XSETBV: return EXIT_XSETBV;
	case VMEXIT_RDPMC: case VMEXIT_RSM: case VMEXIT_INVLPGA: case VMEXIT_VMRUN: case VMEXIT_VMLOAD: case VMEXIT_VMSAVE:
	case VMEXIT_STGI: case VMEXIT_CLGI: case VMEXIT_SKINIT: case VMEXIT_RDTSCP: case VMEXIT_MONITOR: case VMEXIT_MWAIT:
	case VMEXIT_MWAIT_ARMED: return EXIT_UNDEFINED;
	default: return EXIT_FAILED;
	}
}

static void decode_exit(const struct vmcb *vmcb, struct backend_exit *exit)
{
	uint32_t code = (uint32_t)vmcb->exit_code;

	memset(exit, 0, sizeof(*exit));
	exit->detail = code;
	exit->next_rip = svm_features.next_rip ? vmcb->next_rip : 0;
	if (code == VMEXIT_NESTED_FAULT) {
		decode_nested_fault(vmcb, exit);
	} else if (code == VMEXIT_IOIO) {
		decode_port(vmcb, exit);
	} else if (code == VMEXIT_MSR) {
		exit->reason = EXIT_MSR;
		exit->write = vmcb->exit_info_1 & 1;
	} else {
		exit->reason = simple_reason(code);
		exit->write = exit->reason == EXIT_CR8_WRITE;
	}
}

void backend_run(struct backend_vcpu *vcpu, bool flush, struct backend_exit *exit)
{
	struct svm_cpu *cpu = &svm_cpus[cpu_this()];
	struct vmcb *vmcb = &vcpu->vmcb;

	assert(cpu->enabled);
	flush |= load_state(cpu, vcpu);
	vmcb->tlb_control = !flush ? 0 : svm_features.flush_by_asid ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_FLUSH_ALL;
	vmcb->clean_bits = 0;
	vmcb->rax = vcpu->general[REGISTER_RAX];
	vmcb->rsp = vcpu->general[REGISTER_RSP];

	svm_enter(vcpu->physical, vcpu->general, cpu->host_vmcb_physical);

	vcpu->general[REGISTER_RAX] = vmcb->rax;
	vcpu->general[REGISTER_RSP] = vmcb->rsp;
	restore_event(vmcb);
	decode_exit(vmcb, exit);
	interrupts_enable();			/* the host's interrupt that ended the run is taken here */
}
