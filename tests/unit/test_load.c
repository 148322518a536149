// SPDX-License-Identifier: GPL-2.0-only
/* The Linux loader: plans for a header made here, and every reason to refuse one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "pcomponent/dev/dev.h"
#include "pcomponent/load/load.h"

#define KERNEL_BYTES (5u * 1024 * 1024)
#define SETUP_SECTORS 39u
#define KERNEL_OFFSET ((SETUP_SECTORS + 1) * 512)
#define MIB (UINT64_C(1) << 20)

static void put(uint8_t *bytes, uint32_t offset, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> i * 8);
}

static uint64_t get(const uint8_t *bytes, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[offset + i] << i * 8;
	return value;
}

struct fixture {
	uint8_t header[LOAD_HEADER_BYTES];
	struct load_request request;
	struct load_plan plan;
	char reason[80];
};

/* As a Debian 6.1 kernel's header says it, in round numbers. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	memset(f->header, 0x90, 0x1f1);
	f->header[0x1f1] = SETUP_SECTORS;
	put(f->header, 0x1f4, (KERNEL_BYTES - KERNEL_OFFSET) / 16, 4);
	put(f->header, 0x1fe, 0xaa55, 2);
	f->header[0x200] = 0xeb;
	f->header[0x201] = 0x6a;
	put(f->header, 0x202, 0x53726448, 4);
	put(f->header, 0x206, 0x020f, 2);
	f->header[0x211] = 1;
	put(f->header, 0x22c, 0x7fffffff, 4);
	put(f->header, 0x230, 0x200000, 4);
	f->header[0x234] = 1;
	put(f->header, 0x236, 0x3f, 2);
	put(f->header, 0x238, 2047, 4);
	put(f->header, 0x258, 16 * MIB, 8);
	put(f->header, 0x260, 40 * MIB, 4);
	f->request = (struct load_request){
		.header = f->header, .header_len_bytes = sizeof(f->header), .kernel_len_bytes = KERNEL_BYTES,
		.initrd_len_bytes = 3 * MIB + 5, .command_line = "console=ttyS0 quiet", .memory_bytes = 256 * MIB, .vcpus = 2,
		.devices = DEVICES_ALL, .tsc_khz = 2700000,
	};
	memset(&f->plan, 0xa5, sizeof(f->plan));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static int plan(struct fixture *f)
{
	return load_linux_plan(&f->plan, &f->request, f->reason, sizeof(f->reason));
}

/* What the caller does with a plan, for the low memory: the small segments. */
static const uint8_t *small_at(const struct fixture *f, uint64_t address)
{
	for (uint32_t i = 0; i < f->plan.segment_count; i++) {
		const struct load_segment *s = &f->plan.segments[i];

		if (s->source == LOAD_FROM_SMALL && address >= s->address && address < s->address + s->len_bytes)
			return f->plan.small + s->offset_bytes + (address - s->address);
	}
	fail_msg("no small segment holds this address");
	return NULL;
}

static const struct load_segment *segment_of(const struct fixture *f, enum load_source source)
{
	for (uint32_t i = 0; i < f->plan.segment_count; i++)
		if (f->plan.segments[i].source == source)
			return &f->plan.segments[i];
	return NULL;
}

static void check_disjoint(const struct fixture *f)
{
	for (uint32_t i = 0; i < f->plan.segment_count; i++) {
		const struct load_segment *a = &f->plan.segments[i];

		assert_true(a->address + a->len_bytes <= f->request.memory_bytes);
		if (a->source == LOAD_FROM_SMALL)
			assert_true(a->offset_bytes + a->len_bytes <= f->plan.small_len_bytes);
		for (uint32_t j = 0; j < i; j++) {
			const struct load_segment *b = &f->plan.segments[j];

			assert_true(a->address + a->len_bytes <= b->address || b->address + b->len_bytes <= a->address);
		}
	}
}

static void test_plan(void **state)
{
	struct fixture *f = *state;
	const struct load_segment *kernel, *initrd;
	const uint8_t *zero;

	assert_int_equal(plan(f), 0);
	check_disjoint(f);
	kernel = segment_of(f, LOAD_FROM_KERNEL);
	assert_int_equal(kernel->address, 16 * MIB);
	assert_int_equal(kernel->offset_bytes, KERNEL_OFFSET);
	assert_int_equal(kernel->len_bytes, KERNEL_BYTES - KERNEL_OFFSET);
	initrd = segment_of(f, LOAD_FROM_INITRD);
	assert_int_equal(initrd->address, (256 * MIB - 3 * MIB - 5) & ~UINT64_C(0xfff));
	assert_int_equal(f->plan.entry.rip, 16 * MIB + 0x200);
	zero = small_at(f, f->plan.entry.rsi);
	assert_int_equal(zero[0x1ef], 0);			/* sentinel */
	assert_memory_equal(zero, (uint8_t[0x70]){ 0 }, 0x70);	/* nothing of the boot sector */
	assert_int_equal(get(zero, 0x202, 4), 0x53726448);
	assert_int_equal(zero[0x210], 0xff);
	assert_int_equal(get(zero, 0x218, 4), initrd->address);
	assert_int_equal(get(zero, 0x21c, 4), 3 * MIB + 5);
	assert_string_equal((const char *)small_at(f, get(zero, 0x228, 4)), "console=ttyS0 quiet");
	assert_memory_equal(small_at(f, get(zero, 0x70, 8)), "RSD PTR ", 8);
}

static void test_e820(void **state)
{
	struct fixture *f = *state;
	uint64_t next = 0, rsdp;
	const uint8_t *zero;

	assert_int_equal(plan(f), 0);
	zero = small_at(f, f->plan.entry.rsi);
	rsdp = get(zero, 0x70, 8);
	for (uint32_t i = 0; i < zero[0x1e8]; i++) {
		uint64_t start = get(zero, 0x2d0 + i * 20, 8), len = get(zero, 0x2d8 + i * 20, 8);
		uint32_t type = (uint32_t)get(zero, 0x2e0 + i * 20, 4);

		assert_int_equal(start, next);			/* sorted, whole, without overlap */
		next = start + len;
		if (rsdp >= start && rsdp < next)
			assert_int_equal(type, 3);
		else
			assert_int_equal(type, start >= 0xa0000 && start < 0x100000 ? 2 : 1);
	}
	assert_int_equal(next, 256 * MIB);
}

/* Walk the tables as a processor does. */
static uint64_t translate(const struct fixture *f, uint64_t address)
{
	uint64_t entry = get(small_at(f, f->plan.entry.cr3), (address >> 39 & 511) * 8, 8);

	if (!(entry & 1))
		return UINT64_MAX;
	entry = get(small_at(f, entry & ~UINT64_C(0xfff)), (address >> 30 & 511) * 8, 8);
	if (!(entry & 1))
		return UINT64_MAX;
	entry = get(small_at(f, entry & ~UINT64_C(0xfff)), (address >> 21 & 511) * 8, 8);
	if (!(entry & 1))
		return UINT64_MAX;
	assert_true(entry & 0x80);
	return (entry & ~UINT64_C(0x1fffff)) | (address & 0x1fffff);
}

static void test_entry_state(void **state)
{
	struct fixture *f = *state;
	const uint8_t *gdt;

	assert_int_equal(plan(f), 0);
	for (uint64_t address = 0; address < 1024 * MIB; address += 2 * MIB - 0x1000)
		assert_int_equal(translate(f, address), address);
	assert_int_equal(translate(f, 1024 * MIB), UINT64_MAX);
	gdt = small_at(f, f->plan.entry.gdt_base);
	assert_int_equal(f->plan.entry.code_selector, 0x10);
	assert_int_equal(f->plan.entry.data_selector, 0x18);
	assert_int_equal(f->plan.entry.gdt_limit, 0x1f);
	assert_int_equal(gdt[0x10 + 5] & 0x98, 0x98);		/* present, code */
	assert_int_equal(gdt[0x10 + 6] & 0x60, 0x20);		/* L, not D */
	assert_int_equal(gdt[0x18 + 5] & 0x9a, 0x92);		/* present, writable data */
}

static void test_initrd_limit(void **state)
{
	struct fixture *f = *state;

	put(f->header, 0x22c, 128 * MIB - 1, 4);
	assert_int_equal(plan(f), 0);
	assert_int_equal(segment_of(f, LOAD_FROM_INITRD)->address, (128 * MIB - 3 * MIB - 5) & ~UINT64_C(0xfff));
	f->request.initrd_len_bytes = 0;
	assert_int_equal(plan(f), 0);
	assert_null(segment_of(f, LOAD_FROM_INITRD));
	assert_int_equal(get(small_at(f, f->plan.entry.rsi), 0x218, 4), 0);
	put(f->header, 0x22c, 20 * MIB, 4);			/* below the kernel's end */
	f->request.initrd_len_bytes = 4096;
	assert_int_equal(plan(f), -ENOMEM);
}

static void test_memory_edges(void **state)
{
	struct fixture *f = *state;

	f->request.memory_bytes = UINT64_C(0xc0000000);
	assert_int_equal(plan(f), 0);
	f->request.memory_bytes += 4096;
	assert_int_equal(plan(f), -EOPNOTSUPP);
	assert_non_null(strstr(f->reason, "3 GiB"));
	/* Kernel up to 56 MiB; the initrd takes the 4 MiB (and a page) above it, exactly. */
	f->request.initrd_len_bytes = 4 * MIB;
	f->request.memory_bytes = 60 * MIB;
	assert_int_equal(plan(f), 0);
	assert_int_equal(segment_of(f, LOAD_FROM_INITRD)->address, 56 * MIB);
	f->request.initrd_len_bytes++;
	assert_int_equal(plan(f), -ENOMEM);
	f->request.initrd_len_bytes = UINT64_MAX;
	assert_int_equal(plan(f), -ENOMEM);
	f->request.initrd_len_bytes = 0;
	f->request.memory_bytes = 56 * MIB;
	assert_int_equal(plan(f), 0);
	f->request.memory_bytes = 56 * MIB - 4096;
	assert_int_equal(plan(f), -ENOMEM);
	f->request.memory_bytes = 0;
	assert_int_equal(plan(f), -ENOMEM);
}

static void test_unaligned_initrd_room(void **state)
{
	struct fixture *f = *state;

	/* Enough bytes, but not once its start is aligned down. */
	put(f->header, 0x22c, 56 * MIB + 4096 + 100 - 1, 4);
	f->request.initrd_len_bytes = 4096 + 10;
	assert_int_equal(plan(f), 0);
	assert_int_equal(segment_of(f, LOAD_FROM_INITRD)->address, 56 * MIB);
	put(f->header, 0x260, 40 * MIB + 8, 4);
	assert_int_equal(plan(f), -ENOMEM);
}

static void check_refused(struct fixture *f, int status)
{
	struct load_plan before = f->plan;

	f->reason[0] = '\0';
	assert_int_equal(plan(f), status);
	assert_true(strlen(f->reason) > 10);
	assert_memory_equal(&before, &f->plan, sizeof(before));
}

static void test_refusals(void **state)
{
	static const struct {
		uint32_t offset, size;
		uint64_t value;
		int status;
	} bad[] = {
		{ 0x1fe, 2, 0xaa54, -ENOEXEC }, { 0x202, 4, 0, -ENOEXEC }, { 0x206, 2, 0x020b, -EOPNOTSUPP },
		{ 0x236, 2, 0x3e, -EOPNOTSUPP }, { 0x211, 1, 0, -EOPNOTSUPP }, { 0x201, 1, 0x10, -EBADMSG },
		{ 0x1f4, 4, UINT32_MAX, -EBADMSG }, { 0x258, 8, 0, -EBADMSG }, { 0x258, 8, 16 * MIB + 1, -EBADMSG },
		{ 0x258, 8, UINT64_MAX & ~UINT64_C(0xfff), -ENOMEM }, { 0x260, 4, UINT32_MAX, -ENOMEM },
		{ 0x238, 4, 3, -E2BIG },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t good = get(f->header, bad[i].offset, bad[i].size);

		put(f->header, bad[i].offset, bad[i].value, bad[i].size);
		check_refused(f, bad[i].status);
		put(f->header, bad[i].offset, good, bad[i].size);
	}
	assert_int_equal(plan(f), 0);
}

static void test_above_mapped(void **state)
{
	struct fixture *f = *state;

	f->request.memory_bytes = 2048 * MIB;
	put(f->header, 0x258, 1000 * MIB, 8);
	check_refused(f, -EOPNOTSUPP);
	put(f->header, 0x258, 984 * MIB, 8);
	assert_int_equal(plan(f), 0);
}

static void test_truncated(void **state)
{
	struct fixture *f = *state;

	f->request.kernel_len_bytes = KERNEL_BYTES - 1;
	check_refused(f, -EBADMSG);
	f->request.kernel_len_bytes = KERNEL_OFFSET - 1;
	check_refused(f, -EBADMSG);
	f->request.kernel_len_bytes = KERNEL_BYTES;
	put(f->header, 0x1f4, 0, 4);
	f->request.kernel_len_bytes = KERNEL_OFFSET + 0x200;
	check_refused(f, -EBADMSG);
	for (uint32_t len = 0; len < 0x26c; len++) {
		/* On the heap and of that length, so that the sanitizer sees a read beyond it. */
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, f->header, len);
		f->request.header = copy;
		f->request.header_len_bytes = f->request.kernel_len_bytes = len;
		check_refused(f, -EBADMSG);
		free(copy);
	}
}

static void test_long_command_line(void **state)
{
	struct fixture *f = *state;
	char line[4096];

	memset(line, 'x', sizeof(line));
	line[2047] = '\0';
	f->request.command_line = line;
	assert_int_equal(plan(f), 0);
	line[2047] = 'x';
	line[2048] = '\0';
	check_refused(f, -E2BIG);
	put(f->header, 0x238, UINT32_MAX, 4);			/* more than there is room for */
	line[2048] = 'x';
	line[4095] = '\0';
	check_refused(f, -E2BIG);
}

/* Without the clock of KVM the guest is told the rate of its TSC; what its own command line says comes later and counts. */
static void test_clock_word(void **state)
{
	static const struct { uint64_t khz; const char *word; } rates[] = {
		{ 1, "tsc=reliable tsc_early_khz=1 " }, { 10, "tsc=reliable tsc_early_khz=10 " }, { 2700000, "tsc=reliable tsc_early_khz=2700000 " },
		{ UINT64_MAX, "tsc=reliable tsc_early_khz=18446744073709551615 " },
	};
	struct fixture *f = *state;
	char line[4096];
	size_t word_len;

	assert_int_equal(plan(f), 0);
	assert_string_equal(small_at(f, 0x11040), "console=ttyS0 quiet");
	f->request.devices = DEVICES_ALL & ~DEVICE_KVMCLOCK;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		f->request.tsc_khz = rates[i].khz;
		assert_int_equal(plan(f), 0);
		snprintf(line, sizeof(line), "%sconsole=ttyS0 quiet", rates[i].word);
		assert_string_equal(small_at(f, 0x11040), line);
	}
	f->request.tsc_khz = 2700000;
	word_len = strlen(rates[2].word);
	memset(line, 'x', sizeof(line));
	line[2047 - word_len] = '\0';
	f->request.command_line = line;
	assert_int_equal(plan(f), 0);
	line[2047 - word_len] = 'x';
	line[2048 - word_len] = '\0';
	check_refused(f, -E2BIG);
	f->request.command_line = "";
	put(f->header, 0x238, (uint32_t)word_len - 1, 4);
	check_refused(f, -E2BIG);
}

static void test_short_reason(void **state)
{
	struct fixture *f = *state;
	char reason[8] = "#######";

	f->request.memory_bytes = 0;
	assert_int_equal(load_linux_plan(&f->plan, &f->request, reason, 4), -ENOMEM);
	assert_string_equal(reason, "mem");
	assert_int_equal(load_linux_plan(&f->plan, &f->request, NULL, 0), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_e820, setup, teardown),
		cmocka_unit_test_setup_teardown(test_entry_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_initrd_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unaligned_initrd_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_above_mapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_command_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_word, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_reason, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
