/* SPDX-License-Identifier: GPL-2.0-only */
/* Interrupt descriptor table, dispatch, the legacy interrupt controller. */
#include <kernel/apic.h>
#include <kernel/cpu.h>
#include <kernel/interrupt.h>
#include <kernel/kernel.h>
#include <kernel/layout.h>
#include <kernel/panic.h>
#include <kernel/x86.h>

#define VECTORS 256
#define STUB_BYTES 16
#define GATE_INTERRUPT 0x8e		/* present, interrupt gate: interrupts stay off in the handler */

#define PIC_MASTER 0x20
#define PIC_SLAVE 0xa0

/* AMD APM vol 2, 4.8.4 */
struct gate {
	uint16_t offset_low, selector;
	uint8_t interrupt_stack, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "gate descriptor");

struct handler {
	void (*function)(void *argument);
	void *argument;
};

extern const char interrupt_stubs[];

static struct gate gates[VECTORS];
static struct handler handlers[VECTORS];
static unsigned device_next = VECTOR_DEVICE_FIRST;
static uint64_t spurious_count;

/* The 8259s could deliver what BIOS left pending: move them off the exception vectors, then mask all. */
static void pic_disable(void)
{
	static const uint8_t sequence[][2] = {
		{ 0, 0x11 },		/* initialize, with the fourth word */
		{ 1, VECTOR_PIC },	/* vectors; the slave's follow 8 later */
		{ 1, 0x04 },		/* the slave is on input 2 */
		{ 1, 0x01 },		/* 8086 mode */
		{ 1, 0xff },		/* mask all */
	};

	for (unsigned i = 0; i < sizeof(sequence) / sizeof(sequence[0]); i++) {
		uint8_t slave = i == 1 ? VECTOR_PIC + 8 : i == 2 ? 2 : sequence[i][1];

		out8(PIC_MASTER + sequence[i][0], sequence[i][1]);
		out8(PIC_SLAVE + sequence[i][0], slave);
	}
}

void interrupt_init(void)
{
	for (unsigned vector = 0; vector < VECTORS; vector++) {
		uint64_t stub = (uint64_t)interrupt_stubs + vector * STUB_BYTES;

		gates[vector] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = SELECTOR_CODE64,
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
	gates[VECTOR_DOUBLE_FAULT].interrupt_stack = STACK_DOUBLE_FAULT;
	gates[VECTOR_NMI].interrupt_stack = STACK_NMI;
	gates[VECTOR_MACHINE_CHECK].interrupt_stack = STACK_MACHINE_CHECK;
	pic_disable();
}

void interrupt_load_table(void)
{
	struct {
		uint16_t limit;
		const struct gate *base;
	} __attribute__((packed)) pointer = { sizeof(gates) - 1, gates };

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void interrupt_register(unsigned vector, void (*function)(void *argument), void *argument)
{
	if (vector >= VECTORS || handlers[vector].function)
		panic("interrupt vector %u is not free", vector);
	handlers[vector] = (struct handler){ function, argument };
}

unsigned interrupt_allocate(void (*handler)(void *argument), void *argument)
{
	unsigned vector = device_next;

	if (vector > VECTOR_DEVICE_LAST)
		panic("no free interrupt vector: all %d are in use", VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1);
	device_next++;
	interrupt_register(vector, handler, argument);
	return vector;
}

static void take_exception(struct cpu *cpu, struct interrupt_frame *frame)
{
	if (frame->vector == VECTOR_NMI) {
		panic_stop_if_panicking();
		return;		/* nobody else sends one: a stray NMI is no reason to stop */
	}
	if (cpu->recover_to && frame->rip == cpu->recover_from) {
		frame->rip = cpu->recover_to;
		frame->rax = frame->vector;
		cpu->recover_to = 0;
		return;
	}
	panic_exception(frame);
}

void interrupt_dispatch(struct interrupt_frame *frame)
{
	struct cpu *cpu = cpu_current();
	const struct handler *handler = &handlers[frame->vector];

	if (frame->vector < VECTOR_PIC) {
		take_exception(cpu, frame);
		return;
	}
	/* SDM vol 3, 11.9: the spurious vector, and the PIC's own, get no end of interrupt. */
	if (!handler->function) {
		spurious_count++;
		return;
	}
	cpu->interrupt_depth++;
	handler->function(handler->argument);
	cpu->interrupt_depth--;
	apic_end_of_interrupt();
}

void interrupts_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

void interrupts_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}
