/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the other processors start: in real mode at TRAMPOLINE_PHYSICAL, to which smp_install_trampoline() copies the
 * first part. It enters long mode on the boot page tables, which map low memory, and goes on in the image.
 */
#include <kernel/layout.h>

#define HERE(symbol) ((symbol) - trampoline_start + TRAMPOLINE_PHYSICAL)
#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)

	.section .rodata.trampoline, "a"
	.code16
	.globl trampoline_start, trampoline_end
trampoline_start:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	HERE(trampoline_descriptors_pointer)
	mov	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$PHYSICAL(boot_root), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$(EFER_LME | EFER_NXE), %eax
	wrmsr
	mov	$(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	mov	%eax, %cr0
	ljmpl	$SELECTOR_CODE64, $HERE(trampoline_long)

	.code64
trampoline_long:
	mov	$SELECTOR_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$smp_entry, %rax
	jmp	*%rax

	.balign 8
trampoline_descriptors:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
trampoline_descriptors_end:
trampoline_descriptors_pointer:
	.word trampoline_descriptors_end - trampoline_descriptors - 1
	.long HERE(trampoline_descriptors)
trampoline_end:

	/* Guarded stacks are in the final page tables only: change to those before the first push. */
	.text
	.type smp_entry, @function
smp_entry:
	mov	paging_root, %rax
	mov	%rax, %cr3
	mov	smp_stack_top, %rsp
	mov	smp_cpu, %rdi
	xor	%ebp, %ebp
	call	smp_processor_main
	ud2
	.size smp_entry, . - smp_entry

	.section .note.GNU-stack, "", @progbits
