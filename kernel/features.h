/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_FEATURES_H
#define PLENUM_KERNEL_FEATURES_H

/*
 * Control register bits that every processor needs beyond those of its entry code: the kernel has no floating point of
 * its own, but it saves and restores that of guests, so FXSAVE must take the SSE registers and XSAVE must work.
 */
void features_enable(void);

#endif
