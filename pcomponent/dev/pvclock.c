// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's paravirtual clock (Documentation/virt/kvm/x86/msr.rst): the guest computes
 * system_time + (((tsc - tsc_timestamp) shifted by tsc_shift) * tsc_to_system_mul >> 32).
 */
#include <assert.h>

#include "pcomponent/dev/dev.h"

#define TSC_STABLE 0x01u
#define NS_PER_S UINT64_C(1000000000)

void pvclock_fill(struct pvclock_info *info, uint64_t guest_tsc, uint64_t system_time_ns, uint64_t tsc_khz)
{
	uint64_t hz = tsc_khz * 1000;
	int8_t shift = 0;

	assert(tsc_khz != 0 && tsc_khz <= UINT32_MAX);
	/* Bring the rate into (1 GHz, 2 GHz]: the multiplier then uses all of its 32 bits and does not overflow them. */
	while (hz > 2 * NS_PER_S) {
		hz >>= 1;
		shift--;
	}
	while (hz <= NS_PER_S) {
		hz <<= 1;
		shift++;
	}
	/* Even: the copy is complete. A guest that reads while it changes must see the number change. */
	info->version = (info->version | 1) + 1;
	info->pad0 = 0;
	info->tsc_timestamp = guest_tsc;
	info->system_time = system_time_ns;
	info->tsc_to_system_mul = (uint32_t)((NS_PER_S << 32) / hz);
	info->tsc_shift = shift;
	info->flags = TSC_STABLE;
	info->pad[0] = info->pad[1] = 0;
}

void pvclock_wall_fill(struct pvclock_wall *wall, uint64_t boot_time_s, uint64_t start_ns)
{
	wall->version = (wall->version | 1) + 1;
	wall->sec = (uint32_t)(boot_time_s + start_ns / NS_PER_S);
	wall->nsec = (uint32_t)(start_ns % NS_PER_S);
}
