/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest loaders. A loader plans; it does not touch guest memory itself: guest pages may be remote, so the caller
 * (the shim's load thread) walks the plan and copies, waiting where it must.
 */
#ifndef PLENUM_PCOMPONENT_LOAD_H
#define PLENUM_PCOMPONENT_LOAD_H

#include <stdint.h>

#include <plenum/device.h>
#include <plenum/limits.h>

#define LOAD_SEGMENTS_MAX 12u
#define LOAD_SMALL_BYTES 24576u			/* zero page, command line and GDT, three page tables, ACPI tables: a page each */
#define LOAD_HEADER_BYTES 4096u			/* of the bzImage, enough for load_linux_plan() */

enum load_source { LOAD_FROM_KERNEL, LOAD_FROM_INITRD, LOAD_FROM_SMALL };


/* Copy len bytes from offset of source to guest-physical address. */
struct load_segment {
	uint64_t address;
	uint64_t len_bytes;
	uint64_t offset_bytes;
	enum load_source source;
};

/* How a vCPU starts: long mode, flat segments, paging on with identity-mapped tables. */
struct load_entry {
	uint64_t rip, rsi, rsp, cr3, gdt_base;
	uint16_t gdt_limit, code_selector, data_selector;
};

struct load_plan {
	struct load_segment segments[LOAD_SEGMENTS_MAX];
	uint32_t segment_count;
	struct load_entry entry;
	uint8_t small[LOAD_SMALL_BYTES];	/* contents of LOAD_FROM_SMALL */
	uint32_t small_len_bytes;
};

struct load_request {
	const uint8_t *header;			/* first bytes of the bzImage */
	uint32_t header_len_bytes;
	uint64_t kernel_len_bytes, initrd_len_bytes;
	const char *command_line;		/* NUL-terminated */
	uint64_t memory_bytes;
	uint32_t vcpus;
	uint32_t devices;			/* bits of enum device */
	uint64_t tsc_khz;			/* of the guest's TSC */
};

/*
 * Plan a direct boot of a Linux bzImage by the 64-bit boot protocol (Documentation/x86/boot.rst). Without the clock of KVM a guest
 * has nothing to measure its TSC by: its command line begins with "tsc=reliable tsc_early_khz=RATE" then. 0, or a negative errno
 * with one line for the operator in `reason`: not a bzImage (-ENOEXEC), protocol older than 2.12 or not 64-bit
 * (-EOPNOTSUPP), truncated or inconsistent (-EBADMSG), command line too long (-E2BIG), memory too small for kernel and
 * initrd (-ENOMEM), or larger than a flat guest can have (VM_MEMORY_BYTES_MAX, -EOPNOTSUPP).
 */
int load_linux_plan(struct load_plan *plan, const struct load_request *request, char *reason, uint32_t reason_bytes);

#endif
