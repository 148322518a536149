/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef PLENUM_KERNEL_FEATURES_H
#define PLENUM_KERNEL_FEATURES_H

/*
 * Control register bits that every processor needs beyond those of its entry code: libraries use
 * vector registers (vector.h) and guests' are saved, so that SSE must work and FXSAVE take its registers, and XSAVE work.
 */
void features_enable(void);

#endif
