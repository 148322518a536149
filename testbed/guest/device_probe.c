/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Touch what is not there, as a guest: ports, device memory, model-specific registers, an instruction that CPUID does
 * not offer. A machine answers with all ones, with #GP or with #UD; each check expects exactly that. And vector registers
 * keep their values, whatever the host does in between. One line a failed check, then `result=ok checks=N` or
 * `result=FAILED checks=N failed=M`.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static unsigned checks, failed;

static void check(bool good, const char *what, uint64_t where, uint64_t got)
{
	checks++;
	if (good)
		return;
	failed++;
	printf("probe %s at 0x%llx: got 0x%llx\n", what, (unsigned long long)where, (unsigned long long)got);
}

/* ------------------------------------------------------------------ ports */

static void probe_ports(void)
{
	static const uint16_t absent[] = { 0x170, 0x1f0, 0x2e8, 0x2f8, 0x300, 0x378, 0x3e8, 0x510, 0x1234, 0xb008, 0xfff0 };

	if (iopl(3) != 0) {
		check(false, "iopl", 0, (uint64_t)errno);
		return;
	}
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		check(inb(absent[i]) == 0xff, "byte port", absent[i], inb(absent[i]));
		check(inw(absent[i]) == 0xffff, "word port", absent[i], inw(absent[i]));
		check(inl(absent[i]) == 0xffffffff, "long port", absent[i], inl(absent[i]));
		outb(0x5a, absent[i]);
		outl(0x5a5a5a5a, absent[i]);
		check(inb(absent[i]) == 0xff, "written port", absent[i], inb(absent[i]));
	}
}

/* ------------------------------------------------------------------ device memory */

static void probe_page(int memory, uint64_t address)
{
	volatile uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)address);

	if (page == MAP_FAILED) {
		check(false, "mmap", address, (uint64_t)errno);
		return;
	}
	check(page[3] == 0xff, "byte", address + 3, page[3]);
	check(*(volatile uint16_t *)(page + 6) == 0xffff, "word", address + 6, *(volatile uint16_t *)(page + 6));
	check(*(volatile uint32_t *)(page + 8) == UINT32_MAX, "long", address + 8, *(volatile uint32_t *)(page + 8));
	check(*(volatile uint64_t *)(page + 16) == UINT64_MAX, "quad", address + 16, *(volatile uint64_t *)(page + 16));
	*(volatile uint32_t *)(page + 8) = 0x12345678;
	page[3] = 0;
	check(*(volatile uint32_t *)(page + 8) == UINT32_MAX, "written long", address + 8, *(volatile uint32_t *)(page + 8));
	check(page[3] == 0xff, "written byte", address + 3, page[3]);
	munmap((void *)page, PAGE);
}

static void probe_device_memory(void)
{
	static const uint64_t absent[] = { 0xd0000000, 0xe0000000, 0xfed00000, 0xfee10000, UINT64_C(0x200000000) };
	int memory = open("/dev/mem", O_RDWR | O_SYNC);

	if (memory < 0) {
		check(false, "open /dev/mem", 0, (uint64_t)errno);
		return;
	}
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		probe_page(memory, absent[i]);
	close(memory);
}

/* ------------------------------------------------------------------ model-specific registers */

static void probe_msrs(void)
{
	static const uint32_t absent[] = { 0x12345, 0x480, 0x4b564dff, 0xc0010fff, 0xc0010117, 0xdeadbeef };
	int device = open("/dev/cpu/0/msr", O_RDWR);
	uint64_t value;

	if (device < 0) {
		check(false, "open /dev/cpu/0/msr", 0, (uint64_t)errno);
		return;
	}
	check(pread(device, &value, sizeof(value), 0x1b) == sizeof(value), "MSR that exists", 0x1b, 0);
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		value = 0;
		check(pread(device, &value, sizeof(value), absent[i]) < 0 && errno == EIO, "MSR read", absent[i], value);
		check(pwrite(device, &value, sizeof(value), absent[i]) < 0 && errno == EIO, "MSR write", absent[i], value);
	}
	close(device);
}

/* ------------------------------------------------------------------ instructions */

static sigjmp_buf resume;

static void caught(int number)
{
	siglongjmp(resume, number);
}

static int signal_of_xgetbv(void)
{
	int number = sigsetjmp(resume, 1);

	if (number == 0) {
		__asm__ volatile("xgetbv" : : "c"(0) : "eax", "edx");
		return 0;
	}
	return number;
}

static int signal_of_rdpmc(void)
{
	int number = sigsetjmp(resume, 1);

	if (number == 0) {
		__asm__ volatile("rdpmc" : : "c"(0) : "eax", "edx");
		return 0;
	}
	return number;
}

static void probe_instructions(void)
{
	int number;

	signal(SIGILL, caught);
	signal(SIGSEGV, caught);
	number = signal_of_xgetbv();
	check(number == SIGILL, "XGETBV without OSXSAVE: signal", 0, (uint64_t)number);
	number = signal_of_rdpmc();
	check(number == SIGSEGV, "RDPMC without CR4.PCE: signal", 0, (uint64_t)number);
}

/* ------------------------------------------------------------------ vector registers */

#define FXSAVE_BYTES 512
#define FXSAVE_CONTROL 0		/* x87 control word */
#define FXSAVE_MXCSR 24
#define FXSAVE_XMM 160
#define XMM_BYTES 256
#define TOUCHED_PAGES 2048u

/* Put the values in, touch pages that no one has touched before, so that the host has work between, and take them out. */
static void hold_vectors(const uint8_t *in, uint8_t *out, uint8_t *memory)
{
	uint64_t pages = TOUCHED_PAGES;

	__asm__ volatile("fxrstor64 (%[in])\n"
			 "1:\tmovb $1, (%[memory])\n\t"
			 "addq %[page], %[memory]\n\t"
			 "decq %[pages]\n\t"
			 "jnz 1b\n\t"
			 "fxsave64 (%[out])"
			 : [memory] "+r"(memory), [pages] "+r"(pages)
			 : [in] "r"(in), [out] "r"(out), [page] "i"(PAGE)
			 : "memory", "cc");
}

static void probe_vectors(void)
{
	static uint8_t before[FXSAVE_BYTES] __attribute__((aligned(16))), held[FXSAVE_BYTES] __attribute__((aligned(16)));
	static uint8_t after[FXSAVE_BYTES] __attribute__((aligned(16)));
	static const uint32_t mxcsr = 0x7f80;	/* exceptions masked, round towards zero: not what anyone else has */
	static const uint16_t control = 0x0f7f;	/* the same of x87 */
	uint8_t *memory = mmap(NULL, TOUCHED_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		check(false, "mmap", 0, (uint64_t)errno);
		return;
	}
	__asm__ volatile("fxsave64 %0" : "=m"(before));
	memcpy(held, before, sizeof(held));
	memcpy(held + FXSAVE_MXCSR, &mxcsr, sizeof(mxcsr));
	memcpy(held + FXSAVE_CONTROL, &control, sizeof(control));
	for (unsigned i = 0; i < XMM_BYTES; i++)
		held[FXSAVE_XMM + i] = (uint8_t)(i * 29 + 7);
	hold_vectors(held, after, memory);
	__asm__ volatile("fxrstor64 %0" : : "m"(before));
	check(!memcmp(held + FXSAVE_XMM, after + FXSAVE_XMM, XMM_BYTES), "XMM registers after misses", 0, 0);
	check(!memcmp(held + FXSAVE_MXCSR, after + FXSAVE_MXCSR, sizeof(mxcsr)), "MXCSR after misses", 0, 0);
	check(!memcmp(held + FXSAVE_CONTROL, after + FXSAVE_CONTROL, sizeof(control)), "x87 control word after misses", 0, 0);
	munmap(memory, TOUCHED_PAGES * PAGE);
}

int main(void)
{
	probe_ports();
	probe_device_memory();
	probe_msrs();
	probe_instructions();
	probe_vectors();
	if (failed)
		printf("result=FAILED checks=%u failed=%u\n", checks, failed);
	else
		printf("result=ok checks=%u\n", checks);
	return failed ? 1 : 0;
}
