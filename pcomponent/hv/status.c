/* SPDX-License-Identifier: GPL-2.0-only */
/* What others see of a VM, and the line the operator gets when it cannot go on. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "lib/histogram.h"
#include "pcomponent/hv/internal.h"

/* A line under construction; what does not fit is cut. */
struct line {
	char text[WIRE_REASON_BYTES];
	uint32_t len;
};

static void put(struct line *line, char c)
{
	if (line->len + 1 < sizeof(line->text))
		line->text[line->len++] = c;
	line->text[line->len] = 0;
}

static void put_text(struct line *line, const char *text)
{
	while (*text)
		put(line, *text++);
}

static void put_hex(struct line *line, uint64_t value, unsigned digits)
{
	while (digits-- > 0)
		put(line, "0123456789abcdef"[value >> (4 * digits) & 15]);
}

void vm_fail(struct vcpu *vcpu, const char *what, const uint8_t *bytes, uint32_t len)
{
	struct vcpu_registers registers;
	struct line line = { .len = 0 };

	backend_get_registers(vcpu->backend, &registers);
	put_text(&line, what);
	put_text(&line, " rip=0x");
	put_hex(&line, registers.rip, 16);
	if (len)
		put_text(&line, " bytes=");
	for (uint32_t i = 0; i < len; i++)
		put_hex(&line, bytes[i], 2);
	vm_end_run(vcpu->vm, WIRE_VM_FAILED, -EOPNOTSUPP, line.text);
}

static void add_vcpu(const struct vcpu *vcpu, struct wire_vm_status *status)
{
	static const enum exit_reason named[] = { EXIT_NESTED_FAULT, EXIT_PORT, EXIT_MSR, EXIT_CPUID, EXIT_HALT, EXIT_INTERRUPT };
	const uint64_t *exits = vcpu->exits;
	uint64_t all = 0, in_named = 0;

	for (unsigned i = 0; i < EXIT_REASON_COUNT; i++)
		all += exits[i];
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		in_named += exits[named[i]];
	status->exits += all;
	status->exit_nested_fault += exits[EXIT_NESTED_FAULT] - vcpu->exits_mmio;
	status->exit_mmio += vcpu->exits_mmio;
	status->exit_io += exits[EXIT_PORT];
	status->exit_msr += exits[EXIT_MSR];
	status->exit_cpuid += exits[EXIT_CPUID];
	status->exit_halt += exits[EXIT_HALT];
	status->exit_interrupt += exits[EXIT_INTERRUPT];
	status->exit_other += all - in_named;
	status->interrupts_injected += vcpu->interrupts_injected;
	status->run_ns += hv_tsc_to_ns(vcpu->vm->hv, vcpu->run_tsc);
	histogram_merge(&status->miss, &vcpu->miss);
	histogram_merge(&status->exit, &vcpu->exit);
}

void hv_vm_status(struct hv *hv, uint32_t slot, struct wire_vm_status *status)
{
	struct vm *vm = vm_slot(hv, slot);

	vm_lock(vm, HV_NO_CPU);
	status->vm = vm->id;
	status->state = vm_state(vm);
	status->status = vm->status;
	memcpy(status->reason, vm->reason, sizeof(status->reason));
	status->resets = vm->resets;
	vm_unlock(vm);
	for (uint32_t i = 0; i < vm->vcpus; i++)
		add_vcpu(&vm->vcpu[i], status);
}

uint32_t hv_vm_vcpus(const struct hv *hv, uint32_t slot)
{
	assert(slot < VMS_PER_NODE_MAX);
	return hv->vm[slot].vcpus;
}

uint32_t hv_vm_devices(const struct hv *hv, uint32_t slot)
{
	assert(slot < VMS_PER_NODE_MAX);
	return hv->vm[slot].board.devices;
}

uint64_t hv_vm_memory_bytes(const struct hv *hv, uint32_t slot)
{
	assert(slot < VMS_PER_NODE_MAX);
	return hv->vm[slot].memory_bytes;
}

enum wire_vm_state hv_vm_state(const struct hv *hv, uint32_t slot)
{
	assert(slot < VMS_PER_NODE_MAX);
	return vm_state(&hv->vm[slot]);
}

int hv_vm_state_status(struct hv *hv, uint32_t slot)
{
	struct vm *vm = vm_slot(hv, slot);
	int status;

	vm_lock(vm, HV_NO_CPU);
	status = vm->status;
	vm_unlock(vm);
	return status;
}
