/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the backend on AMD SVM only. */
#ifndef PLENUM_PCOMPONENT_HV_SVM_H
#define PLENUM_PCOMPONENT_HV_SVM_H

#include <plenum/page.h>

#include "pcomponent/hv/backend.h"
#include "pcomponent/hv/svm/msr_map.h"
#include "pcomponent/hv/svm/vmcb.h"

#define MSR_EFER 0xc0000080u
#define EFER_SVME (UINT64_C(1) << 12)
#define FXSAVE_BYTES 512
#define SVM_IO_MAP_BYTES (3 * PAGE_BYTES)

struct backend_vcpu {
	struct vmcb vmcb;			/* page-aligned, first */
	uint8_t fpu[FXSAVE_BYTES] __attribute__((aligned(16)));
	uint64_t general[REGISTER_COUNT];
	uint64_t debug[4];			/* DR0 to DR3 */
	uint64_t physical;			/* of the VMCB */
	bool state_is_new;			/* reset: FPU and debug registers start afresh when they are loaded next */
};

/* Which MSRs and ports exit, for all guests: filled when the first processor is enabled. */
extern uint8_t svm_msr_map[MSR_MAP_BYTES], svm_io_map[SVM_IO_MAP_BYTES];

#endif
