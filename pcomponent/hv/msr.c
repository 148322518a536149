/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model-specific registers a guest may touch, as a table. What is not in it gets #GP, as on hardware
 * that lacks it. MSRs that the hardware switches by itself never exit and are not here.
 */
#include <assert.h>
#include <errno.h>

#include "pcomponent/hv/internal.h"

#define MSR_TSC 0x10u
#define MSR_KVM_WALL_CLOCK_OLD 0x11u
#define MSR_KVM_SYSTEM_TIME_OLD 0x12u
#define MSR_APIC_BASE 0x1bu
#define MSR_MICROCODE_LEVEL 0x8bu
#define MSR_MTRR_CAPABILITY 0xfeu
#define MSR_MTRR_VARIABLE 0x200u
#define MSR_MTRR_FIXED_64K 0x250u
#define MSR_MTRR_FIXED_16K 0x258u
#define MSR_MTRR_FIXED_4K 0x268u
#define MSR_PAT 0x277u
#define MSR_MTRR_DEFAULT 0x2ffu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_KVM_WALL_CLOCK 0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u
#define MSR_EFER 0xc0000080u
#define MSR_DEBUG_CONTROL 0x1d9u
#define MSR_SYSTEM_CONFIGURATION 0xc0010010u
#define MSR_HARDWARE_CONFIGURATION 0xc0010015u
#define MSR_NORTHBRIDGE_CONFIGURATION 0xc001001fu
#define MSR_INTERRUPT_PENDING 0xc0010055u

#define MTRR_CAPABILITY (UINT64_C(1) << 10 | UINT64_C(1) << 8 | MTRR_VARIABLE_COUNT) /* write combining, fixed ranges */
#define MTRR_DEFAULT_RESET UINT64_C(0xc06)	/* enabled, fixed ranges enabled, write-back: as firmware leaves it */
#define MTRR_ALL_WRITE_BACK UINT64_C(0x0606060606060606)
#define SYSTEM_TIME_ENABLE UINT64_C(1)
#define MICROCODE_LEVEL UINT64_C(0x01000065)

typedef int msr_read_function(struct vcpu *vcpu, uint32_t msr, uint64_t *value);
typedef int msr_write_function(struct vcpu *vcpu, uint32_t msr, uint64_t value);

static uint64_t guest_tsc(const struct vcpu *vcpu)
{
	return hv_tsc(vcpu->vm->hv) + vcpu->vm->tsc_offset;
}

/* ------------------------------------------------------------------ LAPIC */

static int read_lapic(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	struct vm *vm = vcpu->vm;
	int status;

	vm_lock(vm, vcpu->number);
	status = lapic_msr_read(&vm->board.lapics, vcpu->number, msr, value, hv_now_ns(vm->hv));
	vm_unlock(vm);
	return status;
}

static int write_lapic(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct vm *vm = vcpu->vm;
	int status;

	vm_lock(vm, vcpu->number);
	status = lapic_msr_write(&vm->board.lapics, vcpu->number, msr, value, guest_tsc(vcpu), hv_now_ns(vm->hv));
	vm_unlock(vm);
	return status;
}

/* ------------------------------------------------------------------ clocks */

static int read_tsc(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)msr;
	*value = guest_tsc(vcpu);
	return 0;
}

/* The TSC cannot be set: kvmclock rests on it. Linux never tries; KVM ignores such writes of a guest it synchronizes too. */
static int write_ignored(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	(void)vcpu;
	(void)msr;
	(void)value;
	return 0;
}

/* A VM may have been made without the paravirtual clock. */
static bool has_clock(const struct vcpu *vcpu)
{
	return board_has(&vcpu->vm->board, DEVICE_KVMCLOCK);
}

static int read_system_time(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)msr;
	if (!has_clock(vcpu))
		return -EFAULT;
	*value = vcpu->clock_msr;
	return 0;
}

/*
 * The guest's TSC runs at one rate from 0 at the VM's start on all vCPUs, so one writing of the page serves for ever: nothing
 * needs to be pinned, and the page may live on a memory component like any other.
 */
static int write_system_time(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct vm *vm = vcpu->vm;
	struct pvclock_info info = { 0 };

	(void)msr;
	if (!has_clock(vcpu))
		return -EFAULT;
	if (value & SYSTEM_TIME_ENABLE) {
		uint64_t address = value & ~SYSTEM_TIME_ENABLE;
		int status;

		if (address & 3 || address >= vm->memory_bytes || vm->memory_bytes - address < sizeof(info))
			return -EFAULT;
		pvclock_fill(&info, 0, 0, vm->hv->config.tsc_khz);
		status = gmem_write(vcpu, address, &info, sizeof(info));
		if (status)
			return status;
	}
	vcpu->clock_msr = value;
	return 0;
}

static int read_wall_clock(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)msr;
	if (!has_clock(vcpu))
		return -EFAULT;
	*value = vcpu->wall_msr;
	return 0;
}

static int write_wall_clock(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	struct vm *vm = vcpu->vm;
	struct pvclock_wall wall = { 0 };
	int status;

	(void)msr;
	if (!has_clock(vcpu) || value & 3 || value >= vm->memory_bytes || vm->memory_bytes - value < sizeof(wall))
		return -EFAULT;
	/* the wall clock's time when the guest's system time was 0 */
	pvclock_wall_fill(&wall, vm->hv->config.boot_time_s, vm->start_ns);
	status = gmem_write(vcpu, value, &wall, sizeof(wall));
	if (!status)
		vcpu->wall_msr = value;
	return status;
}

/* ------------------------------------------------------------------ memory types */

static uint64_t *mtrr_register(struct vcpu *vcpu, uint32_t msr)
{
	struct mtrr_state *mtrr = &vcpu->mtrr;

	if (msr >= MSR_MTRR_VARIABLE && msr < MSR_MTRR_VARIABLE + 2 * MTRR_VARIABLE_COUNT)
		return &mtrr->variable[msr - MSR_MTRR_VARIABLE];
	if (msr == MSR_MTRR_FIXED_64K)
		return &mtrr->fixed[0];
	if (msr == MSR_MTRR_FIXED_16K || msr == MSR_MTRR_FIXED_16K + 1)
		return &mtrr->fixed[1 + msr - MSR_MTRR_FIXED_16K];
	if (msr >= MSR_MTRR_FIXED_4K && msr < MSR_MTRR_FIXED_4K + 8)
		return &mtrr->fixed[3 + msr - MSR_MTRR_FIXED_4K];
	assert(msr == MSR_MTRR_DEFAULT);
	return &mtrr->default_type;
}

static int read_mtrr(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	*value = *mtrr_register(vcpu, msr);
	return 0;
}

static int write_mtrr(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	*mtrr_register(vcpu, msr) = value;
	return 0;
}

static int read_mtrr_capability(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)vcpu;
	(void)msr;
	*value = MTRR_CAPABILITY;
	return 0;
}

/* ------------------------------------------------------------------ the processor's */

static int read_backend(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	return backend_msr_read(vcpu->backend, msr, value) ? -EFAULT : 0;
}

static int write_backend(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	return backend_msr_write(vcpu->backend, msr, value) ? -EFAULT : 0;
}

static int read_zero(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)vcpu;
	(void)msr;
	*value = 0;
	return 0;
}

static int read_microcode_level(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	(void)vcpu;
	(void)msr;
	*value = MICROCODE_LEVEL;
	return 0;
}

static const struct {
	uint32_t first, last;
	msr_read_function *read;
	msr_write_function *write;		/* NULL: #GP */
} table[] = {
	{ LAPIC_MSR_FIRST, LAPIC_MSR_LAST, read_lapic, write_lapic },
	{ MSR_TSC_DEADLINE, MSR_TSC_DEADLINE, read_lapic, write_lapic },
	{ MSR_APIC_BASE, MSR_APIC_BASE, read_lapic, write_lapic },
	{ MSR_TSC, MSR_TSC, read_tsc, write_ignored },
	{ MSR_KVM_SYSTEM_TIME, MSR_KVM_SYSTEM_TIME, read_system_time, write_system_time },
	{ MSR_KVM_SYSTEM_TIME_OLD, MSR_KVM_SYSTEM_TIME_OLD, read_system_time, write_system_time },
	{ MSR_KVM_WALL_CLOCK, MSR_KVM_WALL_CLOCK, read_wall_clock, write_wall_clock },
	{ MSR_KVM_WALL_CLOCK_OLD, MSR_KVM_WALL_CLOCK_OLD, read_wall_clock, write_wall_clock },
	{ MSR_EFER, MSR_EFER, read_backend, write_backend },
	{ MSR_PAT, MSR_PAT, read_backend, write_backend },
	{ MSR_MTRR_CAPABILITY, MSR_MTRR_CAPABILITY, read_mtrr_capability, NULL },
	{ MSR_MTRR_VARIABLE, MSR_MTRR_VARIABLE + 2 * MTRR_VARIABLE_COUNT - 1, read_mtrr, write_mtrr },
	{ MSR_MTRR_FIXED_64K, MSR_MTRR_FIXED_64K, read_mtrr, write_mtrr },
	{ MSR_MTRR_FIXED_16K, MSR_MTRR_FIXED_16K + 1, read_mtrr, write_mtrr },
	{ MSR_MTRR_FIXED_4K, MSR_MTRR_FIXED_4K + 7, read_mtrr, write_mtrr },
	{ MSR_MTRR_DEFAULT, MSR_MTRR_DEFAULT, read_mtrr, write_mtrr },
	{ MSR_MICROCODE_LEVEL, MSR_MICROCODE_LEVEL, read_microcode_level, write_ignored },
	/* on every AMD processor; Linux reads them without asking first */
	{ MSR_DEBUG_CONTROL, MSR_DEBUG_CONTROL, read_zero, write_ignored },
	{ MSR_SYSTEM_CONFIGURATION, MSR_SYSTEM_CONFIGURATION, read_zero, write_ignored },
	{ MSR_HARDWARE_CONFIGURATION, MSR_HARDWARE_CONFIGURATION, read_zero, write_ignored },
	{ MSR_NORTHBRIDGE_CONFIGURATION, MSR_NORTHBRIDGE_CONFIGURATION, read_zero, write_ignored },
	{ MSR_INTERRUPT_PENDING, MSR_INTERRUPT_PENDING, read_zero, write_ignored },
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

int msr_read(struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (msr >= table[i].first && msr <= table[i].last)
			return table[i].read(vcpu, msr, value);
	return -EFAULT;
}

int msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (msr >= table[i].first && msr <= table[i].last)
			return table[i].write ? table[i].write(vcpu, msr, value) : -EFAULT;
	return -EFAULT;
}

void msr_reset(struct vcpu *vcpu)
{
	struct mtrr_state *mtrr = &vcpu->mtrr;

	*mtrr = (struct mtrr_state){ .default_type = MTRR_DEFAULT_RESET };
	for (size_t i = 0; i < sizeof(mtrr->fixed) / sizeof(mtrr->fixed[0]); i++)
		mtrr->fixed[i] = MTRR_ALL_WRITE_BACK;
	vcpu->clock_msr = 0;
	vcpu->wall_msr = 0;
}
