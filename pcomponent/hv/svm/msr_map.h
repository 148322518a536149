/* SPDX-License-Identifier: GPL-2.0-only */
/* The MSR permission map (AMD APM vol. 2 section 15.11): which MSRs a guest reaches without an exit. */
#ifndef PLENUM_PCOMPONENT_HV_SVM_MSR_MAP_H
#define PLENUM_PCOMPONENT_HV_SVM_MSR_MAP_H

#include <stdint.h>

#define MSR_MAP_BYTES 8192u

/* Everything exits but the MSRs that VMLOAD and VMSAVE switch. */
void msr_map_fill(uint8_t map[MSR_MAP_BYTES]);

#endif
