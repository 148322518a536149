/* SPDX-License-Identifier: GPL-2.0-only */
/* The boot processor's way from entry.S to component_main(), and the command line's public face. */
#include <errno.h>
#include <string.h>

#include <generated/build_id.h>
#include <kernel/acpi.h>
#include <kernel/apic.h>
#include <kernel/boot_info.h>
#include <kernel/command_line.h>
#include <kernel/cpu.h>
#include <kernel/features.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/layout.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/rack_key.h>
#include <kernel/random.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/vector.h>
#include <plenum/limits.h>

const char kernel_build_id[] = BUILD_ID;
_Static_assert(sizeof(kernel_build_id) <= BUILD_ID_BYTES, "fits the join message");

static size_t command_line_bytes;

extern uintptr_t __stack_chk_guard;
void kernel_start(uint32_t magic, uint32_t info, uint64_t entry_tsc) __attribute__((noreturn));

const char *command_line_value(const char *name)
{
	return command_line_find(boot_info.command_line, command_line_bytes, name);
}

uint64_t command_line_number(const char *name, uint64_t fallback)
{
	const char *text = command_line_value(name);
	uint64_t number;
	int status;

	if (!text)
		return fallback;
	status = parse_number(text, &number);
	if (status)
		panic("command line: %s=%s is %s", name, text,
		      status == -ERANGE ? "too large" : "not a number (decimal or 0x hex, with K, M or G)");
	return number;
}

static const uint8_t *boot_memory_at(void *context, uint64_t physical, uint64_t bytes)
{
	(void)context;
	if (bytes > UINT32_MAX || physical > (UINT64_C(1) << 32) - bytes)
		return NULL;
	return (const uint8_t *)(DIRECT_BASE + physical);
}

const struct physical_memory boot_memory = { boot_memory_at, NULL };

/* With the boot page tables: all that must look at low memory. */
static void start_early(uint32_t magic, uint32_t info, uint64_t entry_tsc)
{
	serial_init();
	interrupt_init();
	cpu_load_tables(&cpus[0], 0);
	time_early(entry_tsc);
	boot_info_read(magic, info, &boot_memory);
	rack_key_read(boot_info.command_line);
	log_line(LOG_INFO, "event=entry build=%s loader=%s command_line=\"%s\"", kernel_build_id, boot_info.protocol,
		 boot_info.command_line);
	command_line_bytes = strlen(boot_info.command_line) + 1;
	command_line_split(boot_info.command_line, command_line_bytes);
	memory_init(&boot_info);
	acpi_read();
	smp_install_trampoline();
	paging_init();
}

/* Has no frame protector of its own: it changes the guard that its epilogue would compare with. */
__attribute__((no_stack_protector)) void kernel_start(uint32_t magic, uint32_t info, uint64_t entry_tsc)
{
	static struct thread main_thread;
	uintptr_t guard;

	start_early(magic, info, entry_tsc);
	random_init(entry_tsc);
	random_bytes(NULL, &guard, sizeof(guard));
	__stack_chk_guard = guard & ~(uintptr_t)0xff;	/* a NUL at the start stops string functions */
	features_enable();
	vector_init_cpu();
	apic_init();
	cpus[0].apic_id = apic_id();
	cpus[0].online = true;
	cpu_allocate_interrupt_stacks(&cpus[0]);
	time_init();
	thread_init_cpu(&cpus[0], &main_thread, "main");
	interrupts_enable();
	smp_start();
	log_line(LOG_INFO, "event=memory total_bytes=%lu used_bytes=%zu", memory_total_bytes(), kernel_bytes_used());
	component_main();
}
