/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end: stop the other processors, say why on the serial line (reason, registers, a backtrace with names), then
 * reboot if the command line has panic=reboot, else halt. Trusts as little as it can: no locks, every pointer checked.
 */
#include <assert.h>
#include <string.h>

#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/log.h>
#include <kernel/memory.h>
#include <kernel/panic.h>
#include <kernel/thread.h>
#include <kernel/time.h>
#include <kernel/x86.h>

#define BACKTRACE_FRAMES_MAX 32
#define STOP_WAIT_US 1000

static int panicking;			/* index of the processor that panics, plus one */
static bool panicking_again;

static void halt_for_ever(void) __attribute__((noreturn));
static void halt_for_ever(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void panic_stop_if_panicking(void)
{
	int index = __atomic_load_n(&panicking, __ATOMIC_ACQUIRE);

	if (index && (unsigned)index != cpu_this() + 1)
		halt_for_ever();
}

/* The first processor to get here goes on; the others halt; a panic within the panic ends it. */
static void enter_panic(void)
{
	int nobody = 0, me = (int)cpu_this() + 1;

	interrupts_disable();
	if (__atomic_compare_exchange_n(&panicking, &nobody, me, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		if (cpu_count() > 1) {
			apic_send_nmi_to_others();
			time_delay_us(STOP_WAIT_US);
		}
		return;
	}
	if (nobody == me && !panicking_again) {
		panicking_again = true;
		return;
	}
	halt_for_ever();
}

static void print_address(unsigned depth, uint64_t address)
{
	uint64_t start;
	/* A return address may be the first of the next function when the call never returns: look one byte before. */
	const char *name = symbol_find(depth ? address - 1 : address, &start);

	if (name)
		log_raw("E   #%-2u %016lx %s+0x%lx", depth, address, name, address - start);
	else
		log_raw("E   #%-2u %016lx ?", depth, address);
}

/* Frames go up the stack, so each must lie above the one before; RBP 0 is the end. */
static void print_backtrace(uint64_t first, bool has_first, uint64_t frame)
{
	unsigned depth = 1;

	log_raw("E backtrace:");
	if (has_first)
		print_address(0, first);
	while (frame && depth <= BACKTRACE_FRAMES_MAX) {
		uint64_t words[2];

		if (frame & 7 || !paging_is_mapped(frame, sizeof(words))) {
			log_raw("E   (frame %016lx is not on a stack)", frame);
			return;
		}
		memcpy(words, (const void *)frame, sizeof(words));
		if (words[1])
			print_address(depth, words[1]);
		depth++;
		if (words[0] && words[0] <= frame) {
			log_raw("E   (frame pointers do not go up)");
			return;
		}
		frame = words[0];
	}
}

static void print_where(void)
{
	const struct cpu *cpu = cpu_current();
	const struct thread *thread = cpu->current;

	log_raw("E cpu=%u thread=%s%s uptime_us=%lu build=%s", cpu->index, thread ? thread->name : "none",
		cpu->idle ? " (idle)" : "", now_ns() / 1000, kernel_build_id);
}

static void end_panic(void) __attribute__((noreturn));
static void end_panic(void)
{
	const char *action = command_line_value("panic");

	if (action && !strcmp(action, "reboot")) {
		log_raw("E rebooting (panic=reboot)");
		machine_reboot();
	}
	log_raw("E halted");
	halt_for_ever();
}

void panic(const char *format, ...)
{
	char reason[LOG_LINE_BYTES_MAX - 32];
	va_list arguments;

	enter_panic();
	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	log_raw("E panic: %s", reason);
	print_where();
	print_backtrace(0, false, (uint64_t)__builtin_frame_address(0));
	end_panic();
}

static const char *exception_name(uint64_t vector)
{
	static const char *const names[] = {
		"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "device not available",
		"double fault", "coprocessor overrun", "invalid TSS", "segment not present", "stack fault", "general protection",
		"page fault", "reserved", "x87 error", "alignment check", "machine check", "SIMD error",
	};

	return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "exception";
}

static void print_registers(const struct interrupt_frame *frame)
{
	log_raw("E rax=%016lx rbx=%016lx rcx=%016lx rdx=%016lx", frame->rax, frame->rbx, frame->rcx, frame->rdx);
	log_raw("E rsi=%016lx rdi=%016lx rbp=%016lx rsp=%016lx", frame->rsi, frame->rdi, frame->rbp, frame->rsp);
	log_raw("E r8 =%016lx r9 =%016lx r10=%016lx r11=%016lx", frame->r8, frame->r9, frame->r10, frame->r11);
	log_raw("E r12=%016lx r13=%016lx r14=%016lx r15=%016lx", frame->r12, frame->r13, frame->r14, frame->r15);
	log_raw("E rip=%016lx rflags=%08lx cs=%04lx ss=%04lx cr0=%08lx cr2=%016lx cr3=%016lx cr4=%08lx", frame->rip,
		frame->rflags, frame->cs, frame->ss, read_cr0(), read_cr2(), read_cr3(), read_cr4());
}

void panic_exception(const struct interrupt_frame *frame)
{
	uint64_t address = read_cr2();

	enter_panic();
	/* A push into the guard page faults, and so does the push of that fault: it arrives here as a double fault. */
	if ((frame->vector == VECTOR_PAGE_FAULT || frame->vector == VECTOR_DOUBLE_FAULT) && stack_is_guard(address))
		log_raw("E panic: stack overflow: address=%#lx", address);
	else if (frame->vector == VECTOR_PAGE_FAULT)
		log_raw("E panic: page fault: %s address=%#lx %s", frame->error_code & 16 ? "execute" : frame->error_code & 2 ?
			"write" : "read", address, frame->error_code & 1 ? "not allowed" : "not mapped");
	else
		log_raw("E panic: %s: vector=%lu error_code=%#lx", exception_name(frame->vector), frame->vector, frame->error_code);
	print_where();
	print_registers(frame);
	print_backtrace(frame->rip, true, frame->rbp);
	end_panic();
}

void assert_failed(const char *condition, const char *file, int line, const char *function)
{
	panic("assertion failed: %s (%s:%d, %s)", condition, file, line, function);
}

/* The compiler's stack protector compares with this; kernel_start() makes it random. */
uintptr_t __stack_chk_guard = 0x2f6b00d7a1c95e00;

void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
	panic("stack smashed: a function wrote beyond its local arrays");
}
