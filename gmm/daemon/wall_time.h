/* SPDX-License-Identifier: GPL-2.0-only */
/* Times of the core as the operator is told them. */
#ifndef PLENUM_GMM_WALL_TIME_H
#define PLENUM_GMM_WALL_TIME_H

#include "gmm/core/core.h"

#define WALL_TIME_BYTES 32u

/*
 * A time on the core's clock as RFC 3339, in UTC, with milliseconds. By the offset that the core was started with, as its rows are
 * kept: asked twice, or of the next manager, it is the same text.
 */
void wall_time_text(const struct gmm_core *core, uint64_t time_ns, char text[WALL_TIME_BYTES]);

#endif
