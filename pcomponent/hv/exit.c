/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the shim does about each kind of exit. A handler first gathers all it needs of guest memory (any of which may make
 * the vCPU wait and the whole exit happen again), then changes devices, then registers, then RIP.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pcomponent/hv/decode.h"
#include "pcomponent/hv/emulate.h"
#include "pcomponent/hv/internal.h"

#define KVM_ENOSYS 1000

typedef enum handled exit_handler(struct vcpu *vcpu, const struct backend_exit *exit);

/* Fetch and decode what stands at RIP. HANDLED: done with it, *ok says whether `instruction` is there (else the VM has failed). */
static enum handled decode_at_rip(struct vcpu *vcpu, const struct vcpu_registers *registers, struct instruction *instruction,
				  bool *ok)
{
	struct decode_mode mode = { .long_mode = registers->cs_long, .default_32 = registers->cs_default_32 };
	uint8_t bytes[INSTRUCTION_BYTES_MAX];
	uint32_t len;
	int status;

	*ok = false;
	status = gmem_fetch(vcpu, registers, bytes, &len);
	if (status == -EAGAIN)
		return HANDLED_WAIT;
	/* Another vCPU changed the tables since the processor used them: let the guest meet its own fault. */
	if (status == -ENXIO)
		return HANDLED;
	if (status) {
		vm_fail(vcpu, "instruction outside memory", NULL, 0);
		return HANDLED;
	}
	if (instruction_decode(bytes, len, mode, instruction)) {
		vm_fail(vcpu, "instruction that cannot be emulated", bytes, len);
		return HANDLED;
	}
	*ok = true;
	return HANDLED;
}

static uint64_t rip_after(const struct vcpu_registers *registers, uint8_t len)
{
	uint64_t rip = registers->rip + len;

	return registers->cs_long ? rip : rip & UINT32_MAX;
}

/* Where the guest goes on after the instruction that exited: told by the hardware, or by decoding it. */
static enum handled find_next_rip(struct vcpu *vcpu, const struct backend_exit *exit, const struct vcpu_registers *registers,
				  enum operation expected, uint64_t *next_rip, bool *ok)
{
	struct instruction instruction;
	enum handled handled;

	*next_rip = exit->next_rip;
	*ok = true;
	if (exit->next_rip)
		return HANDLED;
	handled = decode_at_rip(vcpu, registers, &instruction, ok);
	if (!*ok)
		return handled;
	if (instruction.operation != expected) {
		vm_fail(vcpu, "instruction changed under the processor", NULL, 0);
		*ok = false;
	}
	*next_rip = rip_after(registers, instruction.len_bytes);
	return HANDLED;
}

/* ------------------------------------------------------------------ memory */

/* What a write to the entropy device needs of guest memory. True: go on with the write; false: the exit happens again, now or later. */
static bool before_rng_write(struct vcpu *vcpu, uint64_t address, enum handled *handled)
{
	int status = address == RNG_MMIO_BASE + RNG_NOTIFY ? entropy_serve(vcpu) : 0;

	*handled = status == -EAGAIN ? HANDLED_WAIT : HANDLED;
	return status == 0;
}

static enum handled handle_mmio(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vm *vm = vcpu->vm;
	struct vcpu_registers registers;
	struct instruction instruction;
	enum board_event event;
	enum handled handled;
	uint64_t value = 0;
	bool ok, rng_write;

	vcpu->exits_mmio++;
	if (exit->fetch || exit->page_table_walk || backend_event_pending(vcpu->backend)) {
		vm_fail(vcpu, exit->fetch ? "executes device memory" : "tables or stack in device memory", NULL, 0);
		return HANDLED;
	}
	backend_get_registers(vcpu->backend, &registers);
	handled = decode_at_rip(vcpu, &registers, &instruction, &ok);
	if (!ok)
		return handled;
	if (!instruction.memory) {
		vm_fail(vcpu, "device memory touched by an unknown instruction", NULL, 0);
		return HANDLED;
	}
	rng_write = instruction_writes(&instruction) && board_is_rng(&vm->board, exit->guest_physical, instruction.operand_bytes);
	if (rng_write && !before_rng_write(vcpu, exit->guest_physical, &handled))
		return handled;
	vm_lock(vm, vcpu->number);
	/* Another vCPU serves the queue: its registers stand still meanwhile, and the guest comes back. */
	if (rng_write && vm->board.rng.busy) {
		vm_unlock(vm);
		return HANDLED;
	}
	if (instruction_reads(&instruction))
		value = board_mmio_read(&vm->board, vcpu->number, exit->guest_physical, instruction.operand_bytes,
					hv_now_ns(vm->hv));
	value = instruction_execute(&instruction, &registers, value);
	if (instruction_writes(&instruction))
		board_mmio_write(&vm->board, vcpu->number, exit->guest_physical, instruction.operand_bytes, value,
				 hv_now_ns(vm->hv));
	event = vm->board.event;
	vm->board.event = BOARD_NONE;
	vm_unlock(vm);
	backend_set_registers(vcpu->backend, &registers);
	backend_advance(vcpu->backend, rip_after(&registers, instruction.len_bytes));
	vm_take_board_event(vm, event);
	return HANDLED;
}

/* The miss path: no allocation, no lock of our own, nothing held when it returns. */
static enum handled handle_nested_fault(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vm *vm = vcpu->vm;
	struct hv *hv = vm->hv;
	int result = CACHE_WAIT;
	void *frame;

	if (!vm_is_ram(vm, exit->guest_physical))
		return handle_mmio(vcpu, exit);
	hv_lock(hv);
	/* a vCPU that took an interrupt while its page is under way has no second waiter */
	if (!vcpu->waiter.queued) {
		result = cache_access(hv->config.cache, vm->slot, exit->guest_physical >> PAGE_SHIFT, false, &vcpu->waiter,
				      &frame, hv_now_ns(hv));
		if (result == CACHE_WAIT && !vcpu->miss_tsc)
			vcpu->miss_tsc = vcpu->exit_tsc;
	}
	hv_unlock(hv);
	if (result == CACHE_WAIT)
		return HANDLED_WAIT;
	if (result != CACHE_READY)
		vm_fail(vcpu, "page without a region", NULL, 0);
	return HANDLED;
}

/* ------------------------------------------------------------------ ports */

static enum handled handle_port(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vm *vm = vcpu->vm;
	struct vcpu_registers registers;
	enum board_event event;
	uint32_t value;

	assert(exit->next_rip && (exit->size_bytes == 1 || exit->size_bytes == 2 || exit->size_bytes == 4));
	if (exit->string) {
		vm_fail(vcpu, "string port I/O is not supported", NULL, 0);
		return HANDLED;
	}
	backend_get_registers(vcpu->backend, &registers);
	vm_lock(vm, vcpu->number);
	if (exit->write) {
		value = (uint32_t)register_read(&registers, REGISTER_RAX, false, exit->size_bytes);
		board_port_write(&vm->board, vcpu->number, exit->port, exit->size_bytes, value, hv_now_ns(vm->hv));
	} else {
		value = board_port_read(&vm->board, vcpu->number, exit->port, exit->size_bytes, hv_now_ns(vm->hv));
		register_write(&registers, REGISTER_RAX, false, exit->size_bytes, value);
	}
	event = vm->board.event;
	vm->board.event = BOARD_NONE;
	vm_unlock(vm);
	backend_set_registers(vcpu->backend, &registers);
	backend_advance(vcpu->backend, exit->next_rip);
	vm_take_board_event(vm, event);
	return HANDLED;
}

/* ------------------------------------------------------------------ instructions */

static enum handled handle_cpuid(struct vcpu *vcpu, const struct backend_exit *exit)
{
	static const uint8_t to[4] = { REGISTER_RAX, REGISTER_RBX, REGISTER_RCX, REGISTER_RDX };
	struct vcpu_registers registers;
	uint64_t next_rip;
	uint32_t out[4];
	bool ok;

	backend_get_registers(vcpu->backend, &registers);
	enum handled handled = find_next_rip(vcpu, exit, &registers, OPERATION_CPUID, &next_rip, &ok);

	if (!ok)
		return handled;
	cpuid_guest(vcpu, (uint32_t)registers.general[REGISTER_RAX], (uint32_t)registers.general[REGISTER_RCX], out);
	for (unsigned i = 0; i < 4; i++)
		registers.general[to[i]] = out[i];
	backend_set_registers(vcpu->backend, &registers);
	backend_advance(vcpu->backend, next_rip);
	vcpu->null_exit = true;
	return HANDLED;
}

static enum handled handle_msr(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vcpu_registers registers;
	uint64_t next_rip, value = 0;
	uint32_t msr;
	int status;
	bool ok;

	backend_get_registers(vcpu->backend, &registers);
	enum handled handled = find_next_rip(vcpu, exit, &registers, exit->write ? OPERATION_WRMSR : OPERATION_RDMSR,
					     &next_rip, &ok);

	if (!ok)
		return handled;
	msr = (uint32_t)registers.general[REGISTER_RCX];
	if (exit->write) {
		value = registers.general[REGISTER_RDX] << 32 | (registers.general[REGISTER_RAX] & UINT32_MAX);
		status = msr_write(vcpu, msr, value);
	} else {
		status = msr_read(vcpu, msr, &value);
	}
	if (status == -EAGAIN)
		return HANDLED_WAIT;
	if (status) {
		backend_inject_exception(vcpu->backend, VECTOR_GP, 0);
		return HANDLED;
	}
	if (!exit->write) {
		registers.general[REGISTER_RAX] = value & UINT32_MAX;
		registers.general[REGISTER_RDX] = value >> 32;
		backend_set_registers(vcpu->backend, &registers);
	}
	backend_advance(vcpu->backend, next_rip);
	return HANDLED;
}

/* Instructions that need nothing but to be stepped over, and what is done before. */
static enum handled step_over(struct vcpu *vcpu, const struct backend_exit *exit, enum operation operation, bool *stepped)
{
	struct vcpu_registers registers;
	enum handled handled;
	uint64_t next_rip;

	backend_get_registers(vcpu->backend, &registers);
	handled = find_next_rip(vcpu, exit, &registers, operation, &next_rip, stepped);
	if (*stepped)
		backend_advance(vcpu->backend, next_rip);
	return handled;
}

static enum handled handle_halt(struct vcpu *vcpu, const struct backend_exit *exit)
{
	bool stepped;
	enum handled handled = step_over(vcpu, exit, OPERATION_HLT, &stepped);

	if (stepped)
		vcpu->halted = true;
	return handled;
}

static enum handled handle_invalidate_cache(struct vcpu *vcpu, const struct backend_exit *exit)
{
	bool stepped;

	/* caches are coherent and no device of the guest's bypasses them: nothing to do */
	return step_over(vcpu, exit, OPERATION_INVALIDATE_CACHE, &stepped);
}

static enum handled handle_hypercall(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vcpu_registers registers;
	bool stepped;
	enum handled handled = step_over(vcpu, exit, OPERATION_VMMCALL, &stepped);

	if (!stepped)
		return handled;
	backend_get_registers(vcpu->backend, &registers);
	registers.general[REGISTER_RAX] = (uint64_t)-(int64_t)KVM_ENOSYS;
	backend_set_registers(vcpu->backend, &registers);
	return HANDLED;
}

static enum handled handle_cr8(struct vcpu *vcpu, const struct backend_exit *exit)
{
	struct vm *vm = vcpu->vm;
	struct lapic *lapic = &vm->board.lapics.lapic[vcpu->number];
	struct vcpu_registers registers;
	struct instruction instruction;
	enum handled handled;
	uint64_t value;
	bool ok;

	backend_get_registers(vcpu->backend, &registers);
	handled = decode_at_rip(vcpu, &registers, &instruction, &ok);
	if (!ok)
		return handled;
	if (instruction.operation != (exit->write ? OPERATION_CR8_WRITE : OPERATION_CR8_READ)) {
		vm_fail(vcpu, "instruction changed under the processor", NULL, 0);
		return HANDLED;
	}
	value = registers.general[instruction.register_number];
	if (exit->write && value > 15) {
		backend_inject_exception(vcpu->backend, VECTOR_GP, 0);
		return HANDLED;
	}
	vm_lock(vm, vcpu->number);
	if (exit->write)
		lapic_set_cr8(lapic, (uint8_t)value);
	else
		registers.general[instruction.register_number] = lapic_cr8(lapic);
	vm_unlock(vm);
	backend_set_registers(vcpu->backend, &registers);
	backend_advance(vcpu->backend, rip_after(&registers, instruction.len_bytes));
	return HANDLED;
}

/* ------------------------------------------------------------------ the rest */

static enum handled handle_nothing(struct vcpu *vcpu, const struct backend_exit *exit)
{
	(void)vcpu;
	(void)exit;
	return HANDLED;
}

static enum handled handle_undefined(struct vcpu *vcpu, const struct backend_exit *exit)
{
	(void)exit;
	backend_inject_exception(vcpu->backend, VECTOR_UD, -1);
	return HANDLED;
}

static enum handled handle_shutdown(struct vcpu *vcpu, const struct backend_exit *exit)
{
	(void)exit;
	vm_take_board_event(vcpu->vm, BOARD_RESET);
	return HANDLED;
}

static enum handled handle_failed(struct vcpu *vcpu, const struct backend_exit *exit)
{
	uint8_t code[4] = { (uint8_t)(exit->detail >> 24), (uint8_t)(exit->detail >> 16), (uint8_t)(exit->detail >> 8),
			    (uint8_t)exit->detail };

	vm_fail(vcpu, "processor refused the guest's state, exit code in", code, sizeof(code));
	return HANDLED;
}

static exit_handler *const handlers[EXIT_REASON_COUNT] = {
	[EXIT_NESTED_FAULT] = handle_nested_fault,
	[EXIT_PORT] = handle_port,
	[EXIT_MSR] = handle_msr,
	[EXIT_CPUID] = handle_cpuid,
	[EXIT_HALT] = handle_halt,
	[EXIT_INTERRUPT] = handle_nothing,
	[EXIT_INTERRUPT_WINDOW] = handle_nothing,	/* the loop injects before it enters again */
	[EXIT_CR8_READ] = handle_cr8,
	[EXIT_CR8_WRITE] = handle_cr8,
	[EXIT_SHUTDOWN] = handle_shutdown,
	[EXIT_HYPERCALL] = handle_hypercall,
	[EXIT_INVALIDATE_CACHE] = handle_invalidate_cache,
	[EXIT_XSETBV] = handle_undefined,		/* CPUID hides it */
	[EXIT_UNDEFINED] = handle_undefined,
	[EXIT_FAILED] = handle_failed,
};

enum handled exit_handle(struct vcpu *vcpu, const struct backend_exit *exit)
{
	assert(handlers[exit->reason]);
	return handlers[exit->reason](vcpu, exit);
}
