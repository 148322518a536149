// SPDX-License-Identifier: GPL-2.0-only
/*
 * Direct boot of a Linux bzImage by the 64-bit protocol (Documentation/x86/boot.rst and zero-page.rst).
 *
 *	0x00010000  zero page (boot_params)		\
 *	0x00011000  GDT, then the command line		 | LOAD_FROM_SMALL
 *	0x00012000  PML4, PDPT, page directory		/
 *	0x000e0000  ACPI tables, the RSDP first: where a kernel without acpi_rsdp_addr looks as well
 *	0x000ffff0  what stands for firmware at the reset vector: LOAD_FROM_SMALL
 *	preferred   kernel (protected-mode part), init_size bytes
 *	top         initrd, as high as the header and the memory let it
 *
 * The header is the operator's file, so hostile: every field is checked before it takes part in arithmetic, and a check
 * fails before the plan is written.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <plenum/page.h>

#include "pcomponent/dev/dev.h"
#include "pcomponent/load/load.h"

#define SMALL_ADDRESS UINT64_C(0x10000)
#define ACPI_ADDRESS UINT64_C(0xe0000)
#define LOW_MEMORY_END UINT64_C(0xa0000)
#define HIGH_MEMORY UINT64_C(0x100000)
#define RESET_VECTOR UINT64_C(0xffff0)
#define RESET_VECTOR_BYTES 16u
#define MAPPED_BYTES (UINT64_C(1) << 30)	/* by one page directory of 2 MiB pages */

enum small_offset {
	SMALL_ZERO_PAGE = 0x0000,
	SMALL_GDT = 0x1000,
	SMALL_RESET = 0x1030,
	SMALL_COMMAND_LINE = 0x1040,
	SMALL_PML4 = 0x2000,
	SMALL_PDPT = 0x3000,
	SMALL_DIRECTORY = 0x4000,
	SMALL_ACPI = 0x5000,
};
#define COMMAND_LINE_BYTES_MAX (SMALL_PML4 - SMALL_COMMAND_LINE)

_Static_assert(SMALL_ACPI + ACPI_TABLES_BYTES_MAX == LOAD_SMALL_BYTES, "small is laid out whole");
#define TSC_WORDS_BYTES 56u			/* TSC_WORDS, a number of 64 bits, a space, the NUL */
#define TSC_WORDS "tsc=reliable tsc_early_khz="

_Static_assert(TSC_WORDS_BYTES + VM_COMMAND_LINE_BYTES <= COMMAND_LINE_BYTES_MAX, "every command line a VM can have fits");

/* Offsets in the setup header, which are those in the zero page, and in the rest of the zero page. */
enum header_offset {
	ZERO_ACPI_RSDP = 0x070, ZERO_E820_ENTRIES = 0x1e8,
	HEADER_START = 0x1f1, HEADER_SETUP_SECTORS = 0x1f1, HEADER_SYSSIZE = 0x1f4, HEADER_VIDEO_MODE = 0x1fa, HEADER_BOOT_FLAG = 0x1fe,
	HEADER_JUMP_OFFSET = 0x201, HEADER_END_BASE = 0x202, HEADER_MAGIC = 0x202, HEADER_VERSION = 0x206, HEADER_LOADER = 0x210,
	HEADER_LOADFLAGS = 0x211, HEADER_CODE32 = 0x214, HEADER_RAMDISK = 0x218, HEADER_RAMDISK_BYTES = 0x21c,
	HEADER_COMMAND_LINE = 0x228, HEADER_INITRD_MAX = 0x22c, HEADER_XLOADFLAGS = 0x236, HEADER_COMMAND_LINE_BYTES = 0x238,
	HEADER_SETUP_DATA = 0x250, HEADER_PREFERRED = 0x258, HEADER_INIT_SIZE = 0x260, HEADER_KNOWN_END = 0x264,
	HEADER_END_MAX = 0x290, ZERO_E820_TABLE = 0x2d0,
};

#define BOOT_FLAG 0xaa55u
#define MAGIC 0x53726448u			/* "HdrS" */
#define VERSION_2_12 0x020cu
#define XLOAD_KERNEL_64 0x0001u
#define LOADED_HIGH 0x01u
#define LOADER_UNKNOWN 0xffu
#define VIDEO_MODE_NORMAL 0xffffu
#define SECTOR_BYTES 512u
#define SETUP_SECTORS_DEFAULT 4u		/* what 0 means, for age's sake */
#define ENTRY_64_OFFSET 0x200u

#define E820_RAM 1u
#define E820_RESERVED 2u
#define E820_ACPI 3u

#define PTE_PRESENT_WRITE 0x3u
#define PTE_LARGE 0x80u
#define LARGE_PAGE_BYTES (UINT64_C(1) << 21)

#define SELECTOR_CODE 0x10u			/* __BOOT_CS and __BOOT_DS of the protocol */
#define SELECTOR_DATA 0x18u
#define DESCRIPTOR_CODE_64 UINT64_C(0x00af9b000000ffff)
#define DESCRIPTOR_DATA UINT64_C(0x00cf93000000ffff)

/* What matters of a header that was found good. */
struct linux_image {
	uint64_t kernel_offset, kernel_bytes;	/* protected-mode part */
	uint64_t load_address, load_end;	/* with the memory it needs before it reads the memory map */
	uint64_t initrd_address;
	uint32_t header_end;
	char tsc_words[TSC_WORDS_BYTES];		/* stands before the command line; empty: nothing does */
	uint32_t tsc_words_len_bytes;
	uint32_t command_line_bytes;		/* with the NUL, without what stands before it */
};

static uint64_t get(const uint8_t *bytes, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[offset + i] << i * 8;
	return value;
}

static void put(uint8_t *bytes, uint32_t offset, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> i * 8);
}

struct refusal {
	char *reason;
	uint32_t reason_bytes;
};

static int refuse(const struct refusal *refusal, int status, const char *reason)
{
	uint32_t len = 0;

	if (!refusal->reason_bytes)
		return status;
	while (reason[len] && len < refusal->reason_bytes - 1) {
		refusal->reason[len] = reason[len];
		len++;
	}
	refusal->reason[len] = '\0';
	return status;
}

/* ------------------------------------------------------------------ checks */

static int check_header(const struct load_request *request, struct linux_image *image, const struct refusal *refusal)
{
	const uint8_t *header = request->header;
	uint64_t sectors, syssize;

	if (request->header_len_bytes < HEADER_KNOWN_END || request->kernel_len_bytes < request->header_len_bytes)
		return refuse(refusal, -EBADMSG, "kernel image truncated: shorter than a bzImage header");
	if (get(header, HEADER_BOOT_FLAG, 2) != BOOT_FLAG || get(header, HEADER_MAGIC, 4) != MAGIC)
		return refuse(refusal, -ENOEXEC, "kernel image is not a Linux bzImage");
	if (get(header, HEADER_VERSION, 2) < VERSION_2_12)
		return refuse(refusal, -EOPNOTSUPP, "kernel's boot protocol is older than 2.12");
	if (!(get(header, HEADER_XLOADFLAGS, 2) & XLOAD_KERNEL_64) || !(header[HEADER_LOADFLAGS] & LOADED_HIGH))
		return refuse(refusal, -EOPNOTSUPP, "kernel has no 64-bit entry point");
	image->header_end = HEADER_END_BASE + header[HEADER_JUMP_OFFSET];
	if (image->header_end < HEADER_KNOWN_END)
		return refuse(refusal, -EBADMSG, "kernel's setup header is shorter than its version says");
	/* A header longer than the zero page has room for: the rest belongs to versions this loader knows nothing of. */
	if (image->header_end > HEADER_END_MAX)
		image->header_end = HEADER_END_MAX;
	if (image->header_end > request->header_len_bytes)
		return refuse(refusal, -EBADMSG, "kernel image truncated in its setup header");
	sectors = header[HEADER_SETUP_SECTORS] ? header[HEADER_SETUP_SECTORS] : SETUP_SECTORS_DEFAULT;
	image->kernel_offset = (sectors + 1) * SECTOR_BYTES;
	syssize = get(header, HEADER_SYSSIZE, 4) * 16;
	if (request->kernel_len_bytes < image->kernel_offset || request->kernel_len_bytes - image->kernel_offset < syssize)
		return refuse(refusal, -EBADMSG, "kernel image truncated: shorter than its header says");
	image->kernel_bytes = request->kernel_len_bytes - image->kernel_offset;
	if (image->kernel_bytes <= ENTRY_64_OFFSET)
		return refuse(refusal, -EBADMSG, "kernel image has no code");
	return 0;
}

static int place_kernel(const struct load_request *request, struct linux_image *image, const struct refusal *refusal)
{
	uint64_t preferred = get(request->header, HEADER_PREFERRED, 8), needed = get(request->header, HEADER_INIT_SIZE, 4);

	if (preferred < HIGH_MEMORY || preferred & PAGE_MASK)
		return refuse(refusal, -EBADMSG, "kernel's preferred address is below 1 MiB or not page-aligned");
	if (needed < image->kernel_bytes)
		needed = image->kernel_bytes;
	/*
	 * A relocatable kernel that is loaded lower than it prefers still moves itself up to there before it unpacks, so another
	 * address would not make it fit.
	 */
	if (preferred >= request->memory_bytes || needed > request->memory_bytes - preferred)
		return refuse(refusal, -ENOMEM, "memory too small for the kernel");
	if (preferred >= MAPPED_BYTES || needed > MAPPED_BYTES - preferred)
		return refuse(refusal, -EOPNOTSUPP, "kernel does not fit below 1 GiB");
	image->load_address = preferred;
	image->load_end = preferred + needed;
	return 0;
}

static int place_initrd(const struct load_request *request, struct linux_image *image, const struct refusal *refusal)
{
	uint64_t limit = get(request->header, HEADER_INITRD_MAX, 4) + 1;

	image->initrd_address = 0;
	if (!request->initrd_len_bytes)
		return 0;
	if (limit > request->memory_bytes)
		limit = request->memory_bytes;
	if (limit < image->load_end || request->initrd_len_bytes > limit - image->load_end)
		return refuse(refusal, -ENOMEM, "memory too small for kernel and initrd");
	image->initrd_address = (limit - request->initrd_len_bytes) & ~PAGE_MASK;
	if (image->initrd_address < image->load_end)
		return refuse(refusal, -ENOMEM, "memory too small for kernel and initrd");
	return 0;
}

/*
 * Before the command line, so that what that says about the rate counts. Reliable, as it is: Linux would compare it with its count of
 * ticks, which fails when the guest has to wait for pages, and would count time by ticks then.
 */
static void write_tsc_words(const struct load_request *request, struct linux_image *image)
{
	static const char words[] = TSC_WORDS;
	uint64_t scale = 1;
	uint32_t len = 0;

	if (!(request->devices & DEVICE_KVMCLOCK)) {
		assert(request->tsc_khz > 0);
		memcpy(image->tsc_words, words, sizeof(words) - 1);
		len = sizeof(words) - 1;
		while (request->tsc_khz / scale >= 10)
			scale *= 10;
		for (; scale; scale /= 10)
			image->tsc_words[len++] = (char)('0' + request->tsc_khz / scale % 10);
		image->tsc_words[len++] = ' ';
		assert(len < TSC_WORDS_BYTES);
	}
	image->tsc_words[len] = '\0';
	image->tsc_words_len_bytes = len;
}

static int check_command_line(const struct load_request *request, struct linux_image *image, const struct refusal *refusal)
{
	uint64_t most = get(request->header, HEADER_COMMAND_LINE_BYTES, 4); /* without the NUL */
	uint32_t len = 0;

	write_tsc_words(request, image);
	if (most > COMMAND_LINE_BYTES_MAX - 1)
		most = COMMAND_LINE_BYTES_MAX - 1;
	if (most < image->tsc_words_len_bytes)
		return refuse(refusal, -E2BIG, "command line is longer than the kernel takes");
	most -= image->tsc_words_len_bytes;
	while (request->command_line[len]) {
		if (len == most)
			return refuse(refusal, -E2BIG, "command line is longer than the kernel takes");
		len++;
	}
	image->command_line_bytes = len + 1;
	return 0;
}

/* ------------------------------------------------------------------ the plan */

static void add_segment(struct load_plan *plan, uint64_t address, uint64_t len_bytes, uint64_t offset_bytes,
			enum load_source source)
{
	assert(plan->segment_count < LOAD_SEGMENTS_MAX && len_bytes != 0);
	plan->segments[plan->segment_count++] = (struct load_segment){ address, len_bytes, offset_bytes, source };
}

static void add_e820(uint8_t *zero_page, uint64_t start, uint64_t end, uint32_t type)
{
	uint32_t count = zero_page[ZERO_E820_ENTRIES], offset = ZERO_E820_TABLE + count * 20;

	assert(start < end && offset + 20 <= PAGE_BYTES);
	put(zero_page, offset, start, 8);
	put(zero_page, offset + 8, end - start, 8);
	put(zero_page, offset + 16, type, 4);
	zero_page[ZERO_E820_ENTRIES] = (uint8_t)(count + 1);
}

static void fill_zero_page(struct load_plan *plan, const struct load_request *request, const struct linux_image *image)
{
	uint8_t *zero_page = plan->small + SMALL_ZERO_PAGE;

	/* The header only: what comes before it in the image is not for boot_params, and a non-zero sentinel would void it. */
	memcpy(zero_page + HEADER_START, request->header + HEADER_START, image->header_end - HEADER_START);
	put(zero_page, HEADER_VIDEO_MODE, VIDEO_MODE_NORMAL, 2);
	zero_page[HEADER_LOADER] = LOADER_UNKNOWN;
	zero_page[HEADER_LOADFLAGS] = LOADED_HIGH;
	put(zero_page, HEADER_CODE32, image->load_address, 4);
	put(zero_page, HEADER_RAMDISK, image->initrd_address, 4);
	put(zero_page, HEADER_RAMDISK_BYTES, request->initrd_len_bytes, 4);
	put(zero_page, HEADER_COMMAND_LINE, SMALL_ADDRESS + SMALL_COMMAND_LINE, 4);
	put(zero_page, HEADER_SETUP_DATA, 0, 8);
	put(zero_page, ZERO_ACPI_RSDP, ACPI_ADDRESS, 8);
	add_e820(zero_page, 0, LOW_MEMORY_END, E820_RAM);
	add_e820(zero_page, LOW_MEMORY_END, ACPI_ADDRESS, E820_RESERVED);
	add_e820(zero_page, ACPI_ADDRESS, ACPI_ADDRESS + ACPI_TABLES_BYTES_MAX, E820_ACPI);
	add_e820(zero_page, ACPI_ADDRESS + ACPI_TABLES_BYTES_MAX, HIGH_MEMORY, E820_RESERVED);
	add_e820(zero_page, HIGH_MEMORY, request->memory_bytes & ~PAGE_MASK, E820_RAM);
}

/* Identity map of the first GiB, where kernel, zero page and command line are: all that the protocol asks for. */
static void fill_page_tables(struct load_plan *plan)
{
	put(plan->small, SMALL_PML4, (SMALL_ADDRESS + SMALL_PDPT) | PTE_PRESENT_WRITE, 8);
	put(plan->small, SMALL_PDPT, (SMALL_ADDRESS + SMALL_DIRECTORY) | PTE_PRESENT_WRITE, 8);
	for (uint32_t i = 0; i < MAPPED_BYTES / LARGE_PAGE_BYTES; i++)
		put(plan->small, SMALL_DIRECTORY + i * 8, i * LARGE_PAGE_BYTES | PTE_LARGE | PTE_PRESENT_WRITE, 8);
}

static void fill_entry(struct load_plan *plan, const struct linux_image *image)
{
	put(plan->small, SMALL_GDT + SELECTOR_CODE, DESCRIPTOR_CODE_64, 8);
	put(plan->small, SMALL_GDT + SELECTOR_DATA, DESCRIPTOR_DATA, 8);
	plan->entry = (struct load_entry){
		.rip = image->load_address + ENTRY_64_OFFSET,
		.rsi = SMALL_ADDRESS + SMALL_ZERO_PAGE,
		.rsp = SMALL_ADDRESS, /* grows down into memory that is free */
		.cr3 = SMALL_ADDRESS + SMALL_PML4,
		.gdt_base = SMALL_ADDRESS + SMALL_GDT,
		.gdt_limit = SELECTOR_DATA + 7,
		.code_selector = SELECTOR_CODE,
		.data_selector = SELECTOR_DATA,
	};
}

/*
 * Linux without EFI does not use the reset register of a hardware-reduced FADT: it reboots by a jump to the firmware, in
 * real mode. All that this firmware does is to write the register: mov $value, %al; mov $port, %dx; out %al, (%dx); hlt.
 */
static void fill_reset(struct load_plan *plan)
{
	static const uint8_t code[] = { 0xb0, ACPI_RESET_VALUE, 0xba, ACPI_RESET_PORT & 0xff, ACPI_RESET_PORT >> 8, 0xee, 0xf4 };

	_Static_assert(sizeof(code) <= RESET_VECTOR_BYTES && SMALL_RESET + RESET_VECTOR_BYTES <= SMALL_COMMAND_LINE, "room");
	memcpy(plan->small + SMALL_RESET, code, sizeof(code));
	add_segment(plan, RESET_VECTOR, RESET_VECTOR_BYTES, SMALL_RESET, LOAD_FROM_SMALL);
}

static void fill_plan(struct load_plan *plan, const struct load_request *request, const struct linux_image *image)
{
	uint32_t acpi_bytes;

	memset(plan, 0, sizeof(*plan));
	fill_zero_page(plan, request, image);
	memcpy(plan->small + SMALL_COMMAND_LINE, image->tsc_words, image->tsc_words_len_bytes);
	memcpy(plan->small + SMALL_COMMAND_LINE + image->tsc_words_len_bytes, request->command_line, image->command_line_bytes);
	fill_page_tables(plan);
	fill_entry(plan, image);
	acpi_bytes = acpi_build(plan->small + SMALL_ACPI, ACPI_ADDRESS, request->vcpus, request->devices);
	plan->small_len_bytes = SMALL_ACPI + acpi_bytes;
	add_segment(plan, image->load_address, image->kernel_bytes, image->kernel_offset, LOAD_FROM_KERNEL);
	if (request->initrd_len_bytes)
		add_segment(plan, image->initrd_address, request->initrd_len_bytes, 0, LOAD_FROM_INITRD);
	add_segment(plan, SMALL_ADDRESS, SMALL_ACPI, 0, LOAD_FROM_SMALL);
	add_segment(plan, ACPI_ADDRESS, acpi_bytes, SMALL_ACPI, LOAD_FROM_SMALL);
	fill_reset(plan);
}

int load_linux_plan(struct load_plan *plan, const struct load_request *request, char *reason, uint32_t reason_bytes)
{
	const struct refusal refusal = { reason, reason_bytes };
	struct linux_image image;
	int status;

	assert(plan && request->header && request->command_line);
	assert(request->vcpus >= 1 && request->vcpus <= VCPUS_PER_VM_MAX && !(request->devices & ~DEVICES_ALL));
	if (request->memory_bytes > VM_MEMORY_BYTES_MAX)
		return refuse(&refusal, -EOPNOTSUPP, "a guest has at most 3 GiB of memory");
	status = check_header(request, &image, &refusal);
	if (!status)
		status = place_kernel(request, &image, &refusal);
	if (!status)
		status = place_initrd(request, &image, &refusal);
	if (!status)
		status = check_command_line(request, &image, &refusal);
	if (status)
		return status;
	fill_plan(plan, request, &image);
	return 0;
}
