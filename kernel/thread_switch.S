/* SPDX-License-Identifier: GPL-2.0-only */
	.text
	.globl thread_switch
	.type thread_switch, @function
thread_switch:				/* (uint64_t *save, uint64_t stack_pointer) */
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size thread_switch, . - thread_switch

	.globl thread_entry
	.type thread_entry, @function
thread_entry:				/* the end of a backtrace: RBP is 0 */
	call	thread_begin
	ud2
	.size thread_entry, . - thread_entry

	.section .note.GNU-stack, "", @progbits
