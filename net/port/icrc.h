/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernels' way to compute ICRCs. */
#ifndef PLENUM_NET_PORT_ICRC_H
#define PLENUM_NET_PORT_ICRC_H

#include "lib/crc.h"

/* The faster of tables and carry-less multiplication, measured: an emulated processor's may be slow. In thread context. */
const struct crc_implementation *icrc_choose(void);

#endif
