/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvtest: the shim on its backend without a rack. Boots the Linux kernel and initrd given as multiboot modules in one VM
 * whose memory is all local, but whose pages each come late the first time (`late=N`: every Nth), so that vCPUs park
 * and resume as with a real miss. Between two runs of the guest the kernel uses the vector registers.
 * Command line: memory=256M late=1 append=A;B (a semicolon for a space).
 *
 *	qemu-system-x86_64 -accel tcg,thread=multi -cpu max -M q35 -m 1G -kernel build/bare/hvtest.elf \
 *		-initrd "vmlinuz,initrd.img" -append "memory=256M" -nographic -no-reboot
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <kernel/boot_info.h>
#include <kernel/kernel.h>
#include <kernel/log.h>
#include <kernel/vector.h>
#include <kernel/x86.h>

#include "lib/histogram.h"
#include "pcomponent/hv/hv.h"

#define NPT_PAGES 4096u
#define KEEP_BYTES (64u << 20)
#define CONSOLE_PERIOD_NS UINT64_C(2000000)
#define LATE_PERIOD_NS UINT64_C(50000)
#define LATE_MAX VCPUS_PER_VM_MAX
#define SILENCE_NS UINT64_C(5000000000)	/* of the guest: then tell what it does */
#define SLICE_NS UINT64_C(2000000)

static struct hv *hv;
static struct cache_environment cache_environment;
static uint8_t *guest_memory;
static uint64_t guest_bytes;
static uint64_t *arrived;			/* bitmap of pages that came */
static uint64_t late_every, accesses;
static struct spinlock fabric = SPINLOCK("fabric"), vm_lock_ = SPINLOCK("vm");
static struct thread *vcpu_threads[VCPUS_PER_VM_MAX], *late_thread;
static unsigned vcpu_cpu;
static uint64_t quantum_until_ns;		/* see main_vcpu.c */
static struct cache_waiter *late[LATE_MAX];
static struct load_plan plan;
static const uint8_t *modules[2];		/* kernel, initrd */

/* ------------------------------------------------------------------ a cache that holds everything */

int cache_access(struct cache *cache, uint32_t vm, uint64_t page, bool write, struct cache_waiter *waiter, void **frame,
		 uint64_t now)
{
	(void)cache;
	assert(spin_held(&fabric) && page < guest_bytes >> PAGE_SHIFT && !waiter->queued);
	if (!(arrived[page / 64] >> (page % 64) & 1)) {
		arrived[page / 64] |= UINT64_C(1) << (page % 64);
		if (late_every && accesses++ % late_every == 0) {
			for (unsigned i = 0; i < LATE_MAX; i++) {
				if (late[i])
					continue;
				waiter->queued = true;
				waiter->since_ns = now;
				late[i] = waiter;
				thread_wake(late_thread);
				return CACHE_WAIT;
			}
			panic("too many waiters");
		}
	}
	*frame = guest_memory + (page << PAGE_SHIFT);
	cache_environment.map(cache_environment.context, vm, page, *frame, write);
	return CACHE_READY;
}

static void late_loop(void *argument)
{
	(void)argument;
	for (;;) {
		thread_wait(UINT64_MAX);
		thread_wait(now_ns() + LATE_PERIOD_NS);
		spin_lock(&fabric);
		for (unsigned i = 0; i < LATE_MAX; i++) {
			struct cache_waiter *waiter = late[i];

			if (!waiter)
				continue;
			late[i] = NULL;
			waiter->status = 0;
			waiter->queued = false;
			cache_environment.wake(cache_environment.context, waiter);
		}
		spin_unlock(&fabric);
	}
}

/* ------------------------------------------------------------------ the shim's environment */

static void lock(void *context)
{
	(void)context;
	spin_lock(&fabric);
}
static void unlock(void *context)
{
	(void)context;
	spin_unlock(&fabric);
}
static void lock_vm(void *context, uint32_t vm)
{
	(void)context;
	(void)vm;
	spin_lock(&vm_lock_);
}
static void unlock_vm(void *context, uint32_t vm)
{
	(void)context;
	(void)vm;
	spin_unlock(&vm_lock_);
}
static uint64_t now(void *context)
{
	(void)context;
	return now_ns();
}
static uint64_t tsc(void *context)
{
	(void)context;
	return __builtin_ia32_rdtsc();
}
static bool yield_wanted(void *context)
{
	(void)context;
	return thread_should_yield() && now_ns() >= quantum_until_ns;
}
static void kick(void *context, uint32_t vm, uint32_t vcpu)
{
	(void)context;
	(void)vm;
	thread_wake(vcpu_threads[vcpu]);
	if (cpu_this() != vcpu_cpu)
		cpu_kick(vcpu_cpu);
}
static void changed(void *context, uint32_t vm)
{
	static struct wire_vm_status status;

	(void)context;
	memset(&status, 0, sizeof(status));
	hv_vm_status(hv, vm, &status);
	log_line(LOG_INFO, "event=vm_state state=%u status=%d reason=\"%s\"", status.state, status.status, status.reason);
}

/* ------------------------------------------------------------------ threads */

/* What the guest has in its vector registers must not depend on the kernel's use of them. */
static void use_vectors(void)
{
	vector_begin();
	__asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm6\n\tmovdqa %%xmm0, %%xmm15" : : : "memory");
	vector_end();
}

static void vcpu_loop(void *argument)
{
	uint32_t vcpu = (uint32_t)(uintptr_t)argument;
	uint64_t deadline = UINT64_MAX;

	hv_cpu_enable(hv, cpu_this());
	for (;;) {
		enum vcpu_next next = vcpu_run(hv, 0, vcpu, &deadline);
		uint64_t end_ns;

		use_vectors();
		if (next != VCPU_RUN)
			thread_wait(deadline);
		if (thread_should_yield())
			thread_yield();
		end_ns = now_ns() + SLICE_NS;
		quantum_until_ns = thread_should_yield() ? end_ns : 0;
		thread_interrupt_at(deadline < end_ns ? deadline : end_ns);
	}
}

static void copy_in(void)
{
	for (uint32_t i = 0; i < plan.segment_count; i++) {
		const struct load_segment *segment = &plan.segments[i];
		const uint8_t *from = segment->source == LOAD_FROM_SMALL ? plan.small :
			modules[segment->source == LOAD_FROM_KERNEL ? 0 : 1];

		assert(segment->address + segment->len_bytes <= guest_bytes);
		memcpy(guest_memory + segment->address, from + segment->offset_bytes, segment->len_bytes);
	}
}

/* The guest's command line, with semicolons for spaces. */
static const char *guest_command_line(void)
{
	static char text[VM_COMMAND_LINE_BYTES];
	const char *from = command_line_value("append");

	if (!from)
		return "console=ttyS0 panic=-1 earlyprintk=serial,ttyS0";
	for (size_t i = 0; i + 1 < sizeof(text) && from[i]; i++)
		text[i] = from[i] == ';' ? ' ' : from[i];
	return text;
}

static void start(void)
{
	struct load_request request = {
		.header = modules[0], .header_len_bytes = LOAD_HEADER_BYTES,
		.kernel_len_bytes = boot_info.modules[0].bytes,
		.initrd_len_bytes = boot_info.module_count > 1 ? boot_info.modules[1].bytes : 0,
		.command_line = guest_command_line(),
		.memory_bytes = guest_bytes, .vcpus = (uint32_t)command_line_number("vcpus", 1),
		.devices = hv_vm_devices(hv, 0), .tsc_khz = tsc_khz(),
	};
	char reason[128];

	if (load_linux_plan(&plan, &request, reason, sizeof(reason)))
		panic("kernel: %s", reason);
	memset(guest_memory, 0, guest_bytes);
	copy_in();
	hv_vm_start(hv, 0, &plan.entry);
}

static void report(void)
{
	static struct wire_vm_status status;

	memset(&status, 0, sizeof(status));
	hv_vm_status(hv, 0, &status);
	log_line(LOG_INFO, "event=exits all=%lu nested_fault=%lu io=%lu mmio=%lu msr=%lu cpuid=%lu halt=%lu interrupt=%lu other=%lu "
		 "injected=%lu run_ms=%lu", status.exits, status.exit_nested_fault, status.exit_io, status.exit_mmio, status.exit_msr,
		 status.exit_cpuid, status.exit_halt, status.exit_interrupt, status.exit_other, status.interrupts_injected,
		 status.run_ns / 1000000);
	log_line(LOG_INFO, "event=latency exit_median_ns=%lu miss_count=%lu miss_median_ns=%lu",
		 histogram_quantile_ns(&status.exit, 500), status.miss.count, histogram_quantile_ns(&status.miss, 500));
}

static void type_serial(void)
{
	uint8_t byte;

	while (in8(0x3f8 + 5) & 1) {
		byte = in8(0x3f8);
		hv_console_type(hv, 0, &byte, 1);
	}
}

/* Its console is the serial line; until it ends. */
static void watch(void) __attribute__((noreturn));
static void watch(void)
{
	static uint8_t bytes[UART_OUTPUT_BYTES];
	uint64_t spoke_ns = now_ns();

	for (;;) {
		uint32_t len = hv_console_peek(hv, 0, bytes, sizeof(bytes));

		serial_write((const char *)bytes, len);
		hv_console_drop(hv, 0, len);
		type_serial();
		if (len)
			spoke_ns = now_ns();
		if (now_ns() - spoke_ns > SILENCE_NS) {
			spoke_ns = now_ns();
			report();
		}
		if (hv_vm_take_reset(hv, 0)) {
			while (!hv_vm_idle(hv, 0))
				thread_yield();
			start();
		}
		if (len == 0 && hv_vm_state(hv, 0) != WIRE_VM_RUNNING && hv_vm_state(hv, 0) != WIRE_VM_LOADING) {
			report();
			out8(0xf4, (uint8_t)(hv_vm_state(hv, 0) == WIRE_VM_POWERED_OFF ? 0 : 1));
			thread_wait(UINT64_MAX);
		}
		thread_wait(now_ns() + CONSOLE_PERIOD_NS);
	}
}

void component_main(void)
{
	struct wire_vm_create create = { .vm = 1, .memory_bytes = command_line_number("memory", 256u << 20),
					 .vcpus = (uint32_t)command_line_number("vcpus", 1), .name = "test", .devices = DEVICES_DEFAULT };
	static struct npt_pool pool;
	struct hv_config config = { .npt_pool = &pool, .tsc_khz = tsc_khz(), .boot_time_s = boot_time_s(),
		.environment = { lock, unlock, lock_vm, unlock_vm, now, tsc, yield_wanted, kick, changed, random_bytes, NULL } };
	char reason[128];
	size_t pages;
	int slot;

	if (boot_info.module_count == 0)
		panic("no kernel: give it as a multiboot module");
	for (unsigned i = 0; i < 2 && i < boot_info.module_count; i++)
		modules[i] = (const uint8_t *)(uintptr_t)map_device(boot_info.modules[i].base, boot_info.modules[i].bytes);
	late_every = command_line_number("late", 1);
	npt_pool_init(&pool, boot_alloc(npt_pool_bytes(NPT_PAGES), PAGE_BYTES), NPT_PAGES, physical_of, pointer_of);
	hv = hv_create(boot_alloc(hv_bytes(), PAGE_BYTES), &config, reason, sizeof(reason));
	if (!hv)
		panic("no virtualization: %s", reason);
	hv_cache_environment(hv, &cache_environment);
	guest_bytes = create.memory_bytes;
	arrived = boot_alloc(guest_bytes / PAGE_BYTES / 8 + 8, 64);
	vcpu_cpu = cpu_count() - 1;
	for (uint32_t i = 0; i < create.vcpus; i++)
		vcpu_threads[i] = thread_create("vcpu", vcpu_cpu, vcpu_loop, (void *)(uintptr_t)i);
	late_thread = thread_create("late", 0, late_loop, NULL);
	guest_memory = boot_take_pages(KEEP_BYTES, &pages);
	if (pages < guest_bytes / PAGE_BYTES)
		panic("%zu pages are too few for the guest", pages);
	kernel_seal();
	slot = hv_vm_create(hv, &create);
	if (slot != 0)
		panic("hv_vm_create: %d", slot);
	start();
	watch();
}
