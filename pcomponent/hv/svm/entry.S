/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * void svm_enter(uint64_t vmcb_physical, uint64_t *general, uint64_t host_physical);
 *
 * One round trip: VMRUN to #VMEXIT. Called with interrupts disabled, returns so. VMRUN and #VMEXIT switch RAX, RSP,
 * RIP, RFLAGS, control registers and CS/SS/DS/ES (APM vol. 2 section 15.5); VMLOAD and VMSAVE the rest (FS, GS, TR,
 * LDTR, syscall and sysenter MSRs, section 15.5.2); the other general registers are ours to switch.
 *
 * Interrupts must be enabled (RFLAGS.IF) at VMRUN for physical interrupts to end the guest's run while
 * V_INTR_MASKING is set (section 15.21.1), and the global interrupt flag keeps them off until then (15.17).
 */

/* offsets into general[], REGISTER_* of backend.h */
#define RCX 8
#define RDX 16
#define RBX 24
#define RBP 40
#define RSI 48
#define RDI 56

	.text
	.globl svm_enter
	.type svm_enter, @function
svm_enter:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rsi			/* 8(%rsp): general */
	pushq %rdx			/* 0(%rsp): host_physical */

	clgi
	sti
	movq %rdx, %rax
	vmsave %rax
	movq %rdi, %rax
	vmload %rax

	movq RCX(%rsi), %rcx
	movq RDX(%rsi), %rdx
	movq RBX(%rsi), %rbx
	movq RBP(%rsi), %rbp
	movq RDI(%rsi), %rdi
	movq 64(%rsi), %r8
	movq 72(%rsi), %r9
	movq 80(%rsi), %r10
	movq 88(%rsi), %r11
	movq 96(%rsi), %r12
	movq 104(%rsi), %r13
	movq 112(%rsi), %r14
	movq 120(%rsi), %r15
	movq RSI(%rsi), %rsi

	vmrun %rax

	/* RAX is the VMCB again, RSP ours, everything else the guest's */
	vmsave %rax
	movq 8(%rsp), %rax
	movq %rcx, RCX(%rax)
	movq %rdx, RDX(%rax)
	movq %rbx, RBX(%rax)
	movq %rbp, RBP(%rax)
	movq %rsi, RSI(%rax)
	movq %rdi, RDI(%rax)
	movq %r8, 64(%rax)
	movq %r9, 72(%rax)
	movq %r10, 80(%rax)
	movq %r11, 88(%rax)
	movq %r12, 96(%rax)
	movq %r13, 104(%rax)
	movq %r14, 112(%rax)
	movq %r15, 120(%rax)
	movq 0(%rsp), %rax
	vmload %rax
	cli
	stgi

	popq %rdx
	popq %rsi
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
