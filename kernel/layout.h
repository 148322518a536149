/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are in the address space; for C, assembly and the linker script.
 *
 *   0xffff800000000000  all usable memory, read-write, no execute (DIRECT_BASE + physical address)
 *   0xffffc00000000000  device registers, uncached
 *   0xffffd00000000000  stacks, each below it a page that is not mapped
 *   0xffffffff80000000  the image (IMAGE_BASE + physical address): text, constants, data, the boot stack
 *
 * Code is compiled for the top 2 GiB (-mcmodel=kernel).
 */
#ifndef PLENUM_KERNEL_LAYOUT_H
#define PLENUM_KERNEL_LAYOUT_H

#define IMAGE_PHYSICAL 0x200000
#define IMAGE_BASE 0xffffffff80000000
#define DIRECT_BASE 0xffff800000000000
#define DEVICE_BASE 0xffffc00000000000
#define STACKS_BASE 0xffffd00000000000

#define BOOT_STACK_BYTES 0x8000
#define STACK_BYTES 0x8000		/* of a thread */
#define INTERRUPT_STACK_BYTES 0x2000	/* of an interrupt stack table entry */

/* Processors start in real mode here (SIPI vector 8), inside the first MiB that nobody else uses. */
#define TRAMPOLINE_PHYSICAL 0x8000

#define SELECTOR_CODE64 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_CODE32 0x18
#define SELECTOR_TSS 0x20

/* Offsets in struct cpu. */
#define CPU_RECOVER_FROM 16
#define CPU_RECOVER_TO 24

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_ET 0x00000010
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_PG 0x80000000
#define CR4_PAE 0x00000020
#define CR4_PGE 0x00000080
#define CR4_OSFXSR 0x00000200
#define CR4_OSXMMEXCPT 0x00000400
#define CR4_OSXSAVE 0x00040000

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NXE 0x800

/* How the image was started: what the loader leaves in EAX (PVH has no magic there; its own entry point sets it). */
#define MULTIBOOT1_MAGIC 0x2badb002
#define MULTIBOOT2_MAGIC 0x36d76289
#define PVH_MAGIC 0x336ec578

#endif
