/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start of the image on the boot processor. Multiboot 1, multiboot 2 and PVH all enter in 32-bit protected mode with
 * flat segments and paging off; only the magic in EAX and the structure at EBX differ. This part is linked at its
 * physical address, so that every loader finds the entry point in a segment, whichever way it reads the addresses.
 */
#include <kernel/layout.h>

#define PHYSICAL(symbol) ((symbol) - IMAGE_BASE)

	.section .boot.header, "a"

	/* Multiboot 1, 3.1.1: modules on page boundaries (bit 0), memory map wanted (bit 1). */
	.balign 8
	.set MULTIBOOT1_FLAGS, 0x3
	.long 0x1badb002
	.long MULTIBOOT1_FLAGS
	.long -(0x1badb002 + MULTIBOOT1_FLAGS)

	/* Multiboot 2, 3.1.2 */
	.balign 8
multiboot2_header:
	.long 0xe85250d6, 0
	.long multiboot2_header_end - multiboot2_header
	.long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
	.word 6, 0			/* modules on page boundaries */
	.long 8
	.word 0, 0			/* end */
	.long 8
multiboot2_header_end:

	/* PVH: note type 18, XEN_ELFNOTE_PHYS32_ENTRY */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad start_pvh

	.section .boot.text, "ax"
	.code32
	.globl start_pvh
start_pvh:
	mov	$PVH_MAGIC, %eax

	.globl start32
start32:
	cli
	cld
	mov	%eax, %ebp
	rdtsc				/* time counts from here: it goes to C in EDI:ESI */
	mov	%eax, %esi
	mov	%edx, %edi

	/* A message and a halt where there is no long mode: nothing else would say why. */
	mov	$0x80000000, %eax
	mov	%ebx, %esp		/* CPUID overwrites EBX; there is no stack yet */
	cpuid
	cmp	$0x80000001, %eax
	jb	no_long_mode
	mov	$0x80000001, %eax
	cpuid
	mov	%esp, %ebx
	test	$(1 << 29), %edx
	jz	no_long_mode

	/* The boot page tables map the first 4 GiB by 2 MiB: at 0, at DIRECT_BASE, and 1 GiB of it at IMAGE_BASE. */
	mov	$PHYSICAL(boot_directories), %ecx
	mov	$0x83, %eax		/* present, writable, large */
1:	mov	%eax, (%ecx)
	add	$0x200000, %eax
	add	$8, %ecx
	cmp	$PHYSICAL(boot_directories) + 4 * 4096, %ecx
	jb	1b

	mov	$PHYSICAL(boot_directories) + 3, %eax
	mov	%eax, PHYSICAL(boot_pointers_high) + 510 * 8
	mov	$PHYSICAL(boot_pointers), %ecx
	mov	$4, %edx
2:	mov	%eax, (%ecx)
	add	$4096, %eax
	add	$8, %ecx
	dec	%edx
	jnz	2b

	movl	$PHYSICAL(boot_pointers) + 3, PHYSICAL(boot_root)
	movl	$PHYSICAL(boot_pointers) + 3, PHYSICAL(boot_root) + 256 * 8
	movl	$PHYSICAL(boot_pointers_high) + 3, PHYSICAL(boot_root) + 511 * 8

	/* AMD APM vol 2, 14.6.1: PAE, the page tables, long mode enable, then paging. */
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
	lgdt	boot_descriptors_pointer
	ljmp	$SELECTOR_CODE64, $start64

no_long_mode:
	mov	$no_long_mode_text, %esi
3:	lodsb
	test	%al, %al
	jz	4f
	mov	$0x3f8, %edx
	out	%al, %dx
	jmp	3b
4:	hlt
	jmp	4b
no_long_mode_text:
	.asciz "E panic=\"this processor has no 64-bit mode\"\r\n"

	.code64
start64:
	mov	$SELECTOR_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	/* kernel_start(magic, info, entry_tsc) */
	mov	%edi, %edx
	shl	$32, %rdx
	mov	%esi, %esi
	or	%rsi, %rdx
	mov	%ebp, %edi
	mov	%ebx, %esi
	mov	$boot_stack_top, %rsp
	xor	%ebp, %ebp
	movabs	$kernel_start, %rax
	push	$0			/* no return address: a backtrace ends here */
	jmp	*%rax

	.balign 8
boot_descriptors:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
	.quad 0x00cf9b000000ffff	/* 32-bit code, for the trampoline */
boot_descriptors_end:
	.globl boot_descriptors_pointer
boot_descriptors_pointer:
	.word boot_descriptors_end - boot_descriptors - 1
	.long boot_descriptors

	.section .bss.boot_tables, "aw", @nobits
	.balign 4096
	.globl boot_root
boot_root:
	.skip 4096
boot_pointers:
	.skip 4096
boot_pointers_high:
	.skip 4096
boot_directories:
	.skip 4 * 4096

	.section .note.GNU-stack, "", @progbits
