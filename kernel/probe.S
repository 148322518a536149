/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Each probe names the instruction that may fault in this processor's recover_from and where to go then in recover_to
 * (kernel/cpu.h); the exception handler puts the vector into RAX. Interrupts are off in between, so that no other
 * thread's probe gets in the way.
 */
#include <kernel/layout.h>

	.text
	.macro probe name
	.globl \name
	.type \name, @function
	.endm

	.macro arm from
	pushfq
	cli
	lea	\from(%rip), %rax
	mov	%rax, %gs:CPU_RECOVER_FROM
	lea	probe_recovered(%rip), %rax
	mov	%rax, %gs:CPU_RECOVER_TO
	.endm

	.macro disarm
	movq	$0, %gs:CPU_RECOVER_TO
	popfq
	mov	$-1, %eax
	ret
	.endm

probe probe_load
probe_load:
	arm	1f
1:	movb	(%rdi), %cl
	disarm

probe probe_store
probe_store:
	arm	1f
1:	lock orb $0, (%rdi)
	disarm

probe probe_execute
probe_execute:
	arm	1f
	mov	%rdi, %gs:CPU_RECOVER_FROM
	lea	2f(%rip), %rax
	mov	%rax, %gs:CPU_RECOVER_TO
	call	*%rdi
1:	disarm
2:	lea	8(%rsp), %rsp	/* the call's return address */
	popfq
	ret

probe_recovered:
	popfq
	ret

	.section .note.GNU-stack, "", @progbits
